//! The whole dataflow, live: after every epoch it holds what a run from scratch makes.
//!
//! Method: documents of the example corpus come, change and go over the epochs of one running
//! dataflow; the twin runs a fresh dataflow for one epoch on the documents there are, with the same
//! term weights and the partition of the epoch before. Bug families it is after: operators that
//! retract less, or more, than they said; results that depend on the path or on the workers.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use dataflows::chain::{Resources, Told, chain};
use dataflows::meter::Meter;
use dataflows::run::{Caught, Given, Workers, run};
use differential_dataflow::input::Input;
use operators::{Forgetful, HeldLibrary, MemoryDepot, Work, link};
use schemas::{
    Digest, Document, Domain, EnvironmentRef, Partition, Placement, Plan, TaskRef, ToolId,
    Verified, Weights,
};
use timely::dataflow::ProbeHandle;

fn plan() -> Plan {
    let mut plan = Plan::default();
    plan.task.per_operation = 1;
    plan.environment.rows = 8;
    plan
}

fn resources(shelf: &Arc<HeldLibrary>) -> Resources {
    Resources {
        library: Arc::clone(shelf) as _,
        depot: Arc::new(MemoryDepot::default()),
        vectors: Arc::new(Forgetful),
        neighbours: Arc::new(link::Remembered::default()),
        environments: Arc::new(Forgetful),
        tasks: Arc::new(Forgetful),
        benchmarks: Arc::default(),
        overlaps: Arc::new(Forgetful),
        trajectories: Arc::new(Forgetful),
        verdicts: Arc::new(Forgetful),
        work: Arc::new(Work::default()),
    }
}

/// What is compared, at one epoch.
#[derive(Debug, Default, PartialEq)]
struct State {
    placements: BTreeMap<ToolId, Placement>,
    domains: BTreeSet<Domain>,
    environments: BTreeSet<EnvironmentRef>,
    tasks: BTreeSet<TaskRef>,
    verified: BTreeSet<Verified>,
    rejected: usize,
}

type Updates<D> = Arc<Mutex<Vec<(D, u64, isize)>>>;

#[derive(Clone, Default)]
struct Heard {
    placements: Updates<(ToolId, Placement)>,
    domains: Updates<Domain>,
    environments: Updates<EnvironmentRef>,
    tasks: Updates<TaskRef>,
    verified: Updates<Verified>,
    rejections: Updates<()>,
}

fn sum<D: Ord + Clone>(updates: &Updates<D>, epoch: u64) -> BTreeMap<D, isize> {
    let mut counts = BTreeMap::new();
    for (record, _, diff) in updates.lock().unwrap().iter().filter(|(_, at, _)| *at <= epoch) {
        *counts.entry(record.clone()).or_default() += diff;
    }
    counts.retain(|_, count| *count != 0);
    counts
}

fn once<D: Ord + Clone>(updates: &Updates<D>, epoch: u64) -> BTreeSet<D> {
    let counts = sum(updates, epoch);
    assert!(counts.values().all(|count| *count == 1), "every record is there once");
    counts.into_keys().collect()
}

impl Heard {
    fn at(&self, epoch: u64) -> State {
        State {
            placements: once(&self.placements, epoch).into_iter().collect(),
            domains: once(&self.domains, epoch),
            environments: once(&self.environments, epoch),
            tasks: once(&self.tasks, epoch),
            verified: once(&self.verified, epoch),
            rejected: sum(&self.rejections, epoch).values().map(|n| n.unsigned_abs()).sum(),
        }
    }
}

