//! Fingerprints of benchmarks: enough to tell what overlaps with one, too little to read it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Digest;

/// The lengths, in words, of the sequences that a fingerprint has hashes of.
pub const SEQUENCE_WORDS: [u32; 3] = [5, 8, 13];

/// What is kept of a benchmark: hashes of its tools and of word sequences of its texts.
///
/// No text of the benchmark is in it, and no name but its own.
#[derive(Clone, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprint {
    /// The layout of this record, [`Fingerprint::LAYOUT`].
    pub fingerprint: u32,
    /// The benchmark's name, `[a-z0-9._-]{1,64}`.
    pub benchmark: String,
    /// The files it was made from, sorted.
    pub inputs: Vec<FingerprintInput>,
    /// How many distinct tools they define.
    pub tools: u64,
    /// How many distinct texts of tasks they hold.
    pub texts: u64,
    /// A hash of every tool's name.
    pub names: Hashes,
    /// A hash of every tool's name together with the names of its parameters.
    pub signatures: Hashes,
    /// Hashes of the word sequences of the tools' descriptions, by their length in words.
    pub descriptions: BTreeMap<u32, Hashes>,
    /// Hashes of the word sequences of the tasks' texts, by their length in words.
    pub sequences: BTreeMap<u32, Hashes>,
}

impl Fingerprint {
    /// The layout that this program writes. It reads no other.
    pub const LAYOUT: u32 = 1;

    /// What the sequences of so many words tell; none if there are no hashes of such.
    pub fn sketch(&self, words: u32) -> Option<Sketch> {
        Some(Sketch {
            benchmark: self.benchmark.clone(),
            digest: Digest::of_record(self),
            words,
            signatures: self.signatures.clone(),
            descriptions: self.descriptions.get(&words)?.clone(),
            sequences: self.sequences.get(&words)?.clone(),
        })
    }

    /// Whether a name may be a benchmark's: it is a part of the names of files.
    pub fn is_name(name: &str) -> bool {
        let plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        (1..=64).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(plain)
    }
}

/// A file that a fingerprint was made from.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FingerprintInput {
    /// The digest of its bytes.
    pub digest: Digest,
    /// Its size.
    pub bytes: u64,
    /// How many tools it defines.
    pub tools: u64,
    /// How many texts of tasks it holds.
    pub texts: u64,
}

/// A fingerprint as tools and tasks are compared with it.
#[derive(Clone, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Sketch {
    /// The benchmark's name.
    pub benchmark: String,
    /// The digest of the whole fingerprint.
    pub digest: Digest,
    /// The length of the sequences, in words.
    pub words: u32,
    /// See [`Fingerprint::signatures`].
    pub signatures: Hashes,
    /// See [`Fingerprint::descriptions`].
    pub descriptions: Hashes,
    /// See [`Fingerprint::sequences`].
    pub sequences: Hashes,
}

/// What of ours overlaps with a benchmark.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Overlap {
    /// How much of it, in thousandths.
    pub permille: u32,
    /// The benchmark's name.
    pub benchmark: String,
    /// What overlaps, in our words: a phrase without a capital or a stop.
    pub what: String,
}

/// Distinct hashes, ascending. In JSON one text of sixteen hexadecimal digits for each.
#[derive(Clone, Debug, Default, Eq, PartialEq, Ord, PartialOrd)]
pub struct Hashes(Vec<u64>);

impl Hashes {
    /// Whether a hash is among them.
    pub fn contains(&self, hash: u64) -> bool {
        self.0.binary_search(&hash).is_ok()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<u64> for Hashes {
    fn from_iter<I: IntoIterator<Item = u64>>(hashes: I) -> Hashes {
        let mut hashes: Vec<u64> = hashes.into_iter().collect();
        hashes.sort_unstable();
        hashes.dedup();
        Hashes(hashes)
    }
}

/// Digits of a hash in JSON.
const DIGITS: usize = 16;

impl Serialize for Hashes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = String::with_capacity(DIGITS * self.0.len());
        for hash in &self.0 {
            write!(text, "{hash:016x}").expect("a string grows");
        }
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Hashes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Hashes, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.as_bytes();
        let malformed = || de::Error::custom("hashes are not ascending, sixteen digits each");
        if !digits.len().is_multiple_of(DIGITS) || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(malformed());
        }
        let hash = |place: usize| u64::from_str_radix(&text[place..place + DIGITS], 16);
        let places = (0..digits.len()).step_by(DIGITS);
        let hashes: Vec<u64> =
            places.map(hash).collect::<Result<_, _>>().map_err(de::Error::custom)?;
        if !hashes.is_sorted_by(|one, other| one < other) {
            return Err(malformed());
        }
        Ok(Hashes(hashes))
    }
}

#[cfg(test)]
mod tests {
    use super::{Fingerprint, Hashes};

    #[test]
    fn hashes_are_a_set_and_read_back() {
        let hashes: Hashes = [7, u64::MAX, 7, 0].into_iter().collect();
        assert_eq!((hashes.len(), hashes.contains(7), hashes.contains(8)), (3, true, false));
        let text = serde_json::to_string(&hashes).unwrap();
        assert_eq!(text, "\"00000000000000000000000000000007ffffffffffffffff\"");
        assert_eq!(serde_json::from_str::<Hashes>(&text).unwrap(), hashes);
        for wrong in ["\"0\"", "\"00000000000000070000000000000007\"", "\"+000000000000000\"", "7"]
        {
            assert!(serde_json::from_str::<Hashes>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_are_plain() {
        assert!(Fingerprint::is_name("tau2-bench") && Fingerprint::is_name("bfcl_v4.2"));
        for wrong in ["", ".x", "a/b", "Tau", "a b", &"x".repeat(65)] {
            assert!(!Fingerprint::is_name(wrong), "{wrong}");
        }
    }
}
