//! What an answer says, as facts that fit into a sentence.

use schemas::Value;

use crate::compose::words;

/// Longest value retold, in characters.
const RETOLD_CHARS_MAX: usize = 80;

/// Most parts of a list that are retold.
const LISTED_MAX: usize = 4;

/// Most facts read from one answer.
const FACTS_MAX: usize = 40;

/// What a fact is about, by its label; earlier ones are told first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Sort {
    /// What the thing is called.
    Name,
    /// How far it has come.
    Status,
    /// Money.
    Amount,
    /// A day or a moment.
    Date,
    /// Anything else that is short.
    Other,
    /// A sentence.
    Text,
    /// A key.
    Key,
}

/// A label and a value, in words.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Said {
    pub(super) label: String,
    pub(crate) value: String,
    pub(crate) sort: Sort,
    /// The truth, where it is one.
    truth: Option<bool>,
}

/// Flags that only repeat that the call went through.
const CONFIRMING: [&str; 10] = [
    "deleted",
    "success",
    "ok",
    "removed",
    "succeeded",
    "done",
    "acknowledged",
    "updated",
    "created",
    "successful",
];

/// The facts of an object, those that count most first; flags that only confirm are left out.
pub(crate) fn facts(entries: &[(String, Value)]) -> Vec<Said> {
    let currency = entries.iter().find_map(|(name, value)| {
        let named = words::label(name).ends_with("currency");
        value.as_text().filter(|it| named && it.len() <= 4)
    });
    let mut facts = Vec::new();
    gather("", entries, currency, &mut facts);
    let monied = facts.iter().any(|it| it.sort == Sort::Amount);
    facts.retain(|it| !(monied && it.label.ends_with("currency")));
    facts.sort_by_key(|it| it.sort);
    facts
}

fn gather(outer: &str, entries: &[(String, Value)], currency: Option<&str>, facts: &mut Vec<Said>) {
    for (name, value) in entries {
        if facts.len() >= FACTS_MAX {
            return;
        }
        let inner = words::label(name);
        let label = if outer.is_empty() { inner } else { format!("{outer} {inner}") };
        match value {
            Value::Null => {}
            Value::Bool(true) if CONFIRMING.contains(&label.as_str()) => {}
            Value::Object(parts) if outer.is_empty() => gather(&label, parts, currency, facts),
            Value::Object(_) => {}
            Value::List(items) if items.is_empty() => {}
            Value::List(items)
                if items.iter().any(|it| matches!(it, Value::Object(_) | Value::List(_))) =>
            {
                let label = format!("number of {}", words::plural(&label));
                let count = items.len().to_string();
                facts.push(Said { label, value: count, sort: Sort::Other, truth: None });
            }
            plain => {
                let truth = if let Value::Bool(truth) = plain { Some(*truth) } else { None };
                let sort = sort(&label, plain);
                let said = match (currency, sort) {
                    (Some(currency), Sort::Amount) => format!("{} {currency}", retold(plain)),
                    _ => retold(plain),
                };
                facts.push(Said { label, value: said, sort, truth });
            }
        }
    }
}

fn sort(label: &str, value: &Value) -> Sort {
    let last = label.rsplit(' ').next().unwrap_or(label);
    if matches!(last, "ID" | "IDs" | "UUID" | "key") {
        return Sort::Key;
    }
    let says = |known: &[&str]| label.split(' ').any(|word| known.contains(&word));
    match value {
        Value::Text(text) if is_sentence(text) => Sort::Text,
        Value::Text(_) if matches!(last, "name" | "title" | "subject") => Sort::Name,
        Value::Text(_) if matches!(last, "status" | "state" | "stage") => Sort::Status,
        Value::Text(text) if is_dated(text) => Sort::Date,
        Value::Integer(_) | Value::Number(_)
            if says(&[
                "price", "total", "amount", "cost", "fee", "balance", "subtotal", "fare",
                "deposit", "tip", "refund", "budget",
            ]) =>
        {
            Sort::Amount
        }
        _ => Sort::Other,
    }
}

fn is_sentence(text: &str) -> bool {
    let words = text.split_whitespace().count();
    text.chars().count() > RETOLD_CHARS_MAX
        || (2 < words && text.ends_with(['.', '!', '?']))
        || 5 < words
}

