//! An inverted index over sparse unit vectors, searched exactly.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use schemas::{ToolId, Vector};

use crate::work::Work;

/// The place of a vector in an [`Index`]; places of the removed are used again.
pub(crate) type Slot = u32;

/// The unit of a product of two weights: 2⁻⁶⁰.
const ONE: u128 = 1 << 60;

/// Vectors by their terms.
///
/// All arithmetic is in integers, so no result depends on the order in which vectors came, and a
/// bound that says "cannot be nearer" is never wrong by rounding.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// By the hash of a term: its number here.
    numbers: BTreeMap<u64, u32>,
    /// By term: who uses it, with the weight, in no particular order.
    own: Vec<Vec<(Slot, u32)>>,
    /// The same for the vectors of other shares, which are found but never asked for.
    others: Vec<Vec<(Slot, u32)>>,
    points: Vec<Point>,
    free: Vec<Slot>,
    /// The greatest length a vector ever had here.
    length_max: u64,
}

/// One vector of an index.
#[derive(Debug)]
struct Point {
    tool: ToolId,
    own: bool,
    terms: Vec<(u32, u32)>,
}

/// What a search needs room for, kept between searches.
#[derive(Debug, Default)]
pub(crate) struct Query {
    /// By slot: the product so far; all zero between searches.
    products: Vec<u64>,
    /// By term: the weight in the query; all zero between searches.
    weights: Vec<u32>,
    /// Slots whose product is not zero.
    candidates: Vec<Slot>,
    ranks: Vec<u64>,
}

impl Index {
    /// Adds a vector.
    ///
    /// # Panics
    ///
    /// Panics if the vector is much longer than a unit vector, or at 2³² tools or terms: bounds
    /// would overflow and the links be wrong.
    pub(crate) fn insert(&mut self, vector: &Vector, own: bool) -> Slot {
        let room = "fewer than 2³² vectors and terms";
        let mut terms = Vec::with_capacity(vector.terms.len());
        for (hash, weight) in vector.terms.iter().filter(|(_, weight)| 0 < *weight) {
            let next = u32::try_from(self.numbers.len()).expect(room);
            terms.push((*self.numbers.entry(*hash).or_insert(next), *weight));
        }
        self.own.resize_with(self.numbers.len(), Vec::new);
        self.others.resize_with(self.numbers.len(), Vec::new);
        let length = length(terms.iter().map(|(_, weight)| *weight));
        assert!(length <= 1 << 31, "the vector of {} is no unit vector", vector.tool);
        self.length_max = self.length_max.max(length);
        let point = Point { tool: vector.tool, own, terms };
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                let empty = Point { tool: vector.tool, own, terms: Vec::new() };
                self.points.push(empty);
                u32::try_from(self.points.len() - 1).expect(room)
            }
        };
        let postings = if own { &mut self.own } else { &mut self.others };
        for (term, weight) in &point.terms {
            postings[*term as usize].push((slot, *weight));
        }
        self.points[slot as usize] = point;
        slot
    }

    /// Removes vectors.
    pub(crate) fn remove(&mut self, slots: &[Slot]) {
        let mut gone = vec![false; self.points.len()];
        let mut touched = [Vec::new(), Vec::new()];
        for slot in slots {
            gone[*slot as usize] = true;
            let point = &mut self.points[*slot as usize];
            touched[usize::from(point.own)].extend(point.terms.drain(..).map(|(term, _)| term));
            self.free.push(*slot);
        }
        let [others, own] = &mut touched;
        for (terms, postings) in [(others, &mut self.others), (own, &mut self.own)] {
            terms.sort_unstable();
            terms.dedup();
            for term in terms {
                postings[*term as usize].retain(|(slot, _)| !gone[*slot as usize]);
            }
        }
    }

    /// The `count` vectors nearest to one of them, none below `weight_min`; the nearest first,
    /// ties by id.
    ///
    /// Terms are read from the rarest on. When what is left of the query is too short to lift an
    /// unseen vector to the worst place of the list, no more candidates are gathered (the L2
    /// prefix filter); candidates are then completed from the most promising on, until the rest
    /// cannot get in.
    pub(crate) fn nearest(
        &self,
        slot: Slot,
        count: usize,
        weight_min: u32,
        query: &mut Query,
        work: &Work,
    ) -> Vec<(u32, ToolId)> {
        let terms = self.rarest_first(slot);
        let rests = self.rests(&terms);
        query.prepare(self);
        let mut read = 0;
        let mut enough = weight_min;
        for (place, (term, weight)) in terms.iter().enumerate() {
            let postings = self.postings(*term);
            if query.candidates.len() < 4 * postings {
                enough = enough.max(query.rank(count));
            }
            if bounded(0, rests[place]) < enough {
                break;
            }
            query.add(&self.own[*term as usize], *weight);
            query.add(&self.others[*term as usize], *weight);
            read = place + 1;
        }
        query.clear(slot);
        for (term, weight) in &terms[read..] {
            query.weights[*term as usize] = *weight;
        }
        let list = self.complete(query, rests[read], count, weight_min, work);
        for (term, _) in &terms[read..] {
            query.weights[*term as usize] = 0;
        }
        list
    }

    /// The vectors of this share within reach of one: every cosine of at least `weight_min`.
    pub(crate) fn within(
        &self,
        slot: Slot,
        weight_min: u32,
        query: &mut Query,
        work: &Work,
    ) -> Vec<(ToolId, u32)> {
        query.prepare(self);
        for (term, weight) in &self.points[slot as usize].terms {
            query.add(&self.own[*term as usize], *weight);
        }
        query.clear(slot);
        work.pairs_scored.add(query.candidates.len());
        let mut found = Vec::new();
        for candidate in std::mem::take(&mut query.candidates) {
            let product = std::mem::take(&mut query.products[candidate as usize]);
            if weight_min <= millionths(product) && product != 0 {
                found.push((self.points[candidate as usize].tool, millionths(product)));
            }
        }
        found
    }

    fn complete(
        &self,
        query: &mut Query,
        rest: u64,
        count: usize,
        weight_min: u32,
        work: &Work,
    ) -> Vec<(u32, ToolId)> {
        let mut promising: Vec<(Reverse<u64>, Slot)> = Vec::new();
        let enough = weight_min.max(query.rank(count));
        for candidate in query.candidates.drain(..) {
            let product = std::mem::take(&mut query.products[candidate as usize]);
            if product != 0 && enough <= bounded(product, rest) {
                promising.push((Reverse(product), candidate));
            }
        }
        promising.sort_unstable();
        let mut list: Vec<(Reverse<u32>, ToolId)> = Vec::with_capacity(count + 1);
        let mut scored = 0;
        for (Reverse(product), candidate) in promising {
            let worst = list.get(count.wrapping_sub(1)).copied();
            if count == 0 || worst.is_some_and(|(worst, _)| bounded(product, rest) < worst.0) {
                break;
            }
            scored += 1;
            let point = &self.points[candidate as usize];
            let remaining: u64 = match rest {
                0 => 0,
                _ => point
                    .terms
                    .iter()
                    .map(|(term, weight)| {
                        u64::from(query.weights[*term as usize]) * u64::from(*weight)
                    })
                    .sum(),
            };
            let entry = (Reverse(millionths(product + remaining)), point.tool);
            if entry.0.0 < weight_min || worst.is_some_and(|worst| worst < entry) {
                continue;
            }
            let place = list.partition_point(|other| *other < entry);
            list.insert(place, entry);
            list.truncate(count);
        }
        work.pairs_scored.add(scored);
        list.into_iter().map(|(weight, tool)| (weight.0, tool)).collect()
    }

    fn postings(&self, term: u32) -> usize {
        self.own[term as usize].len() + self.others[term as usize].len()
    }

    fn rarest_first(&self, slot: Slot) -> Vec<(u32, u32)> {
        let mut terms = self.points[slot as usize].terms.clone();
        terms.sort_by_key(|(term, weight)| (self.postings(*term), Reverse(*weight), *term));
        terms
    }

    /// For every place, the most that the terms from there on can add to any product.
    fn rests(&self, terms: &[(u32, u32)]) -> Vec<u64> {
        let mut rests = vec![0; terms.len() + 1];
        let mut square = 0;
        for (place, (_, weight)) in terms.iter().enumerate().rev() {
            square += u128::from(*weight) * u128::from(*weight);
            let bound = root(square) * u128::from(self.length_max);
            rests[place] = u64::try_from(bound).expect("a product of two lengths below 2³²");
        }
        rests
    }
}

