//! Candidates in which a tool fails for a while.

use schemas::{
    ArgumentSource, Draw, Effect, FaultKind, GoldenCall, InjectedFault, Operation, TaskKind, Value,
};

use crate::compose::sketch::{Composer, Sketch};
use crate::compose::uses::Use;

/// How often a task is about a lost reply, in thousandths, where it can be.
const LOST_PERMILLE: u32 = 600;

/// How often a tool fails twice, in thousandths.
const TWICE_PERMILLE: u32 = 300;

impl<'e> Composer<'e> {
    /// A chain or a single call, told as if nothing could go wrong, with a tool of it that fails.
    ///
    /// A tool that is not available is called again until it answers. After a write whose reply is
    /// lost comes a look at the row: to write again would be to guess.
    pub(super) fn recovery(&self, anchor: &'e Operation, draw: Draw) -> Option<Sketch> {
        let single = draw.with("single").happens(400);
        let sketch = if single { None } else { self.chain(anchor, draw) };
        let mut sketch = sketch.or_else(|| self.single(anchor, draw))?;
        let lost =
            draw.with("lost").happens(LOST_PERMILLE).then(|| self.lost(&sketch.golden, draw));
        let (golden, fault) = match lost.flatten() {
            Some(lost) => lost,
            None => unavailable(&sketch.golden, draw)?,
        };
        let places: Vec<usize> = (0..golden.len()).collect();
        sketch.scenario.intents[0].calls = places;
        sketch.kind = TaskKind::Recovery;
        sketch.golden = golden;
        sketch.faults.push(fault);
        Some(sketch)
    }

    /// The calls with the reply of the last lost, and a look at the row that it wrote; none if it
    /// is no change of a row that can be looked at.
    fn lost(&self, golden: &[GoldenCall], draw: Draw) -> Option<(Vec<GoldenCall>, InjectedFault)> {
        let last = golden.last().filter(|call| call.effect == Effect::Write)?;
        let first = golden.iter().position(|call| call.name == last.name)?;
        let uses = &self.usage[&last.name];
        if first + 1 < golden.len() || !uses.creates.is_empty() || !uses.deletes.is_empty() {
            return None;
        }
        let (table, key, source) = last.sources.iter().find_map(|(name, source)| {
            let table = uses.key_of(name).filter(|it| uses.changes.iter().any(|to| to == it))?;
            Some((table, last.arguments.get(name)?, source))
        })?;
        let lookers: Vec<(&Operation, &str)> = self
            .environment
            .operations
            .iter()
            .filter(|it| {
                it.effect == Effect::Read && golden.iter().all(|call| call.name != it.name)
            })
            .filter_map(|it| Some((it, self.looks_up(it, table)?)))
            .collect();
        let (looker, argument) = *draw.with("look").pick(&lookers, |(it, _)| it.name.as_bytes())?;
        let mut calls = golden.to_vec();
        let failed = calls.last_mut()?;
        failed.failed = true;
        failed.observation = answer(FaultKind::LostReply);
        let arguments = Value::Object(vec![(argument.to_string(), key.clone())]);
        let mut session = self.world.whole();
        golden.iter().for_each(|call| drop(session.call(&call.name, &call.arguments)));
        let seen = session.call(&looker.name, &arguments);
        if seen.failed {
            return None;
        }
        calls.push(GoldenCall {
            name: looker.name.clone(),
            arguments,
            sources: vec![(argument.to_string(), source.clone())],
            observation: seen.text,
            effect: Effect::Read,
            failed: false,
        });
        let fault =
            InjectedFault { operation: last.name.clone(), kind: FaultKind::LostReply, times: 1 };
        Some((calls, fault))
    }

    /// The argument by which a read looks up one row of a table and shows it, if that is all that
    /// it needs.
    fn looks_up(&self, operation: &'e Operation, table: &str) -> Option<&'e str> {
        let uses = &self.usage[&operation.name];
        let mut required = operation.input.iter().filter(|field| field.required);
        let (only, more) = (required.next()?, required.next());
        let names = uses.argument(&only.name).contains(&Use::Key(table.into()));
        let shows = uses.shows.iter().any(|it| it == table) && !uses.lists;
        (more.is_none() && names && shows).then_some(only.name.as_str())
    }
}

/// The calls with attempts before one of them that fail since its tool is not available.
fn unavailable(golden: &[GoldenCall], draw: Draw) -> Option<(Vec<GoldenCall>, InjectedFault)> {
    let first = |call: &GoldenCall| golden.iter().position(|it| it.name == call.name);
    let places: Vec<usize> =
        (0..golden.len()).filter(|place| first(&golden[*place]) == Some(*place)).collect();
    let place = *draw.with("place").pick(&places, |place| golden[*place].name.as_bytes())?;
    let times = if draw.with("twice").happens(TWICE_PERMILLE) { 2 } else { 1 };
    let now = |at: usize| if place <= at { at + times } else { at };
    let mut calls = Vec::new();
    for (at, call) in golden.iter().enumerate() {
        let mut call = call.clone();
        for (_, source) in &mut call.sources {
            if let ArgumentSource::Output(from, _) = source {
                *from = now(*from);
            }
        }
        let failed = GoldenCall {
            observation: answer(FaultKind::Unavailable),
            failed: true,
            ..call.clone()
        };
        let attempts = if at == place { times } else { 0 };
        calls.extend(std::iter::repeat_n(failed, attempts));
        calls.push(call);
    }
    let fault = InjectedFault {
        operation: golden[place].name.clone(),
        kind: FaultKind::Unavailable,
        times: u32::try_from(times).ok()?,
    };
    Some((calls, fault))
}

/// The observation of a call that meets a fault.
fn answer(kind: FaultKind) -> String {
    Value::Object(vec![("error".into(), Value::text(kind.message()))]).to_string()
}
