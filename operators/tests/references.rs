//! References from file to file: what they lead to is read, and read again when it changes.
//!
//! The twin goes through the files that are there in an epoch, one by one, and follows every
//! reference with a pencil.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use differential_dataflow::input::Input;
use proptest::prelude::*;
use timely::dataflow::operators::Capture;
use timely::dataflow::operators::capture::Extract;

use operators::parse::{parse_stream, references, resolve};
use operators::{HeldLibrary, Library, Outcome, Parse, refine};
use schemas::{CorpusPlan, Digest, Document, Record, Shape};

type Files = BTreeMap<String, Vec<u8>>;

fn outcomes(path: &str, files: &Files) -> Vec<Outcome> {
    let plan = CorpusPlan::default();
    let mut reached = BTreeSet::new();
    let mut ahead = vec![path.to_string()];
    while let Some(from) = ahead.pop() {
        let Some(bytes) = files.get(&from) else { continue };
        for file in references(bytes.as_slice(), &plan).unwrap().files {
            ahead.extend(resolve(&from, &file).filter(|to| reached.insert(to.clone())));
        }
    }
    let begins = references(files[path].as_slice(), &plan).unwrap().begins;
    let siblings = files
        .iter()
        .filter(|(other, _)| begins && *other != path && reached.contains(*other))
        .map(|(path, bytes)| (path.clone(), bytes.clone()))
        .collect();
    let mut outcomes = Vec::new();
    parse_stream(path, files[path].as_slice(), &siblings, &plan, &mut |one| outcomes.push(one));
    outcomes
}

fn records(path: &str, files: &[(&str, &str)]) -> Vec<Record> {
    let files = files.iter().map(|(name, text)| (name.to_string(), text.as_bytes().to_vec()));
    outcomes(path, &files.collect()).into_iter().map(Result::unwrap).collect()
}

#[test]
fn parameters_schemas_operations_and_paths_may_lie_in_other_files() {
    let files = [
        (
            "apis/ferries.yaml",
            "openapi: 3.0.0\ninfo: {title: Ferries, version: '1'}\npaths:\n  /ferries:\n    \
             get: {$ref: 'operations/list.yaml'}\n  /ferries/{id}: {$ref: \
             'paths/one%20ferry.json'}\n",
        ),
        (
            "apis/operations/list.yaml",
            "operationId: listFerries\nparameters:\n  - $ref: '../shared.json#/harbour'\n\
             responses:\n  '200':\n    content:\n      application/json:\n        schema: {$ref: \
             '../shared.json#/Ferry'}\n",
        ),
        (
            "apis/paths/one ferry.json",
            r##"{"get": {"operationId": "getFerry", "parameters": [{"$ref": "#/id"}]},
                "id": {"name": "id", "in": "path", "schema": {"type": "integer"}}}"##,
        ),
        (
            "apis/shared.json",
            r##"{"harbour": {"name": "harbour", "in": "query", "schema": {"$ref": "#/Harbour"}},
                "Harbour": {"type": "string", "enum": ["north", "south"]},
                "Ferry": {"type": "object", "properties": {
                    "harbour": {"$ref": "#/Harbour"},
                    "secret": {"$ref": "../../etc/passwd"},
                    "next": {"$ref": "shared.json#/Ferry"}}}}"##,
        ),
    ];
    let found = records("apis/ferries.yaml", &files);
    assert_eq!(
        found.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(),
        ["listFerries", "getFerry"]
    );
    let list = refine(&found[0], &CorpusPlan::default()).unwrap();
    let Shape::Choice(harbours) = &list.input[0].shape else { panic!("{:?}", list.input) };
    assert_eq!(harbours.len(), 2);
    let returns = found[0].returns.to_string();
    assert!(returns.contains("\"x-unresolved\": \"../../etc/passwd\""), "{returns}");
    assert!(returns.contains("\"x-cycle\": \"shared.json#/Ferry\""), "{returns}");
    assert!(found[1].parameters.to_string().contains("\"integer\""), "{}", found[1].parameters);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn incremental_equals_recomputed(lives in lives(), workers in 1..4_usize) {
        check(&lives, workers);
    }
}

const EPOCHS: u64 = 4;

