//! The sink: what was caught, as the objects of a version, a shard at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use operators::Depot;
use schemas::{
    Digest, DomainId, Draw, Environment, EnvironmentRef, Plan, Provenance, Rule, Stage, Task,
    TaskRef, Tool, ToolId, Verified,
};
use serde::de::DeserializeOwned;

use crate::dataset::{
    DatasetError, DomainRow, DomainTools, TaskRow, ToolRow, TrajectoryRow, Tries, bound_tools,
    write_encoded,
};
use crate::ledger::{Entry, Ledger, homeless_shard, shard};
use crate::run::Caught;
use crate::shelf::fold;
use crate::store::{Locked, Manifest, ObjectRef, StoreError};

/// Objects by what they are for.
pub type Roles = BTreeMap<String, ObjectRef>;

/// Why a shard could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShardError {
    /// The store could not keep it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its rows could not be laid out.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The depot no longer gives a payload of it.
    #[error("the payload {0} was lost")]
    Lost(Digest),
    /// Its payloads could not be compressed.
    #[error("payloads cannot be compressed: {0}")]
    Fold(#[from] std::io::Error),
}

/// The split a domain's rows are in: `test` for the share held out, else `train`.
///
/// A function of the domain's id alone, so that a domain never changes sides.
pub fn split(domain: DomainId, plan: &Plan) -> &'static str {
    let draw = Draw::new(plan.seed).with("split").with(domain.0.to_le_bytes());
    if draw.happens(plan.dataset.test_permille) { "test" } else { "train" }
}

/// Whether a domain's trajectories make the second stage: its name holds one of the words chosen.
pub fn is_vertical(name: &str, plan: &Plan) -> bool {
    plan.dataset.vertical.iter().any(|word| name == word || name.split('-').any(|it| it == word))
}

/// Writes every shard that is not the parent's already, on so many threads.
///
/// # Errors
///
/// Fails with the first shard that cannot be written; what was written is unreferenced then.
///
/// # Panics
///
/// Panics if what was caught does not belong together, such as a task without its domain.
pub fn write_shards(
    caught: &Caught,
    plan: &Plan,
    depot: &dyn Depot,
    parent: Option<&Manifest>,
    store: &Locked,
    threads: usize,
) -> Result<Roles, ShardError> {
    let ledgers = ledgers(caught, plan);
    let context = Context {
        caught,
        plan,
        depot,
        store,
        parent: parent.filter(|it| {
            let then = &it.contents.plan;
            then.dataset == plan.dataset
                && then.seed == plan.seed
                && is_judged(then) == is_judged(plan)
        }),
        origins: origins(&caught.provenance),
    };
    let next = AtomicU32::new(0);
    let failed = AtomicBool::new(false);
    let outcomes = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while !failed.load(Ordering::Relaxed) {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(ledger) = ledgers.get(place as usize) else { break };
                    let outcome = context.write(place, ledger);
                    failed.fetch_or(outcome.is_err(), Ordering::Relaxed);
                    outcomes.lock().expect("no holder panics").push(outcome);
                }
            });
        }
    });
    let mut roles = Roles::new();
    for outcome in outcomes.into_inner().expect("no holder panics") {
        roles.extend(outcome?);
    }
    Ok(roles)
}

/// The row of a domain.
pub(crate) fn domain_row(environment: &Environment, entry: &Entry, plan: &Plan) -> DomainRow {
    let (tools, tasks) = (entry.domain.tools.len(), entry.tasks.len());
    let row = DomainRow::new(environment, tools as u64, tasks as u64);
    DomainRow { overlap: is_judged(plan).then(|| entry.overlap.clone()), ..row }
}

/// Whether tools and domains are compared with benchmarks, so that their rows say what came of it.
fn is_judged(plan: &Plan) -> bool {
    !plan.decontaminate.benchmarks.is_empty()
}

/// Where every tool came from, its own record first.
fn origins(provenance: &[Provenance]) -> BTreeMap<ToolId, Vec<&Provenance>> {
    let mut origins: BTreeMap<ToolId, Vec<&Provenance>> = BTreeMap::new();
    for one in provenance {
        origins.entry(one.tool).or_default().push(one);
    }
    for of_tool in origins.values_mut() {
        of_tool.sort_by_key(|one| {
            [Rule::Repeated, Rule::Superseded].map(|it| one.rules.contains(&it))
        });
    }
    origins
}

