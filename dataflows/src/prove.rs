//! Proving: every kept row, again, from the files alone.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use schemas::Digest;
use serde::Serialize;

use crate::store::{CONFIGS, Manifest, StoreError, World, disk, files};

use self::shard::Shard;

mod shard;

/// What a proof found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Proof {
    /// The layout of this object.
    pub schema_version: u32,
    /// The version proved.
    pub version: u64,
    /// Kept rows replayed on fresh environments.
    pub rows: u64,
    /// Calls executed in doing so.
    pub calls: u64,
    /// Objects whose bytes were digested.
    pub objects: u64,
    /// What does not hold.
    pub faults: Vec<Fault>,
}

/// Something that does not hold, and where.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize)]
pub struct Fault {
    /// The object, file, trajectory or task.
    pub subject: String,
    /// The file it was found in, below the world's folder.
    pub file: String,
    /// What is wrong.
    pub reason: String,
}

impl Proof {
    /// Whether everything holds.
    pub fn holds(&self) -> bool {
        self.faults.is_empty()
    }

    fn fault(&mut self, subject: impl ToString, file: impl Into<String>, reason: impl ToString) {
        self.faults.push(Fault {
            subject: subject.to_string(),
            file: file.into(),
            reason: reason.to_string(),
        });
    }

    fn merge(&mut self, other: Proof) {
        self.rows += other.rows;
        self.calls += other.calls;
        self.objects += other.objects;
        self.faults.extend(other.faults);
    }
}

/// Proves the latest version: every object is what its name says, every file of the dataset is
/// what was committed, every row is what its trajectory or task gives, every golden call answers
/// what is recorded, and every kept trajectory, replayed on a fresh environment, gives the
/// recorded observations and the golden state.
///
/// Reads `objects/`, `manifests/` and `dataset/` and nothing else; writes nothing. A fault in one
/// place does not keep the rest from being proved. Memory: a shard at a time per thread.
///
/// # Errors
///
/// Fails if there is no version to prove, or if the newest was made by a newer program.
pub fn prove(world: &World, threads: usize) -> Result<Proof, StoreError> {
    prove_aloud(world, threads, &|_proved, _shards| {})
}

/// Proves like [`prove`]; `told` hears how many of how many shards are proved.
///
/// # Errors
///
/// Fails like [`prove`].
///
/// # Panics
///
/// Panics if a thread that proves a shard panicked.
pub fn prove_aloud(
    world: &World,
    threads: usize,
    told: &(dyn Fn(usize, usize) + Sync),
) -> Result<Proof, StoreError> {
    let mut proof = Proof { schema_version: crate::summary::SCHEMA_VERSION, ..Proof::default() };
    let Some(latest) = newest(world, &mut proof)? else { return Ok(proof) };
    proof.version = latest.version;
    check_objects(world, &latest, &mut proof);
    check_dataset(world, &latest, &mut proof);
    let shards = places(&latest);
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while let Some(place) = shards.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = prove_shard(world, &latest, place);
                    let mut found = found.lock().expect("no holder panics");
                    found.push(outcome);
                    told(found.len(), shards.len());
                }
            });
        }
    });
    for outcome in found.into_inner().expect("no holder panics") {
        proof.merge(outcome);
    }
    let counted = latest.contents.counts.get("kept").copied().unwrap_or_default();
    if proof.rows != counted {
        let rows = proof.rows;
        proof.fault(
            "kept",
            "dataset",
            format!("{rows} kept rows are there, {counted} are counted"),
        );
    }
    proof.faults.sort();
    proof.faults.dedup();
    Ok(proof)
}

/// The newest manifest that can be read at all; none if all are damaged. Unlike a reader of data, a
/// proof does not pass over a version whose objects are damaged: it says which.
fn newest(world: &World, proof: &mut Proof) -> Result<Option<Manifest>, StoreError> {
    let versions = world.versions()?;
    if versions.is_empty() {
        return Err(StoreError::NoWorld { path: world.root().into() });
    }
    for version in versions.into_iter().rev() {
        match world.manifest(version) {
            Ok(manifest) => return Ok(Some(manifest)),
            Err(error @ StoreError::Damaged { .. }) => {
                let file = format!("manifests/{version:020}.json");
                proof.fault(format!("version {version}"), file, &error);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// The shards that hold anything of a version: those with a ledger, and those with rows.
fn places(manifest: &Manifest) -> Vec<String> {
    let ledgers = manifest.contents.objects.keys().filter_map(|role| role.strip_prefix("ledger/"));
    let shown = files(manifest).into_iter().map(|shown| format!("{:04}", shown.place));
    ledgers.map(String::from).chain(shown).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Objects against their digests.
fn check_objects(world: &World, manifest: &Manifest, proof: &mut Proof) {
    for object in manifest.contents.all_objects() {
        proof.objects += 1;
        if let Err(error) = world.read_object(object) {
            proof.fault(object.digest, format!("objects/{}", object.file_name()), error);
        }
    }
}

/// The files of `dataset/` against the objects they show, and what else lies among them: a shard
/// of another version would be read as more rows.
fn check_dataset(world: &World, manifest: &Manifest, proof: &mut Proof) {
    let dataset = world.dataset();
    let mut expected = BTreeSet::new();
    for shown in files(manifest) {
        let file = format!("dataset/{}", shown.path);
        match disk::read(&dataset.folder().join(&shown.path)) {
            Ok(bytes) if Digest::of(&bytes) == shown.object.digest => {}
            Ok(_) => proof.fault(&file, &*file, "is not the shard that was committed"),
            Err(error) => proof.fault(&file, &*file, chain(&error)),
        }
        expected.insert(shown.path);
    }
    if !dataset.has_card_of(manifest) {
        let file = "dataset/README.md";
        proof.fault(file, file, "is not the card that was committed");
    }
    for config in CONFIGS {
        // A configuration without rows has no folder.
        let entries = match disk::names(&dataset.folder().join(config)) {
            Ok(entries) => entries,
            Err(error) => {
                let folder = format!("dataset/{config}");
                proof.fault(&folder, &*folder, chain(&error));
                continue;
            }
        };
        for entry in entries {
            let path = format!("{config}/{entry}");
            if !expected.contains(&path) {
                let file = format!("dataset/{path}");
                proof.fault(&file, &*file, "is no file of this version");
            }
        }
    }
}

fn prove_shard(world: &World, manifest: &Manifest, place: &str) -> Proof {
    let mut proof = Proof::default();
    match Shard::read(world, manifest, place, &mut proof) {
        Ok(shard) => shard.prove(world, manifest, &mut proof),
        Err(error) => proof.fault(format!("shard {place}"), "objects", error),
    }
    proof
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(of) = cause {
        text = format!("{text}: {of}");
        cause = of.source();
    }
    text
}
