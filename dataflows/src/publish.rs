//! Publication: the dataset in an object store, where a reader sees one version or another, whole.
//!
//! ```text
//! PREFIX/
//!   versions/00000003-1f2e3d4c5b6a/       a version in Hugging Face layout; never changes
//!   manifests/00000000000000000003.json   which folder is version 3, and what is in it; created once
//!   latest.json                           the newest of them
//! ```
//!
//! A folder's name has the digest of the version's manifest in it, so that two publishers of unlike
//! versions never write to one path. Files come first, the manifest last, created on the condition
//! that there is none: of two publishers one wins, and the other is told. What the newest version
//! there has already is copied by the store and not sent. A publication that was broken off goes on
//! where it was: what is in the folder with its size was sent whole, since stores show no parts.

use std::collections::BTreeMap;
use std::sync::Arc;

use object_store::{Error as Refusal, ObjectStore, PutMode};
use schemas::Digest;
use serde::Serialize;

use crate::store::{Manifest, World};

pub use self::error::PublishError;
pub use self::place::Place;

use self::page::{Page, PublishedFile};
use self::sending::{Sent, send_all};

mod error;
mod page;
mod wire;
mod place;
mod sending;

/// How often the pointer to the newest version is tried while others move it.
const POINTING_TRIES: u32 = 8;

/// What a publication came to.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Published {
    /// The version.
    pub version: u64,
    /// Whether it was not there before.
    pub changed: bool,
    /// Its folder below the prefix.
    pub dataset: String,
    /// All its files.
    pub files: Tally,
    /// What was sent.
    pub uploaded: Tally,
    /// What the store copied from the version before.
    pub copied: Tally,
    /// What an earlier, broken publication had sent.
    pub found: Tally,
}

/// How much of something.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Tally {
    /// How many files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Tally {
    fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

/// Publishes a version, and tells `watch` how far it is.
///
/// # Errors
///
/// Fails if the place cannot be read or written, if it holds another version of that number or a
/// newer one, or if an object of the world is missing or damaged. What was published before stays.
pub fn publish(
    world: &World,
    manifest: &Manifest,
    place: &Place,
    watch: &mut dyn FnMut(&Published),
) -> Result<Published, PublishError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(PublishError::Runtime)?;
    runtime.block_on(Publisher { world, place, manifest }.publish(watch))
}

struct Publisher<'p> {
    world: &'p World,
    place: &'p Place,
    manifest: &'p Manifest,
}

impl Publisher<'_> {
    async fn publish(&self, watch: &mut dyn FnMut(&Published)) -> Result<Published, PublishError> {
        let (page, files) = page::wanted(self.manifest);
        let mut made = Published {
            version: page.version,
            dataset: page.dataset.clone(),
            ..Published::default()
        };
        for file in &page.files {
            made.files.add(file.bytes);
        }
        let newest = self.newest().await?;
        if let Some(newest) = newest.as_ref().filter(|it| page.version <= it.version) {
            let there = if newest.version == page.version {
                Some(newest.clone())
            } else {
                self.page(page.version).await?
            };
            self.settle(&page, there.as_ref(), newest)?;
            self.point_to(newest).await?;
            return Ok(made);
        }
        let copies = newest.as_ref().map(originals).unwrap_or_default();
        let found = self.found(&page.dataset).await?;
        let sent = Sent { world: self.world, place: self.place, copies, found };
        send_all(sent, files, &page.dataset, &mut made, watch).await?;
        self.make_visible(&page).await?;
        self.point_to(&page).await?;
        made.changed = true;
        Ok(made)
    }

    /// Fails unless the version is there, and is this one.
    fn settle(&self, page: &Page, there: Option<&Page>, newest: &Page) -> Result<(), PublishError> {
        match there {
            Some(there) if there.manifest == page.manifest => Ok(()),
            Some(there) => Err(self.taken(page, there)),
            None => Err(PublishError::Behind {
                to: self.place.name().into(),
                version: page.version,
                newest: newest.version,
            }),
        }
    }

    fn taken(&self, page: &Page, there: &Page) -> PublishError {
        PublishError::Taken {
            to: self.place.name().into(),
            version: page.version,
            ours: page.manifest,
            theirs: there.manifest,
        }
    }

    /// The newest version that is published.
    async fn newest(&self) -> Result<Option<Page>, PublishError> {
        let names = self.place.list(page::PAGES).await?;
        let newest = names.keys().filter_map(|name| page::version_of(name)).max();
        match newest {
            Some(version) => self.page(version).await,
            None => Ok(None),
        }
    }

    async fn page(&self, version: u64) -> Result<Option<Page>, PublishError> {
        let name = page::page_name(version);
        let Some((bytes, _)) = self.place.read(&name).await? else { return Ok(None) };
        let unreadable = |error: serde_json::Error| PublishError::Unreadable {
            to: self.place.name().into(),
            name: name.clone(),
            reason: error.to_string(),
        };
        serde_json::from_slice(&bytes).map(Some).map_err(unreadable)
    }

    /// What is in the version's folder already, with its size.
    async fn found(&self, dataset: &str) -> Result<BTreeMap<String, u64>, PublishError> {
        self.place.list(dataset).await
    }

    /// Creates the page of a version, unless there is one.
    async fn make_visible(&self, page: &Page) -> Result<(), PublishError> {
        let name = page::page_name(page.version);
        match self.place.put(&name, page.to_json(), PutMode::Create).await {
            Ok(()) | Err(Refusal::AlreadyExists { .. }) => {}
            Err(error) => return Err(self.place.refused("create", &name, error)),
        }
        // Whose page it is shows in the page: a request may have been answered twice, and there are
        // stores that do not know the condition.
        match self.page(page.version).await? {
            Some(there) if there.manifest == page.manifest => Ok(()),
            Some(there) => Err(self.taken(page, &there)),
            None => Err(PublishError::Unreadable {
                to: self.place.name().into(),
                name,
                reason: "it is not there, though it was just created".into(),
            }),
        }
    }

    /// Lets `latest.json` name a version, unless it names a newer one.
    async fn point_to(&self, page: &Page) -> Result<(), PublishError> {
        for _ in 0..POINTING_TRIES {
            let mode = match self.place.read(page::LATEST).await? {
                None => PutMode::Create,
                Some((bytes, version)) => {
                    // One that cannot be read is made anew: the pages are what counts.
                    let named: Option<Page> = serde_json::from_slice(&bytes).ok();
                    if named.is_some_and(|it| page.version <= it.version) {
                        return Ok(());
                    }
                    PutMode::Update(version)
                }
            };
            match self.place.put(page::LATEST, page.pointer(), mode).await {
                Ok(()) => return Ok(()),
                Err(Refusal::AlreadyExists { .. } | Refusal::Precondition { .. }) => {}
                Err(error) => return Err(self.place.refused("move", page::LATEST, error)),
            }
        }
        Err(PublishError::Contended { to: self.place.name().into() })
    }
}

/// Where the store has the bytes of which digest.
fn originals(newest: &Page) -> BTreeMap<Digest, String> {
    let path = |file: &PublishedFile| format!("{}/{}", newest.dataset, file.path);
    newest.files.iter().map(|file| (file.sha256, path(file))).collect()
}

/// A store, wherever it is.
type Store = Arc<dyn ObjectStore>;
