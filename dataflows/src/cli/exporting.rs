//! `agentscaler export`.

use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use serde_json::json;

use super::progress::{grouped, say};
use super::{ExportArgs, Exported, Outcome, plain, plain_json, warn_of_damage};
use crate::export::{self, Domains};
use crate::store::{Manifest, StoreError, World, replace_streamed};
use crate::summary::SCHEMA_VERSION;

pub(super) fn run(args: &ExportArgs, quiet: bool) -> anyhow::Result<Outcome> {
    let world = World::open(&args.world)?;
    let latest = world.latest()?;
    warn_of_damage(&latest, quiet);
    let manifest =
        latest.manifest.ok_or_else(|| StoreError::NoWorld { path: args.world.clone() })?;
    let to_stdout = args.output == Path::new("-");
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
        Exported::Python | Exported::Tau2 => {
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
        Exported::Python | Exported::Tau2 => format!(
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
