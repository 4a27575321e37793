//! Group linked tools into communities: the domains.

use std::collections::BTreeMap;

use differential_dataflow::VecCollection;
use differential_dataflow::lattice::Lattice;
use timely::order::TotalOrder;
use timely::progress::Timestamp;

use schemas::{DomainId, GraphPlan, Lineage, Link, Membership, Partition, Placement, ToolId};

use self::directory::Directory;
use self::state::{Changes, State};

pub use self::names::{domain_name, still_fits};

mod directory;
mod rows;
mod graph;
mod levels;
mod groups;
mod leiden;
mod bounds;
mod heirs;
mod state;
mod lift;
mod names;
#[cfg(test)]
mod tests;

/// Changes whenever the same input would give another result, so that nothing stale is recalled.
pub const REVISION: &str = "communities 2";

/// The domains of a corpus, and how they descend from the prior ones.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Grouping {
    /// Where each tool is.
    pub partition: Partition,
    /// What happened since the prior partition, sorted.
    pub lineage: Vec<Lineage>,
}

/// Groups tools into domains: communities of the graph that are connected and within the plan's
/// bounds. A tool that belongs to no such community has no domain.
///
/// A function of its arguments: neither the order of the links nor how the corpus came to be as it
/// is matters. With a prior partition, only the neighbourhood of what changed since is looked at
/// again; with an unchanged graph the prior partition is returned as it is. Links between tools
/// that are not in `tools` are left out.
pub fn communities(
    links: &[Link],
    tools: &[ToolId],
    prior: &Partition,
    plan: &GraphPlan,
) -> Grouping {
    let mut known = tools.to_vec();
    known.sort_unstable();
    known.dedup();
    let all = known.iter().map(|tool| (*tool, 1)).collect();
    let directory = Directory::new(known);
    let is_known = |tool: ToolId| directory.place(tool).is_some();
    let within =
        |link: &&Link| link.source != link.target && is_known(link.source) && is_known(link.target);
    let links = links.iter().filter(within).map(|link| (*link, 1)).collect();
    let mut changes = Changes { links, tools: all };
    changes.links.sort_unstable();
    changes.links.dedup();
    let mut state = State::new(prior.clone(), plan);
    let said = state.update(&changes);
    Grouping { partition: state.partition(), lineage: said.lineage }
}

/// The modularity of a partition: the share of link weight within domains, less what chance would
/// give, weighed by `resolution`. Tools without a domain count as domains of one.
#[expect(clippy::cast_precision_loss, reason = "a figure to report, not a key")]
pub fn modularity(links: &[Link], partition: &Partition, resolution: f64) -> f64 {
    let home = |tool: &ToolId| partition.placements.get(tool).and_then(|placed| placed.domain);
    let mut strengths: BTreeMap<(Option<DomainId>, Option<ToolId>), u64> = BTreeMap::new();
    let (mut within, mut total) = (0_u64, 0_u64);
    for link in links {
        let ends = [link.source, link.target].map(|tool| (home(&tool), tool));
        total += 2 * u64::from(link.weight);
        if ends[0].0.is_some() && ends[0].0 == ends[1].0 {
            within += 2 * u64::from(link.weight);
        }
        for (domain, tool) in ends {
            let alone = domain.is_none().then_some(tool);
            *strengths.entry((domain, alone)).or_default() += u64::from(link.weight);
        }
    }
    if total == 0 {
        return 0.0;
    }
    let chance: u128 = strengths.values().map(|s| u128::from(*s) * u128::from(*s)).sum();
    let total = total as f64;
    within as f64 / total - resolution * (chance as f64 / (total * total))
}

/// Extension trait for the `communities` operator.
pub trait Communities<'scope, T: Timestamp> {
    /// Groups the tools by their links, as [`communities`] does, epoch after epoch: the partition
    /// of each epoch is the prior of the next, and `prior` that of the first.
    ///
    /// An epoch in which nothing changed says nothing. The whole graph is held by one worker: a
    /// move may reach anywhere, and what is left after linking is small.
    ///
    /// # Examples
    ///
    /// ```
    /// use differential_dataflow::input::Input;
    /// use operators::communities::Communities;
    /// use schemas::{GraphPlan, Link, Partition, ToolId};
    ///
    /// timely::example(|scope| {
    ///     let link = |source, target| Link {
    ///         source: ToolId(source), target: ToolId(target), weight: 500_000,
    ///     };
    ///     let links = scope.new_collection_from([link(1, 2), link(1, 3), link(2, 3)]).1;
    ///     let tools = scope.new_collection_from((1..=4).map(ToolId)).1;
    ///     let plan = GraphPlan { tools_min: 2, ..GraphPlan::default() };
    ///
    ///     let grouped = links.communities(tools, Partition::default(), &plan);
    ///     let members = scope.new_collection_from((1..=3).map(ToolId)).1;
    ///     grouped.memberships().map(|membership| membership.tool).assert_eq(members);
    ///     grouped.homeless().assert_eq(scope.new_collection_from([ToolId(4)]).1);
    /// });
    /// ```
    fn communities(
        self,
        tools: VecCollection<'scope, T, ToolId>,
        prior: Partition,
        plan: &GraphPlan,
    ) -> Grouped<'scope, T>;
}

impl<'scope, T> Communities<'scope, T> for VecCollection<'scope, T, Link>
where
    T: Timestamp + Lattice + TotalOrder,
{
    fn communities(
        self,
        tools: VecCollection<'scope, T, ToolId>,
        prior: Partition,
        plan: &GraphPlan,
    ) -> Grouped<'scope, T> {
        lift::lift(self, tools, prior, plan)
    }
}

/// What the `communities` operator says.
#[derive(Clone)]
pub struct Grouped<'scope, T: Timestamp> {
    /// Where each tool is; at the end of an epoch, its partition.
    pub placements: VecCollection<'scope, T, (ToolId, Placement)>,
    /// What happened to domains: events, added at their epoch and never taken back.
    pub lineage: VecCollection<'scope, T, Lineage>,
}

impl<'scope, T: Timestamp> Grouped<'scope, T> {
    /// The tools that have a domain, with the domain.
    pub fn memberships(&self) -> VecCollection<'scope, T, Membership> {
        self.placements.clone().flat_map(|(tool, placement)| {
            placement.domain.map(|domain| Membership { tool, domain })
        })
    }

    /// The tools that found no domain.
    pub fn homeless(&self) -> VecCollection<'scope, T, ToolId> {
        self.placements
            .clone()
            .flat_map(|(tool, placement)| placement.domain.is_none().then_some(tool))
    }
}
