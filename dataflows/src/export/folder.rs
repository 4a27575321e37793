//! The folder of an export: written beside its place, and put there in one step.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::ExportError;
use crate::store::StoreError;
use crate::store::disk::{Stream, discard_folder, exchange, names, step, sync_folder, write};

/// The file that says that a folder is an export and what is in it.
const INDEX: &str = "export.json";

/// What Python leaves in a folder that it has run.
const LEFT_BY_PYTHON: &str = "__pycache__";

/// An export on its way: nothing is at its place before it is whole.
pub(super) struct Folder {
    place: PathBuf,
    /// Where it is written; gone once it is at its place.
    beside: PathBuf,
}

impl Folder {
    /// Begins an export, unless something else than an earlier one is at its place.
    pub(super) fn begin(place: &Path) -> Result<Folder, ExportError> {
        check(place)?;
        let whole = match fs::canonicalize(place) {
            Ok(whole) => whole,
            Err(_) => step("find", place, || std::path::absolute(place))?,
        };
        let name = whole.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let beside = whole.with_file_name(format!(".tmp-export-{name}"));
        if beside.exists() {
            step("remove", &beside, || fs::remove_dir_all(&beside))?;
        }
        step("create", &beside, || fs::create_dir_all(&beside))?;
        Ok(Folder { place: whole, beside })
    }

    /// Writes a file at a path below the folder.
    pub(super) fn put(&self, path: &str, text: &str) -> Result<(), StoreError> {
        let path = self.beside.join(path);
        if let Some(folder) = path.parent() {
            step("create", folder, || fs::create_dir_all(folder))?;
        }
        let mut file = step("create", &path, || File::create(&path))?;
        write("write", &path, text.as_bytes(), |bytes| file.write_all(bytes))
    }

    /// Opens a file at a path below the folder for writing.
    pub(super) fn create(&self, path: &str) -> Result<Stream, StoreError> {
        let path = self.beside.join(path);
        if let Some(folder) = path.parent() {
            step("create", folder, || fs::create_dir_all(folder))?;
        }
        Ok(Stream::new(step("create", &path, || File::create(&path))?, &path))
    }

    /// Adds the index and puts the folder in its place.
    pub(super) fn finish(self, mut index: Value) -> Result<(), StoreError> {
        let mut entries = names(&self.beside)?;
        entries.push(INDEX.into());
        index["made_by"] = json!("agentscaler");
        index["entries"] = json!(entries);
        let text = serde_json::to_string_pretty(&index).expect("an index has text keys");
        self.put(INDEX, &format!("{text}\n"))?;
        if !self.place.exists() {
            step("rename", &self.place, || fs::rename(&self.beside, &self.place))?;
        } else if !exchange(&self.beside, &self.place)? {
            // A file system that cannot exchange two folders shows none for a moment.
            step("remove", &self.place, || fs::remove_dir_all(&self.place))?;
            step("rename", &self.place, || fs::rename(&self.beside, &self.place))?;
        }
        sync_folder(self.place.parent().unwrap_or(Path::new("/")))
    }
}

impl Drop for Folder {
    /// What is beside is an export that failed, or the one that was replaced.
    fn drop(&mut self) {
        discard_folder(&self.beside);
    }
}

/// Nothing is replaced but what an export made.
fn check(place: &Path) -> Result<(), ExportError> {
    let taken = |found: &str| ExportError::Taken { path: place.into(), found: found.into() };
    if place.is_file() {
        return Err(taken("a file"));
    }
    let found = names(place)?;
    let index = fs::read_to_string(place.join(INDEX)).unwrap_or_default();
    let index: Value = serde_json::from_str(&index).unwrap_or_default();
    let ours: Vec<&str> = match index["made_by"].as_str() {
        Some("agentscaler") => {
            index["entries"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
        }
        _ => Vec::new(),
    };
    let foreign =
        found.iter().find(|name| *name != LEFT_BY_PYTHON && !ours.contains(&name.as_str()));
    foreign.map_or(Ok(()), |name| Err(taken(name)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::Folder;

    #[test]
    fn only_an_earlier_export_is_replaced() {
        let scratch = tempfile::tempdir().unwrap();
        let place = scratch.path().join("out");
        let written = |text: &str| {
            let folder = Folder::begin(&place).unwrap();
            folder.put("books/tools.py", text).unwrap();
            folder.finish(json!({})).unwrap();
        };
        written("one");
        fs::create_dir(place.join("books/__pycache__")).unwrap();
        written("two");
        assert_eq!(fs::read(place.join("books/tools.py")).unwrap(), b"two");
        assert!(!place.join("books/__pycache__").exists());
        drop(Folder::begin(&place).unwrap());
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1, "nothing is left beside");
        fs::write(place.join("thesis.txt"), "years of work").unwrap();
        let error = Folder::begin(&place).err().unwrap();
        assert!(error.to_string().contains("thesis.txt"), "{error}");
        assert_eq!(fs::read(place.join("thesis.txt")).unwrap(), b"years of work");
    }
}
