//! `reword` and `hold` against their twin: a person with a pencil who looks for the answer to each
//! task and for the transcript of each attempt.
//!
//! Method: tasks, answers and transcripts come and go in any order over some epochs, on one to
//! three workers; after every epoch what came out must be what the twin finds. Bug families: an
//! attempt that is wanted though it was held, or held twice; a task that goes and leaves its
//! trajectory; an answer that was taken back and still counts.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, mpsc};

use differential_dataflow::input::Input as _;
use operators::engine::{World, example};
use operators::reword::{request, reworded};
use operators::roll_out::converse::{Conversation, Step, converse};
use operators::{
    Depot, Forgetful, Hold as _, MemoryDepot, Reword as _, Work, compose, get_record, put_record,
};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};
use schemas::{
    Answer, Attempt, Digest, DomainId, EnvironmentRef, Finish, Rejection, Request, RolloutPlan,
    Task, TaskPlan, TaskRef, TrajectoryRef, Transcript,
};
use timely::dataflow::operators::capture::{Capture as _, Extract as _};

/// Changes happen in this many epochs.
const EPOCHS: u64 = 4;

/// The tasks that come and go.
const TASKS: usize = 3;

const SEED: u64 = 7;

#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, serde::Serialize, serde::Deserialize)]
enum Outcome {
    Request(Request),
    Refused(DomainId, Rejection),
    Wanted(Attempt),
    Trajectory(TrajectoryRef),
    Failed(DomainId, Rejection),
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum What {
    Task(TaskRef),
    Answer(Answer),
    Transcript(Transcript),
}

#[derive(Clone, Debug)]
struct Life {
    what: What,
    born: u64,
    gone: u64,
}

type Counted = BTreeMap<Outcome, isize>;

/// Everything that can come and go.
struct Stage {
    world: World,
    environment: EnvironmentRef,
    depot: Arc<MemoryDepot>,
    tasks: Vec<TaskRef>,
    answers: Vec<Answer>,
    transcripts: Vec<Transcript>,
}

fn plans() -> (TaskPlan, RolloutPlan) {
    let tasks = TaskPlan { intent_model: "w".into(), ..TaskPlan::default() };
    (tasks, RolloutPlan { agent_model: "m".into(), trials: 2, ..RolloutPlan::default() })
}

impl Stage {
    fn set() -> Stage {
        let library = example::library();
        let world = World::new(library.clone()).unwrap();
        let depot = Arc::new(MemoryDepot::default());
        let environment = EnvironmentRef {
            domain: library.domain,
            name: "library".into(),
            payload: put_record(&*depot, &library),
            tables: 3,
            reads: 5,
            writes: 3,
        };
        let mut stage = Stage {
            environment,
            depot,
            tasks: Vec::new(),
            answers: Vec::new(),
            transcripts: Vec::new(),
            world,
        };
        let composed = compose::compose(&library, &stage.world, &TaskPlan::default(), SEED).tasks;
        for task in composed.into_iter().take(TASKS) {
            stage.about(&task);
        }
        stage
    }

    /// A task, what a writer may say about it, and what agents may say in attempts at it.
    fn about(&mut self, task: &Task) {
        let asked = request(task, &plans().0).id();
        let said: Vec<String> =
            task.scenario.intents.iter().map(|it| format!("Well, {}", it.request)).collect();
        let good = serde_json::json!({"messages": said}).to_string();
        for text in [good, "no".into()] {
            let (request, finish) = (asked, Finish::Stop);
            self.answers.push(Answer { request, text, finish, tokens_in: 0, tokens_out: 0 });
        }
        let better = reworded(task, &self.answers[self.answers.len() - 2]).unwrap();
        let mut payloads = Vec::new();
        for wording in [task, &better] {
            payloads.push(put_record(&*self.depot, wording));
            for trial in 0..plans().1.trials {
                for finish in [Finish::Stop, Finish::Length] {
                    let transcript =
                        self.transcript(wording, payloads[payloads.len() - 1], trial, finish);
                    self.transcripts.push(transcript);
                }
            }
        }
        self.tasks.push(TaskRef {
            id: task.id,
            domain: task.domain,
            payload: payloads[0],
            kind: task.kind,
            calls: 0,
            writes: 0,
        });
    }

