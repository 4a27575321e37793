//! English for names and values: labels, articles, plurals, and values as people say them.

use schemas::Value;

/// Longest value said to an agent, in characters; a task that needs a longer one is not composed.
pub(crate) const SAID_CHARS_MAX: usize = 160;

/// Most leaves of a nested argument that fit into a sentence.
pub(crate) const LEAVES_MAX: usize = 8;

const ACRONYMS: [&str; 36] = [
    "id", "url", "uri", "api", "ip", "sku", "isbn", "iban", "vat", "ssn", "dns", "http", "html",
    "json", "xml", "csv", "pdf", "utc", "gps", "sms", "vip", "imdb", "mac", "cpu", "vpn", "uuid",
    "arn", "vpc", "mfa", "sql", "ssh", "ssl", "tls", "vm", "iam", "cidr",
];

/// A name in words: `book_id` is "book ID", `dueDate` is "due date".
///
/// Asked of every argument of every call that is tried, so that it writes into one text.
pub(crate) fn label(name: &str) -> String {
    let mut label = String::with_capacity(name.len() + 8);
    let (mut start, mut last) = (0, ' ');
    for character in name.chars() {
        let is_part = character.is_alphanumeric();
        if !is_part || (character.is_uppercase() && last.is_lowercase()) {
            start = end_word(&mut label, start);
        }
        if is_part {
            label.extend(character.to_lowercase());
        }
        last = character;
    }
    end_word(&mut label, start);
    label.truncate(label.trim_end().len());
    if let Some((rest, "like" | "contains")) = label.rsplit_once(' ') {
        label.truncate(rest.len());
    }
    match label.as_str() {
        "" => "value".into(),
        "email" => "email address".into(),
        "phone" => "phone number".into(),
        "q" => "search term".into(),
        "starts at" | "start at" => "start time".into(),
        "ends at" | "end at" => "end time".into(),
        "due on" | "due at" => "due date".into(),
        "given on" => "date given".into(),
        _ => label,
    }
}

/// Ends the word that begins there, as it is written in a label; where the next one begins.
fn end_word(label: &mut String, start: usize) -> usize {
    let word = &label[start..];
    if word.is_empty() {
        return start;
    }
    let written = match word {
        "ids" => Some("IDs".into()),
        "num" | "no" => Some("number".into()),
        "qty" => Some("quantity".into()),
        acronym if ACRONYMS.contains(&acronym) => Some(acronym.to_uppercase()),
        _ => None,
    };
    if let Some(written) = written {
        label.truncate(start);
        label.push_str(&written);
    }
    label.push(' ');
    label.len()
}

/// The noun with its indefinite article, by its first letter and the usual exceptions.
pub(crate) fn with_article(noun: &str) -> String {
    let lower = noun.to_lowercase();
    let first = lower.split(' ').next().unwrap_or("");
    let spelled = noun
        .split(' ')
        .next()
        .is_some_and(|it| 1 < it.len() && it.chars().all(|letter| letter.is_ascii_uppercase()));
    let vowel = if spelled {
        first.starts_with(['a', 'e', 'f', 'h', 'i', 'l', 'm', 'n', 'o', 'r', 's', 'x'])
    } else if ["hour", "honor", "honest", "heir"].iter().any(|it| first.starts_with(it)) {
        true
    } else if ["uni", "use", "usa", "usu", "eu", "one", "uti", "ura", "ubi", "url", "uri"]
        .iter()
        .any(|it| first.starts_with(it) && !first.starts_with("unin") && !first.starts_with("unim"))
    {
        false
    } else {
        first.starts_with(['a', 'e', 'i', 'o', 'u'])
    };
    format!("{} {noun}", if vowel { "an" } else { "a" })
}

/// Nouns that have no plural, or whose plural is the noun.
const UNCOUNTED: [&str; 24] = [
    "information",
    "data",
    "weather",
    "news",
    "status",
    "media",
    "metadata",
    "software",
    "history",
    "equipment",
    "feedback",
    "traffic",
    "music",
    "content",
    "inventory",
    "series",
    "species",
    "currency",
    "help",
    "advice",
    "health",
    "usage",
    "availability",
    "info",
];

/// Whether a noun takes no article and no plural.
pub(crate) fn is_uncounted(noun: &str) -> bool {
    let last = noun.rsplit(' ').next().unwrap_or(noun);
    UNCOUNTED.contains(&last)
}

