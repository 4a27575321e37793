//! The plan: every knob, its default, and what it bounds.

use serde::{Deserialize, Serialize};

use crate::ResponseFormat;

pub use self::decontaminate::DecontaminatePlan;
pub use self::propose::ProposePlan;

mod propose;
mod decontaminate;

/// Everything a build does not read from the corpus.
///
/// Unknown keys are errors, so that a misspelt knob is never silently a default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Plan {
    /// What the knobs below default to: `default`, or `paper`, which is the paper's rules.
    pub profile: Profile,
    /// The key of every choice.
    pub seed: u64,
    /// Reading and refining.
    pub corpus: CorpusPlan,
    /// What a model is asked about tools.
    pub describe: DescribePlan,
    /// The tool graph and its communities.
    pub graph: GraphPlan,
    /// What a model is asked about domains.
    pub propose: ProposePlan,
    /// Environments.
    pub environment: EnvironmentPlan,
    /// Tasks.
    pub task: TaskPlan,
    /// Benchmarks that nothing may overlap with.
    pub decontaminate: DecontaminatePlan,
    /// Rollouts.
    pub rollout: RolloutPlan,
    /// The filter.
    pub filter: FilterPlan,
    /// The dataset.
    pub dataset: DatasetPlan,
}

/// A set of defaults. A knob that is set stands whatever the profile.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// What gives domains of an agent's size on real corpora.
    #[default]
    Default,
    /// What the paper says (sections 2.1 and 2.2), as far as it says it.
    Paper,
}

impl Profile {
    /// The name by which it is asked for.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Default => "default",
            Profile::Paper => "paper",
        }
    }

    /// Every knob under this profile.
    ///
    /// The paper prints neither its threshold nor bounds of domains. The threshold is a guess that
    /// the knob is there to correct. Domains have no bound that real corpora reach; a tool without
    /// a link still has no domain, since there is nothing to do in it.
    pub fn plan(self) -> Plan {
        match self {
            Profile::Default => Plan::default(),
            Profile::Paper => Plan {
                profile: Profile::Paper,
                graph: GraphPlan {
                    encoder: Encoder::Parameters,
                    rule: LinkRule::Threshold,
                    cosine_permille_min: 500,
                    method: Method::Louvain,
                    resolution_permille: 1_000,
                    tools_max: 1_000_000,
                    tools_min: 2,
                    ..GraphPlan::default()
                },
                filter: FilterPlan { literal: true, ..FilterPlan::default() },
                ..Plan::default()
            },
        }
    }
}

/// Limits on what is read. What passes a limit is rejected with a reason, or cut where it says so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CorpusPlan {
    /// Largest document read whole, in bytes. Line formats are read line by line and bounded by
    /// `line_bytes_max` instead.
    pub document_bytes_max: u64,
    /// Longest line of a line format, in bytes.
    pub line_bytes_max: u64,
    /// Most bytes a compressed document may unfold to.
    pub unfolded_bytes_max: u64,
    /// Deepest nesting of objects and lists kept of a schema; deeper parts become "anything".
    pub schema_depth_max: usize,
    /// Most parts kept of one tool's input or output schema; further ones are cut.
    pub schema_parts_max: usize,
    /// Most arguments a tool may have; a record with more is rejected.
    pub arguments_max: usize,
    /// Longest description kept of a tool, in characters; the rest is cut at a word.
    pub description_chars_max: usize,
    /// Longest description kept of an argument, in characters.
    pub argument_chars_max: usize,
    /// Most choices kept of an enumeration; a longer one becomes plain text.
    pub choices_max: usize,
    /// Whether a tool whose text gives the model suspicious instructions is turned away, with the
    /// rule that caught it. Control tokens and hidden characters are neutralised either way.
    pub quarantine: bool,
    /// Whether of several versions or wordings of one operation only the latest is kept.
    pub latest_only: bool,
    /// Sources that are used: patterns with `*` for any text, those with `!` before them exclude.
    /// Empty means all.
    pub sources: Vec<String>,
    /// Licences that are used, likewise; a record whose source states none has the licence "".
    pub licenses: Vec<String>,
    /// Sources that were taken down, as `drop` adds them: patterns, and the last word.
    pub dropped_sources: Vec<String>,
    /// Licences that were taken down, likewise.
    pub dropped_licenses: Vec<String>,
}

impl CorpusPlan {
    /// Whether documents read under either plan yield the same records.
    pub fn reads_like(&self, other: &CorpusPlan) -> bool {
        let refined = |plan: &CorpusPlan| CorpusPlan {
            description_chars_max: 0,
            argument_chars_max: 0,
            sources: Vec::new(),
            licenses: Vec::new(),
            dropped_sources: Vec::new(),
            dropped_licenses: Vec::new(),
            quarantine: true,
            latest_only: true,
            ..plan.clone()
        };
        refined(self) == refined(other)
    }
}

