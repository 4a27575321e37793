//! Candidates made of walks: single calls, chains, branches, several wants, long horizons.

use std::collections::BTreeSet;

use schemas::{Draw, GoldenCall, LONG_HORIZON_MIN, Operation, TaskKind};

use crate::compose::fill::Draft;
use crate::compose::sketch::{Composer, Sketch};
use crate::compose::walk::{Manner, Walk, Walker};

/// Ways of executing one walk that are tried before it is given up.
const WALKS_MAX: usize = 5;

/// Times that every operation may begin a want of a long task.
const ROUNDS_MAX: usize = 3;

/// Most calls of one want among several.
const SHARED_CALLS_MAX: usize = 4;

/// How many wants or calls make a task of several wants.
#[derive(Clone, Copy)]
enum Enough {
    Wants(usize),
    Calls(usize),
}

impl<'e> Composer<'e> {
    pub(super) fn walk(&self, anchor: &'e Operation, room: usize, draw: Draw) -> Walk<'e> {
        self.walker(Manner::Straight).walk(anchor, room, draw)
    }

    pub(super) fn branching_walk(&self, anchor: &'e Operation, draw: Draw) -> Walk<'e> {
        self.walker(Manner::Branching).walk(anchor, self.plan.want_calls_max, draw)
    }

    fn walker(&self, manner: Manner) -> Walker<'_, 'e> {
        Walker { environment: self.environment, usage: &self.usage, manner }
    }

    pub(super) fn single(&self, anchor: &'e Operation, draw: Draw) -> Option<Sketch> {
        let mut draft = Draft::new(self.world, &self.usage);
        self.follow(&mut draft, &Walk { steps: vec![anchor], needed: 1 }, draw)?;
        self.told(TaskKind::Single, draft.calls, &[vec![0]], draw)
    }

    pub(super) fn chain(&self, anchor: &'e Operation, draw: Draw) -> Option<Sketch> {
        let path = self.walk(anchor, self.plan.want_calls_max, draw);
        let golden = self.walked(&path, 2, draw)?;
        let calls = (0..golden.len()).collect();
        self.told(TaskKind::Chain, golden, &[calls], draw)
    }

    /// A want whose calls feed one another other than one after the other.
    pub(super) fn branching(&self, anchor: &'e Operation, draw: Draw) -> Option<Sketch> {
        let path = self.branching_walk(anchor, draw);
        let golden = self.walked(&path, 3, draw).filter(|golden| branches(golden))?;
        let calls = (0..golden.len()).collect();
        self.told(TaskKind::Branching, golden, &[calls], draw)
    }

    /// The calls of a walk, if they are at least so many and each feeds another or is fed by one.
    fn walked(&self, path: &Walk<'e>, calls_min: usize, draw: Draw) -> Option<Vec<GoldenCall>> {
        if path.steps.len() < calls_min {
            return None;
        }
        let mut draft = Draft::new(self.world, &self.usage);
        self.follow(&mut draft, path, draw)?;
        let edges = fed(&draft.calls);
        let lead = (0..draft.calls.len())
            .all(|place| edges.iter().any(|(from, to)| *from == place || *to == place));
        (calls_min <= draft.calls.len() && lead).then_some(draft.calls)
    }

    pub(super) fn several(&self, anchor: &'e Operation, draw: Draw) -> Option<Sketch> {
        let count = if draw.with("third").happens(300) { 3 } else { 2 };
        let (golden, wants) = self.wants(anchor, Enough::Wants(count), draw)?;
        let short = golden.len() < LONG_HORIZON_MIN;
        (1 < wants.len() && short)
            .then(|| self.told(TaskKind::MultiIntent, golden, &wants, draw))?
    }

    pub(super) fn long(&self, anchor: &'e Operation, draw: Draw) -> Option<Sketch> {
        let least = i64::try_from(LONG_HORIZON_MIN).ok()?;
        let most = i64::try_from(self.plan.calls_max).ok()?;
        if most < least {
            return None;
        }
        let length = usize::try_from(draw.with("length").between(least, most)).ok()?;
        let (golden, wants) = self.wants(anchor, Enough::Calls(length), draw)?;
        let long = LONG_HORIZON_MIN <= golden.len();
        long.then(|| self.told(TaskKind::LongHorizon, golden, &wants, draw))?
    }

    /// Wants one after the other, about rows of their own, from the anchor on: their calls, and
    /// the places of each want's.
    fn wants(
        &self,
        anchor: &'e Operation,
        enough: Enough,
        draw: Draw,
    ) -> Option<(Vec<GoldenCall>, Vec<Vec<usize>>)> {
        let all: Vec<&'e Operation> = self.environment.operations.iter().collect();
        let others: Vec<&'e Operation> =
            all.iter().copied().filter(|it| it.name != anchor.name).collect();
        let (rounds, longer, calls_max) = match enough {
            Enough::Wants(_) => (1, 400, LONG_HORIZON_MIN - 1),
            Enough::Calls(calls) => (ROUNDS_MAX, 900, calls),
        };
        let ranked = draw.with("others").rank(&others, |it| it.name.as_bytes());
        let later = (1..rounds)
            .flat_map(|round| draw.with("round").at(round).rank(&all, |it| it.name.as_bytes()));
        let anchors = std::iter::once(&anchor).chain(ranked).chain(later);
        let mut draft = Draft::new(self.world, &self.usage);
        let mut wants: Vec<Vec<usize>> = Vec::new();
        for (place, one) in anchors.enumerate() {
            let made = draft.calls.len();
            let room = calls_max.saturating_sub(made);
            let done = match enough {
                Enough::Wants(count) => count <= wants.len() || 4 * count <= place,
                Enough::Calls(_) => false,
            };
            if done || room == 0 {
                break;
            }
            let draw = draw.with(&one.name).at(place);
            draft.begin();
            let room =
                if draw.with("longer").happens(longer) { room.min(SHARED_CALLS_MAX) } else { 1 };
            let path = self.walk(one, room, draw);
            let followed = self.follow(&mut draft, &path, draw);
            if followed.is_some() {
                wants.push((made..draft.calls.len()).collect());
            } else if place == 0 {
                return None;
            }
        }
        Some((draft.calls, wants))
    }

    /// Makes the calls of a walk; as many as it needs, and those onward while they succeed.
    pub(super) fn follow(
        &self,
        draft: &mut Draft<'_, '_>,
        path: &Walk<'_>,
        draw: Draw,
    ) -> Option<()> {
        let before = draft.moment();
        for attempt in 0..WALKS_MAX {
            let draw = draw.with("attempt").at(attempt);
            let taken = path
                .steps
                .iter()
                .enumerate()
                .take_while(|(step, operation)| draft.take(operation, draw.at(*step)))
                .count();
            if path.needed <= taken {
                return Some(());
            }
            draft.go_back(&before);
        }
        None
    }
}

/// The pairs of calls of which the first feeds the second.
fn fed(golden: &[GoldenCall]) -> BTreeSet<(usize, usize)> {
    golden
        .iter()
        .enumerate()
        .flat_map(|(to, call)| call.fed_by().map(move |from| (from, to)))
        .collect()
}

/// Whether a call feeds several, or several feed one.
fn branches(golden: &[GoldenCall]) -> bool {
    let fed = fed(golden);
    let several = |end: fn(&(usize, usize)) -> usize| {
        (0..golden.len()).any(|place| 1 < fed.iter().filter(|edge| end(edge) == place).count())
    };
    several(|(from, _)| *from) || several(|(_, to)| *to)
}
