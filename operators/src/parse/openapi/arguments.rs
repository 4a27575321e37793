//! Path, query, header and body parameters of an operation as one object schema.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use schemas::Value;

use super::{Reader, media_of};
use crate::parse::expand::Expander;
use crate::parse::part::Part;

/// The arguments of an operation as JSON Schema, each marked with its place as `x-in`.
///
/// The properties of a body object lie beside the other parameters; a name used in two places
/// gets the later place as a suffix. Parameters without a name, which broken references leave
/// behind, are left out, and so are credentials.
pub(super) fn parameters(reader: &Reader<'_>) -> Value {
    let mut expander = Expander::of_many(reader.documents, reader.plan, reader.count);
    let mut arguments = Arguments::default();
    for parameter in declared(reader, &expander) {
        let text = |key: &str| parameter.text(key);
        let (name, place) = (text("name"), text("in"));
        let required = parameter.json.get("required") == Some(&Json::Bool(true));
        if place == "body" {
            if let Some(schema) = parameter.get("schema") {
                let body = expander.expand(schema);
                arguments.flatten(body, Some(name), required, text("description"));
            }
        } else if !name.is_empty() && !reader.service.is_credential(name, place) {
            let schema = parameter
                .get("schema")
                .or_else(|| media_of(parameter.get("content"))?.get("schema"));
            // Swagger 2.0 and sloppy OpenAPI 3 write the schema into the parameter itself.
            let mut entries = match expander.expand(schema.unwrap_or(parameter)) {
                Value::Object(entries) => entries,
                _ => Vec::new(),
            };
            entries.retain(|(key, _)| key != "required" || schema.is_some());
            if !text("description").is_empty() {
                set(&mut entries, "description", Value::text(text("description")));
            }
            if let Some(example) = parameter.get("example") {
                set(&mut entries, "example", super::quoted(example.json));
            }
            arguments.add(name, place, entries, required || place == "path");
        }
    }
    if let Some(body) = reader.operation.get("requestBody").and_then(|body| expander.follow(body))
        && let Some(schema) = media_of(body.get("content")).and_then(|media| media.get("schema"))
    {
        let required = body.json.get("required") == Some(&Json::Bool(true));
        let description = body.text("description");
        let schema = expander.expand(schema);
        arguments.flatten(schema, None, required, description);
    }
    arguments.retain(|name| !reader.service.is_credential(name, "body"));
    arguments.into_schema()
}

/// The parameters of the path and, in their place where they have the same name and place, those
/// of the operation.
fn declared<'a>(reader: &Reader<'a>, expander: &Expander<'a>) -> Vec<Part<'a>> {
    let listed =
        |part: Part<'a>| part.get("parameters").into_iter().flat_map(|listed| listed.items());
    let mut declared: Vec<Part<'a>> = Vec::new();
    let mut seen: BTreeSet<(&str, &str)> = BTreeSet::new();
    let own = listed(reader.operation);
    for parameter in own.chain(listed(reader.item)) {
        let Some(parameter) = expander.follow(parameter).filter(|one| one.json.is_object()) else {
            continue;
        };
        if seen.insert((parameter.text("name"), parameter.text("in"))) {
            declared.push(parameter);
        }
    }
    declared
}

#[derive(Default)]
struct Arguments {
    properties: Vec<(String, Value)>,
    names: BTreeSet<String>,
    /// The next suffix tried of a name that is there more than once.
    counts: BTreeMap<String, usize>,
    required: BTreeSet<String>,
}

impl Arguments {
    fn add(&mut self, name: &str, place: &str, mut schema: Vec<(String, Value)>, required: bool) {
        let mut unique = name.to_string();
        // Counted on from the last one of the name, or many of one name would take forever.
        let mut count = self.counts.get(name).copied().unwrap_or(1);
        while !self.names.insert(unique.clone()) {
            unique = if count == 1 { format!("{name}_{place}") } else { format!("{name}_{count}") };
            count += 1;
        }
        if 1 < count {
            self.counts.insert(name.into(), count);
        }
        set(&mut schema, "x-in", Value::text(place));
        if required {
            self.required.insert(unique.clone());
        }
        self.properties.push((unique, Value::Object(schema)));
    }

    /// Adds the properties of a body, or the body itself if it is no object.
    fn flatten(&mut self, body: Value, name: Option<&str>, required: bool, description: &str) {
        let mut parts = Parts::default();
        parts.collect(&body);
        if parts.properties.is_empty() {
            let Value::Object(mut entries) = body else { return };
            if !description.is_empty() {
                set(&mut entries, "description", Value::text(description));
            }
            let name = name.filter(|name| !name.is_empty()).unwrap_or("body");
            return self.add(name, "body", entries, required);
        }
        for (property, schema) in parts.properties {
            // What a server sets is no argument.
            if schema.get("readOnly") == Some(&Value::Bool(true)) {
                continue;
            }
            let Value::Object(entries) = schema else { continue };
            let listed = parts.required.contains(&property);
            self.add(&property, "body", entries, listed);
        }
    }

    fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.properties.retain(|(name, _)| keep(name));
        self.required.retain(|name| keep(name));
    }

    fn into_schema(self) -> Value {
        let required = self.required.into_iter().map(Value::Text).collect();
        Value::Object(vec![
            ("type".into(), Value::text("object")),
            ("properties".into(), Value::Object(self.properties)),
            ("required".into(), Value::List(required)),
        ])
    }
}

/// The properties of an object schema and of all it is composed of.
#[derive(Default)]
struct Parts {
    properties: Vec<(String, Value)>,
    required: BTreeSet<String>,
}

impl Parts {
    fn collect(&mut self, schema: &Value) {
        if let Some(Value::List(parts)) = schema.get("allOf") {
            parts.iter().for_each(|part| self.collect(part));
        }
        if let Some(Value::List(names)) = schema.get("required") {
            self.required.extend(names.iter().filter_map(Value::as_text).map(String::from));
        }
        if let Some(Value::Object(properties)) = schema.get("properties") {
            for (name, property) in properties {
                self.properties.retain(|(other, _)| other != name);
                self.properties.push((name.clone(), property.clone()));
            }
        }
    }
}

fn set(entries: &mut Vec<(String, Value)>, key: &str, value: Value) {
    entries.retain(|(other, _)| other != key);
    entries.push((key.into(), value));
}
