//! References from one document to another.
//!
//! A reference names another file of the corpus by its place relative to the file it stands in, as
//! JSON Schema and OpenAPI write them (OpenAPI Specification 3.1.0 section 4.6, RFC 3986 section
//! 5.2). Nothing else is followed: no scheme, no host, no absolute path, and nothing that climbs
//! out of the corpus. What a reference leads to is looked up among the documents of the corpus, so
//! there is no file that it could open.

use std::collections::BTreeSet;
use std::io::{self, Read};

use serde::{Deserialize, Serialize};

use schemas::CorpusPlan;

use super::unfold::{self, Format};

/// Most files that one document may refer to, directly or through others.
pub const SIBLINGS_MAX: usize = 4_096;

/// Longest reference looked at, in bytes.
const REFERENCE_BYTES_MAX: usize = 1_024;

/// The files that a document refers to.
#[derive(Clone, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct References {
    /// Whether it may be an API description by itself, and no mere part of others.
    pub begins: bool,
    /// The files, as they are written there, sorted.
    pub files: Vec<String>,
}

/// The files that a document refers to; references within it are none.
///
/// Looks for `$ref` in the text without reading its structure, so that the answer costs little
/// and may hold more than the document means. Line formats refer to nothing.
///
/// # Errors
///
/// Fails if the reader does.
pub fn references(reader: impl Read, plan: &CorpusPlan) -> io::Result<References> {
    let (format, bytes) = unfold::whole(reader, plan)?;
    if !matches!(format, Some(Format::Json | Format::Yaml)) {
        return Ok(References::default());
    }
    let mut found = BTreeSet::new();
    let mut rest = bytes.as_slice();
    while let Some(start) = memchr::memmem::find(rest, MARK) {
        rest = &rest[start + MARK.len()..];
        let Some(reference) = reference(rest) else { continue };
        let file = reference.split('#').next().unwrap_or_default();
        if !file.is_empty() && found.len() < SIBLINGS_MAX {
            found.insert(file.to_string());
        }
    }
    let begins = MARKS.iter().any(|mark| memchr::memmem::find(&bytes, mark).is_some());
    Ok(References { begins, files: found.into_iter().collect() })
}

const MARK: &[u8] = b"$ref";

/// One of these stands in every document whose references are followed.
const MARKS: [&[u8]; 2] = [b"openapi", b"swagger"];

/// The text after a `$ref` key, in JSON or YAML.
fn reference(after: &[u8]) -> Option<&str> {
    let window = &after[..after.len().min(REFERENCE_BYTES_MAX)];
    let colon = window.iter().position(|byte| *byte == b':')?;
    // Between the key and its colon there is at most its closing quote and a space.
    if 2 < colon {
        return None;
    }
    let value = window[colon + 1..].trim_ascii_start();
    let (quote, value) = match value.first()? {
        quote @ (b'"' | b'\'') => (Some(*quote), &value[1..]),
        _ => (None, value),
    };
    let end = value.iter().position(|byte| match quote {
        Some(quote) => *byte == quote || *byte == b'\n',
        None => matches!(byte, b'\n' | b'\r' | b' ' | b',' | b'}'),
    })?;
    std::str::from_utf8(&value[..end]).ok().map(str::trim)
}

/// The path below the corpus root that a reference leads to from the document at `from`.
///
/// Nothing for what must not be followed: other schemes and hosts, absolute paths, and paths that
/// climb out of the corpus.
pub fn resolve(from: &str, file: &str) -> Option<String> {
    let file = percent_decoded(file);
    let is_foreign = file.starts_with(['/', '\\', '~'])
        || file.contains("://")
        || file.contains(['\0', '\\', '?'])
        // A scheme: RFC 3986 section 3.1. A drive letter looks the same.
        || file.split(['/', '.']).next().is_some_and(|first| first.contains(':'));
    if is_foreign || file.is_empty() {
        return None;
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in file.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// The text with its percent-encoded bytes (RFC 3986 section 2.1) as they are meant.
pub(super) fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let code = (byte == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(code.unwrap_or(byte));
        rest = if code.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_found_in_json_and_yaml() {
        let plan = CorpusPlan::default();
        let found = |text: &str| references(text.as_bytes(), &plan).unwrap().files;
        assert_eq!(
            found(r##"{"a": {"$ref": "types.json#/Pet"}, "b": {"$ref":"#/c"}, "c": "$ref"}"##),
            ["types.json"]
        );
        assert_eq!(
            found("openapi: 3.0.0\na:\n  $ref: ../types.yaml#/Pet\nb: {$ref: 'my%20file.yml'}\n"),
            ["../types.yaml", "my%20file.yml"]
        );
        assert!(references("openapi: 3\n".as_bytes(), &plan).unwrap().begins);
        assert_eq!(found("{\"a\": {\"$ref\": \"x.json\"}}\n{\"b\": 1}\n"), [""; 0]);
    }

    #[test]
    fn nothing_outside_the_corpus_is_led_to() {
        assert_eq!(resolve("apis/v1/a.json", "../types.json").as_deref(), Some("apis/types.json"));
        assert_eq!(resolve("apis/a.json", "./b%20c.json").as_deref(), Some("apis/b c.json"));
        assert_eq!(resolve("a.json", "b.json").as_deref(), Some("b.json"));
        for outside in [
            "../../secret.json",
            "/etc/passwd",
            "file:///etc/passwd",
            "http://169.254.169.254/latest",
            "//host/share.json",
            "c:/windows/system.ini",
            "..%2f..%2fsecret.json",
            "~/secret.json",
            "..\\..\\secret.json",
        ] {
            assert_eq!(resolve("apis/a.json", outside), None, "{outside}");
        }
    }
}
