//! Tools beside their sources, as an independent reader sees both.
//!
//! Goal: what a world exports says what the native files say. Method: for each folder of real
//! files, build a world without tasks, export its tools, and let `tests/python/fidelity.py`, which
//! shares nothing with the importers, compare every tool. `SLOW_TESTS` takes the large folders too.

#![expect(clippy::disallowed_methods, reason = "SLOW_TESTS is how the slow tests are asked for")]
#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]
#![expect(clippy::print_stderr, reason = "figures are for who looks, and a skipped test says so")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const SMALL: [&str; 8] =
    ["aliyun", "api_bank", "aws", "mcp", "taskbench", "toolalpaca", "toolbench_rapidapi", "xlam"];

const LARGE: [&str; 8] = [
    "acebench",
    "bfcl",
    "broken",
    "openai_tools",
    "openapi3_json",
    "openapi3_yaml",
    "seal_tools",
    "swagger2_yaml",
];

#[test]
fn tools_say_what_their_sources_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let corpus = root.join("../shared/corpora/dev/raw");
    if !corpus.is_dir() {
        eprintln!("SKIPPED: there is no corpus at {}", corpus.display());
        return;
    }
    let runs = |code: &str| {
        let python = Command::new("python3").args(["-c", code]).stderr(Stdio::null()).status();
        python.is_ok_and(|status| status.success())
    };
    if !runs("import sys; assert (3, 9) <= sys.version_info") {
        eprintln!("SKIPPED: there is no Python 3.9 or later");
        return;
    }
    let mut folders = SMALL.to_vec();
    match (std::env::var_os("SLOW_TESTS").is_some(), runs("import yaml")) {
        (true, true) => folders.extend(LARGE),
        (true, false) => eprintln!("SKIPPED large folders: there is no PyYAML"),
        _ => eprintln!("SKIPPED large folders: SLOW_TESTS is not set"),
    }
    let reader = root.join("tests/python/fidelity.py");
    let differing: Vec<&str> =
        folders.into_iter().filter(|folder| !agrees(&corpus.join(folder), &reader)).collect();
    assert!(differing.is_empty(), "{differing:?}");
}

/// Whether every tool of a folder agrees with its source.
fn agrees(folder: &Path, reader: &Path) -> bool {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| -> PathBuf { place.path().join(name) };
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_agentscaler"));
        let output = command.current_dir(place.path()).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let corpus = folder.to_str().unwrap();
    let settings = ["--set", "task.per_operation=0", "--set", "corpus.latest_only=false"];
    run(&[["build", corpus, "--world", "world", "--quiet"].as_slice(), &settings].concat());
    run(&["export", "tools", "--world", "world", "--output", "tools.json"]);
    let rejections = run(&["list", "rejections", "--world", "world", "--json"]);
    fs::write(at("rejections.jsonl"), rejections).unwrap();
    let compared = Command::new("python3")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(reader)
        .args([folder, &at("tools.json"), &at("rejections.jsonl")])
        .output()
        .unwrap();
    eprint!("{}", String::from_utf8_lossy(&compared.stdout));
    eprint!("{}", String::from_utf8_lossy(&compared.stderr));
    compared.status.success()
}
