//! Replaying: the recorded answers of a world, served as the endpoint that gave them would.
//!
//! Whoever builds from the same corpus by the same plan asks the same, and is answered the same,
//! without a model. What was never asked is not made up.

use std::collections::{BTreeMap, BTreeSet};

use operators::embed::numbers;
use schemas::{Answer, Digest, Finish, RequestId};
use serde_json::{Value as Json, json};

use crate::endpoint::{embedding, fingerprint, sent};
use crate::journal::{Asked, Exchange, Recorded};
use crate::store::{StoreError, World};

pub use self::http::{Reply, serve};

mod http;

/// Recorded answers, by what was asked.
///
/// Memory: some hundred bytes per answer; answers stay on the disk.
#[derive(Debug)]
pub struct Replay {
    recorded: Recorded,
    /// By the fingerprint of what was sent: the request, and whether it asks for a turn.
    asked: BTreeMap<Digest, (RequestId, bool)>,
    models: BTreeSet<String>,
}

impl Replay {
    /// Reads a world's journal.
    ///
    /// # Errors
    ///
    /// Fails if the journal cannot be read.
    pub fn read(world: &World) -> Result<Replay, StoreError> {
        let recorded = Recorded::read(world)?;
        let (mut asked, mut models) = (BTreeMap::new(), BTreeSet::new());
        recorded.each(&mut |exchange| {
            let Exchange { request, answer } = exchange;
            let (sent, purpose, model) = match request {
                Asked::Whole(request) => (sent(&request), request.purpose, request.model),
                Asked::Turn { purpose, model, sent, .. } => (sent, purpose, model),
            };
            // Of several answers to one question the first counts, as it does for a build.
            asked.entry(sent).or_insert((answer.request, purpose.is_turn()));
            models.insert(model);
        })?;
        Ok(Replay { recorded, asked, models })
    }

    /// How many questions have an answer.
    pub fn len(&self) -> usize {
        self.asked.len()
    }

    /// Whether nothing was ever answered.
    pub fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }

    /// The models that were asked.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        self.models.iter().map(String::as_str)
    }

    /// What an endpoint answers to a call.
    pub fn answer(&self, method: &str, path: &str, body: &[u8]) -> Reply {
        let path = path.split('?').next().unwrap_or_default();
        let path = path.trim_end_matches('/');
        let path = path.strip_prefix("/v1").unwrap_or(path);
        match (method, path) {
            ("GET", "/models") => {
                let models = self.models.iter().map(|model| {
                    json!({"id": model, "object": "model", "created": 0, "owned_by": "journal"})
                });
                Reply::json(200, &json!({"object": "list", "data": models.collect::<Vec<_>>()}))
            }
            ("POST", "/chat/completions" | "/embeddings") => {
                let Ok(body) = serde_json::from_slice::<Json>(body) else {
                    return refusal(400, "invalid_request", "the body is no JSON");
                };
                match path {
                    "/embeddings" => self.embeddings(&body),
                    _ => self.completion(&body),
                }
            }
            (_, "/models" | "/chat/completions" | "/embeddings") => {
                refusal(405, "method_not_allowed", "models are read, the others are posted to")
            }
            _ => refusal(
                404,
                "not_found",
                "there are /v1/models, /v1/chat/completions and \
                 /v1/embeddings",
            ),
        }
    }

    fn completion(&self, body: &Json) -> Reply {
        if body.get("stream").and_then(Json::as_bool) == Some(true) {
            return refusal(400, "unsupported", "recorded answers are not streamed");
        }
        let Some(fingerprint) = fingerprint(body) else {
            return refusal(400, "invalid_request", "the body has no model or no messages");
        };
        let model = body.get("model").and_then(Json::as_str).unwrap_or_default();
        match self.find(fingerprint) {
            Ok(Some((answer, is_turn))) => completion(&answer, is_turn, model),
            Ok(None) => unknown(model),
            Err(error) => refusal(500, "journal", &error.to_string()),
        }
    }

    fn embeddings(&self, body: &Json) -> Reply {
        let model = body.get("model").and_then(Json::as_str).unwrap_or_default();
        let texts: Option<Vec<&str>> = match body.get("input") {
            Some(Json::String(text)) => Some(vec![text]),
            Some(Json::Array(texts)) => texts.iter().map(Json::as_str).collect(),
            _ => None,
        };
        let Some(texts) = texts else {
            return refusal(400, "invalid_request", "the input is no text and no list of texts");
        };
        let is_base64 = body.get("encoding_format").and_then(Json::as_str) == Some("base64");
        let mut data = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let answer = match self.find(embedding(model, text)) {
                Ok(Some((answer, _))) => answer,
                Ok(None) => return unknown(model),
                Err(error) => return refusal(500, "journal", &error.to_string()),
            };
            let vector = match (answer.finish, numbers(&answer.text)) {
                (Finish::Stop, Ok(_)) if is_base64 => json!(answer.text),
                (Finish::Stop, Ok(vector)) => json!(vector),
                (Finish::Declined, _) => return refusal(400, "content_filter", &answer.text),
                _ => return refusal(400, "context_length_exceeded", &answer.text),
            };
            data.push(json!({"object": "embedding", "index": index, "embedding": vector}));
        }
        Reply::json(
            200,
            &json!({"object": "list", "model": model, "data": data,
                    "usage": {"prompt_tokens": 0, "total_tokens": 0}}),
        )
    }

    fn find(&self, sent: Digest) -> Result<Option<(Answer, bool)>, StoreError> {
        let Some((request, is_turn)) = self.asked.get(&sent) else { return Ok(None) };
        Ok(self.recorded.answer(*request)?.map(|answer| (answer, *is_turn)))
    }
}

/// An answer as the endpoint gave it.
fn completion(answer: &Answer, is_turn: bool, model: &str) -> Reply {
    let whole: Option<Json> =
        serde_json::from_str(&answer.text).ok().filter(|it: &Json| is_turn && it.is_object());
    let message = match (whole, answer.finish) {
        (Some(message), _) => message,
        // The endpoint's own words in the place of an answer.
        (None, Finish::Declined) if is_turn => {
            json!({"role": "assistant", "content": null, "refusal": answer.text})
        }
        (None, _) => json!({"role": "assistant", "content": answer.text}),
    };
    let calls = message.get("tool_calls").and_then(Json::as_array);
    let reason = match answer.finish {
        Finish::Stop if calls.is_some_and(|calls| !calls.is_empty()) => "tool_calls",
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::Declined => "content_filter",
    };
    let total = answer.tokens_in.saturating_add(answer.tokens_out);
    Reply::json(
        200,
        &json!({
            "id": format!("chatcmpl-{}", answer.request),
            "object": "chat.completion", "created": 0, "model": model,
            "choices": [{"index": 0, "message": message, "finish_reason": reason}],
            "usage": {"prompt_tokens": answer.tokens_in, "completion_tokens": answer.tokens_out,
                      "total_tokens": total},
        }),
    )
}

fn unknown(model: &str) -> Reply {
    let said = format!(
        "this question to model \"{model}\" was never recorded: another corpus, plan or version of \
         the program asks something else"
    );
    refusal(404, "not_recorded", &said)
}

fn refusal(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(status, &json!({"error": {"message": message, "type": code, "code": code}}))
}
