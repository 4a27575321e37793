//! The life of a world: what versions differ in, what is taken down, what is collected, and a corpus
//! that is watched.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use dataflows::build::{BuildError, Listener, Request, build};
use dataflows::comparison::{Delta, compare};
use dataflows::explain::explain;
use dataflows::listing;
use dataflows::prove::prove;
use dataflows::store::{Manifest, StoreError, World};
use dataflows::summary::Summary;
use dataflows::takedown::{Takedown, scan, take_down};
use dataflows::watching::{Told, WatchError, watch};
use operators::Work;
use serde_json::Value;

struct Silent;

impl Listener for Silent {
    fn begun(&self, _work: &Arc<Work>, _documents: usize) {}
    fn warn(&self, _message: &str) {}
    fn committing(&self) {}
}

fn request(corpus: &Path, world: &Path, settings: &[&str]) -> Request {
    let all = ["task.per_operation=1"].iter().chain(settings).map(ToString::to_string);
    Request {
        corpus: vec![corpus.into()],
        world: world.into(),
        workers: 2,
        settings: all.collect(),
        variables: Vec::new(),
        refit: false,
        pinned: None,
        endpoint: None,
    }
}

fn made(corpus: &Path, world: &Path, settings: &[&str]) -> Summary {
    build(&request(corpus, world, settings), &Silent).unwrap()
}

/// Copies the files of the example corpus whose names begin so.
fn copied(corpus: &Path, names: &[&str]) {
    fs::create_dir_all(corpus).unwrap();
    for entry in fs::read_dir("tests/corpus").unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_string();
        if path.is_file() && names.iter().any(|begin| name.starts_with(begin)) {
            fs::copy(&path, corpus.join(name)).unwrap();
        }
    }
}

fn latest(world: &Path) -> Manifest {
    World::open(world).unwrap().latest().unwrap().manifest.unwrap()
}

type List = fn(&World, &Manifest, listing::Sink<'_>) -> Result<(), StoreError>;

fn rows(world: &Path, manifest: &Manifest, list: List) -> Vec<Value> {
    let mut rows = Vec::new();
    list(&World::open(world).unwrap(), manifest, &mut |row| {
        rows.push(row);
        true
    })
    .unwrap();
    rows
}

fn ids(world: &Path, version: u64, list: List) -> BTreeSet<String> {
    let manifest = World::open(world).unwrap().manifest(version).unwrap();
    let rows = rows(world, &manifest, list);
    rows.iter().map(|row| row["id"].as_str().unwrap().to_string()).collect()
}

/// Goal: what is told to be born and gone is what listings of both versions differ in.
#[test]
fn versions_differ_in_what_their_listings_differ_in() {
    let folder = tempfile::tempdir().unwrap();
    let (corpus, world) = (folder.path().join("corpus"), folder.path().join("world"));
    copied(&corpus, &["library", "clinic"]);
    made(&corpus, &world, &[]);
    copied(&corpus, &["hotels"]);
    for entry in fs::read_dir(&corpus).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with("clinic") {
            fs::remove_file(path).unwrap();
        }
    }
    made(&corpus, &world, &["filter.repetitions_max=5"]);
    let opened = World::open(&world).unwrap();
    let (there, back) = (compare(&opened, 1, 2).unwrap(), compare(&opened, 2, 1).unwrap());
    let lists: [(List, &Delta, &Delta); 3] = [
        (listing::tools, &there.tools, &back.tools),
        (listing::tasks, &there.tasks, &back.tasks),
        (listing::trajectories, &there.trajectories, &back.trajectories),
    ];
    for (list, delta, reverse) in lists {
        let (then, now) = (ids(&world, 1, list), ids(&world, 2, list));
        let born: Vec<String> = now.difference(&then).cloned().collect();
        let gone: Vec<String> = then.difference(&now).cloned().collect();
        assert!(!born.is_empty() && !gone.is_empty());
        assert_eq!((&delta.born, &delta.gone), (&born, &gone));
        assert_eq!((&reverse.born, &reverse.gone), (&gone, &born));
        assert_eq!(delta.changed, reverse.changed);
    }
    assert!(there.documents.born.iter().all(|path| path.starts_with("corpus/hotels")));
    assert!(there.documents.gone.iter().all(|path| path.starts_with("corpus/clinic")));
    assert_eq!(there.counts["tools"][1], back.counts["tools"][0]);
    assert_eq!(there.knobs.keys().collect::<Vec<_>>(), ["filter.repetitions_max"]);
    assert!(!there.lineage.is_empty() && back.lineage.is_empty());
    let same = compare(&opened, 2, 2).unwrap();
    let all = [&same.documents, &same.tools, &same.domains, &same.tasks, &same.trajectories];
    assert!(all.iter().all(|delta| delta.is_empty()) && same.knobs.is_empty());
    assert!(matches!(compare(&opened, 1, 9), Err(StoreError::NoVersion { version: 9, .. })));
}

