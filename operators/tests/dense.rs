//! Links of dense vectors equal a comparison of all pairs, after every epoch.
//!
//! Bug families it is after: a list that is not refilled when a neighbour dies or turns away; a
//! result that depends on the workers, on the order of updates or on what is remembered; a cosine
//! that is rounded, or that overflows.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]
#![expect(clippy::shadow_unrelated, reason = "a collection is called like what it will hold")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use differential_dataflow::input::Input;
use proptest::prelude::{ProptestConfig, Strategy, prop, prop_assert_eq, proptest};
use timely::dataflow::operators::Capture;
use timely::dataflow::operators::capture::Extract;

use operators::embed::unit;
use operators::link::{Link as _, Near, Remembered};
use operators::work::Work;
use schemas::{Encoder, GraphPlan, Link, LinkRule, ToolId, Vector};

/// By epoch: which vectors there are.
type Corpus = Vec<BTreeMap<ToolId, Vector>>;

const EPOCHS: usize = 4;

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Goal: births, edits and deaths leave the same links as a comparison of all pairs, under
    /// either rule and with any number of workers; and so does going on from what is remembered.
    #[test]
    fn links_equal_all_pairs(
        corpus in corpus(),
        workers in 1..4_usize,
        neighbours in 0..4_usize,
        permille in 0..900_u32,
        is_threshold in prop::bool::ANY,
    ) {
        let rule = if is_threshold { LinkRule::Threshold } else { LinkRule::Nearest };
        let plan = GraphPlan {
            encoder: Encoder::Embeddings,
            rule,
            neighbours,
            cosine_permille_min: permille,
            ..GraphPlan::default()
        };
        let said = linked(&corpus, &plan, &Remembered::default(), workers);
        for (epoch, vectors) in corpus.iter().enumerate() {
            let near = all_pairs(vectors, &plan);
            prop_assert_eq!(accumulated(&said.near, epoch), near.clone(), "epoch {}", epoch);
            prop_assert_eq!(accumulated(&said.links, epoch), union(&near), "epoch {}", epoch);
        }
        let known = |epoch: usize| {
            let near = accumulated(&said.near, epoch);
            Remembered::new(&plan, corpus[epoch].values(), near)
        };
        let last = EPOCHS - 1;
        let resumed = linked(&corpus[last..].to_vec(), &plan, &known(0), workers);
        prop_assert_eq!(accumulated(&resumed.near, 0), accumulated(&said.near, last));
        let idle = linked(&corpus[last..].to_vec(), &plan, &known(last), workers);
        prop_assert_eq!(accumulated(&idle.near, 0), accumulated(&said.near, last));
        prop_assert_eq!(idle.scored, 0, "nothing changed, nothing is compared");
        let other = GraphPlan { neighbours: neighbours + 1, ..plan.clone() };
        let anew = linked(&corpus[last..].to_vec(), &other, &known(last), workers);
        prop_assert_eq!(accumulated(&anew.near, 0), all_pairs(&corpus[last], &other));
    }
}

/// Goal: one tool more is compared with every other once, and with none besides.
#[test]
fn newcomer_is_compared_with_every_other_once() {
    let vector = |tool: u16| {
        let angle = f32::from(tool) / 50.0;
        Vector::dense(ToolId(tool.into()), unit(&[angle.cos(), angle.sin()]).unwrap())
    };
    let first: BTreeMap<ToolId, Vector> =
        (0..100).map(|tool| (ToolId(tool.into()), vector(tool))).collect();
    let mut second = first.clone();
    second.insert(ToolId(100), vector(100));
    let plan = GraphPlan { encoder: Encoder::Embeddings, ..GraphPlan::default() };
    let scored = |epochs: Corpus| linked(&epochs, &plan, &Remembered::default(), 1).scored;
    assert_eq!(scored(vec![first.clone()]), 100 * 99);
    assert_eq!(scored(vec![first, second]), 100 * 99 + 2 * 100);
}

/// What a reader with a pencil would say.
fn all_pairs(vectors: &BTreeMap<ToolId, Vector>, plan: &GraphPlan) -> BTreeSet<Near> {
    let mut near = BTreeSet::new();
    for one in vectors.values() {
        let mut list: Vec<(u32, ToolId)> = vectors
            .values()
            .filter(|other| other.tool != one.tool)
            .map(|other| (product(one, other), other.tool))
            .filter(|(product, _)| match plan.rule {
                LinkRule::Nearest => plan.cosine_permille_min * 1000 <= millionths(*product),
                LinkRule::Threshold => i128::from(plan.cosine_permille_min) << 30 < 1000 * *product,
            })
            .map(|(product, tool)| (millionths(product), tool))
            .filter(|(weight, _)| 0 < *weight)
            .collect();
        list.sort_by_key(|(weight, tool)| (std::cmp::Reverse(*weight), *tool));
        if plan.rule == LinkRule::Nearest {
            list.truncate(plan.neighbours);
        }
        near.extend(list.iter().map(|(weight, tool)| (one.tool, *tool, *weight)));
    }
    near
}

