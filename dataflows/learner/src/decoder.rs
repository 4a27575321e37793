//! The model: tokens in, hidden states and logits out.
//!
//! A Qwen3 decoder as `transformers` computes it (`Qwen3ForCausalLM`, `Qwen3MoeForCausalLM`):
//! every layer adds attention and a feed-forward part to the residual stream, each behind a norm
//! by root mean square (Zhang and Sennrich 2019); queries and keys are normed head by head, turned
//! by rotary embeddings (Su et al. 2021) and grouped (Ainslie et al. 2023); the feed-forward part
//! is gated by `SiLU` (Shazeer 2020), or a mixture of such parts.

use std::collections::BTreeMap;

use burn::tensor::activation::silu;
use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::adapters::Adapters;
use crate::config::Config;
use crate::parameters::{Parameters, to_f32};

pub use self::attention::Cache;
use self::experts::Routed;

mod attention;
mod experts;

/// A model that can be run: its shape, its numbers and, perhaps, low-rank additions to them.
#[derive(Clone, Debug)]
pub struct Decoder {
    /// The shape.
    pub config: Config,
    /// The numbers.
    pub parameters: Parameters,
    /// What is added to them.
    pub adapters: Option<Adapters>,
}

/// How documents lie in a run of tokens: end to end, each seeing only itself, each with positions
/// from its own beginning.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Tokens of each document.
    pub lengths: Vec<usize>,
    /// Cosines of the rotary embedding, tokens × 1 × head.
    cosines: Tensor<3>,
    /// Sines, likewise.
    sines: Tensor<3>,
    /// By length, what is added to scores so that no token sees a later one: 1 × n × n.
    masks: BTreeMap<usize, Tensor<3>>,
}

impl Layout {
    /// Lays documents of these lengths end to end.
    pub fn new(config: &Config, lengths: &[usize], device: &Device) -> Layout {
        let positions: Vec<usize> = lengths.iter().flat_map(|length| 0..*length).collect();
        let (cosines, sines) = rotations(config, &positions, device);
        let masks = lengths.iter().filter(|length| 1 < **length);
        let masks = masks.map(|length| (*length, causal(*length, 0, device))).collect();
        Layout { lengths: lengths.to_vec(), cosines, sines, masks }
    }

    /// Lays `count` tokens behind `before` that a cache already holds.
    fn continued(config: &Config, before: usize, count: usize, device: &Device) -> Layout {
        let positions: Vec<usize> = (before..before + count).collect();
        let (cosines, sines) = rotations(config, &positions, device);
        let masks = match count {
            1 => BTreeMap::new(),
            _ => BTreeMap::from([(count, causal(count, before, device))]),
        };
        Layout { lengths: vec![count], cosines, sines, masks }
    }
}

/// Cosine and sine of every position's angle to every pair of a head's parts, repeated for both
/// halves. Angles are computed in double precision and rounded once, as `transformers`' are not;
/// the difference is below 1e-6 at positions up to 4,096.
fn rotations(config: &Config, positions: &[usize], device: &Device) -> (Tensor<3>, Tensor<3>) {
    let half = config.head / 2;
    let mut cosines = Vec::with_capacity(positions.len() * config.head);
    let mut sines = Vec::with_capacity(positions.len() * config.head);
    let frequencies: Vec<f32> = (0..half)
        .map(|pair| {
            let part = crate::parameters::to_f64(2 * pair) / crate::parameters::to_f64(config.head);
            to_f32(1.0 / config.rope_theta.powf(part))
        })
        .collect();
    for position in positions {
        let position = crate::parameters::to_f64(*position);
        let angles: Vec<f64> =
            frequencies.iter().map(|frequency| position * f64::from(*frequency)).collect();
        for _ in 0..2 {
            cosines.extend(angles.iter().map(|angle| to_f32(angle.cos())));
            sines.extend(angles.iter().map(|angle| to_f32(angle.sin())));
        }
    }
    let tensor = |numbers| {
        let data = TensorData::new(numbers, [positions.len(), 1, config.head]);
        Tensor::from_data(data, device)
    };
    (tensor(cosines), tensor(sines))
}

/// What hides later tokens: −10⁹ where a key is later than its query, behind `before` keys that
/// all may see.
fn causal(count: usize, before: usize, device: &Device) -> Tensor<3> {
    let keys = before + count;
    let numbers: Vec<f32> = (0..count)
        .flat_map(|query| (0..keys).map(move |key| if before + query < key { -1e9 } else { 0.0 }))
        .collect();
    Tensor::from_data(TensorData::new(numbers, [1, count, keys]), device)
}

impl Decoder {
    /// A model of a shape with these numbers.
    pub fn new(config: Config, parameters: Parameters) -> Decoder {
        Decoder { config, parameters, adapters: None }
    }

