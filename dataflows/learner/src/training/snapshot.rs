//! Snapshots: everything that the next step depends on, whole or not there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor};
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};

use crate::checkpoint::{Precision, write_tensors};
use crate::decoder::Decoder;
use crate::durable;
use crate::error::LearnError;
use crate::optimizer::AdamW;
use crate::parameters::Parameters;

/// Snapshots that are kept.
const KEPT: usize = 2;

/// Where a run is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    /// Steps taken.
    pub(super) step: u64,
    /// The loss of the last.
    pub(super) loss: f64,
    /// Tokens read.
    pub(super) tokens: u64,
    /// The lowest loss on what is held out.
    pub(super) best: Option<f64>,
    /// Evaluations since.
    pub(super) since_best: u64,
}

/// A snapshot on disk.
pub(super) struct Found(PathBuf);

/// The latest snapshot of a run, if there is one.
pub(super) fn latest(output: &Path) -> Result<Option<Found>, LearnError> {
    Ok(all(output)?.pop().map(Found))
}

/// Snapshots, the oldest first. Hidden names are unfinished and no snapshots.
fn all(output: &Path) -> Result<Vec<PathBuf>, LearnError> {
    let folder = output.join("snapshots");
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(LearnError::io(&folder, "list the snapshots")(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(LearnError::io(&folder, "list the snapshots"))?;
        if entry.file_name().to_str().is_some_and(|name| name.parse::<u64>().is_ok()) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// Writes a snapshot, and removes those that are no longer needed.
pub(super) fn save(
    output: &Path,
    state: &State,
    learned: &Parameters,
    optimizer: &AdamW,
) -> Result<(), LearnError> {
    let folder = output.join("snapshots").join(format!("{:012}", state.step));
    durable::replace_folder(&folder, |made| {
        write_tensors(&made.join(LEARNED), listed(learned.iter()), Precision::Single)?;
        let means = optimizer.moments.iter().map(|(name, (mean, _))| (name, mean));
        write_tensors(&made.join(MEANS), listed(means), Precision::Single)?;
        let squares = optimizer.moments.iter().map(|(name, (_, square))| (name, square));
        write_tensors(&made.join(SQUARES), listed(squares), Precision::Single)?;
        let text = serde_json::to_vec_pretty(state).expect("records have string keys");
        durable::write(&made.join(STATE), &text)
    })?;
    let mut older = all(output)?;
    older.truncate(older.len().saturating_sub(KEPT));
    older.iter().try_for_each(|retired| durable::remove_folder(retired))
}

const LEARNED: &str = "learned.safetensors";
const MEANS: &str = "means.safetensors";
const SQUARES: &str = "squares.safetensors";
const STATE: &str = "state.json";

fn listed<'t>(
    tensors: impl Iterator<Item = (&'t String, &'t Tensor<2>)>,
) -> Vec<(String, Vec<usize>, Tensor<2>)> {
    tensors.map(|(name, it)| (name.clone(), it.dims().to_vec(), it.clone())).collect()
}

impl Found {
    /// Puts a snapshot's numbers into a model and an optimizer of the same shape.
    pub(super) fn read(
        &self,
        model: &mut Decoder,
        optimizer: &mut AdamW,
        device: &Device,
    ) -> Result<State, LearnError> {
        let path = self.0.join(STATE);
        let text = fs::read(&path).map_err(LearnError::io(&path, "read the snapshot"))?;
        let state: State = serde_json::from_slice(&text).map_err(|error| {
            LearnError::unusable(&path, "its JSON", error.to_string(), "remove this snapshot")
        })?;
        replace_learned(&self.0.join(LEARNED), model, device)?;
        let learned = super::learned(model);
        let means = tensors(&self.0.join(MEANS), learned, device)?;
        let mut squares = tensors(&self.0.join(SQUARES), learned, device)?;
        optimizer.taken = state.step;
        optimizer.moments = means
            .into_iter()
            .filter_map(|(name, mean)| {
                let square = squares.remove(&name)?;
                Some((name, (mean, square)))
            })
            .collect();
        Ok(state)
    }
}

/// Writes the numbers with the lowest loss so far.
pub(super) fn save_best(output: &Path, step: u64, learned: &Parameters) -> Result<(), LearnError> {
    durable::replace_folder(&output.join("best"), |folder| {
        write_tensors(&folder.join(LEARNED), listed(learned.iter()), Precision::Single)?;
        durable::write(&folder.join("step"), step.to_string().as_bytes())
    })
}

/// Takes the numbers with the lowest loss.
pub(super) fn read_best(
    output: &Path,
    model: &mut Decoder,
    device: &Device,
) -> Result<(), LearnError> {
    replace_learned(&output.join("best").join(LEARNED), model, device)
}

fn replace_learned(path: &Path, model: &mut Decoder, device: &Device) -> Result<(), LearnError> {
    let read = tensors(path, super::learned(model), device)?.into_iter().collect();
    match &mut model.adapters {
        Some(adapters) => adapters.parameters = read,
        None => model.parameters = read,
    }
    Ok(())
}

/// The tensors of a file, which must be those of `like`, by name and shape.
fn tensors(
    path: &Path,
    like: &Parameters,
    device: &Device,
) -> Result<BTreeMap<String, Tensor<2>>, LearnError> {
    let bytes = fs::read(path).map_err(LearnError::io(path, "read the snapshot"))?;
    let wrong = |place: &str, reason: String| {
        LearnError::unusable(path, place, reason, "remove this snapshot; an older one is beside it")
    };
    let file =
        SafeTensors::deserialize(&bytes).map_err(|error| wrong("its header", error.to_string()))?;
    let mut read = Parameters::default();
    for (name, tensor) in like.iter() {
        let view = file.tensor(name).map_err(|error| wrong(name, error.to_string()))?;
        let shape = tensor.dims();
        if view.shape() != shape {
            return Err(wrong(name, format!("has shape {:?}, not {shape:?}", view.shape())));
        }
        let numbers = view.data().as_chunks::<4>().0;
        let numbers = numbers.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect();
        read.insert_numbers(name.clone(), &shape, numbers, device);
    }
    Ok(read.iter().map(|(name, tensor)| (name.clone(), tensor.clone())).collect())
}
