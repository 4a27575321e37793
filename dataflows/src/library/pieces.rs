//! What one thread finds, taken over piece by piece by another.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, JoinHandle};
use std::vec;

use operators::Outcome;

/// Outcomes in a piece: handing over single ones would cost more than finding them.
const PIECE: usize = 256;

/// Pieces that may wait to be taken over, so that memory stays bounded.
const PIECES_MAX: usize = 4;

/// Outcomes, in the order in which a thread finds them.
pub(super) struct Pieces {
    receiver: Receiver<Vec<Outcome>>,
    piece: vec::IntoIter<Outcome>,
    finder: Option<JoinHandle<()>>,
}

impl Pieces {
    /// Starts a thread that hands over what it finds; it stops when nobody takes it any more.
    pub(super) fn new(find: impl FnOnce(&mut dyn FnMut(Outcome)) + Send + 'static) -> Pieces {
        let (sender, receiver) = sync_channel(PIECES_MAX);
        let finder = thread::spawn(move || {
            let mut piece = Vec::with_capacity(PIECE);
            find(&mut |outcome| {
                piece.push(outcome);
                if piece.len() == PIECE {
                    // NB: an error means that the taker is gone, and then nobody waits.
                    drop(sender.send(std::mem::replace(&mut piece, Vec::with_capacity(PIECE))));
                }
            });
            drop(sender.send(piece));
        });
        Pieces { receiver, piece: Vec::new().into_iter(), finder: Some(finder) }
    }
}

impl Iterator for Pieces {
    type Item = Outcome;

    fn next(&mut self) -> Option<Outcome> {
        loop {
            if let Some(outcome) = self.piece.next() {
                return Some(outcome);
            }
            match self.receiver.recv() {
                Ok(piece) => self.piece = piece.into_iter(),
                Err(_) => {
                    if let Some(Err(panic)) = self.finder.take().map(JoinHandle::join) {
                        std::panic::resume_unwind(panic);
                    }
                    return None;
                }
            }
        }
    }
}
