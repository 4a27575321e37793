//! A help desk: tickets, the people who work on them, and a converter of currencies.

use schemas::{
    Comparison, Environment, Expression, Field, Kind, Operation, Role, Row, Shape, Step, Table,
    Value,
};

use crate::engine::example::{
    column, environment, field, filter, insert, listed, lookup, operation, require, select, shown,
    table, update,
};

const TICKET: [&str; 6] =
    ["ticket_id", "subject", "priority", "status", "due_date", "technician_id"];

/// Tickets and technicians with keys that are numbers, nested arguments, deletions, and a read
/// that answers from a table of cases.
pub fn help_desk() -> Environment {
    environment(
        "help-desk",
        vec![tickets(), technicians(), rates()],
        readers().into_iter().chain(writers()).collect(),
    )
}

fn tickets() -> Table {
    let rows = [
        (1_204_511, "Printer on floor 3 jams", "low", "open", "2025-06-20", None),
        (1_377_902, "VPN drops every hour", "high", "open", "2025-06-11", Some(5_100_238)),
        (2_015_640, "New laptop for onboarding", "normal", "open", "2025-07-01", None),
        (3_480_117, "Password reset loop", "high", "closed", "2025-06-03", Some(6_442_910)),
        (4_726_333, "Calendar invites arrive twice", "normal", "open", "2025-06-18", None),
        (5_019_288, "Projector bulb is dim", "low", "closed", "2025-06-09", Some(7_031_554)),
        (6_650_074, "Disk almost full on the build server", "high", "open", "2025-06-06", None),
        (7_913_456, "Request for a second monitor", "low", "open", "2025-07-14", Some(5_100_238)),
    ];
    let choices = |list: &[&str]| Kind::Choice(list.iter().map(ToString::to_string).collect());
    let columns = vec![
        column("ticket_id", Kind::Integer, Role::Key),
        column("subject", Kind::Text, Role::Plain),
        column("priority", choices(&["low", "normal", "high"]), Role::Plain),
        column("status", choices(&["open", "closed"]), Role::Status),
        column("due_date", Kind::Date, Role::Plain),
        column("technician_id", Kind::Integer, Role::Reference("technicians".into())),
        column("contact_name", Kind::Text, Role::Plain),
        column("contact_phone", Kind::Text, Role::Plain),
    ];
    let row = |(key, subject, priority, status, due, technician): (
        i64,
        &str,
        &str,
        &str,
        &str,
        Option<i64>,
    )|
     -> Row {
        vec![
            Value::Integer(key),
            Value::text(subject),
            Value::text(priority),
            Value::text(status),
            Value::text(due),
            technician.map_or(Value::Null, Value::Integer),
            Value::Null,
            Value::Null,
        ]
    };
    table("tickets", "ticket", "", columns, rows.map(row).to_vec())
}

fn technicians() -> Table {
    let rows = [
        (5_100_238, "Ravi Menon", "networking"),
        (6_442_910, "Chloe Martin", "accounts"),
        (7_031_554, "Tomasz Zielinski", "hardware"),
        (8_250_667, "Ines Carvalho", "hardware"),
        (9_318_745, "Bashir Rahimi", "networking"),
    ];
    let columns = vec![
        column("technician_id", Kind::Integer, Role::Key),
        column("name", Kind::Text, Role::Plain),
        column("skill", Kind::Text, Role::Plain),
    ];
    let row = |(key, name, skill): (i64, &str, &str)| -> Row {
        vec![Value::Integer(key), Value::text(name), Value::text(skill)]
    };
    table("technicians", "technician", "", columns, rows.map(row).to_vec())
}

fn rates() -> Table {
    let rows = [
        (1_000_001, "EUR", "USD", 1.08),
        (1_000_002, "USD", "EUR", 0.93),
        (1_000_003, "GBP", "EUR", 1.17),
        (1_000_004, "EUR", "JPY", 168.4),
    ];
    let columns = vec![
        column("rate_id", Kind::Integer, Role::Key),
        column("from_currency", Kind::Text, Role::Plain),
        column("to_currency", Kind::Text, Role::Plain),
        column("rate", Kind::Number, Role::Plain),
    ];
    let row = |(key, from, to, rate): (i64, &str, &str, f64)| -> Row {
        vec![Value::Integer(key), Value::text(from), Value::text(to), Value::number(rate)]
    };
    table("exchange_rates", "exchange rate", "", columns, rows.map(row).to_vec())
}

fn choice(list: &[&str]) -> Shape {
    Shape::Choice(list.iter().map(|it| Value::text(*it)).collect())
}

