//! A model from nothing: a tokenizer trained on the rows, a small decoder of fresh numbers, and
//! the template, in a directory like any checkpoint's.

use std::path::Path;

use serde_json::{Value, json};
use tokenizers::models::TrainerWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::normalizers::unicode::NFC;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{AddedToken, SplitDelimiterBehavior, Tokenizer};

use burn::tensor::Device;

use crate::checkpoint::{Precision, SHARD_BYTES, write_model};
use crate::config::Config;
use crate::durable;
use crate::error::LearnError;
use crate::examples::Example;
use crate::parameters::Parameters;
use crate::template::{ChatTemplate, QWEN3, QWEN3_TRAINING};

/// The control tokens of Qwen3 that conversations and calls are made of, in its order; those that
/// are special are left out where a text is shown without special tokens.
const CONTROLS: [(&str, bool); 9] = [
    ("<|endoftext|>", true),
    ("<|im_start|>", true),
    ("<|im_end|>", true),
    ("<tool_call>", false),
    ("</tool_call>", false),
    ("<tool_response>", false),
    ("</tool_response>", false),
    ("<think>", false),
    ("</think>", false),
];

/// How text is cut before pieces are merged, first into runs of letters and digits that hold a
/// digit, such as identifiers and dates, and what stands between them.
///
/// What stands between is not cut at words: a small world says the same phrases again and again,
/// and each soon is one token. Conversations are half as long so as with Qwen3's cuts.
const CUTS: &str = r"\p{L}*\p{N}[\p{L}\p{N}]*|(?:(?!\p{L}*\p{N})[^\p{N}])+";

/// The second cut: runs that hold a digit fall into pairs of characters. Wherever an identifier
/// stands it is the same few tokens, each of them rare enough to tell where to read on, which is
/// what copying it takes.
const PAIRS: &str = r"^[^\p{N}]+$|..?";

/// What a model from nothing is to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Beginning {
    /// Entries of the vocabulary, control tokens included.
    pub vocabulary: usize,
    /// Layers.
    pub layers: usize,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Heads of queries.
    pub heads: usize,
    /// Most positions.
    pub positions: usize,
    /// The key of the fresh numbers.
    pub seed: u64,
}

impl Beginning {
    /// The sizes that go by a name: `tiny`, which learns on a processor in minutes, or `small`.
    pub fn named(name: &str) -> Option<Beginning> {
        let sizes = |vocabulary, layers, hidden, heads| Beginning {
            vocabulary,
            layers,
            hidden,
            heads,
            positions: 4096,
            seed: 0,
        };
        match name {
            "tiny" => Some(sizes(2048, 4, 128, 2)),
            "small" => Some(sizes(8192, 8, 512, 8)),
            _ => None,
        }
    }

    /// Writes the directory, the tokenizer trained on these rows.
    ///
    /// # Errors
    ///
    /// If there are no rows, the sizes do not fit together or the directory cannot be written.
    pub fn write(&self, folder: &Path, examples: &[Example]) -> Result<Config, LearnError> {
        let tokenizer = train_tokenizer(examples, self.vocabulary)?;
        let parsed = crate::vocabulary::Vocabulary::parse(Path::new("--init"), &tokenizer)?;
        let ends: Vec<u32> = parsed.control(crate::vocabulary::TURN_END).into_iter().collect();
        let sizes = [self.layers, self.hidden, self.heads];
        let config = Config::small(parsed.size(), sizes, self.positions, &ends)?;
        let device = Device::flex();
        let parameters = Parameters::fresh(&config, self.seed, &device);
        // The tokenizer's files are laid out beside, so that the directory appears whole.
        let beside = folder.with_extension("tokenizer");
        durable::replace_folder(&beside, |made| {
            durable::write(&made.join("tokenizer.json"), tokenizer.as_bytes())?;
            let about = format!("{:#}\n", tokenizer_config(self.positions));
            durable::write(&made.join("tokenizer_config.json"), about.as_bytes())?;
            durable::write(&made.join("chat_template.jinja"), QWEN3_TRAINING.as_bytes())
        })?;
        let form = (Precision::Single, SHARD_BYTES);
        write_model(folder, &config, &parameters, &beside, form)?;
        durable::remove_folder(&beside)?;
        Ok(config)
    }
}

/// The text of a `tokenizer.json` of `size` tokens: pairs of bytes merged, the most frequent
/// first. The same rows give the same text.
///
/// # Errors
///
/// If there are no rows or `size` has no room for every byte and control token.
pub fn train_tokenizer(examples: &[Example], size: usize) -> Result<String, LearnError> {
    let refused = |reason: String| {
        let remedy = "give rows to train on, and a vocabulary of 300 or more";
        LearnError::refused("the tokenizer", reason, remedy)
    };
    if examples.is_empty() || size < 256 + CONTROLS.len() {
        return Err(refused(format!("{} rows for {size} tokens", examples.len())));
    }
    let fault = |error: tokenizers::Error| refused(error.to_string());
    let bytes = ByteLevel::new(false, false, false);
    let cut = |pattern: &str| {
        let pattern = SplitPattern::Regex(pattern.into());
        Split::new(pattern, SplitDelimiterBehavior::Isolated, false).map_err(fault)
    };
    let mut tokenizer = Tokenizer::new(BPE::default());
    tokenizer
        .with_normalizer(Some(NFC))
        .map_err(fault)?
        .with_pre_tokenizer(Some(Sequence::new(vec![
            PreTokenizerWrapper::Split(cut(CUTS)?),
            PreTokenizerWrapper::Split(cut(PAIRS)?),
            PreTokenizerWrapper::ByteLevel(bytes),
        ])))
        .with_decoder(Some(bytes))
        .with_post_processor(Some(bytes));
    let trainer = BpeTrainer::builder()
        .vocab_size(size - CONTROLS.len())
        .show_progress(false)
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .build();
    let mut trainer = TrainerWrapper::BpeTrainer(trainer);
    let texts = texts(examples)?;
    tokenizer.train(&mut trainer, texts.iter()).map_err(fault)?;
    for (control, special) in CONTROLS {
        let token = AddedToken::from(control, special).normalized(false);
        match special {
            true => tokenizer.add_special_tokens([token]).map_err(fault)?,
            false => tokenizer.add_tokens([token]).map_err(fault)?,
        };
    }
    tokenizer.to_string(true).map_err(fault)
}

/// What the rows say, as the template shows it, without control tokens.
fn texts(examples: &[Example]) -> Result<Vec<String>, LearnError> {
    let template = ChatTemplate::parse(Path::new("qwen3.jinja"), QWEN3)?;
    let mut texts = Vec::with_capacity(examples.len());
    for example in examples {
        let mut text = template.render(&example.conversation, false)?;
        for (control, _) in CONTROLS {
            text = text.replace(control, "\n");
        }
        texts.push(text);
    }
    Ok(texts)
}

fn tokenizer_config(positions: usize) -> Value {
    json!({
        "add_bos_token": false,
        "bos_token": null,
        "clean_up_tokenization_spaces": false,
        "eos_token": "<|im_end|>",
        "model_max_length": positions,
        "pad_token": "<|endoftext|>",
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": null,
    })
}
