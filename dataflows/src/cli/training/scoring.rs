//! `agentscaler evaluate` and `agentscaler chat-server`.

use std::io::{self, Write as _};
use std::net::TcpListener;

use learner::assistant::Assistant;
use learner::evaluation::{Asking, Judged, Score, Tally, evaluate as ask};
use serde_json::json;

use super::super::progress::{Counting, grouped, say};
use super::super::{Outcome, is_watched, plain, plain_json};
use super::lessons::lesson;
use super::{ChatServerArgs, EvaluateArgs, HeldOut};
use crate::summary::SCHEMA_VERSION;

pub(super) fn evaluate(args: &EvaluateArgs, quiet: bool) -> anyhow::Result<Outcome> {
    let chosen = (args.held_out, args.seed);
    let rows = lesson(&args.world, args.stage, None, chosen, quiet)?.rows()?;
    let rows = match args.on {
        HeldOut::Tasks => rows.tasks,
        HeldOut::Domains => rows.domains,
    };
    anyhow::ensure!(
        !rows.is_empty(),
        "nothing is held out{}",
        match args.on {
            HeldOut::Tasks => "; raise --held-out, here and for `train`",
            HeldOut::Domains =>
                "; the split \"test\" is empty: raise dataset.test_permille and build again",
        }
    );
    let assistant = Assistant::read(&args.from, args.device.open()?)?;
    let asking = Asking { most: args.tokens, rows_max: args.rows, as_trained: args.as_trained };
    let progress = Counting::new(quiet, is_watched());
    let (mut turns, mut right) = (0_usize, 0_usize);
    let mut shown = Vec::new();
    let score = ask(
        &assistant.model,
        &assistant.renderer,
        &rows,
        asking,
        &assistant.device,
        &mut |judged| {
            turns += 1;
            right += usize::from(judged.right);
            if shown.len() < args.sample {
                shown.push(sample(judged));
            }
            progress.show(&format!("evaluate: {right} of {turns} turns right"));
        },
    );
    progress.end();
    let score = score?;
    let mut out = io::stdout().lock();
    if args.json {
        let mut row = json!(score);
        row["schema_version"] = SCHEMA_VERSION.into();
        row["exact_call_accuracy"] = score.calls.share().into();
        row["samples"] = shown.into();
        writeln!(out, "{}", plain_json(&row))?;
        return Ok(Outcome::Done);
    }
    for sample in shown {
        writeln!(out, "{}", plain_json(&sample))?;
    }
    print(&mut out, &score)?;
    Ok(Outcome::Done)
}

fn sample(judged: &Judged<'_>) -> serde_json::Value {
    let message = &judged.example.conversation.messages[judged.place];
    let calls: Vec<serde_json::Value> = judged
        .said
        .calls
        .iter()
        .map(|it| json!({"name": it.name, "arguments": it.arguments}))
        .collect();
    json!({
        "trajectory": judged.example.id, "message": judged.place, "right": judged.right,
        "said": {"content": judged.said.content, "calls": calls,
                 "malformed": judged.said.malformed},
        "golden": {"content": message["content"], "calls": message["tool_calls"]},
    })
}

fn print(out: &mut impl io::Write, score: &Score) -> io::Result<()> {
    let mut line = |what: &str, tally: Tally| {
        let (low, high) = tally.interval();
        writeln!(
            out,
            "{:<44} {:>6.1} %  {:>6} of {:<6} {:>5.1} to {:.1} %",
            plain(what),
            100.0 * tally.share(),
            grouped(tally.right as u64),
            grouped(tally.of as u64),
            100.0 * low,
            100.0 * high
        )
    };
    line("exactly the right calls", score.calls)?;
    line("the right tools, whatever the arguments", score.names)?;
    line("no call where none is right", score.silences)?;
    line("every turn of a conversation", score.tasks)?;
    for (domain, tally) in &score.by_domain {
        line(&format!("  in {domain}"), *tally)?;
    }
    for (kind, tally) in &score.by_kind {
        line(&format!("  of kind {kind}"), *tally)?;
    }
    writeln!(out, "{} malformed and {} unended turns", score.malformed, score.unended)
}

pub(super) fn chat_server(args: &ChatServerArgs, quiet: bool) -> anyhow::Result<Outcome> {
    let assistant = Assistant::read(&args.from, args.device.open()?)?;
    let folder = args.from.canonicalize()?;
    let name = args.name.clone().or_else(|| Some(folder.file_name()?.to_str()?.to_string()));
    let name = name.unwrap_or_else(|| "model".into());
    let listener = TcpListener::bind((args.host.as_str(), args.port))?;
    let address = listener.local_addr()?;
    // The address is data: who asked for any free port reads it here.
    writeln!(io::stdout(), "http://{address}/v1")?;
    if !quiet {
        say(&format!("serves {} until interrupted", plain(&name)));
    }
    learner::chat_server::serve(&listener, assistant, &name, &|path, status| {
        if !quiet {
            say(&format!("{status} {}", plain(path)));
        }
    })?;
    Ok(Outcome::Done)
}
