//! Hostile files, made in code: each with what must become of it.

use std::io::Write as _;

use schemas::Rule;
use serde_json::{Value, json};

/// What must become of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    /// Nothing is read of it; the rule that turned it away.
    Rejected(Rule),
    /// It is read, and refined into nothing; what the reason says.
    Refused(&'static str),
    /// So many tools come out of it, and a rejection by this rule if one is named.
    Read(usize, Option<Rule>),
}

/// A file and its fate.
pub(crate) type Case = (&'static str, Vec<u8>, Fate);

/// An API description with one operation whose one parameter has this schema.
fn openapi(schema: &Value, more: &Value) -> Vec<u8> {
    let parameter = json!({"name": "id", "in": "query", "schema": schema});
    let operation = json!({
        "operationId": "findGarden", "summary": "Find a garden by its number.",
        "parameters": [parameter], "responses": {"200": {"description": "The garden."}},
    });
    let mut document = json!({
        "openapi": "3.0.0", "info": {"title": "Gardens", "version": "1"},
        "paths": {"/gardens": {"get": operation}},
    });
    if let (Some(document), Some(more)) = (document.as_object_mut(), more.as_object()) {
        document.extend(more.clone());
    }
    document.to_string().into_bytes()
}

fn tool(name: &str, description: &str) -> String {
    json!({"name": name, "description": description, "inputSchema": {"type": "object"}}).to_string()
}

fn row(ordinal: usize, parameters: &Value) -> String {
    let row = json!({
        "id": format!("own/{ordinal}"), "source": "own", "name": format!("find_seat_{ordinal}"),
        "description": "Finds a free seat.", "parameters": parameters,
    });
    format!("{row}\n")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).expect("memory takes all");
    out.finish().expect("memory takes all")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("memory takes all")
}

/// Every hostile file.
pub(crate) fn all() -> Vec<Case> {
    [texts(), nests(), schemas(), packed(), masses()].concat()
}

/// Bytes that are no text, and texts that are no JSON or YAML.
fn texts() -> Vec<Case> {
    let good = format!("{}\n", tool("find_seat", "Finds a free seat."));
    let broken = [good.as_bytes(), b"{\"name\": \"\xff\xfe\"}\n", good.as_bytes()].concat();
    let wide: Vec<u8> =
        "\u{feff}{\"tools\": []}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let surrogate =
        tool("find_seat", "Finds SIGN.").replace("SIGN", "\\ud800 \\udc00 \\ud83d\\ude00");
    let lines = format!("{good}{surrogate}\n{good}");
    let twice = tool("one", "Finds a seat.").replacen('{', "{\"name\": \"none\", ", 1);
    let number = |digits: &str| {
        let text = openapi(&json!({"type": "integer", "maximum": 7}), &json!({}));
        String::from_utf8_lossy(&text).replace(":7", &format!(":{digits}")).into_bytes()
    };
    let names = ["поиск", "検索する", "찾기", "ابحث", "αναζήτηση", "חיפוש", "खोजें", "🔎🔎", "né"];
    let named: Vec<String> = names.iter().map(|name| tool(name, "Finds a seat.")).collect();
    vec![
        ("middle_not_utf8.jsonl", broken.clone(), Fate::Read(2, Some(Rule::Malformed))),
        (
            "middle_not_utf8.json",
            [b"[", broken.as_slice(), b"]"].concat(),
            Fate::Rejected(Rule::Malformed),
        ),
        ("wide.json", wide, Fate::Rejected(Rule::NotADescription)),
        ("nul.json", b"{\"tools\": [\0]}".to_vec(), Fate::Rejected(Rule::NotADescription)),
        (
            "nul_escaped.json",
            format!("[{}]", tool("a_b", "x\\u0000y").replace("\\\\", "\\")).into_bytes(),
            Fate::Read(1, None),
        ),
        (
            "surrogate.json",
            format!("[{good},{surrogate}]").into_bytes(),
            Fate::Read(2, Some(Rule::Malformed)),
        ),
        ("surrogate.jsonl", lines.into_bytes(), Fate::Read(3, Some(Rule::Malformed))),
        ("twice.json", format!("[{twice}]").into_bytes(), Fate::Read(1, None)),
        ("number_float.json", number("1e400"), Fate::Rejected(Rule::Malformed)),
        ("number_long.json", number(&"9".repeat(400)), Fate::Rejected(Rule::Malformed)),
        (
            "names.json",
            format!("[{}]", named.join(",")).into_bytes(),
            Fate::Read(names.len() - 1, None),
        ),
    ]
}

/// Nesting of every kind.
fn nests() -> Vec<Case> {
    let bomb: String = (1..30).fold("a0: &a0 [x, x]\n".into(), |text, level| {
        format!("{text}a{level}: &a{level} [{}]\n", format!("*a{}, ", level - 1).repeat(9))
    });
    let square =
        format!("openapi: 3.0.0\na: &a [{}]\nb: [{}]\n", "x,".repeat(20_000), "*a,".repeat(20_000));
    let wrapped = format!("{}{}", "{\"tools\":".repeat(100_000), "}".repeat(100_000));
    let mapped: String = (0..200).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    let rejected = Fate::Rejected(Rule::Malformed);
    vec![
        ("bomb.yaml", format!("openapi: 3.0.0\n{bomb}").into_bytes(), rejected),
        ("square.yaml", square.into_bytes(), rejected),
        ("deep.json", "[".repeat(100_000).into_bytes(), rejected),
        ("deep_objects.json", wrapped.into_bytes(), rejected),
        ("deep.yaml", format!("openapi: {}", "[".repeat(100_000)).into_bytes(), rejected),
        ("deep_dashes.yaml", format!("openapi:\n{}x", "- ".repeat(100_000)).into_bytes(), rejected),
        ("deep_keys.yaml", format!("openapi:\n{mapped}").into_bytes(), rejected),
    ]
}

