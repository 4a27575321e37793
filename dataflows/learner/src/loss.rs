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

/// What one backward pass gave.
#[derive(Debug)]
pub struct Backward {
    /// The sum of negative log-likelihoods.
    pub sum: f64,
    /// The gradients of that sum divided by the count that was given, by the names of what is
    /// learned; what the loss does not depend on is not listed.
    pub gradients: Parameters,
}

/// The sum of the negative log-likelihoods of supervised tokens, if there are any; the documents
/// lie end to end and see nothing of one another.
///
/// # Errors
///
/// If the device gives up.
pub fn sum_of(model: &Decoder, documents: &[Document], device: &Device) -> Result<f64, LearnError> {
    match negative_log_likelihood(model, documents, device) {
        None => Ok(0.0),
        Some(sum) => number(&sum),
    }
}

/// The sum and the gradients of `sum / count`. `model` must be tracked.
///
/// # Errors
///
/// If the device gives up.
pub fn backward(
    model: &Decoder,
    documents: &[Document],
    count: usize,
    device: &Device,
) -> Result<Backward, LearnError> {
    let Some(sum) = negative_log_likelihood(model, documents, device) else {
        return Ok(Backward { sum: 0.0, gradients: Parameters::default() });
    };
    let mut gradients = (sum.clone() / to_f64(count)).backward();
    let learned = model.adapters.as_ref().map_or(&model.parameters, |it| &it.parameters);
    let taken = learned
        .iter()
        .filter_map(|(name, tensor)| Some((name.clone(), tensor.grad_remove(&mut gradients)?)));
    let taken = taken.collect();
    Ok(Backward { sum: number(&sum.inner())?, gradients: taken })
}

fn negative_log_likelihood(
    model: &Decoder,
    documents: &[Document],
    device: &Device,
) -> Option<Tensor<1>> {
    let lengths: Vec<usize> = documents.iter().map(|document| document.tokens.len()).collect();
    let mut tokens = Vec::new();
    let (mut rows, mut targets) = (Vec::new(), Vec::new());
    for document in documents {
        for place in 1..document.tokens.len() {
            if document.supervised[place] {
                rows.push(i64::try_from(tokens.len() + place - 1).expect("places fit"));
                targets.push(i64::from(document.tokens[place]));
            }
        }
        tokens.extend(&document.tokens);
    }
    if rows.is_empty() {
        return None;
    }
    let count = rows.len();
    let plain = device.clone().without_autodiff();
    let layout = Layout::new(&model.config, &lengths, &plain);
    let hidden = model.hidden(&tokens, &layout, &plain);
    // Only rows whose next token counts are carried on to the vocabulary, the widest layer.
    let rows = Tensor::<1, Int>::from_data(TensorData::new(rows, [count]), &plain);
    let chances = log_softmax(model.logits(hidden.select(0, rows)), 1);
    let targets = Tensor::<2, Int>::from_data(TensorData::new(targets, [count, 1]), &plain);
    Some(chances.gather(1, targets).sum().neg())
}

fn number(scalar: &Tensor<1>) -> Result<f64, LearnError> {
    let number = scalar.clone().try_into_scalar::<f32>();
    number.map(f64::from).map_err(|error| LearnError::Device { reason: error.to_string() })
}
