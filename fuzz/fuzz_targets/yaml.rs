//! Documents of YAML.

#![no_main]

#[path = "../../operators/tests/fuzz/invariants.rs"]
mod invariants;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    invariants::document(text.as_bytes());
    invariants::document(format!("openapi: 3.0.0\n{text}").as_bytes());
    invariants::document(format!("tools:\n{text}").as_bytes());
});
