//! The endpoint: any server that speaks OpenAI's chat completions, asked with patience.
//!
//! Calls are made by threads that block, since a few dozen are in flight at most and each waits
//! for seconds. What fails for a while is tried again; what will not pass by itself ends the asking
//! at once, and with it nothing that was answered is lost: answers are kept as they come.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, mpsc};
use std::time::{Duration, Instant};

use operators::Work;
use schemas::{Answer, Request};

use crate::journal::Exchange;
use crate::store::StoreError;

pub use self::bill::{Budget, Cost, Prices};
pub use self::config::{Config, Secret};

use self::bill::Bill;
use self::config::{base, is_loopback};
use self::pace::{Pace, backoff};
use self::wire::{Heard, Spelling};

mod config;
mod bill;
mod pace;
mod wire;

/// Longest response read, in bytes.
const RESPONSE_BYTES_MAX: u64 = 4 << 20;

/// How long the first look at an endpoint may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(20);

/// Longest wait that an endpoint may ask for; beyond it, it is taken to be closed.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(15 * 60);

/// Most answers kept together.
const GROUP_MAX: usize = 64;

/// Most models named when the one asked for is not among them.
const LISTED_MAX: usize = 8;

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
                "see that describe.model is one it serves; if it cannot be asked for JSON, use \
                 --set describe.format=text"
            }
            EndpointError::GaveUp { .. } => {
                "run the same command again later: what was answered is kept and not asked again"
            }
            EndpointError::Spent { .. } => {
                "run the same command again with a larger budget: what was answered is kept and \
                 not asked again"
            }
            EndpointError::Keep(error) => return error.remedy(),
        })
    }
}

/// An endpoint that was found to be there.
#[derive(Debug)]
pub struct Endpoint {
    config: Config,
    /// The address of `/v1`, without a slash at its end.
    base: String,
    agent: ureq::Agent,
    /// The models it lists, if it does.
    listed: Option<Vec<String>>,
    /// Which of two spellings it knows.
    spelling: AtomicU8,
    bill: Mutex<Bill>,
    started: Instant,
    pace: Mutex<Pace>,
    changed: Condvar,
}

/// What the threads of one asking share.
struct Asking<'a> {
    requests: &'a [Request],
    next: AtomicUsize,
    stopped: Mutex<bool>,
    work: &'a Work,
}

impl Asking<'_> {
    fn is_stopped(&self) -> bool {
        *self.stopped.lock().expect("no holder panics")
    }
}

impl Endpoint {
    /// Looks whether the endpoint is there and lets us in.
    ///
    /// # Errors
    ///
    /// Fails if the address is none, nobody answers there, or the key is refused.
    pub fn open(config: Config) -> Result<Endpoint, EndpointError> {
        let base = base(&config.url)?;
        let mut builder = ureq::Agent::config_builder()
            .timeout_global(Some(config.timeout))
            .timeout_connect(Some(PROBE_TIMEOUT.min(config.timeout)))
            .http_status_as_error(false)
            // A redirect could carry the key elsewhere.
            .max_redirects(0)
            .max_idle_connections(config.in_flight_max)
            .max_idle_connections_per_host(config.in_flight_max)
            .user_agent("agentscaler");
        if is_loopback(&base) {
            builder = builder.proxy(None);
        }
        let in_flight_max = config.in_flight_max;
        let mut endpoint = Endpoint {
            config,
            base,
            agent: builder.build().new_agent(),
            listed: None,
            spelling: AtomicU8::new(0),
            bill: Mutex::default(),
            started: Instant::now(),
            pace: Mutex::new(Pace::new(in_flight_max)),
            changed: Condvar::new(),
        };
        endpoint.probe()?;
        Ok(endpoint)
    }

    /// Asks for the list of models: the cheapest call there is. A server that has none goes
    /// unproved; the first request, which is made alone, proves it.
    fn probe(&mut self) -> Result<(), EndpointError> {
        let mut call = self.agent.get(format!("{}/models", self.base));
        if let Some(key) = &self.config.key {
            call = call.header("Authorization", key.bearer());
        }
        let timeout = PROBE_TIMEOUT.min(self.config.timeout);
        let unreachable = |error: ureq::Error| EndpointError::Unreachable {
            url: self.base.clone(),
            reason: self.redacted(error.to_string()),
        };
        let response = call.config().timeout_global(Some(timeout)).build().call();
        let mut response = match response {
            // A server that is busy may be slow to list its models.
            Err(ureq::Error::Timeout(it)) if it != ureq::Timeout::Connect => return Ok(()),
            response => response.map_err(unreachable)?,
        };
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(RESPONSE_BYTES_MAX).read_to_vec();
        let bytes = body.unwrap_or_default();
        if status == 401 || status == 403 {
            let json = serde_json::from_slice(&bytes).ok();
            let reason = self.redacted(wire::message(status, json.as_ref(), &bytes));
            return Err(EndpointError::Unauthorized { url: self.base.clone(), reason });
        }
        self.listed = wire::listed(&bytes).filter(|_| status == 200);
        Ok(())
    }

