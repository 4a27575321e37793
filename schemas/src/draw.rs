//! Consistent sampling: every choice is a keyed hash of stable ids.
//!
//! There is no generator that one choice advances for the next, so a newcomer elsewhere changes
//! nothing here. To choose among candidates that come and go, take the one whose keyed hash is
//! highest ([`Draw::pick`], rendezvous hashing): a newcomer changes the choice only where it wins.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A point in the space of choices: the plan's seed, narrowed by the ids the choice is about.
///
/// # Examples
///
/// ```
/// use schemas::Draw;
///
/// let draw = Draw::new(7).with("task-1").with("persona");
/// let few = ["ann", "bob"];
/// let more = ["ann", "zoe", "bob"];
/// let before = draw.pick(&few, |name| name.as_bytes()).unwrap();
/// let after = draw.pick(&more, |name| name.as_bytes()).unwrap();
/// assert!(after == before || *after == "zoe");
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Draw(u64);

impl Draw {
    /// Starts from a plan's seed.
    pub fn new(seed: u64) -> Draw {
        Draw(seed)
    }

    /// Narrows the draw by one more id. The order of narrowing matters.
    #[must_use]
    pub fn with(self, id: impl AsRef<[u8]>) -> Draw {
        Draw(xxh3_64_with_seed(id.as_ref(), self.0.rotate_left(17) ^ 0x9e37_79b9_7f4a_7c15))
    }

    /// Narrows the draw by a number that is itself stable: a trial, a turn, a column's ordinal.
    #[must_use]
    pub fn at(self, ordinal: usize) -> Draw {
        self.with((ordinal as u64).to_le_bytes())
    }

    /// Sixty-four uniform bits.
    pub fn bits(self) -> u64 {
        xxh3_64_with_seed(b"bits", self.0)
    }

    /// A uniform number in `0..bound`; 0 if the bound is 0.
    ///
    /// For bounds that never shift: a range of the plan, a word list of the program. Among
    /// candidates that come and go, use [`Draw::pick`].
    ///
    /// # Panics
    ///
    /// Never: the upper half of the product is below the bound.
    pub fn below(self, bound: u64) -> u64 {
        u64::try_from((u128::from(self.bits()) * u128::from(bound)) >> 64).expect("below the bound")
    }

    /// A uniform integer in `low..=high`; `low` if the range is empty.
    pub fn between(self, low: i64, high: i64) -> i64 {
        let span = high.saturating_sub(low).max(0).unsigned_abs();
        low.saturating_add_unsigned(self.below(span.saturating_add(1)))
    }

    /// Whether something that happens `permille` times in a thousand happens here.
    pub fn happens(self, permille: u32) -> bool {
        self.below(1000) < u64::from(permille)
    }

    /// One entry of a list that is part of the program and so never shifts.
    ///
    /// # Panics
    ///
    /// Panics if the list is empty.
    pub fn from_list<T>(self, list: &[T]) -> &T {
        let place = usize::try_from(self.below(list.len() as u64)).expect("below a length");
        &list[place]
    }

    /// The one at this place of a fixed list in a drawn order, beginning again after the last: so
    /// that what is drawn place after place repeats as late as it can.
    ///
    /// # Panics
    ///
    /// Panics if the list is empty.
    pub fn in_turn<T>(self, list: &[T], place: usize) -> &T {
        let order: Vec<usize> = (0..list.len()).collect();
        let ranked = self.rank(&order, |it| it.to_le_bytes());
        &list[*ranked[place % ranked.len()]]
    }

    /// The candidate whose keyed hash is highest, ties broken by the id; none among none.
    pub fn pick<'a, T, I: AsRef<[u8]>>(
        self,
        candidates: impl IntoIterator<Item = &'a T>,
        id: impl Fn(&'a T) -> I,
    ) -> Option<&'a T> {
        let weighed = candidates.into_iter().map(|candidate| {
            let id = id(candidate);
            (self.weight(&id), id, candidate)
        });
        let order = |one: &(u64, I, _), other: &(u64, I, _)| {
            one.0.cmp(&other.0).then_with(|| one.1.as_ref().cmp(other.1.as_ref()))
        };
        weighed.max_by(order).map(|(_, _, candidate)| candidate)
    }

    /// How strongly the draw is for a candidate of this id: that of [`Draw::pick`] has the most.
    pub fn weight(self, id: impl AsRef<[u8]>) -> u64 {
        self.with(id).bits()
    }

    /// All candidates, the highest keyed hash first: the first `n` are a sample of `n` that a
    /// newcomer disturbs only where it wins a place.
    pub fn rank<'a, T, I: AsRef<[u8]>>(
        self,
        candidates: impl IntoIterator<Item = &'a T>,
        id: impl Fn(&'a T) -> I,
    ) -> Vec<&'a T> {
        let mut ranked: Vec<(u64, I, &T)> = candidates
            .into_iter()
            .map(|candidate| {
                let id = id(candidate);
                (self.weight(&id), id, candidate)
            })
            .collect();
        ranked.sort_by(|one, other| {
            other.0.cmp(&one.0).then_with(|| other.1.as_ref().cmp(one.1.as_ref()))
        });
        ranked.into_iter().map(|(_, _, candidate)| candidate).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Draw;

    #[test]
    fn newcomer_changes_a_choice_only_where_it_wins() {
        let few: Vec<String> = (0..9).map(|place| format!("tool {place}")).collect();
        let more: Vec<String> = few.iter().cloned().chain(["newcomer".to_string()]).collect();
        let changed = (0..1000)
            .map(|place| Draw::new(1).at(place))
            .filter(|draw| {
                let (before, after) = (draw.pick(&few, |t| t), draw.pick(&more, |t| t));
                assert!(before == after || after.is_some_and(|tool| tool == "newcomer"));
                before != after
            })
            .count();
        assert!((60..140).contains(&changed), "a tenth of the choices go to one in ten: {changed}");
    }

    #[test]
    fn draws_are_uniform_and_in_range() {
        let mut seen = [0; 6];
        for place in 0..6000 {
            seen[usize::try_from(Draw::new(3).at(place).between(0, 5)).unwrap()] += 1;
        }
        assert!(seen.iter().all(|count| (880..1120).contains(count)), "{seen:?}");
    }
}
