//! `agentscaler build`.

use std::cmp::Reverse;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use schemas::{Rule, Stage};

use super::ordering::OrderArgs;
use super::progress::{Progress, grouped, say};
use super::seating::SeatArgs;
use super::{Outcome, is_watched, plain};
use crate::build::{Listener as _, Request, build, follow, lead};
use crate::cluster::{Crew, Ended};
use crate::summary::{SCHEMA_VERSION, Summary};

/// Build a world from a corpus, or bring it up to date: the same command.
///
/// Reads files and folders of OpenAPI 3 and Swagger 2.0 (JSON and YAML), AWS service models,
/// Alibaba Cloud metadata, MCP tools/list, OpenAI tools, ToolBench/RapidAPI, xLAM/APIGen, BFCL,
/// ACEBench, API-Bank, `ToolAlpaca`, Seal-Tools, `TaskBench` and normalised JSON Lines, plain or
/// compressed with zstd or gzip; formats are recognised by content. Only what changed since the
/// last version is made anew. A file that cannot be read is a rejection with a reason, see
/// `agentscaler list rejections`.
#[derive(Debug, clap::Args)]
#[command(before_help = "Example: agentscaler build my-apis/ --world world -w 2")]
pub(super) struct BuildArgs {
    #[command(flatten)]
    order: OrderArgs,
    #[command(flatten)]
    seat: SeatArgs,
}

/// The exit code of an interrupted command.
const INTERRUPTED: i32 = 130;

pub(super) fn run(args: &BuildArgs, quiet: bool) -> anyhow::Result<Outcome> {
    let BuildArgs { order: args, seat } = args;
    let seat = seat.seat(args.workers.into())?;
    if let Some(process @ 1..) = seat.as_ref().map(|it| it.process) {
        anyhow::ensure!(!args.strict, "--strict is for process 0, this is {process}");
    }
    let request = args.request()?;
    let committing = Arc::new(AtomicBool::new(false));
    let interrupted = Arc::new(AtomicBool::new(false));
    end_when_interrupted(&committing, &interrupted)?;
    let progress = Progress::new(quiet, is_watched(), Arc::clone(&committing));
    let crew = seat.map(|seat| Crew::meet(&seat, &|told| progress.warn(told))).transpose()?;
    let outcome = match crew.map(Arc::new) {
        None => build(&request, &progress),
        Some(crew) if crew.leads() => lead(&request, &crew, &progress),
        Some(crew) => return share(&request, &crew, &progress, args.json),
    };
    progress.end();
    let summary = outcome?;
    if args.json {
        writeln!(io::stdout(), "{}", serde_json::to_string(&summary)?)?;
    } else {
        io::stdout().write_all(report(&summary, args).as_bytes())?;
    }
    if interrupted.load(Ordering::SeqCst) {
        leave();
    }
    let turned_away =
        ["parse", "refine", "domain", "gate"].iter().any(|it| 0 < summary.rejected[*it]);
    Ok(if args.strict && turned_away { Outcome::DoesNotHold } else { Outcome::Done })
}

/// Does a follower's part, and says how the whole ended.
fn share(
    request: &Request,
    crew: &Arc<Crew>,
    progress: &Progress,
    json: bool,
) -> anyhow::Result<Outcome> {
    let ended = follow(request, crew, progress);
    progress.end();
    let (process, processes) = (crew.seat().process, crew.seat().addresses.len());
    let (version, changed) = match ended? {
        Ended::At { version, changed } => (version, changed),
        Ended::Failed { reason } => anyhow::bail!("process 0 could not build: {reason}"),
    };
    if json {
        let told = json!({
            "schema_version": SCHEMA_VERSION, "version": version, "changed": changed,
            "process": process, "processes": processes,
        });
        writeln!(io::stdout(), "{told}")?;
    } else if changed {
        writeln!(
            io::stdout(),
            "Took part in version {version} as process {process} of {processes}."
        )?;
    } else {
        writeln!(io::stdout(), "Nothing changed: version {version} is up to date.")?;
    }
    Ok(Outcome::Done)
}

/// Ctrl-C ends the process at once, since nothing is visible before the commit; during the commit
/// it waits for its end.
pub(super) fn end_when_interrupted(
    committing: &Arc<AtomicBool>,
    interrupted: &Arc<AtomicBool>,
) -> anyhow::Result<()> {
    let (committing, interrupted) = (Arc::clone(committing), Arc::clone(interrupted));
    ctrlc::set_handler(move || {
        if committing.load(Ordering::SeqCst) {
            interrupted.store(true, Ordering::SeqCst);
        } else {
            say("agentscaler: interrupted; the world is as it was. The same command goes on.");
            leave();
        }
    })?;
    Ok(())
}

