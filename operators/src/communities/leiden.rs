//! The Leiden method, deterministic, warm-started and with bounded communities.
//!
//! After Traag, Waltman and van Eck, "From Louvain to Leiden" (2019), with three differences:
//! where the paper draws lots, the best move is made and ties go to the lesser label; a community
//! never grows beyond a bound; and what the caller declares settled is moved only when reached.

use std::collections::{BTreeSet, VecDeque};

use super::graph::{Graph, index};

/// What bounds and guides the search.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// In thousandths: larger, smaller communities.
    pub(super) resolution_permille: u32,
    /// Most tools in a community.
    pub(super) tools_max: usize,
    /// Most times each node is looked at on one level.
    pub(super) rounds_max: usize,
}

/// How a node stands to the partition the search starts from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Standing {
    /// It has no place yet.
    Fresh,
    /// It has a place, but its links changed.
    Shaken,
    /// It has a place, and only a move next to it is a reason to look at it again.
    Settled,
}

/// A settled or shaken node moves when that gains it more than one in so many parts of its
/// strength: a move that gains less would cost a whole domain its environment.
const INERTIA: i128 = 8;

/// Improves a partition: `labels` gives each node the index of some node of its community.
pub(super) fn improve(graph: &Graph, labels: &mut [u32], standings: &[Standing], rules: &Rules) {
    let queue = |standing: &Standing| *standing != Standing::Settled;
    let first: Vec<bool> = standings.iter().map(queue).collect();
    let fresh: Vec<bool> = standings.iter().map(|s| *s == Standing::Fresh).collect();
    move_nodes(graph, labels, &first, &fresh, rules);
    let mut level = refine(graph, labels, &fresh, rules);
    let mut groups = level.groups.clone();
    let mut coarse = graph.grouped(&level.groups, level.count);
    while level.shrunk && level.fresh.contains(&true) {
        move_nodes(&coarse, &mut level.labels, &level.fresh, &level.fresh, rules);
        for (node, group) in groups.iter().enumerate() {
            labels[node] = level.labels[*group as usize];
        }
        let next = refine(&coarse, &level.labels, &level.fresh, rules);
        for group in &mut groups {
            *group = next.groups[*group as usize];
        }
        coarse = coarse.grouped(&next.groups, next.count);
        level = next;
    }
}

/// Moves nodes to the neighbouring community where they gain most, until none gains. `first` says
/// which are looked at first; after a move, its neighbours are looked at again, unless they are
/// bound: on a coarse level, a node that is not fresh stands for a whole settled community.
fn move_nodes(graph: &Graph, labels: &mut [u32], first: &[bool], fresh: &[bool], rules: &Rules) {
    let bound = graph.sizes.iter().any(|size| 1 < *size);
    let mut groups = Groups::of(graph, labels);
    let mut waiting = first.to_vec();
    let mut queue: VecDeque<usize> = (0..graph.len()).filter(|node| first[*node]).collect();
    let mut looks = rules.rounds_max.saturating_mul(graph.len());
    let mut toward = Toward::new(graph.len());
    while let Some(node) = queue.pop_front() {
        waiting[node] = false;
        if looks == 0 {
            break;
        }
        looks -= 1;
        let inertia = match fresh[node] {
            true => 0,
            false => groups.scale * i128::from(graph.strengths[node]) / INERTIA,
        };
        let Some(label) = groups.best(graph, labels, node, inertia, &mut toward, rules) else {
            continue;
        };
        groups.shift(graph, labels, node, label);
        for (other, _) in graph.arcs(node) {
            let other = *other as usize;
            let free = !bound || fresh[other];
            if free && labels[other] != label && !waiting[other] {
                waiting[other] = true;
                queue.push_back(other);
            }
        }
    }
}

/// The communities of one level while nodes move.
struct Groups {
    strengths: Vec<u64>,
    sizes: Vec<usize>,
    empty: BTreeSet<u32>,
    /// What one unit of link weight is worth in the unit of values.
    scale: i128,
}

impl Groups {
    fn of(graph: &Graph, labels: &[u32]) -> Groups {
        let mut strengths = vec![0; graph.len()];
        let mut sizes = vec![0; graph.len()];
        for (node, label) in labels.iter().enumerate() {
            strengths[*label as usize] += graph.strengths[node];
            sizes[*label as usize] += graph.sizes[node];
        }
        let empty = (0..graph.len()).filter(|label| sizes[*label] == 0).map(index).collect();
        Groups { strengths, sizes, empty, scale: 1000 * i128::from(graph.total) }
    }

    /// What being in a community is worth to a node: the weight of its links there, less what
    /// chance would give (modularity with a resolution, times a constant).
    fn value(&self, weight: u64, strength: u64, company: u64, rules: &Rules) -> i128 {
        let chance = i128::from(strength) * i128::from(company);
        self.scale * i128::from(weight) - i128::from(rules.resolution_permille) * chance
    }

    /// The community where a node gains most, if it gains more than its inertia by moving.
    fn best(
        &self,
        graph: &Graph,
        labels: &[u32],
        node: usize,
        inertia: i128,
        toward: &mut Toward,
        rules: &Rules,
    ) -> Option<u32> {
        let (own, strength) = (labels[node], graph.strengths[node]);
        toward.gather(graph, labels, node);
        let company = self.strengths[own as usize] - strength;
        let stay = self.value(toward.weights[own as usize], strength, company, rules);
        let mut best = (stay + inertia, None);
        for label in &toward.labels {
            let group = *label as usize;
            if *label == own || rules.tools_max < self.sizes[group] + graph.sizes[node] {
                continue;
            }
            let value = self.value(toward.weights[group], strength, self.strengths[group], rules);
            if best.0 < value || (best.0 == value && best.1.is_some_and(|other| *label < other)) {
                best = (value, Some(*label));
            }
        }
        if best.0 < 0 && graph.sizes[node] < self.sizes[own as usize] {
            best.1 = self.empty.first().copied();
        }
        best.1
    }

