//! Composing, rolling out and verifying, lifted: after every epoch the collections equal what the
//! pure functions give for what is there, whatever came and went, on one worker or three.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc;
use std::sync::{Arc, LazyLock, Mutex};

use differential_dataflow::VecCollection;
use differential_dataflow::input::Input;
use proptest::prelude::*;
use timely::dataflow::operators::Capture;
use timely::dataflow::operators::capture::Extract;

use operators::compose::compose;
use operators::engine::{World, example, footprint};
use operators::roll_out::roll_out;
use operators::verify::verify;
use operators::{
    Compose, Forgetful, MemoryDepot, Recall, RollOut, Verify, Work, get_record, put_record,
};
use schemas::{
    Digest, Environment, EnvironmentRef, FilterPlan, Operation, RolloutPlan, Speaker, TaskPlan,
    TaskRef, TrajectoryRef, Verdict, Verified,
};

const EPOCHS: u64 = 5;
const SEED: u64 = 11;

/// What appears at an epoch and, maybe, disappears at a later one.
type Life<D> = (D, u64, Option<u64>);

type Counts<D> = BTreeMap<D, isize>;

/// A library that has grown: a table and a reader of it that no task of the old one sees.
fn grown() -> Environment {
    let mut grown = example::library();
    let mut shelves = grown.tables[1].clone();
    shelves.name = "shelves".into();
    let text = serde_json::to_string(grown.operation("get_member").unwrap()).unwrap();
    let text = text.replace("\"members\"", "\"shelves\"").replace("get_member", "zoom_in");
    let mut newcomer: Operation = serde_json::from_str(&text).unwrap();
    newcomer.tool = schemas::ToolId::of(["example", "zoom_in"]);
    grown.tables.push(shelves);
    let found = footprint(&newcomer, &grown).unwrap();
    (newcomer.reads, newcomer.writes) = (found.reads, found.writes);
    grown.operations.push(newcomer);
    grown
}

struct Stage {
    depot: Arc<MemoryDepot>,
    environments: Vec<EnvironmentRef>,
    tasks: Vec<TaskRef>,
}

/// The library, the library grown, and the help desk; the tasks of the first and the last.
static STAGE: LazyLock<Stage> = LazyLock::new(|| {
    let depot = Arc::new(MemoryDepot::default());
    let all = [example::library(), grown(), example::help_desk()];
    let reference = |environment: &Environment| EnvironmentRef {
        domain: environment.domain,
        name: environment.name.clone(),
        payload: put_record(&*depot, environment),
        tables: 3,
        reads: 4,
        writes: 4,
    };
    let environments: Vec<EnvironmentRef> = all.iter().map(reference).collect();
    let tasks = [&all[0], &all[2]]
        .into_iter()
        .flat_map(|environment| composed(environment).0)
        .map(|task| TaskRef {
            id: task.id,
            domain: task.domain,
            payload: put_record(&*depot, &task),
            kind: task.kind,
            calls: 0,
            writes: 0,
        })
        .collect();
    Stage { depot, environments, tasks }
});

fn composed(environment: &Environment) -> (Vec<schemas::Task>, Vec<schemas::Rejection>) {
    let world = World::new(environment.clone()).unwrap();
    let composed = compose(environment, &world, &plan(), SEED);
    (composed.tasks, composed.rejections)
}

fn plan() -> TaskPlan {
    TaskPlan { per_operation: 1, ..TaskPlan::default() }
}

/// Runs a dataflow over lives of records and returns what it says, as differences.
fn run<D, O>(
    lives: Vec<Life<D>>,
    workers: usize,
    flow: impl for<'s> Fn(VecCollection<'s, u64, D>) -> VecCollection<'s, u64, O>
    + Send
    + Sync
    + 'static,
) -> Vec<(O, u64, isize)>
where
    D: differential_dataflow::ExchangeData + Sync,
    O: differential_dataflow::ExchangeData,
{
    let (send, recv) = mpsc::channel();
    let send = Arc::new(Mutex::new(send));
    timely::execute(timely::Config::process(workers), move |worker| {
        let send = send.lock().unwrap().clone();
        let mut input = worker.dataflow::<u64, _, _>(|scope| {
            let (input, records) = scope.new_collection();
            flow(records).inner.capture_into(send);
            input
        });
        if worker.index() == 0 {
            for (record, born, died) in lives.clone() {
                input.update_at(record.clone(), born, 1);
                if let Some(died) = died {
                    input.update_at(record, died, -1);
                }
            }
        }
    })
    .unwrap();
    recv.extract().into_iter().flat_map(|(_time, batch)| batch).collect()
}

