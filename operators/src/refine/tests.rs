//! What each rule does to a record, one case a line.

use std::collections::BTreeSet;

use schemas::{Basis, CorpusPlan, Field, Record, Shape, Tool, Value};

use super::{clean, name, refine};

fn json(text: &str) -> Value {
    Value::parse(text).unwrap()
}

/// A record that has what every record needs, with these parameters.
fn record(parameters: &str) -> Record {
    Record {
        identity: "s/lend".into(),
        name: "lend".into(),
        description: "Lends a spade to a neighbour.".into(),
        parameters: json(parameters),
        ..Record::default()
    }
}

#[track_caller]
fn refined(record: &Record) -> Tool {
    refine(record, &CorpusPlan::default()).unwrap()
}

#[track_caller]
fn reason(record: &Record) -> String {
    refine(record, &CorpusPlan::default()).unwrap_err().reason
}

#[test]
fn descriptions_keep_their_words_only() {
    for (published, cleaned) in [
        ("Plain words, 3 < 4.", "Plain words, 3 < 4."),
        ("<p>Digs a <b>hole</b>.</p><ul><li>deep</li></ul>", "Digs a hole. deep"),
        ("Pass &lt;name&gt; &amp; more&#33;", "Pass <name> & more!"),
        ("See [the guide](https://a.example/x) and ![map](m.png).", "See the guide and map."),
        ("List[int] (a) [b] c", "List[int] (a) [b] c"),
        ("a\u{200b}b\u{202e}c\u{e0041}d\u{0}e", "abcde"),
        ("two\n\n  lines\tand\u{a0}more ", "two lines and more"),
        ("查询城市的天气。", "查询城市的天气。"),
        ("stop<|im_end|><|im_start|>system", "stop im_end im_start system"),
        ("<tool_call>{}</tool_call> <think>x</think>", "tool_call {} tool_call think x think"),
        ("&lt;tool_call&gt; and <\u{200b}tool_call>", "tool_call and tool_call"),
        ("[INST] obey [/INST] <s> <<SYS>>", "INST obey INST s SYS"),
        ("<|<|im_end|>|>", "im_end"),
        ("Use <user_id> here.", "Use <user_id> here."),
        ("x <script>alert('<b>')</script> y", "x y"),
        ("all <script> and <style> tags go", "all <script> and <style> tags go"),
        ("a<!-- hidden -->b", "a b"),
        ("", ""),
    ] {
        assert_eq!(clean(published, 1_000), cleaned, "{published:?}");
    }
}

#[test]
fn cleaning_a_clean_text_changes_nothing() {
    for published in ["<b>a</b> &lt; b", "[a](b) [INST]<|x|>", "《b》 a\u{200d}"] {
        let once = clean(published, 100);
        assert_eq!(clean(&once, 100), once, "{published:?}");
    }
}

#[test]
fn long_descriptions_end_at_a_word() {
    assert_eq!(clean("one two three four", 12), "one two…");
    assert_eq!(clean(&"长".repeat(50), 10), format!("{}…", "长".repeat(9)));
    let cut = clean(&"<b>x</b> ".repeat(100_000), 100);
    assert!(cut.chars().count() <= 100, "{cut}");
}

#[test]
fn names_are_what_providers_accept() {
    for (published, spelled) in [
        ("getPets", "getPets"),
        ("GET Data ID Pelanggan", "GET_Data_ID_Pelanggan"),
        ("Zoo API - Group: list", "Zoo_API_Group_list"),
        ("math.add", "math_add"),
        ("/offices/search/:service", "offices_search_service"),
        ("café crème", "cafe_creme"),
        ("a\u{200b}b", "ab"),
        ("__init__", "init"),
    ] {
        assert_eq!(name::of_tool(published).unwrap(), (spelled.to_string(), None), "{published}");
    }
    let (hashed, original) = name::of_tool("查询天气").unwrap();
    assert!(hashed.starts_with("tool_") && hashed.len() == 11, "{hashed}");
    assert_eq!(original.as_deref(), Some("查询天气"));
    let (long, _) = name::of_tool(&"word_".repeat(40)).unwrap();
    assert!(long.len() <= 64, "{long}");
    assert_ne!(long, name::of_tool(&"word_".repeat(41)).unwrap().0);
    assert_eq!(name::of_tool(" ?! ").unwrap_err().1, "has no usable name");
}

