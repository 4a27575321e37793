"""The door to an exported environment.

    from environment import Environment

    env = Environment(task="task-…")          # or Environment() for every tool and table
    env.call("borrow_book", {"book_id": "…"}) # the observation, a JSON text, errors included
    env.state()                               # the rows of every table that the task sees
    env.fingerprint()                         # what the dataset records of the state

`python environment.py [TASK]` lists the tools and runs the known calls of a task. Python 3.9 or
later; nothing but the standard library.
"""

import sys
from pathlib import Path

import tools
from runtime import spell
from session import Domain, Session


class Environment(Session):
    """The environment of this folder, as a task sees it; as a whole without one."""

    def __init__(self, task=None):
        domain = Environment._domain = getattr(Environment, "_domain", None) or Domain(
            Path(__file__).parent, tools
        )
        if task is not None and task not in domain.tasks:
            raise KeyError("no task of this domain: " + str(task))
        self.task = None if task is None else domain.tasks[task]
        if task is None:
            super().__init__(domain)
        else:
            super().__init__(domain, self.task["offered"], self.task.get("faults", ()))


# Demonstration


def main(arguments):
    """Lists the tools, then runs the known calls of a task: the one named, or the first."""
    env = Environment()
    names = list(env.domain.tasks)
    task = arguments[0] if arguments else names[0] if names else None
    env = Environment(task)
    for tool in env.tools():
        effect = env.domain.tools[tool["function"]["name"]]["effect"]
        print(effect.ljust(5), tool["function"]["name"])
    if task is None:
        return 0
    print("\ntask", task, "-", spell(env.task["scenario"]["instruction"]))
    agrees = True
    for call in env.task["golden"]:
        observation = env.call(call["name"], call["arguments"])
        print("call", call["name"], spell(call["arguments"]))
        print("  ->", observation)
        agrees = agrees and observation == call["observation"]
    agrees = agrees and env.fingerprint() == env.task["golden_state"]
    print("state", env.fingerprint(), "as recorded" if agrees else "NOT as recorded")
    return 0 if agrees else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
