//! Walks over the dependency graph: which operations, in which order.
//!
//! A leads to B when A answers with a key that B needs. The graph is never built: a walk asks the
//! usages for the neighbours of where it stands and takes the one that wins the draw, so that a
//! newcomer changes a walk only where it wins.

use schemas::{Draw, Environment, Operation};

use crate::compose::usage::Usage;

/// How likely a walk goes on after its anchor, in thousandths, at every step.
const ONWARD_PERMILLE: u32 = 600;

/// How likely a further need is met by a call and not by the user, in thousandths.
const BRANCH_PERMILLE: u32 = 450;

/// How a walk goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Manner {
    /// On from the latest call that leads anywhere.
    Straight,
    /// On from the earliest, and every need met by a call: so that one call feeds several, or
    /// several feed one.
    Branching,
}

/// Operations in the order of their calls; up to `needed` of them the walk makes no sense.
pub(crate) struct Walk<'e> {
    pub(crate) steps: Vec<&'e Operation>,
    pub(crate) needed: usize,
}

/// Walks over the dependency graph of an environment.
#[derive(Clone, Copy)]
pub(crate) struct Walker<'a, 'e> {
    pub(crate) environment: &'e Environment,
    pub(crate) usage: &'a Usage,
    pub(crate) manner: Manner,
}

impl<'e> Walker<'_, 'e> {
    /// A walk through an operation: what feeds it, itself, and what it feeds, at most `calls_max`.
    pub(crate) fn walk(self, anchor: &'e Operation, calls_max: usize, draw: Draw) -> Walk<'e> {
        let mut steps = Vec::new();
        let anchor = self.usage.place(anchor);
        self.lead_in(anchor, calls_max, draw.with("before"), &mut steps, 0);
        let needed = steps.len();
        let enough = if self.manner == Manner::Straight { 2 } else { 3 };
        while steps.len() < calls_max {
            let draw = draw.with("after").at(steps.len());
            if enough <= steps.len() && !draw.with("stop").happens(ONWARD_PERMILLE) {
                break;
            }
            let Some(next) = self.onward(&steps, draw) else { break };
            steps.push(next);
        }
        Walk { steps: steps.into_iter().map(|step| self.operation(step)).collect(), needed }
    }

    fn operation(self, place: usize) -> &'e Operation {
        &self.environment.operations[place]
    }

    fn lead_in(self, place: usize, room: usize, draw: Draw, steps: &mut Vec<usize>, depth: usize) {
        let (usage, name) = (self.usage, &self.operation(place).name);
        let branching = self.manner == Manner::Branching;
        let ranked = draw.rank(&usage.at(place).needs, |it| it.as_bytes());
        for (met, table) in ranked.into_iter().enumerate() {
            let draw = draw.with(name).with(table);
            let wanted = branching
                || (met == 0 && depth == 0)
                || draw.with("branch").happens(BRANCH_PERMILLE);
            let met_already = steps.iter().any(|step| usage.at(*step).gives(table));
            if !wanted || met_already || steps.len() + 1 >= room || 3 < depth {
                continue;
            }
            let new = usage.givers(table).iter().filter(|it| **it != place && !steps.contains(it));
            let candidates: Vec<usize> = new
                .copied()
                .filter(|it| {
                    let uses = usage.at(*it);
                    let makes = uses.creates.contains(table);
                    uses.deletes.is_empty() && (makes || !uses.needs.contains(table))
                })
                .collect();
            let named = |it: &usize| self.operation(*it).name.as_bytes();
            if let Some(provider) = draw.pick(&candidates, named) {
                self.lead_in(*provider, room - 1, draw, steps, depth + 1);
                if !steps.contains(provider) {
                    steps.push(*provider);
                }
            }
        }
        if !steps.contains(&place) {
            steps.push(place);
        }
    }

    /// The next operation that needs what the walk has yielded: the latest yields before others, or
    /// the earliest where it is to branch.
    fn onward(self, steps: &[usize], draw: Draw) -> Option<usize> {
        let usage = self.usage;
        let gone: Vec<&String> = steps.iter().flat_map(|it| &usage.at(*it).deletes).collect();
        let fed_by = |last: usize| -> Vec<usize> {
            let yielded = usage.at(last).gives.iter().filter(|table| !gone.contains(table));
            let fed = yielded.flat_map(|table| usage.needers(table)).copied();
            let mut fed: Vec<usize> = fed.filter(|it| !steps.contains(it)).collect();
            fed.sort_unstable();
            fed.dedup();
            fed
        };
        let mut order = steps.to_vec();
        if self.manner == Manner::Straight {
            order.reverse();
        }
        let named = |it: &usize| self.operation(*it).name.as_bytes();
        order
            .into_iter()
            .map(fed_by)
            .find(|candidates| !candidates.is_empty())
            .and_then(|candidates| draw.pick(&candidates, named).copied())
    }
}
