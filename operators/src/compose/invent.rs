//! Plausible new values for arguments that no row holds yet.

use schemas::{Column, Draw, Kind, Shape, Value};

use crate::compose::words;
use crate::materialize::singular;

const FIRST: [&str; 24] = [
    "Maya", "Oliver", "Aisha", "Diego", "Hannah", "Kofi", "Yuki", "Elena", "Marcus", "Priya",
    "Tom", "Leila", "Sven", "Grace", "Mateo", "Ingrid", "Omar", "Chloe", "Ravi", "Nina", "Felix",
    "Zara", "Peter", "Amina",
];
const LAST: [&str; 24] = [
    "Holloway", "Nguyen", "Fischer", "Adeyemi", "Rossi", "Park", "Kowalski", "Santos", "Berg",
    "Iyer", "Murphy", "Tanaka", "Dubois", "Haddad", "Larsen", "Moreau", "Osei", "Petrov", "Quinn",
    "Reyes", "Sharma", "Turner", "Vargas", "Walsh",
];
const CITIES: [&str; 16] = [
    "Lisbon",
    "Toronto",
    "Nairobi",
    "Osaka",
    "Chicago",
    "Berlin",
    "Mumbai",
    "Oslo",
    "Lima",
    "Dublin",
    "Austin",
    "Prague",
    "Seoul",
    "Cape Town",
    "Lyon",
    "Denver",
];
const COUNTRIES: [&str; 12] = [
    "Portugal", "Canada", "Kenya", "Japan", "Germany", "India", "Norway", "Peru", "Ireland",
    "France", "Brazil", "Spain",
];
const STREETS: [&str; 10] = [
    "Maple Street",
    "Harbour Road",
    "Station Avenue",
    "Mill Lane",
    "Park Terrace",
    "King Street",
    "Orchard Close",
    "River Walk",
    "Church Row",
    "Elm Drive",
];
const TITLES: [&str; 16] = [
    "Quarterly review",
    "Summer launch",
    "Team offsite",
    "Website refresh",
    "Customer survey",
    "Onboarding guide",
    "Spring clean-up",
    "Budget check",
    "Pilot study",
    "Winter sale",
    "Product demo",
    "Safety training",
    "Monthly report",
    "Partner meeting",
    "Harvest festival",
    "Reading circle",
];
const NOTES: [&str; 14] = [
    "Please call before noon",
    "Agreed with the whole team",
    "First draft, to be reviewed",
    "Needs a second look next week",
    "Handle with care",
    "Follow-up from last month",
    "Ready for the spring season",
    "Keep this one short",
    "For the northern branch",
    "Approved by the head office",
    "To be discussed on Monday",
    "Replaces the earlier version",
    "Requested by a regular customer",
    "Small change with a big effect",
];
const WORDS: [&str; 24] = [
    "aurora", "meridian", "cedar", "lantern", "harbor", "summit", "willow", "copper", "prairie",
    "orchid", "beacon", "juniper", "falcon", "marble", "saffron", "tundra", "velvet", "cobalt",
    "amber", "delta", "echo", "maple", "quartz", "ripple",
];
const COMPANIES: [&str; 10] = [
    "Northwind Labs",
    "Bluebird Logistics",
    "Cedar & Sons",
    "Helix Studio",
    "Oakline Foods",
    "Pioneer Tools",
    "Silverlake Media",
    "Terra Works",
    "Vista Partners",
    "Westbrook Supply",
];

/// Deepest nesting of an invented object or list.
const DEPTH_MAX: usize = 3;

/// A plausible value of this name, shape and column; none if the shape cannot be satisfied.
///
/// It is a function of the name, the shape, the column and the draw alone.
pub(crate) fn invent(
    name: &str,
    shape: &Shape,
    column: Option<&Column>,
    draw: Draw,
) -> Option<Value> {
    nested(name, shape, column, draw, 0)
}

