//! The loss: how surprised a model is by the tokens it should learn to say.
//!
//! The sum of negative log-likelihoods over supervised tokens (calls and replies; never what
//! users, tools or the system say), divided by their count over the whole global batch
//! (arXiv 2509.13311, section 3). Dividing by the count of a part, or by the length of each
//! document, would weigh tokens by the company they are in.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::decoder::{Decoder, Layout};
use crate::error::LearnError;
use crate::parameters::{Parameters, to_f64};

/// A conversation as tokens, and which of them are to be learned.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Document {
    /// The tokens.
    pub tokens: Vec<u32>,
    /// As many truths: whether the model should learn to say this token after those before it.
    pub supervised: Vec<bool>,
}

impl Document {
    /// How many tokens count in the loss. The first never does: nothing comes before it.
    pub fn targets(&self) -> usize {
        self.supervised.iter().skip(1).filter(|supervised| **supervised).count()
    }
}

/// Documents end to end, and which of their tokens are asked about.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Sheet {
    /// The tokens of all documents.
    pub tokens: Vec<u32>,
    /// How many belong to each.
    pub lengths: Vec<usize>,
    /// Places whose next token counts in the loss.
    rows: Vec<i64>,
    /// These next tokens.
    next: Vec<i64>,
}

impl Sheet {
    /// Lays documents end to end.
    ///
    /// # Panics
    ///
    /// If there are 2⁶³ tokens, which no memory holds.
    pub fn of<'d>(documents: impl IntoIterator<Item = &'d Document>) -> Sheet {
        let mut sheet = Sheet::default();
        for document in documents {
            for place in 1..document.tokens.len() {
                if document.supervised[place] {
                    let row = sheet.tokens.len() + place - 1;
                    sheet.rows.push(i64::try_from(row).expect("places fit"));
                    sheet.next.push(i64::from(document.tokens[place]));
                }
            }
            sheet.lengths.push(document.tokens.len());
            sheet.tokens.extend(&document.tokens);
        }
        sheet
    }

    /// How many tokens count in the loss.
    pub fn targets(&self) -> usize {
        self.rows.len()
    }
}

/// What a pass is weighed by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights {
    /// Supervised tokens of the whole step, which the sum of negative log-likelihoods is divided by.
    pub count: usize,
    /// What the uneven use of experts is multiplied by; 0 for not at all.
    pub balance: f64,
}

/// What one backward pass gave.
#[derive(Debug)]
pub struct Backward {
    /// The sum of negative log-likelihoods.
    pub sum: f64,
    /// How unevenly experts were used, if that was weighed.
    pub balance: Option<f64>,
    /// The gradients of that sum over its weight, and of the weighed balance, by the names of what
    /// is learned; what the loss does not depend on is not listed.
    pub gradients: Parameters,
}

/// The sum of the negative log-likelihoods of supervised tokens, if there are any; documents see
/// nothing of one another.
///
/// # Errors
///
/// If the device gives up.
pub fn sum_of(model: &Decoder, sheet: &Sheet, device: &Device) -> Result<f64, LearnError> {
    match negative_log_likelihood(model, sheet, false, device) {
        None => Ok(0.0),
        Some((sum, _)) => number(&sum),
    }
}

/// The sum and the gradients of `sum / count + balance weight × balance`. `model` must be tracked.
///
/// # Errors
///
/// If the device gives up.
pub fn backward(
    model: &Decoder,
    sheet: &Sheet,
    weights: Weights,
    device: &Device,
) -> Result<Backward, LearnError> {
    let balanced = 0.0 < weights.balance;
    let Some((sum, balance)) = negative_log_likelihood(model, sheet, balanced, device) else {
        return Ok(Backward { sum: 0.0, balance: None, gradients: Parameters::default() });
    };
    let mut loss = sum.clone() / to_f64(weights.count);
    if let Some(balance) = &balance {
        loss = loss + balance.clone() * weights.balance;
    }
    let mut gradients = loss.backward();
    let learned = model.adapters.as_ref().map_or(&model.parameters, |it| &it.parameters);
    let taken = learned
        .iter()
        .filter_map(|(name, tensor)| Some((name.clone(), tensor.grad_remove(&mut gradients)?)));
    let taken = taken.collect();
    let balance = balance.map(|balance| number(&balance.inner())).transpose()?;
    Ok(Backward { sum: number(&sum.inner())?, balance, gradients: taken })
}

fn negative_log_likelihood(
    model: &Decoder,
    sheet: &Sheet,
    balanced: bool,
    device: &Device,
) -> Option<(Tensor<1>, Option<Tensor<1>>)> {
    let count = sheet.targets();
    if count == 0 {
        return None;
    }
    let plain = device.clone().without_autodiff();
    let layout = Layout::new(&model.config, &sheet.lengths, &plain);
    let (hidden, balance) = match balanced {
        true => model.hidden_and_balance(&sheet.tokens, &layout, &plain),
        false => (model.hidden(&sheet.tokens, &layout, &plain), None),
    };
    // Only rows whose next token counts are carried on to the vocabulary, the widest layer.
    let rows = Tensor::<1, Int>::from_data(TensorData::new(sheet.rows.clone(), [count]), &plain);
    let chances = log_softmax(model.logits(hidden.select(0, rows)), 1);
    let targets = TensorData::new(sheet.next.clone(), [count, 1]);
    let targets = Tensor::<2, Int>::from_data(targets, &plain);
    Some((chances.gather(1, targets).sum().neg(), balance))
}

fn number(scalar: &Tensor<1>) -> Result<f64, LearnError> {
    let number = scalar.clone().try_into_scalar::<f32>();
    number.map(f64::from).map_err(|error| LearnError::Device { reason: error.to_string() })
}
