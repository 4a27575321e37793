"""What the tools of every exported environment are made of.

Values are JSON: None, bool, int (64 bits), float (finite), str, list, dict. Tables hold rows as
plain dicts, which nothing changes in place: an update makes another row. Whatever is said here is
said by the native engine too, call for call and byte for byte, and tested against it.
"""

import datetime
import hashlib
import json
import math
import re

ARGUMENT_DEPTH_MAX = 64  # of what an argument says
LISTED_MAX = 100  # rows that an answer lists at most, whatever a limit says
MINTS_MAX = 64  # attempts at minting a key
DEPTH_MAX = 127  # lists and objects within one another that are read
CHOICES_SHOWN = 12  # values that an error lists at most
INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1
EXACT_MAX = 9007199254740992.0  # up to here every integer is a float

# Unicode's white space. `str.strip()` would take \x1c to \x1f as well.
SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
INTEGER = re.compile("[+-]?[0-9]+")
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
MOMENT = re.compile("([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T([0-9]{2}):([0-9]{2}):([0-9]{2})Z)?")
PLACE = re.compile(r"\+?[0-9]+")
SURROGATE = re.compile("[\ud800-\udfff]")
ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
# Capitals that are younger than Python 3.9 and so unknown to some `str.lower`.
YOUNG_LOWER = {
    0x1C89: 0x1C8A,
    0x2C2F: 0x2C5F,
    **{upper: upper + 1 for upper in (0xA7C0, 0xA7CC, 0xA7CE, 0xA7D0, 0xA7D2, 0xA7D4)},
    **{upper: upper + 1 for upper in (0xA7D6, 0xA7D8, 0xA7DA)},
    0xA7CB: 0x0264,
    0xA7DC: 0x019B,
    **{upper: upper + 39 for upper in range(0x10570, 0x10596) if upper not in (0x1057B, 0x1058B, 0x10593)},
    **{upper: upper + 32 for upper in range(0x10D50, 0x10D66)},
    **{upper: upper + 27 for upper in range(0x16EA0, 0x16EB9)},
}


class Refusal(Exception):
    """A call that fails: it changes nothing, and the agent is told why."""


# Values


def read_json(text):
    """The value that a JSON text spells, as the native engine reads it; ValueError if none.

    `json.loads` also takes NaN, halves of surrogate pairs and any depth, and keeps big integers.
    """
    try:
        return plain(json.loads(text, parse_int=_integer, parse_float=_float, parse_constant=_float))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _integer(digits):
    number = 0.0 if digits == "-0" else int(digits)
    return number if INTEGER_MIN <= number <= INTEGER_MAX else _float(digits)


def _float(digits):
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("out of range: " + digits[:40])
    return number


def plain(value, depth=0):
    """A copy that holds nothing but what JSON can: integers beyond 64 bits become floats, numbers
    that are not finite None. ValueError for anything else."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        if SURROGATE.search(value):
            raise ValueError("half of a surrogate pair")
        return str(value)
    if isinstance(value, int):
        if INTEGER_MIN <= value <= INTEGER_MAX:
            return int(value)
        return finite(_as_float(value))
    if isinstance(value, float):
        return finite(float(value))
    if depth == DEPTH_MAX:
        raise ValueError("nested too deeply")
    if isinstance(value, (list, tuple)):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise ValueError("a key that is no text")
        return {plain(key): plain(item, depth + 1) for key, item in value.items()}
    raise ValueError("no JSON: " + type(value).__name__)


def _as_float(integer):
    try:
        return float(integer)
    except OverflowError:
        return math.inf


def finite(number):
    """A float; None if it is not finite. Negative zero is zero."""
    return number + 0.0 if math.isfinite(number) else None


def spell(value):
    """A value as JSON text. No two values have one spelling."""
    return json.dumps(value, ensure_ascii=False)


def spelled(value):
    """A text without its quotes, anything else as JSON."""
    return value if isinstance(value, str) else spell(value)


def say(*parts):
    """A sentence of texts and values."""
    return "".join(spelled(part) for part in parts)


def is_integer(value):
    """Whether it is a whole number: in Python, True would be one."""
    return isinstance(value, int) and not isinstance(value, bool)


def magnitude(value):
    """The number of a number or of a text that spells one, as a float; None if there is none."""
    if is_integer(value):
        return float(value)
    if isinstance(value, float):
        return value
    return read_number(value) if isinstance(value, str) else None


def read_number(text):
    """The finite float that a text spells, or None. `float()` would take `1_0`, too."""
    text = text.strip(SPACES)
    return finite(float(text)) if NUMBER.fullmatch(text) else None


def read_integer(text):
    """The 64-bit integer that a text spells, or None."""
    text = text.strip(SPACES)
    if not INTEGER.fullmatch(text):
        return None
    digits = text.lstrip("+-").lstrip("0") or "0"
    if 19 < len(digits):
        return None
    number = -int(digits) if text[0] == "-" else int(digits)
    return number if INTEGER_MIN <= number <= INTEGER_MAX else None


def whole(number):
    """The integer that a float equals, or None."""
    return int(number) if abs(number) <= EXACT_MAX and number == math.trunc(number) else None


def lower(text):
    """A text in small letters, by the same Unicode whatever the Python."""
    return text.translate(YOUNG_LOWER).lower()


def same(left, right):
    """Whether two values are the same to a tool: `1` is `1.0` and never `true`; the order of an
    object's keys does not matter."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return len(left) == len(right) and all(
            key in right and same(value, right[key]) for key, value in left.items()
        )
    if is_integer(left) and is_integer(right):
        return left == right
    if any(isinstance(side, float) for side in (left, right)):
        numbers = all(is_integer(side) or isinstance(side, float) for side in (left, right))
        return numbers and float(left) == float(right)
    return type(left) is type(right) and left == right


