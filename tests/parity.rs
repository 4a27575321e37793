//! Exported environments against the engine: the same observation, state and fingerprint, call for
//! call.
//!
//! Method: draw sequences of calls for every domain (golden, valid, mutated, nonsense), run them on
//! the engine and, in one process of Python per domain, on the export; compare every observation,
//! the fingerprint after every call, and the rows at the end. A domain made for the purpose has a
//! tool for every step, condition, expression and kind of column, and is given all odd values.
//!
//! Needs Python 3.9 or later, `python3` or what `AGENTSCALER_PYTHON` names; says SKIPPED without.
//! With `SLOW_TESTS=1` a world of real APIs is compared too, in ten sequences a domain: the one that
//! `AGENTSCALER_WORLD` names, or one built from `../shared/corpora/dev/normalised`, which takes long
//! without optimisation:
//!
//! ```sh
//! agentscaler build ../shared/corpora/dev/normalised --world /tmp/real
//! SLOW_TESTS=1 AGENTSCALER_WORLD=/tmp/real cargo test --locked --test parity real -- --nocapture
//! ```

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]
#![expect(clippy::disallowed_methods, reason = "what to run and how long is named by variables")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use dataflows::build::{Listener, Request, build};
use dataflows::export::{Exported, each};
use dataflows::store::World;
use operators::Work;
use operators::emit;
use operators::engine::{World as Engine, example};
use schemas::Draw;
use serde_json::Value as Json;

use self::calls::Caller;

#[path = "parity/calls.rs"]
mod calls;
#[path = "parity/every.rs"]
mod every;

struct Silent;

impl Listener for Silent {
    fn begun(&self, _work: &Arc<Work>, _documents: usize) {}
    fn warn(&self, _message: &str) {}
    fn committing(&self) {}
}

/// How much was compared.
#[derive(Debug, Default)]
struct Compared {
    domains: usize,
    sequences: usize,
    calls: usize,
    refused: usize,
}

/// A Python to run, if there is one.
fn python() -> Option<PathBuf> {
    let named = std::env::var_os("AGENTSCALER_PYTHON").map(PathBuf::from);
    let python = named.unwrap_or_else(|| "python3".into());
    let asked = "import sys; sys.exit(sys.version_info < (3, 9))";
    let usable = Command::new(&python).args(["-c", asked]).status().is_ok_and(|it| it.success());
    if !usable {
        eprintln!("SKIPPED: no Python 3.9 or later; AGENTSCALER_PYTHON names one");
    }
    usable.then_some(python)
}

fn world(folder: &Path, corpus: Vec<PathBuf>) -> World {
    let world = folder.join("world");
    let request = Request {
        corpus,
        world: world.clone(),
        workers: 2,
        settings: Vec::new(),
        variables: Vec::new(),
        refit: false,
        pinned: None,
        endpoint: None,
    };
    build(&request, &Silent).unwrap();
    World::open(&world).unwrap()
}

fn domains(world: &World) -> Vec<Exported> {
    let manifest = world.latest().unwrap().manifest.unwrap();
    let mut all = Vec::new();
    each(world, &manifest, &[], &mut |it| {
        all.push(it.clone());
        Ok(())
    })
    .unwrap();
    all
}

/// Writes what is emitted for a domain, runs sequences on both sides, and compares.
fn compare(python: &Path, domain: &Exported, sequences: usize, compared: &mut Compared) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in emit::python(&domain.environment, &domain.tasks) {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let engine = Engine::new(domain.environment.clone()).unwrap();
    let caller = Caller::new(&engine, &domain.tasks);
    let draw = Draw::new(5).with(&domain.environment.name);
    let drawn: Vec<_> = (0..sequences).map(|place| caller.sequence(draw.at(place))).collect();
    let given: Vec<String> = drawn.iter().map(|it| it.given.to_string()).collect();
    let file = folder.path().join("sequences.jsonl");
    fs::write(&file, given.join("\n")).unwrap();
    let ran = Command::new(python)
        .arg("tests/parity/driver.py")
        .args([folder.path(), &file])
        .output()
        .unwrap();
    let (name, said) = (&domain.environment.name, String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{name}: {said}");
    let answered: Vec<Json> = ran
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert_eq!(answered.len(), drawn.len(), "{name}");
    for (sequence, answer) in drawn.iter().zip(&answered) {
        let calls = sequence.given["calls"].as_array().unwrap();
        for (place, call) in calls.iter().enumerate() {
            for part in ["observations", "states"] {
                let (ours, theirs) = (&sequence.expected[part][place], &answer[part][place]);
                assert_eq!(ours, theirs, "{name}: {part} of call {place}, {call}");
            }
            let text = sequence.expected["observations"][place].as_str().unwrap();
            compared.refused += usize::from(text.starts_with("{\"error\": "));
        }
        assert_eq!(sequence.expected, *answer, "{name}: {}", sequence.given);
        compared.calls += calls.len();
    }
    compared.sequences += drawn.len();
    compared.domains += 1;
}

#[test]
fn python_answers_as_the_engine_does_on_the_example_world() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let world = world(folder.path(), vec!["tests/corpus".into()]);
    let mut compared = Compared::default();
    for domain in domains(&world) {
        compare(&python, &domain, 40, &mut compared);
    }
    eprintln!("{compared:?}");
    assert!(compared.refused * 10 < compared.calls * 9, "most calls come to nothing: {compared:?}");
    assert!(15 < compared.domains && 3_000 < compared.calls, "{compared:?}");
}

#[test]
fn python_answers_as_the_engine_does_whatever_a_program_says() {
    let Some(python) = python() else { return };
    let mut compared = Compared::default();
    for (environment, sequences) in [
        (every::environment(), 2_000),
        (example::every_step(), 400),
        (example::help_desk(), 100),
        (example::library(), 100),
    ] {
        compare(&python, &Exported { environment, tasks: Vec::new() }, sequences, &mut compared);
    }
    eprintln!("{compared:?}");
}

#[test]
fn python_answers_as_the_engine_does_on_real_apis() {
    let corpus = Path::new("../shared/corpora/dev/normalised");
    let named = std::env::var_os("AGENTSCALER_WORLD").map(PathBuf::from);
    if std::env::var_os("SLOW_TESTS").is_none() || (named.is_none() && !corpus.exists()) {
        eprintln!("SKIPPED real APIs: SLOW_TESTS is not set, or there is no corpus of them");
        return;
    }
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let world = match named {
        Some(world) => World::open(&world).unwrap(),
        None => world(folder.path(), vec![corpus.into()]),
    };
    let mut compared = Compared::default();
    for domain in domains(&world) {
        compare(&python, &domain, 10, &mut compared);
    }
    eprintln!("{compared:?}");
    assert!(200 <= compared.domains && 10_000 <= compared.sequences, "{compared:?}");
}
