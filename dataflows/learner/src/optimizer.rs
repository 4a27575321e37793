//! One step down: clipped gradients, a rate that warms up and cools down, `AdamW`.

use std::collections::BTreeMap;
use std::f64::consts::PI;

use burn::tensor::Tensor;

use crate::parameters::{Parameters, to_f64};

/// How steps are taken.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct StepRule {
    /// The highest rate.
    pub rate: f64,
    /// Steps over which the rate rises from 0.
    pub warm_up: u64,
    /// Steps after which the rate has fallen to 0.
    pub steps: u64,
    /// How much of a matrix is taken away per step and rate; norms and other vectors are spared.
    pub decay: f64,
    /// The longest that the gradient of everything may be; longer ones are shortened to it.
    pub clip: f64,
    /// How slowly the means of gradients and of their squares move.
    pub betas: (f64, f64),
    /// What keeps the division by small squares in bounds.
    pub epsilon: f64,
}

impl StepRule {
    /// The rate of a step, counted from 0: a line up from 0, then half a cosine down to 0, as
    /// `transformers.get_cosine_schedule_with_warmup` has it.
    #[expect(clippy::cast_precision_loss, reason = "steps are far below 2⁵³")]
    pub fn rate_at(&self, step: u64) -> f64 {
        if step < self.warm_up {
            return self.rate * step as f64 / self.warm_up.max(1) as f64;
        }
        let past = (step - self.warm_up) as f64;
        let span = self.steps.saturating_sub(self.warm_up).max(1) as f64;
        self.rate * (0.5 * (1.0 + (PI * past / span).cos())).max(0.0)
    }
}

/// Adam with decoupled weight decay (Loshchilov and Hutter 2019), in the arithmetic of
/// `torch.optim.AdamW`.
#[derive(Clone, Debug, Default)]
pub struct AdamW {
    /// Steps taken.
    pub taken: u64,
    /// Running means of gradients and of their squares, by name.
    pub moments: BTreeMap<String, (Tensor<2>, Tensor<2>)>,
}

impl AdamW {
    /// Moves the numbers by their gradients. A number without a gradient has gradient 0.
    ///
    /// `rule.rate_at` says how far, `shrink` is what gradients are multiplied by, from
    /// [`clipping`].
    #[must_use]
    pub fn step(
        &mut self,
        rule: &StepRule,
        parameters: &Parameters,
        gradients: &Parameters,
        shrink: f64,
    ) -> Parameters {
        let rate = rule.rate_at(self.taken);
        self.taken += 1;
        let taken = i32::try_from(self.taken).unwrap_or(i32::MAX);
        let (slow, slower) = rule.betas;
        let (first_bias, second_bias) = (1.0 - slow.powi(taken), 1.0 - slower.powi(taken));
        let mut moved = Vec::new();
        for (name, tensor) in parameters.iter() {
            let mut tensor = tensor.clone().inner();
            let (mean, square) = self
                .moments
                .remove(name)
                .unwrap_or_else(|| (tensor.zeros_like(), tensor.zeros_like()));
            let (mean, square) = match gradients.find(name) {
                Some(gradient) => {
                    let gradient = gradient.clone() * shrink;
                    let squared = gradient.clone().square() * (1.0 - slower);
                    (mean * slow + gradient * (1.0 - slow), square * slower + squared)
                }
                None => (mean * slow, square * slower),
            };
            if 1 < tensor.dims()[0] {
                tensor = tensor * (1.0 - rate * rule.decay);
            }
            let root = square.clone().sqrt() / second_bias.sqrt() + rule.epsilon;
            tensor = tensor - mean.clone() / root * (rate / first_bias);
            self.moments.insert(name.clone(), (mean, square));
            moved.push((name.clone(), tensor));
        }
        moved.into_iter().collect()
    }
}

/// The length of the gradient of everything, and what it must be multiplied by so as not to be
/// longer than `most`, as `torch.nn.utils.clip_grad_norm_` has it.
pub fn clipping(gradients: &Parameters, most: f64) -> (f64, f64) {
    let squares = gradients.iter().map(|(_, gradient)| {
        let square = gradient.clone().square().sum().into_scalar::<f32>();
        f64::from(square)
    });
    let norm = squares.sum::<f64>().sqrt();
    (norm, (most / (norm + 1e-6)).min(1.0))
}

/// Gradients added up, name by name.
#[must_use]
pub fn added(mut sum: Parameters, more: &Parameters) -> Parameters {
    for (name, gradient) in more.iter() {
        let total = match sum.find(name) {
            Some(before) => before.clone() + gradient.clone(),
            None => gradient.clone(),
        };
        sum.insert(name.clone(), total);
    }
    sum
}

/// The mean of a sum over a count; 0 of nothing.
pub fn mean(sum: f64, count: usize) -> f64 {
    if count == 0 { 0.0 } else { sum / to_f64(count) }
}
