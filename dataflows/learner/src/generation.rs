//! What a model says next: token after token, the likeliest or drawn.

use burn::tensor::{Device, Tensor};
use schemas::Draw;

use crate::decoder::{Cache, Decoder};
use crate::error::LearnError;

/// How the next token is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Choice {
    /// The likeliest; of equals, the last.
    Greedy,
    /// Drawn by likelihood.
    Drawn {
        /// What logits are divided by; above 0.
        temperature: f64,
        /// Only the likeliest tokens that together have this chance are drawn from; 1 for all.
        nucleus: f64,
        /// The key of the draws: the same seed and prompt give the same tokens.
        seed: u64,
    },
}

/// Why a model stopped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stop {
    /// It said a token that ends.
    Ended,
    /// It said as many tokens as were allowed.
    Length,
}

/// What a model said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Said {
    /// The tokens, without the one that ended it.
    pub tokens: Vec<u32>,
    /// Why it stopped.
    pub stop: Stop,
    /// How many tokens the prompt had.
    pub prompt: usize,
}

/// Tokens that are read at once: the memory of attention grows with their number times all.
const READ_MAX: usize = 1024;

/// Lets a model go on from a prompt, until it says one of `ends` or `most` tokens.
///
/// `cache` may hold a beginning of the prompt, which then is not read again; afterwards it holds
/// the prompt and what was said.
///
/// # Errors
///
/// If the prompt is empty, or it and the answer have no room in the model's positions.
///
/// # Panics
///
/// Never: logits are read as the single numbers that they were just made.
pub fn go_on(
    model: &Decoder,
    prompt: &[u32],
    ends: &[u32],
    most: usize,
    choice: Choice,
    cache: &mut Known,
    device: &Device,
) -> Result<Said, LearnError> {
    let room = model.config.positions.saturating_sub(prompt.len());
    if prompt.is_empty() || room == 0 {
        return Err(LearnError::refused(
            "the prompt",
            format!("{} tokens leave no room in {}", prompt.len(), model.config.positions),
            "shorten the conversation or offer fewer tools",
        ));
    }
    let mut hidden = None;
    for part in cache.unread(prompt).chunks(READ_MAX) {
        hidden = Some(model.continued(part, &mut cache.cache, device));
        cache.tokens.extend(part);
    }
    let mut said = Vec::new();
    let most = most.min(room);
    while let Some(rows) = hidden.take() {
        let last: Tensor<2> = rows.clone().narrow(0, rows.dims()[0] - 1, 1);
        let logits = model.logits(last).to_data_as::<f32>();
        let logits = logits.as_slice::<f32>().expect("they were just made single");
        let token = choose(logits, choice, cache.tokens.len());
        if ends.contains(&token) {
            return Ok(Said { tokens: said, stop: Stop::Ended, prompt: prompt.len() });
        }
        if said.len() == most {
            break;
        }
        said.push(token);
        cache.tokens.push(token);
        hidden = Some(model.continued(&[token], &mut cache.cache, device));
    }
    Ok(Said { tokens: said, stop: Stop::Length, prompt: prompt.len() })
}

/// What a model has read, so that a prompt that begins the same is not read from its beginning.
#[derive(Clone, Debug, Default)]
pub struct Known {
    tokens: Vec<u32>,
    cache: Cache,
}

impl Known {
    /// Forgets what the prompt does not begin with; what is left to read, at least one token.
    fn unread<'p>(&mut self, prompt: &'p [u32]) -> &'p [u32] {
        let shared = self.tokens.iter().zip(prompt).take_while(|(one, other)| one == other).count();
        let shared = shared.min(prompt.len().saturating_sub(1));
        self.tokens.truncate(shared);
        self.cache.truncate(shared);
        &prompt[shared..]
    }
}

fn choose(logits: &[f32], choice: Choice, place: usize) -> u32 {
    let chosen = match choice {
        Choice::Greedy => {
            (0..logits.len()).max_by(|one, other| logits[*one].total_cmp(&logits[*other]))
        }
        Choice::Drawn { temperature, nucleus, seed } => {
            draw(logits, temperature, nucleus, Draw::new(seed).with("token").at(place))
        }
    };
    chosen.and_then(|token| u32::try_from(token).ok()).unwrap_or(0)
}

/// A token drawn by its chance among the likeliest.
fn draw(logits: &[f32], temperature: f64, nucleus: f64, draw: Draw) -> Option<usize> {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weight = |logit: f32| ((f64::from(logit) - f64::from(highest)) / temperature).exp();
    let mut order: Vec<(usize, f64)> =
        logits.iter().enumerate().map(|(token, logit)| (token, weight(*logit))).collect();
    order.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
    let all: f64 = order.iter().map(|(_, chance)| chance).sum();
    let mut kept = 0.0;
    let mut count = 0;
    for (_, chance) in &order {
        kept += chance;
        count += 1;
        if nucleus * all <= kept {
            break;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit exactly")]
    let uniform = (draw.bits() >> 11) as f64 / (1_u64 << 53) as f64;
    let mut rest = uniform * kept;
    for (token, chance) in &order[..count] {
        rest -= chance;
        if rest < 0.0 {
            return Some(*token);
        }
    }
    order[..count].last().map(|(token, _)| *token)
}
