//! Exact search: who is nearest to a vector, and which lists a newcomer gets into.

use std::cmp::Reverse;

use schemas::ToolId;

use super::index::{Index, Slot, Term};
use super::postings::{COARSE, Posting};
use crate::work::Work;

/// The unit of a product of two weights: 2⁻⁶⁰.
const ONE: u64 = 1 << 60;

/// How many bits of a product a sum leaves out: sums are in units of 2⁻²⁹, so that those of the
/// longest vectors fit into 32 bits.
const SUM_COARSE: u32 = 31;

/// How many bits of a weight the searching side leaves out, so that its product with a
/// [`Posting`]'s is in the unit of sums.
const WEIGHT_COARSE: u32 = SUM_COARSE - COARSE;

/// After how many postings the most promising candidates are scored for the first time, to know
/// how near the others must be.
const GLANCE: usize = 128;

/// More than the rest of any posting.
const BEYOND: u32 = 1 << 16;

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
    /// By slot: the product so far, rounded up; all zero between searches.
    sums: Vec<u32>,
    /// By term: the weight in the query; all zero between searches.
    weights: Vec<u32>,
    /// Slots whose sum is not zero, so many of them; the others mean nothing.
    candidates: Vec<Slot>,
    found: usize,
    /// Candidates by their sum, as [`ranked`] packs them.
    promising: Vec<u64>,
}

impl Index {
    /// The `count` vectors nearest to one of them, none with a product below `need_min`.
    ///
    /// Terms are read from the rarest on. What two vectors share from a term on is at most the
    /// product of their rests there. Where that is less than what is needed, nobody new can get
    /// in, and only the sums of known candidates are carried on; where it is less than half of
    /// that, not even these, and what a candidate lacks is at most this half. Rests only shrink
    /// and the need only grows, so whoever is passed over once is passed over to the end. How near
    /// the last of the list must be is learnt on the way, from what the best so far come to in
    /// full; the few whose sum could still do are scored exactly.
    pub(crate) fn nearest(
        &self,
        slot: Slot,
        count: usize,
        need_min: u64,
        scratch: &mut Scratch,
        work: &Work,
    ) -> Vec<Entry> {
        let terms = self.terms(slot);
        scratch.open(self, terms);
        let (mut need, mut least) = (need_min, 0);
        let (mut read, mut glance) = (0, GLANCE);
        for (term, rest) in terms.iter().zip(self.rests(slot)) {
            let reach = reach(lacking(need), *rest);
            if reach == BEYOND {
                break;
            }
            let (ordered, later) = self.uses.of(term.number);
            if ordered.len() + later.len() < 2 {
                continue;
            }
            let weight = term.weight.div_ceil(1 << WEIGHT_COARSE);
            read += scratch.add(ordered, weight, self::reach(need, *rest), reach);
            read += scratch.add(later, weight, 0, 0);
            if glance <= read && count < scratch.found {
                let seen = self.glance(slot, count, &mut least, scratch);
                need = need.max(seen);
                work.pairs_scored.add(count);
                glance = 8 * read;
            }
        }
        scratch.sums[slot as usize] = 0;
        scratch.promising(need);
        let list = self.complete(count, need, scratch, work);
        scratch.close(terms);
        list
    }

    /// The lists that a vector gets into by what they need, with its cosine in millionths.
    ///
    /// Reads as [`Index::nearest`] does, but everybody has a need of their own, none below
    /// `need_min`.
    pub(crate) fn within(
        &self,
        slot: Slot,
        need_min: u64,
        scratch: &mut Scratch,
        work: &Work,
    ) -> Vec<(Slot, u32)> {
        let terms = self.terms(slot);
        scratch.open(self, terms);
        let lacking = lacking(need_min);
        for (term, rest) in terms.iter().zip(self.rests(slot)) {
            let reach = reach(lacking, *rest);
            if reach == BEYOND {
                break;
            }
            let (ordered, later) = self.uses.of(term.number);
            let [weight, rest] = [term.weight, *rest].map(|it| it.div_ceil(1 << WEIGHT_COARSE));
            scratch.add_asked(ordered, weight, rest, reach, &self.coarse_needs);
            scratch.add_asked(later, weight, rest, 0, &self.coarse_needs);
        }
        scratch.sums[slot as usize] = 0;
        let mut found = Vec::new();
        let mut scored = 0;
        for candidate in scratch.candidates[..scratch.found].iter().copied() {
            let sum = std::mem::take(&mut scratch.sums[candidate as usize]);
            let need = self.needs[candidate as usize];
            if sum == 0 || (u64::from(sum) << SUM_COARSE) + lacking < need {
                continue;
            }
            scored += 1;
            let exact = self.product(candidate, &scratch.weights);
            if need <= exact {
                found.push((candidate, millionths(exact)));
            }
        }
        work.pairs_scored.add(scored);
        scratch.close(terms);
        found
    }

