//! The journal: what was asked of models and what they answered, kept for good.
//!
//! ```text
//! world/journal/
//!   00000000000000000001.log    a segment: a line that names the format, then a line an entry
//!   00000000000000000002.log    the next, begun when the one before was full
//! ```
//!
//! An entry is the SHA-256 of its text, a space, and its text: a JSON list of the exchanges that
//! were written together. An entry is on the disk before any answer in it is used, and is never
//! changed; only one that was not finished when the process or the machine stopped is cut off when
//! the world is next written. Such an entry is the last: the next is begun when the one before is
//! on the disk. So damage elsewhere is damage, and is not passed over.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, RwLock, RwLockReadGuard};

use serde::{Deserialize, Serialize};

use schemas::{Answer, Digest, Purpose, Request, RequestId};

use crate::store::{Locked, StoreError, World, disk};

use self::segment::{Damage, Entry, HEADER, Scan};

mod segment;

/// Size beyond which a segment gets no further entry, in bytes: a segment is read whole.
const SEGMENT_BYTES_MAX: u64 = 64 << 20;

/// A question and its answer.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// What was asked.
    pub request: Asked,
    /// What was answered.
    pub answer: Answer,
}

/// A question as the journal keeps it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Asked {
    /// All of it.
    Whole(Request),
    /// The question for one message of a conversation, by name: the whole follows from the task
    /// and from the answers before it, and would grow with the square of the conversation.
    Turn {
        /// Whose message it is.
        purpose: Purpose,
        /// The model that was asked.
        model: String,
        /// Which asking of the same.
        trial: u32,
        /// What was sent, as [`fingerprint`](crate::endpoint::fingerprint) has it.
        sent: Digest,
    },
}

/// A world's journal, for reading. Reading needs no lock: what an entry says never changes.
///
/// Memory: an index entry of some eighty bytes per answer; answers stay on the disk.
#[derive(Debug, Default)]
pub struct Recorded {
    segments: Vec<PathBuf>,
    index: BTreeMap<RequestId, Place>,
    /// How many bytes of the last segment are whole, if there is one.
    last: Option<u64>,
    torn: u64,
}

/// Where the entry with an answer is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
struct Place {
    segment: u32,
    offset: u64,
    bytes: u64,
}

impl Recorded {
    /// Reads which answers there are.
    ///
    /// An entry that was not finished is passed over; whoever asked had not been told of it.
    ///
    /// # Errors
    ///
    /// Fails if a segment cannot be read, is damaged elsewhere than at the journal's end, or is of
    /// a newer format.
    ///
    /// # Panics
    ///
    /// Never: a journal of four thousand million segments fits no disk.
    pub fn read(world: &World) -> Result<Recorded, StoreError> {
        let folder = world.journal();
        let mut recorded = Recorded::default();
        let names = disk::names(&folder)?;
        let names: Vec<&String> = names.iter().filter(|name| is_segment(name)).collect();
        for (place, name) in names.iter().enumerate() {
            let path = folder.join(name);
            let is_last = place + 1 == names.len();
            let bytes = disk::read(&path)?;
            let damaged = |reason| StoreError::Damaged { path: path.clone(), reason };
            let scan = segment::scan(&bytes).map_err(|damage| match damage {
                Damage::Newer(format) => StoreError::Newer { path: path.clone(), format },
                Damage::Torn(reason) => damaged(reason),
            })?;
            let Scan { entries, whole } = scan;
            let torn = bytes.len() as u64 - whole;
            if !is_last && 0 < torn {
                return Err(damaged(format!("it ends after {whole} bytes, in an entry")));
            }
            let segment = u32::try_from(place).expect("segments are few");
            for entry in entries {
                let Entry { offset, bytes: length, answers } = entry;
                for request in answers {
                    let found = Place { segment, offset, bytes: length };
                    recorded.index.entry(request).or_insert(found);
                }
            }
            recorded.segments.push(path);
            (recorded.last, recorded.torn) = (Some(whole), torn);
        }
        Ok(recorded)
    }

