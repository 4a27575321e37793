//! Arguments that have a phrase of their own by what their label says: bounds, counts, moments.

use schemas::Value;

use crate::compose::words;

/// Labels of what is counted in people or things, which follow their number.
const COUNTED: [&str; 12] = [
    "guests",
    "people",
    "adults",
    "children",
    "passengers",
    "rooms",
    "seats",
    "tickets",
    "copies",
    "persons",
    "travelers",
    "beds",
];

/// Pairs of labels that say from when to when; the first word of both may be followed by more.
const SPANS: [(&str, &str); 9] = [
    ("check in", "check out"),
    ("start", "end"),
    ("starts", "ends"),
    ("start date", "end date"),
    ("start time", "end time"),
    ("date from", "date to"),
    ("from date", "to date"),
    ("check in date", "check out date"),
    ("arrival date", "departure date"),
];

/// The label of the end that belongs to this beginning.
pub(crate) fn end_of(start: &str) -> Option<&'static str> {
    let label = words::label(start);
    SPANS.iter().find(|(known, _)| *known == label).map(|(_, end)| *end)
}

/// The argument as a phrase; none if its label says nothing of the kind.
pub(super) fn phrased(label: &str, value: &Value, said: &str, reads: bool) -> Option<String> {
    let one = said == "1";
    match value {
        Value::Integer(_) | Value::Number(_) => {
            let (first, rest) = label.split_once(' ').unwrap_or((label, ""));
            if COUNTED.contains(&label) && matches!(value, Value::Integer(_)) {
                let unit = match label {
                    "people" if one => "person",
                    "children" if one => "child",
                    "copies" if one => "copy",
                    _ if one => label.trim_end_matches('s'),
                    _ => label,
                };
                return Some(format!("for {said} {unit}"));
            }
            if label == "party size" {
                return Some(format!("for a party of {said}"));
            }
            let bound = match first {
                "min" | "minimum" => "at least",
                "max" | "maximum" => "at most",
                _ => return None,
            };
            if rest.is_empty() || !reads {
                None
            } else if words::is_plural(rest) {
                Some(format!("with {bound} {said} {rest}"))
            } else {
                Some(format!("with {} of {bound} {said}", words::with_article(rest)))
            }
        }
        Value::Bool(truth) if reads => {
            words::flag(label, *truth).map(|it| format!("that are {it}"))
        }
        Value::Text(_) => match label {
            "start time" => Some(format!("starting at {said}")),
            "end time" => Some(format!("ending at {said}")),
            "due date" => Some(format!("due on {said}")),
            "since" | "until" | "before" | "after" => Some(format!("{label} {said}")),
            "on date" | "on day" => Some(format!("on {said}")),
            _ => match label.rsplit_once(' ') {
                Some((part, "contains")) => Some(format!("with the {part} containing {said}")),
                Some((done, "on")) if done.ends_with("ed") || done.ends_with("en") => {
                    Some(format!("{label} {said}"))
                }
                _ => None,
            },
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use schemas::Value;

    use super::{end_of, phrased};

    #[test]
    fn labels_choose_the_phrase() {
        for (label, json, said) in [
            ("guests", "2", "for 2 guests"),
            ("guests", "1", "for 1 guest"),
            ("min stars", "5", "with at least 5 stars"),
            ("max price", "90", "with a price of at most 90"),
            ("on display", "false", "that are not on display"),
        ] {
            let value = Value::parse(json).unwrap();
            assert_eq!(phrased(label, &value, json, true).as_deref(), Some(said));
        }
        assert_eq!(phrased("thing", &Value::Integer(3), "3", true), None);
    }

    #[test]
    fn a_beginning_knows_its_end() {
        assert_eq!(end_of("check_in"), Some("check out"));
        assert_eq!(end_of("starts_at"), Some("end time"));
        assert_eq!(end_of("size"), None);
    }
}
