//! An inverted index over sparse unit vectors.

use std::cmp::Reverse;

use hashbrown::HashTable;
use schemas::{ToolId, Vector};

use super::postings::{COARSE, Posting, Uses};

/// The place of a vector in an [`Index`]; places of the removed are used again.
pub(crate) type Slot = u32;

/// The greatest length a vector may have, a little below twice a unit.
pub(super) const LENGTH_MAX: u64 = (u16::MAX as u64) << COARSE;

/// How many bits of a product a coarse need leaves out.
const NEED_COARSE: u32 = 46;

pub(super) const ROOM: &str = "fewer than 2³² vectors, terms and uses of terms";

/// Vectors by their terms, and who wants to be told of which newcomers.
///
/// What decides is reckoned in integers and rounded to the safe side, so no result depends on the
/// order in which vectors came, and a bound that says "cannot be nearer" is never wrong.
///
/// All vectors keep their terms in one order, the rarest first. What two vectors share from a
/// term on is at most the product of what remains of both from there (the L2 bound). The order is
/// by how common terms were when the index was last built; later terms count as rarer than all
/// others. It is built again when as much has changed as there is, so that the cost stays with
/// the changes.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// The number of a term, found by its hash.
    numbers: HashTable<u32>,
    /// By number: the hash of the term.
    hashes: Vec<u64>,
    pub(super) uses: Uses,
    points: Vec<Point>,
    /// The terms of all vectors, each vector's together and the rarest first.
    terms: Vec<Term>,
    /// By place of a term: the length of its vector from there on, rounded up.
    rests: Vec<u32>,
    free: Vec<Slot>,
    /// By slot: the least product that its list takes in; more than any where it has no list here.
    pub(super) needs: Vec<u64>,
    /// The same in units of 2⁻¹⁴, rounded down: what a search looks at again and again.
    pub(super) coarse_needs: Vec<u16>,
    /// The first number that was given since the index was built.
    fresh: u32,
    live: usize,
    /// Vectors that came or went since the index was built.
    changed: usize,
}

/// One vector of an index.
#[derive(Clone, Copy, Debug)]
struct Point {
    tool: ToolId,
    /// Where its terms begin and end.
    start: u32,
    end: u32,
}

/// One term of a vector.
#[derive(Clone, Copy, Debug)]
pub(super) struct Term {
    pub(super) number: u32,
    pub(super) weight: u32,
}

impl Index {
    /// Removes vectors and adds others; returns the slots of these.
    ///
    /// # Panics
    ///
    /// Panics if a vector is much longer than a unit vector, or at 2³² tools, terms or uses of
    /// terms: bounds would overflow and the links be wrong.
    pub(crate) fn change(&mut self, gone: &[Slot], come: &[&Vector]) -> Vec<Slot> {
        let changes = gone.len() + come.len();
        self.changed += changes;
        let whole = self.live < 4 * changes || self.live < self.changed;
        for slot in gone {
            if !whole {
                self.withdraw(*slot);
            }
            let point = &mut self.points[*slot as usize];
            point.end = point.start;
            self.ask(*slot, u64::MAX);
            self.free.push(*slot);
        }
        let points: Vec<Point> = come.iter().map(|vector| self.read(vector)).collect();
        let slots = if whole {
            self.place_alike(&points)
        } else {
            points.into_iter().map(|point| self.place(point)).collect()
        };
        self.live = self.live + come.len() - gone.len();
        if whole {
            self.build();
        } else {
            for slot in &slots {
                self.enter(*slot);
            }
        }
        slots
    }

    /// The tool of a slot.
    pub(crate) fn tool(&self, slot: Slot) -> ToolId {
        self.points[slot as usize].tool
    }

    /// How many slots there are.
    pub(crate) fn slots(&self) -> usize {
        self.points.len()
    }

