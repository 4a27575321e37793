//! Conditions and expressions of programs in words.

use std::collections::BTreeMap;

use schemas::{Arithmetic, Comparison, Condition, Expression, Filter, Operation, Step, Value};

use crate::emit::names::{code, commented, markdown};
use crate::engine::{Piece, pieces};

/// Which table each binding of a program is of, so far.
#[derive(Default)]
pub(super) struct Bound<'p>(BTreeMap<&'p str, &'p String>);

impl<'p> Bound<'p> {
    /// Notes what a step binds.
    pub(super) fn learn(&mut self, step: &'p Step) {
        match step {
            Step::Lookup { row, table, .. }
            | Step::Match { row, table, .. }
            | Step::Insert { row, table, .. } => drop(self.0.insert(row, table)),
            Step::Select { .. }
            | Step::Require { .. }
            | Step::Update { .. }
            | Step::Delete { .. } => {}
        }
    }

    /// The table of a binding.
    pub(super) fn table(&self, row: &str) -> Option<&'p String> {
        self.0.get(row).copied()
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
            Some(table) => format!("the {} in {}", code(column), code(table)),
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
    }
}

/// A condition, as the rest of a sentence that begins with "if" or "unless".
pub(super) fn condition(condition: &Condition, bound: &Bound<'_>) -> String {
    match condition {
        Condition::Compare(left, comparison, right) => {
            format!("{} {} {}", term(left, bound), verb(*comparison), term(right, bound))
        }
        Condition::References(value, table) => {
            format!("{}, where there is one, is a key in {}", term(value, bound), code(table))
        }
        Condition::None(table, all) => {
            format!("there is none of {} {}", code(table), filters(all, bound))
        }
    }
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
                Expression::Literal(_) => "",
                _ => " (if there is one)",
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

/// What an error says; arguments by their names.
pub(super) fn message(text: &str, operation: &Operation) -> String {
    let known = |name: &str| operation.input.iter().any(|field| field.name == name);
    pieces(text, known)
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => spaced(text),
            Piece::Argument(name) => format!("({})", markdown(name)),
        })
        .collect()
}

/// Markdown that keeps the spaces at its ends.
fn spaced(text: &str) -> String {
    let before = if text.starts_with(' ') { " " } else { "" };
    let after = if text.ends_with(' ') && !commented(text).is_empty() { " " } else { "" };
    format!("{before}{}{after}", markdown(text))
}
