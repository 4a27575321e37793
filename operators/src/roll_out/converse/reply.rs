//! What a model answered, read with patience: text, thoughts and calls in any dialect.
//!
//! Models are strangers. Whatever they say becomes text without control tokens and within bounds,
//! calls with the arguments as they were sent, or a malfunction with a reason; never a panic.

use schemas::{Answer, Call, Finish, Value};

use crate::refine::neutralised;

/// Longest message that is taken, in characters: what a model says beyond it was not asked for.
pub const TURN_CHARS_MAX: usize = 100_000;

/// Longest name of a tool that is kept of a call, in characters.
const NAME_CHARS_MAX: usize = 128;

/// Longest excerpt of what was said instead of an answer, in characters.
const DECLINED_CHARS_MAX: usize = 300;

/// How a model that plays the user says that it is done; the others are those of τ²-bench.
const STOPS: [&str; 3] = ["###STOP###", "###TRANSFER###", "###OUT-OF-SCOPE###"];

/// What ends a conversation when a model that plays the user says it.
pub(super) const STOP: &str = STOPS[0];

/// Why an answer is no message, as the end of a sentence about the model.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Malfunction(pub(super) String);

/// What somebody says.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Said {
    pub(super) thought: String,
    pub(super) text: String,
    pub(super) calls: Vec<Call>,
}

impl Said {
    /// Words and nothing else.
    pub(super) fn of(text: String) -> Said {
        Said { text, ..Said::default() }
    }
}

/// A message as it came, its thoughts apart.
#[derive(Debug)]
pub(super) struct Reply {
    thought: String,
    text: String,
    calls: Vec<Call>,
}

impl Reply {
    /// Reads an answer.
    pub(super) fn read(answer: &Answer) -> Result<Reply, Malfunction> {
        match answer.finish {
            Finish::Stop => {}
            Finish::Length => return Err(Malfunction("was cut off".into())),
            Finish::Declined => return Err(Malfunction(declined(&answer.text))),
        }
        if answer.text.chars().nth(TURN_CHARS_MAX).is_some() {
            return Err(Malfunction(format!("said more than {TURN_CHARS_MAX} characters")));
        }
        // An endpoint of a simple kind may give the text alone.
        let Ok(message @ Value::Object(_)) = Value::parse(&answer.text) else {
            let (thought, text) = apart(&answer.text);
            return Ok(Reply { thought, text, calls: Vec::new() });
        };
        let (mut thought, text) = apart(&content(&message));
        let told = ["reasoning_content", "reasoning"].iter().find_map(|key| {
            message.get(key).and_then(Value::as_text).filter(|it| !it.trim().is_empty())
        });
        if let Some(told) = told {
            let before = std::mem::take(&mut thought);
            thought = format!("{}\n{before}", told.trim()).trim_end().to_string();
        }
        let calls = match message.get("tool_calls") {
            Some(Value::List(calls)) => calls.iter().map(native).collect(),
            _ => Vec::new(),
        };
        Ok(Reply { thought, text, calls })
    }

    /// What the agent says. Calls in the text count where the endpoint found none.
    pub(super) fn of_agent(self) -> Result<(Said, bool), Malfunction> {
        let (words, written) = called(&self.text);
        let calls = if self.calls.is_empty() { written } else { self.calls };
        let said = Said { calls, ..spoken(&self.thought, &words) };
        if said.text.is_empty() && said.calls.is_empty() {
            return Err(Malfunction("said nothing".into()));
        }
        Ok((said, false))
    }

    /// What the user says, and whether that is the end. A user has nothing to call.
    pub(super) fn of_user(self) -> Result<(Said, bool), Malfunction> {
        let end = STOPS.iter().filter_map(|stop| self.text.find(stop)).min();
        let said = spoken(&self.thought, &self.text[..end.unwrap_or(self.text.len())]);
        if said.text.is_empty() && end.is_none() {
            return Err(Malfunction("said nothing".into()));
        }
        Ok((said, end.is_some()))
    }
}

