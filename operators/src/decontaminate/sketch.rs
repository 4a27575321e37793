//! Words, sequences of words, and what is kept of a benchmark's tools and texts.

use std::collections::{BTreeMap, BTreeSet};

use xxhash_rust::xxh3::xxh3_64;

use schemas::{Fingerprint, FingerprintInput, Hashes, SEQUENCE_WORDS};

use super::reading::{Found, Named};
use crate::encode::words::{is_ideograph, words as terms};

/// The words of a text as it is compared: runs of letters and digits in lower case, and every
/// Chinese, Japanese or Korean character by itself. Nothing is left out, for what was copied was
/// copied with its small words.
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut finish = |begun: &mut String| {
        if !begun.is_empty() {
            words.push(std::mem::take(begun));
        }
    };
    for character in text.chars() {
        if is_ideograph(character) {
            finish(&mut word);
            word.push(character);
            finish(&mut word);
        } else if character.is_alphanumeric() {
            word.extend(character.to_lowercase());
        } else if character != '\'' && character != '’' {
            finish(&mut word);
        }
    }
    finish(&mut word);
    words
}

/// A hash of every sequence of so many words, in the order in which they begin.
pub fn sequences(words: &[String], length: u32) -> Vec<u64> {
    let hashes: Vec<[u8; 8]> =
        words.iter().map(|word| xxh3_64(word.as_bytes()).to_le_bytes()).collect();
    let length = usize::try_from(length).unwrap_or(usize::MAX).max(1);
    hashes.windows(length).map(|sequence| xxh3_64(sequence.as_flattened())).collect()
}

/// A name as it is compared: its letters and digits in lower case, however they were set apart.
fn plain(name: &str) -> String {
    name.chars().filter(|it| it.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The hash of a tool's name.
pub fn of_name(name: &str) -> u64 {
    xxh3_64(plain(name).as_bytes())
}

/// The hash of a tool's name and the set of its parameters' names; none if they tell too little:
/// many a tool is called `search` and takes a `query`.
pub fn signature<'a>(name: &str, parameters: impl Iterator<Item = &'a str>) -> Option<u64> {
    let parameters: BTreeSet<String> = parameters.map(plain).collect();
    let parts = terms(name).len() + parameters.len();
    if parts < SIGNATURE_PARTS_MIN || parameters.is_empty() {
        return None;
    }
    let mut text = plain(name);
    for parameter in parameters {
        text.push('\n');
        text.push_str(&parameter);
    }
    Some(xxh3_64(text.as_bytes()))
}

/// Fewest words of a name and parameters, together, that make a signature.
const SIGNATURE_PARTS_MIN: usize = 4;

/// Makes the fingerprint of a benchmark out of what its files hold, each with its digest.
pub fn fingerprint(benchmark: &str, files: &[(FingerprintInput, Found)]) -> Fingerprint {
    let tools: BTreeSet<&Named> = files.iter().flat_map(|(_, found)| &found.tools).collect();
    let texts: BTreeSet<&String> = files.iter().flat_map(|(_, found)| &found.texts).collect();
    let mut inputs: Vec<FingerprintInput> = files.iter().map(|(input, _)| input.clone()).collect();
    inputs.sort();
    inputs.dedup();
    let parameters = |tool: &Named| -> Option<u64> {
        signature(&tool.name, tool.parameters.iter().map(String::as_str))
    };
    Fingerprint {
        fingerprint: Fingerprint::LAYOUT,
        benchmark: benchmark.into(),
        inputs,
        tools: tools.len() as u64,
        texts: texts.len() as u64,
        names: tools.iter().map(|tool| of_name(&tool.name)).collect(),
        signatures: tools.iter().filter_map(|tool| parameters(tool)).collect(),
        descriptions: by_length(tools.iter().map(|tool| tool.description.as_str())),
        sequences: by_length(texts.iter().map(|text| text.as_str())),
    }
}

fn by_length<'a>(texts: impl Iterator<Item = &'a str>) -> BTreeMap<u32, Hashes> {
    let texts: Vec<Vec<String>> = texts.map(words).collect();
    let hashes = |length: u32| texts.iter().flat_map(|text| sequences(text, length)).collect();
    SEQUENCE_WORDS.iter().map(|length| (*length, hashes(*length))).collect()
}

#[cfg(test)]
mod tests {
    use super::{of_name, sequences, signature, words};

    #[test]
    fn words_keep_everything_that_is_said() {
        assert_eq!(words("Don't book_it, No. 7b!"), ["dont", "book", "it", "no", "7b"]);
        assert_eq!(words("查酒店 WiFi"), ["查", "酒", "店", "wifi"]);
        assert!(words(" –!? ").is_empty());
    }

    #[test]
    fn sequences_are_of_neighbouring_words_only() {
        let text = words("one two three four five six");
        assert_eq!(sequences(&text, 5).len(), 2);
        assert_eq!(sequences(&text[..5], 5), sequences(&text, 5)[..1]);
        assert!(sequences(&text, 8).is_empty());
        assert_ne!(sequences(&words("ab c"), 2), sequences(&words("a bc"), 2));
    }

    #[test]
    fn names_are_compared_by_letters_and_digits() {
        assert_eq!(of_name("Triangle.getArea"), of_name("triangle_get_area"));
        let of = |name: &str, parameters: &[&str]| signature(name, parameters.iter().copied());
        assert_eq!(of("bookSeat", &["row", "seat-no"]), of("book_seat", &["seatNo", "Row"]));
        assert_ne!(of("book_seat", &["row", "seat"]), of("book_seat", &["row"]));
        assert_eq!(of("search", &["query"]), None, "says too little");
        assert_eq!(of("list_all_open_orders", &[]), None, "says nothing of its parameters");
    }
}