fn accumulated<D: Ord + Clone>(output: &[(D, u64, isize)], epoch: u64) -> Counts<D> {
    let mut counts = Counts::new();
    for (record, _, diff) in output.iter().filter(|(_, time, _)| *time <= epoch) {
        *counts.entry(record.clone()).or_default() += diff;
    }
    counts.retain(|_, count| *count != 0);
    counts
}

fn alive<D: Ord + Clone>(lives: &[Life<D>], epoch: u64) -> Counts<D> {
    let mut counts = Counts::new();
    for (record, born, died) in lives {
        if *born <= epoch && died.is_none_or(|died| epoch < died) {
            *counts.entry(record.clone()).or_default() += 1;
        }
    }
    counts
}

fn lives(candidates: usize, most: usize) -> impl Strategy<Value = Vec<Life<usize>>> {
    let life = (0..candidates, 0..EPOCHS, prop::option::of(1..EPOCHS))
        .prop_map(|(record, born, span)| (record, born, span.map(|span| born + span)));
    prop::collection::vec(life, 0..most)
}

fn of<D: Clone>(lives: &[Life<usize>], records: &[D]) -> Vec<Life<D>> {
    lives.iter().map(|(place, born, died)| (records[*place].clone(), *born, *died)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Goal: composition follows the environments exactly. Method: environments, the same one
    /// perhaps twice, come and go; the twin composes what is there.
    #[test]
    fn composing_follows_the_environments(lives in lives(3, 5), workers in 1..4_usize) {
        let lives = of(&lives, &STAGE.environments);
        let depot = Arc::clone(&STAGE.depot);
        let output = run(lives.clone(), workers, move |environments| {
            let (tasks, rejections) = environments.compose(
                &plan(), SEED, Arc::<MemoryDepot>::clone(&depot), Arc::new(Forgetful), Arc::default(),
            );
            tasks.map(|task| (Some(task.payload), None)).concat(
                rejections.map(|(_, rejection)| (None, Some(rejection))),
            )
        });
        for epoch in 0..2 * EPOCHS {
            let mut expected = Counts::new();
            for payload in alive(&lives, epoch).keys().map(|it| it.payload) {
                let environment: Environment = get_record(&*STAGE.depot, &payload);
                let (tasks, rejections) = composed(&environment);
                for task in tasks {
                    *expected.entry((Some(Digest::of_record(&task)), None)).or_default() += 1;
                }
                for rejection in rejections {
                    *expected.entry((None, Some(rejection))).or_default() += 1;
                }
            }
            prop_assert_eq!(accumulated(&output, epoch), expected, "epoch {}", epoch);
        }
    }

    /// Goal: trajectories and verdicts follow the tasks exactly, and an environment that is
    /// replaced rolls nothing out again. Method: tasks come and go while the library grows; the
    /// twin rolls out and verifies what is there, in the library as it was.
    #[test]
    fn rolling_out_follows_the_tasks(
        lives in lives(16, 24),
        grows in 1..EPOCHS,
        workers in 1..4_usize,
    ) {
        let lives = of(&lives, &STAGE.tasks);
        let work = Arc::new(Work::default());
        let counted = Arc::clone(&work);
        let output = run(lives.clone(), workers, move |tasks| {
            let environments = environments(&tasks, grows);
            verified(tasks, environments, Arc::new(Forgetful), Arc::new(Forgetful), &counted)
        });
        for epoch in 0..2 * EPOCHS {
            let mut expected = Counts::new();
            for (task, count) in alive(&lives, epoch) {
                *expected.entry(recomputed(&task)).or_default() += count;
            }
            prop_assert_eq!(accumulated(&output, epoch), expected, "epoch {}", epoch);
        }
        let appearances: usize = (0..EPOCHS)
            .map(|epoch| {
                let before = epoch.checked_sub(1).map(|it| alive(&lives, it)).unwrap_or_default();
                alive(&lives, epoch).keys().filter(|it| !before.contains_key(it)).count()
            })
            .sum();
        prop_assert_eq!(work.rollouts.get(), appearances as u64);
    }
}

/// The library until it grows, the grown one from then on, and the help desk all along.
fn environments<'s, D: Clone + 'static>(
    beside: &VecCollection<'s, u64, D>,
    grows: u64,
) -> VecCollection<'s, u64, EnvironmentRef> {
    let scope = beside.inner.scope();
    let updates = [
        (STAGE.environments[0].clone(), 0, 1),
        (STAGE.environments[2].clone(), 0, 1),
        (STAGE.environments[0].clone(), grows, -1),
        (STAGE.environments[1].clone(), grows, 1),
    ];
    // NB: an input session dropped while the dataflow is being built would wait for ever.
    let only = if scope.worker().index() == 0 { updates.len() } else { 0 };
    scope.new_collection_from_raw(updates.into_iter().take(only)).1
}

