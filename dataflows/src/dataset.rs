//! The dataset's files: rows in, Parquet out, and back.
//!
//! Values without a fixed shape (tools, calls, schemas) are JSON columns, Arrow's `arrow.json`
//! extension over text. A typed struct would be padded with the keys of every other row's value,
//! and models would learn the padding. The same rows give the same bytes.

pub use self::cells::{Cells, Earlier};
pub use self::laid::Laid;
pub use self::read::{Rows, read_tasks, read_trajectories};
pub use self::rows::{
    BoundTool, DomainRow, DomainTools, TaskRow, ToolRow, TrajectoryRow, Tries, TurnRow, bound_tools,
};
pub use self::tables::shape;
pub use self::write::{
    Table, write_domains, write_encoded, write_encoded_to, write_rejected, write_rows, write_tasks,
    write_tools, write_trajectories,
};

mod fractions;
mod rows;
mod columns;
mod tables;
mod laid;
mod write;
mod cells;
mod read;

/// Changes whenever the same rows would be laid out as other bytes.
pub const REVISION: &str = "dataset 5";

/// Why rows could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// Parquet could not be written, or is damaged.
    #[error("cannot code rows as Parquet")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// Rows could not be laid out as columns.
    #[error("cannot lay rows out as columns")]
    Arrow(#[from] arrow::error::ArrowError),
    /// Rows of other columns cannot be in one file.
    #[error("the rows of one file have different columns")]
    Mixed,
    /// A column is missing or has another type than it is written with.
    #[error("column \"{column}\" is missing or has another type")]
    Column {
        /// Its name.
        column: String,
    },
    /// A row holds what no row is written with.
    #[error("row {row}: {reason}")]
    Row {
        /// Counted from 0 in its file.
        row: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The decoder gave up on bytes that are no Parquet file.
    #[error("not a whole Parquet file: {reason}")]
    Torn {
        /// What it stumbled over.
        reason: String,
    },
}

#[cfg(test)]
mod tests;
