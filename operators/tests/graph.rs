//! The incremental tool graph equals the graph recomputed from scratch, after every epoch.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]
#![expect(clippy::shadow_unrelated, reason = "a collection is called like what it will hold")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use differential_dataflow::input::Input;
use proptest::prelude::{ProptestConfig, Strategy, prop, prop_assert_eq, proptest};
use timely::dataflow::operators::Capture;
use timely::dataflow::operators::capture::Extract;

use operators::communities::{Communities as _, Grouping, communities, domain_name, modularity};
use operators::encode::{Encode as _, encode, fit};
use operators::link::{Link as _, Near, Remembered};
use operators::recall::Forgetful;
use operators::work::Work;
use schemas::{
    Basis, Digest, DomainId, Encoder, Field, GraphPlan, Lineage, Link, LinkRule, Output, Partition,
    Placement, Shape, Tool, ToolId, Value, Vector, Weights,
};

/// By epoch: which vectors there are.
type Corpus = Vec<BTreeMap<ToolId, Vector>>;

const EPOCHS: usize = 4;

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Goal: births, edits and deaths leave the same links as a comparison of all pairs.
    #[test]
    fn links_equal_all_pairs(
        corpus in corpus(), workers in 1..4_usize, nearest in 0..4_usize, least in 0..1001_u32,
        rule in rule(),
    ) {
        let plan = GraphPlan {
            neighbours: nearest, cosine_permille_min: least, rule, ..GraphPlan::default()
        };
        let said = linked(&corpus, &plan, &Remembered::default(), workers);
        for (epoch, vectors) in corpus.iter().enumerate() {
            let near = all_pairs(vectors, &plan);
            prop_assert_eq!(accumulated(&said.near, epoch), near.clone(), "epoch {}", epoch);
            prop_assert_eq!(accumulated(&said.links, epoch), union(&near), "epoch {}", epoch);
        }
    }

    /// Goal: what is remembered of another corpus saves work and changes nothing.
    #[test]
    fn memory_changes_nothing(
        corpus in corpus(), workers in 1..4_usize, rule in rule(), other in rule(),
    ) {
        let plan = GraphPlan { neighbours: 2, rule, ..GraphPlan::default() };
        let (old, new) = (&corpus[0], &corpus[EPOCHS - 1]);
        let remembered = Remembered::new(&plan, old.values(), all_pairs(old, &plan));
        let text = serde_json::to_string(&remembered).unwrap();
        prop_assert_eq!(&remembered, &serde_json::from_str(&text).unwrap());
        let said = linked(&vec![new.clone(), old.clone()], &plan, &remembered, workers);
        for (epoch, vectors) in [new, old].into_iter().enumerate() {
            prop_assert_eq!(accumulated(&said.near, epoch), all_pairs(vectors, &plan));
        }
        let same = linked(&vec![old.clone()], &plan, &remembered, workers);
        prop_assert_eq!(accumulated(&same.near, 0), all_pairs(old, &plan));
        prop_assert_eq!(same.scored, 0, "an unchanged corpus compares nothing");
        let plan = GraphPlan { rule: other, ..plan };
        let others = linked(&vec![old.clone()], &plan, &remembered, workers);
        prop_assert_eq!(accumulated(&others.near, 0), all_pairs(old, &plan));
    }

    /// Goal: the operator folds the pure function over the epochs, and every partition keeps the
    /// bounds.
    #[test]
    fn domains_equal_recomputed(corpus in corpus(), workers in 1..4_usize, least in 1..4_usize) {
        let plan = GraphPlan {
            neighbours: 3, tools_min: least, tools_max: 5, resolution_permille: 1000,
            ..GraphPlan::default()
        };
        let graphs: Vec<(BTreeSet<Link>, BTreeSet<ToolId>)> = corpus
            .iter()
            .map(|vectors| {
                let links = union(&all_pairs(vectors, &plan)).into_iter().collect();
                (links, vectors.keys().copied().collect())
            })
            .collect();
        let said = grouped(&graphs, &plan, workers);
        let mut prior = Partition::default();
        let mut lineage: Vec<Lineage> = Vec::new();
        for (epoch, (links, tools)) in graphs.iter().enumerate() {
            let links: Vec<Link> = links.iter().copied().collect();
            let tools: Vec<ToolId> = tools.iter().copied().collect();
            let changed = epoch == 0 || graphs[epoch] != graphs[epoch - 1];
            let Grouping { partition, lineage: events } = communities(&links, &tools, &prior, &plan);
            check(&links, &tools, &partition, &plan);
            let again = communities(&links, &tools, &partition, &plan);
            prop_assert_eq!(&again.partition, &partition, "an unchanged graph stays as it is");
            prop_assert_eq!(again.lineage, Vec::new());
            let placed: BTreeMap<ToolId, Placement> =
                accumulated(&said.0, epoch).into_iter().collect();
            prop_assert_eq!(&placed, &partition.placements, "epoch {}", epoch);
            assert!(changed || events.is_empty());
            lineage.extend(events);
            prior = partition;
        }
        lineage.sort_unstable();
        let mut told: Vec<Lineage> = said.1.into_iter().flat_map(|(event, _, count)| {
            std::iter::repeat_n(event, usize::try_from(count).unwrap())
        }).collect();
        told.sort_unstable();
        prop_assert_eq!(told, lineage);
    }
}