/// What a model is asked about tools that say too little, and what is taken of its answers.
///
/// `criteria` and `words_min` say of which tools; every other value is part of each question, so
/// that a change of it asks anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DescribePlan {
    /// The model, by the name its endpoint knows; none is asked while it is empty.
    pub model: String,
    /// What makes a tool poor: any of `no_description`, `brief_description`,
    /// `undescribed_arguments`, `inferred_output`.
    pub criteria: Vec<Poverty>,
    /// Fewest words of a description that is not brief; in scripts without spaces, characters.
    pub words_min: usize,
    /// The temperature, in thousandths.
    pub temperature_permille: u32,
    /// Most tokens of an answer; one that was cut off there is refused.
    pub tokens_max: u32,
    /// What the endpoint is asked to see to: `json_object`, or `text` where it cannot.
    pub format: ResponseFormat,
    /// Which asking of the same this is; raise it to have everything answered anew.
    pub trial: u32,
}

/// A way in which a tool says too little.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Poverty {
    /// There is no description.
    NoDescription,
    /// There are only a few words of it.
    BriefDescription,
    /// An argument has no description.
    UndescribedArguments,
    /// What it answers is inferred from its name.
    InferredOutput,
}

/// How tools are linked and grouped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GraphPlan {
    /// What tools are encoded by: `terms`, `parameters`, which is the paper's, or `embeddings`.
    pub encoder: Encoder,
    /// The embedding model, by the name its endpoint knows; used by the encoder `embeddings`.
    pub embedding_model: String,
    /// Which asking of the same this is; raise it to have everything embedded anew.
    pub embedding_trial: u32,
    /// Which tools are linked: `nearest`, or `threshold`, which is the paper's.
    pub rule: LinkRule,
    /// How many nearest neighbours each tool is linked to under the rule `nearest`.
    pub neighbours: usize,
    /// Least cosine of a link, in thousandths; under the rule `threshold`, links are above it.
    pub cosine_permille_min: u32,
    /// How communities are found: `leiden`, or `louvain`, which is the paper's.
    pub method: Method,
    /// Resolution of the communities, in thousandths: larger, smaller communities.
    pub resolution_permille: u32,
    /// Most tools in a domain; larger communities are split.
    pub tools_max: usize,
    /// Fewest tools in a domain; smaller communities are folded into their nearest.
    pub tools_min: usize,
    /// Most rounds of local moves at one level.
    pub rounds_max: usize,
}

/// What tools are encoded by.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoder {
    /// The terms of names, paths, parameters and descriptions.
    #[default]
    Terms,
    /// The terms of the parameter list only (paper, section 2.1).
    Parameters,
    /// A model's dense vectors.
    Embeddings,
}

impl Encoder {
    /// Whether the term weights fitted for either serve the other: they are of the same terms.
    pub fn weighs_like(self, other: Encoder) -> bool {
        (self == Encoder::Parameters) == (other == Encoder::Parameters)
    }
}

/// Which tools are linked.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkRule {
    /// Each to its nearest neighbours.
    #[default]
    Nearest,
    /// Any two whose cosine is above the threshold (paper, section 2.1).
    Threshold,
}

/// How communities are found.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Leiden, whose communities are connected by construction.
    #[default]
    Leiden,
    /// Louvain (paper, section 2.1).
    Louvain,
}

/// How environments are made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EnvironmentPlan {
    /// Rows a table starts with.
    pub rows: usize,
    /// Most columns of a table; the rarest beyond are left out.
    pub columns_max: usize,
    /// Most rows an answer lists.
    pub listed_max: usize,
}

/// How tasks are composed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TaskPlan {
    /// Tasks anchored at each operation.
    pub per_operation: usize,
    /// Most golden calls of a task of the kind `long_horizon`.
    pub calls_max: usize,
    /// Most golden calls of one want.
    pub want_calls_max: usize,
    /// Most operations offered to the agent; how many is drawn for each task.
    pub offered_max: usize,
    /// Shares of the kinds, in thousandths, in the order single, chain, branching, several intents,
    /// missing information, infeasible, recovery, long horizon. Where a tool allows no task of the
    /// kind drawn, the others are drawn from in their shares.
    pub kinds_permille: [u32; 8],
    /// The model that says the user's requests in other words, by the name its endpoint knows; the
    /// built-in wording stands while it is empty.
    pub intent_model: String,
}

/// How conversations are held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RolloutPlan {
    /// Attempts at each task.
    pub trials: u32,
    /// Most messages of a conversation.
    pub messages_max: usize,
    /// How often the built-in agent makes a mistake in a trajectory with the built-in user, in
    /// thousandths.
    pub mistakes_permille: u32,
    /// The model that plays the agent, by the name its endpoint knows; the built-in agent plays
    /// while it is empty.
    pub agent_model: String,
    /// The model that plays the user, likewise.
    pub user_model: String,
    /// The temperature of either model, in thousandths.
    pub temperature_permille: u32,
    /// Most tokens of one message; one that was cut off there is asked for again.
    pub tokens_max: u32,
    /// How the agent is told of tools and calls them: `native`, by the endpoint, or `prompt`, in
    /// the text, where the endpoint cannot.
    pub tool_format: ToolFormat,
}

