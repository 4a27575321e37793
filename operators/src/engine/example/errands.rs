//! Projects and their errands: every step and expression of the language occurs.

use schemas::{
    Arithmetic, Comparison, Condition, Direction, Environment, Expression, Field, Filter, Kind,
    Operation, Reply, Role, Row, Shape, Span, Step, Table, Value,
};

use crate::engine::example::{
    column, environment, field, filter, insert, lookup, operation, require, shown, table, update,
};

const ERRAND: [&str; 6] = ["errand_id", "project_id", "what", "status", "due", "effort"];

/// Projects, errands and notes; planning, finishing several at once, dropping with what belongs.
///
/// # Examples
///
/// ```
/// use operators::engine::{World, example};
/// use schemas::Value;
///
/// let world = World::new(example::every_step()).unwrap();
/// let mut session = world.whole();
/// let given = Value::parse("{\"project_id\": 1000002, \"what\": \"pack\", \"days\": 3}").unwrap();
/// let planned = session.call("plan_errand", &given).value();
/// assert_eq!(planned.get("due"), Some(&Value::text("2025-06-05T09:00:00Z")));
/// ```
pub fn every_step() -> Environment {
    environment(
        "errands",
        vec![projects(), errands(), notes()],
        [planning(), finishing(), vec![dropping()], noting()].into_iter().flatten().collect(),
    )
}

fn projects() -> Table {
    let row = |(key, name, budget): (i64, &str, f64)| -> Row {
        vec![Value::Integer(key), Value::text(name), Value::number(budget)]
    };
    let rows = [(1_000_001, "Garden", 120.5), (1_000_002, "Move", 900.0), (1_000_003, "Trip", 0.0)];
    let columns = vec![
        column("project_id", Kind::Integer, Role::Key),
        column("name", Kind::Text, Role::Plain),
        column("budget", Kind::Number, Role::Quantity),
    ];
    table("projects", "project", "", columns, rows.map(row).to_vec())
}

fn errands() -> Table {
    let rows = [
        ("er_00a1b2c3", 1_000_001, "buy seeds", "open", "2025-06-04T10:00:00Z", Some(2)),
        ("er_19f0d3e4", 1_000_001, "mow", "done", "2025-05-30T08:00:00Z", None),
        ("er_2c5e6f70", 1_000_002, "rent a van", "open", "2025-06-20T12:00:00Z", Some(5)),
        ("er_3d7a8b91", 1_000_002, "Give notice", "open", "2025-06-11T12:00:00Z", Some(1)),
    ];
    let choices = Kind::Choice(vec!["open".into(), "done".into()]);
    let columns = vec![
        column("errand_id", Kind::Text, Role::Key),
        column("project_id", Kind::Integer, Role::Reference("projects".into())),
        column("what", Kind::Text, Role::Plain),
        column("status", choices, Role::Status),
        column("due", Kind::Time, Role::Plain),
        column("effort", Kind::Integer, Role::Plain),
        column("updated_at", Kind::Time, Role::Updated),
    ];
    let rows = rows.map(|(key, project, what, status, due, effort)| -> Row {
        vec![
            Value::text(key),
            Value::Integer(project),
            Value::text(what),
            Value::text(status),
            Value::text(due),
            effort.map_or(Value::Null, Value::Integer),
            Value::Null,
        ]
    });
    table("errands", "errand", "er", columns, rows.to_vec())
}

fn notes() -> Table {
    let columns = vec![
        column("note_id", Kind::Text, Role::Key),
        column("content", Kind::Json, Role::Plain),
        column("made_at", Kind::Time, Role::Created),
    ];
    table("notes", "note", "nt", columns, Vec::new())
}

