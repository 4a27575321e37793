//! Words of names: splitting, singular and plural, and names that are safe everywhere.

/// Most words read of one name; hostile names are longer than any noun phrase.
const WORDS_MAX: usize = 24;
/// Most characters read of one name.
const CHARS_MAX: usize = 256;

/// The words of an identifier, in lower case: `DescribeDBInstances` is `describe db instances`.
pub(super) fn words(name: &str) -> Vec<String> {
    let characters: Vec<char> = name.chars().take(CHARS_MAX).collect();
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    for (place, &character) in characters.iter().enumerate() {
        if !character.is_ascii_alphanumeric() {
            close(&mut words, &mut word);
            continue;
        }
        let before = place.checked_sub(1).map(|place| characters[place]);
        let after = characters.get(place + 1).copied();
        let rises = character.is_ascii_uppercase()
            && (before.is_some_and(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
                || (after.is_some_and(|it| it.is_ascii_lowercase())
                    && !plural_of_capitals(&characters, place)));
        if rises {
            close(&mut words, &mut word);
        }
        word.push(character.to_ascii_lowercase());
    }
    close(&mut words, &mut word);
    words.truncate(WORDS_MAX);
    words
}

/// Whether the capital at `place` ends a run of capitals that only an `s` follows, as in `VMs`.
fn plural_of_capitals(characters: &[char], place: usize) -> bool {
    place.checked_sub(1).is_some_and(|before| characters[before].is_ascii_uppercase())
        && characters.get(place + 1) == Some(&'s')
        && characters.get(place + 2).is_none_or(|it| !it.is_ascii_lowercase())
}

fn close(words: &mut Vec<String>, word: &mut String) {
    if !word.is_empty() {
        words.push(std::mem::take(word));
    }
}

/// Plurals no rule finds, as (plural, singular).
const IRREGULAR: [(&str, &str); 24] = [
    ("people", "person"),
    ("children", "child"),
    ("men", "man"),
    ("women", "woman"),
    ("movies", "movie"),
    ("cookies", "cookie"),
    ("shelves", "shelf"),
    ("leaves", "leaf"),
    ("wolves", "wolf"),
    ("halves", "half"),
    ("buses", "bus"),
    ("gases", "gas"),
    ("viruses", "virus"),
    ("statuses", "status"),
    ("aliases", "alias"),
    ("analyses", "analysis"),
    ("indices", "index"),
    ("vertices", "vertex"),
    ("matrices", "matrix"),
    ("criteria", "criterion"),
    ("quizzes", "quiz"),
    ("lenses", "lens"),
    ("uris", "uri"),
    ("apis", "api"),
];

/// Words that are their own plural or never one, though they may end in `s`.
const UNCOUNTABLE: [&str; 40] = [
    "status",
    "news",
    "series",
    "species",
    "data",
    "media",
    "metadata",
    "weather",
    "information",
    "software",
    "hardware",
    "equipment",
    "dns",
    "sms",
    "https",
    "aws",
    "ios",
    "os",
    "gps",
    "css",
    "js",
    "rss",
    "tls",
    "ssl",
    "vps",
    "sns",
    "sqs",
    "rds",
    "ses",
    "iis",
    "bus",
    "gas",
    "alias",
    "canvas",
    "atlas",
    "lens",
    "always",
    "kubernetes",
    "redis",
    "mms",
];

/// The singular of an English noun.
pub(crate) fn singular(word: &str) -> String {
    if let Some((_, one)) = IRREGULAR.iter().find(|(many, _)| *many == word) {
        return (*one).into();
    }
    if UNCOUNTABLE.contains(&word) || word.len() < 3 {
        return word.into();
    }
    let cut = |ending: &str, instead: &str| {
        word.strip_suffix(ending)
            .filter(|stem| 1 < stem.len())
            .map(|stem| format!("{stem}{instead}"))
    };
    if ["ss", "us", "is"].iter().any(|ending| word.ends_with(ending)) {
        return word.into();
    }
    cut("ies", "y")
        .or_else(|| cut("sses", "ss"))
        .or_else(|| cut("xes", "x"))
        .or_else(|| cut("ches", "ch"))
        .or_else(|| cut("shes", "sh"))
        .or_else(|| cut("uses", "use"))
        .or_else(|| cut("s", ""))
        .unwrap_or_else(|| word.into())
}

/// The plural of an English noun in the singular.
pub(super) fn plural(word: &str) -> String {
    if let Some((many, _)) = IRREGULAR.iter().find(|(_, one)| *one == word) {
        return (*many).into();
    }
    if UNCOUNTABLE.contains(&word) {
        return word.into();
    }
    let vowel_before_y = word
        .strip_suffix('y')
        .is_none_or(|stem| stem.ends_with(['a', 'e', 'i', 'o', 'u']) || stem.is_empty());
    if !vowel_before_y {
        return format!("{}ies", &word[..word.len() - 1]);
    }
    let hisses = ["s", "x", "z", "ch", "sh"].iter().any(|ending| word.ends_with(ending));
    format!("{word}{}", if hisses { "es" } else { "s" })
}

/// Whether a noun is written as a plural.
pub(super) fn is_plural(word: &str) -> bool {
    singular(word) != word
}

/// A noun phrase in the singular, in `snake_case`.
pub(super) fn noun(words: &[String]) -> String {
    let Some((last, before)) = words.split_last() else { return String::new() };
    let mut parts = before.to_vec();
    parts.push(singular(last));
    parts.join("_")
}

/// The table of a noun in `snake_case`.
pub(super) fn table_name(noun: &str) -> String {
    let (before, last) = noun.rsplit_once('_').map_or(("", noun), |(before, last)| (before, last));
    let name = if before.is_empty() { plural(last) } else { format!("{before}_{}", plural(last)) };
    safe(name)
}

/// A name as a column: `snake_case`, never empty, never a digit first, never a reserved word.
pub(super) fn column_name(words: &[String]) -> String {
    safe(words.join("_"))
}

fn safe(mut name: String) -> String {
    name.truncate(56);
    if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
        name.insert_str(0, "n_");
    }
    if RESERVED.binary_search(&name.as_str()).is_ok() {
        name.push('_');
    }
    name
}

