//! A short run of the fuzzers, the same every time: files of the example corpus are cut, spliced,
//! flipped, doubled and nested, and whatever comes of it must satisfy the fuzzers' invariants.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

#[path = "fuzz/invariants.rs"]
mod invariants;

use std::fs;
use std::io::Write as _;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Mutants tried of documents, and of schemas.
const CASES: u32 = 3_000;

/// What is done to the bytes of a seed; places are in thousandths of its length.
#[derive(Clone, Debug)]
enum Change {
    Cut(usize),
    Flip(usize, u8),
    Insert(usize, &'static [u8]),
    Double(usize, usize),
    Splice(usize, usize, usize),
    Nest(usize),
    Pack(bool),
}

/// Bytes that mean something to one reader or another.
const MEANINGFUL: [&[u8]; 22] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\"",
    b"\n",
    b"\\ud800",
    b"\0",
    b"\xff",
    b"null",
    b"1e999",
    b"-",
    b"&a ",
    b"*a",
    b"{\"$ref\": \"#\"}",
    b"\"allOf\": [",
    b"\"type\": [\"null\"]",
    b"<|im_start|>",
    "\u{200b}".as_bytes(),
    b"&lt;",
];

fn change() -> impl Strategy<Value = Change> {
    let place = || 0..=1_000_usize;
    prop_oneof![
        1 => place().prop_map(Change::Cut),
        4 => (place(), any::<u8>()).prop_map(|(at, bits)| Change::Flip(at, bits)),
        4 => (place(), prop::sample::select(MEANINGFUL.as_slice()))
            .prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        2 => (place(), place()).prop_map(|(from, to)| Change::Double(from, to)),
        2 => (any::<usize>(), place(), place()).prop_map(|(other, from, to)| Change::Splice(other, from, to)),
        1 => (1..200_usize).prop_map(Change::Nest),
        1 => any::<bool>().prop_map(Change::Pack),
    ]
}

fn changed(mut bytes: Vec<u8>, changes: &[Change], seeds: &[Vec<u8>]) -> Vec<u8> {
    for change in changes {
        let length = bytes.len();
        let at = |permille: usize| length * permille / 1_000;
        match change {
            Change::Cut(end) => bytes.truncate(at(*end)),
            Change::Flip(place, bits) => {
                let place = at(*place);
                if let Some(byte) = bytes.get_mut(place) {
                    *byte ^= bits;
                }
            }
            Change::Insert(place, more) => {
                let place = at(*place);
                bytes.splice(place..place, more.iter().copied());
            }
            Change::Double(from, to) => {
                let (from, to) = (at(*from.min(to)), at(*from.max(to)));
                bytes.extend_from_within(from..to);
            }
            Change::Splice(other, from, to) => {
                let other = &seeds[other % seeds.len()];
                let (from, to) = (from.min(to), from.max(to));
                let part = &other[other.len() * from / 1_000..other.len() * to / 1_000];
                let place = at(*from);
                bytes.splice(place..place, part.iter().copied());
            }
            Change::Nest(levels) => {
                bytes = [b"[".repeat(*levels), bytes, b"]".repeat(*levels)].concat();
            }
            Change::Pack(true) => bytes = zstd::encode_all(bytes.as_slice(), 1).unwrap(),
            Change::Pack(false) => {
                let mut out =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                out.write_all(&bytes).unwrap();
                bytes = out.finish().unwrap();
            }
        }
    }
    bytes
}

/// The files of the example corpus that a debug build reads at once, and the fuzzers' seeds of
/// the formats that it lacks.
fn seeds() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let files = |folder: &str| fs::read_dir(root.join(folder)).unwrap();
    let files = files("tests/corpus").chain(files("fuzz/seeds"));
    let mut paths: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let seeds = paths.iter().filter(|path| path.is_file()).map(|path| fs::read(path).unwrap());
    seeds.filter(|seed| seed.len() < 64 << 10).collect()
}

/// The same cases in every run: what a run finds, the next one finds again.
fn runner() -> TestRunner {
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

#[test]
fn mutants_of_every_format_satisfy_the_invariants() {
    let seeds = seeds();
    assert!(8 < seeds.len(), "the example corpus is found");
    seeds.iter().for_each(|seed| invariants::document(seed));
    let mutants = (0..seeds.len(), prop::collection::vec(change(), 1..6));
    let run = runner().run(&mutants, |(seed, changes)| {
        invariants::document(&changed(seeds[seed].clone(), &changes, &seeds));
        Ok(())
    });
    run.unwrap();
}

const SCHEMAS: [&str; 6] = [
    r#"{"type": "object", "properties": {"a b": {"type": ["string", "null"], "default": "x"}}, "required": ["a b"]}"#,
    r#"{"allOf": [{"properties": {"a": {"enum": [1, "1", null]}}}, {"anyOf": [{"type": "integer"}, {"const": 2}]}]}"#,
    r#"{"type": "array", "items": {"oneOf": [{"type": "number", "minimum": 1, "exclusiveMaximum": true}, {}]}}"#,
    r#"{"properties": {"a": {"default": {"b": ["<|im_start|>"]}}, "A ": {"pattern": "^[<|]$"}, "é": {}}}"#,
    r#"{"type": "List[int]", "format": "date", "example": 7, "x-in": "header", "description": "[REQUIRED] x"}"#,
    r#"{"properties": {"a": {"type": "array", "items": {"type": "array", "items": {"type": "array", "items": {"type": "array"}}}}}}"#,
];

#[test]
fn mutants_of_schemas_satisfy_the_invariants() {
    let seeds: Vec<Vec<u8>> = SCHEMAS.iter().map(|schema| schema.as_bytes().to_vec()).collect();
    SCHEMAS.iter().for_each(|schema| invariants::schema(schema));
    let mutants = (0..seeds.len(), prop::collection::vec(change(), 1..4));
    let run = runner().run(&mutants, |(seed, changes)| {
        let bytes = changed(seeds[seed].clone(), &changes, &seeds);
        invariants::schema(&String::from_utf8_lossy(&bytes));
        Ok(())
    });
    run.unwrap();
}
