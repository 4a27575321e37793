//! The corpus: which files there are, by path and by content.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use schemas::{Digest, Document, Rejection, Rule, Stage};

/// Deepest folder looked into below a corpus root.
const DEPTH_MAX: usize = 32;

/// The files of a corpus at one moment.
#[derive(Debug, Default)]
pub struct Corpus {
    /// Every readable file, by path, with where it really is.
    pub files: BTreeMap<Document, Place>,
    /// Files and folders that could not be read.
    pub unreadable: Vec<Rejection>,
    world: Option<PathBuf>,
}

/// Where a file really is, and how it looked when it was digested.
#[derive(Clone, Debug)]
pub struct Place {
    path: PathBuf,
    stamp: Stamp,
}

/// What a file system changes when a file's content changes: size, and times of change.
type Stamp = (u64, i64, i64, u64);

impl Place {
    /// Opens the file.
    ///
    /// # Errors
    ///
    /// Fails if the system does.
    pub fn open(&self) -> io::Result<File> {
        File::open(&self.path)
    }

    /// Whether an open file is still the one that was digested.
    pub fn is_unchanged(&self, file: &File) -> bool {
        file.metadata().is_ok_and(|metadata| stamp(&metadata) == self.stamp)
    }
}

fn stamp(metadata: &Metadata) -> Stamp {
    (metadata.size(), metadata.ctime(), metadata.ctime_nsec(), metadata.ino())
}

/// Why a corpus cannot be read at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CorpusError {
    /// A path given does not exist or cannot be looked at.
    #[error("corpus \"{}\" cannot be read: {error}", path.display())]
    Unreadable {
        /// The path given.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Two paths given hold files that would go by the same name.
    #[error("two files go by the name \"{name}\": rename one of the folders they were given by")]
    Ambiguous {
        /// The name.
        name: String,
    },
    /// A path given is the world to be built, or lies in it.
    #[error("\"{}\" is the world itself, and no corpus", path.display())]
    IsWorld {
        /// The path given.
        path: PathBuf,
    },
    /// There is no file below any path given.
    #[error("no file was found in the corpus")]
    Empty,
}

impl CorpusError {
    /// What a user can do about it.
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            CorpusError::Unreadable { .. } => Some("name files and folders that are there"),
            CorpusError::Ambiguous { .. } => None,
            CorpusError::IsWorld { .. } => {
                Some("name the folder of API descriptions, and the world apart from it")
            }
            CorpusError::Empty => Some("put API descriptions into it, or name another folder"),
        }
    }
}

impl Corpus {
    /// Looks at every file below the paths given and digests its content.
    ///
    /// A file goes by the last part of the path given and its place below, so that a corpus can be
    /// moved as a whole. Names that begin with a dot are passed over, and so is the folder `world`:
    /// what is made is no corpus. Links are followed only to files below the same path given; a
    /// folder in it is read in its own place. The files' bytes are read once and not kept.
    ///
    /// # Errors
    ///
    /// Fails if a path given cannot be read, if two files go by one name, or if there is none.
    pub fn scan(paths: &[PathBuf], world: &Path) -> Result<Corpus, CorpusError> {
        // A world that is not there yet is in nobody's way.
        let world = fs::canonicalize(world).ok();
        let mut corpus = Corpus { world, ..Corpus::default() };
        let mut names: BTreeMap<String, PathBuf> = BTreeMap::new();
        for given in paths {
            let unreadable = |error| CorpusError::Unreadable { path: given.clone(), error };
            let root = fs::canonicalize(given).map_err(unreadable)?;
            if root.is_dir() {
                fs::read_dir(&root).map_err(unreadable)?;
            }
            if corpus.world.as_ref().is_some_and(|its| root.starts_with(its)) {
                return Err(CorpusError::IsWorld { path: given.clone() });
            }
            let name = root.file_name().map_or_else(|| "corpus".into(), |it| it.to_string_lossy());
            let mut found = Vec::new();
            corpus.walk(&root, &root, &name, 0, &mut found);
            for (file, path) in found {
                if names.get(&file).is_some_and(|known| *known != path) {
                    return Err(CorpusError::Ambiguous { name: file });
                }
                names.insert(file, path);
            }
        }
        for (name, path) in names {
            match digest(&path) {
                Ok((digest, bytes, stamp)) => {
                    let document = Document { digest, path: name, bytes };
                    corpus.files.insert(document, Place { path, stamp });
                }
                Err(error) => corpus.reject(name, &format!("cannot be read: {error}")),
            }
        }
        // What was given twice was looked at twice.
        corpus.unreadable.sort();
        corpus.unreadable.dedup_by(|one, other| one.file == other.file);
        if corpus.files.is_empty() && corpus.unreadable.is_empty() {
            return Err(CorpusError::Empty);
        }
        Ok(corpus)
    }

    fn walk(
        &mut self,
        root: &Path,
        path: &Path,
        name: &str,
        depth: usize,
        found: &mut Vec<(String, PathBuf)>,
    ) {
        let real = match fs::canonicalize(path) {
            Ok(real) => real,
            Err(error) => return self.reject(name.into(), &format!("cannot be read: {error}")),
        };
        if !real.starts_with(root) {
            return self.reject(name.into(), "is a link to outside the corpus");
        }
        if real.is_file() {
            return found.push((name.into(), real));
        }
        if !real.is_dir() {
            return self.reject(name.into(), "is neither a file nor a folder");
        }
        if self.world.as_ref() == Some(&real) {
            return;
        }
        // NB: two links to a folder above would be followed 2^DEPTH_MAX times.
        if 0 < depth && path.is_symlink() {
            return self.reject(name.into(), "is a link to a folder of the corpus");
        }
        if depth == DEPTH_MAX {
            return self.reject(name.into(), &format!("lies more than {DEPTH_MAX} folders deep"));
        }
        let entries = match fs::read_dir(&real) {
            Ok(entries) => entries,
            Err(error) => return self.reject(name.into(), &format!("cannot be read: {error}")),
        };
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => return self.reject(name.into(), &format!("cannot be read: {error}")),
            };
            let part = entry.file_name();
            match part.to_str() {
                Some(part) if part.starts_with('.') => {}
                Some(part) => {
                    self.walk(root, &entry.path(), &format!("{name}/{part}"), depth + 1, found);
                }
                None => {
                    // Two such names could look the same, so none goes by its own.
                    let part = part.as_encoded_bytes().escape_ascii();
                    self.reject(format!("{name}/{part}"), "has a name that is not UTF-8");
                }
            }
        }
    }

    fn reject(&mut self, path: String, reason: &str) {
        self.unreadable.push(Rejection {
            stage: Stage::Parse,
            subject: path.clone(),
            rule: Some(Rule::Unreachable),
            reason: reason.into(),
            file: path,
            pointer: String::new(),
        });
    }
}

fn digest(path: &Path) -> io::Result<(Digest, u64, Stamp)> {
    let mut file = File::open(path)?;
    let stamp = stamp(&file.metadata()?);
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((Digest(hasher.finalize().into()), bytes, stamp));
        }
        hasher.update(&buffer[..read]);
        bytes += read as u64;
    }
}