    /// How many requests have an answer.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether nothing was ever answered.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The answer to a request, if there is one: the first, should there be several.
    ///
    /// # Errors
    ///
    /// Fails if its entry is no longer what was read when the journal was opened.
    pub fn answer(&self, request: RequestId) -> Result<Option<Answer>, StoreError> {
        Ok(self.answers([request])?.pop())
    }

    /// The answers to those requests that have one. Each entry is read once, whatever it holds.
    ///
    /// # Errors
    ///
    /// Fails like [`Recorded::answer`].
    pub fn answers(
        &self,
        requests: impl IntoIterator<Item = RequestId>,
    ) -> Result<Vec<Answer>, StoreError> {
        let mut places: BTreeMap<Place, BTreeSet<RequestId>> = BTreeMap::new();
        for request in requests {
            if let Some(place) = self.index.get(&request) {
                places.entry(*place).or_default().insert(request);
            }
        }
        let mut answers = Vec::new();
        for (place, mut wanted) in places {
            let (exchanges, damaged) = self.entry(place)?;
            // Of several answers in one entry the first counts.
            let found = exchanges.into_iter().map(|exchange| exchange.answer);
            answers.extend(found.filter(|answer| wanted.remove(&answer.request)));
            if !wanted.is_empty() {
                return Err(damaged);
            }
        }
        Ok(answers)
    }

    /// Hands over every exchange, in the order in which they were written.
    ///
    /// # Errors
    ///
    /// Fails if an entry is no longer what was read when the journal was opened.
    pub fn each(&self, hand: &mut dyn FnMut(Exchange)) -> Result<(), StoreError> {
        let places: BTreeSet<Place> = self.index.values().copied().collect();
        for place in places {
            let (exchanges, _) = self.entry(place)?;
            exchanges.into_iter().for_each(&mut *hand);
        }
        Ok(())
    }

    /// The exchanges of an entry, and the error that it lacks one.
    fn entry(&self, place: Place) -> Result<(Vec<Exchange>, StoreError), StoreError> {
        let path = &self.segments[place.segment as usize];
        let damaged = || StoreError::Damaged {
            path: path.clone(),
            reason: format!("the entry at byte {} is not what it was", place.offset),
        };
        let length = usize::try_from(place.bytes).map_err(|_too_large| damaged())?;
        let mut line = vec![0; length];
        disk::step("read", path, || {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(place.offset))?;
            file.read_exact(&mut line)
        })?;
        Ok((segment::exchanges(&line).ok_or_else(damaged)?, damaged()))
    }
}

fn is_segment(name: &str) -> bool {
    name.strip_suffix(".log")
        .is_some_and(|digits| digits.len() == 20 && digits.bytes().all(|it| it.is_ascii_digit()))
}

/// A world's journal, for reading and for writing at its end.
#[derive(Debug)]
pub struct Journal {
    recorded: Arc<RwLock<Recorded>>,
    /// The segment being written: it and how long it is.
    end: Option<(File, u64)>,
    /// Whether an entry could not be made durable: what the segment then holds is unknown.
    failed: bool,
    repair: Option<String>,
    // The lock is held while there is a journal to write: there is one writer.
    store: Arc<Locked>,
}

