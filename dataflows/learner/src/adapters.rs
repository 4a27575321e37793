//! Low-rank additions to a model's matrices (`LoRA`, Hu et al. 2021): what is learned when the
//! model itself stays as it is.

use std::path::Path;

use burn::tensor::{Device, Tensor};
use schemas::Draw;
use serde_json::json;

use crate::checkpoint::{Precision, write_tensors};
use crate::config::Config;
use crate::durable;
use crate::error::LearnError;
use crate::parameters::{Parameters, bell, to_f64};

/// Additions by the name of the matrix they belong to.
///
/// Their tensors are named `….lora_A.weight` (rank × in) and `….lora_B.weight` (out × rank), as
/// PEFT names them.
#[derive(Clone, Debug)]
pub struct Adapters {
    /// The numbers.
    pub parameters: Parameters,
    /// What the product is multiplied by: alpha / rank.
    pub scale: f64,
}

/// One matrix's addition.
pub(crate) struct Adapter<'a> {
    down: &'a Tensor<2>,
    up: &'a Tensor<2>,
    scale: f64,
}

/// The matrices of a layer that get an addition: all of attention and of the feed-forward part,
/// experts included; routers, norms and embeddings stay.
const ADAPTED: [&str; 7] =
    ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

impl Adapters {
    /// Fresh additions, which add nothing yet: A from a bell curve, B zero.
    pub fn fresh(config: &Config, rank: usize, alpha: f64, seed: u64, device: &Device) -> Adapters {
        let mut parameters = Parameters::default();
        for (name, shape) in config.tensors() {
            let Some(name) = name.strip_suffix(".weight") else { continue };
            let last = name.rsplit('.').next().unwrap_or_default();
            let &[rows, columns] = shape.as_slice() else { continue };
            if !ADAPTED.contains(&last) {
                continue;
            }
            let down = format!("{name}.lora_A.weight");
            let deviation = 1.0 / to_f64(columns).sqrt();
            let numbers = bell(Draw::new(seed).with(&down), rank * columns, deviation);
            parameters.insert_numbers(down, &[rank, columns], numbers, device);
            let zeros = vec![0.0; rows * rank];
            parameters.insert_numbers(
                format!("{name}.lora_B.weight"),
                &[rows, rank],
                zeros,
                device,
            );
        }
        Adapters { parameters, scale: alpha / to_f64(rank) }
    }

    /// Writes the additions by themselves, as PEFT reads them: `adapter_config.json` and
    /// `adapter_model.safetensors`. `base` is the model they belong to.
    ///
    /// # Errors
    ///
    /// Names the file that cannot be written.
    pub fn write(&self, folder: &Path, base: &Path) -> Result<(), LearnError> {
        let mut rank = 0;
        let tensors = self.parameters.iter().map(|(name, tensor)| {
            let shape = tensor.dims();
            rank = shape[0].min(shape[1]).max(rank);
            (format!("base_model.model.{name}"), shape.to_vec(), tensor.clone())
        });
        let tensors = tensors.collect();
        let about = json!({
            "base_model_name_or_path": base.to_string_lossy(),
            "bias": "none",
            "lora_alpha": self.scale * to_f64(rank),
            "lora_dropout": 0.0,
            "peft_type": "LORA",
            "r": rank,
            "target_modules": ADAPTED,
            "task_type": "CAUSAL_LM",
        });
        durable::replace_folder(folder, |folder| {
            durable::write(&folder.join("adapter_config.json"), format!("{about:#}\n").as_bytes())?;
            let path = folder.join("adapter_model.safetensors");
            write_tensors(&path, tensors, Precision::Single)
        })
    }

    /// The addition to a matrix, if it has one.
    pub(crate) fn find(&self, name: &str) -> Option<Adapter<'_>> {
        Some(Adapter {
            down: self.parameters.find(&format!("{name}.lora_A.weight"))?,
            up: self.parameters.find(&format!("{name}.lora_B.weight"))?,
            scale: self.scale,
        })
    }

    /// A model's numbers with the additions added in.
    #[must_use]
    pub fn merged(&self, parameters: &Parameters) -> Parameters {
        parameters
            .iter()
            .map(|(name, tensor)| {
                let adapter = name.strip_suffix(".weight").and_then(|name| self.find(name));
                let merged = match adapter {
                    None => tensor.clone(),
                    Some(adapter) => {
                        let product = adapter.up.clone().matmul(adapter.down.clone());
                        tensor.clone() + product * adapter.scale
                    }
                };
                (name.clone(), merged)
            })
            .collect()
    }
}

impl Adapter<'_> {
    /// What is added to the matrix's product with these rows.
    pub(crate) fn of(&self, rows: Tensor<2>) -> Tensor<2> {
        rows.matmul(self.down.clone().t()).matmul(self.up.clone().t()) * self.scale
    }
}
