//! A weighted undirected graph whose nodes may stand for several tools.

use std::collections::BTreeMap;

use schemas::{Digest, Link, ToolId};

/// A graph in compressed rows.
#[derive(Debug)]
pub(super) struct Graph {
    starts: Vec<usize>,
    arcs: Vec<(u32, u64)>,
    /// By node: the weight of all its links, those within it counted twice.
    pub(super) strengths: Vec<u64>,
    /// By node: how many tools it stands for.
    pub(super) sizes: Vec<usize>,
    /// The sum of all strengths.
    pub(super) total: u64,
}

impl Graph {
    /// The graph of some tools, which must be sorted; a link to any other tool is left out.
    pub(super) fn of(tools: &[ToolId], links: &[Link]) -> Graph {
        let place = |tool: &ToolId| tools.binary_search(tool).ok();
        let ends: Vec<(u32, u32, u64)> = links
            .iter()
            .filter(|link| link.source != link.target)
            .filter_map(|link| {
                Some((index(place(&link.source)?), index(place(&link.target)?), link.weight.into()))
            })
            .collect();
        let mut starts = vec![0; tools.len() + 1];
        for (source, target, _) in &ends {
            starts[*source as usize + 1] += 1;
            starts[*target as usize + 1] += 1;
        }
        for node in 0..tools.len() {
            starts[node + 1] += starts[node];
        }
        let mut next = starts.clone();
        let mut arcs = vec![(0, 0); 2 * ends.len()];
        for (source, target, weight) in ends {
            for (one, other) in [(source, target), (target, source)] {
                arcs[next[one as usize]] = (other, weight);
                next[one as usize] += 1;
            }
        }
        for node in 0..tools.len() {
            arcs[starts[node]..starts[node + 1]].sort_unstable();
        }
        Graph::finish(starts, arcs, vec![0; tools.len()], vec![1; tools.len()])
    }

    /// The graph of groups of nodes: `groups` says which group, from `0..count`, each node is in.
    pub(super) fn grouped(&self, groups: &[u32], count: usize) -> Graph {
        let mut members = vec![Vec::new(); count];
        for (node, group) in groups.iter().enumerate() {
            members[*group as usize].push(node);
        }
        let mut starts = vec![0];
        let mut arcs = Vec::new();
        let mut sizes = vec![0; count];
        let mut within = vec![0; count];
        for (group, nodes) in members.iter().enumerate() {
            let mut weights: BTreeMap<u32, u64> = BTreeMap::new();
            for node in nodes {
                sizes[group] += self.sizes[*node];
                let mut outward = 0;
                for (other, weight) in self.arcs(*node) {
                    outward += weight;
                    *weights.entry(groups[*other as usize]).or_default() += weight;
                }
                within[group] += self.strengths[*node] - outward;
            }
            within[group] += weights.remove(&index(group)).unwrap_or(0);
            arcs.extend(weights);
            starts.push(arcs.len());
        }
        Graph::finish(starts, arcs, within, sizes)
    }

    fn finish(
        starts: Vec<usize>,
        arcs: Vec<(u32, u64)>,
        within: Vec<u64>,
        sizes: Vec<usize>,
    ) -> Graph {
        let strengths: Vec<u64> = within
            .iter()
            .enumerate()
            .map(|(node, within)| {
                let row = &arcs[starts[node]..starts[node + 1]];
                within + row.iter().map(|(_, weight)| weight).sum::<u64>()
            })
            .collect();
        let total = strengths.iter().sum();
        Graph { starts, arcs, strengths, sizes, total }
    }

    /// How many nodes there are.
    pub(super) fn len(&self) -> usize {
        self.sizes.len()
    }

    /// The neighbours of a node, ascending, with the weights of the links.
    pub(super) fn arcs(&self, node: usize) -> &[(u32, u64)] {
        &self.arcs[self.starts[node]..self.starts[node + 1]]
    }

    /// Digest of a tool's links: its neighbours, ascending, with the weights.
    pub(super) fn digest(&self, tools: &[ToolId], node: usize) -> Digest {
        let arcs = self.arcs(node);
        let bytes: Vec<u8> = arcs
            .iter()
            .flat_map(|(other, weight)| {
                let neighbour = tools[*other as usize].0.to_le_bytes();
                neighbour.into_iter().chain(weight.to_le_bytes())
            })
            .collect();
        Digest::of(&bytes)
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
