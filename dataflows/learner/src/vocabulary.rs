//! Texts become tokens and tokens become texts, and only templates make control tokens.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tokenizers::Tokenizer;

use crate::error::LearnError;
use crate::template::{BEGIN, END, GUARD};

/// Begins a turn.
pub const TURN: &str = "<|im_start|>";
/// Ends a turn.
pub const TURN_END: &str = "<|im_end|>";
/// Begins a call.
pub const CALL: &str = "<tool_call>";
/// Ends a call.
pub const CALL_END: &str = "</tool_call>";

/// A tokenizer, in two parts: control tokens by their spelling, and what makes tokens of text
/// that knows none of them.
#[derive(Debug)]
pub struct Vocabulary {
    plain: Tokenizer,
    ids: BTreeMap<String, u32>,
    names: BTreeMap<u32, String>,
    /// The spellings, the longest first.
    spellings: Vec<String>,
    /// The characters that they begin with.
    starts: BTreeSet<char>,
    size: usize,
    /// Where it was read.
    pub path: PathBuf,
}

/// A rendered conversation as tokens.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Tokens {
    /// The tokens.
    pub ids: Vec<u32>,
    /// For each, which of the marked stretches it is part of, counted from 0, if any.
    pub marked: Vec<Option<usize>>,
}

/// A part of what a model said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Part {
    /// A control token, by its spelling.
    Control(String),
    /// Text, which may spell anything.
    Text(String),
}

impl Vocabulary {
    /// Reads `tokenizer.json` of a model's directory.
    ///
    /// # Errors
    ///
    /// Names the file and the token if it lacks one that conversations and calls are made of, or
    /// has control tokens that swallow the space around them.
    pub fn read(folder: &Path) -> Result<Vocabulary, LearnError> {
        let path = folder.join("tokenizer.json");
        let text =
            fs::read_to_string(&path).map_err(LearnError::io(&path, "read the tokenizer"))?;
        Vocabulary::parse(&path, &text)
    }

    /// Takes the text of `tokenizer.json`; `path` is only named in errors.
    ///
    /// # Errors
    ///
    /// As [`Vocabulary::read`].
    pub fn parse(path: &Path, text: &str) -> Result<Vocabulary, LearnError> {
        let wrong = |place: &str, reason: String| {
            let remedy = "use the tokenizer of a Qwen3 checkpoint, or train one with --init";
            LearnError::unusable(path, place, reason, remedy)
        };
        let mut json: Value =
            serde_json::from_str(text).map_err(|error| wrong("its JSON", error.to_string()))?;
        let added = json["added_tokens"].as_array().cloned().unwrap_or_default();
        let mut ids = BTreeMap::new();
        for token in &added {
            let (Some(id), Some(spelling)) = (token["id"].as_u64(), token["content"].as_str())
            else {
                return Err(wrong("\"added_tokens\"", format!("{token} is no token")));
            };
            let flags = ["lstrip", "rstrip", "single_word", "normalized"];
            if let Some(flag) = flags.iter().find(|flag| token[**flag] == true) {
                let reason = format!("\"{spelling}\" is {flag}, which is not done here");
                return Err(wrong("\"added_tokens\"", reason));
            }
            let id = u32::try_from(id).map_err(|error| wrong(spelling, error.to_string()))?;
            ids.insert(spelling.to_string(), id);
        }
        for needed in [TURN, TURN_END, CALL, CALL_END] {
            if !ids.contains_key(needed) {
                let reason = format!("\"{needed}\", which conversations need, is missing");
                return Err(wrong("\"added_tokens\"", reason));
            }
        }
        json["added_tokens"] = Value::Array(Vec::new());
        let plain: Tokenizer = json
            .to_string()
            .parse()
            .map_err(|error: tokenizers::Error| wrong("the tokenizer", error.to_string()))?;
        let names: BTreeMap<u32, String> =
            ids.iter().map(|(spelling, id)| (*id, spelling.clone())).collect();
        let mut spellings: Vec<String> = ids.keys().cloned().collect();
        spellings.sort_by_key(|spelling| (std::cmp::Reverse(spelling.len()), spelling.clone()));
        let highest = names.keys().next_back().map_or(0, |id| *id as usize + 1);
        let size = plain.get_vocab_size(false).max(highest);
        let starts = spellings.iter().filter_map(|it| it.chars().next()).collect();
        Ok(Vocabulary { plain, ids, names, spellings, starts, size, path: path.to_path_buf() })
    }