/// That an answer was declined, with what the endpoint or the model says about it.
fn declined(said: &str) -> String {
    let said: String = neutralised(said).chars().take(DECLINED_CHARS_MAX).collect();
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    // The text of a message that a filter cut is nobody's reason.
    match said.is_empty() || said.starts_with('{') {
        true => "declined to answer".into(),
        false => format!("declined to answer (\"{said}\")"),
    }
}

fn spoken(thought: &str, text: &str) -> Said {
    let shown = |said: &str| neutralised(said).trim().to_string();
    Said { thought: shown(thought), text: shown(text), calls: Vec::new() }
}

/// The words of a message: a text, or parts of which some are texts.
fn content(message: &Value) -> String {
    match message.get("content") {
        Some(Value::Text(text)) => text.clone(),
        Some(Value::List(parts)) => {
            parts.iter().filter_map(|part| part.get("text")?.as_text()).collect()
        }
        _ => String::new(),
    }
}

/// Thoughts and words. A text may begin in the middle of a thought, since some templates open it
/// in the prompt; a thought that never ends leaves no words.
fn apart(text: &str) -> (String, String) {
    const OPEN: &str = "<think>";
    const CLOSE: &str = "</think>";
    let mut thoughts: Vec<&str> = Vec::new();
    let mut words = String::new();
    let mut rest = text;
    if let Some(close) = rest.find(CLOSE)
        && rest.find(OPEN).is_none_or(|open| close < open)
    {
        thoughts.push(&rest[..close]);
        rest = &rest[close + CLOSE.len()..];
    }
    while let Some(open) = rest.find(OPEN) {
        words.push_str(&rest[..open]);
        let inside = &rest[open + OPEN.len()..];
        let close = inside.find(CLOSE);
        thoughts.push(&inside[..close.unwrap_or(inside.len())]);
        rest = close.map_or("", |close| &inside[close + CLOSE.len()..]);
    }
    words.push_str(rest);
    let thoughts = thoughts.iter().map(|it| it.trim()).filter(|it| !it.is_empty());
    (thoughts.collect::<Vec<_>>().join("\n"), words.trim().into())
}

/// A call as the endpoint gives it. Its id is not kept: a call goes by its place.
fn native(call: &Value) -> Call {
    let function = call.get("function").unwrap_or(call);
    let name = function.get("name").and_then(Value::as_text).unwrap_or_default();
    Call { name: named(name), arguments: arguments(function.get("arguments")) }
}

fn named(name: &str) -> String {
    neutralised(name.trim()).chars().take(NAME_CHARS_MAX).collect()
}

/// Arguments as sent: an object, or the text that is none. Nothing stands for no arguments.
fn arguments(sent: Option<&Value>) -> Value {
    match sent {
        None | Some(Value::Null) => Value::Object(Vec::new()),
        Some(Value::Text(text)) if text.trim().is_empty() => Value::Object(Vec::new()),
        Some(Value::Text(text)) => match Value::parse(text) {
            Ok(object @ Value::Object(_)) => tame(object),
            // Some endpoints put the text of the arguments into a text once more.
            Ok(Value::Text(inner)) => match Value::parse(&inner) {
                Ok(object @ Value::Object(_)) => tame(object),
                _ => Value::Text(neutralised(text)),
            },
            _ => Value::Text(neutralised(text)),
        },
        Some(object @ Value::Object(_)) => tame(object.clone()),
        Some(other) => Value::Text(neutralised(&other.to_string())),
    }
}

