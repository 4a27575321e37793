//! Encode tools as points, so that tools about the same things lie close together.

use std::collections::BTreeMap;
use std::sync::Arc;

use differential_dataflow::lattice::Lattice;
use differential_dataflow::{AsCollection, VecCollection};
use timely::dataflow::operators::vec::Map;
use timely::progress::Timestamp;
use xxhash_rust::xxh3::xxh3_64;

use schemas::{Encoder, Tool, Vector, Weights};

use crate::recall::Recall;
use crate::work::Work;

pub use self::terms::terms;

use self::parameters::read_by;

mod parameters;
mod terms;
pub(crate) mod words;

/// Changes whenever the same input would give another result, so that nothing stale is recalled.
pub const REVISION: &str = "encode 2";

/// Most terms a vector keeps; the heaviest stay.
pub const TERMS_MAX: usize = 48;

/// One, in the unit of a vector's weights.
const ONE: f64 = 1_073_741_824.0;

/// One bit of surprise, in the unit of [`surprise`].
const BIT: u64 = 1 << 16;

/// Counts in how many tools each term occurs. Terms that occur once are left out: they join no
/// two tools, and there are more of them than of all others.
///
/// The terms are those that the encoder reads; where it reads none, those of the whole tool, by
/// which domains are named.
pub fn fit<'a>(tools: impl Iterator<Item = &'a Tool>, encoder: Encoder) -> Weights {
    let mut occurrences: BTreeMap<String, u64> = BTreeMap::new();
    let mut count = 0;
    for tool in tools {
        count += 1;
        for term in terms(&read_by(encoder, tool)) {
            *occurrences.entry(term).or_default() += 1;
        }
    }
    occurrences.retain(|_, occurring| 1 < *occurring);
    Weights { tools: count, occurrences }
}

/// Encodes a tool: the terms it uses where the encoder reads, weighted by how much each tells.
///
/// The result depends on the tool and the weights only, to the last bit and on every machine:
/// logarithms are taken in integers, and the rest is arithmetic that IEEE 754 defines exactly, in
/// a fixed order. Vectors have length 1; that of a tool without words is empty, and near to nothing.
///
/// # Panics
///
/// Never: a share of a unit fits its type.
pub fn encode(tool: &Tool, weights: &Weights, encoder: Encoder) -> Vector {
    let mut weighted: Vec<(u64, f64)> = terms(&read_by(encoder, tool))
        .into_iter()
        .map(|term| (term_id(&term), surprise(weights, &term)))
        .collect();
    weighted.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
    weighted.truncate(TERMS_MAX);
    weighted.sort_by_key(|(term, _)| *term);
    weighted.dedup_by_key(|(term, _)| *term);
    let length = weighted.iter().map(|(_, weight)| weight * weight).sum::<f64>().sqrt();
    let terms = weighted
        .into_iter()
        .map(|(term, weight)| (term, units(weight / length)))
        .filter(|(_, weight)| 0 < *weight)
        .collect();
    Vector::sparse(tool.id, terms)
}

/// What a vector calls a term: its hash.
pub fn term_id(term: &str) -> u64 {
    xxh3_64(term.as_bytes())
}

/// A share of a unit vector in units of 2⁻³⁰, rounded down so that no vector is longer than 1.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 ≤ share ≤ 1")]
fn units(share: f64) -> u32 {
    (share.clamp(0.0, 1.0) * ONE) as u32
}

/// How much a term tells, in bits: the less, the more tools use it.
///
/// One bit is taken off, so that what half of all tools say tells next to nothing and what a whole
/// cloud says (`subscription`, `api-version`) cannot glue it together. A term that the weights do
/// not know, as a newcomer's may be, is taken to be as rare as the geometric mean of the rarest and
/// the commonest.
fn surprise(weights: &Weights, term: &str) -> f64 {
    let tools = weights.tools.max(1);
    let bits = match weights.occurrences.get(term) {
        Some(occurrences) => log2(tools.saturating_add(1)).saturating_sub(log2(*occurrences)),
        None => log2(tools.saturating_add(1)) / 2,
    };
    let told = bits.saturating_sub(BIT).max(BIT / 8);
    f64::from(u32::try_from(told).expect("a logarithm of 64 bits is at most 64 bits")) / 65_536.0
}

