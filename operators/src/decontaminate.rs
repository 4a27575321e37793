//! Decontaminate: tell which tools, domains and tasks overlap with benchmarks, and withhold tasks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use differential_dataflow::VecCollection;
use differential_dataflow::lattice::Lattice;
use timely::progress::Timestamp;

use schemas::{
    DecontaminatePlan, Digest, Domain, DomainId, Environment, EnvironmentRef, Hashes, Overlap,
    Rejection, Sketch, Stage, Task, TaskId, TaskRef, Tool, ToolId,
};

use crate::{Depot, Recall, get_record};

pub use self::reading::{Found, Named, read};
pub use self::sketch::{fingerprint, of_name, sequences, signature, words};

mod sketch;
mod reading;
mod python;

/// Raised when a change here judges the same inputs otherwise. It is part of what is remembered,
/// and not of the program's revisions: a world without benchmarks does not depend on it.
pub const REVISION: &str = "decontaminate 1";

/// Most words quoted of what overlaps.
const QUOTED_WORDS_MAX: usize = 24;

/// Digest of everything the comparison of a task's texts with a benchmark is a function of.
pub fn key(task: &Digest, sketch: &Digest, plan: &DecontaminatePlan) -> Digest {
    let knobs = [plan.words, plan.task_permille].map(u64::from);
    let knobs = [knobs[0], knobs[1], plan.sequences_min as u64].map(u64::to_le_bytes);
    Digest::of_parts([REVISION.as_bytes(), &task.0, &sketch.0, knobs.as_flattened()])
}

/// How a tool overlaps with a benchmark, if it does so much that it is flagged.
///
/// It does if it has the name and the parameters of one of the benchmark's, or if so much of its
/// description is said in theirs.
pub fn of_tool(tool: &Tool, sketch: &Sketch, plan: &DecontaminatePlan) -> Option<Overlap> {
    let overlap =
        |permille, what| Some(Overlap { permille, benchmark: sketch.benchmark.clone(), what });
    let parameters = tool.input.iter().map(|field| field.name.as_str());
    if signature(&tool.name, parameters).is_some_and(|it| sketch.signatures.contains(it)) {
        return overlap(1_000, format!("its name and parameters, {}", listed(tool)));
    }
    let shared = shared(&tool.description, &sketch.descriptions, sketch.words)
        .filter(|it| plan.sequences_min <= it.of && plan.tool_permille <= it.permille)?;
    overlap(shared.permille, format!("its description, \"{}\"", shared.quoted))
}

fn listed(tool: &Tool) -> String {
    let parameters: Vec<&str> =
        tool.input.iter().take(8).map(|field| field.name.as_str()).collect();
    let more = if parameters.len() < tool.input.len() { ", …" } else { "" };
    format!("{}({}{more})", tool.name, parameters.join(", "))
}

/// How a task's texts overlap with those of a benchmark's tasks, if one does so much that the task
/// is withheld: the most of any of what its user is told and says.
pub fn of_task(task: &Task, sketch: &Sketch, plan: &DecontaminatePlan) -> Option<Overlap> {
    let scenario = &task.scenario;
    let said = scenario.intents.iter().flat_map(|intent| {
        let answers = intent.on_request.iter().map(|fact| fact.answer.as_str());
        [intent.request.as_str()].into_iter().chain(answers)
    });
    let most = [scenario.instruction.as_str()]
        .into_iter()
        .chain(said)
        .filter_map(|text| shared(text, &sketch.sequences, sketch.words))
        .filter(|it| plan.sequences_min <= it.of && plan.task_permille <= it.permille)
        .reduce(|one, other| if one.permille < other.permille { other } else { one })?;
    Some(Overlap {
        permille: most.permille,
        benchmark: sketch.benchmark.clone(),
        what: format!("its words \"{}\"", most.quoted),
    })
}

/// The overlap of a domain of so many tools, some of which overlap with benchmarks: the benchmark
/// that most of them are of, if so many are that the domain is flagged.
pub fn of_domain<'a>(
    tools: usize,
    overlaps: impl IntoIterator<Item = &'a Overlap>,
    plan: &DecontaminatePlan,
) -> Option<Overlap> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for overlap in overlaps {
        *counts.entry(&overlap.benchmark).or_default() += 1;
    }
    let (benchmark, count) =
        counts.into_iter().reduce(|one, other| if one.1 < other.1 { other } else { one })?;
    let permille = permille(count, tools);
    (plan.schema_permille <= permille).then(|| Overlap {
        permille,
        benchmark: benchmark.into(),
        what: format!("{count} of its {tools} tools"),
    })
}

