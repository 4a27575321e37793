//! What is put into something else and taken out of it, as objects into an exhibition.

use std::collections::BTreeSet;

use crate::materialize::lexicon::{Act, KEY_WORDS};
use crate::materialize::reading::{Key, Reading, is_scalar};
use crate::materialize::settle::{Nouns, referred};
use crate::materialize::words::{noun, words};

/// The verbs that take out, and the word before what it is taken out of.
const OUT: (&[&str], &str) =
    (&["remove", "detach", "unassign", "unlink", "disassociate", "disconnect", "unenroll"], "from");
/// The verbs that put in, and the word before what it is put into.
const INTO: (&[&str], &str) = (&["add", "link", "associate", "connect"], "to");

/// A tool that puts a row into another or takes it out.
struct Move {
    reading: usize,
    out: bool,
    /// The argument that names what is moved, and its noun.
    thing: (usize, String),
    /// The argument that names what holds it, and its noun.
    holder: (usize, String),
}

/// Lets tools such as `remove_object_from_exhibition(exhibition_id, object_id)` change where
/// something is and never whether it is.
///
/// Where things are told by a reference to what holds them, that reference is set, and a thing
/// taken out gets a status. Elsewhere rows of their own tell what holds what, and are made and
/// removed.
pub(super) fn link(readings: &mut [Reading<'_>], nouns: &Nouns) {
    let moves: Vec<Move> =
        (0..readings.len()).filter_map(|at| moved(at, &readings[at], nouns)).collect();
    let movers: BTreeSet<usize> = moves.iter().map(|it| it.reading).collect();
    let others = |among: &[Reading<'_>], moved: &Move, fits: &dyn Fn(&Reading<'_>) -> bool| {
        let apart = (0..among.len()).filter(|at| !movers.contains(at));
        let found = apart
            .map(|at| &among[at])
            .find(|it| it.act != Act::Answer && fits(it) && takes(it, &moved.holder.1, nouns));
        found.map(|it| it.entity.clone())
    };
    for moved in &moves {
        let (thing, holder) = (&moved.thing.1, &moved.holder.1);
        let owned = others(readings, moved, &|it| it.entity == *thing).is_some();
        let linking = others(readings, moved, &|it| {
            it.act == Act::Create
                && it.entity != *thing
                && it.entity != *holder
                && takes(it, thing, nouns)
        });
        let reading = &mut readings[moved.reading];
        reading.parents.clear();
        match linking {
            None if owned => {
                reading.entity.clone_from(thing);
                reading.key = Some(Key { place: moved.thing.0, named: false, list: false });
                reading.act = if moved.out { Act::Become("removed") } else { Act::Update };
                if moved.out {
                    reading.parents.push(moved.holder.clone());
                }
            }
            linking => {
                reading.entity = linking.unwrap_or_else(|| format!("{holder}_{thing}"));
                reading.key = None;
                reading.act = if moved.out { Act::Delete } else { Act::Create };
                reading.parents = vec![moved.holder.clone(), moved.thing.clone()];
            }
        }
    }
}

/// The move that a tool makes; none if its name or its required arguments tell of none.
fn moved(at: usize, reading: &Reading<'_>, nouns: &Nouns) -> Option<Move> {
    let split = words(&reading.tool.name);
    let verb = split
        .iter()
        .position(|it| OUT.0.contains(&it.as_str()) || INTO.0.contains(&it.as_str()))?;
    let out = OUT.0.contains(&split[verb].as_str());
    let between = if out { OUT.1 } else { INTO.1 };
    let middle = verb + split[verb..].iter().position(|word| word == between)?;
    let thing = known(&split[verb + 1..middle], nouns)?;
    let holder = known(&split[middle + 1..], nouns)?;
    if thing == holder || !reading.act.writes() {
        return None;
    }
    let argument = |wanted: &str| {
        reading.tool.input.iter().position(|field| {
            let called = words(&field.name);
            let id = called.last().is_some_and(|last| KEY_WORDS[..4].contains(&last.as_str()));
            let refers = referred(&called, nouns).as_deref() == Some(wanted);
            field.required && is_scalar(&field.shape) && id && refers
        })
    };
    let thing = (argument(&thing)?, thing);
    let holder = (argument(&holder)?, holder);
    Some(Move { reading: at, out, thing, holder })
}

/// The table noun that these words of a name end in.
fn known(split: &[String], nouns: &Nouns) -> Option<String> {
    (0..split.len()).map(|from| noun(&split[from..])).find(|it| nouns.get(it) == Some(false))
}

/// Whether a tool takes a key of this noun.
fn takes(reading: &Reading<'_>, wanted: &str, nouns: &Nouns) -> bool {
    let path = reading.parents.iter().any(|(_, noun)| noun == wanted);
    let named = |name: &str| referred(&words(name), nouns).as_deref() == Some(wanted);
    path || reading.tool.input.iter().any(|field| named(&field.name))
}
