//! One call as a want: a verb, what it acts on, and what the user adds.

use std::collections::BTreeSet;

use schemas::{ArgumentSource, Draw, Effect, GoldenCall, Operation, Value};

use crate::compose::realise::{Teller, wording};
use crate::compose::uses::{Use, Uses};
use crate::compose::words;

/// A want without its subject: `borrow book bk_7f3a90c1` + ` for 21 days`.
pub(crate) struct Clause {
    /// The verb and what it acts on.
    pub(crate) core: String,
    /// What the user adds, to follow the core in the same sentence.
    pub(crate) inline: String,
    /// What the user adds, as labels and values, to follow in a sentence of its own.
    pub(crate) told: Vec<(String, String)>,
}

impl Clause {
    pub(crate) fn whole(&self) -> String {
        format!("{}{}", self.core, self.inline)
    }
}

const FIND: [&str; 5] = ["find", "look up", "list", "pull up", "search for"];
const LOOK: [&str; 4] = ["look up", "pull up", "check", "get"];
const MAKE: [&str; 4] = ["create", "add", "set up", "make"];
const CHANGE: [&str; 3] = ["update", "change", "edit"];
const REMOVE: [&str; 2] = ["delete", "remove"];
const ABOUT: [&str; 4] =
    ["the details of {it}", "{it}", "the record of {it}", "the information on {it}"];

/// Words one call; none if an argument the user gives cannot be said.
pub(crate) fn clause(
    teller: &Teller<'_>,
    golden: &[GoldenCall],
    place: usize,
    want: &[usize],
    draw: Draw,
) -> Option<Clause> {
    let call = &golden[place];
    let operation = teller.world.operation(&call.name)?;
    let uses = &teller.usage[&call.name];
    let noun = if operation.noun.is_empty() { "item" } else { operation.noun.as_str() };
    let main = main_key(teller, operation, uses, noun);
    let reference = main
        .and_then(|argument| refer(teller, golden, call, argument, noun, draw.with("reference")));
    let namesake = namesake(call, operation, uses, noun).filter(|_| reference.is_none());
    let reference = reference.or_else(|| namesake.as_ref().map(|(_, said)| said.clone()));
    let stated = stated(call, uses);
    let noun = stated.map_or_else(|| noun.to_string(), |(_, status)| format!("{status} {noun}"));
    let noun = noun.as_str();
    let open = call.sources.iter().any(|(_, source)| *source == ArgumentSource::OnRequest);
    let known = (main.is_some(), open);
    let core = core(operation, uses, noun, reference.as_deref(), known, draw.with("verb"));
    let mut parts = Parts::default();
    // What a call answered with is spoken of once: whoever has the row has its other parts too.
    let spoken = main_source(call, main).filter(|_| reference.is_some());
    let mut spoken_of: BTreeSet<usize> = spoken.into_iter().collect();
    for (argument, source) in &call.sources {
        let named = namesake.as_ref().is_some_and(|(name, _)| *name == argument);
        let said_already = named || stated.is_some_and(|(name, _)| name == argument);
        if said_already || reference.is_some() && main == Some(argument.as_str()) {
            continue;
        }
        let value = call.arguments.get(argument)?;
        match source {
            ArgumentSource::User => {
                let said = words::said(&words::label(argument), value)?;
                parts.add(teller, uses, operation, (argument, value, &said), draw);
            }
            ArgumentSource::Output(from, pointer)
                if want.contains(from) && spoken_of.insert(*from) =>
            {
                let at = (*from, pointer.as_str());
                let it = handed_on(teller, golden, call, argument, at);
                parts.free.extend(it.map(|it| format!("{} {it}", preposition(&operation.verb))));
            }
            ArgumentSource::Output(..) | ArgumentSource::OnRequest | ArgumentSource::Default => {}
        }
    }
    let change = call.effect == Effect::Write && uses.creates.is_empty() && uses.deletes.is_empty();
    let setting = change && reference.is_some();
    if !setting {
        parts.span();
    }
    let inline = parts.inline(setting);
    Some(Clause { core, inline, told: parts.told })
}

