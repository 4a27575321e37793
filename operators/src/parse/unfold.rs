//! From bytes to text: what format they are in, and unfolding of compressed ones within limits.

use std::io::{self, BufRead, BufReader, Read};
use std::thread;

use schemas::{CorpusPlan, Rule};

use super::{Sink, definition, lines, listing, openapi, rejection};

/// How the bytes of a document are to be read. What they describe is found out by reading.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub enum Format {
    /// One JSON value.
    Json,
    /// A JSON value on each line; can be read in bounded memory.
    Lines,
    /// YAML.
    Yaml,
    /// Any of the above, compressed with zstd (RFC 8878).
    Zstd,
    /// Any of the above, compressed with gzip (RFC 1952).
    Gzip,
}

/// Recognises a format by the first bytes of a document; a few kilobytes are enough.
///
/// Nothing means that the document is not text of a known format. A line format whose first line
/// is longer than `head` is taken for one JSON value.
pub fn recognise(head: &[u8]) -> Option<Format> {
    if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        return Some(Format::Zstd);
    }
    if head.starts_with(&[0x1f, 0x8b]) {
        return Some(Format::Gzip);
    }
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    if text.contains(&0) {
        return None;
    }
    match text.first()? {
        b'[' => Some(Format::Json),
        b'{' if first_object_ends_its_line(text) => Some(Format::Lines),
        b'{' => Some(Format::Json),
        _ if text.split(|byte| *byte == b'\n').take(YAML_LINES_MAX).any(is_key_line) => {
            Some(Format::Yaml)
        }
        _ => None,
    }
}

/// Lines looked at for a first `key:`; comments may come before it.
const YAML_LINES_MAX: usize = 200;

/// Bytes looked at to recognise a format.
const HEAD_BYTES: usize = 256 << 10;

/// Reads a document of any format and hands over what it describes.
pub(super) fn read(path: &str, reader: impl Read, plan: &CorpusPlan, sink: Sink<'_>) {
    let mut outer = BufReader::with_capacity(HEAD_BYTES, reader);
    let (head, outer) = match peek(&mut outer) {
        Ok(head) => (head, outer),
        Err(error) => return sink(Err(unreadable(path, &error, plan))),
    };
    let start = io::Cursor::new(head.clone()).chain(outer);
    match recognise(&head) {
        Some(Format::Zstd) => match zstd::stream::read::Decoder::new(start) {
            Ok(unfolded) => read_unfolded(path, unfolded, plan, sink),
            Err(error) => sink(Err(unreadable(path, &error, plan))),
        },
        Some(Format::Gzip) => {
            read_unfolded(path, flate2::read::MultiGzDecoder::new(start), plan, sink);
        }
        format => read_plain(path, format, &head, start, plan, sink),
    }
}

fn read_unfolded(path: &str, unfolded: impl Read, plan: &CorpusPlan, sink: Sink<'_>) {
    let counted = Counted { inner: unfolded, left: plan.unfolded_bytes_max };
    let mut inner = BufReader::with_capacity(HEAD_BYTES, counted);
    match peek(&mut inner) {
        Ok(head) => {
            let start = io::Cursor::new(head.clone()).chain(inner);
            read_plain(path, recognise(&head), &head, start, plan, sink);
        }
        Err(error) => sink(Err(unreadable(path, &error, plan))),
    }
}

fn read_plain(
    path: &str,
    format: Option<Format>,
    head: &[u8],
    mut reader: impl BufRead,
    plan: &CorpusPlan,
    sink: Sink<'_>,
) {
    match format {
        Some(Format::Lines) => lines::parse_lines(path, reader, plan, sink),
        Some(Format::Json | Format::Yaml) => {
            let mut bytes = Vec::new();
            let read = reader.by_ref().take(plan.document_bytes_max + 1).read_to_end(&mut bytes);
            if let Err(error) = read {
                return sink(Err(unreadable(path, &error, plan)));
            }
            if plan.document_bytes_max < bytes.len() as u64 {
                let reason = format!("is longer than {} bytes", plan.document_bytes_max);
                return sink(Err(rejection(Rule::TooLarge, path, "", reason)));
            }
            read_document(path, &bytes, plan, sink);
        }
        Some(Format::Zstd | Format::Gzip) => {
            sink(Err(rejection(
                Rule::NotADescription,
                path,
                "",
                "is compressed more than once".into(),
            )));
        }
        None => sink(Err(rejection(Rule::NotADescription, path, "", not_a_description(head)))),
    }
}

