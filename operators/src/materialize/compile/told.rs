//! What a tool's words say that it answers, where its name alone does not.

use schemas::Shape;

use crate::materialize::compile::expect::{NUMBERS, Part};
use crate::materialize::reading::Reading;
use crate::materialize::words::{column_name, is_plural, singular, words};

/// Words after which a description says what is answered.
const SAYS: [&str; 30] = [
    "get",
    "gets",
    "getting",
    "retrieve",
    "retrieves",
    "retrieving",
    "fetch",
    "fetches",
    "return",
    "returns",
    "returning",
    "provide",
    "provides",
    "providing",
    "show",
    "shows",
    "display",
    "displays",
    "give",
    "gives",
    "obtain",
    "obtains",
    "list",
    "lists",
    "serves",
    "finds",
    "reads",
    "reveals",
    "contains",
    "delivers",
];
/// Words of which the noun may have some before it.
const BEFORE: [&str; 38] = [
    "the",
    "a",
    "an",
    "all",
    "any",
    "some",
    "your",
    "this",
    "that",
    "these",
    "its",
    "their",
    "you",
    "me",
    "us",
    "current",
    "latest",
    "recent",
    "last",
    "real",
    "live",
    "detailed",
    "complete",
    "full",
    "single",
    "specific",
    "given",
    "random",
    "basic",
    "various",
    "additional",
    "particular",
    "one",
    "more",
    "every",
    "each",
    "public",
    "available",
];
/// Words that end the noun.
const AFTER: [&str; 32] = [
    "of",
    "for",
    "from",
    "by",
    "in",
    "on",
    "with",
    "to",
    "and",
    "or",
    "which",
    "based",
    "using",
    "about",
    "via",
    "at",
    "per",
    "as",
    "when",
    "where",
    "within",
    "upon",
    "including",
    "is",
    "are",
    "if",
    "into",
    "through",
    "between",
    "regarding",
    "related",
    "such",
];
/// Nouns that say that there is something to tell and not what.
const HOLLOW: [&str; 14] = [
    "information",
    "info",
    "data",
    "detail",
    "details",
    "metadata",
    "profile",
    "result",
    "results",
    "response",
    "record",
    "object",
    "overview",
    "properties",
];
/// Nouns of several things.
const SEVERAL: [&str; 8] =
    ["history", "ranking", "leaderboard", "schedule", "lineup", "standings", "analytics", "feed"];
/// Nouns of what is said in one text.
const SAID: [&str; 36] = [
    "quote",
    "joke",
    "fact",
    "advice",
    "horoscope",
    "lyric",
    "lyrics",
    "story",
    "poem",
    "tip",
    "text",
    "definition",
    "meaning",
    "answer",
    "explanation",
    "name",
    "title",
    "code",
    "token",
    "url",
    "link",
    "picture",
    "image",
    "photo",
    "logo",
    "icon",
    "video",
    "avatar",
    "color",
    "colour",
    "date",
    "time",
    "forecast",
    "address",
    "content",
    "version",
];
/// How far into the first sentence the word is looked for after which the answer is told.
const WORDS_BEFORE: usize = 6;
/// Most words of a noun.
const WORDS_MAX: usize = 4;

/// What is answered, as a description says it.
#[derive(Debug, Default)]
struct Noun {
    words: Vec<String>,
    /// Whether there is something to tell of it, as in `information about a team`.
    hollow: bool,
    /// Whether it is a list of them.
    many: bool,
}

