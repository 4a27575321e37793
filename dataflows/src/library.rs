//! The library: the documents of a corpus, parsed now or recalled.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use operators::parse::{References, parse_stream, references};
use operators::{Library, Outcome, Work};
use schemas::{CorpusPlan, Digest, Document, Rejection, Rule, Stage};

use crate::corpus::Place;
use crate::store::{Locked, ObjectRef, StoreError};

use self::pieces::Pieces;

mod pieces;

/// Documents on disk, and what was read out of them.
#[derive(Debug)]
pub struct Files {
    shared: Arc<Shared>,
}

/// What is known of the corpus of an earlier version, read under the same plan.
#[derive(Debug, Default)]
pub struct Known {
    /// The files that documents refer to, by the document's digest.
    pub references: BTreeMap<Digest, References>,
    /// Objects with what was read out of documents, by [`key`].
    pub read: BTreeMap<Digest, ObjectRef>,
}

/// What was read out of the documents of this build.
#[derive(Clone, Debug, Default)]
pub struct Read {
    /// The files that each document refers to, by its digest.
    pub references: BTreeMap<Digest, References>,
    /// Every document's [`key`].
    pub keys: BTreeMap<Document, Digest>,
    /// By key, the object with what was read out of a document.
    pub objects: BTreeMap<Digest, ObjectRef>,
}

impl Read {
    fn remember(&mut self, document: &Document, key: Digest, object: ObjectRef) {
        self.keys.insert(document.clone(), key);
        self.objects.insert(key, object);
    }

    /// The object with what was read out of a document.
    pub fn object(&self, document: &Document) -> Option<&ObjectRef> {
        self.objects.get(self.keys.get(document)?)
    }
}

#[derive(Debug)]
struct Shared {
    places: BTreeMap<Document, Place>,
    plan: CorpusPlan,
    known: Known,
    store: Arc<Locked>,
    work: Arc<Work>,
    read: Mutex<Read>,
    failure: Mutex<Option<StoreError>>,
    /// The first document whose file changed after it was digested.
    changed: Mutex<Option<String>>,
}

/// Documents no longer than this are read at once, longer ones piece by piece on a thread of
/// their own, in bytes.
const AT_ONCE_BYTES: u64 = 1 << 20;

/// What is read out of a document is a function of it and of those it refers to.
pub fn key(document: &Document, siblings: &[Document]) -> Digest {
    if siblings.is_empty() {
        return document.digest;
    }
    let siblings: Vec<(&str, Digest)> =
        siblings.iter().map(|sibling| (sibling.path.as_str(), sibling.digest)).collect();
    Digest::of_record(&(document.digest, &document.path, siblings))
}

impl Files {
    /// The documents at these places.
    pub fn new(
        places: BTreeMap<Document, Place>,
        plan: CorpusPlan,
        known: Known,
        store: Arc<Locked>,
        work: Arc<Work>,
    ) -> Files {
        let (read, failure, changed) = (Mutex::default(), Mutex::default(), Mutex::default());
        let shared = Shared { places, plan, known, store, work, read, failure, changed };
        Files { shared: Arc::new(shared) }
    }

    /// What was read, and where it is kept.
    ///
    /// # Errors
    ///
    /// Fails with the first object that could not be kept or read back.
    pub fn read(&self) -> Result<Read, StoreError> {
        match locked(&self.shared.failure).take() {
            Some(error) => Err(error),
            None => Ok(locked(&self.shared.read).clone()),
        }
    }

    /// A document that was no longer what its digest says when it was read: what was read must not
    /// be committed, or it would be remembered under that digest.
    pub fn changed(&self) -> Option<String> {
        locked(&self.shared.changed).clone()
    }
}

fn locked<D>(mutex: &Mutex<D>) -> MutexGuard<'_, D> {
    mutex.lock().expect("no holder panics")
}

impl Library for Files {
    fn references(&self, document: &Document) -> References {
        let shared = &self.shared;
        let recalled = shared.known.references.get(&document.digest).cloned();
        let found =
            recalled.or_else(|| locked(&shared.read).references.get(&document.digest).cloned());
        let found = found.unwrap_or_else(|| {
            // A file that cannot be read is told of when it is parsed.
            let file = shared.places.get(document).and_then(|place| place.open().ok());
            file.and_then(|file| references(file, &shared.plan).ok()).unwrap_or_default()
        });
        locked(&shared.read).references.insert(document.digest, found.clone());
        found
    }

    fn outcomes(
        &self,
        document: &Document,
        siblings: &[Document],
    ) -> Box<dyn Iterator<Item = Outcome>> {
        let key = key(document, siblings);
        if let Some(recalled) = self.shared.recalled(document, key) {
            return recalled;
        }
        if document.bytes <= AT_ONCE_BYTES {
            let mut outcomes = Vec::new();
            self.shared.parse(document, siblings, key, &mut |outcome| outcomes.push(outcome));
            return Box::new(outcomes.into_iter());
        }
        let shared = Arc::clone(&self.shared);
        let (document, siblings) = (document.clone(), siblings.to_vec());
        Box::new(Pieces::new(move |sink| shared.parse(&document, &siblings, key, sink)))
    }
}

