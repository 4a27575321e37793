//! `agentscaler train`.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use learner::assistant::{Assistant, checkpoint_of};
use learner::beginning::Beginning;
use learner::examples::Example;
use learner::generation::Choice;
use learner::lesson::{Rows, corpus};
use learner::rendering::Renderer;
use learner::template::Conversation;
use learner::training::{Event, Job, Knobs, LowRank, Outcome as Learned, train as learn};
use serde_json::json;

use super::super::progress::{grouped, say};
use super::super::{Outcome, plain, plain_json};
use super::TrainArgs;
use super::lessons::lesson;
use crate::summary::SCHEMA_VERSION;

/// How often a step is told of.
const TOLD_EVERY: Duration = Duration::from_secs(10);

pub(super) fn train(args: &TrainArgs, quiet: bool) -> anyhow::Result<Outcome> {
    let chosen = (args.held_out, args.seed);
    let rows = lesson(&args.world, args.stage, args.since, chosen, quiet)?.rows()?;
    let device = args.device.open()?;
    let from = start(args, &rows, quiet)?;
    let renderer = Renderer::read(&from)?;
    if args.sample && !quiet {
        show(&from, &rows, &device, "before")?;
    }
    let job = Job {
        output: &args.output,
        from: &from,
        knobs: args.knobs(),
        learned: corpus(&renderer, &rows.learned)?,
        held_out: vec![
            ("domains".into(), corpus(&renderer, &rows.domains)?),
            ("tasks".into(), corpus(&renderer, &rows.tasks)?),
        ],
        device: device.clone(),
    };
    let mut told = None;
    let outcome = learn(&job, &mut |event| {
        if !quiet {
            tell(event, &mut told);
        }
    })?;
    let model = args.output.join("model");
    if args.sample && !quiet {
        show(&model, &rows, &device, "after")?;
    }
    report(args, &outcome, &model, quiet)?;
    Ok(Outcome::Done)
}

impl TrainArgs {
    fn knobs(&self) -> Knobs {
        Knobs {
            stage: self.stage.config().into(),
            epochs: self.epochs,
            context: self.context,
            packs_per_step: self.packs,
            packs_at_once: self.packs_at_once,
            rate: self.learning_rate,
            warm_up_permille: self.warm_up,
            decay: self.decay,
            clip: self.clip,
            betas: (0.9, self.beta2),
            balance: self.balance,
            seed: self.seed,
            low_rank: self.lora_rank.map(|rank| LowRank { rank, alpha: self.lora_alpha }),
            evaluate_every: self.evaluate_every,
            snapshot_every: self.snapshot_every,
            patience: self.patience,
            steps_max: self.steps,
            drill: self.drill,
            recompute: self.recompute,
            brain: self.bf16,
            ..Knobs::default()
        }
    }
}

/// The checkpoint to start from; made first, in the run's folder, if nothing is there to start
/// from.
fn start(args: &TrainArgs, rows: &Rows, quiet: bool) -> anyhow::Result<PathBuf> {
    if let Some(from) = &args.from {
        return Ok(checkpoint_of(from));
    }
    let name = args.init.as_deref().unwrap_or("tiny");
    let base = args.output.join("base");
    if !base.join("config.json").is_file() {
        let beginning = Beginning::named(name)
            .ok_or_else(|| anyhow::anyhow!("--init \"{name}\" is no size"))?;
        std::fs::create_dir_all(&args.output)?;
        let config = Beginning { seed: args.seed, ..beginning }.write(&base, &rows.learned)?;
        if !quiet {
            say(&format!(
                "a fresh model of {} numbers, {} tokens and {} layers is in {}",
                grouped(config.parameters() as u64),
                grouped(config.vocabulary as u64),
                config.layers,
                plain(&base.to_string_lossy())
            ));
        }
    }
    Ok(base)
}

