//! The example world, by what it is made of: the same on every machine.
//!
//! Method: build the example corpus with the default plan and compare counts, and a digest of the
//! objects of each kind, with `tests/golden/example.txt`. A difference is either a verb that says
//! something new for the same input, and then its `REVISION` must change so that nothing stale is
//! recalled, or a leak of something that no world may depend on. `UPDATE_EXPECT=1` writes the file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::sync::Arc;

use dataflows::build::{Listener, Request, build};
use dataflows::store::World;
use operators::Work;
use schemas::Digest;

const GOLDEN: &str = "tests/golden/example.txt";

struct Silent;

impl Listener for Silent {
    fn begun(&self, _work: &Arc<Work>, _documents: usize) {}
    fn warn(&self, _message: &str) {}
    fn committing(&self) {}
}

#[test]
fn example_world_is_the_golden_one() {
    let folder = tempfile::tempdir().unwrap();
    let world = folder.path().join("world");
    let request = Request {
        corpus: vec!["tests/corpus".into()],
        world: world.clone(),
        workers: 2,
        settings: Vec::new(),
        variables: Vec::new(),
        refit: false,
        pinned: None,
        endpoint: None,
    };
    build(&request, &Silent).unwrap();
    let contents = World::open(&world).unwrap().latest().unwrap().manifest.unwrap().contents;
    let mut found = format!("program {}\n", contents.program);
    for (name, count) in contents.counts.iter().chain(&contents.rejected) {
        writeln!(found, "{name} {count}").unwrap();
    }
    let mut kinds: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (role, object) in contents.objects.iter().chain(&contents.pins) {
        let kind = role.split('/').next().unwrap();
        kinds.entry(kind).or_default().push(format!("{role} {}", object.digest));
    }
    for (kind, objects) in kinds {
        writeln!(found, "{kind} {}", Digest::of_parts(objects)).unwrap();
    }
    if asked_to_update() {
        fs::write(GOLDEN, &found).unwrap();
    }
    let golden = fs::read_to_string(GOLDEN).unwrap();
    assert_eq!(
        golden.lines().collect::<Vec<_>>(),
        found.lines().collect::<Vec<_>>(),
        "bump the REVISION of the verb that changed, then run with UPDATE_EXPECT=1"
    );
}

#[expect(clippy::disallowed_methods, reason = "how a person asks for new expectations")]
fn asked_to_update() -> bool {
    std::env::var_os("UPDATE_EXPECT").is_some()
}
