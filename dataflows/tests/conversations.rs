//! Worlds in which models play the agent, the user or both: the same whatever the endpoint suffers.
//!
//! Method: a server in this folder plays sensible agents and users, some with bad habits, as a
//! function of what it is shown, and fails as a test wants. Bug families it is after: an answer
//! that is paid twice or lost; a fault of the endpoint that is held against a model; a world that
//! depends on the order of answers, on the number of workers or on when it was interrupted.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use dataflows::build::{BuildError, Listener, Request, build};
use dataflows::dataset::{TrajectoryRow, read_trajectories};
use dataflows::endpoint::{Budget, Config};
use dataflows::journal::Recorded;
use dataflows::prove::prove;
use dataflows::store::World;
use dataflows::summary::Summary;
use operators::Work;
use schemas::{Speaker, Value};
use tempfile::TempDir;

use self::replayed::Replayed;
use self::script::Script;
use self::server::{Conduct, Server};
use self::versions::{assert_same, committed, latest};

#[path = "files/versions.rs"]
mod versions;
#[path = "conversations/replayed.rs"]
mod replayed;
#[path = "conversations/script.rs"]
mod script;
#[expect(dead_code, reason = "a benchmark uses the rest")]
#[path = "conversations/server.rs"]
mod server;

struct Silent;

impl Listener for Silent {
    fn begun(&self, _work: &Arc<Work>, _documents: usize) {}
    fn warn(&self, _message: &str) {}
    fn committing(&self) {}
}

/// A model plays the agent.
const AGENT: [&str; 1] = ["rollout.agent_model=actor"];

/// A model plays the user.
const USER: [&str; 1] = ["rollout.user_model=actor"];

/// Models play both.
const BOTH: [&str; 2] = ["rollout.agent_model=actor", "rollout.user_model=actor"];

/// A folder with a corpus, worlds made of it, and what their models say.
struct Stage {
    folder: TempDir,
    script: Arc<Script>,
}

