//! Properties of the source text itself, checked like any other property.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms, each of which may know only those before it.
const ROOMS: [&str; 5] =
    ["schemas", "operators", "dataflows/handover", "dataflows/learner", "dataflows"];

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

/// What no source says. Each is cut in two, or this file would say it.
const BANNED: [(&str, &str, &str); 14] = [
    ("Hash", "Map", "has an order that differs from run to run; use BTreeMap"),
    ("Hash", "Set", "has an order that differs from run to run; use BTreeSet"),
    ("rand", "::", "is a generator that one choice advances for the next; use Draw"),
    ("fastrand", "::", "is a generator that one choice advances for the next; use Draw"),
    ("thread", "_rng", "is a generator that one choice advances for the next; use Draw"),
    ("getrandom", "::", "is ambient randomness; use Draw"),
    ("Random", "State", "differs from run to run"),
    ("SystemTime", "::now", "is a clock; time enters as an epoch"),
    ("TO", "DO", "is for the issue tracker"),
    ("FIX", "ME", "is for the issue tracker"),
    ("XX", "X:", "is for the issue tracker"),
    ("#[al", "low(", "hides what it allows; use #[expect(…, reason = …)]"),
    ("#![al", "low(", "hides what it allows; use #![expect(…, reason = …)]"),
    ("#[", "ignore", "hides a test that nobody runs"),
];

/// Where the outside world begins. Below `dataflows`, nothing goes there.
const OUTSIDE: [&str; 5] = ["std::fs", "std::net", "std::env", "std::time", "std::process"];

const BANNED_NAMES: [&str; 7] = ["mod", "util", "utils", "helper", "helpers", "common", "manager"];

#[test]
fn sources_are_tidy() {
    let mut faults = Vec::new();
    for path in sources() {
        let text = fs::read_to_string(&path).unwrap();
        let found = faults_of(&path, &text);
        faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", path.display())));
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

fn faults_of(path: &Path, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if !text.starts_with("//! ") {
        faults.push("has no module documentation".into());
    }
    let lines = text.lines().count();
    if FILE_LINES_MAX < lines {
        faults.push(format!("has {lines} lines, at most {FILE_LINES_MAX} are read with ease"));
    }
    let stem = path.file_stem().unwrap().to_str().unwrap();
    if BANNED_NAMES.contains(&stem) {
        faults.push(format!("is called {stem}, which says nothing"));
    }
    for (start, rest, reason) in BANNED {
        let banned = format!("{start}{rest}");
        if text.lines().any(|line| says(line, &banned)) {
            faults.push(format!("{banned} {reason}"));
        }
    }
    for (name, length) in long_functions(text) {
        faults.push(format!("{name} has {length} lines, at most {FUNCTION_LINES_MAX} are read"));
    }
    let pure = path.starts_with("schemas/src") || path.starts_with("operators/src");
    for outside in OUTSIDE.iter().filter(|outside| pure && text.contains(**outside)) {
        faults.push(format!("{outside} is outside; effects are inputs"));
    }
    // An operator's file lifts a verb: its trait speaks of collections.
    let lifts = text.contains("pub trait") && text.contains("VecCollection");
    if lifts
        && path.parent() == Some(Path::new("operators/src"))
        && !text.contains("/// # Examples")
    {
        faults.push("is an operator without an example".into());
    }
    faults
}

/// Whether a line says a word, and not a longer word that ends in it.
fn says(line: &str, banned: &str) -> bool {
    line.match_indices(banned).any(|(place, _)| {
        let before = line[..place].chars().next_back();
        !before.is_some_and(|before| before.is_alphanumeric() || before == '_')
    })
}

/// Functions beyond the limit, by rustfmt's indentation: the closing brace stands under `fn`.
fn long_functions(text: &str) -> Vec<(&str, usize)> {
    let mut long = Vec::new();
    let mut open: Vec<(usize, &str, usize)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.trim_start();
        let indent = line.len() - code.len();
        if let Some(name) = function_name(code)
            && !code.ends_with('}')
            && !code.ends_with(';')
        {
            open.push((indent, name, number));
        }
        if code != "}" {
            continue;
        }
        // What is open further in was a declaration without a body.
        while open.last().is_some_and(|(opened, ..)| indent < *opened) {
            open.pop();
        }
        if let Some((_, name, start)) = open.pop_if(|(opened, ..)| *opened == indent) {
            let length = number - start + 1;
            if FUNCTION_LINES_MAX < length {
                long.push((name, length));
            }
        }
    }
    long
}

fn function_name(code: &str) -> Option<&str> {
    let mut words = code.split(' ').skip_while(|word| {
        word.starts_with("pub") || ["const", "async", "in", "super)"].contains(word)
    });
    let name = (words.next() == Some("fn")).then(|| words.next()).flatten()?;
    name.split(['(', '<']).next()
}

/// Rooms may know only the rooms before them.
#[test]
fn dependencies_point_down() {
    for (floor, room) in ROOMS.iter().enumerate() {
        let Ok(manifest) = fs::read_to_string(root().join(room).join("Cargo.toml")) else {
            assert_eq!(*room, "dataflows/learner", "{room} has no manifest");
            continue;
        };
        let knows = |package: &str| {
            manifest.lines().any(|line| {
                line.strip_prefix(package).is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
            })
        };
        for above in &ROOMS[floor + 1..] {
            let package = above.rsplit('/').next().unwrap();
            assert!(!knows(package), "{room} knows {package}");
        }
        let dataflow = ["timely", "differential-dataflow"];
        if ["schemas", "dataflows/learner"].contains(room) {
            assert!(!dataflow.iter().any(|package| knows(package)), "{room} knows dataflow");
        }
    }
}

/// Choices are keyed hashes of stable ids, so nobody needs a generator; versions are stated.
#[test]
fn manifests_name_no_generator_and_no_wildcard() {
    for manifest in ROOMS.iter().map(|room| root().join(room)).chain([root()]) {
        let manifest = manifest.join("Cargo.toml");
        let Ok(text) = fs::read_to_string(&manifest) else { continue };
        for line in text.lines() {
            let package = line.split([' ', '.', '=']).next().unwrap();
            let generators = ["rand", "fastrand", "getrandom", "oorandom", "uuid"];
            assert!(!generators.contains(&package), "{}: {line}", manifest.display());
            assert!(!line.contains("= \"*\""), "{}: {line}", manifest.display());
        }
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every source file, its path below the root.
fn sources() -> Vec<PathBuf> {
    let mut sources = Vec::new();
    let mut pending: Vec<PathBuf> = ROOMS.iter().map(|room| Path::new(room).join("src")).collect();
    pending.extend(["tests", "benches"].map(PathBuf::from));
    while let Some(path) = pending.pop() {
        let place = root().join(&path);
        if place.is_dir() {
            let entries = fs::read_dir(place).unwrap();
            pending.extend(entries.map(|entry| path.join(entry.unwrap().file_name())));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(path);
        }
    }
    sources.sort();
    assert!(20 < sources.len(), "the sources are found");
    sources
}

#[test]
fn long_function_is_found() {
    let body = "    step();\n".repeat(FUNCTION_LINES_MAX);
    let text = format!("pub fn short() {{}}\n\nfn long(\n    x: u8,\n) -> u8 {{\n{body}}}\n");
    assert_eq!(long_functions(&text), [("long", FUNCTION_LINES_MAX + 4)]);
}
