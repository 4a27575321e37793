//! Text that is there and not seen, or seen as what it is not.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Fewest tag characters taken for text; the flag of a region has five and an end.
const TAGS_MIN: usize = 8;

/// Fewest variation selectors in a row taken for bytes; a glyph takes one.
const SELECTORS_MIN: usize = 4;

/// Fewest zero-width characters in a row taken for bits: eight make a letter.
const BLANKS_MIN: usize = 16;

/// Text spelled in characters that show nothing, made readable: tag characters (each an ASCII
/// character moved to U+E0000), variation selectors (each a byte) or zero-width characters.
pub(super) fn smuggled(text: &str) -> Option<String> {
    // All of them are encoded with one of these bytes, which plain English has none of.
    if text.is_ascii() || !text.bytes().any(|byte| matches!(byte, 0xf3 | 0xe2 | 0xef)) {
        return None;
    }
    let tags: String = text.chars().filter_map(tag).collect();
    let flags = text.chars().filter(|character| *character == '\u{1f3f4}').count();
    if TAGS_MIN * (flags + 1) <= tags.len() {
        return Some(tags);
    }
    let mut bytes = Vec::new();
    let (mut blanks, mut most_blanks) = (0, 0);
    for character in text.chars() {
        match byte(character) {
            Some(byte) => bytes.push(byte),
            None if SELECTORS_MIN <= bytes.len() => break,
            None => bytes.clear(),
        }
        blanks = if is_blank(character) { blanks + 1 } else { 0 };
        most_blanks = most_blanks.max(blanks);
    }
    if SELECTORS_MIN <= bytes.len() {
        return Some(String::from_utf8_lossy(&bytes).into_owned());
    }
    (BLANKS_MIN <= most_blanks).then(|| format!("{most_blanks} zero-width characters in a row"))
}

/// The ASCII character that a tag character stands for.
fn tag(character: char) -> Option<char> {
    let code = u32::from(character);
    (0xe_0020..=0xe_007e).contains(&code).then(|| char::from_u32(code - 0xe_0000)).flatten()
}

/// The byte that a variation selector stands for: sixteen near, 240 far.
fn byte(character: char) -> Option<u8> {
    let code = u32::from(character);
    let byte = match code {
        0xfe00..=0xfe0f => code - 0xfe00,
        0xe_0100..=0xe_01ef => code - 0xe_0100 + 16,
        _ => return None,
    };
    u8::try_from(byte).ok()
}

fn is_blank(character: char) -> bool {
    matches!(character, '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

/// The insides of the comments of HTML in a text.
pub(super) fn comments(text: &str) -> impl Iterator<Item = &str> {
    static OPENING: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("<!--"));
    let starts = OPENING.find_iter(text.as_bytes()).map(|start| &text[start + 4..]);
    starts.map(|rest| rest.split("-->").next().unwrap_or(rest))
}

/// The text as it looks: letters of other scripts that look like Latin ones become those, and
/// marks, widths and styles are left out. A text in another script stays readable as that.
pub(super) fn unmasked(text: &str) -> Cow<'_, str> {
    let is_plain = |character: char| {
        character.is_ascii() || matches!(character, '\u{2010}'..='\u{2027}' | '\u{a0}'..='\u{bf}')
    };
    if text.is_ascii() || text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    // A look-alike is one only among Latin letters.
    let mixed = text.bytes().any(|byte| byte.is_ascii_alphabetic());
    let composed = text.nfkd().filter(|character| !is_combining_mark(*character));
    let seen = composed.map(|character| if mixed { looks_like(character) } else { character });
    // Syllables of Korean are taken apart above and must be whole to be recognised.
    Cow::Owned(seen.collect::<String>().nfc().collect())
}

/// The Latin letter that a Cyrillic or Greek one looks like (Unicode UTS 39, confusables), itself
/// for any other character.
fn looks_like(character: char) -> char {
    match character {
        'а' | 'α' | 'А' | 'Α' => 'a',
        'в' | 'В' | 'Β' => 'b',
        'с' | 'С' | 'ϲ' => 'c',
        'ԁ' => 'd',
        'е' | 'Е' | 'Ε' | 'є' => 'e',
        'ɡ' => 'g',
        'һ' | 'Н' | 'Η' => 'h',
        'і' | 'І' | 'ι' | 'Ι' | 'ı' => 'i',
        'ј' | 'Ј' => 'j',
        'к' | 'К' | 'κ' | 'Κ' => 'k',
        'ӏ' | 'Ӏ' => 'l',
        'м' | 'М' | 'Μ' => 'm',
        'Ν' | 'ո' => 'n',
        'о' | 'О' | 'ο' | 'Ο' => 'o',
        'р' | 'Р' | 'ρ' | 'Ρ' => 'p',
        'ԛ' => 'q',
        'г' => 'r',
        'ѕ' | 'Ѕ' => 's',
        'т' | 'Т' | 'τ' | 'Τ' => 't',
        'υ' | 'ս' => 'u',
        'ν' | 'ѵ' => 'v',
        'ԝ' | 'ѡ' => 'w',
        'х' | 'Х' | 'χ' | 'Χ' => 'x',
        'у' | 'У' | 'γ' | 'Υ' => 'y',
        'Ζ' => 'z',
        other => other,
    }
}
