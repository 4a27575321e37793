//! Writes to several rows at once: a list of keys says which.

use schemas::{
    Comparison, Condition, Direction, Expression, Filter, Kind, Program, Reply, Role, Step, Value,
};

use crate::materialize::bind::{Binding, Target};
use crate::materialize::compile::answer::listed;
use crate::materialize::compile::write::{cleared, refers};
use crate::materialize::compile::{ROWS, Sources, given};
use crate::materialize::infer::matching;
use crate::materialize::lexicon::Act;

/// The program of a tool that changes or removes the rows of a list of keys; none if it does not
/// take such a list, or names rows by more than that.
pub(super) fn several(sources: &Sources<'_, '_>) -> Option<Program> {
    let identifying = sources.identifying(true);
    let [keys] = identifying.as_slice() else { return None };
    if keys.target != Target::Keys {
        return None;
    }
    let table = &sources.draft.table;
    let filters = vec![Filter {
        column: table.key().name.clone(),
        comparison: Comparison::OneOf,
        value: given(keys),
    }];
    let mut steps = known(sources, keys);
    let rows = Step::Select {
        rows: ROWS.into(),
        table: table.name.clone(),
        filters: filters.clone(),
        order: Some((table.key().name.clone(), Direction::Ascending)),
        limit: Expression::Literal(Value::Null),
    };
    if sources.reading.act == Act::Delete {
        steps.push(rows);
        steps.extend(cleared(sources, &given(keys), Comparison::OneOf, "one of these"));
        steps.push(Step::Remove { table: table.name.clone(), filters });
        let count = Reply::Value(Expression::Count(ROWS.into()));
        return Some(Program { steps, reply: Reply::Object(vec![("deleted".into(), count)]) });
    }
    let mut changes = Vec::new();
    for binding in &sources.bindings {
        let Some((column, _)) = sources.column(binding) else { continue };
        if matches!(binding.target, Target::Was(_)) || std::ptr::eq(*keys, binding) {
            continue;
        }
        steps.extend(refers(sources, binding, column));
        changes.push((column.to_string(), given(binding)));
    }
    if let Act::Become(status) = sources.reading.act {
        let column = sources.draft.with_role(&Role::Status)?;
        let Kind::Choice(choices) = &column.kind else { return None };
        changes.retain(|(name, _)| *name != column.name);
        changes.push((column.name.clone(), Expression::text(matching(choices, status)?)));
    }
    if let Some(updated) = sources.draft.with_role(&Role::Updated) {
        changes.retain(|(name, _)| *name != updated.name);
        changes.push((updated.name.clone(), Expression::Now));
    }
    if changes.is_empty() {
        return None;
    }
    steps.push(Step::Change { table: table.name.clone(), filters, changes });
    steps.push(rows);
    Some(Program { steps, reply: listed(sources) })
}

/// The steps that refuse an empty list and a list with a key of no row.
fn known(sources: &Sources<'_, '_>, keys: &Binding<'_>) -> Vec<Step> {
    let (table, name) = (&sources.draft.table, &keys.argument.name);
    let none = Expression::Literal(Value::text(""));
    let first = Expression::Part(name.clone(), "/0".into());
    let first = Expression::Otherwise(Box::new(first), Box::new(none.clone()));
    vec![
        Step::Require {
            condition: Condition::Compare(first, Comparison::Different, none),
            otherwise: format!("\"{name}\" must hold at least one {}", table.noun),
        },
        Step::Require {
            condition: Condition::References(given(keys), table.name.clone()),
            otherwise: format!("not every {} of {{{name}}} exists", table.noun),
        },
    ]
}
