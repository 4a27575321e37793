//! Thousands of single updates leave what a comparison of all pairs would find.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemas::{Draw, GraphPlan, LinkRule, ToolId, Vector};

use super::Remembered;
use super::neighbours::{Near, Neighbours, Share};
use crate::work::Work;

/// How many tools there may be; ids of the dead come again.
const TOOLS: u64 = 160;

/// Single updates of each run.
const UPDATES: u64 = 3_000;

fn plans() -> impl Iterator<Item = GraphPlan> {
    let plan = GraphPlan::default();
    let nearest = [(4, 100), (15, 0), (2, 600)].map(|(neighbours, cosine_permille_min)| {
        GraphPlan { neighbours, cosine_permille_min, ..GraphPlan::default() }
    });
    let threshold = [300, 707].map(|cosine_permille_min| GraphPlan {
        rule: LinkRule::Threshold,
        cosine_permille_min,
        ..plan.clone()
    });
    nearest.into_iter().chain(threshold)
}

/// Goal: births, edits and deaths one at a time, now and then many at once, with hubs, ties,
/// identical and empty vectors and ever new terms, keep the lists exact.
#[test]
fn long_lives_stay_exact() {
    for (run, plan) in plans().enumerate() {
        let peers = run as u64 % 3 + 1;
        let none = Arc::new(Remembered::default());
        let mut workers: Vec<Neighbours> = (0..peers)
            .map(|worker| Neighbours::new(&plan, Share { worker, peers }, Arc::clone(&none)))
            .collect();
        let mut vectors: BTreeMap<ToolId, Vector> = BTreeMap::new();
        let mut near: BTreeMap<Near, isize> = BTreeMap::new();
        for step in 0..UPDATES {
            let draw = Draw::new(run as u64).with(step.to_le_bytes());
            let many = if step % 500 == 0 { 60 } else { 1 + draw.with("more").below(40) / 39 };
            let mut changes: BTreeMap<Vector, isize> = BTreeMap::new();
            for place in 0..many {
                change(draw.with(place.to_le_bytes()), step, &mut vectors, &mut changes);
            }
            changes.retain(|_, difference| *difference != 0);
            let changes: Vec<(Vector, isize)> = changes.into_iter().collect();
            for worker in &mut workers {
                for (arc, difference) in worker.update(&changes, &Work::default()) {
                    *near.entry(arc).or_default() += difference;
                }
            }
            near.retain(|_, count| *count != 0);
            if step % 50 == 49 {
                assert!(near.values().all(|count| *count == 1), "step {step} of run {run}");
                let kept: BTreeSet<Near> = near.keys().copied().collect();
                assert!(kept == all_pairs(&vectors, &plan), "step {step} of run {run}");
            }
        }
        assert!(TOOLS / 4 < vectors.len() as u64, "there was something to compare");
    }
}

/// Goal: where lists of uses are long enough to be read in part, and vectors are nearly as long as
/// they may be, lists stay exact: at once, and when some come and go after.
#[test]
fn many_at_once_stay_exact() {
    for (run, plan) in plans().enumerate() {
        // Up to just below twice a unit.
        let longer =
            |weight: &mut u32| *weight = (*weight - *weight / 4096) * (1 + u32::from(run % 2 == 1));
        let vectors: Vec<Vector> = (0..700)
            .map(|tool: u64| {
                let mut terms = terms(Draw::new(77).with(tool.to_le_bytes()), 0);
                terms.iter_mut().for_each(|(_, weight)| longer(weight));
                Vector::sparse(ToolId(tool), terms)
            })
            .collect();
        let share = Share { worker: 0, peers: 1 };
        let mut worker = Neighbours::new(&plan, share, Arc::new(Remembered::default()));
        let mut near: BTreeMap<Near, isize> = BTreeMap::new();
        let mut current: BTreeMap<ToolId, Vector> = BTreeMap::new();
        for (part, difference) in
            [(0..640, 1), (640..700, 1), (0..60, -1), (600..640, -1), (0..60, 1)]
        {
            let changes: Vec<(Vector, isize)> =
                vectors[part].iter().map(|vector| (vector.clone(), difference)).collect();
            for (vector, _) in &changes {
                match difference {
                    1 => current.insert(vector.tool, vector.clone()),
                    _ => current.remove(&vector.tool),
                };
            }
            for (arc, change) in worker.update(&changes, &Work::default()) {
                *near.entry(arc).or_default() += change;
            }
            near.retain(|_, count| *count != 0);
            assert!(near.values().all(|count| *count == 1), "run {run}");
            let kept: BTreeSet<Near> = near.keys().copied().collect();
            assert!(kept == all_pairs(&current, &plan), "run {run}");
        }
    }
}

