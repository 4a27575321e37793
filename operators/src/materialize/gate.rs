//! The gate: what every tool must do before anyone uses it.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{
    Condition, Draw, Effect, Expression, Field, Filter, Operation, Row, Shape, Step, Table, Value,
};

use crate::engine::{Session, World};
use crate::materialize::evidence::Hints;
use crate::materialize::populate::cell::sample;
use crate::materialize::populate::fresh;

/// Most sets of arguments tried on one tool.
const ATTEMPTS_MAX: usize = 32;

/// Tries an operation on a fresh session; counts the calls it makes.
///
/// # Errors
///
/// Returns which check failed, in a sentence without a capital or a stop: nothing makes the call
/// succeed, a write changes nothing, a read changes something, what says that it changes something
/// (`promised`) could not, or bad arguments are accepted.
pub(super) fn pass(
    world: &World,
    operation: &Operation,
    promised: bool,
    (seed, calls): (u64, &mut usize),
) -> Result<(), String> {
    if promised && operation.effect == Effect::Read {
        return Err(
            "it says that it changes something, and nothing that is kept would change".into()
        );
    }
    let mut session = world.session(&BTreeSet::from([operation.name.clone()]));
    let before = session.fingerprint();
    let draw = Draw::new(seed).with("gate").with(operation.tool.0.to_le_bytes());
    let mut found = None;
    let mut last = String::from("no arguments could be made");
    for attempt in 0..ATTEMPTS_MAX {
        let Some(given) = arguments(world, operation, draw.at(attempt), attempt % 2 == 0) else {
            continue;
        };
        let mark = session.mark();
        let observation = session.call(&operation.name, &given);
        *calls += 1;
        let changed = session.fingerprint() != before;
        session.go_back(&mark);
        if observation.failed {
            last = observation.text;
        } else if changed && operation.effect == Effect::Read {
            return Err("a read changed the state".into());
        } else if !changed && operation.effect == Effect::Write {
            last = "a call succeeded and changed nothing".into();
        } else {
            found = Some(given);
            break;
        }
    }
    let Some(given) = found else {
        return Err(format!("no arguments make it do what it should: {}", last.replace('"', "'")));
    };
    refuses(&mut session, operation, &given, calls)
}

/// Bad arguments must give an error and no change.
fn refuses(
    session: &mut Session<'_>,
    operation: &Operation,
    given: &Value,
    calls: &mut usize,
) -> Result<(), String> {
    let before = session.fingerprint();
    for (what, bad) in spoiled(operation, given) {
        let observation = session.call(&operation.name, &bad);
        *calls += 1;
        if !observation.failed {
            return Err(format!("{what} is accepted"));
        }
        if session.fingerprint() != before {
            return Err(format!("{what} gives an error and a change"));
        }
    }
    Ok(())
}

/// Arguments made bad in every way that applies.
fn spoiled(operation: &Operation, given: &Value) -> Vec<(&'static str, Value)> {
    let Value::Object(entries) = given else { return Vec::new() };
    let replaced = |name: &str, value: Option<Value>| {
        let mut entries: Vec<(String, Value)> =
            entries.iter().filter(|(known, _)| known != name).cloned().collect();
        entries.extend(value.map(|value| (name.to_string(), value)));
        Value::Object(entries)
    };
    let mut bad = vec![
        ("an unknown argument", replaced("no such argument", Some(Value::Bool(true)))),
        ("a list of arguments", Value::List(Vec::new())),
    ];
    if let Some(field) = operation.input.iter().find(|field| field.required) {
        bad.push(("a missing argument", replaced(&field.name, None)));
    }
    let odd = |field: &&Field| !matches!(field.shape, Shape::Any);
    if let Some(field) = operation.input.iter().find(odd) {
        let wrong = match field.shape {
            Shape::Text { .. } | Shape::Choice(_) => Value::Object(Vec::new()),
            _ => Value::text("not of this type"),
        };
        bad.push(("an argument of another type", replaced(&field.name, Some(wrong))));
    }
    let key = operation.program.steps.iter().find_map(|step| match step {
        Step::Lookup { key: Expression::Argument(name), .. } => Some(name),
        _ => None,
    });
    if let Some(field) = operation.input.iter().find(|field| Some(&field.name) == key) {
        let absent = match field.shape {
            Shape::Integer { .. } => Value::Integer(7),
            _ => Value::text("no-such-key"),
        };
        bad.push(("a key of no row", replaced(&field.name, Some(absent))));
    }
    bad
}

