//! The audit: can the task be done from what the user says, and is only its doing rewarded?

use schemas::{ArgumentSource, Digest, Draw, Effect, GoldenCall, Rejection, Stage, Task, Value};

use crate::compose::fill::Usage;
use crate::compose::invent::invent;
use crate::compose::words;
use crate::engine::{Session, World};

/// Most arguments of one call that are mutated one by one.
const MUTATED_MAX: usize = 3;

/// Checks that every golden argument can be derived, and that the golden run alone passes.
///
/// # Errors
///
/// Returns the task's rejection at [`Stage::Realisable`] or [`Stage::Sound`].
pub(crate) fn audit(task: &Task, world: &World, usage: &Usage) -> Result<(), Rejection> {
    realisable(task).map_err(|reason| rejection(task, Stage::Realisable, reason))?;
    sound(task, world, usage).map_err(|reason| rejection(task, Stage::Sound, reason))
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

fn realisable(task: &Task) -> Result<(), String> {
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

fn sound(task: &Task, world: &World, usage: &Usage) -> Result<(), String> {
    let mut session = world.session(&task.offered);
    if session.fingerprint() != task.initial_state {
        return Err("the first state is not the recorded one".into());
    }
    let decisive = task
        .golden
        .iter()
        .rposition(|call| call.effect == Effect::Write)
        .or(task.golden.len().checked_sub(1));
    let mut before = None;
    for (place, call) in task.golden.iter().enumerate() {
        if Some(place) == decisive {
            before = Some(session.clone());
        }
        if session.call(&call.name, &call.arguments).text != call.observation {
            return Err(format!("replaying \"{}\" answers something else", call.name));
        }
    }
    if session.fingerprint() != task.golden_state {
        return Err("the golden replay ends in another state".into());
    }
    let (Some(place), Some(before)) = (decisive, before) else { return Ok(()) };
    let call = &task.golden[place];
    if call.effect == Effect::Write {
        if task.golden_state == task.initial_state {
            return Err("doing nothing ends in the golden state".into());
        }
        let rest = &task.golden[place + 1..];
        if before.fingerprint() == task.golden_state {
            return Err(format!("leaving out \"{}\" ends in the golden state", call.name));
        }
        mutated_writes(task, call, rest, &before, world, usage)
    } else {
        mutated_reads(task, call, &before, world, usage)
    }
}

/// No argument that the program looks at may be exchanged without a trace.
fn mutated_writes(
    task: &Task,
    call: &GoldenCall,
    rest: &[GoldenCall],
    before: &Session<'_>,
    world: &World,
    usage: &Usage,
) -> Result<(), String> {
    for (name, arguments) in mutations(task, call, world, usage) {
        let mut session = before.clone();
        let failed = session.call(&call.name, &arguments).failed;
        for later in rest {
            session.call(&later.name, &later.arguments);
        }
        if !failed && ends(&session) == task.golden_state {
            let label = words::label(&name);
            return Err(format!("another {label} for \"{}\" ends in the golden state", call.name));
        }
    }
    Ok(())
}

/// Some argument that the program looks at must make a difference to the answer.
fn mutated_reads(
    task: &Task,
    call: &GoldenCall,
    before: &Session<'_>,
    world: &World,
    usage: &Usage,
) -> Result<(), String> {
    let mutations = mutations(task, call, world, usage);
    let differs = mutations
        .iter()
        .any(|(_, arguments)| before.clone().call(&call.name, arguments).text != call.observation);
    if mutations.is_empty() || differs {
        Ok(())
    } else {
        Err(format!("\"{}\" answers the same whatever it is asked", call.name))
    }
}

fn ends(session: &Session<'_>) -> Digest {
    session.fingerprint()
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