/// Where a look-up is for the thing that one argument names: the argument, and the thing.
fn namesake<'c>(
    call: &'c GoldenCall,
    operation: &Operation,
    uses: &Uses,
    noun: &str,
) -> Option<(&'c str, String)> {
    if operation.effect == Effect::Write || uses.lists {
        return None;
    }
    call.sources.iter().find_map(|(name, source)| {
        let label = words::label(name);
        let value = call.arguments.get(name).filter(|it| it.as_text().is_some())?;
        let same = *source == ArgumentSource::User && label == noun;
        let said = words::said(&label, value).filter(|_| same)?;
        Some((name.as_str(), format!("the {noun} {said}")))
    })
}

/// The status that a list is narrowed to, where it reads as an adjective: the argument, and it.
fn stated<'c>(call: &'c GoldenCall, uses: &Uses) -> Option<(&'c str, &'c str)> {
    call.sources.iter().filter(|_| uses.lists).find_map(|(name, source)| {
        let status = matches!(words::label(name).as_str(), "status" | "state");
        let filters = matches!(uses.argument(name).first(), Some(Use::Filter(..)));
        let value = call.arguments.get(name)?.as_text()?;
        let plain = 2 < value.len() && value.chars().all(|it| it.is_ascii_lowercase());
        let told = *source == ArgumentSource::User;
        (status && filters && plain && told).then_some((name.as_str(), value))
    })
}

/// The argument that names the row the operation acts on.
fn main_key<'o>(
    teller: &Teller<'_>,
    operation: &'o Operation,
    uses: &Uses,
    noun: &str,
) -> Option<&'o str> {
    let keys = || {
        operation.input.iter().filter_map(|field| {
            let table = teller.world.environment().table(uses.key_of(&field.name)?)?;
            Some((field, table))
        })
    };
    if uses.lists {
        return None;
    }
    let last = |words: &str| words.rsplit(' ').next().map(str::to_lowercase);
    keys()
        .find(|(_, table)| last(&table.noun) == last(noun))
        .or_else(|| {
            keys().find(|(_, table)| {
                uses.creates.is_empty()
                    && (uses.deletes.contains(&table.name) || uses.shows.contains(&table.name))
            })
        })
        .map(|(field, _)| field.name.as_str())
}

/// How the row is spoken of; none if the user keeps it to themselves.
fn refer(
    teller: &Teller<'_>,
    golden: &[GoldenCall],
    call: &GoldenCall,
    argument: &str,
    noun: &str,
    draw: Draw,
) -> Option<String> {
    let (_, source) = call.sources.iter().find(|(name, _)| name == argument)?;
    let table = teller.world.environment().table(teller.usage[&call.name].key_of(argument)?)?;
    let noun = if words::is_uncounted(noun) { table.noun.as_str() } else { noun };
    match source {
        ArgumentSource::Output(from, pointer) if !is_about(teller, golden, *from, noun) => {
            Some(mentioned(teller, golden, (*from, pointer), noun))
        }
        ArgumentSource::Output(from, pointer) => {
            let list: &[&str] = if is_first(golden, (*from, pointer)) {
                &[
                    "the first {it} on the list",
                    "the first {it} that comes up",
                    "the first of those {many}",
                ]
            } else {
                &["that {it}", "this {it}", "the same {it}"]
            };
            let many = words::plural(noun);
            Some(draw.from_list(list).replace("{it}", noun).replace("{many}", &many))
        }
        ArgumentSource::User => {
            let label = words::label(argument);
            let said = words::said(&label, call.arguments.get(argument)?)?;
            let list: &[&str] = &[
                "{it} {said}",
                "the {it} with ID {said}",
                "the {it} with the reference {said}",
                "{it} number {said}",
                "the {it} {said}",
            ];
            let frame = if said.starts_with('"') || !said.contains(|it: char| it.is_ascii_digit()) {
                "the {it} {said}"
            } else if said.parse::<i64>().is_ok() {
                *draw.from_list(list)
            } else {
                *draw.from_list(&list[..3])
            };
            Some(frame.replace("{it}", noun).replace("{said}", &said))
        }
        ArgumentSource::OnRequest | ArgumentSource::Default => None,
    }
}

