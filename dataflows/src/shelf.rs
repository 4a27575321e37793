//! The shelf: payloads of this build in its scratch folder, those of the last version in its packs.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use operators::Depot;
use schemas::Digest;

use crate::store::{ObjectRef, Scratch, StoreError, World};

/// How many packs are kept unfolded: one per worker and one to spare, since workers go through the
/// domains, and so through the packs, in order.
const PACKS_KEPT: usize = 4;

/// A depot over a scratch folder and the packs of a version.
///
/// Memory: an index entry per payload of this build, one per payload of the last version, and a
/// few unfolded packs.
#[derive(Debug)]
pub struct Shelf {
    scratch: Scratch,
    world: World,
    packs: Vec<ObjectRef>,
    places: BTreeMap<Digest, u32>,
    unfolded: Mutex<VecDeque<(u32, Arc<Unfolded>)>>,
    failure: Mutex<Option<StoreError>>,
}

/// The payloads of one pack.
pub type Unfolded = BTreeMap<Digest, Arc<[u8]>>;

impl Shelf {
    /// A shelf that holds nothing of an earlier version yet.
    pub fn new(scratch: Scratch, world: World) -> Shelf {
        Shelf {
            scratch,
            world,
            packs: Vec::new(),
            places: BTreeMap::new(),
            unfolded: Mutex::default(),
            failure: Mutex::default(),
        }
    }

    /// Makes the payloads of an earlier version's pack available.
    ///
    /// # Panics
    ///
    /// Panics if there are more packs than shards can be.
    pub fn stock(&mut self, pack: ObjectRef, payloads: impl Iterator<Item = Digest>) {
        let place = u32::try_from(self.packs.len()).expect("packs are as many as shards");
        self.packs.push(pack);
        self.places.extend(payloads.map(|digest| (digest, place)));
    }

    /// The first failure to keep or find a payload, if there was one.
    ///
    /// # Panics
    ///
    /// Panics if a worker panicked while it held the shelf.
    pub fn failure(&self) -> Option<StoreError> {
        self.scratch.failure().or_else(|| self.failure.lock().expect("no holder panics").take())
    }

    fn unfolded(&self, place: u32) -> Result<Arc<Unfolded>, StoreError> {
        let mut unfolded = self.unfolded.lock().expect("no holder panics");
        if let Some((_, pack)) = unfolded.iter().find(|(it, _)| *it == place) {
            return Ok(Arc::clone(pack));
        }
        let pack = Arc::new(unfold(&self.world, &self.packs[place as usize])?);
        unfolded.push_back((place, Arc::clone(&pack)));
        if PACKS_KEPT < unfolded.len() {
            unfolded.pop_front();
        }
        Ok(pack)
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
        match self.unfolded(*self.places.get(digest)?) {
            Ok(pack) => pack.get(digest).cloned(),
            Err(error) => {
                self.failure.lock().expect("no holder panics").get_or_insert(error);
                None
            }
        }
    }
}

/// Folds payloads, none of which holds a line feed, into the bytes of a pack.
///
/// # Errors
///
/// Fails only if the compressor does.
pub fn fold<P: AsRef<[u8]>>(payloads: impl IntoIterator<Item = P>) -> std::io::Result<Vec<u8>> {
    use std::io::Write as _;
    let mut encoder = zstd::Encoder::new(Vec::new(), 3)?;
    for payload in payloads {
        encoder.write_all(payload.as_ref())?;
        encoder.write_all(b"\n")?;
    }
    encoder.finish()
}

/// Reads a pack back: every payload by the digest of its bytes.
///
/// # Errors
///
/// Fails if the object is missing, damaged, or no pack.
pub fn unfold(world: &World, pack: &ObjectRef) -> Result<Unfolded, StoreError> {
    let bytes = world.read_object(pack)?;
    let text = zstd::decode_all(bytes.as_slice()).map_err(|error| StoreError::Damaged {
        path: world.object_path(pack),
        reason: format!("it cannot be unfolded: {error}"),
    })?;
    Ok(text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| (Digest::of(line), line.into()))
        .collect())
}
