//! What goes over the wire: a request as the chat completions API takes it, and what comes back.

use std::time::Duration;

use serde_json::{Value as Json, json};

use schemas::{Answer, Finish, Prompt, PromptRole, Request, ResponseFormat};

/// Longest part of an endpoint's message that is told, in characters.
const MESSAGE_CHARS_MAX: usize = 300;

/// Error codes by which endpoints say that their filter declined.
const DECLINED: [&str; 3] = ["content_filter", "content_policy_violation", "invalid_prompt"];

/// Error codes by which endpoints say that a request is longer than the model's context.
const TOO_LONG: [&str; 2] = ["context_length_exceeded", "string_above_max_length"];

/// What came of one call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Heard {
    /// The model's word on everything that was asked, in order, and the tokens of question and
    /// answer where they are not the answers' own.
    Answers { answers: Vec<Answer>, tokens: (u64, u64) },
    /// Something in what was asked cannot be answered, and it is not said what.
    Unfit(String),
    /// The endpoint was too busy, and perhaps said when to come again.
    Busy { reason: String, wait: Option<Duration> },
    /// Something that may pass.
    Transient(String),
    /// Something that will not pass by itself.
    Permanent { status: u16, reason: String },
}

/// How the greatest number of tokens is spelled: newer models of one provider know another name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Spelling {
    /// `max_tokens`, as nearly all endpoints do.
    MaxTokens,
    /// `max_completion_tokens`.
    MaxCompletionTokens,
}

/// The body of a call.
pub(super) fn body(request: &Request, spelling: Spelling) -> Vec<u8> {
    let messages: Vec<Json> = request.messages.iter().map(message_json).collect();
    let temperature = f64::from(request.sampling.temperature_permille) / 1_000.0;
    let mut body = json!({
        "model": request.model,
        "messages": messages,
        "temperature": temperature,
        "stream": false,
    });
    let limit = match spelling {
        Spelling::MaxTokens => "max_tokens",
        Spelling::MaxCompletionTokens => "max_completion_tokens",
    };
    body[limit] = json!(request.sampling.tokens_max);
    if request.format == ResponseFormat::JsonObject {
        body["response_format"] = json!({"type": "json_object"});
    }
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| serde_json::from_str::<Json>(tool));
        let tools: Result<Vec<Json>, _> = tools.collect();
        body["tools"] = tools.expect("tools were made as JSON").into();
    }
    // Not every endpoint knows seeds, so only another asking of the same has one.
    if 0 < request.trial {
        body["seed"] = json!(request.trial);
    }
    serde_json::to_vec(&body).expect("a body has string keys")
}

/// A message as the chat completions API takes it.
fn message_json(message: &Prompt) -> Json {
    let role = match message.role {
        PromptRole::System => "system",
        PromptRole::User => "user",
        PromptRole::Assistant => "assistant",
        PromptRole::Tool => "tool",
    };
    let mut json = json!({"role": role, "content": message.content});
    if !message.calls.is_empty() {
        let calls = message.calls.iter().map(|call| {
            json!({"id": call.id, "type": "function",
                   "function": {"name": call.name, "arguments": call.arguments}})
        });
        json["tool_calls"] = calls.collect();
        // Some templates show an empty text, which the model then learns to write.
        if message.content.is_empty() {
            json["content"] = Json::Null;
        }
    }
    if message.role == PromptRole::Tool {
        json["tool_call_id"] = json!(message.answers);
    }
    json
}

/// What a response says. `wait` is what its `Retry-After` asks for.
pub(super) fn heard(request: &Request, status: u16, wait: Option<Duration>, bytes: &[u8]) -> Heard {
    let json: Option<Json> = serde_json::from_slice(bytes).ok();
    let told = json.as_ref().and_then(|json| json.get("error").filter(|error| !error.is_null()));
    if status == 200 && told.is_none() {
        return match json.as_ref().and_then(|json| answer(request, json)) {
            Some(answer) => alone(answer),
            None => Heard::Transient(format!(
                "it answered {} bytes that are no chat completion",
                bytes.len()
            )),
        };
    }
    match failed(status, wait, json.as_ref(), bytes) {
        Failed::Declined(text) => alone(verdict(request, text, Finish::Declined)),
        Failed::TooLong(text) => alone(verdict(request, text, Finish::Length)),
        // The endpoint took the conversation until a model had spoken in it: what it now refuses is
        // what was said, and asking the same again will not help.
        Failed::Otherwise(Heard::Permanent { status: 400 | 413 | 422, reason })
            if request.messages.iter().any(|it| it.role == PromptRole::Assistant) =>
        {
            alone(verdict(request, reason, Finish::Declined))
        }
        Failed::Otherwise(heard) => heard,
    }
}

/// One answer to one request, with its own tokens.
fn alone(answer: Answer) -> Heard {
    let tokens = (answer.tokens_in, answer.tokens_out);
    Heard::Answers { answers: vec![answer], tokens }
}

