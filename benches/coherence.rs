//! How well the domains of the real corpus agree with who offers the tools, and what they are
//! filed under, neither of which the encoder reads.
//!
//! Prints figures, not times. The scores are computed by `coherence.py`, which needs the packages
//! of `requirements.txt`. `cargo test` groups a handful of tools of its own, so this cannot rot.

#![expect(clippy::print_stdout, reason = "figures are what this is for")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot set up should panic there")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::sync::Arc;

use operators::communities::modularity;
use schemas::{Basis, Digest, Domain, DomainId, Draw, Output, Shape, Tool, ToolId};

#[expect(dead_code, reason = "other benchmarks use the rest")]
mod real;
mod grouping;

/// How many domains are shown, for a person to read.
const SHOWN: usize = 30;

fn main() {
    if cfg!(debug_assertions) {
        let made = made();
        let (domains, ..) = grouping::group(&made);
        assert!(!domains.is_empty(), "tools of one kind have a domain");
        assert_eq!(lines(&made, &domains).lines().count(), made.len());
        return;
    }
    let Some(tools) = real::tools() else { return };
    let (domains, links, partition) = grouping::group(&tools);
    let covered: usize = domains.iter().map(|domain| domain.tools.len()).sum();
    let names: BTreeMap<&str, usize> = domains.iter().fold(BTreeMap::new(), |mut names, domain| {
        *names.entry(domain.name.as_str()).or_default() += 1;
        names
    });
    let shared: usize = names.values().filter(|bearers| 1 < **bearers).sum();
    println!(
        "{} tools, {} links, {} domains, {covered} tools in one, modularity {:.4}, {shared} domains \
         share a name",
        tools.len(),
        links.len(),
        domains.len(),
        modularity(&links, &partition, 1.0),
    );
    show(&tools, &domains);
    if let Some(python) = real::python() {
        let folder = std::env::temp_dir().join("coherence");
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("domains.tsv");
        fs::write(&path, lines(&tools, &domains)).unwrap();
        print!("{}", real::other_side(&python, "benches/coherence.py", &[&path]));
    }
}

/// Some domains with the tools in them, drawn by id.
fn show(tools: &[Arc<Tool>], domains: &[Domain]) {
    let named: BTreeMap<ToolId, &Tool> = tools.iter().map(|tool| (tool.id, &**tool)).collect();
    let draw = Draw::new(0);
    let mut drawn: Vec<&Domain> = domains.iter().collect();
    drawn.sort_by_key(|domain| (draw.with(domain.id.0.to_le_bytes()).bits(), domain.id));
    for domain in drawn.into_iter().take(SHOWN) {
        let members = domain.tools.iter().map(|(id, _)| named[id].name.as_str());
        println!("{}: {}", domain.name, members.collect::<Vec<_>>().join(" "));
    }
}

/// A line for each tool: id, provider, service, category, source, domain or nothing.
fn lines(tools: &[Arc<Tool>], domains: &[Domain]) -> String {
    let homes: BTreeMap<ToolId, DomainId> = domains
        .iter()
        .flat_map(|domain| domain.tools.iter().map(|(tool, _)| (*tool, domain.id)))
        .collect();
    let mut lines = String::new();
    for tool in tools {
        let home = homes.get(&tool.id).map_or_else(String::new, |domain| domain.0.to_string());
        let said = [&tool.provider, &tool.service, &tool.category, &tool.source];
        let said = said.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
        writeln!(lines, "{}\t{}\t{home}", tool.id.0, said.join("\t")).unwrap();
    }
    lines
}

/// Tools of eight kinds, made up.
fn made() -> Vec<Arc<Tool>> {
    let tool = |name: String| {
        Arc::new(Tool {
            id: ToolId::of([name.as_str()]),
            revision: Digest::of(name.as_bytes()),
            identity: name.clone(),
            name,
            description: String::new(),
            source: String::new(),
            provider: String::new(),
            service: String::new(),
            category: String::new(),
            license: String::new(),
            method: None,
            path: None,
            input: Vec::new(),
            output: Output { shape: Shape::Any, basis: Basis::Inferred },
        })
    };
    let verbs = ["book", "cancel", "find", "list", "change", "price"];
    let nouns = [
        "hotel_room",
        "lawn_mower",
        "choir_concert",
        "parcel_label",
        "dental_visit",
        "fishing_licence",
        "museum_guide",
        "solar_panel",
    ];
    nouns
        .iter()
        .flat_map(|noun| verbs.iter().map(move |verb| tool(format!("{verb}_{noun}"))))
        .collect()
}
