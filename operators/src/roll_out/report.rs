//! The built-in agent's reports: the outcome first, then the few facts that matter.
//!
//! A report says nothing that the observation does not hold.

use std::collections::BTreeSet;

use schemas::{Draw, Effect, Operation, Value};

use crate::compose::words;
use crate::roll_out::facts::{Said, Sort, facts, retold};

/// Most rows of one answer that are named.
const ROWS_MAX: usize = 4;

/// Most facts that fit into one sentence.
const SENTENCE_MAX: usize = 3;

/// Most lines of a record that is read out.
const LINES_MAX: usize = 6;

const FOUND: [&str; 6] = [
    "Here's the record of {it}:",
    "This is what I have on {it}:",
    "I looked up {it}:",
    "Here are the details of {it}:",
    "This is the information on {it}:",
    "I found {it}. Here's what it says:",
];

const AGAIN: [&str; 3] = [
    "I checked {it} again, and the record shows the same.",
    "Looking up {it} again confirms this.",
    "The record of {it} confirms this.",
];

const MISSING: [&str; 4] = [
    "I couldn't find any {many}.",
    "I couldn't find any {many} for this.",
    "I looked, but I couldn't find any {many}.",
    "I couldn't find any matching {many}.",
];

const DONE: [&str; 5] = [
    "That's taken care of.",
    "It's done.",
    "That went through.",
    "Everything is set.",
    "Your request has been completed.",
];

/// Words for the calls of one want; what was said once is not said again.
#[derive(Default)]
pub(super) struct Reporter {
    told: BTreeSet<(String, String)>,
}

impl Reporter {
    /// What a call with these arguments came to.
    pub(super) fn report(
        &mut self,
        operation: Option<&Operation>,
        arguments: &Value,
        value: &Value,
        draw: Draw,
    ) -> String {
        let noun = operation.map_or("", |it| it.noun.as_str());
        let noun = if noun.is_empty() { "result" } else { noun };
        if let Some(write) = operation.filter(|it| it.effect == Effect::Write) {
            return self.written(write, noun, arguments, value, draw);
        }
        match value {
            Value::Null => "I couldn't find anything on that.".into(),
            Value::List(items) => self.rows(noun, items, None, draw),
            Value::Object(entries) => {
                let list = entries.iter().find_map(|(_, part)| match part {
                    Value::List(items)
                        if items.is_empty() || matches!(items[0], Value::Object(_)) =>
                    {
                        Some(items)
                    }
                    _ => None,
                });
                let keyed = own_key(noun, entries).is_some();
                match (list, entries.as_slice()) {
                    (Some(items), _) if !keyed => self.rows(noun, items, total(entries), draw),
                    (_, [(_, Value::Object(inner))]) => self.record(noun, inner, arguments, draw),
                    _ => self.record(noun, entries, arguments, draw),
                }
            }
            scalar => format!("The answer is {}.", retold(scalar)),
        }
    }

    fn written(
        &mut self,
        write: &Operation,
        noun: &str,
        arguments: &Value,
        value: &Value,
        draw: Draw,
    ) -> String {
        let entries = match value {
            Value::Object(entries) => match entries.as_slice() {
                [(_, Value::Object(inner))] => inner.as_slice(),
                entries => entries,
            },
            _ => &[],
        };
        let own = own_key(noun, entries);
        let new = own.is_some_and(|(_, key)| !holds(arguments, key));
        let known = own.filter(|_| !new).map(|(_, key)| retold(key));
        let done = words::participle(&write.verb);
        let mut said = match &done {
            Some(done) => went_through(noun, known.as_deref(), done, draw.with("done")),
            None => (*draw.with("done").from_list(&DONE)).to_string(),
        };
        if let Some((name, key)) = own.filter(|_| new) {
            let label = words::label(name);
            let label = if label == "ID" { format!("{noun} ID") } else { label };
            let frame = draw.with("new").from_list(&[
                " The {label} is {value}.",
                " Its ID is {value}.",
                " You can refer to it by the ID {value}.",
            ]);
            let its = stem(&label) == noun;
            let frame = if its { frame } else { " The {label} is {value}." };
            said.push_str(&frame.replace("{label}", &label).replace("{value}", &retold(key)));
        }
        let mut left = self.untold(entries);
        left.retain(|it| it.sort != Sort::Key && Some(&it.value) != done.as_ref());
        if !new && let Value::Object(given) = arguments {
            // What was asked to be changed goes first.
            left.sort_by_key(|it| !given.iter().any(|(name, _)| words::label(name) == it.label));
        }
        let sentence = self.sentence(&left);
        if !sentence.is_empty() {
            said.push(' ');
            said.push_str(&sentence);
        }
        said
    }

