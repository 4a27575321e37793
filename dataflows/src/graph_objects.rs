//! The objects of the tool graph: what a later build starts from.

use std::collections::{BTreeMap, BTreeSet};

use operators::Recall;
use operators::link::{Remembered, RememberedTool};
use schemas::{Answer, Digest, Plan, RequestId, ToolId, Vector};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ledger::homeless_shard;
use crate::run::Caught;
use crate::shards::Roles;
use crate::store::{Contents, Locked, Manifest, ObjectRef, StoreError, World};

/// Shards of the graph: each is rewritten only when one of its tools or their neighbours changed.
const SHARDS: u32 = 64;

/// Vectors of an earlier version, by the revision of the tool they encode.
#[derive(Debug, Default)]
pub struct KnownVectors(BTreeMap<Digest, Vector>);

impl Recall<Vector> for KnownVectors {
    fn recall(&self, revision: &Digest) -> Option<Vector> {
        self.0.get(revision).cloned()
    }
}

/// Writes the neighbours and vectors of every tool, shard by shard. Dense vectors are not written:
/// they are made of pinned answers at no cost.
///
/// # Errors
///
/// Fails if an object cannot be kept.
pub fn write(caught: &Caught, plan: &Plan, store: &Locked) -> Result<Roles, StoreError> {
    let remembered = Remembered::new(&plan.graph, &caught.vectors, caught.near.iter().copied());
    let mut neighbours = vec![Remembered { tools: BTreeMap::new(), ..remembered }; SHARDS as usize];
    for (tool, known) in remembered.tools {
        neighbours[homeless_shard(tool, SHARDS) as usize].tools.insert(tool, known);
    }
    let mut vectors = vec![Vec::new(); SHARDS as usize];
    for vector in caught.vectors.iter().filter(|vector| vector.dense.is_empty()) {
        let revision = caught.tools[&vector.tool].revision;
        let shard = &mut vectors[homeless_shard(vector.tool, SHARDS) as usize];
        write_vector(revision, vector, shard);
    }
    let mut roles = Roles::new();
    for (place, (near, points)) in neighbours.iter().zip(vectors).enumerate() {
        let rows = near.tools.len() as u64;
        if 0 < rows {
            let kept = write_json(store, rows, near)?;
            roles.insert(format!("neighbours/{place:04}"), kept);
        }
        if !points.is_empty() {
            let folded = zstd::encode_all(points.as_slice(), 1).map_err(compressing)?;
            let packed = store.put_object("bin.zst", rows, &folded)?;
            roles.insert(format!("vectors/{place:04}"), packed);
        }
    }
    Ok(roles)
}

/// Writes what fell by the wayside before there were domains, sorted.
///
/// # Errors
///
/// Fails if the object cannot be kept.
pub fn write_rejections(caught: &mut Caught, store: &Locked) -> Result<ObjectRef, StoreError> {
    caught.rejections.sort();
    write_json(store, caught.rejections.len() as u64, &caught.rejections)
}

/// Writes what later versions are pinned to: the term weights, the partition, and the answers of
/// models if any was asked.
///
/// # Errors
///
/// Fails if an object cannot be kept.
pub fn pins(caught: &Caught, store: &Locked) -> Result<Roles, StoreError> {
    let terms = caught.weights.occurrences.len() as u64;
    let placed = caught.partition.placements.len() as u64;
    let mut pins = Roles::from([
        ("weights".into(), write_json(store, terms, caught.weights.as_ref())?),
        ("partition".into(), write_json(store, placed, &caught.partition)?),
    ]);
    if !caught.answers.is_empty() {
        let answers = caught.answers.len() as u64;
        pins.insert(ANSWERS.into(), write_json(store, answers, &caught.answers)?);
    }
    let mut shards: BTreeMap<u8, Vec<&Answer>> = BTreeMap::new();
    for answer in &caught.embeddings {
        let shard = answer.request.0.0[0] % EMBEDDING_SHARDS;
        shards.entry(shard).or_default().push(answer);
    }
    for (place, answers) in shards {
        let kept = write_json(store, answers.len() as u64, &answers)?;
        pins.insert(format!("{EMBEDDINGS}{place:04}"), kept);
    }
    Ok(pins)
}

