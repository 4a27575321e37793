//! Parse documents into API records.
//!
//! Formats are recognised by content, never by file name: OpenAPI 3.x and Swagger 2.0 in JSON and
//! YAML, MCP `tools/list`, OpenAI `tools`, ToolBench and RapidAPI, xLAM and APIGen, BFCL, ACEBench,
//! and this project's own JSON Lines, each plain or compressed with zstd or gzip.

use std::io::Read;
use std::sync::Arc;

use differential_dataflow::{AsCollection, VecCollection};
use serde::{Deserialize, Serialize};
use timely::dataflow::operators::OkErr;
use timely::progress::Timestamp;

use schemas::{CorpusPlan, Document, Record, Rejection, Rule, Stage};

pub use crate::parse::lines::parse_lines;
pub use crate::parse::unfold::{Format, recognise};

mod unfold;
mod lines;
mod listing;
mod definition;
mod openapi;
mod expand;

/// Changes whenever the same input would give another result, so that nothing stale is recalled.
pub const REVISION: &str = "parse 2";

/// What one document describes, and what in it could not be read.
#[derive(Clone, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Parsed {
    /// The records, in the order of the document.
    pub records: Vec<Record>,
    /// What could not be read, each with the reason.
    pub rejections: Vec<Rejection>,
}

impl Parsed {
    fn accept(&mut self, outcome: Result<Record, Rejection>) {
        match outcome {
            Ok(record) => self.records.push(record),
            Err(rejection) => self.rejections.push(rejection),
        }
    }
}

/// Where the bytes of documents are.
pub trait Library: Send + Sync {
    /// What [`parse`] says about the document, read now or recalled from an earlier time.
    ///
    /// NB: a document that is taken out of the corpus is asked for once more, to take back what
    /// it had brought in. An implementation must then give the same answer as before, although
    /// the file may be gone.
    fn parsed(&self, document: &Document) -> Parsed;
}

/// Extension trait for the `parse` operator.
pub trait Parse<'scope, T: Timestamp> {
    /// Parses each document into its records and its rejections.
    ///
    /// Does not read files: the library does. Documents are parsed where they are, by the worker
    /// that has them. A document without a record yields a rejection, so that none goes missing.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use differential_dataflow::input::Input;
    /// use operators::{Library, Parse, Parsed, parse};
    /// use schemas::{CorpusPlan, Digest, Document};
    ///
    /// struct Shelf;
    /// impl Library for Shelf {
    ///     fn parsed(&self, document: &Document) -> Parsed {
    ///         let bytes: &[u8] = match document.path.as_str() {
    ///             "tools.json" => br#"{"tools": [{"name": "find_seat", "inputSchema": {}}]}"#,
    ///             _ => b"# Notes to myself",
    ///         };
    ///         parse(&document.path, bytes, &CorpusPlan::default())
    ///     }
    /// }
    ///
    /// ::timely::example(|scope| {
    ///     let document = |path: &str| Document {
    ///         digest: Digest::of(path.as_bytes()), path: path.into(), bytes: 0,
    ///     };
    ///     let documents = [document("tools.json"), document("notes.md")];
    ///
    ///     let (records, rejections) = scope.new_collection_from(documents).1.parse(Arc::new(Shelf));
    ///     records.map(|record| record.name)
    ///            .assert_eq(scope.new_collection_from(["find_seat".to_string()]).1);
    ///     rejections.map(|rejection| rejection.subject)
    ///               .assert_eq(scope.new_collection_from(["notes.md".to_string()]).1);
    /// });
    /// ```
    fn parse(
        self,
        library: Arc<dyn Library>,
    ) -> (VecCollection<'scope, T, Record>, VecCollection<'scope, T, Rejection>);
}

impl<'scope, T: Timestamp> Parse<'scope, T> for VecCollection<'scope, T, Document> {
    fn parse(
        self,
        library: Arc<dyn Library>,
    ) -> (VecCollection<'scope, T, Record>, VecCollection<'scope, T, Rejection>) {
        let outcomes = self.flat_map(move |document| {
            let Parsed { records, rejections } = library.parsed(&document);
            records.into_iter().map(Ok).chain(rejections.into_iter().map(Err))
        });
        let (records, rejections) = outcomes.inner.ok_err(|(outcome, time, diff)| match outcome {
            Ok(record) => Ok((record, time.clone(), diff)),
            Err(rejection) => Err((rejection, time, diff)),
        });
        (records.as_collection(), rejections.as_collection())
    }
}

/// Parses the bytes of one document.
///
/// Never fails as a whole: what is wrong is among the rejections. Memory is bounded by the limits
/// of the plan, line formats included, except that all records found are kept.
pub fn parse(path: &str, bytes: &[u8], plan: &CorpusPlan) -> Parsed {
    parse_stream(path, bytes, plan)
}

/// Parses one document from a reader, so that a compressed or line format need not fit in memory.
pub fn parse_stream(path: &str, reader: impl Read, plan: &CorpusPlan) -> Parsed {
    let mut parsed = Parsed::default();
    unfold::read(path, reader, plan, &mut |outcome| parsed.accept(outcome));
    if parsed.records.is_empty() && parsed.rejections.is_empty() {
        parsed.rejections.push(rejection(Rule::NotADescription, path, "", "lists no tools".into()));
    }
    parsed
}

/// What receives records and rejections one by one.
type Sink<'a> = &'a mut dyn FnMut(Result<Record, Rejection>);

/// Why a document, or the part of it at `pointer`, could not be read.
fn rejection(rule: Rule, file: &str, pointer: &str, reason: String) -> Rejection {
    Rejection {
        stage: Stage::Parse,
        subject: format!("{file}{pointer}"),
        rule: Some(rule),
        reason,
        file: file.into(),
        pointer: pointer.into(),
    }
}

#[cfg(test)]
mod tests;
