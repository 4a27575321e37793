//! Several processes as one dataflow: the version is the one that a single process makes, and the
//! loss of a process ends the others with a message and leaves the world as it was.
//!
//! The processes are real ones, on ports of this machine or on hosts with networks of their own.

#![expect(clippy::disallowed_methods, reason = "SLOW_TESTS is how the slow tests are asked for")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]
#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use dataflows::prove::prove;
use dataflows::store::World;
use schemas::{
    Finite, Prompt, PromptCall, PromptRole, Purpose, Request, ResponseFormat, Sampling, Value,
};
use tempfile::TempDir;
use timely::bytes::arc::BytesMut;
use timely::communication::Bytesable as _;
use timely::{Bincode, ExchangeData};

#[path = "files/versions.rs"]
mod versions;
#[expect(dead_code, reason = "the tests of endpoints use the rest")]
#[path = "endpoint/server.rs"]
mod server;
#[path = "processes/hosts.rs"]
mod hosts;

use hosts::Hosts;
use server::{Conduct, Server};
use versions::{assert_same, committed, latest};

/// A corpus of some of the example's files, and worlds beside it.
struct Place {
    folder: TempDir,
}

impl Place {
    fn with(names: &[&str]) -> Place {
        let place = Place { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(place.path("corpus")).unwrap();
        names.iter().for_each(|name| place.add(name));
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn add(&self, name: &str) {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus").join(name);
        fs::copy(example, self.path("corpus").join(name)).unwrap();
    }

    /// A hosts file with so many free ports of this machine.
    fn hosts(&self, processes: usize) -> PathBuf {
        // Not where the system takes ports for outgoing connections from.
        static GIVEN: AtomicU16 = AtomicU16::new(0);
        let first = 10_000 + u16::try_from(std::process::id() % 20_000).unwrap();
        let free = std::iter::repeat_with(|| first + GIVEN.fetch_add(1, Ordering::Relaxed))
            .filter_map(|port| TcpListener::bind(("127.0.0.1", port)).ok());
        let taken: Vec<TcpListener> = free.take(processes).collect();
        let lines: Vec<String> =
            taken.iter().map(|it| format!("{}  # a port\n", it.local_addr().unwrap())).collect();
        let file = self.path(&format!("hosts-{}", taken[0].local_addr().unwrap().port()));
        fs::write(&file, format!("# of this machine\n\n{}", lines.concat())).unwrap();
        file
    }

    fn command(&self, world: &str, options: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_agentscaler"));
        command
            .args(["build", "--json", "--set", "task.per_operation=1", "--world"])
            .arg(self.path(world))
            .arg(self.path("corpus"))
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// One of several processes.
    fn joining(&self, world: &str, hosts: &Path, process: usize, options: &[&str]) -> Command {
        let processes = fs::read_to_string(hosts).unwrap().matches("# a port").count();
        let mut command = self.command(world, options);
        command.args(["--processes", &processes.to_string(), "--process", &process.to_string()]);
        command.arg("--hosts").arg(hosts);
        command
    }

    /// Starts one of several processes.
    fn start(&self, world: &str, hosts: &Path, process: usize, options: &[&str]) -> Child {
        self.joining(world, hosts, process, options).spawn().unwrap()
    }

    /// Starts one process on each of some hosts, which have nothing but files in common.
    fn start_on(&self, world: &str, hosts: &Hosts) -> Vec<Child> {
        let file = self.path("hosts");
        fs::write(&file, hosts.lines()).unwrap();
        let start = |place| hosts.on(place, &self.joining(world, &file, place, &[])).spawn();
        (0..hosts.lines().lines().count()).map(|place| start(place).unwrap()).collect()
    }

    /// Has a world built by so many processes; what each of them printed.
    fn build(&self, world: &str, processes: usize, options: &[&str]) -> Vec<serde_json::Value> {
        if processes == 1 {
            return vec![told(&self.command(world, options).output().unwrap())];
        }
        let hosts = self.hosts(processes);
        let started = (0..processes).map(|it| self.start(world, &hosts, it, options));
        let started: Vec<Child> = started.collect();
        started.into_iter().map(|it| told(&it.wait_with_output().unwrap())).collect()
    }
}

fn told(output: &Output) -> serde_json::Value {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}: {said}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

const SOME: [&str; 3] =
    ["library_lending.mcp.json", "restaurant_tables.mcp.json", "parcels.swagger.yaml"];

#[test]
fn however_many_processes_build_the_version_is_the_same() {
    let place = Place::with(&SOME[..2]);
    for (world, processes, workers) in [("one", 1, "2"), ("two", 2, "1"), ("three", 3, "2")] {
        let told = place.build(world, processes, &["--workers", workers]);
        assert_eq!(told[0]["version"], 1);
        for follower in &told[1..] {
            assert_eq!((&follower["version"], &follower["changed"]), (&1.into(), &true.into()));
        }
    }
    for world in ["two", "three"] {
        assert_same(&committed(&place.path("one")), &committed(&place.path(world)));
    }
    // The next version starts from what the last remembers, whoever made it.
    place.add(SOME[2]);
    let whole = place.build("one", 1, &[]);
    let shared = place.build("two", 3, &[]);
    let counters =
        ["documents_parsed", "tools_encoded", "tasks_composed", "rollouts", "objects_written"];
    for counter in counters {
        assert_eq!(whole[0]["work"][counter], shared[0]["work"][counter], "{counter}");
    }
    assert_same(&committed(&place.path("one")), &committed(&place.path("two")));
    let again = place.build("two", 2, &[]);
    assert!(again.iter().all(|it| it["changed"] == false), "{again:?}");
    let world = World::open(place.path("two")).unwrap();
    assert!(prove(&world, 1).unwrap().faults.is_empty());
}

#[test]
fn hosts_with_networks_of_their_own_make_the_same_version() {
    let place = Place::with(&SOME[..2]);
    let Some(hosts) = Hosts::new(3) else { return };
    let started = place.start_on("hosts-world", &hosts);
    for process in started {
        assert_eq!(told(&process.wait_with_output().unwrap())["version"], 1);
    }
    place.build("one", 1, &[]);
    assert_same(&committed(&place.path("one")), &committed(&place.path("hosts-world")));
}

/// Takes as long as a silence is borne, so it runs with `SLOW_TESTS=1` only.
#[test]
fn a_host_whose_cable_is_pulled_ends_the_others_and_the_rerun_goes_on() {
    if std::env::var_os("SLOW_TESTS").is_none() {
        eprintln!("SKIPPED: waits for half a minute; set SLOW_TESTS=1");
        return;
    }
    let place = Place::with(&SOME);
    let Some(hosts) = Hosts::new(3) else { return };
    let started = place.start_on("world", &hosts);
    await_meeting(&place.path("world"), &started);
    hosts.unplug(2);
    for (process, child) in started.into_iter().enumerate() {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "process {process}: {said}");
        assert!(
            said.contains("was lost (nothing was heard of it for 30 s)") || process == 1,
            "{said}"
        );
    }
    assert!(World::open(place.path("world")).unwrap().latest().unwrap().manifest.is_none());
    place.build("world", 2, &[]);
    place.build("undisturbed", 1, &[]);
    assert_same(&latest(&place.path("undisturbed")), &latest(&place.path("world")));
}

#[test]
fn the_loss_of_a_process_ends_the_others_and_the_rerun_goes_on() {
    let place = Place::with(&SOME);
    place.build("undisturbed", 1, &[]);
    for (round, lost) in [2, 1, 0].into_iter().enumerate() {
        let hosts = place.hosts(3);
        let mut started: Vec<Child> =
            (0..3).map(|process| place.start("world", &hosts, process, &[])).collect();
        await_meeting(&place.path("world"), &started);
        started[lost].kill().unwrap();
        for (process, child) in started.into_iter().enumerate() {
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            if process != lost {
                assert_eq!(output.status.code(), Some(2), "round {round}: {said}");
                assert!(said.contains("was lost") && said.contains("they go on"), "{said}");
            }
        }
        assert!(World::open(place.path("world")).unwrap().latest().unwrap().manifest.is_none());
    }
    place.build("world", 3, &[]);
    assert_same(&latest(&place.path("undisturbed")), &latest(&place.path("world")));
}

/// Waits until the dataflow of these processes runs.
fn await_meeting(world: &Path, started: &[Child]) {
    let deadline = Instant::now() + Duration::from_secs(60);
    // They have met once each has a folder of payloads.
    while scratches(world, started[0].id()) < started.len() {
        assert!(Instant::now() < deadline, "they did not meet");
        thread::sleep(Duration::from_millis(2));
    }
}

/// How many processes have a folder of payloads in a world, in the run that this one leads.
fn scratches(world: &Path, leader: u32) -> usize {
    let names = fs::read_dir(world).into_iter().flatten().flatten().map(|it| it.file_name());
    names.filter(|it| it.to_string_lossy().starts_with(&format!(".scratch-{leader}-"))).count()
}

#[test]
fn processes_that_do_not_fit_are_told_why() {
    let place = Place::with(&SOME[..1]);
    let hosts = place.hosts(2);
    let odd = place.start("world", &hosts, 1, &["--workers", "2"]);
    let leader = place.start("world", &hosts, 0, &["--patience", "2"]);
    for (child, reason) in
        [(odd, "process 1 has 2 workers, process 0 has 1"), (leader, "after 2 s, process 1 at")]
    {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(reason), "{said}");
    }
    for (options, reason) in [
        (["--processes", "2", "--process", "2"], "is not one of 2"),
        (["--processes", "3", "--process", "0"], "has 2 hosts for 3 processes"),
    ] {
        let mut command = place.command("world", &options);
        let output = command.arg("--hosts").arg(&hosts).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(reason), "{said}");
    }
}

