"""Native tool definitions, read without regard to how the importers do it."""

import ast
import csv
import json
import os
import re

SAYS_NOTHING = {
    "descriptionnotavailable", "nodescription", "nodescriptionavailable", "nodescriptionprovided",
    "todo", "tbd", "na", "none", "null",
}
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


class Argument:
    def __init__(self, schema, required, place="", is_credential=False):
        self.schema, self.required, self.place = schema, required, place
        self.is_credential = is_credential


class Tool:
    def __init__(self, format, place, name, description, arguments, root=None):
        self.format, self.place, self.name = format, place, name
        self.description, self.arguments, self.root = description or "", arguments, root

    def shown(self):
        parts = {n: [a.required, a.place, a.schema] for n, a in self.arguments.items()}
        return json.dumps([self.name, self.description, parts], ensure_ascii=False, default=str)[:6000]


def tools(folder):
    """Every definition in the files below a folder."""
    for base, folders, files in os.walk(folder):
        folders.sort()
        for file in sorted(files):
            path = os.path.join(base, file)
            name = os.path.relpath(path, folder)
            if name != "manifest.json":
                yield from of_file(path, name)


MARK = r"[\[(](required|optional)[\])]"
TAGS = r"\s*(?:<[^<>]*>\s*)*"


def says_required(argument, root):
    """Whether an argument is required, by the source's own list or by a mark in its description."""
    mark = re.search(rf"^{TAGS}{MARK}|{MARK}{TAGS}$", description_of(argument.schema, root), re.I)
    schema = argument.schema if isinstance(argument.schema, dict) else {}
    said = schema.get("required")
    if mark and "required" in mark[0].lower() and not isinstance(said, bool):
        return True
    return argument.required


def of_file(path, name):
    with open(path, encoding="utf-8-sig") as file:
        text = file.read()
    if name.endswith(".csv"):
        yield from of_table(text, name)
    elif name.endswith((".yaml", ".yml")):
        yield from of_value(load_yaml(text), name, "")
    elif name.endswith((".json", ".jsonl")):
        try:
            yield from of_value(json.loads(text), name, "")
        except json.JSONDecodeError:
            for number, line in enumerate(text.split("\n"), 1):
                try:
                    yield from of_value(json.loads(line), name, f"/{number}")
                except json.JSONDecodeError:
                    pass


def load_yaml(text):
    import yaml

    class Loader(yaml.CSafeLoader):
        """YAML 1.2: dates are texts, and so are words such as `On`."""

    for first, resolvers in list(Loader.yaml_implicit_resolvers.items()):
        kept = [it for it in resolvers if not it[0].endswith((":timestamp", ":bool", ":value", ":float"))]
        Loader.yaml_implicit_resolvers = {**Loader.yaml_implicit_resolvers, first: kept}
    boolean = re.compile("^(true|True|TRUE|false|False|FALSE)$")
    Loader.add_implicit_resolver("tag:yaml.org,2002:bool", boolean, list("tTfF"))
    number = re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")
    Loader.add_implicit_resolver("tag:yaml.org,2002:float", number, list("-+.0123456789"))
    return yaml.load(text, Loader)


