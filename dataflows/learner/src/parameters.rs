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
    /// Fresh parameters: norms at 1, everything else from a bell curve of the configuration's
    /// width.
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
