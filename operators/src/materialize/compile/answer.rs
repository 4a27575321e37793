//! Answers: the row or rows, in the shape the source declares where it declares one.

use schemas::{Expression, Field, Reply, Role, Shape, Value};

use crate::materialize::compile::{ITEM, ROW, ROWS, Sources};
use crate::materialize::lexicon::Act;
use crate::materialize::outputs::{
    Answered, declared, holds_rows, is_list, is_nested, property, wraps,
};
use crate::materialize::words::words;

/// Deepest nesting of a declared answer that is followed.
const DEPTH_MAX: usize = 6;

/// Where in an answer we are.
#[derive(Clone, Copy)]
enum Scope<'a> {
    /// Outside the rows listed.
    Around,
    /// At the row of this binding.
    At(&'a str),
}

/// The answer with one row.
pub(super) fn one(sources: &Sources<'_, '_>) -> Reply {
    let shaped = declared(sources.reading)
        .and_then(|shape| project(sources, shape, Scope::At(ROW), 0))
        .filter(mapped);
    keyed(sources, ROW, shaped.unwrap_or_else(|| whole(sources, ROW)))
}

/// The answer with the row that was made or changed.
///
/// Where the tool brings a row into a status, that status is part of the answer.
pub(super) fn changed(sources: &Sources<'_, '_>) -> Reply {
    let reply = one(sources);
    let Some(column) = sources.draft.with_role(&Role::Status) else { return reply };
    let status = Reply::Value(Expression::column(ROW, &column.name));
    let told = !matches!(sources.reading.act, Act::Become(_)) || holds(&reply, &status);
    match reply {
        Reply::Object(mut parts) if !told => {
            parts.retain(|(name, _)| *name != column.name);
            parts.push((column.name.clone(), status));
            Reply::Object(parts)
        }
        reply => reply,
    }
}

/// The answer after a row was removed.
pub(super) fn deleted(sources: &Sources<'_, '_>) -> Reply {
    let shaped =
        declared(sources.reading).and_then(|shape| project(sources, shape, Scope::At(ROW), 0));
    let key = &sources.draft.table.key().name;
    let named = Reply::Value(Expression::column(ROW, key));
    let shaped = shaped.filter(|reply| holds(reply, &named));
    shaped.unwrap_or_else(|| {
        Reply::Object(vec![
            ("deleted".into(), Reply::Value(Expression::Literal(Value::Bool(true)))),
            (key.clone(), Reply::Value(Expression::column(ROW, key))),
        ])
    })
}

/// The answer with the rows listed, or how many they are.
pub(super) fn listed(sources: &Sources<'_, '_>) -> Reply {
    let count = || Reply::Value(Expression::Count(ROWS.into()));
    if sources.reading.act == Act::Count {
        return Reply::Object(vec![("count".into(), count())]);
    }
    let shaped = declared(sources.reading)
        .and_then(|shape| project(sources, shape, Scope::Around, 0))
        .filter(mapped);
    shaped.unwrap_or_else(|| {
        Reply::Object(vec![
            (sources.draft.table.name.clone(), each(whole(sources, ITEM))),
            ("count".into(), count()),
        ])
    })
}

fn each(item: Reply) -> Reply {
    Reply::Each { rows: ROWS.into(), row: ITEM.into(), item: Box::new(item) }
}

/// Every column of a row.
fn whole(sources: &Sources<'_, '_>, row: &str) -> Reply {
    let columns =
        sources.draft.table.columns.iter().map(|column| {
            (column.name.clone(), Reply::Value(Expression::column(row, &column.name)))
        });
    Reply::Object(columns.collect())
}

/// The same answer with the row's key in it, so that the next call can name the row.
fn keyed(sources: &Sources<'_, '_>, row: &str, reply: Reply) -> Reply {
    let key = &sources.draft.table.key().name;
    let value = Reply::Value(Expression::column(row, key));
    if holds(&reply, &value) {
        return reply;
    }
    match reply {
        Reply::Object(mut parts) if !parts.iter().any(|(name, _)| name == key) => {
            parts.insert(0, (key.clone(), value));
            Reply::Object(parts)
        }
        other => other,
    }
}

