//! The corpus: which files there are, by path and by content.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use schemas::{Digest, Document, Rejection, Stage};

/// Deepest folder looked into below a corpus root.
const DEPTH_MAX: usize = 32;

/// The files of a corpus at one moment.
#[derive(Debug, Default)]
pub struct Corpus {
    /// Every readable file, by path, with where it really is.
    pub files: BTreeMap<Document, PathBuf>,
    /// Files and folders that could not be read.
    pub unreadable: Vec<Rejection>,
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
    /// There is no file below any path given.
    #[error("no file was found in the corpus")]
    Empty,
}

impl Corpus {
    /// Looks at every file below the paths given and digests its content.
    ///
    /// A file goes by the last part of the path given and its place below, so that a corpus can be
    /// moved as a whole. Names that begin with a dot are passed over. Links are followed only to
    /// what lies below the same path given. The files' bytes are read once and not kept.
    ///
    /// # Errors
    ///
    /// Fails if a path given cannot be read, if two files go by one name, or if there is none.
    pub fn scan(paths: &[PathBuf]) -> Result<Corpus, CorpusError> {
        let mut corpus = Corpus::default();
        let mut names: BTreeMap<String, PathBuf> = BTreeMap::new();
        for given in paths {
            let unreadable = |error| CorpusError::Unreadable { path: given.clone(), error };
            let root = fs::canonicalize(given).map_err(unreadable)?;
            if root.is_dir() {
                fs::read_dir(&root).map_err(unreadable)?;
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
                Ok((digest, bytes)) => {
                    drop(corpus.files.insert(Document { digest, path: name, bytes }, path));
                }
                Err(error) => corpus.reject(name, &format!("cannot be read: {error}")),
            }
        }
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
        if depth == DEPTH_MAX {
            return self.reject(name.into(), &format!("lies more than {DEPTH_MAX} folders deep"));
        }
        let entries = match fs::read_dir(&real) {
            Ok(entries) => entries,
            Err(error) => return self.reject(name.into(), &format!("cannot be read: {error}")),
        };
        for entry in entries.filter_map(Result::ok) {
            let part = entry.file_name().to_string_lossy().into_owned();
            if !part.starts_with('.') {
                self.walk(root, &entry.path(), &format!("{name}/{part}"), depth + 1, found);
            }
        }
    }

    fn reject(&mut self, path: String, reason: &str) {
        self.unreadable.push(Rejection {
            stage: Stage::Parse,
            subject: path.clone(),
            reason: reason.into(),
            file: path,
            pointer: String::new(),
        });
        self.unreadable.sort();
    }
}

fn digest(path: &Path) -> io::Result<(Digest, u64)> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((Digest(hasher.finalize().into()), bytes));
        }
        hasher.update(&buffer[..read]);
        bytes += read as u64;
    }
}
