//! A world on disk: immutable objects, and manifests that make them visible.
//!
//! ```text
//! world/
//!   plan.toml                             the resolved plan, for people
//!   manifests/00000000000000000003.json   a version; created exclusively, never changed
//!   objects/<sha256>.<ext>                immutable, named by content
//!   journal/                              requests and answers
//!   dataset/                              the latest version in Hugging Face layout
//! ```
//!
//! Whatever happens while a version is written, the version before it stays readable: an object
//! is synced before it gets its name, and a manifest before it gets its own. What a crash leaves
//! has a name that begins with a dot, is never read, and is swept when the world is next locked.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use schemas::Digest;

pub(crate) use self::card::card;
pub use self::collect::Collected;
pub use self::disk::replace_streamed;
pub use self::layout::{Dataset, ShownFile, files};
pub use self::lock::{Commit, Locked, Tally};
pub use self::manifest::{CONFIGS, Contents, FORMAT, Input, Manifest, ObjectRef};
pub use self::scratch::Scratch;

use self::manifest::Damage;

mod manifest;
mod lock;
mod layout;
mod card;
mod scratch;
mod collect;
pub(crate) mod disk;

/// A world, for reading. Reading needs no lock: nothing that a version names ever changes.
#[derive(Clone, Debug)]
pub struct World {
    root: PathBuf,
}

/// The newest version that is whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Latest {
    /// It, or none in a world without a version.
    pub manifest: Option<Manifest>,
    /// Newer versions that are damaged, the newest first, with what is wrong with them. A caller
    /// owes its user a loud warning for each.
    pub passed_over: Vec<(u64, String)>,
}

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no world where one was expected.
    #[error("no world in \"{path}\"")]
    NoWorld {
        /// The folder.
        path: PathBuf,
    },
    /// A folder holds something else than a world.
    #[error("\"{path}\" is not a world and not empty: it holds \"{found}\"")]
    NotAWorld {
        /// The folder.
        path: PathBuf,
        /// The first thing in it that no world has.
        found: String,
    },
    /// The world's layout is newer than this program.
    #[error("\"{path}\" was made by a newer version: its format is {format}, known is {FORMAT}")]
    Newer {
        /// The manifest.
        path: PathBuf,
        /// Its format.
        format: u32,
    },
    /// Another process is writing.
    #[error("world \"{path}\" is being written by {holder}")]
    Locked {
        /// The world.
        path: PathBuf,
        /// Who holds the lock, as far as is known.
        holder: String,
    },
    /// There is no such version.
    #[error("world \"{path}\" has no version {version}")]
    NoVersion {
        /// The world.
        path: PathBuf,
        /// The version asked for.
        version: u64,
    },
    /// A file is not what was written.
    #[error("\"{path}\" is damaged: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No space is left.
    #[error("no space left to {action} \"{path}\"; what was committed before is unharmed")]
    DiskFull {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("cannot {action} \"{path}\"")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl StoreError {
    pub(crate) fn of_io(action: &'static str, path: &Path, source: io::Error) -> StoreError {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                StoreError::DiskFull { action, path }
            }
            _ => StoreError::Io { action, path, source },
        }
    }

    /// Whether it is that something is not there.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, StoreError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// What a user can do about it, in a sentence, where something general can be said.
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            StoreError::DiskFull { .. } => {
                Some("free some space and run the same command again: it goes on where it stopped")
            }
            StoreError::Locked { .. } => Some("wait for the other command, or stop it"),
            StoreError::NotAWorld { .. } => Some("name a new or an empty folder"),
            StoreError::Newer { .. } => Some("use the version that made it, or a later one"),
            StoreError::NoWorld { .. } => {
                Some("make one with `agentscaler build CORPUS --world DIR`, or name another folder")
            }
            StoreError::NoVersion { .. } => {
                Some("`agentscaler list versions` shows those there are")
            }
            StoreError::Damaged { .. } => Some(
                "remove the damaged file and build again: what depended on it is made anew from \
                 the corpus",
            ),
            StoreError::Io { .. } => {
                Some("see that the path can be read and written, and try again")
            }
        }
    }
}

