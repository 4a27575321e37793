//! Proving: every kept row, again, from the files alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use operators::engine::World as Engine;
use operators::verify::verify;
use schemas::{Digest, Environment, FilterPlan, Task, TaskId, ToolId, Trajectory, Verified};
use serde::Serialize;

use crate::dataset::{DomainTools, TrajectoryRow, bound_tools, read_tasks, read_trajectories};
use crate::graph_objects::read_json;
use crate::ledger::{Entry, Ledger};
use crate::shelf::{Unfolded, unfold};
use crate::store::{Manifest, StoreError, World, files};

/// What a proof found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Proof {
    /// The layout of this object.
    pub schema_version: u32,
    /// The version proved.
    pub version: u64,
    /// Kept rows replayed on fresh environments.
    pub rows: u64,
    /// Calls executed in doing so.
    pub calls: u64,
    /// Objects whose bytes were digested.
    pub objects: u64,
    /// What does not hold.
    pub faults: Vec<Fault>,
}

/// Something that does not hold, and where.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize)]
pub struct Fault {
    /// The object, file, trajectory or task.
    pub subject: String,
    /// The file it was found in, below the world's folder.
    pub file: String,
    /// What is wrong.
    pub reason: String,
}

impl Proof {
    /// Whether everything holds.
    pub fn holds(&self) -> bool {
        self.faults.is_empty()
    }

    fn fault(&mut self, subject: impl ToString, file: impl Into<String>, reason: impl ToString) {
        self.faults.push(Fault {
            subject: subject.to_string(),
            file: file.into(),
            reason: reason.to_string(),
        });
    }

    fn merge(&mut self, other: Proof) {
        self.rows += other.rows;
        self.calls += other.calls;
        self.objects += other.objects;
        self.faults.extend(other.faults);
    }
}

/// Proves the latest version: every object is what its name says, every row of the dataset is
/// what its trajectory gives, and every kept trajectory, replayed on a fresh environment, gives
/// the recorded observations and the golden state.
///
/// Reads `objects/`, `manifests/` and `dataset/` and nothing else; writes nothing. A fault in one
/// place does not keep the rest from being proved. Memory: a shard at a time per thread.
///
/// # Errors
///
/// Fails if there is no version to prove.
pub fn prove(world: &World, threads: usize) -> Result<Proof, StoreError> {
    let mut proof = Proof { schema_version: crate::summary::SCHEMA_VERSION, ..Proof::default() };
    let latest = newest(world, &mut proof)?;
    proof.version = latest.version;
    check_objects(world, &latest, &mut proof);
    let shards: BTreeSet<&str> =
        latest.contents.objects.keys().filter_map(|role| role.strip_prefix("ledger/")).collect();
    let shards: Vec<&str> = shards.into_iter().collect();
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while let Some(shard) = shards.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = prove_shard(world, &latest, shard);
                    found.lock().expect("no holder panics").push(outcome);
                }
            });
        }
    });
    for outcome in found.into_inner().expect("no holder panics") {
        proof.merge(outcome);
    }
    proof.faults.sort();
    proof.faults.dedup();
    Ok(proof)
}

