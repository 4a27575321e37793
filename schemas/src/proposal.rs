//! Proposals: what a model would have the tables and programs of a domain be.

use serde::{Deserialize, Serialize};

use crate::{KeyStyle, Kind, Program, Role};

/// What is to be added to what was inferred for a domain.
///
/// Data like any other that comes from outside: nothing of it counts before it was checked. Its
/// JSON is described on the language's page.
#[derive(Clone, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Proposal {
    /// New tables.
    pub tables: Vec<ProposedTable>,
    /// New columns of the tables there are, and more that is known of the columns they have.
    pub columns: Vec<ProposedColumn>,
    /// Programs in the place of built-in ones.
    pub programs: Vec<ProposedProgram>,
}

/// A table that is not there yet.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProposedTable {
    /// Plural noun in `snake_case`.
    pub name: String,
    /// The noun for one row, in words.
    pub noun: String,
    /// The name of the key's column.
    pub key: String,
    /// How keys are spelled.
    pub key_style: KeyStyle,
    /// The other columns.
    pub columns: Vec<ProposedColumn>,
}

/// A column, or more that is known of one.
#[derive(Clone, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProposedColumn {
    /// The table it is in; empty for a column of a new table.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub table: String,
    /// Name in `snake_case`.
    pub name: String,
    /// What it holds; text if nothing is said, or what it held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// What it is for; nothing in particular if nothing is said, or what it was for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// What it means.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Texts such as it holds, of which first rows take theirs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// The least number it holds at first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<i64>,
    /// The greatest number it holds at first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<i64>,
}

/// A program for a tool.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProposedProgram {
    /// The tool, by its name among the operations of its domain.
    pub tool: String,
    /// What it does.
    pub program: Program,
}
