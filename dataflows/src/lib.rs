//! The sentences: the dataflow, its sources and sinks, the store and the command line.

pub mod corpus;
pub mod knobs;
pub mod dataset;
pub mod store;
