//! Publication: what an object store holds after publishers came, raced, failed and were killed.
//!
//! Folders are tested everywhere; buckets on a real S3 server, where Python can install one.

#![expect(clippy::print_stderr, reason = "a skipped test says so")]
#![expect(clippy::shadow_unrelated, reason = "each step's outcome is looked at before the next")]
#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use dataflows::publish::{Place, PublishError, Published, publish};
use dataflows::store::{Contents, Manifest, World, files};
use schemas::Digest;
use serde_json::Value;
use tempfile::TempDir;

#[path = "publishing/bucket.rs"]
mod bucket;

use bucket::{Bucket, Say};

/// Beyond the size from which a file is sent in parts.
const LARGE: usize = (8 << 20) + 1_000;

/// Commits a version whose shards hold these bytes.
fn commit(world: &World, shards: &[(&str, &[u8])]) -> Manifest {
    let locked = world.lock().unwrap();
    let put = |(role, bytes): &(&str, &[u8])| {
        (format!("general/train/{role}"), locked.put_object("parquet", 1, bytes).unwrap())
    };
    let objects = shards.iter().map(put).collect();
    let contents = Contents { objects, ..Contents::default() };
    locked.commit(contents, Vec::new(), None).unwrap().manifest
}

fn world(folder: &Path, name: &str) -> World {
    World::create(folder.join(name)).unwrap()
}

fn publish_to(
    world: &World,
    manifest: &Manifest,
    to: &str,
    variables: &[(String, String)],
) -> Result<Published, PublishError> {
    publish(world, manifest, &Place::open(to, variables)?, &mut |_made| {})
}

/// Asserts that a version is there whole: its page, its files, the pointer.
fn check(get: &dyn Fn(&str) -> Option<Vec<u8>>, world: &World, manifest: &Manifest) {
    let page = get(&format!("manifests/{:020}.json", manifest.version)).expect("the page is there");
    let page: Value = serde_json::from_slice(&page).unwrap();
    assert_eq!(page["manifest"], manifest.digest.to_string());
    let dataset = page["dataset"].as_str().unwrap();
    let listed: BTreeMap<&str, &str> = page["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| (file["path"].as_str().unwrap(), file["sha256"].as_str().unwrap()))
        .collect();
    for (path, digest) in &listed {
        let bytes = get(&format!("{dataset}/{path}")).unwrap_or_else(|| panic!("{path} is there"));
        assert_eq!(Digest::of(&bytes).to_string(), *digest, "{path}");
    }
    for file in files(manifest) {
        assert_eq!(listed[file.path.as_str()], file.object.digest.to_string());
        assert!(world.object_path(file.object).is_file());
    }
    assert!(listed.contains_key("README.md"));
}

/// The version that the pointer names.
fn latest(get: &dyn Fn(&str) -> Option<Vec<u8>>) -> u64 {
    let pointer: Value = serde_json::from_slice(&get("latest.json").unwrap()).unwrap();
    pointer["version"].as_u64().unwrap()
}

#[test]
fn folder_has_versions_side_by_side() {
    let scratch = tempfile::tempdir().unwrap();
    let place = scratch.path().join("published/deep");
    let to = format!("file://{}", place.display());
    let get = |name: &str| fs::read(place.join(name)).ok();
    let mine = world(scratch.path(), "mine");
    let large = vec![7; LARGE];
    let first = commit(&mine, &[("1", b"one"), ("2", b"two"), ("3", &large)]);
    let made = publish_to(&mine, &first, &to, &[]).unwrap();
    assert_eq!((made.uploaded.files, made.copied.files, made.changed), (4, 0, true));
    check(&get, &mine, &first);
    let second = commit(&mine, &[("1", b"one"), ("2", b"other"), ("3", &large)]);
    let made = publish_to(&mine, &second, &to, &[]).unwrap();
    assert_eq!((made.uploaded.files, made.copied.files, made.changed), (2, 2, true));
    check(&get, &mine, &first);
    check(&get, &mine, &second);
    assert_eq!(latest(&get), 2);
    // The same again, and the older one, are there.
    for manifest in [&second, &first] {
        let made = publish_to(&mine, manifest, &to, &[]).unwrap();
        assert_eq!((made.uploaded.files, made.copied.files, made.changed), (0, 0, false));
    }
    assert_eq!(latest(&get), 2);
    // A pointer that was lost or torn is made anew, since the pages are what counts.
    fs::write(place.join("latest.json"), "{").unwrap();
    publish_to(&mine, &second, &to, &[]).unwrap();
    assert_eq!(latest(&get), 2);
}

#[test]
fn other_version_of_the_same_number_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let to = format!("file://{}", scratch.path().join("published").display());
    let (mine, theirs) = (world(scratch.path(), "mine"), world(scratch.path(), "theirs"));
    let manifest = commit(&mine, &[("1", b"one")]);
    publish_to(&mine, &manifest, &to, &[]).unwrap();
    let error = publish_to(&theirs, &commit(&theirs, &[("1", b"uno")]), &to, &[]).unwrap_err();
    assert!(matches!(error, PublishError::Taken { version: 1, .. }), "{error}");
    // An older number that never was there does not come in behind a newer.
    let late = World::create(scratch.path().join("late")).unwrap();
    let old = commit(&late, &[("1", b"eins")]);
    publish_to(&mine, &commit(&mine, &[("1", b"two")]), &to, &[]).unwrap();
    fs::remove_file(scratch.path().join("published/manifests/00000000000000000001.json")).unwrap();
    let error = publish_to(&late, &old, &to, &[]).unwrap_err();
    assert!(matches!(error, PublishError::Behind { version: 1, newest: 2, .. }), "{error}");
    assert!(error.remedy().unwrap().contains("another prefix"));
}