#[test]
fn argument_names_are_unique() {
    let mut taken = BTreeSet::new();
    let mut spelled = |published: &str| name::of_argument(published, &mut taken).unwrap().0;
    assert_eq!(spelled("$filter"), "filter");
    assert_eq!(spelled("filter[name]"), "filter_name");
    assert_eq!(spelled("filter name"), "filter_name_2");
    assert_eq!(spelled("@odata.etag"), "odata.etag");
    assert!(spelled("城市").starts_with("argument_"));
    let long = "n".repeat(64);
    assert_eq!(spelled(&long), long);
    assert_eq!(spelled(&format!("{long}.")).len(), 64);
}

#[test]
fn a_name_in_another_script_opens_the_description() {
    let mut record = record("{}");
    record.name = "借铲子".into();
    record.parameters = json(r#"{"properties": {"邻居": {"type": "string"}}}"#);
    let tool = refined(&record);
    assert_eq!(tool.description, "借铲子: Lends a spade to a neighbour.");
    assert_eq!(tool.input[0].description, "邻居");
}

#[track_caller]
fn shape(schema: &str) -> Shape {
    let parameters = format!(r#"{{"type": "object", "properties": {{"x": {schema}}}}}"#);
    refined(&record(&parameters)).input.remove(0).shape
}

fn text(format: &str) -> Shape {
    Shape::Text { format: format.into(), pattern: String::new() }
}

#[test]
fn types_of_every_dialect_are_understood() {
    let list = |shape: Shape| Shape::List(Box::new(shape));
    for (schema, expected) in [
        (r#"{"type": "STRING"}"#, Shape::text()),
        (r#"{"type": "str, optional"}"#, Shape::text()),
        (r#"{"type": "string,"}"#, Shape::text()),
        (r#"{"type": "str (optional)"}"#, Shape::text()),
        (r#"{"type": "Optional[List[int]], optional"}"#, list(Shape::integer())),
        (r#"{"type": "Dict[str, int]"}"#, Shape::Object(Vec::new())),
        (r#"{"type": "List[Dict[str, int]]"}"#, list(Shape::Object(Vec::new()))),
        (r#"{"type": "typing.List[int]"}"#, list(Shape::integer())),
        (r#"{"type": "float/int"}"#, Shape::number()),
        (r#"{"type": "Union[int, None]"}"#, Shape::integer()),
        (r#"{"type": "int | str"}"#, Shape::Any),
        (r#"{"type": "string or null"}"#, Shape::text()),
        (r#"{"type": "list of dictionaries"}"#, list(Shape::Object(Vec::new()))),
        (r#"{"type": "tuple"}"#, list(Shape::Any)),
        (r#"{"type": "RepeatList"}"#, list(Shape::Any)),
        (r#"{"type": "Struct"}"#, Shape::Object(Vec::new())),
        (r#"{"type": "Json"}"#, Shape::Object(Vec::new())),
        (r#"{"type": "DATE (YYYY-MM-DD)"}"#, text("date")),
        (r#"{"type": "string", "format": "email"}"#, text("email")),
        (r#"{"type": "float"}"#, Shape::number()),
        (r#"{"type": "NUMBER"}"#, Shape::number()),
        (r#"{"type": "long"}"#, Shape::integer()),
        (r#"{"type": "bool"}"#, Shape::Boolean),
        (r#"{"type": "any"}"#, Shape::Any),
        (concat!(r#"{"type": "Hash"#, r#"Map"}"#), Shape::Object(Vec::new())),
        (r#"{"type": "dict"}"#, Shape::Object(Vec::new())),
        (r#"{"type": "tuple", "items": {"type": "float"}}"#, list(Shape::number())),
        (r#"{"type": "List[int]"}"#, list(Shape::integer())),
        (r#"{"type": "list(str)"}"#, list(Shape::text())),
        (r#"{"type": "List[List[int]]"}"#, list(list(Shape::integer()))),
        (r#"{"type": "Tuple[float, float]"}"#, list(Shape::number())),
        (r#"{"type": "int[]"}"#, list(Shape::integer())),
        (r#"{"type": ["integer", "null"]}"#, Shape::integer()),
        (r#"{"type": ["integer", "number"]}"#, Shape::number()),
        (r#"{"type": ["string", "object"]}"#, Shape::Any),
        (r#"{"anyOf": [{"type": "string"}, {"type": "null"}]}"#, Shape::text()),
        (r#"{"oneOf": [{"const": "a"}, {"const": "b"}]}"#, choice(r#"["a", "b"]"#)),
        (r#"{"anyOf": [{"enum": ["a"]}, {"type": "string"}]}"#, Shape::text()),
        (r#"{"const": 3}"#, choice("[3]")),
        (r#"{"type": "string", "enum": ["a", "b", "a", null]}"#, choice(r#"["a", "b"]"#)),
        (r#"{"type": "integer", "enum": ["1", "2"]}"#, choice("[1, 2]")),
        (r#"{"type": "string", "enum": []}"#, Shape::text()),
        (r#"{"type": "array", "enum": ["a", "b"]}"#, list(choice(r#"["a", "b"]"#))),
        (r#"{"type": "string", "pattern": "^a+$"}"#, patterned("^a+$")),
        (r#"{"items": {}}"#, list(Shape::Any)),
        ("{}", Shape::Any),
        ("true", Shape::Any),
    ] {
        assert_eq!(shape(schema), expected, "{schema}");
    }
}

fn patterned(pattern: &str) -> Shape {
    Shape::Text { format: String::new(), pattern: pattern.into() }
}

fn choice(values: &str) -> Shape {
    let Value::List(values) = json(values) else { panic!("{values}") };
    Shape::Choice(values)
}

#[test]
fn bounds_are_inclusive_and_possible() {
    let integer = |minimum, maximum| Shape::Integer { minimum, maximum };
    for (schema, expected) in [
        (r#""minimum": 1, "maximum": 9"#, integer(Some(1), Some(9))),
        (r#""minimum": 1, "exclusiveMinimum": true"#, integer(Some(2), None)),
        (r#""exclusiveMinimum": 1, "exclusiveMaximum": 4"#, integer(Some(2), Some(3))),
        (r#""minimum": "5""#, integer(Some(5), None)),
        (r#""minimum": 0.5, "maximum": 2.5"#, integer(Some(1), Some(2))),
        (r#""minimum": 9, "maximum": 1"#, integer(None, None)),
        (r#""maximum": 18446744073709551615"#, integer(None, None)),
        (r#""exclusiveMinimum": 9223372036854775807"#, integer(None, None)),
        (r#""minimum": "2020-01-01""#, integer(None, None)),
    ] {
        assert_eq!(shape(&format!(r#"{{"type": "integer", {schema}}}"#)), expected, "{schema}");
    }
    let most = Shape::Number { minimum: Value::Null, maximum: json("1.5") };
    assert_eq!(shape(r#"{"type": "number", "maximum": 1.5}"#), most);
}

#[test]
fn composed_objects_are_merged() {
    let merged = shape(
        r#"{"allOf": [{"properties": {"a": {"type": "string"}}, "required": ["a", "ghost"]},
            {"properties": {"b": {"type": "integer"}}}]}"#,
    );
    let Shape::Object(fields) = merged else { panic!("{merged:?}") };
    let summary: Vec<_> = fields.iter().map(|one| (one.name.as_str(), one.required)).collect();
    assert_eq!(summary, [("a", true), ("b", false)]);
    let either = shape(
        r#"{"oneOf": [{"properties": {"a": {}, "b": {}}, "required": ["a", "b"]},
            {"properties": {"a": {}, "c": {}}, "required": ["a", "c"]}]}"#,
    );
    let Shape::Object(shared) = either else { panic!("{either:?}") };
    let required: Vec<_> = shared.iter().filter(|one| one.required).map(|one| &one.name).collect();
    assert_eq!(required, ["a"]);
}

#[track_caller]
fn fields(parameters: &str) -> Vec<Field> {
    refined(&record(parameters)).input
}

#[test]
fn what_is_required_is_said_in_many_ways() {
    let fields = fields(
        r#"{"properties": {"listed": {"type": "string"}, "flagged": {"required": true},
            "marked": {"description": "[REQUIRED] Who borrows."},
            "wrapped": {"description": "<p>(Required) How.</p>"},
            "unmarked": {"description": "Why."}, "typed": {"type": "str, optional"}},
            "required": ["listed", "typed", "ghost"]}"#,
    );
    let required: Vec<&str> =
        fields.iter().filter(|field| field.required).map(|field| field.name.as_str()).collect();
    assert_eq!(required, ["listed", "flagged", "marked", "wrapped"]);
    assert_eq!(fields[2].description, "Who borrows.");
    assert_eq!(fields[3].description, "How.");
}

#[test]
fn defaults_and_examples_fit_or_are_dropped() {
    for (schema, default) in [
        (r#""type": "integer", "default": "10""#, "10"),
        (r#""type": "integer", "default": "ten""#, "null"),
        (r#""type": "integer", "maximum": 5, "default": 6"#, "null"),
        (r#""type": "string", "default": 7"#, "\"7\""),
        (r#""type": "boolean", "default": "True""#, "true"),
        (r#""enum": ["a"], "default": "b""#, "null"),
        (r#""type": "array", "items": {"type": "integer"}, "default": [1]"#, "[1]"),
    ] {
        let fields = fields(&format!(r#"{{"properties": {{"x": {{{schema}}}}}}}"#));
        assert_eq!(fields[0].default.to_string(), default, "{schema}");
    }
}

#[test]
fn the_default_of_what_is_required_is_an_example() {
    let fields = fields(
        r#"{"properties": {"x": {"type": "string", "default": "tt1"}, "y": {"default": ""}},
            "required": ["x"]}"#,
    );
    assert_eq!((&fields[0].default, &fields[0].example), (&Value::Null, &Value::text("tt1")));
    assert_eq!(fields[1].default, Value::Null);
}

#[test]
fn transport_is_not_for_agents() {
    let names = |parameters: &str| -> Vec<String> {
        fields(parameters).into_iter().map(|field| field.name).collect()
    };
    assert_eq!(
        names(
            r#"{"properties": {"api-version": {}, "X-Amz-Date": {}, "$.xgafv": {}, "alt": {},
            "key": {}, "oauth_token": {}, "Accept": {"x-in": "header"}, "spade": {},
            "api_key": {"x-in": "query"}, "Authorization": {"x-in": "header"}, "lend": {},
            "Garden-Key": {"x-in": "header"}}}"#
        ),
        ["spade"]
    );
    assert_eq!(names(r#"{"properties": {"key": {}, "alt": {}}}"#), ["key", "alt"]);
    assert_eq!(names(r#"{"properties": {"token": {}, "accept": {}}}"#), ["token", "accept"]);
    assert_eq!(names(r#"{"properties": {"garden-key": {"x-in": "query"}}}"#), ["garden-key"]);
}

#[test]
fn outputs_say_how_they_are_known() {
    let mut lend = record("{}");
    lend.returns = json(r#"{"type": "object", "properties": {"due": {"type": "string"}}}"#);
    lend.example = json(r#"{"due": "monday", "days": 3}"#);
    let basis = |record: &Record| {
        let output = refined(record).output;
        let Shape::Object(fields) = output.shape else { panic!("{output:?}") };
        (output.basis, fields.len())
    };
    assert_eq!(basis(&lend), (Basis::Declared, 1));
    lend.returns = json("{}");
    assert_eq!(basis(&lend), (Basis::Example, 2));
    lend.example = Value::Null;
    assert_eq!(basis(&lend), (Basis::Inferred, 0));
    lend.name = "list_spades".into();
    assert_eq!(basis(&lend), (Basis::Inferred, 1));
}

#[test]
fn what_is_too_poor_is_turned_away() {
    let mut poor = record("{}");
    poor.description = concat!("TO", "DO").into();
    assert_eq!(reason(&poor), "is too poor to act on: no description, no argument, a vague name");
    poor.name = "list_spades".into();
    assert_eq!(refined(&poor).name, "list_spades");
    poor.name = "Finish".into();
    assert_eq!(reason(&poor), "\"Finish\" is a move of an agent framework and no API");
    poor.name = "…".into();
    assert_eq!(reason(&poor), "has no usable name");
    let properties: Vec<String> = (0..5_000).map(|n| format!(r#""p{n}": {{}}"#)).collect();
    let wide = record(&format!(r#"{{"properties": {{{}}}}}"#, properties.join(",")));
    assert_eq!(reason(&wide), "takes 5000 arguments, more than 256");
}

#[test]
fn deep_schemas_are_cut() {
    let mut schema = String::from(r#"{"type": "integer"}"#);
    for _ in 0..50 {
        schema = format!(r#"{{"type": "object", "properties": {{"x": {schema}}}}}"#);
    }
    let mut levels = 0;
    let mut shape = shape(&schema);
    while let Shape::Object(mut fields) = shape {
        levels += 1;
        let Some(field) = fields.pop() else { break };
        shape = field.shape;
    }
    assert_eq!(levels, CorpusPlan::default().schema_depth_max + 1);
}

#[test]
fn revisions_follow_the_content_and_not_the_file() {
    let one = record("{}");
    let mut moved = one.clone();
    moved.origin.file = "elsewhere".into();
    moved.identity = "s/other".into();
    assert_eq!(refined(&one).revision, refined(&moved).revision);
    assert_ne!(refined(&one).id, refined(&moved).id);
    let mut edited = one.clone();
    edited.description.push_str(" Soon.");
    assert_eq!(refined(&one).id, refined(&edited).id);
    assert_ne!(refined(&one).revision, refined(&edited).revision);
}

#[test]
fn wordings_in_another_script_are_another_operation() {
    let tool = |said: &str, argument: &str| {
        let parameters = format!(
            r#"{{"type": "object", "properties": {{"spade": {{"type": "string", "description": "{argument}"}}}}}}"#
        );
        refined(&Record { description: said.into(), ..record(&parameters) })
    };
    let lends = super::operation(&tool("Lends a spade.", "Which spade."));
    assert_eq!(lends, super::operation(&tool("Hands out a spade.", "Its number.")));
    assert_ne!(lends, super::operation(&tool("借出一把铁锹。", "Which spade.")));
    assert_ne!(lends, super::operation(&tool("스페이드를 빌려 준다.", "Which spade.")));
    let silent = super::operation(&tool("", "Which spade."));
    assert_ne!(silent, super::operation(&tool("", "哪一把铁锹")));
}

#[test]
fn separators_and_demanded_arguments_stay() {
    let tool = refined(&record(
        r#"{"type": "object", "required": ["lend"], "properties": {
            "lend": {"type": "string"},
            "separator": {"type": "string", "enum": [",", "\t", " "], "default": " "}}}"#,
    ));
    let names: Vec<&str> = tool.input.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["lend", "separator"], "an argument may have the tool's name");
    let separators = [",", "\t", " "].map(Value::text).to_vec();
    assert_eq!(tool.input[1].shape, Shape::Choice(separators));
    assert_eq!(tool.input[1].default, Value::text(" "));
    let echo =
        refined(&record(r#"{"type": "object", "properties": {"lend": {"type": "string"}}}"#));
    assert_eq!(echo.input, []);
}
