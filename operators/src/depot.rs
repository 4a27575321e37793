//! Where payloads too large to flow are kept, by content.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde::Serialize;
use serde::de::DeserializeOwned;

use schemas::Digest;

/// A content-addressed store beside the dataflow.
///
/// What flows is small; environments, tasks and trajectories are put here and flow as digests.
/// Putting never fails towards an operator: an implementation that cannot keep a payload
/// remembers the failure, and whoever runs the dataflow asks for it before committing.
pub trait Depot: Send + Sync {
    /// Keeps a payload and returns its digest. Keeping one twice is keeping it once.
    fn put(&self, payload: &[u8]) -> Digest;

    /// The payload of that digest, if it is kept.
    fn get(&self, digest: &Digest) -> Option<Arc<[u8]>>;
}

/// Keeps a record as JSON.
///
/// # Panics
///
/// Panics if the record has map keys that are not strings; no record of `schemas` has.
pub fn put_record<R: Serialize>(depot: &dyn Depot, record: &R) -> Digest {
    depot.put(&serde_json::to_vec(record).expect("records have string keys"))
}

/// Reads a record kept by [`put_record`].
///
/// # Panics
///
/// Panics if the depot lost the payload or holds another kind of record under the digest: the
/// dataflow only asks for what it put, so going on would write wrong data.
pub fn get_record<R: DeserializeOwned>(depot: &dyn Depot, digest: &Digest) -> R {
    let payload = depot.get(digest).unwrap_or_else(|| panic!("payload {digest} was lost"));
    serde_json::from_slice(&payload)
        .unwrap_or_else(|error| panic!("payload {digest} is not what was put: {error}"))
}

/// A depot in memory, for tests and small corpora.
#[derive(Debug, Default)]
pub struct MemoryDepot(Mutex<BTreeMap<Digest, Arc<[u8]>>>);

impl Depot for MemoryDepot {
    fn put(&self, payload: &[u8]) -> Digest {
        let digest = Digest::of(payload);
        let mut kept = self.0.lock().expect("no holder panics");
        kept.entry(digest).or_insert_with(|| payload.into());
        digest
    }

    fn get(&self, digest: &Digest) -> Option<Arc<[u8]>> {
        self.0.lock().expect("no holder panics").get(digest).cloned()
    }
}