/// The endpoint's verdict on a request in the place of an answer.
pub(super) fn verdict(request: &Request, text: String, finish: Finish) -> Answer {
    Answer { request: request.id(), text, finish, tokens_in: 0, tokens_out: 0 }
}

/// What a response that is no answer means.
pub(super) enum Failed {
    /// A filter declined, with its message.
    Declined(String),
    /// What was asked is longer than the model's context, with the endpoint's message.
    TooLong(String),
    /// It is of the call and not of what was asked.
    Otherwise(Heard),
}

/// Tells failures apart.
pub(super) fn failed(
    status: u16,
    wait: Option<Duration>,
    json: Option<&Json>,
    bytes: &[u8],
) -> Failed {
    let told = json.and_then(|json| json.get("error").filter(|error| !error.is_null()));
    let reason = message(status, json, bytes);
    let code = told.map(|error| {
        let text = |key: &str| error.get(key).and_then(Json::as_str).unwrap_or_default();
        [text("code"), text("type")]
    });
    let is = |codes: &[&str]| code.is_some_and(|code| code.iter().any(|it| codes.contains(it)));
    Failed::Otherwise(match status {
        // Some gateways pass errors on in a response that says all is well.
        200 | 408 | 409 | 425 => Heard::Transient(reason),
        // No credit is left: waiting does not bring it back.
        429 if is(&["insufficient_quota"]) => Heard::Permanent { status, reason },
        429 | 503 | 529 => Heard::Busy { reason, wait },
        500..=599 => Heard::Transient(reason),
        400 | 422 if is(&DECLINED) => return Failed::Declined(reason),
        400 | 413 | 422 if is(&TOO_LONG) => return Failed::TooLong(reason),
        _ => Heard::Permanent { status, reason },
    })
}

fn answer(request: &Request, json: &Json) -> Option<Answer> {
    let choice = json.get("choices")?.get(0)?;
    let message = choice.get("message")?;
    let refusal = message.get("refusal").and_then(Json::as_str).filter(|it| !it.is_empty());
    let text = match message.get("content") {
        Some(Json::String(text)) => text.clone(),
        Some(Json::Array(parts)) => {
            parts.iter().filter_map(|part| part.get("text")?.as_str()).collect()
        }
        Some(Json::Null) | None => String::new(),
        Some(_) => return None,
    };
    let finish = match choice.get("finish_reason").and_then(Json::as_str) {
        Some("length" | "max_tokens") => Finish::Length,
        Some("content_filter" | "refusal") => Finish::Declined,
        _ if refusal.is_some() => Finish::Declined,
        _ => Finish::Stop,
    };
    let tokens = |key: &str| {
        json.get("usage").and_then(|usage| usage.get(key)).and_then(Json::as_u64).unwrap_or(0)
    };
    let text = if request.purpose.is_turn() { message.to_string() } else { text };
    Some(Answer {
        request: request.id(),
        text: refusal.map_or(text, String::from),
        finish,
        tokens_in: tokens("prompt_tokens"),
        tokens_out: tokens("completion_tokens"),
    })
}

/// What an endpoint says is wrong, bounded.
pub(super) fn message(status: u16, json: Option<&Json>, bytes: &[u8]) -> String {
    let said = json.and_then(|json| {
        let error = json.get("error").unwrap_or(json);
        let text = ["message", "detail"].iter().find_map(|key| error.get(key)?.as_str());
        text.or(error.as_str()).map(String::from)
    });
    let said = said.unwrap_or_else(|| {
        let start = &bytes[..bytes.len().min(4 * MESSAGE_CHARS_MAX)];
        String::from_utf8_lossy(start).into_owned()
    });
    let line = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let excerpt: String = line.chars().take(MESSAGE_CHARS_MAX).collect();
    match excerpt.is_empty() {
        true => format!("it answered with status {status}"),
        false => format!("it answered with status {status}: {excerpt}"),
    }
}

/// What `Retry-After`, in seconds, or its finer kin in milliseconds asks for.
pub(super) fn retry_after(seconds: Option<&str>, milliseconds: Option<&str>) -> Option<Duration> {
    let number = |text: Option<&str>| text?.trim().parse::<f64>().ok();
    let wait = match number(milliseconds) {
        Some(milliseconds) => milliseconds / 1_000.0,
        None => number(seconds)?,
    };
    Duration::try_from_secs_f64(wait).ok()
}