impl Query {
    fn prepare(&mut self, index: &Index) {
        self.products.resize(index.points.len(), 0);
        self.weights.resize(index.numbers.len(), 0);
    }

    fn add(&mut self, postings: &[(Slot, u32)], weight: u32) {
        for (slot, other) in postings {
            let product = &mut self.products[*slot as usize];
            if *product == 0 {
                self.candidates.push(*slot);
            }
            *product += u64::from(weight) * u64::from(*other);
        }
    }

    /// Forgets one candidate: nothing is its own neighbour.
    fn clear(&mut self, slot: Slot) {
        self.products[slot as usize] = 0;
    }

    /// What the candidate of that rank has for certain, in millionths; the query itself, which is
    /// a candidate until it is cleared, makes the rank one better than it should be, so one more
    /// is counted.
    fn rank(&mut self, count: usize) -> u32 {
        if self.candidates.len() <= count {
            return 0;
        }
        self.ranks.clear();
        self.ranks.extend(self.candidates.iter().map(|slot| self.products[*slot as usize]));
        let (_, product, _) =
            self.ranks.select_nth_unstable_by_key(count, |product| Reverse(*product));
        millionths(*product)
    }
}

/// A product in millionths, `0..=1_000_000`.
fn millionths(product: u64) -> u32 {
    u32::try_from((u128::from(product) * 1_000_000 / ONE).min(1_000_000)).expect("at most 10⁶")
}

/// The most millionths a product can come to.
fn bounded(product: u64, rest: u64) -> u32 {
    millionths(product.saturating_add(rest))
}

fn length(weights: impl Iterator<Item = u32>) -> u64 {
    let square = weights.map(|weight| u128::from(weight) * u128::from(weight)).sum();
    u64::try_from(root(square)).expect("the root of 128 bits fits 64 bits")
}

/// The square root, rounded up.
fn root(square: u128) -> u128 {
    let floor = square.isqrt();
    floor + u128::from(floor * floor < square)
}
