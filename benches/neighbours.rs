//! What exact neighbours cost: a whole catalogue, more tools, one edit; beside `sparse_dot_topn`.
//!
//! `cargo bench --bench neighbours` measures the real corpus and prints a table. `cargo test` links
//! a few vectors once, so this cannot rot.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot set up should panic there")]
#![expect(clippy::shadow_unrelated, reason = "a collection is called like what it will hold")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "what is counted here is small"
)]
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use differential_dataflow::input::Input;
use timely::dataflow::ProbeHandle;
use timely::dataflow::operators::Inspect;

use operators::link::{Link as _, Near, Remembered};
use operators::work::Work;
use schemas::{Draw, GraphPlan, LinkRule, ToolId, Vector};

#[expect(dead_code, reason = "other benchmarks use the rest")]
mod real;

fn main() {
    let small = cfg!(debug_assertions);
    let vectors = if small {
        (0..60).map(made_up).collect()
    } else {
        let Some(tools) = real::tools() else { return };
        real::vectors(&tools).0
    };
    let nearest = GraphPlan::default();
    println!("{} vectors", vectors.len());
    cold("nearest 15, 0.1", &vectors, &nearest, "16");
    for cosine_permille_min in [600, 500] {
        let plan =
            GraphPlan { rule: LinkRule::Threshold, cosine_permille_min, ..GraphPlan::default() };
        cold(&format!("threshold {cosine_permille_min}"), &vectors, &plan, "8000");
    }
    let two = build(&vectors, &nearest, 2);
    println!("2 workers: {:.2} cpu-s, {:.2} s wall", two.cpu, two.wall);
    changes(&vectors, &nearest, if small { 3 } else { 1000 });
}

/// A build from nothing.
struct Built {
    near: BTreeMap<Near, isize>,
    cpu: f64,
    wall: f64,
}

/// Everyone's neighbours from nothing, beside the other side where there is one.
fn cold(what: &str, vectors: &[Vector], plan: &GraphPlan, topn: &str) {
    let mut runs: Vec<Built> = (0..3).map(|_| build(vectors, plan, 1)).collect();
    runs.sort_by(|one, other| one.cpu.total_cmp(&other.cpu));
    let ours = runs.swap_remove(1);
    let pairs = vectors.len() as f64 * (vectors.len() - 1) as f64 / 2.0;
    println!(
        "{what}: {:.2} cpu-s, {:.2} s wall, {:.2} ns a pair, {} arcs",
        ours.cpu,
        ours.wall,
        ours.cpu * 1e9 / pairs,
        ours.near.len(),
    );
    if cfg!(debug_assertions) {
        return;
    }
    let Some(python) = real::python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (rows, theirs) = (folder.path().join("rows"), folder.path().join("near"));
    fs::write(&rows, compressed_rows(vectors)).unwrap();
    let threshold = f64::from(plan.cosine_permille_min) / 1000.0;
    let threshold = threshold.to_string();
    let arguments: [&Path; 4] = [&rows, &theirs, topn.as_ref(), threshold.as_ref()];
    let said = real::other_side(&python, "benches/neighbours.py", &arguments);
    let seconds: f64 = said.trim().parse().unwrap();
    agree(vectors, plan, &ours.near, &fs::read(&theirs).unwrap());
    println!("{what}: sparse_dot_topn {seconds:.2} cpu-s, ratio {:.2}", seconds / ours.cpu);
}

