"""Compares exported tools with the native files they were made from, tool by tool.

    agentscaler build FOLDER --world world --set task.per_operation=0
    agentscaler export tools --world world --output tools.json
    agentscaler list rejections --world world --json > rejections.jsonl
    python3 tests/python/fidelity.py FOLDER tools.json rejections.jsonl [--show N]

An independent reader: nothing in it is taken from the importers. For every definition it finds
(`sources.py`), the export must hold a tool of that name with the same arguments (without
credentials and what belongs to the transport), the same required ones, the same types and
enumerations, and a description that begins with the same words once markup is gone. Prints, for
each format, how many were compared and how many agree, and a line for each that does not. Exits
with 1 if one differs or is missing without a rejection. Needs PyYAML for YAML, else only Python.
"""

import argparse
import collections
import html
import json
import re
import sys
import unicodedata

import sources

DEPTH_MAX = 6  # the plan's schema_depth_max: below it, anything goes
CHOICES_MAX = 64  # the plan's choices_max
PARTS_SURE = 300  # with what compositions took, a schema of more may have met schema_parts_max
ARGUMENT_CHARS_MAX, DESCRIPTION_CHARS_MAX = 300, 1000

TRANSPORT = set(
    "authorization proxy-authorization api-version oauth_token prettyprint quotauser userip $.xgafv "
    "upload_protocol uploadtype x-api-key x-api-version x-auth-token x-rapidapi-key x-rapidapi-host "
    "x-access-token ocp-apim-subscription-key x-ms-version".split()
)
HEADERS = set(
    "accept accept-charset accept-encoding connection content-length content-type cookie host origin "
    "referer user-agent idempotency-key if-match if-none-match if-modified-since x-request-id "
    "x-correlation-id x-ms-client-request-id".split()
)
CREDENTIALS = set(
    "access_token accesstoken access-token api_key apikey api-key app_key auth auth_token auth-token "
    "appid client_secret token session_token subscription-key x-token".split()
)


def letters(text):
    """The letters and digits of a text once markup is gone: what two cleanings must agree on."""
    text = re.sub(r"<!--.*?-->", " ", text, flags=re.S)
    text = re.sub(r"<(script|style)\b.*?</\1", " ", text, flags=re.S | re.I)
    tag = r"</?[a-zA-Z][a-zA-Z0-9]*(\s[^<>]*)?/?>"
    text = re.sub(tag, lambda it: it[0] if placeholder(it[0]) else " ", text)
    text = re.sub(r"!?\[([^\[\]]*)\]\([^)\n]*\)", r"\1", text)
    text = re.sub(tag, lambda it: it[0] if placeholder(it[0]) else " ", html.unescape(text))
    return "".join(c for c in text if c.isalnum() and unicodedata.category(c) != "Co")


# Markup; other words in angle brackets are placeholders that a reader needs.
MARKUP = set(
    "a abbr address article aside b big blockquote body br button caption center cite code col dd del "
    "details dfn div dl dt em embed fieldset figure font footer form fullname h1 h2 h3 h4 h5 h6 head "
    "header hr html i iframe img important ins kbd li link main meta nav nobr note object ol p para pre "
    "q samp script section small span strong style sub summary sup table tbody td tr u ul tfoot th thead "
    "title tt svg video input textarea var strike".split()
)


def placeholder(tag):
    return re.match(r"</?([a-zA-Z0-9]+)", tag)[1].lower() not in MARKUP


def begins_alike(said, shown, chars_max):
    """Whether what is shown is what was said, or its beginning where it had to be cut."""
    said, cut = letters(said), shown.endswith("…")
    shown = letters(shown)
    if said == shown:
        return True
    return said.startswith(shown) and (cut or len(said) > 4 * chars_max)


def key(name):
    """A name without what spelling it anew may change."""
    name = name.replace("ß", "ss").replace("ø", "o").replace("æ", "ae").replace("ł", "l")
    name = name.replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")
    name = unicodedata.normalize("NFKD", name)
    return re.sub(r"[^A-Za-z0-9]", "", name).lower()


class Export:
    """Exported tools, found by the name a source gives them."""

    def __init__(self, tools):
        self.tools = [tool["function"] for tool in tools]
        self.by_key, self.others = collections.defaultdict(list), []
        for tool in self.tools:
            self.by_key[key(tool["name"])].append(tool)

    def candidates(self, name):
        found = list(self.by_key.get(key(name), []))
        if found and name.isascii() and len(name) <= 64:
            return found
        # A long name, or one in another script, ends in a digest; the latter opens the description.
        stem = key(name)
        for tool in self.tools:
            if re.search(r"_[0-9a-f]{6}$", tool["name"]):
                spelled = key(tool["name"][:-7])
                opens = letters(tool["description"]).startswith(letters(name))
                if (len(name) > 64 and spelled and stem.startswith(spelled)) or opens:
                    found.append(tool)
        return found


def is_dropped(name, argument, tool):
    lower, place = name.strip().lower(), argument.place
    return (
        lower in TRANSPORT
        or lower.startswith("x-amz-")
        or (place == "header" and lower in HEADERS)
        or (place == "header" and re.search(r"([-_]key|apikey|-token|-secret)$", lower))
        or (place in ("header", "query", "cookie") and lower in CREDENTIALS)
        or argument.is_credential
        or (
            name == tool.name
            and not argument.schema.get("description")
            and not sources.says_required(argument, tool.root)
        )
        or not any(c.isalnum() for c in name)
    )


