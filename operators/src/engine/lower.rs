//! Lowering: a checked program with places instead of names, so that a call looks nothing up.

use std::collections::BTreeMap;

use schemas::{
    Arithmetic, Comparison, Condition, Direction, Environment, Expression, Filter, Operation,
    Reply, Span, Step, Value,
};

/// A program whose tables, columns, bindings and arguments are places.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) steps: Vec<Op>,
    pub(super) reply: Answer,
    /// How many bindings to one row there are.
    pub(super) rows: usize,
    /// How many bindings to several rows there are.
    pub(super) lists: usize,
}

/// The places a binding to one row has: among the bindings, and of its table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) row: usize,
    pub(super) table: usize,
}

/// A [`Step`] in places.
#[derive(Debug)]
pub(super) enum Op {
    Lookup { slot: Slot, key: Get },
    Match { slot: Slot, filters: Vec<Test>, otherwise: Message },
    Select { list: usize, table: usize, filters: Vec<Test>, order: Option<Order>, limit: Get },
    Require { condition: Holds, otherwise: Message },
    Insert { slot: Slot, values: Vec<(usize, Get)> },
    Update { slot: Slot, changes: Vec<(usize, Get)> },
    Delete { slot: Slot },
    Change { table: usize, filters: Vec<Test>, changes: Vec<(usize, Get)> },
    Remove { table: usize, filters: Vec<Test> },
}

/// The column rows are sorted by, and which way.
pub(super) type Order = (usize, Direction);

/// A [`Filter`] in places.
#[derive(Debug)]
pub(super) struct Test {
    pub(super) column: usize,
    pub(super) comparison: Comparison,
    pub(super) value: Get,
}

/// A [`Condition`] in places.
#[derive(Debug)]
pub(super) enum Holds {
    Compare(Get, Comparison, Get),
    References(Get, usize),
    None(usize, Vec<Test>),
}

/// An [`Expression`] in places.
#[derive(Debug)]
pub(super) enum Get {
    Literal(Value),
    Argument(usize),
    Part(usize, String),
    Column(usize, usize),
    Count(usize),
    Now,
    Otherwise(Box<Get>, Box<Get>),
    Arithmetic(Box<Get>, Arithmetic, Box<Get>),
    Later(Box<Get>, Box<Get>, Span),
}

/// A [`Reply`] in places; the names of parts are spelled as JSON, with the colon.
#[derive(Debug)]
pub(super) enum Answer {
    Value(Get),
    Object(Vec<(String, Answer)>),
    List(Vec<Answer>),
    Each { list: usize, row: usize, item: Box<Answer> },
}

/// What an error says, in pieces.
pub(super) type Message = Vec<Piece>;

/// A piece of a message.
#[derive(Debug)]
pub(super) enum Piece {
    Text(String),
    Value(Get),
}

/// Lowers the program of an operation.
///
/// # Panics
///
/// Panics if the program was not checked against this environment.
pub(super) fn lower(operation: &Operation, environment: &Environment) -> Code {
    let mut lowering =
        Lowering { operation, environment, rows: BTreeMap::new(), lists: BTreeMap::new(), next: 0 };
    let steps = operation.program.steps.iter().map(|step| lowering.step(step)).collect();
    let reply = lowering.reply(&operation.program.reply);
    Code { steps, reply, rows: lowering.next, lists: lowering.lists.len() }
}

struct Lowering<'e> {
    operation: &'e Operation,
    environment: &'e Environment,
    rows: BTreeMap<&'e str, Slot>,
    /// By binding: its place, and that of its table.
    lists: BTreeMap<&'e str, (usize, usize)>,
    /// The first place that no binding to one row has.
    next: usize,
}

impl<'e> Lowering<'e> {
    fn step(&mut self, step: &'e Step) -> Op {
        match step {
            Step::Lookup { row, table, key } => {
                let key = self.get(key);
                Op::Lookup { slot: self.bind(row, table), key }
            }
            Step::Match { row, table, filters, otherwise } => {
                let (filters, otherwise) = (self.tests(table, filters), self.message(otherwise));
                Op::Match { slot: self.bind(row, table), filters, otherwise }
            }
            Step::Select { rows, table, filters, order, limit } => {
                let (filters, limit) = (self.tests(table, filters), self.get(limit));
                let order = order.as_ref();
                let order = order.map(|(column, way)| (self.column(table, column), *way));
                let table = self.table(table);
                let next = self.lists.len();
                let list = self.lists.get(rows.as_str()).map_or(next, |(list, _)| *list);
                self.lists.insert(rows, (list, table));
                Op::Select { list, table, filters, order, limit }
            }
            Step::Require { condition, otherwise } => {
                let condition = match condition {
                    Condition::Compare(left, comparison, right) => {
                        Holds::Compare(self.get(left), *comparison, self.get(right))
                    }
                    Condition::References(value, table) => {
                        Holds::References(self.get(value), self.table(table))
                    }
                    Condition::None(table, filters) => {
                        Holds::None(self.table(table), self.tests(table, filters))
                    }
                };
                Op::Require { condition, otherwise: self.message(otherwise) }
            }
            Step::Insert { row, table, values } => {
                let values = self.changes(self.table(table), values);
                Op::Insert { slot: self.bind(row, table), values }
            }
            Step::Update { row, changes } => {
                let slot = self.rows[row.as_str()];
                Op::Update { slot, changes: self.changes(slot.table, changes) }
            }
            Step::Delete { row } => Op::Delete { slot: self.rows[row.as_str()] },
            Step::Change { table, filters, changes } => {
                let filters = self.tests(table, filters);
                let table = self.table(table);
                Op::Change { table, filters, changes: self.changes(table, changes) }
            }
            Step::Remove { table, filters } => {
                Op::Remove { table: self.table(table), filters: self.tests(table, filters) }
            }
        }
    }

