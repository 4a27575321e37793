//! Parse documents into API records.
//!
//! Formats are recognised by content, never by file name: OpenAPI 3.x and Swagger 2.0 in JSON and
//! YAML, AWS service models, Alibaba Cloud metadata, MCP `tools/list`, OpenAI `tools`, ToolBench
//! and RapidAPI, xLAM and APIGen, BFCL, ACEBench, API-Bank, `ToolAlpaca`, Seal-Tools, `TaskBench`,
//! and this project's own JSON Lines, each plain or compressed with zstd or gzip.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;

use differential_dataflow::lattice::Lattice;
use differential_dataflow::{AsCollection, VecCollection};
use serde::{Deserialize, Serialize};
use timely::dataflow::operators::OkErr;
use timely::progress::Timestamp;

use schemas::{CorpusPlan, Digest, Document, Record, Rejection, Rule, Stage};

use self::bound::{Bind as _, read_out};

pub use crate::parse::lines::parse_lines;
pub(crate) use crate::parse::python::literal_at;
pub use crate::parse::refers::{References, SIBLINGS_MAX, references, resolve};
pub use crate::parse::unfold::{Format, recognise};

mod bound;
mod refers;
mod unfold;
mod mend;
mod lines;
mod listing;
mod definition;
mod openapi;
mod aws;
mod aliyun;
mod api_bank;
mod python;
mod task_bench;
mod expand;
mod part;

/// Changes whenever the same input would give another result, so that nothing stale is recalled.
pub const REVISION: &str = "parse 3";

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

/// What one document yields: a record, or what could not be read.
pub type Outcome = Result<Record, Rejection>;

/// Where the bytes of documents are.
pub trait Library: Send + Sync {
    /// The files that a document refers to, as [`references`] says.
    fn references(&self, document: &Document) -> References;

    /// What [`parse_stream`] says about the document and the siblings it refers to, read now or
    /// recalled from an earlier time.
    ///
    /// NB: a document that is taken out of the corpus is asked for once more, to take back what
    /// it had brought in. An implementation must then give the same answer as before, although
    /// the file may be gone.
    fn outcomes(
        &self,
        document: &Document,
        siblings: &[Document],
    ) -> Box<dyn Iterator<Item = Outcome>>;
}

/// Documents held in memory, by path and digest, those that are gone included.
#[derive(Clone, Debug, Default)]
pub struct HeldLibrary {
    /// The bytes of each document.
    pub held: BTreeMap<(String, Digest), Vec<u8>>,
    /// Limits on what is read.
    pub plan: CorpusPlan,
}

impl HeldLibrary {
    fn bytes(&self, document: &Document) -> &[u8] {
        let key = (document.path.clone(), document.digest);
        self.held.get(&key).map_or(&[], Vec::as_slice)
    }
}

impl Library for HeldLibrary {
    fn references(&self, document: &Document) -> References {
        references(self.bytes(document), &self.plan).unwrap_or_default()
    }

    fn outcomes(
        &self,
        document: &Document,
        siblings: &[Document],
    ) -> Box<dyn Iterator<Item = Outcome>> {
        let bytes = |sibling: &Document| (sibling.path.clone(), self.bytes(sibling).to_vec());
        let siblings = siblings.iter().map(bytes).collect();
        let mut outcomes = Vec::new();
        let reader = self.bytes(document);
        parse_stream(&document.path, reader, &siblings, &self.plan, &mut |outcome| {
            outcomes.push(outcome);
        });
        Box::new(outcomes.into_iter())
    }
}

