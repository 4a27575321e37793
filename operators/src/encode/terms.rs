//! The terms of a tool: which words it uses, and where it lies.

use std::collections::BTreeSet;

use schemas::{Basis, Shape, Tool, Value};

use super::words::words;

/// Most words read of one description; most choices read of one enumeration.
const WORDS_MAX: usize = 60;
/// Most parts read of one tool's input.
const PARTS_MAX: usize = 400;
/// Most parts read of one tool's answer.
const ANSWERS_MAX: usize = 100;
/// Most segments of a path that are places of their own.
const SEGMENTS_MAX: usize = 12;

/// The terms of a tool.
///
/// Words of its name, its resource path, its parameters' names, descriptions and choices, and its
/// description; besides, the names of parameters and of declared answers as wholes, so that
/// `=hotel_id` tells more than `hotel` and `id` do, and the places its path passes through. What a
/// tool answers is read only if the source declares it: it is mostly inferred. Reading is bounded.
///
/// A term is there or it is not. Counting where and how often it is said was measured, and put
/// tools together by the verbs in their names rather than by what they are about.
pub fn terms(tool: &Tool) -> BTreeSet<String> {
    let mut terms = BTreeSet::new();
    read(&mut terms, &tool.name);
    read(&mut terms, &tool.description);
    read_path(&mut terms, tool.path.as_deref().unwrap_or_default());
    let mut parts = PARTS_MAX;
    for field in &tool.input {
        if parts == 0 {
            break;
        }
        parts -= 1;
        read(&mut terms, &field.name);
        read_whole(&mut terms, &field.name);
        read(&mut terms, &field.description);
        read_shape(&mut terms, &field.shape, &mut parts, true);
    }
    if tool.output.basis == Basis::Declared {
        parts = ANSWERS_MAX;
        read_shape(&mut terms, &tool.output.shape, &mut parts, false);
    }
    terms
}

fn read(terms: &mut BTreeSet<String>, text: &str) {
    terms.extend(words(text).into_iter().take(WORDS_MAX));
}

/// Reads a name as one term, however it is cased and separated.
fn read_whole(terms: &mut BTreeSet<String>, name: &str) {
    let words = words(name);
    if !words.is_empty() {
        terms.insert(format!("={}", words.join("_")));
    }
}

/// Reads the nouns of a path, and each of them with all before it: `/users/{id}/posts` lies in
/// `/users` and in `/users/posts`.
fn read_path(terms: &mut BTreeSet<String>, path: &str) {
    let nouns = path.split('/').filter(|noun| !noun.is_empty() && !noun.contains('{'));
    let mut place = String::new();
    for noun in nouns.take(SEGMENTS_MAX) {
        read(terms, noun);
        place.push('/');
        place.push_str(&noun.to_lowercase());
        terms.insert(place.clone());
    }
}

/// Reads the parts of a shape, until `parts` is used up: their names as wholes, and, `wordily`,
/// the words of names and choices too.
fn read_shape(terms: &mut BTreeSet<String>, shape: &Shape, parts: &mut usize, wordily: bool) {
    let mut waiting = vec![shape];
    while let Some(next) = waiting.pop() {
        match next {
            Shape::Choice(choices) if wordily => {
                for choice in choices.iter().take(WORDS_MAX).filter_map(Value::as_text) {
                    read(terms, choice);
                }
            }
            Shape::List(item) => waiting.push(item),
            Shape::Object(fields) => {
                for field in fields {
                    if *parts == 0 {
                        return;
                    }
                    *parts -= 1;
                    if wordily {
                        read(terms, &field.name);
                    }
                    read_whole(terms, &field.name);
                    waiting.push(&field.shape);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use schemas::{Basis, Digest, Field, Output, Shape, Tool, ToolId, Value};

    use super::terms;

    fn field(name: &str, shape: Shape) -> Field {
        Field {
            name: name.into(),
            shape,
            required: false,
            place: String::new(),
            description: String::new(),
            default: Value::Null,
            example: Value::Null,
        }
    }

    fn tool(path: Option<&str>, input: Vec<Field>, output: Output) -> Tool {
        Tool {
            id: ToolId(0),
            revision: Digest::of(b""),
            identity: String::new(),
            name: "book".into(),
            description: String::new(),
            source: "secret".into(),
            provider: "secret".into(),
            service: "secret".into(),
            category: "secret".into(),
            license: String::new(),
            method: None,
            path: path.map(Into::into),
            input,
            output,
        }
    }

    fn answering(basis: Basis) -> Output {
        Output { shape: Shape::Object(vec![field("cabinClass", Shape::Any)]), basis }
    }

    fn said(tool: &Tool) -> Vec<String> {
        terms(tool).into_iter().collect()
    }

    #[test]
    fn labels_are_not_read() {
        assert_eq!(said(&tool(None, vec![], answering(Basis::Inferred))), ["book"]);
    }

    #[test]
    fn names_of_parameters_are_read_by_word_and_as_wholes() {
        let nested = Shape::Object(vec![field("pet_names", Shape::text())]);
        let list = Shape::List(Box::new(nested));
        let read = said(&tool(None, vec![field("hotelId", list)], answering(Basis::Inferred)));
        assert_eq!(read, ["=hotel_id", "=pet_name", "book", "hotel", "id", "name", "pet"]);
    }

    #[test]
    fn choices_are_read_and_declared_answers_as_wholes() {
        let choice = Shape::Choice(vec![Value::Text("economy".into())]);
        let read = said(&tool(None, vec![field("in", choice)], answering(Basis::Declared)));
        assert_eq!(read, ["=cabin_class", "book", "economy"]);
    }

    #[test]
    fn paths_are_read_as_places() {
        let path = Some("/v1/Users/{id}/posts");
        let read = said(&tool(path, vec![], answering(Basis::Inferred)));
        assert_eq!(read, ["/v1", "/v1/users", "/v1/users/posts", "book", "post", "user"]);
    }
}
