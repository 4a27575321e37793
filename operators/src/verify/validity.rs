//! Validity: is it a conversation, and did the calls do what it says they did?

use std::collections::BTreeMap;

use schemas::{FilterPlan, Message, Speaker, Task, Trajectory, Value};

use crate::engine::{Observation, Session};

/// One call of a trajectory as it was replayed.
pub(crate) struct Replayed<'t> {
    /// Where the message that makes it stands.
    pub(crate) message: usize,
    pub(crate) name: &'t str,
    pub(crate) arguments: &'t Value,
    pub(crate) observation: Observation,
}

/// Checks the conversation and replays its calls, in order, in the session.
///
/// # Errors
///
/// Returns the first thing found wrong, as a sentence.
pub(super) fn validity<'t>(
    trajectory: &'t Trajectory,
    task: &Task,
    session: &mut Session<'_>,
    plan: &FilterPlan,
) -> Result<Vec<Replayed<'t>>, String> {
    if trajectory.task != task.id || trajectory.domain != task.domain {
        return Err("the trajectory belongs to another task".into());
    }
    well_formed(&trajectory.messages)?;
    if !trajectory.ended {
        return Err("the user did not end the conversation".into());
    }
    repetitive(&trajectory.messages, plan)?;
    if session.fingerprint() != trajectory.initial_state {
        return Err("the recorded first state is not the environment's".into());
    }
    let replayed = replay(&trajectory.messages, task, session)?;
    if session.fingerprint() != trajectory.final_state {
        return Err("the recorded final state is not what replaying ends in".into());
    }
    Ok(replayed)
}

/// A system message at most once and first; a user opens; every assistant's message is either
/// text or calls, and every call is answered, in order, before anyone else speaks; the last word
/// is text.
fn well_formed(messages: &[Message]) -> Result<(), String> {
    let from = usize::from(messages.first().is_some_and(|it| it.role == Speaker::System));
    let messages = &messages[from..];
    let mut expected: Vec<&str> = Vec::new();
    let mut last: Option<Speaker> = None;
    for (place, message) in messages.iter().enumerate() {
        let number = place + from;
        let role = message.role;
        if role != Speaker::Assistant && !message.calls.is_empty() {
            return Err(format!("message {number} is not the assistant's but makes calls"));
        }
        if role == Speaker::Tool {
            if expected.first() != Some(&message.name.as_str()) {
                return Err(format!("message {number} answers no call of \"{}\"", message.name));
            }
            expected.remove(0);
            last = Some(role);
            continue;
        }
        if !expected.is_empty() {
            return Err(format!(
                "the call of \"{}\" before message {number} is not answered",
                expected[0]
            ));
        }
        let alternates = matches!(
            (last, role),
            (None | Some(Speaker::Assistant), Speaker::User)
                | (Some(Speaker::User | Speaker::Tool), Speaker::Assistant)
        );
        if !alternates {
            return Err(format!("message {number} is the {}'s out of turn", role.name()));
        }
        match (message.content.trim().is_empty(), message.calls.is_empty()) {
            (true, true) => return Err(format!("message {number} is empty")),
            (false, false) => return Err(format!("message {number} both speaks and calls")),
            _ => expected = message.calls.iter().map(|call| call.name.as_str()).collect(),
        }
        last = Some(role);
    }
    match (expected.first(), last) {
        (Some(name), _) => Err(format!("the last call of \"{name}\" is not answered")),
        (None, Some(Speaker::User | Speaker::Assistant)) => Ok(()),
        (None, _) => Err("the conversation ends without a word".into()),
    }
}

/// No n-gram occurs too often in one message of the assistant, and no message of at least that
/// length is said too often. Words that come again in other messages, as reports on like things
/// do, are no repetition.
fn repetitive(messages: &[Message], plan: &FilterPlan) -> Result<(), String> {
    if plan.repetition_words == 0 {
        return Ok(());
    }
    let over_and_over =
        |words: &[&str]| Err(format!("the assistant says \"{}\" over and over", words.join(" ")));
    let mut said: BTreeMap<Vec<&str>, usize> = BTreeMap::new();
    for message in messages.iter().filter(|it| it.role == Speaker::Assistant) {
        let words: Vec<&str> = message.content.split_whitespace().collect();
        let mut seen: BTreeMap<&[&str], usize> = BTreeMap::new();
        for window in words.windows(plan.repetition_words) {
            let count = seen.entry(window).or_default();
            *count += 1;
            if *count > plan.repetitions_max {
                return over_and_over(window);
            }
        }
        if plan.repetition_words <= words.len() {
            let begins = words[..plan.repetition_words].to_vec();
            let count = said.entry(words).or_default();
            *count += 1;
            if *count > plan.repetitions_max {
                return over_and_over(&begins);
            }
        }
    }
    Ok(())
}

fn replay<'t>(
    messages: &'t [Message],
    task: &Task,
    session: &mut Session<'_>,
) -> Result<Vec<Replayed<'t>>, String> {
    let mut replayed = Vec::new();
    for (message, calling) in messages.iter().enumerate().filter(|(_, it)| !it.calls.is_empty()) {
        for (call, answer) in calling.calls.iter().zip(&messages[message + 1..]) {
            if !matches!(call.arguments, Value::Object(_)) {
                return Err(format!(
                    "a call of \"{}\" has arguments that are not a JSON object",
                    call.name
                ));
            }
            if !task.offered.contains(&call.name) {
                return Err(format!("\"{}\" is called but not offered", call.name));
            }
            let observation = session.call(&call.name, &call.arguments);
            if observation.text != answer.content {
                return Err(format!(
                    "replaying \"{}\" answers something else than recorded",
                    call.name
                ));
            }
            replayed.push(Replayed {
                message,
                name: &call.name,
                arguments: &call.arguments,
                observation,
            });
        }
    }
    Ok(replayed)
}
