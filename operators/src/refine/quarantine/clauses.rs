//! What instructions to a model sound like, as clauses of words.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use schemas::Rule;

use super::hidden;

/// Clauses, each a sequence of groups of alternatives. `<3` allows so many words before the next
/// group, none without it; `_` joins words of one alternative; `$` names a group of
/// [`VOCABULARY`]; `*` marks the group whose words are looked for first, the rarest; `+` lets a
/// clause go on beyond the end of a sentence.
///
/// Each says who is spoken to or what the words are about: an object ("instructions"), an
/// addressee ("the user") or a direction ("before any other tool"). Single words never suffice.
const CLAUSES: &[(Rule, &str)] = &[
    (Rule::QuarantineOverride, "*$ignore <5 $earlier <3 $orders|$laws"),
    (Rule::QuarantineOverride, "override|bypass|overwrite|discard|violate <5 $earlier <2 *$orders"),
    (Rule::QuarantineOverride, "*$ignore <2 all|any|every <3 $orders|safety_rules|system_rules"),
    (
        Rule::QuarantineOverride,
        "*$ignore <1 everything|anything|all <2 you_were_told|you_know|you_have_been|you_learned|i_said",
    ),
    (
        Rule::QuarantineOverride,
        "do_not|don_t|never|stop|no_longer|cease <1 follow|following|obey|obeying <3 $earlier|system <2 *$orders",
    ),
    (
        Rule::QuarantineOverride,
        "take|takes|taking|have|has *precedence|priority <1 over <3 $earlier|all|any <3 $orders",
    ),
    (Rule::QuarantineSecrecy, "$not <3 *tell|telling|inform|informing <3 $user|anyone|anybody"),
    (
        Rule::QuarantineSecrecy,
        "$not <3 *mention|mentioning|reveal|revealing|disclose|disclosing|explain|explaining <8 to|with <2 $user",
    ),
    (
        Rule::QuarantineSecrecy,
        "$not <2 *mention|mentioning|reveal|disclose <1 this|these|that_you|why_you|how_you <1 instruction|instructions|step|steps|requirement|first|are|were|have|need|read|to|action|tag",
    ),
    (Rule::QuarantineSecrecy, "$not <1 let|make <2 $user <1 *know|notice|suspect|aware"),
    (
        Rule::QuarantineSecrecy,
        "without <2 $user <1 *knowledge|knowing|noticing|awareness|realizing|realising",
    ),
    (
        Rule::QuarantineSecrecy,
        "$user <1 must|should|need|needs|may <0 not|never <2 *know|notice|be_told|be_informed|be_aware|find_out|learn",
    ),
    (
        Rule::QuarantineSecrecy,
        "*keep|hide|conceal <3 this|these|it <2 secret|hidden|instruction|instructions|step|behavior|behaviour <3 $user",
    ),
    (Rule::QuarantineExfiltration, "+$fetch <8 *$secret_file <40 $pass"),
    (
        Rule::QuarantineExfiltration,
        "send|upload|forward|exfiltrate|transmit|leak|pass|post|submit <2 content|contents|copy|value|values <3 *$secret_file",
    ),
    (
        Rule::QuarantineExfiltration,
        "$duty <5 $pass <4 *$secret_talk <10 argument|parameter|field|http|https|url|server|call",
    ),
    (
        Rule::QuarantineExfiltration,
        "$duty <3 send|forward|bcc|cc|redirect|transfer <2 all|every|any <2 *emails|mails|payments|funds|transfers|invoices <3 to",
    ),
    (
        Rule::QuarantineImpersonation,
        "*you_are_now <3 assistant|ai|agent|chatbot|dan|unrestricted|jailbroken|admin|administrator|root|hacker|no_longer|free|in_developer_mode",
    ),
    (
        Rule::QuarantineImpersonation,
        "new|important|critical|urgent|mandatory|hidden system|admin|administrator *instruction|instructions|directive|directives|override",
    ),
    (
        Rule::QuarantineImpersonation,
        "system|admin|administrator|developer *instruction|instructions|directive|override <1 you_must|you_are|you_will|you_should|always|never|ignore|disregard",
    ),
    (
        Rule::QuarantineImpersonation,
        "*im_start|start_header_id|start_of_turn system|user|assistant|model|developer|tool",
    ),
    (Rule::QuarantineImpersonation, "*inst sys"),
    (
        Rule::QuarantineImpersonation,
        "act|behave|respond|answer|pretend|roleplay <4 *jailbroken|unrestricted|unfiltered|uncensored <0 ai|assistant|model|mode|chatbot|agent|and|with|without",
    ),
    (
        Rule::QuarantineImpersonation,
        "*from_now_on you_must|you_are|you_should|always|never|ignore|act|only|every|all",
    ),
    (
        Rule::QuarantineCrossTool,
        "$duty <10 $ahead <3 any|all|every|each|other <1 *tool|tools|other_function|other_functions",
    ),
    (
        Rule::QuarantineCrossTool,
        "$ahead|whenever|after <2 any|all|every|each|other <1 *tool|tools|other_function|other_functions <8 must|always|first|have_to|need_to|required",
    ),
    (
        Rule::QuarantineCrossTool,
        "$not <0 use|call|invoke <0 any|the|all <0 other *tool|tools|functions",
    ),
    (
        Rule::QuarantineCrossTool,
        "when|if|whenever|once|while|as_long_as <8 *tool|tools <3 is|are <1 available|present|installed|enabled|connected <6 $duty",
    ),
    (
        Rule::QuarantineCrossTool,
        "overrides|replaces|supersedes|precedence_over|priority_over <1 all|any|every <1 other *tool|tools|functions",
    ),
];

