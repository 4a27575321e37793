//! Watching: a corpus on disk, and a version of the world for every change of it.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use notify::{Event, EventKind, RecursiveMode, Watcher as _};

use crate::build::BuildError;
use crate::corpus::Corpus;
use crate::summary::Summary;

/// How long nothing must happen for a change to be over: what is written in one go is one version.
const SETTLED_AFTER: Duration = Duration::from_millis(60);

/// Longest wait for a change to be over; one that goes on makes a version now and then.
const COALESCED_MAX: Duration = Duration::from_secs(1);

/// When a build that met a file in the midst of being written is tried again.
const RETRIED_AFTER: Duration = Duration::from_millis(250);

/// What a watcher hears.
#[derive(Debug)]
pub enum Told<'a> {
    /// The corpus is watched: from now on, no change is missed.
    Watching,
    /// A build came to this.
    Built(&'a Summary),
    /// A build failed; the world is as it was, and the next change is another try.
    Failed(&'a BuildError),
    /// The system said something of the files it watches for us.
    Warned(&'a str),
}

/// Why a corpus cannot be watched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// Standard input has an end.
    #[error("standard input cannot be watched: name files and folders")]
    StandardInput,
    /// The system does not watch a path for us.
    #[error("cannot watch \"{}\"", path.display())]
    Unwatchable {
        /// The path.
        path: PathBuf,
        /// Why.
        source: notify::Error,
    },
}

/// Builds once, and again after every change below the paths given, until told to end.
///
/// Changes that come together are one build. Files that cannot be read are rejections and end
/// nothing; nor does a build that fails. `going` is asked, several times a second, whether to go on.
///
/// # Errors
///
/// Fails if the paths cannot be watched.
pub fn watch(
    corpus: &[PathBuf],
    world: &Path,
    going: &dyn Fn() -> bool,
    build: &mut dyn FnMut() -> Result<Summary, BuildError>,
    told: &mut dyn FnMut(Told<'_>),
) -> Result<(), WatchError> {
    if corpus.iter().any(|path| path == Path::new("-")) {
        return Err(WatchError::StandardInput);
    }
    let (sender, events) = mpsc::channel();
    let mut watcher = notify::recommended_watcher(move |event| {
        // NB: whoever no longer listens has ended.
        drop(sender.send(event));
    })
    .map_err(|source| WatchError::Unwatchable { path: world.to_path_buf(), source })?;
    let roots: Vec<PathBuf> =
        Corpus::roots(corpus).into_iter().map(|root| root.canonicalize().unwrap_or(root)).collect();
    for root in &roots {
        // A file that is replaced is another one, so its folder is watched.
        let (path, mode) = match root.parent().filter(|_| root.is_file()) {
            Some(folder) => (folder, RecursiveMode::NonRecursive),
            None => (root.as_path(), RecursiveMode::Recursive),
        };
        watcher
            .watch(path, mode)
            .map_err(|source| WatchError::Unwatchable { path: root.clone(), source })?;
    }
    told(Told::Watching);
    let mut changes = Changes { events, roots, world: world.to_path_buf() };
    let mut again = Some(Duration::ZERO);
    while going() {
        if !changes.come(again, going, told) {
            continue;
        }
        again = None;
        match build() {
            Ok(summary) => told(Told::Built(&summary)),
            Err(error) => {
                told(Told::Failed(&error));
                again = matches!(error, BuildError::Changed { .. }).then_some(RETRIED_AFTER);
            }
        }
    }
    Ok(())
}

/// What the system says of the files.
struct Changes {
    events: Receiver<notify::Result<Event>>,
    roots: Vec<PathBuf>,
    world: PathBuf,
}

/// How often it is asked whether to go on.
const ASKED_EVERY: Duration = Duration::from_millis(100);

impl Changes {
    /// Waits for a change, at most `again` if that is given, and then for its end; false if there
    /// is none so far, or no longer a reason to wait.
    fn come(
        &mut self,
        again: Option<Duration>,
        going: &dyn Fn() -> bool,
        told: &mut dyn FnMut(Told<'_>),
    ) -> bool {
        let waiting = Instant::now();
        loop {
            let left = again.map(|again| again.saturating_sub(waiting.elapsed()));
            if left == Some(Duration::ZERO) {
                break;
            }
            let patience = left.unwrap_or(ASKED_EVERY).min(ASKED_EVERY);
            match self.events.recv_timeout(patience) {
                Ok(event) if self.matters(&event, told) => break,
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => std::thread::sleep(patience),
            }
            if !going() {
                return false;
            }
        }
        let first = Instant::now();
        let mut last = first;
        while last.elapsed() < SETTLED_AFTER && first.elapsed() < COALESCED_MAX {
            if let Ok(event) =
                self.events.recv_timeout(SETTLED_AFTER.saturating_sub(last.elapsed()))
                && self.matters(&event, told)
            {
                last = Instant::now();
            }
        }
        going()
    }

    /// Whether an event may have changed the corpus: not what merely looks at it, and not what we
    /// write ourselves.
    fn matters(&self, event: &notify::Result<Event>, told: &mut dyn FnMut(Told<'_>)) -> bool {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                told(Told::Warned(&error.to_string()));
                return true;
            }
        };
        if matches!(event.kind, EventKind::Access(_)) {
            return event.need_rescan();
        }
        let world = self.world.canonicalize().unwrap_or_else(|_| self.world.clone());
        let is_ours = |path: &PathBuf| {
            !path.starts_with(&world) && self.roots.iter().any(|root| path.starts_with(root))
        };
        event.need_rescan() || event.paths.is_empty() || event.paths.iter().any(is_ours)
    }
}