    /// One thing that was looked up: a short list if there is much to say, or else a sentence.
    fn record(
        &mut self,
        noun: &str,
        entries: &[(String, Value)],
        arguments: &Value,
        draw: Draw,
    ) -> String {
        let named = own_key(noun, entries);
        let own = named.map(|(_, value)| retold(value));
        let it = match &own {
            Some(key) => format!("{noun} {key}"),
            None if words::is_uncounted(noun) => noun.to_string(),
            None => format!("the {noun}"),
        };
        let mut left = self.untold(entries);
        left.retain(|fact| Some(&fact.value) != own.as_ref());
        if let Some((name, key)) =
            named.filter(|(_, key)| left.is_empty() && !holds(arguments, key))
        {
            let label = words::label(name);
            let label = if label == "ID" { format!("{noun} ID") } else { label };
            return format!("The {label} is {}.", retold(key));
        }
        if left.is_empty() {
            let list: &[&str] = if own.is_some() { &AGAIN } else { &AGAIN[..1] };
            return draw.with("again").from_list(list).replace("{it}", &it);
        }
        let found = draw.with("found").from_list(&FOUND).replace("{it}", &it);
        if left.len() < LINES_MAX - 2 || own.is_none() && left.len() <= SENTENCE_MAX {
            let sentence = self.sentence(&left);
            return match found.strip_suffix(':').filter(|_| own.is_some()) {
                Some(_) => format!("For {it}, {}", lowered(&sentence)),
                None => sentence,
            };
        }
        left.truncate(LINES_MAX);
        let lines: Vec<String> = left.iter().map(Said::line).collect();
        self.tell(&left);
        format!("{found}\n{}", lines.join("\n"))
    }

    /// Rows: how many there are, and the first by name.
    fn rows(&mut self, noun: &str, items: &[Value], total: Option<usize>, draw: Draw) -> String {
        let many = words::plural(noun);
        if items.is_empty() {
            return draw.with("none").from_list(&MISSING).replace("{many}", &many);
        }
        if let [Value::Object(entries)] = items {
            let named = named(entries);
            let mut left = self.untold(entries);
            left.retain(|it| it.sort != Sort::Key && it.sort != Sort::Name);
            let one = format!("I found one {noun}: {named}.");
            let sentence = self.sentence(&left);
            return if sentence.is_empty() { one } else { format!("{one} {sentence}") };
        }
        let shown = &items[..items.len().min(ROWS_MAX)];
        let named = words::listed(&told_apart(shown));
        // A number next to fewer rows than are named may count something else.
        let total = total.filter(|_| ROWS_MAX <= items.len());
        let count = total.map_or(items.len(), |it| it.max(items.len()));
        if ROWS_MAX < count {
            let frame = draw.with("first few").from_list(&[
                "I found {count} {many}. The first few are {named}.",
                "There are {count} {many}. The first few are {named}.",
                "That gives {count} {many}. The first few are {named}.",
            ]);
            fill(frame, count, &many, &named)
        } else {
            let frame = draw.with("all").from_list(&[
                "I found {count} {many}: {named}.",
                "There are {count} {many}: {named}.",
                "That gives {count} {many}: {named}.",
            ]);
            fill(frame, count, &many, &named)
        }
    }

    fn untold(&self, entries: &[(String, Value)]) -> Vec<Said> {
        let mut facts = facts(entries);
        facts.retain(|it| !self.told.contains(&(it.label.clone(), it.value.clone())));
        facts
    }

    fn tell(&mut self, facts: &[Said]) {
        self.told.extend(facts.iter().map(|it| (it.label.clone(), it.value.clone())));
    }

    /// The facts that count most in one sentence.
    fn sentence(&mut self, facts: &[Said]) -> String {
        let chosen = &facts[..facts.len().min(SENTENCE_MAX)];
        if chosen.is_empty() {
            return String::new();
        }
        self.tell(chosen);
        let clauses: Vec<String> = chosen.iter().map(Said::clause).collect();
        format!("{}.", words::capitalised(&words::listed(&clauses)))
    }
}

