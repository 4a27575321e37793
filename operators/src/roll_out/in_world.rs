//! Computing something for each record, in the world of its domain, once.

use std::collections::BTreeMap;

use differential_dataflow::lattice::Lattice;
use differential_dataflow::{AsCollection, ExchangeData, VecCollection};
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::Operator;
use timely::order::TotalOrder;
use timely::progress::Timestamp;

use schemas::{Digest, DomainId, Environment, EnvironmentRef};

use crate::engine::World;
use crate::{Depot, get_record};

/// The world of one environment at a time: records of one domain come in a row.
#[derive(Default)]
pub(crate) struct LastWorld {
    last: Option<(Digest, World)>,
}

impl LastWorld {
    /// The world of the environment with that payload.
    pub(crate) fn of(&mut self, depot: &dyn Depot, payload: &Digest) -> &World {
        if self.last.as_ref().is_none_or(|(digest, _)| digest != payload) {
            let environment: Environment = get_record(depot, payload);
            let world =
                World::new(environment).expect("only environments that passed the gate flow");
            self.last = Some((*payload, world));
        }
        &self.last.as_ref().expect("was just made").1
    }
}

/// What is known of one domain: its environments' payloads, and its records with their results.
struct Domain<D, O> {
    environments: BTreeMap<Digest, isize>,
    records: BTreeMap<D, (isize, Option<Vec<O>>)>,
}

/// The changes of one moment, by domain.
type Changes<D> = BTreeMap<DomainId, (Vec<(Digest, isize)>, Vec<(D, isize)>)>;

/// Computes the outputs of every record in its domain's current environment.
///
/// A record's outputs are computed once, when the record and an environment of its domain are
/// there, and stay until the record goes: another environment of the same domain does not compute
/// them again. That is right only where the outputs are a function of the record alone, which
/// names the part of the environment it runs in. One worker handles one domain, so that each
/// environment is decoded once in a row. Memory: the outputs of every live record.
pub(crate) fn in_world<'scope, T, D, O, L>(
    records: VecCollection<'scope, T, D>,
    environments: VecCollection<'scope, T, EnvironmentRef>,
    name: &str,
    domain: impl Fn(&D) -> DomainId + Clone + 'static,
    mut logic: L,
) -> VecCollection<'scope, T, O>
where
    T: Timestamp + Lattice + TotalOrder,
    D: ExchangeData,
    O: ExchangeData,
    L: FnMut(&D, &Digest) -> Vec<O> + 'static,
{
    let route = domain.clone();
    let by_record = Exchange::new(move |(record, _, _): &(D, T, isize)| route(record).0);
    let by_domain = Exchange::new(|(it, _, _): &(EnvironmentRef, T, isize)| it.domain.0);
    records
        .inner
        .binary_frontier(
            environments.inner,
            by_record,
            by_domain,
            name,
            move |_capability, _info| {
                let mut pending: BTreeMap<T, (Capability<T>, Changes<D>)> = BTreeMap::new();
                let mut domains: BTreeMap<DomainId, Domain<D, O>> = BTreeMap::new();
                move |(arriving, records_frontier), (replacing, environments_frontier), output| {
                    arriving.for_each(|capability, batch| {
                        let capability = capability.retain(0);
                        for (record, time, diff) in batch.drain(..) {
                            let changes = at(&mut pending, &capability, &time);
                            changes.entry(domain(&record)).or_default().1.push((record, diff));
                        }
                    });
                    replacing.for_each(|capability, batch| {
                        let capability = capability.retain(0);
                        for (environment, time, diff) in batch.drain(..) {
                            let changes = at(&mut pending, &capability, &time);
                            let change = (environment.payload, diff);
                            changes.entry(environment.domain).or_default().0.push(change);
                        }
                    });
                    while let Some(entry) = pending.first_entry() {
                        let time = entry.key().clone();
                        if records_frontier.less_equal(&time)
                            || environments_frontier.less_equal(&time)
                        {
                            break;
                        }
                        let (capability, changes) = entry.remove();
                        let mut session = output.session(&capability);
                        for (id, change) in changes {
                            for (out, diff) in step(&mut domains, id, change, &mut logic) {
                                session.give((out, time.clone(), diff));
                            }
                        }
                    }
                }
            },
        )
        .as_collection()
}

fn at<'p, T: Timestamp, D>(
    pending: &'p mut BTreeMap<T, (Capability<T>, Changes<D>)>,
    capability: &Capability<T>,
    time: &T,
) -> &'p mut Changes<D> {
    let fresh = || (capability.delayed(time), Changes::new());
    &mut pending.entry(time.clone()).or_insert_with(fresh).1
}

/// Applies one moment's changes to one domain, and returns how its outputs change.
fn step<D: Ord + Clone, O: Clone>(
    domains: &mut BTreeMap<DomainId, Domain<D, O>>,
    id: DomainId,
    (environments, records): (Vec<(Digest, isize)>, Vec<(D, isize)>),
    logic: &mut impl FnMut(&D, &Digest) -> Vec<O>,
) -> Vec<(O, isize)> {
    let domain = domains
        .entry(id)
        .or_insert_with(|| Domain { environments: BTreeMap::new(), records: BTreeMap::new() });
    for (payload, diff) in environments {
        *domain.environments.entry(payload).or_default() += diff;
    }
    domain.environments.retain(|_, count| *count != 0);
    let mut before: BTreeMap<D, isize> = BTreeMap::new();
    for (record, diff) in records {
        let (count, results) = domain.records.entry(record.clone()).or_insert((0, None));
        let computed = if results.is_some() { *count } else { 0 };
        before.entry(record).or_insert(computed);
        *count += diff;
    }
    // Records that waited for an environment are looked at again when one has come.
    for (record, (_, results)) in &domain.records {
        if results.is_none() {
            before.entry(record.clone()).or_insert(0);
        }
    }
    let current = domain.environments.iter().find(|(_, count)| **count > 0).map(|(it, _)| *it);
    let mut outputs = Vec::new();
    for (record, counted) in before {
        let Some((count, results)) = domain.records.get_mut(&record) else { continue };
        if results.is_none() && *count != 0 {
            *results = current.map(|payload| logic(&record, &payload));
        }
        let change = *count - counted;
        if let Some(results) = results.as_ref().filter(|_| change != 0) {
            outputs.extend(results.iter().map(|it| (it.clone(), change)));
        }
        if *count == 0 {
            domain.records.remove(&record);
        }
    }
    if domain.environments.is_empty() && domain.records.is_empty() {
        domains.remove(&id);
    }
    outputs
}
