//! `agentscaler export`.

use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use super::progress::{grouped, say};
use super::{ExportArgs, Exported, Outcome, warn_of_damage};
use crate::export;
use crate::store::{StoreError, World, replace_streamed};

pub(super) fn run(args: &ExportArgs, quiet: bool) -> anyhow::Result<Outcome> {
    let world = World::open(&args.world)?;
    let latest = world.latest()?;
    warn_of_damage(&latest, quiet);
    let manifest =
        latest.manifest.ok_or_else(|| StoreError::NoWorld { path: args.world.clone() })?;
    let Exported::Tools = args.what;
    if args.output == Path::new("-") {
        let mut out = BufWriter::new(io::stdout().lock());
        export::tools(&world, &manifest, &mut out)?;
        out.flush()?;
        return Ok(Outcome::Done);
    }
    let written = replace_streamed(&args.output, |out| export::tools(&world, &manifest, out))?;
    if !quiet {
        let version = manifest.version;
        let path = super::plain(&args.output.to_string_lossy());
        say(&format!("{} tools of version {version} are in {path}", grouped(written)));
    }
    Ok(Outcome::Done)
}
