//! The commands that a history is made of, and a world that lives through them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::{Just, Strategy, any, prop, prop_oneof};
use serde::Serialize;
use serde_json::Value;
use tempfile::TempDir;

use super::records::{Corpus, Edit, LICENSES, SOURCES, an_edit};
use super::{Silent, folder, latest, request, whole};
use crate::build::{BuildError, Request, build};
use crate::listing;
use crate::shards::ShardError;
use crate::store::disk::faults::{self, Mode};
use crate::store::{Manifest, World};
use crate::takedown::{Takedown, scan, take_down};

/// Some changes of the corpus, a command, and what befalls it.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) edits: Vec<Edit>,
    pub(super) command: Command,
    pub(super) workers: usize,
    /// Which steps on the disk fail while the command is tried, and how: a try for each, before
    /// the one that is left in peace.
    pub(super) faults: Vec<(Mode, usize)>,
    /// How many versions are kept afterwards, if any are collected.
    pub(super) keep: Option<usize>,
}

#[derive(Clone, Debug)]
pub(super) enum Command {
    Build(Option<&'static str>),
    Refit,
    /// Takes down a source, or a licence.
    Drop(bool, usize),
    /// Lets everything back in.
    Lift,
}

/// Knobs that a history turns. Each is set to the one or the other.
const KNOBS: [&str; 44] = [
    "task.per_operation=1",
    "task.per_operation=2",
    "task.offered_max=3",
    "task.offered_max=16",
    "task.calls_max=4",
    "task.calls_max=18",
    "task.kinds_permille=[160, 200, 60, 140, 140, 110, 100, 90]",
    "task.kinds_permille=[900, 100, 0, 0, 0, 0, 0, 0]",
    "rollout.mistakes_permille=0",
    "rollout.mistakes_permille=1000",
    "rollout.trials=1",
    "rollout.trials=2",
    "rollout.messages_max=6",
    "rollout.messages_max=120",
    "filter.literal=true",
    "filter.literal=false",
    "filter.repetitions_max=1",
    "filter.repetitions_max=4",
    "graph.tools_min=1",
    "graph.tools_min=3",
    "graph.tools_max=5",
    "graph.tools_max=60",
    "graph.neighbours=2",
    "graph.neighbours=15",
    "graph.resolution_permille=1000",
    "graph.resolution_permille=200000",
    "graph.encoder=parameters",
    "graph.encoder=terms",
    "graph.rule=threshold",
    "graph.rule=nearest",
    "graph.method=louvain",
    "graph.method=leiden",
    "corpus.latest_only=false",
    "corpus.latest_only=true",
    "corpus.choices_max=3",
    "corpus.choices_max=64",
    "corpus.description_chars_max=12",
    "corpus.sources=[\"!post\"]",
    "corpus.sources=[]",
    "dataset.shards=1",
    "dataset.shards=3",
    "dataset.test_permille=500",
    "environment.rows=3",
    "seed=7",
];

/// What a world begins with: as little as makes tasks.
const FIRST: [&str; 4] =
    ["task.per_operation=1", "graph.tools_min=3", "environment.rows=6", "dataset.shards=2"];

pub(super) fn a_step() -> impl Strategy<Value = Step> {
    let command = prop_oneof![
        8 => Just(Command::Build(None)),
        4 => prop::sample::select(&KNOBS[..]).prop_map(|knob| Command::Build(Some(knob))),
        1 => Just(Command::Refit),
        2 => (any::<bool>(), 0..3_usize).prop_map(|(is, place)| Command::Drop(is, place)),
        1 => Just(Command::Lift),
    ];
    let mode = prop_oneof![Just(Mode::Once), Just(Mode::ForEver), Just(Mode::Crash)];
    let fault = (mode, 0..FAULT_STEPS);
    let faults = prop_oneof![
        3 => Just(Vec::new()).boxed(),
        2 => prop::collection::vec(fault, 1..3).boxed(),
    ];
    let keep = prop_oneof![4 => Just(None), 1 => (1..3_usize).prop_map(Some)];
    (prop::collection::vec(an_edit(), 0..4), command, 1..4_usize, faults, keep).prop_map(
        |(edits, command, workers, faults, keep)| Step { edits, command, workers, faults, keep },
    )
}

/// Faults strike among so many steps on the disk: a build of these corpora takes about as many.
const FAULT_STEPS: usize = 350;

/// A world, its corpus, and all that the corpus ever was.
pub(super) struct Life {
    folder: TempDir,
    corpus: Corpus,
    past: Vec<Corpus>,
    /// How many commands were interrupted.
    pub(super) interrupted: usize,
    /// How many versions kept a trajectory.
    pub(super) kept: usize,
}

impl Life {
    pub(super) fn new() -> Life {
        let (corpus, past) = (Corpus::default(), Vec::new());
        Life { folder: folder(), corpus, past, interrupted: 0, kept: 0 }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Lives through a step and checks all that is promised of it.
    pub(super) fn step(&mut self, step: &Step) {
        let before = latest(&self.at("world"));
        if !matches!(step.command, Command::Drop(..)) || before.is_none() {
            self.edit(step);
        }
        for (mode, steps) in &step.faults {
            let world = self.at("world");
            let tried = || self.run(step, before.is_none());
            let (outcome, seen) = faults::after(&world, *mode, *steps, tried);
            let Some(struck) = seen.struck else { continue };
            self.interrupted += 1;
            match &outcome {
                Ok(_) => assert_eq!(*mode, Mode::Once, "{struck} failed unreported"),
                Err(error) => assert!(is_of_the_disk(error), "{struck} failed as {error:?}"),
            }
            let after = whole(&world, &struck);
            let number = |it: &Option<Manifest>| it.as_ref().map_or(0, |it| it.version);
            assert!(
                after == before || number(&after) == number(&before) + 1,
                "{struck}: neither the version before nor the one after"
            );
        }
        let changed = self.run(step, before.is_none()).unwrap();
        let now = whole(&self.at("world"), "the command was left in peace").unwrap();
        self.compare(step, before.as_ref(), &now);
        if step.faults.is_empty() {
            assert_eq!(changed, before.as_ref() != Some(&now), "changed or not");
        }
        self.find_nothing_absent(&now);
        self.kept += usize::from(0 < now.contents.counts["kept"]);
        if let Some(keep) = step.keep {
            self.collect(keep, &step.faults, &now);
        }
        assert!(!self.built(step.workers, &[]).unwrap(), "an unchanged build makes a version");
        self.find_nothing_left();
        self.past.push(self.corpus.clone());
    }

    fn edit(&mut self, step: &Step) {
        for edit in &step.edits {
            self.corpus.change(edit, &self.past);
        }
        if self.corpus.files.is_empty() {
            self.corpus.change(&Edit::Remove(0), &[]);
        }
        self.corpus.write(&self.at("corpus"));
    }

    fn built(&self, workers: usize, settings: &[String]) -> Result<bool, BuildError> {
        let request = request(&self.at("corpus"), &self.at("world"), workers, settings);
        Ok(build(&request, &Silent)?.changed)
    }

    fn run(&self, step: &Step, is_first: bool) -> Result<bool, BuildError> {
        let first = FIRST.map(String::from).to_vec();
        let mut settings = if is_first { first } else { Vec::new() };
        match step.command {
            Command::Drop(is_source, place) if !is_first => {
                let world = self.at("world");
                let what = takedown(is_source, place);
                let taken = take_down(&world, &what, step.workers, Vec::new(), None, &Silent)?;
                assert_eq!(taken.scan.found, [""; 0], "what was taken down is there");
                return Ok(taken.build.changed);
            }
            Command::Refit => {
                let (corpus, world) = (self.at("corpus"), self.at("world"));
                let request = request(&corpus, &world, step.workers, &settings);
                return Ok(build(&Request { refit: true, ..request }, &Silent)?.changed);
            }
            Command::Build(Some(knob)) => settings.push(knob.into()),
            Command::Lift => {
                let knobs = ["corpus.dropped_sources=[]", "corpus.dropped_licenses=[]"];
                settings.extend(knobs.map(String::from));
            }
            Command::Build(None) | Command::Drop(..) => {}
        }
        self.built(step.workers, &settings)
    }

    /// Compares a version with what a world that begins at the same pins makes of the corpus.
    fn compare(&self, step: &Step, before: Option<&Manifest>, now: &Manifest) {
        let beside = folder();
        let place = beside.path().join("world");
        World::create(&place).unwrap();
        std::fs::copy(self.at("world/plan.toml"), place.join("plan.toml")).unwrap();
        let is_refit = matches!(step.command, Command::Refit);
        let parent = before.map(|it| it.version).filter(|it| *it != now.version);
        if before.is_some() && parent.is_none() {
            return;
        }
        let pinned = parent.filter(|_| !is_refit).map(|it| (self.at("world"), Some(it)));
        let workers = 1 + step.workers % 2;
        let scratch = Request { pinned, ..request(&self.at("corpus"), &place, workers, &[]) };
        build(&scratch, &Silent).unwrap();
        let twin = latest(&place).unwrap();
        if is_refit {
            assert_same(&now.contents, &twin.contents);
        } else {
            assert_same(now, &twin);
        }
    }

    /// Looks for rows of files, sources and licences that are not in the corpus.
    fn find_nothing_absent(&self, now: &Manifest) {
        let world = World::open(self.at("world")).unwrap();
        let names = self.corpus.names();
        let mut strays = Vec::new();
        listing::tools(&world, now, &mut |row| {
            let file = row["file"].as_str().unwrap().to_string();
            strays.extend(Some(file).filter(|file| !names.contains(file)));
            true
        })
        .unwrap();
        assert_eq!(strays, [""; 0], "tools of files that are not there");
        let (mut sources, mut licenses) = self.corpus.absent();
        sources.extend(now.contents.plan.corpus.dropped_sources.iter().cloned());
        licenses.extend(now.contents.plan.corpus.dropped_licenses.iter().cloned());
        let found = scan(&world, now, &Takedown { sources, licenses }).unwrap();
        assert_eq!(found.found, [""; 0], "rows of what is not there");
    }

    fn collect(&self, keep: usize, faults: &[(Mode, usize)], now: &Manifest) {
        let path = self.at("world");
        let world = World::open(&path).unwrap();
        let collect = || world.lock()?.collect(Some(keep), Duration::ZERO, false);
        for (mode, steps) in faults {
            let (_outcome, seen) = faults::after(&path, *mode, steps / 4, collect);
            for version in world.versions().unwrap() {
                world.check_objects(&world.manifest(version).unwrap()).unwrap();
            }
            let struck = seen.struck.unwrap_or_default();
            assert_same(&whole(&path, &struck).unwrap(), now);
        }
        let kept = collect().unwrap().versions_kept;
        assert!(!kept.is_empty() && kept.len() <= keep, "{kept:?} of {keep}");
        assert_same(&whole(&path, "after a collection").unwrap(), now);
    }

    /// Looks for what an interrupted command left and no later one cleared away.
    fn find_nothing_left(&self) {
        let hidden = |folder: PathBuf| {
            let names = std::fs::read_dir(folder).unwrap();
            let names = names.map(|it| it.unwrap().file_name().into_string().unwrap());
            names.filter(|it| it.starts_with('.') && it != ".lock").collect::<Vec<_>>()
        };
        for below in ["world", "world/objects", "world/manifests"] {
            assert_eq!(hidden(self.at(below)), [""; 0], "left in {below}");
        }
    }
}

fn takedown(is_source: bool, place: usize) -> Takedown {
    let one = |of: [&str; 3]| vec![of[place].to_string()];
    match is_source {
        true => Takedown { sources: one(SOURCES), licenses: Vec::new() },
        false => Takedown { sources: Vec::new(), licenses: one(LICENSES) },
    }
}

/// Whether an error says what the disk refused, and on which path.
pub(super) fn is_of_the_disk(error: &BuildError) -> bool {
    let is_store = matches!(error, BuildError::Store(_) | BuildError::Shard(ShardError::Store(_)));
    is_store && error.to_string().contains("no space left")
}

#[track_caller]
fn assert_same<D: PartialEq + Serialize>(one: &D, other: &D) {
    if one != other {
        let mut parts = [BTreeMap::new(), BTreeMap::new()];
        flatten("", &serde_json::to_value(one).unwrap(), &mut parts[0]);
        flatten("", &serde_json::to_value(other).unwrap(), &mut parts[1]);
        let all: BTreeSet<&String> = parts.iter().flat_map(BTreeMap::keys).collect();
        let differ = all.into_iter().filter(|it| parts[0].get(*it) != parts[1].get(*it));
        panic!("incremental and from scratch differ in {:#?}", differ.collect::<Vec<_>>());
    }
}

fn flatten(path: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(parts) => {
            parts.iter().for_each(|(name, part)| flatten(&format!("{path}/{name}"), part, into));
        }
        Value::Array(parts) => {
            let numbered = parts.iter().enumerate();
            numbered.for_each(|(place, part)| flatten(&format!("{path}/{place}"), part, into));
        }
        other => drop(into.insert(path.into(), other.to_string())),
    }
}
