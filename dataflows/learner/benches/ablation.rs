//! Learning is real: a small model from nothing, before training, after the first stage and after
//! both, asked about tasks that were held out.
//!
//! `cargo bench -p learner --bench ablation`, with `AGENTSCALER_LEARNER_DATASET` naming the dataset/
//! of a world that has a second stage. The README says how to build one, and the commands of
//! which this is the same. `AGENTSCALER_LEARNER_STEPS` says how many steps the first stage takes; the
//! second takes seven for every forty. With `AGENTSCALER_LEARNER_OUTPUT` the runs are kept and gone on
//! with. As a test, or without a dataset, it says that it is skipped.

#![expect(clippy::unwrap_used, reason = "a bench that cannot set up should panic where it stands")]
#![expect(clippy::print_stdout, reason = "what it measures is its output")]
#![expect(clippy::disallowed_methods, reason = "the dataset is named by a variable")]

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use burn::tensor::Device;
use learner::assistant::Assistant;
use learner::beginning::Beginning;
use learner::evaluation::{Asking, Score, evaluate};
use learner::examples::{Example, Shard};
use learner::lesson::{Lesson, Rows, corpus};
use learner::rendering::Renderer;
use learner::training::{Event, Job, Knobs, train};

/// Conversations up to this length are learned from; others are left out.
const CONTEXT: usize = 640;
/// Most positions: what is asked about may be longer.
const POSITIONS: usize = 1536;
/// Tasks that are held out, in thousandths.
const HELD_OUT: u32 = 50;
/// Rows that each model is asked about, of each kind of held-out rows, unless
/// `AGENTSCALER_LEARNER_ASKED` says otherwise.
const ASKED: usize = 300;
/// Most tokens of an answer.
const TOKENS: usize = 120;

fn main() {
    let dataset: Option<OsString> = std::env::var_os("AGENTSCALER_LEARNER_DATASET");
    let Some(dataset) = dataset.filter(|_| std::env::args().any(|it| it == "--bench")) else {
        println!("SKIPPED: the ablation; run `cargo bench` with AGENTSCALER_LEARNER_DATASET");
        return;
    };
    let dataset = PathBuf::from(dataset);
    let (general, vertical) = (rows(&dataset, "general"), rows(&dataset, "vertical"));
    // In a folder that is kept, runs go on where they were stopped.
    let temporary = tempfile::tempdir().unwrap();
    let folder = std::env::var_os("AGENTSCALER_LEARNER_OUTPUT");
    let folder = folder.map_or_else(|| temporary.path().to_path_buf(), PathBuf::from);
    let base = folder.join("base");
    if !base.exists() {
        let beginning = Beginning { positions: POSITIONS, ..Beginning::named("tiny").unwrap() };
        let config = beginning.write(&base, &general.learned).unwrap();
        println!("{} numbers, {} tokens", config.parameters(), config.vocabulary);
    }
    let steps = std::env::var("AGENTSCALER_LEARNER_STEPS").ok();
    let steps: u64 = steps.map_or(4000, |text| text.parse().unwrap());
    let first = stage(&folder, "general", &base, &general, (steps, 4e-3));
    let second = stage(&folder, "vertical", &first, &vertical, (steps * 7 / 40, 1e-3));
    println!("exactly the right calls, of held-out tasks; of vertical tasks; of unseen domains");
    for (name, model) in [("base", &base), ("stage 1", &first), ("stage 1+2", &second)] {
        let scores: Vec<String> = [&general.tasks, &vertical.tasks, &general.domains]
            .iter()
            .map(|rows| shown(&score(model, rows)))
            .collect();
        println!("{name:<24} {}", scores.join("; "));
    }
}

fn rows(dataset: &Path, config: &str) -> Rows {
    let shards = |split: &str| -> Vec<Shard> {
        let mut paths: Vec<PathBuf> = fs::read_dir(dataset.join(config))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(split))
            .collect();
        paths.sort();
        paths.iter().map(|path| Shard::found(path).unwrap()).collect()
    };
    let (train, test) = (shards("train"), shards("test"));
    let lesson = Lesson { train, test, since: None, held_out_permille: HELD_OUT, seed: 0 };
    lesson.rows().unwrap()
}

fn stage(
    folder: &Path,
    name: &str,
    from: &Path,
    rows: &Rows,
    (steps_max, rate): (u64, f64),
) -> PathBuf {
    let renderer = Renderer::read(from).unwrap();
    let output = folder.join(name);
    let knobs = Knobs {
        stage: name.into(),
        epochs: 8,
        steps_max,
        warm_up_permille: 50,
        decay: 0.05,
        context: CONTEXT,
        packs_per_step: 2,
        rate,
        betas: (0.9, 0.98),
        evaluate_every: 0,
        snapshot_every: 100,
        ..Knobs::default()
    };
    let learned = corpus(&renderer, &rows.learned).unwrap();
    let held_out = vec![("tasks".into(), corpus(&renderer, &rows.tasks).unwrap())];
    let job = Job { output: &output, from, knobs, learned, held_out, device: Device::flex() };
    let (began, mut tokens) = (Instant::now(), 0);
    let cpu = cpu_seconds();
    train(&job, &mut |event| match event {
        Event::Started { steps, documents, too_long, .. } => {
            println!("{name}: {documents} conversations ({too_long} too long), {steps} steps");
        }
        Event::Step { record, .. } => {
            tokens += record.tokens;
            if record.step % 20 == 0 {
                println!(
                    "{name}: step {} loss {:.3} ({:.0} CPU s)",
                    record.step,
                    record.loss,
                    cpu_seconds() - cpu
                );
            }
        }
        Event::Evaluated(it) => println!("{name}: step {} held-out loss {:.3}", it.step, it.loss),
        Event::StoppedEarly { .. } => {}
    })
    .unwrap();
    println!(
        "{name}: {tokens} tokens in {:.0} s, {:.0} CPU s",
        began.elapsed().as_secs_f64(),
        cpu_seconds() - cpu
    );
    output.join("model")
}

fn score(model: &Path, rows: &[Example]) -> Score {
    let assistant = Assistant::read(model, Device::flex()).unwrap();
    let asked = std::env::var("AGENTSCALER_LEARNER_ASKED").ok();
    let rows_max = asked.map_or(ASKED, |text| text.parse().unwrap());
    let asking = Asking { most: TOKENS, rows_max, as_trained: false };
    let (decoder, renderer) = (&assistant.model, &assistant.renderer);
    evaluate(decoder, renderer, rows, asking, &assistant.device, &mut |_| {}).unwrap()
}

fn shown(score: &Score) -> String {
    let calls = score.calls;
    let (low, high) = calls.interval();
    format!(
        "{:>5.1} % ({:.1} to {:.1}) of {:>3}, tools {:.0} %",
        100.0 * calls.share(),
        100.0 * low,
        100.0 * high,
        calls.of,
        100.0 * score.names.share()
    )
}

/// CPU seconds of this process, all threads.
#[expect(clippy::cast_precision_loss, reason = "ticks are far below 2⁵³")]
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<u64>().unwrap();
    (ticks(11) + ticks(12)) as f64 / 100.0
}
