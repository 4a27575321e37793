//! Chat templates: a conversation becomes the text that a model reads.
//!
//! The template is the checkpoint's own, run as Hugging Face runs it: Jinja with trimmed blocks,
//! Python's methods of texts, and a `tojson` that spells values as `json.dumps(value,
//! ensure_ascii=False)` does. Every text of a conversation is guarded first: where it spells a
//! control token, a mark that Unicode keeps out of interchange is put into the spelling, so that
//! neither the template nor the tokenizer takes it for one. The mark is removed before the text
//! becomes tokens.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Error, ErrorKind, Value as Jinja, context};
use serde_json::{Value, json};

use crate::error::LearnError;

/// Stands inside what spells a control token but is none.
pub(crate) const GUARD: char = '\u{fdd0}';
/// Stands where what an assistant says begins, in a template that marks it.
pub(crate) const BEGIN: char = '\u{fdd1}';
/// Stands where it ends.
pub(crate) const END: char = '\u{fdd2}';

/// The template of checkpoints that are made here. It renders what Qwen3's own renders.
pub const QWEN3: &str = include_str!("templates/qwen3.jinja");
/// Its variant for training: thoughts in every turn, and what is said is marked.
pub const QWEN3_TRAINING: &str = include_str!("templates/qwen3_training.jinja");

const NAME: &str = "chat";

/// A conversation as templates take it: messages and tools are JSON of the shape that OpenAI and
/// Hugging Face share.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conversation {
    /// The messages, each an object.
    pub messages: Vec<Value>,
    /// The tools offered, each an object.
    pub tools: Vec<Value>,
}

/// A chat template, ready to render.
#[derive(Debug)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    source: String,
    path: PathBuf,
    /// Whether it marks what assistants say.
    marks: bool,
}

impl ChatTemplate {
    /// Reads the template of a model's directory: `chat_template.jinja`, or the key
    /// `chat_template` of `tokenizer_config.json`.
    ///
    /// # Errors
    ///
    /// Names the file and the line if there is no template or it cannot be read.
    pub fn read(folder: &Path) -> Result<ChatTemplate, LearnError> {
        let apart = folder.join("chat_template.jinja");
        if apart.is_file() {
            let source =
                fs::read_to_string(&apart).map_err(LearnError::io(&apart, "read the template"))?;
            return ChatTemplate::parse(&apart, &source);
        }
        let path = folder.join("tokenizer_config.json");
        let text = fs::read_to_string(&path).map_err(LearnError::io(&path, "read the template"))?;
        let json: Value = serde_json::from_str(&text).map_err(|error| {
            LearnError::unusable(&path, "its JSON", error.to_string(), "download the file again")
        })?;
        let named = json.get("chat_template");
        let source = match named {
            Some(Value::String(source)) => Some(source.as_str()),
            Some(Value::Array(several)) => several
                .iter()
                .find(|one| one["name"] == "default")
                .and_then(|one| one["template"].as_str()),
            _ => None,
        };
        match source {
            Some(source) => ChatTemplate::parse(&path, source),
            None => Err(LearnError::unusable(
                &path,
                "\"chat_template\"",
                "is missing, and there is no chat_template.jinja",
                "use a chat model's checkpoint, or put its template there",
            )),
        }
    }

    /// Takes a template; `path` is only named in errors.
    ///
    /// # Errors
    ///
    /// Names the line if it is no template.
    pub fn parse(path: &Path, source: &str) -> Result<ChatTemplate, LearnError> {
        let marked = marked(source);
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|error| {
            LearnError::unusable(path, "the syntax", error.to_string(), "this is a fault of ours")
        })?);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment
            .set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_filter("tojson", to_json);
        environment.add_function("raise_exception", |reason: String| -> Result<Jinja, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, reason))
        });
        environment.add_template_owned(NAME, marked.clone()).map_err(|error| {
            let place = format!("line {}", error.line().unwrap_or(0));
            LearnError::unusable(path, place, error.to_string(), "correct the template")
        })?;
        Ok(ChatTemplate {
            environment,
            marks: marked != source,
            source: source.into(),
            path: path.to_path_buf(),
        })
    }

    /// The template to train with: this one if it marks what assistants say; the training variant
    /// if it renders what Qwen3's renders, tried on conversations with every part.
    ///
    /// # Errors
    ///
    /// If it is neither.
    pub fn for_training(&self) -> Result<ChatTemplate, LearnError> {
        if self.marks {
            return ChatTemplate::parse(&self.path, &self.source);
        }
        let ours = ChatTemplate::parse(Path::new("qwen3.jinja"), QWEN3)?;
        for conversation in probes() {
            for prompt in [false, true] {
                if self.render(&conversation, prompt)? != ours.render(&conversation, prompt)? {
                    return Err(LearnError::unusable(
                        &self.path,
                        "the chat template",
                        "neither marks what assistants say nor renders as Qwen3's does",
                        "put {% generation %} … {% endgeneration %} around what an assistant \
                         says, in chat_template.jinja",
                    ));
                }
            }
        }
        ChatTemplate::parse(Path::new("qwen3_training.jinja"), QWEN3_TRAINING)
    }

    /// The text of a conversation; with `prompt`, the beginning of an assistant's turn follows.
    ///
    /// # Errors
    ///
    /// Names the line of the template that refused the conversation.
    pub fn render(&self, conversation: &Conversation, prompt: bool) -> Result<String, LearnError> {
        let faulty = |error: Error| {
            let place = format!("line {} of the template", error.line().unwrap_or(0));
            LearnError::unusable(
                &self.path,
                place,
                error.to_string(),
                "correct the template, or the conversation it refuses",
            )
        };
        let template = self.environment.get_template(NAME).map_err(faulty)?;
        let tools = match conversation.tools.is_empty() {
            true => Jinja::from(()),
            false => Jinja::from(Serde(&conversation.tools)),
        };
        template
            .render(context! {
                messages => Jinja::from(Serde(&conversation.messages)),
                tools => tools,
                add_generation_prompt => prompt,
            })
            .map_err(faulty)
    }
}

