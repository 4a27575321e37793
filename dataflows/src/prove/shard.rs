//! Proving one shard: its rows against its ledger, its payloads, and fresh environments.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;

use operators::engine::World as Engine;
use operators::verify::verify;
use schemas::{
    Digest, Environment, FilterPlan, JsonEncoding, Task, TaskId, ToolId, Trajectory, TrajectoryId,
    Verified,
};

use crate::dataset::{
    Cells, DatasetError, DomainRow, DomainTools, Laid, Rows, Table, TaskRow, TrajectoryRow, Tries,
    bound_tools, read_tasks, read_trajectories, write_encoded,
};
use crate::graph_objects::read_json;
use crate::ledger::{Entry, Ledger, cell};
use crate::listing::tool_rows;
use crate::shards::{domain_row, is_vertical, split};
use crate::shelf::{Unfolded, unfold};
use crate::store::{Manifest, ShownFile, StoreError, World, disk, files};

use super::{Proof, chain};

/// What the rows of one shard are proved against.
pub(super) struct Shard {
    place: String,
    domains: Vec<Proving>,
    tasks: BTreeMap<TaskId, (usize, Digest)>,
    verified: BTreeMap<TrajectoryId, (usize, Verified)>,
    tries: BTreeMap<TaskId, Tries>,
    rows: Vec<DomainRow>,
    payloads: Unfolded,
    filter: FilterPlan,
    encoding: JsonEncoding,
    shards: u32,
}

/// What the rows of one domain are proved against.
struct Proving {
    name: String,
    split: &'static str,
    /// The configuration its kept trajectories are in.
    kept_in: &'static str,
    engine: Engine,
    tools: DomainTools,
}

/// Where rows were found.
struct Found<'f> {
    file: &'f str,
    config: &'f str,
    split: &'f str,
}

impl Shard {
    pub(super) fn read(
        world: &World,
        manifest: &Manifest,
        place: &str,
        proof: &mut Proof,
    ) -> Result<Shard, StoreError> {
        let objects = &manifest.contents.objects;
        let ledger: Ledger = match objects.get(&format!("ledger/{place}")) {
            Some(object) => read_json(world, object)?,
            None => Ledger::default(),
        };
        let payloads = match objects.get(&format!("payloads/{place}")) {
            Some(pack) => unfold(world, pack)?,
            None => Unfolded::new(),
        };
        let mut origins = BTreeMap::new();
        for (role, object) in objects {
            if role.starts_with("tools/") && role.ends_with(&format!("/{place}")) {
                tool_rows(world, object, &mut |row| {
                    let text = |name: &str| row[name].as_str().unwrap_or_default().to_string();
                    if let Ok(tool) = text("id").parse::<ToolId>() {
                        origins.insert(tool, (text("source"), text("license")));
                    }
                    true
                })?;
            }
        }
        let mut shard = Shard {
            place: place.into(),
            domains: Vec::new(),
            tasks: BTreeMap::new(),
            verified: BTreeMap::new(),
            tries: BTreeMap::new(),
            rows: Vec::new(),
            payloads,
            filter: manifest.contents.plan.filter.clone(),
            encoding: manifest.contents.plan.dataset.json_encoding,
            shards: manifest.contents.plan.dataset.shards,
        };
        for entry in ledger.entries.values() {
            if let Err(reason) = shard.admit(entry, &origins, manifest) {
                proof.fault(entry.domain.id, "objects", reason);
            }
        }
        shard.rows.sort_by_key(|row| row.id);
        Ok(shard)
    }

    fn admit(
        &mut self,
        entry: &Entry,
        origins: &BTreeMap<ToolId, (String, String)>,
        manifest: &Manifest,
    ) -> Result<(), String> {
        let Some(reference) = &entry.environment else { return Ok(()) };
        let environment: Environment = self.record(&reference.payload)?;
        self.rows.push(domain_row(&environment, entry, &manifest.contents.plan));
        let engine = Engine::new(environment).map_err(|fault| fault.to_string())?;
        let tools = bound_tools(engine.environment(), |tool| {
            origins.get(&tool).map_or(("", ""), |(source, license)| (source, license))
        });
        let (name, plan) = (entry.domain.name.clone(), &manifest.contents.plan);
        let kept_in = if is_vertical(&name, plan) { "vertical" } else { "general" };
        let split = split(entry.domain.id, plan);
        let place = self.domains.len();
        self.domains.push(Proving { name, split, kept_in, engine, tools });
        self.tasks.extend(entry.tasks.iter().map(|task| (task.id, (place, task.payload))));
        for verified in &entry.verified {
            let tries = self.tries.entry(verified.trajectory.task).or_default();
            tries.add(verified.verdict.is_kept());
            self.verified.insert(verified.trajectory.id, (place, verified.clone()));
        }
        Ok(())
    }

