//! Who uses which term: the lists that a search reads.

use super::index::{ROOM, Slot};

/// How many bits of a weight or length, in units of 2⁻³⁰, a posting leaves out.
pub(super) const COARSE: u32 = 15;

/// One use of a term. Eight bytes, since a search spends its time on reading these: weight and
/// rest are rounded up, so that what is reckoned from them is never too little.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Posting {
    pub(super) slot: Slot,
    /// The weight in the vector, in units of 2⁻¹⁵.
    pub(super) weight: u16,
    /// The length of the vector from the term on, in the same units.
    pub(super) rest: u16,
}

impl Posting {
    /// # Panics
    ///
    /// Panics where the vector is longer than [`super::index::LENGTH_MAX`].
    pub(super) fn new(slot: Slot, weight: u32, rest: u32) -> Posting {
        let coarse = |fine: u32| {
            u16::try_from(fine.div_ceil(1 << COARSE)).expect("no part of a vector is too long")
        };
        Posting { slot, weight: coarse(weight), rest: coarse(rest) }
    }
}

/// The uses of all terms, by the number of the term.
///
/// Those that were known when the lists were built lie in one stretch of memory, each list with
/// the longest rest first, so that a search reads a list as far as it needs and no further. Later
/// ones lie apart, in no particular order.
#[derive(Debug, Default)]
pub(super) struct Uses {
    /// By number: where the list begins and ends.
    ranges: Vec<(u32, u32)>,
    postings: Vec<Posting>,
    /// By number, as far as there are any.
    later: Vec<Vec<Posting>>,
}

impl Uses {
    /// Lists for terms of which so many uses will be added, all empty.
    ///
    /// # Panics
    ///
    /// Panics at 2³² uses.
    pub(super) fn with_room(counts: impl Iterator<Item = u32>) -> Uses {
        let mut end = 0_u32;
        let range = |count| {
            let start = end;
            end = end.checked_add(count).expect(ROOM);
            (start, start)
        };
        let ranges = counts.map(range).collect();
        let blank = Posting { slot: 0, weight: 0, rest: 0 };
        Uses { ranges, postings: vec![blank; end as usize], later: Vec::new() }
    }

    /// Adds a use for which there is room.
    pub(super) fn fill(&mut self, number: u32, posting: Posting) {
        let (_, end) = &mut self.ranges[number as usize];
        self.postings[*end as usize] = posting;
        *end += 1;
    }

    /// Brings the lists into order.
    pub(super) fn order(&mut self) {
        for (start, end) in &self.ranges {
            let list = &mut self.postings[*start as usize..*end as usize];
            // Slots ascend, which spares a search some of its way to memory.
            list.sort_unstable_by_key(|use_| u64::from(!use_.rest) << 32 | u64::from(use_.slot));
        }
    }

    /// Adds a use for which there is no room.
    pub(super) fn add(&mut self, number: u32, posting: Posting) {
        let place = number as usize;
        if self.later.len() <= place {
            self.later.resize_with(place + 1, Vec::new);
        }
        self.later[place].push(posting);
    }

    /// Takes away the use of a term by one vector.
    pub(super) fn remove(&mut self, number: u32, slot: Slot) {
        let here = |posting: &Posting| posting.slot == slot;
        if let Some(later) = self.later.get_mut(number as usize)
            && let Some(place) = later.iter().position(here)
        {
            later.swap_remove(place);
            return;
        }
        let Some((start, end)) = self.ranges.get_mut(number as usize) else { return };
        let list = &mut self.postings[*start as usize..*end as usize];
        if let Some(place) = list.iter().position(here) {
            list.copy_within(place + 1.., place);
            *end -= 1;
        }
    }

    /// The uses of a term: those in order, and those in none.
    pub(super) fn of(&self, number: u32) -> (&[Posting], &[Posting]) {
        let (start, end) = self.ranges.get(number as usize).copied().unwrap_or_default();
        let later = self.later.get(number as usize).map_or(&[][..], Vec::as_slice);
        (&self.postings[start as usize..end as usize], later)
    }
}
