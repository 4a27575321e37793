//! The dataflow: API records in, verified trajectories out.

use std::sync::Arc;

use differential_dataflow::{AsCollection as _, VecCollection};
use timely::dataflow::operators::ToStream as _;
use timely::dataflow::operators::generic::operator::empty;

use operators::decontaminate::{Compared, Decontaminated};
use operators::materialize::Workshop;
use operators::propose::Proposed;
use operators::{
    Communities, Compose, Decontaminate, Depot, Describe, Embed, Encode, Gather, Hold, Library,
    Link, Materialize, Parse, Propose, Recall, Refine, Reword, Verify, Work, compose, link,
    materialize,
};
use schemas::{
    Answer, Attempt, Document, Domain, DomainId, Encoder, EnvironmentRef, Lineage, Overlap,
    Partition, Placement, Plan, Provenance, Record, Rejection, Request, Sketch, TaskRef, Tool,
    ToolId, TrajectoryRef, Transcript, Vector, Verdict, Verified, Weights,
};

use crate::meter::Meter;

/// Version numbers of the world are the dataflow's epochs.
pub type Epoch = u64;

/// A collection of this dataflow.
pub type Collection<'scope, D> = VecCollection<'scope, Epoch, D>;

/// What the dataflow is given beside its inputs. Nothing but the benchmarks, which the plan names,
/// changes what comes out.
#[derive(Clone)]
pub struct Resources {
    /// Reads documents.
    pub library: Arc<dyn Library>,
    /// Keeps payloads.
    pub depot: Arc<dyn Depot>,
    /// Vectors of an earlier version, by tool and weights.
    pub vectors: Arc<dyn Recall<Vector>>,
    /// Neighbours of an earlier version.
    pub neighbours: Arc<link::Remembered>,
    /// Environments of an earlier version.
    pub environments: Arc<dyn Recall<materialize::Recalled>>,
    /// Tasks of an earlier version.
    pub tasks: Arc<dyn Recall<compose::Outcome>>,
    /// The benchmarks that nothing may overlap with.
    pub benchmarks: Arc<[Arc<Sketch>]>,
    /// How tasks overlap with benchmarks, as an earlier version found.
    pub overlaps: Arc<dyn Recall<Option<Overlap>>>,
    /// Trajectories of an earlier version.
    pub trajectories: Arc<dyn Recall<Vec<TrajectoryRef>>>,
    /// Verdicts of an earlier version.
    pub verdicts: Arc<dyn Recall<Verdict>>,
    /// Counts what is done.
    pub work: Arc<Work>,
}

/// Everything that comes out.
///
/// Every record that goes in ends in exactly one of `verified` (kept or refuted) and `rejections`,
/// or in a tool, domain or task that does.
pub struct Chain<'scope> {
    /// What the documents hold.
    pub records: Collection<'scope, Arc<Record>>,
    /// What is asked of models and has no answer yet; a tool asked about waits for it.
    pub requests: Collection<'scope, Request>,
    /// What is asked of models about domains and tasks and has no answer yet, likewise.
    pub later: Collection<'scope, Request>,
    /// Attempts at tasks that wait for what models say in them.
    pub attempts: Collection<'scope, Attempt>,
    /// What of it can be acted on.
    pub tools: Collection<'scope, Arc<Tool>>,
    /// Where every tool came from, folded duplicates included.
    pub provenance: Collection<'scope, Provenance>,
    /// Tools as points.
    pub vectors: Collection<'scope, Vector>,
    /// Who is near whom.
    pub near: Collection<'scope, link::Near>,
    /// The tool graph.
    pub links: Collection<'scope, schemas::Link>,
    /// Where every tool of the graph is.
    pub placements: Collection<'scope, (ToolId, Placement)>,
    /// What happened to the domains of the prior partition.
    pub lineage: Collection<'scope, Lineage>,
    /// Communities with a name.
    pub domains: Collection<'scope, Domain>,
    /// What a model proposed for each domain, if one was asked.
    pub proposals: Collection<'scope, (DomainId, Answer)>,
    /// Simulated worlds.
    pub environments: Collection<'scope, EnvironmentRef>,
    /// Wants with a golden way.
    pub tasks: Collection<'scope, TaskRef>,
    /// What overlaps with a benchmark; tasks that do are not among those above.
    pub judged: Decontaminated<'scope, Epoch>,
    /// Attempts, each with its verdict.
    pub verified: Collection<'scope, Verified>,
    /// What fell by the wayside before there were domains.
    pub rejections: Collection<'scope, Rejection>,
    /// What fell by the wayside in each domain, before the rollouts.
    pub of_domains: Collection<'scope, (DomainId, Rejection)>,
}

