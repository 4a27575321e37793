//! Exact search: who is nearest to a vector, and which lists a newcomer gets into.

use std::cmp::Reverse;

use schemas::ToolId;

use super::index::{Index, Point, Posting, Slot, Term};
use crate::work::Work;

/// The unit of a product of two weights: 2⁻⁶⁰.
const ONE: u64 = 1 << 60;

/// After how many postings the most promising candidates are scored for the first time, to know
/// how near the others must be.
const GLANCE: usize = 128;

/// One neighbour. Orders the nearest first, ties by id.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub(crate) struct Entry {
    /// The cosine in millionths.
    pub(crate) weight: Reverse<u32>,
    pub(crate) tool: ToolId,
    pub(crate) slot: Slot,
}

/// What a search needs room for, kept between searches.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// By slot: the product so far; all zero between searches.
    products: Vec<u64>,
    /// By term: the weight in the query; all zero between searches.
    weights: Vec<u32>,
    /// Slots whose product is not zero, so many of them; the others mean nothing.
    candidates: Vec<Slot>,
    found: usize,
    /// Candidates that may do, by what they can come to at most, with their product so far.
    promising: Vec<(Reverse<u64>, Slot, u64)>,
    ranks: Vec<(u64, Slot)>,
}

impl Index {
    /// The `count` vectors nearest to one of them, none with a product below `need_min`.
    ///
    /// Terms are read from the rarest on. When what is left of the query is too short to lift an
    /// unseen vector into the list, no more candidates are gathered; candidates are then
    /// completed from the most promising on, until the rest cannot get in. How near the last of
    /// the list must be is learnt on the way, from what the best so far come to in full.
    pub(crate) fn nearest(
        &self,
        slot: Slot,
        count: usize,
        need_min: u64,
        scratch: &mut Scratch,
        work: &Work,
    ) -> Vec<Entry> {
        let Point { terms, rests, .. } = &self.points[slot as usize];
        scratch.open(self, terms);
        let mut need = need_min;
        let (mut read, mut postings, mut glance) = (0, 0, GLANCE);
        for (term, rest) in terms.iter().zip(rests) {
            if u64::from(*rest) * self.length_max < need {
                break;
            }
            let uses = &self.uses[term.number as usize].all;
            scratch.add(uses, term.weight);
            postings += uses.len();
            read += 1;
            if glance <= postings && count < scratch.found {
                need = need.max(self.glance(slot, count, &terms[read..], scratch));
                work.pairs_scored.add(count);
                glance = 8 * postings;
            }
        }
        scratch.products[slot as usize] = 0;
        let rest = rests.get(read).copied().unwrap_or_default();
        self.promising(need, &terms[read..], rest, scratch);
        let list = self.complete(count, need, &terms[read..], scratch, work);
        scratch.close(terms);
        list
    }

    /// The lists that a vector gets into by the bars they set, with its cosine in millionths.
    pub(crate) fn within(
        &self,
        slot: Slot,
        scratch: &mut Scratch,
        work: &Work,
    ) -> Vec<(Slot, u32)> {
        let terms = &self.points[slot as usize].terms;
        scratch.open(self, terms);
        for term in terms {
            scratch.add(&self.uses[term.number as usize].asks, term.weight);
        }
        scratch.products[slot as usize] = 0;
        let mut found = Vec::new();
        let mut scored = 0;
        for candidate in scratch.candidates[..scratch.found].iter().copied() {
            let product = std::mem::take(&mut scratch.products[candidate as usize]);
            let bar = self.bars[candidate as usize];
            let rest = self.tails[bar.class as usize][slot as usize];
            if product == 0 || product + u64::from(rest) * u64::from(bar.suffix) < bar.need {
                continue;
            }
            scored += 1;
            let exact = self.remaining(candidate, terms, &scratch.weights);
            if bar.need <= exact {
                found.push((candidate, millionths(exact)));
            }
        }
        work.pairs_scored.add(scored);
        scratch.close(terms);
        found
    }

    /// The product that so many have for certain: those that are ahead are scored in full.
    fn glance(&self, slot: Slot, count: usize, unread: &[Term], scratch: &mut Scratch) -> u64 {
        let Scratch { products, weights, candidates, found, ranks, .. } = scratch;
        ranks.clear();
        let others = candidates[..*found].iter().filter(|candidate| **candidate != slot);
        ranks.extend(others.map(|candidate| (products[*candidate as usize], *candidate)));
        if ranks.len() < count {
            return 0;
        }
        ranks.select_nth_unstable_by_key(count - 1, |(product, _)| Reverse(*product));
        let exact = ranks[..count]
            .iter()
            .map(|(product, other)| product + self.remaining(*other, unread, weights));
        product_of(millionths(exact.min().unwrap_or_default()))
    }

