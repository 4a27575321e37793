//! What is built in for a domain, before any row: what a model is shown that may know better.

use std::sync::Arc;

use schemas::{Domain, EnvironmentPlan, Program, Table, Tool};

use crate::materialize::site::Site;

/// The tables of a domain and its tools.
pub(crate) struct Outline<'t> {
    /// The tables that several tools share, without rows.
    pub(crate) tables: Vec<Table>,
    /// The tools, by id.
    pub(crate) tools: Vec<Outlined<'t>>,
}

/// A tool and what it does.
pub(crate) struct Outlined<'t> {
    pub(crate) tool: &'t Tool,
    /// The name of its operation.
    pub(crate) name: String,
    /// Its program; none if it answers from cases of its own, or cannot be used.
    pub(crate) program: Option<Program>,
    /// Why it cannot be used, whatever the rows are; else empty.
    pub(crate) refused: String,
}

/// Outlines a domain: a function of its tools and of the limits, and of no seed.
pub(crate) fn outline<'t>(
    domain: &'t Domain,
    tools: &'t [Arc<Tool>],
    plan: &'t EnvironmentPlan,
) -> Outline<'t> {
    let site = Site::of(domain, tools, plan, 0);
    let (mut tables, operations) = site.sketched();
    tables.retain(|table| site.schema.table(&table.name).is_some());
    let is_shared = |name: &str| tables.iter().any(|table| table.name == name);
    let named = site.tools().zip(&site.names);
    let outlined = named.zip(operations).map(|((tool, name), made)| {
        let (program, refused) = match made {
            Ok(operation) if operation.tables().into_iter().all(is_shared) => {
                (Some(operation.program), String::new())
            }
            Ok(_) => (None, String::new()),
            Err(reason) => (None, reason),
        };
        Outlined { tool, name: name.clone(), program, refused }
    });
    let outlined = outlined.collect();
    Outline { tables, tools: outlined }
}
