//! Sessions: one conversation's view of a world.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemas::{Digest, Field, Row, Shape, Table, Value};

use crate::engine::execute::{Execution, Failure};
use crate::engine::fingerprint::Fingerprint;
use crate::engine::{World, values};

/// What the environment answers to a call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Observation {
    /// The answer as JSON text; `{"error": "…"}` if the call failed.
    pub text: String,
    /// Whether the call failed; a call that failed changed nothing.
    pub failed: bool,
    /// The answer as a value; null if the call failed.
    pub value: Value,
}

/// One conversation's view of a world: the offered operations, and what was changed so far.
///
/// The state is the tables that the offered operations can see. A fork is a clone, and costs what
/// was written; it never sees its sibling's writes.
#[derive(Clone, Debug)]
pub struct Session<'w> {
    pub(super) world: &'w World,
    offered: BTreeSet<String>,
    /// Places of the tables that make up the state.
    visible: BTreeSet<usize>,
    /// Rows that differ from the world's, by table and key; none where a row was removed.
    pub(super) written: BTreeMap<(usize, Value), Option<Arc<Row>>>,
    fingerprint: Fingerprint,
    /// How many writes have succeeded: the logical clock.
    pub(super) clock: u32,
    /// What every write replaced, for going back.
    journal: Vec<((usize, Value), Option<Option<Arc<Row>>>)>,
}

/// A moment of a session to go back to.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    length: usize,
    fingerprint: Fingerprint,
    clock: u32,
}

