//! `schema.sql`: the tables as SQL, for readers and for `SQLite`.

use schemas::{Column, Environment, Kind, Role, Table};

use crate::emit::names::{commented, sql_name, sql_text};

/// The statements that make an environment's tables.
pub(super) fn schema(environment: &Environment) -> String {
    let mut out = format!("-- The tables of {}.\n", commented(&environment.name));
    for table in &environment.tables {
        out.push_str(&statement(table, environment));
    }
    out
}

fn statement(table: &Table, environment: &Environment) -> String {
    let mut lines: Vec<(String, String)> = Vec::new();
    for (place, column) in table.columns.iter().enumerate() {
        let about = match column.kind {
            Kind::Json => format!("as JSON. {}", column.description),
            _ => column.description.clone(),
        };
        lines.push((definition(column, place == 0), about));
    }
    for column in &table.columns {
        let Role::Reference(to) = &column.role else { continue };
        let Some(to) = environment.table(to) else { continue };
        // Rows may come in any order, so references are looked at when all are there.
        let reference = format!(
            "FOREIGN KEY ({}) REFERENCES {} ({}) DEFERRABLE INITIALLY DEFERRED",
            sql_name(&column.name),
            sql_name(&to.name),
            sql_name(&to.key().name)
        );
        lines.push((reference, String::new()));
    }
    let last = lines.len().saturating_sub(1);
    let mut out = format!("\nCREATE TABLE {} (\n", sql_name(&table.name));
    for (place, (line, about)) in lines.iter().enumerate() {
        let comma = if place == last { "" } else { "," };
        let about = match commented(about) {
            about if about.is_empty() => about,
            about => format!(" -- {about}"),
        };
        out.push_str(&format!("    {line}{comma}{about}\n"));
    }
    out.push_str(");\n");
    out
}

fn definition(column: &Column, is_key: bool) -> String {
    let name = sql_name(&column.name);
    let (kind, check) = match &column.kind {
        Kind::Text | Kind::Date | Kind::Time | Kind::Json => ("TEXT", String::new()),
        Kind::Integer => ("INTEGER", String::new()),
        Kind::Number => ("REAL", String::new()),
        Kind::Boolean => ("INTEGER", format!(" CHECK ({name} IN (0, 1))")),
        Kind::Choice(choices) => {
            let listed: Vec<String> = choices.iter().map(|choice| sql_text(choice)).collect();
            ("TEXT", format!(" CHECK ({name} IN ({}))", listed.join(", ")))
        }
    };
    let quantity = match (&column.role, &column.kind) {
        (Role::Quantity, Kind::Integer | Kind::Number) => format!(" CHECK ({name} >= 0)"),
        _ => String::new(),
    };
    let key = if is_key { " NOT NULL PRIMARY KEY" } else { "" };
    format!("{name} {kind}{key}{check}{quantity}")
}