/// The pin with the answers of models that a version was made with; not there if none was asked.
const ANSWERS: &str = "answers";

/// What the pins with the vectors that a model gave are called: shards, since they are large, and
/// one tool more is to rewrite but one of them.
pub(crate) const EMBEDDINGS: &str = "embeddings/";

/// Shards of the vectors that a model gave.
const EMBEDDING_SHARDS: u8 = 64;

/// Reads the answers that a version was made with.
///
/// # Errors
///
/// Fails if the object is missing or damaged.
pub fn read_answers(
    world: &World,
    manifest: &Manifest,
) -> Result<BTreeMap<RequestId, Answer>, StoreError> {
    let mut answers = BTreeMap::new();
    for (role, pin) in &manifest.contents.pins {
        if role == ANSWERS || role.starts_with(EMBEDDINGS) {
            let shard: Vec<Answer> = read_json(world, pin)?;
            answers.extend(shard.into_iter().map(|answer| (answer.request, answer)));
        }
    }
    Ok(answers)
}

/// Reads what a version is pinned to.
///
/// # Errors
///
/// Fails if the object is missing or damaged.
pub fn read_pin<R: DeserializeOwned>(
    world: &World,
    manifest: &Manifest,
    name: &str,
) -> Result<R, StoreError> {
    let pin = manifest.contents.pins.get(name).ok_or_else(|| StoreError::Damaged {
        path: world.root().into(),
        reason: format!("version {} pins no {name}", manifest.version),
    })?;
    read_json(world, pin)
}

/// Reads the neighbours of every tool.
///
/// # Errors
///
/// Fails if an object is missing or damaged.
pub fn read_neighbours(world: &World, contents: &Contents) -> Result<Remembered, StoreError> {
    let mut all = Remembered::default();
    for object in of_kind(contents, "neighbours/") {
        let shard: Remembered = read_json(world, object)?;
        all.neighbours = shard.neighbours;
        all.cosine_permille_min = shard.cosine_permille_min;
        all.rule = shard.rule;
        all.tools.extend(shard.tools as BTreeMap<ToolId, RememberedTool>);
    }
    Ok(all)
}

/// Reads the vectors of every tool.
///
/// # Errors
///
/// Fails if an object is missing or damaged.
pub fn read_vectors(world: &World, contents: &Contents) -> Result<KnownVectors, StoreError> {
    let mut known = KnownVectors::default();
    for object in of_kind(contents, "vectors/") {
        known.0.extend(shard_of_vectors(world, object)?);
    }
    Ok(known)
}

/// The vectors of some tools.
///
/// # Errors
///
/// Fails if an object is missing or damaged.
pub fn vectors_of(
    world: &World,
    contents: &Contents,
    wanted: &BTreeSet<ToolId>,
) -> Result<BTreeMap<ToolId, Vector>, StoreError> {
    let shards: BTreeSet<String> =
        wanted.iter().map(|tool| format!("vectors/{:04}", homeless_shard(*tool, SHARDS))).collect();
    let mut found = BTreeMap::new();
    for object in shards.iter().filter_map(|role| contents.objects.get(role)) {
        let vectors = shard_of_vectors(world, object)?.into_iter().map(|(_, vector)| vector);
        let vectors = vectors.filter(|vector| wanted.contains(&vector.tool));
        found.extend(vectors.map(|vector| (vector.tool, vector)));
    }
    Ok(found)
}

