//! Benchmarks in whole worlds: what overlaps is withheld before it is rolled out, and only that; the
//! world remembers the benchmark until told otherwise, and forgets it without a trace.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dataflows::benchmarks::{keep, of_files};
use dataflows::build::{BuildError, Listener, Request, build};
use dataflows::dataset::{read_tasks, read_trajectories};
use dataflows::explain::explain;
use dataflows::listing;
use dataflows::prove::prove;
use dataflows::store::{Manifest, World};
use dataflows::summary::Summary;
use operators::Work;
use serde_json::{Value, json};

struct Silent;

impl Listener for Silent {
    fn begun(&self, _work: &Arc<Work>, _documents: usize) {}
    fn warn(&self, _message: &str) {}
    fn committing(&self) {}
}

fn request(corpus: &Path, world: &Path, settings: &[String]) -> Request {
    let mut all = vec!["task.per_operation=1".into()];
    all.extend(settings.iter().cloned());
    Request {
        corpus: vec![corpus.into()],
        world: world.into(),
        workers: 2,
        settings: all,
        variables: Vec::new(),
        refit: false,
        pinned: None,
        endpoint: None,
    }
}

fn made(corpus: &Path, world: &Path, settings: &[String]) -> Summary {
    build(&request(corpus, world, settings), &Silent).unwrap()
}

fn corpus(folder: &Path) -> PathBuf {
    let corpus = folder.join("corpus");
    fs::create_dir(&corpus).unwrap();
    for entry in fs::read_dir("tests/corpus").unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_string();
        if ["library", "clinic", "hotels"].iter().any(|begin| name.starts_with(begin)) {
            fs::copy(&path, corpus.join(name)).unwrap();
        }
    }
    corpus
}

fn latest(world: &Path) -> Manifest {
    World::open(world).unwrap().latest().unwrap().manifest.unwrap()
}

