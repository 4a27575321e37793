//! The corpus: which files there are, by path and by content.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use schemas::{Digest, Document, Rejection, Rule, Stage};

mod given;

/// The name by which standard input goes.
const STANDARD_INPUT: &str = "stdin";

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
    source: Source,
    stamp: Stamp,
}

/// What is opened to read a file.
#[derive(Clone, Debug)]
enum Source {
    Path(PathBuf),
    /// A file without a name, which every handle reads at one and the same place: it is read by
    /// one worker, from its start to its end.
    Spool(Arc<File>),
    /// A file of an earlier version, known by what was read out of it.
    Remembered,
    /// A file that another process digested: it is what it was while its digest is this.
    Elsewhere(PathBuf, Digest),
}

impl Source {
    fn open(&self) -> io::Result<File> {
        match self {
            Source::Path(path) | Source::Elsewhere(path, _) => File::open(path),
            Source::Spool(file) => {
                let mut file = file.try_clone()?;
                file.rewind()?;
                Ok(file)
            }
            Source::Remembered => {
                let reason = "what was read out of it is no longer in the world";
                Err(io::Error::new(io::ErrorKind::NotFound, reason))
            }
        }
    }
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
        self.source.open()
    }

    /// Whether there is a file to open, and not only what was read out of one.
    pub fn is_file(&self) -> bool {
        !matches!(self.source, Source::Remembered)
    }

    /// Whether an open file is still the one that was digested.
    pub fn is_unchanged(&self, file: &File) -> bool {
        match &self.source {
            Source::Elsewhere(path, digest) => {
                let now = digest_of(&Source::Path(path.clone()));
                now.is_ok_and(|(now, _, _)| now == *digest)
            }
            _ => file.metadata().is_ok_and(|metadata| stamp(&metadata) == self.stamp),
        }
    }

    /// The place of a file that another process found and digested. What is read of it counts only
    /// if that is its digest here, too.
    pub(crate) fn elsewhere(path: PathBuf, digest: Digest) -> Place {
        Place { source: Source::Elsewhere(path, digest), stamp: Stamp::default() }
    }

    /// The place of a file of an earlier version, of which only what was read out of it is left.
    pub(crate) fn remembered() -> Place {
        Place { source: Source::Remembered, stamp: Stamp::default() }
    }

    /// The file's path, by which other processes find it; none if it is only remembered.
    ///
    /// # Errors
    ///
    /// Fails if it has none, since it came from standard input.
    pub(crate) fn path(&self) -> Result<Option<PathBuf>, NoPath> {
        match &self.source {
            Source::Path(path) | Source::Elsewhere(path, _) => Ok(Some(path.clone())),
            Source::Remembered => Ok(None),
            Source::Spool(_) => Err(NoPath),
        }
    }
}

