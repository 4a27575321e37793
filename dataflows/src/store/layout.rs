//! `dataset/`: the latest version in the layout that `datasets.load_dataset` reads.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use schemas::Digest;

use super::manifest::CONFIGS;
use super::{Manifest, ObjectRef, StoreError, World, card, disk};

/// The folder `dataset/` of a world.
///
/// It is laid out beside and swapped in whole, since a shard that an older version left among
/// newer ones would be read as more rows. Its files are links to objects.
#[derive(Clone, Debug)]
pub struct Dataset {
    world: World,
    folder: PathBuf,
}

/// Which version a folder shows, in its dot-file, which Hugging Face ignores.
#[derive(Debug, Serialize, Deserialize)]
struct Shown {
    version: u64,
    manifest: Digest,
}

const CARD: &str = "README.md";
const SHOWN: &str = ".version";

impl World {
    /// The folder `dataset/`.
    pub fn dataset(&self) -> Dataset {
        Dataset { world: self.clone(), folder: self.root().join("dataset") }
    }
}

impl Dataset {
    /// How the folder's name begins while it is not yet, or no longer, `dataset/`.
    pub(super) const PREFIX: &str = ".dataset-";

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The digest of the manifest that it shows, if it shows one whole. What cannot be read is not
    /// whole: it is laid out anew.
    pub fn shown(&self) -> Option<Digest> {
        let bytes = disk::read(&self.folder.join(SHOWN)).ok()?;
        let shown: Shown = serde_json::from_slice(&bytes).ok()?;
        let manifest = self.world.manifest(shown.version).ok()?;
        let whole = manifest.digest == shown.manifest
            && self.folder.join(CARD).is_file()
            && files(&manifest).iter().all(|file| {
                let size = disk::size(&self.folder.join(&file.path));
                size.is_ok_and(|size| size == Some(file.object.bytes))
            });
        whole.then_some(shown.manifest)
    }

    /// Whether its card is the one of this version.
    pub fn has_card_of(&self, manifest: &Manifest) -> bool {
        let shown = disk::read(&self.folder.join(CARD));
        shown.is_ok_and(|text| text == card(manifest).as_bytes())
    }

    /// Lays a version out and swaps it in.
    pub(super) fn show(&self, manifest: &Manifest) -> Result<(), StoreError> {
        if self.folder.exists() && !self.folder.join(SHOWN).is_file() {
            let mut found = disk::names(&self.folder)?;
            if !found.is_empty() {
                return Err(StoreError::NotAWorld {
                    path: self.folder.clone(),
                    found: found.swap_remove(0),
                });
            }
        }
        let root = self.world.root();
        let laid_out = root.join(format!("{}{}", Dataset::PREFIX, manifest.digest));
        if laid_out.exists() {
            self.retire(&laid_out)?;
        }
        self.lay_out(manifest, &laid_out)?;
        if !self.folder.exists() {
            disk::rename(&laid_out, &self.folder)?;
            return disk::sync_folder(root);
        }
        let retired = match disk::exchange(&laid_out, &self.folder)? {
            true => laid_out,
            // Between these two steps there is no dataset/; a crash there is repaired by the next
            // lock.
            false => {
                let retired = root.join(format!("{}retired", Dataset::PREFIX));
                disk::rename(&self.folder, &retired)?;
                disk::rename(&laid_out, &self.folder)?;
                retired
            }
        };
        disk::sync_folder(root)?;
        self.retire(&retired)
    }

    fn lay_out(&self, manifest: &Manifest, folder: &Path) -> Result<(), StoreError> {
        disk::create_folder(folder)?;
        let files = files(manifest);
        let configs: BTreeSet<&str> = files.iter().map(|file| file.config).collect();
        for config in &configs {
            disk::create_folder(&folder.join(config))?;
        }
        for file in &files {
            disk::link_or_copy(&self.world.object_path(file.object), &folder.join(&file.path))?;
        }
        disk::write_new(&folder.join(CARD), card(manifest).as_bytes(), 0o644)?;
        let shown = Shown { version: manifest.version, manifest: manifest.digest };
        let shown = serde_json::to_vec(&shown).expect("a record has string keys");
        disk::write_new(&folder.join(SHOWN), &shown, 0o644)?;
        for config in configs {
            disk::sync_folder(&folder.join(config))?;
        }
        disk::sync_folder(folder)
    }

    /// Removes a folder that was `dataset/` or was to be, and hands on what is not ours in it.
    pub(super) fn retire(&self, folder: &Path) -> Result<(), StoreError> {
        for name in disk::names(folder)? {
            let path = folder.join(&name);
            if CONFIGS.contains(&name.as_str()) {
                disk::remove_folder(&path)?;
            } else if name == CARD || name == SHOWN {
                disk::remove_file(&path)?;
            } else if self.folder.is_dir() && !self.folder.join(&name).exists() {
                disk::rename(&path, &self.folder.join(&name))?;
            } else {
                // There is no place for it: better a folder too many than a file too few.
                return Ok(());
            }
        }
        disk::remove_folder(folder)
    }
}

/// A file of the dataset, and the object whose bytes it shows.
#[derive(Clone, Debug)]
pub struct ShownFile<'m> {
    /// The configuration it belongs to.
    pub config: &'m str,
    /// The ordinal of its shard, as the object's role has it.
    pub place: u64,
    /// Its path below `dataset/`.
    pub path: String,
    /// The object.
    pub object: &'m ObjectRef,
}

/// The files that `dataset/` has when it shows a version.
pub fn files(manifest: &Manifest) -> Vec<ShownFile<'_>> {
    let mut files = Vec::new();
    for ((config, split), shards) in manifest.contents.shards() {
        let of = shards.len();
        for (ordinal, (place, object)) in shards.into_iter().enumerate() {
            let path = format!("{config}/{split}-{ordinal:05}-of-{of:05}.parquet");
            files.push(ShownFile { config, place, path, object });
        }
    }
    files
}
