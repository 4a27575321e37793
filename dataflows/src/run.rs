//! Running the dataflow: workers, inputs, and what is caught at its end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use differential_dataflow::consolidation::consolidate;
use differential_dataflow::input::{Input, InputSession};
use differential_dataflow::{AsCollection as _, ExchangeData};
use timely::communication::WorkerGuards;
use timely::dataflow::ProbeHandle;
use timely::dataflow::operators::Exchange as _;
use timely::worker::Worker;

use operators::Depot;
use operators::encode::fit;
use operators::link::Near;
use schemas::{
    Answer, Attempt, Digest, Document, Domain, DomainId, EnvironmentRef, Lineage, Link, Overlap,
    Partition, Placement, Plan, Provenance, Purpose, Rejection, Request, RequestId, TaskRef, Tool,
    ToolId, Transcript, Vector, Verified, Weights,
};

use crate::answering::{Answering, AnsweringError};
use crate::chain::{self, Chain, Collection, Resources};
use crate::cluster::Crew;
use crate::meter::{Busy, Meter};

/// What one epoch of the dataflow is a function of.
#[derive(Clone)]
pub struct Given {
    /// The documents of the corpus.
    pub documents: Vec<Document>,
    /// The pinned term weights; none to fit them on the tools of this epoch.
    pub weights: Option<Arc<Weights>>,
    /// The partition of the previous version.
    pub prior: Arc<Partition>,
    /// Who answers what is asked of models; nobody if nothing is.
    pub answering: Option<Arc<Answering>>,
    /// Every knob.
    pub plan: Arc<Plan>,
}

/// Why the dataflow did not end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A worker could not be started, or panicked.
    #[error("{0}")]
    Worker(String),
    /// What was asked of a model has no answer.
    #[error(transparent)]
    Answering(#[from] AnsweringError),
}

/// Everything that came out, sorted.
#[derive(Debug, Default)]
pub struct Caught {
    /// How many records the documents hold.
    pub records: u64,
    /// The term weights, pinned or fitted.
    pub weights: Arc<Weights>,
    /// The answers of models that were used, sorted; vectors apart.
    pub answers: Vec<Answer>,
    /// The vectors of a model that were used, as it gave them, sorted.
    pub embeddings: Vec<Answer>,
    /// Tools, by id.
    pub tools: BTreeMap<ToolId, Arc<Tool>>,
    /// Where every tool came from.
    pub provenance: Vec<Provenance>,
    /// Tools as points.
    pub vectors: Vec<Vector>,
    /// Who is near whom.
    pub near: Vec<Near>,
    /// The tool graph.
    pub links: Vec<Link>,
    /// Where every tool is.
    pub partition: Partition,
    /// What happened to the domains.
    pub lineage: Vec<Lineage>,
    /// Domains.
    pub domains: Vec<Domain>,
    /// By domain, the digest of what a model proposed for it, if one was asked.
    pub proposed: BTreeMap<DomainId, Digest>,
    /// Environments.
    pub environments: Vec<EnvironmentRef>,
    /// Tasks.
    pub tasks: Vec<TaskRef>,
    /// Tasks that overlap with a benchmark, and how.
    pub withheld: Vec<(TaskRef, Rejection)>,
    /// Tools that do.
    pub flagged_tools: BTreeMap<ToolId, Overlap>,
    /// Domains that do.
    pub flagged_domains: BTreeMap<DomainId, Overlap>,
    /// Attempts and verdicts.
    pub verified: Vec<Verified>,
    /// What fell by the wayside before there were domains.
    pub rejections: Vec<Rejection>,
    /// What fell by the wayside in each domain, before the rollouts.
    pub of_domains: Vec<(DomainId, Rejection)>,
    /// How long each verb was busy, the most of any worker.
    pub busy: BTreeMap<&'static str, Duration>,
}

/// Updates of one collection, from all workers.
struct Net<D>(Arc<Mutex<Vec<(D, isize)>>>);

impl<D> Clone for Net<D> {
    fn clone(&self) -> Net<D> {
        Net(Arc::clone(&self.0))
    }
}

impl<D> Default for Net<D> {
    fn default() -> Net<D> {
        Net(Arc::default())
    }
}

impl<D: ExchangeData> Net<D> {
    /// Catches a collection: where it comes out, or, if the workers are not all of one process, at
    /// the first of them.
    fn catch(&self, collection: Collection<'_, D>, (probe, is_shared): (&ProbeHandle<u64>, bool)) {
        let net = Arc::clone(&self.0);
        let collection = match is_shared {
            true => collection.inner.exchange(|_| 0).as_collection(),
            false => collection,
        };
        collection
            .inspect(move |(record, _epoch, difference)| {
                net.lock().expect("no holder panics").push((record.clone(), *difference));
            })
            .probe_with(probe);
    }
}

