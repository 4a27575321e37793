//! `agentscaler train`, `evaluate` and `chat-server`: what can be typed. What they do is in
//! `learning` and `scoring`, which a build without the learner does not have.

use std::path::PathBuf;

use clap::ValueEnum;

use super::Outcome;

#[cfg(feature = "learner")]
mod learning;
#[cfg(feature = "learner")]
mod lessons;
#[cfg(feature = "learner")]
mod scoring;

/// Fine-tune a Qwen3 model on what the latest version of a world holds.
///
/// Learns to say what the agent says (calls and replies) and nothing else. Stage `general` comes
/// first; stage `vertical`, the domains that `build --vertical` chose, goes on from its result.
/// The folder of a run holds metrics, snapshots and, in model/, the result as a Hugging Face
/// directory. Whatever stops a run, the same command goes on from its last snapshot.
#[derive(Debug, clap::Args)]
#[command(
    before_help = "Example: agentscaler train --world world --from Qwen3-4B --output run\n         \
                   agentscaler train --world world --stage vertical --from run --output run-2"
)]
pub(super) struct TrainArgs {
    /// The world's folder.
    #[arg(long, value_name = "DIR", env = "AGENTSCALER_WORLD")]
    pub(super) world: PathBuf,
    /// What to learn.
    #[arg(long, value_enum, default_value = "general")]
    pub(super) stage: TrainStage,
    /// The checkpoint to start from: a Hugging Face directory, or the folder of a run.
    #[arg(long, value_name = "DIR", required_unless_present = "init", conflicts_with = "init")]
    pub(super) from: Option<PathBuf>,
    /// Start from nothing instead: a tokenizer trained on the world and a small fresh model whose
    /// attention already copies, in base/ of the run's folder.
    #[arg(long, value_name = "SIZE", value_parser = ["tiny", "small"])]
    pub(super) init: Option<String>,
    /// The folder of the run.
    #[arg(long, short, value_name = "DIR")]
    pub(super) output: PathBuf,
    /// Learn only what the latest version has and this one had not.
    #[arg(long, value_name = "VERSION")]
    pub(super) since: Option<u64>,
    /// How often every row is seen.
    #[arg(long, value_name = "N", default_value = "3")]
    pub(super) epochs: usize,
    /// Tokens in a pack of conversations; longer ones are left out and counted.
    #[arg(long, value_name = "TOKENS", default_value = "4096")]
    pub(super) context: usize,
    /// Packs that make one step.
    #[arg(long, value_name = "N", default_value = "8")]
    pub(super) packs: usize,
    /// Packs that are computed together; the gradients of the rest of a step's are accumulated.
    #[arg(long, value_name = "N", default_value = "1")]
    pub(super) packs_at_once: usize,
    /// The highest learning rate; it warms up in a line and falls along a cosine.
    #[arg(long, value_name = "RATE", default_value = "0.00001")]
    pub(super) learning_rate: f64,
    /// The part of all steps in which it warms up, in thousandths.
    #[arg(long, value_name = "PERMILLE", default_value = "100")]
    pub(super) warm_up: u32,
    /// Weight decay of matrices.
    #[arg(long, value_name = "RATE", default_value = "0.01")]
    pub(super) decay: f64,
    /// How slowly the mean of gradients' squares moves (Adam's second beta); a model from nothing
    /// learns sooner with 0.98.
    #[arg(long, value_name = "PART", default_value = "0.999")]
    pub(super) beta2: f64,
    /// The longest that a step's gradient may be.
    #[arg(long, value_name = "LENGTH", default_value = "1")]
    pub(super) clip: f64,
    /// What the uneven use of experts is multiplied by in the loss of a mixture of experts; by
    /// default what the checkpoint says.
    #[arg(long, value_name = "RATE")]
    pub(super) balance: Option<f64>,
    /// Steps before all others on random tokens said twice, for a model that is to learn to copy;
    /// the sizes of --init copy from the beginning.
    #[arg(long, value_name = "N", default_value = "0")]
    pub(super) drill: u64,
    /// Most steps on rows; 0 for as many as the epochs have.
    #[arg(long, value_name = "N", default_value = "0")]
    pub(super) steps: u64,
    /// Learn low-rank additions of this rank (`LoRA`), merged into the result.
    #[arg(long, value_name = "RANK")]
    pub(super) lora_rank: Option<usize>,
    /// What the additions are scaled by: this over the rank.
    #[arg(long, value_name = "ALPHA", default_value = "32")]
    pub(super) lora_alpha: f64,
    /// Tasks to hold out of the domains learned from, in thousandths.
    #[arg(long, value_name = "PERMILLE", default_value = "50")]
    pub(super) held_out: u32,
    /// Steps between evaluations on what is held out; 0 for one at the end.
    #[arg(long, value_name = "STEPS", default_value = "50")]
    pub(super) evaluate_every: u64,
    /// Steps between snapshots; 0 for one at the end.
    #[arg(long, value_name = "STEPS", default_value = "50")]
    pub(super) snapshot_every: u64,
    /// End after so many evaluations without a lower loss, and keep the best; 0 for never.
    #[arg(long, value_name = "N", default_value = "0")]
    pub(super) patience: u64,
    /// Keep less in memory: compute again, in the backward pass, what is cheap.
    #[arg(long)]
    pub(super) recompute: bool,
    /// Write the result in 16 bits (bfloat16).
    #[arg(long)]
    pub(super) bf16: bool,
    /// Show a held-out conversation as the model answers it before and after.
    #[arg(long)]
    pub(super) sample: bool,
    /// The key of every choice.
    #[arg(long, value_name = "N", default_value = "0")]
    pub(super) seed: u64,
    /// Where to compute.
    #[arg(long, value_enum, default_value = "cpu")]
    pub(super) device: DeviceKind,
    /// Print one JSON object with how it ended.
    #[arg(long)]
    pub(super) json: bool,
}

