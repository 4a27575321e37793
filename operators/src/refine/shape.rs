//! JSON Schemas of any dialect as shapes.

use std::collections::BTreeSet;

use schemas::{CorpusPlan, Field, Rule, Shape, Value};

use super::types::{Type, type_of};
use super::{name, text};

/// Turns schemas into shapes, within the limits of a plan; one for each input or output.
pub(super) struct Shaper<'a> {
    plan: &'a CorpusPlan,
    parts_left: usize,
    met: BTreeSet<Rule>,
}

/// Longest regular expression kept, in characters: one cut short would be another.
const PATTERN_CHARS_MAX: usize = 200;

/// Most steps from a schema to a part of it, compositions and type names included.
const STEPS_MAX: usize = 40;

impl<'a> Shaper<'a> {
    /// A shaper that has met no part yet.
    pub(super) fn new(plan: &'a CorpusPlan) -> Shaper<'a> {
        Shaper { plan, parts_left: plan.schema_parts_max, met: BTreeSet::new() }
    }

    /// The rules that the schemas met.
    pub(super) fn met(self) -> BTreeSet<Rule> {
        self.met
    }

    /// The shape of a schema; anything where it is too deep, or says nothing.
    pub(super) fn shape(&mut self, schema: &Value) -> Shape {
        self.step(schema, 0, 0)
    }

    fn step(&mut self, schema: &Value, level: usize, steps: usize) -> Shape {
        if STEPS_MAX <= steps || self.parts_left == 0 {
            self.met.insert(Rule::SchemaCut);
            return Shape::Any;
        }
        self.parts_left -= 1;
        self.note_marks(schema);
        if let Some(constant) = schema.get("const") {
            return choice(std::slice::from_ref(constant), &Shape::Any, self.plan)
                .unwrap_or(Shape::Any);
        }
        let base = self.base(schema, level, steps);
        match schema.get("enum") {
            Some(Value::List(values)) => chosen(values, base, self.plan),
            _ => base,
        }
    }

    /// The shape without regard to `enum`.
    fn base(&mut self, schema: &Value, level: usize, steps: usize) -> Shape {
        if let Some(Value::List(parts)) = schema.get("allOf") {
            return self.all_of(schema, parts, level, steps);
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(Value::List(parts)) = schema.get(key) {
                let own = self.typed(schema, level, steps);
                let shapes = parts.iter().filter(|part| !is_null(part));
                let shapes: Vec<Shape> =
                    shapes.map(|part| self.step(part, level, steps + 1)).collect();
                let joined = shapes.into_iter().reduce(|one, other| either(one, other, self.plan));
                return match (own, joined) {
                    (Shape::Any, Some(joined)) => joined,
                    (Shape::Object(own), Some(Shape::Object(more))) => {
                        Shape::Object(both(own, more, false))
                    }
                    (own, _) => own,
                };
            }
        }
        self.typed(schema, level, steps)
    }

    /// What the importer wrote beside a part that it could not follow or had to cut.
    fn note_marks(&mut self, schema: &Value) {
        for (mark, rule) in [
            ("x-unresolved", Rule::Dangling),
            ("x-truncated", Rule::SchemaCut),
            ("x-cycle", Rule::SchemaCut),
            ("x-more-properties", Rule::SchemaCut),
        ] {
            if schema.get(mark).is_some() {
                self.met.insert(rule);
            }
        }
    }

    fn all_of(&mut self, schema: &Value, parts: &[Value], level: usize, steps: usize) -> Shape {
        let own = self.typed(schema, level, steps);
        let parts: Vec<Shape> =
            parts.iter().map(|part| self.step(part, level, steps + 1)).collect();
        let mut whole = Shape::Any;
        for part in parts.into_iter().chain([own]) {
            whole = match (whole, part) {
                (Shape::Object(ours), Shape::Object(theirs)) => {
                    Shape::Object(both(ours, theirs, true))
                }
                (Shape::Any, part) => part,
                (whole, _) => whole,
            };
        }
        whole
    }

    fn typed(&mut self, schema: &Value, level: usize, steps: usize) -> Shape {
        match schema.get("type") {
            Some(Value::Text(name)) => self.of_type(&type_of(name).0, schema, level, steps),
            Some(Value::List(names)) => {
                let mut types: Vec<Type> = names
                    .iter()
                    .filter_map(|name| Some(type_of(name.as_text()?).0))
                    .filter(|one| *one != Type::Null)
                    .collect();
                types.dedup();
                let shapes: Vec<Shape> =
                    types.iter().map(|one| self.of_type(one, schema, level, steps)).collect();
                shapes
                    .into_iter()
                    .reduce(|one, other| either(one, other, self.plan))
                    .unwrap_or(Shape::Any)
            }
            _ => self.of_type(&implied(schema), schema, level, steps),
        }
    }

    fn of_type(&mut self, kind: &Type, schema: &Value, level: usize, steps: usize) -> Shape {
        let deep = self.plan.schema_depth_max <= level;
        match kind {
            Type::Text(format) => {
                let said = |key: &str| schema.get(key).and_then(Value::as_text).unwrap_or_default();
                let stated = said("format");
                let format = if stated.is_empty() { format } else { stated };
                Shape::Text {
                    format: text::clean(format, 40),
                    pattern: text::pattern(said("pattern"), PATTERN_CHARS_MAX),
                }
            }
            Type::Integer => integer(schema),
            Type::Number => number(schema),
            Type::Boolean => Shape::Boolean,
            Type::List(_) | Type::Object if deep => {
                self.met.insert(Rule::SchemaCut);
                match kind {
                    Type::Object => Shape::Object(Vec::new()),
                    _ => Shape::List(Box::new(Shape::Any)),
                }
            }
            Type::List(named) => {
                let items = match (schema.get("items"), named) {
                    (Some(items), _) => self.step(items, level + 1, steps + 1),
                    (None, Some(name)) => {
                        let item = Value::Object(vec![("type".into(), Value::text(name))]);
                        self.step(&item, level + 1, steps + 1)
                    }
                    (None, None) => Shape::Any,
                };
                Shape::List(Box::new(items))
            }
            Type::Object => Shape::Object(self.fields(schema, level, steps)),
            Type::Null | Type::Any => Shape::Any,
        }
    }

    fn fields(&mut self, schema: &Value, level: usize, steps: usize) -> Vec<Field> {
        let Some(Value::Object(properties)) = schema.get("properties") else { return Vec::new() };
        let required = required_of(schema);
        let mut taken = BTreeSet::new();
        let mut fields = Vec::new();
        for (published, property) in properties {
            if self.parts_left == 0 {
                self.met.insert(Rule::SchemaCut);
                break;
            }
            let Some((name, original)) = name::of_argument(published, &mut taken) else { continue };
            let is_required = required.contains(published.as_str());
            let mut field = self.field(property, is_required, level + 1, steps + 1);
            if let Some(original) = original {
                field.description =
                    name::introduced(&original, &field.description, self.plan.argument_chars_max);
            }
            field.name = name;
            fields.push(field);
        }
        fields
    }

    /// A property without its name.
    pub(super) fn field(
        &mut self,
        property: &Value,
        listed: bool,
        level: usize,
        steps: usize,
    ) -> Field {
        let said = |key: &str| property.get(key).and_then(Value::as_text).unwrap_or_default();
        let shape = self.step(property, level, steps);
        let (described, marked) = unmarked(said("description"));
        let described = text::clean(described, self.plan.argument_chars_max);
        // Markup may stand before the mark.
        let (described, marked) = match unmarked(&described) {
            (bare, Some(again)) => (bare.to_string(), marked.or(Some(again))),
            (_, None) => (described, marked),
        };
        let declared = match property.get("required") {
            Some(Value::Bool(declared)) => Some(*declared),
            _ => marked,
        };
        let optional = match property {
            Value::Object(_) => type_of(said("type")).1,
            _ => false,
        };
        let value = |key: &str| {
            let stated = property.get(key).unwrap_or(&Value::Null);
            fitted(stated, &shape).unwrap_or(Value::Null)
        };
        let required = (listed || declared == Some(true)) && !optional;
        // What must be given cannot be left out, so its default is one more example.
        let (default, example) = match (value("default"), value("example")) {
            (default, Value::Null) if required => (Value::Null, default),
            (_, example) if required => (Value::Null, example),
            both => both,
        };
        Field {
            name: String::new(),
            required,
            place: text::clean(said("x-in"), 20),
            description: described,
            default,
            example,
            shape,
        }
    }
}

/// The names a schema lists as required.
pub(super) fn required_of(schema: &Value) -> BTreeSet<&str> {
    match schema.get("required") {
        Some(Value::List(names)) => names.iter().filter_map(Value::as_text).collect(),
        _ => BTreeSet::new(),
    }
}

/// A description without the mark that says whether the value is required, and what it says.
fn unmarked(description: &str) -> (&str, Option<bool>) {
    let trimmed = description.trim();
    for (mark, required) in
        [("[REQUIRED]", true), ("(REQUIRED)", true), ("[OPTIONAL]", false), ("(OPTIONAL)", false)]
    {
        let head = trimmed.get(..mark.len());
        if head.is_some_and(|head| head.eq_ignore_ascii_case(mark)) {
            return (trimmed[mark.len()..].trim_start(), Some(required));
        }
        let start = trimmed.len().saturating_sub(mark.len());
        let tail = trimmed.get(start..);
        if tail.is_some_and(|tail| tail.eq_ignore_ascii_case(mark)) {
            return (trimmed[..start].trim_end(), Some(required));
        }
    }
    (trimmed, None)
}

/// The type that the keywords of a schema without one speak of.
fn implied(schema: &Value) -> Type {
    let has = |key: &str| schema.get(key).is_some();
    if matches!(schema.get("properties"), Some(Value::Object(_))) {
        Type::Object
    } else if has("items") {
        Type::List(None)
    } else if has("pattern") || has("format") {
        match schema.get("format").and_then(Value::as_text) {
            Some("int32" | "int64") => Type::Integer,
            Some("float" | "double") => Type::Number,
            _ => Type::Text(""),
        }
    } else if schema.get("minimum").is_some_and(|least| least.as_number().is_some()) {
        Type::Number
    } else {
        Type::Any
    }
}

fn is_null(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_text).is_some_and(|name| type_of(name).0 == Type::Null)
}

