//! Parquet in, rows out: what the writer asserts, the reader asks again.
//!
//! Files may be damaged or hostile. Every outcome is a row or an error, and after an error
//! nothing more comes.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{Array as _, BooleanArray, ListArray, RecordBatch, StringArray, StructArray};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::file::reader::ChunkReader;
use serde::de::DeserializeOwned;

use schemas::{
    ArgumentSource, Audit, Call, Effect, GoldenCall, Message, Scenario, Speaker, Stage, Task, Value,
};

use super::columns::{Place, part};
use super::write::{Last, Table, in_order};
use super::{DatasetError, TaskRow, TrajectoryRow, Tries};

/// Rows laid out at once; few, since a hostile file chooses how large a row is.
const BATCH_ROWS: usize = 64;

/// Rows of a file, one by one, as they lie there: cell by cell of domains, within each by their ids.
pub struct Rows<T> {
    batches: Option<ParquetRecordBatchReader>,
    batch: Option<RecordBatch>,
    /// The next row's place in `batch`.
    place: usize,
    /// The next row's place in the file.
    row: u64,
    last: Last,
    take: fn(&Place<'_>) -> Result<T, DatasetError>,
}

/// Reads trajectories that [`write_trajectories`](super::write_trajectories) or
/// [`write_rejected`](super::write_rejected) wrote.
///
/// # Errors
///
/// Fails if the file's footer cannot be read. Damage further in is an error among the rows.
pub fn read_trajectories<F: ChunkReader + 'static>(
    file: F,
) -> Result<Rows<TrajectoryRow>, DatasetError> {
    read(file, take_trajectory)
}

/// Reads tasks that [`write_tasks`](super::write_tasks) wrote.
///
/// # Errors
///
/// Fails if the file's footer cannot be read. Damage further in is an error among the rows.
pub fn read_tasks<F: ChunkReader + 'static>(file: F) -> Result<Rows<TaskRow>, DatasetError> {
    read(file, take_task)
}

fn read<F: ChunkReader + 'static, T>(
    file: F,
    take: fn(&Place<'_>) -> Result<T, DatasetError>,
) -> Result<Rows<T>, DatasetError> {
    let batches = guarded(|| {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
        Ok(builder.with_batch_size(BATCH_ROWS).build()?)
    })?;
    Ok(Rows { batches: Some(batches), batch: None, place: 0, row: 0, last: None, take })
}

/// Decoders of a format this rich have panicked on damaged files before; here that is an error.
fn guarded<T>(decode: impl FnOnce() -> Result<T, DatasetError>) -> Result<T, DatasetError> {
    catch_unwind(AssertUnwindSafe(decode))
        .unwrap_or_else(|_panic| Err(DatasetError::Torn { reason: "its decoder broke off".into() }))
}

impl<T: Table> Iterator for Rows<T> {
    type Item = Result<T, DatasetError>;

    fn next(&mut self) -> Option<Result<T, DatasetError>> {
        let row = guarded(|| self.advance()).transpose();
        if !matches!(row, Some(Ok(_))) {
            self.batches = None;
            self.batch = None;
        }
        row
    }
}

impl<T: Table> Rows<T> {
    fn advance(&mut self) -> Result<Option<T>, DatasetError> {
        let batch = loop {
            match self.batch.take() {
                Some(batch) if self.place < batch.num_rows() => break batch,
                _ => {}
            }
            let Some(batch) = self.batches.as_mut().and_then(Iterator::next) else {
                return Ok(None);
            };
            self.batch = Some(batch?);
            self.place = 0;
        };
        let place = Place { batch: &batch, place: self.place, row: self.row };
        let row = (self.take)(&place)?;
        in_order(&mut self.last, &row)
            .map_err(|(last, id)| place.wrong(format!("\"{id}\" comes after \"{last}\"")))?;
        self.batch = Some(batch);
        self.place += 1;
        self.row += 1;
        Ok(Some(row))
    }
}

fn take_trajectory(place: &Place<'_>) -> Result<TrajectoryRow, DatasetError> {
    let trial = place.count("trial")?;
    let verdict = place.text("verdict")?;
    if verdict != "kept" && Stage::ALL.iter().all(|stage| stage.name() != verdict) {
        return Err(place.wrong(format!("\"{verdict}\" is no verdict")));
    }
    let revisions = place.texts("tool_revisions")?;
    Ok(TrajectoryRow {
        trajectory_id: parsed(place, "trajectory_id")?,
        task_id: parsed(place, "task_id")?,
        domain_id: parsed(place, "domain_id")?,
        domain: place.text("domain")?.into(),
        kind: named(place, place.text("kind")?)?,
        messages: take_messages(place)?,
        tools: place.texts("tools")?.into_iter().map(Arc::from).collect(),
        n_calls: place.count("n_calls")?,
        n_turns: place.count("n_turns")?,
        n_writes: place.count("n_writes")?,
        n_tool_errors: place.count("n_tool_errors")?,
        initial_state: parsed(place, "initial_state")?,
        golden_state: parsed(place, "golden_state")?,
        final_state: parsed(place, "final_state")?,
        verdict: verdict.into(),
        reason: place.text("reason")?.into(),
        sources: place.texts("sources")?,
        licenses: place.texts("licenses")?,
        tool_revisions: revisions
            .iter()
            .map(|text| text.parse().map_err(|error| place.wrong(error)))
            .collect::<Result<_, _>>()?,
        agent: place.text("agent")?.into(),
        user: place.text("user")?.into(),
        trial: u32::try_from(trial).map_err(|error| place.wrong(error))?,
    })
}

