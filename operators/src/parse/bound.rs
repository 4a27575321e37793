//! Documents together with those they refer to, and what they yield, piece by piece.

use std::collections::VecDeque;
use std::sync::Arc;

use differential_dataflow::lattice::Lattice;
use differential_dataflow::operators::Iterate;
use differential_dataflow::{AsCollection, VecCollection};
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::Operator;
use timely::progress::Timestamp;

use schemas::{Document, Record, Rejection};

use super::refers::{References, SIBLINGS_MAX, resolve};
use super::{Library, Outcome};

/// A document, and every document it refers to, directly or through others.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub(super) struct Bound {
    document: Document,
    /// Sorted by path.
    siblings: Vec<Document>,
}

pub(super) trait Bind<'scope, T: Timestamp> {
    /// Every document with those of the collection that it refers to.
    ///
    /// Only documents that begin something (see [`References`]) are bound to others; a reference
    /// to a document that is not there binds nothing until it comes. Of more than
    /// [`SIBLINGS_MAX`], the first by path.
    ///
    /// Memory: an entry for each reference, and for each document that one that begins something
    /// reaches.
    fn bind(self, library: Arc<dyn Library>) -> VecCollection<'scope, T, Bound>;
}

impl<'scope, T: Timestamp + Lattice> Bind<'scope, T> for VecCollection<'scope, T, Document> {
    fn bind(self, library: Arc<dyn Library>) -> VecCollection<'scope, T, Bound> {
        // From a document's path to the path of each file it refers to.
        let references = self.clone().flat_map(move |document| {
            let References { begins, files } = library.references(&document);
            let from = document.path;
            let resolved = files
                .into_iter()
                .filter_map(move |file| Some((begins, (from.clone(), resolve(&from, &file)?))));
            resolved.filter(|(_, (one, other))| one != other).collect::<Vec<_>>()
        });
        let onwards = references.clone().map(|(_, reference)| reference);
        let begun = references.filter(|(begins, _)| *begins).map(|(_, reference)| reference);
        let reached = begun.iterate(move |scope, reached| {
            let (reached_so_far, onwards) = (reached.clone(), onwards.enter(scope));
            reached
                .map(|(from, to)| (to, from))
                .join_map(onwards, |_through, from, to| (from.clone(), to.clone()))
                .concat(reached_so_far)
                .filter(|(from, to)| from != to)
                .threshold(|_, count| isize::from(0 < *count))
        });
        let by_path = self.clone().map(|document| (document.path.clone(), document));
        let siblings = reached
            .map(|(from, to)| (to, from))
            .join_map(by_path, |_to, from, sibling| (from.clone(), Role::Sibling(sibling.clone())));
        self.map(|document| (document.path.clone(), Role::Main(document)))
            .concat(siblings)
            .reduce_named("Reduce: Parse bind", |_path, parts, bound| bind(parts, bound))
            .map(|(_path, bound)| bound)
    }
}

/// What a document is to another, or to itself.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, serde::Serialize, serde::Deserialize)]
enum Role {
    Main(Document),
    Sibling(Document),
}

fn bind(parts: &[(&Role, isize)], bound: &mut Vec<(Bound, isize)>) {
    let siblings: Vec<Document> = parts
        .iter()
        .filter_map(|(part, _)| match part {
            Role::Sibling(sibling) => Some(sibling.clone()),
            Role::Main(_) => None,
        })
        .take(SIBLINGS_MAX)
        .collect();
    for (part, count) in parts {
        if let Role::Main(document) = part {
            let document = document.clone();
            bound.push((Bound { document, siblings: siblings.clone() }, *count));
        }
    }
}

/// Most records handed downstream before what is there gets its turn.
const PIECE: usize = 1_000;

/// A document being read out.
struct Reading<C, T> {
    capability: C,
    time: T,
    difference: isize,
    outcomes: Box<dyn Iterator<Item = Outcome>>,
}

/// Everything that the documents yield, a piece at a time.
pub(super) fn read_out<'scope, T: Timestamp>(
    bound: VecCollection<'scope, T, Bound>,
    library: Arc<dyn Library>,
) -> VecCollection<'scope, T, Result<Arc<Record>, Rejection>> {
    let scope = bound.inner.scope();
    bound
        .inner
        .unary(Pipeline, "Parse", move |_capability, info| {
            let activator = scope.activator_for(info.address);
            let mut waiting = VecDeque::new();
            let mut reading = None;
            move |input, output| {
                input.for_each(|capability, documents| {
                    for (document, time, difference) in documents.drain(..) {
                        let capability = capability.delayed(&time, 0);
                        waiting.push_back((document, capability, time, difference));
                    }
                });
                let mut left = PIECE;
                while 0 < left {
                    if reading.is_none() {
                        let Some((document, capability, time, difference)) = waiting.pop_front()
                        else {
                            return;
                        };
                        let Bound { document, siblings } = document;
                        let outcomes = library.outcomes(&document, &siblings);
                        reading = Some(Reading { capability, time, difference, outcomes });
                    }
                    let Some(open) = reading.as_mut() else { return };
                    let mut session = output.session(&open.capability);
                    let before = left;
                    for outcome in open.outcomes.by_ref().take(left) {
                        left -= 1;
                        session.give((outcome.map(Arc::new), open.time.clone(), open.difference));
                    }
                    if before == left || 0 < left {
                        drop(session);
                        reading = None;
                    }
                }
                activator.activate();
            }
        })
        .as_collection()
}
