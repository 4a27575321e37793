//! Tampering: whatever is changed in a world, by accident or with care, `prove` says where.
//!
//! Method: build a small world, copy it, change one thing in the copy, prove it. Changes come in
//! two strengths: bytes that no longer are what their name says, and rows written anew by our own
//! writer and committed under a manifest that agrees with them.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use dataflows::build::{Listener, Request, build};
use dataflows::dataset::{
    TaskRow, TrajectoryRow, read_tasks, read_trajectories, write_tasks, write_trajectories,
};
use dataflows::prove::{Proof, prove};
use dataflows::store::{Manifest, World, files};
use operators::Work;
use schemas::{Digest, Speaker, Value};
use tempfile::TempDir;

struct Silent;

impl Listener for Silent {
    fn begun(&self, _work: &Arc<Work>, _documents: usize) {}
    fn warn(&self, _message: &str) {}
    fn committing(&self) {}
}

/// A copy of a world that holds.
fn copied() -> (TempDir, PathBuf) {
    static ORIGINAL: OnceLock<TempDir> = OnceLock::new();
    let original = ORIGINAL.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus");
        let request = Request {
            corpus: vec![
                examples.join("library_lending.mcp.json"),
                examples.join("library_catalogue.openapi.yaml"),
            ],
            world: folder.path().join("world"),
            workers: 1,
            settings: vec!["task.per_operation=2".into()],
            variables: Vec::new(),
            refit: false,
            pinned: None,
            endpoint: None,
        };
        build(&request, &Silent).unwrap();
        assert!(proved(&request.world).holds());
        folder
    });
    let folder = tempfile::tempdir().unwrap();
    let world = folder.path().join("world");
    copy(&original.path().join("world"), &world);
    (folder, world)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copied = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &copied);
        } else {
            fs::write(&copied, fs::read(&path).unwrap()).unwrap();
        }
    }
}

fn proved(world: &Path) -> Proof {
    prove(&World::open(world).unwrap(), 1).unwrap()
}

fn latest(world: &Path) -> Manifest {
    World::open(world).unwrap().latest().unwrap().manifest.unwrap()
}

/// Flips one bit in the middle of a file.
fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[track_caller]
fn assert_names(proof: &Proof, file: &str) {
    let named = proof.faults.iter().any(|fault| fault.file == file);
    assert!(named, "{file} is not among {:#?}", proof.faults);
}

#[test]
fn one_flipped_bit_in_any_kind_of_object_is_found_and_named() {
    let (_folder, world) = copied();
    let manifest = latest(&world);
    let mut kinds: Vec<(String, String)> = Vec::new();
    let objects = manifest.contents.objects.iter().chain(&manifest.contents.pins);
    for (role, object) in objects {
        let kind = role.split('/').next().unwrap().to_string();
        if kinds.iter().all(|(known, _)| *known != kind) {
            kinds.push((kind, object.file_name()));
        }
    }
    assert!(12 <= kinds.len(), "{kinds:?}");
    for (kind, name) in kinds {
        let path = world.join("objects").join(&name);
        let whole = fs::read(&path).unwrap();
        flip(&path);
        let proof = proved(&world);
        assert!(!proof.holds(), "{kind}");
        assert_names(&proof, &format!("objects/{name}"));
        fs::remove_file(&path).unwrap();
        assert_names(&proved(&world), &format!("objects/{name}"));
        fs::write(&path, whole).unwrap();
    }
    assert!(proved(&world).holds());
}

#[test]
fn one_flipped_bit_in_any_file_of_the_dataset_is_found_and_named() {
    let (_folder, world) = copied();
    let manifest = latest(&world);
    let shown = files(&manifest).into_iter().map(|file| format!("dataset/{}", file.path));
    for name in shown.chain(["dataset/README.md".into()]) {
        let path = world.join(&name);
        let whole = fs::read(&path).unwrap();
        flip(&path);
        assert_names(&proved(&world), &name);
        fs::remove_file(&path).unwrap();
        assert_names(&proved(&world), &name);
        fs::write(&path, whole).unwrap();
    }
    fs::write(world.join("dataset/general/train-00009-of-00010.parquet"), "more").unwrap();
    assert_names(&proved(&world), "dataset/general/train-00009-of-00010.parquet");
}

