//! The methods of Leiden and Louvain, deterministic, warm-started and with bounded communities.
//!
//! After Traag, Waltman and van Eck, "From Louvain to Leiden" (2019), and Blondel and others,
//! "Fast unfolding of communities in large networks" (2008), with three differences: where the
//! papers draw lots, the best move is made and ties go to the group of the lesser rank; a
//! community never grows beyond a bound; and what the caller declares settled is moved only when
//! reached.
//!
//! Gains are in the unit of link weights, in double precision: sums are integers, and a gain is a
//! fixed formula of such sums, so it does not depend on the order in which they were made.

use std::collections::VecDeque;

use schemas::Method;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::graph::{Graph, Rows, index};
use super::groups::Groups;
use super::levels::{Finest, Level, Part, reach};

/// What bounds and guides the search.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) method: Method,
    /// In thousandths: larger, smaller communities.
    pub(super) resolution_permille: u32,
    /// Most tools in a community.
    pub(super) tools_max: u32,
    /// Most times each node is looked at on one level, and most passes over all levels.
    pub(super) rounds_max: usize,
    /// A node that is not fresh moves when that gains it more than one in so many parts of its
    /// strength: a move that gains less would cost a whole domain its environment.
    pub(super) inertia: f64,
}

/// A gain below this, in link weights (10⁻⁶ of a cosine), is none: it could be rounding.
const GAIN_MIN: f64 = 1e-3;

/// A search in progress: which group each node is in.
pub(super) struct Search<'g> {
    pub(super) graph: &'g Graph,
    pub(super) groups: &'g mut Groups,
    /// By node of the graph: its group.
    pub(super) labels: &'g mut [u32],
    /// By node of the graph: whether it moves for any gain, not only for a great one.
    pub(super) fresh: &'g [bool],
    pub(super) rules: Rules,
    /// Every node of the graph that was moved, with the group it was in; with repetitions.
    pub(super) moved: Vec<(u32, u32)>,
    room: Room,
}

/// Working memory.
#[derive(Default)]
struct Room {
    /// By group: the weight of one node's links toward it; all zero between uses.
    toward: Vec<u64>,
    /// The groups that have a weight there, as many as are said to; the others mean nothing.
    reached: Vec<u32>,
}

impl Room {
    /// Makes room for so many groups.
    fn hold(&mut self, groups: usize) {
        if self.toward.len() < groups {
            self.toward.resize(groups, 0);
            self.reached.resize(groups + 1, 0);
        }
    }

    /// Adds up the weights of arcs toward the parts of one group, by end given with their group;
    /// returns how many parts are reached.
    fn gather<W: Copy + Into<u64>>(
        &mut self,
        arcs: &[(u32, W)],
        ends: &[(u32, u32)],
        group: u32,
    ) -> usize {
        let mut found = 0;
        for (end, weight) in arcs {
            let (label, part) = ends[*end as usize];
            if label != group {
                continue;
            }
            let sum = &mut self.toward[part as usize];
            // Writing always and counting sometimes needs no branch, which is hard to foretell.
            self.reached[found] = part;
            found += usize::from(*sum == 0);
            *sum += (*weight).into();
        }
        found
    }
}

