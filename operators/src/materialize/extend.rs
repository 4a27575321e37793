//! Inferred tables, extended by what a model proposes: nothing that was inferred goes away.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{
    Column, EnvironmentPlan, KeyStyle, Kind, Proposal, ProposedColumn, ProposedTable, Role, Table,
    Value,
};

use crate::materialize::evidence::Hints;
use crate::materialize::infer::{Draft, Schema};
use crate::propose::{is_name, not_a_name, shown};

/// Most choices of a proposed column.
const CHOICES_MAX: usize = 64;
/// Most texts that a column is said to hold.
const VALUES_MAX: usize = 256;
/// Longest word of a key's prefix, in bytes.
const PREFIX_MAX: usize = 16;

/// The tables with what a proposal adds to them, and why some of it was refused: each a sentence
/// without a capital or a stop.
///
/// A table may be new, a column may be new, and of a column that is there more may be known: a
/// text may be a choice, a day, a moment or a key of another table, a number may be whole, a plain
/// column may have a role.
pub(super) fn extended(
    schema: &Schema,
    proposal: &Proposal,
    plan: &EnvironmentPlan,
) -> (Schema, Vec<String>) {
    let mut extended = schema.clone();
    let mut faults = Vec::new();
    let mut columns: Vec<ProposedColumn> = Vec::new();
    for proposed in &proposal.tables {
        match added(&mut extended, proposed) {
            Ok(()) => {
                let of_table = |it: &ProposedColumn| ProposedColumn {
                    table: proposed.name.clone(),
                    ..it.clone()
                };
                columns.extend(proposed.columns.iter().map(of_table));
            }
            Err(reason) => faults.push(format!("table \"{}\" {reason}", shown(&proposed.name))),
        }
    }
    columns.extend(proposal.columns.iter().cloned());
    let keys: BTreeMap<String, Kind> = extended
        .drafts
        .values()
        .map(|it| (it.table.name.clone(), it.table.key().kind.clone()))
        .collect();
    for proposed in &columns {
        let draft = extended.drafts.values_mut().find(|it| it.table.name == proposed.table);
        let done = match draft {
            Some(draft) => told(draft, proposed, &keys, plan),
            None => Err("is in no table that several tools share".into()),
        };
        if let Err(reason) = done {
            let (table, name) = (shown(&proposed.table), shown(&proposed.name));
            faults.push(format!("column \"{table}.{name}\" {reason}"));
        }
    }
    (extended, faults)
}

/// Adds a table with nothing but its key.
fn added(schema: &mut Schema, proposed: &ProposedTable) -> Result<(), String> {
    let ProposedTable { name, noun, key, key_style, .. } = proposed;
    if let Some(other) = [name, key].into_iter().find(|it| !is_name(it)) {
        return Err(not_a_name(other));
    }
    let snake = noun.replace(' ', "_");
    if !is_name(&snake) {
        return Err(not_a_name(noun));
    }
    if schema.table(name).is_some() || schema.drafts.contains_key(&snake) {
        return Err("is there already, or one of its noun".into());
    }
    let kind = match key_style {
        KeyStyle::Integer => Kind::Integer,
        KeyStyle::Uuid => Kind::Text,
        KeyStyle::Prefixed(prefix) if is_name(prefix) && prefix.len() <= PREFIX_MAX => Kind::Text,
        KeyStyle::Prefixed(prefix) => return Err(not_a_name(prefix)),
    };
    // Keys that are names are spelled as names.
    if kind == Kind::Integer && key.ends_with("_name") {
        return Err("has names for keys, and whole numbers".into());
    }
    let key = Column { name: key.clone(), kind, role: Role::Key, description: String::new() };
    let table = Table {
        name: name.clone(),
        noun: noun.clone(),
        key_style: key_style.clone(),
        columns: vec![key],
        rows: Vec::new(),
    };
    schema.drafts.insert(snake, Draft { table, hints: vec![Hints::default()], begins: None });
    Ok(())
}

