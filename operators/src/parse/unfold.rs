//! From bytes to text: what format they are in, and unfolding of compressed ones within limits.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read};
use std::thread;

use serde_json::Value as Json;

use schemas::{CorpusPlan, Rule};

use super::part::Documents;
use super::{Sink, api_bank, definition, lines, listing, mend, openapi, rejection};

/// How the bytes of a document are to be read. What they describe is found out by reading.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub enum Format {
    /// One JSON value.
    Json,
    /// A JSON value on each line; can be read in bounded memory.
    Lines,
    /// YAML.
    Yaml,
    /// A table in CSV (RFC 4180) with a column of definitions.
    Table,
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
        _ if api_bank::is_table(text) => Some(Format::Table),
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
pub(super) fn read(
    path: &str,
    reader: impl Read,
    siblings: &BTreeMap<String, Vec<u8>>,
    plan: &CorpusPlan,
    sink: Sink<'_>,
) {
    let (head, mut reader) = match open(reader, plan) {
        Ok(opened) => opened,
        Err(error) => return sink(Err(unreadable(path, &error, plan))),
    };
    match recognise(&head) {
        Some(Format::Lines) => lines::parse_lines(path, reader, plan, sink),
        Some(Format::Json | Format::Yaml | Format::Table) => {
            let mut bytes = Vec::new();
            let read = reader.by_ref().take(plan.document_bytes_max + 1).read_to_end(&mut bytes);
            if let Err(error) = read {
                return sink(Err(unreadable(path, &error, plan)));
            }
            if bytes.len() as u64 <= plan.document_bytes_max {
                return read_document(path, &bytes, siblings, plan, sink);
            }
            // A first line longer than the head hid that this is a line format.
            if first_object_ends_its_line(&bytes) {
                return lines::parse_lines(path, bytes.as_slice().chain(reader), plan, sink);
            }
            let reason = format!("is longer than {} bytes", plan.document_bytes_max);
            sink(Err(rejection(Rule::TooLarge, path, "", reason)));
        }
        Some(Format::Zstd | Format::Gzip) => {
            let reason = "is compressed more than once".into();
            sink(Err(rejection(Rule::NotADescription, path, "", reason)));
        }
        None => sink(Err(rejection(Rule::NotADescription, path, "", not_a_description(&head)))),
    }
}

/// The first bytes of a document, and a reader of the whole of it, uncompressed.
pub(super) fn open<'r>(
    reader: impl Read + 'r,
    plan: &CorpusPlan,
) -> io::Result<(Vec<u8>, Box<dyn BufRead + 'r>)> {
    let (head, outer) = peeked(reader)?;
    let unfolded: Box<dyn Read + 'r> = match recognise(&head) {
        Some(Format::Zstd) => Box::new(zstd::stream::read::Decoder::new(outer)?),
        Some(Format::Gzip) => Box::new(flate2::read::MultiGzDecoder::new(outer)),
        _ => return Ok((head, Box::new(outer))),
    };
    let counted = Counted { inner: unfolded, left: plan.unfolded_bytes_max };
    let (unfolded_head, inner) = peeked(counted)?;
    Ok((unfolded_head, Box::new(inner)))
}

/// The first bytes that a reader gives, and a reader that gives them again and then the rest.
fn peeked(mut reader: impl Read) -> io::Result<(Vec<u8>, impl BufRead)> {
    let mut head = Vec::new();
    reader.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    let rest = BufReader::with_capacity(HEAD_BYTES, reader);
    Ok((head.clone(), io::Cursor::new(head).chain(rest)))
}

/// The format and, unless it is a line format or longer than the plan allows, the bytes of a
/// document, uncompressed.
///
/// # Errors
///
/// Fails if the reader does, or if the document unfolds to more than the plan allows.
pub(super) fn whole(reader: impl Read, plan: &CorpusPlan) -> io::Result<(Option<Format>, Vec<u8>)> {
    let (head, reader) = open(reader, plan)?;
    let format = recognise(&head);
    let mut bytes = Vec::new();
    if matches!(format, Some(Format::Json | Format::Yaml)) {
        reader.take(plan.document_bytes_max + 1).read_to_end(&mut bytes)?;
    }
    if plan.document_bytes_max < bytes.len() as u64 {
        bytes.clear();
    }
    Ok((format, bytes))
}