/// One tool is born, edited, or dies.
fn change(
    draw: Draw,
    step: u64,
    vectors: &mut BTreeMap<ToolId, Vector>,
    changes: &mut BTreeMap<Vector, isize>,
) {
    let tool = ToolId(draw.with("tool").below(TOOLS));
    if let Some(old) = vectors.remove(&tool) {
        *changes.entry(old).or_default() -= 1;
        if draw.with("dies").below(4) == 0 {
            return;
        }
    }
    let others: Vec<&Vector> = vectors.values().collect();
    let copied = others.get(usize::try_from(draw.with("copied").below(400)).unwrap_or(usize::MAX));
    let terms = match copied {
        Some(other) => other.terms.clone(),
        None => terms(draw, step),
    };
    let new = Vector::sparse(tool, terms);
    *changes.entry(new.clone()).or_default() += 1;
    vectors.insert(tool, new);
}

/// A unit vector of a common, some less common and sometimes a new term.
fn terms(draw: Draw, step: u64) -> Vec<(u64, u32)> {
    let count = draw.with("count").below(9);
    let mut weights: BTreeMap<u64, u32> = BTreeMap::new();
    for place in 0..count {
        let draw = draw.with(place.to_le_bytes());
        let term = draw.with("term").below(2 << place);
        let term = if term == 1 && place == 8 { 1_000 + step } else { place << 32 | term };
        weights.insert(term, 1 + u32::try_from(draw.with("weight").below(3)).unwrap_or_default());
    }
    let length = weights.values().map(|w| f64::from(*w) * f64::from(*w)).sum::<f64>().sqrt();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 2³⁰")]
    let scaled = |weight: u32| (f64::from(weight) / length * 1_073_741_824.0) as u32;
    weights.into_iter().map(|(term, weight)| (term, scaled(weight))).collect()
}

fn all_pairs(vectors: &BTreeMap<ToolId, Vector>, plan: &GraphPlan) -> BTreeSet<Near> {
    let mut near = BTreeSet::new();
    for one in vectors.values() {
        let mut list: Vec<(Reverse<u32>, ToolId)> = Vec::new();
        for other in vectors.values().filter(|other| other.tool != one.tool) {
            let product = product(&one.terms, &other.terms);
            let millionths = ((product * 1_000_000) >> 60).min(1_000_000);
            let millionths = u32::try_from(millionths).expect("at most a unit");
            let linked = match plan.rule {
                LinkRule::Nearest => plan.cosine_permille_min * 1000 <= millionths,
                LinkRule::Threshold => u128::from(plan.cosine_permille_min) << 60 < product * 1000,
            };
            if linked && 0 < millionths {
                list.push((Reverse(millionths), other.tool));
            }
        }
        list.sort_unstable();
        if plan.rule == LinkRule::Nearest {
            list.truncate(plan.neighbours);
        }
        near.extend(list.into_iter().map(|(weight, other)| (one.tool, other, weight.0)));
    }
    near
}

fn product(one: &[(u64, u32)], other: &[(u64, u32)]) -> u128 {
    let weight = |term: &u64| {
        other.binary_search_by_key(term, |(term, _)| *term).map_or(0, |place| other[place].1)
    };
    one.iter().map(|(term, w)| u128::from(*w) * u128::from(weight(term))).sum()
}
