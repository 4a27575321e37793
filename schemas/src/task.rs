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
    /// Digest of the part of the environment that the offered operations see, and of its name.
    pub part: Digest,
    /// The user's side.
    pub scenario: Scenario,
    /// What goes wrong in the environment for a while; nothing in most tasks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<InjectedFault>,
    /// Calls known to satisfy it, in order, those that meet a fault included; empty where the
    /// agent must decline.
    pub golden: Vec<GoldenCall>,
    /// Fingerprint of the state before any call.
    pub initial_state: Digest,
    /// Fingerprint of the state after the golden calls.
    pub golden_state: Digest,
    /// How the filter did on runs of this task whose worth is known.
    pub audit: Audit,
}

/// How the filter judged runs of a task that were made to be right or wrong.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Audit {
    /// Runs that do the task in another, equally good way: nothing left out, nothing else done.
    pub right_runs: u32,
    /// How many of them the filter would turn away.
    pub false_rejects: u32,
    /// Runs that do not do the task: nothing done, calls left out, an argument exchanged, another
    /// tool.
    pub wrong_runs: u32,
    /// How many of them the filter would keep.
    pub false_accepts: u32,
}

impl Audit {
    /// Both counts together.
    #[must_use]
    pub fn and(self, other: Audit) -> Audit {
        Audit {
            right_runs: self.right_runs + other.right_runs,
            false_rejects: self.false_rejects + other.false_rejects,
            wrong_runs: self.wrong_runs + other.wrong_runs,
            false_accepts: self.false_accepts + other.false_accepts,
        }
    }
}

/// A tool that fails for a while, as services do, whatever it is asked.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct InjectedFault {
    /// The operation's name.
    pub operation: String,
    /// How it fails.
    pub kind: FaultKind,
    /// How many of its calls, from the first, fail.
    pub times: u32,
}

/// How a tool fails for a while.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Nothing is done, and the answer says to try again.
    Unavailable,
    /// What was asked is done, but the answer is lost: only looking shows it.
    LostReply,
}

impl FaultKind {
    /// What the environment answers.
    pub fn message(self) -> &'static str {
        match self {
            FaultKind::Unavailable => "the service is temporarily unavailable, please try again",
            FaultKind::LostReply => {
                "the service did not answer in time; the request may have been carried out"
            }
        }
    }
}

/// What a task exercises.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// One call.
    Single,
    /// Calls that feed one another, one after the other.
    Chain,
    /// Calls of which one feeds several, or several feed one.
    Branching,
    /// Several wants in one conversation.
    MultiIntent,
    /// The user leaves out what the agent must ask for.
    MissingInformation,
    /// Nothing offered can do it: the agent must decline, and call nothing.
    Infeasible,
    /// A tool fails for a while: the agent must try again, or look whether it was done.
    Recovery,
    /// Several wants that take at least [`LONG_HORIZON_MIN`] calls together.
    LongHorizon,
}

/// Fewest golden calls of a task of the kind [`TaskKind::LongHorizon`]: from about this length on,
/// models trained without such tasks fail (paper, figure 5).
pub const LONG_HORIZON_MIN: usize = 9;

impl TaskKind {
    /// Every kind, in the order in which a plan gives their shares.
    pub const ALL: [TaskKind; 8] = [
        TaskKind::Single,
        TaskKind::Chain,
        TaskKind::Branching,
        TaskKind::MultiIntent,
        TaskKind::MissingInformation,
        TaskKind::Infeasible,
        TaskKind::Recovery,
        TaskKind::LongHorizon,
    ];

    /// The name used in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            TaskKind::Single => "single",
            TaskKind::Chain => "chain",
            TaskKind::Branching => "branching",
            TaskKind::MultiIntent => "multi_intent",
            TaskKind::MissingInformation => "missing_information",
            TaskKind::Infeasible => "infeasible",
            TaskKind::Recovery => "recovery",
            TaskKind::LongHorizon => "long_horizon",
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
    /// Whether the environment answered with an error: the call met a fault of the task.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
}

impl GoldenCall {
    /// The places of the golden calls whose answers it takes something from, once for each
    /// argument.
    pub fn fed_by(&self) -> impl Iterator<Item = usize> {
        self.sources.iter().filter_map(|(_, source)| match source {
            ArgumentSource::Output(from, _) => Some(*from),
            _ => None,
        })
    }
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
