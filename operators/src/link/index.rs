//! An inverted index over sparse unit vectors.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use schemas::{ToolId, Vector};

/// The place of a vector in an [`Index`]; places of the removed are used again.
pub(crate) type Slot = u32;

/// One use of a term: by whom, with which weight.
pub(super) type Posting = (Slot, u32);

/// The greatest length a vector may have.
const LENGTH_MAX: u64 = 1 << 31;

/// The length of a unit vector.
const UNIT: u64 = 1 << 30;

const ROOM: &str = "fewer than 2³² vectors and terms";

/// Kinds of terms, by how common they are.
const CLASSES: usize = 13;

/// Vectors by their terms, and who wants to be told of which newcomers.
///
/// All arithmetic is in integers, so no result depends on the order in which vectors came, and a
/// bound that says "cannot be nearer" is never wrong by rounding.
///
/// All vectors keep their terms in one order, the rarest first. Two vectors that are alike
/// then share one of the first terms of either, for what remains of it is too short (the L2
/// prefix filter); and what two vectors share from a term on is at most the product of what
/// remains of both (the L2 bound of partial products). The order is by how common terms were when
/// the index was last built; later terms count as rarer than all others. It is
/// built again when as much has changed as there is, so that the cost stays with the changes.
#[derive(Debug)]
pub(crate) struct Index {
    /// By the hash of a term: its number here.
    numbers: BTreeMap<u64, u32>,
    /// By number: who uses the term.
    pub(super) uses: Vec<Uses>,
    pub(super) points: Vec<Point>,
    free: Vec<Slot>,
    /// By slot: what its list would still take in.
    pub(super) bars: Vec<Bar>,
    /// By class, then by slot: the length of the vector's terms of that class and commoner ones.
    pub(super) tails: [Vec<u32>; CLASSES],
    /// By class: its first term, as [`Index::order`] says it.
    cuts: [u32; CLASSES],
    /// The first number that was given since the index was built.
    fresh: u32,
    /// The greatest length of a vector, at least a unit.
    pub(super) length_max: u64,
    live: usize,
    /// Vectors that came or went since the index was built.
    changed: usize,
}

/// The uses of one term.
#[derive(Debug, Default)]
pub(super) struct Uses {
    hash: u64,
    /// All of them, in no particular order.
    pub(super) all: Vec<Posting>,
    /// Those by which a list must hear of a newcomer.
    pub(super) asks: Vec<Posting>,
}

/// One vector of an index.
#[derive(Debug)]
pub(super) struct Point {
    pub(super) tool: ToolId,
    /// The rarest first.
    pub(super) terms: Vec<Term>,
    /// By place: the length of the vector from that term on, rounded up.
    pub(super) rests: Vec<u32>,
}

/// One term of a vector.
#[derive(Clone, Copy, Debug)]
pub(super) struct Term {
    pub(super) number: u32,
    pub(super) weight: u32,
}

/// What a list would still take in.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bar {
    /// The least product; zero for a vector that has no list here.
    pub(super) need: u64,
    /// How many of the vector's terms are asked by.
    asked: u32,
    /// The length of the other terms.
    pub(super) suffix: u32,
    /// The class of the first of them.
    pub(super) class: u32,
}

impl Default for Index {
    fn default() -> Index {
        Index {
            numbers: BTreeMap::new(),
            uses: Vec::new(),
            points: Vec::new(),
            free: Vec::new(),
            bars: Vec::new(),
            tails: std::array::from_fn(|_| Vec::new()),
            cuts: [0; CLASSES],
            fresh: 0,
            length_max: UNIT,
            live: 0,
            changed: 0,
        }
    }
}

