//! Exact neighbours, kept under insertion, edit and deletion.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use schemas::{GraphPlan, LinkRule, ToolId, Vector};

use super::index::{Index, Slot};
use super::search::{Entry, Scratch, product_above, product_of};
use super::{Remembered, fingerprint};
use crate::work::Work;

/// One tool being among the neighbours of another: of whom, who, and their cosine in millionths.
pub type Near = (ToolId, ToolId, u32);

/// The neighbours of a share of the tools among all tools.
///
/// Every worker holds the vectors of all tools and answers for those that fall to it, so that a
/// list is exact as soon as it is made and nothing needs merging. What grows with all tools on
/// every worker is some twenty bytes a term, in the vector and in the index; lists and who is on
/// which are split between the workers.
#[derive(Debug)]
pub(crate) struct Neighbours {
    /// The longest a list may be.
    count: usize,
    /// The least product of a neighbour.
    need_min: u64,
    index: Index,
    /// By tool: its vector's place in the index.
    slots: BTreeMap<ToolId, Slot>,
    /// By slot of this share: its neighbours, in order.
    lists: Vec<Vec<Entry>>,
    /// By slot: the lists of this share it is on.
    named_by: Vec<Vec<Slot>>,
    /// How many tools of this share there are.
    held: usize,
    share: Share,
    remembered: Option<Arc<Remembered>>,
    scratch: Scratch,
}

/// Which tools a worker answers for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    pub(crate) worker: u64,
    pub(crate) peers: u64,
}

impl Share {
    pub(crate) fn holds(self, tool: ToolId) -> bool {
        tool.0 % self.peers == self.worker
    }
}

/// The last of a full list before it lost anyone: who comes after it may have been left out.
type Edge = (Reverse<u32>, ToolId);

/// What an epoch has changed so far.
#[derive(Debug, Default)]
struct Epoch {
    said: Vec<(Near, isize)>,
    /// By slot, of the full lists that lost somebody.
    edges: BTreeMap<Slot, Edge>,
}

