//! `tools.py`: a function for every tool, and what its tables are.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{Environment, Field, KeyStyle, Kind, Operation, Role, Shape, Table};

use crate::emit::code::{Writer, literal};
use crate::emit::layout::{Code, WIDTH};
use crate::emit::names::{docstring, identifiers, quoted};

/// The text of `tools.py`; `runtime` is the module that its functions come from.
pub(super) fn tools(environment: &Environment, runtime: &str) -> String {
    let names: Vec<&str> = environment.operations.iter().map(|it| it.name.as_str()).collect();
    let functions = identifiers(&names);
    let mut called = BTreeSet::new();
    let mut bodies = String::new();
    for (operation, function) in environment.operations.iter().zip(&functions) {
        bodies.push_str("\n\n");
        bodies.push_str(&body(operation, function, &environment.tables, &mut called));
    }
    let about = format!(
        "The tools of {}, as functions over its tables. Made by `agentscaler export`; edit the \
         descriptions that it was made from instead.",
        environment.name
    );
    let mut out = docstring(&[about], 0, WIDTH);
    out.push_str("\n\n");
    let imported: Vec<Code> = called.into_iter().map(|it| Code::Atom(it.into())).collect();
    if !imported.is_empty() {
        let import = Code::Group(format!("from {runtime} import ("), imported, ")");
        import.write(0, 0, &mut out);
        out.push_str("\n\n");
    }
    let tables = environment.tables.iter().map(|it| entry(&it.name, table(it))).collect();
    Code::Headed("TABLES = ".into(), Box::new(Code::object(tables))).write(0, 0, &mut out);
    out.push('\n');
    out.push_str(&bodies);
    out.push_str("\n\n");
    let operations = environment.operations.iter().zip(&functions);
    let listed = operations.map(|(it, function)| entry(&it.name, listing(it, function))).collect();
    Code::Headed("TOOLS = ".into(), Box::new(Code::object(listed))).write(0, 0, &mut out);
    out.push('\n');
    out
}

fn entry(name: &str, code: Code) -> Code {
    Code::Headed(format!("{}: ", quoted(name)), Box::new(code))
}

fn texts<'t>(all: impl IntoIterator<Item = &'t str>) -> Code {
    Code::list(all.into_iter().map(|it| Code::Atom(quoted(it))).collect())
}

/// What the runtime knows of a table.
fn table(table: &Table) -> Code {
    let keys = match &table.key_style {
        KeyStyle::Integer => Code::Atom("\"integer\"".into()),
        KeyStyle::Uuid => Code::Atom("\"uuid\"".into()),
        KeyStyle::Prefixed(prefix) => {
            Code::object(vec![entry("prefix", Code::Atom(quoted(prefix)))])
        }
    };
    let columns = table.columns.iter().map(|column| entry(&column.name, kind(&column.kind)));
    let clocked = table
        .columns
        .iter()
        .filter(|column| matches!(column.role, Role::Created | Role::Updated))
        .map(|column| column.name.as_str());
    Code::object(vec![
        entry("noun", Code::Atom(quoted(&table.noun))),
        entry("keys", keys),
        entry("columns", Code::object(columns.collect())),
        entry("clocked", texts(clocked)),
    ])
}

fn kind(kind: &Kind) -> Code {
    let name = match kind {
        Kind::Text => "text",
        Kind::Integer => "integer",
        Kind::Number => "number",
        Kind::Boolean => "boolean",
        Kind::Date => "date",
        Kind::Time => "time",
        Kind::Json => "json",
        Kind::Choice(choices) => return texts(choices.iter().map(String::as_str)),
    };
    Code::Atom(quoted(name))
}

/// What the runtime knows of a tool.
fn listing(operation: &Operation, function: &str) -> Code {
    Code::object(vec![
        entry("run", Code::Atom(function.into())),
        entry("effect", Code::Atom(quoted(operation.effect.name()))),
        entry("tables", texts(operation.tables())),
    ])
}

fn body(
    operation: &Operation,
    function: &str,
    tables: &[Table],
    called: &mut BTreeSet<&'static str>,
) -> String {
    let mut writer = Writer::new(operation, tables);
    let mut parameters = vec![Code::Atom("db".into())];
    parameters.extend(operation.input.iter().map(|field| writer.argument(&field.name)));
    let mut out = String::new();
    Code::Group(format!("def {function}("), parameters, "):").write(0, 1, &mut out);
    out.push_str("\n    ");
    out.push_str(&docstring(&documentation(operation, &writer), 4, WIDTH));
    out.push('\n');
    for step in &operation.program.steps {
        out.push_str("    ");
        writer.step(step).write(4, 4, &mut out);
        out.push('\n');
    }
    let reply = writer.reply(&operation.program.reply);
    out.push_str("    ");
    Code::Headed("return ".into(), Box::new(reply)).write(4, 4, &mut out);
    out.push('\n');
    called.extend(writer.called);
    out
}

/// The paragraphs of a docstring: what the tool does, its arguments, what it looks at and changes.
fn documentation(operation: &Operation, writer: &Writer<'_>) -> Vec<String> {
    let mut paragraphs = vec![match operation.description.trim() {
        "" => format!("{} {}.", operation.verb, operation.noun),
        description => description.into(),
    }];
    for (ordinal, field) in operation.input.iter().enumerate() {
        if ordinal == 0 {
            paragraphs.push(String::new());
        }
        paragraphs.push(parameter(field, writer));
    }
    paragraphs.push(String::new());
    paragraphs.push(match footprint(&operation.reads) {
        reads if reads.is_empty() => "Reads nothing.".into(),
        reads => format!("Reads {reads}."),
    });
    if !operation.writes.is_empty() {
        paragraphs.push(format!("Changes {}.", footprint(&operation.writes)));
    }
    paragraphs
}

fn parameter(field: &Field, writer: &Writer<'_>) -> String {
    let Code::Atom(spelled) = writer.argument(&field.name) else { return String::new() };
    let called = match spelled == field.name {
        true => String::new(),
        false => format!(" (\"{}\")", field.name),
    };
    let description = match field.description.trim() {
        "" => String::new(),
        text => format!(" {}.", text.trim_end_matches('.')),
    };
    let shape = match &field.shape {
        Shape::Any => "anything".into(),
        shape => shape.describe(),
    };
    let need = match (field.required, field.default.is_null()) {
        (true, _) => ", required".into(),
        (false, true) => String::new(),
        (false, false) => {
            let mut default = String::new();
            literal(&field.default).write(0, 0, &mut default);
            format!(", {default} if left out")
        }
    };
    format!("{spelled}{called}:{description} {}{need}.", capital(&shape))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Columns by table: `books (book_id, title), loans (loan_id)`.
fn footprint(columns: &BTreeSet<(String, String)>) -> String {
    let mut by_table: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (table, column) in columns {
        by_table.entry(table).or_default().push(column);
    }
    let listed =
        by_table.iter().map(|(table, of_table)| format!("{table} ({})", of_table.join(", ")));
    listed.collect::<Vec<_>>().join(", ")
}