fn nested(
    name: &str,
    shape: &Shape,
    column: Option<&Column>,
    draw: Draw,
    depth: usize,
) -> Option<Value> {
    if depth > DEPTH_MAX {
        return None;
    }
    let label = words::label(name).to_lowercase();
    match shape {
        Shape::Choice(choices) => draw.pick(choices, |it| it.to_string()).cloned(),
        Shape::Boolean => Some(Value::Bool(draw.happens(600))),
        Shape::Integer { minimum, maximum } => {
            Some(Value::Integer(integer(&label, *minimum, *maximum, draw)))
        }
        Shape::Number { minimum, maximum } => number(&label, minimum, maximum, draw),
        Shape::Text { format, .. } => Some(by_kind(&label, format, column, draw)),
        Shape::Any => Some(by_kind(&label, "", column, draw)),
        Shape::List(item) => {
            let count = usize::try_from(draw.with("count").between(1, 2)).unwrap_or(1);
            let one = one_of(&label);
            let mut items: Vec<Value> = Vec::new();
            for place in 0..count {
                let made = nested(&one, item, None, draw.at(place), depth + 1)?;
                if !items.contains(&made) {
                    items.push(made);
                }
            }
            Some(Value::List(items))
        }
        Shape::Object(fields) => {
            let mut entries = Vec::new();
            for field in fields {
                let draw = draw.with(&field.name);
                if field.required || (depth == 0 && draw.with("optional").happens(350)) {
                    let made = nested(&field.name, &field.shape, None, draw, depth + 1)?;
                    entries.push((field.name.clone(), made));
                }
            }
            if entries.is_empty() {
                let field = draw.pick(fields, |it| it.name.as_bytes())?;
                let made = nested(&field.name, &field.shape, None, draw, depth + 1)?;
                entries.push((field.name.clone(), made));
            }
            Some(Value::Object(entries))
        }
    }
}

/// What one of the things listed is called: one of `emails` is an email, one of `disk ids` a disk id.
///
/// Mere `names` may be anything's, where a mere `name` is somebody's.
fn one_of(label: &str) -> String {
    let (before, last) = label.rsplit_once(' ').unwrap_or(("", label));
    let one = format!("{before} {}", singular(last)).trim_start().to_string();
    if one == "name" { label.into() } else { one }
}

fn integer(label: &str, minimum: Option<i64>, maximum: Option<i64>, draw: Draw) -> i64 {
    let says = |word: &str| label.split(' ').any(|it| it == word);
    let (low, high) = if says("year") {
        (2021, 2027)
    } else if says("month") {
        (1, 12)
    } else if says("day") || says("days") || says("nights") {
        (1, 28)
    } else if says("page") || says("offset") {
        (1, 3)
    } else if says("port") {
        (3000, 9000)
    } else if says("price") || says("amount") || says("budget") || says("cost") {
        (20, 900)
    } else if says("age") {
        (18, 75)
    } else if says("duration") || says("minutes") {
        (15, 120)
    } else {
        (1, 40)
    };
    let low = minimum.map_or(low.min(maximum.unwrap_or(low)), |least| {
        least.max(low.min(maximum.unwrap_or(low)))
    });
    let high = maximum.map_or(high.max(low), |most| most.min(high.max(low)));
    draw.between(low, high)
}

/// Words of what is a whole number, whatever the source says.
const WHOLE: [&str; 17] = [
    "id", "number", "count", "index", "page", "limit", "size", "quantity", "year", "month", "day",
    "days", "hours", "age", "port", "level", "position",
];

fn number(label: &str, minimum: &Value, maximum: &Value, draw: Draw) -> Option<Value> {
    let (low, high) = if label.contains("lat") {
        (-60.0, 65.0)
    } else if label.contains("lon") || label.contains("lng") {
        (-120.0, 140.0)
    } else if label.contains("rate") || label.contains("percent") || label.contains("rating") {
        (1.0, 5.0)
    } else {
        (5.0, 250.0)
    };
    let mut low: f64 = low;
    let mut high: f64 = high;
    if let Some(least) = minimum.as_number() {
        (low, high) = (least, if least <= low.max(high) { high.max(least) } else { least + 50.0 });
    }
    if let Some(most) = maximum.as_number() {
        high = high.min(most);
        low = low.min(most);
    }
    let share = f64::from(u32::try_from(draw.below(1 << 20)).unwrap_or(0)) / f64::from(1 << 20);
    let drawn = low + (high - low) * share;
    let counted = WHOLE.iter().any(|it| label.split(' ').any(|word| word == *it));
    let rounded = if counted { drawn.round() } else { (drawn * 100.0).round() / 100.0 };
    let fits = low <= rounded && rounded <= high;
    Some(Value::number(if fits { rounded } else { low })).filter(|it| !it.is_null())
}

