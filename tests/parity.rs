//! Exported environments against the engine: the same observation, state and fingerprint, call for
//! call.
//!
//! Method: draw sequences of calls for every domain (golden, valid, mutated, nonsense), run them on
//! the engine and, in one process of Python per domain, on the export; compare every observation,
//! the fingerprint after every call, and the rows at the end. A domain made for the purpose has a
//! tool for every step, condition, expression and kind of column, and is given all odd values.
//!
//! What is generated is also read without being run: `ast` finds only the statements and calls of an
//! allow-list, `SQLite` takes the schema and the rows, and texts of all kinds come back from their
//! quotations. τ²-bench judges the exported package: its golden calls must end, by its own hash of
//! the state, where they should, and other runs where we say that they end.
//!
//! Needs Python 3.9 or later, `python3` or what `AGENTSCALER_PYTHON` names; says SKIPPED without.
//! With `SLOW_TESTS=1` a world of real APIs is compared too, in ten sequences a domain: the one that
//! `AGENTSCALER_WORLD` names, or one built from `../shared/corpora/dev/normalised`, which takes long
//! without optimisation:
//!
//! ```sh
//! agentscaler build ../shared/corpora/dev/normalised --world real
//! SLOW_TESTS=1 AGENTSCALER_WORLD=real cargo test --locked --test parity real -- --nocapture
//! ```

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]
#![expect(clippy::print_stderr, reason = "what is skipped must be seen")]
#![expect(clippy::disallowed_methods, reason = "what to run and how long is named by variables")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use dataflows::build::{Listener, Request, build};
use dataflows::export::{self, Exported, each, json_lines, tau2};
use dataflows::store::World;
use operators::Work;
use operators::emit;
use operators::engine::{World as Engine, example};
use schemas::{Draw, Value};
use serde_json::{Value as Json, json};

use self::calls::Caller;

#[path = "parity/calls.rs"]
mod calls;
#[path = "parity/every.rs"]
mod every;
#[path = "parity/names.rs"]
mod names;
#[path = "parity/spoiled.rs"]
mod spoiled;

struct Silent;

impl Listener for Silent {
    fn begun(&self, _work: &Arc<Work>, _documents: usize) {}
    fn warn(&self, _message: &str) {}
    fn committing(&self) {}
}

/// How much was compared.
#[derive(Debug, Default)]
struct Compared {
    domains: usize,
    sequences: usize,
    calls: usize,
    refused: usize,
}

/// A Python to run, if there is one.
fn python() -> Option<PathBuf> {
    let named = std::env::var_os("AGENTSCALER_PYTHON").map(PathBuf::from);
    let python = named.unwrap_or_else(|| "python3".into());
    let asked = "import sys; sys.exit(sys.version_info < (3, 9))";
    let usable = Command::new(&python).args(["-c", asked]).status().is_ok_and(|it| it.success());
    if !usable {
        eprintln!("SKIPPED: no Python 3.9 or later; AGENTSCALER_PYTHON names one");
    }
    usable.then_some(python)
}

fn world(folder: &Path, corpus: Vec<PathBuf>) -> World {
    let world = folder.join("world");
    let request = Request {
        corpus,
        world: world.clone(),
        workers: 2,
        settings: Vec::new(),
        variables: Vec::new(),
        refit: false,
        pinned: None,
        endpoint: None,
    };
    build(&request, &Silent).unwrap();
    World::open(&world).unwrap()
}

fn domains(world: &World) -> Vec<Exported> {
    let manifest = world.latest().unwrap().manifest.unwrap();
    let mut all = Vec::new();
    each(world, &manifest, &[], &mut |it| {
        all.push(it.clone());
        Ok(())
    })
    .unwrap();
    all
}

/// Writes what is emitted for a domain into a folder.
fn write(folder: &Path, domain: &Exported) {
    fs::create_dir_all(folder).unwrap();
    for (name, text) in emit::python(&domain.environment, &domain.tasks) {
        fs::write(folder.join(name), text).unwrap();
    }
}

