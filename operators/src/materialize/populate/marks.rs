//! Marks, addresses and names of things and machines.

use schemas::{Draw, Value};

use crate::materialize::populate::cell::Cell;
use crate::materialize::populate::lists::{ADJECTIVES, DOMAINS, THINGS};
use crate::materialize::words::prefix;

/// A mark of a thing, after the thing's noun as keys are.
pub(super) fn marked(cell: &Cell<'_>, split: &[&str]) -> String {
    let stem = match split.len() {
        0 | 1 => cell.noun.replace(' ', "_"),
        many => split[..many - 1].join("_"),
    };
    let hex = cell.own().bits() >> 32;
    if stem.is_empty() { format!("{hex:08x}") } else { format!("{}_{hex:08x}", prefix(&stem)) }
}

/// Whether a word that ends in `id` is short for an identifier.
pub(super) fn is_mark(word: &str) -> bool {
    ![
        "paid", "void", "grid", "bid", "valid", "said", "avoid", "acid", "kid", "aid", "mid",
        "rapid", "solid", "fluid", "lid", "covid",
    ]
    .contains(&word)
}

/// A hardware address.
pub(super) fn machine(draw: Draw) -> String {
    let part = |at: usize| draw.at(at).below(256);
    format!("3c:22:fb:{:02x}:{:02x}:{:02x}", part(0), part(1), part(2))
}

/// Where a picture or a recording is.
pub(super) fn media(cell: &Cell<'_>, kind: &str) -> String {
    let extension = match kind {
        "video" => "mp4",
        "audio" => "mp3",
        _ => "png",
    };
    format!("{}.{extension}", url(cell))
}

/// An address on the web.
pub(super) fn url(cell: &Cell<'_>) -> String {
    let draw = cell.own();
    format!("https://{}/{}", draw.from_list(&DOMAINS), slug(draw.at(1)))
}

/// A host.
pub(super) fn host(draw: Draw) -> String {
    format!("{}.{}", slug(draw), draw.with("domain").from_list(&DOMAINS))
}

/// A private network address.
pub(super) fn address_of_machine(draw: Draw) -> String {
    format!("10.{}.{}.{}", draw.below(256), draw.at(1).below(256), draw.at(2).between(1, 254))
}

/// A time of day.
pub(super) fn clock(draw: Draw) -> String {
    format!("{:02}:{:02}", draw.between(7, 21), draw.at(1).between(0, 3) * 15)
}

/// Two words in an address.
pub(super) fn slug(draw: Draw) -> String {
    let thing = draw.with("thing").from_list(&THINGS);
    format!("{}-{thing}", draw.with("adjective").from_list(&ADJECTIVES).to_lowercase())
}

/// A name as people give machines: `amber-harbor-41`.
pub(in crate::materialize) fn identifier(draw: Draw) -> String {
    format!("{}-{}", slug(draw), draw.with("digits").between(10, 99))
}

/// The text of a value that is one.
pub(super) fn spelled(value: &Value) -> String {
    value.as_text().unwrap_or_default().into()
}
