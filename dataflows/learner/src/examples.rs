//! The rows to learn from: Parquet shards of a world, checked against what its manifest says.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use arrow::array::{
    Array, ArrayRef, BooleanArray, ListArray, RecordBatch, StringArray, StructArray,
};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use schemas::Digest;
use serde_json::{Map, Value};

use crate::error::LearnError;
use crate::template::Conversation;

/// A file of rows, as a manifest names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Shard {
    /// Where it is.
    pub path: PathBuf,
    /// The digest of its bytes.
    pub digest: Digest,
    /// How many rows it has.
    pub rows: u64,
}

impl Shard {
    /// The shard that a file is, where no manifest says so: for files from elsewhere.
    ///
    /// # Errors
    ///
    /// Names the file if it is no Parquet file.
    pub fn found(path: &Path) -> Result<Shard, LearnError> {
        let bytes = fs::read(path).map_err(LearnError::io(path, "read the shard"))?;
        let digest = Digest::of(&bytes);
        let footer = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes));
        let footer = footer.map_err(|error| {
            let remedy = "give a Parquet file of a world's dataset";
            LearnError::unusable(path, "its footer", error.to_string(), remedy)
        })?;
        let rows = u64::try_from(footer.metadata().file_metadata().num_rows()).unwrap_or(0);
        Ok(Shard { path: path.to_path_buf(), digest, rows })
    }
}

/// A row: a conversation and what of it is to be learned.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// The trajectory.
    pub id: String,
    /// The task attempted.
    pub task: String,
    /// The domain's name.
    pub domain: String,
    /// What the task exercises.
    pub kind: String,
    /// The messages and tools.
    pub conversation: Conversation,
    /// For each message, whether a model should learn to say it.
    pub supervised: Vec<bool>,
}

impl Example {
    /// What is learned from it: two rows that teach the same have the same digest.
    pub fn digest(&self) -> Digest {
        let messages = Value::from(self.conversation.messages.clone()).to_string();
        let tools = Value::from(self.conversation.tools.clone()).to_string();
        let supervised: Vec<u8> = self.supervised.iter().map(|it| u8::from(*it)).collect();
        Digest::of_parts([self.id.as_bytes(), messages.as_bytes(), tools.as_bytes(), &supervised])
    }
}

/// Reads every row of shards, in the order of their ids.
///
/// # Errors
///
/// Names the file, the row and the column if a shard is not the one that the manifest names, or
/// holds what no world writes.
pub fn read(shards: &[Shard]) -> Result<Vec<Example>, LearnError> {
    let mut examples = Vec::new();
    for shard in shards {
        let bytes = fs::read(&shard.path).map_err(LearnError::io(&shard.path, "read the shard"))?;
        let remedy = "run `agentscaler verify`, and build the world again";
        if Digest::of(&bytes) != shard.digest {
            let reason = "are not those that the manifest names";
            return Err(LearnError::unusable(&shard.path, "its bytes", reason, remedy));
        }
        let before = examples.len();
        // A decoder of a format this rich may panic on a damaged file; here that is an error.
        let decoded = catch_unwind(AssertUnwindSafe(|| decode(shard, bytes, &mut examples)));
        decoded.unwrap_or_else(|_panic| {
            let reason = "the decoder broke off";
            Err(LearnError::unusable(&shard.path, "its rows", reason, remedy))
        })?;
        let found = examples.len() - before;
        if found as u64 != shard.rows {
            let reason = format!("there are {found}, the manifest says {}", shard.rows);
            return Err(LearnError::unusable(&shard.path, "its rows", reason, remedy));
        }
    }
    examples.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(examples)
}

/// The rows that an older version of the world did not have, or had otherwise.
///
/// # Errors
///
/// As [`read`], for the shards that both versions do not share.
pub fn read_since(shards: &[Shard], older: &[Shard]) -> Result<Vec<Example>, LearnError> {
    let shared: BTreeSet<Digest> = older.iter().map(|shard| shard.digest).collect();
    let current: BTreeSet<Digest> = shards.iter().map(|shard| shard.digest).collect();
    let changed = |of: &[Shard], other: &BTreeSet<Digest>| -> Vec<Shard> {
        of.iter().filter(|shard| !other.contains(&shard.digest)).cloned().collect()
    };
    let known: BTreeSet<Digest> =
        read(&changed(older, &current))?.iter().map(Example::digest).collect();
    let mut examples = read(&changed(shards, &shared))?;
    examples.retain(|example| !known.contains(&example.digest()));
    Ok(examples)
}

/// Rows decoded at once.
const BATCH_ROWS: usize = 64;

