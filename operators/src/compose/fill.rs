//! Filling the arguments of a call, and making it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemas::{
    ArgumentSource, Column, Comparison, Draw, Effect, Field, GoldenCall, Operation, Role, Shape,
    Table, Value,
};

use crate::compose::invent::invent;
use crate::compose::realise::end_of;
use crate::compose::usage::Usage;
use crate::compose::uses::{Use, Uses};
use crate::compose::words;
use crate::engine::{Held, Mark, Session, World, whole};
use crate::materialize::hints::hints;
use crate::materialize::sample;

/// Ways of filling one call's arguments that are tried before the walk gives up on it.
const FILLS_MAX: usize = 4;

/// Calls made so far in a world, and the rows they are about.
pub(crate) struct Draft<'a, 'w> {
    world: &'w World,
    usage: &'a Usage,
    session: Session<'w>,
    /// The calls, in order.
    pub(crate) calls: Vec<GoldenCall>,
    /// What each call answered.
    pub(crate) answers: Vec<Value>,
    /// The row of each table that the calls are about.
    focus: BTreeMap<&'w str, Arc<Held>>,
    /// The call from which on outputs may feed arguments: where the current want begins.
    from: usize,
}

/// A moment of a draft to go back to.
pub(crate) struct Moment<'w> {
    mark: Mark,
    calls: usize,
    focus: BTreeMap<&'w str, Arc<Held>>,
}

impl<'a, 'w> Draft<'a, 'w> {
    pub(crate) fn new(world: &'w World, usage: &'a Usage) -> Draft<'a, 'w> {
        Draft {
            world,
            usage,
            session: world.whole(),
            calls: Vec::new(),
            answers: Vec::new(),
            focus: BTreeMap::new(),
            from: 0,
        }
    }

    /// Begins another want, about other rows.
    pub(crate) fn begin(&mut self) {
        self.focus.clear();
        self.from = self.calls.len();
    }

