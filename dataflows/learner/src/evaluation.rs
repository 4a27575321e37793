//! How good a model is at calling: turn by turn, with the right history before it.
//!
//! For every supervised turn of an assistant, the model answers the conversation before it,
//! greedily. A turn is right if the calls are exactly those of the row: as many, in order, by name
//! and by arguments as JSON values; where the row calls nothing, none may be called. What is said
//! besides calls is not compared.

use std::collections::BTreeMap;

use burn::tensor::Device;
use schemas::{Call, Value};
use serde::Serialize;
use serde_json::Value as Json;

use crate::calls::{Turn, are_same, parse};
use crate::decoder::Decoder;
use crate::error::LearnError;
use crate::examples::Example;
use crate::generation::{Choice, Known, go_on};
use crate::parameters::to_f64;
use crate::rendering::Renderer;
use crate::template::Conversation;
use crate::vocabulary::{TURN_END, Vocabulary};

/// Right ones of all; written with their share and its interval.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(into = "Told")]
pub struct Tally {
    /// How many were right.
    pub right: usize,
    /// How many there were.
    pub of: usize,
}

impl Tally {
    fn add(&mut self, right: bool) {
        self.right += usize::from(right);
        self.of += 1;
    }

    /// The share that was right, from 0 to 1; 0 of none.
    pub fn share(self) -> f64 {
        if self.of == 0 { 0.0 } else { to_f64(self.right) / to_f64(self.of) }
    }

    /// Where the share of all that could have been asked lies, with a confidence of 95 %: Wilson's
    /// interval, which holds for few and for shares near 0 and 1; from 0 to 1 of none.
    pub fn interval(self) -> (f64, f64) {
        if self.of == 0 {
            return (0.0, 1.0);
        }
        let (share, of) = (self.share(), to_f64(self.of));
        let squared = DEVIATIONS * DEVIATIONS;
        let middle = share + squared / (2.0 * of);
        let spread = share * (1.0 - share) / of + squared / (4.0 * of * of);
        let reach = DEVIATIONS * spread.sqrt();
        let within = |bound: f64| (bound / (1.0 + squared / of)).clamp(0.0, 1.0);
        (within(middle - reach), within(middle + reach))
    }
}

/// Standard deviations around the mean that hold 95 % of a bell curve.
const DEVIATIONS: f64 = 1.959_963_984_540_054;

/// A tally as it is written.
#[derive(Serialize)]
struct Told {
    right: usize,
    of: usize,
    share: f64,
    low: f64,
    high: f64,
}

impl From<Tally> for Told {
    fn from(tally: Tally) -> Told {
        let (low, high) = tally.interval();
        Told { right: tally.right, of: tally.of, share: tally.share(), low, high }
    }
}

/// What an evaluation found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Score {
    /// Turns that should call: exactly the right calls were made. The headline.
    pub calls: Tally,
    /// Turns that should call: the right tools were named in the right order, whatever the
    /// arguments.
    pub names: Tally,
    /// Turns that should call nothing: nothing was called.
    pub silences: Tally,
    /// Trajectories all of whose turns were right.
    pub tasks: Tally,
    /// Turns in which something stood where a call should and was none.
    pub malformed: usize,
    /// Turns that did not end within the tokens allowed, or had no room.
    pub unended: usize,
    /// Turns that should call, by domain.
    pub by_domain: BTreeMap<String, Tally>,
    /// Turns that should call, by kind of task.
    pub by_kind: BTreeMap<String, Tally>,
}

/// How to evaluate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Asking {
    /// Most tokens of an answer.
    pub most: usize,
    /// Most rows; the first by id. 0 for all.
    pub rows_max: usize,
    /// Whether prompts are rendered as in training, with thoughts in every turn, and not by the
    /// checkpoint's own template, as a server renders them.
    pub as_trained: bool,
}

