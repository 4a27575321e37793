//! Training: rows and a checkpoint in, a better checkpoint out.
//!
//! A run is a function of its [`Knobs`], its rows and its checkpoint, and lives in a folder:
//!
//! ```text
//! OUTPUT/
//!   run.json        what the run is a function of; the same command goes on where it stopped
//!   metrics.jsonl   a line per step and per evaluation
//!   loss.svg        the same as a picture
//!   snapshots/      the last two states, each whole or not there
//!   best/           the numbers with the lowest loss on what is held out
//!   adapter/        what was learned by itself, for PEFT, if that were low-rank additions
//!   model/          the result, as a Hugging Face directory, additions merged in
//! ```
//!
//! Whatever stops it, the last snapshot is whole, and on a processor the run that goes on from it
//! takes the same steps, bit for bit, as one that was never stopped.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Instant;

use burn::tensor::Device;

use crate::adapters::Adapters;
use crate::checkpoint::{Precision, SHARD_BYTES, read_parameters, write_model};
use crate::config::Config;
use crate::decoder::Decoder;
use crate::error::LearnError;
use crate::flops;
use crate::loss::{Document, Sheet, Weights, backward, sum_of};
use crate::memory::room_for_training;
use crate::optimizer::{AdamW, StepRule, added, clipping, mean};
use crate::packing::{Pack, is_packed, packs};
use crate::parameters::{Parameters, to_f64};
use crate::training::batches::{Batch, batches};
use crate::training::metrics::Metrics;
use crate::training::snapshot::{State, latest, read_best, save, save_best};

pub use self::knobs::{Knobs, LowRank};
pub use self::metrics::{Evaluation, StepRecord};
pub use self::run::run_digest;

mod batches;
mod knobs;
mod metrics;
mod plot;
mod run;
mod snapshot;

/// Documents with the ids that their order is a hash of.
#[derive(Clone, Debug, Default)]
pub struct Corpus {
    /// The trajectories' ids.
    pub ids: Vec<String>,
    /// Their documents, in the same order.
    pub documents: Vec<Document>,
}

/// What a run is given.
#[derive(Debug)]
pub struct Job<'j> {
    /// The folder of the run.
    pub output: &'j Path,
    /// The checkpoint to start from.
    pub from: &'j Path,
    /// How to train.
    pub knobs: Knobs,
    /// What to learn from.
    pub learned: Corpus,
    /// What is only asked about, by name: tasks, or domains, that are never learned from. The
    /// first that is not empty decides which numbers are best.
    pub held_out: Vec<(String, Corpus)>,
    /// Where to compute.
    pub device: Device,
}

/// What happens in a run, as it happens.
#[derive(Debug)]
pub enum Event<'e> {
    /// Before the first step.
    Started {
        /// Steps of the run.
        steps: u64,
        /// The step it goes on from; 0 for a new run.
        from: u64,
        /// Documents that are learned from.
        documents: usize,
        /// Documents that are longer than the context, and left out.
        too_long: usize,
        /// Documents with nothing to learn, left out.
        empty: usize,
        /// Numbers that are learned.
        learned: usize,
    },
    /// A step was taken.
    Step {
        /// What it was like.
        record: &'e StepRecord,
        /// Steps of the run.
        steps: u64,
        /// Seconds that the rest will take at the pace so far.
        remaining: f64,
    },
    /// What is held out was asked about.
    Evaluated(&'e Evaluation),
    /// The loss on what is held out has not fallen for as long as was allowed.
    StoppedEarly {
        /// The step.
        step: u64,
    },
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Steps taken, by this process and those before it.
    pub steps: u64,
    /// Whether it ended before its last step, because nothing got better.
    pub stopped_early: bool,
    /// The loss of the last step.
    pub loss: f64,
    /// The lowest loss on what is held out.
    pub best: Option<f64>,
}