/// Words that Python or SQL keep for themselves.
const RESERVED: [&str; 119] = [
    "abort",
    "action",
    "add",
    "all",
    "alter",
    "and",
    "any",
    "as",
    "asc",
    "assert",
    "async",
    "await",
    "begin",
    "between",
    "break",
    "by",
    "cascade",
    "case",
    "cast",
    "check",
    "class",
    "column",
    "commit",
    "constraint",
    "continue",
    "create",
    "cross",
    "current",
    "database",
    "def",
    "default",
    "del",
    "delete",
    "desc",
    "distinct",
    "do",
    "drop",
    "each",
    "elif",
    "else",
    "end",
    "escape",
    "except",
    "exec",
    "exists",
    "explain",
    "false",
    "finally",
    "for",
    "foreign",
    "from",
    "full",
    "glob",
    "global",
    "grant",
    "group",
    "having",
    "if",
    "import",
    "in",
    "index",
    "inner",
    "insert",
    "intersect",
    "into",
    "is",
    "join",
    "key",
    "lambda",
    "left",
    "like",
    "limit",
    "match",
    "natural",
    "no",
    "none",
    "nonlocal",
    "not",
    "null",
    "of",
    "offset",
    "on",
    "or",
    "order",
    "outer",
    "over",
    "pass",
    "plan",
    "pragma",
    "primary",
    "query",
    "raise",
    "range",
    "references",
    "release",
    "replace",
    "return",
    "right",
    "rollback",
    "row",
    "rows",
    "select",
    "set",
    "table",
    "then",
    "to",
    "transaction",
    "trigger",
    "true",
    "try",
    "union",
    "unique",
    "update",
    "using",
    "values",
    "view",
    "when",
    "where",
    "while",
];

/// A short prefix for the keys of a noun: `bk` for a book, `po` for a purchase order.
pub(super) fn prefix(noun: &str) -> String {
    let parts: Vec<&str> = noun.split('_').filter(|part| !part.is_empty()).collect();
    if 1 < parts.len() {
        return parts.iter().take(4).filter_map(|part| part.chars().next()).collect();
    }
    let mut prefix = String::new();
    for character in noun.chars() {
        let vowel = "aeiou".contains(character);
        if prefix.len() < 3 && (prefix.is_empty() || !(vowel || prefix.ends_with(character))) {
            prefix.push(character);
        }
    }
    if prefix.len() < 2 { noun.chars().take(3).collect() } else { prefix }
}

#[cfg(test)]
mod tests {
    use super::{RESERVED, column_name, noun, plural, prefix, singular, table_name, words};

    #[test]
    fn names_split_into_words() {
        for (name, split) in [
            ("create_invoice", "create invoice"),
            ("DescribeDBInstances", "describe db instances"),
            ("Devices_Get", "devices get"),
            ("listVMs", "list vms"),
            ("api-version", "api version"),
            ("user.profile.get", "user profile get"),
            ("ec2Instance", "ec2 instance"),
            ("\"; drop\n", "drop"),
            ("", ""),
        ] {
            assert_eq!(words(name).join(" "), split, "{name}");
        }
    }

    #[test]
    fn nouns_go_between_one_and_many() {
        for (one, many) in [
            ("book", "books"),
            ("category", "categories"),
            ("address", "addresses"),
            ("box", "boxes"),
            ("branch", "branches"),
            ("person", "people"),
            ("status", "statuses"),
            ("key", "keys"),
            ("database", "databases"),
            ("movie", "movies"),
            ("response", "responses"),
        ] {
            assert_eq!(singular(many), one, "{many}");
            if one != "status" {
                assert_eq!(plural(one), many, "{one}");
            }
        }
        assert_eq!(noun(&words("purchaseOrders")), "purchase_order");
        assert_eq!(table_name("purchase_order"), "purchase_orders");
    }

    #[test]
    fn reserved_words_are_kept_apart() {
        assert!(RESERVED.is_sorted(), "searched by halving");
        assert_eq!(column_name(&words("from")), "from_");
        assert_eq!(column_name(&words("2fa")), "n_2fa");
        assert_eq!(column_name(&[]), "n_");
    }

    #[test]
    fn prefixes_are_short() {
        for (noun, short) in [("book", "bk"), ("purchase_order", "po"), ("idea", "id"), ("a", "a")]
        {
            assert_eq!(prefix(noun), short, "{noun}");
        }
    }
}
