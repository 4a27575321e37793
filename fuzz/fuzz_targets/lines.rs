//! A JSON value on each line, between good neighbours that must come through.

#![no_main]

#[path = "../../operators/tests/fuzz/invariants.rs"]
mod invariants;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let good = b"{\"name\": \"find_seat\", \"description\": \"Finds.\", \"inputSchema\": {}}\n";
    let text = [good.as_slice(), bytes, b"\n", good].concat();
    let parsed = operators::parse("file", &text, &invariants::plan());
    if operators::parse::recognise(&text) == Some(operators::parse::Format::Lines) {
        let found = parsed.records.iter().filter(|record| record.name == "find_seat").count();
        assert!(2 <= found, "{found} of the neighbours");
    }
    invariants::document(&text);
});