/// Reads one whole document that is held in memory.
fn read_document(path: &str, bytes: &[u8], plan: &CorpusPlan, sink: Sink<'_>) {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.trim_start_matches('\u{feff}'),
        Err(error) => {
            let reason = format!("is not UTF-8 text: byte {} is malformed", error.valid_up_to());
            return sink(Err(rejection(Rule::Malformed, path, "", reason)));
        }
    };
    let document = if text.trim_ascii_start().starts_with(['{', '[']) {
        match serde_json::from_str::<serde_json::Value>(text) {
            Ok(document) => document,
            Err(error) if error.to_string().starts_with("trailing characters") => {
                return lines::parse_lines(path, text.as_bytes(), plan, sink);
            }
            Err(error) => {
                return sink(Err(rejection(Rule::Malformed, path, "", invalid_json(text, &error))));
            }
        }
    } else if text.lines().any(|line| YAML_MARKS.iter().any(|mark| line.starts_with(mark))) {
        match read_yaml(text, plan) {
            Ok(document) => document,
            Err(reason) => return sink(Err(rejection(Rule::Malformed, path, "", reason))),
        }
    } else {
        return sink(Err(rejection(Rule::NotADescription, path, "", not_a_description(bytes))));
    };
    let mut found = false;
    let mut noting = |outcome| {
        found = true;
        sink(outcome);
    };
    if openapi::is_openapi(&document) {
        openapi::read(path, "", &document, plan, &mut noting);
    } else {
        listing::walk(path, "", &document, &definition::Place::default(), plan, &mut noting);
    }
    if !found && !is_empty(&document) {
        sink(Err(rejection(
            Rule::NotADescription,
            path,
            "",
            "is not an API description: it describes no tool".into(),
        )));
    }
}

/// Keys one of which opens a line of every YAML document read.
const YAML_MARKS: [&str; 8] = [
    "openapi:",
    "swagger:",
    "\"openapi\":",
    "\"swagger\":",
    "'openapi':",
    "'swagger':",
    "tools:",
    "functions:",
];

/// Deepest nesting of a YAML document; as `serde_json` has for JSON.
const DEPTH_MAX: usize = 128;

/// Stack for reading YAML of that nesting, in bytes; measured to need a tenth of it.
const STACK_BYTES: usize = 32 << 20;

fn read_yaml(text: &str, plan: &CorpusPlan) -> Result<serde_json::Value, String> {
    let bytes_max = usize::try_from(plan.document_bytes_max).unwrap_or(usize::MAX);
    // The reader recurses with large frames; a worker's own stack ends at some eighty levels.
    thread::scope(|scope| {
        let reader = thread::Builder::new().stack_size(STACK_BYTES);
        let reader = reader.spawn_scoped(scope, || read_yaml_here(text, bytes_max));
        let reader = reader.map_err(|error| format!("cannot be read: {error}"))?;
        reader.join().unwrap_or_else(|_| Err("is YAML that its reader fails on".into()))
    })
}

fn read_yaml_here(text: &str, bytes_max: usize) -> Result<serde_json::Value, String> {
    let budget = serde_saphyr::budget! {
        max_depth: DEPTH_MAX,
        max_events: bytes_max / 4,
        max_nodes: bytes_max / 8,
        max_documents: 1,
        max_total_scalar_bytes: bytes_max,
    };
    let options = serde_saphyr::options! {
        budget: budget,
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::LastWins,
        // YAML 1.2 core schema: `On` and `yes` are text, `010` is ten.
        strict_booleans: true,
        legacy_octal_numbers: false,
        with_snippet: false,
        non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::AsString,
    };
    serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| format!("is not valid YAML: {}", one_line(&error.to_string())))
}

/// What `serde_json` found wrong, with the byte beside the line and column it says.
pub(super) fn invalid_json(text: &str, error: &serde_json::Error) -> String {
    let before: usize =
        text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let byte = before + error.column().saturating_sub(1);
    format!("is not valid JSON: {} (byte {byte})", one_line(&error.to_string()))
}

fn one_line(message: &str) -> String {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(300).collect()
}

fn not_a_description(head: &[u8]) -> String {
    if head.trim_ascii().is_empty() {
        return "is empty".into();
    }
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return "is not UTF-8 text: it starts with the mark of UTF-16".into();
    }
    let kind = if head.contains(&0) || std::str::from_utf8(&head[..head.len().min(64)]).is_err() {
        "binary data"
    } else {
        "text of another kind"
    };
    format!("is not an API description: it is {kind}")
}

/// Whether a document is of a known format and lists nothing.
fn is_empty(document: &serde_json::Value) -> bool {
    openapi::is_openapi(document)
        || document.as_array().is_some_and(Vec::is_empty)
        || document.get("tools").and_then(serde_json::Value::as_array).is_some_and(Vec::is_empty)
}

/// Why nothing more can be read of a document.
pub(super) fn unreadable(path: &str, error: &io::Error, plan: &CorpusPlan) -> schemas::Rejection {
    if error.kind() == io::ErrorKind::FileTooLarge {
        let reason = format!("unfolds to more than {} bytes", plan.unfolded_bytes_max);
        return rejection(Rule::TooLarge, path, "", reason);
    }
    let reason = format!("cannot be read: {}", one_line(&error.to_string()));
    rejection(Rule::Unreachable, path, "", reason)
}

/// The first bytes of a document, taken out of the reader.
fn peek(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    reader.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    Ok(head)
}

fn first_object_ends_its_line(text: &[u8]) -> bool {
    let Some(end) = text.iter().position(|byte| *byte == b'\n') else { return false };
    let (first, rest) = text.split_at(end);
    first.trim_ascii_end().ends_with(b"}")
        && rest.trim_ascii_start().first().is_none_or(|byte| *byte == b'{')
}

fn is_key_line(line: &[u8]) -> bool {
    let name = line.iter().take_while(|byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'"' | b'\'')
    });
    let length = name.count();
    0 < length && line[length..].first() == Some(&b':')
}

/// A reader that fails when more is read than it may unfold to.
struct Counted<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self
            .left
            .checked_sub(read as u64)
            .ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge))?;
        Ok(read)
    }
}
