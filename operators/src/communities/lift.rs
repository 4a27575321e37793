//! The dataflow around the pure `communities`: the whole graph on one worker.

use std::collections::BTreeMap;

use differential_dataflow::consolidation::consolidate;
use differential_dataflow::lattice::Lattice;
use differential_dataflow::{AsCollection, VecCollection};
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::Operator;
use timely::order::TotalOrder;
use timely::progress::Timestamp;

use schemas::{GraphPlan, Lineage, Link, Partition, Placement, ToolId};

use super::Grouped;
use super::state::{self, Changes, State};

/// One thing the operator says, before its kinds are told apart.
#[derive(Clone, Debug)]
enum Said {
    Placed(ToolId, Placement),
    Happened(Lineage),
}

pub(super) fn lift<'scope, T>(
    links: VecCollection<'scope, T, Link>,
    tools: VecCollection<'scope, T, ToolId>,
    prior: Partition,
    plan: &GraphPlan,
) -> Grouped<'scope, T>
where
    T: Timestamp + Lattice + TotalOrder,
{
    let mut state = State::new(prior, plan);
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
                            epoch.1.links.push((link, difference));
                        }
                    });
                    tool_input.for_each(|capability, updates| {
                        for (tool, time, difference) in updates.drain(..) {
                            let epoch = waiting.entry(time.clone()).or_insert_with(|| {
                                (capability.delayed(&time, 0), Changes::default())
                            });
                            epoch.1.tools.push((tool, difference));
                        }
                    });
                    while let Some(epoch) = waiting.first_entry() {
                        let open = [link_frontier, tool_frontier];
                        if open.iter().any(|frontier| frontier.less_equal(epoch.key())) {
                            break;
                        }
                        let (time, (capability, mut changes)) = epoch.remove_entry();
                        consolidate(&mut changes.links);
                        consolidate(&mut changes.tools);
                        let said = state.update(&changes);
                        output
                            .session(&capability)
                            .give_iterator(updates(said).map(|(said, r)| (said, time.clone(), r)));
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

/// What a change of placements is as updates.
fn updates(said: state::Said) -> impl Iterator<Item = (Said, isize)> {
    let placed = said.placements.into_iter().flat_map(|(tool, old, new)| {
        let old = old.map(|old| (Said::Placed(tool, old), -1));
        let new = new.map(|new| (Said::Placed(tool, new), 1));
        old.into_iter().chain(new)
    });
    placed.chain(said.lineage.into_iter().map(|event| (Said::Happened(event), 1)))
}