impl Index {
    /// Removes vectors and adds others; returns the slots of these.
    ///
    /// # Panics
    ///
    /// Panics if a vector is much longer than a unit vector, or at 2³² tools or terms: bounds
    /// would overflow and the links be wrong.
    pub(crate) fn change(&mut self, gone: &[Slot], come: &[&Vector]) -> Vec<Slot> {
        let changes = gone.len() + come.len();
        self.changed += changes;
        let whole = self.live < 4 * changes || self.live < self.changed;
        for slot in gone {
            if !whole {
                self.withdraw(*slot);
            }
            let point = &mut self.points[*slot as usize];
            (point.terms, point.rests) = (Vec::new(), Vec::new());
            self.bars[*slot as usize] = Bar::default();
            self.free.push(*slot);
        }
        let longest = self.length_max;
        let points: Vec<Point> = come.iter().map(|vector| self.read(vector)).collect();
        let slots = if whole {
            self.place_alike(points)
        } else {
            points.into_iter().map(|point| self.place(point)).collect()
        };
        self.live = self.live + come.len() - gone.len();
        if whole || longest < self.length_max {
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
    ///
    /// A lower bar asks by more terms. A higher one leaves them until the index is built again,
    /// since hearing of too many is only slower.
    pub(crate) fn ask(&mut self, slot: Slot, need: u64) {
        let mut bar = self.bars[slot as usize];
        bar.need = need;
        let Point { terms, rests, .. } = &self.points[slot as usize];
        let mut asked = bar.asked as usize;
        while let Some(term) = terms.get(asked) {
            if u64::from(rests[asked]) * self.length_max < need {
                break;
            }
            self.uses[term.number as usize].asks.push((slot, term.weight));
            asked += 1;
        }
        let class = terms.get(asked).map_or(0, |term| self.class(term.number));
        let suffix = rests.get(asked).copied().unwrap_or_default();
        bar.asked = u32::try_from(asked).expect("a vector has fewer than 2³² terms");
        bar.suffix = suffix;
        bar.class = u32::try_from(class).expect("there are few classes");
        self.bars[slot as usize] = bar;
    }

    /// Numbers the terms of a vector.
    fn read(&mut self, vector: &Vector) -> Point {
        let mut terms = Vec::with_capacity(vector.terms.len());
        for (hash, weight) in vector.terms.iter().filter(|(_, weight)| 0 < *weight) {
            let next = u32::try_from(self.uses.len()).expect(ROOM);
            let number = *self.numbers.entry(*hash).or_insert(next);
            if number == next {
                self.uses.push(Uses { hash: *hash, ..Uses::default() });
            }
            terms.push(Term { number, weight: *weight });
        }
        let length = root(terms.iter().map(|term| square(term.weight)).sum());
        assert!(length <= LENGTH_MAX, "the vector of {} is no unit vector", vector.tool);
        self.length_max = self.length_max.max(length);
        let rests = vec![0; terms.len()];
        Point { tool: vector.tool, terms, rests }
    }

    /// Places points so that those alike lie close together, which spares a search most of its
    /// way to memory.
    fn place_alike(&mut self, points: Vec<Point>) -> Vec<Slot> {
        let mut counts = vec![0_u32; self.uses.len()];
        for term in points.iter().flat_map(|point| &point.terms) {
            counts[term.number as usize] += 1;
        }
        let mut order: Vec<usize> = (0..points.len()).collect();
        order.sort_by_cached_key(|place| {
            let shared = points[*place].terms.iter();
            let shared = shared.filter(|term| 1 < counts[term.number as usize]);
            let mut heaviest: Vec<(Reverse<u32>, u32)> =
                shared.map(|term| (Reverse(term.weight), term.number)).collect();
            heaviest.sort_unstable();
            heaviest.truncate(4);
            heaviest.into_iter().map(|(_, number)| number).collect::<Vec<u32>>()
        });
        let mut waiting: Vec<Option<Point>> = points.into_iter().map(Some).collect();
        let mut slots = vec![0; waiting.len()];
        for place in order {
            if let Some(point) = waiting[place].take() {
                slots[place] = self.place(point);
            }
        }
        slots
    }

    /// Keeps a vector without letting it be found yet.
    fn place(&mut self, point: Point) -> Slot {
        if let Some(slot) = self.free.pop() {
            self.points[slot as usize] = point;
            return slot;
        }
        self.points.push(point);
        self.bars.push(Bar::default());
        self.tails.iter_mut().for_each(|tails| tails.push(0));
        u32::try_from(self.points.len() - 1).expect(ROOM)
    }

    /// Puts the terms of a vector in order and lets it be found.
    fn enter(&mut self, slot: Slot) {
        let point = &mut self.points[slot as usize];
        let mut terms = std::mem::take(&mut point.terms);
        let mut rests = std::mem::take(&mut point.rests);
        terms.sort_unstable_by_key(|term| self.order(term.number));
        let mut sum = 0;
        let mut class = CLASSES;
        for (term, rest) in terms.iter().zip(&mut rests).rev() {
            while self.order(term.number) < self.cuts[class - 1] {
                class -= 1;
                self.tails[class][slot as usize] = root_u32(sum);
            }
            sum += square(term.weight);
            *rest = root_u32(sum);
            self.uses[term.number as usize].all.push((slot, term.weight));
        }
        for tails in &mut self.tails[..class] {
            tails[slot as usize] = root_u32(sum);
        }
        let kept = &mut self.points[slot as usize];
        (kept.terms, kept.rests) = (terms, rests);
    }

    /// Lets a vector no longer be found.
    fn withdraw(&mut self, slot: Slot) {
        let asked = self.bars[slot as usize].asked as usize;
        for (place, term) in self.points[slot as usize].terms.iter().enumerate() {
            let uses = &mut self.uses[term.number as usize];
            forget(&mut uses.all, slot);
            if place < asked {
                forget(&mut uses.asks, slot);
            }
        }
    }

    /// Numbers the terms anew, the rarest first, and enters all vectors again.
    fn build(&mut self) {
        let mut counts = vec![0_u32; self.uses.len()];
        for term in self.points.iter().flat_map(|point| &point.terms) {
            counts[term.number as usize] += 1;
        }
        let hashes: Vec<u64> = self.uses.iter().map(|uses| uses.hash).collect();
        let numbers = (0..).zip(&counts).filter(|(_, count)| 0 < **count);
        let mut order: Vec<u32> = numbers.map(|(number, _)| number).collect();
        order.sort_unstable_by_key(|old| (counts[*old as usize], hashes[*old as usize]));
        let mut renamed = vec![0_u32; hashes.len()];
        self.uses.clear();
        for (new, old) in (0..).zip(&order) {
            renamed[*old as usize] = new;
            let hash = hashes[*old as usize];
            let all = Vec::with_capacity(counts[*old as usize] as usize);
            self.uses.push(Uses { hash, all, asks: Vec::new() });
        }
        self.numbers = (0..).zip(&self.uses).map(|(number, uses)| (uses.hash, number)).collect();
        self.fresh = u32::try_from(order.len()).expect("terms are numbered");
        for (class, cut) in self.cuts.iter_mut().enumerate().skip(1) {
            let first = order.partition_point(|old| counts[*old as usize] < 2 << class);
            let first = u32::try_from(first).expect("terms are numbered");
            *cut = first.min(self.fresh.saturating_sub(1)).wrapping_sub(self.fresh);
        }
        for slot in (0..).take(self.points.len()) {
            for term in &mut self.points[slot as usize].terms {
                term.number = renamed[term.number as usize];
            }
            self.enter(slot);
            let need = self.bars[slot as usize].need;
            if 0 < need {
                self.bars[slot as usize].asked = 0;
                self.ask(slot, need);
            }
        }
        self.changed = 0;
    }

    /// The place of a term in the order of all: new terms come first.
    pub(super) fn order(&self, number: u32) -> u32 {
        number.wrapping_sub(self.fresh)
    }

    /// The last class that begins no later than a term.
    pub(super) fn class(&self, number: u32) -> usize {
        let order = self.order(number);
        self.cuts.partition_point(|cut| *cut <= order) - 1
    }
}

fn forget(postings: &mut Vec<Posting>, slot: Slot) {
    if let Some(place) = postings.iter().position(|(other, _)| *other == slot) {
        postings.swap_remove(place);
    }
}

fn square(weight: u32) -> u128 {
    u128::from(weight) * u128::from(weight)
}

/// The square root, rounded up.
fn root(square: u128) -> u64 {
    // The square of any vector that is short enough fits.
    let square = u64::try_from(square).unwrap_or(u64::MAX);
    let floor = square.isqrt();
    floor + u64::from(floor * floor < square)
}

fn root_u32(square: u128) -> u32 {
    u32::try_from(root(square)).expect("no part of a vector is longer than it")
}
