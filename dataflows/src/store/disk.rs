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

#[cfg(test)]
pub(crate) mod faults;

/// Names of files still being written begin with this; readers and Hugging Face skip them.
pub(super) const TEMPORARY: &str = ".tmp-";

/// Writes a file that did not exist and waits until its bytes are on the disk.
///
/// On failure the file is removed again, since what it holds is unknown.
pub(super) fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), StoreError> {
    let written = create_new(path, mode).and_then(|mut file| {
        write("write", path, bytes, |bytes| file.write_all(bytes))?;
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
/// Fails if `fill` does, or if the file system refuses: then with what was refused on which path,
/// whatever `fill` made of that.
pub fn replace_streamed<T, E: From<StoreError>>(
    path: &Path,
    fill: impl FnOnce(&mut dyn io::Write) -> Result<T, E>,
) -> Result<T, E> {
    let beside = temporary_beside(path);
    // No lock keeps other processes from writing here.
    let mut name = beside.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}", std::process::id()));
    let temporary = beside.with_file_name(name);
    discard(&temporary);
    let mut stream = Stream::new(create_new(&temporary, 0o644)?, path);
    let filled = fill(&mut stream);
    let written = stream.close(filled).and_then(|(made, file)| {
        step("sync", path, || file.sync_all())?;
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

/// A file that is written as it comes. What the disk refuses is remembered with the path, since
/// those who write to it see a plain writer.
#[derive(Debug)]
pub(crate) struct Stream(io::BufWriter<Unbuffered>);

#[derive(Debug)]
struct Unbuffered {
    file: File,
    path: PathBuf,
    refused: Option<StoreError>,
}

impl Stream {
    /// Writes to a file that goes by a path in errors.
    pub(crate) fn new(file: File, path: &Path) -> Stream {
        let path = path.to_path_buf();
        Stream(io::BufWriter::new(Unbuffered { file, path, refused: None }))
    }

    /// Hands on what came of filling it, once all of it is with the system, and the file.
    ///
    /// # Errors
    ///
    /// Fails with what the disk refused, or else with what the filling failed with.
    pub(crate) fn close<T, E: From<StoreError>>(
        mut self,
        filled: Result<T, E>,
    ) -> Result<(T, File), E> {
        self.end()?;
        let (unbuffered, _unwritten) = self.0.into_parts();
        Ok((filled?, unbuffered.file))
    }

    /// Hands what is still in memory to the system.
    ///
    /// # Errors
    ///
    /// Fails with what the disk refused, now or before.
    pub(crate) fn end(&mut self) -> Result<(), StoreError> {
        if self.0.get_ref().refused.is_none() {
            // What is refused now is remembered like the rest.
            drop(self.0.flush());
        }
        self.0.get_mut().refused.take().map_or(Ok(()), Err)
    }
}

impl io::Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl io::Write for Unbuffered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let file = &mut self.file;
        let written = write("write", &self.path, bytes, |bytes| file.write_all(bytes));
        written.map(|()| bytes.len()).map_err(|refused| {
            self.refused.get_or_insert(refused);
            io::Error::other("the disk refused")
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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

/// Opens a file for reading.
pub(crate) fn open(path: &Path) -> Result<File, StoreError> {
    step("open", path, || File::open(path))
}

/// The size of a file, if it is there and is a file.
pub(super) fn size(path: &Path) -> Result<Option<u64>, StoreError> {
    let found = step("look at", path, || fs::metadata(path));
    let size = |it: fs::Metadata| it.is_file().then_some(it.len());
    found.map(size).or_else(|error| if error.is_missing() { Ok(None) } else { Err(error) })
}

/// The names in a folder, sorted; none if there is no folder.
pub(crate) fn names(path: &Path) -> Result<Vec<String>, StoreError> {
    let read = step("read", path, || {
        fs::read_dir(path)?
            .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<Vec<String>>>()
    });
    match read {
        Err(error) if error.is_missing() => Ok(Vec::new()),
        read => read.map(|mut names| {
            names.sort();
            names
        }),
    }
}

/// Removes what a failure left, if it can: a leftover that stays is swept with the next lock.
pub(super) fn discard(path: &Path) {
    #[cfg(test)]
    if faults::is_dead(path) {
        return;
    }
    drop(fs::remove_file(path));
}

/// Removes a folder that a failure left, likewise.
pub(crate) fn discard_folder(path: &Path) {
    #[cfg(test)]
    if faults::is_dead(path) {
        return;
    }
    drop(fs::remove_dir_all(path));
}

/// Runs one step on the file system and says in its error what was done to which path.
pub(crate) fn step<T>(
    action: &'static str,
    path: &Path,
    run: impl FnOnce() -> io::Result<T>,
) -> Result<T, StoreError> {
    #[cfg(test)]
    let run = || faults::strike(action, path).and_then(|()| run());
    run().map_err(|source| StoreError::of_io(action, path, source))
}

/// Runs a step that writes some bytes.
pub(crate) fn write(
    action: &'static str,
    path: &Path,
    bytes: &[u8],
    run: impl FnOnce(&[u8]) -> io::Result<()>,
) -> Result<(), StoreError> {
    // A disk that refuses may have taken a part.
    #[cfg(test)]
    let run = |all: &[u8]| match faults::strike(action, path) {
        Ok(()) => run(all),
        Err(error) => run(&all[..all.len() / 2]).and(Err(error)),
    };
    run(bytes).map_err(|source| StoreError::of_io(action, path, source))
}
