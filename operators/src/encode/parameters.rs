//! What of a tool its parameter list says.

use std::borrow::Cow;

use schemas::{Basis, Encoder, Field, Output, Shape, Tool};

/// The part of a tool that an encoder reads, as a tool.
///
/// A model that embeds tools reads words its own way; domains are then still named by their terms,
/// so all of the tool counts.
pub(super) fn read_by(encoder: Encoder, tool: &Tool) -> Cow<'_, Tool> {
    match encoder {
        Encoder::Terms | Encoder::Embeddings => Cow::Borrowed(tool),
        Encoder::Parameters => Cow::Owned(parameters(tool)),
    }
}

/// The tool with nothing but its parameters, the type of each said before its description.
fn parameters(tool: &Tool) -> Tool {
    let typed = |field: &Field| {
        let description = format!("{} {}", type_name(&field.shape), field.description);
        Field { description, ..field.clone() }
    };
    Tool {
        identity: String::new(),
        name: String::new(),
        description: String::new(),
        source: String::new(),
        provider: String::new(),
        service: String::new(),
        category: String::new(),
        method: None,
        path: None,
        output: Output { shape: Shape::Any, basis: Basis::Inferred },
        input: tool.input.iter().map(typed).collect(),
        ..tool.clone()
    }
}

fn type_name(shape: &Shape) -> &'static str {
    match shape {
        Shape::Text { .. } => "string",
        Shape::Integer { .. } => "integer",
        Shape::Number { .. } => "number",
        Shape::Boolean => "boolean",
        Shape::Choice(_) => "enumeration",
        Shape::List(_) => "array",
        Shape::Object(_) => "object",
        Shape::Any => "",
    }
}
