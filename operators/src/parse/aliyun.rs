//! Alibaba Cloud: one API a document, or all of a product with their answers.
//!
//! The metadata of its command line has a document an API (`pathPattern`, parameters with
//! `position` and `sub_parameters`) and no answers; the documents of its portal have
//! `apis`, each with parameters and `responses` in JSON Schema.

use serde_json::{Map, Value as Json, json};

use schemas::{CorpusPlan, Origin, Record, Rule, Value};

use super::definition::{expanded, from_list, http_method};
use super::expand::{Expander, cut};
use super::listing::escaped;
use super::part::{Documents, Part};
use super::{Sink, rejection};

/// Deepest level of sub-parameters that is read.
const LEVELS_MAX: usize = 8;

/// Whether a value describes the APIs of one product.
pub(super) fn is_product(value: &Json) -> bool {
    value.get("apis").is_some_and(Json::is_object)
        && value.pointer("/info/product").is_some_and(Json::is_string)
}

/// Hands over every API of a product, whose description lies at `pointer`.
pub(super) fn read(path: &str, pointer: &str, document: &Json, plan: &CorpusPlan, sink: Sink<'_>) {
    let Some(apis) = document.get("apis").and_then(Json::as_object) else { return };
    let info = |key: &str| {
        let value = document.get("info").and_then(|info| info.get(key));
        cut(value.and_then(Json::as_str).unwrap_or_default())
    };
    let documents = Documents::alone(document);
    for (name, api) in apis {
        let place = format!("{pointer}/apis/{}", escaped(name));
        let Some(api) = api.as_object() else {
            let reason = "is an API that is no object".into();
            sink(Err(rejection(Rule::Malformed, path, &place, reason)));
            continue;
        };
        let (product, version) = (info("product"), info("version"));
        let mut expander = Expander::new(&documents, plan);
        sink(Ok(Record {
            identity: format!("aliyun/{product}/{version}/{name}"),
            name: cut(name).into(),
            description: described(api),
            parameters: parameters(api, documents.main(), &mut expander),
            returns: answer(api, documents.main(), &mut expander),
            method: api.get("methods").and_then(|it| it.get(0)?.as_str()).and_then(http_method),
            path: text(api, "path").map(resource).filter(|it| !it.is_empty()),
            origin: origin(product, version, path, &place),
            ..Record::default()
        }));
    }
}

/// The record that a document of the command line's metadata is, if it is one.
pub(super) fn read_api(
    path: &str,
    pointer: &str,
    entries: &Map<String, Json>,
    plan: &CorpusPlan,
) -> Option<Record> {
    let name = text(entries, "name").filter(|name| !name.trim().is_empty())?;
    text(entries, "pathPattern")?;
    let parameters = nested(entries.get("parameters")?.as_array()?, 0);
    let documents = Documents::alone(&Json::Null);
    let mut expander = Expander::new(&documents, plan);
    Some(Record {
        identity: format!("aliyun/{name}"),
        name: cut(name).into(),
        description: described(entries),
        parameters: expanded(&parameters, plan),
        returns: answer(entries, documents.main(), &mut expander),
        method: text(entries, "method").and_then(http_method),
        path: text(entries, "pathPattern").map(resource).filter(|it| !it.is_empty()),
        origin: origin("", "", path, pointer),
        ..Record::default()
    })
}

fn origin(service: &str, version: &str, file: &str, pointer: &str) -> Origin {
    Origin {
        source: "aliyun".into(),
        provider: "aliyun".into(),
        service: service.into(),
        version: version.into(),
        file: file.into(),
        pointer: pointer.into(),
        ..Origin::default()
    }
}

fn text<'a>(entries: &'a Map<String, Json>, key: &str) -> Option<&'a str> {
    entries.get(key).and_then(Json::as_str)
}

fn described(api: &Map<String, Json>) -> String {
    let said = |key: &str| text(api, key).unwrap_or_default().trim();
    let summary = [said("summary"), said("title")].into_iter().find(|it| !it.is_empty());
    let (summary, more) = (summary.unwrap_or_default(), said("description"));
    if more.is_empty() || summary.is_empty() || more.starts_with(summary) {
        return cut(if more.is_empty() { summary } else { more }).into();
    }
    cut(&format!("{}. {more}", summary.trim_end_matches(['.', '。']))).into()
}

/// A path with `[parameter]` segments, as the others are written.
fn resource(path: &str) -> String {
    cut(path).replace('[', "{").replace(']', "}")
}

/// The parameters of an API of a product; a schema says itself whether it is required.
fn parameters<'a>(
    api: &'a Map<String, Json>,
    whole: Part<'a>,
    expander: &mut Expander<'a>,
) -> Value {
    let mut properties: Vec<(String, Value)> = Vec::new();
    let mut required = Vec::new();
    for parameter in api.get("parameters").and_then(Json::as_array).into_iter().flatten() {
        let Some(name) = parameter.get("name").and_then(Json::as_str) else { continue };
        if name.is_empty() || properties.iter().any(|(other, _)| other == name) {
            continue;
        }
        let schema = parameter.get("schema").unwrap_or(parameter);
        let Value::Object(mut entries) = expander.expand(whole.beside(schema)) else { continue };
        let demanded = |one: &Json| one.get("required") == Some(&Json::Bool(true));
        if demanded(parameter) || demanded(schema) {
            required.push(Value::text(name));
        }
        for (key, ours) in [("description", "description"), ("in", "x-in")] {
            if let Some(said) = parameter.get(key).and_then(Json::as_str) {
                entries.retain(|(other, _)| other != ours);
                entries.push((ours.into(), Value::text(cut(said))));
            }
        }
        properties.push((name.into(), Value::Object(entries)));
    }
    Value::Object(vec![
        ("type".into(), Value::text("object")),
        ("properties".into(), Value::Object(properties)),
        ("required".into(), Value::List(required)),
    ])
}

/// The schema of the answer to a call that succeeds.
fn answer<'a>(api: &'a Map<String, Json>, whole: Part<'a>, expander: &mut Expander<'a>) -> Value {
    let responses = api.get("responses").and_then(Json::as_object);
    let success = responses.and_then(|it| it.get("200").or_else(|| it.get("2xx")));
    let schema = success.and_then(|it| it.get("schema"));
    schema.map_or(Value::Null, |schema| expander.expand(whole.beside(schema)))
}

/// A JSON Schema of parameters whose lists and structures have parameters of their own.
fn nested(parameters: &[Json], level: usize) -> Json {
    let unfolded: Vec<Json> = parameters.iter().map(|one| unfold(one, level)).collect();
    from_list(unfolded.iter().map(|one| (one, None)))
}

fn unfold(parameter: &Json, level: usize) -> Json {
    let Json::Object(entries) = parameter else { return Json::Null };
    let mut entries = entries.clone();
    let parts = entries.remove("sub_parameters");
    let parts = parts.as_ref().and_then(Json::as_array).filter(|_| level < LEVELS_MAX);
    let inner = parts.map(|parts| nested(parts, level + 1));
    match (text(&entries, "type").unwrap_or_default(), inner) {
        ("RepeatList" | "Array", Some(inner)) => {
            entries.insert("items".into(), inner);
        }
        // Repeated parameters are numbered on the wire, and texts where nothing else is said.
        ("RepeatList", None) => {
            entries.insert("items".into(), json!({"type": "string"}));
        }
        (_, Some(inner)) => {
            entries.insert("schema".into(), inner);
        }
        _ => {}
    }
    Json::Object(entries)
}
