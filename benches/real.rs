//! The real corpus for benchmarks: read from beside the repository, where there is one.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot set up should panic there")]
#![expect(clippy::print_stderr, reason = "what is skipped must be seen")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use differential_dataflow::input::Input;
use operators::encode::{encode, fit};
use operators::{HeldLibrary, Library, Parse, Refine};
use schemas::{CorpusPlan, Digest, Document, Encoder, Tool, ToolId, Vector, Weights};

/// Where the real corpus lies.
pub(crate) const REAL: &str = "../shared/corpora/dev/normalised";

/// The documents of a folder; says so where there is none.
pub(crate) fn catalogue(folder: &str) -> Option<(HeldLibrary, Vec<Document>)> {
    if !Path::new(folder).is_dir() {
        eprintln!("SKIPPED: there is no corpus at {folder}");
        return None;
    }
    let mut library = HeldLibrary::default();
    let mut documents = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let digest = Digest::of(&bytes);
        let path = path.file_name().unwrap().to_str().unwrap().to_string();
        documents.push(Document { digest, path: path.clone(), bytes: bytes.len() as u64 });
        library.held.insert((path, digest), bytes);
    }
    Some((library, documents))
}

/// The tools of the real corpus, by id.
pub(crate) fn tools() -> Option<Vec<Arc<Tool>>> {
    tools_of(REAL)
}

/// The tools of a folder's documents, by id.
pub(crate) fn tools_of(folder: &str) -> Option<Vec<Arc<Tool>>> {
    let (library, documents) = catalogue(folder)?;
    let found: Arc<Mutex<BTreeMap<ToolId, Arc<Tool>>>> = Arc::default();
    let caught = Arc::clone(&found);
    timely::execute_directly(move |worker| {
        worker.dataflow::<u64, _, _>(|scope| {
            let library = Arc::new(library) as Arc<dyn Library>;
            let (records, _) = scope.new_collection_from(documents).1.parse(library);
            let (tools, ..) = records.refine(&CorpusPlan::default());
            tools.inspect(move |(tool, _, _)| {
                caught.lock().unwrap().insert(tool.id, Arc::clone(tool));
            });
        });
    });
    let found = std::mem::take(&mut *found.lock().unwrap());
    Some(found.into_values().collect())
}

/// The tools as points, with the weights they were fitted with.
pub(crate) fn vectors(tools: &[Arc<Tool>]) -> (Vec<Vector>, Weights) {
    let weights = fit(tools.iter().map(Arc::as_ref), Encoder::Terms);
    (tools.iter().map(|tool| encode(tool, &weights, Encoder::Terms)).collect(), weights)
}

/// The seconds of processor time this process has used so far.
pub(crate) fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}

/// The Python that has the packages of the other side, named by `AGENTSCALER_PYTHON`.
#[expect(clippy::disallowed_methods, reason = "a benchmark is configured by who runs it")]
pub(crate) fn python() -> Option<PathBuf> {
    let named = std::env::var_os("AGENTSCALER_PYTHON").map(PathBuf::from);
    if named.is_none() {
        eprintln!(
            "SKIPPED: no other side; AGENTSCALER_PYTHON names a Python with the packages of \
             benches/requirements.txt"
        );
    }
    named
}

/// Runs the other side, a script beside the benchmarks, and shows what it prints.
pub(crate) fn other_side(python: &Path, script: &str, arguments: &[&Path]) -> String {
    let output = Command::new(python).arg(script).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// The most memory this process has had, in MiB, as Linux tells it.
pub(crate) fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}
