//! Hold conversations: attempts in which models speak, out of what was recorded of them.
//!
//! Nothing here calls a model. An attempt without a transcript is wanted of whoever talks to
//! models; its transcript comes back as a record, and makes the trajectory.

use std::sync::Arc;

use differential_dataflow::lattice::Lattice;
use differential_dataflow::{AsCollection, VecCollection};
use timely::dataflow::operators::generic::operator::empty;
use timely::order::TotalOrder;
use timely::progress::Timestamp;

use schemas::{
    Answer, Attempt, Digest, DomainId, EnvironmentRef, Rejection, RolloutPlan, Speaker, Stage,
    Task, TaskRef, TrajectoryRef, Transcript,
};

use crate::roll_out::converse::{self, Step, converse};
use crate::roll_out::in_world::{LastWorld, in_world};
use crate::roll_out::{RollOut, key};
use crate::{Depot, Recall, Work, get_record, put_record};

/// What came of an attempt, or that nothing has yet.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, serde::Serialize, serde::Deserialize)]
enum Found {
    /// It was held in an earlier version.
    Rolled(TrajectoryRef),
    /// It is to be held.
    Open(Attempt),
}

/// The collections that come out: trajectories, attempts that wait for a transcript, and attempts
/// that no model brought to an end, by domain.
pub type Held<'scope, T> = (
    VecCollection<'scope, T, TrajectoryRef>,
    VecCollection<'scope, T, Attempt>,
    VecCollection<'scope, T, (DomainId, Rejection)>,
);

/// Extension trait for the `hold` operator.
pub trait Hold<'scope, T: Timestamp> {
    /// Holds every attempt at every task as its transcript says, in the environment of its domain.
    ///
    /// Each attempt comes out once: as a trajectory, as wanted while it has no transcript, or as a
    /// rejection of stage `roll_out` if a model malfunctioned, which is no verdict on anyone. An
    /// attempt has at most one transcript, which answers exactly what the attempt asks. A task
    /// whose attempts `recall` remembers, all of them, is not held again. Where no model plays,
    /// this is [`RollOut::roll_out`], and nothing is wanted. The plan comes with the key of every
    /// choice.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use differential_dataflow::input::Input;
    /// use operators::engine::{World, example};
    /// use operators::{Forgetful, Hold, MemoryDepot, Work, compose, put_record};
    /// use schemas::{EnvironmentRef, RolloutPlan, TaskPlan, TaskRef, Transcript};
    ///
    /// let depot = Arc::new(MemoryDepot::default());
    /// let library = example::library();
    /// let world = World::new(library.clone()).unwrap();
    /// let plan = TaskPlan::default();
    /// let task = compose::compose(&library, &world, &plan, 7).tasks.remove(0);
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
    ///     let transcripts = scope.new_collection_from(Vec::<Transcript>::new()).1;
    ///     let plan = RolloutPlan { agent_model: "small".into(), ..RolloutPlan::default() };
    ///     let (recall, work) = (Arc::new(Forgetful), Arc::new(Work::default()));
    ///     let (trajectories, wanted, failed) =
    ///         tasks.hold(environments, transcripts, (&plan, 7), depot, recall, work);
    ///     // No model has said anything yet, so the attempt is wanted.
    ///     trajectories.map(|_| ()).concat(failed.map(|_| ())).assert_empty();
    ///     wanted.map(|it| it.task).assert_eq(scope.new_collection_from([task.id]).1);
    /// });
    /// ```
    fn hold(
        self,
        environments: VecCollection<'scope, T, EnvironmentRef>,
        transcripts: VecCollection<'scope, T, Transcript>,
        plan: (&RolloutPlan, u64),
        depot: Arc<dyn Depot>,
        recall: Arc<dyn Recall<Vec<TrajectoryRef>>>,
        work: Arc<Work>,
    ) -> Held<'scope, T>;
}

