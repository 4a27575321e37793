//! Values that a description names: examples, alternatives, a default.
//!
//! Descriptions are read as text and nothing else; what is found is only ever data.

/// Most characters of a description that are read.
const CHARS_MAX: usize = 1_200;
/// Most values taken from one description.
const VALUES_MAX: usize = 16;
/// Longest value taken, in characters.
const VALUE_CHARS_MAX: usize = 40;
/// Most alternatives of a closed list.
const CLOSED_MAX: usize = 12;

/// The values a description names.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Named {
    /// The values, in the order of the description, each once.
    pub(super) values: Vec<String>,
    /// Whether the description says that there are no others.
    pub(super) closed: bool,
}

/// How far words are trusted to introduce values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Trust {
    /// All values follow.
    Closed,
    /// All values follow, if they are quoted or single words.
    Maybe,
    /// Some values follow.
    Open,
    /// One value follows.
    One,
}

/// Words that introduce values.
const INTRODUCTIONS: [(&str, Trust); 42] = [
    ("one of", Trust::Closed),
    ("possible values", Trust::Closed),
    ("possible options", Trust::Closed),
    ("valid values", Trust::Closed),
    ("valid options", Trust::Closed),
    ("valid types", Trust::Closed),
    ("allowed values", Trust::Closed),
    ("accepted values", Trust::Closed),
    ("acceptable values", Trust::Closed),
    ("supported values", Trust::Closed),
    ("available values", Trust::Closed),
    ("available options", Trust::Closed),
    ("permitted values", Trust::Closed),
    ("possible choices", Trust::Closed),
    ("options are", Trust::Closed),
    ("options include", Trust::Closed),
    ("options:", Trust::Closed),
    ("choices are", Trust::Closed),
    ("choices:", Trust::Closed),
    ("choose from", Trust::Closed),
    ("values are", Trust::Closed),
    ("values:", Trust::Closed),
    ("allowed:", Trust::Closed),
    ("either", Trust::Maybe),
    ("can be", Trust::Maybe),
    ("must be", Trust::Maybe),
    ("e.g.", Trust::Open),
    ("eg.", Trust::Open),
    ("eg:", Trust::Open),
    ("ex.", Trust::Open),
    ("ex:", Trust::Open),
    ("i.e.", Trust::Open),
    ("for example", Trust::Open),
    ("for instance", Trust::Open),
    ("such as", Trust::Open),
    ("examples:", Trust::Open),
    ("example:", Trust::Open),
    ("examples include", Trust::Open),
    ("default is", Trust::One),
    ("default value", Trust::One),
    ("defaults to", Trust::One),
    ("default:", Trust::One),
];

/// The values that a description names, in its order.
pub(crate) fn hints(description: &str) -> Vec<String> {
    named(description).values
}

/// The values that a description names, and whether it names all there are.
pub(super) fn named(description: &str) -> Named {
    if description.is_empty() {
        return Named::default();
    }
    let text: String = description.chars().take(CHARS_MAX).collect();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let lower = text.to_ascii_lowercase();
    let mut found: Vec<(usize, usize, Trust)> = Vec::new();
    for (words, trust) in INTRODUCTIONS {
        let ends = lower.match_indices(words).map(|(at, _)| (at, at + words.len(), trust));
        found.extend(ends.filter(|(at, ..)| !lower[..*at].ends_with(char::is_alphanumeric)));
    }
    found.sort_by_key(|(at, end, _)| (*at, *end));
    let mut named = Named::default();
    for (_, end, trust) in found {
        let values = listed(&text[end..], trust);
        let closes = matches!(trust, Trust::Closed | Trust::Maybe);
        if closes && !(2..=VALUES_MAX).contains(&values.len()) {
            continue;
        }
        if closes && values.len() <= CLOSED_MAX && !named.closed {
            named = Named { values, closed: true };
            continue;
        }
        if named.closed {
            continue;
        }
        take(&mut named.values, values);
    }
    if named.values.is_empty() {
        take(&mut named.values, alternatives(&text));
    }
    named
}

fn take(known: &mut Vec<String>, values: Vec<String>) {
    for value in values {
        if known.len() < VALUES_MAX && !known.contains(&value) {
            known.push(value);
        }
    }
}