    pub(crate) fn moment(&self) -> Moment<'w> {
        let (mark, calls) = (self.session.mark(), self.calls.len());
        Moment { mark, calls, focus: self.focus.clone() }
    }

    pub(crate) fn go_back(&mut self, moment: &Moment<'w>) {
        self.session.go_back(&moment.mark);
        self.calls.truncate(moment.calls);
        self.answers.truncate(moment.calls);
        self.focus.clone_from(&moment.focus);
    }

    /// Makes a call of the operation that succeeds, says something, and repeats no earlier call;
    /// tells whether one was found.
    pub(crate) fn take(&mut self, operation: &Operation, draw: Draw) -> bool {
        let before = self.moment();
        for attempt in 0..FILLS_MAX {
            if self.attempt(operation, draw.with(&operation.name).at(attempt)) {
                return true;
            }
            self.go_back(&before);
        }
        false
    }

    fn attempt(&mut self, operation: &Operation, draw: Draw) -> bool {
        let uses = &self.usage[&operation.name];
        self.attend(uses, draw);
        let mut arguments = Vec::new();
        let mut sources = Vec::new();
        for field in &operation.input {
            let draw = draw.with(&field.name);
            match self.fill(uses, field, draw) {
                Some((value, source)) => {
                    if source == ArgumentSource::User
                        && words::said(&words::label(&field.name), &value).is_none()
                    {
                        return false;
                    }
                    sources.push((field.name.clone(), source));
                    arguments.push((field.name.clone(), value));
                }
                None if field.required => return false,
                None => {}
            }
        }
        let given = |name: &str| {
            sources.iter().any(|(it, source)| it == name && *source == ArgumentSource::User)
        };
        in_order(&mut arguments, given);
        // Two arguments that name rows of one table name two rows: nothing is merged with itself.
        let mut named = BTreeSet::new();
        let rows = arguments.iter().filter_map(|(name, value)| Some((uses.key_of(name)?, value)));
        if !rows.into_iter().all(|row| named.insert(row)) {
            return false;
        }
        let arguments = Value::Object(arguments);
        if self.calls.iter().any(|it| it.name == operation.name && it.arguments == arguments) {
            return false;
        }
        let before = self.session.fingerprint();
        let observation = self.session.call(&operation.name, &arguments);
        let changed = self.session.fingerprint() != before;
        let writes = operation.effect == Effect::Write;
        let value = observation.value();
        if observation.failed || (!writes && hollow(&value)) || changed != writes {
            return false;
        }
        self.calls.push(GoldenCall {
            name: operation.name.clone(),
            arguments,
            sources,
            observation: observation.text,
            effect: operation.effect,
            failed: false,
        });
        self.answers.push(value);
        true
    }

    /// Chooses the rows that a call's keys and filters will be about.
    fn attend(&mut self, uses: &Uses, draw: Draw) {
        for yielded in &uses.needs {
            if let Some((_, key)) = self.output(yielded)
                && let Some(row) = self.row(yielded, &key)
            {
                self.look_at(yielded, row);
            }
        }
        for name in &uses.about {
            self.attend_to(name, draw);
        }
    }

    fn attend_to(&mut self, name: &str, draw: Draw) {
        if self.focus.contains_key(name) {
            return;
        }
        let Some(table) = self.world.environment().table(name) else { return };
        let references: Vec<(usize, &'w str)> = table
            .columns
            .iter()
            .enumerate()
            .filter_map(|(place, column)| match &column.role {
                Role::Reference(other) => Some((place, other.as_str())),
                _ => None,
            })
            .collect();
        let held: Vec<(usize, &Value)> = references
            .iter()
            .filter_map(|(place, other)| Some((*place, &self.focus.get(other)?[0])))
            .collect();
        let agrees = |row: &Held| held.iter().all(|(place, key)| key.same(&row[*place]));
        let Some(row) = drawn(self.session.each_of(name), agrees, draw.with(name)) else { return };
        for (place, other) in references {
            if !self.focus.contains_key(other)
                && let Some(referred) = self.row(other, &row[place])
            {
                self.focus.insert(other, referred);
            }
        }
        self.focus.insert(&table.name, row);
    }

    /// Makes a row the one that the calls are about.
    fn look_at(&mut self, name: &str, row: Arc<Held>) {
        if let Some(table) = self.world.environment().table(name) {
            self.focus.insert(&table.name, row);
        }
    }

    fn row(&self, table: &str, key: &Value) -> Option<Arc<Held>> {
        self.session.row_of(table, key)
    }

    /// The latest output of this want that is a key of the table: where it is, and the key. A
    /// row's own key goes before a reference in another row.
    fn output(&self, table: &str) -> Option<((usize, String), Value)> {
        let held = |own: bool| {
            (self.from..self.calls.len()).rev().find_map(|place| {
                let uses = &self.usage[&self.calls[place].name];
                uses.yields.iter().filter(|it| it.table == table && it.own == own).find_map(|it| {
                    let key = self.answers[place].at(&it.pointer).filter(|key| !key.is_null())?;
                    Some(((place, it.pointer.clone()), key.clone()))
                })
            })
        };
        held(true).or_else(|| held(false))
    }

    /// The argument's value and where it comes from; none if it is left out.
    fn fill(&self, uses: &Uses, field: &Field, draw: Draw) -> Option<(Value, ArgumentSource)> {
        let found = uses.argument(&field.name);
        if let Some(table) = uses.key_of(&field.name)
            && let Some(((place, pointer), key)) = self.output(table)
        {
            let as_is = field.shape.admits(&key);
            return as_is.then_some((key, ArgumentSource::Output(place, pointer)));
        }
        let wanted = if field.required {
            1000
        } else if !uses.is_used(&field.name) {
            0
        } else {
            match found.first() {
                Some(Use::Limit) => 150,
                Some(Use::Key(_)) => 350,
                Some(Use::Filter(..)) => 450,
                _ => 400,
            }
        };
        if !draw.with("wanted").happens(wanted) {
            return None;
        }
        if !field.default.is_null() && field.required && found.is_empty() {
            return Some((field.default.clone(), ArgumentSource::Default));
        }
        let value = self.value(uses, (&field.name, ""), field, draw)?;
        let value = as_said(adapted(&field.shape, value)?);
        (!field.default.same(&value) || field.required).then_some((value, ArgumentSource::User))
    }

    fn value(
        &self,
        uses: &Uses,
        (argument, pointer): (&str, &str),
        field: &Field,
        draw: Draw,
    ) -> Option<Value> {
        let found = uses.part(argument, pointer);
        if let Shape::Object(fields) = &field.shape
            && pointer.len() < 64
            && found.is_empty()
        {
            return self.object(uses, (argument, pointer), fields, draw);
        }
        match found.first() {
            Some(Use::Key(table)) => self.focus.get(table.as_str()).map(|row| row[0].clone()),
            Some(Use::Filter(table, column, comparison)) => {
                let row = self.focus.get(table.as_str())?;
                let table = self.world.environment().table(table)?;
                let held = row.get(table.place(column)?).filter(|it| !it.is_null())?;
                sought(held, *comparison, field, draw)
            }
            Some(Use::Limit) => {
                let limit = Value::Integer(*draw.from_list(&[3, 5]));
                field.shape.admits(&limit).then_some(limit)
            }
            Some(Use::Fresh(table, column) | Use::Stored(table, column)) => {
                let table = self.world.environment().table(table)?;
                self.stored(table, column, field, draw)
            }
            None if !field.example.is_null() && field.shape.admits(&field.example) => {
                Some(field.example.clone())
            }
            None => {
                let whose = is_called(&field.name) && !pointer.is_empty();
                let name = if whose { format!("{argument}_name") } else { field.name.clone() };
                hinted(field, draw).or_else(|| invent(&name, &field.shape, None, draw))
            }
        }
    }

    fn object(
        &self,
        uses: &Uses,
        (argument, pointer): (&str, &str),
        fields: &[Field],
        draw: Draw,
    ) -> Option<Value> {
        let mut entries = Vec::new();
        let place = |name: &str| {
            let name = name.replace('~', "~0").replace('/', "~1");
            format!("{pointer}/{name}")
        };
        for field in fields {
            let draw = draw.with(&field.name);
            let below = place(&field.name);
            let used = !uses.part(argument, &below).is_empty();
            if field.required || (used && draw.with("wanted").happens(400)) {
                let value = self.value(uses, (argument, &below), field, draw)?;
                entries.push((field.name.clone(), adapted(&field.shape, value)?));
            }
        }
        // What a row holds already stays as it is.
        let is_new = |it: &Use| matches!(it, Use::Fresh(..) | Use::Stored(..));
        in_order(&mut entries, |name| uses.part(argument, &place(name)).iter().all(is_new));
        (!entries.is_empty()).then_some(Value::Object(entries))
    }

    /// A value to put into a column: something new for what identifies, something the table
    /// knows for what describes, and never what the row in focus holds already.
    fn stored(&self, table: &Table, column: &str, field: &Field, draw: Draw) -> Option<Value> {
        let place = table.place(column)?;
        let target: &Column = &table.columns[place];
        let held = self.focus.get(table.name.as_str()).map(|row| &row[place]);
        let label = words::label(&field.name).to_lowercase();
        let familiar = matches!(target.kind, schemas::Kind::Text)
            && !["name", "email", "phone", "title", "subject", "key", "id", "url", "date", "time"]
                .iter()
                .any(|it| label.split(' ').any(|word| word == *it))
            && matches!(&field.shape, Shape::Text { format, .. } if format.is_empty());
        if familiar {
            let mut known: Vec<Value> = self
                .session
                .rows(&table.name)
                .iter()
                .map(|row| row[place].clone())
                .filter(|it| !it.is_null() && held != Some(it) && field.shape.admits(it))
                .collect();
            known.sort();
            known.dedup();
            if let Some(value) = draw.pick(&known, |it| it.json()) {
                return Some(value.clone());
            }
        }
        let called = [&field.name, &target.name].into_iter().find(|name| is_called(name));
        if let Some(name) = called.filter(|_| matches!(target.kind, schemas::Kind::Text)) {
            let plain = Field { name: name.clone(), ..field.clone() };
            return (0..4)
                .map(|way| sample(&plain, &table.noun, draw.at(way)))
                .find(|value| held != Some(value) && field.shape.admits(value));
        }
        (0..3)
            .filter_map(|way| invent(&field.name, &field.shape, Some(target), draw.at(way)))
            .find(|value| held != Some(value))
    }
}

