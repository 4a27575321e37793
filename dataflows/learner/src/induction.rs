//! A beginning that can copy: two fresh layers of attention into which an induction circuit is
//! written.
//!
//! Most of a call's arguments were said before: reading on where a token was said before is what
//! makes them. Trained models do that with two heads (induction heads, Olsson et al. 2022): one
//! brings each token what stood before it, one of a later layer attends to where the token before
//! is the token here, and adds the token there. Neither is of use without the other, so a small
//! model finds them late: not within the million tokens that a processor reads in minutes. Here
//! they are in place before the first step, as numbers like any others, in a plain Qwen3 decoder,
//! and learn on from there. Shapes that have no place for them begin without.
//!
//! The residual stream is divided at first:
//!
//! ```text
//! 0         hidden / 2          3 / 4        hidden − 1
//! | the token | the one before it | two before | 1, everywhere |
//! ```
//!
//! *Layer 0.* Queries and keys read the last part alone, which is the same for all tokens, so that
//! scores say only how far apart two tokens are. They lie in the fast quarter of the pairs that
//! rotary embeddings turn, keys as they are, queries turned back by one position in the first half
//! of the heads and by two in the second; the sum of these cosines is far higher there than
//! anywhere else within 4,096 positions. Values carry what is attended to into its part.
//!
//! *Layer 1.* Queries ask with the token, keys answer with the one before it, through the same
//! directions, in the slow half of the pairs, which hardly turn within a context. The first half of
//! the heads asks for the one before as well and so prefers where two tokens are alike; the second
//! half is content with one. Values are the token itself, which is added to the token's part, where
//! the tied output reads it.

use std::ops::Range;

use schemas::Draw;

use crate::config::Config;
use crate::parameters::{bell, directions, to_f32, to_f64};

/// What scores are multiplied by, at most: all of attention is where they agree, if no other score
/// comes nearer than a sixth.
const SHARPNESS: f64 = 32.0;

/// The logit of a token whose direction is all that there is.
///
/// A bell curve of the others' logits, an eighth as wide where a token has 64 parts, then leaves
/// less than a hundredth to each of 2,048.
const LOGIT: f64 = 13.6;

/// How long what is copied is, in lengths of a token: long enough to be named before the token
/// itself, short enough to be overruled soon by what is learned.
const COPIED: f64 = 2.4;

/// A tensor's name within its model, shape and numbers.
pub(crate) type Written = (String, Vec<usize>, Vec<f32>);

/// The tensors of a fresh model that copies; all others may be small numbers of any kind.
///
/// `None` of shapes that have no place for it: it takes two layers, an even number of heads of
/// eight, twelve or more parts by fours, each with keys of its own, and an output tied to the
/// embedding.
pub(crate) fn induction(config: &Config, draw: Draw) -> Option<Vec<Written>> {
    let has_heads = config.heads.is_multiple_of(2) && config.heads == config.key_heads;
    let has_pairs = 8 <= config.head && config.head.is_multiple_of(4);
    let has_room = 2 <= config.layers && 16 <= config.hidden && has_pairs;
    if !has_heads || !has_room || !config.tied {
        return None;
    }
    let circuit = Circuit::new(config, draw);
    let gain = to_f32((SHARPNESS / to_f64(config.head).sqrt()).sqrt());
    let mut written = vec![circuit.embedding()];
    for (layer, attention) in [circuit.looking_back(), circuit.reading_on()].into_iter().enumerate()
    {
        let within = format!("model.layers.{layer}.self_attn");
        for (part, matrix) in attention {
            let shape = vec![matrix.numbers.len() / matrix.columns, matrix.columns];
            written.push((format!("{within}.{part}.weight"), shape, matrix.numbers));
        }
        for norm in ["q_norm", "k_norm"] {
            let gains = vec![gain; config.head];
            written.push((format!("{within}.{norm}.weight"), vec![config.head], gains));
        }
    }
    Some(written)
}

/// Where the parts lie, and how long they are.
struct Circuit<'c> {
    config: &'c Config,
    draw: Draw,
    /// The width of the token's part.
    token: usize,
    /// The width of what one token before is carried in, and of what two before is.
    before: usize,
    /// How long a token is.
    length: f64,
}

