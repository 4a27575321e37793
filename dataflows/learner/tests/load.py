"""Loads a checkpoint that we wrote into transformers, and prints its logits.

    python load.py CHECKPOINT TOKENS

Needs torch and transformers. TOKENS is a JSON list. Prints one JSON list of the logits of the last
token, and fails if a weight was missing or left over.
"""

import json
import sys

import torch
from transformers import AutoModelForCausalLM


def main():
    model, report = AutoModelForCausalLM.from_pretrained(sys.argv[1], output_loading_info=True)
    faults = {key: sorted(value) for key, value in report.items() if value}
    assert not faults, faults
    with torch.no_grad():
        logits = model.float()(input_ids=torch.tensor([json.loads(sys.argv[2])])).logits
    print(json.dumps(logits[0, -1].tolist()))


main()
