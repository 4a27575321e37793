//! Benchmarks that are Python source: tools and instructions, read without running anything.
//!
//! τ²-bench marks a tool's method with `@is_tool` and describes it in the docstring; τ-bench returns
//! its definition as a dict from `get_info`; both write what users want as literals. What is not a
//! literal is passed over.

use serde_json::Value as Json;

use super::reading::Named;
use crate::parse::literal_at;

/// What a source file holds.
#[derive(Debug, Default)]
pub(super) struct Source {
    /// Tools written as functions.
    pub(super) tools: Vec<Named>,
    /// Definitions written as dicts.
    pub(super) definitions: Vec<Json>,
    /// Instructions.
    pub(super) texts: Vec<String>,
}

/// The names under which instructions are assigned or passed.
const TEXT_NAMES: [&str; 6] = [
    "instruction",
    "reason_for_call",
    "known_info",
    "unknown_info",
    "task_instructions",
    "user_query",
];

pub(super) fn read(text: &str) -> Source {
    let mut source = Source::default();
    for (place, _) in text.match_indices("@is_tool") {
        source.tools.extend(function(&text[place..]));
    }
    for (place, _) in text.match_indices("def get_info") {
        let body = &text[place..];
        let body = &body[..body[1..].find("\n    def ").map_or(body.len(), |end| end + 1)];
        let returned = body.find("return").and_then(|at| literal_at(body, at + "return".len()));
        source.definitions.extend(returned.filter(Json::is_object));
    }
    for name in TEXT_NAMES {
        for (place, _) in text.match_indices(name) {
            let before = text[..place].chars().next_back();
            let rest = text[place + name.len()..].trim_start_matches(['"', '\'', ' ']);
            let Some(value) = rest.strip_prefix(['=', ':']) else { continue };
            if before.is_some_and(|it| it == '_' || it.is_alphanumeric()) {
                continue;
            }
            if let Some(Json::String(said)) = literal_at(value, 0) {
                source.texts.push(said);
            }
        }
    }
    source
}

/// The function that a decorator stands above.
fn function(text: &str) -> Option<Named> {
    let text = &text[text.find("\n")?..];
    let start = text.find("def ")?;
    // Other decorators may come between; anything else means that nothing is decorated.
    let between = text[..start].lines().map(str::trim);
    if between.filter(|line| !line.is_empty()).any(|line| !line.starts_with('@')) {
        return None;
    }
    let text = &text[start + "def ".len()..];
    let open = text.find('(')?;
    let close = open + closing(&text[open..])?;
    let body = &text[close..];
    let body = &body[body.find(":\n").or_else(|| body.find(":\r\n"))? + 1..];
    let doc = match body.trim_start() {
        quoted if quoted.starts_with(['"', '\'', 'r']) => literal_at(body, 0),
        _ => None,
    };
    let doc = doc.as_ref().and_then(Json::as_str).unwrap_or_default();
    let described = ["Args:", "Returns:", "Raises:"].iter().filter_map(|part| doc.find(part)).min();
    let parameters = split(&text[open + 1..close]).into_iter();
    let parameters = parameters.map(|one| {
        let end = one.find([':', '=']).unwrap_or(one.len());
        one[..end].trim().to_string()
    });
    let is_own = |name: &String| {
        !name.is_empty() && name != "self" && name != "cls" && !name.starts_with(['*', '/'])
    };
    Some(Named {
        name: text[..open].trim().to_string(),
        description: doc[..described.unwrap_or(doc.len())].trim().to_string(),
        parameters: parameters.filter(is_own).collect(),
    })
}

/// The place of the bracket that closes the one a text begins with; brackets in quotation marks do
/// not count.
fn closing(text: &str) -> Option<usize> {
    let (mut depth, mut quote) = (0_usize, None);
    for (place, character) in text.char_indices() {
        match (quote, character) {
            (Some(mark), _) if mark == character => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(character),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(place);
                }
            }
            _ => {}
        }
    }
    None
}

/// The parts of a list of parameters, at the commas that stand in no bracket.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut depth, mut quote) = (0_i32, None);
    for (place, character) in text.char_indices() {
        match (quote, character) {
            (Some(mark), _) if mark == character => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(character),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth -= 1,
            (None, ',') if depth == 0 => {
                parts.push(&text[start..place]);
                start = place + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}
