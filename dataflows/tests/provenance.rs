//! Where tools come from: selected, followed from file to file, folded, and explained.
//!
//! Method: run the program itself on small corpora of boat hire, whose files refer to each other
//! and describe two versions of one API.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const BOATS: &str = r##"{"openapi": "3.0.3",
  "info": {"title": "Boat hire", "version": "VERSION", "license": {"name": "MIT"}},
  "servers": [{"url": "https://boats.example"}],
  "paths": {
    "/VERSION/boats": {"get": {"operationId": "listBoats", "summary": "Lists the boats for hire",
      "parameters": [{"name": "kind", "in": "query", "schema": {"$ref": "parts/kinds.json#/Kind"}}]}},
    "/VERSION/boats/{boat_id}": {"get": {"operationId": "getBoat", "summary": "Shows one boat",
      "parameters": [{"name": "boat_id", "in": "path", "schema": {"type": "string"}}]}},
    "/VERSION/bookings": {"post": {"operationId": "bookBoat", "summary": "Books a boat for a day",
      "requestBody": {"content": {"application/json": {"schema": {"type": "object",
        "required": ["boat_id", "day"], "properties": {"boat_id": {"type": "string"},
        "day": {"type": "string", "format": "date"}}}}}}}},
    "/VERSION/bookings/{booking_id}": {
      "get": {"operationId": "getBooking", "summary": "Shows a booking",
        "parameters": [{"name": "booking_id", "in": "path", "schema": {"type": "string"}}]},
      "delete": {"operationId": "cancelBooking", "summary": "Cancels a booking of VERSION",
        "parameters": [{"name": "booking_id", "in": "path", "schema": {"type": "string"}}]}}}}"##;

const KINDS: &str = r#"{"Kind": {"type": "string", "enum": ["canoe", "dinghy"]}}"#;

struct Place(TempDir);

