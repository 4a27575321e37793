//! Our numbers beside those that `transformers` computed with the same tiny checkpoints.
//!
//! `tests/reference.py` wrote the fixtures; here no Python is needed.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor};
use learner::checkpoint::{Precision, read_parameters, write_model};
use learner::config::Config;
use learner::decoder::{Cache, Decoder, Layout};
use learner::loss::{Document, Sheet, Weights, backward};
use learner::optimizer::{AdamW, StepRule, clipping, mean};
use learner::parameters::Parameters;
use safetensors::SafeTensors;
use serde_json::Value;

const FIXTURES: [&str; 2] = ["dense", "mixed"];

struct Fixture {
    name: &'static str,
    folder: PathBuf,
    json: Value,
    tensors: Vec<u8>,
}

impl Fixture {
    fn read(name: &'static str) -> Fixture {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
        let json = fs::read_to_string(folder.join("reference.json")).unwrap();
        let tensors = fs::read(folder.join("reference.safetensors")).unwrap();
        Fixture { name, folder, json: serde_json::from_str(&json).unwrap(), tensors }
    }

    fn model(&self, device: &Device) -> Decoder {
        let config = Config::read(&self.folder).unwrap();
        let parameters = read_parameters(&self.folder, &config, device).unwrap();
        Decoder::new(config, parameters)
    }

    fn numbers(&self, name: &str) -> Vec<f32> {
        let tensors = SafeTensors::deserialize(&self.tensors).unwrap();
        let tensor = tensors.tensor(name).unwrap();
        tensor.data().as_chunks::<4>().0.iter().map(|it| f32::from_le_bytes(*it)).collect()
    }

    fn documents(&self, step: usize) -> Vec<Document> {
        let documents = self.json["documents"][step].as_array().unwrap();
        let document = |json: &Value| Document {
            tokens: tokens(&json["tokens"]),
            supervised: json["supervised"]
                .as_array()
                .unwrap()
                .iter()
                .map(|it| it.as_bool().unwrap())
                .collect(),
        };
        documents.iter().map(document).collect()
    }

    fn number(&self, key: &str) -> f64 {
        self.json[key].as_f64().unwrap()
    }
}

fn tokens(json: &Value) -> Vec<u32> {
    let tokens = json.as_array().unwrap().iter();
    tokens.map(|it| u32::try_from(it.as_u64().unwrap()).unwrap()).collect()
}

fn numbers_of(tensor: &Tensor<2>) -> Vec<f32> {
    tensor.to_data_as::<f32>().as_slice::<f32>().unwrap().to_vec()
}

/// The largest difference, relative to the largest of the numbers expected.
fn distance(ours: &[f32], theirs: &[f32]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    let size = theirs.iter().map(|it| f64::from(it.abs())).fold(1e-9, f64::max);
    let differences = ours.iter().zip(theirs).map(|(one, other)| f64::from((one - other).abs()));
    assert!(ours.iter().all(|number| number.is_finite()));
    differences.fold(0.0, f64::max) / size
}

fn is_near(ours: f64, theirs: f64, within: f64) -> bool {
    (ours - theirs).abs() <= within * theirs.abs()
}

#[test]
fn logits_are_those_of_transformers_and_packing_changes_nothing() {
    let device = Device::flex();
    for name in FIXTURES {
        let fixture = Fixture::read(name);
        let model = fixture.model(&device);
        let documents = fixture.documents(0);
        let lengths: Vec<usize> = documents.iter().map(|it| it.tokens.len()).collect();
        let all: Vec<u32> = documents.iter().flat_map(|it| it.tokens.clone()).collect();
        let layout = Layout::new(&model.config, &lengths, &device);
        let logits = model.logits(model.hidden(&all, &layout, &device));
        let mut start = 0;
        for (place, length) in lengths.iter().enumerate() {
            let ours = numbers_of(&logits.clone().narrow(0, start, *length));
            let far = distance(&ours, &fixture.numbers(&format!("logits.{place}")));
            println!("{name}: logits of document {place} are within {far:.1e}");
            assert!(far <= 1e-4, "{name}: document {place}: {far}");
            start += length;
        }
    }
}

#[test]
fn loss_and_every_gradient_are_those_of_torch() {
    let device = Device::flex();
    for name in FIXTURES {
        let fixture = Fixture::read(name);
        let mut model = fixture.model(&device);
        model.parameters = model.parameters.tracked(&device.clone().autodiff());
        let sheet = Sheet::of(&fixture.documents(0));
        let count = sheet.targets();
        let made = backward(&model, &sheet, Weights { count, balance: 0.0 }, &device).unwrap();
        let loss = mean(made.sum, count);
        assert!(is_near(loss, fixture.number("loss"), 1e-3), "{name}: {loss}");
        let mut farthest = 0.0_f64;
        for (tensor, _) in model.config.tensors() {
            let theirs = fixture.numbers(&format!("gradient.{tensor}"));
            // An expert that no token was sent to has no gradient here and zeros there.
            let ours = match made.gradients.find(&tensor) {
                Some(gradient) => numbers_of(gradient),
                None => vec![0.0; theirs.len()],
            };
            let far = distance(&ours, &theirs);
            assert!(far <= 1e-3, "{name}: {tensor}: {far}");
            farthest = farthest.max(far);
        }
        println!("{name}: gradients are within {farthest:.1e}");
    }
}

