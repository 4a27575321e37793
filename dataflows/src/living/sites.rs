//! Every step on the disk fails in turn: once, from there on, and as the last that was done.
//!
//! Method: a command runs undisturbed and its steps are counted. Then, for each of them, the folder
//! is set back and the command runs into the failure; the latest version must be whole, the error
//! must say what the disk refused, and the same command, left in peace, must end with the very
//! files of the undisturbed run. For every seventh step, the command that is to mend things fails
//! too. By default the three ways to fail take turns, so that each step fails in one of them; with
//! `SLOW_TESTS=1` each fails in all.
//!
//! A step is what passes `store::disk::step`. What does not: the user's own files, which a corpus or
//! a fingerprint is read from (one that cannot be read is a rejection or an error of its own),
//! standard input, questions whether a path is there (a wrong answer ends in a later step's error),
//! what clears away after a failure, and what `/proc` says of memory.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use schemas::Draw;
use tempfile::TempDir;

use super::records::{Corpus, File, Format, Record};
use super::{Silent, files_below, folder, latest, request, whole};
use crate::build::{BuildError, Request, build};
use crate::endpoint::Config;
use crate::export::{ExportError, nemo_gym, python, sharegpt, tau2, tools, verl};
use crate::journal::Recorded;
use crate::shards::ShardError;
use crate::store::disk::faults::{self, Mode};
use crate::store::{Manifest, StoreError, World, replace_streamed};
use crate::takedown::{Takedown, take_down};

use self::server::{Conduct, Server};

#[path = "../../tests/embeddings/server.rs"]
#[expect(dead_code, reason = "others ask it for more")]
mod server;

/// A folder with a corpus, a world and exports, as it is before the command.
struct Stage {
    folder: TempDir,
    server: Option<Server>,
}

type Outcome = Result<(), String>;

impl Stage {
    fn new() -> Stage {
        let stage = Stage { folder: folder(), server: None };
        fs::create_dir(stage.at("")).unwrap();
        stage.write(&[0, 1, 2], 0);
        stage
    }

    /// A place in the folder that everything happens in.
    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join("here").join(name)
    }

    /// Writes the corpus: two files, one of which says so many things of a parcel.
    fn write(&self, verbs: &[usize], wording: usize) {
        let file = |noun, of: &[usize], format| {
            let record = |verb: &usize| Record { noun, verb: *verb, wording };
            File { format, records: of.iter().map(record).collect(), spoilt: None }
        };
        let files = [(0, file(0, verbs, Format::Lines(0, 0))), (1, file(1, &[1, 3], Format::Mcp))];
        let corpus = Corpus { files: files.into(), shapes: None };
        corpus.write(&self.folder.path().join("corpus"));
    }

    fn request(&self) -> Request {
        let mut settings = vec![
            "task.per_operation=1",
            "graph.tools_min=2",
            "environment.rows=4",
            "dataset.shards=1",
        ];
        if self.server.is_some() {
            settings.extend(["graph.encoder=embeddings", "graph.embedding_model=small"]);
        }
        let settings: Vec<String> = settings.into_iter().map(String::from).collect();
        let corpus = self.folder.path().join("corpus");
        let endpoint = self.server.as_ref().map(|server| Config {
            timeout: Duration::from_secs(20),
            backoff: Duration::from_millis(1),
            in_flight_max: 1,
            ..Config::new(server.url())
        });
        Request { endpoint, ..request(&corpus, &self.at("world"), 1, &settings) }
    }

    fn build(&self) -> Outcome {
        self.build_on(1)
    }

    fn build_on(&self, workers: usize) -> Outcome {
        match build(&Request { workers, ..self.request() }, &Silent) {
            Ok(_) => Ok(()),
            Err(error) => Err(told(&error)),
        }
    }

    fn world(&self) -> (World, Manifest) {
        let world = World::open(self.at("world")).unwrap();
        let manifest = world.latest().unwrap().manifest.unwrap();
        (world, manifest)
    }

    /// Sets the folder back to what is kept in another.
    fn set_back(&self, kept: &Path) {
        let here = self.at("");
        fs::remove_dir_all(&here).unwrap();
        copy(kept, &here);
    }

    /// What is to be the same in the end. A journal may have its entries in other pieces; and what
    /// a process that was killed had streamed to beside its place stays there, under a name that is
    /// passed over, since no lock says that nobody else is writing to it.
    fn result(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let is_said = |path: &PathBuf| {
            !path.starts_with("world/journal") && !path.to_string_lossy().starts_with(".tmp-")
        };
        files_below(&self.at("")).into_iter().filter(|(path, _)| is_said(path)).collect()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copied = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &copied);
        } else {
            fs::copy(&path, &copied).unwrap();
        }
    }
}