/// The plural of a noun.
pub(crate) fn plural(noun: &str) -> String {
    if is_uncounted(noun) {
        return noun.into();
    }
    let (front, last) = noun.rsplit_once(' ').map_or(("", noun), |(front, last)| (front, last));
    let plural = match last {
        "person" => "people".to_string(),
        "child" => "children".into(),
        "man" => "men".into(),
        "woman" => "women".into(),
        "index" => "indexes".into(),
        "analysis" => "analyses".into(),
        _ if last.ends_with("ies")
            || (last.ends_with('s') && !last.ends_with("ss") && !last.ends_with("us")) =>
        {
            last.into()
        }
        _ if last.ends_with(['s', 'x', 'z']) || last.ends_with("ch") || last.ends_with("sh") => {
            format!("{last}es")
        }
        _ if last.ends_with('y')
            && !last.ends_with("ay")
            && !last.ends_with("ey")
            && !last.ends_with("oy")
            && 1 < last.len() =>
        {
            format!("{}ies", &last[..last.len() - 1])
        }
        _ => format!("{last}s"),
    };
    if front.is_empty() { plural } else { format!("{front} {plural}") }
}

/// Whether a label reads as several things, so that they "are" and not "is".
pub(crate) fn is_plural(label: &str) -> bool {
    let last = label.rsplit(' ').next().unwrap_or(label);
    (last.ends_with('s')
        && !["ss", "us", "is", "ws", "species", "series"].iter().any(|it| last.ends_with(it)))
        || last == "people"
}

const IRREGULAR: [(&str, &str); 87] = [
    ("buy", "bought"),
    ("send", "sent"),
    ("make", "made"),
    ("put", "put"),
    ("set", "set"),
    ("take", "taken"),
    ("give", "given"),
    ("write", "written"),
    ("pay", "paid"),
    ("sell", "sold"),
    ("build", "built"),
    ("find", "found"),
    ("bring", "brought"),
    ("begin", "begun"),
    ("choose", "chosen"),
    ("draw", "drawn"),
    ("hold", "held"),
    ("keep", "kept"),
    ("lend", "lent"),
    ("run", "run"),
    ("undo", "undone"),
    ("withdraw", "withdrawn"),
    ("submit", "submitted"),
    ("ban", "banned"),
    ("stop", "stopped"),
    ("plan", "planned"),
    ("ship", "shipped"),
    ("drop", "dropped"),
    ("pin", "pinned"),
    ("tag", "tagged"),
    ("cancel", "cancelled"),
    ("failover", "failed over"),
    ("rollback", "rolled back"),
    ("shutdown", "shut down"),
    ("backup", "backed up"),
    ("setup", "set up"),
    ("login", "logged in"),
    ("checkin", "checked in"),
    ("checkout", "checked out"),
    ("cleanup", "cleaned up"),
    ("transfer", "transferred"),
    ("refer", "referred"),
    ("defer", "deferred"),
    ("commit", "committed"),
    ("permit", "permitted"),
    ("omit", "omitted"),
    ("admit", "admitted"),
    ("scan", "scanned"),
    ("log", "logged"),
    ("map", "mapped"),
    ("wrap", "wrapped"),
    ("swap", "swapped"),
    ("trim", "trimmed"),
    ("split", "split"),
    ("cut", "cut"),
    ("shut", "shut"),
    ("flag", "flagged"),
    ("zip", "zipped"),
    ("format", "formatted"),
    ("debug", "debugged"),
    ("crop", "cropped"),
    ("flip", "flipped"),
    ("sync", "synced"),
    ("leave", "left"),
    ("read", "read"),
    ("tell", "told"),
    ("speak", "spoken"),
    ("freeze", "frozen"),
    ("break", "broken"),
    ("override", "overridden"),
    ("handover", "handed over"),
    ("bind", "bound"),
    ("feed", "fed"),
    ("spend", "spent"),
    ("throw", "thrown"),
    ("forget", "forgotten"),
    ("hide", "hidden"),
    ("cast", "cast"),
    ("broadcast", "broadcast"),
    ("offset", "offset"),
    ("control", "controlled"),
    ("equip", "equipped"),
    ("drag", "dragged"),
    ("plug", "plugged"),
    ("skip", "skipped"),
    ("tap", "tapped"),
    ("win", "won"),
];

