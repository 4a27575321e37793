//! Record batches for readers that speak arrow2, and back, through Arrow's C data interface.
//!
//! No value is copied: both sides look at the same memory, and whoever lets go last frees it, in
//! whatever order. arrow2 is no longer kept and has open advisories, none of them on this way; who
//! reads with it knows why. Nothing here is built unless the feature `arrow2` is asked for.

use std::mem;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, RecordBatch, RecordBatchOptions, make_array};
use arrow::datatypes::{Field as OurField, Metadata, Schema as OurSchema};
use arrow::error::ArrowError;
use arrow::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi, to_ffi};
use arrow2::array::Array;
use arrow2::chunk::Chunk;
use arrow2::datatypes::{Field, Schema};
use arrow2::ffi::{ArrowArray, ArrowSchema};

pub use arrow2;

/// Why a batch does not go over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandOverError {
    /// The one side cannot say it, or take it.
    #[error("arrow cannot hand over column \"{column}\"")]
    Ours {
        /// Its name.
        column: String,
        /// What it says.
        #[source]
        source: ArrowError,
    },
    /// The other side cannot take it, or say it.
    #[error("arrow2 cannot take column \"{column}\"")]
    Theirs {
        /// Its name.
        column: String,
        /// What it says.
        #[source]
        source: arrow2::error::Error,
    },
}

// Both are the structs of the C data interface. Were one of them laid out otherwise, this would not
// compile.
const _: () = assert!(size_of::<FFI_ArrowArray>() == size_of::<ArrowArray>());
const _: () = assert!(align_of::<FFI_ArrowArray>() == align_of::<ArrowArray>());
const _: () = assert!(size_of::<FFI_ArrowSchema>() == size_of::<ArrowSchema>());
const _: () = assert!(align_of::<FFI_ArrowSchema>() == align_of::<ArrowSchema>());

/// Hands a batch over to arrow2: its schema, with the metadata of schema and fields, and its columns.
///
/// # Errors
///
/// Fails if arrow2 does not know the type of a column. No column of a dataset has such a type.
pub fn hand_over(batch: &RecordBatch) -> Result<(Schema, Chunk<Box<dyn Array>>), HandOverError> {
    let schema = batch.schema();
    let mut fields = Vec::new();
    let mut arrays = Vec::new();
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        let (field, array) = column_over(field, column)?;
        fields.push(field);
        arrays.push(array);
    }
    let metadata = schema.metadata().iter().map(|(key, value)| (key.clone(), value.clone()));
    Ok((Schema { fields, metadata: metadata.collect() }, Chunk::new(arrays)))
}

fn column_over(
    field: &OurField,
    column: &ArrayRef,
) -> Result<(Field, Box<dyn Array>), HandOverError> {
    let ours = |source| HandOverError::Ours { column: field.name().clone(), source };
    let theirs = |source| HandOverError::Theirs { column: field.name().clone(), source };
    let schema = FFI_ArrowSchema::try_from(field).map_err(ours)?;
    // SAFETY: both types are `repr(C)` with the fields of `struct ArrowSchema` in their order, and of
    // one size, as asserted above. The value moves, so that its release is called once, by arrow2.
    let schema: ArrowSchema = unsafe { mem::transmute(schema) };
    // SAFETY: the schema was just made by arrow, which says in it what the interface demands, and it
    // lives until the end of this function.
    let field = unsafe { arrow2::ffi::import_field_from_c(&schema) }.map_err(theirs)?;
    let (array, _) = to_ffi(&column.to_data()).map_err(ours)?;
    // SAFETY: as for the schema: `struct ArrowArray` on both sides, moved, released once.
    let array: ArrowArray = unsafe { mem::transmute(array) };
    // SAFETY: the array was just exported by arrow, whose arrays are valid for their types, and the
    // type is the one that the field of the same column was imported as.
    let array = unsafe { arrow2::ffi::import_array_from_c(array, field.data_type.clone()) };
    Ok((field, array.map_err(theirs)?))
}

/// Takes a batch back from arrow2.
///
/// # Errors
///
/// Fails if arrow does not know the type of a column, or if columns and schema do not fit each other.
pub fn take_back(
    schema: &Schema,
    chunk: &Chunk<Box<dyn Array>>,
) -> Result<RecordBatch, HandOverError> {
    let mut fields = Vec::new();
    let mut columns = Vec::new();
    for (field, array) in schema.fields.iter().zip(chunk.arrays()) {
        let (field, column) = column_back(field, array.as_ref())?;
        fields.push(field);
        columns.push(column);
    }
    let metadata = schema.metadata.iter().map(|(key, value)| (key.clone(), value.clone()));
    let schema = OurSchema::new_with_metadata(fields, metadata.collect::<Metadata>());
    let options = RecordBatchOptions::new().with_row_count(Some(chunk.len()));
    RecordBatch::try_new_with_options(Arc::new(schema), columns, &options)
        .map_err(|source| HandOverError::Ours { column: String::new(), source })
}

fn column_back(field: &Field, array: &dyn Array) -> Result<(OurField, ArrayRef), HandOverError> {
    let ours = |source| HandOverError::Ours { column: field.name.clone(), source };
    let schema = arrow2::ffi::export_field_to_c(field);
    let array = arrow2::ffi::export_array_to_c(array.to_boxed());
    // SAFETY: both types are `repr(C)` with the fields of `struct ArrowSchema` in their order, and of
    // one size, as asserted above. The value moves, so that its release is called once, by arrow.
    let schema: FFI_ArrowSchema = unsafe { mem::transmute(schema) };
    // SAFETY: as for the schema: `struct ArrowArray` on both sides, moved, released once.
    let array: FFI_ArrowArray = unsafe { mem::transmute(array) };
    let back = OurField::try_from(&schema).map_err(ours)?;
    // SAFETY: array and schema were just exported by arrow2 of one column, whose arrays are valid for
    // their types.
    let data = unsafe { from_ffi(array, &schema) }.map_err(ours)?;
    Ok((back, make_array(data)))
}
