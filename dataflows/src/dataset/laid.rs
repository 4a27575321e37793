//! Rows as they lie in a file, to be written again without knowing what they mean.

use std::collections::BTreeMap;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::Fields;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::DatasetError;

/// Rows in columns, found by their ids.
///
/// Memory: every batch that a row is of, unfolded.
#[derive(Debug, Default)]
pub struct Laid {
    batches: Vec<RecordBatch>,
    /// The batch of each row and its place there.
    rows: BTreeMap<String, (usize, usize)>,
}

impl Laid {
    /// The rows in some row groups of a Parquet file whose text in a column is so.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read or has no such column of texts.
    pub(super) fn read(
        file: Bytes,
        groups: Vec<usize>,
        column: &str,
        is_so: impl Fn(&str) -> bool,
    ) -> Result<Laid, DatasetError> {
        let missing = || DatasetError::Column { column: column.into() };
        let mut laid = Laid::default();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file)?.with_row_groups(groups);
        for batch in reader.build()? {
            let batch = batch?;
            let texts = batch.column_by_name(column).and_then(|it| it.as_string_opt::<i32>());
            let texts = texts.ok_or_else(missing)?;
            let of_column = |row: &usize| texts.is_valid(*row) && is_so(texts.value(*row));
            let rows: Vec<usize> = (0..batch.num_rows()).filter(of_column).collect();
            if !rows.is_empty() {
                laid.add(batch.clone(), rows)?;
            }
        }
        Ok(laid)
    }

    /// Their columns; none if there is no row.
    pub fn columns(&self) -> Option<Fields> {
        self.batches.first().map(|batch| batch.schema().fields().clone())
    }

    /// Adds rows of a batch, whose first column holds their ids.
    pub(super) fn add(
        &mut self,
        batch: RecordBatch,
        rows: impl IntoIterator<Item = usize>,
    ) -> Result<(), DatasetError> {
        if self.columns().is_some_and(|it| it != *batch.schema().fields()) {
            return Err(DatasetError::Mixed);
        }
        let Some(ids) = batch.columns().first().and_then(|it| it.as_string_opt::<i32>()) else {
            return Err(DatasetError::Mixed);
        };
        for row in rows {
            let twice = self.rows.insert(ids.value(row).into(), (self.batches.len(), row));
            assert!(twice.is_none(), "rows have unique ids: {} came twice", ids.value(row));
        }
        self.batches.push(batch);
        Ok(())
    }

    /// All rows by their ids, so many a batch.
    pub(super) fn sorted(
        &self,
        rows: usize,
    ) -> impl Iterator<Item = Result<RecordBatch, DatasetError>> {
        let batches: Vec<&RecordBatch> = self.batches.iter().collect();
        let places: Vec<(usize, usize)> = self.rows.values().copied().collect();
        let starts = (0..places.len()).step_by(rows);
        starts.map(move |start| {
            let end = places.len().min(start + rows);
            Ok(interleave_record_batch(&batches, &places[start..end])?)
        })
    }
}
