//! Which documents a model sees together, and in which order.
//!
//! Documents lie end to end in packs of at most the context's length. Nothing is cut: a document
//! that is longer is left out and counted, since half a call teaches nothing. The order is by a
//! keyed hash of each document's id, so that a newcomer moves none of the others past one another.

use schemas::Draw;

use crate::loss::Document;

/// Packs that are open at once; a document goes into the first with room.
const OPEN_MAX: usize = 8;

/// Places of documents in one pack, in the order in which they lie.
pub type Pack = Vec<usize>;

/// Packs of documents, in the order of an epoch.
///
/// `ids` and `documents` are parallel; of documents longer than `context`, or with nothing to
/// learn, none is packed. The same arguments give the same packs.
pub fn packs(
    ids: &[String],
    documents: &[Document],
    context: usize,
    seed: u64,
    epoch: usize,
) -> Vec<Pack> {
    let draw = Draw::new(seed).with("order").at(epoch);
    let mut order: Vec<(u64, &String, usize)> = ids
        .iter()
        .enumerate()
        .filter(|(place, _)| is_packed(&documents[*place], context))
        .map(|(place, id)| (draw.with(id).bits(), id, place))
        .collect();
    order.sort_unstable();
    let mut full = Vec::new();
    let mut open: Vec<(usize, Pack)> = Vec::new();
    for (_, _, place) in order {
        let length = documents[place].tokens.len();
        match open.iter_mut().find(|(filled, _)| filled + length <= context) {
            Some((filled, pack)) => {
                *filled += length;
                pack.push(place);
            }
            None => {
                if open.len() == OPEN_MAX {
                    full.push(open.remove(0).1);
                }
                open.push((length, vec![place]));
            }
        }
    }
    full.extend(open.into_iter().map(|(_, pack)| pack));
    full
}

/// Whether a document has something to learn and room in a context.
pub fn is_packed(document: &Document, context: usize) -> bool {
    document.tokens.len() <= context && 0 < document.targets()
}

/// Whether a task's rows are held out of training, to be asked about later.
pub fn is_held_out(task: &str, seed: u64, permille: u32) -> bool {
    Draw::new(seed).with("held out").with(task).happens(permille)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(lengths: &[usize]) -> (Vec<String>, Vec<Document>) {
        let ids = (0..lengths.len()).map(|place| format!("trajectory-{place}")).collect();
        let document =
            |length: &usize| Document { tokens: vec![1; *length], supervised: vec![true; *length] };
        (ids, lengths.iter().map(document).collect())
    }

    #[test]
    fn every_document_that_fits_is_in_one_pack() {
        let lengths: Vec<usize> = (0..200).map(|place| 1 + place * 37 % 120).collect();
        let (ids, documents) = documents(&lengths);
        let packs = packs(&ids, &documents, 100, 3, 0);
        let mut seen: Vec<usize> = packs.iter().flatten().copied().collect();
        seen.sort_unstable();
        let fit: Vec<usize> =
            (0..200).filter(|place| (2..=100).contains(&lengths[*place])).collect();
        assert_eq!(seen, fit);
        for pack in &packs {
            assert!(pack.iter().map(|place| lengths[*place]).sum::<usize>() <= 100);
        }
        let packed: usize = fit.iter().map(|place| lengths[*place]).sum();
        assert!(
            packed * 10 >= packs.len() * 100 * 8,
            "packs are full: {packed} in {}",
            packs.len()
        );
    }

    #[test]
    fn order_differs_by_epoch_and_a_newcomer_moves_nobody_past_another() {
        let (mut ids, mut documents) = documents(&[60; 50]);
        let order = |names: &[String], texts: &[Document], epoch| -> Vec<String> {
            let packs = packs(names, texts, 100, 3, epoch);
            packs.iter().flatten().map(|place| names[*place].clone()).collect()
        };
        let first = order(&ids, &documents, 0);
        assert_eq!(first, order(&ids, &documents, 0));
        assert_ne!(first, order(&ids, &documents, 1));
        ids.insert(7, "newcomer".into());
        documents.insert(7, documents[0].clone());
        let mut more = order(&ids, &documents, 0);
        more.retain(|id| id != "newcomer");
        assert_eq!(more, first);
    }
}