/// Measure how often a model makes exactly the right calls.
///
/// For every turn of a held-out conversation, the model answers what came before, greedily; its
/// calls are compared with the row's by name and, as JSON values, by arguments. Held out are tasks
/// of the domains learned from, which `train` never saw for the same --held-out and --seed, and
/// domains of the split `test`.
#[derive(Debug, clap::Args)]
#[command(before_help = "Example: agentscaler evaluate --world world --from run")]
pub(super) struct EvaluateArgs {
    /// The world's folder.
    #[arg(long, value_name = "DIR", env = "AGENTSCALER_WORLD")]
    pub(super) world: PathBuf,
    /// The checkpoint: a Hugging Face directory, or the folder of a run.
    #[arg(long, value_name = "DIR")]
    pub(super) from: PathBuf,
    /// Whose rows to ask about.
    #[arg(long, value_enum, default_value = "general")]
    pub(super) stage: TrainStage,
    /// What of them.
    #[arg(long, value_enum, default_value = "tasks")]
    pub(super) on: HeldOut,
    /// Tasks that were held out, in thousandths, as `train` was told.
    #[arg(long, value_name = "PERMILLE", default_value = "50")]
    pub(super) held_out: u32,
    /// Most rows; 0 for all.
    #[arg(long, value_name = "N", default_value = "0")]
    pub(super) rows: usize,
    /// Most tokens of an answer.
    #[arg(long, value_name = "TOKENS", default_value = "512")]
    pub(super) tokens: usize,
    /// Render conversations as in training, with thoughts in every turn, instead of by the
    /// checkpoint's own template.
    #[arg(long)]
    pub(super) as_trained: bool,
    /// Show so many turns, with what was said and what was right.
    #[arg(long, value_name = "N", default_value = "0")]
    pub(super) sample: usize,
    /// The key of every choice, as `train` was told.
    #[arg(long, value_name = "N", default_value = "0")]
    pub(super) seed: u64,
    /// Where to compute.
    #[arg(long, value_enum, default_value = "cpu")]
    pub(super) device: DeviceKind,
    /// Print one JSON object.
    #[arg(long)]
    pub(super) json: bool,
}

/// Serve a model as OpenAI's clients expect: /v1/chat/completions and /v1/models.
///
/// `build --endpoint http://127.0.0.1:8000/v1` can ask it.
#[derive(Debug, clap::Args)]
#[command(before_help = "Example: agentscaler chat-server --from run --port 8000")]
pub(super) struct ChatServerArgs {
    /// The checkpoint: a Hugging Face directory, or the folder of a run.
    #[arg(long, value_name = "DIR")]
    pub(super) from: PathBuf,
    /// What the model is called; by default its folder's name.
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
    /// The address to listen at.
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1")]
    pub(super) host: String,
    /// The port to listen at; 0 for any that is free.
    #[arg(long, value_name = "PORT", default_value = "8000")]
    pub(super) port: u16,
    /// Where to compute.
    #[arg(long, value_enum, default_value = "cpu")]
    pub(super) device: DeviceKind,
}

/// The configurations of the dataset that are learned from.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum TrainStage {
    /// Every domain but those chosen for the second stage.
    General,
    /// The domains chosen by `build --vertical`.
    Vertical,
}

/// What was never learned from.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum HeldOut {
    /// Tasks of the domains learned from.
    Tasks,
    /// Domains of the split `test`.
    Domains,
}

/// Where to compute.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum DeviceKind {
    /// The processor.
    Cpu,
    /// A GPU, through Vulkan, Metal or DirectX.
    Wgpu,
    /// A GPU, through CUDA.
    Cuda,
}

#[cfg(feature = "learner")]
pub(super) fn train(args: &TrainArgs, quiet: bool) -> anyhow::Result<Outcome> {
    learning::train(args, quiet)
}

#[cfg(feature = "learner")]
pub(super) fn evaluate(args: &EvaluateArgs, quiet: bool) -> anyhow::Result<Outcome> {
    scoring::evaluate(args, quiet)
}

#[cfg(feature = "learner")]
pub(super) fn chat_server(args: &ChatServerArgs, quiet: bool) -> anyhow::Result<Outcome> {
    scoring::chat_server(args, quiet)
}

/// What a program without the learner says.
#[cfg(not(feature = "learner"))]
const WITHOUT: &str = "this agentscaler was installed without the learner; install it with \
                       `cargo install --locked --path dataflows --features learner`";

#[cfg(not(feature = "learner"))]
pub(super) fn train(_args: &TrainArgs, _quiet: bool) -> anyhow::Result<Outcome> {
    anyhow::bail!(WITHOUT)
}

#[cfg(not(feature = "learner"))]
pub(super) fn evaluate(_args: &EvaluateArgs, _quiet: bool) -> anyhow::Result<Outcome> {
    anyhow::bail!(WITHOUT)
}

#[cfg(not(feature = "learner"))]
pub(super) fn chat_server(_args: &ChatServerArgs, _quiet: bool) -> anyhow::Result<Outcome> {
    anyhow::bail!(WITHOUT)
}
