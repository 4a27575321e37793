//! How good, how stable and how quick domains are, on the real corpus.
//!
//! `cargo bench --bench domains` measures everything; words after `--` choose: `quality` (against
//! `NetworKit` and igraph), `stability` (what a newcomer disturbs), `drift` (a hundred updates
//! later), `live` (one description edited, a thousand times), `scale` (10⁵ and 10⁶ tools; a number
//! among the words is another size). `cargo test` runs each on the example, so these cannot rot.
//! Each part says loudly what it skips: the real corpus lies beside the repository or nowhere, and
//! the other side needs a Python named by `AGENTSCALER_PYTHON` with the packages of
//! `benches/requirements.txt`.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot set up should panic there")]
#![expect(clippy::cast_precision_loss, reason = "figures to read")]
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

mod real;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;
use std::time::Instant;

use differential_dataflow::input::InputSession;
use operators::communities::{Communities as _, communities, modularity};
use operators::encode::{Encode as _, fit};
use operators::link::{Link as _, Remembered};
use operators::recall::Forgetful;
use operators::work::Work;
use schemas::{
    Digest, DomainId, Draw, Encoder, GraphPlan, Link, Method, Partition, Tool, ToolId, Vector,
};
use timely::dataflow::ProbeHandle;

fn main() {
    let small = cfg!(debug_assertions);
    let chosen: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let wanted = |part: &str| chosen.is_empty() || chosen.iter().any(|word| word == part);
    // Debug builds read the whole catalogue in minutes.
    let read = if small { real::tools_of("tests/corpus") } else { real::tools() };
    let Some(tools) = read else { return };
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
    if wanted("live") {
        live(&tools, if small { 5 } else { 1000 });
    }
    if wanted("scale") {
        let sizes: Vec<usize> = chosen.iter().filter_map(|word| word.parse().ok()).collect();
        let usual = if small { vec![600] } else { vec![100_000, 1_000_000] };
        for size in if sizes.is_empty() { usual } else { sizes } {
            scale(&catalogue.vectors, size);
        }
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
                    let mut held = caught.borrow_mut();
                    match difference {
                        1 => held.insert(*link),
                        _ => held.remove(link),
                    };
                })
                .probe_with(&probe);
        });
        let mut epoch = 0;
        let mut step = |changed: &mut InputSession<u64, Vector, isize>| {
            epoch += 1;
            changed.advance_to(epoch);
            changed.flush();
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
        let written = folder.path().join("links");
        println!("{}", real::other_side(&python, "benches/domains.py", &[&written, &size]));
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
        for (come, without) in newcomers.iter().zip(&links[1..]) {
            let rest: Vec<ToolId> =
                tools.iter().copied().filter(|tool| !come.contains(tool)).collect();
            let without: Vec<Link> = without.iter().copied().collect();
            let before = communities(&without, &rest, &Partition::default(), &plan).partition;
            let after = communities(&whole, &tools, &before, &plan).partition;
            let found = disturbed(&before, &after, come);
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
    for (away, without) in gone.iter().zip(&links[1..]) {
        let rest: Vec<ToolId> = tools.iter().copied().filter(|tool| !away.contains(tool)).collect();
        let without: Vec<Link> = without.iter().copied().collect();
        partition = communities(&without, &rest, &partition, &plan).partition;
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

/// From the edit of one description to the new partition, in a dataflow that stays up.
fn live(tools: &[Arc<Tool>], edits: usize) {
    let tools = tools.to_vec();
    timely::execute_directly(move |worker| {
        let (mut input, mut weighed) = (InputSession::new(), InputSession::new());
        let probe = ProbeHandle::new();
        let moved = std::rc::Rc::new(std::cell::Cell::new(0_usize));
        let counted = std::rc::Rc::clone(&moved);
        worker.dataflow::<u64, _, _>(|scope| {
            let (plan, work) = (GraphPlan::default(), Arc::new(Work::default()));
            let weights = weighed.to_collection(scope);
            let vectors = input.to_collection(scope).encode(
                weights,
                Encoder::Terms,
                Arc::new(Forgetful),
                Arc::clone(&work),
            );
            let ids = vectors.clone().map(|vector| vector.tool);
            let (links, _) = vectors.link(&plan, Arc::new(Remembered::default()), work);
            let grouped = links.communities(ids, Partition::default(), &plan);
            let homes = grouped.placements.map(|(tool, placement)| (tool, placement.domain));
            homes.consolidate().inspect(move |_| counted.set(counted.get() + 1)).probe_with(&probe);
        });
        let began = Instant::now();
        weighed.insert(Arc::new(fit(tools.iter().map(Arc::as_ref), Encoder::Terms)));
        drop(weighed);
        let mut current = tools;
        current.iter().for_each(|tool| input.insert(Arc::clone(tool)));
        input.advance_to(1);
        input.flush();
        worker.step_while(|| probe.less_than(&1));
        println!("live: the whole catalogue in {:.2} s", began.elapsed().as_secs_f64());
        moved.set(0);
        let mut took = Vec::new();
        for edit in 0..edits {
            let draw = Draw::new(11).at(edit);
            let place = usize::try_from(draw.at(0).below(current.len() as u64)).unwrap();
            let other = usize::try_from(draw.at(1).below(current.len() as u64)).unwrap();
            let mut edited = Tool::clone(&current[place]);
            // A few words of another tool's description are added to its own.
            let words = current[other].description.split(' ').take(6);
            edited.description += &words.map(|word| format!(" {word}")).collect::<String>();
            edited.revision = Digest::of(format!("{edit}").as_bytes());
            let edited = Arc::new(edited);
            let (before, time) = (Instant::now(), input.time() + 1);
            input.remove(std::mem::replace(&mut current[place], Arc::clone(&edited)));
            input.insert(edited);
            input.advance_to(time);
            input.flush();
            worker.step_while(|| probe.less_than(&time));
            took.push(before.elapsed().as_secs_f64() * 1000.0);
        }
        took.sort_by(f64::total_cmp);
        println!(
            "live: {edits} edits of one description: median {:.2} ms, p99 {:.2} ms, most {:.2} ms; \
             {} tools changed their domain",
            took[edits / 2],
            took[edits * 99 / 100],
            took[edits - 1],
            moved.get() / 2
        );
    });
}

/// Time and memory for so many tools: copies of the real ones, of whose terms three in ten are
/// common to all copies and the others each copy's own.
fn scale(vectors: &[Vector], size: usize) {
    let synthetic = |place: usize| {
        let (copy, vector) = (place / vectors.len(), &vectors[place % vectors.len()]);
        let own = |term: u64| {
            let draw = Draw::new(5).with(term.to_le_bytes());
            if copy == 0 || draw.happens(300) { term } else { draw.at(copy).bits() }
        };
        let mut terms: Vec<(u64, u32)> =
            vector.terms.iter().map(|(term, weight)| (own(*term), *weight)).collect();
        terms.sort_unstable();
        terms.dedup_by_key(|(term, _)| *term);
        Vector::sparse(ToolId(Draw::new(6).at(place).bits()), terms)
    };
    let synthetic: Vec<Vector> = (0..size).map(synthetic).collect();
    let (before, began) = (real::cpu_seconds(), Instant::now());
    let links: Vec<Link> = linked(&synthetic, &[]).remove(0).into_iter().collect();
    let (linked, wall) = (real::cpu_seconds(), began.elapsed().as_secs_f64());
    let tools: Vec<ToolId> = synthetic.iter().map(|vector| vector.tool).collect();
    let plan = GraphPlan::default();
    let partition = communities(&links, &tools, &Partition::default(), &plan).partition;
    let grouped = real::cpu_seconds();
    let domains = members(&partition);
    let held: usize = domains.values().map(BTreeSet::len).sum();
    let each = |seconds: f64| 1e6 * seconds / size as f64;
    println!(
        "scale: {size} tools, {} links, {} domains holding {held}; link {:.1} CPU s ({wall:.1} s \
         wall, {:.0} µs a tool), communities {:.1} CPU s ({:.0} µs a tool), peak {} MiB",
        links.len(),
        domains.len(),
        linked - before,
        each(linked - before),
        grouped - linked,
        each(grouped - linked),
        real::peak_mib()
    );
}
