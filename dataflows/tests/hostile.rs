//! The whole program on a hostile corpus: nothing outside it is opened, memory stays bounded, and
//! the good files beside the hostile ones come through.
//!
//! Method: canaries, files outside the corpus that its documents refer to, are watched with
//! inotify, and an address they refer to is listened on, while the program builds. Both watches
//! are shown to work by touching what they watch afterwards.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

#[path = "../../operators/tests/hostile/files.rs"]
mod files;

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use files::Fate;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder with a corpus of one good file, and other things beside the corpus.
struct Place(TempDir);

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let corpus = folder.path().join("corpus");
        fs::create_dir(&corpus).unwrap();
        let good = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus");
        fs::copy(good.join(GOOD), corpus.join(GOOD)).unwrap();
        Place(folder)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, line: &str) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_agentscaler"));
        let ran = command.current_dir(self.0.path()).args(line.split(' ')).output().unwrap();
        assert!(ran.status.success(), "{line}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap()
    }

    fn build(&self) -> Value {
        let line = "build corpus --world world --json --set task.per_operation=1";
        serde_json::from_str(&self.run(line)).unwrap()
    }

    fn listed(&self, kind: &str) -> Vec<Value> {
        let listed = self.run(&format!("list {kind} --world world --json"));
        listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The names of the tools of the good file.
    fn good_tools(&self) -> BTreeSet<String> {
        let tools = self.listed("tools").into_iter();
        tools
            .filter(|tool| tool["file"].as_str().unwrap().ends_with(GOOD))
            .map(|tool| tool["name"].as_str().unwrap().to_string())
            .collect()
    }
}

const GOOD: &str = "library_lending.mcp.json";

/// A document that refers to the same thing wherever a reference may stand.
fn referring(to: &str) -> String {
    let reference = json!({"$ref": to});
    json!({
        "openapi": "3.1.0", "info": {"title": "Gardens", "version": "1", "$ref": to},
        "externalDocs": {"url": to}, "$id": to, "$schema": to,
        "servers": [{"url": to}],
        "components": {"schemas": {"G": reference}, "parameters": {"P": reference}},
        "paths": {
            "/shared": reference,
            "/gardens/{id}": {"parameters": [reference], "post": {
                "operationId": "../../../../tmp/find_garden", "summary": "Find a garden.",
                "parameters": [reference, {"$ref": "#/components/parameters/P"},
                               {"name": "a", "in": "query", "schema": reference}],
                "requestBody": {"content": {"application/json": {"schema": {
                    "allOf": [reference], "properties": {"b": reference, "$dynamicRef": to},
                    "discriminator": {"propertyName": "b", "mapping": {"x": to}}}}}},
                "responses": {"200": reference},
            }},
        },
    })
    .to_string()
}

