//! What is done and leaves nothing but the fact that it was: `conference_room_booking_system`.

use schemas::Shape;

use crate::materialize::compile::expect::only_notice;
use crate::materialize::lexicon::{Act, event};
use crate::materialize::outputs::declared;
use crate::materialize::reading::Reading;
use crate::materialize::words::{noun, words};

/// Verbs of deeds, in their base form.
const DEEDS: [&str; 42] = [
    "manage",
    "apply",
    "configure",
    "control",
    "schedule",
    "book",
    "reserve",
    "initialize",
    "initiate",
    "register",
    "enroll",
    "customize",
    "adjust",
    "automate",
    "enable",
    "disable",
    "activate",
    "handover",
    "organize",
    "plan",
    "coordinate",
    "communicate",
    "notify",
    "submit",
    "subscribe",
    "install",
    "deploy",
    "setup",
    "arrange",
    "assign",
    "collaborate",
    "establish",
    "implement",
    "launch",
    "moderate",
    "personalize",
    "secure",
    "start",
    "order",
    "file",
    "report",
    "trigger",
];

/// Verbs of deeds at the start of a Chinese description.
const SAID: [&str; 16] = [
    "管理", "预订", "预约", "配置", "设置", "控制", "更新", "修改", "删除", "创建", "提交", "注册",
    "安排", "启动", "定制", "报名",
];

/// Words of names that say that something is only looked at.
const LOOKS: [&str; 10] =
    ["get", "describe", "list", "query", "search", "retrieve", "fetch", "find", "lookup", "count"];

/// Last words of names that say nothing of what is done.
const EMPTY: [&str; 16] = [
    "manager",
    "service",
    "system",
    "tool",
    "scheduler",
    "configurator",
    "controller",
    "assistant",
    "api",
    "handler",
    "platform",
    "organizer",
    "coordinator",
    "hub",
    "module",
    "portal",
];

/// Lets a tool that does something, with arguments, and of which nothing else is known, make a
/// row that says what was done.
///
/// Its call is then seen in the state, and what is asked of it need not be one of a few cases.
pub(super) fn record(reading: &mut Reading<'_>) {
    let tool = reading.tool;
    let stores = tool.input.iter().any(|field| field.required && field.shape != Shape::Boolean);
    if reading.act != Act::Answer || !stores || declared(reading).is_some() {
        return;
    }
    let Some((verb, object)) = deed(reading).filter(|_| only_notice(reading)) else { return };
    if object.is_empty() {
        return;
    }
    reading.act = Act::Create;
    reading.verb = verb;
    reading.entity.clone_from(&object);
    reading.object = object;
    reading.key = None;
    reading.parents.clear();
}

/// The verb of a deed and the noun of what it is done to; none if the tool does nothing.
fn deed(reading: &Reading<'_>) -> Option<(String, String)> {
    let split = words(&reading.tool.name);
    if split.iter().any(|word| LOOKS.contains(&word.as_str())) {
        return None;
    }
    let description = reading.tool.description.trim_start();
    let first = words(description.split_whitespace().next().unwrap_or_default()).concat();
    // What applies a method to data does nothing to anything.
    let said = DEEDS.iter().find(|verb| base(&first, verb) && **verb != "apply");
    let said = said.map(|verb| (*verb).to_string());
    let chinese = SAID.iter().any(|verb| description.starts_with(verb));
    // At the end of a name a verb may be a noun, as in `meeting_report`.
    let told = said.is_some() || chinese;
    let known = |(place, word): (usize, &String)| {
        (DEEDS.contains(&word.as_str()) && (told || place + 1 < split.len())).then_some(place)
    };
    let place = split.iter().enumerate().find_map(known);
    let verb = match (place, said) {
        (Some(place), _) => split[place].clone(),
        (None, Some(said)) => said,
        (None, None) if chinese => "request".into(),
        (None, None) => return None,
    };
    let after = place.map_or(&split[..], |place| &split[place + 1..]);
    let mut rest: Vec<String> = if after.is_empty() {
        split[..place.unwrap_or(split.len())].to_vec()
    } else {
        after.to_vec()
    };
    while rest.last().is_some_and(|last| EMPTY.contains(&last.as_str())) {
        rest.pop();
    }
    let from = rest.len().saturating_sub(3);
    let object = noun(&rest[from..]);
    // Booking something makes a booking of it.
    let made = event(&verb).filter(|_| !object.is_empty() && !object.ends_with("ing"));
    Some((verb, made.map_or(object.clone(), |made| format!("{object}_{made}"))))
}

/// Whether a word is a verb in the base form or the third person.
fn base(word: &str, verb: &str) -> bool {
    word == verb
        || word.strip_suffix('s') == Some(verb)
        || (verb.ends_with('y') && word.strip_suffix("ies") == Some(&verb[..verb.len() - 1]))
        || word.strip_suffix("es") == Some(verb)
}

#[cfg(test)]
mod tests {
    use schemas::{Shape, Tool};

    use super::record;
    use crate::materialize::lexicon::Act;
    use crate::materialize::reading::read;
    use crate::materialize::tests::{field, tool};

    /// Name and description; then what the tool makes a row of, if it is a deed.
    #[test]
    fn deeds_leave_a_row() {
        for (name, description, made) in [
            ("MobileUIManager_applyTheme", "Applies a theme.", Some("theme_application")),
            (
                "conference_room_booking_system",
                "管理和预订会议室。",
                Some("conference_room_booking"),
            ),
            ("street_lamp_manage", "Manages lamps.", Some("street_lamp")),
            ("DescribeAgentInstallStatus", "Queries installations.", None),
            ("detailed_meeting_report", "", None),
            ("linear_regression", "Applies linear regression.", None),
        ] {
            let argument = field("settings", Shape::text(), true);
            let tool = Tool { description: description.into(), ..tool(name, vec![argument]) };
            let mut reading = read(&tool);
            record(&mut reading);
            let found = (reading.act == Act::Create).then_some(reading.entity.as_str());
            assert_eq!(found, made, "{name}");
        }
    }
}
