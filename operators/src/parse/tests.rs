//! What each format yields, and what hostile bytes do not.

use std::io::{Read, Write};

use schemas::{CorpusPlan, Record, Stage, Value};

use super::{Format, Parsed, parse, parse_lines, recognise};

mod vendors;
mod benchmarks;

fn parsed(bytes: impl AsRef<[u8]>) -> Parsed {
    parse("shelf/some.file", bytes.as_ref(), &CorpusPlan::default())
}

/// The records of a document in which nothing is wrong.
#[track_caller]
fn records(bytes: impl AsRef<[u8]>) -> Vec<Record> {
    let parsed = parsed(bytes);
    assert_eq!(parsed.rejections, []);
    parsed.records
}

/// The one reason why a document has no record.
#[track_caller]
fn reason(bytes: impl AsRef<[u8]>) -> String {
    let mut parsed = parsed(bytes);
    assert_eq!((parsed.records.len(), parsed.rejections.len()), (0, 1), "{parsed:?}");
    let rejection = parsed.rejections.remove(0);
    assert_eq!(rejection.stage, Stage::Parse);
    assert_eq!(rejection.file, "shelf/some.file");
    rejection.reason
}

fn property<'a>(record: &'a Record, name: &str) -> &'a Value {
    record.parameters.at(&format!("/properties/{name}")).unwrap()
}

fn required(record: &Record) -> Vec<&str> {
    let Some(Value::List(names)) = record.parameters.get("required") else { return Vec::new() };
    names.iter().filter_map(Value::as_text).collect()
}

const ALLOTMENTS: &str = r##"{
  "openapi": "3.0.3",
  "info": {"title": "Allotments", "license": {"name": "MIT"}},
  "servers": [{"url": "https://plots.example/v2/"}],
  "paths": {
    "/plots/{plot_id}/beds": {
      "parameters": [{"$ref": "#/components/parameters/Plot"}],
      "post": {
        "operationId": "addBed",
        "summary": "Adds a bed.",
        "description": "Beds are numbered by the plot.",
        "parameters": [
          {"name": "dry_run", "in": "query", "schema": {"type": "boolean"}},
          {"name": "X-Plot-Key", "in": "header", "schema": {"type": "string"}},
          {"$ref": "elsewhere.json#/Lost"}
        ],
        "requestBody": {"required": true, "content": {"application/json": {"schema":
          {"allOf": [{"$ref": "#/components/schemas/Bed"}, {"required": ["crop"]}]}}}},
        "responses": {"201": {"content": {"application/json": {
          "schema": {"$ref": "#/components/schemas/Bed"},
          "example": {"crop": "leek"}}}}}
      },
      "get": {"responses": {}}
    }
  },
  "components": {
    "parameters": {"Plot": {"name": "plot_id", "in": "path", "required": true,
      "schema": {"type": "string"}, "description": "Which plot."}},
    "schemas": {"Bed": {"type": "object", "properties": {
      "id": {"type": "string", "readOnly": true},
      "crop": {"type": "string"},
      "plot_id": {"type": "string"},
      "beside": {"$ref": "#/components/schemas/Bed"}}}},
    "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Plot-Key"}}
  }
}"##;

#[test]
fn an_operation_is_a_record() {
    let records = records(ALLOTMENTS);
    let [listed, added] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!(added.identity, "plots.example/Allotments POST /v2/plots/{plot_id}/beds");
    assert_eq!(added.name, "addBed");
    assert_eq!(added.description, "Adds a bed. Beds are numbered by the plot.");
    assert_eq!(added.method.as_deref(), Some("POST"));
    assert_eq!(added.path.as_deref(), Some("/plots/{plot_id}/beds"));
    assert_eq!(added.origin.license, "MIT");
    assert_eq!(added.origin.pointer, "/paths/~1plots~1{plot_id}~1beds/post");
    assert_eq!(added.example.to_string(), r#"{"crop": "leek"}"#);
    assert_eq!(listed.name, "get_plots_by_plot_id_beds");
    assert_eq!(required(listed), ["plot_id"]);
}

#[test]
fn body_properties_lie_beside_the_other_parameters() {
    let records = records(ALLOTMENTS);
    let added = &records[1];
    let Some(Value::Object(properties)) = added.parameters.get("properties") else { panic!() };
    let names: Vec<&str> = properties.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["dry_run", "plot_id", "crop", "plot_id_body", "beside"]);
    assert_eq!(required(added), ["crop", "plot_id"]);
    assert_eq!(property(added, "crop").get("x-in"), Some(&Value::text("body")));
    assert_eq!(property(added, "plot_id").get("description"), Some(&Value::text("Which plot.")));
}