/// What of a text is among some hashes.
struct Shared {
    permille: u32,
    /// How many distinct sequences the text has.
    of: usize,
    /// The longest run of its words that is.
    quoted: String,
}

/// What of a text is among the hashes of sequences of so many words; none if nothing is.
fn shared(text: &str, hashes: &Hashes, length: u32) -> Option<Shared> {
    let words = words(text);
    let sequences = sequences(&words, length);
    let found: Vec<bool> = sequences.iter().map(|hash| hashes.contains(*hash)).collect();
    let all: BTreeSet<u64> = sequences.iter().copied().collect();
    let hits = all.iter().filter(|hash| hashes.contains(**hash)).count();
    let (mut start, mut longest) = (0, 0..0);
    for place in 0..=found.len() {
        if found.get(place) != Some(&true) {
            if longest.len() < place - start {
                longest = start..place;
            }
            start = place + 1;
        }
    }
    let end = longest.end.checked_sub(1)? + usize::try_from(length).unwrap_or(0);
    let quoted = &words[longest.start..end];
    let cut = if QUOTED_WORDS_MAX < quoted.len() { " …" } else { "" };
    let quoted = &quoted[..quoted.len().min(QUOTED_WORDS_MAX)];
    Some(Shared {
        permille: permille(hits, all.len()),
        of: all.len(),
        quoted: format!("{}{cut}", quoted.join(" ")),
    })
}

fn permille(part: usize, whole: usize) -> u32 {
    u32::try_from(part * 1_000 / whole.max(1)).unwrap_or(u32::MAX)
}

/// What is compared with benchmarks, beside the tasks.
pub struct Compared<'scope, T: Timestamp> {
    /// The tools.
    pub tools: VecCollection<'scope, T, Arc<Tool>>,
    /// The domains that the tools make.
    pub domains: VecCollection<'scope, T, Domain>,
    /// Their environments.
    pub environments: VecCollection<'scope, T, EnvironmentRef>,
    /// The benchmarks.
    pub benchmarks: VecCollection<'scope, T, Arc<Sketch>>,
}

/// What came of the comparison.
pub struct Decontaminated<'scope, T: Timestamp> {
    /// The tasks that overlap with no benchmark.
    pub clean: VecCollection<'scope, T, TaskRef>,
    /// Those that do, and how.
    pub withheld: VecCollection<'scope, T, (TaskRef, Rejection)>,
    /// The tools that do, each with its greatest overlap.
    pub tools: VecCollection<'scope, T, (ToolId, Overlap)>,
    /// The domains that do.
    pub domains: VecCollection<'scope, T, (DomainId, Overlap)>,
}

