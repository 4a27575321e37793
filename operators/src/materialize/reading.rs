//! What one tool seems to do: its verb, its noun, the argument that names a row.
//!
//! A reading uses nothing but the tool itself. Resource paths are believed before names, since
//! they say what contains what; methods are believed unless the name's verb says otherwise.

use schemas::{Field, Shape, Tool};

use crate::materialize::lexicon::{
    Act, KEY_WORDS, act, copies, event, is_event, looks, makes, on_a_row,
};
use crate::materialize::naming::is_control;
use crate::materialize::reading::phrase::{Phrase, own_words, phrase, trim};
use crate::materialize::reading::tail::{Segment, Tail, act_on, ending, segments, tail};
use crate::materialize::words::{noun, singular, words};

pub(super) use crate::materialize::reading::promise::promises_change;

mod phrase;
mod tail;
mod promise;

/// What one tool seems to do.
#[derive(Clone, Debug)]
pub(super) struct Reading<'t> {
    /// The tool.
    pub(super) tool: &'t Tool,
    /// What it does to the rows of its entity.
    pub(super) act: Act,
    /// The verb people use, in its base form.
    pub(super) verb: String,
    /// The noun people use, singular, `snake_case`; empty if there is none.
    pub(super) object: String,
    /// The noun whose table it works on; empty if there is none.
    pub(super) entity: String,
    /// Whether the noun is written as a plural.
    pub(super) many: bool,
    /// The argument that names the row worked on.
    pub(super) key: Option<Key>,
    /// Path arguments before the last collection, with the nouns of their collections.
    pub(super) parents: Vec<(usize, String)>,
}

/// The argument that names the row worked on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Key {
    /// Its place among the arguments.
    pub(super) place: usize,
    /// Whether it is called a name rather than an id.
    pub(super) named: bool,
    /// Whether it is a list of keys.
    pub(super) list: bool,
}

/// Reads a tool.
pub(super) fn read(tool: &Tool) -> Reading<'_> {
    let called = acted_on(tool, phrase(&own_words(&tool.name)));
    let told = (called.verb.clone(), called.act);
    let by_path = tool.path.as_deref().and_then(|path| along_path(tool, path, &called));
    let mut reading = by_path.unwrap_or_else(|| by_name(tool, called));
    if reading.entity.is_empty() && reading.act != Act::Answer {
        reading.act = Act::Answer;
    }
    let above: Vec<usize> = reading.parents.iter().map(|(place, _)| *place).collect();
    if reading.key.is_none() {
        reading.key = key(tool, &reading.entity, reading.act, &above);
    }
    if reading.act == Act::Create && puts_what_is_there(tool, &told.0) {
        let found = reading.key.or_else(|| key(tool, &reading.entity, Act::Update, &above));
        if found.is_some() {
            (reading.key, reading.act, reading.verb) = (found, Act::Update, "update".into());
        }
    }
    // A key that may be left out only narrows a list.
    let listed = reading.key.is_none_or(|key| key.list || !tool.input[key.place].required);
    if reading.act == Act::Get && reading.many && listed {
        reading.act = Act::List;
    }
    on_known_row(&mut reading, told);
    if reading.verb == "tag" || reading.verb == "untag" {
        reading.act = Act::Update;
    }
    reading
}

/// Whether the name says no more than the method does, which may make or change, and the description
/// says that it changes.
fn puts_what_is_there(tool: &Tool, verb: &str) -> bool {
    let first = words(&tool.description).into_iter().next().unwrap_or_default();
    let says = [first.as_str(), singular(&first).as_str()].into_iter().find_map(act);
    verb == "put" && method_stores(tool) && says == Some(Act::Update)
}

/// What a tool does that takes the key of its own noun: it makes a row of that key only if its
/// verb says so, and otherwise the row has to be there.
fn on_known_row(reading: &mut Reading<'_>, (verb, act): (String, Option<Act>)) {
    let known = reading.key.is_some_and(|key| {
        let field = &reading.tool.input[key.place];
        !key.named && field.required
    });
    let conditional = [reading.verb.as_str(), &verb].into_iter().find_map(on_a_row);
    if !known {
        let unsure = matches!(reading.act, Act::Become(_))
            && conditional == Some(reading.act)
            && act == conditional
            && !named_in_path(reading);
        if unsure {
            reading.act = match reading.tool.method.as_deref() {
                Some("POST") => Act::Create,
                Some("PUT" | "PATCH") => Act::Update,
                _ => Act::Answer,
            };
        }
        return;
    }
    let about = event(&reading.verb).is_some()
        && !is_event(&reading.object)
        && !["invoice", "bill", "fine"].contains(&reading.object.as_str());
    let undone = match reading.act {
        Act::Create if makes(&reading.verb) => {
            act.filter(|act| act.needs_row() && *act != Act::Get).is_some()
        }
        Act::Create => !about,
        Act::Update => !about && conditional.is_some() && !method_stores(reading.tool),
        Act::Answer if looks(&verb) => {
            reading.act = Act::Get;
            false
        }
        Act::Answer => conditional.is_some() && on_a_row(&verb).is_some() && act.is_some(),
        _ => false,
    };
    if !undone {
        return;
    }
    if copies(&reading.verb) {
        reading.key = None;
        return;
    }
    let own = act.filter(|act| act.needs_row() && *act != Act::Get);
    reading.act = conditional.or(own).unwrap_or(Act::Update);
    if !verb.is_empty() && (conditional.is_some() || own.is_some()) {
        reading.verb = verb;
    }
}

