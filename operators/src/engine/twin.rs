//! The slow obvious twin: programs run by name, states copied whole, fingerprints taken anew.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use schemas::{
    Comparison, Condition, Direction, Draw, Environment, Expression, Field, Filter, Reply, Role,
    Row, Step, Table, Value,
};

use crate::engine::execute::key;
use crate::engine::{Fingerprint, LISTED_MAX, Session, Spelling, World, calendar, example, values};
use crate::materialize::arguments;

/// Rows by table and key.
type State = BTreeMap<String, BTreeMap<Value, Row>>;

/// An environment and its state after some calls.
struct Twin {
    environment: Environment,
    state: State,
    clock: u32,
}

/// One run: the state so far, and what is bound.
struct Run<'e> {
    environment: &'e Environment,
    state: State,
    clock: u32,
    arguments: BTreeMap<String, Value>,
    rows: BTreeMap<String, (String, Row)>,
    lists: BTreeMap<String, (String, Vec<Row>)>,
}

impl Twin {
    fn new(environment: Environment) -> Twin {
        let mut state = State::new();
        for table in &environment.tables {
            let rows = table.rows.iter().map(|row| (row[0].clone(), row.clone()));
            state.insert(table.name.clone(), rows.collect());
        }
        Twin { environment, state, clock: 0 }
    }

    /// What a call answers whose arguments are valid.
    fn call(&mut self, name: &str, given: &Value) -> Result<Value, String> {
        let operation = self.environment.operation(name).expect("an operation");
        let argument = |field: &Field| {
            let given = given.get(&field.name).filter(|value| !value.is_null());
            (field.name.clone(), given.unwrap_or(&field.default).clone())
        };
        let input = operation.input.iter();
        let mut run = Run {
            environment: &self.environment,
            state: self.state.clone(),
            clock: self.clock,
            arguments: input.map(argument).collect(),
            rows: BTreeMap::new(),
            lists: BTreeMap::new(),
        };
        let mut wrote = false;
        for step in &operation.program.steps {
            let before = run.state.clone();
            run.step(step)?;
            wrote |= before != run.state;
        }
        let answer = run.reply(&operation.program.reply);
        (self.clock, self.state) = (self.clock + u32::from(wrote), run.state);
        Ok(answer)
    }

    fn fingerprint(&self) -> String {
        let mut sum = Fingerprint::default();
        for table in &self.environment.tables {
            let spelling = Spelling::of(table);
            self.state[&table.name].values().for_each(|row| sum.add(spelling.fingerprint(row)));
        }
        sum.digest().to_string()
    }
}