/// Whether a call is about things of this noun, or makes one.
fn is_about(teller: &Teller<'_>, golden: &[GoldenCall], place: usize, noun: &str) -> bool {
    let last = |words: &str| words.rsplit(' ').next().unwrap_or_default().to_lowercase();
    let Some(call) = golden.get(place) else { return true };
    let made = teller.usage.get(&call.name).is_some_and(|uses| {
        uses.creates.iter().any(|table| {
            let table = teller.world.environment().table(table);
            table.is_some_and(|it| last(&it.noun) == last(noun))
        })
    });
    made || teller.world.operation(&call.name).is_none_or(|it| last(&it.noun) == last(noun))
}

/// A thing that an earlier call answered with: itself, or that of what the call was about.
fn mentioned(
    teller: &Teller<'_>,
    golden: &[GoldenCall],
    (place, pointer): (usize, &str),
    noun: &str,
) -> String {
    let which = if is_first(golden, (place, pointer)) { "the first" } else { "that" };
    let about = golden.get(place).and_then(|call| teller.world.operation(&call.name));
    match about {
        Some(about) if !is_about(teller, golden, place, noun) && !about.noun.is_empty() => {
            format!("the {noun} of {which} {}", about.noun)
        }
        _ => format!("{which} {noun}"),
    }
}

/// The preposition between what is acted on and whom it concerns.
fn preposition(verb: &str) -> &'static str {
    match verb.to_lowercase().as_str() {
        "assign" | "add" | "send" | "attach" | "link" | "transfer" | "move" | "invite"
        | "grant" | "apply" | "connect" | "share" | "give" | "deliver" => "to",
        "remove" | "detach" | "unlink" | "revoke" | "disconnect" => "from",
        _ => "for",
    }
}

/// Whether what a call answered with at a pointer is the first of several.
fn is_first(golden: &[GoldenCall], (place, pointer): (usize, &str)) -> bool {
    let lists = pointer.match_indices("/0").map(|(end, _)| &pointer[..end]);
    let Some(answer) = golden.get(place).filter(|_| pointer.contains("/0")) else { return false };
    let Ok(answer) = Value::parse(&answer.observation) else { return false };
    let mut lists = lists.filter_map(|list| answer.at(list));
    lists.any(|list| matches!(list, Value::List(items) if 1 < items.len()))
}

/// What an argument takes from an earlier call: the thing that call was about if others take
/// something from it too, or else the thing it names; none if it names none.
fn handed_on(
    teller: &Teller<'_>,
    golden: &[GoldenCall],
    call: &GoldenCall,
    argument: &str,
    at: (usize, &str),
) -> Option<String> {
    let from_there = |source: &ArgumentSource| matches!(source, ArgumentSource::Output(from, _) if *from == at.0);
    let shared = 1 < call.sources.iter().filter(|(_, source)| from_there(source)).count();
    let about = golden.get(at.0).and_then(|it| teller.world.operation(&it.name));
    if let Some(about) = about.filter(|it| shared && !it.noun.is_empty()) {
        return Some(mentioned(teller, golden, at, &about.noun));
    }
    let table = teller.usage[&call.name].key_of(argument)?;
    let table = teller.world.environment().table(table)?;
    Some(mentioned(teller, golden, at, &table.noun))
}

/// The call whose answer names the row that a call acts on, if one does.
fn main_source(call: &GoldenCall, main: Option<&str>) -> Option<usize> {
    call.sources.iter().find_map(|(name, source)| match source {
        ArgumentSource::Output(from, _) if Some(name.as_str()) == main => Some(*from),
        _ => None,
    })
}

