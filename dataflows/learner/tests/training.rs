//! Runs: killed and gone on with, stopped early, refused.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use burn::tensor::Device;
use learner::beginning::Beginning;
use learner::error::LearnError;
use learner::examples::Example;
use learner::lesson::corpus;
use learner::loss::Document;
use learner::rendering::Renderer;
use learner::training::{Corpus, Event, Job, Knobs, LowRank, Outcome, StepRecord, train};

#[path = "sample/rows.rs"]
mod rows;

use rows::rows;

const CONTEXT: usize = 900;

/// A checkpoint of a very small model, its renderer and rows.
struct School {
    folder: tempfile::TempDir,
    renderer: Renderer,
    learned: Vec<Example>,
    held_out: Vec<Example>,
}

impl School {
    fn new() -> School {
        let folder = tempfile::tempdir().unwrap();
        let all = rows(40);
        let beginning = Beginning {
            vocabulary: 600,
            layers: 2,
            hidden: 16,
            heads: 2,
            positions: CONTEXT,
            seed: 5,
        };
        beginning.write(&folder.path().join("base"), &all).unwrap();
        let renderer = Renderer::read(&folder.path().join("base")).unwrap();
        let (learned, held_out) = (all[..32].to_vec(), all[32..].to_vec());
        School { folder, renderer, learned, held_out }
    }

    fn base(&self) -> PathBuf {
        self.folder.path().join("base")
    }

    fn run(&self, name: &str, knobs: Knobs) -> Result<(Outcome, Vec<StepRecord>), LearnError> {
        self.run_from(name, &self.base(), knobs)
    }

    fn run_from(
        &self,
        name: &str,
        from: &Path,
        knobs: Knobs,
    ) -> Result<(Outcome, Vec<StepRecord>), LearnError> {
        let output = self.folder.path().join(name);
        let learned = corpus(&self.renderer, &self.learned).unwrap();
        let held_out = vec![("tasks".into(), corpus(&self.renderer, &self.held_out).unwrap())];
        let job = Job { output: &output, from, knobs, learned, held_out, device: Device::flex() };
        let mut records = Vec::new();
        let outcome = train(&job, &mut |event| {
            if let Event::Step { record, .. } = event {
                records.push((*record).clone());
            }
        })?;
        Ok((outcome, records))
    }
}

fn knobs() -> Knobs {
    Knobs {
        epochs: 2,
        context: CONTEXT,
        packs_per_step: 2,
        rate: 3e-3,
        evaluate_every: 5,
        snapshot_every: 3,
        ..Knobs::default()
    }
}

/// With drills before the rows.
fn drilled() -> Knobs {
    Knobs { drill: 3, ..knobs() }
}

/// What a run's metrics say, without how long it took.
fn metrics(run: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default();
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .map(|mut line: serde_json::Value| {
            let fields = line.as_object_mut().unwrap();
            fields.remove("seconds");
            fields.remove("tokens_per_second");
            fields.remove("utilisation");
            line
        })
        .collect()
}

/// The variable that makes this test a child that trains in the folder it names.
const CHILD: &str = "AGENTSCALER_LEARNER_TEST_CHILD";

#[test]
#[expect(clippy::disallowed_methods, reason = "the test starts itself again as a child")]
fn killed_run_goes_on_bit_for_bit() {
    let school = School::new();
    if let Some(output) = std::env::var_os(CHILD) {
        school.run(&output.to_string_lossy(), drilled()).unwrap();
        return;
    }
    let (outcome, _) = school.run("whole", drilled()).unwrap();
    let whole = school.folder.path().join("whole");
    let killed = school.folder.path().join("killed");
    let mut kills = 0;
    let mut last = 0;
    // NB: each child trains at least one step more than the one before, so this ends.
    while !killed.join("model").exists() {
        let mut child = start("killed_run_goes_on_bit_for_bit", &killed);
        let target = last + 4;
        let began = Instant::now();
        let done = loop {
            if let Some(status) = child.try_wait().unwrap() {
                assert!(status.success());
                break true;
            }
            if target <= metrics(&killed).len() && kills < 4 {
                break false;
            }
            assert!(began.elapsed() < Duration::from_secs(120), "a child hangs");
            std::thread::sleep(Duration::from_millis(1));
        };
        if !done {
            child.kill().unwrap();
            child.wait().unwrap();
            kills += 1;
            last = metrics(&killed).len();
        }
    }
    assert!(2 <= kills, "the run was killed {kills} times");
    assert_eq!(metrics(&killed), metrics(&whole));
    assert!(10 < outcome.steps, "{outcome:?}");
    for file in ["model/model.safetensors", "model/tokenizer.json", "best/learned.safetensors"] {
        assert!(fs::read(killed.join(file)).unwrap() == fs::read(whole.join(file)).unwrap());
    }
    let picture = fs::read_to_string(killed.join("loss.svg")).unwrap();
    assert!(picture.contains("training") && picture.contains("tasks"));
    // Again, it has nothing left to do and says the same.
    assert_eq!(school.run(&killed.to_string_lossy(), drilled()).unwrap().0, outcome);
}

