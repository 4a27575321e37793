//! Descriptions without markup and without anything a reader cannot see or a model would obey.

use schemas::Value;

use super::control::{is_hidden, tamed, visible};
use super::entity;

/// Longest text looked at, as a multiple of what is kept of it: markup is longer than its words.
const MARKUP_FACTOR: usize = 8;

/// Cleans a description and cuts it at a word within `chars_max` characters.
///
/// HTML tags, entities and Markdown links become the text they show. Control, zero-width,
/// bidirectional and tag characters are removed, and chat control tokens lose their brackets, so
/// that they are words. Whitespace is collapsed. Text in any script stays as it is, with the
/// joiners that its letters or its emoji need.
pub fn clean(text: &str, chars_max: usize) -> String {
    let bytes_max = chars_max.saturating_mul(MARKUP_FACTOR).saturating_add(256);
    let text = if text.len() <= bytes_max {
        text
    } else {
        let end = (0..=bytes_max).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        &text[..end]
    };
    if is_clean(text) {
        return shortened(text, chars_max);
    }
    let spaced: String = text.chars().map(seen).collect();
    let shown = without_links(&without_tags(&visible(&spaced)));
    let decoded = entity::decoded(&shown);
    let tame = tamed(&without_tags(&visible(&decoded)));
    shortened(&collapsed(&tame), chars_max)
}

/// A text that is no prose, such as a path or an identifier: nothing hidden, no control tokens, the
/// rest as it is. Cut at so many characters.
pub(super) fn neutral(text: &str, chars_max: usize) -> String {
    if is_clean(text) {
        return shortened(text, chars_max);
    }
    let spaced: String = text.chars().take(chars_max + 1).map(seen).collect();
    shortened(&collapsed(&tamed(&visible(&spaced))), chars_max)
}

/// A regular expression, or nothing if it would show what no text may: it cannot be changed and
/// mean the same.
pub(super) fn pattern(written: &str, chars_max: usize) -> String {
    let fits = written.chars().nth(chars_max).is_none();
    let is_neutral = || visible(written) == written && tamed(written) == written;
    if fits && is_neutral() { written.into() } else { String::new() }
}

/// Most parts kept of a value that stands as a default, an example or a choice.
const VALUE_PARTS_MAX: usize = 200;

/// Longest text kept of such a value, in characters: one cut short would be another value.
pub(super) const VALUE_CHARS_MAX: usize = 200;

/// A value with its texts cleaned; nothing if it is too large to be quoted whole.
pub(super) fn value(value: &Value) -> Option<Value> {
    let mut parts_left = VALUE_PARTS_MAX;
    value_within(value, &mut parts_left)
}

fn value_within(value: &Value, parts_left: &mut usize) -> Option<Value> {
    *parts_left = parts_left.checked_sub(1)?;
    let text = |written: &str| {
        // A separator is what it is.
        if written.chars().all(|character| matches!(character, ' ' | '\t')) {
            return Some(written.into());
        }
        let fits = written.chars().nth(VALUE_CHARS_MAX).is_none();
        fits.then(|| clean(written, VALUE_CHARS_MAX))
    };
    Some(match value {
        Value::Text(written) => Value::Text(text(written)?),
        Value::List(items) => {
            let items = items.iter().map(|item| value_within(item, parts_left));
            Value::List(items.collect::<Option<_>>()?)
        }
        Value::Object(entries) => {
            let entries = entries
                .iter()
                .map(|(name, part)| Some((text(name)?, value_within(part, parts_left)?)));
            Value::Object(entries.collect::<Option<_>>()?)
        }
        other => other.clone(),
    })
}

/// A name without anything hidden, its whitespace collapsed.
pub(super) fn plain(text: &str) -> String {
    let visible: String = text.chars().take(1_000).filter(|c| !is_hidden(*c)).collect();
    collapsed(&visible)
}

/// The text itself, or what of it fits `chars_max`, cut after a word and marked as cut.
pub(super) fn shortened(text: &str, chars_max: usize) -> String {
    let Some((limit, _)) = text.char_indices().nth(chars_max) else { return text.into() };
    // One character is for the ellipsis.
    let limit = text[..limit].char_indices().next_back().map_or(0, |(last, _)| last);
    let kept = &text[..limit];
    let word = kept.rfind(char::is_whitespace).filter(|end| limit / 2 < *end).unwrap_or(limit);
    format!("{}…", kept[..word].trim_end_matches([' ', ',', ';', ':', '(']))
}

