//! Drills: what a model may read before any conversation, to learn to copy.
//!
//! A drill is a run of random tokens said twice, of which the second time is learned. No token of it
//! can be guessed but by finding where it was said before and reading on there, which is what most
//! of a call's arguments take. Conversations teach that too, but late: there most tokens can be
//! guessed otherwise.

use schemas::Draw;

use crate::loss::Document;

/// The shortest and the longest run, in tokens, before it is said again.
const LENGTHS: (u64, u64) = (16, 64);

/// Drills that fill as many tokens, or nearly: `draw` decides which, `known` is what they are made
/// of.
pub fn drills(known: &[u32], tokens: usize, draw: Draw) -> Vec<Document> {
    let mut made = Vec::new();
    let mut left = tokens;
    while !known.is_empty() {
        let draw = draw.at(made.len());
        let (shortest, longest) = LENGTHS;
        let length = shortest + draw.with("length").below(longest - shortest + 1);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if left < 2 * length {
            break;
        }
        left -= 2 * length;
        let once: Vec<u32> =
            (0..length).map(|at| *draw.with("token").at(at).from_list(known)).collect();
        let supervised = (0..2 * length).map(|at| length < at).collect();
        made.push(Document { tokens: once.repeat(2), supervised });
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drill_says_everything_twice() {
        let texts: Vec<u32> = (9..500).collect();
        let made = drills(&texts, 1000, Draw::new(3));
        assert_eq!(made, drills(&texts, 1000, Draw::new(3)));
        assert_ne!(made, drills(&texts, 1000, Draw::new(4)));
        let total: usize = made.iter().map(|it| it.tokens.len()).sum();
        assert!((870..=1000).contains(&total), "{total}");
        for drill in &made {
            let (once, again) = drill.tokens.split_at(drill.tokens.len() / 2);
            assert_eq!(once, again);
            assert_eq!(drill.targets(), again.len() - 1);
            assert!(drill.tokens.iter().all(|token| texts.contains(token)));
        }
        assert!(drills(&[], 1000, Draw::new(3)).is_empty());
    }
}
