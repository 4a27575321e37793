//! Columns: arrays from rows, and rows' parts from arrays.

use std::fmt;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Int64Array, ListArray, RecordBatch, StringArray, StringBuilder,
    StructArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema};
use arrow_schema::extension::Json;

use super::DatasetError;

/// The name of the element in a list's type, as Parquet's specification has it.
const ELEMENT: &str = "element";

/// A table in the making: named columns of equal length.
#[derive(Default)]
pub(super) struct Columns {
    fields: Vec<FieldRef>,
    arrays: Vec<ArrayRef>,
}

impl Columns {
    pub(super) fn add(&mut self, (field, array): (FieldRef, ArrayRef)) {
        self.fields.push(field);
        self.arrays.push(array);
    }

    pub(super) fn texts<T: AsRef<str>>(&mut self, name: &str, texts: impl Iterator<Item = T>) {
        self.add((field(name, DataType::Utf8), text_array(texts.map(Some))));
    }

    pub(super) fn perhaps_texts<T: AsRef<str>>(
        &mut self,
        name: &str,
        texts: impl Iterator<Item = Option<T>>,
    ) {
        self.add((field(name, DataType::Utf8), text_array(texts)));
    }

    pub(super) fn json<T: AsRef<str>>(&mut self, name: &str, texts: impl Iterator<Item = T>) {
        self.add((json_field(name), text_array(texts.map(Some))));
    }

    pub(super) fn counts(&mut self, name: &str, counts: impl Iterator<Item = u64>) {
        let counts: Int64Array =
            counts.map(|count| i64::try_from(count).expect("counts are far below 2⁶³")).collect();
        self.add((field(name, DataType::Int64), Arc::new(counts)));
    }

    pub(super) fn text_lists<L: IntoIterator<Item: AsRef<str>>>(
        &mut self,
        name: &str,
        lists: impl Iterator<Item = L>,
    ) {
        self.add(text_list(name, field(ELEMENT, DataType::Utf8), lists.map(Some)));
    }

    pub(super) fn json_lists<L: IntoIterator<Item: AsRef<str>>>(
        &mut self,
        name: &str,
        lists: impl Iterator<Item = L>,
    ) {
        self.add(text_list(name, json_field(ELEMENT), lists.map(Some)));
    }

    pub(super) fn boolean_lists<L: IntoIterator<Item = bool>>(
        &mut self,
        name: &str,
        lists: impl Iterator<Item = L>,
    ) {
        let mut lengths = Vec::new();
        let mut booleans = Vec::new();
        for list in lists {
            let before = booleans.len();
            booleans.extend(list.into_iter().map(Some));
            lengths.push(booleans.len() - before);
        }
        let booleans: ArrayRef = Arc::new(BooleanArray::from(booleans));
        self.add(list_of(name, field(ELEMENT, DataType::Boolean), lengths, booleans, None));
    }

    /// A column of lists of structs, whose parts are columns of their own.
    pub(super) fn struct_lists(&mut self, name: &str, lengths: Vec<usize>, parts: Columns) {
        let fields = Fields::from(parts.fields);
        let structs: ArrayRef = Arc::new(StructArray::new(fields.clone(), parts.arrays, None));
        let element = field(ELEMENT, DataType::Struct(fields));
        self.add(list_of(name, element, lengths, structs, None));
    }

    pub(super) fn finish(self) -> RecordBatch {
        RecordBatch::try_new(Arc::new(Schema::new(self.fields)), self.arrays)
            .expect("every column has one entry for each row")
    }
}

// NB: every column is nullable, as Hugging Face's own are; readers refuse nulls where none belong.
fn field(name: &str, data_type: DataType) -> FieldRef {
    Arc::new(Field::new(name, data_type, true))
}

fn json_field(name: &str) -> FieldRef {
    Arc::new(Field::new(name, DataType::Utf8, true).with_extension_type(Json::default()))
}

/// The texts in one array. Its size is known before it is filled: arrays of tools have many
/// megabytes, which would else be moved each time that they double.
fn text_array<T: AsRef<str>>(texts: impl Iterator<Item = Option<T>>) -> ArrayRef {
    let texts: Vec<Option<T>> = texts.collect();
    let bytes = texts.iter().flatten().map(|text| text.as_ref().len()).sum();
    let mut array = StringBuilder::with_capacity(texts.len(), bytes);
    for text in &texts {
        array.append_option(text.as_ref());
    }
    Arc::new(array.finish())
}