/// Goal: a takedown leaves no row, needs no file, is what a build from scratch makes, stays, and can
/// be undone.
#[test]
fn takedown_leaves_no_row_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (corpus, world) = (folder.path().join("corpus"), folder.path().join("world"));
    copied(&corpus, &["library", "invoicing", "hotels", "leftovers"]);
    let before = made(&corpus, &world, &[]);
    let what = Takedown { sources: Vec::new(), licenses: vec!["cc0*".into()] };
    let opened = World::open(&world).unwrap();
    let first = latest(&world);
    let found = scan(&opened, &first, &what).unwrap();
    assert!(!found.found.is_empty(), "the scan sees what is there");
    let gone = rows(&world, &first, listing::tools);
    let gone = gone.iter().find(|tool| tool["license"] == "CC0-1.0").unwrap();

    let away = folder.path().join("away");
    fs::rename(&corpus, &away).unwrap();
    let taken = take_down(&world, &what, 2, Vec::new(), None, &Silent).unwrap();
    fs::rename(&away, &corpus).unwrap();
    assert!(taken.scan.found.is_empty(), "{:?}", taken.scan.found);
    assert!(0 < taken.scan.rows && taken.build.counts["tools"] < before.counts["tools"]);
    assert_eq!((taken.build.version, taken.build.work["documents_parsed"]), (2, 0));
    assert!(prove(&opened, 2).unwrap().holds());
    let place = format!("{}{}", gone["file"].as_str().unwrap(), gone["pointer"].as_str().unwrap());
    let explained = explain(&opened, &latest(&world), &place, 5).unwrap();
    assert_eq!(explained.len(), 1);
    let reason = explained[0].row["reason"].as_str().unwrap();
    assert_eq!(reason, "was taken down: its licence is \"CC0-1.0\"");

    let afresh = folder.path().join("afresh");
    let dropped = "corpus.dropped_licenses=[\"cc0*\"]";
    let pinned =
        Request { pinned: Some((world.clone(), Some(1))), ..request(&corpus, &afresh, &[dropped]) };
    build(&pinned, &Silent).unwrap();
    assert_eq!(latest(&afresh), latest(&world), "manifest and all");

    assert!(!made(&corpus, &world, &[]).changed, "it stays taken down");
    let selected = made(&corpus, &world, &["corpus.licenses=[\"*\"]"]);
    assert_eq!(selected.counts["tools"], taken.build.counts["tools"], "whatever is selected");
    let undone = made(&corpus, &world, &["corpus.dropped_licenses=[]", "corpus.licenses=[]"]);
    assert_eq!(undone.counts["tools"], before.counts["tools"]);
}

#[test]
fn takedown_without_what_was_read_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (corpus, world) = (folder.path().join("corpus"), folder.path().join("world"));
    let what = Takedown { sources: vec!["x".into()], licenses: Vec::new() };
    assert!(take_down(&world, &what, 1, Vec::new(), None, &Silent).is_err());
    copied(&corpus, &["leftovers", "library"]);
    made(&corpus, &world, &[]);
    let plan = fs::read_to_string(world.join("plan.toml")).unwrap();
    let plan = plan.replace("choices_max = 64  # default", "choices_max = 63");
    fs::write(world.join("plan.toml"), plan).unwrap();
    let error = take_down(&world, &what, 1, Vec::new(), None, &Silent).unwrap_err();
    assert!(matches!(error, BuildError::Stale { version: 1 }), "{error}");
}

