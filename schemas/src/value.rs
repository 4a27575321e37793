//! Values of arguments, columns and observations, with a total order and one spelling.

use std::cmp::Ordering;
use std::fmt::{self, Write as _};

mod serial;

/// A JSON value with a total order, so that it can be a key of the dataflow.
///
/// Objects keep the order in which their keys were written, since that is what a reader sees;
/// [`Value::canonical`] forgets it.
#[derive(Clone, Debug, Default, Eq, PartialEq, Ord, PartialOrd)]
pub enum Value {
    /// Nothing; also what an omitted argument or an empty column holds.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number within 64 bits.
    Integer(i64),
    /// Any other finite number.
    Number(Finite),
    /// Text.
    Text(String),
    /// An array.
    List(Vec<Value>),
    /// An object; keys are unique.
    Object(Vec<(String, Value)>),
}

/// A finite floating-point number, ordered by value. Negative zero is zero.
#[derive(Clone, Copy, Debug)]
pub struct Finite(f64);

impl Finite {
    /// Wraps a number, unless it is infinite or not a number.
    pub fn new(number: f64) -> Option<Finite> {
        number.is_finite().then_some(Finite(number + 0.0))
    }

    /// The number itself.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl PartialEq for Finite {
    fn eq(&self, other: &Finite) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Finite {}

impl PartialOrd for Finite {
    fn partial_cmp(&self, other: &Finite) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Finite {
    fn cmp(&self, other: &Finite) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Value {
    /// A floating-point number; nothing if it is not finite.
    pub fn number(number: f64) -> Value {
        Finite::new(number).map_or(Value::Null, Value::Number)
    }

    /// Text.
    pub fn text(text: impl Into<String>) -> Value {
        Value::Text(text.into())
    }

    /// The text of a text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number of an integer or a number.
    #[expect(clippy::cast_precision_loss, reason = "a comparison of magnitudes, not an identity")]
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Value::Integer(integer) => Some(*integer as f64),
            Value::Number(number) => Some(number.get()),
            _ => None,
        }
    }

