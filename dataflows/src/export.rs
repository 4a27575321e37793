//! Exports: what a version of a world holds, in the formats that others read.

use std::io::{self, Write};
use std::path::PathBuf;

use arrow::array::{Array as _, AsArray as _};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use crate::dataset::DatasetError;
use crate::store::{Manifest, ObjectRef, StoreError, World};

pub use self::conversations::Conversations;
pub use self::domains::{Domains, Exported, each, python, tau2};
pub use self::json_lines::json_lines;
pub use self::nemo_gym::nemo_gym;
pub use self::sharegpt::sharegpt;
pub use self::turns::turns;
pub use self::verl::verl;

mod folder;
mod domains;
mod conversations;
mod turns;
mod json_lines;
mod sharegpt;
mod nemo_gym;
mod verl;

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The world cannot be read, or the file not written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The receiver takes no more.
    #[error("what is exported cannot be handed on")]
    Io(#[from] io::Error),
    /// Rows could not be laid out.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The folder to write holds what no export made.
    #[error("\"{path}\" is no earlier export and not empty: it holds \"{found}\"")]
    Taken {
        /// The folder.
        path: PathBuf,
        /// The first thing in it that no export made.
        found: String,
    },
    /// No domain that can be exported goes by a name.
    #[error("no domain with an environment is called \"{name}\"")]
    NoDomain {
        /// The name or id that was asked for.
        name: String,
    },
}

impl ExportError {
    /// What can be done about it.
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            ExportError::Store(error) => error.remedy(),
            ExportError::Io(_) | ExportError::Dataset(_) => None,
            ExportError::Taken { .. } => {
                Some("name a new or empty folder, or one that an export made")
            }
            ExportError::NoDomain { .. } => {
                Some("`agentscaler list domains` says what there is; a name or an id will do")
            }
        }
    }
}

/// Writes every tool as one JSON array of OpenAI `tools`, a tool a line, and returns how many.
///
/// Reads one batch of rows after the other, so that memory does not grow with the world. Names are
/// the refined ones and may occur more than once, since tools of several services are in it.
///
/// # Errors
///
/// Fails if an object is missing or damaged, or if `out` does.
pub fn tools(world: &World, manifest: &Manifest, out: &mut dyn Write) -> Result<u64, ExportError> {
    let mut written = 0;
    for (role, object) in &manifest.contents.objects {
        if role.starts_with("tools/") {
            write_shard(world, object, out, &mut written)?;
        }
    }
    out.write_all(if written == 0 { b"[]\n" } else { b"\n]\n" })?;
    Ok(written)
}

/// The columns of a tool that an agent sees.
const COLUMNS: [&str; 3] = ["name", "description", "parameters"];

fn write_shard(
    world: &World,
    shard: &ObjectRef,
    out: &mut dyn Write,
    written: &mut u64,
) -> Result<(), ExportError> {
    let path = world.object_path(shard);
    let damaged = |reason: String| StoreError::Damaged { path: path.clone(), reason };
    let file = world.open_object(shard)?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file)
        .map_err(|error| damaged(error.to_string()))?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), COLUMNS);
    let batches =
        builder.with_projection(mask).build().map_err(|error| damaged(error.to_string()))?;
    for batch in batches {
        let batch = batch.map_err(|error| damaged(error.to_string()))?;
        let column = |name: &str| {
            let column = batch.column_by_name(name).and_then(|it| it.as_string_opt::<i32>());
            column.ok_or_else(|| damaged(format!("has no column of texts \"{name}\"")))
        };
        let [names, descriptions, parameters] = COLUMNS;
        let (names, descriptions) = (column(names)?, column(descriptions)?);
        let parameters = column(parameters)?;
        for row in 0..names.len() {
            let schema: Value = serde_json::from_str(parameters.value(row))
                .map_err(|error| damaged(format!("has a schema that is no JSON: {error}")))?;
            let tool = json!({"type": "function", "function": {
                "name": names.value(row),
                "description": descriptions.value(row),
                "parameters": schema,
            }});
            write!(out, "{}{tool}", if *written == 0 { "[\n" } else { ",\n" })?;
            *written += 1;
        }
    }
    Ok(())
}