/// The models that an endpoint lists, if it does.
pub(super) fn listed(bytes: &[u8]) -> Option<Vec<String>> {
    let json: Json = serde_json::from_slice(bytes).ok()?;
    let models = json.get("data")?.as_array()?;
    Some(models.iter().filter_map(|model| Some(model.get("id")?.as_str()?.to_string())).collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use schemas::{Finish, Prompt, PromptRole, Purpose, Request, ResponseFormat, Sampling};
    use serde_json::{Value as Json, json};

    use super::{Heard, Spelling, body, heard, listed, retry_after};

    fn request() -> Request {
        Request {
            purpose: Purpose::Describe,
            model: "small".into(),
            messages: vec![Prompt::said(PromptRole::User, "\"}\n")],
            sampling: Sampling { temperature_permille: 700, tokens_max: 9 },
            format: ResponseFormat::JsonObject,
            trial: 0,
            tools: Vec::new(),
        }
    }

    fn said(message: &Json, finish: &str) -> Heard {
        let json = json!({
            "choices": [{"message": message, "finish_reason": finish}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 7}
        });
        heard(&request(), 200, None, json.to_string().as_bytes())
    }

    #[test]
    fn body_says_what_the_request_says() {
        let sent: Json = serde_json::from_slice(&body(&request(), Spelling::MaxTokens)).unwrap();
        assert_eq!(
            sent,
            json!({"model": "small", "messages": [{"role": "user", "content": "\"}\n"}],
                   "temperature": 0.7, "stream": false, "max_tokens": 9,
                   "response_format": {"type": "json_object"}})
        );
        let again = Request { trial: 2, format: ResponseFormat::Text, ..request() };
        let sent_again: Json =
            serde_json::from_slice(&body(&again, Spelling::MaxCompletionTokens)).unwrap();
        assert_eq!(
            (&sent_again["seed"], &sent_again["max_completion_tokens"]),
            (&json!(2), &json!(9))
        );
        assert!(sent_again.get("response_format").is_none());
    }

    #[test]
    fn completions_of_every_dialect_are_read() {
        let cases = [
            (json!({"content": "yes"}), "stop", "yes", Finish::Stop),
            (
                json!({"content": [{"type": "text", "text": "y"}, {"text": "es"}]}),
                "stop",
                "yes",
                Finish::Stop,
            ),
            (json!({"content": null, "refusal": "no"}), "stop", "no", Finish::Declined),
            (json!({"content": "ye"}), "length", "ye", Finish::Length),
            (json!({"content": ""}), "content_filter", "", Finish::Declined),
        ];
        for (message, finish, text, expected) in cases {
            let Heard::Answers { answers, tokens } = said(&message, finish) else {
                panic!("{message}")
            };
            assert_eq!(tokens, (5, 7));
            let answer = &answers[0];
            assert_eq!((answer.text.as_str(), answer.finish), (text, expected));
            assert_eq!((answer.tokens_in, answer.tokens_out), (5, 7));
            assert_eq!(answer.request, request().id());
        }
    }

    #[test]
    fn failures_are_told_apart() {
        let error = |code: &str| json!({"error": {"message": "m", "code": code}}).to_string();
        let of = |status: u16, text: &str| heard(&request(), status, None, text.as_bytes());
        for (status, text) in
            [(200, "{\"choices\": []}"), (200, "{\"ch"), (200, ""), (500, "x"), (408, "")]
        {
            assert!(matches!(of(status, text), Heard::Transient(_)), "{status} {text}");
        }
        assert!(matches!(of(200, &error("overloaded")), Heard::Transient(_)));
        for status in [429, 503] {
            assert!(matches!(of(status, ""), Heard::Busy { .. }));
        }
        for status in [301, 400, 401, 403, 404, 422] {
            assert!(matches!(of(status, &error("no")), Heard::Permanent { .. }), "{status}");
        }
        assert!(matches!(of(429, &error("insufficient_quota")), Heard::Permanent { .. }));
        let finish = |heard: Heard| match heard {
            Heard::Answers { answers, .. } => answers[0].finish,
            other => panic!("{other:?}"),
        };
        assert_eq!(finish(of(400, &error("content_filter"))), Finish::Declined);
        assert_eq!(finish(of(400, &error("context_length_exceeded"))), Finish::Length);
        let Heard::Permanent { reason, .. } = of(400, &error("x")) else { panic!() };
        assert_eq!(reason, "it answered with status 400: m");
        let Heard::Permanent { reason: page, .. } = of(404, &"<html> ".repeat(999)) else {
            panic!()
        };
        assert!(page.chars().count() < 400);
    }

    #[test]
    fn waits_and_models_are_read() {
        assert_eq!(retry_after(Some("2"), None), Some(Duration::from_secs(2)));
        assert_eq!(retry_after(Some("2"), Some("150")), Some(Duration::from_millis(150)));
        assert_eq!(retry_after(Some("-1"), None), None);
        assert_eq!(retry_after(Some("Wed, 21 Oct 2015 07:28:00 GMT"), None), None);
        assert_eq!(retry_after(Some("1e300"), None), None);
        assert_eq!(listed(b"{\"data\": [{\"id\": \"a\"}, {}]}"), Some(vec!["a".to_string()]));
        assert_eq!(listed(b"<html>"), None);
    }
}
