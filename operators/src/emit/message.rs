//! Messages with places for arguments and for columns of bound rows.

/// A part of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Piece<'m, S> {
    /// Said as it is.
    Text(&'m str),
    /// What is said in a place.
    Slot(S),
}

/// The parts of a message, in which `{name}` stands for what has that name, if anything has.
pub(super) fn pieces<S>(message: &str, slot: impl Fn(&str) -> Option<S>) -> Vec<Piece<'_, S>> {
    let mut pieces = Vec::new();
    let (mut said, mut looked) = (0, 0);
    while let Some(open) = message[looked..].find('{').map(|place| looked + place) {
        let Some(close) = message[open..].find('}').map(|place| open + place) else { break };
        let Some(told) = slot(&message[open + 1..close]) else {
            looked = open + 1;
            continue;
        };
        if said < open {
            pieces.push(Piece::Text(&message[said..open]));
        }
        pieces.push(Piece::Slot(told));
        (said, looked) = (close + 1, close + 1);
    }
    if said < message.len() {
        pieces.push(Piece::Text(&message[said..]));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::{Piece, pieces};

    #[test]
    fn only_what_has_a_name_is_filled_in() {
        let found = pieces("{a} of {{a}} and {b}", |name| (name == "a").then_some(7));
        let expected =
            [Piece::Slot(7), Piece::Text(" of {"), Piece::Slot(7), Piece::Text("} and {b}")];
        assert_eq!(found, expected);
        assert_eq!(pieces("{", |_| Some(7)), [Piece::Text("{")]);
        assert_eq!(pieces("", |_| Some(7)), []);
    }
}
