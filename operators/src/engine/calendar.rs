//! Days and moments: the proleptic Gregorian calendar, in whole seconds, without time zones.

use schemas::{Span, Value};

/// The logical clock after so many writes: minutes since the environments' common epoch.
pub(crate) fn clock(writes: u32) -> String {
    let minutes = 9 * 60 + writes;
    let (days, minutes) = (minutes / 1440, minutes % 1440);
    format!("2025-06-{:02}T{:02}:{:02}:00Z", 2 + days.min(28), minutes / 60, minutes % 60)
}

/// A day or a moment so much later, spelled alike; null where there is none.
pub(super) fn later(from: &Value, amount: &Value, span: Span) -> Value {
    let moved = match (from, amount) {
        (Value::Text(text), Value::Integer(amount)) => moved(text, *amount, span),
        _ => None,
    };
    moved.map_or(Value::Null, Value::Text)
}

fn moved(text: &str, amount: i64, span: Span) -> Option<String> {
    let (day, time) = match text.split_once('T') {
        Some((day, time)) => (day, Some(seconds(time)?)),
        None => (text, None),
    };
    let length: i64 = match span {
        Span::Minutes => 60,
        Span::Hours => 3600,
        Span::Days => 86_400,
    };
    if time.is_none() && span != Span::Days {
        return None;
    }
    let before = days(day)?.checked_mul(86_400)? + time.unwrap_or(0);
    let after = before.checked_add(amount.checked_mul(length)?)?;
    let spelled = spell_day(after.div_euclid(86_400))?;
    let second = after.rem_euclid(86_400);
    Some(match time {
        None => spelled,
        Some(_) => {
            format!("{spelled}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
        }
    })
}

/// The numbers of a text of digits between marks, each as wide as said.
fn numbers<const N: usize>(text: &str, mark: char, widths: [usize; N]) -> Option<[i64; N]> {
    let mut parts = text.split(mark);
    let mut found = [0; N];
    for (number, width) in found.iter_mut().zip(widths) {
        let part = parts.next().filter(|it| it.len() == width)?;
        *number = part.bytes().all(|it| it.is_ascii_digit()).then(|| part.parse().ok())??;
    }
    parts.next().is_none().then_some(found)
}

/// The seconds of `HH:MM:SSZ`.
fn seconds(text: &str) -> Option<i64> {
    let [hour, minute, second] = numbers(text.strip_suffix('Z')?, ':', [2, 2, 2])?;
    (hour < 24 && minute < 60 && second < 60).then_some(hour * 3600 + minute * 60 + second)
}

/// The days of `YYYY-MM-DD` since 0000-03-01.
///
/// Years begin in March here, so that the day that comes and goes is the last.
fn days(text: &str) -> Option<i64> {
    let [year, month, day] = numbers(text, '-', [4, 2, 2])?;
    if year == 0 || !(1..=12).contains(&month) || day == 0 || month_days(year, month) < day {
        return None;
    }
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    Some(365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1)
}

fn month_days(year: i64, month: i64) -> i64 {
    let leaps = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leaps),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// `YYYY-MM-DD` of so many days since 0000-03-01; none outside the years 1 to 9999.
fn spell_day(days: i64) -> Option<String> {
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let year = 400 * era + year + i64::from(10 <= month);
    let month = if month < 10 { month + 3 } else { month - 9 };
    (1..=9999).contains(&year).then(|| format!("{year:04}-{month:02}-{day:02}"))
}

#[cfg(test)]
mod tests {
    use schemas::{Span, Value};

    use super::later;

    /// Right: what `datetime` of Python 3.12 answers.
    #[test]
    fn days_and_moments_move_as_calendars_say() {
        for (from, amount, span, to) in [
            ("2024-02-28", 1, Span::Days, Some("2024-02-29")),
            ("2023-02-28", 1, Span::Days, Some("2023-03-01")),
            ("1900-02-28", 1, Span::Days, Some("1900-03-01")),
            ("2000-12-31", 366, Span::Days, Some("2002-01-01")),
            ("0001-01-01", 3_652_058, Span::Days, Some("9999-12-31")),
            ("9999-12-31", 1, Span::Days, None),
            ("0001-01-01", -1, Span::Days, None),
            ("2025-06-02T23:59:30Z", 1, Span::Minutes, Some("2025-06-03T00:00:30Z")),
            ("2025-03-01T00:00:00Z", -1, Span::Hours, Some("2025-02-28T23:00:00Z")),
            ("2025-06-02", 1, Span::Hours, None),
            ("2025-02-29", 1, Span::Days, None),
            ("2025-6-2", 1, Span::Days, None),
            ("yesterday", 1, Span::Days, None),
            ("2025-06-02", i64::MAX, Span::Days, None),
        ] {
            let expected = to.map_or(Value::Null, Value::text);
            assert_eq!(
                later(&Value::text(from), &Value::Integer(amount), span),
                expected,
                "{from}"
            );
        }
    }
}
