//! Results of earlier builds, by the digest of what they are functions of.

use schemas::Digest;

/// A memory of a pure function's results.
///
/// Recalling is an optimisation and nothing else: an operator's output is the same whether its
/// memory holds everything, something, or nothing.
pub trait Recall<V>: Send + Sync {
    /// The result for the inputs of that digest, if it is remembered.
    fn recall(&self, key: &Digest) -> Option<V>;
}

/// The memory that remembers nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Forgetful;

impl<V> Recall<V> for Forgetful {
    fn recall(&self, _key: &Digest) -> Option<V> {
        None
    }
}
