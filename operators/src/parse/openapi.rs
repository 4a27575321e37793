//! OpenAPI 3.x and Swagger 2.0: one record an operation.
//!
//! OpenAPI Specification 3.1.0 section 4.8, Swagger 2.0 specification "Operation Object".

use serde_json::Value as Json;

use schemas::{CorpusPlan, Origin, Record, Rule, Value};

use self::service::Service;
use super::expand::{Expander, cut, quoted};
use super::listing::escaped;
use super::part::{Documents, Part};
use super::{Sink, rejection};

mod service;
mod arguments;

/// The keys of a path item that are operations.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// Whether a value is an OpenAPI or Swagger document.
pub(super) fn is_openapi(value: &Json) -> bool {
    (value.get("openapi").is_some() || value.get("swagger").is_some())
        && value.get("paths").is_some()
}

/// Hands over every operation of the document, which lies at `pointer` of the file `path`.
pub(super) fn read(
    path: &str,
    pointer: &str,
    documents: &Documents<'_>,
    plan: &CorpusPlan,
    sink: Sink<'_>,
) {
    let document = documents.main();
    let service = Service::of(document.json);
    let Some(paths) = document.get("paths").filter(|paths| paths.json.is_object()) else {
        let reason = "is an OpenAPI document whose paths are no object".into();
        return sink(Err(rejection(Rule::Malformed, path, pointer, reason)));
    };
    let expander = Expander::new(documents, plan);
    let operations = |item: Part<'_>| METHODS.iter().filter(|it| item.get(it).is_some()).count();
    let count = paths.entries().map(|(_, item)| operations(item).max(1)).sum();
    for (resource, item) in paths.entries().filter(|(resource, _)| !resource.starts_with("x-")) {
        let place = format!("{pointer}/paths/{}", escaped(resource));
        let Some(item) = expander.follow(item).filter(|item| item.json.is_object()) else {
            let reason = "refers to a path that is not in the corpus".into();
            sink(Err(rejection(Rule::Dangling, path, &place, reason)));
            continue;
        };
        for method in METHODS {
            let Some(operation) = item.get(method) else { continue };
            let place = format!("{place}/{method}");
            // Some documents keep each operation in a file of its own.
            let Some(operation) = expander.follow(operation).filter(|it| it.json.is_object())
            else {
                sink(Err(rejection(
                    Rule::Malformed,
                    path,
                    &place,
                    "is an operation that is no object".into(),
                )));
                continue;
            };
            let service = &service;
            let reader = Reader { documents, count, service, plan, resource, item, operation };
            sink(Ok(reader.record(method, path, place)));
        }
    }
}

/// One operation and where it stands.
struct Reader<'a> {
    documents: &'a Documents<'a>,
    /// How many operations the document has.
    count: usize,
    service: &'a Service,
    plan: &'a CorpusPlan,
    resource: &'a str,
    item: Part<'a>,
    operation: Part<'a>,
}

impl Reader<'_> {
    fn record(&self, method: &str, file: &str, pointer: String) -> Record {
        let method_name = method.to_ascii_uppercase();
        let Service { provider, name, base, .. } = self.service;
        let resource = cut(self.resource);
        let (returns, example) = self.answer();
        Record {
            identity: format!("{provider}/{name} {method_name} {base}{resource}"),
            name: self.name(method),
            description: self.description(),
            parameters: arguments::parameters(self),
            returns,
            example,
            method: Some(method_name),
            path: Some(resource.to_string()),
            origin: Origin {
                source: self.service.source.into(),
                provider: provider.clone(),
                service: name.clone(),
                category: self.category(),
                version: self.service.version.clone(),
                license: self.service.license.clone(),
                file: file.into(),
                pointer,
            },
        }
    }

    fn text(&self, key: &str) -> &str {
        self.operation.text(key).trim()
    }

    /// The operation's id; without one, its method and the words of its path.
    fn name(&self, method: &str) -> String {
        let id = self.text("operationId");
        if !id.is_empty() {
            return cut(id).into();
        }
        let mut name = method.to_string();
        for segment in self.resource.split('/').filter(|segment| !segment.is_empty()) {
            let parameter = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            name.push('_');
            match parameter {
                Some(parameter) => {
                    name.push_str("by_");
                    name.push_str(parameter);
                }
                None => name.push_str(segment),
            }
        }
        cut(&name).into()
    }

    fn description(&self) -> String {
        let summary = self.text("summary");
        let description = self.text("description");
        let description =
            if description.is_empty() { self.item.text("description").trim() } else { description };
        let said = summary.trim_end_matches('.');
        if description.is_empty() || description.starts_with(said) {
            cut(if description.is_empty() { summary } else { description }).into()
        } else {
            cut(&format!("{said}. {description}")).into()
        }
    }

    fn category(&self) -> String {
        if !self.service.category.is_empty() {
            return self.service.category.clone();
        }
        let tags = self.operation.json.get("tags");
        let tag = tags.and_then(|tags| tags.get(0)).and_then(Json::as_str);
        cut(tag.unwrap_or_default()).into()
    }

    /// The schema and the example of the answer to a call that succeeds.
    fn answer(&self) -> (Value, Value) {
        let Some(responses) = self.operation.get("responses") else {
            return (Value::Null, Value::Null);
        };
        let mut expander = Expander::of_many(self.documents, self.plan, self.count);
        let (mut returns, mut example) = (Value::Null, Value::Null);
        // Beside an answer of its own for success, such as 204 without content, the default one
        // describes errors.
        let succeeds = responses.entries().any(|(code, _)| code.starts_with('2'));
        for code in ["200", "201", "202", "203", "206", "2XX", "2xx", "default"] {
            if code == "default" && succeeds {
                break;
            }
            let Some(response) = responses.get(code).and_then(|one| expander.follow(one)) else {
                continue;
            };
            let media = media_of(response.get("content"));
            let schema = response.get("schema").or_else(|| media?.get("schema"));
            // A default response is mostly the description of an error, and no example of success.
            if returns.is_null()
                && let Some(schema) = schema
            {
                returns = expander.expand(schema);
            }
            if example.is_null() && code != "default" {
                let found = response
                    .get("examples")
                    .and_then(|examples| media_of(Some(examples)))
                    .or_else(|| media.and_then(|media| example_of(media, &expander)));
                example = found.map_or(Value::Null, |found| quoted(found.json));
            }
            if !returns.is_null() {
                break;
            }
        }
        (returns, example)
    }
}

fn example_of<'a>(media: Part<'a>, expander: &Expander<'a>) -> Option<Part<'a>> {
    let named = || {
        let (_, first) = media.get("examples")?.entries().next()?;
        expander.follow(first)?.get("value")
    };
    media.get("example").or_else(named)
}

/// The entry of a map from media types that is JSON, or else a form, or else the first.
fn media_of(content: Option<Part<'_>>) -> Option<Part<'_>> {
    let rank = |name: &str| {
        let name = name.to_ascii_lowercase();
        if name.starts_with("application/json") {
            0
        } else if name.contains("json") {
            1
        } else if name.contains("form") {
            2
        } else {
            3
        }
    };
    content?.entries().min_by_key(|(name, _)| rank(name)).map(|(_, media)| media)
}