/// A turn that was evaluated.
#[derive(Clone, Debug)]
pub struct Judged<'e> {
    /// The row.
    pub example: &'e Example,
    /// The place of the turn among its messages.
    pub place: usize,
    /// What the model said.
    pub said: Turn,
    /// Whether its calls are right.
    pub right: bool,
}

/// Evaluates a model on rows; `tell` hears of every turn.
///
/// # Errors
///
/// If a row cannot be rendered, or the device gives up.
pub fn evaluate(
    model: &Decoder,
    renderer: &Renderer,
    rows: &[Example],
    asking: Asking,
    device: &Device,
    tell: &mut dyn FnMut(&Judged<'_>),
) -> Result<Score, LearnError> {
    let ends = ends(model, &renderer.vocabulary);
    let mut score = Score::default();
    let rows_max = if asking.rows_max == 0 { rows.len() } else { asking.rows_max };
    for example in rows.iter().take(rows_max) {
        let mut known = Known::default();
        let mut all_right = true;
        let messages = &example.conversation.messages;
        for (place, message) in messages.iter().enumerate() {
            if message["role"] != "assistant" || !example.supervised[place] {
                continue;
            }
            let history = Conversation {
                messages: messages[..place].to_vec(),
                tools: example.conversation.tools.clone(),
            };
            let prompt = match asking.as_trained {
                true => renderer.prompt_as_trained(&history)?,
                false => renderer.prompt(&history)?,
            };
            let golden = calls_of(message);
            let judged = if prompt.len() < model.config.positions {
                let said =
                    go_on(model, &prompt, &ends, asking.most, Choice::Greedy, &mut known, device)?;
                score.unended += usize::from(said.stop == crate::generation::Stop::Length);
                parse(&renderer.vocabulary.decode(&said.tokens)?)
            } else {
                score.unended += 1;
                Turn::default()
            };
            let right = judged.malformed.is_empty() && are_same(&judged.calls, &golden);
            score.judge(example, &golden, &judged, right);
            all_right &= right;
            tell(&Judged { example, place, said: judged, right });
        }
        score.tasks.add(all_right);
    }
    Ok(score)
}

impl Score {
    fn judge(&mut self, example: &Example, golden: &[Call], said: &Turn, right: bool) {
        self.malformed += usize::from(!said.malformed.is_empty());
        if golden.is_empty() {
            self.silences.add(right);
            return;
        }
        let names = |calls: &[Call]| calls.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
        self.calls.add(right);
        self.names.add(names(golden) == names(&said.calls));
        self.by_domain.entry(example.domain.clone()).or_default().add(right);
        self.by_kind.entry(example.kind.clone()).or_default().add(right);
    }
}

/// The calls of a message of a row.
fn calls_of(message: &Json) -> Vec<Call> {
    let calls = message["tool_calls"].as_array().into_iter().flatten();
    calls
        .map(|call| Call {
            name: call["function"]["name"].as_str().unwrap_or_default().into(),
            arguments: Value::from(call["function"]["arguments"].clone()),
        })
        .collect()
}

/// The tokens that end an answer: those of the configuration, and the end of a turn.
pub fn ends(model: &Decoder, vocabulary: &Vocabulary) -> Vec<u32> {
    let mut ends = model.config.ends.clone();
    ends.extend(vocabulary.control(TURN_END));
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `scipy.stats.binomtest(right, of).proportion_ci(method="wilson")` has them.
    #[test]
    fn intervals_are_wilsons() {
        for (right, of, low, high) in
            [(0, 9, 0.0, 0.299_145), (9, 9, 0.700_855, 1.0), (30, 200, 0.107_136, 0.206_056)]
        {
            let (ours_low, ours_high) = Tally { right, of }.interval();
            assert!((ours_low - low).abs() < 1e-6, "{right} of {of}: {ours_low}");
            assert!((ours_high - high).abs() < 1e-6, "{right} of {of}: {ours_high}");
        }
        assert_eq!(Tally::default().interval(), (0.0, 1.0));
    }
}
