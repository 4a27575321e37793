//! The payloads of one build, on disk beside the dataflow.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use operators::Depot;
use schemas::Digest;

use super::{StoreError, disk};

use self::others::{HEAD_BYTES, Others, framed};

mod others;

/// Packs, so that workers seldom wait for one another.
const PACKS: usize = 16;

/// Most bytes kept in memory once the disk has failed.
///
/// They let a build come to its end and report the failure, instead of ending at the first
/// payload it misses. A build that keeps more without asking for [`Scratch::failure`] loses them.
const SPARE_BYTES_MAX: usize = 256 << 20;

/// A depot in append-only files, removed with it.
///
/// In memory it keeps about 64 bytes for each payload. It is not durable and never synced: what
/// is to last is put into the store.
#[derive(Debug)]
pub struct Scratch {
    folder: PathBuf,
    packs: Vec<Pack>,
    /// The parts of other processes.
    others: Others,
    bytes: AtomicU64,
    failure: Mutex<Option<StoreError>>,
}

#[derive(Debug)]
struct Pack {
    path: PathBuf,
    file: File,
    index: Mutex<Index>,
}

#[derive(Debug, Default)]
struct Index {
    /// Where each payload is: offset and length.
    places: BTreeMap<Digest, (u64, u32)>,
    /// Where the next one goes.
    end: u64,
    /// Payloads that the disk did not take.
    spare: BTreeMap<Digest, Arc<[u8]>>,
    spare_bytes: usize,
}

impl Scratch {
    /// How the name of its folder begins, before the process's number.
    pub(super) const PREFIX: &str = ".scratch-";

    pub(super) fn new(root: &Path) -> Result<Scratch, StoreError> {
        let folder = root.join(format!("{}{}", Scratch::PREFIX, std::process::id()));
        Scratch::at(folder, Others::default())
    }

    /// One process's part of a scratch of several, which finds what the others keep.
    pub(super) fn shared(
        root: &Path,
        run: &str,
        process: usize,
        processes: usize,
    ) -> Result<Scratch, StoreError> {
        let folder = |it: usize| root.join(format!("{}{run}-{it}", Scratch::PREFIX));
        let others = (0..processes).filter(|it| *it != process).map(folder).collect();
        Scratch::at(folder(process), Others::new(others))
    }

    fn at(folder: PathBuf, others: Others) -> Result<Scratch, StoreError> {
        disk::create_folder(&folder)?;
        let packs = (0..PACKS)
            .map(|ordinal| {
                let path = pack_file(&folder, ordinal);
                disk::discard(&path);
                let file = disk::create_new(&path, 0o600)?;
                Ok(Pack { path, file, index: Mutex::default() })
            })
            .collect::<Result<_, StoreError>>()?;
        Ok(Scratch { folder, packs, others, bytes: AtomicU64::new(0), failure: Mutex::new(None) })
    }

    /// The first failure since the last call. A build with one must not be committed.
    pub fn failure(&self) -> Option<StoreError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The bytes kept so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn remember(&self, failure: StoreError) {
        let mut first = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(failure);
    }

    fn pack(&self, digest: &Digest) -> &Pack {
        &self.packs[ordinal(digest)]
    }

    /// A payload that another process keeps.
    fn elsewhere(&self, digest: &Digest) -> Option<Arc<[u8]>> {
        match self.others.get(digest) {
            Ok(payload) => payload,
            Err(failure) => {
                self.remember(failure);
                None
            }
        }
    }
}

/// The pack that a payload is in.
fn ordinal(digest: &Digest) -> usize {
    usize::from(digest.0[0]) % PACKS
}

fn pack_file(folder: &Path, ordinal: usize) -> PathBuf {
    folder.join(format!("{ordinal:02}.pack"))
}

impl Depot for Scratch {
    fn put(&self, payload: &[u8]) -> Digest {
        let digest = Digest::of(payload);
        let pack = self.pack(&digest);
        let mut index = pack.index.lock().unwrap_or_else(PoisonError::into_inner);
        if index.places.contains_key(&digest) || index.spare.contains_key(&digest) {
            return digest;
        }
        let end = index.end;
        let written = match u32::try_from(payload.len()) {
            Ok(length) => {
                let write = |bytes: &[u8]| pack.file.write_all_at(bytes, end);
                disk::write("write", &pack.path, &framed(digest, length, payload), write)
                    .map(|()| length)
            }
            Err(_) => Err(StoreError::Damaged {
                path: pack.path.clone(),
                reason: format!("a payload of {} bytes is too large", payload.len()),
            }),
        };
        match written {
            Ok(length) => {
                index.places.insert(digest, (end + HEAD_BYTES as u64, length));
                index.end += HEAD_BYTES as u64 + u64::from(length);
                self.bytes.fetch_add(u64::from(length), Ordering::Relaxed);
            }
            Err(failure) => {
                if index.spare_bytes + payload.len() <= SPARE_BYTES_MAX / PACKS {
                    index.spare_bytes += payload.len();
                    index.spare.insert(digest, payload.into());
                }
                self.remember(failure);
            }
        }
        digest
    }

    fn get(&self, digest: &Digest) -> Option<Arc<[u8]>> {
        let pack = self.pack(digest);
        let (offset, length) = {
            let index = pack.index.lock().unwrap_or_else(PoisonError::into_inner);
            match index.places.get(digest) {
                Some(place) => *place,
                None => match index.spare.get(digest) {
                    Some(spare) => return Some(Arc::clone(spare)),
                    None => {
                        drop(index);
                        return self.elsewhere(digest);
                    }
                },
            }
        };
        let mut payload = vec![0; length as usize];
        let read = disk::step("read", &pack.path, || pack.file.read_exact_at(&mut payload, offset));
        match read {
            Ok(()) => Some(payload.into()),
            Err(failure) => {
                self.remember(failure);
                None
            }
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now is swept when the world is next locked.
        disk::discard_folder(&self.folder);
    }
}
