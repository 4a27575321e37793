//! Small environments to try things on: a library, a help desk, and errands.
//!
//! They are written by hand and part of no build. Doc tests and tests of everything that runs on
//! an environment start from them.

use std::collections::BTreeSet;

use schemas::{
    Column, Comparison, Condition, Digest, DomainId, Effect, Environment, Expression, Field,
    Filter, KeyStyle, Kind, Operation, Program, Reply, Role, Row, Shape, Step, Table, ToolId,
    Value,
};

use crate::engine::footprint;

pub use crate::engine::example::errands::every_step;
pub use crate::engine::example::help_desk::help_desk;
pub use crate::engine::example::library::library;

mod library;
mod help_desk;
mod errands;

fn column(name: &str, kind: Kind, role: Role) -> Column {
    Column { name: name.into(), kind, role, description: String::new() }
}

fn table(name: &str, noun: &str, prefix: &str, columns: Vec<Column>, rows: Vec<Row>) -> Table {
    let key_style = match prefix {
        "" => KeyStyle::Integer,
        prefix => KeyStyle::Prefixed(prefix.into()),
    };
    let mut rows = rows;
    rows.sort();
    Table { name: name.into(), noun: noun.into(), key_style, columns, rows }
}

fn field(name: &str, shape: Shape, required: bool, description: &str) -> Field {
    Field {
        name: name.into(),
        shape,
        required,
        place: String::new(),
        description: description.into(),
        default: Value::Null,
        example: Value::Null,
    }
}

fn operation(
    (name, verb, noun): (&str, &str, &str),
    description: &str,
    input: Vec<Field>,
    steps: Vec<Step>,
    reply: Reply,
) -> Operation {
    Operation {
        tool: ToolId::of(["example", name]),
        revision: Digest::of_parts([name, description]),
        name: name.into(),
        description: description.into(),
        input,
        verb: verb.into(),
        noun: noun.into(),
        program: Program { steps, reply },
        effect: Effect::Read,
        reads: BTreeSet::new(),
        writes: BTreeSet::new(),
    }
}

/// Puts the parts together, with the footprints the programs have.
fn environment(name: &str, tables: Vec<Table>, operations: Vec<Operation>) -> Environment {
    let mut operations = operations;
    operations.sort_by(|one, other| one.name.cmp(&other.name));
    let bare = Environment {
        domain: DomainId::of(["example", name]),
        name: name.into(),
        tables,
        operations: operations.clone(),
    };
    for operation in &mut operations {
        let found = footprint(operation, &bare).expect("the examples are well-typed");
        operation.effect = if found.writes.is_empty() { Effect::Read } else { Effect::Write };
        (operation.reads, operation.writes) = (found.reads, found.writes);
    }
    Environment { operations, ..bare }
}

fn lookup(row: &str, table: &str, argument: &str) -> Step {
    Step::Lookup { row: row.into(), table: table.into(), key: Expression::argument(argument) }
}

fn filter(column: &str, comparison: Comparison, argument: &str) -> Filter {
    Filter { column: column.into(), comparison, value: Expression::argument(argument) }
}

fn select(table: &str, filters: Vec<Filter>, limit: Expression) -> Step {
    Step::Select { rows: "found".into(), table: table.into(), filters, order: None, limit }
}

fn require(left: Expression, comparison: Comparison, right: Expression, otherwise: &str) -> Step {
    let condition = Condition::Compare(left, comparison, right);
    Step::Require { condition, otherwise: otherwise.into() }
}

fn insert(row: &str, table: &str, values: Vec<(&str, Expression)>) -> Step {
    let values = values.into_iter().map(|(column, value)| (column.to_string(), value)).collect();
    Step::Insert { row: row.into(), table: table.into(), values }
}

fn update(row: &str, changes: Vec<(&str, Expression)>) -> Step {
    let changes = changes.into_iter().map(|(column, value)| (column.to_string(), value)).collect();
    Step::Update { row: row.into(), changes }
}

/// An answer with these columns of a bound row.
fn shown(row: &str, columns: &[&str]) -> Reply {
    let part = |column: &&str| {
        (column.to_string(), Reply::Value(Expression::column(row, column.to_string())))
    };
    Reply::Object(columns.iter().map(part).collect())
}

/// An answer `{name: [...]}` with these columns of every row found.
fn listed(name: &str, columns: &[&str]) -> Reply {
    let item = Box::new(shown("row", columns));
    let each = Reply::Each { rows: "found".into(), row: "row".into(), item };
    Reply::Object(vec![
        (name.to_string(), each),
        ("total".to_string(), Reply::Value(Expression::Count("found".into()))),
    ])
}

fn plus(row: &str, column: &str, amount: i64) -> Expression {
    Expression::Arithmetic(
        Box::new(Expression::column(row, column)),
        schemas::Arithmetic::Add,
        Box::new(Expression::Literal(Value::Integer(amount))),
    )
}

#[cfg(test)]
mod tests {
    use super::{every_step, help_desk, library};
    use crate::engine::World;

    #[test]
    fn examples_are_sound() {
        for environment in [library(), help_desk(), every_step()] {
            World::new(environment).unwrap();
        }
    }
}
