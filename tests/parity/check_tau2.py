"""Loads exported domains in τ²-bench and lets it judge: golden calls, and runs that end elsewhere.

Takes the folder of an export; prints one JSON object of counts, and fails with the first task that
is judged wrong.
"""

import json
import os
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
from tau2.data_model.message import AssistantMessage, ToolCall, UserMessage
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


def main():
    register()
    counts = dict.fromkeys(
        ["domains", "tasks", "golden_calls", "db_agrees", "runs_elsewhere", "told", "by_action"], 0
    )
    recorded = {}
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
