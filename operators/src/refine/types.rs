//! The many spellings of a type.

/// What the name of a type means.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Type {
    /// Text, with a JSON Schema format or an empty one.
    Text(&'static str),
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// An array, of the type named if one is.
    List(Option<String>),
    /// An object.
    Object,
    /// Nothing; in a list of types it says that the value may be missing.
    Null,
    /// Anything, also for a name nobody knows.
    Any,
}

/// Longest name of a type read, in bytes.
const NAME_BYTES_MAX: usize = 200;

/// Reads the name of a type, and whether it says that the value may be left out.
///
/// JSON Schema's own seven, and what sources write in their place: Python (`dict`, `List[int]`,
/// `str, optional`, `Optional[str]`, `Union[int, float]`, `float/int`, `list of strings`), Java and JavaScript (`String`, `ArrayList`, `int[]`),
/// RapidAPI (`STRING`, `DATE (YYYY-MM-DD)`), Alibaba Cloud (`RepeatList`, `Struct`, `Json`).
pub(super) fn type_of(name: &str) -> (Type, bool) {
    // The spellings of JSON Schema first, since nearly all are.
    match name {
        "string" => return (Type::Text(""), false),
        "integer" => return (Type::Integer, false),
        "object" => return (Type::Object, false),
        "array" => return (Type::List(None), false),
        "boolean" => return (Type::Boolean, false),
        "number" => return (Type::Number, false),
        _ => {}
    }
    if NAME_BYTES_MAX < name.len() {
        return (Type::Any, false);
    }
    named_type(name)
}

fn named_type(name: &str) -> (Type, bool) {
    // Signatures and scrapers leave a comma behind.
    let mut name = name.trim().trim_end_matches([',', ';', '.']);
    name = name.strip_prefix("typing.").unwrap_or(name);
    let mut optional = false;
    if let Some((first, last)) = name.rsplit_once('(')
        && last.trim_end_matches(')').trim().eq_ignore_ascii_case("optional")
    {
        (name, optional) = (first.trim(), true);
    }
    while let Some((first, last)) = name.rsplit_once(',')
        && matches!(last.trim().to_ascii_lowercase().as_str(), "optional" | "required")
    {
        optional |= last.trim().eq_ignore_ascii_case("optional");
        name = first.trim();
    }
    if let Some(inner) = enclosed(name, "optional") {
        return (type_of(inner).0, true);
    }
    if let Some(inner) = name.strip_suffix('?') {
        return (type_of(inner).0, true);
    }
    let union = enclosed(name, "union").map(|inner| parts(inner, &[","]));
    let kinds = union.unwrap_or_else(|| parts(name, &["|", "/", " or "]));
    if 1 < kinds.len() {
        return one_of(&kinds, optional);
    }
    (plain_type(name), optional)
}

/// The type of what is of one of these types, and whether nothing is one of them.
fn one_of(names: &[&str], optional: bool) -> (Type, bool) {
    let mut types: Vec<Type> = names.iter().map(|name| type_of(name).0).collect();
    let count = types.len();
    types.retain(|one| *one != Type::Null);
    let optional = optional || types.len() < count;
    if types.iter().all(|one| matches!(one, Type::Integer | Type::Number)) {
        types.sort_by_key(|one| *one == Type::Integer);
        types.truncate(1);
    }
    types.dedup();
    match types.pop() {
        Some(only) if types.is_empty() => (only, optional),
        _ => (Type::Any, optional),
    }
}

/// What stands between separators, but for those inside brackets.
fn parts<'a>(name: &'a str, separators: &[&str]) -> Vec<&'a str> {
    let mut parts = Vec::new();
    let (mut start, mut depth) = (0, 0_usize);
    for (place, character) in name.char_indices() {
        match character {
            '[' | '(' | '<' => depth += 1,
            ']' | ')' | '>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let separator = separators.iter().find(|it| name[place..].starts_with(**it));
        if let (0, Some(separator), true) = (depth, separator, start <= place) {
            parts.push(name[start..place].trim());
            start = place + separator.len();
        }
    }
    parts.push(name[start..].trim());
    parts
}

fn plain_type(name: &str) -> Type {
    if let Some(inner) = name.strip_suffix("[]") {
        return Type::List(Some(inner.trim().into()));
    }
    for list in ["list", "array", "set", "sequence", "tuple", "iterable", "arraylist", "vector"] {
        if let Some(inner) = enclosed(name, list) {
            let same = if list == "tuple" { one_of_equals(inner) } else { Some(inner) };
            return Type::List(same.map(|item| item.trim().into()));
        }
    }
    if ["dict", "map", "hashmap", "record", "mapping"]
        .iter()
        .any(|map| enclosed(name, map).is_some())
    {
        return Type::Object;
    }
    let lower = name.to_ascii_lowercase();
    let listed = ["list of ", "array of "].iter().find_map(|start| lower.strip_prefix(start));
    if let Some(items) = listed {
        return Type::List(Some(singular(items.trim())));
    }
    let word = lower.split([' ', '(', ':']).next().unwrap_or_default();
    match word {
        "string" | "str" | "text" | "char" | "varchar" | "enum" | "character" | "cdata"
        | "byte" | "bytes" | "binary" | "file" | "base64" | "password" | "code" => Type::Text(""),
        "date" if lower.contains("time") => Type::Text("date-time"),
        "date" => Type::Text("date"),
        "datetime" | "date-time" | "timestamp" => Type::Text("date-time"),
        "time" => Type::Text("time"),
        "email" => Type::Text("email"),
        "url" | "uri" => Type::Text("uri"),
        "uuid" | "guid" => Type::Text("uuid"),
        "integer" | "int" | "long" | "short" | "int32" | "int64" | "uint" | "uint32" | "uint64"
        | "bigint" => Type::Integer,
        "number" | "float" | "double" | "decimal" | "num" | "numeric" | "real" | "float32"
        | "float64" => Type::Number,
        "boolean" | "bool" => Type::Boolean,
        "array" | "list" | "tuple" | "set" | "repeatlist" | "arraylist" | "sequence" => {
            Type::List(None)
        }
        "object" | "dict" | "dictionary" | "map" | "struct" | "json" | "hashmap" | "hash" => {
            Type::Object
        }
        "null" | "none" | "nonetype" => Type::Null,
        _ => Type::Any,
    }
}

/// `strings` as `string`, `dictionaries` as `dictionary`.
fn singular(plural: &str) -> String {
    match (plural.strip_suffix("ies"), plural.strip_suffix('s')) {
        (Some(stem), _) => format!("{stem}y"),
        (None, Some(stem)) => stem.into(),
        (None, None) => plural.into(),
    }
}

/// What stands in the brackets of `outer[…]`, `outer(…)` or `outer<…>`.
fn enclosed<'a>(name: &'a str, outer: &str) -> Option<&'a str> {
    let head = name.get(..outer.len()).filter(|head| head.eq_ignore_ascii_case(outer))?;
    let rest = name[head.len()..].trim();
    [('[', ']'), ('(', ')'), ('<', '>')]
        .iter()
        .find_map(|(open, close)| rest.strip_prefix(*open)?.strip_suffix(*close))
}

/// The first of several types if all are the same.
fn one_of_equals(types: &str) -> Option<&str> {
    let mut parts = types.split(',').map(str::trim).filter(|part| *part != "...");
    let first = parts.next()?;
    parts.all(|part| part == first).then_some(first)
}
