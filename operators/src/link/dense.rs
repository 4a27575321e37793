//! Exact neighbours among dense vectors, kept under insertion, edit and deletion.
//!
//! Every cosine is a sum of whole products, so it is exact and the same in whatever order it is
//! summed. Vectors are compared block by block: a block of them stays in the cache while every row
//! that asks passes by. Rows are divided among the workers, which is all the parallelism there is.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use schemas::{GraphPlan, LinkRule, ToolId, Vector};

use super::neighbours::Share;
use super::{Near, Remembered, fingerprint};
use crate::work::Work;

/// The unit of a product of two components is 2⁻³⁰.
const ONE: i64 = 1 << 30;

/// Bytes of a block of vectors: what stays in the nearer caches.
const BLOCK_BYTES: usize = 128 << 10;

/// The neighbours of a share of the tools among all tools.
///
/// Under the rule `threshold` a list holds everyone above the threshold, and no place in it is
/// scarce: memory grows with the links.
#[derive(Debug)]
pub(crate) struct DenseNeighbours {
    list_max: usize,
    /// The least product of neighbours.
    product_min: i32,
    points: Points,
    /// By tool of this share: its neighbours, the nearest first, ties by id.
    lists: BTreeMap<ToolId, Vec<Entry>>,
    share: Share,
    remembered: Option<Remembered>,
}

/// A neighbour with its cosine in millionths; the nearest are the least.
type Entry = (Reverse<u32>, ToolId);

/// The place of a vector among the points; places of the removed are used again.
type Slot = usize;

/// All vectors, one after another.
#[derive(Debug, Default)]
struct Points {
    /// How many components each has; 0 until there is one.
    width: usize,
    components: Vec<i16>,
    /// By slot: whose vector it is, if it is anyone's.
    tools: Vec<Option<ToolId>>,
    slots: BTreeMap<ToolId, Slot>,
    free: Vec<Slot>,
}

impl Points {
    /// Adds a vector.
    ///
    /// # Panics
    ///
    /// Panics if the tool has a vector, or one of another width than the others or much longer
    /// than a unit vector: products would be wrong.
    fn insert(&mut self, vector: &Vector) {
        let width = vector.dense.len();
        if self.tools.is_empty() {
            self.width = width;
        }
        assert!(0 < width && width == self.width, "{} has {width} components", vector.tool);
        // Whatever part of a product is summed first, it is then below 2³¹.
        let square = vector.dense.iter().map(|it| i64::from(*it) * i64::from(*it)).sum::<i64>();
        assert!(square < 2 * ONE, "the vector of {} is no unit vector", vector.tool);
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.tools.push(None);
                self.components.resize(self.tools.len() * width, 0);
                self.tools.len() - 1
            }
        };
        self.tools[slot] = Some(vector.tool);
        self.components[slot * width..][..width].copy_from_slice(&vector.dense);
        let before = self.slots.insert(vector.tool, slot);
        assert!(before.is_none(), "{} has two vectors at once", vector.tool);
    }

    fn remove(&mut self, tool: ToolId) {
        if let Some(slot) = self.slots.remove(&tool) {
            self.tools[slot] = None;
            self.free.push(slot);
        }
    }

    fn row(&self, slot: Slot) -> &[i16] {
        &self.components[slot * self.width..][..self.width]
    }

    /// Tells every product of one of these tools and any other tool.
    fn multiply(&self, asking: &[ToolId], work: &Work, mut tell: impl FnMut(usize, ToolId, i32)) {
        let rows: Vec<(ToolId, &[i16])> =
            asking.iter().map(|tool| (*tool, self.row(self.slots[tool]))).collect();
        let block = (BLOCK_BYTES / (2 * self.width.max(1))).max(1);
        for (place, tools) in self.tools.chunks(block).enumerate() {
            for (asked, (tool, row)) in rows.iter().enumerate() {
                for (offset, other) in tools.iter().enumerate() {
                    if let Some(other) = other.filter(|other| other != tool) {
                        tell(asked, other, product(row, self.row(place * block + offset)));
                    }
                }
            }
        }
        work.pairs_scored.add(rows.len() * self.slots.len().saturating_sub(1));
    }
}

/// The product of two vectors. No part of the sum overflows: it is below the product of lengths.
fn product(one: &[i16], other: &[i16]) -> i32 {
    one.iter().zip(other).map(|(one, other)| i32::from(*one) * i32::from(*other)).sum()
}

