//! Where a domain's environment is raised: its tools, read, and the tables inferred from them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemas::{
    Digest, Domain, Effect, Environment, EnvironmentPlan, Operation, Program, Rejection, Reply,
    Role, Stage, Table, Tool,
};

use crate::engine::{World, footprint};
use crate::materialize::infer::{Draft, Schema, infer};
use crate::materialize::lexicon::Act;
use crate::materialize::reading::{Reading, promises_change, read};
use crate::materialize::settle::settle;
use crate::materialize::{Materialized, compile, gate, lexicon, populate, words};

/// Longest name of an operation.
const NAME_MAX: usize = 64;

/// A domain's tools, read, and the tables inferred from them.
pub(super) struct Site<'t> {
    domain: &'t Domain,
    readings: Vec<Reading<'t>>,
    /// The name of each tool's operation.
    pub(super) names: Vec<String>,
    /// The tables inferred.
    pub(super) schema: Schema,
    pub(super) plan: &'t EnvironmentPlan,
    seed: u64,
}

/// What stands on a site: tables with their first rows, and what became of every tool.
pub(super) struct Raised {
    /// All tables, and the operations whose programs type-check.
    pub(super) environment: Environment,
    /// By place of the tool, why it is turned away.
    pub(super) turned: BTreeMap<usize, String>,
    /// How many calls the gate made.
    pub(super) calls: usize,
}

impl<'t> Site<'t> {
    /// Reads a domain's tools; their order does not matter.
    pub(super) fn of(
        domain: &'t Domain,
        tools: &'t [Arc<Tool>],
        plan: &'t EnvironmentPlan,
        seed: u64,
    ) -> Site<'t> {
        let by_id: BTreeMap<_, &Tool> = tools.iter().map(|tool| (tool.id, tool.as_ref())).collect();
        let mut readings: Vec<Reading<'_>> = by_id.values().map(|tool| read(tool)).collect();
        let nouns = settle(&mut readings);
        let schema = infer(&readings, &nouns, plan);
        let names = names(&readings);
        Site { domain, readings, names, schema, plan, seed }
    }

    /// The tools, in the order of their places.
    pub(super) fn tools(&self) -> impl Iterator<Item = &'t Tool> {
        self.readings.iter().map(|reading| reading.tool)
    }

    /// What a rejection about all of the domain has for its subject.
    pub(super) fn subject(&self) -> String {
        self.domain.id.to_string()
    }

    /// Compiles every tool against these tables, fills them, and sends the tools through the gate.
    pub(super) fn raise(&self, schema: &Schema) -> Raised {
        let (drafts, programs) = compiled(&self.readings, &self.names, schema, self.plan);
        let drafts = populate::populate(drafts, self.domain.id, self.seed, self.plan);
        let mut environment = self.with_tables(drafts.into_iter().map(|draft| draft.table));
        let mut turned = BTreeMap::new();
        for (place, program) in programs.into_iter().enumerate() {
            match self.operation(place, program, &environment) {
                Ok(operation) => environment.operations.push(operation),
                Err(reason) => drop(turned.insert(place, reason)),
            }
        }
        let (environment, failed, calls) = self.judged(environment);
        turned.extend(failed);
        Raised { environment, turned, calls }
    }

    /// Every tool's program and why it could not be used whatever the rows are, and the tables
    /// without rows.
    pub(super) fn sketched(&self) -> (Vec<Table>, Vec<Result<Operation, String>>) {
        let (drafts, programs) = compiled(&self.readings, &self.names, &self.schema, self.plan);
        let environment = self.with_tables(drafts.into_iter().map(|draft| draft.table));
        let programs = programs.into_iter().enumerate();
        let operations =
            programs.map(|(place, program)| self.operation(place, program, &environment));
        let operations = operations.collect();
        (environment.tables, operations)
    }

    /// The environment without operations that has these tables.
    pub(super) fn with_tables(&self, tables: impl Iterator<Item = Table>) -> Environment {
        let mut tables: Vec<Table> = tables.collect();
        tables.sort_by(|one, other| one.name.cmp(&other.name));
        let (domain, name) = (self.domain.id, self.domain.name.clone());
        Environment { domain, name, tables, operations: Vec::new() }
    }

    /// Sends every operation of an environment through the gate. Answers the environment, which of
    /// them do not pass and why, by place of the tool, and how many calls were made.
    pub(super) fn judged(
        &self,
        mut environment: Environment,
    ) -> (Environment, BTreeMap<usize, String>, usize) {
        environment.operations.sort_by(|one, other| one.name.cmp(&other.name));
        let named = self.names.iter().enumerate();
        let places: BTreeMap<&str, usize> =
            named.map(|(place, name)| (name.as_str(), place)).collect();
        let there = environment.operations.iter().map(|it| places[it.name.as_str()]);
        let there: Vec<usize> = there.collect();
        let mut calls = 0;
        match World::new(environment) {
            Ok(world) => {
                let mut failed = BTreeMap::new();
                for (operation, place) in world.environment().operations.iter().zip(there) {
                    let promised = promises_change(self.readings[place].tool);
                    if let Err(reason) =
                        gate::pass(&world, operation, promised, (self.seed, &mut calls))
                    {
                        failed.insert(place, reason);
                    }
                }
                (world.into_environment(), failed, calls)
            }
            Err(fault) => {
                let failed = there.into_iter().map(|place| (place, fault.to_string()));
                (self.with_tables(std::iter::empty()), failed.collect(), calls)
            }
        }
    }

    /// What came of the domain.
    pub(super) fn finished(&self, raised: &Raised, refused: Vec<Rejection>) -> Materialized {
        let kept = self.names.iter().enumerate();
        let kept = kept.filter(|(place, _)| !raised.turned.contains_key(place));
        let kept: BTreeSet<String> = kept.map(|(_, name)| name.clone()).collect();
        let turned = raised.turned.iter().map(|(place, reason)| {
            let identity = &self.readings[*place].tool.identity;
            rejection(Stage::Gate, identity, reason.clone())
        });
        let mut rejections: Vec<Rejection> = turned.chain(refused).collect();
        rejections.sort();
        Materialized {
            environment: part(&raised.environment, &kept),
            rejections,
            calls: raised.calls,
        }
    }

    /// The tool at a place as an operation of an environment, if its program type-checks.
    pub(super) fn operation(
        &self,
        place: usize,
        program: Program,
        environment: &Environment,
    ) -> Result<Operation, String> {
        let reading = &self.readings[place];
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
            name: self.names[place].clone(),
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

/// A rejection that names no rule.
pub(super) fn rejection(stage: Stage, subject: &str, reason: String) -> Rejection {
    Rejection {
        stage,
        subject: subject.into(),
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
