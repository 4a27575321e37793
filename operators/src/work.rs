//! What a build really did, counted where it is done.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of work. All are zero after a build in which nothing had changed.
#[derive(Debug, Default)]
pub struct Work {
    /// Documents whose bytes were parsed.
    pub documents_parsed: Counter,
    /// Tools turned into vectors.
    pub tools_encoded: Counter,
    /// Pairs of vectors whose cosine was computed in full.
    pub pairs_scored: Counter,
    /// Domains whose environment was made.
    pub domains_materialized: Counter,
    /// Candidate tasks composed, those rejected included.
    pub tasks_composed: Counter,
    /// Trajectories rolled out.
    pub rollouts: Counter,
    /// Calls executed by the engine, in composing, rolling out and verifying.
    pub calls_executed: Counter,
    /// Questions put to models.
    pub requests: Counter,
}

impl Work {
    /// Every counter, by its name.
    pub fn counts(&self) -> [(&'static str, &Counter); 8] {
        [
            ("documents_parsed", &self.documents_parsed),
            ("tools_encoded", &self.tools_encoded),
            ("pairs_scored", &self.pairs_scored),
            ("domains_materialized", &self.domains_materialized),
            ("tasks_composed", &self.tasks_composed),
            ("rollouts", &self.rollouts),
            ("calls_executed", &self.calls_executed),
            ("requests", &self.requests),
        ]
    }
}

/// A counter that workers share. It orders nothing: read it when the workers are done.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts `n` more.
    pub fn add(&self, n: usize) {
        self.0.fetch_add(n as u64, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