/// Every tool is placed once; every domain is connected and within bounds.
#[track_caller]
fn check(links: &[Link], tools: &[ToolId], partition: &Partition, plan: &GraphPlan) {
    assert!(partition.placements.keys().eq(tools));
    let mut domains: BTreeMap<DomainId, BTreeSet<ToolId>> = BTreeMap::new();
    for (tool, placement) in &partition.placements {
        if let Some(domain) = placement.domain {
            domains.entry(domain).or_default().insert(*tool);
        }
    }
    for members in domains.values() {
        assert!((plan.tools_min..=plan.tools_max).contains(&members.len()), "{members:?}");
        let mut reached: BTreeSet<ToolId> = members.iter().take(1).copied().collect();
        for _ in members {
            for link in links {
                let ends = [link.source, link.target];
                let within = ends.iter().all(|end| members.contains(end));
                if within && ends.iter().any(|end| reached.contains(end)) {
                    reached.extend(ends);
                }
            }
        }
        assert_eq!(&reached, members, "a domain is connected");
    }
}

/// What a reader with a pencil would say: everyone's neighbours.
fn all_pairs(vectors: &BTreeMap<ToolId, Vector>, plan: &GraphPlan) -> BTreeSet<Near> {
    let mut near = BTreeSet::new();
    for one in vectors.values() {
        let mut list: Vec<(u32, ToolId)> = vectors
            .values()
            .filter(|other| other.tool != one.tool && linked_by(plan, product(one, other)))
            .map(|other| (millionths(product(one, other)), other.tool))
            .collect();
        list.sort_by_key(|(weight, tool)| (std::cmp::Reverse(*weight), *tool));
        if plan.rule == LinkRule::Nearest {
            list.truncate(plan.neighbours);
        }
        near.extend(list.iter().map(|(w, tool)| (one.tool, *tool, *w)));
    }
    near
}

fn linked_by(plan: &GraphPlan, product: u128) -> bool {
    let above = match plan.rule {
        LinkRule::Nearest => plan.cosine_permille_min * 1000 <= millionths(product),
        LinkRule::Threshold => u128::from(plan.cosine_permille_min) << 60 < product * 1000,
    };
    above && 0 < millionths(product)
}

fn cosine(one: &Vector, other: &Vector) -> u32 {
    millionths(product(one, other))
}

fn product(one: &Vector, other: &Vector) -> u128 {
    let other: BTreeMap<u64, u32> = other.terms.iter().copied().collect();
    one.terms
        .iter()
        .filter_map(|(term, weight)| Some(u128::from(*weight) * u128::from(*other.get(term)?)))
        .sum()
}

