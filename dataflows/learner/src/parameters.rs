//! The numbers of a model, by the names that Hugging Face gives them.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use schemas::Draw;

use crate::config::Config;

/// Tensors by name. All are held as matrices; what is a vector in a file, such as the weight of
/// a norm, is held as a matrix of one row.
#[derive(Clone, Debug, Default)]
pub struct Parameters {
    tensors: BTreeMap<String, Tensor<2>>,
}

impl Parameters {
    /// Fresh parameters: norms at 1, attention ready to copy (see [`mimicked`]), everything else
    /// from a bell curve of the configuration's width.
    ///
    /// Each number is a keyed hash of the seed, its tensor's name and its place, so the same seed
    /// gives the same model on every machine. The bell is the sum of twelve uniform numbers
    /// (Irwin and Hall's), which needs no logarithm and reaches six deviations.
    pub fn fresh(config: &Config, seed: u64, device: &Device) -> Parameters {
        let mut parameters = Parameters::default();
        for (name, shape) in config.tensors() {
            let count = shape.iter().product();
            let numbers = match shape.len() {
                1 => vec![1.0; count],
                _ => bell(Draw::new(seed).with(&name), count, config.initializer_range),
            };
            parameters.insert_numbers(name, &shape, numbers, device);
        }
        for layer in 0..config.layers {
            let within = format!("model.layers.{layer}.self_attn");
            for (part, shape, numbers) in mimicked(config, Draw::new(seed).with(&within)) {
                let name = format!("{within}.{part}.weight");
                parameters.insert_numbers(name, &shape, numbers, device);
            }
        }
        parameters
    }

    /// The tensor of a name that the configuration has.
    ///
    /// # Panics
    ///
    /// Panics if there is none: whoever makes parameters makes all that a configuration lists.
    pub fn get(&self, name: &str) -> &Tensor<2> {
        self.tensors.get(name).unwrap_or_else(|| panic!("a model without {name} was let through"))
    }

    /// The tensor of a name, if there is one.
    pub fn find(&self, name: &str) -> Option<&Tensor<2>> {
        self.tensors.get(name)
    }

    /// Puts a tensor under a name, in place of what was there.
    pub fn insert(&mut self, name: String, tensor: Tensor<2>) {
        self.tensors.insert(name, tensor);
    }

    /// Puts numbers in row-major order under a name. `shape` has one or two parts.
    pub(crate) fn insert_numbers(
        &mut self,
        name: String,
        shape: &[usize],
        numbers: Vec<f32>,
        device: &Device,
    ) {
        let shape = as_matrix(shape);
        self.insert(name, Tensor::from_data(TensorData::new(numbers, shape), device));
    }

    /// All tensors, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Tensor<2>)> {
        self.tensors.iter()
    }

    /// How many numbers there are.
    pub fn count(&self) -> usize {
        self.tensors.values().map(|tensor| tensor.dims().iter().product::<usize>()).sum()
    }

    /// The same numbers without a record of how they are used.
    #[must_use]
    pub fn untracked(&self) -> Parameters {
        self.mapped(|tensor| tensor.inner())
    }

    /// The same numbers, whose gradients can be asked for.
    #[must_use]
    pub fn tracked(&self, device: &Device) -> Parameters {
        let strategy = device.gradient_checkpointing_strategy().unwrap_or_default();
        self.mapped(|tensor| {
            tensor.inner().autodiff().with_gradient_checkpointing_strategy(strategy).require_grad()
        })
    }

    fn mapped(&self, change: impl Fn(Tensor<2>) -> Tensor<2>) -> Parameters {
        let tensors = self.tensors.iter();
        let tensors = tensors.map(|(name, tensor)| (name.clone(), change(tensor.clone())));
        Parameters { tensors: tensors.collect() }
    }
}

impl FromIterator<(String, Tensor<2>)> for Parameters {
    fn from_iter<I: IntoIterator<Item = (String, Tensor<2>)>>(tensors: I) -> Parameters {
        Parameters { tensors: tensors.into_iter().collect() }
    }
}

/// The two parts of a shape: a vector is a matrix of one row.
pub(crate) fn as_matrix(shape: &[usize]) -> [usize; 2] {
    match shape {
        [rows, columns] => [*rows, *columns],
        _ => [1, shape.iter().product()],
    }
}

/// How much of what a token attends to is added to it by a fresh layer.
const COPIED: f32 = 0.7;

