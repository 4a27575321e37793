"""Exported domains as τ²-bench's: its environment around a session, its tools around ours.

The database that τ²-bench hashes is the state of the session, and observations are the texts that
a session answers, so that its verdict on a state is ours. Written for tau2 1.0.1.
"""

import json
from functools import lru_cache
from importlib import import_module
from typing import Any

from tau2.data_model.message import ToolMessage
from tau2.data_model.tasks import Task
from tau2.environment.db import DB
from tau2.environment.environment import Environment
from tau2.environment.tool import Tool
from tau2.environment.toolkit import MUTATES_STATE_ATTR, TOOL_TYPE_ATTR, ToolKitBase, ToolType
from tau2.registry import registry

from .index import ROOT, index
from .session import Domain, Session


class Tables(DB):
    """The rows of every table, as plain data."""

    tables: dict[str, list[dict[str, Any]]]


class ListedTool(Tool):
    """A tool that is described by its own JSON Schema, and not by a signature."""

    listed: dict = {}

    @property
    def openai_schema(self):
        return self.listed


class Toolkit(ToolKitBase):
    """The tools of a session."""

    def __init__(self, domain, offered):
        self.session = Session(domain, offered)
        self._tools = {name: self._tool(name) for name in self.session.offered}

    def _tool(self, name):
        def call(**arguments):
            return self.session.call(name, arguments)

        described = self.session.domain.listed[name]["function"]["description"]
        write = self.session.domain.tools[name]["effect"] == "write"
        call.__name__, call.__doc__ = name, described
        setattr(call, TOOL_TYPE_ATTR, ToolType.WRITE if write else ToolType.READ)
        setattr(call, MUTATES_STATE_ATTR, write)
        return call

    @property
    def db(self):
        """The state of the session."""
        return Tables(tables=self.session.state())

    @db.setter
    def db(self, tables):
        self.session.database.load(tables.tables)

    @property
    def tools(self):
        return self._tools

    def use_tool(self, tool_name, **arguments):
        if tool_name not in self._tools:
            raise ValueError(f"Tool '{tool_name}' not found.")
        return self._tools[tool_name](**arguments)

    def get_tools(self, include=None):
        unknown = set(include or ()) - set(self._tools)
        if unknown:
            raise ValueError(f"Tool(s) not found: {sorted(unknown)}.")
        found = {}
        for name, call in self._tools.items():
            if include is None or name in include:
                found[name] = ListedTool(func=call)
                found[name].listed = self.session.domain.listed[name]
        return found


class ExportedEnvironment(Environment):
    """τ²-bench's environment, in which a call answers what a trajectory records."""

    def get_response(self, message):
        if message.requestor != "assistant":
            return super().get_response(message)
        session = self.tools.session
        content = session.call(message.name, message.arguments)
        return ToolMessage(
            id=message.id,
            content=content,
            requestor=message.requestor,
            role="tool",
            error=session.failed,
        )


@lru_cache(maxsize=None)
def domain(folder):
    """What lies in a folder, read when it is first asked for."""
    module = import_module(f"{__package__}.domains.{folder}.tools")
    return Domain(ROOT / "domains" / folder, module)


def tasks_of(entry):
    """The tasks of a domain as τ²-bench spells them."""
    path = ROOT / "domains" / entry["folder"] / "tau2_tasks.json"
    every = json.loads(path.read_text(encoding="utf-8"))
    return [task for task in every if task["domain"] == entry["name"]]


def register():
    """Adds the exported domains to τ²-bench's registry; once."""
    for entry in index():
        if entry["name"] not in registry.get_domains():
            _register(entry)


def _register(entry):
    name, folder = entry["name"], entry["folder"]

    def environment(db=None, solo_mode=False):
        toolkit = Toolkit(domain(folder), entry["offered"])
        if db is not None:
            toolkit.db = db
        policy = (ROOT / "domains" / folder / "policy.md").read_text(encoding="utf-8")
        return ExportedEnvironment(name, policy, tools=toolkit, solo_mode=solo_mode)

    def tasks(task_split_name=None):
        chosen = tasks_of(entry)
        if task_split_name not in (None, "base"):
            chosen = [task for task in chosen if task["split"] == task_split_name]
        return [Task.model_validate(task["task"]) for task in chosen]

    def splits():
        chosen = tasks_of(entry)
        return {
            "base": [task["task"]["id"] for task in chosen],
            **{
                split: [task["task"]["id"] for task in chosen if task["split"] == split]
                for split in ("train", "test")
            },
        }

    registry.register_domain(environment, name)
    registry.register_tasks(tasks, name, get_task_splits=splits)