/// The binary logarithm of a positive number in units of [`BIT`], by repeated squaring: the same on
/// every machine, which the logarithms of C libraries are not.
pub(crate) fn log2(number: u64) -> u64 {
    let whole = u64::from(number.max(1).ilog2());
    let mut mantissa = (u128::from(number.max(1)) << 63) >> whole;
    let mut fraction = 0;
    for _ in 0..16 {
        mantissa = (mantissa * mantissa) >> 63;
        fraction <<= 1;
        if mantissa >> 64 != 0 {
            mantissa >>= 1;
            fraction |= 1;
        }
    }
    whole * BIT + fraction
}

/// Extension trait for the `encode` operator.
pub trait Encode<'scope, T: Timestamp> {
    /// Turns each tool into a vector.
    ///
    /// `weights` holds one record; they are an input and not fitted here, since refitting them
    /// with every tool would move every vector. Tools wait for the weights of their epoch. New
    /// weights replace all vectors. `recall` knows vectors made by the same encoder with the same
    /// weights, by the tool's revision.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use differential_dataflow::input::Input;
    /// use operators::encode::{Encode, encode, fit};
    /// use operators::{Forgetful, Work};
    /// use schemas::Encoder;
    /// # use schemas::{Basis, Digest, Output, Shape, Tool, ToolId};
    /// # fn tool(name: &str) -> Tool {
    /// #     Tool {
    /// #         id: ToolId::of([name]), revision: Digest::of(name.as_bytes()),
    /// #         identity: name.into(), name: name.into(), description: String::new(),
    /// #         source: String::new(), provider: String::new(), service: String::new(),
    /// #         category: String::new(), license: String::new(), method: None, path: None,
    /// #         input: Vec::new(), output: Output { shape: Shape::Any, basis: Basis::Inferred },
    /// #     }
    /// # }
    /// let tools = [tool("search_flights"), tool("book_flight")].map(Arc::new);
    /// let by = Encoder::Terms;
    /// let weights = Arc::new(fit(tools.iter().map(Arc::as_ref), by));
    ///
    /// timely::example(move |scope| {
    ///     let expected: Vec<_> = tools.iter().map(|tool| encode(tool, &weights, by)).collect();
    ///     let weights = scope.new_collection_from([weights]).1;
    ///     scope.new_collection_from(tools).1
    ///          .encode(weights, by, Arc::new(Forgetful), Arc::new(Work::default()))
    ///          .assert_eq(scope.new_collection_from(expected).1);
    /// });
    /// ```
    fn encode(
        self,
        weights: VecCollection<'scope, T, Arc<Weights>>,
        encoder: Encoder,
        recall: Arc<dyn Recall<Vector>>,
        work: Arc<Work>,
    ) -> VecCollection<'scope, T, Vector>;
}

impl<'scope, T> Encode<'scope, T> for VecCollection<'scope, T, Arc<Tool>>
where
    T: Timestamp + Lattice + Ord,
{
    fn encode(
        self,
        weights: VecCollection<'scope, T, Arc<Weights>>,
        encoder: Encoder,
        recall: Arc<dyn Recall<Vector>>,
        work: Arc<Work>,
    ) -> VecCollection<'scope, T, Vector> {
        let peers = self.inner.scope().peers() as u64;
        let weights = weights
            .flat_map(move |weights| (0..peers).map(move |worker| (worker, Arc::clone(&weights))));
        self.map(move |tool| (tool.id.0 % peers, tool))
            .join_map(weights, |_worker, tool, weights| (Arc::clone(tool), Arc::clone(weights)))
            .inner
            .map(move |((tool, weights), time, difference)| {
                let recalled = recall.recall(&tool.revision);
                let vector = recalled.map(|vector| Vector { tool: tool.id, ..vector });
                let vector = vector.unwrap_or_else(|| {
                    // A vector that goes is made once more to be taken back: no new work.
                    work.tools_encoded.add(usize::from(0 < difference));
                    encode(&tool, &weights, encoder)
                });
                (vector, time, difference)
            })
            .as_collection()
    }
}