/// A product in millionths, `0..=1_000_000`; what points away from each other is not near.
fn millionths(product: i32) -> u32 {
    let cosine = i64::from(product.max(0)) * 1_000_000 / ONE;
    u32::try_from(cosine.min(1_000_000)).expect("at most 10⁶")
}

/// The least product of so many millionths.
fn least_product(millionths: u32) -> i32 {
    let product = (i64::from(millionths) * ONE + 999_999) / 1_000_000;
    i32::try_from(product).unwrap_or(i32::MAX)
}

/// The least product above so many thousandths.
fn product_above(permille: u32) -> i32 {
    let product = i64::from(permille) * ONE / 1_000 + 1;
    i32::try_from(product).unwrap_or(i32::MAX)
}

impl DenseNeighbours {
    /// Starts with no tools. Lists remembered under another plan are forgotten.
    pub(crate) fn new(plan: &GraphPlan, share: Share, remembered: &Remembered) -> DenseNeighbours {
        let floor = plan.cosine_permille_min;
        let (list_max, product_min) = match plan.rule {
            LinkRule::Nearest => (plan.neighbours, least_product(floor.saturating_mul(1_000))),
            LinkRule::Threshold => (usize::MAX, product_above(floor)),
        };
        let product_min = product_min.max(least_product(1));
        DenseNeighbours {
            list_max,
            product_min,
            points: Points::default(),
            lists: BTreeMap::new(),
            share,
            remembered: Some(remembered.clone()).filter(|remembered| remembered.fits(plan)),
        }
    }

    /// Applies the changes of one epoch and returns how the lists of this share changed.
    ///
    /// # Panics
    ///
    /// Panics if a tool has two vectors after the changes, or one of another width than the others:
    /// going on would write wrong links.
    pub(crate) fn update(
        &mut self,
        changes: &[(Vector, isize)],
        work: &Work,
    ) -> Vec<(Near, isize)> {
        let mut gone: BTreeSet<ToolId> = BTreeSet::new();
        for (vector, _) in changes.iter().filter(|(_, difference)| *difference < 0) {
            self.points.remove(vector.tool);
            gone.insert(vector.tool);
        }
        let mut come = Vec::new();
        for (vector, _) in changes.iter().filter(|(_, difference)| 0 < *difference) {
            self.points.insert(vector);
            come.push(vector);
        }
        let whole = self.recall(&mut gone, &mut come);
        let come: BTreeSet<ToolId> = come.into_iter().map(|vector| vector.tool).collect();
        let mut before = self.relist(&gone, &come, work);
        if whole {
            let lists = self.lists.iter();
            return lists.flat_map(|(tool, list)| arcs(*tool, list, 1)).collect();
        }
        for tool in come.into_iter().filter(|tool| self.share.holds(*tool)) {
            before.entry(tool).or_default();
        }
        self.differences(before)
    }

    /// On the first epoch with a memory: takes over the lists of tools whose vectors are as
    /// remembered, and reduces what came and went to the difference from the memory.
    fn recall(&mut self, gone: &mut BTreeSet<ToolId>, come: &mut Vec<&Vector>) -> bool {
        let Some(remembered) = self.remembered.take() else { return false };
        come.retain(|vector| {
            let known = remembered.tools.get(&vector.tool);
            known.is_none_or(|known| known.vector != fingerprint(vector))
        });
        let newcomers: BTreeSet<ToolId> = come.iter().map(|vector| vector.tool).collect();
        for (tool, known) in remembered.tools {
            if !self.points.slots.contains_key(&tool) || newcomers.contains(&tool) {
                gone.insert(tool);
            } else if self.share.holds(tool) {
                let list = known.nearest.into_iter().map(|(near, weight)| (Reverse(weight), near));
                self.lists.insert(tool, list.collect());
            }
        }
        true
    }

    /// Brings the lists up to date and returns those that changed as they were before.
    fn relist(
        &mut self,
        gone: &BTreeSet<ToolId>,
        come: &BTreeSet<ToolId>,
        work: &Work,
    ) -> BTreeMap<ToolId, Vec<Entry>> {
        let mut before: BTreeMap<ToolId, Vec<Entry>> = BTreeMap::new();
        for tool in gone {
            before.extend(self.lists.remove(tool).map(|list| (*tool, list)));
        }
        let mut asking: BTreeSet<ToolId> =
            come.iter().copied().filter(|tool| self.share.holds(*tool)).collect();
        // A list that was full may have left out whoever takes the place of one that is gone.
        for (tool, list) in &mut self.lists {
            if !gone.is_empty() && list.iter().any(|(_, near)| gone.contains(near)) {
                before.insert(*tool, list.clone());
                if list.len() == self.list_max {
                    asking.insert(*tool);
                }
                list.retain(|(_, near)| !gone.contains(near));
            }
        }
        if self.lists.len() < come.len() {
            asking.extend(self.lists.keys());
        } else {
            self.admit(come, &asking, &mut before, work);
        }
        for (tool, list) in self.nearest(&asking, work) {
            if let Some(old) = self.lists.insert(tool, list) {
                before.entry(tool).or_insert(old);
            }
        }
        before
    }