/// What was caught, domain by domain, shard by shard.
fn ledgers(caught: &Caught, plan: &Plan) -> Vec<Ledger> {
    let shards = plan.dataset.shards.max(1);
    let mut ledgers = vec![Ledger::default(); shards as usize];
    let shown = origins(&caught.provenance);
    let digest = |tool: &ToolId| Digest::of_record(&(caught.tools[tool].as_ref(), shown.get(tool)));
    let flag = |tool: &ToolId| Some((*tool, caught.flagged_tools.get(tool)?.clone()));
    let mut housed = BTreeSet::new();
    for domain in &caught.domains {
        housed.extend(domain.tools.iter().map(|(tool, _)| *tool));
        let entry = Entry {
            tools: domain.tools.iter().map(|(tool, _)| (*tool, digest(tool))).collect(),
            domain: domain.clone(),
            environment: None,
            ungated: Vec::new(),
            tasks: Vec::new(),
            unprovable: Vec::new(),
            verified: Vec::new(),
            withheld: Vec::new(),
            overlap: caught.flagged_domains.get(&domain.id).cloned(),
        };
        let flagged = domain.tools.iter().filter_map(|(tool, _)| flag(tool));
        ledgers[shard(domain.id, shards) as usize].flagged.extend(flagged);
        ledgers[shard(domain.id, shards) as usize].entries.insert(domain.id, entry);
    }
    for tool in caught.tools.keys().filter(|tool| !housed.contains(*tool)) {
        let of = &mut ledgers[homeless_shard(*tool, shards) as usize];
        of.homeless.insert(*tool, digest(tool));
        of.flagged.extend(flag(tool));
    }
    let mut change = |domain: DomainId, change: &mut dyn FnMut(&mut Entry)| {
        let found = ledgers[shard(domain, shards) as usize].entries.get_mut(&domain);
        change(found.expect("what was made in a domain has a domain"));
    };
    for made in &caught.environments {
        change(made.domain, &mut |it| it.environment = Some(made.clone()));
    }
    for made in &caught.tasks {
        change(made.domain, &mut |it| it.tasks.push(made.clone()));
    }
    for made in &caught.verified {
        change(made.trajectory.domain, &mut |it| it.verified.push(made.clone()));
    }
    for made in &caught.withheld {
        change(made.0.domain, &mut |it| it.withheld.push(made.clone()));
    }
    for (domain, rejection) in &caught.of_domains {
        change(*domain, &mut |it| match rejection.stage {
            Stage::Gate => it.ungated.push(rejection.clone()),
            _ => it.unprovable.push(rejection.clone()),
        });
    }
    ledgers
}

struct Context<'a> {
    caught: &'a Caught,
    plan: &'a Plan,
    depot: &'a dyn Depot,
    store: &'a Locked,
    parent: Option<&'a Manifest>,
    origins: BTreeMap<ToolId, Vec<&'a Provenance>>,
}

/// Rows of one split.
#[derive(Default)]
struct Rows {
    kept: Vec<TrajectoryRow>,
    vertical: Vec<TrajectoryRow>,
    rejected: Vec<TrajectoryRow>,
    tasks: Vec<TaskRow>,
    tools: Vec<ToolRow>,
    domains: Vec<DomainRow>,
}

