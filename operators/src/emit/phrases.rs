//! Conditions and expressions of programs in words.

use std::collections::BTreeMap;

use schemas::{
    Arithmetic, Comparison, Condition, Environment, Expression, Filter, Operation, Span, Step,
    Value,
};

use crate::emit::message::{Piece, pieces};
use crate::emit::names::{code, commented, markdown};

/// Which table each binding of a program is of, so far.
pub(super) struct Bound<'p> {
    environment: &'p Environment,
    tables: BTreeMap<&'p str, &'p String>,
}

impl<'p> Bound<'p> {
    /// Before the first step.
    pub(super) fn new(environment: &'p Environment) -> Bound<'p> {
        Bound { environment, tables: BTreeMap::new() }
    }

    /// The noun for a row of a table.
    pub(super) fn noun(&self, table: &str) -> String {
        self.environment.table(table).map_or_else(|| code(table), |it| markdown(&it.noun))
    }

    /// Notes what a step binds.
    pub(super) fn learn(&mut self, step: &'p Step) {
        match step {
            Step::Lookup { row, table, .. }
            | Step::Match { row, table, .. }
            | Step::Insert { row, table, .. } => drop(self.tables.insert(row, table)),
            Step::Select { .. }
            | Step::Require { .. }
            | Step::Update { .. }
            | Step::Delete { .. }
            | Step::Change { .. }
            | Step::Remove { .. } => {}
        }
    }

    /// The table of a binding.
    pub(super) fn table(&self, row: &str) -> Option<&'p String> {
        self.tables.get(row).copied()
    }
}

/// What an expression is.
pub(super) fn term(expression: &Expression, bound: &Bound<'_>) -> String {
    match expression {
        Expression::Literal(Value::Text(text)) => code(text),
        Expression::Literal(value) => code(&value.to_string()),
        Expression::Argument(name) => format!("the {} given", code(name)),
        Expression::Part(name, pointer) => {
            format!("what the {} given has at {}", code(name), code(pointer))
        }
        Expression::Column(row, column) => match bound.table(row) {
            Some(table) => format!("the {}'s {}", bound.noun(table), code(column)),
            None => format!("its {}", code(column)),
        },
        Expression::Count(_) => "how many were found".into(),
        Expression::Now => "the present time".into(),
        Expression::Otherwise(first, second) => {
            format!("{} (or {}, if there is none)", term(first, bound), term(second, bound))
        }
        Expression::Arithmetic(left, operation, right) => {
            let sign = match operation {
                Arithmetic::Add => "plus",
                Arithmetic::Subtract => "minus",
                Arithmetic::Multiply => "times",
                Arithmetic::Divide => "divided by",
            };
            format!("{} {sign} {}", term(left, bound), term(right, bound))
        }
        Expression::Later(from, amount, span) => {
            let span = match span {
                Span::Minutes => "minutes",
                Span::Hours => "hours",
                Span::Days => "days",
            };
            format!("{}, {} {span} later", term(from, bound), term(amount, bound))
        }
    }
}

/// When a condition does not hold, as the rest of a sentence that begins with "if".
pub(super) fn unless(condition: &Condition, bound: &Bound<'_>) -> String {
    match condition {
        Condition::Compare(left, comparison, right) => {
            format!("{} {} {}", term(left, bound), denied(*comparison), term(right, bound))
        }
        Condition::References(value, table) => {
            format!("{} is the key of no {}", term(value, bound), bound.noun(table))
        }
        Condition::None(table, all) => {
            let noun = bound.noun(table);
            format!("there is {} {noun} {}", article(&noun), filters(all, bound))
        }
    }
}

/// The article before a noun.
pub(super) fn article(noun: &str) -> &'static str {
    if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

/// What rows are looked for.
pub(super) fn filters(filters: &[Filter], bound: &Bound<'_>) -> String {
    if filters.is_empty() {
        return "of any kind".into();
    }
    let each: Vec<String> = filters
        .iter()
        .map(|it| {
            let value = term(&it.value, bound);
            let optional = match &it.value {
                Expression::Argument(_) | Expression::Part(..) => " (if it is given)",
                _ => "",
            };
            format!("{} {} {value}{optional}", code(&it.column), verb(it.comparison))
        })
        .collect();
    format!("whose {}", each.join(" and whose "))
}

fn verb(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "is",
        Comparison::Different => "is not",
        Comparison::AtLeast => "is at least",
        Comparison::AtMost => "is at most",
        Comparison::Above => "is above",
        Comparison::Below => "is below",
        Comparison::Contains => "contains",
        Comparison::OneOf => "is one of",
    }
}

fn denied(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "is not",
        Comparison::Different => "is",
        Comparison::AtLeast => "is below",
        Comparison::AtMost => "is above",
        Comparison::Above => "is at most",
        Comparison::Below => "is at least",
        Comparison::Contains => "does not contain",
        Comparison::OneOf => "is none of",
    }
}

/// What an error says; arguments by their names, columns by their rows.
pub(super) fn message(text: &str, operation: &Operation, bound: &Bound<'_>) -> String {
    let slot = |name: &str| {
        if operation.input.iter().any(|field| field.name == name) {
            return Some(markdown(name));
        }
        let (row, column) = name.split_once('.')?;
        bound.table(row).map(|table| format!("the {}'s {}", bound.noun(table), markdown(column)))
    };
    pieces(text, slot)
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(said) => spaced(said),
            Piece::Slot(told) => format!("({told})"),
        })
        .collect()
}

/// Markdown that keeps the spaces at its ends.
fn spaced(text: &str) -> String {
    let before = if text.starts_with(' ') { " " } else { "" };
    let after = if text.ends_with(' ') && !commented(text).is_empty() { " " } else { "" };
    format!("{before}{}{after}", markdown(text))
}
