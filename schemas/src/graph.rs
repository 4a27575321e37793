//! The tool graph and its communities.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Digest, DomainId, ToolId};

/// The term weights of the encoder: fitted once, then pinned in the world.
///
/// Refitting them with every record would move every vector, so they are an input of the
/// dataflow, renewed only when asked.
#[derive(Clone, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Weights {
    /// How many tools they were fitted on.
    pub tools: u64,
    /// In how many of those tools each term occurs; terms that occur once are left out.
    pub occurrences: BTreeMap<String, u64>,
}

/// A tool as a point: a unit vector, sparse over hashed terms or dense as a model gave it.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
pub struct Vector {
    /// The tool it encodes.
    pub tool: ToolId,
    /// Terms by hash, ascending, with their weight in units of 2⁻³⁰ (the vector's length is 1).
    pub terms: Vec<(u64, u32)>,
    /// Components in units of 2⁻¹⁵ (the vector's length is 1, as near as rounding allows); empty if
    /// the vector is sparse. All dense vectors of one graph have as many.
    pub dense: Vec<i16>,
}

impl Vector {
    /// A sparse vector.
    pub fn sparse(tool: ToolId, terms: Vec<(u64, u32)>) -> Vector {
        Vector { tool, terms, dense: Vec::new() }
    }

    /// A dense vector.
    pub fn dense(tool: ToolId, components: Vec<i16>) -> Vector {
        Vector { tool, terms: Vec::new(), dense: components }
    }
}

/// A similarity link: one tool is among the other's nearest.
///
/// Undirected and stored once, with `source < target`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
pub struct Link {
    /// The lesser tool.
    pub source: ToolId,
    /// The greater tool.
    pub target: ToolId,
    /// The cosine of their vectors in millionths, `1..=1_000_000`.
    pub weight: u32,
}

/// A membership: which domain a tool belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
pub struct Membership {
    /// The tool.
    pub tool: ToolId,
    /// Its domain.
    pub domain: DomainId,
}

/// A partition of the tools into domains, and what it was computed from.
///
/// The partition of the previous version is an input of the next: communities are warm-started
/// from it, and only the neighbourhood of what changed since moves.
#[derive(Clone, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Partition {
    /// For every tool of the graph, isolated ones included, where it is and what it was linked to.
    pub placements: BTreeMap<ToolId, Placement>,
    /// What each domain is called; nothing in versions of programs that named all anew.
    #[serde(default)]
    pub names: BTreeMap<DomainId, String>,
}

/// Where one tool is in a partition.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
pub struct Placement {
    /// Its domain; none if it found none.
    pub domain: Option<DomainId>,
    /// Digest of its links, to tell later whether its neighbourhood changed.
    pub links: Digest,
}

/// What happened to a domain between two versions.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lineage {
    /// It did not exist before.
    Born(DomainId),
    /// It exists no more.
    Died(DomainId),
    /// The second took members of the first, which lives on.
    Split(DomainId, DomainId),
    /// The first died and most of its members went to the second.
    Merged(DomainId, DomainId),
}
