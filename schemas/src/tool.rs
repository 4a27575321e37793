//! Tools: API descriptions refined until they can be acted on.

use serde::{Deserialize, Serialize};

use crate::{Digest, Origin, Rule, ToolId, Value};

/// A callable with a typed input and a typed output.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Tool {
    /// Stays when the description is edited.
    pub id: ToolId,
    /// Digest of everything below but the identity: changes with every edit, and not when a
    /// neighbour of the same identity comes or goes.
    pub revision: Digest,
    /// What the id was derived from: readable, unique in a corpus.
    pub identity: String,
    /// Refined name, `[A-Za-z0-9_-]{1,64}`.
    pub name: String,
    /// Refined description: no markup, no control characters, no chat control tokens.
    pub description: String,
    /// The collection of records it belongs to.
    pub source: String,
    /// Who offers the API.
    pub provider: String,
    /// The API among the provider's.
    pub service: String,
    /// The topic the source files it under, or empty.
    pub category: String,
    /// The licence of the description, or empty.
    pub license: String,
    /// HTTP method in upper case, where there is one.
    pub method: Option<String>,
    /// Resource path with `{parameter}` segments, where there is one.
    pub path: Option<String>,
    /// The arguments, in the order of the source; names are unique.
    pub input: Vec<Field>,
    /// What it answers.
    pub output: Output,
}

/// One of the records a tool was made from: its own, or one that repeats it.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Provenance {
    /// The tool.
    pub tool: ToolId,
    /// Where the record came from.
    pub origin: Origin,
    /// What refining did to the record; for a repetition, what made it one.
    pub rules: Vec<Rule>,
}

/// What a tool answers, and how we know.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Output {
    /// The answer's shape; [`Shape::Any`] if nothing is known.
    pub shape: Shape,
    /// How we know.
    pub basis: Basis,
}

/// How an output specification came to be known.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The source states a schema.
    Declared,
    /// The source gives an example of an answer.
    Example,
    /// A model was asked, and this is what it made of the description: plausible, not vouched for.
    Model,
    /// Derived from the name, the method and the description.
    Inferred,
}

/// A named part of an input or an object.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Field {
    /// Its name; for an input, `[A-Za-z0-9_.-]{1,64}` as providers of models demand.
    pub name: String,
    /// What it may hold.
    pub shape: Shape,
    /// Whether it must be there.
    pub required: bool,
    /// Where an HTTP parameter goes: `path`, `query`, `header`, `body`…, or empty.
    pub place: String,
    /// What it means, refined like a tool's description.
    pub description: String,
    /// What is meant when it is left out, or [`Value::Null`].
    pub default: Value,
    /// A value of the source's own, as a hint, or [`Value::Null`].
    pub example: Value,
}

/// What a value may be: the part of JSON Schema that tools use, with bounded depth.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Text.
    Text {
        /// JSON Schema `format`, such as `date-time` or `email`, or empty.
        format: String,
        /// JSON Schema `pattern`, or empty. A hint, never run on untrusted input as is.
        pattern: String,
    },
    /// A whole number; bounds are inclusive.
    Integer {
        /// Least allowed, if any.
        minimum: Option<i64>,
        /// Greatest allowed, if any.
        maximum: Option<i64>,
    },
    /// A number; bounds are inclusive and, being floats, kept as values.
    Number {
        /// Least allowed, or [`Value::Null`].
        minimum: Value,
        /// Greatest allowed, or [`Value::Null`].
        maximum: Value,
    },
    /// True or false.
    Boolean,
    /// One of these values; never empty.
    Choice(Vec<Value>),
    /// An array of one shape.
    List(Box<Shape>),
    /// An object with these fields; others are ignored.
    Object(Vec<Field>),
    /// Anything.
    Any,
}

impl Shape {
    /// Plain text without format or pattern.
    pub fn text() -> Shape {
        Shape::Text { format: String::new(), pattern: String::new() }
    }

    /// A whole number without bounds.
    pub fn integer() -> Shape {
        Shape::Integer { minimum: None, maximum: None }
    }

    /// A number without bounds.
    pub fn number() -> Shape {
        Shape::Number { minimum: Value::Null, maximum: Value::Null }
    }

    /// Whether a value fits. A whole number fits a number; `pattern` and `format` are not checked.
    pub fn admits(&self, value: &Value) -> bool {
        match (self, value) {
            (Shape::Text { .. }, Value::Text(_))
            | (Shape::Boolean, Value::Bool(_))
            | (Shape::Any, _) => true,
            (Shape::Integer { minimum, maximum }, Value::Integer(integer)) => {
                minimum.is_none_or(|least| least <= *integer)
                    && maximum.is_none_or(|greatest| *integer <= greatest)
            }
            (Shape::Number { minimum, maximum }, number) => {
                number.as_number().is_some_and(|number| {
                    minimum.as_number().is_none_or(|least| least <= number)
                        && maximum.as_number().is_none_or(|greatest| number <= greatest)
                })
            }
            (Shape::Choice(choices), value) => choices.iter().any(|choice| choice.same(value)),
            (Shape::List(shape), Value::List(items)) => items.iter().all(|item| shape.admits(item)),
            (Shape::Object(fields), Value::Object(_)) => fields.iter().all(|field| {
                value.get(&field.name).map_or(!field.required, |part| field.shape.admits(part))
            }),
            _ => false,
        }
    }

