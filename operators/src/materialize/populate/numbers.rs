//! Numbers within the range usual for what they are called.

use schemas::{Role, Value};

use crate::materialize::populate::cell::Cell;

/// How finely a number is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Grain {
    /// Whole numbers, whatever the source calls them.
    Whole,
    /// One decimal.
    Tenths,
    /// Two decimals.
    Cents,
    /// Four decimals.
    Fine,
}

/// Usual ranges by a word of the name, the more telling words first.
const USUAL: &[(&str, i64, i64, Grain)] = &[
    ("latitude lat", -55, 65, Grain::Fine),
    ("longitude lng lon long", -120, 150, Grain::Fine),
    ("timestamp epoch unix", 1_748_736_000, 1_751_241_600, Grain::Whole),
    ("year years_built", 1995, 2025, Grain::Whole),
    ("percent percentage pct progress discount confidence humidity", 0, 100, Grain::Tenths),
    ("bmi", 18, 34, Grain::Tenths),
    ("rating stars score_out", 1, 5, Grain::Tenths),
    ("score", 1, 10, Grain::Whole),
    ("daily_rate hourly", 25, 180, Grain::Cents),
    ("salary income wage", 28_000, 140_000, Grain::Whole),
    ("mortgage", 80_000, 640_000, Grain::Whole),
    ("balance credits deposit principal loan investment", 100, 5_000, Grain::Cents),
    ("rent", 450, 2_600, Grain::Whole),
    ("floor", 0, 12, Grain::Whole),
    ("budget revenue profit turnover", 500, 50_000, Grain::Whole),
    ("odds probability chance", 0, 1, Grain::Cents),
    ("price amount cost fee tax subtotal payment fare tip charge spend", 3, 500, Grain::Cents),
    ("temperature temp", -10, 38, Grain::Tenths),
    ("interest apr yield", 1, 9, Grain::Cents),
    ("rate ratio", 1, 100, Grain::Tenths),
    ("weight mass kg payload", 1, 40, Grain::Tenths),
    ("cm", 5, 120, Grain::Whole),
    ("length depth thickness radius diameter", 2, 120, Grain::Whole),
    ("odometer mileage", 4_000, 160_000, Grain::Whole),
    ("distance km miles", 1, 480, Grain::Tenths),
    ("altitude elevation", 0, 2_900, Grain::Whole),
    ("speed velocity mph kmh", 5, 130, Grain::Whole),
    ("area sqft acreage surface", 20, 900, Grain::Whole),
    ("population inhabitants", 1_200, 900_000, Grain::Whole),
    ("views followers likes downloads impressions clicks visits", 40, 90_000, Grain::Whole),
    ("volume capacity", 1, 400, Grain::Whole),
    ("calories kcal energy", 80, 950, Grain::Whole),
    ("protein carbs fat sugar fiber", 1, 60, Grain::Whole),
    ("month months", 1, 12, Grain::Whole),
    ("day days nights", 1, 28, Grain::Whole),
    ("hour hours", 1, 23, Grain::Whole),
    ("week weeks", 1, 12, Grain::Whole),
    ("minute minutes mins duration", 5, 240, Grain::Whole),
    ("seconds secs ttl timeout interval delay", 5, 900, Grain::Whole),
    ("ms millis milliseconds latency", 20, 900, Grain::Whole),
    ("age", 18, 80, Grain::Whole),
    ("port", 1_024, 49_151, Grain::Whole),
    ("page index offset skip p", 1, 5, Grain::Whole),
    ("limit top k", 5, 50, Grain::Whole),
    ("quantity qty copies seats tickets units nights", 1, 8, Grain::Whole),
    (
        "guests adults people persons passengers rooms bedrooms travelers occupants",
        1,
        6,
        Grain::Whole,
    ),
    ("children bathrooms beds pets", 0, 3, Grain::Whole),
    ("bytes", 512, 4_194_304, Grain::Whole),
    ("size", 1, 64, Grain::Whole),
    ("width", 320, 1_920, Grain::Whole),
    ("height", 240, 1_080, Grain::Whole),
    ("priority level tier rank position version", 1, 5, Grain::Whole),
    ("servings portions", 1, 8, Grain::Whole),
    ("pages words", 40, 900, Grain::Whole),
    ("goals points wins losses draws", 0, 40, Grain::Whole),
    ("code status_code", 100, 599, Grain::Whole),
    (
        "number num n no count total sum_of items results retries attempts replicas",
        1,
        60,
        Grain::Whole,
    ),
    ("id", 1_000, 98_999, Grain::Whole),
    ("x y z", 0, 800, Grain::Whole),
    ("a b c", 1, 30, Grain::Whole),
];

/// The usual range of a number of this name; none if the name says nothing.
fn usual(name: &str) -> Option<(i64, i64, Grain)> {
    let split: Vec<&str> = name.split('_').collect();
    let counts = matches!(split.first(), Some(&("num" | "n" | "number"))) && 1 < split.len();
    if counts || matches!(split.last(), Some(&"count")) {
        return Some((1, 40, Grain::Whole));
    }
    let metric = |wide: &str| split.contains(&wide) && split.contains(&"cm");
    if metric("width") || metric("height") {
        return Some((5, 120, Grain::Whole));
    }
    if split.contains(&"total") && 1 < split.len() {
        let money = ["price", "amount", "cost", "fee", "tax"];
        let counted = !split.iter().any(|word| money.contains(word));
        return Some(if counted { (1, 400, Grain::Whole) } else { (20, 1_500, Grain::Cents) });
    }
    let found = USUAL
        .iter()
        .find(|(names, ..)| names.split(' ').any(|known| known == name || split.contains(&known)));
    found.map(|(_, low, high, grain)| (*low, *high, *grain))
}

