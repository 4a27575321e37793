//! The mixture of experts: every token is fed by the few whose router score is highest.

use burn::tensor::activation::softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::Decoder;
use crate::parameters::{to_f32, to_f64};

impl Decoder {
    /// What the chosen experts make of each token, weighed by the router.
    ///
    /// Which experts are chosen is decided on the host from the router's probabilities; gradients
    /// flow through their weights, as in `transformers`. What was chosen is noted in `routed`.
    pub(super) fn experts(
        &self,
        within: &str,
        stream: Tensor<2>,
        routed: Option<&mut Routed>,
    ) -> Tensor<2> {
        let Some(experts) = &self.config.experts else {
            return self.feed_forward(within, stream);
        };
        let [tokens, width] = stream.dims();
        let device = stream.device();
        let chances = softmax(self.linear(&format!("{within}.gate"), stream.clone()), 1);
        let chosen = highest(&chances, experts.count, experts.chosen);
        if let Some(routed) = routed {
            routed.note(&chances, &chosen);
        }
        let places: Vec<i64> = chosen.iter().map(|expert| i64_of(*expert)).collect();
        let places = TensorData::new(places, [tokens, experts.chosen]);
        let mut weights = chances.gather(1, Tensor::<2, Int>::from_data(places, &device));
        if experts.normalised {
            let sum = weights.clone().sum_dim(1);
            weights = weights / sum;
        }
        let weights = weights.reshape([tokens * experts.chosen, 1]);
        let mut fed: Option<Tensor<2>> = None;
        for expert in 0..experts.count {
            let slots: Vec<usize> =
                (0..chosen.len()).filter(|slot| chosen[*slot] == expert).collect();
            if slots.is_empty() {
                continue;
            }
            let indices = |of: &dyn Fn(usize) -> usize| {
                let numbers: Vec<i64> = slots.iter().map(|slot| i64_of(of(*slot))).collect();
                Tensor::<1, Int>::from_data(TensorData::new(numbers, [slots.len()]), &device)
            };
            let rows = indices(&|slot| slot / experts.chosen);
            let part = stream.clone().select(0, rows.clone());
            let made = self.feed_forward(&format!("{within}.experts.{expert}"), part);
            let made = made * weights.clone().select(0, indices(&|slot| slot));
            let sum = fed.take().unwrap_or_else(|| Tensor::zeros([tokens, width], &device));
            fed = Some(sum.select_assign(0, rows, made, burn::tensor::IndexingUpdateOp::Add));
        }
        fed.unwrap_or(stream)
    }
}

/// How tokens were sent to experts, over the mixed layers of one pass.
#[derive(Debug, Default)]
pub(super) struct Routed {
    /// Tokens sent to each expert.
    sent: Vec<usize>,
    /// Chances of each expert, added up over tokens: 1 × experts.
    chances: Option<Tensor<2>>,
    /// Tokens, counted once for every layer.
    rows: usize,
}

impl Routed {
    fn note(&mut self, chances: &Tensor<2>, chosen: &[usize]) {
        let [rows, experts] = chances.dims();
        self.sent.resize(experts, 0);
        for expert in chosen {
            self.sent[*expert] += 1;
        }
        let sum = chances.clone().sum_dim(0);
        self.chances = Some(match self.chances.take() {
            Some(before) => before + sum,
            None => sum,
        });
        self.rows += rows;
    }

    /// Gradients flow through the chances; which expert was chosen is no number to move.
    pub(super) fn balance(self, device: &Device) -> Option<Tensor<1>> {
        let chances = self.chances?;
        let experts = self.sent.len();
        let scale = to_f64(experts) / to_f64(self.rows).powi(2);
        let sent: Vec<f32> = self.sent.iter().map(|it| to_f32(to_f64(*it) * scale)).collect();
        let sent = Tensor::<2>::from_data(TensorData::new(sent, [1, experts]), device);
        Some((chances * sent).sum())
    }
}

/// For every row, the columns with the highest numbers, the highest first and the leftmost of
/// equals: `chosen` a row, row after row.
fn highest(chances: &Tensor<2>, count: usize, chosen: usize) -> Vec<usize> {
    let chances = chances.to_data_as::<f32>();
    let chances = chances.as_slice::<f32>().expect("they were just made single");
    let mut places = Vec::with_capacity(chances.len() / count * chosen);
    for row in chances.chunks_exact(count) {
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by(|one, other| row[*other].total_cmp(&row[*one]).then(one.cmp(other)));
        places.extend(&order[..chosen]);
    }
    places
}

fn i64_of(place: usize) -> i64 {
    i64::try_from(place).expect("places are far below 2⁶³")
}