    /// The shape in a word or two, as an error message says it.
    pub fn describe(&self) -> String {
        match self {
            Shape::Text { .. } => "a string".into(),
            Shape::Integer { minimum: None, maximum: None } => "an integer".into(),
            Shape::Integer { minimum, maximum } => match (minimum, maximum) {
                (Some(least), Some(greatest)) => format!("an integer from {least} to {greatest}"),
                (Some(least), None) => format!("an integer of at least {least}"),
                (_, greatest) => format!("an integer of at most {}", greatest.unwrap_or(i64::MAX)),
            },
            Shape::Number { minimum, maximum } => match (minimum.is_null(), maximum.is_null()) {
                (true, true) => "a number".into(),
                (false, false) => format!("a number from {minimum} to {maximum}"),
                (false, true) => format!("a number of at least {minimum}"),
                (true, false) => format!("a number of at most {maximum}"),
            },
            Shape::Boolean => "a boolean".into(),
            Shape::Choice(choices) => {
                let listed: Vec<String> = choices.iter().take(12).map(Value::to_string).collect();
                let more = if 12 < choices.len() { ", …" } else { "" };
                format!("one of {}{more}", listed.join(", "))
            }
            Shape::List(_) => "an array".into(),
            Shape::Object(_) => "an object".into(),
            Shape::Any => "any value".into(),
        }
    }

    /// The shape as JSON Schema (draft 2020-12), in the canonical dialect that agents are shown.
    pub fn json_schema(&self) -> Value {
        let typed = |name: &str| vec![("type".to_string(), Value::text(name))];
        Value::Object(match self {
            Shape::Text { format, pattern } => {
                let mut schema = typed("string");
                if !format.is_empty() {
                    schema.push(("format".into(), Value::text(format)));
                }
                if !pattern.is_empty() {
                    schema.push(("pattern".into(), Value::text(pattern)));
                }
                schema
            }
            Shape::Integer { minimum, maximum } => {
                let mut schema = typed("integer");
                schema.extend(minimum.map(|least| ("minimum".into(), Value::Integer(least))));
                schema.extend(maximum.map(|most| ("maximum".into(), Value::Integer(most))));
                schema
            }
            Shape::Number { minimum, maximum } => {
                let mut schema = typed("number");
                for (name, bound) in [("minimum", minimum), ("maximum", maximum)] {
                    if !bound.is_null() {
                        schema.push((name.into(), bound.clone()));
                    }
                }
                schema
            }
            Shape::Boolean => typed("boolean"),
            Shape::Choice(choices) => {
                let mut schema = match common_type(choices) {
                    Some(name) => typed(name),
                    None => Vec::new(),
                };
                schema.push(("enum".into(), Value::List(choices.clone())));
                schema
            }
            Shape::List(shape) => {
                let mut schema = typed("array");
                schema.push(("items".into(), shape.json_schema()));
                schema
            }
            Shape::Object(fields) => return object_schema(fields),
            Shape::Any => Vec::new(),
        })
    }
}

/// The JSON Schema of an object with these fields, descriptions and defaults included.
pub fn object_schema(fields: &[Field]) -> Value {
    let properties = fields.iter().map(|field| {
        let Value::Object(mut schema) = field.shape.json_schema() else {
            unreachable!("every shape's schema is an object")
        };
        if !field.description.is_empty() {
            schema.push(("description".into(), Value::text(&field.description)));
        }
        if !field.default.is_null() {
            schema.push(("default".into(), field.default.clone()));
        }
        (field.name.clone(), Value::Object(schema))
    });
    let required: Vec<Value> = fields
        .iter()
        .filter(|field| field.required)
        .map(|field| Value::text(&field.name))
        .collect();
    let mut schema = vec![
        ("type".to_string(), Value::text("object")),
        ("properties".to_string(), Value::Object(properties.collect())),
    ];
    if !required.is_empty() {
        schema.push(("required".into(), Value::List(required)));
    }
    Value::Object(schema)
}

fn common_type(values: &[Value]) -> Option<&'static str> {
    let name = |value: &Value| match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Integer(_) => "integer",
        Value::Number(_) => "number",
        Value::Text(_) => "string",
        Value::List(_) => "array",
        Value::Object(_) => "object",
    };
    let first = name(values.first()?);
    values.iter().all(|value| name(value) == first).then_some(first)
}
