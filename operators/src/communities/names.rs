//! Short human names for domains.

use std::collections::BTreeMap;

use schemas::{Tool, Weights};

use crate::encode::words::words;

/// Words of a name.
const WORDS: usize = 2;

/// Verbs and fillers, which say what a tool does but not what it is about.
const COMMON: &str = "action add apply batch call check clear cloud com convert copy count create \
                      data delete describe disable enable execute fetch find for function generate \
                      get http info information json list modify name org param patch post put query \
                      read remove request resource retrieve run search send set start stop tool type \
                      update value version";

/// A short name in kebab case from what the members' names and paths have in common and other
/// tools have not, such as `hotel-booking`.
///
/// A function of the members, whatever their order. Two domains may get one name; their ids tell
/// them apart.
pub fn domain_name(members: &[&Tool], weights: &Weights) -> String {
    let mut scores: BTreeMap<String, u64> = BTreeMap::new();
    for tool in members {
        let path = tool.path.iter().flat_map(|path| path.split('/'));
        let nouns = path.filter(|segment| !segment.contains('{'));
        let mut said: Vec<String> = nouns.chain([tool.name.as_str()]).flat_map(words).collect();
        said.sort_unstable();
        said.dedup();
        for word in said {
            if 2 < word.chars().count() && COMMON.split(' ').all(|common| common != word) {
                *scores.entry(word).or_default() += 1;
            }
        }
    }
    // How many members say it, times how many bits it tells.
    let tells = |word: &str| {
        let rarity = weights.tools / weights.occurrences.get(word).copied().unwrap_or(1).max(1);
        u64::from(rarity.max(1).ilog2()) + 1
    };
    let mut ranked: Vec<(u64, String)> =
        scores.into_iter().map(|(word, saying)| (saying * tells(&word).min(8), word)).collect();
    ranked.sort_by(|one, other| other.0.cmp(&one.0).then_with(|| one.1.cmp(&other.1)));
    // Names become names of files; other scripts are for domains that have no other word.
    if ranked.iter().any(|(_, word)| word.is_ascii()) {
        ranked.retain(|(_, word)| word.is_ascii());
    }
    let Some(least) = ranked.first().map(|(score, _)| score / 2) else { return "tools".into() };
    let chosen: Vec<String> = ranked
        .into_iter()
        .take(WORDS)
        .filter(|(score, _)| least <= *score)
        .map(|(_, word)| word)
        .collect();
    chosen.join("-")
}