/// A layer's projections, by name.
type Attention = [(&'static str, Matrix); 4];

impl<'c> Circuit<'c> {
    fn new(config: &'c Config, draw: Draw) -> Circuit<'c> {
        let token = config.hidden / 2;
        let length = LOGIT / to_f64(config.hidden).sqrt();
        Circuit { config, draw, token, before: (config.hidden - 1 - token) / 2, length }
    }

    /// Tokens in directions of their own, and the part that is the same of all and as long.
    fn embedding(&self) -> Written {
        let (rows, hidden) = (self.config.vocabulary, self.config.hidden);
        let deviation = self.length / to_f64(self.token).sqrt();
        let tokens = bell(self.draw.with("tokens"), rows * self.token, deviation);
        let mut embedding = Matrix::zeros(rows, hidden);
        for (row, parts) in tokens.chunks(self.token).enumerate() {
            embedding.put(row, 0, parts);
            embedding.put(row, hidden - 1, &[to_f32(self.length)]);
        }
        ("model.embed_tokens.weight".into(), vec![rows, hidden], embedding.numbers)
    }

    /// How a token is carried: `before` directions of its part.
    fn carried(&self) -> Vec<f32> {
        directions(self.draw.with("carried"), self.before, self.token)
    }

    /// Brings every token those one and two before it, each as long as itself.
    fn looking_back(&self) -> Attention {
        let Config { hidden, heads, head, .. } = *self.config;
        let mut attention = self.silent();
        let [(_, queries), (_, keys), (_, values), (_, outputs)] = &mut attention;
        let carried = self.carried();
        // A norm makes a token and the part that is the same, both as long, √hidden together.
        let share = (to_f64(self.token) / to_f64(self.before)).sqrt();
        let weight = to_f32(share * self.length * (2.0 / to_f64(hidden)).sqrt());
        for at in 0..heads {
            let (far, first) = (1 + at / (heads / 2), at * head);
            for pair in 0..head / 8 {
                let angle = to_f64(far) * self.frequency(pair);
                keys.put(first + pair, hidden - 1, &[1.0]);
                queries.put(first + pair, hidden - 1, &[to_f32(angle.cos())]);
                queries.put(first + head / 2 + pair, hidden - 1, &[to_f32(-angle.sin())]);
            }
            let into = self.token + (far - 1) * self.before;
            for place in self.share_of(at, self.before) {
                values.put(first + place % head, 0, &carried[place * self.token..][..self.token]);
                outputs.put(into + place, first + place % head, &[weight]);
            }
        }
        attention
    }

    /// Adds to every token what stands behind an earlier one like it.
    fn reading_on(&self) -> Attention {
        let Config { hidden, heads, head, .. } = *self.config;
        let mut attention = self.silent();
        let [(_, queries), (_, keys), (_, values), (_, outputs)] = &mut attention;
        let carried = self.carried();
        let stretch = to_f32((to_f64(self.token) / to_f64(self.before)).sqrt());
        // Both halves of the heads add the same; the norm makes four parts √hidden together.
        let weight = to_f32(0.5 * COPIED * self.length * (4.0 / to_f64(hidden)).sqrt());
        for at in 0..heads {
            let first = at * head;
            let draw = self.draw.with("alike").at(at);
            let alike = directions(draw.with("one"), head / 2, self.before);
            let earlier = directions(draw.with("two"), head / 2, self.before);
            for place in 0..head / 2 {
                // The slow pairs are the second half of either half of a head.
                let row = first + place + head / 4 * (1 + place / (head / 4));
                let asked = &alike[place * self.before..][..self.before];
                queries.put(row, 0, &combined(asked, &carried, stretch));
                keys.put(row, self.token, asked);
                if at < heads / 2 {
                    let again = &earlier[place * self.before..][..self.before];
                    queries.put(row, self.token, again);
                    keys.put(row, self.token + self.before, again);
                }
            }
            for place in self.share_of(at, self.token) {
                values.put(first + place % head, place, &[1.0]);
                outputs.put(place, first + place % head, &[weight]);
            }
        }
        attention
    }

    /// Which of so many parts a head takes: every half of the heads takes all, head after head.
    fn share_of(&self, at: usize, parts: usize) -> Range<usize> {
        let first = at % (self.config.heads / 2) * self.config.head;
        first.min(parts)..(first + self.config.head).min(parts)
    }

    /// How far a pair of a head is turned from one position to the next.
    fn frequency(&self, pair: usize) -> f64 {
        let part = to_f64(2 * pair) / to_f64(self.config.head);
        self.config.rope_theta.powf(-part)
    }

    fn silent(&self) -> Attention {
        let (hidden, wide) = (self.config.hidden, self.config.heads * self.config.head);
        [
            ("q_proj", Matrix::zeros(wide, hidden)),
            ("k_proj", Matrix::zeros(wide, hidden)),
            ("v_proj", Matrix::zeros(wide, hidden)),
            ("o_proj", Matrix::zeros(hidden, wide)),
        ]
    }
}

/// A row times a matrix of as many rows, times a number.
fn combined(row: &[f32], matrix: &[f32], stretch: f32) -> Vec<f32> {
    let columns = matrix.len() / row.len();
    (0..columns)
        .map(|column| {
            let rows = row.iter().zip(matrix.chunks(columns));
            stretch * rows.map(|(number, other)| number * other[column]).sum::<f32>()
        })
        .collect()
}

/// Numbers in row-major order.
struct Matrix {
    columns: usize,
    numbers: Vec<f32>,
}

impl Matrix {
    fn zeros(rows: usize, columns: usize) -> Matrix {
        Matrix { columns, numbers: vec![0.0; rows * columns] }
    }

    /// Puts numbers into a row, from a column on.
    fn put(&mut self, row: usize, column: usize, numbers: &[f32]) {
        let start = row * self.columns + column;
        self.numbers[start..start + numbers.len()].copy_from_slice(numbers);
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::decoder::Decoder;
    use crate::drills::drills;
    use crate::loss::{Document, Sheet, sum_of};
    use crate::parameters::Parameters;

    /// The loss of an untrained model on random tokens said twice, per token.
    fn loss(sizes: [usize; 3], documents: &[Document]) -> f64 {
        let config = Config::small(600, sizes, 900, &[]).unwrap();
        let device = Device::flex();
        let model = Decoder::new(config.clone(), Parameters::fresh(&config, 7, &device));
        let sheet = Sheet::of(documents);
        sum_of(&model, &sheet, &device).unwrap() / to_f64(sheet.targets())
    }

    #[test]
    fn fresh_model_reads_on_where_it_read_before() {
        let tokens: Vec<u32> = (0..600).collect();
        let drills = drills(&tokens, 900, Draw::new(3));
        for sizes in [[2, 128, 2], [4, 128, 4]] {
            let found = loss(sizes, &drills);
            assert!(found < 1.0, "{sizes:?}: {found}, of ln 600 = 6.4");
        }
        // One layer has no place for it.
        let blind = loss([1, 128, 2], &drills);
        assert!(6.0 < blind, "{blind}");
    }

    /// An identifier of pairs that each stand elsewhere too is found by two of them.
    #[test]
    fn fresh_model_copies_what_was_said_once() {
        let said = [11, 12, 13, 14, 15, 16];
        let mut tokens = vec![1, 2];
        tokens.extend(said);
        tokens.extend([3, 12, 40, 4, 13, 41, 5, 14, 42, 6, 15, 43, 7, 16, 44, 8, 9]);
        let from = tokens.len();
        tokens.extend(said);
        let supervised = (0..tokens.len()).map(|place| from < place).collect();
        let found = loss([2, 128, 2], &[Document { tokens, supervised }]);
        assert!(found < 1.5, "{found}");
    }

    #[test]
    fn shapes_without_room_are_left_alone() {
        for sizes in [[1, 128, 2], [2, 12, 2], [2, 20, 2], [2, 128, 1], [2, 32, 8]] {
            let config = Config::small(300, sizes, 64, &[]).unwrap();
            assert!(induction(&config, Draw::new(1)).is_none(), "{sizes:?}");
        }
        for sizes in [[2, 24, 2], [3, 64, 4]] {
            let config = Config::small(300, sizes, 64, &[]).unwrap();
            let shapes = config.tensors();
            for (name, shape, numbers) in induction(&config, Draw::new(1)).unwrap() {
                assert_eq!(numbers.len(), shape.iter().product::<usize>(), "{name}");
                assert!(shapes.contains(&(name, shape)));
            }
        }
    }
}
