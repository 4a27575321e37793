//! The answer about one domain: read part by part, so that one that is wrong takes no other along.
//!
//! What comes out is bounded and holds no text that may not be shown. Whether it means anything is
//! for the type check and the gate to say.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use schemas::{
    Answer, Program, Proposal, ProposedColumn, ProposedProgram, ProposedTable, Reply, Rule, Step,
};

use crate::describe::{finished, unwrapped};
use crate::refine::{caught_in, clean, neutralised};

/// Longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 2 << 20;
/// Most tables of a proposal.
const TABLES_MAX: usize = 32;
/// Most columns of a proposal, those of its tables apart, and most columns of one of its tables.
const COLUMNS_MAX: usize = 256;
/// Most programs of a proposal.
const PROGRAMS_MAX: usize = 1_024;
/// Longest program, in bytes of JSON: some fifty times the longest built-in one of the example.
const PROGRAM_BYTES_MAX: usize = 64 << 10;
/// Most steps of a program.
const STEPS_MAX: usize = 64;
/// Longest text in a proposal, in characters.
const TEXT_CHARS_MAX: usize = 300;
/// Longest name, in bytes.
const NAME_MAX: usize = 64;
/// Longest reason that is told, in characters: it may quote the answer.
const REASON_CHARS_MAX: usize = 300;

/// What of an answer can be considered, and what cannot.
#[derive(Debug, Default)]
pub(crate) struct Considered {
    /// What can.
    pub(crate) proposal: Proposal,
    /// What cannot.
    pub(crate) faults: Vec<Fault>,
}

/// A part of an answer that is refused.
#[derive(Debug)]
pub(crate) struct Fault {
    /// The name of the tool it is about; empty if it is about the tables.
    pub(crate) tool: String,
    /// The rule that refused it, if it has a name.
    pub(crate) rule: Option<Rule>,
    /// Why, in a sentence without a capital or a stop.
    pub(crate) reason: String,
}

/// The JSON that is asked for, its parts unread.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    tables: Vec<Json>,
    #[serde(default)]
    columns: Vec<Json>,
    #[serde(default)]
    programs: Vec<Json>,
}

/// Reads an answer.
///
/// # Errors
///
/// Says why nothing of it can be considered: it was declined, cut off, is too long, or is not the
/// JSON asked for.
pub(crate) fn read(answer: &Answer) -> Result<Considered, (Rule, String)> {
    finished(answer)?;
    let length = answer.text.len();
    if ANSWER_BYTES_MAX < length {
        let reason = format!("the answer has {length} bytes, more than {ANSWER_BYTES_MAX}");
        return Err((Rule::AnswerTooLong, reason));
    }
    let written: Written = serde_json::from_str(unwrapped(&answer.text)).map_err(|error| {
        let reason = format!("the answer is not the JSON asked for: {error}");
        (Rule::AnswerMalformed, shown(&reason))
    })?;
    let parts = [
        ("tables", written.tables.len(), TABLES_MAX),
        ("columns", written.columns.len(), COLUMNS_MAX),
        ("programs", written.programs.len(), PROGRAMS_MAX),
    ];
    if let Some((what, count, most)) = parts.into_iter().find(|(_, count, most)| most < count) {
        return Err((Rule::AnswerTooLong, format!("it has {count} {what}, more than {most}")));
    }
    let mut read = Considered::default();
    for part in &written.tables {
        let table = considered(part, |table: &ProposedTable| match table.columns.len() {
            0..=COLUMNS_MAX => Ok(()),
            count => Err(too_long(format!("it has {count} columns, more than {COLUMNS_MAX}"))),
        });
        let table = read.or_fault(table, ("table", part.get("name")), String::new());
        read.proposal.tables.extend(table);
    }
    for part in &written.columns {
        let column = considered(part, |_: &ProposedColumn| Ok(()));
        let column = read.or_fault(column, ("column", part.get("name")), String::new());
        read.proposal.columns.extend(column);
    }
    for part in &written.programs {
        let tool = part.get("tool").and_then(Json::as_str).unwrap_or_default().to_string();
        let program = considered(part, |it: &ProposedProgram| bounded(&it.program));
        let program = read.or_fault(program, ("program", part.get("tool")), tool);
        read.proposal.programs.extend(program);
    }
    Ok(read)
}

/// Why a part is refused.
type Refused = (Rule, String);

impl Considered {
    fn or_fault<P>(
        &mut self,
        part: Result<P, Refused>,
        (what, name): (&str, Option<&Json>),
        tool: String,
    ) -> Option<P> {
        part.map_err(|(rule, reason)| {
            let name = name.and_then(Json::as_str).unwrap_or_default();
            let reason = format!("the proposed {what} \"{}\": {reason}", shown(name));
            self.faults.push(Fault { tool, rule: Some(rule), reason: shown(&reason) });
        })
        .ok()
    }
}

