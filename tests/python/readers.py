"""Reads what a world holds with the libraries that people read it with, and compares every value.

    python3 tests/python/readers.py --agentscaler target/release/agentscaler

builds the example corpus twice, its JSON columns typed as JSON and as text, lets every library read every
row in a virtual environment of its own, and compares the rows with `agentscaler export json-lines`, which is
read here with Python's own json. Prints a table, or JSON with --json. Exits with 1 if a value differs or a
row is missing, with 2 if nothing could be compared. A library that cannot be installed is SKIPPED, and said
so; --strict makes that a failure. Environments are kept between runs in --venvs.
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

# What holds JSON in each table; elsewhere a text is a text.
TRAJECTORIES = {"tools": "list"}
JSON_COLUMNS = {
    "general": TRAJECTORIES,
    "vertical": TRAJECTORIES,
    "rejected": TRAJECTORIES,
    "tasks": {"user": "one", "golden_calls": "list", "faults": "list"},
    "tools": {"parameters": "one", "output": "one", "provenance": "list"},
    "domains": {"tables": "list"},
}
# Rows whose masks are compared with TRL's, and with verl's.
MASKED_ROWS = 1500


def main():
    if sys.argv[1:2] == ["--inside"]:
        return inside(sys.argv[2], pathlib.Path(sys.argv[3]))
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n")[0], epilog="Example: readers.py --agentscaler target/release/agentscaler")
    parser.add_argument("--agentscaler", default="agentscaler", help="the program")
    parser.add_argument("--corpus", default=pathlib.Path(__file__).parent.parent / "corpus", type=pathlib.Path)
    parser.add_argument("--venvs", default=pathlib.Path(tempfile.gettempdir()) / "agentscaler-readers",
                        type=pathlib.Path, help="where environments are kept")
    parser.add_argument("--only", action="append", help="only readers of this name; may be repeated")
    parser.add_argument("--strict", action="store_true", help="what cannot be installed is a failure")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        stage = pathlib.Path(scratch)
        build(args, stage)
        os.environ["AGENTSCALER"] = program(args)
        results = [read(args, reader, stage) for reader in READERS if not args.only or reader["name"] in args.only]
    tell(results, args.json)
    bad = [it for it in results if it["outcome"] == "differs" or args.strict and it["outcome"] == "skipped"]
    read_something = any(it["outcome"] == "same" for it in results)
    return 1 if bad else 0 if read_something else 2


def program(args):
    """The program, wherever a reader is run."""
    return str(pathlib.Path(args.agentscaler).resolve()) if os.sep in args.agentscaler else args.agentscaler


def build(args, stage):
    """Two worlds that differ in how JSON is typed, and their exports."""
    agentscaler = program(args)
    for encoding in ["json", "string"]:
        world = stage / encoding
        run([agentscaler, "build", args.corpus, "--world", world, "--json-encoding", encoding, "--quiet",
             "--vertical", "books", "--set", "task.per_operation=3", "--set", "rollout.trials=4"])
        run([agentscaler, "export", "json-lines", "--world", world, "--output", stage / f"lines-{encoding}", "--quiet"])
    for path in sorted((stage / "lines-json").rglob("*.jsonl")):
        twin = stage / "lines-string" / path.relative_to(stage / "lines-json")
        assert path.read_bytes() == twin.read_bytes(), f"{twin} says something else"
    for export in ["turns", "sharegpt", "verl"]:
        run([agentscaler, "export", export, "--world", stage / "json", "--output", stage / export, "--quiet"])


def run(command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"readers: {' '.join(map(str, command))}: {done.stderr.strip()}")
    return done.stdout


def read(args, reader, stage):
    """Lets a library read, in its own environment and process."""
    result = {"name": reader["name"], "reads": reader["reads"]}
    python, reason = environment(args.venvs / reader["venv"], reader["requirements"])
    if python is None:
        print(f"SKIPPED {reader['name']}: {reason}", file=sys.stderr)
        return result | {"outcome": "skipped", "detail": reason}
    variables = os.environ | {
        "HF_HUB_OFFLINE": "1", "HF_HOME": str(stage / "home"), "TOKENIZERS_PARALLELISM": "false",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "DISABLE_VERSION_CHECK": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([str(python), __file__, "--inside", reader["check"], str(stage)],
                          capture_output=True, text=True, env=variables)
    if done.returncode:
        said = done.stderr.strip().splitlines()
        return result | {"outcome": "differs", "detail": said[-1] if said else "no word", "trace": "\n".join(said[-30:])}
    return result | {"outcome": "same"} | json.loads(done.stdout.splitlines()[-1])


def environment(folder, requirements):
    """A Python with what is required, made once."""
    python, ready = folder / "bin" / "python", folder / "ready"
    wanted = "\n".join(map(str, requirements))
    if ready.is_file() and ready.read_text() == wanted:
        return python, None
    steps = [[sys.executable, "-m", "venv", "--clear", str(folder)]]
    for requirement in requirements:
        words = requirement if isinstance(requirement, list) else [requirement]
        steps.append([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *words])
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True)
        if done.returncode:
            said = done.stderr.strip().splitlines()
            return None, f"cannot be installed: {said[-1] if said else step}"
    ready.write_text(wanted)
    return python, None


def tell(results, as_json):
    if as_json:
        print(json.dumps({"schema_version": 1, "readers": results}))
        return
    rows = [["reader", "reads", "rows", "outcome", "versions"]]
    for it in results:
        versions = ", ".join(f"{name} {version}" for name, version in it.get("versions", {}).items())
        rows.append([it["name"], it["reads"], str(it.get("rows", "")), it["outcome"], versions])
    widths = [max(len(row[at]) for row in rows) for at in range(5)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    for it in results:
        if it.get("detail"):
            print(f"{it['name']}: {it['detail']}")
        if it.get("trace"):
            print(it["trace"], file=sys.stderr)


def inside(check, stage):
    """Runs in a library's own environment; the last line of standard output is the result."""
    told = CHECKS[check](stage)
    names = told.pop("packages")
    told["versions"] = {name: importlib.metadata.version(name) for name in names}
    print(json.dumps(told))


