//! `TaskBench`: the nodes of a graph of tools, known by an id.
//!
//! A node lists its parameters, or only the kinds of data that go in and come out.

use serde_json::{Map, Value as Json, json};

use schemas::{CorpusPlan, Origin, Record, Value};

use super::definition::{expanded, from_list};
use super::expand::cut;

/// The record that a node is, if it is one.
pub(super) fn read(
    path: &str,
    pointer: &str,
    entries: &Map<String, Json>,
    plan: &CorpusPlan,
) -> Option<Record> {
    let text = |key: &str| entries.get(key).and_then(Json::as_str);
    let (name, description) = (text("id")?, text("desc")?);
    let list = |key: &str| entries.get(key).and_then(Json::as_array);
    if name.trim().is_empty() || entries.contains_key("name") {
        return None;
    }
    let parameters = match (list("parameters"), list("input-type")) {
        (Some(parameters), _) => from_list(parameters.iter().map(|one| (one, None))),
        (None, Some(kinds)) => of_kinds(kinds),
        (None, None) => return None,
    };
    let returns = list("output-type").map(|kinds| expanded(&of_kinds(kinds), plan));
    Some(Record {
        identity: format!("taskbench/{name}"),
        name: cut(name).into(),
        description: cut(description).into(),
        parameters: expanded(&parameters, plan),
        returns: returns.unwrap_or(Value::Null),
        origin: Origin {
            source: "taskbench".into(),
            file: path.into(),
            pointer: pointer.into(),
            ..Origin::default()
        },
        ..Record::default()
    })
}

/// An object that holds one text of each kind: the data itself, or where it lies.
fn of_kinds(kinds: &[Json]) -> Json {
    let names: Vec<&str> = kinds.iter().filter_map(Json::as_str).collect();
    let property = |name: &&str| (name.to_string(), json!({"type": "string"}));
    let properties: Map<String, Json> = names.iter().map(property).collect();
    let required: Vec<&String> = properties.keys().collect();
    json!({"type": "object", "properties": properties, "required": required})
}