impl Stage {
    fn set() -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let corpus = folder.path().join("corpus");
        fs::create_dir(&corpus).unwrap();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus");
        for name in ["library_lending.mcp.json", "parcels.swagger.yaml"] {
            fs::copy(from.join(name), corpus.join(name)).unwrap();
        }
        let mut stage = Stage { folder, script: Arc::default() };
        build(&stage.request("plain", 1, &[], None), &Silent).unwrap();
        stage.script = Arc::new(Script::read(&stage.world("plain")));
        stage
    }

    /// Puts one more file into the corpus. What it makes has no script: there, models decline.
    fn add(&self, name: &str) {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus").join(name);
        fs::copy(from, self.folder.path().join("corpus").join(name)).unwrap();
    }

    fn world(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn start(&self, conduct: Conduct) -> Server {
        Server::start(conduct, Arc::clone(&self.script))
    }

    fn request(
        &self,
        world: &str,
        workers: usize,
        settings: &[&str],
        endpoint: Option<Config>,
    ) -> Request {
        let settings =
            ["task.per_operation=2", "rollout.mistakes_permille=0"].iter().chain(settings);
        Request {
            corpus: vec![self.folder.path().join("corpus")],
            world: self.world(world),
            workers,
            settings: settings.map(|it| (*it).to_string()).collect(),
            variables: Vec::new(),
            refit: false,
            pinned: None,
            endpoint,
        }
    }

    #[track_caller]
    fn made(&self, world: &str, workers: usize, settings: &[&str], server: &Server) -> Summary {
        let request = self.request(world, workers, settings, Some(config(server)));
        build(&request, &Silent).unwrap()
    }

    fn command(&self, world: &str, url: &str, settings: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_agentscaler"));
        command.args(["build", "--json", "--endpoint", url, "--concurrency", "4"]);
        for setting in &self.request(world, 1, settings, None).settings {
            command.args(["--set", setting]);
        }
        command
            .arg(self.folder.path().join("corpus"))
            .arg("--world")
            .arg(self.world(world))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Every trajectory of a world, kept or not.
    fn trajectories(&self, world: &str) -> Vec<TrajectoryRow> {
        let world = World::open(self.world(world)).unwrap();
        let contents = world.latest().unwrap().manifest.unwrap().contents;
        let mut rows = Vec::new();
        for (role, object) in &contents.objects {
            if ["general/", "vertical/", "rejected/"].iter().any(|it| role.starts_with(it)) {
                let file = fs::File::open(world.object_path(object)).unwrap();
                rows.extend(read_trajectories(file).unwrap().map(Result::unwrap));
            }
        }
        rows
    }
}

/// An endpoint that is asked without much patience.
fn config(server: &Server) -> Config {
    Config {
        timeout: Duration::from_millis(600),
        backoff: Duration::from_millis(4),
        in_flight_max: 16,
        ..Config::new(server.url())
    }
}

/// How many answers a world's journal holds.
fn recorded(world: &Path) -> usize {
    World::open(world).map_or(0, |world| Recorded::read(&world).unwrap().len())
}

/// Whoever plays, most conversations of sensible players are kept, and all are proved again.
#[test]
fn either_side_or_both_may_be_models() {
    let stage = Stage::set();
    for (name, settings) in [("agent", &AGENT[..]), ("user", &USER), ("both", &BOTH)] {
        let server = stage.start(Conduct::Good);
        let summary = stage.made(name, 1, settings, &server);
        let rows = stage.trajectories(name);
        assert_eq!(rows.len() as u64, summary.counts["trajectories"]);
        assert_eq!(summary.counts["trajectories"], summary.counts["tasks"], "{summary:?}");
        let kept = rows.iter().filter(|row| row.verdict == "kept").count();
        let reasons: Vec<&String> = rows.iter().map(|row| &row.reason).collect();
        assert!(rows.len() / 2 < kept, "{name}: {kept} of {}: {reasons:#?}", rows.len());
        let plays = |side: &str| if name == side || name == "both" { "actor" } else { "built-in" };
        assert!(rows.iter().all(|it| it.agent == plays("agent") && it.user == plays("user")));
        let proof = prove(&World::open(stage.world(name)).unwrap(), 1).unwrap();
        assert!(proof.holds() && 0 < proof.rows, "{:#?}", proof.faults);
        assert_eq!(summary.work["requests"], server.calls() as u64);
        assert_eq!((server.calls(), server.answered_again()), (server.questions(), 0));
    }
}

/// What agents do in their several dialects is in the rows as they did it.
#[test]
fn habits_of_agents_are_recorded_and_judged_for_what_they_are() {
    let stage = Stage::set();
    let server = stage.start(Conduct::Good);
    stage.made("world", 1, &AGENT, &server);
    let rows = stage.trajectories("world");
    let of =
        |habit: u64| rows.iter().filter(move |row| row.task_id.0 % 8 == habit && row.n_calls > 0);
    let calls = |row: &TrajectoryRow| -> Vec<(String, Value)> {
        let calls = row.messages.iter().flat_map(|it| &it.calls);
        calls.map(|call| (call.name.clone(), call.arguments.clone())).collect()
    };
    let thoughts = |row: &TrajectoryRow| row.messages.iter().any(|it| !it.reasoning.is_empty());
    assert!(of(1).count() > 0 && of(1).all(thoughts), "thoughts are kept apart");
    for row in of(2) {
        assert!(thoughts(row) && row.messages.iter().all(|it| !it.content.contains("tool_call")));
    }
    assert!(rows.iter().all(|row| row.messages.iter().all(|it| !it.content.contains("<think"))));
    for row in of(3).filter(|row| calls(row)[0].0 == "no_such_tool") {
        assert_eq!(row.verdict, "validity", "{}", row.reason);
        let wrong = row.messages.iter().find(|it| !it.calls.is_empty()).unwrap();
        assert!(!wrong.supervised && 1 < row.n_calls, "the agent saw the error and went on");
    }
    assert!(of(3).count() > 0);
    for row in of(4) {
        assert_eq!(calls(row)[0].1, Value::text("{\"cut"), "as it was sent");
        assert!(row.reason.contains("not a JSON object"), "{}", row.reason);
    }
    assert!(of(4).count() > 0);
    let several = |row: &TrajectoryRow| row.messages.iter().any(|it| 1 < it.calls.len());
    assert!(rows.iter().any(several), "parallel calls are taken together");
    for row in rows.iter().filter(|row| several(row)) {
        let place = row.messages.iter().position(|it| 1 < it.calls.len()).unwrap();
        let made = row.messages[place].calls.len();
        let after = &row.messages[place + 1..=place + made];
        assert!(after.iter().all(|it| it.role == Speaker::Tool), "each is answered, in order");
    }
}

#[test]
fn prompt_format_needs_nothing_of_the_endpoint() {
    let stage = Stage::set();
    let server = stage.start(Conduct::Good);
    let settings = ["rollout.agent_model=actor", "rollout.tool_format=prompt"];
    let summary = stage.made("world", 1, &settings, &server);
    let native = stage.made("native", 1, &AGENT, &server);
    assert_eq!(summary.counts["trajectories"], native.counts["trajectories"]);
    assert!(summary.counts["trajectories"] / 2 < summary.counts["kept"], "{:?}", summary.counts);
}

/// Faults, workers and the order of answers do not show.
#[test]
fn worlds_are_the_same_whatever_the_endpoint_suffers() {
    let stage = Stage::set();
    let (good, bad) = (stage.start(Conduct::Good), stage.start(Conduct::Faulty));
    let one = Config { in_flight_max: 1, ..config(&good) };
    build(&stage.request("good", 1, &BOTH, Some(one)), &Silent).unwrap();
    let suffered = stage.made("bad", 2, &BOTH, &bad);
    assert_same(&committed(&stage.world("good")), &committed(&stage.world("bad")));
    assert!(good.calls() as u64 + 20 < suffered.work["requests"], "{:?}", suffered.work);
    let faults = bad.committed_faults();
    assert!(server::FAULTS.iter().all(|fault| faults.contains(fault)), "{faults:?}");
    assert_eq!(bad.answered_again(), 0, "nothing that was answered is asked again");
    assert_eq!(good.questions(), bad.questions());
    assert_eq!(recorded(&stage.world("good")), good.questions());
}

/// The journal alone makes the same version; no new task, no new question.
#[test]
fn journal_rebuilds_the_world_without_an_endpoint() {
    let stage = Stage::set();
    let server = stage.start(Conduct::Good);
    let settings = [&BOTH[..], &["rollout.trials=2"]].concat();
    stage.made("world", 1, &settings, &server);
    let asked = server.calls();
    fs::create_dir_all(stage.world("offline").join("journal")).unwrap();
    let segment = "journal/00000000000000000001.log";
    fs::copy(stage.world("world").join(segment), stage.world("offline").join(segment)).unwrap();
    let offline = build(&stage.request("offline", 2, &settings, None), &Silent).unwrap();
    assert_eq!(offline.work["requests"], 0);
    assert_same(&committed(&stage.world("world")), &committed(&stage.world("offline")));

    // One file more: a version from the one before, and the same from scratch.
    stage.add("repairs.jsonl");
    stage.made("world", 2, &settings, &server);
    assert!(asked < server.calls() && server.answered_again() == 0);
    let pinned = Some((stage.world("world"), Some(1)));
    let request = Request { pinned, ..stage.request("pinned", 1, &settings, None) };
    build(&request, &Silent).unwrap();
    assert_same(&latest(&stage.world("world")), &committed(&stage.world("pinned")));
    let again = stage.made("world", 1, &settings, &server);
    assert!(!again.changed && again.work.values().all(|count| *count == 0), "{:?}", again.work);
}

/// A model that does not come to an end is reported and never scored.
#[test]
fn infrastructure_is_never_scored() {
    let stage = Stage::set();
    let server = stage.start(Conduct::Cut);
    let summary = stage.made("world", 1, &AGENT, &server);
    let failed = summary.rejected["roll_out"];
    let told = stage.command("world", &server.url(), &AGENT).output().unwrap().stdout;
    let told: serde_json::Value = serde_json::from_slice(&told).unwrap();
    assert_eq!((&told["changed"], &told["rejected"]["roll_out"]), (&false.into(), &failed.into()));
    assert!(0 < failed, "{:?}", summary.rejected);
    assert_eq!(summary.counts["tasks"], summary.counts["trajectories"] + failed);
    let world = World::open(stage.world("world")).unwrap();
    let manifest = world.latest().unwrap().manifest.unwrap();
    let mut reasons = Vec::new();
    dataflows::listing::rejections(&world, &manifest, &mut |row| {
        if row["stage"] == "roll_out" {
            reasons.push(row["reason"].as_str().unwrap().to_string());
        }
        true
    })
    .unwrap();
    assert_eq!(reasons.len() as u64, failed);
    let said = "model \"actor\" as the agent ";
    let named = |it: &&String| {
        it.starts_with(said) && (it.contains("was cut off") || it.contains("declined"))
    };
    assert!(reasons.iter().all(|it| named(&it)), "{reasons:#?}");

    // Most messages that were cut off once were said again, and the rest is like any other.
    let kept = summary.counts["kept"];
    assert!(summary.counts["trajectories"] / 2 < kept, "{:?}", summary.counts);
    // One file more: what came to no end is found again, whether it was asked for or remembered.
    stage.add("repairs.jsonl");
    let grown = stage.made("world", 2, &AGENT, &server);
    assert!(failed <= grown.rejected["roll_out"] && 0 < grown.work["domains_materialized"]);
    let pinned = Some((stage.world("world"), Some(1)));
    let request = Request { pinned, ..stage.request("pinned", 1, &AGENT, None) };
    build(&request, &Silent).unwrap();
    assert_same(&latest(&stage.world("world")), &committed(&stage.world("pinned")));
}

#[test]
fn endpoint_that_breaks_down_leaves_what_it_answered() {
    let stage = Stage::set();
    let dying = stage.start(Conduct::Dying(25));
    let request = stage.request("world", 1, &BOTH, Some(config(&dying)));
    let error = build(&request, &Silent).unwrap_err();
    assert!(matches!(error, BuildError::Answering(_)), "{error}");
    let said = error.to_string();
    assert!(
        said.contains("25 answers were added and kept") && said.contains("another key"),
        "{said}"
    );
    assert!(error.remedy().unwrap().contains("AGENTSCALER_API_KEY"));
    assert!(World::open(stage.world("world")).unwrap().versions().unwrap().is_empty());
    assert_eq!(recorded(&stage.world("world")), 25);

    let good = stage.start(Conduct::Good);
    stage.made("world", 1, &BOTH, &good);
    let whole = stage.start(Conduct::Good);
    stage.made("whole", 1, &BOTH, &whole);
    assert_eq!(good.questions() + 25, whole.questions(), "none is asked twice");
    assert_same(&committed(&stage.world("world")), &committed(&stage.world("whole")));
}

#[test]
fn budget_and_a_missing_endpoint_end_the_build_with_a_reason() {
    let stage = Stage::set();
    let server = stage.start(Conduct::Good);
    let budget = Budget { tokens: Some(1_000), cost: None };
    let config = Config { budget, in_flight_max: 1, ..config(&server) };
    let error = build(&stage.request("world", 1, &AGENT, Some(config)), &Silent).unwrap_err();
    assert!(error.to_string().contains("the budget is spent"), "{error}");
    // What the endpoint was asked first, to see what it can do, is on the bill too.
    assert_eq!((server.calls(), recorded(&stage.world("world"))), (9, 9));
    let alone = build(&stage.request("world", 1, &AGENT, None), &Silent).unwrap_err();
    assert!(alone.to_string().contains("questions to model \"actor\""), "{alone}");
    assert!(alone.remedy().unwrap().contains("--endpoint"));
}

/// Killed at any moment, the same command goes on, pays nothing twice, and ends in the same bytes.
#[test]
fn killed_builds_end_in_the_same_bytes() {
    let stage = Stage::set();
    let reference = stage.start(Conduct::Good);
    let patient = Config { in_flight_max: 8, ..Config::new(reference.url()) };
    build(&stage.request("whole", 1, &BOTH, Some(patient)), &Silent).unwrap();
    // Slow enough that every kill falls into a build that is under way.
    let (kills, wait) = if is_asked_for_slow_tests() { (50, 250) } else { (4, 25) };
    let server = stage.start(Conduct::Slow(wait));
    let mut killed = 0;
    for round in 0..kills {
        let mut child = stage.command("killed", &server.url(), &BOTH).spawn().unwrap();
        // Later each time, so that kills fall into every part of the build.
        std::thread::sleep(Duration::from_millis(150 + 40 * (round % 25)));
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            killed += 1;
        }
        child.wait().unwrap();
    }
    assert!(kills / 2 < killed, "{killed} builds of {kills} were interrupted");
    let before = recorded(&stage.world("killed"));
    let Output { status, stderr, .. } =
        stage.command("killed", &server.url(), &BOTH).output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    assert_same(&committed(&stage.world("whole")), &committed(&stage.world("killed")));
    assert_eq!(recorded(&stage.world("killed")), reference.questions());
    assert!(before <= reference.questions());
    // Only what was in flight when a process was killed may have been answered and lost.
    assert!(server.answered_again() as u64 <= killed * 4, "{} again", server.answered_again());
}