impl<'w> Session<'w> {
    pub(super) fn new(world: &'w World, offered: &BTreeSet<String>) -> Session<'w> {
        let offered: BTreeSet<String> =
            offered.iter().filter(|name| world.operation(name).is_some()).cloned().collect();
        let visible = world.visible(&offered);
        let mut fingerprint = Fingerprint::default();
        for place in &visible {
            fingerprint.merge(world.tables[*place].fingerprint);
        }
        Session {
            world,
            offered,
            visible,
            written: BTreeMap::new(),
            fingerprint,
            clock: 0,
            journal: Vec::new(),
        }
    }

    /// Executes a call: validates the arguments, runs the program, answers.
    ///
    /// A call either succeeds, or fails and changes nothing. The same session and call always give
    /// the same observation.
    pub fn call(&mut self, name: &str, arguments: &Value) -> Observation {
        let mark = self.mark();
        match self.attempt(name, arguments) {
            Ok(value) => {
                if self.journal.len() != mark.length {
                    self.clock += 1;
                }
                Observation { text: value.to_string(), failed: false, value }
            }
            Err(failure) => {
                self.go_back(mark);
                let error = vec![("error".to_string(), Value::Text(failure.0))];
                let text = Value::Object(error).to_string();
                Observation { text, failed: true, value: Value::Null }
            }
        }
    }

    /// Fingerprint of the state: of the rows of every table the offered operations can see.
    pub fn fingerprint(&self) -> Digest {
        self.fingerprint.digest()
    }

    /// This moment, to go back to.
    pub fn mark(&self) -> Mark {
        Mark { length: self.journal.len(), fingerprint: self.fingerprint, clock: self.clock }
    }

    /// Undoes everything since a mark of this session.
    pub fn go_back(&mut self, mark: Mark) {
        for (place, before) in self.journal.drain(mark.length..).rev() {
            match before {
                Some(row) => drop(self.written.insert(place, row)),
                None => drop(self.written.remove(&place)),
            }
        }
        (self.fingerprint, self.clock) = (mark.fingerprint, mark.clock);
    }

    /// The rows of a table as they are now, by key; none if the session cannot see the table.
    pub fn rows(&self, table: &str) -> Vec<Arc<Row>> {
        match self.world.place(table) {
            Some(place) if self.visible.contains(&place) => self.current(place),
            _ => Vec::new(),
        }
    }

    /// How this state differs from another of the same world, a line per row, in words:
    /// `loans: +1 row loan_id=…`, `books[bk_7f3a]: copies_available 4 ≠ 5`.
    pub fn difference(&self, other: &Session<'_>) -> Vec<String> {
        let touched: BTreeSet<&(usize, Value)> =
            self.written.keys().chain(other.written.keys()).collect();
        touched
            .into_iter()
            .filter_map(|(place, key)| {
                let table = &self.world.environment.tables[*place];
                describe(table, key, self.row(*place, key), other.row(*place, key))
            })
            .collect()
    }

    fn attempt(&mut self, name: &str, arguments: &Value) -> Result<Value, Failure> {
        let world = self.world;
        let operation = world
            .operation(name)
            .filter(|_| self.offered.contains(name))
            .ok_or_else(|| Failure(format!("there is no tool \"{name}\"")))?;
        let arguments = validate(&operation.input, arguments)?;
        Execution::new(self, &arguments).run(&operation.program)
    }

    pub(super) fn row(&self, place: usize, key: &Value) -> Option<&Arc<Row>> {
        match self.written.get(&(place, key.clone())) {
            Some(row) => row.as_ref(),
            None => self.world.tables[place].rows.get(key),
        }
    }

    pub(super) fn current(&self, place: usize) -> Vec<Arc<Row>> {
        self.each(place).cloned().collect()
    }

    /// The rows of a table as they are now, by key, without copying any.
    pub(super) fn each(&self, place: usize) -> impl Iterator<Item = &Arc<Row>> {
        let mut base = self.world.tables[place].rows.iter().peekable();
        let mut written = self
            .written
            .range((place, Value::Null)..)
            .take_while(move |((it, _), _)| *it == place)
            .peekable();
        std::iter::from_fn(move || {
            loop {
                let over = match (base.peek(), written.peek()) {
                    (None, None) => return None,
                    (Some(_), None) => false,
                    (None, Some(_)) => true,
                    (Some((key, _)), Some(((_, other), _))) => {
                        if *key == other {
                            base.next();
                            continue;
                        }
                        other < *key
                    }
                };
                match over {
                    false => return base.next().map(|(_, row)| row),
                    true => {
                        if let Some((_, Some(row))) = written.next() {
                            return Some(row);
                        }
                    }
                }
            }
        })
    }

    pub(super) fn write(&mut self, place: usize, key: &Value, row: Option<Arc<Row>>) {
        let world = self.world;
        let table = &world.environment.tables[place];
        if let Some(before) = self.row(place, key).cloned() {
            self.fingerprint.remove(table, &before);
        }
        if let Some(after) = &row {
            self.fingerprint.add(table, after);
        }
        let before = self.written.insert((place, key.clone()), row);
        self.journal.push(((place, key.clone()), before));
    }
}

fn describe(
    table: &Table,
    key: &Value,
    ours: Option<&Arc<Row>>,
    theirs: Option<&Arc<Row>>,
) -> Option<String> {
    let (name, key_name) = (&table.name, &table.key().name);
    match (ours, theirs) {
        (Some(_), None) => Some(format!("{name}: +1 row {key_name}={key}")),
        (None, Some(_)) => Some(format!("{name}: -1 row {key_name}={key}")),
        (Some(ours), Some(theirs)) => {
            let changed: Vec<String> = table
                .columns
                .iter()
                .zip(ours.iter().zip(theirs.iter()))
                .filter(|(_, (our, their))| our != their)
                .map(|(column, (our, their))| format!("{} {our} ≠ {their}", column.name))
                .collect();
            (!changed.is_empty()).then(|| format!("{name}[{key}]: {}", changed.join(", ")))
        }
        (None, None) => None,
    }
}

/// The arguments with defaults filled in, if they fit the operation's input.
fn validate(input: &[Field], arguments: &Value) -> Result<BTreeMap<String, Value>, Failure> {
    let Value::Object(given) = arguments else {
        return Err(Failure("the arguments must be a JSON object".into()));
    };
    if let Some((name, _)) = given.iter().find(|(name, _)| !input.iter().any(|it| it.name == *name))
    {
        return Err(Failure(format!("unknown argument \"{name}\"")));
    }
    let mut valid = BTreeMap::new();
    for field in input {
        let value = arguments.get(&field.name).filter(|value| !value.is_null());
        match value {
            None if field.required => {
                return Err(Failure(format!("missing required argument \"{}\"", field.name)));
            }
            None => drop(valid.insert(field.name.clone(), field.default.clone())),
            Some(value) => {
                let value = adapt(&field.shape, value);
                if !field.shape.admits(&value) {
                    let expected = field.shape.describe();
                    return Err(Failure(format!("argument \"{}\" must be {expected}", field.name)));
                }
                valid.insert(field.name.clone(), value);
            }
        }
    }
    Ok(valid)
}

/// A float that is a whole number is one, where a whole number is asked for.
fn adapt(shape: &Shape, value: &Value) -> Value {
    match (shape, value) {
        (Shape::Integer { .. }, Value::Number(number)) => {
            values::whole(number.get()).map_or_else(|| value.clone(), Value::Integer)
        }
        _ => value.clone(),
    }
}
