//! The text of a tool that a model embeds.

use schemas::{GraphPlan, Prompt, PromptRole, Purpose, Request, ResponseFormat, Sampling, Tool};

/// Longest text sent, in bytes: what most models read at once, in scripts of any width.
const TEXT_BYTES_MAX: usize = 1_500;

/// Longest part of one parameter's line, in bytes.
const LINE_BYTES_MAX: usize = 200;

/// The request for a tool's vector: tools of one text have one request.
pub fn request(tool: &Tool, plan: &GraphPlan) -> Request {
    Request {
        purpose: Purpose::Embed,
        model: plan.embedding_model.clone(),
        messages: vec![Prompt::said(PromptRole::User, said(tool))],
        sampling: Sampling { temperature_permille: 0, tokens_max: 0 },
        format: ResponseFormat::Text,
        trial: plan.embedding_trial,
        tools: Vec::new(),
    }
}

/// What a tool says of itself: its name, its description, and a line for each parameter, as far as
/// there is room.
fn said(tool: &Tool) -> String {
    let mut text = spaced(&tool.name);
    if !tool.description.is_empty() {
        text.push('\n');
        text.push_str(&tool.description);
    }
    for field in &tool.input {
        if TEXT_BYTES_MAX <= text.len() {
            break;
        }
        let mut line = spaced(&field.name);
        if !field.description.is_empty() {
            line.push_str(": ");
            line.push_str(&field.description);
        }
        text.push('\n');
        text.push_str(cut(&line, LINE_BYTES_MAX));
    }
    cut(&text, TEXT_BYTES_MAX).trim_end().into()
}

/// A name as words, as far as models would not see them: `listUserIDs` is `list User IDs`.
fn spaced(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 8);
    let mut previous = ' ';
    for character in name.chars() {
        if "_-.".contains(character) {
            words.push(' ');
        } else {
            if previous.is_lowercase() && character.is_uppercase() {
                words.push(' ');
            }
            words.push(character);
        }
        previous = character;
    }
    words.trim().into()
}

fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

#[cfg(test)]
mod tests {
    use schemas::{Basis, Digest, Field, GraphPlan, Output, Shape, Tool, ToolId, Value};

    use super::{TEXT_BYTES_MAX, request};

    fn tool(description: &str, parameters: &[(&str, &str)]) -> Tool {
        let field = |(name, said): &(&str, &str)| Field {
            name: (*name).into(),
            shape: Shape::text(),
            required: false,
            place: String::new(),
            description: (*said).into(),
            default: Value::Null,
            example: Value::Null,
        };
        Tool {
            id: ToolId(1),
            revision: Digest::of(b""),
            identity: "GET /users".into(),
            name: "listUser_IDs".into(),
            description: description.into(),
            source: "s".into(),
            provider: "p".into(),
            service: String::new(),
            category: String::new(),
            license: String::new(),
            method: None,
            path: None,
            input: parameters.iter().map(field).collect(),
            output: Output { shape: Shape::Any, basis: Basis::Inferred },
        }
    }

    #[test]
    fn text_is_the_name_the_description_and_the_parameters() {
        let plan = GraphPlan { embedding_model: "m".into(), ..GraphPlan::default() };
        let text = |tool: &Tool| request(tool, &plan).messages[0].content.clone();
        let asked = tool("Lists them.", &[("page_size", "How many."), ("q", "")]);
        assert_eq!(text(&asked), "list User IDs\nLists them.\npage size: How many.\nq");
        let elsewhere = Tool { id: ToolId(2), identity: "other".into(), ..asked.clone() };
        assert_eq!(request(&asked, &plan).id(), request(&elsewhere, &plan).id());
        let again = GraphPlan { embedding_trial: 1, ..plan.clone() };
        assert_ne!(request(&asked, &plan).id(), request(&asked, &again).id());
        let long = tool(&"查询 ".repeat(900), &[("q", "")]);
        assert!((TEXT_BYTES_MAX - 4..=TEXT_BYTES_MAX).contains(&text(&long).len()));
    }
}
