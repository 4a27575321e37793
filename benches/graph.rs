//! How the tool graph scales: a whole catalogue linked and grouped, and one tool more.
//!
//! `cargo test` runs each case once at its smallest size, so these cannot rot.

use std::sync::Arc;

use differential_dataflow::input::Input;

use operators::communities::communities;
use operators::embed::unit;
use operators::link::{Link as _, Remembered};
use operators::work::Work;
use schemas::{Draw, Encoder, GraphPlan, Link, Partition, ToolId, Vector};

fn main() {
    divan::main();
}

#[divan::bench(args = [100, 10_000])]
fn link(bencher: divan::Bencher<'_, '_>, tools: usize) {
    bencher
        .counter(divan::counter::ItemsCount::new(tools))
        .bench(|| linked(vectors(tools), &GraphPlan::default()));
}

#[divan::bench(args = [100, 1_000])]
fn link_dense(bencher: divan::Bencher<'_, '_>, tools: usize) {
    bencher.counter(divan::counter::ItemsCount::new(tools)).bench(|| {
        let plan = GraphPlan { encoder: Encoder::Embeddings, ..GraphPlan::default() };
        linked(dense(tools), &plan);
    });
}

#[divan::bench(args = [100, 10_000])]
fn group(bencher: divan::Bencher<'_, '_>, tools: usize) {
    let links = ring(tools as u64);
    let ids: Vec<ToolId> = (0..tools as u64).map(ToolId).collect();
    let plan = GraphPlan::default();
    bencher
        .counter(divan::counter::ItemsCount::new(tools))
        .bench(|| communities(&links, &ids, &Partition::default(), &plan));
}

#[divan::bench(args = [100, 10_000])]
fn group_one_more(bencher: divan::Bencher<'_, '_>, tools: usize) {
    let (before, after) = (ring(tools as u64 - 1), ring(tools as u64));
    let ids: Vec<ToolId> = (0..tools as u64).map(ToolId).collect();
    let plan = GraphPlan::default();
    let prior = communities(&before, &ids[1..], &Partition::default(), &plan).partition;
    bencher.bench(|| communities(&after, &ids, &prior, &plan));
}

fn linked(vectors: Vec<Vector>, plan: &GraphPlan) {
    let plan = plan.clone();
    timely::execute_directly(move |worker| {
        worker.dataflow::<u64, _, _>(|scope| {
            let vectors = scope.new_collection_from(vectors).1;
            let remembered = Arc::new(Remembered::default());
            vectors.link(&plan, remembered, Arc::new(Work::default()));
        });
    });
}

/// Vectors of as many components as small models give, in clusters of twenty.
fn dense(tools: usize) -> Vec<Vector> {
    let vector = |tool: usize| {
        let draw = |of: &str, at: usize, place: usize| {
            let units = Draw::new(0).with(of).at(at).at(place).below(2_000);
            f32::from(u16::try_from(units).expect("below two thousand")) - 1_000.0
        };
        let numbers: Vec<f32> = (0..384)
            .map(|place| draw("cluster", tool / 20, place) + draw("own", tool, place) / 2.0)
            .collect();
        Vector::dense(ToolId(tool as u64), unit(&numbers).expect("it has a direction"))
    };
    (0..tools).map(vector).collect()
}

/// Vectors of sixteen terms, of which some are common and most are rare.
fn vectors(tools: usize) -> Vec<Vector> {
    let vector = |tool: usize| {
        let draw = Draw::new(0).at(tool);
        let term = |place: usize| draw.at(place).below(4 << place);
        let mut terms: Vec<(u64, u32)> =
            (0..16).map(|place| (((place as u64) << 32) | term(place), 1 << 28)).collect();
        terms.sort_unstable();
        Vector::sparse(ToolId(tool as u64), terms)
    };
    (0..tools).map(vector).collect()
}

/// Each tool linked to the next eight.
fn ring(tools: u64) -> Vec<Link> {
    let link = |(one, step): (u64, u64)| Link {
        source: ToolId(one),
        target: ToolId(one + step),
        weight: 900_000 / u32::try_from(step).expect("at most eight"),
    };
    (0..tools)
        .flat_map(|one| (1..=8).map(move |step| (one, step)))
        .filter(|(one, step)| one + step < tools)
        .map(link)
        .collect()
}
