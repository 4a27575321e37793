//! Attention: grouped queries, normed and turned, each document by itself.

use burn::tensor::Tensor;
use burn::tensor::activation::softmax;

use super::{Decoder, Layout, normed};
use crate::parameters::to_f64;

/// Keys and values of the tokens a model has read, layer by layer, so that each new token costs
/// one row.
#[derive(Clone, Debug, Default)]
pub struct Cache {
    layers: Vec<(Tensor<3>, Tensor<3>)>,
}

impl Cache {
    /// How many tokens it holds.
    pub fn tokens(&self) -> usize {
        self.layers.first().map_or(0, |(keys, _)| keys.dims()[1])
    }

    /// Forgets all but the first tokens.
    pub fn truncate(&mut self, tokens: usize) {
        if tokens == 0 {
            self.layers.clear();
            return;
        }
        for (keys, values) in &mut self.layers {
            let kept = tokens.min(keys.dims()[1]);
            *keys = keys.clone().narrow(1, 0, kept);
            *values = values.clone().narrow(1, 0, kept);
        }
    }

    /// Adds a layer's new keys and values, heads × tokens × width, and returns all of them.
    fn add(&mut self, layer: usize, keys: Tensor<3>, values: Tensor<3>) -> (Tensor<3>, Tensor<3>) {
        if layer == self.layers.len() {
            self.layers.push((keys, values));
        } else {
            let (old_keys, old_values) = self.layers[layer].clone();
            self.layers[layer] =
                (Tensor::cat(vec![old_keys, keys], 1), Tensor::cat(vec![old_values, values], 1));
        }
        self.layers[layer].clone()
    }
}

impl Decoder {
    /// What the tokens of a layer attend to, one row per token.
    pub(super) fn attention(
        &self,
        layer: usize,
        stream: Tensor<2>,
        layout: &Layout,
        mut cache: Option<&mut Cache>,
    ) -> Tensor<2> {
        let within = format!("model.layers.{layer}.self_attn");
        let [tokens, _] = stream.dims();
        let (heads, key_heads, head) = (self.config.heads, self.config.key_heads, self.config.head);
        let project = |name: &str, count: usize| {
            self.linear(&format!("{within}.{name}"), stream.clone()).reshape([tokens, count, head])
        };
        let turned = |rows: Tensor<3>, norm: &str| {
            let weight = self.parameters.get(&format!("{within}.{norm}.weight")).clone();
            turned(normed(rows, weight, self.config.epsilon), layout)
        };
        let scale = 1.0 / to_f64(head).sqrt();
        let queries = turned(project("q_proj", heads), "q_norm") * scale;
        let keys = turned(project("k_proj", key_heads), "k_norm");
        let values = project("v_proj", key_heads);
        let whole = layout.lengths.len() == 1;
        let part = |rows: &Tensor<3>, start: usize, length: usize| match whole {
            true => rows.clone(),
            false => rows.clone().narrow(0, start, length),
        };
        let mut attended = Vec::with_capacity(layout.lengths.len());
        let mut start = 0;
        for length in &layout.lengths {
            let queries = part(&queries, start, *length);
            let mut keys = part(&keys, start, *length).swap_dims(0, 1);
            let mut values = part(&values, start, *length).swap_dims(0, 1);
            if let Some(cache) = cache.as_deref_mut() {
                (keys, values) = cache.add(layer, keys, values);
            }
            let mask = layout.masks.get(length);
            attended.push(attended_to(queries, keys, values, mask));
            start += length;
        }
        let attended = match attended.len() {
            1 => attended.remove(0),
            _ => Tensor::cat(attended, 0),
        };
        self.linear(&format!("{within}.o_proj"), attended)
    }
}

/// Softmax of scores over values, for the queries (tokens × heads × width, already scaled) of one
/// document and its keys and values (heads of keys × tokens × width).
///
/// The queries of one group lie below one another, so that keys are never repeated.
fn attended_to(
    queries: Tensor<3>,
    keys: Tensor<3>,
    values: Tensor<3>,
    mask: Option<&Tensor<3>>,
) -> Tensor<2> {
    let [tokens, heads, head] = queries.dims();
    let [key_heads, seen, _] = keys.dims();
    let group = heads / key_heads;
    let queries = queries
        .reshape([tokens, key_heads, group, head])
        .permute([1, 2, 0, 3])
        .reshape([key_heads, group * tokens, head]);
    let mut scores = queries.matmul(keys.swap_dims(1, 2)).reshape([heads, tokens, seen]);
    if let Some(mask) = mask {
        scores = scores + mask.clone();
    }
    let weights = softmax(scores, 2).reshape([key_heads, group * tokens, seen]);
    weights
        .matmul(values)
        .reshape([key_heads, group, tokens, head])
        .permute([2, 0, 1, 3])
        .reshape([tokens, heads * head])
}

/// Rows turned by their position: pairs are the parts of a head half its width apart.
fn turned(rows: Tensor<3>, layout: &Layout) -> Tensor<3> {
    let half = rows.dims()[2] / 2;
    let first = rows.clone().narrow(2, 0, half);
    let second = rows.clone().narrow(2, half, half);
    let across = Tensor::cat(vec![second.neg(), first], 2);
    rows * layout.cosines.clone() + across * layout.sines.clone()
}
