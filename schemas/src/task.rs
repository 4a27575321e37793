//! Tasks: what a user wants, and the calls and the state that satisfy it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Digest, DomainId, Effect, TaskId, Value};

/// Something a user wants done in an environment, with one known way of doing it.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Task {
    /// From the domain, the anchor tool and the ordinal.
    pub id: TaskId,
    /// The domain whose environment it runs in.
    pub domain: DomainId,
    /// What it exercises.
    pub kind: TaskKind,
    /// The operations the agent is offered, by name; the state is what these can see.
    pub offered: BTreeSet<String>,
    /// Digest of the part of the environment that the offered operations see.
    pub part: Digest,
    /// The user's side.
    pub scenario: Scenario,
    /// Calls known to satisfy it, in order; empty where the agent must decline.
    pub golden: Vec<GoldenCall>,
    /// Fingerprint of the state before any call.
    pub initial_state: Digest,
    /// Fingerprint of the state after the golden calls.
    pub golden_state: Digest,
}

/// What a task exercises.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// One call.
    Single,
    /// Calls that feed one another.
    Chain,
    /// Several wants in one conversation.
    MultiIntent,
    /// The user leaves out what the agent must ask for.
    MissingInformation,
    /// Nothing offered can do it: the agent must decline, and call nothing.
    Infeasible,
}

impl TaskKind {
    /// The name used in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            TaskKind::Single => "single",
            TaskKind::Chain => "chain",
            TaskKind::MultiIntent => "multi_intent",
            TaskKind::MissingInformation => "missing_information",
            TaskKind::Infeasible => "infeasible",
        }
    }
}

/// The user's side of a task.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Scenario {
    /// The overall intent, in the second person: "You want to …".
    pub instruction: String,
    /// How the user speaks.
    pub persona: Persona,
    /// The wants, in the order in which the user brings them up.
    pub intents: Vec<Intent>,
}

/// One want: what the user says of it unasked, and what only when asked.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Intent {
    /// What the user says to bring it up.
    pub request: String,
    /// Facts told on request: the golden call's place, the argument, what it holds, and the
    /// user's words for it.
    pub on_request: Vec<Fact>,
    /// The places, in the task's golden calls, of the calls that serve this want.
    pub calls: Vec<usize>,
}

/// Something the user knows and tells only when asked.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Fact {
    /// The name of the argument it fills.
    pub argument: String,
    /// The same in words: `membership number`.
    pub label: String,
    /// What it holds.
    pub value: Value,
    /// What the user answers when asked for it.
    pub answer: String,
}

/// How a user speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Persona {
    /// As few words as will do.
    Terse,
    /// In whole, friendly sentences.
    Friendly,
    /// Correct and reserved.
    Formal,
    /// In passing, between other things.
    Hurried,
}

/// A call of the known way, and what came of it.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct GoldenCall {
    /// The operation's name.
    pub name: String,
    /// Its arguments, an object.
    pub arguments: Value,
    /// Where every argument came from, by name, in the arguments' order.
    pub sources: Vec<(String, ArgumentSource)>,
    /// What the environment answered.
    pub observation: String,
    /// Whether it changes the state.
    pub effect: Effect,
}

/// Where an argument of a golden call came from.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArgumentSource {
    /// The user says it unasked.
    User,
    /// The user says it when asked.
    OnRequest,
    /// From the observation of an earlier golden call, at an RFC 6901 pointer.
    Output(usize, String),
    /// The operation's own default.
    Default,
}
