//! Values in and out of formats: as themselves in JSON, with a tag in a binary format.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Value;

/// A value in formats that do not say what comes next: the variant leads.
#[derive(Serialize, Deserialize)]
enum Tagged<'a> {
    Null,
    Bool(bool),
    Integer(i64),
    Number(f64),
    Text(Cow<'a, str>),
    List(Cow<'a, [Value]>),
    Object(Cow<'a, [(String, Value)]>),
}

impl<'a> From<&'a Value> for Tagged<'a> {
    fn from(value: &'a Value) -> Tagged<'a> {
        match value {
            Value::Null => Tagged::Null,
            Value::Bool(truth) => Tagged::Bool(*truth),
            Value::Integer(integer) => Tagged::Integer(*integer),
            Value::Number(number) => Tagged::Number(number.get()),
            Value::Text(text) => Tagged::Text(Cow::Borrowed(text)),
            Value::List(items) => Tagged::List(Cow::Borrowed(items)),
            Value::Object(entries) => Tagged::Object(Cow::Borrowed(entries)),
        }
    }
}

impl From<Tagged<'_>> for Value {
    fn from(tagged: Tagged<'_>) -> Value {
        match tagged {
            Tagged::Null => Value::Null,
            Tagged::Bool(truth) => Value::Bool(truth),
            Tagged::Integer(integer) => Value::Integer(integer),
            Tagged::Number(number) => Value::number(number),
            Tagged::Text(text) => Value::Text(text.into_owned()),
            Tagged::List(items) => Value::List(items.into_owned()),
            Tagged::Object(entries) => Value::Object(entries.into_owned()),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return Tagged::from(self).serialize(serializer);
        }
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(truth) => serializer.serialize_bool(*truth),
            Value::Integer(integer) => serializer.serialize_i64(*integer),
            Value::Number(number) => serializer.serialize_f64(number.get()),
            Value::Text(text) => serializer.serialize_str(text),
            Value::List(items) => serializer.collect_seq(items),
            Value::Object(entries) => {
                serializer.collect_map(entries.iter().map(|(key, value)| (key, value)))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        if !deserializer.is_human_readable() {
            return Tagged::deserialize(deserializer).map(Value::from);
        }
        deserializer.deserialize_any(Reader)
    }
}

/// Builds a value as it is read, without an intermediate one.
struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E>(self, integer: i64) -> Result<Value, E> {
        Ok(Value::Integer(integer))
    }

    #[expect(clippy::cast_precision_loss, reason = "a number beyond 64 bits is kept as a float")]
    fn visit_u64<E>(self, integer: u64) -> Result<Value, E> {
        Ok(i64::try_from(integer).map_or_else(|_| Value::number(integer as f64), Value::Integer))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.into()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object: Vec<(String, Value)> = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            object.push(entry);
        }
        Ok(Value::Object(last_of_each_key(object)))
    }
}

/// Most keys compared one with another; more are sorted to find those written twice.
const COMPARED_MAX: usize = 16;

/// Of a key written twice the last value counts, in the place of the first.
fn last_of_each_key(mut entries: Vec<(String, Value)>) -> Vec<(String, Value)> {
    let repeats = if entries.len() <= COMPARED_MAX {
        entries
            .iter()
            .enumerate()
            .any(|(place, (key, _))| entries[..place].iter().any(|(other, _)| other == key))
    } else {
        let mut keys: Vec<&str> = entries.iter().map(|(key, _)| key.as_str()).collect();
        keys.sort_unstable();
        keys.windows(2).any(|pair| pair[0] == pair[1])
    };
    if !repeats {
        return entries;
    }
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut kept: Vec<(String, Value)> = Vec::new();
    for (key, value) in entries.drain(..) {
        match places.get(&key) {
            Some(place) => kept[*place].1 = value,
            None => {
                places.insert(key.clone(), kept.len());
                kept.push((key, value));
            }
        }
    }
    kept
}
