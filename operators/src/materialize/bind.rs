//! What each argument of a tool is for: the key, a column, a search, a limit, or steering.

use schemas::{Comparison, Field, Shape};

use crate::materialize::lexicon::{Act, KEY_WORDS, copies};
use crate::materialize::naming::{is_limit, is_search};
use crate::materialize::reading::{Reading, is_scalar, steers};
use crate::materialize::settle::{Nouns, referred};
use crate::materialize::words::{column_name, noun, words};

/// An argument, or a part of an object argument, and what it is for.
#[derive(Clone, Debug)]
pub(super) struct Binding<'t> {
    /// The argument.
    pub(super) argument: &'t Field,
    /// The part of it, where an object was opened.
    pub(super) part: Option<&'t Field>,
    /// What it is for.
    pub(super) target: Target,
}

/// What an argument is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Target {
    /// Names the row.
    Key,
    /// Lists the rows.
    Keys,
    /// Holds or is compared with a column.
    Column {
        /// The column of that very name.
        name: String,
        /// The noun whose keys it holds.
        reference: Option<String>,
        /// For bounds such as `min_price`: the column bounded, if none has the very name.
        bound: Option<(String, Comparison)>,
    },
    /// Is what a column must hold before it is changed.
    Was(String),
    /// Is searched for in the text of rows.
    Search,
    /// How many rows are asked for.
    Limit,
    /// Nothing about the data.
    Control,
}

impl<'t> Binding<'t> {
    /// The field whose value is used: the part, or the whole argument.
    pub(super) fn field(&self) -> &'t Field {
        self.part.unwrap_or(self.argument)
    }

    /// Whether the call cannot be made without it.
    pub(super) fn required(&self) -> bool {
        self.argument.required && self.part.is_none_or(|part| part.required)
    }
}

/// Names of objects that only wrap what a tool stores.
const ENVELOPES: [&str; 18] = [
    "data",
    "attributes",
    "properties",
    "body",
    "input",
    "details",
    "fields",
    "payload",
    "params",
    "request",
    "info",
    "object",
    "resource",
    "parameters",
    "entity",
    "values",
    "record",
    "item",
];

/// Binds every argument of a tool.
pub(super) fn bind<'t>(reading: &Reading<'t>, nouns: &Nouns) -> Vec<Binding<'t>> {
    let tool = reading.tool;
    let mut bindings = Vec::new();
    for (place, argument) in tool.input.iter().enumerate() {
        if let Some(parts) = opened(reading, argument) {
            bindings.extend(parts.iter().map(|part| Binding {
                argument,
                part: Some(part),
                target: target(reading, part, None, nouns),
            }));
        } else {
            let target = target(reading, argument, Some(place), nouns);
            bindings.push(Binding { argument, part: None, target });
        }
    }
    bindings
}

/// The parts of an object that wraps what a tool stores.
fn opened<'t>(reading: &Reading<'t>, argument: &'t Field) -> Option<&'t [Field]> {
    let Shape::Object(parts) = &argument.shape else { return None };
    let split = words(&argument.name);
    let stores = matches!(reading.act, Act::Create | Act::Update | Act::Become(_));
    let name = noun(&split);
    let wraps = split.last().is_some_and(|last| ENVELOPES.contains(&last.as_str()))
        || name == reading.entity
        || name == reading.object;
    (stores && wraps && !parts.is_empty()).then_some(parts)
}

