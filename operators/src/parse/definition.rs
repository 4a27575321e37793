//! One tool, in the dialects of MCP, OpenAI, xLAM, BFCL, ToolBench, RapidAPI and their kin.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use schemas::{CorpusPlan, Origin, Record, Value};

use super::expand::{Expander, cut, quoted};
use super::part::Documents;

/// What the wrapping of a list says about the tools in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    server: String,
    category: String,
    version: String,
    license: String,
}

impl Place {
    /// The place of what lies in this object.
    pub(super) fn within(&self, entries: &Map<String, Json>) -> Place {
        let info = ["server_info", "serverInfo"].iter().find_map(|key| entries.get(*key));
        let server = text_of(entries, &["server", "server_name", "tool_name", "name", "Name"])
            .or_else(|| info?.get("name")?.as_str());
        let category = text_of(entries, &["category", "category_name", "Category"]);
        let version = text_of(entries, &["version"]).or_else(|| info?.get("version")?.as_str());
        let license = text_of(entries, &["license"]);
        Place {
            server: server.unwrap_or(&self.server).into(),
            category: category.unwrap_or(&self.category).into(),
            version: version.unwrap_or(&self.version).into(),
            license: license.unwrap_or(&self.license).into(),
        }
    }

    /// The place of what lies under a key that is a server's name.
    pub(super) fn named(&self, server: &str) -> Place {
        Place { server: server.into(), ..self.clone() }
    }
}

/// Keys that hold a tool's input schema.
const INPUTS: [&str; 6] = [
    "inputSchema",
    "input_schema",
    "parameters",
    "required_parameters",
    "optional_parameters",
    "arguments",
];

/// Keys that hold a tool's output schema.
const OUTPUTS: [&str; 6] =
    ["outputSchema", "output_schema", "response", "responses", "returns", "return"];

/// The tool that an object defines, if it does. `listed` says that it lies in a list of tools,
/// where a name and a description are enough.
pub(super) fn read(
    path: &str,
    pointer: &str,
    entries: &Map<String, Json>,
    place: &Place,
    listed: bool,
    plan: &CorpusPlan,
) -> Option<Record> {
    let is_wrapped = text_of(entries, &["type"]).is_none_or(|kind| kind == "function");
    if let (true, Some(Json::Object(function))) = (is_wrapped, entries.get("function")) {
        let mut record = read(path, pointer, function, place, true, plan)?;
        record.origin.source = "openai_tools".into();
        record.identity = identity(&record);
        return Some(record);
    }
    let name = text_of(entries, &["api_name", "name"]);
    // A map from names to definitions leaves the name to the key it lies under.
    let name = name.or_else(|| {
        Some(place.server.as_str()).filter(|key| listed && !key.is_empty() && has_input(entries))
    })?;
    let described = text_of(entries, &["description", "api_description"]);
    let bare = (listed || entries.contains_key("annotations"))
        && described.is_some()
        && !wraps_a_list(entries);
    if name.trim().is_empty() || !(has_input(entries) || bare) {
        return None;
    }
    let mut record = Record {
        name: cut(name).into(),
        description: cut(described.unwrap_or_default()).into(),
        parameters: parameters(entries, plan),
        returns: returns(entries, plan),
        example: entries.get("example").map_or(Value::Null, quoted),
        method: text_of(entries, &["method"]).and_then(http_method),
        path: text_of(entries, &["url", "pathPattern"]).and_then(resource_path),
        origin: origin(path, pointer, entries, place),
        ..Record::default()
    };
    record.identity = identity(&record);
    Some(record)
}

/// A record of this project's own JSON Lines, if it is one.
pub(super) fn normalised(path: &str, pointer: &str, entries: &Map<String, Json>) -> Option<Record> {
    let text = |key: &str| entries.get(key).and_then(Json::as_str).unwrap_or_default().to_string();
    let id = text("id");
    if id.is_empty()
        || !entries.contains_key("name")
        || !entries.contains_key("source")
        || !entries.contains_key("parameters")
    {
        return None;
    }
    let optional = |key: &str| entries.get(key).and_then(Json::as_str).map(str::to_string);
    let value = |key: &str| entries.get(key).cloned().map_or(Value::Null, Value::from);
    Some(Record {
        identity: id,
        name: text("name"),
        description: text("description"),
        parameters: value("parameters"),
        returns: value("returns"),
        example: value("example"),
        method: optional("http_method").as_deref().and_then(http_method),
        path: optional("path"),
        origin: Origin {
            source: text("source"),
            provider: text("provider"),
            service: text("service"),
            category: text("category"),
            version: text("version"),
            license: text("license"),
            file: path.into(),
            pointer: pointer.into(),
        },
    })
}

/// A record of this project's own JSON Lines, read without looking for anything else in it.
#[derive(Deserialize)]
struct Row {
    id: String,
    source: String,
    name: String,
    parameters: Value,
    #[serde(default)]
    provider: String,
    #[serde(default)]
    service: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    returns: Value,
    #[serde(default)]
    example: Value,
    http_method: Option<String>,
    path: Option<String>,
    #[serde(default)]
    category: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    license: String,
}