#[test]
fn what_the_leader_cannot_do_its_followers_are_told() {
    let place = Place::with(&SOME[..1]);
    let hosts = place.hosts(2);
    let options = ["--set", "task.per_operation=many"];
    let started: Vec<Child> = (0..2).map(|it| place.start("world", &hosts, it, &options)).collect();
    for (process, child) in started.into_iter().enumerate() {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "process {process}: {said}");
        assert!(said.contains("per_operation"), "process {process}: {said}");
    }
}

/// What a model proposes reaches whoever makes the domain it is about.
#[test]
fn proposals_of_a_model_are_the_same_among_several_processes() {
    let place = Place::with(&SOME);
    let server = Server::start(Conduct::Good);
    let url = server.url();
    let options = ["--set", "propose.model=small", "--endpoint", &url];
    let one = place.build("one", 1, &options);
    assert!(0 < server.calls() && one[0]["rejected"]["propose"].is_number());
    let asked = server.calls();
    place.build("two", 2, &options);
    assert_eq!(server.calls(), 2 * asked);
    assert_same(&committed(&place.path("one")), &committed(&place.path("two")));
}

/// What comes out at the other end of a connection between two processes.
fn sent<M: ExchangeData>(message: M) -> M {
    let mut bytes = Vec::new();
    let message = Bincode { payload: message };
    message.into_bytes(&mut bytes);
    assert_eq!(bytes.len(), message.length_in_bytes());
    Bincode::<M>::from_bytes(BytesMut::from(bytes).freeze()).payload
}

