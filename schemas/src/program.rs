//! The language of tools: small typed programs over tables.
//!
#![doc = include_str!("../LANGUAGE.md")]

use serde::{Deserialize, Serialize};

use crate::Value;

/// The page above. Models are shown it, so that what they are told is what is so: another wording
/// of it asks them anew.
pub const LANGUAGE: &str = include_str!("../LANGUAGE.md");

/// What a tool does: steps, then an answer.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Run in order.
    pub steps: Vec<Step>,
    /// Built when every step has passed.
    pub reply: Reply,
}

/// One step of a program.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Binds `row` to the row of `table` whose key is `key`; fails if there is none.
    Lookup {
        /// The binding made.
        row: String,
        /// The table looked into.
        table: String,
        /// The key's value.
        key: Expression,
    },
    /// Binds `row` to the first row, by key, that passes every filter; fails if there is none.
    Match {
        /// The binding made.
        row: String,
        /// The table looked into.
        table: String,
        /// All must hold.
        filters: Vec<Filter>,
        /// What the error says when no row passes, as in `Require`.
        otherwise: String,
    },
    /// Binds `rows` to the rows that pass every filter, in order, at most `limit` of them. Never
    /// fails: none is a list of none.
    Select {
        /// The binding made.
        rows: String,
        /// The table looked into.
        table: String,
        /// All must hold.
        filters: Vec<Filter>,
        /// The column to sort by and whether to sort down; by ascending key if none.
        order: Option<(String, Direction)>,
        /// The most rows bound; a null or negative limit is the engine's own.
        limit: Expression,
    },
    /// Fails unless the condition holds.
    Require {
        /// What must hold.
        condition: Condition,
        /// What the error says; `{name}` stands for the argument of that name and
        /// `{row.column}` for a column of a row bound before.
        otherwise: String,
    },
    /// Adds a row and binds `row` to it. Columns not given are null; a key not given is minted
    /// from the table's name, the values, and the logical clock. Fails if the key is taken.
    Insert {
        /// The binding made.
        row: String,
        /// The table that grows.
        table: String,
        /// Columns and their values.
        values: Vec<(String, Expression)>,
    },
    /// Changes columns of a bound row. The key never changes.
    Update {
        /// A row bound by `Lookup`, `Match` or `Insert`.
        row: String,
        /// Columns and their new values; a null value leaves the column as it is.
        changes: Vec<(String, Expression)>,
    },
    /// Removes a bound row; the binding keeps the row's last values.
    Delete {
        /// A row bound by `Lookup` or `Match`.
        row: String,
    },
    /// Changes columns of every row that passes every filter, each from the same values. None is
    /// no failure.
    Change {
        /// The table whose rows change.
        table: String,
        /// All must hold; here a filter whose value is null passes no row.
        filters: Vec<Filter>,
        /// Columns and their new values, as in `Update`.
        changes: Vec<(String, Expression)>,
    },
    /// Removes every row that passes every filter. None is no failure.
    Remove {
        /// The table whose rows go.
        table: String,
        /// All must hold; here a filter whose value is null passes no row.
        filters: Vec<Filter>,
    },
}

/// A condition on one column of the rows looked at.
///
/// A filter whose value is null passes every row: the argument behind it was left out.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// The column.
    pub column: String,
    /// How it is compared: column on the left, value on the right.
    pub comparison: Comparison,
    /// What it is compared with.
    pub value: Expression,
}

/// How two values are compared. Anything compared with null fails, except in a [`Filter`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// The same value; numbers by magnitude.
    Equal,
    /// Not the same value.
    Different,
    /// Numbers by magnitude, texts by their characters.
    AtLeast,
    /// The reverse of `AtLeast`.
    AtMost,
    /// Strictly greater.
    Above,
    /// Strictly less.
    Below,
    /// The text on the left contains the text on the right, whatever the case.
    Contains,
    /// The value on the left is an element of the list on the right.
    OneOf,
}

/// Which way rows are sorted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Least first.
    Ascending,
    /// Greatest first.
    Descending,
}

/// Something that holds or does not.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Two values compare so.
    Compare(Expression, Comparison, Expression),
    /// The left side is null, or the right table has a row of that key; of a list, a row of every
    /// key in it.
    References(Expression, String),
    /// No row of the table passes every filter.
    None(String, Vec<Filter>),
}

/// Something that has a value.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expression {
    /// This value.
    Literal(Value),
    /// The argument of that name; its default, or null, if it was left out.
    Argument(String),
    /// A part of an argument, at an RFC 6901 pointer; null if there is none.
    Part(String, String),
    /// A column of a bound row.
    Column(String, String),
    /// How many rows are bound.
    Count(String),
    /// The logical clock, as a time: it starts at the environments' common epoch and advances by
    /// one minute with every call that changes something.
    Now,
    /// The first unless it is null, else the second.
    Otherwise(Box<Expression>, Box<Expression>),
    /// Arithmetic on two numbers; null if either is not a number or the result is not finite.
    Arithmetic(Box<Expression>, Arithmetic, Box<Expression>),
    /// A day or a moment, so much later, spelled alike; null if the first is neither, the second
    /// is not a whole number, or the year leaves 1 to 9999. Days are not divided: a day moves by
    /// whole days only.
    Later(Box<Expression>, Box<Expression>, Span),
}

/// A span of time.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// Sixty seconds.
    Minutes,
    /// Sixty minutes.
    Hours,
    /// Twenty-four hours; leap seconds are not known here.
    Days,
}

/// An operation on two numbers. Integers stay integers; overflow and division by zero give null.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arithmetic {
    /// Sum.
    Add,
    /// Difference.
    Subtract,
    /// Product.
    Multiply,
    /// Quotient, always a float.
    Divide,
}

/// The shape of an answer.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Reply {
    /// A value.
    Value(Expression),
    /// An object; parts that are null are left out.
    Object(Vec<(String, Reply)>),
    /// An array of fixed parts.
    List(Vec<Reply>),
    /// One item per bound row; inside `item`, `row` is bound to it.
    Each {
        /// A binding made by `Select`.
        rows: String,
        /// The binding inside the item.
        row: String,
        /// The item.
        item: Box<Reply>,
    },
}

impl Expression {
    /// The argument of that name.
    pub fn argument(name: impl Into<String>) -> Expression {
        Expression::Argument(name.into())
    }

    /// A column of a bound row.
    pub fn column(row: impl Into<String>, column: impl Into<String>) -> Expression {
        Expression::Column(row.into(), column.into())
    }

    /// This text.
    pub fn text(text: impl Into<String>) -> Expression {
        Expression::Literal(Value::text(text))
    }
}