/// Groups that several clauses share.
const VOCABULARY: &[(&str, &str)] = &[
    ("$ignore", "ignore|disregard|forget|ignoring|disregarding|forgetting"),
    (
        "$earlier",
        "previous|previously|prior|preceding|earlier|above|foregoing|your|initial|original",
    ),
    (
        "$orders",
        "instruction|instructions|prompt|prompts|guideline|guidelines|directive|directives|guardrail|guardrails|programming",
    ),
    (
        "$laws",
        "rules|restrictions|constraints|training|orders|commands|context|conversation|policies",
    ),
    (
        "$not",
        "do_not|don_t|dont|never|must_not|should_not|shall_not|not_to|without|avoid|refrain_from|not_be|please_not",
    ),
    ("$user", "user|users|human|humans|customer"),
    (
        "$duty",
        "must|always|mandatory|required|requires|have_to|need_to|should|shall|ensure|make_sure",
    ),
    ("$ahead", "before|prior_to|instead_of|rather_than|before_using|before_calling|before_you_use"),
    (
        "$fetch",
        "read|open|cat|load|access|fetch|retrieve|get|extract|reading|opening|copy|content|contents|look_up|find|include",
    ),
    (
        "$secret_file",
        ".ssh|id_rsa|id_ed25519|id_ecdsa|mcp_json|.env|.aws|etc_passwd|etc_shadow|.npmrc|.netrc|.pypirc|.git_credentials|desktop_config|.bash_history|.zsh_history|.kube|.gnupg|.cursor|login_keychain|wallet_dat",
    ),
    (
        "$pass",
        "pass|send|include|provide|put|append|upload|forward|attach|submit|transmit|embed|supply|insert|place|exfiltrate",
    ),
    (
        "$secret_talk",
        "system_prompt|conversation_history|chat_history|entire_conversation|full_conversation|whole_conversation|environment_variables|api_keys|access_tokens|passwords|user_s_credentials|all_credentials",
    ),
];

