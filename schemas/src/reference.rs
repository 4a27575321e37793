//! What flows: small records that stand for payloads kept beside the dataflow.

use serde::{Deserialize, Serialize};

use crate::{Digest, DomainId, TaskId, TaskKind, ToolId, TrajectoryId, Verdict};

/// A domain: its name and its members.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Domain {
    /// Persists while members come and go.
    pub id: DomainId,
    /// Short human name from its own distinctive terms, such as `hotel-bookings`.
    pub name: String,
    /// Members with their revisions, sorted.
    pub tools: Vec<(ToolId, Digest)>,
}

/// An environment, by the digest of its payload.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct EnvironmentRef {
    /// The domain it simulates.
    pub domain: DomainId,
    /// The domain's short name.
    pub name: String,
    /// The payload, an [`Environment`](crate::Environment) in JSON.
    pub payload: Digest,
    /// How many tables it has.
    pub tables: u32,
    /// How many read operations it has.
    pub reads: u32,
    /// How many write operations it has.
    pub writes: u32,
}

/// A task, by the digest of its payload.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct TaskRef {
    /// The task.
    pub id: TaskId,
    /// Its domain.
    pub domain: DomainId,
    /// The payload, a [`Task`](crate::Task) in JSON; everything a rollout depends on is in it or
    /// under a digest in it.
    pub payload: Digest,
    /// What it exercises.
    pub kind: TaskKind,
    /// How many golden calls it has.
    pub calls: u32,
    /// How many of them write.
    pub writes: u32,
}

/// A trajectory, by the digest of its payload.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct TrajectoryRef {
    /// The trajectory.
    pub id: TrajectoryId,
    /// The task it attempts.
    pub task: TaskId,
    /// The task's domain.
    pub domain: DomainId,
    /// The payload of the task it was rolled out from: another payload, another trajectory.
    pub rolled_from: Digest,
    /// The payload, a [`Trajectory`](crate::Trajectory) in JSON.
    pub payload: Digest,
    /// How many calls it makes.
    pub calls: u32,
}

/// A trajectory with its verdict.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Verified {
    /// The trajectory.
    pub trajectory: TrajectoryRef,
    /// Whether it is kept, and if not, why.
    pub verdict: Verdict,
}
