//! Whole worlds: the same bytes whatever the workers, and after changes the bytes of a rebuild.
//!
//! Method: build the example corpus, or parts of it, into folders and compare the folders'
//! `objects/` and `manifests/` byte by byte.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::slice;
use std::sync::Arc;

use dataflows::build::{BuildError, Listener, Request, build};
use dataflows::prove::prove;
use dataflows::store::World;
use dataflows::summary::Summary;
use operators::Work;
use tempfile::TempDir;

struct Silent;

impl Listener for Silent {
    fn begun(&self, _work: &Arc<Work>, _documents: usize) {}
    fn warn(&self, _message: &str) {}
    fn committing(&self) {}
}

fn request(corpus: &[PathBuf], world: &Path, workers: usize) -> Request {
    Request {
        corpus: corpus.to_vec(),
        world: world.into(),
        workers,
        settings: vec!["task.per_operation=1".into()],
        variables: Vec::new(),
        refit: false,
        pinned: None,
        endpoint: None,
    }
}

fn made(corpus: &[PathBuf], world: &Path, workers: usize) -> Summary {
    build(&request(corpus, world, workers), &Silent).unwrap()
}

/// The files of the example corpus whose names begin so, copied into a fresh folder `corpus`.
fn example(names: &[&str]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let corpus = folder.path().join("corpus");
    fs::create_dir(&corpus).unwrap();
    for entry in fs::read_dir("tests/corpus").unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_file() && names.iter().any(|begin| name.starts_with(begin)) {
            fs::copy(&path, corpus.join(name)).unwrap();
        }
    }
    (folder, corpus)
}

/// Every file that makes a version, with its bytes.
fn committed(world: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for folder in ["objects", "manifests"] {
        for entry in fs::read_dir(world.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{folder}/{}", path.file_name().unwrap().to_str().unwrap());
            files.insert(name, fs::read(path).unwrap());
        }
    }
    files
}

/// The files that the latest version names, and its manifest.
fn latest(world: &Path) -> BTreeMap<String, Vec<u8>> {
    let opened = World::open(world).unwrap();
    let manifest = opened.latest().unwrap().manifest.unwrap();
    let manifest_name = format!("manifests/{:020}.json", manifest.version);
    let named: Vec<String> = manifest
        .contents
        .all_objects()
        .map(|object| format!("objects/{}", object.file_name()))
        .chain([manifest_name])
        .collect();
    committed(world).into_iter().filter(|(name, _)| named.contains(name)).collect()
}

#[track_caller]
fn assert_same(one: &BTreeMap<String, Vec<u8>>, other: &BTreeMap<String, Vec<u8>>) {
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(one), names(other));
    for (name, bytes) in one {
        assert!(*bytes == other[name], "{name} differs");
    }
}

#[test]
fn worlds_do_not_depend_on_workers_or_the_order_of_files() {
    let (folder, corpus) = example(&["library", "clinic", "hotels", "leftovers"]);
    let worlds: Vec<PathBuf> =
        ["one", "two", "three"].iter().map(|name| folder.path().join(name)).collect();
    made(slice::from_ref(&corpus), &worlds[0], 1);
    made(slice::from_ref(&corpus), &worlds[1], 2);
    // The same files given one by one, backwards, go by the same names only below one folder; so
    // the third world reads a copy whose entries were made in another order.
    let backwards = folder.path().join("again").join("corpus");
    fs::create_dir_all(&backwards).unwrap();
    let mut files: Vec<PathBuf> =
        fs::read_dir(&corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files.iter().rev() {
        fs::copy(file, backwards.join(file.file_name().unwrap())).unwrap();
    }
    made(&[backwards], &worlds[2], 3);
    assert_same(&committed(&worlds[0]), &committed(&worlds[1]));
    assert_same(&committed(&worlds[0]), &committed(&worlds[2]));
}

#[test]
fn unchanged_corpus_makes_no_version_and_no_work() {
    let (folder, corpus) = example(&["fitness", "invoicing"]);
    let world = folder.path().join("world");
    assert!(made(slice::from_ref(&corpus), &world, 1).changed);
    let before = committed(&world);
    let again = made(&[corpus], &world, 2);
    assert!(!again.changed);
    assert!(again.work.values().all(|count| *count == 0), "{:?}", again.work);
    assert_same(&before, &committed(&world));
}

/// After every change, the version equals what a world begun at the same pins makes of the corpus.
#[test]
fn changed_corpus_equals_a_rebuild_with_the_same_pins() {
    let (folder, corpus) = example(&["library", "clinic", "fitness", "hotels", "leftovers"]);
    let world = folder.path().join("world");
    made(slice::from_ref(&corpus), &world, 1);

    let added = corpus.join("museum.rapidapi.json");
    let steps: [&dyn Fn(); 4] = [
        &|| {
            fs::copy("tests/corpus/museum.rapidapi.json", &added).unwrap();
        },
        &|| edit(&corpus.join("clinic.openapi.json"), "appointment", "consultation"),
        &|| fs::remove_file(corpus.join("fitness.mcp.json")).unwrap(),
        &|| fs::rename(corpus.join("hotels.rapidapi.json"), corpus.join("inns.json")).unwrap(),
    ];
    for (place, step) in steps.into_iter().enumerate() {
        step();
        let parsed_before = 5;
        let summary = made(slice::from_ref(&corpus), &world, 2);
        assert!(summary.changed);
        assert!(summary.work["documents_parsed"] < parsed_before, "{:?}", summary.work);
        let rebuilt = folder.path().join(format!("rebuilt-{place}"));
        let pinned = Request {
            pinned: Some((world.clone(), Some(summary.parent.unwrap()))),
            ..request(slice::from_ref(&corpus), &rebuilt, 1)
        };
        build(&pinned, &Silent).unwrap();
        assert_same(&latest(&world), &committed(&rebuilt));
    }
    assert!(prove(&World::open(&world).unwrap(), 1).unwrap().holds());
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from));
    fs::write(path, text.replacen(from, to, 3)).unwrap();
}

