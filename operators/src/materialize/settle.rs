//! Which nouns of a domain are tables, once all its tools have been read.

use std::collections::{BTreeMap, BTreeSet};

use crate::materialize::lexicon::{Act, KEY_WORDS, event, is_event};
use crate::materialize::reading::{Key, Reading, is_scalar, steers};
use crate::materialize::words::{singular, words};

mod links;

/// The nouns that are tables, and for each whether its key is a name rather than an id.
pub(super) type Nouns = BTreeMap<String, bool>;

/// Corrects readings by what the other tools of the domain show, and finds the nouns.
///
/// A noun is a table if some tool makes, lists, counts, changes or removes its rows or gets one by
/// its key, or if two tools take an id of it. A tool whose noun is no table answers from cases.
pub(super) fn settle(readings: &mut [Reading<'_>]) -> Nouns {
    bring_about(readings);
    let solid = solid(readings);
    let mut nouns = named(readings);
    for noun in solid.iter().chain(&mentioned(readings)) {
        nouns.entry(noun.clone()).or_insert(false);
    }
    for reading in readings.iter_mut() {
        if nouns.get(&reading.entity) == Some(&false) && reading.key.is_some_and(|key| key.named) {
            reading.key = None;
        }
        if reading.act.needs_row() && reading.key.is_none() {
            redirect(reading, &solid, &nouns);
        }
    }
    links::link(readings, &nouns);
    let used: BTreeSet<String> = readings
        .iter()
        .filter(|reading| reading.act != Act::Answer)
        .map(|reading| reading.entity.clone())
        .chain(mentioned(readings))
        .collect();
    nouns.retain(|noun, _| used.contains(noun));
    for noun in used {
        nouns.entry(noun).or_insert(false);
    }
    nouns
}

/// Verbs such as `borrow` act on one noun and make a row of another.
fn bring_about(readings: &mut [Reading<'_>]) {
    let others: BTreeSet<String> = readings
        .iter()
        .filter(|reading| event(&reading.verb).is_none() && reading.act != Act::Answer)
        .map(|reading| reading.entity.clone())
        .collect();
    for reading in readings {
        let Some(made) = event(&reading.verb).filter(|_| reading.act == Act::Create) else {
            continue;
        };
        let about_a_row = reading.key.is_some_and(|key| !key.named);
        if reading.object.is_empty() {
            reading.object = made.into();
        }
        if is_event(&reading.object) {
            continue;
        }
        if about_a_row || (others.contains(&reading.object) && reading.object != made) {
            reading.entity = made.into();
            reading.key = None;
        }
    }
}

/// Nouns whose rows some tool makes, lists or gets by key.
fn solid(readings: &[Reading<'_>]) -> BTreeSet<String> {
    readings
        .iter()
        .filter(|reading| match reading.act {
            Act::Create | Act::List | Act::Count => true,
            Act::Answer => false,
            _ => reading.key.is_some(),
        })
        .map(|reading| reading.entity.clone())
        .collect()
}

/// Nouns that rows are named by, and whether only ever by a name.
fn named(readings: &[Reading<'_>]) -> Nouns {
    let mut nouns = Nouns::new();
    for reading in readings.iter().filter(|reading| reading.act != Act::Answer) {
        if let Some(key) = reading.key.filter(|_| reading.act.needs_row()) {
            let only = nouns.entry(reading.entity.clone()).or_insert(true);
            *only &= key.named;
        }
    }
    nouns
}

/// Nouns that at least two tools take an id of.
fn mentioned(readings: &[Reading<'_>]) -> BTreeSet<String> {
    let mut tools: BTreeMap<String, usize> = BTreeMap::new();
    for reading in readings {
        let mut mentions: BTreeSet<String> =
            reading.parents.iter().map(|(_, noun)| noun.clone()).collect();
        for field in &reading.tool.input {
            let split = words(&field.name);
            if let Some((last, before)) = split.split_last()
                && KEY_WORDS[..4].contains(&last.as_str())
                && is_scalar(&field.shape)
                && !steers(reading, field)
                && (1..=2).contains(&before.len())
            {
                mentions.insert(before.join("_"));
            }
        }
        for noun in mentions {
            *tools.entry(noun).or_default() += 1;
        }
    }
    tools.into_iter().filter(|(_, count)| 2 <= *count).map(|(noun, _)| noun).collect()
}

/// Finds the row of a tool that does not name one of its own noun.
fn redirect(reading: &mut Reading<'_>, solid: &BTreeSet<String>, nouns: &Nouns) {
    let fields = || {
        let required = reading.tool.input.iter().enumerate().filter(|(_, field)| field.required);
        required.filter(|(_, field)| is_scalar(&field.shape) && !steers(reading, field))
    };
    let other = fields().find_map(|(place, field)| {
        let noun = referred(&words(&field.name), nouns)?;
        (noun != reading.entity).then_some((place, noun))
    });
    let alone = fields().count() == 1;
    let unfounded = !solid.contains(&reading.entity);
    let becomes = matches!(reading.act, Act::Become(_));
    match other {
        Some((place, noun)) if unfounded || (alone && becomes) => {
            reading.key = Some(Key { place, named: nouns[&noun], list: false });
            reading.parents.retain(|(parent, _)| *parent != place);
            reading.entity = noun;
        }
        _ if fields().next().is_none() => reading.act = Act::Answer,
        _ if unfounded && reading.act == Act::Get => reading.act = Act::Answer,
        _ => {}
    }
}

/// The noun that an argument of these words holds a key of.
pub(super) fn referred(split: &[String], nouns: &Nouns) -> Option<String> {
    let (last, before) = split.split_last()?;
    let last = singular(last);
    let keyed = KEY_WORDS.contains(&last.as_str());
    let glued = split.len() == 1 && 4 < last.len() && last.ends_with("id");
    if glued {
        let stem = &last[..last.len() - 2];
        return nouns.keys().find(|noun| noun.replace('_', "") == stem).cloned();
    }
    if !(keyed || last == "name") {
        return None;
    }
    (0..before.len())
        .map(|from| before[from..].join("_"))
        .find(|noun| nouns.get(noun).is_some_and(|named| keyed || *named))
}
