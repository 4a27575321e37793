//! Listing: what a version of a world holds, row by row.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray as _};
use arrow::datatypes::{DataType, Int64Type, UInt64Type};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use schemas::{Lineage, Rejection, TaskId};
use serde_json::{Value, json};

use crate::dataset::Tries;
use crate::graph_objects::read_json;
use crate::ledger::Ledger;
use crate::shards::split;
use crate::store::{Manifest, ObjectRef, StoreError, World};

/// Takes a row; false if it wants no more.
pub type Sink<'s> = &'s mut dyn FnMut(Value) -> bool;

/// Every version of a world whose manifest is whole, the oldest first.
///
/// # Errors
///
/// Fails if a manifest cannot be read at all, or was made by a newer program.
pub fn versions(world: &World, sink: Sink<'_>) -> Result<(), StoreError> {
    for version in world.versions()? {
        let manifest = match world.manifest(version) {
            Ok(manifest) => manifest,
            Err(StoreError::Damaged { .. }) => continue,
            Err(error) => return Err(error),
        };
        let counts = &manifest.contents.counts;
        if !sink(json!({"version": version, "parent": manifest.parent, "counts": counts})) {
            break;
        }
    }
    Ok(())
}

/// What happened to domains, version by version, the oldest first.
///
/// # Errors
///
/// Fails if a manifest cannot be read at all, or was made by a newer program.
pub fn lineage(world: &World, sink: Sink<'_>) -> Result<(), StoreError> {
    for version in world.versions()? {
        let manifest = match world.manifest(version) {
            Ok(manifest) => manifest,
            Err(StoreError::Damaged { .. }) => continue,
            Err(error) => return Err(error),
        };
        for event in &manifest.lineage {
            let (event, domain, other) = match event {
                Lineage::Born(domain) => ("born", domain, None),
                Lineage::Died(domain) => ("died", domain, None),
                Lineage::Split(from, domain) => ("split", domain, Some(from)),
                Lineage::Merged(domain, into) => ("merged", domain, Some(into)),
            };
            let row = json!({
                "version": version, "event": event, "domain": domain, "other": other,
            });
            if !sink(row) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Domains that have an environment, by id.
///
/// # Errors
///
/// Fails if an object is missing or damaged.
pub fn domains(world: &World, manifest: &Manifest, sink: Sink<'_>) -> Result<(), StoreError> {
    for (_, ledger) in ledgers(world, manifest)? {
        for entry in ledger.entries.values() {
            let Some(environment) = &entry.environment else { continue };
            let mut row = json!({
                "id": entry.domain.id, "name": entry.domain.name,
                "tools": entry.domain.tools.len(), "tables": environment.tables,
                "reads": environment.reads, "writes": environment.writes,
                "tasks": entry.tasks.len(),
            });
            if !manifest.contents.plan.decontaminate.benchmarks.is_empty() {
                let overlap = entry.overlap.as_ref();
                row["benchmark"] = json!(overlap.map(|it| &it.benchmark));
                row["overlap_permille"] = json!(overlap.map_or(0, |it| it.permille));
                row["overlap"] = json!(overlap.map(|it| &it.what));
                row["withheld"] = json!(entry.withheld.len());
            }
            if !sink(row) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Tools with where they came from and where they are.
///
/// # Errors
///
/// Fails if an object is missing or damaged.
pub fn tools(world: &World, manifest: &Manifest, sink: Sink<'_>) -> Result<(), StoreError> {
    for (role, object) in &manifest.contents.objects {
        if role.starts_with("tools/") && !tool_rows(world, object, sink)? {
            break;
        }
    }
    Ok(())
}

/// The columns of a tool that are listed.
const TOOL_COLUMNS: [&str; 15] = [
    "id",
    "name",
    "identity",
    "source",
    "provider",
    "service",
    "category",
    "license",
    "version",
    "file",
    "pointer",
    "revision",
    "operation",
    "domain",
    "domain_id",
];

/// The columns that tools have where they were compared with benchmarks.
const OVERLAP_COLUMNS: [&str; 3] = ["benchmark", "overlap_permille", "overlap"];

/// The tools of one shard; false once no more are wanted.
///
/// # Errors
///
/// Fails if the object is missing or damaged.
pub fn tool_rows(world: &World, shard: &ObjectRef, sink: Sink<'_>) -> Result<bool, StoreError> {
    let path = world.object_path(shard);
    let damaged = |reason: String| StoreError::Damaged { path: path.clone(), reason };
    let file = world.open_object(shard)?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file)
        .map_err(|error| damaged(error.to_string()))?;
    let columns = TOOL_COLUMNS.into_iter().chain(OVERLAP_COLUMNS);
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns);
    let batches =
        builder.with_projection(mask).build().map_err(|error| damaged(error.to_string()))?;
    for batch in batches {
        let batch = batch.map_err(|error| damaged(error.to_string()))?;
        for place in 0..batch.num_rows() {
            let cell = |name: &&str| {
                let column = batch.column_by_name(name);
                (name.to_string(), column.map_or(Value::Null, |column| cell(column, place)))
            };
            let judged = OVERLAP_COLUMNS.iter().filter(|it| batch.column_by_name(it).is_some());
            if !sink(Value::Object(TOOL_COLUMNS.iter().chain(judged).map(cell).collect())) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// One value of a column.
pub fn cell(column: &dyn Array, place: usize) -> Value {
    match column.data_type() {
        _ if column.is_null(place) => Value::Null,
        DataType::Utf8 => column.as_string::<i32>().value(place).into(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(place).into(),
        DataType::UInt64 => column.as_primitive::<UInt64Type>().value(place).into(),
        DataType::Boolean => column.as_boolean().value(place).into(),
        DataType::List(_) => {
            let items = column.as_list::<i32>().value(place);
            (0..items.len()).map(|at| cell(&items, at)).collect()
        }
        DataType::Struct(fields) => {
            let parts = column.as_struct().columns();
            let named = fields.iter().zip(parts);
            Value::Object(
                named.map(|(field, part)| (field.name().clone(), cell(part, place))).collect(),
            )
        }
        _ => Value::Null,
    }
}

/// Tasks.
///
/// # Errors
///
/// Fails if an object is missing or damaged.
pub fn tasks(world: &World, manifest: &Manifest, sink: Sink<'_>) -> Result<(), StoreError> {
    for (_, ledger) in ledgers(world, manifest)? {
        for entry in ledger.entries.values() {
            let mut tries: BTreeMap<TaskId, Tries> = BTreeMap::new();
            for verified in &entry.verified {
                let tries = tries.entry(verified.trajectory.task).or_default();
                tries.add(verified.verdict.is_kept());
            }
            for task in &entry.tasks {
                let tries = tries.get(&task.id).copied().unwrap_or_default();
                let row = json!({
                    "id": task.id, "domain": task.domain, "kind": task.kind.name(),
                    "calls": task.calls, "writes": task.writes,
                    "split": split(task.domain, &manifest.contents.plan),
                    "trials": tries.trials, "passes": tries.passes,
                });
                if !sink(row) {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// Trajectories, kept and turned away. `stage` is the stage that turned one away.
///
/// # Errors
///
/// Fails if an object is missing or damaged.
pub fn trajectories(world: &World, manifest: &Manifest, sink: Sink<'_>) -> Result<(), StoreError> {
    for (_, ledger) in ledgers(world, manifest)? {
        for entry in ledger.entries.values() {
            for verified in &entry.verified {
                let (trajectory, verdict) = (&verified.trajectory, &verified.verdict);
                let row = json!({
                    "id": trajectory.id, "task": trajectory.task, "domain": trajectory.domain,
                    "split": split(trajectory.domain, &manifest.contents.plan),
                    "stage": verdict.stage, "reason": verdict.reason,
                    "verdict": if verdict.is_kept() { "kept" } else { "rejected" },
                    "calls": trajectory.calls,
                });
                if !sink(row) {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// Everything that was turned away, in the order of the stages: as many as the funnel counts.
///
/// # Errors
///
/// Fails if an object is missing or damaged.
pub fn rejections(world: &World, manifest: &Manifest, sink: Sink<'_>) -> Result<(), StoreError> {
    let mut all: Vec<Rejection> = match manifest.contents.objects.get("rejections") {
        Some(object) => read_json(world, object)?,
        None => Vec::new(),
    };
    for (_, ledger) in ledgers(world, manifest)? {
        for entry in ledger.entries.into_values() {
            all.extend(entry.ungated);
            all.extend(entry.unprovable);
            all.extend(entry.withheld.into_iter().map(|(_, rejection)| rejection));
            all.extend(entry.verified.into_iter().filter_map(|verified| {
                Some(Rejection {
                    stage: verified.verdict.stage?,
                    subject: verified.trajectory.id.to_string(),
                    rule: None,
                    reason: verified.verdict.reason,
                    file: String::new(),
                    pointer: String::new(),
                })
            }));
        }
    }
    all.sort();
    for rejection in all {
        if !sink(json!(rejection)) {
            break;
        }
    }
    Ok(())
}

fn ledgers(world: &World, manifest: &Manifest) -> Result<BTreeMap<String, Ledger>, StoreError> {
    manifest
        .contents
        .objects
        .iter()
        .filter_map(|(role, object)| Some((role.strip_prefix("ledger/")?, object)))
        .map(|(place, object)| Ok((place.to_string(), read_json(world, object)?)))
        .collect()
}
