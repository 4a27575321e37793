//! Worlds whose tables and programs a model proposes: what holds counts, what does not is told.
//!
//! Method: the server of the tests of endpoints proposes something right for one domain and
//! something wrong of another kind for each of the others. Bug families it is after: a proposal
//! that is taken though it does not hold, or lost though it does; an answer that is paid twice; a
//! world that depends on the order of answers, on when it was interrupted, or on who builds.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use dataflows::build::{Listener, Request, build};
use dataflows::endpoint::Config;
use dataflows::explain::{Explained, explain};
use dataflows::journal::Recorded;
use dataflows::listing;
use dataflows::prove::prove;
use dataflows::store::World;
use dataflows::summary::Summary;
use operators::Work;
use tempfile::TempDir;

use self::replayed::Replayed;
use self::server::{Conduct, Server};
use self::versions::{assert_same, committed, latest};

#[path = "files/versions.rs"]
mod versions;
#[path = "conversations/replayed.rs"]
mod replayed;
#[expect(dead_code, reason = "the tests of endpoints use the rest")]
#[path = "endpoint/server.rs"]
mod server;

struct Silent;

impl Listener for Silent {
    fn begun(&self, _work: &Arc<Work>, _documents: usize) {}
    fn warn(&self, _message: &str) {}
    fn committing(&self) {}
}

/// Files of the example corpus that make nine domains.
const FILES: [&str; 8] = [
    "library_lending.mcp.json",
    "library_catalogue.openapi.yaml",
    "parcels.swagger.yaml",
    "clinic.openapi.json",
    "helpdesk.jsonl",
    "hotels.rapidapi.json",
    "ticketing.openapi.yaml",
    "fitness.mcp.json",
];

/// How many domains these make.
const DOMAINS: usize = 9;

struct Stage(TempDir);