def of_value(value, file, pointer, within=None):
    """The definitions in a value of a document; `within` says that it is a list of tools."""
    place = f"{file}{pointer}"
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from of_value(item, file, f"{pointer}/{index}", within)
        return
    if isinstance(value, str) and within and value.lstrip()[:1] in ("{", "["):
        yield from of_value(json.loads(value), file, pointer, within)
        return
    if not isinstance(value, dict):
        return
    if "paths" in value and ("openapi" in value or "swagger" in value):
        yield from of_openapi(value, place)
    elif "shapes" in value and "operations" in value:
        yield from of_aws(value, f"{place}/operations")
    elif "pathPattern" in value:
        yield of_aliyun(value, place)
    elif "id" in value and "desc" in value:
        arguments = of_list(value["parameters"])
        yield Tool("taskbench", place, value["id"], value["desc"], arguments)
    elif "required_parameters" in value or "optional_parameters" in value:
        yield of_rapidapi(value, place)
    elif value.get("type") == "function" and "function" in value:
        inner = value["function"]
        yield of_function("openai", place, inner, inner.get("parameters") or {})
    elif "inputSchema" in value:
        yield of_function("mcp", place, value, value["inputSchema"] or {})
    elif "api_description" in value:
        yield of_function("seal_tools", place, value, value["parameters"])
    elif "name" in value and isinstance(value.get("arguments"), list):
        yield Tool("mcp", place, value["name"], value.get("description"), of_list(value["arguments"]))
    elif within and "name" in value and "parameters" in value:
        yield of_function(within, place, value, value["parameters"] or {})
    elif {"name", "description"} <= set(value) <= {"name", "description", "annotations"}:
        yield Tool("mcp", place, value["name"], value["description"], {})
    elif within == "listed" and "name" in value and "description" in value and "tools" not in value:
        yield Tool("mcp", place, value["name"], value["description"], {})
    else:
        known = {
            "tools": "listed", "function": "bfcl", "functions": "openai", "api_list": "toolbench",
            "nodes": "taskbench", "result": "listed", "Documentation": "toolalpaca",
        }
        for name, part in value.items():
            format = "xlam" if name == "tools" and "query" in value else known.get(name)
            if name == "function" and str(value.get("id", "")).startswith(("normal_", "agent_", "special_")):
                format = "acebench"
            if format or (within and isinstance(part, (dict, list)) and (name == "content" or within == "listed")):
                yield from of_value(part, file, f"{pointer}/{name}", format or within)
        if not within and pointer.startswith("/") and "name" in value and "parameters" in value:
            yield of_function("bfcl", place, value, value["parameters"] or {})


def of_function(format, place, value, schema):
    """A function whose parameters are a JSON Schema, or a map from names to parameters."""
    name = value.get("name") or value.get("api_name")
    description = value.get("description") or value.get("api_description")
    if isinstance(schema, list):
        return Tool(format, place, name, description, of_list(schema))
    if isinstance(schema.get("properties"), dict) or isinstance(schema.get("type"), str) or "$schema" in schema:
        properties, required = dict(schema.get("properties") or {}), set(schema.get("required") or [])
        for part in schema.get("allOf") or []:
            properties.update(part.get("properties") or {})
            required |= set(part.get("required") or [])
        arguments = {n: Argument(p, n in required) for n, p in properties.items()}
    else:
        declared = any(isinstance(p, dict) and isinstance(p.get("required"), bool) for p in schema.values())
        listed = value.get("required") if isinstance(value.get("required"), list) else None

        def is_required(name, part):
            if listed is not None:
                return name in listed
            return part.get("required") is True if declared else part.get("default") in (None, "")

        arguments = {n: Argument(p, is_required(n, p)) for n, p in schema.items()}
    for argument in arguments.values():
        schema_ = argument.schema if isinstance(argument.schema, dict) else {}
        if schema_.get("required") is True:
            argument.required = True
        if re.search(r"\boptional\b", str(schema_.get("type", "")), re.I):
            argument.required = False
    return Tool(format, place, name, description, arguments, root=schema)


def of_list(parameters):
    arguments = {}
    says_optional = any("optional" in one for one in parameters)
    says_required = any("required" in one for one in parameters)
    for one in parameters:
        if says_required:
            required = one.get("required") is True
        elif says_optional:
            required = one.get("optional") is not True
        else:
            required = one.get("default") in (None, "")
        schema = {"description": one.get("desc") or one.get("description") or "", **one}
        arguments[one["name"]] = Argument(schema, required)
    return arguments


def of_rapidapi(value, place):
    arguments = {}
    for part, required in (("required_parameters", True), ("optional_parameters", False)):
        for one in value.get(part) or []:
            arguments[one["name"]] = Argument(one, required)
    name = value.get("api_name") or value.get("name")
    return Tool("toolbench", place, name, value.get("api_description") or value.get("description"), arguments)


def of_aliyun(value, place):
    def schema(one):
        made = {k: v for k, v in one.items() if k in ("type", "description")}
        if one.get("sub_parameters"):
            parts = {sub["name"]: schema(sub) for sub in one["sub_parameters"]}
            inner = {"type": "object", "properties": parts}
            inner["required"] = [sub["name"] for sub in one["sub_parameters"] if sub.get("required")]
            made.update({"items": inner} if one["type"] == "RepeatList" else inner | {"type": one["type"]})
        elif one["type"] == "RepeatList":
            made["items"] = {"type": "string"}
        return made

    listed = value["parameters"]
    arguments = {p["name"]: Argument(schema(p), p["required"], p["position"].lower()) for p in listed}
    return Tool("aliyun", place, value["name"], value.get("summary"), arguments)


