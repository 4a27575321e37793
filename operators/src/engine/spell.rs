//! Programs as a person reads them: a line a step, as the language's page shows it.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{
    Arithmetic, Comparison, Condition, Direction, Environment, Expression, Filter, Operation,
    Reply, Span, Step, Value,
};

/// An operation's signature, program and footprint, a line each; without indentation or a line
/// feed at the end of a line.
///
/// Meant to be read, not to be parsed. Names that are not plain words stand in backquotes, texts
/// in quotes, as JSON.
pub fn spell(operation: &Operation, environment: &Environment) -> Vec<String> {
    let mut speller = Speller { environment, tables: BTreeMap::new() };
    let mut lines = vec![signature(operation)];
    for step in &operation.program.steps {
        lines.push(format!("  {}", speller.step(step)));
    }
    lines.push(format!("  return {}", speller.reply(&operation.program.reply)));
    let parts = [("reads", &operation.reads), ("writes", &operation.writes)];
    let parts = parts.into_iter().filter(|(_, columns)| !columns.is_empty());
    let parts = parts.map(|(what, columns)| format!("{what} {}", speller.columns(columns)));
    let footprint: Vec<String> = parts.collect();
    if !footprint.is_empty() {
        lines.push(format!("  {}", footprint.join("; ")));
    }
    lines
}

fn signature(operation: &Operation) -> String {
    let argument = |field: &schemas::Field| match (&field.default, field.required) {
        (Value::Null, true) => name(&field.name),
        (Value::Null, false) => format!("{}?", name(&field.name)),
        (default, _) => format!("{} = {default}", name(&field.name)),
    };
    let arguments: Vec<String> = operation.input.iter().map(argument).collect();
    format!("{}({})", name(&operation.name), arguments.join(", "))
}

struct Speller<'e> {
    environment: &'e Environment,
    /// By binding: its table.
    tables: BTreeMap<&'e str, &'e str>,
}

impl<'e> Speller<'e> {
    fn step(&mut self, step: &'e Step) -> String {
        match step {
            Step::Lookup { row, table, key } => {
                self.tables.insert(row, table);
                format!("{} = {}[{}]", name(row), name(table), value(key))
            }
            Step::Match { row, table, filters, otherwise } => {
                self.tables.insert(row, table);
                let (row, table) = (name(row), name(table));
                format!("{row} = first {table}{}{}", restricted(filters), or_else(otherwise))
            }
            Step::Select { rows, table, filters, order, limit } => {
                self.tables.insert(rows, table);
                let order = order.as_ref().map_or(String::new(), |(column, way)| {
                    let way = if *way == Direction::Ascending { "up" } else { "down" };
                    format!(" by {} {way}", name(column))
                });
                let limit = match limit {
                    Expression::Literal(Value::Null) => String::new(),
                    limit => format!(" at most {}", value(limit)),
                };
                format!("{} = all {}{}{order}{limit}", name(rows), name(table), restricted(filters))
            }
            Step::Require { condition, otherwise } => {
                let condition = match condition {
                    Condition::Compare(left, comparison, right) => {
                        format!("{} {} {}", value(left), sign(*comparison), value(right))
                    }
                    Condition::References(key, table) => format!("{}[{}]", name(table), value(key)),
                    Condition::None(table, filters) => {
                        format!("no {}{}", name(table), restricted(filters))
                    }
                };
                format!("require {condition}{}", or_else(otherwise))
            }
            Step::Insert { row, table, values } => {
                self.tables.insert(row, table);
                format!("{} = insert {} {{ {} }}", name(row), name(table), sets(values))
            }
            Step::Update { row, changes } => {
                format!("update {} {{ {} }}", name(row), sets(changes))
            }
            Step::Delete { row } => format!("delete {}", name(row)),
            Step::Change { table, filters, changes } => {
                format!("update all {}{} {{ {} }}", name(table), restricted(filters), sets(changes))
            }
            Step::Remove { table, filters } => {
                format!("delete all {}{}", name(table), restricted(filters))
            }
        }
    }

    fn reply(&mut self, reply: &'e Reply) -> String {
        match reply {
            Reply::Value(expression) => value(expression),
            Reply::Object(parts) => {
                if let Some(row) = self.whole(parts) {
                    return name(row);
                }
                let parts = parts.iter().map(|(key, part)| match (part, self.reply(part)) {
                    (Reply::Value(Expression::Column(_, column)), spelled) if column == key => {
                        spelled
                    }
                    (_, spelled) => format!("{}: {spelled}", name(key)),
                });
                format!("{{ {} }}", parts.collect::<Vec<_>>().join(", "))
            }
            Reply::List(parts) => {
                let parts: Vec<String> = parts.iter().map(|part| self.reply(part)).collect();
                format!("[{}]", parts.join(", "))
            }
            Reply::Each { rows, row, item } => {
                let table = self.tables.get(rows.as_str()).copied();
                let outer = table.map(|table| self.tables.insert(row, table));
                let item = self.reply(item);
                match outer {
                    Some(Some(outer)) => drop(self.tables.insert(row, outer)),
                    _ => drop(self.tables.remove(row.as_str())),
                }
                format!("[{item} for {} in {}]", name(row), name(rows))
            }
        }
    }

