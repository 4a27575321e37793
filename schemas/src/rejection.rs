//! What did not pass, and why.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Rule;

/// The gates of the funnel, in the order in which a record meets them.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// A document or a part of one could not be read.
    Parse,
    /// A record is no usable tool, or repeats another.
    Refine,
    /// What a model answered about a tool was refused; the tool stands as its source describes it.
    Describe,
    /// A tool found no domain.
    Domain,
    /// What a model proposed for a domain or a tool was refused; what is built in stands.
    Propose,
    /// A tool's program did not do what its kind promises.
    Gate,
    /// A golden argument could not be derived from what the user says or earlier outputs.
    Realisable,
    /// A task's golden run fails, or a run that should fail passes.
    Sound,
    /// A task overlaps with a benchmark.
    Contaminated,
    /// What a model made of a user's request was refused; the built-in wording stands.
    Reword,
    /// A model did not bring an attempt to its end; that is no verdict on anyone.
    RollOut,
    /// A trajectory is malformed.
    Validity,
    /// A trajectory ends in a state other than the golden one.
    State,
    /// A read-only trajectory's calls differ from the golden sequence.
    ExactMatch,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Stage; 14] = [
        Stage::Parse,
        Stage::Refine,
        Stage::Describe,
        Stage::Domain,
        Stage::Propose,
        Stage::Gate,
        Stage::Realisable,
        Stage::Sound,
        Stage::Contaminated,
        Stage::Reword,
        Stage::RollOut,
        Stage::Validity,
        Stage::State,
        Stage::ExactMatch,
    ];

    /// Whether only what models say of domains and tasks can be turned away there.
    pub fn needs_model(self) -> bool {
        matches!(self, Stage::Propose | Stage::Reword | Stage::RollOut)
    }

    /// The name used in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Parse => "parse",
            Stage::Refine => "refine",
            Stage::Describe => "describe",
            Stage::Domain => "domain",
            Stage::Propose => "propose",
            Stage::Gate => "gate",
            Stage::Realisable => "realisable",
            Stage::Sound => "sound",
            Stage::Contaminated => "contaminated",
            Stage::Reword => "reword",
            Stage::RollOut => "roll_out",
            Stage::Validity => "validity",
            Stage::State => "state",
            Stage::ExactMatch => "exact_match",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One thing that did not pass one stage.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Rejection {
    /// Which stage turned it away.
    pub stage: Stage,
    /// What was turned away: a path, a record's identity, or an id.
    pub subject: String,
    /// The named rule that turned it away, where reading or refining did.
    pub rule: Option<Rule>,
    /// Why, in a sentence without a capital or a stop.
    pub reason: String,
    /// The document it came from, where one document did.
    pub file: String,
    /// Where in that document.
    pub pointer: String,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} \"{}\": {}", self.stage, self.subject, self.reason)?;
        if !self.file.is_empty() {
            write!(f, " (in {}{})", self.file, self.pointer)?;
        }
        Ok(())
    }
}
