//! Writes: what they require, what they change, and what follows from that.

use schemas::{
    Arithmetic, Column, Comparison, Condition, Expression, Filter, Kind, Role, Shape, Step, Value,
};

use crate::materialize::bind::{Binding, Target};
use crate::materialize::compile::{ROW, Sources, given};
use crate::materialize::infer::{Draft, matching};
use crate::materialize::lexicon::{Act, gives_back, is_last, on_a_row};
use crate::materialize::naming::is_amount;

/// Nouns whose rows take from a stock of what they refer to.
const TAKERS: [&str; 16] = [
    "loan",
    "rental",
    "reservation",
    "booking",
    "purchase",
    "order",
    "ticket",
    "transfer",
    "withdrawal",
    "payment",
    "order_item",
    "cart_item",
    "sale",
    "enrollment",
    "registration",
    "checkout",
];
/// Most tables a deletion checks for rows that refer to the row.
const REFERRERS_MAX: usize = 8;
/// The binding of a row that is taken from or given back to.
const STOCK: &str = "stock";

/// The steps that make a row.
pub(super) fn create(sources: &Sources<'_, '_>) -> Vec<Step> {
    let table = &sources.draft.table;
    let mut values: Vec<(String, Expression)> = Vec::new();
    let mut steps = Vec::new();
    let stock = stock(sources);
    for binding in &sources.bindings {
        if binding.target == Target::Key {
            values.push((table.key().name.clone(), given(binding)));
        }
        let Some((column, _)) = sources.column(binding) else { continue };
        let taken = stock.as_ref().is_some_and(|(from, ..)| std::ptr::eq(*from, binding));
        if !taken {
            steps.extend(refers(sources, binding, column));
        }
        steps.extend(unique(sources, binding, column));
        values.push((column.to_string(), given(binding)));
    }
    if let Some((binding, parent, column)) = stock {
        steps.extend(take(sources, binding, parent, column));
    }
    for column in &table.columns {
        let value = match column.role {
            Role::Status => begun(sources, column).map(Expression::text),
            Role::Created | Role::Updated => Some(Expression::Now),
            _ => None,
        };
        let Some(value) = value else { continue };
        match values.iter_mut().find(|(name, _)| *name == column.name) {
            Some((_, known)) => {
                *known = Expression::Otherwise(Box::new(known.clone()), Box::new(value));
            }
            None => values.push((column.name.clone(), value)),
        }
    }
    steps.push(Step::Insert { row: ROW.into(), table: table.name.clone(), values });
    steps
}

/// The status of a row that the tool makes: what its verb says, if rows can begin in it.
fn begun(sources: &Sources<'_, '_>, column: &Column) -> Option<String> {
    let said = match (&column.kind, on_a_row(&sources.reading.verb)) {
        (Kind::Choice(choices), Some(Act::Become(status))) if !is_last(status) => {
            matching(choices, status)
        }
        _ => None,
    };
    said.or_else(|| sources.draft.begins.clone())
}

/// The steps that change columns of a row; none if the row cannot be told.
pub(super) fn update(sources: &Sources<'_, '_>) -> Option<Vec<Step>> {
    let (mut steps, mut changes) = found(sources)?;
    let updated = sources.draft.with_role(&Role::Updated);
    if let Some(column) = updated.filter(|it| !changes.iter().any(|(name, _)| *name == it.name)) {
        changes.push((column.name.clone(), Expression::Now));
    }
    if changes.is_empty() {
        return None;
    }
    steps.push(Step::Update { row: ROW.into(), changes });
    Some(steps)
}

/// The steps that bring a row into a status, unless it is in it already.
pub(super) fn transition(sources: &Sources<'_, '_>, status: &str) -> Option<Vec<Step>> {
    let column = sources.draft.with_role(&Role::Status)?;
    let Kind::Choice(choices) = &column.kind else { return None };
    let status = matching(choices, status)?;
    let (mut steps, mut changes) = found(sources)?;
    changes.retain(|(name, _)| *name != column.name);
    changes.push((column.name.clone(), Expression::text(&status)));
    if let Some(updated) = sources.draft.with_role(&Role::Updated) {
        changes.retain(|(name, _)| *name != updated.name);
        changes.push((updated.name.clone(), Expression::Now));
    }
    steps.push(Step::Require {
        condition: Condition::Compare(
            Expression::column(ROW, &column.name),
            Comparison::Different,
            Expression::text(&status),
        ),
        otherwise: format!("the {} is already {}", sources.draft.table.noun, spoken(&status)),
    });
    steps.push(Step::Update { row: ROW.into(), changes });
    steps.extend(give_back(sources));
    Some(steps)
}

