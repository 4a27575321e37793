//! Programs as statements of Python.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{
    Arithmetic, Comparison, Condition, Direction, Expression, Filter, Operation, Reply, Span, Step,
    Table, Value,
};

use crate::emit::layout::Code;
use crate::emit::message::{Piece, pieces};
use crate::emit::names::{identifier, identifiers, quoted};

/// A program on its way to Python: what its arguments and bindings are called there.
pub(super) struct Writer<'o> {
    tables: &'o [Table],
    /// Arguments by the name agents use.
    arguments: BTreeMap<&'o str, String>,
    /// Bindings to a row, with its table, and bindings to several.
    rows: BTreeMap<&'o str, (String, &'o str)>,
    lists: BTreeMap<&'o str, (String, &'o str)>,
    /// Every name in use.
    taken: BTreeSet<String>,
    /// The functions of the runtime that were called.
    pub(super) called: BTreeSet<&'static str>,
}

impl<'o> Writer<'o> {
    pub(super) fn new(operation: &'o Operation, tables: &'o [Table]) -> Writer<'o> {
        let names: Vec<&str> = operation.input.iter().map(|field| field.name.as_str()).collect();
        let spelled = identifiers(&names);
        Writer {
            tables,
            taken: spelled.iter().cloned().collect(),
            arguments: names.into_iter().zip(spelled).collect(),
            rows: BTreeMap::new(),
            lists: BTreeMap::new(),
            called: BTreeSet::new(),
        }
    }

    /// What an argument is called.
    pub(super) fn argument(&self, name: &str) -> Code {
        // NB: a checked program names arguments that exist; a null is what the engine would take.
        Code::Atom(self.arguments.get(name).map_or_else(|| "None".into(), String::clone))
    }

    fn call(&mut self, function: &'static str, arguments: Vec<Code>) -> Code {
        self.called.insert(function);
        Code::call(function, arguments)
    }

    /// A new name for a binding, apart from the names of arguments and of other bindings.
    fn bind(&mut self, name: &str) -> String {
        let plain = identifier(name);
        let mut spelled = plain.clone();
        let mut ordinal = 1;
        while !self.taken.insert(spelled.clone()) {
            ordinal += 1;
            spelled = format!("{plain}_{ordinal}");
        }
        spelled
    }

    fn bind_row(&mut self, name: &'o str, table: &'o str) -> String {
        let known = self.rows.get(name).map(|(known, _)| known.clone());
        let spelled = known.unwrap_or_else(|| self.bind(name));
        self.rows.insert(name, (spelled.clone(), table));
        spelled
    }

    fn bind_rows(&mut self, name: &'o str, table: &'o str) -> String {
        let known = self.lists.get(name).map(|(known, _)| known.clone());
        let spelled = known.unwrap_or_else(|| self.bind(name));
        self.lists.insert(name, (spelled.clone(), table));
        spelled
    }

    /// A step as a statement.
    pub(super) fn step(&mut self, step: &'o Step) -> Code {
        match step {
            Step::Lookup { row, table, key } => {
                let arguments = vec![database(), text(table), self.expression(key)];
                let found = self.call("lookup", arguments);
                assigned(&self.bind_row(row, table), found)
            }
            Step::Match { row, table, filters, otherwise } => {
                let filters = self.filters(filters);
                let message = self.message(otherwise);
                let found = self.call("first", vec![database(), text(table), filters, message]);
                assigned(&self.bind_row(row, table), found)
            }
            Step::Select { rows, table, filters, order, limit } => {
                let filters = Code::Headed("where=".into(), Box::new(self.filters(filters)));
                let limit = Code::Headed("limit=".into(), Box::new(self.expression(limit)));
                let mut arguments = vec![database(), text(table), filters, limit];
                arguments.extend(order.as_ref().map(|(column, direction)| {
                    let pair = format!("order=({}, \"{}\")", quoted(column), way(*direction));
                    Code::Atom(pair)
                }));
                let found = self.call("select", arguments);
                assigned(&self.bind_rows(rows, table), found)
            }
            Step::Require { condition, otherwise } => {
                let arguments = vec![self.condition(condition), self.message(otherwise)];
                self.call("require", arguments)
            }
            Step::Insert { row, table, values } => {
                let arguments = vec![database(), text(table), self.columns(values)];
                let made = self.call("insert", arguments);
                assigned(&self.bind_row(row, table), made)
            }
            Step::Update { row, changes } => {
                let (bound, table) = self.row(row);
                let arguments =
                    vec![database(), text(table), Code::Atom(bound.clone()), self.columns(changes)];
                assigned(&bound, self.call("update", arguments))
            }
            Step::Delete { row } => {
                let (bound, table) = self.row(row);
                self.call("delete", vec![database(), text(table), Code::Atom(bound)])
            }
            Step::Change { table, filters, changes } => {
                let (filters, changes) = (self.filters(filters), self.columns(changes));
                self.call("change", vec![database(), text(table), filters, changes])
            }
            Step::Remove { table, filters } => {
                let filters = self.filters(filters);
                self.call("remove", vec![database(), text(table), filters])
            }
        }
    }

    fn row(&self, name: &str) -> (String, &'o str) {
        let (bound, table) = &self.rows[name];
        (bound.clone(), table)
    }

    fn filters(&mut self, filters: &'o [Filter]) -> Code {
        let mut listed = Vec::new();
        for Filter { column, comparison, value } in filters {
            let sign = Code::Atom(format!("\"{}\"", sign(*comparison)));
            let parts = vec![text(column), sign, self.expression(value)];
            listed.push(Code::Group("(".into(), parts, ")"));
        }
        Code::list(listed)
    }

    /// Columns and their values; as pairs where a column is given twice, since both count.
    fn columns(&mut self, values: &'o [(String, Expression)]) -> Code {
        let names: BTreeSet<&str> = values.iter().map(|(column, _)| column.as_str()).collect();
        let repeats = names.len() != values.len();
        let mut entries = Vec::new();
        for (column, value) in values {
            let value = self.expression(value);
            entries.push(match repeats {
                true => Code::Group("(".into(), vec![text(column), value], ")"),
                false => Code::Headed(format!("{}: ", quoted(column)), Box::new(value)),
            });
        }
        if repeats { Code::list(entries) } else { Code::object(entries) }
    }

    fn condition(&mut self, condition: &'o Condition) -> Code {
        match condition {
            Condition::Compare(left, comparison, right) => {
                let sign = Code::Atom(format!("\"{}\"", sign(*comparison)));
                let arguments = vec![self.expression(left), sign, self.expression(right)];
                self.call("compare", arguments)
            }
            Condition::References(value, table) => {
                let arguments = vec![database(), text(table), self.expression(value)];
                self.call("refers", arguments)
            }
            Condition::None(table, filters) => {
                let arguments = vec![database(), text(table), self.filters(filters)];
                self.call("none", arguments)
            }
        }
    }

    /// A message with its arguments filled in.
    fn message(&mut self, message: &str) -> Code {
        let mut parts = Vec::new();
        for piece in pieces(message, |name| self.slot(name)) {
            parts.push(match piece {
                Piece::Text(piece) => text(piece),
                Piece::Slot(told) => Code::Atom(told),
            });
        }
        match parts.len() {
            0 => text(""),
            1 if matches!(&parts[0], Code::Atom(atom) if atom.starts_with('"')) => parts.remove(0),
            _ => self.call("say", parts),
        }
    }

    /// An argument, or `row.column` of a row bound before.
    fn slot(&self, name: &str) -> Option<String> {
        if let Some(spelled) = self.arguments.get(name) {
            return Some(spelled.clone());
        }
        let (row, column) = name.split_once('.')?;
        let (bound, table) = self.rows.get(row)?;
        let table = self.tables.iter().find(|it| it.name == **table)?;
        table.place(column)?;
        Some(format!("{bound}[{}]", quoted(column)))
    }

    fn expression(&mut self, expression: &'o Expression) -> Code {
        match expression {
            Expression::Literal(value) => literal(value),
            Expression::Argument(name) => self.argument(name),
            Expression::Part(name, pointer) => {
                let arguments = vec![self.argument(name), text(pointer)];
                self.call("part", arguments)
            }
            Expression::Column(row, column) => {
                Code::Atom(format!("{}[{}]", self.row(row).0, quoted(column)))
            }
            Expression::Count(rows) => {
                let rows = Code::Atom(self.lists[rows.as_str()].0.clone());
                self.call("count", vec![rows])
            }
            Expression::Now => self.call("now", vec![database()]),
            Expression::Otherwise(first, second) => {
                let arguments = vec![self.expression(first), self.expression(second)];
                self.call("otherwise", arguments)
            }
            Expression::Arithmetic(left, operation, right) => {
                let arguments = vec![self.expression(left), self.expression(right)];
                let function = match operation {
                    Arithmetic::Add => "add",
                    Arithmetic::Subtract => "subtract",
                    Arithmetic::Multiply => "multiply",
                    Arithmetic::Divide => "divide",
                };
                self.call(function, arguments)
            }
            Expression::Later(from, amount, span) => {
                let span = match span {
                    Span::Minutes => "minutes",
                    Span::Hours => "hours",
                    Span::Days => "days",
                };
                let arguments = vec![self.expression(from), self.expression(amount), text(span)];
                self.call("later", arguments)
            }
        }
    }

    /// An answer.
    pub(super) fn reply(&mut self, reply: &'o Reply) -> Code {
        match reply {
            Reply::Value(expression) => self.expression(expression),
            Reply::Object(parts) => {
                let mut entries = Vec::new();
                for (name, part) in parts {
                    let head = format!("{}: ", quoted(name));
                    entries.push(Code::Headed(head, Box::new(self.reply(part))));
                }
                self.call("compact", vec![Code::object(entries)])
            }
            Reply::List(parts) => Code::list(parts.iter().map(|it| self.reply(it)).collect()),
            Reply::Each { rows, row, item } => {
                let (list, table) = self.lists[rows.as_str()].clone();
                // The name is bound anew inside the item, whatever it is outside.
                let outer = self.rows.remove(row.as_str());
                let binding = self.bind(row);
                self.rows.insert(row, (binding.clone(), table));
                let item = self.reply(item);
                self.taken.remove(&binding);
                match outer {
                    Some(outer) => drop(self.rows.insert(row, outer)),
                    None => drop(self.rows.remove(row.as_str())),
                }
                Code::Each(Box::new(item), binding, list)
            }
        }
    }
}

