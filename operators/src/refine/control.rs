//! Characters and tokens that steer a reader instead of telling something.

use std::borrow::Cow;

/// Characters that show nothing, or change how others show: Unicode 16.0 sections 23.2, 23.3,
/// 23.4, 23.8 and 23.9.
pub(super) fn is_hidden(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{e000}'..='\u{f8ff}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{10ffff}'
        )
}

/// The text without hidden characters.
///
/// Three stay where a script needs them, between what they join and never two in a row, so that
/// they can neither part a word of Latin letters nor spell anything: the zero-width joiner and
/// non-joiner between letters that join, the joiner between emoji, and the selector that makes a
/// sign an emoji. Flags made of tag characters do not stay.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    let mut previous = ' ';
    while let Some(character) = characters.next() {
        let next = characters.peek().copied().unwrap_or(' ');
        let stays = match character {
            '\u{200c}' => joins(previous) && joins(next),
            '\u{200d}' => {
                (joins(previous) && joins(next))
                    || ((is_emoji(previous) || previous == '\u{fe0f}') && is_emoji(next))
            }
            '\u{fe0f}' => is_emoji(previous),
            character => !is_hidden(character),
        };
        if stays {
            out.push(character);
            previous = character;
        }
    }
    Cow::Owned(out)
}

/// Letters of the scripts that write with joiners: Arabic, Syriac and their kin, and those of
/// India, Sri Lanka and Burma (Unicode 16.0 sections 9.2, 12 and 16.3).
fn joins(character: char) -> bool {
    matches!(
        character,
        '\u{620}'..='\u{65f}' | '\u{66e}'..='\u{6d3}' | '\u{6fa}'..='\u{7bf}'
            | '\u{8a0}'..='\u{8ff}' | '\u{900}'..='\u{dff}' | '\u{1000}'..='\u{109f}'
    )
}

/// Signs that are emoji or can be (Unicode 16.0 `emoji-data.txt`), those beyond Latin 1.
fn is_emoji(character: char) -> bool {
    matches!(
        character,
        '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2194}'..='\u{21aa}'
            | '\u{231a}'..='\u{23ff}' | '\u{24c2}' | '\u{25aa}'..='\u{25fe}'
            | '\u{2600}'..='\u{27bf}' | '\u{2934}'..='\u{2935}' | '\u{2b05}'..='\u{2b55}'
            | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}' | '\u{1f000}'..='\u{1faff}'
    )
}

/// Words that tokenizers put in angle brackets to steer a conversation; what comes before a digit,
/// a colon or an equals sign is enough of one that is numbered or takes a name.
const ANGLED: [&str; 98] = [
    "tool_call",
    "tool_calls",
    "toolcall",
    "tool_response",
    "tool_responses",
    "tool_result",
    "tool_results",
    "tools",
    "tool",
    "available_tools",
    "function_call",
    "function_calls",
    "function_results",
    "function_response",
    "function",
    "functions",
    "invoke",
    "parameter",
    "arg_key",
    "arg_value",
    "scratch_pad",
    "scratchpad",
    "think",
    "thinking",
    "thought",
    "reasoning",
    "answer",
    "no_think",
    "nothink",
    "s",
    "bos",
    "eos",
    "pad",
    "unk",
    "mask",
    "sep",
    "cls",
    "sop",
    "eop",
    "eot",
    "eod",
    "bos_token",
    "eos_token",
    "pad_token",
    "unk_token",
    "endoftext",
    "sys",
    "system",
    "user",
    "assistant",
    "human",
    "bot",
    "model",
    "developer",
    "start_of_turn",
    "end_of_turn",
    "start_of_image",
    "end_of_image",
    "image_soft_token",
    "start_of_audio",
    "end_of_audio",
    "im_start",
    "im_end",
    "im_sep",
    "im_patch",
    "observation",
    "image",
    "img",
    "audio",
    "video",
    "unused",
    "reserved",
    "special",
    "extra_id",
    "dummy",
    "placeholder",
    "tokens_unused",
    "fim_prefix",
    "fim_middle",
    "fim_suffix",
    "fim_pad",
    "file_sep",
    "repo_name",
    "reponame",
    "filename",
    "gh_stars",
    "issue_start",
    "issue_comment",
    "issue_closed",
    "jupyter_start",
    "jupyter_text",
    "jupyter_code",
    "jupyter_output",
    "empty_output",
    "commit_before",
    "commit_msg",
    "minimax",
    "seed",
];