/// Reads one whole document that is held in memory.
fn read_document(
    path: &str,
    bytes: &[u8],
    siblings: &BTreeMap<String, Vec<u8>>,
    plan: &CorpusPlan,
    sink: Sink<'_>,
) {
    let text = match text_of(bytes) {
        Ok(text) => text,
        Err(reason) => return sink(Err(rejection(Rule::Malformed, path, "", reason))),
    };
    if api_bank::is_table(text.as_bytes()) {
        return api_bank::read(path, text, plan, sink);
    }
    let document = if text.trim_ascii_start().starts_with(['{', '[']) {
        match mend::read(text) {
            Ok((document, 0)) => document,
            Ok((document, halves)) => {
                sink(Err(rejection(Rule::Malformed, path, "", mend::told(halves))));
                document
            }
            Err(error) if error.to_string().starts_with("trailing characters") => {
                return lines::parse_lines(path, text.as_bytes(), plan, sink);
            }
            Err(error) => {
                let reason = invalid_json(text, &error);
                return sink(Err(rejection(Rule::Malformed, path, "", reason)));
            }
        }
    } else if text.lines().any(|line| YAML_MARKS.iter().any(|mark| line.starts_with(mark))) {
        match read_yaml(text, plan) {
            Ok(document) => document,
            Err(reason) => return sink(Err(rejection(Rule::Malformed, path, "", reason))),
        }
    } else {
        let reason = not_a_description(bytes);
        return sink(Err(rejection(Rule::NotADescription, path, "", reason)));
    };
    let mut found = false;
    let mut noting = |outcome| {
        found = true;
        sink(outcome);
    };
    if openapi::is_openapi(&document) {
        let siblings = opened_siblings(siblings, plan);
        let documents = Documents::new(path, &document, &siblings);
        openapi::read(path, "", &documents, plan, &mut noting);
    } else {
        listing::walk(path, "", &document, &definition::Place::default(), plan, &mut noting);
    }
    if !found && !is_empty(&document) {
        let reason = "is not an API description: it describes no tool".into();
        sink(Err(rejection(Rule::NotADescription, path, "", reason)));
    }
}

/// What the siblings of a document hold; those that hold no JSON and no YAML are left out, and
/// references to them dangle.
fn opened_siblings(
    siblings: &BTreeMap<String, Vec<u8>>,
    plan: &CorpusPlan,
) -> BTreeMap<String, Json> {
    let opened = siblings.iter().filter_map(|(path, bytes)| {
        let (_, bytes) = whole(bytes.as_slice(), plan).ok()?;
        let text = text_of(&bytes).ok()?;
        let json = if text.trim_ascii_start().starts_with(['{', '[']) {
            serde_json::from_str(text).ok()?
        } else {
            read_yaml(text, plan).ok()?
        };
        Some((path.clone(), json))
    });
    opened.collect()
}

fn text_of(bytes: &[u8]) -> Result<&str, String> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.trim_start_matches('\u{feff}')),
        Err(error) => Err(format!("is not UTF-8 text: byte {} is malformed", error.valid_up_to())),
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

fn read_yaml(text: &str, plan: &CorpusPlan) -> Result<Json, String> {
    let bytes_max = usize::try_from(plan.document_bytes_max).unwrap_or(usize::MAX);
    // The reader recurses with large frames; a worker's own stack ends at some eighty levels.
    thread::scope(|scope| {
        let reader = thread::Builder::new().stack_size(STACK_BYTES);
        let reader = reader.spawn_scoped(scope, || read_yaml_here(text, bytes_max));
        let reader = reader.map_err(|error| format!("cannot be read: {error}"))?;
        reader.join().unwrap_or_else(|_| Err("is YAML that its reader fails on".into()))
    })
}

/// Nodes and events that a short document may have beyond one for each of its bytes.
const YAML_SPARE: usize = 10_000;

fn read_yaml_here(text: &str, bytes_max: usize) -> Result<Json, String> {
    let budget = serde_saphyr::budget! {
        max_depth: DEPTH_MAX,
        // Written out, nothing has more parts than bytes: what has is made of aliases.
        max_events: 2 * text.len() + YAML_SPARE,
        max_nodes: text.len() + YAML_SPARE,
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
fn is_empty(document: &Json) -> bool {
    openapi::is_openapi(document)
        || document.as_array().is_some_and(Vec::is_empty)
        || document.get("tools").and_then(Json::as_array).is_some_and(Vec::is_empty)
}

/// Why nothing more can be read of a document.
pub(super) fn unreadable(path: &str, error: &io::Error, plan: &CorpusPlan) -> schemas::Rejection {
    if error.kind() == io::ErrorKind::FileTooLarge {
        let reason = format!("unfolds to more than {} bytes", plan.unfolded_bytes_max);
        return rejection(Rule::TooLarge, path, "", reason);
    }
    let reason = format!("cannot be read: {}", one_line(&error.to_string()));
    // A decoder fails with one of these; a disk does not.
    let is_malformed = matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof
            | io::ErrorKind::InvalidData
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::Other
    );
    let rule = if is_malformed { Rule::Malformed } else { Rule::Unreachable };
    rejection(rule, path, "", reason)
}

fn first_object_ends_its_line(text: &[u8]) -> bool {
    let Some(end) = text.iter().position(|byte| *byte == b'\n') else { return false };
    let (first, rest) = text.split_at(end);
    // One object on one line is a document, and may refer to others.
    first.trim_ascii_end().ends_with(b"}") && rest.trim_ascii_start().first() == Some(&b'{')
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
