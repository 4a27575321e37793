//! A chat completion: what a client asks, and what it is told.

use std::panic::{AssertUnwindSafe, catch_unwind};

use schemas::Digest;
use serde_json::{Map, Value, json};

use super::http::Fault;
use crate::assistant::Assistant;
use crate::calls::Turn;
use crate::generation::{Choice, Said, Stop};
use crate::template::Conversation;

/// Tokens of an answer, unless asked otherwise.
const TOKENS: usize = 1024;

/// What a client asks.
#[derive(Debug, PartialEq)]
pub(super) struct Asked {
    conversation: Conversation,
    most: usize,
    choice: Choice,
}

/// Reads the body of a request.
///
/// What would change the answer and is not done here is refused by name, never ignored.
pub(super) fn parse(body: &[u8]) -> Result<Asked, Fault> {
    let wrong = |reason: &str| Fault::new(400, reason);
    let body: Value = serde_json::from_slice(body)
        .map_err(|error| wrong(&format!("the body is no JSON: {error}")))?;
    let given = |key: &str| body.get(key).filter(|value| !value.is_null());
    if given("n").is_some_and(|n| *n != 1) {
        return Err(wrong("\"n\" must be 1"));
    }
    for key in ["stop", "logit_bias", "response_format", "functions", "function_call"] {
        if given(key).is_some() {
            return Err(wrong(&format!("\"{key}\" is not supported")));
        }
    }
    let tools = match given("tool_choice").and_then(Value::as_str) {
        Some("none") => Vec::new(),
        None | Some("auto") => list(given("tools"), "tools")?,
        Some(_) => return Err(wrong("\"tool_choice\" must be \"auto\" or \"none\"")),
    };
    if given("tool_choice").is_some_and(|choice| !choice.is_string()) {
        return Err(wrong("\"tool_choice\" must be \"auto\" or \"none\""));
    }
    let messages = list(given("messages"), "messages")?;
    if messages.is_empty() {
        return Err(wrong("\"messages\" is missing or empty"));
    }
    let messages = messages.iter().enumerate().map(message).collect::<Result<_, _>>()?;
    let number = |key: &str, default: f64, high: f64| match given(key) {
        None => Ok(default),
        Some(value) => value
            .as_f64()
            .filter(|number| (0.0..=high).contains(number))
            .ok_or_else(|| wrong(&format!("\"{key}\" must be a number from 0 to {high}"))),
    };
    let temperature = number("temperature", 0.0, 2.0)?;
    let nucleus = number("top_p", 1.0, 1.0)?;
    let seed = given("seed").map_or(Some(0), Value::as_u64);
    let seed = seed.ok_or_else(|| wrong("\"seed\" must be a whole number"))?;
    let most = given("max_completion_tokens").or_else(|| given("max_tokens"));
    let most = most.map_or(Some(TOKENS as u64), Value::as_u64);
    let most = most
        .and_then(|most| usize::try_from(most).ok())
        .filter(|most| 0 < *most)
        .ok_or_else(|| wrong("\"max_tokens\" must be a whole number above 0"))?;
    let choice = match temperature {
        0.0 => Choice::Greedy,
        _ => Choice::Drawn { temperature, nucleus, seed },
    };
    Ok(Asked { conversation: Conversation { messages, tools }, most, choice })
}

fn list(value: Option<&Value>, key: &str) -> Result<Vec<Value>, Fault> {
    match value {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) if items.iter().all(Value::is_object) => Ok(items.clone()),
        Some(_) => Err(Fault::new(400, format!("\"{key}\" must be a list of objects"))),
    }
}