/// The same in square brackets, as Llama 2, Mistral, GLM and BERT write them.
const SQUARED: [&str; 34] = [
    "INST",
    "TOOL_CALLS",
    "AVAILABLE_TOOLS",
    "TOOL_RESULTS",
    "TOOL_CONTENT",
    "SYSTEM_PROMPT",
    "IMG",
    "IMG_BREAK",
    "IMG_END",
    "AUDIO",
    "BEGIN_AUDIO",
    "TRANSCRIBE",
    "ARGS",
    "CALL_ID",
    "THINK",
    "PREFIX",
    "MIDDLE",
    "SUFFIX",
    "REF",
    "MODEL_SETTINGS",
    "BOS",
    "EOS",
    "PAD",
    "UNK",
    "CLS",
    "SEP",
    "MASK",
    "gMASK",
    "sMASK",
    "multimodal",
    "@BOS@",
    "SYSTEM",
    "USER",
    "ASSISTANT",
];

/// Pairs of characters that open and close control tokens whatever stands between: `<|im_start|>`,
/// `<<SYS>>`, `[|system|]`, `]~b]`; and what opens one that nothing has to close.
const PAIRS: [&str; 10] =
    ["<function=", "<parameter=", "<|", "|>", "<<", ">>", "[|", "|]", "]~", "~["];

/// Most rounds of taking brackets away, since taking one away can make another.
const ROUNDS_MAX: usize = 4;

/// The text with the brackets of control tokens taken away.
///
/// Wide signs, as `DeepSeek` has them in its tokens, count as the narrow ones that some tokenizers
/// make of them; where they make no token they stay.
pub(super) fn tamed(text: &str) -> String {
    // Most texts have no bracket, and every token does.
    let bracket = |byte| matches!(byte, b'<' | b'>' | b'[' | b']');
    if text.is_ascii() && !text.bytes().any(bracket) {
        return text.into();
    }
    if !text.contains(WIDE.map(|(wide, _)| wide)) {
        return tamed_narrow(text);
    }
    let narrow = |wide| WIDE.iter().find(|(sign, _)| *sign == wide).map_or(wide, |(_, sign)| *sign);
    let narrowed: String = text.chars().map(narrow).collect();
    let tamer = tamed_narrow(&narrowed);
    if tamer == narrowed { text.into() } else { tamer }
}

/// Wide signs and their narrow forms.
const WIDE: [(char, char); 6] =
    [('＜', '<'), ('＞', '>'), ('｜', '|'), ('［', '['), ('］', ']'), ('～', '~')];

fn tamed_narrow(text: &str) -> String {
    let mut text = text.to_string();
    for _ in 0..ROUNDS_MAX {
        let tamer = tamed_once(&text);
        if tamer == text {
            return text;
        }
        text = tamer;
    }
    // Whoever nests tokens this deep wants to get one through.
    text.replace(['<', '>', '|', '[', ']', '~'], " ")
}

fn tamed_once(text: &str) -> String {
    let mut out = text.to_string();
    for pair in PAIRS {
        if out.contains(pair) {
            out = out.replace(pair, " ");
        }
    }
    if out.contains('<') {
        out = unbracketed(&out, '<', '>', |word| {
            ANGLED.iter().any(|control| word.eq_ignore_ascii_case(control))
        });
    }
    if out.contains('[') {
        out = unbracketed(&out, '[', ']', |word| SQUARED.contains(&word));
    }
    out
}

/// Longest control token looked for, in bytes.
const TOKEN_BYTES_MAX: usize = 200;

fn unbracketed(text: &str, open: char, close: char, controls: impl Fn(&str) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(open) {
        out.push_str(&rest[..start]);
        rest = &rest[start + 1..];
        let window = &rest.as_bytes()[..rest.len().min(TOKEN_BYTES_MAX)];
        let end = window.iter().position(|byte| *byte == close as u8);
        match end {
            Some(end) if controls(control_word(&rest[..end])) => {
                out.push(' ');
                out.push_str(rest[..end].trim().trim_matches('/'));
                out.push(' ');
                rest = &rest[end + 1..];
            }
            _ => out.push(open),
        }
    }
    out.push_str(rest);
    out
}

/// The word that makes what stands in brackets a control token.
fn control_word(inner: &str) -> &str {
    let inner = inner.trim().trim_matches('/').trim();
    let word = inner.split([' ', '=', ':']).next().unwrap_or_default();
    word.trim_end_matches(|character: char| character.is_ascii_digit()).trim_end_matches('_')
}
