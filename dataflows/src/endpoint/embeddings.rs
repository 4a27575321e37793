//! Embeddings over the wire: several texts in one call, and their vectors.

use std::time::Duration;

use serde_json::{Value as Json, json};

use operators::embed::{numbers, text};
use schemas::{Answer, Finish, Purpose, Request};

use super::wire::{Failed, Heard, failed, verdict};

/// Most texts in one call: what servers take that are not configured to take more.
const BATCH_MAX: usize = 32;

/// Longest beginning of a text that is told, in characters.
const ABOUT_CHARS_MAX: usize = 60;

/// By what phrases endpoints that give no code say that a text is longer than the model reads.
const TOO_LONG: [&str; 4] =
    ["maximum context length", "context size", "must have less than", "too many tokens"];

/// The requests in the order given, those that one call can ask together.
pub(super) fn batches(requests: &[Request]) -> Vec<&[Request]> {
    let together = |one: &Request, other: &Request| {
        one.purpose == Purpose::Embed && other.purpose == Purpose::Embed && one.model == other.model
    };
    requests.chunk_by(together).flat_map(|alike| alike.chunks(BATCH_MAX)).collect()
}

/// The body of a call.
pub(super) fn body(batch: &[Request]) -> Vec<u8> {
    let texts: Vec<&str> = batch.iter().map(said).collect();
    let body = json!({"model": batch[0].model, "input": texts});
    serde_json::to_vec(&body).expect("a body has string keys")
}

/// What a response says. `wait` is what its `Retry-After` asks for.
pub(super) fn heard(batch: &[Request], status: u16, wait: Option<Duration>, bytes: &[u8]) -> Heard {
    let json: Option<Json> = serde_json::from_slice(bytes).ok();
    let told = json.as_ref().and_then(|json| json.get("error").filter(|error| !error.is_null()));
    if status == 200 && told.is_none() {
        let json = json.as_ref().ok_or_else(|| format!("{} bytes that are no JSON", bytes.len()));
        return match json.and_then(|json| vectors(batch.len(), json).map(|it| (json, it))) {
            Ok((json, vectors)) => Heard::Answers {
                answers: batch.iter().zip(&vectors).map(|(it, vector)| point(it, vector)).collect(),
                tokens: tokens(json),
            },
            Err(reason) => Heard::Transient(format!("it answered {reason}")),
        };
    }
    let one = |text, finish| match batch {
        [request] => {
            Heard::Answers { answers: vec![verdict(request, text, finish)], tokens: (0, 0) }
        }
        _ => Heard::Unfit(text),
    };
    match failed(status, wait, json.as_ref(), bytes) {
        Failed::Declined(text) => one(text, Finish::Declined),
        Failed::TooLong(text) => one(text, Finish::Length),
        Failed::Otherwise(Heard::Permanent { status: 400 | 413 | 422, reason })
            if TOO_LONG.iter().any(|phrase| reason.contains(phrase)) =>
        {
            one(reason, Finish::Length)
        }
        Failed::Otherwise(heard) => heard,
    }
}

/// The vectors of a response, one for each text, in the order of the texts.
///
/// A number that is null is none: so do servers write what is no number. It is kept, and whoever
/// uses the vector refuses it.
fn vectors(texts: usize, json: &Json) -> Result<Vec<Vec<f32>>, String> {
    let data = json.get("data").and_then(Json::as_array);
    let data = data.ok_or("something that is no list of embeddings")?;
    if data.len() != texts {
        return Err(format!("{} embeddings to {texts} texts", data.len()));
    }
    let mut found: Vec<Option<Vec<f32>>> = vec![None; texts];
    for (place, one) in data.iter().enumerate() {
        let index = match one.get("index") {
            Some(index) => index.as_u64().and_then(|index| usize::try_from(index).ok()),
            None => Some(place),
        };
        let empty = index.and_then(|index| found.get_mut(index)).filter(|it| it.is_none());
        let empty = empty.ok_or("embeddings of which one has no text of its own")?;
        let vector = one.get("embedding").ok_or("something that holds no embedding")?;
        *empty = Some(vector_of(vector)?);
    }
    let vectors: Vec<Vec<f32>> = found.into_iter().flatten().collect();
    if let Some(odd) = vectors.iter().find(|vector| vector.len() != vectors[0].len()) {
        return Err(format!("embeddings of {} and {} numbers", vectors[0].len(), odd.len()));
    }
    Ok(vectors)
}

/// One vector, written out or as base64.
#[expect(clippy::cast_possible_truncation, reason = "models compute in 32 bits, or in fewer")]
fn vector_of(vector: &Json) -> Result<Vec<f32>, String> {
    let vector = match vector {
        Json::String(text) => numbers(text).map_err(|reason| format!("a vector that {reason}"))?,
        Json::Array(parts) => {
            let number = |part: &Json| match part {
                Json::Null => Some(f32::NAN),
                part => part.as_f64().map(|number| number as f32),
            };
            let parts: Option<Vec<f32>> = parts.iter().map(number).collect();
            parts.ok_or("a vector that is not of numbers")?
        }
        _ => return Err("a vector that is neither a list nor a text".into()),
    };
    if vector.is_empty() {
        return Err("an empty vector".into());
    }
    Ok(vector)
}

fn tokens(json: &Json) -> (u64, u64) {
    let usage = json.get("usage");
    let count = |key: &str| usage.and_then(|usage| usage.get(key)).and_then(Json::as_u64);
    (count("prompt_tokens").or(count("total_tokens")).unwrap_or(0), 0)
}

fn point(request: &Request, vector: &[f32]) -> Answer {
    let (request, finish) = (request.id(), Finish::Stop);
    Answer { request, text: text(vector), finish, tokens_in: 0, tokens_out: 0 }
}