/// A message as templates take it: content is text, arguments are objects.
fn message((place, given): (usize, &Value)) -> Result<Value, Fault> {
    let wrong = |reason: &str| Fault::new(400, format!("message {place}: {reason}"));
    let role = match given["role"].as_str() {
        Some("developer") => "system",
        Some(role @ ("system" | "user" | "assistant" | "tool")) => role,
        _ => return Err(wrong("\"role\" is none of system, user, assistant and tool")),
    };
    let mut made = Map::new();
    made.insert("role".into(), role.into());
    made.insert("content".into(), content(&given["content"]).map_err(wrong)?.into());
    for key in ["name", "reasoning_content"] {
        if let Some(text) = given[key].as_str() {
            made.insert(key.into(), text.into());
        }
    }
    let calls = list(given.get("tool_calls").filter(|it| !it.is_null()), "tool_calls")?;
    let calls: Vec<Value> = calls
        .iter()
        .map(|call| {
            let function = &call["function"];
            let arguments = match &function["arguments"] {
                Value::String(text) => serde_json::from_str(text)
                    .map_err(|_error| wrong("the arguments of a call are no JSON"))?,
                other => other.clone(),
            };
            let name = function["name"].as_str().ok_or_else(|| wrong("a call has no name"))?;
            Ok(json!({"type": "function", "function": {"name": name, "arguments": arguments}}))
        })
        .collect::<Result<_, Fault>>()?;
    if !calls.is_empty() {
        made.insert("tool_calls".into(), calls.into());
    }
    Ok(Value::Object(made))
}

/// Text as it is, or the texts of a list of parts.
fn content(value: &Value) -> Result<String, &'static str> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text.clone()),
        Value::Array(parts) => {
            parts.iter().map(|part| part["text"].as_str().ok_or("only text is read")).collect()
        }
        _ => Err("\"content\" is no text"),
    }
}

/// Answers.
pub(super) fn complete(assistant: &Assistant, asked: &Asked, name: &str) -> Result<Value, Fault> {
    let answered = catch_unwind(AssertUnwindSafe(|| {
        assistant.answer(&asked.conversation, asked.most, asked.choice)
    }));
    match answered {
        Ok(Ok((turn, said))) => Ok(body(&turn, &said, name)),
        Ok(Err(error)) => Err(Fault::new(400, error.to_string())),
        Err(_panic) => Err(Fault::new(500, "the device gave up on this request")),
    }
}

fn body(turn: &Turn, said: &Said, name: &str) -> Value {
    let bytes: Vec<u8> = said.tokens.iter().flat_map(|token| token.to_le_bytes()).collect();
    let id = Digest::of(&bytes).short();
    let mut message = json!({"role": "assistant", "content": turn.content});
    if !turn.thought.is_empty() {
        message["reasoning_content"] = turn.thought.clone().into();
    }
    if !turn.calls.is_empty() {
        let calls = turn.calls.iter().enumerate().map(|(place, call)| {
            json!({"id": format!("call_{id}_{place}"), "type": "function", "function": {
                "name": call.name, "arguments": call.arguments.to_string()}})
        });
        message["tool_calls"] = calls.collect();
        if turn.content.is_empty() {
            message["content"] = Value::Null;
        }
    }
    let finish = match (said.stop, turn.calls.is_empty()) {
        (Stop::Length, _) => "length",
        (Stop::Ended, true) => "stop",
        (Stop::Ended, false) => "tool_calls",
    };
    json!({
        "id": format!("chatcmpl-{id}"), "object": "chat.completion", "created": 0, "model": name,
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish}],
        "usage": {
            "prompt_tokens": said.prompt, "completion_tokens": said.tokens.len(),
            "total_tokens": said.prompt + said.tokens.len(),
        },
    })
}

/// A completion as the pieces of a stream: all of what is said, then why it ended.
pub(super) fn chunks(body: &Value) -> Vec<Value> {
    let chunk = |delta: Value, finish: Value| {
        json!({
            "id": body["id"], "object": "chat.completion.chunk", "created": 0,
            "model": body["model"],
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        })
    };
    let choice = &body["choices"][0];
    let mut delta = choice["message"].clone();
    if let Some(calls) = delta.get_mut("tool_calls").and_then(Value::as_array_mut) {
        for (place, call) in calls.iter_mut().enumerate() {
            call["index"] = place.into();
        }
    }
    vec![chunk(delta, Value::Null), chunk(json!({}), choice["finish_reason"].clone())]
}