    /// Lets a list hear of newcomers that come to at least such a product.
    pub(crate) fn ask(&mut self, slot: Slot, need: u64) {
        self.needs[slot as usize] = need;
        let coarse = need >> NEED_COARSE;
        self.coarse_needs[slot as usize] = u16::try_from(coarse).unwrap_or(u16::MAX);
    }

    /// The terms of a vector.
    pub(super) fn terms(&self, slot: Slot) -> &[Term] {
        let Point { start, end, .. } = self.points[slot as usize];
        &self.terms[start as usize..end as usize]
    }

    /// By term of a vector: its length from there on.
    pub(super) fn rests(&self, slot: Slot) -> &[u32] {
        let Point { start, end, .. } = self.points[slot as usize];
        &self.rests[start as usize..end as usize]
    }

    /// How many terms have a number.
    pub(super) fn vocabulary(&self) -> usize {
        self.hashes.len()
    }

    /// Numbers the terms of a vector.
    fn read(&mut self, vector: &Vector) -> Point {
        let start = room(self.terms.len());
        let mut square = 0_u128;
        for (hash, weight) in vector.terms.iter().filter(|(_, weight)| 0 < *weight) {
            let number = self.number(*hash);
            self.terms.push(Term { number, weight: *weight });
            square += u128::from(*weight) * u128::from(*weight);
        }
        let short = square <= u128::from(LENGTH_MAX) * u128::from(LENGTH_MAX);
        assert!(short, "the vector of {} is no unit vector", vector.tool);
        self.rests.resize(self.terms.len(), 0);
        Point { tool: vector.tool, start, end: room(self.terms.len()) }
    }

    /// The number of a term, a new one if it has none.
    fn number(&mut self, hash: u64) -> u32 {
        let hashes = &mut self.hashes;
        if let Some(number) = self.numbers.find(hash, |number| hashes[*number as usize] == hash) {
            return *number;
        }
        let number = room(hashes.len());
        hashes.push(hash);
        self.numbers.insert_unique(hash, number, |number| hashes[*number as usize]);
        number
    }

    /// Places points so that those alike lie close together, which spares a search most of its
    /// way to memory.
    fn place_alike(&mut self, points: &[Point]) -> Vec<Slot> {
        let mut counts = vec![0_u32; self.hashes.len()];
        for term in points.iter().flat_map(|point| self.within_point(*point)) {
            counts[term.number as usize] += 1;
        }
        let mut heaviest: Vec<(Reverse<u32>, u32)> = Vec::new();
        let mut keyed: Vec<([u32; 4], usize)> = Vec::with_capacity(points.len());
        for (place, point) in points.iter().enumerate() {
            let shared = self.within_point(*point).iter();
            let shared = shared.filter(|term| 1 < counts[term.number as usize]);
            heaviest.clear();
            heaviest.extend(shared.map(|term| (Reverse(term.weight), term.number)));
            heaviest.sort_unstable();
            let number = |at: usize| heaviest.get(at).map_or(0, |(_, number)| number + 1);
            keyed.push((std::array::from_fn(number), place));
        }
        keyed.sort_unstable();
        let mut slots = vec![0; points.len()];
        for (_, place) in keyed {
            slots[place] = self.place(points[place]);
        }
        slots
    }

    fn within_point(&self, point: Point) -> &[Term] {
        &self.terms[point.start as usize..point.end as usize]
    }

    /// Keeps a vector without letting it be found yet.
    fn place(&mut self, point: Point) -> Slot {
        if let Some(slot) = self.free.pop() {
            self.points[slot as usize] = point;
            return slot;
        }
        self.points.push(point);
        self.needs.push(u64::MAX);
        self.coarse_needs.push(u16::MAX);
        room(self.points.len() - 1)
    }

    /// Puts the terms of a vector in order and lets it be found.
    fn enter(&mut self, slot: Slot) {
        self.order_terms(slot);
        let Point { start, end, .. } = self.points[slot as usize];
        for place in start as usize..end as usize {
            let Term { number, weight } = self.terms[place];
            self.uses.add(number, Posting::new(slot, weight, self.rests[place]));
        }
    }

