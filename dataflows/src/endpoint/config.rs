//! Where an endpoint is, and how it is to be asked.

use std::time::Duration;

use super::{Budget, EndpointError, Prices};

/// A text that is sent and never shown.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text from being shown.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The header that shows it to the endpoint.
    pub(super) fn bearer(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// A text without it.
    pub(super) fn redact(&self, text: &str) -> String {
        match self.0.is_empty() {
            true => text.into(),
            false => text.replace(&self.0, "(key)"),
        }
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

/// Where and how to ask. None of it changes what an answer means.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address: of the server, of its `/v1`, or of its chat completions or embeddings.
    pub url: String,
    /// The key, where one is needed.
    pub key: Option<Secret>,
    /// Most calls in flight.
    pub in_flight_max: usize,
    /// How long one call may take.
    pub timeout: Duration,
    /// Most attempts at one request.
    pub attempts_max: u32,
    /// The wait after a first failure; it doubles with each.
    pub backoff: Duration,
    /// What may be spent. No further call is begun once it is; those in flight are finished.
    pub budget: Budget,
    /// What tokens cost, if the user says.
    pub prices: Option<Prices>,
}

impl Config {
    /// An address with what suits most servers.
    pub fn new(url: impl Into<String>) -> Config {
        Config {
            url: url.into(),
            key: None,
            in_flight_max: 32,
            timeout: Duration::from_secs(300),
            attempts_max: 8,
            backoff: Duration::from_millis(500),
            budget: Budget::default(),
            prices: None,
        }
    }
}

/// The address of `/v1` for an address as people give it.
pub(super) fn base(url: &str) -> Result<String, EndpointError> {
    let wrong = |shown: &str, reason| EndpointError::Address { url: shown.into(), reason };
    let trimmed = url.trim().trim_end_matches('/');
    let Some(rest) = ["http://", "https://"].iter().find_map(|it| trimmed.strip_prefix(it)) else {
        return Err(wrong("", "it begins with neither http:// nor https://"));
    };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if host.contains('@') {
        return Err(wrong("", "a name or a key in it could be shown; it goes into a variable"));
    }
    if host.is_empty() || rest.contains(['?', '#', ' ']) || rest.contains(char::is_control) {
        return Err(wrong(trimmed, "it has no host, or more than a path"));
    }
    let scheme = &trimmed[..trimmed.len() - rest.len()];
    let ends = ["chat/completions", "embeddings"];
    let path = ends.iter().find_map(|end| path.strip_suffix(end)).unwrap_or(path);
    let path = path.trim_end_matches('/');
    let path = if path.is_empty() { "v1" } else { path };
    Ok(format!("{scheme}{host}/{path}"))
}

/// Whether an address is of this machine, to which no proxy leads.
pub(super) fn is_loopback(base: &str) -> bool {
    let host = base.split("://").nth(1).unwrap_or_default();
    let host = host.split('/').next().unwrap_or_default();
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|own| {
        host.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    })
}
