//! Conversations and tasks for verl: Parquet that pandas reads.
//!
//! Arrow would pad the schemas of differing tools with each other's keys, and verl hands what it
//! reads to the chat template as it is. So the tools, the calls and their results are rendered into
//! the text of the messages, as Qwen's template renders them, and every message is a role and a text.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use schemas::{Message, Speaker, Task, TaskId, Value};
use serde_json::json;

use super::ExportError;
use super::conversations::{
    Conversations, Converted, UNSUPERVISED, each, has_unsupervised, until_last_reply,
};
use super::folder::Folder;
use super::nemo_gym::{AGAIN, golden, opening};
use crate::dataset::{DatasetError, TrajectoryRow};
use crate::store::disk::Stream;
use crate::store::{Manifest, World};

/// What Qwen's template says before the tools, and after them.
const BEFORE_TOOLS: &str = "# Tools\n\nYou may call one or more functions to assist with the user \
    query.\n\nYou are provided with function signatures within <tools></tools> XML tags:\n<tools>";
const AFTER_TOOLS: &str = "\n</tools>\n\nFor each function call, return a json object with function \
    name and arguments within <tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": \
    <function-name>, \"arguments\": <args-json-object>}\n</tool_call>";

/// Rows laid out at once.
const BATCH_ROWS: usize = 256;

/// A message as verl takes it.
type Turn = (&'static str, String);

/// Writes `sft/SPLIT.parquet`, the kept trajectories for `MultiTurnSFTDataset`, and
/// `rl/SPLIT.parquet`, a prompt for each of their tasks with what grades it.
///
/// # Errors
///
/// Fails if an object is missing or damaged, or if the folder cannot be written or is not ours to
/// replace.
pub fn verl(
    world: &World,
    manifest: &Manifest,
    output: &Path,
) -> Result<Conversations, ExportError> {
    let folder = Folder::begin(output)?;
    let mut made = Conversations::default();
    let mut told: BTreeSet<TaskId> = BTreeSet::new();
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    each(world, manifest, &mut |split, row, task| {
        let file = |kind: &str| format!("{kind}/{split}");
        match conversation(&row) {
            Err(reason) => *made.left_out.entry(reason).or_default() += 1,
            Ok(turns) => {
                let table = Table::of(&mut tables, &folder, file("sft"), sft_schema())?;
                table.add(Cells { row: &row, task, turns, split })?;
                *made.rows.entry(file("sft")).or_default() += 1;
            }
        }
        if told.insert(task.id) {
            let table = Table::of(&mut tables, &folder, file("rl"), rl_schema())?;
            let turns = rendered(&row, opening(&row));
            table.add(Cells { row: &row, task, turns, split })?;
            *made.rows.entry(file("rl")).or_default() += 1;
        } else {
            *made.left_out.entry(AGAIN).or_default() += 1;
        }
        Ok(())
    })?;
    for table in tables.into_values() {
        table.finish()?;
    }
    folder.finish(json!({"format": "verl", "version": manifest.version}))?;
    Ok(made)
}

fn conversation(row: &TrajectoryRow) -> Converted<Vec<Turn>> {
    let messages = until_last_reply(row);
    match has_unsupervised(messages) {
        true => Err(UNSUPERVISED),
        false => Ok(rendered(row, messages)),
    }
}

/// Messages as texts, the tools among them.
fn rendered(row: &TrajectoryRow, messages: &[Message]) -> Vec<Turn> {
    let mut system = String::new();
    let mut turns: Vec<Turn> = Vec::new();
    let mut is_result = false;
    for message in messages {
        let (was_result, content) = (is_result, &message.content);
        is_result = message.role == Speaker::Tool;
        match message.role {
            Speaker::System => {
                system.push_str(content);
                system.push_str("\n\n");
            }
            Speaker::User => turns.push(("user", content.clone())),
            Speaker::Assistant => turns.push(("assistant", said(message))),
            Speaker::Tool => {
                let result = format!("<tool_response>\n{content}\n</tool_response>");
                match turns.last_mut().filter(|_| was_result) {
                    Some((_, results)) => {
                        results.push('\n');
                        results.push_str(&result);
                    }
                    None => turns.push(("user", result)),
                }
            }
        }
    }
    if !row.tools.is_empty() {
        // As the template would write what the text says, which may spell its numbers otherwise.
        let tool =
            |text: &str| Value::parse(text).map_or_else(|_| text.into(), |it| it.to_string());
        let tools: String = row.tools.iter().map(|text| format!("\n{}", tool(text))).collect();
        system = format!("{system}{BEFORE_TOOLS}{tools}{AFTER_TOOLS}");
    }
    turns.insert(0, ("system", system.trim_end().to_string()));
    turns
}

/// What the agent says and calls.
fn said(message: &Message) -> String {
    let mut parts: Vec<String> = Vec::new();
    if !message.content.is_empty() {
        parts.push(message.content.clone());
    }
    parts.extend(message.calls.iter().map(|call| {
        let call = Value::Object(vec![
            ("name".into(), Value::text(&call.name)),
            ("arguments".into(), call.arguments.clone()),
        ]);
        format!("<tool_call>\n{call}\n</tool_call>")
    }));
    parts.join("\n")
}

/// What a row of either kind is made of.
struct Cells<'r> {
    row: &'r TrajectoryRow,
    task: &'r Task,
    turns: Vec<Turn>,
    split: &'r str,
}

/// A file in the making.
struct Table {
    writer: ArrowWriter<Stream>,
    schema: Arc<Schema>,
    rows: Vec<Row>,
    written: i64,
}

