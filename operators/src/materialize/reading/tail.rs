//! A resource path and its end: the collection worked on, its item, and what holds both.

use schemas::Tool;

use crate::materialize::lexicon::{Act, KEY_WORDS, event};
use crate::materialize::reading::phrase::{Phrase, is_version, own_part, phrase};
use crate::materialize::words::{is_plural, noun, words};

/// A segment of a resource path.
pub(super) enum Segment {
    Static(Vec<String>),
    Argument(String),
}

/// The segments of a path that say something.
pub(super) fn segments(path: &str) -> Vec<Segment> {
    let mut segments = Vec::new();
    for part in path.split(['/', ':']).filter(|part| !part.is_empty()).take(32) {
        if let Some(start) = part.find('{') {
            let name = part[start + 1..].split('}').next().unwrap_or_default();
            segments.push(Segment::Argument(name.into()));
            continue;
        }
        let part = part.strip_suffix(".json").unwrap_or(part);
        let split = words(part);
        let empty = split.iter().all(|word| is_version(word))
            || ["api", "rest", "providers", "public", "rpc"].contains(&part)
            || part.starts_with("Microsoft.");
        if !empty {
            segments.push(Segment::Static(split));
        }
    }
    segments
}

/// How many segments name what is worked on, and what is done to it: by the last segment, as in
/// `/orders/{id}/cancel`, or else as the tool's name says. None if the last segment is a phrase about
/// something else.
pub(super) fn ending(
    tool: &Tool,
    method: &str,
    segments: &[Segment],
    called: &Phrase,
) -> Option<(usize, Phrase)> {
    let whole = (segments.len(), called.clone());
    let [before @ .., Segment::Static(last)] = segments else { return Some(whole) };
    let alone = phrase(last);
    // `/sites/{id}/failoverGroups` lists groups.
    let collects = last.last().is_some_and(|word| is_plural(word)) && alone.verb != last[0];
    let acts = alone.act.is_some_and(|it| it != Act::Get) && end_collection(before) && !collects;
    let verbal = last.len() == 1 && event(&last[0]).is_none();
    let glued = !called.verb.is_empty() && last.concat() == called.verb.replace(' ', "");
    if glued && end_collection(before) {
        return Some((before.len(), called.clone()));
    }
    if acts && (verbal || matches!(before.last(), Some(Segment::Argument(_)))) {
        return Some((before.len(), alone));
    }
    if alone.act.is_some() && 1 < last.len() && !collects {
        return None;
    }
    let unsaid = called.act.is_none() || called.verb == last[0];
    if unsaid && acts_on_item(tool, method, last, before) {
        let verb = last[0].clone();
        return Some((before.len(), Phrase { verb, act: Some(Act::Update), ..Phrase::default() }));
    }
    Some(whole)
}

/// The end of a path.
pub(super) struct Tail<'s> {
    /// The words of the collection.
    pub(super) collection: &'s [String],
    /// The argument that names an item of it.
    pub(super) item: Option<&'s str>,
    /// An argument after the collection that names what holds it, and that noun.
    pub(super) above: Option<(&'s str, String)>,
}

/// Reads the end of a path; none if it has no collection, or too many arguments after it.
///
/// Of two arguments the last names the row if it is an id, as in `/messages/{log_id}/{id}`. What is
/// posted below an id of another noun, as to `/messages/{log_id}`, is put into that.
pub(super) fn tail<'s>(method: &str, segments: &'s [Segment]) -> Option<Tail<'s>> {
    Some(match segments {
        [.., Segment::Static(collection), Segment::Argument(name)] => {
            let above = stranger(name, collection).filter(|_| method == "POST");
            let item = above.is_none().then_some(name.as_str());
            Tail { collection, item, above: above.map(|of| (name.as_str(), of)) }
        }
        [.., Segment::Static(collection)] => Tail { collection, item: None, above: None },
        [.., Segment::Static(collection), Segment::Argument(first), Segment::Argument(last)] => {
            let id = words(last).pop().is_some_and(|word| KEY_WORDS.contains(&word.as_str()));
            let above = stranger(first, collection).filter(|_| id);
            let item = if id { last } else { first };
            Tail {
                collection,
                item: Some(item.as_str()),
                above: above.map(|of| (first.as_str(), of)),
            }
        }
        _ => return None,
    })
}

/// The noun that an id is of, if it is not that of the collection.
fn stranger(name: &str, collection: &[String]) -> Option<String> {
    let split = words(name);
    let (last, before) = split.split_last()?;
    let of = noun(before);
    let own = noun(collection);
    let related = of == own
        || own.ends_with(&format!("_{of}"))
        || of.ends_with(&format!("_{own}"))
        || own.replace('_', "") == of.replace('_', "")
        || ["resource", "item", "object", "entity", "record", "unique"].contains(&of.as_str());
    (KEY_WORDS[..4].contains(&last.as_str()) && !of.is_empty() && !related).then_some(of)
}

/// Whether the last word of a path is what is done to the item before it, as in
/// `POST /subscriptions/{id}/revise`: one word, or the very name of the tool, and not a plural.
fn acts_on_item(tool: &Tool, method: &str, last: &[String], before: &[Segment]) -> bool {
    let item = matches!(before, [.., Segment::Static(_), Segment::Argument(_)]);
    let called = words(own_part(&tool.name)).concat();
    let whole = last.len() == 1 || called.ends_with(&last.concat());
    method == "POST" && item && whole && last.last().is_some_and(|word| !is_plural(word))
}

/// Whether a part of a path names a collection.
fn end_collection(segments: &[Segment]) -> bool {
    segments.iter().any(|segment| matches!(segment, Segment::Static(_)))
}

/// What a method does at an item or a collection, unless the name's verb knows better.
pub(super) fn act_on(method: &str, item: bool, many: bool, called: &Phrase) -> Act {
    let plain = match (method, item) {
        ("GET" | "HEAD", false) if many => Act::List,
        ("GET" | "HEAD", _) => Act::Get,
        ("POST", false) => Act::Create,
        ("DELETE", _) => Act::Delete,
        _ => Act::Update,
    };
    match (plain, called.act) {
        (Act::Get, Some(Act::List)) if !item => Act::List,
        (Act::Get | Act::List, Some(Act::Count)) => Act::Count,
        (Act::Create, Some(act @ (Act::List | Act::Count | Act::Answer | Act::Delete))) => act,
        // Services that are only ever posted to say in the name what is looked at.
        (Act::Create, Some(Act::Get)) if !makes_what_it_gets(&called.noun) => match called.many {
            true => Act::List,
            false => Act::Get,
        },
        (Act::Update, Some(act @ (Act::Create | Act::Delete))) => act,
        _ => plain,
    }
}

/// Whether a noun is of things that are made by asking for them: `getAccessToken`.
fn makes_what_it_gets(noun: &[String]) -> bool {
    let made = ["token", "session", "url", "link", "code", "credential", "ticket", "signature"];
    noun.last().is_some_and(|last| made.contains(&last.as_str()))
}