    /// The place of a binding, which stays that of an earlier one of the same name.
    fn bind(&mut self, row: &'e str, table: &str) -> Slot {
        let place = self.rows.get(row).map(|slot| slot.row);
        let slot = Slot { row: place.unwrap_or(self.next), table: self.table(table) };
        self.next = self.next.max(slot.row + 1);
        self.rows.insert(row, slot);
        slot
    }

    fn tests(&self, table: &str, filters: &[Filter]) -> Vec<Test> {
        let test = |filter: &Filter| Test {
            column: self.column(table, &filter.column),
            comparison: filter.comparison,
            value: self.get(&filter.value),
        };
        filters.iter().map(test).collect()
    }

    fn changes(&self, table: usize, changes: &[(String, Expression)]) -> Vec<(usize, Get)> {
        let table = &self.environment.tables[table].name;
        let change =
            |(column, value): &(String, Expression)| (self.column(table, column), self.get(value));
        changes.iter().map(change).collect()
    }

    fn get(&self, expression: &Expression) -> Get {
        let boxed = |inner: &Expression| Box::new(self.get(inner));
        match expression {
            Expression::Literal(value) => Get::Literal(value.clone()),
            Expression::Argument(name) => Get::Argument(self.argument(name)),
            Expression::Part(name, pointer) => Get::Part(self.argument(name), pointer.clone()),
            Expression::Column(row, column) => {
                let slot = self.rows[row.as_str()];
                let table = &self.environment.tables[slot.table].name;
                Get::Column(slot.row, self.column(table, column))
            }
            Expression::Count(rows) => Get::Count(self.lists[rows.as_str()].0),
            Expression::Now => Get::Now,
            Expression::Otherwise(first, second) => Get::Otherwise(boxed(first), boxed(second)),
            Expression::Arithmetic(left, operation, right) => {
                Get::Arithmetic(boxed(left), *operation, boxed(right))
            }
            Expression::Later(from, amount, span) => Get::Later(boxed(from), boxed(amount), *span),
        }
    }

    fn reply(&mut self, reply: &'e Reply) -> Answer {
        match reply {
            Reply::Value(expression) => Answer::Value(self.get(expression)),
            Reply::Object(parts) => Answer::Object(
                parts
                    .iter()
                    .map(|(name, part)| {
                        (format!("{}: ", Value::text(name.as_str())), self.reply(part))
                    })
                    .collect(),
            ),
            Reply::List(parts) => Answer::List(parts.iter().map(|part| self.reply(part)).collect()),
            Reply::Each { rows, row, item } => {
                let (list, table) = self.lists[rows.as_str()];
                let slot = Slot { row: self.next, table };
                self.next += 1;
                let outer = self.rows.insert(row, slot);
                let item = Box::new(self.reply(item));
                match outer {
                    Some(outer) => drop(self.rows.insert(row, outer)),
                    None => drop(self.rows.remove(row.as_str())),
                }
                Answer::Each { list, row: slot.row, item }
            }
        }
    }

    /// A message in pieces: `{name}` is an argument, `{row.column}` a column of a bound row, and
    /// any other brace is text.
    fn message(&self, message: &str) -> Message {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = message;
        while let Some((before, inner)) = rest.split_once('{') {
            text.push_str(before);
            let slot =
                inner.split_once('}').and_then(|(name, after)| Some((self.slot(name)?, after)));
            rest = if let Some((value, after)) = slot {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
                pieces.push(Piece::Value(value));
                after
            } else {
                text.push('{');
                inner
            };
        }
        text.push_str(rest);
        pieces.push(Piece::Text(text));
        pieces
    }

    fn slot(&self, name: &str) -> Option<Get> {
        if let Some(place) = self.operation.input.iter().position(|field| field.name == name) {
            return Some(Get::Argument(place));
        }
        let (row, column) = name.split_once('.')?;
        let slot = self.rows.get(row)?;
        let column = self.environment.tables[slot.table].place(column)?;
        Some(Get::Column(slot.row, column))
    }

    fn table(&self, name: &str) -> usize {
        let mut tables = self.environment.tables.iter();
        tables.position(|table| table.name == name).expect("a checked program names tables")
    }

    fn column(&self, table: &str, column: &str) -> usize {
        let table = &self.environment.tables[self.table(table)];
        table.place(column).expect("a checked program names columns")
    }

    fn argument(&self, name: &str) -> usize {
        let mut fields = self.operation.input.iter();
        fields.position(|field| field.name == name).expect("a checked program names arguments")
    }
}