/// The record that a line is, if it is one of this project's own and as tidy as we write them;
/// any other line is for [`normalised`] and its kin to judge.
pub(super) fn tidy_row(path: &str, pointer: &str, line: &str) -> Option<Record> {
    if !line.starts_with("{\"id\"") {
        return None;
    }
    let row: Row = serde_json::from_str(line).ok()?;
    Some(Record {
        identity: Some(row.id).filter(|id| !id.is_empty())?,
        name: row.name,
        description: row.description,
        parameters: row.parameters,
        returns: row.returns,
        example: row.example,
        method: row.http_method.as_deref().and_then(http_method),
        path: row.path,
        origin: Origin {
            source: row.source,
            provider: row.provider,
            service: row.service,
            category: row.category,
            version: row.version,
            license: row.license,
            file: path.into(),
            pointer: pointer.into(),
        },
    })
}

fn has_input(entries: &Map<String, Json>) -> bool {
    INPUTS.iter().any(|key| match entries.get(*key) {
        // `{"name": …, "arguments": {…}}` is a call and no definition.
        Some(Json::Object(_)) => *key != "arguments",
        Some(Json::Array(items)) => items.iter().all(Json::is_object),
        Some(Json::Null) => *key != "arguments",
        Some(Json::String(_)) => *key == "parameters",
        _ => false,
    })
}

fn wraps_a_list(entries: &Map<String, Json>) -> bool {
    ["tools", "functions", "api_list", "Documentation"].iter().any(|key| entries.contains_key(*key))
}

fn origin(path: &str, pointer: &str, entries: &Map<String, Json>, place: &Place) -> Origin {
    let own_server = text_of(entries, &["tool_name"]).unwrap_or(&place.server);
    let source = if entries.contains_key("api_description") && entries.contains_key("field") {
        "seal_tools"
    } else if entries.contains_key("api_name") || entries.contains_key("required_parameters") {
        "toolbench"
    } else if entries.contains_key("inputSchema") || entries.contains_key("annotations") {
        "mcp"
    } else {
        "tools"
    };
    Origin {
        source: source.into(),
        provider: own_server.into(),
        service: own_server.into(),
        category: text_of(entries, &["category_name", "category", "field"])
            .unwrap_or(&place.category)
            .into(),
        version: text_of(entries, &["version"]).unwrap_or(&place.version).into(),
        license: text_of(entries, &["license"]).unwrap_or(&place.license).into(),
        file: path.into(),
        pointer: pointer.into(),
    }
}

fn identity(record: &Record) -> String {
    let Origin { source, service, .. } = &record.origin;
    if service.is_empty() || *service == record.name {
        format!("{source}/{}", record.name)
    } else {
        format!("{source}/{service}/{}", record.name)
    }
}

fn parameters(entries: &Map<String, Json>, plan: &CorpusPlan) -> Value {
    let empty = Vec::new();
    let list = |key: &str| entries.get(key).and_then(Json::as_array).unwrap_or(&empty);
    if entries.contains_key("required_parameters") || entries.contains_key("optional_parameters") {
        let required = list("required_parameters").iter().map(|one| (one, Some(true)));
        let optional = list("optional_parameters").iter().map(|one| (one, Some(false)));
        return expanded(&from_list(required.chain(optional)), plan);
    }
    let found = ["inputSchema", "input_schema", "parameters", "arguments"]
        .iter()
        .find_map(|key| entries.get(*key).filter(|value| !value.is_null()));
    match found {
        Some(Json::Array(items)) => {
            expanded(&from_list(items.iter().map(|item| (item, None))), plan)
        }
        Some(Json::String(text)) => match serde_json::from_str::<Json>(text) {
            Ok(inner @ Json::Object(_)) => expanded(&schema_of(&inner, entries), plan),
            _ => Value::Null,
        },
        Some(value @ Json::Object(_)) => expanded(&schema_of(value, entries), plan),
        _ => Value::Null,
    }
}

fn returns(entries: &Map<String, Json>, plan: &CorpusPlan) -> Value {
    if let Some(template) = entries.get("template_response").filter(|value| value.is_object()) {
        return expanded(&from_template(template, 0), plan);
    }
    let found = OUTPUTS.iter().find_map(|key| entries.get(*key).filter(|value| value.is_object()));
    let Some(found) = found else { return Value::Null };
    // Answers by status code, as in OpenAPI: that of a call that succeeds.
    let success = ["200", "201", "2xx"].iter().find_map(|code| found.get(*code));
    match success.map(|answer| answer.get("schema").unwrap_or(&Json::Null)) {
        Some(schema) => expanded(schema, plan),
        None => expanded(&schema_of(found, &Map::new()), plan),
    }
}

/// The schema with its references followed, which lead into itself.
pub(super) fn expanded(schema: &Json, plan: &CorpusPlan) -> Value {
    let documents = Documents::alone(schema);
    Expander::new(&documents, plan).expand(documents.main())
}

