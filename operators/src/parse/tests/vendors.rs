//! The formats in which vendors of clouds publish their APIs.

use schemas::Value;

use super::{parsed, property, records, required};

const FERRIES: &str = r#"{
  "version": "2.0",
  "metadata": {"apiVersion": "2020-02-30", "serviceId": "Ferries", "protocol": "rest-json",
    "serviceFullName": "Harbour Ferries"},
  "operations": {
    "BookBerth": {"name": "BookBerth",
      "http": {"method": "POST", "requestUri": "/harbours/{Harbour+}/berths?now"},
      "input": {"shape": "BookBerthRequest"}, "output": {"shape": "Berth"},
      "documentation": "<p>Books a <code>berth</code>.</p>"},
    "Ping": {"name": "Ping", "http": {"method": "GET", "requestUri": "/"}},
    "Lost": {"name": "Lost", "http": {}, "input": {"shape": "Gone"}},
    "Odd": "not an operation"
  },
  "shapes": {
    "BookBerthRequest": {"type": "structure", "required": ["Harbour", "Deck"], "members": {
      "Harbour": {"shape": "Name", "location": "uri", "locationName": "h"},
      "Deck": {"shape": "Deck", "documentation": "<p>Which deck.</p>"},
      "Tonnes": {"shape": "Tonnes"},
      "From": {"shape": "When", "location": "querystring", "locationName": "from"},
      "Cargo": {"shape": "Cargo"},
      "Tags": {"shape": "Tags"}, "Note": {"shape": "Note"}, "Stray": {"shape": "Nowhere"}}},
    "Name": {"type": "string", "min": 1, "max": 80, "pattern": "[a-z]+"},
    "Deck": {"type": "string", "enum": ["UPPER", "LOWER"], "documentation": "A deck."},
    "Tonnes": {"type": "long", "min": 1, "max": 9000},
    "When": {"type": "timestamp"},
    "Cargo": {"type": "structure", "members": {"Kind": {"shape": "Name"},
      "Inside": {"shape": "Cargos"}}},
    "Cargos": {"type": "list", "member": {"shape": "Cargo"}, "max": 9},
    "Tags": {"type": "map", "key": {"shape": "Name"}, "value": {"shape": "Name"}},
    "Note": {"type": "structure", "members": {}, "document": true},
    "Berth": {"type": "structure", "members": {"Id": {"shape": "Name"},
      "Held": {"shape": "Held"}, "Plan": {"shape": "Plan"}}},
    "Held": {"type": "boolean"}, "Plan": {"type": "blob"}
  }
}"#;

