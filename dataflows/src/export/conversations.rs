//! Kept trajectories, row by row, for the formats of trainers.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use schemas::{Message, Speaker, Task, TaskId};
use serde_json::{Value, json};

use super::ExportError;
use super::folder::Folder;
use crate::dataset::{DatasetError, TrajectoryRow, read_tasks, read_trajectories};
use crate::store::disk::Stream;
use crate::store::{Manifest, ShownFile, StoreError, World, files};

/// What an export of conversations came to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Conversations {
    /// How many rows were written, by split.
    pub rows: BTreeMap<String, u64>,
    /// How many were left out, since the format cannot say what they say, by reason.
    pub left_out: BTreeMap<&'static str, u64>,
}

impl Conversations {
    /// All rows written.
    pub fn total(&self) -> u64 {
        self.rows.values().sum()
    }
}

/// A row of some format, or why it has none.
pub(super) type Converted<R> = Result<R, &'static str>;

/// Hands over every kept trajectory of the latest version with its task, split by split, in the
/// order of their shards. Memory: one shard's tasks.
pub(super) fn each(
    world: &World,
    manifest: &Manifest,
    sink: &mut dyn FnMut(&str, TrajectoryRow, &Task) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let files = files(manifest);
    let mut tasks_of: BTreeMap<(String, u64), &ShownFile<'_>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.config == "tasks") {
        tasks_of.insert((split_of(file).into(), file.place), file);
    }
    for config in ["general", "vertical"] {
        for file in files.iter().filter(|file| file.config == config) {
            let split = split_of(file).to_string();
            let mut tasks: BTreeMap<TaskId, Task> = BTreeMap::new();
            if let Some(beside) = tasks_of.get(&(split.clone(), file.place)) {
                for row in read_tasks(world.open_object(beside.object)?)
                    .map_err(|it| damaged(world, beside, &it))?
                {
                    let task = row.map_err(|it| damaged(world, beside, &it))?.task;
                    tasks.insert(task.id, task);
                }
            }
            let rows = read_trajectories(world.open_object(file.object)?);
            for row in rows.map_err(|it| damaged(world, file, &it))? {
                let row = row.map_err(|it| damaged(world, file, &it))?;
                let task = tasks.get(&row.task_id).ok_or_else(|| StoreError::Damaged {
                    path: world.object_path(file.object),
                    reason: format!("the task {} of a row is not in the version", row.task_id),
                })?;
                sink(&split, row, task)?;
            }
        }
    }
    Ok(())
}

/// The split that a file is of, as its name begins.
pub(super) fn split_of<'f>(file: &'f ShownFile<'_>) -> &'f str {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    name.split('-').next().unwrap_or_default()
}

pub(super) fn damaged(world: &World, file: &ShownFile<'_>, error: &DatasetError) -> StoreError {
    StoreError::Damaged { path: world.object_path(file.object), reason: error.to_string() }
}

/// Writes every kept trajectory that a format can say as JSON Lines, a file for each split.
pub(super) fn write_lines(
    world: &World,
    manifest: &Manifest,
    folder: &Folder,
    convert: &mut dyn FnMut(&TrajectoryRow, &Task) -> Converted<Value>,
) -> Result<Conversations, ExportError> {
    let mut made = Conversations::default();
    let mut sinks: BTreeMap<String, Stream> = BTreeMap::new();
    let written = each(world, manifest, &mut |split, row, task| {
        match convert(&row, task) {
            Err(reason) => *made.left_out.entry(reason).or_default() += 1,
            Ok(row) => {
                if !sinks.contains_key(split) {
                    sinks.insert(split.into(), folder.create(&format!("{split}.jsonl"))?);
                }
                let sink = sinks.get_mut(split).expect("it was just made");
                writeln!(sink, "{row}")?;
                *made.rows.entry(split.into()).or_default() += 1;
            }
        }
        Ok(())
    });
    let mut outcome = written.map(|()| made);
    for sink in sinks.into_values() {
        outcome = sink.close(outcome).map(|(told, _file)| told);
    }
    outcome
}

/// The tools of a row, read.
pub(super) fn tools(row: &TrajectoryRow) -> Vec<Value> {
    row.tools.iter().map(|text| serde_json::from_str(text).expect("tools are JSON")).collect()
}

/// The messages of a row up to its last by the agent: what comes after it teaches nothing.
pub(super) fn until_last_reply(row: &TrajectoryRow) -> &[Message] {
    let last = row.messages.iter().rposition(|message| message.role == Speaker::Assistant);
    &row.messages[..last.map_or(0, |place| place + 1)]
}

/// Why a trainer that learns every turn of the agent cannot take a row: it would learn a mistake.
pub(super) const UNSUPERVISED: &str = "a turn of the agent is not to be learnt";

/// Whether a turn of the agent is not to be learnt.
pub(super) fn has_unsupervised(messages: &[Message]) -> bool {
    messages.iter().any(|message| message.role == Speaker::Assistant && !message.supervised)
}

/// The calls of a message, as `{"name": …, "arguments": {…}}`.
pub(super) fn calls(message: &Message) -> Vec<Value> {
    let call = |call: &schemas::Call| json!({"name": call.name, "arguments": call.arguments});
    message.calls.iter().map(call).collect()
}

/// The splits in which something was written.
pub(super) fn splits(made: &Conversations) -> BTreeSet<&str> {
    made.rows.keys().map(String::as_str).collect()
}