/// What the dataflow is told while it runs.
pub struct Told<'scope> {
    /// The answers of models, one for each of the requests that come out.
    pub answers: Collection<'scope, Answer>,
    /// The term weights: one record, once there are no more requests about tools.
    pub weights: Collection<'scope, Arc<Weights>>,
    /// What models said in attempts at tasks, one for each attempt that comes out.
    pub transcripts: Collection<'scope, Transcript>,
}

/// Builds verified trajectories from documents.
///
/// The answers of models arrive as a collection, one for each of the requests that come out. The
/// term weights arrive as a collection of one record once there are no more requests, and the partition of the previous
/// version as a value: both are pinned, since they are where one record could move everything. No
/// tool goes beyond its vector, and so into the partition, before the weights are there: what the
/// partition is depends on what it was.
pub fn chain<'scope>(
    documents: Collection<'scope, Document>,
    told: Told<'scope>,
    prior: &Partition,
    plan: &Plan,
    known: Resources,
    meter: &Meter,
) -> Chain<'scope> {
    let scope = documents.inner.scope();
    let verb = |name| meter.begin(name, scope.worker().peek_identifier());
    let (seed, depot, work) = (plan.seed, || Arc::clone(&known.depot), || Arc::clone(&known.work));

    let Told { answers, weights, transcripts } = told;
    verb("parse");
    let (records, unreadable) = documents.parse(known.library);
    let (tools, provenance, unfit) = records.clone().refine(&plan.corpus);
    verb("describe");
    let (tools, requests, refused) = tools.describe(answers.clone(), &plan.describe, &plan.corpus);
    verb("link");
    let placed =
        points(tools.clone(), answers.clone(), weights.clone(), plan, known.vectors, work());
    let (links, near) = placed.vectors.clone().link(&plan.graph, known.neighbours, work());
    verb("communities");
    let ids = placed.vectors.clone().map(|vector| vector.tool);
    let grouped = links.clone().communities(ids, prior.clone(), &plan.graph);
    let homeless = strays(grouped.homeless(), tools.clone());
    let domains = grouped.memberships().gather(tools.clone(), weights, &prior.names);
    verb("materialize");
    let (ready, proposals, proposing, unaskable) = asked(&domains, &tools, &answers, plan);
    let workshop = workshop(plan, depot(), known.environments, work());
    let (environments, unsound) = ready.materialize(tools.clone(), proposals.clone(), workshop);
    verb("compose");
    let (composed, unprovable) =
        environments.clone().compose(&plan.task, seed, depot(), known.tasks, work());
    verb("reword");
    let (worded, rewordings, unworded) = composed.reword(answers, &plan.task, depot());
    verb("decontaminate");
    let compared = (tools.clone(), domains.clone(), environments.clone());
    let judged = judged(worded, compared, plan, (known.benchmarks, depot(), known.overlaps));
    let tasks = judged.clean.clone();
    verb("roll_out");
    let (worlds, held) = (environments.clone(), (&plan.rollout, seed));
    let (trajectories, attempts, failed) =
        tasks.clone().hold(worlds.clone(), transcripts, held, depot(), known.trajectories, work());
    verb("verify");
    let verified = trajectories.verify(worlds, &plan.filter, depot(), known.verdicts, work());
    verb("capture");

    Chain {
        records,
        requests: requests.concat(placed.asked),
        later: proposing.concat(rewordings),
        attempts,
        tools,
        provenance,
        vectors: placed.vectors,
        near,
        links,
        placements: grouped.placements,
        lineage: grouped.lineage,
        domains,
        proposals,
        environments,
        tasks,
        judged,
        verified,
        rejections: unreadable.concatenate([unfit, refused, placed.pointless, homeless]),
        of_domains: unsound.concatenate([unaskable, unprovable, unworded, failed]),
    }
}