    fn shift(&mut self, graph: &Graph, labels: &mut [u32], node: usize, label: u32) {
        let (from, to) = (labels[node] as usize, label as usize);
        self.strengths[from] -= graph.strengths[node];
        self.sizes[from] -= graph.sizes[node];
        if self.sizes[from] == 0 {
            self.empty.insert(labels[node]);
        }
        self.empty.remove(&label);
        self.strengths[to] += graph.strengths[node];
        self.sizes[to] += graph.sizes[node];
        labels[node] = label;
    }
}

/// The weight of one node's links toward each community.
struct Toward {
    weights: Vec<u64>,
    labels: Vec<u32>,
}

impl Toward {
    fn new(count: usize) -> Toward {
        Toward { weights: vec![0; count], labels: Vec::new() }
    }

    fn gather(&mut self, graph: &Graph, labels: &[u32], node: usize) {
        for label in self.labels.drain(..) {
            self.weights[label as usize] = 0;
        }
        for (other, weight) in graph.arcs(node) {
            let label = labels[*other as usize];
            if self.weights[label as usize] == 0 {
                self.labels.push(label);
            }
            self.weights[label as usize] += weight;
        }
    }
}

/// One level of aggregation.
struct Level {
    /// By node of the level below: its group here.
    groups: Vec<u32>,
    count: usize,
    /// By group: the community it is in, as the index of one of its groups.
    labels: Vec<u32>,
    /// By group: whether it stands for fresh nodes only.
    fresh: Vec<bool>,
    /// Whether there are fewer groups than nodes.
    shrunk: bool,
}

/// Groups the nodes of each fresh community into parts that hang together well, and those of any
/// other community into one part.
fn refine(graph: &Graph, labels: &[u32], fresh: &[bool], rules: &Rules) -> Level {
    let mut open = vec![true; graph.len()];
    for (node, label) in labels.iter().enumerate() {
        open[*label as usize] &= fresh[node];
    }
    let parts = partition(graph, labels, &open, rules);
    let mut names = vec![u32::MAX; graph.len()];
    let mut homes = vec![u32::MAX; graph.len()];
    let mut level = Level {
        groups: Vec::with_capacity(graph.len()),
        count: 0,
        labels: Vec::new(),
        fresh: Vec::new(),
        shrunk: false,
    };
    for (node, part) in parts.iter().enumerate() {
        let (name, home) = (&mut names[*part as usize], &mut homes[labels[node] as usize]);
        if *name == u32::MAX {
            *name = index(level.count);
            if *home == u32::MAX {
                *home = *name;
            }
            level.labels.push(*home);
            level.fresh.push(open[labels[node] as usize]);
            level.count += 1;
        }
        level.groups.push(*name);
    }
    level.shrunk = level.count < graph.len();
    level
}

fn partition(graph: &Graph, labels: &[u32], open: &[bool], rules: &Rules) -> Vec<u32> {
    let communities = Groups::of(graph, labels);
    let mut parts: Vec<u32> = (0..graph.len()).map(index).collect();
    let mut groups = Groups::of(graph, &parts);
    // By part: the weight of its links to the rest of its community.
    let mut ties: Vec<u64> = (0..graph.len())
        .map(|node| {
            let inside = |(other, _): &&(u32, u64)| labels[*other as usize] == labels[node];
            graph.arcs(node).iter().filter(inside).map(|(_, weight)| weight).sum()
        })
        .collect();
    let hangs = |all: &Groups, tied: &[u64], part: usize, label: u32| {
        let rest = communities.strengths[label as usize] - all.strengths[part];
        0 <= all.value(tied[part], all.strengths[part], rest, rules)
    };
    let mut toward = Toward::new(graph.len());
    let mut firsts = vec![u32::MAX; graph.len()];
    for node in 0..graph.len() {
        let label = labels[node];
        if !open[label as usize] {
            let first = &mut firsts[label as usize];
            *first = (*first).min(index(node));
            parts[node] = *first;
            continue;
        }
        let alone = parts[node] as usize == node && groups.sizes[node] == graph.sizes[node];
        if !alone || !hangs(&groups, &ties, node, label) {
            continue;
        }
        toward.gather(graph, &parts, node);
        let mut best: Option<(i128, u32)> = None;
        for part in &toward.labels {
            let other = *part as usize;
            // A part's name is the name of one of its nodes, so it tells the community.
            if labels[other] != label || !hangs(&groups, &ties, other, label) {
                continue;
            }
            let strength = graph.strengths[node];
            let value =
                groups.value(toward.weights[other], strength, groups.strengths[other], rules);
            if 0 < value
                && best.is_none_or(|(most, least)| most < value || (most == value && *part < least))
            {
                best = Some((value, *part));
            }
        }
        if let Some((_, part)) = best {
            let shared = toward.weights[part as usize];
            ties[part as usize] = ties[part as usize] + ties[node] - 2 * shared;
            groups.shift(graph, &mut parts, node, part);
        }
    }
    parts
}
