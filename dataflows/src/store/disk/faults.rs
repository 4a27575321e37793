//! Failures on demand: below a folder, the n-th step on the disk fails.
//!
//! A step that writes fails with half of its bytes written. What a world does is seen by its folder
//! and not by the thread, since workers share the steps.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What comes after the step that fails.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mode {
    /// All goes well again.
    Once,
    /// Every later step fails too, as on a full disk.
    ForEver,
    /// Nothing: the process is gone, and not even clears away what it was writing.
    Crash,
}

impl Mode {
    pub(crate) const ALL: [Mode; 3] = [Mode::Once, Mode::ForEver, Mode::Crash];
}

/// What happened below a folder.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// How many steps were tried, those that failed among them.
    pub(crate) steps: usize,
    /// The first that failed, in words, if one did.
    pub(crate) struck: Option<String>,
}

#[derive(Debug)]
struct Armed {
    below: PathBuf,
    mode: Mode,
    left: usize,
    seen: Seen,
}

static ARMED: Mutex<Vec<Armed>> = Mutex::new(Vec::new());

fn armed() -> MutexGuard<'static, Vec<Armed>> {
    ARMED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs something in which `steps` steps below a folder pass and the next fails; also says what was
/// seen there.
pub(crate) fn after<T>(
    below: &Path,
    mode: Mode,
    steps: usize,
    run: impl FnOnce() -> T,
) -> (T, Seen) {
    let below = below.to_path_buf();
    armed().push(Armed { below: below.clone(), mode, left: steps, seen: Seen::default() });
    let outcome = run();
    let mut all = armed();
    let place = all.iter().position(|it| it.below == below).expect("it was armed above");
    (outcome, all.swap_remove(place).seen)
}

/// How many steps something takes below a folder.
pub(crate) fn counted<T>(below: &Path, run: impl FnOnce() -> T) -> (T, usize) {
    let (outcome, seen) = after(below, Mode::Once, usize::MAX, run);
    (outcome, seen.steps)
}

pub(super) fn strike(action: &str, path: &Path) -> io::Result<()> {
    let mut all = armed();
    let Some(one) = all.iter_mut().find(|it| path.starts_with(&it.below)) else { return Ok(()) };
    one.seen.steps += 1;
    let fails = match one.mode {
        Mode::Once => one.left == 0 && one.seen.struck.is_none(),
        Mode::ForEver | Mode::Crash => one.left == 0,
    };
    one.left = one.left.saturating_sub(1);
    if fails {
        one.seen.struck.get_or_insert_with(|| format!("{action} {}", path.display()));
        return Err(io::Error::from(io::ErrorKind::StorageFull));
    }
    Ok(())
}

/// Whether the process that works below a folder with this path is to be taken for gone.
pub(super) fn is_dead(path: &Path) -> bool {
    let is_it = |it: &Armed| path.starts_with(&it.below) && it.mode == Mode::Crash;
    armed().iter().any(|it| is_it(it) && it.seen.struck.is_some())
}