/// Goal: nothing visible is ever collected, and nothing invisible stays but what is young or not
/// ours.
#[test]
fn collection_takes_what_no_kept_version_names() {
    let folder = tempfile::tempdir().unwrap();
    let (corpus, world) = (folder.path().join("corpus"), folder.path().join("world"));
    copied(&corpus, &["library"]);
    made(&corpus, &world, &[]);
    copied(&corpus, &["clinic"]);
    made(&corpus, &world, &[]);
    made(&corpus, &world, &["rollout.mistakes_permille=0"]);
    let opened = World::open(&world).unwrap();
    let named = |version: u64| -> BTreeSet<String> {
        let manifest = opened.manifest(version).unwrap();
        manifest.contents.all_objects().map(|object| object.file_name()).collect()
    };
    let present = || -> BTreeSet<String> {
        let entries = fs::read_dir(world.join("objects")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let (all, day) = (present(), Duration::from_secs(86_400));
    fs::write(world.join("objects/notes.txt"), "mine").unwrap();
    let store = opened.lock().unwrap();

    let kept = store.collect(None, Duration::ZERO, false).unwrap();
    assert_eq!((kept.versions_kept, kept.objects_removed), (vec![1, 2, 3], 0));
    let would = store.collect(Some(1), Duration::ZERO, true).unwrap();
    assert_eq!(would.versions_removed, [1, 2]);
    assert!(0 < would.objects_removed && all.is_subset(&present()), "a dry run takes nothing");
    let spared = store.collect(Some(2), day, false).unwrap();
    assert_eq!((spared.versions_removed, spared.objects_removed), (vec![1], 0));
    assert!(0 < spared.objects_in_grace && all.is_subset(&present()));

    let (last, removed) = (named(3), store.collect(Some(1), Duration::ZERO, false).unwrap());
    assert_eq!(removed.objects_removed, would.objects_removed);
    assert_eq!(removed.bytes_removed, would.bytes_removed);
    let expected: BTreeSet<String> = last.into_iter().chain(["notes.txt".to_string()]).collect();
    assert_eq!(present(), expected);
    drop(store);
    assert_eq!(opened.versions().unwrap(), [3]);
    assert!(prove(&opened, 2).unwrap().holds());
    assert!(!made(&corpus, &world, &[]).changed, "the world goes on as before");
    assert_eq!(made(&corpus, &world, &["rollout.mistakes_permille=9"]).version, 4);
}

#[test]
fn collection_stops_at_a_manifest_it_cannot_read() {
    let folder = tempfile::tempdir().unwrap();
    let (corpus, world) = (folder.path().join("corpus"), folder.path().join("world"));
    copied(&corpus, &["library"]);
    made(&corpus, &world, &[]);
    made(&corpus, &world, &["rollout.mistakes_permille=0"]);
    let torn = world.join("manifests/00000000000000000001.json");
    fs::remove_file(&torn).unwrap();
    fs::write(&torn, "{").unwrap();
    let count = || fs::read_dir(world.join("objects")).unwrap().count();
    let before = count();
    let store = World::open(&world).unwrap().lock().unwrap();
    let error = store.collect(Some(1), Duration::ZERO, false).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert_eq!(count(), before, "nobody knows what it names");
}

/// What a watcher was told, as far as it is compared.
#[derive(Debug, PartialEq)]
enum Heard {
    Watching,
    Built { changed: bool, documents: u64, unreadable: u64 },
    Failed,
}

fn heard(told: &Told<'_>) -> Option<Heard> {
    Some(match told {
        Told::Watching => Heard::Watching,
        Told::Built(summary) => Heard::Built {
            changed: summary.changed,
            documents: summary.counts["documents"],
            unreadable: summary.rejected["parse"],
        },
        Told::Failed(_) => Heard::Failed,
        Told::Warned(_) => return None,
    })
}

/// Goal: every change becomes a version, a bad file and a failed build end nothing, and the world's
/// own files wake nobody.
#[test]
fn watched_corpus_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = folder.path().join("corpus");
    // The world lies in the corpus, so that its own writes are seen, and must be passed over.
    let world = corpus.join("world");
    copied(&corpus, &["library"]);
    let files = u64::try_from(fs::read_dir(&corpus).unwrap().count()).unwrap();
    let going = Arc::new(AtomicBool::new(true));
    let (sender, events) = mpsc::channel();
    let (asked, request) = (Arc::clone(&going), request(&corpus, &world, &[]));
    let watcher = std::thread::spawn(move || {
        let (roots, place) = (request.corpus.clone(), request.world.clone());
        let goes_on = || asked.load(Ordering::SeqCst);
        let mut build_once = || build(&request, &Silent);
        watch(&roots, &place, &goes_on, &mut build_once, &mut |told| {
            heard(&told).into_iter().for_each(|it| sender.send(it).unwrap());
        })
    });
    // A file comes whole, or it would be two changes now and then.
    let put = |name: &str, text: &str| {
        fs::write(corpus.join(".coming"), text).unwrap();
        fs::rename(corpus.join(".coming"), corpus.join(name)).unwrap();
    };
    let any = || events.recv_timeout(Duration::from_secs(300)).unwrap();
    let is_nothing = |it: &Heard| matches!(it, Heard::Built { changed: false, .. });
    let next = || std::iter::repeat_with(any).find(|it| !is_nothing(it)).unwrap();
    let built = |documents, unreadable| Heard::Built { changed: true, documents, unreadable };
    assert_eq!(next(), Heard::Watching);
    assert_eq!(next(), built(files, 0));
    put("broken.json", "{\"tools\": [");
    assert_eq!(next(), built(files + 1, 1));
    fs::rename(corpus.join("broken.json"), folder.path().join("elsewhere.json")).unwrap();
    assert_eq!(next(), built(files, 0));
    fs::write(world.join("plan.toml"), "no.such_knob = 1").unwrap();
    put("empty.json", "{}");
    assert_eq!(next(), Heard::Failed);
    fs::remove_file(world.join("plan.toml")).unwrap();
    put("empty.json", "{} ");
    assert_eq!(next(), built(files + 1, 1), "the next change is another try");
    let quiet = events.recv_timeout(Duration::from_secs(1));
    assert!(quiet.is_err(), "what a build writes is no change: {quiet:?}");
    going.store(false, Ordering::SeqCst);
    watcher.join().unwrap().unwrap();
}

#[test]
fn standard_input_cannot_be_watched() {
    let paths = [PathBuf::from("-")];
    let mut never = || panic!("nothing is built");
    let ended = watch(&paths, Path::new("world"), &|| true, &mut never, &mut |_| {});
    assert!(matches!(ended, Err(WatchError::StandardInput)));
}
