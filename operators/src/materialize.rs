//! Materialise domains: a database schema, its first rows, and tools that are programs over them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use differential_dataflow::VecCollection;
use differential_dataflow::lattice::Lattice;
use serde::{Deserialize, Serialize};
use timely::progress::Timestamp;

use schemas::{
    Digest, Domain, DomainId, Effect, Environment, EnvironmentPlan, EnvironmentRef, Operation,
    Program, Rejection, Reply, Role, Stage, Tool,
};

use crate::depot::{Depot, put_record};
use crate::engine::{World, footprint};
use crate::materialize::infer::{Draft, Schema, infer};
use crate::materialize::lexicon::Act;
use crate::materialize::reading::{Reading, promises_change, read};
use crate::materialize::settle::settle;
use crate::recall::Recall;
use crate::work::Work;

pub use crate::materialize::gate::arguments;
pub(crate) use crate::materialize::populate::cell::sample;

mod words;
pub(crate) mod hints;
mod lexicon;
mod naming;
mod reading;
mod settle;
mod bind;
mod outputs;
mod evidence;
mod infer;
mod compile;
mod populate;
mod gate;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod tests;

/// Changes whenever the same tools would give another environment, so that nothing stale is
/// recalled.
pub const REVISION: &str = "materialize 6";
/// Longest name of an operation.
const NAME_MAX: usize = 64;

/// What became of a domain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Materialized {
    /// The environment; none if no tool passed the gate.
    pub environment: Option<Environment>,
    /// The tools that did not pass the gate, and why.
    pub rejections: Vec<Rejection>,
    /// How many calls the gate made.
    pub calls: usize,
}

/// Digest of everything a domain's environment is a function of.
pub fn key(domain: &Domain, plan: &EnvironmentPlan, seed: u64) -> Digest {
    Digest::of_record(&(REVISION, domain, plan, seed))
}

/// Makes a domain's environment out of its tools, and turns away the tools that do not work in it.
///
/// Deterministic, whatever the order of the tools; time grows with the tools and their arguments.
/// Descriptions are hints for values and nothing else: no text of a tool is ever run.
pub fn materialize(
    domain: &Domain,
    tools: &[Arc<Tool>],
    plan: &EnvironmentPlan,
    seed: u64,
) -> Materialized {
    let by_id: BTreeMap<_, &Tool> = tools.iter().map(|tool| (tool.id, tool.as_ref())).collect();
    let mut readings: Vec<Reading<'_>> = by_id.values().map(|tool| read(tool)).collect();
    let nouns = settle(&mut readings);
    let schema = infer(&readings, &nouns, plan);
    let names = names(&readings);
    let (drafts, programs) = compiled(&readings, &names, &schema, plan);
    let drafts = populate::populate(drafts, domain.id, seed, plan);
    let mut environment = Environment {
        domain: domain.id,
        name: domain.name.clone(),
        tables: drafts.into_iter().map(|draft| draft.table).collect(),
        operations: Vec::new(),
    };
    environment.tables.sort_by(|one, other| one.name.cmp(&other.name));
    let mut rejections = Vec::new();
    let (mut identities, mut promises) = (BTreeMap::new(), BTreeSet::new());
    for ((reading, name), program) in readings.iter().zip(names).zip(programs) {
        identities.insert(name.clone(), reading.tool.identity.clone());
        if promises_change(reading.tool) {
            promises.insert(name.clone());
        }
        match operation(reading, name, program, &environment) {
            Ok(operation) => environment.operations.push(operation),
            Err(reason) => rejections.push(rejection(&reading.tool.identity, reason)),
        }
    }
    environment.operations.sort_by(|one, other| one.name.cmp(&other.name));
    let mut calls = 0;
    match World::new(environment) {
        Ok(world) => {
            let mut kept = BTreeSet::new();
            for operation in &world.environment().operations {
                let promised = promises.contains(&operation.name);
                match gate::pass(&world, operation, promised, (seed, &mut calls)) {
                    Ok(()) => drop(kept.insert(operation.name.clone())),
                    Err(reason) => {
                        rejections.push(rejection(&identities[&operation.name], reason));
                    }
                }
            }
            rejections.sort();
            Materialized { environment: part(world.environment(), &kept), rejections, calls }
        }
        Err(fault) => {
            let turned = operations_of(&identities, &fault.to_string());
            rejections.extend(turned);
            rejections.sort();
            rejections.dedup_by(|one, other| one.subject == other.subject);
            Materialized { environment: None, rejections, calls }
        }
    }
}

