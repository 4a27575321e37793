//! Documents that are one JSON value.

#![no_main]

#[path = "../../operators/tests/fuzz/invariants.rs"]
mod invariants;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // Without a line end before the first brace closes, no document is taken for lines.
    let text = text.replace('\n', " ");
    invariants::document(format!("[{text}]").as_bytes());
    invariants::document(text.as_bytes());
});