fn target(reading: &Reading<'_>, field: &Field, place: Option<usize>, nouns: &Nouns) -> Target {
    let split = words(&field.name);
    let name = split.join("_");
    if let Some(key) =
        reading.key.filter(|key| Some(key.place) == place && reading.act != Act::Answer)
        && (reading.act.needs_row()
            || key.list
            || listed_by_key(reading)
            || chosen(reading, field, nouns))
    {
        return if key.list { Target::Keys } else { Target::Key };
    }
    if reading.act == Act::Create
        && is_scalar(&field.shape)
        && names_new(reading, field, &split, nouns)
    {
        return Target::Key;
    }
    if let Some((_, noun)) = reading.parents.iter().find(|(at, _)| Some(*at) == place) {
        return Target::Column {
            name: nouns.reference(noun),
            reference: nouns.get(noun).map(|_| noun.clone()),
            bound: None,
        };
    }
    if steers(reading, field) && !(field.required && reading.act.writes() && place.is_none()) {
        return if is_limit(&name) { Target::Limit } else { Target::Control };
    }
    let reads = matches!(reading.act, Act::List | Act::Count);
    if reads && name == "p" && matches!(field.shape, Shape::Integer { .. }) {
        return Target::Control;
    }
    if reads
        && is_limit(&name)
        && matches!(field.shape, Shape::Integer { .. } | Shape::Number { .. })
    {
        return Target::Limit;
    }
    // A place in a list that is not a date, or a limit spelled as text, says nothing of rows.
    let text = matches!(field.shape, Shape::Text { .. });
    let pages = (text && is_limit(&name) && 2 < name.len())
        || (["after", "before", "start", "end"].contains(&name.as_str())
            && bound(&reading.entity, field, &split).is_none_or(|_| !text));
    if reads && pages {
        return Target::Control;
    }
    if reads && is_search(&name) && matches!(field.shape, Shape::Text { .. } | Shape::Any) {
        return Target::Search;
    }
    column(reading, field, &split, nouns)
}

/// Whether an argument says by what key the row that is made will go: its name, where rows go by
/// their names, or a key that may be left out, such as the `client_id` of a call that registers
/// a client. What a copy is made of is another row.
fn names_new(reading: &Reading<'_>, field: &Field, split: &[String], nouns: &Nouns) -> bool {
    let Some((last, before)) = split.split_last() else { return false };
    let own = referred(split, nouns).as_ref() == Some(&reading.entity);
    if nouns.get(&reading.entity) == Some(true) {
        return split == ["name"] || own;
    }
    let whole = before.is_empty() || nouns.means(&before.join("_"), &reading.entity);
    let keyed = KEY_WORDS[..5].contains(&last.as_str());
    let key = if before.is_empty() { keyed || own } else { keyed && own };
    !field.required && whole && key && !copies(&reading.verb)
}

/// Whether the caller chooses the key of what is made, as with `PUT /servers/{server_id}`, or with
/// `PUT /groups/{failover_group_name}` where groups go by their names.
fn chosen(reading: &Reading<'_>, field: &Field, nouns: &Nouns) -> bool {
    let by_name = nouns.get(&reading.entity) == Some(true);
    reading.act == Act::Create
        && field.required
        && reading.key.is_some_and(|key| !key.named || by_name)
}

/// Lists by a key of the very noun are lists of one, as `describe_instances(instance_id)`.
fn listed_by_key(reading: &Reading<'_>) -> bool {
    matches!(reading.act, Act::List | Act::Count) && reading.key.is_some_and(|key| !key.named)
}

fn column(reading: &Reading<'_>, field: &Field, split: &[String], nouns: &Nouns) -> Target {
    let split = match turned(reading, field, split, nouns) {
        Some((Side::After, rest)) => rest,
        Some((Side::Before, rest)) => {
            return match column(reading, field, rest, nouns) {
                Target::Column { name, .. } => Target::Was(name),
                other => other,
            };
        }
        None => split,
    };
    let reference = referred(split, nouns).filter(|_| is_scalar(&field.shape));
    if let Some(noun) = &reference {
        let before: Vec<&str> =
            split.iter().map(String::as_str).filter(|it| *it != "unique").collect();
        let before = before[..before.len().saturating_sub(1)].join("_");
        let direct = split.len() == 1 || nouns.means(&before, noun);
        let mut name = if direct { nouns.reference(noun) } else { column_name(split) };
        if *noun == reading.entity && reading.act != Act::Answer {
            name = format!("related_{name}");
        }
        return Target::Column { name, reference, bound: None };
    }
    let name = own_column(&reading.entity, split);
    let bound = matches!(reading.act, Act::List | Act::Count)
        .then(|| bound(&reading.entity, field, split))
        .flatten();
    Target::Column { name, reference, bound }
}

