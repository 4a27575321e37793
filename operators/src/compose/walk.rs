//! Walks over the dependency graph: which operations, in which order.
//!
//! A leads to B when A answers with a key that B needs. The graph is never built: a walk asks the
//! usages for the neighbours of where it stands and takes the one that wins the draw, so that a
//! newcomer changes a walk only where it wins.

use schemas::{Draw, Environment, Operation};

use crate::compose::fill::Usage;

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
        Walk { steps, needed }
    }

    fn lead_in(
        self,
        operation: &'e Operation,
        room: usize,
        draw: Draw,
        steps: &mut Vec<&'e Operation>,
        depth: usize,
    ) {
        let (environment, usage) = (self.environment, self.usage);
        let branching = self.manner == Manner::Branching;
        let mut needs: Vec<&str> = usage[&operation.name].needs().collect();
        needs.sort_unstable();
        needs.dedup();
        for (met, table) in draw.rank(&needs, |it| it.as_bytes()).into_iter().enumerate() {
            let draw = draw.with(&operation.name).with(*table);
            let wanted = branching
                || (met == 0 && depth == 0)
                || draw.with("branch").happens(BRANCH_PERMILLE);
            let met_already = steps.iter().any(|it| usage[&it.name].gives(table));
            if !wanted || met_already || steps.len() + 1 >= room || 3 < depth {
                continue;
            }
            let candidates: Vec<&Operation> = environment
                .operations
                .iter()
                .filter(|it| {
                    it.name != operation.name && !steps.iter().any(|step| step.name == it.name)
                })
                .filter(|it| {
                    let uses = &usage[&it.name];
                    let makes = uses.creates.iter().any(|made| made == table);
                    uses.gives(table)
                        && uses.deletes.is_empty()
                        && (makes || !uses.needs().any(|need| need == *table))
                })
                .collect();
            if let Some(provider) = draw.pick(&candidates, |it| it.name.as_bytes()) {
                self.lead_in(provider, room - 1, draw, steps, depth + 1);
                if !steps.iter().any(|it| it.name == provider.name) {
                    steps.push(provider);
                }
            }
        }
        if !steps.iter().any(|it| it.name == operation.name) {
            steps.push(operation);
        }
    }

    /// The next operation that needs what the walk has yielded: the latest yields before others, or
    /// the earliest where it is to branch.
    fn onward(self, steps: &[&'e Operation], draw: Draw) -> Option<&'e Operation> {
        let (environment, usage) = (self.environment, self.usage);
        let gone: Vec<&str> = steps
            .iter()
            .flat_map(|it| usage[&it.name].deletes.iter().map(String::as_str))
            .collect();
        let fed_by = |last: &Operation| -> Vec<&'e Operation> {
            environment
                .operations
                .iter()
                .filter(|it| !steps.iter().any(|step| step.name == it.name))
                .filter(|it| {
                    let mut needs = usage[&it.name].needs();
                    needs.any(|need| usage[&last.name].gives(need) && !gone.contains(&need))
                })
                .collect()
        };
        let mut order: Vec<&&Operation> = steps.iter().collect();
        if self.manner == Manner::Straight {
            order.reverse();
        }
        order
            .into_iter()
            .map(|last| fed_by(last))
            .find(|candidates| !candidates.is_empty())
            .and_then(|candidates| draw.pick(&candidates, |it| it.name.as_bytes()).copied())
    }
}