/// Fresh projections of one layer's attention in which queries equal keys, so that tokens attend to
/// their like and to what is near, and outputs undo values, so that what is attended to is added as
/// it is (after Trockman and Kolter 2023, who found these shapes in trained models).
///
/// From independent numbers, copying what follows an earlier occurrence takes two layers that are
/// of no use without each other, and a small model finds them late: on conversations, not within a
/// million tokens.
fn mimicked(config: &Config, draw: Draw) -> [(&'static str, [usize; 2], Vec<f32>); 4] {
    let (hidden, head, group) = (config.hidden, config.head, config.heads / config.key_heads);
    let keys: Vec<Vec<f32>> = (0..config.key_heads)
        .map(|at| directions(draw.with("keys").at(at), head, hidden))
        .collect();
    // Directions of one basis, so that all heads together copy every part once.
    let values = directions(draw.with("values"), config.key_heads * head, hidden);
    let values: Vec<&[f32]> = values.chunks_exact(head * hidden).collect();
    let queries = keys.iter().flat_map(|rows| std::iter::repeat_n(rows, group)).flatten();
    let queries = queries.copied().collect();
    let share = COPIED / to_f32(to_f64(group));
    let mut outputs = vec![0.0; hidden * config.heads * head];
    for (at, rows) in values.iter().flat_map(|rows| std::iter::repeat_n(rows, group)).enumerate() {
        for (place, number) in rows.iter().enumerate() {
            let (row, column) = (place % hidden, at * head + place / hidden);
            outputs[row * config.heads * head + column] = share * number;
        }
    }
    let (wide, narrow) = (config.heads * head, config.key_heads * head);
    [
        ("q_proj", [wide, hidden], queries),
        ("k_proj", [narrow, hidden], keys.concat()),
        ("v_proj", [narrow, hidden], values.concat()),
        ("o_proj", [hidden, wide], outputs),
    ]
}

/// Rows of length 1, each at right angles to those before it as far as there are enough columns.
fn directions(draw: Draw, rows: usize, columns: usize) -> Vec<f32> {
    let mut numbers: Vec<f64> =
        bell(draw, rows * columns, 1.0).into_iter().map(f64::from).collect();
    for place in 0..rows {
        let (before, rest) = numbers.split_at_mut(place * columns);
        let row = &mut rest[..columns];
        let earlier: Vec<&[f64]> = before.chunks_exact(columns).collect();
        // As many rows as columns leave no direction; the next begins anew.
        for other in earlier.chunks(columns).next_back().into_iter().flatten() {
            if earlier.len().is_multiple_of(columns) {
                break;
            }
            let along: f64 = row.iter().zip(*other).map(|(one, two)| one * two).sum();
            row.iter_mut().zip(*other).for_each(|(one, two)| *one -= along * two);
        }
        let length = row.iter().map(|number| number * number).sum::<f64>().sqrt().max(1e-9);
        row.iter_mut().for_each(|number| *number /= length);
    }
    numbers.into_iter().map(to_f32).collect()
}

/// Numbers from a bell curve around 0, one keyed hash after another.
pub(crate) fn bell(draw: Draw, count: usize, deviation: f64) -> Vec<f32> {
    let number = |place: usize| {
        let draw = draw.at(place);
        let sum: u64 = (0..3)
            .map(|part| {
                let bits = draw.at(part).bits();
                (0..4).map(|quarter| (bits >> (16 * quarter)) & 0xffff).sum::<u64>()
            })
            .sum();
        // The mean of twelve uniform sixteen-bit numbers' sum is 12 × 65535 / 2.
        let centred = i32::try_from(sum).unwrap_or(i32::MAX) - 393_210;
        to_f32(f64::from(centred) / 65_536.0 * deviation)
    };
    (0..count).map(number).collect()
}

/// A number rounded to single precision.
#[expect(clippy::cast_possible_truncation, reason = "rounding to single precision is the point")]
pub(crate) fn to_f32(number: f64) -> f32 {
    number as f32
}

/// A count as a number that can be divided by; exact below 2⁵³.
#[expect(clippy::cast_precision_loss, reason = "counts of tokens and tensors are far below 2⁵³")]
pub(crate) fn to_f64(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What heads attend to alike is added by 0.7 of it, whatever it is.
    #[test]
    fn fresh_attention_looks_for_its_like_and_copies_it() {
        let config = Config::small(300, [1, 24, 2], 64, &[]).unwrap();
        let [queries, keys, values, outputs] = mimicked(&config, Draw::new(7)).map(|it| it.2);
        assert_eq!(queries, keys);
        let product = |one: &[f32], other: &[f32]| -> f32 {
            one.iter().zip(other).map(|(one, other)| one * other).sum()
        };
        let seen: Vec<f32> = (0..24_u8).map(|place| f32::from(place) - 9.5).collect();
        let valued: Vec<f32> = values.chunks(24).map(|row| product(row, &seen)).collect();
        for (row, number) in outputs.chunks(24).zip(&seen) {
            assert!((product(row, &valued) - COPIED * number).abs() < 1e-4, "{number}");
        }
    }

    #[test]
    fn more_rows_than_columns_begin_anew() {
        let rows = directions(Draw::new(1), 7, 3);
        for row in rows.chunks(3) {
            let length: f32 = row.iter().map(|number| number * number).sum();
            assert!((length - 1.0).abs() < 1e-5, "{rows:?}");
        }
    }
}