impl RolloutPlan {
    /// Whether a model plays on either side.
    pub fn has_model(&self) -> bool {
        !self.agent_model.is_empty() || !self.user_model.is_empty()
    }
}

/// How a model is told of tools and calls them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolFormat {
    /// As `tools` and `tool_calls`, which the endpoint puts into the model's own form.
    #[default]
    Native,
    /// As text: tools in the system message, calls as JSON in `<tool_call>`.
    Prompt,
}

/// What a trajectory must satisfy to be kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FilterPlan {
    /// Whether read-only trajectories must make literally the golden calls (the paper), or calls
    /// provably equivalent to them.
    pub literal: bool,
    /// Words in the n-grams counted for repetition.
    pub repetition_words: usize,
    /// Most times one n-gram may occur in one message of the assistant, and one message of at
    /// least as many words in a conversation.
    pub repetitions_max: usize,
}

/// How rows are laid out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatasetPlan {
    /// Shards of each configuration and split; a domain's rows stay in one shard.
    pub shards: u32,
    /// Share of the domains held out for testing, in thousandths.
    pub test_permille: u32,
    /// Domains, by name or by a word of it, whose trajectories make the second stage.
    pub vertical: Vec<String>,
    /// How values without a fixed shape are typed: `json`, or `string` for readers that do not know
    /// JSON columns.
    pub json_encoding: JsonEncoding,
}

/// How values without a fixed shape are typed. Their bytes are JSON texts either way.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JsonEncoding {
    /// As Arrow's extension type `arrow.json`: readers that know it give objects.
    #[default]
    Json,
    /// As plain text, which every reader gives as text.
    String,
}

impl Default for CorpusPlan {
    fn default() -> CorpusPlan {
        CorpusPlan {
            document_bytes_max: 64 << 20,
            line_bytes_max: 16 << 20,
            unfolded_bytes_max: 4 << 30,
            schema_depth_max: 6,
            schema_parts_max: 400,
            arguments_max: 256,
            description_chars_max: 1_000,
            argument_chars_max: 300,
            choices_max: 64,
            quarantine: true,
            latest_only: true,
            sources: Vec::new(),
            licenses: Vec::new(),
            dropped_sources: Vec::new(),
            dropped_licenses: Vec::new(),
        }
    }
}

impl Default for DescribePlan {
    fn default() -> DescribePlan {
        DescribePlan {
            model: String::new(),
            criteria: vec![
                Poverty::NoDescription,
                Poverty::BriefDescription,
                Poverty::UndescribedArguments,
                Poverty::InferredOutput,
            ],
            words_min: 5,
            temperature_permille: 0,
            tokens_max: 2_000,
            format: ResponseFormat::JsonObject,
            trial: 0,
        }
    }
}

impl Default for GraphPlan {
    fn default() -> GraphPlan {
        GraphPlan {
            encoder: Encoder::default(),
            embedding_model: String::new(),
            embedding_trial: 0,
            rule: LinkRule::default(),
            neighbours: 15,
            cosine_permille_min: 100,
            method: Method::default(),
            resolution_permille: 200_000,
            tools_max: 60,
            tools_min: 5,
            rounds_max: 100,
        }
    }
}

impl Default for EnvironmentPlan {
    fn default() -> EnvironmentPlan {
        EnvironmentPlan { rows: 24, columns_max: 24, listed_max: 10 }
    }
}

impl Default for TaskPlan {
    fn default() -> TaskPlan {
        TaskPlan {
            per_operation: 4,
            calls_max: 18,
            want_calls_max: 8,
            offered_max: 16,
            kinds_permille: [160, 200, 60, 140, 140, 110, 100, 90],
            intent_model: String::new(),
        }
    }
}

impl Default for RolloutPlan {
    fn default() -> RolloutPlan {
        RolloutPlan {
            trials: 1,
            messages_max: 120,
            mistakes_permille: 250,
            agent_model: String::new(),
            user_model: String::new(),
            temperature_permille: 700,
            tokens_max: 2_000,
            tool_format: ToolFormat::default(),
        }
    }
}

impl Default for FilterPlan {
    fn default() -> FilterPlan {
        FilterPlan { literal: false, repetition_words: 8, repetitions_max: 4 }
    }
}

impl Default for DatasetPlan {
    fn default() -> DatasetPlan {
        DatasetPlan {
            shards: 64,
            test_permille: 100,
            vertical: Vec::new(),
            json_encoding: JsonEncoding::default(),
        }
    }
}
