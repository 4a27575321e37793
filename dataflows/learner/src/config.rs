//! The shape of a model: `config.json` of a Hugging Face directory, read and checked.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::error::LearnError;
use crate::parameters::to_f64;

/// The file's name in a model's directory.
pub const CONFIG_FILE: &str = "config.json";

/// Most layers, experts or heads that a configuration may ask for.
const PARTS_MAX: u64 = 4096;
/// Most entries of a vocabulary, and the widest layer.
const WIDTH_MAX: u64 = 1 << 24;

/// The shape of a Qwen3 decoder.
///
/// Read are `model_type` `qwen3` and `qwen3_moe`. What this learner does not compute (scaled
/// rotary embeddings, sliding windows, biases, another activation) is refused by name, never
/// ignored. Keys that say nothing about the computation are carried along as they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Entries of the vocabulary, rows of the embedding.
    pub vocabulary: usize,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Width inside a dense layer's feed-forward part.
    pub intermediate: usize,
    /// Layers.
    pub layers: usize,
    /// Heads of queries.
    pub heads: usize,
    /// Heads of keys and values; divides `heads`.
    pub key_heads: usize,
    /// Width of a head; even.
    pub head: usize,
    /// Base of the rotary embedding's wavelengths.
    pub rope_theta: f64,
    /// What is added to a mean square before its root is taken.
    pub epsilon: f64,
    /// Most positions.
    pub positions: usize,
    /// Whether the embedding is also the output layer.
    pub tied: bool,
    /// Experts, if some layers have them.
    pub experts: Option<Experts>,
    /// Standard deviation of fresh weights.
    pub initializer_range: f64,
    /// Tokens that end an answer, from `eos_token_id`.
    pub ends: Vec<u32>,
    /// The whole file.
    raw: Map<String, Value>,
}

/// The mixture of experts of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Experts {
    /// How many there are.
    pub count: usize,
    /// How many a token is sent to.
    pub chosen: usize,
    /// Width inside each.
    pub intermediate: usize,
    /// Whether the chosen experts' weights are made to sum to 1.
    pub normalised: bool,
    /// Every how many layers there is a mixture.
    pub step: usize,
    /// Layers that are dense in any case.
    pub dense_layers: Vec<usize>,
    /// What their uneven use is multiplied by in training: `router_aux_loss_coef` where
    /// `output_router_logits` is on, else 0.
    pub balance: f64,
}

impl Config {
    /// Reads and checks `config.json` of a model's directory.
    ///
    /// # Errors
    ///
    /// Names the file, the key and what to do if it cannot be read, is of an unknown architecture
    /// or asks for something that is not computed here.
    pub fn read(folder: &Path) -> Result<Config, LearnError> {
        let path = folder.join(CONFIG_FILE);
        let text = fs::read_to_string(&path).map_err(LearnError::io(&path, "read the model"))?;
        let raw: Value = serde_json::from_str(&text).map_err(|error| {
            let place = format!("line {}", error.line());
            LearnError::unusable(&path, place, error.to_string(), "download the file again")
        })?;
        Config::parse(&path, raw)
    }

