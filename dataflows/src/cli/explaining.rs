//! `agentscaler explain`.

use std::io::{self, Write};

use anyhow::bail;
use serde_json::{Map, Value, json};

use super::{ExplainArgs, Outcome, plain, warn_of_damage};
use crate::explain::{Explained, explain};
use crate::store::{StoreError, World};

/// Most things shown that go by one name.
const SHOWN_MAX: usize = 20;

/// Longest text of a row shown on a line, in characters; `--json` shows all.
const TEXT_CHARS_MAX: usize = 400;

pub(super) fn run(args: &ExplainArgs, quiet: bool) -> anyhow::Result<Outcome> {
    let world = World::open(&args.world)?;
    let latest = world.latest()?;
    warn_of_damage(&latest, quiet);
    let manifest =
        latest.manifest.ok_or_else(|| StoreError::NoWorld { path: args.world.clone() })?;
    let found = explain(&world, &manifest, &args.name, SHOWN_MAX)?;
    if found.is_empty() {
        bail!(
            "nothing in version {} goes by \"{}\"\n  name an id, a tool, a domain, or a file of the \
             corpus with a pointer, as `agentscaler list` prints them",
            manifest.version,
            args.name
        );
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    for one in &found {
        if args.json {
            let row = json!({
                "schema_version": crate::summary::SCHEMA_VERSION, "kind": one.kind, "row": one.row,
            });
            writeln!(out, "{row}")?;
        } else {
            show(&mut out, one)?;
        }
    }
    out.flush()?;
    Ok(Outcome::Done)
}

fn show(out: &mut impl Write, one: &Explained) -> io::Result<()> {
    writeln!(out, "{}", one.kind)?;
    for (name, value) in &one.row {
        match value {
            Value::Null => {}
            Value::Array(items) if name == "provenance" => show_provenance(out, items)?,
            Value::Array(items) if name == "neighbours" => show_neighbours(out, items)?,
            Value::Array(lines) if name == "program" || name == "lacks" => {
                writeln!(out, "  {name}")?;
                for line in lines.iter().filter_map(Value::as_str) {
                    writeln!(out, "    {}", plain(line))?;
                }
            }
            Value::Array(items) if name == "drawn_to" => show_pulls(out, items, &one.row)?,
            Value::Array(items) if items.iter().any(Value::is_object) => {
                writeln!(out, "  {name}")?;
                for item in items {
                    writeln!(out, "    {}", cut(item))?;
                }
            }
            Value::Object(schema) if name == "parameters" => show_arguments(out, schema)?,
            value => writeln!(out, "  {name:<14} {}", cut(value))?,
        }
    }
    Ok(())
}

fn show_provenance(out: &mut impl Write, items: &[Value]) -> io::Result<()> {
    writeln!(out, "  made from")?;
    for item in items {
        let text = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default();
        let rules = item.get("rules").and_then(Value::as_array).into_iter().flatten();
        let rules: Vec<&str> = rules.filter_map(Value::as_str).collect();
        writeln!(out, "    {}", plain(&format!("{}{}", text("file"), text("pointer"))))?;
        let parts = ["source", "provider", "service", "version", "license"];
        let parts = parts.into_iter().filter(|part| !text(part).is_empty());
        let parts: Vec<String> = parts.map(|part| format!("{part} \"{}\"", text(part))).collect();
        writeln!(out, "      {}", plain(&parts.join(", ")))?;
        if !rules.is_empty() {
            writeln!(out, "      rules: {}", rules.join(", "))?;
        }
    }
    Ok(())
}

/// Most neighbours of a tool shown; `--json` has all.
const NEIGHBOURS_MAX: usize = 15;

fn show_neighbours(out: &mut impl Write, items: &[Value]) -> io::Result<()> {
    writeln!(out, "  neighbours (cosine, name, id, and the terms that add most to the cosine)")?;
    for item in items.iter().take(NEIGHBOURS_MAX) {
        let text = |key: &str| item[key].as_str().unwrap_or_default();
        let shared = item["shared"].as_array().into_iter().flatten();
        let shared = shared.map(|term| term["term"].as_str().unwrap_or("(a newer term)"));
        let shared: Vec<&str> = shared.collect();
        let cosine = item["cosine"].as_f64().unwrap_or_default();
        let line = format!("{} {}: {}", text("name"), text("id"), shared.join(", "));
        writeln!(out, "    {cosine:.3}  {}", plain(&line))?;
    }
    if NEIGHBOURS_MAX < items.len() {
        writeln!(out, "    and {} more", items.len() - NEIGHBOURS_MAX)?;
    }
    Ok(())
}

/// Why a tool is in its domain: how strongly each domain draws it.
fn show_pulls(out: &mut impl Write, items: &[Value], row: &Map<String, Value>) -> io::Result<()> {
    let own = row.get("domain_id").and_then(Value::as_str);
    match own {
        Some(_) => writeln!(out, "  drawn to (domain, links to its tools, sum of their cosines)")?,
        None => writeln!(out, "  drawn to, but in no domain: too few tools, or no room")?,
    }
    for item in items.iter().take(5) {
        let text = |key: &str| item[key].as_str().unwrap_or_default();
        let mark = if own == Some(text("domain")) { "  <- its domain" } else { "" };
        let (links, sum) = (item["links"].as_u64(), item["cosines"].as_f64());
        let (links, sum) = (links.unwrap_or_default(), sum.unwrap_or_default());
        let name = plain(&format!("{} {}", text("name"), text("domain")));
        let plural = if links == 1 { "" } else { "s" };
        writeln!(out, "    {name}: {links} link{plural}, {sum:.3}{mark}")?;
    }
    Ok(())
}

/// The arguments of a tool, one a line.
fn show_arguments(out: &mut impl Write, schema: &Map<String, Value>) -> io::Result<()> {
    writeln!(out, "  arguments")?;
    let properties = schema.get("properties").and_then(Value::as_object);
    let required = schema.get("required").and_then(Value::as_array);
    for (name, property) in properties.into_iter().flatten() {
        let is_required =
            required.is_some_and(|names| names.iter().any(|one| one.as_str() == Some(name)));
        let mark = if is_required { " (required)" } else { "" };
        writeln!(out, "    {}{mark}: {}", plain(name), cut(property))?;
    }
    Ok(())
}

fn cut(value: &Value) -> String {
    let text = match value {
        Value::String(text) => plain(text),
        other => plain(&other.to_string()),
    };
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