fn build(vectors: &[Vector], plan: &GraphPlan, workers: usize) -> Built {
    let said: Arc<Mutex<Vec<(Near, isize)>>> = Arc::default();
    let (kept, plan, vectors) = (Arc::clone(&said), plan.clone(), vectors.to_vec());
    let (cpu, wall) = (real::cpu_seconds(), Instant::now());
    timely::execute(timely::Config::process(workers), move |worker| {
        let kept = Arc::clone(&kept);
        let mut input = worker.dataflow::<u64, _, _>(|scope| {
            let (input, vectors) = scope.new_collection();
            let remembered = Arc::new(Remembered::default());
            let (_, near) = vectors.link(&plan, remembered, Arc::new(Work::default()));
            near.inner.inspect_batch(move |_, batch| {
                kept.lock().unwrap().extend(batch.iter().map(|(near, _, r)| (*near, *r)));
            });
            input
        });
        let (index, peers) = (worker.index(), worker.peers());
        vectors.iter().skip(index).step_by(peers).for_each(|vector| input.insert(vector.clone()));
    })
    .unwrap();
    let (cpu, wall) = (real::cpu_seconds() - cpu, wall.elapsed().as_secs_f64());
    let near = std::mem::take(&mut *said.lock().unwrap()).into_iter().collect();
    Built { near, cpu, wall }
}

/// Three hundred tools more, and single edits, each until the links say so.
fn changes(vectors: &[Vector], plan: &GraphPlan, edits: usize) {
    let (vectors, plan) = (vectors.to_vec(), plan.clone());
    timely::execute_directly(move |worker| {
        let (probe, links) = (ProbeHandle::new(), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&links);
        let mut input = worker.dataflow::<u64, _, _>(|scope| {
            let (input, vectors) = scope.new_collection();
            let remembered = Arc::new(Remembered::default());
            let (links, _) = vectors.link(&plan, remembered, Arc::new(Work::default()));
            links
                .inspect(move |_| {
                    counted.fetch_add(1, Ordering::Relaxed);
                })
                .probe_with(&probe);
            input
        });
        let more = vectors.len().min(300).min(vectors.len() / 2);
        let (later, first) = vectors.split_at(more);
        let mut epoch = 0;
        let mut step =
            |input: &mut differential_dataflow::input::InputSession<u64, Vector, isize>| {
                let (cpu, wall) = (real::cpu_seconds(), Instant::now());
                epoch += 1;
                input.advance_to(epoch);
                input.flush();
                worker.step_while(|| probe.less_than(&epoch));
                (real::cpu_seconds() - cpu, wall.elapsed().as_secs_f64())
            };
        first.iter().for_each(|vector| input.insert(vector.clone()));
        let (cpu, wall) = step(&mut input);
        println!("without {more}: {cpu:.2} cpu-s, {wall:.3} s wall");
        later.iter().for_each(|vector| input.insert(vector.clone()));
        let (cpu, wall) = step(&mut input);
        println!("{more} more: {cpu:.2} cpu-s, {:.2} ms wall", wall * 1e3);
        // One turn is too short for the clock of processor time.
        let turns = if cfg!(debug_assertions) { 1 } else { 20 };
        let (mut less, mut again) = (0.0, 0.0);
        for _ in 0..turns {
            later.iter().for_each(|vector| input.remove(vector.clone()));
            less += step(&mut input).0;
            later.iter().for_each(|vector| input.insert(vector.clone()));
            again += step(&mut input).0;
        }
        let [less, again] = [less, again].map(|cpu| 1e3 * cpu / f64::from(turns));
        println!("means of {turns} turns: {more} less {less:.1} cpu-ms, more {again:.1} cpu-ms");
        for (what, terms) in [("a lesser weight", 0), ("a term less", 1), ("half the terms", 2)] {
            let before = links.load(Ordering::Relaxed);
            let mut walls: Vec<f64> = (0..edits)
                .map(|edit| {
                    let old = &vectors[Draw::new(0).at(edit).below(vectors.len() as u64) as usize];
                    let new = edited(old, terms);
                    input.remove(old.clone());
                    input.insert(new.clone());
                    let there = step(&mut input).1;
                    input.remove(new);
                    input.insert(old.clone());
                    step(&mut input);
                    there
                })
                .collect();
            walls.sort_by(f64::total_cmp);
            println!(
                "an edit, {what}: median {:.3} ms, p99 {:.3} ms, {} links an edit",
                walls[edits / 2] * 1e3,
                walls[edits * 99 / 100] * 1e3,
                (links.load(Ordering::Relaxed) - before) / (2 * edits),
            );
        }
    });
}

