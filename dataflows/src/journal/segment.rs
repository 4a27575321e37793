//! The text of a segment: its first line, its entries, and where it ends.

use serde::Deserialize;

use schemas::{Digest, RequestId};

use super::Exchange;

/// The layout of segments that this program writes. It reads this one and those before.
pub(super) const FORMAT: u32 = 1;

/// The first line of a segment.
pub(super) const HEADER: &str = "agentscaler journal 1\n";

/// What the first line begins with in every format.
const NAME: &[u8] = b"agentscaler journal ";

/// Length of an entry's checksum: hexadecimal digits of SHA-256.
const CHECKSUM: usize = 64;

/// What a segment holds.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) entries: Vec<Entry>,
    /// How many bytes, from the start, are whole entries.
    pub(super) whole: u64,
}

/// One entry.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) offset: u64,
    pub(super) bytes: u64,
    pub(super) answers: Vec<RequestId>,
}

/// Why a segment cannot be read.
#[derive(Debug)]
pub(super) enum Damage {
    /// It is of a format newer than this program.
    Newer(u32),
    /// It is not what was written.
    Torn(String),
}

/// What of an exchange the index needs: later formats may add to the rest.
#[derive(Deserialize)]
struct Indexed {
    answer: IndexedAnswer,
}

#[derive(Deserialize)]
struct IndexedAnswer {
    request: RequestId,
}

/// Reads a segment up to an entry that was not finished.
///
/// # Errors
///
/// Fails if the format is newer, or if a whole entry follows one that is not: then the journal was
/// damaged and not interrupted.
pub(super) fn scan(bytes: &[u8]) -> Result<Scan, Damage> {
    if bytes.len() < HEADER.len() && HEADER.as_bytes().starts_with(bytes) {
        return Ok(Scan { entries: Vec::new(), whole: 0 });
    }
    check_format(bytes)?;
    let mut entries = Vec::new();
    let mut whole = HEADER.len();
    while whole < bytes.len() {
        let rest = &bytes[whole..];
        let Some(text) = line_of(rest).and_then(checked) else {
            if later(rest) {
                let reason = format!("the entry at byte {whole} is not what was written");
                return Err(Damage::Torn(reason));
            }
            break;
        };
        let indexed: Vec<Indexed> = serde_json::from_slice(text).map_err(|error| {
            Damage::Torn(format!("the entry at byte {whole} is no list of exchanges: {error}"))
        })?;
        let length = CHECKSUM + 1 + text.len() + 1;
        entries.push(Entry {
            offset: whole as u64,
            bytes: length as u64,
            answers: indexed.into_iter().map(|it| it.answer.request).collect(),
        });
        whole += length;
    }
    Ok(Scan { entries, whole: whole as u64 })
}

fn check_format(bytes: &[u8]) -> Result<(), Damage> {
    let foreign = || Damage::Torn("it does not begin as a journal does".into());
    let line = line_of(bytes).ok_or_else(foreign)?;
    let digits = line.strip_prefix(NAME).ok_or_else(foreign)?;
    let format = std::str::from_utf8(digits).ok().and_then(|it| it.parse::<u32>().ok());
    match format {
        Some(FORMAT) => Ok(()),
        Some(format) if FORMAT < format => Err(Damage::Newer(format)),
        _ => Err(foreign()),
    }
}

/// The first line, without its line feed; none if it has none.
fn line_of(bytes: &[u8]) -> Option<&[u8]> {
    bytes.iter().position(|byte| *byte == b'\n').map(|end| &bytes[..end])
}

/// The text of an entry whose checksum fits it.
fn checked(line: &[u8]) -> Option<&[u8]> {
    let (checksum, text) = line.split_at_checked(CHECKSUM)?;
    let text = text.strip_prefix(b" ")?;
    let stated: Digest = std::str::from_utf8(checksum).ok()?.parse().ok()?;
    (stated == Digest::of(text)).then_some(text)
}

/// Whether a whole entry begins anywhere after the first byte: a line feed may be what was damaged.
fn later(bytes: &[u8]) -> bool {
    let spaces = bytes.iter().enumerate().filter(|(_, byte)| **byte == b' ');
    let starts = spaces.filter_map(|(space, _)| space.checked_sub(CHECKSUM));
    let is_checksum =
        |start: usize| bytes[start..start + CHECKSUM].iter().all(u8::is_ascii_hexdigit);
    starts
        .filter(|start| 0 < *start && is_checksum(*start))
        .any(|start| line_of(&bytes[start..]).is_some_and(|line| checked(line).is_some()))
}

/// The line that records some exchanges.
pub(super) fn line(exchanges: &[Exchange]) -> Vec<u8> {
    let text = serde_json::to_vec(exchanges).expect("exchanges have string keys");
    let mut line = format!("{} ", Digest::of(&text)).into_bytes();
    line.extend_from_slice(&text);
    line.push(b'\n');
    line
}

/// The exchanges that a line records, if it is what was written.
pub(super) fn exchanges(line: &[u8]) -> Option<Vec<Exchange>> {
    serde_json::from_slice(checked(line.strip_suffix(b"\n")?)?).ok()
}
