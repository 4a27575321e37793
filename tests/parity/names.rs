//! Tools whose names mean something elsewhere, and arguments of every shape.

use schemas::{Expression, Operation, Reply, Shape, Step, Value};

use crate::every::{any, argument, field, literal, lookup, operation, value};

/// Names that mean something elsewhere, one name for several bindings, and every shape.
pub(crate) fn naming(operations: &mut Vec<Operation>) {
    let names = [
        "class",
        "from",
        "self",
        "$filter",
        "X-Amz-Date",
        "x_amz_date",
        "xAmzDate",
        "db",
        "lookup",
        "row",
        "__import__",
        "exec",
        "None",
        "日本",
        "match",
        "TOOLS",
        "a b",
        "1st",
        "say",
        "item",
    ];
    let parts = names.iter().map(|name| ((*name).to_string(), value(argument(name))));
    let rows = |table: &str| Step::Select {
        rows: "row".into(),
        table: table.into(),
        filters: Vec::new(),
        order: None,
        limit: literal("2"),
    };
    let inner = Reply::Each {
        rows: "row".into(),
        row: "row".into(),
        item: Box::new(value(Expression::column("row", "id"))),
    };
    let outer = Reply::Each {
        rows: "row".into(),
        row: "row".into(),
        item: Box::new(Reply::List(vec![value(Expression::column("row", "id")), inner])),
    };
    let last = value(Expression::column("row", "id"));
    operations.push(operation(
        "class",
        names.iter().map(|name| any(name)).collect(),
        vec![lookup("row", "things", literal("\"a\"")), rows("counts"), rows("marks")],
        Reply::List(vec![Reply::Object(parts.collect()), outer, last]),
    ));
}

/// A tool for every shape of an argument, required and not.
pub(crate) fn shaping(operations: &mut Vec<Operation>) {
    let bounded = |minimum, maximum| Shape::Integer { minimum, maximum };
    let many: Vec<Value> = (0..14).map(Value::Integer).chain([Value::Null]).collect();
    let inside = vec![field("count", Shape::integer(), true), field("it", Shape::Any, false)];
    let shapes = [
        ("text", Shape::text()),
        ("least", bounded(Some(-2), None)),
        ("most", bounded(None, Some(i64::MAX))),
        ("between", bounded(Some(0), Some(7))),
        ("number", Shape::Number { minimum: Value::Integer(0), maximum: Value::number(2.5) }),
        ("boolean", Shape::Boolean),
        ("one", Shape::Choice(vec![Value::Integer(1), Value::text("a"), Value::Bool(true)])),
        ("many", Shape::Choice(many)),
        ("list", Shape::List(Box::new(Shape::integer()))),
        ("object", Shape::Object(inside)),
    ];
    let defaults = ["3", "\"x\"", "[1, {\"a\": null}]", "1e+20", "null"];
    for (place, (name, shape)) in shapes.into_iter().enumerate() {
        for required in [true, false] {
            let mut only = field(name, shape.clone(), required);
            only.default = Value::parse(defaults[place % defaults.len()]).unwrap();
            let (first, second) = (Box::new(argument(name)), Box::new(literal("\"none\"")));
            let reply = value(Expression::Otherwise(first, second));
            let name = format!("Shape_{name}_{required}");
            // Odd values come to it by another name's chance; sound ones by its own shape.
            operations.push(operation(&name, vec![only], Vec::new(), reply));
        }
    }
}
