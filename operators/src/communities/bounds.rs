//! Communities made to keep their bounds: connected, and neither too large nor too small.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{Graph, Rows};
use super::groups::{Groups, Rank};

/// The communities that a search touched, while they are brought within bounds.
pub(super) struct Bounding<'s> {
    pub(super) graph: &'s Graph,
    pub(super) groups: &'s mut Groups,
    /// By node: its group.
    pub(super) labels: &'s mut [u32],
    /// By group: its nodes as they were before the search.
    pub(super) before: &'s [Vec<u32>],
    /// Nodes by touched group, in the order of their tools.
    pub(super) members: BTreeMap<u32, Vec<u32>>,
}

impl Bounding<'_> {
    fn relabel(&mut self, node: u32, group: u32) {
        let strength = self.graph.strength(node);
        self.groups.leave(self.labels[node as usize], strength, 1);
        self.groups.join(group, strength, 1);
        self.labels[node as usize] = group;
    }

    /// Splits what is not connected; the piece with the least tool keeps the group.
    pub(super) fn separate(&mut self) {
        let mut touched: Vec<u32> = self.members.keys().copied().collect();
        touched.sort_unstable_by_key(|group| self.groups.rank(*group));
        // By node: its piece, numbered from 1; 0 while it is not reached.
        let mut pieces = vec![0_u32; self.labels.len()];
        for group in touched {
            let mut count = 0;
            for start in &self.members[&group] {
                if pieces[*start as usize] != 0 {
                    continue;
                }
                count += 1;
                pieces[*start as usize] = count;
                let mut waiting = vec![*start];
                while let Some(node) = waiting.pop() {
                    for (other, _) in self.graph.row(node) {
                        let place = *other as usize;
                        if pieces[place] == 0 && self.labels[place] == group {
                            pieces[place] = count;
                            waiting.push(*other);
                        }
                    }
                }
            }
            for piece in 2..=count {
                let founded = self.groups.found();
                let nodes = self.members.get_mut(&group).expect("it is touched");
                let apart: Vec<u32> =
                    nodes.extract_if(.., |node| pieces[*node as usize] == piece).collect();
                for node in &apart {
                    self.relabel(*node, founded);
                }
                self.members.insert(founded, apart);
            }
        }
    }

    /// Folds communities that are too small into the neighbouring community they have most links
    /// to, as long as that stays within bounds; if none takes them whole, their members go one by
    /// one, and whom nobody takes is alone.
    ///
    /// `resting` tells of a node whether it was left over before and has no reason to be looked at
    /// again. Ends, since every step leaves fewer communities or fewer nodes in small ones.
    pub(super) fn fold(&mut self, resting: impl Fn(u32) -> bool, least: usize, most: usize) {
        let mut small: BTreeSet<(usize, Rank, u32)> = self
            .members
            .iter()
            .filter(|(_, nodes)| nodes.len() < least && !nodes.is_empty())
            .filter(|(_, nodes)| 1 < nodes.len() || !resting(nodes[0]))
            .map(|(group, nodes)| (nodes.len(), self.groups.rank(*group), *group))
            .collect();
        // Whoever found no place may find one once its neighbours have grown into communities.
        let mut stuck: BTreeSet<(Rank, u32)> = BTreeSet::new();
        while let Some((size, rank, group)) = small.pop_first() {
            let nodes = self.members[&group].clone();
            let target = self.nearest(&nodes, |other| other + size <= most);
            let Some(target) = target else {
                stuck.insert((rank, group));
                continue;
            };
            self.members.insert(group, Vec::new());
            for node in &nodes {
                self.relabel(*node, target);
            }
            let there = self.groups.rank(target);
            let joined = self.members_of(target);
            let had = joined.len();
            joined.extend(nodes);
            let has = joined.len();
            small.remove(&(had, there, target));
            stuck.remove(&(there, target));
            if has < least {
                small.insert((has, there, target));
            }
        }
        self.scatter(stuck, least, most);
    }

    /// Sends the members of communities that nobody takes whole wherever there is room for one.
    fn scatter(&mut self, stuck: BTreeSet<(Rank, u32)>, least: usize, most: usize) {
        let mut nodes: Vec<u32> = Vec::new();
        for (_, group) in stuck {
            nodes.append(self.members.get_mut(&group).expect("it is small, so touched"));
        }
        nodes.sort_unstable_by_key(|node| self.graph.tool(*node));
        loop {
            let before = nodes.len();
            nodes.retain(|node| {
                let target = self.nearest(&[*node], |there| least <= there && there < most);
                if let Some(target) = target {
                    self.relabel(*node, target);
                    self.members_of(target).push(*node);
                }
                target.is_none()
            });
            if nodes.len() == before {
                break;
            }
        }
        for node in nodes {
            let alone = match self.groups.size(self.labels[node as usize]) {
                1 => self.labels[node as usize],
                _ => self.groups.found(),
            };
            self.relabel(node, alone);
            self.members.insert(alone, vec![node]);
        }
    }

    fn members_of(&mut self, group: u32) -> &mut Vec<u32> {
        let before = || self.before.get(group as usize).cloned().unwrap_or_default();
        self.members.entry(group).or_insert_with(before)
    }

    /// The community of an admitted size to which some nodes of one community have most links,
    /// ties to the lesser rank.
    fn nearest(&self, nodes: &[u32], admits: impl Fn(usize) -> bool) -> Option<u32> {
        let own = self.labels[*nodes.first()? as usize];
        let mut weights: BTreeMap<u32, u64> = BTreeMap::new();
        for node in nodes {
            for (other, weight) in self.graph.row(*node) {
                *weights.entry(self.labels[*other as usize]).or_default() += u64::from(*weight);
            }
        }
        weights
            .into_iter()
            .filter(|(group, _)| *group != own && admits(self.groups.size(*group) as usize))
            .max_by_key(|(group, weight)| (*weight, std::cmp::Reverse(self.groups.rank(*group))))
            .map(|(group, _)| group)
    }
}

/// The nodes of some groups, by group as it is now and in the order of their tools.
pub(super) fn regroup(
    graph: &Graph,
    labels: &[u32],
    mut nodes: Vec<u32>,
) -> BTreeMap<u32, Vec<u32>> {
    nodes.sort_unstable_by_key(|node| graph.tool(*node));
    nodes.dedup();
    let mut members: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for node in nodes {
        members.entry(labels[node as usize]).or_default().push(node);
    }
    members
}
