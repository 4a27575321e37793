//! Versions of one operation: which tools are the same but for the version or the wording.

use std::cmp::Reverse;

use schemas::{Basis, Digest, Origin, Tool};

use super::fitness::words;

/// What tools that are one operation have in common.
///
/// Of an API with resource paths: provider, service, method, path and name without their version
/// marks. Of any other, whose names are easily the same by chance: source, provider, service,
/// name without version marks, and the names of the arguments. Texts in another script are
/// another tool: they are of use to who reads it.
pub(super) fn operation(tool: &Tool) -> Digest {
    let name: Vec<String> = words(&tool.name).into_iter().filter(|word| !is_mark(word)).collect();
    let common = (unmarked(&tool.provider), unmarked(&tool.service), name, script(tool));
    let path = tool.path.as_deref().map(unmarked).filter(|path| has_words(path));
    match path {
        Some(path) => Digest::of_record(&(common, &tool.method, path)),
        None => {
            let mut arguments: Vec<&str> =
                tool.input.iter().map(|field| field.name.as_str()).collect();
            arguments.sort_unstable();
            Digest::of_record(&(common, &tool.source, &tool.method, &tool.path, arguments))
        }
    }
}

/// The order of precedence among tools that are one operation, the greatest first: the version in
/// the path, the version of the API, how much is said, and the identity, so that there are no
/// ties.
pub(super) type Rank = (Vec<u64>, Vec<u64>, bool, usize, Reverse<String>, Digest);

/// Ranks a tool among those that are the same operation.
pub(super) fn rank(tool: &Tool, origin: &Origin) -> Rank {
    let path = tool.path.as_deref().unwrap_or_default();
    let marks = path.split('/').chain([tool.service.as_str(), tool.name.as_str()]);
    let marks = marks.flat_map(|part| part.split(['_', '-', ' ']).filter(|part| is_mark(part)));
    (
        marks.flat_map(numbers).collect(),
        numbers(&origin.version),
        tool.output.basis == Basis::Declared,
        tool.description.len(),
        Reverse(tool.identity.clone()),
        tool.revision,
    )
}

/// The numbers of a version in their order; what is only a preview comes before what is released.
fn numbers(version: &str) -> Vec<u64> {
    let mut numbers: Vec<u64> = version
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect();
    if !numbers.is_empty() {
        let lower = version.to_ascii_lowercase();
        let is_early =
            ["alpha", "beta", "preview", "rc", "dev"].iter().any(|it| lower.contains(it));
        numbers.push(u64::from(!is_early));
    }
    numbers
}

/// A text without the words that are marks of a version.
fn unmarked(text: &str) -> String {
    let keeps = |part: &&str| !is_mark(part) && !is_date(part);
    let segments = text.split('/').filter(|segment| keeps(segment));
    let segments: Vec<String> = segments
        .map(|segment| {
            let parts = segment.split(['_', '-', ' ', ':']).filter(|part| !is_mark(part));
            parts.collect::<Vec<_>>().join(" ").to_lowercase()
        })
        .collect();
    segments.join("/")
}

/// `v2`, `V1.1`, `v2beta1`, `2.0`.
fn is_mark(word: &str) -> bool {
    let (rest, bare) = match word.strip_prefix(['v', 'V']) {
        Some(rest) => (rest, false),
        None => (word, true),
    };
    let tail = rest.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '_'));
    let digits = rest.len() - tail.len();
    let tail = tail.to_ascii_lowercase();
    let tail = tail.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    0 < digits
        && rest.starts_with(|c: char| c.is_ascii_digit())
        && matches!(tail, "" | "alpha" | "beta" | "preview" | "p" | "p1beta" | "rc")
        && (!bare || (rest[..digits].contains('.') && tail.is_empty()))
}

/// `2019-10-01`, `2019-10-01-preview`.
fn is_date(segment: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = segment.split('-');
    let date = [(parts.next(), 4), (parts.next(), 2), (parts.next(), 2)];
    date.iter().all(|(part, length)| part.is_some_and(|it| it.len() == *length && digits(it)))
}

/// Whether a path has more than slashes and parameters.
fn has_words(path: &str) -> bool {
    path.split('/').any(|segment| !segment.is_empty() && !segment.starts_with('{'))
}

/// The script most letters of the description are in, or of the arguments' where the tool has
/// none, as far as it matters here.
fn script(tool: &Tool) -> u8 {
    let arguments = tool.input.iter().filter(|_| tool.description.is_empty());
    let said = arguments.map(|field| &field.description).chain([&tool.description]);
    let letters = said.flat_map(|text| text.chars()).filter(|c| c.is_alphabetic());
    let (mut latin, mut other) = (0_usize, [0_usize; 4]);
    for letter in letters {
        match u32::from(letter) {
            0..=0x24f => latin += 1,
            0x3040..=0x30ff => other[1] += 1,
            0xac00..=0xd7af | 0x1100..=0x11ff => other[2] += 1,
            0x2e80..=0x9fff => other[3] += 1,
            _ => other[0] += 1,
        }
    }
    // A text that quotes English names is still a text in its own script.
    if other.iter().sum::<usize>() * 4 <= latin {
        return 0;
    }
    if 0 < other[1] {
        return 2;
    }
    let (most, _) = other.iter().enumerate().fold((0, 0), |(place, most), (at, count)| {
        if most < *count { (at, *count) } else { (place, most) }
    });
    u8::try_from(most).unwrap_or_default() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_versions_are_told_from_words() {
        for mark in ["v2", "V1.1", "v2beta1", "2.0", "v1_1", "v3alpha", "v1p1beta1"] {
            assert!(is_mark(mark), "{mark}");
        }
        for word in ["vat", "v", "2", "ipv4", "s3", "v2ray", "20", "h264", "2fa"] {
            assert!(!is_mark(word), "{word}");
        }
        assert_eq!(unmarked("/api/v2/users/{id}"), "/api/users/{id}");
        assert_eq!(unmarked("/2019-10-01/functions"), "/functions");
        assert_eq!(unmarked("Checkout-v71"), unmarked("checkout"));
    }

    #[test]
    fn later_versions_come_after_earlier_ones() {
        let ordered = ["", "v1", "1.2", "1.10", "2019-10-01-preview", "2019-10-01", "2020-01-01"];
        for pair in ordered.windows(2) {
            assert!(numbers(pair[0]) < numbers(pair[1]), "{pair:?}");
        }
    }
}
