//! Parts of the tool graph, level by level, in which whole communities of nodes move as one.

use super::graph::{Graph, Rows, index};

/// The label of whoever is outside a part, or in no group.
pub(super) const NONE: u32 = u32::MAX;

/// A part of a graph whose communities are formed anew. Its nodes are numbered from 0; arcs lead
/// to ends, some of which stand for nodes and the others for what is around.
pub(super) trait Part {
    /// What holds the weight of a link.
    type Weight: Copy + Into<u64>;
    /// How many nodes it has.
    fn movable(&self) -> usize;
    /// The group a node is in.
    fn label(&self, node: u32) -> u32;
    /// The weight of all links of a node, those within it counted twice.
    fn strength(&self, node: u32) -> u64;
    /// How many tools a node stands for.
    fn size(&self, node: u32) -> u32;
    /// The sum of all strengths of the whole graph.
    fn total(&self) -> u64;
    /// The ends of a node's links with their weights.
    fn arcs(&self, node: u32) -> &[(u32, Self::Weight)];
    /// The end that stands for a node.
    fn end(&self, node: u32) -> u32;
    /// By end: the group of its node and the node; [`NONE`] for what is around.
    fn ends(&self) -> Vec<(u32, u32)>;
    /// The weight of a node's links to the rest of its community.
    fn tie(&self, node: u32) -> u64;
    /// By end: its node after the nodes were grouped into so many parts, those of what is around
    /// after those of the parts; and what is around.
    fn renamed(&self, parts: &[u32], count: usize) -> (Vec<u32>, Vec<Outside>);
}

/// A community outside a part, which is a neighbour of it and stays as it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outside {
    label: u32,
    strength: u64,
    size: u32,
}

/// Some nodes of the whole graph, read where they are.
pub(super) struct Finest<'g> {
    pub(super) graph: &'g Graph,
    pub(super) nodes: &'g [u32],
    /// By node of the graph: its group. Groups of `nodes` have no others.
    pub(super) labels: &'g [u32],
    /// By group: its strength and size.
    pub(super) groups: &'g [(u64, u32)],
}

impl Finest<'_> {
    fn node(&self, number: u32) -> u32 {
        self.nodes[number as usize]
    }
}

impl Part for Finest<'_> {
    type Weight = u32;

    fn movable(&self) -> usize {
        self.nodes.len()
    }

    fn label(&self, node: u32) -> u32 {
        self.labels[self.node(node) as usize]
    }

    fn strength(&self, node: u32) -> u64 {
        self.graph.strength(self.node(node))
    }

    fn size(&self, _node: u32) -> u32 {
        1
    }

    fn total(&self) -> u64 {
        self.graph.total()
    }

    fn arcs(&self, node: u32) -> &[(u32, u32)] {
        self.graph.row(self.node(node))
    }

    fn end(&self, node: u32) -> u32 {
        self.node(node)
    }

    fn ends(&self) -> Vec<(u32, u32)> {
        let mut ends = vec![(NONE, NONE); self.graph.nodes()];
        for (number, node) in (0..).zip(self.nodes) {
            ends[*node as usize] = (self.labels[*node as usize], number);
        }
        ends
    }

    fn tie(&self, node: u32) -> u64 {
        inside(self.arcs(node), self.labels, self.label(node))
    }

    fn renamed(&self, parts: &[u32], count: usize) -> (Vec<u32>, Vec<Outside>) {
        let mut renamed = vec![NONE; self.graph.nodes()];
        for (node, part) in self.nodes.iter().zip(parts) {
            renamed[*node as usize] = *part;
        }
        // By group: the node that stands for it.
        let mut around = vec![NONE; self.groups.len()];
        let mut outside = Vec::new();
        for (end, label) in renamed.iter_mut().zip(self.labels) {
            if *end != NONE || *label == NONE {
                continue;
            }
            let number = &mut around[*label as usize];
            if *number == NONE {
                *number = index(count + outside.len());
                let (strength, size) = self.groups[*label as usize];
                outside.push(Outside { label: *label, strength, size });
            }
            *end = *number;
        }
        (renamed, outside)
    }
}

/// A part of a graph in compressed rows, whose nodes stand for several tools.
///
/// The first [`Part::movable`] nodes have rows; those after them are what is around.
#[derive(Debug)]
pub(super) struct Level {
    starts: Vec<usize>,
    arcs: Vec<(u32, u64)>,
    strengths: Vec<u64>,
    sizes: Vec<u32>,
    total: u64,
    /// By node: the group it is in.
    pub(super) labels: Vec<u32>,
}

