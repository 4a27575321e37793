//! Batches: what each step computes, made ready by a thread of its own while the step before it is
//! computed.
//!
//! Texts are tokens before the first step, made by all processors: tokens are smaller than the
//! texts they come from, and how many there are decides how many steps there are. What is left,
//! gathering each step's packs into sheets, keeps no step waiting. Batches come in the order of
//! their steps, at most [`AHEAD`] of them ahead, so that neither what is learned nor how much
//! memory that takes depends on which thread is faster.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::Scope;

use schemas::Draw;

use super::{Corpus, Plan};
use crate::drills::drills;
use crate::loss::Sheet;
use crate::training::Knobs;

/// Batches that wait at most.
const AHEAD: usize = 2;

/// What one step computes.
pub(super) struct Batch {
    /// The epoch, counted from 0.
    pub(super) epoch: usize,
    /// What is computed together; the gradients of parts are added up.
    pub(super) parts: Vec<Sheet>,
    /// Tokens in all of them.
    pub(super) tokens: usize,
    /// Tokens that count in the loss.
    pub(super) supervised: usize,
}

/// The batches of all steps from one on. Whoever drops the receiver ends the thread.
pub(super) fn batches<'scope>(
    scope: &'scope Scope<'scope, '_>,
    plan: &'scope Plan,
    corpus: &'scope Corpus,
    knobs: &'scope Knobs,
    from: u64,
) -> Receiver<Batch> {
    let (give, take) = sync_channel(AHEAD);
    scope.spawn(move || {
        for step in from..plan.rule.steps {
            if give.send(batch(plan, corpus, knobs, step)).is_err() {
                return;
            }
        }
    });
    take
}

fn batch(plan: &Plan, corpus: &Corpus, knobs: &Knobs, step: u64) -> Batch {
    let (epoch, parts) = match step.checked_sub(knobs.drill) {
        None => (0, drill(plan, knobs, step)),
        Some(step) => {
            let (epoch, packs) = plan.packs_of(step, knobs.packs_per_step);
            let parts = packs.chunks(knobs.packs_at_once).map(|packs| {
                Sheet::of(packs.iter().flatten().map(|place| &corpus.documents[*place]))
            });
            (epoch, parts.collect())
        }
    };
    Batch {
        epoch,
        tokens: parts.iter().map(|part| part.tokens.len()).sum(),
        supervised: parts.iter().map(Sheet::targets).sum(),
        parts,
    }
}

/// As many tokens as a step of rows may have, in as many parts.
fn drill(plan: &Plan, knobs: &Knobs, step: u64) -> Vec<Sheet> {
    let draw = Draw::new(knobs.seed).with("drill").with(step.to_le_bytes());
    let parts = (0..knobs.packs_per_step).step_by(knobs.packs_at_once);
    parts
        .map(|part| {
            let packs = knobs.packs_at_once.min(knobs.packs_per_step - part);
            Sheet::of(&drills(&plan.known, packs * knobs.context, draw.at(part)))
        })
        .collect()
}