#[test]
fn damaged_object_is_not_published() {
    let scratch = tempfile::tempdir().unwrap();
    let place = scratch.path().join("published");
    let mine = world(scratch.path(), "mine");
    let large = vec![7; LARGE];
    for shard in [b"one".as_slice(), &large] {
        let manifest = commit(&mine, &[("1", shard)]);
        let object = manifest.contents.objects["general/train/1"].clone();
        let mut bytes = shard.to_vec();
        bytes[1] ^= 1;
        let path = mine.object_path(&object);
        fs::remove_file(&path).unwrap();
        fs::write(&path, bytes).unwrap();
        let to = format!("file://{}", place.display());
        let error = publish_to(&mine, &manifest, &to, &[]).unwrap_err();
        assert!(error.to_string().contains("damaged"), "{error}");
        assert!(!place.join("latest.json").exists() && !place.join("manifests").exists());
    }
}

#[test]
fn addresses_and_credentials_are_checked_before_anything_is_asked() {
    let keys = |more: &[(&str, &str)]| -> Vec<(String, String)> {
        let keys = [("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret")];
        keys.iter().chain(more).map(|(name, value)| (name.to_string(), value.to_string())).collect()
    };
    for to in ["bucket/prefix", "s3://", "s3:///x", "gs://bucket/x", "file://relative"] {
        let error = Place::open(to, &keys(&[])).unwrap_err();
        assert!(matches!(error, PublishError::Address { .. }), "{to}: {error}");
    }
    let error = Place::open("s3://key:hunter2@bucket/x", &keys(&[])).unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
    let error = Place::open("s3://bucket/x", &[]).unwrap_err();
    assert!(matches!(error, PublishError::NoCredentials { .. }), "{error}");
    let clear = ("AWS_ENDPOINT_URL", "http://storage.example:9000");
    let error = Place::open("s3://bucket/x", &keys(&[clear])).unwrap_err();
    assert!(matches!(error, PublishError::Unencrypted { .. }), "{error}");
    Place::open("s3://bucket/x", &keys(&[clear, ("AWS_ALLOW_HTTP", "true")])).unwrap();
    let place = Place::open("s3://bucket/x", &keys(&[])).unwrap();
    assert!(!format!("{place:?}").contains("\"secret\""), "secrets are not told");
}