/// Whether an argument says what a column is to hold, or what it must hold before.
#[derive(Clone, Copy)]
enum Side {
    Before,
    After,
}

/// The words of the column that an argument of a change such as `new_slot_id` is about.
fn turned<'s>(
    reading: &Reading<'_>,
    field: &Field,
    split: &'s [String],
    nouns: &Nouns,
) -> Option<(Side, &'s [String])> {
    if !matches!(reading.act, Act::Update | Act::Become(_)) || split.len() < 2 {
        return None;
    }
    let (first, last) = (split[0].as_str(), split[split.len() - 1].as_str());
    let (side, rest, always) = match first {
        "new" | "updated" => (Side::After, &split[1..], true),
        "target" | "to" | "destination" => (Side::After, &split[1..], false),
        "old" | "previous" => (Side::Before, &split[1..], true),
        "from" | "current" => (Side::Before, &split[1..], false),
        _ if last == "to" => (Side::After, &split[..split.len() - 1], false),
        _ if last == "from" => (Side::Before, &split[..split.len() - 1], false),
        _ => return None,
    };
    let noun = referred(rest, nouns);
    let own = noun.as_ref() == Some(&reading.entity);
    let plain = always || noun.is_some();
    let counterpart = |other: &Field| {
        let theirs = words(&other.name);
        let key = reading.key.is_some_and(|key| reading.tool.input[key.place].name == other.name);
        theirs == rest && !key
    };
    let taken = matches!(side, Side::After) && reading.tool.input.iter().any(counterpart);
    let usable = matches!(side, Side::After) || (field.required && is_scalar(&field.shape));
    (plain && !own && !taken && usable).then_some((side, rest))
}

/// The column of these words: a title of a book is its `title`, not its `book_title`.
pub(super) fn own_column(entity: &str, split: &[String]) -> String {
    let own: Vec<&str> = entity.split('_').filter(|part| !part.is_empty()).collect();
    let starts = !own.is_empty()
        && own.len() < split.len()
        && own.iter().zip(split).all(|(own, word)| own == word);
    let rest = if starts { &split[own.len()..] } else { split };
    if rest == ["id"] { column_name(split) } else { column_name(rest) }
}

const LOWER: [&str; 11] = [
    "min", "minimum", "from", "since", "after", "start", "begin", "starting", "gte", "gt",
    "earliest",
];
const UPPER: [&str; 11] =
    ["max", "maximum", "to", "until", "before", "end", "lte", "lt", "through", "ending", "latest"];

/// The column that a bound such as `min_price` or `until` bounds, and from which side; also that of
/// which a text such as `name_like` is to be a part.
fn bound(entity: &str, field: &Field, split: &[String]) -> Option<(String, Comparison)> {
    if let [rest @ .., last] = split
        && ["like", "contains"].contains(&last.as_str())
        && matches!(field.shape, Shape::Text { .. })
        && !rest.is_empty()
    {
        return Some((own_column(entity, rest), Comparison::Contains));
    }
    let side = |word: &String| match word.as_str() {
        word if LOWER.contains(&word) => Some(Comparison::AtLeast),
        word if UPPER.contains(&word) => Some(Comparison::AtMost),
        _ => None,
    };
    let measured = match &field.shape {
        Shape::Integer { .. } | Shape::Number { .. } => true,
        Shape::Text { format, .. } => {
            let description = field.description.to_lowercase();
            format.starts_with("date")
                || split.iter().any(|it| ["date", "time", "day", "at"].contains(&it.as_str()))
                || (split.len() == 1
                    && ["date", "time", "iso"].iter().any(|it| description.contains(it)))
        }
        _ => false,
    };
    let (first, last) = (split.first()?, split.last()?);
    let (comparison, rest) = match (side(first), side(last)) {
        _ if !measured => return None,
        (Some(comparison), _) => (comparison, &split[1..]),
        (None, Some(comparison)) => (comparison, &split[..split.len() - 1]),
        _ => return None,
    };
    let name = if rest.is_empty() { "date".into() } else { own_column(entity, rest) };
    Some((name, comparison))
}
