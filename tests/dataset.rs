//! A dataset as the `datasets` library reads it.
//!
//! Goal: what `load_dataset` gives a user is what was written, with no key that was not. Method:
//! commit a small world, let the real library load every configuration that the card names, and
//! compare. Without Python 3 or a package index, it says that it was skipped.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value as Json, json};

use dataflows::dataset::{
    BoundTool, DomainRow, DomainTools, TaskRow, ToolRow, TrajectoryRow, Tries, bound_tools,
    write_domains, write_rejected, write_tasks, write_tools, write_trajectories,
};
use dataflows::store::{Contents, World};
use schemas::{
    ArgumentSource, Audit, Basis, Call, Column, Digest, DomainId, Effect, Environment, Field,
    GoldenCall, Intent, KeyStyle, Kind, Message, Operation, Origin, Output, Persona, Program,
    Provenance, Reply, Role, Rule, Scenario, Shape, Speaker, Stage, Table, Task, TaskId, TaskKind,
    Tool, ToolId, Trajectory, TrajectoryId, Value, Verdict,
};

const REQUIREMENTS: [&str; 2] = ["datasets>=4.8", "pyarrow"];

const LOAD_EVERYTHING: &str = r#"
import json, sys
from datasets import get_dataset_config_names, load_dataset

folder, cache = sys.argv[1:]
loaded = {}
for config in get_dataset_config_names(folder):
    for split, rows in load_dataset(folder, config, cache_dir=cache).items():
        loaded[f"{config}/{split}"] = list(rows)
print(json.dumps(loaded))
"#;

#[test]
fn datasets_reads_what_was_written() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let world = World::create(folder.path().join("world")).unwrap();
    let licenses = [("weird \"license\": {x}\n- y: é🏜 #".to_string(), 1)].into();
    write_world(&world, licenses);

    let output = Command::new(python)
        .args(["-c", LOAD_EVERYTHING])
        .arg(world.dataset().folder())
        .arg(folder.path().join("cache"))
        .env("HF_HOME", folder.path().join("home"))
        .env("HF_HUB_OFFLINE", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let loaded: Json = serde_json::from_slice(&output.stdout).unwrap();

    let names: Vec<&str> = loaded.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = "general/test general/train vertical/train tasks/train tools/train \
                    domains/train rejected/train";
    let (mut names, mut expected) = (names, expected.split_whitespace().collect::<Vec<_>>());
    names.sort_unstable();
    expected.sort_unstable();
    assert_eq!(names, expected);
    check_general(&loaded["general/train"]);
    assert_eq!(loaded["general/train"].as_array().unwrap().len(), 300, "both shards, once");
    assert_eq!(loaded["rejected/train"][0]["verdict"], "state");
    check_tasks(&loaded["tasks/train"][0]);
    assert_eq!(loaded["tools/train"][0]["parameters"]["type"], "object");
    assert_eq!(loaded["tools/train"][0]["domain"], Json::Null);
    assert_eq!(loaded["domains/train"][0]["tables"][0]["columns"][0]["role"], "key");
}

fn check_general(rows: &Json) {
    let row = &rows[0];
    assert_eq!(row["trajectory_id"], TrajectoryId(0).to_string());
    assert_eq!(row["messages"][1]["content"], "Dune, please \u{2028}🏜\0");
    assert_eq!(row["messages"][1]["tool_calls"], Json::Null, "no padded call");
    assert_eq!(
        row["messages"][2]["tool_calls"],
        json!([{"type": "function", "function":
            {"name": "find_book", "arguments": {"title": "Dune", "shelf": null, "most": 1e16}}}])
    );
    assert_eq!(row["messages"][3]["name"], "find_book");
    let tool = &row["tools"][0];
    assert_eq!(tool["function"]["name"], "find_book");
    assert_eq!(tool["function"]["parameters"]["properties"]["title"]["type"], "string");
    assert_eq!(tool["function"]["parameters"].as_object().unwrap().len(), 3, "no padded key");
    assert_eq!(row["supervised"], json!([false, false, true, false, true]));
    assert_eq!(row["sources"], json!(["library"]));
    let broken = &rows[299]["messages"][2]["tool_calls"][0]["function"]["arguments"];
    assert_eq!(*broken, json!("{broken"), "arguments that are no object stay as they were sent");
}