/// Trains, or goes on training, and writes the result to `model/` in the run's folder.
///
/// # Errors
///
/// Names what is wrong with the checkpoint, the rows or the knobs, each before the first step;
/// later, if the loss is no number or the device gives up. What a snapshot holds is never lost.
pub fn train(job: &Job<'_>, tell: &mut dyn FnMut(&Event<'_>)) -> Result<Outcome, LearnError> {
    let config = Config::read(job.from)?;
    job.knobs.check(&config)?;
    let plan = Plan::new(job)?;
    let device = job.device.clone();
    check_room(job, &config)?;
    let mut model = Decoder::new(config.clone(), read_parameters(job.from, &config, &device)?);
    run::claim(job, &config)?;
    if let Some(LowRank { rank, alpha }) = job.knobs.low_rank {
        model.adapters = Some(Adapters::fresh(&config, rank, alpha, job.knobs.seed, &device));
    }
    let mut optimizer = AdamW::default();
    let mut state = State::default();
    if let Some(found) = latest(job.output)? {
        state = found.read(&mut model, &mut optimizer, &device)?;
    }
    let mut metrics = Metrics::open(job.output, state.step)?;
    tell(&Event::Started {
        steps: plan.rule.steps,
        from: state.step,
        documents: plan.documents,
        too_long: plan.too_long,
        empty: plan.empty,
        learned: learned(&model).count(),
    });
    let (first, peak) = (state.step, flops::of_device(&device));
    let began = Instant::now();
    let mut run = Run { job, plan: &plan, model, optimizer, state, began, first, peak };
    thread::scope(|scope| {
        let coming = batches(scope, &plan, &job.learned, &job.knobs, first);
        run.go_on(&coming, &mut metrics, tell)
    })?;
    metrics.plot(job.output)?;
    run.finish()
}

/// Checks, before anything is read, that there is memory for a step. Of low-rank additions only what
/// they are added to is counted.
fn check_room(job: &Job<'_>, config: &Config) -> Result<(), LearnError> {
    let moved = if job.knobs.low_rank.is_some() { 0.0 } else { config.size() };
    let asked = job.held_out.iter().flat_map(|(_, corpus)| &corpus.documents);
    let documents = job.learned.documents.iter().chain(asked);
    let packed = documents.filter(|document| is_packed(document, job.knobs.context));
    room_for_training(config, moved, packed, &job.device)
}

/// The numbers that a run moves.
fn learned(model: &Decoder) -> &Parameters {
    model.adapters.as_ref().map_or(&model.parameters, |adapters| &adapters.parameters)
}

/// What is known before the first step.
struct Plan {
    rule: StepRule,
    /// The packs of every epoch.
    epochs: Vec<Vec<Pack>>,
    /// By name, packs of what is held out.
    held_out: Vec<(String, Vec<Pack>)>,
    /// The tokens that occur in what is learned from, for drills.
    known: Vec<u32>,
    documents: usize,
    too_long: usize,
    empty: usize,
}

impl Plan {
    fn new(job: &Job<'_>) -> Result<Plan, LearnError> {
        let knobs = &job.knobs;
        let packed = |corpus: &Corpus, epoch| {
            packs(&corpus.ids, &corpus.documents, knobs.context, knobs.seed, epoch)
        };
        let fit = |document: &&Document| is_packed(document, knobs.context);
        let is_empty = |document: &&Document| document.targets() == 0;
        let all = &job.learned.documents;
        let (documents, empty) =
            (all.iter().filter(fit).count(), all.iter().filter(is_empty).count());
        if documents == 0 {
            return Err(LearnError::refused(
                format!("the rows of stage {}", knobs.stage),
                format!("none of {} can be learned from in {} tokens", all.len(), knobs.context),
                "raise --context, or build a world whose split \"train\" is not empty",
            ));
        }
        let epochs: Vec<Vec<Pack>> =
            (0..knobs.epochs).map(|epoch| packed(&job.learned, epoch)).collect();
        let all_steps: usize =
            epochs.iter().map(|packs| packs.len().div_ceil(knobs.packs_per_step)).sum();
        let held_out = job.held_out.iter();
        let known: BTreeSet<u32> = all.iter().flat_map(|it| &it.tokens).copied().collect();
        Ok(Plan {
            known: known.into_iter().collect(),
            rule: knobs.rule(all_steps as u64),
            held_out: held_out.map(|(name, it)| (name.clone(), packed(it, 0))).collect(),
            epochs,
            documents,
            empty,
            too_long: all.len() - documents - empty,
        })
    }

