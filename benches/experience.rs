//! What tasks and trajectories of a corpus are like: kinds, lengths, audits, mistakes by the stage
//! that catches them, how varied users speak, and how fast all of it is made.
//!
//! `cargo bench --bench experience` takes the real corpus and prints tables; `-- KIND:N` prints so
//! many kept trajectories of a kind to read, drawn by id, `-- refuted:N` ones turned away.
//! `cargo test` takes the example, so this cannot rot.

#![expect(clippy::cast_precision_loss, reason = "what is counted here is small")]
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot set up should panic there")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use operators::compose::{Composed, compose};
use operators::engine::World;
use operators::materialize::materialize;
use operators::roll_out::{Mistake, roll_out, roll_out_with};
use operators::verify::verify;
use schemas::{
    Audit, Draw, Environment, EnvironmentPlan, FilterPlan, RolloutPlan, Speaker, Task, TaskKind,
    TaskPlan, Tool, ToolId, Trajectory, Verdict,
};

#[expect(dead_code, reason = "other benchmarks use the rest")]
mod real;
mod grouping;

const SEED: u64 = 0;

/// One domain: its world, what was composed in it, and an attempt at each task with its verdict.
struct Stage {
    world: World,
    composed: Composed,
    attempts: Vec<(Trajectory, Verdict)>,
}

fn main() {
    let small = cfg!(debug_assertions);
    let tools = if small { real::tools_of("tests/corpus") } else { real::tools() };
    let Some(tools) = tools else { return };
    let environments = environments(&tools);
    let (rollout, filter) = (RolloutPlan::default(), FilterPlan::default());
    let mut stages: Vec<Stage> = environments
        .into_iter()
        .map(|it| {
            let world = World::new(it).unwrap();
            Stage { world, composed: Composed::default(), attempts: Vec::new() }
        })
        .collect();
    let plan = TaskPlan::default();
    make(&mut stages, &plan, &rollout, &filter);
    kinds(&stages, &plan);
    rejections(&stages);
    mistakes(&stages, &rollout);
    repetition(&stages, &rollout);
    variety(&stages);
    for wanted in std::env::args().skip(1).filter(|it| !it.starts_with('-')) {
        let (kind, count) = wanted.split_once(':').unwrap_or((&wanted, "20"));
        read(&stages, kind, count.parse().unwrap());
    }
}

/// Makes everything, a step after the other, and says how fast.
fn make(stages: &mut [Stage], plan: &TaskPlan, rollout: &RolloutPlan, filter: &FilterPlan) {
    let composing = timed(stages, |stage| {
        stage.composed = compose(stage.world.environment(), &stage.world, plan, SEED);
    });
    let count = stages.iter().map(|stage| stage.composed.tasks.len()).sum::<usize>();
    println!("compose:  {count} tasks, {composing:.2} cpu-s");
    let mut rolled: Vec<Vec<Trajectory>> = Vec::new();
    let rolling = timed(stages, |stage| {
        let tasks = stage.composed.tasks.iter();
        rolled.push(tasks.map(|it| roll_out(it, &stage.world, rollout, SEED, 0)).collect());
    });
    println!("roll out: {:.0} a cpu-s", count as f64 / rolling);
    let mut waiting = rolled.into_iter();
    let verifying = timed(stages, |stage| {
        let attempts = waiting.next().unwrap().into_iter().zip(&stage.composed.tasks);
        let judged = attempts.map(|(it, task)| {
            let verdict = verify(&it, task, &stage.world, filter);
            (it, verdict)
        });
        stage.attempts = judged.collect();
    });
    println!("verify:   {:.0} a cpu-s", count as f64 / verifying);
}

fn environments(tools: &[Arc<Tool>]) -> Vec<Environment> {
    let (domains, ..) = grouping::group(tools);
    let by_id: BTreeMap<ToolId, &Arc<Tool>> = tools.iter().map(|tool| (tool.id, tool)).collect();
    let made = domains.iter().filter_map(|domain| {
        let members: Vec<Arc<Tool>> =
            domain.tools.iter().map(|(id, _)| Arc::clone(by_id[id])).collect();
        materialize(domain, &members, &EnvironmentPlan::default(), SEED).environment
    });
    made.collect()
}

fn timed(stages: &mut [Stage], mut work: impl FnMut(&mut Stage)) -> f64 {
    let begun = real::cpu_seconds();
    stages.iter_mut().for_each(&mut work);
    (real::cpu_seconds() - begun).max(0.01)
}

