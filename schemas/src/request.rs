//! Requests: what is asked of a model, and what it answers.
//!
//! No verb calls a model. A verb that wants a model's word emits a [`Request`]; whoever runs the
//! dataflow has it answered, keeps the [`Answer`] for good, and feeds it back as a record like any
//! other. So the world is a function of its recorded answers, and no question is paid for twice.

use std::fmt;
use std::str::FromStr;

use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Serialize, Serializer};

use crate::{Digest, MalformedId};

/// A question to a model, named by everything that its answer may depend on.
///
/// Two verbs that ask the same ask once. The endpoint, its address and its key are no part of it:
/// a model is the same wherever it is served.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Deserialize)]
pub struct Request {
    /// What the answer is for.
    pub purpose: Purpose,
    /// The model, by the name its endpoint knows.
    pub model: String,
    /// The conversation so far; the model says what comes next.
    pub messages: Vec<Prompt>,
    /// How the answer is drawn.
    pub sampling: Sampling,
    /// The form the answer must have.
    pub format: ResponseFormat,
    /// Which of several askings of the same this is, from 0: a higher one asks anew.
    pub trial: u32,
    /// The tools that the model may call, each as the JSON text that chat templates take; none
    /// where the answer is a text.
    #[serde(default)]
    pub tools: Vec<String>,
}

/// In JSON, tools are named only where there are any: the text is what a request's id is the
/// digest of, and ids are older than tools in requests. A binary format has no names to leave out.
impl Serialize for Request {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let has_tools = !self.tools.is_empty() || !serializer.is_human_readable();
        let mut fields = serializer.serialize_struct("Request", 6 + usize::from(has_tools))?;
        fields.serialize_field("purpose", &self.purpose)?;
        fields.serialize_field("model", &self.model)?;
        fields.serialize_field("messages", &self.messages)?;
        fields.serialize_field("sampling", &self.sampling)?;
        fields.serialize_field("format", &self.format)?;
        fields.serialize_field("trial", &self.trial)?;
        if has_tools {
            fields.serialize_field("tools", &self.tools)?;
        }
        fields.end()
    }
}

/// What an answer is for. Each purpose is the business of one verb.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A tool's poor description made explicit.
    Describe,
    /// A text as a point, so that texts about the same things lie close together. The one message
    /// is the text; nothing is drawn, so that sampling and format say nothing.
    Embed,
    /// The agent's next message in a rollout: text or calls of tools.
    Agent,
    /// The user's next message in a rollout.
    User,
    /// What a user says, in other words.
    Reword,
    /// Tables and programs for a domain.
    Propose,
}

impl Purpose {
    /// Whether the answer is one message of a conversation: what was asked then follows from the
    /// task and from the answers before it.
    pub fn is_turn(self) -> bool {
        matches!(self, Purpose::Agent | Purpose::User)
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Purpose::Describe => "describe",
            Purpose::Embed => "embed",
            Purpose::Agent => "agent",
            Purpose::User => "user",
            Purpose::Reword => "reword",
            Purpose::Propose => "propose",
        })
    }
}

/// One message of a request.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Deserialize)]
pub struct Prompt {
    /// Who speaks.
    pub role: PromptRole,
    /// What is said.
    pub content: String,
    /// The calls that an assistant's message makes.
    #[serde(default)]
    pub calls: Vec<PromptCall>,
    /// The id of the call that a tool's message answers; else empty.
    #[serde(default)]
    pub answers: String,
}

/// In JSON, calls and what is answered are named only where there are any, as tools in a request.
impl Serialize for Prompt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let all = !serializer.is_human_readable();
        let (calls, answers) = (all || !self.calls.is_empty(), all || !self.answers.is_empty());
        let count = 2 + usize::from(calls) + usize::from(answers);
        let mut fields = serializer.serialize_struct("Prompt", count)?;
        fields.serialize_field("role", &self.role)?;
        fields.serialize_field("content", &self.content)?;
        if calls {
            fields.serialize_field("calls", &self.calls)?;
        }
        if answers {
            fields.serialize_field("answers", &self.answers)?;
        }
        fields.end()
    }
}