/// A newcomer of twelve tools among two hundred: what it does not touch is not made again.
#[test]
fn added_file_leaves_other_domains_alone() {
    let (folder, corpus) = example(&[""]);
    let museum = corpus.join("museum.rapidapi.json");
    fs::remove_file(&museum).unwrap();
    let world = folder.path().join("world");
    let full = made(slice::from_ref(&corpus), &world, 1);
    fs::copy("tests/corpus/museum.rapidapi.json", &museum).unwrap();
    let more = made(&[corpus], &world, 1);
    assert_eq!(more.work["documents_parsed"], 1);
    assert_eq!(more.work["tools_encoded"], 12);
    // NB: among two hundred tools, domains are near their least size, and one that loses a tool
    // is folded into another whole. Among 34,000 tools, 30 more touch one domain of 1,790 that
    // holds none of them (benches/domains.rs).
    for (done, percent) in [("rollouts", 100), ("domains_materialized", 60), ("bytes_written", 100)]
    {
        let (now, then) = (more.work[done], full.work[done]);
        assert!(100 * now < percent * then, "{done}: {now} after {then}");
    }
}

#[test]
fn removed_source_leaves_no_row() {
    let (folder, corpus) = example(&["library", "helpdesk", "repairs"]);
    let world = folder.path().join("world");
    made(slice::from_ref(&corpus), &world, 1);
    fs::remove_file(corpus.join("helpdesk.jsonl")).unwrap();
    made(&[corpus], &world, 1);
    let opened = World::open(&world).unwrap();
    let manifest = opened.latest().unwrap().manifest.unwrap();
    let mut tools = 0;
    let mut of_source = 0;
    dataflows::listing::tools(&opened, &manifest, &mut |row| {
        tools += 1;
        of_source += usize::from(row["file"].as_str().unwrap().contains("helpdesk"));
        true
    })
    .unwrap();
    assert!(0 < tools && of_source == 0, "{of_source} of {tools}");
}

#[test]
fn empty_and_missing_corpora_are_errors_and_make_no_world_version() {
    let folder = tempfile::tempdir().unwrap();
    let (empty, world) = (folder.path().join("empty"), folder.path().join("world"));
    fs::create_dir(&empty).unwrap();
    let error = build(&request(&[empty], &world, 1), &Silent).unwrap_err();
    assert!(matches!(error, BuildError::Corpus(_)), "{error}");
    let missing = folder.path().join("missing");
    let said = build(&request(&[missing], &world, 1), &Silent).unwrap_err().to_string();
    assert!(said.contains("missing"), "{said}");
}

#[test]
fn corpus_of_dirt_alone_is_a_world_of_rejections() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = folder.path().join("corpus");
    fs::create_dir(&corpus).unwrap();
    fs::write(corpus.join("empty.json"), "").unwrap();
    fs::write(corpus.join("binary.json"), [0_u8, 159, 146, 150]).unwrap();
    fs::write(corpus.join("cut.json"), "{\"openapi\": \"3.0.0\", \"paths\": {").unwrap();
    let world = folder.path().join("world");
    let summary = made(&[corpus], &world, 1);
    assert_eq!((summary.counts["tools"], summary.rejected["parse"]), (0, 3));
    assert!(prove(&World::open(&world).unwrap(), 1).unwrap().holds());
}
