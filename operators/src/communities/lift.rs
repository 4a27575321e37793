//! The dataflow around the pure `communities`: the whole graph on one worker.

use std::collections::{BTreeMap, BTreeSet};

use differential_dataflow::lattice::Lattice;
use differential_dataflow::{AsCollection, VecCollection};
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::Operator;
use timely::order::TotalOrder;
use timely::progress::Timestamp;

use schemas::{GraphPlan, Lineage, Link, Partition, Placement, ToolId};

use super::{Grouped, communities};

/// One thing the operator says, before its kinds are told apart.
#[derive(Clone, Debug)]
enum Said {
    Placed(ToolId, Placement),
    Happened(Lineage),
}

/// Changes of one epoch.
#[derive(Debug, Default)]
struct Changes {
    links: BTreeMap<Link, isize>,
    tools: BTreeMap<ToolId, isize>,
}

/// The graph as of the last epoch.
#[derive(Debug, Default)]
struct State {
    links: BTreeSet<Link>,
    tools: BTreeSet<ToolId>,
    prior: Partition,
    said: BTreeMap<ToolId, Placement>,
}

pub(super) fn lift<'scope, T>(
    links: VecCollection<'scope, T, Link>,
    tools: VecCollection<'scope, T, ToolId>,
    prior: Partition,
    plan: GraphPlan,
) -> Grouped<'scope, T>
where
    T: Timestamp + Lattice + TotalOrder,
{
    let mut state = State { prior, ..State::default() };
    let said = links
        .inner
        .binary_frontier(
            tools.inner,
            Exchange::new(|_| 0),
            Exchange::new(|_| 0),
            "Communities",
            move |_capability, _info| {
                let mut waiting: BTreeMap<T, (Capability<T>, Changes)> = BTreeMap::new();
                move |(link_input, link_frontier), (tool_input, tool_frontier), output| {
                    link_input.for_each(|capability, updates| {
                        for (link, time, difference) in updates.drain(..) {
                            let epoch = waiting.entry(time.clone()).or_insert_with(|| {
                                (capability.delayed(&time, 0), Changes::default())
                            });
                            *epoch.1.links.entry(link).or_default() += difference;
                        }
                    });
                    tool_input.for_each(|capability, updates| {
                        for (tool, time, difference) in updates.drain(..) {
                            let epoch = waiting.entry(time.clone()).or_insert_with(|| {
                                (capability.delayed(&time, 0), Changes::default())
                            });
                            *epoch.1.tools.entry(tool).or_default() += difference;
                        }
                    });
                    while let Some(epoch) = waiting.first_entry() {
                        let open = [link_frontier, tool_frontier];
                        if open.iter().any(|frontier| frontier.less_equal(epoch.key())) {
                            break;
                        }
                        let (time, (capability, changes)) = epoch.remove_entry();
                        let said = state.update(changes, &plan);
                        output.session(&capability).give_iterator(
                            said.into_iter().map(|(said, r)| (said, time.clone(), r)),
                        );
                    }
                }
            },
        )
        .as_collection();
    let placements = said.clone().flat_map(|said| match said {
        Said::Placed(tool, placement) => Some((tool, placement)),
        Said::Happened(_) => None,
    });
    let lineage = said.flat_map(|said| match said {
        Said::Placed(..) => None,
        Said::Happened(event) => Some(event),
    });
    Grouped { placements, lineage }
}

impl State {
    fn update(&mut self, changes: Changes, plan: &GraphPlan) -> Vec<(Said, isize)> {
        apply(&mut self.links, changes.links);
        apply(&mut self.tools, changes.tools);
        let links: Vec<Link> = self.links.iter().copied().collect();
        let tools: Vec<ToolId> = self.tools.iter().copied().collect();
        let grouping = communities(&links, &tools, &self.prior, plan);
        let mut said = Vec::new();
        let new = &grouping.partition.placements;
        for (tool, placement) in &self.said {
            if new.get(tool) != Some(placement) {
                said.push((Said::Placed(*tool, *placement), -1));
            }
        }
        for (tool, placement) in new {
            if self.said.get(tool) != Some(placement) {
                said.push((Said::Placed(*tool, *placement), 1));
            }
        }
        said.extend(grouping.lineage.into_iter().map(|event| (Said::Happened(event), 1)));
        self.said.clone_from(new);
        self.prior = grouping.partition;
        said
    }
}

/// Applies changes to a set.
///
/// # Panics
///
/// Panics if something is added twice or taken away without being there: the graph held here
/// would no longer be the graph that flows.
fn apply<E: Ord>(set: &mut BTreeSet<E>, changes: BTreeMap<E, isize>) {
    for (element, difference) in changes {
        match difference {
            0 => {}
            1 => assert!(set.insert(element), "something was added twice"),
            -1 => assert!(set.remove(&element), "something was taken away twice"),
            _ => panic!("something was there several times"),
        }
    }
}
