//! Collecting: versions that are not kept, and objects that no kept version names.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use serde::Serialize;

use super::{Locked, StoreError, World, disk};

/// What a collection removed, or would remove.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Collected {
    /// Versions that are kept, ascending.
    pub versions_kept: Vec<u64>,
    /// Versions that were removed, ascending.
    pub versions_removed: Vec<u64>,
    /// How many objects kept versions name.
    pub objects_kept: u64,
    /// How many objects were removed.
    pub objects_removed: u64,
    /// Their bytes. What `dataset/` shows is never among them.
    pub bytes_removed: u64,
    /// How many objects no kept version names, and that are younger than the grace period.
    pub objects_in_grace: u64,
}

impl World {
    /// The versions that are kept, and those that are not, both ascending, if the newest `keep` are
    /// to be. Only versions that are whole count.
    fn parted(&self, keep: Option<usize>) -> Result<(Vec<u64>, Vec<u64>), StoreError> {
        let versions = self.versions()?;
        let mut whole = Vec::new();
        for version in versions {
            // A manifest that cannot be read names objects that nobody knows: better to stop.
            let manifest = self.manifest(version)?;
            if self.check_objects(&manifest).is_ok() {
                whole.push(version);
            }
        }
        let first = keep.and_then(|keep| whole.len().checked_sub(keep.max(1))).unwrap_or(0);
        let least = whole.get(first).copied().unwrap_or_default();
        Ok(self.versions()?.into_iter().partition(|version| least <= *version))
    }
}

impl Locked {
    /// Removes the manifests of all but the newest `keep` whole versions, if a number is given, and
    /// then every object that no manifest names and that is older than `grace`.
    ///
    /// Manifests go first, the oldest first: whatever stops the collection, no manifest names an
    /// object that is gone, and the next collection goes on. The latest whole version is always
    /// kept. What is no object, by its name, is left alone.
    ///
    /// # Errors
    ///
    /// Fails, having removed nothing, if a manifest cannot be read; fails if something cannot be
    /// removed.
    pub fn collect(
        &self,
        keep: Option<usize>,
        grace: Duration,
        dry_run: bool,
    ) -> Result<Collected, StoreError> {
        let world = self.world();
        let (kept, away) = world.parted(keep)?;
        let mut named = BTreeSet::new();
        for version in &kept {
            let manifest = world.manifest(*version)?;
            named.extend(manifest.contents.all_objects().map(super::ObjectRef::file_name));
        }
        if !dry_run && !away.is_empty() {
            for version in &away {
                disk::remove_file(&world.manifest_path(*version))?;
            }
            disk::sync_folder(&world.manifests())?;
        }
        let mut collected = Collected {
            versions_kept: kept,
            versions_removed: away,
            objects_kept: named.len() as u64,
            ..Collected::default()
        };
        for name in disk::names(&world.objects())? {
            if named.contains(&name) || !is_object(&name) {
                continue;
            }
            let path = world.objects().join(&name);
            let metadata = disk::step("look at", &path, || fs::metadata(&path))?;
            // A file from the future, by a clock that was set back, is as young as can be.
            let age = metadata.modified().ok().and_then(|it| it.elapsed().ok()).unwrap_or_default();
            if age < grace {
                collected.objects_in_grace += 1;
                continue;
            }
            if !dry_run {
                disk::remove_file(&path)?;
            }
            collected.objects_removed += 1;
            collected.bytes_removed += metadata.len();
        }
        Ok(collected)
    }
}

/// Whether a file is called as objects are.
fn is_object(name: &str) -> bool {
    name.split_once('.').is_some_and(|(digest, ext)| {
        digest.len() == 64 && digest.bytes().all(|it| it.is_ascii_hexdigit()) && !ext.is_empty()
    })
}
