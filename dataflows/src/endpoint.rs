//! The endpoint: any server that speaks OpenAI's chat completions and embeddings, asked with patience.
//!
//! Calls are made by threads that block, since a few dozen are in flight at most and each waits
//! for seconds. What fails for a while is tried again; what will not pass by itself ends the asking
//! at once, and with it nothing that was answered is lost: answers are kept as they come.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, mpsc};
use std::time::{Duration, Instant};

use operators::Work;
use schemas::{Answer, Purpose, Request};

use crate::journal::{Asked, Exchange};
use crate::store::StoreError;

pub use self::abilities::{Abilities, Ability, abilities};
pub use self::bill::{Budget, Cost, Prices};
pub use self::config::{Config, Secret};
pub use self::error::EndpointError;
pub use self::fingerprint::{embedding, fingerprint, sent};
pub use self::turns::Turns;

pub(crate) use self::embeddings::{about, width};

use self::bill::Bill;
use self::config::{base, is_loopback};
use self::embeddings::batches;
use self::pace::{Pace, backoff};
use self::wire::{Heard, Spelling};

mod config;
mod error;
mod bill;
mod pace;
mod wire;
mod embeddings;
mod fingerprint;
mod turns;
mod abilities;

/// Longest response read, in bytes: thirty-two vectors of four thousand numbers written out.
const RESPONSE_BYTES_MAX: u64 = 4 << 20;

/// How long the first look at an endpoint may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(20);

/// Longest wait that an endpoint may ask for; beyond it, it is taken to be closed.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(15 * 60);

/// Answers kept together, after which no more are waited for.
const GROUP_MAX: usize = 64;

/// Most models named when the one asked for is not among them.
const LISTED_MAX: usize = 8;

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
    /// How many numbers the vectors have; none before the first.
    width: Mutex<Option<usize>>,
}

