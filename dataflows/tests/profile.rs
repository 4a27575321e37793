//! Worlds under the paper's profile, and back.
//!
//! Bug families it is after: vectors or weights of one encoder that serve another; a profile that a
//! world forgets, or cannot leave.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dataflows::build::{Listener, Request, build};
use dataflows::store::{Contents, World};
use dataflows::summary::Summary;
use operators::Work;
use schemas::{Encoder, LinkRule, Profile};

struct Silent;

impl Listener for Silent {
    fn begun(&self, _work: &Arc<Work>, _documents: usize) {}
    fn warn(&self, _message: &str) {}
    fn committing(&self) {}
}

#[track_caller]
fn made(world: &Path, settings: &[&str]) -> Summary {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus");
    let mut settings: Vec<String> = settings.iter().map(|it| (*it).to_string()).collect();
    settings.push("task.per_operation=1".into());
    let request = Request {
        corpus: vec![corpus],
        world: PathBuf::from(world),
        workers: 1,
        settings,
        variables: Vec::new(),
        refit: false,
        pinned: None,
        endpoint: None,
    };
    build(&request, &Silent).unwrap()
}

fn contents(world: &Path) -> Contents {
    World::open(world).unwrap().latest().unwrap().manifest.unwrap().contents
}

#[test]
fn world_takes_a_profile_keeps_it_and_leaves_it() {
    let folder = tempfile::tempdir().unwrap();
    let world = folder.path().join("world");
    let first = made(&world, &[]);
    let plain = contents(&world);

    let paper = made(&world, &["profile=paper"]);
    let tools = paper.counts["tools"];
    assert_eq!(paper.work["tools_encoded"], tools, "no vector of another encoder serves");
    let of_paper = contents(&world);
    assert_ne!(of_paper.pins["weights"], plain.pins["weights"], "nor do its weights");
    assert_eq!(of_paper.plan.profile, Profile::Paper);
    assert_eq!(of_paper.plan.graph.encoder, Encoder::Parameters);
    assert_eq!(of_paper.plan.graph.rule, LinkRule::Threshold);
    assert!(of_paper.plan.filter.literal);
    let plan = fs::read_to_string(world.join("plan.toml")).unwrap();
    assert!(plan.contains("method = \"louvain\"  # profile paper\n"), "{plan}");
    assert!(plan.contains("profile = \"paper\"  # --set profile=paper\n"), "{plan}");

    let again = made(&world, &[]);
    assert!(!again.changed && again.work.values().all(|count| *count == 0), "{:?}", again.work);

    let scratch = folder.path().join("scratch");
    made(&scratch, &["profile=paper"]);
    assert_eq!(contents(&scratch).pins["weights"], of_paper.pins["weights"]);
    let vectors = |contents: &Contents| {
        let of = contents.objects.iter().filter(|(role, _)| role.starts_with("vectors/"));
        of.map(|(role, object)| (role.clone(), object.clone())).collect::<Vec<_>>()
    };
    assert_eq!(vectors(&contents(&scratch)), vectors(&of_paper));

    let back = made(&world, &["profile=default"]);
    assert_eq!(back.work["tools_encoded"], first.counts["tools"]);
    assert_eq!(contents(&world).plan, plain.plan);
    assert_eq!(vectors(&contents(&world)), vectors(&plain));
}