/// A value in whose texts nothing can be taken for a control token. What environments hold is so
/// from the beginning, so that no right argument is changed.
fn tame(value: Value) -> Value {
    match value {
        // Tabs and line feeds of an argument are its own.
        Value::Text(text) => {
            let tamed = neutralised(&text);
            if tamed.split_whitespace().eq(text.split_whitespace()) {
                Value::Text(text)
            } else {
                Value::Text(tamed)
            }
        }
        Value::List(items) => Value::List(items.into_iter().map(tame).collect()),
        Value::Object(entries) => Value::Object(
            entries.into_iter().map(|(key, part)| (neutralised(&key), tame(part))).collect(),
        ),
        other => other,
    }
}

/// The words of a text and the calls written into it, as Hermes and Qwen write them:
/// `<tool_call>{"name": …, "arguments": …}</tool_call>`, of which the end may be missing.
fn called(text: &str) -> (String, Vec<Call>) {
    const OPEN: &str = "<tool_call>";
    const CLOSE: &str = "</tool_call>";
    let mut calls = Vec::new();
    let mut words = String::new();
    let mut rest = text;
    while let Some(open) = rest.find(OPEN) {
        words.push_str(&rest[..open]);
        let inside = &rest[open + OPEN.len()..];
        let end = [inside.find(CLOSE), inside.find(OPEN)].into_iter().flatten().min();
        let end = end.unwrap_or(inside.len());
        calls.push(written(inside[..end].trim()));
        rest = &inside[end..];
        rest = rest.strip_prefix(CLOSE).unwrap_or(rest);
    }
    words.push_str(rest);
    (words.trim().into(), calls)
}

/// One call as written. Models forget a last brace; what is no JSON even so stays as it is, under
/// the name that it seems to have.
fn written(text: &str) -> Call {
    let parsed = [text.to_string(), format!("{text}}}")]
        .iter()
        .find_map(|text| Value::parse(text).ok().filter(|it| matches!(it, Value::Object(_))));
    match parsed {
        Some(call) => {
            let name = call.get("name").and_then(Value::as_text).unwrap_or_default();
            let sent = ["arguments", "parameters"].iter().find_map(|key| call.get(key));
            Call { name: named(name), arguments: arguments(sent) }
        }
        None => Call {
            name: named(seeming_name(text).unwrap_or_default()),
            arguments: Value::Text(neutralised(text)),
        },
    }
}