fn core(
    operation: &Operation,
    uses: &Uses,
    noun: &str,
    reference: Option<&str>,
    (keyed, open): (bool, bool),
    draw: Draw,
) -> String {
    let verb = operation.verb.to_lowercase();
    let plain = |list: &[&str]| list.contains(&verb.as_str());
    let reads = operation.effect == Effect::Read;
    if reads && uses.lists {
        let finding = draw.from_list(&FIND);
        return format!("{finding} {}", words::plural(noun));
    }
    let generic_read = plain(&[
        "get", "retrieve", "fetch", "show", "read", "view", "find", "list", "search", "describe",
        "lookup", "query", "see", "return", "obtain", "",
    ]);
    if reads && generic_read {
        let looking = draw.from_list(&LOOK);
        return match reference {
            Some(reference) => {
                let about = draw.with("about").from_list(&ABOUT).replace("{it}", reference);
                format!("{looking} {about}")
            }
            None if words::is_uncounted(noun) => format!("{looking} the {noun}"),
            None if keyed => format!("{looking} the details of {}", words::with_article(noun)),
            None if open => format!("{looking} {}", words::with_article(noun)),
            None => format!("{looking} the {noun}"),
        };
    }
    let synonym = if !uses.creates.is_empty()
        && plain(&["create", "add", "post", "insert", "new", "make", "put", "save", "store"])
    {
        (*draw.from_list(&MAKE)).to_string()
    } else if plain(&["update", "modify", "edit", "patch", "put", "change", "set", "alter"]) {
        (*draw.from_list(&CHANGE)).to_string()
    } else if plain(&["delete", "remove", "destroy", "erase"]) {
        (*draw.from_list(&REMOVE)).to_string()
    } else if verb.is_empty() {
        "request".into()
    } else {
        verb.clone()
    };
    match reference {
        Some(reference) => format!("{synonym} {reference}"),
        None if words::is_uncounted(noun) => format!("{synonym} {noun}"),
        None if !uses.creates.is_empty() && !keyed => {
            let new = if draw.with("new").happens(600) { "new " } else { "" };
            format!("{synonym} {}", words::with_article(&format!("{new}{noun}")))
        }
        None if reads => format!("{synonym} the {noun}"),
        None => format!("{synonym} {}", words::with_article(noun)),
    }
}

/// What the user adds, sorted by how it is said.
#[derive(Default)]
struct Parts {
    /// Phrases with a preposition of their own.
    free: Vec<String>,
    /// Labels and values that share one `with`.
    with: Vec<(String, String)>,
    told: Vec<(String, String)>,
    /// Labels and values of days and moments that might begin or end a span.
    dated: Vec<(String, String, Option<String>)>,
}

impl Parts {
    /// Says a beginning and its end in one phrase.
    fn span(&mut self) {
        let Some((start, end)) = self.dated.iter().find_map(|(label, start, _)| {
            let end = wording::end_of(label)?;
            let (_, said, _) = self.dated.iter().find(|(other, ..)| other == end)?;
            Some(((label.clone(), start.clone()), (end.to_string(), said.clone())))
        }) else {
            return;
        };
        let apart: Vec<&String> = self
            .dated
            .iter()
            .filter(|(label, ..)| *label == start.0 || *label == end.0)
            .filter_map(|(.., phrase)| phrase.as_ref())
            .collect();
        self.free.retain(|it| !apart.contains(&it));
        self.with.retain(|(label, _)| *label != start.0 && *label != end.0);
        self.free.push(format!("from {} to {}", start.1, end.1));
    }

    fn add(
        &mut self,
        teller: &Teller<'_>,
        uses: &Uses,
        operation: &Operation,
        (argument, value, said): (&str, &Value, &str),
        draw: Draw,
    ) {
        let label = words::label(argument);
        self.told.push((label.clone(), said.into()));
        let phrase = phrase(teller, uses, operation, (argument, value, said), draw);
        if value.as_text().is_some() {
            self.dated.push((label.clone(), said.into(), phrase.clone()));
        }
        match phrase {
            Some(phrase) => self.free.push(phrase),
            None => {
                let said = match value {
                    Value::Bool(_) => format!("set to {said}"),
                    Value::Object(_) => format!("({said})"),
                    _ => said.to_string(),
                };
                self.with.push((label, said));
            }
        }
    }

