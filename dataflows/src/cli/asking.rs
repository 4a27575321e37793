//! The options of commands that may ask a model.

use std::time::Duration;

use crate::endpoint::{Budget, Config, Cost, Prices, Secret};

/// The variable with the endpoint's key. A key is never an option: options can be seen by others.
const KEY: &str = "AGENTSCALER_API_KEY";

/// Most calls in flight: each has a thread and a connection.
const IN_FLIGHT_MAX: i64 = 512;

/// Whom to ask what the plan asks of models. Nothing is asked unless the plan names a model, such as
/// with `--set describe.model=NAME`, `--set propose.model=NAME`, `--set rollout.agent_model=NAME`,
/// `--set rollout.user_model=NAME`, `--set task.intent_model=NAME`, or with `--set
/// graph.encoder=embeddings --set graph.embedding_model=NAME`.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Model endpoint")]
pub(super) struct AskingArgs {
    #[arg(help = "A server that speaks OpenAI's chat completions or embeddings, such as \
                  http://127.0.0.1:8000/v1. Its key, if it wants one, is read from \
                  AGENTSCALER_API_KEY. Answers are kept in the world's journal and never asked \
                  for again")]
    #[arg(long, value_name = "URL", env = "AGENTSCALER_ENDPOINT", hide_env_values = true)]
    endpoint: Option<String>,
    /// Most calls in flight; how many of them the endpoint bears is found out.
    #[arg(long, value_name = "N", default_value = "32", env = "AGENTSCALER_CONCURRENCY")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=IN_FLIGHT_MAX))]
    concurrency: u16,
    /// Longest that one call may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "300")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    call_timeout: u16,
    /// Stop asking when so many tokens were used; the same command goes on later.
    #[arg(long, value_name = "N")]
    tokens_budget: Option<u64>,
    /// What a million tokens of questions and of answers cost, such as 0.15,0.60.
    #[arg(long, value_name = "IN,OUT")]
    prices: Option<Prices>,
    /// Stop asking when so much was spent, by the prices given.
    #[arg(long, value_name = "AMOUNT", requires = "prices")]
    cost_budget: Option<Cost>,
}

/// The endpoint at an address, with the key that the variables hold, which they lose.
pub(super) fn keyed(url: &str, variables: &mut Vec<(String, String)>) -> Config {
    let place = variables.iter().position(|(name, _)| name == KEY);
    let key = place.map(|place| variables.swap_remove(place).1);
    Config { key: key.filter(|key| !key.is_empty()).map(Secret::new), ..Config::new(url) }
}

impl AskingArgs {
    /// Whom to ask, and the variables without the key: what does not know it cannot show it.
    pub(super) fn config(&self, variables: &mut Vec<(String, String)>) -> Option<Config> {
        // Whether or not it is used: what does not know the key cannot show it.
        let config = keyed(self.endpoint.as_deref().unwrap_or_default(), variables);
        if config.url.is_empty() {
            return None;
        }
        Some(Config {
            in_flight_max: self.concurrency.into(),
            timeout: Duration::from_secs(self.call_timeout.into()),
            budget: Budget { tokens: self.tokens_budget, cost: self.cost_budget },
            prices: self.prices,
            ..config
        })
    }
}
