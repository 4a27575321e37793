//! Rows for tests: conversations with calls, of many shapes, each a function of its number.

use learner::examples::Example;
use learner::template::Conversation;
use schemas::Draw;
use serde_json::{Value, json};

const WORDS: [&str; 16] = [
    "book",
    "café",
    "loan 7",
    "naïve 漢字",
    "a\nb",
    "\"quoted\"",
    "tab\tbed",
    "<b>&amp;</b>",
    "🦀🚲",
    "inv_3575af0d",
    "100 %",
    "it's",
    "  spaces  ",
    "\\back",
    "e\u{301}",
    "2024-05-01",
];

fn word(draw: Draw) -> &'static str {
    draw.from_list::<&'static str>(&WORDS)
}

/// A value of any kind, floats that Python spells in its own way among them.
fn value(draw: Draw, depth: usize) -> Value {
    match draw.with("kind").below(if depth == 0 { 6 } else { 8 }) {
        0 => Value::Null,
        1 => draw.bits().is_multiple_of(2).into(),
        2 => draw.between(-1_000_000, 1_000_000).into(),
        3 => json!(*draw.from_list(&[
            0.1,
            1.0,
            -2.5,
            1e-7,
            1e22,
            1.0e16,
            123_456.789,
            1e-4,
            5e-324,
            0.3
        ])),
        4 | 5 => word(draw).into(),
        6 => (0..draw.below(4)).map(|at| value(draw.with(at.to_le_bytes()), depth - 1)).collect(),
        _ => object(draw, depth - 1),
    }
}

fn object(draw: Draw, depth: usize) -> Value {
    let fields = (0..draw.with("fields").below(4)).map(|at| {
        let draw = draw.with(at.to_le_bytes());
        (format!("{} {at}", word(draw)), value(draw, depth))
    });
    Value::Object(fields.collect())
}

/// A row with tools, questions, calls, answers and replies.
pub(crate) fn row(number: usize) -> Example {
    let draw = Draw::new(11).at(number);
    let tools: Vec<Value> = (0..draw.with("tools").below(4))
        .map(|at| {
            let draw = draw.with("tool").with(at.to_le_bytes());
            json!({"type": "function", "function": {
                "name": format!("tool_{at}"), "description": word(draw),
                "parameters": {"type": "object", "properties": object(draw, 2)},
            }})
        })
        .collect();
    let mut messages = Vec::new();
    let mut supervised = Vec::new();
    let mut say = |message: Value, learn: bool| {
        messages.push(message);
        supervised.push(learn);
    };
    if draw.with("system").happens(700) {
        say(json!({"role": "system", "content": format!("Rules: {}.", word(draw))}), false);
    }
    for turn in 0..1 + draw.with("turns").below(3) {
        let draw = draw.with("turn").with(turn.to_le_bytes());
        say(json!({"role": "user", "content": format!("{} {}", word(draw), turn)}), false);
        for step in 0..draw.with("steps").below(3) {
            let draw = draw.with("step").with(step.to_le_bytes());
            let calls: Vec<Value> = (0..1 + draw.with("calls").below(2))
                .map(|at| {
                    let draw = draw.with("call").with(at.to_le_bytes());
                    json!({"type": "function", "function": {
                        "name": format!("tool_{at}"), "arguments": object(draw, 2)}})
                })
                .collect();
            let count = calls.len();
            let content = if draw.with("both").happens(200) { word(draw) } else { "" };
            let learn = draw.with("learn").happens(900);
            say(json!({"role": "assistant", "content": content, "tool_calls": calls}), learn);
            for at in 0..count {
                let draw = draw.with("answer").at(at);
                let answer = schemas::Value::from(value(draw, 2)).to_string();
                say(json!({"role": "tool", "content": answer, "name": "tool_0"}), false);
            }
        }
        let reply = format!("{} is {}.\n\nDone", word(draw), word(draw.with("reply")));
        say(json!({"role": "assistant", "content": reply}), true);
    }
    Example {
        id: format!("trajectory-{number:05}"),
        task: format!("task-{number:05}"),
        domain: format!("domain-{}", number % 5),
        kind: "single".into(),
        conversation: Conversation { messages, tools },
        supervised,
    }
}

/// As many rows.
pub(crate) fn rows(count: usize) -> Vec<Example> {
    (0..count).map(row).collect()
}