impl Level {
    /// The graph of the parts of another: `parts` says which part, numbered from 0 by first
    /// appearance, each node is in. Every part takes the label of its nodes.
    pub(super) fn grouped<P: Part>(part_of: &P, parts: &[u32], count: usize) -> Level {
        let (members, first) = gathered(parts, count);
        let (renamed, outside) = part_of.renamed(parts, count);
        let mut level = Level {
            starts: Vec::with_capacity(count + 1),
            arcs: Vec::new(),
            strengths: Vec::with_capacity(count + outside.len()),
            sizes: Vec::with_capacity(count + outside.len()),
            total: part_of.total(),
            labels: Vec::with_capacity(count + outside.len()),
        };
        level.starts.push(0);
        let mut weights = vec![0_u64; count + outside.len()];
        let mut seen = vec![0_u32; weights.len() + 1];
        for part in 0..count {
            let nodes = &members[first[part]..first[part + 1]];
            let (mut strength, mut size, mut found) = (0, 0, 0);
            for node in nodes {
                strength += part_of.strength(*node);
                size += part_of.size(*node);
                found = reach(part_of.arcs(*node), &renamed, &mut weights, &mut seen, found);
            }
            weights[part] = 0;
            let seen = &mut seen[..found];
            seen.sort_unstable();
            let others = seen.iter().filter(|other| **other as usize != part);
            level.arcs.extend(
                others.map(|other| (*other, std::mem::take(&mut weights[*other as usize]))),
            );
            level.starts.push(level.arcs.len());
            level.strengths.push(strength);
            level.sizes.push(size);
            level.labels.push(part_of.label(nodes[0]));
        }
        level.strengths.extend(outside.iter().map(|it| it.strength));
        level.sizes.extend(outside.iter().map(|it| it.size));
        level.labels.extend(outside.iter().map(|it| it.label));
        level
    }
}

impl Rows for Level {
    type Weight = u64;

    fn row(&self, node: u32) -> &[(u32, u64)] {
        match self.starts.get(node as usize..node as usize + 2) {
            Some(bounds) => &self.arcs[bounds[0]..bounds[1]],
            None => &[],
        }
    }

    fn strength(&self, node: u32) -> u64 {
        self.strengths[node as usize]
    }

    fn size(&self, node: u32) -> u32 {
        self.sizes[node as usize]
    }

    fn nodes(&self) -> usize {
        self.strengths.len()
    }

    fn total(&self) -> u64 {
        self.total
    }
}

impl Part for Level {
    type Weight = u64;

    fn movable(&self) -> usize {
        self.starts.len() - 1
    }

    fn label(&self, node: u32) -> u32 {
        self.labels[node as usize]
    }

    fn strength(&self, node: u32) -> u64 {
        self.strengths[node as usize]
    }

    fn size(&self, node: u32) -> u32 {
        self.sizes[node as usize]
    }

    fn total(&self) -> u64 {
        self.total
    }

    fn arcs(&self, node: u32) -> &[(u32, u64)] {
        self.row(node)
    }

    fn end(&self, node: u32) -> u32 {
        node
    }

    fn ends(&self) -> Vec<(u32, u32)> {
        let movable = index(self.movable());
        let end = |(node, label): (u32, &u32)| match node < movable {
            true => (*label, node),
            false => (NONE, NONE),
        };
        (0..).zip(&self.labels).map(end).collect()
    }

    fn tie(&self, node: u32) -> u64 {
        inside(self.row(node), &self.labels, self.label(node))
    }

    fn renamed(&self, parts: &[u32], count: usize) -> (Vec<u32>, Vec<Outside>) {
        let movable = self.movable();
        let outside: Vec<Outside> = (movable..self.labels.len())
            .map(|node| Outside {
                label: self.labels[node],
                strength: self.strengths[node],
                size: self.sizes[node],
            })
            .collect();
        // What is around keeps its order.
        let apart = (index(count)..).take(outside.len());
        (parts.iter().copied().chain(apart).collect(), outside)
    }
}

/// The weight of arcs that lead to one group.
fn inside<W: Copy + Into<u64>>(arcs: &[(u32, W)], labels: &[u32], own: u32) -> u64 {
    let weight = |(end, weight): &(u32, W)| match labels[*end as usize] == own {
        true => (*weight).into(),
        false => 0,
    };
    arcs.iter().map(weight).sum()
}

/// Adds the weights of arcs to those of whom they lead to, and notes who is met for the first time.
pub(super) fn reach<W: Copy + Into<u64>>(
    arcs: &[(u32, W)],
    names: &[u32],
    weights: &mut [u64],
    seen: &mut [u32],
    mut found: usize,
) -> usize {
    for (end, weight) in arcs {
        let name = names[*end as usize];
        let sum = &mut weights[name as usize];
        // Writing always and counting sometimes needs no branch, which is hard to foretell.
        seen[found] = name;
        found += usize::from(*sum == 0);
        *sum += (*weight).into();
    }
    found
}

/// The nodes of every part together, and where each part begins.
fn gathered(parts: &[u32], count: usize) -> (Vec<u32>, Vec<usize>) {
    let mut first = vec![0; count + 1];
    for part in parts {
        first[*part as usize + 1] += 1;
    }
    for part in 0..count {
        first[part + 1] += first[part];
    }
    let mut next = first.clone();
    let mut members = vec![0; parts.len()];
    for (node, part) in (0..).zip(parts) {
        members[next[*part as usize]] = node;
        next[*part as usize] += 1;
    }
    (members, first)
}