impl Place {
    fn new() -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        place.put("boats/first.json", &BOATS.replace("VERSION", "v1"));
        place.put("boats/parts/kinds.json", KINDS);
        place
    }

    fn put(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Vec<Value> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_agentscaler"));
        let command = command.current_dir(self.0.path()).args(arguments);
        let output = command.args(["--world", "world", "--json"]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{arguments:?}: {said}");
        let out = String::from_utf8(output.stdout).unwrap();
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[track_caller]
    fn build(&self) -> Value {
        self.run(&["build", "boats", "--set", "task.per_operation=1"]).remove(0)
    }
}

#[test]
fn edited_sibling_is_read_again_and_nothing_else_is() {
    let place = Place::new();
    place.put("boats/apart.json", r#"{"tools": [{"name": "tide_table", "description": "Tides of a day", "inputSchema": {}}]}"#);
    let first = place.build();
    assert_eq!(first["counts"]["tools"], 6);
    let kinds = |of: &Place| {
        let tool = of.run(&["explain", "listBoats"]).remove(0);
        tool["row"]["parameters"]["properties"]["kind"]["enum"].to_string()
    };
    assert_eq!(kinds(&place), r#"["canoe","dinghy"]"#);

    place.put("boats/parts/kinds.json", &KINDS.replace("dinghy", "punt"));
    let second = place.build();
    // The file with the kinds, and the one that refers to it.
    assert_eq!(second["work"]["documents_parsed"], 2);
    assert_eq!(kinds(&place), r#"["canoe","punt"]"#);
    assert_eq!(place.build()["work"]["documents_parsed"], 0);
}

#[test]
fn moved_corpus_changes_nothing_downstream() {
    let place = Place::new();
    let first = place.build();
    fs::rename(place.0.path().join("boats/first.json"), place.0.path().join("boats/a.json"))
        .unwrap();
    let second = place.build();
    assert_eq!(second["changed"], true);
    for nothing in ["tools_encoded", "domains_materialized", "tasks_composed", "rollouts"] {
        assert_eq!(second["work"][nothing], 0, "{nothing}");
    }
    assert_eq!(first["counts"], second["counts"]);
    let tool = place.run(&["explain", "getBoat"]).remove(0);
    assert_eq!(tool["row"]["file"], "boats/a.json");
}

#[test]
fn later_version_of_an_api_stands_for_the_earlier() {
    let place = Place::new();
    let first = place.build();
    place.put("boats/second.json", &BOATS.replace("VERSION", "v2"));
    let second = place.build();
    assert_eq!(second["counts"]["tools"], first["counts"]["tools"]);
    // One operation is worded anew; the others say the same, and stay those they were.
    assert_eq!(second["rules"]["superseded"], 1);
    assert_eq!(second["rules"]["repeated"], 4);
    let rejections = place.run(&["list", "rejections"]);
    let reason =
        rejections.iter().find(|it| it["rule"] == "superseded").unwrap()["reason"].to_string();
    assert!(reason.contains("(version v1)") && reason.contains("(version v2)"), "{reason}");

    let tool = place.run(&["explain", "cancelBooking"]).remove(0);
    assert_eq!(tool["row"]["description"], "Cancels a booking of v2");
    assert_eq!(tool["row"]["version"], "v2");
    let made_from = tool["row"]["provenance"].as_array().unwrap();
    assert_eq!(made_from[0]["file"], "boats/second.json");
    assert_eq!(made_from[1]["file"], "boats/first.json");
    assert_eq!(made_from[1]["rules"].to_string(), r#"["superseded"]"#);

    fs::remove_file(place.0.path().join("boats/second.json")).unwrap();
    assert_eq!(place.build()["counts"], first["counts"]);
    let earlier = place.run(&["explain", "cancelBooking"]).remove(0);
    assert_eq!(earlier["row"]["description"], "Cancels a booking of v1");
}

#[test]
fn sources_and_licences_are_selected_and_remembered() {
    let place = Place::new();
    place.put("boats/free.jsonl", "{\"id\": \"f/1\", \"source\": \"free\", \"name\": \"rent_paddle\", \"description\": \"Rents a paddle\", \"license\": \"GPL-3.0\", \"parameters\": {}}\n");
    assert_eq!(place.build()["counts"]["tools"], 6);
    let without = place.run(&["build", "boats", "--license", "!GPL*"]).remove(0);
    assert_eq!(without["counts"]["tools"], 5);
    assert_eq!(without["rules"]["not_selected"], 1);
    assert_eq!(without["work"]["documents_parsed"], 0, "what was read is still what is there");
    let again = place.run(&["build", "boats"]).remove(0);
    assert_eq!(again["changed"], false, "the plan of the world holds the selection");
    let only = place.run(&["build", "boats", "--license", "*", "--source", "free"]).remove(0);
    assert_eq!(only["counts"]["tools"], 1);
    let away = place.run(&["explain", "f/1"]);
    assert_eq!(away[0]["kind"], "tool");
}

#[test]
fn listing_and_exporting_end_quietly_when_nobody_reads_on() {
    let place = Place::new();
    place.build();
    for line in ["export tools --output -", "list tools", "explain getBoat"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_agentscaler"));
        let command = command.current_dir(place.0.path()).args(line.split(' '));
        let command = command.args(["--world", "world"]).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!((ended.status.code(), said.as_str()), (Some(0), ""), "{line}");
    }
}

/// Goal: a tool says whom it is linked to, by which terms, and what draws it to its domain; and
/// the world says what became of its domains.
#[test]
fn a_tool_explains_its_neighbours_and_its_domain() {
    let place = Place::new();
    place.build();
    let tool = place.run(&["explain", "getBooking"]).remove(0);
    let neighbours = tool["row"]["neighbours"].as_array().unwrap();
    let cosines: Vec<f64> = neighbours.iter().map(|it| it["cosine"].as_f64().unwrap()).collect();
    assert!(!cosines.is_empty() && cosines.is_sorted_by(|one, other| one >= other), "{cosines:?}");
    let other = neighbours.iter().find(|it| it["name"] == "cancelBooking").unwrap();
    let others = other["shared"].as_array().unwrap();
    assert!(others.iter().any(|it| it["term"] == "=booking_id"), "{others:?}");
    let shared = neighbours[0]["shared"].as_array().unwrap();
    let adds: f64 = shared.iter().map(|it| it["adds"].as_f64().unwrap()).sum();
    assert!(0.0 < adds && adds <= cosines[0] + 0.005, "{adds} of {cosines:?}");
    let strongest = &tool["row"]["drawn_to"][0];
    assert_eq!(strongest["domain"], tool["row"]["domain_id"]);
    assert_eq!(strongest["name"], tool["row"]["domain"]);
    assert_eq!(other["domain"], tool["row"]["domain_id"], "an id, since names are not unique");
    assert_eq!(strongest["links"], neighbours.len());

    let program: Vec<&str> =
        tool["row"]["program"].as_array().unwrap().iter().filter_map(|it| it.as_str()).collect();
    assert!(program[0].starts_with("getBooking(booking_id"), "{program:?}");
    assert!(program.contains(&"  row = bookings[booking_id]"), "{program:?}");
    assert!(program.last().unwrap().starts_with("  reads bookings."), "{program:?}");

    let lineage = place.run(&["list", "lineage"]);
    assert_eq!(lineage.len(), 1);
    assert_eq!(lineage[0]["event"], "born");
    let domains = place.run(&["list", "domains"]);
    assert_eq!(lineage[0]["domain"], domains[0]["id"]);
}
