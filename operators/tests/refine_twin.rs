//! The incremental tools equal those of a twin with a pencil, after every epoch.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use differential_dataflow::input::Input;
use proptest::prelude::*;
use timely::dataflow::operators::Capture;
use timely::dataflow::operators::capture::Extract;

use operators::{Library, Parse, Parsed, Refine, parse, refine};
use schemas::{CorpusPlan, Digest, Document, Origin, Provenance, Record, Rejection, Tool, ToolId};

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

struct Shelf(BTreeMap<Digest, (String, Vec<u8>)>);

impl Library for Shelf {
    fn parsed(&self, document: &Document) -> Parsed {
        let (path, bytes) = &self.0[&document.digest];
        parse(path, bytes, &CorpusPlan::default())
    }
}

fn document(life: &Life) -> (Document, Vec<u8>) {
    let bytes = life.lines.concat().into_bytes();
    let digest = Digest::of_parts([life.path.as_bytes(), &bytes]);
    (Document { digest, path: life.path.clone(), bytes: bytes.len() as u64 }, bytes)
}

fn incremental(lives: &[Life], workers: usize) -> Vec<(Outcome, u64, isize)> {
    let shelf = lives.iter().map(|life| {
        let (document, bytes) = document(life);
        (document.digest, (document.path, bytes))
    });
    let shelf = Arc::new(Shelf(shelf.collect()));
    let (send, recv) = mpsc::channel();
    let send = Arc::new(Mutex::new(send));
    let lives = lives.to_vec();
    timely::execute(timely::Config::process(workers), move |worker| {
        let send = send.lock().unwrap().clone();
        let shelf: Arc<dyn Library> = Arc::<Shelf>::clone(&shelf);
        let mut input = worker.dataflow::<u64, _, _>(|scope| {
            let (input, documents) = scope.new_collection();
            let (records, _) = documents.parse(shelf);
            let (tools, provenances, rejections) = records.refine(&CorpusPlan::default());
            let outcomes = tools
                .map(Outcome::Tool)
                .concat(provenances.map(Outcome::Provenance))
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
    let mut kept: Vec<Tool> = Vec::new();
    let mut made: Vec<(usize, Origin)> = Vec::new();
    for (identity, _, origin, tool) in drafts {
        let same = |other: &Tool| {
            (&other.name, &other.description, &other.input, &other.output)
                == (&tool.name, &tool.description, &tool.input, &tool.output)
        };
        let first = kept.iter().position(same);
        if let Some(first) = first {
            count(Outcome::Rejection(Rejection {
                stage: schemas::Stage::Refine,
                subject: identity,
                rule: None,
                reason: format!("repeats tool \"{}\"", kept[first].identity),
                file: origin.file.clone(),
                pointer: origin.pointer.clone(),
            }));
        }
        made.push((first.unwrap_or(kept.len()), origin));
        if first.is_none() {
            kept.push(tool);
        }
    }
    // Kept tools are sorted by identity and revision, so the first of an identity has the least.
    let mut named: Vec<Tool> = kept.clone();
    for place in 1..kept.len() {
        if kept[place].identity == kept[place - 1].identity {
            let tool = &mut named[place];
            tool.identity = format!("{}~{}", tool.identity, tool.revision.short());
            tool.id = ToolId::of([&tool.identity]);
        }
    }
    for (place, origin) in made {
        count(Outcome::Provenance(Provenance { tool: named[place].id, origin, rules: Vec::new() }));
    }
    for tool in named {
        count(Outcome::Tool(Arc::new(tool)));
    }
    counted
}

/// Few identities, names and descriptions, so that records often meet.
fn lives() -> impl Strategy<Value = Vec<Life>> {
    let line = ("[ab]", "[xy?]", prop::option::of("[pq]")).prop_map(|(id, name, said)| {
        let said = said.unwrap_or_default();
        format!(
            "{{\"id\": \"{id}\", \"source\": \"s\", \"name\": \"{name}\", \
             \"description\": \"{said}\", \"parameters\": {{}}}}\n"
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
