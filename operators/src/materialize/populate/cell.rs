//! One cell: a value of the right kind that reads like one of its name.

use std::collections::BTreeSet;

use schemas::{Draw, Field, Kind, Role, Shape, Value};

use crate::materialize::evidence::{Hints, kind};
use crate::materialize::outputs::wraps;
use crate::materialize::populate::memo::Memo;
use crate::materialize::populate::numbers::{integer, number};
use crate::materialize::populate::texts::{known, pair, text};
use crate::materialize::words::{singular, words};

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
    /// What is known of the parts of its objects.
    pub(in crate::materialize) memo: &'a Memo,
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
            Some(shape) => nested(cell, shape, 0),
            None => Value::List(vec![Value::Text(text(cell))]),
        },
        Kind::Text => worded(cell),
    }
}

/// A text: of the form its source demands, or as the source's own values, or by its name.
fn worded(cell: &Cell<'_>) -> Value {
    let draw = cell.own();
    if let Some(formed) = form(&cell.hints.pattern, draw) {
        return Value::Text(formed);
    }
    let own = cell.hints.examples.iter().filter_map(Value::as_text).filter(|it| it.len() < 80);
    let named = cell.hints.named.values.iter().map(String::as_str);
    let own: BTreeSet<&str> = own.chain(named).collect();
    let by_name = known(cell);
    let personal = ["email", "phone", "url", "date", "id", "at", "time", "name", "uuid", "key"];
    let last = cell.name.rsplit('_').next().unwrap_or_default();
    let often = match (&by_name, own.len()) {
        (_, 0) => 0,
        (None, _) => 1000,
        _ if personal.contains(&last) => 150,
        _ if cell.hints.named.closed => 1000,
        (_, 1) => 350,
        (_, 2) => 600,
        _ => 1000,
    };
    match draw.pick(&own, |it| it.as_bytes()) {
        Some(example) if draw.with("example").happens(often) => Value::text(*example),
        _ => Value::Text(by_name.unwrap_or_else(|| text(cell))),
    }
}

/// A list or an object of a declared shape.
fn nested(cell: &Cell<'_>, shape: &Shape, depth: usize) -> Value {
    match shape {
        Shape::List(item) if depth < DEPTH_MAX => {
            let many = cell.row.with("many").with(cell.name).between(1, 3);
            let items = (0..usize::try_from(many).unwrap_or(1))
                .map(|place| nested(&Cell { row: cell.row.at(place), ..*cell }, item, depth + 1));
            let mut items: Vec<Value> = items.collect();
            items.dedup();
            Value::List(items)
        }
        Shape::Object(parts) if parts.is_empty() && !is_map(cell.name) => Value::Object(Vec::new()),
        Shape::Object(parts) if parts.is_empty() => {
            let (key, value) = pair(cell.row.with(cell.name));
            Value::Object(vec![(key.into(), Value::text(value))])
        }
        Shape::Object(parts) if depth < DEPTH_MAX => {
            let own = words(cell.name).pop().map(|last| singular(&last)).unwrap_or_default();
            let noun = if wraps(cell.name) { cell.noun } else { &own };
            let row = cell.row.with(cell.name);
            let kept = parts.iter().enumerate();
            let kept = kept
                .filter(|(place, part)| part.required || (*place < PARTS_MAX && !is_untold(part)));
            let whole = |part| whole(part, noun, row, cell.memo, depth + 1);
            Value::Object(kept.map(|(_, part)| (part.name.clone(), whole(part))).collect())
        }
        Shape::List(_) => Value::List(Vec::new()),
        Shape::Object(_) => Value::Object(Vec::new()),
        shape => single(cell, shape),
    }
}

/// Whether an object of this name may hold any pairs, as `tags` and `metadata` do: it is called after
/// many things, or only wraps. What one thing such as `geometry` consists of, its source has to say.
fn is_map(name: &str) -> bool {
    let last = name.rsplit('_').next().unwrap_or_default();
    singular(last) != last || wraps(name) || ["metadata", "map"].contains(&last)
}

/// Whether a part is one thing of which the source does not say what it consists of.
fn is_untold(part: &Field) -> bool {
    let name = || words(&part.name).join("_");
    matches!(&part.shape, Shape::Object(parts) if parts.is_empty()) && !is_map(&name())
}

/// A part of an object.
fn whole(part: &Field, noun: &str, row: Draw, memo: &Memo, depth: usize) -> Value {
    let known = memo.of(part);
    let (name, kind, hints) = (&known.name, &known.kind, &known.hints);
    let cell = Cell { name, kind, role: &Role::Plain, hints, noun, row, memo };
    nested(&cell, &part.shape, depth)
}

/// One value, neither a list nor an object.
fn single(cell: &Cell<'_>, shape: &Shape) -> Value {
    let kind = kind(cell.name, shape);
    let field = Field {
        name: String::new(),
        shape: shape.clone(),
        required: false,
        place: String::new(),
        description: String::new(),
        default: Value::Null,
        example: Value::Null,
    };
    let mut hints = Hints::of(&field);
    hints.named = cell.hints.named.clone();
    hints.examples.clone_from(&cell.hints.examples);
    value(&Cell { kind: &kind, hints: &hints, role: &Role::Plain, ..*cell })
}

/// A value for an argument of this shape that no column is known for.
pub(crate) fn sample(field: &Field, noun: &str, draw: Draw) -> Value {
    let name = words(&field.name).join("_");
    let kind = kind(&name, &field.shape);
    let hints = Hints::of(field);
    let role = &Role::Plain;
    let memo = &Memo::default();
    value(&Cell { name: &name, kind: &kind, role, hints: &hints, noun, row: draw, memo })
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
    use schemas::{Draw, Field, Shape, Value};

    use super::{form, sample, spell_date};
    use crate::materialize::tests::field;

    /// A geometry was `{"team": "platform"}`, and so was every other object without declared parts.
    #[test]
    fn what_no_source_tells_of_one_thing_is_not_made_up() {
        let untold = || Shape::Object(Vec::new());
        let made = |field: &Field| sample(field, "place", Draw::new(5));
        let parts = vec![
            field("label", Shape::text(), false),
            field("geometry", untold(), false),
            field("address", untold(), true),
            field("tags", untold(), false),
        ];
        let place = made(&field("place", Shape::Object(parts), true));
        let empty = Value::Object(Vec::new());
        assert!(place.get("label").is_some() && place.get("geometry").is_none(), "{place}");
        assert_eq!(place.get("address"), Some(&empty));
        assert!(place.get("tags").is_some_and(|tags| *tags != empty), "{place}");
        assert_eq!(made(&field("geometry", untold(), true)), empty);
        assert_ne!(made(&field("eventMetadata", untold(), true)), empty);
    }

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