impl Neighbours {
    /// Starts with no tools. Lists remembered under another plan are forgotten.
    pub(crate) fn new(plan: &GraphPlan, share: Share, remembered: Arc<Remembered>) -> Neighbours {
        let (count, need_min) = match plan.rule {
            LinkRule::Nearest => {
                let weight_min = plan.cosine_permille_min.saturating_mul(1000).max(1);
                (plan.neighbours, product_of(weight_min))
            }
            LinkRule::Threshold => {
                (usize::MAX, product_above(plan.cosine_permille_min).max(product_of(1)))
            }
        };
        Neighbours {
            count,
            need_min,
            index: Index::default(),
            slots: BTreeMap::new(),
            lists: Vec::new(),
            named_by: Vec::new(),
            held: 0,
            share,
            remembered: Some(remembered).filter(|remembered| remembered.fits(plan)),
            scratch: Scratch::default(),
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
        changes: &[(Vector, isize)],
        work: &Work,
    ) -> Vec<(Near, isize)> {
        let mut epoch = Epoch::default();
        let mut gone = Vec::new();
        for (vector, _) in changes.iter().filter(|(_, difference)| *difference < 0) {
            if let Some(slot) = self.slots.remove(&vector.tool) {
                self.part(slot, &mut epoch);
                gone.push(slot);
            }
        }
        let come: Vec<&Vector> = changes
            .iter()
            .filter(|(_, difference)| 0 < *difference)
            .map(|(vector, _)| vector)
            .collect();
        let mut came = self.index.change(&gone, &come);
        self.lists.resize(self.index.slots(), Vec::new());
        self.named_by.resize(self.index.slots(), Vec::new());
        for (slot, vector) in came.iter().zip(&come) {
            let before = self.slots.insert(vector.tool, *slot);
            assert!(before.is_none(), "{} has two vectors at once", vector.tool);
            self.held += usize::from(self.share.holds(vector.tool));
        }
        if let Some(remembered) = self.remembered.take() {
            came = self.recall(&remembered, &came, &come, &mut epoch);
        }
        self.relist(&came, &mut epoch, work);
        consolidated(epoch.said)
    }

    /// Takes a vector off all lists, and its own list away.
    fn part(&mut self, slot: Slot, epoch: &mut Epoch) {
        let tool = self.index.tool(slot);
        self.held -= usize::from(self.share.holds(tool));
        self.replace(slot, Vec::new(), epoch);
        epoch.edges.remove(&slot);
        for by in std::mem::take(&mut self.named_by[slot as usize]) {
            let list = &mut self.lists[by as usize];
            if list.len() == self.count
                && let Some(last) = list.last()
            {
                epoch.edges.entry(by).or_insert((last.weight, last.tool));
            }
            if let Some(place) = list.iter().position(|entry| entry.slot == slot) {
                let entry = list.remove(place);
                epoch.said.push((arc(self.index.tool(by), entry), -1));
            }
        }
    }

    /// Takes over the remembered lists of tools whose vectors are as remembered, as far as they
    /// name such tools; returns the others, which come as if they were new.
    fn recall(
        &mut self,
        remembered: &Remembered,
        came: &[Slot],
        come: &[&Vector],
        epoch: &mut Epoch,
    ) -> Vec<Slot> {
        let mut known = BTreeMap::new();
        let mut fresh = Vec::new();
        for (slot, vector) in came.iter().zip(come) {
            match remembered.tools.get(&vector.tool) {
                Some(tool) if tool.vector == fingerprint(vector) => {
                    known.insert(*slot, &tool.nearest);
                }
                _ => fresh.push(*slot),
            }
        }
        for (slot, nearest) in &known {
            if !self.share.holds(self.index.tool(*slot)) {
                continue;
            }
            let entries = nearest.iter().filter_map(|(tool, weight)| {
                let place = *self.slots.get(tool)?;
                let entry = Entry { weight: Reverse(*weight), tool: *tool, slot: place };
                known.contains_key(&place).then_some(entry)
            });
            let list: Vec<Entry> = entries.collect();
            if list.len() < nearest.len()
                && nearest.len() == self.count
                && let Some((tool, weight)) = nearest.last()
            {
                epoch.edges.insert(*slot, (Reverse(*weight), *tool));
            }
            self.replace(*slot, list, epoch);
            self.settle(*slot, epoch);
        }
        fresh
    }

    /// Offers the newcomers to the lists, and searches for what only a search can tell.
    fn relist(&mut self, came: &[Slot], epoch: &mut Epoch, work: &Work) {
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut asking: Vec<Slot> = Vec::new();
        let mut listed: Vec<(Slot, Vec<Entry>)> = Vec::new();
        if self.held < 2 * came.len() {
            let held = self.slots.iter().filter(|(tool, _)| self.share.holds(**tool));
            asking.extend(held.map(|(_, slot)| *slot));
            // Alike vectors lie close together, so one search warms the memory for the next.
            asking.sort_unstable();
        } else {
            for slot in came {
                let tool = self.index.tool(*slot);
                for (by, weight) in self.index.within(*slot, self.need_min, &mut scratch, work) {
                    self.offer(by, Entry { weight: Reverse(weight), tool, slot: *slot }, epoch);
                }
                // What it reads was just read. The list is kept back, since a newcomer finds the
                // others by itself and is offered to nobody who does.
                if self.share.holds(tool) {
                    let found =
                        self.index.nearest(*slot, self.count, self.need_min, &mut scratch, work);
                    listed.push((*slot, found));
                }
            }
            let short = |slot: &Slot| self.lists[*slot as usize].len() < self.count;
            asking.extend(epoch.edges.keys().copied().filter(short));
        }
        epoch.edges.clear();
        for (slot, list) in listed {
            self.replace(slot, list, epoch);
            self.settle(slot, epoch);
        }
        for slot in asking {
            let list = self.index.nearest(slot, self.count, self.need_min, &mut scratch, work);
            self.replace(slot, list, epoch);
            self.settle(slot, epoch);
        }
        self.scratch = scratch;
    }

    /// Puts a newcomer on a list, if it belongs there.
    fn offer(&mut self, by: Slot, entry: Entry, epoch: &mut Epoch) {
        // Behind the edge, somebody may be nearer than the newcomer.
        if epoch.edges.get(&by).is_some_and(|edge| *edge < (entry.weight, entry.tool)) {
            return;
        }
        let list = &mut self.lists[by as usize];
        let place = list.partition_point(|other| *other < entry);
        if place == self.count {
            return;
        }
        list.insert(place, entry);
        let over = if self.count < list.len() { list.pop() } else { None };
        let tool = self.index.tool(by);
        epoch.said.push((arc(tool, entry), 1));
        self.named_by[entry.slot as usize].push(by);
        if let Some(over) = over {
            epoch.said.push((arc(tool, over), -1));
            forget(&mut self.named_by[over.slot as usize], by);
        }
        self.settle(by, epoch);
    }

    fn replace(&mut self, slot: Slot, list: Vec<Entry>, epoch: &mut Epoch) {
        let tool = self.index.tool(slot);
        for entry in std::mem::take(&mut self.lists[slot as usize]) {
            epoch.said.push((arc(tool, entry), -1));
            forget(&mut self.named_by[entry.slot as usize], slot);
        }
        for entry in &list {
            epoch.said.push((arc(tool, *entry), 1));
            self.named_by[entry.slot as usize].push(slot);
        }
        self.lists[slot as usize] = list;
    }

    /// Lets a list hear of those who get into it.
    fn settle(&mut self, slot: Slot, epoch: &Epoch) {
        let list = &self.lists[slot as usize];
        let full = list.last().filter(|_| list.len() == self.count);
        let edge = epoch.edges.get(&slot).map(|(weight, _)| weight.0);
        let last = full.map(|last| last.weight.0).or(edge);
        self.index.ask(slot, last.map_or(self.need_min, product_of));
    }
}

fn forget(named_by: &mut Vec<Slot>, slot: Slot) {
    if let Some(place) = named_by.iter().position(|other| *other == slot) {
        named_by.swap_remove(place);
    }
}

fn arc(tool: ToolId, entry: Entry) -> Near {
    (tool, entry.tool, entry.weight.0)
}

/// What is left of changes when those that undo each other are left out.
fn consolidated(mut said: Vec<(Near, isize)>) -> Vec<(Near, isize)> {
    if said.iter().all(|(_, difference)| 0 < *difference) {
        return said;
    }
    said.sort_unstable();
    let mut left: Vec<(Near, isize)> = Vec::new();
    for (near, difference) in said {
        match left.last_mut() {
            Some(last) if last.0 == near => last.1 += difference,
            _ => left.push((near, difference)),
        }
        if left.last().is_some_and(|(_, sum)| *sum == 0) {
            left.pop();
        }
    }
    left
}
