//! A domain with a tool for every step, condition, expression and kind of column, and with names and
//! descriptions that mean harm.

use std::collections::BTreeSet;

use operators::engine::footprint;
use schemas::{
    Arithmetic, Column, Comparison, Condition, Digest, Direction, DomainId, Effect, Environment,
    Expression, Field, Filter, KeyStyle, Kind, Operation, Program, Reply, Role, Row, Shape, Span,
    Step, Table, ToolId, Value,
};

const COMPARISONS: [Comparison; 8] = [
    Comparison::Equal,
    Comparison::Different,
    Comparison::AtLeast,
    Comparison::AtMost,
    Comparison::Above,
    Comparison::Below,
    Comparison::Contains,
    Comparison::OneOf,
];

const ARITHMETIC: [Arithmetic; 4] =
    [Arithmetic::Add, Arithmetic::Subtract, Arithmetic::Multiply, Arithmetic::Divide];

/// What a source may say, and must never be more than text.
pub(crate) const HOSTILE: [&str; 12] = [
    "\"\"\"\nimport os\n\"\"\"",
    "'''; __import__('os').system('true') #",
    "back\\slash \\\" and \\",
    "\u{0} nul \u{1b}[31m bell \u{7}",
    "\u{202e}turned\u{2066} \u{200b}hidden \u{feff}",
    "'); DROP TABLE things; --",
    "{value} {{value}} {0} %s ${x} {__class__}",
    "# heading\n- list\n<script>alert(1)</script> [a](javascript:b) `c` ``d``",
    "line\r\nbreak\u{2028}and\u{85}more",
    "\"",
    "ends in a quote\"",
    "日本語 Ω ß \u{1f600} e\u{301}",
];

pub(crate) fn any(name: &str) -> Field {
    field(name, Shape::Any, false)
}

pub(crate) fn field(name: &str, shape: Shape, required: bool) -> Field {
    Field {
        name: name.into(),
        shape,
        required,
        place: String::new(),
        description: HOSTILE[name.len() % HOSTILE.len()].into(),
        default: Value::Null,
        example: Value::Null,
    }
}

pub(crate) fn operation(
    name: &str,
    input: Vec<Field>,
    steps: Vec<Step>,
    reply: Reply,
) -> Operation {
    Operation {
        tool: ToolId::of(["every", name]),
        revision: Digest::of(name.as_bytes()),
        name: name.into(),
        description: HOSTILE[(name.len() * 5) % HOSTILE.len()].into(),
        input,
        verb: "try".into(),
        noun: "thing".into(),
        program: Program { steps, reply },
        effect: Effect::Read,
        reads: BTreeSet::new(),
        writes: BTreeSet::new(),
    }
}

pub(crate) fn argument(name: &str) -> Expression {
    Expression::argument(name)
}

pub(crate) fn literal(json: &str) -> Expression {
    Expression::Literal(Value::parse(json).unwrap())
}

pub(crate) fn value(expression: Expression) -> Reply {
    Reply::Value(expression)
}

fn columns(row: &str, names: &[&str]) -> Reply {
    let part = |name: &&str| ((*name).to_string(), value(Expression::column(row, *name)));
    Reply::Object(names.iter().map(part).collect())
}

fn filter(column: &str, comparison: Comparison, value: Expression) -> Filter {
    Filter { column: column.into(), comparison, value }
}

pub(crate) fn lookup(row: &str, table: &str, key: Expression) -> Step {
    Step::Lookup { row: row.into(), table: table.into(), key }
}

fn update(row: &str, changes: Vec<(&str, Expression)>) -> Step {
    let changes = changes.into_iter().map(|(column, it)| (column.into(), it)).collect();
    Step::Update { row: row.into(), changes }
}

fn insert(table: &str, values: Vec<(&str, Expression)>) -> Step {
    let values = values.into_iter().map(|(column, it)| (column.into(), it)).collect();
    Step::Insert { row: "made".into(), table: table.into(), values }
}

const THING: [&str; 11] = [
    "id", "text", "integer", "number", "boolean", "choice", "date", "time", "json", "created",
    "updated",
];

