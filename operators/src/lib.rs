//! The verbs: collection in, collection out.
//!
//! Each module holds one operator: the pure function at its heart and the trait that lifts it to
//! collections. Nothing here touches the disk, the clock or the network: payloads go to a
//! [`Depot`], earlier results come from a [`Recall`], and what was done is counted in [`Work`].

pub use crate::communities::Communities;
pub use crate::compose::Compose;
pub use crate::decontaminate::Decontaminate;
pub use crate::depot::{Depot, MemoryDepot, get_record, put_record};
pub use crate::describe::Describe;
pub use crate::embed::Embed;
pub use crate::encode::Encode;
pub use crate::gather::Gather;
pub use crate::link::Link;
pub use crate::materialize::{Materialize, Materialized};
pub use crate::parse::{
    Format, HeldLibrary, Library, Outcome, Parse, Parsed, parse, parse_lines, parse_stream,
    recognise,
};
pub use crate::propose::Propose;
pub use crate::recall::{Forgetful, Recall};
pub use crate::refine::{Refine, refine};
pub use crate::reword::Reword;
pub use crate::roll_out::{Hold, RollOut};
pub use crate::verify::Verify;
pub use crate::work::{Counter, Work};

pub mod parse;
pub mod refine;
pub mod describe;
pub mod encode;
pub mod embed;
pub mod link;
pub mod communities;
pub mod gather;
pub mod propose;
pub mod materialize;
pub mod engine;
pub mod emit;
pub mod compose;
pub mod reword;
pub mod decontaminate;
pub mod roll_out;
pub mod verify;

pub mod depot;
pub mod recall;
pub mod work;

/// The revision of every verb, in the order in which a record meets them.
pub const REVISIONS: [&str; 12] = [
    parse::REVISION,
    refine::REVISION,
    describe::REVISION,
    encode::REVISION,
    embed::REVISION,
    link::REVISION,
    communities::REVISION,
    gather::REVISION,
    materialize::REVISION,
    compose::REVISION,
    roll_out::REVISION,
    verify::REVISION,
];