#[expect(clippy::exit, reason = "an interrupted process has nothing left to unwind")]
pub(super) fn leave() -> ! {
    std::process::exit(INTERRUPTED)
}

/// What was made, and what to do next.
fn report(summary: &Summary, args: &OrderArgs) -> String {
    let count = |name: &str| grouped(summary.counts[name]);
    let away = |name: &str| grouped(summary.rejected[name]);
    let total = summary.seconds["total"];
    let mut text = match (summary.changed, summary.parent) {
        (false, _) => format!("Nothing changed: version {} is up to date.\n", summary.version),
        (true, None) => format!("Made version {} in {total:.1} s.\n", summary.version),
        (true, Some(parent)) => {
            format!("Made version {} from {parent} in {total:.1} s.\n", summary.version)
        }
    };
    let lines = [
        ("documents", count("documents"), format!("{} unreadable parts", away("parse"))),
        ("records", count("records"), format!("{} turned away or folded", away("refine"))),
        ("tools", count("tools"), format!("{} without a domain", away("domain"))),
        ("domains", count("domains"), format!("{} tools", count("domain_tools"))),
        ("environments", count("environments"), format!("{} tools failed the gate", away("gate"))),
        (
            "tasks",
            count("tasks"),
            format!("{} unrealisable, {} unsound", away("realisable"), away("sound")),
        ),
        (
            "trajectories",
            count("trajectories"),
            format!(
                "{} malformed, {} in a wrong state, {} with other calls",
                away("validity"),
                away("state"),
                away("exact_match")
            ),
        ),
        ("kept", count("kept"), "each replayed on a fresh environment".into()),
    ];
    for (name, number, remark) in lines {
        text.push_str(&format!("  {name:<13}{number:>10}   {remark}\n"));
    }
    text.push_str(&turned_away(summary));
    text.push_str(&of_models(summary));
    let world = quoted(&args.world.to_string_lossy());
    let dataset = quoted(&args.world.join("dataset").to_string_lossy());
    text.push_str(&format!(
        "Next:\n  agentscaler verify --world {world}\n  agentscaler list domains --world {world}\n  \
         python -c 'import sys, datasets; print(datasets.load_dataset(sys.argv[1], \"general\"))' \
         {dataset}\n"
    ));
    text
}

/// What models did not do as they should, and what can be done about it.
fn of_models(summary: &Summary) -> String {
    let count = |stage: Stage| summary.rejected.get(stage.name()).copied().unwrap_or(0);
    let mut text = String::new();
    if let failed @ 1.. = count(Stage::RollOut) {
        text.push_str(&format!(
            "  {} attempts came to no end, since a model was cut off, declined or said nothing; they \
             are not scored\n    agentscaler list rejections says which; --set rollout.tokens_max=N \
             gives more room, another model may do better\n",
            grouped(failed)
        ));
    }
    if let refused @ 1.. = count(Stage::Propose) {
        text.push_str(&format!(
            "  {} proposals for domains and tools were refused; what is built in stands\n    \
             agentscaler list rejections says which, and why\n",
            grouped(refused)
        ));
    }
    if let refused @ 1.. = count(Stage::Reword) {
        text.push_str(&format!(
            "  {} rewordings were refused; the built-in words stand\n",
            grouped(refused)
        ));
    }
    text
}

/// Which rules turned documents and records away, the most frequent first.
fn turned_away(summary: &Summary) -> String {
    // A tool may have a reference that dangles and be a tool still.
    let away = Rule::ALL.iter().take_while(|rule| **rule != Rule::NameSpelled);
    let away = away.filter(|rule| **rule != Rule::Dangling);
    let counted = away.filter_map(|rule| Some((*summary.rules.get(rule.name())?, rule.name())));
    let mut counted: Vec<(u64, &str)> = counted.collect();
    counted.sort_by_key(|(count, name)| (Reverse(*count), *name));
    let named: Vec<String> =
        counted.iter().map(|(count, name)| format!("{name} {}", grouped(*count))).collect();
    match named.is_empty() {
        true => String::new(),
        false => format!("  turned away by rule: {}\n", named.join(", ")),
    }
}

/// A text as one word of a shell's command line, and as a terminal may show it.
fn quoted(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    match !text.is_empty() && text.bytes().all(is_plain) {
        true => text.into(),
        false => format!("'{}'", plain(text).replace('\'', "'\\''")),
    }
}
