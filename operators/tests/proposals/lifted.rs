//! The dataflow against its slow twin: tools come, are edited and leave, and answers come late.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, mpsc};

use differential_dataflow::input::Input;
use operators::materialize::{Materialize, Workshop, materialize_proposed};
use operators::propose::{Propose, request};
use operators::{Forgetful, MemoryDepot, Work, get_record};
use proptest::prelude::*;
use schemas::{
    Answer, Digest, Environment, EnvironmentPlan, ProposePlan, Rejection, Request, RequestId, Tool,
};
use timely::dataflow::operators::Capture;
use timely::dataflow::operators::capture::Extract;

use super::library::{answer, domain, tools};

const EPOCHS: u64 = 5;
const SEED: u64 = 7;

/// A tool by its place, the epoch it comes in, how many epochs it stays, and whether it is edited.
type Life = (usize, u64, Option<u64>, bool);

/// What there is at an epoch.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd)]
enum Made {
    Environment(Box<Environment>),
    Rejection(Rejection),
    Request(RequestId),
}

fn plan() -> ProposePlan {
    ProposePlan { model: "small".into(), ..ProposePlan::default() }
}

fn asked(tools: &[Arc<Tool>]) -> Request {
    request(&domain(tools), tools, &EnvironmentPlan::default(), &plan()).unwrap()
}

fn present(lives: &[Life], epoch: u64) -> Vec<Arc<Tool>> {
    let all = tools();
    let mut present = BTreeMap::new();
    for (place, born, span, edited) in lives {
        if *born <= epoch && span.is_none_or(|span| epoch < born + span) {
            let mut tool = Tool::clone(&all[*place]);
            if *edited {
                tool.description = "edited".into();
                tool.revision = Digest::of_record(&tool);
            }
            present.insert(tool.id, Arc::new(tool));
        }
    }
    present.into_values().collect()
}

/// The answers to everything that is asked some time, each with the epoch it comes in.
fn answers(lives: &[Life], late: u64) -> BTreeMap<RequestId, (u64, Answer)> {
    let texts = [
        "{}",
        "nonsense",
        "{\"columns\": [{\"table\": \"books\", \"name\": \"shelf\"}]}",
        "{\"tables\": [{\"name\": \"x\"}]}",
    ];
    let mut answers = BTreeMap::new();
    for epoch in 0..EPOCHS {
        let tools = present(lives, epoch);
        if !tools.is_empty() {
            let request = asked(&tools).id();
            let text = texts[usize::from(request.0.0[0]) % texts.len()];
            let said = Answer { request, ..answer(text) };
            answers.entry(request).or_insert((epoch + late, said));
        }
    }
    answers
}

/// What there should be at an epoch, made from nothing.
fn recomputed(lives: &[Life], late: u64, epoch: u64) -> BTreeSet<Made> {
    let tools = present(lives, epoch);
    if tools.is_empty() {
        return BTreeSet::new();
    }
    let request = asked(&tools).id();
    let answers = answers(lives, late);
    let Some((_, answer)) = answers.get(&request).filter(|(from, _)| *from <= epoch) else {
        return BTreeSet::from([Made::Request(request)]);
    };
    let made =
        materialize_proposed(&domain(&tools), &tools, answer, &EnvironmentPlan::default(), SEED);
    let environment = made.environment.map(|it| Made::Environment(Box::new(it)));
    environment.into_iter().chain(made.rejections.into_iter().map(Made::Rejection)).collect()
}

type Produced = Vec<(Result<Digest, Made>, u64, isize)>;

fn incremental(lives: &[Life], late: u64, workers: usize) -> (Produced, Arc<MemoryDepot>) {
    let depot = Arc::new(MemoryDepot::default());
    let workshop = Workshop {
        plan: EnvironmentPlan::default(),
        seed: SEED,
        depot: Arc::<MemoryDepot>::clone(&depot),
        recall: Arc::new(Forgetful),
        work: Arc::new(Work::default()),
    };
    let (send, recv) = mpsc::channel();
    let shared = Mutex::new((send, workshop));
    let lives = lives.to_vec();
    timely::execute(timely::Config::process(workers), move |worker| {
        let (sender, bench) = shared.lock().unwrap().clone();
        let (mut domains, mut tools, mut told) = worker.dataflow::<u64, _, _>(|scope| {
            let (domain_input, domains) = scope.new_collection();
            let (tool_input, tools) = scope.new_collection();
            let (told, answers) = scope.new_collection();
            let environment = EnvironmentPlan::default();
            let (ready, proposals, requests, refused) =
                domains.propose(tools.clone(), answers, &plan(), &environment);
            let (environments, rejections) = ready.materialize(tools, proposals, bench);
            let rejections = rejections.concat(refused).map(|(_, it)| Err(Made::Rejection(it)));
            environments
                .map(|it| Ok(it.payload))
                .concat(rejections)
                .concat(requests.map(|it| Err(Made::Request(it.id()))))
                .inner
                .capture_into(sender);
            (domain_input, tool_input, told)
        });
        if worker.index() == 0 {
            for epoch in 0..EPOCHS {
                let before = epoch.checked_sub(1).map(|it| present(&lives, it));
                for (then, diff) in [(before.unwrap_or_default(), -1), (present(&lives, epoch), 1)]
                {
                    if !then.is_empty() {
                        domains.update_at(domain(&then), epoch, diff);
                    }
                    for tool in then {
                        tools.update_at(tool, epoch, diff);
                    }
                }
            }
            for (from, answer) in answers(&lives, late).into_values() {
                told.update_at(answer, from, 1);
            }
        }
    })
    .unwrap();
    let output = recv.extract().into_iter().flat_map(|(_, batch)| batch).collect();
    (output, depot)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn incremental_equals_recomputed(
        lives in prop::collection::vec(
            (0..5_usize, 0..EPOCHS, prop::option::of(1..EPOCHS), any::<bool>()),
            1..9,
        ),
        late in 0..3_u64,
        workers in 1..4_usize,
    ) {
        let (output, depot) = incremental(&lives, late, workers);
        for epoch in 0..EPOCHS {
            let mut found: BTreeMap<Made, isize> = BTreeMap::new();
            for (made, _, diff) in output.iter().filter(|(_, time, _)| *time <= epoch) {
                let made = made.clone().map(|payload| get_record(depot.as_ref(), &payload));
                let made = made.map_or_else(|it| it, |it| Made::Environment(Box::new(it)));
                *found.entry(made).or_default() += diff;
            }
            found.retain(|_, count| *count != 0);
            prop_assert!(found.values().all(|count| *count == 1));
            let found: BTreeSet<Made> = found.into_keys().collect();
            prop_assert_eq!(found, recomputed(&lives, late, epoch));
        }
    }
}