#[test]
fn damaged_manifest_is_a_fault_that_names_it() {
    let (_folder, world) = copied();
    let name = format!("manifests/{:020}.json", 1);
    flip(&world.join(&name));
    assert_names(&proved(&world), &name);
}

/// The role of the first shard of a configuration that has rows like those wanted, and its rows.
fn shard<T, F>(world: &Path, config: &str, read: F, wanted: fn(&T) -> bool) -> (String, Vec<T>)
where
    F: Fn(File) -> Vec<T>,
{
    let manifest = latest(world);
    for (role, object) in &manifest.contents.objects {
        if role.starts_with(&format!("{config}/")) {
            let path = World::open(world).unwrap().object_path(object);
            let rows = read(File::open(path).unwrap());
            if rows.iter().any(wanted) {
                return (role.clone(), rows);
            }
        }
    }
    panic!("no row of {config} is like that");
}

fn kept(world: &Path, wanted: fn(&TrajectoryRow) -> bool) -> (String, Vec<TrajectoryRow>) {
    let read = |file| read_trajectories(file).unwrap().map(Result::unwrap).collect();
    shard(world, "general", read, wanted)
}

/// Commits other bytes for a role, as careful forgers would: everything agrees with them.
fn reseal(world: &Path, role: &str, rows: usize, bytes: &[u8]) {
    let locked = World::open(world).unwrap().lock().unwrap();
    let mut contents = latest(world).contents;
    let object = locked.put_object("parquet", rows as u64, bytes).unwrap();
    contents.objects.insert(role.into(), object);
    assert!(locked.commit(contents, Vec::new(), None).unwrap().changed);
}

