//! Worlds whose tools a model embeds: the same whatever the endpoint suffers.
//!
//! Bug families it is after: a vector that is given to another text; a fault, a batch or a number
//! of workers that shows in the world; vectors of two widths that are compared; a tool that has no
//! vector and is silently gone.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dataflows::build::{Listener, Request, build};
use dataflows::endpoint::Config;
use dataflows::journal::Recorded;
use dataflows::prove::prove;
use dataflows::store::World;
use dataflows::summary::Summary;
use operators::Work;
use tempfile::TempDir;

use self::server::{Conduct, FAULTS, Server, WIDTH};
use self::versions::{assert_same, committed, latest};

#[path = "files/versions.rs"]
mod versions;
#[path = "embeddings/server.rs"]
mod server;

struct Silent;

impl Listener for Silent {
    fn begun(&self, _work: &Arc<Work>, _documents: usize) {}
    fn warn(&self, _message: &str) {}
    fn committing(&self) {}
}

const VERBS: [&str; 5] = ["create", "get", "list", "update", "delete"];

/// A folder with a corpus, and worlds made of it.
struct Stage(TempDir);

impl Stage {
    fn set() -> Stage {
        let stage = Stage(tempfile::tempdir().unwrap());
        fs::create_dir(stage.0.path().join("corpus")).unwrap();
        stage.write("parcels.json", &["parcel", "courier", "depot", "invoice"]);
        stage
    }

    fn world(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, nouns: &[&str]) {
        let mut tools = Vec::new();
        for noun in nouns {
            for verb in VERBS {
                tools.push(format!(
                    "{{\"name\": \"{verb}_{noun}\", \"description\": \"Can {verb} one {noun} of a \
                     {noun} book.\", \"inputSchema\": {{\"type\": \"object\", \"properties\": \
                     {{\"{noun}_id\": {{\"type\": \"string\", \"description\": \"Which \
                     {noun}.\"}}}}, \"required\": [\"{noun}_id\"]}}}}"
                ));
            }
        }
        let text = format!("{{\"tools\": [{}]}}", tools.join(",\n"));
        fs::write(self.0.path().join("corpus").join(name), text).unwrap();
    }

    fn request(&self, world: &str, workers: usize, server: Option<&Server>) -> Request {
        let settings = [
            "task.per_operation=1",
            "graph.encoder=embeddings",
            "graph.embedding_model=small",
            "graph.cosine_permille_min=300",
        ];
        Request {
            corpus: vec![self.0.path().join("corpus")],
            world: self.world(world),
            workers,
            settings: settings.map(String::from).to_vec(),
            variables: Vec::new(),
            refit: false,
            pinned: None,
            endpoint: server.map(config),
        }
    }

    #[track_caller]
    fn made(&self, world: &str, workers: usize, server: Option<&Server>) -> Summary {
        build(&self.request(world, workers, server), &Silent).unwrap()
    }
}

fn config(server: &Server) -> Config {
    Config {
        timeout: Duration::from_secs(20),
        backoff: Duration::from_millis(4),
        in_flight_max: 8,
        ..Config::new(server.url())
    }
}

fn recorded(world: &Path) -> usize {
    World::open(world).map_or(0, |world| Recorded::read(&world).unwrap().len())
}

/// Goal: on the example corpus, neither faults, workers, the form of vectors nor their order show;
/// and the journal alone makes the same world.
#[test]
fn worlds_are_the_same_whatever_the_endpoint_suffers() {
    let stage = Stage::set();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus");
    let on_examples = |world: &str, workers, server: Option<&Server>| {
        let corpus = vec![examples.clone()];
        build(&Request { corpus, ..stage.request(world, workers, server) }, &Silent).unwrap()
    };
    let good = Server::start(Conduct::Good(WIDTH));
    let whole = on_examples("good", 1, Some(&good));
    let texts = good.asked().len();
    assert_eq!(whole.work["requests"], texts as u64, "each text was asked once");
    assert!(whole.counts["domains"] > 3 && whole.counts["kept"] > 50, "{:?}", whole.counts);
    assert!(good.longest() > 8, "texts go together");
    assert_eq!(recorded(&stage.world("good")), texts);
    let proof = prove(&World::open(stage.world("good")).unwrap(), 1).unwrap();
    assert!(proof.holds() && 0 < proof.rows, "{:#?}", proof.faults);
    let card = fs::read_to_string(stage.world("good").join("dataset/README.md")).unwrap();
    assert!(card.contains("by vectors of the model `small`"), "{card}");

    let faulty = Server::start(Conduct::Faulty);
    let suffered = on_examples("faulty", 2, Some(&faulty));
    assert!(texts as u64 + 8 < suffered.work["requests"], "{:?}", suffered.work);
    assert!(FAULTS <= faulty.faults(), "{} faults", faulty.faults());
    assert_same(&committed(&stage.world("good")), &committed(&stage.world("faulty")));

    let journal = "journal/00000000000000000001.log";
    fs::create_dir_all(stage.world("offline").join("journal")).unwrap();
    fs::copy(stage.world("good").join(journal), stage.world("offline").join(journal)).unwrap();
    let offline = on_examples("offline", 2, None);
    assert_eq!(offline.work["requests"], 0);
    assert_same(&committed(&stage.world("good")), &committed(&stage.world("offline")));
}

