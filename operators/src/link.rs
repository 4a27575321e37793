//! Link tools to their nearest neighbours.

use std::collections::BTreeMap;
use std::sync::Arc;

use differential_dataflow::consolidation::consolidate;
use differential_dataflow::lattice::Lattice;
use differential_dataflow::operators::ThresholdTotal;
use differential_dataflow::{AsCollection, VecCollection};
use serde::{Deserialize, Serialize};
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::Operator;
use timely::dataflow::operators::vec::Broadcast;
use timely::order::TotalOrder;
use timely::progress::Timestamp;
use xxhash_rust::xxh3::xxh3_64;

use schemas::{Encoder, GraphPlan, LinkRule, ToolId, Vector};

use self::dense::DenseNeighbours;
use self::neighbours::{Neighbours, Share};
use crate::work::Work;

pub use self::neighbours::Near;

mod postings;
mod index;
mod search;
mod neighbours;
mod dense;
#[cfg(test)]
mod tests;

/// Changes whenever the same input would give another result, so that nothing stale is recalled.
pub const REVISION: &str = "link 1";

/// Extension trait for the `link` operator.
pub trait Link<'scope, T: Timestamp> {
    /// Links each tool to its nearest neighbours: two are linked if either is among the nearest
    /// of the other. Under the rule `threshold`, any two are whose cosine is above the plan's,
    /// strictly and by exact products. Also returns who is near whom, from which [`Remembered`] is made.
    ///
    /// Exact, not approximate: the neighbours are those a comparison of all pairs would find,
    /// nearest first, ties by id, none below the plan's cosine. They are kept up to date under
    /// insertion, edit and deletion without comparing all pairs again, and do not depend on the
    /// number of workers or on what is remembered.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use differential_dataflow::input::Input;
    /// use operators::link::{Link, Remembered};
    /// use operators::work::Work;
    /// use schemas::{GraphPlan, ToolId, Vector};
    ///
    /// timely::example(|scope| {
    ///     let unit = 1 << 30;
    ///     let vectors = [
    ///         Vector::sparse(ToolId(1), vec![(7, unit)]),
    ///         Vector::sparse(ToolId(2), vec![(7, unit / 2), (8, unit / 2)]),
    ///         Vector::sparse(ToolId(3), vec![(9, unit)]),
    ///     ];
    ///     let expected = schemas::Link { source: ToolId(1), target: ToolId(2), weight: 500_000 };
    ///
    ///     let vectors = scope.new_collection_from(vectors).1;
    ///     let remembered = Arc::new(Remembered::default());
    ///     let (links, _near) =
    ///         vectors.link(&GraphPlan::default(), remembered, Arc::new(Work::default()));
    ///     links.assert_eq(scope.new_collection_from([expected]).1);
    /// });
    /// ```
    fn link(
        self,
        plan: &GraphPlan,
        remembered: Arc<Remembered>,
        work: Arc<Work>,
    ) -> (VecCollection<'scope, T, schemas::Link>, VecCollection<'scope, T, Near>);
}

impl<'scope, T> Link<'scope, T> for VecCollection<'scope, T, Vector>
where
    T: Timestamp + Lattice + TotalOrder,
{
    fn link(
        self,
        plan: &GraphPlan,
        remembered: Arc<Remembered>,
        work: Arc<Work>,
    ) -> (VecCollection<'scope, T, schemas::Link>, VecCollection<'scope, T, Near>) {
        let scope = self.inner.scope();
        let share = Share { worker: scope.index() as u64, peers: scope.peers() as u64 };
        let mut search = Search::new(plan, share, remembered);
        let near = self
            .inner
            .broadcast()
            .unary_frontier(Pipeline, "Link", move |_capability, _info| {
                let mut waiting = BTreeMap::new();
                move |(input, frontier), output| {
                    input.for_each(|capability, changes| {
                        for (vector, time, difference) in changes.drain(..) {
                            let (_, changed) = waiting
                                .entry(time.clone())
                                .or_insert_with(|| (capability.delayed(&time, 0), Vec::new()));
                            changed.push((vector, difference));
                        }
                    });
                    while let Some(epoch) = waiting.first_entry() {
                        if frontier.less_equal(epoch.key()) {
                            break;
                        }
                        let (time, (capability, mut changed)) = epoch.remove_entry();
                        consolidate(&mut changed);
                        let differences = search.update(&changed, &work);
                        output.session(&capability).give_iterator(
                            differences.into_iter().map(|(near, r)| (near, time.clone(), r)),
                        );
                    }
                }
            })
            .as_collection();
        let link = |(source, target, weight)| schemas::Link { source, target, weight };
        let links = match plan.rule {
            // Each of the two tells it.
            LinkRule::Threshold => near.clone().filter(|(one, other, _)| one < other).map(link),
            LinkRule::Nearest => near
                .clone()
                .map(move |(one, other, weight)| {
                    (link((one.min(other), one.max(other), weight)), ())
                })
                // NB: `distinct_total` of differential 0.25.1 forgets to retract.
                .threshold_total(|_, count| isize::from(0 < *count))
                .map(|(link, ())| link),
        };
        (links, near)
    }
}