def of_table(text, file):
    for number, row in enumerate(csv.DictReader(text.splitlines(keepends=True)), 1):
        try:
            module = ast.parse(row["api_info"])
            assigned = {one.targets[0].id: ast.literal_eval(one.value) for one in module.body}
        except SyntaxError:
            continue
        given = assigned["input_parameters"]
        given = given if isinstance(given, dict) else {}
        declared = any("required" in part for part in given.values())
        arguments = {n: Argument(p, p.get("required", not declared)) for n, p in given.items()}
        yield Tool("api_bank", f"{file}/{number}", row["类名"], assigned["description"], arguments)


def of_aws(value, place):
    kinds = {
        "structure": "object", "map": "object", "list": "array", "long": "integer", "integer": "integer",
        "float": "number", "double": "number", "boolean": "boolean", "timestamp": "string", "blob": "string",
        "string": "string",
    }

    def schema(name, trail, member):
        shape = value["shapes"][name]
        said = member.get("documentation") or shape.get("documentation") or ""
        if name in trail:
            return {"description": said}
        made = {"type": kinds[shape["type"]], "description": said}
        made.update({k: shape[k] for k in ("enum",) if k in shape})
        trail = trail + [name]
        if "members" in shape:
            parts = shape["members"].items()
            made["properties"] = {n: schema(m["shape"], trail, m) for n, m in parts}
            made["required"] = shape.get("required", [])
        if shape["type"] == "list":
            made["items"] = schema(shape["member"]["shape"], trail, shape["member"])
        return made

    for name, operation in value["operations"].items():
        whole = schema(operation["input"]["shape"], [], {}) if "input" in operation else {}
        members = value["shapes"][operation["input"]["shape"]]["members"] if "input" in operation else {}
        arguments = {
            n: Argument(part, n in whole["required"], members[n].get("location", ""))
            for n, part in whole.get("properties", {}).items()
        }
        yield Tool("aws", f"{place}/{name}", operation["name"], operation.get("documentation"), arguments)


def resolve(schema, root):
    """What references lead to; nothing if they lead nowhere or outside."""
    said, seen = {}, set()
    while isinstance(schema, dict) and isinstance(schema.get("$ref"), str):
        reference = schema["$ref"]
        said = {k: v for k, v in schema.items() if k != "$ref"} | said
        if reference in seen or not reference.startswith("#/"):
            return said or None
        seen.add(reference)
        schema = root
        for step in reference[2:].split("/"):
            step = re.sub("%([0-9a-fA-F]{2})", lambda it: chr(int(it[1], 16)), step)
            step = step.replace("~1", "/").replace("~0", "~")
            schema = schema.get(step) if isinstance(schema, dict) else None
    return {**schema, **said} if isinstance(schema, dict) else said or None


def description_of(schema, root):
    """What a schema says of itself, or what it refers to."""
    schema = resolve(schema, root) if isinstance(schema, dict) and root else schema
    said = schema.get("description") if isinstance(schema, dict) else ""
    return said if isinstance(said, str) else ""


def unmarked(description):
    """A description without the mark that says whether the value is required."""
    bare = re.sub(rf"^{TAGS}{MARK}", "", description, count=1, flags=re.I)
    return bare if bare != description else re.sub(rf"{MARK}{TAGS}$", "", bare, count=1, flags=re.I)


def parts_of(schema, root, depth=0):
    """Properties and required names of an object schema with all it is composed of."""
    schema = resolve(schema, root)
    properties, required = {}, set()
    if not isinstance(schema, dict) or depth > 8:
        return properties, required
    for part in schema.get("allOf") or []:
        more, names = parts_of(part, root, depth + 1)
        properties.update(more)
        required |= names
    listed = schema.get("required")
    required |= set(listed) if isinstance(listed, list) else set()
    properties.update(schema.get("properties") or {})
    return properties, required