/// The like in other languages, as it is written; kept to the one threat that has set phrases.
const PHRASES: &[(Rule, &str)] = &[
    (Rule::QuarantineOverride, "忽略之前的指令"),
    (Rule::QuarantineOverride, "忽略以上指令"),
    (Rule::QuarantineOverride, "忽略所有指令"),
    (Rule::QuarantineOverride, "忽略之前的所有"),
    (Rule::QuarantineOverride, "忽略先前的"),
    (Rule::QuarantineOverride, "无视之前的"),
    (Rule::QuarantineOverride, "忽略系统提示"),
    (Rule::QuarantineSecrecy, "不要告诉用户"),
    (Rule::QuarantineSecrecy, "不要告知用户"),
    (Rule::QuarantineSecrecy, "不要向用户透露"),
    (Rule::QuarantineSecrecy, "不得告知用户"),
    (Rule::QuarantineSecrecy, "请勿告知用户"),
    (Rule::QuarantineOverride, "以前の指示を無視"),
    (Rule::QuarantineOverride, "これまでの指示を無視"),
    (Rule::QuarantineSecrecy, "ユーザーに伝えないで"),
    (Rule::QuarantineSecrecy, "ユーザーには伝えないで"),
    (Rule::QuarantineOverride, "이전 지시를 무시"),
    (Rule::QuarantineOverride, "이전 지시사항을 무시"),
    (Rule::QuarantineSecrecy, "사용자에게 알리지 마"),
    (Rule::QuarantineOverride, "ignora las instrucciones anteriores"),
    (Rule::QuarantineOverride, "ignorez les instructions précédentes"),
    (Rule::QuarantineOverride, "ignoriere alle vorherigen anweisungen"),
];

/// One of several sequences of words, after at most so many others.
struct Group {
    gap: usize,
    any: Vec<Vec<&'static str>>,
}

struct Clause {
    rule: Rule,
    groups: Vec<Group>,
    crosses: bool,
}

/// Finds clauses in text: one pass for the words they hang on, and a reading of what has them.
pub(super) struct Reader {
    clauses: Vec<Clause>,
    automaton: AhoCorasick,
    /// For every pattern of the automaton, the clauses that hang on it; a phrase has none.
    hanging: Vec<u64>,
    /// Where the phrases begin among the patterns.
    phrases_from: usize,
}

impl Reader {
    /// The one reader.
    pub(super) fn shared() -> &'static Reader {
        static READER: LazyLock<Reader> = LazyLock::new(Reader::new);
        &READER
    }

    fn new() -> Reader {
        let mut clauses = Vec::new();
        let mut anchors: BTreeMap<&'static str, u64> = BTreeMap::new();
        for (ordinal, (rule, written)) in CLAUSES.iter().enumerate() {
            let (clause, anchored) = clause(*rule, written);
            for words in &clause.groups[anchored].any {
                // The longest is the rarest, but for the name of a format.
                let telling = words.iter().filter(|word| **word != "json");
                let anchor = telling.max_by_key(|word| word.len()).expect("has a telling word");
                *anchors.entry(anchor).or_default() |= 1 << ordinal;
            }
            clauses.push(clause);
        }
        let mut patterns: Vec<Cow<'_, str>> = anchors.keys().map(|word| (*word).into()).collect();
        let phrases_from = patterns.len();
        patterns.extend(PHRASES.iter().map(|(_, phrase)| hidden::unmasked(phrase)));
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            // The longest at a place is the whole word, where one is the beginning of another.
            .match_kind(MatchKind::LeftmostLongest)
            .kind(Some(AhoCorasickKind::DFA))
            .build(patterns.iter().map(|pattern| pattern.as_bytes()))
            .expect("a few hundred states");
        Reader { clauses, automaton, hanging: anchors.into_values().collect(), phrases_from }
    }

    /// Whether there is a word in the text that a clause hangs on.
    pub(super) fn suspects(&self, text: &str) -> bool {
        self.automaton.is_match(text)
    }

    /// The first clause found in the text, with the span of its words.
    pub(super) fn read(&self, text: &str) -> Option<(Rule, (usize, usize))> {
        let mut hanging = 0;
        for found in self.automaton.find_iter(text) {
            let pattern = found.pattern().as_usize();
            if self.phrases_from <= pattern {
                let (rule, _) = PHRASES[pattern - self.phrases_from];
                return Some((rule, (found.start(), found.end())));
            }
            if is_word(text, found.start(), found.end()) {
                hanging |= self.hanging[pattern];
            }
        }
        if hanging == 0 {
            return None;
        }
        let lower = text.to_ascii_lowercase();
        let words = words(&lower);
        self.clauses.iter().enumerate().find_map(|(ordinal, clause)| {
            if hanging & (1 << ordinal) == 0 {
                return None;
            }
            let (first, last) = clause.find(&words)?;
            Some((clause.rule, (words[first].1, words[last].2)))
        })
    }
}

