//! The sink: what was caught, as the objects of a version, a shard at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use operators::Depot;
use schemas::{Digest, DomainId, Draw, Environment, Plan, Provenance, Rule, Stage, Tool, ToolId};

use crate::cluster::ClusterError;
use crate::dataset::{Cells, DatasetError, DomainRow, Laid, Table, ToolRow};
use crate::ledger::{Entry, Ledger, cell, homeless_shard, shard};
use crate::run::{Caught, Workers};
use crate::shelf::fold;
use crate::store::{Locked, Manifest, ObjectRef, StoreError};

use self::rows::{Maker, Rows};
use self::staying::Staying;

mod rows;
mod staying;

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
    /// Another process could not write it.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
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

/// Everything that the rows of a shard are made of, payloads apart.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Shard {
    place: u32,
    ledger: Ledger,
    /// Its tools, each with where it came from, its own record first.
    tools: BTreeMap<ToolId, (Arc<Tool>, Vec<Provenance>)>,
}

/// Writes every shard that is not the parent's already; whoever is free takes the next, in whichever
/// process.
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
    context: &Context<'_>,
    workers: Workers,
) -> Result<Roles, ShardError> {
    let ledgers = ledgers(caught, context.plan, workers.here());
    let bench = Bench {
        context,
        ledgers: &ledgers,
        caught,
        origins: origins(&caught.provenance),
        next: AtomicU32::new(0),
        failed: AtomicBool::new(false),
        outcomes: Mutex::default(),
    };
    std::thread::scope(|scope| {
        for _ in 0..workers.here() {
            scope.spawn(|| bench.work(1, |shards| context.write_all(&shards)));
        }
        let Workers::Among(crew) = &workers else { return };
        for (follower, at_once) in crew.followers() {
            let bench = &bench;
            scope.spawn(move || {
                bench.work(at_once, |shards| {
                    let (roles, tally) = crew.lines().have_written(follower, shards)?;
                    bench.context.store.add(tally);
                    Ok(roles)
                });
            });
        }
    });
    let mut roles = Roles::new();
    for outcome in bench.outcomes.into_inner().expect("no holder panics") {
        roles.extend(outcome?);
    }
    Ok(roles)
}

/// Where those who write shards find the next one and leave what they made.
struct Bench<'a> {
    context: &'a Context<'a>,
    ledgers: &'a [Ledger],
    caught: &'a Caught,
    origins: BTreeMap<ToolId, Vec<&'a Provenance>>,
    next: AtomicU32,
    failed: AtomicBool,
    outcomes: Mutex<Vec<Result<Roles, ShardError>>>,
}

impl Bench<'_> {
    /// Takes shards, so many at once, until none is left or one could not be written.
    fn work(&self, at_once: usize, write: impl Fn(Vec<Shard>) -> Result<Roles, ShardError>) {
        while !self.failed.load(Ordering::Relaxed) {
            let mut shards = Vec::new();
            while shards.len() < at_once {
                let place = self.next.fetch_add(1, Ordering::Relaxed);
                let Some(ledger) = self.ledgers.get(place as usize) else { break };
                match self.context.unchanged(place, ledger) {
                    Ok(Some(same)) => self.leave(Ok(same)),
                    Ok(None) => shards.push(self.shard(place, ledger)),
                    Err(error) => self.leave(Err(error)),
                }
            }
            if shards.is_empty() {
                break;
            }
            self.leave(write(shards));
        }
    }

    fn leave(&self, outcome: Result<Roles, ShardError>) {
        self.failed.fetch_or(outcome.is_err(), Ordering::Relaxed);
        self.outcomes.lock().expect("no holder panics").push(outcome);
    }

    fn shard(&self, place: u32, ledger: &Ledger) -> Shard {
        let housed = ledger.entries.values().flat_map(|entry| &entry.domain.tools);
        let ids = housed.map(|(tool, _)| *tool).chain(ledger.homeless.keys().copied());
        let tools = ids.map(|id| {
            let origins = self.origins.get(&id).into_iter().flatten().copied().cloned();
            (id, (Arc::clone(&self.caught.tools[&id]), origins.collect()))
        });
        Shard { place, ledger: ledger.clone(), tools: tools.collect() }
    }
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
fn ledgers(caught: &Caught, plan: &Plan, threads: usize) -> Vec<Ledger> {
    let shards = plan.dataset.shards.max(1);
    let mut ledgers = vec![Ledger::default(); shards as usize];
    let digests = digests(caught, threads);
    let digest = |tool: &ToolId| digests[tool];
    let flag = |tool: &ToolId| Some((*tool, caught.flagged_tools.get(tool)?.clone()));
    let mut housed = BTreeSet::new();
    for domain in &caught.domains {
        housed.extend(domain.tools.iter().map(|(tool, _)| *tool));
        let entry = Entry {
            tools: domain.tools.iter().map(|(tool, _)| (*tool, digest(tool))).collect(),
            domain: domain.clone(),
            environment: None,
            ungated: Vec::new(),
            proposed: caught.proposed.get(&domain.id).copied(),
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
            Stage::Propose | Stage::Gate => it.ungated.push(rejection.clone()),
            _ => it.unprovable.push(rejection.clone()),
        });
    }
    ledgers
}

