//! Emitters: environments as sources that others run, and never as code that they wrote.
//!
//! A program of the typed language becomes readable Python over plain dictionaries. What the texts
//! of an API say reaches it only as quoted literals and as names of a small alphabet, so that an
//! exported folder does what its programs do and nothing else. Everything here is a function of
//! values to text; writing files is somebody else's.

use schemas::{Environment, Task};

pub use crate::emit::names::{code, identifier, identifiers, markdown, quoted, sql_name, sql_text};
pub use crate::emit::tau2::{PACKAGE, Tau2Domain, tau2, tau2_shared};

mod names;
mod layout;
mod message;
mod code;
mod tools;
mod schema;
mod data;
mod phrases;
mod policy;
mod tau2;

/// The library that generated tools are made of.
const RUNTIME: &str = include_str!("emit/runtime.py");

/// Sessions over generated tools.
const SESSION: &str = include_str!("emit/session.py");

/// The door to an exported environment.
const ENVIRONMENT: &str = include_str!("emit/environment.py");

/// A file of an export: its name in the folder and its text.
pub type Emitted = (&'static str, String);

/// An environment and its tasks, each with its split, as a folder of Python.
///
/// Needs nothing but Python's standard library, 3.9 or later. Calls answer what
/// [`Session::call`](crate::engine::Session::call) answers, byte for byte.
///
/// # Examples
///
/// ```
/// use operators::emit::python;
/// use operators::engine::example::library;
///
/// let files = python(&library(), &[]);
/// let (_, tools) = files.iter().find(|(name, _)| *name == "tools.py").unwrap();
/// assert!(tools.contains("def borrow_book(db, book_id, member_id, days):"));
/// ```
pub fn python(environment: &Environment, tasks: &[(Task, &str)]) -> Vec<Emitted> {
    vec![
        ("db.json", data::rows(environment)),
        ("environment.py", ENVIRONMENT.into()),
        ("policy.md", policy::policy(environment)),
        ("runtime.py", RUNTIME.into()),
        ("session.py", SESSION.into()),
        ("schema.sql", schema::schema(environment)),
        ("tasks.json", data::tasks(tasks)),
        ("tools.json", data::tools(environment)),
        ("tools.py", tools::tools(environment, "runtime")),
    ]
}

/// The folder that a domain is exported to: its name as an identifier, and digits of its id.
///
/// The digits are always there, so that a newcomer of the same name moves nobody.
pub fn folder(environment: &Environment) -> String {
    let id = format!("{:016x}", environment.domain.0);
    format!("{}_{}", identifier(&environment.name).trim_end_matches('_'), &id[..8])
}
