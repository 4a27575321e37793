//! Environments: a database schema, its first rows, and tools that are programs over them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Digest, DomainId, Field, Program, ToolId, Value};

/// A domain's simulated world: tables with their first rows, and the operations over them.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Environment {
    /// The domain it simulates.
    pub domain: DomainId,
    /// The domain's short name, such as `hotel-bookings`.
    pub name: String,
    /// The tables, by name.
    pub tables: Vec<Table>,
    /// The tools that passed the gate, by name.
    pub operations: Vec<Operation>,
}

/// A table: its first column is the primary key.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Table {
    /// Plural noun in `snake_case`, unique in the environment.
    pub name: String,
    /// The noun for one row, in words: `booking`, `purchase order`.
    pub noun: String,
    /// How keys are spelled.
    pub key_style: KeyStyle,
    /// Typed columns; the first is the key.
    pub columns: Vec<Column>,
    /// The rows a fresh environment starts with, each as long as `columns`, sorted by key.
    pub rows: Vec<Row>,
}

/// How a table's keys are spelled, at the start and when minted.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyStyle {
    /// Seven-digit integers.
    Integer,
    /// A prefix, an underscore and eight hexadecimal digits: `bk_7f3a90c1`.
    Prefixed(String),
    /// Thirty-two hexadecimal digits in the groups of a UUID.
    Uuid,
}

/// One row, a value for each column.
pub type Row = Vec<Value>;

/// A typed column.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Column {
    /// Name in `snake_case`, unique in the table.
    pub name: String,
    /// What it holds; every column but the key may also hold [`Value::Null`].
    pub kind: Kind,
    /// What it is for.
    pub role: Role,
    /// What it means, from a parameter or a property; may be empty.
    pub description: String,
}

/// What a column holds.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// One of a few texts.
    Choice(Vec<String>),
    /// A day, as `YYYY-MM-DD`.
    Date,
    /// A moment, as `YYYY-MM-DDTHH:MM:SSZ`.
    Time,
    /// A list or an object, kept whole.
    Json,
}

/// What a column is for.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The primary key.
    Key,
    /// Holds keys of the named table.
    Reference(String),
    /// The row's state in its life: a [`Kind::Choice`].
    Status,
    /// A stock that operations consume and restore; never below zero.
    Quantity,
    /// When the row was made, on the logical clock.
    Created,
    /// When the row was last changed, on the logical clock.
    Updated,
    /// Anything else.
    Plain,
}

/// A tool bound to its environment.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Operation {
    /// The tool it came from.
    pub tool: ToolId,
    /// That tool's revision.
    pub revision: Digest,
    /// Name in this environment, `[A-Za-z0-9_-]{1,64}`, unique in it.
    pub name: String,
    /// What it does, for the agent.
    pub description: String,
    /// Its arguments.
    pub input: Vec<Field>,
    /// What people do with it: a base-form verb and its object, such as `cancel` + `booking`.
    pub verb: String,
    /// The noun the verb acts on, singular, in words.
    pub noun: String,
    /// What it does to the tables.
    pub program: Program,
    /// Whether it changes the state.
    pub effect: Effect,
    /// Columns it looks at, as `(table, column)`.
    pub reads: BTreeSet<(String, String)>,
    /// Columns it may change, as `(table, column)`.
    pub writes: BTreeSet<(String, String)>,
}

impl Operation {
    /// The tables the operation looks at or changes.
    pub fn tables(&self) -> BTreeSet<&str> {
        self.reads.iter().chain(&self.writes).map(|(table, _)| table.as_str()).collect()
    }
}

/// Whether an operation changes the state: the paper's `op(tool) ∈ {read, write}`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It never changes the state.
    Read,
    /// It can change the state.
    Write,
}

impl Effect {
    /// The name used in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Effect::Read => "read",
            Effect::Write => "write",
        }
    }
}

impl Environment {
    /// The table of that name.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// The operation of that name.
    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.name == name)
    }

    /// The part of the environment that the named operations can see: those operations, and the
    /// tables they look at or change.
    ///
    /// A task runs on such a part, so that a new table elsewhere in the domain leaves the task's
    /// fingerprints alone.
    #[must_use]
    pub fn part(&self, names: &BTreeSet<String>) -> Environment {
        let operations: Vec<Operation> = self
            .operations
            .iter()
            .filter(|operation| names.contains(&operation.name))
            .cloned()
            .collect();
        let seen: BTreeSet<String> =
            operations.iter().flat_map(|operation| operation.tables()).map(String::from).collect();
        Environment {
            domain: self.domain,
            name: self.name.clone(),
            tables: self
                .tables
                .iter()
                .filter(|table| seen.contains(&table.name))
                .cloned()
                .collect(),
            operations,
        }
    }
}

impl Table {
    /// The place of a column among the columns.
    pub fn place(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|it| it.name == column)
    }

    /// The primary key's column.
    ///
    /// # Panics
    ///
    /// Panics if the table has no column; no table is made without its key.
    pub fn key(&self) -> &Column {
        self.columns.first().expect("a table has at least its key")
    }
}
