//! Running one program.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemas::{
    Comparison, Condition, Digest, Direction, Expression, Filter, KeyStyle, Program, Reply, Role,
    Row, Step, Table, Value,
};

use crate::engine::session::Session;
use crate::engine::{LISTED_MAX, values};

/// Why a call failed, as the agent is told.
pub(super) struct Failure(pub(super) String);

/// Attempts at minting a key before giving up; only a table full of collisions reaches it.
const MINTS_MAX: u32 = 64;

/// One run of one program: its arguments and what its steps have bound.
pub(super) struct Execution<'s, 'w> {
    session: &'s mut Session<'w>,
    arguments: &'s BTreeMap<String, Value>,
    rows: BTreeMap<String, (usize, Arc<Row>)>,
    lists: BTreeMap<String, (usize, Vec<Arc<Row>>)>,
}

impl<'s, 'w> Execution<'s, 'w> {
    pub(super) fn new(
        session: &'s mut Session<'w>,
        arguments: &'s BTreeMap<String, Value>,
    ) -> Execution<'s, 'w> {
        Execution { session, arguments, rows: BTreeMap::new(), lists: BTreeMap::new() }
    }

    pub(super) fn run(mut self, program: &Program) -> Result<Value, Failure> {
        for step in &program.steps {
            self.step(step)?;
        }
        Ok(self.reply(&program.reply))
    }

    fn step(&mut self, step: &Step) -> Result<(), Failure> {
        match step {
            Step::Lookup { row, table, key } => {
                let place = self.place(table);
                let base = self.table(place);
                let key = self.value(key);
                let found = values::fit(&base.key().kind, &key)
                    .and_then(|key| self.session.row(place, &key).cloned())
                    .ok_or_else(|| missing(base, &key))?;
                self.rows.insert(row.clone(), (place, found));
            }
            Step::Match { row, table, filters, otherwise } => {
                let place = self.place(table);
                let passing = self.passing(place, filters, 1);
                let found = passing.into_iter().next();
                let found = found.ok_or_else(|| Failure(self.fill(otherwise)))?;
                self.rows.insert(row.clone(), (place, found));
            }
            Step::Select { rows, table, filters, order, limit } => {
                let place = self.place(table);
                let selected = self.select(place, filters, order.as_ref(), limit);
                self.lists.insert(rows.clone(), (place, selected));
            }
            Step::Require { condition, otherwise } => {
                if !self.holds(condition) {
                    return Err(Failure(self.fill(otherwise)));
                }
            }
            Step::Insert { row, table, values } => {
                let place = self.place(table);
                let made = Arc::new(self.make(place, values)?);
                self.session.write(place, &made[0], Some(Arc::clone(&made)));
                self.rows.insert(row.clone(), (place, made));
            }
            Step::Update { row, changes } => {
                let (place, before) = self.rows[row].clone();
                let mut after = Row::clone(&before);
                for (column, value) in changes {
                    let value = self.value(value);
                    if !value.is_null() {
                        let column = self.column(place, column);
                        after[column] = self.fitted(place, column, &value)?;
                    }
                }
                let after = Arc::new(after);
                if after != before {
                    self.session.write(place, &before[0], Some(Arc::clone(&after)));
                }
                self.rows.insert(row.clone(), (place, after));
            }
            Step::Delete { row } => {
                let (place, before) = self.rows[row].clone();
                self.session.write(place, &before[0], None);
            }
        }
        Ok(())
    }