/// Extension trait for the `parse` operator.
pub trait Parse<'scope, T: Timestamp> {
    /// Parses each document into its records and its rejections.
    ///
    /// Does not read files: the library does. A document is parsed together with the documents of
    /// the collection that it refers to, directly or through others, and again when one of those
    /// changes. Documents without a record yield a rejection, so that none goes missing.
    ///
    /// Memory: a document's path and digest; records go downstream a thousand at a time, so that
    /// a long line format is never held as a whole here.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use differential_dataflow::input::Input;
    /// use operators::{HeldLibrary, Parse};
    /// use schemas::{Digest, Document};
    ///
    /// let mut library = HeldLibrary::default();
    /// let mut documents = Vec::new();
    /// for (path, text) in [
    ///     ("tools.json", r#"{"tools": [{"name": "find_seat", "inputSchema": {}}]}"#),
    ///     ("notes.md", "# Notes to myself"),
    /// ] {
    ///     let digest = Digest::of(text.as_bytes());
    ///     documents.push(Document { digest, path: path.into(), bytes: text.len() as u64 });
    ///     library.held.insert((path.into(), digest), text.into());
    /// }
    ///
    /// ::timely::example(|scope| {
    ///     let documents = scope.new_collection_from(documents).1;
    ///
    ///     let (records, rejections) = documents.parse(Arc::new(library));
    ///     records.map(|record| record.name.clone())
    ///            .assert_eq(scope.new_collection_from(["find_seat".to_string()]).1);
    ///     rejections.map(|rejection| rejection.subject)
    ///               .assert_eq(scope.new_collection_from(["notes.md".to_string()]).1);
    /// });
    /// ```
    fn parse(
        self,
        library: Arc<dyn Library>,
    ) -> (VecCollection<'scope, T, Arc<Record>>, VecCollection<'scope, T, Rejection>);
}

impl<'scope, T: Timestamp + Lattice> Parse<'scope, T> for VecCollection<'scope, T, Document> {
    fn parse(
        self,
        library: Arc<dyn Library>,
    ) -> (VecCollection<'scope, T, Arc<Record>>, VecCollection<'scope, T, Rejection>) {
        let bound = self.bind(Arc::clone(&library));
        let outcomes = read_out(bound, library);
        let (records, rejections) = outcomes.inner.ok_err(|(outcome, time, diff)| match outcome {
            Ok(record) => Ok((record, time, diff)),
            Err(rejection) => Err((rejection, time, diff)),
        });
        (records.as_collection(), rejections.as_collection())
    }
}

/// Parses the bytes of one document that refers to no other.
///
/// Never fails as a whole: what is wrong is among the rejections. Memory is bounded by the limits
/// of the plan, line formats included, except that all records found are kept.
pub fn parse(path: &str, bytes: &[u8], plan: &CorpusPlan) -> Parsed {
    let mut parsed = Parsed::default();
    let siblings = BTreeMap::new();
    parse_stream(path, bytes, &siblings, plan, &mut |outcome| parsed.accept(outcome));
    parsed
}

/// Parses one document from a reader and hands over what it describes, one by one, so that a
/// compressed or line format need not fit in memory.
///
/// `siblings` are the bytes of the documents it refers to, by path; a reference to any other file
/// leads nowhere. Hands over at least one record or rejection.
pub fn parse_stream(
    path: &str,
    reader: impl Read,
    siblings: &BTreeMap<String, Vec<u8>>,
    plan: &CorpusPlan,
    sink: Sink<'_>,
) {
    let mut found = false;
    unfold::read(path, reader, siblings, plan, &mut |outcome| {
        found = true;
        sink(outcome);
    });
    if !found {
        sink(Err(rejection(Rule::NotADescription, path, "", "lists no tools".into())));
    }
}

/// The bytes of a document, uncompressed.
///
/// # Errors
///
/// Fails if it unfolds to more than the plan allows, or is damaged.
pub(crate) fn unfolded(bytes: &[u8], plan: &CorpusPlan) -> io::Result<Vec<u8>> {
    let (_, mut reader) = unfold::open(bytes, plan)?;
    let mut unfolded = Vec::new();
    reader.read_to_end(&mut unfolded)?;
    Ok(unfolded)
}

/// What receives records and rejections one by one.
pub type Sink<'a> = &'a mut dyn FnMut(Outcome);

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