/// A shape restricted to an enumeration; that of a list may be meant for its items.
fn chosen(values: &[Value], base: Shape, plan: &CorpusPlan) -> Shape {
    match (choice(values, &base, plan), base) {
        (Some(choice), _) => choice,
        (None, Shape::List(items)) => Shape::List(Box::new(match choice(values, &items, plan) {
            Some(choice) => choice,
            None => *items,
        })),
        (None, base) => base,
    }
}

/// The choices of an enumeration, as values of the shape it is written in; nothing if there are
/// none, or more than the plan keeps.
fn choice(values: &[Value], base: &Shape, plan: &CorpusPlan) -> Option<Shape> {
    let mut choices: Vec<Value> = Vec::new();
    for value in values {
        let scalar = !matches!(value, Value::Null | Value::List(_) | Value::Object(_));
        if plan.choices_max < choices.len() {
            return None;
        }
        if scalar
            && let Some(value) = fitted(value, base)
            && !choices.contains(&value)
        {
            choices.push(value);
        }
    }
    (!choices.is_empty() && choices.len() <= plan.choices_max).then_some(Shape::Choice(choices))
}

/// A value that fits a shape: the value itself, or what it is if written as text.
pub(super) fn fitted(value: &Value, shape: &Shape) -> Option<Value> {
    // RapidAPI writes an empty text where there is none.
    if value.is_null() || value.as_text() == Some("") {
        return None;
    }
    if shape.admits(value) {
        return text::value(value).filter(|value| shape.admits(value));
    }
    let converted = match (shape, value) {
        (Shape::Text { .. }, Value::Integer(_) | Value::Number(_) | Value::Bool(_)) => {
            Value::text(value.to_string())
        }
        (Shape::Boolean, Value::Text(text)) => match text.to_ascii_lowercase().as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => return None,
        },
        (Shape::Integer { .. } | Shape::Number { .. } | Shape::Choice(_), Value::Text(text)) => {
            Value::parse(text.trim()).ok().filter(|read| read.as_number().is_some())?
        }
        _ => return None,
    };
    shape.admits(&converted).then_some(converted)
}

