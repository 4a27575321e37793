//! Candidates that nothing offered can do.

use std::collections::BTreeSet;

use schemas::{Draw, Effect, Operation, TaskKind};

use crate::compose::fill::Draft;
use crate::compose::realise::EVERYDAY;
use crate::compose::sketch::{Composer, Sketch};
use crate::compose::walk::Walk;

impl<'e> Composer<'e> {
    /// A want of everyday life, or one whose tools are withheld.
    pub(super) fn infeasible(&self, anchor: &'e Operation, draw: Draw) -> Option<Sketch> {
        if draw.with("everyday").happens(400) {
            let known = |word: &&str| {
                self.environment.operations.iter().any(|it| {
                    it.name.to_lowercase().contains(*word)
                        || it.description.to_lowercase().contains(*word)
                })
            };
            let (want, _) = draw
                .with("want")
                .rank(&EVERYDAY, |(want, _)| want.as_bytes())
                .into_iter()
                .find(|(_, words)| !words.iter().any(known))?;
            return Some(Sketch {
                kind: TaskKind::Infeasible,
                golden: Vec::new(),
                scenario: self.teller(draw).everyday(want),
                faults: Vec::new(),
                withheld: BTreeSet::new(),
            });
        }
        let mut draft = Draft::new(self.world, &self.usage);
        self.follow(&mut draft, &Walk { steps: vec![anchor], needed: 1 }, draw)?;
        let withheld = self.able(anchor);
        if self.environment.operations.len() < withheld.len() + 2 {
            return None;
        }
        let scenario = self.teller(draw).declined(&draft.calls[0])?;
        Some(Sketch {
            kind: TaskKind::Infeasible,
            golden: Vec::new(),
            scenario,
            faults: Vec::new(),
            withheld,
        })
    }

    /// The operations that might do what this one does: writers of what it writes, tellers of
    /// what it tells.
    fn able(&self, operation: &Operation) -> BTreeSet<String> {
        let uses = &self.usage[&operation.name];
        let similar = |other: &Operation| {
            let theirs = &self.usage[&other.name];
            let worded = other.verb == operation.verb && other.noun == operation.noun;
            let told = uses.shows.iter().any(|table| theirs.shows.contains(table));
            worded
                || other.name == operation.name
                || match operation.effect {
                    Effect::Write => !operation.writes.is_disjoint(&other.writes),
                    Effect::Read => told || operation.reads.is_subset(&other.reads),
                }
        };
        let able = self.environment.operations.iter().filter(|it| similar(it));
        able.map(|it| it.name.clone()).collect()
    }
}