fn planning() -> Vec<Operation> {
    let days = Shape::Integer { minimum: None, maximum: None };
    let integer = || Shape::Integer { minimum: None, maximum: None };
    let due = Expression::Later(
        Box::new(Expression::Now),
        Box::new(Expression::Otherwise(
            Box::new(Expression::argument("days")),
            Box::new(Expression::Literal(Value::Integer(7))),
        )),
        Span::Days,
    );
    let rest = Expression::Arithmetic(
        Box::new(Expression::column("project", "budget")),
        Arithmetic::Subtract,
        Box::new(Expression::argument("cost")),
    );
    vec![
        operation(
            ("plan_errand", "plan", "errand"),
            "Adds an errand to a project, due so many days from now.",
            vec![
                field("project_id", integer(), true, ""),
                field("what", Shape::text(), true, ""),
                field("days", days, false, ""),
            ],
            vec![
                lookup("project", "projects", "project_id"),
                insert(
                    "errand",
                    "errands",
                    vec![
                        ("project_id", Expression::column("project", "project_id")),
                        ("what", Expression::argument("what")),
                        ("status", Expression::text("open")),
                        ("due", due),
                    ],
                ),
            ],
            shown("errand", &ERRAND),
        ),
        operation(
            ("spend", "spend", "budget"),
            "Takes money from a project's budget.",
            vec![
                field("project_id", integer(), true, ""),
                field(
                    "cost",
                    Shape::Number { minimum: Value::Integer(0), maximum: Value::Null },
                    true,
                    "",
                ),
            ],
            vec![
                lookup("project", "projects", "project_id"),
                require(
                    rest.clone(),
                    Comparison::AtLeast,
                    Expression::Literal(Value::Integer(0)),
                    "{project.name} has {project.budget} left, not {cost} {unknown}",
                ),
                update("project", vec![("budget", rest)]),
            ],
            shown("project", &["name", "budget"]),
        ),
    ]
}

fn ids() -> Field {
    field("errand_ids", Shape::List(Box::new(Shape::text())), true, "")
}

/// An answer with these columns of every row found.
fn each(columns: &[&str]) -> Reply {
    let item = Box::new(shown("row", columns));
    Reply::Each { rows: "found".into(), row: "row".into(), item }
}

fn found(filters: Vec<Filter>, limit: Expression) -> Step {
    Step::Select {
        rows: "found".into(),
        table: "errands".into(),
        filters,
        order: Some(("due".into(), Direction::Descending)),
        limit,
    }
}

fn finishing() -> Vec<Operation> {
    let chosen = || vec![filter("errand_id", Comparison::OneOf, "errand_ids")];
    let first = Expression::Part("errand_ids".into(), "/0".into());
    vec![
        operation(
            ("finish_errands", "finish", "errand"),
            "Marks several errands as done.",
            vec![ids()],
            vec![
                Step::Require {
                    condition: Condition::References(
                        Expression::argument("errand_ids"),
                        "errands".into(),
                    ),
                    otherwise: "not every errand of {errand_ids} exists".into(),
                },
                Step::Change {
                    table: "errands".into(),
                    filters: chosen(),
                    changes: vec![
                        ("status".into(), Expression::text("done")),
                        ("updated_at".into(), Expression::Now),
                    ],
                },
                found(chosen(), Expression::Literal(Value::Null)),
            ],
            Reply::Object(vec![
                ("first".into(), Reply::Value(first)),
                ("errands".into(), each(&ERRAND)),
                ("count".into(), Reply::Value(Expression::Count("found".into()))),
            ]),
        ),
        operation(
            ("list_errands", "list", "errand"),
            "Lists errands, the latest due first.",
            vec![
                field("what", Shape::text(), false, ""),
                field("most", Shape::Integer { minimum: None, maximum: None }, false, ""),
            ],
            vec![found(
                vec![filter("what", Comparison::Contains, "what")],
                Expression::argument("most"),
            )],
            each(&["what", "effort"]),
        ),
    ]
}

fn dropping() -> Operation {
    operation(
        ("drop_project", "drop", "project"),
        "Removes a project with its errands, unless one is open and due in June.",
        vec![field("project_id", Shape::Any, true, "")],
        vec![
            lookup("project", "projects", "project_id"),
            Step::Require {
                condition: Condition::None(
                    "errands".into(),
                    vec![
                        filter("project_id", Comparison::Equal, "project_id"),
                        Filter {
                            column: "due".into(),
                            comparison: Comparison::Above,
                            value: Expression::text("2025-06-15T00:00:00Z"),
                        },
                    ],
                ),
                otherwise: "{project.name} still has errands".into(),
            },
            Step::Remove {
                table: "errands".into(),
                filters: vec![filter("project_id", Comparison::Equal, "project_id")],
            },
            Step::Delete { row: "project".into() },
        ],
        Reply::List(vec![Reply::Value(Expression::column("project", "name"))]),
    )
}

fn noting() -> Vec<Operation> {
    vec![operation(
        ("keep_note", "keep", "note"),
        "Keeps a note of any form.",
        vec![field("note", Shape::Any, true, "")],
        vec![insert(
            "note",
            "notes",
            vec![("content", Expression::argument("note")), ("made_at", Expression::Now)],
        )],
        shown("note", &["note_id", "content", "made_at"]),
    )]
}