/// Extension trait for the `decontaminate` operator.
pub trait Decontaminate<'scope, T: Timestamp> {
    /// Parts tasks that overlap with a benchmark from those that do not, and tells which tools and
    /// domains do.
    ///
    /// A task does if its words do, or if one of its golden calls is of a tool that does. Each task
    /// and tool is compared with each benchmark once, when the later of both appears; what
    /// `recall` remembers of tasks is not compared again. A benchmark that comes takes only what it
    /// hits, and gives it back when it goes.
    ///
    /// Memory: an entry for every task and tool.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use differential_dataflow::input::Input;
    /// use operators::decontaminate::{Compared, Named, Found, fingerprint};
    /// use operators::engine::{World, example};
    /// use operators::{Decontaminate, Forgetful, MemoryDepot, compose, put_record};
    /// use schemas::{DecontaminatePlan, Digest, FingerprintInput, TaskPlan, TaskRef};
    ///
    /// let depot = Arc::new(MemoryDepot::default());
    /// let library = example::library();
    /// let world = World::new(library.clone()).unwrap();
    /// let tasks = compose::compose(&library, &world, &TaskPlan::default(), 7).tasks;
    /// let leaked = tasks[0].scenario.instruction.clone();
    /// let tasks: Vec<TaskRef> = tasks.iter().map(|task| TaskRef {
    ///     id: task.id, domain: task.domain, payload: put_record(&*depot, task), kind: task.kind,
    ///     calls: 0, writes: 0,
    /// }).collect();
    /// let input = FingerprintInput { digest: Digest::of(b""), bytes: 0, tools: 0, texts: 1 };
    /// let found = Found { tools: Vec::new(), texts: vec![leaked] };
    /// let benchmark = fingerprint("leaky", &[(input, found)]).sketch(5).unwrap();
    /// ::timely::example(move |scope| {
    ///     let compared = Compared {
    ///         tools: scope.new_collection_from([]).1,
    ///         domains: scope.new_collection_from([]).1,
    ///         environments: scope.new_collection_from([]).1,
    ///         benchmarks: scope.new_collection_from([Arc::new(benchmark)]).1,
    ///     };
    ///     let plan = DecontaminatePlan { sequences_min: 1, ..DecontaminatePlan::default() };
    ///     let first = tasks[0].id;
    ///     scope.new_collection_from(tasks.clone()).1
    ///          .decontaminate(compared, &plan, depot, Arc::new(Forgetful))
    ///          .withheld
    ///          .filter(move |(task, _)| task.id == first)
    ///          .map(|(task, rejection)| (task.id, rejection.stage.name().to_string()))
    ///          .assert_eq(scope.new_collection_from([(first, "contaminated".to_string())]).1);
    /// });
    /// ```
    fn decontaminate(
        self,
        compared: Compared<'scope, T>,
        plan: &DecontaminatePlan,
        depot: Arc<dyn Depot>,
        recall: Arc<dyn Recall<Option<Overlap>>>,
    ) -> Decontaminated<'scope, T>;
}

impl<'scope, T: Timestamp + Lattice> Decontaminate<'scope, T>
    for VecCollection<'scope, T, TaskRef>
{
    fn decontaminate(
        self,
        compared: Compared<'scope, T>,
        plan: &DecontaminatePlan,
        depot: Arc<dyn Depot>,
        recall: Arc<dyn Recall<Option<Overlap>>>,
    ) -> Decontaminated<'scope, T> {
        let Compared { tools, domains, environments, benchmarks } = compared;
        // Everybody meets every benchmark: in each of so many places there is one of each.
        let benchmarks =
            benchmarks.flat_map(|it| (0..PLACES).map(move |place| (place, Arc::clone(&it))));
        let (of_tools, of_tasks, of_schemas) = (plan.clone(), plan.clone(), plan.clone());
        let flagged = greatest(
            tools
                .map(|tool| (tool.id.0 % PLACES, tool))
                .join_map(benchmarks.clone(), move |_place, tool, sketch| {
                    (tool.id, of_tool(tool, sketch, &of_tools))
                }),
        );

        let reader = Reader { depot: Arc::clone(&depot), last: Arc::default() };
        let worded = self.clone().map(|task| (place(task.domain), task)).join_map(
            benchmarks,
            move |_place, task, sketch| {
                let recalled = recall.recall(&key(&task.payload, &sketch.digest, &of_tasks));
                let overlap =
                    recalled.unwrap_or_else(|| of_task(&reader.read(task), sketch, &of_tasks));
                (task.id, overlap)
            },
        );
        let members = domains
            .flat_map(|domain| {
                let (id, of) = (domain.id, domain.tools.len());
                domain.tools.into_iter().map(move |(tool, _)| (tool, (id, of)))
            })
            .join_map(flagged.clone(), |tool, (domain, of), overlap| {
                (*domain, (*of, *tool, overlap.clone()))
            });

        let of_domains = members.clone().reduce_named(
            "Reduce: Decontaminate domains",
            move |_domain, members, output| {
                let of = members.first().map_or(0, |((of, ..), _)| *of);
                let overlaps = members.iter().map(|((_, _, overlap), _)| overlap);
                output.extend(of_domain(of, overlaps, &of_schemas).map(|overlap| (overlap, 1)));
            },
        );
        let called = called(self.clone(), members, environments, plan.offered, depot);
        let hit = greatest(worded.concat(called));
        let by_id = self.map(|task| (task.id, task));
        let withheld = by_id
            .clone()
            .join_map(hit.clone(), |_id, task, overlap| (task.clone(), rejection(task, overlap)));
        let clean = by_id.antijoin(hit.map(|(id, _)| id)).map(|(_, task)| task);
        Decontaminated { clean, withheld, tools: flagged, domains: of_domains }
    }
}