fn shard_of_vectors(
    world: &World,
    object: &ObjectRef,
) -> Result<Vec<(Digest, Vector)>, StoreError> {
    let bytes = unfold(world, object)?;
    let mut rest = bytes.as_slice();
    let mut vectors = Vec::new();
    while !rest.is_empty() {
        vectors.push(read_vector(&mut rest).ok_or_else(|| StoreError::Damaged {
            path: world.object_path(object),
            reason: "a vector in it is cut off".into(),
        })?);
    }
    Ok(vectors)
}

/// Keeps a record as compressed JSON.
///
/// # Errors
///
/// Fails if the object cannot be kept.
///
/// # Panics
///
/// Panics if the record has map keys that are not strings; no record of `schemas` has.
pub fn write_json<R: Serialize>(
    store: &Locked,
    rows: u64,
    record: &R,
) -> Result<ObjectRef, StoreError> {
    let text = serde_json::to_vec(record).expect("records have string keys");
    let folded = zstd::encode_all(text.as_slice(), 3).map_err(compressing)?;
    store.put_object("json.zst", rows, &folded)
}

/// Reads a record kept by [`write_json`].
///
/// # Errors
///
/// Fails if the object is missing, damaged, or another kind of record.
pub fn read_json<R: DeserializeOwned>(world: &World, object: &ObjectRef) -> Result<R, StoreError> {
    serde_json::from_slice(&unfold(world, object)?).map_err(|error| StoreError::Damaged {
        path: world.object_path(object),
        reason: format!("it is not the record it should be: {error}"),
    })
}

fn unfold(world: &World, object: &ObjectRef) -> Result<Vec<u8>, StoreError> {
    let bytes = world.read_object(object)?;
    zstd::decode_all(bytes.as_slice()).map_err(|error| StoreError::Damaged {
        path: world.object_path(object),
        reason: format!("it cannot be unfolded: {error}"),
    })
}

fn of_kind<'c>(contents: &'c Contents, kind: &str) -> impl Iterator<Item = &'c ObjectRef> {
    contents.objects.iter().filter(move |(role, _)| role.starts_with(kind)).map(|(_, it)| it)
}

fn compressing(error: std::io::Error) -> StoreError {
    StoreError::of_io("compress", "an object".as_ref(), error)
}

/// A vector's bytes, little-endian: the tool's revision and id, how many terms, the terms.
fn write_vector(revision: Digest, vector: &Vector, into: &mut Vec<u8>) {
    into.extend(revision.0);
    into.extend(vector.tool.0.to_le_bytes());
    let terms = u32::try_from(vector.terms.len()).expect("a vector's terms are bounded");
    into.extend(terms.to_le_bytes());
    for (term, weight) in &vector.terms {
        into.extend(term.to_le_bytes());
        into.extend(weight.to_le_bytes());
    }
}

fn read_vector(rest: &mut &[u8]) -> Option<(Digest, Vector)> {
    let revision = Digest(take(rest)?);
    let tool = ToolId(u64::from_le_bytes(take(rest)?));
    let terms = u32::from_le_bytes(take(rest)?);
    let terms = (0..terms)
        .map(|_| Some((u64::from_le_bytes(take(rest)?), u32::from_le_bytes(take(rest)?))))
        .collect::<Option<_>>()?;
    Some((revision, Vector::sparse(tool, terms)))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use schemas::{Digest, ToolId, Vector};

    use super::{read_vector, write_vector};

    #[test]
    fn vectors_read_back_and_cut_off_ones_do_not() {
        let vector = Vector::sparse(ToolId(7), vec![(1, 2), (3, 4)]);
        let mut bytes = Vec::new();
        write_vector(Digest::of(b"revision"), &vector, &mut bytes);
        let mut rest = bytes.as_slice();
        assert_eq!(read_vector(&mut rest), Some((Digest::of(b"revision"), vector)));
        assert!(rest.is_empty());
        for length in 0..bytes.len() {
            assert_eq!(read_vector(&mut &bytes[..length]), None);
        }
    }
}
