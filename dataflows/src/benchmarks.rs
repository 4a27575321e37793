//! Benchmarks: fingerprints made from files, kept in the world, and what tasks are compared with.
//!
//! The plan names each by `NAME:DIGEST`; the fingerprint itself is an object of the world with that
//! digest, pinned by every version that was made with it. So a build keeps to the benchmarks of the
//! last until it is told otherwise, and a rebuild from scratch needs no file of them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use operators::decontaminate::{fingerprint, read};
use schemas::{
    CorpusPlan, DecontaminatePlan, Digest, Fingerprint, FingerprintInput, SEQUENCE_WORDS, Sketch,
};

use crate::knobs::{self, KnobError};
use crate::shards::Roles;
use crate::store::{Locked, ObjectRef, StoreError, World, disk};

/// Largest file of a benchmark, and largest fingerprint, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Why a benchmark cannot be fingerprinted or compared with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchmarkError {
    /// A file cannot be read.
    #[error("cannot read \"{path}\"")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is too large to be one of a benchmark.
    #[error("\"{path}\" has {bytes} bytes, more than the {FILE_BYTES_MAX} that are read")]
    Large {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// None of the files defines a tool or holds a text of a task.
    #[error("none of the files defines a tool or holds the text of a task")]
    Nothing,
    /// A benchmark is called what no file could be.
    #[error("\"{0}\" cannot name a benchmark: 1 to 64 of a-z, 0-9, \".\", \"_\" and \"-\"")]
    Name(String),
    /// A file is no fingerprint.
    #[error("\"{path}\" is no fingerprint: {reason}")]
    NotAFingerprint {
        /// The file.
        path: PathBuf,
        /// What it lacks.
        reason: String,
    },
    /// The plan names a benchmark in another way than `NAME:DIGEST`.
    #[error("decontaminate.benchmarks names \"{0}\", which is not of the form NAME:DIGEST")]
    Entry(String),
    /// The plan names a fingerprint that the world does not have.
    #[error("the fingerprint {digest} of the benchmark {benchmark} is not in the world")]
    Gone {
        /// The benchmark.
        benchmark: String,
        /// The digest of its fingerprint.
        digest: Digest,
    },
    /// The plan compares by sequences of a length of which there are no hashes.
    #[error("decontaminate.words is {words}: fingerprints are of {SEQUENCE_WORDS:?} words")]
    Words {
        /// The length asked for.
        words: u32,
    },
    /// The knobs make no plan.
    #[error(transparent)]
    Knob(#[from] KnobError),
    /// The store could not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BenchmarkError {
    /// What can be done about it.
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            BenchmarkError::Nothing => Some(
                "name files with tools or tasks, such as tasks.json, tools.py or the JSON Lines of \
                 BFCL and ACEBench",
            ),
            BenchmarkError::NotAFingerprint { .. } => {
                Some("make one with `agentscaler fingerprint FILES... --benchmark NAME`")
            }
            BenchmarkError::Gone { .. } => Some(
                "give it with --decontaminate FILE, or take it out of decontaminate.benchmarks in \
                 plan.toml",
            ),
            BenchmarkError::Store(error) => error.remedy(),
            _ => None,
        }
    }
}