/// Schemas that never end, or end somewhere else.
fn schemas() -> Vec<Case> {
    let one = Fate::Read(1, None);
    let own = json!({"$ref": "#/paths/~1gardens/get/parameters/0/schema"});
    let ring = json!({"components": {"schemas": {
        "A": {"allOf": [{"$ref": "#/components/schemas/B"}]},
        "B": {"properties": {"a": {"$ref": "#/components/schemas/A"}}},
    }}});
    let named = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let doubling = |key: &str| {
        let level = |level: usize| {
            let next = named(&format!("L{}", level + 1));
            (
                format!("L{level}"),
                json!({key: [next, next, {"properties": {"a": next, "b": next}}]}),
            )
        };
        let levels: serde_json::Map<String, Value> = (0..60).map(level).collect();
        openapi(&named("L0"), &json!({"components": {"schemas": levels}}))
    };
    let choices: Vec<String> = (0..200_000).map(|ordinal| format!("choice {ordinal}")).collect();
    let wide: serde_json::Map<String, Value> =
        (0..60_000).map(|ordinal| (format!("p{ordinal}"), json!({"type": "string"}))).collect();
    let names: Vec<&String> = wide.keys().collect();
    let flat =
        json!({"name": "flat", "description": "Finds.", "parameters": wide, "required": names});
    let composed = row(1, &json!({"allOf": [{"properties": wide}, {"properties": wide}]}));
    let places: Vec<Value> =
        (0..20_000).map(|ordinal| json!({"name": "same", "in": format!("p{ordinal}")})).collect();
    let crowded = json!({"paths": {"/gardens": {"get": {
        "operationId": "findGarden", "summary": "Finds.", "parameters": places,
    }}}});
    let outside = |to: &str| openapi(&json!({"$ref": to}), &json!({}));
    vec![
        ("cycle_own.json", openapi(&own, &json!({})), one),
        ("cycle_ring.json", openapi(&named("A"), &ring), one),
        ("doubling_all.json", doubling("allOf"), one),
        ("doubling_any.json", doubling("anyOf"), one),
        ("doubling_one.json", doubling("oneOf"), one),
        ("choices.json", openapi(&json!({"type": "string", "enum": choices}), &json!({})), one),
        ("passwd.json", outside("file:///etc/passwd"), one),
        ("metadata.json", outside("http://169.254.169.254/latest/meta-data"), one),
        ("climbing.json", outside("../../outside.json#/a"), one),
        ("composed.jsonl", composed.into_bytes(), Fate::Refused("more than 256")),
        ("flat.json", format!("[{flat}]").into_bytes(), Fate::Refused("more than 256")),
        ("crowded.json", openapi(&json!({}), &crowded), Fate::Refused("more than 256")),
    ]
}

/// Compressed files that unfold to much, or not at all.
fn packed() -> Vec<Case> {
    let good = format!("{}\n", tool("find_seat", "Finds a free seat.")).repeat(2_000);
    let much = [b"[".as_slice(), &vec![b' '; 160 << 20]].concat();
    let line = [b"{\"name\": \"a\"}\n{".as_slice(), &vec![b' '; 160 << 20]].concat();
    let cut = |bytes: Vec<u8>| bytes[..bytes.len() / 2].to_vec();
    let large = Fate::Rejected(Rule::TooLarge);
    vec![
        ("bomb.json.gz", gzip(&much), large),
        ("bomb.json.zst", zstd(&much), large),
        ("bomb.jsonl.zst", zstd(&line), Fate::Read(0, Some(Rule::TooLarge))),
        ("nested.zst", zstd(&zstd(good.as_bytes())), Fate::Rejected(Rule::NotADescription)),
        ("cut.jsonl.gz", cut(gzip(good.as_bytes())), Fate::Rejected(Rule::Malformed)),
        ("cut.jsonl.zst", cut(zstd(good.as_bytes())), Fate::Rejected(Rule::Malformed)),
    ]
}

/// Much of what there is one of.
fn masses() -> Vec<Case> {
    let long = tool("long", &"A long story. ".repeat(10 << 16));
    let line = format!(
        "{}{{\"x\": \"{}\"}}\n{}",
        row(1, &json!({})),
        "y".repeat(20 << 20),
        row(2, &json!({}))
    );
    let many = |count: usize| {
        (0..count)
            .map(|ordinal| (format!("p{ordinal}"), json!({})))
            .collect::<serde_json::Map<_, _>>()
    };
    let paths: serde_json::Map<String, Value> = (0..100_000)
        .map(|ordinal| {
            (format!("/gardens/{ordinal}"), json!({"get": {"summary": "Finds a garden."}}))
        })
        .collect();
    let arguments = json!({"type": "object", "properties": many(5_000)});
    vec![
        ("long.json", format!("[{long}]").into_bytes(), Fate::Read(1, None)),
        ("line.jsonl", line.into_bytes(), Fate::Read(2, Some(Rule::TooLarge))),
        ("many.jsonl", row(1, &arguments).into_bytes(), Fate::Refused("more than 256")),
        ("paths.json", openapi(&json!({}), &json!({"paths": paths})), Fate::Read(100_000, None)),
    ]
}
