//! Tables of definitions in Python.

#![no_main]

#[path = "../../operators/tests/fuzz/invariants.rs"]
mod invariants;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    invariants::document(format!("class_name,api_info\n{text}").as_bytes());
    let quoted = text.replace('"', "\"\"");
    invariants::document(format!("class_name,api_info\nPost,\"{quoted}\"\n").as_bytes());
});