    /// The row whose columns, all of them and under their names, an answer holds.
    fn whole(&self, parts: &'e [(String, Reply)]) -> Option<&'e str> {
        let row = parts.iter().find_map(|(_, part)| match part {
            Reply::Value(Expression::Column(row, _)) => Some(row.as_str()),
            _ => None,
        })?;
        let table = self.environment.table(self.tables.get(row)?)?;
        let same = table.columns.len() == parts.len()
            && table.columns.iter().zip(parts).all(|(column, (key, part))| {
                *key == column.name && *part == Reply::Value(Expression::column(row, key))
            });
        same.then_some(row)
    }

    /// Columns by table: `books.{book_id, title}`, and `loans.*` for all of a table.
    fn columns(&self, footprint: &BTreeSet<(String, String)>) -> String {
        let mut tables: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (table, column) in footprint {
            tables.entry(table).or_default().push(name(column));
        }
        let spelled = tables.into_iter().map(|(table, columns)| {
            let all = self.environment.table(table).map_or(0, |table| table.columns.len());
            match columns.as_slice() {
                columns if columns.len() == all => format!("{}.*", name(table)),
                [column] => format!("{}.{column}", name(table)),
                columns => format!("{}.{{{}}}", name(table), columns.join(", ")),
            }
        });
        spelled.collect::<Vec<_>>().join(", ")
    }
}

/// A name as it is if it is a word, else in backquotes.
fn name(text: &str) -> String {
    let word = text.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_')
        && text.bytes().next().is_some_and(|it| !it.is_ascii_digit());
    if word { text.into() } else { format!("`{}`", text.replace('`', "'")) }
}

fn value(expression: &Expression) -> String {
    match expression {
        Expression::Literal(literal) => literal.to_string(),
        Expression::Argument(argument) => name(argument),
        Expression::Part(argument, pointer) => format!("{}{pointer}", name(argument)),
        Expression::Column(row, column) => format!("{}.{}", name(row), name(column)),
        Expression::Count(rows) => format!("count({})", name(rows)),
        Expression::Now => "now".into(),
        Expression::Otherwise(first, second) => format!("({} or {})", value(first), value(second)),
        Expression::Arithmetic(left, operation, right) => {
            let sign = match operation {
                Arithmetic::Add => '+',
                Arithmetic::Subtract => '-',
                Arithmetic::Multiply => '*',
                Arithmetic::Divide => '/',
            };
            format!("({} {sign} {})", value(left), value(right))
        }
        Expression::Later(from, amount, span) => {
            let span = match span {
                Span::Minutes => "minutes",
                Span::Hours => "hours",
                Span::Days => "days",
            };
            format!("({} plus {} {span})", value(from), value(amount))
        }
    }
}

fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "=",
        Comparison::Different => "!=",
        Comparison::AtLeast => ">=",
        Comparison::AtMost => "<=",
        Comparison::Above => ">",
        Comparison::Below => "<",
        Comparison::Contains => "contains",
        Comparison::OneOf => "in",
    }
}

fn restricted(filters: &[Filter]) -> String {
    let spelled = filters.iter().map(|filter| {
        format!("{} {} {}", name(&filter.column), sign(filter.comparison), value(&filter.value))
    });
    let spelled: Vec<String> = spelled.collect();
    if spelled.is_empty() { String::new() } else { format!(" where {}", spelled.join(" and ")) }
}

fn sets(values: &[(String, Expression)]) -> String {
    let set = |(column, expression): &(String, Expression)| match expression {
        Expression::Argument(argument) if argument == column => name(column),
        expression => format!("{} = {}", name(column), value(expression)),
    };
    values.iter().map(set).collect::<Vec<_>>().join(", ")
}

fn or_else(message: &str) -> String {
    format!(" else {}", Value::text(message))
}

#[cfg(test)]
mod tests {
    use super::spell;
    use crate::engine::example;

    #[test]
    fn programs_read_as_the_page_shows_them() {
        let (library, errands) = (example::library(), example::every_step());
        let spelled = |environment: &schemas::Environment, name: &str| {
            spell(environment.operation(name).unwrap(), environment).join("\n")
        };
        assert_eq!(
            spelled(&library, "borrow_book"),
            r#"borrow_book(book_id, member_id, days = 14)
  book = books[book_id]
  member = members[member_id]
  require book.copies_available > 0 else "no copies of book {book_id} are available"
  update book { copies_available = (book.copies_available + -1) }
  loan = insert loans { book_id, member_id, days, status = "active" }
  return loan
  reads books.{book_id, copies_available}, loans.*, members.member_id; writes books.copies_available, loans.*"#
        );
        assert_eq!(
            spelled(&errands, "finish_errands"),
            r#"finish_errands(errand_ids)
  require errands[errand_ids] else "not every errand of {errand_ids} exists"
  update all errands where errand_id in errand_ids { status = "done", updated_at = now }
  found = all errands where errand_id in errand_ids by due down
  return { first: errand_ids/0, errands: [{ row.errand_id, row.project_id, row.what, row.status, row.due, row.effort } for row in found], count: count(found) }
  reads errands.{due, effort, errand_id, project_id, status, what}; writes errands.{status, updated_at}"#
        );
    }
}
