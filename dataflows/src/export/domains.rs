//! Domains of a version as folders that others run.

use std::collections::BTreeSet;
use std::path::Path;

use operators::emit;
use operators::engine::World as Engine;
use schemas::{Digest, Environment, Task};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::ExportError;
use super::folder::Folder;
use crate::graph_objects::read_json;
use crate::ledger::{Entry, Ledger};
use crate::shards::split;
use crate::shelf::{Unfolded, unfold};
use crate::store::{Manifest, ObjectRef, StoreError, World};

/// What was exported.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Domains {
    /// Domains with an environment.
    pub domains: u64,
    /// Their tools.
    pub tools: u64,
    /// Their tasks.
    pub tasks: u64,
    /// Tasks that the receiver cannot run.
    pub left_out: u64,
}

/// A domain with its tasks.
#[derive(Clone, Debug)]
pub struct Exported {
    /// Its environment, checked.
    pub environment: Environment,
    /// Its tasks and the split they are in, by id.
    pub tasks: Vec<(Task, &'static str)>,
}

/// Writes a folder of Python for each domain, or for those named, by name or id.
///
/// Memory: the payloads of one shard at a time.
///
/// # Errors
///
/// Fails if an object is missing or damaged, if a name is no domain's, if the folder holds what no
/// export made, or if it cannot be written; what was there before is there then.
pub fn python(
    world: &World,
    manifest: &Manifest,
    named: &[String],
    output: &Path,
) -> Result<Domains, ExportError> {
    let folder = Folder::begin(output)?;
    let (count, index) = each(world, manifest, named, &mut |domain| {
        let name = emit::folder(&domain.environment);
        for (file, text) in emit::python(&domain.environment, &domain.tasks) {
            folder.put(&format!("{name}/{file}"), &text)?;
        }
        Ok(())
    })?;
    folder.finish(json!({"what": "python", "version": manifest.version, "domains": index}))?;
    Ok(count)
}

/// Writes a package that registers every domain, or those named, with τ²-bench.
///
/// # Errors
///
/// Fails like [`python`].
///
/// # Panics
///
/// Never: an index has text keys.
pub fn tau2(
    world: &World,
    manifest: &Manifest,
    named: &[String],
    output: &Path,
) -> Result<Domains, ExportError> {
    let folder = Folder::begin(output)?;
    let mut registered = Vec::new();
    let mut unrunnable = 0;
    for (path, text) in emit::tau2_shared() {
        folder.put(&path, &text)?;
    }
    let (mut count, index) = each(world, manifest, named, &mut |domain| {
        let (files, domains, left) = emit::tau2(&domain.environment, &domain.tasks);
        for (path, text) in files {
            folder.put(&path, &text)?;
        }
        unrunnable += left as u64;
        registered.extend(domains.into_iter().map(|it| {
            json!({
                "name": it.name, "folder": emit::folder(&domain.environment),
                "offered": it.offered, "tools": it.offered.len(), "tasks": it.tasks,
            })
        }));
        Ok(())
    })?;
    count.tasks -= unrunnable;
    count.left_out = unrunnable;
    let text = serde_json::to_string_pretty(&json!({"domains": registered}));
    let text = text.expect("an index has text keys");
    folder.put(&format!("{}/domains.json", emit::PACKAGE), &format!("{text}\n"))?;
    folder.finish(json!({"what": "tau2", "version": manifest.version, "domains": index}))?;
    Ok(count)
}

/// Hands on each domain that is wanted, or every one if none is named, in the order of their ids;
/// returns how much there was, and the index of an export of it.
///
/// # Errors
///
/// Fails if an object is missing or damaged, if a name is no domain's, or if `take` does.
///
/// # Panics
///
/// Never: payloads are unfolded before they are looked into.
pub fn each(
    world: &World,
    manifest: &Manifest,
    named: &[String],
    take: &mut dyn FnMut(&Exported) -> Result<(), StoreError>,
) -> Result<(Domains, Vec<Value>), ExportError> {
    let mut count = Domains::default();
    let (mut index, mut found) = (Vec::new(), BTreeSet::new());
    for (role, object) in &manifest.contents.objects {
        let Some(place) = role.strip_prefix("ledger/") else { continue };
        let ledger: Ledger = read_json(world, object)?;
        let mut payloads: Option<Unfolded> = None;
        for entry in ledger.entries.values() {
            let (id, name) = (entry.domain.id.to_string(), &entry.domain.name);
            if entry.environment.is_none() {
                continue;
            }
            let asked: Vec<&String> = named.iter().filter(|it| **it == id || *it == name).collect();
            if !named.is_empty() && asked.is_empty() {
                continue;
            }
            found.extend(asked);
            if payloads.is_none() {
                let pack = manifest.contents.objects.get(&format!("payloads/{place}"));
                payloads = Some(pack.map_or(Ok(Unfolded::new()), |pack| unfold(world, pack))?);
            }
            let held = payloads.as_ref().expect("just unfolded");
            let domain = exported(entry, held, manifest)
                .map_err(|reason| damaged(world, object, &reason))?;
            take(&domain)?;
            count.domains += 1;
            count.tools += domain.environment.operations.len() as u64;
            count.tasks += domain.tasks.len() as u64;
            index.push(json!({
                "id": id, "name": name, "folder": emit::folder(&domain.environment),
                "tools": domain.environment.operations.len(), "tasks": domain.tasks.len(),
            }));
        }
    }
    match named.iter().find(|it| !found.contains(it)) {
        Some(name) => Err(ExportError::NoDomain { name: name.clone() }),
        None => Ok((count, index)),
    }
}

fn damaged(world: &World, object: &ObjectRef, reason: &str) -> StoreError {
    StoreError::Damaged { path: world.object_path(object), reason: reason.into() }
}

/// A domain from its ledger's entry and the payloads of its shard.
fn exported(entry: &Entry, payloads: &Unfolded, manifest: &Manifest) -> Result<Exported, String> {
    let reference = entry.environment.as_ref().ok_or("it has no environment")?;
    let environment: Environment = record(payloads, &reference.payload)?;
    // What is written must be what runs, so it is checked as it would be before it runs.
    let engine = Engine::new(environment).map_err(|fault| fault.to_string())?;
    let split = split(entry.domain.id, &manifest.contents.plan);
    let mut tasks = Vec::new();
    for task in &entry.tasks {
        tasks.push((record(payloads, &task.payload)?, split));
    }
    Ok(Exported { environment: engine.environment().clone(), tasks })
}

fn record<R: DeserializeOwned>(payloads: &Unfolded, digest: &Digest) -> Result<R, String> {
    let payload = payloads.get(digest).ok_or("a payload is missing from its pack")?;
    serde_json::from_slice(payload).map_err(|error| format!("a payload is damaged: {error}"))
}