    /// Puts the terms of a vector in order and reckons what remains from each on.
    fn order_terms(&mut self, slot: Slot) {
        let (Point { start, end, .. }, fresh) = (self.points[slot as usize], self.fresh);
        let within = start as usize..end as usize;
        let terms = &mut self.terms[within.clone()];
        terms.sort_unstable_by_key(|term| order(term.number, fresh));
        let mut sum = 0_u64;
        for (term, rest) in terms.iter().zip(&mut self.rests[within]).rev() {
            sum += u64::from(term.weight) * u64::from(term.weight);
            *rest = root(sum);
        }
    }

    /// Lets a vector no longer be found.
    fn withdraw(&mut self, slot: Slot) {
        let Point { start, end, .. } = self.points[slot as usize];
        for term in &self.terms[start as usize..end as usize] {
            self.uses.remove(term.number, slot);
        }
    }

    /// Numbers the terms anew, the rarest first, and enters all vectors again.
    fn build(&mut self) {
        let known = self.hashes.len();
        let (mut counts, mut firsts) = (vec![0_u32; known], vec![Slot::MAX; known]);
        for (slot, point) in (0..).zip(&self.points) {
            for term in self.within_point(*point) {
                counts[term.number as usize] += 1;
                let first = &mut firsts[term.number as usize];
                *first = slot.min(*first);
            }
        }
        // Among terms that are equally common, those of the same vectors lie close together.
        let mut ranked: Vec<(u32, Slot, u64, u32)> = (0..)
            .zip(counts.iter().zip(&firsts).zip(&self.hashes))
            .filter(|(_, ((count, _), _))| 0 < **count)
            .map(|(old, ((count, first), hash))| (*count, *first, *hash, old))
            .collect();
        ranked.sort_unstable();
        let mut renamed = vec![0_u32; known];
        for (new, (.., old)) in (0..).zip(&ranked) {
            renamed[*old as usize] = new;
        }
        self.hashes.clear();
        self.hashes.extend(ranked.iter().map(|(_, _, hash, _)| *hash));
        self.numbers.clear();
        for (number, hash) in (0..).zip(&self.hashes) {
            self.numbers.insert_unique(*hash, number, |other| self.hashes[*other as usize]);
        }
        self.fresh = room(ranked.len());
        self.uses = Uses::with_room(ranked.iter().map(|(count, ..)| *count));
        let before = std::mem::take(&mut self.terms);
        // Room for some newcomers, so that the first of them need not move all there is.
        self.terms.reserve_exact(before.len() + before.len() / 8);
        self.rests.reserve(before.len() / 8);
        for slot in 0..room(self.points.len()) {
            let point = &mut self.points[slot as usize];
            let old = &before[point.start as usize..point.end as usize];
            point.start = room(self.terms.len());
            self.terms.extend(
                old.iter().map(|term| Term { number: renamed[term.number as usize], ..*term }),
            );
            point.end = room(self.terms.len());
            self.rests.resize(self.rests.len().max(self.terms.len()), 0);
            self.order_terms(slot);
            let Point { start, end, .. } = self.points[slot as usize];
            for place in start as usize..end as usize {
                let Term { number, weight } = self.terms[place];
                self.uses.fill(number, Posting::new(slot, weight, self.rests[place]));
            }
        }
        self.rests.truncate(self.terms.len());
        self.uses.order();
        self.changed = 0;
    }
}

/// The place of a term in the order of all: new terms come first.
fn order(number: u32, fresh: u32) -> u32 {
    number.wrapping_sub(fresh)
}

fn room(count: usize) -> u32 {
    u32::try_from(count).expect(ROOM)
}

/// The square root, rounded up.
fn root(square: u64) -> u32 {
    let floor = square.isqrt();
    u32::try_from(floor + u64::from(floor * floor < square))
        .expect("no part of a vector is longer than it")
}