fn start(test: &str, output: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(CHILD, output)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn accumulating_and_recomputing_change_no_loss() {
    let school = School::new();
    let losses = |name: &str, knobs: Knobs| -> Vec<f64> {
        let (_, records) = school.run(name, knobs).unwrap();
        records.iter().map(|record| record.loss).collect()
    };
    let base = Knobs { packs_per_step: 4, steps_max: 5, ..knobs() };
    let one = losses("one", base.clone());
    let two = losses("two", Knobs { packs_at_once: 4, ..base.clone() });
    let three = losses("three", Knobs { recompute: true, ..base });
    for other in [&two, &three] {
        for (ours, theirs) in one.iter().zip(other) {
            assert!((ours - theirs).abs() < 1e-4 * ours, "{ours} {theirs}");
        }
    }
    assert!(one[4] < one[0] - 0.05, "it learns: {one:?}");
}

#[test]
fn additions_learn_and_the_model_they_belong_to_stays() {
    let school = School::new();
    let low_rank = Some(LowRank { rank: 4, alpha: 8.0 });
    let (_, records) = school.run("lora", Knobs { low_rank, rate: 2e-2, ..knobs() }).unwrap();
    let (first, last) = (records[0].loss, records.last().unwrap().loss);
    assert!(last < first - 0.05, "{first} {last}");
    let read = |folder: &Path| {
        let config = learner::config::Config::read(folder).unwrap();
        learner::checkpoint::read_parameters(folder, &config, &Device::flex()).unwrap()
    };
    let (before, after) = (read(&school.base()), read(&school.folder.path().join("lora/model")));
    let same = |name: &str| {
        let numbers = |it: &learner::parameters::Parameters| it.get(name).to_data_as::<f32>();
        numbers(&before) == numbers(&after)
    };
    assert!(same("model.embed_tokens.weight") && same("model.norm.weight"));
    assert!(!same("model.layers.0.self_attn.q_proj.weight"));
    let adapter = school.folder.path().join("lora/adapter");
    let about: serde_json::Value =
        serde_json::from_slice(&fs::read(adapter.join("adapter_config.json")).unwrap()).unwrap();
    assert_eq!((&about["r"], &about["lora_alpha"]), (&4.into(), &8.0.into()));
    let bytes = fs::read(adapter.join("adapter_model.safetensors")).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let name = "base_model.model.model.layers.1.mlp.down_proj.lora_B.weight";
    assert_eq!(tensors.tensor(name).unwrap().shape(), [16, 4]);
}

#[test]
fn run_without_progress_ends_early_with_the_best() {
    let school = School::new();
    let stuck = Knobs { rate: 0.0, evaluate_every: 1, patience: 2, ..knobs() };
    let (outcome, records) = school.run("stuck", stuck).unwrap();
    assert!(outcome.stopped_early);
    assert_eq!(records.len(), 3, "one evaluation is the best, two are not better");
}

#[test]
fn another_run_does_not_spoil_a_folder() {
    let school = School::new();
    let short = Knobs { steps_max: 2, ..knobs() };
    school.run("run", short.clone()).unwrap();
    let error = school.run("run", Knobs { rate: 1.0, ..short }).unwrap_err();
    assert!(error.to_string().contains("holds a run with other knobs"), "{error}");
}

#[test]
fn what_cannot_be_learned_from_is_refused_with_a_remedy() {
    let mut school = School::new();
    let refused = |with: &School, knobs: Knobs, said: &str, remedy: &str| {
        let error = with.run("refused", knobs).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
        assert!(error.remedy().unwrap().contains(remedy), "{:?}", error.remedy());
    };
    let long = Knobs { context: CONTEXT + 1, ..knobs() };
    refused(&school, long, "901 tokens are more than the model's 900", "max_position_embeddings");
    refused(&school, Knobs { epochs: 0, ..knobs() }, "--epochs: is 0", "above 0");
    let short = Knobs { context: 8, ..knobs() };
    refused(&school, short, "none of 32 can be learned from in 8 tokens", "--context");
    school.learned = Vec::new();
    refused(&school, knobs(), "none of 0 can be learned from", "train");
}

/// A copy of the base checkpoint with a file changed.
fn spoiled(school: &School, file: &str, change: impl Fn(Vec<u8>) -> Vec<u8>) -> PathBuf {
    let folder = school.folder.path().join("spoiled");
    drop(fs::remove_dir_all(&folder));
    fs::create_dir(&folder).unwrap();
    for entry in fs::read_dir(school.base()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    let path = folder.join(file);
    fs::write(&path, change(fs::read(&path).unwrap())).unwrap();
    folder
}

fn replaced(from: &'static str, to: &'static str) -> impl Fn(Vec<u8>) -> Vec<u8> {
    move |bytes| {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(text.contains(from), "{from}");
        text.replace(from, to).into_bytes()
    }
}

#[test]
fn spoiled_checkpoints_are_refused_by_file_and_place() {
    let school = School::new();
    let refused = |folder: &Path, said: &[&str]| {
        let error = school.run_from("spoiled-run", folder, knobs()).unwrap_err();
        let text = format!("{error}; {}", error.remedy().unwrap());
        assert!(said.iter().all(|part| text.contains(part)), "{text}");
    };
    let config = |from, to| spoiled(&school, "config.json", replaced(from, to));
    refused(&config("\"qwen3\"", "\"llama\""), &["config.json", "llama", "does not know", "qwen3"]);
    refused(
        &config("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"),
        &["model.safetensors", "model.layers.2.", "is missing", "every shard"],
    );
    refused(
        &config("\"intermediate_size\": 48", "\"intermediate_size\": 40"),
        &["mlp.down_proj.weight", "has shape [16, 48], the configuration wants [16, 40]"],
    );
    refused(
        &config("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1"),
        &["model.layers.1.", "has no place for"],
    );
    refused(&config("\"hidden_act\": \"silu\"", "\"hidden_act\": \"gelu\""), &["silu"]);
    refused(&config("\"vocab_size\"", "\"vocab\""), &["\"vocab_size\" is missing"]);
    let cut = spoiled(&school, "model.safetensors", |bytes| bytes[..bytes.len() / 2].to_vec());
    refused(&cut, &["model.safetensors", "its header", "download"]);
    let renderer = |folder: &Path, said: &str| {
        let error = Renderer::read(folder).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    };
    let plain = spoiled(&school, "tokenizer.json", replaced("<|im_end|>", "<|eot|>"));
    renderer(&plain, "tokenizer.json: \"added_tokens\": \"<|im_end|>\", which conversations need");
    let other = spoiled(&school, "chat_template.jinja", |_| b"{{ messages[0].content }}".to_vec());
    renderer(&other, "neither marks what assistants say nor renders as Qwen3's does");
    let torn = spoiled(&school, "chat_template.jinja", |_| b"a\n{% if %}".to_vec());
    renderer(&torn, "chat_template.jinja: line 2");
}

/// What no machine has room for is refused before any of it is taken.
#[test]
fn absurd_sizes_are_refused_before_memory_is_taken() {
    if !Path::new("/proc/meminfo").exists() {
        return;
    }
    let school = School::new();
    let wide = spoiled(&school, "config.json", |bytes| {
        let text = String::from_utf8(bytes).unwrap();
        text.replace("\"intermediate_size\": 48", "\"intermediate_size\": 16777216")
            .replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 4096")
            .into_bytes()
    });
    let error = school.run_from("wide", &wide, knobs()).unwrap_err();
    assert!(error.to_string().contains("needs "), "{error}");
    assert!(error.remedy().unwrap().contains("smaller model"));
    let unread = learner::assistant::Assistant::read(&wide, Device::flex()).unwrap_err();
    assert!(unread.to_string().starts_with("the model: needs "), "{unread}");
    let long = spoiled(
        &school,
        "config.json",
        replaced("\"max_position_embeddings\": 900", "\"max_position_embeddings\": 9000000"),
    );
    let document = Document { tokens: vec![1; 300_000], supervised: vec![true; 300_000] };
    let learned = Corpus { ids: vec!["long".into()], documents: vec![document] };
    let job = Job {
        output: &school.folder.path().join("long"),
        from: &long,
        knobs: Knobs { context: 300_000, ..knobs() },
        learned,
        held_out: Vec::new(),
        device: Device::flex(),
    };
    let untrained = train(&job, &mut |_| {}).unwrap_err();
    let said = "a step of training over 300000 tokens: needs ";
    assert!(untrained.to_string().starts_with(said), "{untrained}");
    assert!(untrained.remedy().unwrap().contains("--context"));
    assert!(!school.folder.path().join("long").exists(), "nothing was begun");
}

#[test]
fn loss_that_is_no_number_ends_the_run_and_harms_no_snapshot() {
    let school = School::new();
    let folder = spoiled(&school, "model.safetensors", |mut bytes| {
        let end = bytes.len();
        bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
        bytes
    });
    let error = school.run_from("diverged", &folder, knobs()).unwrap_err();
    assert!(matches!(error, LearnError::Diverged { step: 1, what: "loss", .. }), "{error}");
    assert!(error.remedy().unwrap().contains("--learning-rate"));
    assert!(!school.folder.path().join("diverged/snapshots").exists());
}