impl<'g> Search<'g> {
    pub(super) fn new(
        graph: &'g Graph,
        groups: &'g mut Groups,
        labels: &'g mut [u32],
        fresh: &'g [bool],
        rules: Rules,
    ) -> Search<'g> {
        Search { graph, groups, labels, fresh, rules, moved: Vec::new(), room: Room::default() }
    }

    /// Improves the partition from some nodes on, which are in the order of their tools.
    /// `open` are the nodes whose communities may be formed anew, in the same order.
    ///
    /// The first pass looks at all of them, every further one at the communities that the pass
    /// before changed, until one changes nothing.
    pub(super) fn improve(&mut self, first: &[u32], open: &[u32]) {
        let (mut first, mut within) = (first.to_vec(), open.to_vec());
        for pass in 0..self.rules.rounds_max {
            let before = self.moved.len();
            self.move_nodes(&first);
            self.move_groups(&within, pass);
            let mut changed = vec![false; self.groups.len()];
            for (node, from) in &self.moved[before..] {
                changed[*from as usize] = true;
                changed[self.labels[*node as usize] as usize] = true;
            }
            let in_changed = |node: &u32| changed[self.labels[*node as usize] as usize];
            within = open.iter().copied().filter(in_changed).collect();
            if within.is_empty() {
                break;
            }
            first.clone_from(&within);
        }
        // What the last groups left beside them may be better off elsewhere.
        self.move_nodes(open);
    }

    /// Moves tools to the neighbouring community where they gain most, until none gains; after a
    /// move, its neighbours are looked at again.
    fn move_nodes(&mut self, first: &[u32]) {
        let inertia = |node: u32| match self.fresh[node as usize] {
            true => GAIN_MIN,
            false => float(self.graph.strength(node)) * self.rules.inertia,
        };
        let (groups, room) = (&mut *self.groups, &mut self.room);
        let mut mover = Mover { rows: self.graph, groups, rules: &self.rules, room };
        self.moved.extend(mover.settle(self.labels, first, inertia));
    }

    /// Moves whole parts of the communities that consist of open nodes, level by level.
    fn move_groups(&mut self, open: &[u32], pass: usize) {
        if open.is_empty() {
            return;
        }
        let mut held = vec![0; self.groups.len()];
        for node in open {
            held[self.labels[*node as usize] as usize] += 1;
        }
        let whole = |label: u32| held[label as usize] == self.groups.size(label);
        let nodes: Vec<u32> =
            open.iter().copied().filter(|node| whole(self.labels[*node as usize])).collect();
        if nodes.is_empty() {
            return;
        }
        let finest = Finest {
            graph: self.graph,
            nodes: &nodes,
            labels: self.labels,
            groups: &self.groups.masses,
        };
        // By open node: its node of the level.
        let (mut places, count) =
            parts(&finest, &self.rules, &self.groups.masses, &mut self.room, pass);
        if count == finest.movable() {
            return;
        }
        let mut level = Level::grouped(&finest, &places, count);
        loop {
            let first: Vec<u32> = (0..index(level.movable())).collect();
            let mut labels = std::mem::take(&mut level.labels);
            let (groups, room) = (&mut *self.groups, &mut self.room);
            let mut mover = Mover { rows: &level, groups, rules: &self.rules, room };
            let moves = mover.settle(&mut labels, &first, |_| GAIN_MIN);
            level.labels = labels;
            if moves.is_empty() && self.rules.method == Method::Louvain {
                break;
            }
            let (coarser, fewer) =
                parts(&level, &self.rules, &self.groups.masses, &mut self.room, pass);
            if fewer == level.movable() {
                break;
            }
            level = Level::grouped(&level, &coarser, fewer);
            for place in &mut places {
                *place = coarser[*place as usize];
            }
        }
        for (node, place) in nodes.iter().zip(&places) {
            let (old, new) = (self.labels[*node as usize], level.labels[*place as usize]);
            if old != new {
                self.moved.push((*node, old));
                self.labels[*node as usize] = new;
            }
        }
    }
}

/// The parts of communities that move as one, numbered from 0.
fn parts<P: Part>(
    part: &P,
    rules: &Rules,
    masses: &[(u64, u32)],
    room: &mut Room,
    pass: usize,
) -> (Vec<u32>, usize) {
    match rules.method {
        Method::Leiden => refine(part, rules, masses, room, pass),
        Method::Louvain => {
            let labels: Vec<u32> = (0..index(part.movable())).map(|it| part.label(it)).collect();
            number(&labels)
        }
    }
}

/// Groups the nodes of each community into parts that hang together well. `masses` are strength
/// and size of each group.
fn refine<P: Part>(
    level: &P,
    rules: &Rules,
    masses: &[(u64, u32)],
    room: &mut Room,
    pass: usize,
) -> (Vec<u32>, usize) {
    let count = level.movable();
    let chance = chance(level.total(), rules);
    let mut parts: Vec<u32> = (0..index(count)).collect();
    let mut ties: Vec<u64> = parts.iter().map(|node| level.tie(*node)).collect();
    let mut strengths: Vec<u64> = parts.iter().map(|node| level.strength(*node)).collect();
    // By end of an arc: its group and its part.
    let mut ends = level.ends();
    let mut alone = vec![true; count];
    let hangs = |tied: u64, strength: u64, label: u32| {
        let rest = masses[label as usize].0 - strength;
        0.0 <= float(tied) - chance * float(strength) * float(rest)
    };
    room.hold(count);
    for node in 0..count {
        let (label, strength) = (level.label(index(node)), level.strength(index(node)));
        if !alone[node] || !hangs(ties[node], strength, label) {
            continue;
        }
        let found = room.gather(level.arcs(index(node)), &ends, label);
        let Room { toward, reached } = &mut *room;
        let mut best: Option<(f64, u32)> = None;
        for part in reached[..found].iter().copied() {
            let place = part as usize;
            let gain = float(toward[place]) - chance * float(strength) * float(strengths[place]);
            // No whim makes more of a gain than it is.
            let short = gain <= GAIN_MIN || best.is_some_and(|(most, _)| gain < most);
            if short || place == node || !hangs(ties[place], strengths[place], label) {
                continue;
            }
            let worth = gain * whim(pass, node, place);
            let better =
                best.is_none_or(|(most, least)| most < worth || (most <= worth && part < least));
            if better {
                best = Some((worth, part));
            }
        }
        if let Some((_, part)) = best {
            let place = part as usize;
            ties[place] = ties[place] + ties[node] - 2 * toward[place];
            strengths[place] += strength;
            strengths[node] = 0;
            (alone[node], alone[place]) = (false, false);
            parts[node] = part;
            ends[level.end(index(node)) as usize].1 = part;
        }
        for part in &reached[..found] {
            toward[*part as usize] = 0;
        }
    }
    number(&parts)
}

