//! Files in the making, cell by cell, and earlier ones of which cells stay.

use std::sync::Arc;

use arrow::datatypes::Schema;
use bytes::Bytes;
use parquet::column::writer::ColumnCloseResult;
use parquet::file::metadata::{
    PageIndexPolicy, ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader,
    RowGroupMetaData,
};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::SchemaDescriptor;

use schemas::{DomainId, JsonEncoding};

use super::DatasetError;
use super::laid::Laid;
use super::write::{BATCH_ROWS, Encoder, Table, as_encoded, encoded, properties};

/// A Parquet file in the making. Its rows come in cells, each encoded into row groups of its own without
/// regard to the others, so that those of a cell that stayed are copied and not encoded again.
///
/// Memory: the file so far, and one cell's rows.
pub struct Cells {
    encoding: JsonEncoding,
    file: Option<SerializedFileWriter<Vec<u8>>>,
    written: u64,
}

impl Cells {
    /// A file without rows.
    pub fn new(encoding: JsonEncoding) -> Cells {
        Cells { encoding, file: None, written: 0 }
    }

    /// Writes a cell: rows together with others as they lie in an earlier file. The bytes are those of
    /// all of them written anew.
    ///
    /// # Errors
    ///
    /// Fails if Parquet cannot be written, or if the others have other columns.
    ///
    /// # Panics
    ///
    /// Panics if an id occurs twice, or, where there are no others, if the rows are not sorted.
    pub fn write<T: Table>(&mut self, rows: Vec<T>, mut others: Laid) -> Result<(), DatasetError> {
        let file = match others.columns() {
            None if rows.is_empty() => return Ok(()),
            None => encoded(rows, Vec::new(), as_encoded(self.encoding))?,
            Some(columns) => {
                let change = as_encoded(self.encoding);
                for batch in rows.chunks(BATCH_ROWS) {
                    others.add(change(T::lay_out(batch)), 0..batch.len())?;
                }
                drop(rows);
                // What a file says about itself beside its columns is not of the rows.
                let mut file = Encoder::new(Vec::new(), Arc::new(Schema::new(columns)))?;
                for batch in others.sorted(BATCH_ROWS) {
                    file.write(&batch?)?;
                }
                file
            }
        };
        // What is new is read back like what is old: a writer says more about what it has just written
        // than a reader finds, and one could be told from the other.
        let (bytes, _) = file.finish()?;
        let cell = Earlier::open(bytes.into())?;
        self.keep(&cell, &(0..cell.metadata.num_row_groups()).collect::<Vec<_>>())
    }

    /// Takes a cell of an earlier file as it lies there.
    ///
    /// # Errors
    ///
    /// Fails if the earlier file has other columns or is damaged.
    pub fn keep(&mut self, earlier: &Earlier, groups: &[usize]) -> Result<(), DatasetError> {
        let Earlier { bytes, metadata } = earlier;
        if groups.is_empty() {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(begun(metadata)?),
        };
        for group in groups {
            let mut copied = file.next_row_group()?;
            for chunk in chunks(metadata, *group) {
                copied.append_column(bytes, chunk)?;
            }
            self.written += u64::try_from(metadata.row_group(*group).num_rows()).unwrap_or(0);
            copied.close()?;
        }
        Ok(())
    }

    /// The file and how many rows it holds; none if no cell had any.
    ///
    /// # Errors
    ///
    /// Fails if Parquet cannot be written.
    pub fn finish(self) -> Result<Option<(Vec<u8>, u64)>, DatasetError> {
        let Some(file) = self.file else { return Ok(None) };
        Ok(Some((file.into_inner()?, self.written)))
    }
}

/// A file with the columns of another, and what that one says about them.
fn begun(like: &ParquetMetaData) -> Result<SerializedFileWriter<Vec<u8>>, DatasetError> {
    let about = like.file_metadata();
    let properties: WriterProperties =
        properties().set_key_value_metadata(about.key_value_metadata().cloned()).build();
    let schema = about.schema_descr().root_schema_ptr();
    Ok(SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?)
}

/// The columns of a row group as whoever encoded them would hand them over.
fn chunks(metadata: &ParquetMetaData, group: usize) -> impl Iterator<Item = ColumnCloseResult> {
    let (of_group, pages) = (metadata.row_group(group), metadata.page_index());
    of_group.columns().iter().enumerate().map(move |(place, column)| ColumnCloseResult {
        bytes_written: u64::try_from(column.compressed_size()).unwrap_or(0),
        rows_written: u64::try_from(of_group.num_rows()).unwrap_or(0),
        metadata: column.clone(),
        bloom_filter: None,
        column_index: pages.and_then(|it| it.column_index(group, place)).cloned(),
        offset_index: pages.and_then(|it| it.offset_index(group, place)).cloned(),
    })
}

/// A file of an earlier version, of which cells stay.
pub struct Earlier {
    bytes: Bytes,
    metadata: ParquetMetaData,
}

impl Earlier {
    /// Reads what a file says about itself.
    ///
    /// # Errors
    ///
    /// Fails if that is damaged.
    pub fn open(bytes: Bytes) -> Result<Earlier, DatasetError> {
        // Everything that it says must be said again, so nothing is read in short.
        let whole = ParquetMetaDataOptions::new().with_encoding_stats_as_mask(false);
        let reader = ParquetMetaDataReader::new()
            .with_page_index_policy(PageIndexPolicy::Required)
            .with_metadata_options(Some(whole));
        let metadata = reader.parse_and_finish(&bytes)?;
        Ok(Earlier { bytes, metadata })
    }

    /// The row groups of whose domains the first and the last are so.
    pub fn groups(&self, is_so: impl Fn(DomainId) -> bool) -> Vec<usize> {
        let groups = self.metadata.row_groups().iter().enumerate();
        let found =
            groups.filter(|(_, group)| ends(group).is_some_and(|it| it.into_iter().all(&is_so)));
        found.map(|(place, _)| place).collect()
    }

    /// Those of its rows in some row groups that are of domains that are so.
    ///
    /// # Errors
    ///
    /// Fails if they cannot be read.
    pub fn rows(
        &self,
        groups: Vec<usize>,
        is_so: impl Fn(DomainId) -> bool,
    ) -> Result<Laid, DatasetError> {
        let id = home(self.metadata.file_metadata().schema_descr());
        let id = id.ok_or_else(|| DatasetError::Column { column: HOME.into() })?;
        let is_so = |text: &str| text.parse().is_ok_and(&is_so);
        Laid::read(self.bytes.clone(), groups, id, is_so)
    }
}

/// The column that says which domain a row is of; a domain's own row has it in `id`.
const HOME: &str = "domain_id";

fn home(columns: &SchemaDescriptor) -> Option<&str> {
    let named = |name: &str| columns.columns().iter().find(|it| it.path().string() == name);
    named(HOME).or_else(|| named("id")).map(|it| it.name())
}

/// The first and the last domain of a row group's rows; none if they are of none.
fn ends(group: &RowGroupMetaData) -> Option<[DomainId; 2]> {
    let id = home(group.schema_descr())?;
    let column = group.columns().iter().find(|it| it.column_path().string() == id)?;
    let told = column.statistics()?;
    let end = |bytes: Option<&[u8]>| std::str::from_utf8(bytes?).ok()?.parse().ok();
    Some([end(told.min_bytes_opt())?, end(told.max_bytes_opt())?])
}
