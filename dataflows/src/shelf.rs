//! The shelf: payloads of this build in its scratch folder, those of the last version in its packs.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex};

use operators::Depot;
use schemas::Digest;

use crate::store::{ObjectRef, Scratch, StoreError, World};

/// How many packs are kept unfolded: one per worker and one to spare, since workers go through the
/// domains, and so through the packs, in order.
const PACKS_KEPT: usize = 4;

/// A depot over a scratch folder and the packs of a version.
///
/// Memory: an index entry per payload of this build, one per payload of the last version, and a few
/// packs with those of their parts that are asked for unfolded.
#[derive(Debug)]
pub struct Shelf {
    scratch: Scratch,
    world: World,
    /// The packs of the last version, each with how many parts it was folded in.
    packs: Vec<(ObjectRef, usize)>,
    /// The pack of each payload, and the part of it.
    places: BTreeMap<Digest, (u32, u32)>,
    opened: Mutex<VecDeque<(u32, Opened)>>,
    failure: Mutex<Option<StoreError>>,
}

/// A pack as it lies on the disk, and those of its parts that were asked for.
#[derive(Debug)]
struct Opened {
    bytes: Vec<u8>,
    parts: Vec<Range<usize>>,
    unfolded: BTreeMap<u32, Unfolded>,
}

impl Opened {
    /// Packs of earlier layouts are folded in one, and are no parts.
    fn new(bytes: Vec<u8>, count: usize) -> Opened {
        let parts = parts(&bytes).filter(|parts| parts.len() == count).unwrap_or_default();
        Opened { bytes, parts, unfolded: BTreeMap::new() }
    }
}

/// Payloads of a pack.
pub type Unfolded = BTreeMap<Digest, Arc<[u8]>>;

impl Shelf {
    /// A shelf that holds nothing of an earlier version yet.
    pub fn new(scratch: Scratch, world: World) -> Shelf {
        Shelf {
            scratch,
            world,
            packs: Vec::new(),
            places: BTreeMap::new(),
            opened: Mutex::default(),
            failure: Mutex::default(),
        }
    }

    /// Makes the payloads of an earlier version's pack available, part by part.
    ///
    /// # Panics
    ///
    /// Panics if there are more packs, or parts of one, than 2³².
    pub fn stock<P>(&mut self, pack: ObjectRef, parts: impl IntoIterator<Item = P>)
    where
        P: IntoIterator<Item = Digest>,
    {
        let place = u32::try_from(self.packs.len()).expect("packs are as many as shards");
        let mut count = 0;
        for (part, payloads) in (0_u32..).zip(parts) {
            self.places.extend(payloads.into_iter().map(|digest| (digest, (place, part))));
            count += 1;
        }
        self.packs.push((pack, count));
    }

    /// The first failure to keep or find a payload, if there was one.
    ///
    /// # Panics
    ///
    /// Panics if a worker panicked while it held the shelf.
    pub fn failure(&self) -> Option<StoreError> {
        self.scratch.failure().or_else(|| self.failure.lock().expect("no holder panics").take())
    }

    fn unfolded(
        &self,
        (place, part): (u32, u32),
        digest: &Digest,
    ) -> Result<Option<Arc<[u8]>>, StoreError> {
        let (pack, count) = &self.packs[place as usize];
        let mut opened = self.opened.lock().expect("no holder panics");
        let found = opened.iter().position(|(it, _)| *it == place);
        if found.is_none() {
            opened.push_back((place, Opened::new(self.world.read_object(pack)?, *count)));
            if PACKS_KEPT < opened.len() {
                opened.pop_front();
            }
        }
        let found = found.unwrap_or(opened.len() - 1);
        let Opened { bytes, parts, unfolded } = &mut opened[found].1;
        let (part, folded) = match parts.get(part as usize) {
            Some(of) => (part, &bytes[of.clone()]),
            None => (0, bytes.as_slice()),
        };
        if let Entry::Vacant(free) = unfolded.entry(part) {
            free.insert(unfold_bytes(&self.world, pack, folded)?);
        }
        Ok(unfolded[&part].get(digest).cloned())
    }
}