/// The digest of every tool's description and origins.
fn digests(caught: &Caught, threads: usize) -> BTreeMap<ToolId, Digest> {
    let shown = origins(&caught.provenance);
    let of = |tool: &Arc<Tool>| (tool.id, Digest::of_record(&(tool, shown.get(&tool.id))));
    let tools: Vec<&Arc<Tool>> = caught.tools.values().collect();
    let share = tools.len().div_ceil(threads.max(1)).max(1);
    std::thread::scope(|scope| {
        let parts = tools.chunks(share);
        let parts: Vec<_> = parts
            .map(|part| scope.spawn(move || part.iter().copied().map(of).collect::<Vec<_>>()))
            .collect();
        parts.into_iter().flat_map(|it| it.join().expect("a digest is made of any tool")).collect()
    })
}

/// What shards are written with.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Every knob.
    pub plan: &'a Plan,
    /// Where payloads are.
    pub depot: &'a dyn Depot,
    /// Where objects go.
    pub store: &'a Locked,
    /// The version whose shards are taken where they are the same.
    pub parent: Option<&'a Manifest>,
}

impl<'a> Context<'a> {
    /// The version before, if equal entries make equal rows there and here.
    fn alike(&self) -> Option<&'a Manifest> {
        self.parent.filter(|parent| {
            let then = &parent.contents.plan;
            then.dataset == self.plan.dataset
                && then.seed == self.plan.seed
                && then.rollout.has_model() == self.plan.rollout.has_model()
                && is_judged(then) == is_judged(self.plan)
        })
    }

    /// The objects of a shard that is the parent's, or empty.
    fn unchanged(&self, place: u32, ledger: &Ledger) -> Result<Option<Roles>, ShardError> {
        if ledger.entries.is_empty() && ledger.homeless.is_empty() {
            return Ok(Some(Roles::new()));
        }
        let Some(parent) = self.alike() else { return Ok(None) };
        let objects = &parent.contents.objects;
        let Some(there) = objects.get(&role_of(place)) else { return Ok(None) };
        // Unfolding what is there takes a fifth of the time that folding what is here does.
        let then = zstd::decode_all(self.store.world().read_object(there)?.as_slice())?;
        if then != text(ledger) {
            return Ok(None);
        }
        // An equal ledger names equal payloads, so every object of the shard is the same.
        let of_shard = |other: &str| {
            other.rsplit('/').next() == Some(&format!("{place:04}")) && is_of_shards(other)
        };
        let same = objects.iter().filter(|(other, _)| of_shard(other));
        Ok(Some(same.map(|(other, object)| (other.clone(), object.clone())).collect()))
    }

    /// Writes shards one after the other.
    fn write_all(&self, shards: &[Shard]) -> Result<Roles, ShardError> {
        let mut roles = Roles::new();
        for shard in shards {
            roles.extend(self.write(shard)?);
        }
        Ok(roles)
    }

    /// Writes shards on so many threads.
    pub(crate) fn write_on(&self, shards: Vec<Shard>, threads: usize) -> Result<Roles, ShardError> {
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let share = shards.len().div_ceil(threads.max(1)).max(1);
            let parts = shards.chunks(share).map(|part| scope.spawn(|| self.write_all(part)));
            let parts: Vec<_> = parts.collect();
            parts.into_iter().map(|it| it.join().expect("who writes does not panic")).collect()
        });
        let mut roles = Roles::new();
        for outcome in outcomes {
            roles.extend(outcome?);
        }
        Ok(roles)
    }

    fn write(&self, shard: &Shard) -> Result<Roles, ShardError> {
        let (place, ledger) = (shard.place, &shard.ledger);
        let (role, bytes) = (role_of(place), folded(ledger)?);
        let entries = ledger.entries.len() as u64;
        let mut roles = Roles::from([(role, self.store.put_object("json.zst", entries, &bytes)?)]);
        let maker = Maker { plan: self.plan, depot: self.depot, shard };
        let staying = match self.alike() {
            Some(parent) => Staying::of((self.store.world(), parent), place, ledger)?,
            None => None,
        };
        roles.extend(self.pack(&maker, staying.as_ref())?);
        let mut splits: BTreeMap<&str, BTreeMap<Option<u32>, Rows>> = BTreeMap::new();
        for (domain, entry) in &ledger.entries {
            let cells = splits.entry(split(*domain, self.plan)).or_default();
            let rows = cells.entry(Some(self.cell(*domain))).or_default();
            if !staying.as_ref().is_some_and(|it| it.holds(*domain)) {
                maker.gather(entry, rows)?;
            }
        }
        let homeless = ledger.homeless.keys().map(|tool| maker.tool_row(*tool, None, None));
        let homeless: Vec<ToolRow> = homeless.collect();
        if !homeless.is_empty() {
            let rows = Rows { tools: homeless, ..Rows::default() };
            splits.entry("train").or_default().insert(None, rows);
        }
        for (split, cells) in splits {
            roles.extend(self.write_split((place, split), cells, staying.as_ref())?);
        }
        Ok(roles)
    }

    /// The cell that a domain's rows are in.
    fn cell(&self, domain: DomainId) -> u32 {
        cell(domain, self.plan.dataset.shards)
    }

    /// Environments, tasks and trajectories of the shard, as they flowed, a part for each domain.
    fn pack(
        &self,
        maker: &Maker<'_>,
        staying: Option<&Staying<'_>>,
    ) -> Result<Option<(String, ObjectRef)>, ShardError> {
        let Shard { place, ledger, .. } = maker.shard;
        let (mut pack, mut rows) = (Vec::new(), 0);
        for (domain, payloads) in ledger.parts() {
            rows += payloads.len() as u64;
            match staying.and_then(|it| it.part(domain)) {
                Some(part) => pack.extend_from_slice(part),
                None => {
                    let found: Result<Vec<_>, _> =
                        payloads.iter().map(|digest| maker.payload(digest)).collect();
                    pack.extend(fold(found?)?);
                }
            }
        }
        if rows == 0 {
            return Ok(None);
        }
        let object = self.store.put_object("jsonl.zst", rows, &pack)?;
        Ok(Some((format!("payloads/{place:04}"), object)))
    }

    fn write_split(
        &self,
        (place, split): (u32, &str),
        mut cells: BTreeMap<Option<u32>, Rows>,
        staying: Option<&Staying<'_>>,
    ) -> Result<Roles, ShardError> {
        cells.values_mut().for_each(Rows::sort);
        let mut file = Filing { context: self, place, split, staying, roles: Roles::new() };
        file.put("general", &mut cells, |rows| &mut rows.kept)?;
        file.put("vertical", &mut cells, |rows| &mut rows.vertical)?;
        file.put("rejected", &mut cells, |rows| &mut rows.rejected)?;
        file.put("tasks", &mut cells, |rows| &mut rows.tasks)?;
        file.put("tools", &mut cells, |rows| &mut rows.tools)?;
        file.put("domains", &mut cells, |rows| &mut rows.domains)?;
        Ok(file.roles)
    }
}

