//! `agentscaler export`.

use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::json;

use super::progress::{grouped, say};
use super::{Outcome, plain, plain_json, warn_of_damage};
use crate::export::{self, Conversations, Domains, ExportError};
use crate::store::{Manifest, StoreError, World, replace_streamed};
use crate::summary::SCHEMA_VERSION;

/// Export what the latest version of a world holds, in a format that others read.
///
/// `tools` are one JSON array of OpenAI tools: name, description, and parameters as JSON Schema
/// (draft 2020-12). Names are unique in a domain and may occur more than once in the export.
///
/// `python` is a folder for each domain, which needs nothing but Python's standard library: its
/// tools as readable functions, its tables and first rows, its tasks and its rules. Calls answer
/// what a trajectory records, byte for byte.
///
/// `tau2` is a Python package for τ²-bench 1.0.1: `python -m agentscaler_tau2 run --domain NAME`, in
/// that folder, is its own command line with these domains. Tasks that nobody could fulfil have
/// domains of their own, `NAME-…`, since τ²-bench offers every task all tools of its domain.
///
/// `sharegpt` is a folder that LLaMA-Factory takes as its `dataset_dir`; `verl` has Parquet for its
/// multi-turn fine-tuning and for its reinforcement learning; `nemo-gym` is JSON Lines of tasks. Rows
/// that a format cannot say are left out and counted, by reason.
///
/// `turns` is Parquet with a row for every turn that is to be learnt: what was said before it and the
/// turn, as `prompt` and `completion`, for trainers that learn completions alone. `json-lines` is every
/// table of the dataset, JSON columns as values and without keys that are absent.
///
/// A folder that is not empty is replaced only if an export made it, and in one step.
#[derive(Debug, clap::Args)]
#[command(before_help = "Example: agentscaler export python --world world --output envs")]
pub(super) struct ExportArgs {
    /// What to export.
    what: Exported,
    /// The world's folder.
    #[arg(long, value_name = "DIR", env = "AGENTSCALER_WORLD")]
    world: PathBuf,
    /// The file or folder to write, in place of an older export; `-` for standard output, where it
    /// is a file.
    #[arg(long, short, value_name = "PATH")]
    output: PathBuf,
    /// Only this domain, by name or id; may be repeated. For `python` and `tau2`.
    #[arg(long, value_name = "NAME_OR_ID")]
    domain: Vec<String>,
    /// Print one JSON object that says what was written. Not with `--output -`.
    #[arg(long)]
    json: bool,
}

/// What can be exported.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum Exported {
    /// Every tool, as OpenAI tools.
    Tools,
    /// Every domain, as a folder of Python.
    Python,
    /// Every domain, as a package for τ²-bench.
    Tau2,
    /// Kept trajectories, for LLaMA-Factory.
    Sharegpt,
    /// Kept trajectories and their tasks, for verl.
    Verl,
    /// Tasks with a kept trajectory, for `NeMo Gym`.
    NemoGym,
    /// Every turn to be learnt, as a prompt with its completion.
    Turns,
    /// Every table of the dataset, as JSON Lines.
    JsonLines,
}

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
        Exported::Turns => Some(export::turns as Export),
        Exported::JsonLines => Some(export::json_lines as Export),
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