impl Run<'_> {
    fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Lookup { row, table, key } => {
                let key = self.value(key);
                let found = self.keyed(table, &key);
                let noun = &self.table(table).noun;
                let spelled = values::spelled(&key);
                let found = found.ok_or_else(|| format!("{noun} \"{spelled}\" not found"))?;
                self.rows.insert(row.clone(), (table.clone(), found));
            }
            Step::Match { row, table, filters, otherwise } => {
                let found = self.passing(table, filters).into_iter().next();
                let found = found.ok_or_else(|| self.fill(otherwise))?;
                self.rows.insert(row.clone(), (table.clone(), found));
            }
            Step::Select { rows, table, filters, order, limit } => {
                let mut found = self.passing(table, filters);
                if let Some((column, direction)) = order {
                    let place = self.table(table).place(column).unwrap();
                    found.sort_by(|one, other| match direction {
                        Direction::Ascending => one[place].cmp(&other[place]),
                        Direction::Descending => other[place].cmp(&one[place]),
                    });
                }
                let limit = match self.value(limit) {
                    Value::Integer(limit) if 0 <= limit => usize::try_from(limit).unwrap(),
                    _ => LISTED_MAX,
                };
                found.truncate(limit.min(LISTED_MAX));
                self.lists.insert(rows.clone(), (table.clone(), found));
            }
            Step::Require { condition, otherwise } => {
                if !self.holds(condition) {
                    return Err(self.fill(otherwise));
                }
            }
            Step::Insert { row, table, values } => {
                let made = self.insert(table, values)?;
                self.rows.insert(row.clone(), (table.clone(), made));
            }
            Step::Update { row, changes } => {
                let (table, before) = self.rows[row].clone();
                let after = self.change(&table, before, changes)?;
                self.rows.insert(row.clone(), (table, after));
            }
            Step::Delete { row } => {
                let (table, before) = self.rows[row].clone();
                self.state.get_mut(&table).unwrap().remove(&before[0]);
            }
            Step::Change { table, filters, changes } => {
                for row in self.named(table, filters) {
                    self.change(table, row, changes)?;
                }
            }
            Step::Remove { table, filters } => {
                for row in self.named(table, filters) {
                    self.state.get_mut(table).unwrap().remove(&row[0]);
                }
            }
        }
        Ok(())
    }

    fn insert(&mut self, name: &str, given: &[(String, Expression)]) -> Result<Row, String> {
        let table = self.table(name).clone();
        let mut row = vec![Value::Null; table.columns.len()];
        for (column, value) in given {
            self.store(&table, &mut row, column, value)?;
        }
        let taken = |key: &Value| self.state[name].contains_key(key);
        if row[0].is_null() {
            let mut content = row.clone();
            for (column, value) in table.columns.iter().zip(&mut content) {
                if matches!(column.role, Role::Created | Role::Updated) {
                    *value = Value::Null;
                }
            }
            let content = Value::List(content).to_string();
            let mint = |at: u32| key(&table.key_style, &[name, &content, &at.to_string()]);
            row[0] = (0..).map(mint).find(|key| !taken(key)).unwrap();
        } else if taken(&row[0]) {
            return Err(format!("{} \"{}\" already exists", table.noun, values::spelled(&row[0])));
        }
        self.state.get_mut(name).unwrap().insert(row[0].clone(), row.clone());
        Ok(row)
    }

    fn change(
        &mut self,
        name: &str,
        before: Row,
        changes: &[(String, Expression)],
    ) -> Result<Row, String> {
        let table = self.table(name).clone();
        let mut after = before;
        for (column, value) in changes {
            self.store(&table, &mut after, column, value)?;
        }
        self.state.get_mut(name).unwrap().insert(after[0].clone(), after.clone());
        Ok(after)
    }

    fn store(
        &self,
        table: &Table,
        row: &mut Row,
        column: &str,
        value: &Expression,
    ) -> Result<(), String> {
        let value = self.value(value);
        if value.is_null() {
            return Ok(());
        }
        let place = table.place(column).unwrap();
        row[place] = values::fit(&table.columns[place].kind, &value)
            .ok_or_else(|| format!("\"{column}\" must be"))?;
        Ok(())
    }

    fn passing(&self, table: &str, filters: &[Filter]) -> Vec<Row> {
        let place = |column: &str| self.table(table).place(column).unwrap();
        let passes = |row: &&Row| {
            filters.iter().all(|filter| {
                let value = self.value(&filter.value);
                value.is_null()
                    || values::compare(&row[place(&filter.column)], filter.comparison, &value)
            })
        };
        self.state[table].values().filter(passes).cloned().collect()
    }

    fn named(&self, table: &str, filters: &[Filter]) -> Vec<Row> {
        let vague = filters.iter().any(|filter| self.value(&filter.value).is_null());
        if vague { Vec::new() } else { self.passing(table, filters) }
    }

    fn keyed(&self, table: &str, key: &Value) -> Option<Row> {
        let key = values::fit(&self.table(table).key().kind, key)?;
        self.state[table].get(&key).cloned()
    }

    fn holds(&self, condition: &Condition) -> bool {
        match condition {
            Condition::Compare(left, comparison, right) => {
                values::compare(&self.value(left), *comparison, &self.value(right))
            }
            Condition::References(value, table) => match self.value(value) {
                Value::Null => true,
                Value::List(keys) => keys.iter().all(|key| self.keyed(table, key).is_some()),
                key => self.keyed(table, &key).is_some(),
            },
            Condition::None(table, filters) => self.passing(table, filters).is_empty(),
        }
    }

    fn value(&self, expression: &Expression) -> Value {
        match expression {
            Expression::Literal(value) => value.clone(),
            Expression::Argument(name) => self.arguments[name].clone(),
            Expression::Part(name, pointer) => {
                self.arguments[name].at(pointer).cloned().unwrap_or_default()
            }
            Expression::Column(row, column) => {
                let (table, row) = &self.rows[row];
                row[self.table(table).place(column).unwrap()].clone()
            }
            Expression::Count(rows) => {
                Value::Integer(i64::try_from(self.lists[rows].1.len()).unwrap())
            }
            Expression::Now => Value::Text(calendar::clock(self.clock)),
            Expression::Otherwise(first, second) => match self.value(first) {
                Value::Null => self.value(second),
                first => first,
            },
            Expression::Arithmetic(left, operation, right) => {
                values::calculate(&self.value(left), *operation, &self.value(right))
            }
            Expression::Later(from, amount, span) => {
                calendar::later(&self.value(from), &self.value(amount), *span)
            }
        }
    }

    fn reply(&mut self, reply: &Reply) -> Value {
        match reply {
            Reply::Value(expression) => self.value(expression),
            Reply::Object(parts) => {
                let parts = parts.iter().map(|(name, part)| (name.clone(), self.reply(part)));
                Value::Object(parts.filter(|(_, value)| !value.is_null()).collect())
            }
            Reply::List(parts) => Value::List(parts.iter().map(|part| self.reply(part)).collect()),
            Reply::Each { rows, row, item } => {
                let (table, rows) = self.lists[rows].clone();
                let outer = self.rows.clone();
                let mut items = Vec::new();
                for it in rows {
                    self.rows.insert(row.clone(), (table.clone(), it));
                    items.push(self.reply(item));
                }
                self.rows = outer;
                Value::List(items)
            }
        }
    }

    /// A message with every slot that names something filled, one after the other.
    fn fill(&self, message: &str) -> String {
        let mut slots: BTreeMap<String, Value> = BTreeMap::new();
        for (row, (table, values)) in &self.rows {
            for (column, value) in self.table(table).columns.iter().zip(values) {
                slots.insert(format!("{row}.{}", column.name), value.clone());
            }
        }
        slots.extend(self.arguments.clone());
        let mut filled = String::new();
        let mut rest = message;
        'next: while !rest.is_empty() {
            for (name, value) in &slots {
                if let Some(after) = rest.strip_prefix(&format!("{{{name}}}")) {
                    filled.push_str(&values::spelled(value));
                    rest = after;
                    continue 'next;
                }
            }
            let end = rest.chars().next().map_or(0, char::len_utf8);
            filled.push_str(&rest[..end]);
            rest = &rest[end..];
        }
        filled
    }

    fn table(&self, name: &str) -> &Table {
        self.environment.table(name).unwrap()
    }
}

