//! Turns: questions that come one by one from conversations, each from a thread of its own.

use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;

use operators::Work;
use schemas::{Answer, Request};

use super::{Asking, Endpoint, EndpointError};

/// One asking of an endpoint by many conversations at once.
pub struct Turns<'a> {
    endpoint: &'a Endpoint,
    asking: Asking<'a>,
}

impl Endpoint {
    /// Begins an asking by conversations; the pace and the bill are the endpoint's.
    pub fn turns<'a>(&'a self, work: &'a Work) -> Turns<'a> {
        let asking = Asking {
            batches: Vec::new(),
            next: AtomicUsize::new(0),
            stopped: Mutex::new(false),
            work,
        };
        Turns { endpoint: self, asking }
    }

    /// Most calls in flight.
    pub fn in_flight_max(&self) -> usize {
        self.config.in_flight_max
    }
}

impl Turns<'_> {
    /// The answer to one question; none if the asking was stopped before there was one.
    ///
    /// # Errors
    ///
    /// Fails if the request was refused or failed too often, or if the budget is spent. The asking
    /// is stopped then.
    ///
    /// # Panics
    ///
    /// Panics if another thread that asks panicked.
    pub fn ask(&self, request: &Request) -> Result<Option<Answer>, EndpointError> {
        let answered = self.endpoint.answer(std::slice::from_ref(request), &self.asking);
        if answered.is_err() {
            self.stop();
        }
        Ok(answered?.and_then(|mut answers| answers.pop()))
    }

    /// Ends the asking: calls in flight are finished, and none is begun.
    ///
    /// # Panics
    ///
    /// Panics if another thread that asks panicked.
    pub fn stop(&self) {
        self.endpoint.stop(&self.asking);
    }

    /// Whether the asking was ended.
    ///
    /// # Panics
    ///
    /// Panics if another thread that asks panicked.
    pub fn is_stopped(&self) -> bool {
        self.asking.is_stopped()
    }
}