/// The row that wins the draw by its key, among those that agree or, if none does, among all.
fn drawn<'r>(
    rows: impl Iterator<Item = &'r Arc<Held>>,
    agrees: impl Fn(&Held) -> bool,
    draw: Draw,
) -> Option<Arc<Held>> {
    let weighed = rows.map(|row| (agrees(row), draw.weight(row[0].json()), row));
    // Keys that weigh the same are told apart by their texts.
    let won = weighed.max_by(|one, other| {
        (one.0, one.1)
            .cmp(&(other.0, other.1))
            .then_with(|| one.2[0].json().cmp(&other.2[0].json()))
    });
    won.map(|(_, _, row)| Arc::clone(row))
}

/// Whether a column holds what a thing is called, which depends on what it is.
fn is_called(name: &str) -> bool {
    let first = name.chars().find(|it| it.is_alphanumeric()).map(|it| it.to_ascii_lowercase());
    matches!(first, Some('n' | 'd' | 't'))
        && matches!(words::label(name).to_lowercase().as_str(), "name" | "display name" | "title")
}

/// Lets what the user gives as the end of a span follow its beginning.
fn in_order(entries: &mut [(String, Value)], given: impl Fn(&str) -> bool) {
    for start in 0..entries.len() {
        if entries.len() == 1 || entries[start].1.as_text().is_none() {
            continue;
        }
        let Some(end) = end_of(&entries[start].0) else { continue };
        let Some(end) = entries.iter().position(|(name, _)| words::label(name) == end) else {
            continue;
        };
        let (from, to) = (entries[start].1.as_text(), entries[end].1.as_text());
        let alike = from.map(str::len) == to.map(str::len);
        if alike && to < from && given(&entries[start].0) && given(&entries[end].0) {
            let earlier = entries[end].1.clone();
            entries[end].1 = std::mem::replace(&mut entries[start].1, earlier);
        }
    }
}

