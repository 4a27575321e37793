//! The audit: can the task be done from what the user says, and is only its doing rewarded?

use schemas::{
    ArgumentSource, Audit, Digest, Draw, Effect, GoldenCall, Operation, Rejection, Stage, Task,
    Value,
};

use crate::compose::invent::invent;
use crate::compose::usage::Usage;
use crate::compose::words;
use crate::engine::{Observation, Session, World};
use crate::verify::{Replayed, passes};

/// Most arguments of one call that are mutated one by one.
const MUTATED_MAX: usize = 3;

/// Checks that every golden argument can be derived, that runs known to be wrong do not pass, and
/// counts the runs tried. Runs that are right and do not pass are counted only: they tell of the
/// filter, not of the task.
///
/// # Errors
///
/// Returns the task's rejection at [`Stage::Realisable`] or [`Stage::Sound`].
pub(crate) fn audit(task: &Task, world: &World, usage: &Usage) -> Result<Audit, Rejection> {
    realisable(task).map_err(|reason| rejection(task, Stage::Realisable, reason))?;
    Auditor::new(task, world, usage)
        .and_then(|auditor| auditor.audit())
        .map_err(|reason| rejection(task, Stage::Sound, reason))
}

fn rejection(task: &Task, stage: Stage, reason: String) -> Rejection {
    Rejection {
        stage,
        subject: task.id.to_string(),
        rule: None,
        reason,
        file: String::new(),
        pointer: String::new(),
    }
}

/// Checks that the words of the user and earlier answers tell every golden argument.
///
/// # Errors
///
/// Names an argument that nothing tells.
pub(crate) fn realisable(task: &Task) -> Result<(), String> {
    let mut said = String::new();
    let mut answers: Vec<Value> = Vec::new();
    for call in &task.golden {
        answers.push(Value::parse(&call.observation).unwrap_or_default());
    }
    for intent in &task.scenario.intents {
        said.push_str(&intent.request);
        said.push(' ');
        for call in intent.calls.iter().filter_map(|place| task.golden.get(*place)) {
            for (name, source) in &call.sources {
                let value = call.arguments.get(name).cloned().unwrap_or_default();
                let known = match source {
                    ArgumentSource::User => {
                        words::derivable(&value, &said) || words::flagged(name, &value, &said)
                    }
                    ArgumentSource::OnRequest => intent.on_request.iter().any(|fact| {
                        fact.argument == *name && words::derivable(&value, &fact.answer)
                    }),
                    ArgumentSource::Output(place, pointer) => answers
                        .get(*place)
                        .and_then(|answer| answer.at(pointer))
                        .is_some_and(|held| held.same(&value)),
                    ArgumentSource::Default => true,
                };
                if !known {
                    let label = words::label(name);
                    return Err(format!("nothing tells the {label} of \"{}\"", call.name));
                }
            }
        }
    }
    Ok(())
}

/// Runs a task in ways whose worth is known, and asks the filter's alignment about each.
struct Auditor<'a> {
    task: &'a Task,
    world: &'a World,
    usage: &'a Usage,
    /// The session before every golden call, and after the last.
    moments: Vec<Session<'a>>,
    only_reads: bool,
}

/// A call of a run.
type Made = (String, Value);

/// A run: so many golden calls, then others.
struct Run {
    from: usize,
    rest: Vec<Made>,
}