impl Shared {
    /// What an earlier version, or this one, read out of the document.
    fn recalled(
        &self,
        document: &Document,
        key: Digest,
    ) -> Option<Box<dyn Iterator<Item = Outcome>>> {
        let earlier = self.known.read.get(&key).cloned();
        let object = earlier.or_else(|| locked(&self.read).objects.get(&key).cloned())?;
        let bytes = match self.store.world().read_object(&object) {
            Ok(bytes) => bytes,
            // What is damaged is made anew, if there is something to make it of.
            Err(StoreError::Damaged { .. }) if self.places.get(document)?.is_file() => return None,
            Err(error) => {
                locked(&self.failure).get_or_insert(error);
                return Some(Box::new(std::iter::empty()));
            }
        };
        let lines = zstd::Decoder::new(io::Cursor::new(bytes)).ok()?;
        locked(&self.read).remember(document, key, object);
        let file = document.path.clone();
        // The object is whole: its bytes were just compared with its digest.
        let outcomes = BufReader::new(lines).lines().map(move |line| {
            let line = line.expect("what was compressed unfolds");
            let outcome: Outcome = serde_json::from_str(&line).expect("what was written reads");
            renamed(outcome, &file)
        });
        Some(Box::new(outcomes))
    }

    /// Parses a document, hands over what it yields, and keeps that for later.
    fn parse(
        &self,
        document: &Document,
        siblings: &[Document],
        key: Digest,
        sink: &mut dyn FnMut(Outcome),
    ) {
        self.work.documents_parsed.add(1);
        let mut keeping = Keeping::new();
        let read = self.open(document).and_then(|(place, file)| {
            let siblings = self.bytes_of(siblings)?;
            let again = file.try_clone()?;
            parse_stream(&document.path, file, &siblings, &self.plan, &mut |outcome| {
                // What is kept is a function of the bytes: they may go by several names.
                let outcome = renamed(outcome, "");
                keeping.add(&outcome);
                sink(renamed(outcome, &document.path));
            });
            Ok(place.is_unchanged(&again))
        });
        match read {
            Ok(true) => self.keep(document, key, keeping),
            Ok(false) => self.remember_changed(document),
            Err(error) => {
                self.remember_changed(document);
                sink(Err(Rejection {
                    stage: Stage::Parse,
                    subject: document.path.clone(),
                    rule: Some(Rule::Unreachable),
                    reason: format!("cannot be read: {error}"),
                    file: document.path.clone(),
                    pointer: String::new(),
                }));
            }
        }
    }

    fn open(&self, document: &Document) -> io::Result<(&Place, std::fs::File)> {
        let gone = || io::Error::new(io::ErrorKind::NotFound, "is no longer in the corpus");
        let place = self.places.get(document).ok_or_else(gone)?;
        Ok((place, place.open()?))
    }

    /// The bytes of the documents that another refers to, as far as the limit on a document goes.
    fn bytes_of(&self, siblings: &[Document]) -> io::Result<BTreeMap<String, Vec<u8>>> {
        let mut left = self.plan.document_bytes_max;
        let mut found = BTreeMap::new();
        for sibling in siblings {
            let Some(rest) = left.checked_sub(sibling.bytes) else { continue };
            left = rest;
            let (place, mut file) = self.open(sibling)?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            if !place.is_unchanged(&file) {
                self.remember_changed(sibling);
            }
            found.insert(sibling.path.clone(), bytes);
        }
        Ok(found)
    }

    fn remember_changed(&self, document: &Document) {
        locked(&self.changed).get_or_insert(document.path.clone());
    }

    fn keep(&self, document: &Document, key: Digest, keeping: Keeping) {
        let path = Path::new(&document.path);
        let rows = keeping.rows;
        let kept = keeping
            .close()
            .map_err(|error| StoreError::of_io("compress what was read of", path, error))
            .and_then(|bytes| self.store.put_object("jsonl.zst", rows, &bytes));
        match kept {
            Ok(object) => {
                locked(&self.read).remember(document, key, object);
            }
            Err(error) => {
                locked(&self.failure).get_or_insert(error);
            }
        }
    }
}

/// What was read out of a document so far, one outcome a line, compressed: some thirtieth of a
/// line format's own size is held in memory.
struct Keeping {
    lines: zstd::Encoder<'static, Vec<u8>>,
    rows: u64,
    failure: Option<io::Error>,
}

impl Keeping {
    fn new() -> Keeping {
        let lines = zstd::Encoder::new(Vec::new(), LEVEL).expect("the level is one there is");
        Keeping { lines, rows: 0, failure: None }
    }

    fn add(&mut self, outcome: &Outcome) {
        self.rows += u64::from(outcome.is_ok());
        let mut line = serde_json::to_vec(outcome).expect("records have string keys");
        line.push(b'\n');
        if let Err(error) = self.lines.write_all(&line) {
            self.failure.get_or_insert(error);
        }
    }

    fn close(self) -> io::Result<Vec<u8>> {
        match self.failure {
            Some(error) => Err(error),
            None => self.lines.finish(),
        }
    }
}

/// zstd's fastest of the ordinary levels.
const LEVEL: i32 = 1;

/// The outcome as of a document that goes by another name.
fn renamed(mut outcome: Outcome, file: &str) -> Outcome {
    match &mut outcome {
        Ok(record) => record.origin.file = file.into(),
        Err(rejection) => {
            rejection.file = file.into();
            rejection.subject = format!("{file}{}", rejection.pointer);
        }
    }
    outcome
}
