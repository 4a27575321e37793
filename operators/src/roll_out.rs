//! Roll out tasks: a user, an agent and the environment, until the user ends it.

use std::sync::Arc;

use differential_dataflow::VecCollection;
use differential_dataflow::lattice::Lattice;
use timely::order::TotalOrder;
use timely::progress::Timestamp;

use schemas::{
    Digest, Draw, EnvironmentRef, RolloutPlan, Speaker, Task, TaskRef, Trajectory, TrajectoryRef,
};

use crate::engine::World;
use crate::roll_out::in_world::{LastWorld, in_world};
use crate::roll_out::play::play;
use crate::{Depot, Recall, Work, get_record, put_record};

pub use crate::roll_out::hold::Hold;
pub use crate::roll_out::mistake::Mistake;

mod mistake;
mod speech;
pub(crate) mod facts;
mod report;
mod play;
mod stumble;
pub mod converse;
pub mod hold;
pub(crate) mod in_world;

/// Raised when a change here makes other trajectories of the same inputs.
pub const REVISION: &str = "roll out 7";

/// Digest of everything the rollouts of a task are a function of.
///
/// The environment is not among it: the task names the part of it that it runs in.
pub fn key(task: &Digest, plan: &RolloutPlan, seed: u64) -> Digest {
    let models = if plan.has_model() { converse::REVISION } else { "" };
    let plan = Digest::of_record(plan);
    let revision = format!("{REVISION}{models}");
    Digest::of_parts([revision.as_bytes(), &task.0, &plan.0, &seed.to_le_bytes()])
}

/// Rolls a task out once, with the built-in user and the built-in agent.
///
/// The agent knows the golden calls and plays them as a conversation; in some trials it makes a
/// [`Mistake`], so that there is something to keep, to refute and to learn from. A turn that is
/// obviously wrong stays in the context and is marked as not to be learnt. It never fails: a
/// conversation that reaches `messages_max` is one that has not ended.
pub fn roll_out(
    task: &Task,
    world: &World,
    plan: &RolloutPlan,
    seed: u64,
    trial: u32,
) -> Trajectory {
    let draw = draw(task, seed, trial);
    let mistake = mistake::drawn(task, plan.mistakes_permille, draw);
    play(task, world, plan, mistake, trial, draw)
}

/// The same with a mistake of choice, or with none, whatever the draw says. A mistake the task
/// leaves no room for is not made.
pub fn roll_out_with(
    task: &Task,
    world: &World,
    plan: &RolloutPlan,
    mistake: Option<Mistake>,
    (seed, trial): (u64, u32),
) -> Trajectory {
    let mistake = mistake.filter(|it| it.applies(task));
    play(task, world, plan, mistake, trial, draw(task, seed, trial))
}

fn draw(task: &Task, seed: u64, trial: u32) -> Draw {
    Draw::new(seed).with("roll out").with(task.id.0.to_le_bytes()).with(trial.to_le_bytes())
}

/// Extension trait for the `roll_out` operator.
pub trait RollOut<'scope, T: Timestamp> {
    /// Rolls every task out as often as the plan says, in the environment of its domain.
    ///
    /// A task is rolled out once, when it appears, and its trajectories go with it. When its
    /// domain's environment is replaced and the task stays, nothing is rolled out again: the task
    /// names the part of the environment that it runs in, and had that changed, so had the task.
    /// What `recall` remembers is not rolled out either. A task without an environment waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use differential_dataflow::input::Input;
    /// use operators::engine::{World, example};
    /// use operators::{Forgetful, MemoryDepot, RollOut, Work, compose, put_record};
    /// use schemas::{EnvironmentRef, RolloutPlan, TaskPlan, TaskRef};
    ///
    /// let depot = Arc::new(MemoryDepot::default());
    /// let library = example::library();
    /// let world = World::new(library.clone()).unwrap();
    /// let task = compose::compose(&library, &world, &TaskPlan::default(), 7).tasks.remove(0);
    /// let task = TaskRef {
    ///     id: task.id, domain: task.domain, payload: put_record(&*depot, &task), kind: task.kind,
    ///     calls: 0, writes: 0,
    /// };
    /// let environment = EnvironmentRef {
    ///     domain: library.domain, name: "library".into(), payload: put_record(&*depot, &library),
    ///     tables: 3, reads: 5, writes: 3,
    /// };
    /// ::timely::example(move |scope| {
    ///     let tasks = scope.new_collection_from([task.clone()]).1;
    ///     let environments = scope.new_collection_from([environment]).1;
    ///     let plan = RolloutPlan { trials: 2, ..RolloutPlan::default() };
    ///     tasks.roll_out(environments, &plan, 7, depot, Arc::new(Forgetful), Arc::new(Work::default()))
    ///          .map(|trajectory| trajectory.task)
    ///          .assert_eq(scope.new_collection_from([task.id, task.id]).1);
    /// });
    /// ```
    fn roll_out(
        self,
        environments: VecCollection<'scope, T, EnvironmentRef>,
        plan: &RolloutPlan,
        seed: u64,
        depot: Arc<dyn Depot>,
        recall: Arc<dyn Recall<Vec<TrajectoryRef>>>,
        work: Arc<Work>,
    ) -> VecCollection<'scope, T, TrajectoryRef>;
}

impl<'scope, T> RollOut<'scope, T> for VecCollection<'scope, T, TaskRef>
where
    T: Timestamp + Lattice + TotalOrder,
{
    fn roll_out(
        self,
        environments: VecCollection<'scope, T, EnvironmentRef>,
        plan: &RolloutPlan,
        seed: u64,
        depot: Arc<dyn Depot>,
        recall: Arc<dyn Recall<Vec<TrajectoryRef>>>,
        work: Arc<Work>,
    ) -> VecCollection<'scope, T, TrajectoryRef> {
        let plan = plan.clone();
        let mut worlds = LastWorld::default();
        let rolled = move |task: &TaskRef, environment: &Digest| {
            recall.recall(&key(&task.payload, &plan, seed)).unwrap_or_else(|| {
                let world = worlds.of(&*depot, environment);
                trials(task, world, &*depot, &work, &plan, seed)
            })
        };
        in_world(self, environments, "RollOut", |task| task.domain, rolled)
    }
}

fn trials(
    reference: &TaskRef,
    world: &World,
    depot: &dyn Depot,
    work: &Work,
    plan: &RolloutPlan,
    seed: u64,
) -> Vec<TrajectoryRef> {
    let task: Task = get_record(depot, &reference.payload);
    let rolled = (0..plan.trials).map(|trial| {
        let trajectory = roll_out(&task, world, plan, seed, trial);
        let calls = trajectory.messages.iter().filter(|it| it.role == Speaker::Tool).count();
        work.rollouts.add(1);
        work.calls_executed.add(calls);
        TrajectoryRef {
            id: trajectory.id,
            task: reference.id,
            domain: reference.domain,
            rolled_from: reference.payload,
            payload: put_record(depot, &trajectory),
            calls: u32::try_from(calls).unwrap_or(u32::MAX),
        }
    });
    rolled.collect()
}