/// Runs a script that is to succeed, and returns what it printed.
#[track_caller]
fn run(python: &Path, script: &str, arguments: &[PathBuf]) -> Vec<u8> {
    let ran = Command::new(python).arg(script).args(arguments).output().unwrap();
    assert!(ran.status.success(), "{script}: {}", String::from_utf8_lossy(&ran.stderr));
    ran.stdout
}

/// Writes what is emitted for a domain, runs sequences on both sides, and compares.
fn compare(python: &Path, domain: &Exported, sequences: usize, compared: &mut Compared) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), domain);
    let engine = Engine::new(domain.environment.clone()).unwrap();
    let caller = Caller::new(&engine, &domain.tasks);
    let draw = Draw::new(5).with(&domain.environment.name);
    let drawn: Vec<_> = (0..sequences).map(|place| caller.sequence(draw.at(place))).collect();
    let given: Vec<String> = drawn.iter().map(|it| it.given.to_string()).collect();
    let file = folder.path().join("sequences.jsonl");
    fs::write(&file, given.join("\n")).unwrap();
    let name = &domain.environment.name;
    let printed = run(python, "tests/parity/driver.py", &[folder.path().into(), file]);
    let answered: Vec<Json> = printed
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert_eq!(answered.len(), drawn.len(), "{name}");
    for (sequence, answer) in drawn.iter().zip(&answered) {
        let calls = sequence.given["calls"].as_array().unwrap();
        for (place, call) in calls.iter().enumerate() {
            for part in ["observations", "states"] {
                let (ours, theirs) = (&sequence.expected[part][place], &answer[part][place]);
                assert_eq!(ours, theirs, "{name}: {part} of call {place}, {call}");
            }
            let text = sequence.expected["observations"][place].as_str().unwrap();
            compared.refused += usize::from(text.starts_with("{\"error\": "));
        }
        assert_eq!(sequence.expected, *answer, "{name}: {}", sequence.given);
        compared.calls += calls.len();
    }
    compared.sequences += drawn.len();
    compared.domains += 1;
}

#[test]
fn python_answers_as_the_engine_does_on_the_example_world() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let world = world(folder.path(), vec!["tests/corpus".into()]);
    let mut compared = Compared::default();
    for domain in domains(&world) {
        compare(&python, &domain, 40, &mut compared);
    }
    eprintln!("{compared:?}");
    assert!(compared.refused * 10 < compared.calls * 9, "most calls come to nothing: {compared:?}");
    assert!(15 < compared.domains && 3_000 < compared.calls, "{compared:?}");
}

#[test]
fn python_answers_as_the_engine_does_whatever_a_program_says() {
    let Some(python) = python() else { return };
    let mut compared = Compared::default();
    for (environment, sequences) in [
        (every::environment(), 2_000),
        (example::every_step(), 400),
        (example::help_desk(), 100),
        (example::library(), 100),
    ] {
        compare(&python, &Exported { environment, tasks: Vec::new() }, sequences, &mut compared);
    }
    eprintln!("{compared:?}");
}

#[test]
fn python_answers_as_the_engine_does_on_programs_that_nobody_wrote() {
    let Some(python) = python() else { return };
    let environment = spoiled::environment();
    let count = environment.operations.len();
    assert!(100 < count, "{count} programs type-check");
    let mut compared = Compared::default();
    compare(&python, &Exported { environment, tasks: Vec::new() }, 1_000, &mut compared);
    eprintln!("{count} programs: {compared:?}");
    assert!(compared.refused * 10 < compared.calls * 9, "most calls come to nothing: {compared:?}");
}

