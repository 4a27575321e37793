//! `db.json`, `tools.json` and `tasks.json`: what is data, as JSON.

use schemas::{Environment, Operation, Table, Task, Value, object_schema};

/// The first rows, by table, a row a line.
pub(super) fn rows(environment: &Environment) -> String {
    let tables = environment.tables.iter().map(|table| {
        let name = Value::text(&table.name);
        let rows = table.rows.iter().map(|row| format!("    {}", object(table, row)));
        format!("  {name}: [\n{}\n  ]", rows.collect::<Vec<_>>().join(",\n"))
    });
    format!("{{\n{}\n}}\n", tables.collect::<Vec<_>>().join(",\n"))
}

/// A row with the names of its columns, empty ones included.
fn object(table: &Table, row: &[Value]) -> Value {
    let cells = table.columns.iter().zip(row);
    Value::Object(cells.map(|(column, value)| (column.name.clone(), value.clone())).collect())
}

/// The tools as OpenAI spells them, a tool a line.
pub(super) fn tools(environment: &Environment) -> String {
    lines(environment.operations.iter().map(|it| openai(it).to_string()))
}

fn openai(operation: &Operation) -> Value {
    Value::Object(vec![
        ("type".into(), Value::text("function")),
        (
            "function".into(),
            Value::Object(vec![
                ("name".into(), Value::text(&operation.name)),
                ("description".into(), Value::text(&operation.description)),
                ("parameters".into(), object_schema(&operation.input)),
            ]),
        ),
    ])
}

/// The tasks and their split, a task a line.
pub(super) fn tasks(tasks: &[(Task, &str)]) -> String {
    lines(tasks.iter().map(|(task, split)| {
        let mut text = serde_json::to_string(task).expect("a task has text keys only");
        // A task is an object with fields, so that one more can go before its end.
        text.pop();
        format!("{text},\"split\":{}}}", Value::text(*split))
    }))
}

/// A list of JSON, an item a line.
pub(super) fn lines(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() { "[]\n".into() } else { format!("[\n{}\n]\n", items.join(",\n")) }
}
