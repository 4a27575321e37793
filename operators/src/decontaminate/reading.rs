//! The files of a benchmark: its tools, and the texts of its tasks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use schemas::{CorpusPlan, Record, Value};

use super::python;
use crate::parse::{parse_stream, unfolded};
use crate::refine::refine;

/// What a file of a benchmark holds.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Found {
    /// The tools it defines, in its order.
    pub tools: Vec<Named>,
    /// What users of its tasks say or are told to want, in its order.
    pub texts: Vec<String>,
}

/// A benchmark's tool, as far as it is compared.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// What it says of itself.
    pub description: String,
    /// The names of its parameters.
    pub parameters: Vec<String>,
}

/// The fields whose texts are a task's: of τ-bench, τ²-bench, BFCL, ACEBench and their like.
const TEXT_FIELDS: [&str; 14] = [
    "question",
    "instruction",
    "instructions",
    "query",
    "user_query",
    "prompt",
    "intent",
    "reason_for_call",
    "known_info",
    "unknown_info",
    "task_instructions",
    "ticket",
    "messages",
    "conversations",
];

/// The fields that define tools: what stands in them is no text of a task.
const TOOL_FIELDS: [&str; 7] =
    ["function", "functions", "tools", "parameters", "api_list", "inputSchema", "properties"];

/// Deepest nesting looked into.
const DEPTH_MAX: usize = 32;

/// Reads what a file of a benchmark holds: tools in any format that corpora may have, tools and
/// instructions in Python source, and the texts of tasks in JSON and JSON Lines.
///
/// Tools are refined as those of a corpus are, so that what refining does to one side it does to
/// the other; but nothing is held back for what it says. Python is read, never run.
///
/// # Errors
///
/// Fails if the file unfolds to more than the plan allows, or is damaged.
pub fn read(path: &str, bytes: &[u8], plan: &CorpusPlan) -> std::io::Result<Found> {
    let plan = CorpusPlan {
        quarantine: false,
        sources: Vec::new(),
        licenses: Vec::new(),
        dropped_sources: Vec::new(),
        dropped_licenses: Vec::new(),
        ..plan.clone()
    };
    let unfolded = unfolded(bytes, &plan)?;
    let text = String::from_utf8_lossy(&unfolded);
    let mut found = Found::default();
    if path.ends_with(".py") {
        let read = python::read(&text);
        found.texts = read.texts;
        found.tools.extend(read.tools);
        for definition in &read.definitions {
            tools(path, definition.to_string().as_bytes(), &plan, &mut found.tools);
        }
        return Ok(found);
    }
    tools(path, bytes, &plan, &mut found.tools);
    match serde_json::from_str::<Json>(&text) {
        Ok(document) => texts(&document, 0, &mut found.texts),
        Err(_) => {
            for line in text.lines() {
                if let Ok(row) = serde_json::from_str::<Json>(line) {
                    texts(&row, 0, &mut found.texts);
                }
            }
        }
    }
    Ok(found)
}

/// The tools that a document defines.
fn tools(path: &str, bytes: &[u8], plan: &CorpusPlan, into: &mut Vec<Named>) {
    parse_stream(path, bytes, &BTreeMap::new(), plan, &mut |outcome| {
        if let Ok(record) = outcome {
            into.push(named(&record, plan));
        }
    });
}

fn named(record: &Record, plan: &CorpusPlan) -> Named {
    match refine(record, plan) {
        Ok(tool) => Named {
            name: tool.name,
            description: tool.description,
            parameters: tool.input.into_iter().map(|field| field.name).collect(),
        },
        // Too poor for a corpus, and a benchmark's tool all the same.
        Err(_) => Named {
            name: record.name.clone(),
            description: record.description.clone(),
            parameters: match record.parameters.get("properties") {
                Some(Value::Object(entries)) => {
                    entries.iter().map(|(name, _)| name.clone()).collect()
                }
                _ => Vec::new(),
            },
        },
    }
}

/// The texts of tasks anywhere in a document.
fn texts(value: &Json, depth: usize, into: &mut Vec<String>) {
    if DEPTH_MAX < depth {
        return;
    }
    match value {
        Json::Array(items) => items.iter().for_each(|item| texts(item, depth + 1, into)),
        Json::Object(entries) => {
            for (name, inner) in entries {
                if TEXT_FIELDS.contains(&name.as_str()) {
                    said(inner, depth + 1, into);
                } else if !TOOL_FIELDS.contains(&name.as_str()) {
                    texts(inner, depth + 1, into);
                }
            }
        }
        _ => {}
    }
}

/// What a text's field holds: a text, turns of a conversation, or more such fields.
fn said(value: &Json, depth: usize, into: &mut Vec<String>) {
    if DEPTH_MAX < depth {
        return;
    }
    match value {
        Json::String(text) => spoken(text, into),
        Json::Array(items) => items.iter().for_each(|item| said(item, depth + 1, into)),
        Json::Object(entries) => match turn(entries) {
            Some((who, what)) if ["user", "human"].contains(&who) => spoken(what, into),
            Some(_) => {}
            None => texts(value, depth, into),
        },
        _ => {}
    }
}

/// Who says what, if an object is a turn.
fn turn(entries: &Map<String, Json>) -> Option<(&str, &str)> {
    let text = |names: [&str; 2]| names.iter().find_map(|name| entries.get(*name)?.as_str());
    Some((text(["role", "from"])?, text(["content", "value"])?))
}

/// What a user says in a text, which may be a transcript of both sides.
fn spoken(text: &str, into: &mut Vec<String>) {
    let mut keep = |words: &str| {
        if !words.trim().is_empty() {
            into.push(words.trim().to_string());
        }
    };
    if !text.starts_with("user:") {
        return keep(text);
    }
    let mut turn = String::new();
    let mut is_user = true;
    for line in text.lines() {
        let said = line.strip_prefix("user:");
        if said.is_some() || line.starts_with("system:") {
            keep(&std::mem::take(&mut turn));
            is_user = said.is_some();
        }
        if is_user {
            turn.push_str(said.unwrap_or(line));
            turn.push('\n');
        }
    }
    keep(&turn);
}
