//! Any bytes, whatever format they are taken for.

#![no_main]

#[path = "../../operators/tests/fuzz/invariants.rs"]
mod invariants;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| invariants::document(bytes));