/// Verbs that stand for a request and not for a deed.
const VAGUE: [&str; 8] = ["post", "get", "do", "perform", "execute", "handle", "process", "call"];

/// What has been done: `return` is `returned`; none for what is no plain verb.
pub(crate) fn participle(verb: &str) -> Option<String> {
    let verb = verb.to_lowercase();
    let plain = 1 < verb.len() && verb.chars().all(|it| it.is_ascii_lowercase());
    if !plain || VAGUE.contains(&verb.as_str()) || verb.ends_with("ed") {
        return None;
    }
    let known = |of: &str| IRREGULAR.iter().find(|(base, _)| *base == of).map(|it| it.1);
    if let Some(participle) = known(&verb) {
        return Some(participle.into());
    }
    // What is done again or undone ends as what is done: `rerun`, `resent`, `unwrapped`.
    let again = ["re", "un", "over", "pre", "mis"]
        .into_iter()
        .find_map(|before| Some(format!("{before}{}", known(verb.strip_prefix(before)?)?)));
    if again.is_some() {
        return again;
    }
    let before = verb.chars().rev().nth(1).unwrap_or('a');
    Some(match verb.chars().next_back() {
        Some('e') => format!("{verb}d"),
        Some('y') if !"aeiou".contains(before) => format!("{}ied", &verb[..verb.len() - 1]),
        _ => format!("{verb}ed"),
    })
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [front @ .., last] => format!("{} and {last}", front.join(", ")),
    }
}

/// Like [`listed`], with a word before every part but the first: `a, the b and the c`.
pub(crate) fn listed_with(parts: &[String], lead: &str) -> String {
    let led: Vec<String> = parts
        .iter()
        .enumerate()
        .map(|(place, part)| if place == 0 { part.clone() } else { format!("{lead}{part}") })
        .collect();
    listed(&led)
}

/// Labels of a truth that say how a thing is.
const ADJECTIVES: [&str; 10] = [
    "active",
    "available",
    "open",
    "public",
    "private",
    "free",
    "online",
    "empty",
    "overdue",
    "urgent",
];

/// A truth as what a thing is or is not: `on display`, `not on display`; none where the label does
/// not say how a thing is.
pub(crate) fn flag(label: &str, truth: bool) -> Option<String> {
    let bare = label.strip_prefix("is ").unwrap_or(label);
    let says = bare != label
        || ["on ", "in stock", "out of "].iter().any(|it| bare.starts_with(it))
        || bare.ends_with("ed")
        || ADJECTIVES.contains(&bare);
    says.then(|| format!("{}{bare}", if truth { "" } else { "not " }))
}

/// Whether a truth is found in what was said, as yes or no, or as what a thing is.
pub(crate) fn flagged(name: &str, value: &Value, said: &str) -> bool {
    let Value::Bool(truth) = value else { return false };
    let label = label(name);
    let says = |way| flag(&label, way).is_some_and(|it| holds_word(said, &it));
    says(*truth) && (!truth || !says(false))
}