fn is_dated(text: &str) -> bool {
    let day = text.get(..10).unwrap_or_default();
    day.len() == 10
        && day.bytes().enumerate().all(|(place, byte)| match place {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

/// Words that say where or how something is, and so follow `is` without an article.
const ADJECTIVES: [&str; 14] = [
    "active",
    "available",
    "open",
    "valid",
    "public",
    "private",
    "taxable",
    "free",
    "online",
    "verified",
    "empty",
    "overdue",
    "full",
    "urgent",
];

impl Said {
    /// The fact as a clause: `the total is 12 EUR`, `it is due on 2025-10-10`.
    pub(super) fn clause(&self) -> String {
        let Said { label, value, .. } = self;
        if let Some(truth) = self.truth {
            return flagged(label, truth);
        }
        let words: Vec<&str> = label.split(' ').collect();
        match (self.sort, words.as_slice()) {
            (Sort::Text, _) => format!("the {label} reads {value}"),
            (Sort::Date, ["due", "date"]) => format!("it is due on {value}"),
            (Sort::Date, ["date", "given"]) => format!("it was given on {value}"),
            (Sort::Date, ["start", "time"]) => format!("it starts on {value}"),
            (Sort::Date, ["end", "time"]) => format!("it ends on {value}"),
            (Sort::Date, ["on", "date"]) => format!("the date is {value}"),
            (
                Sort::Date,
                [
                    verb @ ("starts" | "ends" | "begins" | "departs" | "arrives" | "expires"),
                    "at" | "on",
                ],
            ) => {
                format!("it {verb} on {value}")
            }
            (Sort::Date, [done, "at" | "on"]) if done.ends_with("ed") || done.ends_with("en") => {
                format!("it was {done} on {value}")
            }
            (Sort::Status, ["status" | "state"]) => format!("the {label} is {value}"),
            (_, [front @ .., unit]) if self.is_measured(front, unit) => {
                format!("the {} is {value} {unit}", front.join(" "))
            }
            _ => {
                let are = words::is_plural(label)
                    && !label.starts_with("number of")
                    && value != "1"
                    && self.sort != Sort::Name;
                format!("the {label} {} {value}", if are { "are" } else { "is" })
            }
        }
    }

    /// Whether the label ends in the unit of a number.
    fn is_measured(&self, front: &[&str], unit: &str) -> bool {
        ["ms", "seconds", "bytes"].contains(&unit)
            && !matches!(front, [] | [.., "of"])
            && self.value.parse::<f64>().is_ok()
    }

    /// The fact as a line of a list.
    pub(super) fn line(&self) -> String {
        format!("- {}: {}", words::capitalised(&self.label), self.value)
    }
}

fn flagged(label: &str, truth: bool) -> String {
    let not = if truth { "" } else { "not " };
    let bare = label.strip_prefix("is ").unwrap_or(label);
    if let Some(had) = label.strip_prefix("has ") {
        return format!("it {} {had}", if truth { "has" } else { "does not have" });
    }
    let first = bare.split(' ').next().unwrap_or_default();
    let last = bare.rsplit(' ').next().unwrap_or_default();
    let descriptive = bare != label
        || matches!(first, "on" | "in" | "at")
        || last.ends_with("ed")
        || last.ends_with("able")
        || ADJECTIVES.contains(&last);
    if descriptive {
        format!("it is {not}{bare}")
    } else {
        format!("the answer for {label} is {}", if truth { "yes" } else { "no" })
    }
}

/// A value in words; sentences in quotes without their stop.
pub(super) fn retold(value: &Value) -> String {
    let text = match value {
        Value::Text(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::Number(_) => {
            let text = value.to_string();
            return text.strip_suffix(".0").map_or(text.clone(), Into::into);
        }
        Value::List(items) => {
            return words::listed(&items.iter().take(LISTED_MAX).map(retold).collect::<Vec<_>>());
        }
        Value::Object(_) => "some details".into(),
        other => return other.to_string(),
    };
    if let Some(moment) = moment(&text) {
        return moment;
    }
    let quoting = is_sentence(&text);
    let mut text = text;
    if text.chars().count() > RETOLD_CHARS_MAX {
        let cut: String = text.chars().take(RETOLD_CHARS_MAX).collect();
        let cut = cut.rsplit_once(' ').map_or(cut.as_str(), |(front, _)| front);
        text = format!("{cut}…");
    }
    let text = text.trim_end_matches('.');
    if quoting && text.contains(' ') {
        format!("\"{}\"", text.replace('"', "'"))
    } else {
        text.to_string()
    }
}

/// A moment in universal time: its day, and its time of day.
fn moment(text: &str) -> Option<String> {
    let (day, time) = text.split_once('T')?;
    let time = time.strip_suffix('Z')?;
    let plain = is_dated(day) && day.len() == 10 && time.len() == 8 && time.ends_with(":00");
    plain.then(|| format!("{day} at {} UTC", &time[..5]))
}
