"""Writes what `transformers` computes with tiny random checkpoints, for tests/reference.rs.

    python dataflows/learner/tests/reference.py dataflows/learner/tests/fixtures

Needs torch, transformers and safetensors. Every fixture is a folder: a checkpoint (config.json,
model.safetensors) and beside it reference.json (tokens, masks, losses, greedy continuation) and
reference.safetensors (logits, gradients, weights after twenty steps); with experts also
balance.safetensors (how unevenly they are used, and the gradients of that alone). Documents are
computed one by one, so that packing them must change nothing.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import Qwen3Config, Qwen3ForCausalLM, Qwen3MoeConfig, Qwen3MoeForCausalLM
from transformers import get_cosine_schedule_with_warmup
from transformers.models.qwen3_moe.modeling_qwen3_moe import load_balancing_loss_func

SHARED = dict(
    vocab_size=96, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
    head_dim=16, max_position_embeddings=256, rms_norm_eps=1e-6, initializer_range=0.2,
    bos_token_id=None, eos_token_id=95, pad_token_id=None,
)
STEPS, WARM_UP, RATE, DECAY, CLIP, BETAS, EPSILON = 20, 4, 3e-3, 0.1, 1.0, (0.9, 0.95), 1e-8


def models():
    torch.manual_seed(7)
    yield "dense", Qwen3ForCausalLM(
        Qwen3Config(**SHARED, intermediate_size=48, rope_theta=1e6, tie_word_embeddings=True))
    yield "mixed", Qwen3MoeForCausalLM(
        Qwen3MoeConfig(
            **{**SHARED, "num_hidden_layers": 3}, intermediate_size=40, moe_intermediate_size=20,
            num_experts=6, num_experts_per_tok=2, norm_topk_prob=True, decoder_sparse_step=1,
            mlp_only_layers=[1], rope_theta=1e4, tie_word_embeddings=False))


def split(named):
    """Tensors under the names that checkpoints are published with: one per expert."""
    out = {}
    for name, tensor in named:
        within, _, last = name.rpartition(".")
        if last == "gate_up_proj":
            half = tensor.shape[1] // 2
            for expert, rows in enumerate(tensor):
                out[f"{within}.{expert}.gate_proj.weight"] = rows[:half].clone()
                out[f"{within}.{expert}.up_proj.weight"] = rows[half:].clone()
        elif last == "down_proj":
            for expert, rows in enumerate(tensor):
                out[f"{within}.{expert}.down_proj.weight"] = rows.clone()
        else:
            out[name] = tensor.clone()
    return {name: tensor.contiguous() for name, tensor in out.items()}


def documents(step):
    generator = torch.Generator().manual_seed(100 + step)
    made = []
    for length in (9, 17, 1, 6):
        tokens = torch.randint(0, 95, (length,), generator=generator).tolist()
        mask = (torch.rand(length, generator=generator) < 0.6).tolist()
        made.append({"tokens": tokens, "supervised": mask})
    return made


def loss_of(model, documents):
    """The sum of negative log-likelihoods of supervised tokens over their count."""
    total, count = 0.0, 0
    for document in documents:
        tokens = torch.tensor([document["tokens"]])
        logits = model(input_ids=tokens).logits[0]
        chances = torch.log_softmax(logits[:-1].float(), dim=-1)
        chosen = chances.gather(1, tokens[0, 1:, None])[:, 0]
        mask = torch.tensor(document["supervised"][1:], dtype=torch.bool)
        total = total - chosen[mask].sum()
        count += int(mask.sum())
    return total / count


def write(folder, model):
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    model.train()
    first = documents(0)
    tensors = {}
    with torch.no_grad():
        for place, document in enumerate(first):
            tensors[f"logits.{place}"] = model(input_ids=torch.tensor([document["tokens"]])).logits[0]
        prompt = first[1]["tokens"]
        tokens = list(prompt)
        for _ in range(64):
            tokens.append(int(model(input_ids=torch.tensor([tokens])).logits[0, -1].argmax()))
    loss = loss_of(model, first)
    loss.backward()
    gradients = split((name, p.grad) for name, p in model.named_parameters())
    tensors.update({f"gradient.{name}": tensor for name, tensor in gradients.items()})
    reference = {
        "documents": [documents(step) for step in range(STEPS)],
        "loss": loss.item(), "prompt": prompt, "greedy": tokens[len(prompt):],
        "steps": STEPS, "warm_up": WARM_UP, "rate": RATE, "decay": DECAY, "clip": CLIP,
        "betas": BETAS, "epsilon": EPSILON, "losses": [], "rates": [], "norms": [],
    }
    matrices = [p for p in model.parameters() if 2 <= p.dim()]
    vectors = [p for p in model.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": DECAY}, {"params": vectors, "weight_decay": 0.0}],
        lr=RATE, betas=BETAS, eps=EPSILON)
    schedule = get_cosine_schedule_with_warmup(optimizer, WARM_UP, STEPS)
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of(model, documents(step))
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        reference["losses"].append(loss.item())
        reference["norms"].append(norm.item())
        reference["rates"].append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    trained = split((name, p.detach()) for name, p in model.named_parameters())
    tensors.update({f"trained.{name}": tensor for name, tensor in trained.items()})
    save_file(tensors, folder / "reference.safetensors")
    (folder / "reference.json").write_text(json.dumps(reference) + "\n")


def write_balance(folder, model):
    """What is added to the loss where `output_router_logits` is on, before its coefficient."""
    model.zero_grad()
    ids = (torch.tensor([document["tokens"]]) for document in documents(0))
    said = [model(input_ids=one, output_router_logits=True).router_logits for one in ids]
    layers = tuple(torch.cat(parts) for parts in zip(*said))
    balance = load_balancing_loss_func(layers, model.num_experts, model.num_experts_per_tok)
    balance.backward()
    # A number that balance does not depend on has no gradient in torch.
    named = ((name, torch.zeros_like(p) if p.grad is None else p.grad)
             for name, p in model.named_parameters())
    tensors = {f"gradient.{name}": tensor for name, tensor in split(named).items()}
    save_file({"balance": balance.detach().reshape(1), **tensors}, folder / "balance.safetensors")


def main():
    torch.set_num_threads(1)
    for name, model in models():
        folder = Path(sys.argv[1]) / name
        if name == "mixed":
            folder.mkdir(parents=True, exist_ok=True)
            write_balance(folder, model.float())
        write(folder, model.float())


main()