/// With its first letter in upper case.
pub(crate) fn capitalised(sentence: &str) -> String {
    let mut characters = sentence.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// The value as people say it; none if it is too long or too deep to be said.
///
/// The words hold the value: [`derivable`] finds every leaf of it in them.
pub(crate) fn said(label: &str, value: &Value) -> Option<String> {
    let mut leaves = 0;
    let said = say(label, value, 0, &mut leaves)?;
    (leaves <= LEAVES_MAX && said.chars().count() <= SAID_CHARS_MAX).then_some(said)
}

fn say(label: &str, value: &Value, depth: usize, leaves: &mut usize) -> Option<String> {
    *leaves += 1;
    match value {
        Value::Null => None,
        Value::Bool(true) => Some("yes".into()),
        Value::Bool(false) => Some("no".into()),
        Value::Integer(_) | Value::Number(_) => Some(value.to_string()),
        Value::Text(text) => (!text.trim().is_empty() && !text.contains(['\n', '\r', '\t']))
            .then(|| quoted(label, text)),
        Value::List(items) if depth < 3 && !items.is_empty() => {
            *leaves -= 1;
            let parts: Option<Vec<String>> =
                items.iter().map(|item| say(label, item, depth + 1, leaves)).collect();
            parts.map(|parts| {
                let nested = items.iter().any(|item| matches!(item, Value::Object(_)));
                if nested { parts.join("; and ") } else { listed(&parts) }
            })
        }
        Value::Object(entries) if depth < 3 && !entries.is_empty() => {
            *leaves -= 1;
            let parts: Option<Vec<String>> = entries
                .iter()
                .map(|(name, part)| {
                    let name = self::label(name);
                    let part = say(&name, part, depth + 1, leaves)?;
                    Some(format!("{name} {part}"))
                })
                .collect();
            parts.map(|parts| listed(&parts))
        }
        Value::List(_) | Value::Object(_) => None,
    }
}

/// Text in quotes, unless it is a single token or a name of a person or place.
fn quoted(label: &str, text: &str) -> String {
    let token = text.chars().all(|it| it.is_alphanumeric() || "_-.@:+/#".contains(it))
        && !text.ends_with(['.', ':']);
    let proper = ["name", "city", "country", "author", "location", "address", "phone", "currency"]
        .iter()
        .any(|it| label.ends_with(it))
        && text.split(' ').all(|word| {
            word.starts_with(|it: char| it.is_uppercase() || it.is_ascii_digit() || it == '+')
        });
    if token || proper { text.into() } else { format!("\"{}\"", text.replace('"', "'")) }
}

/// Whether every leaf of a value is found in what was said.
pub(crate) fn derivable(value: &Value, said: &str) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(truth) => holds_word(said, if *truth { "yes" } else { "no" }),
        Value::Integer(_) | Value::Number(_) => holds_word(said, &value.to_string()),
        Value::Text(text) => !text.contains('"') && holds_word(said, text),
        Value::List(items) => items.iter().all(|item| derivable(item, said)),
        Value::Object(entries) => entries.iter().all(|(_, part)| derivable(part, said)),
    }
}

/// Whether `word` stands in `text` and not inside a longer word or number.
fn holds_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(start, found)| {
        let before = text[..start].chars().next_back();
        let after = text[start + found.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use schemas::Value;

    use super::{derivable, label, participle, plural, said, with_article};

    #[test]
    fn names_become_words() {
        for (name, words) in [
            ("book_id", "book ID"),
            ("dueDate", "due date"),
            ("api-version", "API version"),
            ("customerURL", "customer URL"),
            ("$filter", "filter"),
            ("__", "value"),
            ("__order.ids--", "order IDs"),
            ("qty", "quantity"),
            ("titleLike", "title"),
            ("like", "like"),
        ] {
            assert_eq!(label(name), words);
        }
    }

    #[test]
    fn nouns_take_their_article_and_plural() {
        for (noun, one, many) in [
            ("order", "an order", "orders"),
            ("user", "a user", "users"),
            ("url category", "a url category", "url categories"),
            ("hourly rate", "an hourly rate", "hourly rates"),
            ("SMS message", "an SMS message", "SMS messages"),
            ("category", "a category", "categories"),
            ("address", "an address", "addresses"),
            ("unimportant box", "an unimportant box", "unimportant boxes"),
        ] {
            assert_eq!(with_article(noun), one);
            assert_eq!(plural(noun), many);
        }
    }

    /// What was "reruned" and "resended".
    #[test]
    fn what_is_done_again_ends_as_what_is_done() {
        for (verb, done) in [
            ("rerun", "rerun"),
            ("resend", "resent"),
            ("remap", "remapped"),
            ("unwrap", "unwrapped"),
            ("overwrite", "overwritten"),
            ("return", "returned"),
            ("reply", "replied"),
            ("prepare", "prepared"),
        ] {
            assert_eq!(participle(verb).as_deref(), Some(done));
        }
    }

    #[test]
    fn what_is_said_holds_the_value() {
        for json in ["\"bk_7\"", "21", "1.5", "true", "[\"a\",\"b c\"]", "{\"x\":{\"y\":1}}"] {
            let value = Value::parse(json).unwrap();
            let said = said("thing", &value).unwrap();
            assert!(derivable(&value, &said), "{json} in {said}");
        }
        assert!(!derivable(&Value::Integer(2), "for 21 days"));
        assert_eq!(said("thing", &Value::parse("[1,2,3,4,5,6,7,8,9]").unwrap()), None);
    }
}