    /// The row an insertion adds, its key minted if none is given.
    fn make(&self, place: usize, given: &[(String, Expression)]) -> Result<Row, Failure> {
        let table = self.table(place);
        let mut row = vec![Value::Null; table.columns.len()];
        for (column, value) in given {
            let value = self.value(value);
            if !value.is_null() {
                let column = self.column(place, column);
                row[column] = self.fitted(place, column, &value)?;
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
        let content: Vec<Value> = table
            .columns
            .iter()
            .zip(row)
            .map(|(column, value)| match column.role {
                Role::Created | Role::Updated => Value::Null,
                _ => value.clone(),
            })
            .collect();
        let content = Value::List(content).to_string();
        (0..MINTS_MAX)
            .map(|attempt| key(&table.key_style, &[&table.name, &content, &attempt.to_string()]))
            .find(|key| self.session.row(place, key).is_none())
            .ok_or_else(|| Failure(format!("no more {} can be made", table.name)))
    }

    fn fitted(&self, place: usize, column: usize, value: &Value) -> Result<Value, Failure> {
        let column = &self.table(place).columns[column];
        values::fit(&column.kind, value).ok_or_else(|| {
            let expected = match &column.kind {
                schemas::Kind::Choice(choices) => format!("one of {}", choices.join(", ")),
                schemas::Kind::Integer => "an integer".into(),
                schemas::Kind::Number => "a number".into(),
                _ => "of another type".into(),
            };
            Failure(format!("\"{}\" must be {expected}", column.name))
        })
    }

    fn select(
        &self,
        place: usize,
        filters: &[Filter],
        order: Option<&(String, Direction)>,
        limit: &Expression,
    ) -> Vec<Arc<Row>> {
        let limit = match self.value(limit) {
            Value::Integer(limit) => usize::try_from(limit).unwrap_or(LISTED_MAX),
            _ => LISTED_MAX,
        };
        let mut passing = self.passing(place, filters, usize::MAX);
        if let Some((column, direction)) = order {
            let column = self.column(place, column);
            passing.sort_by(|one, other| {
                let ascending = one[column].cmp(&other[column]);
                if *direction == Direction::Ascending { ascending } else { ascending.reverse() }
            });
        }
        passing.truncate(limit.min(LISTED_MAX));
        passing
    }

    /// The rows that pass every filter, by key, at most `limit`.
    fn passing(&self, place: usize, filters: &[Filter], limit: usize) -> Vec<Arc<Row>> {
        let filters: Vec<(usize, Comparison, Value)> = filters
            .iter()
            .map(|it| (self.column(place, &it.column), it.comparison, self.value(&it.value)))
            .filter(|(_, _, value)| !value.is_null())
            .collect();
        let passes = |row: &Arc<Row>| {
            filters.iter().all(|(column, comparison, value)| {
                values::compare(&row[*column], *comparison, value)
            })
        };
        self.session.each(place).filter(|row| passes(row)).take(limit).cloned().collect()
    }

    fn holds(&self, condition: &Condition) -> bool {
        match condition {
            Condition::Compare(left, comparison, right) => {
                values::compare(&self.value(left), *comparison, &self.value(right))
            }
            Condition::References(value, table) => {
                let place = self.place(table);
                let value = self.value(value);
                value.is_null()
                    || values::fit(&self.table(place).key().kind, &value)
                        .is_some_and(|key| self.session.row(place, &key).is_some())
            }
            Condition::None(table, filters) => {
                self.passing(self.place(table), filters, 1).is_empty()
            }
        }
    }

    fn value(&self, expression: &Expression) -> Value {
        match expression {
            Expression::Literal(value) => value.clone(),
            Expression::Argument(name) => self.arguments.get(name).cloned().unwrap_or_default(),
            Expression::Part(name, pointer) => self
                .arguments
                .get(name)
                .and_then(|value| value.at(pointer))
                .cloned()
                .unwrap_or_default(),
            Expression::Column(row, column) => {
                let (place, row) = &self.rows[row];
                row[self.column(*place, column)].clone()
            }
            Expression::Count(rows) => {
                let count = self.lists[rows].1.len();
                Value::Integer(i64::try_from(count).unwrap_or(i64::MAX))
            }
            Expression::Now => Value::Text(clock(self.session.clock)),
            Expression::Otherwise(first, second) => {
                let first = self.value(first);
                if first.is_null() { self.value(second) } else { first }
            }
            Expression::Arithmetic(left, operation, right) => {
                values::calculate(&self.value(left), *operation, &self.value(right))
            }
        }
    }

    fn reply(&mut self, reply: &Reply) -> Value {
        match reply {
            Reply::Value(expression) => self.value(expression),
            Reply::Object(parts) => Value::Object(
                parts
                    .iter()
                    .map(|(name, part)| (name.clone(), self.reply(part)))
                    .filter(|(_, value)| !value.is_null())
                    .collect(),
            ),
            Reply::List(parts) => Value::List(parts.iter().map(|part| self.reply(part)).collect()),
            Reply::Each { rows, row, item } => {
                let (place, rows) = self.lists[rows].clone();
                let outer = self.rows.remove(row);
                let items = rows
                    .into_iter()
                    .map(|it| {
                        self.rows.insert(row.clone(), (place, it));
                        self.reply(item)
                    })
                    .collect();
                match outer {
                    Some(outer) => drop(self.rows.insert(row.clone(), outer)),
                    None => drop(self.rows.remove(row)),
                }
                Value::List(items)
            }
        }
    }

    /// A message with `{name}` replaced by the argument of that name.
    fn fill(&self, message: &str) -> String {
        let mut filled = message.to_string();
        for (name, value) in self.arguments {
            let slot = format!("{{{name}}}");
            if filled.contains(&slot) {
                filled = filled.replace(&slot, &values::spelled(value));
            }
        }
        filled
    }

    fn place(&self, table: &str) -> usize {
        self.session.world.place(table).expect("a checked program names tables that exist")
    }

    fn table(&self, place: usize) -> &'w Table {
        &self.session.world.environment().tables[place]
    }

    fn column(&self, place: usize, column: &str) -> usize {
        self.table(place).place(column).expect("a checked program names columns that exist")
    }
}

/// A key in a table's style, from what identifies its row. Also spells the keys of first rows.
pub(crate) fn key(style: &KeyStyle, parts: &[&str]) -> Value {
    let digest = Digest::of_parts(parts);
    let hex = digest.to_string();
    match style {
        KeyStyle::Integer => {
            let bits = u32::from_be_bytes(digest.0[..4].try_into().expect("four bytes"));
            Value::Integer(1_000_000 + i64::from(bits) % 9_000_000)
        }
        KeyStyle::Prefixed(prefix) => Value::Text(format!("{prefix}_{}", &hex[..8])),
        KeyStyle::Uuid => Value::Text(format!(
            "{}-{}-4{}-a{}-{}",
            &hex[..8],
            &hex[8..12],
            &hex[13..16],
            &hex[17..20],
            &hex[20..32]
        )),
    }
}

/// The logical clock after so many writes: minutes since the environments' common epoch.
pub(crate) fn clock(writes: u32) -> String {
    let minutes = 9 * 60 + writes;
    let (days, minutes) = (minutes / 1440, minutes % 1440);
    format!("2025-06-{:02}T{:02}:{:02}:00Z", 2 + days.min(28), minutes / 60, minutes % 60)
}

fn missing(table: &Table, key: &Value) -> Failure {
    Failure(format!("{} \"{}\" not found", table.noun, values::spelled(key)))
}
