//! Descriptions without markup and without anything a reader cannot see or a model would obey.

use super::entity;

/// Longest text looked at, as a multiple of what is kept of it: markup is longer than its words.
const MARKUP_FACTOR: usize = 8;

/// Cleans a description and cuts it at a word within `chars_max` characters.
///
/// HTML tags, entities and Markdown links become the text they show. Control, zero-width,
/// bidirectional and tag characters are removed, and chat control tokens lose their brackets, so
/// that they are words. Whitespace is collapsed. Text in any script stays as it is.
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
    let visible: String = text.chars().map(seen).filter(|c| !is_hidden(*c)).collect();
    let shown = without_links(&without_tags(&visible));
    let decoded: String = entity::decoded(&shown).chars().filter(|c| !is_hidden(*c)).collect();
    let tame = tamed(&without_tags(&decoded));
    shortened(&collapsed(&tame), chars_max)
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
        matches!(byte, b' '..=b'~') && !matches!(byte, b'<' | b'&' | b'[' | b'|' | b'>')
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

/// Characters that show nothing, or change how others show: Unicode 16.0 sections 23.2, 23.3,
/// 23.4, 23.8 and 23.9.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{e000}'..='\u{f8ff}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{10ffff}'
        )
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
        rest = &rest[length..];
        if let Some(name) = hides {
            let close = format!("</{name}");
            let end = rest.to_ascii_lowercase().find(&close).unwrap_or(rest.len());
            rest = &rest[end..];
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

/// Words that chat templates put in angle or square brackets to steer a conversation.
const CONTROL_WORDS: [&str; 34] = [
    "tool_call",
    "tool_calls",
    "tool_response",
    "tool_responses",
    "tool_result",
    "tool_results",
    "tools",
    "tool",
    "function_call",
    "function_calls",
    "function_results",
    "function",
    "functions",
    "think",
    "thinking",
    "thought",
    "reasoning",
    "answer",
    "s",
    "bos",
    "eos",
    "pad",
    "unk",
    "sys",
    "system",
    "user",
    "assistant",
    "human",
    "invoke",
    "parameter",
    "start_of_turn",
    "end_of_turn",
    "observation",
    "im_end",
];

/// The same in square brackets, as Llama 2 and Mistral write them.
const BRACKETED_WORDS: [&str; 10] = [
    "INST",
    "TOOL_CALLS",
    "AVAILABLE_TOOLS",
    "TOOL_RESULTS",
    "TOOL_CONTENT",
    "SYSTEM_PROMPT",
    "IMG",
    "ARGS",
    "CALL_ID",
    "THINK",
];

/// Most rounds of taking brackets away, since taking one away can make another.
const ROUNDS_MAX: usize = 4;

/// The text with the brackets of control tokens taken away.
fn tamed(text: &str) -> String {
    let mut text = text.to_string();
    for _ in 0..ROUNDS_MAX {
        let tamer = tamed_once(&text);
        if tamer == text {
            return text;
        }
        text = tamer;
    }
    // Whoever nests tokens this deep wants to get one through.
    text.replace(['<', '>', '|', '[', ']'], " ")
}

fn tamed_once(text: &str) -> String {
    let mut out = text.to_string();
    for (token, plain) in
        [("<|", " "), ("|>", " "), ("<｜", " "), ("｜>", " "), ("<<", " "), (">>", " ")]
    {
        if out.contains(token) {
            out = out.replace(token, plain);
        }
    }
    if out.contains('<') {
        out = unbracketed(&out, '<', '>', |word| {
            CONTROL_WORDS.iter().any(|control| word.eq_ignore_ascii_case(control))
        });
    }
    if out.contains('[') {
        out = unbracketed(&out, '[', ']', |word| BRACKETED_WORDS.contains(&word));
    }
    out
}

/// Longest control token looked for, in bytes.
const TOKEN_BYTES_MAX: usize = 200;

fn unbracketed(text: &str, open: char, close: char, controls: impl Fn(&str) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(open) {
        out.push_str(&rest[..start]);
        rest = &rest[start + 1..];
        let window = &rest.as_bytes()[..rest.len().min(TOKEN_BYTES_MAX)];
        let end = window.iter().position(|byte| *byte == close as u8);
        let inner = end.map(|end| rest[..end].trim());
        let word = inner.map(|inner| {
            let inner = inner.trim_start_matches('/').trim_end_matches('/').trim();
            inner.split([' ', '=', ':']).next().unwrap_or_default()
        });
        match (end, inner, word) {
            (Some(end), Some(inner), Some(word)) if controls(word) => {
                out.push(' ');
                out.push_str(inner.trim_matches('/'));
                out.push(' ');
                rest = &rest[end + 1..];
            }
            _ => out.push(open),
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