struct Stage {
    scratch: TempDir,
    bucket: Bucket,
}

impl Stage {
    fn set() -> Option<Stage> {
        Some(Stage { bucket: Bucket::open()?, scratch: tempfile::tempdir().unwrap() })
    }

    fn publish(&self, world: &World, manifest: &Manifest) -> Result<Published, PublishError> {
        let variables = self.bucket.variables(&self.bucket.door);
        publish_to(world, manifest, "s3://bucket/pre/fix", &variables)
    }

    fn get(&self, name: &str) -> Option<Vec<u8>> {
        self.bucket.get(&format!("pre/fix/{name}"))
    }
}

#[test]
fn only_what_is_new_is_sent() {
    let Some(stage) = Stage::set() else { return };
    let mine = world(stage.scratch.path(), "mine");
    let large = vec![7; LARGE];
    let first = commit(&mine, &[("1", b"one"), ("2", b"two"), ("3", b"three"), ("4", &large)]);
    let made = stage.publish(&mine, &first).unwrap();
    assert_eq!((made.uploaded.files, made.changed), (5, true));
    // Four small files, two parts of the large one, the page, the pointer.
    let puts = stage.bucket.seen("PUT");
    assert_eq!(puts.len(), 8, "{puts:?}");
    assert!(puts[6].contains("/manifests/") && puts[7].ends_with("latest.json"), "{puts:?}");
    check(&|name| stage.get(name), &mine, &first);

    assert!(!stage.publish(&mine, &first).unwrap().changed);
    assert_eq!(stage.bucket.seen("PUT"), [""; 0], "nothing is sent again");

    let second = commit(&mine, &[("1", b"one"), ("2", b"other"), ("3", b"three"), ("4", &large)]);
    let made = stage.publish(&mine, &second).unwrap();
    assert_eq!((made.uploaded.files, made.copied.files), (2, 3));
    assert!(made.uploaded.bytes < 4_000, "a shard and the card: {}", made.uploaded.bytes);
    assert_eq!(stage.bucket.seen("PUT").len(), 7, "copies are requests without bytes");
    for manifest in [&first, &second] {
        check(&|name| stage.get(name), &mine, manifest);
    }
    assert_eq!(latest(&|name| stage.get(name)), 2);
}

#[test]
fn of_two_publishers_one_wins_and_the_other_is_told() {
    let Some(stage) = Stage::set() else { return };
    let (mine, theirs) =
        (world(stage.scratch.path(), "mine"), world(stage.scratch.path(), "theirs"));
    let (ours, other) = (commit(&mine, &[("1", b"one")]), commit(&theirs, &[("1", b"uno")]));
    // They publish whole while our page is on its way.
    let direct = stage.bucket.variables(&stage.bucket.direct);
    let (moved_in, moved_manifest) = (theirs.clone(), other.clone());
    let won = Arc::new(OnceLock::new());
    let told = Arc::clone(&won);
    stage.bucket.guard(move |method, path| {
        if method == "PUT" && path.contains("/manifests/") {
            told.get_or_init(|| {
                publish_to(&moved_in, &moved_manifest, "s3://bucket/pre/fix", &direct).unwrap()
            });
        }
        Say::Pass
    });
    let error = stage.publish(&mine, &ours).unwrap_err();
    assert!(matches!(error, PublishError::Taken { version: 1, .. }), "{error}");
    assert!(won.get().unwrap().changed);
    stage.bucket.unguard();
    check(&|name| stage.get(name), &theirs, &other);
    assert_eq!(latest(&|name| stage.get(name)), 1);
}