/// The parts of the answer by the first sentence of a tool's description, or by a name such as
/// `TeamDetails`; none if neither says.
pub(super) fn told(reading: &Reading<'_>) -> Option<Vec<Part>> {
    let noun = sentence(&reading.tool.description).or_else(|| name(&words(&reading.tool.name)))?;
    let kept = &noun.words[noun.words.len().saturating_sub(2)..];
    let last = kept.last()?.as_str();
    let whole = column_name(kept);
    if noun.many || SEVERAL.contains(&last) || (is_plural(last) && !noun.hollow) {
        return Some(vec![Part::new(whole, Shape::List(Box::new(Shape::text())))]);
    }
    if NUMBERS.contains(&last) && !noun.hollow {
        return Some(vec![Part::new(whole, Shape::number())]);
    }
    if SAID.contains(&last) && !noun.hollow {
        return Some(vec![Part::new(whole, Shape::text())]);
    }
    let own = format!("{}_name", singular(last));
    let parts = [own.as_str(), "description", "updated_at"];
    Some(parts.map(|part| Part::new(column_name(&words(part)), Shape::text())).to_vec())
}

fn sentence(description: &str) -> Option<Noun> {
    let ends = ['.', '\n', '(', ';', ':', '!', '?'];
    let first = description.split(ends).find(|part| !part.trim().is_empty())?;
    let apart = |it: char| !it.is_alphanumeric() && it != '\'';
    let told: Vec<String> =
        first.split(apart).filter(|it| !it.is_empty()).map(str::to_lowercase).collect();
    let says = told.iter().take(WORDS_BEFORE).position(|it| SAYS.contains(&it.as_str()))?;
    let mut noun = Noun::default();
    let mut rest = told[says + 1..].iter().peekable();
    while let Some(word) = rest.next().map(String::as_str) {
        let listed = ["list", "set", "array", "collection"].contains(&word)
            && rest.peek().is_some_and(|next| *next == "of");
        match word {
            _ if listed => noun.many = true,
            _ if HOLLOW.contains(&word) => noun.hollow = true,
            _ if BEFORE.contains(&word) && noun.words.is_empty() => {}
            _ if AFTER.contains(&word) && noun.words.is_empty() => {}
            _ if AFTER.contains(&word) || noun.words.len() == WORDS_MAX => break,
            _ if is_plain(word) => noun.words.push(word.into()),
            _ => break,
        }
    }
    (!noun.words.is_empty()).then_some(noun)
}

/// The noun of a name that says that it is to be told of: what stands before `details`.
fn name(split: &[String]) -> Option<Noun> {
    let hollow = split.iter().position(|word| HOLLOW.contains(&word.as_str()))?;
    let before = split[..hollow].iter().filter(|word| is_plain(word));
    let named: Vec<String> =
        before.filter(|word| !SAYS.contains(&word.as_str())).cloned().collect();
    (!named.is_empty()).then_some(Noun { words: named, hollow: true, many: false })
}

/// Whether a word may be part of a column's name.
fn is_plain(word: &str) -> bool {
    (2..=20).contains(&word.len()) && word.bytes().all(|it| it.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::told;
    use crate::materialize::reading::read;
    use crate::materialize::tests::tool;

    #[test]
    fn descriptions_say_what_is_answered() {
        for (name, description, parts) in [
            ("qod", "Get quote of the day.", "quote"),
            ("Cat", "Fetches a random cat picture.", "cat_picture"),
            ("colors", "Get a random set of colors", "colors"),
            (
                "x",
                "This endpoint will return info of any track",
                "track_name description updated_at",
            ),
            (
                "app",
                "Get a specific network application by ID",
                "application_name description updated_at",
            ),
            ("TeamDetails", "", "team_name description updated_at"),
            ("history", "Retrieve match history for a player", "match_history"),
            ("go", "Navigate to a URL", ""),
            ("unprotect", "Remove password protection from a document.", ""),
            ("ss", "ss", ""),
            ("Details", "", ""),
        ] {
            let mut tool = tool(name, Vec::new());
            tool.description = description.into();
            let found = told(&read(&tool)).unwrap_or_default();
            let found: Vec<String> = found.into_iter().map(|part| part.name).collect();
            assert_eq!(found.join(" "), parts, "{name}: {description}");
        }
    }
}
