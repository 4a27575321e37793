//! `agentscaler list`.

use std::io::{self, Write as _};

use serde_json::{Value, json};

use super::{Kind, ListArgs, Outcome, plain, plain_json, warn_of_damage};
use crate::listing::{domains, lineage, rejections, tasks, tools, trajectories, versions};
use crate::store::{StoreError, World};

pub(super) fn run(args: &ListArgs, quiet: bool) -> anyhow::Result<Outcome> {
    let world = World::open(&args.world)?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut headed = args.json;
    let mut outcome = Ok(());
    let mut print = |row: Value| {
        if outcome.is_ok() {
            outcome = match (args.json, &row) {
                (false, Value::Object(fields)) => print_line(&mut out, &mut headed, fields),
                _ => writeln!(out, "{}", plain_json(&row)),
            };
        }
        outcome.is_ok()
    };
    match args.kind {
        Kind::Versions | Kind::Lineage => {
            warn_of_damage(&world.latest()?, quiet);
            match args.kind {
                Kind::Lineage => lineage(&world, &mut print)?,
                _ => versions(&world, &mut print)?,
            }
        }
        kind => {
            let latest = world.latest()?;
            warn_of_damage(&latest, quiet);
            let manifest =
                latest.manifest.ok_or_else(|| StoreError::NoWorld { path: args.world.clone() })?;
            match kind {
                Kind::Domains => domains(&world, &manifest, &mut print)?,
                Kind::Tools => tools(&world, &manifest, &mut print)?,
                Kind::Tasks => tasks(&world, &manifest, &mut print)?,
                Kind::Trajectories => trajectories(&world, &manifest, &mut print)?,
                _ => rejections(&world, &manifest, &mut print)?,
            }
        }
    }
    outcome?;
    out.flush()?;
    Ok(Outcome::Done)
}

/// Writes a row's values between tabs, the first time below their names.
fn print_line(
    out: &mut impl io::Write,
    headed: &mut bool,
    fields: &serde_json::Map<String, Value>,
) -> io::Result<()> {
    if !std::mem::replace(headed, true) {
        let names: Vec<&str> = fields.keys().map(String::as_str).collect();
        writeln!(out, "{}", names.join("\t"))?;
    }
    let values: Vec<String> = fields.values().map(shown).collect();
    writeln!(out, "{}", values.join("\t"))
}

/// A value between tabs.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::String(text) => plain(text),
        other => json!(other).to_string(),
    }
}
