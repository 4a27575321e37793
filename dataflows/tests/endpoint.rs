//! Worlds whose poor tools a model describes: the same whatever the endpoint suffers.
//!
//! Method: a server in this file answers as a function of the question, late, wrongly or not at all
//! as a test wants, and counts what it was asked. Bug families it is after: an answer that is paid
//! twice or lost; a fault that shows in the world; a world that depends on the order of answers; a
//! key that is written anywhere.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::AsArray as _;
use dataflows::build::{BuildError, Listener, Request, build};
use dataflows::endpoint::{Budget, Config, Secret};
use dataflows::journal::Recorded;
use dataflows::prove::prove;
use dataflows::store::World;
use dataflows::summary::Summary;
use operators::Work;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use schemas::Lineage;
use tempfile::TempDir;

use self::server::{Conduct, Server};
use self::versions::{assert_same, committed, latest};

#[path = "files/versions.rs"]
mod versions;
#[path = "endpoint/server.rs"]
mod server;

struct Silent;

impl Listener for Silent {
    fn begun(&self, _work: &Arc<Work>, _documents: usize) {}
    fn warn(&self, _message: &str) {}
    fn committing(&self) {}
}

/// A folder with a corpus, and worlds made of it.
struct Stage(TempDir);

/// How many tools of the corpus say too little.
const POOR: usize = 20;

/// How many of these the model declines to describe, or describes badly.
const REFUSED: u64 = 3;

impl Stage {
    fn set() -> Stage {
        let stage = Stage(tempfile::tempdir().unwrap());
        fs::create_dir(stage.corpus()).unwrap();
        stage.write("parcels.json", &["parcel", "courier", "depot", "invoice"]);
        stage
    }

    fn corpus(&self) -> PathBuf {
        self.0.path().join("corpus")
    }