    /// The hidden states behind the last norm, one row per token.
    ///
    /// `tokens` are those of the layout's documents, end to end.
    pub fn hidden(&self, tokens: &[u32], layout: &Layout, device: &Device) -> Tensor<2> {
        self.read(tokens, layout, device, None)
    }

    /// The hidden states as [`Decoder::hidden`] has them, and how unevenly the experts were used:
    /// `experts × Σ share of the tokens sent to an expert × its mean chance`, over all mixed
    /// layers, which is the number of experts chosen if all are used alike and more if not. That
    /// is `load_balancing_loss_func` of `transformers`, after equations 4 to 6 of the Switch
    /// Transformer (Fedus et al. 2021). `None` of a model without experts.
    pub fn hidden_and_balance(
        &self,
        tokens: &[u32],
        layout: &Layout,
        device: &Device,
    ) -> (Tensor<2>, Option<Tensor<1>>) {
        let mut routed = Routed::default();
        let hidden = self.read(tokens, layout, device, Some(&mut routed));
        (hidden, routed.balance(device))
    }

    fn read(
        &self,
        tokens: &[u32],
        layout: &Layout,
        device: &Device,
        mut routed: Option<&mut Routed>,
    ) -> Tensor<2> {
        let mut stream = self.embed(tokens, device);
        for layer in 0..self.config.layers {
            stream = self.layer(layer, stream, layout, None, routed.as_deref_mut());
        }
        self.norm("model.norm.weight", stream)
    }

    /// The hidden states of tokens that follow what `cache` holds, which then holds them too.
    pub fn continued(&self, tokens: &[u32], cache: &mut Cache, device: &Device) -> Tensor<2> {
        let layout = Layout::continued(&self.config, cache.tokens(), tokens.len(), device);
        let mut stream = self.embed(tokens, device);
        for layer in 0..self.config.layers {
            stream = self.layer(layer, stream, &layout, Some(cache), None);
        }
        self.norm("model.norm.weight", stream)
    }

    /// The logits of hidden states, one row each, as wide as the vocabulary.
    pub fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
        match self.config.tied {
            true => hidden.matmul(self.parameters.get("model.embed_tokens.weight").clone().t()),
            false => self.linear("lm_head", hidden),
        }
    }

    /// The rows of the embedding for tokens.
    fn embed(&self, tokens: &[u32], device: &Device) -> Tensor<2> {
        let count = tokens.len();
        let tokens: Vec<i64> = tokens.iter().map(|token| i64::from(*token)).collect();
        let tokens = Tensor::<1, Int>::from_data(TensorData::new(tokens, [count]), device);
        self.parameters.get("model.embed_tokens.weight").clone().select(0, tokens)
    }

    /// One layer's result for the residual stream.
    fn layer(
        &self,
        layer: usize,
        stream: Tensor<2>,
        layout: &Layout,
        cache: Option<&mut Cache>,
        routed: Option<&mut Routed>,
    ) -> Tensor<2> {
        let within = format!("model.layers.{layer}");
        let normed = self.norm(&format!("{within}.input_layernorm.weight"), stream.clone());
        let stream = stream + self.attention(layer, normed, layout, cache);
        let name = format!("{within}.post_attention_layernorm.weight");
        let rows = self.norm(&name, stream.clone());
        let fed = match self.config.is_mixed(layer) {
            true => self.experts(&format!("{within}.mlp"), rows, routed),
            false => self.feed_forward(&format!("{within}.mlp"), rows),
        };
        stream + fed
    }

    /// The norm before logits, or of a layer.
    fn norm(&self, name: &str, stream: Tensor<2>) -> Tensor<2> {
        normed(stream, self.parameters.get(name).clone(), self.config.epsilon)
    }

    fn feed_forward(&self, within: &str, stream: Tensor<2>) -> Tensor<2> {
        let gate = silu(self.linear(&format!("{within}.gate_proj"), stream.clone()));
        let up = self.linear(&format!("{within}.up_proj"), stream);
        self.linear(&format!("{within}.down_proj"), gate * up)
    }

    /// `stream × weightᵀ`, and what an adapter adds.
    fn linear(&self, name: &str, stream: Tensor<2>) -> Tensor<2> {
        let weight = self.parameters.get(&format!("{name}.weight")).clone();
        match self.adapters.as_ref().and_then(|adapters| adapters.find(name)) {
            None => stream.matmul(weight.t()),
            Some(adapter) => stream.clone().matmul(weight.t()) + adapter.of(stream),
        }
    }
}

/// Rows divided by the root of their mean square, times a weight.
fn normed<const D: usize>(rows: Tensor<D>, weight: Tensor<2>, epsilon: f64) -> Tensor<D> {
    let mean = rows.clone().square().mean_dim(D - 1);
    let scaled = rows * (mean + epsilon).sqrt().recip();
    let mut shape = [1; D];
    shape[D - 1] = weight.dims()[1];
    scaled * weight.reshape(shape)
}