/// What moves the nodes of one level.
struct Mover<'s, R> {
    rows: &'s R,
    groups: &'s mut Groups,
    rules: &'s Rules,
    room: &'s mut Room,
}

impl<R: Rows> Mover<'_, R> {
    /// Moves nodes until none gains more than its inertia; returns who moved, and from where.
    fn settle(
        &mut self,
        labels: &mut [u32],
        first: &[u32],
        inertia: impl Fn(u32) -> f64,
    ) -> Vec<(u32, u32)> {
        let (rows, chance) = (self.rows, chance(self.rows.total(), self.rules));
        let mut moves = Vec::new();
        let mut waiting = vec![false; rows.nodes()];
        for node in first {
            waiting[*node as usize] = true;
        }
        let mut queue: VecDeque<u32> = first.iter().copied().collect();
        let mut looks = self.rules.rounds_max.saturating_mul(rows.nodes());
        while let Some(node) = queue.pop_front() {
            waiting[node as usize] = false;
            if looks == 0 {
                break;
            }
            looks -= 1;
            let Some(target) = self.best(labels, node, inertia(node), chance) else { continue };
            let (strength, size) = (rows.strength(node), rows.size(node));
            let to = target.unwrap_or_else(|| self.groups.found());
            let from = std::mem::replace(&mut labels[node as usize], to);
            self.groups.leave(from, strength, size);
            self.groups.join(to, strength, size);
            moves.push((node, from));
            for (other, _) in rows.row(node) {
                let place = *other as usize;
                if labels[place] != to && !waiting[place] && !rows.row(*other).is_empty() {
                    waiting[place] = true;
                    queue.push_back(*other);
                }
            }
        }
        moves
    }

    /// Where a node gains most, if that is more than its inertia: a group, or one of its own.
    fn best(
        &mut self,
        labels: &[u32],
        node: u32,
        inertia: f64,
        chance: f64,
    ) -> Option<Option<u32>> {
        self.room.hold(self.groups.len());
        let Room { toward, reached } = &mut *self.room;
        let found = reach(self.rows.row(node), labels, toward, reached, 0);
        let (own, size) = (labels[node as usize], self.rows.size(node));
        let strength = self.rows.strength(node);
        let company = self.groups.masses[own as usize].0 - strength;
        let factor = chance * float(strength);
        let stay = float(toward[own as usize]) - factor * float(company);
        let mut best = (stay + inertia, None);
        for label in reached[..found].iter().copied() {
            let weight = std::mem::take(&mut toward[label as usize]);
            let (there, tools) = self.groups.masses[label as usize];
            if label == own || self.rules.tools_max.saturating_sub(size) < tools {
                continue;
            }
            let gain = float(weight) - factor * float(there);
            let lesser = |other: u32| self.groups.rank(label) < self.groups.rank(other);
            if best.0 < gain || (best.0 <= gain && best.1.is_some_and(lesser)) {
                best = (gain, Some(label));
            }
        }
        if best.0 < 0.0 && size < self.groups.size(own) {
            return Some(None);
        }
        best.1.map(Some)
    }
}

/// What one unit of strength meeting one unit of strength would give by chance.
fn chance(total: u64, rules: &Rules) -> f64 {
    match total {
        0 => 0.0,
        _ => f64::from(rules.resolution_permille) / (1000.0 * float(total)),
    }
}

/// A factor from a half to one that differs from pass to pass: the lots that Leiden draws in its
/// refinement, without which every pass would come to the same parts.
fn whim(pass: usize, node: usize, part: usize) -> f64 {
    if pass == 0 {
        return 1.0;
    }
    let seed = (pass as u64) << 32 ^ node as u64;
    let bits = xxh3_64_with_seed(&(part as u64).to_le_bytes(), seed);
    0.5 + float(bits >> 12) / 9_007_199_254_740_992.0
}

/// Numbers labels from 0 by first appearance.
fn number(labels: &[u32]) -> (Vec<u32>, usize) {
    let most = labels.iter().max().map_or(0, |label| *label as usize + 1);
    let mut names = vec![u32::MAX; most];
    let mut count = 0;
    let numbered = labels
        .iter()
        .map(|label| {
            let name = &mut names[*label as usize];
            if *name == u32::MAX {
                *name = index(count);
                count += 1;
            }
            *name
        })
        .collect();
    (numbered, count)
}

/// A sum of weights in double precision: exact below 2⁵³, and the same everywhere above.
#[expect(clippy::cast_precision_loss, reason = "rounds as IEEE 754 says, on every machine alike")]
pub(super) fn float(sum: u64) -> f64 {
    sum as f64
}
