//! The graph and its partition, brought up to date change by change.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{DomainId, GraphPlan, Lineage, Link, Partition, Placement, ToolId};

use super::bounds::{Bounding, regroup};
use super::graph::{Graph, Rows};
use super::groups::{Groups, Rank};
use super::heirs::{Claim, inherit};
use super::leiden::{Rules, Search};
use super::levels::NONE;

/// How the tools and links changed, sorted; every entry is there once and counts one up or down.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) links: Vec<(Link, isize)>,
    pub(super) tools: Vec<(ToolId, isize)>,
}

/// What came of changes.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Tools whose placement is another, with the old and the new one.
    pub(super) placements: Vec<(ToolId, Option<Placement>, Option<Placement>)>,
    /// What happened to domains, sorted.
    pub(super) lineage: Vec<Lineage>,
}

/// The graph as of the last changes, and where every tool is.
///
/// What it says is a function of the graph and the partition before the changes, not of how they
/// came about. Memory grows with tools and links: some 12 bytes for each end of a link, and 150
/// for a tool.
#[derive(Debug)]
pub(super) struct State {
    rules: Rules,
    tools_min: usize,
    /// The partition to start from, until the first changes.
    prior: Option<Partition>,
    graph: Graph,
    groups: Groups,
    /// By node: its group.
    labels: Vec<u32>,
    /// By node: the domain it had before the changes.
    homes: Vec<Option<DomainId>>,
    /// By node: where it was last said to be.
    said: Vec<Option<Placement>>,
    /// By group: its nodes, in the order of their tools.
    members: Vec<Vec<u32>>,
    /// All domains before the changes.
    living: BTreeSet<DomainId>,
}

/// What changes did to the graph, before anything moves.
#[derive(Debug, Default)]
struct Shaken {
    /// Nodes whose links changed and nodes that are new, in the order of their tools.
    nodes: Vec<u32>,
    /// By node: whether it moves for any gain.
    fresh: Vec<bool>,
    /// Groups that changed.
    groups: BTreeSet<u32>,
    /// Domains that lost a tool of the corpus.
    bereft: BTreeSet<DomainId>,
}

impl State {
    /// Starts without tools; those that come are placed as the prior partition has them, as far as
    /// their links are the same.
    pub(super) fn new(prior: Partition, plan: &GraphPlan) -> State {
        let living = prior.placements.values().filter_map(|placed| placed.domain).collect();
        let rules = Rules {
            method: plan.method,
            resolution_permille: plan.resolution_permille,
            tools_max: u32::try_from(plan.tools_max.max(1)).unwrap_or(u32::MAX),
            rounds_max: plan.rounds_max.max(1),
            inertia: INERTIA,
        };
        State {
            rules,
            tools_min: plan.tools_min,
            prior: Some(prior),
            graph: Graph::default(),
            groups: Groups::default(),
            labels: Vec::new(),
            homes: Vec::new(),
            said: Vec::new(),
            members: Vec::new(),
            living,
        }
    }

    /// Where every tool is.
    pub(super) fn partition(&self) -> Partition {
        let placed = self.said.iter().enumerate().filter_map(|(node, placement)| {
            let node = u32::try_from(node).expect("nodes are numbered in 32 bits");
            Some((self.graph.tool(node), (*placement)?))
        });
        Partition { placements: placed.collect(), ..Partition::default() }
    }

    /// Applies changes and groups what they touch anew.
    ///
    /// # Panics
    ///
    /// Panics if something is added that is there, or taken away that is not, or if a link leads to
    /// a tool that is not there: the graph held here would not be the graph that flows.
    pub(super) fn update(&mut self, changes: &Changes) -> Said {
        let mut said = Said::default();
        let mut shaken = self.apply(changes, &mut said);
        if let Some(prior) = self.prior.take() {
            self.recall(&prior, &mut shaken);
        }
        let open: Vec<u32> =
            shaken.nodes.iter().copied().filter(|node| shaken.fresh[*node as usize]).collect();
        let mut search =
            Search::new(&self.graph, &mut self.groups, &mut self.labels, &shaken.fresh, self.rules);
        search.improve(&shaken.nodes, &open);
        let moved = std::mem::take(&mut search.moved);
        // Nodes move many times between few groups.
        let mut changed = vec![false; self.groups.len()];
        for (node, from) in moved {
            changed[from as usize] = true;
            changed[self.labels[node as usize] as usize] = true;
        }
        shaken.groups.extend((0..).zip(changed).filter(|(_, changed)| *changed).map(|it| it.0));
        let members = self.bound(&shaken);
        self.name(members, &shaken, &mut said);
        said
    }

