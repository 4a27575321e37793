//! Sessions: one conversation's view of a world.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::iter::Peekable;
use std::sync::Arc;

use schemas::{Digest, FaultKind, Field, InjectedFault, Row, Shape, Table, Value};

use crate::engine::execute::{Execution, Failure};
use crate::engine::fingerprint::{Fingerprint, Held};
use crate::engine::{Offer, World, values};

/// Deepest nesting of a call's arguments, in lists and objects.
pub const ARGUMENT_DEPTH_MAX: usize = 64;

/// What the environment answers to a call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Observation {
    /// The answer as JSON text; `{"error": "…"}` if the call failed.
    pub text: String,
    /// Whether the call failed; but for a reply that is lost, a call that failed changed nothing.
    pub failed: bool,
}

impl Observation {
    /// The answer as a value; null if the call failed.
    pub fn value(&self) -> Value {
        if self.failed { Value::Null } else { Value::parse(&self.text).unwrap_or_default() }
    }
}

/// One conversation's view of a world: the offered operations, and what was changed so far.
///
/// The state is the tables that the offered operations can see. A fork is a clone and costs as
/// much whatever was written; it never sees its sibling's writes. What was written is copied by
/// the first write after a fork or a mark.
#[derive(Clone, Debug)]
pub struct Session<'w> {
    pub(super) world: &'w World,
    offer: Arc<Offer>,
    written: Arc<Written>,
    fingerprint: Fingerprint,
    /// How many calls that wrote have succeeded: the logical clock.
    pub(super) clock: u32,
    /// What the writes of the call under way replaced.
    undo: Vec<Replaced>,
    /// Operations that fail for a while.
    faults: Vec<InjectedFault>,
}

/// Rows that differ from the world's, by table and key; none where a row was removed.
type Written = BTreeMap<usize, BTreeMap<Value, Option<Arc<Held>>>>;

/// A row written: its table and key, and what was written there before, if anything was.
type Replaced = (usize, Value, Option<Option<Arc<Held>>>);

/// A moment of a session to go back to.
#[derive(Clone, Debug)]
pub struct Mark {
    written: Arc<Written>,
    fingerprint: Fingerprint,
    clock: u32,
    faults: Vec<InjectedFault>,
}