/// Makes the fingerprint of a benchmark from its files; hears of files that hold nothing.
///
/// # Errors
///
/// Fails if a file cannot be read, or if none of them holds anything to compare with.
pub fn of_files(
    benchmark: &str,
    paths: &[PathBuf],
    empty: &mut dyn FnMut(&Path),
) -> Result<Fingerprint, BenchmarkError> {
    if !Fingerprint::is_name(benchmark) {
        return Err(BenchmarkError::Name(benchmark.into()));
    }
    let mut files = Vec::new();
    for path in paths {
        let bytes = bytes_of(path)?;
        let found = read(&path.to_string_lossy(), &bytes, &CorpusPlan::default())
            .map_err(|source| BenchmarkError::Unreadable { path: path.clone(), source })?;
        if found.tools.is_empty() && found.texts.is_empty() {
            empty(path);
        }
        let input = FingerprintInput {
            digest: Digest::of(&bytes),
            bytes: bytes.len() as u64,
            tools: found.tools.len() as u64,
            texts: found.texts.len() as u64,
        };
        files.push((input, found));
    }
    let made = fingerprint(benchmark, &files);
    if made.tools == 0 && made.texts == 0 { Err(BenchmarkError::Nothing) } else { Ok(made) }
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, BenchmarkError> {
    let unreadable = |source| BenchmarkError::Unreadable { path: path.to_path_buf(), source };
    let bytes = fs::metadata(path).map_err(unreadable)?.len();
    if FILE_BYTES_MAX < bytes {
        return Err(BenchmarkError::Large { path: path.to_path_buf(), bytes });
    }
    fs::read(path).map_err(unreadable)
}

/// Reads a file that holds a fingerprint.
///
/// # Errors
///
/// Fails if it cannot be read, or is none.
pub fn read_file(path: &Path) -> Result<Fingerprint, BenchmarkError> {
    let is_none = |reason: String| BenchmarkError::NotAFingerprint { path: path.into(), reason };
    let found: Fingerprint =
        serde_json::from_slice(&bytes_of(path)?).map_err(|error| is_none(error.to_string()))?;
    if found.fingerprint != Fingerprint::LAYOUT {
        return Err(is_none(format!(
            "it is of layout {}, known is {}",
            found.fingerprint,
            Fingerprint::LAYOUT
        )));
    }
    if !Fingerprint::is_name(&found.benchmark) {
        return Err(BenchmarkError::Name(found.benchmark));
    }
    Ok(found)
}

/// Keeps the fingerprints of some files in a world, and says by which setting of a knob a build
/// compares with them beside those that it would compare with anyway. One of a benchmark that is
/// known takes the other's place.
///
/// # Errors
///
/// Fails if a file holds no fingerprint, or if the world cannot be written.
pub fn keep(
    world: &Path,
    paths: &[PathBuf],
    settings: &[String],
    variables: &[(String, String)],
) -> Result<String, BenchmarkError> {
    let fingerprints: Vec<Fingerprint> =
        paths.iter().map(|path| read_file(path)).collect::<Result<_, _>>()?;
    let store = World::create(world)?.lock()?;
    let file = store.world().read_plan()?;
    let resolved = knobs::resolve(settings, variables.iter().cloned(), file.as_deref())?;
    let mut entries = resolved.plan.decontaminate.benchmarks;
    for made in fingerprints {
        let object = put(&store, &made)?;
        let prefix = format!("{}:", made.benchmark);
        entries.retain(|entry| !entry.starts_with(&prefix));
        entries.push(format!("{prefix}{}", object.digest));
    }
    entries.sort();
    let entries: Vec<String> = entries.iter().map(|entry| format!("{entry:?}")).collect();
    Ok(format!("decontaminate.benchmarks=[{}]", entries.join(", ")))
}

fn put(store: &Locked, made: &Fingerprint) -> Result<ObjectRef, StoreError> {
    let text = serde_json::to_vec(made).expect("a record has string keys");
    store.put_object("json", made.tools + made.texts, &text)
}

/// The benchmarks of a build.
#[derive(Debug, Default)]
pub struct Benchmarks {
    /// What is compared with.
    pub sketches: Arc<[Arc<Sketch>]>,
    /// The objects they were read from.
    pub pins: Roles,
}

impl Benchmarks {
    /// Reads the fingerprints that a plan names, and takes over those that only `elsewhere` has.
    ///
    /// # Errors
    ///
    /// Fails if the plan names what is no benchmark, or one that is in neither world.
    pub fn of(
        plan: &DecontaminatePlan,
        store: &Locked,
        elsewhere: Option<&World>,
    ) -> Result<Benchmarks, BenchmarkError> {
        let mut sketches = Vec::new();
        let mut pins = Roles::new();
        for entry in &plan.benchmarks {
            let (benchmark, digest) =
                parted(entry).ok_or_else(|| BenchmarkError::Entry(entry.clone()))?;
            let worlds = [Some(store.world()), elsewhere].into_iter().flatten();
            let bytes = worlds.filter_map(|world| bytes_in(world, digest).transpose()).next();
            let found = bytes
                .transpose()?
                .and_then(|bytes| serde_json::from_slice::<Fingerprint>(&bytes).ok());
            let found = found
                .filter(|it| it.benchmark == benchmark)
                .ok_or_else(|| BenchmarkError::Gone { benchmark: benchmark.into(), digest })?;
            let sketch =
                found.sketch(plan.words).ok_or(BenchmarkError::Words { words: plan.words })?;
            sketches.push(Arc::new(sketch));
            pins.insert(format!("benchmarks/{benchmark}"), put(store, &found)?);
        }
        Ok(Benchmarks { sketches: sketches.into(), pins })
    }
}

/// The name and the digest in an entry of the plan.
pub(crate) fn parted(entry: &str) -> Option<(&str, Digest)> {
    let (name, digest) = entry.split_once(':')?;
    Some((name, digest.parse().ok()?)).filter(|(name, _)| Fingerprint::is_name(name))
}

fn bytes_in(world: &World, digest: Digest) -> Result<Option<Vec<u8>>, StoreError> {
    let object = ObjectRef { digest, bytes: 0, rows: 0, ext: "json".into() };
    match disk::read(&world.object_path(&object)) {
        Ok(bytes) => Ok(Some(bytes).filter(|bytes| Digest::of(bytes) == digest)),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error),
    }
}