fn millionths(product: u128) -> u32 {
    u32::try_from(((product * 1_000_000) >> 60).min(1_000_000)).unwrap()
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

fn rule() -> impl Strategy<Value = LinkRule> {
    prop::sample::select(vec![LinkRule::Nearest, LinkRule::Threshold])
}

/// Corpora in which tools are born, edited and die, with many ties and hubs.
fn corpus() -> impl Strategy<Value = Corpus> {
    let vector = prop::collection::btree_map(0..9_u64, 1..4_u32, 0..5);
    let vectors = prop::collection::btree_map((0..24_u64).prop_map(ToolId), vector, 0..20);
    prop::collection::vec(vectors, EPOCHS).prop_map(|epochs| {
        let mut corpus: Corpus = Vec::new();
        for changes in epochs {
            // Most of an epoch is what the one before was.
            let mut next = corpus.last().cloned().unwrap_or_default();
            let first = corpus.is_empty();
            for (place, (tool, terms)) in changes.into_iter().enumerate() {
                if !first && place % 4 == 0 {
                    next.remove(&tool);
                } else if first || place % 4 == 1 {
                    next.insert(tool, unit(tool, &terms));
                }
            }
            corpus.push(next);
        }
        corpus
    })
}

fn unit(tool: ToolId, terms: &BTreeMap<u64, u32>) -> Vector {
    let length = terms.values().map(|w| f64::from(*w) * f64::from(*w)).sum::<f64>().sqrt();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 2³⁰")]
    let scaled = |weight: &u32| (f64::from(*weight) / length * 1_073_741_824.0) as u32;
    Vector::sparse(tool, terms.iter().map(|(term, weight)| (*term, scaled(weight))).collect())
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
    let epochs: Vec<BTreeSet<Vector>> =
        corpus.iter().map(|vectors| vectors.values().cloned().collect()).collect();
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
        if worker.index() == 0 {
            feed(&epochs, |vector, epoch, r| input.update_at(vector, epoch, r));
        }
    })
    .unwrap();
    Linked {
        links: links.extract().into_iter().flat_map(|(_, updates)| updates).collect(),
        near: near.extract().into_iter().flat_map(|(_, updates)| updates).collect(),
        scored: work.pairs_scored.get(),
    }
}

fn grouped(
    graphs: &[(BTreeSet<Link>, BTreeSet<ToolId>)],
    plan: &GraphPlan,
    workers: usize,
) -> (Updates<(ToolId, Placement)>, Updates<Lineage>) {
    let plan = plan.clone();
    let (links, tools): (Vec<_>, Vec<_>) = graphs.iter().cloned().unzip();
    let (send_placements, placements) = mpsc::channel();
    let (send_lineage, lineage) = mpsc::channel();
    let senders = Mutex::new((send_placements, send_lineage));
    timely::execute(timely::Config::process(workers), move |worker| {
        let (send_placements, send_lineage) = senders.lock().unwrap().clone();
        let first = worker.index() == 0;
        let (mut link_input, mut tool_input) = worker.dataflow::<u64, _, _>(|scope| {
            let (link_input, links) = scope.new_collection();
            let (tool_input, tools) = scope.new_collection();
            let grouped = links.communities(tools, Partition::default(), &plan);
            grouped.placements.inner.capture_into(send_placements);
            grouped.lineage.inner.capture_into(send_lineage);
            (link_input, tool_input)
        });
        if first {
            feed(&links, |link, epoch, r| link_input.update_at(link, epoch, r));
            feed(&tools, |tool, epoch, r| tool_input.update_at(tool, epoch, r));
        }
    })
    .unwrap();
    let placements = placements.extract().into_iter().flat_map(|(_, updates)| updates);
    let lineage = lineage.extract().into_iter().flat_map(|(_, updates)| updates);
    (placements.collect(), lineage.collect())
}

