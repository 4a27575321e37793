//! A model on disk: the directory that Hugging Face's libraries read and write.
//!
//! `config.json`, `model.safetensors` or shards with `model.safetensors.index.json`, and the
//! tokenizer's files, which are carried along byte for byte.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor};
use safetensors::tensor::{TensorView, View};
use safetensors::{Dtype, SafeTensors, serialize_to_file};
use serde_json::{Value, json};

use crate::config::{CONFIG_FILE, Config};
use crate::durable;
use crate::error::LearnError;
use crate::memory::room_for_numbers;
use crate::parameters::Parameters;

const WHOLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// Most bytes of weights in one file, unless asked otherwise.
pub const SHARD_BYTES: usize = 5_000_000_000;

/// Files that belong to a model besides its shape and weights, carried along as they are.
pub const CARRIED: [&str; 8] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "generation_config.json",
];

/// How numbers are written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Precision {
    /// 32 bits: exactly what was learned.
    #[default]
    Single,
    /// The upper 16 bits, rounded to the nearest, as Qwen3 is published.
    Brain,
}

impl Precision {
    /// The name in `config.json`.
    pub fn name(self) -> &'static str {
        match self {
            Precision::Single => "float32",
            Precision::Brain => "bfloat16",
        }
    }

    fn bytes(self) -> usize {
        match self {
            Precision::Single => 4,
            Precision::Brain => 2,
        }
    }
}

/// Reads the weights of a model's directory, which must be exactly those of its configuration.
///
/// # Errors
///
/// Names the file, the tensor and what to do if one is missing, has another shape, has numbers of
/// a kind that is not read (read are F32, F16 and BF16) or is not known to the configuration; or
/// says that there is no room for them.
pub fn read_parameters(
    folder: &Path,
    config: &Config,
    device: &Device,
) -> Result<Parameters, LearnError> {
    room_for_numbers(config)?;
    let wanted: BTreeMap<String, Vec<usize>> = config.tensors().into_iter().collect();
    let mut parameters = Parameters::default();
    let files = weight_files(folder)?;
    for path in &files {
        let bytes = fs::read(path).map_err(LearnError::io(path, "read the weights"))?;
        let tensors = SafeTensors::deserialize(&bytes).map_err(|error| {
            LearnError::unusable(path, "its header", error.to_string(), "download the file again")
        })?;
        let mut named = tensors.tensors();
        named.sort_by(|one, other| one.0.cmp(&other.0));
        for (name, view) in named {
            // A tied model may come with its output layer spelled out; it is the embedding.
            if config.tied && name == "lm_head.weight" {
                continue;
            }
            let shape = wanted.get(&name).ok_or_else(|| {
                let remedy = "use the config.json that belongs to these weights";
                let reason = "is a tensor that the configuration has no place for";
                LearnError::unusable(path, format!("\"{name}\""), reason, remedy)
            })?;
            if view.shape() != shape {
                return Err(LearnError::unusable(
                    path,
                    format!("\"{name}\""),
                    format!("has shape {:?}, the configuration wants {shape:?}", view.shape()),
                    "use the config.json that belongs to these weights",
                ));
            }
            let numbers = numbers(path, &name, &view)?;
            parameters.insert_numbers(name, shape, numbers, device);
        }
    }
    match wanted.keys().find(|name| parameters.find(name).is_none()) {
        None => Ok(parameters),
        Some(name) => Err(LearnError::unusable(
            files.last().map_or(folder, PathBuf::as_path),
            format!("\"{name}\""),
            "is missing from the weights",
            "download the checkpoint whole, with every shard that its index names",
        )),
    }
}

/// The files that hold weights: those that the index names, or the only one.
fn weight_files(folder: &Path) -> Result<Vec<PathBuf>, LearnError> {
    let index = folder.join(INDEX);
    if !index.exists() {
        return Ok(vec![folder.join(WHOLE)]);
    }
    let text = fs::read_to_string(&index).map_err(LearnError::io(&index, "read the index"))?;
    let wrong = |place: &str, reason: String| {
        LearnError::unusable(&index, place, reason, "download the file again")
    };
    let json: Value =
        serde_json::from_str(&text).map_err(|error| wrong("its JSON", error.to_string()))?;
    let Some(Value::Object(map)) = json.get("weight_map") else {
        return Err(wrong("\"weight_map\"", "is missing".into()));
    };
    let mut files = BTreeSet::new();
    for (tensor, file) in map {
        match file.as_str() {
            // A name with a folder in it could lead out of the directory.
            Some(file) if !file.contains(['/', '\\']) && file != ".." => {
                files.insert(folder.join(file));
            }
            _ => return Err(wrong(tensor, format!("{file} is no file name"))),
        }
    }
    Ok(files.into_iter().collect())
}