fn fill(frame: &str, count: usize, many: &str, named: &str) -> String {
    // The names last: they are data, and may hold braces.
    frame.replace("{count}", &count.to_string()).replace("{many}", many).replace("{named}", named)
}

/// That a write went through: what it was about, and what was done.
fn went_through(noun: &str, key: Option<&str>, done: &str, draw: Draw) -> String {
    let several = !words::is_uncounted(noun) && words::plural(noun) == noun && key.is_none();
    let (has, is) = if several { ("have", "are") } else { ("has", "is") };
    let frame = draw.from_list(&[
        "{it} {has} been {done}.",
        "Done, {it} {has} been {done}.",
        "{it} {is} now {done}.",
        "All done: {it} {has} been {done}.",
        "I can confirm that {it} {has} been {done}.",
    ]);
    let it = key.map_or_else(|| format!("the {noun}"), |key| format!("{noun} {key}"));
    let frame = frame.replace("{has}", has).replace("{is}", is).replace("{done}", done);
    words::capitalised(&frame.replace("{it}", &it))
}

/// The key that the answer gives for the thing itself: its first part that is one.
fn own_key<'v>(noun: &str, entries: &'v [(String, Value)]) -> Option<&'v (String, Value)> {
    let last = |words: &str| words.rsplit(' ').next().unwrap_or_default().to_lowercase();
    let plain = |value: &Value| matches!(value, Value::Text(_) | Value::Integer(_));
    let first = entries.first().map(|(name, _)| name.as_str());
    entries.iter().find(|(name, value)| {
        let label = words::label(name);
        plain(value)
            && (label == "ID"
                || label.ends_with(" ID")
                    && (last(stem(&label)) == last(noun) || Some(name.as_str()) == first))
    })
}

fn stem(label: &str) -> &str {
    label.strip_suffix(" ID").unwrap_or(label)
}

fn holds(arguments: &Value, key: &Value) -> bool {
    match arguments {
        Value::List(items) => items.iter().any(|it| holds(it, key)),
        Value::Object(entries) => entries.iter().any(|(_, it)| holds(it, key)),
        plain => plain.same(key) || retold(plain) == retold(key),
    }
}

/// How many rows there are in all, where the answer says so.
fn total(entries: &[(String, Value)]) -> Option<usize> {
    entries.iter().find_map(|(name, value)| match value {
        Value::Integer(total) if matches!(name.as_str(), "total" | "count" | "total_count") => {
            usize::try_from(*total).ok()
        }
        _ => None,
    })
}

/// A row by its name, and its key.
fn named(entries: &[(String, Value)]) -> String {
    match (name(entries), key(entries)) {
        (Some(name), Some(key)) if name != key => format!("{name} ({key})"),
        (name, key) => key.or(name).unwrap_or_else(|| "some details".into()),
    }
}

/// What a row is found by: its first part, or the first of its keys where that is no text or number.
fn key(entries: &[(String, Value)]) -> Option<String> {
    let plain = |value: &Value| matches!(value, Value::Text(_) | Value::Integer(_));
    let first = entries.first().filter(|(_, value)| plain(value)).map(|(_, value)| retold(value));
    first.or_else(|| Some(facts(entries).into_iter().find(|it| it.sort == Sort::Key)?.value))
}

fn name(entries: &[(String, Value)]) -> Option<String> {
    let facts = facts(entries);
    let exact = ["name", "title", "subject"];
    let called = facts.iter().find(|it| exact.contains(&it.label.as_str()));
    let called = called.or_else(|| facts.iter().find(|it| it.sort == Sort::Name));
    called.map(|it| it.value.clone())
}

/// Rows by their names and one attribute that tells them apart, or by their keys.
fn told_apart(rows: &[Value]) -> Vec<String> {
    let entries: Vec<&[(String, Value)]> = rows
        .iter()
        .map(|row| match row {
            Value::Object(entries) => entries.as_slice(),
            _ => &[],
        })
        .collect();
    if entries.iter().any(|it| it.is_empty()) {
        return rows.iter().map(retold).collect();
    }
    let names: Vec<Option<String>> = entries.iter().map(|it| name(it)).collect();
    let distinct: BTreeSet<&Option<String>> = names.iter().collect();
    let by_name = !names.contains(&None) && distinct.len() == names.len();
    let attribute = attribute(&entries);
    entries
        .iter()
        .zip(&names)
        .enumerate()
        .map(|(place, (entries, name))| {
            let attribute = attribute.as_ref().map(|it| it[place].as_str());
            match (name, attribute, key(entries)) {
                (Some(name), Some(attribute), _) if by_name => format!("{name} ({attribute})"),
                (_, Some(attribute), Some(key)) if name.is_none() && attribute != key => {
                    format!("{key} ({attribute})")
                }
                _ => named(entries),
            }
        })
        .collect()
}

