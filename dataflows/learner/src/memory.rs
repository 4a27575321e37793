//! Whether there is room: what is far beyond a machine's memory is refused before any of it is
//! taken, since a system that runs out of memory ends programs without a word.

use std::fs;

use burn::tensor::Device;

use crate::config::Config;
use crate::error::LearnError;
use crate::loss::Document;

/// Bytes of a number while it is computed with.
const NUMBER: f64 = 4.0;

/// Checks that a model's numbers have room.
///
/// # Errors
///
/// Says how much they need and how much the machine has.
pub fn room_for_numbers(config: &Config) -> Result<(), LearnError> {
    let remedy = "use a smaller model, or a machine with more memory";
    room_for(NUMBER * config.size(), "the model", remedy)
}

/// Checks that a step of training has room on the processor: the numbers, for each that is learned
/// its gradient and two moments, and the attention of the longest document, which is kept for the
/// backward pass. That is the least that is needed; other devices say themselves what they lack.
///
/// # Errors
///
/// Says how much is needed and how much the machine has.
pub fn room_for_training<'d>(
    config: &Config,
    learned: f64,
    documents: impl Iterator<Item = &'d Document>,
    device: &Device,
) -> Result<(), LearnError> {
    if *device != Device::flex() {
        return Ok(());
    }
    let longest = documents.map(|document| document.tokens.len()).max().unwrap_or(0);
    let pairs = crate::parameters::to_f64(longest).powi(2);
    let scores = crate::parameters::to_f64(config.layers * config.heads) * pairs;
    let remedy = "lower --context, learn additions with --lora-rank, or use a smaller model";
    let subject = format!("a step of training over {longest} tokens");
    room_for(NUMBER * (config.size() + 3.0 * learned + scores), &subject, remedy)
}

fn room_for(bytes: f64, subject: &str, remedy: &str) -> Result<(), LearnError> {
    match total() {
        Some(total) if total < bytes => {
            let gigabytes = |size: f64| size / 1e9;
            let reason = format!(
                "needs {:.1} GB of memory or more, and this machine has {:.1}",
                gigabytes(bytes),
                gigabytes(total)
            );
            Err(LearnError::refused(subject, reason, remedy))
        }
        _ => Ok(()),
    }
}

/// Bytes of the machine's memory, where the system says so.
fn total() -> Option<f64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u32 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(f64::from(kilobytes) * 1024.0)
}
