//! The tools, requests and refusals equal those of a twin with a pencil, after every epoch.
//!
//! Method: tools and answers come and go over a few epochs, good answers, refused ones, several to
//! one request and answers that nobody asked for among them. Bug families it is after: a tool that
//! comes out twice, or not at all once its answer is there; a request that stays when its tool
//! goes; an answer that is not taken back.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, mpsc};

use differential_dataflow::input::Input;
use proptest::prelude::*;
use timely::dataflow::operators::Capture;
use timely::dataflow::operators::capture::Extract;

use operators::describe::{Describe, Need, described, need};
use schemas::{
    Answer, Basis, CorpusPlan, DescribePlan, Digest, Finish, Output, Rejection, Request, Shape,
    Tool, ToolId,
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn incremental_equals_recomputed(lives in lives(), workers in 1..4_usize) {
        check(&lives, workers);
    }
}

const EPOCHS: u64 = 4;

/// A tool, or an answer, from one epoch to another.
#[derive(Clone, Debug)]
struct Life {
    what: What,
    born: u64,
    gone: u64,
}

#[derive(Clone, Debug, PartialEq)]
enum What {
    Tool(Box<Tool>),
    Answer(Answer),
}

/// What comes out, as one kind of thing that can be counted.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd)]
enum Outcome {
    Tool(Arc<Tool>),
    Request(Request),
    Refused(Rejection),
}

type Counted = BTreeMap<Outcome, isize>;

fn plan() -> DescribePlan {
    DescribePlan { model: "small".into(), ..DescribePlan::default() }
}

#[track_caller]
fn check(lives: &[Life], workers: usize) {
    let output = incremental(lives, workers);
    for epoch in 0..=EPOCHS {
        let mut accumulated = Counted::new();
        for (outcome, _, diff) in output.iter().filter(|(_, time, _)| *time <= epoch) {
            *accumulated.entry(outcome.clone()).or_default() += diff;
        }
        accumulated.retain(|_, count| *count != 0);
        assert_eq!(recomputed(lives, epoch), accumulated, "epoch {epoch}");
    }
}

fn incremental(lives: &[Life], workers: usize) -> Vec<(Outcome, u64, isize)> {
    let (send, recv) = mpsc::channel();
    let send = Arc::new(Mutex::new(send));
    let lives = lives.to_vec();
    timely::execute(timely::Config::process(workers), move |worker| {
        let send = send.lock().unwrap().clone();
        let (mut tools, mut answers) = worker.dataflow::<u64, _, _>(|scope| {
            let (tool_input, tools) = scope.new_collection();
            let (answer_input, answers) = scope.new_collection();
            let (tools, requests, refused) =
                tools.describe(answers, &plan(), &CorpusPlan::default());
            let outcomes = tools
                .map(Outcome::Tool)
                .concat(requests.map(Outcome::Request))
                .concat(refused.map(Outcome::Refused));
            outcomes.inner.capture_into(send);
            (tool_input, answer_input)
        });
        for (place, life) in lives.iter().enumerate() {
            if place % worker.peers() != worker.index() {
                continue;
            }
            for (time, diff) in [(life.born, 1), (life.gone, -1)] {
                match &life.what {
                    What::Tool(tool) => tools.update_at(Arc::new(Tool::clone(tool)), time, diff),
                    What::Answer(answer) => answers.update_at(answer.clone(), time, diff),
                }
            }
        }
    })
    .unwrap();
    recv.extract().into_iter().flat_map(|(_time, batch)| batch).collect()
}

/// What a reader with a pencil would say: go through the tools, and look for the answer to each.
fn recomputed(lives: &[Life], epoch: u64) -> Counted {
    let alive = || lives.iter().filter(|life| life.born <= epoch && epoch < life.gone);
    let mut counted = Counted::new();
    for life in alive() {
        let What::Tool(tool) = &life.what else { continue };
        let mut count = |outcome| *counted.entry(outcome).or_default() += 1;
        let request = match need(tool, &plan()) {
            Need::Nothing => {
                count(Outcome::Tool(Arc::new(Tool::clone(tool))));
                continue;
            }
            Need::Unaskable(refused) => {
                count(Outcome::Refused(refused));
                count(Outcome::Tool(Arc::new(Tool::clone(tool))));
                continue;
            }
            Need::Ask(request) => *request,
        };
        let answers = alive().filter_map(|other| match &other.what {
            What::Answer(answer) => Some(answer).filter(|it| it.request == request.id()),
            What::Tool(_) => None,
        });
        match answers.min() {
            None => drop(counted.insert(Outcome::Request(request), 1)),
            Some(answer) => match described(tool, answer, &plan(), &CorpusPlan::default()) {
                Ok(better) => count(Outcome::Tool(Arc::new(better))),
                Err(refused) => {
                    count(Outcome::Refused(refused));
                    count(Outcome::Tool(Arc::new(Tool::clone(tool))));
                }
            },
        }
    }
    counted
}

/// Tools of a few identities; those of one description are asked about in the same words.
fn tool(identity: &str, description: &str) -> Tool {
    Tool {
        id: ToolId::of([identity]),
        revision: Digest::of(description.as_bytes()),
        identity: identity.into(),
        name: "lend".into(),
        description: description.into(),
        source: String::new(),
        provider: String::new(),
        service: String::new(),
        category: String::new(),
        license: String::new(),
        method: None,
        path: None,
        input: Vec::new(),
        output: Output { shape: Shape::text(), basis: Basis::Declared },
    }
}

const SAID: [&str; 4] = ["", "Lends.", "Up to 21.", "Lends a book to a member of the library."];

fn lives() -> impl Strategy<Value = Vec<Life>> {
    let tools =
        ("[a-d]", 0..SAID.len()).prop_map(|(id, said)| What::Tool(Box::new(tool(&id, SAID[said]))));
    let answers = (0..SAID.len(), 0..4_usize).prop_map(|(about, said)| {
        let request = match need(&tool("", SAID[about]), &plan()) {
            Need::Ask(request) => request.id(),
            _ => "0".repeat(64).parse().unwrap(),
        };
        let description = ["Lends a book for a while.", "Lends it for up to 21 days.", "No.", ""];
        let text = format!(
            "{{\"name\": \"lend\", \"description\": \"{}\", \"arguments\": []}}",
            description[said]
        );
        let finish = if said == 3 { Finish::Length } else { Finish::Stop };
        What::Answer(Answer { request, text, finish, tokens_in: 0, tokens_out: 0 })
    });
    let either = prop_oneof![tools, answers];
    let lives = prop::collection::vec((either, 0..EPOCHS, 1..EPOCHS), 0..16);
    lives.prop_map(|lives| {
        // A tool or an answer is there once at a time, and so is an identity.
        let mut kept: Vec<Life> = Vec::new();
        for (what, born, span) in lives {
            let life = Life { what, born, gone: born + span };
            let is_same = |one: &What| match (one, &life.what) {
                (What::Tool(one), What::Tool(other)) => one.identity == other.identity,
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