#[test]
fn twenty_steps_end_where_torchs_end() {
    let device = Device::flex();
    for name in FIXTURES {
        let fixture = Fixture::read(name);
        let mut model = fixture.model(&device);
        let rule = StepRule {
            rate: fixture.number("rate"),
            warm_up: fixture.json["warm_up"].as_u64().unwrap(),
            steps: fixture.json["steps"].as_u64().unwrap(),
            decay: fixture.number("decay"),
            clip: fixture.number("clip"),
            betas: serde_json::from_value(fixture.json["betas"].clone()).unwrap(),
            epsilon: fixture.number("epsilon"),
        };
        let mut optimizer = AdamW::default();
        for step in 0..20 {
            let theirs = |key: &str| fixture.json[key][step].as_f64().unwrap();
            let rate = rule.rate_at(step as u64);
            assert!((rate - theirs("rates")).abs() < 1e-9, "{name}: rate {rate} at {step}");
            let sheet = Sheet::of(&fixture.documents(step));
            let count = sheet.targets();
            model.parameters = model.parameters.tracked(&device.clone().autodiff());
            let weights = Weights { count, balance: 0.0 };
            let made = backward(&model, &sheet, weights, &device).unwrap();
            let loss = mean(made.sum, count);
            assert!(is_near(loss, theirs("losses"), 1e-3), "{name}: loss {loss} at {step}");
            let (norm, shrink) = clipping(&made.gradients, rule.clip);
            assert!(is_near(norm, theirs("norms"), 1e-3), "{name}: norm {norm} at {step}");
            model.parameters = optimizer.step(&rule, &model.parameters, &made.gradients, shrink);
        }
        let mut farthest = 0.0_f64;
        for (tensor, _) in model.config.tensors() {
            let ours = numbers_of(model.parameters.get(&tensor));
            let far = distance(&ours, &fixture.numbers(&format!("trained.{tensor}")));
            assert!(far <= 1e-3, "{name}: {tensor}: {far}");
            farthest = farthest.max(far);
        }
        println!("{name}: after twenty steps weights are within {farthest:.1e}");
    }
}

/// How unevenly experts are used, and what that says to every number of the model, is what
/// `load_balancing_loss_func` says, however documents are packed.
#[test]
fn balance_and_its_gradients_are_those_of_transformers() {
    let device = Device::flex();
    let fixture = Fixture::read("mixed");
    let path = fixture.folder.join("balance.safetensors");
    let bytes = fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let numbers = |name: &str| -> Vec<f32> {
        let data = file.tensor(name).unwrap().data().to_vec();
        data.chunks_exact(4).map(|it| f32::from_le_bytes(it.try_into().unwrap())).collect()
    };
    let mut model = fixture.model(&device);
    model.parameters = model.parameters.tracked(&device.clone().autodiff());
    let sheet = Sheet::of(&fixture.documents(0));
    let of = |balance: f64| {
        let weights = Weights { count: sheet.targets(), balance };
        backward(&model, &sheet, weights, &device).unwrap()
    };
    let (with, without) = (of(1.0), of(0.0));
    assert!(without.balance.is_none());
    assert!(is_near(with.balance.unwrap(), f64::from(numbers("balance")[0]), 1e-5));
    for (name, _) in model.config.tensors() {
        let Some(gradient) = with.gradients.find(&name) else { continue };
        let alone = gradient.clone() - without.gradients.get(&name).clone();
        let theirs = numbers(&format!("gradient.{name}"));
        assert!(distance(&numbers_of(&alone), &theirs) <= 1e-4, "{name}");
    }
}

#[test]
fn greedy_decoding_goes_the_same_way() {
    let device = Device::flex();
    for name in FIXTURES {
        let fixture = Fixture::read(name);
        let model = fixture.model(&device);
        let mut cache = Cache::default();
        let mut next = tokens(&fixture.json["prompt"]);
        let mut said = Vec::new();
        for _ in 0..64 {
            let hidden = model.continued(&next, &mut cache, &device);
            let rows = hidden.dims()[0];
            let logits = numbers_of(&model.logits(hidden.narrow(0, rows - 1, 1)));
            let best = (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b])).unwrap();
            said.push(u32::try_from(best).unwrap());
            next = vec![*said.last().unwrap()];
        }
        assert_eq!(said, tokens(&fixture.json["greedy"]), "{name}");
    }
}

