//! Files on their way: copied where the store has them, found where they are, else sent.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;

use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStoreExt as _};
use schemas::Digest;
use sha2::{Digest as _, Sha256};
use tokio::task::JoinSet;

use super::page::{Bytes, PublishedFile};
use super::{Place, PublishError, Published, Tally};
use crate::store::disk::step;
use crate::store::{ObjectRef, StoreError, World};

/// Files on their way at once.
const AT_ONCE: usize = 4;

/// Larger files are sent in parts of this size; memory is four of them.
const PART_BYTES: u64 = 8 << 20;

/// What the sending of any file needs to know.
pub(super) struct Sent<'p> {
    pub(super) world: &'p World,
    pub(super) place: &'p Place,
    /// Where the store has the bytes of which digest.
    pub(super) copies: BTreeMap<Digest, String>,
    /// What the version's folder has already.
    pub(super) found: BTreeMap<String, u64>,
}

/// How a file came to be there.
enum Way {
    Uploaded,
    Copied,
}

/// A file to be sent or copied.
struct Sending {
    place: Place,
    world: World,
    file: PublishedFile,
    bytes: Bytes,
    original: Option<String>,
    target: String,
}

/// Brings files into a version's folder, and counts them.
pub(super) async fn send_all(
    sent: Sent<'_>,
    files: Vec<(PublishedFile, Bytes)>,
    dataset: &str,
    made: &mut Published,
    watch: &mut dyn FnMut(&Published),
) -> Result<(), PublishError> {
    let mut pending: JoinSet<Result<(Way, u64), PublishError>> = JoinSet::new();
    for (file, bytes) in files {
        if sent.found.get(&file.path) == Some(&file.bytes) {
            made.found.add(file.bytes);
            continue;
        }
        while AT_ONCE <= pending.len() {
            arrived(&mut pending, made, watch).await?;
        }
        let sending = Sending {
            place: sent.place.clone(),
            world: sent.world.clone(),
            original: sent.copies.get(&file.sha256).cloned(),
            target: format!("{dataset}/{}", file.path),
            file,
            bytes,
        };
        pending.spawn(sending.send());
    }
    while !pending.is_empty() {
        arrived(&mut pending, made, watch).await?;
    }
    Ok(())
}

async fn arrived(
    pending: &mut JoinSet<Result<(Way, u64), PublishError>>,
    made: &mut Published,
    watch: &mut dyn FnMut(&Published),
) -> Result<(), PublishError> {
    let Some(done) = pending.join_next().await else { return Ok(()) };
    let (way, bytes) = done.expect("a sending is neither cancelled nor panics")?;
    let tally: &mut Tally = match way {
        Way::Uploaded => &mut made.uploaded,
        Way::Copied => &mut made.copied,
    };
    tally.add(bytes);
    watch(made);
    Ok(())
}

impl Sending {
    async fn send(self) -> Result<(Way, u64), PublishError> {
        let target = Path::from(self.target.as_str());
        if let Some(original) = &self.original {
            let copied = self.place.store.copy(&Path::from(original.as_str()), &target).await;
            // Where a store cannot copy, or somebody took the original away, it is sent.
            if copied.is_ok() {
                return Ok((Way::Copied, self.file.bytes));
            }
        }
        match &self.bytes {
            Bytes::Text(text) => self.put(&target, text.clone().into_bytes()).await?,
            Bytes::Object(object) if object.bytes <= PART_BYTES => {
                self.put(&target, self.world.read_object(object)?).await?;
            }
            Bytes::Object(object) => self.send_in_parts(&target, object).await?,
        }
        Ok((Way::Uploaded, self.file.bytes))
    }

    async fn put(&self, target: &Path, bytes: Vec<u8>) -> Result<(), PublishError> {
        let put = self.place.store.put(target, bytes.into()).await;
        put.map(drop).map_err(|error| self.place.refused("put", &self.target, error))
    }

    async fn send_in_parts(&self, target: &Path, object: &ObjectRef) -> Result<(), PublishError> {
        let refused = |error| self.place.refused("put", &self.target, error);
        let mut upload = self.place.store.put_multipart(target).await.map_err(refused)?;
        let sent = self.send_parts(upload.as_mut(), object).await;
        if sent.is_err() {
            // NB: parts that stay although nobody asked for them are the bucket's rules to sweep.
            drop(upload.abort().await);
            return sent;
        }
        upload.complete().await.map(drop).map_err(refused)
    }

    async fn send_parts(
        &self,
        upload: &mut dyn MultipartUpload,
        object: &ObjectRef,
    ) -> Result<(), PublishError> {
        let path = self.world.object_path(object);
        let mut file = step("open", &path, || File::open(&path))?;
        let mut hasher = Sha256::new();
        loop {
            let mut part = Vec::new();
            step("read", &path, || file.by_ref().take(PART_BYTES).read_to_end(&mut part))?;
            if part.is_empty() {
                break;
            }
            hasher.update(&part);
            let put = upload.put_part(part.into()).await;
            put.map_err(|error| self.place.refused("put", &self.target, error))?;
        }
        if Digest(hasher.finalize().into()) != object.digest {
            let reason = "its bytes are not what its name says".to_string();
            return Err(StoreError::Damaged { path, reason }.into());
        }
        Ok(())
    }
}