def compare(tool, shown):
    """What differs between a tool of the source and an exported one, each with a word for it."""
    faults = []
    description = tool.description
    if letters(description).lower() in sources.SAYS_NOTHING:
        description = ""
    offered = shown["description"]
    opening = f"{tool.name}: " if not tool.name.isascii() else ""
    if opening and offered.startswith(opening) and not description.startswith(opening):
        offered = offered[len(opening) :]
    elif opening and not description:
        offered = ""
    if not begins_alike(description, offered, DESCRIPTION_CHARS_MAX):
        faults.append(("description", f"{description[:90]!r} became {offered[:90]!r}"))
    schema = shown["parameters"]
    visible = {n: a for n, a in tool.arguments.items() if not is_dropped(n, a, tool)}
    names = pair_names(visible, schema["properties"])
    if names is None:
        ours, theirs = sorted(visible), sorted(schema["properties"])
        return faults + [("arguments", f"{ours} became {theirs}")]
    required = {names[n] for n, a in visible.items() if sources.says_required(a, tool.root)}
    if required != set(schema.get("required", [])):
        said = sorted(required ^ set(schema.get("required", [])))
        faults.append(("required", f"differs in {said}"))
    for name, argument in visible.items():
        property_ = schema["properties"][names[name]]
        for what, reason in sources.compare_schema(
            argument.schema, property_, tool.root, DEPTH_MAX, CHOICES_MAX
        ):
            # A schema of so many parts was cut: what is beyond has no type and no parts.
            is_cut = what in ("nested", "type") and PARTS_SURE < parts(schema)
            if not (is_cut and reason.endswith(("None", "not in the export"))):
                faults.append((what, f"{name}: {reason}"))
        said = sources.unmarked(sources.description_of(argument.schema, tool.root))
        shown_said = property_.get("description", "")
        if not name.isascii() and shown_said.startswith(name):
            shown_said = shown_said[len(name) :].removeprefix(": ")
        if not begins_alike(said, shown_said, ARGUMENT_CHARS_MAX):
            faults.append(("argument description", f"{name}: {said[:80]!r} became {shown_said[:80]!r}"))
    return faults


def parts(schema):
    """How many schemas there are in a schema."""
    inner = list(schema.get("properties", {}).values()) 
    inner += [schema["items"]] if "items" in schema else []
    return 1 + sum(map(parts, inner))


def pair_names(visible, properties):
    """The exported name of each argument; they keep their order, or nothing matches."""
    if len(visible) != len(properties):
        return None
    left, names = list(properties), {}
    for name in visible:
        exact = [one for one in left if one == name]
        alike = exact or [one for one in left if key(one) == key(name) and key(name)]
        alike = alike or [one for one in left if re.sub(r"\d+$", "", key(one)) == key(name)]
        alike = alike or [one for one in left if re.search(r"_[0-9a-f]{6}(_\d+)?$", one)]
        if not alike:
            return None
        names[name] = alike[0]
        left.remove(alike[0])
    return names


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("export")
    parser.add_argument("rejections")
    parser.add_argument("--show", type=int, default=0, help="print N tools beside their source")
    options = parser.parse_args()
    with open(options.export, encoding="utf-8") as file:
        export = Export(json.load(file))
    with open(options.rejections, encoding="utf-8") as file:
        rejected = [json.loads(line) for line in file.read().split("\n") if line]
    # Repetitions are in the export under another identity.
    away = {
        one["file"].partition("/")[2] + one["pointer"]: one["reason"]
        for one in rejected
        if one["stage"] in ("parse", "refine") and not one["reason"].startswith("repeats ")
    }
    tally, lines, shown = collections.defaultdict(collections.Counter), [], 0
    reasons = collections.Counter()
    for tool in sources.tools(options.folder):
        count = tally[tool.format]
        count["compared"] += 1
        if tool.place in away:
            count["turned away"] += 1
            reasons[f"{tool.format}: {away[tool.place]}"] += 1
            continue
        candidates = export.candidates(tool.name)
        if not candidates:
            count["missing"] += 1
            lines.append(f"{tool.place} {tool.name!r}: missing")
            continue
        faults, best = min(
            ((compare(tool, candidate), candidate) for candidate in candidates), key=lambda it: len(it[0])
        )
        count["differing" if faults else "agreeing"] += 1
        for what in {what for what, _ in faults}:
            count[f"differing in {what}"] += 1
        lines.extend(f"{tool.place} {tool.name!r}: {what}: {reason}" for what, reason in faults)
        if shown < options.show:
            shown += 1
            print(tool.place, "\n  source", tool.shown(), "\n  export", json.dumps(best, ensure_ascii=False))
    for line in lines:
        print(line)
    for reason, number in sorted(reasons.items()):
        print(f"turned away: {number} {reason}")
    for name, count in sorted(tally.items()):
        print(f"{name}: " + ", ".join(f"{number} {what}" for what, number in count.items()))
    sys.exit(any(count["differing"] + count["missing"] for count in tally.values()))


if __name__ == "__main__":
    main()
