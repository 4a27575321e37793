"""Loads exported domains in τ²-bench and lets it judge: golden calls, and runs that end elsewhere.

Takes the folder of an export, and one with the dataset's tables as JSON Lines; prints one JSON object
of counts, and fails with the first task that is judged wrong. Then τ²-bench's own evaluators judge the
recorded conversations: what was kept must have reward 1, what was turned away for its state 0.
"""

import json
import os
import pathlib
import sys

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])

from loguru import logger

logger.remove()

from agentscaler_tau2 import register
from agentscaler_tau2.adapter import domain
from agentscaler_tau2.index import ROOT, index
from agentscaler_tau2.session import Session
from tau2.data_model.message import AssistantMessage, ToolCall, ToolMessage, UserMessage
from tau2.evaluator.evaluator_action import ActionEvaluator
from tau2.evaluator.evaluator_communicate import CommunicateEvaluator
from tau2.evaluator.evaluator_env import EnvironmentEvaluator
from tau2.registry import registry


def conversation(constructor, calls):
    """What a run of these calls looks like to τ²-bench, and the environment after it."""
    env = constructor()
    messages = [
        AssistantMessage(role="assistant", content="Hi! How can I help you today?"),
        UserMessage(role="user", content="You know what I want."),
    ]
    for place, (name, arguments) in enumerate(calls):
        call = ToolCall(id=str(place), name=name, arguments=arguments)
        messages.append(AssistantMessage(role="assistant", content=None, tool_calls=[call]))
        messages.append(env.get_response(call))
    return messages, env


def judged(constructor, task, calls):
    messages, env = conversation(constructor, calls)
    found = EnvironmentEvaluator.calculate_reward(constructor, task, messages)
    return messages, env, found.db_check.db_match


def mutations(env, golden):
    """Other runs: the last write left out, made twice, and whatever else writes."""
    writes = [place for place, call in enumerate(golden) if env._is_mutating_tool(call[0])]
    for place in writes:
        yield golden[:place] + golden[place + 1 :]
        yield golden[: place + 1] + golden[place:]


def verdict(entry, known, calls):
    """Whether calls end in the state that is recorded of a task, as we see it."""
    session = Session(domain(entry["folder"]), known["offered"])
    for name, arguments in calls:
        session.call(name, arguments)
    return session.fingerprint() == known["golden_state"]


def replayed(messages):
    """A recorded conversation as τ²-bench has them: a call a message, each with its answer."""
    made, waiting = [], []
    for message in messages:
        content = message.get("content") or None
        if message["role"] == "user":
            made.append(UserMessage(role="user", content=content))
        elif message["role"] == "assistant" and message.get("tool_calls"):
            waiting = [call["function"] for call in message["tool_calls"]]
        elif message["role"] == "assistant":
            made.append(AssistantMessage(role="assistant", content=content))
        elif message["role"] == "tool":
            asked = waiting.pop(0)
            name, arguments = asked["name"], asked["arguments"]
            call = ToolCall(id=str(len(made)), name=name, arguments=arguments)
            made.append(AssistantMessage(role="assistant", content=None, tool_calls=[call]))
            made.append(ToolMessage(id=call.id, role="tool", content=content, requestor="assistant"))
    return made


def reward(constructor, task, messages):
    """The reward of a run: the product of what the task says it consists of."""
    parts = {
        "DB": lambda: EnvironmentEvaluator.calculate_reward(constructor, task, messages).reward,
        "COMMUNICATE": lambda: CommunicateEvaluator.calculate_reward(task, messages).reward,
        "ACTION": lambda: ActionEvaluator.calculate_reward(task, messages).reward,
    }
    found = 1.0
    for part in task.evaluation_criteria.reward_basis:
        found *= parts[part.value]()
    return found


def judge_recorded(tables, known, counts):
    """Rewards of recorded conversations, by whether they were kept and, if not, why."""
    wrong = []
    for config in ("general", "vertical", "rejected"):
        for file in sorted(pathlib.Path(tables, config).glob("*.jsonl")):
            for line in file.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                if row["task_id"] not in known:
                    counts["recorded_left_out"] += 1
                    continue
                if row["verdict"] not in ("kept", "state"):
                    continue
                constructor, task = known[row["task_id"]]
                names = {tool.name for tool in constructor().get_tools()}
                calls = [it for message in row["messages"] for it in message.get("tool_calls") or []]
                if not all(call["function"]["name"] in names for call in calls):
                    # A domain for what must be declined has less tools than such a task offers.
                    counts["recorded_left_out"] += 1
                    continue
                found = reward(constructor, task, replayed(row["messages"]))
                counts["recorded_" + row["verdict"]] += 1
                if found != float(row["verdict"] == "kept"):
                    wrong.append((row["trajectory_id"], row["kind"], row["verdict"], found))
    assert not wrong, (len(wrong), wrong[:5])


def main():
    register()
    names = "domains tasks golden_calls db_agrees runs_elsewhere told by_action"
    names += " recorded_kept recorded_state recorded_left_out"
    counts = dict.fromkeys(names.split(), 0)
    recorded, known = {}, {}
    for entry in index():
        path = ROOT / "domains" / entry["folder"] / "tasks.json"
        recorded.update((task["id"], task) for task in json.loads(path.read_text(encoding="utf-8")))
    for entry in index():
        constructor = registry.get_env_constructor(entry["name"])
        loader = registry.get_tasks_loader(entry["name"])
        splits = registry.get_task_splits_loader(entry["name"])()
        tasks = loader("base")
        assert len(tasks) == entry["tasks"] == len(splits["base"]), entry["name"]
        assert len(loader("train")) + len(loader("test")) == len(tasks), entry["name"]
        schemas = [tool.openai_schema for tool in constructor().get_tools()]
        assert sorted(it["function"]["name"] for it in schemas) == sorted(entry["offered"])
        counts["domains"] += 1
        for task in tasks:
            check(entry, task, recorded[task.id], constructor, counts)
            known[task.id] = (constructor, task)
    judge_recorded(sys.argv[2], known, counts)
    print(json.dumps(counts))


def check(entry, task, known, constructor, counts):
    golden = [(call.name, call.arguments) for call in task.evaluation_criteria.actions]
    messages, env, match = judged(constructor, task, golden)
    assert match, ("golden calls are judged wrong", task.id)
    answers = [message.content for message in messages if message.role == "tool"]
    assert answers == [call["observation"] for call in known["golden"]], task.id
    assert verdict(entry, known, golden), task.id
    counts["tasks"] += 1
    counts["golden_calls"] += len(golden)
    assert ActionEvaluator.calculate_reward(task, messages).reward == 1.0, task.id
    for calls in mutations(env, golden):
        _, _, match = judged(constructor, task, calls)
        assert match == verdict(entry, known, calls), ("the verdicts on a state differ", task.id, calls)
        counts["runs_elsewhere"] += not match
        counts["db_agrees"] += 1
    basis = [it.value for it in task.evaluation_criteria.reward_basis]
    told = task.evaluation_criteria.communicate_info or []
    assert ("COMMUNICATE" in basis) == bool(told), task.id
    if told:
        counts["told"] += 1
        silent = CommunicateEvaluator.calculate_reward(task, messages).reward
        said = AssistantMessage(role="assistant", content="It says: " + "; ".join(told))
        heard = CommunicateEvaluator.calculate_reward(task, messages + [said]).reward
        assert (silent, heard) == (0.0, 1.0), (task.id, told)
    elif "ACTION" in basis:
        counts["by_action"] += 1
        assert ActionEvaluator.calculate_reward(task, messages[:2]).reward == 0.0, task.id


main()
