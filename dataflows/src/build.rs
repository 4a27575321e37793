//! Building: a world brought up to date with a corpus.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use operators::roll_out::converse;
use operators::{Work, propose, reword};
use schemas::Plan;

use crate::answering::{Answering, AnsweringError};
use crate::benchmarks::BenchmarkError;
use crate::cluster::{ClusterError, Crew};
use crate::corpus::{Corpus, CorpusError};
use crate::dataset;
use crate::endpoint::Config;
use crate::funnel::{Funnel, measures, tally};
use crate::graph_objects;
use crate::knobs::{self, KnobError};
use crate::run::{Caught, Given, RunError, Workers, run};
use crate::shards::{Context, Roles, ShardError, write_shards};
use crate::shelf::Shelf;
use crate::store::{Contents, Latest, Locked, StoreError, World};
use crate::summary::Summary;

use self::among::{gather, share};
use self::base::{Base, Equipment, equip};
use self::inputs::{Inputs, inputs, is_same, remembered};

pub use self::among::{follow, lead};

mod inputs;
mod base;
mod among;

/// What to build.
#[derive(Clone, Debug)]
pub struct Request {
    /// Files, folders and patterns of API descriptions; `-` for standard input.
    pub corpus: Vec<PathBuf>,
    /// The world's folder.
    pub world: PathBuf,
    /// Worker threads.
    pub workers: usize,
    /// `KEY=VALUE` settings of knobs, the last word.
    pub settings: Vec<String>,
    /// The process's environment variables.
    pub variables: Vec<(String, String)>,
    /// Whether to fit term weights and communities anew.
    pub refit: bool,
    /// A world, and a version of it, to take term weights and the prior partition from: the new
    /// world then begins at the version after.
    pub pinned: Option<(PathBuf, Option<u64>)>,
    /// Whom to ask what the plan asks of models and no one answered before.
    pub endpoint: Option<Config>,
}

/// Why a world could not be brought up to date.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The corpus cannot be read.
    #[error(transparent)]
    Corpus(#[from] CorpusError),
    /// The knobs make no plan.
    #[error(transparent)]
    Knob(#[from] KnobError),
    /// The benchmarks cannot be compared with.
    #[error(transparent)]
    Benchmark(#[from] BenchmarkError),
    /// The store could not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Rows could not be written.
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// A file of the corpus is not what it was when the build began.
    #[error("\"{document}\" changed while it was read")]
    Changed {
        /// The file, by its name in the corpus.
        document: String,
    },
    /// What is asked of a model has no answer; what was answered is kept.
    #[error(transparent)]
    Answering(#[from] AnsweringError),
    /// Several processes could not build together.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A worker failed.
    #[error("the dataflow failed: {0}")]
    Dataflow(String),
    /// What was read of the corpus was read by another program or under other limits.
    #[error(
        "version {version} was made by another version of this program or under other limits of \
         reading: the corpus must be read again"
    )]
    Stale {
        /// The version.
        version: u64,
    },
    /// A world that has versions cannot begin at another.
    #[error("world \"{}\" has versions already: --pinned begins a new world", .0.display())]
    NotNew(PathBuf),
    /// What should add up does not; nothing was committed.
    #[error("the funnel does not add up: {0}")]
    Funnel(String),
}

impl From<RunError> for BuildError {
    fn from(error: RunError) -> BuildError {
        match error {
            RunError::Worker(reason) => BuildError::Dataflow(reason),
            RunError::Answering(error) => BuildError::Answering(error),
        }
    }
}

impl BuildError {
    /// What a user can do about it, where something general can be said.
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            BuildError::Store(error) | BuildError::Shard(ShardError::Store(error)) => {
                error.remedy()
            }
            BuildError::Stale { .. } => {
                Some("run `agentscaler build CORPUS... --world DIR` first, then this again")
            }
            BuildError::NotNew(_) => Some("name a new folder"),
            BuildError::Corpus(error) => error.remedy(),
            BuildError::Benchmark(error) => error.remedy(),
            BuildError::Answering(error) => error.remedy(),
            BuildError::Cluster(error) => error.remedy(),
            BuildError::Knob(KnobError::Malformed { .. } | KnobError::Misfit { .. }) => {
                Some("correct the value; plan.toml in a world lists every knob with its value")
            }
            BuildError::Knob(KnobError::NoModel { .. }) => {
                Some("name one with --set graph.embedding_model=NAME")
            }
            BuildError::Changed { .. } => {
                Some("run the same command again once nobody writes to the corpus")
            }
            BuildError::Dataflow(_) | BuildError::Funnel(_) => {
                Some("the world is as it was; this is a defect of the program: please report it")
            }
            _ => None,
        }
    }
}