/// The tasks with their attempts.
fn attempts(stages: &[Stage]) -> impl Iterator<Item = (&Task, &Trajectory, &Verdict)> {
    stages.iter().flat_map(|stage| {
        let tasks = stage.composed.tasks.iter().zip(&stage.attempts);
        tasks.map(|(task, (trajectory, verdict))| (task, trajectory, verdict))
    })
}

/// How many tasks there are of each kind and length, and how the audit went.
fn kinds(stages: &[Stage], plan: &TaskPlan) {
    let all = attempts(stages).count() as f64;
    println!("\nkind                  share   plan  calls mean/max   writes   kept");
    for (kind, share) in TaskKind::ALL.into_iter().zip(plan.kinds_permille) {
        let of: Vec<_> = attempts(stages).filter(|(task, ..)| task.kind == kind).collect();
        let count = of.len().max(1) as f64;
        let calls = of.iter().map(|(task, ..)| task.golden.len());
        let (most, total) = (calls.clone().max().unwrap_or(0), calls.sum::<usize>());
        let writing = of.iter().filter(|(it, ..)| it.golden_state != it.initial_state).count();
        let kept = of.iter().filter(|(.., verdict)| verdict.is_kept()).count();
        println!(
            "{:<20} {:5.1} % {:5.1} %    {:5.2} / {most:<3} {:8.1} % {:5.1} %",
            kind.name(),
            100.0 * of.len() as f64 / all,
            f64::from(share) / 10.0,
            total as f64 / count,
            100.0 * writing as f64 / count,
            100.0 * kept as f64 / count,
        );
    }
    let mut lengths: BTreeMap<usize, usize> = BTreeMap::new();
    let mut audit = Audit::default();
    for (task, ..) in attempts(stages) {
        *lengths.entry(task.golden.len()).or_default() += 1;
        audit = audit.and(task.audit);
    }
    let spelled: Vec<String> = lengths.iter().map(|(calls, it)| format!("{calls}:{it}")).collect();
    println!("golden calls: {}", spelled.join(" "));
    println!("{audit:?}");
}

/// Why candidates are no tasks, and trajectories not kept.
fn rejections(stages: &[Stage]) {
    let mut why: BTreeMap<String, usize> = BTreeMap::new();
    for rejection in stages.iter().flat_map(|stage| &stage.composed.rejections) {
        *why.entry(format!("{}: {}", rejection.stage.name(), blurred(&rejection.reason)))
            .or_default() += 1;
    }
    for (.., verdict) in attempts(stages) {
        if let Some(stage) = verdict.stage {
            *why.entry(format!("{}: {}", stage.name(), blurred(&verdict.reason))).or_default() += 1;
        }
    }
    println!("\nturned away");
    ranked(why).into_iter().take(30).for_each(|(why, count)| println!("{count:7}  {why}"));
}

/// A reason without what it quotes.
fn blurred(reason: &str) -> String {
    if reason.ends_with("over and over") {
        return reason.into();
    }
    let outside = reason.split('"').step_by(2).collect::<Vec<_>>().join("…");
    outside.chars().filter(|it| !it.is_ascii_digit()).take(60).collect()
}

/// Every mistake on tasks that leave room for it: which stage catches it.
fn mistakes(stages: &[Stage], rollout: &RolloutPlan) {
    println!("\nmistake                 tasks    made   kept  validity  state  exact_match");
    let filters = [FilterPlan::default(), FilterPlan { literal: true, ..FilterPlan::default() }];
    for mistake in Mistake::ALL {
        let mut judged = [BTreeMap::<&str, usize>::new(), BTreeMap::new()];
        let (mut room, mut made) = (0, 0);
        for stage in stages.iter().step_by(4) {
            for task in stage.composed.tasks.iter().filter(|task| mistake.applies(task)) {
                room += 1;
                let with = roll_out_with(task, &stage.world, rollout, Some(mistake), (SEED, 0));
                let without = roll_out_with(task, &stage.world, rollout, None, (SEED, 0));
                if with.messages == without.messages {
                    continue;
                }
                made += 1;
                for (filter, counts) in filters.iter().zip(&mut judged) {
                    let verdict = verify(&with, task, &stage.world, filter);
                    let place = verdict.stage.map_or("kept", |it| it.name());
                    *counts.entry(place).or_default() += 1;
                }
            }
        }
        let [default, literal] = judged;
        for (profile, found) in [("", default), ("  paper profile", literal)] {
            let of = |stage: &str| found.get(stage).copied().unwrap_or(0);
            let name = if profile.is_empty() { mistake.name() } else { profile };
            println!(
                "{name:<22} {room:6} {made:7} {:6} {:9} {:6} {:12}",
                of("kept"),
                of("validity"),
                of("state"),
                of("exact_match")
            );
        }
    }
}