/// The files of one split of a shard in the making.
struct Filing<'a> {
    context: &'a Context<'a>,
    place: u32,
    split: &'a str,
    staying: Option<&'a Staying<'a>>,
    roles: Roles,
}

impl Filing<'_> {
    /// Writes the rows of a configuration, cell by cell, with those that stay, if there are any.
    fn put<T: Table>(
        &mut self,
        config: &str,
        cells: &mut BTreeMap<Option<u32>, Rows>,
        of: fn(&mut Rows) -> &mut Vec<T>,
    ) -> Result<(), ShardError> {
        let mut file = Cells::new(self.context.plan.dataset.json_encoding);
        let earlier = self.staying.map(|it| it.file(config, self.split)).transpose()?.flatten();
        let earlier = self.staying.zip(earlier.as_ref());
        for (cell, rows) in cells {
            let rows = std::mem::take(of(rows));
            let Some((cell, (staying, earlier))) = cell.zip(earlier) else {
                file.write(rows, Laid::default())?;
                continue;
            };
            let groups = earlier.groups(|domain| self.context.cell(domain) == cell);
            if staying.is_whole(cell) {
                file.keep(earlier, &groups)?;
            } else {
                file.write(rows, earlier.rows(groups, |domain| staying.holds(domain))?)?;
            }
        }
        if let Some((bytes, count)) = file.finish()? {
            let object = self.context.store.put_object("parquet", count, &bytes)?;
            self.roles.insert(format!("{config}/{}/{:04}", self.split, self.place), object);
        }
        Ok(())
    }
}

fn role_of(place: u32) -> String {
    format!("ledger/{place:04}")
}

/// A ledger as it is kept.
fn folded(ledger: &Ledger) -> std::io::Result<Vec<u8>> {
    zstd::encode_all(text(ledger).as_slice(), 3)
}

fn text(ledger: &Ledger) -> Vec<u8> {
    serde_json::to_vec(ledger).expect("records have string keys")
}

/// Whether a role is one that [`write_shards`] makes.
fn is_of_shards(role: &str) -> bool {
    let made =
        ["ledger", "payloads", "general", "vertical", "rejected", "tasks", "tools", "domains"];
    role.split('/').next().is_some_and(|kind| made.contains(&kind))
}