#[test]
fn newcomers_alone_are_asked_and_pins_rebuild_the_world() {
    let stage = Stage::set();
    let server = Server::start(Conduct::Packed);
    stage.made("world", 1, Some(&server));
    let plain = Server::start(Conduct::Good(WIDTH));
    stage.made("plain", 2, Some(&plain));
    assert_same(&committed(&stage.world("world")), &committed(&stage.world("plain")));

    stage.write("fleet.json", &["lorry"]);
    let more = stage.made("world", 2, Some(&server));
    assert_eq!((more.work["requests"], server.asked().len()), (5, 25));
    assert!(server.asked().values().all(|count| *count == 1));
    let pinned = |world: &str, version| Request {
        pinned: Some((stage.world("world"), version)),
        ..stage.request(world, 1, None)
    };
    build(&pinned("rebuilt", Some(1)), &Silent).unwrap();
    assert_same(&latest(&stage.world("world")), &committed(&stage.world("rebuilt")));

    // Without any journal, by the vectors that a manifest pins.
    fs::remove_dir_all(stage.world("world").join("journal")).unwrap();
    let again = build(&pinned("again", None), &Silent).unwrap();
    assert_eq!(again.work["requests"], 0);
    fs::remove_file(stage.world("corpus").join("fleet.json")).unwrap();
    let fewer = stage.made("world", 1, None);
    assert!(fewer.changed && fewer.work["requests"] == 0);
}

#[test]
fn vectors_of_another_width_are_refused_with_the_tool_and_the_model() {
    let stage = Stage::set();
    stage.made("world", 1, Some(&Server::start(Conduct::Good(WIDTH))));
    stage.write("fleet.json", &["lorry"]);
    let narrow = Server::start(Conduct::Good(8));
    let error = build(&stage.request("world", 1, Some(&narrow)), &Silent).unwrap_err();
    let said = error.to_string();
    assert!(said.contains("gave 8 numbers for \"") && said.contains(" lorry\""), "{said}");
    assert!(said.contains("by model \"small\", which gave 64 before"), "{said}");
    assert!(error.remedy().unwrap().contains("graph.embedding_trial"));
    assert_eq!(recorded(&stage.world("world")), 20, "none of them is kept");

    let mut anew = stage.request("world", 1, Some(&narrow));
    anew.settings.push("graph.embedding_trial=1".into());
    let summary = build(&anew, &Silent).unwrap();
    assert_eq!(summary.work["requests"], 25);

    // Journals that disagree are told apart too.
    let other = Stage::set();
    other.write("fleet.json", &["lorry"]);
    fs::remove_file(other.world("corpus").join("parcels.json")).unwrap();
    other.made("world", 1, Some(&narrow));
    let mixed =
        Request { pinned: Some((other.world("world"), None)), ..stage.request("mixed", 1, None) };
    fs::create_dir_all(stage.world("mixed").join("journal")).unwrap();
    let journal = "journal/00000000000000000001.log";
    fs::copy(stage.world("world").join(journal), stage.world("mixed").join(journal)).unwrap();
    let told = build(&mixed, &Silent).unwrap_err().to_string();
    assert!(
        told.contains("the vector of model \"small\"") && told.contains("others have"),
        "{told}"
    );
}

#[test]
fn what_has_no_usable_vector_is_rejected_with_a_reason() {
    let stage = Stage::set();
    let server = Server::start(Conduct::Odd);
    let summary = stage.made("world", 2, Some(&server));
    assert_eq!(summary.counts["tools"], 20);
    let world = World::open(stage.world("world")).unwrap();
    let manifest = world.latest().unwrap().manifest.unwrap();
    let mut told = BTreeMap::new();
    dataflows::listing::rejections(&world, &manifest, &mut |row| {
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_string();
        told.insert(text("subject"), (text("stage"), text("reason")));
        true
    })
    .unwrap();
    for (tool, reason) in [
        ("get_depot", "its vector has NaN for component 0"),
        ("list_depot", "its vector is zero, which has no direction"),
        ("update_depot", "its text is too long for the model"),
    ] {
        let (_, (gate, said)) = told.iter().find(|(it, _)| it.contains(tool)).unwrap();
        assert!(gate == "domain" && said.contains(reason), "{tool}: {gate} {said}");
    }
    let again = stage.made("world", 1, None);
    assert!(!again.changed, "a vector that is refused is not asked for again");
}

#[test]
fn nobody_to_ask_is_an_error_and_terms_serve_no_embedding() {
    let stage = Stage::set();
    let error = build(&stage.request("world", 1, None), &Silent).unwrap_err();
    assert!(error.to_string().contains("20 questions to model \"small\""), "{error}");
    assert!(error.remedy().unwrap().contains("graph.encoder=terms"));

    let by_terms = |world: &str| Request {
        settings: vec!["task.per_operation=1".into()],
        ..stage.request(world, 1, None)
    };
    build(&by_terms("world"), &Silent).unwrap();
    let server = Server::start(Conduct::Good(WIDTH));
    stage.made("world", 1, Some(&server));
    stage.made("fresh", 1, Some(&server));
    let objects = |world: &str, kind: &str| {
        let world = World::open(stage.world(world)).unwrap();
        let contents = world.latest().unwrap().manifest.unwrap().contents;
        let of = contents.objects.into_iter().filter(|(role, _)| role.starts_with(kind));
        of.collect::<Vec<_>>()
    };
    assert!(objects("world", "vectors/").is_empty(), "the answers are pinned, once");
    assert_eq!(objects("world", "neighbours/"), objects("fresh", "neighbours/"));
    let back = Request {
        settings: vec!["graph.encoder=terms".into(), "graph.cosine_permille_min=100".into()],
        ..by_terms("world")
    };
    let summary = build(&back, &Silent).unwrap();
    assert_eq!(summary.work["tools_encoded"], 20);
}
