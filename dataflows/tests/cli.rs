//! The command line, driven as a user would: exit codes, what is said, and what is left behind.
//!
//! Method: run the program itself in fresh folders. Hostile corpora hold the example of a lending
//! library beside what is hostile, and the library must come through unharmed.

#![expect(clippy::disallowed_methods, reason = "SLOW_TESTS is how the slow tests are asked for")]
#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder with a corpus of one good file.
struct Place(TempDir);

/// What a run came to.
struct Ran {
    code: Option<i32>,
    out: String,
    said: String,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("corpus")).unwrap();
        let place = Place(folder);
        place.add("library_lending.mcp.json");
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn add(&self, name: &str) {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus").join(name);
        fs::copy(example, self.at("corpus").join(name)).unwrap();
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.at("corpus").join(name), bytes).unwrap();
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_agentscaler"));
        command.current_dir(self.0.path()).args(line.split_whitespace());
        command
    }

    fn run(&self, line: &str) -> Ran {
        let Output { status, stdout, stderr } = self.command(line).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: status.code(), out: text(stdout), said: text(stderr) }
    }

    fn build(&self) -> Ran {
        self.run("build corpus --world world --json --set task.per_operation=1")
    }

    /// Builds, and returns the summary and everything that was rejected while it was read.
    #[track_caller]
    fn built(&self) -> (Value, Vec<Value>) {
        let ran = self.build();
        assert_eq!(ran.code, Some(0), "{}", ran.said);
        let rejections = self.run("list rejections --world world --json").out;
        let rejections = rejections.lines().map(|line| serde_json::from_str(line).unwrap());
        let parse = rejections.filter(|it: &Value| it["stage"] == "parse").collect();
        (serde_json::from_str(&ran.out).unwrap(), parse)
    }
}

impl Ran {
    /// Checks that it ended so, said this, and printed nothing as data.
    #[track_caller]
    fn fails(self, code: i32, said: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.said);
        assert_eq!(self.out, "");
        for part in said {
            assert!(self.said.contains(part), "\"{part}\" is not in: {}", self.said);
        }
    }
}

#[track_caller]
fn assert_keys(value: &Value, keys: &[&str]) {
    for key in keys {
        assert!(value.get(key).is_some(), "{key} is missing from {value}");
    }
}

#[test]
fn wrong_usage_is_told_and_exits_with_2() {
    let place = Place::new();
    place.run("").fails(2, &["Example: agentscaler build", "Usage"]);
    place.run("build corpus --world world --nonsense").fails(2, &["--nonsense"]);
    place.run("build corpus").fails(2, &["--world"]);
    place
        .run("build corpus --world world --set nonsense=1")
        .fails(2, &["\"nonsense\"", "task.per_operation", "dataset.shards"]);
    place.run("build corpus --world world --set x").fails(2, &["\"x\"", "KEY=VALUE"]);
    place.run("build corpus --world world --set seed=many").fails(2, &["seed", "many", "u64"]);
    place.run("build corpus --world world --set dataset.shards=0").fails(2, &["1 to 9999"]);
    place.run("build corpus --world world -w 100000").fails(2, &["1..=256"]);
    place.run("build missing --world world").fails(2, &["missing", "No such file"]);
    fs::create_dir(place.at("empty")).unwrap();
    place.run("build empty --world world").fails(2, &["no file was found"]);
    place.run("build corpus --world corpus").fails(2, &["the world itself"]);
    place.run("list tools --world nowhere").fails(2, &["no world", "agentscaler build"]);
    place.run("verify --world nowhere").fails(2, &["no world"]);
    fs::create_dir(place.at("taken")).unwrap();
    fs::write(place.at("taken/thesis.txt"), "years of work").unwrap();
    place.run("build corpus --world taken").fails(2, &["thesis.txt", "name a new"]);
    assert_eq!(fs::read(place.at("taken/thesis.txt")).unwrap(), b"years of work");
}

