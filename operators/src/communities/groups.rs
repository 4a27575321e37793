//! The table of groups while nodes move between them.

use schemas::{DomainId, ToolId};

use super::graph::index;

/// What settles a tie between two groups: the same for the same corpus, however it came about.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub(super) enum Rank {
    /// A domain of the partition that the search started from.
    Domain(DomainId),
    /// A tool that was alone when the search started.
    Alone(ToolId),
    /// The so-manieth group founded by the search.
    Founded(u64),
}

/// Groups by their place in this table. Places of empty groups are used again.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// By group: the strength of its nodes together, and how many tools it holds.
    pub(super) masses: Vec<(u64, u32)>,
    ranks: Vec<Rank>,
    free: Vec<u32>,
    founded: u64,
}

impl Groups {
    /// Opens an empty group.
    pub(super) fn open(&mut self, rank: Rank) -> u32 {
        if let Some(group) = self.free.pop() {
            self.ranks[group as usize] = rank;
            return group;
        }
        self.masses.push((0, 0));
        self.ranks.push(rank);
        index(self.masses.len() - 1)
    }

    /// Opens an empty group that ranks behind all there are.
    pub(super) fn found(&mut self) -> u32 {
        self.founded += 1;
        self.open(Rank::Founded(self.founded))
    }

    /// Gives the places of groups that have become empty free.
    pub(super) fn close(&mut self, group: u32) {
        debug_assert_eq!(self.masses[group as usize], (0, 0), "only empty groups are closed");
        self.free.push(group);
    }

    /// Ranks a group anew, for the next search.
    pub(super) fn settle(&mut self, group: u32, rank: Rank) {
        self.ranks[group as usize] = rank;
    }

    /// Ends a search: what is founded next is numbered from the start.
    pub(super) fn rest(&mut self) {
        self.founded = 0;
    }

    pub(super) fn rank(&self, group: u32) -> Rank {
        self.ranks[group as usize]
    }

    pub(super) fn size(&self, group: u32) -> u32 {
        self.masses[group as usize].1
    }

    pub(super) fn join(&mut self, group: u32, strength: u64, size: u32) {
        let mass = &mut self.masses[group as usize];
        *mass = (mass.0 + strength, mass.1 + size);
    }

    pub(super) fn leave(&mut self, group: u32, strength: u64, size: u32) {
        let mass = &mut self.masses[group as usize];
        *mass = (mass.0 - strength, mass.1 - size);
    }

    pub(super) fn len(&self) -> usize {
        self.masses.len()
    }
}