fn kinds() -> [(&'static str, Kind); 8] {
    [
        ("text", Kind::Text),
        ("integer", Kind::Integer),
        ("number", Kind::Number),
        ("boolean", Kind::Boolean),
        (
            "choice",
            Kind::Choice(["Open", "shut", "K", "it's \"x\"\n", "ÄÖ"].map(Into::into).into()),
        ),
        ("date", Kind::Date),
        ("time", Kind::Time),
        ("json", Kind::Json),
    ]
}

fn column(name: &str, kind: Kind, role: Role) -> Column {
    let description = HOSTILE[name.len() % HOSTILE.len()].into();
    Column { name: name.into(), kind, role, description }
}

fn tables() -> Vec<Table> {
    let mut of_things = vec![column("id", Kind::Text, Role::Key)];
    of_things.extend(kinds().map(|(name, kind)| column(name, kind, Role::Plain)));
    of_things.push(column("created", Kind::Time, Role::Created));
    of_things.push(column("updated", Kind::Time, Role::Updated));
    let row = |json: &str| -> Row {
        let Value::List(row) = Value::parse(json).unwrap() else { panic!("a row is a list") };
        row
    };
    let things = [
        r#"["a", "Straße İ ΟΔΟΣ", 9007199254740993, 0.1, true, "Open", "2025-06-01", null, {"b": [1], "a": 1.0}, null, null]"#,
        r#"["b", "10", 10, 1e+16, false, "shut", "x", "2025-06-01T00:00:00Z", [1, "1"], null, null]"#,
        r#"["c", "9", -9223372036854775808, 5e-324, null, null, null, null, null, null, null]"#,
        r#"["d", "", 0, 0.0, true, "ÄÖ", null, null, "text", null, null]"#,
    ];
    let counts =
        [r#"[-7, "a", 5, "x"]"#, r#"[12, "b", 0, null]"#, r#"[9007199254740993, null, 1, "x"]"#];
    let table = |name: &str, key_style, columns, rows: &[&str]| Table {
        name: name.into(),
        noun: HOSTILE[name.len() % HOSTILE.len()].into(),
        key_style,
        columns,
        rows: rows.iter().map(|json| row(json)).collect(),
    };
    let many: Vec<String> = (0..120).map(|key| format!("[{key}]")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let of_counts = vec![
        column("id", Kind::Integer, Role::Key),
        column("thing", Kind::Text, Role::Reference("things".into())),
        column("quantity", Kind::Integer, Role::Quantity),
        column("note", Kind::Text, Role::Plain),
    ];
    let of_marks = vec![
        column("id", Kind::Json, Role::Key),
        column("class", Kind::Choice(vec!["on".into(), "off".into()]), Role::Status),
    ];
    vec![
        table("counts", KeyStyle::Integer, of_counts, &counts),
        table("many", KeyStyle::Integer, vec![column("id", Kind::Integer, Role::Key)], &many),
        table(
            "marks",
            KeyStyle::Prefixed("m".into()),
            of_marks,
            &[r#"[1, "on"]"#, r#"["1", "off"]"#, r#"[[1], null]"#],
        ),
        table("things", KeyStyle::Uuid, of_things, &things),
    ]
}

/// What compares, calculates, points and fits.
fn values(operations: &mut Vec<Operation>) {
    for (place, comparison) in COMPARISONS.into_iter().enumerate() {
        let condition = Condition::Compare(argument("left"), comparison, argument("right"));
        let otherwise = "not {left}: {right} {nobody} {".into();
        operations.push(operation(
            &format!("compare-{place}"),
            vec![any("left"), any("right")],
            vec![Step::Require { condition, otherwise }],
            value(literal("true")),
        ));
    }
    for (place, arithmetic) in ARITHMETIC.into_iter().enumerate() {
        let of = |left: &str, right: &str| {
            let (left, right) = (Box::new(argument(left)), Box::new(argument(right)));
            value(Expression::Arithmetic(left, arithmetic, right))
        };
        let fixed = ["9223372036854775807", "-9223372036854775808", "0", "1e+308"].map(|it| {
            let (left, right) = (Box::new(argument("left")), Box::new(literal(it)));
            value(Expression::Arithmetic(left, arithmetic, right))
        });
        let mut parts = vec![of("left", "right"), of("right", "left"), value(argument("left"))];
        parts.extend(fixed);
        let input = vec![any("left"), any("right")];
        operations.push(operation(&format!("calc_{place}"), input, Vec::new(), Reply::List(parts)));
    }
}

/// What puts values into columns, moves times, and points into values.
fn placing(operations: &mut Vec<Operation>) {
    for (name, _) in kinds() {
        operations.push(operation(
            &format!("put.{name}"),
            vec![any("value"), any("id")],
            vec![
                insert(
                    "things",
                    vec![
                        ("id", argument("id")),
                        (name, argument("value")),
                        ("created", Expression::Now),
                    ],
                ),
                update(
                    "made",
                    vec![
                        ("updated", Expression::Now),
                        ("json", literal("[{\"z\": 1, \"a\": 2.0}]")),
                    ],
                ),
            ],
            columns("made", &THING),
        ));
    }
    for (name, span) in [("minutes", Span::Minutes), ("hours", Span::Hours), ("days", Span::Days)] {
        let starts = ["\"2025-02-28\"", "\"9999-12-30\"", "\"0001-01-01T00:00:59Z\""].map(literal);
        let later = |from: Expression| {
            value(Expression::Later(Box::new(from), Box::new(argument("amount")), span))
        };
        let mut parts = vec![later(argument("start"))];
        parts.extend(starts.map(later));
        let input = vec![any("start"), any("amount")];
        operations.push(operation(&format!("later_{name}"), input, Vec::new(), Reply::List(parts)));
    }
    let pointers = [
        "",
        "/a",
        "/b/a/0",
        "/a~1b/~0/1",
        "/0",
        "/+1",
        "/01",
        "x",
        "/~01",
        "/99999999999999999999999",
    ];
    let parts = pointers.map(|it| value(Expression::Part("value".into(), it.into())));
    operations.push(operation("part", vec![any("value")], Vec::new(), Reply::List(parts.into())));
}

/// What reads rows.
fn reading(operations: &mut Vec<Operation>) {
    for (place, direction) in [Direction::Ascending, Direction::Descending].into_iter().enumerate()
    {
        for (name, _) in kinds() {
            let comparison = COMPARISONS[(place + name.len()) % COMPARISONS.len()];
            let select = Step::Select {
                rows: "found".into(),
                table: "things".into(),
                filters: vec![filter(name, comparison, argument("value"))],
                order: Some((name.into(), direction)),
                limit: argument("limit"),
            };
            let item = Box::new(columns("item", &THING));
            let each = Reply::Each { rows: "found".into(), row: "item".into(), item };
            let count = value(Expression::Count("found".into()));
            operations.push(operation(
                &format!("list {name} {place}"),
                vec![any("value"), any("limit")],
                vec![select],
                Reply::Object(vec![("rows".into(), each), ("count".into(), count)]),
            ));
        }
    }
    let all = Step::Select {
        rows: "found".into(),
        table: "many".into(),
        filters: Vec::new(),
        order: None,
        limit: argument("limit"),
    };
    let count = value(Expression::Count("found".into()));
    operations.push(operation("all", vec![any("limit")], vec![all], count));
    let first = Step::Match {
        row: "row".into(),
        table: "counts".into(),
        filters: vec![
            filter("note", Comparison::Equal, argument("note")),
            filter("quantity", Comparison::AtMost, argument("quantity")),
        ],
        otherwise: HOSTILE[6].into(),
    };
    let input = vec![any("note"), any("quantity"), any("value")];
    let found = columns("row", &["id", "thing", "quantity", "note"]);
    operations.push(operation("match", input, vec![first], found));
    let conditions = [
        Condition::References(argument("value"), "counts".into()),
        Condition::References(argument("value"), "things".into()),
        Condition::References(argument("value"), "marks".into()),
        Condition::None("marks".into(), vec![filter("id", Comparison::Equal, argument("value"))]),
    ];
    for (place, condition) in conditions.into_iter().enumerate() {
        let steps = vec![Step::Require { condition, otherwise: String::new() }];
        let reply = value(argument("value"));
        operations.push(operation(&format!("holds_{place}"), vec![any("value")], steps, reply));
    }
}

/// What changes rows, also in ways that no sound program would.
fn writing(operations: &mut Vec<Operation>) {
    let plus = |row: &str, amount: &str| {
        let quantity = Box::new(Expression::column(row, "quantity"));
        Expression::Arithmetic(quantity, Arithmetic::Add, Box::new(literal(amount)))
    };
    operations.push(operation(
        "stale",
        vec![any("id"), any("note")],
        vec![
            lookup("one", "counts", argument("id")),
            lookup("other", "counts", argument("id")),
            Step::Require {
                condition: Condition::Compare(
                    Expression::column("one", "quantity"),
                    Comparison::Below,
                    literal("9"),
                ),
                otherwise: "{one.quantity} of {one.thing}: {id} {none.id} {{id}".into(),
            },
            update("one", vec![("quantity", plus("one", "1")), ("note", argument("note"))]),
            update("other", vec![("quantity", plus("other", "2"))]),
        ],
        columns("one", &["id", "thing", "quantity", "note"]),
    ));
    // Equal in Python, and not the same.
    let kept = ["[1]", "[1.0]", "[true]", "{\"a\": 1, \"b\": 2}", "{\"b\": 2, \"a\": 1}"];
    operations.push(operation(
        "retype",
        vec![any("value")],
        std::iter::once(lookup("one", "things", literal("\"b\"")))
            .chain(kept.map(|it| update("one", vec![("json", literal(it))])))
            .chain([update("one", vec![("json", argument("value"))])])
            .collect(),
        columns("one", &THING),
    ));
}

/// What changes many rows, or one that is gone, or fails when much is done.
fn sweeping(operations: &mut Vec<Operation>) {
    let which = || {
        vec![
            filter("note", Comparison::Equal, argument("note")),
            filter("quantity", Comparison::AtLeast, argument("least")),
        ]
    };
    operations.push(operation(
        "change",
        vec![any("note"), any("least"), any("quantity")],
        vec![Step::Change {
            table: "counts".into(),
            filters: which(),
            changes: vec![
                ("quantity".into(), argument("quantity")),
                ("thing".into(), literal("\"c\"")),
            ],
        }],
        value(literal("\"changed\"")),
    ));
    operations.push(operation(
        "clear",
        vec![any("note"), any("least")],
        vec![Step::Remove { table: "counts".into(), filters: which() }],
        value(literal("\"cleared\"")),
    ));
    operations.push(operation(
        "revive",
        vec![any("id"), any("note")],
        vec![
            lookup("one", "counts", argument("id")),
            Step::Delete { row: "one".into() },
            update("one", vec![("note", argument("note"))]),
        ],
        columns("one", &["id", "thing", "quantity", "note"]),
    ));
    operations.push(operation(
        "remove",
        vec![any("id")],
        vec![lookup("one", "marks", argument("id")), Step::Delete { row: "one".into() }],
        value(Expression::column("one", "id")),
    ));
    operations.push(operation(
        "insert",
        vec![any("id"), any("class")],
        vec![insert(
            "marks",
            vec![
                ("id", argument("id")),
                ("class", argument("class")),
                ("class", literal("\"OFF\"")),
            ],
        )],
        columns("made", &["id", "class"]),
    ));
    operations.push(operation(
        "fails-late",
        vec![any("quantity"), any("note")],
        vec![
            insert("counts", vec![("note", argument("note"))]),
            insert("counts", vec![("note", literal("\"y\"")), ("quantity", argument("quantity"))]),
            update("made", vec![("quantity", argument("note"))]),
        ],
        columns("made", &["id", "thing", "quantity", "note"]),
    ));
}

pub(crate) fn environment() -> Environment {
    let mut operations = Vec::new();
    values(&mut operations);
    reading(&mut operations);
    placing(&mut operations);
    writing(&mut operations);
    sweeping(&mut operations);
    crate::names::naming(&mut operations);
    crate::names::shaping(&mut operations);
    operations.sort_by(|one, other| one.name.cmp(&other.name));
    let bare = Environment {
        domain: DomainId::of(["every"]),
        name: "every \"kind\"\nof -- thing".into(),
        tables: tables(),
        operations: operations.clone(),
    };
    for operation in &mut operations {
        let found = footprint(operation, &bare).unwrap();
        if !found.writes.is_empty() {
            operation.effect = Effect::Write;
        }
        (operation.reads, operation.writes) = (found.reads, found.writes);
    }
    Environment { operations, ..bare }
}
