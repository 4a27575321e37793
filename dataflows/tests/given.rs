//! What may be given as a corpus beside files and folders: patterns and standard input.
//!
//! Method: scan small folders and compare the names that files go by; then let the program itself
//! read its standard input, and a pattern that no shell has expanded.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use dataflows::corpus::{Corpus, CorpusError};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder with APIs at several depths, and things that are none of them.
fn shelf() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    };
    for name in ["apis/one.json", "apis/a/two.json", "apis/a/b/three.json", "apis/a/notes.md"] {
        put(name);
    }
    for name in ["apis/.hidden/four.json", "apis/[5].json", "world/inside.json"] {
        put(name);
    }
    symlink("/etc", folder.path().join("apis/outside")).unwrap();
    folder
}

fn scanned(folder: &TempDir, given: &str) -> Result<Corpus, CorpusError> {
    let world = folder.path().join("world");
    Corpus::scan(&[folder.path().join(given)], &world)
}

#[track_caller]
fn names(folder: &TempDir, given: &str) -> Vec<String> {
    let corpus = scanned(folder, given).unwrap();
    let mut names: Vec<String> = corpus.files.keys().map(|it| it.path.clone()).collect();
    names.sort();
    names
}

#[test]
fn patterns_stand_for_the_files_they_match() {
    let folder = shelf();
    let all = ["apis/[5].json", "apis/a/b/three.json", "apis/a/two.json", "apis/one.json"];
    assert_eq!(names(&folder, "apis/**/*.json"), all);
    assert_eq!(names(&folder, "apis/*.json"), ["apis/[5].json", "apis/one.json"]);
    assert_eq!(names(&folder, "apis/o?e.json"), ["apis/one.json"]);
    assert_eq!(names(&folder, "apis/*/b"), ["apis/a/b/three.json"]);
    assert_eq!(names(&folder, "apis/[5].json"), ["[5].json"], "a name before a pattern");
    // A folder goes by the same names as a pattern for all that is in it.
    let whole = names(&folder, "apis");
    assert_eq!(names(&folder, "apis/**/*"), whole);
    let both = [folder.path().join("apis"), folder.path().join("apis/**/*.json")];
    let both = Corpus::scan(&both, &folder.path().join("world")).unwrap();
    assert_eq!(both.files.len(), whole.len());
    let outside = scanned(&folder, "apis/out*/*").unwrap();
    assert!(outside.files.is_empty());
    assert!(outside.unreadable.iter().all(|it| it.reason == "is a link to outside the corpus"));
    assert!(names(&folder, "*/*.json").iter().all(|name| !name.contains("inside")));
}

#[test]
fn patterns_that_match_nothing_are_errors_with_a_remedy() {
    let folder = shelf();
    for (given, said) in [
        ("apis/*.yaml", "nothing matches the pattern"),
        ("nowhere/**/*.json", "nothing matches the pattern"),
        ("apis/[x.json", "cannot be read"),
        ("apis/a**b", "cannot be read"),
        ("world/*.json", "is the world itself"),
    ] {
        let error = scanned(&folder, given).unwrap_err();
        assert!(error.to_string().contains(said), "{given}: {error}");
        assert!(error.remedy().is_some(), "{given}: {error}");
    }
}

fn run(folder: &Path, line: &str, input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_agentscaler"))
        .current_dir(folder)
        .args(line.split_whitespace())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that fails early reads nothing.
    drop(child.stdin.take().unwrap().write_all(input));
    child.wait_with_output().unwrap()
}

#[test]
fn standard_input_is_read_like_a_file() {
    let folder = shelf();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus");
    let library = fs::read(example.join("library_lending.mcp.json")).unwrap();
    let line = "build - --world made --json --set task.per_operation=1";
    let built = |input: &[u8]| -> Value {
        let ran = run(folder.path(), line, input);
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        serde_json::from_slice(&ran.stdout).unwrap()
    };
    let first = built(&library);
    assert!(0 < first["counts"]["kept"].as_u64().unwrap(), "{first}");
    assert_eq!(built(&library)["changed"], json!(false));
    let listed = run(folder.path(), "list tools --world made --json", b"").stdout;
    let tool: Value =
        serde_json::from_slice(listed.split(|byte| *byte == b'\n').next().unwrap()).unwrap();
    assert_eq!(tool["file"], "stdin");
    let empty = run(folder.path(), "build - --world other --json", b"");
    assert!(empty.status.success());
    let rejected = run(folder.path(), "list rejections --world other --json", b"").stdout;
    assert!(String::from_utf8(rejected).unwrap().contains("is empty"));

    fs::write(folder.path().join("apis/library.json"), &library).unwrap();
    let ran = run(folder.path(), "build ./apis/lib*.json --world third --json", b"");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let failed = run(folder.path(), "build **/*.yaml --world fourth", b"");
    let said = String::from_utf8(failed.stderr).unwrap();
    assert_eq!(failed.status.code(), Some(2), "{said}");
    assert!(said.contains("nothing matches the pattern \"**/*.yaml\"\n  * matches"), "{said}");
    assert!(!folder.path().join("fourth").exists());
}