/// A part of an answer, if it is what it should be and its texts may be shown.
fn considered<P: DeserializeOwned>(
    part: &Json,
    check: impl Fn(&P) -> Result<(), Refused>,
) -> Result<P, Refused> {
    let read: P = serde_json::from_value(part.clone())
        .map_err(|error| (Rule::AnswerMalformed, shown(&error.to_string())))?;
    check(&read)?;
    let mut texts = Vec::new();
    gather(part, &mut texts);
    for text in &texts {
        if TEXT_CHARS_MAX < text.chars().count() {
            return Err(too_long(format!("a text has more than {TEXT_CHARS_MAX} characters")));
        }
        if neutralised(text) != **text {
            let reason = "a text holds control tokens or characters that nobody sees";
            return Err((Rule::AnswerUnclean, reason.into()));
        }
    }
    // A model may be talked into passing orders on, and what it writes is shown to agents.
    match caught_in(&texts.join(". ")) {
        Some((rule, reason)) => Err((rule, shown(&reason))),
        None => Ok(read),
    }
}

/// Whether a program is short and simple enough to be considered.
fn bounded(program: &Program) -> Result<(), Refused> {
    let length = serde_json::to_string(program).map_or(usize::MAX, |text| text.len());
    if PROGRAM_BYTES_MAX < length {
        return Err(too_long(format!("it has {length} bytes, more than {PROGRAM_BYTES_MAX}")));
    }
    if STEPS_MAX < program.steps.len() {
        let count = program.steps.len();
        return Err(too_long(format!("it has {count} steps, more than {STEPS_MAX}")));
    }
    if let Some(twice) = program.steps.iter().find_map(given_twice) {
        let reason = format!("a step gives \"{}\" twice", shown(twice));
        return Err((Rule::AnswerMalformed, reason));
    }
    let mut bindings: Vec<&str> = program.steps.iter().filter_map(bound).collect();
    if !is_flat(&program.reply, false, &mut bindings) {
        return Err(too_long("it lists rows within a list of rows".into()));
    }
    match bindings.into_iter().find(|name| !is_name(name)) {
        Some(name) => Err((Rule::AnswerMalformed, format!("it {}", not_a_name(name)))),
        None => Ok(()),
    }
}

/// The binding that a step makes.
fn bound(step: &Step) -> Option<&str> {
    match step {
        Step::Lookup { row, .. } | Step::Match { row, .. } | Step::Insert { row, .. } => Some(row),
        Step::Select { rows, .. } => Some(rows),
        _ => None,
    }
}

/// A column that a step gives two values.
fn given_twice(step: &Step) -> Option<&str> {
    let given = match step {
        Step::Insert { values, .. } => values,
        Step::Update { changes, .. } | Step::Change { changes, .. } => changes,
        _ => return None,
    };
    let mut seen = BTreeSet::new();
    given.iter().map(|(column, _)| column.as_str()).find(|column| !seen.insert(*column))
}

/// Whether an answer lists no rows within a list of rows; gathers the bindings it makes.
fn is_flat<'r>(reply: &'r Reply, listed: bool, bindings: &mut Vec<&'r str>) -> bool {
    match reply {
        Reply::Value(_) => true,
        Reply::Object(parts) => parts.iter().all(|(_, part)| is_flat(part, listed, bindings)),
        Reply::List(parts) => parts.iter().all(|part| is_flat(part, listed, bindings)),
        Reply::Each { row, item, .. } => {
            bindings.push(row);
            !listed && is_flat(item, true, bindings)
        }
    }
}

/// Whether a text is a name: small letters, digits and underscores, a letter first.
pub(crate) fn is_name(text: &str) -> bool {
    let plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_';
    text.len() <= NAME_MAX
        && text.bytes().all(plain)
        && text.bytes().next().is_some_and(|it| it.is_ascii_lowercase())
}

/// Says that a text is no name.
pub(crate) fn not_a_name(text: &str) -> String {
    format!("has \"{}\", which is no name of small letters, digits and underscores", shown(text))
}

/// A text of an answer as it may be told, and no more of it than a line.
pub(crate) fn shown(text: &str) -> String {
    clean(text, REASON_CHARS_MAX)
}

fn too_long(reason: String) -> Refused {
    (Rule::AnswerTooLong, reason)
}

/// Every text in a value, names included.
fn gather<'j>(value: &'j Json, texts: &mut Vec<&'j str>) {
    match value {
        Json::String(text) => texts.push(text),
        Json::Array(items) => items.iter().for_each(|item| gather(item, texts)),
        Json::Object(entries) => {
            for (name, inner) in entries {
                texts.push(name);
                gather(inner, texts);
            }
        }
        _ => {}
    }
}