/// Whether the text is as [`clean`] would leave it: most argument descriptions are.
fn is_clean(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().all(|byte| {
        matches!(byte, b' '..=b'}') && !matches!(byte, b'<' | b'&' | b'[' | b'|' | b'>')
    }) && !bytes.windows(2).any(|pair| pair == b"  ")
        && bytes.first() != Some(&b' ')
        && bytes.last() != Some(&b' ')
}

/// Line breaks and tabs are whitespace; any other control character is nothing.
fn seen(character: char) -> char {
    if matches!(character, '\n' | '\r' | '\t' | '\u{b}' | '\u{c}' | '\u{85}') {
        ' '
    } else {
        character
    }
}

/// Tags of HTML and of the documentation formats that look like it. Others, such as
/// `<user name>`, are placeholders that a reader needs.
const TAGS: [&str; 76] = [
    "a",
    "abbr",
    "address",
    "article",
    "aside",
    "b",
    "big",
    "blockquote",
    "body",
    "br",
    "button",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "dd",
    "del",
    "details",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "embed",
    "fieldset",
    "figure",
    "font",
    "footer",
    "form",
    "fullname",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hr",
    "html",
    "i",
    "iframe",
    "img",
    "important",
    "ins",
    "kbd",
    "li",
    "link",
    "main",
    "meta",
    "nav",
    "nobr",
    "note",
    "object",
    "ol",
    "p",
    "para",
    "pre",
    "q",
    "samp",
    "script",
    "section",
    "small",
    "span",
    "strong",
    "style",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tr",
    "u",
    "ul",
];

/// More of them, too rare to be looked for first.
const RARE_TAGS: [&str; 12] = [
    "tfoot", "th", "thead", "title", "tt", "svg", "video", "input", "textarea", "var", "s",
    "strike",
];

/// Longest tag looked for, in bytes: beyond it a `<` is a less-than sign.
const TAG_BYTES_MAX: usize = 2_000;

fn without_tags(text: &str) -> String {
    if !text.contains('<') {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let (length, hides) = tag(rest);
        if length == 0 {
            out.push('<');
            rest = &rest[1..];
            continue;
        }
        let after = &rest[length..];
        match hides {
            Some(name) => {
                let close = format!("</{name}");
                match after.to_ascii_lowercase().find(&close) {
                    Some(end) => rest = &after[end..],
                    // A sentence about the tag, which encloses nothing.
                    None => {
                        out.push_str(&rest[..length]);
                        rest = after;
                        continue;
                    }
                }
            }
            None => rest = after,
        }
        out.push(' ');
    }
    out.push_str(rest);
    out
}

/// The length of the tag or comment at the start, zero if there is none; and its name if what it
/// encloses is not shown.
fn tag(rest: &str) -> (usize, Option<&'static str>) {
    if let Some(comment) = rest.strip_prefix("<!--") {
        return (comment.find("-->").map_or(rest.len(), |end| end + 7), None);
    }
    let window = rest.as_bytes();
    let window = &window[..window.len().min(TAG_BYTES_MAX)];
    let Some(end) = window.iter().position(|byte| *byte == b'>') else { return (0, None) };
    let inner = rest[1..end].trim_start_matches('/');
    let length = inner.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let name = inner[..length].to_ascii_lowercase();
    // `<s>` alone is a control token and not struck-through text; it is dealt with there.
    let known = TAGS.contains(&name.as_str()) || RARE_TAGS.contains(&name.as_str());
    let ends_well = inner[length..].is_empty()
        || inner[length..].starts_with([' ', '/'])
        || inner[length..].starts_with(char::is_whitespace);
    if name == "s" || !known || !ends_well {
        return (0, None);
    }
    let opens = !rest.starts_with("</");
    let hides = ["script", "style"].into_iter().find(|hidden| opens && *hidden == name);
    (end + 1, hides)
}

/// Markdown links and images as the text they show.
fn without_links(text: &str) -> String {
    if !text.contains("](") {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // Each link is found by its middle, so that unclosed brackets cost nothing.
    while let Some(middle) = rest.find("](") {
        let before = &rest[..middle];
        let after = &rest[middle + 2..];
        let opening = before.rfind('[');
        let closing = after.find([')', '\n']).filter(|end| after[*end..].starts_with(')'));
        match (opening, closing) {
            (Some(opening), Some(closing)) => {
                out.push_str(before[..opening].strip_suffix('!').unwrap_or(&before[..opening]));
                out.push_str(&before[opening + 1..]);
                rest = &after[closing + 1..];
            }
            _ => {
                out.push_str(&rest[..middle + 2]);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn collapsed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        // A tag between a word and its stop leaves a space that was never there.
        let joins = word.starts_with(['.', ',', ';', ')']) && word.len() < 3;
        if !out.is_empty() && !joins {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}
