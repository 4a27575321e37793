//! Crashes: a command that is killed at any moment leaves the last version whole, and the same
//! command then finishes with the bytes of an undisturbed run.
//!
//! Method: a world at version 1 is to become version 2. The program is killed after a time drawn
//! from the run's duration, again and again; whenever a version 2 was made, the world is set back.
//! So are takedowns, collections, exports and a watcher. With `SLOW_TESTS=1` in the environment a
//! build is killed 200 times instead of 30, and each of the others 50 times instead of 6:
//!
//! ```text
//! SLOW_TESTS=1 cargo test -p dataflows --test crash -- --nocapture
//! ```

#![expect(clippy::disallowed_methods, reason = "SLOW_TESTS is how the slow tests are asked for")]
#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use dataflows::prove::prove;
use dataflows::store::World;
use schemas::Draw;
use tempfile::TempDir;

/// A corpus of two files, of which version 1 of a world has read one.
struct Stage {
    folder: TempDir,
    /// The files of the world at version 1.
    first: PathBuf,
    /// The files of version 2 after an undisturbed run.
    second: BTreeMap<String, Vec<u8>>,
    /// How long that run took.
    took: Duration,
}

impl Stage {
    fn set() -> Stage {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("corpus")).unwrap();
        let (first, second) = (folder.path().join("first"), folder.path().join("second"));
        add(folder.path(), "library_lending.mcp.json");
        assert!(start(folder.path(), &first).wait().unwrap().success());
        add(folder.path(), "restaurant_tables.mcp.json");
        copy(&first, &second);
        let started = Instant::now();
        assert!(start(folder.path(), &second).wait().unwrap().success());
        let took = started.elapsed();
        let second = latest(&second);
        Stage { folder, first, second, took }
    }

    fn world(&self) -> PathBuf {
        self.folder.path().join("world")
    }

    /// Sets the world back to version 1.
    fn set_back(&self) {
        if self.world().exists() {
            fs::remove_dir_all(self.world()).unwrap();
        }
        copy(&self.first, &self.world());
    }

    fn start(&self) -> Child {
        start(self.folder.path(), &self.world())
    }

    /// A moment of the run, or shortly after it.
    fn moment(&self, round: u64) -> Duration {
        moment(self.took, round)
    }

    /// Runs a command of the program on the world, and tells how long it took.
    fn run(&self, line: &str) -> Duration {
        let started = Instant::now();
        assert!(self.begin(line).wait().unwrap().success(), "{line}");
        started.elapsed()
    }

    fn begin(&self, line: &str) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_agentscaler"));
        command.current_dir(self.folder.path()).args(line.split(' '));
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Runs a command and kills it, as often as is asked for: `prepare` sets the stage, and `check`
    /// looks at what is left. Every other time the command is run again, left in peace, before.
    fn kill(&self, line: &str, prepare: &dyn Fn(u64), check: &dyn Fn(bool)) {
        prepare(0);
        let took = self.run(line);
        check(true);
        for round in 0..others() {
            prepare(round);
            let mut child = self.begin(line);
            std::thread::sleep(moment(took, round));
            child.kill().unwrap();
            child.wait().unwrap();
            check(false);
            if round % 2 == 1 {
                self.run(line);
                check(true);
            }
        }
    }
}

fn moment(took: Duration, round: u64) -> Duration {
    let permille = Draw::new(7).with("kill").with(round.to_le_bytes()).below(1_100);
    took * u32::try_from(permille).unwrap() / 1_000
}

fn is_slow() -> bool {
    std::env::var_os("SLOW_TESTS").is_some()
}

/// How often another command than a build is killed.
fn others() -> u64 {
    if is_slow() { 50 } else { 6 }
}

fn add(folder: &Path, name: &str) {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus").join(name);
    fs::copy(example, folder.join("corpus").join(name)).unwrap();
}

