//! The tool graph in memory: rows that change in place, and compact levels made from them.

use std::collections::BTreeMap;

use schemas::{Digest, Link, ToolId};

use super::directory::Directory;

/// What a search reads of a graph. Rows list neighbours in an order that the caller keeps the
/// same for the same graph, however it came about.
pub(super) trait Rows {
    /// The neighbours of a node with the weights of the links.
    fn row(&self, node: u32) -> &[(u32, u64)];
    /// The weight of all its links, those within it counted twice.
    fn strength(&self, node: u32) -> u64;
    /// How many tools it stands for.
    fn size(&self, node: u32) -> u32;
    /// One more than the greatest node.
    fn nodes(&self) -> usize;
    /// The sum of all strengths of the whole graph.
    fn total(&self) -> u64;
}

/// The whole graph, a node for each tool. Nodes of removed tools are used again.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: BTreeMap<ToolId, u32>,
    tools: Vec<ToolId>,
    rows: Vec<Vec<(u32, u64)>>,
    strengths: Vec<u64>,
    free: Vec<u32>,
    total: u64,
}

impl Graph {
    /// The node of a tool.
    pub(super) fn node(&self, tool: ToolId) -> Option<u32> {
        self.nodes.get(&tool).copied()
    }

    /// The tool of a node.
    pub(super) fn tool(&self, node: u32) -> ToolId {
        self.tools[node as usize]
    }

    /// Adds a tool without links; a tool that is there already keeps its node.
    pub(super) fn add(&mut self, tool: ToolId) -> u32 {
        if let Some(node) = self.node(tool) {
            return node;
        }
        let node = self.free.pop().unwrap_or_else(|| index(self.tools.len()));
        if node as usize == self.tools.len() {
            self.tools.push(tool);
            self.rows.push(Vec::new());
            self.strengths.push(0);
        }
        self.tools[node as usize] = tool;
        self.nodes.insert(tool, node);
        node
    }

    /// Removes a tool.
    ///
    /// # Panics
    ///
    /// Panics if it still has links: they would lead to whoever gets its node next.
    pub(super) fn remove(&mut self, tool: ToolId) -> Option<u32> {
        let node = self.nodes.remove(&tool)?;
        assert!(self.rows[node as usize].is_empty(), "{tool} goes and its links stay");
        self.free.push(node);
        Some(node)
    }

    /// Takes a link away.
    ///
    /// # Panics
    ///
    /// Panics if it is not there: the graph held here would not be the graph that flows.
    pub(super) fn unlink(&mut self, link: &Link) -> [u32; 2] {
        let ends = self.ends(link);
        for (one, other) in [(ends[0], ends[1]), (ends[1], ends[0])] {
            let row = &mut self.rows[one as usize];
            let place = row.iter().position(|arc| *arc == (other, link.weight.into()));
            row.remove(place.expect("only what is there is taken away"));
            self.strengths[one as usize] -= u64::from(link.weight);
            self.total -= u64::from(link.weight);
        }
        ends
    }

    /// Adds links and returns their ends. Rows are out of order until [`Graph::order`].
    ///
    /// # Panics
    ///
    /// Panics if a link leads to a tool that is not there.
    pub(super) fn link(&mut self, links: &[Link]) -> Vec<[u32; 2]> {
        let many = self.nodes.len() < links.len();
        let ends: Vec<[u32; 2]> = if many {
            let directory = Directory::new(self.nodes.keys().copied().collect());
            let nodes: Vec<u32> = self.nodes.values().copied().collect();
            let node = |tool| nodes[directory.place(tool).expect("links are between tools")];
            links.iter().map(|link| [node(link.source), node(link.target)]).collect()
        } else {
            links.iter().map(|link| self.ends(link)).collect()
        };
        if many {
            let mut more = vec![0; self.rows.len()];
            ends.iter().flatten().for_each(|node| more[*node as usize] += 1);
            self.rows.iter_mut().zip(more).for_each(|(row, more)| row.reserve_exact(more));
        }
        for (link, [source, target]) in links.iter().zip(&ends) {
            for (one, other) in [(*source, *target), (*target, *source)] {
                self.rows[one as usize].push((other, link.weight.into()));
                self.strengths[one as usize] += u64::from(link.weight);
                self.total += u64::from(link.weight);
            }
        }
        ends
    }

    fn ends(&self, link: &Link) -> [u32; 2] {
        [link.source, link.target]
            .map(|tool| self.node(tool).expect("links are between tools of the graph"))
    }

    /// Brings a row into the order of the neighbours' ids.
    ///
    /// # Panics
    ///
    /// Panics if a neighbour is in it twice.
    pub(super) fn order(&mut self, node: u32) {
        let (tools, row) = (&self.tools, &mut self.rows[node as usize]);
        row.sort_unstable_by_key(|(other, _)| tools[*other as usize]);
        let twice = row.windows(2).any(|pair| pair[0].0 == pair[1].0);
        assert!(!twice, "{} is linked twice to one tool", tools[node as usize]);
    }

    /// Digest of a tool's links: its neighbours, ascending, with the weights.
    pub(super) fn digest(&self, node: u32) -> Digest {
        let row = self.row(node);
        let mut bytes = Vec::with_capacity(16 * row.len());
        for (other, weight) in row {
            bytes.extend(self.tool(*other).0.to_le_bytes());
            bytes.extend(weight.to_le_bytes());
        }
        Digest::of(&bytes)
    }
}

