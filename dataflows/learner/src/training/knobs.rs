//! How to train.

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::error::LearnError;
use crate::optimizer::StepRule;

/// Everything that decides what a run does besides its rows and its checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Knobs {
    /// What it is for: `general` or `vertical`.
    pub stage: String,
    /// How often every row is seen.
    pub epochs: usize,
    /// Most tokens that lie end to end.
    pub context: usize,
    /// Packs of a context's length whose gradient makes one step.
    pub packs_per_step: usize,
    /// Packs that are computed together; the rest of a step's are accumulated.
    pub packs_at_once: usize,
    /// The highest rate.
    pub rate: f64,
    /// The part of all steps over which the rate rises, in thousandths.
    pub warm_up_permille: u32,
    /// Weight decay of matrices.
    pub decay: f64,
    /// The longest that a gradient may be.
    pub clip: f64,
    /// What the uneven use of experts is multiplied by; `None` for what the checkpoint says.
    #[serde(default)]
    pub balance: Option<f64>,
    /// How slowly the means of gradients and of their squares move.
    pub betas: (f64, f64),
    /// What keeps the division by small squares in bounds.
    pub epsilon: f64,
    /// The key of order and of fresh numbers.
    pub seed: u64,
    /// Learn low-rank additions, and leave the model as it is until the end.
    pub low_rank: Option<LowRank>,
    /// Steps between evaluations; 0 for one at the end.
    pub evaluate_every: u64,
    /// Steps between snapshots; 0 for one at the end.
    pub snapshot_every: u64,
    /// Evaluations without a lower loss after which the run ends; 0 for never.
    pub patience: u64,
    /// Most steps on rows; 0 for as many as the epochs have.
    pub steps_max: u64,
    /// Steps before them on drills ([`crate::drills`]).
    #[serde(default)]
    pub drill: u64,
    /// Compute again in the backward pass what is cheap to compute, and keep less in memory.
    pub recompute: bool,
    /// Write the result in sixteen bits.
    pub brain: bool,
}

/// The size of low-rank additions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LowRank {
    /// The width between the two factors.
    pub rank: usize,
    /// Their product is multiplied by alpha / rank.
    pub alpha: f64,
}

impl Default for Knobs {
    fn default() -> Knobs {
        Knobs {
            stage: "general".into(),
            epochs: 3,
            context: 4096,
            packs_per_step: 8,
            packs_at_once: 1,
            rate: 1e-5,
            warm_up_permille: 100,
            decay: 0.01,
            clip: 1.0,
            balance: None,
            betas: (0.9, 0.999),
            epsilon: 1e-8,
            seed: 0,
            low_rank: None,
            evaluate_every: 50,
            snapshot_every: 50,
            patience: 0,
            steps_max: 0,
            drill: 0,
            recompute: false,
            brain: false,
        }
    }
}

impl Knobs {
    /// Whether a model can be trained so.
    pub(super) fn check(&self, config: &Config) -> Result<(), LearnError> {
        let refused = |option: &str, reason: String, remedy: &str| {
            Err(LearnError::refused(option, reason, remedy))
        };
        if config.positions < self.context {
            return refused(
                "--context",
                format!(
                    "{} tokens are more than the model's {} positions",
                    self.context, config.positions
                ),
                "lower it to the model's \"max_position_embeddings\"",
            );
        }
        for (option, number) in [
            ("--epochs", self.epochs),
            ("--context", self.context),
            ("--packs", self.packs_per_step),
            ("--packs-at-once", self.packs_at_once),
            ("--lora-rank", self.low_rank.map_or(1, |it| it.rank)),
        ] {
            if number == 0 {
                return refused(option, "is 0".into(), "give a number above 0");
            }
        }
        let plain = |number: f64| number.is_finite() && 0.0 <= number;
        for (option, number) in [
            ("--learning-rate", self.rate),
            ("--decay", self.decay),
            ("--clip", self.clip),
            ("--balance", self.balance.unwrap_or(0.0)),
            ("--lora-alpha", self.low_rank.map_or(1.0, |it| it.alpha)),
        ] {
            if !plain(number) {
                return refused(option, format!("is {number}"), "give a number from 0 up");
            }
        }
        let (slow, slower) = self.betas;
        for (option, part) in [("the first beta", slow), ("--beta2", slower)] {
            if !(0.0..1.0).contains(&part) {
                return refused(option, format!("is {part}"), "give a number from 0 to below 1");
            }
        }
        Ok(())
    }

    /// The rule of steps for a run whose epochs have so many.
    pub(super) fn rule(&self, whole: u64) -> StepRule {
        let rows = if self.steps_max == 0 { whole } else { whole.min(self.steps_max) };
        let steps = self.drill + rows;
        StepRule {
            rate: self.rate,
            warm_up: steps * u64::from(self.warm_up_permille) / 1000,
            steps,
            decay: self.decay,
            clip: self.clip,
            betas: self.betas,
            epsilon: self.epsilon,
        }
    }
}
