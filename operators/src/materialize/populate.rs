//! First rows: typed, realistic, referentially sound, and the same whatever else the domain holds.
//!
//! There is no generator that one cell advances for the next: a cell is a function of the seed, the
//! domain, its table, its row's ordinal and its column's name.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{DomainId, Draw, EnvironmentPlan, Kind, Role, Row, Table, Value};

use crate::engine::{fit, key};
use crate::materialize::evidence::Hints;
use crate::materialize::infer::Draft;
use crate::materialize::populate::cell::{Cell, value};

pub(super) mod cell;
mod lists;
mod texts;

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
    let keys: BTreeMap<String, Vec<Value>> = drafts
        .iter()
        .map(|draft| (draft.table.name.clone(), row_keys(&draft.table, domain, draw, plan.rows)))
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
                Value::text(texts::identifier(draw))
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

fn rows(draft: &Draft, draw: Draw, keys: &BTreeMap<String, Vec<Value>>) -> Vec<Row> {
    let table = &draft.table;
    let mut rows: Vec<Row> = keys[&table.name]
        .iter()
        .enumerate()
        .map(|(ordinal, key)| {
            let place = draw.at(ordinal);
            let mut row = vec![key.clone()];
            for (column, hints) in table.columns.iter().zip(&draft.hints).skip(1) {
                let here = place.with(&column.name);
                row.push(match &column.role {
                    Role::Reference(to) => reference(&table.name, to, key, here, keys),
                    role => cell_of(&Cell {
                        name: &column.name,
                        kind: &column.kind,
                        role,
                        hints,
                        noun: &table.noun,
                        row: place,
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

/// A row of the other table. Some rows are referred to by none, so that they can be removed.
fn reference(
    from: &str,
    to: &str,
    own: &Value,
    draw: Draw,
    keys: &BTreeMap<String, Vec<Value>>,
) -> Value {
    let Some(keys) = keys.get(to) else { return Value::Null };
    let free = |key: &Value| Draw::new(0).with("free").with(key.to_string()).happens(300);
    let mut candidates: Vec<&Value> = keys.iter().filter(|key| !free(key)).collect();
    if candidates.is_empty() {
        candidates = keys.iter().collect();
    }
    if from == to {
        candidates.retain(|key| *key != own);
    }
    draw.pick(candidates.iter(), |key| key.to_string()).map_or(Value::Null, |key| Value::clone(key))
}

/// A value for a column that no row has yet, such as one a caller makes up.
pub(super) fn fresh(name: &str, kind: &Kind, hints: &Hints, noun: &str, draw: Draw) -> Value {
    value(&Cell { name, kind, role: &Role::Plain, hints, noun, row: draw })
}