    /// What was spent, in a phrase for people.
    ///
    /// # Panics
    ///
    /// Panics if a thread that asks panicked.
    pub fn spent(&self) -> String {
        let bill = *self.bill.lock().expect("no holder panics");
        let cost = self.config.prices.map(|prices| format!(", {}", bill.cost(prices)));
        format!("{} tokens{}", bill.tokens(), cost.unwrap_or_default())
    }

    /// Asks everything, in the order given as far as that goes, and hands answers to `keep` as they
    /// come. An answer counts when it was kept.
    ///
    /// # Errors
    ///
    /// Fails with the first request that was refused or failed too often, when the budget is
    /// spent, or when `keep` does. Calls in flight are then finished and kept, and none is begun.
    ///
    /// # Panics
    ///
    /// Panics if a thread that asks panicked.
    pub fn ask(
        &self,
        requests: &[Request],
        work: &Work,
        keep: &mut dyn FnMut(&[Exchange]) -> Result<(), StoreError>,
    ) -> Result<(), EndpointError> {
        let asking =
            Asking { requests, next: AtomicUsize::new(0), stopped: Mutex::new(false), work };
        let mut failure = None;
        std::thread::scope(|scope| {
            let (send, receive) = mpsc::channel();
            for _ in 0..self.config.in_flight_max.min(requests.len()) {
                let (asking, send) = (&asking, send.clone());
                scope.spawn(move || self.serve(asking, &send));
            }
            drop(send);
            while let Ok(first) = receive.recv() {
                let more = receive.try_iter().take(GROUP_MAX - 1);
                let mut exchanges = Vec::new();
                for outcome in std::iter::once(first).chain(more) {
                    match outcome {
                        Ok(exchange) => exchanges.push(exchange),
                        Err(error) => drop(failure.get_or_insert(error)),
                    }
                }
                if let Err(error) = keep(&exchanges) {
                    self.stop(&asking);
                    // NB: what cannot be kept outweighs what could not be asked.
                    failure = Some(error.into());
                }
            }
        });
        failure.map_or(Ok(()), Err)
    }

    /// One thread: takes requests until there are none, or until the asking is stopped.
    fn serve(&self, asking: &Asking<'_>, send: &mpsc::Sender<Result<Exchange, EndpointError>>) {
        while let Some(request) = asking.requests.get(asking.next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = match self.answer(request, asking) {
                Ok(Some(answer)) => Ok(Exchange { request: request.clone(), answer }),
                Ok(None) => return,
                Err(error) => {
                    self.stop(asking);
                    Err(error)
                }
            };
            let failed = outcome.is_err();
            if send.send(outcome).is_err() || failed {
                return;
            }
        }
    }

    fn stop(&self, asking: &Asking<'_>) {
        *asking.stopped.lock().expect("no holder panics") = true;
        drop(self.pace());
        self.changed.notify_all();
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().expect("no holder panics")
    }

    /// The answer to one request; none if the asking was stopped before there was one.
    fn answer(
        &self,
        request: &Request,
        asking: &Asking<'_>,
    ) -> Result<Option<Answer>, EndpointError> {
        let mut last = String::new();
        for attempt in 0..self.config.attempts_max {
            if !self.begin(asking)? {
                return Ok(None);
            }
            asking.work.requests.add(1);
            let heard = self.call(request);
            let now = self.started.elapsed();
            let mut wait = backoff(request.id(), attempt, self.config.backoff);
            match heard {
                Heard::Answer(answer) => {
                    self.bill.lock().expect("no holder panics").add(request, &answer);
                    self.pace().succeeded();
                    self.changed.notify_all();
                    return Ok(Some(answer));
                }
                Heard::Permanent { status, reason } => {
                    self.pace().failed();
                    return Err(self.refused(request, status, reason));
                }
                Heard::Busy { reason, wait: asked } => {
                    let is_closed = asked.is_some_and(|asked| RETRY_AFTER_MAX < asked);
                    self.pace().refused(now, asked.filter(|_| !is_closed));
                    if is_closed {
                        return Err(self.gave_up(attempt + 1, reason));
                    }
                    wait = asked.unwrap_or(wait).max(wait);
                    last = reason;
                }
                Heard::Transient(reason) => {
                    self.pace().failed();
                    last = reason;
                }
            }
            self.changed.notify_all();
            if attempt + 1 < self.config.attempts_max && !self.rest(wait, asking) {
                return Ok(None);
            }
        }
        Err(self.gave_up(self.config.attempts_max, last))
    }