/// What a build tells while it runs.
pub trait Listener: Send + Sync {
    /// Work begins; the counters may be read at any time until it ends.
    fn begun(&self, work: &Arc<Work>, documents: usize);
    /// Something the user should know.
    fn warn(&self, message: &str);
    /// The dataflow is done; its rows are written.
    fn sharding(&self) {}
    /// From here on until the end, an interruption must wait.
    fn committing(&self);
}

/// Brings a world up to date with a corpus.
///
/// Nothing is visible before the commit at the end; whatever stops the build earlier leaves the
/// last version as it was, and the same request then goes on with what is known.
///
/// # Errors
///
/// Fails if the corpus, the knobs or the world cannot be used, or if the disk does not hold out.
pub fn build(request: &Request, listener: &dyn Listener) -> Result<Summary, BuildError> {
    let started = Instant::now();
    let corpus = Corpus::scan(&request.corpus, &request.world)?;
    build_on(&Order { request, crew: None, listener }, Some(corpus), started)
}

/// Who wants what, who helps, and who listens.
#[derive(Clone, Copy)]
pub(crate) struct Order<'a> {
    pub request: &'a Request,
    /// The processes that share the work; none where this one does all of it.
    pub crew: Option<&'a Arc<Crew>>,
    pub listener: &'a dyn Listener,
}

impl Order<'_> {
    fn workers(&self) -> Workers {
        self.crew.map_or(Workers::Here(self.request.workers), |it| Workers::Among(Arc::clone(it)))
    }
}

/// Brings a world up to date with a corpus that was scanned, or, without one, with what the world
/// remembers of the corpus of its latest version.
pub(crate) fn build_on(
    order: &Order<'_>,
    corpus: Option<Corpus>,
    started: Instant,
) -> Result<Summary, BuildError> {
    let Order { request, listener, .. } = *order;
    let world = World::create(&request.world)?;
    let store = Arc::new(world.lock()?);
    let latest = store.world().latest()?;
    warn(&store, &latest, listener);
    let file = store.world().read_plan()?;
    let variables = request.variables.iter().cloned();
    let resolved = knobs::resolve(&request.settings, variables, file.as_deref())?;
    let plan = Arc::new(resolved.plan.clone());
    let remembered = || remembered(store.world(), latest.manifest.as_ref(), &plan);
    let corpus = corpus.map_or_else(remembered, Ok)?;

    if latest.manifest.is_some() && request.pinned.is_some() {
        return Err(BuildError::NotNew(request.world.clone()));
    }
    if let Some(manifest) = &latest.manifest
        && !request.refit
        && is_current(&manifest.contents, &corpus, &plan)
    {
        return Ok(Summary::unchanged(manifest, started.elapsed()));
    }
    let base = Base::of(request, &store, latest.manifest.as_ref(), &plan)?;
    let work = Arc::new(Work::default());
    listener.begun(&work, corpus.files.len());
    let (Derived { mut caught, shelf }, (inputs, read)) =
        derive(order, &corpus, &plan, &base, &store, &work)?;
    caught.rejections.extend(corpus.unreadable.iter().cloned());
    let funnel = Funnel::of(&caught, &corpus);
    funnel.check().map_err(BuildError::Funnel)?;

    listener.sharding();
    let sharding = Instant::now();
    let parent = base.manifest.as_ref().filter(|it| it.contents.program == program(&plan));
    let context = Context { plan: &plan, depot: &shelf, store: &store, parent };
    let mut objects = write(&caught, &context, &shelf, order.workers())?;
    objects.extend(read);
    objects.insert("rejections".into(), graph_objects::write_rejections(&mut caught, &store)?);
    let contents = Contents {
        program: program(&plan),
        inputs,
        plan: Plan::clone(&plan),
        pins: base.pins(&caught, &store)?,
        objects,
        counts: funnel.counts.clone(),
        rejected: funnel.rejected.clone(),
        rules: funnel.rules.clone(),
        licenses: tally(&caught, |tool| tool.license.clone()),
        sources: tally(&caught, |tool| tool.source.clone()),
        graph: measures(&caught, &plan),
    };
    let sharded = sharding.elapsed();
    listener.committing();
    let committing = Instant::now();
    store.write_plan(&knobs::write(&resolved))?;
    let commit = store.commit(contents, caught.lineage.clone(), base.after)?;
    let summary = Summary::of(&commit, &work, store.tally(), &caught.busy)
        .timed("shard", sharded)
        .timed("commit", committing.elapsed())
        .timed("total", started.elapsed());
    // The version is there: nobody need wait until what it was made of is taken apart.
    std::thread::spawn(move || drop(caught));
    Ok(summary)
}

