//! What is given as a corpus: paths, patterns of paths, and standard input.

use std::fs::File;
use std::io::{self, Seek as _};
use std::path::{Component, Path, PathBuf};

use glob::{GlobError, MatchOptions, glob_with};

use super::CorpusError;

/// Whether a path given is standard input.
pub(super) fn is_standard_input(given: &Path) -> bool {
    given == Path::new("-")
}

/// Whether a path given is a pattern that no shell has expanded: it has wildcards, and nothing
/// goes by it as a name.
pub(super) fn is_pattern(given: &Path) -> bool {
    given.to_str().is_some_and(has_wildcard) && given.symlink_metadata().is_err()
}

fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// The folder that a pattern begins with: what matches goes by its place below it, as if the
/// folder itself had been given.
pub(super) fn base(pattern: &Path) -> PathBuf {
    let plain = |part: &Component<'_>| !part.as_os_str().to_str().is_some_and(has_wildcard);
    let base: PathBuf = pattern.components().take_while(plain).collect();
    if base.as_os_str().is_empty() { PathBuf::from(".") } else { base }
}

/// Every path that matches a pattern, in the order of their names. Wildcards match no separator
/// and no leading dot; `**` stands for folders of any depth, and links to folders are not followed
/// for it.
///
/// # Errors
///
/// Fails if the pattern is malformed.
pub(super) fn matches(
    pattern: &Path,
) -> Result<impl Iterator<Item = Result<PathBuf, GlobError>> + use<>, CorpusError> {
    let text = pattern.to_str().unwrap_or_default();
    let options = MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    glob_with(text, options).map_err(|error| CorpusError::Pattern {
        pattern: pattern.into(),
        reason: format!("{} at its character {}", error.msg, error.pos + 1),
    })
}

/// Copies standard input into a file without a name, which is gone with the process.
///
/// # Errors
///
/// Fails if the system does, for want of space for instance.
pub(super) fn spooled() -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    io::copy(&mut io::stdin().lock(), &mut file)?;
    file.rewind()?;
    Ok(file)
}
