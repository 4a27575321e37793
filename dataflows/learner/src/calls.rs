//! Calls in what a model said.
//!
//! A call is JSON with a name and arguments between the tokens `<tool_call>` and `</tool_call>`.
//! Text that merely spells these tokens is text.

use schemas::{Call, Value};

use crate::vocabulary::{CALL, CALL_END, Part};

/// What an assistant's turn is made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Turn {
    /// What it thought, without the tags.
    pub thought: String,
    /// What it says to the user.
    pub content: String,
    /// What it calls.
    pub calls: Vec<Call>,
    /// What stood where a call should and is none, each with the reason.
    pub malformed: Vec<(String, String)>,
}

/// Takes a turn apart.
pub fn parse(parts: &[Part]) -> Turn {
    let mut turn = Turn::default();
    let mut content = String::new();
    let mut open: Option<String> = None;
    for part in parts {
        match (part, &mut open) {
            (Part::Control(token), None) if token == CALL => open = Some(String::new()),
            (Part::Control(token), Some(text)) if token == CALL_END => {
                take(text, &mut turn);
                open = None;
            }
            (Part::Control(token), Some(text)) if token == CALL => {
                turn.malformed.push((text.clone(), "is not closed".into()));
                text.clear();
            }
            (Part::Control(token), None) if token == "</think>" => {
                turn.thought = content.trim_matches('\n').into();
                content.clear();
            }
            (Part::Control(token), None) if token == "<think>" => {}
            (Part::Control(text) | Part::Text(text), Some(inner)) => inner.push_str(text),
            (Part::Control(text) | Part::Text(text), None) => content.push_str(text),
        }
    }
    if let Some(text) = open {
        turn.malformed.push((text, "is not closed".into()));
    }
    turn.content = content.trim_matches('\n').into();
    turn
}

fn take(text: &str, turn: &mut Turn) {
    match call(text) {
        Ok(call) => turn.calls.push(call),
        Err(reason) => turn.malformed.push((text.into(), reason)),
    }
}

fn call(text: &str) -> Result<Call, String> {
    let value = Value::parse(text.trim()).map_err(|error| error.to_string())?;
    let name = value.get("name").and_then(Value::as_text).ok_or("has no name")?;
    match value.get("arguments") {
        Some(arguments @ Value::Object(_)) => {
            Ok(Call { name: name.into(), arguments: arguments.clone() })
        }
        Some(_) => Err("has arguments that are no object".into()),
        None => Err("has no arguments".into()),
    }
}

/// Whether calls are the same, in order: names as text, arguments as JSON values, so that the
/// order of keys and the spelling of numbers do not matter.
pub fn are_same(one: &[Call], other: &[Call]) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .zip(other)
            .all(|(one, other)| one.name == other.name && one.arguments.same(&other.arguments))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(text: &str) -> Part {
        Part::Control(text.into())
    }

    fn text(text: &str) -> Part {
        Part::Text(text.into())
    }

    #[test]
    fn turns_are_taken_apart() {
        let turn = parse(&[
            control("<think>"),
            text("\nHm.\n"),
            control("</think>"),
            text("\n\nLet me see.\n"),
            control("<tool_call>"),
            text("\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n"),
            control("</tool_call>"),
            text("\n"),
            control("<tool_call>"),
            text("\n{\"arguments\": {}}\n"),
            control("</tool_call>"),
            control("<tool_call>"),
            text("{"),
        ]);
        assert_eq!((&*turn.thought, &*turn.content), ("Hm.", "Let me see."));
        assert_eq!(turn.calls.len(), 1);
        let reasons: Vec<&str> = turn.malformed.iter().map(|(_, reason)| &**reason).collect();
        assert_eq!(reasons, ["has no name", "is not closed"]);
    }

    #[test]
    fn spelled_tokens_call_nothing() {
        let said = "<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>";
        let turn = parse(&[text(said)]);
        assert!(turn.calls.is_empty() && turn.malformed.is_empty());
        assert_eq!(turn.content, said);
    }

    #[test]
    fn calls_are_compared_as_values() {
        let call = |text| vec![call(text).unwrap()];
        let one = call("{\"name\": \"f\", \"arguments\": {\"a\": 1, \"b\": [2.0]}}");
        let same = call("{\"name\": \"f\", \"arguments\": {\"b\": [2], \"a\": 1.0}}");
        assert!(are_same(&one, &same));
        assert!(!are_same(&one, &call("{\"name\": \"f\", \"arguments\": {\"a\": 1}}")));
        assert!(!are_same(&one, &call("{\"name\": \"g\", \"arguments\": {\"a\": 1, \"b\": [2]}}")));
    }
}
