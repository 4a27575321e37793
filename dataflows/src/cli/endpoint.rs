//! `agentscaler endpoint`.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, TcpListener};

use anyhow::Context as _;
use serde_json::json;

use super::progress::{grouped, say};
use super::{EndpointArgs, EndpointCommand, Outcome, ProbeArgs, ReplayArgs, plain, plain_json};
use crate::endpoint::{Abilities, Ability, abilities};
use crate::replay::{Replay, serve};
use crate::store::World;
use crate::summary::SCHEMA_VERSION;

pub(super) fn run(args: &EndpointArgs, quiet: bool) -> anyhow::Result<Outcome> {
    match &args.command {
        EndpointCommand::Replay(replay) => replayed(replay, quiet),
        EndpointCommand::Probe(probe) => probed(probe),
    }
}

/// Serves until the process is ended.
fn replayed(args: &ReplayArgs, quiet: bool) -> anyhow::Result<Outcome> {
    let world = World::open(&args.world)?;
    let replay = Replay::read(&world)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port))
        .with_context(|| format!("port {} cannot be listened at", args.port))?;
    let address = listener.local_addr()?;
    // Data: a script reads from it whom to ask.
    let mut out = io::stdout().lock();
    if args.json {
        let url = format!("http://{address}/v1");
        let models: Vec<&str> = replay.models().collect();
        let row = json!({"schema_version": SCHEMA_VERSION, "url": url, "answers": replay.len(),
                         "models": models});
        writeln!(out, "{}", plain_json(&row))?;
    } else {
        writeln!(out, "http://{address}/v1")?;
    }
    out.flush()?;
    drop(out);
    if !quiet {
        let answers = grouped(replay.len() as u64);
        let models: Vec<&str> = replay.models().collect();
        let of = if models.is_empty() { "no model".into() } else { models.join(", ") };
        say(&plain(&format!("replaying {answers} answers of {of}")));
    }
    serve(&listener, &|method: &str, path: &str, body: &[u8]| replay.answer(method, path, body))?;
    Ok(Outcome::Done)
}

fn probed(args: &ProbeArgs) -> anyhow::Result<Outcome> {
    let mut variables = super::variables();
    let config = super::asking::keyed(&args.url, &mut variables);
    let found = abilities(config, args.model.as_deref(), args.embedding_model.as_deref())?;
    let mut out = io::stdout().lock();
    if args.json {
        let mut row = serde_json::to_value(&found)?;
        row["schema_version"] = json!(SCHEMA_VERSION);
        writeln!(out, "{}", plain_json(&row))?;
    } else {
        out.write_all(plain_lines(&found).as_bytes())?;
    }
    Ok(Outcome::Done)
}

fn plain_lines(found: &Abilities) -> String {
    let models = match &found.models {
        Some(models) => models.join(", "),
        None => "it lists none".into(),
    };
    let line = |ability: &Ability| {
        let by = if ability.model.is_empty() { "" } else { " by " };
        format!("{}{by}{}: {}", ability.can, ability.model, ability.detail)
    };
    let lines = [
        ("endpoint", found.url.clone()),
        ("models", models),
        ("tools", line(&found.tools)),
        ("embeddings", line(&found.embeddings)),
    ];
    let lines = lines.iter().map(|(name, said)| format!("{name:<12}{}\n", plain(said)));
    let advice = match found.tools.can {
        "yes" => "Next: agentscaler build … --endpoint URL --set rollout.agent_model=NAME\n",
        "unknown" | "failed" => "",
        _ => {
            "Next: agentscaler build … --endpoint URL --set rollout.agent_model=NAME \
              --set rollout.tool_format=prompt\n"
        }
    };
    lines.chain([advice.to_string()]).collect()
}
