//! Exports for trainers: what leaves alternates as their loaders demand, says what the world says, and
//! is read by the loaders themselves where they are installed.
//!
//! `AGENTSCALER_TRAINERS_PYTHON` names a Python that has `llamafactory` and `pandas`; without it, the
//! part that needs them says SKIPPED.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]
#![expect(clippy::disallowed_methods, reason = "the loaders are where a variable says")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock};

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::Int64Type;
use dataflows::build::{Listener, Request, build};
use dataflows::dataset::{TrajectoryRow, read_trajectories};
use dataflows::export::{Conversations, json_lines, nemo_gym, sharegpt, turns as turns_of, verl};
use dataflows::store::{Manifest, World, files};
use operators::Work;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use schemas::Speaker;
use serde_json::Value;
use tempfile::TempDir;

struct Silent;

impl Listener for Silent {
    fn begun(&self, _work: &Arc<Work>, _documents: usize) {}
    fn warn(&self, _message: &str) {}
    fn committing(&self) {}
}

struct Stage {
    folder: TempDir,
    world: World,
    manifest: Manifest,
    /// Kept trajectories, by id.
    kept: BTreeMap<String, TrajectoryRow>,
}

static STAGE: LazyLock<Stage> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let request = Request {
        corpus: vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus")],
        world: folder.path().join("world"),
        workers: 2,
        settings: vec!["task.per_operation=1".into(), "rollout.trials=2".into()],
        variables: Vec::new(),
        refit: false,
        pinned: None,
        endpoint: None,
    };
    build(&request, &Silent).unwrap();
    let world = World::open(&request.world).unwrap();
    let manifest = world.latest().unwrap().manifest.unwrap();
    let mut kept = BTreeMap::new();
    for file in files(&manifest).iter().filter(|it| ["general", "vertical"].contains(&it.config)) {
        let rows = read_trajectories(File::open(world.object_path(file.object)).unwrap()).unwrap();
        kept.extend(rows.map(|row| {
            let row = row.unwrap();
            (row.trajectory_id.to_string(), row)
        }));
    }
    assert!(100 < kept.len());
    Stage { folder, world, manifest, kept }
});

fn lines(folder: &Path) -> Vec<Value> {
    let mut rows = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|it| it == "jsonl") {
            let text = fs::read_to_string(&path).unwrap();
            rows.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
        }
    }
    rows
}

fn text<'v>(row: &'v Value, key: &str) -> &'v str {
    row[key].as_str().unwrap_or_else(|| panic!("{key} in {row}"))
}

fn left_out(made: &Conversations) -> u64 {
    made.left_out.values().sum()
}

/// Whether a trainer would learn from this row what is not to be learnt.
fn teaches_a_mistake(row: &TrajectoryRow) -> bool {
    row.messages.iter().any(|it| it.role == Speaker::Assistant && !it.supervised)
}

#[test]
fn sharegpt_alternates_and_says_what_the_world_says() {
    let place = STAGE.folder.path().join("sharegpt");
    let made = sharegpt(&STAGE.world, &STAGE.manifest, &place).unwrap();
    let rows = lines(&place);
    assert_eq!(rows.len() as u64, made.total());
    assert_eq!(made.total() + left_out(&made), STAGE.kept.len() as u64, "each is told of");
    assert!(STAGE.kept.len() < 2 * rows.len(), "most can be said: {:?}", made.left_out);
    for row in &rows {
        let kept = &STAGE.kept[text(row, "trajectory_id")];
        assert!(!teaches_a_mistake(kept));
        let turns = row["conversations"].as_array().unwrap();
        assert!(turns.len().is_multiple_of(2) && !turns.is_empty());
        let mut calls = Vec::new();
        for (at, turn) in turns.iter().enumerate() {
            let from = text(turn, "from");
            let expected: &[&str] =
                if at % 2 == 0 { &["human", "observation"] } else { &["gpt", "function_call"] };
            assert!(expected.contains(&from), "{from} at {at}");
            if from == "function_call" {
                match serde_json::from_str(text(turn, "value")).unwrap() {
                    Value::Array(several) => calls.extend(several),
                    one => calls.push(one),
                }
            }
        }
        let called = kept.messages.iter().flat_map(|message| &message.calls);
        let called: Vec<(&str, Value)> = called
            .map(|call| (call.name.as_str(), serde_json::to_value(&call.arguments).unwrap()))
            .collect();
        let said: Vec<(&str, Value)> =
            calls.iter().map(|call| (text(call, "name"), call["arguments"].clone())).collect();
        assert_eq!(said, called, "every call, in its order");
        let tools: Vec<Value> = serde_json::from_str(text(row, "tools")).unwrap();
        assert_eq!(tools.len(), kept.tools.len());
        assert!(
            tools.iter().all(|tool| tool["name"].is_string() && tool["parameters"].is_object())
        );
        assert!(!text(row, "system").is_empty());
    }
    let info = fs::read_to_string(place.join("dataset_info.json")).unwrap();
    let info: Value = serde_json::from_str(&info).unwrap();
    for (_, described) in info.as_object().unwrap() {
        assert!(place.join(text(described, "file_name")).is_file());
    }
}

