//! The sentences: the dataflow, its sources and sinks, the store and the command line.
//!
//! ```text
//!  files ─ corpus ─┐                          ┌─ shards ─ dataset ─┐
//!                  ├─ build ── run ── chain ──┤                    ├─ store ── prove, listing, export, publish
//!  knobs ──────────┘           │              └─ ledger, shelf ────┘
//!                          answering ── journal, endpoint; replay
//! ```
//!
//! [`chain`] is the product in one paragraph of verbs; each verb is a file of `operators`.
//! [`build`] is what happens around it: scan the corpus, recall what an earlier version knows, run
//! one epoch, write what came out, commit. All input and output of the program is in this crate.

pub mod chain;
pub mod build;
pub mod run;
pub mod cluster;
pub mod meter;
pub mod funnel;
pub mod corpus;
pub mod benchmarks;
pub mod library;
pub mod knobs;
pub mod ledger;
pub mod shelf;
pub mod shards;
pub mod graph_objects;
pub mod dataset;
pub mod store;
pub mod journal;
pub mod endpoint;
pub mod answering;
pub mod replay;
pub mod summary;
pub mod prove;
pub mod listing;
pub mod comparison;
pub mod takedown;
pub mod watching;
pub mod explain;
pub mod export;
pub mod publish;
pub mod cli;

/// Record batches for readers that speak arrow2, with the feature of that name.
#[cfg(feature = "arrow2")]
pub use handover;

#[cfg(test)]
mod living;