/// Feeds sets, one an epoch, as differences.
fn feed<D: Ord + Clone>(epochs: &[BTreeSet<D>], mut update: impl FnMut(D, u64, isize)) {
    let empty = BTreeSet::new();
    let before = std::iter::once(&empty).chain(epochs);
    for (epoch, (old, new)) in (0..).zip(before.zip(epochs)) {
        old.difference(new).for_each(|gone| update(gone.clone(), epoch, -1));
        new.difference(old).for_each(|come| update(come.clone(), epoch, 1));
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

/// Goal: weights fitted and vectors made by the dataflow are those of the plain functions, and
/// new weights replace all vectors.
#[test]
fn vectors_equal_encoded_tools() {
    let tools: Vec<Arc<Tool>> = ["search_flights", "bookFlight", "查询酒店", "💺"]
        .into_iter()
        .map(|name| Arc::new(tool(name, "flights, hotels and seats")))
        .collect();
    let fitted = fit(tools.iter().map(Arc::as_ref), Encoder::Terms);
    let weights = [Arc::new(Weights::default()), Arc::new(fitted)];
    for workers in 1..4 {
        let (send, said) = mpsc::channel();
        let send = Mutex::new(send);
        let epochs = [0, 1].map(|epoch| BTreeSet::from([Arc::clone(&weights[epoch])]));
        let fed: BTreeSet<Arc<Tool>> = tools.iter().cloned().collect();
        timely::execute(timely::Config::process(workers), move |worker| {
            let send = send.lock().unwrap().clone();
            let (mut tool_input, mut weight_input) = worker.dataflow::<u64, _, _>(|scope| {
                let (tool_input, tools) = scope.new_collection();
                let (weight_input, weights) = scope.new_collection();
                let vectors = tools.encode(
                    weights,
                    Encoder::Terms,
                    Arc::new(Forgetful),
                    Arc::new(Work::default()),
                );
                vectors.inner.capture_into(send);
                (tool_input, weight_input)
            });
            if worker.index() == 0 {
                feed(&epochs, |weights, epoch, r| weight_input.update_at(weights, epoch, r));
                feed(std::slice::from_ref(&fed), |tool, epoch, r| {
                    tool_input.update_at(tool, epoch, r);
                });
            }
        })
        .unwrap();
        let said: Updates<Vector> = said.extract().into_iter().flat_map(|(_, u)| u).collect();
        for (epoch, weights) in weights.iter().enumerate() {
            let expected = tools.iter().map(|tool| encode(tool, weights, Encoder::Terms)).collect();
            assert_eq!(accumulated(&said, epoch), expected, "epoch {epoch}, {workers} workers");
        }
    }
}

/// Goal: what everybody says does not make two tools alike, what few say does.
#[test]
fn hubs_are_damped() {
    let common = "api-version subscriptionId";
    let names = ["renew_passport", "expire_passport", "rent_bicycle", "return_bicycle"];
    let others = (0..400).map(|place| tool(&format!("{place:b}").replace('0', "o"), common));
    let mut tools: Vec<Tool> = names.iter().map(|name| tool(name, common)).collect();
    tools.extend(others);
    let weights = fit(tools.iter(), Encoder::Terms);
    let vectors: Vec<Vector> =
        tools.iter().map(|tool| encode(tool, &weights, Encoder::Terms)).collect();
    let alike = cosine(&vectors[0], &vectors[1]);
    let unlike = cosine(&vectors[0], &vectors[2]);
    assert!(100 * unlike < alike && 800_000 < alike, "{unlike} {alike}");
    let length: u128 = vectors[0].terms.iter().map(|(_, w)| u128::from(*w) * u128::from(*w)).sum();
    assert!(length <= 1 << 60 && (1 << 60) - (1 << 34) < length, "a unit vector");
}

/// Goal: the encoder of parameters reads names, types and descriptions of parameters, and nothing
/// else; weights are fitted on what it reads.
#[test]
fn parameters_are_all_that_their_encoder_reads() {
    let takes = |name: &str, shape: Shape, said: &str| Field {
        name: name.into(),
        shape,
        required: true,
        place: String::new(),
        description: said.into(),
        default: Value::Null,
        example: Value::Null,
    };
    let with = |name: &str, input: Vec<Field>| Tool { input, ..tool(name, name) };
    let mut tools = vec![
        with("rent_bicycle", vec![takes("bicycle_id", Shape::integer(), "Which bicycle.")]),
        with("sell_ticket", vec![takes("bicycle_id", Shape::integer(), "Which bicycle.")]),
        with("rent_bicycle", vec![takes("seat", Shape::text(), "A row and a letter.")]),
        with("count_rows", vec![takes("limit", Shape::integer(), "")]),
        with("rent_bicycle", Vec::new()),
    ];
    tools.extend((0..200).map(|place| tool(&format!("{place:b}").replace('0', "o"), "rent")));
    let by = Encoder::Parameters;
    let weights = fit(tools.iter(), by);
    let said: Vec<&str> = weights.occurrences.keys().map(String::as_str).collect();
    assert_eq!(said, ["=bicycle_id", "bicycle", "id", "integer"], "what two parameter lists say");
    let vectors: Vec<Vector> = tools.iter().map(|tool| encode(tool, &weights, by)).collect();
    assert!(999_000 < cosine(&vectors[0], &vectors[1]), "whatever the tools are called");
    assert_eq!(cosine(&vectors[0], &vectors[2]), 0, "the name and description count for nothing");
    assert!(0 < cosine(&vectors[0], &vectors[3]), "types count");
    assert!(vectors[4].terms.is_empty(), "a tool without parameters is near to nothing");
}

/// Goal: a name says what the members are about, whoever offers them and whatever their order.
#[test]
fn names_say_what_domains_are_about() {
    let names = ["create_hotel_booking", "listHotelBookings", "cancel_hotel_booking"];
    let members: Vec<Tool> = names.iter().map(|name| tool(name, "")).collect();
    let others: Vec<Tool> = (0..50).map(|n| tool("list_parcels", &n.to_string())).collect();
    let weights = fit(members.iter().chain(&others), Encoder::Terms);
    let mut references: Vec<&Tool> = members.iter().collect();
    assert_eq!(domain_name(&references, &weights), "hotel-bookings");
    references.reverse();
    assert_eq!(domain_name(&references, &weights), "hotel-bookings");
    assert_eq!(domain_name(&[&tool("list", "")], &weights), "tools");
}

/// Goal: a domain that falls apart leaves its id to the greater part, and lineage says so.
#[test]
fn heirs_keep_ids() {
    let plan = GraphPlan { tools_min: 2, resolution_permille: 1000, ..GraphPlan::default() };
    let clique = |range: std::ops::Range<u64>| -> Vec<Link> {
        let pairs = range.clone().flat_map(|one| (one + 1..range.end).map(move |two| (one, two)));
        let link = |(one, two)| Link { source: ToolId(one), target: ToolId(two), weight: 900_000 };
        pairs.map(link).collect()
    };
    let tools: Vec<ToolId> = (0..5).map(ToolId).collect();
    let whole = communities(&clique(0..5), &tools, &Partition::default(), &plan);
    let domain = whole.partition.placements[&ToolId(0)].domain.unwrap();
    assert_eq!(whole.lineage, [Lineage::Born(domain)]);
    assert!(1e-9 > modularity(&clique(0..5), &whole.partition, 1.0).abs());

    let parts = [clique(0..2), clique(2..5)].concat();
    let apart = communities(&parts, &tools, &whole.partition, &plan);
    let lesser = apart.partition.placements[&ToolId(0)].domain.unwrap();
    assert_eq!(apart.partition.placements[&ToolId(4)].domain, Some(domain));
    assert_eq!(apart.lineage, [Lineage::Split(domain, lesser)]);

    let gone = communities(&clique(2..5), &tools[2..], &apart.partition, &plan);
    assert_eq!(gone.lineage, [Lineage::Died(lesser)]);
}

fn tool(name: &str, description: &str) -> Tool {
    Tool {
        id: ToolId::of([name, description]),
        revision: Digest::of(name.as_bytes()),
        identity: name.into(),
        name: name.into(),
        description: description.into(),
        source: String::new(),
        provider: String::new(),
        service: String::new(),
        category: String::new(),
        license: String::new(),
        method: None,
        path: None,
        input: Vec::new(),
        output: Output { shape: Shape::Any, basis: Basis::Inferred },
    }
}