/// Whether the path names the row, as in `/groups/{groupName}/failover`.
fn named_in_path(reading: &Reading<'_>) -> bool {
    let name = reading.key.map(|key| format!("{{{}}}", reading.tool.input[key.place].name));
    name.zip(reading.tool.path.as_deref()).is_some_and(|(name, path)| path.contains(&name))
}

/// Whether the method says that the tool stores its arguments.
fn method_stores(tool: &Tool) -> bool {
    matches!(tool.method.as_deref(), Some("PUT" | "PATCH"))
}

/// The phrase with the noun of the first id among the arguments, where a name such as `check_in`
/// says what becomes of something and not of what.
fn acted_on(tool: &Tool, mut called: Phrase) -> Phrase {
    if called.noun.is_empty() && matches!(called.act, Some(Act::Become(_))) {
        let owners = tool.input.iter().filter(|field| field.required).map(|field| {
            let mut split = words(&field.name);
            let last = split.pop().unwrap_or_default();
            if KEY_WORDS.contains(&last.as_str()) { split } else { Vec::new() }
        });
        called.noun = owners.into_iter().find(|noun| !noun.is_empty()).unwrap_or_default();
    }
    called
}

fn by_name(tool: &Tool, called: Phrase) -> Reading<'_> {
    let by_method = match tool.method.as_deref() {
        Some("POST") => Act::Create,
        Some("PUT" | "PATCH") => Act::Update,
        Some("DELETE") => Act::Delete,
        Some(_) if called.many => Act::List,
        Some(_) => Act::Get,
        None => Act::Answer,
    };
    let act = called.act.unwrap_or(by_method);
    let object = noun(&called.noun);
    Reading {
        tool,
        act,
        verb: verb(&called, act),
        entity: object.clone(),
        object,
        many: called.many,
        key: None,
        parents: Vec::new(),
    }
}

/// The verb people use for it.
fn verb(called: &Phrase, act: Act) -> String {
    let plain = match act {
        Act::Get => "get",
        Act::List => "list",
        Act::Count => "count",
        Act::Create => "create",
        Act::Update => "update",
        Act::Delete => "delete",
        Act::Become(_) => "change",
        Act::Answer => "get",
    };
    let writes = called.act.is_some_and(|own| own.writes() && act.writes());
    let agrees =
        (called.act == Some(act) || writes) && !(act == Act::Get && called.verb != "download");
    let known = called.verb.as_str();
    match known {
        "new" | "put" | "post" | "insert" => "create".into(),
        "query" | "scan" | "enumerate" | "filter" => "search".into(),
        "is" | "has" | "can" | "does" => "check".into(),
        _ if agrees && !known.is_empty() => known.into(),
        _ => plain.into(),
    }
}

/// Reads a resource path; none if it names no collection.
fn along_path<'t>(tool: &'t Tool, path: &str, called: &Phrase) -> Option<Reading<'t>> {
    let method = tool.method.as_deref()?;
    let segments = segments(path);
    let (end, mut ending) = ending(tool, method, &segments, called)?;
    let deed = end < segments.len();
    let segments = &segments[..end];
    let Tail { collection, item, above } = tail(method, segments)?;
    // `/get-report/{id}` is of reports.
    let collection = match collection {
        [verb, of @ ..] if !of.is_empty() && ["get", "describe"].contains(&verb.as_str()) => of,
        whole => whole,
    };
    let (object, many) = trim(collection);
    let object = noun(&object);
    if object.is_empty() {
        return None;
    }
    let key = item.and_then(|name| field(tool, name)).and_then(|place| {
        let last = words(&tool.input[place].name).pop().unwrap_or_default();
        let (list, fits) = match &tool.input[place].shape {
            Shape::List(inner) => (true, is_scalar(inner)),
            shape => (false, is_scalar(shape)),
        };
        fits.then_some(Key { place, named: last == "name", list })
    });
    // What is put to an item or taken off it is not the item: `POST /tasks/{id}/removeTag`.
    let of = noun(&ending.noun);
    let other = !of.is_empty() && of != object && !object.ends_with(&format!("_{of}"));
    let whole = matches!(ending.act, Some(Act::Create | Act::Delete));
    if deed && item.is_some() && other && whole {
        ending.act = Some(Act::Update);
    }
    let told = || self::key(tool, &object, Act::Update, &[]).is_some_and(|found| !found.named);
    let named = item.is_some() || (matches!(ending.act, Some(Act::Become(_))) && told());
    let act = match ending.act {
        Some(Act::Become(status)) if named && method != "GET" => Act::Become(status),
        _ => act_on(method, item.is_some(), many, &ending),
    };
    let collected = |segment: &Segment| matches!(segment, Segment::Static(_));
    let before = segments.iter().rposition(collected)?;
    let mut parents = parents(tool, &segments[..before]);
    parents.extend(above.and_then(|(name, held)| Some((field(tool, name)?, held))));
    let own = noun(&called.noun);
    let longer = called.act.is_some() && own.ends_with(&format!("_{object}"));
    Some(Reading {
        tool,
        act,
        verb: verb(&ending, act),
        object: if longer { own } else { object.clone() },
        entity: object,
        many: many && item.is_none(),
        key,
        parents,
    })
}