    /// Checks the content of `config.json`; `path` is only named in errors.
    ///
    /// # Errors
    ///
    /// As [`Config::read`].
    pub fn parse(path: &Path, raw: Value) -> Result<Config, LearnError> {
        let Value::Object(raw) = raw else {
            return Err(LearnError::unusable(
                path,
                "the top level",
                "is not an object",
                "this is no configuration of a model",
            ));
        };
        let keys = Keys { path, raw: &raw };
        let mixed = keys.architecture()?;
        keys.refuse_what_is_not_computed()?;
        let hidden = keys.count("hidden_size", None, WIDTH_MAX)?;
        let heads = keys.count("num_attention_heads", None, PARTS_MAX)?;
        let per_head = u64::try_from(hidden / heads).unwrap_or(0);
        let config = Config {
            vocabulary: keys.count("vocab_size", None, WIDTH_MAX)?,
            hidden,
            intermediate: keys.count("intermediate_size", None, WIDTH_MAX)?,
            layers: keys.count("num_hidden_layers", None, PARTS_MAX)?,
            heads,
            key_heads: keys.count("num_key_value_heads", Some(heads as u64), PARTS_MAX)?,
            head: keys.count("head_dim", Some(per_head), PARTS_MAX)?,
            rope_theta: keys.rope_theta()?,
            epsilon: keys.number("rms_norm_eps", 1e-6)?,
            positions: keys.count("max_position_embeddings", Some(32_768), WIDTH_MAX)?,
            tied: keys.truth("tie_word_embeddings", false)?,
            experts: if mixed { Some(keys.experts()?) } else { None },
            initializer_range: keys.number("initializer_range", 0.02)?,
            ends: keys.tokens("eos_token_id")?,
            raw: Map::new(),
        };
        if !config.heads.is_multiple_of(config.key_heads) {
            return Err(keys.wrong("num_key_value_heads", "does not divide num_attention_heads"));
        }
        if !config.head.is_multiple_of(2) {
            return Err(keys.wrong("head_dim", "is odd, and rotary embeddings turn pairs"));
        }
        Ok(Config { raw, ..config })
    }

    /// Whether a layer, counted from 0, has a mixture of experts.
    pub fn is_mixed(&self, layer: usize) -> bool {
        self.experts.as_ref().is_some_and(|experts| {
            !experts.dense_layers.contains(&layer) && (layer + 1).is_multiple_of(experts.step)
        })
    }

