//! Why an endpoint is of no help, and what a user can do about it.

use crate::store::StoreError;

/// Why an endpoint did not answer everything. What it had answered is kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The address is none.
    #[error("endpoint \"{url}\" is no address that can be asked: {reason}")]
    Address {
        /// The address, without what may be a secret in it.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Nobody answers there.
    #[error("endpoint {url} cannot be reached: {reason}")]
    Unreachable {
        /// The address.
        url: String,
        /// What the system says.
        reason: String,
    },
    /// The key is missing or wrong.
    #[error("endpoint {url} wants another key: {reason}")]
    Unauthorized {
        /// The address.
        url: String,
        /// What it says.
        reason: String,
    },
    /// A request was refused for good.
    #[error("endpoint {url} refused a request to model \"{model}\": {reason}{hint}")]
    Refused {
        /// The address.
        url: String,
        /// The model asked for.
        model: String,
        /// What it says.
        reason: String,
        /// What it could have been asked for instead, if it says.
        hint: String,
    },
    /// A request failed too often.
    #[error("endpoint {url} failed {attempts} times at one request, at last: {reason}")]
    GaveUp {
        /// The address.
        url: String,
        /// How often it was asked.
        attempts: u32,
        /// The last failure.
        reason: String,
    },
    /// A model's vectors are not alike.
    #[error(
        "endpoint {url} gave {found} numbers for \"{about}\" by model \"{model}\", which gave \
         {expected} before"
    )]
    Width {
        /// The address.
        url: String,
        /// The model asked for.
        model: String,
        /// How the text begins, with the name of the tool.
        about: String,
        /// How many numbers it gave for it.
        found: usize,
        /// How many it had given for others.
        expected: usize,
    },
    /// What may be spent is spent.
    #[error("the budget is spent: {spent}")]
    Spent {
        /// How much of what.
        spent: String,
    },
    /// An answer could not be kept, so none is asked for.
    #[error(transparent)]
    Keep(#[from] StoreError),
}

impl EndpointError {
    /// What a user can do about it.
    pub fn remedy(&self) -> Option<&'static str> {
        Some(match self {
            EndpointError::Address { .. } => "give it as --endpoint http://127.0.0.1:8000/v1",
            EndpointError::Unreachable { .. } => {
                "see that the server runs and that --endpoint is its address"
            }
            EndpointError::Unauthorized { .. } => "set AGENTSCALER_API_KEY to the endpoint's key",
            EndpointError::Refused { .. } => {
                "see that the models the plan names (describe.model, graph.embedding_model, propose.model, \
                 task.intent_model, rollout.agent_model, rollout.user_model) are ones it serves; if \
                 it cannot be asked for JSON, use --set describe.format=text; if it cannot be told \
                 of tools, --set rollout.tool_format=prompt"
            }
            EndpointError::GaveUp { .. } => {
                "run the same command again later: what was answered is kept and not asked again"
            }
            EndpointError::Width { .. } => {
                "see that one model is served under that name; --set graph.embedding_trial=1, 2, … \
                 has everything embedded anew"
            }
            EndpointError::Spent { .. } => {
                "run the same command again with a larger budget: what was answered is kept and \
                 not asked again"
            }
            EndpointError::Keep(error) => return error.remedy(),
        })
    }
}