    /// An agent that only talks, or that is cut off whatever it says.
    fn transcript(&self, task: &Task, payload: Digest, trial: u32, finish: Finish) -> Transcript {
        let plan = plans().1;
        let mut conversation = Conversation::begin(task, &self.world, &plan, SEED, trial);
        let mut answers = Vec::new();
        while let Step::Ask(request) = conversation.step() {
            let text = "It is done.".into();
            let answer =
                Answer { request: request.id(), text, finish, tokens_in: 0, tokens_out: 0 };
            conversation.hear(&answer);
            answers.push(answer);
        }
        Transcript {
            domain: task.domain,
            attempt: operators::roll_out::converse::id(task.id, trial),
            rolled_from: payload,
            answers: put_record(&*self.depot, &answers),
        }
    }

    fn everything(&self) -> Vec<What> {
        let tasks = self.tasks.iter().cloned().map(What::Task);
        let answers = self.answers.iter().cloned().map(What::Answer);
        tasks.chain(answers).chain(self.transcripts.iter().cloned().map(What::Transcript)).collect()
    }

    #[track_caller]
    fn check(&self, lives: &[Life], workers: usize) {
        let output = self.incremental(lives, workers);
        for epoch in 0..=2 * EPOCHS {
            let mut accumulated = Counted::new();
            for (outcome, _, diff) in output.iter().filter(|(_, time, _)| *time <= epoch) {
                *accumulated.entry(outcome.clone()).or_default() += diff;
            }
            accumulated.retain(|_, count| *count != 0);
            assert_eq!(self.recomputed(lives, epoch), accumulated, "epoch {epoch}");
        }
    }

    fn incremental(&self, lives: &[Life], workers: usize) -> Vec<(Outcome, u64, isize)> {
        let (send, recv) = mpsc::channel();
        let send = Arc::new(Mutex::new(send));
        let (lives, depot) = (lives.to_vec(), Arc::clone(&self.depot));
        let environment = self.environment.clone();
        timely::execute(timely::Config::process(workers), move |worker| {
            let send = send.lock().unwrap().clone();
            let depot: Arc<dyn Depot> = Arc::clone(&depot) as _;
            let (mut tasks, mut answers, mut transcripts, mut environments) = worker
                .dataflow::<u64, _, _>(|scope| {
                    let (task_input, tasks) = scope.new_collection();
                    let (answer_input, answers) = scope.new_collection();
                    let (transcript_input, transcripts) = scope.new_collection();
                    let (environment_input, environments) = scope.new_collection();
                    let (of_tasks, of_rollouts) = plans();
                    let (tasks, requests, refused) =
                        tasks.reword(answers, &of_tasks, Arc::clone(&depot));
                    let (held, wanted, failed) = tasks.hold(
                        environments,
                        transcripts,
                        (&of_rollouts, SEED),
                        depot,
                        Arc::new(Forgetful),
                        Arc::new(Work::default()),
                    );
                    let outcomes = requests
                        .map(Outcome::Request)
                        .concat(refused.map(|(domain, it)| Outcome::Refused(domain, it)))
                        .concat(held.map(Outcome::Trajectory))
                        .concat(wanted.map(Outcome::Wanted))
                        .concat(failed.map(|(domain, it)| Outcome::Failed(domain, it)));
                    outcomes.inner.capture_into(send);
                    (task_input, answer_input, transcript_input, environment_input)
                });
            if worker.index() == 0 {
                environments.insert(environment.clone());
            }
            for (place, life) in lives.iter().enumerate() {
                if place % worker.peers() != worker.index() {
                    continue;
                }
                for (time, diff) in [(life.born, 1), (life.gone, -1)] {
                    match &life.what {
                        What::Task(task) => tasks.update_at(task.clone(), time, diff),
                        What::Answer(answer) => answers.update_at(answer.clone(), time, diff),
                        What::Transcript(it) => transcripts.update_at(it.clone(), time, diff),
                    }
                }
            }
        })
        .unwrap();
        recv.extract().into_iter().flat_map(|(_time, batch)| batch).collect()
    }

