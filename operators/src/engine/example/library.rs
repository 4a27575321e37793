//! A library that lends books.

use schemas::{
    Column, Comparison, Environment, Expression, Field, Kind, Operation, Role, Row, Shape, Step,
    Table, Value,
};

use crate::engine::example::{
    column, environment, field, filter, insert, listed, lookup, operation, plus, require, select,
    shown, table, update,
};

const LOAN: [&str; 5] = ["loan_id", "book_id", "member_id", "days", "status"];
const BOOK: [&str; 4] = ["book_id", "title", "author", "copies_available"];
const MEMBER: [&str; 3] = ["member_id", "name", "email"];

/// Books, members and loans; searching, borrowing, returning, registering.
///
/// # Examples
///
/// ```
/// use operators::engine::{World, example};
/// use schemas::Value;
///
/// let world = World::new(example::library()).unwrap();
/// let mut session = world.whole();
/// let found = session.call("search_books", &Value::parse("{\"query\": \"dune\"}").unwrap());
/// assert_eq!(found.value().at("/books/0/title"), Some(&Value::text("Dune")));
/// ```
pub fn library() -> Environment {
    environment(
        "library-lending",
        vec![books(), members(), loans()],
        [catalogue(), accounts(), lending(), registering()].into_iter().flatten().collect(),
    )
}

fn books() -> Table {
    let rows = [
        ("bk_7f3a90c1", "Dune", "Frank Herbert", 5),
        ("bk_11c0de42", "Middlemarch", "George Eliot", 2),
        ("bk_2b9911e0", "The Left Hand of Darkness", "Ursula K. Le Guin", 1),
        ("bk_3fe02a77", "Persuasion", "Jane Austen", 0),
        ("bk_4a6d5b18", "Emma", "Jane Austen", 3),
        ("bk_58c3f0aa", "The Dispossessed", "Ursula K. Le Guin", 4),
        ("bk_6b77d931", "Invisible Cities", "Italo Calvino", 2),
        ("bk_8d10e5c6", "Solaris", "Stanislaw Lem", 3),
        ("bk_93ab4e2f", "Beloved", "Toni Morrison", 1),
        ("bk_a5f21d80", "The Name of the Rose", "Umberto Eco", 6),
        ("bk_c4e8b713", "Kindred", "Octavia E. Butler", 2),
        ("bk_e7d95a04", "Piranesi", "Susanna Clarke", 4),
    ];
    let columns = vec![
        column("book_id", Kind::Text, Role::Key),
        column("title", Kind::Text, Role::Plain),
        column("author", Kind::Text, Role::Plain),
        column("copies_available", Kind::Integer, Role::Quantity),
    ];
    let row = |(key, title, author, copies): (&str, &str, &str, i64)| -> Row {
        vec![Value::text(key), Value::text(title), Value::text(author), Value::Integer(copies)]
    };
    table("books", "book", "bk", columns, rows.map(row).to_vec())
}

fn members() -> Table {
    let rows = [
        ("mb_19c2aa05", "Mira Castellanos", "mira@larkpost.example"),
        ("mb_2f80b61d", "Jonas Weber", "jonas.weber@fernmail.example"),
        ("mb_3ac94e77", "Amara Okafor", "amara@okafor.example"),
        ("mb_45d7f201", "Liam Doyle", "liam.doyle@larkpost.example"),
        ("mb_6e0b93c8", "Sana Iqbal", "sana.iqbal@fernmail.example"),
        ("mb_70f4a1de", "Petra Novak", "petra@novak.example"),
        ("mb_8c1d26b9", "Hugo Lindgren", "hugo@lindgren.example"),
        ("mb_9b5e7d34", "Noor Haddad", "noor.haddad@larkpost.example"),
    ];
    let columns = vec![
        column("member_id", Kind::Text, Role::Key),
        column("name", Kind::Text, Role::Plain),
        column("email", Kind::Text, Role::Plain),
    ];
    let row = |(key, name, email): (&str, &str, &str)| -> Row {
        vec![Value::text(key), Value::text(name), Value::text(email)]
    };
    table("members", "member", "mb", columns, rows.map(row).to_vec())
}

fn loans() -> Table {
    let rows = [
        ("ln_0a1b2c3d", "bk_7f3a90c1", "mb_19c2aa05", 14, "returned"),
        ("ln_1f5e7720", "bk_3fe02a77", "mb_2f80b61d", 21, "active"),
        ("ln_37ac8d1e", "bk_4a6d5b18", "mb_3ac94e77", 7, "active"),
        ("ln_52d90b6f", "bk_93ab4e2f", "mb_45d7f201", 14, "active"),
        ("ln_68e3f4a1", "bk_8d10e5c6", "mb_19c2aa05", 28, "active"),
        ("ln_7bc21f90", "bk_a5f21d80", "mb_6e0b93c8", 14, "returned"),
        ("ln_91d4e6b2", "bk_e7d95a04", "mb_8c1d26b9", 10, "active"),
    ];
    let statuses = Kind::Choice(vec!["active".into(), "returned".into()]);
    let columns = vec![
        column("loan_id", Kind::Text, Role::Key),
        column("book_id", Kind::Text, Role::Reference("books".into())),
        column("member_id", Kind::Text, Role::Reference("members".into())),
        column("days", Kind::Integer, Role::Plain),
        Column {
            description: "where the loan stands".into(),
            ..column("status", statuses, Role::Status)
        },
    ];
    let row = |(key, book, member, days, status): (&str, &str, &str, i64, &str)| -> Row {
        let days = Value::Integer(days);
        vec![Value::text(key), Value::text(book), Value::text(member), days, Value::text(status)]
    };
    table("loans", "loan", "ln", columns, rows.map(row).to_vec())
}

