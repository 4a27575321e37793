//! How values fit columns, and how they compare.

use std::cmp::Ordering;

use schemas::{Arithmetic, Comparison, Finite, Kind, Value};

/// The value as a column of this kind would hold it; none if it cannot.
///
/// Numbers and texts that spell the same thing are converted, since one provider's `"1042"` is
/// another's `1042`. Null is never fitted: whether a column may be null is not its kind's affair.
pub(crate) fn fit(kind: &Kind, value: &Value) -> Option<Value> {
    if fits(kind, value) {
        return Some(value.clone());
    }
    match (kind, value) {
        (Kind::Text, Value::Integer(_) | Value::Number(_) | Value::Bool(_)) => {
            Some(Value::Text(value.to_string()))
        }
        (Kind::Integer, Value::Text(text)) => text.trim().parse().ok().map(Value::Integer),
        (Kind::Integer, Value::Number(number)) => whole(number.get()).map(Value::Integer),
        (Kind::Number, Value::Integer(_)) => value.as_number().map(Value::number),
        (Kind::Number, Value::Text(text)) => {
            text.trim().parse().ok().map(Value::number).filter(|number| !number.is_null())
        }
        (Kind::Boolean, Value::Text(text)) => match text.as_str() {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => None,
        },
        (Kind::Choice(choices), Value::Text(text)) => {
            choices.iter().find(|choice| choice.eq_ignore_ascii_case(text)).map(Value::text)
        }
        _ => None,
    }
}

/// Whether a value is as a column of this kind holds it.
pub(crate) fn fits(kind: &Kind, value: &Value) -> bool {
    match (kind, value) {
        (_, Value::Null) => false,
        (Kind::Json, _)
        | (Kind::Text | Kind::Date | Kind::Time, Value::Text(_))
        | (Kind::Integer, Value::Integer(_))
        | (Kind::Number, Value::Number(_))
        | (Kind::Boolean, Value::Bool(_)) => true,
        (Kind::Choice(choices), Value::Text(text)) => choices.contains(text),
        _ => false,
    }
}

/// The integer a float equals, if it equals one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::float_cmp,
    reason = "the magnitude is bounded to where every integer is exact before the cast"
)]
pub(crate) fn whole(number: f64) -> Option<i64> {
    (number.abs() <= 9_007_199_254_740_992.0 && number == number.trunc()).then_some(number as i64)
}

/// Whether `left comparison right` holds. Anything compared with null does not.
pub(crate) fn compare(left: &Value, comparison: Comparison, right: &Value) -> bool {
    if left.is_null() || right.is_null() {
        return false;
    }
    match comparison {
        Comparison::Equal => alike(left, right),
        Comparison::Different => !alike(left, right),
        Comparison::AtLeast => order(left, right).is_some_and(Ordering::is_ge),
        Comparison::AtMost => order(left, right).is_some_and(Ordering::is_le),
        Comparison::Above => order(left, right).is_some_and(Ordering::is_gt),
        Comparison::Below => order(left, right).is_some_and(Ordering::is_lt),
        Comparison::Contains => match (left, right) {
            (Value::List(items), item) => items.iter().any(|it| alike(it, item)),
            (Value::Text(text), Value::Text(part)) if text.is_ascii() && part.is_ascii() => {
                holds(text.as_bytes(), part.as_bytes())
            }
            _ => spelled(left).to_lowercase().contains(&spelled(right).to_lowercase()),
        },
        Comparison::OneOf => match right {
            Value::List(items) => items.iter().any(|item| alike(left, item)),
            item => alike(left, item),
        },
    }
}

/// Whether a text of ASCII holds another, whatever the case.
fn holds(text: &[u8], part: &[u8]) -> bool {
    let Some(first) = part.first() else { return true };
    let (small, great) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
    let Some(last) = text.len().checked_sub(part.len()) else { return false };
    let begins = |place: &usize| text[*place] == small || text[*place] == great;
    (0..=last)
        .filter(begins)
        .any(|place| text[place..place + part.len()].eq_ignore_ascii_case(part))
}

/// The same value, or a number and a text that spell the same.
fn alike(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Text(ours), Value::Text(theirs)) => ours == theirs,
        (Value::Text(text), other) | (other, Value::Text(text)) => spelled(other) == *text,
        _ => left.same(right),
    }
}

/// Numbers by magnitude, also where one is spelled as text; texts by their characters.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Integer(ours), Value::Integer(theirs)) => Some(ours.cmp(theirs)),
        (Value::Text(ours), Value::Text(theirs)) => Some(ours.cmp(theirs)),
        (Value::Bool(ours), Value::Bool(theirs)) => Some(ours.cmp(theirs)),
        _ => Some(magnitude(left)?.total_cmp(&magnitude(right)?)),
    }
}

fn magnitude(value: &Value) -> Option<f64> {
    match value {
        // NB: as a value would hold it, so that "-0" is not below 0.
        Value::Text(text) => text.trim().parse().ok().and_then(Finite::new).map(Finite::get),
        other => other.as_number(),
    }
}

/// A text without its quotes, anything else as JSON.
pub(crate) fn spelled(value: &Value) -> String {
    value.as_text().map_or_else(|| value.to_string(), String::from)
}

/// The result of an operation on two numbers; null if there is none.
pub(crate) fn calculate(left: &Value, operation: Arithmetic, right: &Value) -> Value {
    if let (Value::Integer(left), Value::Integer(right)) = (left, right) {
        let exact = match operation {
            Arithmetic::Add => left.checked_add(*right),
            Arithmetic::Subtract => left.checked_sub(*right),
            Arithmetic::Multiply => left.checked_mul(*right),
            Arithmetic::Divide => None,
        };
        if let Some(integer) = exact {
            return Value::Integer(integer);
        }
        if operation != Arithmetic::Divide {
            return Value::Null;
        }
    }
    match (left.as_number(), right.as_number()) {
        (Some(left), Some(right)) => Value::number(match operation {
            Arithmetic::Add => left + right,
            Arithmetic::Subtract => left - right,
            Arithmetic::Multiply => left * right,
            Arithmetic::Divide => left / right,
        }),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use schemas::{Arithmetic, Comparison, Kind, Value};

    use super::{calculate, compare, fit};

    #[test]
    fn providers_spell_one_key_two_ways() {
        let (number, text) = (Value::Integer(1042), Value::text("1042"));
        assert_eq!(fit(&Kind::Integer, &text), Some(number.clone()));
        assert_eq!(fit(&Kind::Text, &number), Some(text.clone()));
        assert!(compare(&number, Comparison::Equal, &text));
        assert_eq!(fit(&Kind::Integer, &Value::text("bk_7")), None);
    }

    #[test]
    fn negative_zero_spelled_as_text_is_zero() {
        let (text, zero) = (Value::text("-0"), Value::Integer(0));
        assert!(compare(&text, Comparison::AtLeast, &zero));
        assert!(!compare(&text, Comparison::Below, &zero));
    }

    #[test]
    fn nothing_compares_with_null() {
        for comparison in [Comparison::Equal, Comparison::Different, Comparison::AtMost] {
            assert!(!compare(&Value::Null, comparison, &Value::Null));
        }
    }

    #[test]
    fn overflow_is_null() {
        let most = Value::Integer(i64::MAX);
        assert_eq!(calculate(&most, Arithmetic::Add, &Value::Integer(1)), Value::Null);
        assert_eq!(calculate(&most, Arithmetic::Divide, &Value::Integer(0)), Value::Null);
    }
}
