//! Who a tool is near to, what they share, and why it is in the domain it is in.

use std::collections::{BTreeMap, BTreeSet};

use operators::encode::term_id;
use operators::link::Remembered;
use schemas::{ToolId, Vector, Weights};
use serde_json::{Map, Value, json};

use crate::graph_objects::{read_neighbours, read_pin, vectors_of};
use crate::listing;
use crate::store::{Manifest, StoreError, World};

/// Most shared terms told of two tools, those that make most of their cosine.
const TERMS_MAX: usize = 6;

/// The unit of a product of two weights of vectors.
const ONE: f64 = 1_152_921_504_606_846_976.0;

/// The tool graph of a version, as far as it explains.
pub(super) struct Kin<'w> {
    world: &'w World,
    manifest: &'w Manifest,
    near: Remembered,
    /// By tool: its name, and the id of its domain if it has one.
    tools: BTreeMap<ToolId, (String, Option<String>)>,
    /// By domain: its name.
    domains: BTreeMap<String, String>,
    /// By hash: the terms that the weights know.
    terms: BTreeMap<u64, String>,
}

impl<'w> Kin<'w> {
    /// Reads the graph of a version.
    pub(super) fn read(world: &'w World, manifest: &'w Manifest) -> Result<Kin<'w>, StoreError> {
        let mut tools = BTreeMap::new();
        listing::tools(world, manifest, &mut |row| {
            let text = |key: &str| row[key].as_str().map(str::to_string);
            if let Some(id) = text("id").and_then(|id| id.parse().ok()) {
                tools.insert(id, (text("name").unwrap_or_default(), text("domain_id")));
            }
            true
        })?;
        let mut domains = BTreeMap::new();
        listing::domains(world, manifest, &mut |row| {
            let text = |key: &str| row[key].as_str().unwrap_or_default().to_string();
            domains.insert(text("id"), text("name"));
            true
        })?;
        let weights: Weights = read_pin(world, manifest, "weights")?;
        let terms = weights.occurrences.into_keys();
        let terms = terms.map(|term| (term_id(&term), term)).collect();
        let near = read_neighbours(world, &manifest.contents)?;
        Ok(Kin { world, manifest, near, tools, domains, terms })
    }

    /// Adds to the row of a tool whom it is linked to, with the cosine and the terms that make
    /// most of it, and how strongly each domain draws it.
    pub(super) fn explain(&self, row: &mut Map<String, Value>) -> Result<(), StoreError> {
        let id = row.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok());
        let Some(tool) = id else { return Ok(()) };
        let linked = self.linked(tool);
        let wanted: BTreeSet<ToolId> =
            linked.iter().map(|(other, _)| *other).chain([tool]).collect();
        let vectors = vectors_of(self.world, &self.manifest.contents, &wanted)?;
        let neighbours = linked.iter().map(|(other, weight)| {
            let (name, domain) = self.tools.get(other).cloned().unwrap_or_default();
            let shared = match (vectors.get(&tool), vectors.get(other)) {
                (Some(one), Some(two)) => self.shared(one, two),
                _ => Vec::new(),
            };
            json!({
                "id": other, "name": name, "domain": domain, "cosine": cosine(*weight),
                "shared": shared,
            })
        });
        row.insert("neighbours".into(), neighbours.collect());
        row.insert("drawn_to".into(), self.pulls(&linked));
        Ok(())
    }

    /// The tools linked to one: those nearest to it, and those to which it is among the nearest;
    /// the nearest first, ties by id.
    fn linked(&self, tool: ToolId) -> Vec<(ToolId, u32)> {
        let mut linked: BTreeMap<ToolId, u32> = BTreeMap::new();
        for (one, known) in &self.near.tools {
            for (other, weight) in &known.nearest {
                if *one == tool {
                    linked.insert(*other, *weight);
                } else if *other == tool {
                    linked.insert(*one, *weight);
                }
            }
        }
        let mut linked: Vec<(ToolId, u32)> = linked.into_iter().collect();
        linked.sort_by_key(|(other, weight)| (std::cmp::Reverse(*weight), *other));
        linked
    }

    /// The terms two tools share, with what each adds to their cosine, the greatest first. A term
    /// that is newer than the weights has no name.
    #[expect(clippy::cast_precision_loss, reason = "a figure to read, not a key")]
    fn shared(&self, one: &Vector, two: &Vector) -> Vec<Value> {
        let weights: BTreeMap<u64, u32> = two.terms.iter().copied().collect();
        let mut products: Vec<(u64, u64)> = one
            .terms
            .iter()
            .filter_map(|(term, weight)| {
                Some((u64::from(*weight) * u64::from(*weights.get(term)?), *term))
            })
            .collect();
        products.sort_unstable_by_key(|(product, term)| (std::cmp::Reverse(*product), *term));
        let told = products.into_iter().take(TERMS_MAX).map(|(product, term)| {
            let rounded = (product as f64 / ONE * 1000.0).round() / 1000.0;
            json!({"term": self.terms.get(&term), "adds": rounded})
        });
        told.collect()
    }

    /// How strongly each domain draws a tool: its links to members, and the sum of their cosines;
    /// the strongest first.
    fn pulls(&self, linked: &[(ToolId, u32)]) -> Value {
        let mut pulls: BTreeMap<&str, (u64, usize)> = BTreeMap::new();
        for (other, weight) in linked {
            if let Some((_, Some(domain))) = self.tools.get(other) {
                let pull = pulls.entry(domain).or_default();
                *pull = (pull.0 + u64::from(*weight), pull.1 + 1);
            }
        }
        let mut pulls: Vec<(&str, (u64, usize))> = pulls.into_iter().collect();
        pulls.sort_by_key(|(domain, pull)| (std::cmp::Reverse(*pull), *domain));
        let told = pulls.into_iter().map(|(domain, (sum, links))| {
            let sum = u32::try_from(sum).unwrap_or(u32::MAX);
            json!({
                "domain": domain, "name": self.domains.get(domain), "links": links,
                "cosines": cosine(sum),
            })
        });
        told.collect()
    }
}

/// Millionths as a number with three decimals.
fn cosine(millionths: u32) -> f64 {
    (f64::from(millionths) / 1000.0).round() / 1000.0
}
