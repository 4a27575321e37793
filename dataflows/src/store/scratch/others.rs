//! What other processes of the same build keep: read from their packs, which they append to.
//!
//! A payload is looked for here only once its digest has come through the dataflow, and so after
//! it was written. The file system must show what one process has written to the others at once,
//! as that of one machine does, and those made for clusters; NFS need not.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use schemas::Digest;

use super::{PACKS, ordinal, pack_file};
use crate::store::{StoreError, disk};

/// A payload in a pack follows its digest and its length.
pub(super) const HEAD_BYTES: usize = 36;

/// A payload as it is written.
pub(super) fn framed(digest: Digest, length: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(HEAD_BYTES + payload.len());
    frame.extend(digest.0);
    frame.extend(length.to_le_bytes());
    frame.extend(payload);
    frame
}

/// The packs of other processes, as far as they were looked at.
///
/// In memory it keeps about 64 bytes for each payload that it has come across.
#[derive(Debug, Default)]
pub(super) struct Others {
    folders: Vec<PathBuf>,
    /// By ordinal.
    packs: Vec<Mutex<Seen>>,
}

/// The packs of one ordinal, of all other processes.
#[derive(Debug, Default)]
struct Seen {
    /// The file of each process that has one, and how far it was looked at.
    files: BTreeMap<usize, (Arc<File>, u64)>,
    /// Where each payload is: process, offset and length.
    places: BTreeMap<Digest, (usize, u64, u32)>,
}

impl Others {
    /// Those whose packs are in these folders, once they have any.
    pub(super) fn new(folders: Vec<PathBuf>) -> Others {
        Others { folders, packs: (0..PACKS).map(|_| Mutex::default()).collect() }
    }

    /// The payload of that digest, if another process keeps it.
    ///
    /// # Errors
    ///
    /// Fails if a pack cannot be read, or holds something else in its place.
    pub(super) fn get(&self, digest: &Digest) -> Result<Option<Arc<[u8]>>, StoreError> {
        let Some(seen) = self.packs.get(ordinal(digest)) else { return Ok(None) };
        let (file, process, offset, length) = {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            if !seen.places.contains_key(digest) {
                self.look(&mut seen, ordinal(digest))?;
            }
            let Some((process, offset, length)) = seen.places.get(digest).copied() else {
                return Ok(None);
            };
            (Arc::clone(&seen.files[&process].0), process, offset, length)
        };
        let path = pack_file(&self.folders[process], ordinal(digest));
        let mut payload = vec![0; length as usize];
        disk::step("read", &path, || file.read_exact_at(&mut payload, offset))?;
        if Digest::of(&payload) != *digest {
            let reason = format!("at {offset} it does not hold payload {digest}");
            return Err(StoreError::Damaged { path, reason });
        }
        Ok(Some(payload.into()))
    }

    /// Looks at what was added to the packs of an ordinal.
    fn look(&self, seen: &mut Seen, ordinal: usize) -> Result<(), StoreError> {
        let Seen { files, places } = seen;
        for (process, folder) in self.folders.iter().enumerate() {
            let path = pack_file(folder, ordinal);
            let (file, end) = match files.entry(process) {
                Entry::Occupied(opened) => opened.into_mut(),
                Entry::Vacant(place) => match File::open(&path) {
                    Ok(file) => place.insert((Arc::new(file), 0)),
                    // That process has not come so far.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(StoreError::of_io("open", &path, error)),
                },
            };
            let bytes = disk::step("read", &path, || file.metadata())?.len();
            while *end + HEAD_BYTES as u64 <= bytes {
                let mut head = [0; HEAD_BYTES];
                disk::step("read", &path, || file.read_exact_at(&mut head, *end))?;
                let (digest, length) = head.split_at(32);
                let digest = Digest(digest.try_into().expect("it was split there"));
                let length = u32::from_le_bytes(length.try_into().expect("it was split there"));
                let offset = *end + HEAD_BYTES as u64;
                if bytes < offset + u64::from(length) {
                    // It is being written.
                    break;
                }
                places.insert(digest, (process, offset, length));
                *end = offset + u64::from(length);
            }
        }
        Ok(())
    }
}
