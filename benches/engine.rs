//! What a call costs: read, insert, update, start over, fork; beside Python with sqlite3.
//!
//! `cargo bench --bench engine` measures on one core and prints a table. `cargo test` makes every
//! call a few times, so this cannot rot.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot set up should panic there")]
#![expect(clippy::cast_precision_loss, reason = "what is counted here is small")]
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::fs;
use std::hint::black_box;

use operators::engine::{Session, World, example};
use schemas::{Environment, Value};

#[expect(dead_code, reason = "other benchmarks use the rest")]
mod real;

/// Rows a table has, as many as in the databases of τ²-bench's smaller domains.
const ROWS: u64 = 400;

fn main() {
    let small = cfg!(debug_assertions);
    let calls = if small { 20 } else { 400_000 };
    let environment = grown(example::library());
    let world = World::new(environment.clone()).unwrap();
    let mut ours = Vec::new();
    let offer = world.offer(&environment.operations.iter().map(|it| it.name.clone()).collect());
    println!("{ROWS} rows a table, {calls} calls each, JSON text in and out, one core");
    for (what, name, arguments) in kinds() {
        let mut session = world.open(&offer);
        let seconds = timed(calls, |at| {
            // A session of a conversation's length, so that what is written stays in proportion.
            if at % 16 == 0 {
                session = world.open(&offer);
            }
            said(&mut session, name, &arguments(at))
        });
        println!("{what:<24} {:>8.0} ns", seconds * 1e9);
        ours.push((what, seconds));
    }
    let reset = timed(calls, |_| world.open(&offer).fingerprint());
    println!("{:<24} {:>8.0} ns", "start over, compare", reset * 1e9);
    let mut written = world.open(&offer);
    (0..64).for_each(|at| drop(said(&mut written, "register_member", &member(at))));
    let fork = timed(calls, |_| written.clone());
    println!("{:<24} {:>8.0} ns", "fork after 64 writes", fork * 1e9);
    many(&world, if small { 64 } else { 65_536 });
    beside(&environment, &ours, small);
}

/// A kind of call: what it is, the operation, and the arguments of the n-th as JSON.
type Call = (&'static str, &'static str, fn(u64) -> String);

fn kinds() -> [Call; 4] {
    let book: fn(u64) -> String = |at| format!("{{\"book_id\": \"bk_{:08x}\"}}", at % ROWS);
    let loan: fn(u64) -> String = |at| {
        let (lent, reader) = (at % ROWS, at * 7 % ROWS);
        format!("{{\"book_id\": \"bk_{lent:08x}\", \"member_id\": \"mb_{reader:08x}\"}}")
    };
    let found: fn(u64) -> String = |at| format!("{{\"query\": \"Title {}\"}}", at % ROWS);
    [
        ("get", "get_book", book),
        ("insert", "register_member", member),
        ("update and insert", "borrow_book", loan),
        ("search", "search_books", found),
    ]
}

fn member(at: u64) -> String {
    format!("{{\"name\": \"Reader {at}\", \"email\": \"reader{at}@post.example\"}}")
}

fn said(session: &mut Session<'_>, name: &str, arguments: &str) -> (String, schemas::Digest) {
    let arguments = Value::parse(arguments).unwrap();
    let observation = session.call(name, &arguments);
    assert!(!observation.failed, "{}", observation.text);
    (observation.text, session.fingerprint())
}

/// Seconds of processor time a turn takes.
fn timed<R>(turns: u64, mut turn: impl FnMut(u64) -> R) -> f64 {
    let begun = real::cpu_seconds();
    (0..turns).for_each(|at| drop(black_box(turn(at))));
    (real::cpu_seconds() - begun) / turns as f64
}

/// The same tables with more books and members.
fn grown(mut environment: Environment) -> Environment {
    for table in &mut environment.tables {
        let row = |at: u64| match table.name.as_str() {
            "books" => vec![
                Value::text(format!("bk_{at:08x}")),
                Value::text(format!("Title {at}")),
                Value::text(format!("Author {}", at % 60)),
                Value::Integer(1_000_000),
            ],
            _ => vec![
                Value::text(format!("mb_{at:08x}")),
                Value::text(format!("Member {at}")),
                Value::text(format!("member{at}@post.example")),
            ],
        };
        if table.name != "loans" {
            let known: Vec<Value> = table.rows.iter().map(|it| it[0].clone()).collect();
            table.rows.extend((0..ROWS).map(row).filter(|it| !known.contains(&it[0])));
            table.rows.sort();
        }
    }
    environment
}

/// Sessions over one world, each with a write of its own, and what they take.
fn many(world: &World, count: u64) {
    let before = resident();
    let offer =
        world.offer(&world.environment().operations.iter().map(|it| it.name.clone()).collect());
    let sessions: Vec<Session<'_>> = (0..count)
        .map(|at| {
            let mut session = world.open(&offer);
            said(&mut session, "register_member", &member(at));
            session
        })
        .collect();
    let taken = resident().saturating_sub(before);
    println!("{} sessions with a write each: {:.1} MiB", sessions.len(), taken as f64 / 1048576.0);
}

/// Bytes of memory this process holds.
fn resident() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    pages.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

/// The same calls on the same rows in Python with sqlite3.
fn beside(environment: &Environment, ours: &[(&str, f64)], small: bool) {
    let Some(python) = real::python().filter(|_| !small) else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tables.json");
    fs::write(&path, serde_json::to_string(&environment.tables).unwrap()).unwrap();
    let told = real::other_side(&python, "benches/engine.py", &[&path]);
    for line in told.lines() {
        let (what, seconds) = line.split_once('\t').unwrap();
        let seconds: f64 = seconds.parse().unwrap();
        // After the comma stands how this side did it.
        let kind = what.split_once(", ").map_or(what, |(kind, _)| kind);
        let ratio = ours.iter().find(|(it, _)| *it == kind).map(|(_, our)| seconds / our);
        let ratio = ratio.map_or(String::new(), |ratio| format!(", {ratio:.0} times ours"));
        println!("Python and sqlite3, {what:<28} {:>8.0} ns{ratio}", seconds * 1e9);
    }
}
