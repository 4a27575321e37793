//! Compressed documents: broken ones, and whole ones that unfold to anything.

#![no_main]

#[path = "../../operators/tests/fuzz/invariants.rs"]
mod invariants;

use libfuzzer_sys::fuzz_target;

use std::io::Write as _;

fuzz_target!(|bytes: &[u8]| {
    invariants::document(&[&[0x28, 0xb5, 0x2f, 0xfd], bytes].concat());
    invariants::document(&[&[0x1f, 0x8b, 8], bytes].concat());
    invariants::document(&zstd::encode_all(bytes, 1).expect("memory takes all"));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).expect("memory takes all");
    invariants::document(&gzip.finish().expect("memory takes all"));
});