#[test]
fn summary_and_lists_have_every_key_that_others_read() {
    let place = Place::new();
    place.put("broken.json", "{");
    let (summary, _) = place.built();
    assert_keys(
        &summary,
        &["version", "parent", "changed", "counts", "rejected", "work", "graph", "seconds"],
    );
    assert_eq!(summary["schema_version"], 1);
    assert!(0 < summary["peak_rss_bytes"].as_u64().unwrap());
    let counts = "documents records tools links domains domain_tools environments tasks \
                  trajectories kept";
    let rejected = "parse refine domain gate realisable sound contaminated validity state \
                    exact_match";
    let work = "documents_parsed tools_encoded pairs_scored domains_materialized tasks_composed \
                rollouts calls_executed requests objects_written objects_reused bytes_written";
    let seconds = "total parse link communities materialize compose roll_out verify shard commit";
    let parts = [("counts", counts), ("rejected", rejected), ("work", work), ("seconds", seconds)];
    for (part, keys) in parts {
        assert_keys(&summary[part], &keys.split_whitespace().collect::<Vec<_>>());
    }
    assert_keys(&summary["graph"], &["modularity", "domains_in_bounds"]);
    let kinds = [
        ("versions", "version parent counts"),
        ("domains", "id name tools tables reads writes tasks"),
        (
            "tools",
            "id name source provider service category license file pointer revision operation \
             domain",
        ),
        ("tasks", "id domain kind calls writes split"),
        ("trajectories", "id task domain split stage verdict reason calls"),
        ("rejections", "stage subject reason file pointer"),
    ];
    for (kind, keys) in kinds {
        let ran = place.run(&format!("list {kind} --world world --json"));
        assert_eq!((ran.code, ran.said.as_str()), (Some(0), ""), "{kind}");
        assert!(!ran.out.is_empty(), "{kind}");
        for line in ran.out.lines() {
            let row = serde_json::from_str(line).unwrap();
            assert_keys(&row, &keys.split_whitespace().collect::<Vec<_>>());
        }
        let plain = place.run(&format!("list {kind} --world world")).out;
        assert_eq!(plain.lines().count(), ran.out.lines().count() + 1, "{kind}");
    }
    let again = place.build();
    let again: Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!((&again["changed"], &again["version"]), (&json!(false), &json!(1)));
    assert!(again["work"].as_object().unwrap().values().all(|count| *count == json!(0)));
}

#[test]
fn data_goes_to_one_stream_and_talk_to_the_other() {
    let place = Place::new();
    let quiet = place.run("build corpus --world world --quiet");
    assert_eq!((quiet.code, quiet.said.as_str()), (Some(0), ""));
    assert!(quiet.out.contains("agentscaler verify --world world"));
    place.put("broken.json", "{");
    let strict = place.run("build corpus --world world --strict --json");
    assert_eq!(strict.code, Some(1));
    assert!(serde_json::from_str::<Value>(&strict.out).is_ok());
    let proof = place.run("verify --world world --json");
    assert_eq!((proof.code, proof.said.as_str()), (Some(0), ""));
    let proof: Value = serde_json::from_str(&proof.out).unwrap();
    assert_eq!((&proof["schema_version"], &proof["faults"]), (&json!(1), &json!([])));
    for shell in ["bash", "fish", "zsh"] {
        assert!(place.run(&format!("completions {shell}")).out.contains("agentscaler"));
    }
    let mut child = place
        .command("list tools --world world --json")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(serde_json::from_str::<Value>(&line).is_ok());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}

/// An API description with one operation that takes `parameters`.
fn openapi(parameters: &Value) -> String {
    let operation = json!({
        "operationId": "findGarden", "summary": "Find a garden by its number.",
        "parameters": parameters,
        "responses": {"200": {"description": "The garden."}},
    });
    json!({
        "openapi": "3.0.0", "info": {"title": "Gardens", "version": "1"},
        "paths": {"/gardens/{id}": {"get": operation}},
    })
    .to_string()
}