/// How many parts of the work there are.
const PLACES: u64 = 1 << PLACE_BITS;
const PLACE_BITS: u32 = 6;

/// The part of the work that the tasks of a domain belong to: monotone in its id, since depots keep
/// what is near by that together, and to fetch one payload from a depot may be to unfold many.
fn place(domain: DomainId) -> u64 {
    domain.0 >> (u64::BITS - PLACE_BITS)
}

/// The tasks that call a flagged tool, or that offer one where `offered` says that this will do.
fn called<'scope, T: Timestamp + Lattice>(
    tasks: VecCollection<'scope, T, TaskRef>,
    members: VecCollection<'scope, T, (DomainId, (usize, ToolId, Overlap))>,
    environments: VecCollection<'scope, T, EnvironmentRef>,
    offered: bool,
    depot: Arc<dyn Depot>,
) -> VecCollection<'scope, T, (TaskId, Option<Overlap>)> {
    let payloads = Arc::clone(&depot);
    let operations = environments
        .map(|environment| (environment.domain, environment.payload))
        .join(members.map(|(domain, (_, tool, overlap))| (domain, (tool, overlap))))
        .reduce_named("Reduce: Decontaminate operations", move |_domain, members, output| {
            // One environment a domain, save in the midst of a change.
            let payload = members[0].0.0;
            let environment: Environment = get_record(&*payloads, &payload);
            let of = members.iter().filter(|((it, _), _)| *it == payload);
            let overlaps: BTreeMap<ToolId, &Overlap> =
                of.map(|((_, (tool, overlap)), _)| (*tool, overlap)).collect();
            let operations = environment.operations.into_iter();
            let named: BTreeMap<String, Overlap> = operations
                .filter_map(|it| Some((it.name, Overlap::clone(overlaps.get(&it.tool)?))))
                .collect();
            output.push((Arc::new(named), 1));
        });
    tasks.map(|task| (task.domain, task)).join_map(operations, move |_domain, task, flagged| {
        let read: Task = get_record(&*depot, &task.payload);
        let golden = read.golden.iter().map(|call| &call.name);
        let offers = read.offered.iter().filter(|_| offered);
        let found = golden.chain(offers).find_map(|name| Some((name, flagged.get(name)?)));
        let overlap = found.map(|(name, overlap)| Overlap {
            what: format!("its tool {name}, by {}", overlap.what),
            ..overlap.clone()
        });
        (task.id, overlap)
    })
}

/// The greatest overlap of everything that has one.
fn greatest<
    'scope,
    T: Timestamp + Lattice,
    K: differential_dataflow::ExchangeData + std::hash::Hash,
>(
    overlaps: VecCollection<'scope, T, (K, Option<Overlap>)>,
) -> VecCollection<'scope, T, (K, Overlap)> {
    overlaps.flat_map(|(key, overlap)| Some((key, overlap?))).reduce_named(
        "Reduce: Decontaminate greatest",
        |_key, overlaps, output| {
            let last = overlaps.last().map(|(overlap, _)| Overlap::clone(overlap));
            output.extend(last.map(|overlap| (overlap, 1)));
        },
    )
}

fn rejection(task: &TaskRef, overlap: &Overlap) -> Rejection {
    let Overlap { permille, benchmark, what } = overlap;
    Rejection {
        stage: Stage::Contaminated,
        subject: task.id.to_string(),
        rule: None,
        reason: format!("overlaps with {benchmark} by {permille} permille: {what}"),
        file: String::new(),
        pointer: String::new(),
    }
}

/// Reads tasks, and keeps some: each meets every benchmark.
struct Reader {
    depot: Arc<dyn Depot>,
    last: Arc<Mutex<BTreeMap<Digest, Arc<Task>>>>,
}

/// Most tasks kept.
const KEPT_MAX: usize = 2_048;

impl Reader {
    fn read(&self, task: &TaskRef) -> Arc<Task> {
        let mut last = self.last.lock().expect("no holder panics");
        if KEPT_MAX <= last.len() && !last.contains_key(&task.payload) {
            last.clear();
        }
        let kept = last.entry(task.payload);
        Arc::clone(kept.or_insert_with(|| Arc::new(get_record(&*self.depot, &task.payload))))
    }
}
