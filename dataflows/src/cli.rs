//! The command line: what was typed, what it means, and how it ended.
//!
//! Data goes to standard output, talk to standard error. Exit codes: 0 done; 1 done, but something
//! asked to hold does not; 2 could not run; 130 interrupted, with the world unharmed.

use std::io::{self, IsTerminal as _, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum};

use crate::benchmarks::BenchmarkError;
use crate::build::BuildError;
use crate::cluster::ClusterError;
use crate::endpoint::EndpointError;
use crate::export::ExportError;
use crate::publish::PublishError;
use crate::store::{Latest, StoreError};

mod building;
mod ordering;
mod seating;
mod fingerprinting;
mod asking;
mod progress;
mod listing;
mod explaining;
mod exporting;
mod publishing;
mod endpoint;
mod proving;
mod watching;
mod comparing;
mod dropping;
mod collecting;
mod training;

/// Most worker threads: each has a part of the memory and of the work.
const WORKERS_MAX: i64 = 256;

/// Turns API descriptions into simulated tool environments and verified trajectories.
#[derive(Debug, Parser)]
#[command(
    name = "agentscaler",
    version,
    about,
    before_help = "Example: agentscaler build my-apis/ --world world",
    propagate_version = true
)]
struct Args {
    #[command(subcommand)]
    command: Command,
    /// Say nothing on standard error but errors.
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Build(Box<building::BuildArgs>),
    Watch(Box<watching::WatchArgs>),
    Fingerprint(fingerprinting::FingerprintArgs),
    Verify(VerifyArgs),
    List(ListArgs),
    Explain(ExplainArgs),
    Diff(comparing::DiffArgs),
    Drop(dropping::DropArgs),
    Gc(collecting::GcArgs),
    Export(exporting::ExportArgs),
    Publish(publishing::PublishArgs),
    Endpoint(EndpointArgs),
    Train(Box<training::TrainArgs>),
    Evaluate(training::EvaluateArgs),
    ChatServer(training::ChatServerArgs),
    /// Print a completion script for a shell.
    #[command(before_help = "Example: agentscaler completions bash > agentscaler.bash")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Prove every kept row again, from the files alone.
///
/// Replays every trajectory of the dataset on a fresh environment and compares observations,
/// states and golden calls; digests every object. Exits with 1 and names what does not hold.
#[derive(Debug, clap::Args)]
#[command(before_help = "Example: agentscaler verify --world world")]
struct VerifyArgs {
    /// The world's folder.
    #[arg(long, value_name = "DIR", env = "AGENTSCALER_WORLD")]
    world: PathBuf,
    /// Threads.
    #[arg(long, short, value_name = "N", default_value = "1", env = "AGENTSCALER_WORKERS")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=WORKERS_MAX))]
    workers: u16,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// List what the latest version of a world holds, one a line.
#[derive(Debug, clap::Args)]
#[command(before_help = "Example: agentscaler list domains --world world --json | head")]
struct ListArgs {
    /// What to list.
    kind: Kind,
    /// The world's folder.
    #[arg(long, value_name = "DIR", env = "AGENTSCALER_WORLD")]
    world: PathBuf,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

/// Explain where a thing came from and what became of it.
///
/// A thing goes by its id, as `agentscaler list` prints it; a tool also by its name, its identity
/// in its source, or the file it was read from and the pointer into it; a rejection by its
/// subject.
#[derive(Debug, clap::Args)]
#[command(before_help = "Example: agentscaler explain borrow_book --world world")]
struct ExplainArgs {
    /// An id, the name of a tool or of a domain, or FILE/POINTER.
    #[arg(value_name = "ID")]
    name: String,
    /// The world's folder.
    #[arg(long, value_name = "DIR", env = "AGENTSCALER_WORLD")]
    world: PathBuf,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

/// What can be listed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// Every version of the world.
    Versions,
    /// Domains with their tables, reads and writes.
    Domains,
    /// Births, deaths, splits and merges of domains, version by version.
    Lineage,
    /// Tools with their origin and domain.
    Tools,
    /// Tasks with their golden calls counted.
    Tasks,
    /// Trajectories with their verdict.
    Trajectories,
    /// Everything that was turned away at any stage, with the reason.
    Rejections,
}

/// Find out what a model endpoint can do, or be one with recorded answers.
#[derive(Debug, clap::Args)]
#[command(before_help = "Example: agentscaler endpoint probe http://127.0.0.1:8000/v1")]
struct EndpointArgs {
    #[command(subcommand)]
    command: EndpointCommand,
}

#[derive(Debug, Subcommand)]
enum EndpointCommand {
    Replay(ReplayArgs),
    Probe(ProbeArgs),
}

/// Serve the recorded answers of a world as an OpenAI-compatible endpoint.
///
/// Listens on this machine alone, prints its address, and serves until it is ended:
/// `/v1/models`, `/v1/chat/completions` and `/v1/embeddings`. A build from the same corpus by the
/// same plan is answered in full. A question that was never recorded is answered with status 404.
#[derive(Debug, clap::Args)]
#[command(before_help = "Example: agentscaler endpoint replay --world world --port 8000")]
struct ReplayArgs {
    /// The world's folder.
    #[arg(long, value_name = "DIR", env = "AGENTSCALER_WORLD")]
    world: PathBuf,
    /// The port; 0 takes one that is free.
    #[arg(long, value_name = "N", default_value = "8000")]
    port: u16,
    /// Print one JSON object with address, models and number of answers instead of the address.
    #[arg(long)]
    json: bool,
}

/// Ask an endpoint what it can do: its models, one small call of a tool, one embedding.
///
/// Its key, if it wants one, is read from `AGENTSCALER_API_KEY`.
#[derive(Debug, clap::Args)]
#[command(
    before_help = "Example: agentscaler endpoint probe http://127.0.0.1:8000/v1 --model NAME"
)]
struct ProbeArgs {
    /// The address of the server, or of its `/v1`.
    url: String,
    /// The model to ask for a call of a tool; the first that is listed if none is named.
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// The model to ask for an embedding, likewise.
    #[arg(long, value_name = "NAME")]
    embedding_model: Option<String>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// How a command that could run ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Outcome {
    /// All is well.
    Done,
    /// It ran, but something asked to hold does not.
    DoesNotHold,
}

/// Runs the program.
pub fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::DoesNotHold) => ExitCode::from(1),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // NB: nothing is left to tell if standard error is closed.
            drop(writeln!(io::stderr(), "agentscaler: {}", explained(&error)));
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> anyhow::Result<Outcome> {
    match &args.command {
        Command::Build(build) => building::run(build, args.quiet),
        Command::Watch(watch) => watching::run(watch, args.quiet),
        Command::Diff(diff) => comparing::run(diff),
        Command::Drop(drop) => dropping::run(drop, args.quiet),
        Command::Gc(gc) => collecting::run(gc),
        Command::Fingerprint(made) => fingerprinting::run(made, args.quiet),
        Command::Verify(verify) => proving::run(verify, args.quiet),
        Command::List(list) => listing::run(list, args.quiet),
        Command::Explain(explain) => explaining::run(explain, args.quiet),
        Command::Export(export) => exporting::run(export, args.quiet),
        Command::Publish(publish) => publishing::run(publish, args.quiet),
        Command::Endpoint(of) => endpoint::run(of, args.quiet),
        Command::Train(train) => training::train(train, args.quiet),
        Command::Evaluate(evaluate) => training::evaluate(evaluate, args.quiet),
        Command::ChatServer(server) => training::chat_server(server, args.quiet),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            let mut command = Args::command();
            clap_complete::generate(*shell, &mut command, "agentscaler", &mut script);
            io::stdout().write_all(&script)?;
            Ok(Outcome::Done)
        }
    }
}

