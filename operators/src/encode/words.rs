//! Words of names and sentences, in any script.

/// Most characters a word keeps.
const WORD_CHARS_MAX: usize = 24;

/// Words of English that tell nothing about what a tool does.
const STOP_WORDS: [&str; 62] = [
    "a", "all", "also", "an", "and", "any", "api", "are", "as", "at", "be", "been", "by", "can",
    "default", "do", "does", "e", "each", "for", "from", "g", "has", "have", "if", "in", "into",
    "is", "it", "its", "may", "more", "must", "new", "no", "not", "of", "on", "one", "only", "or",
    "other", "should", "such", "that", "the", "their", "then", "there", "these", "this", "to",
    "use", "used", "using", "was", "when", "which", "will", "with", "you", "your",
];

/// The words of a name or a sentence: split at punctuation, at changes of case and between
/// letters and digits; in lower case; plurals folded; runs of Chinese, Japanese or Korean
/// characters, which have no spaces, as their overlapping pairs. Numbers and stop words are left
/// out.
pub(crate) fn words(text: &str) -> Vec<String> {
    spoken(text).into_iter().map(|(word, _)| word).collect()
}

/// The words of a text, each with how it is written there: in lower case, plurals as they are.
pub(crate) fn spoken(text: &str) -> Vec<(String, String)> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut ideographs: Vec<char> = Vec::new();
    let mut previous = ' ';
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if is_ideograph(character) {
            finish(&mut word, &mut words);
            ideographs.push(character);
        } else {
            pair(&mut ideographs, &mut words);
            // `HTTPServer` is `http server`: the last capital of a run opens the next word.
            let opens = character.is_uppercase()
                && (!previous.is_uppercase()
                    || characters.peek().is_some_and(|next| next.is_lowercase()));
            if opens || !character.is_alphabetic() {
                finish(&mut word, &mut words);
            }
            if character.is_alphabetic() {
                word.extend(character.to_lowercase());
            }
        }
        previous = character;
    }
    finish(&mut word, &mut words);
    pair(&mut ideographs, &mut words);
    words
}

fn finish(word: &mut String, words: &mut Vec<(String, String)>) {
    let written = word.clone();
    if word.is_ascii() {
        singular(word);
    }
    if 1 < word.chars().count() && STOP_WORDS.binary_search(&word.as_str()).is_err() {
        words.push((word.chars().take(WORD_CHARS_MAX).collect(), written));
    }
    word.clear();
}

fn pair(ideographs: &mut Vec<char>, words: &mut Vec<(String, String)>) {
    let mut keep = |run: &[char]| {
        let word: String = run.iter().collect();
        words.push((word.clone(), word));
    };
    match ideographs.as_slice() {
        [] => return,
        [single] => keep(&[*single]),
        run => run.windows(2).for_each(keep),
    }
    ideographs.clear();
}

/// Folds the regular plurals of English; a word it spoils is spoilt everywhere alike.
fn singular(word: &mut String) {
    let kept = word.len() < 4 || ["ss", "us", "is"].iter().any(|ending| word.ends_with(ending));
    if kept {
        return;
    }
    if word.ends_with("ies") {
        word.truncate(word.len() - 3);
        word.push('y');
    } else if ["sses", "xes", "ches", "shes"].iter().any(|ending| word.ends_with(ending)) {
        word.truncate(word.len() - 2);
    } else if word.ends_with('s') {
        word.truncate(word.len() - 1);
    }
}

pub(crate) fn is_ideograph(character: char) -> bool {
    matches!(u32::from(character),
        0x2e80..=0x2fdf | 0x3040..=0x30ff | 0x3130..=0x318f | 0x3400..=0x4dbf | 0x4e00..=0x9fff
        | 0xac00..=0xd7af | 0xf900..=0xfaff | 0x2_0000..=0x3_ffff)
}

#[cfg(test)]
mod tests {
    use super::{STOP_WORDS, words};

    #[test]
    fn stop_words_are_sorted() {
        assert!(STOP_WORDS.is_sorted());
    }

    #[test]
    fn names_and_sentences_fall_into_words() {
        assert_eq!(words("listHTTPServers2_byId"), ["list", "http", "server", "id"]);
        assert_eq!(words("The cities, and their boxes."), ["city", "box"]);
        assert_eq!(words("查询酒店 hotel"), ["查询", "询酒", "酒店", "hotel"]);
        assert_eq!(words("Straße größer"), ["straße", "größer"]);
        assert!(words("🦀 -- 42 ()").is_empty());
    }
}
