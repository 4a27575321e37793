//! What the environments of a corpus are made of: operators, tables, columns, references, writes,
//! and what the gate turned away.
//!
//! `cargo bench --bench environments` takes the real corpus and prints tables; names of domains
//! after `--` show those domains whole, `draw:N` as many drawn by id. `cargo test` takes the
//! example, so this cannot rot.

#![expect(clippy::cast_precision_loss, reason = "what is counted here is small")]
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use operators::engine::spell;
use operators::materialize::{Materialized, materialize};
use schemas::{
    Condition, Domain, Draw, Effect, Environment, EnvironmentPlan, Role, Step, Tool, ToolId,
};

#[expect(dead_code, reason = "other benchmarks use the rest")]
mod real;
mod grouping;

fn main() {
    let small = cfg!(debug_assertions);
    let tools = if small { real::tools_of("tests/corpus") } else { real::tools() };
    let Some(tools) = tools else { return };
    let (domains, ..) = grouping::group(&tools);
    let by_id: BTreeMap<ToolId, &Arc<Tool>> = tools.iter().map(|tool| (tool.id, tool)).collect();
    let begun = real::cpu_seconds();
    let mut made: Vec<(Domain, Materialized)> = Vec::new();
    for domain in domains {
        let members: Vec<Arc<Tool>> =
            domain.tools.iter().map(|(id, _)| Arc::clone(by_id[id])).collect();
        let result = materialize(&domain, &members, &EnvironmentPlan::default(), 0);
        made.push((domain, result));
    }
    let seconds = real::cpu_seconds() - begun;
    let wanted: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    shown(&made, &wanted);
    let environments: Vec<&Environment> =
        made.iter().filter_map(|(_, made)| made.environment.as_ref()).collect();
    assert!(!environments.is_empty(), "some domain has an environment");
    println!("{} domains, {seconds:.2} cpu-s", made.len());
    gate(&made);
    shapes(&environments);
    steps(&environments);
}

/// Domains that are named, or drawn, whole.
fn shown(made: &[(Domain, Materialized)], wanted: &[String]) {
    let draws = wanted.iter().filter_map(|it| it.strip_prefix("draw:")?.parse::<usize>().ok());
    let draw = Draw::new(0).with("shown");
    let mut drawn: Vec<&(Domain, Materialized)> = made.iter().collect();
    drawn.sort_by_key(|(domain, _)| (draw.with(domain.id.0.to_le_bytes()).bits(), domain.id));
    drawn.truncate(draws.max().unwrap_or(0));
    drawn.extend(made.iter().filter(|(domain, _)| wanted.contains(&domain.name)));
    for (domain, result) in drawn {
        println!("==== {} ({} tools)", domain.name, domain.tools.len());
        result.environment.iter().for_each(show);
        for rejection in &result.rejections {
            println!("turned away: {}: {}", rejection.subject, rejection.reason);
        }
    }
}

fn show(environment: &Environment) {
    for table in &environment.tables {
        println!("{} ({} rows)", table.name, table.rows.len());
        for (place, column) in table.columns.iter().enumerate() {
            let values = table.rows.iter().take(3).map(|row| row[place].to_string());
            let values: Vec<String> = values.collect();
            let (kind, role) = (&column.kind, &column.role);
            println!("    {}: {kind:?} {role:?}: {}", column.name, values.join(" | "));
        }
    }
    for operation in &environment.operations {
        println!("# {}", operation.description.lines().next().unwrap_or_default());
        spell(operation, environment).iter().for_each(|line| println!("{line}"));
    }
}

/// How many tools passed the gate, and why the others did not.
fn gate(made: &[(Domain, Materialized)]) {
    let all: usize = made.iter().map(|(domain, _)| domain.tools.len()).sum();
    let passed: usize = made
        .iter()
        .filter_map(|(_, made)| made.environment.as_ref())
        .map(|environment| environment.operations.len())
        .sum();
    println!("gate: {passed} of {all} tools pass, {:.2} %", 100.0 * passed as f64 / all as f64);
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for rejection in made.iter().flat_map(|(_, made)| &made.rejections) {
        let reason: String = rejection.reason.chars().take(72).collect();
        *reasons.entry(reason).or_default() += 1;
    }
    ranked(reasons).iter().take(12).for_each(|(reason, count)| println!("    {count:6}  {reason}"));
}