    /// What the terms that were not read come to.
    fn remaining(&self, slot: Slot, unread: &[Term], weights: &[u32]) -> u64 {
        let Some(first) = unread.first().map(|term| self.order(term.number)) else { return 0 };
        let terms = &self.points[slot as usize].terms;
        let commoner = terms.iter().rev().take_while(|term| first <= self.order(term.number));
        commoner.map(|term| u64::from(weights[term.number as usize]) * u64::from(term.weight)).sum()
    }

    /// Moves the candidates that may still do out of the way of the others, the best first.
    fn promising(&self, need: u64, unread: &[Term], rest: u32, scratch: &mut Scratch) {
        let Scratch { products, candidates, found, promising, .. } = scratch;
        let tails = &self.tails[unread.first().map_or(0, |term| self.class(term.number))];
        promising.clear();
        for candidate in candidates[..*found].iter().copied() {
            let product = std::mem::take(&mut products[candidate as usize]);
            let most = product + u64::from(rest) * u64::from(tails[candidate as usize]);
            if need <= most && product != 0 {
                promising.push((Reverse(most), candidate, product));
            }
        }
        promising.sort_unstable();
    }

    fn complete(
        &self,
        count: usize,
        need_min: u64,
        unread: &[Term],
        scratch: &Scratch,
        work: &Work,
    ) -> Vec<Entry> {
        let mut need = need_min;
        let mut list: Vec<Entry> = Vec::new();
        let mut scored = 0;
        for (Reverse(most), slot, product) in &scratch.promising {
            if *most < need || count == 0 {
                break;
            }
            scored += 1;
            let point = &self.points[*slot as usize];
            let exact = product + self.remaining(*slot, unread, &scratch.weights);
            if exact < need {
                continue;
            }
            let weight = Reverse(millionths(exact));
            let entry = Entry { weight, tool: point.tool, slot: *slot };
            if count == usize::MAX {
                list.push(entry);
                continue;
            }
            let place = list.partition_point(|other| *other < entry);
            list.insert(place, entry);
            list.truncate(count);
            if list.len() == count {
                need = need.max(list.last().map_or(0, |last| product_of(last.weight.0)));
            }
        }
        work.pairs_scored.add(scored);
        list.sort_unstable();
        list
    }
}

impl Scratch {
    fn open(&mut self, index: &Index, terms: &[Term]) {
        self.found = 0;
        self.products.resize(index.points.len(), 0);
        self.candidates.resize(index.points.len() + 1, 0);
        self.weights.resize(index.uses.len(), 0);
        for term in terms {
            self.weights[term.number as usize] = term.weight;
        }
    }

    fn close(&mut self, terms: &[Term]) {
        for term in terms {
            self.weights[term.number as usize] = 0;
        }
    }

    fn add(&mut self, postings: &[Posting], weight: u32) {
        let mut found = self.found;
        for (slot, other) in postings {
            let product = &mut self.products[*slot as usize];
            // Writing always and counting sometimes needs no branch, which could not be foretold.
            self.candidates[found] = *slot;
            found += usize::from(*product == 0);
            *product += u64::from(weight) * u64::from(*other);
        }
        self.found = found;
    }
}

/// A product in millionths, `0..=1_000_000`.
fn millionths(product: u64) -> u32 {
    u32::try_from(((u128::from(product) * 1_000_000) >> 60).min(1_000_000)).expect("at most 10⁶")
}

/// The least product that comes to so many millionths; more than any where there is none.
pub(crate) fn product_of(millionths: u32) -> u64 {
    if 1_000_000 < millionths {
        return u64::MAX;
    }
    let (whole, part) = (ONE / 1_000_000, ONE % 1_000_000);
    u64::from(millionths) * whole + (u64::from(millionths) * part).div_ceil(1_000_000)
}

/// The least product that is above so many thousandths.
pub(crate) fn product_above(permille: u32) -> u64 {
    u64::try_from(u128::from(permille) * u128::from(ONE) / 1000 + 1).unwrap_or(u64::MAX)
}