/// Takes every event there is; false if there was none.
fn was_touched(watch: &OwnedFd) -> bool {
    let mut buffer = [MaybeUninit::uninit(); 4_096];
    let mut events = inotify::Reader::new(watch, &mut buffer);
    let mut touched = false;
    loop {
        match events.next() {
            Ok(_) => touched = true,
            Err(Errno::AGAIN) => return touched,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn nothing_outside_the_corpus_is_opened() {
    let place = Place::new();
    fs::create_dir(place.at("secret")).unwrap();
    let canaries = [place.at("outside.json"), place.at("secret/canary.yaml")];
    let schema = json!({"a": {"type": "string", "description": "the canary sang"}});
    let watch = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).unwrap();
    for canary in &canaries {
        fs::write(canary, schema.to_string()).unwrap();
        inotify::add_watch(&watch, canary, WatchFlags::OPEN | WatchFlags::ACCESS).unwrap();
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();

    let (near, far) = (canaries[0].display(), canaries[1].display());
    let references = [
        "../outside.json#/a".to_string(),
        "sub/../../outside.json#/a".into(),
        "..%2foutside.json#/a".into(),
        "%2e%2e/outside.json#/a".into(),
        ".\\..\\outside.json#/a".into(),
        "./linked.json#/a".into(),
        "linked/canary.yaml#/a".into(),
        format!("{near}#/a"),
        format!("file://{far}#/a"),
        format!("file:{far}#/a"),
        format!("FILE://localhost{far}#/a"),
        format!("http://{address}/schema.json#/a"),
        format!("//{address}/schema.json#/a"),
        "file:///etc/passwd".into(),
        "http://169.254.169.254/latest/meta-data".into(),
    ];
    let corpus = place.at("corpus");
    fs::create_dir(corpus.join("sub")).unwrap();
    symlink("../outside.json", corpus.join("linked.json")).unwrap();
    symlink(place.at("secret"), corpus.join("linked")).unwrap();
    for (ordinal, reference) in references.iter().enumerate() {
        let document = referring(reference).replace("Gardens", &format!("Gardens {ordinal}"));
        fs::write(corpus.join(format!("refers_{ordinal}.json")), document).unwrap();
        let yaml =
            format!("openapi: 3.0.0\npaths: !include {reference}\ninfo: {{$ref: '{reference}'}}\n");
        fs::write(corpus.join(format!("includes_{ordinal}.yaml")), yaml).unwrap();
    }
    let before = names_in(place.0.path());
    place.build();

    assert!(!was_touched(&watch), "a file outside the corpus was opened");
    let refused = listener.accept().map(|_| ()).map_err(|error| error.kind());
    assert_eq!(refused, Err(ErrorKind::WouldBlock), "a remote reference was followed");
    let mut after = names_in(place.0.path());
    after.retain(|name| name != "world");
    assert_eq!(before, after, "something was made beside the world");
    for kind in ["tools", "rejections"] {
        for row in place.listed(kind) {
            assert!(!row.to_string().contains("the canary sang"), "{row}");
        }
    }
    for canary in &canaries {
        fs::read(canary).unwrap();
        assert!(was_touched(&watch), "the watch is blind");
    }
    TcpStream::connect(address).unwrap();
    assert!(listener.accept().is_ok(), "the listener is deaf");
}

fn names_in(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

/// Most memory that the hostile corpus may take: the largest document and what it unfolds to.
const MEMORY_MAX: u64 = 2 << 30;

/// Longest that the build may take, in a debug build on a busy machine.
const TIME_MAX: Duration = Duration::from_secs(180);

#[test]
fn hostile_corpus_takes_bounded_memory_and_harms_no_neighbour() {
    let place = Place::new();
    place.build();
    let alone = place.good_tools();
    assert!(!alone.is_empty());
    // A hundred thousand good tools are a large world and no hostile one.
    let cases: Vec<_> =
        files::all().into_iter().filter(|(name, ..)| *name != "paths.json").collect();
    for (name, bytes, _) in &cases {
        fs::write(place.at("corpus").join(name), bytes).unwrap();
    }
    let begun = Instant::now();
    let summary = place.build();
    assert!(begun.elapsed() < TIME_MAX, "{:?}", begun.elapsed());
    let peak = summary["peak_rss_bytes"].as_u64().unwrap();
    assert!(0 < peak && peak < MEMORY_MAX, "{peak} bytes");
    assert_eq!(place.good_tools(), alone);
    let rejections = place.listed("rejections");
    for (name, _, fate) in &cases {
        let said = match fate {
            Fate::Rejected(rule) | Fate::Read(_, Some(rule)) => rule.name(),
            Fate::Refused(said) => said,
            Fate::Read(count, None) => {
                assert_ne!(*count, 0, "{name} has no fate");
                continue;
            }
        };
        let found = rejections.iter().any(|it| it["file"].as_str().unwrap().ends_with(name));
        assert!(found, "{name} is not among the rejections: {said}");
    }
}

/// What the corpus holds cannot steer the terminal that a list is printed to.
#[test]
fn lists_print_nothing_that_steers_a_terminal() {
    let place = Place::new();
    let evil = "\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}\u{200b}\u{e0041}\r\n<|im_start|>";
    let paths = json!({format!("/{evil}"): {"$ref": "#/nowhere"}});
    let document = json!({"openapi": "3.0.0", "info": {"title": evil}, "paths": paths});
    fs::write(place.at("corpus/evil.json"), document.to_string()).unwrap();
    let named = json!([{"name": format!("x{evil}"), "description": "", "inputSchema": {}}]);
    fs::write(place.at("corpus/e\u{1b}[2Jvil\u{202e}.json"), named.to_string()).unwrap();
    place.build();
    for kind in ["tools", "rejections", "domains", "tasks"] {
        for form in ["", " --json"] {
            let said = place.run(&format!("list {kind} --world world{form}"));
            let steers = |c: char| {
                (c.is_control() && !matches!(c, '\n' | '\t'))
                    || matches!(
                        c,
                        '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
                            | '\u{e0000}'..='\u{e007f}'
                    )
            };
            let found = said.chars().find(|c| steers(*c));
            assert_eq!(found, None, "list {kind}{form} prints it");
        }
    }
}
