//! Parsing and refining of real API descriptions, as published and as dirty.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]
#![expect(clippy::print_stderr, reason = "what was found is printed for who looks")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use operators::{parse, refine};
use schemas::{CorpusPlan, Digest, Rule, Tool, Value};

/// Records found in each folder of native formats, in per mille of what is expected there.
const FLOORS_PERMILLE: [(&str, u64); 16] = [
    ("acebench", 1_000),
    ("aliyun", 1_000),
    ("api_bank", 1_000),
    ("aws", 1_000),
    ("bfcl", 1_000),
    ("broken", 1_000),
    ("mcp", 1_000),
    ("openai_tools", 1_000),
    ("openapi3_json", 1_000),
    ("openapi3_yaml", 1_000),
    ("seal_tools", 1_000),
    ("swagger2_yaml", 1_000),
    ("taskbench", 1_000),
    ("toolalpaca", 1_000),
    ("toolbench_rapidapi", 1_000),
    ("xlam", 1_000),
];

/// Definitions in files whose manifest does not count them, counted by an independent reader.
const UNCOUNTED: [(&str, i64); 4] = [
    ("openai_tools/FunctionChat-Singlecall.jsonl", 625),
    ("seal_tools/tool.jsonl", 930),
    ("taskbench/graph_desc.json", 40),
    ("toolalpaca/eval_real.json", 40),
];

#[test]
fn native_formats_are_read() {
    let Some(raw) = corpus("raw") else { return };
    let plan = CorpusPlan::default();
    let manifest = fs::read_to_string(raw.join("manifest.json")).unwrap();
    let manifest = Value::parse(&manifest).unwrap();
    let Some(Value::List(files)) = manifest.get("files") else { panic!("no files") };
    let mut folders: BTreeMap<String, (u64, u64, u64, usize)> = BTreeMap::new();
    let mut away: BTreeMap<String, usize> = BTreeMap::new();
    for file in files {
        let path = file.get("file").and_then(Value::as_text).unwrap();
        let folder = path.split('/').next().unwrap().to_string();
        let parsed = parse(path, &fs::read(raw.join(path)).unwrap(), &plan);
        let found = parsed.records.len() as u64;
        let entry = folders.entry(folder.clone()).or_default();
        let uncounted = UNCOUNTED.iter().find(|(name, _)| *name == path).map(|(_, count)| *count);
        let expected = match file.get("tools_expected") {
            Some(Value::Integer(expected)) => Some(*expected),
            _ => uncounted,
        };
        if let Some(expected) = expected {
            let expected = u64::try_from(expected).unwrap();
            entry.0 += expected;
            entry.1 += found.min(expected);
            if found != expected {
                eprintln!("{path}: {found} of {expected}");
            }
        }
        for record in &parsed.records {
            match refine(record, &plan) {
                Ok(_) => entry.2 += 1,
                Err(rejection) => {
                    *away.entry(format!("{folder}: {}", rejection.reason)).or_default() += 1;
                }
            }
        }
        entry.3 += parsed.rejections.len();
        for rejection in parsed.rejections.iter().take(2) {
            eprintln!("    {rejection}");
        }
    }
    eprintln!("folder: found of expected, tools, rejections");
    for (folder, (expected, found, tools, rejections)) in &folders {
        eprintln!("{folder}: {found} of {expected}, {tools}, {rejections}");
    }
    eprintln!("turned away by refining: {away:#?}");
    for (folder, floor) in FLOORS_PERMILLE {
        let (expected, found, ..) = folders[folder];
        assert!(floor * expected <= found * 1_000, "{folder}: {found} of {expected}");
    }
}

/// How long this thread has had a processor: these machines are shared.
fn busy() -> Duration {
    let said = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = said.split(' ').next().and_then(|number| number.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or_default())
}

/// Every record in a release build, every eighth in a debug build, which is ten times slower.
const STEP: usize = if cfg!(debug_assertions) { 8 } else { 1 };

fn normalised(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "zst"));
    paths.sort();
    paths
}

#[test]
fn normalised_records_are_refined() {
    let Some(folder) = corpus("normalised") else { return };
    let plan = CorpusPlan::default();
    let start = Instant::now();
    let mut records = Vec::new();
    for path in &normalised(&folder) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let parsed = parse(name, &fs::read(path).unwrap(), &plan);
        assert_eq!(parsed.rejections, [], "{name}");
        records.extend(parsed.records);
    }
    let parsed_in = start.elapsed();
    let refining = Instant::now();
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let mut contents: BTreeSet<Digest> = BTreeSet::new();
    let mut tools = 0;
    for record in records.iter().step_by(STEP) {
        match refine(record, &plan) {
            Ok(tool) => {
                tools += 1;
                check_tool(&tool);
                let Tool { name, description, input, output, .. } = &tool;
                contents.insert(Digest::of_record(&(name, description, input, output)));
            }
            Err(rejection) => {
                let words = rejection.reason.split(' ').take(6).collect::<Vec<_>>().join(" ");
                *reasons.entry(words).or_default() += 1;
            }
        }
    }
    let refined_in = refining.elapsed();
    eprintln!("{} records in {parsed_in:?}, {tools} tools in {refined_in:?}", records.len());
    eprintln!("{} of the tools differ", contents.len());
    eprintln!("{reasons:#?}");
    assert_eq!(records.len(), 35_784);
    assert!(34_000 / STEP <= tools, "{tools} tools");
}

/// Held back are few, and each under a rule with what was caught; looking costs little.
#[test]
fn quarantine_holds_back_few_real_records() {
    let Some(folder) = corpus("normalised") else { return };
    let plan = CorpusPlan::default();
    let lax = CorpusPlan { quarantine: false, ..plan.clone() };
    let mut held: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut strictly, mut laxly) = (Duration::ZERO, Duration::ZERO);
    for path in normalised(&folder) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let parsed = parse(name, &fs::read(&path).unwrap(), &plan);
        let begun = busy();
        let tools = parsed.records.iter().step_by(STEP).filter(|one| refine(one, &lax).is_ok());
        assert_ne!(tools.count(), 0);
        let between = busy();
        laxly += between - begun;
        for record in parsed.records.iter().step_by(STEP) {
            let Err(rejection) = refine(record, &plan) else { continue };
            let rule = rejection.rule.map(Rule::name).filter(|rule| rule.starts_with("quarantine"));
            if let Some(rule) = rule {
                *held.entry(rule).or_default() += 1;
                eprintln!("{rule} {rejection}");
            }
        }
        strictly += busy() - between;
    }
    eprintln!("{held:?}; {strictly:?}, and {laxly:?} without");
    assert!(held.values().sum::<usize>() <= 20, "{held:?}");
}

/// What every provider of models demands of a tool.
fn check_tool(tool: &Tool) {
    let fits = |name: &str, marks: &str| {
        !name.is_empty()
            && name.len() <= 64
            && name.chars().all(|c| c.is_ascii_alphanumeric() || marks.contains(c))
    };
    assert!(fits(&tool.name, "_-"), "{}: {}", tool.identity, tool.name);
    for field in &tool.input {
        assert!(fits(&field.name, "_.-"), "{}: {}", tool.identity, field.name);
        assert!(field.default.is_null() || field.shape.admits(&field.default));
    }
    for token in ["<|", "|>", "<tool_call>", "<think>", "[INST]", "\u{200b}"] {
        assert!(!tool.description.contains(token), "{}: {}", tool.identity, tool.description);
    }
}

fn corpus(part: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora/dev").join(part);
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("SKIPPED: there is no corpus at {}", path.display());
    None
}
