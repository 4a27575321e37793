//! The answer about one tool: read strictly, and checked against the tool.

use serde::Deserialize;

use schemas::{Answer, Basis, CorpusPlan, Field, Finish, Output, Rule, Shape, Tool, Value};

use super::prompt::type_name;
use crate::refine::{clean, shape_of};

/// Why an answer is refused.
type Refused = (Rule, String);

/// An answer that is about the tool, and fit to be shown.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) description: String,
    /// One for each argument of the tool, in its order.
    pub(super) arguments: Vec<String>,
    /// The output, if the answer states one.
    pub(super) output: Option<Output>,
}

/// The JSON that is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    description: String,
    arguments: Vec<WrittenArgument>,
    #[serde(default)]
    output: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenArgument {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    description: String,
}

/// Checks that a model said all it had to say.
///
/// # Errors
///
/// Says that it was cut off, or declined.
pub(crate) fn finished(answer: &Answer) -> Result<(), (Rule, String)> {
    match answer.finish {
        Finish::Stop => Ok(()),
        Finish::Length => {
            let reason = format!("the answer was cut off after {} tokens", answer.tokens_out);
            Err((Rule::AnswerCutOff, reason))
        }
        Finish::Declined => Err((Rule::AnswerDeclined, "the model declined to answer".into())),
    }
}

impl Reply {
    /// Reads an answer.
    pub(super) fn read(answer: &Answer, tool: &Tool, plan: &CorpusPlan) -> Result<Reply, Refused> {
        finished(answer)?;
        let written: Written = serde_json::from_str(unwrapped(&answer.text)).map_err(|error| {
            (Rule::AnswerMalformed, format!("the answer is not the JSON asked for: {error}"))
        })?;
        check_interface(&written, tool)?;
        let description = fit("the description", &written.description, plan.description_chars_max)?;
        let mut arguments = Vec::new();
        for said in &written.arguments {
            let what = format!("the description of \"{}\"", said.name);
            arguments.push(fit(&what, &said.description, plan.argument_chars_max)?);
        }
        Ok(Reply { description, arguments, output: output(&written.output, plan)? })
    }
}

/// The JSON of an answer, without the thoughts before it and the fence around it that some models
/// cannot leave out.
pub(crate) fn unwrapped(text: &str) -> &str {
    let text = text.trim();
    let text = match text.strip_prefix("<think>") {
        Some(thought) => thought.split_once("</think>").map_or(text, |(_, said)| said.trim()),
        None => text,
    };
    let fenced = text.strip_prefix("```json").or_else(|| text.strip_prefix("```"));
    match fenced.and_then(|rest| rest.strip_suffix("```")) {
        Some(inner) => inner.trim(),
        None => text,
    }
}

/// The answer is about this tool, with its arguments and their types.
fn check_interface(written: &Written, tool: &Tool) -> Result<(), Refused> {
    let changed = |reason: String| Err((Rule::AnswerChangesInterface, reason));
    if written.name != tool.name {
        return changed(format!("the answer is about another operation than \"{}\"", tool.name));
    }
    if written.arguments.len() != tool.input.len() {
        let (told, has) = (written.arguments.len(), tool.input.len());
        return changed(format!("the answer tells of {told} arguments, the tool has {has}"));
    }
    for (said, field) in written.arguments.iter().zip(&tool.input) {
        if said.name != field.name {
            return changed(format!("the answer has another argument where \"{}\" is", field.name));
        }
        let kind = type_name(&field.shape);
        if said.kind != kind {
            return changed(format!(
                "the answer gives \"{}\" another type than {kind}",
                field.name
            ));
        }
    }
    Ok(())
}

/// A text on one line, if it is as refining would leave it and not too long.
fn fit(what: &str, text: &str, chars_max: usize) -> Result<String, Refused> {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let length = line.chars().count();
    if chars_max < length {
        let reason = format!("{what} has {length} characters, more than {chars_max}");
        return Err((Rule::AnswerTooLong, reason));
    }
    if clean(&line, chars_max) != line {
        let reason = format!("{what} holds markup, hidden characters or control tokens");
        return Err((Rule::AnswerUnclean, reason));
    }
    Ok(line)
}

/// The output specification of an answer; none if it states none.
fn output(schema: &Value, plan: &CorpusPlan) -> Result<Option<Output>, Refused> {
    match schema {
        Value::Null => Ok(None),
        Value::Object(_) => {
            let mut shape = shape_of(schema, plan);
            loosen(&mut shape);
            let says_nothing = match &shape {
                Shape::Any => true,
                Shape::Object(fields) => fields.is_empty(),
                _ => false,
            };
            Ok((!says_nothing).then_some(Output { shape, basis: Basis::Model }))
        }
        _ => Err((Rule::AnswerMalformed, "the output is neither a JSON Schema nor null".into())),
    }
}

/// Takes away what only the publisher could vouch for: that a part is always there, and its values.
fn loosen(shape: &mut Shape) {
    match shape {
        Shape::List(item) => loosen(item),
        Shape::Object(fields) => {
            for Field { shape: part, required, default, example, .. } in fields {
                (*required, *default, *example) = (false, Value::Null, Value::Null);
                loosen(part);
            }
        }
        _ => {}
    }
}
