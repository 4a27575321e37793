//! The library: the documents of a corpus, parsed now or recalled.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use operators::parse::parse_stream;
use operators::{Library, Parsed, Work};
use schemas::{CorpusPlan, Digest, Document, Rejection, Rule, Stage};

use crate::corpus::Place;
use crate::store::{Locked, ObjectRef, StoreError};

/// Documents on disk, and what was read out of them.
#[derive(Debug)]
pub struct Files {
    places: BTreeMap<Document, Place>,
    plan: CorpusPlan,
    /// Objects with what documents held when an earlier version read them, by document.
    known: BTreeMap<Digest, ObjectRef>,
    store: Arc<Locked>,
    work: Arc<Work>,
    /// What was read out of each document of this build.
    read: Mutex<BTreeMap<Digest, ObjectRef>>,
    failure: Mutex<Option<StoreError>>,
    /// The first document whose file changed after it was digested.
    changed: Mutex<Option<String>>,
}

impl Files {
    /// The documents at these places. `known` must have been read under the same plan.
    pub fn new(
        places: BTreeMap<Document, Place>,
        plan: CorpusPlan,
        known: BTreeMap<Digest, ObjectRef>,
        store: Arc<Locked>,
        work: Arc<Work>,
    ) -> Files {
        let (read, failure) = (Mutex::default(), Mutex::default());
        let changed = Mutex::default();
        Files { places, plan, known, store, work, read, failure, changed }
    }

    /// The object that holds what was read out of each document, by the document's digest.
    ///
    /// # Errors
    ///
    /// Fails with the first object that could not be kept or read back.
    ///
    /// # Panics
    ///
    /// Panics if a worker panicked while parsing.
    pub fn read(&self) -> Result<BTreeMap<Digest, ObjectRef>, StoreError> {
        match self.failure.lock().expect("no holder panics").take() {
            Some(error) => Err(error),
            None => Ok(self.read.lock().expect("no holder panics").clone()),
        }
    }

    fn recalled(&self, document: &Document) -> Option<Parsed> {
        let object = self.known.get(&document.digest)?;
        let bytes = self.store.world().read_object(object).ok()?;
        let text = zstd::decode_all(bytes.as_slice()).ok()?;
        let parsed = serde_json::from_slice(&text).ok()?;
        self.read.lock().expect("no holder panics").insert(document.digest, object.clone());
        Some(parsed)
    }

    fn parse(&self, document: &Document) -> Parsed {
        self.work.documents_parsed.add(1);
        let unreadable = |reason: String| Parsed {
            records: Vec::new(),
            rejections: vec![Rejection {
                stage: Stage::Parse,
                subject: document.path.clone(),
                rule: Some(Rule::Unreachable),
                reason,
                file: document.path.clone(),
                pointer: String::new(),
            }],
        };
        let Some(place) = self.places.get(document) else {
            return unreadable("is no longer in the corpus".into());
        };
        let parsed = place.open().and_then(|file| {
            let parsed = parse_stream(&document.path, file.try_clone()?, &self.plan);
            Ok((parsed, place.is_unchanged(&file)))
        });
        match parsed {
            Ok((parsed, true)) => parsed,
            Ok((_, false)) => {
                self.remember_changed(document);
                unreadable("changed while it was read".into())
            }
            Err(error) => {
                self.remember_changed(document);
                unreadable(format!("cannot be read: {error}"))
            }
        }
    }

    fn remember_changed(&self, document: &Document) {
        self.changed.lock().expect("no holder panics").get_or_insert(document.path.clone());
    }

    /// A document that was no longer what its digest says when it was read: what was read must not
    /// be committed, or it would be remembered under that digest.
    ///
    /// # Panics
    ///
    /// Panics if a worker panicked while parsing.
    pub fn changed(&self) -> Option<String> {
        self.changed.lock().expect("no holder panics").clone()
    }

    fn keep(&self, document: &Document, parsed: &Parsed) {
        let text = serde_json::to_vec(parsed).expect("records have string keys");
        let path = Path::new(&document.path);
        let kept = zstd::encode_all(text.as_slice(), 3)
            .map_err(|error| StoreError::of_io("compress what was read of", path, error))
            .and_then(|bytes| {
                self.store.put_object("json.zst", parsed.records.len() as u64, &bytes)
            });
        match kept {
            Ok(object) => {
                self.read.lock().expect("no holder panics").insert(document.digest, object);
            }
            Err(error) => {
                self.failure.lock().expect("no holder panics").get_or_insert(error);
            }
        }
    }
}

impl Library for Files {
    fn parsed(&self, document: &Document) -> Parsed {
        let mut parsed = self.recalled(document).unwrap_or_else(|| {
            let mut parsed = self.parse(document);
            // What is kept is a function of the bytes: the same bytes may go by two names.
            rename(&mut parsed, &document.path, "");
            self.keep(document, &parsed);
            parsed
        });
        rename(&mut parsed, "", &document.path);
        parsed
    }
}

fn rename(parsed: &mut Parsed, from: &str, to: &str) {
    for record in &mut parsed.records {
        record.origin.file = to.into();
    }
    for rejection in &mut parsed.rejections {
        if rejection.subject == from {
            rejection.subject = to.into();
        }
        rejection.file = to.into();
    }
}
