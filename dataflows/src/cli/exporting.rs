//! `agentscaler export`.

use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use serde_json::json;

use super::progress::{grouped, say};
use super::{ExportArgs, Exported, Outcome, plain, plain_json, warn_of_damage};
use crate::export::{self, Conversations, Domains, ExportError};
use crate::store::{Manifest, StoreError, World, replace_streamed};
use crate::summary::SCHEMA_VERSION;

pub(super) fn run(args: &ExportArgs, quiet: bool) -> anyhow::Result<Outcome> {
    let world = World::open(&args.world)?;
    let latest = world.latest()?;
    warn_of_damage(&latest, quiet);
    let manifest =
        latest.manifest.ok_or_else(|| StoreError::NoWorld { path: args.world.clone() })?;
    let to_stdout = args.output == Path::new("-");
    let conversations = match args.what {
        Exported::Sharegpt => Some(export::sharegpt as Export),
        Exported::Verl => Some(export::verl as Export),
        Exported::NemoGym => Some(export::nemo_gym as Export),
        _ => None,
    };
    if let Some(export) = conversations {
        anyhow::ensure!(args.domain.is_empty(), "--domain is for python and tau2");
        anyhow::ensure!(!to_stdout, "--output must be a folder for this export");
        let made = export(&world, &manifest, &args.output)?;
        tell_conversations(args, &manifest, &made, quiet)?;
        return Ok(Outcome::Done);
    }
    let made = match args.what {
        Exported::Tools => {
            anyhow::ensure!(args.domain.is_empty(), "--domain is not for the export of tools");
            anyhow::ensure!(!(to_stdout && args.json), "--json is not for --output -");
            if to_stdout {
                let mut out = BufWriter::new(io::stdout().lock());
                export::tools(&world, &manifest, &mut out)?;
                out.flush()?;
                return Ok(Outcome::Done);
            }
            let write = |out: &mut dyn io::Write| export::tools(&world, &manifest, out);
            Domains { tools: replace_streamed(&args.output, write)?, ..Domains::default() }
        }
        _ => {
            anyhow::ensure!(!to_stdout, "--output must be a folder for the export of domains");
            match args.what {
                Exported::Tau2 => export::tau2(&world, &manifest, &args.domain, &args.output)?,
                _ => export::python(&world, &manifest, &args.domain, &args.output)?,
            }
        }
    };
    tell(args, &manifest, &made, quiet)?;
    Ok(Outcome::Done)
}

/// How conversations are exported in some format.
type Export = fn(&World, &Manifest, &Path) -> Result<Conversations, ExportError>;

fn tell_conversations(
    args: &ExportArgs,
    manifest: &Manifest,
    made: &Conversations,
    quiet: bool,
) -> io::Result<()> {
    let (version, path) = (manifest.version, args.output.to_string_lossy());
    if args.json {
        let row = json!({
            "schema_version": SCHEMA_VERSION, "version": version, "output": path,
            "rows": made.rows, "left_out": made.left_out,
        });
        return writeln!(io::stdout(), "{}", plain_json(&row));
    }
    if quiet {
        return Ok(());
    }
    let rows = grouped(made.total());
    say(&format!("{rows} rows of version {version} are in {}", plain(&path)));
    for (reason, count) in &made.left_out {
        say(&format!("note: {} are left out: {reason}", grouped(*count)));
    }
    Ok(())
}

fn tell(args: &ExportArgs, manifest: &Manifest, made: &Domains, quiet: bool) -> io::Result<()> {
    let (version, path) = (manifest.version, args.output.to_string_lossy());
    if args.json {
        let mut row = json!({
            "schema_version": SCHEMA_VERSION, "version": version, "output": path,
            "tools": made.tools,
        });
        if args.what != Exported::Tools {
            row["domains"] = json!(made.domains);
            row["tasks"] = json!(made.tasks);
            row["left_out"] = json!(made.left_out);
        }
        return writeln!(io::stdout(), "{}", plain_json(&row));
    }
    if quiet {
        return Ok(());
    }
    let (tools, path) = (grouped(made.tools), plain(&path));
    say(&match args.what {
        Exported::Tools => format!("{tools} tools of version {version} are in {path}"),
        _ => format!(
            "{} domains of version {version}, with {tools} tools and {} tasks, are in {path}",
            grouped(made.domains),
            grouped(made.tasks)
        ),
    });
    if 0 < made.left_out {
        let left = grouped(made.left_out);
        say(&format!(
            "note: {left} tasks are left out: a tool of theirs fails for a while, which tau2 cannot \
             show, or an argument is called like one of tau2's own"
        ));
    }
    Ok(())
}
