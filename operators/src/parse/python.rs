//! Literals of Python, where a source writes its data in them.
//!
//! The Python Language Reference sections 2.4, 6.2 and 6.3. Only data is read: a name, a call or an
//! operator in place of a literal is an error, and nothing is ever evaluated.

use serde_json::{Map, Number, Value as Json};

/// Deepest nesting of dicts, lists, tuples and sets.
const DEPTH_MAX: usize = 64;

/// The literals assigned in a text such as `a = {'b': 1}`, in its order.
///
/// Tuples and sets are arrays, since JSON has neither; keys of dicts that are no text become what
/// they are written as.
///
/// # Errors
///
/// Says what is no assignment of a literal, and at which byte.
pub(super) fn assignments(text: &str) -> Result<Vec<(String, Json)>, String> {
    let mut reader = Reader { text, place: 0 };
    let mut found = Vec::new();
    loop {
        reader.skip_blank();
        if reader.rest().is_empty() {
            return Ok(found);
        }
        let name = reader.name();
        if name.is_empty() {
            return Err(reader.expected("a name"));
        }
        reader.demand('=')?;
        let value = reader.literal(0)?;
        found.push((name, value));
    }
}

/// The literal that a text has from a byte on, after blanks; none if something else stands there.
pub(crate) fn literal_at(text: &str, place: usize) -> Option<Json> {
    Reader { text, place }.literal(0).ok()
}

struct Reader<'a> {
    text: &'a str,
    place: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.place..]
    }

    fn expected(&self, what: &str) -> String {
        format!("{what} is expected at byte {}", self.place)
    }

    /// Skips white space, comments, and the stops between statements.
    fn skip_blank(&mut self) {
        loop {
            let rest = self.rest();
            let bare = rest.trim_start_matches([' ', '\t', '\r', '\n', '\u{c}', ';', '\\']);
            let bare = match bare.strip_prefix('#') {
                Some(comment) => comment.find('\n').map_or("", |end| &comment[end..]),
                None => bare,
            };
            let skipped = rest.len() - bare.len();
            if skipped == 0 {
                return;
            }
            self.place += skipped;
        }
    }

    fn name(&mut self) -> String {
        let length = self.rest().find(|c: char| c != '_' && !c.is_alphanumeric());
        let name = self.rest()[..length.unwrap_or(self.rest().len())].to_string();
        self.place += name.len();
        name
    }

    /// Whether this character comes next; then it is taken.
    fn takes(&mut self, character: char) -> bool {
        self.skip_blank();
        let comes = self.rest().starts_with(character);
        self.place += if comes { character.len_utf8() } else { 0 };
        comes
    }

    fn demand(&mut self, character: char) -> Result<(), String> {
        if self.takes(character) { Ok(()) } else { Err(self.expected(&format!("\"{character}\""))) }
    }

    fn literal(&mut self, depth: usize) -> Result<Json, String> {
        if depth == DEPTH_MAX {
            return Err(format!("nests deeper than {DEPTH_MAX} levels"));
        }
        self.skip_blank();
        if self.takes('{') {
            return self.braced(depth);
        }
        if self.takes('[') {
            return Ok(Json::Array(self.items(']', depth)?.0));
        }
        if self.takes('(') {
            let (mut items, commas) = self.items(')', depth)?;
            return Ok(match items.pop() {
                Some(only) if items.is_empty() && !commas => only,
                last => Json::Array(items.into_iter().chain(last).collect()),
            });
        }
        match self.rest().chars().next() {
            Some('\'' | '"') => self.texts(),
            Some(first) if first.is_ascii_digit() || matches!(first, '-' | '+' | '.') => {
                self.number()
            }
            _ => self.word(),
        }
    }

    /// What stands in braces: a dict, or a set if its first item has no value.
    fn braced(&mut self, depth: usize) -> Result<Json, String> {
        let mut entries = Map::new();
        if self.takes('}') {
            return Ok(Json::Object(entries));
        }
        let mut key = self.literal(depth + 1)?;
        if !self.takes(':') {
            let mut items = vec![key];
            if self.takes(',') {
                items.extend(self.items('}', depth)?.0);
            } else {
                self.demand('}')?;
            }
            return Ok(Json::Array(items));
        }
        loop {
            let name = match key {
                Json::String(name) => name,
                other => other.to_string(),
            };
            entries.insert(name, self.literal(depth + 1)?);
            if !self.takes(',') {
                self.demand('}')?;
                return Ok(Json::Object(entries));
            }
            if self.takes('}') {
                return Ok(Json::Object(entries));
            }
            key = self.literal(depth + 1)?;
            self.demand(':')?;
        }
    }

    /// The items up to a bracket, and whether a comma stands among them.
    fn items(&mut self, close: char, depth: usize) -> Result<(Vec<Json>, bool), String> {
        let mut items = Vec::new();
        let mut commas = false;
        while !self.takes(close) {
            items.push(self.literal(depth + 1)?);
            if self.takes(',') {
                commas = true;
            } else {
                self.demand(close)?;
                break;
            }
        }
        Ok((items, commas))
    }

    /// A word that is a literal, or a text with a prefix.
    fn word(&mut self) -> Result<Json, String> {
        let start = self.place;
        let word = self.name();
        let quoted = self.rest().starts_with(['\'', '"']);
        match word.to_ascii_lowercase().as_str() {
            "r" | "u" | "b" | "rb" | "br" if quoted => {
                self.place = start;
                return self.texts();
            }
            _ => {}
        }
        match word.as_str() {
            "True" | "true" => Ok(Json::Bool(true)),
            "False" | "false" => Ok(Json::Bool(false)),
            "None" | "null" => Ok(Json::Null),
            _ => {
                self.place = start;
                Err(self.expected("a literal"))
            }
        }
    }

    fn number(&mut self) -> Result<Json, String> {
        let rest = self.rest();
        let signs = rest.len() - rest.trim_start_matches(['-', '+']).len();
        let digits = &rest[signs..];
        let inside = |(place, c): (usize, char)| {
            let exponent = place > 0 && digits[..place].ends_with(['e', 'E']);
            c.is_ascii_alphanumeric() || matches!(c, '.' | '_') || (exponent && "+-".contains(c))
        };
        let end = digits.char_indices().find(|it| !inside(*it)).map_or(digits.len(), |it| it.0);
        let sign = if rest[..signs].contains('-') { "-" } else { "" };
        let written = format!("{sign}{}", digits[..end].replace('_', ""));
        let read = match written.parse::<i64>() {
            Ok(integer) => Some(Number::from(integer)),
            Err(_) => written.parse::<f64>().ok().and_then(Number::from_f64),
        };
        let number = read.ok_or_else(|| self.expected("a number"))?;
        self.place += signs + end;
        Ok(Json::Number(number))
    }

    /// One text, or several that stand side by side and are one.
    fn texts(&mut self) -> Result<Json, String> {
        let mut whole = String::new();
        loop {
            self.text_into(&mut whole)?;
            let end = self.place;
            self.skip_blank();
            if !self.rest().starts_with(['\'', '"']) {
                self.place = end;
                return Ok(Json::String(whole));
            }
        }
    }

    fn text_into(&mut self, whole: &mut String) -> Result<(), String> {
        let prefix = self.name();
        let raw = prefix.contains(['r', 'R']);
        let rest = self.rest();
        let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|it| rest.starts_with(*it));
        let quote = quote.ok_or_else(|| self.expected("a text"))?;
        let body = &rest[quote.len()..];
        let mut characters = body.char_indices();
        while let Some((place, character)) = characters.next() {
            if body[place..].starts_with(quote) {
                self.place += 2 * quote.len() + place;
                return Ok(());
            }
            match character {
                '\n' if quote.len() == 1 => break,
                '\\' if raw => {
                    whole.push('\\');
                    whole.extend(characters.next().map(|(_, next)| next));
                }
                '\\' => {
                    let taken = escape(&body[place + 1..], whole);
                    for _ in 0..taken {
                        characters.next();
                    }
                }
                plain => whole.push(plain),
            }
        }
        Err(format!("the text that begins at byte {} does not end", self.place))
    }
}