/// A JSON Schema as it is, or one made of the flat dialect, which maps names to parameters.
pub(super) fn schema_of(value: &Json, definition: &Map<String, Json>) -> Json {
    let Json::Object(entries) = value else { return json!({}) };
    let is_schema = entries.get("properties").is_some_and(Json::is_object)
        || entries.contains_key("$schema")
        || entries.contains_key("$ref")
        || entries.get("type").is_some_and(Json::is_string)
        || ["allOf", "anyOf", "oneOf"].iter().any(|key| entries.contains_key(*key));
    if is_schema || entries.is_empty() {
        return value.clone();
    }
    let declares = entries.values().any(|one| one.get("required").is_some_and(Json::is_boolean));
    let listed = definition.get("required").and_then(Json::as_array);
    let listed: Option<BTreeSet<&str>> =
        listed.map(|listed| listed.iter().filter_map(Json::as_str).collect());
    let required: Vec<&String> = entries
        .iter()
        .filter(|(name, parameter)| match &listed {
            Some(listed) => listed.contains(name.as_str()),
            None if declares => parameter.get("required") == Some(&Json::Bool(true)),
            // Where nothing says which are required, those are that have no default.
            None => !has_default(parameter),
        })
        .map(|(name, _)| name)
        .collect();
    json!({"type": "object", "properties": entries, "required": required})
}

fn has_default(parameter: &Json) -> bool {
    match parameter.get("default") {
        None | Some(Json::Null) => false,
        Some(Json::String(text)) => !text.is_empty(),
        Some(_) => true,
    }
}

/// A JSON Schema made of a list of named parameters, each with what its place says of whether it
/// is required.
pub(super) fn from_list<'a>(
    parameters: impl Iterator<Item = (&'a Json, Option<bool>)> + Clone,
) -> Json {
    let mut properties = Map::new();
    let mut required = Vec::new();
    // Where nothing says which are required, those are that have no default.
    let says = |key: &str, one: &Json| one.get(key).is_some();
    let silent = parameters.clone().all(|(one, stated)| {
        let keys = ["required", "optional", "in", "position"];
        stated.is_none() && !keys.iter().any(|key| says(key, one))
    });
    let lists_optional = parameters.clone().any(|(one, _)| says("optional", one));
    for (parameter, stated) in parameters {
        let Some(entries) = parameter.as_object() else { continue };
        let Some(name) = text_of(entries, &["name"]) else { continue };
        let mut property = entries.clone();
        property.remove("name");
        let own = property.get("required").and_then(Json::as_bool);
        if own.is_some() {
            property.remove("required");
        }
        let optional = property.remove("optional").and_then(|flag| flag.as_bool());
        let own = own.or(optional.map(|optional| !optional));
        let unsaid = lists_optional || (silent && !has_default(parameter));
        if let Some(Json::Object(schema)) = property.remove("schema") {
            for (key, value) in schema {
                property.entry(key).or_insert(value);
            }
        }
        if let Some(place) = property.remove("position").or_else(|| property.remove("in"))
            && let Some(place) = place.as_str()
        {
            property.insert("x-in".into(), place.to_lowercase().into());
        }
        if stated.or(own).unwrap_or(unsaid) {
            required.push(Json::from(name));
        }
        properties.insert(name.into(), Json::Object(property));
    }
    json!({"type": "object", "properties": properties, "required": required})
}

/// Deepest level of a template response that is read.
const TEMPLATE_LEVELS_MAX: usize = 8;

/// A JSON Schema made of a `ToolBench` template, which holds names of types in place of values.
fn from_template(template: &Json, level: usize) -> Json {
    match template {
        _ if TEMPLATE_LEVELS_MAX < level => json!({}),
        Json::Object(entries) => {
            let properties: Map<String, Json> = entries
                .iter()
                .filter(|(name, _)| *name != "_list_length")
                .map(|(name, part)| (name.clone(), from_template(part, level + 1)))
                .collect();
            json!({"type": "object", "properties": properties})
        }
        Json::Array(items) => {
            let item = items.first().map_or(json!({}), |item| from_template(item, level + 1));
            json!({"type": "array", "items": item})
        }
        Json::String(name) => json!({"type": name}),
        Json::Bool(_) => json!({"type": "boolean"}),
        Json::Number(number) if number.is_f64() => json!({"type": "number"}),
        Json::Number(_) => json!({"type": "integer"}),
        Json::Null => json!({}),
    }
}

/// The first text among the values of these keys.
fn text_of<'a>(entries: &'a Map<String, Json>, keys: &[&str]) -> Option<&'a str> {
    keys.iter().find_map(|key| entries.get(*key).and_then(Json::as_str))
}

/// The first of the methods named, in upper case.
pub(super) fn http_method(text: &str) -> Option<String> {
    let first = text.split(['|', ',', ' ']).next().unwrap_or_default().to_ascii_uppercase();
    const METHODS: [&str; 8] =
        ["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"];
    METHODS.contains(&first.as_str()).then_some(first)
}

/// The path of a URL.
fn resource_path(url: &str) -> Option<String> {
    let after_host = match url.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |start| &rest[start..]),
        None => url,
    };
    let path = after_host.split(['?', '#']).next().unwrap_or_default();
    path.starts_with('/').then(|| cut(path).to_string())
}
