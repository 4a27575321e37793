//! Which community inherits the id of which domain, and what became of the others.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use schemas::{DomainId, Lineage, Partition, ToolId};

/// Names each community: it keeps the id of the prior domain with which it shares most members,
/// each id given once, ties to the lesser id; a community without heritage gets an id of its own,
/// from its least member.
pub(super) fn inherit(
    communities: &[Vec<ToolId>],
    prior: &Partition,
) -> (Vec<DomainId>, Vec<Lineage>) {
    let mut shared: BTreeMap<(DomainId, usize), usize> = BTreeMap::new();
    for (place, members) in communities.iter().enumerate() {
        for member in members {
            if let Some(domain) = prior.placements.get(member).and_then(|placed| placed.domain) {
                *shared.entry((domain, place)).or_default() += 1;
            }
        }
    }
    let mut ranked: Vec<(Reverse<usize>, DomainId, usize)> =
        shared.iter().map(|((domain, place), count)| (Reverse(*count), *domain, *place)).collect();
    ranked.sort_unstable();
    let mut ids: Vec<Option<DomainId>> = vec![None; communities.len()];
    let old: BTreeSet<DomainId> =
        prior.placements.values().filter_map(|placed| placed.domain).collect();
    let mut living = BTreeSet::new();
    for (_, domain, place) in &ranked {
        if ids[*place].is_none() && living.insert(*domain) {
            ids[*place] = Some(*domain);
        }
    }
    let mut taken = old.clone();
    for (members, id) in communities.iter().zip(&mut ids) {
        id.get_or_insert_with(|| newborn(members, &mut taken));
    }
    let ids: Vec<DomainId> = ids.into_iter().flatten().collect();
    let lineage = trace(&ids, &ranked, &old, &living);
    (ids, lineage)
}

/// An id that no domain has or had just before.
fn newborn(members: &[ToolId], taken: &mut BTreeSet<DomainId>) -> DomainId {
    let least = members.iter().min().map(ToolId::to_string).unwrap_or_default();
    let mut id = DomainId::of([&least]);
    let mut attempt = 1_u64;
    while !taken.insert(id) {
        attempt += 1;
        id = DomainId::of([&least, &attempt.to_string()]);
    }
    id
}

fn trace(
    ids: &[DomainId],
    ranked: &[(Reverse<usize>, DomainId, usize)],
    old: &BTreeSet<DomainId>,
    living: &BTreeSet<DomainId>,
) -> Vec<Lineage> {
    // `ranked` has the greatest share first, so the first entry of each is the one that counts.
    let mut origins: BTreeMap<DomainId, DomainId> = BTreeMap::new();
    let mut heirs: BTreeMap<DomainId, DomainId> = BTreeMap::new();
    for (_, domain, place) in ranked {
        origins.entry(ids[*place]).or_insert(*domain);
        heirs.entry(*domain).or_insert(ids[*place]);
    }
    let mut lineage = Vec::new();
    for id in ids.iter().filter(|id| !old.contains(id)) {
        lineage.push(match origins.get(id).filter(|origin| living.contains(origin)) {
            Some(origin) => Lineage::Split(*origin, *id),
            None => Lineage::Born(*id),
        });
    }
    for domain in old.difference(living) {
        lineage.push(match heirs.get(domain) {
            Some(heir) => Lineage::Merged(*domain, *heir),
            None => Lineage::Died(*domain),
        });
    }
    lineage.sort_unstable();
    lineage
}