/// What the threads of one asking share.
struct Asking<'a> {
    /// What one call each asks.
    batches: Vec<&'a [Request]>,
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
            width: Mutex::default(),
        };
        endpoint.probe()?;
        Ok(endpoint)
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

    /// Says how many numbers the vectors have that are known, if any is: others are refused.
    ///
    /// # Panics
    ///
    /// Panics if a thread that asks panicked.
    pub fn expect_width(&self, width: Option<usize>) {
        *self.width.lock().expect("no holder panics") = width;
    }

    /// How many numbers the vectors have; none if there was none.
    ///
    /// # Panics
    ///
    /// Panics if a thread that asks panicked.
    pub fn width(&self) -> Option<usize> {
        *self.width.lock().expect("no holder panics")
    }

    /// Asks everything, in the order given as far as that goes, and hands answers to `keep` as they
    /// come. An answer counts when it was kept.
    ///
    /// # Errors
    ///
    /// Fails with the first request that was refused or failed too often, when vectors are not of
    /// one width, when the budget is spent, or when `keep` does. Calls in flight are then finished and kept, and none is begun.
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
        let asking = Asking {
            batches: batches(requests),
            next: AtomicUsize::new(0),
            stopped: Mutex::new(false),
            work,
        };
        let mut failure = None;
        std::thread::scope(|scope| {
            let (send, receive) = mpsc::channel();
            for _ in 0..self.config.in_flight_max.min(asking.batches.len()) {
                let (asking, send) = (&asking, send.clone());
                scope.spawn(move || self.serve(asking, &send));
            }
            drop(send);
            while let Ok(first) = receive.recv() {
                let mut exchanges: Vec<Exchange> = Vec::new();
                for outcome in std::iter::once(first).chain(receive.try_iter()) {
                    match outcome {
                        Ok(answered) => exchanges.extend(answered),
                        Err(error) => drop(failure.get_or_insert(error)),
                    }
                    if GROUP_MAX <= exchanges.len() {
                        break;
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

    /// One thread: takes batches until there are none, or until the asking is stopped.
    fn serve(
        &self,
        asking: &Asking<'_>,
        send: &mpsc::Sender<Result<Vec<Exchange>, EndpointError>>,
    ) {
        while let Some(batch) = asking.batches.get(asking.next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = match self.answer(batch, asking) {
                Ok(Some(answers)) => Ok(batch
                    .iter()
                    .zip(answers)
                    .map(|(asked, answer)| Exchange {
                        request: Asked::Whole(asked.clone()),
                        answer,
                    })
                    .collect()),
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

    /// The answers to one batch, in its order; none if the asking was stopped before there were.
    fn answer(
        &self,
        batch: &[Request],
        asking: &Asking<'_>,
    ) -> Result<Option<Vec<Answer>>, EndpointError> {
        let mut last = String::new();
        for attempt in 0..self.config.attempts_max {
            if !self.begin(asking)? {
                return Ok(None);
            }
            asking.work.requests.add(batch.len());
            let heard = self.call(batch);
            let now = self.started.elapsed();
            let own = || backoff(batch[0].id(), attempt, self.config.backoff);
            let wait;
            match heard {
                Heard::Answers { answers, tokens } => {
                    self.bill.lock().expect("no holder panics").add(batch, &answers, tokens);
                    self.pace().succeeded();
                    self.changed.notify_all();
                    self.check_width(batch, &answers)?;
                    return Ok(Some(answers));
                }
                Heard::Unfit(reason) => {
                    self.pace().failed();
                    self.changed.notify_all();
                    return self.answer_apart(batch, asking, reason);
                }
                Heard::Permanent { status, reason } => {
                    self.pace().failed();
                    return Err(self.refused(&batch[0], status, reason));
                }
                Heard::Busy { reason, wait: asked } => {
                    let is_closed = asked.is_some_and(|asked| RETRY_AFTER_MAX < asked);
                    self.pace().refused(now, asked.filter(|_| !is_closed));
                    if is_closed {
                        return Err(self.gave_up(attempt + 1, reason));
                    }
                    wait = asked.unwrap_or_default().max(own());
                    last = reason;
                }
                Heard::Transient(reason) => {
                    self.pace().failed();
                    wait = own();
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

    /// The answers to a batch of which some part cannot be answered: each is asked alone.
    fn answer_apart(
        &self,
        batch: &[Request],
        asking: &Asking<'_>,
        reason: String,
    ) -> Result<Option<Vec<Answer>>, EndpointError> {
        if batch.len() <= 1 {
            return Err(self.refused(&batch[0], 0, reason));
        }
        let mut answers = Vec::with_capacity(batch.len());
        for request in batch {
            match self.answer(std::slice::from_ref(request), asking)? {
                Some(alone) => answers.extend(alone),
                None => return Ok(None),
            }
        }
        Ok(Some(answers))
    }

    /// Refuses vectors that are not as wide as those before.
    fn check_width(&self, batch: &[Request], answers: &[Answer]) -> Result<(), EndpointError> {
        let mut width = self.width.lock().expect("no holder panics");
        for (request, answer) in batch.iter().zip(answers) {
            let Some(found) = embeddings::width(request, answer) else { continue };
            let expected = *width.get_or_insert(found);
            if found != expected {
                return Err(EndpointError::Width {
                    url: self.base.clone(),
                    model: request.model.clone(),
                    about: about(request),
                    found,
                    expected,
                });
            }
        }
        Ok(())
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
    fn call(&self, batch: &[Request]) -> Heard {
        let request = &batch[0];
        if request.purpose == Purpose::Embed {
            return self.send("embeddings", &embeddings::body(batch), |status, wait, bytes| {
                embeddings::heard(batch, status, wait, bytes)
            });
        }
        let spelling = match self.spelling.load(Ordering::Relaxed) {
            0 => Spelling::MaxTokens,
            _ => Spelling::MaxCompletionTokens,
        };
        let heard = self.complete(request, spelling);
        match &heard {
            Heard::Permanent { status: 400, reason }
                if spelling == Spelling::MaxTokens && reason.contains("max_completion_tokens") =>
            {
                self.spelling.store(1, Ordering::Relaxed);
                self.complete(request, Spelling::MaxCompletionTokens)
            }
            _ => heard,
        }
    }

    fn complete(&self, request: &Request, spelling: Spelling) -> Heard {
        self.send("chat/completions", &wire::body(request, spelling), |status, wait, bytes| {
            wire::heard(request, status, wait, bytes)
        })
    }

    /// Sends a body to a path and has the response read.
    fn send(
        &self,
        path: &str,
        body: &[u8],
        read: impl Fn(u16, Option<Duration>, &[u8]) -> Heard,
    ) -> Heard {
        let mut call = self
            .agent
            .post(format!("{}/{path}", self.base))
            .header("Content-Type", "application/json");
        if let Some(key) = &self.config.key {
            call = call.header("Authorization", key.bearer());
        }
        let failed = |error: ureq::Error| Heard::Transient(self.redacted(error.to_string()));
        let mut response = match call.send(body) {
            Ok(response) => response,
            Err(error) => return failed(error),
        };
        let header = |name: &str| response.headers().get(name).and_then(|it| it.to_str().ok());
        let wait = wire::retry_after(header("retry-after"), header("retry-after-ms"));
        let status = response.status().as_u16();
        match response.body_mut().with_config().limit(RESPONSE_BYTES_MAX).read_to_vec() {
            Ok(bytes) if status == 200 => read(status, wait, &bytes),
            // What an endpoint says is wrong may be kept and told, and may name the key.
            Ok(bytes) => {
                let told = self.redacted(String::from_utf8_lossy(&bytes).into_owned());
                read(status, wait, told.as_bytes())
            }
            // A body that cannot be read does not make a refusal an accident.
            Err(_) if status != 200 => read(status, wait, b""),
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
