//! The numbers of a model, by the names that Hugging Face gives them.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use schemas::Draw;

use crate::config::Config;
use crate::induction::induction;

/// Tensors by name. All are held as matrices; what is a vector in a file, such as the weight of
/// a norm, is held as a matrix of one row.
#[derive(Clone, Debug, Default)]
pub struct Parameters {
    tensors: BTreeMap<String, Tensor<2>>,
}

impl Parameters {
    /// Fresh parameters: norms at 1, everything else from a bell curve of the configuration's
    /// width, except what makes a model copy from the first step, where its shape has room for that
    /// (`induction.rs`).
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
        let draw = Draw::new(seed).with("induction");
        for (name, shape, numbers) in induction(config, draw).into_iter().flatten() {
            parameters.insert_numbers(name, &shape, numbers, device);
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

/// Rows of length 1, each at right angles to those before it as far as there are enough columns.
pub(crate) fn directions(draw: Draw, rows: usize, columns: usize) -> Vec<f32> {
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

    #[test]
    fn more_rows_than_columns_begin_anew() {
        let rows = directions(Draw::new(1), 7, 3);
        for row in rows.chunks(3) {
            let length: f32 = row.iter().map(|number| number * number).sum();
            assert!((length - 1.0).abs() < 1e-5, "{rows:?}");
        }
    }
}
