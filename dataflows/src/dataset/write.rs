//! Rows in, Parquet out.

use std::io::Write;
use std::slice;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, ListArray, RecordBatch, StructArray};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{CdcOptions, WriterProperties, WriterPropertiesBuilder};

use schemas::{DomainId, JsonEncoding};

use super::{DatasetError, DomainRow, TaskRow, ToolRow, TrajectoryRow};

/// Most rows of a row group. A viewer reads a row group whole.
const GROUP_ROWS_MAX: usize = 4_096;

/// Most encoded bytes of a row group, and bytes of texts at which it ends: what repeats is encoded once,
/// but lies unfolded in a reader's memory.
const GROUP_BYTES_MAX: usize = 64 << 20;

/// Rows laid out and encoded at once. Always as many, since where an encoder is fed shows in its bytes.
pub(super) const BATCH_ROWS: usize = 64;

/// Rows of one configuration.
pub trait Table: Sized {
    /// The id that rows are sorted by, the first column.
    fn id(&self) -> String;

    /// The domain that the row is of.
    fn home(&self) -> Option<DomainId>;

    /// Lays rows out in columns; the columns are the same for all rows of a file.
    fn lay_out(rows: &[Self]) -> RecordBatch;
}

/// Writes rows as one Parquet file and returns the file's sink and how many rows it holds.
///
/// The same rows give the same bytes: no clock and no version of any library is written.
///
/// # Errors
///
/// Fails if the sink does.
///
/// # Panics
///
/// Panics if the rows are not sorted by their id, or if an id occurs twice.
pub fn write_rows<T: Table, W: Write + Send>(
    rows: impl IntoIterator<Item = T>,
    sink: W,
) -> Result<(W, u64), DatasetError> {
    write_through(rows, sink, |batch| batch)
}

/// Writes rows, each batch of them changed on its way.
fn write_through<T: Table, W: Write + Send>(
    rows: impl IntoIterator<Item = T>,
    sink: W,
    change: fn(RecordBatch) -> RecordBatch,
) -> Result<(W, u64), DatasetError> {
    encoded(rows, sink, change)?.finish()
}

/// All rows, encoded into a file that is not ended yet.
pub(super) fn encoded<T: Table, W: Write + Send>(
    rows: impl IntoIterator<Item = T>,
    sink: W,
    change: fn(RecordBatch) -> RecordBatch,
) -> Result<Encoder<W>, DatasetError> {
    let mut rows = rows.into_iter().peekable();
    // Which columns there are is the same for all rows, so that the first tells.
    let schema = change(T::lay_out(rows.peek().map_or(&[], slice::from_ref))).schema();
    let mut file = Encoder::new(sink, schema)?;
    let mut last = None;
    loop {
        let batch: Vec<T> = rows.by_ref().take(BATCH_ROWS).collect();
        if batch.is_empty() {
            return Ok(file);
        }
        for row in &batch {
            if let Err((before, id)) = in_order(&mut last, row) {
                panic!("rows must be sorted by unique ids: \"{before}\", then \"{id}\"");
            }
        }
        file.write(&change(T::lay_out(&batch)))?;
    }
}

/// Whether a row may come after the last: it has a greater id, or begins a later domain's rows.
///
/// # Errors
///
/// Returns the ids of both if it may not.
pub(super) fn in_order<T: Table>(last: &mut Last, row: &T) -> Result<(), (String, String)> {
    let (id, home) = (row.id(), row.home());
    match last.replace((id.clone(), home)) {
        Some((before, domain)) if id <= before && home <= domain => Err((before, id)),
        _ => Ok(()),
    }
}

/// The row before: its id and domain.
pub(super) type Last = Option<(String, Option<DomainId>)>;

/// A Parquet file in the making, of batches of [`BATCH_ROWS`] rows.
pub(super) struct Encoder<W: Write + Send> {
    writer: ArrowWriter<W>,
    /// Bytes of texts in the row group.
    weight: usize,
    written: u64,
}

impl<W: Write + Send> Encoder<W> {
    pub(super) fn new(sink: W, schema: SchemaRef) -> Result<Encoder<W>, DatasetError> {
        let writer = ArrowWriter::try_new(sink, schema, Some(properties().build()))?;
        Ok(Encoder { writer, weight: 0, written: 0 })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), DatasetError> {
        if GROUP_BYTES_MAX <= self.weight {
            self.writer.flush()?;
            self.weight = 0;
        }
        self.writer.write(batch)?;
        self.weight += batch.columns().iter().map(text_bytes).sum::<usize>();
        self.written += batch.num_rows() as u64;
        Ok(())
    }

    pub(super) fn finish(self) -> Result<(W, u64), DatasetError> {
        Ok((self.writer.into_inner()?, self.written))
    }
}

/// The bytes of all texts in an array, however deep.
fn text_bytes(array: &ArrayRef) -> usize {
    let place = |offset: &i32| usize::try_from(*offset).expect("offsets are not negative");
    let between = |offsets: &[i32]| match offsets {
        [first, .., last] => (place(first), place(last)),
        _ => (0, 0),
    };
    match array.data_type() {
        DataType::Utf8 => {
            let (first, last) = between(array.as_string::<i32>().value_offsets());
            last - first
        }
        DataType::List(_) => {
            let lists = array.as_list::<i32>();
            let (first, last) = between(lists.value_offsets());
            text_bytes(&lists.values().slice(first, last - first))
        }
        DataType::Struct(_) => array.as_struct().columns().iter().map(text_bytes).sum(),
        _ => 0,
    }
}

