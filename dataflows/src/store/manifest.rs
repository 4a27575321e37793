//! Manifests: what a version of a world holds, in one file that makes it visible.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use operators::parse::References;
use schemas::{Digest, Lineage, Plan};

/// The layout of worlds that this program writes. It reads this one and no newer one.
pub const FORMAT: u32 = 1;

/// The configurations of the dataset, in the order in which a reader meets them.
pub const CONFIGS: [&str; 6] = ["general", "vertical", "tasks", "tools", "domains", "rejected"];

/// One version of a world.
///
/// It holds no clock, no timing, no host and no path outside the corpus, so that two builds of
/// the same inputs write the same bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The layout of the world, [`FORMAT`].
    pub format: u32,
    /// Counted from 1.
    pub version: u64,
    /// The version it was made from; none for the first.
    pub parent: Option<u64>,
    /// What happened to domains since the parent.
    pub lineage: Vec<Lineage>,
    /// What the version is a function of, and what came of it.
    pub contents: Contents,
    /// The digest of this file up to here, for readers to tell damage. It comes last.
    #[serde(rename = "self")]
    pub digest: Digest,
}

/// What a version is a function of, and what came of it: equal for an incremental build and one
/// from scratch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contents {
    /// The revisions of the verbs that made it: other verbs may make other bytes of one input.
    pub program: String,
    /// The documents of the corpus, sorted by path.
    pub inputs: Vec<Input>,
    /// Every knob.
    pub plan: Plan,
    /// What later versions start from: `weights`, `partition`, and, where models were asked,
    /// `answers` and shards of the vectors they gave, such as `embeddings/17`.
    pub pins: BTreeMap<String, ObjectRef>,
    /// The objects by what they are for. `general/train/17` is a shard of the dataset: one of
    /// [`CONFIGS`], the split and an ordinal. Others, such as `ledger/17`, are the program's own.
    pub objects: BTreeMap<String, ObjectRef>,
    /// How many of each thing there are.
    pub counts: BTreeMap<String, u64>,
    /// How many each stage turned away.
    pub rejected: BTreeMap<String, u64>,
    /// How many records and documents each rule of reading and refining met.
    #[serde(default)]
    pub rules: BTreeMap<String, u64>,
    /// Tools by the licence of their description; the empty name where the source states none.
    pub licenses: BTreeMap<String, u64>,
    /// Tools by the collection they came from.
    pub sources: BTreeMap<String, u64>,
    /// Measures of the tool graph, such as its modularity.
    pub graph: BTreeMap<String, f64>,
}

/// A document that a version was made from.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Its path below the corpus root, with `/` between its parts.
    pub path: String,
    /// The digest of its bytes.
    pub digest: Digest,
    /// Its size.
    pub bytes: u64,
    /// The digest of the records read out of it; none if it was not read.
    pub records: Option<Digest>,
    /// The files it refers to.
    #[serde(default, skip_serializing_if = "is_none")]
    pub references: References,
}

fn is_none(references: &References) -> bool {
    *references == References::default()
}

/// An immutable file of the world, named by its content.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectRef {
    /// The digest of its bytes.
    pub digest: Digest,
    /// Its size.
    pub bytes: u64,
    /// How many rows or records it has; 0 where that means nothing.
    pub rows: u64,
    /// Its file name's extension, without the dot.
    pub ext: String,
}

impl ObjectRef {
    /// Its file name in `objects/`.
    pub fn file_name(&self) -> String {
        format!("{}.{}", self.digest, self.ext)
    }
}

impl Contents {
    /// Everything that must be in `objects/`: objects and pins.
    pub fn all_objects(&self) -> impl Iterator<Item = &ObjectRef> {
        self.objects.values().chain(self.pins.values())
    }

    /// The shards of the dataset by configuration and split, and by their ordinals.
    pub fn shards(&self) -> BTreeMap<(&str, &str), BTreeMap<u64, &ObjectRef>> {
        let mut shards: BTreeMap<_, BTreeMap<u64, _>> = BTreeMap::new();
        for (role, object) in &self.objects {
            let parts: Vec<&str> = role.split('/').collect();
            if let [config, split, ordinal] = parts[..]
                && let Ok(ordinal) = ordinal.parse()
                && object.ext == "parquet"
                && CONFIGS.contains(&config)
            {
                shards.entry((config, split)).or_default().insert(ordinal, object);
            }
        }
        shards
    }
}

/// What stands in the file before and after the digest's 64 digits.
const DIGEST_LABEL: &str = "\"self\": \"";
const DIGEST_END: &str = "\"\n}\n";

impl Manifest {
    /// The text of the file, its own digest filled in.
    pub(super) fn seal(&mut self) -> String {
        self.digest = Digest::default();
        let mut text = serde_json::to_string_pretty(self).expect("records have string keys");
        text.push('\n');
        text.truncate(text.len() - DIGEST_END.len() - 64);
        self.digest = Digest::of(text.as_bytes());
        text.push_str(&self.digest.to_string());
        text.push_str(DIGEST_END);
        text
    }

    /// Reads the text of a file, and checks it against its own digest.
    pub(super) fn unseal(bytes: &[u8]) -> Result<Manifest, Damage> {
        /// What every layout of a world has.
        #[derive(Deserialize)]
        struct AnyFormat {
            format: u32,
        }
        let torn = |error: serde_json::Error| Damage::Torn(error.to_string());
        let AnyFormat { format } = serde_json::from_slice(bytes).map_err(torn)?;
        if FORMAT < format {
            return Err(Damage::Newer(format));
        }
        let manifest: Manifest = serde_json::from_slice(bytes).map_err(torn)?;
        let sealed = bytes.len().checked_sub(DIGEST_END.len() + 64).map(|end| &bytes[..end]);
        match sealed.filter(|sealed| sealed.ends_with(DIGEST_LABEL.as_bytes())) {
            Some(sealed) if Digest::of(sealed) == manifest.digest => Ok(manifest),
            _ => Err(Damage::Torn("its text is not what its own digest says".into())),
        }
    }
}

/// Why the text of a manifest cannot be used.
#[derive(Debug)]
pub(super) enum Damage {
    /// It is of a layout newer than this program.
    Newer(u32),
    /// It is not what was written.
    Torn(String),
}
