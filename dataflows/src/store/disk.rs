//! The file system as the store uses it: every step that can fail, named, in one place.
//!
//! Nothing here retries. A failed `fsync` may have dropped the pages it could not write and
//! marked them clean, so a second `fsync` on the same file would report success for lost bytes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::StoreError;

/// Names of files still being written begin with this; readers and Hugging Face skip them.
pub(super) const TEMPORARY: &str = ".tmp-";

/// Writes a file that did not exist and waits until its bytes are on the disk.
///
/// On failure the file is removed again, since what it holds is unknown.
pub(super) fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), StoreError> {
    let written = create_new(path, mode).and_then(|mut file| {
        step("write", path, || file.write_all(bytes))?;
        step("sync", path, || file.sync_all())
    });
    if written.is_err() {
        discard(path);
    }
    written
}

/// Creates a file that did not exist.
pub(crate) fn create_new(path: &Path, mode: u32) -> Result<File, StoreError> {
    step("create", path, || {
        // The mode holds for later opens: this handle may write whatever the mode says.
        OpenOptions::new().read(true).write(true).create_new(true).mode(mode).open(path)
    })
}

/// Writes a file in place of another, so that a reader sees the old one or the new one whole.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let temporary = temporary_beside(path);
    discard(&temporary);
    write_new(&temporary, bytes, 0o644)?;
    rename(&temporary, path)?;
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

/// Writes a file outside a world in place of another, as it comes: a reader sees the old one or the
/// new one whole, and whatever stops the writing leaves the old one.
///
/// # Errors
///
/// Fails if `write` does, or if the file system refuses.
pub fn replace_streamed<T, E: From<StoreError>>(
    path: &Path,
    write: impl FnOnce(&mut dyn io::Write) -> Result<T, E>,
) -> Result<T, E> {
    let beside = temporary_beside(path);
    // No lock keeps other processes from writing here.
    let mut name = beside.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}", std::process::id()));
    let temporary = beside.with_file_name(name);
    discard(&temporary);
    let mut file = io::BufWriter::new(create_new(&temporary, 0o644)?);
    let written = write(&mut file).and_then(|made| {
        step("write", path, || file.flush())?;
        step("sync", path, || file.get_ref().sync_all())?;
        rename(&temporary, path)?;
        Ok(made)
    });
    if written.is_err() {
        discard(&temporary);
    }
    let made = written?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    sync_folder(folder.unwrap_or(Path::new(".")))?;
    Ok(made)
}

/// The name under which a file is written before it takes its own. No two are alike, since two
/// threads, or two processes on any machines, may be about to keep the same bytes.
pub(super) fn temporary_beside(path: &Path) -> PathBuf {
    static TAKEN: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let process = PROCESS.load(Ordering::Relaxed);
    let ordinal = TAKEN.fetch_add(1, Ordering::Relaxed);
    path.with_file_name(format!("{TEMPORARY}{process}-{ordinal}-{name}"))
}

/// Says which of the processes that write to one world this is; unsaid, the first.
pub(super) fn be_process(process: usize) {
    PROCESS.store(process, Ordering::Relaxed);
}

static PROCESS: AtomicUsize = AtomicUsize::new(0);

pub(super) fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    step("rename", to, || fs::rename(from, to))
}

/// Gives a file its name unless that name is taken; whether it was free.
pub(super) fn rename_exclusively(from: &Path, to: &Path) -> Result<bool, StoreError> {
    let renamed = step("rename", to, || {
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE).map_err(io::Error::from) {
            // A file system without this flag has links, which are exclusive too.
            Err(error) if is_unsupported(&error) => {
                fs::hard_link(from, to).and_then(|()| fs::remove_file(from))
            }
            renamed => renamed,
        }
    });
    match renamed {
        Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => {
            Ok(false)
        }
        renamed => renamed.map(|()| true),
    }
}

/// Lets two folders trade names in one step; false if the file system cannot.
pub(crate) fn exchange(one: &Path, other: &Path) -> Result<bool, StoreError> {
    step("exchange", other, || {
        match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).map_err(io::Error::from) {
            Err(error) if is_unsupported(&error) => Ok(false),
            exchanged => exchanged.map(|()| true),
        }
    })
}

fn is_unsupported(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported)
}

/// Makes a second name for a file, or a copy where the file system has no links.
pub(super) fn link_or_copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    step("link", to, || match fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(error),
        Err(_) => {
            fs::copy(from, to)?;
            File::open(to)?.sync_all()
        }
    })
}

/// Waits until the names in a folder are on the disk.
pub(crate) fn sync_folder(path: &Path) -> Result<(), StoreError> {
    step("sync", path, || File::open(path)?.sync_all())
}

pub(super) fn create_folder(path: &Path) -> Result<(), StoreError> {
    step("create", path, || fs::create_dir_all(path))
}

pub(super) fn remove_folder(path: &Path) -> Result<(), StoreError> {
    step("remove", path, || fs::remove_dir_all(path))
}

pub(super) fn remove_file(path: &Path) -> Result<(), StoreError> {
    step("remove", path, || fs::remove_file(path))
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, StoreError> {
    step("read", path, || fs::read(path))
}

/// The size of a file, if it is there and is a file.
pub(super) fn size(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|metadata| metadata.len())
}

/// The names in a folder, sorted; none if there is no folder.
pub(crate) fn names(path: &Path) -> Result<Vec<String>, StoreError> {
    let read = step("read", path, || {
        fs::read_dir(path)?
            .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<Vec<String>>>()
    });
    match read {
        Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(Vec::new())
        }
        read => read.map(|mut names| {
            names.sort();
            names
        }),
    }
}

/// Removes what a failure left, if it can: a leftover that stays is swept with the next lock.
pub(super) fn discard(path: &Path) {
    drop(fs::remove_file(path));
}

/// Runs one step on the file system and says in its error what was done to which path.
pub(crate) fn step<T>(
    action: &'static str,
    path: &Path,
    run: impl FnOnce() -> io::Result<T>,
) -> Result<T, StoreError> {
    #[cfg(test)]
    let run = || faults::strike().and_then(|()| run());
    run().map_err(|source| StoreError::of_io(action, path, source))
}

/// Failures on demand: the n-th step fails, once or from there on.
#[cfg(test)]
pub(crate) mod faults {
    use std::cell::Cell;
    use std::io;

    thread_local! {
        static STEPS_LEFT: Cell<usize> = const { Cell::new(usize::MAX) };
        static FOR_EVER: Cell<bool> = const { Cell::new(false) };
        static STRUCK: Cell<bool> = const { Cell::new(false) };
    }

    /// Runs something in which `steps` steps pass and the next fails, and with `for_ever` all
    /// after it; also says whether one did.
    pub(crate) fn after<T>(steps: usize, for_ever: bool, run: impl FnOnce() -> T) -> (T, bool) {
        STEPS_LEFT.set(steps);
        FOR_EVER.set(for_ever);
        STRUCK.set(false);
        let outcome = run();
        STEPS_LEFT.set(usize::MAX);
        (outcome, STRUCK.get())
    }

    pub(super) fn strike() -> io::Result<()> {
        match STEPS_LEFT.get() {
            usize::MAX => Ok(()),
            0 => {
                STRUCK.set(true);
                if !FOR_EVER.get() {
                    STEPS_LEFT.set(usize::MAX);
                }
                Err(io::Error::from(io::ErrorKind::StorageFull))
            }
            left => {
                STEPS_LEFT.set(left - 1);
                Ok(())
            }
        }
    }
}
