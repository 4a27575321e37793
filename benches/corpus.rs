//! How reading scales: the records of a whole catalogue into tools, and one file of a gigabyte.
//!
//! `cargo test` runs each case once and small, so these cannot rot. `cargo bench --bench corpus`
//! measures; it takes the real corpus beside the repository where there is one, and says so
//! loudly where not.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot set up should panic there")]
#![expect(clippy::print_stderr, reason = "what is skipped, and what it took, must be seen")]

#[expect(dead_code, reason = "other benchmarks use the rest")]
mod real;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use differential_dataflow::input::Input;
use divan::{Bencher, black_box};
use operators::parse::parse_stream;
use operators::{HeldLibrary, Library, Parse, Refine};
use schemas::{CorpusPlan, Document};
use timely::dataflow::ProbeHandle;

use self::real::{REAL, catalogue, peak_mib};

fn main() {
    divan::main();
}

const EXAMPLE: &str = "tests/corpus";

/// Parses and refines all documents; the number of tools that come out.
fn tools(library: &Arc<HeldLibrary>, documents: &[Document], workers: usize) -> usize {
    let (library, documents) = (Arc::clone(library), documents.to_vec());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    timely::execute(timely::Config::process(workers), move |worker| {
        let (probe, counted) = (ProbeHandle::new(), Arc::clone(&counted));
        let library = Arc::clone(&library) as Arc<dyn Library>;
        let mut input = worker.dataflow::<u64, _, _>(|scope| {
            let (input, read) = scope.new_collection();
            let (records, _) = read.parse(library);
            let (tools, ..) = records.refine(&CorpusPlan::default());
            tools
                .inspect(move |_| {
                    counted.fetch_add(1, Ordering::Relaxed);
                })
                .probe_with(&probe);
            input
        });
        let (index, peers) = (worker.index(), worker.peers());
        for document in documents.iter().skip(index).step_by(peers) {
            input.insert(document.clone());
        }
        input.advance_to(1);
        input.flush();
        worker.step_while(|| probe.less_than(&1));
    })
    .unwrap();
    count.load(Ordering::Relaxed)
}

#[divan::bench(args = [(EXAMPLE, 1), (REAL, 1), (REAL, 2)], sample_count = 3)]
fn records_into_tools(bencher: Bencher<'_, '_>, (folder, workers): (&str, usize)) {
    // Debug builds refine the whole catalogue in minutes.
    if folder == REAL && cfg!(debug_assertions) {
        return;
    }
    let Some((library, documents)) = catalogue(folder) else { return };
    let library = Arc::new(library);
    bencher.bench_local(|| black_box(tools(&library, &documents, workers)));
    eprintln!("{folder}: {} tools, peak {} MiB", tools(&library, &documents, workers), peak_mib());
}

/// A file of JSON Lines that is made while it is read.
struct Endless {
    left: usize,
    number: usize,
    line: io::Cursor<Vec<u8>>,
}

impl Endless {
    fn new(bytes: usize) -> Endless {
        Endless { left: bytes, number: 0, line: io::Cursor::default() }
    }
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.line.position() == self.line.get_ref().len() as u64 {
            if self.left == 0 {
                return Ok(0);
            }
            self.number += 1;
            let number = self.number;
            let line = format!(
                "{{\"id\": \"mill/{number}\", \"source\": \"mill\", \"name\": \"grind_{number}\", \
                 \"description\": \"Grinds a sack of grain.\", \"parameters\": {{\"type\": \
                 \"object\", \"properties\": {{\"sack\": {{\"type\": \"string\"}}}}}}}}\n"
            );
            self.left = self.left.saturating_sub(line.len());
            self.line = io::Cursor::new(line.into_bytes());
        }
        self.line.read(buffer)
    }
}

#[divan::bench(sample_count = 1, sample_size = 1)]
fn one_long_file() {
    let bytes = if cfg!(debug_assertions) { 4 << 20 } else { 1 << 30 };
    let before = peak_mib();
    let records = Mutex::new(0_usize);
    let none = BTreeMap::new();
    parse_stream(
        "mill.jsonl",
        Endless::new(bytes),
        &none,
        &CorpusPlan::default(),
        &mut |outcome| {
            *records.lock().unwrap() += usize::from(outcome.is_ok());
        },
    );
    let records = records.into_inner().unwrap();
    eprintln!("{bytes} bytes, {records} records; peak {before} MiB before, {} after", peak_mib());
    assert!(bytes / 400 < records);
}