impl<'a> Auditor<'a> {
    fn new(task: &'a Task, world: &'a World, usage: &'a Usage) -> Result<Auditor<'a>, String> {
        let mut session = world.session_of(task);
        if session.fingerprint() != task.initial_state {
            return Err("the first state is not the recorded one".into());
        }
        let mut moments = Vec::new();
        for call in &task.golden {
            moments.push(session.clone());
            if session.call(&call.name, &call.arguments).text != call.observation {
                return Err(format!("replaying \"{}\" answers something else", call.name));
            }
        }
        if session.fingerprint() != task.golden_state {
            return Err("the golden replay ends in another state".into());
        }
        moments.push(session);
        let only_reads = task.golden.iter().all(|call| call.effect == Effect::Read);
        Ok(Auditor { task, world, usage, moments, only_reads })
    }

    fn audit(&self) -> Result<Audit, String> {
        if !self.passes(&Run { from: self.task.golden.len(), rest: Vec::new() }) {
            return Err("the golden calls do not pass the filter".into());
        }
        let right = self.right_runs();
        let mut audit = Audit {
            right_runs: 1 + count(right.len()),
            false_rejects: count(right.iter().filter(|run| !self.passes(run)).count()),
            ..Audit::default()
        };
        for (run, why) in self.wrong_runs() {
            audit.wrong_runs += 1;
            if self.passes(&run) {
                return Err(why);
            }
        }
        self.vacuous().map_or(Ok(audit), Err)
    }

    /// Whether a run ends as the filter wants it.
    ///
    /// Reads change nothing, so that of a task that writes only the writes are carried out, and of
    /// one that reads only what was not answered before.
    fn passes(&self, run: &Run) -> bool {
        let task = self.task;
        let mut session = self.moments[run.from].clone();
        let steady = task.faults.is_empty();
        if steady && !self.only_reads {
            for (name, arguments) in &run.rest {
                if self.world.operation(name).is_some_and(|it| it.effect == Effect::Write) {
                    session.call(name, arguments);
                }
            }
            return session.fingerprint() == task.golden_state;
        }
        let mut calls: Vec<Replayed<'_>> = task.golden[..run.from].iter().map(recorded).collect();
        for (name, arguments) in &run.rest {
            let known =
                task.golden.iter().find(|it| it.name == *name && it.arguments == *arguments);
            calls.push(match known.filter(|_| steady) {
                Some(known) => recorded(known),
                None => {
                    let observation = session.call(name, arguments);
                    Replayed { message: 0, name, arguments, observation }
                }
            });
        }
        passes(task, &calls, session.fingerprint(), self.world)
    }

    /// The golden calls from a place on.
    fn rest(&self, from: usize) -> Vec<Made> {
        self.task.golden[from..].iter().map(made).collect()
    }

    /// The golden calls in other ways that come to the same: neighbouring reads exchanged, a read
    /// made twice, a default spelled out.
    fn right_runs(&self) -> Vec<Run> {
        let golden = &self.task.golden;
        let reads = |place: usize| golden[place].effect == Effect::Read && !golden[place].failed;
        let exchanged = (1..golden.len()).find(|place| {
            let fed = golden[*place].fed_by().any(|from| from + 1 == *place);
            reads(*place) && reads(place - 1) && !fed
        });
        let exchanged = exchanged.map(|place| {
            let mut rest = self.rest(place - 1);
            rest.swap(0, 1);
            Run { from: place - 1, rest }
        });
        let twice = (0..golden.len()).find(|place| reads(*place));
        let twice = twice.map(|place| Run { from: place + 1, rest: self.rest(place) });
        let spelled = golden.iter().enumerate().find_map(|(place, call)| {
            let operation = self.world.operation(&call.name)?;
            let field = operation.input.iter().find(|field| {
                !field.default.is_null() && call.arguments.get(&field.name).is_none()
            })?;
            let Value::Object(entries) = &call.arguments else { return None };
            let mut entries = entries.clone();
            entries.push((field.name.clone(), field.default.clone()));
            let mut rest = self.rest(place);
            rest[0].1 = Value::Object(entries);
            Some(Run { from: place, rest })
        });
        [exchanged, twice, spelled].into_iter().flatten().collect()
    }

    /// Runs that do not do the task, each with what it would mean if one passed.
    fn wrong_runs(&self) -> Vec<(Run, String)> {
        let task = self.task;
        if task.golden.is_empty() {
            let call = self.another_tool(None);
            let why = "a call passes where nothing offered can do it".to_string();
            return call.map(|it| (Run { from: 0, rest: vec![it] }, why)).into_iter().collect();
        }
        let nothing = Run { from: 0, rest: Vec::new() };
        let mut runs = vec![(nothing, "doing nothing passes".to_string())];
        let decisive = self.decisive();
        for place in decisive.iter().copied() {
            let call = &task.golden[place];
            let left_out = Run { from: place, rest: self.rest(place + 1) };
            runs.push((left_out, format!("leaving out \"{}\" passes", call.name)));
            for (argument, arguments) in mutations(task, call, self.world, self.usage) {
                let mut rest = self.rest(place);
                rest[0].1 = arguments;
                let label = words::label(&argument);
                let why = format!("another {label} for \"{}\" passes", call.name);
                runs.push((Run { from: place, rest }, why));
            }
        }
        let Some(last) = decisive.last().copied() else { return runs };
        if 0 < last {
            let stopped = Run { from: last, rest: Vec::new() };
            runs.push((stopped, "stopping before the end passes".into()));
        }
        if let Some(other) = self.another_tool(Some(&task.golden[last])) {
            let why = format!("\"{}\" instead of \"{}\" passes", other.0, task.golden[last].name);
            let mut rest = self.rest(last);
            rest[0] = other;
            runs.push((Run { from: last, rest }, why));
        }
        runs
    }

    /// The places of the calls that must be made: those that change the state, or, where none
    /// does, those that are answered.
    fn decisive(&self) -> Vec<usize> {
        let states: Vec<Digest> = self.moments.iter().map(Session::fingerprint).collect();
        let places = || 0..self.task.golden.len();
        let writes: Vec<usize> =
            places().filter(|place| states[*place] != states[place + 1]).collect();
        if writes.is_empty() {
            places().filter(|place| !self.task.golden[*place].failed).collect()
        } else {
            writes
        }
    }

    /// A call of an offered tool that is no golden one, of the same effect and another program,
    /// with the arguments that it shares and others made up.
    fn another_tool(&self, than: Option<&GoldenCall>) -> Option<Made> {
        let task = self.task;
        let draw = Draw::new(task.id.0).with("another tool");
        let replaced = than.and_then(|call| self.world.operation(&call.name));
        let tools: Vec<&Operation> = task
            .offered
            .iter()
            .filter(|name| task.golden.iter().all(|call| call.name != **name))
            .filter_map(|name| self.world.operation(name))
            .filter(|it| {
                replaced.is_none_or(|old| old.effect == it.effect && old.program != it.program)
            })
            .collect();
        let tool = draw.pick(&tools, |it| it.name.as_bytes())?;
        let shared = |name: &str| than?.arguments.get(name).cloned();
        let entries = tool.input.iter().filter(|field| field.required).filter_map(|field| {
            let held = shared(&field.name).filter(|it| field.shape.admits(it));
            let value =
                held.or_else(|| invent(&field.name, &field.shape, None, draw.with(&field.name)))?;
            Some((field.name.clone(), value))
        });
        Some((tool.name.clone(), Value::Object(entries.collect())))
    }

    /// Of a task that only reads: why its last call says nothing of what was asked, if whatever is
    /// asked is answered alike.
    fn vacuous(&self) -> Option<String> {
        let task = self.task;
        if task.golden_state != task.initial_state {
            return None;
        }
        let place = task.golden.iter().rposition(|call| !call.failed)?;
        let call = &task.golden[place];
        let mutations = mutations(task, call, self.world, self.usage);
        let alike = mutations.iter().all(|(_, arguments)| {
            self.moments[place].clone().call(&call.name, arguments).text == call.observation
        });
        (!mutations.is_empty() && alike)
            .then(|| format!("\"{}\" answers the same whatever it is asked", call.name))
    }
}

fn made(call: &GoldenCall) -> Made {
    (call.name.clone(), call.arguments.clone())
}

fn recorded(call: &GoldenCall) -> Replayed<'_> {
    let observation = Observation { text: call.observation.clone(), failed: call.failed };
    Replayed { message: 0, name: &call.name, arguments: &call.arguments, observation }
}

fn count(runs: usize) -> u32 {
    u32::try_from(runs).unwrap_or(u32::MAX)
}

/// The call with one used argument exchanged, for the first few of them.
fn mutations(task: &Task, call: &GoldenCall, world: &World, usage: &Usage) -> Vec<(String, Value)> {
    let (Some(operation), Some(uses)) = (world.operation(&call.name), usage.get(&call.name)) else {
        return Vec::new();
    };
    let Value::Object(entries) = &call.arguments else { return Vec::new() };
    let draw = Draw::new(task.id.0).with("mutation");
    operation
        .input
        .iter()
        .filter(|field| {
            uses.argument(&field.name).iter().any(|it| *it != crate::compose::uses::Use::Limit)
        })
        .filter_map(|field| {
            let held = call.arguments.get(&field.name)?;
            let other = (0..4)
                .filter_map(|place| invent(&field.name, &field.shape, None, draw.at(place)))
                .find(|other| !other.same(held))?;
            let entries = entries
                .iter()
                .map(|(name, value)| {
                    let value = if *name == field.name { other.clone() } else { value.clone() };
                    (name.clone(), value)
                })
                .collect();
            Some((field.name.clone(), Value::Object(entries)))
        })
        .take(MUTATED_MAX)
        .collect()
}