/// The process's environment variables, as far as they are text.
fn variables() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// An error with its causes, and what can be done about it.
fn explained(error: &anyhow::Error) -> String {
    let of_build = error.downcast_ref::<BuildError>().and_then(BuildError::remedy);
    let of_export = error.downcast_ref::<ExportError>().and_then(ExportError::remedy);
    let of_store = error.downcast_ref::<StoreError>().and_then(StoreError::remedy);
    let of_endpoint = error.downcast_ref::<EndpointError>().and_then(EndpointError::remedy);
    let of_benchmark = error.downcast_ref::<BenchmarkError>().and_then(BenchmarkError::remedy);
    let of_cluster = error.downcast_ref::<ClusterError>().and_then(ClusterError::remedy);
    let of_place = error.downcast_ref::<PublishError>().and_then(PublishError::remedy);
    let of_files = of_build.or(of_export).or(of_benchmark).or(of_store);
    let remedy = of_files.or(of_cluster).or(of_endpoint).or(of_place);
    let remedy = remedy.map(str::to_string);
    #[cfg(feature = "learner")]
    let remedy = remedy
        .or_else(|| error.downcast_ref::<learner::error::LearnError>().and_then(|it| it.remedy()));
    let said = format!("{error:#}");
    let mut lines: Vec<String> = said.trim_end().lines().map(plain).collect();
    lines.extend(remedy.map(|remedy| format!("  {remedy}")));
    lines.join("\n")
}

/// A text as a terminal may show it: texts of the corpus could hold escape sequences.
fn plain(text: &str) -> String {
    text.chars().map(|character| if steers(character) { '\u{fffd}' } else { character }).collect()
}

/// One line of JSON as a terminal may show it: what steers one is escaped, which changes no value.
fn plain_json(row: &serde_json::Value) -> String {
    let text = row.to_string();
    if !text.contains(steers) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 64);
    for character in text.chars() {
        if steers(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(character);
        }
    }
    out
}

/// Whether a character steers a terminal or hides what it shows: controls, directions, tags.
fn steers(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Tells of versions that are damaged and of the one that is taken in their place.
fn warn_of_damage(latest: &Latest, quiet: bool) {
    for (version, damage) in &latest.passed_over {
        if !quiet {
            progress::say(&format!("note: version {version} is passed over: {damage}"));
        }
    }
}

/// Whether standard error is a person's screen.
fn is_watched() -> bool {
    io::stderr().is_terminal()
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