    /// Changes the graph, and says goodbye to the tools that go.
    fn apply(&mut self, changes: &Changes, said: &mut Said) -> Shaken {
        let sound = |count: &isize| count.abs() == 1;
        assert!(changes.links.iter().all(|(_, count)| sound(count)), "links are there once");
        assert!(changes.tools.iter().all(|(_, count)| sound(count)), "tools are there once");
        let mut shaken = Shaken::default();
        let mut touched: Vec<u32> = Vec::new();
        for (link, _) in changes.links.iter().filter(|(_, count)| *count < 0) {
            let ends = self.graph.unlink(link);
            for label in ends.map(|node| self.labels[node as usize]) {
                self.groups.leave(label, link.weight.into(), 0);
            }
            touched.extend(ends);
        }
        for (tool, _) in changes.tools.iter().filter(|(_, count)| *count < 0) {
            let node = self.graph.remove(*tool).expect("only what is there is taken away");
            let label = std::mem::replace(&mut self.labels[node as usize], NONE);
            self.groups.leave(label, 0, 1);
            shaken.groups.insert(label);
            shaken.bereft.extend(self.homes[node as usize].take());
            said.placements.push((*tool, self.said[node as usize].take(), None));
        }
        for (tool, _) in changes.tools.iter().filter(|(_, count)| 0 < *count) {
            let node = self.graph.add(*tool);
            if node as usize == self.labels.len() {
                self.labels.push(NONE);
                self.homes.push(None);
                self.said.push(None);
            }
            let label = self.groups.open(Rank::Alone(*tool));
            self.groups.join(label, 0, 1);
            self.labels[node as usize] = label;
            touched.push(node);
        }
        let come: Vec<&Link> =
            changes.links.iter().filter(|(_, count)| 0 < *count).map(|(link, _)| link).collect();
        for (node, gained) in self.graph.link(&come) {
            self.groups.join(self.labels[node as usize], gained, 0);
            touched.push(node);
        }
        shaken.fresh = vec![false; self.labels.len()];
        let mut seen = vec![false; self.labels.len()];
        touched.retain(|node| {
            self.labels[*node as usize] != NONE
                && !std::mem::replace(&mut seen[*node as usize], true)
        });
        touched.sort_unstable_by_key(|node| self.graph.tool(*node));
        for node in &touched {
            self.graph.order(*node);
            shaken.groups.insert(self.labels[*node as usize]);
            shaken.fresh[*node as usize] = self.homes[*node as usize].is_none();
        }
        shaken.nodes = touched;
        shaken
    }

    /// Takes over the prior partition: tools go where it has them, and those whose links are as
    /// they were have no reason to move. A domain above the bound, as of an earlier plan, is taken
    /// apart.
    fn recall(&mut self, prior: &Partition, shaken: &mut Shaken) {
        shaken.bereft.clone_from(&self.living);
        let mut sizes: BTreeMap<DomainId, u32> = BTreeMap::new();
        let placed =
            |state: &State, node: u32| prior.placements.get(&state.graph.tool(node)).copied();
        for node in &shaken.nodes {
            if let Some(domain) = placed(self, *node).and_then(|placed| placed.domain) {
                *sizes.entry(domain).or_default() += 1;
            }
        }
        let mut opened: BTreeMap<DomainId, u32> = BTreeMap::new();
        let nodes = std::mem::take(&mut shaken.nodes);
        for node in nodes {
            let known = placed(self, node);
            let same = known.is_some_and(|known| known.links == self.graph.digest(node));
            let domain = known.and_then(|known| known.domain);
            // Whom it shares with counts, even where it does not stay.
            self.homes[node as usize] = domain;
            let kept = domain.filter(|domain| sizes[domain] <= self.rules.tools_max);
            if let Some(home) = kept {
                let rank = Rank::Domain(home);
                let group = *opened.entry(home).or_insert_with(|| self.groups.open(rank));
                let alone = std::mem::replace(&mut self.labels[node as usize], group);
                self.groups.leave(alone, self.graph.strength(node), 1);
                self.groups.join(group, self.graph.strength(node), 1);
                shaken.groups.insert(group);
            }
            let homeless = known.is_some_and(|known| known.domain.is_none());
            let settled = same && (kept.is_some() || homeless);
            shaken.fresh[node as usize] = kept.is_none() && !settled;
            if !settled {
                shaken.nodes.push(node);
            }
        }
    }

