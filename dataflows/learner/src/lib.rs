//! The training sink.

pub mod error;
pub mod config;
pub mod parameters;
pub mod adapters;
pub mod decoder;
mod durable;
pub mod checkpoint;
pub mod loss;
pub mod optimizer;
pub mod template;
pub mod vocabulary;
pub mod examples;
pub mod rendering;
pub mod beginning;
pub mod packing;
