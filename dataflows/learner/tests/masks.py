"""Compares tokens and masks with TRL's, row by row.

    python masks.py CHECKPOINT ROWS.jsonl

Needs trl and transformers. TRL's training template of Qwen3 marks what is learned; of the marked
turns, the row says which are. Prompts are rendered with TRL's copy of Qwen3's own template.
"""

import json
import sys

from transformers import AutoTokenizer
from trl.chat_template_utils import get_training_chat_template, qwen3_chat_template


def main():
    tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
    tokenizer.chat_template = qwen3_chat_template
    training = get_training_chat_template(tokenizer)
    rows = tokens = learned = 0
    for line in open(sys.argv[2], encoding="utf-8"):
        row = json.loads(line)
        tools = row["tools"] or None
        theirs = tokenizer.apply_chat_template(
            row["messages"], tools=tools, chat_template=training, tokenize=True, return_dict=True,
            return_assistant_tokens_mask=True)
        assert list(theirs["input_ids"]) == row["ids"], f"row {rows}: tokens differ"
        marks = list(theirs["assistant_masks"])
        assert marks == row["marked"], f"row {rows}: masks differ"
        turns = iter([learn for message, learn in zip(row["messages"], row["supervised"])
                      if message["role"] == "assistant"])
        mask, before, learn = [], 0, False
        for mark in marks:
            if mark and not before:
                learn = next(turns)
            mask.append(int(mark and learn))
            before = mark
        assert mask == row["mask"], f"row {rows}: supervised turns differ"
        prompt = tokenizer.apply_chat_template(
            row["messages"], tools=tools, add_generation_prompt=True, tokenize=True, return_dict=True)
        assert list(prompt["input_ids"]) == row["prompt"], f"row {rows}: prompts differ"
        rows += 1
        tokens += len(mask)
        learned += sum(mask)
    print(json.dumps({"rows": rows, "tokens": tokens, "learned": learned}))


main()
