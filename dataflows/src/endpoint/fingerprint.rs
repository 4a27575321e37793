//! Fingerprints: what was sent, by a digest that two spellings of the same share.

use serde_json::{Value as Json, json};

use schemas::{Digest, Purpose, Request};

use super::wire::{Spelling, body};

/// The fingerprint of what is sent for a request.
///
/// # Panics
///
/// Never: what is sent has a fingerprint.
pub fn sent(request: &Request) -> Digest {
    if request.purpose == Purpose::Embed {
        let text = request.messages.first().map_or("", |message| message.content.as_str());
        return embedding(&request.model, text);
    }
    let body: Json =
        serde_json::from_slice(&body(request, Spelling::MaxTokens)).expect("a body is JSON");
    fingerprint(&body).expect("a body has a model and messages")
}

/// The fingerprint of one text of a call for embeddings.
pub fn embedding(model: &str, text: &str) -> Digest {
    Digest::of_parts(["embedding", model, text])
}

/// The fingerprint of the body of a call for a chat completion: everything in it that an answer
/// may depend on. Nothing if it is no such body.
pub fn fingerprint(body: &Json) -> Option<Digest> {
    let messages = body.get("messages")?.as_array()?;
    let messages: Vec<Json> = messages.iter().map(message).collect();
    let limit = ["max_tokens", "max_completion_tokens"].iter().find_map(|key| body.get(key));
    let temperature = body.get("temperature").and_then(Json::as_f64);
    let part = |key: &str| body.get(key).filter(|it| !it.is_null()).cloned();
    let parts = json!([
        body.get("model")?.as_str()?,
        messages,
        part("tools"),
        temperature.map(|temperature| format!("{temperature:.3}")),
        limit,
        part("response_format"),
        part("seed"),
    ]);
    Some(Digest::of_parts(["completion", &parts.to_string()]))
}

/// A message without what is spelled in several ways.
fn message(message: &Json) -> Json {
    let text = |json: Option<&Json>| match json {
        Some(Json::Array(parts)) => {
            parts.iter().filter_map(|part| part.get("text")?.as_str()).collect()
        }
        Some(json) => json.as_str().unwrap_or_default().to_string(),
        None => String::new(),
    };
    let calls = message.get("tool_calls").and_then(Json::as_array);
    let calls: Vec<Json> = calls
        .into_iter()
        .flatten()
        .map(|call| {
            let function = call.get("function");
            let part = |key: &str| text(function.and_then(|function| function.get(key)));
            json!([text(call.get("id")), part("name"), part("arguments")])
        })
        .collect();
    json!([
        text(message.get("role")),
        text(message.get("content")),
        calls,
        text(message.get("tool_call_id")),
    ])
}

#[cfg(test)]
mod tests {
    use schemas::{Prompt, PromptCall, PromptRole, Purpose, Request, ResponseFormat, Sampling};
    use serde_json::{Value as Json, json};

    use super::{fingerprint, sent};
    use crate::endpoint::wire::{Spelling, body};

    fn request() -> Request {
        let call = PromptCall { id: "call00001".into(), name: "f".into(), arguments: "{}".into() };
        let calling =
            Prompt { calls: vec![call], ..Prompt::said(PromptRole::Assistant, String::new()) };
        let answer = Prompt { answers: "call00001".into(), ..Prompt::said(PromptRole::Tool, "[]") };
        Request {
            purpose: Purpose::Agent,
            model: "small".into(),
            messages: vec![Prompt::said(PromptRole::User, "hi"), calling, answer],
            sampling: Sampling { temperature_permille: 700, tokens_max: 9 },
            format: ResponseFormat::Text,
            trial: 3,
            tools: vec!["{\"type\": \"function\"}".into()],
        }
    }

    #[test]
    fn spellings_of_the_same_share_a_fingerprint() {
        let bytes = body(&request(), Spelling::MaxCompletionTokens);
        let mut other: Json = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(fingerprint(&other), Some(sent(&request())));
        other["messages"][0]["content"] = json!([{"type": "text", "text": "hi"}]);
        other["messages"][1]["content"] = json!("");
        other["response_format"] = Json::Null;
        other["n"] = json!(1);
        assert_eq!(fingerprint(&other), Some(sent(&request())));
    }

    #[test]
    fn every_part_that_matters_changes_it() {
        let cases: [(&str, Json); 6] = [
            ("/model", json!("large")),
            ("/messages/1/tool_calls/0/function/arguments", json!("{\"a\": 1}")),
            ("/messages/2/tool_call_id", json!("other")),
            ("/tools/0/type", json!("tool")),
            ("/temperature", json!(0.701)),
            ("/seed", json!(4)),
        ];
        let bytes = body(&request(), Spelling::MaxTokens);
        for (pointer, value) in cases {
            let mut other: Json = serde_json::from_slice(&bytes).unwrap();
            *other.pointer_mut(pointer).unwrap() = value;
            assert_ne!(fingerprint(&other), Some(sent(&request())), "{pointer}");
        }
        assert_eq!(fingerprint(&json!({"model": "small"})), None);
    }
}