fn key(name: &str) -> Field {
    field(name, Shape::integer(), true, "")
}

fn readers() -> Vec<Operation> {
    vec![
        operation(
            ("list_tickets", "list", "ticket"),
            "Lists tickets by status and priority.",
            vec![
                field("status", choice(&["open", "closed"]), false, ""),
                field("priority", choice(&["low", "normal", "high"]), false, ""),
                field("technicianId", Shape::integer(), false, "Only this technician's."),
            ],
            vec![select(
                "tickets",
                vec![
                    filter("status", Comparison::Equal, "status"),
                    filter("priority", Comparison::Equal, "priority"),
                    filter("technician_id", Comparison::Equal, "technicianId"),
                ],
                Expression::Literal(Value::Integer(5)),
            )],
            listed("tickets", &TICKET),
        ),
        operation(
            ("get_ticket", "get", "ticket"),
            "Shows a ticket.",
            vec![key("ticketId")],
            vec![lookup("ticket", "tickets", "ticketId")],
            shown("ticket", &TICKET),
        ),
        operation(
            ("find_technicians", "find", "technician"),
            "Finds technicians by skill.",
            vec![field("skill", Shape::text(), true, "")],
            vec![select(
                "technicians",
                vec![filter("skill", Comparison::Equal, "skill")],
                Expression::Literal(Value::Integer(10)),
            )],
            listed("technicians", &["technician_id", "name", "skill"]),
        ),
        operation(
            ("convert_currency", "convert", "currency"),
            "Tells the exchange rate between two currencies.",
            vec![
                field("from_currency", Shape::text(), true, ""),
                field("to_currency", Shape::text(), true, ""),
            ],
            vec![Step::Match {
                row: "case".into(),
                table: "exchange_rates".into(),
                filters: vec![
                    filter("from_currency", Comparison::Equal, "from_currency"),
                    filter("to_currency", Comparison::Equal, "to_currency"),
                ],
                otherwise: "no rate from {from_currency} to {to_currency} is known".into(),
            }],
            shown("case", &["from_currency", "to_currency", "rate"]),
        ),
    ]
}

fn writers() -> Vec<Operation> {
    let contact = Shape::Object(vec![
        field("name", Shape::text(), true, ""),
        field("phone", Shape::text(), false, ""),
    ]);
    let part = |pointer: &str| Expression::Part("contact".into(), pointer.into());
    let open = |otherwise: &str| {
        let status = Expression::column("ticket", "status");
        require(status, Comparison::Equal, Expression::text("open"), otherwise)
    };
    let day = Shape::Text { format: "date".into(), pattern: String::new() };
    vec![
        operation(
            ("create_ticket", "create", "ticket"),
            "Opens a ticket.",
            vec![
                field("subject", Shape::text(), true, ""),
                field("priority", choice(&["low", "normal", "high"]), true, ""),
                field("dueDate", day, false, ""),
                field("contact", contact, false, "Who to call."),
            ],
            vec![insert(
                "ticket",
                "tickets",
                vec![
                    ("subject", Expression::argument("subject")),
                    ("priority", Expression::argument("priority")),
                    ("due_date", Expression::argument("dueDate")),
                    ("contact_name", part("/name")),
                    ("contact_phone", part("/phone")),
                    ("status", Expression::text("open")),
                ],
            )],
            shown("ticket", &TICKET),
        ),
        operation(
            ("assign_ticket", "assign", "ticket"),
            "Assigns an open ticket to a technician.",
            vec![key("ticketId"), key("technicianId")],
            vec![
                lookup("ticket", "tickets", "ticketId"),
                lookup("technician", "technicians", "technicianId"),
                open("ticket {ticketId} is closed"),
                update("ticket", vec![("technician_id", Expression::argument("technicianId"))]),
            ],
            shown("ticket", &TICKET),
        ),
        operation(
            ("close_ticket", "close", "ticket"),
            "Closes an open ticket.",
            vec![key("ticketId")],
            vec![
                lookup("ticket", "tickets", "ticketId"),
                open("ticket {ticketId} is closed already"),
                update("ticket", vec![("status", Expression::text("closed"))]),
            ],
            shown("ticket", &["ticket_id", "status"]),
        ),
        operation(
            ("delete_ticket", "delete", "ticket"),
            "Deletes a ticket for good.",
            vec![key("ticketId")],
            vec![lookup("ticket", "tickets", "ticketId"), Step::Delete { row: "ticket".into() }],
            shown("ticket", &["ticket_id"]),
        ),
    ]
}