    /// The lists of these tools, made anew.
    fn nearest(&self, asking: &BTreeSet<ToolId>, work: &Work) -> Vec<(ToolId, Vec<Entry>)> {
        let asking: Vec<ToolId> = asking.iter().copied().collect();
        let (least, list_max) = (self.product_min, self.list_max);
        let mut lists: Vec<(i32, Vec<Entry>)> = vec![(least, Vec::new()); asking.len()];
        self.points.multiply(&asking, work, |place, other, product| {
            let (bar, list) = &mut lists[place];
            if product < *bar || list_max == 0 {
                return;
            }
            if list_max == usize::MAX {
                list.push((Reverse(millionths(product)), other));
                return;
            }
            let entry = (Reverse(millionths(product)), other);
            let at = list.partition_point(|known| *known < entry);
            if at < list_max {
                list.insert(at, entry);
                list.truncate(list_max);
            }
            if list.len() == list_max {
                *bar = least_product(list[list_max - 1].0.0);
            }
        });
        let sorted = lists.into_iter().map(|(_, mut list)| {
            list.sort_unstable();
            list
        });
        asking.into_iter().zip(sorted).collect()
    }

    /// Offers each newcomer to the tools of this share that are not about to ask anyway.
    fn admit(
        &mut self,
        come: &BTreeSet<ToolId>,
        asking: &BTreeSet<ToolId>,
        before: &mut BTreeMap<ToolId, Vec<Entry>>,
        work: &Work,
    ) {
        let come: Vec<ToolId> = come.iter().copied().collect();
        let (least, list_max, lists) = (self.product_min, self.list_max, &mut self.lists);
        self.points.multiply(&come, work, |place, tool, product| {
            if product < least || asking.contains(&tool) {
                return;
            }
            let Some(list) = lists.get_mut(&tool) else { return };
            let entry = (Reverse(millionths(product)), come[place]);
            let at = list.partition_point(|known| *known < entry);
            if at < list_max {
                before.entry(tool).or_insert_with(|| list.clone());
                list.insert(at, entry);
                list.truncate(list_max);
            }
        });
    }

    fn differences(&self, before: BTreeMap<ToolId, Vec<Entry>>) -> Vec<(Near, isize)> {
        let mut differences = Vec::new();
        for (tool, old) in before {
            let mut changed: BTreeMap<Near, isize> = BTreeMap::new();
            let new = self.lists.get(&tool).map_or(&[][..], Vec::as_slice);
            for (arc, difference) in arcs(tool, &old, -1).chain(arcs(tool, new, 1)) {
                *changed.entry(arc).or_default() += difference;
            }
            differences.extend(changed.into_iter().filter(|(_, difference)| *difference != 0));
        }
        differences
    }
}

fn arcs(
    tool: ToolId,
    list: &[Entry],
    difference: isize,
) -> impl Iterator<Item = (Near, isize)> + '_ {
    list.iter().map(move |(weight, near)| ((tool, *near, weight.0), difference))
}

#[cfg(test)]
mod tests {
    use super::{least_product, millionths, product, product_above};

    #[test]
    fn products_are_exact_at_the_ends() {
        let most = [i16::MAX, 0];
        assert_eq!(product(&most, &most), 1_073_676_289);
        assert_eq!(millionths(product(&most, &most)), 999_938);
        assert_eq!(millionths(product(&most, &[-i16::MAX, 0])), 0);
        assert_eq!(millionths(i32::MAX), 1_000_000, "rounding may make a vector too long");
        for weight in [1, 2, 499_999, 500_000, 999_999, 1_000_000] {
            let least = least_product(weight);
            assert_eq!((millionths(least), millionths(least - 1)), (weight, weight - 1));
        }
        assert_eq!(least_product(u32::MAX), i32::MAX);
        assert_eq!(product_above(500), (1 << 29) + 1);
    }
}
