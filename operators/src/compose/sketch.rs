//! Candidates: a kind, golden calls, and words, before and while they are audited.

use std::collections::BTreeSet;

use schemas::{
    Audit, Draw, Environment, GoldenCall, InjectedFault, Operation, Rejection, Scenario, Stage,
    Task, TaskId, TaskKind, TaskPlan, Value,
};

use crate::compose::audit::audit;
use crate::compose::calls;
use crate::compose::realise::Teller;
use crate::compose::usage::Usage;
use crate::engine::World;

mod walked;
mod missing;
mod infeasible;
mod recovery;

/// The shares of the kinds, in the order of [`TaskKind::ALL`].
type Shares = [u32; TaskKind::ALL.len()];

/// Draws that are tried for a task that does not repeat another of its anchor.
const REPEATS_MAX: usize = 6;

/// Fewest tools on offer, where the domain has as many.
const OFFERED_MIN: usize = 4;

/// Makes the candidates of one environment.
pub(super) struct Composer<'e> {
    environment: &'e Environment,
    world: &'e World,
    usage: Usage,
    plan: &'e TaskPlan,
}

/// A candidate before it is audited.
struct Sketch {
    kind: TaskKind,
    golden: Vec<GoldenCall>,
    scenario: Scenario,
    faults: Vec<InjectedFault>,
    /// Operations that must not be offered.
    withheld: BTreeSet<String>,
}