impl Stage {
    fn set() -> Stage {
        let stage = Stage(tempfile::tempdir().unwrap());
        fs::create_dir(stage.at("corpus")).unwrap();
        FILES.iter().for_each(|name| stage.add(name));
        stage
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn add(&self, name: &str) {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus").join(name);
        fs::copy(example, self.at("corpus").join(name)).unwrap();
    }

    fn request(&self, world: &str, workers: usize, model: &str, server: Option<&str>) -> Request {
        let endpoint = server.map(|url| Config {
            timeout: Duration::from_millis(900),
            backoff: Duration::from_millis(4),
            in_flight_max: 8,
            ..Config::new(url)
        });
        Request {
            corpus: vec![self.at("corpus")],
            world: self.at(world),
            workers,
            settings: vec!["task.per_operation=1".into(), format!("propose.model={model}")],
            variables: Vec::new(),
            refit: false,
            pinned: None,
            endpoint,
        }
    }

    #[track_caller]
    fn made(&self, world: &str, workers: usize, server: Option<&Server>) -> Summary {
        let url = server.map(Server::url);
        build(&self.request(world, workers, "small", url.as_deref()), &Silent).unwrap()
    }

    fn command(&self, world: &str, url: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_agentscaler"));
        command
            .args(["build", "--json", "--set", "task.per_operation=1", "--workers", "2"])
            .args(["--set", "propose.model=small", "--endpoint", url, "--concurrency", "2"])
            .arg(self.at("corpus"))
            .arg("--world")
            .arg(self.at(world))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn explained(&self, world: &str, name: &str) -> Vec<Explained> {
        let world = World::open(self.at(world)).unwrap();
        let manifest = world.latest().unwrap().manifest.unwrap();
        explain(&world, &manifest, name, 100).unwrap()
    }

    /// What a world lists, by name or subject.
    fn listed(&self, world: &str, kind: &str) -> Vec<serde_json::Value> {
        let world = World::open(self.at(world)).unwrap();
        let manifest = world.latest().unwrap().manifest.unwrap();
        let mut rows = Vec::new();
        let mut sink = |row| {
            rows.push(row);
            true
        };
        match kind {
            "rejections" => listing::rejections(&world, &manifest, &mut sink).unwrap(),
            "domains" => listing::domains(&world, &manifest, &mut sink).unwrap(),
            _ => listing::tools(&world, &manifest, &mut sink).unwrap(),
        }
        rows
    }
}

/// How many answers a world's journal holds.
fn recorded(world: &Path) -> usize {
    World::open(world).map_or(0, |world| Recorded::read(&world).unwrap().len())
}

#[test]
fn what_holds_counts_and_what_does_not_is_told() {
    let stage = Stage::set();
    let server = Server::start(Conduct::Good);
    build(&stage.request("plain", 1, "", None), &Silent).unwrap();
    let summary = stage.made("world", 1, Some(&server));
    assert_eq!(summary.counts["domains"], DOMAINS as u64);
    assert_eq!((summary.work["requests"], server.calls()), (DOMAINS as u64, DOMAINS));
    let world = World::open(stage.at("world")).unwrap();
    let proof = prove(&world, 1).unwrap();
    assert!(proof.holds() && 0 < proof.rows, "{:#?}", proof.faults);
    let manifest = world.latest().unwrap().manifest.unwrap();
    assert_eq!(manifest.contents.pins["answers"].rows, DOMAINS as u64);

    let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in stage.listed("world", "rejections").iter().filter(|it| it["stage"] == "propose") {
        let text = |key: &str| row[key].as_str().unwrap().to_string();
        assert!(text("reason").chars().count() < 320, "{row}");
        reasons.entry(text("subject")).or_default().push(text("reason"));
    }
    let told: Vec<&String> = reasons.values().flatten().collect();
    assert_eq!(summary.rejected["propose"], told.len() as u64);
    for said in [
        "the answer is not the JSON asked for",
        "the answer was cut off after",
        "the model declined to answer",
        "no arguments make it do what it should: {'error': 'not today'}",
        "names \"wards\", which is not a table",
        "a program for \"open_minibar\", no tool here",
        "column \"minibars.price\" is in no table that several tools share",
        "\"../../etc\", which is no name of small letters",
        "\"'; drop table events; --\", which is no name of small letters",
        "control tokens or characters that nobody sees",
        "previous instructions",
    ] {
        assert!(told.iter().any(|it| it.contains(said)), "{said}: {told:#?}");
    }
    // Only the domain for which something right was proposed is another.
    let card = fs::read_to_string(stage.at("world/dataset/README.md")).unwrap();
    assert!(card.contains("as the model `small` proposed"), "{card}");
    let plain = stage.listed("plain", "domains");
    for (before, after) in plain.iter().zip(stage.listed("world", "domains")) {
        assert_eq!(before["tools"], after["tools"]);
        assert_eq!(before["writes"], after["writes"]);
    }
    let ungated = |of: &str| {
        let rows = stage.listed(of, "rejections");
        rows.into_iter().filter(|row| row["stage"] == "gate").collect::<Vec<_>>()
    };
    assert_eq!(ungated("plain"), ungated("world"));
    let programs = |one: &str| -> BTreeMap<String, (String, String)> {
        let of = |row: &serde_json::Value| {
            let id = row["id"].as_str().unwrap().to_string();
            let said = stage.explained(one, &id).remove(0).row;
            let by = said.get("proposed_by").and_then(|it| it.as_str()).unwrap_or_default();
            (id, (json(said.get("program")), by.to_string()))
        };
        stage.listed(one, "tools").iter().map(of).collect()
    };
    let (before, after) = (programs("plain"), programs("world"));
    let shown = |it: &&(String, String)| it.0.contains("mark: row.shelf_mark") && it.1 == "small";
    assert_eq!(after.values().filter(shown).count(), 1);
    assert!(before.values().all(|(program, by)| by.is_empty() && !program.contains("shelf_mark")));

    // Refusals are told with what they are about.
    let (tool, _) = reasons.iter().find(|(_, it)| it[0].contains("wards")).unwrap();
    let of_tool = stage.explained("world", tool);
    let kinds: Vec<&str> = of_tool.iter().map(|it| it.kind).collect();
    assert_eq!(kinds, ["tool", "rejection"]);
    let (domain, _) = reasons.iter().find(|(_, it)| it[0].contains("declined")).unwrap();
    let of_domain = stage.explained("world", domain);
    let name = of_domain[0].row["name"].as_str().unwrap();
    for found in [&of_domain, &stage.explained("world", name)] {
        assert!(found.iter().any(|it| it.kind == "rejection" && it.row["stage"] == "propose"));
    }

    let again = stage.made("world", 1, Some(&server));
    assert!(!again.changed && again.work.values().all(|count| *count == 0), "{:?}", again.work);
}

fn json(value: Option<&serde_json::Value>) -> String {
    value.map(serde_json::Value::to_string).unwrap_or_default()
}

/// A domain is asked about again only if one of its tools changes, and made again only then.
#[test]
fn only_domains_that_change_are_asked_about_again() {
    let stage = Stage::set();
    let server = Server::start(Conduct::Good);
    stage.made("world", 2, Some(&server));
    stage.add("weather_stations.xlam.json");
    let more = stage.made("world", 1, Some(&server));
    let asked = server.calls() - DOMAINS;
    assert!(0 < asked && (asked as u64) < more.counts["domains"], "{asked} questions");
    assert_eq!(more.work["requests"], asked as u64);
    assert_eq!(more.work["domains_materialized"], asked as u64, "others are remembered");
    assert!(server.asked().values().all(|count| *count == 1));
    // From scratch, by the answers alone, the same.
    let pinned = |world: &str| Request {
        pinned: Some((stage.at("world"), Some(1))),
        ..stage.request(world, 2, "small", None)
    };
    build(&pinned("rebuilt"), &Silent).unwrap();
    assert_same(&latest(&stage.at("world")), &committed(&stage.at("rebuilt")));
    // Another model is asked anew; no model takes every proposal back.
    let url = server.url();
    let large = build(&stage.request("world", 1, "large", Some(&url)), &Silent).unwrap();
    assert_eq!(large.work["requests"], large.counts["domains"]);
    let none = build(&stage.request("world", 1, "", None), &Silent).unwrap();
    assert_eq!(none.work["requests"], 0);
    build(&Request { pinned: pinned("").pinned, ..stage.request("plain", 1, "", None) }, &Silent)
        .unwrap();
    let objects = |world: &str| {
        let world = World::open(stage.at(world)).unwrap();
        world.latest().unwrap().manifest.unwrap().contents.objects
    };
    assert_eq!(objects("world"), objects("plain"), "no trace of a proposal");
}

/// Faults, workers, replays and kills do not show, and nothing recorded is asked again.
#[test]
fn worlds_are_the_same_whatever_happens_while_asking() {
    let stage = Stage::set();
    let server = Server::start(Conduct::Good);
    stage.made("whole", 1, Some(&server));
    let whole = committed(&stage.at("whole"));
    let faulty = Server::start(Conduct::Faulty);
    stage.made("faulty", 2, Some(&faulty));
    assert_same(&whole, &committed(&stage.at("faulty")));
    assert!(!faulty.committed_faults().is_empty());

    let slow = Server::start(Conduct::Slow);
    for kill in 1..4 {
        let mut child = stage.command("killed", &slow.url()).spawn().unwrap();
        while slow.calls() < kill * 2 && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let (kept, before) = (recorded(&stage.at("killed")), slow.calls());
    let output = stage.command("killed", &slow.url()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(slow.calls() - before, DOMAINS - kept, "what is recorded is not asked again");
    assert_same(&whole, &latest(&stage.at("killed")));

    // From the journal alone, and from its replay.
    fs::create_dir_all(stage.at("offline/journal")).unwrap();
    let segment = "journal/00000000000000000001.log";
    fs::copy(stage.at("whole").join(segment), stage.at("offline").join(segment)).unwrap();
    assert_eq!(stage.made("offline", 2, None).work["requests"], 0);
    assert_same(&whole, &committed(&stage.at("offline")));
    let replay = Replayed::start(&stage.at("whole"));
    build(&stage.request("replayed", 1, "small", Some(&replay.url)), &Silent).unwrap();
    assert_same(&whole, &committed(&stage.at("replayed")));

    let error = build(&stage.request("alone", 1, "small", None), &Silent).unwrap_err();
    assert!(error.to_string().contains("9 questions to model \"small\""), "{error}");
    assert!(error.remedy().unwrap().contains("propose.model= "));
}

/// A domain that is too large to be asked about is told of once, also when it is remembered.
#[test]
fn domains_too_large_to_be_asked_about_are_built_in_and_told_of() {
    let stage = Stage::set();
    let narrow = |world: &str| {
        let mut request = stage.request(world, 1, "small", None);
        request.settings.push("propose.question_bytes_max=2000".into());
        build(&request, &Silent).unwrap()
    };
    let summary = narrow("world");
    assert_eq!((summary.rejected["propose"], summary.work["requests"]), (DOMAINS as u64, 0));
    stage.add("weather_stations.xlam.json");
    let more = narrow("world");
    assert_eq!(more.rejected["propose"], more.counts["domains"]);
    assert!(more.work["domains_materialized"] < more.counts["domains"], "{:?}", more.work);
    let is_too_long = |row: &serde_json::Value| {
        row["stage"] == "propose" && row["reason"].as_str().unwrap().contains("more than 2000")
    };
    let told = stage.listed("world", "rejections").into_iter().filter(is_too_long).count();
    assert_eq!(told as u64, more.counts["domains"]);
}
