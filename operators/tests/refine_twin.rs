//! The incremental tools equal those of a twin with a pencil, after every epoch.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use differential_dataflow::input::Input;
use proptest::prelude::*;
use timely::dataflow::operators::Capture;
use timely::dataflow::operators::capture::Extract;

use operators::{HeldLibrary, Library, Parse, Refine, parse, refine};
use schemas::{
    CorpusPlan, Digest, Document, Origin, Provenance, Record, Rejection, Rule, Tool, ToolId,
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn incremental_equals_recomputed(lives in lives(), workers in 1..4_usize) {
        check(&lives, workers);
    }
}

const EPOCHS: u64 = 4;

/// A file with some lines, from one epoch to another.
#[derive(Clone, Debug)]
struct Life {
    path: String,
    lines: Vec<String>,
    born: u64,
    gone: u64,
}

/// What comes out, as one kind of thing that can be counted.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd)]
enum Outcome {
    Tool(Arc<Tool>),
    Provenance(Provenance),
    Rejection(Rejection),
}

type Counted = BTreeMap<Outcome, isize>;

#[track_caller]
fn check(lives: &[Life], workers: usize) {
    let output = incremental(lives, workers);
    for epoch in 0..=EPOCHS {
        let mut accumulated = Counted::new();
        for (outcome, _, diff) in output.iter().filter(|(_, time, _)| *time <= epoch) {
            *accumulated.entry(outcome.clone()).or_default() += diff;
        }
        accumulated.retain(|_, count| *count != 0);
        let records = records(lives, epoch);
        assert_eq!(recomputed(&records), accumulated, "epoch {epoch}");
        let ends = |counts: fn(&Outcome) -> bool| -> isize {
            accumulated.iter().filter(|(one, _)| counts(one)).map(|(_, count)| count).sum()
        };
        let ended = ends(|one| !matches!(one, Outcome::Provenance(_)));
        assert_eq!(ended, isize::try_from(records.len()).unwrap(), "a record ends once");
    }
}

fn document(life: &Life) -> (Document, Vec<u8>) {
    let bytes = life.lines.concat().into_bytes();
    let digest = Digest::of_parts([life.path.as_bytes(), &bytes]);
    (Document { digest, path: life.path.clone(), bytes: bytes.len() as u64 }, bytes)
}

fn incremental(lives: &[Life], workers: usize) -> Vec<(Outcome, u64, isize)> {
    let held = lives.iter().map(|life| {
        let (document, bytes) = document(life);
        ((document.path, document.digest), bytes)
    });
    let shelf = Arc::new(HeldLibrary { held: held.collect(), plan: CorpusPlan::default() });
    let (send, recv) = mpsc::channel();
    let send = Arc::new(Mutex::new(send));
    let lives = lives.to_vec();
    timely::execute(timely::Config::process(workers), move |worker| {
        let send = send.lock().unwrap().clone();
        let shelf: Arc<dyn Library> = Arc::<HeldLibrary>::clone(&shelf);
        let mut input = worker.dataflow::<u64, _, _>(|scope| {
            let (input, documents) = scope.new_collection();
            let (records, _) = documents.parse(shelf);
            let (tools, provenances, rejections) = records.refine(&CorpusPlan::default());
            let outcomes = tools
                .map(Outcome::Tool)
                .concat(provenances.map(folding))
                .concat(rejections.map(Outcome::Rejection));
            outcomes.inner.capture_into(send);
            input
        });
        for (place, life) in lives.iter().enumerate() {
            if place % worker.peers() == worker.index() {
                let (document, _) = document(life);
                input.update_at(document.clone(), life.born, 1);
                input.update_at(document, life.gone, -1);
            }
        }
    })
    .unwrap();
    recv.extract().into_iter().flat_map(|(_time, batch)| batch).collect()
}

/// The records of the files that are there in an epoch.
fn records(lives: &[Life], epoch: u64) -> Vec<Record> {
    let alive = lives.iter().filter(|life| life.born <= epoch && epoch < life.gone);
    alive
        .flat_map(|life| {
            let (document, bytes) = document(life);
            parse(&document.path, &bytes, &CorpusPlan::default()).records
        })
        .collect()
}

