//! Parts of a document, each with the file it stands in, so that its references can be followed.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::refers::{percent_decoded, resolve};

/// A document and the files it refers to.
pub(super) struct Documents<'a> {
    path: &'a str,
    main: &'a Json,
    siblings: &'a BTreeMap<String, Json>,
}

/// The siblings of a document that has none.
pub(super) static NO_SIBLINGS: BTreeMap<String, Json> = BTreeMap::new();

impl<'a> Documents<'a> {
    /// A document at a path below the corpus root, and its siblings by theirs.
    pub(super) fn new(
        path: &'a str,
        main: &'a Json,
        siblings: &'a BTreeMap<String, Json>,
    ) -> Documents<'a> {
        Documents { path, main, siblings }
    }

    /// A schema that refers to nothing but itself.
    pub(super) fn alone(schema: &'a Json) -> Documents<'a> {
        Documents { path: "", main: schema, siblings: &NO_SIBLINGS }
    }

    /// The whole of the document.
    pub(super) fn main(&self) -> Part<'a> {
        Part { json: self.main, home: self.path }
    }

    /// What a reference in the file `home` points at (RFC 6901 after `#`).
    pub(super) fn lookup(&self, home: &'a str, reference: &str) -> Option<Part<'a>> {
        let (file, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let (home, root) =
            if file.is_empty() { self.file(home)? } else { self.file(&resolve(home, file)?)? };
        let json = if fragment.contains('%') {
            root.pointer(&percent_decoded(fragment))?
        } else {
            root.pointer(fragment)?
        };
        Some(Part { json, home })
    }

    fn file(&self, path: &str) -> Option<(&'a str, &'a Json)> {
        if path == self.path {
            return Some((self.path, self.main));
        }
        self.siblings.get_key_value(path).map(|(path, json)| (path.as_str(), json))
    }
}

/// A value and the path of the file it stands in.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) json: &'a Json,
    pub(super) home: &'a str,
}

impl<'a> Part<'a> {
    /// The value under a key of an object.
    pub(super) fn get(self, key: &str) -> Option<Part<'a>> {
        self.json.get(key).map(|json| self.beside(json))
    }

    /// The text under a key of an object, or an empty one.
    pub(super) fn text(self, key: &str) -> &'a str {
        self.json.get(key).and_then(Json::as_str).unwrap_or_default()
    }

    /// The entries of an object; none if it is none.
    pub(super) fn entries(self) -> impl Iterator<Item = (&'a String, Part<'a>)> {
        self.object().into_iter().flatten().map(move |(key, json)| (key, self.beside(json)))
    }

    /// The items of a list; none if it is none.
    pub(super) fn items(self) -> impl Iterator<Item = Part<'a>> {
        self.json.as_array().into_iter().flatten().map(move |json| self.beside(json))
    }

    pub(super) fn object(self) -> Option<&'a Map<String, Json>> {
        self.json.as_object()
    }

    /// Another value of the same file.
    pub(super) fn beside(self, json: &'a Json) -> Part<'a> {
        Part { json, home: self.home }
    }
}