/// The values right after an introduction.
fn listed(after: &str, trust: Trust) -> Vec<String> {
    let mut rest = after.trim_start_matches([' ', ':', ',', '(', '=', '.']);
    let fillers = [
        "are ",
        "is ",
        "the following values",
        "the following",
        "these values",
        "include ",
        "values",
        "options",
        "include:",
        "are:",
        "is:",
        "the ",
    ];
    let filling = matches!(trust, Trust::Closed | Trust::One);
    for filler in fillers.iter().filter(|_| filling) {
        if let Some(left) = rest.strip_prefix(filler) {
            rest = left.trim_start_matches([' ', ':', ',', '(', '=']);
        }
    }
    for bullet in ["* ", "- ", "• "] {
        if rest.starts_with(bullet) {
            return bullets(rest, bullet);
        }
    }
    let values = inline(rest, trust);
    if trust == Trust::One { values.into_iter().take(1).collect() } else { values }
}

/// The heads of bullets: `* Running: it runs * Stopped: it does not`.
fn bullets(text: &str, bullet: &str) -> Vec<String> {
    let mut values = Vec::new();
    for item in text.split(&format!(" {bullet}")).take(VALUES_MAX) {
        let item = item.strip_prefix(bullet).unwrap_or(item).trim();
        let head = quoted(item).map(|(head, _)| head).unwrap_or_else(|| {
            let ends = [": ", " - ", " (", ". ", " – ", ", "];
            let end = ends.iter().filter_map(|end| item.find(end)).min().unwrap_or(item.len());
            item[..end].trim_end_matches(['.', ':', ';', ','])
        });
        if !is_value(head) {
            return Vec::new();
        }
        take(&mut values, vec![head.to_string()]);
    }
    values
}

/// The quoted text at the start, and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    const QUOTES: [(&str, &str); 8] = [
        ("**`", "`**"),
        ("**", "**"),
        ("``", "``"),
        ("`", "`"),
        ("\"", "\""),
        ("“", "”"),
        ("‘", "’"),
        ("'", "'"),
    ];
    let (open, close) = QUOTES.iter().find(|(open, _)| text.starts_with(open))?;
    let inner = &text[open.len()..];
    let end = inner.find(close)?;
    let after = &inner[end + close.len()..];
    let closed = !after.starts_with(|next: char| next.is_alphanumeric());
    let value = inner[..end].trim_matches(['`', '"', '\'', ',']).trim();
    (closed && !value.is_empty()).then_some((value, after))
}

/// Values in a sentence, with commas and an "or" between them.
fn inline(text: &str, trust: Trust) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    let mut rest = text.trim_start();
    while values.len() < VALUES_MAX {
        let (value, after, sure) = match quoted(rest) {
            Some((value, after)) => (value, after, true),
            None => {
                let end = plain_end(rest);
                (rest[..end].trim(), &rest[end..], false)
            }
        };
        let brief = value.split(' ').count() <= if trust == Trust::Maybe { 1 } else { 3 };
        if !is_value(value) || !(sure || (brief && !trails_off(value))) {
            break;
        }
        let short = value.len() == 2 && value.chars().all(|it| it.is_ascii_uppercase());
        match values.last_mut() {
            Some(last) if short && !sure && 3 < last.len() => *last = format!("{last}, {value}"),
            _ => values.push(value.into()),
        }
        let after = explained(after);
        let Some(next) = separated(after) else { break };
        rest = next;
    }
    values
}

/// Where an unquoted value ends.
fn plain_end(text: &str) -> usize {
    let ends = [", ", ";", ")", "]", "|", " or ", " and ", ". ", ": ", " (", " - ", "\"", "`", "'"];
    let end = ends.iter().filter_map(|end| text.find(end)).min().unwrap_or(text.len());
    let value = &text[..end];
    value.trim_end_matches(['.', ',', ':', '…']).len()
}

/// What follows an explanation in brackets.
fn explained(text: &str) -> &str {
    let rest = text.trim_start();
    match rest.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
        Some((inside, after)) if inside.len() < 60 => after,
        _ => text,
    }
}

/// What follows a separator; none where the list ends.
fn separated(text: &str) -> Option<&str> {
    let mut rest = text.trim_start();
    let mut separated = false;
    for separator in [",", "|", "/", "or ", "and ", "and/or "] {
        if let Some(left) = rest.strip_prefix(separator) {
            rest = left.trim_start();
            separated = true;
        }
    }
    separated.then_some(rest)
}

