//! What can go wrong in the learner, said with the file, the place in it and a remedy.

use std::io;
use std::path::{Path, PathBuf};

/// Why something could not be learned, generated or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LearnError {
    /// A file or folder could not be read or written.
    #[error("{path}: cannot {doing}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A file says something that cannot be used.
    #[error("{path}: {place}: {reason}", path = path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Where in it: a key, a tensor, a row.
        place: String,
        /// What is wrong there.
        reason: String,
        /// What can be done.
        remedy: String,
    },
    /// What was asked for cannot be done with what is there.
    #[error("{subject}: {reason}")]
    Refused {
        /// The option, split or file that it is about.
        subject: String,
        /// Why not.
        reason: String,
        /// What can be done.
        remedy: String,
    },
    /// The loss or a gradient stopped being a number.
    #[error("step {step}: the {what} is {value}; no snapshot holds what came of it")]
    Diverged {
        /// The step, counted from 1.
        step: u64,
        /// `loss` or `norm of the gradient`.
        what: &'static str,
        /// What it was instead of a finite number.
        value: f64,
    },
    /// The device gave up, usually for want of memory.
    #[error("the device stopped: {reason}")]
    Device {
        /// What it said.
        reason: String,
    },
}

impl LearnError {
    /// What a person can do about it.
    pub fn remedy(&self) -> Option<String> {
        match self {
            LearnError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("check the path".into())
            }
            LearnError::Io { .. } => None,
            LearnError::Unusable { remedy, .. } | LearnError::Refused { remedy, .. } => {
                Some(remedy.clone())
            }
            LearnError::Diverged { .. } => Some(
                "start again with a lower --learning-rate or --clip, and another --output".into(),
            ),
            LearnError::Device { .. } => Some(
                "lower --packs-at-once or give --recompute; the same command goes on from the last \
                 snapshot, which is whole"
                    .into(),
            ),
        }
    }

    pub(crate) fn io(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> LearnError {
        let path = path.to_path_buf();
        move |source| LearnError::Io { path, doing, source }
    }

    pub(crate) fn unusable(
        path: &Path,
        place: impl Into<String>,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) -> LearnError {
        LearnError::Unusable {
            path: path.to_path_buf(),
            place: place.into(),
            reason: reason.into(),
            remedy: remedy.into(),
        }
    }

    pub(crate) fn refused(
        subject: impl Into<String>,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) -> LearnError {
        LearnError::Refused {
            subject: subject.into(),
            reason: reason.into(),
            remedy: remedy.into(),
        }
    }
}
