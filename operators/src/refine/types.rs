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
/// `str, optional`, `Optional[str]`), Java and JavaScript (`String`, `ArrayList`, `int[]`),
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
    let mut name = name.trim();
    if NAME_BYTES_MAX < name.len() {
        return (Type::Any, false);
    }
    let mut optional = false;
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
    (plain_type(name), optional)
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
