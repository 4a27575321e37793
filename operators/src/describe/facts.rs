//! The facts a description states: what a rewording must not lose.

use std::collections::BTreeSet;

use schemas::Tool;

/// Words in capitals that say nothing about what a tool does.
const FURNITURE: [&str; 14] = [
    "API", "REST", "HTTP", "HTTPS", "JSON", "XML", "URL", "URI", "ID", "GET", "POST", "PUT",
    "DELETE", "PATCH",
];

/// Longest quotation taken for a fact, in bytes.
const QUOTATION_BYTES_MAX: usize = 80;

/// The facts that a tool states and its better description does not, sorted.
pub(super) fn lost(tool: &Tool, better: &Tool) -> Vec<String> {
    let mut shown = plain(&better.description);
    for field in &better.input {
        shown.push(' ');
        shown.push_str(&plain(&field.description));
    }
    let mut lost = Vec::new();
    for fact in facts(&tool.description) {
        if !shown.contains(&plain(&fact)) {
            lost.push(fact);
        }
    }
    for (before, after) in tool.input.iter().zip(&better.input) {
        let said = plain(&after.description);
        lost.extend(facts(&before.description).into_iter().filter(|it| !said.contains(&plain(it))));
    }
    lost
}

/// A text as facts are looked for in it: capitals and the commas of thousands do not matter.
fn plain(text: &str) -> String {
    text.to_lowercase().replace(',', "")
}

/// The numbers, quotations, addresses, codes and identifiers of a text.
pub(super) fn facts(text: &str) -> BTreeSet<String> {
    let trimmed = |word: &str| {
        let is_around = |c: char| ".,;:!?()[]{}\"'`“”‘’…".contains(c);
        word.trim_matches(is_around).to_string()
    };
    let words = text.split_whitespace().map(trimmed).filter(|word| is_fact(word));
    words.chain(quotations(text)).collect()
}

fn is_fact(word: &str) -> bool {
    let ascii = |test: fn(&u8) -> bool| word.bytes().any(|byte| test(&byte));
    let capitals = word.bytes().filter(u8::is_ascii_uppercase).count();
    let is_code = 1 < capitals
        && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-' || byte == b'/')
        && !FURNITURE.contains(&word);
    let is_camel = word
        .as_bytes()
        .windows(2)
        .any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
    ascii(u8::is_ascii_digit)
        || word.contains(['_', '@'])
        || word.contains("://")
        || is_code
        || is_camel
}

/// What stands in quotation marks or in backticks.
fn quotations(text: &str) -> Vec<String> {
    let mut quoted = Vec::new();
    for mark in ['"', '`'] {
        let parts: Vec<&str> = text.split(mark).collect();
        // An odd mark out opens what nobody closes.
        let closed = parts.len() - usize::from(parts.len().is_multiple_of(2));
        let inside = parts[..closed].iter().skip(1).step_by(2);
        quoted.extend(
            inside
                .map(|part| part.trim())
                .filter(|part| !part.is_empty() && part.len() <= QUOTATION_BYTES_MAX)
                .map(String::from),
        );
    }
    quoted
}
