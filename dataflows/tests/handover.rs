//! The tables of a world in arrow2's hands: every value is there, comes back, and is freed once.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Int32Array, RecordBatch, StringArray};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use bytes::Bytes;
use dataflows::build::{Listener, Request, build};
use dataflows::handover::arrow2::array::{
    Array, BooleanArray, ListArray, PrimitiveArray, StructArray, Utf8Array,
};
use dataflows::handover::arrow2::datatypes::{self, PhysicalType};
use dataflows::handover::{hand_over, take_back};
use dataflows::store::{World, files};
use operators::Work;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Map, Value, json};

struct Silent;

impl Listener for Silent {
    fn begun(&self, _work: &Arc<Work>, _documents: usize) {}
    fn warn(&self, _message: &str) {}
    fn committing(&self) {}
}

/// Every table of a small world, batch by batch, with its name.
fn tables() -> Vec<(String, RecordBatch)> {
    let folder = tempfile::tempdir().unwrap();
    let request = Request {
        corpus: vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus")],
        world: folder.path().join("world"),
        workers: 2,
        settings: vec!["task.per_operation=1".into(), "dataset.vertical=[\"books\"]".into()],
        variables: Vec::new(),
        refit: false,
        pinned: None,
        endpoint: None,
    };
    build(&request, &Silent).unwrap();
    let world = World::open(&request.world).unwrap();
    let manifest = world.latest().unwrap().manifest.unwrap();
    let mut tables = Vec::new();
    for file in files(&manifest) {
        let file_of = File::open(world.object_path(file.object)).unwrap();
        let batches = ParquetRecordBatchReaderBuilder::try_new(file_of).unwrap().build().unwrap();
        tables.extend(batches.map(|batch| (file.path.clone(), batch.unwrap())));
    }
    tables
}

/// A value as arrow has it.
fn ours(array: &dyn arrow::array::Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Utf8 => json!(array.as_string::<i32>().value(row)),
        DataType::Int64 => json!(array.as_primitive::<Int64Type>().value(row)),
        DataType::Boolean => json!(array.as_boolean().value(row)),
        DataType::List(_) => {
            let values = array.as_list::<i32>().value(row);
            (0..values.len()).map(|place| ours(&values, place)).collect()
        }
        DataType::Struct(parts) => {
            let columns = array.as_struct().columns();
            let parts = parts.iter().zip(columns);
            let parts = parts.map(|(part, column)| (part.name().clone(), ours(column, row)));
            Value::Object(parts.collect::<Map<String, Value>>())
        }
        other => panic!("no table has {other}"),
    }
}

/// A value as arrow2 has it.
fn theirs(array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    let any = array.as_any();
    match array.data_type().to_physical_type() {
        PhysicalType::Utf8 => json!(any.downcast_ref::<Utf8Array<i32>>().unwrap().value(row)),
        PhysicalType::Primitive(_) => {
            json!(any.downcast_ref::<PrimitiveArray<i64>>().unwrap().value(row))
        }
        PhysicalType::Boolean => json!(any.downcast_ref::<BooleanArray>().unwrap().value(row)),
        PhysicalType::List => {
            let values = any.downcast_ref::<ListArray<i32>>().unwrap().value(row);
            (0..values.len()).map(|place| theirs(values.as_ref(), place)).collect()
        }
        PhysicalType::Struct => {
            let structs = any.downcast_ref::<StructArray>().unwrap();
            let parts = structs.fields().iter().zip(structs.values());
            let parts =
                parts.map(|(part, column)| (part.name.clone(), theirs(column.as_ref(), row)));
            Value::Object(parts.collect::<Map<String, Value>>())
        }
        other => panic!("no table has {other:?}"),
    }
}

fn check(name: &str, batch: &RecordBatch) {
    let (schema, chunk) = hand_over(batch).unwrap();
    assert_eq!(chunk.len(), batch.num_rows(), "{name}");
    for ((field, column), array) in
        batch.schema().fields().iter().zip(batch.columns()).zip(chunk.arrays())
    {
        for row in 0..batch.num_rows() {
            let (one, other) = (theirs(array.as_ref(), row), ours(column, row));
            assert_eq!(one, other, "{name}: {} of row {row}", field.name());
        }
    }
    assert_eq!(take_back(&schema, &chunk).unwrap(), *batch, "{name}: there and back");
}