    fn record<R: serde::de::DeserializeOwned>(&self, digest: &Digest) -> Result<R, String> {
        let payload = self.payloads.get(digest).ok_or("its payload is missing from the pack")?;
        serde_json::from_slice(payload).map_err(|error| format!("its payload is damaged: {error}"))
    }

    /// Proves every row of the shard, and that none is missing.
    pub(super) fn prove(&self, world: &World, manifest: &Manifest, proof: &mut Proof) {
        let (mut attempts, mut tasks) = (BTreeSet::new(), BTreeSet::new());
        let mut domains = BTreeMap::new();
        for shown in files(manifest) {
            if format!("{:04}", shown.place) != self.place {
                continue;
            }
            let file = format!("dataset/{}", shown.path);
            let path = world.root().join(&file);
            let split = split_of(&shown);
            let found = Found { file: &file, config: shown.config, split };
            match shown.config {
                "general" | "vertical" | "rejected" => {
                    each(&path, &found, &shown, read_trajectories, proof, |row, proof| {
                        proof.rows += u64::from(found.config != "rejected");
                        attempts.insert(row.trajectory_id);
                        let outcome = self.prove_row(&row, &found, &mut proof.calls);
                        (row.trajectory_id.to_string(), outcome)
                    });
                }
                "tasks" => each(&path, &found, &shown, read_tasks, proof, |row, proof| {
                    tasks.insert(row.task.id);
                    let outcome = self.prove_task(&row, &found, &mut proof.calls);
                    (row.task.id.to_string(), outcome)
                }),
                "domains" => drop(domains.insert(split.to_string(), shown.object.digest)),
                _ => {}
            }
        }
        let file = format!("ledger/{}", self.place);
        for missing in self.verified.keys().filter(|id| !attempts.contains(id)) {
            proof.fault(missing, &*file, "has no row in the dataset");
        }
        for missing in self.tasks.keys().filter(|id| !tasks.contains(id)) {
            proof.fault(missing, &*file, "has no row in the dataset");
        }
        if let Err(reason) = self.prove_domains(&domains) {
            proof.fault(format!("domains of shard {}", self.place), "dataset/domains", reason);
        }
    }

    /// Proves one row by itself, then against what was committed for it.
    fn prove_row(
        &self,
        row: &TrajectoryRow,
        found: &Found<'_>,
        calls: &mut u64,
    ) -> Result<(), String> {
        let (place, payload) =
            self.tasks.get(&row.task_id).ok_or("its task is not in the world")?;
        let domain = &self.domains[*place];
        let task: Task = self.record(payload)?;
        if row.golden_state != task.golden_state {
            return Err(format!(
                "golden_state is {}, the golden calls give {}",
                row.golden_state, task.golden_state
            ));
        }
        let (_, verified) =
            self.verified.get(&row.trajectory_id).ok_or("it was never committed")?;
        let trajectory: Trajectory = self.record(&verified.trajectory.payload)?;
        let is_kept = found.config != "rejected";
        if is_kept {
            *calls += row.n_calls + task.golden.len() as u64;
            let shown = row.trajectory(trajectory.ended);
            let verdict = verify(&shown, &task, &domain.engine, &self.filter);
            if !verdict.is_kept() {
                let stage = verdict.stage.map_or("", |stage| stage.name());
                return Err(format!("does not hold at stage {stage}: {}", verdict.reason));
            }
        }
        let committed =
            TrajectoryRow::new(trajectory, &task, &domain.name, &domain.tools, &verified.verdict);
        if let Some(field) = row.difference(&committed) {
            return Err(format!("{field} is not what was committed"));
        }
        let belongs = if verified.verdict.is_kept() { domain.kept_in } else { "rejected" };
        if (found.config, found.split) != (belongs, domain.split) {
            return Err(format!("belongs in {belongs}, split {}", domain.split));
        }
        Ok(())
    }