    fn recomputed(&self, lives: &[Life], epoch: u64) -> Counted {
        let alive = || lives.iter().filter(|it| it.born <= epoch && epoch < it.gone);
        let (of_tasks, plan) = plans();
        let mut counted = Counted::new();
        for life in alive() {
            let What::Task(reference) = &life.what else { continue };
            let task: Task = get_record(&*self.depot, &reference.payload);
            let asked = request(&task, &of_tasks);
            let answers = alive().filter_map(|it| match &it.what {
                What::Answer(answer) if answer.request == asked.id() => Some(answer),
                _ => None,
            });
            let Some(answer) = answers.min() else {
                counted.insert(Outcome::Request(asked), 1);
                continue;
            };
            let worded = reworded(&task, answer).unwrap_or_else(|refused| {
                *counted.entry(Outcome::Refused(task.domain, refused)).or_default() += 1;
                task.clone()
            });
            let payload = put_record(&*self.depot, &worded);
            for trial in 0..plan.trials {
                let attempt = Attempt {
                    domain: task.domain,
                    id: operators::roll_out::converse::id(task.id, trial),
                    task: task.id,
                    rolled_from: payload,
                    environment: self.environment.payload,
                    trial,
                };
                let found = alive().find_map(|it| match &it.what {
                    What::Transcript(transcript) => (transcript.attempt == attempt.id
                        && transcript.rolled_from == payload)
                        .then_some(transcript),
                    _ => None,
                });
                *counted.entry(self.held(&worded, attempt, found)).or_default() += 1;
            }
        }
        counted
    }

    fn held(&self, task: &Task, attempt: Attempt, transcript: Option<&Transcript>) -> Outcome {
        let Some(transcript) = transcript else { return Outcome::Wanted(attempt) };
        let answers: Vec<Answer> = get_record(&*self.depot, &transcript.answers);
        match converse(task, &self.world, &plans().1, (SEED, attempt.trial), &answers) {
            Step::Over(trajectory) => Outcome::Trajectory(TrajectoryRef {
                id: attempt.id,
                task: task.id,
                domain: task.domain,
                rolled_from: attempt.rolled_from,
                payload: put_record(&*self.depot, &*trajectory),
                calls: 0,
            }),
            Step::Failed(reason) => Outcome::Failed(
                task.domain,
                Rejection {
                    stage: schemas::Stage::RollOut,
                    subject: attempt.id.to_string(),
                    rule: None,
                    reason,
                    file: String::new(),
                    pointer: String::new(),
                },
            ),
            Step::Ask(_) => panic!("a transcript is whole"),
        }
    }
}

/// Which of everything, when it comes, and for how long.
fn lives(everything: Vec<What>) -> impl Strategy<Value = Vec<Life>> {
    let which = prop_oneof![3 => 0..TASKS, 7 => any::<prop::sample::Index>()
    .prop_map({
        let length = everything.len();
        move |index| index.index(length)
    })];
    let lives = prop::collection::vec((which, 0..EPOCHS, 1..=EPOCHS), 0..24);
    (lives, Just(everything)).prop_map(|(lives, everything)| {
        let mut kept: Vec<Life> = Vec::new();
        for (place, born, span) in lives {
            let life = Life { what: everything[place].clone(), born, gone: born + span };
            // A thing is there once at a time, and an attempt has one transcript.
            let is_same = |one: &What| match (one, &life.what) {
                (What::Transcript(one), What::Transcript(other)) => {
                    (one.attempt, one.rolled_from) == (other.attempt, other.rolled_from)
                }
                (one, other) => one == other,
            };
            let meets =
                |one: &Life| is_same(&one.what) && one.born < life.gone && life.born < one.gone;
            if !kept.iter().any(meets) {
                kept.push(life);
            }
        }
        kept
    })
}

#[test]
fn holds_what_a_person_with_a_pencil_finds() {
    let stage = Stage::set();
    assert_eq!((stage.tasks.len(), stage.transcripts.len()), (TASKS, TASKS * 8));
    proptest!(ProptestConfig::with_cases(48), |(
        lives in lives(stage.everything()), workers in 1..4_usize
    )| {
        stage.check(&lives, workers);
    });
    // Everything at once, with one transcript for each attempt.
    let mut all = Vec::new();
    for (place, what) in stage.everything().into_iter().enumerate() {
        let is_second = matches!(what, What::Transcript(_)) && place % 2 == 0;
        if !is_second {
            all.push(Life { what, born: 0, gone: EPOCHS });
        }
    }
    stage.check(&all, 2);
}