impl<D: Ord + Clone> Net<D> {
    /// The records that are there by now.
    fn present(&self) -> BTreeSet<D> {
        let mut caught = self.0.lock().expect("no holder panics");
        consolidate(&mut caught);
        caught.iter().filter(|(_, count)| 0 < *count).map(|(record, _)| record.clone()).collect()
    }

    /// The records caught, sorted; each exactly once.
    fn haul(self) -> Vec<D> {
        let mut caught = std::mem::take(&mut *self.0.lock().expect("no holder panics"));
        consolidate(&mut caught);
        assert!(caught.iter().all(|(_, count)| *count == 1), "every record comes out once");
        caught.into_iter().map(|(record, _)| record).collect()
    }
}

#[derive(Clone, Default)]
struct Nets {
    records: Net<()>,
    requests: Net<Request>,
    later: Net<Request>,
    attempts: Net<Attempt>,
    tools: Net<Arc<Tool>>,
    provenance: Net<Provenance>,
    vectors: Net<Vector>,
    near: Net<Near>,
    links: Net<Link>,
    placements: Net<(ToolId, Placement)>,
    lineage: Net<Lineage>,
    domains: Net<Domain>,
    proposed: Net<(DomainId, Digest)>,
    environments: Net<EnvironmentRef>,
    tasks: Net<TaskRef>,
    withheld: Net<(TaskRef, Rejection)>,
    flagged_tools: Net<(ToolId, Overlap)>,
    flagged_domains: Net<(DomainId, Overlap)>,
    verified: Net<Verified>,
    rejections: Net<Rejection>,
    of_domains: Net<(DomainId, Rejection)>,
}

/// Whose threads do the work.
#[derive(Clone)]
pub enum Workers {
    /// So many of this process.
    Here(usize),
    /// Those of several processes. What comes out is caught by the first; the others catch nothing.
    Among(Arc<Crew>),
}

impl Workers {
    /// How many of them are this process's.
    pub(crate) fn here(&self) -> usize {
        match self {
            Workers::Here(workers) => (*workers).max(1),
            Workers::Among(crew) => crew.seat().workers,
        }
    }

    /// Begins to run some logic on each of them.
    fn execute<F>(&self, logic: F) -> Result<WorkerGuards<()>, String>
    where
        F: Fn(&mut Worker) + Send + Sync + 'static,
    {
        match self {
            Workers::Here(0 | 1) => timely::execute(timely::Config::thread(), logic),
            Workers::Here(workers) => timely::execute(timely::Config::process(*workers), logic),
            Workers::Among(crew) => crew.execute(logic),
        }
    }
}

/// Runs the dataflow until nothing is asked and everything is derived.
///
/// The result does not depend on the number of workers, nor on whose they are.
///
/// # Errors
///
/// Fails if the threads cannot be started, if one of them panicked, or if something is asked of a
/// model and nobody answers.
///
/// # Panics
///
/// Panics if a record came out more or less than once, which is an operator's fault.
pub fn run(given: &Given, resources: &Resources, workers: Workers) -> Result<Caught, RunError> {
    let nets = Nets::default();
    let busy = Busy::default();
    let outcome: Arc<Mutex<Option<Result<Closed, AnsweringError>>>> = Arc::default();
    let is_shared = matches!(workers, Workers::Among(_));
    let (inside, timing, closing) = (nets.clone(), Arc::clone(&busy), Arc::clone(&outcome));
    let (given, resources) = (given.clone(), resources.clone());
    let any_fell = Arc::<AtomicBool>::default();
    let logic = move |worker: &mut Worker| {
        let _falling = Falling(Arc::clone(&any_fell));
        let meter = Meter::listen(worker);
        let probes = Probes { any_fell: Arc::clone(&any_fell), ..Probes::default() };
        let (mut documents, told) = worker.dataflow(|scope| {
            let (documents, read) = scope.new_collection();
            let (answers, answered) = scope.new_collection();
            let (weights, weighed) = scope.new_collection();
            let (transcripts, held) = scope.new_collection();
            let (prior, plan) = (&given.prior, &given.plan);
            let known = resources.clone();
            let heard = chain::Told { answers: answered, weights: weighed, transcripts: held };
            let out = chain::chain(read, heard, prior, plan, known, &meter);
            inside.catch(out, &probes, is_shared);
            (documents, Told { answers, weights, transcripts })
        });
        let (index, peers) = (worker.index(), worker.peers());
        for document in given.documents.iter().skip(index).step_by(peers) {
            documents.insert(document.clone());
        }
        drop(documents);
        // One worker talks to the outside; the others' inputs are closed, so that they follow it.
        if index == 0 {
            let ended = close(worker, &given, &inside, told, &probes, &*resources.depot);
            *closing.lock().expect("no holder panics") = Some(ended);
        } else {
            drop(told);
        }
        probes.follow(worker, PARKED_MAX, || probes.done.done());
        meter.report(worker, &timing);
    };
    for joined in workers.execute(logic).map_err(RunError::Worker)?.join() {
        joined.map_err(RunError::Worker)?;
    }
    let ended = outcome.lock().expect("no holder panics").take();
    let mut caught = nets.haul();
    // Only the process of the first worker has anything to catch.
    if let Some(ended) = ended {
        let Closed { weights, answers, embeddings } = ended?;
        (caught.weights, caught.answers, caught.embeddings) = (weights, answers, embeddings);
    }
    caught.busy = std::mem::take(&mut *busy.lock().expect("no holder panics"));
    Ok(caught)
}

