//! People and companies, the same wherever a row names them.

use fake::locales::{Data, EN};
use schemas::Draw;

use crate::materialize::populate::cell::Cell;
use crate::materialize::populate::lists::{COMPANY_ENDS, DOMAINS};

/// First and last name of the person at a point.
pub(super) fn person(row: Draw) -> (&'static str, &'static str) {
    let row = row.with("person");
    let (first, last) = (row.with("first"), row.with("last"));
    let first: &&'static str = first.from_list(EN::NAME_FIRST_NAME);
    let last: &&'static str = last.from_list(EN::NAME_LAST_NAME);
    (first, last)
}

/// Their full name.
pub(super) fn full_name(row: Draw) -> String {
    let (first, last) = person(row);
    format!("{first} {last}")
}

/// Their user name.
pub(super) fn user_name(row: Draw) -> String {
    let (first, last) = person(row);
    let year = row.with("person").with("year").between(70, 99);
    format!("{}{}{year}", letters(first).chars().next().unwrap_or('x'), letters(last))
}

fn letters(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_lowercase()
}

/// The address of the person meant.
pub(super) fn email(cell: &Cell<'_>) -> String {
    let whom = whom(cell);
    let (first, last) = person(whom);
    let domain = whom.with("person").with("mail").from_list(&DOMAINS);
    format!("{}.{}@{domain}", letters(first), letters(last))
}

/// A telephone number that is nobody's.
pub(super) fn phone(draw: Draw) -> String {
    format!("+1-{}-555-{:04}", draw.between(201, 989), draw.at(1).between(100, 9999))
}

/// A company.
pub(super) fn company(draw: Draw) -> String {
    let name: &&str = draw.with("company").from_list(EN::NAME_LAST_NAME);
    format!("{name} {}", draw.with("end").from_list(&COMPANY_ENDS))
}

/// The person meant: one for the row, but the sender is not the recipient.
pub(super) fn whom(cell: &Cell<'_>) -> Draw {
    const APART: [&str; 23] = [
        "guardian",
        "sender",
        "recipient",
        "assignee",
        "manager",
        "creator",
        "payer",
        "payee",
        "buyer",
        "seller",
        "reviewer",
        "approver",
        "reporter",
        "emergency",
        "driver",
        "doctor",
        "agent",
        "host",
        "by",
        "cc",
        "bcc",
        "parent",
        "child",
    ];
    let apart = cell.name.split('_').find(|part| APART.contains(part));
    apart.map_or(cell.row, |role| cell.row.with(role))
}

/// Whether a noun is one for people.
pub(super) fn is_person(noun: &str) -> bool {
    const PEOPLE: [&str; 52] = [
        "user",
        "member",
        "customer",
        "person",
        "contact",
        "employee",
        "patient",
        "student",
        "guest",
        "driver",
        "lead",
        "candidate",
        "player",
        "teacher",
        "doctor",
        "passenger",
        "recipient",
        "client",
        "profile",
        "subscriber",
        "agent",
        "sender",
        "owner",
        "assignee",
        "manager",
        "creator",
        "reviewer",
        "payer",
        "payee",
        "buyer",
        "seller",
        "host",
        "holder",
        "cardholder",
        "participant",
        "attendee",
        "tenant",
        "landlord",
        "applicant",
        "editor",
        "reporter",
        "approver",
        "instructor",
        "consumer",
        "shopper",
        "traveler",
        "colleague",
        "friend",
        "child",
        "parent",
        "admin",
        "individual",
    ];
    PEOPLE.contains(&noun)
}

/// A postal code as the country writes them.
pub(super) fn postcode(country: &str, draw: Draw) -> String {
    let letter = |at: usize| *draw.at(at).from_list(&['A', 'B', 'E', 'H', 'L', 'M', 'N', 'T']);
    let number = draw.between(1_000, 9_899);
    match country {
        "GB" | "IE" => {
            format!("{}{} {}{}{}", letter(1), number % 90 + 1, number % 9, letter(2), letter(3))
        }
        "CA" => {
            format!(
                "{}{}{} {}{}{}",
                letter(1),
                number % 10,
                letter(2),
                number / 10 % 10,
                letter(3),
                number / 100 % 10
            )
        }
        "NL" => format!("{number} {}{}", letter(1), letter(2)),
        "PT" => format!("{number}-{:03}", draw.at(4).below(1_000)),
        "JP" => format!("{}-{number}", 100 + number % 800),
        "AU" | "CH" | "NO" | "DK" | "AT" | "BE" | "NZ" | "ZA" => number.to_string(),
        _ => format!("{:05}", draw.at(4).between(10_000, 98_999)),
    }
}