    fn world(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A list of tools: five for each noun that say next to nothing, and one that says enough.
    fn write(&self, name: &str, nouns: &[&str]) {
        let mut tools = vec![
            "{\"name\": \"estimate_delivery\", \"description\": \"Estimates in how many days a \
             parcel of a given weight arrives.\", \"inputSchema\": {\"type\": \"object\", \
             \"properties\": {\"weight\": {\"type\": \"number\", \"description\": \"In kilograms, \
             at most 30.\"}}}, \"outputSchema\": {\"type\": \"object\", \"properties\": \
             {\"days\": {\"type\": \"integer\"}}}}"
                .to_string(),
        ];
        for noun in nouns {
            for (verb, argument) in [
                ("create", "name"),
                ("get", "id"),
                ("list", "status"),
                ("update", "id"),
                ("delete", "id"),
            ] {
                let key = if argument == "id" { format!("{noun}_id") } else { argument.into() };
                tools.push(format!(
                    "{{\"name\": \"{verb}_{noun}\", \"description\": \"{}\", \"inputSchema\": \
                     {{\"type\": \"object\", \"properties\": {{\"{key}\": {{\"type\": \
                     \"string\"}}}}, \"required\": [\"{key}\"]}}}}",
                    if verb == "list" { "Up to 50." } else { "" }
                ));
            }
        }
        let text = format!("{{\"tools\": [{}]}}", tools.join(",\n"));
        fs::write(self.corpus().join(name), text).unwrap();
    }

    fn request(&self, world: &str, workers: usize, endpoint: Option<Config>) -> Request {
        Request {
            corpus: vec![self.corpus()],
            world: self.world(world),
            workers,
            settings: vec!["task.per_operation=1".into(), "describe.model=small".into()],
            variables: Vec::new(),
            refit: false,
            pinned: None,
            endpoint,
        }
    }

    #[track_caller]
    fn made(&self, world: &str, workers: usize, endpoint: Option<Config>) -> Summary {
        build(&self.request(world, workers, endpoint), &Silent).unwrap()
    }

    fn command(&self, world: &str, url: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_agentscaler"));
        command
            .args(["build", "--json", "--set", "task.per_operation=1"])
            .args(["--set", "describe.model=small", "--endpoint", url, "--workers", "2"])
            .arg(self.corpus())
            .arg("--world")
            .arg(self.world(world))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

/// An endpoint that is asked without much patience.
fn config(server: &Server) -> Config {
    Config {
        timeout: Duration::from_millis(700),
        backoff: Duration::from_millis(4),
        in_flight_max: 8,
        ..Config::new(server.url())
    }
}

/// How many answers a world's journal holds.
fn recorded(world: &Path) -> usize {
    World::open(world).map_or(0, |world| Recorded::read(&world).unwrap().len())
}

#[test]
fn poor_tools_are_described_and_good_ones_are_not_asked_about() {
    let stage = Stage::set();
    let server = Server::start(Conduct::Good);
    let summary = stage.made("world", 1, Some(config(&server)));
    assert_eq!(server.asked().len(), POOR);
    assert_eq!(summary.work["requests"], POOR as u64);
    assert_eq!(summary.rejected["describe"], REFUSED);
    assert!(!server.asked().keys().any(|about| about.contains("estimate_delivery")));

    let world = World::open(stage.world("world")).unwrap();
    let manifest = world.latest().unwrap().manifest.unwrap();
    assert_eq!(manifest.contents.pins["answers"].rows, POOR as u64);
    let proof = prove(&world, 1).unwrap();
    assert!(proof.holds() && 0 < proof.rows, "{:#?}", proof.faults);
    let mut rules = Vec::new();
    dataflows::listing::rejections(&world, &manifest, &mut |row| {
        if row["stage"] == "describe" {
            rules.push(row["reason"].as_str().unwrap().to_string());
        }
        true
    })
    .unwrap();
    assert_eq!(rules.len() as u64, REFUSED, "{rules:?}");

    let card = fs::read_to_string(stage.world("world").join("dataset/README.md")).unwrap();
    assert!(card.contains("by the model `small`, which gave 20 answers"), "{card}");
    let said = descriptions(&world);
    assert_eq!(said.len(), POOR + 1, "{said:?}");
    assert_eq!(said["create_parcel"], "Can create one parcel and answers with what it then is.");
    assert!(said["list_depot"].starts_with("Up to 50. Can list one depot"), "{said:?}");
    assert!(said["estimate_delivery"].starts_with("Estimates"), "its source's word stands");
    for refused in ["get_depot", "delete_courier", "update_invoice"] {
        assert_eq!(said[refused], "", "what was refused changes nothing");
    }

    let again = stage.made("world", 1, Some(config(&server)));
    assert!(!again.changed && again.work.values().all(|count| *count == 0), "{:?}", again.work);
}

/// What the rows of the dataset say of each tool, by name.
fn descriptions(world: &World) -> BTreeMap<String, String> {
    let contents = world.latest().unwrap().manifest.unwrap().contents;
    let mut said = BTreeMap::new();
    for (_, object) in contents.objects.iter().filter(|(role, _)| role.starts_with("tools/")) {
        let file = fs::File::open(world.object_path(object)).unwrap();
        let batches = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
        for batch in batches {
            let batch = batch.unwrap();
            let column = |name| batch.column_by_name(name).unwrap().as_string::<i32>().iter();
            let rows = column("name").zip(column("description"));
            said.extend(rows.map(|(name, text)| (name.unwrap().into(), text.unwrap_or("").into())));
        }
    }
    said
}

/// Faults, workers and the order of answers do not show.
#[test]
fn worlds_are_the_same_whatever_the_endpoint_suffers() {
    let stage = Stage::set();
    let (good, bad) = (Server::start(Conduct::Good), Server::start(Conduct::Faulty));
    stage.made("good", 1, Some(Config { in_flight_max: 1, ..config(&good) }));
    let suffered = stage.made("bad", 2, Some(config(&bad)));
    assert_same(&committed(&stage.world("good")), &committed(&stage.world("bad")));
    assert!(POOR as u64 + 5 < suffered.work["requests"], "{:?}", suffered.work);
    assert!(server::FAULTS.iter().all(|fault| bad.committed_faults().contains(fault)));
}

#[test]
fn journal_and_manifest_rebuild_the_world_without_an_endpoint() {
    let stage = Stage::set();
    let server = Server::start(Conduct::Good);
    stage.made("world", 1, Some(config(&server)));
    // From the journal alone.
    fs::create_dir_all(stage.world("offline").join("journal")).unwrap();
    let segment = "journal/00000000000000000001.log";
    fs::copy(stage.world("world").join(segment), stage.world("offline").join(segment)).unwrap();
    let offline = stage.made("offline", 2, None);
    assert_eq!(offline.work["requests"], 0);
    assert_same(&committed(&stage.world("world")), &committed(&stage.world("offline")));

    // One more file: only what is new is asked.
    stage.write("fleet.json", &["lorry"]);
    let more = stage.made("world", 2, Some(config(&server)));
    assert_eq!((more.work["requests"], server.asked().len()), (5, POOR + 5));
    assert!(server.asked().values().all(|count| *count == 1));
    // While questions are open, tools are missing: no domain may be taken for dead meanwhile.
    let lineage = World::open(stage.world("world")).unwrap().manifest(2).unwrap().lineage;
    assert!(!lineage.iter().any(|event| matches!(event, Lineage::Died(_))), "{lineage:?}");
    // Pinned to the version before, from scratch, by the journal of the other world.
    let pinned = |world: &str, version| Request {
        pinned: Some((stage.world("world"), version)),
        ..stage.request(world, 1, None)
    };
    build(&pinned("rebuilt", Some(1)), &Silent).unwrap();
    assert_same(&latest(&stage.world("world")), &committed(&stage.world("rebuilt")));

    // And without any journal, by the answers that a manifest pins.
    fs::remove_dir_all(stage.world("world").join("journal")).unwrap();
    let summary = build(&pinned("again", None), &Silent).unwrap();
    assert_eq!(summary.work["requests"], 0);
    fs::remove_file(stage.corpus().join("fleet.json")).unwrap();
    let fewer = stage.made("world", 1, None);
    assert!(fewer.changed && fewer.work["requests"] == 0);
}

#[test]
fn another_model_asks_anew_and_no_model_takes_every_answer_back() {
    let stage = Stage::set();
    let server = Server::start(Conduct::Good);
    let plain = Request {
        settings: vec!["task.per_operation=1".into()],
        ..stage.request("plain", 1, None)
    };
    build(&plain, &Silent).unwrap();
    stage.made("world", 1, Some(config(&server)));
    let set = |settings: &[&str]| Request {
        settings: settings.iter().map(|it| (*it).to_string()).collect(),
        refit: true,
        ..stage.request("world", 1, Some(config(&server)))
    };
    let trial = build(&set(&["describe.trial=1"]), &Silent).unwrap();
    assert_eq!(trial.work["requests"], POOR as u64);
    let other = build(&set(&["describe.trial=0", "describe.model=large"]), &Silent).unwrap();
    assert_eq!(other.work["requests"], POOR as u64);
    // What was asked once is not asked again, however long ago.
    let back = build(&set(&["describe.model=small"]), &Silent).unwrap();
    assert_eq!(back.work["requests"], 0);
    let none = build(&set(&["describe.model="]), &Silent).unwrap();
    assert_eq!(none.work["requests"], 0);
    let tools = |world: &str| {
        let world = World::open(stage.world(world)).unwrap();
        let contents = world.latest().unwrap().manifest.unwrap().contents;
        (contents.objects, contents.pins.len())
    };
    assert_eq!(tools("world"), tools("plain"), "no trace of an answer");
}

#[test]
fn unanswered_questions_without_an_endpoint_are_an_error_that_says_how_many() {
    let stage = Stage::set();
    let error = build(&stage.request("world", 2, None), &Silent).unwrap_err();
    let said = error.to_string();
    assert!(said.contains("20 questions to model \"small\""), "{said}");
    assert!(error.remedy().unwrap().contains("--endpoint"));
    assert!(World::open(stage.world("world")).unwrap().versions().unwrap().is_empty());
}

#[test]
fn what_will_not_pass_by_itself_ends_the_asking_with_a_reason() {
    let stage = Stage::set();
    let fails = |endpoint: Config, with: &[&str], remedied: &str| {
        let error = build(&stage.request("world", 1, Some(endpoint)), &Silent).unwrap_err();
        assert!(matches!(error, BuildError::Answering(_)), "{error}");
        let (said, remedy) = (error.to_string(), error.remedy().unwrap());
        assert!(with.iter().all(|part| said.contains(part)), "{said}");
        assert!(remedy.contains(remedied) && !said.contains("sk-secret"), "{said}; {remedy}");
    };
    let locked = Server::start(Conduct::Locked);
    let keyed = Config { key: Some(Secret::new("sk-secret")), ..config(&locked) };
    fails(keyed, &["wants another key", "(key)"], "AGENTSCALER_API_KEY");

    let strange = Server::start(Conduct::Strange);
    fails(config(&strange), &["\"small\"", "it serves huge, tiny"], "describe.model");
    assert_eq!(strange.calls(), 1, "one call proves the model before many are made");

    let busy = Server::start(Conduct::Busy);
    let hasty = Config { attempts_max: 3, ..config(&busy) };
    fails(hasty, &["failed 3 times", "503"], "later");

    let gone = Config { url: Server::vacant(), ..config(&busy) };
    fails(gone, &["cannot be reached"], "--endpoint");
    fails(Config::new("localhost:8000"), &["begins with neither"], "--endpoint");
    assert_eq!(recorded(&stage.world("world")), 0);
}

#[test]
fn spent_budget_keeps_what_was_answered_and_the_same_command_goes_on() {
    let stage = Stage::set();
    let server = Server::start(Conduct::Good);
    stage.made("whole", 1, Some(config(&server)));
    let counted = Server::start(Conduct::Good);
    let budget = Budget { tokens: Some(7 * server::TOKENS), cost: None };
    let scarce = || Config { in_flight_max: 2, budget, ..config(&counted) };
    let mut rounds = 0;
    loop {
        rounds += 1;
        match build(&stage.request("world", 1, Some(scarce())), &Silent) {
            Ok(_) => break,
            Err(error) => {
                assert!(error.to_string().contains("the budget is spent"), "{error}");
                assert!(rounds < 5 && recorded(&stage.world("world")) < POOR);
            }
        }
    }
    assert_eq!((rounds, counted.calls()), (3, POOR));
    assert_same(&committed(&stage.world("whole")), &committed(&stage.world("world")));
}

/// Killed at any moment of the asking: nothing recorded is asked again, and the end is the same.
#[test]
fn killed_while_asking_nothing_recorded_is_asked_again() {
    let stage = Stage::set();
    let server = Server::start(Conduct::Good);
    stage.made("whole", 1, Some(config(&server)));
    for round in 0..6_u32 {
        let slow = Server::start(Conduct::Slow);
        let world = format!("world-{round}");
        for kill in 1..4 {
            let mut child: Child = stage.command(&world, &slow.url()).spawn().unwrap();
            while slow.calls() < kill * 4 + round as usize && child.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_millis(2));
            }
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let kept = recorded(&stage.world(&world));
        let before = slow.asked();
        let known = contents_recorded(&stage.world(&world));
        assert_eq!(known.len(), kept);
        let output = stage.command(&world, &slow.url()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let after = slow.asked();
        for about in &known {
            assert_eq!(before[about], after[about], "asked again after kill {round}");
        }
        assert_same(&committed(&stage.world("whole")), &latest(&stage.world(&world)));
        assert!(0 < kept, "something was recorded before the last kill");
    }
}

/// What the questions that a journal records are about.
fn contents_recorded(world: &Path) -> Vec<String> {
    let text = fs::read_to_string(world.join("journal/00000000000000000001.log")).unwrap();
    let mut about = Vec::new();
    for line in text.lines().skip(1) {
        let Some((_, json)) = line.split_once(' ') else { continue };
        let Ok(exchanges) = serde_json::from_str::<serde_json::Value>(json) else { continue };
        for exchange in exchanges.as_array().unwrap() {
            about.push(exchange["request"]["messages"][1]["content"].as_str().unwrap().into());
        }
    }
    about
}

#[test]
fn interrupted_while_asking_the_journal_is_whole() {
    let stage = Stage::set();
    let slow = Server::start(Conduct::Slow);
    let child = stage.command("world", &slow.url()).spawn().unwrap();
    while slow.calls() < 6 {
        std::thread::sleep(Duration::from_millis(2));
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let kept = recorded(&stage.world("world"));
    assert!(0 < kept && kept < POOR, "{kept}");
    let again = stage.command("world", &slow.url()).output().unwrap();
    assert!(again.status.success());
    assert_eq!(recorded(&stage.world("world")), POOR);
}

/// The key reaches the endpoint and nothing else: no file of the world, and nothing that is said.
#[test]
fn key_is_sent_and_never_written() {
    const KEY: &str = "sk-0123456789abcdef";
    let stage = Stage::set();
    let server = Server::start(Conduct::Good);
    let run = |world: &str, url: &str| -> Output {
        stage.command(world, url).env("AGENTSCALER_API_KEY", KEY).output().unwrap()
    };
    let output = run("world", &server.url());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(server.keys().iter().all(|key| key == &format!("Bearer {KEY}")));
    assert!(POOR < server.keys().len());
    let refused = run("refused", &Server::start(Conduct::Locked).url());
    assert_eq!(refused.status.code(), Some(2));
    for said in [&output.stdout, &output.stderr, &refused.stdout, &refused.stderr] {
        assert!(!String::from_utf8_lossy(said).contains(KEY));
    }
    let mut pending = vec![stage.0.path().to_path_buf()];
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            let bytes = fs::read(&path).unwrap();
            let found = bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes());
            assert!(!found, "{}", path.display());
        }
    }
}