/// The steps that remove a row, unless others refer to it.
pub(super) fn delete(sources: &Sources<'_, '_>) -> Option<Vec<Step>> {
    let mut steps: Vec<Step> = sources.only_one().into_iter().collect();
    steps.push(sources.find(&sources.identifying(true))?);
    let table = &sources.draft.table;
    let key = Expression::column(ROW, &table.key().name);
    let referring = sources.schema.drafts.values().flat_map(|draft| {
        let refers = |column: &&Column| column.role == Role::Reference(table.name.clone());
        draft.table.columns.iter().filter(refers).map(move |column| (draft, column))
    });
    for (draft, column) in referring.take(REFERRERS_MAX) {
        if draft.table.name == table.name {
            continue;
        }
        let filter = Filter {
            column: column.name.clone(),
            comparison: Comparison::Equal,
            value: key.clone(),
        };
        steps.push(Step::Require {
            condition: Condition::None(draft.table.name.clone(), vec![filter]),
            otherwise: format!("the {} still has {}", table.noun, spoken(&draft.table.name)),
        });
    }
    steps.extend(give_back(sources));
    steps.push(Step::Delete { row: ROW.into() });
    Some(steps)
}

fn spoken(name: &str) -> String {
    name.replace('_', " ").to_lowercase()
}

/// The steps that find the row, and the changes that the other arguments ask for.
fn found(sources: &Sources<'_, '_>) -> Option<(Vec<Step>, Vec<(String, Expression)>)> {
    let identifying = sources.identifying(true);
    let mut steps: Vec<Step> = sources.only_one().into_iter().collect();
    steps.push(sources.find(&identifying)?);
    let mut changes: Vec<(String, Expression)> = Vec::new();
    for binding in &sources.bindings {
        let identifies = identifying.iter().any(|it| std::ptr::eq(*it, binding))
            || matches!(binding.target, Target::Was(_));
        let Some((column, _)) = sources.column(binding).filter(|_| !identifies) else { continue };
        steps.extend(refers(sources, binding, column));
        changes.push((column.to_string(), given(binding)));
    }
    Some((steps, changes))
}

/// The step that refuses a reference to a row that is not there.
fn refers(sources: &Sources<'_, '_>, binding: &Binding<'_>, column: &str) -> Option<Step> {
    let Role::Reference(table) = &sources.draft.column(column)?.role else { return None };
    let noun = &sources.schema.table(table)?.table.noun;
    Some(Step::Require {
        condition: Condition::References(given(binding), table.clone()),
        otherwise: match binding.part {
            None => format!("{noun} \"{{{}}}\" not found", binding.argument.name),
            Some(_) => format!("no such {noun}"),
        },
    })
}

/// The step that refuses a second row of one email, user name or code.
fn unique(sources: &Sources<'_, '_>, binding: &Binding<'_>, column: &str) -> Option<Step> {
    const UNIQUE: [&str; 7] = ["email", "username", "user_name", "slug", "isbn", "sku", "login"];
    let person = UNIQUE.contains(&column)
        && binding.required()
        && sources.reading.parents.is_empty()
        && !TAKERS.contains(&sources.reading.entity.as_str());
    let shape = matches!(binding.field().shape, Shape::Text { .. });
    (person && shape).then(|| {
        let value = given(binding);
        let filter = Filter { column: column.into(), comparison: Comparison::Equal, value };
        let noun = &sources.draft.table.noun;
        Step::Require {
            condition: Condition::None(sources.draft.table.name.clone(), vec![filter]),
            otherwise: match binding.part {
                None => format!(
                    "a {noun} with {} \"{{{}}}\" already exists",
                    spoken(column),
                    binding.argument.name
                ),
                Some(_) => format!("a {noun} with that {} already exists", spoken(column)),
            },
        }
    })
}

