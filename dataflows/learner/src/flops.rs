//! How much there is to compute, and how much of what a device can compute that is.
//!
//! Counted are the multiplications and additions of matrix products that the model needs, however
//! they are computed (Chowdhery et al. 2022, appendix B, calls their rate model FLOPs):
//!
//! ```text
//! forward  = 2 × tokens × numbers of the matrices that a token passes (of experts, the chosen)
//!          + 2 × supervised tokens × vocabulary × hidden
//!          + 4 × layers × heads × head × Σ length × (length + 1) / 2     each token sees itself and those before it
//! training = 3 × forward, since the backward pass needs two products for each
//! ```
//!
//! Where only low-rank additions are learned, the backward pass of the matrices that stay needs one
//! product for each, and the additions are counted in full. What is computed again to save memory is
//! not counted.

use std::time::Instant;

use burn::tensor::{Device, Tensor};

use crate::config::Config;
use crate::decoder::Decoder;
use crate::loss::Sheet;
use crate::parameters::to_f64;

/// The products of a training step over a sheet, in multiplications and additions.
pub fn of_training(model: &Decoder, sheet: &Sheet) -> f64 {
    let config = &model.config;
    let tokens = to_f64(sheet.tokens.len());
    let matrices = 2.0 * tokens * to_f64(passed(config));
    let output = 2.0 * to_f64(sheet.targets() * config.vocabulary * config.hidden);
    let pairs: usize = sheet.lengths.iter().map(|length| length * (length + 1) / 2).sum();
    let attention = 4.0 * to_f64(config.layers * config.heads * config.head) * to_f64(pairs);
    match &model.adapters {
        None => 3.0 * (matrices + output + attention),
        Some(adapters) => {
            let additions = 2.0 * tokens * to_f64(adapters.parameters.count());
            2.0 * (matrices + output) + 3.0 * (attention + additions)
        }
    }
}

/// Numbers of the matrices that a token passes before the output layer. The embedding is looked
/// up, not multiplied.
fn passed(config: &Config) -> usize {
    let matrices = config.tensors().into_iter().filter(|(name, shape)| {
        shape.len() == 2 && name.starts_with("model.layers.") && !name.contains(".experts.")
    });
    let dense: usize = matrices.map(|(_, shape)| shape.iter().product::<usize>()).sum();
    let mixed = (0..config.layers).filter(|layer| config.is_mixed(*layer)).count();
    let chosen = config
        .experts
        .as_ref()
        .map_or(0, |experts| mixed * experts.chosen * 3 * experts.intermediate * config.hidden);
    dense + chosen
}

/// The side of the matrices by which a device is measured.
const SIDE: usize = 1024;

/// Multiplications and additions a second in a device's product of two matrices of 1,024 × 1,024,
/// the best of four: what a step's rate is compared with.
pub fn of_device(device: &Device) -> f64 {
    let matrix = Tensor::<2>::ones([SIDE, SIDE], device);
    let seconds = (0..4).map(|_| {
        let began = Instant::now();
        // The sum is read, so that a device that computes later has computed.
        let sum = matrix.clone().matmul(matrix.clone()).sum().into_scalar::<f32>();
        if sum.is_finite() { began.elapsed().as_secs_f64() } else { f64::INFINITY }
    });
    let best = seconds.fold(f64::INFINITY, f64::min);
    2.0 * to_f64(SIDE).powi(3) / best.max(1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::Document;
    use crate::parameters::Parameters;

    /// Counted by hand: 1 layer of width 8, 2 heads of 4, 24 inside, 300 tokens.
    #[test]
    fn a_small_model_is_counted_by_hand() {
        let config = Config::small(300, [1, 8, 2], 64, &[]).unwrap();
        let device = Device::flex();
        let model = Decoder::new(config.clone(), Parameters::fresh(&config, 0, &device));
        let document = Document { tokens: vec![1; 3], supervised: vec![false, true, true] };
        let sheet = Sheet::of([&document]);
        let layer = 4 * 8 * 8 + 3 * 24 * 8;
        let forward = 2 * 3 * layer + 2 * 2 * 300 * 8 + 4 * 2 * 4 * 6;
        assert!((of_training(&model, &sheet) - to_f64(3 * forward)).abs() < 1e-6);
    }
}
