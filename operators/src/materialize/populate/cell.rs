//! One cell: a value of the right kind that reads like one of its name.

use schemas::{Draw, Field, Kind, Role, Shape, Value};

use crate::materialize::evidence::{Hints, kind};
use crate::materialize::populate::texts::text;
use crate::materialize::words::words;

/// Deepest nesting of generated lists and objects.
const DEPTH_MAX: usize = 8;
/// Most parts of a generated object.
const PARTS_MAX: usize = 12;

/// What a cell is to hold.
pub(in crate::materialize) struct Cell<'a> {
    /// The column's name, in `snake_case`.
    pub(in crate::materialize) name: &'a str,
    /// The column's kind.
    pub(in crate::materialize) kind: &'a Kind,
    /// The column's role.
    pub(in crate::materialize) role: &'a Role,
    /// What is known of its values.
    pub(in crate::materialize) hints: &'a Hints,
    /// The noun of the row, in words.
    pub(in crate::materialize) noun: &'a str,
    /// The row's point in the space of choices, shared by cells that must agree.
    pub(in crate::materialize) row: Draw,
}

impl Cell<'_> {
    /// The cell's own point in the space of choices.
    pub(super) fn own(&self) -> Draw {
        self.row.with("cell").with(self.name)
    }
}

/// A value for the cell. It may need fitting to the column's kind.
pub(in crate::materialize) fn value(cell: &Cell<'_>) -> Value {
    let draw = cell.own();
    if !cell.hints.choices.is_empty() {
        return draw
            .pick(&cell.hints.choices, |choice| choice.to_string())
            .cloned()
            .unwrap_or_default();
    }
    match cell.kind {
        Kind::Choice(choices) => {
            draw.pick(choices, |choice| choice).map_or(Value::Null, Value::text)
        }
        Kind::Boolean => Value::Bool(draw.happens(600)),
        Kind::Integer => integer(cell),
        Kind::Number => number(cell),
        Kind::Date => Value::Text(date(cell)),
        Kind::Time => Value::Text(time(cell)),
        Kind::Json => match &cell.hints.shape {
            Some(shape) => nested(cell, cell.name, shape, cell.row, 0),
            None => Value::List(vec![Value::Text(text(cell))]),
        },
        Kind::Text => {
            let own = cell
                .hints
                .examples
                .iter()
                .filter(|it| it.as_text().is_some_and(|it| it.len() < 80));
            let own: Vec<&Value> = own.collect();
            let form = form(&cell.hints.pattern, draw);
            match (form, draw.pick(own, |it| it.to_string())) {
                (Some(formed), _) => Value::Text(formed),
                (None, Some(example)) if draw.with("example").happens(250) => example.clone(),
                _ => Value::Text(text(cell)),
            }
        }
    }
}

/// A list or an object of a declared shape.
fn nested(cell: &Cell<'_>, name: &str, shape: &Shape, row: Draw, depth: usize) -> Value {
    match shape {
        Shape::List(item) if depth < DEPTH_MAX => {
            let many = row.with("many").with(name).between(1, 2);
            let items = (0..usize::try_from(many).unwrap_or(1))
                .map(|place| nested(cell, name, item, row.at(place), depth + 1));
            let mut items: Vec<Value> = items.collect();
            items.dedup();
            Value::List(items)
        }
        Shape::Object(parts) if parts.is_empty() => {
            let text = single(cell, name, &Shape::text(), &Hints::default(), row);
            Value::Object(vec![("value".into(), text)])
        }
        Shape::Object(parts) if depth < DEPTH_MAX => Value::Object(
            parts
                .iter()
                .enumerate()
                .filter(|(place, part)| part.required || *place < PARTS_MAX)
                .map(|(_, part)| (part.name.clone(), whole(cell, part, row, depth + 1)))
                .collect(),
        ),
        Shape::List(_) => Value::List(Vec::new()),
        Shape::Object(_) => Value::Object(Vec::new()),
        shape => single(cell, name, shape, &Hints::default(), row),
    }
}

fn whole(cell: &Cell<'_>, part: &Field, row: Draw, depth: usize) -> Value {
    let hints = Hints::of(part);
    match &part.shape {
        Shape::List(_) | Shape::Object(_) => nested(cell, &part.name, &part.shape, row, depth),
        shape => single(cell, &part.name, shape, &hints, row),
    }
}

fn single(cell: &Cell<'_>, name: &str, shape: &Shape, hints: &Hints, row: Draw) -> Value {
    let name = words(name).join("_");
    let kind = kind(&name, shape);
    let mut hints = hints.clone();
    if let Shape::Choice(choices) = shape {
        hints.choices.clone_from(choices);
    }
    if let Shape::Integer { minimum, maximum } = shape {
        hints.minimum = minimum.map_or(Value::Null, Value::Integer);
        hints.maximum = maximum.map_or(Value::Null, Value::Integer);
    }
    if let Shape::Number { minimum, maximum } = shape {
        (hints.minimum, hints.maximum) = (minimum.clone(), maximum.clone());
    }
    let role = &Role::Plain;
    value(&Cell { name: &name, kind: &kind, role, hints: &hints, noun: cell.noun, row })
}