    /// The product that so many have for certain: those that are ahead are scored in full.
    ///
    /// `least` is a sum that so many had before, so nobody below it is ahead; it is raised.
    fn glance(&self, slot: Slot, count: usize, least: &mut u32, scratch: &mut Scratch) -> u64 {
        let Scratch { sums, weights, candidates, found, promising, .. } = scratch;
        promising.clear();
        for candidate in candidates[..*found].iter().copied() {
            let sum = sums[candidate as usize];
            if *least <= sum && candidate != slot {
                promising.push(ranked(sum, candidate));
            }
        }
        if promising.len() < count {
            return 0;
        }
        let (_, last, _) =
            promising.select_nth_unstable_by_key(count - 1, |candidate| Reverse(*candidate));
        *least = unranked(*last).0;
        let exact = promising[..count].iter().map(|it| self.product(unranked(*it).1, weights));
        product_of(millionths(exact.min().unwrap_or_default()))
    }

    /// The product with the vector whose weights these are.
    fn product(&self, slot: Slot, weights: &[u32]) -> u64 {
        let terms = self.terms(slot).iter();
        terms.map(|term| u64::from(weights[term.number as usize]) * u64::from(term.weight)).sum()
    }

    fn complete(&self, count: usize, need_min: u64, scratch: &Scratch, work: &Work) -> Vec<Entry> {
        let lacking = lacking(need_min);
        let mut need = need_min;
        let mut list: Vec<Entry> = Vec::new();
        let mut scored = 0;
        for (sum, slot) in scratch.promising.iter().map(|candidate| unranked(*candidate)) {
            if (u64::from(sum) << SUM_COARSE) + lacking < need || count == 0 {
                break;
            }
            scored += 1;
            let exact = self.product(slot, &scratch.weights);
            if exact < need {
                continue;
            }
            let entry = Entry { weight: Reverse(millionths(exact)), tool: self.tool(slot), slot };
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
        self.sums.resize(index.slots(), 0);
        self.candidates.resize(index.slots() + 1, 0);
        self.weights.resize(index.vocabulary(), 0);
        for term in terms {
            self.weights[term.number as usize] = term.weight;
        }
    }

    fn close(&mut self, terms: &[Term]) {
        for term in terms {
            self.weights[term.number as usize] = 0;
        }
    }

    /// Adds what a list gives, as far as rests are at least `reach`; whose rest is at least
    /// `opens` becomes a candidate. Returns how many postings were read.
    fn add(&mut self, postings: &[Posting], weight: u32, opens: u32, reach: u32) -> usize {
        let (mut found, mut read) = (self.found, postings.len());
        for (place, posting) in postings.iter().enumerate() {
            if u32::from(posting.rest) < opens {
                read = place;
                break;
            }
            let sum = &mut self.sums[posting.slot as usize];
            // Writing always and counting sometimes needs no branch, which could not be foretold.
            self.candidates[found] = posting.slot;
            found += usize::from(*sum == 0);
            *sum += weight * u32::from(posting.weight);
        }
        self.found = found;
        for posting in &postings[read..] {
            if u32::from(posting.rest) < reach {
                break;
            }
            let sum = &mut self.sums[posting.slot as usize];
            *sum += if *sum == 0 { 0 } else { weight * u32::from(posting.weight) };
            read += 1;
        }
        read
    }

    /// Adds what a list gives, as far as rests are at least `reach`, to those who can still need
    /// it; weight and rest are those of the newcomer, in units of 2⁻¹⁴.
    fn add_asked(
        &mut self,
        postings: &[Posting],
        weight: u32,
        rest: u32,
        reach: u32,
        needs: &[u16],
    ) {
        let mut found = self.found;
        for posting in postings.iter().take_while(|it| reach <= u32::from(it.rest)) {
            let most = (rest * u32::from(posting.rest)) >> COARSE;
            let opens = u32::from(needs[posting.slot as usize]) <= most;
            let sum = &mut self.sums[posting.slot as usize];
            self.candidates[found] = posting.slot;
            found += usize::from(opens && *sum == 0);
            *sum += if opens || *sum != 0 { weight * u32::from(posting.weight) } else { 0 };
        }
        self.found = found;
    }

    /// Moves the candidates that may still do out of the way of the others, the best first.
    fn promising(&mut self, need: u64) {
        let bar = (need - lacking(need)).div_ceil(1 << SUM_COARSE);
        let bar = u32::try_from(bar).unwrap_or(u32::MAX);
        self.promising.clear();
        for candidate in self.candidates[..self.found].iter().copied() {
            let sum = std::mem::take(&mut self.sums[candidate as usize]);
            if bar <= sum && sum != 0 {
                self.promising.push(ranked(sum, candidate));
            }
        }
        self.promising.sort_unstable_by_key(|candidate| Reverse(*candidate));
    }
}

/// The most that a candidate may lack without its sum being carried on.
fn lacking(need: u64) -> u64 {
    need / 2
}

/// The least rest of a posting with which a rest comes to at least such a product; `BEYOND` if
/// none is long enough.
fn reach(product: u64, rest: u32) -> u32 {
    let least = product.div_ceil((u64::from(rest) << COARSE).max(1));
    u32::try_from(least).map_or(BEYOND, |least| least.min(BEYOND))
}

/// A candidate with its sum, so that greater sums are greater.
fn ranked(sum: u32, slot: Slot) -> u64 {
    u64::from(sum) << 32 | u64::from(slot)
}

/// What [`ranked`] packed.
fn unranked(candidate: u64) -> (u32, Slot) {
    let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).expect("half of 64 bits");
    (half(candidate >> 32), half(candidate))
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