#[test]
fn operations_of_a_service_model_are_records() {
    let read = parsed(FERRIES);
    let [berth, ping] = read.records.as_slice() else { panic!("{read:?}") };
    assert_eq!(berth.identity, "aws/Ferries/2020-02-30/BookBerth");
    assert_eq!((berth.name.as_str(), berth.method.as_deref()), ("BookBerth", Some("POST")));
    assert_eq!(berth.path.as_deref(), Some("/harbours/{Harbour}/berths"));
    assert_eq!((&*berth.origin.provider, &*berth.origin.service), ("aws", "Ferries"));
    assert_eq!(berth.origin.version, "2020-02-30");
    assert_eq!(berth.origin.category, "Harbour Ferries");
    assert_eq!(berth.origin.pointer, "/operations/BookBerth");
    assert_eq!(berth.description, "<p>Books a <code>berth</code>.</p>");
    assert_eq!(required(berth), ["Harbour", "Deck"]);
    for (name, schema) in [
        ("Harbour", r#"{"type": "string", "pattern": "[a-z]+", "x-in": "path"}"#),
        ("Tonnes", r#"{"type": "integer", "minimum": 1, "maximum": 9000}"#),
        ("From", r#"{"type": "string", "format": "date-time", "x-in": "query"}"#),
        ("Tags", r#"{"type": "object"}"#),
        ("Note", r#"{}"#),
        ("Stray", r##"{"x-unresolved": "#/shapes/Nowhere"}"##),
    ] {
        let found = property(berth, name);
        assert_eq!(*found, Value::parse(schema).unwrap(), "{name}: {found}");
    }
    let deck = property(berth, "Deck");
    assert_eq!(deck.at("/enum/1"), Some(&Value::text("LOWER")));
    assert_eq!(deck.get("description"), Some(&Value::text("<p>Which deck.</p>")));
    // A shape that leads back into itself is anything.
    let inside = property(berth, "Cargo").at("/properties/Inside/items").unwrap();
    assert!(inside.get("x-cycle").is_some(), "{inside}");
    assert_eq!(berth.returns.at("/properties/Held/type"), Some(&Value::text("boolean")));
    assert_eq!(berth.returns.at("/properties/Plan/format"), Some(&Value::text("byte")));
    assert_eq!((required(ping).len(), &ping.returns), (0, &Value::Null));
    let reasons: Vec<&str> = read.rejections.iter().map(|one| one.reason.as_str()).collect();
    assert_eq!(
        reasons,
        ["names an input shape \"Gone\" that is not there", "is an operation that is no object"]
    );
    assert_eq!(read.rejections[0].pointer, "/operations/Lost");
}

#[test]
fn shapes_cannot_multiply() {
    let mut shapes = String::from(r#""S0": {"type": "string"}"#);
    for level in 1..60 {
        let member = |name: &str| format!(r#""{name}": {{"shape": "S{}"}}"#, level - 1);
        let members = ["a", "b", "c", "d", "e"].map(member).join(", ");
        shapes.push_str(&format!(
            r#", "S{level}": {{"type": "structure", "members": {{{members}}}}}"#
        ));
    }
    let read = records(format!(
        r#"{{"metadata": {{"apiVersion": "1", "serviceId": "Deep"}}, "operations": {{"Dive":
        {{"input": {{"shape": "S59"}}}}}}, "shapes": {{{shapes}}}}}"#
    ));
    assert_eq!(read.len(), 1);
}

#[test]
fn metadata_of_a_command_line_is_a_record_a_document() {
    let read = records(
        r#"{"name": "SetBuoys", "method": "GET|POST", "pathPattern": "/bays/[BayId]/buoys",
        "deprecated": false, "protocol": "HTTP|HTTPS", "parameters": [
        {"name": "BayId", "position": "Path", "type": "String", "required": true,
          "description": "Which **bay**."},
        {"name": "Colour", "position": "Query", "type": "RepeatList", "required": false},
        {"name": "Light", "position": "Query", "type": "RepeatList", "required": true,
          "sub_parameters": [{"name": "Key", "type": "String", "required": true},
            {"name": "Seconds", "type": "Long", "required": false}]},
        {"name": "Chain", "position": "Body", "type": "Struct", "required": false,
          "sub_parameters": [{"name": "Metres", "type": "Float", "required": true}]}]}"#,
    );
    let [buoys] = read.as_slice() else { panic!("{read:?}") };
    assert_eq!(buoys.identity, "aliyun/SetBuoys");
    assert_eq!((&*buoys.origin.source, &*buoys.origin.provider), ("aliyun", "aliyun"));
    assert_eq!(buoys.path.as_deref(), Some("/bays/{BayId}/buoys"));
    assert_eq!(required(buoys), ["BayId", "Light"]);
    for (name, schema) in [
        ("Colour", r#"{"type": "RepeatList", "items": {"type": "string"}, "x-in": "query"}"#),
        (
            "Light",
            r#"{"type": "RepeatList", "x-in": "query", "items": {"type": "object",
            "required": ["Key"], "properties": {"Key": {"type": "String"},
            "Seconds": {"type": "Long"}}}}"#,
        ),
        (
            "Chain",
            r#"{"type": "Struct", "x-in": "body", "required": ["Metres"],
            "properties": {"Metres": {"type": "Float"}}}"#,
        ),
    ] {
        let (found, expected) = (property(buoys, name), Value::parse(schema).unwrap());
        assert!(found.same(&expected), "{name}: {found}");
    }
}

#[test]
fn documents_of_a_product_have_answers() {
    let read = parsed(
        r##"{"version": "1.0", "info": {"style": "RPC", "product": "Bays", "version": "2021-01-01"},
        "components": {"schemas": {"Bay": {"type": "object", "properties": {
          "Depth": {"type": "number"}}}}},
        "apis": {
          "FindBay": {"summary": "Finds a bay.", "methods": ["post", "get"], "path": "/bays",
            "description": "By its name.", "parameters": [
            {"name": "Name", "in": "query", "schema": {"type": "string", "required": true,
              "description": "The name.", "enum": ["a", "b"]}},
            {"name": "Near", "in": "query", "schema": {"$ref": "#/components/schemas/Bay"}},
            {"in": "query", "schema": {}}],
            "responses": {"200": {"schema": {"$ref": "#/components/schemas/Bay"}}}},
          "Broken": 7}}"##,
    );
    let [bay] = read.records.as_slice() else { panic!("{read:?}") };
    assert_eq!(bay.identity, "aliyun/Bays/2021-01-01/FindBay");
    assert_eq!(bay.description, "Finds a bay. By its name.");
    assert_eq!(required(bay), ["Name"]);
    assert_eq!(property(bay, "Name").at("/enum/1"), Some(&Value::text("b")));
    assert_eq!(property(bay, "Near").at("/properties/Depth/type"), Some(&Value::text("number")));
    assert_eq!(bay.returns.at("/properties/Depth/type"), Some(&Value::text("number")));
    assert_eq!(bay.origin.pointer, "/apis/FindBay");
    assert_eq!(read.rejections.len(), 1);
    assert_eq!(read.rejections[0].reason, "is an API that is no object");
}