/// A value for an argument of this shape that no column is known for.
pub(in crate::materialize) fn sample(field: &Field, noun: &str, draw: Draw) -> Value {
    let name = words(&field.name).join("_");
    let kind = kind(&name, &field.shape);
    let hints = Hints::of(field);
    let role = &Role::Plain;
    value(&Cell { name: &name, kind: &kind, role, hints: &hints, noun, row: draw })
}

/// The usual range of a number of this name, and whether it has cents.
fn range(name: &str, role: &Role) -> (i64, i64, bool) {
    let has = |words: &[&str]| name.split('_').any(|word| words.contains(&word));
    match () {
        () if has(&["balance", "credits"]) => (100, 5_000, true),
        () if *role == Role::Quantity => (0, 50, false),
        () if has(&["latitude", "lat"]) => (-60, 70, true),
        () if has(&["longitude", "lng", "lon", "long"]) => (-150, 150, true),
        () if has(&["year"]) => (1995, 2025, false),
        () if has(&["month"]) => (1, 12, false),
        () if has(&["day"]) => (1, 28, false),
        () if has(&["hour", "hours"]) => (0, 23, false),
        () if has(&["minute", "minutes"]) => (5, 120, false),
        () if has(&["duration", "seconds", "ttl", "timeout", "interval"]) => (10, 900, false),
        () if has(&["days"]) => (1, 28, false),
        () if has(&["age"]) => (18, 79, false),
        () if has(&["rating", "stars"]) => (1, 5, true),
        () if has(&["percent", "percentage", "progress", "discount", "confidence"]) => {
            (0, 100, true)
        }
        () if has(&["port"]) => (1024, 49_151, false),
        () if has(&["quantity", "qty", "copies", "seats", "tickets", "units"]) => (1, 5, false),
        () if has(&[
            "price", "amount", "cost", "fee", "total", "balance", "budget", "salary", "tax",
            "subtotal", "payment", "revenue",
        ]) =>
        {
            (5, 950, true)
        }
        () if has(&["timestamp", "epoch"]) => (1_748_736_000, 1_751_241_600, false),
        () if has(&["bytes", "size"]) => (1, 4096, false),
        () if has(&["width", "height"]) => (120, 1920, false),
        () if has(&["priority", "level", "rank", "position", "version"]) => (1, 5, false),
        () if has(&["temperature", "temp"]) => (-5, 34, true),
        () if has(&["population", "views", "followers", "likes", "downloads"]) => {
            (40, 90_000, false)
        }
        () if has(&["rate", "ratio", "score", "probability"]) => (0, 10, true),
        () if has(&["weight", "mass"]) => (1, 120, true),
        () if has(&["guests", "adults", "people", "passengers", "rooms", "bedrooms"]) => {
            (1, 6, false)
        }
        () => (1, 100, false),
    }
}