/// The stock that making a row takes from: the argument that names it, its table and column.
fn stock<'a, 't>(sources: &'a Sources<'_, 't>) -> Option<(&'a Binding<'t>, &'a Draft, &'a Column)> {
    if !TAKERS.contains(&sources.reading.entity.as_str()) {
        return None;
    }
    sources.bindings.iter().filter(|it| it.required()).find_map(|binding| {
        let (reference, _) = sources.column(binding)?;
        let Role::Reference(table) = &sources.draft.column(reference)?.role else { return None };
        let parent = sources.schema.table(table)?;
        let column = parent.with_role(&Role::Quantity)?;
        let money = ["balance", "credits"].contains(&column.name.as_str());
        (!money || amount(sources).is_some()).then_some((binding, parent, column))
    })
}

/// The argument that says how much is taken.
fn amount<'a, 't>(sources: &'a Sources<'_, 't>) -> Option<&'a Binding<'t>> {
    sources.bindings.iter().find(|binding| match &binding.target {
        Target::Column { name, .. } => {
            is_amount(name)
                && matches!(binding.field().shape, Shape::Integer { .. } | Shape::Number { .. })
        }
        _ => false,
    })
}

fn take(
    sources: &Sources<'_, '_>,
    binding: &Binding<'_>,
    parent: &Draft,
    column: &Column,
) -> Vec<Step> {
    let one = Expression::Literal(Value::Integer(1));
    let taken = amount(sources);
    let amount = match taken {
        Some(taken) => Expression::Otherwise(Box::new(given(taken)), Box::new(one.clone())),
        None => one,
    };
    let left = Expression::column(STOCK, &column.name);
    let mut steps = vec![Step::Lookup {
        row: STOCK.into(),
        table: parent.table.name.clone(),
        key: given(binding),
    }];
    if let Some(taken) = taken {
        let zero = Expression::Literal(Value::Integer(0));
        steps.push(Step::Require {
            condition: Condition::Compare(amount.clone(), Comparison::Above, zero),
            otherwise: format!("\"{}\" must be above zero", taken.argument.name),
        });
    }
    let noun = &parent.table.noun;
    steps.push(Step::Require {
        condition: Condition::Compare(left.clone(), Comparison::AtLeast, amount.clone()),
        otherwise: format!(
            "the {noun} \"{{{}}}\" has not enough {}",
            binding.argument.name,
            spoken(&column.name)
        ),
    });
    let rest = Expression::Arithmetic(Box::new(left), Arithmetic::Subtract, Box::new(amount));
    steps.push(Step::Update { row: STOCK.into(), changes: vec![(column.name.clone(), rest)] });
    steps
}

/// The steps that give back what the row took, when it is returned, cancelled or deleted.
fn give_back(sources: &Sources<'_, '_>) -> Vec<Step> {
    let takes = TAKERS.contains(&sources.reading.entity.as_str());
    if !takes || !gives_back(&sources.reading.verb) {
        return Vec::new();
    }
    let stock = sources.draft.table.columns.iter().find_map(|column| {
        let Role::Reference(table) = &column.role else { return None };
        let parent = sources.schema.table(table)?;
        Some((column, parent, parent.with_role(&Role::Quantity)?))
    });
    let Some((reference, parent, column)) = stock else { return Vec::new() };
    let one = Expression::Literal(Value::Integer(1));
    let took = sources
        .draft
        .table
        .columns
        .iter()
        .find(|it| is_amount(&it.name) && matches!(it.kind, Kind::Integer | Kind::Number));
    let amount = match took {
        Some(took) => {
            let took = Expression::column(ROW, &took.name);
            Expression::Otherwise(Box::new(took), Box::new(one))
        }
        None => one,
    };
    let left = Expression::column(STOCK, &column.name);
    let sum = Expression::Arithmetic(Box::new(left), Arithmetic::Add, Box::new(amount));
    vec![
        Step::Lookup {
            row: STOCK.into(),
            table: parent.table.name.clone(),
            key: Expression::column(ROW, &reference.name),
        },
        Step::Update { row: STOCK.into(), changes: vec![(column.name.clone(), sum)] },
    ]
}