/// An error in words, if it is one that the disk gave.
fn told(error: &BuildError) -> String {
    match error {
        BuildError::Store(error) | BuildError::Shard(ShardError::Store(error)) => error.to_string(),
        BuildError::Answering(error) => {
            let mut error: &dyn std::error::Error = error;
            while let Some(source) = error.source() {
                error = source;
            }
            error.to_string()
        }
        other => panic!("a full disk failed as {other:?}"),
    }
}

fn told_of(error: &ExportError) -> String {
    match error {
        ExportError::Store(error) => error.to_string(),
        other => panic!("a full disk failed as {other:?}"),
    }
}

/// Runs a command into a failure at each of its steps, and tells how many there are.
fn enumerate(name: &str, stage: &Stage, command: &dyn Fn() -> Outcome) {
    let every = std::env::var_os("SLOW_TESTS").is_some();
    let kept = stage.folder.path().join("kept");
    copy(&stage.at(""), &kept);
    let before = latest(&stage.at("world"));
    let (outcome, steps) = faults::counted(&stage.at(""), command);
    outcome.unwrap();
    let (expected, after) = (stage.result(), latest(&stage.at("world")));
    let (mut runs, again) = (0, Cell::new(0));
    for (place, mode) in (0..steps).flat_map(|step| Mode::ALL.map(|mode| (step, mode))) {
        if !every && Mode::ALL[place % Mode::ALL.len()] != mode {
            continue;
        }
        stage.set_back(&kept);
        let (tried, seen) = faults::after(&stage.at(""), mode, place, command);
        let struck = seen.struck.expect("an undisturbed run has so many steps");
        let label = format!("{name}, step {place} ({struck}), {mode:?}");
        match &tried {
            Ok(()) => assert_eq!(mode, Mode::Once, "{label}: unreported"),
            Err(error) => assert!(error.contains("no space left to"), "{label}: {error}"),
        }
        let check = || {
            let found = whole(&stage.at("world"), &label);
            assert!(found == before || found == after, "{label}: neither before nor after");
        };
        check();
        if place % 7 == 3 {
            again.set(again.get() + 1);
            let later = Draw::new(1).with("again").with(place.to_le_bytes()).below(steps as u64);
            let later = usize::try_from(later).unwrap();
            let (_, _) = faults::after(&stage.at(""), Mode::ALL[later % 3], later, command);
            check();
        }
        command().unwrap();
        assert!(stage.result() == expected, "{label}: another end: {:?}", differ(stage, &expected));
        runs += 1;
    }
    fs::remove_dir_all(kept).unwrap();
    let again = again.get();
    eprintln!("{name}: {steps} sites, {runs} failures, {again} failures of the mending");
}

fn differ(stage: &Stage, expected: &[(PathBuf, Vec<u8>)]) -> Vec<PathBuf> {
    let found = stage.result();
    let all = found.iter().chain(expected);
    let odd = all.filter(|it| !(found.contains(it) && expected.contains(it)));
    odd.map(|(path, _)| path.clone()).collect()
}

#[test]
fn first_build() {
    let stage = Stage::new();
    enumerate("first build", &stage, &|| stage.build());
    assert!(0 < stage.world().1.contents.counts["kept"], "there is something to lose");
}

#[test]
fn second_build() {
    let stage = Stage::new();
    stage.build().unwrap();
    stage.write(&[0, 1, 4], 1);
    enumerate("second build", &stage, &|| stage.build());
}

/// A worker that could not read what it had written fell, and the others waited for it for ever.
#[test]
fn workers_fail_together() {
    let (sender, over) = mpsc::channel();
    std::thread::spawn(move || {
        let stage = Stage::new();
        stage.build().unwrap();
        let kept = stage.folder.path().join("kept");
        copy(&stage.at(""), &kept);
        stage.write(&[0, 1, 4], 1);
        let build = || stage.build_on(3);
        let (undisturbed, steps) = faults::counted(&stage.at(""), build);
        undisturbed.unwrap();
        let (expected, mut fell) = (stage.result(), 0);
        for place in (0..steps).step_by(3) {
            stage.set_back(&kept);
            let (outcome, seen) = faults::after(&stage.at(""), Mode::Once, place, build);
            let struck = seen.struck.unwrap_or_default();
            fell += usize::from(outcome.is_err() && struck.ends_with(".pack"));
            build().unwrap();
            assert!(stage.result() == expected, "step {place} ({struck}) of three workers");
        }
        sender.send(fell).unwrap();
    });
    let fell = over.recv_timeout(Duration::from_secs(600)).expect("all ended");
    assert!(0 < fell, "some failures were of payloads");
}

