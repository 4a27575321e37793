//! Building among several processes: what the leader shares, and what a follower does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use operators::Work;
use schemas::Plan;

use super::base::{Base, Equipment, equip};
use super::{BuildError, Listener, Order, Request, build_on};
use crate::cluster::{ClusterError, Crew, Ended, Job, Report};
use crate::corpus::{Corpus, Place};
use crate::library::{Files, Read};
use crate::run::{Caught, Given, Workers, run};
use crate::shards::Context;
use crate::shelf::Shelf;
use crate::store::{Locked, Scratch, World};
use crate::summary::Summary;

/// Brings a world up to date with a corpus, among several processes of which this one leads.
///
/// The version that is made does not depend on how many there are. Its bytes are written by this
/// one.
///
/// # Errors
///
/// Fails as [`super::build`] does, and if a follower cannot do its part. The followers are told.
pub fn lead(
    request: &Request,
    crew: &Arc<Crew>,
    listener: &dyn Listener,
) -> Result<Summary, BuildError> {
    let started = Instant::now();
    let order = Order { request, crew: Some(crew), listener };
    let made = Corpus::scan(&request.corpus, &request.world)
        .map_err(BuildError::from)
        .and_then(|corpus| build_on(&order, Some(corpus), started));
    crew.lines().end(&match &made {
        Ok(summary) => Ended::At { version: summary.version, changed: summary.changed },
        Err(error) => Ended::Failed { reason: error.to_string() },
    });
    made
}

/// Does a follower's part of a build, and says how it ended.
///
/// Nothing but the leader's job says what is built; `request` names the world and the workers.
///
/// # Errors
///
/// Fails if this process cannot do its part; the leader is told.
pub fn follow(
    request: &Request,
    crew: &Arc<Crew>,
    listener: &dyn Listener,
) -> Result<Ended, BuildError> {
    let job = match crew.lines().job() {
        Ok(job) => job,
        Err(ended) => return Ok(ended),
    };
    let part = match part(request, job, crew, listener) {
        Ok(part) => part,
        Err(error) => {
            crew.lines().report(Err(error.to_string()));
            // The leader's own words would only repeat these.
            drop(crew.lines().shards());
            return Err(error);
        }
    };
    let mut known = part.store.tally();
    let mut failure = None;
    loop {
        let shards = match crew.lines().shards() {
            Ok(shards) => shards,
            // Only now: others read what is on the shelf while they write.
            Err(ended) => return failure.map_or(Ok(ended), Err),
        };
        let context =
            Context { plan: &part.plan, depot: &*part.shelf, store: &part.store, parent: None };
        let written = context.write_on(shards, request.workers).map_err(BuildError::from);
        let written = written.and_then(|roles| match part.shelf.failure() {
            Some(lost) => Err(lost.into()),
            None => Ok(roles),
        });
        let now = part.store.tally();
        let put = now.since(known);
        known = now;
        crew.lines().written(
            written.as_ref().map(|roles| (roles.clone(), put)).map_err(|it| it.to_string()),
        );
        failure = failure.or(written.err());
    }
}

/// What a follower has when the dataflow has ended.
struct Part {
    plan: Arc<Plan>,
    store: Arc<Locked>,
    shelf: Arc<Shelf>,
}

fn part(
    request: &Request,
    job: Job,
    crew: &Arc<Crew>,
    listener: &dyn Listener,
) -> Result<Part, BuildError> {
    let places: BTreeMap<_, _> = job
        .documents
        .into_iter()
        .map(|(document, path)| {
            let place =
                path.map_or_else(Place::remembered, |it| Place::elsewhere(it, document.digest));
            (document, place)
        })
        .collect();
    let seat = crew.seat();
    let store = Arc::new(World::open(&request.world)?.deputy(seat.process));
    let request = Request { refit: job.refit, pinned: job.pinned, ..request.clone() };
    let plan = Arc::new(job.plan);
    let latest = job.version.map(|version| store.world().manifest(version)).transpose()?;
    let base = Base::of(&request, &store, latest.as_ref(), &plan)?;
    let work = Arc::new(Work::default());
    listener.begun(&work, places.len());
    let scratch = store.shared_scratch(&job.run, seat.process, seat.addresses.len())?;
    let documents = places.keys().cloned().collect();
    let Equipment { resources, library, shelf } =
        equip(&plan, &base, places, scratch, &store, &work)?;
    let given = Given {
        documents,
        weights: base.weights.clone(),
        prior: Arc::clone(&base.prior),
        answering: None,
        plan: Arc::clone(&plan),
    };
    let caught = run(&given, &resources, Workers::Among(Arc::clone(crew)))?;
    drop(resources);
    if let Some(failure) = shelf.failure() {
        return Err(failure.into());
    }
    crew.lines().report(Ok(report(&caught, &library, &store, &work)?));
    Ok(Part { plan, store, shelf })
}

fn report(
    caught: &Caught,
    library: &Files,
    store: &Locked,
    work: &Work,
) -> Result<Report, BuildError> {
    let Read { references, keys, objects } = library.read()?;
    let micros = |spent: &Duration| u64::try_from(spent.as_micros()).unwrap_or(u64::MAX);
    Ok(Report {
        references,
        keys: keys.into_iter().collect(),
        objects,
        changed: library.changed(),
        work: work.counts().map(|(name, counter)| (name.into(), counter.get())).into(),
        busy: caught.busy.iter().map(|(verb, spent)| ((*verb).into(), micros(spent))).collect(),
        tally: store.tally(),
    })
}

/// Tells the followers what to do, and makes the leader's part of the scratch that all share.
pub(super) fn share(
    order: &Order<'_>,
    crew: &Crew,
    corpus: &Corpus,
    plan: &Plan,
    base: &Base,
    store: &Locked,
) -> Result<Scratch, BuildError> {
    let mut documents = Vec::new();
    for (document, place) in &corpus.files {
        let path =
            place.path().map_err(|_| ClusterError::Unshared { document: document.path.clone() })?;
        documents.push((document.clone(), path));
    }
    let run = std::process::id().to_string();
    let scratch = store.shared_scratch(&run, 0, crew.seat().addresses.len())?;
    crew.lines().begin(&Job {
        run,
        plan: plan.clone(),
        version: base.manifest.as_ref().map(|it| it.version),
        refit: order.request.refit,
        pinned: order.request.pinned.clone(),
        documents,
    });
    Ok(scratch)
}

/// Adds what a follower did to what this process did.
pub(super) fn gather(
    report: Report,
    read: &mut Read,
    caught: &mut Caught,
    (work, store): (&Work, &Locked),
) {
    read.references.extend(report.references);
    read.keys.extend(report.keys);
    read.objects.extend(report.objects);
    for (name, counter) in work.counts() {
        let count = report.work.get(name).copied().unwrap_or(0);
        counter.add(usize::try_from(count).unwrap_or(usize::MAX));
    }
    for (verb, spent) in &mut caught.busy {
        let theirs = report.busy.get(*verb).copied().unwrap_or(0);
        *spent = (*spent).max(Duration::from_micros(theirs));
    }
    store.add(report.tally);
}