impl Context<'_> {
    fn write(&self, place: u32, ledger: &Ledger) -> Result<Roles, ShardError> {
        if ledger.entries.is_empty() && ledger.homeless.is_empty() {
            return Ok(Roles::new());
        }
        let role = format!("ledger/{place:04}");
        let text = serde_json::to_vec(ledger).expect("records have string keys");
        let bytes = zstd::encode_all(text.as_slice(), 3)?;
        if let Some(parent) = self.parent
            && parent.contents.objects.get(&role).map(|it| it.digest) == Some(Digest::of(&bytes))
        {
            // An equal ledger names equal payloads, so every object of the shard is the same.
            let of_shard = |other: &str| {
                other.rsplit('/').next() == Some(&format!("{place:04}")) && is_of_shards(other)
            };
            let same = parent.contents.objects.iter().filter(|(other, _)| of_shard(other));
            return Ok(same.map(|(other, object)| (other.clone(), object.clone())).collect());
        }
        let entries = ledger.entries.len() as u64;
        let mut roles = Roles::from([(role, self.store.put_object("json.zst", entries, &bytes)?)]);
        roles.extend(self.pack(place, ledger)?);
        let mut splits: BTreeMap<&str, Rows> = BTreeMap::new();
        for entry in ledger.entries.values() {
            let rows = splits.entry(split(entry.domain.id, self.plan)).or_default();
            self.gather(entry, rows)?;
        }
        let homeless = ledger.homeless.keys().map(|tool| self.tool_row(*tool, None, None));
        let homeless: Vec<ToolRow> = homeless.collect();
        if !homeless.is_empty() {
            splits.entry("train").or_default().tools.extend(homeless);
        }
        for (split, rows) in splits {
            roles.extend(self.write_split(place, split, rows)?);
        }
        Ok(roles)
    }

    /// Environments, tasks and trajectories of the shard, as they flowed.
    fn pack(&self, place: u32, ledger: &Ledger) -> Result<Option<(String, ObjectRef)>, ShardError> {
        let payloads: Vec<Digest> = ledger.entries.values().flat_map(Entry::payloads).collect();
        if payloads.is_empty() {
            return Ok(None);
        }
        let rows = payloads.len() as u64;
        let mut lost = Ok(());
        let lines = payloads
            .iter()
            .map_while(|digest| self.payload(digest).map_err(|error| lost = Err(error)).ok());
        let folded = fold(lines)?;
        lost?;
        let object = self.store.put_object("jsonl.zst", rows, &folded)?;
        Ok(Some((format!("payloads/{place:04}"), object)))
    }

    fn payload(&self, digest: &Digest) -> Result<Arc<[u8]>, ShardError> {
        self.depot.get(digest).ok_or(ShardError::Lost(*digest))
    }

    fn record<R: DeserializeOwned>(&self, digest: &Digest) -> Result<R, ShardError> {
        Ok(serde_json::from_slice(&self.payload(digest)?).expect("what was put reads back"))
    }

    fn gather(&self, entry: &Entry, rows: &mut Rows) -> Result<(), ShardError> {
        let payload = |it: &EnvironmentRef| self.record(&it.payload);
        let environment: Option<Environment> =
            entry.environment.as_ref().map(payload).transpose()?;
        let effects: BTreeMap<ToolId, _> = environment
            .iter()
            .flat_map(|it| &it.operations)
            .map(|operation| (operation.tool, operation.effect))
            .collect();
        for (tool, _) in &entry.domain.tools {
            let domain = Some((entry.domain.id, entry.domain.name.clone()));
            rows.tools.push(self.tool_row(*tool, effects.get(tool).copied(), domain));
        }
        let Some(environment) = environment else { return Ok(()) };
        rows.domains.push(domain_row(&environment, entry, self.plan));
        let bound = bound_tools(&environment, |tool| {
            let tool: &Tool = &self.caught.tools[&tool];
            (&tool.source, &tool.license)
        });
        let mut of_task: BTreeMap<_, Vec<&Verified>> = BTreeMap::new();
        for verified in &entry.verified {
            of_task.entry(verified.trajectory.task).or_default().push(verified);
        }
        for task in &entry.tasks {
            let attempts = of_task.remove(&task.id).unwrap_or_default();
            self.gather_task(entry, task, &attempts, &bound, rows)?;
        }
        Ok(())
    }

    fn gather_task(
        &self,
        entry: &Entry,
        task: &TaskRef,
        attempts: &[&Verified],
        tools: &DomainTools,
        rows: &mut Rows,
    ) -> Result<(), ShardError> {
        let domain = &entry.domain.name;
        let payload: Task = self.record(&task.payload)?;
        let mut tries = Tries::default();
        for verified in attempts {
            tries.add(verified.verdict.is_kept());
            let trajectory = self.record(&verified.trajectory.payload)?;
            let row = TrajectoryRow::new(trajectory, &payload, domain, tools, &verified.verdict);
            if !verified.verdict.is_kept() {
                rows.rejected.push(row);
            } else if is_vertical(domain, self.plan) {
                rows.vertical.push(row);
            } else {
                rows.kept.push(row);
            }
        }
        let split = split(entry.domain.id, self.plan).into();
        rows.tasks.push(TaskRow { task: payload, domain: domain.clone(), split, tries });
        Ok(())
    }

    fn tool_row(
        &self,
        tool: ToolId,
        operation: Option<schemas::Effect>,
        domain: Option<(DomainId, String)>,
    ) -> ToolRow {
        ToolRow {
            tool: Tool::clone(&self.caught.tools[&tool]),
            operation,
            domain,
            provenance: self.origins.get(&tool).into_iter().flatten().copied().cloned().collect(),
            overlap: is_judged(self.plan).then(|| self.caught.flagged_tools.get(&tool).cloned()),
        }
    }

    fn write_split(&self, place: u32, split: &str, mut rows: Rows) -> Result<Roles, ShardError> {
        for trajectories in [&mut rows.kept, &mut rows.vertical, &mut rows.rejected] {
            trajectories.sort_by_key(|row| row.trajectory_id);
        }
        rows.tasks.sort_by_key(|row| row.task.id);
        rows.tools.sort_by_key(|row| row.tool.id);
        rows.domains.sort_by_key(|row| row.id);
        let mut roles = Roles::new();
        let mut put = |config: &str, count: usize, bytes: Result<Vec<u8>, DatasetError>| {
            if 0 < count {
                let object = self.store.put_object("parquet", count as u64, &bytes?)?;
                roles.insert(format!("{config}/{split}/{place:04}"), object);
            }
            Ok::<(), ShardError>(())
        };
        let encoding = self.plan.dataset.json_encoding;
        put("general", rows.kept.len(), write_encoded(rows.kept, encoding))?;
        put("vertical", rows.vertical.len(), write_encoded(rows.vertical, encoding))?;
        put("rejected", rows.rejected.len(), write_encoded(rows.rejected, encoding))?;
        put("tasks", rows.tasks.len(), write_encoded(rows.tasks, encoding))?;
        put("tools", rows.tools.len(), write_encoded(rows.tools, encoding))?;
        put("domains", rows.domains.len(), write_encoded(rows.domains, encoding))?;
        Ok(roles)
    }
}

/// Whether a role is one that [`write_shards`] makes.
fn is_of_shards(role: &str) -> bool {
    let made =
        ["ledger", "payloads", "general", "vertical", "rejected", "tasks", "tools", "domains"];
    role.split('/').next().is_some_and(|kind| made.contains(&kind))
}
