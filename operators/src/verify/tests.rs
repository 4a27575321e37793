//! Every mistake, and the stage that catches it.

use schemas::{FilterPlan, RolloutPlan, Stage, Task, TaskPlan, Verdict};

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

#[test]
fn show() {
    for mistake in Mistake::ALL {
        println!("{mistake:?}: {:?}", caught(mistake));
    }
    for world in worlds() {
        for task in tasks(&world, 3) {
            let t = roll_out(&task, &world, &RolloutPlan::default(), 7, 0);
            let verdict = verify(&t, &task, &world, &FilterPlan::default());
            println!("=== {} {:?} {}", task.kind.name(), verdict.stage, verdict.reason);
            for m in &t.messages {
                println!(
                    "{}{}: {} {}",
                    if m.supervised { "*" } else { " " },
                    m.role.name(),
                    m.content,
                    m.calls
                        .iter()
                        .map(|c| format!("{}({})", c.name, c.arguments))
                        .collect::<Vec<_>>()
                        .join(" | ")
                );
            }
        }
    }
}
