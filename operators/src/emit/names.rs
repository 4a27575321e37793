//! Names and quotations: how text that anybody may have written gets into sources.
//!
//! Text of an API becomes a quoted literal, an identifier of an alphabet of 37 characters, a quoted
//! name of SQL, or escaped Markdown; nothing else of it reaches a generated file.

use std::collections::BTreeSet;

use schemas::Digest;

/// Names that mean something to Python, and so to a reader: keywords, soft keywords and built-ins.
const PYTHON: &str = "abs aiter all and anext any as ascii assert async await bin bool break \
    breakpoint bytearray bytes callable case chr class classmethod compile complex continue \
    copyright credits def del delattr dict dir divmod elif else enumerate eval except exec exit \
    filter finally float for format from frozenset getattr global globals hasattr hash help hex id \
    if import in input int is isinstance issubclass iter lambda len license list locals map match \
    max memoryview min next none nonlocal not object oct open or ord pass pow print property quit \
    raise range repr return reversed round self set setattr slice sorted staticmethod str sum super \
    true false try tuple type vars while with yield zip db runtime tools environment";

/// The functions of `runtime.py` that tools are made of.
pub(super) const RUNTIME: [&str; 24] = [
    "add",
    "compact",
    "compare",
    "count",
    "delete",
    "divide",
    "first",
    "insert",
    "lookup",
    "multiply",
    "none",
    "now",
    "otherwise",
    "part",
    "refers",
    "require",
    "say",
    "select",
    "subtract",
    "update",
    "spelled",
    "change",
    "remove",
    "later",
];

/// Digits of a digest that tell two names apart.
const SUFFIX_DIGITS: usize = 6;

/// An identifier of Python for a name: `[a-z][a-z0-9_]*`, and nothing that means something else.
///
/// `X-Amz-Date` is `x_amz_date`, `bookId` is `book_id`, `class` is `class_`, `$filter` is `filter_`.
pub fn identifier(name: &str) -> String {
    let mut spelled = String::new();
    let mut previous = '_';
    for character in name.chars() {
        if character.is_ascii_uppercase()
            && (previous.is_ascii_lowercase() || previous.is_ascii_digit())
        {
            spelled.push('_');
        }
        let letter = character.to_ascii_lowercase();
        let letter =
            if letter.is_ascii_lowercase() || letter.is_ascii_digit() { letter } else { '_' };
        if letter != '_' || (!spelled.is_empty() && !spelled.ends_with('_')) {
            spelled.push(letter);
        }
        previous = character;
    }
    let mut spelled = spelled.trim_end_matches('_').to_string();
    if !spelled.starts_with(|first: char| first.is_ascii_lowercase()) {
        spelled.insert_str(0, if spelled.is_empty() { "unnamed" } else { "n" });
    }
    if PYTHON.split(' ').any(|word| word == spelled) || RUNTIME.contains(&&*spelled) {
        spelled.push('_');
    }
    spelled
}

/// An identifier for each of some names that live side by side, in their order; no two alike.
///
/// A name that is its own identifier keeps it. Where two others would share one, each is told
/// apart by digits of its digest, so that it does not matter how many there are.
pub fn identifiers(names: &[&str]) -> Vec<String> {
    let plain: Vec<String> = names.iter().map(|name| identifier(name)).collect();
    let mut found: Vec<String> = Vec::new();
    let mut taken = BTreeSet::new();
    for (place, name) in names.iter().enumerate() {
        let shared =
            plain.iter().enumerate().any(|(other, it)| other != place && *it == plain[place]);
        let mut spelled = plain[place].clone();
        if shared && spelled != *name {
            let digits = Digest::of(name.as_bytes()).to_string();
            spelled = format!("{}_{}", spelled.trim_end_matches('_'), &digits[..SUFFIX_DIGITS]);
        }
        while !taken.insert(spelled.clone())
            || (spelled != plain[place] && names.contains(&&*spelled))
        {
            spelled.push('x');
        }
        found.push(spelled);
    }
    found
}

/// A text as a literal of Python, in one line.
pub fn quoted(text: &str) -> String {
    let quote = if text.contains('"') && !text.contains('\'') { '\'' } else { '"' };
    let mut out = String::from(quote);
    for character in text.chars() {
        match character {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '"' if quote == '"' => out.push_str("\\\""),
            other => push_escaped(other, &mut out),
        }
    }
    out.push(quote);
    out
}

/// A docstring of paragraphs, wrapped, its quotes included; line feeds of the text are spaces.
pub(super) fn docstring(paragraphs: &[String], indent: usize, width: usize) -> String {
    let margin = " ".repeat(indent);
    let mut out = String::from("\"\"\"");
    for (place, paragraph) in paragraphs.iter().enumerate() {
        if place > 0 {
            out.push('\n');
            out.push_str(if paragraph.is_empty() { "" } else { &margin });
        }
        let mut column = indent + 3;
        let mut words = paragraph.split_whitespace().enumerate().peekable();
        while let Some((ordinal, word)) = words.next() {
            let is_edge = (place, ordinal) == (0, 0) || words.peek().is_none();
            let escaped = escaped_word(word, is_edge);
            let length = escaped.chars().count();
            if ordinal > 0 && width < column + 1 + length {
                out.push_str(&format!("\n{margin}{escaped}"));
                column = indent + length;
            } else {
                out.push_str(if ordinal == 0 { "" } else { " " });
                out.push_str(&escaped);
                column += length + usize::from(ordinal > 0);
            }
        }
    }
    if paragraphs.len() > 1 {
        out.push_str(&format!("\n{margin}"));
    }
    out.push_str("\"\"\"");
    out
}