/// The newest manifest that can be read at all. Unlike a reader of data, a proof does not pass over
/// a version whose objects are damaged: it says which.
fn newest(world: &World, proof: &mut Proof) -> Result<Manifest, StoreError> {
    let mut last = None;
    for version in world.versions()?.into_iter().rev() {
        match world.manifest(version) {
            Ok(manifest) => return Ok(manifest),
            Err(error @ StoreError::Damaged { .. }) => {
                proof.fault(format!("version {version}"), "manifests", &error);
                last = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    Err(last.unwrap_or_else(|| StoreError::NoWorld { path: world.root().into() }))
}

/// Objects against their digests, and the files of `dataset/` against the objects they show.
fn check_objects(world: &World, manifest: &Manifest, proof: &mut Proof) {
    for object in manifest.contents.all_objects() {
        proof.objects += 1;
        if let Err(error) = world.read_object(object) {
            proof.fault(object.digest, format!("objects/{}", object.file_name()), error);
        }
    }
    for shown in files(manifest) {
        let file = format!("dataset/{}", shown.path);
        match std::fs::read(world.root().join(&file)) {
            Ok(bytes) if Digest::of(&bytes) == shown.object.digest => {}
            Ok(_) => proof.fault(&file, &*file, "is not the shard that was committed"),
            Err(error) => proof.fault(&file, &*file, format!("cannot be read: {error}")),
        }
    }
}

/// What the rows of one shard are proved against.
struct Shard {
    entries: BTreeMap<TaskId, (usize, Digest)>,
    domains: Vec<Proving>,
    verified: BTreeMap<schemas::TrajectoryId, Verified>,
    payloads: Unfolded,
    filter: FilterPlan,
}

struct Proving {
    name: String,
    engine: Engine,
    tools: DomainTools,
}

fn prove_shard(world: &World, manifest: &Manifest, place: &str) -> Proof {
    let mut proof = Proof::default();
    let shard = match Shard::read(world, manifest, place, &mut proof) {
        Ok(Some(shard)) => shard,
        Ok(None) => return proof,
        Err(error) => {
            proof.fault(format!("shard {place}"), "objects", error);
            return proof;
        }
    };
    for shown in files(manifest).iter().filter(|shown| format!("{:04}", shown.place) == place) {
        let file = format!("dataset/{}", shown.path);
        let path = world.root().join(&file);
        match shown.config {
            "general" | "vertical" => {
                shard.prove_rows(&path, &file, shown.object.rows, &mut proof);
            }
            "tasks" => shard.prove_tasks(&path, &file, &mut proof),
            _ => {}
        }
    }
    proof
}

impl Shard {
    fn read(
        world: &World,
        manifest: &Manifest,
        place: &str,
        proof: &mut Proof,
    ) -> Result<Option<Shard>, StoreError> {
        let contents = &manifest.contents;
        let ledger: Ledger = read_json(world, &contents.objects[&format!("ledger/{place}")])?;
        let Some(pack) = contents.objects.get(&format!("payloads/{place}")) else {
            return Ok(None);
        };
        let mut shard = Shard {
            entries: BTreeMap::new(),
            domains: Vec::new(),
            verified: BTreeMap::new(),
            payloads: unfold(world, pack)?,
            filter: contents.plan.filter.clone(),
        };
        for entry in ledger.entries.values() {
            shard.admit(entry, proof);
        }
        Ok(Some(shard))
    }

    fn admit(&mut self, entry: &Entry, proof: &mut Proof) {
        let Some(reference) = &entry.environment else { return };
        let environment = self.record::<Environment>(&reference.payload);
        let engine = environment.and_then(|it| Engine::new(it).map_err(|fault| fault.to_string()));
        match engine {
            Ok(engine) => {
                // Sources and licences are rows' provenance and no part of what is replayed.
                let tools = bound_tools(engine.environment(), |_tool: ToolId| ("", ""));
                let name = entry.domain.name.clone();
                self.domains.push(Proving { name, engine, tools });
                for task in &entry.tasks {
                    self.entries.insert(task.id, (self.domains.len() - 1, task.payload));
                }
                for verified in &entry.verified {
                    self.verified.insert(verified.trajectory.id, verified.clone());
                }
            }
            Err(reason) => proof.fault(entry.domain.id, "objects", reason),
        }
    }

    fn record<R: serde::de::DeserializeOwned>(&self, digest: &Digest) -> Result<R, String> {
        let payload = self.payloads.get(digest).ok_or("its payload is missing from the pack")?;
        serde_json::from_slice(payload).map_err(|error| format!("its payload is damaged: {error}"))
    }

    fn prove_rows(&self, path: &Path, file: &str, expected: u64, proof: &mut Proof) {
        let rows = File::open(path)
            .map_err(|error| error.to_string())
            .and_then(|file| read_trajectories(file).map_err(|error| chain(&error)));
        let rows = match rows {
            Ok(rows) => rows,
            Err(reason) => return proof.fault(file, file, reason),
        };
        let mut seen = 0;
        for row in rows {
            match row {
                Ok(row) => {
                    seen += 1;
                    proof.rows += 1;
                    if let Err(reason) = self.prove_row(&row, &mut proof.calls) {
                        proof.fault(row.trajectory_id, file, reason);
                    }
                }
                Err(error) => return proof.fault(file, file, chain(&error)),
            }
        }
        if seen != expected {
            proof.fault(file, file, format!("holds {seen} rows, {expected} were committed"));
        }
    }

    /// Proves one row by itself, then against what was committed for it.
    fn prove_row(&self, row: &TrajectoryRow, calls: &mut u64) -> Result<(), String> {
        let (domain, payload) =
            self.entries.get(&row.task_id).ok_or("its task is not in the world")?;
        let domain = &self.domains[*domain];
        let task: Task = self.record(payload)?;
        *calls += row.n_calls + task.golden.len() as u64;
        if row.golden_state != task.golden_state {
            return Err(format!(
                "golden_state is {}, the golden calls give {}",
                row.golden_state, task.golden_state
            ));
        }
        let verified = self.verified.get(&row.trajectory_id).ok_or("it was never committed")?;
        let trajectory: Trajectory = self.record(&verified.trajectory.payload)?;
        let shown = row.trajectory(trajectory.ended);
        let verdict = verify(&shown, &task, &domain.engine, &self.filter);
        if !verdict.is_kept() {
            let stage = verdict.stage.map_or("", |stage| stage.name());
            return Err(format!("does not hold at stage {stage}: {}", verdict.reason));
        }
        let committed =
            TrajectoryRow::new(trajectory, &task, &domain.name, &domain.tools, &verified.verdict);
        match row.difference(&committed) {
            Some(field) => Err(format!("{field} is not what was committed")),
            None => Ok(()),
        }
    }

    fn prove_tasks(&self, path: &Path, file: &str, proof: &mut Proof) {
        let rows = File::open(path)
            .map_err(|error| error.to_string())
            .and_then(|file| read_tasks(file).map_err(|error| chain(&error)));
        let rows = match rows {
            Ok(rows) => rows,
            Err(reason) => return proof.fault(file, file, reason),
        };
        for row in rows {
            match row {
                Ok(row) => {
                    if let Err(reason) = self.prove_task(&row.task) {
                        proof.fault(row.task.id, file, reason);
                    }
                }
                Err(error) => return proof.fault(file, file, chain(&error)),
            }
        }
    }

    fn prove_task(&self, task: &Task) -> Result<(), String> {
        let (_, payload) = self.entries.get(&task.id).ok_or("it was never committed")?;
        let committed: Task = self.record(payload)?;
        if committed == *task { Ok(()) } else { Err("is not what was committed".into()) }
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
