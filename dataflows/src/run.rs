//! Running the dataflow: workers, inputs, and what is caught at its end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use differential_dataflow::ExchangeData;
use differential_dataflow::consolidation::consolidate;
use differential_dataflow::input::Input;
use timely::dataflow::ProbeHandle;

use operators::encode::fit;
use operators::link::Near;
use schemas::{
    Document, Domain, DomainId, EnvironmentRef, Lineage, Link, Partition, Placement, Plan,
    Provenance, Rejection, TaskRef, Tool, ToolId, Vector, Verified, Weights,
};

use crate::chain::{Collection, Resources, chain};
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
    /// Every knob.
    pub plan: Arc<Plan>,
}

/// Everything that came out, sorted.
#[derive(Debug, Default)]
pub struct Caught {
    /// How many records the documents hold.
    pub records: u64,
    /// The term weights, pinned or fitted.
    pub weights: Arc<Weights>,
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
    /// Environments.
    pub environments: Vec<EnvironmentRef>,
    /// Tasks.
    pub tasks: Vec<TaskRef>,
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
    fn catch(&self, collection: Collection<'_, D>, probe: &ProbeHandle<u64>) {
        let net = Arc::clone(&self.0);
        collection
            .inspect(move |(record, _epoch, difference)| {
                net.lock().expect("no holder panics").push((record.clone(), *difference));
            })
            .probe_with(probe);
    }
}

impl<D: Ord> Net<D> {
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
    tools: Net<Arc<Tool>>,
    provenance: Net<Provenance>,
    vectors: Net<Vector>,
    near: Net<Near>,
    links: Net<Link>,
    placements: Net<(ToolId, Placement)>,
    lineage: Net<Lineage>,
    domains: Net<Domain>,
    environments: Net<EnvironmentRef>,
    tasks: Net<TaskRef>,
    verified: Net<Verified>,
    rejections: Net<Rejection>,
    of_domains: Net<(DomainId, Rejection)>,
}

/// Runs one epoch of the dataflow on so many worker threads.
///
/// The result does not depend on their number.
///
/// # Errors
///
/// Fails if the threads cannot be started, or if one of them panicked.
///
/// # Panics
///
/// Panics if a record came out more or less than once, which is an operator's fault.
pub fn run(given: &Given, resources: &Resources, workers: usize) -> Result<Caught, String> {
    let nets = Nets::default();
    let busy = Busy::default();
    let fitted: Arc<Mutex<Arc<Weights>>> = Arc::default();
    let config =
        if workers <= 1 { timely::Config::thread() } else { timely::Config::process(workers) };
    let (inside, timing, weighing) = (nets.clone(), Arc::clone(&busy), Arc::clone(&fitted));
    let (given, resources) = (given.clone(), resources.clone());
    let guards = timely::execute(config, move |worker| {
        let meter = Meter::listen(worker);
        let (tooled, done) = (ProbeHandle::new(), ProbeHandle::new());
        let (mut documents, mut weights) = worker.dataflow(|scope| {
            let (documents, read) = scope.new_collection();
            let (weights, weighed) = scope.new_collection();
            let out = chain(read, weighed, &given.prior, &given.plan, resources.clone(), &meter);
            inside.records.catch(out.records.map(|_| ()), &done);
            inside.tools.catch(out.tools, &tooled);
            inside.provenance.catch(out.provenance, &done);
            inside.vectors.catch(out.vectors, &done);
            inside.near.catch(out.near, &done);
            inside.links.catch(out.links, &done);
            inside.placements.catch(out.placements, &done);
            inside.lineage.catch(out.lineage, &done);
            inside.domains.catch(out.domains, &done);
            inside.environments.catch(out.environments, &done);
            inside.tasks.catch(out.tasks, &done);
            inside.verified.catch(out.verified, &done);
            inside.rejections.catch(out.rejections, &done);
            inside.of_domains.catch(out.of_domains, &done);
            (documents, weights)
        });
        let (index, peers) = (worker.index(), worker.peers());
        for document in given.documents.iter().skip(index).step_by(peers) {
            documents.insert(document.clone());
        }
        documents.advance_to(1);
        documents.flush();
        // The weights are an input of the same epoch: what is downstream of the tools waits.
        worker.step_while(|| tooled.less_than(&1));
        if index == 0 {
            let pinned = given.weights.clone().unwrap_or_else(|| {
                let tools = inside.tools.0.lock().expect("no holder panics");
                let ordered: BTreeMap<ToolId, &Tool> =
                    tools.iter().map(|(tool, _)| (tool.id, tool.as_ref())).collect();
                Arc::new(fit(ordered.into_values()))
            });
            *weighing.lock().expect("no holder panics") = Arc::clone(&pinned);
            weights.insert(pinned);
        }
        weights.advance_to(1);
        weights.flush();
        worker.step_while(|| done.less_than(&1));
        meter.report(worker, &timing);
    })?;
    for outcome in guards.join() {
        outcome?;
    }
    let mut caught = nets.haul();
    caught.weights = Arc::clone(&fitted.lock().expect("no holder panics"));
    caught.busy = std::mem::take(&mut *busy.lock().expect("no holder panics"));
    Ok(caught)
}

impl Nets {
    fn haul(self) -> Caught {
        let records = std::mem::take(&mut *self.records.0.lock().expect("no holder panics"));
        Caught {
            records: records.iter().map(|((), count)| count.unsigned_abs() as u64).sum(),
            tools: self.tools.haul().into_iter().map(|tool| (tool.id, tool)).collect(),
            provenance: self.provenance.haul(),
            vectors: self.vectors.haul(),
            near: self.near.haul(),
            links: self.links.haul(),
            partition: Partition { placements: self.placements.haul().into_iter().collect() },
            lineage: self.lineage.haul(),
            domains: self.domains.haul(),
            environments: self.environments.haul(),
            tasks: self.tasks.haul(),
            verified: self.verified.haul(),
            rejections: self.rejections.haul(),
            of_domains: self.of_domains.haul(),
            ..Caught::default()
        }
    }
}
