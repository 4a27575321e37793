//! The pace: how many calls are in flight at once, and how long to wait after one that failed.
//!
//! Times are given and not taken, so that the pace is a function of what happened.

use std::time::Duration;

use schemas::{Draw, RequestId};

/// Calls in flight at first.
const START: usize = 1;

/// Time after a refusal in which further refusals are taken to be of the same burst.
const COOLDOWN: Duration = Duration::from_secs(2);

/// Successes after which one more call is tried, once the endpoint has refused one.
const SUCCESSES: usize = 25;

/// Longest wait between two attempts, unless the endpoint asks for a longer one.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// How many calls an endpoint seems to bear: one more after successes, a quarter fewer after a
/// refusal (additive increase, multiplicative decrease).
///
/// It begins with one call, which proves address, key and model before many are made, and until
/// the first refusal doubles with each round.
#[derive(Debug)]
pub(super) struct Pace {
    limit: usize,
    limit_max: usize,
    in_flight: usize,
    successes: usize,
    was_refused: bool,
    cooled_at: Duration,
    resumes_at: Duration,
}

impl Pace {
    /// A pace of at most so many calls in flight.
    pub(super) fn new(limit_max: usize) -> Pace {
        Pace {
            limit: START,
            limit_max: limit_max.max(1),
            in_flight: 0,
            successes: 0,
            was_refused: false,
            cooled_at: Duration::ZERO,
            resumes_at: Duration::ZERO,
        }
    }

    /// Takes a place for a call, or says how long there is none: until another call ends, if it
    /// does not know.
    pub(super) fn begin(&mut self, now: Duration) -> Result<(), Option<Duration>> {
        if now < self.resumes_at {
            return Err(Some(self.resumes_at - now));
        }
        if self.limit <= self.in_flight {
            return Err(None);
        }
        self.in_flight += 1;
        Ok(())
    }

    /// A call was answered.
    pub(super) fn succeeded(&mut self) {
        self.in_flight -= 1;
        self.successes += 1;
        let enough = if self.was_refused { SUCCESSES } else { 1 };
        if enough <= self.successes && self.limit < self.limit_max {
            self.limit += 1;
            self.successes = 0;
        }
    }

    /// The endpoint was too busy for a call, and perhaps said when to come again.
    pub(super) fn refused(&mut self, now: Duration, wait: Option<Duration>) {
        self.in_flight -= 1;
        self.was_refused = true;
        self.successes = 0;
        if self.cooled_at <= now {
            self.limit = (self.limit * 3 / 4).max(1);
            self.cooled_at = now + COOLDOWN;
        }
        if let Some(wait) = wait {
            self.resumes_at = self.resumes_at.max(now + wait);
        }
    }

    /// A call failed for a reason that says nothing of how many the endpoint bears.
    pub(super) fn failed(&mut self) {
        self.in_flight -= 1;
        self.successes = 0;
    }
}

/// How long to wait before the next attempt at a request: exponentially longer, and by a share that
/// is the request's own, so that those refused together do not come back together.
pub(super) fn backoff(request: RequestId, attempt: u32, base: Duration) -> Duration {
    let most = base.saturating_mul(2_u32.saturating_pow(attempt)).min(WAIT_MAX);
    let draw = Draw::new(0).with("backoff").with(request.0.0).with(attempt.to_le_bytes());
    let share = u32::try_from(draw.below(1_000)).expect("below a thousand");
    most / 2 + most / 2 * share / 1_000
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use schemas::{Digest, RequestId};

    use super::{Pace, WAIT_MAX, backoff};

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn fill(pace: &mut Pace, now: Duration) -> usize {
        (0..1_000).take_while(|_| pace.begin(now).is_ok()).count()
    }

    #[test]
    fn pace_begins_with_one_and_doubles_until_refused() {
        let mut pace = Pace::new(6);
        for expected in [1, 2, 4, 6, 6] {
            assert_eq!(fill(&mut pace, at(0)), expected);
            (0..expected).for_each(|_| pace.succeeded());
        }
    }

    #[test]
    fn burst_of_refusals_counts_once_and_successes_win_back() {
        let mut pace = Pace::new(8);
        for _ in 0..4 {
            let calls = fill(&mut pace, at(0));
            (0..calls).for_each(|_| pace.succeeded());
        }
        assert_eq!(fill(&mut pace, at(1)), 8);
        (0..8).for_each(|_| pace.refused(at(1), None));
        assert_eq!(fill(&mut pace, at(1)), 6);
        (0..6).for_each(|_| pace.refused(at(4), None));
        assert_eq!(fill(&mut pace, at(4)), 4);
        (0..4).for_each(|_| pace.failed());
        for _ in 0..25 {
            pace.begin(at(9)).unwrap();
            pace.succeeded();
        }
        assert_eq!(fill(&mut pace, at(9)), 5);
    }

    #[test]
    fn nothing_begins_before_the_endpoint_asked_for() {
        let mut pace = Pace::new(8);
        pace.begin(at(0)).unwrap();
        pace.refused(at(0), Some(at(5)));
        assert_eq!(pace.begin(at(2)), Err(Some(at(3))));
        assert_eq!(fill(&mut pace, at(5)), 1, "there is always one");
    }

    #[test]
    fn waits_grow_differ_by_request_and_are_bounded() {
        let request = |text: &str| RequestId(Digest::of(text.as_bytes()));
        let base = Duration::from_millis(500);
        let mut waits = Vec::new();
        for attempt in 0..40 {
            let wait = backoff(request("a"), attempt, base);
            let most = base.saturating_mul(2_u32.saturating_pow(attempt)).min(WAIT_MAX);
            assert!(most / 2 <= wait && wait <= most, "{attempt}: {wait:?}");
            assert_eq!(wait, backoff(request("a"), attempt, base), "no chance in it");
            waits.push(wait);
        }
        assert!(waits[..6].is_sorted());
        assert_ne!(backoff(request("b"), 0, base), waits[0]);
    }
}