/// Whether what stands there is no part of a longer word.
fn is_word(text: &str, start: usize, end: usize) -> bool {
    let bytes = text.as_bytes();
    let goes_on = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    !goes_on(start.checked_sub(1).and_then(|before| bytes.get(before))) && !goes_on(bytes.get(end))
}

/// A word or the end of a sentence, with where it starts and ends.
type Word<'a> = (&'a str, usize, usize);

/// What ends a sentence, among words.
const STOP: &str = ".";

/// The words of a text in lower case. A dot before a word belongs to it, as in `.env`; one after a
/// word and before a space ends a sentence.
fn words(lower: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut start = None;
    let mut previous = ' ';
    for (place, character) in lower.char_indices() {
        if character.is_alphanumeric() {
            if start.is_none() {
                let dotted = previous == '.' && !ends_in_word(&lower[..place - 1]);
                start = Some(if dotted { place - 1 } else { place });
            }
        } else {
            if let Some(start) = start.take() {
                words.push((&lower[start..place], start, place));
            }
            let rest = &lower[place + character.len_utf8()..];
            let ends = matches!(character, '.' | '!' | '?' | '。')
                && rest.chars().next().is_none_or(char::is_whitespace);
            if ends {
                words.push((STOP, place, place + 1));
            }
        }
        previous = character;
    }
    if let Some(start) = start {
        words.push((&lower[start..], start, lower.len()));
    }
    words
}

fn ends_in_word(text: &str) -> bool {
    text.chars().next_back().is_some_and(char::is_alphanumeric)
}

impl Clause {
    /// The first and the last word of the first place where the clause is said.
    fn find(&self, words: &[Word<'_>]) -> Option<(usize, usize)> {
        (0..words.len()).find_map(|first| {
            let after = self.groups[0].at(words, first)?;
            Some((first, self.rest(words, 1, after)? - 1))
        })
    }

    /// Where the groups from this one on end, if they follow.
    fn rest(&self, words: &[Word<'_>], group: usize, from: usize) -> Option<usize> {
        let Some(next) = self.groups.get(group) else { return Some(from) };
        for place in from..=from + next.gap {
            if let Some(after) = next.at(words, place)
                && let Some(end) = self.rest(words, group + 1, after)
            {
                return Some(end);
            }
            if words.get(place).is_none_or(|word| word.0 == STOP && !self.crosses) {
                return None;
            }
        }
        None
    }
}

impl Group {
    /// Where the alternative that stands at a place ends.
    fn at(&self, words: &[Word<'_>], place: usize) -> Option<usize> {
        self.any.iter().find_map(|said| {
            let here = words.get(place..place + said.len())?;
            here.iter()
                .zip(said)
                .all(|(word, said)| is_same(word.0, said))
                .then_some(place + said.len())
        })
    }
}

/// Equality that mostly ends at the first letter.
fn is_same(one: &str, other: &str) -> bool {
    one.as_bytes().first() == other.as_bytes().first() && one == other
}

/// Reads the notation of [`CLAUSES`]: the clause, and which of its groups is looked for first.
fn clause(rule: Rule, written: &'static str) -> (Clause, usize) {
    let (crosses, written) = match written.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, written),
    };
    let mut groups = Vec::new();
    let (mut gap, mut anchored) = (0, 0);
    for part in written.split(' ') {
        if let Some(number) = part.strip_prefix('<') {
            gap = number.parse().expect("a gap is a number");
            continue;
        }
        let part = part.strip_prefix('*').inspect(|_| anchored = groups.len()).unwrap_or(part);
        let any = part.split('|').flat_map(alternatives).collect();
        groups.push(Group { gap, any });
        gap = 0;
    }
    (Clause { rule, groups, crosses }, anchored)
}

fn alternatives(part: &'static str) -> Vec<Vec<&'static str>> {
    let named = VOCABULARY.iter().find(|(name, _)| *name == part);
    let spelled = named.map_or(part, |(_, spelled)| spelled);
    assert!(!spelled.starts_with('$'), "{part} is in the vocabulary");
    spelled.split('|').map(|words| words.split('_').collect()).collect()
}