/// Every row of a kind that `agentscaler list` prints.
fn listed(
    world: &Path,
    list: fn(&World, &Manifest, listing::Sink<'_>) -> Result<(), dataflows::store::StoreError>,
) -> Vec<Value> {
    let mut rows = Vec::new();
    list(&World::open(world).unwrap(), &latest(world), &mut |row| {
        rows.push(row);
        true
    })
    .unwrap();
    rows
}

/// The ids of the tasks of all rows in `dataset/` of these configurations.
fn tasks_shown(world: &Path, configs: &[&str]) -> BTreeSet<String> {
    let mut shown = BTreeSet::new();
    for config in configs {
        let Ok(entries) = fs::read_dir(world.join("dataset").join(config)) else { continue };
        for entry in entries {
            let file = fs::File::open(entry.unwrap().path()).unwrap();
            if *config == "tasks" {
                shown.extend(read_tasks(file).unwrap().map(|row| row.unwrap().task.id.to_string()));
            } else {
                let rows = read_trajectories(file).unwrap();
                shown.extend(rows.map(|row| row.unwrap().task_id.to_string()));
            }
        }
    }
    shown
}

/// A benchmark that has one of the world's tools, and the words of one of its other tasks.
fn leak(folder: &Path, corpus: &Path, world: &Path) -> (PathBuf, String, String) {
    let world_of = World::open(world).unwrap();
    let row = |name: &str| explain(&world_of, &latest(world), name, 1).unwrap().remove(0).row;
    let tool = listed(world, listing::tools)
        .into_iter()
        .find(|tool| tool["name"] == "borrow_book")
        .expect("the library lends books");
    let full = row(tool["id"].as_str().unwrap());
    let other = listed(world, listing::tasks)
        .into_iter()
        .map(|task| row(task["id"].as_str().unwrap()))
        .filter(|task| task["domain_id"] != tool["domain_id"])
        .find(|task| 20 < task["instruction"].as_str().unwrap().split(' ').count())
        .unwrap();
    let rows = json!({
        "id": "leak_0", "question": [[{"role": "user", "content": other["instruction"]}]],
        "function": [{"name": full["name"], "description": "Something else entirely, you see.",
            "parameters": full["parameters"]}],
    });
    let file = folder.join("leak.json");
    fs::write(&file, format!("{rows}\n")).unwrap();
    let fingerprint = of_files("leaky", &[file], &mut |path| panic!("{path:?} is empty")).unwrap();
    assert_eq!((fingerprint.tools, fingerprint.texts), (1, 1));
    let path = folder.join("leaky.fingerprint.json");
    fs::write(&path, serde_json::to_vec(&fingerprint).unwrap()).unwrap();
    assert!(corpus.is_dir());
    let id = |of: &Value, key: &str| of[key].as_str().unwrap().to_string();
    (path, id(&tool, "id"), id(&json!(other), "task_id"))
}

#[test]
fn what_overlaps_is_withheld_until_the_benchmark_is_taken_out() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = corpus(folder.path());
    let world = folder.path().join("world");
    let clean = made(&corpus, &world, &[]);
    assert_eq!(clean.rejected["contaminated"], 0);
    let before = latest(&world);
    let (file, tool, task) = leak(folder.path(), &corpus, &world);

    let setting = keep(&world, &[file], &[], &[]).unwrap();
    let judged = made(&corpus, &world, std::slice::from_ref(&setting));
    let withheld: BTreeSet<String> = listed(&world, listing::rejections)
        .iter()
        .filter(|row| row["stage"] == "contaminated")
        .map(|row| row["subject"].as_str().unwrap().to_string())
        .collect();
    assert!(withheld.contains(&task), "its words are the benchmark's");
    assert!(1 < withheld.len(), "and others call the benchmark's tool");
    assert_eq!(judged.rejected["contaminated"], withheld.len() as u64);
    assert_eq!(judged.counts["tasks"] + judged.rejected["contaminated"], clean.counts["tasks"]);
    assert_eq!(judged.work["rollouts"], 0, "what is left was rolled out before");
    let shown = tasks_shown(&world, &["general", "vertical", "rejected", "tasks"]);
    assert!(shown.is_disjoint(&withheld) && !shown.is_empty());
    assert!(prove(&World::open(&world).unwrap(), 2).unwrap().holds());

    let flagged: Vec<Value> = listed(&world, listing::tools)
        .into_iter()
        .filter(|row| !row["benchmark"].is_null())
        .collect();
    assert_eq!(flagged.len(), 1);
    assert_eq!((&flagged[0]["id"], &flagged[0]["overlap_permille"]), (&json!(tool), &json!(1000)));
    let opened = World::open(&world).unwrap();
    let explained = explain(&opened, &latest(&world), &task, 5).unwrap();
    let reason = explained[0].row["reason"].as_str().unwrap();
    assert!(reason.starts_with("overlaps with leaky by 1000 permille: its words \""), "{reason}");
    let of_tool = explain(&opened, &latest(&world), &tool, 1).unwrap();
    assert_eq!(of_tool[0].row["benchmark"], "leaky");

    let card = fs::read_to_string(world.join("dataset/README.md")).unwrap();
    assert!(card.contains("were compared with `leaky`."), "{card}");

    let again = made(&corpus, &world, &[]);
    assert!(!again.changed, "the world remembers its benchmarks");

    made(&corpus, &world, &["decontaminate.benchmarks=[]".into()]);
    let after = latest(&world);
    assert_eq!(after.contents.objects, before.contents.objects, "nothing of it is left");
    assert_eq!(after.contents.pins, before.contents.pins);
}

#[test]
fn judged_worlds_do_not_depend_on_their_path() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = corpus(folder.path());
    let (stepwise, afresh) = (folder.path().join("stepwise"), folder.path().join("afresh"));
    made(&corpus, &stepwise, &[]);
    let (file, ..) = leak(folder.path(), &corpus, &stepwise);
    let setting = keep(&stepwise, &[file], &[], &[]).unwrap();
    made(&corpus, &stepwise, std::slice::from_ref(&setting));
    let pinned = Request {
        pinned: Some((stepwise.clone(), Some(1))),
        workers: 1,
        ..request(&corpus, &afresh, std::slice::from_ref(&setting))
    };
    build(&pinned, &Silent).unwrap();
    assert_eq!(latest(&afresh), latest(&stepwise), "manifest and all");
}

#[test]
fn fingerprint_that_is_not_there_is_an_error_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = corpus(folder.path());
    let world = folder.path().join("world");
    let settings = [format!("decontaminate.benchmarks=[\"gone:{}\"]", "0".repeat(64))];
    let error = build(&request(&corpus, &world, &settings), &Silent).unwrap_err();
    assert!(matches!(error, BuildError::Benchmark(_)), "{error}");
    assert!(error.to_string().contains("gone") && error.remedy().unwrap().contains("plan.toml"));
    let notes = folder.path().join("notes.json");
    fs::write(&notes, "{\"nothing\": \"of interest\"}").unwrap();
    let mut empty = 0;
    of_files("x", std::slice::from_ref(&notes), &mut |_| empty += 1).unwrap_err();
    assert_eq!(empty, 1);
    assert!(keep(&world, &[notes], &[], &[]).unwrap_err().to_string().contains("no fingerprint"));
}
