//! JSON with halves of characters in it, read without losing the rest.
//!
//! RFC 8259 section 8.2 lets a text escape half of a surrogate pair, which is no character; what
//! cut strings in the middle of one writes that. It costs the half and not the document.

use serde_json::Value as Json;

/// Reads one JSON value, and says how many halves of characters were read as U+FFFD.
///
/// # Errors
///
/// Returns what `serde_json` finds wrong in the text as it is, if that is not all of it.
pub(super) fn read(text: &str) -> Result<(Json, usize), serde_json::Error> {
    let error = match serde_json::from_str(text) {
        Ok(value) => return Ok((value, 0)),
        Err(error) => error,
    };
    let (mended, count) = mended(text);
    match serde_json::from_str(&mended) {
        Ok(value) if 0 < count => Ok((value, count)),
        _ => Err(error),
    }
}

/// How such a text is told of.
pub(super) fn told(count: usize) -> String {
    match count {
        1 => "holds half of a character, read as U+FFFD".into(),
        count => format!("holds {count} halves of characters, read as U+FFFD"),
    }
}

/// Length of an escape of four hexadecimal digits.
const ESCAPE: usize = 6;

/// The text with every escaped half of a character replaced, and how many there were.
fn mended(text: &str) -> (String, usize) {
    let mut out = String::with_capacity(text.len());
    let mut count = 0;
    let mut rest = text;
    while let Some(start) = rest.find('\\') {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let length = match (unit(rest), rest.get(ESCAPE..).and_then(unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 2 * ESCAPE,
            (Some(0xd800..=0xdfff), _) => {
                count += 1;
                out.push_str("\\ufffd");
                rest = &rest[ESCAPE..];
                continue;
            }
            (Some(_), _) => ESCAPE,
            // The escaped character goes along, so that it is not taken for an escape itself.
            (None, _) => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
        };
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out.push_str(rest);
    (out, count)
}

/// The UTF-16 unit that an escape at the start of the text stands for.
fn unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::{mended, read};

    #[test]
    fn halves_are_replaced_and_nothing_else() {
        let check = |text: &str, expected: &str, count: usize| {
            assert_eq!(mended(text), (expected.to_string(), count));
        };
        check(r#""\ud83d\ude00""#, r#""\ud83d\ude00""#, 0);
        check(r#""\ud800""#, r#""\ufffd""#, 1);
        check(r#""\udc00\ud800\ud83d\ude00""#, r#""\ufffd\ufffd\ud83d\ude00""#, 2);
        check(r#""\\ud800 \"\u00e9 \n""#, r#""\\ud800 \"\u00e9 \n""#, 0);
        check("\\", "\\", 0);
        check(r"\ud8", r"\ud8", 0);
        check("\\é\\u12é4", "\\é\\u12é4", 0);
    }

    #[test]
    fn other_faults_stay_faults() {
        assert_eq!(read("[1]").map(|(_, count)| count).ok(), Some(0));
        assert_eq!(read(r#"["\udfff"]"#).map(|(_, count)| count).ok(), Some(1));
        assert!(read(r#"["\udfff""#).is_err());
        assert!(read("[").is_err());
    }
}
