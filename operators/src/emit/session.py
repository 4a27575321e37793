"""One conversation with an exported domain: the tools offered, and the state they see."""

from runtime import ARGUMENT_DEPTH_MAX, CHOICES_SHOWN, Database, Refusal, fit, is_integer
from runtime import magnitude, plain, read_json, same, spell

FAULTS = {
    "unavailable": "the service is temporarily unavailable, please try again",
    "lost_reply": "the service did not answer in time; the request may have been carried out",
}


class Session:
    """One conversation's view of a domain.

    `failed` says whether the last call was refused.
    """

    def __init__(self, domain, offered=None, faults=()):
        self.domain = domain
        self.faults = [dict(fault) for fault in faults]
        self.offered = [
            name for name in domain.tools if offered is None or name in offered
        ]
        seen = {table for name in self.offered for table in domain.tools[name]["tables"]}
        tables = {name: table for name, table in domain.tables.items() if name in seen}
        self.database = Database(tables, domain.rows)
        self.failed = False

    def fork(self):
        """A session that begins where this one is, and goes its own way."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.database = self.database.fork()
        other.faults = [dict(fault) for fault in self.faults]
        return other

    def call(self, name, arguments):
        """Executes a call and returns the observation: JSON text, `{"error": "…"}` if it failed.

        Arguments are a dict, as `json.loads` makes them of what a model sent. A call that fails
        changes nothing, but for one whose reply a fault of the task loses.
        """
        for fault in self.faults:
            if fault["operation"] == name and 0 < fault["times"] and name in self.offered:
                if fault["kind"] == "lost_reply":
                    done = self._carry_out(name, arguments)
                    if self.failed:
                        return done
                fault["times"] -= 1
                self.failed = True
                return spell({"error": FAULTS[fault["kind"]]})
        return self._carry_out(name, arguments)

    def _carry_out(self, name, arguments):
        """Executes a call, whatever faults there are."""
        database = self.database
        try:
            value = self._attempt(name, arguments)
            self.failed = False
            database.clock += 1 if database.undo else 0
        except Refusal as refusal:
            database.go_back()
            self.failed = True
            value = {"error": str(refusal)}
        database.undo.clear()
        return spell(value)

    def _attempt(self, name, arguments):
        if name not in self.offered:
            raise Refusal('there is no tool "' + str(name) + '"')
        try:
            arguments = plain(arguments)
        except ValueError:
            arguments = None
        valid = validate(self.domain.schemas[name], arguments)
        return self.domain.tools[name]["run"](self.database, *valid)

    def state(self):
        """Every table that the offered tools see: its rows by key, as new objects."""
        rows = self.database.rows
        return {name: [plain(row) for row in rows[name].values()] for name in rows}

    def fingerprint(self):
        """64 hexadecimal digits that are the same for the same rows, and only for them."""
        return self.database.fingerprint()

    def tools(self):
        """The tools offered, as OpenAI spells them."""
        return [self.domain.listed[name] for name in self.offered]


class Domain:
    """What lies in one exported folder, read once."""

    def __init__(self, folder, module):
        self.tables = module.TABLES
        self.tools = module.TOOLS
        self.rows = read_json((folder / "db.json").read_text(encoding="utf-8"))
        listed = read_json((folder / "tools.json").read_text(encoding="utf-8"))
        self.listed = {tool["function"]["name"]: tool for tool in listed}
        self.schemas = {name: tool["function"]["parameters"] for name, tool in self.listed.items()}
        tasks = read_json((folder / "tasks.json").read_text(encoding="utf-8"))
        self.tasks = {task["id"]: task for task in tasks}


# Arguments


def validate(schema, arguments):
    """The arguments in the order of the schema, defaults filled in; refuses what does not fit."""
    if not isinstance(arguments, dict):
        raise Refusal("the arguments must be a JSON object")
    properties = schema["properties"]
    for name in arguments:
        if name not in properties:
            raise Refusal('unknown argument "' + name + '"')
    valid = []
    for name, shape in properties.items():
        value = arguments.get(name)
        if value is None:
            if name in schema.get("required", ()):
                raise Refusal('missing required argument "' + name + '"')
            valid.append(plain(shape.get("default")))
            continue
        if shape.get("type") == "integer" and "enum" not in shape and isinstance(value, float):
            value = adapted(value)
        if not admits(shape, value):
            raise Refusal('argument "' + name + '" must be ' + described(shape))
        if ARGUMENT_DEPTH_MAX < depth(value):
            deeper = '" is nested deeper than ' + str(ARGUMENT_DEPTH_MAX) + " levels"
            raise Refusal('argument "' + name + deeper)
        valid.append(value)
    return valid


def depth(value):
    """How deeply lists and objects are nested in a value."""
    if isinstance(value, (list, dict)):
        items = value.values() if isinstance(value, dict) else value
        return 1 + max(map(depth, items), default=0)
    return 0


def adapted(value):
    """A float that is a whole number is one, where a whole number is asked for."""
    found = fit("integer", value)
    return value if found is None else found


def admits(shape, value):
    """Whether a value fits a JSON Schema of the dialect that tools.json is written in."""
    if "enum" in shape:
        return any(same(choice, value) for choice in shape["enum"])
    kind = shape.get("type")
    if kind in ("integer", "number"):
        number = value if kind == "integer" and is_integer(value) else None
        if kind == "number" and not isinstance(value, str):
            number = magnitude(value)
        bound = (lambda it: it) if kind == "integer" else magnitude
        least, most = bound(shape.get("minimum")), bound(shape.get("maximum"))
        return (
            number is not None
            and (least is None or least <= number)
            and (most is None or number <= most)
        )
    if kind == "array":
        return isinstance(value, list) and all(admits(shape["items"], item) for item in value)
    if kind == "object":
        return isinstance(value, dict) and all(
            admits(field, value[name]) if name in value else name not in shape.get("required", ())
            for name, field in shape["properties"].items()
        )
    return {"string": isinstance(value, str), "boolean": isinstance(value, bool)}.get(kind, True)


def described(shape):
    """A schema in a word or two."""
    if "enum" in shape:
        listed = ", ".join(spell(choice) for choice in shape["enum"][:CHOICES_SHOWN])
        return "one of " + listed + (", …" if CHOICES_SHOWN < len(shape["enum"]) else "")
    kind = shape.get("type")
    words = {"string": "a string", "integer": "an integer", "number": "a number"}
    words.update({"boolean": "a boolean", "array": "an array", "object": "an object"})
    said = words.get(kind, "any value")
    if kind in ("integer", "number"):
        least, most = shape.get("minimum"), shape.get("maximum")
        if least is not None and most is not None:
            said += " from " + spell(least) + " to " + spell(most)
        elif least is not None:
            said += " of at least " + spell(least)
        elif most is not None:
            said += " of at most " + spell(most)
    return said