/// How neighbours are found, by what the vectors are.
enum Search {
    Sparse(Box<Neighbours>),
    Dense(DenseNeighbours),
}

impl Search {
    fn new(plan: &GraphPlan, share: Share, remembered: Arc<Remembered>) -> Search {
        match plan.encoder {
            Encoder::Terms | Encoder::Parameters => {
                Search::Sparse(Box::new(Neighbours::new(plan, share, remembered)))
            }
            Encoder::Embeddings => Search::Dense(DenseNeighbours::new(plan, share, &remembered)),
        }
    }

    fn update(&mut self, changes: &[(Vector, isize)], work: &Work) -> Vec<(Near, isize)> {
        match self {
            Search::Sparse(neighbours) => neighbours.update(changes, work),
            Search::Dense(neighbours) => neighbours.update(changes, work),
        }
    }
}

/// The neighbours an earlier build found, so that the next compares only what changed.
///
/// A function of the vectors and the plan: it does not depend on the number of workers.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Remembered {
    /// How many neighbours were kept of each tool.
    pub neighbours: usize,
    /// The least cosine, in thousandths.
    pub cosine_permille_min: u32,
    /// Which tools were neighbours; worlds from before there was a choice say nothing.
    #[serde(default)]
    pub rule: LinkRule,
    /// Every tool, isolated ones included.
    pub tools: BTreeMap<ToolId, RememberedTool>,
}

/// The neighbours of one tool.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct RememberedTool {
    /// Tells whether the tool's vector is still the same.
    pub vector: u64,
    /// The nearest, with the cosine in millionths; the nearest first, ties by id.
    pub nearest: Vec<(ToolId, u32)>,
}

impl Remembered {
    /// Remembers who is near whom, as [`Link::link`] says it for these vectors under this plan.
    pub fn new<'a>(
        plan: &GraphPlan,
        vectors: impl IntoIterator<Item = &'a Vector>,
        near: impl IntoIterator<Item = Near>,
    ) -> Remembered {
        let mut tools: BTreeMap<ToolId, RememberedTool> = vectors
            .into_iter()
            .map(|vector| {
                let nearest = Vec::new();
                (vector.tool, RememberedTool { vector: fingerprint(vector), nearest })
            })
            .collect();
        for (tool, neighbour, weight) in near {
            if let Some(known) = tools.get_mut(&tool) {
                known.nearest.push((neighbour, weight));
            }
        }
        for known in tools.values_mut() {
            known
                .nearest
                .sort_by_key(|(neighbour, weight)| (std::cmp::Reverse(*weight), *neighbour));
        }
        Remembered {
            neighbours: plan.neighbours,
            cosine_permille_min: plan.cosine_permille_min,
            rule: plan.rule,
            tools,
        }
    }

    fn fits(&self, plan: &GraphPlan) -> bool {
        self.neighbours == plan.neighbours
            && self.cosine_permille_min == plan.cosine_permille_min
            && self.rule == plan.rule
    }
}

/// Tells vectors apart.
fn fingerprint(vector: &Vector) -> u64 {
    let bytes: Vec<u8> = vector
        .terms
        .iter()
        .flat_map(|(term, weight)| term.to_le_bytes().into_iter().chain(weight.to_le_bytes()))
        .chain(vector.dense.iter().flat_map(|component| component.to_le_bytes()))
        .collect();
    xxh3_64(&bytes)
}
