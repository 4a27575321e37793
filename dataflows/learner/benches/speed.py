"""The other side of speed.rs: forward and backward of one batch in PyTorch, eager.

    python speed.py ASKED.json

Needs torch and transformers. Prints one JSON object.
"""

import json
import os
import sys
import time

import torch
from transformers import AutoModelForCausalLM


def main():
    asked = json.load(open(sys.argv[1], encoding="utf-8"))
    torch.set_num_threads(os.cpu_count())
    model = AutoModelForCausalLM.from_pretrained(asked["model"], dtype=torch.float32)
    model.train()
    tokens = torch.tensor(asked["tokens"])

    def once():
        model.zero_grad(set_to_none=True)
        logits = model(input_ids=tokens, use_cache=False).logits[:, :-1]
        loss = torch.nn.functional.cross_entropy(
            logits.reshape(-1, logits.shape[-1]), tokens[:, 1:].reshape(-1))
        loss.backward()
        return loss.item()

    loss = once()
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(asked["repetitions"]):
        once()
    print(json.dumps({
        "loss": loss, "wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu,
        "tokens": tokens.numel() * asked["repetitions"], "threads": torch.get_num_threads()}))


main()
