//! Verbs and nouns, read off names.

use crate::materialize::lexicon::{Act, DETERMINERS, PREPOSITIONS, TAILS, act, event, marked};
use crate::materialize::words::{is_plural, singular, words};

/// Most words of a noun phrase that name an entity; of longer ones the last are kept.
const NOUN_WORDS_MAX: usize = 4;

/// Verbs that are nouns as often: another verb in the name is believed first.
const AMBIGUOUS: [&str; 45] = [
    "book", "order", "record", "log", "post", "tag", "label", "place", "request", "draft", "test",
    "build", "vote", "share", "quote", "play", "schedule", "issue", "filter", "query", "view",
    "export", "run", "release", "transfer", "format", "upgrade", "star", "lock", "pin", "head",
    "purchase", "review", "process", "pack", "pick", "claim", "flag", "trigger", "audit", "hold",
    "seal", "repair", "dispatch", "sign",
];

/// Verbs that are believed before others where a name ends in them: `admin_invites_list`.
const LAST: [&str; 7] = ["list", "get", "create", "delete", "update", "add", "remove"];

/// A verb and its noun, read off a name.
#[derive(Clone, Debug, Default)]
pub(super) struct Phrase {
    /// The verb, in its base form.
    pub(super) verb: String,
    /// What it does.
    pub(super) act: Option<Act>,
    /// The noun, in the singular.
    pub(super) noun: Vec<String>,
    /// Whether the noun is written as a plural.
    pub(super) many: bool,
}

/// Finds the verb of a name and the noun after it, or before it where nothing follows.
pub(super) fn phrase(words: &[String]) -> Phrase {
    if let Some(phrase) = marking(words).or_else(|| phrasal(words)) {
        return phrase;
    }
    let usable = |word: &String| act(word).is_some();
    let plain = |word: &String| usable(word) && !AMBIGUOUS.contains(&word.as_str());
    let place = match words.first() {
        Some(first) if plain(first) => Some(0),
        Some(first) if usable(first) => {
            let other = words.iter().skip(1).position(plain).map(|place| place + 1);
            Some(other.filter(|place| *place == 1 || place + 1 == words.len()).unwrap_or(0))
        }
        _ => words
            .iter()
            .rposition(|word| LAST.contains(&word.as_str()))
            .filter(|place| place + 1 == words.len())
            .or_else(|| words.iter().position(|word| plain(word) && event(word).is_none()))
            .or_else(|| words.iter().position(|word| usable(word) && event(word).is_none()))
            .or_else(|| words.iter().position(usable).filter(|place| place + 1 == words.len())),
    };
    let Some(place) = place else {
        let (noun, many) = trim(words);
        return Phrase { noun, many, ..Phrase::default() };
    };
    let verb = words[place].clone();
    let listed = verb == "get" && words.get(place + 1).is_some_and(|next| next == "list");
    let (mut noun, mut many) = trim(&words[place + 1..]);
    if noun.is_empty() {
        (noun, many) = trim(&words[..place]);
    }
    many |= listed || (act(&verb) == Some(Act::Get) && words.last().is_some_and(|it| it == "list"));
    Phrase { act: act(&verb), verb, noun, many }
}

/// What `mark_order_served`, `mark_task_as_done`, `set_invoice_paid` and `report_lost_book` do.
fn marking(words: &[String]) -> Option<Phrase> {
    let (first, rest) = words.split_first()?;
    let (last, before) = rest.split_last()?;
    let marks = ["mark", "flag", "report"].contains(&first.as_str());
    if !marks && first != "set" {
        return None;
    }
    let ((status, verb), rest) = match (marked(last), rest.split_first()) {
        (Some(mark), _) => (mark, before),
        (None, Some((next, after))) if marks => (marked(next)?, after),
        _ => return None,
    };
    let (noun, many) = trim(rest);
    Some(Phrase { verb: verb.into(), act: Some(Act::Become(status)), noun, many })
}

/// What verbs of two words do, such as `check_in_guest`.
fn phrasal(words: &[String]) -> Option<Phrase> {
    let verb = words.get(..2)?.join(" ");
    let act = act(&verb)?;
    let (noun, many) = trim(&words[2..]);
    Some(Phrase { verb, act: Some(act), noun, many })
}

/// The noun phrase at the start of these words, in the singular, and whether it was a plural.
pub(super) fn trim(words: &[String]) -> (Vec<String>, bool) {
    let mut noun: Vec<String> = Vec::new();
    for (place, word) in words.iter().enumerate() {
        // `api_v1` and the like say where, not what.
        let versioned = words.get(place + 1).is_some_and(|next| is_version(next));
        if noun.is_empty() && versioned && ["api", "rest", "rpc"].contains(&word.as_str()) {
            continue;
        }
        if PREPOSITIONS.contains(&word.as_str()) {
            if noun.is_empty() {
                continue;
            }
            break;
        }
        if !DETERMINERS.contains(&word.as_str()) && !is_version(word) {
            noun.push(word.clone());
        }
    }
    while 1 < noun.len() && noun.last().is_some_and(|last| TAILS.contains(&last.as_str())) {
        noun.pop();
    }
    if 1 < noun.len() && noun.last().is_some_and(|last| last == "id" || last == "ids") {
        noun.pop();
    }
    if 2 < noun.len() && noun.last().is_some_and(|last| last == "slot") {
        noun.pop();
    }
    if NOUN_WORDS_MAX < noun.len() {
        noun.drain(..noun.len() - NOUN_WORDS_MAX);
    }
    let many = noun.last().is_some_and(|last| is_plural(last));
    if let Some(last) = noun.last_mut() {
        *last = singular(last);
    }
    (noun, many)
}

/// A name without the group it begins with: `AddRecipe` of `GroceryList_AddRecipe`.
pub(super) fn own_part(name: &str) -> &str {
    let Some((group, rest)) = name.split_once('_') else { return name };
    let split = words(rest);
    let [verb, next, ..] = &split[..] else { return name };
    let begins = act(verb).is_some() && !AMBIGUOUS.contains(&verb.as_str());
    let grouped =
        [group, rest].iter().all(|it| it.starts_with(|first: char| first.is_ascii_uppercase()));
    if grouped && begins && !PREPOSITIONS.contains(&next.as_str()) { rest } else { name }
}

/// The words of a name, its verb first where a group comes before it and nothing but a manner comes
/// after: `delete failover groups` of `FailoverGroups_Delete`, `list groups by site` of
/// `Groups_ListBySite`.
pub(super) fn own_words(name: &str) -> Vec<String> {
    let own = words(own_part(name));
    let Some((group, rest)) = name.split_once('_') else { return own };
    let capital = |it: &str| it.starts_with(|first: char| first.is_ascii_uppercase());
    let split = words(rest);
    let [verb, after @ ..] = &split[..] else { return own };
    let is_verb = |word: &str| act(word).is_some() && !AMBIGUOUS.contains(&word);
    if !capital(group) || !capital(rest) || !is_verb(verb) {
        return own;
    }
    // `CreateOrUpdate` makes what is not there.
    let after = match after {
        [or, other, after @ ..] if or == "or" && is_verb(other) => after,
        after => after,
    };
    if after.first().is_some_and(|next| !PREPOSITIONS.contains(&next.as_str())) {
        return own;
    }
    [vec![verb.clone()], words(group), after.to_vec()].concat()
}

/// Whether a word only counts versions.
pub(super) fn is_version(word: &str) -> bool {
    let digits = word.strip_prefix('v').unwrap_or(word);
    digits.starts_with(|first: char| first.is_ascii_digit())
}