# Tables: every row of every split of every configuration.


def truth(stage):
    """The rows as the program says them."""
    for path in sorted((stage / "lines-json").rglob("*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            yield path.parent.name, path.stem, [json.loads(line) for line in lines]


def compare_tables(stage, rows_of, are_texts, decoded=None):
    """Compares each table with the truth; `are_texts` says whether JSON arrives as texts. `decoded` says what a
    library makes of a text of JSON where that is not what it says. Returns how many rows there are, and in how
    many a number is not what was written."""
    count = tables = changed = 0
    for config, split, expected in truth(stage):
        found = rows_of(config, split)
        assert len(found) == len(expected), f"{config}/{split}: {len(found)} rows, not {len(expected)}"
        for place, (row, right) in enumerate(zip(found, expected)):
            row = as_values(config, row, are_texts)
            is_changed = False
            for column in right.keys() | row.keys():
                one, other = json.dumps(row.get(column, "no column")), json.dumps(right.get(column, "no column"))
                if one != other and decoded and column in right:
                    is_changed, other = True, json.dumps(decoded(other))
                at = next((at for at, (a, b) in enumerate(zip(one, other)) if a != b), 0)
                where = slice(max(0, at - 60), at + 60)
                assert one == other, f"{config}/{split} row {place}, {column}: {one[where]} is not {other[where]}"
            changed += is_changed
        count += len(expected)
        tables += 1
    assert tables >= 6 and count > 1000, f"{tables} tables of {count} rows are too few to tell"
    return count, changed


def as_values(config, row, are_texts):
    """A row with JSON as values, and messages without the keys that the reader filled in."""
    row = dict(row)

    def value(it):
        if are_texts:
            assert isinstance(it, str), f"{type(it).__name__} where a text of JSON should be"
            return json.loads(it)
        return it

    for column, shape in JSON_COLUMNS[config].items():
        row[column] = [value(it) for it in row[column]] if shape == "list" else value(row[column])
    if "messages" in row:
        row["messages"] = [
            {key: [value(call) for call in it] if key == "tool_calls" else it
             for key, it in message.items() if it is not None} for message in row["messages"]]
    return row


def with_datasets(encoding):
    def check(stage):
        from datasets import get_dataset_config_names, load_dataset

        folder = str(stage / encoding / "dataset")
        configs = get_dataset_config_names(folder)
        assert sorted(configs) == sorted(JSON_COLUMNS), configs
        cache = tempfile.mkdtemp(dir=stage)

        def rows_of(config, split):
            return list(load_dataset(folder, config, split=split, cache_dir=cache))

        # It decodes JSON columns with pandas' ujson, which does not round every fraction as Python's json does.
        if encoding == "json":
            from datasets.utils.json import ujson_loads as decoded
        else:
            decoded = None
        rows, changed = compare_tables(stage, rows_of, encoding == "string", decoded)
        told = {"rows": rows, "packages": ["datasets", "pyarrow"]}
        if changed:
            told["detail"] = f"its decoder changes the last digit of a fraction in {changed} rows; all else is equal"
            assert changed < 5, told["detail"]
        return told
    return check


def refused_by_old_datasets(stage):
    """JSON columns are refused aloud where they are not known, and not read as something else."""
    from datasets import load_dataset

    try:
        load_dataset(str(stage / "json" / "dataset"), "general", cache_dir=tempfile.mkdtemp(dir=stage))
    except ValueError as error:
        assert "arrow.json" in str(error), error
        return {"rows": 0, "detail": f"refuses JSON columns, as it should: {error}", "packages": ["datasets"]}
    raise AssertionError("JSON columns were read by a version that does not know them")


def with_pyarrow(stage):
    import pyarrow.parquet as parquet

    for encoding in ["json", "string"]:
        def rows_of(config, split):
            files = sorted((stage / encoding / "dataset" / config).glob(f"{split}-*.parquet"))
            return [row for file in files for row in parquet.read_table(file).to_pylist()]
        rows, _ = compare_tables(stage, rows_of, are_texts=True)
    groups = 0
    for file in sorted((stage / "json" / "dataset").rglob("*.parquet")):
        metadata = parquet.read_metadata(file)
        for group in range(metadata.num_row_groups):
            groups += 1
            assert metadata.row_group(group).total_byte_size <= 100 << 20
            for column in range(metadata.num_columns):
                chunk = metadata.row_group(group).column(column)
                assert chunk.compression == "ZSTD" and chunk.has_offset_index and chunk.has_column_index, file
    return {"rows": rows, "row_groups": groups, "packages": ["pyarrow"]}


def with_polars(stage):
    import polars

    for encoding in ["json", "string"]:
        def rows_of(config, split):
            return polars.read_parquet(stage / encoding / "dataset" / config / f"{split}-*.parquet").to_dicts()
        rows, _ = compare_tables(stage, rows_of, are_texts=True)
    return {"rows": rows, "packages": ["polars"]}


def with_duckdb(stage):
    import duckdb

    for encoding in ["json", "string"]:
        def rows_of(config, split):
            files = str(stage / encoding / "dataset" / config / f"{split}-*.parquet").replace("'", "''")
            found = duckdb.sql(f"SELECT * FROM read_parquet('{files}')")
            return [dict(zip(found.columns, row)) for row in found.fetchall()]
        rows, _ = compare_tables(stage, rows_of, are_texts=True)
    return {"rows": rows, "packages": ["duckdb"]}


# Trainers: what they make of the rows.

CONTROLS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>", "<tool_response>",
            "</tool_response>", "<think>", "</think>"]


def tokenizer(stage, texts):
    """A byte-level tokenizer with Qwen3's control tokens, trained on texts."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=2000, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    made.train_from_iterator(texts, trainer)
    made.add_tokens([AddedToken(it, special=it.startswith("<|"), normalized=False) for it in CONTROLS])
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<|im_end|>", pad_token="<|endoftext|>")


def prepared(stage, rows, template, **settings):
    """What TRL's trainer makes of rows before it trains, with the smallest model."""
    from transformers import Qwen3Config, Qwen3ForCausalLM
    from trl import SFTConfig, SFTTrainer

    words = tokenizer(stage, (message["content"] for _, _, it in truth(stage) for row in it[:50]
                              for message in row.get("messages", [])))
    words.chat_template = template
    model = Qwen3ForCausalLM(Qwen3Config(
        vocab_size=len(words), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, head_dim=8))
    config = SFTConfig(output_dir=str(stage / "trl"), max_length=None, use_cpu=True, bf16=False, report_to="none",
                       **settings)
    trainer = SFTTrainer(model=model, args=config, train_dataset=rows, processing_class=words)
    return trainer.train_dataset, words


def without_nothing(messages):
    """Messages without the keys that the reader filled in."""
    return [{key: it for key, it in message.items() if it is not None} for message in messages]


def learnt(prepared_row, mask):
    """Which tokens count. Later versions have folded the mask into the labels."""
    if "labels" in prepared_row:
        return [int(label != -100) for label in prepared_row["labels"]]
    return list(prepared_row[mask])


def spoken(message):
    """What a turn of the agent says in Qwen's template, without thoughts and its end."""
    parts = [message["content"]] if message["content"] else []
    for call in message.get("tool_calls") or []:
        function = call["function"]
        arguments = function["arguments"]
        text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        parts.append(f'<tool_call>\n{{"name": "{function["name"]}", "arguments": {text}}}\n</tool_call>')
    return "\n".join(parts)


def spans(row):
    """The text of a conversation as TRL's training template of Qwen3 has it, in stretches, with what each is:
    None for what nobody should learn, else whether the turn of the agent is to be learnt."""
    messages = row["messages"]
    stretches = []
    system = messages[0]["content"] if messages[0]["role"] == "system" else None
    if row["tools"]:
        text = f"{system}\n\n" if system is not None else ""
        text += ("# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou are provided "
                 "with function signatures within <tools></tools> XML tags:\n<tools>")
        text += "".join("\n" + json.dumps(tool, ensure_ascii=False) for tool in row["tools"])
        text += ("\n</tools>\n\nFor each function call, return a json object with function name and arguments within "
                 '<tool_call></tool_call> XML tags:\n<tool_call>\n{"name": <function-name>, "arguments": '
                 "<args-json-object>}\n</tool_call>")
        stretches.append((f"<|im_start|>system\n{text}<|im_end|>\n", None))
    elif system is not None:
        stretches.append((f"<|im_start|>system\n{system}<|im_end|>\n", None))
    for place, message in enumerate(messages):
        role, content = message["role"], message["content"]
        if role == "user":
            stretches.append((f"<|im_start|>user\n{content}<|im_end|>\n", None))
        elif role == "tool":
            first = messages[place - 1]["role"] != "tool"
            last = place + 1 == len(messages) or messages[place + 1]["role"] != "tool"
            stretches.append((("<|im_start|>user" if first else "") + f"\n<tool_response>\n{content}\n</tool_response>"
                              + ("<|im_end|>\n" if last else ""), None))
        elif role == "assistant":
            stretches.append(("<|im_start|>assistant\n", None))
            thought = message.get("reasoning_content") or ""
            stretches.append((f"<think>\n{thought}\n</think>\n\n{spoken(message)}<|im_end|>\n", row["supervised"][place]))
    return stretches


def masks(words, stretches):
    """Token ids, what belongs to any turn of the agent, and what of it is to be learnt."""
    text, kinds = "".join(text for text, _ in stretches), []
    for stretch, kind in stretches:
        kinds.extend([kind] * len(stretch))
    made = words(text, return_offsets_mapping=True, add_special_tokens=False)
    of_agent = [int(kinds[start] is not None) for start, _ in made["offset_mapping"]]
    learned = [int(bool(kinds[start])) for start, _ in made["offset_mapping"]]
    return made["input_ids"], of_agent, learned


def with_trl(stage):
    """TRL's mask is ours, token for token, where every turn is to be learnt; elsewhere it has more turns."""
    from datasets import load_dataset
    from trl.chat_template_utils import qwen3_chat_template

    rows = load_dataset(str(stage / "json" / "dataset"), "general", split="train", cache_dir=str(stage / "trl-cache"))
    rows = rows.select(range(min(MASKED_ROWS, len(rows))))
    made, words = prepared(stage, rows.select_columns(["messages", "tools"]), qwen3_chat_template,
                           assistant_only_loss=True)
    equal = more = learned = 0
    for place, (row, theirs) in enumerate(zip(rows, made)):
        ids, of_agent, ours = masks(words, spans(row))
        assert list(theirs["input_ids"]) == ids, f"row {place}: other tokens"
        assert learnt(theirs, "assistant_masks") == of_agent, f"row {place}: another mask"
        equal += of_agent == ours
        more += of_agent != ours
        learned += sum(ours)
    assert equal >= 1000 and more, f"{equal} rows with every turn learnt, {more} with some"
    detail = (f"the mask of assistant_only_loss is that of `supervised`, token for token, on {equal} rows; on {more} "
              f"it also has turns that are not to be learnt, and is equal without them; {learned} tokens are learnt")
    return {"rows": len(rows), "detail": detail, "packages": ["trl", "transformers", "datasets", "torch"]}


def with_trl_turns(stage):
    """Every supervised turn is a completion; its prompt is what the template shows at inference."""
    from datasets import load_dataset
    from trl.chat_template_utils import qwen3_chat_template

    rows = load_dataset(str(stage / "turns"), "general", split="train", cache_dir=str(stage / "turns-cache"))
    whole_rows = load_dataset(str(stage / "json" / "dataset"), "general", split="train",
                              cache_dir=str(stage / "whole-cache"))
    conversations = {row["trajectory_id"]: dict(row, messages=without_nothing(row["messages"])) for row in whole_rows}
    wanted = [(row["trajectory_id"], place) for row in conversations.values()
              for place, learn in enumerate(row["supervised"]) if learn]
    assert [(row["trajectory_id"], row["turn"]) for row in rows] == wanted, "other turns"
    some = rows.select(range(min(MASKED_ROWS, len(rows))))
    made, words = prepared(stage, some.select_columns(["prompt", "completion", "tools"]), qwen3_chat_template)
    for place, (row, theirs) in enumerate(zip(some, made)):
        whole = conversations[row["trajectory_id"]]
        assert without_nothing(row["prompt"]) == whole["messages"][:row["turn"]], f"row {place}: another prompt"
        prompt = words.apply_chat_template(whole["messages"][:row["turn"]], tools=whole["tools"],
                                           add_generation_prompt=True, return_dict=True)["input_ids"]
        said = f"<think>\n\n</think>\n\n{spoken(whole['messages'][row['turn']])}<|im_end|>\n"
        completion = words(said, add_special_tokens=False)["input_ids"]
        mask = [0] * len(prompt) + [1] * len(completion)
        assert list(theirs["input_ids"]) == list(prompt) + list(completion), f"row {place}: other tokens"
        assert learnt(theirs, "completion_mask") == mask, f"row {place}: another mask"
    detail = f"prompts as at inference and completions, token for token, on {len(some)} of {len(rows)} turns"
    return {"rows": len(rows), "detail": detail, "packages": ["trl", "transformers", "datasets", "torch"]}


CHATML = ("{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
          "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")


def with_llamafactory(stage):
    """Its converter empties a row that it cannot take, with no more than a warning: none is emptied."""
    from importlib.machinery import ModuleSpec
    from types import ModuleType, SimpleNamespace

    # It imports this for sound, of which there is none here.
    sys.modules["torchaudio"] = ModuleType("torchaudio")
    sys.modules["torchaudio"].__spec__ = ModuleSpec("torchaudio", None)
    from llamafactory.data.converter import SharegptDatasetConverter
    from llamafactory.data.parser import DatasetAttr

    rows = 0
    for described in json.loads((stage / "sharegpt" / "dataset_info.json").read_text()).values():
        attributes = DatasetAttr("file", dataset_name=described["file_name"])
        attributes.join(described)
        converter = SharegptDatasetConverter(dataset_attr=attributes, data_args=SimpleNamespace(media_dir=None))
        for line in (stage / "sharegpt" / described["file_name"]).open(encoding="utf-8"):
            row = json.loads(line)
            made = converter(row)
            turns = made["_prompt"] + made["_response"]
            assert made["_prompt"] and made["_response"], f"row {rows} was emptied"
            assert [turn["content"] for turn in turns] == [turn["value"] for turn in row["conversations"]], rows
            assert made["_system"] == row["system"] and made["_tools"] == row["tools"], rows
            rows += 1
    assert rows > 1000, rows
    return {"rows": rows, "packages": ["llamafactory", "transformers", "datasets"]}


def with_verl(stage):
    """Its dataset class takes every row, and learns what the agent says, to the end of each turn."""
    import pandas
    from verl.utils.dataset.multiturn_sft_dataset import MultiTurnSFTDataset

    checked = rows = learned = 0
    for path in sorted((stage / "verl" / "sft").glob("*.parquet")):
        frame = pandas.read_parquet(path)
        words = tokenizer(stage, (turn["content"] for turns in frame["messages"][:200] for turn in turns))
        words.chat_template = CHATML
        made = MultiTurnSFTDataset(str(path), words, {"max_length": 1 << 17, "pad_mode": "no_padding"})
        assert len(made) == len(frame)
        rows += len(frame)
        for place in range(min(MASKED_ROWS, len(frame))):
            row = made[place]
            mask = row["loss_mask"].tolist()
            said = words.decode([token for token, learn in zip(row["input_ids"].tolist(), mask) if learn])
            wanted = "".join(f'{turn["content"]}<|im_end|>\n' for turn in frame["messages"][place]
                             if turn["role"] == "assistant")
            assert said == wanted, f"{path.name} row {place} learns something else"
            learned += sum(mask)
            checked += 1
    detail = f"its mask is what the agent says, on {checked} rows of {learned} learnt tokens"
    return {"rows": rows, "detail": detail, "packages": ["verl", "transformers", "torch"]}


# Buckets: what `publish` put there, read from there.


def with_bucket(stage):
    """A published version is read out of an S3 server by paths that latest.json leads to."""
    os.environ["HF_HUB_OFFLINE"] = "0"  # To the library, a server on this machine is a network, too.
    import boto3
    import polars
    import pyarrow.fs
    import pyarrow.parquet as parquet
    import s3fs
    from datasets import load_dataset

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    endpoint = f"http://127.0.0.1:{port}"
    os.environ.update({"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "none", "AWS_REGION": "us-east-1",
                       "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": endpoint})
    try:
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.1)
        boto3.client("s3").create_bucket(Bucket="bucket")
        run([os.environ["AGENTSCALER"], "publish", "--world", stage / "json", "--to", "s3://bucket/tools", "--quiet"])
        names = s3fs.S3FileSystem(endpoint_url=endpoint)
        dataset = "bucket/tools/" + json.loads(names.cat("bucket/tools/latest.json"))["dataset"]
        theirs = pyarrow.fs.S3FileSystem(endpoint_override=endpoint, scheme="http", region="us-east-1",
                                         access_key="key", secret_key="none")

        def by_polars(config, split):
            return polars.read_parquet(f"s3://{dataset}/{config}/{split}-*.parquet", storage_options={
                "aws_endpoint_url": endpoint, "aws_allow_http": "true"}).to_dicts()

        def by_pyarrow(config, split):
            files = sorted(names.glob(f"{dataset}/{config}/{split}-*.parquet"))
            return [row for file in files for row in parquet.read_table(file, filesystem=theirs).to_pylist()]

        def by_datasets(config, split):
            return list(load_dataset("parquet", data_files={split: f"s3://{dataset}/{config}/{split}-*.parquet"},
                                     split=split, cache_dir=tempfile.mkdtemp(dir=stage),
                                     storage_options={"endpoint_url": endpoint}))

        for rows_of, are_texts in [(by_polars, True), (by_pyarrow, True), (by_datasets, False)]:
            rows, changed = compare_tables(stage, rows_of, are_texts)
    finally:
        server.kill()
        server.wait()
    return {"rows": rows, "packages": ["datasets", "s3fs", "polars", "pyarrow", "moto"]}


