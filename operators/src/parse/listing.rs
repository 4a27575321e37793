//! Lists of tools, however they are wrapped.

use serde_json::{Map, Value as Json};

use schemas::{CorpusPlan, Rule};

use super::definition::{self, Place};
use super::part::{Documents, NO_SIBLINGS};
use super::{Sink, aliyun, aws, openapi, rejection, task_bench};

/// Deepest wrapping looked into.
const WRAPS_MAX: usize = 12;

/// Keys under which lists of tools lie.
const CONTAINERS: [&str; 10] = [
    "tools",
    "functions",
    "function",
    "api_list",
    "nodes",
    "result",
    "results",
    "servers",
    "data",
    "Documentation",
];

/// Hands over every tool defined in `value`, a document or a part of one at `pointer`.
pub(super) fn walk(
    path: &str,
    pointer: &str,
    value: &Json,
    place: &Place,
    plan: &CorpusPlan,
    sink: Sink<'_>,
) {
    let mut walker = Walker { path, plan, sink };
    walker.step(value, pointer, place, false, 0);
}

struct Walker<'a> {
    path: &'a str,
    plan: &'a CorpusPlan,
    sink: Sink<'a>,
}

impl Walker<'_> {
    /// `listed` says that the value lies in a container of tools, where a name is enough.
    fn step(&mut self, value: &Json, pointer: &str, place: &Place, listed: bool, wraps: usize) {
        if WRAPS_MAX < wraps {
            return;
        }
        match value {
            Json::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.step(item, &format!("{pointer}/{index}"), place, listed, wraps + 1);
                }
            }
            Json::Object(entries) => self.object(entries, value, pointer, place, listed, wraps),
            Json::String(text) if listed && text.trim_ascii_start().starts_with(['{', '[']) => {
                match serde_json::from_str::<Json>(text) {
                    Ok(inner) => self.step(&inner, pointer, place, listed, wraps + 1),
                    Err(error) => {
                        let reason = format!("holds a text that is not valid JSON: {error}");
                        (self.sink)(Err(rejection(Rule::Malformed, self.path, pointer, reason)));
                    }
                }
            }
            _ => {}
        }
    }

    fn object(
        &mut self,
        entries: &Map<String, Json>,
        value: &Json,
        pointer: &str,
        place: &Place,
        listed: bool,
        wraps: usize,
    ) {
        if openapi::is_openapi(value) {
            let documents = Documents::new(self.path, value, &NO_SIBLINGS);
            openapi::read(self.path, pointer, &documents, self.plan, self.sink);
            return;
        }
        if aws::is_service(value) {
            return aws::read(self.path, pointer, value, self.plan, self.sink);
        }
        if aliyun::is_product(value) {
            return aliyun::read(self.path, pointer, value, self.plan, self.sink);
        }
        let (path, plan) = (self.path, self.plan);
        let record = definition::normalised(path, pointer, entries)
            .or_else(|| aliyun::read_api(path, pointer, entries, plan))
            .or_else(|| task_bench::read(path, pointer, entries, plan))
            .or_else(|| definition::read(path, pointer, entries, place, listed, plan));
        if let Some(record) = record {
            return (self.sink)(Ok(record));
        }
        let inner = place.within(entries);
        for (name, part) in entries {
            let contained = CONTAINERS.contains(&name.as_str());
            if !contained && !(listed && (name == "content" || part.is_object())) {
                continue;
            }
            let pointer = format!("{pointer}/{}", escaped(name));
            if contained {
                self.step(part, &pointer, &inner, !matches!(name.as_str(), "data"), wraps + 1);
            } else {
                let named = if name == "content" { inner.clone() } else { inner.named(name) };
                self.step(part, &pointer, &named, true, wraps + 1);
            }
        }
    }
}

/// A key as a step of an RFC 6901 pointer.
pub(super) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