def of_openapi(value, place):
    schemes = (value.get("components") or {}).get("securitySchemes") or value.get("securityDefinitions") or {}
    secrets = {(s.get("name", "").lower(), s.get("in")) for s in schemes.values() if s.get("type") == "apiKey"}
    secret_names = {name for name, _ in secrets}
    for path, item in value["paths"].items():
        if path.startswith("x-"):
            continue
        item = resolve(item, value) or {}
        for method in METHODS:
            operation = item.get(method)
            if operation:
                yield of_operation(value, place, path, item, method, operation, secrets, secret_names)


def of_operation(root, place, path, item, method, operation, secrets, secret_names):
    found = []
    seen = set()
    for one in (operation.get("parameters") or []) + (item.get("parameters") or []):
        one = resolve(one, root) or {}
        if (one.get("name"), one.get("in")) in seen:
            continue
        seen.add((one.get("name"), one.get("in")))
        if one.get("in") == "body":
            found += of_body(root, one.get("schema") or {}, one.get("name"), one)
        elif one.get("name"):
            media = first_media(one.get("content"))
            schema = one.get("schema") or media.get("schema") or {k: v for k, v in one.items() if k != "required"}
            schema = resolve(schema, root) or {}
            schema = {**schema, "description": one.get("description") or schema.get("description") or ""}
            secret = (one["name"].lower(), one["in"]) in secrets
            required = one.get("required") is True or one["in"] == "path"
            found.append((one["name"], Argument(schema, required, one["in"], secret)))
    body = resolve(operation.get("requestBody") or {}, root) or {}
    media = first_media(body.get("content"))
    if "schema" in media:
        found += of_body(root, media["schema"], None, body)
    arguments = {}
    for name, argument in found:
        if argument.place == "body" and name.lower() in secret_names:
            continue
        if not argument.is_credential:
            unique, count = name, 1
            while unique in arguments:
                unique = f"{name}_{argument.place}" if count == 1 else f"{name}_{count}"
                count += 1
            arguments[unique] = argument
    summary = (operation.get("summary") or "").strip()
    said = (operation.get("description") or "").strip() or (item.get("description") or "").strip()
    if said and not said.startswith(summary.rstrip(".")):
        said = f"{summary}. {said}"
    name = (operation.get("operationId") or "").strip()
    if not name:
        words = [f"by_{s[1:-1]}" if s[:1] == "{" and s[-1:] == "}" else s for s in path.split("/") if s]
        name = "_".join([method] + words)
    format = "swagger" if "swagger" in root else "openapi"
    place = "{}/paths/{}/{}".format(place, path.replace("~", "~0").replace("/", "~1"), method)
    return Tool(format, place, name, said or summary, arguments, root)


def of_body(root, schema, name, said):
    properties, required = parts_of(schema, root)
    if not properties:
        whole = resolve(schema, root)
        if whole is None:
            whole = {}
        whole = {**whole, "description": said.get("description") or whole.get("description") or ""}
        return [(name or "body", Argument(whole, said.get("required") is True, "body"))]
    made = []
    for property_, part in properties.items():
        part = resolve(part, root)
        part = {} if part is None else part
        if isinstance(part, dict) and part.get("readOnly") is not True:
            made.append((property_, Argument(part, property_ in required, "body")))
    return made


def first_media(content):
    def rank(name):
        name = name.lower()
        return 0 if name.startswith("application/json") else 1 if "json" in name else 2 if "form" in name else 3

    names = sorted(content or {}, key=rank)
    return (content[names[0]] or {}) if names else {}


WORDS = {
    "string": "string str text char varchar enum character byte bytes binary file base64 password code date "
    "datetime date-time timestamp time email url uri uuid guid",
    "integer": "integer int long short int32 int64 bigint",
    "number": "number float double decimal num numeric real",
    "boolean": "boolean bool",
    "array": "array list tuple set repeatlist arraylist sequence",
    "object": "object dict dictionary map struct json hashmap hash",
}
KINDS = {word: kind for kind, words in WORDS.items() for word in words.split()}


def kind_of(name):
    """The JSON type that a word means, the type of its items, and nothing for a word nobody knows."""
    name = name.strip().rstrip(",").strip()
    name = re.sub(r",\s*optional$|\s*\(optional\)$", "", name, flags=re.I)
    optional = re.fullmatch(r"optional\[(.*)\]", name, re.I)
    if optional:
        return kind_of(optional[1])
    listed = re.fullmatch(r"(?:list|array|set|sequence|arraylist|tuple)\s*[\[(<](.*)[\])>]|(.*)\[\]", name, re.I)
    if listed:
        return "array", listed[1] or listed[2]
    if re.fullmatch(r"(dict|map|hashmap)\s*[\[(<].*[\])>]", name, re.I):
        return "object", None
    if name.lower() in ("float/int", "int/float"):
        return "number", None
    return KINDS.get(re.split(r"[ (:]", name.lower())[0]), None