impl Depot for Shelf {
    fn put(&self, payload: &[u8]) -> Digest {
        self.scratch.put(payload)
    }

    fn get(&self, digest: &Digest) -> Option<Arc<[u8]>> {
        if let Some(payload) = self.scratch.get(digest) {
            return Some(payload);
        }
        match self.unfolded(*self.places.get(digest)?, digest) {
            Ok(payload) => payload,
            Err(error) => {
                self.failure.lock().expect("no holder panics").get_or_insert(error);
                None
            }
        }
    }
}

/// Folds payloads, none of which holds a line feed, into a part of a pack. A pack is its parts, one
/// after the other.
///
/// # Errors
///
/// Fails only if the compressor does.
pub fn fold<P: AsRef<[u8]>>(payloads: impl IntoIterator<Item = P>) -> std::io::Result<Vec<u8>> {
    let mut lines = Vec::new();
    for payload in payloads {
        lines.extend_from_slice(payload.as_ref());
        lines.push(b'\n');
    }
    zstd::bulk::compress(&lines, 3)
}

/// Where each part of a pack begins and ends; none if the pack is damaged.
pub fn parts(pack: &[u8]) -> Option<Vec<Range<usize>>> {
    let mut parts: Vec<Range<usize>> = Vec::new();
    loop {
        let start = parts.last().map_or(0, |last| last.end);
        let rest = pack.get(start..)?;
        if rest.is_empty() {
            return Some(parts);
        }
        let length = zstd::zstd_safe::find_frame_compressed_size(rest).ok()?;
        parts.push(start..start + length);
    }
}

/// Reads a pack back: every payload by the digest of its bytes.
///
/// # Errors
///
/// Fails if the object is missing, damaged, or no pack.
pub fn unfold(world: &World, pack: &ObjectRef) -> Result<Unfolded, StoreError> {
    unfold_bytes(world, pack, &world.read_object(pack)?)
}

fn unfold_bytes(world: &World, pack: &ObjectRef, bytes: &[u8]) -> Result<Unfolded, StoreError> {
    let text = zstd::decode_all(bytes).map_err(|error| StoreError::Damaged {
        path: world.object_path(pack),
        reason: format!("it cannot be unfolded: {error}"),
    })?;
    Ok(text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| (Digest::of(line), line.into()))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packs of today are folded part by part, those of earlier layouts in one: either gives back
    /// every payload.
    #[test]
    fn packs_of_any_layout_give_back_what_was_put() {
        let folder = tempfile::tempdir().unwrap();
        let store = World::create(folder.path()).unwrap().lock().unwrap();
        let one = |domain: u8, ordinal: u8| format!("{{\"{domain}\": {ordinal}}}").into_bytes();
        let domains: Vec<Vec<Vec<u8>>> =
            (0..3).map(|domain| (0..=domain).map(|it| one(domain, it)).collect()).collect();
        let parted: Vec<u8> = domains.iter().flat_map(|it| fold(it).unwrap()).collect();
        let whole = fold(domains.iter().flatten()).unwrap();
        assert_eq!(parts(&parted).unwrap().len(), 3);
        assert_eq!(parts(&whole).unwrap(), vec![0..whole.len()]);
        assert_eq!(parts(&parted[..parted.len() - 1]), None);
        for pack in [parted, whole] {
            let pack = store.put_object("jsonl.zst", 6, &pack).unwrap();
            let mut shelf = Shelf::new(store.scratch().unwrap(), store.world().clone());
            let digests =
                |domain: &Vec<Vec<u8>>| domain.iter().map(|it| Digest::of(it)).collect::<Vec<_>>();
            shelf.stock(pack.clone(), domains.iter().map(digests));
            for payload in domains.iter().flatten() {
                assert_eq!(shelf.get(&Digest::of(payload)).as_deref(), Some(payload.as_slice()));
            }
            assert_eq!(shelf.get(&Digest::of(b"never put")), None);
            assert!(shelf.failure().is_none());
            assert_eq!(unfold(store.world(), &pack).unwrap().len(), 6);
        }
    }
}