/// A word of a docstring. A quote beside another is escaped, and so is one at either end of a word at
/// the edge of a paragraph, so that no three in a row end the docstring early.
fn escaped_word(word: &str, is_edge: bool) -> String {
    let mut out = String::new();
    let letters: Vec<char> = word.chars().collect();
    for (place, letter) in letters.iter().enumerate() {
        let before = if place == 0 { is_edge } else { letters[place - 1] == '"' };
        let after = letters.get(place + 1).map_or(is_edge, |next| *next == '"');
        if *letter == '"' && (before || after) {
            out.push('\\');
        }
        push_escaped(*letter, &mut out);
    }
    out
}

/// Letters and digits of any script and the printable part of ASCII stand as they are;
/// backslashes, controls, and whatever is invisible or turns the direction of reading is escaped.
fn push_escaped(character: char, out: &mut String) {
    match character {
        '\\' => out.push_str("\\\\"),
        ' '..='~' => out.push(character),
        other if !other.is_ascii() && other.is_alphanumeric() => out.push(other),
        other => match u32::from(other) {
            code @ ..=0xff => out.push_str(&format!("\\x{code:02x}")),
            code @ ..=0xffff => out.push_str(&format!("\\u{code:04x}")),
            code => out.push_str(&format!("\\U{code:08x}")),
        },
    }
}

/// A name of SQL in quotes.
pub fn sql_name(name: &str) -> String {
    // NB: names that begin so belong to SQLite.
    let own = if name.to_ascii_lowercase().starts_with("sqlite_") { "_" } else { "" };
    let clean: String = name.chars().map(|it| if it.is_control() { '_' } else { it }).collect();
    format!("\"{own}{}\"", clean.replace('"', "\"\""))
}

/// A text as an expression of SQL; controls, which no shell of SQL reads well, by their number.
pub fn sql_text(text: &str) -> String {
    let mut out = String::from("'");
    for character in text.chars() {
        match character {
            '\'' => out.push_str("''"),
            control if control < ' ' => {
                out.push_str(&format!("' || char({}) || '", u32::from(control)));
            }
            other => out.push(other),
        }
    }
    out.push('\'');
    out
}

/// A text in one line of a comment.
pub(super) fn commented(text: &str) -> String {
    let visible = |it: char| !it.is_control() && (it.is_ascii() || it.is_alphanumeric());
    let clean: String = text.chars().map(|it| if visible(it) { it } else { ' ' }).collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text in a sentence of Markdown.
pub fn markdown(text: &str) -> String {
    let mut out = String::new();
    for character in commented(text).chars() {
        if "\\`*_[]<>#|~&$!{}".contains(character) {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

/// A text in the code font of Markdown.
pub fn code(text: &str) -> String {
    let clean = commented(text);
    let longest = clean.split(|it| it != '`').map(str::len).max().unwrap_or(0);
    if longest == 0 {
        return format!("`{clean}`");
    }
    let fence = "`".repeat(longest + 1);
    format!("{fence} {clean} {fence}")
}

#[cfg(test)]
mod tests {
    use super::{code, identifier, identifiers, markdown, quoted, sql_text};

    #[test]
    fn names_become_identifiers_that_mean_nothing_else() {
        for (name, expected) in [
            ("book_id", "book_id"),
            ("bookId", "book_id"),
            ("X-Amz-Date", "x_amz_date"),
            ("class", "class_"),
            ("from", "from_"),
            ("self", "self_"),
            ("$filter", "filter_"),
            ("__import__", "import_"),
            ("lookup", "lookup_"),
            ("3d-model", "n3d_model"),
            ("日本", "unnamed"),
            ("", "unnamed"),
        ] {
            assert_eq!(identifier(name), expected, "{name}");
        }
    }

    #[test]
    fn no_two_names_share_an_identifier() {
        let names = ["book-id", "book_id", "bookId", "日", "本", "class", "class_"];
        let found = identifiers(&names);
        assert_eq!(found[1], "book_id");
        let apart: std::collections::BTreeSet<&String> = found.iter().collect();
        assert_eq!(apart.len(), names.len(), "{found:?}");
    }

    #[test]
    fn quotations_stay_quotations() {
        assert_eq!(quoted("a\"'\\\n\u{202e}\0é"), r#""a\"'\\\n\u202e\x00é""#);
        assert_eq!(quoted("a \"b\""), r#"'a "b"'"#);
        assert_eq!(sql_text("it's\n"), "'it''s' || char(10) || ''");
        assert_eq!(markdown("# a_b\n<script>"), "\\# a\\_b \\<script\\>");
        assert_eq!(code("a`b"), "`` a`b ``");
    }
}