/// Writes rows as one Parquet file, their JSON columns typed in one way or the other.
///
/// # Errors
///
/// Fails if Parquet cannot be written.
///
/// # Panics
///
/// Panics if the rows are not sorted by unique ids.
pub fn write_encoded<T: Table>(
    rows: impl IntoIterator<Item = T>,
    encoding: JsonEncoding,
) -> Result<Vec<u8>, DatasetError> {
    write_encoded_to(rows, encoding, Vec::new()).map(|(bytes, _)| bytes)
}

/// The same into a sink; returns it and how many rows were written.
///
/// # Errors
///
/// Fails if the sink does.
///
/// # Panics
///
/// Panics if the rows are not sorted by unique ids.
pub fn write_encoded_to<T: Table, W: Write + Send>(
    rows: impl IntoIterator<Item = T>,
    encoding: JsonEncoding,
    sink: W,
) -> Result<(W, u64), DatasetError> {
    write_through(rows, sink, as_encoded(encoding))
}

/// What becomes of a batch whose JSON columns are typed in one way or the other.
pub(super) fn as_encoded(encoding: JsonEncoding) -> fn(RecordBatch) -> RecordBatch {
    match encoding {
        JsonEncoding::Json => |batch| batch,
        JsonEncoding::String => plain,
    }
}

/// The same rows with plain text where there is JSON.
fn plain(batch: RecordBatch) -> RecordBatch {
    let schema = batch.schema();
    let fields: Fields = schema.fields().iter().map(plain_field).collect();
    let columns = fields.iter().zip(batch.columns());
    let columns = columns.map(|(field, column)| retyped(column, field.data_type())).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("columns fit their fields")
}

fn plain_field(field: &FieldRef) -> FieldRef {
    let data_type = match field.data_type() {
        DataType::List(element) => DataType::List(plain_field(element)),
        DataType::Struct(parts) => DataType::Struct(parts.iter().map(plain_field).collect()),
        other => other.clone(),
    };
    Arc::new(Field::new(field.name(), data_type, field.is_nullable()))
}

/// An array whose type says otherwise what its texts are.
fn retyped(array: &ArrayRef, data_type: &DataType) -> ArrayRef {
    match data_type {
        DataType::List(element) => {
            let lists = array.as_list::<i32>();
            let values = retyped(lists.values(), element.data_type());
            let (offsets, present) = (lists.offsets().clone(), lists.nulls().cloned());
            Arc::new(ListArray::new(Arc::clone(element), offsets, values, present))
        }
        DataType::Struct(parts) => {
            let structs = array.as_struct();
            let columns = parts.iter().zip(structs.columns());
            let columns = columns.map(|(part, column)| retyped(column, part.data_type()));
            Arc::new(StructArray::new(parts.clone(), columns.collect(), structs.nulls().cloned()))
        }
        _ => Arc::clone(array),
    }
}

pub(super) fn properties() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_created_by("agentscaler".into())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).expect("level 3 exists")))
        .set_max_row_group_row_count(Some(GROUP_ROWS_MAX))
        .set_max_row_group_bytes(Some(GROUP_BYTES_MAX))
        // Pages are cut where the content says so: rows that did not change give pages that did
        // not change, and a store that keeps equal chunks once uploads only the difference.
        .set_content_defined_chunking(Some(CdcOptions::default()))
}

/// Writes trajectories, as `general` and `vertical` hold them.
///
/// # Errors
///
/// Fails if Parquet cannot be written.
///
/// # Panics
///
/// Panics if the rows are not sorted by unique ids, or if one was not kept.
pub fn write_trajectories(
    rows: impl IntoIterator<Item = TrajectoryRow>,
) -> Result<Vec<u8>, DatasetError> {
    let kept = rows.into_iter().inspect(|row| {
        assert!(row.verdict == "kept", "{} is {}, not kept", row.trajectory_id, row.verdict);
    });
    write_rows(kept, Vec::new()).map(|(bytes, _)| bytes)
}

/// Writes trajectories that a stage turned away, in the columns of [`write_trajectories`].
///
/// # Errors
///
/// Fails if Parquet cannot be written.
///
/// # Panics
///
/// Panics if the rows are not sorted by unique ids, or if one was kept.
pub fn write_rejected(
    rows: impl IntoIterator<Item = TrajectoryRow>,
) -> Result<Vec<u8>, DatasetError> {
    let rejected = rows.into_iter().inspect(|row| {
        assert!(row.verdict != "kept", "{} was kept", row.trajectory_id);
    });
    write_rows(rejected, Vec::new()).map(|(bytes, _)| bytes)
}

/// Writes tasks.
///
/// # Errors
///
/// Fails if Parquet cannot be written.
///
/// # Panics
///
/// Panics if the rows are not sorted by unique ids.
pub fn write_tasks(rows: impl IntoIterator<Item = TaskRow>) -> Result<Vec<u8>, DatasetError> {
    write_rows(rows, Vec::new()).map(|(bytes, _)| bytes)
}

/// Writes tools.
///
/// # Errors
///
/// Fails if Parquet cannot be written.
///
/// # Panics
///
/// Panics if the rows are not sorted by unique ids.
pub fn write_tools(rows: impl IntoIterator<Item = ToolRow>) -> Result<Vec<u8>, DatasetError> {
    write_rows(rows, Vec::new()).map(|(bytes, _)| bytes)
}

/// Writes domains.
///
/// # Errors
///
/// Fails if Parquet cannot be written.
///
/// # Panics
///
/// Panics if the rows are not sorted by unique ids.
pub fn write_domains(rows: impl IntoIterator<Item = DomainRow>) -> Result<Vec<u8>, DatasetError> {
    write_rows(rows, Vec::new()).map(|(bytes, _)| bytes)
}
