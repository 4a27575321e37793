//! Every kind of task is what it says, can be done, and is told from what is nearly it.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

use std::collections::BTreeSet;

use operators::compose::compose;
use operators::engine::{World, example};
use operators::roll_out::{Mistake, roll_out_with};
use operators::verify::verify;
use schemas::{
    FaultKind, FilterPlan, InjectedFault, LONG_HORIZON_MIN, RolloutPlan, Task, TaskKind, TaskPlan,
    Value,
};

const SEED: u64 = 5;

/// The tasks of a kind in the library and the help desk, with their worlds.
fn tasks(kind: TaskKind) -> Vec<(World, Vec<Task>)> {
    let kinds_permille = TaskKind::ALL.map(|it| if it == kind { 1000 } else { 0 });
    let plan = TaskPlan { per_operation: 6, kinds_permille, ..TaskPlan::default() };
    [example::library(), example::help_desk()]
        .into_iter()
        .map(|environment| {
            let world = World::new(environment).unwrap();
            let mut tasks = compose(world.environment(), &world, &plan, SEED).tasks;
            tasks.retain(|task| task.kind == kind);
            (world, tasks)
        })
        .collect()
}

/// The pairs of calls of which the first feeds the second.
fn fed(task: &Task) -> BTreeSet<(usize, usize)> {
    let calls = task.golden.iter().enumerate();
    calls.flat_map(|(to, call)| call.fed_by().map(move |from| (from, to))).collect()
}

/// What a task of the kind must look like.
fn is_of_its_kind(task: &Task) -> bool {
    let calls = task.golden.len();
    let intents = task.scenario.intents.len();
    let edges = fed(task);
    match task.kind {
        TaskKind::Single => calls == 1 && intents == 1,
        TaskKind::Chain => {
            let on_an_edge = |it: usize| edges.iter().any(|(from, to)| *from == it || *to == it);
            1 < calls && intents == 1 && (0..calls).all(on_an_edge)
        }
        TaskKind::Branching => (0..calls).any(|place| {
            1 < edges.iter().filter(|(from, _)| *from == place).count()
                || 1 < edges.iter().filter(|(_, to)| *to == place).count()
        }),
        TaskKind::MultiIntent => 1 < intents && calls < LONG_HORIZON_MIN,
        TaskKind::MissingInformation => {
            task.scenario.intents.iter().any(|intent| !intent.on_request.is_empty())
        }
        TaskKind::Infeasible => calls == 0,
        TaskKind::Recovery => {
            let [fault] = task.faults.as_slice() else { return false };
            let met = task.golden.iter().filter(|call| call.failed).count();
            met == fault.times as usize
                && task.golden.last().is_some_and(|call| !call.failed)
                && task.golden.iter().all(|it| !it.failed || it.name == fault.operation)
        }
        TaskKind::LongHorizon => LONG_HORIZON_MIN <= calls,
    }
}

#[test]
fn every_kind_is_made_and_is_what_it_says() {
    for kind in TaskKind::ALL {
        let mut made = 0;
        for (world, tasks) in tasks(kind) {
            made += tasks.len();
            for task in &tasks {
                assert!(is_of_its_kind(task), "{}: {task:?}", kind.name());
                assert_eq!(task.audit.false_accepts, 0);
                assert_eq!(task.audit.false_rejects, 0);
                assert!(0 < task.audit.wrong_runs, "{} was audited", task.id);
                let plain = roll_out_with(task, &world, &RolloutPlan::default(), None, (SEED, 0));
                for literal in [false, true] {
                    let plan = FilterPlan { literal, ..FilterPlan::default() };
                    let verdict = verify(&plain, task, &world, &plan);
                    assert!(verdict.is_kept(), "{}: {}", kind.name(), verdict.reason);
                }
            }
        }
        assert!(5 <= made, "{} tasks of the kind {}", made, kind.name());
    }
}

/// Both kinds of faults are met, and a lost reply is followed by a look and not by a second write.
#[test]
fn recoveries_meet_both_kinds_of_faults() {
    let all: Vec<Task> = tasks(TaskKind::Recovery).into_iter().flat_map(|(_, it)| it).collect();
    for kind in [FaultKind::Unavailable, FaultKind::LostReply] {
        let of: Vec<&Task> = all.iter().filter(|task| task.faults[0].kind == kind).collect();
        assert!(!of.is_empty(), "{kind:?} occurs");
        for task in of {
            let again = task
                .golden
                .iter()
                .filter(|call| !call.failed && call.name == task.faults[0].operation)
                .count();
            assert_eq!(again, usize::from(kind == FaultKind::Unavailable), "{}", task.id);
        }
    }
}

/// Mistakes on tasks of every kind: harmful ones are never kept, harmless ones are unless they
/// break another rule, which is that of repetition only.
#[test]
fn harmful_mistakes_are_caught_in_every_kind_and_harmless_ones_kept() {
    for kind in TaskKind::ALL {
        for (world, tasks) in tasks(kind) {
            for (task, mistake) in
                tasks.iter().flat_map(|it| Mistake::ALL.map(|mistake| (it, mistake)))
            {
                let plan = RolloutPlan::default();
                let plain = roll_out_with(task, &world, &plan, None, (SEED, 0));
                let with = roll_out_with(task, &world, &plan, Some(mistake), (SEED, 0));
                if with.messages == plain.messages {
                    continue;
                }
                let verdict = verify(&with, task, &world, &FilterPlan::default());
                let repeats = verdict.reason.ends_with("over and over");
                let (name, kind) = (mistake.name(), kind.name());
                if mistake.is_harmless() {
                    assert!(verdict.is_kept() || repeats, "{name}, {kind}: {}", verdict.reason);
                } else {
                    assert!(!verdict.is_kept(), "{name} on {kind} {}", task.id);
                }
            }
        }
    }
}

fn object(json: &str) -> Value {
    Value::parse(json).unwrap()
}

/// A tool that is not available does nothing for as many calls as the fault lasts; one whose reply
/// is lost does what it is asked. Going back brings a fault back.
#[test]
fn faults_last_as_long_as_they_say() {
    let world = World::new(example::library()).unwrap();
    let task = tasks(TaskKind::Single).remove(0).1;
    let write = task.iter().find(|task| task.golden_state != task.initial_state).unwrap();
    let (name, arguments) = (&write.golden[0].name, &write.golden[0].arguments);
    let session = |kind, times| {
        let fault = InjectedFault { operation: name.clone(), kind, times };
        world.session(&write.offered).with_faults(&[fault])
    };
    let error = |kind: FaultKind| format!("{{\"error\": \"{}\"}}", kind.message());

    let mut away = session(FaultKind::Unavailable, 2);
    let begun = away.mark();
    for _ in 0..2 {
        let seen = away.call(name, arguments);
        assert_eq!((seen.text, seen.failed), (error(FaultKind::Unavailable), true));
        assert_eq!(away.fingerprint(), write.initial_state);
    }
    assert_eq!(away.call(name, arguments).text, write.golden[0].observation);
    assert_eq!(away.fingerprint(), write.golden_state);
    away.go_back(&begun);
    assert!(away.call(name, arguments).failed);
    assert_eq!(away.fingerprint(), write.initial_state);

    let mut lost = session(FaultKind::LostReply, 1);
    assert!(lost.call(name, &object("{\"no\": \"such argument\"}")).failed);
    assert_eq!(lost.fingerprint(), write.initial_state, "what fails by itself is not carried out");
    let seen = lost.call(name, arguments);
    assert_eq!((seen.text, seen.failed), (error(FaultKind::LostReply), true));
    assert_eq!(lost.fingerprint(), write.golden_state);
}