fn bounds(cell: &Cell<'_>) -> (i64, i64, bool) {
    let (low, high, cents) = range(cell.name, cell.role);
    let whole = |value: &Value| value.as_number().map(clamp);
    match (whole(&cell.hints.minimum), whole(&cell.hints.maximum)) {
        (None, None) => (low, high, cents),
        (Some(least), None) => {
            let span = high.saturating_sub(low);
            let low = low.max(least);
            (low, high.max(low.saturating_add(span.min(50))), cents)
        }
        (None, Some(most)) => (low.min(most), high.min(most), cents),
        (Some(least), Some(most)) => {
            let (inner_low, inner_high) = (low.max(least), high.min(most));
            if inner_low <= inner_high {
                (inner_low, inner_high, cents)
            } else {
                (least, most, cents)
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "clamped to where every integer is exact")]
fn clamp(number: f64) -> i64 {
    number.clamp(-9e15, 9e15) as i64
}

fn integer(cell: &Cell<'_>) -> Value {
    let draw = cell.own();
    if *cell.role == Role::Quantity
        && draw.with("none").happens(120)
        && cell.hints.minimum.is_null()
    {
        return Value::Integer(0);
    }
    let (low, high, _) = bounds(cell);
    Value::Integer(draw.between(low, high))
}

#[expect(clippy::cast_precision_loss, reason = "hundredths of small numbers are exact enough")]
fn number(cell: &Cell<'_>) -> Value {
    let (low, high, cents) = bounds(cell);
    let draw = cell.own();
    if low < high && !cents && is_counted(cell.name) {
        return Value::Integer(draw.between(low, high));
    }
    if high <= low {
        return cell.hints.minimum.as_number().map_or(Value::number(low as f64), Value::number);
    }
    let limit = |value: i64| value.clamp(-1_000_000_000_000, 1_000_000_000_000);
    let hundredths = draw.between(limit(low) * 100, limit(high) * 100);
    let number = hundredths as f64 / 100.0;
    let number = cell.hints.minimum.as_number().map_or(number, |least| number.max(least));
    let number = cell.hints.maximum.as_number().map_or(number, |most| number.min(most));
    Value::number(number)
}

/// Whether a number of this name counts things, though a source may call it any number.
fn is_counted(name: &str) -> bool {
    const COUNTED: [&str; 22] = [
        "limit", "count", "number", "num", "page", "offset", "quantity", "qty", "year", "month",
        "day", "days", "age", "id", "size", "guests", "adults", "children", "rooms", "hours",
        "results", "items",
    ];
    name.split('_').any(|word| COUNTED.contains(&word))
}

/// The day of a date, counted from 1 June 2025; dates of one row are ordered by what they mean.
fn day(cell: &Cell<'_>) -> i64 {
    let base = cell.row.with("day").between(0, 24);
    let name = cell.name;
    let has = |words: &[&str]| name.split('_').any(|word| words.contains(&word));
    match () {
        () if has(&["birth", "birthdate", "birthday", "dob"]) => {
            -cell.row.with("born").between(7_000, 24_000)
        }
        () if has(&[
            "created",
            "creation",
            "opened",
            "registered",
            "joined",
            "issued",
            "ordered",
        ]) =>
        {
            base - cell.row.with("made").between(20, 90)
        }
        () if has(&["updated", "modified", "changed"]) => {
            base - cell.row.with("changed").between(0, 15)
        }
        () if has(&[
            "end",
            "until",
            "due",
            "return",
            "checkout",
            "expires",
            "expiry",
            "expiration",
            "to",
            "deadline",
            "finish",
            "out",
            "closed",
            "completed",
        ]) =>
        {
            base + cell.row.with("length").between(1, 14)
        }
        () => base,
    }
}

pub(super) fn date(cell: &Cell<'_>) -> String {
    spell_date(day(cell))
}

pub(super) fn time(cell: &Cell<'_>) -> String {
    let draw = cell.row.with("hour").with(cell.name);
    let hour = draw.between(7, 20);
    let minute = draw.with("minute").between(0, 11) * 5;
    format!("{}T{hour:02}:{minute:02}:00Z", spell_date(day(cell)))
}

/// The day so many days after 1 June 2025, by the civil calendar (Howard Hinnant's algorithm).
fn spell_date(offset: i64) -> String {
    let days = 20_240 + offset + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// A text of one of the simple forms `^[A-Z]{3}$`, `^\d{5}$` and their like; none for others.
fn form(pattern: &str, draw: Draw) -> Option<String> {
    let inner = pattern.strip_prefix('^')?.strip_suffix('$')?;
    let (class, rest) = [
        ("[A-Z]", "ABCDEFGHJKLMNPRSTUVWXYZ"),
        ("[a-z]", "abcdefghijkmnoprstuvwxyz"),
        ("[0-9]", "0123456789"),
        ("\\d", "0123456789"),
        ("[A-Z0-9]", "ABCDEFGHJKMNPQRSTUVWXYZ23456789"),
        ("[a-f0-9]", "0123456789abcdef"),
        ("[0-9a-f]", "0123456789abcdef"),
    ]
    .into_iter()
    .find_map(|(class, letters)| inner.strip_prefix(class).map(|rest| (letters, rest)))?;
    let count = rest.strip_prefix('{')?.strip_suffix('}')?;
    let count: usize = count.split(',').next()?.parse().ok()?;
    let letters: Vec<char> = class.chars().collect();
    (1..=64)
        .contains(&count)
        .then(|| (0..count).map(|at| draw.at(at).from_list(&letters)).collect())
}

#[cfg(test)]
mod tests {
    use schemas::Draw;

    use super::{form, spell_date};

    #[test]
    fn days_are_spelled_by_the_calendar() {
        for (offset, day) in [
            (0, "2025-06-01"),
            (29, "2025-06-30"),
            (30, "2025-07-01"),
            (-1, "2025-05-31"),
            (-9_131, "2000-06-01"),
        ] {
            assert_eq!(spell_date(offset), day);
        }
    }

    #[test]
    fn simple_patterns_are_honoured() {
        let formed = form("^[A-Z]{3}$", Draw::new(1)).unwrap();
        assert!(formed.len() == 3 && formed.chars().all(|it| it.is_ascii_uppercase()));
        assert_eq!(form("^(?=x).*$", Draw::new(1)), None);
        assert_eq!(form("^[0-9]{999999999}$", Draw::new(1)), None);
    }
}
