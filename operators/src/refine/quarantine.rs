//! Tools whose text speaks to the model instead of about the tool are held back.
//!
//! Tool poisoning: a description is read by a model as if it were an instruction, so that whoever
//! writes one can give orders. What remains of such a text after cleaning is still an order; so the
//! tool is turned away whole, under the rule that caught it. Precision comes first: real
//! descriptions say "you must call X first" and "ignore" too, so no rule goes by a single word.
//!
//! What nobody sees is looked at as well: comments of HTML, characters that spell without showing,
//! letters that look like others.

use std::borrow::Cow;

use schemas::{Field, Record, Rule, Shape, Tool, Value};

use self::clauses::Reader;
use super::fitness;

mod clauses;
mod hidden;

/// Most characters quoted of what was caught.
const EXCERPT_CHARS_MAX: usize = 160;

/// Shortest text looked at, in bytes: no clause and nothing smuggled is shorter.
const TEXT_BYTES_MIN: usize = 12;

/// The rule that catches a refined tool or the record it was made of, with the reason and a
/// bounded excerpt; nothing for a tool that only describes itself.
pub(super) fn caught(record: &Record, tool: &Tool) -> Option<(Rule, String)> {
    let mut guard = Guard { reader: Reader::shared(), found: None };
    guard.tool(tool);
    if guard.found.is_none() {
        guard.unseen(record);
    }
    guard.found
}

/// The rule that catches a text as it would catch a tool's description.
pub(super) fn caught_in(text: &str) -> Option<(Rule, String)> {
    let mut guard = Guard { reader: Reader::shared(), found: None };
    guard.text(text, &|| "its description".into());
    guard.found
}

/// Looks at one text after another until one is caught.
struct Guard {
    reader: &'static Reader,
    found: Option<(Rule, String)>,
}

impl Guard {
    /// What a model would be shown.
    fn tool(&mut self, tool: &Tool) {
        self.name(&tool.name, &|| "its name".into());
        self.text(&tool.description, &|| "its description".into());
        let shown = [&tool.provider, &tool.service, &tool.category, &tool.source, &tool.license];
        for text in shown {
            self.text(text, &|| "what it says of its origin".into());
        }
        self.text(tool.path.as_deref().unwrap_or_default(), &|| "its path".into());
        for field in &tool.input {
            self.field(field, "argument");
        }
        self.shape(&tool.output.shape, "", "answer");
    }

    fn field(&mut self, field: &Field, kind: &str) {
        let place = || format!("{kind} \"{}\"", field.name);
        self.name(&field.name, &place);
        self.text(&field.description, &place);
        self.value(&field.default, &place);
        self.value(&field.example, &place);
        self.shape(&field.shape, &field.name, kind);
    }

    fn shape(&mut self, shape: &Shape, name: &str, kind: &str) {
        let place = || format!("{kind} \"{name}\"");
        match shape {
            Shape::Text { format, pattern } => {
                self.text(format, &place);
                self.text(pattern, &place);
            }
            Shape::Choice(choices) => choices.iter().for_each(|one| self.value(one, &place)),
            Shape::List(item) => self.shape(item, name, kind),
            Shape::Object(fields) => fields.iter().for_each(|field| self.field(field, kind)),
            Shape::Integer { .. } | Shape::Number { .. } | Shape::Boolean | Shape::Any => {}
        }
    }

    fn value(&mut self, value: &Value, place: &dyn Fn() -> String) {
        match value {
            Value::Text(text) => self.text(text, place),
            Value::List(items) => items.iter().for_each(|item| self.value(item, place)),
            Value::Object(entries) => {
                entries.iter().for_each(|(_, part)| self.value(part, place));
            }
            Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Number(_) => {}
        }
    }

    /// Words of a name are joined by underscores and capitals.
    fn name(&mut self, name: &str, place: &dyn Fn() -> String) {
        if self.found.is_none() && TEXT_BYTES_MIN <= name.len() && self.reader.suspects(name) {
            self.text(&fitness::words(name).join(" "), place);
        }
    }

    fn text(&mut self, text: &str, place: &dyn Fn() -> String) {
        if self.found.is_some() || text.len() < TEXT_BYTES_MIN {
            return;
        }
        let plain = hidden::unmasked(text);
        if let Some((rule, span)) = self.reader.read(&plain) {
            self.found = Some((rule, told(rule, excerpt(&plain, span), &place())));
        }
    }

    /// What refining took away because nobody sees it.
    fn unseen(&mut self, record: &Record) {
        self.unseen_text(&record.name);
        self.unseen_text(&record.description);
        self.unseen_value(&record.parameters);
        self.unseen_value(&record.returns);
    }

    fn unseen_value(&mut self, value: &Value) {
        match value {
            Value::Text(text) => self.unseen_text(text),
            Value::List(items) => items.iter().for_each(|item| self.unseen_value(item)),
            Value::Object(entries) => entries.iter().for_each(|(name, part)| {
                self.unseen_text(name);
                self.unseen_value(part);
            }),
            Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Number(_) => {}
        }
    }

    fn unseen_text(&mut self, text: &str) {
        if self.found.is_some() || text.len() < TEXT_BYTES_MIN {
            return;
        }
        if let Some(smuggled) = hidden::smuggled(text) {
            let rule = Rule::QuarantineHidden;
            self.found = Some((rule, told(rule, bounded(&smuggled), "characters nobody sees")));
            return;
        }
        for comment in hidden::comments(text) {
            let plain = hidden::unmasked(comment);
            if let Some((rule, span)) = self.reader.read(&plain) {
                self.found = Some((rule, told(rule, excerpt(&plain, span), "a comment")));
                return;
            }
        }
    }
}

fn told(rule: Rule, excerpt: String, place: &str) -> String {
    let deed = match rule {
        Rule::QuarantineHidden => "hides text",
        Rule::QuarantineOverride => "tells the model to disregard its instructions",
        Rule::QuarantineSecrecy => "tells the model to keep something from the user",
        Rule::QuarantineExfiltration => "tells the model to pass on what is private",
        Rule::QuarantineImpersonation => "speaks as the system or gives the model a role",
        _ => "tells the model how to use other tools",
    };
    format!("{deed}: \"{excerpt}\" in {place}")
}

/// The words caught and a little around them.
fn excerpt(text: &str, (start, end): (usize, usize)) -> String {
    let before = text[..start].char_indices().rev().nth(20).map_or(0, |(place, _)| place);
    let after = text[end..].char_indices().nth(40).map_or(text.len(), |(place, _)| end + place);
    bounded(&text[before..after])
}

/// Quoted text can neither steer a terminal nor close its quotation, and is short.
fn bounded(text: &str) -> String {
    let clean: Cow<'_, str> = super::clean(text, EXCERPT_CHARS_MAX).into();
    clean.replace(['"', '\\'], "'")
}

#[cfg(test)]
mod tests;