CHECKS = {
    "datasets-json": with_datasets("json"),
    "datasets-string": with_datasets("string"),
    "datasets-old": refused_by_old_datasets,
    "pyarrow": with_pyarrow,
    "polars": with_polars,
    "duckdb": with_duckdb,
    "trl": with_trl,
    "trl-turns": with_trl_turns,
    "llamafactory": with_llamafactory,
    "verl": with_verl,
    "bucket": with_bucket,
}


def reader(name, reads, venv, requirements, check):
    return {"name": name, "reads": reads, "venv": venv, "requirements": requirements, "check": check}


FRAMES = ["polars", "duckdb", "pyarrow"]
TRL = ["trl>=1", "torch", "datasets"]
# What their loaders import, and not all that they require.
TRAINERS = [
    ["torch", "transformers==5.5.*", "datasets==4.0.0", "peft", "accelerate", "omegaconf", "tensordict<=0.10.0", "ray",
     "codetiming", "hydra-core", "torchdata", "tensorboard", "pandas", "fire", "matplotlib", "scipy", "sentencepiece",
     "tiktoken", "psutil", "pydantic", "av", "einops", "trl<=0.24.0", "packaging"],
    ["--no-deps", "llamafactory", "verl"],
]
READERS = [
    reader("datasets 3.6", "dataset/, string", "datasets-3.6", ["datasets==3.6.*"], "datasets-string"),
    reader("datasets 3.6", "dataset/, json", "datasets-3.6", ["datasets==3.6.*"], "datasets-old"),
    reader("datasets 4.8", "dataset/, json", "datasets-4.8", ["datasets==4.8.*"], "datasets-json"),
    reader("datasets 4.8", "dataset/, string", "datasets-4.8", ["datasets==4.8.*"], "datasets-string"),
    reader("datasets 5", "dataset/, json", "datasets-5", ["datasets>=5,<6"], "datasets-json"),
    reader("datasets 5", "dataset/, string", "datasets-5", ["datasets>=5,<6"], "datasets-string"),
    reader("pyarrow", "dataset/, both", "frames", FRAMES, "pyarrow"),
    reader("polars", "dataset/, both", "frames", FRAMES, "polars"),
    reader("duckdb", "dataset/, both", "frames", FRAMES, "duckdb"),
    reader("trl", "dataset/, json", "trl", TRL, "trl"),
    reader("trl", "export turns", "trl", TRL, "trl-turns"),
    reader("llamafactory", "export sharegpt", "trainers", TRAINERS, "llamafactory"),
    reader("verl", "export verl", "trainers", TRAINERS, "verl"),
    reader("s3", "publish", "s3", ["datasets>=5,<6", "s3fs", "polars", "moto[s3,server]"], "bucket"),
]

if __name__ == "__main__":
    sys.exit(main())
