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
pub mod devices;
pub mod training;
pub mod lesson;
pub mod generation;
pub mod calls;
pub mod evaluation;
pub mod assistant;
pub mod chat_server;

pub use burn::tensor::Device;