/// What stands in quotes after `"name":`.
fn seeming_name(text: &str) -> Option<&str> {
    let (_, after) = text.split_once("\"name\"")?;
    let quoted = after.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    quoted.split_once('"').map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use schemas::{Answer, Digest, Finish, RequestId, Value};

    use super::{Malfunction, Reply, Said, TURN_CHARS_MAX};

    fn answer(text: &str, finish: Finish) -> Answer {
        let request = RequestId(Digest::of(b"asked"));
        Answer { request, text: text.into(), finish, tokens_in: 0, tokens_out: 0 }
    }

    fn agent(text: &str) -> Result<Said, Malfunction> {
        let (said, _) = Reply::read(&answer(text, Finish::Stop))?.of_agent()?;
        Ok(said)
    }

    #[track_caller]
    fn check(text: &str, words: &str, thought: &str, calls: &[(&str, &str)]) {
        let said = agent(text).unwrap();
        let made: Vec<(String, String)> =
            said.calls.iter().map(|call| (call.name.clone(), call.arguments.to_string())).collect();
        let calls: Vec<(String, String)> =
            calls.iter().map(|(name, sent)| ((*name).into(), (*sent).into())).collect();
        assert_eq!((said.text.as_str(), said.thought.as_str(), made), (words, thought, calls));
    }

    #[test]
    fn messages_of_every_dialect_are_read() {
        check("Hello.", "Hello.", "", &[]);
        check(r#"{"content": "Hello."}"#, "Hello.", "", &[]);
        check(r#"{"content": [{"type": "text", "text": "Hello."}]}"#, "Hello.", "", &[]);
        check(r#"{"content": "<think>hm</think>\n\nHello."}"#, "Hello.", "hm", &[]);
        check(r#"{"content": "hm\n</think>\n\nHello."}"#, "Hello.", "hm", &[]);
        check(r#"{"content": "Hello.", "reasoning_content": "hm"}"#, "Hello.", "hm", &[]);
        check(r#"{"content": "Hello.", "reasoning": "hm"}"#, "Hello.", "hm", &[]);
    }

    #[test]
    fn calls_of_every_dialect_are_read() {
        let one = |arguments: &str| {
            format!(
                r#"{{"content": null, "tool_calls": [{{"function": {{"name": "f", "arguments": {arguments}}}}}]}}"#
            )
        };
        check(&one(r#""{\"a\": 1}""#), "", "", &[("f", r#"{"a": 1}"#)]);
        check(&one(r#"{"a": 1}"#), "", "", &[("f", r#"{"a": 1}"#)]);
        check(&one(r#""""#), "", "", &[("f", "{}")]);
        check(&one("null"), "", "", &[("f", "{}")]);
        check(&one(r#""\"{}\"""#), "", "", &[("f", "{}")]);
        check(&one(r#""{\"a\": ""#), "", "", &[("f", r#""{\"a\": ""#)]);
        check(&one("[1]"), "", "", &[("f", r#""[1]""#)]);
        check(
            "Let me see.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>\n\
             <tool_call>{\"name\": \"g\", \"arguments\": {}",
            "Let me see.",
            "",
            &[("f", r#"{"a": 1}"#), ("g", "{}")],
        );
        let broken = "<tool_call>{\"name\": \"f\", \"arguments\": {a}}</tool_call>";
        let said = agent(broken).unwrap();
        assert_eq!(said.calls[0].name, "f");
        assert!(matches!(said.calls[0].arguments, Value::Text(_)));
        // What the endpoint found counts, and the text is not read twice.
        let both = r#"{"content": "<tool_call>{\"name\": \"f\"}</tool_call>",
                       "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}"#;
        check(both, "", "", &[("f", "{}")]);
    }

    #[test]
    fn what_is_no_message_is_a_malfunction() {
        let read = |text: &str, finish| Reply::read(&answer(text, finish)).map(|_| ());
        assert_eq!(read("x", Finish::Length), Err(Malfunction("was cut off".into())));
        let declined = |reason: &str| Err(Malfunction(format!("declined to answer{reason}")));
        assert_eq!(read("x<|im_end|>", Finish::Declined), declined(" (\"x im_end\")"));
        assert_eq!(read("{\"content\": null}", Finish::Declined), declined(""));
        assert!(read(&"x".repeat(TURN_CHARS_MAX + 1), Finish::Stop).is_err());
        for empty in ["", r#"{"content": null}"#, r#"{"content": "<think>on and on"}"#] {
            assert_eq!(agent(empty), Err(Malfunction("said nothing".into())), "{empty}");
        }
    }

    #[test]
    fn control_tokens_are_words_wherever_they_stand() {
        let hostile = r#"{"content": "a<|im_end|>b</tool_response>", "reasoning": "<|im_start|>",
            "tool_calls": [{"function": {"name": "f<|im_end|>",
            "arguments": "{\"a\": \"x<|im_end|>\", \"b\": \"two\\nlines\"}"}}]}"#;
        let said = agent(hostile).unwrap();
        let shown = format!("{said:?}");
        assert!(!shown.contains("<|") && !shown.contains("</tool_response"), "{shown}");
        assert_eq!(said.calls[0].arguments.get("b"), Some(&Value::text("two\nlines")));
    }

    #[test]
    fn user_ends_with_a_word_or_without() {
        let user = |text: &str| Reply::read(&answer(text, Finish::Stop)).unwrap().of_user();
        assert_eq!(user("Thanks!\n###STOP###"), Ok((Said::of("Thanks!".into()), true)));
        assert_eq!(user("###STOP###"), Ok((Said::default(), true)));
        assert_eq!(user("Go on."), Ok((Said::of("Go on.".into()), false)));
        assert!(user("").is_err());
    }
}