fn numbers(path: &Path, name: &str, view: &TensorView<'_>) -> Result<Vec<f32>, LearnError> {
    let bytes = view.data();
    Ok(match view.dtype() {
        Dtype::F32 => {
            bytes.as_chunks::<4>().0.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect()
        }
        Dtype::BF16 => bytes
            .as_chunks::<2>()
            .0
            .iter()
            .map(|chunk| f32::from_bits(u32::from(u16::from_le_bytes(*chunk)) << 16))
            .collect(),
        Dtype::F16 => bytes
            .as_chunks::<2>()
            .0
            .iter()
            .map(|chunk| burn::tensor::f16::from_le_bytes(*chunk).to_f32())
            .collect(),
        other => {
            return Err(LearnError::unusable(
                path,
                format!("\"{name}\""),
                format!("holds {other:?}, and only F32, F16 and BF16 are read"),
                "use the checkpoint that is not quantised",
            ));
        }
    })
}

/// A tensor as it is written.
struct Written {
    shape: Vec<usize>,
    precision: Precision,
    tensor: Tensor<2>,
}

impl View for Written {
    fn dtype(&self) -> Dtype {
        match self.precision {
            Precision::Single => Dtype::F32,
            Precision::Brain => Dtype::BF16,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let numbers = self.tensor.to_data_as::<f32>();
        let numbers = numbers.as_slice::<f32>().expect("they were just made single");
        let bytes: Vec<u8> = match self.precision {
            Precision::Single => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
            Precision::Brain => numbers
                .iter()
                .flat_map(|number| burn::tensor::bf16::from_f32(*number).to_le_bytes())
                .collect(),
        };
        Cow::Owned(bytes)
    }

    fn data_len(&self) -> usize {
        self.shape.iter().product::<usize>() * self.precision.bytes()
    }
}

/// Writes tensors into one file of a folder that is not visible yet, and syncs it.
///
/// # Errors
///
/// Names the file if it cannot be written.
pub(crate) fn write_tensors(
    path: &Path,
    tensors: Vec<(String, Vec<usize>, Tensor<2>)>,
    precision: Precision,
) -> Result<(), LearnError> {
    let views = tensors
        .into_iter()
        .map(|(name, shape, tensor)| (name, Written { shape, precision, tensor }));
    let format = [("format".to_string(), "pt".to_string())];
    serialize_to_file(views, Some(format.into_iter().collect()), path).map_err(|error| {
        LearnError::unusable(path, "the weights", error.to_string(), "make room on the disk")
    })?;
    durable::sync_file(path)
}

/// Writes a model as a directory, all at once: until everything is on the disk, nothing is
/// visible, and what was at `folder` before is replaced whole.
///
/// The tokenizer's files are copied from `tokenizer`, the directory that the model came from.
///
/// # Errors
///
/// Names the file that cannot be written or copied.
pub fn write_model(
    folder: &Path,
    config: &Config,
    parameters: &Parameters,
    tokenizer: &Path,
    form: (Precision, usize),
) -> Result<(), LearnError> {
    let (precision, shard_bytes) = form;
    durable::replace_folder(folder, |folder| {
        for name in CARRIED {
            let from = tokenizer.join(name);
            if from.is_file() {
                let bytes = fs::read(&from).map_err(LearnError::io(&from, "read the tokenizer"))?;
                durable::write(&folder.join(name), &bytes)?;
            }
        }
        let text = format!("{:#}\n", config.to_json(precision.name()));
        durable::write(&folder.join(CONFIG_FILE), text.as_bytes())?;
        write_shards(folder, config, parameters, precision, shard_bytes)
    })
}

fn write_shards(
    folder: &Path,
    config: &Config,
    parameters: &Parameters,
    precision: Precision,
    shard_bytes: usize,
) -> Result<(), LearnError> {
    let mut shards: Vec<Vec<(String, Vec<usize>, Tensor<2>)>> = vec![Vec::new()];
    let (mut filled, mut total) = (0, 0);
    for (name, shape) in config.tensors() {
        let bytes = shape.iter().product::<usize>() * precision.bytes();
        total += bytes;
        if 0 < filled && shard_bytes < filled + bytes {
            shards.push(Vec::new());
            filled = 0;
        }
        filled += bytes;
        let tensor = parameters.get(&name).clone();
        if let Some(shard) = shards.last_mut() {
            shard.push((name, shape, tensor));
        }
    }
    if shards.len() == 1 {
        return write_tensors(&folder.join(WHOLE), shards.remove(0), precision);
    }
    let of = shards.len();
    let mut map = serde_json::Map::new();
    for (place, shard) in shards.into_iter().enumerate() {
        let file = format!("model-{:05}-of-{of:05}.safetensors", place + 1);
        map.extend(shard.iter().map(|(name, ..)| (name.clone(), file.clone().into())));
        write_tensors(&folder.join(&file), shard, precision)?;
    }
    let index = json!({"metadata": {"total_size": total}, "weight_map": map});
    durable::write(&folder.join(INDEX), format!("{index:#}\n").as_bytes())
}
