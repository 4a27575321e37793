//! Verify trajectories: replay them, and say what is wrong with those that are not kept.

use std::sync::Arc;

use differential_dataflow::VecCollection;
use differential_dataflow::lattice::Lattice;
use timely::order::TotalOrder;
use timely::progress::Timestamp;

use schemas::{
    Digest, EnvironmentRef, FilterPlan, Stage, Task, Trajectory, TrajectoryRef, Verdict, Verified,
};

use crate::engine::World;
use crate::roll_out::in_world::{LastWorld, in_world};
use crate::verify::validity::validity;
use crate::{Depot, Recall, Work, get_record};

pub(crate) use crate::verify::alignment::passes;
pub(crate) use crate::verify::validity::Replayed;

mod validity;
mod alignment;
#[cfg(test)]
mod tests;

/// Raised when a change here makes other verdicts of the same inputs.
pub const REVISION: &str = "verify 3";

/// Digest of everything the verdict on a trajectory is a function of.
///
/// The environment is not among it: the task, which the first digest is of, names its part.
pub fn key(task: &Digest, trajectory: &Digest, plan: &FilterPlan) -> Digest {
    let plan = Digest::of_record(plan);
    Digest::of_parts([REVISION.as_bytes(), &task.0, &trajectory.0, &plan.0])
}

/// Puts a trajectory through the filter of the paper (section 3.1), on a fresh session:
/// validity, then the final state, then, where the golden calls only read, the calls themselves.
///
/// Kept means replayed: every call was executed again, answered what is recorded, and the state
/// came out as the golden calls leave it, which are executed again too. Tool errors on the way
/// are no reason to refuse. It executes at most the trajectory's and the task's calls.
///
/// # Examples
///
/// ```
/// use operators::engine::{World, example};
/// use operators::roll_out::{Mistake, roll_out_with};
/// use operators::{compose, verify};
/// use schemas::{FilterPlan, RolloutPlan, Stage, TaskPlan};
///
/// let library = example::library();
/// let world = World::new(library.clone()).unwrap();
/// let tasks = compose::compose(&library, &world, &TaskPlan::default(), 7).tasks;
/// let task = tasks.iter().find(|task| task.golden_state != task.initial_state).unwrap();
/// let judged = |mistake| {
///     let trajectory = roll_out_with(task, &world, &RolloutPlan::default(), mistake, (7, 0));
///     verify::verify(&trajectory, task, &world, &FilterPlan::default())
/// };
/// assert!(judged(None).is_kept());
/// assert_eq!(judged(Some(Mistake::SkippedWrite)).stage, Some(Stage::State));
/// ```
pub fn verify(trajectory: &Trajectory, task: &Task, world: &World, plan: &FilterPlan) -> Verdict {
    let mut session = world.session_of(task);
    let judged = validity(trajectory, task, &mut session, plan)
        .map_err(|reason| Verdict::refuted(Stage::Validity, reason))
        .and_then(|calls| {
            alignment::state(task, world, &session)
                .map_err(|reason| Verdict::refuted(Stage::State, reason))?;
            alignment::exact_match(trajectory, task, &calls, world, plan)
                .map_err(|reason| Verdict::refuted(Stage::ExactMatch, reason))
        });
    judged.err().unwrap_or_else(Verdict::kept)
}

/// Extension trait for the `verify` operator.
pub trait Verify<'scope, T: Timestamp> {
    /// Verifies every trajectory against the task it was rolled out from, in the environment of
    /// its domain.
    ///
    /// Like a rollout, a verdict is reached once and stays while its trajectory does, whatever
    /// happens to the rest of the environment. What `recall` remembers is not replayed again.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use differential_dataflow::input::Input;
    /// use operators::engine::{World, example};
    /// use operators::{Forgetful, MemoryDepot, Verify, Work, compose, put_record, roll_out};
    /// use schemas::{EnvironmentRef, FilterPlan, RolloutPlan, TaskPlan, TrajectoryRef};
    ///
    /// let depot = Arc::new(MemoryDepot::default());
    /// let library = example::library();
    /// let world = World::new(library.clone()).unwrap();
    /// let task = compose::compose(&library, &world, &TaskPlan::default(), 7).tasks.remove(0);
    /// let played = roll_out::roll_out_with(&task, &world, &RolloutPlan::default(), None, (7, 0));
    /// let trajectory = TrajectoryRef {
    ///     id: played.id, task: task.id, domain: task.domain,
    ///     rolled_from: put_record(&*depot, &task), payload: put_record(&*depot, &played),
    ///     calls: 1,
    /// };
    /// let environment = EnvironmentRef {
    ///     domain: library.domain, name: "library".into(), payload: put_record(&*depot, &library),
    ///     tables: 3, reads: 5, writes: 3,
    /// };
    /// ::timely::example(move |scope| {
    ///     let trajectories = scope.new_collection_from([trajectory]).1;
    ///     let environments = scope.new_collection_from([environment]).1;
    ///     let (recall, work) = (Arc::new(Forgetful), Arc::new(Work::default()));
    ///     trajectories.verify(environments, &FilterPlan::default(), depot, recall, work)
    ///          .map(|verified| (verified.trajectory.task, verified.verdict.is_kept()))
    ///          .assert_eq(scope.new_collection_from([(task.id, true)]).1);
    /// });
    /// ```
    fn verify(
        self,
        environments: VecCollection<'scope, T, EnvironmentRef>,
        plan: &FilterPlan,
        depot: Arc<dyn Depot>,
        recall: Arc<dyn Recall<Verdict>>,
        work: Arc<Work>,
    ) -> VecCollection<'scope, T, Verified>;
}

impl<'scope, T> Verify<'scope, T> for VecCollection<'scope, T, TrajectoryRef>
where
    T: Timestamp + Lattice + TotalOrder,
{
    fn verify(
        self,
        environments: VecCollection<'scope, T, EnvironmentRef>,
        plan: &FilterPlan,
        depot: Arc<dyn Depot>,
        recall: Arc<dyn Recall<Verdict>>,
        work: Arc<Work>,
    ) -> VecCollection<'scope, T, Verified> {
        let plan = plan.clone();
        let mut worlds = LastWorld::default();
        let judged = move |reference: &TrajectoryRef, environment: &Digest| {
            let key = key(&reference.rolled_from, &reference.payload, &plan);
            let verdict = recall.recall(&key).unwrap_or_else(|| {
                let world = worlds.of(&*depot, environment);
                let task: Task = get_record(&*depot, &reference.rolled_from);
                let trajectory: Trajectory = get_record(&*depot, &reference.payload);
                work.calls_executed.add(reference.calls as usize + task.golden.len());
                verify(&trajectory, &task, world, &plan)
            });
            vec![Verified { trajectory: reference.clone(), verdict }]
        };
        in_world(self, environments, "Verify", |trajectory| trajectory.domain, judged)
    }
}