/// A shape that admits what either admits, as far as shapes can say it.
fn either(one: Shape, other: Shape, plan: &CorpusPlan) -> Shape {
    match (one, other) {
        (one, other) if one == other => one,
        (Shape::Choice(ours), Shape::Choice(theirs)) => {
            let values: Vec<Value> = ours.into_iter().chain(theirs).collect();
            choice(&values, &Shape::Any, plan).unwrap_or(Shape::Any)
        }
        (Shape::Choice(choices), wider) | (wider, Shape::Choice(choices)) => {
            if choices.iter().all(|choice| wider.admits(choice)) { wider } else { Shape::Any }
        }
        (Shape::Text { .. }, Shape::Text { .. }) => Shape::text(),
        (Shape::Integer { .. }, Shape::Integer { .. }) => Shape::integer(),
        (
            Shape::Integer { .. } | Shape::Number { .. },
            Shape::Integer { .. } | Shape::Number { .. },
        ) => Shape::number(),
        (Shape::Object(ours), Shape::Object(theirs)) => Shape::Object(both(ours, theirs, false)),
        (Shape::List(ours), Shape::List(theirs)) => {
            Shape::List(Box::new(either(*ours, *theirs, plan)))
        }
        _ => Shape::Any,
    }
}

/// The fields of two objects together. Where both must hold a field required by one is required;
/// where either may, only one required by both.
fn both(mut ours: Vec<Field>, theirs: Vec<Field>, all: bool) -> Vec<Field> {
    if !all {
        for our in &mut ours {
            our.required &= theirs.iter().any(|their| their.name == our.name && their.required);
        }
    }
    for mut their in theirs {
        match ours.iter_mut().find(|our| our.name == their.name) {
            Some(our) if all => our.required |= their.required,
            Some(_) => {}
            None => {
                their.required &= all;
                ours.push(their);
            }
        }
    }
    ours
}

