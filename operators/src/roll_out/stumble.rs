//! How the mistakes are made.

use std::collections::BTreeSet;

use schemas::{ArgumentSource, Call, Draw, Effect, GoldenCall, Intent, Operation, Shape, Value};

use crate::compose::invent::invent;
use crate::compose::uses::Uses;
use crate::engine::Observation;
use crate::roll_out::mistake::{self, Mistake};
use crate::roll_out::play::Play;

impl Play<'_, '_> {
    /// The mistakes that come before or instead of a call; an observation stands for the call.
    pub(super) fn stumble(&mut self, place: usize, draw: Draw) -> Option<Observation> {
        let call = &self.task.golden[place];
        let operation = self.world.operation(&call.name)?;
        let made = |arguments: Value| Call { name: call.name.clone(), arguments };
        let writes = call.effect == Effect::Write;
        match self.mistake.filter(|_| !self.erred)? {
            Mistake::WrongArgument => {
                let arguments = spoiled(operation, &call.arguments)?;
                self.erred = true;
                self.call_all(&[made(arguments)], false);
                None
            }
            Mistake::MistypedKey => {
                let name = mistake::typed_key(call)?;
                let typed = call.arguments.get(name)?.as_text()?;
                let arguments = replaced(&call.arguments, name, Value::Text(mistyped(typed)));
                let mark = self.session.mark();
                let failed = self.session.call(&call.name, &arguments).failed;
                self.session.go_back(&mark);
                if failed {
                    self.erred = true;
                    self.call_all(&[made(arguments)], false);
                }
                None
            }
            Mistake::ExtraRead => {
                self.extra(Effect::Read, 0, draw);
                None
            }
            Mistake::SpelledDefault => {
                let field = operation.input.iter().find(|field| {
                    !field.default.is_null() && call.arguments.get(&field.name).is_none()
                })?;
                let Value::Object(entries) = &call.arguments else { return None };
                let mut entries = entries.clone();
                entries.push((field.name.clone(), field.default.clone()));
                self.erred = true;
                self.call_all(&[made(Value::Object(entries))], true).pop()
            }
            Mistake::WrongValue if writes => {
                let other = self.other_value(place, draw)?;
                self.erred = true;
                self.call_all(&[other], true).pop()
            }
            Mistake::SkippedWrite if writes && self.is_last_write(call) => {
                self.erred = true;
                Some(Observation { text: call.observation.clone(), failed: call.failed })
            }
            Mistake::WrongRead => {
                let other = self.other_read(call, draw)?;
                self.erred = true;
                self.call_all(&[other], true).pop()
            }
            Mistake::MalformedArguments => {
                self.erred = true;
                let text = call.arguments.to_string();
                let cut: String = text.chars().take(text.chars().count() - 1).collect();
                self.call_all(&[made(Value::Text(cut))], false);
                None
            }
            Mistake::UnknownTool => {
                self.erred = true;
                let name = format!("{}_v2", call.name.chars().take(60).collect::<String>());
                let unknown = Call { name, arguments: call.arguments.clone() };
                self.call_all(&[unknown], false);
                None
            }
            _ => None,
        }
    }

    /// Whether no golden call after this one writes.
    fn is_last_write(&self, call: &GoldenCall) -> bool {
        self.task.golden.iter().rev().find(|it| it.effect == Effect::Write) == Some(call)
    }

    pub(super) fn act_without_asking(&mut self, intent: &Intent, draw: Draw) {
        let Some(place) = intent.calls.iter().find(|place| {
            let sources = &self.task.golden[**place].sources;
            sources.iter().any(|(_, source)| *source == ArgumentSource::OnRequest)
        }) else {
            return;
        };
        let call = &self.task.golden[*place];
        let Some(operation) = self.world.operation(&call.name) else { return };
        let mut arguments = call.arguments.clone();
        for (name, source) in &call.sources {
            if *source == ArgumentSource::OnRequest
                && let Some(field) = operation.input.iter().find(|field| field.name == *name)
            {
                let guess = (0..4)
                    .filter_map(|at| invent(name, &field.shape, None, draw.with(name).at(at)))
                    .find(|guess| Some(guess) != call.arguments.get(name));
                arguments = replaced(&arguments, name, guess.unwrap_or_default());
            }
        }
        self.call_all(&[Call { name: call.name.clone(), arguments }], false);
    }

