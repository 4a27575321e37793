//! What a tool answers: as declared, as exemplified, or as its name lets one expect.

use std::collections::BTreeSet;

use schemas::{Basis, CorpusPlan, Field, Output, Record, Rule, Shape, Value};

use super::name;
use super::shape::Shaper;

/// The answer of a record whose refined name is `name`.
pub(super) fn output(
    record: &Record,
    name: &str,
    plan: &CorpusPlan,
    met: &mut BTreeSet<Rule>,
) -> Output {
    let mut shaper = Shaper::new(plan);
    let declared = shaper.shape(&record.returns);
    if !says_nothing(&declared) {
        met.extend(shaper.met());
        met.insert(Rule::OutputDeclared);
        return Output { shape: declared, basis: Basis::Declared };
    }
    if matches!(record.example, Value::List(_) | Value::Object(_)) {
        let mut parts_left = plan.schema_parts_max;
        let shape = exemplified(&record.example, plan.schema_depth_max, &mut parts_left);
        if !says_nothing(&shape) {
            met.insert(Rule::OutputExampled);
            return Output { shape, basis: Basis::Example };
        }
    }
    met.insert(Rule::OutputInferred);
    Output { shape: inferred(record, name), basis: Basis::Inferred }
}

fn says_nothing(shape: &Shape) -> bool {
    match shape {
        Shape::Any => true,
        Shape::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// The shape of an example. Nothing in it is required: another answer may lack it.
fn exemplified(example: &Value, levels_left: usize, parts_left: &mut usize) -> Shape {
    *parts_left = parts_left.saturating_sub(1);
    match example {
        Value::Null => Shape::Any,
        Value::Bool(_) => Shape::Boolean,
        Value::Integer(_) => Shape::integer(),
        Value::Number(_) => Shape::number(),
        Value::Text(_) => Shape::text(),
        Value::List(items) => {
            let item = items.first().filter(|_| 0 < levels_left);
            let shape =
                item.map_or(Shape::Any, |item| exemplified(item, levels_left - 1, parts_left));
            Shape::List(Box::new(shape))
        }
        Value::Object(_) if levels_left == 0 => Shape::Object(Vec::new()),
        Value::Object(entries) => {
            let mut taken = BTreeSet::new();
            let mut fields = Vec::new();
            for (published, value) in entries {
                if *parts_left == 0 {
                    break;
                }
                let Some((name, _)) = name::of_argument(published, &mut taken) else { continue };
                let shape = exemplified(value, levels_left - 1, parts_left);
                fields.push(field(&name, shape));
            }
            Shape::Object(fields)
        }
    }
}

/// Words of a name, and the answer they let one expect.
const EXPECTED: [(&[&str], fn() -> Shape); 4] = [
    (&["is", "has", "check", "validate", "verify", "exists"], verdict),
    (&["count"], count),
    (&["list", "search", "find", "query", "browse", "all"], results),
    (&["delete", "remove", "cancel", "clear", "drop"], success),
];

fn inferred(record: &Record, name: &str) -> Shape {
    let words = super::fitness::words(name);
    for (expected, shape) in EXPECTED {
        let mut verbs = words.iter().take(3);
        if verbs.any(|word| expected.contains(&word.as_str())) {
            return shape();
        }
    }
    match record.method.as_deref() {
        Some("DELETE") => success(),
        _ => Shape::Object(Vec::new()),
    }
}

fn verdict() -> Shape {
    Shape::Object(vec![field("result", Shape::Boolean)])
}

fn count() -> Shape {
    Shape::Object(vec![field("count", Shape::integer())])
}

fn results() -> Shape {
    let item = Shape::Object(Vec::new());
    Shape::Object(vec![field("results", Shape::List(Box::new(item)))])
}

fn success() -> Shape {
    Shape::Object(vec![field("success", Shape::Boolean)])
}

fn field(name: &str, shape: Shape) -> Field {
    Field {
        name: name.into(),
        shape,
        required: false,
        place: String::new(),
        description: String::new(),
        default: Value::Null,
        example: Value::Null,
    }
}
