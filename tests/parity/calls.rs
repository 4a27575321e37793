//! Random sequences of calls: valid, mutated, and nonsense, as texts that agents send.

use std::collections::BTreeSet;

use operators::engine::{Session, World};
use schemas::{Digest, Draw, Environment, Field, Operation, Shape, Task, Value};
use serde_json::{Value as Json, json};

/// Most calls of a sequence.
const CALLS_MAX: u64 = 8;

/// Values that engines disagree on, as JSON: not all of it can be read.
const ODD: [&str; 86] = [
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "-0",
    "0.0",
    "-0.0",
    "1.0",
    "2.5",
    "1e0",
    "1E+2",
    "1e16",
    "1e-7",
    "0.1",
    "5e-324",
    "1e308",
    "1e400",
    "-1e400",
    "1e-400",
    "9007199254740993",
    "9007199254740993.0",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "123456789012345678901234567890",
    "NaN",
    "Infinity",
    "01",
    "+1",
    "\"\"",
    "\" \"",
    "\"true\"",
    "\"false\"",
    "\"True\"",
    "\"null\"",
    "\"0\"",
    "\"-0\"",
    "\" 12 \"",
    "\"+5\"",
    "\"1_000\"",
    "\"１２\"",
    "\"inf\"",
    "\"nan\"",
    "\"1e5\"",
    "\".5\"",
    "\"5.\"",
    "\".\"",
    "\"1e999\"",
    "\"0x10\"",
    "\"\\u001c7\"",
    "\"\\u00a07\\u3000\"",
    "\"\\u20287\"",
    "\"9223372036854775808\"",
    "\"00000000000000000000000000007\"",
    "\"İSTANBUL ΣΑΣ ß\"",
    "\"ﬁ\\u0000 \\u007f\\u2028\"",
    "\"{days}{id}{name}\"",
    "\"\\ud83d\\ude00\"",
    "\"\\ud800\"",
    "\"'; DROP TABLE x; --\"",
    "\"__import__('os')\"",
    "\"\\\"\\\"\\\"\\\\\"",
    "[]",
    "[[]]",
    "{}",
    "[1,\"1\",true,null]",
    "[1.0,2]",
    "{\"a\":1,\"a\":2}",
    "{\"b\":{\"a\":[1]},\"a\":0}",
    "{\"a/b\":{\"~\":[7,8]}}",
    "\"2025-06-01\"",
    "\"2025-06-02T09:00:00Z\"",
    "\"\\u212a\"",
    "\"k\"",
    "\"OPEN\"",
    "\"straße\"",
    "\"STRASSE\"",
    "\"ss\"",
    "{\"~1\": 5, \"/\": 6}",
    "1000",
    "\"a\\tb\\nc\"",
    "\"K\"",
];

/// Whole arguments that are none.
const NO_ARGUMENTS: [&str; 10] =
    ["", "null", "[]", "7", "\"{}\"", "{", "{\"a\":}", "{} {}", "{\"a\":NaN}", "{'a': 1}"];

/// A conversation's calls and what the engine made of them.
pub(crate) struct Sequence {
    /// What the other side is to run.
    pub(crate) given: Json,
    /// What it is to answer.
    pub(crate) expected: Json,
}

/// Draws sequences for one domain.
pub(crate) struct Caller<'w> {
    pub(crate) world: &'w World,
    pub(crate) tasks: &'w [(Task, &'static str)],
    /// Values of rows, as JSON.
    pool: Vec<String>,
    names: Vec<&'w str>,
}

