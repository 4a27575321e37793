//! Writing to a world, by the one process that holds it.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use schemas::{Digest, Lineage};

use super::{Contents, Dataset, FORMAT, Manifest, ObjectRef, Scratch, StoreError, World, disk};

/// A world that this process may write until it is dropped: it alone, or, where several build
/// together, as a deputy of the one that alone may commit.
#[derive(Debug)]
pub struct Locked {
    world: World,
    written: AtomicU64,
    reused: AtomicU64,
    bytes: AtomicU64,
    repairs: Vec<String>,
    // Dropped last: the lock ends when the file is closed, by whatever way the process ends.
    lock: Option<File>,
}

/// What was put into the store since it was locked.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Objects that were not there.
    pub objects_written: u64,
    /// Objects that were there already.
    pub objects_reused: u64,
    /// The bytes of those written.
    pub bytes_written: u64,
}

impl Tally {
    /// What was put since it was this.
    #[must_use]
    pub fn since(self, then: Tally) -> Tally {
        Tally {
            objects_written: self.objects_written - then.objects_written,
            objects_reused: self.objects_reused - then.objects_reused,
            bytes_written: self.bytes_written - then.bytes_written,
        }
    }
}

/// What came of a commit.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    /// The version that now is the latest.
    pub manifest: Manifest,
    /// Whether this commit made it; not so if its contents were those of the latest.
    pub changed: bool,
}

impl Locked {
    pub(super) fn new(world: World, mut lock: File) -> Result<Locked, StoreError> {
        let path = world.root().join(".lock");
        disk::step("empty", &path, || {
            lock.set_len(0)?;
            lock.rewind()
        })?;
        let holder = format!("process {}\n", std::process::id());
        disk::write("write", &path, holder.as_bytes(), |bytes| lock.write_all(bytes))?;
        let mut locked = Locked {
            world,
            written: AtomicU64::new(0),
            reused: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            repairs: Vec::new(),
            lock: Some(lock),
        };
        locked.repairs = locked.sweep()?;
        let latest = locked.world.latest()?.manifest;
        if let Some(latest) = latest
            && locked.world.dataset().shown() != Some(latest.digest)
        {
            locked.materialize(&latest)?;
            locked.repairs.push(format!("dataset/ now shows version {}", latest.version));
        }
        Ok(locked)
    }

    pub(super) fn deputy(world: World) -> Locked {
        Locked {
            world,
            written: AtomicU64::new(0),
            reused: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            repairs: Vec::new(),
            lock: None,
        }
    }

    /// The world, for reading.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// What an interrupted writer had left, and was put in order when the lock was taken.
    pub fn repairs(&self) -> &[String] {
        &self.repairs
    }

    /// What was put so far.
    pub fn tally(&self) -> Tally {
        Tally {
            objects_written: self.written.load(Ordering::Relaxed),
            objects_reused: self.reused.load(Ordering::Relaxed),
            bytes_written: self.bytes.load(Ordering::Relaxed),
        }
    }

    /// Counts what a deputy put as put here.
    pub fn add(&self, tally: Tally) {
        self.written.fetch_add(tally.objects_written, Ordering::Relaxed);
        self.reused.fetch_add(tally.objects_reused, Ordering::Relaxed);
        self.bytes.fetch_add(tally.bytes_written, Ordering::Relaxed);
    }

    /// Keeps some bytes under their digest. Nothing sees them before a manifest names them.
    ///
    /// An object that is there in full size is taken to be whole and not written again.
    ///
    /// # Errors
    ///
    /// Fails if the bytes could not be made durable; then no object has their name.
    ///
    /// # Panics
    ///
    /// Panics if the extension has other characters than lower-case letters, digits and dots.
    pub fn put_object(&self, ext: &str, rows: u64, bytes: &[u8]) -> Result<ObjectRef, StoreError> {
        assert!(is_plain(ext), "extension {ext:?} of an object");
        let digest = Digest::of(bytes);
        let object = ObjectRef { digest, bytes: bytes.len() as u64, rows, ext: ext.into() };
        let path = self.world.object_path(&object);
        if disk::size(&path)? == Some(object.bytes) {
            self.reused.fetch_add(1, Ordering::Relaxed);
            return Ok(object);
        }
        let temporary = disk::temporary_beside(&path);
        disk::discard(&temporary);
        disk::write_new(&temporary, bytes, 0o444)?;
        disk::rename(&temporary, &path)?;
        self.written.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(object.bytes, Ordering::Relaxed);
        Ok(object)
    }