/// Longest rest of a worker that waits for another, in case a call to wake it was missed.
const PARKED_MAX: Duration = Duration::from_millis(100);

/// What the dataflow is told by the outside while it runs.
struct Told {
    answers: InputSession<u64, Answer, isize>,
    weights: InputSession<u64, Arc<Weights>, isize>,
    transcripts: InputSession<u64, Transcript, isize>,
}

impl Told {
    /// Begins an epoch: nothing more is told in those before.
    fn advance_to(&mut self, epoch: u64) {
        self.answers.advance_to(epoch);
        self.weights.advance_to(epoch);
        self.transcripts.advance_to(epoch);
        self.answers.flush();
        self.weights.flush();
        self.transcripts.flush();
    }
}

/// Says that a worker panicked: the others would wait for it for ever.
struct Falling(Arc<AtomicBool>);

impl Drop for Falling {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::SeqCst);
        }
    }
}

/// Tell how far the dataflow is.
#[derive(Clone, Default)]
struct Probes {
    /// Whether a worker panicked.
    any_fell: Arc<AtomicBool>,
    /// What is asked about tools.
    settled: ProbeHandle<u64>,
    /// What is asked about domains and tasks, and the attempts at these.
    prepared: ProbeHandle<u64>,
    done: ProbeHandle<u64>,
}

impl Probes {
    /// Steps until something is so, resting at most so long at a time; falls with any other worker.
    fn follow(&self, worker: &mut Worker, rest: Duration, is_so: impl Fn() -> bool) {
        while !is_so() {
            if self.any_fell.load(Ordering::SeqCst) {
                // The other has said why.
                std::panic::resume_unwind(Box::new("another worker fell"));
            }
            worker.step_or_park(Some(rest));
        }
    }
}

/// What the inputs were closed with.
struct Closed {
    weights: Arc<Weights>,
    answers: Vec<Answer>,
    embeddings: Vec<Answer>,
}

/// Answers what is asked about tools, epoch by epoch, until nothing is; then tells the term weights
/// of the last. Tools and their graph happen in that epoch alone, so that what comes out does not
/// depend on how many there were. Then has everything said that models say about domains and tasks.
fn close(
    worker: &mut Worker,
    given: &Given,
    nets: &Nets,
    mut told: Told,
    probes: &Probes,
    depot: &dyn Depot,
) -> Result<Closed, AnsweringError> {
    let (mut used, mut embeddings) = (Vec::new(), Vec::new());
    let mut epoch = 0;
    loop {
        told.answers.advance_to(epoch + 1);
        told.answers.flush();
        probes.follow(worker, Duration::ZERO, || !probes.settled.less_than(&(epoch + 1)));
        let open = nets.requests.present();
        if open.is_empty() {
            told.weights.advance_to(epoch);
            break;
        }
        epoch += 1;
        let answering = given.answering.as_ref().expect("who plans to ask has whom to ask");
        let is_point = |request: &&Request| request.purpose == Purpose::Embed;
        let points: BTreeSet<RequestId> = open.iter().filter(is_point).map(Request::id).collect();
        for answer in answering.answer(&open)? {
            told.answers.insert(answer.clone());
            if points.contains(&answer.request) {
                embeddings.push(answer);
            } else {
                used.push(answer);
            }
        }
    }
    let pinned = given.weights.clone().unwrap_or_else(|| {
        let tools = nets.tools.present();
        let ordered: BTreeMap<ToolId, &Tool> =
            tools.iter().map(|tool| (tool.id, tool.as_ref())).collect();
        Arc::new(fit(ordered.into_values(), given.plan.graph.encoder))
    });
    told.weights.insert(Arc::clone(&pinned));
    told.weights.flush();
    let models = [&given.plan.propose.model, &given.plan.task.intent_model];
    let asks_later = models.into_iter().any(|model| !model.is_empty());
    if asks_later || given.plan.rollout.has_model() {
        used.extend(speak(worker, given, nets, told, probes, (epoch, depot))?);
    }
    used.sort();
    embeddings.sort();
    Ok(Closed { weights: pinned, answers: used, embeddings })
}

