//! What a run is a function of, written down, so that the same command goes on and another does
//! not spoil it.

use std::fs;
use std::path::Path;

use schemas::Digest;
use serde::{Deserialize, Serialize};

use super::{Corpus, Job, Knobs};
use crate::checkpoint::CARRIED;
use crate::config::{CONFIG_FILE, Config};
use crate::durable;
use crate::error::LearnError;

/// `run.json`.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claim {
    knobs: Knobs,
    /// The digest of the checkpoint's files.
    from: Digest,
    /// The digest of what is learned from.
    learned: Digest,
    /// Names and digests of what is held out.
    held_out: Vec<(String, Digest)>,
}

/// Takes a folder for a run, or finds it taken by the same one.
pub(super) fn claim(job: &Job<'_>, config: &Config) -> Result<(), LearnError> {
    let held_out = job.held_out.iter();
    // How a step is computed does not decide what it learns, and may change when memory runs out.
    let knobs = Knobs { packs_at_once: 1, recompute: false, ..job.knobs.clone() };
    let claim = Claim {
        knobs,
        from: run_digest(job.from, config)?,
        learned: digest_of(&job.learned),
        held_out: held_out.map(|(name, corpus)| (name.clone(), digest_of(corpus))).collect(),
    };
    fs::create_dir_all(job.output).map_err(LearnError::io(job.output, "make the folder"))?;
    let path = job.output.join("run.json");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if job.output.join("model").exists() {
                return Err(taken(job.output, "holds a model that no run of this program made"));
            }
            let mut text = serde_json::to_string_pretty(&claim).expect("records have string keys");
            text.push('\n');
            return durable::replace(&path, text.as_bytes());
        }
        Err(error) => return Err(LearnError::io(&path, "read the run")(error)),
    };
    let found: Claim = serde_json::from_str(&text).map_err(|error| {
        let remedy = "give another --output, or remove the folder";
        LearnError::unusable(&path, "its JSON", error.to_string(), remedy)
    })?;
    if found == claim {
        return Ok(());
    }
    let differing = [
        ("knobs", found.knobs != claim.knobs),
        ("a checkpoint", found.from != claim.from),
        ("rows", found.learned != claim.learned),
        ("held-out rows", found.held_out != claim.held_out),
    ];
    let differing: Vec<&str> =
        differing.iter().filter(|(_, differs)| *differs).map(|(what, _)| *what).collect();
    let reason = format!("holds a run with other {}", differing.join(" and other "));
    Err(taken(job.output, &reason))
}

fn taken(output: &Path, reason: &str) -> LearnError {
    let remedy = "give another --output, or remove the folder";
    LearnError::refused(output.display().to_string(), reason, remedy)
}

/// The digest of a checkpoint: its configuration, its tokenizer and its weights.
///
/// # Errors
///
/// Names the file that cannot be read.
pub fn run_digest(folder: &Path, config: &Config) -> Result<Digest, LearnError> {
    let mut parts = vec![config.to_json("").to_string().into_bytes()];
    let entries = fs::read_dir(folder).map_err(LearnError::io(folder, "list the checkpoint"))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| {
            name.ends_with(".safetensors")
                || CARRIED.contains(&name.as_str())
                || name == CONFIG_FILE
        })
        .collect();
    names.sort();
    for name in names {
        let path = folder.join(&name);
        let bytes = fs::read(&path).map_err(LearnError::io(&path, "read the checkpoint"))?;
        parts.push(name.into_bytes());
        parts.push(Digest::of(&bytes).to_string().into_bytes());
    }
    Ok(Digest::of_parts(parts))
}

fn digest_of(corpus: &Corpus) -> Digest {
    let parts = corpus.ids.iter().zip(&corpus.documents).flat_map(|(id, document)| {
        let tokens: Vec<u8> = document.tokens.iter().flat_map(|it| it.to_le_bytes()).collect();
        let supervised: Vec<u8> = document.supervised.iter().map(|it| u8::from(*it)).collect();
        [id.clone().into_bytes(), tokens, supervised]
    });
    Digest::of_parts(parts)
}