/// However a prompt is cut, and whatever was read before, the cache holds the same.
#[test]
fn reading_in_pieces_is_reading_at_once() {
    let device = Device::flex();
    for name in FIXTURES {
        let model = Fixture::read(name).model(&device);
        let tokens: Vec<u32> = (0..40).map(|place| (place * 7 + 3) % 95).collect();
        let layout = Layout::new(&model.config, &[tokens.len()], &device);
        let whole = numbers_of(&model.logits(model.hidden(&tokens, &layout, &device)));
        let mut cache = Cache::default();
        let mut pieces = Vec::new();
        for (start, end) in [(0, 9), (9, 10), (10, 31), (31, 40)] {
            let hidden = model.continued(&tokens[start..end], &mut cache, &device);
            pieces.extend(numbers_of(&model.logits(hidden)));
        }
        assert!(distance(&pieces, &whole) < 1e-5, "{name}");
        assert_eq!(cache.tokens(), 40);
        cache.truncate(12);
        let again = numbers_of(&model.logits(model.continued(&tokens[12..], &mut cache, &device)));
        assert!(distance(&again, &whole[12 * model.config.vocabulary..]) < 1e-5, "{name}");
    }
}

/// Adapters that add nothing change nothing; merged, they are the model that they made.
#[test]
fn adapters_start_at_nothing_and_merge_into_what_they_were() {
    let device = Device::flex();
    let fixture = Fixture::read("mixed");
    let mut model = fixture.model(&device);
    let tokens: Vec<u32> = (0..20).collect();
    let layout = Layout::new(&model.config, &[20], &device);
    let run = |of: &Decoder| numbers_of(&of.logits(of.hidden(&tokens, &layout, &device)));
    let plain = run(&model);
    let mut adapters = learner::adapters::Adapters::fresh(&model.config, 4, 8.0, 3, &device);
    model.adapters = Some(adapters.clone());
    assert_eq!(plain, run(&model), "fresh adapters add nothing");
    adapters.parameters =
        adapters.parameters.iter().map(|(name, it)| (name.clone(), it.clone() + 0.02)).collect();
    model.adapters = Some(adapters.clone());
    let adapted = run(&model);
    assert!(1e-2 < distance(&adapted, &plain), "adapters add something");
    let merged = Decoder::new(model.config.clone(), adapters.merged(&model.parameters));
    assert!(distance(&run(&merged), &adapted) < 1e-4);
}

#[test]
fn what_is_written_is_read_again() {
    let device = Device::flex();
    for name in FIXTURES {
        let fixture = Fixture::read(name);
        let model = fixture.model(&device);
        let folder = tempfile::tempdir().unwrap();
        // Small shards, so that there is an index.
        for shard_bytes in [30_000, usize::MAX] {
            let written = folder.path().join("model");
            let form = (Precision::Single, shard_bytes);
            write_model(&written, &model.config, &model.parameters, &fixture.folder, form).unwrap();
            let index = written.join("model.safetensors.index.json");
            assert_eq!(index.exists(), shard_bytes == 30_000);
            let config = Config::read(&written).unwrap();
            let again = read_parameters(&written, &config, &device).unwrap();
            assert!(are_same(&again, &model.parameters), "{}", fixture.name);
        }
    }
}

/// What we write loads in `transformers`, with the same logits; by `tests/load.py`.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test that only runs where Python is")]
fn what_is_written_loads_in_transformers() {
    let Some(python) = std::env::var_os("AGENTSCALER_LEARNER_PYTHON") else {
        // Past the harness, which shows what passing tests print to nobody.
        let said = "SKIPPED: loading in transformers; set AGENTSCALER_LEARNER_PYTHON";
        writeln!(std::io::stderr(), "{said}").unwrap();
        return;
    };
    let device = Device::flex();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/load.py");
    for name in FIXTURES {
        let fixture = Fixture::read(name);
        let mut model = fixture.model(&device);
        // Other numbers than those that transformers wrote.
        model.parameters =
            model.parameters.iter().map(|(key, it)| (key.clone(), it.clone() * 0.9)).collect();
        let tokens: Vec<u32> = (3..20).collect();
        let layout = Layout::new(&model.config, &[tokens.len()], &device);
        let hidden = model.hidden(&tokens, &layout, &device).narrow(0, tokens.len() - 1, 1);
        let ours = numbers_of(&model.logits(hidden));
        for (precision, within) in [(Precision::Single, 1e-4), (Precision::Brain, 5e-2)] {
            let folder = tempfile::tempdir().unwrap();
            let written = folder.path().join("model");
            let form = (precision, 50_000);
            write_model(&written, &model.config, &model.parameters, &fixture.folder, form).unwrap();
            let mut command = std::process::Command::new(&python);
            command.arg(&script).arg(&written).arg(serde_json::to_string(&tokens).unwrap());
            let output = command.output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{name}: {said}");
            let theirs: Vec<f32> = serde_json::from_slice(&output.stdout).unwrap();
            let far = distance(&ours, &theirs);
            println!("{name}: loaded as {}, logits are within {far:.1e}", precision.name());
            assert!(far <= within, "{name}: {far}");
        }
    }
}

fn are_same(one: &Parameters, other: &Parameters) -> bool {
    one.iter().zip(other.iter()).all(|((name, numbers), (other_name, other_numbers))| {
        name == other_name && numbers_of(numbers) == numbers_of(other_numbers)
    })
}