/// What an argument is used for in a program.
enum Use<'w> {
    /// It is compared with, or names, a column of a row of this table.
    Row(&'w Table, usize),
    /// It is stored in a column of this table.
    Store(&'w Table, usize),
}

/// Arguments under which the operation may succeed: rows from the world where the program looks
/// rows up, new values where it stores them. `full` also fills in what may be left out.
///
/// Answers none where a required argument cannot be made.
pub fn arguments(world: &World, operation: &Operation, draw: Draw, full: bool) -> Option<Value> {
    let uses = uses(world, operation);
    let looked_at: BTreeMap<&str, &Table> = uses
        .iter()
        .filter_map(|(.., wanted)| match wanted {
            Use::Row(table, _) => Some((table.name.as_str(), *table)),
            Use::Store(..) => None,
        })
        .collect();
    let rows: BTreeMap<&str, &Row> = looked_at
        .into_values()
        .filter_map(|table| {
            let draw = draw.with(&table.name);
            Some((table.name.as_str(), draw.pick(&table.rows, |row| row[0].to_string())?))
        })
        .collect();
    let mut entries = Vec::new();
    for field in &operation.input {
        let value = argument(field, &uses, &rows, draw, full);
        match value {
            Some(value) => entries.push((field.name.clone(), value)),
            None if field.required => return None,
            None => {}
        }
    }
    Some(Value::Object(entries))
}

fn argument(
    field: &Field,
    uses: &[(&str, &str, Use<'_>)],
    rows: &BTreeMap<&str, &Row>,
    draw: Draw,
    full: bool,
) -> Option<Value> {
    let mine: Vec<&(&str, &str, Use<'_>)> =
        uses.iter().filter(|(name, ..)| *name == field.name).collect();
    if !field.required && (!full || mine.is_empty()) {
        return None;
    }
    let made = |wanted: &Use<'_>, shape: &Shape| match wanted {
        Use::Row(table, place) => {
            let value = rows.get(table.name.as_str())?.get(*place)?;
            if value.is_null() { None } else { adapt(shape, value) }
        }
        Use::Store(table, place) => {
            let column = &table.columns[*place];
            let hints = Hints::of(field);
            let value = fresh(&column.name, &column.kind, &hints, &table.noun, draw);
            adapt(shape, &value)
        }
    };
    let whole = mine.iter().filter(|(_, pointer, _)| pointer.is_empty());
    let rowed = whole.clone().find(|(.., wanted)| matches!(wanted, Use::Row(..)));
    if let Some((.., wanted)) = rowed.or_else(|| whole.clone().next()) {
        let known = matches!(wanted, Use::Row(..));
        let value = made(wanted, &field.shape);
        if known || value.is_some() {
            return value;
        }
    }
    let mut value = if field.default.is_null() || !mine.is_empty() {
        sample(field, "", draw)
    } else {
        field.default.clone()
    };
    for (_, pointer, wanted) in mine.iter().filter(|(_, pointer, _)| !pointer.is_empty()) {
        let (Use::Row(..), Some(shape)) = (wanted, part(&field.shape, pointer)) else { continue };
        put(&mut value, pointer, made(wanted, shape)?);
    }
    adapt(&field.shape, &value)
}

/// The shape at a pointer of one step.
fn part<'f>(shape: &'f Shape, pointer: &str) -> Option<&'f Shape> {
    let name = pointer.strip_prefix('/')?.replace("~1", "/").replace("~0", "~");
    match shape {
        Shape::Object(fields) => fields.iter().find(|it| it.name == name).map(|it| &it.shape),
        Shape::List(item) => Some(item),
        _ => None,
    }
}

fn put(value: &mut Value, pointer: &str, part: Value) {
    let name = pointer.trim_start_matches('/').replace("~1", "/").replace("~0", "~");
    match value {
        Value::Object(entries) => match entries.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = part,
            None => entries.push((name, part)),
        },
        Value::List(items) if name == "0" => *items = vec![part],
        _ => {}
    }
}

