//! The inputs of a version: the files of its corpus, and what was read out of them.

use std::collections::{BTreeMap, BTreeSet};

use operators::parse::References;
use schemas::{Digest, Document, Plan, Rejection, Rule};

use super::{BuildError, program};
use crate::corpus::Corpus;
use crate::graph_objects;
use crate::library::Read;
use crate::shards::Roles;
use crate::store::{Input, Manifest, StoreError, World};

/// The corpus of a version, as far as what was read out of it says: no file is looked at.
pub(super) fn remembered(
    world: &World,
    manifest: Option<&Manifest>,
    plan: &Plan,
) -> Result<Corpus, BuildError> {
    let none = || StoreError::NoWorld { path: world.root().to_path_buf() };
    let manifest = manifest.ok_or_else(none)?;
    let contents = &manifest.contents;
    if contents.program != program(plan) || !contents.plan.corpus.reads_like(&plan.corpus) {
        return Err(BuildError::Stale { version: manifest.version });
    }
    let rejections: Vec<Rejection> = match contents.objects.get("rejections") {
        Some(object) => graph_objects::read_json(world, object)?,
        None => Vec::new(),
    };
    let unreadable = rejections.into_iter().filter(|it| it.rule == Some(Rule::Unreachable));
    let mut unreadable: BTreeMap<String, Rejection> =
        unreadable.map(|rejection| (rejection.file.clone(), rejection)).collect();
    let mut corpus = Corpus::default();
    for input in &contents.inputs {
        match unreadable.remove(&input.path).filter(|it| unread(it) == *input) {
            Some(rejection) => corpus.unreadable.push(rejection),
            None => {
                let (digest, path, bytes) = (input.digest, input.path.clone(), input.bytes);
                corpus.remember(Document { digest, path, bytes });
            }
        }
    }
    Ok(corpus)
}

/// The inputs of a version, and the objects that hold what was read out of them.
pub(super) type Inputs = (Vec<Input>, Roles);

/// The inputs of a corpus that was read.
pub(super) fn inputs(corpus: &Corpus, read: &Read) -> Inputs {
    let mut inputs: Vec<Input> = corpus
        .files
        .keys()
        .map(|document| Input {
            path: document.path.clone(),
            digest: document.digest,
            bytes: document.bytes,
            records: read.object(document).map(|object| object.digest),
            references: read.references.get(&document.digest).cloned().unwrap_or_default(),
        })
        .chain(corpus.unreadable.iter().map(unread))
        .collect();
    inputs.sort_by(|one, other| one.path.cmp(&other.path));
    let objects =
        read.objects.iter().map(|(key, object)| (format!("records/{key}"), object.clone()));
    let objects = objects.collect();
    (inputs, objects)
}

fn unread(rejection: &Rejection) -> Input {
    let digest = Digest::of(rejection.reason.as_bytes());
    let references = References::default();
    Input { path: rejection.file.clone(), digest, bytes: 0, records: None, references }
}

pub(super) fn is_same(inputs: &[Input], corpus: &Corpus) -> bool {
    let now: BTreeSet<(String, Digest)> = corpus
        .files
        .keys()
        .map(|document| (document.path.clone(), document.digest))
        .chain(corpus.unreadable.iter().map(unread).map(|input| (input.path, input.digest)))
        .collect();
    let then: BTreeSet<(String, Digest)> =
        inputs.iter().map(|input| (input.path.clone(), input.digest)).collect();
    now == then
}