/// Two or more quoted values with only commas and an "or" between them.
fn alternatives(text: &str) -> Vec<String> {
    for (at, _) in text.match_indices(['"', '`', '\'']).take(8) {
        if text[..at].ends_with(char::is_alphanumeric) {
            continue;
        }
        let mut values = Vec::new();
        let mut rest = &text[at..];
        while let Some((value, after)) = quoted(rest).filter(|(value, _)| is_value(value)) {
            values.push(value.to_string());
            let Some(next) = separated(explained(after)) else { break };
            rest = next;
        }
        if 1 < values.len() {
            return values;
        }
    }
    Vec::new()
}

/// Words that stand for a kind of value and are none themselves.
const KINDS: [&str; 34] = [
    "city", "state", "country", "name", "title", "id", "email", "phone", "address", "date", "time",
    "url", "region", "street", "zip", "location", "etc", "etc.", "null", "string", "number",
    "file", "text", "value", "values", "true", "false", "used", "json", "format", "range", "empty",
    "optional", "required",
];

/// Whether a text can be a value and not a placeholder, a pattern or a clause.
fn is_value(text: &str) -> bool {
    let lower = text.to_lowercase();
    let placeholder =
        ["yyyy", "hh:mm", "xxx", "mm/dd", "dd/mm", "..."].iter().any(|it| lower.contains(it));
    let first = lower.split(' ').next().unwrap_or_default();
    let clause = [
        "the", "a", "an", "this", "that", "your", "any", "if", "when", "to", "in", "for", "it",
        "all", "whether", "both", "more", "other", "not", "by", "as", "of", "with", "from",
    ];
    let characters = text.chars().count();
    (1..=VALUE_CHARS_MAX).contains(&characters)
        && !placeholder
        && !KINDS.contains(&lower.as_str())
        && (!clause.contains(&first) || !lower.contains(' '))
        && text.chars().any(char::is_alphanumeric)
        && !text.contains(['{', '}', '<', '>', '\\', '*', '…', '[', ']', '='])
}

/// Whether an unquoted text runs on into the sentence.
fn trails_off(text: &str) -> bool {
    const GOING_ON: [&str; 26] = [
        "that",
        "which",
        "will",
        "is",
        "are",
        "if",
        "when",
        "using",
        "for",
        "to",
        "be",
        "was",
        "has",
        "have",
        "must",
        "where",
        "etc",
        "can",
        "used",
        "the",
        "your",
        "from",
        "by",
        "etc.",
        "specified",
        "provided",
    ];
    let mut words = text.split(' ');
    words.any(|word| GOING_ON.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::{hints, named};

    #[test]
    fn examples_are_found() {
        for (description, values) in [
            ("The coin, e.g. 'BTC'.", "BTC"),
            ("Where it runs, for example \"us-east-1\" or \"eu-west-1\"", "us-east-1|eu-west-1"),
            ("Its style, such as oak, walnut or birch.", "oak|walnut|birch"),
            ("The filter (e.g., canny)", "canny"),
            ("A town (e.g. Salem, OR)", "Salem, OR"),
            ("A town, such as 'Salem, OR' or 'Bergen, Norway'.", "Salem, OR|Bergen, Norway"),
            ("The order. Default is `asc`.", "asc"),
            ("Sort 'up' or 'down'", "up|down"),
            ("A day, e.g. 'YYYY-MM-DD'", ""),
            ("Anything (e.g., the start of the trip)", ""),
            ("The user's own mark", ""),
            ("", ""),
        ] {
            assert_eq!(hints(description).join("|"), values, "{description}");
        }
    }

    #[test]
    fn closed_lists_are_told_from_open_ones() {
        for (description, values, closed) in [
            ("One of: raw, baked", "raw|baked", true),
            ("Valid values: * **up**: it runs * **down**: it rests", "up|down", true),
            ("Allowed values are `one`, `two` and `three`.", "one|two|three", true),
            (
                "May have one of the following values: - Web site - Service or API",
                "Web site|Service or API",
                true,
            ),
            ("must be either fast or slow", "fast|slow", true),
            ("can be used to find rows", "", false),
            ("like so, e.g. red, blue", "red|blue", false),
        ] {
            let found = named(description);
            assert_eq!(found.values.join("|"), values, "{description}");
            assert_eq!(found.closed, closed, "{description}");
        }
    }
}