/// The path arguments before the collection worked on, with the nouns of their collections.
fn parents(tool: &Tool, segments: &[Segment]) -> Vec<(usize, String)> {
    segments
        .windows(2)
        .filter_map(|pair| match pair {
            [Segment::Static(split), Segment::Argument(name)] => {
                let of = noun(&trim(split).0);
                field(tool, name).filter(|_| !of.is_empty()).map(|place| (place, of))
            }
            _ => None,
        })
        .collect()
}

fn field(tool: &Tool, name: &str) -> Option<usize> {
    let exactly = tool.input.iter().position(|field| field.name == name);
    exactly.or_else(|| tool.input.iter().position(|field| words(&field.name) == words(name)))
}

/// The argument that names the row, judged by what it is called.
fn key(tool: &Tool, entity: &str, act: Act, above: &[usize]) -> Option<Key> {
    if entity.is_empty() {
        return None;
    }
    let scored = tool.input.iter().enumerate().filter_map(|(place, field)| {
        let (list, scalar) = match &field.shape {
            Shape::List(item) => (true, is_scalar(item)),
            shape => (false, is_scalar(shape)),
        };
        let (score, named) = likeness(field, entity, act)?;
        let fits = scalar && field.place != "header" && !(list && act == Act::Create);
        let own = !above.contains(&place);
        (fits && own).then_some((score + u32::from(field.required), place, named, list))
    });
    scored
        .max_by_key(|(score, place, ..)| (*score, usize::MAX - place))
        .map(|(_, place, named, list)| Key { place, named, list })
}

/// Words before a noun that say that another of its kind is meant: the rows below a parent are not
/// the parent.
const RELATIVES: [&str; 9] =
    ["parent", "source", "target", "previous", "next", "original", "root", "base", "template"];

/// How much an argument is called like the key of a noun, and whether it is called a name.
fn likeness(field: &Field, entity: &str, act: Act) -> Option<(u32, bool)> {
    let mut split = words(&field.name);
    split.retain(|word| word != "unique");
    if let Shape::List(_) = field.shape {
        split.last_mut().map(|last| *last = singular(last))?;
    }
    let (last, before) = split.split_last()?;
    let before = before.join("_");
    let id = KEY_WORDS.contains(&last.as_str());
    let short = entity.rsplit('_').next().unwrap_or(entity);
    let glued = split.concat();
    let weak = act != Act::Create && act != Act::List && act != Act::Count;
    Some(match () {
        () if id && before == entity => (100, false),
        () if glued == format!("{}id", entity.replace('_', "")) => (95, false),
        () if id && before == short => (90, false),
        () if id
            && before.ends_with(&format!("_{entity}"))
            && (weak || !RELATIVES.contains(&split[0].as_str())) =>
        {
            (85, false)
        }
        () if id && before.is_empty() && last != "number" && last != "no" => (80, false),
        () if last == "name" && (before == entity || before == short) => (70, true),
        () if weak && field.required && split.join("_") == entity => (60, true),
        () if weak && field.required && (field.name == "name" || field.name == "Name") => {
            (40, true)
        }
        () => return None,
    })
}

/// Whether a shape is one value that can be a key; keys that are numbers have seven digits.
pub(super) fn is_scalar(shape: &Shape) -> bool {
    match shape {
        Shape::Integer { minimum, maximum } => {
            minimum.is_none_or(|least| least <= 1_000_000)
                && maximum.is_none_or(|most| 9_999_999 <= most)
        }
        shape => matches!(shape, Shape::Text { .. } | Shape::Any),
    }
}

/// Whether an argument steers the call and is not about the data.
pub(super) fn steers(reading: &Reading<'_>, field: &Field) -> bool {
    let name = words(&field.name).join("_");
    let flag = field.shape == Shape::Boolean
        && (matches!(reading.act, Act::Get | Act::Delete)
            || ["include", "with", "show", "return", "only", "expand"]
                .iter()
                .any(|word| name.split('_').any(|it| it == *word)));
    flag || name.is_empty()
        || is_control(&name)
        || (field.place == "header" && !field.required)
        || field.place == "cookie"
}

#[cfg(test)]
mod tests;