fn take_messages(place: &Place<'_>) -> Result<Vec<Message>, DatasetError> {
    let messages = place.list("messages")?;
    let supervised = place.list("supervised")?;
    let (Some(messages), Some(supervised)) = (
        messages.as_any().downcast_ref::<StructArray>(),
        supervised.as_any().downcast_ref::<BooleanArray>(),
    ) else {
        return Err(DatasetError::Column { column: "messages".into() });
    };
    if messages.len() != supervised.len() {
        return Err(place.wrong("\"supervised\" is not as long as \"messages\""));
    }
    let roles: &StringArray = part(messages, "role")?;
    let contents: &StringArray = part(messages, "content")?;
    let names: &StringArray = part(messages, "name")?;
    let calls: &ListArray = part(messages, "tool_calls")?;
    let thoughts: Option<&StringArray> = match messages.column_by_name("reasoning_content") {
        Some(_) => Some(part(messages, "reasoning_content")?),
        None => None,
    };
    let text = |texts: &StringArray, at: usize| match texts.is_valid(at) {
        true => texts.value(at).to_string(),
        false => String::new(),
    };
    (0..messages.len())
        .map(|at| {
            let role: Speaker = named(place, &text(roles, at))?;
            let calls = match calls.is_valid(at) {
                true => take_calls(place, &calls.value(at))?,
                false => Vec::new(),
            };
            Ok(Message {
                role,
                content: text(contents, at),
                reasoning: thoughts.map_or_else(String::new, |thoughts| text(thoughts, at)),
                calls,
                name: text(names, at),
                supervised: supervised.is_valid(at) && supervised.value(at),
            })
        })
        .collect()
}

fn take_calls(
    place: &Place<'_>,
    calls: &arrow::array::ArrayRef,
) -> Result<Vec<Call>, DatasetError> {
    let Some(calls) = calls.as_any().downcast_ref::<StringArray>() else {
        return Err(DatasetError::Column { column: "messages.tool_calls".into() });
    };
    calls
        .iter()
        .map(|text| {
            let json = json(place, text.unwrap_or_default())?;
            let part = |pointer| json.at(pointer).cloned();
            match (part("/type"), part("/function/name"), part("/function/arguments")) {
                (Some(Value::Text(function)), Some(Value::Text(name)), Some(arguments))
                    if function == "function" =>
                {
                    Ok(Call { name, arguments })
                }
                _ => Err(place.wrong(format!("\"{json}\" is no call"))),
            }
        })
        .collect()
}

fn take_task(place: &Place<'_>) -> Result<TaskRow, DatasetError> {
    let scenario = place.text("user")?;
    let scenario: Scenario = serde_json::from_str(scenario).map_err(|error| place.wrong(error))?;
    let golden = place
        .texts("golden_calls")?
        .iter()
        .map(|text| take_golden(place, &json(place, text)?))
        .collect::<Result<_, _>>()?;
    let faults = place.texts("faults")?;
    let faults = faults.iter().map(|text| serde_json::from_str(text));
    let count = |name| u32::try_from(place.count(name)?).map_err(|error| place.wrong(error));
    Ok(TaskRow {
        task: Task {
            id: parsed(place, "task_id")?,
            domain: parsed(place, "domain_id")?,
            kind: named(place, place.text("kind")?)?,
            offered: place.texts("offered")?.into_iter().collect(),
            part: parsed(place, "part")?,
            scenario,
            faults: faults.collect::<Result<_, _>>().map_err(|error| place.wrong(error))?,
            golden,
            initial_state: parsed(place, "initial_state")?,
            golden_state: parsed(place, "golden_state")?,
            audit: Audit {
                right_runs: count("audit_right_runs")?,
                false_rejects: count("audit_false_rejects")?,
                wrong_runs: count("audit_wrong_runs")?,
                false_accepts: count("audit_false_accepts")?,
            },
        },
        domain: place.text("domain")?.into(),
        split: place.text("split")?.into(),
        tries: Tries { trials: place.count("trials")?, passes: place.count("passes")? },
    })
}

fn take_golden(place: &Place<'_>, json: &Value) -> Result<GoldenCall, DatasetError> {
    let wrong = || place.wrong(format!("\"{json}\" is no golden call"));
    let text = |key| json.get(key).and_then(Value::as_text).ok_or_else(wrong);
    let Some(Value::Object(sources)) = json.get("sources") else { return Err(wrong()) };
    let sources = sources.iter().map(|(name, source)| {
        let source: ArgumentSource = match (source, source.get("call"), source.get("pointer")) {
            (Value::Text(said), ..) => named(place, said)?,
            (_, Some(Value::Integer(earlier)), Some(Value::Text(pointer))) => {
                let earlier = usize::try_from(*earlier).map_err(|_negative| wrong())?;
                ArgumentSource::Output(earlier, pointer.clone())
            }
            _ => return Err(wrong()),
        };
        Ok((name.clone(), source))
    });
    let effect: Effect = named(place, text("effect")?)?;
    Ok(GoldenCall {
        name: text("name")?.into(),
        arguments: json.get("arguments").ok_or_else(wrong)?.clone(),
        sources: sources.collect::<Result<_, _>>()?,
        observation: text("observation")?.into(),
        effect,
        failed: json.get("failed") == Some(&Value::Bool(true)),
    })
}

/// The id or digest in a column.
fn parsed<I: FromStr<Err: fmt::Display>>(place: &Place<'_>, name: &str) -> Result<I, DatasetError> {
    place.text(name)?.parse().map_err(|error| place.wrong(error))
}

/// The variant of that name.
fn named<V: DeserializeOwned>(place: &Place<'_>, name: &str) -> Result<V, DatasetError> {
    serde_json::from_value(name.into()).map_err(|error| place.wrong(error))
}

fn json(place: &Place<'_>, text: &str) -> Result<Value, DatasetError> {
    Value::parse(text).map_err(|error| place.wrong(error))
}