#[test]
fn every_table_goes_over_and_comes_back() {
    let tables = tables();
    let mut configs: Vec<&str> =
        tables.iter().map(|(name, _)| name.split('/').next().unwrap()).collect();
    configs.dedup();
    configs.sort_unstable();
    assert_eq!(configs, ["domains", "general", "rejected", "tasks", "tools", "vertical"]);
    for (name, batch) in &tables {
        check(name, batch);
        // Parts of batches share the memory of the whole, and begin within a byte of bits.
        let rows = batch.num_rows();
        for (start, length) in [(0, 0), (rows / 3, rows / 2), (rows.saturating_sub(1), rows.min(1))]
        {
            check(name, &batch.slice(start, length));
        }
        check(name, &RecordBatch::new_empty(batch.schema()));
    }
}

#[test]
fn json_stays_json() {
    let tables = tables();
    let (_, batch) = tables.iter().find(|(name, _)| name.starts_with("tools/")).unwrap();
    let (schema, _) = hand_over(batch).unwrap();
    let field = schema.fields.iter().find(|field| field.name == "parameters").unwrap();
    let datatypes::DataType::Extension(name, storage, _) = &field.data_type else {
        panic!("{:?}", field.data_type);
    };
    assert_eq!((name.as_str(), storage.as_ref()), ("arrow.json", &datatypes::DataType::Utf8));
}

/// Memory that tells when it is freed.
struct Watched {
    bytes: Vec<u8>,
    _alive: Arc<()>,
}

impl AsRef<[u8]> for Watched {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

fn watched(text: &str, alive: &Arc<()>) -> RecordBatch {
    let owner = Watched { bytes: text.as_bytes().to_vec(), _alive: Arc::clone(alive) };
    let values = Buffer::from(Bytes::from_owner(owner));
    let offsets = OffsetBuffer::new(ScalarBuffer::from(vec![0, 3, 3, 7]));
    let texts: ArrayRef = Arc::new(StringArray::new(offsets, values, None));
    let schema = Schema::new(vec![Field::new("text", DataType::Utf8, true)]);
    RecordBatch::try_new(Arc::new(schema), vec![texts]).unwrap()
}

/// Whoever lets go last frees the memory, and nobody before.
#[test]
fn memory_is_freed_once_and_last() {
    let alive = Arc::new(());
    let batch = watched("onetree", &alive);
    let (schema, chunk) = hand_over(&batch).unwrap();
    drop(batch);
    assert_eq!(Arc::strong_count(&alive), 2, "arrow2 holds it");
    assert_eq!(theirs(chunk.arrays()[0].as_ref(), 2), "tree");
    let back = take_back(&schema, &chunk).unwrap();
    let array = chunk.arrays()[0].sliced(2, 1);
    drop((chunk, schema));
    assert_eq!(Arc::strong_count(&alive), 2, "a part of it holds it, and what came back");
    drop(back);
    assert_eq!(theirs(array.as_ref(), 0), "tree");
    drop(array);
    assert_eq!(Arc::strong_count(&alive), 1, "freed");

    // What arrow2 lets go of first is still arrow's; so many times over that a leak would show.
    let again = watched("onetree", &alive);
    for _ in 0..1_000 {
        drop(hand_over(&again).unwrap());
    }
    assert_eq!(Arc::strong_count(&alive), 2);
    assert_eq!(ours(again.column(0), 0), "one");
    drop(again);
    assert_eq!(Arc::strong_count(&alive), 1);
}

/// What arrow2 does not know is an error that names the column, and frees what it was given.
#[test]
fn unknown_type_is_an_error() {
    let ends: ArrayRef = Arc::new(Int32Array::from(vec![2, 4]));
    let ends = ends.as_primitive::<arrow::datatypes::Int32Type>().clone();
    let values: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
    let runs = arrow::array::RunArray::try_new(&ends, values.as_string::<i32>()).unwrap();
    let schema = Schema::new(vec![Field::new("runs", runs.data_type().clone(), true)]);
    let batch = RecordBatch::try_new(Arc::new(schema), vec![Arc::new(runs)]);
    let Ok(batch) = batch else { panic!("arrow knows runs") };
    let error = hand_over(&batch).unwrap_err();
    assert!(error.to_string().contains("\"runs\""), "{error}");
}
