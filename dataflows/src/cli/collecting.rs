//! `agentscaler gc`.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::progress::grouped;
use super::{Outcome, plain_json};
use crate::store::World;
use crate::summary::SCHEMA_VERSION;

/// Remove old versions, and files that no version names.
///
/// Without `--keep`, every version stays, and what interrupted builds left in `objects/` goes. The
/// latest version, and what `dataset/` shows, always stays; so does the journal.
#[derive(Debug, clap::Args)]
#[command(before_help = "Example: agentscaler gc --world world --keep 3 --dry-run")]
pub(super) struct GcArgs {
    /// The world's folder.
    #[arg(long, value_name = "DIR", env = "AGENTSCALER_WORLD")]
    world: PathBuf,
    /// Keep so many of the newest versions, and remove the others.
    #[arg(long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
    /// Spare files that are younger than so many hours, since somebody may be about to name or to
    /// read them.
    #[arg(long, value_name = "HOURS", default_value = "24")]
    grace: u32,
    /// Only say what would be removed.
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &GcArgs) -> anyhow::Result<Outcome> {
    let store = World::open(&args.world)?.lock()?;
    let grace = Duration::from_secs(u64::from(args.grace) * 3_600);
    let keep = args.keep.map(usize::try_from).transpose()?;
    let found = store.collect(keep, grace, args.dry_run)?;
    let mut out = io::stdout().lock();
    if args.json {
        let mut row = json!({"schema_version": SCHEMA_VERSION, "dry_run": args.dry_run});
        if let (Value::Object(into), Value::Object(more)) = (&mut row, serde_json::to_value(found)?)
        {
            into.extend(more);
        }
        writeln!(out, "{}", plain_json(&row))?;
        return Ok(Outcome::Done);
    }
    let would = if args.dry_run { "would be removed" } else { "removed" };
    for version in &found.versions_removed {
        writeln!(out, "version {version}: {would}")?;
    }
    writeln!(
        out,
        "{} files of {} bytes {would}; {} versions with {} files stay, {} files are too young",
        grouped(found.objects_removed),
        grouped(found.bytes_removed),
        grouped(found.versions_kept.len() as u64),
        grouped(found.objects_kept),
        grouped(found.objects_in_grace)
    )?;
    Ok(Outcome::Done)
}