/// A list of JSON texts that may be absent, as messages have it for calls.
pub(super) fn json_list_or_none<L: IntoIterator<Item: AsRef<str>>>(
    name: &str,
    lists: impl Iterator<Item = Option<L>>,
) -> (FieldRef, ArrayRef) {
    text_list(name, json_field(ELEMENT), lists)
}

fn text_list<L: IntoIterator<Item: AsRef<str>>>(
    name: &str,
    element: FieldRef,
    lists: impl Iterator<Item = Option<L>>,
) -> (FieldRef, ArrayRef) {
    let mut lengths = Vec::new();
    let mut present = Vec::new();
    let mut texts = Vec::new();
    for list in lists {
        let before = texts.len();
        present.push(list.is_some());
        texts.extend(list.into_iter().flatten());
        lengths.push(texts.len() - before);
    }
    let texts = text_array(texts.into_iter().map(Some));
    list_of(name, element, lengths, texts, Some(NullBuffer::from(present)))
}

fn list_of(
    name: &str,
    element: FieldRef,
    lengths: Vec<usize>,
    values: ArrayRef,
    present: Option<NullBuffer>,
) -> (FieldRef, ArrayRef) {
    let lists =
        ListArray::new(Arc::clone(&element), OffsetBuffer::from_lengths(lengths), values, present);
    (field(name, DataType::List(element)), Arc::new(lists))
}

/// One row of a batch, for reading.
pub(super) struct Place<'a> {
    pub(super) batch: &'a RecordBatch,
    /// The row's place in the batch.
    pub(super) place: usize,
    /// The row's place in the file, for messages.
    pub(super) row: u64,
}

impl<'a> Place<'a> {
    /// What is wrong with the row.
    pub(super) fn wrong(&self, reason: impl fmt::Display) -> DatasetError {
        DatasetError::Row { row: self.row, reason: reason.to_string() }
    }

    /// A text that must be there.
    pub(super) fn text(&self, name: &str) -> Result<&'a str, DatasetError> {
        let texts: &StringArray = self.column(name)?;
        match texts.is_valid(self.place) {
            true => Ok(texts.value(self.place)),
            false => Err(self.wrong(format!("\"{name}\" is missing"))),
        }
    }

    /// A count that must be there.
    pub(super) fn count(&self, name: &str) -> Result<u64, DatasetError> {
        let counts: &Int64Array = self.column(name)?;
        let count = counts.is_valid(self.place).then(|| counts.value(self.place));
        count
            .and_then(|count| u64::try_from(count).ok())
            .ok_or_else(|| self.wrong(format!("\"{name}\" is no count")))
    }

    /// The elements of a list that must be there.
    pub(super) fn list(&self, name: &str) -> Result<ArrayRef, DatasetError> {
        let lists: &ListArray = self.column(name)?;
        match lists.is_valid(self.place) {
            true => Ok(lists.value(self.place)),
            false => Err(self.wrong(format!("\"{name}\" is missing"))),
        }
    }

    /// The texts of a list that must be there.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, DatasetError> {
        let list = self.list(name)?;
        let texts: &StringArray = downcast(Some(&list), name)?;
        texts
            .iter()
            .map(|text| text.map(String::from))
            .collect::<Option<_>>()
            .ok_or_else(|| self.wrong(format!("\"{name}\" has an entry that is missing")))
    }

    fn column<A: 'static>(&self, name: &str) -> Result<&'a A, DatasetError> {
        downcast(self.batch.column_by_name(name), name)
    }
}

/// The part of a struct with that name and type.
pub(super) fn part<'a, A: 'static>(
    structs: &'a StructArray,
    name: &str,
) -> Result<&'a A, DatasetError> {
    downcast(structs.column_by_name(name), name)
}

fn downcast<'a, A: 'static>(
    array: Option<&'a ArrayRef>,
    name: &str,
) -> Result<&'a A, DatasetError> {
    array
        .and_then(|array| array.as_any().downcast_ref())
        .ok_or_else(|| DatasetError::Column { column: name.into() })
}