#[test]
fn hostile_files_are_rejected_with_a_reason_and_harm_nobody() {
    let place = Place::new();
    let (alone, _) = place.built();
    place.put("empty.json", "");
    place.put("binary.json", [0_u8, 159, 146, 150, 255, 0]);
    place.put("cut.json", "{\n  \"openapi\": \"3.0.0\",\n  \"paths\": {");
    place.put("deep.json", "[".repeat(100_000));
    let bomb: String = (1..30).fold("a0: &a0 [x, x]\n".into(), |text, level| {
        format!("{text}a{level}: &a{level} [{}]\n", format!("*a{}, ", level - 1).repeat(9))
    });
    place.put("bomb.yaml", format!("openapi: 3.0.0\n{bomb}"));
    let begun = Instant::now();
    let (summary, rejected) = place.built();
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    let reason = |file: &str| {
        let found = rejected.iter().find(|it| it["file"].as_str().unwrap().ends_with(file));
        found.unwrap_or_else(|| panic!("{file}: {rejected:#?}"))["reason"].to_string()
    };
    assert_eq!(reason("empty.json"), "\"is empty\"");
    for file in ["binary.json", "deep.json", "bomb.yaml"] {
        eprintln!("{file}: {}", reason(file));
        assert!(10 < reason(file).len(), "{}", reason(file));
    }
    assert!(reason("cut.json").contains("line 3"), "{}", reason("cut.json"));
    assert_eq!(summary["counts"]["kept"], alone["counts"]["kept"]);
    assert_eq!(place.run("verify --world world").code, Some(0));
}

#[test]
fn hostile_schemas_neither_reach_outside_nor_run_away() {
    let place = Place::new();
    let referring = |to: &str| {
        let schema = json!({"$ref": to});
        openapi(&json!([{"name": "id", "in": "path", "required": true, "schema": schema}]))
    };
    place.put("passwd.json", referring("file:///etc/passwd"));
    place.put("metadata.json", referring("http://169.254.169.254/latest/meta-data"));
    place.put("cycle.json", referring("#/paths/~1gardens~1{id}/get/parameters/0/schema"));
    let many = |ordinal: usize| json!({"name": format!("p{ordinal}"), "in": "query"});
    place.put("many.json", openapi(&(0..5_000).map(many).collect()));
    place.put("surrogate.json", openapi(&json!([])).replace("number.", "number \\ud800."));
    place.put("nul.json", openapi(&json!([])).replace("number.", "number \\u0000."));
    let twice = openapi(&json!([])).replacen("{", "{\"openapi\": \"3.0.0\", ", 1);
    place.put("twice.json", twice);
    let begun = Instant::now();
    place.built();
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    for object in fs::read_dir(place.at("world/objects")).unwrap() {
        let bytes = fs::read(object.unwrap().path()).unwrap();
        let text = zstd::decode_all(bytes.as_slice()).unwrap_or(bytes);
        assert!(!String::from_utf8_lossy(&text).contains("root:x:"));
    }
    assert_eq!(place.run("verify --world world").code, Some(0));
}

#[test]
fn hostile_folders_are_rejected_with_a_reason() {
    let place = Place::new();
    let corpus = place.at("corpus");
    symlink("/etc/passwd", corpus.join("passwd.json")).unwrap();
    symlink("ring_b.json", corpus.join("ring_a.json")).unwrap();
    symlink("ring_a.json", corpus.join("ring_b.json")).unwrap();
    // Followed, these would be 2^32 paths.
    symlink(".", corpus.join("again")).unwrap();
    symlink("../corpus", corpus.join("once_more")).unwrap();
    fs::copy(
        corpus.join("library_lending.mcp.json"),
        corpus.join(std::ffi::OsStr::from_bytes(b"caf\xe9.json")),
    )
    .unwrap();
    let closed = corpus.join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let (_, rejected) = place.built();
    let parts = [
        ("passwd.json", "outside"),
        ("ring_a.json", "cannot be read"),
        ("ring_b.json", "cannot be read"),
        ("again", "link to a folder"),
        ("once_more", "link to a folder"),
        ("caf\\xe9.json", "not UTF-8"),
        ("closed", "cannot be read"),
    ];
    for (file, reason) in parts {
        if file == "closed" && fs::read_dir(&closed).is_ok() {
            eprintln!("SKIPPED unreadable folder: this user may read everything");
            continue;
        }
        let found = rejected.iter().any(|it| {
            it["file"].as_str().unwrap() == format!("corpus/{file}")
                && it["reason"].as_str().unwrap().contains(reason)
        });
        assert!(found, "{file}: {rejected:#?}");
    }
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
    // The same folder given twice is read once.
    let twice = place.run("build corpus corpus --world twice --set task.per_operation=1");
    assert_eq!(twice.code, Some(0), "{}", twice.said);
}

