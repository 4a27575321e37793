//! What stays of a shard of the version before: what came of its domains that came out the same.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use schemas::{DomainId, ToolId};

use crate::dataset::Earlier;
use crate::graph_objects::read_json;
use crate::ledger::{Ledger, cell};
use crate::shelf::parts;
use crate::store::{Manifest, ObjectRef, StoreError, World};

use super::{ShardError, role_of};

/// Of a shard of the version before, what need not be made again.
///
/// Memory: the shard's pack as it is folded, and one file of rows at a time.
pub(super) struct Staying<'a> {
    world: &'a World,
    parent: &'a Manifest,
    place: u32,
    /// The domains that came out the same.
    domains: BTreeSet<DomainId>,
    /// The cells that one of the others is in, or was.
    changed: BTreeSet<u32>,
    /// The shard's pack, and where the part of each domain begins and ends.
    pack: Vec<u8>,
    parts: BTreeMap<DomainId, Range<usize>>,
}

impl Staying<'_> {
    /// Compares what came of a shard's domains with what came of them before.
    pub(super) fn of<'a>(
        (world, parent): (&'a World, &'a Manifest),
        place: u32,
        now: &Ledger,
    ) -> Result<Option<Staying<'a>>, StoreError> {
        let objects = &parent.contents.objects;
        let Some(object) = objects.get(&role_of(place)) else { return Ok(None) };
        let before: Ledger = read_json(world, object)?;
        let is_same = |id: &DomainId| {
            let entries = [&before, now].map(|it| it.entries.get(id));
            let flagged = |tool: &ToolId| [&before, now].map(|it| it.flagged.get(tool));
            let alike = |tool: &ToolId| flagged(tool)[0] == flagged(tool)[1];
            entries[0] == entries[1] && entries[1].is_some_and(|it| it.tools.keys().all(alike))
        };
        let domains: BTreeSet<DomainId> = now.entries.keys().copied().filter(is_same).collect();
        if domains.is_empty() {
            return Ok(None);
        }
        let others = before.entries.keys().chain(now.entries.keys());
        let others = others.filter(|id| !domains.contains(id));
        let changed = others.map(|id| cell(*id, parent.contents.plan.dataset.shards)).collect();
        let (pack, parts) = (Vec::new(), BTreeMap::new());
        let mut staying = Staying { world, parent, place, domains, changed, pack, parts };
        if let Some(payloads) = objects.get(&format!("payloads/{place:04}")) {
            staying.keep(payloads, &before)?;
        }
        Ok(Some(staying))
    }

    fn keep(&mut self, pack: &ObjectRef, before: &Ledger) -> Result<(), StoreError> {
        self.pack = self.world.read_object(pack)?;
        let of: Vec<DomainId> = before.parts().map(|(domain, _)| domain).collect();
        let found = parts(&self.pack).filter(|parts| parts.len() == of.len());
        let found = found.ok_or_else(|| StoreError::Damaged {
            path: self.world.object_path(pack),
            reason: format!("it is not the {} parts written", of.len()),
        })?;
        self.parts = of.into_iter().zip(found).collect();
        Ok(())
    }

    /// Whether a domain came out the same.
    pub(super) fn holds(&self, domain: DomainId) -> bool {
        self.domains.contains(&domain)
    }

    /// What was put for a domain that came out the same, folded.
    pub(super) fn part(&self, domain: DomainId) -> Option<&[u8]> {
        self.parts.get(&domain).filter(|_| self.holds(domain)).map(|part| &self.pack[part.clone()])
    }

    /// Whether all domains of a cell came out the same, and none is gone from it.
    pub(super) fn is_whole(&self, cell: u32) -> bool {
        !self.changed.contains(&cell)
    }

    /// The file of a configuration's split, if there was one.
    pub(super) fn file(&self, config: &str, split: &str) -> Result<Option<Earlier>, ShardError> {
        let role = format!("{config}/{split}/{:04}", self.place);
        let Some(object) = self.parent.contents.objects.get(&role) else { return Ok(None) };
        Ok(Some(Earlier::open(self.world.read_object(object)?.into())?))
    }
}
