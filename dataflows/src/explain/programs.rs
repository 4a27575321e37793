//! What a tool does in its environment, and what an environment lacks.

use std::collections::BTreeMap;

use operators::engine::spell;
use operators::propose::wrote;
use schemas::{Answer, Digest, DomainId, Effect, Environment};
use serde_json::{Map, Value};

use crate::graph_objects::{read_answers, read_json};
use crate::ledger::{Ledger, shard};
use crate::shelf::unfold;
use crate::store::{Manifest, StoreError, World};

/// The environments of a version, read as they are asked for.
pub(super) struct Environments<'w> {
    world: &'w World,
    manifest: &'w Manifest,
    read: BTreeMap<DomainId, Option<Held>>,
}

/// An environment, and what a model proposed for it, if one was asked.
struct Held {
    environment: Environment,
    proposed: Option<Answer>,
}

impl<'w> Environments<'w> {
    pub(super) fn new(world: &'w World, manifest: &'w Manifest) -> Environments<'w> {
        Environments { world, manifest, read: BTreeMap::new() }
    }

    /// Adds to the row of a tool the program it is in its environment, a line each, and the model
    /// that proposed it, if one did; nothing if it is in none.
    pub(super) fn explain_tool(&mut self, row: &mut Map<String, Value>) -> Result<(), StoreError> {
        let text = |key: &str| row.get(key).and_then(Value::as_str).unwrap_or_default();
        let (tool, domain) = (text("id").parse(), text("domain_id").parse());
        let (Ok(tool), Ok(domain)) = (tool, domain) else { return Ok(()) };
        let manifest = self.manifest;
        let Some(Held { environment, proposed }) = self.of(domain)? else { return Ok(()) };
        let operation = environment.operations.iter().find(|operation| operation.tool == tool);
        if let Some(operation) = operation {
            let lines = spell(operation, environment).into_iter().map(Value::from);
            row.insert("program".into(), lines.collect());
            if proposed.as_ref().is_some_and(|answer| wrote(answer, operation)) {
                let model = manifest.contents.plan.propose.model.as_str();
                row.insert("proposed_by".into(), model.into());
            }
        }
        Ok(())
    }

    /// Adds to the row of a domain why nothing in it can be changed, or why there is but one
    /// table, where that is so.
    pub(super) fn explain_domain(
        &mut self,
        row: &mut Map<String, Value>,
    ) -> Result<(), StoreError> {
        let id = row.get("id").and_then(Value::as_str).unwrap_or_default().parse();
        let Ok(domain) = id else { return Ok(()) };
        if let Some(Held { environment, .. }) = self.of(domain)? {
            let lacks: Vec<Value> = lacks(environment).into_iter().map(Value::from).collect();
            if !lacks.is_empty() {
                row.insert("lacks".into(), lacks.into());
            }
        }
        Ok(())
    }

    fn of(&mut self, domain: DomainId) -> Result<Option<&Held>, StoreError> {
        if !self.read.contains_key(&domain) {
            let found = self.load(domain)?;
            self.read.insert(domain, found);
        }
        Ok(self.read[&domain].as_ref())
    }

    fn load(&self, domain: DomainId) -> Result<Option<Held>, StoreError> {
        let contents = &self.manifest.contents;
        let place = format!("{:04}", shard(domain, contents.plan.dataset.shards.max(1)));
        let Some(object) = contents.objects.get(&format!("ledger/{place}")) else {
            return Ok(None);
        };
        let ledger: Ledger = read_json(self.world, object)?;
        let entry = ledger.entries.get(&domain);
        let reference = entry.and_then(|entry| entry.environment.as_ref());
        let pack = contents.objects.get(&format!("payloads/{place}"));
        let (Some(reference), Some(pack)) = (reference, pack) else { return Ok(None) };
        let payloads = unfold(self.world, pack)?;
        let damaged =
            |reason: String| StoreError::Damaged { path: self.world.object_path(pack), reason };
        let payload = payloads
            .get(&reference.payload)
            .ok_or_else(|| damaged("an environment is missing from it".into()))?;
        let environment = serde_json::from_slice(payload)
            .map_err(|error| damaged(format!("an environment in it is damaged: {error}")))?;
        let proposed = entry.and_then(|entry| entry.proposed);
        let proposed = proposed.map(|digest| self.answer(digest)).transpose()?.flatten();
        Ok(Some(Held { environment, proposed }))
    }

    /// The answer of that digest among those that the version was made with.
    fn answer(&self, digest: Digest) -> Result<Option<Answer>, StoreError> {
        let answers = read_answers(self.world, self.manifest)?;
        Ok(answers.into_values().find(|answer| Digest::of_record(answer) == digest))
    }
}

/// What an environment has too little of to make rich tasks, and why.
fn lacks(environment: &Environment) -> Vec<String> {
    let mut lacks = Vec::new();
    let writes = environment.operations.iter().filter(|it| it.effect == Effect::Write).count();
    let tools = environment.operations.len();
    if writes == 0 {
        lacks
            .push(format!("no write: each of its {tools} tools looks something up or computes it"));
    }
    if environment.tables.len() < 2 {
        let table = environment.tables.first();
        let noun = table.map_or("nothing", |table| table.noun.as_str());
        lacks.push(format!("a second table: its tools are about one kind of thing, {noun}"));
    }
    lacks
}
