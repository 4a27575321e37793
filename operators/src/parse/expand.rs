//! Schemas with their references followed, cut to bounded size.
//!
//! References are followed inside the document and to files of the corpus (see
//! [`super::refers`]). One that leads nowhere, or back into itself, becomes the empty schema,
//! anything, with a mark that says so: `x-unresolved`, `x-cycle`; so does what lies beyond a
//! limit: `x-truncated`.

use serde_json::{Map, Value as Json};

use schemas::{CorpusPlan, Value};

use super::part::{Documents, Part};

/// Follows references, for one record.
pub(super) struct Expander<'a> {
    documents: &'a Documents<'a>,
    plan: &'a CorpusPlan,
    parts_left: usize,
    /// The references being followed, each with the file it stands in.
    trail: Vec<(&'a str, &'a str)>,
}

/// Levels of properties and items read beyond those kept, since `allOf` and `$ref` add levels that
/// refining takes away again.
const SPARE_LEVELS: usize = 2;

/// Most parts of schemas that all records of one document may come to, each with its input and its
/// output: references can make little text into much.
const DOCUMENT_PARTS_MAX: usize = 8_000_000;

/// Most steps of any kind from a schema to a part of it.
const STEPS_MAX: usize = 48;

/// Most references followed one after another.
const TRAIL_MAX: usize = 24;

/// Most alternatives read of `allOf`, `anyOf` or `oneOf`.
const ALTERNATIVES_MAX: usize = 32;

/// Most parts kept of a value that a schema quotes as a default or an example.
const QUOTED_PARTS_MAX: usize = 200;

/// Most characters kept of any text in a schema.
const TEXT_CHARS_MAX: usize = 4_000;

/// Keywords whose value is kept as it is.
const PLAIN: [&str; 14] = [
    "type",
    "format",
    "description",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "nullable",
    "default",
    "example",
    "const",
    "readOnly",
    "x-in",
];

impl<'a> Expander<'a> {
    /// For a record out of these documents.
    pub(super) fn new(documents: &'a Documents<'a>, plan: &'a CorpusPlan) -> Expander<'a> {
        Expander::of_many(documents, plan, 1)
    }

    /// For one of so many records out of these documents.
    ///
    /// Each has the same share of what a document may come to, and the share is halved, so that
    /// a few records more or less seldom change it.
    pub(super) fn of_many(
        documents: &'a Documents<'a>,
        plan: &'a CorpusPlan,
        records: usize,
    ) -> Expander<'a> {
        let mut parts_left = plan.schema_parts_max * 4;
        while DOCUMENT_PARTS_MAX < parts_left.saturating_mul(records) && 1 < parts_left {
            parts_left /= 2;
        }
        Expander { documents, plan, parts_left, trail: Vec::new() }
    }

