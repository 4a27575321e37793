//! Exact nearest neighbours, kept under insertion, edit and deletion.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{GraphPlan, ToolId, Vector};

use super::index::{Index, Query, Slot};
use super::{Remembered, fingerprint};
use crate::work::Work;

/// One tool being among the nearest of another: of whom, who, and their cosine in millionths.
pub type Near = (ToolId, ToolId, u32);

/// The nearest neighbours of a share of the tools among all tools.
///
/// Every worker holds the vectors of all tools and answers for those that fall to it, so that a
/// list is exact as soon as it is made and nothing needs merging.
#[derive(Debug)]
pub(crate) struct Neighbours {
    nearest_max: usize,
    weight_min: u32,
    index: Index,
    /// By tool: its vector's place in the index.
    slots: BTreeMap<ToolId, Slot>,
    /// By tool of this share: its neighbours, the nearest first, ties by id.
    lists: BTreeMap<ToolId, Vec<(u32, ToolId)>>,
    share: Share,
    remembered: Option<Remembered>,
}

/// Which tools a worker answers for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    pub(crate) worker: u64,
    pub(crate) peers: u64,
}

impl Share {
    fn holds(self, tool: ToolId) -> bool {
        tool.0 % self.peers == self.worker
    }
}

impl Neighbours {
    /// Starts with no tools. Lists remembered under another plan are forgotten.
    pub(crate) fn new(plan: &GraphPlan, share: Share, remembered: &Remembered) -> Neighbours {
        Neighbours {
            nearest_max: plan.neighbours,
            weight_min: plan.cosine_permille_min.saturating_mul(1000).max(1),
            index: Index::default(),
            slots: BTreeMap::new(),
            lists: BTreeMap::new(),
            share,
            remembered: Some(remembered.clone()).filter(|remembered| remembered.fits(plan)),
        }
    }

    /// Applies the changes of one epoch and returns how the lists of this share changed.
    ///
    /// # Panics
    ///
    /// Panics if a tool has two vectors after the changes: ids are unique in a corpus, and going
    /// on would write wrong links.
    pub(crate) fn update(
        &mut self,
        changes: &BTreeMap<Vector, isize>,
        work: &Work,
    ) -> Vec<(Near, isize)> {
        let mut gone = BTreeSet::new();
        for (vector, difference) in changes {
            if *difference < 0 {
                gone.insert(vector.tool);
            }
        }
        let removed: Vec<Slot> = gone.iter().filter_map(|tool| self.slots.remove(tool)).collect();
        self.index.remove(&removed);
        let mut come = Vec::new();
        for (vector, difference) in changes {
            if 0 < *difference {
                let slot = self.index.insert(vector, self.share.holds(vector.tool));
                let before = self.slots.insert(vector.tool, slot);
                assert!(before.is_none(), "{} has two vectors at once", vector.tool);
                come.push(vector);
            }
        }
        let before = self.recall(&mut gone, &mut come);
        self.relist(&gone, &come, before, work)
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
            if !self.slots.contains_key(&tool) || newcomers.contains(&tool) {
                gone.insert(tool);
            } else if self.share.holds(tool) {
                let list = known.nearest.into_iter().map(|(near, weight)| (weight, near)).collect();
                self.lists.insert(tool, list);
            }
        }
        true
    }

    /// Brings the lists up to date. `whole` asks for all lists as additions, as a first epoch has
    /// nothing to differ from.
    fn relist(
        &mut self,
        gone: &BTreeSet<ToolId>,
        come: &[&Vector],
        whole: bool,
        work: &Work,
    ) -> Vec<(Near, isize)> {
        let mut before: BTreeMap<ToolId, Vec<(u32, ToolId)>> = BTreeMap::new();
        for tool in gone {
            if let Some(list) = self.lists.remove(tool) {
                before.insert(*tool, list);
            }
        }
        let mut asking: BTreeSet<ToolId> =
            come.iter().map(|vector| vector.tool).filter(|tool| self.share.holds(*tool)).collect();
        // A list that was full may have left out whoever takes the place of one that is gone.
        for (tool, list) in &mut self.lists {
            if !gone.is_empty() && list.iter().any(|(_, near)| gone.contains(near)) {
                before.insert(*tool, list.clone());
                if list.len() == self.nearest_max {
                    asking.insert(*tool);
                }
                list.retain(|(_, near)| !gone.contains(near));
            }
        }
        let mut query = Query::default();
        if self.lists.len() < come.len() {
            asking.extend(self.lists.keys());
        } else {
            self.admit(come, &asking, &mut before, &mut query, work);
        }
        for tool in asking {
            let slot = self.slots[&tool];
            let list =
                self.index.nearest(slot, self.nearest_max, self.weight_min, &mut query, work);
            if let Some(old) = self.lists.insert(tool, list) {
                before.entry(tool).or_insert(old);
            }
        }
        if whole {
            return self.lists.iter().flat_map(|(tool, list)| arcs(*tool, list, 1)).collect();
        }
        for vector in come {
            if self.share.holds(vector.tool) {
                before.entry(vector.tool).or_default();
            }
        }
        self.differences(before)
    }

    /// Offers each newcomer to the tools of this share that are not about to ask anyway.
    fn admit(
        &mut self,
        come: &[&Vector],
        asking: &BTreeSet<ToolId>,
        before: &mut BTreeMap<ToolId, Vec<(u32, ToolId)>>,
        query: &mut Query,
        work: &Work,
    ) {
        for vector in come {
            let slot = self.slots[&vector.tool];
            for (tool, weight) in self.index.within(slot, self.weight_min, query, work) {
                let Some(list) = self.lists.get_mut(&tool).filter(|_| !asking.contains(&tool))
                else {
                    continue;
                };
                let place = list.partition_point(|(other, near)| {
                    (std::cmp::Reverse(*other), *near) < (std::cmp::Reverse(weight), vector.tool)
                });
                if place < self.nearest_max {
                    before.entry(tool).or_insert_with(|| list.clone());
                    list.insert(place, (weight, vector.tool));
                    list.truncate(self.nearest_max);
                }
            }
        }
    }

    fn differences(&self, before: BTreeMap<ToolId, Vec<(u32, ToolId)>>) -> Vec<(Near, isize)> {
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
    list: &[(u32, ToolId)],
    difference: isize,
) -> impl Iterator<Item = (Near, isize)> + '_ {
    list.iter().map(move |(weight, near)| ((tool, *near, *weight), difference))
}
