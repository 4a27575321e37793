//! The formats of published benchmarks of tool use.

use schemas::Value;

use super::{Format, parsed, property, reason, recognise, records, required};

/// Three rows of which one is whole, one has a set where a dict belongs, and two are broken.
const TABLE: &str = "\u{feff}id,应用场景,类名,expressions,api_info\r\n\
1,Garden,SowBed,\"SowBed(bed: int, crop: str)\",\"description = \"\"Sows a 'bed'.\"\"\n\
input_parameters = {\n  'bed': {'type': 'int', 'description': \"\"Which bed.\"\"}, # counted\n\
  'crop': {'type': 'List[str]', 'description': 'What' ' to \\'sow\\''},\n}\n\n\
output_parameters = {'sown': {'type': 'float/int', 'description': 'How much.'}}\"\n\
2,Garden,,\"LookAround()\",\"description = '''Looks\naround.'''\ninput_parameters = {None}\n\
output_parameters = None\"\n\
3,Garden,Paint,Paint(),.\n\
4,Garden,Dig,Dig(),\"description = 'Digs.'\ninput_parameters = ['spade']\"\n\
5,Garden,Run,Run(),\"description = open('/etc/passwd').read()\"\n";

#[test]
fn python_in_the_cells_of_a_table_is_read_and_never_run() {
    assert_eq!(recognise(TABLE.as_bytes()), Some(Format::Table));
    let read = parsed(TABLE);
    let [sow, look] = read.records.as_slice() else { panic!("{read:?}") };
    assert_eq!(sow.identity, "api_bank/SowBed");
    assert_eq!((sow.origin.category.as_str(), sow.origin.pointer.as_str()), ("Garden", "/1"));
    assert_eq!(sow.description, "Sows a 'bed'.");
    assert_eq!(required(sow), ["bed", "crop"]);
    assert_eq!(property(sow, "crop").get("type"), Some(&Value::text("List[str]")));
    assert_eq!(property(sow, "crop").get("description"), Some(&Value::text("What to 'sow'")));
    assert_eq!(sow.returns.at("/properties/sown/type"), Some(&Value::text("float/int")));
    assert_eq!((look.name.as_str(), look.description.as_str()), ("LookAround", "Looks\naround."));
    assert_eq!((required(look).len(), &look.returns), (0, &Value::Null));
    let found: Vec<(&str, &str)> =
        read.rejections.iter().map(|one| (&*one.pointer, &*one.reason)).collect();
    assert_eq!(
        found,
        [
            ("/3", "row 3 holds no definition in \"api_info\": a name is expected at byte 0"),
            ("/4", "row 4 assigns \"input_parameters\" what is no dict of parameters"),
            ("/5", "row 5 holds no definition in \"api_info\": a literal is expected at byte 14"),
        ]
    );
    assert_eq!(reason("id,name\n1,api_info\n"), super::OTHER_TEXT);
    assert_eq!(reason("id,api_info\n"), "lists no tools");
}

#[test]
fn nodes_of_a_graph_are_records() {
    let read = records(
        r#"{"nodes": [{"id": "ring_bell", "desc": "Rings.", "parameters": [
          {"name": "times", "type": "int", "desc": "How often."},
          {"name": "day", "type": "date", "desc": "When.", "default": "today"}]},
        {"id": "Bell Tuning", "desc": "Tunes.", "input-type": ["audio"], "output-type": ["text"]}],
        "links": [{"source": "ring_bell", "target": "Bell Tuning", "type": "complete"}]}"#,
    );
    let [ring, tune] = read.as_slice() else { panic!("{read:?}") };
    assert_eq!((&*ring.identity, &*ring.origin.source), ("taskbench/ring_bell", "taskbench"));
    assert_eq!(ring.origin.pointer, "/nodes/0");
    assert_eq!(required(ring), ["times"]);
    assert_eq!(property(ring, "times").get("description"), Some(&Value::text("How often.")));
    assert_eq!(required(tune), ["audio"]);
    assert_eq!(tune.returns.at("/properties/text/type"), Some(&Value::text("string")));
}

