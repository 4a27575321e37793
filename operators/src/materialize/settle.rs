//! Which nouns of a domain are tables, once all its tools have been read.

use std::collections::{BTreeMap, BTreeSet};

use schemas::Field;

use crate::materialize::lexicon::{Act, KEY_WORDS, event, is_event};
use crate::materialize::reading::{Key, Reading, is_scalar, steers};
use crate::materialize::words::{noun, singular, words};

mod links;
mod deeds;

/// The nouns that are tables.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Nouns {
    /// By noun: whether its key is a name rather than an id.
    named: BTreeMap<String, bool>,
    /// Shorter nouns that mean one of them, as `scheme` means the only `security_scheme`.
    aliases: BTreeMap<String, String>,
}

impl Nouns {
    /// Whether the key of a noun is a name; none if the noun is no table.
    pub(super) fn get(&self, noun: &str) -> Option<bool> {
        self.named.get(noun).copied()
    }

    /// How the column is called that refers to a noun.
    pub(super) fn reference(&self, noun: &str) -> String {
        format!("{noun}_{}", if self.get(noun) == Some(true) { "name" } else { "id" })
    }

    /// The nouns, in order.
    pub(super) fn all(&self) -> impl Iterator<Item = &String> {
        self.named.keys()
    }

    /// Whether a noun is another, or a shorter or otherwise spelled name of it.
    pub(super) fn means(&self, noun: &str, other: &str) -> bool {
        noun == other
            || self.aliases.get(noun).is_some_and(|it| it == other)
            || noun.replace('_', "") == other.replace('_', "")
    }

    /// The noun that is meant, if it is a table.
    fn meant(&self, noun: &str) -> Option<&str> {
        let (known, _) = self.named.get_key_value(self.aliases.get(noun).map_or(noun, |it| it))?;
        Some(known)
    }
}

