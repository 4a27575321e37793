//! The terms of a tool: which words it uses, and where.

use std::collections::BTreeMap;

use schemas::{Shape, Tool, Value};

use super::words::words;

/// How much a word in the tool's own name counts.
const NAME: u32 = 10;
/// How much a noun of the resource path counts.
const PATH: u32 = 6;
/// How much a parameter's name counts.
const PARAMETER: u32 = 4;
/// How much the name of a nested property counts.
const PROPERTY: u32 = 2;
/// How much a choice, or a word of the description, counts.
const WORD: u32 = 1;
/// Most words read of one description; most choices read of one enumeration.
const WORDS_MAX: usize = 60;
/// Most parts read of one tool's input.
const PARTS_MAX: usize = 400;
/// Most a term counts in one tool, however often it is repeated.
const EMPHASIS_MAX: u32 = 24;

/// The terms of a tool and how much each is emphasised.
///
/// Sub-words of parameter names, of nested property names, of the tool's name and of its resource
/// path, choices, and the words of its descriptions. What the tool answers is not read: it is
/// mostly inferred. Reading is bounded in words and parts.
pub fn terms(tool: &Tool) -> BTreeMap<String, u32> {
    let mut terms = BTreeMap::new();
    read(&mut terms, &tool.name, NAME);
    for segment in tool.path.iter().flat_map(|path| path.split('/')) {
        if !segment.contains('{') {
            read(&mut terms, segment, PATH);
        }
    }
    read(&mut terms, &tool.description, WORD);
    let mut parts = PARTS_MAX;
    for field in &tool.input {
        if parts == 0 {
            break;
        }
        parts -= 1;
        read(&mut terms, &field.name, PARAMETER);
        read(&mut terms, &field.description, WORD);
        read_shape(&mut terms, &field.shape, &mut parts);
    }
    terms
}

fn read(terms: &mut BTreeMap<String, u32>, text: &str, emphasis: u32) {
    for word in words(text).into_iter().take(WORDS_MAX) {
        let term = terms.entry(word).or_default();
        *term = (*term + emphasis).min(EMPHASIS_MAX);
    }
}

/// Reads the parts of a shape, until `parts` is used up.
fn read_shape(terms: &mut BTreeMap<String, u32>, shape: &Shape, parts: &mut usize) {
    let mut waiting = vec![shape];
    while let Some(next) = waiting.pop() {
        match next {
            Shape::Choice(choices) => {
                for choice in choices.iter().take(WORDS_MAX).filter_map(Value::as_text) {
                    read(terms, choice, WORD);
                }
            }
            Shape::List(item) => waiting.push(item),
            Shape::Object(fields) => {
                for field in fields {
                    if *parts == 0 {
                        return;
                    }
                    *parts -= 1;
                    read(terms, &field.name, PROPERTY);
                    waiting.push(&field.shape);
                }
            }
            _ => {}
        }
    }
}