#[test]
fn lines_with_a_field_are_records() {
    let read = records(
        r#"{"api_name": "tuneBell", "api_description": "Tunes a bell.", "field": "Music/Bells",
        "parameters": {"bell": {"type": "str", "description": "Which.", "example": "Big"},
        "cents": {"type": "float", "description": "How far."}}, "required": ["bell"],
        "responses": {"pitch": {"type": "float", "description": "Now."}}}"#,
    );
    let [tune] = read.as_slice() else { panic!("{read:?}") };
    assert_eq!(tune.identity, "seal_tools/tuneBell");
    assert_eq!((&*tune.origin.category, &*tune.description), ("Music/Bells", "Tunes a bell."));
    assert_eq!(required(tune), ["bell"]);
    assert_eq!(property(tune, "bell").get("example"), Some(&Value::text("Big")));
    assert_eq!(tune.returns.at("/properties/pitch/type"), Some(&Value::text("float")));
}

#[test]
fn documents_in_a_text_are_read() {
    let inner = r#"{"openapi": "3.0.0", "info": {"title": "Bells"}, "paths": {"/ring": {"get":
        {"operationId": "ring", "parameters": [{"name": "times", "in": "query", "required": true,
        "schema": {"type": "integer"}}]}}}}"#;
    let wrapped = |documentation: &str| {
        let documentation = Value::text(documentation);
        format!(
            r#"[{{"Name": "Bells", "Category": "Music", "Documentation": {documentation},
            "Instructions": ["Ring."], "Function_Description": {{"ring": "Rings."}},
            "Golden_Answers": [[{{"Action": "ring", "Action_Input": "{{}}"}}]]}}]"#
        )
    };
    let read = records(wrapped(inner));
    let [ring] = read.as_slice() else { panic!("{read:?}") };
    assert_eq!((ring.name.as_str(), required(ring)), ("ring", vec!["times"]));
    assert_eq!(ring.origin.pointer, "/0/Documentation/paths/~1ring/get");
    let cut_short = wrapped(&inner[..60]);
    assert!(reason(&cut_short).starts_with("holds a text that is not valid JSON"));
}

#[test]
fn lists_of_parameters_say_what_is_required_in_many_ways() {
    let names = |parameters: &str| -> Vec<String> {
        let read = records(format!(
            r#"[{{"name": "ring", "description": "Rings.", "arguments": [{parameters}]}}]"#
        ));
        required(&read[0]).into_iter().map(String::from).collect()
    };
    let optional = r#"{"name": "a", "type": "string"}, {"name": "b", "optional": true}"#;
    assert_eq!(names(optional), ["a"]);
    assert_eq!(names(r#"{"name": "a"}, {"name": "b", "default": 3}"#), ["a"]);
    assert_eq!(names(r#"{"name": "a", "required": true}, {"name": "b"}"#), ["a"]);
    assert!(names(r#"{"name": "a", "in": "query"}"#).is_empty());
    let read = records(
        r#"[{"name": "ring", "description": "Rings.", "parameters": [{"name": "a", "required": true,
        "schema": {"type": "object", "properties": {"x": {}}, "required": ["x"]}}]}]"#,
    );
    assert_eq!(required(&read[0]), ["a"]);
    assert_eq!(property(&read[0], "a").get("required").unwrap().to_string(), r#"["x"]"#);
}

#[test]
fn answers_by_status_code_are_those_of_success() {
    let read = records(
        r#"[{"name": "ring", "description": "Rings.", "parameters": {}, "responses": {"200":
        {"schema": {"type": "object", "properties": {"rung": {"type": "boolean"}}}},
        "404": {"description": "No bell."}}}]"#,
    );
    assert_eq!(read[0].returns.at("/properties/rung/type"), Some(&Value::text("boolean")));
}