/// A row with everything that either kind of table shows.
struct Row {
    turns: Vec<Turn>,
    texts: BTreeMap<&'static str, String>,
}

impl Table {
    fn of<'t>(
        tables: &'t mut BTreeMap<String, Table>,
        folder: &Folder,
        name: String,
        schema: Schema,
    ) -> Result<&'t mut Table, ExportError> {
        if !tables.contains_key(&name) {
            let file = folder.create(&format!("{name}.parquet"))?;
            let schema = Arc::new(schema);
            let level = ZstdLevel::try_new(3).expect("level 3 exists");
            let properties = WriterProperties::builder()
                .set_created_by("agentscaler".into())
                .set_compression(Compression::ZSTD(level))
                .set_max_row_group_row_count(Some(4_096));
            let writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties.build()))
                .map_err(DatasetError::from)?;
            tables.insert(name.clone(), Table { writer, schema, rows: Vec::new(), written: 0 });
        }
        Ok(tables.get_mut(&name).expect("it was just made"))
    }

    fn add(&mut self, cells: Cells<'_>) -> Result<(), ExportError> {
        let (row, task) = (cells.row, cells.task);
        let truth = json!({
            "golden_calls": golden(task), "initial_state": task.initial_state,
            "golden_state": task.golden_state,
        });
        let texts = BTreeMap::from([
            ("trajectory_id", row.trajectory_id.to_string()),
            ("task_id", task.id.to_string()),
            ("domain_id", task.domain.to_string()),
            ("domain", row.domain.clone()),
            ("kind", task.kind.name().to_string()),
            ("split", cells.split.to_string()),
            ("data_source", "agentscaler".to_string()),
            ("agent_name", "tool_agent".to_string()),
            ("ability", "tool_use".to_string()),
            ("style", "rule".to_string()),
            ("ground_truth", truth.to_string()),
        ]);
        self.rows.push(Row { turns: cells.turns, texts });
        if BATCH_ROWS <= self.rows.len() { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        let rows = std::mem::take(&mut self.rows);
        let columns = self.schema.fields().iter();
        let columns = columns.map(|field| column(field, &rows, self.written)).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns);
        let batch = batch.map_err(DatasetError::from)?;
        self.write(|writer| writer.write(&batch))?;
        self.written += i64::try_from(rows.len()).expect("rows are far below 2⁶³");
        Ok(())
    }

    fn finish(mut self) -> Result<(), ExportError> {
        self.flush()?;
        self.write(|writer| writer.finish().map(drop))?;
        Ok(self.writer.inner_mut().end()?)
    }

    /// What the disk refused says more than what the writer makes of it.
    fn write(
        &mut self,
        run: impl FnOnce(&mut ArrowWriter<Stream>) -> Result<(), ParquetError>,
    ) -> Result<(), ExportError> {
        let Err(error) = run(&mut self.writer) else { return Ok(()) };
        self.writer.inner_mut().end()?;
        Err(DatasetError::from(error).into())
    }
}

fn column(field: &FieldRef, rows: &[Row], before: i64) -> ArrayRef {
    match field.data_type() {
        DataType::List(element) => turns(element, rows),
        DataType::Struct(fields) => {
            let parts = fields.iter().map(|part| column(part, rows, before)).collect();
            Arc::new(StructArray::new(fields.clone(), parts, None))
        }
        DataType::Int64 => {
            Arc::new(Int64Array::from_iter_values((before..).zip(rows).map(|(index, _)| index)))
        }
        DataType::Boolean => Arc::new(BooleanArray::from(vec![false; rows.len()])),
        _ => {
            let text = |row: &Row| row.texts[field.name().as_str()].clone();
            Arc::new(StringArray::from_iter_values(rows.iter().map(text)))
        }
    }
}

fn turns(element: &FieldRef, rows: &[Row]) -> ArrayRef {
    let all = || rows.iter().flat_map(|row| &row.turns);
    let roles: ArrayRef = Arc::new(StringArray::from_iter_values(all().map(|(role, _)| role)));
    let contents: ArrayRef = Arc::new(StringArray::from_iter_values(all().map(|(_, text)| text)));
    let structs = StructArray::new(turn_fields(), vec![roles, contents], None);
    let offsets = OffsetBuffer::from_lengths(rows.iter().map(|row| row.turns.len()));
    Arc::new(ListArray::new(Arc::clone(element), offsets, Arc::new(structs), None))
}

fn turn_fields() -> Fields {
    Fields::from(vec![text("role"), text("content")])
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn messages(name: &str) -> Field {
    let element = Field::new("element", DataType::Struct(turn_fields()), true);
    Field::new(name, DataType::List(Arc::new(element)), true)
}

fn sft_schema() -> Schema {
    let texts = ["trajectory_id", "task_id", "domain_id", "domain", "kind"];
    let fields = [messages("messages")].into_iter().chain(texts.map(text));
    Schema::new(fields.collect::<Vec<Field>>())
}

fn rl_schema() -> Schema {
    let part = |name: &str, fields: Vec<Field>| {
        Field::new(name, DataType::Struct(Fields::from(fields)), true)
    };
    let extra = vec![
        Field::new("index", DataType::Int64, true),
        text("split"),
        text("task_id"),
        text("domain_id"),
        text("domain"),
        text("kind"),
        Field::new("need_tools_kwargs", DataType::Boolean, true),
    ];
    Schema::new(vec![
        text("data_source"),
        text("agent_name"),
        messages("prompt"),
        text("ability"),
        part("reward_model", vec![text("style"), text("ground_truth")]),
        part("extra_info", extra),
    ])
}