/// A change to a row, and what the proof must say of it.
type Forgery = (&'static str, fn(&TrajectoryRow) -> bool, fn(&mut TrajectoryRow));

fn has_write(row: &TrajectoryRow) -> bool {
    0 < row.n_writes
}

fn has_argument(row: &TrajectoryRow) -> bool {
    row.messages.iter().flat_map(|message| &message.calls).any(|call| {
        matches!(&call.arguments, Value::Object(fields) if !fields.is_empty()) && row.n_writes == 0
    })
}

fn forge_argument(row: &mut TrajectoryRow) {
    let calls = row.messages.iter_mut().flat_map(|message| &mut message.calls);
    for call in calls {
        if let Value::Object(fields) = &mut call.arguments
            && let Some((_, value)) = fields.first_mut()
        {
            *value = Value::text("forged");
            return;
        }
    }
}

const FORGERIES: [Forgery; 12] = [
    ("golden_state", has_write, |row| row.golden_state = Digest::of(b"forged")),
    ("final state", has_write, |row| row.final_state = row.initial_state),
    ("state", has_write, |row| {
        (row.golden_state, row.final_state) = (row.initial_state, row.initial_state);
    }),
    ("answer", has_write, |row| {
        let answer = row.messages.iter_mut().find(|it| it.role == Speaker::Tool).unwrap();
        answer.content = answer.content.replacen('"', "\"x", 1);
    }),
    ("", has_argument, forge_argument),
    ("", has_write, |row| drop(row.messages.remove(1))),
    ("", has_write, |row| drop(row.messages.pop())),
    ("messages", has_write, |row| row.messages[1].content.push_str(" indeed")),
    ("sources", has_write, |row| row.sources = vec!["elsewhere".into()]),
    ("licenses", has_write, |row| row.licenses = vec!["MIT-0".into()]),
    ("trial", has_write, |row| row.trial += 1),
    ("domain", has_write, |row| row.domain.push('x')),
];

#[test]
fn forged_row_is_found_and_named_even_under_a_manifest_that_agrees() {
    for (said, wanted, forge) in FORGERIES {
        let (_folder, world) = copied();
        let (role, mut rows) = kept(&world, wanted);
        let row = rows.iter_mut().find(|row| wanted(row)).unwrap();
        forge(row);
        let id = row.trajectory_id.to_string();
        let count = rows.len();
        let bytes = write_trajectories(rows).unwrap();
        reseal(&world, &role, count, &bytes);
        let proof = proved(&world);
        let fault = proof.faults.iter().find(|fault| fault.subject == id);
        let fault = fault.unwrap_or_else(|| panic!("{said}: {:#?}", proof.faults));
        assert!(fault.reason.contains(said), "{said}: {fault:?}");
        assert!(fault.file.starts_with("dataset/general/"), "{fault:?}");
        assert_eq!(proof.faults.len(), 1, "{:#?}", proof.faults);
    }
}

#[test]
fn forged_row_only_in_the_dataset_is_found_and_named() {
    let (_folder, world) = copied();
    let manifest = latest(&world);
    let shown = files(&manifest).into_iter().find(|file| file.config == "general").unwrap();
    let path = world.join("dataset").join(&shown.path);
    let rows = read_trajectories(File::open(&path).unwrap()).unwrap();
    let mut rows: Vec<TrajectoryRow> = rows.map(Result::unwrap).collect();
    rows[0].golden_state = Digest::of(b"forged");
    let id = rows[0].trajectory_id.to_string();
    fs::write(&path, write_trajectories(rows).unwrap()).unwrap();
    let proof = proved(&world);
    assert_names(&proof, &format!("dataset/{}", shown.path));
    assert!(proof.faults.iter().any(|fault| fault.subject == id), "{:#?}", proof.faults);
}

#[test]
fn missing_row_is_found_even_under_a_manifest_that_agrees() {
    let (_folder, world) = copied();
    let (role, mut rows) = kept(&world, |_| true);
    let id = rows.remove(0).trajectory_id.to_string();
    let count = rows.len();
    reseal(&world, &role, count, &write_trajectories(rows).unwrap());
    let proof = proved(&world);
    assert!(proof.faults.iter().any(|fault| fault.subject == id), "{:#?}", proof.faults);
}

#[test]
fn row_in_the_wrong_split_is_found_even_under_a_manifest_that_agrees() {
    let (_folder, world) = copied();
    let manifest = latest(&world);
    let (role, object) =
        manifest.contents.objects.iter().find(|(role, _)| role.starts_with("general/")).unwrap();
    let other = match role.strip_prefix("general/train/") {
        Some(place) => format!("general/test/{place}"),
        None => role.replace("/test/", "/train/"),
    };
    let locked = World::open(&world).unwrap().lock().unwrap();
    let mut contents = manifest.contents.clone();
    contents.objects.remove(role);
    contents.objects.insert(other, object.clone());
    locked.commit(contents, Vec::new(), None).unwrap();
    drop(locked);
    let proof = proved(&world);
    assert_eq!(proof.faults.len() as u64, object.rows, "{:#?}", proof.faults);
    assert!(proof.faults.iter().all(|fault| fault.reason.contains("belongs in general")));
}

/// A change to a task, and what the proof must say of it.
type TaskForgery = (&'static str, fn(&mut TaskRow));

const TASK_FORGERIES: [TaskForgery; 7] = [
    ("golden_state", |row| row.task.golden_state = Digest::of(b"forged")),
    ("initial_state", |row| row.task.initial_state = Digest::of(b"forged")),
    ("answers something else", |row| row.task.golden[0].observation.push(' ')),
    ("", |row| {
        let Value::Object(fields) = &mut row.task.golden[0].arguments else { return };
        fields[0].1 = Value::text("forged");
    }),
    ("", |row| drop(row.task.golden.pop())),
    ("committed", |row| row.task.scenario.instruction.push_str(" indeed")),
    ("split", |row| row.split = "validation".into()),
];

#[test]
fn forged_task_is_found_and_named_even_under_a_manifest_that_agrees() {
    fn wanted(row: &TaskRow) -> bool {
        row.task.golden_state != row.task.initial_state
            && row.task.golden.first().is_some_and(
                |call| matches!(&call.arguments, Value::Object(fields) if !fields.is_empty()),
            )
    }
    for (said, forge) in TASK_FORGERIES {
        let (_folder, world) = copied();
        let read = |file| read_tasks(file).unwrap().map(Result::unwrap).collect();
        let (role, mut rows) = shard(&world, "tasks", read, wanted);
        let row = rows.iter_mut().find(|row| wanted(row)).unwrap();
        forge(row);
        let id = row.task.id.to_string();
        let count = rows.len();
        reseal(&world, &role, count, &write_tasks(rows).unwrap());
        let proof = proved(&world);
        let fault = proof.faults.iter().find(|fault| fault.subject == id);
        let fault = fault.unwrap_or_else(|| panic!("{said}: {:#?}", proof.faults));
        assert!(fault.reason.contains(said), "{said}: {fault:?}");
    }
}