fn product(one: &Vector, other: &Vector) -> i128 {
    let pairs = one.dense.iter().zip(&other.dense);
    pairs.map(|(left, right)| i128::from(*left) * i128::from(*right)).sum()
}

fn millionths(product: i128) -> u32 {
    u32::try_from((product.max(0) * 1_000_000 / (1 << 30)).min(1_000_000)).unwrap()
}

fn union(near: &BTreeSet<Near>) -> BTreeSet<Link> {
    near.iter()
        .map(|(one, other, weight)| Link {
            source: *one.min(other),
            target: *one.max(other),
            weight: *weight,
        })
        .collect()
}

/// Corpora in which tools are born, edited and die, with many ties and opposites.
fn corpus() -> impl Strategy<Value = Corpus> {
    let vector = prop::collection::vec(-2..3_i8, 3)
        .prop_filter("a direction", |components| components.iter().any(|it| *it != 0));
    let vectors = prop::collection::btree_map((0..24_u64).prop_map(ToolId), vector, 0..20);
    prop::collection::vec(vectors, EPOCHS).prop_map(|epochs| {
        let mut corpus: Corpus = Vec::new();
        for changes in epochs {
            // Most of an epoch is what the one before was.
            let mut next = corpus.last().cloned().unwrap_or_default();
            let first = corpus.is_empty();
            for (place, (tool, components)) in changes.into_iter().enumerate() {
                if !first && place % 4 == 0 {
                    next.remove(&tool);
                } else if first || place % 4 == 1 {
                    let numbers: Vec<f32> = components.into_iter().map(f32::from).collect();
                    next.insert(tool, Vector::dense(tool, unit(&numbers).unwrap()));
                }
            }
            corpus.push(next);
        }
        corpus
    })
}

type Updates<D> = Vec<(D, u64, isize)>;

struct Linked {
    links: Updates<Link>,
    near: Updates<Near>,
    scored: u64,
}

fn linked(corpus: &Corpus, plan: &GraphPlan, remembered: &Remembered, workers: usize) -> Linked {
    let (plan, remembered) = (plan.clone(), Arc::new(remembered.clone()));
    let work = Arc::new(Work::default());
    let counted = Arc::clone(&work);
    let corpus = corpus.clone();
    let (send_links, links) = mpsc::channel();
    let (send_near, near) = mpsc::channel();
    let senders = Mutex::new((send_links, send_near));
    timely::execute(timely::Config::process(workers), move |worker| {
        let (send_links, send_near) = senders.lock().unwrap().clone();
        let mut input = worker.dataflow::<u64, _, _>(|scope| {
            let (input, vectors) = scope.new_collection();
            let (links, near) = vectors.link(&plan, Arc::clone(&remembered), Arc::clone(&counted));
            links.inner.capture_into(send_links);
            near.inner.capture_into(send_near);
            input
        });
        let mut before = BTreeSet::new();
        for (epoch, vectors) in (0..).zip(corpus.iter().filter(|_| worker.index() == 0)) {
            let now: BTreeSet<Vector> = vectors.values().cloned().collect();
            before.difference(&now).for_each(|gone| input.update_at(gone.clone(), epoch, -1));
            now.difference(&before).for_each(|come| input.update_at(come.clone(), epoch, 1));
            before = now;
        }
    })
    .unwrap();
    Linked {
        links: links.extract().into_iter().flat_map(|(_, updates)| updates).collect(),
        near: near.extract().into_iter().flat_map(|(_, updates)| updates).collect(),
        scored: work.pairs_scored.get(),
    }
}

/// What the updates come to by the end of an epoch, which must be a set.
fn accumulated<D: Ord + Clone>(updates: &Updates<D>, epoch: usize) -> BTreeSet<D> {
    let mut counts: BTreeMap<&D, isize> = BTreeMap::new();
    for (record, _, difference) in updates.iter().filter(|(_, time, _)| *time <= epoch as u64) {
        *counts.entry(record).or_default() += difference;
    }
    counts.retain(|_, count| *count != 0);
    assert!(counts.values().all(|count| *count == 1), "everything is there once");
    counts.into_keys().cloned().collect()
}
