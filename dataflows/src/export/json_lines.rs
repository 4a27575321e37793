//! Every table of the dataset as JSON Lines, for whatever does not read Parquet.
//!
//! Values without a fixed shape are values here and not texts, whichever way the world types its
//! JSON columns, and a part of a message that is absent is no key.

use std::io::Write;
use std::path::Path;

use arrow::array::{Array, AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type};
use arrow_schema::extension::{EXTENSION_TYPE_NAME_KEY, ExtensionType as _, Json};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::ExportError;
use super::conversations::{Conversations, split_of};
use super::folder::Folder;
use crate::dataset::shape;
use crate::store::{Manifest, ShownFile, StoreError, World, files};

/// Writes `CONFIGURATION/SPLIT.jsonl` for every configuration of the dataset.
///
/// # Errors
///
/// Fails if an object is missing or damaged, or if the folder cannot be written or is not ours to
/// replace.
pub fn json_lines(
    world: &World,
    manifest: &Manifest,
    output: &Path,
) -> Result<Conversations, ExportError> {
    let folder = Folder::begin(output)?;
    let mut made = Conversations::default();
    let files = files(manifest);
    let mut shards = files.iter().peekable();
    while let Some(first) = shards.next() {
        let name = format!("{}/{}", first.config, split_of(first));
        let mut sink = folder.create(&format!("{name}.jsonl"))?;
        let mut rows = write_shard(world, first, &mut sink)?;
        let is_more =
            |it: &&ShownFile<'_>| it.config == first.config && split_of(it) == split_of(first);
        while let Some(next) = shards.next_if(is_more) {
            rows += write_shard(world, next, &mut sink)?;
        }
        sink.flush()?;
        made.rows.insert(name, rows);
    }
    folder.finish(json!({"format": "json-lines", "version": manifest.version}))?;
    Ok(made)
}

fn write_shard(
    world: &World,
    shard: &ShownFile<'_>,
    sink: &mut dyn Write,
) -> Result<u64, ExportError> {
    let path = world.object_path(shard.object);
    let damaged = |reason: String| StoreError::Damaged { path: path.clone(), reason };
    let builder = ParquetRecordBatchReaderBuilder::try_new(world.open_object(shard.object)?)
        .map_err(|error| damaged(error.to_string()))?;
    let batches = builder.build().map_err(|error| damaged(error.to_string()))?;
    let shape = shape(shard.config);
    let mut rows = 0;
    let mut line = String::new();
    for batch in batches {
        let batch = batch.map_err(|error| damaged(error.to_string()))?;
        let schema = batch.schema();
        // A world that types JSON as text has lost which texts are JSON; the table's shape knows.
        let fields: Vec<&Field> = schema
            .fields()
            .iter()
            .map(|field| shape.field_with_name(field.name()).unwrap_or(field))
            .collect();
        for row in 0..batch.num_rows() {
            line.clear();
            write_row(&batch, &fields, row, &mut line).map_err(&damaged)?;
            writeln!(sink, "{line}")?;
        }
        rows += batch.num_rows() as u64;
    }
    Ok(rows)
}

fn write_row(
    batch: &RecordBatch,
    fields: &[&Field],
    row: usize,
    line: &mut String,
) -> Result<(), String> {
    line.push('{');
    for (place, (field, column)) in fields.iter().zip(batch.columns()).enumerate() {
        if place != 0 {
            line.push_str(", ");
        }
        line.push_str(&format!("{}: ", quoted(field.name())));
        write_value(column, field, row, line)?;
    }
    line.push('}');
    Ok(())
}

/// Writes one value of a column. JSON is written as it stands, so that no number of it changes.
fn write_value(
    column: &dyn Array,
    field: &Field,
    row: usize,
    line: &mut String,
) -> Result<(), String> {
    let unlike = || format!("\"{}\" is not of the type it is written with", field.name());
    if column.is_null(row) {
        line.push_str("null");
        return Ok(());
    }
    match field.data_type() {
        DataType::Utf8 => {
            let text = column.as_string_opt::<i32>().ok_or_else(unlike)?.value(row);
            match is_json(field) {
                false => line.push_str(&quoted(text)),
                true if is_one_line_of_json(text) => line.push_str(text),
                true => return Err(format!("\"{}\" holds what is no JSON", field.name())),
            }
        }
        DataType::Int64 => {
            let numbers = column.as_primitive_opt::<Int64Type>().ok_or_else(unlike)?;
            line.push_str(&numbers.value(row).to_string());
        }
        DataType::Boolean => {
            let truth = column.as_boolean_opt().ok_or_else(unlike)?.value(row);
            line.push_str(if truth { "true" } else { "false" });
        }
        DataType::List(element) => {
            let values = column.as_list_opt::<i32>().ok_or_else(unlike)?.value(row);
            line.push('[');
            for place in 0..values.len() {
                if place != 0 {
                    line.push_str(", ");
                }
                write_value(&values, element, place, line)?;
            }
            line.push(']');
        }
        DataType::Struct(_) => {
            let parts = column.as_struct_opt().ok_or_else(unlike)?;
            write_parts(parts, field, row, line)?;
        }
        _ => return Err(unlike()),
    }
    Ok(())
}

fn write_parts(
    parts: &arrow::array::StructArray,
    field: &Field,
    row: usize,
    line: &mut String,
) -> Result<(), String> {
    let DataType::Struct(meant) = field.data_type() else { unreachable!("the caller looked") };
    let mut is_first = true;
    line.push('{');
    for (found, column) in parts.fields().iter().zip(parts.columns()) {
        if column.is_null(row) {
            continue;
        }
        if !is_first {
            line.push_str(", ");
        }
        is_first = false;
        let its = meant.find(found.name()).map_or(found, |(_, its)| its);
        line.push_str(&format!("{}: ", quoted(found.name())));
        write_value(column, its, row, line)?;
    }
    line.push('}');
    Ok(())
}

fn is_json(field: &Field) -> bool {
    field.metadata().get(EXTENSION_TYPE_NAME_KEY).is_some_and(|name| name == Json::NAME)
}

fn is_one_line_of_json(text: &str) -> bool {
    !text.contains(['\n', '\r']) && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

fn quoted(text: &str) -> String {
    Value::String(text.into()).to_string()
}
