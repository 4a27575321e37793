//! API records as they are received.

use serde::{Deserialize, Serialize};

use crate::{Digest, Value};

/// A file of the corpus, by its content.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Document {
    /// The digest of the file's bytes.
    pub digest: Digest,
    /// The path below the corpus root it was found in, with `/` between its parts.
    pub path: String,
    /// The file's size in bytes.
    pub bytes: u64,
}

/// One API description, read out of a document but not yet judged.
#[derive(Clone, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Record {
    /// What the record is in its source (provider, method and path, or name): two revisions of
    /// one operation share it, and it does not mention the file.
    pub identity: String,
    /// The tool's name as published.
    pub name: String,
    /// What the tool does, as published.
    pub description: String,
    /// JSON Schema of the arguments, an object schema; [`Value::Null`] if the source states none.
    pub parameters: Value,
    /// JSON Schema of the answer, or [`Value::Null`].
    pub returns: Value,
    /// An example of the answer, or [`Value::Null`].
    pub example: Value,
    /// HTTP method in upper case, where there is one.
    pub method: Option<String>,
    /// Resource path with `{parameter}` segments, where there is one.
    pub path: Option<String>,
    /// Where the record came from.
    pub origin: Origin,
}

/// Where a record came from, and what may be done with it.
#[derive(Clone, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Origin {
    /// The collection of records it belongs to; the format's name where the file states none.
    pub source: String,
    /// Who offers the API.
    pub provider: String,
    /// The API, server or service among the provider's.
    pub service: String,
    /// The topic the source files it under, or empty.
    pub category: String,
    /// The version of the API that the description is of, as the source writes it, or empty.
    pub version: String,
    /// The licence of the description, or empty if the source states none.
    pub license: String,
    /// Path of the document below the corpus root.
    pub file: String,
    /// RFC 6901 pointer to the record inside the document; for line formats, `/` and the line's
    /// number counted from 1.
    pub pointer: String,
}