impl Prompt {
    /// A message that only says something.
    pub fn said(role: PromptRole, content: impl Into<String>) -> Prompt {
        Prompt { role, content: content.into(), calls: Vec::new(), answers: String::new() }
    }
}

/// A call of a tool in a message of a request.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
pub struct PromptCall {
    /// Its id, by which a tool's message answers it.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments, as the JSON text that was sent.
    pub arguments: String,
}

/// Who speaks in a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptRole {
    /// We, with instructions. Never text of the corpus.
    System,
    /// We, with the matter: text of the corpus, quoted.
    User,
    /// The model, earlier.
    Assistant,
    /// A tool, with what it answered.
    Tool,
}

/// How an answer is drawn.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
pub struct Sampling {
    /// The temperature in thousandths; 0 asks for the likeliest answer.
    pub temperature_permille: u32,
    /// Most tokens of the answer.
    pub tokens_max: u32,
}

/// The form an answer must have, as far as an endpoint can be asked to see to it.
#[derive(
    Clone, Copy, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum ResponseFormat {
    /// Whatever the prompt asks for.
    Text,
    /// One JSON object.
    #[default]
    JsonObject,
}

/// The id of a request: the digest of its JSON text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub Digest);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for RequestId {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<RequestId, MalformedId> {
        text.parse().map(RequestId)
    }
}

impl Request {
    /// The request's name: another for every change of it.
    pub fn id(&self) -> RequestId {
        RequestId(Digest::of_record(self))
    }
}

/// What a model answered.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
pub struct Answer {
    /// The request it answers.
    pub request: RequestId,
    /// The text, as it came; of a point, the numbers as they came; of a turn of a conversation,
    /// the JSON text of the whole message, since it may call, and think aloud.
    pub text: String,
    /// Why the model stopped.
    pub finish: Finish,
    /// Tokens of the request, as the endpoint counts them; 0 if it does not say, as it does not of
    /// one text among several.
    pub tokens_in: u64,
    /// Tokens of the answer, as the endpoint counts them; 0 if it does not say.
    pub tokens_out: u64,
}

/// Why a model stopped.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// It had said everything.
    Stop,
    /// It reached a limit of length, of the answer's or of the model's context.
    Length,
    /// It, or a filter before or behind it, declined.
    Declined,
}

#[cfg(test)]
mod tests {
    use super::{Prompt, PromptRole, Purpose, Request, RequestId, ResponseFormat, Sampling};

    fn request() -> Request {
        Request {
            purpose: Purpose::Describe,
            model: "small".into(),
            messages: vec![Prompt::said(PromptRole::User, "What is it?")],
            sampling: Sampling { temperature_permille: 0, tokens_max: 100 },
            format: ResponseFormat::JsonObject,
            trial: 0,
            tools: Vec::new(),
        }
    }

    #[test]
    fn every_part_of_a_request_changes_its_id() {
        let asked = request();
        let others = [
            Request { model: "large".into(), ..request() },
            Request { messages: Vec::new(), ..request() },
            Request {
                sampling: Sampling { temperature_permille: 1, ..asked.sampling },
                ..request()
            },
            Request { sampling: Sampling { tokens_max: 99, ..asked.sampling }, ..request() },
            Request { format: ResponseFormat::Text, ..request() },
            Request { trial: 1, ..request() },
            Request { tools: vec!["{}".into()], ..request() },
            Request {
                messages: vec![Prompt {
                    answers: "call".into(),
                    ..Prompt::said(PromptRole::User, "What is it?")
                }],
                ..request()
            },
        ];
        let mut ids: Vec<RequestId> = others.iter().map(Request::id).collect();
        ids.push(asked.id());
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), others.len() + 1);
        assert_eq!(asked.id(), request().id());
    }

    /// Journals are kept for good: what one version asked, a later one must recognise as asked.
    #[test]
    fn id_of_a_request_is_that_of_earlier_versions() {
        assert_eq!(
            request().id().to_string(),
            "ddd2cead0ca09fd203f1646f6cb7d5b53a286a2c351242ee5fb76b23ba0d73ce"
        );
    }
}