/// The distribution of what environments hold.
fn shapes(environments: &[&Environment]) {
    let count = |of: &dyn Fn(&Environment) -> usize| {
        let mut counts: Vec<usize> = environments.iter().map(|it| of(it)).collect();
        counts.sort_unstable();
        let at = |share: usize| counts[(counts.len() - 1) * share / 100];
        let mean = counts.iter().sum::<usize>() as f64 / counts.len() as f64;
        format!("{mean:8.1} {:6} {:6} {:6} {:6} {:6}", at(0), at(10), at(50), at(90), at(100))
    };
    println!("                      mean    min     10     50     90    max");
    let columns = |environment: &Environment, role: fn(&Role) -> bool| {
        let columns = environment.tables.iter().flat_map(|table| &table.columns);
        columns.filter(|column| role(&column.role)).count()
    };
    let writes = |environment: &Environment| {
        environment.operations.iter().filter(|it| it.effect == Effect::Write).count()
    };
    type Measure<'m> = (&'m str, &'m dyn Fn(&Environment) -> usize);
    let measures: [Measure<'_>; 7] = [
        ("operators", &|it| it.operations.len()),
        ("writes", &writes),
        ("tables", &|it| it.tables.len()),
        ("columns", &|it| columns(it, |_| true)),
        ("references", &|it| columns(it, |role| matches!(role, Role::Reference(_)))),
        ("status columns", &|it| columns(it, |role| *role == Role::Status)),
        ("rows", &|it| it.tables.iter().map(|table| table.rows.len()).sum()),
    ];
    for (what, measure) in measures {
        println!("{what:<16} {}", count(measure));
    }
    let operations: usize = environments.iter().map(|it| it.operations.len()).sum();
    let written: usize = environments.iter().map(|it| writes(it)).sum();
    println!(
        "writes: {:.1} % of {operations} operators",
        100.0 * written as f64 / operations as f64
    );
    let without = environments.iter().filter(|it| writes(it) == 0).count();
    let single = environments.iter().filter(|it| it.tables.len() < 2).count();
    println!("{without} environments without a write, {single} with fewer than two tables");
    let (mut apart, mut tools) = (0, 0);
    for environment in environments {
        let mut users: BTreeMap<&str, usize> = BTreeMap::new();
        environment.operations.iter().flat_map(|it| it.tables()).for_each(|table| {
            *users.entry(table).or_default() += 1;
        });
        tools += environment.operations.len();
        let alone = |it: &&schemas::Operation| it.tables().iter().all(|table| users[table] == 1);
        apart += environment.operations.iter().filter(alone).count();
    }
    println!("{:.1} % of operators share no table", 100.0 * apart as f64 / tools as f64);
}

/// What programs do, by how many operators do it.
fn steps(environments: &[&Environment]) {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for operation in environments.iter().flat_map(|it| &it.operations) {
        let found: BTreeSet<&str> = operation.program.steps.iter().map(kind).collect();
        let what =
            if found.is_empty() { "no step".into() } else { Vec::from_iter(found).join(", ") };
        *kinds.entry(what).or_default() += 1;
    }
    let all: usize = kinds.values().sum();
    for (what, count) in ranked(kinds).into_iter().take(24) {
        println!("    {count:6} {:5.1} %  {what}", 100.0 * count as f64 / all as f64);
    }
}

fn kind(step: &Step) -> &'static str {
    match step {
        Step::Lookup { .. } => "look up",
        Step::Match { .. } => "match",
        Step::Select { .. } => "select",
        Step::Require { condition: Condition::Compare(..), .. } => "require",
        Step::Require { condition: Condition::References(..), .. } => "refer",
        Step::Require { condition: Condition::None(..), .. } => "require none",
        Step::Insert { .. } => "insert",
        Step::Update { .. } => "update",
        Step::Delete { .. } => "delete",
        Step::Change { .. } => "update all",
        Step::Remove { .. } => "delete all",
    }
}

fn ranked(counts: BTreeMap<String, usize>) -> Vec<(String, usize)> {
    let mut ranked: Vec<(String, usize)> = counts.into_iter().collect();
    ranked.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    ranked
}