/// Runs all epochs in one dataflow; `epochs` are the documents there are at each.
fn live(
    shelf: &Arc<HeldLibrary>,
    epochs: &[BTreeSet<Document>],
    weights: &Arc<Weights>,
    workers: usize,
) -> Heard {
    let all = Heard::default();
    let inside = all.clone();
    let (resources, epochs, fixed) = (resources(shelf), epochs.to_vec(), Arc::clone(weights));
    timely::execute(timely::Config::process(workers), move |worker| {
        let meter = Meter::listen(worker);
        let probe = ProbeHandle::new();
        let (mut documents, mut weighed) = worker.dataflow(|scope| {
            let (documents, read) = scope.new_collection();
            let (weighed, pinned) = scope.new_collection();
            let (answers, transcripts) =
                (scope.new_collection_from([]).1, scope.new_collection_from([]).1);
            let told = Told { answers, weights: pinned, transcripts };
            let (prior, plan) = (Partition::default(), plan());
            let out = chain(read, told, &prior, &plan, resources.clone(), &meter);
            macro_rules! hear {
                ($collection:expr, $updates:ident) => {
                    let heard = Arc::clone(&inside.$updates);
                    $collection
                        .inspect(move |update| heard.lock().unwrap().push(update.clone()))
                        .probe_with(&probe);
                };
            }
            hear!(out.placements, placements);
            hear!(out.domains, domains);
            hear!(out.environments, environments);
            hear!(out.tasks, tasks);
            hear!(out.verified, verified);
            hear!(out.rejections.map(|_| ()), rejections);
            hear!(out.of_domains.map(|_| ()), rejections);
            (documents, weighed)
        });
        if worker.index() == 0 {
            weighed.insert(Arc::clone(&fixed));
        }
        let mut before = BTreeSet::new();
        for (epoch, now) in epochs.iter().enumerate() {
            if worker.index() == 0 {
                now.difference(&before).for_each(|it: &Document| documents.insert(it.clone()));
                before.difference(now).for_each(|it: &Document| documents.remove(it.clone()));
            }
            before.clone_from(now);
            let next = epoch as u64 + 1;
            documents.advance_to(next);
            documents.flush();
            weighed.advance_to(next);
            weighed.flush();
            worker.step_while(|| probe.less_than(&next));
        }
    })
    .unwrap();
    all
}

/// The twin: one epoch of a fresh dataflow.
fn from_scratch(
    shelf: &Arc<HeldLibrary>,
    documents: &BTreeSet<Document>,
    weights: Option<Arc<Weights>>,
    prior: Partition,
) -> Caught {
    let given = Given {
        documents: documents.iter().cloned().collect(),
        weights,
        prior: Arc::new(prior),
        answering: None,
        plan: Arc::new(plan()),
    };
    run(&given, &resources(shelf), Workers::Here(1)).unwrap()
}

fn state(caught: Caught) -> State {
    State {
        placements: caught.partition.placements,
        domains: caught.domains.into_iter().collect(),
        environments: caught.environments.into_iter().collect(),
        tasks: caught.tasks.into_iter().collect(),
        verified: caught.verified.into_iter().collect(),
        rejected: caught.rejections.len() + caught.of_domains.len(),
    }
}

/// Documents by path and digest.
type Held = BTreeMap<(String, Digest), Vec<u8>>;

fn document(shelf: &mut Held, path: &str, bytes: Vec<u8>) -> Document {
    let digest = Digest::of(&bytes);
    let document = Document { digest, path: path.into(), bytes: bytes.len() as u64 };
    shelf.insert((path.into(), digest), bytes);
    document
}

#[test]
fn live_dataflow_holds_what_a_fresh_run_makes() {
    let mut shelf = BTreeMap::new();
    let mut read = |name: &str| {
        document(&mut shelf, name, std::fs::read(format!("tests/corpus/{name}")).unwrap())
    };
    let [library, lending, hotels, repairs, leftovers] = [
        "library_catalogue.openapi.yaml",
        "library_lending.mcp.json",
        "hotels.rapidapi.json",
        "repairs.jsonl",
        "leftovers.tools.json",
    ]
    .map(&mut read);
    let edited = String::from_utf8(shelf[&(repairs.path.clone(), repairs.digest)].clone()).unwrap();
    let edited = document(&mut shelf, "repairs.jsonl", edited.replacen("repair", "fix", 4).into());
    let shelf = Arc::new(HeldLibrary { held: shelf, plan: plan().corpus });

    let epochs = [
        BTreeSet::from([library.clone(), hotels.clone(), leftovers.clone()]),
        BTreeSet::from([library.clone(), hotels.clone(), leftovers, lending.clone()]),
        BTreeSet::from([library.clone(), hotels, lending.clone(), repairs]),
        BTreeSet::from([library, lending, edited]),
        BTreeSet::new(),
    ];
    let first = from_scratch(&shelf, &epochs[0], None, Partition::default());
    let weights = first.weights;

    let heard: Vec<Heard> =
        [1, 3].into_iter().map(|workers| live(&shelf, &epochs, &weights, workers)).collect();
    let mut prior = Partition::default();
    for (epoch, documents) in epochs.iter().enumerate() {
        let caught = from_scratch(&shelf, documents, Some(Arc::clone(&weights)), prior);
        prior = caught.partition.clone();
        let expected = state(caught);
        for of_workers in &heard {
            assert_eq!(of_workers.at(epoch as u64), expected, "epoch {epoch}");
        }
    }
}
