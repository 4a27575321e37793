//! What is published beside the files: a page for each version, and the pointer to the newest.

use schemas::Digest;
use serde::{Deserialize, Serialize};

use crate::store::{Manifest, ObjectRef, card, files};
use crate::summary::SCHEMA_VERSION;

/// The folder of the pages.
pub(super) const PAGES: &str = "manifests";

/// The name of the pointer.
pub(super) const LATEST: &str = "latest.json";

/// A published version.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(super) struct Page {
    pub(super) schema_version: u64,
    pub(super) version: u64,
    /// The digest of the world's manifest.
    pub(super) manifest: Digest,
    /// The version's folder, below the prefix.
    pub(super) dataset: String,
    /// Everything in it; the pointer does not repeat it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) files: Vec<PublishedFile>,
}

#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(super) struct PublishedFile {
    /// Below the version's folder.
    pub(super) path: String,
    pub(super) sha256: Digest,
    pub(super) bytes: u64,
    pub(super) rows: u64,
}

/// Where the bytes of a file come from.
#[derive(Clone, Debug)]
pub(super) enum Bytes {
    Object(ObjectRef),
    Text(String),
}

/// The page of a version, and its files with their bytes. The card comes last, as a folder that is
/// being filled is not yet to be taken for a dataset.
pub(super) fn wanted(manifest: &Manifest) -> (Page, Vec<(PublishedFile, Bytes)>) {
    let mut wanted: Vec<(PublishedFile, Bytes)> = Vec::new();
    for file in files(manifest) {
        let published = PublishedFile {
            path: file.path,
            sha256: file.object.digest,
            bytes: file.object.bytes,
            rows: file.object.rows,
        };
        wanted.push((published, Bytes::Object(file.object.clone())));
    }
    let card = card(manifest);
    let published = PublishedFile {
        path: "README.md".into(),
        sha256: Digest::of(card.as_bytes()),
        bytes: card.len() as u64,
        rows: 0,
    };
    wanted.push((published, Bytes::Text(card)));
    let digest = manifest.digest.to_string();
    let page = Page {
        schema_version: SCHEMA_VERSION.into(),
        version: manifest.version,
        manifest: manifest.digest,
        dataset: format!("versions/{:08}-{}", manifest.version, &digest[..12]),
        files: wanted.iter().map(|(file, _)| file.clone()).collect(),
    };
    (page, wanted)
}

impl Page {
    pub(super) fn to_json(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).expect("records have string keys");
        text.push(b'\n');
        text
    }

    /// The text of a pointer to the version.
    pub(super) fn pointer(&self) -> Vec<u8> {
        Page { files: Vec::new(), ..self.clone() }.to_json()
    }
}

/// The name of a version's page.
pub(super) fn page_name(version: u64) -> String {
    format!("{PAGES}/{version:020}.json")
}

/// The version whose page goes by a name in the folder of the pages.
pub(super) fn version_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".json")?;
    digits.parse().ok().filter(|version| page_name(*version).ends_with(&format!("/{name}")))
}
