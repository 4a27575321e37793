//! Files that are whole or not there, whatever stops the program.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::error::LearnError;

/// Writes a new file and syncs it.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), LearnError> {
    let fault = || LearnError::io(path, "write the file");
    let mut file = File::create(path).map_err(fault())?;
    file.write_all(bytes).map_err(fault())?;
    file.sync_all().map_err(fault())
}

/// Writes a file beside its place and moves it there.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), LearnError> {
    let beside = beside(path)?;
    write(&beside, bytes)?;
    fs::rename(&beside, path).map_err(LearnError::io(path, "move the file into place"))?;
    sync_folder(parent(path))
}

/// Syncs a file that somebody else wrote.
pub(crate) fn sync_file(path: &Path) -> Result<(), LearnError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(LearnError::io(path, "sync the file"))
}

/// Syncs the names in a folder.
pub(crate) fn sync_folder(path: &Path) -> Result<(), LearnError> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(LearnError::io(path, "sync the folder"))
}

/// Fills a folder beside its place, then puts it there in one step; an older one of that name is
/// moved away before and removed after.
pub(crate) fn replace_folder(
    path: &Path,
    fill: impl FnOnce(&Path) -> Result<(), LearnError>,
) -> Result<(), LearnError> {
    let above = parent(path);
    fs::create_dir_all(above).map_err(LearnError::io(above, "make the folder"))?;
    let beside = beside(path)?;
    let retired = beside.with_extension("retired");
    for leftover in [&beside, &retired] {
        remove_folder(leftover)?;
    }
    fs::create_dir(&beside).map_err(LearnError::io(&beside, "make the folder"))?;
    fill(&beside)?;
    sync_folder(&beside)?;
    if path.exists() {
        fs::rename(path, &retired).map_err(LearnError::io(path, "move the folder away"))?;
    }
    fs::rename(&beside, path).map_err(LearnError::io(path, "move the folder into place"))?;
    sync_folder(above)?;
    remove_folder(&retired)
}

/// Removes a folder with all that is in it, if it is there.
pub(crate) fn remove_folder(path: &Path) -> Result<(), LearnError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(LearnError::io(path, "remove the folder")(error))
        }
        _ => Ok(()),
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A hidden name in the same folder: in-progress files must not look like files.
fn beside(path: &Path) -> Result<PathBuf, LearnError> {
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
        LearnError::refused(path.display().to_string(), "is no name for a file", "give another")
    })?;
    Ok(parent(path).join(format!(".{name}.partial")))
}