fn verified<'s>(
    tasks: VecCollection<'s, u64, TaskRef>,
    environments: VecCollection<'s, u64, EnvironmentRef>,
    trajectories: Arc<dyn Recall<Vec<TrajectoryRef>>>,
    verdicts: Arc<dyn Recall<Verdict>>,
    work: &Arc<Work>,
) -> VecCollection<'s, u64, Verified> {
    let depot = Arc::clone(&STAGE.depot);
    tasks
        .roll_out(
            environments.clone(),
            &RolloutPlan::default(),
            SEED,
            Arc::<MemoryDepot>::clone(&depot),
            trajectories,
            Arc::clone(work),
        )
        .verify(environments, &FilterPlan::default(), depot, verdicts, Arc::clone(work))
}

/// What a reader with a pencil would say of one task.
fn recomputed(reference: &TaskRef) -> Verified {
    let task: schemas::Task = get_record(&*STAGE.depot, &reference.payload);
    let environment = STAGE.environments.iter().find(|it| it.domain == task.domain).unwrap();
    let world = World::new(get_record(&*STAGE.depot, &environment.payload)).unwrap();
    let trajectory = roll_out(&task, &world, &RolloutPlan::default(), SEED, 0);
    let calls = trajectory.messages.iter().filter(|it| it.role == Speaker::Tool).count();
    Verified {
        verdict: verify(&trajectory, &task, &world, &FilterPlan::default()),
        trajectory: TrajectoryRef {
            id: trajectory.id,
            task: task.id,
            domain: task.domain,
            rolled_from: reference.payload,
            payload: Digest::of_record(&trajectory),
            calls: u32::try_from(calls).unwrap(),
        },
    }
}

/// Goal: a newcomer disturbs only what it wins. Method: compose the library and the grown
/// library; tasks that differ are those anchored at or walking through the newcomer, or that
/// offer it as a distractor.
#[test]
fn a_newcomer_leaves_other_tasks_alone() {
    let offers_newcomer = |task: &schemas::Task| task.offered.contains("zoom_in");
    let (before, after) = (composed(&example::library()).0, composed(&grown()).0);
    let after: BTreeMap<_, _> = after.into_iter().map(|task| (task.id, task)).collect();
    for task in &before {
        let now = after.get(&task.id);
        assert!(now == Some(task) || now.is_some_and(offers_newcomer), "{}", task.id);
    }
}

/// What is remembered is neither rolled out nor verified again, and comes out the same.
#[test]
fn recalling_is_an_optimisation_and_nothing_else() {
    struct Remembered<V>(BTreeMap<Digest, V>);
    impl<V: Clone + Send + Sync> Recall<V> for Remembered<V> {
        fn recall(&self, key: &Digest) -> Option<V> {
            self.0.get(key).cloned()
        }
    }
    let all: BTreeSet<Verified> = STAGE.tasks.iter().map(recomputed).collect();
    let key = |it: &Verified| {
        operators::roll_out::key(&it.trajectory.rolled_from, &RolloutPlan::default(), SEED)
    };
    let trajectories: BTreeMap<_, _> =
        all.iter().map(|it| (key(it), vec![it.trajectory.clone()])).collect();
    let verdict_key = |it: &Verified| {
        let TrajectoryRef { rolled_from, payload, .. } = &it.trajectory;
        operators::verify::key(rolled_from, payload, &FilterPlan::default())
    };
    let verdicts: BTreeMap<_, _> =
        all.iter().map(|it| (verdict_key(it), it.verdict.clone())).collect();
    let lives: Vec<Life<TaskRef>> = STAGE.tasks.iter().map(|it| (it.clone(), 0, None)).collect();
    let work = Arc::new(Work::default());
    let counted = Arc::clone(&work);
    let output = run(lives, 2, move |tasks| {
        let environments = environments(&tasks, 1);
        let trajectories = Arc::new(Remembered(trajectories.clone()));
        let verdicts = Arc::new(Remembered(verdicts.clone()));
        verified(tasks, environments, trajectories, verdicts, &counted)
    });
    assert_eq!(accumulated(&output, 0).into_keys().collect::<BTreeSet<_>>(), all);
    assert_eq!((work.rollouts.get(), work.calls_executed.get()), (0, 0));
}