fn key(name: &str) -> Field {
    field(name, Shape::text(), true, "")
}

fn limit() -> Field {
    let shape = Shape::Integer { minimum: Some(1), maximum: Some(50) };
    Field {
        default: Value::Integer(10),
        ..field("limit", shape, false, "How many to list at most.")
    }
}

fn catalogue() -> Vec<Operation> {
    vec![
        operation(
            ("search_books", "search", "book"),
            "Searches the catalogue by words of the title, and by author.",
            vec![
                field("query", Shape::text(), true, "Words of the title."),
                field("author", Shape::text(), false, "The author's full name."),
                limit(),
            ],
            vec![select(
                "books",
                vec![
                    filter("title", Comparison::Contains, "query"),
                    filter("author", Comparison::Equal, "author"),
                ],
                Expression::argument("limit"),
            )],
            listed("books", &BOOK),
        ),
        operation(
            ("get_book", "get", "book"),
            "Shows one book with the copies on the shelf.",
            vec![key("book_id")],
            vec![lookup("book", "books", "book_id")],
            shown("book", &BOOK),
        ),
    ]
}

fn accounts() -> Vec<Operation> {
    let statuses = Shape::Choice(vec![Value::text("active"), Value::text("returned")]);
    vec![
        operation(
            ("get_member", "get", "member"),
            "Shows a member's record.",
            vec![key("member_id")],
            vec![lookup("member", "members", "member_id")],
            shown("member", &MEMBER),
        ),
        operation(
            ("find_member_by_email", "find", "member"),
            "Finds the member who uses an email address.",
            vec![field(
                "email",
                Shape::Text { format: "email".into(), pattern: String::new() },
                true,
                "",
            )],
            vec![Step::Match {
                row: "member".into(),
                table: "members".into(),
                filters: vec![filter("email", Comparison::Equal, "email")],
                otherwise: "no member uses {email}".into(),
            }],
            shown("member", &MEMBER),
        ),
        operation(
            ("list_loans", "list", "loan"),
            "Lists loans, those of one member or with one status if asked.",
            vec![
                field("member_id", Shape::text(), false, "Only this member's."),
                field("status", statuses, false, "Only with this status."),
                limit(),
            ],
            vec![select(
                "loans",
                vec![
                    filter("member_id", Comparison::Equal, "member_id"),
                    filter("status", Comparison::Equal, "status"),
                ],
                Expression::argument("limit"),
            )],
            listed("loans", &LOAN),
        ),
    ]
}

fn lending() -> Vec<Operation> {
    let days = Shape::Integer { minimum: Some(1), maximum: Some(28) };
    let copies = || Expression::column("book", "copies_available");
    vec![
        operation(
            ("borrow_book", "borrow", "book"),
            "Lends a book to a member for some days.",
            vec![
                key("book_id"),
                key("member_id"),
                Field { default: Value::Integer(14), ..field("days", days, false, "") },
            ],
            vec![
                lookup("book", "books", "book_id"),
                lookup("member", "members", "member_id"),
                require(
                    copies(),
                    Comparison::Above,
                    Expression::Literal(Value::Integer(0)),
                    "no copies of book {book_id} are available",
                ),
                update("book", vec![("copies_available", plus("book", "copies_available", -1))]),
                insert(
                    "loan",
                    "loans",
                    vec![
                        ("book_id", Expression::argument("book_id")),
                        ("member_id", Expression::argument("member_id")),
                        ("days", Expression::argument("days")),
                        ("status", Expression::text("active")),
                    ],
                ),
            ],
            shown("loan", &LOAN),
        ),
        operation(
            ("return_book", "return", "loan"),
            "Takes back the book of a loan.",
            vec![key("loan_id")],
            vec![
                lookup("loan", "loans", "loan_id"),
                require(
                    Expression::column("loan", "status"),
                    Comparison::Equal,
                    Expression::text("active"),
                    "loan {loan_id} has been returned already",
                ),
                Step::Lookup {
                    row: "book".into(),
                    table: "books".into(),
                    key: Expression::column("loan", "book_id"),
                },
                update("loan", vec![("status", Expression::text("returned"))]),
                update("book", vec![("copies_available", plus("book", "copies_available", 1))]),
            ],
            shown("loan", &LOAN),
        ),
    ]
}

fn registering() -> Vec<Operation> {
    vec![operation(
        ("register_member", "register", "member"),
        "Registers a new member.",
        vec![
            field("name", Shape::text(), true, "Full name."),
            field(
                "email",
                Shape::Text { format: "email".into(), pattern: String::new() },
                true,
                "",
            ),
        ],
        vec![insert(
            "member",
            "members",
            vec![("name", Expression::argument("name")), ("email", Expression::argument("email"))],
        )],
        shown("member", &MEMBER),
    )]
}