/// Writes the rows, and beside them the graph.
fn write(
    caught: &Caught,
    context: &Context<'_>,
    shelf: &Shelf,
    workers: Workers,
) -> Result<Roles, BuildError> {
    let (written, graph) = std::thread::scope(|scope| {
        let graph = scope.spawn(|| graph_objects::write(caught, context.plan, context.store));
        let written = write_shards(caught, context, workers);
        (written, graph.join().expect("who writes does not panic"))
    });
    if let Some(failure) = shelf.failure() {
        return Err(failure.into());
    }
    let mut objects = written?;
    objects.extend(graph?);
    Ok(objects)
}

/// Whether a version is what a build would make.
fn is_current(contents: &Contents, corpus: &Corpus, plan: &Plan) -> bool {
    contents.plan == *plan && contents.program == program(plan) && is_same(&contents.inputs, corpus)
}

/// Tells what was found amiss in the world, and put right or passed over.
fn warn(store: &Locked, latest: &Latest, listener: &dyn Listener) {
    for repair in store.repairs() {
        listener.warn(&format!("after an interrupted command: {repair}"));
    }
    for (version, damage) in &latest.passed_over {
        listener.warn(&format!("version {version} is passed over: {damage}"));
    }
}

/// What came out of the dataflow, and the payloads it names.
struct Derived {
    caught: Caught,
    shelf: Shelf,
}

/// Runs the dataflow with everything that an earlier version remembers.
fn derive(
    order: &Order<'_>,
    corpus: &Corpus,
    plan: &Arc<Plan>,
    base: &Base,
    store: &Arc<Locked>,
    work: &Arc<Work>,
) -> Result<(Derived, Inputs), BuildError> {
    let (answers, elsewhere) = (&base.answers, base.elsewhere.as_ref());
    let endpoint = order.request.endpoint.as_ref();
    let answering = Answering::open(plan, answers, elsewhere, store, endpoint, work)?;
    if let Some(repair) = answering.as_ref().and_then(|it| it.repair()) {
        order.listener.warn(&format!("after an interrupted command: the journal: {repair}"));
    }
    let scratch = match order.crew {
        None => store.scratch()?,
        Some(crew) => share(order, crew, corpus, plan, base, store)?,
    };
    let Equipment { resources, library, shelf } =
        equip(plan, base, corpus.files.clone(), scratch, store, work)?;
    let given = Given {
        documents: corpus.files.keys().cloned().collect(),
        weights: base.weights.clone(),
        prior: Arc::clone(&base.prior),
        answering: answering.clone(),
        plan: Arc::clone(plan),
    };
    let ran = run(&given, &resources, order.workers());
    drop(resources);
    let told = answering.map(|it| [it.remark(), it.spent()]);
    told.into_iter().flatten().flatten().for_each(|told| order.listener.warn(&told));
    // A payload that the disk does not give back ends a worker; why it does not is what to tell.
    let lost = |error: RunError| shelf.failure().map_or_else(|| error.into(), BuildError::Store);
    let mut caught = ran.map_err(lost)?;
    let mut read = library.read()?;
    let mut changed = library.changed();
    if let Some(crew) = order.crew {
        for report in crew.lines().reports()? {
            changed = changed.or(report.changed.clone());
            gather(report, &mut read, &mut caught, (work, store));
        }
    }
    if let Some(document) = changed {
        return Err(BuildError::Changed { document });
    }
    let shelf = Arc::into_inner(shelf).expect("the workers are done");
    if let Some(failure) = shelf.failure() {
        return Err(failure.into());
    }
    Ok((Derived { caught, shelf }, inputs(corpus, &read)))
}

/// The revisions of everything that makes bytes out of a corpus by this plan.
fn program(plan: &Plan) -> String {
    let mut revisions = operators::REVISIONS.to_vec();
    revisions.push(dataset::REVISION);
    if !plan.propose.model.is_empty() {
        revisions.push(propose::REVISION);
    }
    if !plan.task.intent_model.is_empty() {
        revisions.push(reword::REVISION);
    }
    if plan.rollout.has_model() {
        revisions.push(converse::REVISION);
    }
    revisions.join(", ")
}