    /// Every tensor of the model, by its Hugging Face name, with its shape.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let (hidden, head) = (self.hidden, self.head);
        let mut tensors =
            vec![("model.embed_tokens.weight".to_string(), vec![self.vocabulary, hidden])];
        for layer in 0..self.layers {
            let mut add = |name: String, shape: Vec<usize>| {
                tensors.push((format!("model.layers.{layer}.{name}.weight"), shape));
            };
            add("input_layernorm".into(), vec![hidden]);
            add("self_attn.q_proj".into(), vec![self.heads * head, hidden]);
            add("self_attn.k_proj".into(), vec![self.key_heads * head, hidden]);
            add("self_attn.v_proj".into(), vec![self.key_heads * head, hidden]);
            add("self_attn.o_proj".into(), vec![hidden, self.heads * head]);
            add("self_attn.q_norm".into(), vec![head]);
            add("self_attn.k_norm".into(), vec![head]);
            add("post_attention_layernorm".into(), vec![hidden]);
            let mut feed_forward = |within: String, width: usize| {
                add(format!("{within}.gate_proj"), vec![width, hidden]);
                add(format!("{within}.up_proj"), vec![width, hidden]);
                add(format!("{within}.down_proj"), vec![hidden, width]);
            };
            match self.experts.as_ref().filter(|_| self.is_mixed(layer)) {
                None => feed_forward("mlp".into(), self.intermediate),
                Some(experts) => {
                    for expert in 0..experts.count {
                        feed_forward(format!("mlp.experts.{expert}"), experts.intermediate);
                    }
                    add("mlp.gate".into(), vec![experts.count, hidden]);
                }
            }
        }
        tensors.push(("model.norm.weight".into(), vec![hidden]));
        if !self.tied {
            tensors.push(("lm_head.weight".into(), vec![self.vocabulary, hidden]));
        }
        tensors
    }

    /// Numbers that the model learns.
    pub fn parameters(&self) -> usize {
        self.tensors().iter().map(|(_, shape)| shape.iter().product::<usize>()).sum()
    }

    /// [`Config::parameters`] without a list of tensors, which an absurd configuration would
    /// make too long to hold; exact below 2⁵³.
    pub(crate) fn size(&self) -> f64 {
        let [vocabulary, hidden, inside, layers, head] =
            [self.vocabulary, self.hidden, self.intermediate, self.layers, self.head].map(to_f64);
        let queries = to_f64(self.heads) * head;
        let keys = to_f64(self.key_heads) * head;
        let attention = 2.0 * hidden * (queries + keys) + 2.0 * head + 2.0 * hidden;
        let mixed = (0..self.layers).filter(|layer| self.is_mixed(*layer)).count();
        let fed = self.experts.as_ref().map_or(0.0, |experts| {
            let each = 3.0 * to_f64(experts.intermediate) * hidden + hidden;
            to_f64(mixed) * to_f64(experts.count) * each
        });
        let dense = to_f64(self.layers - mixed) * 3.0 * inside * hidden;
        let output = if self.tied { 0.0 } else { vocabulary * hidden };
        vocabulary * hidden + layers * attention + fed + dense + hidden + output
    }

    /// The content of `config.json` for weights written as `dtype`, such as `float32`.
    pub fn to_json(&self, dtype: &str) -> Value {
        let mut raw = self.raw.clone();
        let key = if raw.contains_key("torch_dtype") { "torch_dtype" } else { "dtype" };
        raw.insert(key.into(), dtype.into());
        Value::Object(raw)
    }

    /// A small dense model for training from scratch: `sizes` are its layers, its hidden width
    /// and its heads, each with keys of its own, so that together they can copy all of a token
    /// (`induction.rs`). Rotary embeddings turn as Qwen3's do: half of their pairs hardly at
    /// all within a thousand tokens.
    ///
    /// # Errors
    ///
    /// As [`Config::parse`], if the sizes do not fit together.
    pub fn small(
        vocabulary: usize,
        sizes: [usize; 3],
        positions: usize,
        ends: &[u32],
    ) -> Result<Config, LearnError> {
        let [layers, hidden, heads] = sizes;
        let raw = json!({
            "architectures": ["Qwen3ForCausalLM"],
            "attention_bias": false,
            "attention_dropout": 0.0,
            "eos_token_id": ends.first(),
            "head_dim": hidden / heads.max(1),
            "hidden_act": "silu",
            "hidden_size": hidden,
            "initializer_range": 0.02,
            "intermediate_size": hidden * 3,
            "max_position_embeddings": positions,
            "model_type": "qwen3",
            "num_attention_heads": heads,
            "num_hidden_layers": layers,
            "num_key_value_heads": heads,
            "rms_norm_eps": 1e-6,
            "rope_theta": 1e6,
            "tie_word_embeddings": true,
            "dtype": "float32",
            "use_cache": true,
            "vocab_size": vocabulary,
        });
        Config::parse(Path::new("--init"), raw)
    }
}

/// The keys of a file, read with the file's name at hand.
struct Keys<'k> {
    path: &'k Path,
    raw: &'k Map<String, Value>,
}

