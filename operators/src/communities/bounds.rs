//! Communities made to keep their bounds: connected, and neither too large nor too small.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{Graph, index};

/// Gives each connected piece of each community a label of its own, its least node.
pub(super) fn separate(graph: &Graph, labels: &mut [u32]) {
    let mut pieces = vec![u32::MAX; graph.len()];
    let mut waiting = Vec::new();
    for start in 0..graph.len() {
        if pieces[start] != u32::MAX {
            continue;
        }
        pieces[start] = index(start);
        waiting.push(start);
        while let Some(node) = waiting.pop() {
            for (other, _) in graph.arcs(node) {
                let other = *other as usize;
                if pieces[other] == u32::MAX && labels[other] == labels[node] {
                    pieces[other] = index(start);
                    waiting.push(other);
                }
            }
        }
    }
    labels.copy_from_slice(&pieces);
}

/// Folds communities that are too small into the neighbouring community they have most links to,
/// as long as that stays within bounds; if none takes them whole, their members go one by one.
///
/// `resting` marks nodes that were left over before and have no reason to be looked at again.
/// Ends, since every step leaves fewer communities or fewer nodes in small ones.
pub(super) fn fold(
    graph: &Graph,
    labels: &mut [u32],
    resting: &[bool],
    tools_min: usize,
    tools_max: usize,
) {
    let mut members: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (node, label) in labels.iter().enumerate() {
        members.entry(*label).or_default().push(node);
    }
    let mut small: BTreeSet<(usize, u32)> = members
        .iter()
        .filter(|(_, nodes)| nodes.len() < tools_min && !nodes.iter().all(|n| resting[*n]))
        .map(|(label, nodes)| (nodes.len(), *label))
        .collect();
    // Whoever found no place may find one once its neighbours have grown into communities.
    let mut stuck: BTreeSet<u32> = BTreeSet::new();
    while let Some((size, label)) = small.pop_first() {
        if members.get(&label).is_none_or(|nodes| nodes.len() != size) {
            continue;
        }
        let nodes = members[&label].clone();
        let target =
            nearest(graph, labels, &nodes, |other| members[&other].len() + size <= tools_max);
        let Some(target) = target else {
            stuck.insert(label);
            continue;
        };
        members.remove(&label);
        for node in &nodes {
            labels[*node] = target;
        }
        let joined = members.get_mut(&target).expect("a neighbour's community");
        small.remove(&(joined.len(), target));
        stuck.remove(&target);
        joined.extend(nodes);
        if joined.len() < tools_min {
            small.insert((joined.len(), target));
        }
    }
    scatter(graph, labels, &mut members, stuck, tools_min, tools_max);
}

/// Sends the members of communities that nobody takes whole wherever there is room for one.
fn scatter(
    graph: &Graph,
    labels: &mut [u32],
    members: &mut BTreeMap<u32, Vec<usize>>,
    stuck: BTreeSet<u32>,
    tools_min: usize,
    tools_max: usize,
) {
    let mut nodes: Vec<usize> = stuck.iter().flat_map(|label| members[label].clone()).collect();
    nodes.sort_unstable();
    for label in &stuck {
        members.remove(label);
    }
    loop {
        let before = nodes.len();
        nodes.retain(|node| {
            let room = |label: u32| {
                members
                    .get(&label)
                    .is_some_and(|there| tools_min <= there.len() && there.len() < tools_max)
            };
            let target = nearest(graph, labels, &[*node], room);
            if let Some(target) = target {
                labels[*node] = target;
                members.get_mut(&target).expect("it has room").push(*node);
            }
            target.is_none()
        });
        if nodes.len() == before {
            break;
        }
    }
    for node in nodes {
        labels[node] = index(node);
    }
}

/// The admitted community to which some nodes of one community have most links, ties to the
/// lesser label.
fn nearest(
    graph: &Graph,
    labels: &[u32],
    nodes: &[usize],
    admits: impl Fn(u32) -> bool,
) -> Option<u32> {
    let own = labels[*nodes.first()?];
    let mut weights: BTreeMap<u32, u64> = BTreeMap::new();
    for node in nodes {
        for (other, weight) in graph.arcs(*node) {
            *weights.entry(labels[*other as usize]).or_default() += weight;
        }
    }
    weights
        .into_iter()
        .filter(|(label, _)| *label != own && admits(*label))
        .max_by_key(|(label, weight)| (*weight, std::cmp::Reverse(*label)))
        .map(|(label, _)| label)
}
