//! Whether there is enough in a record to act on.

use std::collections::BTreeSet;

use schemas::{Field, Rule};

/// Names that agent frameworks give to their own moves; such a record describes no API.
const FRAMEWORK: [&str; 12] = [
    "finish",
    "ask_to_user",
    "ask_user",
    "tool_searcher",
    "toolsearcher",
    "give_up_and_restart",
    "give_answer",
    "final_answer",
    "think",
    "noop",
    "no_op",
    "invalid_tool",
];

/// Words that say nothing about what a tool does.
const VAGUE: [&str; 34] = [
    "api", "call", "test", "tests", "example", "sample", "demo", "default", "endpoint", "index",
    "main", "root", "home", "function", "func", "method", "tool", "untitled", "new", "copy", "get",
    "post", "put", "delete", "patch", "head", "options", "by", "the", "of", "v1", "v2", "execute",
    "run",
];

/// Descriptions that stand where one is missing.
const PLACEHOLDERS: [&str; 9] = [
    "description not available",
    "no description",
    "no description available",
    "no description provided",
    "todo",
    "tbd",
    "n/a",
    "none",
    "null",
];

/// Furniture of the pages that tools are scraped from, with no word about the tool.
const FURNITURE: [&str; 3] =
    ["Try in Playground", "Access and manage servers by signing in", "Deploy Server"];

/// Empties a description that says nothing.
pub(super) fn unfurnish(description: &mut String, met: &mut BTreeSet<Rule>) {
    let said = description.trim_end_matches('.').to_lowercase();
    if PLACEHOLDERS.contains(&said.as_str())
        || FURNITURE.iter().any(|page| description.starts_with(page) && description.len() < 200)
    {
        met.insert(Rule::DescriptionEmptied);
        description.clear();
    }
}

/// Judges a refined record.
///
/// # Errors
///
/// Says why nobody could act on it.
pub(super) fn judge(
    published: &str,
    name: &str,
    description: &str,
    input: &[Field],
) -> Result<(), (Rule, String)> {
    if FRAMEWORK.contains(&name.to_ascii_lowercase().as_str()) {
        let reason = format!("\"{name}\" is a move of an agent framework and no API");
        return Err((Rule::FrameworkMove, reason));
    }
    if description.is_empty() && input.is_empty() && !is_expressive(published, name) {
        let reason = "is too poor to act on: no description, no argument, a vague name".into();
        return Err((Rule::TooPoor, reason));
    }
    Ok(())
}

/// Whether a name alone tells what the tool does: two words that mean something.
fn is_expressive(published: &str, name: &str) -> bool {
    let beyond_ascii = published.chars().filter(|c| !c.is_ascii() && c.is_alphabetic()).count();
    let telling = words(name)
        .into_iter()
        .filter(|word| 2 < word.len() && word.chars().any(|c| c.is_ascii_alphabetic()))
        .filter(|word| !VAGUE.contains(&word.as_str()))
        .count();
    let verbs = ["get", "delete", "list", "create", "update", "post", "put", "run", "call"];
    let has_verb = words(name).iter().any(|word| verbs.contains(&word.as_str()));
    2 <= beyond_ascii || 2 <= telling || (telling == 1 && has_verb)
}

/// The words of a name in lower case: between separators, and by their capitals.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut previous_is_lower = false;
    for character in name.chars() {
        let starts = character.is_ascii_uppercase() && previous_is_lower;
        if (!character.is_ascii_alphanumeric() || starts) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if character.is_ascii_alphanumeric() {
            word.push(character.to_ascii_lowercase());
        }
        previous_is_lower = character.is_ascii_lowercase() || character.is_ascii_digit();
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}
