//! Candidates: a kind, golden calls, and words, before and while they are audited.

use std::collections::BTreeSet;

use schemas::{
    ArgumentSource, Draw, Effect, Environment, GoldenCall, Operation, Rejection, Scenario, Stage,
    Task, TaskId, TaskKind, TaskPlan, Value,
};

use crate::compose::audit::audit;
use crate::compose::calls;
use crate::compose::fill::{Draft, Usage};
use crate::compose::realise::{EVERYDAY, Teller};
use crate::compose::uses::Uses;
use crate::compose::walk::{Walk, walk};
use crate::engine::World;

/// Ways of executing one walk that are tried before it is given up.
const WALKS_MAX: usize = 5;

/// Draws that are tried for a task that does not repeat another of its anchor.
const REPEATS_MAX: usize = 6;

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
    /// Operations that must not be offered.
    withheld: BTreeSet<String>,
}

impl<'e> Composer<'e> {
    pub(super) fn new(
        environment: &'e Environment,
        world: &'e World,
        plan: &'e TaskPlan,
    ) -> Composer<'e> {
        let usage = environment
            .operations
            .iter()
            .map(|operation| (operation.name.clone(), Uses::of(operation, environment)))
            .collect();
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
        anchor: &Operation,
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

    /// The task of an anchor and ordinal: of the kind drawn, or else a single call.
    ///
    /// # Errors
    ///
    /// Returns why neither can be made.
    pub(super) fn task(
        &self,
        anchor: &Operation,
        id: TaskId,
        draw: Draw,
    ) -> Result<Task, Rejection> {
        let drawn = kind(self.plan, draw.with("kind"));
        let audited = |kind| self.sketch(anchor, kind, draw).map(|it| self.finished(it, id, draw));
        let first = audited(drawn);
        if let Some(Ok(task)) = first {
            return Ok(task);
        }
        let second = if drawn == TaskKind::Single { None } else { audited(TaskKind::Single) };
        second.or(first).unwrap_or_else(|| {
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
        })
    }

    fn finished(&self, sketch: Sketch, id: TaskId, draw: Draw) -> Result<Task, Rejection> {
        let offered = self.offered(&sketch, draw.with("offered"));
        let mut session = self.world.session(&offered);
        let initial_state = session.fingerprint();
        for call in &sketch.golden {
            session.call(&call.name, &call.arguments);
        }
        let task = Task {
            id,
            domain: self.environment.domain,
            kind: sketch.kind,
            part: self.world.part(&offered),
            offered,
            scenario: sketch.scenario,
            golden: sketch.golden,
            initial_state,
            golden_state: session.fingerprint(),
        };
        audit(&task, self.world, &self.usage).map(|()| task)
    }