/// A tool edited a little or much.
fn edited(vector: &Vector, how: usize) -> Vector {
    let mut new = vector.clone();
    match how {
        0 => new.terms.iter_mut().take(1).for_each(|(_, weight)| *weight -= *weight / 8),
        1 => {
            new.terms.pop();
        }
        _ => new.terms.truncate(vector.terms.len() / 2),
    }
    new
}

/// Vectors as the other side reads them.
fn compressed_rows(vectors: &[Vector]) -> Vec<u8> {
    let mut numbers: BTreeMap<u64, u32> = BTreeMap::new();
    let (mut starts, mut columns, mut values) = (vec![0_u64], Vec::new(), Vec::new());
    for vector in vectors {
        for (term, weight) in &vector.terms {
            let next = numbers.len() as u32;
            columns.push(*numbers.entry(*term).or_insert(next));
            values.push((f64::from(*weight) / f64::from(1 << 30)) as f32);
        }
        starts.push(columns.len() as u64);
    }
    let mut bytes = Vec::new();
    for number in [vectors.len() as u64, columns.len() as u64].iter().chain(&starts) {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(columns.iter().flat_map(|column| column.to_le_bytes()));
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

/// Checks that both sides found the same, as far as float noise can tell.
fn agree(vectors: &[Vector], plan: &GraphPlan, near: &BTreeMap<Near, isize>, theirs: &[u8]) {
    let words = |bytes: &[u8]| -> Vec<u32> {
        bytes.chunks_exact(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect()
    };
    let (counts, rest) = theirs.split_at(4 * vectors.len());
    let (rows, values) = rest.split_at(rest.len() / 2);
    let (counts, rows, values) = (words(counts), words(rows), words(values));
    let rows_of: BTreeMap<ToolId, u32> = (0..).zip(vectors).map(|(row, v)| (v.tool, row)).collect();
    let mut ours: Vec<Vec<(u32, f64)>> = vec![Vec::new(); vectors.len()];
    for (one, other, weight) in near.keys() {
        ours[rows_of[one] as usize].push((rows_of[other], f64::from(*weight) / 1e6));
    }
    let least = f64::from(plan.cosine_permille_min) / 1000.0;
    let (mut at, mut missed, mut foreign) = (0, 0, 0);
    for (list, count) in ours.iter().zip(counts) {
        let range = at..at + count as usize;
        at = range.end;
        let cosines = values[range.clone()].iter().map(|value| f64::from(f32::from_bits(*value)));
        let found: BTreeMap<u32, f64> = rows[range].iter().copied().zip(cosines).collect();
        let full = plan.rule == LinkRule::Nearest && plan.neighbours <= found.len();
        let last = found.values().copied().fold(1.0, f64::min);
        let last = if full { last } else { least };
        missed += list.iter().filter(|(r, w)| last + 1e-5 < *w && !found.contains_key(r)).count();
        let full = plan.rule == LinkRule::Nearest && plan.neighbours == list.len();
        let last = list.iter().map(|(_, weight)| *weight).fold(1.0, f64::min);
        let last = if full { last } else { least };
        let known: BTreeMap<u32, f64> = list.iter().copied().collect();
        foreign +=
            found.iter().filter(|(r, w)| last + 1e-5 < **w && !known.contains_key(r)).count();
    }
    assert_eq!((missed, foreign), (0, 0), "both sides find the same neighbours");
}

/// A vector of a common term and a few rarer ones.
fn made_up(tool: u64) -> Vector {
    let draw = Draw::new(0).with(tool.to_le_bytes());
    let terms =
        (0..8).map(|place| ((place as u64) << 32 | draw.at(place).below(2 << place), 1 << 28));
    Vector::sparse(ToolId(tool), terms.collect())
}
