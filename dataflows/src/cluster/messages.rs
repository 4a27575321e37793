//! What processes tell one another, one message a line of JSON.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use operators::parse::References;
use schemas::{Digest, Document, Plan};

use crate::shards::{Roles, Shard};
use crate::store::{ObjectRef, Tally};

/// What a process says when it connects to another.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(super) struct Hello {
    /// The program and the revisions of everything that makes bytes.
    pub program: String,
    /// How many processes there are.
    pub processes: usize,
    /// How many workers each has.
    pub workers: usize,
    /// Which of them speaks.
    pub process: usize,
    /// What the connection is for.
    pub purpose: Purpose,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Purpose {
    /// The dataflow's records.
    Mesh,
    /// Messages between the leader and a follower.
    Control,
}

/// The answer to a [`Hello`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Welcome {
    /// Why the connection is refused, if it is.
    pub refused: Option<String>,
}

/// A message between the leader and a follower.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Message {
    /// The speaker is there.
    Alive,
    /// From the leader: what to do.
    Job(Box<Job>),
    /// From a follower: what it did, or why it could not.
    Report(Box<Result<Report, String>>),
    /// From the leader: shards to write.
    Shards(Vec<Shard>),
    /// From a follower: what it wrote, or why it could not.
    Written(Box<Result<Written, String>>),
    /// From the leader: how it ended.
    Ended(Ended),
}

/// The objects that a follower wrote, and what that put into the store.
pub(crate) type Written = (Roles, Tally);

/// What a follower is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    /// What the folders of this build's payloads are named by.
    pub run: String,
    /// Every knob.
    pub plan: Plan,
    /// The version it starts from.
    pub version: Option<u64>,
    /// Whether term weights and communities are found anew.
    pub refit: bool,
    /// The world and version that it is pinned to.
    pub pinned: Option<(PathBuf, Option<u64>)>,
    /// The corpus: every document, and the file that holds it; none if only what was read out of
    /// it is left.
    pub documents: Vec<(Document, Option<PathBuf>)>,
}

/// What a follower did.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    /// The files that documents refer to, by the document's digest.
    pub references: BTreeMap<Digest, References>,
    /// The documents that were read, each with the key of what was read out of it.
    pub keys: Vec<(Document, Digest)>,
    /// By key, the object with what was read out of a document.
    pub objects: BTreeMap<Digest, ObjectRef>,
    /// A document that changed while it was read.
    pub changed: Option<String>,
    /// Counters of work, by name.
    pub work: BTreeMap<String, u64>,
    /// How long each verb was busy, in microseconds.
    pub busy: BTreeMap<String, u64>,
    /// What was put into the store.
    pub tally: Tally,
}

/// How a build among several processes ended.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// The world is at this version.
    At {
        /// The version.
        version: u64,
        /// Whether this build made it.
        changed: bool,
    },
    /// The leader could not make one.
    Failed {
        /// Why.
        reason: String,
    },
}