/// Adds a column to a table, or what more is known of one that it has.
fn told(
    draft: &mut Draft,
    proposed: &ProposedColumn,
    keys: &BTreeMap<String, Kind>,
    plan: &EnvironmentPlan,
) -> Result<(), String> {
    let known = draft.table.place(&proposed.name);
    let (before, hints) = match known {
        Some(0) => return Err("is the key, of which nothing more can be said".into()),
        Some(place) => (draft.table.columns[place].clone(), draft.hints[place].clone()),
        None if !is_name(&proposed.name) => return Err(not_a_name(&proposed.name)),
        None if plan.columns_max <= draft.table.columns.len() => {
            return Err(format!("is one more than the {} a table may have", plan.columns_max));
        }
        None => {
            let kind = proposed.kind.clone().unwrap_or(Kind::Text);
            let (name, description) = (proposed.name.clone(), proposed.description.clone());
            (Column { name, kind, role: Role::Plain, description }, Hints::default())
        }
    };
    let mut column = before.clone();
    if let Some(kind) = &proposed.kind {
        column.kind = sharper(&before.kind, kind)?;
    }
    if let Some(role) = &proposed.role
        && *role != before.role
    {
        if before.role != Role::Plain {
            return Err("has a role already".into());
        }
        (column.role, column.kind) = roled(draft, role, &column.kind, keys)?;
    }
    let hints = hinted(&column, hints, proposed)?;
    if column.role == Role::Status && before.role != Role::Status {
        let Kind::Choice(choices) = &column.kind else { return Err("is no choice".into()) };
        draft.begins = choices.first().cloned();
    }
    match known {
        Some(place) => (draft.table.columns[place], draft.hints[place]) = (column, hints),
        None => {
            draft.table.columns.push(column);
            draft.hints.push(hints);
        }
    }
    Ok(())
}

/// The kind, if it is the one before or says more.
fn sharper(before: &Kind, kind: &Kind) -> Result<Kind, String> {
    if let Kind::Choice(choices) = kind {
        let distinct: BTreeSet<&String> = choices.iter().collect();
        let fits = (2..=CHOICES_MAX).contains(&choices.len()) && distinct.len() == choices.len();
        if !fits || choices.iter().any(String::is_empty) {
            return Err(format!("is no choice of 2 to {CHOICES_MAX} different texts"));
        }
    }
    let says_more = matches!(
        (before, kind),
        (Kind::Text, Kind::Choice(_) | Kind::Date | Kind::Time) | (Kind::Number, Kind::Integer)
    );
    if before == kind || says_more {
        Ok(kind.clone())
    } else {
        Err("holds something else already".into())
    }
}

/// The role and the kind of a column that is given a role.
fn roled(
    draft: &Draft,
    role: &Role,
    kind: &Kind,
    keys: &BTreeMap<String, Kind>,
) -> Result<(Role, Kind), String> {
    let fits = match role {
        Role::Plain => true,
        Role::Key => return Err("cannot be a second key".into()),
        Role::Reference(to) => {
            let Some(key) = keys.get(to) else {
                return Err(format!("refers to \"{}\", which is no table", shown(to)));
            };
            if key != kind && *kind != Kind::Text {
                return Err("cannot hold keys of that table".into());
            }
            return Ok((role.clone(), key.clone()));
        }
        Role::Status => matches!(kind, Kind::Choice(_)),
        Role::Quantity => matches!(kind, Kind::Integer | Kind::Number),
        Role::Created | Role::Updated => *kind == Kind::Time,
    };
    let is_one = matches!(role, Role::Status | Role::Created | Role::Updated);
    if is_one && draft.with_role(role).is_some() {
        return Err("has a role that another column has".into());
    }
    if fits { Ok((role.clone(), kind.clone())) } else { Err("does not fit its role".into()) }
}

/// What is known of a column's values, with what is proposed of them.
fn hinted(column: &Column, mut hints: Hints, proposed: &ProposedColumn) -> Result<Hints, String> {
    let (values, least, most) = (&proposed.values, proposed.minimum, proposed.maximum);
    if !values.is_empty() {
        let fits = column.kind == Kind::Text && column.role == Role::Plain;
        if !fits || VALUES_MAX < values.len() || values.iter().any(String::is_empty) {
            return Err(format!("is no plain text that holds up to {VALUES_MAX} texts"));
        }
        hints.choices = values.iter().map(Value::text).collect();
    }
    if least.is_some() || most.is_some() {
        let numeric = matches!(column.kind, Kind::Integer | Kind::Number);
        if !numeric || least.zip(most).is_some_and(|(least, most)| most < least) {
            return Err("has bounds that no number is within".into());
        }
        hints.minimum = least.map_or(hints.minimum, Value::Integer);
        hints.maximum = most.map_or(hints.maximum, Value::Integer);
    }
    Ok(hints)
}