    /// The epoch of a step and the packs that it learns from.
    fn packs_of(&self, step: u64, per_step: usize) -> (usize, &[Pack]) {
        let mut step = usize::try_from(step).unwrap_or(usize::MAX);
        for (epoch, packs) in self.epochs.iter().enumerate() {
            match packs.chunks(per_step).nth(step) {
                Some(chunk) => return (epoch, chunk),
                None => step -= packs.len().div_ceil(per_step),
            }
        }
        (self.epochs.len(), &[])
    }
}

/// A run under way.
struct Run<'r> {
    job: &'r Job<'r>,
    plan: &'r Plan,
    model: Decoder,
    optimizer: AdamW,
    state: State,
    began: Instant,
    /// The step that this process began at.
    first: u64,
    /// Multiplications and additions a second that the device can do.
    peak: f64,
}

impl Run<'_> {
    /// Takes the steps that are left.
    fn go_on(
        &mut self,
        coming: &Receiver<Batch>,
        metrics: &mut Metrics,
        tell: &mut dyn FnMut(&Event<'_>),
    ) -> Result<(), LearnError> {
        let steps = self.plan.rule.steps;
        while !self.is_patience_over() {
            let Ok(batch) = coming.recv() else { break };
            let record = self.step(&batch)?;
            metrics.step(&record)?;
            let remaining = self.remaining();
            tell(&Event::Step { record: &record, steps, remaining });
            if self.is_due(self.job.knobs.evaluate_every) {
                for evaluation in self.evaluate()? {
                    metrics.evaluation(&evaluation)?;
                    tell(&Event::Evaluated(&evaluation));
                }
            }
            if self.is_due(self.job.knobs.snapshot_every) || self.is_patience_over() {
                metrics.sync()?;
                save(self.job.output, &self.state, learned(&self.model), &self.optimizer)?;
            }
        }
        if self.state.step < steps {
            tell(&Event::StoppedEarly { step: self.state.step });
        }
        Ok(())
    }

    fn step(&mut self, batch: &Batch) -> Result<StepRecord, LearnError> {
        let began = Instant::now();
        let (step, rate) = (self.state.step + 1, self.plan.rule.rate_at(self.state.step));
        let Summed { sum, balance, gradients } = guarded(|| self.gradients(batch))?;
        let loss = mean(sum, batch.supervised);
        let diverged = |what, value| LearnError::Diverged { step, what, value };
        if !loss.is_finite() {
            return Err(diverged("loss", loss));
        }
        let (norm, shrink) = clipping(&gradients, self.plan.rule.clip);
        if !norm.is_finite() {
            return Err(diverged("norm of the gradient", norm));
        }
        let flops: f64 = batch.parts.iter().map(|part| flops::of_training(&self.model, part)).sum();
        let rule = &self.plan.rule;
        let moved = self.optimizer.step(rule, learned(&self.model), &gradients, shrink);
        match &mut self.model.adapters {
            Some(adapters) => adapters.parameters = moved,
            None => self.model.parameters = moved,
        }
        self.state.step = step;
        self.state.loss = loss;
        self.state.tokens += batch.tokens as u64;
        let seconds = began.elapsed().as_secs_f64().max(1e-9);
        Ok(StepRecord {
            step,
            epoch: batch.epoch,
            loss,
            gradient_norm: norm,
            rate,
            tokens: batch.tokens,
            supervised: batch.supervised,
            balance,
            flops_per_token: flops / to_f64(batch.tokens),
            seconds,
            tokens_per_second: to_f64(batch.tokens) / seconds,
            utilisation: flops / seconds / self.peak,
        })
    }

    /// The sum of losses over parts, and the gradients of that sum over the count of all. How
    /// unevenly experts are used is a mean over the parts, by their tokens.
    fn gradients(&self, batch: &Batch) -> Result<Summed, LearnError> {
        let mut device = self.job.device.clone().autodiff();
        if self.job.knobs.recompute {
            device = device.gradient_checkpointing();
        }
        let mut model = self.model.clone();
        match &mut model.adapters {
            Some(adapters) => adapters.parameters = adapters.parameters.tracked(&device),
            None => model.parameters = model.parameters.tracked(&device),
        }
        let said = model.config.experts.as_ref().map_or(0.0, |experts| experts.balance);
        let weight = self.job.knobs.balance.unwrap_or(said);
        let mut summed = Summed { sum: 0.0, balance: None, gradients: Parameters::default() };
        for part in &batch.parts {
            let share = to_f64(part.tokens.len()) / to_f64(batch.tokens);
            let weights = Weights { count: batch.supervised, balance: weight * share };
            let made = backward(&model, part, weights, &device)?;
            summed.sum += made.sum;
            if let Some(balance) = made.balance {
                summed.balance = Some(summed.balance.unwrap_or(0.0) + balance * share);
            }
            summed.gradients = added(summed.gradients, &made.gradients);
        }
        Ok(summed)
    }

    fn evaluate(&mut self) -> Result<Vec<Evaluation>, LearnError> {
        let mut evaluations = Vec::new();
        for (place, (name, packs)) in self.plan.held_out.iter().enumerate() {
            let corpus = &self.job.held_out[place].1.documents;
            let (mut sum, mut count) = (0.0, 0);
            for pack in packs {
                let sheet = Sheet::of(pack.iter().map(|document| &corpus[*document]));
                count += sheet.targets();
                sum += guarded(|| sum_of(&self.model, &sheet, &self.job.device))?;
            }
            if 0 < count {
                let step = self.state.step;
                evaluations.push(Evaluation::new(step, name, mean(sum, count), count));
            }
        }
        if let Some(first) = evaluations.first() {
            if self.state.best.is_none_or(|best| first.loss < best) {
                self.state.best = Some(first.loss);
                self.state.since_best = 0;
                save_best(self.job.output, self.state.step, learned(&self.model))?;
            } else {
                self.state.since_best += 1;
            }
        }
        Ok(evaluations)
    }

    /// Whether something that is done every so many steps is done now; at the end it always is.
    fn is_due(&self, every: u64) -> bool {
        let step = self.state.step;
        step == self.plan.rule.steps || 0 < every && step.is_multiple_of(every)
    }

    fn is_patience_over(&self) -> bool {
        0 < self.job.knobs.patience && self.job.knobs.patience <= self.state.since_best
    }

    fn remaining(&self) -> f64 {
        let taken = u32::try_from(self.state.step - self.first).unwrap_or(u32::MAX);
        let left = u32::try_from(self.plan.rule.steps - self.state.step).unwrap_or(u32::MAX);
        self.began.elapsed().as_secs_f64() / f64::from(taken.max(1)) * f64::from(left)
    }

    /// Writes the result: the best numbers if patience was asked for, else the last.
    fn finish(mut self) -> Result<Outcome, LearnError> {
        let job = self.job;
        let device = &job.device;
        if 0 < job.knobs.patience && self.state.best.is_some() {
            read_best(job.output, &mut self.model, device)?;
        }
        let parameters = match &self.model.adapters {
            Some(adapters) => {
                adapters.write(&job.output.join("adapter"), job.from)?;
                adapters.merged(&self.model.parameters)
            }
            None => self.model.parameters.clone(),
        };
        let precision = if job.knobs.brain { Precision::Brain } else { Precision::Single };
        let form = (precision, SHARD_BYTES);
        let folder = job.output.join("model");
        write_model(&folder, &self.model.config, &parameters, job.from, form)?;
        Ok(Outcome {
            steps: self.state.step,
            stopped_early: self.state.step < self.plan.rule.steps,
            loss: self.state.loss,
            best: self.state.best,
        })
    }
}

/// What the parts of a batch gave.
struct Summed {
    sum: f64,
    balance: Option<f64>,
    gradients: Parameters,
}

/// Devices say that memory ran out by breaking off; here that is an error.
fn guarded<T>(compute: impl FnOnce() -> Result<T, LearnError>) -> Result<T, LearnError> {
    catch_unwind(AssertUnwindSafe(compute)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|it| (*it).to_string()));
        Err(LearnError::Device { reason: text.unwrap_or_else(|| "no reason was given".into()) })
    })
}