/// Every tool turned away for one reason.
fn operations_of(identities: &BTreeMap<String, String>, reason: &str) -> Vec<Rejection> {
    identities.values().map(|identity| rejection(identity, reason.into())).collect()
}

/// The part of an environment that the tools that passed can see; none if none passed.
fn part(environment: &Environment, kept: &BTreeSet<String>) -> Option<Environment> {
    let mut part = environment.part(kept);
    let tables: BTreeSet<String> = part.tables.iter().map(|table| table.name.clone()).collect();
    for column in part.tables.iter_mut().flat_map(|table| &mut table.columns) {
        if matches!(&column.role, Role::Reference(to) if !tables.contains(to)) {
            column.role = Role::Plain;
        }
    }
    (!part.operations.is_empty()).then_some(part)
}

fn rejection(identity: &str, reason: String) -> Rejection {
    Rejection {
        stage: Stage::Gate,
        subject: identity.into(),
        rule: None,
        reason,
        file: String::new(),
        pointer: String::new(),
    }
}

/// Every tool's program, and all tables that the programs may see.
fn compiled(
    readings: &[Reading<'_>],
    names: &[String],
    schema: &Schema,
    plan: &EnvironmentPlan,
) -> (Vec<Draft>, Vec<Program>) {
    let mut drafts: Vec<Draft> = schema.drafts.values().cloned().collect();
    let mut taken: BTreeSet<String> = drafts.iter().map(|draft| draft.table.name.clone()).collect();
    let mut programs = Vec::new();
    for (reading, name) in readings.iter().zip(names) {
        if let Some(program) = compile::compile(reading, schema, plan) {
            programs.push(program);
            continue;
        }
        let (mut draft, mut program) = compile::cases::cases(reading, schema, plan, name, "");
        if draft.as_ref().is_some_and(|draft| taken.contains(&draft.table.name)) {
            // NB: a name is cut, so what tells two apart comes after the cut.
            let apart = format!("_{:04x}", reading.tool.id.0 & 0xffff);
            (draft, program) = compile::cases::cases(reading, schema, plan, name, &apart);
        }
        taken.extend(draft.as_ref().map(|draft| draft.table.name.clone()));
        drafts.extend(draft);
        programs.push(program);
    }
    (drafts, programs)
}

/// The tool as an operation of its environment.
fn operation(
    reading: &Reading<'_>,
    name: String,
    program: Program,
    environment: &Environment,
) -> Result<Operation, String> {
    let tool = reading.tool;
    if let Some(reason) = aimless(reading) {
        return Err(reason);
    }
    let verb = match reading.act {
        Act::Answer if reading.verb.is_empty() => "get".to_string(),
        _ => reading.verb.clone(),
    };
    let noun = match reading.object.as_str() {
        "" => "result".to_string(),
        object => object.replace('_', " "),
    };
    let mut operation = Operation {
        tool: tool.id,
        revision: tool.revision,
        name,
        description: tool.description.clone(),
        input: tool.input.clone(),
        verb,
        noun,
        program,
        effect: Effect::Read,
        reads: BTreeSet::new(),
        writes: BTreeSet::new(),
    };
    let found = footprint(&operation, environment)
        .map_err(|fault| format!("its program does not type-check: {fault}"))?;
    if matches!(&operation.program.reply, Reply::Object(parts) if parts.is_empty()) {
        return Err("its answer would be empty".into());
    }
    operation.effect = if found.writes.is_empty() { Effect::Read } else { Effect::Write };
    (operation.reads, operation.writes) = (found.reads, found.writes);
    Ok(operation)
}

/// Why a write that takes no argument at all cannot be acted on: nothing says what it changes.
fn aimless(reading: &Reading<'_>) -> Option<String> {
    const WRITES: [&str; 8] =
        ["delete", "remove", "update", "set", "modify", "edit", "rename", "assign"];
    let split = words::words(&reading.tool.name);
    let first = split.iter().find(|word| lexicon::act(word).is_some())?;
    (reading.tool.input.is_empty() && WRITES.contains(&first.as_str()))
        .then(|| format!("it is to {first} something and takes no argument that says what"))
}

/// A name for each tool, unique among them: the least id keeps a name that several want.
fn names(readings: &[Reading<'_>]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let wanted: Vec<String> = readings.iter().map(|it| refined(&it.tool.name)).collect();
    let mut names = Vec::new();
    for (reading, plain) in readings.iter().zip(wanted) {
        let tool = reading.tool;
        let owner = if tool.service.is_empty() { &tool.provider } else { &tool.service };
        let prefixed = refined(&format!("{}_{plain}", words::words(owner).join("_")));
        let digits = Digest::of(tool.identity.as_bytes()).short();
        let marked = format!("{}_{}", &plain[..plain.len().min(NAME_MAX - 5)], &digits[..4]);
        let numbered = (0_u32..).map(|n| format!("t{:016x}_{n}", tool.id.0));
        let name = [plain, prefixed, marked]
            .into_iter()
            .chain(numbered)
            .find(|name| !taken.contains(name))
            .expect("there are more numbers than tools");
        taken.insert(name.clone());
        names.push(name);
    }
    names
}

fn refined(name: &str) -> String {
    let plain = |it: char| if it.is_ascii_alphanumeric() || it == '-' { it } else { '_' };
    let refined: String = name.chars().take(NAME_MAX).map(plain).collect();
    if refined.is_empty() { "tool".into() } else { refined }
}

/// Earlier results of materialising domains.
pub type Recalled = (Option<EnvironmentRef>, Vec<Rejection>);

/// What surrounds the materialising of a dataflow's domains.
#[derive(Clone)]
pub struct Workshop {
    /// Limits.
    pub plan: EnvironmentPlan,
    /// The key of every choice.
    pub seed: u64,
    /// Where environments are put.
    pub depot: Arc<dyn Depot>,
    /// Results of earlier builds.
    pub recall: Arc<dyn Recall<Recalled>>,
    /// Where work is counted.
    pub work: Arc<Work>,
}

/// Extension trait for the `materialize` operator.
pub trait Materialize<'scope, T: Timestamp> {
    /// Makes the environment of each domain out of its member tools.
    ///
    /// The payload goes to the depot; what flows is its digest. A member without a tool is left
    /// out; a tool that does not pass the gate is rejected; a domain none of whose tools passes
    /// has no environment. Retracting a domain or a tool retracts what it caused.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use differential_dataflow::input::Input;
    /// use operators::materialize::{Materialize, Workshop};
    /// use operators::{Forgetful, MemoryDepot, Work};
    /// use schemas::{
    ///     Basis, Digest, Domain, DomainId, EnvironmentPlan, Field, Output, Shape, Tool, ToolId, Value,
    /// };
    ///
    /// let field = |name: &str| Field {
    ///     name: name.into(),
    ///     shape: Shape::text(),
    ///     required: true,
    ///     place: String::new(),
    ///     description: String::new(),
    ///     default: Value::Null,
    ///     example: Value::Null,
    /// };
    /// let tool = |name: &str, argument: &str| Tool {
    ///     id: ToolId::of([name]),
    ///     revision: Digest::of(name.as_bytes()),
    ///     identity: name.into(),
    ///     name: name.into(),
    ///     description: String::new(),
    ///     source: String::new(),
    ///     provider: String::new(),
    ///     service: String::new(),
    ///     category: String::new(),
    ///     license: String::new(),
    ///     method: None,
    ///     path: None,
    ///     input: vec![field(argument)],
    ///     output: Output { shape: Shape::Any, basis: Basis::Inferred },
    /// };
    /// let tools = [tool("add_note", "text"), tool("get_note", "note_id")].map(Arc::new);
    /// let mut members = tools.each_ref().map(|tool| (tool.id, tool.revision)).to_vec();
    /// members.sort();
    /// let domain = Domain { id: DomainId::of(["notes"]), name: "notes".into(), tools: members };
    ///
    /// ::timely::example(|scope| {
    ///     let workshop = Workshop {
    ///         plan: EnvironmentPlan::default(),
    ///         seed: 7,
    ///         depot: Arc::new(MemoryDepot::default()),
    ///         recall: Arc::new(Forgetful),
    ///         work: Arc::new(Work::default()),
    ///     };
    ///     let domains = scope.new_collection_from([domain]).1;
    ///     let tools = scope.new_collection_from(tools).1;
    ///     let (environments, unsound) = domains.materialize(tools, workshop);
    ///     environments
    ///         .map(|it| (it.name, it.tables, it.reads, it.writes))
    ///         .assert_eq(scope.new_collection_from([("notes".to_string(), 1, 1, 1)]).1);
    ///     unsound.map(|(_, it)| it.reason).assert_empty();
    /// });
    /// ```
    fn materialize(
        self,
        tools: VecCollection<'scope, T, Arc<Tool>>,
        workshop: Workshop,
    ) -> (VecCollection<'scope, T, EnvironmentRef>, VecCollection<'scope, T, (DomainId, Rejection)>);
}

/// What a domain is made of, as it meets its tools.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
enum Part {
    Domain(Domain),
    Member(Arc<Tool>),
}

impl<'scope, T: Timestamp + Lattice> Materialize<'scope, T> for VecCollection<'scope, T, Domain> {
    fn materialize(
        self,
        tools: VecCollection<'scope, T, Arc<Tool>>,
        workshop: Workshop,
    ) -> (VecCollection<'scope, T, EnvironmentRef>, VecCollection<'scope, T, (DomainId, Rejection)>)
    {
        let outer = self.scope();
        outer.region_named("Materialize", |region| {
            let domains = self.enter_region(region);
            let tools = tools.enter_region(region);
            let members = domains.clone().flat_map(|domain| {
                let id = domain.id;
                domain.tools.into_iter().map(move |member| (member, id))
            });
            let made = members
                .join_map(tools.map(|tool| ((tool.id, tool.revision), tool)), |_, id, tool| {
                    (*id, Part::Member(Arc::clone(tool)))
                })
                .concat(domains.map(|domain| (domain.id, Part::Domain(domain))))
                .reduce(move |_id: &DomainId, parts, made: &mut Vec<(_, isize)>| {
                    let mut domain = None;
                    let mut present = Vec::new();
                    for (part, _) in parts {
                        match part {
                            Part::Domain(it) => domain = Some(it),
                            Part::Member(tool) => present.push(Arc::clone(tool)),
                        }
                    }
                    if let Some(domain) = domain {
                        let (environment, rejections) = workshop.make(domain, &present);
                        made.extend(environment.map(|it| (Ok(it), 1)));
                        made.extend(rejections.into_iter().map(|it| (Err(it), 1)));
                    }
                });
            let environments = made.clone().flat_map(|(_, made)| made.ok());
            let rejections = made.flat_map(|(id, made)| made.err().map(|it| (id, it)));
            (environments.leave_region(outer), rejections.leave_region(outer))
        })
    }
}

impl Workshop {
    /// The result for a domain: remembered, or made and put into the depot.
    fn make(&self, domain: &Domain, tools: &[Arc<Tool>]) -> Recalled {
        let remembered =
            (tools.len() == domain.tools.len()).then(|| key(domain, &self.plan, self.seed));
        if let Some(known) = remembered.and_then(|key| self.recall.recall(&key)) {
            return known;
        }
        let made = materialize(domain, tools, &self.plan, self.seed);
        self.work.domains_materialized.add(1);
        self.work.calls_executed.add(made.calls);
        let environment = made.environment.map(|environment| {
            let count = |effect: Effect| {
                let with = environment.operations.iter().filter(|it| it.effect == effect);
                u32::try_from(with.count()).unwrap_or(u32::MAX)
            };
            EnvironmentRef {
                domain: domain.id,
                name: domain.name.clone(),
                payload: put_record(self.depot.as_ref(), &environment),
                tables: u32::try_from(environment.tables.len()).unwrap_or(u32::MAX),
                reads: count(Effect::Read),
                writes: count(Effect::Write),
            }
        });
        (environment, made.rejections)
    }
}