/// Has domains proposed for, requests reworded and conversations held, and returns the answers that
/// are not of a conversation.
fn speak(
    worker: &mut Worker,
    given: &Given,
    nets: &Nets,
    mut told: Told,
    probes: &Probes,
    (mut epoch, depot): (u64, &dyn Depot),
) -> Result<Vec<Answer>, AnsweringError> {
    let answering = given.answering.as_ref().expect("who plans to ask has whom to ask");
    let mut used = Vec::new();
    loop {
        epoch += 1;
        told.advance_to(epoch);
        probes.follow(worker, Duration::ZERO, || !probes.prepared.less_than(&epoch));
        let open = nets.later.present();
        if open.is_empty() {
            break;
        }
        for answer in answering.answer(&open)? {
            told.answers.insert(answer.clone());
            used.push(answer);
        }
    }
    let attempts = nets.attempts.present();
    for transcript in answering.converse(&attempts, &given.plan, depot)? {
        told.transcripts.insert(transcript);
    }
    Ok(used)
}

impl Nets {
    /// Catches everything.
    fn catch(&self, out: Chain<'_>, probes: &Probes, is_shared: bool) {
        let [settled, prepared, done] =
            [&probes.settled, &probes.prepared, &probes.done].map(|probe| (probe, is_shared));
        self.records.catch(out.records.map(|_| ()), done);
        self.requests.catch(out.requests, settled);
        self.later.catch(out.later, prepared);
        self.attempts.catch(out.attempts, prepared);
        self.tools.catch(out.tools, settled);
        self.provenance.catch(out.provenance, done);
        self.vectors.catch(out.vectors, done);
        self.near.catch(out.near, done);
        self.links.catch(out.links, done);
        self.placements.catch(out.placements, done);
        self.lineage.catch(out.lineage, done);
        self.domains.catch(out.domains, done);
        let proposed = out.proposals.map(|(domain, answer)| (domain, Digest::of_record(&answer)));
        self.proposed.catch(proposed, done);
        self.environments.catch(out.environments, done);
        self.tasks.catch(out.tasks, done);
        self.withheld.catch(out.judged.withheld, done);
        self.flagged_tools.catch(out.judged.tools, done);
        self.flagged_domains.catch(out.judged.domains, done);
        self.verified.catch(out.verified, done);
        self.rejections.catch(out.rejections, done);
        self.of_domains.catch(out.of_domains, done);
    }

    fn haul(self) -> Caught {
        let records = std::mem::take(&mut *self.records.0.lock().expect("no holder panics"));
        let placements = self.placements.haul().into_iter().collect();
        let domains = self.domains.haul();
        let names = domains.iter().map(|it| (it.id, it.name.clone())).collect();
        Caught {
            records: records.iter().map(|((), count)| count.unsigned_abs() as u64).sum(),
            tools: self.tools.haul().into_iter().map(|tool| (tool.id, tool)).collect(),
            provenance: self.provenance.haul(),
            vectors: self.vectors.haul(),
            near: self.near.haul(),
            links: self.links.haul(),
            partition: Partition { placements, names },
            lineage: self.lineage.haul(),
            domains,
            proposed: self.proposed.haul().into_iter().collect(),
            environments: self.environments.haul(),
            tasks: self.tasks.haul(),
            withheld: self.withheld.haul(),
            flagged_tools: self.flagged_tools.haul().into_iter().collect(),
            flagged_domains: self.flagged_domains.haul().into_iter().collect(),
            verified: self.verified.haul(),
            rejections: self.rejections.haul(),
            of_domains: self.of_domains.haul(),
            ..Caught::default()
        }
    }
}