    /// What a reference object leads to, itself if it is none; nothing if it dangles.
    pub(super) fn follow(&self, part: Part<'a>) -> Option<Part<'a>> {
        let mut part = part;
        for _ in 0..TRAIL_MAX {
            match part.json.get("$ref").and_then(Json::as_str) {
                Some(reference) => part = self.documents.lookup(part.home, reference)?,
                None => return Some(part),
            }
        }
        None
    }

    /// The schema with its references followed.
    pub(super) fn expand(&mut self, schema: Part<'a>) -> Value {
        self.step(schema, 0, 0)
    }

    fn step(&mut self, schema: Part<'a>, level: usize, steps: usize) -> Value {
        let entries = match schema.json {
            Json::Object(entries) => entries,
            Json::String(name) => {
                return Value::Object(vec![("type".into(), Value::text(name))]);
            }
            _ => return Value::Object(Vec::new()),
        };
        // Parts beyond the limit say what they are, and nothing of what they are made of: a
        // schema can refer to itself in ever more ways.
        if self.parts_left == 0 || STEPS_MAX <= steps {
            let mut out = plain_keywords(entries);
            out.push(("x-truncated".into(), Value::Bool(true)));
            return Value::Object(out);
        }
        self.parts_left -= 1;
        if let Some(reference) = entries.get("$ref").and_then(Json::as_str) {
            return self.step_reference((schema.home, reference), entries, level, steps);
        }
        let mut out = plain_keywords(entries);
        if let Some(Json::Array(choices)) = entries.get("enum") {
            let kept = choices.iter().take(self.plan.choices_max + 1).map(quoted).collect();
            out.push(("enum".into(), Value::List(kept)));
        }
        if let Some(example) = entries.get("examples").and_then(|list| list.get(0)) {
            out.push(("example".into(), quoted(example)));
        }
        self.nested_keywords(schema, entries, level, steps, &mut out);
        Value::Object(out)
    }

    fn step_reference(
        &mut self,
        reference: (&'a str, &'a str),
        siblings: &'a Map<String, Json>,
        level: usize,
        steps: usize,
    ) -> Value {
        let (home, pointer) = reference;
        let marked = |mark: &str| vec![(mark.to_string(), Value::text(cut(pointer)))];
        let mut out = if self.trail.contains(&reference) || TRAIL_MAX <= self.trail.len() {
            marked("x-cycle")
        } else if let Some(target) = self.documents.lookup(home, pointer) {
            self.trail.push(reference);
            let expanded = self.step(target, level, steps + 1);
            self.trail.pop();
            match expanded {
                Value::Object(entries) => entries,
                _ => Vec::new(),
            }
        } else {
            marked("x-unresolved")
        };
        // OpenAPI 3.1 section 4.8.30 and JSON Schema 2020-12 section 8.2.3.1: siblings of a
        // reference say more about this use of it.
        for (name, value) in plain_keywords(siblings) {
            out.retain(|(other, _)| *other != name);
            out.push((name, value));
        }
        Value::Object(out)
    }

    fn nested_keywords(
        &mut self,
        whole: Part<'a>,
        entries: &'a Map<String, Json>,
        level: usize,
        steps: usize,
        out: &mut Vec<(String, Value)>,
    ) {
        if let Some(required) = entries.get("required") {
            out.push(("required".into(), quoted(required)));
        }
        for name in ["allOf", "anyOf", "oneOf"] {
            if let Some(Json::Array(parts)) = entries.get(name) {
                let parts = parts.iter().take(ALTERNATIVES_MAX);
                let parts =
                    parts.map(|part| self.step(whole.beside(part), level, steps + 1)).collect();
                out.push((name.into(), Value::List(parts)));
            }
        }
        if self.plan.schema_depth_max + SPARE_LEVELS <= level {
            return;
        }
        let items = match entries.get("items").or_else(|| entries.get("prefixItems")) {
            Some(Json::Array(tuple)) => tuple.first(),
            items => items,
        };
        if let Some(items) = items {
            out.push(("items".into(), self.step(whole.beside(items), level + 1, steps + 1)));
        }
        if let Some(Json::Object(properties)) = entries.get("properties") {
            let mut kept = Vec::new();
            for (name, property) in properties {
                if self.parts_left == 0 && self.plan.arguments_max < kept.len() {
                    break;
                }
                let property = self.step(whole.beside(property), level + 1, steps + 1);
                kept.push((name.clone(), property));
            }
            out.push(("properties".into(), Value::Object(kept)));
        }
    }
}

fn plain_keywords(entries: &Map<String, Json>) -> Vec<(String, Value)> {
    let mut out = Vec::new();
    for (name, value) in entries {
        if PLAIN.contains(&name.as_str()) {
            out.push((name.clone(), quoted(value)));
        } else if name == "desc" && !entries.contains_key("description") {
            out.push(("description".into(), quoted(value)));
        }
    }
    out
}

/// A value of the document as a value of ours, cut to a bounded number of parts.
pub(super) fn quoted(json: &Json) -> Value {
    let mut parts_left = QUOTED_PARTS_MAX;
    quoted_within(json, &mut parts_left)
}

fn quoted_within(json: &Json, parts_left: &mut usize) -> Value {
    *parts_left = parts_left.saturating_sub(1);
    match json {
        Json::String(text) => Value::Text(cut(text).into()),
        Json::Array(items) => {
            let mut kept = Vec::new();
            for item in items {
                if *parts_left == 0 {
                    break;
                }
                kept.push(quoted_within(item, parts_left));
            }
            Value::List(kept)
        }
        Json::Object(entries) => {
            let mut kept = Vec::new();
            for (name, value) in entries {
                if *parts_left == 0 {
                    break;
                }
                kept.push((name.clone(), quoted_within(value, parts_left)));
            }
            Value::Object(kept)
        }
        other => Value::from(other.clone()),
    }
}

/// The text, without what lies beyond the limit.
pub(super) fn cut(text: &str) -> &str {
    if text.len() <= TEXT_CHARS_MAX {
        return text;
    }
    text.char_indices().nth(TEXT_CHARS_MAX).map_or(text, |(end, _)| &text[..end])
}
