//! Rows of arcs that change in place, all in one stretch of memory.

use super::graph::index;

/// An arc: where it leads, and its weight.
pub(super) type Arc = (u32, u32);

/// A row for each of some numbers. A row that outgrows its room moves to the end; when more room
/// is left behind than is in use, all are brought together again, in the order of their numbers.
#[derive(Debug, Default)]
pub(super) struct RowStore {
    rows: Vec<Row>,
    arcs: Vec<Arc>,
    /// How many arcs all rows together have room for.
    used: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Row {
    start: u32,
    len: u32,
    room: u32,
}

impl RowStore {
    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Adds an empty row behind the others.
    pub(super) fn add(&mut self) {
        self.rows.push(Row::default());
    }

    pub(super) fn row(&self, number: u32) -> &[Arc] {
        let Row { start, len, .. } = self.rows[number as usize];
        &self.arcs[start as usize..(start + len) as usize]
    }

    pub(super) fn row_mut(&mut self, number: u32) -> &mut [Arc] {
        let Row { start, len, .. } = self.rows[number as usize];
        &mut self.arcs[start as usize..(start + len) as usize]
    }

    /// Makes sure that so many more arcs can be pushed to a row.
    pub(super) fn reserve(&mut self, number: u32, more: u32) {
        let Row { start, len, room } = self.rows[number as usize];
        if len + more <= room {
            return;
        }
        let wanted = (len + more).max(room + room / 2);
        let end = self.arcs.len();
        self.arcs.extend_from_within(start as usize..(start + len) as usize);
        self.arcs.resize(end + wanted as usize, (0, 0));
        self.used += (wanted - room) as usize;
        self.rows[number as usize] = Row { start: index(end), len, room: wanted };
        if 2 * self.used < self.arcs.len() {
            self.gather();
        }
    }

    /// Adds an arc at the end of a row that has room for it.
    pub(super) fn push(&mut self, number: u32, arc: Arc) {
        let Row { start, len, room } = &mut self.rows[number as usize];
        debug_assert!(len < room, "room is made before arcs are pushed");
        self.arcs[(*start + *len) as usize] = arc;
        *len += 1;
    }

    /// Takes an arc out of a row, if it is there; the others keep their order.
    pub(super) fn take(&mut self, number: u32, arc: Arc) -> Option<Arc> {
        let row = self.row_mut(number);
        let place = row.iter().position(|other| *other == arc)?;
        row.copy_within(place + 1.., place);
        self.rows[number as usize].len -= 1;
        Some(arc)
    }

    fn gather(&mut self) {
        let mut arcs = Vec::with_capacity(self.used);
        for row in &mut self.rows {
            let start = index(arcs.len());
            arcs.extend_from_slice(&self.arcs[row.start as usize..(row.start + row.len) as usize]);
            arcs.resize((start + row.room) as usize, (0, 0));
            row.start = start;
        }
        self.arcs = arcs;
    }
}

#[cfg(test)]
mod tests {
    use schemas::Draw;

    use super::{Arc, RowStore};

    /// Goal: rows that grow, shrink, move and are brought together hold what lists of their own do.
    #[test]
    fn rows_hold_what_lists_do() {
        let mut store = RowStore::default();
        let mut lists: Vec<Vec<Arc>> = Vec::new();
        let mut gathered = false;
        for step in 0..20_000_u32 {
            let draw = Draw::new(3).with(step.to_le_bytes());
            if lists.len() < 20 {
                store.add();
                lists.push(Vec::new());
            }
            let number = u32::try_from(draw.with("row").below(20)).unwrap();
            let Some(list) = lists.get_mut(number as usize) else { continue };
            if draw.with("goes").below(2) == 0 && !list.is_empty() {
                let place = usize::try_from(draw.with("place").below(list.len() as u64)).unwrap();
                let arc = list.remove(place);
                assert_eq!(store.take(number, arc), Some(arc));
                assert_eq!(store.take(number, arc), None);
            } else {
                let more = u32::try_from(draw.with("more").below(5)).unwrap();
                let before = store.arcs.len();
                store.reserve(number, more);
                gathered |= store.arcs.len() < before;
                for arc in (0..more).map(|place| (step, place)) {
                    store.push(number, arc);
                    list.push(arc);
                }
            }
            for (row, held) in (0..).zip(&lists) {
                assert_eq!(store.row(row), held);
            }
            assert!(store.arcs.len() <= 2 * store.used + 1, "step {step}");
        }
        assert!(gathered, "rows were brought together");
    }
}
