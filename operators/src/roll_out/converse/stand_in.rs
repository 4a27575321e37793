//! The built-in sides of a conversation with a model: they know the task and react.
//!
//! Where both sides are built in they have a script; here the other side is a stranger, so that
//! each goes by what was said and done. Neither reads more into words than can be read: a question
//! mark asks, a label that is named is asked for, a value that stands in the words was said.

use std::collections::BTreeSet;

use schemas::{
    ArgumentSource, Call, Draw, Effect, Fact, GoldenCall, Intent, Message, Operation, Speaker,
    Task, TaskKind, Value,
};

use crate::compose::words;
use crate::engine::World;
use crate::roll_out::report::Reporter;
use crate::roll_out::speech;

/// Most times that the built-in user tells an agent to go on with one want.
const NUDGES_MAX: u32 = 2;

/// Most times that the built-in agent asks for what one want lacks.
const ASKS_MAX: u32 = 3;

const GO_ON: [&str; 5] = [
    "Yes, please go ahead.",
    "Yes, please do that.",
    "That's right, please go on.",
    "Yes, go ahead with what I said.",
    "Please do.",
];

const NO_MORE: [&str; 4] = [
    "I've told you everything I know about it.",
    "That's all I can tell you.",
    "I have nothing more than that.",
    "I don't know any more about it.",
];

const NOT_WITHOUT: [&str; 3] = [
    "I'm sorry, but I can't do that without these details.",
    "Without that I can't go on with this one, I'm afraid.",
    "I'll have to leave this one, since I'm missing what it needs.",
];

/// The built-in user in a conversation with an agent that is a model.
#[derive(Debug)]
pub(super) struct User<'t> {
    task: &'t Task,
    draw: Draw,
    /// Which want is under way; none before the first.
    intent: Option<usize>,
    /// The place of the message that brought it up.
    since: usize,
    /// The facts of it that were told.
    told: BTreeSet<usize>,
    nudges: u32,
}

impl<'t> User<'t> {
    pub(super) fn new(task: &'t Task, draw: Draw) -> User<'t> {
        let draw = draw.with("user");
        User { task, draw, intent: None, since: 0, told: BTreeSet::new(), nudges: 0 }
    }

    /// What it says next, and whether that is the end.
    pub(super) fn speak(&mut self, messages: &[Message]) -> (String, bool) {
        let Some(place) = self.intent else { return self.bring_up(0, messages) };
        let intent = &self.task.scenario.intents[place];
        let heard = messages.last().map_or("", |message| message.content.as_str());
        let asks = heard.contains('?');
        if let Some(answer) = self.tell(intent, heard, asks) {
            return (answer, false);
        }
        let nudged = self.draw.with("nudge").at(place).at(self.nudges as usize);
        let may_nudge = asks && self.nudges < NUDGES_MAX;
        if self.task.kind == TaskKind::Infeasible {
            if may_nudge && self.nudges == 0 && !declines(heard) {
                self.nudges += 1;
                return ((*nudged.from_list(&NO_MORE)).into(), false);
            }
            let persona = self.task.scenario.persona;
            return (speech::resigned(persona, self.draw).into(), true);
        }
        if may_nudge && !declines(heard) && self.is_open(intent, &messages[self.since..]) {
            self.nudges += 1;
            return ((*nudged.from_list(&GO_ON)).into(), false);
        }
        self.bring_up(place + 1, messages)
    }

    /// The next want, or thanks and the end.
    fn bring_up(&mut self, place: usize, messages: &[Message]) -> (String, bool) {
        (self.intent, self.since, self.nudges) = (Some(place), messages.len(), 0);
        self.told.clear();
        match self.task.scenario.intents.get(place) {
            Some(intent) => (intent.request.clone(), false),
            None => (speech::thanks(self.task.scenario.persona, self.draw).into(), true),
        }
    }

    /// The facts that were asked for: those named, or all that are left if none is.
    fn tell(&mut self, intent: &Intent, heard: &str, asks: bool) -> Option<String> {
        let untold: Vec<usize> =
            (0..intent.on_request.len()).filter(|it| !self.told.contains(it)).collect();
        let heard = heard.to_lowercase();
        let is_named = |fact: &Fact| {
            heard.contains(&fact.label.to_lowercase())
                || heard.contains(&fact.argument.to_lowercase())
        };
        let named = untold.iter().copied().filter(|place| is_named(&intent.on_request[*place]));
        let mut telling: Vec<usize> = named.collect();
        if telling.is_empty() && asks {
            telling = untold;
        }
        if telling.is_empty() {
            return None;
        }
        let answers: Vec<&str> =
            telling.iter().map(|place| intent.on_request[*place].answer.as_str()).collect();
        let answer = answers.join(" ");
        self.told.extend(telling);
        Some(answer)
    }

    /// Whether what the want asks for was not done yet: a change that was not made, or, where it
    /// only asks, anything looked up at all.
    fn is_open(&self, intent: &Intent, since: &[Message]) -> bool {
        let made: BTreeSet<&str> = since
            .iter()
            .filter(|it| it.role == Speaker::Assistant && it.supervised)
            .flat_map(|message| message.calls.iter().map(|call| call.name.as_str()))
            .collect();
        let golden = intent.calls.iter().filter_map(|place| self.task.golden.get(*place));
        let mut writes = golden.filter(|call| call.effect == Effect::Write).peekable();
        match writes.peek() {
            Some(_) => writes.any(|call| !made.contains(call.name.as_str())),
            None => made.is_empty(),
        }
    }
}

/// Whether an agent says that it cannot do something.
fn declines(text: &str) -> bool {
    const SIGNS: [&str; 9] = [
        "can't",
        "cannot",
        "can not",
        "unable",
        "not able",
        "sorry",
        "unfortunately",
        "don't have",
        "do not have",
    ];
    let text = text.to_lowercase().replace('’', "'");
    SIGNS.iter().any(|sign| text.contains(sign))
}

/// What the built-in agent does next.
#[derive(Debug)]
pub(super) enum Move {
    Say(String),
    Call(Vec<Call>),
}

/// The built-in agent in a conversation with a user that is a model. It makes no mistakes.
#[derive(Debug)]
pub(super) struct Agent<'w> {
    task: &'w Task,
    world: &'w World,
    draw: Draw,
    /// Which want is under way.
    intent: usize,
    /// How many of its calls were made.
    made: usize,
    asks: u32,
}

