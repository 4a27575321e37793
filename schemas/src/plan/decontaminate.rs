//! The knobs of keeping benchmarks out.

use serde::{Deserialize, Serialize};

/// What overlaps too much with a benchmark to train on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DecontaminatePlan {
    /// The benchmarks, each `NAME:DIGEST` of a fingerprint that the world keeps, as
    /// `build --decontaminate FILE` adds them. With none, nothing is compared.
    pub benchmarks: Vec<String>,
    /// Words of the sequences that descriptions and tasks are compared by: 5, 8 or 13.
    pub words: u32,
    /// Fewest distinct sequences of a text that is compared; in fewer, chance decides.
    pub sequences_min: usize,
    /// A tool is flagged if so much of its description is a benchmark's, in thousandths.
    pub tool_permille: u32,
    /// A domain is flagged if so many of its tools are, in thousandths.
    pub schema_permille: u32,
    /// A task is withheld if so much of one of its texts is a benchmark's, in thousandths.
    pub task_permille: u32,
    /// Whether a task that merely offers a flagged tool, without calling it, is withheld too.
    pub offered: bool,
}

impl Default for DecontaminatePlan {
    fn default() -> DecontaminatePlan {
        DecontaminatePlan {
            benchmarks: Vec::new(),
            words: 5,
            sequences_min: 6,
            tool_permille: 600,
            schema_permille: 500,
            task_permille: 500,
            offered: false,
        }
    }
}
