//! What was kept in place, against what is made anew; and against a pencil.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{Draw, GraphPlan, Link, Method, Partition, ToolId};

use super::state::{Changes, State};
use super::{communities, modularity};

/// A catalogue of topics: tools of one topic are often linked, others seldom.
struct Catalogue {
    tools: BTreeSet<ToolId>,
    links: BTreeMap<(ToolId, ToolId), u32>,
}

const TOOLS: u64 = 80;
const TOPICS: u64 = 8;

impl Catalogue {
    fn links(&self) -> Vec<Link> {
        let link = |((source, target), weight): (&(ToolId, ToolId), &u32)| Link {
            source: *source,
            target: *target,
            weight: *weight,
        };
        self.links.iter().map(link).collect()
    }

    fn tools(&self) -> Vec<ToolId> {
        self.tools.iter().copied().collect()
    }

    /// A tool comes, goes or is linked otherwise.
    fn change(&mut self, draw: Draw) {
        let tool = ToolId(draw.at(0).below(TOOLS).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        self.links.retain(|(one, other), _| *one != tool && *other != tool);
        if self.tools.contains(&tool) && draw.at(1).happens(300) {
            self.tools.remove(&tool);
            return;
        }
        self.tools.insert(tool);
        let topic = |of: &ToolId| of.0 % TOPICS;
        for (place, other) in self.tools.iter().enumerate().filter(|(_, other)| **other != tool) {
            let draw = draw.at(2).at(place);
            let often = if topic(other) == topic(&tool) { 500 } else { 15 };
            if draw.happens(often) {
                // Few weights, so that ties are many.
                let weight = 200_000 * (1 + u32::try_from(draw.at(1).below(4)).unwrap());
                self.links.insert((tool.min(*other), tool.max(*other)), weight);
            }
        }
    }
}

fn differences<E: Ord + Copy>(before: &[E], after: &[E]) -> Vec<(E, isize)> {
    let (old, new): (BTreeSet<E>, BTreeSet<E>) =
        (before.iter().copied().collect(), after.iter().copied().collect());
    let gone = old.difference(&new).map(|it| (*it, -1));
    let mut all: Vec<(E, isize)> = gone.chain(new.difference(&old).map(|it| (*it, 1))).collect();
    all.sort_unstable();
    all
}

/// Goal: after thousands of updates, what was kept in place is what would be made anew from the
/// graph and the partition before; under bounds, without them, and by either method.
#[test]
fn thousands_of_updates_keep_what_is_made_anew() {
    let plans = [(3, 16, Method::Leiden), (2, 1000, Method::Leiden), (4, 40, Method::Louvain)];
    for (number, (tools_min, tools_max, method)) in plans.into_iter().enumerate() {
        let plan = GraphPlan {
            tools_min,
            tools_max,
            method,
            resolution_permille: 2000,
            ..GraphPlan::default()
        };
        let mut catalogue = Catalogue { tools: BTreeSet::new(), links: BTreeMap::new() };
        let mut state = State::new(Partition::default(), &plan);
        let mut prior = Partition::default();
        let mut moved = 0;
        for update in 0..1000 {
            let (links, tools) = (catalogue.links(), catalogue.tools());
            let draw = Draw::new(number as u64).at(update);
            for change in 0..=draw.at(0).below(if update == 0 { 1000 } else { 3 }) {
                catalogue.change(draw.with(change.to_le_bytes()));
            }
            let changes = Changes {
                links: differences(&links, &catalogue.links()),
                tools: differences(&tools, &catalogue.tools()),
            };
            let said = state.update(&changes);
            let anew = communities(&catalogue.links(), &catalogue.tools(), &prior, &plan);
            assert_eq!(state.partition(), anew.partition, "{method:?}, update {update}");
            assert_eq!(said.lineage, anew.lineage, "{method:?}, update {update}");
            moved += usize::from(prior != anew.partition);
            prior = anew.partition;
        }
        assert!(500 < moved, "most updates moved something");
    }
}

/// Goal: a fresh partition leaves no tool that a pencil could place better.
#[test]
fn no_move_improves_a_fresh_partition() {
    for seed in 0..20 {
        let mut catalogue = Catalogue { tools: BTreeSet::new(), links: BTreeMap::new() };
        for change in 0..300 {
            catalogue.change(Draw::new(seed).at(change));
        }
        let (links, tools) = (catalogue.links(), catalogue.tools());
        let plan = GraphPlan {
            tools_min: 1,
            tools_max: usize::MAX,
            resolution_permille: 1000,
            ..GraphPlan::default()
        };
        let partition = communities(&links, &tools, &Partition::default(), &plan).partition;
        let reached = modularity(&links, &partition, 1.0);
        let domains: BTreeSet<_> = partition.placements.values().map(|it| it.domain).collect();
        for tool in &tools {
            for domain in &domains {
                let mut other = partition.clone();
                other.placements.get_mut(tool).unwrap().domain = *domain;
                let value = modularity(&links, &other, 1.0);
                assert!(value <= reached + 1e-9, "{tool} is better off elsewhere, seed {seed}");
            }
        }
        assert!(0.4 < reached, "topics are found: {reached}");
    }
}