fn database() -> Code {
    Code::Atom("db".into())
}

fn text(text: &str) -> Code {
    Code::Atom(quoted(text))
}

fn assigned(name: &str, value: Code) -> Code {
    Code::Headed(format!("{name} = "), Box::new(value))
}

fn way(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => "ascending",
        Direction::Descending => "descending",
    }
}

/// A comparison as the runtime spells it.
fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "==",
        Comparison::Different => "!=",
        Comparison::AtLeast => ">=",
        Comparison::AtMost => "<=",
        Comparison::Above => ">",
        Comparison::Below => "<",
        Comparison::Contains => "contains",
        Comparison::OneOf => "is one of",
    }
}

/// A value as a literal.
pub(super) fn literal(value: &Value) -> Code {
    match value {
        Value::Null => Code::Atom("None".into()),
        Value::Bool(true) => Code::Atom("True".into()),
        Value::Bool(false) => Code::Atom("False".into()),
        Value::Integer(_) | Value::Number(_) => Code::Atom(value.to_string()),
        Value::Text(it) => text(it),
        Value::List(items) => Code::list(items.iter().map(literal).collect()),
        Value::Object(entries) => Code::object(
            entries
                .iter()
                .map(|(key, it)| Code::Headed(format!("{}: ", quoted(key)), Box::new(literal(it))))
                .collect(),
        ),
    }
}
