//! Conversations for LLaMA-Factory: `formatting: sharegpt`, with its `dataset_info.json`.
//!
//! Its loader takes strictly alternating turns, what comes in and what the model says, and empties a
//! row that does not alternate with no more than a warning. So results of parallel calls are one
//! turn, joined as Qwen's template joins them; what has no place in this shape is left out and
//! counted.

use std::path::Path;

use schemas::{Message, Speaker};
use serde_json::{Map, Value, json};

use super::ExportError;
use super::conversations::{
    Conversations, Converted, UNSUPERVISED, calls, has_unsupervised, splits, tools,
    until_last_reply, write_lines,
};
use super::folder::Folder;
use crate::dataset::TrajectoryRow;
use crate::store::{Manifest, World};

/// What stands between two results of one turn, as Qwen's template has it.
const BETWEEN_RESULTS: &str = "\n</tool_response>\n<tool_response>\n";

/// Writes the kept trajectories of a version as a folder that LLaMA-Factory takes as `dataset_dir`.
///
/// # Errors
///
/// Fails if an object is missing or damaged, or if the folder cannot be written or is not ours to
/// replace.
pub fn sharegpt(
    world: &World,
    manifest: &Manifest,
    output: &Path,
) -> Result<Conversations, ExportError> {
    let folder = Folder::begin(output)?;
    let made = write_lines(world, manifest, &folder, &mut |row, _task| converted(row))?;
    let mut info = Map::new();
    for split in splits(&made) {
        info.insert(
            format!("agentscaler_{split}"),
            json!({
                "file_name": format!("{split}.jsonl"),
                "formatting": "sharegpt",
                "columns": {"messages": "conversations", "system": "system", "tools": "tools"},
                "tags": {
                    "role_tag": "from", "content_tag": "value", "user_tag": "human",
                    "assistant_tag": "gpt", "observation_tag": "observation",
                    "function_tag": "function_call", "system_tag": "system",
                },
            }),
        );
    }
    folder.put("dataset_info.json", &format!("{:#}\n", Value::Object(info)))?;
    folder.finish(json!({"format": "sharegpt", "version": manifest.version}))?;
    Ok(made)
}

/// A row as the loader takes it.
pub(super) fn converted(row: &TrajectoryRow) -> Converted<Value> {
    let messages = until_last_reply(row);
    if has_unsupervised(messages) {
        return Err(UNSUPERVISED);
    }
    let mut system = Vec::new();
    let mut turns: Vec<(&str, String)> = Vec::new();
    for message in messages {
        match message.role {
            Speaker::System => system.push(message.content.as_str()),
            Speaker::User => turns.push(("human", message.content.clone())),
            Speaker::Assistant => turns.push(said(message)?),
            Speaker::Tool => match turns.last_mut() {
                Some(("observation", results)) => {
                    results.push_str(BETWEEN_RESULTS);
                    results.push_str(&message.content);
                }
                _ => turns.push(("observation", message.content.clone())),
            },
        }
    }
    let alternates = turns.iter().enumerate().all(|(place, (from, _))| match place % 2 {
        0 => ["human", "observation"].contains(from),
        _ => ["gpt", "function_call"].contains(from),
    });
    if !alternates || !turns.len().is_multiple_of(2) || turns.is_empty() {
        return Err("turns do not alternate");
    }
    let turn = |(from, value): (&str, String)| json!({"from": from, "value": value});
    let functions: Vec<Value> = tools(row).into_iter().map(|it| it["function"].clone()).collect();
    Ok(json!({
        "conversations": turns.into_iter().map(turn).collect::<Vec<Value>>(),
        "system": system.join("\n\n"),
        "tools": Value::Array(functions).to_string(),
        "trajectory_id": row.trajectory_id,
        "task_id": row.task_id,
        "domain": row.domain,
    }))
}

fn said(message: &Message) -> Converted<(&'static str, String)> {
    let mut calls = calls(message);
    match (calls.len(), message.content.trim().is_empty()) {
        (0, _) => Ok(("gpt", message.content.clone())),
        (_, false) => Err("a turn both speaks and calls"),
        (1, true) => Ok(("function_call", calls.remove(0).to_string())),
        (_, true) => Ok(("function_call", Value::Array(calls).to_string())),
    }
}