/// Domains, once a model has been asked about them if the plan names one.
fn asked<'scope>(
    domains: &Collection<'scope, Domain>,
    tools: &Collection<'scope, Arc<Tool>>,
    answers: &Collection<'scope, Answer>,
    plan: &Plan,
) -> Proposed<'scope, Epoch> {
    let (propose, environment) = (&plan.propose, &plan.environment);
    domains.clone().propose(tools.clone(), answers.clone(), propose, environment)
}

/// What environments are made with.
fn workshop(
    plan: &Plan,
    depot: Arc<dyn Depot>,
    recall: Arc<dyn Recall<materialize::Recalled>>,
    work: Arc<Work>,
) -> Workshop {
    Workshop { plan: plan.environment.clone(), seed: plan.seed, depot, recall, work }
}

/// Tools as points, whoever says where.
struct Points<'scope> {
    vectors: Collection<'scope, Vector>,
    /// What is asked of a model that says where.
    asked: Collection<'scope, Request>,
    /// Tools that are no point and so find no domain.
    pointless: Collection<'scope, Rejection>,
}

/// Tools as the points that the plan's encoder makes of them.
fn points<'scope>(
    tools: Collection<'scope, Arc<Tool>>,
    answers: Collection<'scope, Answer>,
    weights: Collection<'scope, Arc<Weights>>,
    plan: &Plan,
    recall: Arc<dyn Recall<Vector>>,
    work: Arc<Work>,
) -> Points<'scope> {
    let scope = tools.inner.scope();
    match plan.graph.encoder {
        Encoder::Embeddings => {
            let (vectors, asked, pointless) = tools.embed(answers, weights, &plan.graph);
            Points { vectors, asked, pointless }
        }
        encoder => Points {
            vectors: tools.encode(weights, encoder, recall, work),
            asked: empty(scope).as_collection(),
            pointless: empty(scope).as_collection(),
        },
    }
}

/// Tasks compared with the benchmarks, if there are any.
fn judged<'scope>(
    tasks: Collection<'scope, TaskRef>,
    (tools, domains, environments): (
        Collection<'scope, Arc<Tool>>,
        Collection<'scope, Domain>,
        Collection<'scope, EnvironmentRef>,
    ),
    plan: &Plan,
    (benchmarks, depot, recall): (
        Arc<[Arc<Sketch>]>,
        Arc<dyn Depot>,
        Arc<dyn Recall<Option<Overlap>>>,
    ),
) -> Decontaminated<'scope, Epoch> {
    let scope = tasks.inner.scope();
    if benchmarks.is_empty() {
        return Decontaminated {
            clean: tasks,
            withheld: empty(scope).as_collection(),
            tools: empty(scope).as_collection(),
            domains: empty(scope).as_collection(),
        };
    }
    let told = if scope.worker().index() == 0 { benchmarks.to_vec() } else { Vec::new() };
    let told = told.into_iter().map(|it| (it, Epoch::default(), 1)).to_stream(scope);
    let compared = Compared { tools, domains, environments, benchmarks: told.as_collection() };
    tasks.decontaminate(compared, &plan.decontaminate, depot, recall)
}

/// Tools without a domain, each as a rejection.
fn strays<'scope>(
    homeless: Collection<'scope, ToolId>,
    tools: Collection<'scope, Arc<Tool>>,
) -> Collection<'scope, Rejection> {
    let homeless = homeless.map(|tool| (tool, ()));
    tools.map(|tool| (tool.id, tool.identity.clone())).join_map(homeless, |_tool, identity, ()| {
        Rejection {
            stage: schemas::Stage::Domain,
            subject: identity.clone(),
            rule: None,
            reason: "found no domain: nothing near it is large enough to belong to".into(),
            file: String::new(),
            pointer: String::new(),
        }
    })
}
