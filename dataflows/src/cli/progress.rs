//! Progress: a live line on a terminal, plain lines now and then elsewhere.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use operators::Work;

use crate::build::Listener;

/// How often a live line is drawn.
const DRAWN_EVERY: Duration = Duration::from_millis(120);

/// How often a plain line is written.
const WRITTEN_EVERY: Duration = Duration::from_secs(5);

/// Shows how a build goes, until dropped.
pub(super) struct Progress {
    shown: Shown,
    committing: Arc<AtomicBool>,
    ticker: Mutex<Option<JoinHandle<()>>>,
    over: Arc<AtomicBool>,
    /// What comes after the dataflow, once it does.
    writing: Arc<Mutex<Option<&'static str>>>,
}

enum Shown {
    Live(ProgressBar),
    Plain,
    Nothing,
}

impl Progress {
    /// `committing` is raised when an interruption must wait.
    pub(super) fn new(quiet: bool, watched: bool, committing: Arc<AtomicBool>) -> Progress {
        let shown = match (quiet, watched) {
            (true, _) => Shown::Nothing,
            (false, true) => Shown::Live(spinner()),
            (false, false) => Shown::Plain,
        };
        let (ticker, over) = (Mutex::default(), Arc::default());
        Progress { shown, committing, ticker, over, writing: Arc::default() }
    }

    /// Stops showing anything.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(ticker) = self.ticker.lock().expect("no holder panics").take() {
            ticker.thread().unpark();
            // NB: a ticker that panicked has shown its last line; the build goes on.
            drop(ticker.join());
        }
        if let Shown::Live(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

impl Listener for Progress {
    fn begun(&self, work: &Arc<Work>, documents: usize) {
        let (every, live) = match &self.shown {
            Shown::Nothing => return,
            Shown::Plain => (WRITTEN_EVERY, None),
            Shown::Live(bar) => (DRAWN_EVERY, Some(bar.clone())),
        };
        let (work, over) = (Arc::clone(work), Arc::clone(&self.over));
        let writing = Arc::clone(&self.writing);
        let ticker = std::thread::spawn(move || {
            let started = Instant::now();
            let mut rate = Rate { at: started, rollouts: 0, per_second: 0.0 };
            while !over.load(Ordering::Relaxed) {
                std::thread::park_timeout(every);
                if over.load(Ordering::Relaxed) {
                    break;
                }
                let written = *writing.lock().expect("no holder panics");
                let line = written.map_or_else(|| rate.line(&work, documents), String::from);
                match &live {
                    Some(bar) => {
                        bar.set_message(line);
                        bar.tick();
                    }
                    None => say(&format!("{:>4}s {line}", started.elapsed().as_secs())),
                }
            }
        });
        *self.ticker.lock().expect("no holder panics") = Some(ticker);
    }

    fn warn(&self, message: &str) {
        match &self.shown {
            Shown::Live(bar) => bar.suspend(|| say(&format!("note: {message}"))),
            _ => say(&format!("note: {message}")),
        }
    }

    fn sharding(&self) {
        *self.writing.lock().expect("no holder panics") = Some("shard: writing the dataset");
    }

    fn committing(&self) {
        *self.writing.lock().expect("no holder panics") =
            Some("commit: making the version visible");
        self.committing.store(true, Ordering::SeqCst);
    }
}

/// Shows one count on a terminal, until ended; elsewhere nothing.
pub(super) struct Counting(Option<ProgressBar>);

impl Counting {
    pub(super) fn new(quiet: bool, watched: bool) -> Counting {
        Counting((!quiet && watched).then(spinner))
    }

    pub(super) fn show(&self, line: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(line.to_string());
            bar.tick();
        }
    }

    pub(super) fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

fn spinner() -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {elapsed:>4} {wide_msg}")
        .expect("the template is well-formed");
    ProgressBar::new_spinner().with_style(style)
}

/// How fast it goes, since the line before.
struct Rate {
    at: Instant,
    rollouts: u64,
    per_second: f64,
}

impl Rate {
    /// The furthest stage reached, what is counted there, and how fast it goes.
    fn line(&mut self, work: &Work, documents: usize) -> String {
        let rollouts = work.rollouts.get();
        let since = self.at.elapsed().as_secs_f64();
        if 1.0 <= since {
            let more = u32::try_from(rollouts - self.rollouts).unwrap_or(u32::MAX);
            self.per_second = f64::from(more) / since;
            (self.at, self.rollouts) = (Instant::now(), rollouts);
        }
        let stages = [
            ("roll_out", rollouts, "trajectories"),
            ("compose", work.tasks_composed.get(), "tasks"),
            ("materialize", work.domains_materialized.get(), "environments"),
            ("link", work.pairs_scored.get(), "pairs scored"),
            ("link", work.tools_encoded.get(), "tools"),
            ("describe", work.requests.get(), "questions asked"),
            ("parse", work.documents_parsed.get(), "documents"),
        ];
        let reached = stages.iter().find(|(_, count, _)| 0 < *count);
        match reached {
            None => format!("parse: {documents} documents"),
            Some((stage, count, what)) => {
                let mut line = format!("{stage}: {} {what}", grouped(*count));
                if *what == "trajectories" && 1.0 <= self.per_second {
                    line.push_str(&format!(", {:.0}/s", self.per_second));
                }
                line.push_str(&format!("; {} calls executed", grouped(work.calls_executed.get())));
                line
            }
        }
    }
}

/// A count with its thousands set apart.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if 0 < place && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes a line to standard error; a closed one is nobody's loss.
pub(super) fn say(line: &str) {
    drop(writeln!(io::stderr(), "{line}"));
}