impl World {
    /// Opens a world.
    ///
    /// # Errors
    ///
    /// Fails if the folder is no world.
    pub fn open(root: impl Into<PathBuf>) -> Result<World, StoreError> {
        let world = World { root: root.into() };
        if world.manifests().is_dir() {
            return Ok(world);
        }
        match world.stranger()? {
            Some(found) => Err(StoreError::NotAWorld { path: world.root, found }),
            None => Err(StoreError::NoWorld { path: world.root }),
        }
    }

    /// Opens a world, or makes an empty one where there is nothing yet.
    ///
    /// # Errors
    ///
    /// Fails if the folder holds something else, which is left alone, or cannot be written.
    pub fn create(root: impl Into<PathBuf>) -> Result<World, StoreError> {
        let world = World { root: root.into() };
        if !world.manifests().is_dir()
            && let Some(found) = world.stranger()?
        {
            return Err(StoreError::NotAWorld { path: world.root, found });
        }
        // The folder of manifests comes last: with it, the world is one.
        for folder in [world.objects(), world.journal(), world.manifests()] {
            if !folder.is_dir() {
                disk::create_folder(&folder)?;
            }
        }
        disk::sync_folder(&world.root)?;
        Ok(world)
    }

    /// The first entry of the folder that an unfinished world would not have.
    fn stranger(&self) -> Result<Option<String>, StoreError> {
        let is_ours =
            |name: &String| matches!(name.as_str(), "objects" | "journal" | "manifests" | ".lock");
        Ok(disk::names(&self.root)?.into_iter().find(|name| !is_ours(name)))
    }

