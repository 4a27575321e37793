//! `agentscaler drop`.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::json;

use super::asking::AskingArgs;
use super::building::end_when_interrupted;
use super::progress::{Progress, grouped};
use super::{Outcome, WORKERS_MAX, is_watched, plain, plain_json};
use crate::summary::SCHEMA_VERSION;
use crate::takedown::{Takedown, TakenDown, take_down};

/// Take a source or a licence down: a version in which no row was caused by it.
///
/// Works from what the world remembers of its corpus; no file is needed. Then every row of the new
/// version is looked at, and the command exits with 1 if one is left. Later builds leave it out too,
/// until `--set corpus.dropped_sources=[]` or `--set corpus.dropped_licenses=[]` undoes it.
/// `agentscaler explain` says of each record that it was taken down. Older versions still have it:
/// `agentscaler gc --keep 1` removes them.
///
/// Where models are asked about domains and tasks, what is left of a domain is asked about anew.
#[derive(Debug, clap::Args)]
#[command(before_help = "Example: agentscaler drop --license 'GPL*' --world world")]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub(super) struct DropArgs {
    /// A source; `*` stands for any text. May be repeated.
    #[arg(long, value_name = "PATTERN", group = "what")]
    source: Vec<String>,
    /// A licence, likewise; `""` is for records that state none.
    #[arg(long, value_name = "PATTERN", group = "what")]
    license: Vec<String>,
    /// The world's folder.
    #[arg(long, value_name = "DIR", env = "AGENTSCALER_WORLD")]
    world: PathBuf,
    /// Worker threads. What is built does not depend on it.
    #[arg(long, short, value_name = "N", default_value = "1", env = "AGENTSCALER_WORKERS")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=WORKERS_MAX))]
    workers: u16,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    asking: AskingArgs,
}

pub(super) fn run(args: &DropArgs, quiet: bool) -> anyhow::Result<Outcome> {
    let what = Takedown { sources: args.source.clone(), licenses: args.license.clone() };
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut variables: Vec<(String, String)> = variables.collect();
    let endpoint = args.asking.config(&mut variables);
    let committing = Arc::new(AtomicBool::new(false));
    end_when_interrupted(&committing, &Arc::default())?;
    let progress = Progress::new(quiet, is_watched(), committing);
    let workers = args.workers.into();
    let outcome = take_down(&args.world, &what, workers, variables, endpoint, &progress);
    progress.end();
    let TakenDown { build, scan } = outcome?;
    let mut out = io::stdout().lock();
    if args.json {
        let row = json!({"schema_version": SCHEMA_VERSION, "build": build, "scan": scan});
        writeln!(out, "{}", plain_json(&row))?;
    } else {
        for row in &scan.found {
            writeln!(out, "left: {}", plain(row))?;
        }
        let (rows, left) = (grouped(scan.rows), scan.found.len());
        writeln!(out, "version {}: {rows} rows looked at, {left} left of it", scan.version)?;
    }
    Ok(if scan.found.is_empty() { Outcome::Done } else { Outcome::DoesNotHold })
}
