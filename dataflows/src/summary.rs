//! The summary of a build: the numbers that `build --json` prints.

use std::collections::BTreeMap;
use std::time::Duration;

use operators::Work;
use serde::Serialize;

use crate::store::{Commit, Manifest, Tally};

/// The layout of every JSON object printed.
pub const SCHEMA_VERSION: u32 = 1;

/// What a build came to.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The version that is now the latest.
    pub version: u64,
    /// The version it was made from.
    pub parent: Option<u64>,
    /// Whether this build made it.
    pub changed: bool,
    /// How many of each thing there are.
    pub counts: BTreeMap<String, u64>,
    /// How many each stage turned away.
    pub rejected: BTreeMap<String, u64>,
    /// How many records and documents each rule of reading and refining met.
    pub rules: BTreeMap<String, u64>,
    /// What this build did; all zero if nothing had changed.
    pub work: BTreeMap<&'static str, u64>,
    /// Measures of the tool graph.
    pub graph: BTreeMap<String, f64>,
    /// How long it took: wall time for `total`, `shard` and `commit`; for the verbs of the
    /// dataflow the busy time of the busiest worker.
    pub seconds: BTreeMap<&'static str, f64>,
    /// The most memory the process has had in use, in bytes; 0 where the system does not say.
    pub peak_rss_bytes: u64,
}

/// The parts of a build whose time is told, in order.
const TIMED: [&str; 12] = [
    "total",
    "parse",
    "describe",
    "link",
    "communities",
    "materialize",
    "compose",
    "decontaminate",
    "roll_out",
    "verify",
    "shard",
    "commit",
];

impl Summary {
    /// Of a build that found nothing changed.
    pub fn unchanged(manifest: &Manifest, total: Duration) -> Summary {
        let commit = Commit { manifest: manifest.clone(), changed: false };
        Summary::of(&commit, &Work::default(), Tally::default(), &BTreeMap::new())
            .timed("total", total)
    }

    /// Of a build that committed.
    pub fn of(
        commit: &Commit,
        work: &Work,
        tally: Tally,
        busy: &BTreeMap<&'static str, Duration>,
    ) -> Summary {
        let contents = &commit.manifest.contents;
        let seconds = TIMED
            .iter()
            .map(|name| (*name, busy.get(name).map_or(0.0, Duration::as_secs_f64)))
            .collect();
        Summary {
            schema_version: SCHEMA_VERSION,
            version: commit.manifest.version,
            parent: commit.manifest.parent,
            changed: commit.changed,
            counts: contents.counts.clone(),
            rejected: contents.rejected.clone(),
            rules: contents.rules.clone(),
            work: done(work, tally),
            graph: contents.graph.clone(),
            seconds,
            peak_rss_bytes: peak_rss_bytes(),
        }
    }

    /// The same with the time of one part filled in.
    #[must_use]
    pub fn timed(mut self, part: &'static str, time: Duration) -> Summary {
        self.seconds.insert(part, time.as_secs_f64());
        self
    }
}

/// The high-water mark of the process's resident memory, as Linux keeps it.
fn peak_rss_bytes() -> u64 {
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| {
            let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        })
        .map_or(0, |kibibytes| kibibytes * 1024)
}

/// Every counter, and what was put into the store.
fn done(work: &Work, tally: Tally) -> BTreeMap<&'static str, u64> {
    let mut done: BTreeMap<&'static str, u64> =
        work.counts().into_iter().map(|(name, counter)| (name, counter.get())).collect();
    done.extend([
        ("objects_written", tally.objects_written),
        ("objects_reused", tally.objects_reused),
        ("bytes_written", tally.bytes_written),
    ]);
    done
}