def alike(left, right):
    """The same value, or a text and another value that spell the same."""
    if isinstance(left, str) or isinstance(right, str):
        return spelled(left) == spelled(right)
    return same(left, right)


def rank(value):
    """What values are sorted by: null, booleans, integers, floats, texts, lists, objects."""
    if value is None:
        return (0,)
    if isinstance(value, bool):
        return (1, value)
    if isinstance(value, int):
        return (2, value)
    if isinstance(value, float):
        return (3, value)
    if isinstance(value, str):
        return (4, value)
    if isinstance(value, list):
        return (5, [rank(item) for item in value])
    return (6, [(key, rank(item)) for key, item in value.items()])


# What programs compute


def compare(left, comparison, right):
    """Whether the comparison holds. Nothing compares with null."""
    if left is None or right is None:
        return False
    if comparison == "==":
        return alike(left, right)
    if comparison == "!=":
        return not alike(left, right)
    if comparison == "contains":
        if isinstance(left, list):
            return any(alike(item, right) for item in left)
        return lower(spelled(right)) in lower(spelled(left))
    if comparison == "is one of":
        return any(alike(left, item) for item in right) if isinstance(right, list) else alike(left, right)
    sides = _ordered(left, right)
    if sides is None:
        return False
    left, right = sides
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[comparison]


def _ordered(left, right):
    for kind in (str, bool):
        if isinstance(left, kind) and isinstance(right, kind):
            return left, right
    if is_integer(left) and is_integer(right):
        return left, right
    sides = magnitude(left), magnitude(right)
    return None if None in sides else sides


def otherwise(first, second):
    """The first unless it is null, else the second."""
    return second if first is None else first


def count(rows):
    """How many rows there are."""
    return len(rows)


def part(value, pointer):
    """The part of a value at an RFC 6901 pointer; None if there is none."""
    for step in pointer.split("/")[1:]:
        if isinstance(value, dict):
            value = value.get(step.replace("~1", "/").replace("~0", "~"))
        elif isinstance(value, list) and PLACE.fullmatch(step):
            digits = step.lstrip("+").lstrip("0") or "0"
            place = int(digits) if len(digits) < 20 else len(value)
            value = value[place] if place < len(value) else None
        else:
            return None
    return value


def _calculate(left, right, operation, exact):
    if is_integer(left) and is_integer(right) and exact:
        result = operation(left, right)
        return result if INTEGER_MIN <= result <= INTEGER_MAX else None
    if isinstance(left, str) or isinstance(right, str):
        return None
    left, right = magnitude(left), magnitude(right)
    return None if left is None or right is None else finite(operation(left, right))


def add(left, right):
    """Sum; null if either is not a number or the result is beyond 64 bits or not finite."""
    return _calculate(left, right, lambda one, other: one + other, True)


def subtract(left, right):
    """Difference, likewise."""
    return _calculate(left, right, lambda one, other: one - other, True)


def multiply(left, right):
    """Product, likewise."""
    return _calculate(left, right, lambda one, other: one * other, True)


def divide(left, right):
    """Quotient, always a float; null when divided by zero."""
    return _calculate(left, right, lambda one, other: one / other if other else math.inf, False)


