//! The learner by its commands: without it, one clear line; with it, from a corpus to a model.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

#[cfg(feature = "learner")]
use std::path::Path;
use std::process::{Command, Output};

fn agentscaler(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_agentscaler")).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn help_names_the_commands_in_any_case() {
    let help = text(&agentscaler(&["--help"]).stdout);
    for command in ["train", "evaluate", "chat-server"] {
        assert!(help.contains(command), "{help}");
        let said = text(&agentscaler(&[command, "--help"]).stdout);
        assert!(said.starts_with(&format!("Example: agentscaler {command}")), "{said}");
    }
}

#[cfg(not(feature = "learner"))]
#[test]
fn without_the_learner_a_line_says_how_to_get_it() {
    for args in [
        &["train", "--world", "w", "--from", "m", "--output", "o"][..],
        &["evaluate", "--world", "w", "--from", "m"],
        &["chat-server", "--from", "m"],
    ] {
        let output = agentscaler(args);
        assert_eq!(output.status.code(), Some(2));
        let said = text(&output.stderr);
        assert!(said.contains("cargo install --locked --path dataflows --features learner"));
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[cfg(feature = "learner")]
fn done(args: &[&str]) -> String {
    let output = agentscaler(args);
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// A world, a model from nothing, a second stage, what is new since a version, a score.
#[cfg(feature = "learner")]
#[test]
fn world_becomes_a_model() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus");
    let file = |name: &str| corpus.join(name).to_str().unwrap().to_string();
    let (books, shop) = (file("library_catalogue.openapi.yaml"), file("warehouse.openapi.json"));
    let lending = file("library_lending.mcp.json");
    let world = at("world");
    done(&["build", &shop, &lending, "--world", &world]);
    done(&["build", &shop, &lending, &books, "--world", &world, "--vertical", "books"]);
    let few = ["--steps", "2", "--packs", "1", "--context", "3000", "--held-out", "200", "--json"];
    let train = |more: &[&str]| done(&[&["train", "--world", &world], more, &few].concat());
    let said = train(&["--init", "tiny", "--output", &at("first")]);
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["steps"], 2);
    // The same command again has nothing to do, and another is refused.
    assert_eq!(
        said.to_string(),
        serde_json::from_str::<serde_json::Value>(&train(&[
            "--init",
            "tiny",
            "--output",
            &at("first")
        ]))
        .unwrap()
        .to_string()
    );
    let output =
        agentscaler(&["train", "--world", &world, "--init", "tiny", "--output", &at("first")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("give another --output"), "{}", text(&output.stderr));
    train(&["--stage", "vertical", "--from", &at("first"), "--output", &at("second")]);
    let newer = ["--from", &at("first"), "--since", "2", "--output", &at("third")];
    let refused = agentscaler(&[&["train", "--world", &world], &newer[..], &few].concat());
    assert_eq!(refused.status.code(), Some(2), "nothing is new since the latest version");
    assert!(text(&refused.stderr).contains("none of 0 can be learned from"));
    let score = done(&[
        "evaluate",
        "--world",
        &world,
        "--from",
        &at("second"),
        "--stage",
        "vertical",
        "--held-out",
        "200",
        "--rows",
        "1",
        "--tokens",
        "8",
        "--json",
    ]);
    let score: serde_json::Value = serde_json::from_str(&score).unwrap();
    assert_eq!(score["tasks"]["of"], 1);
}
