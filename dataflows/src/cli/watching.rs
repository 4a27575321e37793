//! `agentscaler watch`.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::building::{end_when_interrupted, leave};
use super::ordering::OrderArgs;
use super::progress::{Progress, grouped, say};
use super::{Outcome, is_watched, plain, plain_json};
use crate::build::build;
use crate::summary::{SCHEMA_VERSION, Summary};
use crate::watching::{Told, watch};

/// Stay up, and make a version for every change of the corpus on disk.
///
/// Takes what `agentscaler build` takes. Changes that come together are one version. A file that
/// cannot be read is a rejection, as in a build, and a build that fails leaves the world as it was
/// and is tried again with the next change. Ctrl-C ends it with 130, after the commit if there is
/// one under way. With `--json`, one object a line: `watching`, `version`, `unchanged`, `failed`,
/// `warning`.
#[derive(Debug, clap::Args)]
#[command(before_help = "Example: agentscaler watch my-apis/ --world world -w 2")]
pub(super) struct WatchArgs {
    #[command(flatten)]
    build: OrderArgs,
}

pub(super) fn run(args: &WatchArgs, quiet: bool) -> anyhow::Result<Outcome> {
    let args = &args.build;
    anyhow::ensure!(!args.strict, "--strict is for a build that ends");
    let mut request = args.request()?;
    let committing = Arc::new(AtomicBool::new(false));
    let interrupted = Arc::new(AtomicBool::new(false));
    end_when_interrupted(&committing, &interrupted)?;
    let going = || !interrupted.load(Ordering::SeqCst);
    let (corpus, world) = (request.corpus.clone(), request.world.clone());
    let mut build_once = || {
        let progress = Progress::new(quiet, is_watched(), Arc::clone(&committing));
        let outcome = build(&request, &progress);
        progress.end();
        committing.store(false, Ordering::SeqCst);
        // What is asked once is done once: the world remembers its plan, and is refitted but once.
        request.refit &= outcome.is_err();
        request.pinned.take_if(|_| outcome.is_ok());
        outcome
    };
    let mut broken = None;
    let mut told = |told: Told<'_>| {
        let shown = if args.json { show_json(&told) } else { show(&told, quiet) };
        if let Err(error) = shown {
            broken.get_or_insert(error);
            interrupted.store(true, Ordering::SeqCst);
        }
    };
    watch(&corpus, &world, &going, &mut build_once, &mut told)?;
    match broken {
        Some(error) => Err(error.into()),
        None => leave(),
    }
}

fn show_json(told: &Told<'_>) -> io::Result<()> {
    let row = match told {
        Told::Watching => json!({"event": "watching"}),
        Told::Built(summary) if summary.changed => json!({"event": "version", "build": summary}),
        Told::Built(summary) => json!({"event": "unchanged", "version": summary.version}),
        Told::Failed(_) => json!({"event": "failed"}),
        Told::Warned(what) => json!({"event": "warning", "reason": what}),
    };
    let mut row = row;
    if let Told::Failed(error) = told {
        row["reason"] = json!(error.to_string());
        row["remedy"] = json!(error.remedy());
    }
    row["schema_version"] = json!(SCHEMA_VERSION);
    let mut out = io::stdout().lock();
    writeln!(out, "{}", plain_json(&row))?;
    out.flush()
}

fn show(told: &Told<'_>, quiet: bool) -> io::Result<()> {
    match told {
        Told::Watching if quiet => Ok(()),
        Told::Watching => {
            say("watching; Ctrl-C ends");
            Ok(())
        }
        Told::Built(summary) => {
            let mut out = io::stdout().lock();
            writeln!(out, "{}", line(summary))?;
            out.flush()
        }
        Told::Failed(error) => {
            let remedy = error.remedy().map_or(String::new(), |it| format!("\n  {it}"));
            say(&format!("agentscaler: {}{remedy}", plain(&error.to_string())));
            Ok(())
        }
        Told::Warned(what) => {
            say(&format!("note: {}", plain(what)));
            Ok(())
        }
    }
}

/// A version in a line.
fn line(summary: &Summary) -> String {
    let count = |name: &str| grouped(summary.counts[name]);
    let total = summary.seconds["total"];
    match summary.changed {
        false => format!("version {} is up to date ({total:.2} s)", summary.version),
        true => format!(
            "version {} in {total:.2} s: {} documents, {} tools, {} domains, {} tasks, {} kept; {} \
             rolled out, {} unreadable parts",
            summary.version,
            count("documents"),
            count("tools"),
            count("domains"),
            count("tasks"),
            count("kept"),
            grouped(summary.work["rollouts"]),
            grouped(summary.rejected["parse"]),
        ),
    }
}
