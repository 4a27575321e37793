"""The calls of benches/engine.rs in Python with sqlite3: JSON text in and out, a state digest after
each write, the tables that the path names.

The strong form: one connection, prepared statements, a savepoint instead of a new database, and
a digest of the rows written instead of one of the whole database.
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


class Library:
    def __init__(self, connection):
        self.connection = connection
        self.digest = 0

    def row(self, table, key, value):
        cursor = self.connection.execute(f'SELECT * FROM {table} WHERE {key} = ?', (value,))
        found = cursor.fetchone()
        if found is None:
            raise ValueError(f'{table} "{value}" not found')
        return dict(zip([column[0] for column in cursor.description], found))

    def count(self, table, row, sign):
        text = table + "\n" + json.dumps(row, sort_keys=True, ensure_ascii=False)
        number = int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
        self.digest = (self.digest + sign * number) % (1 << 256)

    def get_book(self, book_id):
        return self.row("books", "book_id", book_id)

    def search_books(self, query):
        cursor = self.connection.execute(
            "SELECT * FROM books WHERE title LIKE '%' || ? || '%' ORDER BY book_id LIMIT 10", (query,)
        )
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row)) for row in cursor]
        return {"books": rows, "total": len(rows)}

    def register_member(self, name, email):
        taken = self.connection.execute("SELECT 1 FROM members WHERE email = ?", (email,)).fetchone()
        if taken:
            raise ValueError("taken")
        key = "mb_" + hashlib.sha256(f"{name}{email}".encode()).hexdigest()[:8]
        row = {"member_id": key, "name": name, "email": email}
        self.connection.execute("INSERT INTO members VALUES (?, ?, ?)", (key, name, email))
        self.count("members", row, 1)
        return row

    def borrow_book(self, book_id, member_id, days=14):
        book = self.row("books", "book_id", book_id)
        self.row("members", "member_id", member_id)
        if book["copies_available"] <= 0:
            raise ValueError("no copies")
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


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        tables = json.load(file)
    library = Library(connect(tables))
    kinds = [
        ("get", library.get_book, lambda at: f'{{"book_id": "bk_{at % ROWS:08x}"}}'),
        (
            "insert",
            library.register_member,
            lambda at: f'{{"name": "Reader {at}", "email": "reader{at}@post.example"}}',
        ),
        (
            "update and insert",
            library.borrow_book,
            lambda at: f'{{"book_id": "bk_{at % ROWS:08x}", "member_id": "mb_{at * 7 % ROWS:08x}"}}',
        ),
        ("search", library.search_books, lambda at: f'{{"query": "Title {at % ROWS}"}}'),
    ]
    for what, function, arguments in kinds:
        begun = time.process_time()
        for at in range(TURNS):
            if at % 16 == 0:
                if library.connection.in_transaction:
                    library.connection.execute("ROLLBACK")
                library.connection.execute("BEGIN")
            json.dumps(function(**json.loads(arguments(at))), ensure_ascii=False)
        print(f"{what}\t{(time.process_time() - begun) / TURNS}")
        library.connection.execute("ROLLBACK")


main()
