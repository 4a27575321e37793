//! Trajectories: what was said and called in one attempt at a task.

use serde::{Deserialize, Serialize};

use crate::{Digest, DomainId, Stage, TaskId, TaskKind, TrajectoryId, Value};

/// The turns of one attempt at a task.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Trajectory {
    /// From the task and the trial.
    pub id: TrajectoryId,
    /// The task attempted.
    pub task: TaskId,
    /// The task's domain.
    pub domain: DomainId,
    /// What the task exercises.
    pub kind: TaskKind,
    /// Which attempt, from 0.
    pub trial: u32,
    /// Who played the agent.
    pub agent: String,
    /// Who played the user.
    pub user: String,
    /// The turns; a system message with the policy comes first.
    pub messages: Vec<Message>,
    /// Whether the user ended the conversation, and not a limit.
    pub ended: bool,
    /// Fingerprint of the state before the first call.
    pub initial_state: Digest,
    /// Fingerprint of the state after the last call.
    pub final_state: Digest,
}

impl Trajectory {
    /// Who plays where no model does.
    pub const BUILT_IN: &str = "built-in";
}

/// One message of a conversation.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Message {
    /// Whose it is.
    pub role: Speaker,
    /// What is said; empty in a message that only calls.
    pub content: String,
    /// What the speaker thought first, where a model told; nobody else in the conversation sees it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reasoning: String,
    /// The calls an assistant's message makes.
    pub calls: Vec<Call>,
    /// The tool that answers, in a tool's message; else empty.
    pub name: String,
    /// Whether a model should learn to say this.
    pub supervised: bool,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// The rules of the conversation.
    System,
    /// The one who wants something.
    User,
    /// The agent.
    Assistant,
    /// The environment.
    Tool,
}

impl Speaker {
    /// The role's name in chat formats.
    pub fn name(self) -> &'static str {
        match self {
            Speaker::System => "system",
            Speaker::User => "user",
            Speaker::Assistant => "assistant",
            Speaker::Tool => "tool",
        }
    }
}

/// A call as the agent made it.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Call {
    /// The tool's name, which may be none of those offered.
    pub name: String,
    /// The arguments as sent: an object, or text that could not be read as one.
    pub arguments: Value,
}

/// The outcome of the filter for one trajectory.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Verdict {
    /// The stage that turned it away; none if it is kept.
    pub stage: Option<Stage>,
    /// Why, in a sentence without a capital or a stop; empty if it is kept.
    pub reason: String,
}

impl Verdict {
    /// Kept: replayed, and nothing found wrong.
    pub fn kept() -> Verdict {
        Verdict { stage: None, reason: String::new() }
    }

    /// Turned away.
    pub fn refuted(stage: Stage, reason: impl Into<String>) -> Verdict {
        Verdict { stage: Some(stage), reason: reason.into() }
    }

    /// Whether the trajectory is kept.
    pub fn is_kept(&self) -> bool {
        self.stage.is_none()
    }
}