    /// A call that nobody asked for, of this effect, that succeeds; nothing if none is found.
    ///
    /// A write that nobody asked for must show: it leads away from the golden state though the
    /// golden calls from `next` on are made.
    pub(super) fn extra(&mut self, effect: Effect, next: usize, draw: Draw) {
        let draw = draw.with("extra");
        let operations: Vec<&Operation> = self
            .task
            .offered
            .iter()
            .filter_map(|name| self.world.operation(name))
            .filter(|it| it.effect == effect)
            .collect();
        for operation in draw.rank(&operations, |it| it.name.as_bytes()).into_iter().take(4) {
            let arguments = self.guess(operation, draw);
            let call = Call { name: operation.name.clone(), arguments };
            let shows = match effect {
                Effect::Write => self.strays(&call, next),
                Effect::Read => !self.session.clone().call(&call.name, &call.arguments).failed,
            };
            if shows {
                self.erred = true;
                self.call_all(&[call], false);
                return;
            }
        }
    }

    /// Another successful read than this one.
    fn other_read(&mut self, call: &GoldenCall, draw: Draw) -> Option<Call> {
        let draw = draw.with("other");
        let operations: Vec<&Operation> = self
            .task
            .offered
            .iter()
            .filter_map(|name| self.world.operation(name))
            .filter(|it| it.effect == Effect::Read && it.name != call.name)
            .collect();
        let operation = draw.pick(&operations, |it| it.name.as_bytes())?;
        let arguments = self.guess(operation, draw);
        Some(Call { name: operation.name.clone(), arguments })
    }

    /// Plausible arguments: keys of rows that exist, anything else invented.
    pub(super) fn guess(&self, operation: &Operation, draw: Draw) -> Value {
        let environment = self.world.environment();
        let uses = Uses::of(operation, environment);
        let entries = operation.input.iter().filter(|field| field.required).filter_map(|field| {
            let draw = draw.with(&field.name);
            let key = uses.key_of(&field.name).and_then(|table| {
                let rows = self.session.rows(table);
                draw.pick(&rows, |row| row[0].to_string()).map(|row| row[0].clone())
            });
            let value = key.or_else(|| invent(&field.name, &field.shape, None, draw))?;
            Some((field.name.clone(), value))
        });
        Value::Object(entries.collect())
    }

    /// The golden call at a place with another value for an argument the user gave, with which it
    /// goes through and the state is another in the end.
    fn other_value(&self, place: usize, draw: Draw) -> Option<Call> {
        let call = &self.task.golden[place];
        let operation = self.world.operation(&call.name)?;
        let guess = self.guess(operation, draw.with("value"));
        for (name, _) in call.sources.iter().filter(|(_, it)| *it == ArgumentSource::User) {
            let field = operation.input.iter().find(|field| field.name == *name)?;
            let invented = invent(name, &field.shape, None, draw.with("invented"));
            for value in guess.get(name).cloned().into_iter().chain(invented) {
                let arguments = replaced(&call.arguments, name, value);
                let other = Call { name: call.name.clone(), arguments };
                if self.strays(&other, place + 1) {
                    return Some(other);
                }
            }
        }
        None
    }
}

/// The arguments with one that cannot be right: a required one left out, or one of another type.
fn spoiled(operation: &Operation, arguments: &Value) -> Option<Value> {
    let Value::Object(entries) = arguments else { return None };
    let wrong = entries.iter().find_map(|(name, _)| {
        let field = operation.input.iter().find(|field| field.name == *name)?;
        let other = match field.shape {
            Shape::Integer { .. } | Shape::Number { .. } => Value::text("a few"),
            Shape::Choice(_) => Value::text("any"),
            Shape::Boolean => Value::text("maybe"),
            Shape::List(_) => Value::text("all"),
            _ => return None,
        };
        (!field.shape.admits(&other)).then(|| (name.clone(), other))
    });
    if let Some((name, other)) = wrong {
        return Some(replaced(arguments, &name, other));
    }
    let required: BTreeSet<&str> =
        operation.input.iter().filter(|it| it.required).map(|it| it.name.as_str()).collect();
    let (left_out, _) = entries.iter().rev().find(|(name, _)| required.contains(name.as_str()))?;
    let kept = entries.iter().filter(|(name, _)| name != left_out).cloned();
    Some(Value::Object(kept.collect()))
}

fn replaced(arguments: &Value, name: &str, other: Value) -> Value {
    let Value::Object(entries) = arguments else { return arguments.clone() };
    let entries = entries
        .iter()
        .map(|(key, value)| (key.clone(), if key == name { other.clone() } else { value.clone() }));
    Value::Object(entries.collect())
}

/// The text with its last two different neighbours exchanged.
fn mistyped(text: &str) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    match (1..letters.len()).rev().find(|place| letters[place - 1] != letters[*place]) {
        Some(place) => letters.swap(place - 1, place),
        None => letters.push('0'),
    }
    letters.into_iter().collect()
}