#[expect(clippy::disallowed_methods, reason = "how a person asks for more")]
fn is_asked_for_slow_tests() -> bool {
    std::env::var_os("SLOW_TESTS").is_some()
}

/// Everything a model can say about a world is said again by the replay of its journal.
#[test]
fn replay_makes_a_second_world_of_the_same_bytes() {
    let stage = Stage::set();
    let server = stage.start(Conduct::Cut);
    let settings = [
        "rollout.agent_model=actor",
        "rollout.user_model=actor",
        "task.intent_model=writer",
        "graph.encoder=embeddings",
        "graph.embedding_model=embedder",
        "describe.model=writer",
    ];
    let first = stage.made("first", 2, &settings, &server);
    let script = Script::read(&stage.world("first"));
    assert!(0 < script.reworded(), "what a model says in other words is what users say");
    let refused = usize::try_from(first.rejected["reword"]).unwrap();
    assert_eq!(script.reworded() + refused, usize::try_from(first.counts["tasks"]).unwrap());
    assert!(0 < refused, "what brings up something of its own is refused");
    let replay = Replayed::start(&stage.world("first"));
    let endpoint = Config { backoff: Duration::from_millis(4), ..Config::new(&replay.url) };
    let again = stage.request("second", 1, &settings, Some(endpoint.clone()));
    let summary = build(&again, &Silent).unwrap();
    assert_eq!(summary.work["requests"], recorded(&stage.world("second")) as u64);
    assert_eq!(recorded(&stage.world("first")), recorded(&stage.world("second")));
    assert_same(&committed(&stage.world("first")), &committed(&stage.world("second")));

    // What was never asked is not made up.
    let other = stage.request("third", 1, &[&settings[..], &["seed=9"]].concat(), Some(endpoint));
    let said = build(&other, &Silent).unwrap_err().to_string();
    assert!(said.contains("404") && said.contains("never recorded"), "{said}");

    let probe = |url: &str, args: &[&str]| -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_agentscaler"));
        command.args(["endpoint", "probe", url]).args(args).output().unwrap()
    };
    let found = probe(&server.url(), &["--json", "--embedding-model", "embedder"]).stdout;
    let found: serde_json::Value = serde_json::from_slice(&found).unwrap();
    assert_eq!(
        (&found["tools"]["can"], &found["tools"]["model"]),
        (&"yes".into(), &"actor".into())
    );
    assert_eq!(found["embeddings"]["detail"], "4 numbers");
    let told = String::from_utf8(probe(&replay.url, &[]).stdout).unwrap();
    assert!(told.contains("actor, embedder, writer") && told.contains("never recorded"), "{told}");
    let noted = fs::read_to_string(stage.world("first").join("journal/probe.json")).unwrap();
    assert!(noted.contains("\"can\": \"yes\"") && noted.contains(&server.url()), "{noted}");
}
