//! Random histories of a world, and those that once went wrong.

use std::sync::Mutex;
use std::time::Instant;

use proptest::prelude::prop;
use proptest::test_runner::{Config, TestRunner};

use super::commands::{Command, Life, Step, a_step};
use super::records::{Edit, File, Format, Record};

/// Most steps of one history; they have half as many on average.
const LENGTH_MAX: usize = 30;

/// Steps of all histories, unless `STEPS` asks for another number.
const STEPS: usize = 2_000;

/// Histories lived through at once.
const THREADS: usize = 2;

fn live(steps: &[Step]) -> Life {
    let mut life = Life::new();
    for step in steps {
        life.step(step);
    }
    life
}

fn built(edits: Vec<Edit>, knob: &'static str) -> Step {
    let command = Command::Build(Some(knob).filter(|it| !it.is_empty()));
    Step { edits, command, workers: 1, faults: Vec::new(), keep: None }
}

fn written(records: &[(usize, usize)]) -> Edit {
    let record =
        |(noun, wording): &(usize, usize)| Record { noun: *noun, verb: 0, wording: *wording };
    let records = records.iter().map(record).collect();
    Edit::Write(0, File { format: Format::Mcp, records, spoilt: None })
}

/// Other term weights gave a domain another name and left its tasks alone, so that conversations
/// of the version before, which say the name, were taken for those of this one.
#[test]
fn renamed_domain_is_talked_of_by_its_name() {
    live(&[
        built(vec![written(&[(0, 0)])], "graph.encoder=parameters"),
        built(vec![written(&[(1, 0), (0, 0), (0, 1)])], ""),
        built(vec![], "graph.encoder=terms"),
    ]);
}

/// Goal: whatever happens to corpus, knobs and disk, every version is what a build from scratch
/// makes of what is there.
#[test]
fn every_version_is_what_a_build_from_scratch_makes() {
    let asked = std::env::var("STEPS").ok().map(|it| it.parse().expect("STEPS is a number"));
    let wanted: usize = asked.unwrap_or(STEPS);
    let cases = u32::try_from(wanted.div_ceil(THREADS * LENGTH_MAX / 2)).unwrap();
    let (started, lived) = (Instant::now(), Mutex::new([0; 3]));
    let live = |history: Vec<Step>| {
        let life = live(&history);
        let more = [history.len(), life.interrupted, life.kept];
        lived.lock().unwrap().iter_mut().zip(more).for_each(|(all, more)| *all += more);
        Ok(())
    };
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let config = Config {
                    failure_persistence: None,
                    max_shrink_iters: 400,
                    ..Config::with_cases(cases)
                };
                let histories = prop::collection::vec(a_step(), 1..=LENGTH_MAX);
                TestRunner::new(config).run(&histories, live).unwrap();
            });
        }
    });
    let [steps, interrupted, kept] = lived.into_inner().unwrap();
    eprintln!(
        "{steps} steps, {interrupted} commands interrupted, {kept} versions with rows, {:.0?}",
        started.elapsed()
    );
    assert!(steps < 4 * kept, "most versions are of something");
}