/// How many otherwise kept trajectories, and how many that ramble, the rule on repetition turns
/// away by its two knobs.
fn repetition(stages: &[Stage], rollout: &RolloutPlan) {
    println!("\nwords  most   turned away of right runs / of rambling runs");
    let plain: Vec<(&Stage, &Task)> = stages
        .iter()
        .step_by(8)
        .flat_map(|stage| stage.composed.tasks.iter().map(move |task| (stage, task)))
        .collect();
    let played = |mistake: Option<Mistake>| -> Vec<Trajectory> {
        let runs = plain.iter();
        runs.map(|(stage, task)| roll_out_with(task, &stage.world, rollout, mistake, (SEED, 0)))
            .collect()
    };
    let (right, rambling) = (played(None), played(Some(Mistake::Rambling)));
    for repetition_words in [2, 3, 4, 6, 8, 12] {
        for repetitions_max in [1, 2, 4, 7] {
            let plan = FilterPlan { repetition_words, repetitions_max, ..FilterPlan::default() };
            let refused = |runs: &[Trajectory]| {
                let judged = runs.iter().zip(&plain).map(|(run, (stage, task))| {
                    verify(run, task, &stage.world, &plan).reason.ends_with("over and over")
                });
                share(judged.filter(|refused| *refused).count(), runs.len())
            };
            let (kept, caught) = (refused(&right), refused(&rambling));
            println!("{repetition_words:5} {repetitions_max:5}   {kept:6.2} % / {caught:6.2} %");
        }
    }
}

/// How varied the users' first words are.
fn variety(stages: &[Stage]) {
    let first: Vec<&str> = attempts(stages)
        .filter_map(|(task, ..)| Some(task.scenario.intents.first()?.request.as_str()))
        .collect();
    println!("\nusers' first requests: {}", first.len());
    println!("distinct: {:.1} %", share(first.iter().collect::<BTreeSet<_>>().len(), first.len()));
    for size in 1..=4 {
        let mut seen = BTreeSet::new();
        let mut all = 0;
        for words in first.iter().map(|it| it.split_whitespace().collect::<Vec<_>>()) {
            all += words.len().saturating_sub(size - 1);
            seen.extend(words.windows(size).map(|it| it.join(" ")));
        }
        println!("distinct {size}-grams: {:.1} % of {all}", share(seen.len(), all));
    }
    let mut openings: BTreeMap<String, usize> = BTreeMap::new();
    for request in &first {
        let words: Vec<&str> = request.split_whitespace().take(4).collect();
        *openings.entry(words.join(" ")).or_default() += 1;
    }
    println!("{} openings of four words; the commonest:", openings.len());
    for (opening, count) in ranked(openings).into_iter().take(10) {
        println!("{:7.2} %  {opening}", share(count, first.len()));
    }
}

fn share(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

/// Trajectories to read.
fn read(stages: &[Stage], kind: &str, count: usize) {
    let mut drawn: Vec<_> = attempts(stages)
        .filter(|(task, _, verdict)| match kind {
            "refuted" => !verdict.is_kept(),
            _ => verdict.is_kept() && task.kind.name() == kind,
        })
        .collect();
    let draw = Draw::new(SEED).with("read");
    drawn.sort_by_key(|(task, ..)| (draw.with(task.id.0.to_le_bytes()).bits(), task.id));
    for (task, trajectory, verdict) in drawn.into_iter().take(count) {
        let (persona, stage) =
            (task.scenario.persona, verdict.stage.map_or("kept", |it| it.name()));
        println!("\n==== {} {} {persona:?} {stage} {}", task.id, task.kind.name(), verdict.reason);
        println!("[you] {}", task.scenario.instruction);
        for message in trajectory.messages.iter().filter(|it| it.role != Speaker::System) {
            let mark =
                if message.role == Speaker::Assistant && !message.supervised { "!" } else { "" };
            let content: String = message.content.chars().take(400).collect();
            match message.role {
                Speaker::Tool => println!("  <- {content}"),
                _ if message.calls.is_empty() => {
                    println!("{}{mark}: {content}", message.role.name());
                }
                _ => message.calls.iter().for_each(|call| {
                    println!("  {mark}-> {}({})", call.name, call.arguments);
                }),
            }
        }
    }
}

fn ranked(counts: BTreeMap<String, usize>) -> Vec<(String, usize)> {
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}
