//! Messages with places for arguments.

/// A part of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Piece<'m> {
    /// Said as it is.
    Text(&'m str),
    /// The argument of that name is said.
    Argument(&'m str),
}

/// The parts of a message, in which `{name}` stands for an argument if there is one of that name.
pub(crate) fn pieces<'m>(message: &'m str, is_argument: impl Fn(&str) -> bool) -> Vec<Piece<'m>> {
    let mut pieces = Vec::new();
    let (mut said, mut looked) = (0, 0);
    while let Some(open) = message[looked..].find('{').map(|place| looked + place) {
        let Some(close) = message[open..].find('}').map(|place| open + place) else { break };
        let name = &message[open + 1..close];
        if !is_argument(name) {
            looked = open + 1;
            continue;
        }
        if said < open {
            pieces.push(Piece::Text(&message[said..open]));
        }
        pieces.push(Piece::Argument(name));
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
    fn only_arguments_are_filled_in() {
        let found = pieces("{a} of {{a}} and {b}", |name| name == "a");
        let expected = [
            Piece::Argument("a"),
            Piece::Text(" of {"),
            Piece::Argument("a"),
            Piece::Text("} and {b}"),
        ];
        assert_eq!(found, expected);
        assert_eq!(pieces("{", |_| true), [Piece::Text("{")]);
        assert_eq!(pieces("", |_| true), []);
    }
}