#[test]
fn records_that_leave_things_out_in_json_are_whole_between_processes() {
    let plain = Prompt::said(PromptRole::User, "which?");
    let call = PromptCall { id: "1".into(), name: "look".into(), arguments: "{}".into() };
    let calling = Prompt { calls: vec![call], ..Prompt::said(PromptRole::Assistant, "") };
    let answering = Prompt { answers: "1".into(), ..Prompt::said(PromptRole::Tool, "[]") };
    let request = Request {
        purpose: Purpose::Agent,
        model: "m".into(),
        messages: vec![plain, calling, answering],
        sampling: Sampling { temperature_permille: 0, tokens_max: 9 },
        format: ResponseFormat::Text,
        trial: 1,
        tools: Vec::new(),
    };
    let offering = Request { tools: vec!["{}".into()], ..request.clone() };
    assert_eq!(sent(vec![request.clone(), offering.clone()]), [request, offering]);
    let value = Value::Object(vec![
        ("a".into(), Value::List(vec![Value::Null, Value::Bool(true), Value::Integer(-7)])),
        ("b".into(), Value::Number(Finite::new(0.1).unwrap())),
        ("b".into(), Value::Object(vec![("".into(), Value::Text("\u{1f4da}".into()))])),
    ]);
    assert_eq!(sent((value.clone(), 1_u8)), (value, 1));
}
