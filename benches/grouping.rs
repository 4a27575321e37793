//! Domains out of tools, as a build makes them.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot set up should panic there")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use differential_dataflow::input::Input;
use operators::communities::communities;
use operators::gather::domain;
use operators::link::{Link as _, Remembered};
use operators::work::Work;
use schemas::{Domain, DomainId, GraphPlan, Link, Partition, Tool, ToolId, Vector, Weights};

use crate::real::vectors;

/// The domains of these tools under the default plan, and what they were made of.
pub(crate) fn group(tools: &[Arc<Tool>]) -> (Vec<Domain>, Vec<Link>, Partition) {
    let plan = GraphPlan::default();
    let (points, weights) = vectors(tools);
    let links = linked(points, &plan);
    let ids: Vec<ToolId> = tools.iter().map(|tool| tool.id).collect();
    let partition = communities(&links, &ids, &Partition::default(), &plan).partition;
    (gathered(tools, &partition, &weights), links, partition)
}

fn linked(vectors: Vec<Vector>, plan: &GraphPlan) -> Vec<Link> {
    let found: Arc<Mutex<Vec<Link>>> = Arc::default();
    let (caught, plan) = (Arc::clone(&found), plan.clone());
    timely::execute_directly(move |worker| {
        worker.dataflow::<u64, _, _>(|scope| {
            let vectors = scope.new_collection_from(vectors).1;
            let work = Arc::new(Work::default());
            let (links, _) = vectors.link(&plan, Arc::new(Remembered::default()), work);
            links.inspect(move |(link, _, _)| caught.lock().unwrap().push(*link));
        });
    });
    let mut links = std::mem::take(&mut *found.lock().unwrap());
    links.sort_unstable();
    links
}

fn gathered(tools: &[Arc<Tool>], partition: &Partition, weights: &Weights) -> Vec<Domain> {
    let mut members: BTreeMap<DomainId, Vec<Arc<Tool>>> = BTreeMap::new();
    for tool in tools {
        if let Some(id) = partition.placements[&tool.id].domain {
            members.entry(id).or_default().push(Arc::clone(tool));
        }
    }
    members.into_iter().map(|(id, members)| domain(id, &members, weights, None)).collect()
}