fn range(cell: &Cell<'_>) -> (i64, i64, Grain) {
    match cell.role {
        Role::Quantity if !cell.name.contains("balance") && cell.name != "credits" => {
            (0, 50, Grain::Whole)
        }
        _ => usual(cell.name).unwrap_or((1, 100, Grain::Whole)),
    }
}

fn bounds(cell: &Cell<'_>) -> (i64, i64, Grain) {
    let (low, high, grain) = range(cell);
    let whole = |value: &Value| value.as_number().map(clamp);
    match (whole(&cell.hints.minimum), whole(&cell.hints.maximum)) {
        (None, None) => (low, high, grain),
        (Some(least), None) => {
            let span = high.saturating_sub(low);
            let low = low.max(least);
            (low, high.max(low.saturating_add(span.min(50))), grain)
        }
        (None, Some(most)) => (low.min(most), high.min(most), grain),
        (Some(least), Some(most)) => {
            let (inner_low, inner_high) = (low.max(least), high.min(most));
            let narrow =
                inner_high.saturating_sub(inner_low) <= 1 && 1 < most.saturating_sub(least);
            let grain = if most.saturating_sub(least) <= 1 { Grain::Cents } else { grain };
            if inner_low <= inner_high && !narrow {
                (inner_low, inner_high, grain)
            } else {
                (least, most, grain)
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "clamped to where every integer is exact")]
fn clamp(number: f64) -> i64 {
    number.clamp(-9e15, 9e15) as i64
}

/// A whole number for the cell.
pub(super) fn integer(cell: &Cell<'_>) -> Value {
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

/// A number for the cell: whole where it counts or measures in whole units.
#[expect(clippy::cast_precision_loss, reason = "parts of small numbers are exact enough")]
pub(super) fn number(cell: &Cell<'_>) -> Value {
    let (low, high, grain) = bounds(cell);
    let draw = cell.own();
    if high <= low {
        return cell.hints.minimum.as_number().map_or(Value::number(low as f64), Value::number);
    }
    let limit = |value: i64| value.clamp(-100_000_000_000, 100_000_000_000);
    let parts = match grain {
        Grain::Whole => return Value::Integer(draw.between(low, high)),
        Grain::Tenths => 10,
        Grain::Cents => 100,
        Grain::Fine => 10_000,
    };
    let number = draw.between(limit(low) * parts, limit(high) * parts) as f64 / parts as f64;
    let number = cell.hints.minimum.as_number().map_or(number, |least| number.max(least));
    let number = cell.hints.maximum.as_number().map_or(number, |most| number.min(most));
    Value::number(number)
}

/// A number written as text, where a name says that it is one.
pub(super) fn spelled(cell: &Cell<'_>, last: &str) -> Option<String> {
    usual(last)?;
    Some(number(&Cell { role: &Role::Plain, ..*cell }).to_string())
}

#[cfg(test)]
mod tests {
    use schemas::{Draw, Kind, Role, Value};

    use super::{integer, number};
    use crate::materialize::evidence::Hints;
    use crate::materialize::populate::cell::Cell;
    use crate::materialize::populate::memo::Memo;

    fn drawn(name: &str, hints: &Hints, row: usize) -> Value {
        let row = Draw::new(1).at(row);
        let (kind, role) = (&Kind::Number, &Role::Plain);
        let memo = &Memo::default();
        number(&Cell { name, kind, role, hints, noun: "thing", row, memo })
    }

    #[test]
    fn names_say_how_big_and_how_fine() {
        for row in 0..50 {
            let hints = Hints::default();
            for name in ["guests", "num_tickets", "days", "year", "page", "review_count"] {
                assert!(matches!(drawn(name, &hints, row), Value::Integer(_)), "{name}");
            }
            let near = |name: &str, low: f64, high: f64| {
                let number = drawn(name, &hints, row).as_number().unwrap();
                assert!((low..=high).contains(&number), "{name} {number}");
            };
            near("latitude", -90.0, 90.0);
            near("rating", 1.0, 5.0);
            near("height_cm", 5.0, 120.0);
            near("price", 3.0, 500.0);
        }
    }

    #[test]
    fn bounds_are_kept() {
        let hints = Hints {
            minimum: Value::Integer(200),
            maximum: Value::Integer(210),
            ..Hints::default()
        };
        let row = Draw::new(1);
        let cell = Cell {
            name: "rating",
            kind: &Kind::Integer,
            role: &Role::Plain,
            hints: &hints,
            noun: "thing",
            row,
            memo: &Memo::default(),
        };
        let Value::Integer(drawn) = integer(&cell) else { panic!("an integer") };
        assert!((200..=210).contains(&drawn));
    }
}
