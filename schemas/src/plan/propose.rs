//! The knobs of what a model may propose for domains.

use serde::{Deserialize, Serialize};

use crate::ResponseFormat;

/// What a model is asked about the tables and programs of a domain.
///
/// `question_bytes_max` says about which domains; every other value is part of each question, so
/// that a change of it asks anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProposePlan {
    /// The model, by the name its endpoint knows; none is asked while it is empty.
    pub model: String,
    /// Longest question, in bytes: about a domain that takes more, none is asked.
    pub question_bytes_max: usize,
    /// The temperature, in thousandths.
    pub temperature_permille: u32,
    /// Most tokens of an answer; one that was cut off there is refused.
    pub tokens_max: u32,
    /// What the endpoint is asked to see to: `json_object`, or `text` where it cannot.
    pub format: ResponseFormat,
    /// Which asking of the same this is; raise it to have everything answered anew.
    pub trial: u32,
}

impl Default for ProposePlan {
    fn default() -> ProposePlan {
        ProposePlan {
            model: String::new(),
            question_bytes_max: 200_000,
            temperature_permille: 0,
            tokens_max: 16_000,
            format: ResponseFormat::JsonObject,
            trial: 0,
        }
    }
}