    /// Makes a version visible, unless the latest holds the same, and shows it in `dataset/`.
    ///
    /// In a world without versions, the new one comes after `after`, a version of another world
    /// that it was pinned to: so a rebuild from scratch writes the very manifest that the
    /// incremental build wrote.
    ///
    /// # Errors
    ///
    /// Fails if an object of it is not there, or if it could not be made durable; then the latest
    /// version is the one it was. A failure to bring `dataset/` up to date comes after the commit
    /// and leaves the new version; the next lock puts it right.
    ///
    /// # Panics
    ///
    /// Panics if inputs are not sorted, a role has other than plain parts, a measure is not finite,
    /// or this is a deputy.
    pub fn commit(
        &self,
        contents: Contents,
        lineage: Vec<Lineage>,
        after: Option<u64>,
    ) -> Result<Commit, StoreError> {
        assert!(self.lock.is_some(), "a deputy does not commit");
        assert!(contents.inputs.is_sorted_by(|one, other| one.path < other.path), "sorted inputs");
        assert!(contents.objects.keys().all(|role| role.split('/').all(is_plain)), "plain roles");
        assert!(contents.graph.values().all(|measure| measure.is_finite()), "finite measures");
        let latest = self.world.latest()?;
        let parent = match latest.manifest {
            Some(manifest) if manifest.contents == contents => {
                return Ok(Commit { manifest, changed: false });
            }
            Some(parent) => Some(parent.version),
            None => after,
        };
        let mut manifest = Manifest {
            format: FORMAT,
            // A damaged version keeps its number: what it was must not seem to have changed.
            version: self.world.versions()?.last().copied().or(after).unwrap_or(0) + 1,
            parent,
            lineage,
            contents,
            digest: Digest::default(),
        };
        self.world.check_objects(&manifest)?;
        disk::sync_folder(&self.world.objects())?;
        let text = manifest.seal();
        let path = self.world.manifest_path(manifest.version);
        let temporary = disk::temporary_beside(&path);
        disk::discard(&temporary);
        disk::write_new(&temporary, text.as_bytes(), 0o444)?;
        if !disk::rename_exclusively(&temporary, &path)? {
            disk::discard(&temporary);
            let holder = "a process that ignores the lock".to_string();
            return Err(StoreError::Locked { path: self.world.root().into(), holder });
        }
        disk::sync_folder(&self.world.manifests())?;
        self.materialize(&manifest)?;
        Ok(Commit { manifest, changed: true })
    }

    /// Shows a version in `dataset/`, in place of the one shown.
    ///
    /// # Errors
    ///
    /// Fails if it could not be laid out, or if `dataset/` is not ours to replace.
    pub fn materialize(&self, manifest: &Manifest) -> Result<(), StoreError> {
        self.world.dataset().show(manifest)
    }

    /// Writes the resolved plan for people to read, whole or not at all.
    ///
    /// # Errors
    ///
    /// Fails if it could not be made durable; then the old one stays.
    pub fn write_plan(&self, text: &str) -> Result<(), StoreError> {
        disk::replace(&self.world.plan_file(), text.as_bytes())
    }

    /// A place for the payloads of one build.
    ///
    /// # Errors
    ///
    /// Fails if its folder cannot be made.
    pub fn scratch(&self) -> Result<Scratch, StoreError> {
        Scratch::new(self.world.root())
    }

    /// A place for one process's part of the payloads of a build that several make together: each
    /// finds what the others keep. All parts are in the world's folder, named by `run`.
    ///
    /// # Errors
    ///
    /// Fails if its folder cannot be made.
    pub fn shared_scratch(
        &self,
        run: &str,
        process: usize,
        processes: usize,
    ) -> Result<Scratch, StoreError> {
        Scratch::shared(self.world.root(), run, process, processes)
    }

    /// Removes what has the name of something unfinished, and nothing else.
    fn sweep(&self) -> Result<Vec<String>, StoreError> {
        let root = self.world.root();
        let mut swept = Vec::new();
        for name in disk::names(root)? {
            let path = root.join(&name);
            if name.starts_with(Scratch::PREFIX) {
                disk::remove_folder(&path)?;
            } else if name.starts_with(Dataset::PREFIX) {
                self.world.dataset().retire(&path)?;
            } else if name.starts_with(disk::TEMPORARY) {
                disk::remove_file(&path)?;
            } else {
                continue;
            }
            swept.push(format!("removed {name}"));
        }
        for folder in ["objects", "manifests"] {
            for name in disk::names(&root.join(folder))? {
                if name.starts_with(disk::TEMPORARY) {
                    disk::remove_file(&root.join(folder).join(&name))?;
                    swept.push(format!("removed {folder}/{name}"));
                }
            }
        }
        Ok(swept)
    }
}

/// Whether a name is safe as a part of any path.
fn is_plain(name: &str) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    !name.is_empty() && !name.starts_with('.') && name.bytes().all(plain)
}