/// How many numbers the vector of an answer has, if it is one.
pub(crate) fn width(request: &Request, answer: &Answer) -> Option<usize> {
    if request.purpose != Purpose::Embed || answer.finish != Finish::Stop {
        return None;
    }
    numbers(&answer.text).ok().map(|numbers| numbers.len())
}

/// How the text of a request begins: with the name of the tool.
pub(crate) fn about(request: &Request) -> String {
    let line = said(request).lines().next().unwrap_or_default();
    line.chars().take(ABOUT_CHARS_MAX).collect()
}

fn said(request: &Request) -> &str {
    request.messages.first().map_or("", |message| &message.content)
}

#[cfg(test)]
mod tests {
    use operators::embed::{numbers, text};
    use schemas::{Finish, Prompt, PromptRole, Purpose, Request, ResponseFormat, Sampling};
    use serde_json::{Value as Json, json};

    use super::{BATCH_MAX, Heard, about, batches, body, heard, width};

    fn request(content: &str) -> Request {
        Request {
            purpose: Purpose::Embed,
            model: "small".into(),
            messages: vec![Prompt::said(PromptRole::User, content)],
            sampling: Sampling { temperature_permille: 0, tokens_max: 0 },
            format: ResponseFormat::Text,
            trial: 0,
            tools: Vec::new(),
        }
    }

    #[test]
    fn requests_are_asked_together_up_to_a_bound() {
        let mut requests = vec![Request { purpose: Purpose::Describe, ..request("a") }; 2];
        requests.extend(vec![request("b"); BATCH_MAX + 1]);
        requests.push(Request { model: "large".into(), ..request("b") });
        let lengths: Vec<usize> = batches(&requests).iter().map(|batch| batch.len()).collect();
        assert_eq!(lengths, [1, 1, BATCH_MAX, 1, 1]);
        let sent: Json = serde_json::from_slice(&body(&requests[1..3])).unwrap();
        assert_eq!(sent, json!({"model": "small", "input": ["a", "b"]}));
        assert_eq!(about(&request(&"lend\nLends.".repeat(9))), "lend");
    }

    #[test]
    fn vectors_are_read_in_either_form_and_in_the_order_of_the_texts() {
        let batch = [request("a"), request("b")];
        let said = json!({
            "data": [{"index": 1, "embedding": [0.5, null]},
                     {"index": 0, "embedding": text(&[1.0, 2.0])}],
            "usage": {"prompt_tokens": 9, "total_tokens": 9}
        });
        let Heard::Answers { answers, tokens } =
            heard(&batch, 200, None, said.to_string().as_bytes())
        else {
            panic!("{said}")
        };
        assert_eq!(tokens, (9, 0));
        assert_eq!(answers[0].request, batch[0].id());
        assert_eq!(numbers(&answers[0].text).unwrap(), [1.0, 2.0]);
        let second = numbers(&answers[1].text).unwrap();
        assert!(
            second[0].to_bits() == 0.5_f32.to_bits() && second[1].is_nan(),
            "kept as it came, refused where it is used"
        );
        assert_eq!(width(&batch[0], &answers[0]), Some(2));
    }

    #[test]
    fn what_is_not_a_vector_for_each_text_is_asked_again_with_the_reason() {
        let batch = [request("a"), request("b")];
        let cases = [
            (json!({"data": [{"index": 0, "embedding": [1]}]}), "1 embeddings to 2 texts"),
            (
                json!({"data": [{"index": 0, "embedding": [1]}, {"index": 0, "embedding": [1]}]}),
                "no text of its own",
            ),
            (
                json!({"data": [{"index": 0, "embedding": [1]}, {"index": 2, "embedding": [1]}]}),
                "no text of its own",
            ),
            (json!({"data": [{"embedding": [1]}, {"embedding": [1, 2]}]}), "of 1 and 2 numbers"),
            (json!({"data": [{"embedding": [1]}, {"embedding": []}]}), "an empty vector"),
            (json!({"data": [{"embedding": [1]}, {"embedding": ["x"]}]}), "not of numbers"),
            (json!({"data": [{"embedding": [1]}, {"embedding": "AAA"}]}), "not base64"),
            (json!({"data": [{"embedding": [1]}, {}]}), "holds no embedding"),
            (json!({"choices": []}), "no list of embeddings"),
            (json!("cut"), "no list of embeddings"),
        ];
        for (said, reason) in cases {
            match heard(&batch, 200, None, said.to_string().as_bytes()) {
                Heard::Transient(told) => assert!(told.contains(reason), "{told}"),
                other => panic!("{said}: {other:?}"),
            }
        }
        let cut = heard(&batch, 200, None, b"{\"data\": [{\"emb");
        assert_eq!(cut, Heard::Transient("it answered 15 bytes that are no JSON".into()));
    }

    #[test]
    fn text_that_is_too_long_is_found_by_asking_each_alone() {
        let long = json!({"error": {"message": "This model's maximum context length is 512"}});
        let of =
            |batch: &[Request], status| heard(batch, status, None, long.to_string().as_bytes());
        let batch = [request("a"), request("b")];
        assert!(matches!(of(&batch, 400), Heard::Unfit(_)));
        let Heard::Answers { answers, .. } = of(&batch[..1], 400) else { panic!() };
        assert_eq!(answers[0].finish, Finish::Length);
        assert_eq!(width(&batch[0], &answers[0]), None);
        assert!(matches!(of(&batch, 404), Heard::Permanent { .. }));
        assert!(matches!(of(&batch, 503), Heard::Busy { .. }));
    }
}