    /// Brings the communities that were touched within bounds; their members, in the order of
    /// their tools.
    fn bound(&mut self, shaken: &Shaken) -> BTreeMap<u32, Vec<u32>> {
        let known = |group: &u32| self.members.get(*group as usize).into_iter().flatten().copied();
        let mut nodes: Vec<u32> = shaken.groups.iter().flat_map(known).collect();
        nodes.extend(&shaken.nodes);
        if self.members.is_empty() {
            nodes = (0..)
                .zip(&self.labels)
                .filter(|(_, label)| **label != NONE)
                .map(|(n, _)| n)
                .collect();
        }
        nodes.retain(|node| self.labels[*node as usize] != NONE);
        let mut members = regroup(&self.graph, &self.labels, nodes);
        for group in &shaken.groups {
            members.entry(*group).or_default();
        }
        let (homes, fresh) = (&self.homes, &shaken.fresh);
        let mut bounding = Bounding {
            graph: &self.graph,
            groups: &mut self.groups,
            labels: &mut self.labels,
            before: &self.members,
            members,
        };
        bounding.separate();
        let resting = |node: u32| homes[node as usize].is_none() && !fresh[node as usize];
        bounding.fold(resting, self.tools_min, self.rules.tools_max as usize);
        let mut bounded = bounding.members;
        for within in bounded.values_mut() {
            within.sort_unstable_by_key(|node| self.graph.tool(*node));
        }
        bounded
    }

    /// Gives the communities that were touched their ids, and says what is other than before.
    fn name(&mut self, members: BTreeMap<u32, Vec<u32>>, shaken: &Shaken, said: &mut Said) {
        let mut contested = shaken.bereft.clone();
        let mut claims: Vec<(u32, Claim)> = Vec::new();
        for (group, nodes) in &members {
            let shares = nodes.iter().filter_map(|node| self.homes[*node as usize]);
            contested.extend(shares.clone());
            if nodes.is_empty() || nodes.len() < self.tools_min {
                continue;
            }
            let mut claim = Claim { least: self.graph.tool(nodes[0]), shares: BTreeMap::new() };
            for domain in shares {
                *claim.shares.entry(domain).or_default() += 1;
            }
            claims.push((*group, claim));
        }
        claims.sort_unstable_by_key(|(_, claim)| claim.least);
        let (groups, claims): (Vec<u32>, Vec<Claim>) = claims.into_iter().unzip();
        let (ids, lineage) = inherit(&claims, &contested, &self.living);
        said.lineage = lineage;
        for domain in contested {
            self.living.remove(&domain);
        }
        self.living.extend(&ids);
        let ids: BTreeMap<u32, DomainId> = groups.into_iter().zip(ids).collect();
        let mut touched = vec![false; self.labels.len()];
        shaken.nodes.iter().for_each(|node| touched[*node as usize] = true);
        for (group, nodes) in members {
            let domain = ids.get(&group).copied();
            for node in &nodes {
                self.place(*node, domain, touched[*node as usize], said);
            }
            match (domain, nodes.as_slice()) {
                (Some(domain), _) => self.groups.settle(group, Rank::Domain(domain)),
                (None, [alone]) => {
                    self.groups.settle(group, Rank::Alone(self.graph.tool(*alone)));
                }
                (None, _) => {}
            }
            if nodes.is_empty() {
                self.groups.close(group);
            }
            if self.members.len() <= group as usize {
                self.members.resize_with(group as usize + 1, Vec::new);
            }
            self.members[group as usize] = nodes;
        }
        self.groups.rest();
        said.placements.sort_unstable_by_key(|(tool, ..)| *tool);
    }

    fn place(&mut self, node: u32, domain: Option<DomainId>, relinked: bool, said: &mut Said) {
        self.homes[node as usize] = domain;
        let old = self.said[node as usize];
        let links = match old {
            Some(old) if !relinked => old.links,
            _ => self.graph.digest(node),
        };
        let new = Some(Placement { domain, links });
        if old != new {
            said.placements.push((self.graph.tool(node), old, new));
            self.said[node as usize] = new;
        }
    }
}

/// How much a node that has a place must gain to leave it, as a share of its strength.
const INERTIA: f64 = 0.125;