#[test]
fn world_below_its_corpus_is_no_part_of_it() {
    let place = Place::new();
    let line = "build . --world world --json --set task.per_operation=1";
    let first: Value = serde_json::from_str(&place.run(line).out).unwrap();
    let again: Value = serde_json::from_str(&place.run(line).out).unwrap();
    assert_eq!(first["counts"], again["counts"]);
    assert_eq!(again["changed"], json!(false));
}

#[test]
fn damage_is_told_passed_over_and_repaired_by_the_next_build() {
    let place = Place::new();
    place.built();
    fs::remove_dir_all(place.at("world/dataset")).unwrap();
    assert!(place.build().said.contains("dataset/ now shows version 1"));
    assert_eq!(place.run("verify --world world").code, Some(0));
    fs::remove_dir_all(place.at("world/dataset/general")).unwrap();
    place.built();
    assert_eq!(place.run("verify --world world").code, Some(0));

    place.add("restaurant_tables.mcp.json");
    place.built();
    let manifest = place.at(&format!("world/manifests/{:020}.json", 2));
    let whole = fs::read_to_string(&manifest).unwrap();
    let write = |text: &str| {
        fs::remove_file(&manifest).unwrap();
        fs::write(&manifest, text).unwrap();
    };
    write(&whole.replace("\"format\": 1,", "\"format\": 99,"));
    for line in ["list tools --world world", "verify --world world", "build corpus --world world"] {
        place.run(line).fails(2, &["newer version", "99", "use the version that made it"]);
    }
    write(&whole[..whole.len() / 2]);
    let listed = place.run("list tools --world world --json");
    assert_eq!(listed.code, Some(0));
    assert!(listed.said.contains("version 2 is passed over"), "{}", listed.said);
    let verified = place.run("verify --world world");
    assert_eq!(verified.code, Some(1));
    assert!(verified.out.contains("manifests/00000000000000000002.json"), "{}", verified.out);
    let (summary, _) = place.built();
    assert_eq!((&summary["version"], &summary["parent"]), (&json!(3), &json!(1)));
    assert_eq!(place.run("verify --world world").code, Some(0));

    let objects = fs::read_dir(place.at("world/objects")).unwrap();
    for object in objects {
        fs::remove_file(object.unwrap().path()).unwrap();
    }
    let (anew, _) = place.built();
    assert_eq!((&anew["version"], &anew["parent"]), (&json!(4), &json!(null)));
    assert_eq!(place.run("verify --world world").code, Some(0));
}

#[test]
fn locked_world_is_left_to_its_holder() {
    let place = Place::new();
    place.built();
    let held = dataflows::store::World::open(place.at("world")).unwrap().lock().unwrap();
    place
        .run("build corpus --world world")
        .fails(2, &["is being written by process", "wait for the other command"]);
    assert_eq!(place.run("list tools --world world").code, Some(0));
    drop(held);
    assert_eq!(place.build().code, Some(0));
}