#[test]
fn nemo_gym_has_a_row_for_every_task_that_was_done() {
    let place = STAGE.folder.path().join("nemo-gym");
    let made = nemo_gym(&STAGE.world, &STAGE.manifest, &place).unwrap();
    let rows = lines(&place);
    let tasks: BTreeSet<String> = STAGE.kept.values().map(|row| row.task_id.to_string()).collect();
    let told: BTreeSet<String> = rows.iter().map(|row| text(row, "task_id").into()).collect();
    assert_eq!((rows.len() as u64, &told), (made.total(), &tasks));
    assert_eq!(made.total() + left_out(&made), STAGE.kept.len() as u64);
    for row in &rows {
        let asked = &row["responses_create_params"];
        let input = asked["input"].as_array().unwrap();
        let roles: Vec<&str> = input.iter().map(|it| text(it, "role")).collect();
        assert_eq!(roles, ["system", "user"], "what is met before the policy speaks");
        let tools = asked["tools"].as_array().unwrap();
        assert!(
            tools.iter().all(|it| text(it, "type") == "function" && it["parameters"].is_object())
        );
        let names: BTreeSet<&str> = tools.iter().map(|tool| text(tool, "name")).collect();
        let golden = row["golden_calls"].as_array().unwrap();
        assert!(golden.iter().all(|call| names.contains(text(call, "name"))));
        assert_eq!(text(row, "golden_state").len(), 64);
    }
}

#[test]
fn turns_are_those_to_be_learnt_each_with_what_was_said_before() {
    let place = STAGE.folder.path().join("turns");
    let made = turns_of(&STAGE.world, &STAGE.manifest, &place).unwrap();
    let learnt = |row: &TrajectoryRow| row.turns().count() as u64;
    assert_eq!(made.total(), STAGE.kept.values().map(learnt).sum::<u64>());
    assert!(STAGE.kept.values().any(teaches_a_mistake), "some turns are in prompts only");
    let mut told: BTreeSet<(String, i64)> = BTreeSet::new();
    for file in files(&STAGE.manifest).iter().filter(|file| file.config == "general") {
        for batch in batches(&place.join(&file.path)) {
            let ids = batch.column_by_name("trajectory_id").unwrap().as_string::<i32>();
            let turn = batch.column_by_name("turn").unwrap().as_primitive::<Int64Type>();
            let (prompts, completions) = (turns(&batch, "prompt"), turns(&batch, "completion"));
            for line in 0..batch.num_rows() {
                let row = &STAGE.kept[ids.value(line)];
                let at = usize::try_from(turn.value(line)).unwrap();
                assert!(row.messages[at].supervised && row.messages[at].role == Speaker::Assistant);
                let said: Vec<(String, String)> = row.messages[..=at]
                    .iter()
                    .map(|it| (it.role.name().to_string(), it.content.clone()))
                    .collect();
                assert_eq!([&prompts[line][..], &completions[line][..]].concat(), said);
                assert!(told.insert((ids.value(line).into(), turn.value(line))), "once");
            }
        }
    }
    assert_eq!(told.len() as u64, made.total());
    assert!(fs::read_to_string(place.join("README.md")).unwrap().contains("general/train-*"));
}

#[test]
fn json_lines_say_every_row_of_every_table() {
    let place = STAGE.folder.path().join("lines");
    let made = json_lines(&STAGE.world, &STAGE.manifest, &place).unwrap();
    let mut rows: BTreeMap<String, u64> = BTreeMap::new();
    for file in files(&STAGE.manifest) {
        let (name, _) = file.path.split_once('-').unwrap();
        *rows.entry(name.into()).or_default() += file.object.rows;
    }
    assert_eq!(made.rows, rows);
    let lines = lines(&place.join("general"));
    assert_eq!(lines.len(), STAGE.kept.len());
    for line in &lines {
        let row = &STAGE.kept[text(line, "trajectory_id")];
        let messages = line["messages"].as_array().unwrap();
        assert_eq!(messages.len(), row.messages.len());
        for (said, message) in messages.iter().zip(&row.messages) {
            assert_eq!(text(said, "content"), message.content);
            assert_eq!(said.get("tool_calls").is_some(), !message.calls.is_empty());
            assert_eq!(said.get("name").is_some(), !message.name.is_empty());
            for (at, call) in message.calls.iter().enumerate() {
                let function = &said["tool_calls"][at]["function"];
                assert_eq!(text(function, "name"), call.name);
                assert_eq!(function["arguments"], serde_json::to_value(&call.arguments).unwrap());
            }
        }
        assert!(line["tools"].as_array().unwrap().iter().all(|tool| tool["function"].is_object()));
    }
}

fn batches(path: &Path) -> Vec<RecordBatch> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    builder.build().unwrap().map(Result::unwrap).collect()
}

