//! Tools without an entity: they answer from a table of cases, or by a formula.

use schemas::{
    Column, Comparison, EnvironmentPlan, Expression, Field, Filter, KeyStyle, Kind, Program, Reply,
    Role, Shape, Step, Table, Value,
};

use crate::materialize::bind::{Target, bind};
use crate::materialize::compile::expect::expected;
use crate::materialize::compile::formulas::computed;
use crate::materialize::compile::{ROW, given};
use crate::materialize::evidence::Hints;
use crate::materialize::hints::{Named, hints as values_named};
use crate::materialize::infer::{Draft, Schema, lone};
use crate::materialize::outputs::declared;
use crate::materialize::reading::Reading;
use crate::materialize::words::{column_name, words};

/// Most columns of a table of cases filled from a declared answer.
const ANSWERED_MAX: usize = 16;

/// Parts of an answer that are made of the arguments of the same name, and not those again: a url that
/// is shortened, a text that is translated.
const MADE: [&str; 21] = [
    "url",
    "text",
    "image",
    "audio",
    "video",
    "file",
    "files",
    "file_path",
    "path",
    "value",
    "number",
    "unit",
    "units",
    "currency",
    "summary",
    "greeting",
    "description",
    "temperature",
    "content",
    "message",
    "data",
];

/// A tool's table of cases and the program that answers from it; the table is none where the
/// answer can be computed.
pub(in crate::materialize) fn cases(
    reading: &Reading<'_>,
    schema: &Schema,
    plan: &EnvironmentPlan,
    name: &str,
    apart: &str,
) -> (Option<Draft>, Program) {
    if let Some(program) = computed(reading) {
        return (None, program);
    }
    let mut draft = Draft {
        table: Table {
            name: table(name, apart),
            noun: match reading.object.as_str() {
                "" => "result".into(),
                object => object.replace('_', " "),
            },
            key_style: KeyStyle::Prefixed("case".into()),
            columns: vec![plain("case_id", Kind::Text, Role::Key, "")],
            rows: Vec::new(),
        },
        hints: vec![Hints::default()],
        begins: None,
    };
    let mut filters = Vec::new();
    for binding in bind(reading, &schema.nouns) {
        let field = binding.field();
        let (Target::Column { .. } | Target::Key | Target::Search | Target::Limit) = binding.target
        else {
            continue;
        };
        let column = column_name(&words(&field.name));
        if draft.column(&column).is_some() || plan.columns_max <= draft.table.columns.len() {
            continue;
        }
        let (mut kind, mut hints) = lone(&column, field);
        let alone = reading.tool.input.len() == 1 && kind == Kind::Text;
        if alone && hints.named.values.is_empty() {
            hints.named.values = values_named(&reading.tool.description);
        }
        let mut role = Role::Plain;
        if let Target::Column { reference: Some(noun), .. } = &binding.target
            && let Some(referred) = schema.drafts.get(noun)
        {
            role = Role::Reference(referred.table.name.clone());
            kind = referred.table.key().kind.clone();
        }
        let value = given(&binding);
        filters.push(Filter { column: column.clone(), comparison: Comparison::Equal, value });
        draft.table.columns.push(plain(&column, kind, role, &field.description));
        draft.hints.push(hints);
    }
    let reply = answers(reading, &mut draft);
    let otherwise = "no result for these arguments".to_string();
    let table = draft.table.name.clone();
    let steps = vec![Step::Match { row: ROW.into(), table, filters, otherwise }];
    (Some(draft), Program { steps, reply })
}

/// The name of a tool's table of cases; `apart` tells it from another that begins alike.
fn table(name: &str, apart: &str) -> String {
    let mut stem = column_name(&words(name));
    stem.truncate(50);
    format!("{stem}{apart}_cases")
}

fn plain(name: &str, kind: Kind, role: Role, description: &str) -> Column {
    Column { name: name.into(), kind, role, description: description.into() }
}

/// Adds the columns that hold answers, and says how they make one.
///
/// What is answered under the name of an argument is that argument, so that a title that was asked for
/// is not answered with another.
fn answers(reading: &Reading<'_>, draft: &mut Draft) -> Reply {
    let asked: Vec<(String, Kind)> =
        draft.table.columns[1..].iter().map(|it| (it.name.clone(), it.kind.clone())).collect();
    let mut add = |name: String, field: &Field, values: &[&str]| {
        let mut column = name;
        let again = |it: &(String, Kind)| {
            it.0 == column && it.1 == lone(&column, field).0 && !MADE.contains(&it.0.as_str())
        };
        if values.is_empty() && asked.iter().any(again) {
            return Reply::Value(Expression::column(ROW, column));
        }
        if draft.column(&column).is_some() {
            column = format!("result_{column}");
        }
        if draft.column(&column).is_none() {
            let (kind, mut hints) = lone(&column, field);
            if !values.is_empty() {
                let values = values.iter().map(|value| (*value).to_string()).collect();
                hints.named = Named { values, closed: true };
            }
            draft.table.columns.push(plain(&column, kind, Role::Plain, &field.description));
            draft.hints.push(hints);
        }
        Reply::Value(Expression::column(ROW, column))
    };
    match declared(reading) {
        Some(Shape::Object(fields)) if !fields.is_empty() => {
            let mut parts: Vec<(String, Reply)> = Vec::new();
            for field in fields.iter().take(ANSWERED_MAX) {
                let name = column_name(&words(&field.name));
                if !parts.iter().any(|(known, _)| *known == field.name) {
                    let part = add(name, field, &[]);
                    parts.push((field.name.clone(), part));
                }
            }
            Reply::Object(parts)
        }
        Some(shape @ (Shape::List(_) | Shape::Choice(_) | Shape::Boolean)) => {
            let field = result("result", shape.clone());
            Reply::Object(vec![("result".into(), add("result".into(), &field, &[]))])
        }
        _ => {
            let called =
                |it: &(String, Kind)| it.1 == Kind::Text && (it.0 == "title" || it.0 == "name");
            let called = asked.iter().find(|it| called(it));
            let parts = expected(reading).into_iter().map(|part| {
                // What is looked up by what it is called is called so.
                let named = part.name.ends_with("_name") && part.values.is_empty();
                let name = called.filter(|_| named).map_or(part.name, |it| it.0.clone());
                let field = result(&name, part.shape);
                (name.clone(), add(name, &field, part.values))
            });
            Reply::Object(parts.collect())
        }
    }
}

fn result(name: &str, shape: Shape) -> Field {
    Field {
        name: name.into(),
        shape,
        required: false,
        place: String::new(),
        description: String::new(),
        default: Value::Null,
        example: Value::Null,
    }
}
