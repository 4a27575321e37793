//! How good, how stable and how quick domains are, on the real corpus.
//!
//! `cargo bench --bench domains` measures everything; words after `--` choose: `quality` (against
//! NetworKit and igraph), `stability` (what a newcomer disturbs), `drift` (a hundred updates
//! later). `cargo test` runs a small part of each, so these cannot rot. Each part says loudly what
//! it skips: the real corpus lies beside the repository or nowhere, and the other side needs a
//! Python named by `AGENTSCALER_PYTHON`.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot set up should panic there")]
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

mod real;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;
use std::time::Instant;

use differential_dataflow::input::InputSession;
use operators::communities::{communities, modularity};
use operators::link::{Link as _, Remembered};
use operators::work::Work;
use schemas::{DomainId, Draw, GraphPlan, Link, Method, Partition, ToolId, Vector};
use timely::dataflow::ProbeHandle;

fn main() {
    let small = cfg!(debug_assertions);
    let chosen: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let wanted = |part: &str| chosen.is_empty() || chosen.iter().any(|word| word == part);
    let Some(tools) = real::tools() else { return };
    let tools = if small { tools[..300].to_vec() } else { tools };
    let (vectors, _) = real::vectors(&tools);
    let mut catalogue = Catalogue::new(vectors);
    println!("{} tools, {} links", catalogue.vectors.len(), catalogue.links.len());
    if wanted("quality") {
        quality(&catalogue);
    }
    if wanted("stability") {
        stability(&mut catalogue, if small { 1 } else { 20 });
    }
    if wanted("drift") {
        drift(&mut catalogue, if small { 2 } else { 100 });
    }
}

/// Vectors and their links, of which some may be left out for a while.
struct Catalogue {
    vectors: Vec<Vector>,
    links: BTreeSet<Link>,
}

impl Catalogue {
    fn new(vectors: Vec<Vector>) -> Catalogue {
        let links = linked(&vectors, &[]).remove(0);
        Catalogue { vectors, links }
    }

    fn tools(&self) -> Vec<ToolId> {
        self.vectors.iter().map(|vector| vector.tool).collect()
    }
}

/// The links of all vectors, and then of all but those of each trial.
fn linked(vectors: &[Vector], trials: &[BTreeSet<ToolId>]) -> Vec<BTreeSet<Link>> {
    let (vectors, trials) = (vectors.to_vec(), trials.to_vec());
    timely::execute_directly(move |worker| {
        let (mut input, probe) = (InputSession::new(), ProbeHandle::new());
        let current = std::rc::Rc::new(std::cell::RefCell::new(BTreeSet::new()));
        let caught = std::rc::Rc::clone(&current);
        worker.dataflow::<u64, _, _>(|scope| {
            let plan = GraphPlan::default();
            let work = Arc::new(Work::default());
            let remembered = Arc::new(Remembered::default());
            let (links, _) = input.to_collection(scope).link(&plan, remembered, work);
            links
                .inspect(move |(link, _, difference)| {
                    let mut links = caught.borrow_mut();
                    match difference {
                        1 => links.insert(*link),
                        _ => links.remove(link),
                    };
                })
                .probe_with(&probe);
        });
        let mut epoch = 0;
        let mut step = |input: &mut InputSession<u64, Vector, isize>| {
            epoch += 1;
            input.advance_to(epoch);
            input.flush();
            worker.step_while(|| probe.less_than(&epoch));
            current.borrow().clone()
        };
        for vector in &vectors {
            input.insert(vector.clone());
        }
        let mut said = vec![step(&mut input)];
        for trial in &trials {
            let absent: Vec<&Vector> = vectors.iter().filter(|v| trial.contains(&v.tool)).collect();
            absent.iter().for_each(|vector| input.remove((*vector).clone()));
            said.push(step(&mut input));
            absent.iter().for_each(|vector| input.insert((*vector).clone()));
            step(&mut input);
        }
        said
    })
}

/// Modularity and time, against the other side on the same links at the same resolutions.
fn quality(catalogue: &Catalogue) {
    let (links, tools) = (catalogue.links.iter().copied().collect::<Vec<_>>(), catalogue.tools());
    let places: BTreeMap<ToolId, u32> = tools.iter().copied().zip(0..).collect();
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = Vec::new();
    for link in &links {
        bytes.extend(places[&link.source].to_le_bytes());
        bytes.extend(places[&link.target].to_le_bytes());
        bytes.extend(link.weight.to_le_bytes());
    }
    fs::write(folder.path().join("links"), bytes).unwrap();
    println!("resolution  method   modularity  communities  seconds of processor time, all in all");
    for method in [Method::Leiden, Method::Louvain] {
        for resolution in [1, 20, 100] {
            let plan = GraphPlan {
                method,
                resolution_permille: 1000 * resolution,
                tools_max: usize::MAX,
                tools_min: 1,
                ..GraphPlan::default()
            };
            let mut spent = Vec::new();
            let mut partition = Partition::default();
            for _ in 0..3 {
                let before = real::cpu_seconds();
                partition = communities(&links, &tools, &Partition::default(), &plan).partition;
                spent.push(real::cpu_seconds() - before);
            }
            spent.sort_by(f64::total_cmp);
            let value = modularity(&links, &partition, f64::from(resolution));
            let count = members(&partition).len();
            println!("{resolution:>10}  {method:?}  {value:>10.5}  {count:>11}  {:>7.3}", spent[1]);
        }
    }
    if let Some(python) = real::python() {
        let size = folder.path().join(tools.len().to_string());
        let links = folder.path().join("links");
        println!("{}", real::other_side(&python, "benches/domains.py", &[&links, &size]));
    }
}

