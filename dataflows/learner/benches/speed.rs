//! Forward and backward beside `PyTorch`: the same model, the same batch, the same machine.
//!
//! `cargo bench -p learner --bench speed` with `AGENTSCALER_LEARNER_PYTHON` naming a Python that has
//! torch and transformers. Both sides must find the same loss. Compared are CPU seconds, since
//! machines are shared, and wall-clock time is shown beside. As a test it runs one small shape.

#![expect(clippy::unwrap_used, reason = "a bench that cannot set up should panic where it stands")]
#![expect(clippy::print_stdout, reason = "what it measures is its output")]
#![expect(clippy::disallowed_methods, reason = "which Python to use is read from a variable")]
#![expect(clippy::cast_precision_loss, reason = "ticks and tokens are far below 2⁵³")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use burn::tensor::Device;
use learner::checkpoint::{Precision, SHARD_BYTES, write_model};
use learner::config::Config;
use learner::decoder::Decoder;
use learner::loss::{Document, Sheet, Weights, backward};
use learner::optimizer::mean;
use learner::parameters::Parameters;
use serde_json::{Value, json};

/// Layers, width and heads; documents and their length; repetitions.
const SHAPES: [([usize; 3], [usize; 2], usize); 3] =
    [([4, 128, 4], [2, 1024], 6), ([6, 256, 8], [4, 512], 4), ([8, 512, 8], [4, 512], 2)];
const VOCABULARY: usize = 2048;

fn main() {
    let shapes = if cfg!(debug_assertions) && !std::env::args().any(|it| it == "--bench") {
        &[([2, 32, 2], [2, 32], 1)][..]
    } else {
        &SHAPES[..]
    };
    for (sizes, [documents, length], repetitions) in shapes {
        compare(*sizes, *documents, *length, *repetitions);
    }
}

fn compare(sizes: [usize; 3], documents: usize, length: usize, repetitions: usize) {
    let config = Config::small(VOCABULARY, sizes, length, &[]).unwrap();
    let device = Device::flex();
    let parameters = Parameters::fresh(&config, 1, &device);
    let folder = tempfile::tempdir().unwrap();
    let model_folder = folder.path().join("model");
    let form = (Precision::Single, SHARD_BYTES);
    write_model(&model_folder, &config, &parameters, folder.path(), form).unwrap();
    let token = |place: usize| u32::try_from((place * place + 7 * place) % VOCABULARY).unwrap();
    let batch: Vec<Document> = (0..documents)
        .map(|document| Document {
            tokens: (0..length).map(|place| token(place + 31 * document)).collect(),
            supervised: vec![true; length],
        })
        .collect();
    let mut model = Decoder::new(config, parameters);
    model.parameters = model.parameters.tracked(&device.clone().autodiff());
    let sheet = Sheet::of(&batch);
    let weights = Weights { count: sheet.targets(), balance: 0.0 };
    let once = || mean(backward(&model, &sheet, weights, &device).unwrap().sum, weights.count);
    let loss = once();
    let (began, before) = (Instant::now(), cpu_seconds());
    for _ in 0..repetitions {
        once();
    }
    let (wall, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds() - before);
    let tokens = (documents * length * repetitions) as f64;
    let [layers, hidden, heads] = sizes;
    println!(
        "{layers} layers, {hidden} wide, {heads} heads, {documents} × {length} tokens: \
         {:.0} tokens/s, {:.0} tokens per CPU second, loss {loss:.5}",
        tokens / wall,
        tokens / cpu
    );
    let rows: Vec<&[u32]> = batch.iter().map(|document| document.tokens.as_slice()).collect();
    let asked = json!({"model": model_folder, "tokens": rows, "repetitions": repetitions});
    let Some(theirs) = other_side(folder.path(), &asked) else { return };
    let number = |key: &str| theirs[key].as_f64().unwrap();
    assert!((number("loss") - loss).abs() < 1e-3 * loss, "{theirs}");
    println!(
        "    PyTorch: {:.0} tokens/s, {:.0} tokens per CPU second; ours are {:.2} of theirs per \
         CPU second, {:.2} by the clock",
        number("tokens") / number("wall"),
        number("tokens") / number("cpu"),
        number("cpu") / cpu,
        number("wall") / wall
    );
}

/// What `speed.py` measures; none, said aloud, where no Python is named.
fn other_side(folder: &Path, asked: &Value) -> Option<Value> {
    let Some(python) = std::env::var_os("AGENTSCALER_LEARNER_PYTHON") else {
        println!("    SKIPPED: PyTorch; set AGENTSCALER_LEARNER_PYTHON");
        return None;
    };
    let path = folder.join("asked.json");
    fs::write(&path, asked.to_string()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/speed.py");
    let output = Command::new(python).arg(script).arg(path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// CPU seconds of this process, all threads.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<u64>().unwrap();
    (ticks(11) + ticks(12)) as f64 / 100.0
}
