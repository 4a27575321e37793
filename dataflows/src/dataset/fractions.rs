//! Fractions, spelled so that hasty decoders of JSON read them right, too.
//!
//! `datasets` decodes JSON columns with a decoder that takes the digits behind the point as an integer
//! and multiplies it by a rounded power of ten. Of `0.3` it makes 0.30000000000000004, of `0.30` it makes
//! 0.3. One in fourteen fractions as prices and measures have them suffers, and a model would learn the
//! longer ones. A number may be spelled in many ways; here it is one of those that all read as the same.

use schemas::Value;

/// Most digits behind the point that the hasty decoder reads.
const DECIMALS_MAX: usize = 15;

/// Most digits of an integer that it reads for certain.
const DIGITS_MAX: usize = 18;

/// A value as JSON text, for a column.
pub(super) fn json_text(value: &Value) -> String {
    let text = value.to_string();
    if !text.contains('.') {
        return text;
    }
    let mut spelled = String::with_capacity(text.len() + 16);
    let mut rest = text.as_str();
    while let Some(place) = rest.find(|it: char| matches!(it, '"' | '-' | '0'..='9')) {
        let (before, found) = rest.split_at(place);
        spelled.push_str(before);
        let is_string = found.starts_with('"');
        let length = if is_string { string_length(found) } else { number_length(found) };
        let (part, after) = found.split_at(length);
        if is_string || is_certain(part) {
            spelled.push_str(part);
        } else {
            spelled.push_str(&respelled(part));
        }
        rest = after;
    }
    spelled.push_str(rest);
    spelled
}

/// The length of the string that a text of JSON begins with, with its quotes.
fn string_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut place = 1;
    while let Some(length) = bytes[place..].iter().position(|it| matches!(it, b'"' | b'\\')) {
        place += length;
        if bytes[place] == b'"' {
            return place + 1;
        }
        place += 2;
    }
    bytes.len()
}

/// The length of the number that a text of JSON begins with.
fn number_length(text: &str) -> usize {
    let is_part = |it: char| matches!(it, '0'..='9' | '-' | '+' | '.' | 'e' | 'E');
    text.find(|it| !is_part(it)).unwrap_or(text.len())
}

/// Whether any decoder reads a number right as it stands: it is an integer, and none of the longest.
fn is_certain(number: &str) -> bool {
    number.len() <= DIGITS_MAX && number.bytes().all(|it| it == b'-' || it.is_ascii_digit())
}

/// A number, spelled in the first way that hasty decoders read right; as it was if there is none.
fn respelled(number: &str) -> String {
    let Ok(value) = number.parse::<f64>() else { return number.into() };
    let is_right = |candidate: &String| hasty(candidate) == Some(value);
    let as_it_was = number.to_string();
    if is_right(&as_it_was) {
        return as_it_was;
    }
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", number),
    };
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let Ok(exponent) = exponent.parse::<i64>() else { return as_it_was };
    let padded = (decimals.len() + 1..=DECIMALS_MAX)
        .filter(|_| exponent == 0)
        .map(|length| format!("{sign}{whole}.{decimals:0<length$}"));
    let all = format!("{whole}{decimals}");
    let all = all.trim_start_matches('0');
    let shifted = (all.len()..=DIGITS_MAX).map(|length| {
        let moved = i64::try_from(decimals.len() + length - all.len()).unwrap_or(i64::MAX);
        format!("{sign}{all:0<length$}e{}", exponent - moved)
    });
    padded.chain(shifted).find(is_right).unwrap_or(as_it_was)
}

/// What the hasty decoder makes of a number; none if it is beyond what it reads for certain.
fn hasty(number: &str) -> Option<f64> {
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => (-1.0, digits),
        None => (1.0, number),
    };
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let decimals = &decimals[..decimals.len().min(DECIMALS_MAX)];
    if DIGITS_MAX < whole.len() {
        return None;
    }
    let whole: f64 = whole.parse().ok()?;
    let behind: f64 = if decimals.is_empty() { 0.0 } else { decimals.parse().ok()? };
    let value = (whole + behind * power_of_ten(-i64::try_from(decimals.len()).ok()?)?) * sign;
    match exponent.parse().ok()? {
        0 => Some(value),
        exponent => Some(value * power_of_ten(exponent)?),
    }
}

/// The number nearest to a power of ten.
fn power_of_ten(exponent: i64) -> Option<f64> {
    format!("1e{exponent}").parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use schemas::Value;

    use super::{hasty, json_text, respelled};

    #[test]
    fn fractions_that_suffer_are_spelled_otherwise() {
        assert_eq!(hasty("0.3"), Some(0.300_000_000_000_000_04));
        for (number, expected) in
            [("0.3", "0.30"), ("0.5", "0.5"), ("-0.3", "-0.30"), ("12", "12"), ("1e16", "1e16")]
        {
            assert_eq!(respelled(number), expected);
        }
    }

    #[test]
    fn texts_stay_as_they_are() {
        let text =
            r#"{"a 0.3 \" 0.3": ["0.3 \\", 0.3, -0.7, {"b": "é0.3"}, 3, null, true, 1e-07]}"#;
        let value = Value::parse(text).unwrap();
        let spelled = json_text(&value);
        assert_eq!(Value::parse(&spelled).unwrap(), value);
        assert!(spelled.contains(r#""a 0.3 \" 0.3""#) && spelled.contains(r#"["0.3 \\", 0.30"#));
    }

    proptest! {
        #[test]
        fn every_spelling_is_the_same_number(whole in 0_u32..10_000, behind in 0_u32..1_000_000, digits in 1..7_u32) {
            let scale = f64::from(10_u32.pow(digits));
            let number = f64::from(whole) + (f64::from(behind) / scale).fract();
            let spelled = respelled(&number.to_string());
            prop_assert_eq!(spelled.parse::<f64>().unwrap().to_bits(), number.to_bits());
        }

        /// Decimals of up to six digits can always be spelled so that both read the same.
        #[test]
        fn short_decimals_are_read_right(whole in 0_u32..10_000, behind in 0_u32..1_000_000) {
            let number = format!("{whole}.{behind:06}");
            let number = number.trim_end_matches('0').trim_end_matches('.');
            prop_assert_eq!(hasty(&respelled(number)), number.parse::<f64>().ok());
        }
    }
}
