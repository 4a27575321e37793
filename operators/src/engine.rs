//! The engine: environments as values, calls as pure transitions.
//!
//! A [`World`] is an environment whose programs have been type-checked; it never changes and is
//! shared. A [`Session`] is one conversation's view of it: the offered operations and what their
//! calls have changed so far. Resetting is making a new session, which costs nothing; the
//! fingerprint is kept up to date with every write, so that comparing two states costs a compare.
//!
//! Memory: a world holds its rows once; a session grows with the rows it wrote, nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use schemas::{Digest, Environment, Operation, Table, Task, Value};

use crate::engine::lower::{Code, lower};

pub use crate::engine::check::{Fault, Footprint, footprint};
pub(crate) use crate::engine::execute::key;
pub use crate::engine::fingerprint::{Fingerprint, Held, Spelling};
pub use crate::engine::session::{ARGUMENT_DEPTH_MAX, Mark, Observation, Session};
pub use crate::engine::spell::spell;
pub(crate) use crate::engine::values::{fit, whole};

mod fingerprint;
mod check;
mod lower;
mod values;
mod calendar;
mod session;
mod execute;
mod spell;
pub mod example;
#[cfg(test)]
mod twin;

/// Most rows an answer lists, whatever a program's limit says.
pub const LISTED_MAX: usize = 100;

/// An environment ready to run: every program checked, every table indexed by key.
#[derive(Debug)]
pub struct World {
    environment: Environment,
    tables: Vec<Base>,
    operations: BTreeMap<String, usize>,
    /// The operations' programs, in their order.
    codes: Vec<Code>,
    /// The places of the tables that each operation sees.
    seen: Vec<BTreeSet<usize>>,
    digests: OnceLock<Digests>,
}

/// Digests of what parts are made of, computed when the first part is asked for.
#[derive(Debug)]
struct Digests {
    tables: Vec<Digest>,
    operations: Vec<Digest>,
}

/// A table's first rows, by key, and the sum of their fingerprints.
#[derive(Debug)]
struct Base {
    rows: BTreeMap<Value, Arc<Held>>,
    spelling: Spelling,
    fingerprint: Fingerprint,
}

/// What sessions can call and see: made once, shared by all of them.
#[derive(Debug)]
pub struct Offer {
    /// The operations that can be called.
    names: BTreeSet<String>,
    /// The places of the tables that make up the state.
    visible: BTreeSet<usize>,
    /// That of the first rows of these tables.
    fingerprint: Fingerprint,
}

impl World {
    /// Checks an environment and indexes it.
    ///
    /// # Errors
    ///
    /// Returns the first fault found: a program that is ill-typed, a declared footprint that is
    /// not the program's, or a table whose rows do not fit its columns.
    pub fn new(environment: Environment) -> Result<World, Fault> {
        let mut operations = BTreeMap::new();
        for (place, operation) in environment.operations.iter().enumerate() {
            let found = footprint(operation, &environment)?;
            if found.reads != operation.reads || found.writes != operation.writes {
                return Err(Fault::new(&operation.name, "declares another footprint than it has"));
            }
            if operations.insert(operation.name.clone(), place).is_some() {
                return Err(Fault::new(&operation.name, "is the name of two operations"));
            }
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = environment.tables.iter().find(|table| !names.insert(&table.name)) {
            return Err(Fault::new(&twice.name, "is the name of two tables"));
        }
        let tables = environment.tables.iter().map(Base::new).collect::<Result<_, _>>()?;
        let place = |name: &str| environment.tables.iter().position(|table| table.name == name);
        let seen = environment
            .operations
            .iter()
            .map(|operation| operation.tables().into_iter().filter_map(place).collect())
            .collect();
        let programs = environment.operations.iter();
        let codes = programs.map(|operation| lower(operation, &environment)).collect();
        Ok(World { environment, tables, operations, codes, seen, digests: OnceLock::new() })
    }

    /// The environment the world was made from.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The environment the world was made from, when the world is no longer needed.
    pub(crate) fn into_environment(self) -> Environment {
        self.environment
    }

    /// The operation of that name.
    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.operations.get(name).map(|place| &self.environment.operations[*place])
    }

