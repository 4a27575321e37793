//! AWS service models (`service-2.json`): one record an operation.
//!
//! The format is that of botocore and the other kits of AWS: operations name an input and an
//! output shape, and shapes refer to each other by name, themselves included. Members go by the
//! name that the kits show, not by the one on the wire.

use serde_json::{Map, Value as Json, json};

use schemas::{CorpusPlan, Origin, Record, Rule, Value};

use super::definition::http_method;
use super::expand::{Expander, cut};
use super::listing::escaped;
use super::part::Documents;
use super::{Sink, rejection};

/// Whether a value is a service model.
pub(super) fn is_service(value: &Json) -> bool {
    let object = |key: &str| value.get(key).is_some_and(Json::is_object);
    object("operations") && object("shapes") && value.pointer("/metadata/apiVersion").is_some()
}

/// Hands over every operation of the model, which lies at `pointer`.
pub(super) fn read(path: &str, pointer: &str, model: &Json, plan: &CorpusPlan, sink: Sink<'_>) {
    let empty = Map::new();
    let part = |key: &str| model.get(key).and_then(Json::as_object).unwrap_or(&empty);
    let shapes = part("shapes");
    let schemas: Map<String, Json> =
        shapes.iter().map(|(name, shape)| (name.clone(), schema_of(shape))).collect();
    let reader = Reader { model, root: json!({"shapes": schemas}), plan };
    for (name, operation) in part("operations") {
        let place = format!("{pointer}/operations/{}", escaped(name));
        let outcome = reader.record(name, operation, path, &place);
        sink(outcome.map_err(|(rule, reason)| rejection(rule, path, &place, reason)));
    }
}

/// A model whose shapes are JSON Schemas.
struct Reader<'a> {
    model: &'a Json,
    root: Json,
    plan: &'a CorpusPlan,
}

impl Reader<'_> {
    fn metadata(&self, keys: &[&str]) -> &str {
        let metadata = self.model.get("metadata");
        let said = |key: &&str| metadata?.get(*key)?.as_str().filter(|text| !text.is_empty());
        keys.iter().find_map(said).unwrap_or_default()
    }

    fn record(
        &self,
        name: &str,
        operation: &Json,
        file: &str,
        pointer: &str,
    ) -> Result<Record, (Rule, String)> {
        if !operation.is_object() {
            return Err((Rule::Malformed, "is an operation that is no object".into()));
        }
        let http = |key: &str| operation.get("http")?.get(key)?.as_str();
        let service = cut(self.metadata(&["serviceId", "endpointPrefix", "signingName"]));
        let version = cut(self.metadata(&["apiVersion"]));
        let input = self.shape(operation, "input")?;
        Ok(Record {
            identity: format!("aws/{service}/{version}/{name}"),
            name: cut(name).into(),
            description: cut(documentation(operation)).into(),
            parameters: input.unwrap_or_else(|| Value::Object(Vec::new())),
            returns: self.shape(operation, "output")?.unwrap_or(Value::Null),
            method: http("method").and_then(http_method),
            path: http("requestUri").map(resource),
            origin: Origin {
                source: "aws".into(),
                provider: "aws".into(),
                service: service.into(),
                category: cut(self.metadata(&["serviceFullName", "serviceAbbreviation"])).into(),
                version: version.into(),
                file: file.into(),
                pointer: pointer.into(),
                ..Origin::default()
            },
            ..Record::default()
        })
    }

    /// The schema of the shape that an operation names under a key.
    fn shape(&self, operation: &Json, key: &str) -> Result<Option<Value>, (Rule, String)> {
        let Some(named) = operation.get(key) else { return Ok(None) };
        let name = named.get("shape").and_then(Json::as_str).unwrap_or_default();
        match self.root.get("shapes").and_then(|shapes| shapes.get(name)) {
            Some(schema) => {
                let documents = Documents::alone(&self.root);
                let schema = documents.main().beside(schema);
                Ok(Some(Expander::new(&documents, self.plan).expand(schema)))
            }
            None => {
                let reason = format!("names an {key} shape \"{}\" that is not there", cut(name));
                Err((Rule::Dangling, reason))
            }
        }
    }
}

fn documentation(entry: &Json) -> &str {
    entry.get("documentation").and_then(Json::as_str).unwrap_or_default()
}

/// The resource path of a request: without its query, and `{Key+}` as `{Key}`.
fn resource(uri: &str) -> String {
    cut(uri.split('?').next().unwrap_or_default()).replace("+}", "}")
}

/// A shape as JSON Schema, its references pointers to other shapes.
fn schema_of(shape: &Json) -> Json {
    let mut schema = Map::new();
    let kind = shape.get("type").and_then(Json::as_str).unwrap_or_default();
    let numeric = matches!(kind, "integer" | "long" | "short" | "byte" | "float" | "double");
    let (name, format) = match kind {
        "structure" if shape.get("document") == Some(&Json::Bool(true)) => ("", ""),
        "structure" | "map" => ("object", ""),
        "list" => ("array", ""),
        "integer" | "long" | "short" | "byte" | "bigInteger" => ("integer", ""),
        "float" | "double" | "bigDecimal" => ("number", ""),
        "boolean" => ("boolean", ""),
        "timestamp" => ("string", "date-time"),
        "blob" => ("string", "byte"),
        "string" | "character" => ("string", ""),
        _ => ("", ""),
    };
    for (key, text) in [("type", name), ("format", format)] {
        if !text.is_empty() {
            schema.insert(key.into(), text.into());
        }
    }
    let kept = [
        ("documentation", "description", true),
        ("enum", "enum", true),
        ("pattern", "pattern", kind == "string"),
        // Of a text or a list, these are its length.
        ("min", "minimum", numeric),
        ("max", "maximum", numeric),
    ];
    for (ours, theirs, holds) in kept {
        if let (true, Some(value)) = (holds, shape.get(ours)) {
            schema.insert(theirs.into(), value.clone());
        }
    }
    if let Some(items) = shape.get("member") {
        schema.insert("items".into(), member(items, false));
    }
    if let (false, Some(Json::Object(members))) = (name.is_empty(), shape.get("members")) {
        let properties: Map<String, Json> =
            members.iter().map(|(key, part)| (key.clone(), member(part, true))).collect();
        schema.insert("properties".into(), Json::Object(properties));
        schema.extend(shape.get("required").map(|names| ("required".into(), names.clone())));
    }
    Json::Object(schema)
}

/// A reference to a shape. `placed` says that it may go elsewhere than into the body.
fn member(part: &Json, placed: bool) -> Json {
    let text = |key: &str| part.get(key).and_then(Json::as_str);
    let mut schema = Map::new();
    if let Some(name) = text("shape") {
        let name = escaped(name).replace('%', "%25");
        schema.insert("$ref".into(), format!("#/shapes/{name}").into());
    }
    if !documentation(part).is_empty() {
        schema.insert("description".into(), documentation(part).into());
    }
    let place = match text("location") {
        Some("uri") => "path",
        Some("querystring") => "query",
        Some("header" | "headers") => "header",
        _ => "",
    };
    if placed && !place.is_empty() {
        schema.insert("x-in".into(), place.into());
    }
    Json::Object(schema)
}
