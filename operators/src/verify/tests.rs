//! Every mistake, and the stage that catches it.

use schemas::{
    FilterPlan, RolloutPlan, Speaker, Stage, Task, TaskKind, TaskPlan, Trajectory, Verdict,
};

use crate::compose::compose;
use crate::engine::{World, example};
use crate::roll_out::{Mistake, roll_out, roll_out_with};
use crate::verify::verify;

fn worlds() -> Vec<World> {
    [example::library(), example::help_desk()].map(|it| World::new(it).unwrap()).into()
}

fn tasks(world: &World, per_operation: usize) -> Vec<Task> {
    let plan = TaskPlan { per_operation, ..TaskPlan::default() };
    compose(world.environment(), world, &plan, 7).tasks
}

fn judged(task: &Task, world: &World, mistake: Option<Mistake>) -> Verdict {
    let trajectory = roll_out_with(task, world, &RolloutPlan::default(), mistake, (7, 0));
    verify(&trajectory, task, world, &FilterPlan::default())
}

#[test]
fn faultless_conversations_are_kept() {
    for world in worlds() {
        for task in tasks(&world, 12) {
            let verdict = judged(&task, &world, None);
            assert!(verdict.is_kept(), "{} {:?}: {}", task.id, task.kind, verdict.reason);
        }
    }
}

/// Over all tasks that leave room for the mistake, which stages caught it how often.
fn caught(mistake: Mistake) -> Vec<(Option<Stage>, usize)> {
    let mut counts: Vec<(Option<Stage>, usize)> = Vec::new();
    for world in worlds() {
        for task in tasks(&world, 12).iter().filter(|task| mistake.applies(task)) {
            // Where nothing on offer writes, nobody can write too much.
            if mistake == Mistake::ExtraWrite && !offers_write(task, &world) {
                continue;
            }
            let stage = judged(task, &world, Some(mistake)).stage;
            match counts.iter_mut().find(|(it, _)| *it == stage) {
                Some((_, count)) => *count += 1,
                None => counts.push((stage, 1)),
            }
        }
    }
    counts.sort();
    counts
}

fn offers_write(task: &Task, world: &World) -> bool {
    let operations = task.offered.iter().filter_map(|name| world.operation(name));
    operations.into_iter().any(|it| it.effect == schemas::Effect::Write)
}

/// Harmless mistakes stay kept; every other is caught by the stage named here, at least where it
/// could be made, and never by another.
#[test]
fn every_mistake_meets_its_stage() {
    use Stage::{ExactMatch, State, Validity};
    for (mistake, stages) in [
        (Mistake::WrongArgument, &[][..]),
        (Mistake::MistypedKey, &[]),
        (Mistake::ExtraRead, &[]),
        (Mistake::Reordered, &[]),
        (Mistake::WrongValue, &[State]),
        (Mistake::SkippedWrite, &[State]),
        (Mistake::DoubledWrite, &[State]),
        (Mistake::ExtraWrite, &[State]),
        (Mistake::WrongRead, &[ExactMatch]),
        (Mistake::MalformedArguments, &[Validity]),
        (Mistake::UnknownTool, &[Validity]),
        (Mistake::Rambling, &[Validity]),
        (Mistake::Unfinished, &[Validity]),
        (Mistake::ActsWithoutAsking, &[State, ExactMatch]),
        (Mistake::ActsThoughInfeasible, &[State, ExactMatch]),
    ] {
        let caught = caught(mistake);
        let refuting: Vec<Stage> = caught.iter().filter_map(|(stage, _)| *stage).collect();
        assert_eq!(refuting, stages, "{mistake:?}: {caught:?}");
        assert_eq!(mistake.is_harmless(), stages.is_empty());
        // A doubled write may be refused and a guess may miss: then nothing went wrong. Nor can
        // every write be made with a wrong value.
        let may_pass = [Mistake::DoubledWrite, Mistake::WrongValue].contains(&mistake);
        if !mistake.is_harmless() && !may_pass {
            assert!(caught.iter().all(|(stage, _)| stage.is_some()), "{mistake:?}: {caught:?}");
        }
    }
}

/// A recorded trajectory in which one thing was changed afterwards.
fn tampered(change: impl Fn(&mut Trajectory)) -> Verdict {
    let world = World::new(example::library()).unwrap();
    let tasks = tasks(&world, 12);
    let task = tasks
        .iter()
        .find(|task| task.kind == TaskKind::Chain && task.golden_state != task.initial_state)
        .unwrap();
    let mut trajectory = roll_out_with(task, &world, &RolloutPlan::default(), None, (7, 0));
    change(&mut trajectory);
    verify(&trajectory, task, &world, &FilterPlan::default())
}

fn first_tool(trajectory: &mut Trajectory) -> &mut schemas::Message {
    trajectory.messages.iter_mut().find(|it| it.role == Speaker::Tool).unwrap()
}

#[test]
fn tampering_is_invalid() {
    assert!(tampered(|_| {}).is_kept());
    for verdict in [
        tampered(|it| first_tool(it).content.push(' ')),
        tampered(|it| first_tool(it).name.push('x')),
        tampered(|it| it.final_state = it.initial_state),
        tampered(|it| it.initial_state = it.final_state),
        tampered(|it| it.ended = false),
        tampered(|it| drop(it.messages.remove(1))),
        tampered(|it| it.messages.truncate(3)),
        tampered(|it| it.messages.clear()),
        tampered(|it| it.messages.swap(1, 2)),
        tampered(|it| it.messages[2].content.push_str("Let me see.")),
        tampered(|it| it.messages[2].calls.clear()),
    ] {
        assert_eq!(verdict.stage, Some(Stage::Validity), "{}", verdict.reason);
    }
}

#[test]
fn paper_profile_is_literal() {
    let plan = FilterPlan { literal: true, ..FilterPlan::default() };
    let mut literal = 0;
    for world in worlds() {
        for task in tasks(&world, 12) {
            let reads = task.golden.iter().all(|call| call.effect == schemas::Effect::Read);
            if task.golden.is_empty() || !reads {
                continue;
            }
            let rolled =
                |mistake| roll_out_with(&task, &world, &RolloutPlan::default(), mistake, (7, 0));
            assert!(verify(&rolled(None), &task, &world, &plan).is_kept());
            let strict = verify(&rolled(Some(Mistake::ExtraRead)), &task, &world, &plan);
            literal += usize::from(strict.stage == Some(Stage::ExactMatch));
        }
    }
    assert!(literal > 0, "an extra read is not literally the golden sequence");
}

#[test]
fn a_limit_on_messages_is_an_outcome() {
    let world = World::new(example::library()).unwrap();
    for task in tasks(&world, 4) {
        for messages_max in [0, 1, 4, 6] {
            let plan = RolloutPlan { messages_max, ..RolloutPlan::default() };
            let trajectory = roll_out(&task, &world, &plan, 7, 0);
            let verdict = verify(&trajectory, &task, &world, &FilterPlan::default());
            assert!(trajectory.ended || verdict.stage == Some(Stage::Validity));
        }
    }
}
