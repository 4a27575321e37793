//! Alignment with the golden calls: the state they leave, and, of reads, the calls themselves.

use schemas::{
    ArgumentSource, Digest, Effect, FilterPlan, GoldenCall, Speaker, Task, TaskKind, Trajectory,
    Value,
};

use crate::compose::words;
use crate::engine::{Session, World};
use crate::verify::validity::Replayed;

/// Most differing rows a reason lists.
const DIFFERENCES_MAX: usize = 4;

/// Whether the session's state is the one the golden calls leave, which are replayed for it.
///
/// # Errors
///
/// Returns how the state differs, or that the golden calls themselves no longer hold.
pub(super) fn state(task: &Task, world: &World, session: &Session<'_>) -> Result<(), String> {
    let mut golden = world.session_of(task);
    for call in &task.golden {
        if golden.call(&call.name, &call.arguments).text != call.observation {
            return Err(format!(
                "replaying the golden call of \"{}\" answers something else",
                call.name
            ));
        }
    }
    if golden.fingerprint() != task.golden_state {
        return Err("replaying the golden calls ends in another state".into());
    }
    if session.fingerprint() == task.golden_state {
        return Ok(());
    }
    let mut lines = session.difference(&golden);
    let more = lines.len().saturating_sub(DIFFERENCES_MAX);
    lines.truncate(DIFFERENCES_MAX);
    let more = if more == 0 { String::new() } else { format!("; and {more} more") };
    Err(format!("the state differs: {}{more}", lines.join("; ")))
}

/// Whether the calls are those that had to be made.
///
/// # Errors
///
/// Returns which call is missing, too many or too early.
pub(super) fn exact_match(
    trajectory: &Trajectory,
    task: &Task,
    calls: &[Replayed<'_>],
    world: &World,
    plan: &FilterPlan,
) -> Result<(), String> {
    if task.kind == TaskKind::MissingInformation {
        asked(trajectory, task, calls)?;
    }
    if plan.literal && !task.golden.is_empty() && only_reads(task) {
        literally(task, calls)
    } else {
        made(task, calls, world)
    }
}

/// Whether calls that end in this state do the task, whatever is said beside them: the golden
/// state, and of tasks that only read the golden calls, or ones provably equivalent.
pub(crate) fn passes(task: &Task, calls: &[Replayed<'_>], ends: Digest, world: &World) -> bool {
    ends == task.golden_state && made(task, calls, world).is_ok()
}

fn made(task: &Task, calls: &[Replayed<'_>], world: &World) -> Result<(), String> {
    match calls.first() {
        Some(call) if task.kind == TaskKind::Infeasible => {
            Err(format!("nothing offered can do it, yet \"{}\" was called", call.name))
        }
        _ if only_reads(task) => equivalently(task, calls, world),
        _ => Ok(()),
    }
}

fn only_reads(task: &Task) -> bool {
    task.golden.iter().all(|call| call.effect == Effect::Read)
}

/// What the user tells only on request must have been asked for and answered before the first
/// call that takes it.
fn asked(trajectory: &Trajectory, task: &Task, calls: &[Replayed<'_>]) -> Result<(), String> {
    for intent in &task.scenario.intents {
        for fact in &intent.on_request {
            let takers =
                intent.calls.iter().filter_map(|place| task.golden.get(*place)).filter(|call| {
                    call.sources.iter().any(|(name, source)| {
                        *name == fact.argument && *source == ArgumentSource::OnRequest
                    })
                });
            let takers: Vec<&str> = takers.map(|call| call.name.as_str()).collect();
            let told = trajectory.messages.iter().enumerate().position(|(place, message)| {
                message.role == Speaker::User
                    && 1 < place
                    && words::derivable(&fact.value, &message.content)
                    && trajectory.messages[place - 1].role == Speaker::Assistant
                    && trajectory.messages[place - 1].content.contains('?')
            });
            let first = calls.iter().find(|call| {
                takers.contains(&call.name) && call.arguments.get(&fact.argument).is_some()
            });
            let early = match (told, first) {
                (Some(told), Some(call)) => call.message < told,
                (None, _) => true,
                (Some(_), None) => false,
            };
            if early {
                return Err(format!(
                    "the agent did not ask for the {} before using it",
                    fact.label
                ));
            }
        }
    }
    Ok(())
}

/// The paper's rule: the same calls with the same arguments in the same order, errors left out.
fn literally(task: &Task, calls: &[Replayed<'_>]) -> Result<(), String> {
    let made: Vec<&Replayed<'_>> = calls.iter().filter(|call| !call.observation.failed).collect();
    let wanted: Vec<&GoldenCall> = task.golden.iter().filter(|call| !call.failed).collect();
    for (place, golden) in wanted.iter().enumerate() {
        match made.get(place) {
            None => return Err(format!("call {} of \"{}\" is missing", place + 1, golden.name)),
            Some(call) if call.name != golden.name => {
                return Err(format!(
                    "call {} is of \"{}\" and not of \"{}\"",
                    place + 1,
                    call.name,
                    golden.name
                ));
            }
            Some(call) if !call.arguments.same(&golden.arguments) => {
                return Err(format!(
                    "call {} of \"{}\" has other arguments: {}",
                    place + 1,
                    golden.name,
                    call.arguments
                ));
            }
            Some(_) => {}
        }
    }
    match made.get(wanted.len()) {
        Some(call) => Err(format!("\"{}\" is called beyond the golden calls", call.name)),
        None => Ok(()),
    }
}

/// Every golden call was made and answered alike, and what feeds it came before it. As every call
/// of such a task only reads, further reads change nothing, and independent ones may come in any
/// order.
fn equivalently(task: &Task, calls: &[Replayed<'_>], world: &World) -> Result<(), String> {
    let mut first: Vec<usize> = Vec::new();
    for golden in &task.golden {
        if golden.failed {
            // A place is kept for it, since sources count every golden call; nothing is fed by it.
            first.push(0);
            continue;
        }
        let fed_at = golden.fed_by().filter_map(|from| first.get(from).map(|place| place + 1));
        let earliest = fed_at.max().unwrap_or(0);
        let found = calls.iter().enumerate().skip(earliest).find(|(_, call)| {
            !call.observation.failed
                && call.name == golden.name
                && alike(golden, call, world)
                && call.observation.text == golden.observation
        });
        match found {
            Some((place, _)) => first.push(place),
            None => {
                return Err(format!(
                    "no call of \"{}\" with the golden arguments was made",
                    golden.name
                ));
            }
        }
    }
    Ok(())
}

/// The same arguments, where one left out is its default and numbers go by magnitude.
fn alike(golden: &GoldenCall, call: &Replayed<'_>, world: &World) -> bool {
    let Some(operation) = world.operation(&golden.name) else { return false };
    operation.input.iter().all(|field| {
        let held = |arguments: &Value| {
            arguments.get(&field.name).filter(|it| !it.is_null()).unwrap_or(&field.default).clone()
        };
        held(&golden.arguments).same(&held(call.arguments))
    })
}
