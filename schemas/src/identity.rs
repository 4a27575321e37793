//! Names that stay: content digests and the ids derived from them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};
use xxhash_rust::xxh3::xxh3_64;

/// The SHA-256 of some bytes, printed as 64 hexadecimal digits.
///
/// SHA-256 and not a faster hash, because every language that reads a world has it in its standard
/// library: `sha256sum` checks an object, and an exported environment needs no dependency.
#[derive(Clone, Copy, Default, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Digests `bytes`.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(Sha256::digest(bytes).into())
    }

    /// Digests a sequence of parts, each framed by its length, so that no two sequences collide
    /// by concatenation.
    pub fn of_parts<P: AsRef<[u8]>>(parts: impl IntoIterator<Item = P>) -> Digest {
        let mut hasher = Sha256::new();
        for part in parts {
            let part = part.as_ref();
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Digest(hasher.finalize().into())
    }

    /// Digests the JSON text of a record.
    ///
    /// # Panics
    ///
    /// Panics if the record cannot be written as JSON, which only a map with keys that are not
    /// strings can cause; no record of this crate has one.
    pub fn of_record<R: Serialize>(record: &R) -> Digest {
        Digest::of(&serde_json::to_vec(record).expect("records have string keys"))
    }

    /// The first eight digits, enough to tell a handful apart in a message or a name.
    pub fn short(&self) -> String {
        self.to_string()[..8].to_string()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digit = |half: u8| if half < 10 { b'0' + half } else { b'a' + half - 10 };
        let mut digits = [0; 64];
        for (place, byte) in self.0.iter().enumerate() {
            (digits[2 * place], digits[2 * place + 1]) = (digit(byte >> 4), digit(byte & 15));
        }
        f.write_str(str::from_utf8(&digits).unwrap_or_default())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Digest, MalformedId> {
        let malformed = || MalformedId { text: text.into(), expected: "64 hexadecimal digits" };
        if text.len() != 64 || !text.is_ascii() {
            return Err(malformed());
        }
        let mut bytes = [0; 32];
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16)
                .map_err(|_not_hexadecimal| malformed())?;
        }
        Ok(Digest(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A text that should have been an id and is not.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("\"{text}\" is not an id: expected {expected}")]
pub struct MalformedId {
    /// What was read.
    pub text: String,
    /// What it should have looked like.
    pub expected: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Eq, PartialEq, Ord, PartialOrd, Hash)]
        pub struct $name(pub u64);

        impl $name {
            /// Derives the id from the parts that identify its bearer, framed by their lengths.
            pub fn of<P: AsRef<[u8]>>(parts: impl IntoIterator<Item = P>) -> $name {
                let mut framed = Vec::from($prefix.as_bytes());
                for part in parts {
                    let part = part.as_ref();
                    framed.extend((part.len() as u64).to_le_bytes());
                    framed.extend(part);
                }
                $name(xxh3_64(&framed))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "-{:016x}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = MalformedId;

            fn from_str(text: &str) -> Result<$name, MalformedId> {
                text.strip_prefix(concat!($prefix, "-"))
                    .filter(|digits| digits.len() == 16)
                    .and_then(|digits| u64::from_str_radix(digits, 16).ok())
                    .map($name)
                    .ok_or_else(|| MalformedId {
                        text: text.into(),
                        expected: concat!($prefix, "- and 16 hexadecimal digits"),
                    })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

id!(
    /// A tool, by its identity in its source: an edited tool keeps its id.
    ToolId,
    "tool"
);
id!(
    /// A domain; it persists while the domain's members come and go.
    DomainId,
    "domain"
);
id!(
    /// A task, by the domain, the tool it is anchored at, and its ordinal there.
    TaskId,
    "task"
);
id!(
    /// A trajectory, by its task and trial.
    TrajectoryId,
    "trajectory"
);

#[cfg(test)]
mod tests {
    use super::{Digest, ToolId};

    #[test]
    fn ids_survive_their_text() {
        let id = ToolId::of(["shop.example", "get", "/carts/{id}"]);
        assert_eq!(id.to_string().parse(), Ok(id));
        let digest = Digest::of(b"payload");
        assert_eq!(digest.to_string().parse(), Ok(digest));
    }

    #[test]
    fn framing_tells_sequences_apart() {
        assert_ne!(Digest::of_parts(["ab", "c"]), Digest::of_parts(["a", "bc"]));
        assert_ne!(ToolId::of(["ab", "c"]), ToolId::of(["a", "bc"]));
    }
}