#[test]
fn full_disk_harms_nothing_and_the_same_command_finishes() {
    let place = Place::new();
    let disk = place.at("disk");
    fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=2m", "none"])
        .arg(&disk)
        .stderr(Stdio::null())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED full disk: no file system could be mounted");
        return;
    }
    let line = "build corpus --world disk/world --json --set task.per_operation=1";
    let outcome = std::panic::catch_unwind(|| {
        assert_eq!(place.run(line).code, Some(0));
        let mut copied = Command::new("cp");
        copied.args(["-a", "disk/world", "undisturbed"]);
        assert!(copied.current_dir(place.0.path()).status().unwrap().success());
        place.add("restaurant_tables.mcp.json");
        place.add("clinic.openapi.json");
        assert_eq!(place.run(&line.replace("disk/world", "undisturbed")).code, Some(0));
        let ballast = disk.join("ballast");
        fs::write(&ballast, vec![1; 1_400_000]).unwrap();
        let full = place.run(line);
        let verified = place.run("verify --world disk/world");
        fs::remove_file(&ballast).unwrap();
        full.fails(2, &["no space left", "unharmed", "run the same command again"]);
        assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.said);
        let ran = place.run(line);
        assert_eq!(ran.code, Some(0), "{}", ran.said);
        assert_eq!(place.run("verify --world disk/world").code, Some(0));
        // A manifest names every object by its digest.
        let name = format!("manifests/{:020}.json", 2);
        let manifest = |world| fs::read(place.at(world).join(&name)).unwrap();
        assert!(manifest("disk/world") == manifest("undisturbed"));
    });
    let unmounted = Command::new("umount").arg("-l").arg(&disk).status().unwrap().success();
    outcome.unwrap();
    assert!(unmounted);
}

#[test]
fn huge_files_take_bounded_memory_and_time() {
    let place = Place::new();
    File::create(place.at("corpus/huge.json")).unwrap().set_len(1 << 30).unwrap();
    let begun = Instant::now();
    let (summary, rejected) = place.built();
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    let peak = summary["peak_rss_bytes"].as_u64().unwrap();
    assert!(peak < 600 << 20, "{peak}");
    assert!(rejected.iter().any(|it| it["file"] == "corpus/huge.json"), "{rejected:#?}");
}

#[test]
fn many_small_tools_in_one_file_take_bounded_memory() {
    if std::env::var_os("SLOW_TESTS").is_none() {
        eprintln!("SKIPPED 300 MB of JSON Lines: SLOW_TESTS is not set");
        return;
    }
    let place = Place::new();
    let mut lines = BufWriter::new(File::create(place.at("corpus/many.jsonl")).unwrap());
    let filler = "The keeper of the garden wrote it down. ".repeat(1_600);
    for ordinal in 0..4_500 {
        let name = format!("find_garden_{}", ordinal % 40);
        let tool = json!({
            "name": name, "description": filler,
            "inputSchema": {"type": "object", "properties": {"id": {"type": "string"}}},
        });
        writeln!(lines, "{tool}").unwrap();
    }
    lines.into_inner().unwrap();
    let begun = Instant::now();
    let (summary, _) = place.built();
    assert!(begun.elapsed() < Duration::from_secs(120), "{:?}", begun.elapsed());
    let peak = summary["peak_rss_bytes"].as_u64().unwrap();
    assert!(peak < 600 << 20, "{peak}");
}

#[test]
fn domains_are_exported_into_folders_of_their_own() {
    let place = Place::new();
    place.built();
    for what in ["python", "tau2"] {
        let ran = place.run(&format!("export {what} --world world --output {what} --json"));
        assert_eq!((ran.code, &*ran.said), (Some(0), ""));
        let made: Value = serde_json::from_str(&ran.out).unwrap();
        assert_keys(&made, &["schema_version", "version", "output", "domains", "tools", "tasks"]);
        assert!(place.at(what).join("export.json").exists());
        let nobody = format!("export {what} --world world --output {what} --domain nobody");
        place.run(&nobody).fails(2, &["\"nobody\"", "agentscaler list domains"]);
        place.run(&format!("export {what} --world world --output -")).fails(2, &["a folder"]);
        place
            .run(&format!("export {what} --world world --output corpus"))
            .fails(2, &["no earlier export", "name a new"]);
    }
    place
        .run("export tools --world world --output tools.json --domain books")
        .fails(2, &["--domain is not for"]);
}