/// Text that the argument's description names.
fn hinted(field: &Field, draw: Draw) -> Option<Value> {
    let open = matches!(&field.shape, Shape::Text { format, .. } if format.is_empty());
    let named = if open { hints(&field.description) } else { Vec::new() };
    let fitting: Vec<Value> =
        named.into_iter().map(Value::Text).filter(|it| field.shape.admits(it)).collect();
    draw.with("hinted").pick(&fitting, |it| it.json()).cloned()
}

/// A value whose comparison with what a row holds passes.
fn sought(held: &Value, comparison: Comparison, field: &Field, draw: Draw) -> Option<Value> {
    match comparison {
        Comparison::Equal | Comparison::AtLeast | Comparison::AtMost => Some(held.clone()),
        Comparison::Contains => match held {
            Value::Text(text) => {
                let longest: Vec<&str> = text
                    .split(|it: char| !it.is_alphanumeric())
                    .filter(|word| 3 < word.chars().count())
                    .collect();
                let word = draw.pick(&longest, |word| word.as_bytes());
                Some(Value::text(word.map_or(text.as_str(), |word| *word)))
            }
            Value::List(items) => items.first().cloned(),
            other => Some(Value::Text(other.to_string())),
        },
        Comparison::OneOf => match field.shape {
            Shape::List(_) => Some(Value::List(vec![held.clone()])),
            _ => Some(held.clone()),
        },
        Comparison::Above | Comparison::Below => match held {
            Value::Integer(held) => {
                let step = if comparison == Comparison::Above { -1 } else { 1 };
                Some(Value::Integer(held.saturating_add(step)))
            }
            Value::Number(held) => {
                let step = if comparison == Comparison::Above { -1.0 } else { 1.0 };
                Some(Value::number((held.get() + step).round()))
            }
            _ => None,
        },
        Comparison::Different => None,
    }
}

/// The value as the argument's shape wants it; none if it cannot be.
fn adapted(shape: &Shape, value: Value) -> Option<Value> {
    if shape.admits(&value) {
        return Some(value);
    }
    let other = match (shape, &value) {
        (Shape::Text { .. }, Value::Integer(_) | Value::Number(_)) => {
            Value::Text(value.to_string())
        }
        (Shape::Integer { .. }, Value::Text(text)) => Value::Integer(text.trim().parse().ok()?),
        (Shape::Number { .. }, Value::Text(text)) => Value::number(text.trim().parse().ok()?),
        (Shape::List(_), _) => Value::List(vec![value]),
        _ => return None,
    };
    shape.admits(&other).then_some(other)
}

/// A value as people say it: a whole number has no decimals.
fn as_said(value: Value) -> Value {
    match value {
        Value::Number(number) => match whole(number.get()) {
            Some(whole) => Value::Integer(whole),
            None => Value::Number(number),
        },
        Value::List(items) => Value::List(items.into_iter().map(as_said).collect()),
        Value::Object(entries) => {
            Value::Object(entries.into_iter().map(|(name, part)| (name, as_said(part))).collect())
        }
        other => other,
    }
}

/// Whether an answer says nothing: no rows, no parts.
fn hollow(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::List(items) => items.is_empty(),
        Value::Object(entries) => {
            let mut parts =
                entries.iter().filter(|(_, it)| matches!(it, Value::List(_) | Value::Object(_)));
            entries.is_empty()
                || (entries.iter().any(|(_, it)| matches!(it, Value::List(_)))
                    && parts.all(|(_, it)| hollow(it)))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn trips_do_not_end_before_they_start() {
        let date = |name: &str, day| (name.to_string(), schemas::Value::text(day));
        let mut trip = [date("startDate", "2025-12-21"), date("endDate", "2025-06-12")];
        super::in_order(&mut trip, |name| name != "endDate");
        assert_eq!(trip[0].1.as_text(), Some("2025-12-21"));
        super::in_order(&mut trip, |_| true);
        assert_eq!(trip[0].1.as_text(), Some("2025-06-12"));
    }
}
