//! Exported tools, as others take them.
//!
//! Goal: every schema that leaves is valid JSON Schema (draft 2020-12), and says what the world
//! says. Method: build a world, export its tools with the program's own function, check each with
//! the `jsonschema` crate against the meta-schema, and read the export with our own importer.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use dataflows::build::{Listener, Request, build};
use dataflows::export;
use dataflows::store::World;
use operators::refine::clean;
use operators::{Work, parse, refine};
use schemas::{CorpusPlan, Tool, object_schema};
use serde_json::{Value as Json, json};

struct Silent;

impl Listener for Silent {
    fn begun(&self, _work: &Arc<Work>, _documents: usize) {}
    fn warn(&self, _message: &str) {}
    fn committing(&self) {}
}

/// What an agent sees of a tool, as JSON: the same for tools that say the same.
fn seen(tool: &Tool) -> (String, String, String) {
    let schema = object_schema(&tool.input).to_string();
    (tool.name.clone(), tool.description.clone(), schema)
}

fn openai(tool: &Tool) -> Json {
    let parameters: Json = serde_json::from_str(&object_schema(&tool.input).to_string()).unwrap();
    let (name, description) = (&tool.name, &tool.description);
    json!({"type": "function", "function": {
        "name": name, "description": description, "parameters": parameters}})
}

#[track_caller]
fn check_schema(schema: &Json) {
    if let Err(error) = jsonschema::draft202012::meta::validate(schema) {
        panic!("{error}: {schema}");
    }
}

#[test]
fn exported_tools_come_back_as_they_left() {
    let folder = tempfile::tempdir().unwrap();
    let request = Request {
        corpus: vec!["tests/corpus".into()],
        world: folder.path().join("world"),
        workers: 1,
        settings: vec!["task.per_operation=1".into()],
        variables: Vec::new(),
        refit: false,
        pinned: None,
        endpoint: None,
    };
    build(&request, &Silent).unwrap();
    let world = World::open(&request.world).unwrap();
    let manifest = world.latest().unwrap().manifest.unwrap();
    let mut exported = Vec::new();
    let written = export::tools(&world, &manifest, &mut exported).unwrap();
    assert_eq!(written, manifest.contents.counts["tools"]);
    let tools: Vec<Json> = serde_json::from_slice(&exported).unwrap();
    assert_eq!(tools.len() as u64, written);

    let plan = CorpusPlan::default();
    let parsed = parse("export.json", &exported, &plan);
    assert_eq!(parsed.rejections, []);
    assert_eq!(parsed.records.len(), tools.len());
    for (record, left) in parsed.records.iter().zip(&tools) {
        check_schema(&left["function"]["parameters"]);
        assert_eq!(record.origin.source, "openai_tools");
        let tool = refine(record, &plan).unwrap();
        assert_eq!(openai(&tool), *left);
    }
    // What left is what the corpus says.
    let mut said: BTreeSet<String> = BTreeSet::new();
    for entry in fs::read_dir("tests/corpus").unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let records = parse(&name, &fs::read(&path).unwrap(), &plan).records;
        said.extend(
            records.iter().filter_map(|it| Some(openai(&refine(it, &plan).ok()?).to_string())),
        );
    }
    assert!(tools.iter().all(|tool| said.contains(&tool.to_string())));
}

#[test]
fn schemas_of_real_tools_are_valid_and_come_back() {
    let corpus = Path::new("../shared/corpora/dev/normalised");
    if !corpus.is_dir() {
        eprintln!("SKIPPED: there is no corpus at {}", corpus.display());
        return;
    }
    let plan = CorpusPlan::default();
    let mut paths: Vec<_> = fs::read_dir(corpus).unwrap().map(|it| it.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "zst"));
    paths.sort();
    let (mut checked, mut differing) = (0, BTreeMap::new());
    for path in &paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let records = parse(&name, &fs::read(path).unwrap(), &plan).records;
        for record in &records {
            let Ok(tool) = refine(record, &plan) else { continue };
            checked += 1;
            let left = openai(&tool);
            check_schema(&left["function"]["parameters"]);
            let output = tool.output.shape.json_schema().to_string();
            check_schema(&serde_json::from_str(&output).unwrap());
            let text = Json::Array(vec![left]).to_string();
            let parsed = parse("export.json", text.as_bytes(), &plan);
            let back = refine(&parsed.records[0], &plan).map(|again| seen(&again));
            // What its source had escaped twice loses the second escape on its way back.
            let description = clean(&tool.description, plan.description_chars_max);
            let expected = seen(&Tool { description, ..tool });
            if back.as_ref() != Ok(&expected) {
                differing.insert(record.identity.clone(), (expected, back));
            }
        }
    }
    eprintln!("{checked} schemas valid, {} come back otherwise", differing.len());
    for (identity, (left, back)) in differing.iter().take(12) {
        eprintln!("{identity}\n  left {left:?}\n  back {back:?}");
    }
    assert!(35_000 < checked);
    assert!(differing.is_empty());
}