impl<'w> Session<'w> {
    pub(super) fn new(world: &'w World, offer: Arc<Offer>) -> Session<'w> {
        let fingerprint = offer.fingerprint;
        Session {
            world,
            offer,
            written: Arc::default(),
            fingerprint,
            clock: 0,
            undo: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// The same session, in which operations fail for a while.
    #[must_use]
    pub fn with_faults(self, faults: &[InjectedFault]) -> Session<'w> {
        Session { faults: faults.to_vec(), ..self }
    }

    /// Executes a call: validates the arguments, runs the program, answers.
    ///
    /// A call either succeeds, or fails and changes nothing; only a fault of the kind
    /// [`FaultKind::LostReply`] answers with an error though the call succeeded. The same session
    /// and call always give the same observation.
    pub fn call(&mut self, name: &str, arguments: &Value) -> Observation {
        let fault = self.faults.iter().position(|it| 0 < it.times && it.operation == name);
        let Some(fault) = fault.filter(|_| self.offer.names.contains(name)) else {
            return self.carry_out(name, arguments);
        };
        let kind = self.faults[fault].kind;
        if kind == FaultKind::LostReply {
            let done = self.carry_out(name, arguments);
            if done.failed {
                return done;
            }
        }
        self.faults[fault].times -= 1;
        refused(kind.message().into())
    }

    /// Executes a call, whatever faults there are.
    fn carry_out(&mut self, name: &str, arguments: &Value) -> Observation {
        let fingerprint = self.fingerprint;
        let outcome = self.attempt(name, arguments);
        let wrote = !self.undo.is_empty();
        match outcome {
            Ok(text) => {
                self.clock += u32::from(wrote);
                self.undo.clear();
                Observation { text, failed: false }
            }
            Err(failure) => {
                if wrote {
                    self.undo();
                    self.fingerprint = fingerprint;
                }
                refused(failure.0)
            }
        }
    }

    /// Fingerprint of the state: of the rows of every table the offered operations can see.
    pub fn fingerprint(&self) -> Digest {
        self.fingerprint.digest()
    }

    /// This moment, to go back to.
    pub fn mark(&self) -> Mark {
        let written = Arc::clone(&self.written);
        let faults = self.faults.clone();
        Mark { written, fingerprint: self.fingerprint, clock: self.clock, faults }
    }

    /// Undoes everything since a mark of this session.
    pub fn go_back(&mut self, mark: &Mark) {
        self.written = Arc::clone(&mark.written);
        (self.fingerprint, self.clock) = (mark.fingerprint, mark.clock);
        self.faults.clone_from(&mark.faults);
    }

    /// The rows of a table as they are now, by key; none if the session cannot see the table.
    pub fn rows(&self, table: &str) -> Vec<Arc<Held>> {
        self.seen(table).map_or_else(Vec::new, |place| self.each(place).cloned().collect())
    }

    /// The rows of a table as they are now, by key, without copying any; none of a table that the
    /// session cannot see.
    pub(crate) fn each_of(&self, table: &str) -> impl Iterator<Item = &Arc<Held>> {
        self.seen(table).into_iter().flat_map(|place| self.each(place))
    }

    /// The row of a key, as it is now; none if there is none or the session cannot see the table.
    pub fn row_of(&self, table: &str, key: &Value) -> Option<Arc<Held>> {
        let place = self.seen(table)?;
        let found = self.row(place, key).cloned();
        // A key that is spelled another way, as 1.0 for 1, is still that key.
        found.or_else(|| self.each(place).find(|row| row[0].same(key)).cloned())
    }

    /// The place of a table, if the session can see it.
    fn seen(&self, table: &str) -> Option<usize> {
        self.world.place(table).filter(|place| self.offer.visible.contains(place))
    }

    /// How this state differs from another of the same world, a line per row, in words:
    /// `loans: +1 row loan_id=…`, `books[bk_7f3a]: copies_available 4 ≠ 5`.
    pub fn difference(&self, other: &Session<'_>) -> Vec<String> {
        let keys = |session: &Self| -> Vec<(usize, Value)> {
            let rows = session.written.iter();
            rows.flat_map(|(place, rows)| rows.keys().map(|key| (*place, key.clone()))).collect()
        };
        let mut touched = keys(self);
        let theirs = other.written.iter();
        touched
            .extend(theirs.flat_map(|(place, rows)| rows.keys().map(|key| (*place, key.clone()))));
        let touched: BTreeSet<(usize, Value)> = touched.into_iter().collect();
        touched
            .into_iter()
            .filter_map(|(place, key)| {
                let table = &self.world.environment.tables[place];
                describe(table, &key, self.row(place, &key), other.row(place, &key))
            })
            .collect()
    }

    fn attempt(&mut self, name: &str, arguments: &Value) -> Result<String, Failure> {
        let world = self.world;
        let place = world.operations.get(name).filter(|_| self.offer.names.contains(name));
        let place = *place.ok_or_else(|| Failure(format!("there is no tool \"{name}\"")))?;
        let arguments = validate(&world.environment.operations[place].input, arguments)?;
        let code = &world.codes[place];
        Execution::new(self, &arguments, code).run(code)
    }

    pub(super) fn row(&self, place: usize, key: &Value) -> Option<&Arc<Held>> {
        match self.written.get(&place).and_then(|rows| rows.get(key)) {
            Some(row) => row.as_ref(),
            None => self.world.tables[place].rows.get(key),
        }
    }

    /// The rows of a table as they are now, by key, without copying any.
    pub(super) fn each(&self, place: usize) -> Rows<'_> {
        let base = self.world.tables[place].rows.iter().peekable();
        let written = self.written.get(&place).map(|rows| rows.iter().peekable());
        Rows { base, written }
    }

    /// Adds a row whose key no row has.
    pub(super) fn add(&mut self, place: usize, row: Row) -> Arc<Held> {
        let held = Arc::new(self.world.tables[place].spelling.hold(row));
        self.fingerprint.add(held.fingerprint());
        self.write(place, held[0].clone(), Some(Arc::clone(&held)));
        held
    }

    /// Puts a row in the place of the one of the same key.
    pub(super) fn put(&mut self, place: usize, row: Row) -> Arc<Held> {
        self.forget(place, &row[0]);
        self.add(place, row)
    }

    /// Takes a row out of a table.
    pub(super) fn take(&mut self, place: usize, key: &Value) {
        self.forget(place, key);
        self.write(place, key.clone(), None);
    }

    /// Takes a row out of the fingerprint.
    fn forget(&mut self, place: usize, key: &Value) {
        if let Some(before) = self.row(place, key).map(|row| row.fingerprint()) {
            self.fingerprint.remove(before);
        }
    }

    fn write(&mut self, place: usize, key: Value, row: Option<Arc<Held>>) {
        let written = Arc::make_mut(&mut self.written).entry(place).or_default();
        let before = written.insert(key.clone(), row);
        self.undo.push((place, key, before));
    }

    /// Takes back the writes of the call under way, the last first.
    fn undo(&mut self) {
        let written = Arc::make_mut(&mut self.written);
        for (place, key, before) in self.undo.drain(..).rev() {
            let Some(rows) = written.get_mut(&place) else { continue };
            match before {
                Some(row) => drop(rows.insert(key, row)),
                None => drop(rows.remove(&key)),
            }
        }
    }
}

fn refused(message: String) -> Observation {
    let error = vec![("error".to_string(), Value::Text(message))];
    Observation { text: Value::Object(error).to_string(), failed: true }
}

/// The rows of a table by key: what was written goes before what was there.
pub(super) struct Rows<'a> {
    base: Peekable<btree_map::Iter<'a, Value, Arc<Held>>>,
    written: Option<Peekable<btree_map::Iter<'a, Value, Option<Arc<Held>>>>>,
}