    /// What sessions can call and see that are offered the named operations; names of no
    /// operation are left out.
    pub fn offer(&self, offered: &BTreeSet<String>) -> Arc<Offer> {
        let known = offered.iter().filter(|name| self.operations.contains_key(*name));
        let names: BTreeSet<String> = known.cloned().collect();
        let visible = self.visible(&names);
        let mut fingerprint = Fingerprint::default();
        visible.iter().for_each(|place| fingerprint.add(self.tables[*place].fingerprint));
        Arc::new(Offer { names, visible, fingerprint })
    }

    /// Begins a session in the first state; costs the same whatever the world holds.
    ///
    /// The offer must be one of this world.
    pub fn open(&self, offer: &Arc<Offer>) -> Session<'_> {
        Session::new(self, Arc::clone(offer))
    }

    /// Begins a session in which the named operations can be called.
    pub fn session(&self, offered: &BTreeSet<String>) -> Session<'_> {
        self.open(&self.offer(offered))
    }

    /// Begins a session as a task has it: with what it offers, and what goes wrong in it.
    pub fn session_of(&self, task: &Task) -> Session<'_> {
        self.session(&task.offered).with_faults(&task.faults)
    }

    /// Begins a session in which every operation can be called.
    pub fn whole(&self) -> Session<'_> {
        self.session(&self.operations.keys().cloned().collect())
    }

    /// Digest of what the named operations see, and of what a conversation says of the whole: their
    /// definitions, the rows of their tables, and the environment's name.
    ///
    /// Two environments with equal parts answer every sequence of these calls alike, so a task
    /// that names its part need not be rolled out again when something else in its domain moves.
    pub fn part(&self, offered: &BTreeSet<String>) -> Digest {
        let digests = self.digests.get_or_init(|| Digests {
            tables: self.environment.tables.iter().map(Digest::of_record).collect(),
            operations: self.environment.operations.iter().map(Digest::of_record).collect(),
        });
        let places = offered.iter().filter_map(|name| self.operations.get(name));
        let operations = places.map(|place| digests.operations[*place].0);
        let tables = self.visible(offered).into_iter().map(|place| digests.tables[place].0);
        let name = Digest::of(self.environment.name.as_bytes()).0;
        Digest::of_parts([name].into_iter().chain(operations).chain([[0; 32]]).chain(tables))
    }

    /// The places of the tables that the named operations see.
    fn visible(&self, offered: &BTreeSet<String>) -> BTreeSet<usize> {
        offered
            .iter()
            .filter_map(|name| self.operations.get(name))
            .flat_map(|place| self.seen[*place].iter().copied())
            .collect()
    }

    fn place(&self, table: &str) -> Option<usize> {
        self.environment.tables.iter().position(|it| it.name == table)
    }
}

impl Base {
    fn new(table: &Table) -> Result<Base, Fault> {
        let spelling = Spelling::of(table);
        let mut base =
            Base { rows: BTreeMap::new(), spelling, fingerprint: Fingerprint::default() };
        for row in &table.rows {
            if row.len() != table.columns.len() {
                return Err(Fault::new(
                    &table.name,
                    "has a row of another length than its columns",
                ));
            }
            let fits = table.columns.iter().zip(row).enumerate().all(|(place, (column, value))| {
                (0 < place && value.is_null())
                    || fit(&column.kind, value).is_some_and(|fitted| fitted == *value)
            });
            if !fits {
                return Err(Fault::new(&table.name, "has a row that does not fit its columns"));
            }
            let held = base.spelling.hold(row.clone());
            base.fingerprint.add(held.fingerprint());
            if base.rows.insert(row[0].clone(), Arc::new(held)).is_some() {
                return Err(Fault::new(&table.name, "has two rows of one key"));
            }
        }
        Ok(base)
    }
}
