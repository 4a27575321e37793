//! Attempts at tasks in which models speak: what is wanted of whoever talks to models, and what
//! comes back.

use serde::{Deserialize, Serialize};

use crate::{Digest, DomainId, TaskId, TrajectoryId};

/// An attempt at a task that waits for what models say in it.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Attempt {
    /// The task's domain. First, so that attempts of one world come in a row.
    pub domain: DomainId,
    /// The trajectory that it is to become.
    pub id: TrajectoryId,
    /// The task.
    pub task: TaskId,
    /// The payload of the task.
    pub rolled_from: Digest,
    /// The payload of the environment it is held in.
    pub environment: Digest,
    /// Which attempt at the task, from 0.
    pub trial: u32,
}

/// What models said in an attempt, from its first question to its end.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Transcript {
    /// The attempt's domain.
    pub domain: DomainId,
    /// The attempt.
    pub attempt: TrajectoryId,
    /// The payload of the task it was held for: another payload, another attempt.
    pub rolled_from: Digest,
    /// The payload: a list of [`Answer`](crate::Answer)s in JSON, in the order of the questions.
    pub answers: Digest,
}
