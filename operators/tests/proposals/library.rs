//! The tools of a small library, and what becomes of them with an answer and without one.

use std::sync::Arc;

use operators::Materialized;
use operators::materialize::{materialize, materialize_proposed};
use schemas::{
    Answer, Basis, Digest, Domain, DomainId, EnvironmentPlan, Field, Finish, Output, Program,
    RequestId, Rule, Shape, Stage, Tool, ToolId, Value,
};
use serde_json::{Value as Json, json};

pub(crate) fn field(name: &str, shape: Shape, required: bool) -> Field {
    Field {
        name: name.into(),
        shape,
        required,
        place: String::new(),
        description: String::new(),
        default: Value::Null,
        example: Value::Null,
    }
}

pub(crate) fn tool(name: &str, input: Vec<Field>) -> Tool {
    let mut tool = Tool {
        id: ToolId::of([name]),
        revision: Digest::default(),
        identity: format!("library#{name}"),
        name: name.into(),
        description: String::new(),
        source: "test".into(),
        provider: "library.example".into(),
        service: String::new(),
        category: String::new(),
        license: String::new(),
        method: None,
        path: None,
        input,
        output: Output { shape: Shape::Any, basis: Basis::Inferred },
    };
    tool.revision = Digest::of_record(&tool);
    tool
}

pub(crate) fn tools() -> Vec<Arc<Tool>> {
    let text = Shape::text;
    let book = Shape::Object(vec![
        field("book_id", text(), true),
        field("title", text(), true),
        field("author", text(), true),
        field("copies_available", Shape::Integer { minimum: Some(0), maximum: None }, true),
    ]);
    let mut search = tool("search_books", vec![field("query", text(), true)]);
    let results = vec![field("results", Shape::List(Box::new(book)), true)];
    search.output = Output { shape: Shape::Object(results), basis: Basis::Declared };
    let days = Shape::Integer { minimum: Some(1), maximum: Some(28) };
    let layer = Shape::Object(vec![field("from", text(), true)]);
    let tools = vec![
        search,
        tool("register_member", vec![field("name", text(), true), field("email", text(), true)]),
        tool(
            "borrow_book",
            vec![
                field("book_id", text(), true),
                field("member_id", text(), true),
                field("days", days, false),
            ],
        ),
        tool("return_book", vec![field("loan_id", text(), true)]),
        tool("list_loans", vec![field("member_id", text(), false)]),
        tool("check_opening_hours", vec![field("weekday", text(), true)]),
        tool("delete_layers", vec![field("layers", Shape::List(Box::new(layer)), true)]),
    ];
    tools.into_iter().map(Arc::new).collect()
}

pub(crate) fn domain(tools: &[Arc<Tool>]) -> Domain {
    let mut members: Vec<(ToolId, Digest)> =
        tools.iter().map(|tool| (tool.id, tool.revision)).collect();
    members.sort();
    Domain { id: DomainId::of(["library"]), name: "library".into(), tools: members }
}

pub(crate) fn answer(text: impl Into<String>) -> Answer {
    Answer {
        request: RequestId(Digest::default()),
        text: text.into(),
        finish: Finish::Stop,
        tokens_in: 0,
        tokens_out: 0,
    }
}

pub(crate) fn plain() -> Materialized {
    let tools = tools();
    materialize(&domain(&tools), &tools, &EnvironmentPlan::default(), 7)
}

pub(crate) fn with(answer: &Answer) -> Materialized {
    let tools = tools();
    materialize_proposed(&domain(&tools), &tools, answer, &EnvironmentPlan::default(), 7)
}

#[track_caller]
pub(crate) fn proposed(proposal: &Json) -> Materialized {
    with(&answer(proposal.to_string()))
}

/// What was refused, by subject, with the reason.
pub(crate) fn refused(made: &Materialized) -> Vec<(String, Option<Rule>, String)> {
    let refused = made.rejections.iter().filter(|it| it.stage == Stage::Propose);
    refused.map(|it| (it.subject.clone(), it.rule, it.reason.clone())).collect()
}

/// The reason of the one refusal there is.
#[track_caller]
pub(crate) fn reason(made: &Materialized) -> String {
    let refused = refused(made);
    assert_eq!(refused.len(), 1, "{refused:#?}");
    refused[0].2.clone()
}

pub(crate) fn program(made: &Materialized, name: &str) -> Program {
    made.environment.as_ref().unwrap().operation(name).unwrap().program.clone()
}

/// Opening hours that are kept, which no name of a tool tells.
pub(crate) fn hours() -> Json {
    json!({
        "tables": [{"name": "opening_hours", "noun": "opening hour", "key": "opening_hour_id",
                    "key_style": {"prefixed": "oh"}, "columns": [
            {"name": "weekday", "kind": {"choice": ["monday", "friday"]}},
            {"name": "opens_at", "values": ["08:00", "09:30"]}]}],
        "programs": [{"tool": "check_opening_hours", "program": {
            "steps": [{"match": {"row": "hours", "table": "opening_hours", "filters": [
                {"column": "weekday", "comparison": "equal", "value": {"argument": "weekday"}}],
                "otherwise": "closed on {weekday}"}}],
            "reply": {"object": [
                ["opens_at", {"value": {"column": ["hours", "opens_at"]}}]]}}}],
    })
}