/// A file, from one epoch to another.
#[derive(Clone, Debug)]
struct Life {
    path: String,
    text: String,
    born: u64,
    gone: u64,
}

impl Life {
    fn document(&self) -> Document {
        let digest = Digest::of(self.text.as_bytes());
        Document { digest, path: self.path.clone(), bytes: self.text.len() as u64 }
    }
}

#[track_caller]
fn check(lives: &[Life], workers: usize) {
    let heard = incremental(lives, workers);
    for epoch in 0..=EPOCHS {
        let mut accumulated: BTreeMap<&Outcome, isize> = BTreeMap::new();
        for (outcome, _, diff) in heard.iter().filter(|(_, time, _)| *time <= epoch) {
            *accumulated.entry(outcome).or_default() += diff;
        }
        accumulated.retain(|_, count| *count != 0);
        let alive = lives.iter().filter(|life| life.born <= epoch && epoch < life.gone);
        let files: Files =
            alive.map(|life| (life.path.clone(), life.text.clone().into_bytes())).collect();
        let all: Vec<Outcome> = files.keys().flat_map(|path| outcomes(path, &files)).collect();
        let mut expected: BTreeMap<&Outcome, isize> = BTreeMap::new();
        for outcome in &all {
            *expected.entry(outcome).or_default() += 1;
        }
        assert_eq!(accumulated, expected, "epoch {epoch}");
    }
}

fn incremental(lives: &[Life], workers: usize) -> Vec<(Outcome, u64, isize)> {
    let held = lives
        .iter()
        .map(|life| ((life.path.clone(), life.document().digest), life.text.clone().into_bytes()));
    let library = Arc::new(HeldLibrary { held: held.collect(), plan: CorpusPlan::default() });
    let (send, recv) = mpsc::channel();
    let send = Arc::new(Mutex::new(send));
    let lives = lives.to_vec();
    timely::execute(timely::Config::process(workers), move |worker| {
        let send = send.lock().unwrap().clone();
        let library: Arc<dyn Library> = Arc::<HeldLibrary>::clone(&library);
        let mut input = worker.dataflow::<u64, _, _>(|scope| {
            let (input, documents) = scope.new_collection();
            let (records, rejections) = documents.parse(library);
            let records = records.map(|record| Outcome::Ok(Record::clone(&record)));
            records.concat(rejections.map(Outcome::Err)).inner.capture_into(send);
            input
        });
        for (place, life) in lives.iter().enumerate() {
            if place % worker.peers() == worker.index() {
                input.update_at(life.document(), life.born, 1);
                input.update_at(life.document(), life.gone, -1);
            }
        }
    })
    .unwrap();
    recv.extract().into_iter().flat_map(|(_time, batch)| batch).collect()
}

/// Few files in two folders that refer to each other, in circles too.
fn lives() -> impl Strategy<Value = Vec<Life>> {
    let reference = "(\\.\\./)?([mn]/)?[abc]\\.json(#/properties/[pq])?";
    let schema = prop::option::of(reference).prop_map(|reference| match reference {
        Some(reference) => format!("{{\"$ref\": \"{reference}\"}}"),
        None => "{\"type\": \"integer\"}".into(),
    });
    let written = (any::<bool>(), schema.clone(), schema).prop_map(|(begins, p, q)| {
        let properties = format!("\"properties\": {{\"p\": {p}, \"q\": {q}}}");
        if begins {
            format!(
                "{{\"openapi\": \"3.0.0\", {properties}, \"paths\": {{\"/x\": {{\"post\": \
                 {{\"requestBody\": {{\"content\": {{\"application/json\": {{\"schema\": \
                 {{{properties}}}}}}}}}}}}}}}}}"
            )
        } else {
            format!("{{{properties}}}")
        }
    });
    let file = ("[mn]/[abc]\\.json", written, 0..EPOCHS, 1..EPOCHS);
    prop::collection::vec(file, 0..8).prop_map(|lives| {
        let mut kept: Vec<Life> = Vec::new();
        for (path, text, born, span) in lives {
            let life = Life { path, text, born, gone: born + span };
            let meets =
                |one: &Life| one.path == life.path && one.born < life.gone && life.born < one.gone;
            if !kept.iter().any(meets) {
                kept.push(life);
            }
        }
        kept
    })
}
