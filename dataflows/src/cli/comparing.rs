//! `agentscaler diff`.

use std::io::{self, Write};
use std::path::PathBuf;

use super::progress::grouped;
use super::{Outcome, plain, plain_json};
use crate::comparison::{Comparison, Delta, compare};
use crate::store::World;

/// Tell what two versions of a world differ in.
///
/// How many documents, tools, domains, tasks and trajectories were born, are gone or changed, their
/// ids, the knobs that differ, and what happened to domains from the one version to the other.
/// `--json` has every id.
#[derive(Debug, clap::Args)]
#[command(before_help = "Example: agentscaler diff 2 3 --world world")]
pub(super) struct DiffArgs {
    /// The one version.
    #[arg(value_name = "V1")]
    from: u64,
    /// The other.
    #[arg(value_name = "V2")]
    to: u64,
    /// The world's folder.
    #[arg(long, value_name = "DIR", env = "AGENTSCALER_WORLD")]
    world: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Most ids of a kind shown; `--json` has all.
const SHOWN_MAX: usize = 10;

pub(super) fn run(args: &DiffArgs) -> anyhow::Result<Outcome> {
    let compared = compare(&World::open(&args.world)?, args.from, args.to)?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    if args.json {
        writeln!(out, "{}", plain_json(&serde_json::to_value(&compared)?))?;
    } else {
        show(&mut out, &compared)?;
    }
    out.flush()?;
    Ok(Outcome::Done)
}

fn show(out: &mut impl Write, compared: &Comparison) -> io::Result<()> {
    let (from, to) = (compared.from, compared.to);
    writeln!(out, "{:<28}{:>12}{:>12}", "", format!("version {from}"), format!("version {to}"))?;
    for (name, [then, now]) in &compared.counts {
        if then != now || !name.contains('.') {
            writeln!(out, "{name:<28}{:>12}{:>12}", grouped(*then), grouped(*now))?;
        }
    }
    for (key, [then, now]) in &compared.knobs {
        writeln!(out, "knob {key}: {} -> {}", plain(&then.to_string()), plain(&now.to_string()))?;
    }
    let kinds = [
        ("documents", &compared.documents),
        ("tools", &compared.tools),
        ("domains", &compared.domains),
        ("tasks", &compared.tasks),
        ("trajectories", &compared.trajectories),
    ];
    for (kind, delta) in kinds {
        show_delta(out, kind, delta)?;
    }
    for event in &compared.lineage {
        let text = |key: &str| event[key].as_str().unwrap_or_default();
        let other =
            if text("other").is_empty() { String::new() } else { " ".to_string() + text("other") };
        let line = format!("{} {}{other}", text("event"), text("domain"));
        writeln!(out, "lineage {line} (version {})", event["version"])?;
    }
    Ok(())
}

fn show_delta(out: &mut impl Write, kind: &str, delta: &Delta) -> io::Result<()> {
    let count = |ids: &Vec<String>| grouped(ids.len() as u64);
    writeln!(
        out,
        "{kind}: {} born, {} gone, {} changed",
        count(&delta.born),
        count(&delta.gone),
        count(&delta.changed)
    )?;
    for (sign, ids) in [('+', &delta.born), ('-', &delta.gone), ('~', &delta.changed)] {
        for id in ids.iter().take(SHOWN_MAX) {
            writeln!(out, "  {sign} {}", plain(id))?;
        }
        if SHOWN_MAX < ids.len() {
            writeln!(out, "  {sign} and {} more", grouped((ids.len() - SHOWN_MAX) as u64))?;
        }
    }
    Ok(())
}