def compare_schema(said, shown, root, depth, choices_max, trail=()):
    """What an exported schema says that its source does not, or leaves out."""
    if isinstance(said, dict) and "$ref" in said:
        said = resolve(said, root)
    if not isinstance(said, dict) or depth < 0:
        return
    # What contains itself is anything, from there on.
    if isinstance(said.get("properties"), dict):
        if id(said["properties"]) in trail and "type" not in shown:
            return
        trail = trail + (id(said["properties"]),)
    kind, items = said.get("type"), said.get("items")
    composed = [key for key in ("allOf", "anyOf", "oneOf", "const") if key in said]
    if isinstance(kind, list):
        kinds = [one for one in kind if one != "null"]
        kind = kinds[0] if len(kinds) == 1 else None
    if isinstance(kind, str):
        kind, inner = kind_of(kind)
        items = items or ({"type": inner} if inner else None)
    enum = said.get("enum")
    if kind == "array" and isinstance(enum, list):
        # The choices of a list are those of its items.
        items, enum = {**(items if isinstance(items, dict) else {}), "enum": enum}, None
    if isinstance(enum, list) and not composed:
        values = [fitting(one, kind) for one in enum if not isinstance(one, (list, dict, type(None)))]
        values = list(dict.fromkeys(value for value in values if value))
        offered = [fitting(one, kind) for one in shown.get("enum", [])]
        if values and len(values) <= choices_max and values != offered:
            yield "enum", f"{values[:8]} became {offered[:8]}"
    elif "enum" in shown and not composed:
        yield "enum", f"{shown['enum'][:8]} is not in the source"
    whole = kind == "number" and shown.get("type") == "integer" and "enum" in shown
    if kind and not composed and shown.get("type") != kind and not whole:
        yield "type", f"{said.get('type')} became {shown.get('type')}"
    if not kind and not composed and "type" in shown and not implied(said, shown["type"]):
        yield "type", f"{said.get('type')} became {shown['type']}"
    if isinstance(items, dict) and shown.get("type") == "array":
        yield from compare_schema(items, shown.get("items", {}), root, depth - 1, choices_max, trail)
    if shown.get("type") == "object" and depth > 0 and not composed:
        properties, required = parts_of(said, root)
        names = {re.sub(r"[^A-Za-z0-9]", "", n): n for n in shown.get("properties", {})}
        for name, part in properties.items():
            spelled = re.sub(r"[^A-Za-z0-9]", "", name)
            if spelled in names and isinstance(part, dict):
                inner = shown["properties"][names[spelled]]
                if isinstance(part.get("required"), bool) and part["required"]:
                    required.add(name)
                if (name in required) != (names[spelled] in shown.get("required", [])):
                    yield "nested required", f"{name}"
                for what, reason in compare_schema(part, inner, root, depth - 1, choices_max, trail):
                    yield what, f"{name}.{reason}"
            elif spelled:
                yield "nested", f"{name} is not in the export"


def fitting(choice, kind):
    """A choice as text; nothing if it does not fit the type beside it."""
    text = str(choice).lower() if isinstance(choice, bool) or kind == "boolean" else str(choice).strip()
    fits = {
        "integer": r"[-+]?\d+(\.0+)?", "number": r"[-+]?[\d.]+([eE][-+]?\d+)?", "boolean": "true|false",
    }
    text = re.sub("[\ufe00-\ufe0f\u200b-\u200f]", "", text)  # what shows nothing is taken away
    return text if re.fullmatch(fits.get(kind, "(?s:.*)"), text) else ""


def implied(said, kind):
    """Whether keywords of a schema without a type speak of this one."""
    marks = {
        "object": ["properties"], "array": ["items"], "string": ["pattern", "format", "enum"],
        "number": ["minimum", "maximum", "format", "enum"], "integer": ["format", "enum"], "boolean": ["enum"],
    }
    return any(mark in said for mark in marks[kind])