impl Journal {
    /// Opens the journal of a world that this process holds, and cuts off what an interrupted
    /// writer had not finished.
    ///
    /// # Errors
    ///
    /// Fails like [`Recorded::read`], or if the unfinished entry cannot be cut off.
    pub fn open(store: Arc<Locked>) -> Result<Journal, StoreError> {
        let mut recorded = Recorded::read(store.world())?;
        let mut end = None;
        let mut repair = None;
        if let (Some(path), Some(whole)) = (recorded.segments.last(), recorded.last) {
            let mut file =
                disk::step("open", path, || OpenOptions::new().read(true).write(true).open(path))?;
            if 0 < recorded.torn {
                disk::step("cut", path, || file.set_len(whole))?;
                disk::step("sync", path, || file.sync_all())?;
                repair = Some(format!("cut an unfinished entry of {} bytes", recorded.torn));
            }
            disk::step("seek", path, || file.seek(SeekFrom::Start(whole)))?;
            end = Some((file, whole));
        }
        recorded.torn = 0;
        let recorded = Arc::new(RwLock::new(recorded));
        Ok(Journal { recorded, end, failed: false, repair, store })
    }

    /// The world that it is of.
    pub fn world(&self) -> &World {
        self.store.world()
    }

    /// What an interrupted writer had left and was cut off, in a sentence.
    pub fn repair(&self) -> Option<&str> {
        self.repair.as_deref()
    }

    /// The answers there are.
    ///
    /// # Panics
    ///
    /// Panics if a thread that wrote them panicked.
    pub fn recorded(&self) -> RwLockReadGuard<'_, Recorded> {
        self.recorded.read().expect("no holder panics")
    }

    /// The answers there are, for reading while more are written. An answer is among them as soon
    /// as it is on the disk.
    pub fn reader(&self) -> Arc<RwLock<Recorded>> {
        Arc::clone(&self.recorded)
    }

    /// Writes exchanges as one entry and waits until they are on the disk.
    ///
    /// # Errors
    ///
    /// Fails if they could not be made durable. None of them is then to be used, and nothing more
    /// can be written: a second attempt to sync would report success for lost bytes.
    ///
    /// # Panics
    ///
    /// Never: an exchange has string keys.
    pub fn append(&mut self, exchanges: &[Exchange]) -> Result<(), StoreError> {
        if exchanges.is_empty() {
            return Ok(());
        }
        if self.failed {
            return Err(StoreError::Damaged {
                path: self.store.world().journal(),
                reason: "an entry could not be written, so what its end holds is unknown".into(),
            });
        }
        self.failed = true;
        if self.end.as_ref().is_none_or(|(_, length)| SEGMENT_BYTES_MAX < *length) {
            self.begin_segment()?;
        }
        let (place, path) = {
            let recorded = self.recorded();
            let place = recorded.segments.len() - 1;
            (place, recorded.segments[place].clone())
        };
        let (file, length) = self.end.as_mut().expect("a segment was begun");
        let mut bytes = if *length == 0 { HEADER.as_bytes().to_vec() } else { Vec::new() };
        let offset = *length + bytes.len() as u64;
        let line = segment::line(exchanges);
        bytes.extend_from_slice(&line);
        disk::write("append", &path, &bytes, |bytes| file.write_all(bytes))?;
        disk::step("sync", &path, || file.sync_all())?;
        *length += bytes.len() as u64;
        let segment = u32::try_from(place).expect("segments are few");
        let mut recorded = self.recorded.write().expect("no holder panics");
        for exchange in exchanges {
            let found = Place { segment, offset, bytes: line.len() as u64 };
            recorded.index.entry(exchange.answer.request).or_insert(found);
        }
        drop(recorded);
        self.failed = false;
        Ok(())
    }

    /// Begins the next segment; its first line is written with its first entry.
    fn begin_segment(&mut self) -> Result<(), StoreError> {
        let folder = self.store.world().journal();
        let mut recorded = self.recorded.write().expect("no holder panics");
        let last = recorded.segments.last().and_then(|path| path.file_stem()?.to_str());
        let ordinal = last.and_then(|digits| digits.parse::<u64>().ok()).unwrap_or(0) + 1;
        let path = folder.join(format!("{ordinal:020}.log"));
        let file = disk::create_new(&path, 0o644)?;
        disk::sync_folder(&folder)?;
        recorded.segments.push(path);
        self.end = Some((file, 0));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