impl Keys<'_> {
    fn wrong(&self, key: &str, reason: &str) -> LearnError {
        let said = self.raw.get(key).map_or("is missing".into(), |value| format!("is {value}"));
        LearnError::unusable(
            self.path,
            format!("\"{key}\" {said}"),
            reason,
            "use a Qwen3 checkpoint as it was published, or correct the key",
        )
    }

    /// Whether the model has experts.
    fn architecture(&self) -> Result<bool, LearnError> {
        match self.raw.get("model_type").and_then(Value::as_str) {
            Some("qwen3") => Ok(false),
            Some("qwen3_moe") => Ok(true),
            _ => Err(LearnError::Unusable {
                path: self.path.to_path_buf(),
                place: "\"model_type\"".into(),
                reason: format!(
                    "{} is an architecture this learner does not know",
                    self.raw.get("model_type").unwrap_or(&Value::Null)
                ),
                remedy: "use a checkpoint of \"qwen3\" or \"qwen3_moe\"".into(),
            }),
        }
    }

    fn refuse_what_is_not_computed(&self) -> Result<(), LearnError> {
        for key in ["attention_bias", "use_sliding_window"] {
            if self.truth(key, false)? {
                return Err(self.wrong(key, "is not computed here"));
            }
        }
        let is_plain = |value: &Value| {
            let kind = value.get("rope_type").or(value.get("type"));
            value.is_null() || kind.is_none_or(|kind| kind == "default")
        };
        for key in ["rope_scaling", "rope_parameters"] {
            if !self.raw.get(key).is_none_or(is_plain) {
                return Err(self.wrong(key, "scaled rotary embeddings are not computed here"));
            }
        }
        if self.raw.get("hidden_act").is_some_and(|it| it != "silu") {
            return Err(self.wrong("hidden_act", "only silu is computed here"));
        }
        Ok(())
    }

    fn count(&self, key: &str, default: Option<u64>, most: u64) -> Result<usize, LearnError> {
        let value = self.raw.get(key).filter(|value| !value.is_null());
        let count = match (value, default) {
            (Some(value), _) => value.as_u64(),
            (None, default) => default,
        };
        count
            .filter(|count| (1..=most).contains(count))
            .and_then(|count| usize::try_from(count).ok())
            .ok_or_else(|| self.wrong(key, &format!("must be a whole number from 1 to {most}")))
    }

    fn number(&self, key: &str, default: f64) -> Result<f64, LearnError> {
        match self.raw.get(key).filter(|value| !value.is_null()) {
            None => Ok(default),
            Some(value) => value
                .as_f64()
                .filter(|number| 0.0 < *number)
                .ok_or_else(|| self.wrong(key, "must be a number above 0")),
        }
    }

    fn truth(&self, key: &str, default: bool) -> Result<bool, LearnError> {
        match self.raw.get(key).filter(|value| !value.is_null()) {
            None => Ok(default),
            Some(value) => value.as_bool().ok_or_else(|| self.wrong(key, "must be true or false")),
        }
    }

    /// The base is a key of its own in older files and of `rope_parameters` in newer ones.
    fn rope_theta(&self) -> Result<f64, LearnError> {
        let within = self.raw.get("rope_parameters").and_then(|it| it.get("rope_theta"));
        match within.and_then(Value::as_f64) {
            Some(theta) if 0.0 < theta => Ok(theta),
            _ => self.number("rope_theta", 10_000.0),
        }
    }

    fn tokens(&self, key: &str) -> Result<Vec<u32>, LearnError> {
        let wrong = || self.wrong(key, "must be a token's number or a list of them");
        let token = |value: &Value| {
            value.as_u64().and_then(|token| u32::try_from(token).ok()).ok_or_else(wrong)
        };
        match self.raw.get(key) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(values)) => values.iter().map(token).collect(),
            Some(value) => Ok(vec![token(value)?]),
        }
    }

    fn experts(&self) -> Result<Experts, LearnError> {
        // Newer files call the number of experts by another name.
        let named = ["num_experts", "num_local_experts"];
        let key = named.into_iter().find(|key| self.raw.contains_key(*key)).unwrap_or(named[0]);
        let count = self.count(key, None, PARTS_MAX)?;
        let experts = Experts {
            count,
            chosen: self.count("num_experts_per_tok", None, PARTS_MAX)?,
            intermediate: self.count("moe_intermediate_size", None, WIDTH_MAX)?,
            normalised: self.truth("norm_topk_prob", false)?,
            step: self.count("decoder_sparse_step", Some(1), PARTS_MAX)?,
            dense_layers: self
                .tokens("mlp_only_layers")?
                .into_iter()
                .filter_map(|layer| usize::try_from(layer).ok())
                .collect(),
            balance: match self.truth("output_router_logits", false)? {
                true => self.number("router_aux_loss_coef", 0.001)?,
                false => 0.0,
            },
        };
        match experts.chosen <= count {
            true => Ok(experts),
            false => Err(self.wrong("num_experts_per_tok", "is more than num_experts")),
        }
    }
}