/// Corrects readings by what the other tools of the domain show, and finds the nouns.
///
/// A noun is a table if some tool makes, lists, counts, changes or removes its rows or gets one by
/// its key, or if two tools take an id of it. A tool whose noun is no table answers from cases.
pub(super) fn settle(readings: &mut [Reading<'_>]) -> Nouns {
    bring_about(readings);
    spell_alike(readings);
    let aliases = aliases(readings);
    let solid = solid(readings);
    let mut nouns = Nouns { named: named(readings), aliases };
    for noun in solid.iter().chain(&mentioned(readings, &nouns.aliases)) {
        nouns.named.entry(noun.clone()).or_insert(false);
    }
    for reading in readings.iter_mut() {
        if nouns.get(&reading.entity) == Some(false) && reading.key.is_some_and(|key| key.named) {
            reading.key = None;
        }
        if reading.act.needs_row() && reading.key.is_none() {
            redirect(reading, &solid, &nouns);
        }
    }
    links::link(readings, &nouns);
    readings.iter_mut().for_each(deeds::record);
    let used: BTreeSet<String> = readings
        .iter()
        .filter(|reading| reading.act != Act::Answer)
        .map(|reading| reading.entity.clone())
        .chain(mentioned(readings, &nouns.aliases))
        .collect();
    nouns.named.retain(|noun, _| used.contains(noun));
    for noun in used {
        nouns.named.entry(noun).or_insert(false);
    }
    nouns
}

/// Lets nouns that differ in where words end be one: `issuesecurityscheme` of a path is the
/// `issue_security_scheme` of an argument. The one with more words is kept.
fn spell_alike(readings: &mut [Reading<'_>]) {
    let mut spellings: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut note = |noun: &str| {
        spellings.entry(noun.replace('_', "")).or_default().insert(noun.into());
    };
    for reading in readings.iter() {
        note(&reading.entity);
        note(&reading.object);
        reading.parents.iter().for_each(|(_, noun)| note(noun));
        ids(reading).for_each(|noun| note(&noun));
    }
    let best = |noun: &String| {
        let known = spellings.get(&noun.replace('_', "")).into_iter().flatten();
        known.max_by_key(|it| it.matches('_').count()).cloned().unwrap_or_default()
    };
    for reading in readings {
        reading.entity = best(&reading.entity);
        reading.object = best(&reading.object);
        reading.parents.iter_mut().for_each(|(_, noun)| *noun = best(noun));
    }
}

/// Nouns that only ids are called by, and the one noun of a tool that ends in them.
fn aliases(readings: &[Reading<'_>]) -> BTreeMap<String, String> {
    let own: BTreeSet<&str> = readings
        .iter()
        .filter(|reading| reading.act != Act::Answer)
        .map(|reading| reading.entity.as_str())
        .collect();
    let called: BTreeSet<String> = readings.iter().flat_map(ids).collect();
    let meant = |noun: &String| {
        let ending = format!("_{noun}");
        let mut longer = own.iter().filter(|it| it.ends_with(&ending));
        let only = longer.next().filter(|_| longer.next().is_none())?;
        Some((*only).to_string())
    };
    let unowned = called.iter().filter(|noun| !own.contains(noun.as_str()));
    unowned.filter_map(|noun| Some((noun.clone(), meant(noun)?))).collect()
}

/// The nouns that a tool takes ids of, as its arguments call them.
fn ids(reading: &Reading<'_>) -> impl Iterator<Item = String> {
    let fields = reading.tool.input.iter();
    fields.filter(|field| is_scalar(&field.shape) && !steers(reading, field)).filter_map(|field| {
        let split = words(&field.name);
        let (last, before) = split.split_last()?;
        let id = KEY_WORDS[..4].contains(&last.as_str()) && (1..=4).contains(&before.len());
        id.then(|| before.join("_"))
    })
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
fn named(readings: &[Reading<'_>]) -> BTreeMap<String, bool> {
    let mut nouns = BTreeMap::new();
    for reading in readings.iter().filter(|reading| reading.act != Act::Answer) {
        if let Some(key) = reading.key.filter(|_| reading.act.needs_row()) {
            let only = nouns.entry(reading.entity.clone()).or_insert(true);
            *only &= key.named;
        }
    }
    nouns
}

/// Nouns that at least two tools take an id of.
fn mentioned(readings: &[Reading<'_>], aliases: &BTreeMap<String, String>) -> BTreeSet<String> {
    let mut tools: BTreeMap<String, usize> = BTreeMap::new();
    for reading in readings {
        let of_path = reading.parents.iter().map(|(_, noun)| noun.clone());
        let short = ids(reading).filter(|noun| noun.matches('_').count() < 2);
        let mentions: BTreeSet<String> =
            of_path.chain(short).map(|noun| aliases.get(&noun).cloned().unwrap_or(noun)).collect();
        for noun in mentions {
            *tools.entry(noun).or_default() += 1;
        }
    }
    tools.into_iter().filter(|(_, count)| 2 <= *count).map(|(noun, _)| noun).collect()
}

/// Finds the row of a tool that does not name one of its own noun.
fn redirect(reading: &mut Reading<'_>, solid: &BTreeSet<String>, nouns: &Nouns) {
    let usable = || {
        let all = reading.tool.input.iter().enumerate();
        all.filter(|(_, field)| is_scalar(&field.shape) && !steers(reading, field))
    };
    let fields = || usable().filter(|(_, field)| field.required);
    let other = |(place, field): (usize, &Field)| {
        // A path says better than an argument's name what it is an item of.
        let of_path = reading.parents.iter().find(|(parent, _)| *parent == place);
        let of_path = of_path.map(|(_, noun)| noun.clone());
        let of_path = of_path.filter(|noun| nouns.get(noun).is_some());
        let noun = of_path.or_else(|| referred(&words(&field.name), nouns))?;
        (noun != reading.entity).then_some((place, noun))
    };
    // The last item of the path, as the instance of `/instances/{id}/preview`.
    let above = || {
        let (place, noun) = reading.parents.last()?;
        let one = is_scalar(&reading.tool.input[*place].shape);
        let known = nouns.get(noun).is_some() && *noun != reading.entity;
        (known && one).then(|| (*place, noun.clone()))
    };
    // A noun itself, as the channel of `set_topic(channel, topic)`.
    let itself = |(place, field): (usize, &Field)| {
        let called = noun(&words(&field.name));
        let known = reading.act.writes() && nouns.get(&called).is_some();
        (known && called != reading.entity).then_some((place, called))
    };
    let other = fields().find_map(other).or_else(above).or_else(|| {
        // Where nothing is demanded, as in many Chinese clouds, ids are meant to be given.
        fields().next().is_none().then(|| usable().find_map(other))?
    });
    let other = other.or_else(|| usable().find_map(itself));
    let alone = fields().count() == 1;
    let unfounded = !solid.contains(&reading.entity);
    let becomes = matches!(reading.act, Act::Become(_));
    match other {
        Some((place, noun)) if unfounded || (alone && becomes) => {
            let named = nouns.get(&noun) == Some(true);
            reading.key = Some(Key { place, named, list: false });
            reading.parents.retain(|(parent, _)| *parent != place);
            if reading.act == Act::Get && !reading.object.starts_with(&noun) {
                reading.object = format!("{noun}_{}", reading.object);
            }
            reading.entity = noun;
            // What is removed is something of the row and not the row: a schedule of a volume.
            if reading.act == Act::Delete {
                reading.act = Act::Update;
            }
        }
        _ if fields().next().is_none() => reading.act = Act::Answer,
        _ if unfounded && reading.act == Act::Get => reading.act = Act::Answer,
        _ => {}
    }
}

/// The noun that an argument of these words holds a key of.
pub(super) fn referred(split: &[String], nouns: &Nouns) -> Option<String> {
    let split: Vec<&String> = split.iter().filter(|word| *word != "unique").collect();
    let (last, before) = split.split_last()?;
    let last = singular(last);
    let keyed = KEY_WORDS.contains(&last.as_str());
    let glued = split.len() == 1 && 4 < last.len() && last.ends_with("id");
    if glued {
        let stem = &last[..last.len() - 2];
        return nouns.all().find(|noun| noun.replace('_', "") == stem).cloned();
    }
    if !(keyed || last == "name") {
        return None;
    }
    (0..before.len()).find_map(|from| {
        let words: Vec<&str> = before[from..].iter().map(|word| word.as_str()).collect();
        let noun = words.join("_");
        let squashed = || {
            let mut known = nouns.all();
            known.find(|it| it.contains('_') && it.replace('_', "") == noun.replace('_', ""))
        };
        let noun = nouns.meant(&noun).or_else(|| squashed().map(String::as_str))?;
        (keyed || nouns.get(noun) == Some(true)).then(|| noun.to_string())
    })
}
