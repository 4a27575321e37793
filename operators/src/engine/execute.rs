//! Running one program.

use std::borrow::Cow;
use std::sync::Arc;

use schemas::{Column, Digest, Direction, KeyStyle, Kind, Role, Row, Table, Value};

use crate::engine::fingerprint::Held;
use crate::engine::lower::{Answer, Code, Get, Holds, Message, Op, Order, Piece, Slot, Test};
use crate::engine::session::Session;
use crate::engine::{LISTED_MAX, calendar, values};

/// Why a call failed, as the agent is told.
pub(super) struct Failure(pub(super) String);

/// Attempts at minting a key before giving up; only a table full of collisions reaches it.
const MINTS_MAX: u32 = 64;

/// The valid arguments of a call, in the order of the operation's input.
pub(super) type Arguments<'a> = [Cow<'a, Value>];

/// One run of one program: its arguments and what its steps have bound.
pub(super) struct Execution<'s, 'w> {
    session: &'s mut Session<'w>,
    arguments: &'s Arguments<'s>,
    rows: Vec<Option<Arc<Held>>>,
    lists: Vec<Vec<Arc<Held>>>,
}

impl<'s, 'w> Execution<'s, 'w> {
    pub(super) fn new(
        session: &'s mut Session<'w>,
        arguments: &'s Arguments<'s>,
        code: &Code,
    ) -> Execution<'s, 'w> {
        let (rows, lists) = (vec![None; code.rows], vec![Vec::new(); code.lists]);
        Execution { session, arguments, rows, lists }
    }

    /// Runs the steps and writes the answer as JSON text.
    pub(super) fn run(mut self, code: &Code) -> Result<String, Failure> {
        for op in &code.steps {
            self.step(op)?;
        }
        let mut text = String::with_capacity(256);
        self.answer(&code.reply, &mut text);
        Ok(text)
    }

    fn step(&mut self, op: &Op) -> Result<(), Failure> {
        match op {
            Op::Lookup { slot, key } => {
                let key = self.value(key);
                let found = self.keyed(slot.table, &key).cloned();
                let found = found.ok_or_else(|| missing(self.table(slot.table), &key))?;
                self.rows[slot.row] = Some(found);
            }
            Op::Match { slot, filters, otherwise } => {
                let found = self.passing(slot.table, filters).next().cloned();
                let found = found.ok_or_else(|| self.failure(otherwise))?;
                self.rows[slot.row] = Some(found);
            }
            Op::Select { list, table, filters, order, limit } => {
                self.lists[*list] = self.select(*table, filters, *order, limit);
            }
            Op::Require { condition, otherwise } => {
                if !self.holds(condition) {
                    return Err(self.failure(otherwise));
                }
            }
            Op::Insert { slot, values } => {
                let made = self.make(slot.table, values)?;
                self.rows[slot.row] = Some(self.session.add(slot.table, made));
            }
            Op::Update { slot, changes } => {
                let before = Arc::clone(self.bound(*slot));
                self.rows[slot.row] = Some(self.change(slot.table, before, changes)?);
            }
            Op::Delete { slot } => {
                let before = Arc::clone(self.bound(*slot));
                self.session.take(slot.table, &before[0]);
            }
            Op::Change { table, filters, changes } => {
                for row in self.named(*table, filters) {
                    self.change(*table, row, changes)?;
                }
            }
            Op::Remove { table, filters } => {
                for row in self.named(*table, filters) {
                    self.session.take(*table, &row[0]);
                }
            }
        }
        Ok(())
    }

    fn bound(&self, slot: Slot) -> &Arc<Held> {
        self.rows[slot.row].as_ref().expect("a checked program uses what is bound")
    }

    /// The row after the changes, which is put in its place if it differs.
    fn change(
        &mut self,
        table: usize,
        before: Arc<Held>,
        changes: &[(usize, Get)],
    ) -> Result<Arc<Held>, Failure> {
        let mut after: Option<Row> = None;
        for (column, value) in changes {
            let value = self.value(value);
            if value.is_null() {
                continue;
            }
            let value = self.fitted(table, *column, value)?;
            if before[*column] != value || after.is_some() {
                after.get_or_insert_with(|| before.row().clone())[*column] = value;
            }
        }
        Ok(match after {
            Some(after) if after != *before.row() => self.session.put(table, after),
            _ => before,
        })
    }