impl<'e> Composer<'e> {
    pub(super) fn new(
        environment: &'e Environment,
        world: &'e World,
        plan: &'e TaskPlan,
    ) -> Composer<'e> {
        let usage = Usage::of(environment);
        Composer { environment, world, usage, plan }
    }

    /// A task whose calls are not those of one made before, over a bounded number of draws. Tasks
    /// without calls do not repeat each other.
    ///
    /// # Errors
    ///
    /// Returns why none can be made, or that it repeats another.
    pub(super) fn another(
        &self,
        anchor: &'e Operation,
        id: TaskId,
        draw: Draw,
        made: &[Vec<(String, Value)>],
    ) -> Result<Task, Rejection> {
        for attempt in 0..REPEATS_MAX {
            // The first draw is the plain one, so that what never repeats stays as it was.
            let draw = if attempt == 0 { draw } else { draw.with("another").at(attempt) };
            let task = self.task(anchor, id, draw)?;
            let calls = calls(&task);
            if calls.is_empty() || !made.contains(&calls) {
                return Ok(task);
            }
        }
        Err(Rejection {
            stage: Stage::Realisable,
            subject: id.to_string(),
            rule: None,
            reason: "repeats another task of the same tool".into(),
            file: String::new(),
            pointer: String::new(),
        })
    }

    /// The task of an anchor and ordinal: of the kind drawn, or else of the next that is drawn
    /// and can be made.
    ///
    /// # Errors
    ///
    /// Returns why neither can be made.
    pub(super) fn task(
        &self,
        anchor: &'e Operation,
        id: TaskId,
        draw: Draw,
    ) -> Result<Task, Rejection> {
        let mut unsound = None;
        let mut shares = self.shares(anchor, draw);
        for turn in 0..=shares.len() {
            let Some(kind) = kind(&mut shares, draw.with("kind").at(turn)) else { break };
            let Some(sketch) = self.sketch(anchor, kind, draw) else { continue };
            match self.finished(sketch, id, draw) {
                Ok(task) => return Ok(task),
                Err(rejection) => unsound = Some(rejection),
            }
        }
        unsound.map_or_else(|| {
            Err(Rejection {
                stage: Stage::Realisable,
                subject: id.to_string(),
                rule: None,
                reason: format!(
                    "no rows and arguments were found that \"{}\" succeeds with and a user can say",
                    anchor.name
                ),
                file: String::new(),
                pointer: String::new(),
            })
        }, Err)
    }

    /// The plan's shares for an anchor: what few tools allow is drawn more often where it is
    /// allowed, so that the whole comes nearer to the shares.
    fn shares(&self, anchor: &'e Operation, draw: Draw) -> Shares {
        let room = self.plan.want_calls_max;
        let mut shares = self.plan.kinds_permille;
        for (kind, share) in TaskKind::ALL.into_iter().zip(&mut shares) {
            let draw = draw.with(kind.name());
            let allowed = match kind {
                TaskKind::Chain => 2 <= self.walk(anchor, room, draw).steps.len(),
                TaskKind::Branching => 3 <= self.branching_walk(anchor, draw).steps.len(),
                _ => true,
            };
            *share = if allowed { share.saturating_mul(rarity(kind)) } else { 0 };
        }
        shares
    }

    fn finished(&self, sketch: Sketch, id: TaskId, draw: Draw) -> Result<Task, Rejection> {
        let offered = self.offered(&sketch, draw.with("offered"));
        let mut session = self.world.session(&offered).with_faults(&sketch.faults);
        let initial_state = session.fingerprint();
        for call in &sketch.golden {
            session.call(&call.name, &call.arguments);
        }
        let mut task = Task {
            id,
            domain: self.environment.domain,
            kind: sketch.kind,
            part: self.world.part(&offered),
            offered,
            scenario: sketch.scenario,
            faults: sketch.faults,
            golden: sketch.golden,
            initial_state,
            golden_state: session.fingerprint(),
            audit: Audit::default(),
        };
        task.audit = audit(&task, self.world, &self.usage)?;
        Ok(task)
    }

    fn sketch(&self, anchor: &'e Operation, kind: TaskKind, draw: Draw) -> Option<Sketch> {
        let draw = draw.with(kind.name());
        match kind {
            TaskKind::Single => self.single(anchor, draw),
            TaskKind::Chain => self.chain(anchor, draw),
            TaskKind::Branching => self.branching(anchor, draw),
            TaskKind::MultiIntent => self.several(anchor, draw),
            TaskKind::MissingInformation => self.missing(anchor, draw),
            TaskKind::Infeasible => self.infeasible(anchor, draw),
            TaskKind::Recovery => self.recovery(anchor, draw),
            TaskKind::LongHorizon => self.long(anchor, draw),
        }
    }

    fn teller(&self, draw: Draw) -> Teller<'_> {
        Teller { world: self.world, usage: &self.usage, draw: draw.with("words") }
    }

    fn told(
        &self,
        kind: TaskKind,
        golden: Vec<GoldenCall>,
        wants: &[Vec<usize>],
        draw: Draw,
    ) -> Option<Sketch> {
        let scenario = self.teller(draw).scenario(&golden, wants)?;
        Some(Sketch { kind, golden, scenario, faults: Vec::new(), withheld: BTreeSet::new() })
    }

    /// The tools that the agent is offered: those of the golden calls, and others. How many in all is
    /// drawn for each task, so that agents meet few and many, and a newcomer to the domain wins a
    /// place among those of the fewer tasks.
    fn offered(&self, sketch: &Sketch, draw: Draw) -> BTreeSet<String> {
        let mut offered: BTreeSet<String> =
            sketch.golden.iter().map(|call| call.name.clone()).collect();
        let others: Vec<&str> = self
            .environment
            .operations
            .iter()
            .map(|it| it.name.as_str())
            .filter(|name| !offered.contains(*name) && !sketch.withheld.contains(*name))
            .collect();
        let room = self.room(draw).saturating_sub(offered.len());
        let ranked = draw.rank(&others, |name| name.as_bytes());
        offered.extend(ranked.into_iter().take(room).map(ToString::to_string));
        offered
    }

    fn room(&self, draw: Draw) -> usize {
        let most = self.plan.offered_max;
        let bounds = [OFFERED_MIN.min(most), most].map(|it| i64::try_from(it).unwrap_or(i64::MAX));
        usize::try_from(draw.with("room").between(bounds[0], bounds[1])).unwrap_or(most)
    }
}

/// How much more often than its share a kind is drawn, in tenths, where a tool allows it: what few
/// tools allow more often, what takes the place of the others less often. Set so that 34,000 real
/// tools come near to the default shares.
fn rarity(kind: TaskKind) -> u32 {
    match kind {
        TaskKind::Single | TaskKind::Recovery => 8,
        TaskKind::Chain => 70,
        TaskKind::Branching => 300,
        TaskKind::MultiIntent => 9,
        TaskKind::MissingInformation => 15,
        TaskKind::Infeasible => 6,
        TaskKind::LongHorizon => 12,
    }
}

/// The kind that a draw falls on, by the shares that are left, and takes its share away; single
/// calls come last whatever their share.
fn kind(shares: &mut Shares, draw: Draw) -> Option<TaskKind> {
    let left: u64 = shares.iter().copied().map(u64::from).sum();
    let drawn = draw.below(left.max(1));
    let mut upper = 0;
    for (kind, share) in TaskKind::ALL.into_iter().zip(shares) {
        upper += u64::from(*share);
        if drawn < upper {
            *share = 0;
            return Some(kind);
        }
    }
    (left == 0).then_some(TaskKind::Single)
}