#[test]
fn python_answers_as_the_engine_does_on_real_apis() {
    let corpus = Path::new("../shared/corpora/dev/normalised");
    let named = std::env::var_os("AGENTSCALER_WORLD").map(PathBuf::from);
    if std::env::var_os("SLOW_TESTS").is_none() || (named.is_none() && !corpus.exists()) {
        eprintln!("SKIPPED real APIs: SLOW_TESTS is not set, or there is no corpus of them");
        return;
    }
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let world = match named {
        Some(world) => World::open(&world).unwrap(),
        None => world(folder.path(), vec![corpus.into()]),
    };
    let mut compared = Compared::default();
    for domain in domains(&world) {
        compare(&python, &domain, 10, &mut compared);
    }
    eprintln!("{compared:?}");
    assert!(200 <= compared.domains && 10_000 <= compared.sequences, "{compared:?}");
}

/// Texts that are hard to quote: letters of all kinds, and what other languages mean something by.
fn texts() -> Vec<String> {
    let parts = [
        "\"",
        "'",
        "\\",
        "\n",
        "\r",
        "\t",
        "\0",
        "\u{1b}",
        "\"\"\"",
        "'''",
        "{",
        "}",
        "`",
        "--",
        "/*",
        "*/",
        "; DROP TABLE x",
        "__import__('os')",
        "\\N{DIGIT ONE}",
        "\\x41",
        "\u{2028}",
        "\u{202e}",
        "\u{feff}",
        "\u{1f600}",
        "é",
        "日本",
        "$x",
        "%s",
        "#",
        " ",
        "a",
        "Z9",
        "_",
    ];
    let text = |place: usize| {
        let draw = Draw::new(11).at(place);
        let length = usize::try_from(draw.with("length").below(7)).unwrap();
        let pieces = (0..length).map(|at| {
            let draw = draw.with("part").at(at);
            let code = u32::try_from(draw.with("code").below(0x11_0000)).unwrap();
            match char::from_u32(code).filter(|_| draw.with("any").happens(300)) {
                Some(any) => any.to_string(),
                None => (*draw.from_list(&parts)).to_string(),
            }
        });
        pieces.collect::<String>()
    };
    (0..4_000).map(text).chain(every::HOSTILE.map(String::from)).collect()
}

#[test]
fn generated_sources_hold_only_what_is_allowed() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut domains = domains(&world(folder.path(), vec!["tests/corpus".into()]));
    for environment in [every::environment(), example::every_step()] {
        domains.push(Exported { environment, tasks: Vec::new() });
    }
    let folders: Vec<PathBuf> =
        domains.iter().map(|it| folder.path().join(emit::folder(&it.environment))).collect();
    for (domain, place) in domains.iter().zip(&folders) {
        write(place, domain);
    }
    let quotations: Vec<Json> = texts()
        .iter()
        .map(|it| json!([it, emit::quoted(it), emit::sql_text(it), emit::identifier(it)]))
        .collect();
    let phrases = ["ΟΔΟΣ", "Σ", "ΑΣ.", "İSTANBUL", "STRASSE ß"].map(String::from);
    let letters: Vec<Json> = (0..=0x0010_ffff)
        .filter_map(char::from_u32)
        .map(String::from)
        .chain(phrases)
        .map(|it| json!([it, it.to_lowercase()]))
        .collect();
    let bits = (0..60_000).map(|place| f64::from_bits(Draw::new(13).at(place).bits()));
    let short = (0..20_000).map(|place| {
        let draw = Draw::new(17).at(place);
        let digits = f64::from(u32::try_from(draw.below(100_000)).unwrap());
        digits * 10_f64.powi(i32::try_from(draw.with("power").between(-30, 30)).unwrap())
    });
    let numbers = bits.chain(short).map(Value::number).filter(|number| !number.is_null());
    let numbers: Vec<Json> = numbers.map(|number| number.to_string().into()).collect();
    fs::write(folders[0].join("numbers.json"), Json::from(numbers).to_string()).unwrap();
    fs::write(folders[0].join("quotations.json"), Json::from(quotations).to_string()).unwrap();
    fs::write(folders[0].join("letters.json"), Json::from(letters).to_string()).unwrap();
    run(&python, "tests/parity/audit.py", &folders);
}