/// Adds what the escape stands for whose characters these are; returns how many it has.
fn escape(rest: &str, whole: &mut String) -> usize {
    let Some(first) = rest.chars().next() else { return 0 };
    let simple = match first {
        '\n' => return 1,
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'a' | 'b' | 'f' | 'v' => ' ',
        '\\' | '\'' | '"' => first,
        'x' | 'u' | 'U' => {
            let length = [('x', 2), ('u', 4), ('U', 8)].iter().find(|it| it.0 == first);
            let length = length.map_or(0, |it| it.1);
            let code = rest.get(1..=length).and_then(|it| u32::from_str_radix(it, 16).ok());
            return match code.and_then(char::from_u32) {
                Some(character) => {
                    whole.push(character);
                    length + 1
                }
                None => {
                    whole.push('\\');
                    0
                }
            };
        }
        // An escape nobody knows is its own characters, as in Python.
        _ => {
            whole.push('\\');
            return 0;
        }
    };
    whole.push(simple);
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_data() {
        for (text, json) in [
            ("x = {'a': 1, \"b\": [True, None, -2.5e-3],}", r#"{"a":1,"b":[true,null,-0.0025]}"#),
            ("x = ('a' \"b\"\n 'c')", r#""abc""#),
            ("x = ('a',)", r#"["a"]"#),
            ("x = {1, 2}", "[1,2]"),
            ("x = {}", "{}"),
            ("x = {3: ()}", r#"{"3":[]}"#),
            ("x = '''it's\n''fine'''", r#""it's\n''fine""#),
            (r"x = 'a\tb\x41\u00e9\q\\'", r#""a\tbAé\\q\\""#),
            (r"x = r'\d+'", r#""\\d+""#),
            ("x = 1_000 # one thousand", "1000"),
        ] {
            let found = assignments(text).unwrap();
            assert_eq!(found[0].1.to_string(), json, "{text}");
        }
        let both = assignments("a = 1\n\nb = 'two'; c = 3").unwrap();
        let names: Vec<&str> = both.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
    }

    #[test]
    fn what_is_no_literal_is_an_error() {
        for text in [
            ".",
            "x",
            "x =",
            "x = y",
            "x = 'a",
            "x = 'a\nb'",
            "x = [1 2]",
            "x = {'a' 1}",
            "x = f()",
            "x = 1 + 1",
            "x = {'a': 1",
            "x = '\\",
            "x = ''' ''",
            "é = \u{1f600}",
            "x = -",
            "= 3",
        ] {
            assert!(assignments(text).is_err(), "{text}");
        }
        let deep = format!("x = {}", "[".repeat(100_000));
        assert_eq!(assignments(&deep).unwrap_err(), "nests deeper than 64 levels");
    }
}