fn holds(reply: &Reply, value: &Reply) -> bool {
    match reply {
        Reply::Object(parts) => parts.iter().any(|(_, part)| holds(part, value)),
        Reply::List(parts) => parts.iter().any(|part| holds(part, value)),
        Reply::Each { item, .. } => holds(item, value),
        Reply::Value(_) => reply == value,
    }
}

/// Whether an answer says anything about a row.
fn mapped(reply: &Reply) -> bool {
    match reply {
        Reply::Object(parts) => parts.iter().any(|(_, part)| mapped(part)),
        Reply::List(parts) => parts.iter().any(mapped),
        Reply::Each { .. } => true,
        Reply::Value(value) => matches!(value, Expression::Column(..)),
    }
}

/// The declared shape filled from the row or rows; none where nothing of it is known.
fn project(
    sources: &Sources<'_, '_>,
    shape: &Shape,
    scope: Scope<'_>,
    depth: usize,
) -> Option<Reply> {
    if DEPTH_MAX < depth {
        return None;
    }
    match (shape, scope) {
        (Shape::Object(fields), _) => {
            let lists = fields.iter().filter(|field| is_list(&field.shape)).count();
            let parts: Vec<(String, Reply)> = fields
                .iter()
                .filter_map(|field| {
                    let part = match scope {
                        Scope::Around => around(sources, field, lists == 1, depth),
                        Scope::At(row) => at(sources, field, row, depth),
                    };
                    part.map(|part| (field.name.clone(), part))
                })
                .collect();
            (!parts.is_empty()).then_some(Reply::Object(parts))
        }
        (Shape::List(item), Scope::Around) => {
            let item = match project(sources, item, Scope::At(ITEM), depth + 1) {
                Some(item) if mapped(&item) => keyed(sources, ITEM, item),
                _ => whole(sources, ITEM),
            };
            Some(each(item))
        }
        (Shape::List(item), Scope::At(_)) => {
            let item = project(sources, item, scope, depth + 1)?;
            Some(Reply::List(vec![item]))
        }
        (Shape::Text { .. }, Scope::At(ITEM)) => {
            let label = sources.draft.label();
            Some(Reply::Value(Expression::column(ITEM, label)))
        }
        _ => None,
    }
}

/// A property outside the rows: the rows, an envelope around them, or their count.
fn around(sources: &Sources<'_, '_>, field: &Field, alone: bool, depth: usize) -> Option<Reply> {
    const COUNTS: [&str; 7] =
        ["count", "total", "total_count", "total_results", "num_results", "results_count", "size"];
    match &field.shape {
        Shape::List(_)
            if (alone && is_list(&field.shape)) || holds_rows(sources.reading, field) =>
        {
            project(sources, &field.shape, Scope::Around, depth + 1)
        }
        Shape::Object(parts) if parts.iter().any(|it| is_list(&it.shape)) || wraps(&field.name) => {
            let inner = project(sources, &field.shape, Scope::Around, depth + 1);
            inner.filter(mapped)
        }
        Shape::Integer { .. } if COUNTS.contains(&words(&field.name).join("_").as_str()) => {
            Some(Reply::Value(Expression::Count(ROWS.into())))
        }
        _ => None,
    }
}

/// A property of a row: a column, or an envelope around columns.
fn at(sources: &Sources<'_, '_>, field: &Field, row: &str, depth: usize) -> Option<Reply> {
    let known = property(sources.reading, field, &sources.schema.nouns);
    let column = match known {
        Some(Answered::Key) => Some(sources.draft.table.key().name.clone()),
        Some(Answered::Column(name, _)) => sources.draft.column(&name).map(|it| it.name.clone()),
        None => None,
    };
    if is_nested(&field.shape) && (holds_rows(sources.reading, field) || column.is_none()) {
        let inner = project(sources, &field.shape, Scope::At(row), depth + 1).filter(mapped);
        if holds_rows(sources.reading, field) && inner.is_some() {
            return inner;
        }
    }
    if let Some(column) = column {
        return Some(Reply::Value(Expression::column(row, column)));
    }
    let succeeds = field.shape == Shape::Boolean
        && sources.reading.act.writes()
        && ["success", "ok", "deleted", "succeeded"].contains(&field.name.to_lowercase().as_str());
    succeeds.then_some(Reply::Value(Expression::Literal(Value::Bool(true))))
}
