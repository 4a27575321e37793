//! What a run was like, line by line.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::plot;
use crate::durable;
use crate::error::LearnError;

/// A step as `metrics.jsonl` tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Counted from 1.
    pub step: u64,
    /// Counted from 0.
    pub epoch: usize,
    /// Mean negative log-likelihood of the supervised tokens, before the step.
    pub loss: f64,
    /// Length of the gradient before clipping.
    pub gradient_norm: f64,
    /// The rate.
    pub rate: f64,
    /// Tokens read.
    pub tokens: usize,
    /// Tokens learned.
    pub supervised: usize,
    /// How unevenly experts were used, where that is weighed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<f64>,
    /// Multiplications and additions of the model's matrix products ([`crate::flops`]), per token.
    #[serde(default)]
    pub flops_per_token: f64,
    /// Seconds it took.
    pub seconds: f64,
    /// Tokens read per second.
    pub tokens_per_second: f64,
    /// These products per second, as a share of what the device reached in a product of two large
    /// matrices when this process began.
    #[serde(default)]
    pub utilisation: f64,
}

/// An evaluation as `metrics.jsonl` tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The step after which it was made.
    pub step: u64,
    /// What was asked about.
    pub held_out: String,
    /// Mean negative log-likelihood of its supervised tokens.
    pub loss: f64,
    /// How many these are.
    pub supervised: usize,
}

impl Evaluation {
    pub(super) fn new(step: u64, name: &str, loss: f64, supervised: usize) -> Evaluation {
        Evaluation { step, held_out: name.into(), loss, supervised }
    }
}

/// A line of the file.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    Step(StepRecord),
    Evaluation(Evaluation),
}

/// `metrics.jsonl`, open at its end.
pub(super) struct Metrics {
    path: PathBuf,
    file: File,
}

impl Metrics {
    /// Opens the file; what it says of steps after `step` will be said again, and is taken out.
    pub(super) fn open(output: &Path, step: u64) -> Result<Metrics, LearnError> {
        let path = output.join("metrics.jsonl");
        let kept: String = read(&path)?
            .into_iter()
            .filter(|(line, _)| match line {
                Line::Step(record) => record.step <= step,
                Line::Evaluation(evaluation) => evaluation.step <= step,
            })
            .map(|(_, text)| text + "\n")
            .collect();
        durable::replace(&path, kept.as_bytes())?;
        let file = OpenOptions::new().append(true).open(&path);
        let file = file.map_err(LearnError::io(&path, "append to the metrics"))?;
        Ok(Metrics { path, file })
    }

    pub(super) fn step(&mut self, record: &StepRecord) -> Result<(), LearnError> {
        self.line(record)
    }

    pub(super) fn evaluation(&mut self, evaluation: &Evaluation) -> Result<(), LearnError> {
        self.line(evaluation)
    }

    fn line<R: Serialize>(&mut self, record: &R) -> Result<(), LearnError> {
        let mut line = serde_json::to_vec(record).expect("records have string keys");
        line.push(b'\n');
        self.file.write_all(&line).map_err(LearnError::io(&self.path, "append to the metrics"))
    }

    pub(super) fn sync(&self) -> Result<(), LearnError> {
        self.file.sync_all().map_err(LearnError::io(&self.path, "sync the metrics"))
    }

    /// Draws the file's losses beside it.
    pub(super) fn plot(&self, output: &Path) -> Result<(), LearnError> {
        let (mut steps, mut evaluations) = (Vec::new(), Vec::new());
        for (line, _) in read(&self.path)? {
            match line {
                Line::Step(record) => steps.push((record.step, record.loss)),
                Line::Evaluation(it) => evaluations.push((it.held_out, it.step, it.loss)),
            }
        }
        durable::replace(&output.join("loss.svg"), plot::losses(&steps, &evaluations).as_bytes())
    }
}

/// The lines of the file; a last one that a crash cut short is none.
fn read(path: &Path) -> Result<Vec<(Line, String)>, LearnError> {
    let text = match fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(LearnError::io(path, "read the metrics")(error)),
    };
    let lines = text.lines().filter_map(|line| {
        let parsed = serde_json::from_str(line).ok()?;
        Some((parsed, line.to_string()))
    });
    Ok(lines.collect())
}