/// The members of every domain.
fn members(partition: &Partition) -> BTreeMap<DomainId, BTreeSet<ToolId>> {
    let mut domains: BTreeMap<DomainId, BTreeSet<ToolId>> = BTreeMap::new();
    for (tool, placement) in &partition.placements {
        if let Some(domain) = placement.domain {
            domains.entry(domain).or_default().insert(*tool);
        }
    }
    domains
}

/// What an update did to domains.
#[derive(Debug, Default)]
struct Disturbed {
    /// Domains with a newcomer.
    holders: usize,
    /// Domains without one whose members were not together before, or not alone.
    collateral: usize,
    /// The same of all domains, newcomers left aside.
    regrouped: usize,
}

fn disturbed(before: &Partition, after: &Partition, newcomers: &BTreeSet<ToolId>) -> Disturbed {
    let old: BTreeSet<BTreeSet<ToolId>> = members(before)
        .into_values()
        .map(|members| members.difference(newcomers).copied().collect())
        .collect();
    let mut disturbed = Disturbed::default();
    for members in members(after).into_values() {
        let rest: BTreeSet<ToolId> = members.difference(newcomers).copied().collect();
        let holds = rest.len() < members.len();
        let same = old.contains(&rest);
        disturbed.holders += usize::from(holds);
        disturbed.collateral += usize::from(!same && !holds);
        disturbed.regrouped += usize::from(!same);
    }
    disturbed
}

fn drawn(tools: &[ToolId], count: usize, trial: usize) -> BTreeSet<ToolId> {
    let draw = Draw::new(7).at(trial);
    let mut ranked: Vec<(u64, ToolId)> =
        tools.iter().map(|tool| (draw.with(tool.0.to_le_bytes()).bits(), *tool)).collect();
    ranked.sort_unstable();
    ranked.into_iter().take(count).map(|(_, tool)| tool).collect()
}

/// What random newcomers disturb, from a fresh partition of the others.
fn stability(catalogue: &mut Catalogue, trials: usize) {
    let (tools, plan) = (catalogue.tools(), GraphPlan::default());
    let whole: Vec<Link> = catalogue.links.iter().copied().collect();
    println!("newcomers  holders  collateral  regrouped, holders included (means of {trials})");
    for count in [1, 30, tools.len() / 100] {
        let newcomers: Vec<BTreeSet<ToolId>> =
            (0..trials).map(|trial| drawn(&tools, count, trial)).collect();
        let links = linked(&catalogue.vectors, &newcomers);
        let mut sums = [0_usize; 3];
        for (newcomers, links) in newcomers.iter().zip(&links[1..]) {
            let rest: Vec<ToolId> =
                tools.iter().copied().filter(|tool| !newcomers.contains(tool)).collect();
            let links: Vec<Link> = links.iter().copied().collect();
            let before = communities(&links, &rest, &Partition::default(), &plan).partition;
            let after = communities(&whole, &tools, &before, &plan).partition;
            let found = disturbed(&before, &after, newcomers);
            for (sum, value) in
                sums.iter_mut().zip([found.holders, found.collateral, found.regrouped])
            {
                *sum += value;
            }
        }
        let mean = |sum: usize| sum as f64 / trials as f64;
        println!(
            "{count:>9}  {:>7.2}  {:>10.2}  {:>9.2}",
            mean(sums[0]),
            mean(sums[1]),
            mean(sums[2])
        );
    }
}

/// Updates that each take one tool in a hundred and bring back those the one before took: the
/// modularity at the end against that of a fresh partition.
fn drift(catalogue: &mut Catalogue, updates: usize) {
    let (tools, plan) = (catalogue.tools(), GraphPlan::default());
    let gone: Vec<BTreeSet<ToolId>> =
        (0..updates).map(|update| drawn(&tools, tools.len() / 100, 1000 + update)).collect();
    let links = linked(&catalogue.vectors, &gone);
    let whole: Vec<Link> = catalogue.links.iter().copied().collect();
    let fresh = communities(&whole, &tools, &Partition::default(), &plan).partition;
    let mut partition = fresh.clone();
    let began = Instant::now();
    for (gone, links) in gone.iter().zip(&links[1..]) {
        let rest: Vec<ToolId> = tools.iter().copied().filter(|tool| !gone.contains(tool)).collect();
        let links: Vec<Link> = links.iter().copied().collect();
        partition = communities(&links, &rest, &partition, &plan).partition;
    }
    partition = communities(&whole, &tools, &partition, &plan).partition;
    let resolution = f64::from(plan.resolution_permille) / 1000.0;
    for at in [1.0, resolution] {
        let [now, anew] = [&partition, &fresh].map(|it| modularity(&whole, it, at));
        println!(
            "after {updates} updates, at resolution {at}: {now:.5}, fresh {anew:.5}, ratio {:.4}",
            now / anew
        );
    }
    println!(
        "{:.1} s; {} domains, fresh {}",
        began.elapsed().as_secs_f64(),
        members(&partition).len(),
        members(&fresh).len()
    );
}
