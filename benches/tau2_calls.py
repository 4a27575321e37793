"""What τ²-bench's own environment takes for the calls of domains exported by agentscaler.

    agentscaler export tau2 --world world --output domains
    TAU2_DATA_DIR=... tau2/bin/python benches/tau2_calls.py domains

Processor time of its known calls, of a new environment, and of the hash of its state; the first ten
tasks of the first twenty domains. Beside it stands `cargo bench --bench engine`.
"""

import json
import pathlib
import sys
import time

folder = pathlib.Path(sys.argv[1]).resolve()
sys.path.insert(0, str(folder))

import agentscaler_tau2  # noqa: E402
from tau2.data_model.message import ToolCall  # noqa: E402
from tau2.registry import registry  # noqa: E402


def timed(totals, what, action):
    begun = time.process_time()
    result = action()
    seconds, count = totals.get(what, (0.0, 0))
    totals[what] = (seconds + time.process_time() - begun, count + 1)
    return result


def main():
    agentscaler_tau2.register()
    text = (folder / "agentscaler_tau2" / "domains.json").read_text(encoding="utf-8")
    names = [entry["name"] for entry in json.loads(text)["domains"]]
    totals = {}
    for name in names[:20]:
        make = registry.get_env_constructor(name)
        for task in registry.get_tasks_loader(name)()[:10]:
            environment = timed(totals, "a new environment", make)
            for action in task.evaluation_criteria.actions or []:
                call = ToolCall(
                    id="call", name=action.name, arguments=action.arguments, requestor="assistant"
                )
                timed(totals, "a call", lambda: environment.get_response(call))
            timed(totals, "the hash of its state", environment.get_db_hash)
    for what, (seconds, count) in totals.items():
        print(f"{what}: {seconds / count * 1e6:.1f} us, {count} times")


main()
