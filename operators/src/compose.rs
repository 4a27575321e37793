//! Compose tasks: walks over an environment, executed, told in words, and audited.

use std::sync::Arc;

use differential_dataflow::VecCollection;
use differential_dataflow::lattice::Lattice;
use serde::{Deserialize, Serialize};
use timely::progress::Timestamp;

use schemas::{
    Digest, DomainId, Draw, Effect, Environment, EnvironmentRef, Rejection, Task, TaskId, TaskPlan,
    TaskRef, Value,
};

use crate::compose::sketch::Composer;
use crate::engine::World;
use crate::{Depot, Recall, Work, get_record, put_record};

pub(crate) mod words;
pub(crate) mod uses;
mod usage;
pub(crate) mod invent;
mod fill;
mod walk;
mod realise;
pub(crate) mod audit;
mod sketch;

/// Raised when a change here makes other tasks of the same inputs.
pub const REVISION: &str = "compose 11";

/// What composing an environment came to: every candidate is a task or a rejection.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Composed {
    /// Realisable and sound tasks, by anchor and ordinal.
    pub tasks: Vec<Task>,
    /// Candidates that are not, with the reason.
    pub rejections: Vec<Rejection>,
}

/// [`Composed`] as it flows and is remembered: tasks by the digest of their payload.
#[derive(Clone, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub struct Outcome {
    /// The tasks.
    pub tasks: Vec<TaskRef>,
    /// The rejected candidates.
    pub rejections: Vec<Rejection>,
}

/// Digest of everything the composition of an environment is a function of.
pub fn key(environment: &Digest, plan: &TaskPlan, seed: u64) -> Digest {
    let plan = Digest::of_record(plan);
    Digest::of_parts([REVISION.as_bytes(), &environment.0, &plan.0, &seed.to_le_bytes()])
}

/// Composes the tasks of an environment: `per_operation` for every operation as anchor.
///
/// A task is a function of the operations its walk meets and the rows it is about: an operation
/// more in the environment changes only the walks it wins. A walk that cannot be made into the
/// kind that was drawn becomes a single call; an anchor with which nothing succeeds is rejected.
/// `environment` is the one `world` was made from.
pub fn compose(environment: &Environment, world: &World, plan: &TaskPlan, seed: u64) -> Composed {
    let composer = Composer::new(environment, world, plan);
    let mut composed = Composed::default();
    for anchor in &environment.operations {
        let mut made: Vec<Vec<(String, Value)>> = Vec::new();
        for ordinal in 0..plan.per_operation {
            let id = TaskId::of([
                environment.domain.to_string(),
                anchor.tool.to_string(),
                ordinal.to_string(),
            ]);
            let draw = Draw::new(seed).with("compose").with(id.0.to_le_bytes());
            match composer.another(anchor, id, draw, &made) {
                Ok(task) => {
                    made.push(calls(&task));
                    composed.tasks.push(task);
                }
                Err(rejection) => composed.rejections.push(rejection),
            }
        }
    }
    composed
}

/// The calls of a task, without where their arguments come from.
fn calls(task: &Task) -> Vec<(String, Value)> {
    task.golden.iter().map(|call| (call.name.clone(), call.arguments.clone())).collect()
}

/// Extension trait for the `compose` operator.
pub trait Compose<'scope, T: Timestamp> {
    /// Composes the tasks of every environment, and the candidates rejected.
    ///
    /// An environment is composed once when it appears; what it gave is withdrawn with it. Tasks
    /// that two successive environments of a domain share cancel on consolidation. Payloads go to
    /// the depot; what `recall` remembers is not composed again.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use differential_dataflow::input::Input;
    /// use operators::engine::example;
    /// use operators::{Compose, Forgetful, MemoryDepot, Work, put_record};
    /// use schemas::{EnvironmentRef, TaskPlan};
    ///
    /// let depot = Arc::new(MemoryDepot::default());
    /// let library = example::library();
    /// let payload = put_record(&*depot, &library);
    /// let environment = EnvironmentRef {
    ///     domain: library.domain, name: library.name, payload, tables: 3, reads: 5, writes: 3,
    /// };
    /// ::timely::example(move |scope| {
    ///     let environments = scope.new_collection_from([environment]).1;
    ///     let plan = TaskPlan::default();
    ///     let (tasks, rejections) =
    ///         environments.compose(&plan, 7, depot, Arc::new(Forgetful), Arc::new(Work::default()));
    ///     tasks.map(|_| ()).concat(rejections.map(|_| ())).consolidate()
    ///          .assert_eq(scope.new_collection_from(vec![(); 32]).1);
    /// });
    /// ```
    fn compose(
        self,
        plan: &TaskPlan,
        seed: u64,
        depot: Arc<dyn Depot>,
        recall: Arc<dyn Recall<Outcome>>,
        work: Arc<Work>,
    ) -> (VecCollection<'scope, T, TaskRef>, VecCollection<'scope, T, (DomainId, Rejection)>);
}

impl<'scope, T: Timestamp + Lattice> Compose<'scope, T>
    for VecCollection<'scope, T, EnvironmentRef>
{
    fn compose(
        self,
        plan: &TaskPlan,
        seed: u64,
        depot: Arc<dyn Depot>,
        recall: Arc<dyn Recall<Outcome>>,
        work: Arc<Work>,
    ) -> (VecCollection<'scope, T, TaskRef>, VecCollection<'scope, T, (DomainId, Rejection)>) {
        let plan = plan.clone();
        let outer = self.scope();
        outer.region_named("Compose", |region| {
            let composed = self
                .enter_region(region)
                .map(|environment| ((environment.domain, environment.payload), ()))
                .reduce_named("Reduce: Compose", move |(_, payload), _, output| {
                    let found = recall
                        .recall(&key(payload, &plan, seed))
                        .unwrap_or_else(|| outcome(payload, &*depot, &work, &plan, seed));
                    output.extend(found.tasks.into_iter().map(|task| (Ok(task), 1)));
                    output.extend(found.rejections.into_iter().map(|it| (Err(it), 1)));
                    output.sort();
                });
            let tasks = composed.clone().flat_map(|(_, found)| found.ok());
            let rejections =
                composed.flat_map(|((domain, _), found)| found.err().map(|it| (domain, it)));
            (tasks.leave_region(outer), rejections.leave_region(outer))
        })
    }
}

fn outcome(
    payload: &Digest,
    depot: &dyn Depot,
    work: &Work,
    plan: &TaskPlan,
    seed: u64,
) -> Outcome {
    let environment: Environment = get_record(depot, payload);
    let world = World::new(environment).expect("only environments that passed the gate flow");
    let composed = compose(world.environment(), &world, plan, seed);
    work.tasks_composed.add(composed.tasks.len() + composed.rejections.len());
    work.calls_executed.add(composed.tasks.iter().map(|task| task.golden.len()).sum());
    let reference = |task: &Task| TaskRef {
        id: task.id,
        domain: task.domain,
        payload: put_record(depot, task),
        kind: task.kind,
        calls: u32::try_from(task.golden.len()).unwrap_or(u32::MAX),
        writes: writes(task),
    };
    Outcome {
        tasks: composed.tasks.iter().map(reference).collect(),
        rejections: composed.rejections,
    }
}

fn writes(task: &Task) -> u32 {
    let writes = task.golden.iter().filter(|call| call.effect == Effect::Write).count();
    u32::try_from(writes).unwrap_or(u32::MAX)
}
