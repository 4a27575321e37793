//! The options that say what to build, out of what, and how.

use std::path::PathBuf;

use super::asking::AskingArgs;
use super::{WORKERS_MAX, variables};
use crate::benchmarks::keep;
use crate::build::Request;

/// What to build, as `build` and `watch` take it.
#[derive(Debug, clap::Args)]
pub(super) struct OrderArgs {
    /// Files and folders of API descriptions; patterns such as 'apis/**/*.json', in quotes where a
    /// shell would expand them; `-` for standard input.
    #[arg(required = true, value_name = "CORPUS")]
    pub(super) corpus: Vec<PathBuf>,
    /// The world's folder; made if it is not there.
    #[arg(long, value_name = "DIR", env = "AGENTSCALER_WORLD")]
    pub(super) world: PathBuf,
    /// Worker threads. What is built does not depend on it.
    #[arg(long, short, value_name = "N", default_value = "1", env = "AGENTSCALER_WORKERS")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=WORKERS_MAX))]
    pub(super) workers: u16,
    /// What the knobs that are not set default to: `default`, or `paper`, the rules that the paper
    /// states: links above a cosine of parameter lists, Louvain, literal comparison of read-only
    /// calls, no bound on domains. Short for `--set profile=NAME`. The world remembers it.
    #[arg(long, value_name = "NAME", value_parser = ["default", "paper"])]
    profile: Option<String>,
    /// Set a knob of the plan, such as `task.per_operation=4`; see plan.toml in a world for all.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// The key of every choice; short for `--set seed=N`.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Domains for the second training stage, by a word of their name; may be repeated.
    #[arg(long, value_name = "WORD")]
    vertical: Vec<String>,
    /// How the dataset types values without a fixed shape: `json`, which `datasets` 4.7 and later give
    /// as objects, or `string`, JSON texts that every reader gives. The world remembers it.
    #[arg(long, value_name = "TYPE", value_parser = ["json", "string"])]
    json_encoding: Option<String>,
    /// Use only records of this source; `*` stands for any text, `!` before it excludes; may be
    /// repeated. The world remembers it.
    #[arg(long, value_name = "[!]PATTERN")]
    source: Vec<String>,
    /// Use only records under this licence, likewise; `""` is for records that state none.
    #[arg(long, value_name = "[!]PATTERN")]
    license: Vec<String>,
    /// Withhold what overlaps with the benchmark whose fingerprint this file is, made by `agentscaler
    /// fingerprint`; may be repeated. The world keeps it, beside those it has, until
    /// `--set decontaminate.benchmarks=[]` or an edit of plan.toml takes it out.
    #[arg(long, value_name = "FILE")]
    decontaminate: Vec<PathBuf>,
    /// Fit term weights and communities anew instead of starting from the last version's.
    #[arg(long)]
    refit: bool,
    /// Begin a new world at the term weights and partition of another, optionally of an older
    /// version of it: what an incremental build of it made is made again from scratch.
    #[arg(long, value_name = "WORLD[@VERSION]", conflicts_with = "refit")]
    pinned: Option<String>,
    /// Exit with 1 if anything was rejected before the rollouts.
    #[arg(long)]
    pub(super) strict: bool,
    /// Print one JSON object with every number instead of a summary.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    endpoint: AskingArgs,
}

impl OrderArgs {
    /// The request that the options make. Fingerprints that they name are kept in the world.
    pub(super) fn request(&self) -> anyhow::Result<Request> {
        let mut settings = self.settings.clone();
        if let Some(setting) = settings.iter().find(|setting| !setting.contains('=')) {
            anyhow::bail!("--set \"{setting}\" is not of the form KEY=VALUE");
        }
        settings.extend(self.profile.iter().map(|name| format!("profile={name}")));
        settings.extend(self.json_encoding.iter().map(|it| format!("dataset.json_encoding={it}")));
        settings.extend(self.seed.map(|seed| format!("seed={seed}")));
        for (key, words) in [
            ("dataset.vertical", &self.vertical),
            ("corpus.sources", &self.source),
            ("corpus.licenses", &self.license),
        ] {
            if !words.is_empty() {
                let words = toml::Value::try_from(words)?;
                settings.push(format!("{key}={words}"));
            }
        }
        let pinned = self.pinned.as_ref().map(|text| match text.rsplit_once('@') {
            Some((world, version)) if version.parse::<u64>().is_ok() => {
                (PathBuf::from(world), version.parse().ok())
            }
            _ => (PathBuf::from(text), None),
        });
        let mut variables = variables();
        let endpoint = self.endpoint.config(&mut variables);
        if !self.decontaminate.is_empty() {
            settings.push(keep(&self.world, &self.decontaminate, &settings, &variables)?);
        }
        Ok(Request {
            corpus: self.corpus.clone(),
            world: self.world.clone(),
            workers: self.workers.into(),
            settings,
            variables,
            refit: self.refit,
            pinned,
            endpoint,
        })
    }
}