    /// Proves a task's golden calls, then the task against what was committed.
    fn prove_task(&self, row: &TaskRow, found: &Found<'_>, calls: &mut u64) -> Result<(), String> {
        let task = &row.task;
        let (place, payload) = self.tasks.get(&task.id).ok_or("it was never committed")?;
        let domain = &self.domains[*place];
        *calls += task.golden.len() as u64;
        replay_golden(task, &domain.engine)?;
        let committed: Task = self.record(payload)?;
        if committed != *task || row.domain != domain.name {
            return Err("is not what was committed".into());
        }
        if row.tries != self.tries.get(&task.id).copied().unwrap_or_default() {
            return Err("trials or passes are not those of its attempts".into());
        }
        if (&*row.split, found.split) != (domain.split, domain.split) {
            return Err(format!("belongs in split {}", domain.split));
        }
        Ok(())
    }

    /// Proves the rows of `domains`: they are a function of the environments.
    fn prove_domains(&self, shown: &BTreeMap<String, Digest>) -> Result<(), String> {
        let mut splits: BTreeMap<String, Vec<DomainRow>> = BTreeMap::new();
        for row in &self.rows {
            let proving = self.domains.iter().find(|it| it.engine.environment().domain == row.id);
            let split = proving.map_or("", |it| it.split);
            splits.entry(split.into()).or_default().push(row.clone());
        }
        // Versions of earlier programs have the rows of a file in one.
        let layouts: [&dyn Fn(&[DomainRow]) -> Result<Vec<u8>, DatasetError>; 2] =
            [&|rows| self.celled(rows), &|rows| write_encoded(rows.to_vec(), self.encoding)];
        let mut expected = splits.keys().cloned().collect::<BTreeSet<String>>();
        for (split, digest) in shown {
            let rows = splits.get(split).map_or(&[][..], Vec::as_slice);
            let mut is_so = false;
            for layout in layouts {
                let bytes = layout(rows).map_err(|error| chain(&error))?;
                is_so = is_so || Digest::of(&bytes) == *digest;
            }
            if !(is_so && expected.remove(split)) {
                return Err("are not what their environments give".into());
            }
        }
        if expected.is_empty() { Ok(()) } else { Err("are not all there".into()) }
    }

    /// Rows as a shard's file has them, cell by cell.
    fn celled(&self, rows: &[DomainRow]) -> Result<Vec<u8>, DatasetError> {
        let cell = |row: &DomainRow| cell(row.id, self.shards);
        let mut file = Cells::new(self.encoding);
        for of_cell in rows.chunk_by(|one, other| cell(one) == cell(other)) {
            file.write(of_cell.to_vec(), Laid::default())?;
        }
        Ok(file.finish()?.map(|(bytes, _)| bytes).unwrap_or_default())
    }
}

/// Replays the golden calls of a task on a fresh session.
fn replay_golden(task: &Task, engine: &Engine) -> Result<(), String> {
    let mut session = engine.session_of(task);
    if session.fingerprint() != task.initial_state {
        return Err(format!(
            "initial_state is {}, the environment begins at {}",
            task.initial_state,
            session.fingerprint()
        ));
    }
    for call in &task.golden {
        if session.call(&call.name, &call.arguments).text != call.observation {
            return Err(format!("the golden call of \"{}\" answers something else", call.name));
        }
    }
    if session.fingerprint() != task.golden_state {
        return Err(format!(
            "golden_state is {}, the golden calls give {}",
            task.golden_state,
            session.fingerprint()
        ));
    }
    Ok(())
}

/// The split that a file of the dataset is of.
fn split_of<'s>(shown: &'s ShownFile<'_>) -> &'s str {
    let name = shown.path.rsplit('/').next().unwrap_or_default();
    name.split('-').next().unwrap_or_default()
}

/// Reads a file row by row, and says of each what is wrong with it.
fn each<T: Table>(
    path: &Path,
    found: &Found<'_>,
    shown: &ShownFile<'_>,
    read: fn(File) -> Result<Rows<T>, DatasetError>,
    proof: &mut Proof,
    mut check: impl FnMut(T, &mut Proof) -> (String, Result<(), String>),
) {
    let rows = disk::open(path)
        .map_err(|error| chain(&error))
        .and_then(|file| read(file).map_err(|error| chain(&error)));
    let rows = match rows {
        Ok(rows) => rows,
        Err(reason) => return proof.fault(found.file, found.file, reason),
    };
    let mut seen = 0;
    for row in rows {
        match row {
            Ok(row) => {
                seen += 1;
                if let (subject, Err(reason)) = check(row, proof) {
                    proof.fault(subject, found.file, reason);
                }
            }
            Err(error) => return proof.fault(found.file, found.file, chain(&error)),
        }
    }
    if seen != shown.object.rows {
        let expected = shown.object.rows;
        proof.fault(
            found.file,
            found.file,
            format!("holds {seen} rows, {expected} were committed"),
        );
    }
}