fn decode(shard: &Shard, bytes: Vec<u8>, out: &mut Vec<Example>) -> Result<(), LearnError> {
    let wrong = |reason: String| {
        let remedy = "build the world again with this version of agentscaler";
        LearnError::unusable(&shard.path, "its columns", reason, remedy)
    };
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes))
        .map_err(|error| wrong(error.to_string()))?;
    let columns = ["trajectory_id", "task_id", "domain", "kind", "messages", "tools", "supervised"];
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns);
    let batches = builder
        .with_projection(mask)
        .with_batch_size(BATCH_ROWS)
        .build()
        .map_err(|error| wrong(error.to_string()))?;
    let mut row = 0;
    for batch in batches {
        let batch = batch.map_err(|error| wrong(error.to_string()))?;
        for place in 0..batch.num_rows() {
            let place = Place { shard, batch: &batch, place, row };
            out.push(place.example()?);
            row += 1;
        }
    }
    Ok(())
}

/// A row of a shard.
struct Place<'p> {
    shard: &'p Shard,
    batch: &'p RecordBatch,
    /// Its place in the batch.
    place: usize,
    /// Its place in the file.
    row: u64,
}

impl Place<'_> {
    fn wrong(&self, column: &str, reason: &str) -> LearnError {
        LearnError::unusable(
            &self.shard.path,
            format!("row {}, column \"{column}\"", self.row),
            reason,
            "build the world again with this version of agentscaler",
        )
    }

    fn column<A: Array + 'static>(&self, name: &str) -> Result<&A, LearnError> {
        self.batch
            .column_by_name(name)
            .and_then(|column| column.as_any().downcast_ref())
            .ok_or_else(|| self.wrong(name, "is missing or of another type"))
    }

    fn text(&self, name: &str) -> Result<String, LearnError> {
        let column: &StringArray = self.column(name)?;
        match column.is_valid(self.place) {
            true => Ok(column.value(self.place).into()),
            false => Err(self.wrong(name, "is null")),
        }
    }

    fn list(&self, name: &str) -> Result<ArrayRef, LearnError> {
        let column: &ListArray = self.column(name)?;
        match column.is_valid(self.place) {
            true => Ok(column.value(self.place)),
            false => Err(self.wrong(name, "is null")),
        }
    }

    fn json(&self, name: &str, list: &dyn Array) -> Result<Vec<Value>, LearnError> {
        let texts: &StringArray =
            list.as_any().downcast_ref().ok_or_else(|| self.wrong(name, "is of another type"))?;
        texts
            .iter()
            .map(|text| {
                serde_json::from_str(text.unwrap_or_default())
                    .map_err(|error| self.wrong(name, &error.to_string()))
            })
            .collect()
    }

    fn example(&self) -> Result<Example, LearnError> {
        let messages = self.messages()?;
        let supervised = self.list("supervised")?;
        let supervised: &BooleanArray = supervised
            .as_any()
            .downcast_ref()
            .ok_or_else(|| self.wrong("supervised", "is of another type"))?;
        if supervised.len() != messages.len() {
            return Err(self.wrong("supervised", "is not as long as the messages"));
        }
        let tools = self.list("tools")?;
        Ok(Example {
            id: self.text("trajectory_id")?,
            task: self.text("task_id")?,
            domain: self.text("domain")?,
            kind: self.text("kind")?,
            supervised: supervised.iter().map(Option::unwrap_or_default).collect(),
            conversation: Conversation { messages, tools: self.json("tools", tools.as_ref())? },
        })
    }

    fn messages(&self) -> Result<Vec<Value>, LearnError> {
        const NAME: &str = "messages";
        let list = self.list(NAME)?;
        let parts: &StructArray =
            list.as_any().downcast_ref().ok_or_else(|| self.wrong(NAME, "is of another type"))?;
        let texts = |name: &str| -> Result<&StringArray, LearnError> {
            let column = parts.column_by_name(name);
            column
                .and_then(|column| column.as_any().downcast_ref())
                .ok_or_else(|| self.wrong(NAME, &format!("has no \"{name}\"")))
        };
        let calls: &ListArray = parts
            .column_by_name("tool_calls")
            .and_then(|column| column.as_any().downcast_ref())
            .ok_or_else(|| self.wrong(NAME, "has no \"tool_calls\""))?;
        let (roles, contents, names) = (texts("role")?, texts("content")?, texts("name")?);
        let message = |at: usize| -> Result<Value, LearnError> {
            let mut message = Map::new();
            for (key, column) in [("role", roles), ("content", contents), ("name", names)] {
                if column.is_valid(at) {
                    message.insert(key.into(), column.value(at).into());
                }
            }
            message.entry("content").or_insert_with(|| "".into());
            if calls.is_valid(at) && !calls.value(at).is_empty() {
                let calls = self.json("messages.tool_calls", calls.value(at).as_ref())?;
                message.insert("tool_calls".into(), calls.into());
            }
            Ok(Value::Object(message))
        };
        (0..parts.len()).map(message).collect()
    }
}