fn by_kind(label: &str, format: &str, column: Option<&Column>, draw: Draw) -> Value {
    match column.map(|it| &it.kind) {
        Some(Kind::Choice(choices)) => {
            draw.pick(choices, |it| it.as_bytes()).map_or(Value::Null, Value::text)
        }
        Some(Kind::Date) => Value::Text(date(draw)),
        Some(Kind::Time) => Value::Text(format!("{}T{}:00Z", date(draw), time(draw))),
        Some(Kind::Integer) => Value::Integer(integer(label, None, None, draw)),
        Some(Kind::Boolean) => Value::Bool(draw.happens(600)),
        _ => Value::Text(text(label, format, draw)),
    }
}

fn date(draw: Draw) -> String {
    let (month, day) = (draw.with("month").between(6, 12), draw.with("day").between(1, 28));
    format!("2025-{month:02}-{day:02}")
}

fn time(draw: Draw) -> String {
    let (hour, quarter) = (draw.with("hour").between(8, 18), draw.with("minute").between(0, 3));
    format!("{hour:02}:{:02}", 15 * quarter)
}

/// Text by its format, then by what the last words of its label say it is.
fn text(label: &str, format: &str, draw: Draw) -> String {
    let list = |list: &[&str]| (*draw.from_list(list)).to_string();
    let first = draw.with("first").from_list(&FIRST);
    let last = draw.with("last").from_list(&LAST);
    let digits = |bound: u64| draw.with("digits").below(bound);
    let says = |words: &[&str]| words.iter().any(|it| label.split(' ').any(|word| word == *it));
    match format {
        "date" => return date(draw),
        "date-time" => return format!("{}T{}:00Z", date(draw), time(draw)),
        "time" => return time(draw),
        _ => {}
    }
    if format == "email" || says(&["email", "mail"]) {
        format!("{}.{}@postbox.example", first.to_lowercase(), last.to_lowercase())
    } else if format == "uri"
        || format == "url"
        || says(&["url", "uri", "link", "website", "webhook", "callback"])
    {
        format!("https://{}.example/{}", list(&WORDS), draw.with("path").from_list(&WORDS))
    } else if format == "uuid" {
        let hex = format!("{:016x}{:016x}", draw.with("a").bits(), draw.with("b").bits());
        format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
    } else if format == "ipv4" || says(&["ip"]) {
        format!("203.0.113.{}", 1 + digits(250))
    } else if says(&["phone", "mobile", "telephone", "msisdn", "fax"]) {
        format!("+1-555-{:04}", digits(10_000))
    } else if says(&["date", "day", "deadline", "birthday", "dob", "birthdate", "since", "until"]) {
        date(draw)
    } else if says(&["time", "timestamp", "datetime"]) {
        format!("{}T{}:00Z", date(draw), time(draw))
    } else if says(&["currency"]) {
        list(&["EUR", "USD", "GBP", "JPY", "CHF", "CAD"])
    } else if says(&["language", "locale", "lang"]) {
        list(&["en", "fr", "de", "es", "pt", "ja"])
    } else if says(&["timezone"]) || label.ends_with("time zone") {
        list(&["UTC", "Europe/Paris", "America/New_York", "Asia/Tokyo"])
    } else {
        described(label, draw)
    }
}