    /// The row an insertion adds, its key minted if none is given.
    fn make(&self, place: usize, given: &[(usize, Get)]) -> Result<Row, Failure> {
        let table = self.table(place);
        let mut row = vec![Value::Null; table.columns.len()];
        for (column, value) in given {
            let value = self.value(value);
            if !value.is_null() {
                row[*column] = self.fitted(place, *column, value)?;
            }
        }
        if row[0].is_null() {
            row[0] = self.mint(place, &row)?;
        } else if self.session.row(place, &row[0]).is_some() {
            let key = values::spelled(&row[0]);
            return Err(Failure(format!("{} \"{key}\" already exists", table.noun)));
        }
        Ok(row)
    }

    /// A key that depends on what the row says and not on when or after what it is made, so that
    /// the same insertions in another order make the same rows.
    fn mint(&self, place: usize, row: &Row) -> Result<Value, Failure> {
        let table = self.table(place);
        let mut content = String::with_capacity(160);
        content.push('[');
        for (at, (column, value)) in table.columns.iter().zip(row).enumerate() {
            content.push_str(if at == 0 { "" } else { ", " });
            match column.role {
                Role::Created | Role::Updated => content.push_str("null"),
                _ => value.write_json(&mut content),
            }
        }
        content.push(']');
        (0..MINTS_MAX)
            .map(|attempt| key(&table.key_style, &[&table.name, &content, &attempt.to_string()]))
            .find(|key| self.session.row(place, key).is_none())
            .ok_or_else(|| Failure(format!("no more {} can be made", table.name)))
    }

    fn fitted(&self, table: usize, column: usize, value: Cow<'_, Value>) -> Result<Value, Failure> {
        let column = &self.table(table).columns[column];
        if values::fits(&column.kind, &value) {
            return Ok(value.into_owned());
        }
        values::fit(&column.kind, &value).ok_or_else(|| unfit(column))
    }

    fn select(
        &self,
        table: usize,
        filters: &[Test],
        order: Option<Order>,
        limit: &Get,
    ) -> Vec<Arc<Held>> {
        let limit = match *self.value(limit) {
            Value::Integer(limit) => usize::try_from(limit).unwrap_or(LISTED_MAX),
            _ => LISTED_MAX,
        };
        let limit = limit.min(LISTED_MAX);
        let Some((column, direction)) = order else {
            return self.passing(table, filters).take(limit).cloned().collect();
        };
        let mut passing: Vec<Arc<Held>> = self.passing(table, filters).cloned().collect();
        passing.sort_by(|one, other| {
            let ascending = one[column].cmp(&other[column]);
            if direction == Direction::Ascending { ascending } else { ascending.reverse() }
        });
        passing.truncate(limit);
        passing
    }