/// A template in which Hugging Face's tags around generated text print marks instead.
fn marked(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(open) = rest.find("{%") {
        let Some(close) = rest[open..].find("%}").map(|place| open + place + 2) else { break };
        let tag = &rest[open..close];
        let word = tag[2..tag.len() - 2].trim_matches(['-', '+', ' ', '\n', '\t']);
        let mark = match word {
            "generation" => Some(BEGIN),
            "endgeneration" => Some(END),
            _ => None,
        };
        out.push_str(&rest[..open]);
        match mark {
            None => out.push_str(tag),
            Some(mark) => {
                let before = if tag.starts_with("{%-") { "-" } else { "" };
                let after = if tag.ends_with("-%}") { "-" } else { "" };
                out.push_str(&format!("{{{{{before} '{mark}' {after}}}}}"));
                // A block's newline is trimmed and an expression's is not.
                if after.is_empty() && rest[close..].starts_with('\n') {
                    rest = &rest[close + 1..];
                    continue;
                }
            }
        }
        rest = &rest[close..];
    }
    out.push_str(rest);
    out
}

/// A value as `json.dumps(value, ensure_ascii=False)` spells it.
fn to_json(value: &Jinja) -> Result<String, Error> {
    let json = serde_json::to_value(value)
        .map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))?;
    Ok(schemas::Value::from(json).to_string())
}

/// A text in which nothing spells a control token or one of our marks.
pub(crate) fn guarded(text: &str, controls: &[String]) -> String {
    let mut out = String::with_capacity(text.len());
    let starts: BTreeSet<char> = controls.iter().filter_map(|it| it.chars().next()).collect();
    for (place, character) in text.char_indices() {
        match character {
            GUARD | BEGIN | END => out.push(char::REPLACEMENT_CHARACTER),
            _ => {
                out.push(character);
                let rest = &text[place..];
                if starts.contains(&character)
                    && controls.iter().any(|control| rest.starts_with(control.as_str()))
                {
                    out.push(GUARD);
                }
            }
        }
    }
    out
}

/// A value in which every text, keys included, is guarded.
pub(crate) fn guarded_value(value: &Value, controls: &[String]) -> Value {
    match value {
        Value::String(text) => guarded(text, controls).into(),
        Value::Array(items) => items.iter().map(|item| guarded_value(item, controls)).collect(),
        Value::Object(entries) => entries
            .iter()
            .map(|(key, part)| (guarded(key, controls), guarded_value(part, controls)))
            .collect(),
        other => other.clone(),
    }
}

/// Conversations with every part that a template may treat on its own.
fn probes() -> Vec<Conversation> {
    let call = |name: &str, arguments: Value| json!({"type": "function", "function": {"name": name, "arguments": arguments}});
    let tools = vec![
        json!({"type": "function", "function": {"name": "f", "description": "Does <this> & 'é'.",
               "parameters": {"type": "object", "properties": {"a": {"default": 1e-7}}}}}),
        json!({"type": "function", "function": {"name": "g"}}),
    ];
    let messages = vec![
        json!({"role": "system", "content": "The rules."}),
        json!({"role": "user", "content": "One."}),
        json!({"role": "assistant", "content": "", "tool_calls": [
            call("f", json!({"a": 1.5, "b": null})), call("g", json!({}))]}),
        json!({"role": "tool", "name": "f", "content": "{\"x\": 1}"}),
        json!({"role": "tool", "name": "g", "content": "done"}),
        json!({"role": "assistant", "content": "Said.\n"}),
        json!({"role": "user", "content": "Two."}),
        json!({"role": "assistant", "content": "Why?", "reasoning_content": "A thought."}),
        json!({"role": "tool", "name": "f", "content": "late"}),
        json!({"role": "assistant", "content": "\nLast.", "tool_calls": [call("f", json!({}))]}),
    ];
    let mut probes = Vec::new();
    for length in [2, 5, 6, 7, 8, messages.len()] {
        for from in [0, 1] {
            for offered in [Vec::new(), tools.clone()] {
                let messages = messages[from..length].to_vec();
                probes.push(Conversation { messages, tools: offered });
            }
        }
    }
    probes
}
