//! Lists: rows that pass the filters the arguments state.

use schemas::{Comparison, Direction, Expression, Filter, Kind, Role, Shape, Step, Value};

use crate::materialize::bind::{Binding, Target};
use crate::materialize::compile::{ROWS, Sources, given};
use crate::materialize::lexicon::Act;
use crate::materialize::words::words;

/// The step that binds the rows a tool lists or counts.
pub(super) fn select(sources: &Sources<'_, '_>) -> Step {
    let filters = sources.bindings.iter().filter_map(|binding| filter(sources, binding)).collect();
    Step::Select {
        rows: ROWS.into(),
        table: sources.draft.table.name.clone(),
        filters,
        order: order(sources),
        limit: limit(sources),
    }
}

fn filter(sources: &Sources<'_, '_>, binding: &Binding<'_>) -> Option<Filter> {
    let value = given(binding);
    let key = || sources.draft.table.key().name.clone();
    let (column, comparison) = match &binding.target {
        Target::Key => (key(), Comparison::Equal),
        Target::Keys => (key(), Comparison::OneOf),
        Target::Search => (sources.draft.label().into(), Comparison::Contains),
        Target::Column { reference, .. } => {
            let (column, comparison) = sources.column(binding)?;
            let comparison = match (&binding.field().shape, sources.kind(column)?) {
                (Shape::Object(_), _) | (Shape::List(_), Kind::Json) => return None,
                (Shape::List(_), _) => Comparison::OneOf,
                (_, Kind::Json) => Comparison::Contains,
                (Shape::Text { format, .. }, Kind::Text)
                    if comparison == Comparison::Equal
                        && reference.is_none()
                        && format.is_empty()
                        && !whole(column) =>
                {
                    Comparison::Contains
                }
                _ => comparison,
            };
            (column.to_string(), comparison)
        }
        Target::Was(_) | Target::Limit | Target::Control => return None,
    };
    Some(Filter { column, comparison, value })
}

/// Whether the texts of a column are named whole or not at all: nobody asks for a part of an
/// address.
fn whole(column: &str) -> bool {
    let last = column.rsplit('_').next().unwrap_or(column);
    ["url", "uri", "href", "link", "arn", "uuid", "guid", "hash", "token"].contains(&last)
}

fn limit(sources: &Sources<'_, '_>) -> Expression {
    let most = i64::try_from(sources.plan.listed_max).unwrap_or(i64::MAX);
    if sources.reading.act == Act::Count {
        return Expression::Literal(Value::Null);
    }
    let most = Expression::Literal(Value::Integer(most));
    let asked = sources
        .bindings
        .iter()
        .find(|it| it.target == Target::Limit && matches!(it.field().shape, Shape::Integer { .. }));
    match asked {
        Some(asked) => Expression::Otherwise(Box::new(given(asked)), Box::new(most)),
        None => most,
    }
}

/// The order that a tool's name promises, as in `get_latest_news` or `top_rated_movies`.
fn order(sources: &Sources<'_, '_>) -> Option<(String, Direction)> {
    let split = words(&sources.reading.tool.name);
    let says = |words: &[&str]| split.iter().any(|word| words.contains(&word.as_str()));
    let columns = &sources.draft.table.columns;
    let found = if says(&["latest", "recent", "newest"]) {
        let made = sources.draft.with_role(&Role::Created);
        made.or_else(|| columns.iter().find(|it| matches!(it.kind, Kind::Date | Kind::Time)))
    } else if says(&["top", "best", "popular", "trending"]) {
        columns.iter().find(|it| {
            ["rating", "score", "popularity", "rank", "votes", "views"].contains(&it.name.as_str())
                && matches!(it.kind, Kind::Integer | Kind::Number)
        })
    } else {
        None
    };
    found.map(|column| (column.name.clone(), Direction::Descending))
}