#[test]
fn killed_publisher_leaves_the_version_before_and_goes_on() {
    let Some(stage) = Stage::set() else { return };
    let mine = world(stage.scratch.path(), "mine");
    let first = commit(&mine, &[("1", b"one")]);
    stage.publish(&mine, &first).unwrap();
    let shards: Vec<(String, Vec<u8>)> =
        (1..9).map(|place: u8| (place.to_string(), vec![place; 1_000])).collect();
    let shards: Vec<(&str, &[u8])> =
        shards.iter().map(|(role, bytes)| (role.as_str(), bytes.as_slice())).collect();
    let second = commit(&mine, &shards);
    // The fourth file never arrives: the publisher is killed while it is on its way.
    let publisher = Arc::new(Mutex::new(None::<std::process::Child>));
    let (victim, mut puts) = (Arc::clone(&publisher), 0);
    stage.bucket.guard(move |method, _path| {
        puts += i32::from(method == "PUT");
        if puts < 4 {
            return Say::Pass;
        }
        if let Some(child) = victim.lock().unwrap().as_mut() {
            drop(child.kill());
        }
        Say::Refuse(500, "InternalError")
    });
    let mut command = Command::new(env!("CARGO_BIN_EXE_agentscaler"));
    command.args(["publish", "--to", "s3://bucket/pre/fix", "--world"]).arg(mine.root());
    command.envs(stage.bucket.variables(&stage.bucket.door)).stderr(Stdio::null());
    *publisher.lock().unwrap() = Some(command.spawn().unwrap());
    let ended = loop {
        if let Some(ended) = publisher.lock().unwrap().as_mut().unwrap().try_wait().unwrap() {
            break ended;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(ended.code(), None, "it was killed");
    stage.bucket.unguard();
    assert_eq!(latest(&|name| stage.get(name)), 1);
    check(&|name| stage.get(name), &mine, &first);
    assert!(stage.get("manifests/00000000000000000002.json").is_none());

    let made = stage.publish(&mine, &second).unwrap();
    assert_eq!((made.found.files, made.uploaded.files), (3, 6), "what had arrived is found");
    check(&|name| stage.get(name), &mine, &second);
    assert_eq!(latest(&|name| stage.get(name)), 2);
}

#[test]
fn what_passes_is_tried_again_and_what_does_not_is_told() {
    let Some(stage) = Stage::set() else { return };
    let mine = world(stage.scratch.path(), "mine");
    let first = commit(&mine, &[("1", b"one"), ("2", b"two")]);
    let mut times = 0;
    stage.bucket.guard(move |_method, _path| {
        times += 1;
        if times % 3 == 0 { Say::Pass } else { Say::Refuse(503, "SlowDown") }
    });
    assert_eq!(stage.publish(&mine, &first).unwrap().uploaded.files, 3);
    stage.bucket.unguard();
    check(&|name| stage.get(name), &mine, &first);

    let second = commit(&mine, &[("1", b"one"), ("2", b"three")]);
    let is_write = |method: &str| method == "PUT";
    stage.bucket.guard(
        move |method, _path| {
            if is_write(method) { Say::Refuse(403, "AccessDenied") } else { Say::Pass }
        },
    );
    let error = stage.publish(&mine, &second).unwrap_err();
    assert!(matches!(error, PublishError::Forbidden { action: "put", .. }), "{error}");
    assert!(error.remedy().unwrap().contains("s3:PutObject"));
    stage.bucket.unguard();
    assert_eq!(latest(&|name| stage.get(name)), 1);

    let variables = stage.bucket.variables(&stage.bucket.door);
    let error = publish_to(&mine, &first, "s3://not-there/pre", &variables).unwrap_err();
    assert!(matches!(error, PublishError::NoBucket { .. }), "{error}");
    // A store that does not know the condition says so, and nothing becomes visible.
    stage.bucket.guard(move |method, path| {
        let is_page = is_write(method) && path.contains("/manifests/");
        if is_page { Say::Refuse(501, "NotImplemented") } else { Say::Pass }
    });
    let error = stage.publish(&mine, &second).unwrap_err();
    assert!(matches!(error, PublishError::Failed { action: "create", .. }), "{error}");
    assert_eq!(latest(&|name| stage.get(name)), 1);
}