/// A file without a name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoPath;

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
    /// A pattern given is malformed.
    #[error("pattern \"{}\" cannot be read: {reason}", pattern.display())]
    Pattern {
        /// The pattern.
        pattern: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No path matches a pattern given.
    #[error("nothing matches the pattern \"{}\"", pattern.display())]
    NoMatch {
        /// The pattern.
        pattern: PathBuf,
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
            CorpusError::Pattern { .. } => {
                Some("write a wildcard that is meant as itself in brackets, such as [*] or [[]")
            }
            CorpusError::NoMatch { .. } => Some(
                "* matches within a name and ** folders of any depth, as in 'apis/**/*.json'; a \
                 file whose name has wildcards goes by that name",
            ),
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
    /// A path given is a file, a folder, a pattern with `*`, `?`, `[…]` or `**` that no shell has
    /// expanded, or `-`, which is standard input and goes by the name `stdin`.
    ///
    /// A file goes by the last part of the path given and its place below, so that a corpus can be
    /// moved as a whole; of a pattern, the part before its first wildcard counts as the path given. Names that begin with a dot are passed over, and so is the folder `world`:
    /// what is made is no corpus. Links are followed only to files below the same path given; a
    /// folder in it is read in its own place. The files' bytes are read once and not kept.
    ///
    /// # Errors
    ///
    /// Fails if a path given cannot be read, if nothing matches a pattern, if two files go by one
    /// name, or if there is none.
    pub fn scan(paths: &[PathBuf], world: &Path) -> Result<Corpus, CorpusError> {
        // A world that is not there yet is in nobody's way.
        let world = fs::canonicalize(world).ok();
        let mut corpus = Corpus { world, ..Corpus::default() };
        let mut names: BTreeMap<String, PathBuf> = BTreeMap::new();
        for given in paths {
            if given::is_standard_input(given) {
                continue;
            }
            for (file, path) in corpus.found(given)? {
                if names.get(&file).is_some_and(|known| *known != path) {
                    return Err(CorpusError::Ambiguous { name: file });
                }
                names.insert(file, path);
            }
        }
        let mut sources: BTreeMap<String, Source> =
            names.into_iter().map(|(name, path)| (name, Source::Path(path))).collect();
        if let Some(given) = paths.iter().find(|given| given::is_standard_input(given)) {
            let file = given::spooled()
                .map_err(|error| CorpusError::Unreadable { path: given.clone(), error })?;
            let spool = Source::Spool(Arc::new(file));
            if sources.insert(STANDARD_INPUT.into(), spool).is_some() {
                return Err(CorpusError::Ambiguous { name: STANDARD_INPUT.into() });
            }
        }
        for (name, source) in sources {
            match digest_of(&source) {
                Ok((digest, bytes, stamp)) => {
                    let document = Document { digest, path: name, bytes };
                    corpus.files.insert(document, Place { source, stamp });
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

    /// Adds a file of an earlier version, of which only what was read out of it is needed.
    pub fn remember(&mut self, document: Document) {
        let place = Place { source: Source::Remembered, stamp: Stamp::default() };
        self.files.insert(document, place);
    }

    /// The files and folders in which a change may change a corpus; none for standard input.
    pub fn roots(paths: &[PathBuf]) -> Vec<PathBuf> {
        let given = paths.iter().filter(|path| !given::is_standard_input(path));
        given
            .map(|path| if given::is_pattern(path) { given::base(path) } else { path.clone() })
            .collect()
    }

    /// The files that a path or a pattern given stands for, each with the name it goes by.
    fn found(&mut self, given: &Path) -> Result<Vec<(String, PathBuf)>, CorpusError> {
        let is_pattern = given::is_pattern(given);
        let start = if is_pattern { given::base(given) } else { given.into() };
        let unreadable = |error| CorpusError::Unreadable { path: start.clone(), error };
        let root = match fs::canonicalize(&start) {
            // What matches below a folder that is not there is nothing.
            Err(error) if is_pattern && error.kind() == io::ErrorKind::NotFound => {
                return Err(CorpusError::NoMatch { pattern: given.into() });
            }
            root => root.map_err(unreadable)?,
        };
        if root.is_dir() {
            fs::read_dir(&root).map_err(unreadable)?;
        }
        if self.world.as_ref().is_some_and(|its| root.starts_with(its)) {
            return Err(CorpusError::IsWorld { path: given.into() });
        }
        let name = root.file_name().map_or_else(|| "corpus".into(), |it| it.to_string_lossy());
        let mut found = Vec::new();
        if !is_pattern {
            self.walk(&root, &root, &name, 0, &mut found);
            return Ok(found);
        }
        let (mut matched, unread) = (0, self.unreadable.len());
        for path in given::matches(given)? {
            matched += 1;
            let error = match path {
                Ok(path) => {
                    self.walk_match(&root, &start, &path, &name, &mut found);
                    continue;
                }
                Err(error) => error,
            };
            let below = error.path().strip_prefix(&start).unwrap_or(error.path());
            let reason = format!("cannot be read: {}", error.error());
            self.reject(format!("{name}/{}", below.display()), &reason);
        }
        if matched == 0 || (found.is_empty() && self.unreadable.len() == unread) {
            return Err(CorpusError::NoMatch { pattern: given.into() });
        }
        Ok(found)
    }

    /// Walks what matches a pattern, unless it is of the world.
    fn walk_match(
        &mut self,
        root: &Path,
        start: &Path,
        path: &Path,
        name: &str,
        found: &mut Vec<(String, PathBuf)>,
    ) {
        let real = fs::canonicalize(path);
        let is_world = |it: &PathBuf| self.world.as_ref().is_some_and(|its| it.starts_with(its));
        if real.as_ref().is_ok_and(is_world) {
            return;
        }
        // A `./` may be in one of the two only.
        let plain = |it| Path::strip_prefix(it, ".").unwrap_or(it);
        let below = plain(path).strip_prefix(plain(start)).unwrap_or(path);
        let Some(below) = below.to_str() else {
            let bytes = below.as_os_str().as_encoded_bytes().escape_ascii();
            return self.reject(format!("{name}/{bytes}"), "has a name that is not UTF-8");
        };
        let depth = Path::new(below).components().count();
        self.walk(root, path, &format!("{name}/{below}"), depth, found);
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

fn digest_of(source: &Source) -> io::Result<(Digest, u64, Stamp)> {
    let mut file = source.open()?;
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