    fn sketch(&self, anchor: &Operation, kind: TaskKind, draw: Draw) -> Option<Sketch> {
        let draw = draw.with(kind.name());
        match kind {
            TaskKind::Single => self.single(anchor, draw),
            TaskKind::Chain => self.chain(anchor, draw),
            TaskKind::MultiIntent => self.several(anchor, draw),
            TaskKind::MissingInformation => self.missing(anchor, draw),
            TaskKind::Infeasible => self.infeasible(anchor, draw),
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
        Some(Sketch { kind, golden, scenario, withheld: BTreeSet::new() })
    }

    fn single(&self, anchor: &Operation, draw: Draw) -> Option<Sketch> {
        let mut draft = Draft::new(self.world, &self.usage);
        self.follow(&mut draft, &Walk { steps: vec![anchor], needed: 1 }, draw)?;
        self.told(TaskKind::Single, draft.calls, &[vec![0]], draw)
    }

    fn chain(&self, anchor: &Operation, draw: Draw) -> Option<Sketch> {
        let path = walk(anchor, self.environment, &self.usage, self.plan.calls_max, draw);
        if path.steps.len() < 2 {
            return None;
        }
        let mut draft = Draft::new(self.world, &self.usage);
        self.follow(&mut draft, &path, draw)?;
        let calls: Vec<usize> = (0..draft.calls.len()).collect();
        (1 < calls.len()).then(|| self.told(TaskKind::Chain, draft.calls, &[calls], draw))?
    }

    fn several(&self, anchor: &Operation, draw: Draw) -> Option<Sketch> {
        let others: Vec<&Operation> =
            self.environment.operations.iter().filter(|it| it.name != anchor.name).collect();
        let count = if draw.with("third").happens(300) { 2 } else { 1 };
        let others = draw.with("others").rank(&others, |it| it.name.as_bytes());
        let anchors = std::iter::once(anchor).chain(others.into_iter().copied());
        let mut draft = Draft::new(self.world, &self.usage);
        let mut wants: Vec<Vec<usize>> = Vec::new();
        for (place, one) in anchors.take(4 * count + 1).enumerate() {
            let room = self.plan.calls_max.saturating_sub(draft.calls.len());
            if wants.len() > count || room == 0 {
                break;
            }
            let draw = draw.with(&one.name);
            draft.begin();
            let from = draft.calls.len();
            let longer = draw.with("longer").happens(400);
            let path = walk(
                one,
                self.environment,
                &self.usage,
                if longer { room.min(3) } else { 1 },
                draw,
            );
            let done = self.follow(&mut draft, &path, draw);
            if done.is_some() {
                wants.push((from..draft.calls.len()).collect());
            } else if place == 0 {
                return None;
            }
        }
        (1 < wants.len()).then(|| self.told(TaskKind::MultiIntent, draft.calls, &wants, draw))?
    }

    fn missing(&self, anchor: &Operation, draw: Draw) -> Option<Sketch> {
        let room = if draw.with("longer").happens(400) { self.plan.calls_max.min(3) } else { 1 };
        let path = walk(anchor, self.environment, &self.usage, room, draw);
        let mut draft = Draft::new(self.world, &self.usage);
        self.follow(&mut draft, &path, draw)?;
        let mut golden = draft.calls;
        let candidates: Vec<(String, Value)> = golden
            .iter()
            .flat_map(|call| {
                let operation = self.world.operation(&call.name);
                call.sources.iter().filter_map(move |(name, source)| {
                    let field = operation?.input.iter().find(|field| field.name == *name)?;
                    let open = *source == ArgumentSource::User && field.required;
                    let value = call.arguments.get(name)?;
                    let sayable = !matches!(value, Value::Bool(_) | Value::Object(_));
                    (open && sayable).then(|| (name.clone(), value.clone()))
                })
            })
            .collect();
        let count = if 2 < candidates.len() && draw.with("two").happens(350) { 2 } else { 1 };
        let ranked = draw.with("facts").rank(&candidates, |(name, _)| name.as_bytes());
        let chosen: Vec<_> = ranked.into_iter().take(count).cloned().collect();
        if chosen.is_empty() {
            return None;
        }
        for call in &mut golden {
            let arguments = call.arguments.clone();
            for (name, source) in &mut call.sources {
                let held = arguments.get(name);
                if *source == ArgumentSource::User
                    && chosen.iter().any(|(it, value)| it == name && held == Some(value))
                {
                    *source = ArgumentSource::OnRequest;
                }
            }
        }
        let calls = (0..golden.len()).collect();
        self.told(TaskKind::MissingInformation, golden, &[calls], draw)
    }

    fn infeasible(&self, anchor: &Operation, draw: Draw) -> Option<Sketch> {
        if draw.with("everyday").happens(400) {
            let known = |word: &&str| {
                self.environment.operations.iter().any(|it| {
                    it.name.to_lowercase().contains(*word)
                        || it.description.to_lowercase().contains(*word)
                })
            };
            let (want, _) = draw
                .with("want")
                .rank(&EVERYDAY, |(want, _)| want.as_bytes())
                .into_iter()
                .find(|(_, words)| !words.iter().any(known))?;
            return Some(Sketch {
                kind: TaskKind::Infeasible,
                golden: Vec::new(),
                scenario: self.teller(draw).everyday(want),
                withheld: BTreeSet::new(),
            });
        }
        let mut draft = Draft::new(self.world, &self.usage);
        self.follow(&mut draft, &Walk { steps: vec![anchor], needed: 1 }, draw)?;
        let withheld = self.able(anchor);
        if self.environment.operations.len() < withheld.len() + 2 {
            return None;
        }
        let scenario = self.teller(draw).declined(&draft.calls[0])?;
        Some(Sketch { kind: TaskKind::Infeasible, golden: Vec::new(), scenario, withheld })
    }

    /// The operations that might do what this one does: writers of what it writes, tellers of
    /// what it tells.
    fn able(&self, operation: &Operation) -> BTreeSet<String> {
        let uses = &self.usage[&operation.name];
        let similar = |other: &Operation| {
            let theirs = &self.usage[&other.name];
            let worded = other.verb == operation.verb && other.noun == operation.noun;
            let told = uses.shows.iter().any(|table| theirs.shows.contains(table));
            worded
                || other.name == operation.name
                || match operation.effect {
                    Effect::Write => !operation.writes.is_disjoint(&other.writes),
                    Effect::Read => told || operation.reads.is_subset(&other.reads),
                }
        };
        let able = self.environment.operations.iter().filter(|it| similar(it));
        able.map(|it| it.name.clone()).collect()
    }

    /// Makes the calls of a walk; as many as it needs, and those onward while they succeed.
    fn follow(&self, draft: &mut Draft<'_, '_>, path: &Walk<'_>, draw: Draw) -> Option<()> {
        let before = draft.moment();
        for attempt in 0..WALKS_MAX {
            let draw = draw.with("attempt").at(attempt);
            let taken = path
                .steps
                .iter()
                .enumerate()
                .take_while(|(step, operation)| draft.take(operation, draw.at(*step)))
                .count();
            if path.needed <= taken {
                return Some(());
            }
            draft.go_back(&before);
        }
        None
    }

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
        let room = self.plan.offered_max.saturating_sub(offered.len());
        let ranked = draw.rank(&others, |name| name.as_bytes());
        offered.extend(ranked.into_iter().take(room).map(ToString::to_string));
        offered
    }
}

/// The kind that a draw falls on, by the plan's shares; what the shares leave is single calls.
fn kind(plan: &TaskPlan, draw: Draw) -> TaskKind {
    let kinds = [
        TaskKind::Single,
        TaskKind::Chain,
        TaskKind::MultiIntent,
        TaskKind::MissingInformation,
        TaskKind::Infeasible,
    ];
    let drawn = draw.below(1000);
    let mut upper = 0;
    for (kind, share) in kinds.into_iter().zip(plan.kinds_permille) {
        upper += u64::from(share);
        if drawn < upper {
            return kind;
        }
    }
    TaskKind::Single
}