    /// One more than the highest token.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The spellings of control tokens, the longest first.
    pub fn controls(&self) -> &[String] {
        &self.spellings
    }

    /// The control token of a spelling.
    pub fn control(&self, spelling: &str) -> Option<u32> {
        self.ids.get(spelling).copied()
    }

    /// The tokens of a rendered conversation. Control tokens are what the template spelled;
    /// guarded spellings are text.
    ///
    /// # Errors
    ///
    /// If the tokenizer refuses the text.
    pub fn encode(&self, rendered: &str) -> Result<Tokens, LearnError> {
        let mut tokens = Tokens::default();
        let mut text = String::new();
        // Where marked stretches lie in the text so far.
        let mut stretches: Vec<(usize, usize, usize)> = Vec::new();
        let (mut open, mut seen) = (None, 0);
        let mut rest = rendered;
        while let Some(character) = rest.chars().next() {
            let control = match self.starts.contains(&character) {
                true => self.spellings.iter().find(|it| rest.starts_with(it.as_str())),
                false => None,
            };
            if let Some(control) = control {
                self.encode_text(&mut text, &mut stretches, &mut tokens)?;
                if let Some(place) = open {
                    stretches.push((0, usize::MAX, place));
                }
                tokens.ids.push(self.ids[control]);
                tokens.marked.push(open);
                rest = &rest[control.len()..];
                continue;
            }
            match character {
                GUARD => {}
                BEGIN => {
                    open = Some(seen);
                    seen += 1;
                    stretches.push((text.len(), usize::MAX, seen - 1));
                }
                END => {
                    open = None;
                    if let Some(last) = stretches.last_mut() {
                        last.1 = text.len();
                    }
                }
                other => text.push(other),
            }
            rest = &rest[character.len_utf8()..];
        }
        self.encode_text(&mut text, &mut stretches, &mut tokens)?;
        Ok(tokens)
    }

    /// Turns the text gathered so far into tokens, and forgets it.
    fn encode_text(
        &self,
        text: &mut String,
        stretches: &mut Vec<(usize, usize, usize)>,
        tokens: &mut Tokens,
    ) -> Result<(), LearnError> {
        if !text.is_empty() {
            let encoded = self.plain.encode(text.as_str(), false).map_err(|error| {
                LearnError::unusable(
                    &self.path,
                    "the tokenizer",
                    error.to_string(),
                    "use the tokenizer that belongs to the checkpoint",
                )
            })?;
            for (id, (start, end)) in encoded.get_ids().iter().zip(encoded.get_offsets()) {
                let within = stretches.iter().find(|(from, to, _)| start < to && from < end);
                tokens.ids.push(*id);
                tokens.marked.push(within.map(|(.., place)| *place));
            }
        }
        text.clear();
        stretches.clear();
        Ok(())
    }

    /// What tokens say, control tokens apart from text.
    ///
    /// # Errors
    ///
    /// If the tokenizer cannot decode them.
    pub fn decode(&self, ids: &[u32]) -> Result<Vec<Part>, LearnError> {
        let mut parts = Vec::new();
        let mut run = Vec::new();
        for id in ids {
            match self.names.get(id) {
                None => run.push(*id),
                Some(name) => {
                    self.decode_run(&mut run, &mut parts)?;
                    parts.push(Part::Control(name.clone()));
                }
            }
        }
        self.decode_run(&mut run, &mut parts)?;
        Ok(parts)
    }

    fn decode_run(&self, run: &mut Vec<u32>, parts: &mut Vec<Part>) -> Result<(), LearnError> {
        if !run.is_empty() {
            let text = self.plain.decode(run, false).map_err(|error| {
                LearnError::unusable(
                    &self.path,
                    "the tokenizer",
                    error.to_string(),
                    "use the tokenizer that belongs to the checkpoint",
                )
            })?;
            parts.push(Part::Text(text));
        }
        run.clear();
        Ok(())
    }

    /// Whether a model's output is as wide as its tokenizer needs.
    ///
    /// # Errors
    ///
    /// If a token has no row in the model's embedding.
    pub fn fits(&self, vocabulary: usize) -> Result<(), LearnError> {
        if self.size <= vocabulary {
            return Ok(());
        }
        Err(LearnError::unusable(
            &self.path,
            format!("token {}", self.size - 1),
            format!("has no place in the model, whose \"vocab_size\" is {vocabulary}"),
            "use the tokenizer that belongs to the checkpoint",
        ))
    }
}
