//! Values of a new row that follow from what is given: when it is due, and what it comes to.

use schemas::{Arithmetic, Column, Expression, Kind, Role, Span, Step};

use crate::materialize::bind::Target;
use crate::materialize::compile::write::amount;
use crate::materialize::compile::{STOCK, Sources, given};

/// Columns that say when something ends.
const ENDS: [&str; 14] = [
    "due",
    "due_date",
    "due_at",
    "due_on",
    "expires",
    "expires_at",
    "expires_on",
    "expiry_date",
    "expiration_date",
    "expiration",
    "end_date",
    "ends_at",
    "return_date",
    "checkout_date",
];

/// Arguments that say when it begins.
const BEGINS: [&str; 8] = [
    "start_date",
    "starts_at",
    "start",
    "start_time",
    "checkin_date",
    "check_in",
    "pickup_date",
    "from_date",
];

/// Arguments that say how long it lasts, and in what.
const LASTS: [(&str, Span); 10] = [
    ("days", Span::Days),
    ("num_days", Span::Days),
    ("number_of_days", Span::Days),
    ("duration_days", Span::Days),
    ("nights", Span::Days),
    ("hours", Span::Hours),
    ("duration_hours", Span::Hours),
    ("minutes", Span::Minutes),
    ("duration_minutes", Span::Minutes),
    ("ttl_days", Span::Days),
];

/// Columns that say what something comes to, and those of what one costs.
const TOTALS: [&str; 6] =
    ["total", "total_price", "total_amount", "total_cost", "amount_due", "price_total"];
const PRICES: [&str; 5] = ["price", "unit_price", "cost", "rate", "price_per_unit"];

/// Adds values for columns that no argument gives.
pub(super) fn derive(
    sources: &Sources<'_, '_>,
    steps: &[Step],
    values: &mut Vec<(String, Expression)>,
) {
    let free = |column: &&Column| {
        column.role == Role::Plain && !values.iter().any(|(name, _)| *name == column.name)
    };
    let columns = &sources.draft.table.columns;
    let ends = columns.iter().filter(free).find(|column| {
        ENDS.contains(&column.name.as_str()) && matches!(column.kind, Kind::Date | Kind::Time)
    });
    let total = columns.iter().filter(free).find(|column| {
        TOTALS.contains(&column.name.as_str())
            && matches!(column.kind, Kind::Integer | Kind::Number)
    });
    let end = ends.and_then(|column| Some((column.name.clone(), end(sources, column)?)));
    let total = total.and_then(|column| Some((column.name.clone(), costs(sources, steps)?)));
    values.extend(end);
    values.extend(total);
}

/// When a row ends that lasts as long as an argument says, from when another says or from now.
fn end(sources: &Sources<'_, '_>, column: &Column) -> Option<Expression> {
    let named = |name: &str| {
        sources.bindings.iter().find(|binding| {
            matches!(&binding.target, Target::Column { name: known, .. } if known == name)
        })
    };
    let (lasts, span) = LASTS.iter().find_map(|(name, span)| Some((given(named(name)?), *span)))?;
    let begins = BEGINS.iter().find_map(|name| {
        let kind = sources.kind(name)?;
        (*kind == column.kind).then(|| named(name).map(given))?
    });
    let begins = match (begins, &column.kind) {
        (Some(begins), _) => begins,
        // A moment is no day.
        (None, Kind::Time) => Expression::Now,
        (None, _) => return None,
    };
    Some(Expression::Later(Box::new(begins), Box::new(lasts), span))
}

/// The price of what is taken, as often as it is taken.
fn costs(sources: &Sources<'_, '_>, steps: &[Step]) -> Option<Expression> {
    let parent = steps.iter().find_map(|step| match step {
        Step::Lookup { row, table, .. } if row == STOCK => sources.schema.table(table),
        _ => None,
    })?;
    let numeric = |column: &&Column| matches!(column.kind, Kind::Integer | Kind::Number);
    let price = PRICES.iter().find_map(|name| parent.column(name).filter(numeric))?;
    let price = Expression::column(STOCK, &price.name);
    let times = given(amount(sources)?);
    Some(Expression::Arithmetic(Box::new(price), Arithmetic::Multiply, Box::new(times)))
}
