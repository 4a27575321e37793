//! Every turn to be learnt as a sample of its own: Parquet of prompts and completions.
//!
//! A whole conversation is one sample where a trainer can be told which turns count. Most learn all
//! turns of the agent or the last one, and templates that drop earlier thoughts show the agent
//! another past at inference than one rendering of the whole does. A prompt with its completion has
//! neither trouble: TRL's trainer learns completions alone, and turns that are not to be learnt are
//! in prompts only.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::json;

use super::ExportError;
use super::conversations::{Conversations, damaged, split_of};
use super::folder::Folder;
use crate::dataset::{DatasetError, read_trajectories, write_encoded_to};
use crate::store::{Manifest, World, files};

/// Writes a file for each shard of `general` and `vertical`, and a card by which `load_dataset`
/// finds them. JSON is typed as the world's dataset types it.
///
/// # Errors
///
/// Fails if an object is missing or damaged, or if the folder cannot be written or is not ours to
/// replace.
pub fn turns(
    world: &World,
    manifest: &Manifest,
    output: &Path,
) -> Result<Conversations, ExportError> {
    let folder = Folder::begin(output)?;
    let mut made = Conversations::default();
    let files = files(manifest);
    for file in files.iter().filter(|file| ["general", "vertical"].contains(&file.config)) {
        // Rows are sorted by their ids, and the turns of one come in order: so are the samples.
        // The first that cannot be read ends them, and is told of.
        let mut broken: Option<DatasetError> = None;
        let rows = read_trajectories(world.open_object(file.object)?)
            .map_err(|it| damaged(world, file, &it))?;
        let rows = rows.map_while(|row| row.map_err(|error| broken = Some(error)).ok());
        let samples = rows.flat_map(|row| row.turns().collect::<Vec<_>>());
        let sink = folder.create(&file.path)?;
        let encoding = manifest.contents.plan.dataset.json_encoding;
        let (_, written) = write_encoded_to(samples, encoding, sink)?;
        if let Some(error) = broken {
            return Err(damaged(world, file, &error).into());
        }
        *made.rows.entry(format!("{}/{}", file.config, split_of(file))).or_default() += written;
    }
    folder.put("README.md", &card(&made, manifest.version))?;
    folder.finish(json!({"format": "turns", "version": manifest.version}))?;
    Ok(made)
}

/// What tells `load_dataset` which files are which.
fn card(made: &Conversations, version: u64) -> String {
    let mut card = String::from("---\nconfigs:\n");
    let mut last = "";
    for name in made.rows.keys() {
        let (config, split) = name.split_once('/').unwrap_or((name, "train"));
        if config != last {
            writeln!(card, "- config_name: {config}\n  data_files:")
                .expect("writing to a string does not fail");
        }
        last = config;
        writeln!(card, "  - {{split: {split}, path: \"{config}/{split}-*.parquet\"}}")
            .expect("writing to a string does not fail");
    }
    card.push_str(&format!(
        "---\n\nTurns of version {version} of a world, each with what was said before it: `prompt`, \
         `completion` and `tools`, as\nTRL's `SFTTrainer` takes them.\n"
    ));
    card
}
