//! `agentscaler fingerprint`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::ensure;
use serde_json::json;

use schemas::Digest;

use super::progress::{grouped, say};
use super::{Outcome, plain, plain_json};
use crate::benchmarks::of_files;
use crate::store::{StoreError, replace_streamed};
use crate::summary::SCHEMA_VERSION;

/// Make the fingerprint of a benchmark, for `agentscaler build --decontaminate`.
///
/// Reads the files you name: tools in any format that `build` reads, tools and instructions in
/// Python source (τ-bench, τ²-bench), and what users say in JSON and JSON Lines (τ²-bench's
/// tasks.json, BFCL, ACEBench and their like). Python is read, never run.
///
/// Writes hashes only: of names, of names with parameters, and of sequences of 5, 8 and 13 words of
/// descriptions and tasks; with counts and the digests of the files. No text can be read from it.
#[derive(Debug, clap::Args)]
#[command(
    before_help = "Example: agentscaler fingerprint tau2-bench/data/tau2/domains/*/tasks.json \
                         --benchmark tau2 --output tau2.json"
)]
pub(super) struct FingerprintArgs {
    /// Files of the benchmark.
    #[arg(required = true, value_name = "FILES")]
    files: Vec<PathBuf>,
    /// What to call the benchmark: lower-case letters, digits, `.`, `_` and `-`.
    #[arg(long, value_name = "NAME")]
    benchmark: String,
    /// The file to write; `-` for standard output.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Print one JSON object that says what was written. Not with `--output -`.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &FingerprintArgs, quiet: bool) -> anyhow::Result<Outcome> {
    let to_stdout = args.output == Path::new("-");
    ensure!(!(to_stdout && args.json), "--json is not for --output -");
    let mut empty = 0;
    let made = of_files(&args.benchmark, &args.files, &mut |path| {
        empty += 1;
        let path = plain(&path.to_string_lossy());
        say(&format!("note: {path} defines no tool and holds no text of a task"));
    })?;
    let mut text = serde_json::to_vec(&made)?;
    let digest = Digest::of(&text);
    text.push(b'\n');
    if to_stdout {
        io::stdout().write_all(&text)?;
        return Ok(Outcome::Done);
    }
    replace_streamed(&args.output, |out: &mut dyn Write| {
        out.write_all(&text).map_err(|source| StoreError::Io {
            action: "write",
            path: args.output.clone(),
            source,
        })
    })?;
    let (path, benchmark) = (args.output.to_string_lossy(), &made.benchmark);
    if args.json {
        let row = json!({
            "schema_version": SCHEMA_VERSION, "benchmark": benchmark, "digest": digest,
            "output": path, "files": made.inputs.len(), "files_without_content": empty,
            "tools": made.tools, "texts": made.texts, "bytes": text.len(),
        });
        writeln!(io::stdout(), "{}", plain_json(&row))?;
    } else if !quiet {
        say(&format!(
            "{} tools and {} texts of {benchmark} are fingerprinted in {}",
            grouped(made.tools),
            grouped(made.texts),
            plain(&path)
        ));
    }
    Ok(Outcome::Done)
}
