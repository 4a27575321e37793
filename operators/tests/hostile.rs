//! Hostile files are read in bounded time and end as bounded tools or as named rejections.
//!
//! Method: every file of the hostile set is parsed and refined on its own, under a clock, and then
//! each among its neighbours, who must come out as if it were not there.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

#[path = "hostile/files.rs"]
mod files;

use std::time::{Duration, Instant};

use files::Fate;
use operators::{parse, refine};
use schemas::{CorpusPlan, Rejection, Tool};

/// Longest that one file may take in a debug build, most of it on a busy machine.
const TIME_MAX: Duration = Duration::from_secs(20);

/// Most bytes that one tool may come to.
const TOOL_BYTES_MAX: usize = 2 << 20;

fn plan() -> CorpusPlan {
    CorpusPlan { unfolded_bytes_max: 128 << 20, ..CorpusPlan::default() }
}

fn read(name: &str, bytes: &[u8]) -> (Vec<Tool>, Vec<Rejection>) {
    let plan = plan();
    let parsed = parse(name, bytes, &plan);
    let mut rejections = parsed.rejections;
    let mut tools = Vec::new();
    for record in &parsed.records {
        match refine(record, &plan) {
            Ok(tool) => tools.push(tool),
            Err(rejection) => rejections.push(rejection),
        }
    }
    (tools, rejections)
}

#[test]
fn hostile_files_end_in_time_with_a_reason() {
    let mut faults = Vec::new();
    for (name, bytes, fate) in files::all() {
        let begun = Instant::now();
        let (tools, rejections) = read(name, &bytes);
        let took = begun.elapsed();
        let reasons: Vec<String> = rejections.iter().take(2).map(Rejection::to_string).collect();
        eprintln!("{name}: {took:?}, {} tools, {} {reasons:?}", tools.len(), rejections.len());
        if TIME_MAX < took {
            faults.push(format!("{name} took {took:?}"));
        }
        let found = faults_of(fate, &tools, &rejections);
        faults.extend(found.into_iter().map(|fault| format!("{name}: {fault}")));
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

fn faults_of(fate: Fate, tools: &[Tool], rejections: &[Rejection]) -> Vec<String> {
    let mut faults = Vec::new();
    let (expected, rule, said) = match fate {
        Fate::Rejected(rule) => (0..=0, Some(rule), ""),
        Fate::Refused(said) => (0..=0, None, said),
        Fate::Read(count, rule) => (count..=usize::MAX, rule, ""),
    };
    if !expected.contains(&tools.len()) {
        faults.push(format!("{} tools, not {expected:?}", tools.len()));
    }
    if rule.is_some() && !rejections.iter().any(|rejection| rejection.rule == rule) {
        faults.push(format!("is not rejected by {rule:?}"));
    }
    if !said.is_empty() && !rejections.iter().any(|rejection| rejection.reason.contains(said)) {
        faults.push(format!("is not said to have {said}"));
    }
    for rejection in rejections {
        let Rejection { reason, .. } = rejection;
        if 1_000 < reason.chars().count() || reason.contains(char::is_control) {
            faults.push(format!("gives an unbounded reason: {reason:?}"));
        }
    }
    for tool in tools.iter().step_by(1 + tools.len() / 100) {
        let length = serde_json::to_vec(tool).unwrap().len();
        if TOOL_BYTES_MAX < length {
            faults.push(format!("makes a tool of {length} bytes"));
        }
    }
    faults
}

/// The files of a corpus do not hurt each other: what stands beside a hostile line is read.
#[test]
fn neighbours_on_other_lines_are_unhurt() {
    let good = "{\"name\": \"find_seat\", \"description\": \"Finds.\", \"inputSchema\": {}}\n";
    for bad in ["{", "\"\\ud800", "[[[[", "{\"name\": 1e999}", "nonsense", "{\"a\":}"] {
        let text = format!("{good}{bad}\n{good}");
        let (tools, rejections) = read("lines.jsonl", text.as_bytes());
        assert_eq!((tools.len(), rejections.len()), (2, 1), "{bad}: {rejections:?}");
    }
}