#[test]
fn swagger_in_yaml_is_read_as_yaml_1_2() {
    let records = records(
        "# a comment\nbasePath: /v1\nhost: tides.example\ninfo:\n  title: Tides\n  x-providerName: On\n\
         paths:\n  /tides/{port}:\n    get:\n      operationId: 82e0e971\n      parameters:\n      \
         - name: port\n        in: path\n        type: string\n        required: true\n        \
         default: 2019-02-31\n      - in: body\n        name: note\n        schema:\n          \
         type: string\n      responses:\n        200:\n          schema:\n            type: array\n\
         swagger: 2.0\n",
    );
    let [tide] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!(tide.identity, "On/Tides GET /v1/tides/{port}");
    assert_eq!(tide.name, "82e0e971");
    assert_eq!(property(tide, "port").get("default"), Some(&Value::text("2019-02-31")));
    assert_eq!(property(tide, "note").get("x-in"), Some(&Value::text("body")));
    assert_eq!(tide.returns.get("type"), Some(&Value::text("array")));
}

#[test]
fn lists_of_tools_are_found_however_they_are_wrapped() {
    let tool = r#"{"name": "ring", "description": "Rings a bell.",
        "inputSchema": {"type": "object", "properties": {"times": {"type": "integer"}}}}"#;
    for (document, identity, pointer) in [
        (format!("[{tool}]"), "mcp/ring", "/0"),
        (format!(r#"{{"tools": [{tool}]}}"#), "mcp/ring", "/tools/0"),
        (
            format!(r#"{{"jsonrpc": "2.0", "id": 1, "result": {{"tools": [{tool}]}}}}"#),
            "mcp/ring",
            "/result/tools/0",
        ),
        (
            format!(r#"{{"server_info": {{"name": "tower"}}, "tools": [{tool}]}}"#),
            "mcp/tower/ring",
            "/tools/0",
        ),
        (
            format!(r#"[{{"name": "Tower", "tools": {{"east": {{"tools": [{tool}]}}}}}}]"#),
            "mcp/east/ring",
            "/0/tools/east/tools/0",
        ),
    ] {
        let records = records(&document);
        let [ring] = records.as_slice() else { panic!("{document}: {records:?}") };
        assert_eq!(ring.identity, identity, "{document}");
        assert_eq!(ring.origin.pointer, pointer, "{document}");
        assert_eq!(property(ring, "times").get("type"), Some(&Value::text("integer")));
    }
}

#[test]
fn dialects_of_functions_are_read() {
    let function = r#"{"name": "ring", "parameters": {"type": "object",
        "properties": {"times": {"type": "integer"}}, "required": ["times"]}}"#;
    let flat = r#"{"name": "ring", "parameters": {"times": {"type": "int", "required": true},
        "bell": {"type": "str", "required": false}}}"#;
    let undeclared = r#"{"name": "ring", "parameters": {"times": {"type": "int"},
        "bell": {"type": "str", "default": "big"}}}"#;
    let toolbench = r#"{"category_name": "Bells", "tool_name": "Tower", "api_name": "ring",
        "required_parameters": [{"name": "times", "type": "NUMBER"}],
        "optional_parameters": [{"name": "bell", "type": "STRING"}],
        "template_response": {"rung": "int"}}"#;
    for document in [
        format!(r#"[{{"type": "function", "function": {function}}}]"#),
        format!(r#"{{"functions": [{function}]}}"#),
        format!(r#"{{"question": "?", "function": [{function}]}}"#),
        format!(r#"[{{"query": "?", "tools": [{flat}], "answers": []}}]"#),
        format!(r#"[{{"query": "?", "tools": {}}}]"#, Value::text(format!("[{flat}]"))),
        format!(r#"[{{"query": "?", "tools": [{undeclared}]}}]"#),
        format!(r#"[{{"api_list": [{toolbench}]}}]"#),
        r#"[{"name": "ring", "arguments": [{"name": "times", "type": "int", "required": true}]}]"#
            .to_string(),
    ] {
        let records = records(&document);
        let [ring] = records.as_slice() else { panic!("{document}: {records:?}") };
        assert_eq!(ring.name, "ring");
        assert_eq!(required(ring), ["times"], "{document}");
    }
    let calls = r#"[{"name": "ring", "arguments": {"times": 3}}]"#;
    assert!(reason(calls).starts_with("is not an API description"));
}

#[test]
fn rapidapi_answers_are_templates() {
    let records = records(
        r#"{"api_list": [{"api_name": "ring", "tool_name": "Tower", "category_name": "Bells",
        "description": "Rings.", "url": "https://tower.example/ring/{bell}", "method": "get",
        "required_parameters": [], "optional_parameters": [],
        "template_response": {"rung": [{"bell": "str", "_list_length": 3}]}}]}"#,
    );
    let ring = &records[0];
    assert_eq!(ring.identity, "toolbench/Tower/ring");
    assert_eq!((ring.method.as_deref(), ring.path.as_deref()), (Some("GET"), Some("/ring/{bell}")));
    assert_eq!(ring.origin.category, "Bells");
    let bell = ring.returns.at("/properties/rung/items/properties/bell/type");
    assert_eq!(bell, Some(&Value::text("str")));
}

/// Two rows of this project's own format.
const ROWS: &str = concat!(
    r#"{"id": "s/a", "source": "s", "provider": "p", "name": "a", "description": "does a", "#,
    r#""parameters": {"type": "object"}, "returns": null, "license": "MIT"}"#,
    "\n",
    r#"{"id": "s/b", "source": "s", "name": "b", "description": "", "parameters": {}}"#,
    "\n",
);

#[test]
fn own_records_are_read_one_a_line_or_in_a_list() {
    let rows: Vec<&str> = ROWS.lines().collect();
    let identities = |text: &str| -> Vec<String> {
        records(text).into_iter().map(|record| record.identity).collect()
    };
    assert_eq!(identities(ROWS), ["s/a", "s/b"]);
    assert_eq!(identities(rows[0]), ["s/a"]);
    assert_eq!(identities(&format!("{}\n", rows[0])), ["s/a"]);
    assert_eq!(identities(&format!("[{}]", rows.join(","))), ["s/a", "s/b"]);
}

#[test]
fn a_bad_line_does_not_hurt_its_neighbours() {
    let rows: Vec<&str> = ROWS.lines().collect();
    let text = format!("{}\n{{\"id\": \n\n{{\"answer\": 1}}\n{}", rows[0], rows[1]);
    let Parsed { records, rejections } = parsed(&text);
    let found: Vec<_> = records.iter().map(|one| (&*one.identity, &*one.origin.pointer)).collect();
    assert_eq!(found, [("s/a", "/1"), ("s/b", "/5")]);
    let reasons: Vec<&str> = rejections.iter().map(|one| one.reason.as_str()).collect();
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(reasons[0].starts_with("line 2 is not valid JSON"), "{}", reasons[0]);
    assert_eq!(reasons[1], "line 4 describes no tool");
}

#[test]
fn long_lines_are_skipped_and_not_kept() {
    let plan = CorpusPlan { line_bytes_max: 400, ..CorpusPlan::default() };
    let text = format!("{{\"id\": \"{}\"}}\n{ROWS}", "x".repeat(100_000));
    let mut outcomes = Vec::new();
    parse_lines("f", text.as_bytes(), &plan, &mut |outcome| outcomes.push(outcome));
    assert_eq!(outcomes[0].as_ref().unwrap_err().reason, "line 1 is longer than 400 bytes");
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 2);
}

#[test]
fn compressed_documents_are_unfolded_within_limits() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(ROWS.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = zstd::encode_all(ROWS.as_bytes(), 3).unwrap();
    assert_eq!((recognise(&gzip), recognise(&zstd)), (Some(Format::Gzip), Some(Format::Zstd)));
    assert_eq!(records(&gzip), records(ROWS));
    assert_eq!(records(&zstd), records(ROWS));
    assert_eq!(reason(zstd::encode_all(&*gzip, 3).unwrap()), "is compressed more than once");

    let bomb = zstd::encode_all(std::io::repeat(b'{').take(8 << 20), 3).unwrap();
    let plan = CorpusPlan { unfolded_bytes_max: 1 << 20, ..CorpusPlan::default() };
    let unfolded = parse("f", &bomb, &plan);
    assert_eq!(unfolded.rejections[0].reason, "unfolds to more than 1048576 bytes");
    let cut_short = parsed(&zstd[..zstd.len() / 2]);
    assert!(!cut_short.rejections.is_empty());
}

#[test]
fn what_is_no_description_says_so() {
    assert_eq!(reason(""), "is empty");
    assert_eq!(reason(" \n\t"), "is empty");
    assert_eq!(reason("# Read me\n\nNote: text.\n"), OTHER_TEXT);
    assert_eq!(reason(b"\x89PNG\r\n\x1a\n\0\0"), "is not an API description: it is binary data");
    assert_eq!(reason(b"\xff\xfe{\0"), "is not UTF-8 text: it starts with the mark of UTF-16");
    assert_eq!(reason("{}"), "is not an API description: it describes no tool");
    assert_eq!(reason("[]"), "lists no tools");
    assert_eq!(reason("{\"openapi\": \"3.0.0\", \"paths\": {}}"), "lists no tools");
    assert_eq!(reason(r#"{"a": "\u12x"}"#).split(':').next(), Some("is not valid JSON"));
    assert_eq!(reason(b"{\"a\": \"\xc3\x28\"}"), "is not UTF-8 text: byte 7 is malformed");
    assert_eq!(
        reason("{\"tools\": [\n  {\"name\": "),
        "is not valid JSON: EOF while parsing a value at line 2 column 11 (byte 22)"
    );
}

const OTHER_TEXT: &str = "is not an API description: it is text of another kind";

#[test]
fn nesting_is_bounded() {
    let deep = 100_000;
    assert!(reason("[".repeat(deep)).starts_with("is not valid JSON: recursion limit exceeded"));
    assert!(reason("{\"a\":".repeat(deep)).starts_with("is not valid JSON"));
    let yaml = format!("openapi: 3.0.0\npaths: {}", "[".repeat(deep));
    assert!(reason(yaml).starts_with("is not valid YAML"));
    let block: String = (0..2_000).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    assert!(reason(format!("openapi: 3.0.0\npaths:\n{block}")).starts_with("is not valid YAML"));
}

#[test]
fn aliases_do_not_multiply() {
    let mut bomb = String::from("openapi: 3.0.0\na0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let alias = format!("*a{}", level - 1);
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![alias; 9].join(", ")));
    }
    bomb.push_str("paths: *a11\n");
    assert!(reason(bomb).starts_with("is not valid YAML"));
}

#[test]
fn errors_are_no_answers() {
    let returns = |responses: &str| {
        let records = records(format!(
            r##"{{"swagger": "2.0", "info": {{"title": "Doors"}}, "paths": {{"/doors/{{id}}": {{
            "delete": {{"responses": {{{responses}}}}}}}}}}}"##
        ));
        records[0].returns.to_string()
    };
    let default = r#""default": {"schema": {"properties": {"debug_id": {"type": "string"}}}}"#;
    assert_eq!(returns(&format!(r#""204": {{"description": "Gone."}}, {default}"#)), "null");
    assert!(returns(default).contains("debug_id"), "what is the only answer is the answer");
}

#[test]
fn references_that_lead_nowhere_are_cut() {
    let records = records(
        r##"{"swagger": "2.0", "info": {"title": "Loops"}, "paths": {"/a": {"post": {
        "parameters": [
          {"name": "x", "in": "body", "schema": {"$ref": "#/definitions/A"}},
          {"$ref": "#/parameters/loop"}],
        "responses": {"200": {"schema": {"$ref": "other.json#/B"}}}}}},
        "parameters": {"loop": {"$ref": "#/parameters/loop"}},
        "definitions": {"A": {"properties": {
          "a": {"$ref": "#/definitions/A"}, "b": {"items": {"$ref": "#/definitions/A"}},
          "c": {"$ref": "#/definitions/C"}}},
          "C": {"allOf": [{"$ref": "#/definitions/C"}, {"$ref": "#/definitions/A"}]}}}"##,
    );
    let a = &records[0];
    let circle = r##"{"x-cycle": "#/definitions/A", "x-in": "body"}"##;
    assert_eq!(property(a, "a").to_string(), circle);
    assert_eq!(a.returns.to_string(), r##"{"x-unresolved": "other.json#/B"}"##);
}

