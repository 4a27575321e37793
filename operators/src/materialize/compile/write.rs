//! Writes: what they require, what they change, and what follows from that.

use schemas::{
    Arithmetic, Column, Comparison, Condition, Expression, Filter, Kind, Role, Shape, Step, Value,
};

use crate::materialize::bind::{Binding, Target};
use crate::materialize::compile::derive::derive;
use crate::materialize::compile::{ROW, STOCK, Sources, given};
use crate::materialize::infer::{Draft, matching};
use crate::materialize::lexicon::{Act, gives_back, is_last, on_a_row, status_before};
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

/// The steps that make a row.
pub(super) fn create(sources: &Sources<'_, '_>) -> Vec<Step> {
    let table = &sources.draft.table;
    let mut values: Vec<(String, Expression)> = Vec::new();
    let mut steps = Vec::new();
    let stock = stock(sources);
    for binding in &sources.bindings {
        let key = &table.key().name;
        if binding.target == Target::Key && !values.iter().any(|(known, _)| known == key) {
            values.push((key.clone(), given(binding)));
        }
        let Some((column, _)) = sources.column(binding) else { continue };
        let taken = stock.as_ref().is_some_and(|(from, ..)| std::ptr::eq(*from, binding));
        if !taken {
            steps.extend(refers(sources, binding, column));
        }
        steps.extend(unique(sources, binding, column));
        match values.iter_mut().find(|(known, _)| known == column) {
            // Two arguments that mean one column: what has to be given goes before what may be.
            Some((_, known)) if binding.required() => *known = given(binding),
            Some(_) => {}
            None => values.push((column.to_string(), given(binding))),
        }
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
    derive(sources, &steps, &mut values);
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

/// The steps that bring a row into a status, unless it is in it already or has ended in another.
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
    let noun = &sources.draft.table.noun;
    let current = Expression::column(ROW, &column.name);
    steps.push(Step::Require {
        condition: Condition::Compare(
            current.clone(),
            Comparison::Different,
            Expression::text(&status),
        ),
        otherwise: format!("the {noun} is already {}", spoken(&status)),
    });
    if let Some(open) = still_open(sources, choices, &status) {
        let open = open.into_iter().map(Value::Text).collect();
        steps.push(Step::Require {
            condition: Condition::Compare(
                current,
                Comparison::OneOf,
                Expression::Literal(Value::List(open)),
            ),
            otherwise: format!(
                "the {noun} is {{{ROW}.{}}} and cannot become {}",
                column.name,
                spoken(&status)
            ),
        });
    }
    steps.push(Step::Update { row: ROW.into(), changes });
    steps.extend(give_back(sources));
    Some(steps)
}

/// The statuses from which rows can come into this one, where they cannot from all others: what
/// has ended stays so, but for what the verb undoes or follows on.
fn still_open(sources: &Sources<'_, '_>, choices: &[String], status: &str) -> Option<Vec<String>> {
    /// Verbs that follow on an end or put it away.
    const AFTER: [&str; 12] = [
        "refund",
        "archive",
        "restore",
        "reopen",
        "reinstate",
        "reactivate",
        "retry",
        "rerun",
        "undelete",
        "unarchive",
        "return",
        "review",
    ];
    let verb = sources.reading.verb.as_str();
    if AFTER.contains(&verb) {
        return None;
    }
    let before = status_before(verb, status).and_then(|before| matching(choices, before));
    let ended = |choice: &&String| {
        is_last(choice) && **choice != status && Some(*choice) != before.as_ref()
    };
    let open: Vec<String> = choices.iter().filter(|it| !ended(it)).cloned().collect();
    let others = open.iter().filter(|it| *it != status).count();
    (open.len() < choices.len() && 0 < others).then_some(open)
}

/// The steps that remove a row, unless others refer to it; its details go with it.
pub(super) fn delete(sources: &Sources<'_, '_>) -> Option<Vec<Step>> {
    let mut steps: Vec<Step> = sources.only_one().into_iter().collect();
    steps.push(sources.find(&sources.identifying(true))?);
    let table = &sources.draft.table;
    let key = Expression::column(ROW, &table.key().name);
    steps.extend(cleared(sources, &key, Comparison::Equal, "the"));
    steps.extend(give_back(sources));
    steps.push(Step::Delete { row: ROW.into() });
    Some(steps)
}

/// Nouns of rows that are part of what they refer to and go with it.
const DETAILS: [&str; 26] = [
    "comment",
    "note",
    "attachment",
    "item",
    "line",
    "line_item",
    "tag",
    "label",
    "reply",
    "reaction",
    "photo",
    "revision",
    "reminder",
    "subtask",
    "checklist",
    "alias",
    "translation",
    "variant",
    "bookmark",
    "watcher",
    "follower",
    "mention",
    "annotation",
    "highlight",
    "step",
    "option",
];

/// The steps that refuse to remove rows of these keys while others refer to them, and those that
/// remove what is part of them.
pub(super) fn cleared(
    sources: &Sources<'_, '_>,
    keys: &Expression,
    comparison: Comparison,
    which: &str,
) -> Vec<Step> {
    let table = &sources.draft.table;
    let referring = sources.schema.drafts.iter().flat_map(|(noun, draft)| {
        let refers = |column: &&Column| column.role == Role::Reference(table.name.clone());
        draft.table.columns.iter().filter(refers).map(move |column| (noun, draft, column))
    });
    let (mut refusals, mut removals) = (Vec::new(), Vec::new());
    for (noun, draft, column) in referring.take(REFERRERS_MAX) {
        if draft.table.name == table.name {
            continue;
        }
        let filters = vec![Filter { column: column.name.clone(), comparison, value: keys.clone() }];
        let last = noun.rsplit('_').next().unwrap_or(noun);
        // What others refer to in turn is no mere detail.
        let part = Role::Reference(draft.table.name.clone());
        let held = sources.schema.drafts.values().any(|other| other.with_role(&part).is_some());
        let detail = DETAILS.contains(&noun.as_str()) || DETAILS.contains(&last);
        if detail && !held {
            removals.push(Step::Remove { table: draft.table.name.clone(), filters });
        } else {
            let spelled = spoken(&draft.table.name);
            refusals.push(Step::Require {
                condition: Condition::None(draft.table.name.clone(), filters),
                otherwise: format!("{which} {} still has {spelled}", table.noun),
            });
        }
    }
    refusals.into_iter().chain(removals).collect()
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
pub(super) fn refers(
    sources: &Sources<'_, '_>,
    binding: &Binding<'_>,
    column: &str,
) -> Option<Step> {
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
pub(super) fn amount<'a, 't>(sources: &'a Sources<'_, 't>) -> Option<&'a Binding<'t>> {
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
