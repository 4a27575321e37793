"""Runs sequences of calls on the environment of a folder, and tells what came of each.

Reads a file of JSON lines `{"task": id or null, "calls": [[name, text of arguments], …]}` and prints,
for each, the observations, the fingerprint after every call, the digest of the state, and whether a
fork in the middle left the environment it was taken from alone.
"""

import hashlib
import json
import sys

sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True

from environment import Environment
from runtime import read_json, spell


def arguments(text, plainly):
    """What an agent's text says; the text itself if it cannot be read.

    Every other time as `json.loads` reads it, which keeps big integers, and takes -0 for 0.
    """
    try:
        value = read_json(text)
        return json.loads(text) if plainly and "-0" not in text else value
    except ValueError:
        return text


def run(sequence):
    env = Environment(sequence["task"])
    first = env.fingerprint()
    observations, states = [], []
    middle, kept = None, first
    for place, (name, text) in enumerate(sequence["calls"]):
        if place == len(sequence["calls"]) // 2:
            middle, kept = env, env.fingerprint()
            env = env.fork()
        observations.append(env.call(name, arguments(text, place % 2)))
        states.append(env.fingerprint())
    state = hashlib.sha256(spell(env.state()).encode()).hexdigest()
    alone = middle is None or middle.fingerprint() == kept
    return {"first": first, "observations": observations, "states": states, "state": state, "alone": alone}


with open(sys.argv[2], encoding="utf-8") as file:
    sequences = [json.loads(line) for line in file]
sys.stdout.reconfigure(encoding="utf-8")
for sequence in sequences:
    print(json.dumps(run(sequence), ensure_ascii=False))
