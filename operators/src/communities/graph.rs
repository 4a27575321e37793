//! The tool graph in memory: rows that change in place.

use std::collections::BTreeMap;

use schemas::{Digest, Link, ToolId};

use super::directory::Directory;
use super::rows::RowStore;

/// What a search reads of a graph. Rows list neighbours in an order that the caller keeps the
/// same for the same graph, however it came about.
pub(super) trait Rows {
    /// What holds the weight of a link.
    type Weight: Copy + Into<u64>;
    /// The neighbours of a node with the weights of the links.
    fn row(&self, node: u32) -> &[(u32, Self::Weight)];
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
    rows: RowStore,
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
            self.rows.add();
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
        assert!(self.rows.row(node).is_empty(), "{tool} goes and its links stay");
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
            let taken = self.rows.take(one, (other, link.weight));
            assert!(taken.is_some(), "only what is there is taken away");
            self.strengths[one as usize] -= u64::from(link.weight);
            self.total -= u64::from(link.weight);
        }
        ends
    }

    /// Adds links; returns their ends, each once, with the strength it gained. Rows are out of
    /// order until [`Graph::order`].
    ///
    /// # Panics
    ///
    /// Panics if a link leads to a tool that is not there.
    pub(super) fn link(&mut self, links: &[&Link]) -> Vec<(u32, u64)> {
        let ends: Vec<[u32; 2]> = if self.nodes.len() < links.len() {
            let directory = Directory::new(self.nodes.keys().copied().collect());
            let nodes: Vec<u32> = self.nodes.values().copied().collect();
            let node = |tool| nodes[directory.place(tool).expect("links are between tools")];
            links.iter().map(|link| [node(link.source), node(link.target)]).collect()
        } else {
            links.iter().map(|link| self.ends(link)).collect()
        };
        let mut more = vec![0_u32; self.rows.len()];
        ends.iter().flatten().for_each(|node| more[*node as usize] += 1);
        let mut gained: Vec<(u32, u64)> = Vec::new();
        for (node, arcs) in (0..).zip(more).filter(|(_, arcs)| 0 < *arcs) {
            gained.push((node, self.strengths[node as usize]));
            self.rows.reserve(node, arcs);
        }
        for (link, [source, target]) in links.iter().zip(&ends) {
            for (one, other) in [(*source, *target), (*target, *source)] {
                self.rows.push(one, (other, link.weight));
                self.strengths[one as usize] += u64::from(link.weight);
                self.total += u64::from(link.weight);
            }
        }
        for (node, strength) in &mut gained {
            *strength = self.strengths[*node as usize] - *strength;
        }
        gained
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
        let (tools, row) = (&self.tools, self.rows.row_mut(node));
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
            bytes.extend(u64::from(*weight).to_le_bytes());
        }
        Digest::of(&bytes)
    }
}

impl Rows for Graph {
    type Weight = u32;

    fn row(&self, node: u32) -> &[(u32, u32)] {
        self.rows.row(node)
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

/// A place as the index of a node.
///
/// # Panics
///
/// Panics at 2³² nodes, which no machine holds the links of.
pub(super) fn index(place: usize) -> u32 {
    u32::try_from(place).expect("fewer than 2³² nodes")
}