impl<'w> Agent<'w> {
    pub(super) fn new(task: &'w Task, world: &'w World, draw: Draw) -> Agent<'w> {
        Agent { task, world, draw: draw.with("agent"), intent: 0, made: 0, asks: 0 }
    }

    /// What it does next. Every observation of its calls is among the messages.
    pub(super) fn act(&mut self, messages: &[Message]) -> Move {
        let draw = self.draw.at(messages.len());
        if self.task.kind == TaskKind::Infeasible {
            return Move::Say(self.decline(messages, draw));
        }
        let Some(intent) = self.task.scenario.intents.get(self.intent) else {
            return Move::Say(speech::goodbye(draw).into());
        };
        let missing = self.missing(intent, messages);
        if self.made == 0 && !missing.is_empty() {
            if self.asks < ASKS_MAX {
                self.asks += 1;
                let missing: Vec<&Fact> = missing.iter().collect();
                return Move::Say(speech::ask(&missing, draw));
            }
            self.next_intent();
            return Move::Say((*draw.with("without").from_list(&NOT_WITHOUT)).into());
        }
        if let Some(call) = intent.calls.get(self.made).map(|place| &self.task.golden[*place]) {
            self.made += 1;
            let call = Call { name: call.name.clone(), arguments: call.arguments.clone() };
            return Move::Call(vec![call]);
        }
        let report = self.report(intent, messages, draw);
        self.next_intent();
        Move::Say(report)
    }

    fn next_intent(&mut self) {
        (self.intent, self.made, self.asks) = (self.intent + 1, 0, 0);
    }

    fn decline(&self, messages: &[Message], draw: Draw) -> String {
        if messages.iter().any(|message| message.role == Speaker::Assistant) {
            return speech::parting(draw).into();
        }
        let offered: Vec<&Operation> =
            self.task.offered.iter().filter_map(|name| self.world.operation(name)).collect();
        speech::decline(&offered, draw)
    }

    /// What the calls of a want take from the user and nobody has said.
    fn missing(&self, intent: &Intent, messages: &[Message]) -> Vec<Fact> {
        let said: Vec<&str> = messages
            .iter()
            .filter(|message| message.role == Speaker::User)
            .map(|message| message.content.as_str())
            .collect();
        let said = said.join("\n");
        let mut missing: Vec<Fact> = Vec::new();
        for call in intent.calls.iter().map(|place| &self.task.golden[*place]) {
            for (name, value) in from_user(call) {
                let known = words::derivable(value, &said) || words::flagged(name, value, &said);
                let label = words::label(name);
                if !known && missing.iter().all(|fact| fact.label != label) {
                    let (argument, value) = (name.to_string(), value.clone());
                    missing.push(Fact { argument, label, value, answer: String::new() });
                }
            }
        }
        missing
    }

    /// What the calls of a want came to.
    fn report(&self, intent: &Intent, messages: &[Message], draw: Draw) -> String {
        let draw = draw.with("report");
        let seen: Vec<&Message> =
            messages.iter().filter(|message| message.role == Speaker::Tool).collect();
        let seen = &seen[seen.len().saturating_sub(intent.calls.len())..];
        let last = intent.calls.len().saturating_sub(1);
        let mut reporter = Reporter::default();
        let mut said: Vec<String> = Vec::new();
        for (place, (of, observation)) in intent.calls.iter().zip(seen).enumerate() {
            let call = &self.task.golden[*of];
            if !call.failed && (place == last || call.effect == Effect::Write) {
                let operation = self.world.operation(&call.name);
                let value = Value::parse(&observation.content).unwrap_or_default();
                said.push(reporter.report(operation, &call.arguments, &value, draw.at(place)));
            }
        }
        format!("{}{}", said.join("\n\n"), speech::anything(self.draw, self.intent))
    }
}

/// The arguments of a call that the user knows, asked or not.
fn from_user(call: &GoldenCall) -> impl Iterator<Item = (&str, &Value)> {
    let sources = call.sources.iter();
    let known = sources
        .filter(|(_, source)| matches!(source, ArgumentSource::User | ArgumentSource::OnRequest));
    known.filter_map(|(name, _)| Some((name.as_str(), call.arguments.get(name)?)))
}
