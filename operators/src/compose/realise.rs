//! The user's sentences.
//!
//! A realiser without a model: frames and words by persona, filled with labels made from argument
//! names and values said as people say them. No tool's name is ever said. Everything the golden
//! calls take from the user is in the words, which [`derivable`](crate::compose::words::derivable)
//! checks afterwards.

use schemas::{ArgumentSource, Draw, Fact, GoldenCall, Intent, Persona, Scenario};

use crate::compose::realise::clause::{Clause, clause};
use crate::compose::usage::Usage;
use crate::compose::words;
use crate::engine::World;

mod clause;
mod phrases;
mod wording;

pub(crate) use crate::compose::realise::phrases::EVERYDAY;
pub(crate) use crate::compose::realise::wording::end_of;

/// Tells a want: the world it is about, and the draw that words it.
pub(crate) struct Teller<'a> {
    pub(crate) world: &'a World,
    pub(crate) usage: &'a Usage,
    pub(crate) draw: Draw,
}

impl Teller<'_> {
    /// How the user speaks.
    pub(crate) fn persona(&self) -> Persona {
        let personas = [Persona::Terse, Persona::Friendly, Persona::Formal, Persona::Hurried];
        *self.draw.with("persona").from_list(&personas)
    }

    /// The wants whose calls are at these places, as the user says them; none if something cannot
    /// be said.
    pub(crate) fn scenario(&self, golden: &[GoldenCall], wants: &[Vec<usize>]) -> Option<Scenario> {
        let persona = self.persona();
        let mut intents = Vec::new();
        let mut instruction = Vec::new();
        for (place, calls) in wants.iter().enumerate() {
            let draw = self.draw.with("intent").at(place);
            let clauses: Option<Vec<Clause>> = calls
                .iter()
                .map(|call| clause(self, golden, *call, calls, draw.at(*call)))
                .collect();
            let clauses = clauses?;
            let on_request = self.facts(golden, calls, draw);
            instruction.extend(instructed(place, &clauses));
            for fact in &on_request {
                let told = words::said(&fact.label, &fact.value).unwrap_or_default();
                instruction.push(format!("Only if asked, say that the {} is {told}.", fact.label));
            }
            let body = sentences(persona, &clauses, (self.draw, place));
            let request = if place == 0 {
                opened(persona, body, draw)
            } else {
                let link = self.draw.with("link").in_turn(phrases::links(persona), place);
                continued(link, body)
            };
            intents.push(Intent { request, on_request, calls: calls.clone() });
        }
        Some(Scenario { instruction: instruction.join(" "), persona, intents })
    }

    /// A want that no call serves, in the words of a call that could have.
    pub(crate) fn declined(&self, withheld: &GoldenCall) -> Option<Scenario> {
        let calls = std::slice::from_ref(withheld);
        let mut scenario = self.scenario(calls, &[vec![0]])?;
        scenario.intents[0].calls.clear();
        Some(scenario)
    }

    /// A want that no tool of any domain like this one serves.
    pub(crate) fn everyday(&self, want: &str) -> Scenario {
        let persona = self.persona();
        let clauses = [Clause { core: want.into(), inline: String::new(), told: Vec::new() }];
        Scenario {
            instruction: instructed(0, &clauses).join(" "),
            persona,
            intents: vec![Intent {
                request: opened(
                    persona,
                    sentences(persona, &clauses, (self.draw, 0)),
                    self.draw.with("intent").at(0),
                ),
                on_request: Vec::new(),
                calls: Vec::new(),
            }],
        }
    }

    fn facts(&self, golden: &[GoldenCall], calls: &[usize], draw: Draw) -> Vec<Fact> {
        let mut facts: Vec<Fact> = Vec::new();
        for call in calls.iter().map(|place| &golden[*place]) {
            for (argument, source) in &call.sources {
                let Some(value) = call.arguments.get(argument) else { continue };
                let known = facts.iter().any(|it| it.argument == *argument && it.value == *value);
                if *source != ArgumentSource::OnRequest || known {
                    continue;
                }
                let label = words::label(argument);
                let said = words::said(&label, value).unwrap_or_default();
                let frame = draw.with("answer").with(argument).from_list(&phrases::ANSWERS);
                let answer = phrases::fill(frame, &[("label", &label), ("said", &said)]);
                facts.push(Fact {
                    argument: argument.clone(),
                    label,
                    value: value.clone(),
                    answer,
                });
            }
        }
        facts
    }
}

/// The first want: an opening, then the want in one or more sentences.
fn opened(persona: Persona, body: String, draw: Draw) -> String {
    let opening = draw.with("opening").from_list(phrases::openings(persona));
    if opening.is_empty() { body } else { continued(opening, body) }
}

/// A want after what leads to it.
fn continued(link: &str, body: String) -> String {
    let keep = body.starts_with("I ") || body.starts_with("I'");
    let body = if link.ends_with(['.', '!', '?']) || keep { body } else { lowered(&body) };
    format!("{link} {body}")
}

/// The want at a place of the conversation in one or more sentences.
fn sentences(persona: Persona, clauses: &[Clause], (whole, place): (Draw, usize)) -> String {
    let draw = whole.with("intent").at(place);
    let trailing = clauses.len() == 1
        && !clauses[0].told.is_empty()
        && (clauses[0].told.len() > 2 || draw.with("trailing").happens(350));
    let frame = whole.with("frame").in_turn(phrases::frames(persona), place);
    let first = &clauses[0];
    let said = if trailing { first.core.clone() } else { first.whole() };
    let mut body = words::capitalised(&phrases::fill(frame, &[("want", &said)]));
    if trailing {
        body.push(' ');
        body.push_str(&told(persona, &first.told, draw));
    }
    for (step, next) in clauses.iter().enumerate().skip(1) {
        let list = if step + 1 == clauses.len() && 2 < clauses.len() {
            &phrases::LAST[..]
        } else {
            &phrases::NEXT[..]
        };
        let following = draw.with("next").in_turn(list, step);
        body.push(' ');
        body.push_str(&phrases::fill(following, &[("want", &next.whole())]));
    }
    body
}

/// What belongs to the want, in a sentence or a list of its own.
fn told(persona: Persona, told: &[(String, String)], draw: Draw) -> String {
    let draw = draw.with("told");
    let brief = matches!(persona, Persona::Terse | Persona::Hurried);
    if brief || told.iter().any(|(_, said)| said.contains(',')) || told.len() > 4 {
        let parts: Vec<String> =
            told.iter().map(|(label, said)| format!("{label}: {said}")).collect();
        let lead = if brief { "" } else { *draw.from_list(&phrases::DETAILS) };
        let listed = parts.join("; ");
        let listed = if lead.is_empty() { words::capitalised(&listed) } else { listed };
        return format!("{lead}{listed}.");
    }
    let parts: Vec<String> = told
        .iter()
        .map(|(label, said)| {
            let is = if words::is_plural(label) { "are" } else { "is" };
            format!("the {label} {is} {said}")
        })
        .collect();
    format!("{}.", words::capitalised(&words::listed(&parts)))
}

fn instructed(place: usize, clauses: &[Clause]) -> Vec<String> {
    clauses
        .iter()
        .enumerate()
        .map(|(step, clause)| {
            let lead = match (place, step) {
                (0, 0) => "You want to",
                (_, 0) => "You also want to",
                _ => "Then you want to",
            };
            format!("{lead} {}.", clause.whole())
        })
        .collect()
}

fn lowered(sentence: &str) -> String {
    let mut characters = sentence.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}
