//! What holds of everything that is read and refined, whatever the bytes; shared by the short
//! deterministic run and by the fuzzers.

use std::collections::BTreeSet;

use operators::{parse, refine};
use schemas::{CorpusPlan, Field, Record, Rejection, Shape, Tool, Value};

/// Most bytes that one tool may come to as JSON, under the plan here.
const TOOL_BYTES_MAX: usize = 1 << 20;

/// Limits small enough that a fuzzer meets them.
pub(crate) fn plan() -> CorpusPlan {
    CorpusPlan {
        document_bytes_max: 1 << 20,
        line_bytes_max: 1 << 16,
        unfolded_bytes_max: 4 << 20,
        schema_depth_max: 3,
        schema_parts_max: 40,
        arguments_max: 16,
        description_chars_max: 200,
        argument_chars_max: 80,
        choices_max: 8,
        ..CorpusPlan::default()
    }
}

/// A document ends in records and rejections, and each record as a tool or a rejection.
pub(crate) fn document(bytes: &[u8]) {
    let plan = plan();
    let parsed = parse("file", bytes, &plan);
    assert!(!parsed.records.is_empty() || !parsed.rejections.is_empty(), "nothing is said of it");
    assert_eq!(parsed, parse("file", bytes, &plan), "the same bytes, another result");
    parsed.rejections.iter().for_each(rejection);
    for record in &parsed.records {
        refined(record, &plan);
    }
}

/// Any JSON can stand where a schema should.
pub(crate) fn schema(text: &str) {
    let Ok(value) = Value::parse(text) else { return };
    let record = Record {
        identity: "fuzz/1".into(),
        name: "find_seat".into(),
        description: "Finds a seat.".into(),
        parameters: value.clone(),
        returns: value.clone(),
        example: value,
        ..Record::default()
    };
    refined(&record, &plan());
}

fn refined(record: &Record, plan: &CorpusPlan) {
    match refine(record, plan) {
        Ok(made) => {
            tool(&made, plan);
            assert_eq!(Ok(&made), refine(record, plan).as_ref(), "the same record, another tool");
            // A name that providers accept is not spelled anew.
            let renamed = Record { name: made.name.clone(), ..record.clone() };
            if let Ok(again) = refine(&renamed, plan) {
                assert_eq!(made.name, again.name);
            }
        }
        Err(turned_away) => rejection(&turned_away),
    }
}

fn rejection(rejection: &Rejection) {
    let Rejection { reason, .. } = rejection;
    assert!(reason.chars().count() <= 1_000, "{reason}");
    assert!(!reason.contains(char::is_control), "{reason:?}");
}

fn tool(tool: &Tool, plan: &CorpusPlan) {
    assert!(fits(&tool.name, "_-"), "{}", tool.name);
    assert!(tool.description.chars().count() <= plan.description_chars_max);
    assert!(tool.input.len() <= plan.arguments_max);
    fields(&tool.input, plan, 0);
    shape(&tool.output.shape, plan, 0);
    let json = serde_json::to_string(tool).expect("a tool has string keys");
    assert!(json.len() <= TOOL_BYTES_MAX, "{} bytes", json.len());
    for token in ["<|", "|>", "<｜", "<tool_call>", "</think>", "[INST]", "[/INST]", "\\u001b"] {
        assert!(!json.contains(token), "{token} in {json}");
    }
}

fn fits(name: &str, marks: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || marks.contains(c);
    (1..=64).contains(&name.len()) && name.chars().all(allowed)
}

fn fields(fields: &[Field], plan: &CorpusPlan, level: usize) {
    let names: BTreeSet<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names.len(), fields.len(), "names are unique");
    for field in fields {
        assert!(fits(&field.name, "_.-"), "{}", field.name);
        assert!(field.description.chars().count() <= plan.argument_chars_max);
        for value in [&field.default, &field.example] {
            assert!(value.is_null() || field.shape.admits(value), "{value} in {:?}", field.shape);
        }
        shape(&field.shape, plan, level);
    }
}

fn shape(inner: &Shape, plan: &CorpusPlan, level: usize) {
    assert!(level <= plan.schema_depth_max + 1, "{level} levels");
    match inner {
        Shape::Object(parts) => fields(parts, plan, level + 1),
        Shape::List(item) => shape(item, plan, level + 1),
        Shape::Choice(choices) => assert!((1..=plan.choices_max).contains(&choices.len())),
        _ => {}
    }
}
