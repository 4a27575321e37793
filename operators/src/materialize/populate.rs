//! First rows: typed, realistic, referentially sound, and the same whatever else the domain holds.
//!
//! There is no generator that one cell advances for the next: a cell is a function of the seed, the
//! domain, its table, its row's ordinal and its column's name.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{Column, DomainId, Draw, EnvironmentPlan, Kind, Role, Row, Shape, Table, Value};

use crate::engine::{fit, key};
use crate::materialize::evidence::Hints;
use crate::materialize::infer::Draft;
use crate::materialize::populate::cell::{Cell, value};
use crate::materialize::populate::memo::Memo;
use crate::materialize::words::table_name;

pub(super) mod cell;
mod memo;
mod lists;
mod numbers;
mod people;
mod marks;
mod texts;
mod vocabulary;

/// Attempts at a key that no other row of the table has.
const KEYS_MAX: usize = 16;

/// Fills the tables with first rows.
pub(super) fn populate(
    drafts: Vec<Draft>,
    domain: DomainId,
    seed: u64,
    plan: &EnvironmentPlan,
) -> Vec<Draft> {
    let draw = Draw::new(seed).with("rows").with(domain.0.to_le_bytes());
    let keys: BTreeMap<String, Keys> = drafts
        .iter()
        .map(|draft| {
            let all = row_keys(&draft.table, domain, draw, plan.rows);
            (draft.table.name.clone(), Keys::new(all))
        })
        .collect();
    drafts
        .into_iter()
        .map(|mut draft| {
            draft.table.rows = rows(&draft, draw.with(&draft.table.name), &keys);
            draft
        })
        .collect()
}

/// The keys of a table's first rows, in the order of the rows' ordinals.
fn row_keys(table: &Table, domain: DomainId, draw: Draw, rows: usize) -> Vec<Value> {
    let named = table.key().name.ends_with("_name");
    let mut taken = BTreeSet::new();
    let mut keys = Vec::new();
    for ordinal in 0..rows {
        let found = (0..KEYS_MAX).find_map(|attempt| {
            let draw = draw.with(&table.name).at(ordinal).at(attempt);
            let spelled = if named {
                Value::text(marks::identifier(draw))
            } else {
                let parts = [&domain.to_string(), &table.name, &ordinal.to_string()];
                let attempt = attempt.to_string();
                key(&table.key_style, &[parts[0], parts[1], parts[2], &attempt])
            };
            taken.insert(spelled.clone()).then_some(spelled)
        });
        keys.extend(found);
    }
    keys
}

/// The keys of a table's first rows.
struct Keys {
    all: Vec<Value>,
    /// Those that others may refer to, each with its spelling. Some rows are referred to by none,
    /// so that they can be removed.
    referred: Vec<(Value, String)>,
}

impl Keys {
    fn new(all: Vec<Value>) -> Keys {
        let spelled: Vec<(Value, String)> =
            all.iter().map(|key| (key.clone(), key.to_string())).collect();
        let free = |spelling: &str| Draw::new(0).with("free").with(spelling).happens(300);
        let mut referred = spelled.clone();
        referred.retain(|(_, spelling)| !free(spelling));
        if referred.is_empty() {
            referred = spelled;
        }
        Keys { all, referred }
    }
}

fn rows(draft: &Draft, draw: Draw, keys: &BTreeMap<String, Keys>) -> Vec<Row> {
    let table = &draft.table;
    let memo = &Memo::default();
    let mut rows: Vec<Row> = keys[&table.name]
        .all
        .iter()
        .enumerate()
        .map(|(ordinal, key)| {
            let place = draw.at(ordinal);
            let mut row = vec![key.clone()];
            for (column, hints) in table.columns.iter().zip(&draft.hints).skip(1) {
                let here = place.with(&column.name);
                if let Some(keys) = references(column, hints, here, keys) {
                    row.push(keys);
                    continue;
                }
                row.push(match &column.role {
                    Role::Reference(to) => reference(&table.name, to, key, here, keys),
                    role => cell_of(&Cell {
                        name: &column.name,
                        kind: &column.kind,
                        role,
                        hints,
                        noun: &table.noun,
                        row: place,
                        memo,
                    }),
                });
            }
            row
        })
        .collect();
    rows.sort();
    rows
}

/// The cell's value, fitted to its column; null where the value does not fit.
pub(super) fn cell_of(cell: &Cell<'_>) -> Value {
    fit(cell.kind, &value(cell)).unwrap_or_default()
}

/// The key of a row of the other table, or of another row of the same.
fn reference(
    from: &str,
    to: &str,
    own: &Value,
    draw: Draw,
    keys: &BTreeMap<String, Keys>,
) -> Value {
    let Some(keys) = keys.get(to) else { return Value::Null };
    let others = keys.referred.iter().filter(|(key, _)| from != to || key != own);
    draw.pick(others, |(_, spelling)| spelling).map_or(Value::Null, |(key, _)| key.clone())
}

/// A few keys of the table that a column such as `seat_ids` names, if it holds a list of texts or
/// whole numbers and there is such a table.
fn references(
    column: &Column,
    hints: &Hints,
    draw: Draw,
    keys: &BTreeMap<String, Keys>,
) -> Option<Value> {
    let Some(Shape::List(item)) = &hints.shape else { return None };
    let noun = column.name.strip_suffix("_ids").or_else(|| column.name.strip_suffix("_id"))?;
    let known = keys.get(&table_name(noun))?;
    let few = usize::try_from(draw.with("few").between(1, 3)).unwrap_or(1);
    let chosen = draw.rank(&known.referred, |(_, spelling)| spelling);
    let listed = Value::List(chosen.into_iter().take(few).map(|(key, _)| key.clone()).collect());
    (column.kind == Kind::Json && Shape::List(item.clone()).admits(&listed)).then_some(listed)
}

/// A value for a column that no row has yet, such as one a caller makes up.
pub(super) fn fresh(name: &str, kind: &Kind, hints: &Hints, noun: &str, draw: Draw) -> Value {
    let memo = &Memo::default();
    value(&Cell { name, kind, role: &Role::Plain, hints, noun, row: draw, memo })
}