/// What a reader with a pencil would say: sort, and go through the records from the first.
fn recomputed(records: &[Record]) -> Counted {
    let mut counted = Counted::new();
    let mut count = |outcome| *counted.entry(outcome).or_default() += 1;
    let mut drafts: Vec<(String, Digest, Origin, Tool)> = Vec::new();
    for record in records {
        match refine(record, &CorpusPlan::default()) {
            Ok(tool) => {
                let key = (tool.identity.clone(), tool.revision, record.origin.clone());
                drafts.push((key.0, key.1, key.2, tool));
            }
            Err(rejection) => count(Outcome::Rejection(rejection)),
        }
    }
    drafts.sort();
    let mut distinct: Vec<(Tool, Origin)> = Vec::new();
    let mut made: Vec<(usize, Origin, Option<Rule>)> = Vec::new();
    for (identity, _, origin, tool) in drafts {
        let same = |(other, _): &(Tool, Origin)| {
            (&other.name, &other.description, &other.input, &other.output)
                == (&tool.name, &tool.description, &tool.input, &tool.output)
        };
        if let Some(first) = distinct.iter().position(same) {
            let reason = format!("repeats tool \"{}\"", distinct[first].0.identity);
            count(turned_away(&identity, &origin, Rule::Repeated, reason));
            made.push((first, origin, Some(Rule::Repeated)));
        } else {
            made.push((distinct.len(), origin.clone(), None));
            distinct.push((tool, origin));
        }
    }
    let mut stands: Vec<usize> = Vec::new();
    for (place, (tool, origin)) in distinct.iter().enumerate() {
        let group =
            (0..distinct.len()).filter(|other| operation(&distinct[*other].0) == operation(tool));
        let best = group.max_by_key(|other| rank(&distinct[*other])).unwrap();
        stands.push(best);
        if best != place {
            let version = |version: &str| match version {
                "" => String::new(),
                version => format!(" (version {version})"),
            };
            let (stronger, its) = &distinct[best];
            let reason = format!(
                "is the same operation{} as tool \"{}\"{}, which is kept",
                version(&origin.version),
                stronger.identity,
                version(&its.version)
            );
            count(turned_away(&tool.identity, origin, Rule::Superseded, reason));
        }
    }
    // Tools are sorted by identity and revision, so the first of an identity has the least.
    let mut named: BTreeMap<usize, Tool> = BTreeMap::new();
    for place in stands.iter().copied().collect::<BTreeSet<_>>() {
        let mut tool = distinct[place].0.clone();
        if named.values().any(|other| other.identity == tool.identity) {
            tool.identity = format!("{}~{}", tool.identity, tool.revision.short());
            tool.id = ToolId::of([&tool.identity]);
        }
        named.insert(place, tool);
    }
    for (place, origin, repeated) in made {
        let tool = &named[&stands[place]];
        let is_apart = tool.identity != distinct[stands[place]].0.identity;
        let rules = match repeated {
            _ if stands[place] != place => vec![Rule::Superseded],
            repeated => repeated.into_iter().chain(is_apart.then_some(Rule::NamedApart)).collect(),
        };
        count(Outcome::Provenance(Provenance { tool: tool.id, origin, rules }));
    }
    for tool in named.into_values() {
        count(Outcome::Tool(Arc::new(tool)));
    }
    counted
}

fn turned_away(identity: &str, origin: &Origin, rule: Rule, reason: String) -> Outcome {
    Outcome::Rejection(Rejection {
        stage: schemas::Stage::Refine,
        subject: identity.into(),
        rule: Some(rule),
        reason,
        file: origin.file.clone(),
        pointer: origin.pointer.clone(),
    })
}

/// Provenance, of the rules only those of folding: the twin knows no other.
fn folding(mut provenance: Provenance) -> Outcome {
    let folds = [Rule::Repeated, Rule::Superseded, Rule::NamedApart];
    provenance.rules.retain(|rule| folds.contains(rule));
    Outcome::Provenance(provenance)
}

/// In this test's small world, versions are a `/v1` or `/v2` before the path and nowhere else.
fn operation(tool: &Tool) -> (String, String) {
    let path = tool.path.clone().unwrap_or_default();
    (tool.name.clone(), path.trim_start_matches("/v1").trim_start_matches("/v2").into())
}

fn rank((tool, origin): &(Tool, Origin)) -> (String, String, usize, Reverse<String>, Digest) {
    let path = tool.path.clone().unwrap_or_default();
    let version = origin.version.clone();
    let said = tool.description.len();
    (path, version, said, Reverse(tool.identity.clone()), tool.revision)
}

/// Few identities, names and descriptions, so that records often meet.
fn lives() -> impl Strategy<Value = Vec<Life>> {
    let below = prop::option::of("/v[12]/z");
    let parts = ("[ab]", "[xy?]", prop::option::of("p{1,2}|q"), below, "[12]?");
    let line = parts.prop_map(|(id, name, said, path, version)| {
        let said = said.unwrap_or_default();
        let path = path.map(|path| format!("\"path\": \"{path}\", ")).unwrap_or_default();
        format!(
            "{{\"id\": \"{id}\", \"source\": \"s\", \"name\": \"{name}\", {path}\
             \"version\": \"{version}\", \"description\": \"{said}\", \"parameters\": {{}}}}\n"
        )
    });
    let file = ("[a-c]", prop::collection::vec(line, 1..6), 0..EPOCHS, 1..EPOCHS);
    prop::collection::vec(file, 0..8).prop_map(|lives| {
        let lives = lives.into_iter().map(|(path, lines, born, span)| Life {
            path,
            lines,
            born,
            gone: born + span,
        });
        // A file is there once; an edit is another file under its path, one epoch later.
        let mut kept: Vec<Life> = Vec::new();
        for life in lives {
            let meets =
                |one: &Life| one.path == life.path && one.born < life.gone && life.born < one.gone;
            if !kept.iter().any(meets) {
                kept.push(life);
            }
        }
        kept
    })
}