impl<'a> Iterator for Rows<'a> {
    type Item = &'a Arc<Held>;

    fn next(&mut self) -> Option<&'a Arc<Held>> {
        let Some(written) = &mut self.written else {
            return self.base.next().map(|(_, row)| row);
        };
        loop {
            let order = match (self.base.peek(), written.peek()) {
                (_, None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((key, _)), Some((other, _))) => key.cmp(other),
            };
            if order.is_lt() {
                return self.base.next().map(|(_, row)| row);
            }
            if order.is_eq() {
                self.base.next();
            }
            if let Some((_, Some(row))) = written.next() {
                return Some(row);
            }
        }
    }
}

fn describe(
    table: &Table,
    key: &Value,
    ours: Option<&Arc<Held>>,
    theirs: Option<&Arc<Held>>,
) -> Option<String> {
    let (name, key_name) = (&table.name, &table.key().name);
    match (ours, theirs) {
        (Some(_), None) => Some(format!("{name}: +1 row {key_name}={key}")),
        (None, Some(_)) => Some(format!("{name}: -1 row {key_name}={key}")),
        (Some(ours), Some(theirs)) => {
            let changed: Vec<String> = table
                .columns
                .iter()
                .zip(ours.row().iter().zip(theirs.row()))
                .filter(|(_, (our, their))| our != their)
                .map(|(column, (our, their))| format!("{} {our} ≠ {their}", column.name))
                .collect();
            (!changed.is_empty()).then(|| format!("{name}[{key}]: {}", changed.join(", ")))
        }
        (None, None) => None,
    }
}

/// The arguments in the order of the input, with defaults filled in, if they fit the input.
fn validate<'a>(input: &'a [Field], arguments: &'a Value) -> Result<Vec<Cow<'a, Value>>, Failure> {
    let Value::Object(given) = arguments else {
        return Err(Failure("the arguments must be a JSON object".into()));
    };
    if let Some((name, _)) = given.iter().find(|(name, _)| !input.iter().any(|it| it.name == *name))
    {
        return Err(Failure(format!("unknown argument \"{name}\"")));
    }
    let mut valid = Vec::with_capacity(input.len());
    for field in input {
        let value = arguments.get(&field.name).filter(|value| !value.is_null());
        valid.push(match value {
            None if field.required => {
                return Err(Failure(format!("missing required argument \"{}\"", field.name)));
            }
            None => Cow::Borrowed(&field.default),
            Some(value) => {
                let value = adapt(&field.shape, value);
                if !field.shape.admits(&value) {
                    let expected = field.shape.describe();
                    return Err(Failure(format!("argument \"{}\" must be {expected}", field.name)));
                }
                if ARGUMENT_DEPTH_MAX < depth(&value) {
                    return Err(Failure(format!(
                        "argument \"{}\" is nested deeper than {ARGUMENT_DEPTH_MAX} levels",
                        field.name
                    )));
                }
                value
            }
        });
    }
    Ok(valid)
}

/// How deeply lists and objects are nested in a value; none is depth zero.
fn depth(value: &Value) -> usize {
    match value {
        Value::List(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(entries) => 1 + entries.iter().map(|(_, it)| depth(it)).max().unwrap_or(0),
        _ => 0,
    }
}

/// A float that is a whole number is one, where a whole number is asked for.
fn adapt<'a>(shape: &Shape, value: &'a Value) -> Cow<'a, Value> {
    match (shape, value) {
        (Shape::Integer { .. }, Value::Number(number)) => values::whole(number.get())
            .map_or(Cow::Borrowed(value), |whole| Cow::Owned(Value::Integer(whole))),
        _ => Cow::Borrowed(value),
    }
}