/// Text by what the last words of its label say it is, where it is about people and things.
fn described(label: &str, draw: Draw) -> String {
    let list = |list: &[&str]| (*draw.from_list(list)).to_string();
    let first = draw.with("first").from_list(&FIRST);
    let last = draw.with("last").from_list(&LAST);
    let digits = |bound: u64| draw.with("digits").below(bound);
    let says = |words: &[&str]| words.iter().any(|it| label.split(' ').any(|word| word == *it));
    if says(&["city", "town", "destination", "origin", "location", "place"]) {
        list(&CITIES)
    } else if says(&["country", "nation"]) {
        list(&COUNTRIES)
    } else if says(&["address", "street"]) {
        format!("{} {}", 1 + digits(180), list(&STREETS))
    } else if says(&["zip", "postcode", "postal"]) {
        format!("{:05}", 10_000 + digits(80_000))
    } else if label.ends_with("first name") || says(&["firstname"]) {
        (*first).to_string()
    } else if label.ends_with("last name") || says(&["surname", "lastname"]) {
        (*last).to_string()
    } else if says(&["username", "login", "handle", "nickname"]) {
        format!("{}{}", first.to_lowercase(), 10 + digits(90))
    } else if says(&["company", "organization", "organisation", "vendor", "brand"]) {
        list(&COMPANIES)
    } else if label == "name"
        || label.ends_with("full name")
        || says(&[
            "author",
            "owner",
            "guest",
            "contact",
            "assignee",
            "recipient",
            "customer",
            "passenger",
            "patient",
        ])
    {
        format!("{first} {last}")
    } else if says(&["title", "subject", "summary", "headline", "topic", "event"]) {
        list(&TITLES)
    } else if says(&[
        "description",
        "note",
        "notes",
        "comment",
        "message",
        "text",
        "content",
        "body",
        "reason",
        "details",
        "feedback",
        "instructions",
    ]) {
        list(&NOTES)
    } else if says(&["color", "colour"]) {
        list(&["red", "green", "blue", "white", "black", "silver"])
    } else if says(&["password", "secret", "token", "key", "code", "id", "number", "reference"]) {
        format!("{}-{}", list(&WORDS), 1_000 + digits(9_000))
    } else if says(&["name"]) {
        words::capitalised(&format!("{} {}", list(&WORDS), draw.with("second").from_list(&WORDS)))
    } else {
        list(&WORDS)
    }
}

#[cfg(test)]
mod tests {
    use schemas::{Draw, Field, Shape, Value};

    use super::invent;

    #[test]
    fn what_is_listed_is_what_the_list_is_called_after() {
        let texts = Shape::List(Box::new(Shape::text()));
        for place in 0..20 {
            let made = |name: &str| invent(name, &texts, None, Draw::new(3).at(place)).unwrap();
            let each = |name: &str, holds: fn(&str) -> bool| {
                let Value::List(items) = made(name) else { panic!("no list: {name}") };
                assert!(items.iter().all(|it| holds(it.as_text().unwrap())), "{name}: {items:?}");
            };
            each("ccEmails", |it| it.contains("@postbox.example"));
            each("redirect_uris", |it| it.starts_with("https://"));
            each("DiskIds", |it| it.contains('-') && it.ends_with(|end: char| end.is_numeric()));
            each("names", |it| !it.contains(' '));
        }
    }

    #[test]
    fn invented_values_fit_their_shape() {
        let field = |name: &str, shape: Shape| Field {
            name: name.into(),
            shape,
            required: true,
            place: String::new(),
            description: String::new(),
            default: Value::Null,
            example: Value::Null,
        };
        let shapes = [
            Shape::text(),
            Shape::Integer { minimum: Some(100), maximum: None },
            Shape::Integer { minimum: None, maximum: Some(-5) },
            Shape::Integer { minimum: Some(3), maximum: Some(3) },
            Shape::Number { minimum: Value::Integer(1000), maximum: Value::Null },
            Shape::Number { minimum: Value::Null, maximum: Value::Integer(0) },
            Shape::Choice(vec![Value::Integer(1), Value::text("two")]),
            Shape::List(Box::new(Shape::Boolean)),
            Shape::Object(vec![field("city", Shape::text()), field("zip", Shape::integer())]),
        ];
        for shape in shapes {
            for place in 0..50 {
                let value = invent("thing", &shape, None, Draw::new(1).at(place)).unwrap();
                assert!(shape.admits(&value), "{shape:?} {value}");
            }
        }
    }
}
