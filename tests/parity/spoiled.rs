//! Programs that nobody wrote: those of the examples with parts exchanged, as far as they
//! type-check. What a model proposes may be as odd.

use std::collections::BTreeSet;

use operators::engine::{example, footprint};
use schemas::{Draw, Effect, Environment, Operation, Program};
use serde_json::Value as Json;

/// How many programs are spoiled.
const TRIES: usize = 12_000;

/// The environment of the errands with spoiled programs for its tools, and how many there are.
pub(crate) fn environment() -> Environment {
    let mut environment = example::every_step();
    let right = std::mem::take(&mut environment.operations);
    let mut seen = BTreeSet::new();
    for place in 0..TRIES {
        let draw = Draw::new(19).at(place);
        let Some(operation) = draw.pick(&right, |it| it.name.clone()) else { continue };
        let mut spoiled = serde_json::to_value(&operation.program).unwrap();
        let spots = if draw.with("twice").happens(500) { 2 } else { 1 };
        for at in 0..spots {
            spoil(&mut spoiled, draw.at(at));
        }
        let Ok(program) = serde_json::from_value::<Program>(spoiled) else { continue };
        if program == operation.program || !seen.insert(program.clone()) {
            continue;
        }
        let name = format!("{}_{place}", operation.name);
        let mut operation = Operation { name, program, ..operation.clone() };
        let Ok(found) = footprint(&operation, &environment) else { continue };
        operation.effect = if found.writes.is_empty() { Effect::Read } else { Effect::Write };
        (operation.reads, operation.writes) = (found.reads, found.writes);
        environment.operations.push(operation);
    }
    environment
}

/// Puts a part in the place of another.
fn spoil(program: &mut Json, draw: Draw) {
    let count = u64::try_from(size(program)).unwrap();
    let place = |what: &str| usize::try_from(draw.with(what).below(count)).unwrap();
    let part = at(program, &mut place("from")).cloned().unwrap_or_default();
    if let Some(spot) = at(program, &mut place("to")) {
        *spot = part;
    }
}

fn size(value: &Json) -> usize {
    1 + match value {
        Json::Array(items) => items.iter().map(size).sum(),
        Json::Object(entries) => entries.values().map(size).sum(),
        _ => 0,
    }
}

/// The part at a place, counted through.
fn at<'j>(value: &'j mut Json, place: &mut usize) -> Option<&'j mut Json> {
    if *place == 0 {
        return Some(value);
    }
    *place -= 1;
    match value {
        Json::Array(items) => items.iter_mut().find_map(|item| at(item, place)),
        Json::Object(entries) => entries.values_mut().find_map(|item| at(item, place)),
        _ => None,
    }
}
