//! What a build starts from: the version before, and everything that is remembered of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use operators::{Recall, Work, link};
use schemas::{Answer, Document, Partition, Plan, RequestId, Vector, Weights};

use super::{BuildError, Request, program};
use crate::benchmarks::Benchmarks;
use crate::chain::Resources;
use crate::corpus::Place;
use crate::graph_objects::{self, KnownVectors};
use crate::ledger::{Ledger, Memory};
use crate::library::{Files, Known};
use crate::run::Caught;
use crate::shards::Roles;
use crate::shelf::Shelf;
use crate::store::{Contents, Input, Locked, Manifest, ObjectRef, Scratch, StoreError, World};

/// What a build starts from.
#[derive(Default)]
pub(super) struct Base {
    /// The version whose results are remembered; none in a new world.
    pub manifest: Option<Manifest>,
    pub weights: Option<Arc<Weights>>,
    pub prior: Arc<Partition>,
    /// The answers of models that it was made with.
    pub answers: BTreeMap<RequestId, Answer>,
    /// The world it is pinned to.
    pub elsewhere: Option<World>,
    /// The version a new world comes after.
    pub after: Option<u64>,
    /// What nothing may overlap with.
    benchmarks: Benchmarks,
}

impl Base {
    pub(super) fn of(
        request: &Request,
        store: &Locked,
        latest: Option<&Manifest>,
        plan: &Plan,
    ) -> Result<Base, BuildError> {
        let base = Base::before(request, store.world(), latest, plan)?;
        let benchmarks = Benchmarks::of(&plan.decontaminate, store, base.elsewhere.as_ref())?;
        Ok(Base { benchmarks, ..base })
    }

    /// What later versions start from.
    pub(super) fn pins(&self, caught: &Caught, store: &Locked) -> Result<Roles, StoreError> {
        let mut pins = graph_objects::pins(caught, store)?;
        pins.extend(self.benchmarks.pins.clone());
        Ok(pins)
    }

    fn before(
        request: &Request,
        world: &World,
        latest: Option<&Manifest>,
        plan: &Plan,
    ) -> Result<Base, BuildError> {
        let nothing = Base { manifest: latest.cloned(), ..Base::default() };
        if request.refit {
            return Ok(nothing);
        }
        let (world, manifest, after) = match (&request.pinned, latest) {
            (Some((folder, version)), _) => {
                let other = World::open(folder)?;
                let manifest = match version {
                    Some(version) => other.manifest(*version)?,
                    None => other
                        .latest()?
                        .manifest
                        .ok_or_else(|| StoreError::NoWorld { path: folder.clone() })?,
                };
                let after = Some(manifest.version);
                (other, manifest, after)
            }
            (None, Some(manifest)) => (world.clone(), manifest.clone(), None),
            (None, None) => return Ok(nothing),
        };
        let fitted = || graph_objects::read_pin(&world, &manifest, "weights").map(Arc::new);
        let encoder = manifest.contents.plan.graph.encoder;
        Ok(Base {
            weights: encoder.weighs_like(plan.graph.encoder).then(fitted).transpose()?,
            prior: Arc::new(graph_objects::read_pin(&world, &manifest, "partition")?),
            answers: graph_objects::read_answers(&world, &manifest)?,
            elsewhere: request.pinned.is_some().then_some(world),
            manifest: nothing.manifest,
            after,
            benchmarks: Benchmarks::default(),
        })
    }
}

/// What an earlier version remembers.
#[derive(Default)]
struct Before {
    memory: Memory,
    /// What was read out of documents.
    known: Known,
    neighbours: link::Remembered,
    vectors: KnownVectors,
}

impl Before {
    /// Reads it, and makes its payloads available on the shelf.
    fn of(
        base: &Base,
        plan: &Plan,
        world: &World,
        shelf: &mut Shelf,
    ) -> Result<Before, StoreError> {
        let Some(manifest) = &base.manifest else { return Ok(Before::default()) };
        let before = &manifest.contents;
        let same_program = before.program == program(plan);
        let knows_vectors =
            base.weights.is_some() && before.plan.graph.encoder == plan.graph.encoder;
        std::thread::scope(|scope| {
            let graph = scope.spawn(|| -> Result<_, StoreError> {
                if !same_program {
                    return Ok(Default::default());
                }
                let vectors = knows_vectors.then(|| graph_objects::read_vectors(world, before));
                Ok((graph_objects::read_neighbours(world, before)?, vectors.transpose()?))
            });
            let memory = Before::made(before, world, shelf);
            let (neighbours, vectors) = graph.join().expect("who reads does not panic")?;
            let known = match same_program && before.plan.corpus.reads_like(&plan.corpus) {
                true => Before::read(before),
                false => Known::default(),
            };
            Ok(Before { memory: memory?, known, neighbours, vectors: vectors.unwrap_or_default() })
        })
    }

    /// What was made in each domain; its payloads go on the shelf.
    fn made(before: &Contents, world: &World, shelf: &mut Shelf) -> Result<Memory, StoreError> {
        let mut memory = Memory::default();
        for (role, object) in &before.objects {
            let Some(place) = role.strip_prefix("ledger/") else { continue };
            let ledger: Ledger = graph_objects::read_json(world, object)?;
            memory.learn(&ledger, &before.plan);
            if let Some(pack) = before.objects.get(&format!("payloads/{place}")) {
                shelf.stock(pack.clone(), ledger.parts().map(|(_, payloads)| payloads));
            }
        }
        Ok(memory)
    }

    /// What was read out of each document.
    fn read(before: &Contents) -> Known {
        let read = |(role, object): (&String, &ObjectRef)| {
            Some((role.strip_prefix("records/")?.parse().ok()?, object.clone()))
        };
        let references = |input: &Input| (input.digest, input.references.clone());
        Known {
            references: before.inputs.iter().map(references).collect(),
            read: before.objects.iter().filter_map(read).collect(),
        }
    }
}

/// What the workers of this process are given beside the dataflow's inputs.
pub(super) struct Equipment {
    pub resources: Resources,
    pub library: Arc<Files>,
    pub shelf: Arc<Shelf>,
}

/// Reads what is remembered and gets ready to read the corpus and to keep payloads.
pub(super) fn equip(
    plan: &Plan,
    base: &Base,
    places: BTreeMap<Document, Place>,
    scratch: Scratch,
    store: &Arc<Locked>,
    work: &Arc<Work>,
) -> Result<Equipment, StoreError> {
    let world = store.world();
    let mut shelf = Shelf::new(scratch, world.clone());
    let Before { memory, known, neighbours, vectors } = Before::of(base, plan, world, &mut shelf)?;
    let corpus = plan.corpus.clone();
    let library = Arc::new(Files::new(places, corpus, known, Arc::clone(store), Arc::clone(work)));
    let shelf = Arc::new(shelf);
    let resources = Resources {
        library: Arc::clone(&library) as _,
        depot: Arc::clone(&shelf) as _,
        vectors: Arc::new(vectors) as Arc<dyn Recall<Vector>>,
        neighbours: Arc::new(neighbours),
        environments: Arc::new(memory.environments),
        tasks: Arc::new(memory.tasks),
        benchmarks: Arc::clone(&base.benchmarks.sketches),
        overlaps: Arc::new(memory.overlaps),
        trajectories: Arc::new(memory.trajectories),
        verdicts: Arc::new(memory.verdicts),
        work: Arc::clone(work),
    };
    Ok(Equipment { resources, library, shelf })
}
