//! Names that providers of models accept.

use std::collections::BTreeSet;

use schemas::{Digest, Rule};

use super::text;

/// Longest name of a tool or an argument, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// Longest identity kept, in characters.
const IDENTITY_CHARS_MAX: usize = 400;

/// The identity of a record as it may be shown: itself, or what of it is neutral and short with
/// digits of the whole, so that two that differ still do.
pub(super) fn identity(published: &str) -> String {
    let shown = text::neutral(published, IDENTITY_CHARS_MAX);
    if shown == published {
        return shown;
    }
    format!("{shown}~{}", Digest::of(published.as_bytes()).short())
}

/// The name of a tool, `[A-Za-z0-9_-]{1,64}`, and the original where the name lost its words.
///
/// # Errors
///
/// Says that there is nothing in the published name that could be a name.
pub(super) fn of_tool(published: &str) -> Result<(String, Option<String>), (Rule, String)> {
    let plain = text::plain(published);
    if !plain.chars().any(char::is_alphanumeric) {
        return Err((Rule::NameUnusable, "has no usable name".into()));
    }
    let spelled = spell(&plain, |c| matches!(c, '_' | '-'));
    Ok(bounded(&plain, spelled, "tool"))
}

/// The name of an argument, `[A-Za-z0-9_.-]{1,64}` and not among those taken, and the original
/// where the name lost its words. Nothing if the published name has neither letters nor digits.
pub(super) fn of_argument(
    published: &str,
    taken: &mut BTreeSet<String>,
) -> Option<(String, Option<String>)> {
    let plain = text::plain(published);
    if !plain.chars().any(char::is_alphanumeric) {
        return None;
    }
    let spelled = spell(&plain, |c| matches!(c, '_' | '-' | '.'));
    let (name, original) = bounded(&plain, spelled, "argument");
    let mut unique = name.clone();
    let mut count = 2;
    while !taken.insert(unique.clone()) {
        let suffix = format!("_{count}");
        unique = format!("{}{suffix}", &name[..name.len().min(NAME_BYTES_MAX - suffix.len())]);
        count += 1;
    }
    Some((unique, original))
}

/// A description that starts with a name which could not be kept.
pub(super) fn introduced(original: &str, description: &str, chars_max: usize) -> String {
    let original = text::clean(original, chars_max);
    if description.is_empty() || description.starts_with(&original) {
        return if description.is_empty() { original } else { description.into() };
    }
    text::shortened(&format!("{original}: {description}"), chars_max)
}

/// The letters and digits of a name with `_` between its words, and whether any were lost.
fn spell(plain: &str, allowed: impl Fn(char) -> bool) -> (String, bool) {
    let mut name = String::new();
    let mut lost = false;
    let mut gap = false;
    for character in plain.chars() {
        if character.is_ascii_alphanumeric() || (allowed(character) && !gap) {
            if gap && !name.is_empty() && !name.ends_with(['_', '-', '.']) {
                name.push('_');
            }
            gap = false;
            name.push(character);
        } else if let Some(letters) = transliterated(character) {
            name.push_str(letters);
            gap = false;
        } else {
            gap = true;
            lost |= character.is_alphanumeric();
        }
    }
    (name.trim_matches(['_', '-', '.']).to_string(), lost)
}

fn bounded(plain: &str, spelled: (String, bool), stem: &str) -> (String, Option<String>) {
    let (name, lost) = spelled;
    let digits = || Digest::of(plain.as_bytes()).short()[..6].to_string();
    if lost {
        let stem = if name.is_empty() { stem } else { &name[..name.len().min(48)] };
        return (format!("{stem}_{}", digits()), Some(plain.into()));
    }
    if NAME_BYTES_MAX < name.len() {
        let kept = name[..NAME_BYTES_MAX - 7].trim_end_matches(['_', '-', '.']);
        return (format!("{kept}_{}", digits()), None);
    }
    (name, None)
}

/// Latin letters with marks, where leaving the mark out is how people write them in a pinch.
fn transliterated(character: char) -> Option<&'static str> {
    Some(match character {
        'à' | 'á' | 'â' | 'ã' | 'å' | 'ā' | 'ă' | 'ą' => "a",
        'À' | 'Á' | 'Â' | 'Ã' | 'Å' | 'Ā' => "A",
        'ä' | 'æ' => "ae",
        'Ä' | 'Æ' => "Ae",
        'ç' | 'ć' | 'č' => "c",
        'Ç' | 'Ć' | 'Č' => "C",
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ė' | 'ę' | 'ě' => "e",
        'È' | 'É' | 'Ê' | 'Ë' => "E",
        'ì' | 'í' | 'î' | 'ï' | 'ī' | 'ı' => "i",
        'Ì' | 'Í' | 'Î' | 'Ï' | 'İ' => "I",
        'ł' => "l",
        'Ł' => "L",
        'ñ' | 'ń' | 'ň' => "n",
        'Ñ' => "N",
        'ò' | 'ó' | 'ô' | 'õ' | 'ø' | 'ō' => "o",
        'Ò' | 'Ó' | 'Ô' | 'Õ' | 'Ø' => "O",
        'ö' | 'œ' => "oe",
        'Ö' => "Oe",
        'ř' => "r",
        'ş' | 'ș' | 'ś' | 'š' => "s",
        'Ş' | 'Ś' | 'Š' => "S",
        'ß' => "ss",
        'ť' | 'ț' => "t",
        'ù' | 'ú' | 'û' | 'ū' | 'ů' => "u",
        'Ù' | 'Ú' | 'Û' => "U",
        'ü' => "ue",
        'Ü' => "Ue",
        'ý' | 'ÿ' => "y",
        'ž' | 'ź' | 'ż' => "z",
        'Ž' | 'Ź' | 'Ż' => "Z",
        'ğ' => "g",
        _ => return None,
    })
}
