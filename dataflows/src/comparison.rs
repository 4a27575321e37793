//! Comparing two versions of a world: what was born, what is gone, what changed.

use std::collections::{BTreeMap, BTreeSet};

use schemas::Digest;
use serde::Serialize;
use serde_json::Value;

use crate::graph_objects::read_json;
use crate::ledger::Ledger;
use crate::listing;
use crate::store::{Contents, Manifest, StoreError, World};
use crate::summary::SCHEMA_VERSION;

/// What two versions differ in.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Comparison {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The one version.
    pub from: u64,
    /// The other.
    pub to: u64,
    /// How many of each thing either has, by what is counted; `rejected.STAGE` for what was turned
    /// away.
    pub counts: BTreeMap<String, [u64; 2]>,
    /// The knobs they were built by that differ, by dotted key.
    pub knobs: BTreeMap<String, [Value; 2]>,
    /// Files of the corpus, by path.
    pub documents: Delta,
    /// Tools, by id. One changed if its description or where it came from did.
    pub tools: Delta,
    /// Domains, by id. One changed if its name, its members or its environment did.
    pub domains: Delta,
    /// Tasks, by id.
    pub tasks: Delta,
    /// Trajectories, by id. One changed if what is said in it or its verdict did.
    pub trajectories: Delta,
    /// What happened to domains after the one version, up to the other; empty if it is the older.
    pub lineage: Vec<Value>,
}

/// What two versions differ in of one kind of thing, by what each goes by, sorted.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Delta {
    /// In the other version only.
    pub born: Vec<String>,
    /// In the one version only.
    pub gone: Vec<String>,
    /// In both, and not the same.
    pub changed: Vec<String>,
}

impl Delta {
    fn of(from: &BTreeMap<String, Digest>, to: &BTreeMap<String, Digest>) -> Delta {
        let missing = |of: &BTreeMap<String, Digest>, other: &BTreeMap<String, Digest>| {
            of.keys().filter(|name| !other.contains_key(*name)).cloned().collect()
        };
        let differs = |(name, digest): &(&String, &Digest)| {
            to.get(*name).is_some_and(|other| other != *digest)
        };
        Delta {
            born: missing(to, from),
            gone: missing(from, to),
            changed: from.iter().filter(differs).map(|(name, _)| name.clone()).collect(),
        }
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.born.is_empty() && self.gone.is_empty() && self.changed.is_empty()
    }
}

/// Everything of a version that has an id, by it, with a digest of what it is.
#[derive(Default)]
struct Census {
    tools: BTreeMap<String, Digest>,
    domains: BTreeMap<String, Digest>,
    tasks: BTreeMap<String, Digest>,
    trajectories: BTreeMap<String, Digest>,
}

impl Census {
    fn count(&mut self, ledger: &Ledger) {
        let homeless = ledger.homeless.iter();
        self.tools.extend(homeless.map(|(tool, digest)| (tool.to_string(), *digest)));
        for (id, entry) in &ledger.entries {
            let members = entry.tools.iter();
            self.tools.extend(members.map(|(tool, digest)| (tool.to_string(), *digest)));
            let whole = Digest::of_record(&(&entry.domain, &entry.environment));
            self.domains.insert(id.to_string(), whole);
            let tasks = entry.tasks.iter().map(|task| (task.id.to_string(), task.payload));
            self.tasks.extend(tasks);
            for verified in &entry.verified {
                let digest = Digest::of_record(verified);
                self.trajectories.insert(verified.trajectory.id.to_string(), digest);
            }
        }
    }
}

/// Compares two versions of a world.
///
/// Reads only the ledgers of shards that differ, and no row.
///
/// # Errors
///
/// Fails if there is no such version, or if an object is missing or damaged.
pub fn compare(world: &World, from: u64, to: u64) -> Result<Comparison, StoreError> {
    let (one, other) = (world.manifest(from)?, world.manifest(to)?);
    let (then, now) = (&one.contents, &other.contents);
    let (mut before, mut after) = (Census::default(), Census::default());
    for (contents, census, opposite) in [(then, &mut before, now), (now, &mut after, then)] {
        for (role, object) in &contents.objects {
            // Equal ledgers say the same of the same things.
            if role.starts_with("ledger/") && opposite.objects.get(role) != Some(object) {
                census.count(&read_json(world, object)?);
            }
        }
    }
    Ok(Comparison {
        schema_version: SCHEMA_VERSION,
        from,
        to,
        counts: counts(then, now),
        knobs: knobs(&one, &other),
        documents: Delta::of(&documents(then), &documents(now)),
        tools: Delta::of(&before.tools, &after.tools),
        domains: Delta::of(&before.domains, &after.domains),
        tasks: Delta::of(&before.tasks, &after.tasks),
        trajectories: Delta::of(&before.trajectories, &after.trajectories),
        lineage: lineage(world, from, to)?,
    })
}

fn documents(contents: &Contents) -> BTreeMap<String, Digest> {
    contents.inputs.iter().map(|input| (input.path.clone(), input.digest)).collect()
}

fn counts(then: &Contents, now: &Contents) -> BTreeMap<String, [u64; 2]> {
    let all = |contents: &Contents| -> BTreeMap<String, u64> {
        let away = contents.rejected.iter();
        let away = away.map(|(stage, count)| (format!("rejected.{stage}"), *count));
        contents.counts.clone().into_iter().chain(away).collect()
    };
    let (then, now) = (all(then), all(now));
    let names: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let of = |counts: &BTreeMap<String, u64>, name| counts.get(name).copied().unwrap_or_default();
    names.into_iter().map(|name| (name.clone(), [of(&then, name), of(&now, name)])).collect()
}

/// The knobs that differ, by dotted key.
fn knobs(one: &Manifest, other: &Manifest) -> BTreeMap<String, [Value; 2]> {
    let flat = |manifest: &Manifest| {
        let plan = serde_json::to_value(&manifest.contents.plan).expect("a plan has string keys");
        let mut values = BTreeMap::new();
        for (section, inner) in plan.as_object().into_iter().flatten() {
            match inner.as_object() {
                None => drop(values.insert(section.clone(), inner.clone())),
                Some(knobs) => values.extend(
                    knobs.iter().map(|(name, it)| (format!("{section}.{name}"), it.clone())),
                ),
            }
        }
        values
    };
    let (then, now) = (flat(one), flat(other));
    let differs = |(key, value): &(&String, &Value)| now.get(*key) != Some(*value);
    then.iter()
        .filter(differs)
        .map(|(key, value)| {
            (key.clone(), [value.clone(), now.get(key).cloned().unwrap_or_default()])
        })
        .collect()
}

fn lineage(world: &World, from: u64, to: u64) -> Result<Vec<Value>, StoreError> {
    let mut events = Vec::new();
    listing::lineage(world, &mut |row| {
        let version = row["version"].as_u64().unwrap_or_default();
        if from < version && version <= to {
            events.push(row);
        }
        version <= to
    })?;
    Ok(events)
}
