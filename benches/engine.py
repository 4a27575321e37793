"""The calls of benches/engine.rs in Python with sqlite3: JSON text in and out, arguments checked, a
state digest after each write, the tables that the path names.

The strong form: one connection, prepared statements, a savepoint instead of a new database, and
a digest of the rows written instead of one of the whole database. Every kind of call is told twice,
with that digest and without, since an environment made by hand would seldom keep one.
"""

import hashlib
import json
import sqlite3
import sys
import time

TURNS = 40_000
ROWS = 400


def connect(tables):
    connection = sqlite3.connect(":memory:", isolation_level=None, cached_statements=256)
    for table in tables:
        names = [column["name"] for column in table["columns"]]
        columns = ", ".join(f'"{name}"' + (" PRIMARY KEY" if at == 0 else "") for at, name in enumerate(names))
        connection.execute(f'CREATE TABLE "{table["name"]}" ({columns})')
        marks = ", ".join("?" for _ in names)
        connection.executemany(f'INSERT INTO "{table["name"]}" VALUES ({marks})', table["rows"])
    return connection


class Refused(Exception):
    """A call that fails, and what its answer says."""


def text(required=True):
    return {"admits": lambda it: isinstance(it, str), "called": "a string", "required": required, "default": None}


def integer(least, greatest, default):
    # A truth value is an int to Python, and none to JSON.
    def admits(it):
        return isinstance(it, int) and not isinstance(it, bool) and least <= it <= greatest

    called = f"an integer from {least} to {greatest}"
    return {"admits": admits, "called": called, "required": False, "default": default}


# The inputs of the operations, as `operators/src/engine/example/library.rs` has them.
INPUTS = {
    "get_book": {"book_id": text()},
    "search_books": {"query": text(), "author": text(required=False), "limit": integer(1, 50, 10)},
    "register_member": {"name": text(), "email": text()},
    "borrow_book": {"book_id": text(), "member_id": text(), "days": integer(1, 28, 14)},
}


def validated(name, arguments):
    """The arguments with defaults filled in, if they fit the operation's input."""
    if not isinstance(arguments, dict):
        raise Refused("the arguments must be a JSON object")
    fields = INPUTS[name]
    for given in arguments:
        if given not in fields:
            raise Refused(f'unknown argument "{given}"')
    valid = {}
    for field, shape in fields.items():
        value = arguments.get(field)
        if value is None:
            if shape["required"]:
                raise Refused(f'missing required argument "{field}"')
            value = shape["default"]
        elif not shape["admits"](value):
            raise Refused(f'argument "{field}" must be {shape["called"]}')
        valid[field] = value
    return valid


class Library:
    def __init__(self, connection, counted):
        self.connection = connection
        self.counted = counted
        self.digest = 0

    def call(self, name, arguments):
        """The answer as JSON text, errors included."""
        try:
            answer = getattr(self, name)(**validated(name, json.loads(arguments)))
        except Refused as refusal:
            answer = {"error": str(refusal)}
        return json.dumps(answer, ensure_ascii=False)

    def row(self, table, key, value):
        cursor = self.connection.execute(f'SELECT * FROM {table} WHERE {key} = ?', (value,))
        found = cursor.fetchone()
        if found is None:
            raise Refused(f'{table} "{value}" not found')
        return dict(zip([column[0] for column in cursor.description], found))

    def count(self, table, row, sign):
        if not self.counted:
            return
        text = table + "\n" + json.dumps(row, sort_keys=True, ensure_ascii=False)
        number = int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
        self.digest = (self.digest + sign * number) % (1 << 256)

    def get_book(self, book_id):
        return self.row("books", "book_id", book_id)

    def search_books(self, query, author, limit):
        narrowed, values = ("", (query, limit)) if author is None else ("AND author = ? ", (query, author, limit))
        cursor = self.connection.execute(
            f"SELECT * FROM books WHERE title LIKE '%' || ? || '%' {narrowed}ORDER BY book_id LIMIT ?", values
        )
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row)) for row in cursor]
        return {"books": rows, "total": len(rows)}

    def register_member(self, name, email):
        key = "mb_" + hashlib.sha256(f"{name}{email}".encode()).hexdigest()[:8]
        row = {"member_id": key, "name": name, "email": email}
        self.connection.execute("INSERT INTO members VALUES (?, ?, ?)", (key, name, email))
        self.count("members", row, 1)
        return row

    def borrow_book(self, book_id, member_id, days):
        book = self.row("books", "book_id", book_id)
        self.row("members", "member_id", member_id)
        if book["copies_available"] <= 0:
            raise Refused("no copies")
        self.count("books", book, -1)
        book["copies_available"] -= 1
        self.connection.execute(
            "UPDATE books SET copies_available = ? WHERE book_id = ?", (book["copies_available"], book_id)
        )
        self.count("books", book, 1)
        key = "ln_" + hashlib.sha256(f"{book_id}{member_id}{days}".encode()).hexdigest()[:8]
        row = {"loan_id": key, "book_id": book_id, "member_id": member_id, "days": days, "status": "active"}
        self.connection.execute("INSERT INTO loans VALUES (?, ?, ?, ?, ?)", tuple(row.values()))
        self.count("loans", row, 1)
        return row


KINDS = [
    ("get", "get_book", lambda at: f'{{"book_id": "bk_{at % ROWS:08x}"}}'),
    (
        "insert",
        "register_member",
        lambda at: f'{{"name": "Reader {at}", "email": "reader{at}@post.example"}}',
    ),
    (
        "update and insert",
        "borrow_book",
        lambda at: f'{{"book_id": "bk_{at % ROWS:08x}", "member_id": "mb_{at * 7 % ROWS:08x}"}}',
    ),
    ("search", "search_books", lambda at: f'{{"query": "Title {at % ROWS}"}}'),
]


def measured(library, name, arguments):
    """Seconds of processor time a call takes."""
    connection = library.connection
    connection.execute("BEGIN")
    begun = time.process_time()
    for at in range(TURNS):
        if at % 16 == 0:
            # The state starts over, and with it what was counted.
            connection.execute("ROLLBACK")
            connection.execute("BEGIN")
            library.digest = 0
        answer = library.call(name, arguments(at))
        if answer.startswith('{"error"'):
            raise AssertionError(answer)
    taken = (time.process_time() - begun) / TURNS
    connection.execute("ROLLBACK")
    return taken


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        tables = json.load(file)
    for counted, note in [(True, ""), (False, ", no digest")]:
        library = Library(connect(tables), counted)
        for what, name, arguments in KINDS:
            print(f"{what}{note}\t{measured(library, name, arguments)}")


main()
