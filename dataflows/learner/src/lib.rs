//! The training sink: Parquet in, model out.
//!
//! ```text
//!  examples ── lesson ──┐                 ┌─ training ─ loss, optimizer, packing ─┐
//!                       ├── rendering ────┤                                       ├── checkpoint
//!  template, vocabulary ┘                 └─ assistant ─ generation, calls ───────┘
//!                                              └─ evaluation, chat_server
//! ```
//!
//! [`training`] is the product in one loop; [`decoder`] is the model, in [`burn`], which computes on
//! the processor and, where it was built so, on GPUs. [`beginning`] makes a model from nothing.
//! This crate knows records and text, no dataflow: which shards there are, a manifest says, which
//! the command line reads.

pub use burn::tensor::Device;

pub mod error;
pub mod config;
mod induction;
pub mod parameters;
pub mod adapters;
pub mod decoder;
mod durable;
pub mod checkpoint;
pub mod devices;
pub mod template;
pub mod vocabulary;
pub mod examples;
pub mod rendering;
pub mod beginning;
pub mod lesson;
pub mod packing;
pub mod loss;
pub mod drills;
pub mod flops;
pub mod memory;
pub mod optimizer;
pub mod training;
pub mod generation;
pub mod calls;
pub mod assistant;
pub mod evaluation;
pub mod chat_server;