#[test]
fn unchanged_build() {
    let stage = Stage::new();
    stage.build().unwrap();
    enumerate("unchanged build", &stage, &|| stage.build());
}

/// No answer that was kept is asked for again.
#[test]
fn build_with_a_model() {
    let mut stage = Stage::new();
    stage.server = Some(Server::start(Conduct::Good(8)));
    let asked = || -> usize { stage.server.as_ref().unwrap().asked().values().sum() };
    let kept = || match World::open(stage.at("world")) {
        Ok(world) => {
            Recorded::read(&world).map_or_else(|it| Err(it.to_string()), |it| Ok(it.len()))
        }
        Err(_) => Ok(0),
    };
    let all = Cell::new(0);
    enumerate("build with a model", &stage, &|| {
        let (before, known) = (asked(), kept()?);
        stage.build()?;
        let now = kept()?;
        assert_eq!(asked() - before, now - known, "an answer was paid for twice");
        all.set(now);
        Ok(())
    });
    assert!((1..99).contains(&all.get()), "{} answers", all.get());
}

#[test]
fn takedown() {
    let stage = Stage::new();
    stage.build().unwrap();
    enumerate("takedown", &stage, &|| {
        let what = Takedown { sources: vec!["post".into()], licenses: Vec::new() };
        let taken = take_down(&stage.at("world"), &what, 1, Vec::new(), None, &Silent);
        let taken = taken.map_err(|error| told(&error))?;
        assert_eq!(taken.scan.found, [""; 0]);
        Ok(())
    });
}

#[test]
fn collection() {
    let stage = Stage::new();
    stage.build().unwrap();
    stage.write(&[0, 1, 4], 1);
    stage.build().unwrap();
    enumerate("collection", &stage, &|| {
        let collect =
            || World::open(stage.at("world"))?.lock()?.collect(Some(1), Duration::ZERO, false);
        collect().map(drop).map_err(|error: StoreError| error.to_string())
    });
}

#[test]
fn exports() {
    let stage = Stage::new();
    stage.build().unwrap();
    let out = stage.at("out");
    let told = |made: Result<_, ExportError>| made.map_err(|error| told_of(&error));
    for name in ["new", "replaced"] {
        let named = |what: &str| format!("export of {what}, {name}");
        enumerate(&named("python"), &stage, &|| {
            let (world, manifest) = opened(&stage)?;
            told(python(&world, &manifest, &[], &out).map(drop))
        });
        enumerate(&named("tau2"), &stage, &|| {
            let (world, manifest) = opened(&stage)?;
            told(tau2(&world, &manifest, &[], &stage.at("tau2")).map(drop))
        });
        let rows = [("sharegpt", sharegpt as Rows), ("verl", verl), ("nemo", nemo_gym)];
        for (what, export) in rows {
            enumerate(&named(what), &stage, &|| {
                let (world, manifest) = opened(&stage)?;
                told(export(&world, &manifest, &stage.at(what)).map(drop))
            });
        }
        enumerate(&named("tools"), &stage, &|| {
            let (world, manifest) = opened(&stage)?;
            let path = stage.at("tools.json");
            told(replace_streamed(&path, |into| tools(&world, &manifest, into)).map(drop))
        });
        // The second time, every export replaces one of an earlier version.
        stage.write(&[0, 1, 4], 1);
        stage.build().unwrap();
    }
    assert_eq!(stage.world().1.version, 2);
}

type Rows = fn(&World, &Manifest, &Path) -> Result<crate::export::Conversations, ExportError>;

fn opened(stage: &Stage) -> Result<(World, Manifest), String> {
    let world = World::open(stage.at("world")).map_err(|error| error.to_string())?;
    let latest = world.latest().map_err(|error| error.to_string())?;
    Ok((world, latest.manifest.expect("there is a version")))
}