/// The turns of every row of a column.
fn turns(batch: &RecordBatch, column: &str) -> Vec<Vec<(String, String)>> {
    let lists = batch.column_by_name(column).unwrap().as_list::<i32>();
    let of = |place: usize| {
        let turns = lists.value(place);
        let parts = turns.as_struct();
        let texts = |part: &str| parts.column_by_name(part).unwrap().as_string::<i32>().clone();
        let (roles, contents) = (texts("role"), texts("content"));
        (0..roles.len()).map(|at| (roles.value(at).into(), contents.value(at).into())).collect()
    };
    (0..lists.len()).map(of).collect()
}

#[test]
fn verl_reads_roles_and_texts_only() {
    let place = STAGE.folder.path().join("verl");
    let made = verl(&STAGE.world, &STAGE.manifest, &place).unwrap();
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for name in made.rows.keys() {
        let (kind, _) = name.split_once('/').unwrap();
        let column = if kind == "sft" { "messages" } else { "prompt" };
        for batch in batches(&place.join(format!("{name}.parquet"))) {
            *counts.entry(name.clone()).or_default() += batch.num_rows() as u64;
            for row in turns(&batch, column) {
                let (first, rest) = row.split_first().unwrap();
                assert!(first.0 == "system" && first.1.contains("\n\n# Tools\n\nYou may call"));
                assert!(first.1.ends_with("<args-json-object>}\n</tool_call>"));
                assert!(
                    rest.iter().all(|(role, _)| ["user", "assistant"].contains(&role.as_str()))
                );
                let ends = if kind == "sft" { "assistant" } else { "user" };
                assert_eq!(rest.last().unwrap().0, ends);
            }
            if kind == "sft" {
                check_calls(&batch);
            }
        }
    }
    assert_eq!(counts, made.rows);
}

/// Every call of the world is in the text of its turn, as Qwen's template writes it.
fn check_calls(batch: &RecordBatch) {
    let ids = batch.column_by_name("trajectory_id").unwrap().as_string::<i32>();
    for (place, row) in turns(batch, "messages").into_iter().enumerate() {
        let kept = &STAGE.kept[ids.value(place)];
        assert!(!teaches_a_mistake(kept));
        let said =
            row.iter().filter(|(role, _)| role == "assistant").map(|(_, text)| text.as_str());
        let said: Vec<&str> = said.flat_map(|text| text.split("<tool_call>\n").skip(1)).collect();
        let calls: Vec<(String, Value)> = said
            .iter()
            .map(|call| {
                let call = call.split("\n</tool_call>").next().unwrap();
                let call: Value = serde_json::from_str(call).unwrap();
                (text(&call, "name").to_string(), call["arguments"].clone())
            })
            .collect();
        let made = kept.messages.iter().flat_map(|message| &message.calls);
        let made: Vec<(String, Value)> = made
            .map(|call| (call.name.clone(), serde_json::to_value(&call.arguments).unwrap()))
            .collect();
        assert_eq!(calls, made);
    }
}

/// What LLaMA-Factory's own converter makes of every row, and what pandas makes of verl's files.
const LOADERS: &str = r#"
import json, logging, pathlib, sys
from types import SimpleNamespace
import pandas
from llamafactory.data.converter import SharegptDatasetConverter
from llamafactory.data.parser import DatasetAttr

place = pathlib.Path(sys.argv[1])
info = json.loads((place / "sharegpt/dataset_info.json").read_text())
rows = empty = 0
for name, described in info.items():
    attributes = DatasetAttr("file", dataset_name=described["file_name"])
    attributes.join(described)
    converter = SharegptDatasetConverter(
        dataset_attr=attributes, data_args=SimpleNamespace(media_dir=None))
    for line in (place / "sharegpt" / described["file_name"]).open(encoding="utf-8"):
        made = converter(json.loads(line))
        rows += 1
        empty += not made["_prompt"] or not made["_response"]
verl = 0
for path in sorted((place / "verl").glob("*/*.parquet")):
    frame = pandas.read_parquet(path)
    column = "messages" if path.parent.name == "sft" else "prompt"
    for turns in frame[column]:
        assert all(set(turn) == {"role", "content"} and turn["content"] is not None for turn in turns)
        verl += 1
print(json.dumps({"rows": rows, "empty": empty, "verl": verl}))
"#;

#[test]
fn trainers_read_every_row() {
    let Some(python) = std::env::var_os("AGENTSCALER_TRAINERS_PYTHON") else {
        eprintln!(
            "SKIPPED the loaders of LLaMA-Factory and verl: AGENTSCALER_TRAINERS_PYTHON names no \
             Python with llamafactory and pandas"
        );
        return;
    };
    let place = STAGE.folder.path().join("read");
    fs::create_dir(&place).unwrap();
    let shared = sharegpt(&STAGE.world, &STAGE.manifest, &place.join("sharegpt")).unwrap();
    let rendered = verl(&STAGE.world, &STAGE.manifest, &place.join("verl")).unwrap();
    let ran = Command::new(python).arg("-c").arg(LOADERS).arg(&place).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    let out = String::from_utf8(ran.stdout).unwrap();
    let read: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert_eq!(read["rows"], shared.total());
    assert_eq!(read["empty"], 0, "no row is dropped");
    assert_eq!(read["verl"], rendered.total());
}