    /// Whether this is nothing.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The value under `key`, of an object.
    pub fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Value::Object(entries) => {
                entries.iter().find(|(name, _)| name == key).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// The value at an RFC 6901 pointer such as `/results/0/book_id`; the empty pointer is this.
    pub fn at(&self, pointer: &str) -> Option<&Value> {
        pointer.split('/').skip(1).try_fold(self, |value, step| match value {
            Value::Object(_) => value.get(&step.replace("~1", "/").replace("~0", "~")),
            Value::List(items) => items.get(step.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// Whether two values are the same to a tool: numbers by magnitude (`1` is `1.0`), objects
    /// whatever the order of their keys.
    pub fn same(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::List(ours), Value::List(theirs)) => {
                ours.len() == theirs.len()
                    && ours.iter().zip(theirs).all(|(our, their)| our.same(their))
            }
            (Value::Object(ours), Value::Object(theirs)) => {
                ours.len() == theirs.len()
                    && ours.iter().all(|(key, our)| other.get(key).is_some_and(|it| our.same(it)))
            }
            (Value::Integer(ours), Value::Integer(theirs)) => ours == theirs,
            _ => match (self.as_number(), other.as_number()) {
                (Some(ours), Some(theirs)) => ours.total_cmp(&theirs) == Ordering::Equal,
                _ => self == other,
            },
        }
    }

    /// Reads a value from JSON text.
    ///
    /// # Errors
    ///
    /// Returns what `serde_json` found wrong: bad syntax, or nesting beyond its limit of 128.
    pub fn parse(text: &str) -> Result<Value, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The same value with every object's keys sorted.
    #[must_use]
    pub fn canonical(self) -> Value {
        match self {
            Value::List(items) => Value::List(items.into_iter().map(Value::canonical).collect()),
            Value::Object(entries) => {
                let mut entries: Vec<_> =
                    entries.into_iter().map(|(key, value)| (key, value.canonical())).collect();
                entries.sort();
                Value::Object(entries)
            }
            other => other,
        }
    }

    /// The value as [`Value::write_json`] writes it.
    pub fn json(&self) -> String {
        let mut text = String::new();
        self.write_json(&mut text);
        text
    }

    /// Writes the value as Python's `json.dumps(value, ensure_ascii=False)` does, character for
    /// character, so that an exported environment can say the same.
    pub fn write_json(&self, out: &mut String) {
        match self {
            Value::Null => out.push_str("null"),
            Value::Bool(true) => out.push_str("true"),
            Value::Bool(false) => out.push_str("false"),
            Value::Integer(integer) => {
                write!(out, "{integer}").expect("a string takes any text");
            }
            Value::Number(number) => write_float(number.get(), out),
            Value::Text(text) => write_text(text, out),
            Value::List(items) => {
                out.push('[');
                for (place, item) in items.iter().enumerate() {
                    out.push_str(if place == 0 { "" } else { ", " });
                    item.write_json(out);
                }
                out.push(']');
            }
            Value::Object(entries) => {
                out.push('{');
                for (place, (key, value)) in entries.iter().enumerate() {
                    out.push_str(if place == 0 { "" } else { ", " });
                    write_text(key, out);
                    out.push_str(": ");
                    value.write_json(out);
                }
                out.push('}');
            }
        }
    }
}

/// Spells a float as Python's `repr` does: shortest digits, an exponent outside 1e-4..1e16.
fn write_float(number: f64, out: &mut String) {
    let mut scientific = format!("{number:e}");
    let mantissa = scientific.bytes().take_while(|it| *it != b'e');
    let significant = mantissa.filter(u8::is_ascii_digit).count();
    let mut is_tied = false;
    if TIED_DIGITS_MIN <= significant {
        // Where two shortest spellings are equally near, Python takes the even one.
        let even = format!("{number:.*e}", significant - 1);
        is_tied = even != scientific
            && even.parse().is_ok_and(|it: f64| it.to_bits() == number.to_bits());
        if is_tied {
            scientific = even;
        }
    }
    let (digits, exponent) = scientific.split_once('e').expect("scientific notation has an e");
    let exponent: i32 = exponent.parse().expect("the exponent is an integer");
    if (-4..16).contains(&exponent) {
        let start = out.len();
        if is_tied {
            let decimals = i64::try_from(significant).unwrap_or(0) - 1 - i64::from(exponent);
            let decimals = usize::try_from(decimals).unwrap_or(0);
            out.push_str(&format!("{number:.decimals$}"));
        } else {
            out.push_str(&number.to_string());
        }
        if !out[start..].contains('.') {
            out.push_str(".0");
        }
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        out.push_str(&format!("{digits}e{sign}{:02}", exponent.abs()));
    }
}

/// With fewer digits, no number lies halfway between two spellings that both mean it.
const TIED_DIGITS_MIN: usize = 16;

/// Where the first byte is that JSON wants written otherwise. Looks at many at once: most texts have
/// none, and are long.
fn special(text: &[u8]) -> Option<usize> {
    const AT_ONCE: usize = 32;
    let is_special = |byte: &u8| *byte < b' ' || *byte == b'"' || *byte == b'\\';
    let plain = text.chunks_exact(AT_ONCE);
    let plain = plain.take_while(|part| !part.iter().fold(false, |any, it| any | is_special(it)));
    let plain = plain.count() * AT_ONCE;
    text[plain..].iter().position(is_special).map(|place| plain + place)
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some(place) = special(rest.as_bytes()) {
        let (plain, tail) = rest.split_at(place);
        out.push_str(plain);
        match tail.as_bytes()[0] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            8 => out.push_str("\\b"),
            12 => out.push_str("\\f"),
            control => out.push_str(&format!("\\u{control:04x}")),
        }
        rest = &tail[1..];
    }
    out.push_str(rest);
    out.push('"');
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.json())
    }
}

impl From<serde_json::Value> for Value {
    fn from(json: serde_json::Value) -> Value {
        match json {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(truth) => Value::Bool(truth),
            serde_json::Value::Number(number) => number
                .as_i64()
                .map_or_else(|| number.as_f64().map_or(Value::Null, Value::number), Value::Integer),
            serde_json::Value::String(text) => Value::Text(text),
            serde_json::Value::Array(items) => {
                Value::List(items.into_iter().map(Value::from).collect())
            }
            serde_json::Value::Object(entries) => Value::Object(
                entries.into_iter().map(|(key, value)| (key, Value::from(value))).collect(),
            ),
        }
    }
}

impl From<&Value> for serde_json::Value {
    fn from(value: &Value) -> serde_json::Value {
        match value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(truth) => (*truth).into(),
            Value::Integer(integer) => (*integer).into(),
            Value::Number(number) => number.get().into(),
            Value::Text(text) => text.clone().into(),
            Value::List(items) => items.iter().map(serde_json::Value::from).collect(),
            Value::Object(entries) => entries
                .iter()
                .map(|(key, part)| (key.clone(), serde_json::Value::from(part)))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Value;

    /// Left: JSON as read. Right: what Python 3.12 prints for it.
    #[test]
    fn values_are_spelled_as_python_spells_them() {
        for (read, printed) in [
            ("1.0", "1.0"),
            ("1e16", "1e+16"),
            ("1e15", "1000000000000000.0"),
            ("1e-7", "1e-07"),
            ("0.0001", "0.0001"),
            ("0.00001", "1e-05"),
            ("123456.789", "123456.789"),
            ("1.2345678901234567e20", "1.2345678901234567e+20"),
            ("-0.0", "0.0"),
            ("-1048234597557324.25", "-1048234597557324.2"),
            ("1048234597557324.75", "1048234597557324.8"),
            ("9007199254740993e-1", "900719925474099.2"),
            ("18446744073709551616", "1.8446744073709552e+19"),
            ("{\"b\":[1,true],\"a\":null}", "{\"b\": [1, true], \"a\": null}"),
            ("{\"a\":1,\"b\":2,\"a\":3}", "{\"a\": 3, \"b\": 2}"),
            ("\"\\u0001\\u00e9\\u2028\\/\\n\"", "\"\\u0001é\u{2028}/\\n\""),
        ] {
            assert_eq!(Value::parse(read).unwrap().to_string(), printed, "{read}");
        }
    }

    #[test]
    fn sameness_forgets_spelling_and_order() {
        let same =
            |one: &str, other: &str| Value::parse(one).unwrap().same(&Value::parse(other).unwrap());
        assert!(same("1", "1.0"));
        assert!(same("{\"a\":1,\"b\":[2]}", "{\"b\":[2.0],\"a\":1}"));
        assert!(!same("1", "\"1\""));
        assert!(!same("[1,2]", "[2,1]"));
    }

    #[test]
    fn pointers_reach_into_lists_and_objects() {
        let value = Value::parse("{\"results\":[{\"a/b\":7}]}").unwrap();
        assert_eq!(value.at("/results/0/a~1b"), Some(&Value::Integer(7)));
        assert_eq!(value.at("/results/1"), None);
        assert_eq!(value.at(""), Some(&value));
    }
}