/// Both sides answer a call alike and are in the same state after it.
fn step(session: &mut Session<'_>, twin: &mut Twin, name: &str, given: &Value) {
    let ours = session.call(name, given);
    match twin.call(name, given) {
        Ok(answer) => {
            assert_eq!(ours.text, answer.to_string(), "{name} {given}");
            assert_eq!(ours.value(), answer, "{name} {given}");
        }
        Err(reason) => {
            let told = ours.value().is_null() && ours.failed;
            let text = Value::parse(&ours.text).unwrap();
            let text = text.get("error").and_then(Value::as_text).unwrap_or_default();
            assert!(told && text.starts_with(&reason), "{name} {given}: {} {reason}", ours.text);
        }
    }
    assert_eq!(session.fingerprint().to_string(), twin.fingerprint(), "{name} {given}");
}

fn worlds() -> Vec<World> {
    let all = [example::library(), example::help_desk(), example::every_step()];
    all.into_iter().map(|environment| World::new(environment).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// Goal: whatever is called, in whatever order, with forks and ways back, the engine and its
    /// twin say the same and are in the same state.
    #[test]
    fn sessions_do_as_their_twin(which in 0_usize..3, seed: u64, choices in prop::collection::vec((any::<u16>(), 0_u8..8), 1..40)) {
        let world = &worlds()[which];
        let operations = &world.environment().operations;
        let (mut session, mut twin) = (world.whole(), Twin::new(world.environment().clone()));
        for (turn, (choice, how)) in choices.into_iter().enumerate() {
            let operation = &operations[usize::from(choice) % operations.len()];
            let draw = Draw::new(seed).at(turn);
            let Some(given) = arguments(world, operation, draw, how % 2 == 0) else { continue };
            if how == 7 {
                // A sibling that does something else is never seen.
                let mut sibling = session.clone();
                let before = session.fingerprint();
                sibling.call(&operation.name, &given);
                prop_assert_eq!(session.fingerprint(), before);
                continue;
            }
            if how == 6 {
                let (mark, before) = (session.mark(), session.fingerprint());
                session.call(&operation.name, &given);
                session.go_back(&mark);
                prop_assert_eq!(session.fingerprint(), before);
            }
            step(&mut session, &mut twin, &operation.name, &given);
        }
        let all: BTreeSet<String> = operations.iter().map(|it| it.name.clone()).collect();
        prop_assert_eq!(world.session(&all).fingerprint(), world.whole().fingerprint());
    }
}

/// A message is filled once: what an argument says is not filled again.
#[test]
fn messages_are_filled_once() {
    let world = World::new(example::library()).unwrap();
    let mut session = world.whole();
    let given = "{\"book_id\": \"{member_id}\", \"member_id\": \"{book_id}\"}";
    let told = session.call("borrow_book", &Value::parse(given).unwrap());
    assert_eq!(told.text, "{\"error\": \"book \\\"{member_id}\\\" not found\"}");
}

/// Arguments that are nested without end are refused, whatever takes them.
#[test]
fn deep_arguments_are_refused() {
    let world = World::new(example::every_step()).unwrap();
    let deep = |depth: usize| {
        let text = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        Value::Object(vec![("note".into(), Value::parse(&text).unwrap())])
    };
    assert!(!world.whole().call("keep_note", &deep(64)).failed);
    assert!(world.whole().call("keep_note", &deep(65)).failed);
}

/// Comparisons of ASCII and of other texts agree on what case means.
#[test]
fn texts_are_found_whatever_the_case() {
    for (text, part, found) in
        [("Über", "ÜBER", true), ("Dune", "UNE", true), ("Dune", "", true), ("Dune", "x", false)]
    {
        let (text, part) = (Value::text(text), Value::text(part));
        assert_eq!(values::compare(&text, Comparison::Contains, &part), found);
    }
}