/// The value as a shape admits it.
fn adapt(shape: &Shape, value: &Value) -> Option<Value> {
    if shape.admits(value) {
        return Some(value.clone());
    }
    let adapted = match (shape, value) {
        (Shape::Text { .. }, Value::Integer(_) | Value::Number(_) | Value::Bool(_)) => {
            Value::Text(value.to_string())
        }
        (Shape::Integer { .. }, Value::Text(text)) => Value::Integer(text.parse().ok()?),
        (Shape::Number { .. }, Value::Text(text)) => Value::number(text.parse().ok()?),
        (Shape::Boolean, Value::Text(text)) => Value::Bool(text.parse().ok()?),
        (Shape::List(item), value) if !matches!(value, Value::List(_)) => {
            Value::List(vec![adapt(item, value)?])
        }
        (Shape::Choice(choices), value) => {
            let spelled = value.to_string();
            choices
                .iter()
                .find(|it| it.to_string().trim_matches('"') == spelled.trim_matches('"'))?
                .clone()
        }
        _ => return None,
    };
    shape.admits(&adapted).then_some(adapted)
}

/// Every use of an argument, or of its part, that a program makes of a column.
fn uses<'w>(world: &'w World, operation: &'w Operation) -> Vec<(&'w str, &'w str, Use<'w>)> {
    let environment = world.environment();
    let mut uses = Vec::new();
    let mut bound: BTreeMap<&str, &Table> = BTreeMap::new();
    for step in &operation.program.steps {
        match step {
            Step::Lookup { row, table, key } => {
                let Some(table) = environment.table(table) else { continue };
                bound.insert(row, table);
                note(&mut uses, key, |_| Use::Row(table, 0));
            }
            Step::Match { row, table, filters, .. } => {
                let Some(table) = environment.table(table) else { continue };
                bound.insert(row, table);
                compared(&mut uses, table, filters);
            }
            Step::Select { table, filters, .. } => {
                let Some(table) = environment.table(table) else { continue };
                compared(&mut uses, table, filters);
            }
            Step::Require { condition: Condition::References(value, table), .. } => {
                let Some(table) = environment.table(table) else { continue };
                note(&mut uses, value, |_| Use::Row(table, 0));
            }
            Step::Insert { table, values, .. } => {
                let Some(table) = environment.table(table) else { continue };
                stored(&mut uses, table, values);
            }
            Step::Update { row, changes } => {
                if let Some(table) = bound.get(row.as_str()) {
                    stored(&mut uses, table, changes);
                }
            }
            Step::Change { table, filters, changes } => {
                let Some(table) = environment.table(table) else { continue };
                compared(&mut uses, table, filters);
                stored(&mut uses, table, changes);
            }
            Step::Remove { table, filters } => {
                let Some(table) = environment.table(table) else { continue };
                compared(&mut uses, table, filters);
            }
            Step::Require { .. } | Step::Delete { .. } => {}
        }
    }
    uses
}

fn compared<'w>(
    uses: &mut Vec<(&'w str, &'w str, Use<'w>)>,
    table: &'w Table,
    filters: &'w [Filter],
) {
    for filter in filters {
        let Some(place) = table.place(&filter.column) else { continue };
        note(uses, &filter.value, |_| Use::Row(table, place));
    }
}

fn stored<'w>(
    uses: &mut Vec<(&'w str, &'w str, Use<'w>)>,
    table: &'w Table,
    values: &'w [(String, Expression)],
) {
    for (column, value) in values {
        let Some(place) = table.place(column) else { continue };
        note(uses, value, |_| Use::Store(table, place));
    }
}

fn note<'w>(
    uses: &mut Vec<(&'w str, &'w str, Use<'w>)>,
    value: &'w Expression,
    made: impl Fn(()) -> Use<'w>,
) {
    match value {
        Expression::Argument(name) => uses.push((name, "", made(()))),
        Expression::Part(name, pointer) => uses.push((name, pointer, made(()))),
        Expression::Otherwise(first, _) => note(uses, first, made),
        _ => {}
    }
}