    /// Takes a place for a call, or false if the asking was stopped.
    fn begin(&self, asking: &Asking<'_>) -> Result<bool, EndpointError> {
        let mut pace = self.pace();
        loop {
            if asking.is_stopped() {
                return Ok(false);
            }
            let bill = *self.bill.lock().expect("no holder panics");
            if let Some(spent) = bill.exhausts(self.config.budget, self.config.prices) {
                return Err(EndpointError::Spent { spent });
            }
            match pace.begin(self.started.elapsed()) {
                Ok(()) => return Ok(true),
                Err(wait) => {
                    let wait = wait.unwrap_or(Duration::from_secs(1));
                    pace = self.changed.wait_timeout(pace, wait).expect("no holder panics").0;
                }
            }
        }
    }

    /// Waits without a place; false if the asking was stopped meanwhile.
    fn rest(&self, wait: Duration, asking: &Asking<'_>) -> bool {
        let until = Instant::now() + wait;
        let mut pace = self.pace();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if asking.is_stopped() {
                return false;
            }
            if left.is_zero() {
                return true;
            }
            pace = self.changed.wait_timeout(pace, left).expect("no holder panics").0;
        }
    }

    /// Makes one call.
    fn call(&self, request: &Request) -> Heard {
        let spelling = match self.spelling.load(Ordering::Relaxed) {
            0 => Spelling::MaxTokens,
            _ => Spelling::MaxCompletionTokens,
        };
        let heard = self.send(request, spelling);
        match &heard {
            Heard::Permanent { status: 400, reason }
                if spelling == Spelling::MaxTokens && reason.contains("max_completion_tokens") =>
            {
                self.spelling.store(1, Ordering::Relaxed);
                self.send(request, Spelling::MaxCompletionTokens)
            }
            _ => heard,
        }
    }

    fn send(&self, request: &Request, spelling: Spelling) -> Heard {
        let mut call = self
            .agent
            .post(format!("{}/chat/completions", self.base))
            .header("Content-Type", "application/json");
        if let Some(key) = &self.config.key {
            call = call.header("Authorization", key.bearer());
        }
        let failed = |error: ureq::Error| Heard::Transient(self.redacted(error.to_string()));
        let mut response = match call.send(&wire::body(request, spelling)[..]) {
            Ok(response) => response,
            Err(error) => return failed(error),
        };
        let header = |name: &str| response.headers().get(name).and_then(|it| it.to_str().ok());
        let wait = wire::retry_after(header("retry-after"), header("retry-after-ms"));
        let status = response.status().as_u16();
        match response.body_mut().with_config().limit(RESPONSE_BYTES_MAX).read_to_vec() {
            Ok(bytes) if status == 200 => wire::heard(request, status, wait, &bytes),
            // What an endpoint says is wrong may be kept and told, and may name the key.
            Ok(bytes) => {
                let told = self.redacted(String::from_utf8_lossy(&bytes).into_owned());
                wire::heard(request, status, wait, told.as_bytes())
            }
            // A body that cannot be read does not make a refusal an accident.
            Err(_) if status != 200 => wire::heard(request, status, wait, b""),
            Err(error) => failed(error),
        }
    }

    fn refused(&self, request: &Request, status: u16, reason: String) -> EndpointError {
        let (url, reason) = (self.base.clone(), self.redacted(reason));
        if status == 401 || status == 403 {
            return EndpointError::Unauthorized { url, reason };
        }
        let unlisted = self.listed.as_ref().filter(|listed| !listed.contains(&request.model));
        let hint = unlisted.filter(|listed| !listed.is_empty()).map(|listed| {
            let named: Vec<&str> = listed.iter().take(LISTED_MAX).map(String::as_str).collect();
            let more = if LISTED_MAX < listed.len() { ", …" } else { "" };
            format!("; it serves {}{more}", named.join(", "))
        });
        let hint = hint.unwrap_or_default();
        EndpointError::Refused { url, model: request.model.clone(), reason, hint }
    }

    fn gave_up(&self, attempts: u32, reason: String) -> EndpointError {
        let reason = self.redacted(reason);
        EndpointError::GaveUp { url: self.base.clone(), attempts, reason }
    }

    /// A text without the key: some endpoints repeat it when it is wrong.
    fn redacted(&self, text: String) -> String {
        match &self.config.key {
            Some(key) => key.redact(&text),
            None => text,
        }
    }
}

#[cfg(test)]
mod tests;
