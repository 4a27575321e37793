//! How a world scales: a whole corpus, and one file more.
//!
//! `cargo test` runs each case once, so these cannot rot. `cargo bench --bench world` measures; it
//! takes the real corpus beside the repository where there is one, and says so loudly where not.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot set up should panic there")]
#![expect(clippy::print_stderr, reason = "what is skipped must be seen")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dataflows::build::{Listener, Request, build};
use divan::Bencher;
use operators::Work;
use tempfile::TempDir;

fn main() {
    divan::main();
}

struct Silent;

impl Listener for Silent {
    fn begun(&self, _work: &Arc<Work>, _documents: usize) {}
    fn warn(&self, _message: &str) {}
    fn committing(&self) {}
}

fn make(corpus: &Path, world: &Path) {
    let request = Request {
        corpus: vec![corpus.into()],
        world: world.into(),
        workers: 1,
        settings: vec!["task.per_operation=1".into()],
        variables: Vec::new(),
        refit: false,
        pinned: None,
        endpoint: None,
    };
    build(&request, &Silent).unwrap();
}

/// A copy of a corpus without the file named, and that file.
fn corpus(from: &Path, without: &str) -> (TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("corpus");
    fs::create_dir(&copy).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name != without {
            fs::copy(&path, copy.join(name)).unwrap();
        }
    }
    (folder, copy, from.join(without))
}

const EXAMPLE: (&str, &str) = ("tests/corpus", "museum.rapidapi.json");
const REAL: (&str, &str) = ("../shared/corpora/dev/normalised", "datadog_v1.jsonl.zst");

/// The example corpus, and the real one when measuring.
fn corpora() -> Vec<(&'static str, &'static str)> {
    let measuring = std::env::args().any(|argument| argument == "--bench");
    match (measuring, Path::new(REAL.0).is_dir()) {
        (true, true) => vec![EXAMPLE, REAL],
        (true, false) => {
            eprintln!("SKIPPED the real corpus: {} is not there", REAL.0);
            vec![EXAMPLE]
        }
        (false, _) => vec![EXAMPLE],
    }
}

#[divan::bench(args = corpora(), sample_count = 3, sample_size = 1)]
fn whole(bencher: Bencher<'_, '_>, (from, _): &(&str, &str)) {
    bencher.with_inputs(|| tempfile::tempdir().unwrap()).bench_values(|folder| {
        make(Path::new(from), &folder.path().join("world"));
        folder
    });
}

#[divan::bench(args = corpora(), sample_count = 3, sample_size = 1)]
fn one_file_more(bencher: Bencher<'_, '_>, (from, more): &(&str, &str)) {
    let prepared = || {
        let (folder, copy, added) = corpus(Path::new(from), more);
        let world = folder.path().join("world");
        make(&copy, &world);
        fs::copy(&added, copy.join(more)).unwrap();
        (folder, copy, world)
    };
    bencher.with_inputs(prepared).bench_values(|(folder, copy, world)| {
        make(&copy, &world);
        folder
    });
}
