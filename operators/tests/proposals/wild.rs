//! Answers that nobody would give, and right ones spoiled somewhere.

use std::collections::{BTreeMap, BTreeSet};

use operators::engine::{World, footprint};
use operators::{Materialized, compose};
use proptest::prelude::*;
use schemas::{Effect, Environment, TaskPlan};
use serde_json::{Value as Json, json};

use super::library::{answer, hours, plain, program, proposed, refused, with};

/// What must hold of whatever comes out: it type-checks, each write can change and no read does,
/// tasks can be made of it, and tools that worked before work still.
fn sound(made: &Materialized, before: &Environment) {
    let environment = made.environment.clone().unwrap();
    for operation in &environment.operations {
        let found = footprint(operation, &environment).unwrap();
        assert_eq!((&found.reads, &found.writes), (&operation.reads, &operation.writes));
        assert_eq!(operation.effect == Effect::Read, found.writes.is_empty());
    }
    let names: BTreeSet<&String> = environment.operations.iter().map(|it| &it.name).collect();
    assert!(before.operations.iter().all(|operation| names.contains(&operation.name)));
    let world = World::new(environment.clone()).unwrap();
    let plan = TaskPlan { per_operation: 1, ..TaskPlan::default() };
    drop(compose::compose(&environment, &world, &plan, 7));
}

/// A JSON value of the words that proposals are made of.
fn hostile() -> impl Strategy<Value = Json> {
    let words = [
        "steps",
        "reply",
        "lookup",
        "row",
        "table",
        "key",
        "books",
        "loans",
        "argument",
        "column",
        "literal",
        "title",
        "value",
        "object",
        "each",
        "select",
        "now",
        "book_id",
        "match",
        "tables",
        "columns",
        "programs",
        "tool",
        "program",
        "borrow_book",
        "name",
        "noun",
        "kind",
        "choice",
        "role",
        "reference",
        "__proto__",
        "\u{202e}",
        "{book.title}",
        "{",
        "",
        "'; drop table",
    ];
    let word = prop::sample::select(words.to_vec());
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        word.clone().prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
            prop::collection::vec((word.clone(), inner), 0..5).prop_map(|entries| {
                Json::Object(entries.into_iter().map(|(key, it)| (key.into(), it)).collect())
            }),
        ]
    })
}

/// How many values there are in a value, itself included.
fn count(value: &Json) -> usize {
    let inner: usize = match value {
        Json::Array(items) => items.iter().map(count).sum(),
        Json::Object(entries) => entries.values().map(count).sum(),
        _ => 0,
    };
    1 + inner
}

/// The value at a place, counted through.
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

/// A right proposal that says all kinds of things.
fn right() -> Json {
    let mut right = hours();
    let plain = plain();
    right["columns"] = json!([{"table": "books", "name": "shelf", "values": ["A1", "B2"]},
                              {"table": "loans", "name": "days", "minimum": 2}]);
    for name in ["borrow_book", "return_book", "list_loans"] {
        let program = json!({"tool": name, "program": program(&plain, name)});
        right["programs"].as_array_mut().unwrap().push(program);
    }
    right
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn hostile_answers_leave_an_environment_that_holds(value in hostile(), text in ".{0,200}") {
        let before = plain().environment.unwrap();
        sound(&proposed(&value), &before);
        sound(&with(&answer(text)), &before);
        let whole = json!({"tables": [value.clone()], "columns": [value.clone()], "programs": [value]});
        sound(&proposed(&whole), &before);
    }

    #[test]
    fn spoiled_proposals_leave_an_environment_that_holds(
        spots in prop::collection::vec((0_usize..10_000, hostile(), 0_usize..10_000), 1..4),
    ) {
        let before = plain().environment.unwrap();
        let mut spoiled = right();
        for (place, value, from) in spots {
            let size = count(&spoiled);
            // Sometimes something wild, sometimes another part of the same.
            let other = at(&mut spoiled, &mut (from % size)).map(|it| it.clone());
            let value = if from % 2 == 0 { value } else { other.unwrap_or(value) };
            if let Some(spot) = at(&mut spoiled, &mut (place % size)) {
                *spot = value;
            }
        }
        sound(&proposed(&spoiled), &before);
    }

    /// Each program by itself has the same fate as among others, where the tables are the same.
    #[test]
    fn fate_of_a_program_does_not_depend_on_the_others(
        spots in prop::collection::vec((0_usize..10_000, hostile()), 3),
    ) {
        let plain = plain();
        let names = ["borrow_book", "return_book", "list_loans"];
        let mut programs = BTreeMap::new();
        for (name, (place, value)) in names.into_iter().zip(spots) {
            let mut spoiled = json!(program(&plain, name));
            let size = count(&spoiled);
            if let Some(spot) = at(&mut spoiled, &mut (place % size)) {
                *spot = value;
            }
            programs.insert(name, json!({"tool": name, "program": spoiled}));
        }
        let all: Vec<&Json> = programs.values().collect();
        let together = proposed(&json!({"programs": all}));
        let mut refusals = Vec::new();
        for (name, program) in &programs {
            let alone = proposed(&json!({"programs": [program]}));
            refusals.extend(refused(&alone));
            let of = |made: &Materialized| made.environment.as_ref().unwrap().operation(name).cloned();
            prop_assert_eq!(of(&alone), of(&together));
        }
        refusals.sort();
        prop_assert_eq!(refusals, refused(&together));
    }
}