fn check_tasks(row: &Json) {
    let golden = &row["golden_calls"][0];
    assert_eq!(golden["arguments"], json!({"title": "Dune"}));
    assert_eq!(golden["sources"], json!({"title": "user"}));
    assert_eq!(row["user"]["persona"], "terse");
    assert_eq!(row["offered"], json!(["find_book"]));
}

fn write_world(world: &World, licenses: std::collections::BTreeMap<String, u64>) {
    let locked = world.lock().unwrap();
    let put = |role: &str, rows: u64, bytes: Vec<u8>| {
        (role.to_string(), locked.put_object("parquet", rows, &bytes).unwrap())
    };
    let kept = Verdict::kept();
    let rows = |range: std::ops::Range<u64>| range.map(|id| row(id, &kept)).collect::<Vec<_>>();
    let refuted = Verdict::refuted(Stage::State, "books: one row too few");
    let tries = Tries { trials: 1, passes: 1 };
    let task = TaskRow { task: task(), domain: "library".into(), split: "train".into(), tries };
    let tool = ToolRow {
        tool: tool(),
        operation: None,
        domain: None,
        provenance: vec![Provenance {
            tool: tool().id,
            origin: Origin { file: "a.json".into(), pointer: "/0".into(), ..Origin::default() },
            rules: vec![Rule::OutputInferred],
        }],
        overlap: None,
    };
    let objects = [
        put("general/train/2", 150, write_trajectories(rows(0..150)).unwrap()),
        put("general/train/17", 150, write_trajectories(rows(150..300)).unwrap()),
        put("general/test/5", 10, write_trajectories(rows(900..910)).unwrap()),
        put("vertical/train/2", 10, write_trajectories(rows(0..10)).unwrap()),
        put("rejected/train/0", 1, write_rejected([row(7, &refuted)]).unwrap()),
        put("tasks/train/0", 1, write_tasks([task]).unwrap()),
        put("tools/train/0", 1, write_tools([tool]).unwrap()),
        put("domains/train/0", 1, write_domains([DomainRow::new(&environment(), 1, 1)]).unwrap()),
    ];
    let contents = Contents { objects: objects.into(), licenses, ..Contents::default() };
    locked.commit(contents, Vec::new(), None).unwrap();
}

fn environment() -> Environment {
    let key = Column {
        name: "book_id".into(),
        kind: Kind::Text,
        role: Role::Key,
        description: String::new(),
    };
    Environment {
        domain: DomainId(7),
        name: "library".into(),
        tables: vec![Table {
            name: "books".into(),
            noun: "book".into(),
            key_style: KeyStyle::Uuid,
            columns: vec![key],
            rows: Vec::new(),
        }],
        operations: vec![Operation {
            tool: ToolId(1),
            revision: Digest::of(b"revision"),
            name: "find_book".into(),
            description: "Finds a book.".into(),
            input: input(),
            verb: "find".into(),
            noun: "book".into(),
            program: Program { steps: Vec::new(), reply: Reply::List(Vec::new()) },
            effect: Effect::Read,
            reads: [].into(),
            writes: [].into(),
        }],
    }
}

fn input() -> Vec<Field> {
    vec![Field {
        name: "title".into(),
        shape: Shape::text(),
        required: true,
        place: String::new(),
        description: "What it is called.".into(),
        default: Value::Null,
        example: Value::Null,
    }]
}

