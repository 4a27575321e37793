"""Looks at generated sources without running them: nothing is in them but what is allowed.

Takes a folder of exported files; fails with the first thing that is not.
"""

import ast
import json
import re
import sqlite3
import sys
from pathlib import Path

NODES = (
    "Module FunctionDef arguments arg Expr Constant ImportFrom alias Assign Name Store Load Call keyword "
    "Dict List Tuple Subscript Index Return ListComp comprehension UnaryOp USub"
).split()
CALLED = (
    "add change compact compare count delete divide first insert later lookup multiply none now otherwise "
    "part refers remove require say select subtract update"
).split()
IDENTIFIER = re.compile("[a-z][a-z0-9_]*")


def audit(text):
    tree = ast.parse(text)
    for node in ast.walk(tree):
        name = type(node).__name__
        assert name in NODES, name
        if name == "Call":
            assert isinstance(node.func, ast.Name) and node.func.id in CALLED, ast.dump(node.func)
        if name == "ImportFrom":
            assert node.module == "runtime" and all(it.asname is None for it in node.names)
            assert {it.name for it in node.names} <= set(CALLED)
        if name == "Subscript":
            assert isinstance(node.value, ast.Name) and isinstance(node.slice, ast.Constant)
        named = {"Name": "id", "arg": "arg", "FunctionDef": "name"}.get(name)
        if named and getattr(node, named) not in ("TABLES", "TOOLS"):
            assert IDENTIFIER.fullmatch(getattr(node, named)), getattr(node, named)
        if name == "FunctionDef":
            assert not node.decorator_list and not node.args.defaults and ast.get_docstring(node)
    top = [type(node).__name__ for node in tree.body]
    assert set(top) <= {"Expr", "ImportFrom", "Assign", "FunctionDef"}, top


def columns(folder):
    """What kind every column is of, by table."""
    tree = ast.parse((folder / "tools.py").read_text(encoding="utf-8"))
    named = {node.targets[0].id: node.value for node in tree.body if isinstance(node, ast.Assign)}
    tables = ast.literal_eval(named["TABLES"])
    return {name: list(table["columns"].values()) for name, table in tables.items()}


def schema(folder):
    """SQLite takes the schema, and every first row."""
    base = sqlite3.connect(":memory:")
    base.execute("PRAGMA foreign_keys = ON")
    base.executescript((folder / "schema.sql").read_text(encoding="utf-8"))
    kinds = columns(folder)
    rows = json.loads((folder / "db.json").read_text(encoding="utf-8"))
    for table, every in rows.items():
        name = ("_" if table.lower().startswith("sqlite_") else "") + table.replace('"', '""')
        for row in every:
            marks = ", ".join("?" * len(row))
            cells = [
                json.dumps(value) if kind == "json" and value is not None else value
                for kind, value in zip(kinds[table], row.values())
            ]
            base.execute(f'INSERT INTO "{name}" VALUES ({marks})', cells)
    base.commit()


def quotations(path):
    """Quoted texts are the texts they quote, wherever they are read."""
    base = sqlite3.connect(":memory:")
    for text, python, sql, name in json.loads(path.read_text(encoding="utf-8")):
        assert ast.literal_eval(python) == text, text
        assert "\n" not in python, text
        assert base.execute("SELECT " + sql).fetchone()[0] == text, text
        assert IDENTIFIER.fullmatch(name), name


def numbers(path, folder):
    """A float is spelled as `repr` spells it."""
    from runtime import read_json, spell

    for text in json.loads(path.read_text(encoding="utf-8")):
        assert spell(read_json(text)) == text, text


def letters(path, folder):
    """Small letters are the same on both sides, for every character there is."""
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True
    from runtime import lower

    for text, small in json.loads(path.read_text(encoding="utf-8")):
        assert lower(text) == small, (text, small, lower(text))


for folder in map(Path, sys.argv[1:]):
    audit((folder / "tools.py").read_text(encoding="utf-8"))
    schema(folder)
    if (folder / "quotations.json").exists():
        quotations(folder / "quotations.json")
        letters(folder / "letters.json", folder)
        numbers(folder / "numbers.json", folder)