    /// Everything in one breath; `setting` words the rest as a change.
    fn inline(&self, setting: bool) -> String {
        let mut said = String::new();
        for phrase in &self.free {
            said.push(' ');
            said.push_str(phrase);
        }
        if self.with.is_empty() {
            return said;
        }
        let parts: Vec<String> = self
            .with
            .iter()
            .map(|(label, value)| match setting {
                true => {
                    let value = value.strip_prefix("set to ").unwrap_or(value);
                    match value.starts_with('(') {
                        true => format!("the {label} {value}"),
                        false => format!("the {label} to {value}"),
                    }
                }
                false => format!("the {label} {value}"),
            })
            .collect();
        said.push_str(if setting { ", setting " } else { " with " });
        said.push_str(&words::listed(&parts));
        said
    }
}

/// The argument with a preposition of its own; none if it goes with a plain `with`.
fn phrase(
    teller: &Teller<'_>,
    uses: &Uses,
    operation: &Operation,
    (argument, value, said): (&str, &Value, &str),
    draw: Draw,
) -> Option<String> {
    let label = words::label(argument);
    let found = uses.argument(argument).first();
    let table = uses.key_of(argument).and_then(|it| teller.world.environment().table(it));
    let reads = operation.effect == Effect::Read;
    let lower = label.to_lowercase();
    let counted = |unit: &str| match value {
        Value::Integer(1) => unit.trim_end_matches('s').to_string(),
        _ => unit.to_string(),
    };
    match (found, lower.as_str()) {
        (Some(Use::Key(_)), _) if table.is_some_and(|it| lower == format!("{} id", it.noun)) => {
            let noun = table.map_or("", |it| it.noun.as_str());
            Some(format!("{} {noun} {said}", preposition(&operation.verb)))
        }
        (Some(Use::Key(_) | Use::Filter(..)), _) if reads && lower.ends_with(" id") => {
            let stem = &label[..label.len() - " ID".len()];
            Some(format!("for {stem} {said}"))
        }
        (Some(Use::Limit), _) => Some(
            draw.with(argument)
                .from_list(&["with no more than {said} results", "limited to {said} results"])
                .replace("{said}", said),
        ),
        (
            Some(Use::Filter(_, _, schemas::Comparison::Contains)),
            "query" | "q" | "search" | "keyword" | "keywords" | "term" | "search term"
            | "search query" | "text",
        ) => Some(
            draw.with(argument)
                .from_list(&["matching {said}", "that match {said}", "to do with {said}"])
                .replace("{said}", said),
        ),
        (
            _,
            "query" | "q" | "search" | "keyword" | "keywords" | "term" | "search term"
            | "search query",
        ) if reads => Some(format!("matching {said}")),
        (_, "days" | "nights" | "hours" | "minutes" | "weeks" | "months")
            if value.as_number().is_some() =>
        {
            Some(format!("for {said} {}", counted(&lower)))
        }
        (
            _,
            "from" | "origin" | "from currency" | "source currency" | "from city"
            | "source language",
        ) => Some(format!("from {said}")),
        (
            _,
            "to" | "destination" | "to currency" | "target currency" | "to city"
            | "target language",
        ) => Some(format!("to {said}")),
        (_, "city" | "country" | "location") => Some(format!("in {said}")),
        (_, "date" | "day") => Some(format!("on {said}")),
        (_, "start date") => Some(format!("starting on {said}")),
        (_, "end date") => Some(format!("ending on {said}")),
        // What is changed is said as a change, with its label.
        _ if !reads && uses.creates.is_empty() => None,
        _ => wording::phrased(&label, value, said, uses.lists),
    }
}
