//! How near to an endpoint's own pace conversations are held: 256 at once, a server that answers
//! in 200 ms.
//!
//! `cargo bench --bench conversations` builds a world of the example corpus in which a model plays
//! the agent, against a server in the same process, and prints how many calls a second there were
//! from the first question to the last answer, beside what the server could answer at best.
//! `cargo test` makes a small world, so this cannot rot.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot set up should panic there")]
#![expect(clippy::cast_precision_loss, reason = "what is counted here is small")]
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use dataflows::build::{Listener, Request, build};
use dataflows::endpoint::Config;
use operators::Work;

use self::script::Script;
use self::server::{Conduct, Server};

#[expect(dead_code, reason = "tests use the rest")]
#[path = "../dataflows/tests/conversations/script.rs"]
mod script;
#[expect(dead_code, reason = "tests use the rest")]
#[path = "../dataflows/tests/conversations/server.rs"]
mod server;

/// How long the server thinks, in milliseconds.
const ANSWERS_IN: u64 = 200;

/// Conversations at once.
const AT_ONCE: usize = 256;

struct Silent;

impl Listener for Silent {
    fn begun(&self, _work: &Arc<Work>, _documents: usize) {}
    fn warn(&self, _message: &str) {}
    fn committing(&self) {}
}

fn main() {
    // `full` measures under `cargo test` too, where a release build costs too much.
    let small = cfg!(debug_assertions) && std::env::args().all(|it| it != "full");
    let folder = tempfile::tempdir().unwrap();
    let corpus: PathBuf = "tests/corpus".into();
    let file = corpus.join("library_lending.mcp.json");
    let request = |world: &str, settings: &[&str], endpoint| Request {
        corpus: vec![if small { file.clone() } else { corpus.clone() }],
        world: folder.path().join(world),
        workers: 2,
        settings: settings.iter().map(|it| (*it).to_string()).collect(),
        variables: Vec::new(),
        refit: false,
        pinned: None,
        endpoint,
    };
    let tasks = if small { "task.per_operation=1" } else { "task.per_operation=8" };
    build(&request("plain", &[tasks], None), &Silent).unwrap();
    let script = Arc::new(Script::read(&folder.path().join("plain")));
    let server = Server::start(Conduct::Slow(ANSWERS_IN), script);
    let endpoint = Config { in_flight_max: AT_ONCE, ..Config::new(server.url()) };
    let trials = if small { "rollout.trials=1" } else { "rollout.trials=4" };
    let settings = [tasks, trials, "rollout.agent_model=actor"];
    let started = Instant::now();
    let summary = build(&request("world", &settings, Some(endpoint)), &Silent).unwrap();
    let total = started.elapsed().as_secs_f64();

    let (calls, seconds) = (server.calls() as f64, server.span().as_secs_f64());
    let ideal = AT_ONCE as f64 * 1_000.0 / ANSWERS_IN as f64;
    let (held, kept) = (summary.counts["trajectories"], summary.counts["kept"]);
    println!("{held} conversations, {AT_ONCE} at once, {calls} calls answered in {ANSWERS_IN} ms");
    println!("from first to last   {seconds:>8.1} s   whole build {total:.1} s, {kept} kept");
    println!("calls a second       {:>8.0}     at best {ideal:.0}", calls / seconds);
    println!("of the ideal         {:>8.1} %", 100.0 * calls / seconds / ideal);
    let copied = folder.path().join("offline/journal");
    fs::create_dir_all(&copied).unwrap();
    let mut bytes = 0;
    for entry in fs::read_dir(folder.path().join("world/journal")).unwrap() {
        let entry = entry.unwrap();
        bytes += fs::copy(entry.path(), copied.join(entry.file_name())).unwrap();
    }
    println!("journal              {:>8.0} bytes an answer", bytes as f64 / calls);

    let again = Instant::now();
    let offline = build(&request("offline", &settings, None), &Silent).unwrap();
    assert_eq!(offline.counts, summary.counts, "the journal makes the same world");
    println!("from the journal     {:>8.1} s", again.elapsed().as_secs_f64());
}