/// The first status, amount or date that differs between rows.
fn attribute(rows: &[&[(String, Value)]]) -> Option<Vec<String>> {
    let facts: Vec<Vec<Said>> = rows.iter().map(|row| facts(row)).collect();
    let telling = |it: &&Said| matches!(it.sort, Sort::Status | Sort::Amount | Sort::Date);
    facts.first()?.iter().filter(telling).find_map(|known| {
        let values: Option<Vec<String>> = facts
            .iter()
            .map(|row| row.iter().find(|it| it.label == known.label).map(|it| it.value.clone()))
            .collect();
        values.filter(|values| values.iter().collect::<BTreeSet<_>>().len() > 1)
    })
}

/// In the middle of a sentence.
fn lowered(sentence: &str) -> String {
    let mut characters = sentence.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use schemas::{Draw, Value};

    use super::Reporter;
    use crate::engine::example;

    fn reported(name: &str, arguments: &str, answer: &str) -> Vec<String> {
        let library = example::library();
        let operation = library.operations.iter().find(|it| it.name == name).unwrap();
        let arguments = Value::parse(arguments).unwrap();
        let answer = Value::parse(answer).unwrap();
        let report = |place: usize| {
            let draw = Draw::new(3).at(place);
            Reporter::default().report(Some(operation), &arguments, &answer, draw)
        };
        (0..20).map(report).collect()
    }

    #[test]
    fn a_removal_is_not_told_as_a_flag() {
        let library = example::library();
        let write =
            library.operations.iter().find(|it| it.effect == schemas::Effect::Write).unwrap();
        for said in reported(&write.name, r#"{"id":"x_1"}"#, r#"{"deleted":true,"id":"x_1"}"#) {
            assert!(said.contains("x_1"), "{said}");
            assert!(!said.contains("deleted") && !said.contains("yes"), "{said}");
        }
    }

    #[test]
    fn no_rows_are_an_answer() {
        let library = example::library();
        let read = library.operations.iter().find(|it| it.effect == schemas::Effect::Read).unwrap();
        for said in reported(&read.name, "{}", r#"{"results":[],"total":0}"#) {
            assert!(said.contains("couldn't find any"), "{said}");
        }
    }

    /// Parts of rows that are no texts say nothing about which rows they are.
    #[test]
    fn rows_are_told_apart_by_texts() {
        let library = example::library();
        let read = library.operations.iter().find(|it| it.effect == schemas::Effect::Read).unwrap();
        let rows = r#"[{"user":{"id":"u_1","name":"Ann"}},{"user":{"id":"u_2","name":"Bo"}}]"#;
        for said in reported(&read.name, "{}", rows) {
            assert!(said.contains("Ann (u_1) and Bo (u_2)"), "{said}");
        }
        for said in reported(&read.name, "{}", r#"[{"sent":false,"name":"Ann"}]"#) {
            assert!(said.contains(": Ann."), "{said}");
        }
    }

    #[test]
    fn units_follow_their_numbers() {
        let answer = Value::parse(r#"{"duration_ms":171,"number_of_bytes":3}"#).unwrap();
        let said = Reporter::default().report(None, &Value::Null, &answer, Draw::new(1));
        assert_eq!(said, "The duration is 171 ms and the number of bytes is 3.");
    }

    #[test]
    fn a_fact_is_told_once() {
        let answer = Value::parse(r#"{"size":2,"note":"Open on Monday."}"#).unwrap();
        let mut reporter = Reporter::default();
        let first = reporter.report(None, &Value::Null, &answer, Draw::new(1));
        assert_eq!(first, "The size is 2 and the note reads \"Open on Monday\".");
        let second = reporter.report(None, &Value::Null, &answer, Draw::new(1));
        assert!(!second.contains("size"), "{second}");
    }
}
