//! Which community inherits the id of which domain, and what became of the others.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use schemas::{DomainId, Lineage, ToolId};

/// A community to be named: its least tool, and how many of its members come from which domain.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) least: ToolId,
    pub(super) shares: BTreeMap<DomainId, usize>,
}

/// Names each community: it keeps the id of the prior domain with which it shares most members,
/// each id given once, ties to the lesser id; a community without heritage gets an id of its own,
/// from its least member.
///
/// `claims` are in the order of their least tools. `contested` are the prior domains that may have
/// lost or gained members, `living` all prior domains.
pub(super) fn inherit(
    claims: &[Claim],
    contested: &BTreeSet<DomainId>,
    living: &BTreeSet<DomainId>,
) -> (Vec<DomainId>, Vec<Lineage>) {
    let mut ranked: Vec<(Reverse<usize>, DomainId, usize)> = Vec::new();
    for (place, claim) in claims.iter().enumerate() {
        ranked.extend(claim.shares.iter().map(|(domain, count)| (Reverse(*count), *domain, place)));
    }
    ranked.sort_unstable();
    let mut ids: Vec<Option<DomainId>> = vec![None; claims.len()];
    let mut inherited = BTreeSet::new();
    for (_, domain, place) in &ranked {
        if ids[*place].is_none() && inherited.insert(*domain) {
            ids[*place] = Some(*domain);
        }
    }
    let mut born = BTreeSet::new();
    for (claim, id) in claims.iter().zip(&mut ids) {
        id.get_or_insert_with(|| newborn(claim.least, living, &mut born));
    }
    let ids: Vec<DomainId> = ids.into_iter().flatten().collect();
    let lineage = trace(&ids, &ranked, contested, &inherited);
    (ids, lineage)
}

/// An id that no domain has or had just before.
fn newborn(least: ToolId, living: &BTreeSet<DomainId>, born: &mut BTreeSet<DomainId>) -> DomainId {
    let least = least.to_string();
    let mut id = DomainId::of([&least]);
    let mut attempt = 1_u64;
    while living.contains(&id) || !born.insert(id) {
        attempt += 1;
        id = DomainId::of([&least, &attempt.to_string()]);
    }
    id
}

fn trace(
    ids: &[DomainId],
    ranked: &[(Reverse<usize>, DomainId, usize)],
    contested: &BTreeSet<DomainId>,
    inherited: &BTreeSet<DomainId>,
) -> Vec<Lineage> {
    // `ranked` has the greatest share first, so the first entry of each is the one that counts.
    let mut origins: BTreeMap<DomainId, DomainId> = BTreeMap::new();
    let mut heirs: BTreeMap<DomainId, DomainId> = BTreeMap::new();
    for (_, domain, place) in ranked {
        origins.entry(ids[*place]).or_insert(*domain);
        heirs.entry(*domain).or_insert(ids[*place]);
    }
    let mut lineage = Vec::new();
    for id in ids.iter().filter(|id| !contested.contains(id)) {
        lineage.push(match origins.get(id).filter(|origin| inherited.contains(origin)) {
            Some(origin) => Lineage::Split(*origin, *id),
            None => Lineage::Born(*id),
        });
    }
    for domain in contested.difference(inherited) {
        lineage.push(match heirs.get(domain) {
            Some(heir) => Lineage::Merged(*domain, *heir),
            None => Lineage::Died(*domain),
        });
    }
    lineage.sort_unstable();
    lineage
}
