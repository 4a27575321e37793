//! Abilities: what an endpoint can do, found out by asking it.
//!
//! Servers differ in what they take: whether they list models, whether a model calls tools as
//! `tool_calls`, in its text or not at all, whether they embed. Each costs one small call.

use serde::Serialize;

use schemas::{
    Answer, Finish, Prompt, PromptRole, Purpose, Request, ResponseFormat, Sampling, Value,
};

use super::wire::{self, Heard};
use super::{Config, Endpoint, EndpointError, PROBE_TIMEOUT, RESPONSE_BYTES_MAX, width};

/// What is asked to see whether a tool is called.
const QUESTION: &str = "What is the weather in Lisbon right now? Use the tool.";

/// The tool that is offered with it.
const TOOL: &str = "{\"type\": \"function\", \"function\": {\"name\": \"get_weather\", \
     \"description\": \"Tells the weather of a city.\", \"parameters\": {\"type\": \"object\", \
     \"properties\": {\"city\": {\"type\": \"string\"}}, \"required\": [\"city\"]}}}";

/// Most tokens of an answer: enough to think a little.
const TOKENS_MAX: u32 = 512;

/// What an endpoint can do.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Abilities {
    /// Its address.
    pub url: String,
    /// The models it lists; none if it lists none.
    pub models: Option<Vec<String>>,
    /// Whether the model that was asked calls tools.
    pub tools: Ability,
    /// Whether the model that was asked embeds.
    pub embeddings: Ability,
}

/// Whether it can do one thing.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Ability {
    /// The model that was asked; empty if none was.
    pub model: String,
    /// `yes`, `text` if calls stand in the text, `no`, `failed` if the call did, or `unknown` if
    /// there was none.
    pub can: &'static str,
    /// What came back, or what it failed with.
    pub detail: String,
}

impl Ability {
    fn new(model: &str, can: &'static str, detail: impl Into<String>) -> Ability {
        Ability { model: model.into(), can, detail: detail.into() }
    }

    /// That nobody was asked.
    pub fn unknown(why: &str) -> Ability {
        Ability::new("", "unknown", why)
    }
}

/// Asks an endpoint what it can do: its list of models, one call of a tool, one embedding. A model
/// that is not named is the first that is listed.
///
/// # Errors
///
/// Fails if nobody is there or the key is refused. What a model cannot do is no error.
pub fn abilities(
    config: Config,
    model: Option<&str>,
    embedding_model: Option<&str>,
) -> Result<Abilities, EndpointError> {
    let endpoint = Endpoint::open(config)?;
    let first = endpoint.listed.iter().flatten().next().cloned();
    let named = |given: Option<&str>| given.map(String::from).or_else(|| first.clone());
    let none = || Ability::unknown("no model is named, and none is listed");
    let tools = named(model).map_or_else(none, |caller| endpoint.calls_tools(&caller));
    let embeddings = named(embedding_model).map_or_else(none, |writer| endpoint.embeds(&writer));
    Ok(Abilities { url: endpoint.base.clone(), models: endpoint.listed.clone(), tools, embeddings })
}

impl Endpoint {
    /// Asks for the list of models: the cheapest call there is. A server that has none goes
    /// unproved; the first request, which is made alone, proves it.
    pub(super) fn probe(&mut self) -> Result<(), EndpointError> {
        let mut call = self.agent.get(format!("{}/models", self.base));
        if let Some(key) = &self.config.key {
            call = call.header("Authorization", key.bearer());
        }
        let timeout = PROBE_TIMEOUT.min(self.config.timeout);
        let unreachable = |error: ureq::Error| EndpointError::Unreachable {
            url: self.base.clone(),
            reason: self.redacted(error.to_string()),
        };
        let response = call.config().timeout_global(Some(timeout)).build().call();
        let mut response = match response {
            // A server that is busy may be slow to list its models.
            Err(ureq::Error::Timeout(it)) if it != ureq::Timeout::Connect => return Ok(()),
            response => response.map_err(unreachable)?,
        };
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(RESPONSE_BYTES_MAX).read_to_vec();
        let bytes = body.unwrap_or_default();
        if status == 401 || status == 403 {
            let json = serde_json::from_slice(&bytes).ok();
            let reason = self.redacted(wire::message(status, json.as_ref(), &bytes));
            return Err(EndpointError::Unauthorized { url: self.base.clone(), reason });
        }
        self.listed = wire::listed(&bytes).filter(|_| status == 200);
        Ok(())
    }

    /// The models that it lists, if it does.
    pub fn listed(&self) -> Option<&[String]> {
        self.listed.as_deref()
    }

    /// The address of its `/v1`.
    pub fn url(&self) -> &str {
        &self.base
    }

    /// Whether a model calls a tool when it is told to.
    pub fn calls_tools(&self, model: &str) -> Ability {
        let asked =
            Request { tools: vec![TOOL.into()], ..request(Purpose::Agent, model, QUESTION) };
        let answer = match self.ask_once(&asked) {
            Ok(answer) => answer,
            Err(reason) => return Ability::new(model, "failed", reason),
        };
        let message = Value::parse(&answer.text).unwrap_or_default();
        let text = message.get("content").and_then(Value::as_text).unwrap_or_default();
        match message.get("tool_calls") {
            Some(Value::List(calls)) if !calls.is_empty() => {
                Ability::new(model, "yes", "as tool_calls")
            }
            _ if text.contains("<tool_call>") => {
                Ability::new(model, "text", "in its text, as <tool_call>")
            }
            _ if answer.finish == Finish::Length => {
                Ability::new(model, "no", format!("nothing within {TOKENS_MAX} tokens"))
            }
            _ => Ability::new(model, "no", "it answered without a call"),
        }
    }

    /// Whether a model embeds.
    pub fn embeds(&self, model: &str) -> Ability {
        let asked = request(Purpose::Embed, model, "a library of books");
        match self.ask_once(&asked) {
            Ok(answer) => match width(&asked, &answer) {
                Some(width) => Ability::new(model, "yes", format!("{width} numbers")),
                None => Ability::new(model, "no", answer.text),
            },
            Err(reason) => Ability::new(model, "failed", reason),
        }
    }

    /// One call, whatever comes of it. It is on the bill.
    fn ask_once(&self, request: &Request) -> Result<Answer, String> {
        let batch = std::slice::from_ref(request);
        match self.call(batch) {
            Heard::Answers { mut answers, tokens } => {
                self.bill.lock().expect("no holder panics").add(batch, &answers, tokens);
                answers.pop().ok_or_else(|| "it answered nothing".into())
            }
            Heard::Unfit(reason)
            | Heard::Busy { reason, .. }
            | Heard::Transient(reason)
            | Heard::Permanent { reason, .. } => Err(self.redacted(reason)),
        }
    }
}

fn request(purpose: Purpose, model: &str, said: &str) -> Request {
    Request {
        purpose,
        model: model.into(),
        messages: vec![Prompt::said(PromptRole::User, said)],
        sampling: Sampling { temperature_permille: 0, tokens_max: TOKENS_MAX },
        format: ResponseFormat::Text,
        trial: 0,
        tools: Vec::new(),
    }
}