fn start(folder: &Path, world: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_agentscaler"))
        .args(["build", "--json", "--set", "task.per_operation=1", "--workers", "2"])
        .arg(folder.join("corpus"))
        .arg("--world")
        .arg(world)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
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

/// The files that the latest version names, and its manifest.
fn latest(world: &Path) -> BTreeMap<String, Vec<u8>> {
    let world = World::open(world).unwrap();
    let manifest = world.latest().unwrap().manifest.unwrap();
    let mut files: BTreeMap<String, Vec<u8>> = manifest
        .contents
        .all_objects()
        .map(|object| (object.file_name(), world.read_object(object).unwrap()))
        .collect();
    let name = format!("manifests/{:020}.json", manifest.version);
    files.insert(name.clone(), fs::read(world.root().join(&name)).unwrap());
    files
}

/// Checks that the latest version is whole and has rows, and returns its number.
#[track_caller]
fn whole(path: &Path) -> u64 {
    let (version, rows) = sound(path);
    assert!(0 < rows);
    version
}

/// Checks that the latest version is whole, and returns its number and how many rows it keeps.
#[track_caller]
fn sound(path: &Path) -> (u64, u64) {
    let world = World::open(path).unwrap();
    let found = world.latest().unwrap();
    assert!(found.passed_over.is_empty(), "{:?}", found.passed_over);
    let manifest = found.manifest.unwrap();
    for object in manifest.contents.all_objects() {
        world.read_object(object).unwrap();
    }
    // A crash between commit and swap leaves the dataset of the version before; the next command
    // puts that right when it takes the lock.
    drop(world.lock().unwrap());
    let proof = prove(&world, 1).unwrap();
    assert!(proof.holds(), "{:#?}", proof.faults);
    (manifest.version, proof.rows)
}

#[test]
fn killed_at_any_moment_the_world_is_whole_and_the_same_command_finishes_it() {
    let kills = if is_slow() { 200 } else { 30 };
    let stage = Stage::set();
    stage.set_back();
    let (mut unfinished, mut finished) = (0, 0);
    for round in 0..kills {
        let mut child = stage.start();
        std::thread::sleep(stage.moment(round));
        child.kill().unwrap();
        child.wait().unwrap();
        match whole(&stage.world()) {
            1 => unfinished += 1,
            version => {
                assert_eq!(version, 2);
                assert_eq!(latest(&stage.world()), stage.second, "after kill {round}");
                finished += 1;
                stage.set_back();
            }
        }
        // Every third world goes on from what the killed command left of its objects.
        if round % 3 == 2 {
            assert!(stage.start().wait().unwrap().success());
            assert_eq!(whole(&stage.world()), 2);
            assert!(latest(&stage.world()) == stage.second, "after kill {round}");
            let names = fs::read_dir(stage.world()).unwrap();
            let left = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let left: Vec<String> =
                left.filter(|name| name.starts_with('.') && name != ".lock").collect();
            assert!(left.is_empty(), "{left:?}");
            stage.set_back();
        }
    }
    assert!(0 < unfinished, "{unfinished} unfinished, {finished} finished");
}

#[test]
fn killed_first_build_leaves_nothing_half_visible() {
    let stage = Stage::set();
    let undisturbed = stage.folder.path().join("undisturbed");
    assert!(start(stage.folder.path(), &undisturbed).wait().unwrap().success());
    for round in 100..106 {
        let mut child = stage.start();
        std::thread::sleep(stage.moment(round));
        child.kill().unwrap();
        child.wait().unwrap();
        if let Ok(world) = World::open(stage.world()) {
            assert!(world.latest().unwrap().passed_over.is_empty());
        }
    }
    assert!(stage.start().wait().unwrap().success());
    assert_eq!(whole(&stage.world()), 1);
    assert!(latest(&stage.world()) == latest(&undisturbed));
}

#[test]
fn interrupted_command_says_so_and_leaves_the_world_as_it_was() {
    let stage = Stage::set();
    let mut interrupted = 0;
    for round in 200..210 {
        stage.set_back();
        let before = latest(&stage.world());
        let child = stage.start();
        std::thread::sleep(stage.moment(round).max(Duration::from_millis(60)));
        let pid = child.id().to_string();
        // It may have ended by itself.
        Command::new("kill").args(["-INT", &pid]).stderr(Stdio::null()).status().unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let version = whole(&stage.world());
        match output.status.code() {
            Some(130) if version == 1 => {
                assert!(said.contains("the world is as it was"), "{said}");
                assert!(latest(&stage.world()) == before);
                interrupted += 1;
            }
            // During the commit it waits for its end.
            Some(130 | 0) => assert!(latest(&stage.world()) == stage.second),
            code => panic!("{code:?}: {said}"),
        }
    }
    assert!(0 < interrupted);
}

#[test]
fn killed_takedown_is_undone_or_done() {
    let stage = Stage::set();
    let (before, after) = (latest(&stage.first), Cell::new(None));
    let line = "drop --source mcp --world world";
    stage.kill(line, &|_| stage.set_back(), &|is_over| {
        sound(&stage.world());
        let found = latest(&stage.world());
        if is_over {
            let expected = after.take().unwrap_or_else(|| found.clone());
            assert!(found == expected && found != before);
            after.set(Some(expected));
        } else if found != before {
            let expected = after.take().unwrap();
            assert!(found == expected, "neither the version before nor the one after");
            after.set(Some(expected));
        }
    });
}

#[test]
fn killed_collection_leaves_whole_versions() {
    let stage = Stage::set();
    let two = stage.folder.path().join("two");
    stage.set_back();
    assert!(stage.start().wait().unwrap().success());
    copy(&stage.world(), &two);
    let prepare = |_| {
        fs::remove_dir_all(stage.world()).unwrap();
        copy(&two, &stage.world());
    };
    stage.kill("gc --keep 1 --grace 0 --world world", &prepare, &|is_over| {
        assert_eq!(whole(&stage.world()), 2);
        assert!(latest(&stage.world()) == stage.second);
        let world = World::open(stage.world()).unwrap();
        for version in world.versions().unwrap() {
            world.check_objects(&world.manifest(version).unwrap()).unwrap();
        }
        if is_over {
            assert_eq!(world.versions().unwrap(), [2]);
            let objects = fs::read_dir(stage.world().join("objects")).unwrap().count();
            assert_eq!(objects + 1, stage.second.len(), "its objects and its manifest");
        }
    });
}

#[test]
fn killed_export_is_not_there_or_whole() {
    let stage = Stage::set();
    stage.set_back();
    let (out, older) = (stage.folder.path().join("out"), stage.folder.path().join("older"));
    stage.run("export python --world world --output out");
    fs::rename(&out, &older).unwrap();
    assert!(stage.start().wait().unwrap().success());
    let replaced = tree(&older);
    let expected = Cell::new(None);
    // Every other export replaces that of an earlier version.
    let prepare = |round: u64| {
        if out.exists() {
            fs::remove_dir_all(&out).unwrap();
        }
        if round.is_multiple_of(2) {
            copy(&older, &out);
        }
    };
    stage.kill("export python --world world --output out", &prepare, &|is_over| {
        let found = if out.exists() { tree(&out) } else { BTreeMap::new() };
        let whole: BTreeMap<_, _> = expected.take().unwrap_or_else(|| found.clone());
        assert!(whole != replaced && !whole.is_empty());
        assert!(found == whole || !is_over && (found.is_empty() || found == replaced));
        expected.set(Some(whole));
        if is_over {
            let names = fs::read_dir(stage.folder.path()).unwrap();
            let left = names.filter(|it| {
                it.as_ref().unwrap().file_name().to_string_lossy().starts_with(".tmp")
            });
            assert_eq!(left.count(), 0, "nothing is left beside");
        }
    });
}

#[test]
fn killed_watcher_leaves_a_whole_version() {
    let stage = Stage::set();
    let added = stage.folder.path().join("corpus/restaurant_tables.mcp.json");
    let away = stage.folder.path().join("away");
    for round in 0..others() {
        stage.set_back();
        fs::rename(&added, &away).unwrap();
        let mut watcher = stage.begin("watch corpus --world world --workers 2");
        std::thread::sleep(moment(stage.took, round));
        fs::rename(&away, &added).unwrap();
        std::thread::sleep(moment(2 * stage.took, round + 1_000));
        watcher.kill().unwrap();
        watcher.wait().unwrap();
        match whole(&stage.world()) {
            1 => {}
            version => assert!(version == 2 && latest(&stage.world()) == stage.second),
        }
        assert!(stage.start().wait().unwrap().success());
        assert_eq!(whole(&stage.world()), 2);
        assert!(latest(&stage.world()) == stage.second, "after kill {round}");
    }
}

/// Every file below a folder, with its bytes.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut pending = vec![folder.to_path_buf()];
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            let name = path.strip_prefix(folder).unwrap().to_path_buf();
            files.insert(name, fs::read(path).unwrap());
        }
    }
    files
}
