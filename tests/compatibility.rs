//! Worlds that earlier versions of the program wrote: every later one reads them and goes on.
//!
//! Method: `tests/golden/worlds/` keeps, for every layout of a world there ever was, a tiny corpus
//! and the world that was made of it when the layout was new. They are never made anew: whoever
//! raises `FORMAT` adds the next, by
//!
//! ```text
//! cd tests/golden/worlds/2
//! agentscaler build corpus --world world --set task.per_operation=1 --set graph.tools_min=2
//! rm -r world/dataset world/.lock
//! ```

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dataflows::build::{BuildError, Listener, Request, build};
use dataflows::listing;
use dataflows::prove::prove;
use dataflows::store::{FORMAT, Manifest, StoreError, World};
use operators::Work;
use serde_json::Value;
use tempfile::TempDir;

struct Silent;

impl Listener for Silent {
    fn begun(&self, _work: &Arc<Work>, _documents: usize) {}
    fn warn(&self, _message: &str) {}
    fn committing(&self) {}
}

/// A copy of the golden corpus and world of a layout.
fn golden(format: u32) -> (TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    copy(&Path::new("tests/golden/worlds").join(format.to_string()), &folder.path().join("copy"));
    let (corpus, world) = (folder.path().join("copy/corpus"), folder.path().join("copy/world"));
    (folder, corpus, world)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copied = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &copied);
        } else {
            fs::copy(&path, &copied).unwrap();
        }
    }
}

fn request(corpus: &Path, world: &Path) -> Request {
    Request {
        corpus: vec![corpus.into()],
        world: world.into(),
        workers: 1,
        settings: Vec::new(),
        variables: Vec::new(),
        refit: false,
        pinned: None,
        endpoint: None,
    }
}

fn latest(world: &Path) -> Manifest {
    let latest = World::open(world).unwrap().latest().unwrap();
    assert!(latest.passed_over.is_empty(), "{:?}", latest.passed_over);
    latest.manifest.unwrap()
}

type List = fn(&World, &Manifest, listing::Sink<'_>) -> Result<(), StoreError>;

fn rows(world: &Path, list: List) -> Vec<Value> {
    let mut rows = Vec::new();
    list(&World::open(world).unwrap(), &latest(world), &mut |row| {
        rows.push(row);
        true
    })
    .unwrap();
    rows
}

/// Goal: a world of every earlier layout is listed, verified, and brought up to date with a changed
/// corpus, where its ids, its plan and its pins count.
#[test]
fn worlds_of_earlier_layouts_go_on() {
    for format in 1..=FORMAT {
        let (folder, corpus, world) = golden(format);
        let first = latest(&world);
        assert_eq!((first.format, first.version), (format, 1));
        drop(World::open(&world).unwrap().lock().unwrap());
        let proof = prove(&World::open(&world).unwrap(), 1).unwrap();
        assert!(proof.holds() && 0 < proof.rows, "layout {format}: {:#?}", proof.faults);
        let lists: [(&str, List); 4] = [
            ("tools", listing::tools),
            ("environments", listing::domains),
            ("tasks", listing::tasks),
            ("trajectories", listing::trajectories),
        ];
        for (kind, list) in lists {
            let listed = u64::try_from(rows(&world, list).len()).unwrap();
            assert_eq!(listed, first.contents.counts[kind], "{kind} of layout {format}");
        }
        let domains = |of: &Path| -> Vec<Value> {
            rows(of, listing::domains).into_iter().map(|row| row["id"].clone()).collect()
        };
        let before = domains(&world);

        let added = "{\"tools\": [{\"name\": \"weigh_parcel\", \"description\": \"Weigh a parcel.\", \
                     \"inputSchema\": {\"type\": \"object\", \"properties\": {\"parcel_id\": \
                     {\"type\": \"string\"}}, \"required\": [\"parcel_id\"]}}]}";
        fs::write(corpus.join("scales.mcp.json"), added).unwrap();
        let second = build(&request(&corpus, &world), &Silent).unwrap();
        assert_eq!((second.version, second.parent, second.changed), (2, Some(1), true));
        assert_eq!(second.counts["tools"], first.contents.counts["tools"] + 1);
        assert!(before.iter().all(|id| domains(&world).contains(id)), "domains keep their ids");
        assert!(prove(&World::open(&world).unwrap(), 1).unwrap().holds());

        let scratch = folder.path().join("scratch");
        fs::create_dir_all(scratch.join("manifests")).unwrap();
        fs::copy(world.join("plan.toml"), scratch.join("plan.toml")).unwrap();
        let pinned = Some((world.clone(), Some(1)));
        build(&Request { pinned, ..request(&corpus, &scratch) }, &Silent).unwrap();
        assert_eq!(latest(&scratch), latest(&world), "the same as from scratch");
    }
}

/// Goal: a layout that is not known is left alone, with words that say what to do.
#[test]
fn worlds_of_later_layouts_are_left_alone() {
    let (_folder, corpus, world) = golden(FORMAT);
    let path = world.join("manifests/00000000000000000001.json");
    let text = fs::read_to_string(&path).unwrap();
    let later = format!("\"format\": {}", FORMAT + 1);
    let text = text.replacen(&format!("\"format\": {FORMAT}"), &later, 1);
    fs::remove_file(&path).unwrap();
    fs::write(&path, &text).unwrap();
    let met = World::open(&world).unwrap().latest().unwrap_err();
    assert!(matches!(met, StoreError::Newer { format, .. } if format == FORMAT + 1), "{met}");
    let error = build(&request(&corpus, &world), &Silent).unwrap_err();
    assert!(matches!(error, BuildError::Store(StoreError::Newer { .. })), "{error}");
    assert!(error.to_string().contains("was made by a newer version"), "{error}");
    assert_eq!(error.remedy(), Some("use the version that made it, or a later one"));
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}