/// A Python with τ²-bench, named by `AGENTSCALER_TAU2_PYTHON`.
fn python_of_tau2() -> Option<PathBuf> {
    let python = PathBuf::from(std::env::var_os("AGENTSCALER_TAU2_PYTHON").unwrap_or_default());
    let usable = Command::new(&python).args(["-c", "import tau2.registry"]).output();
    let usable = usable.is_ok_and(|it| it.status.success());
    if !usable {
        eprintln!(
            "SKIPPED: no τ²-bench. With Python 3.12: python3.12 -m venv tau2; tau2/bin/pip install \
             git+https://github.com/sierra-research/tau2-bench (what PyPI calls tau2 is another \
             project); AGENTSCALER_TAU2_PYTHON=tau2/bin/python"
        );
    }
    usable.then_some(python)
}

#[test]
fn tau2_judges_as_we_do() {
    let Some(python) = python_of_tau2() else { return };
    let folder = tempfile::tempdir().unwrap();
    let world = world(folder.path(), vec!["tests/corpus".into()]);
    let manifest = world.latest().unwrap().manifest.unwrap();
    let output = folder.path().join("package");
    let made = tau2(&world, &manifest, &[], &output).unwrap();
    let tables = folder.path().join("tables");
    json_lines(&world, &manifest, &tables).unwrap();
    let printed = run(&python, "tests/parity/check_tau2.py", &[output, tables]);
    let counts: Json = serde_json::from_slice(&printed).unwrap();
    eprintln!("{counts}");
    assert_eq!(counts["tasks"], made.tasks, "{counts}");
    for (what, least) in [
        ("golden_calls", 500),
        ("db_agrees", 500),
        ("runs_elsewhere", 300),
        ("told", 50),
        ("recorded_kept", 500),
        ("recorded_state", 20),
    ] {
        assert!(least < counts[what].as_u64().unwrap(), "{what}: {counts}");
    }
}

#[test]
fn exports_are_the_same_bytes_and_replace_only_their_own() {
    let scratch = tempfile::tempdir().unwrap();
    let world = world(scratch.path(), vec!["tests/corpus".into()]);
    let manifest = world.latest().unwrap().manifest.unwrap();
    for export in [export::python, tau2] {
        let (one, other) = (scratch.path().join("one"), scratch.path().join("other"));
        let made = export(&world, &manifest, &[], &one).unwrap();
        assert_eq!(made, export(&world, &manifest, &[], &other).unwrap());
        assert_eq!(files(&one), files(&other));
        assert_eq!(made, export(&world, &manifest, &[], &one).unwrap(), "its own is replaced");
        let only = export(&world, &manifest, &["books".into()], &one).unwrap();
        assert_eq!(only.domains, 1);
        fs::write(one.join("thesis.txt"), "years of work").unwrap();
        let refused = export(&world, &manifest, &[], &one).unwrap_err();
        assert!(refused.to_string().contains("thesis.txt") && refused.remedy().is_some());
        assert_eq!(fs::read(one.join("thesis.txt")).unwrap(), b"years of work");
        let unknown = export(&world, &manifest, &["nobody".into()], &other).unwrap_err();
        assert!(unknown.to_string().contains("nobody"));
        fs::remove_dir_all(&one).unwrap();
        fs::remove_dir_all(&other).unwrap();
    }
}

/// Every file below a folder with its bytes.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut pending = vec![folder.to_path_buf()];
    while let Some(next) = pending.pop() {
        for entry in fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                pending.push(entry);
            } else {
                found.push((entry.strip_prefix(folder).unwrap().into(), fs::read(&entry).unwrap()));
            }
        }
    }
    found.sort();
    found
}
