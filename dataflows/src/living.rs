//! The whole product while its corpus, its knobs and its disk change: proofs, and no part of the
//! program.
//!
//! `histories` lives through random histories: files and records come, change and go, knobs turn,
//! sources are taken down and let back, versions are collected, and the disk fails or the process
//! ends at a random step. After every command, the version is what a world begun from scratch at
//! the same pins makes of the corpus that is there.
//!
//! `sites` lets every single step of every writing command on the disk fail: once, from there on,
//! and as the last thing that the process did.
//!
//! Both run small by default. For more, in this order of patience:
//!
//! ```text
//! STEPS=10000 cargo test -p dataflows --lib living::histories -- --nocapture
//! SLOW_TESTS=1 cargo test -p dataflows --lib living::sites -- --nocapture
//! ```

#![expect(clippy::disallowed_methods, reason = "a variable asks for more than the usual number")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use operators::Work;
use tempfile::TempDir;

use crate::build::{Listener, Request};
use crate::prove::prove;
use crate::store::{Manifest, World};

mod records;
mod commands;
mod histories;
mod sites;

struct Silent;

impl Listener for Silent {
    fn begun(&self, _work: &Arc<Work>, _documents: usize) {}
    fn warn(&self, _message: &str) {}
    fn committing(&self) {}
}

/// A folder in memory where there is one, since a test that waits for a disk to sync proves no more.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.unwrap()
}

fn request(corpus: &Path, world: &Path, workers: usize, settings: &[String]) -> Request {
    Request {
        corpus: vec![corpus.into()],
        world: world.into(),
        workers,
        settings: settings.to_vec(),
        variables: Vec::new(),
        refit: false,
        pinned: None,
        endpoint: None,
    }
}

/// The latest version, if there is one.
fn latest(world: &Path) -> Option<Manifest> {
    World::open(world).ok()?.latest().unwrap().manifest
}

/// Checks that the latest version is whole, if there is one, and proves it once a lock has put in
/// order what a crash left; returns it.
#[track_caller]
fn whole(path: &Path, after: &str) -> Option<Manifest> {
    let world = World::open(path).ok()?;
    let found = world.latest().unwrap();
    assert!(found.passed_over.is_empty(), "{after}: {:?}", found.passed_over);
    let manifest = found.manifest?;
    for object in manifest.contents.all_objects() {
        world.read_object(object).unwrap();
    }
    drop(world.lock().unwrap());
    let proof = prove(&world, 1).unwrap();
    assert!(proof.holds(), "{after}: {:#?}", proof.faults);
    Some(manifest)
}

/// Every file below a folder, with its bytes; a lock says nothing.
fn files_below(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut pending = vec![folder.to_path_buf()];
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.file_name().unwrap() != ".lock" && path.exists() {
            let name = path.strip_prefix(folder).unwrap().to_path_buf();
            found.insert(name, fs::read(path).unwrap());
        }
    }
    found
}