#[test]
fn references_cannot_multiply_either() {
    let mut definitions = String::from(r#""D0": {"type": "string"}"#);
    for level in 1..40 {
        let one = format!(r##"{{"$ref": "#/definitions/D{}"}}"##, level - 1);
        let parts = vec![one; 9].join(", ");
        definitions.push_str(&format!(r#", "D{level}": {{"allOf": [{parts}]}}"#));
    }
    let records = records(format!(
        r##"{{"swagger": "2.0", "paths": {{"/a": {{"post": {{"parameters": [{{"name": "b",
        "in": "body", "schema": {{"$ref": "#/definitions/D39"}}}}]}}}}}},
        "definitions": {{{definitions}}}}}"##
    ));
    assert_eq!(records.len(), 1);
}

#[test]
fn many_parameters_and_duplicate_keys_are_ordinary() {
    let properties: Vec<String> = (0..5_000).map(|n| format!(r#""p{n}": {{}}"#)).collect();
    let many = format!(
        r#"[{{"name": "wide", "inputSchema": {{"properties": {{{}}}}}}}]"#,
        properties.join(",")
    );
    assert_eq!(records(many).len(), 1);
    let twice = r#"[{"name": "a", "name": "b\u0000", "inputSchema": {}, "inputSchema": {}}]"#;
    assert_eq!(records(twice)[0].name, "b\0");
}