impl Rows for Graph {
    fn row(&self, node: u32) -> &[(u32, u64)] {
        &self.rows[node as usize]
    }

    fn strength(&self, node: u32) -> u64 {
        self.strengths[node as usize]
    }

    fn size(&self, _node: u32) -> u32 {
        1
    }

    fn nodes(&self) -> usize {
        self.tools.len()
    }

    fn total(&self) -> u64 {
        self.total
    }
}

/// A part of a graph in compressed rows, whose nodes may stand for several tools.
///
/// The first [`Level::movable`] nodes have rows; those after them stand for whole communities
/// outside the part, which are neighbours of it and stay as they are.
#[derive(Debug, Default)]
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
    /// The part of a graph that some nodes make up, with the groups around it, of which `groups`
    /// gives strength and size.
    pub(super) fn of(graph: &Graph, nodes: &[u32], labels: &[u32], groups: &[(u64, u32)]) -> Level {
        let mut place = vec![u32::MAX; graph.nodes()];
        for (number, node) in nodes.iter().enumerate() {
            place[*node as usize] = index(number);
        }
        let mut level = Level { total: graph.total, starts: vec![0], ..Level::default() };
        level.labels = nodes.iter().map(|node| labels[*node as usize]).collect();
        level.strengths = nodes.iter().map(|node| graph.strength(*node)).collect();
        level.sizes = vec![1; nodes.len()];
        // By group: the node that stands for it.
        let mut around = vec![u32::MAX; groups.len()];
        let mut tied: Vec<u64> = Vec::new();
        let mut fixed: Vec<(u32, u64)> = Vec::new();
        for node in nodes {
            for (other, weight) in graph.row(*node) {
                match place[*other as usize] {
                    u32::MAX => {
                        let label = labels[*other as usize];
                        let number = &mut around[label as usize];
                        if *number == u32::MAX {
                            *number = index(level.labels.len());
                            let (strength, size) = groups[label as usize];
                            level.labels.push(label);
                            level.strengths.push(strength);
                            level.sizes.push(size);
                            tied.push(0);
                        }
                        let number = *number;
                        let slot = number as usize - nodes.len();
                        if tied[slot] == 0 {
                            fixed.push((number, 0));
                        }
                        tied[slot] += weight;
                    }
                    inside => level.arcs.push((inside, *weight)),
                }
            }
            for (number, _) in fixed.drain(..) {
                let weight = std::mem::take(&mut tied[number as usize - nodes.len()]);
                level.arcs.push((number, weight));
            }
            level.starts.push(level.arcs.len());
        }
        level
    }

    /// How many nodes can move.
    pub(super) fn movable(&self) -> usize {
        self.starts.len() - 1
    }

    /// The graph of the parts: `parts` says which part, numbered from 0 by first appearance, each
    /// movable node is in. Every part takes the label of its nodes.
    pub(super) fn grouped(&self, parts: &[u32], count: usize) -> Level {
        let movable = self.movable();
        let mut first = vec![0; count + 1];
        for part in parts {
            first[*part as usize + 1] += 1;
        }
        for part in 0..count {
            first[part + 1] += first[part];
        }
        let mut next = first.clone();
        let mut members = vec![0; movable];
        for (node, part) in (0..).zip(parts) {
            members[next[*part as usize]] = node;
            next[*part as usize] += 1;
        }
        // Whoever stays keeps its order after the parts.
        let rename = |node: u32| match parts.get(node as usize) {
            Some(part) => *part,
            None => index(node as usize - movable + count),
        };
        let mut level = Level { total: self.total, starts: vec![0], ..Level::default() };
        let mut weights = vec![0_u64; count + self.labels.len() - movable];
        let mut seen: Vec<u32> = Vec::new();
        for part in 0..count {
            let nodes = &members[first[part]..first[part + 1]];
            let (mut strength, mut size) = (0, 0);
            for node in nodes {
                strength += self.strength(*node);
                size += self.size(*node);
                for (other, weight) in self.row(*node) {
                    let other = rename(*other);
                    if other as usize != part {
                        if weights[other as usize] == 0 {
                            seen.push(other);
                        }
                        weights[other as usize] += weight;
                    }
                }
            }
            seen.sort_unstable();
            level.arcs.extend(
                seen.drain(..).map(|other| (other, std::mem::take(&mut weights[other as usize]))),
            );
            level.starts.push(level.arcs.len());
            level.strengths.push(strength);
            level.sizes.push(size);
            level.labels.push(self.labels[nodes[0] as usize]);
        }
        level.strengths.extend_from_slice(&self.strengths[movable..]);
        level.sizes.extend_from_slice(&self.sizes[movable..]);
        level.labels.extend_from_slice(&self.labels[movable..]);
        level
    }
}

impl Rows for Level {
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

/// A place as the index of a node.
///
/// # Panics
///
/// Panics at 2³² nodes, which no machine holds the links of.
pub(super) fn index(place: usize) -> u32 {
    u32::try_from(place).expect("fewer than 2³² nodes")
}