fn tool() -> Tool {
    Tool {
        id: ToolId(1),
        revision: Digest::of(b"revision"),
        identity: "library find_book".into(),
        name: "find_book".into(),
        description: "Finds a book.".into(),
        source: "library".into(),
        provider: "library".into(),
        service: "library".into(),
        category: String::new(),
        license: String::new(),
        method: None,
        path: None,
        input: input(),
        output: Output { shape: Shape::Any, basis: Basis::Inferred },
    }
}

fn task() -> Task {
    Task {
        id: TaskId(3),
        domain: DomainId(7),
        kind: TaskKind::Single,
        offered: ["find_book".to_string()].into(),
        part: Digest::of(b"part"),
        scenario: Scenario {
            instruction: "You want to find Dune.".into(),
            persona: Persona::Terse,
            intents: vec![Intent {
                request: "Dune?".into(),
                on_request: Vec::new(),
                calls: vec![0],
            }],
        },
        golden: vec![GoldenCall {
            name: "find_book".into(),
            arguments: Value::parse("{\"title\": \"Dune\"}").unwrap(),
            sources: vec![("title".into(), ArgumentSource::User)],
            observation: "{\"results\": []}".into(),
            effect: Effect::Read,
            failed: false,
        }],
        faults: Vec::new(),
        initial_state: Digest::of(b"state"),
        golden_state: Digest::of(b"state"),
        audit: Audit::default(),
    }
}

fn row(id: u64, verdict: &Verdict) -> TrajectoryRow {
    let tools: DomainTools = bound_tools(&environment(), |_tool| ("library", ""));
    assert!(tools.values().all(|BoundTool { license, .. }| license == "unknown"));
    let message = |role, content: &str| Message {
        role,
        content: content.into(),
        reasoning: String::new(),
        calls: Vec::new(),
        name: String::new(),
        supervised: role == Speaker::Assistant,
    };
    let arguments = match id {
        299 => Value::text("{broken"),
        _ => Value::parse("{\"title\": \"Dune\", \"shelf\": null, \"most\": 1e16}").unwrap(),
    };
    let trajectory = Trajectory {
        id: TrajectoryId(id),
        task: TaskId(3),
        domain: DomainId(7),
        kind: TaskKind::Single,
        trial: 0,
        agent: "built-in".into(),
        user: "built-in".into(),
        messages: vec![
            message(Speaker::System, "Help."),
            message(Speaker::User, "Dune, please \u{2028}🏜\0"),
            Message {
                calls: vec![Call { name: "find_book".into(), arguments }],
                ..message(Speaker::Assistant, "")
            },
            Message { name: "find_book".into(), ..message(Speaker::Tool, "{\"results\": []}") },
            message(Speaker::Assistant, "There is none."),
        ],
        ended: true,
        initial_state: Digest::of(b"state"),
        final_state: Digest::of(b"state"),
    };
    TrajectoryRow::new(trajectory, &task(), "library", &tools, verdict)
}

/// A Python that has the library, kept between runs outside the repository.
fn python() -> Option<PathBuf> {
    let folder = std::env::temp_dir().join("agentscaler-python-datasets");
    let python = folder.join("bin/python");
    let ready = folder.join("ready");
    if ready.is_file() {
        return Some(python);
    }
    let install = || -> Result<(), String> {
        run(Path::new("python3"), &["-m", "venv", "--clear", folder.to_str().unwrap()])?;
        run(&python, &[&["-m", "pip", "install", "--quiet"], &REQUIREMENTS[..]].concat())?;
        fs::write(&ready, "").map_err(|error| error.to_string())
    };
    match install() {
        Ok(()) => Some(python),
        Err(reason) => {
            eprintln!("SKIPPED the test with Hugging Face datasets: {reason}");
            None
        }
    }
}

fn run(program: &Path, arguments: &[&str]) -> Result<(), String> {
    let named = format!("{} {}", program.display(), arguments.join(" "));
    match Command::new(program).args(arguments).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{named}: {}", String::from_utf8_lossy(&output.stderr))),
        Err(error) => Err(format!("{named}: {error}")),
    }
}
