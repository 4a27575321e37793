//! Explaining: where one thing of a world came from, and what became of it.

use std::collections::BTreeSet;

use arrow::record_batch::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::Serialize;
use serde_json::{Map, Value};

use self::kinship::Kin;
use self::programs::Environments;
use crate::listing::{cell, rejections};
use crate::store::{Manifest, ObjectRef, StoreError, World};

mod kinship;
mod programs;

/// What a world knows of one thing.
#[derive(Clone, Debug, Serialize)]
pub struct Explained {
    /// `tool`, `domain`, `task`, `trajectory` or `rejection`.
    pub kind: &'static str,
    /// Its row, by column; columns that hold JSON are read. A tool's also has `program`, a line
    /// each, `proposed_by`, the model, if one proposed that program, `neighbours`, with the terms they share, and `drawn_to`, how strongly each domain
    /// draws it. A domain's has `lacks`, if it has no write or only one table.
    pub row: Map<String, Value>,
}

/// The configurations that are looked through: what a row of each is, and the columns by which it
/// can be asked for.
const KINDS: [(&str, &str, &[&str]); 6] = [
    ("tools/", "tool", &["id", "name", "identity"]),
    ("domains/", "domain", &["id", "name"]),
    ("tasks/", "task", &["task_id"]),
    ("general/", "trajectory", &["trajectory_id"]),
    ("vertical/", "trajectory", &["trajectory_id"]),
    ("rejected/", "trajectory", &["trajectory_id"]),
];

/// Everything that goes by a name: an id; the name or identity of a tool; the name of a domain;
/// a file of the corpus with a pointer into it; or the subject of a rejection. What was turned away
/// of a tool or a domain is explained with it.
///
/// At most `most` rows, in the order tools, domains, tasks, trajectories, rejections.
///
/// # Errors
///
/// Fails if an object is missing or damaged.
pub fn explain(
    world: &World,
    manifest: &Manifest,
    name: &str,
    most: usize,
) -> Result<Vec<Explained>, StoreError> {
    let mut found: Vec<Explained> = Vec::new();
    for (prefix, kind, columns) in KINDS {
        if found.iter().any(|one| one.kind == kind) || !may_name(name, kind) {
            continue;
        }
        for (role, object) in &manifest.contents.objects {
            if role.starts_with(prefix) && found.len() < most {
                let rows = rows(world, object, columns, name, most - found.len())?;
                found.extend(rows.into_iter().map(|row| Explained { kind, row }));
            }
        }
    }
    let mut environments = Environments::new(world, manifest);
    for one in &mut found {
        match one.kind {
            "tool" => environments.explain_tool(&mut one.row)?,
            "domain" => environments.explain_domain(&mut one.row)?,
            _ => {}
        }
    }
    if found.iter().any(|one| one.kind == "tool") {
        let kin = Kin::read(world, manifest)?;
        for one in found.iter_mut().filter(|one| one.kind == "tool") {
            kin.explain(&mut one.row)?;
        }
    }
    let subjects = subjects(&found, name);
    rejections(world, manifest, &mut |rejection| {
        let says = |key: &str| rejection.get(key).and_then(Value::as_str).unwrap_or_default();
        let place = format!("{}{}", says("file"), says("pointer"));
        if found.len() < most
            && (subjects.contains(says("subject")) || place == name)
            && let Value::Object(row) = rejection
        {
            found.push(Explained { kind: "rejection", row });
        }
        found.len() < most
    })?;
    Ok(found)
}

/// What a rejection has for its subject that is about the name, or about a tool or a domain that
/// goes by it.
fn subjects(found: &[Explained], name: &str) -> BTreeSet<String> {
    let of = found.iter().filter_map(|one| match one.kind {
        "tool" => one.row.get("identity"),
        "domain" => one.row.get("id"),
        _ => None,
    });
    of.filter_map(Value::as_str).chain([name]).map(String::from).collect()
}

/// Whether a thing of this kind could go by the name: ids begin with what they are of.
fn may_name(name: &str, kind: &str) -> bool {
    let of = ["tool", "domain", "task", "trajectory"].into_iter().find(|one| {
        let digits = name.strip_prefix(one).and_then(|rest| rest.strip_prefix('-'));
        digits.is_some_and(|digits| {
            digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    });
    of.is_none_or(|of| of == kind)
}

/// The rows of one file that have the name in one of these columns, or were read there.
fn rows(
    world: &World,
    object: &ObjectRef,
    columns: &[&str],
    name: &str,
    most: usize,
) -> Result<Vec<Map<String, Value>>, StoreError> {
    let path = world.object_path(object);
    let damaged = |reason: String| StoreError::Damaged { path: path.clone(), reason };
    let open = || {
        let file = world.open_object(object)?;
        ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| damaged(error.to_string()))
    };
    let looking = open()?;
    let keys = columns.iter().chain(&["file", "pointer"]).copied();
    let mask = ProjectionMask::columns(looking.parquet_schema(), keys);
    let batches =
        looking.with_projection(mask).build().map_err(|error| damaged(error.to_string()))?;
    let mut places = Vec::new();
    let mut before = 0;
    for batch in batches {
        let batch = batch.map_err(|error| damaged(error.to_string()))?;
        let named = (0..batch.num_rows()).filter(|place| is_named(&batch, *place, columns, name));
        places.extend(named.map(|place| before + place));
        before += batch.num_rows();
    }
    let mut rows = Vec::new();
    for place in places.into_iter().take(most) {
        let one = open()?.with_offset(place).with_limit(1).build();
        for batch in one.map_err(|error| damaged(error.to_string()))? {
            let batch = batch.map_err(|error| damaged(error.to_string()))?;
            rows.extend((0..batch.num_rows()).map(|at| row(&batch, at)));
        }
    }
    Ok(rows)
}

fn is_named(batch: &RecordBatch, place: usize, columns: &[&str], name: &str) -> bool {
    let text = |column: &str| match batch.column_by_name(column).map(|it| cell(it, place)) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    };
    columns.iter().any(|column| text(column) == name)
        || (name.contains('/') && format!("{}{}", text("file"), text("pointer")) == name)
}

fn row(batch: &RecordBatch, place: usize) -> Map<String, Value> {
    let fields = batch.schema();
    let named = fields.fields().iter().zip(batch.columns());
    named.map(|(field, column)| (field.name().clone(), read(cell(column, place)))).collect()
}

/// A value with the JSON it holds as text read.
fn read(value: Value) -> Value {
    match value {
        Value::String(text) if text.starts_with(['{', '[']) => {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        }
        Value::Array(items) => items.into_iter().map(read).collect(),
        Value::Object(entries) => {
            Value::Object(entries.into_iter().map(|(name, inner)| (name, read(inner))).collect())
        }
        other => other,
    }
}