fn tell(event: &Event<'_>, told: &mut Option<Instant>) {
    match event {
        Event::Started { steps, from, documents, too_long, empty, learned } => {
            say(&format!(
                "{} numbers learn from {} conversations in {steps} steps",
                grouped(*learned as u64),
                grouped(*documents as u64)
            ));
            if 0 < *from {
                say(&format!("goes on from step {from}"));
            }
            if 0 < *too_long + *empty {
                say(&format!(
                    "note: left out are {too_long} conversations longer than --context and \
                     {empty} with nothing to learn"
                ));
            }
        }
        Event::Step { record, steps, remaining } => {
            let is_last = record.step == *steps;
            if !is_last && told.is_some_and(|at| at.elapsed() < TOLD_EVERY) {
                return;
            }
            *told = Some(Instant::now());
            say(&format!(
                "step {} of {steps}: loss {:.4}, {:.0} tokens/s, {} left",
                record.step,
                record.loss,
                record.tokens_per_second,
                span(*remaining)
            ));
        }
        Event::Evaluated(evaluation) => say(&format!(
            "step {}: loss {:.4} on held-out {}",
            evaluation.step, evaluation.loss, evaluation.held_out
        )),
        Event::StoppedEarly { step } => {
            say(&format!("step {step}: ended, since the loss on what is held out no longer falls"));
        }
    }
}

/// Seconds as a person reads them.
fn span(seconds: f64) -> String {
    let minutes = (seconds / 60.0).floor();
    if minutes < 1.0 {
        return format!("{seconds:.0} s");
    }
    let hours = (minutes / 60.0).floor();
    match hours < 1.0 {
        true => format!("{minutes:.0} min"),
        false => format!("{hours:.0} h {:.0} min", minutes - hours * 60.0),
    }
}

/// Shows what a model says in place of the first turn of a held-out conversation that calls.
fn show(from: &Path, rows: &Rows, device: &learner::Device, when: &str) -> anyhow::Result<()> {
    let all = rows.tasks.iter().chain(&rows.domains).chain(&rows.learned);
    let Some((example, place)) = all.filter_map(|it| Some((it, first_call(it)?))).next() else {
        return Ok(());
    };
    let assistant = Assistant::read(from, device.clone())?;
    let history = Conversation {
        messages: example.conversation.messages[..place].to_vec(),
        tools: example.conversation.tools.clone(),
    };
    let turn = match assistant.answer(&history, 256, Choice::Greedy) {
        Ok((turn, _)) => turn,
        // A sample is a courtesy: one that cannot be shown does not keep anybody from learning.
        Err(error) => {
            say(&format!("note: no sample: {}", plain(&error.to_string())));
            return Ok(());
        }
    };
    let asked = history.messages.last().map(|message| message["content"].to_string());
    say(&format!("{when} training, asked: {}", plain(&asked.unwrap_or_default())));
    let calls: Vec<String> = turn
        .calls
        .iter()
        .map(|call| format!("{} {}", call.name, call.arguments))
        .chain(turn.malformed.iter().map(|(text, reason)| format!("malformed ({reason}): {text}")))
        .collect();
    say(&format!("  says: {} {}", plain(&turn.content), plain(&calls.join("; "))));
    say(&format!(
        "  right: {}",
        plain(&example.conversation.messages[place]["tool_calls"].to_string())
    ));
    Ok(())
}

fn first_call(example: &Example) -> Option<usize> {
    let messages = &example.conversation.messages;
    (0..messages.len())
        .find(|place| example.supervised[*place] && messages[*place]["tool_calls"].is_array())
}

fn report(args: &TrainArgs, outcome: &Learned, model: &Path, quiet: bool) -> io::Result<()> {
    if args.json {
        let row = json!({
            "schema_version": SCHEMA_VERSION, "steps": outcome.steps, "loss": outcome.loss,
            "best_held_out_loss": outcome.best, "stopped_early": outcome.stopped_early,
            "model": model.to_string_lossy(),
        });
        return writeln!(io::stdout(), "{}", plain_json(&row));
    }
    if !quiet {
        let model = plain(&model.to_string_lossy());
        say(&format!("{} steps, loss {:.4}; the model is in {model}", outcome.steps, outcome.loss));
        say("Next:");
        say(&format!(
            "  agentscaler evaluate --world {} --from {}",
            plain(&args.world.to_string_lossy()),
            plain(&args.output.to_string_lossy())
        ));
    }
    Ok(())
}