    /// The rows that pass every filter, by key; a null value passes all.
    fn passing<'x>(
        &'x self,
        table: usize,
        filters: &'x [Test],
    ) -> impl Iterator<Item = &'x Arc<Held>> {
        let tests: Vec<(&Test, Cow<'x, Value>)> = filters
            .iter()
            .map(|test| (test, self.value(&test.value)))
            .filter(|(_, value)| !value.is_null())
            .collect();
        self.session.each(table).filter(move |row| {
            tests
                .iter()
                .all(|(test, value)| values::compare(&row[test.column], test.comparison, value))
        })
    }

    /// The rows that pass every filter, by key; a null value passes none.
    fn named(&self, table: usize, filters: &[Test]) -> Vec<Arc<Held>> {
        if filters.iter().any(|test| self.value(&test.value).is_null()) {
            return Vec::new();
        }
        self.passing(table, filters).cloned().collect()
    }

    fn keyed(&self, table: usize, key: &Value) -> Option<&Arc<Held>> {
        let kind = &self.table(table).key().kind;
        if values::fits(kind, key) {
            return self.session.row(table, key);
        }
        self.session.row(table, &values::fit(kind, key)?)
    }

    fn holds(&self, condition: &Holds) -> bool {
        match condition {
            Holds::Compare(left, comparison, right) => {
                values::compare(&self.value(left), *comparison, &self.value(right))
            }
            Holds::References(value, table) => match &*self.value(value) {
                Value::Null => true,
                Value::List(keys) => keys.iter().all(|key| self.keyed(*table, key).is_some()),
                key => self.keyed(*table, key).is_some(),
            },
            Holds::None(table, filters) => self.passing(*table, filters).next().is_none(),
        }
    }

    fn value<'x>(&'x self, get: &'x Get) -> Cow<'x, Value> {
        match get {
            Get::Literal(value) => Cow::Borrowed(value),
            Get::Argument(place) => Cow::Borrowed(&*self.arguments[*place]),
            Get::Part(place, pointer) => {
                self.arguments[*place].at(pointer).map_or(Cow::Owned(Value::Null), Cow::Borrowed)
            }
            Get::Column(row, column) => {
                let row = self.rows[*row].as_ref().expect("a checked program uses what is bound");
                Cow::Borrowed(&row[*column])
            }
            Get::Count(list) => {
                let count = self.lists[*list].len();
                Cow::Owned(Value::Integer(i64::try_from(count).unwrap_or(i64::MAX)))
            }
            Get::Now => Cow::Owned(Value::Text(calendar::clock(self.session.clock))),
            Get::Otherwise(first, second) => match self.value(first) {
                first if first.is_null() => self.value(second),
                first => first,
            },
            Get::Arithmetic(left, operation, right) => {
                Cow::Owned(values::calculate(&self.value(left), *operation, &self.value(right)))
            }
            Get::Later(from, amount, span) => {
                Cow::Owned(calendar::later(&self.value(from), &self.value(amount), *span))
            }
        }
    }

    fn answer(&mut self, answer: &Answer, text: &mut String) {
        match answer {
            Answer::Value(get) => self.value(get).write_json(text),
            Answer::Object(parts) => {
                text.push('{');
                let mut first = true;
                for (name, part) in parts {
                    if matches!(part, Answer::Value(get) if self.value(get).is_null()) {
                        continue;
                    }
                    text.push_str(if first { "" } else { ", " });
                    first = false;
                    text.push_str(name);
                    self.answer(part, text);
                }
                text.push('}');
            }
            Answer::List(parts) => {
                text.push('[');
                for (place, part) in parts.iter().enumerate() {
                    text.push_str(if place == 0 { "" } else { ", " });
                    self.answer(part, text);
                }
                text.push(']');
            }
            Answer::Each { list, row, item } => {
                text.push('[');
                for (place, held) in self.lists[*list].clone().into_iter().enumerate() {
                    text.push_str(if place == 0 { "" } else { ", " });
                    self.rows[*row] = Some(held);
                    self.answer(item, text);
                }
                text.push(']');
            }
        }
    }

    fn failure(&self, message: &Message) -> Failure {
        let spelled = message.iter().map(|piece| match piece {
            Piece::Text(text) => Cow::Borrowed(text.as_str()),
            Piece::Value(get) => Cow::Owned(values::spelled(&self.value(get))),
        });
        Failure(spelled.collect())
    }

    fn table(&self, place: usize) -> &'w Table {
        &self.session.world.environment().tables[place]
    }
}

/// A key in a table's style, from what identifies its row. Also spells the keys of first rows.
pub(crate) fn key(style: &KeyStyle, parts: &[&str]) -> Value {
    let digest = Digest::of_parts(parts);
    match style {
        KeyStyle::Integer => {
            let bits = u32::from_be_bytes(digest.0[..4].try_into().expect("four bytes"));
            Value::Integer(1_000_000 + i64::from(bits) % 9_000_000)
        }
        KeyStyle::Prefixed(prefix) => {
            let bits = u32::from_be_bytes(digest.0[..4].try_into().expect("four bytes"));
            Value::Text(format!("{prefix}_{bits:08x}"))
        }
        KeyStyle::Uuid => {
            let hex = digest.to_string();
            Value::Text(format!(
                "{}-{}-4{}-a{}-{}",
                &hex[..8],
                &hex[8..12],
                &hex[13..16],
                &hex[17..20],
                &hex[20..32]
            ))
        }
    }
}

fn missing(table: &Table, key: &Value) -> Failure {
    Failure(format!("{} \"{}\" not found", table.noun, values::spelled(key)))
}

fn unfit(column: &Column) -> Failure {
    let expected = match &column.kind {
        Kind::Choice(choices) => format!("one of {}", choices.join(", ")),
        Kind::Integer => "an integer".into(),
        Kind::Number => "a number".into(),
        _ => "of another type".into(),
    };
    Failure(format!("\"{}\" must be {expected}", column.name))
}