impl<'scope, T> Hold<'scope, T> for VecCollection<'scope, T, TaskRef>
where
    T: Timestamp + Lattice + TotalOrder,
{
    fn hold(
        self,
        environments: VecCollection<'scope, T, EnvironmentRef>,
        transcripts: VecCollection<'scope, T, Transcript>,
        plan: (&RolloutPlan, u64),
        depot: Arc<dyn Depot>,
        recall: Arc<dyn Recall<Vec<TrajectoryRef>>>,
        work: Arc<Work>,
    ) -> Held<'scope, T> {
        let (plan, seed) = plan;
        if !plan.has_model() {
            let scope = self.inner.scope();
            let trajectories = self.roll_out(environments, plan, seed, depot, recall, work);
            return (trajectories, empty(scope).as_collection(), empty(scope).as_collection());
        }
        let (of_task, of_attempt) = (plan.clone(), plan.clone());
        let found = in_world(
            self,
            environments,
            "Hold",
            |task| task.domain,
            move |task, environment| {
                let rolled = recall.recall(&key(&task.payload, &of_task, seed));
                // An attempt that malfunctioned left no trajectory: its rejection is made anew.
                match rolled.filter(|it| it.len() == of_task.trials as usize) {
                    Some(rolled) => rolled.into_iter().map(Found::Rolled).collect(),
                    None => attempts(task, environment, &of_task).map(Found::Open).collect(),
                }
            },
        );
        let rolled = found.clone().flat_map(|found| match found {
            Found::Rolled(trajectory) => Some(trajectory),
            Found::Open(_) => None,
        });
        let open = found.flat_map(|found| match found {
            Found::Open(attempt) => {
                Some(((attempt.domain, attempt.id, attempt.rolled_from), attempt))
            }
            Found::Rolled(_) => None,
        });
        let held = transcripts.map(|it| ((it.domain, it.attempt, it.rolled_from), it.answers));
        let wanted = open
            .clone()
            .antijoin(held.clone().map(|(attempt, _)| attempt))
            .map(|(_, attempt)| attempt);
        let mut worlds = LastWorld::default();
        let settled = open.join_map(held, move |_attempt, attempt, answers| {
            let world = worlds.of(&*depot, &attempt.environment);
            settle(attempt, answers, world, &*depot, &work, (&of_attempt, seed))
        });
        let trajectories = settled.clone().flat_map(Result::ok);
        let failed = settled.flat_map(Result::err);
        (rolled.concat(trajectories), wanted, failed)
    }
}

/// The attempts at a task.
fn attempts<'a>(
    task: &'a TaskRef,
    environment: &'a Digest,
    plan: &RolloutPlan,
) -> impl Iterator<Item = Attempt> + 'a {
    (0..plan.trials).map(|trial| Attempt {
        domain: task.domain,
        id: converse::id(task.id, trial),
        task: task.id,
        rolled_from: task.payload,
        environment: *environment,
        trial,
    })
}

/// The trajectory of an attempt, by its transcript.
fn settle(
    attempt: &Attempt,
    answers: &Digest,
    world: &crate::engine::World,
    depot: &dyn Depot,
    work: &Work,
    (plan, seed): (&RolloutPlan, u64),
) -> Result<TrajectoryRef, (DomainId, Rejection)> {
    let task: Task = get_record(depot, &attempt.rolled_from);
    let answers: Vec<Answer> = get_record(depot, answers);
    work.rollouts.add(1);
    match converse(&task, world, plan, (seed, attempt.trial), &answers) {
        Step::Over(trajectory) => {
            let seen = trajectory.messages.iter().filter(|it| it.role == Speaker::Tool);
            let calls = seen.count();
            work.calls_executed.add(calls);
            Ok(TrajectoryRef {
                id: trajectory.id,
                task: trajectory.task,
                domain: trajectory.domain,
                rolled_from: attempt.rolled_from,
                payload: put_record(depot, &*trajectory),
                calls: u32::try_from(calls).unwrap_or(u32::MAX),
            })
        }
        Step::Failed(reason) => Err((
            attempt.domain,
            Rejection {
                stage: Stage::RollOut,
                subject: attempt.id.to_string(),
                rule: None,
                reason,
                file: String::new(),
                pointer: String::new(),
            },
        )),
        Step::Ask(_) => panic!("the transcript of {} is not whole", attempt.id),
    }
}
