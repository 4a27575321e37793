//! Building: a world brought up to date with a corpus.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use operators::roll_out::converse;
use operators::{Recall, Work, link, reword};
use schemas::{Answer, Partition, Plan, RequestId, Vector, Weights};

use crate::answering::{Answering, AnsweringError};
use crate::benchmarks::{BenchmarkError, Benchmarks};
use crate::chain::Resources;
use crate::corpus::{Corpus, CorpusError};
use crate::dataset;
use crate::endpoint::Config;
use crate::funnel::{Funnel, measures, tally};
use crate::graph_objects::{self, KnownVectors};
use crate::knobs::{self, KnobError};
use crate::ledger::{Ledger, Memory};
use crate::library::{Files, Known};
use crate::run::{Caught, Given, RunError, run};
use crate::shards::{Roles, ShardError, write_shards};
use crate::shelf::Shelf;
use crate::store::{Contents, Input, Latest, Locked, Manifest, ObjectRef, StoreError, World};
use crate::summary::Summary;

use self::inputs::{Inputs, inputs, is_same, remembered};

mod inputs;

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
    build_on(request, Some(corpus), started, listener)
}

/// Brings a world up to date with a corpus that was scanned, or, without one, with what the world
/// remembers of the corpus of its latest version.
pub(crate) fn build_on(
    request: &Request,
    corpus: Option<Corpus>,
    started: Instant,
    listener: &dyn Listener,
) -> Result<Summary, BuildError> {
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
    let (mut caught, shelf, inputs) =
        derive(request, &corpus, &plan, &base, &store, &work, listener)?;
    caught.rejections.extend(corpus.unreadable.iter().cloned());
    let funnel = Funnel::of(&caught, &corpus);
    funnel.check().map_err(BuildError::Funnel)?;

    listener.sharding();
    let sharding = Instant::now();
    let parent = base.manifest.as_ref().filter(|it| it.contents.program == program(&plan));
    let written = write_shards(&caught, &plan, &shelf, parent, &store, request.workers);
    if let Some(failure) = shelf.failure() {
        return Err(failure.into());
    }
    let mut objects = written?;
    let (inputs, read) = inputs;
    objects.extend(read);
    objects.extend(graph_objects::write(&caught, &plan, &store)?);
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
    Ok(Summary::of(&commit, &work, store.tally(), &caught.busy)
        .timed("shard", sharded)
        .timed("commit", committing.elapsed())
        .timed("total", started.elapsed()))
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

/// What a build starts from.
#[derive(Default)]
struct Base {
    /// The version whose results are remembered; none in a new world.
    manifest: Option<Manifest>,
    weights: Option<Arc<Weights>>,
    prior: Arc<Partition>,
    /// The answers of models that it was made with.
    answers: BTreeMap<RequestId, Answer>,
    /// The world it is pinned to.
    elsewhere: Option<World>,
    /// The version a new world comes after.
    after: Option<u64>,
    /// What nothing may overlap with.
    benchmarks: Benchmarks,
}

impl Base {
    fn of(
        request: &Request,
        store: &Locked,
        latest: Option<&Manifest>,
        plan: &Plan,
    ) -> Result<Base, BuildError> {
        let base = Base::before(request, store.world(), latest, plan)?;
        let benchmarks = Benchmarks::of(&plan.decontaminate, store, base.elsewhere.as_ref())?;
        Ok(Base { benchmarks, ..base })
    }

    /// What later versions start from.
    fn pins(&self, caught: &Caught, store: &Locked) -> Result<Roles, StoreError> {
        let mut pins = graph_objects::pins(caught, store)?;
        pins.extend(self.benchmarks.pins.clone());
        Ok(pins)
    }

    fn before(
        request: &Request,
        world: &World,
        latest: Option<&Manifest>,
        plan: &Plan,
    ) -> Result<Base, BuildError> {
        let nothing = Base { manifest: latest.cloned(), ..Base::default() };
        if request.refit {
            return Ok(nothing);
        }
        let (world, manifest, after) = match (&request.pinned, latest) {
            (Some((folder, version)), _) => {
                let other = World::open(folder)?;
                let manifest = match version {
                    Some(version) => other.manifest(*version)?,
                    None => other
                        .latest()?
                        .manifest
                        .ok_or_else(|| StoreError::NoWorld { path: folder.clone() })?,
                };
                let after = Some(manifest.version);
                (other, manifest, after)
            }
            (None, Some(manifest)) => (world.clone(), manifest.clone(), None),
            (None, None) => return Ok(nothing),
        };
        let fitted = || graph_objects::read_pin(&world, &manifest, "weights").map(Arc::new);
        let encoder = manifest.contents.plan.graph.encoder;
        Ok(Base {
            weights: encoder.weighs_like(plan.graph.encoder).then(fitted).transpose()?,
            prior: Arc::new(graph_objects::read_pin(&world, &manifest, "partition")?),
            answers: graph_objects::read_answers(&world, &manifest)?,
            elsewhere: request.pinned.is_some().then_some(world),
            manifest: nothing.manifest,
            after,
            benchmarks: Benchmarks::default(),
        })
    }
}

/// What an earlier version remembers.
#[derive(Default)]
struct Before {
    memory: Memory,
    /// What was read out of documents.
    known: Known,
    neighbours: link::Remembered,
    vectors: KnownVectors,
}

impl Before {
    /// Reads it, and makes its payloads available on the shelf.
    fn of(
        base: &Base,
        plan: &Plan,
        world: &World,
        shelf: &mut Shelf,
    ) -> Result<Before, StoreError> {
        let mut remembered = Before::default();
        let Some(manifest) = &base.manifest else { return Ok(remembered) };
        let before = &manifest.contents;
        for (role, object) in &before.objects {
            if let Some(place) = role.strip_prefix("ledger/") {
                let ledger: Ledger = graph_objects::read_json(world, object)?;
                remembered.memory.learn(&ledger, &before.plan);
                if let Some(pack) = before.objects.get(&format!("payloads/{place}")) {
                    let payloads = ledger.entries.values().flat_map(|entry| entry.payloads());
                    shelf.stock(pack.clone(), payloads.collect::<Vec<_>>().into_iter());
                }
            }
        }
        if before.program != program(plan) {
            return Ok(remembered);
        }
        if before.plan.corpus.reads_like(&plan.corpus) {
            let read = |(role, object): (&String, &ObjectRef)| {
                Some((role.strip_prefix("records/")?.parse().ok()?, object.clone()))
            };
            let references = |input: &Input| (input.digest, input.references.clone());
            remembered.known = Known {
                references: before.inputs.iter().map(references).collect(),
                read: before.objects.iter().filter_map(read).collect(),
            };
        }
        remembered.neighbours = graph_objects::read_neighbours(world, before)?;
        if base.weights.is_some() && before.plan.graph.encoder == plan.graph.encoder {
            remembered.vectors = graph_objects::read_vectors(world, before)?;
        }
        Ok(remembered)
    }
}

/// Runs the dataflow with everything that an earlier version remembers.
fn derive(
    request: &Request,
    corpus: &Corpus,
    plan: &Arc<Plan>,
    base: &Base,
    store: &Arc<Locked>,
    work: &Arc<Work>,
    listener: &dyn Listener,
) -> Result<(Caught, Shelf, Inputs), BuildError> {
    let world = store.world();
    let (answers, elsewhere) = (&base.answers, base.elsewhere.as_ref());
    let answering =
        Answering::open(plan, answers, elsewhere, store, request.endpoint.as_ref(), work)?;
    if let Some(repair) = answering.as_ref().and_then(|it| it.repair()) {
        listener.warn(&format!("after an interrupted command: the journal: {repair}"));
    }
    let mut shelf = Shelf::new(store.scratch()?, world.clone());
    let Before { memory, known, neighbours, vectors } = Before::of(base, plan, world, &mut shelf)?;
    let library = Arc::new(Files::new(
        corpus.files.clone(),
        plan.corpus.clone(),
        known,
        Arc::clone(store),
        Arc::clone(work),
    ));
    let shelf = Arc::new(shelf);
    let caught = {
        let resources = Resources {
            library: Arc::clone(&library) as _,
            depot: Arc::clone(&shelf) as _,
            vectors: Arc::new(vectors) as Arc<dyn Recall<Vector>>,
            neighbours: Arc::new(neighbours),
            environments: Arc::new(memory.environments),
            tasks: Arc::new(memory.tasks),
            benchmarks: Arc::clone(&base.benchmarks.sketches),
            overlaps: Arc::new(memory.overlaps),
            trajectories: Arc::new(memory.trajectories),
            verdicts: Arc::new(memory.verdicts),
            work: Arc::clone(work),
        };
        let given = Given {
            documents: corpus.files.keys().cloned().collect(),
            weights: base.weights.clone(),
            prior: Arc::clone(&base.prior),
            answering: answering.clone(),
            plan: Arc::clone(plan),
        };
        let ran = run(&given, &resources, request.workers);
        let told = answering.map(|it| [it.remark(), it.spent()]);
        told.into_iter().flatten().flatten().for_each(|told| listener.warn(&told));
        // A payload that the disk does not give back ends a worker; why it does not is what to tell.
        ran.map_err(|error| shelf.failure().map_or_else(|| error.into(), BuildError::Store))?
    };
    let read = library.read()?;
    if let Some(document) = library.changed() {
        return Err(BuildError::Changed { document });
    }
    let inputs = inputs(corpus, &read);
    let shelf = Arc::into_inner(shelf).expect("the workers are done");
    if let Some(failure) = shelf.failure() {
        return Err(failure.into());
    }
    Ok((caught, shelf, inputs))
}

/// The revisions of everything that makes bytes out of a corpus by this plan.
fn program(plan: &Plan) -> String {
    let mut revisions = operators::REVISIONS.to_vec();
    revisions.push(dataset::REVISION);
    if !plan.task.intent_model.is_empty() {
        revisions.push(reword::REVISION);
    }
    if plan.rollout.has_model() {
        revisions.push(converse::REVISION);
    }
    revisions.join(", ")
}
