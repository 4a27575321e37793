//! Tasks for `NeMo Gym`: JSON Lines of what a policy is asked, and what a verifier needs to grade it.

use std::collections::BTreeSet;
use std::path::Path;

use schemas::{Message, Speaker, Task, TaskId};
use serde_json::{Value, json};

use super::ExportError;
use super::conversations::{Conversations, tools, write_lines};
use super::folder::Folder;
use crate::dataset::TrajectoryRow;
use crate::store::{Manifest, World};

/// Writes a row for every task that has a kept trajectory: one that can be done as it is told.
///
/// # Errors
///
/// Fails if an object is missing or damaged, or if the folder cannot be written or is not ours to
/// replace.
pub fn nemo_gym(
    world: &World,
    manifest: &Manifest,
    output: &Path,
) -> Result<Conversations, ExportError> {
    let folder = Folder::begin(output)?;
    let mut told: BTreeSet<TaskId> = BTreeSet::new();
    let made = write_lines(world, manifest, &folder, &mut |row, task| {
        if told.insert(task.id) { Ok(converted(row, task)) } else { Err(AGAIN) }
    })?;
    folder.finish(json!({"format": "nemo-gym", "version": manifest.version}))?;
    Ok(made)
}

/// Why a trajectory has no row: its task has one.
pub(super) const AGAIN: &str = "another attempt at the same task";

/// What the policy meets before it first speaks.
pub(super) fn opening(row: &TrajectoryRow) -> &[Message] {
    let first = row.messages.iter().position(|message| message.role == Speaker::Assistant);
    &row.messages[..first.unwrap_or(row.messages.len())]
}

/// The golden calls of a task, as a verifier compares them.
pub(super) fn golden(task: &Task) -> Value {
    let calls = task.golden.iter();
    calls.map(|call| json!({"name": call.name, "arguments": call.arguments})).collect()
}

fn converted(row: &TrajectoryRow, task: &Task) -> Value {
    let input = opening(row).iter();
    let input = input.map(|it| json!({"role": it.role.name(), "content": it.content}));
    let tool = |tool: Value| {
        let function = &tool["function"];
        json!({
            "type": "function", "name": function["name"], "description": function["description"],
            "parameters": function["parameters"], "strict": false,
        })
    };
    json!({
        "responses_create_params": {
            "input": input.collect::<Vec<Value>>(),
            "tools": tools(row).into_iter().map(tool).collect::<Vec<Value>>(),
            "parallel_tool_calls": true,
        },
        "task_id": task.id,
        "domain_id": task.domain,
        "domain": row.domain,
        "kind": task.kind.name(),
        "user": task.scenario,
        "golden_calls": golden(task),
        "initial_state": task.initial_state,
        "golden_state": task.golden_state,
    })
}