impl<'w> Caller<'w> {
    pub(crate) fn new(world: &'w World, tasks: &'w [(Task, &'static str)]) -> Caller<'w> {
        let environment = world.environment();
        let rows = environment.tables.iter().flat_map(|table| &table.rows);
        let pool: BTreeSet<String> = rows.flatten().map(Value::to_string).collect();
        let names = environment.operations.iter().map(|it| it.name.as_str()).collect();
        Caller { world, tasks, pool: pool.into_iter().collect(), names }
    }

    /// One sequence, run on the engine as it is drawn: later calls use what earlier ones answered.
    pub(crate) fn sequence(&self, draw: Draw) -> Sequence {
        let task = match self.tasks {
            [] => None,
            _ if draw.with("whole").happens(300) => None,
            tasks => Some(&draw.with("task").from_list(tasks).0),
        };
        let environment = self.world.environment();
        let offered: BTreeSet<String> = match task {
            Some(task) => task.offered.clone(),
            None => environment.operations.iter().map(|it| it.name.clone()).collect(),
        };
        let faults = task.map_or(&[][..], |task| &task.faults);
        let mut session = self.world.session(&offered).with_faults(faults);
        let first = session.fingerprint();
        let mut seen: Vec<String> = Vec::new();
        let (mut calls, mut observations, mut states) = (Vec::new(), Vec::new(), Vec::new());
        let count = draw.with("calls").below(CALLS_MAX) + 1;
        let golden = task.map_or(&[][..], |task| &task.golden);
        for place in 0..usize::try_from(count).unwrap() {
            let draw = draw.with("call").at(place);
            let (name, text) = match golden.get(place) {
                Some(call) if draw.with("golden").happens(600) => {
                    (call.name.clone(), call.arguments.to_string())
                }
                _ => self.call(draw, &seen),
            };
            let arguments = Value::parse(&text).unwrap_or_else(|_| Value::text(&text));
            let observation = session.call(&name, &arguments);
            gather(&observation.value(), &mut seen);
            calls.push(json!([name, text]));
            observations.push(observation.text);
            states.push(session.fingerprint());
        }
        let state = Digest::of(state(&session, environment, &offered).to_string().as_bytes());
        Sequence {
            given: json!({"task": task.map(|task| task.id), "calls": calls}),
            expected: json!({
                "first": first, "observations": observations, "states": states, "state": state,
                "alone": true,
            }),
        }
    }

    fn call(&self, draw: Draw, seen: &[String]) -> (String, String) {
        if draw.with("unknown").happens(30) {
            let name = ["no_such_tool", "", "__init__", "lookup", "\u{1f600}\""];
            return ((*draw.with("name").from_list(&name)).into(), "{}".into());
        }
        let name = *draw.with("name").from_list(&self.names);
        if draw.with("deep").happens(20) {
            let field = self.world.operation(name).and_then(|it| it.input.first());
            let field = field.map_or("a", |field| field.name.as_str());
            let depth = usize::try_from(63 + draw.with("depth").below(3)).unwrap();
            let (open, close) = ("[".repeat(depth), "]".repeat(depth));
            return (name.into(), format!("{{{}:{open}{close}}}", Value::text(field)));
        }
        if draw.with("no arguments").happens(40) {
            let deep = format!("{{\"a\":{}{}}}", "[".repeat(126), "]".repeat(126));
            let deeper = format!("{{\"a\":{}{}}}", "[".repeat(127), "]".repeat(127));
            let none = NO_ARGUMENTS.iter().map(ToString::to_string).chain([deep, deeper]);
            let none: Vec<String> = none.collect();
            return (name.into(), draw.with("none").from_list(&none).clone());
        }
        let operation = self.world.operation(name).expect("a name of the domain");
        (name.into(), self.arguments(operation, draw, seen))
    }

    fn arguments(&self, operation: &Operation, draw: Draw, seen: &[String]) -> String {
        let mut entries = Vec::new();
        // Most calls are sound, or every sequence would end in its first argument.
        let oddness = if draw.with("odd").happens(400) { 300 } else { 0 };
        for field in &operation.input {
            let draw = draw.with(&field.name);
            let given = if field.required { 1000 - oddness / 10 } else { 500 };
            if draw.with("given").happens(given) {
                let value = match draw.with("odd").happens(oddness) {
                    true if draw.with("long").happens(20) => format!("\"{}\"", "9".repeat(5000)),
                    true => (*draw.with("value").from_list(&ODD)).into(),
                    false => self.value(field, &field.shape, draw.with("value"), seen),
                };
                entries.push(format!("{}: {value}", Value::text(&field.name)));
            }
        }
        if draw.with("extra").happens(oddness / 6) {
            entries.push("\"unheard_of\": 1".into());
        }
        if draw.with("twice").happens(oddness / 6) && !entries.is_empty() {
            entries.push(draw.with("again").from_list(&entries).clone());
        }
        if draw.with("turned").happens(200) {
            entries.reverse();
        }
        format!("{{{}}}", entries.join(", "))
    }

    /// A value of a shape: of rows, of earlier answers, or made up.
    fn value(&self, field: &Field, shape: &Shape, draw: Draw, seen: &[String]) -> String {
        match shape {
            Shape::Choice(choices) => draw.from_list(choices).to_string(),
            Shape::Boolean => draw.happens(500).to_string(),
            Shape::Integer { minimum, maximum } => {
                let low = minimum.unwrap_or(-3);
                let number = draw.between(low, maximum.unwrap_or(low.saturating_add(60)));
                let float = draw.with("float").happens(60);
                if float { format!("{number}.0") } else { number.to_string() }
            }
            Shape::Number { minimum, .. } => {
                let low = minimum.as_number().unwrap_or(-2.5);
                format!("{}", low + f64::from(u32::try_from(draw.below(4000)).unwrap()) / 100.0)
            }
            Shape::List(item) => {
                let items = (0..usize::try_from(draw.below(3)).unwrap())
                    .map(|place| self.value(field, item, draw.at(place), seen));
                format!("[{}]", items.collect::<Vec<_>>().join(","))
            }
            Shape::Object(fields) => {
                let parts = fields.iter().map(|part| {
                    let value = self.value(part, &part.shape, draw.with(&part.name), seen);
                    format!("{}: {value}", Value::text(&part.name))
                });
                format!("{{{}}}", parts.collect::<Vec<_>>().join(","))
            }
            Shape::Any => (*draw.from_list(&ODD)).into(),
            Shape::Text { .. } => self.text(field, draw, seen),
        }
    }

    fn text(&self, field: &Field, draw: Draw, seen: &[String]) -> String {
        let pool =
            if seen.is_empty() || draw.with("pool").happens(500) { &self.pool } else { seen };
        let own: Vec<String> = self.column(&field.name).collect();
        let candidates =
            if own.is_empty() || draw.with("other").happens(200) { pool } else { &own };
        let Some(value) = (!candidates.is_empty()).then(|| draw.from_list(candidates)) else {
            return "\"x\"".into();
        };
        let Some(text) = value.strip_prefix('"').and_then(|it| it.strip_suffix('"')) else {
            return Value::text(value).to_string();
        };
        let plain = !text.contains('\\');
        match draw.with("form").below(12) {
            0 if plain => format!("\"{}\"", text.to_uppercase()),
            1 if plain => format!("\"{}\"", text.chars().take(3).collect::<String>()),
            2 => format!("\"{text} \""),
            _ => format!("\"{text}\""),
        }
    }

    /// What the tables hold under the name of an argument.
    fn column(&self, name: &str) -> impl Iterator<Item = String> {
        let tables = self.world.environment().tables.iter();
        tables.flat_map(move |table| {
            let place = table.place(name);
            let rows = table.rows.iter();
            rows.filter_map(move |row| place.map(|place| row[place].to_string()))
        })
    }
}

fn gather(value: &Value, seen: &mut Vec<String>) {
    match value {
        Value::List(items) => items.iter().for_each(|item| gather(item, seen)),
        Value::Object(entries) => entries.iter().for_each(|(_, part)| gather(part, seen)),
        Value::Null => {}
        leaf => seen.push(leaf.to_string()),
    }
}

/// The rows of every table that the offered operations see.
fn state(session: &Session<'_>, environment: &Environment, offered: &BTreeSet<String>) -> Value {
    let part = environment.part(offered);
    let tables = part.tables.iter().map(|table| {
        let rows = session.rows(&table.name).into_iter().map(|row| {
            let cells = table.columns.iter().zip(row.iter());
            Value::Object(cells.map(|(it, value)| (it.name.clone(), value.clone())).collect())
        });
        (table.name.clone(), Value::List(rows.collect()))
    });
    Value::Object(tables.collect())
}
