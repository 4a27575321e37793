//! What a tool's declared answer says about the rows of its entity.

use schemas::{Basis, Field, Shape};

use crate::materialize::bind::own_column;
use crate::materialize::lexicon::{Act, KEY_WORDS};
use crate::materialize::reading::Reading;
use crate::materialize::settle::{Nouns, referred};
use crate::materialize::words::{noun, words};

/// Deepest nesting of envelopes opened in an answer.
const DEPTH_MAX: usize = 4;

/// What a property of an answered row is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Answered {
    /// The key.
    Key,
    /// A column, and the noun whose keys it holds.
    Column(String, Option<String>),
}

/// The declared shape of a tool's answer, if its source states one.
pub(super) fn declared<'t>(reading: &Reading<'t>) -> Option<&'t Shape> {
    let output = &reading.tool.output;
    let known = output.basis != Basis::Inferred && output.shape != Shape::Any;
    (known && !is_notice(&output.shape)).then_some(&output.shape)
}

/// Whether an answer only says how the call went: an error's shape, or a message.
fn is_notice(shape: &Shape) -> bool {
    const NOTICES: [&str; 14] = [
        "id",
        "message",
        "request_id",
        "requestid",
        "code",
        "error",
        "errors",
        "status",
        "type",
        "detail",
        "details",
        "title",
        "success",
        "instance",
    ];
    let Shape::Object(fields) = shape else { return false };
    fields
        .iter()
        .any(|field| ["message", "Message", "error", "code"].contains(&field.name.as_str()))
        && fields.iter().all(|field| NOTICES.contains(&words(&field.name).join("_").as_str()))
}

/// The properties of the rows that a tool answers, and what they are.
pub(super) fn answered<'t>(reading: &Reading<'t>, nouns: &Nouns) -> Vec<(&'t Field, Answered)> {
    let Some(fields) = declared(reading).and_then(|shape| row(reading, shape, 0)) else {
        return Vec::new();
    };
    let mut answered = Vec::new();
    for field in fields {
        match &field.shape {
            Shape::Object(parts) if wraps(&field.name) => {
                answered.extend(parts.iter().filter_map(|part| {
                    property(reading, part, nouns).map(|property| (part, property))
                }));
            }
            _ => {
                if let Some(property) = property(reading, field, nouns) {
                    answered.push((field, property));
                }
            }
        }
    }
    answered
}

/// What a property of an answered row is; nothing if it is about the answer and not the row.
pub(super) fn property(reading: &Reading<'_>, field: &Field, nouns: &Nouns) -> Option<Answered> {
    const ABOUT_ANSWERS: [&str; 30] = [
        "message",
        "messages",
        "code",
        "error",
        "errors",
        "success",
        "ok",
        "request_id",
        "total",
        "count",
        "page",
        "next",
        "previous",
        "links",
        "meta",
        "total_count",
        "next_token",
        "limit",
        "offset",
        "per_page",
        "pagination",
        "self",
        "href",
        "next_link",
        "etag",
        "odata",
        "n_links",
        "has_more",
        "next_page",
        "paging",
    ];
    let split = words(&field.name);
    let name = split.join("_");
    let quiet = matches!(reading.act, Act::Delete | Act::Update | Act::Become(_));
    if name.is_empty()
        || ABOUT_ANSWERS.contains(&name.as_str())
        || (quiet && ["status", "result"].contains(&name.as_str()))
    {
        return None;
    }
    if is_key(reading, &split, nouns) {
        return Some(Answered::Key);
    }
    let scalar = !matches!(field.shape, Shape::List(_) | Shape::Object(_));
    let reference = referred(&split, nouns).filter(|noun| scalar && *noun != reading.entity);
    let column = match &reference {
        Some(noun) if split.len() == noun.split('_').count() + 1 || split.len() == 1 => {
            nouns.reference(noun)
        }
        _ => own_column(&reading.entity, &split),
    };
    Some(Answered::Column(column, reference))
}

fn is_key(reading: &Reading<'_>, split: &[String], nouns: &Nouns) -> bool {
    let taken = reading.key.map(|key| words(&reading.tool.input[key.place].name));
    if reading.act != Act::Answer && taken.is_some_and(|taken| 1 < taken.len() && taken == split) {
        return true;
    }
    let Some((last, before)) = split.split_last() else { return false };
    let named = nouns.get(&reading.entity) == Some(true);
    let short = reading.entity.rsplit('_').next().unwrap_or_default();
    let before = before.join("_");
    let own = before.is_empty() || before == reading.entity || before == short;
    if named { own && last == "name" } else { own && KEY_WORDS[..7].contains(&last.as_str()) }
}

/// Whether a property only wraps what is answered.
pub(super) fn wraps(name: &str) -> bool {
    const WRAPPERS: [&str; 18] = [
        "data",
        "result",
        "results",
        "items",
        "value",
        "values",
        "response",
        "records",
        "entries",
        "content",
        "body",
        "list",
        "payload",
        "rows",
        "hits",
        "properties",
        "attributes",
        "docs",
    ];
    WRAPPERS.contains(&words(name).join("_").as_str())
}

/// Whether a property holds the rows of the tool's noun, judged by its name.
pub(super) fn holds_rows(reading: &Reading<'_>, field: &Field) -> bool {
    let own = noun(&words(&field.name));
    let short = |noun: &str| noun.rsplit('_').next().unwrap_or_default().to_string();
    wraps(&field.name)
        || own == reading.entity
        || own == reading.object
        || (!own.is_empty() && (own == short(&reading.entity) || own == short(&reading.object)))
}

/// The fields of one answered row, envelopes opened.
fn row<'t>(reading: &Reading<'_>, shape: &'t Shape, depth: usize) -> Option<&'t [Field]> {
    if DEPTH_MAX < depth {
        return None;
    }
    match shape {
        Shape::List(item) => row(reading, item, depth + 1),
        Shape::Object(fields) => {
            let nested = |field: &&Field| is_nested(&field.shape) && holds_rows(reading, field);
            let flat = |field: &&Field| field.name == "properties" || field.name == "attributes";
            let inner = fields.iter().filter(nested).find(|field| !flat(field));
            let lists: Vec<&Field> = fields.iter().filter(|it| is_list(&it.shape)).collect();
            let listing = matches!(reading.act, Act::List | Act::Count);
            match inner {
                Some(inner) if listing == is_list(&inner.shape) || !listing => {
                    row(reading, &inner.shape, depth + 1)
                }
                _ if listing && lists.len() == 1 => row(reading, &lists[0].shape, depth + 1),
                Some(inner) => row(reading, &inner.shape, depth + 1),
                None if listing && depth == 0 => None,
                None => Some(fields),
            }
        }
        _ => None,
    }
}

/// Whether a shape is an object or a list of objects.
pub(super) fn is_nested(shape: &Shape) -> bool {
    matches!(shape, Shape::Object(_)) || is_list(shape)
}

/// Whether a shape is a list of objects.
pub(super) fn is_list(shape: &Shape) -> bool {
    matches!(shape, Shape::List(item) if matches!(**item, Shape::Object(_)))
}