def later(start, amount, span):
    """A day or a moment so much later, spelled alike; null if there is none. A day moves by days."""
    found = MOMENT.fullmatch(start) if isinstance(start, str) and is_integer(amount) else None
    if found is None or (found[4] is None and span != "days"):
        return None
    hour, minute, second = (int(found[place] or 0) for place in (4, 5, 6))
    if 23 < hour or 59 < minute or 59 < second:
        return None
    try:
        day = datetime.date(int(found[1]), int(found[2]), int(found[3])).toordinal()
        seconds = amount * {"minutes": 60, "hours": 3600, "days": 86400}[span]
        seconds += hour * 3600 + minute * 60 + second
        spelled_day = datetime.date.fromordinal(day + seconds // 86400).isoformat()
    except (ValueError, OverflowError):
        return None
    if found[4] is None:
        return spelled_day
    second = seconds % 86400
    return "{}T{:02}:{:02}:{:02}Z".format(spelled_day, second // 3600, second // 60 % 60, second % 60)


def compact(parts):
    """An object without the parts that are null."""
    return {name: value for name, value in parts.items() if value is not None}


# Tables


class Database:
    """The rows of the tables that a session sees, their fingerprint and the logical clock."""

    def __init__(self, tables, rows):
        self.tables = tables
        self.clock = 0
        self.undo = []
        self.load(rows)

    def load(self, rows):
        """Takes these rows for those that there are."""
        self.rows = {}
        self.sum = 0
        for name in self.tables:
            key = key_column(self.tables[name])
            ordered = sorted(rows[name], key=lambda row: rank(row[key]))
            self.rows[name] = {spell(row[key]): row for row in ordered}
            self.sum += sum(hashed(name, row) for row in ordered)

    def fork(self):
        """A copy that goes its own way. Rows are shared, since none is changed in place."""
        other = Database(self.tables, {name: [] for name in self.tables})
        other.rows = {name: dict(rows) for name, rows in self.rows.items()}
        other.sum, other.clock = self.sum, self.clock
        return other

    def find(self, table, key):
        return self.rows[table].get(spell(key))

    def put(self, table, key, row):
        """Puts a row in the place of the one of that key; none takes it away."""
        spelling = spell(key)
        rows = self.rows[table]
        before = rows.get(spelling)
        self.undo.append((table, dict(rows), self.sum))
        if before is not None:
            self.sum -= hashed(table, before)
        if row is None:
            rows.pop(spelling, None)
            return
        self.sum += hashed(table, row)
        rows[spelling] = row
        if before is None:
            name = key_column(self.tables[table])
            ordered = sorted(rows.values(), key=lambda it: rank(it[name]))
            self.rows[table] = {spell(it[name]): it for it in ordered}

    def go_back(self):
        """Undoes everything since the call began."""
        while self.undo:
            table, self.rows[table], self.sum = self.undo.pop()

    def fingerprint(self):
        """The sum of the hashes of all rows as 64 hexadecimal digits."""
        return format(self.sum % 2**256, "064x")


def key_column(table):
    """The first column is the key."""
    return next(iter(table["columns"]))


def hashed(table, row):
    """SHA-256 of a row: its table's name, a line feed, its columns that are not null, sorted."""
    text = json.dumps(compact(row), ensure_ascii=False, sort_keys=True)
    return int.from_bytes(hashlib.sha256((table + "\n" + text).encode()).digest(), "big")


def fit(kind, value):
    """The value as a column of this kind holds it; None if it cannot. `"1042"` and 1042 fit alike."""
    if value is None or kind == "json":
        return value
    if isinstance(kind, list):
        return _choose(kind, value) if isinstance(value, str) else None
    if isinstance(value, str):
        if kind == "boolean":
            return {"true": True, "false": False}.get(value)
        readers = {"integer": read_integer, "number": read_number}
        return readers[kind](value) if kind in readers else value
    if kind == "text":
        return None if isinstance(value, (list, dict)) else spell(value)
    if isinstance(value, bool) or kind == "boolean":
        return value if isinstance(value, bool) and kind == "boolean" else None
    if kind == "integer":
        return whole(value) if isinstance(value, float) else value if isinstance(value, int) else None
    if kind == "number":
        return float(value) if isinstance(value, (int, float)) else None
    return None


def _choose(choices, text):
    if text in choices:
        return text
    small = text.translate(ASCII_LOWER)
    return next((choice for choice in choices if choice.translate(ASCII_LOWER) == small), None)


def _fitted(db, table, column, value):
    kind = db.tables[table]["columns"][column]
    found = fit(kind, value)
    if found is None:
        known = {"integer": "an integer", "number": "a number"}
        expected = (
            "one of " + ", ".join(kind) if isinstance(kind, list) else known.get(kind, "of another type")
        )
        raise Refusal(say('"', column, '" must be ', expected))
    return found


# Steps of programs


def require(holds, message):
    """Refuses the call unless something holds."""
    if not holds:
        raise Refusal(message)


def lookup(db, table, key):
    """The row of that key; refuses the call if there is none."""
    found = _referred(db, table, key)
    if found is None:
        raise Refusal(say(db.tables[table]["noun"], ' "', key, '" not found'))
    return found


def _referred(db, table, key):
    columns = db.tables[table]["columns"]
    fitted = fit(columns[key_column(db.tables[table])], key)
    return None if fitted is None else db.find(table, fitted)


def refers(db, table, key):
    """Whether the value is null or the table has a row of that key; of a list, of every key in it."""
    if isinstance(key, list):
        return all(_referred(db, table, one) is not None for one in key)
    return key is None or _referred(db, table, key) is not None


def passing(db, table, where):
    """The rows that pass every filter, by key. A filter whose value is null passes all."""
    where = [one for one in where if one[2] is not None]
    for row in db.rows[table].values():
        if all(compare(row[column], comparison, value) for column, comparison, value in where):
            yield row


def first(db, table, where, message):
    """The first row, by key, that passes every filter; refuses the call if there is none."""
    for row in passing(db, table, where):
        return row
    raise Refusal(message)


def none(db, table, where):
    """Whether no row passes every filter."""
    return next(passing(db, table, where), None) is None


def select(db, table, where, limit, order=None):
    """The rows that pass every filter, in order, at most `limit` of them."""
    found = list(passing(db, table, where))
    if order is not None:
        column, direction = order
        found.sort(key=lambda row: rank(row[column]), reverse=direction == "descending")
    if not is_integer(limit) or limit < 0:
        limit = LISTED_MAX
    return found[: min(limit, LISTED_MAX)]


def insert(db, table, values):
    """Adds a row. Columns not given are null; a key not given is minted."""
    row = dict.fromkeys(db.tables[table]["columns"])
    for column, value in _pairs(values):
        if value is not None:
            row[column] = _fitted(db, table, column, value)
    key = key_column(db.tables[table])
    if row[key] is None:
        row[key] = _mint(db, table, row)
    elif db.find(table, row[key]) is not None:
        raise Refusal(say(db.tables[table]["noun"], ' "', row[key], '" already exists'))
    db.put(table, row[key], row)
    return row


def update(db, table, row, changes):
    """Changes columns of a row; a null value leaves the column as it is."""
    after = dict(row)
    for column, value in _pairs(changes):
        if value is not None:
            after[column] = _fitted(db, table, column, value)
    if spell(after) != spell(row):
        db.put(table, row[key_column(db.tables[table])], after)
    return after


def delete(db, table, row):
    """Removes a row."""
    db.put(table, row[key_column(db.tables[table])], None)


def _pairs(values):
    return values.items() if isinstance(values, dict) else values


def now(db):
    """The logical clock: a minute for every call that has changed something."""
    days, minutes = divmod(9 * 60 + db.clock, 1440)
    return "2025-06-{:02}T{:02}:{:02}:00Z".format(2 + min(days, 28), minutes // 60, minutes % 60)


def change(db, table, where, changes):
    """Changes columns of every row that passes every filter; a null filter passes none."""
    for row in _named(db, table, where):
        update(db, table, row, changes)


def remove(db, table, where):
    """Removes every row that passes every filter; a null filter passes none."""
    for row in _named(db, table, where):
        delete(db, table, row)


def _named(db, table, where):
    return [] if any(one[2] is None for one in where) else list(passing(db, table, where))


def _mint(db, table, row):
    """A key made from what the row says, and not from when or after what it is made."""
    clocked = db.tables[table]["clocked"]
    content = spell([None if column in clocked else value for column, value in row.items()])
    for attempt in range(MINTS_MAX):
        key = _key(db.tables[table]["keys"], [table, content, str(attempt)])
        if db.find(table, key) is None:
            return key
    raise Refusal(say("no more ", table, " can be made"))


def _key(style, parts):
    digest = hashlib.sha256()
    for piece in (it.encode() for it in parts):
        digest.update(len(piece).to_bytes(8, "little") + piece)
    digits = digest.hexdigest()
    if style == "integer":
        return 1_000_000 + int(digits[:8], 16) % 9_000_000
    if style == "uuid":
        groups = (digits[:8], digits[8:12], "4" + digits[13:16], "a" + digits[17:20], digits[20:32])
        return "-".join(groups)
    return style["prefix"] + "_" + digits[:8]