    /// Takes the world for writing, and clears away what an interrupted writer left.
    ///
    /// # Errors
    ///
    /// Fails if another process holds it, or if the leftovers cannot be removed.
    pub fn lock(&self) -> Result<Locked, StoreError> {
        let path = self.root.join(".lock");
        let file = disk::step("open", &path, || {
            File::options().read(true).write(true).create(true).truncate(false).open(&path)
        })?;
        match file.try_lock() {
            Ok(()) => Locked::new(self.clone(), file),
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who holds it is a courtesy; that it is held is what matters.
                let named = (&file).take(100).read_to_string(&mut holder).is_ok();
                let holder = holder.trim();
                Err(StoreError::Locked {
                    path: self.root.clone(),
                    holder: match named && !holder.is_empty() {
                        true => holder.to_string(),
                        false => "another process".to_string(),
                    },
                })
            }
            Err(TryLockError::Error(error)) => Err(StoreError::of_io("lock", &path, error)),
        }
    }

    /// A deputy of the process that holds the world: it may keep objects and payloads, and makes
    /// no version. Nothing is cleared away. `process` tells it from the others that write, whose
    /// names for unfinished files would else be the same.
    pub fn deputy(&self, process: usize) -> Locked {
        disk::be_process(process);
        Locked::deputy(self.clone())
    }

    /// The folder of the world.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of requests and answers.
    pub fn journal(&self) -> PathBuf {
        self.root.join("journal")
    }

    /// The resolved plan, for people.
    pub fn plan_file(&self) -> PathBuf {
        self.root.join("plan.toml")
    }

    /// The text of the resolved plan, if there is one.
    ///
    /// # Errors
    ///
    /// Fails if it is there and cannot be read, or is not UTF-8.
    pub fn read_plan(&self) -> Result<Option<String>, StoreError> {
        let path = self.plan_file();
        match disk::step("read", &path, || std::fs::read_to_string(&path)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn manifests(&self) -> PathBuf {
        self.root.join("manifests")
    }

    fn objects(&self) -> PathBuf {
        self.root.join("objects")
    }

    fn manifest_path(&self, version: u64) -> PathBuf {
        self.manifests().join(format!("{version:020}.json"))
    }

    /// Every version there is a manifest of, whole or damaged, ascending.
    ///
    /// # Errors
    ///
    /// Fails if the folder of manifests cannot be read.
    pub fn versions(&self) -> Result<Vec<u64>, StoreError> {
        Ok(disk::names(&self.manifests())?
            .iter()
            .filter_map(|name| name.strip_suffix(".json"))
            .filter(|digits| digits.len() == 20)
            .filter_map(|digits| digits.parse().ok())
            .collect())
    }

    /// The manifest of a version. That its objects are there is not checked.
    ///
    /// # Errors
    ///
    /// Fails if there is no such version, if it is damaged, or made by a newer program.
    pub fn manifest(&self, version: u64) -> Result<Manifest, StoreError> {
        let path = self.manifest_path(version);
        let damaged = |reason| StoreError::Damaged { path: path.clone(), reason };
        let text = disk::read(&path).map_err(|error| match error.is_missing() {
            true => StoreError::NoVersion { path: self.root.clone(), version },
            false => error,
        })?;
        match Manifest::unseal(&text) {
            Ok(manifest) if manifest.version == version => Ok(manifest),
            Ok(manifest) => Err(damaged(format!("it is of version {}", manifest.version))),
            Err(Damage::Newer(format)) => Err(StoreError::Newer { path: path.clone(), format }),
            Err(Damage::Torn(reason)) => Err(damaged(reason)),
        }
    }

    /// The newest version whose manifest is whole and whose objects are all there in full size.
    ///
    /// # Errors
    ///
    /// Fails if the newest is made by a newer program, or if a manifest cannot be read at all.
    pub fn latest(&self) -> Result<Latest, StoreError> {
        let mut latest = Latest::default();
        for version in self.versions()?.into_iter().rev() {
            let whole = self.manifest(version).and_then(|manifest| {
                self.check_objects(&manifest)?;
                Ok(manifest)
            });
            match whole {
                Ok(manifest) => {
                    latest.manifest = Some(manifest);
                    break;
                }
                Err(damage @ StoreError::Damaged { .. }) => {
                    latest.passed_over.push((version, damage.to_string()));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(latest)
    }

    /// Checks that every object of a version is there in full size. Its bytes are not read.
    ///
    /// # Errors
    ///
    /// Fails with the first object that is not, or that cannot be looked at.
    pub fn check_objects(&self, manifest: &Manifest) -> Result<(), StoreError> {
        for object in manifest.contents.all_objects() {
            let path = self.object_path(object);
            let reason = match disk::size(&path)? {
                Some(bytes) if bytes == object.bytes => continue,
                Some(bytes) => format!("it has {bytes} bytes, {} were written", object.bytes),
                None => "it is missing".to_string(),
            };
            return Err(StoreError::Damaged { path, reason });
        }
        Ok(())
    }

    /// Where an object is kept.
    pub fn object_path(&self, object: &ObjectRef) -> PathBuf {
        self.objects().join(object.file_name())
    }

    /// Opens an object to read a part of it; its bytes are not checked.
    ///
    /// # Errors
    ///
    /// Fails if it is missing, or cannot be opened.
    pub fn open_object(&self, object: &ObjectRef) -> Result<File, StoreError> {
        let path = self.object_path(object);
        disk::open(&path).map_err(|error| match error.is_missing() {
            true => StoreError::Damaged { path, reason: "it is missing".into() },
            false => error,
        })
    }

    /// The bytes of an object, checked against its digest.
    ///
    /// # Errors
    ///
    /// Fails if it is missing, unreadable, or not what was written.
    pub fn read_object(&self, object: &ObjectRef) -> Result<Vec<u8>, StoreError> {
        let path = self.object_path(object);
        if disk::size(&path)? != Some(object.bytes) {
            let reason = format!("it is missing, or is not the {} bytes written", object.bytes);
            return Err(StoreError::Damaged { path, reason });
        }
        let bytes = disk::read(&path)?;
        match Digest::of(&bytes) {
            found if found == object.digest => Ok(bytes),
            found => Err(StoreError::Damaged { path, reason: format!("its digest is {found}") }),
        }
    }
}

#[cfg(test)]
mod tests;