fn integer(schema: &Value) -> Shape {
    let (least, most) = bounds(schema);
    let whole = |bound: Option<Bound>, up: bool| -> Option<i64> {
        let Bound { value, exclusive } = bound?;
        let step = i64::from(exclusive);
        match value {
            Value::Integer(integer) if up => integer.checked_add(step),
            Value::Integer(integer) => integer.checked_sub(step),
            Value::Number(number) => {
                let number = if up { number.get().ceil() } else { number.get().floor() };
                // 2^53: beyond it a float does not say which integer it means.
                #[expect(clippy::cast_possible_truncation, reason = "checked to be within 2^53")]
                (number.abs() <= 9_007_199_254_740_992.0).then_some(number as i64)
            }
            _ => None,
        }
    };
    let (minimum, maximum) = (whole(least, true), whole(most, false));
    match (minimum, maximum) {
        (Some(minimum), Some(maximum)) if maximum < minimum => Shape::integer(),
        _ => Shape::Integer { minimum, maximum },
    }
}

/// Exclusive bounds of numbers become inclusive, since shapes know no other.
fn number(schema: &Value) -> Shape {
    let (least, most) = bounds(schema);
    let value = |bound: Option<Bound>| bound.map_or(Value::Null, |bound| bound.value);
    let (minimum, maximum) = (value(least), value(most));
    match (minimum.as_number(), maximum.as_number()) {
        (Some(low), Some(high)) if high < low => Shape::number(),
        _ => Shape::Number { minimum, maximum },
    }
}

struct Bound {
    value: Value,
    exclusive: bool,
}

/// The bounds a schema states: as numbers or, in Google's discovery documents, as text;
/// exclusive by a flag (OpenAPI 3.0) or by a number of their own (JSON Schema 2020-12).
fn bounds(schema: &Value) -> (Option<Bound>, Option<Bound>) {
    let numeric = |key: &str| match schema.get(key)? {
        Value::Text(text) => {
            Value::parse(text.trim()).ok().filter(|read| read.as_number().is_some())
        }
        value => value.as_number().map(|_| value.clone()),
    };
    let bound = |inclusive: &str, exclusive: &str| {
        if let Some(value) = numeric(exclusive) {
            return Some(Bound { value, exclusive: true });
        }
        let flag = schema.get(exclusive) == Some(&Value::Bool(true));
        Some(Bound { value: numeric(inclusive)?, exclusive: flag })
    };
    (bound("minimum", "exclusiveMinimum"), bound("maximum", "exclusiveMaximum"))
}
