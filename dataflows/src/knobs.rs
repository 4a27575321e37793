//! Knobs: from what was typed to a plan, with where every value came from.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use toml::{Table, Value};

use schemas::{Encoder, Plan, Profile, Trajectory};

/// A plan and where each of its values came from.
#[derive(Debug)]
pub struct Resolved {
    /// Every knob's value.
    pub plan: Plan,
    /// By dotted key, `--set`, an environment variable, `plan.toml`, a profile or `default`.
    pub origins: BTreeMap<String, String>,
}

/// Why the knobs make no plan.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KnobError {
    /// A file or an argument is not TOML.
    #[error("{origin} cannot be read as TOML: {error}")]
    Malformed {
        /// Where it was written.
        origin: String,
        /// What the parser says, with line and column.
        error: Box<toml::de::Error>,
    },
    /// There is no such knob.
    #[error("{origin} sets \"{key}\", which is not a knob; the knobs are: {known}")]
    Unknown {
        /// Where it was written.
        origin: String,
        /// The key.
        key: String,
        /// Every key there is.
        known: String,
    },
    /// A number is too small or too great to build by.
    #[error("{origin} gives \"{key}\" the value {value}: {least} to {most} are possible")]
    OutOfBounds {
        /// Where it was written.
        origin: String,
        /// The key.
        key: &'static str,
        /// The value.
        value: u64,
        /// The least that is possible.
        least: u64,
        /// The most that is possible.
        most: u64,
    },
    /// A model is to embed tools, and none is named.
    #[error(
        "{origin} has tools encoded by \"embeddings\", and \"graph.embedding_model\" names no model"
    )]
    NoModel {
        /// Where it was written.
        origin: String,
    },
    /// A model has the name of who plays where none does.
    #[error(
        "{origin} gives \"{key}\" the value \"{BUILT_IN}\", which is nobody's name: leave it empty"
    )]
    BuiltIn {
        /// Where it was written.
        origin: String,
        /// The key.
        key: &'static str,
    },
    /// A knob was given a value it cannot have.
    #[error("{origin} gives \"{key}\" the value {value}: {}", error.message())]
    Misfit {
        /// Where it was written.
        origin: String,
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// What does not fit.
        error: Box<toml::de::Error>,
    },
}

/// Most shards of a configuration: their ordinals have four digits in the roles of objects.
const SHARDS_MAX: u32 = 9_999;

/// Who plays where no model does: rows tell by it whether one did.
const BUILT_IN: &str = Trajectory::BUILT_IN;

/// Most attempts at a task: beyond it the trials of requests would meet.
const TRIALS_MAX: u64 = 1_000;

/// Where a value comes from that nobody chose.
const DEFAULT: &str = "default";

/// Resolves the plan: `--set` before the environment before `plan.toml` before the profile before
/// the default. The profile is itself a knob.
///
/// A value of `plan.toml` that this program wrote there as a default or a profile's, and nobody
/// changed since, is not taken for a choice: another profile replaces it.
///
/// `variables` are the process's environment variables; those named `AGENTSCALER_` and a knob's
/// key in upper case with `_` for `.` count, all others are ignored.
///
/// # Errors
///
/// Fails on a key that is not a knob, on a value of another type than the knob's, and on values that
/// do not go together.
///
/// # Panics
///
/// Never: the default plan is a table.
pub fn resolve(
    settings: &[String],
    variables: impl Iterator<Item = (String, String)>,
    file: Option<&str>,
) -> Result<Resolved, KnobError> {
    let mut values = flat(&Plan::default());
    let mut origins: BTreeMap<String, String> =
        values.keys().map(|key| (key.clone(), DEFAULT.into())).collect();

    let mut given = match file {
        Some(text) => chosen(text)?,
        None => Vec::new(),
    };
    let names: BTreeMap<String, String> = values
        .keys()
        .map(|key| (format!("AGENTSCALER_{}", key.replace('.', "_").to_uppercase()), key.clone()))
        .collect();
    for (name, text) in variables {
        if let Some(key) = names.get(&name) {
            given.push((key.clone(), scalar(&name, &text), name));
        }
    }
    for setting in settings {
        let (key, text) = setting.split_once('=').unwrap_or((setting, ""));
        given.push((key.trim().into(), scalar("--set", text.trim()), format!("--set {setting}")));
    }
    for (key, value, origin) in given {
        if !values.contains_key(&key) {
            let known = values.keys().cloned().collect::<Vec<_>>().join(", ");
            return Err(KnobError::Unknown { origin, key, known });
        }
        origins.insert(key.clone(), origin);
        values.insert(key, value);
    }
    // A profile that is none is among the misfits below.
    if let Some(profile) = profile(&values) {
        for (key, value) in of_profile(profile) {
            if origins[&key] == DEFAULT {
                origins.insert(key.clone(), origin_of(profile));
                values.insert(key, value);
            }
        }
    }
    // Every default fits, so one of the values given does not.
    for (key, value) in &values {
        let alone = BTreeMap::from([(key.clone(), value.clone())]);
        if let Err(error) = nested(&alone).try_into::<Plan>() {
            return Err(KnobError::Misfit {
                origin: origins[key].clone(),
                key: key.clone(),
                value: value.to_string(),
                error: Box::new(error),
            });
        }
    }
    let plan: Plan = nested(&values).try_into().expect("what fits one by one fits together");
    for (key, value, least, most) in bounds(&plan) {
        if !(least..=most).contains(&value) {
            let origin = origins[key].clone();
            return Err(KnobError::OutOfBounds { origin, key, value, least, most });
        }
    }
    check_models(&plan, &origins)?;
    Ok(Resolved { plan, origins })
}

/// Whether a model is named where one is needed, and none by a name that means nobody.
fn check_models(plan: &Plan, origins: &BTreeMap<String, String>) -> Result<(), KnobError> {
    if plan.graph.encoder == Encoder::Embeddings && plan.graph.embedding_model.is_empty() {
        return Err(KnobError::NoModel { origin: origins["graph.encoder"].clone() });
    }
    let players = [
        ("rollout.agent_model", &plan.rollout.agent_model),
        ("rollout.user_model", &plan.rollout.user_model),
    ];
    match players.into_iter().find(|(_, model)| *model == BUILT_IN) {
        Some((key, _)) => Err(KnobError::BuiltIn { origin: origins[key].clone(), key }),
        None => Ok(()),
    }
}

/// Numbers that could be spelled and not be built by: the knob, its value, the least and the most.
fn bounds(plan: &Plan) -> [(&'static str, u64, u64, u64); 22] {
    let (graph, task, clean) = (&plan.graph, &plan.task, &plan.decontaminate);
    let count = |number: usize| number as u64;
    [
        ("graph.neighbours", count(graph.neighbours), 1, 1_000),
        ("graph.cosine_permille_min", graph.cosine_permille_min.into(), 0, 1_000),
        ("graph.tools_max", count(graph.tools_max), 1, u64::MAX),
        ("graph.tools_min", count(graph.tools_min), 1, count(graph.tools_max)),
        ("graph.rounds_max", count(graph.rounds_max), 1, u64::MAX),
        ("propose.temperature_permille", plan.propose.temperature_permille.into(), 0, 2_000),
        ("propose.tokens_max", plan.propose.tokens_max.into(), 1, 1_000_000),
        ("environment.rows", count(plan.environment.rows), 1, 10_000),
        ("task.calls_max", count(task.calls_max), 1, 1_000),
        ("task.want_calls_max", count(task.want_calls_max), 1, 100),
        ("task.offered_max", count(task.offered_max), 1, 1_000),
        ("decontaminate.sequences_min", count(clean.sequences_min), 1, 1_000),
        ("decontaminate.tool_permille", clean.tool_permille.into(), 1, 1_000),
        ("decontaminate.schema_permille", clean.schema_permille.into(), 1, 1_000),
        ("decontaminate.task_permille", clean.task_permille.into(), 1, 1_000),
        ("rollout.messages_max", count(plan.rollout.messages_max), 2, 10_000),
        ("rollout.trials", plan.rollout.trials.into(), 0, TRIALS_MAX),
        ("rollout.temperature_permille", plan.rollout.temperature_permille.into(), 0, 2_000),
        ("rollout.tokens_max", plan.rollout.tokens_max.into(), 1, 1_000_000),
        ("rollout.mistakes_permille", plan.rollout.mistakes_permille.into(), 0, 1_000),
        ("dataset.test_permille", plan.dataset.test_permille.into(), 0, 1_000),
        ("dataset.shards", plan.dataset.shards.into(), 1, SHARDS_MAX.into()),
    ]
}

/// The plan as `plan.toml` keeps it: every knob, its value, and where that came from.
///
/// # Panics
///
/// Never: a plan is always a table.
pub fn write(resolved: &Resolved) -> String {
    let values = flat(&resolved.plan);
    let mut text = String::from(
        "# The plan this world is built by. Edit a value and build again; what depends on it is\n\
         # made anew. The comment behind a value says where it came from; one that came from a\n\
         # profile or is a default gives way to another profile, any other stays.\n",
    );
    let mut section = "";
    // The knobs of the top come first: after a section's header they would belong to it.
    let (top, sections): (Vec<_>, Vec<_>) = values.iter().partition(|(key, _)| !key.contains('.'));
    for (key, value) in top.into_iter().chain(sections) {
        let (of, name) = key.rsplit_once('.').unwrap_or(("", key));
        if of != section {
            text.push_str(&format!("\n[{of}]\n"));
            section = of;
        }
        let origin = &resolved.origins[key];
        writeln!(text, "{name} = {value}{COMMENT}{}", origin.replace(['\n', '\r'], " "))
            .expect("a string grows");
    }
    text
}

/// What stands between a value and where it came from.
const COMMENT: &str = "  # ";

/// The values of `plan.toml` that somebody chose: all but those that are still as a default or a
/// profile gave them.
fn chosen(text: &str) -> Result<Vec<(String, Value, String)>, KnobError> {
    let mut written = BTreeMap::new();
    flatten("", &Value::Table(read("plan.toml", text)?), &mut written);
    let unchosen = BTreeMap::from([
        (DEFAULT.to_string(), flat(&Plan::default())),
        (origin_of(Profile::Paper), of_profile(Profile::Paper)),
    ]);
    let origins = commented(text);
    written.retain(|key, value| {
        let origin = origins.get(key).and_then(|origin| unchosen.get(*origin));
        origin.and_then(|values| values.get(key)) != Some(value)
    });
    Ok(written.into_iter().map(|(key, value)| (key, value, "plan.toml".into())).collect())
}

/// By dotted key, where the comments of a written plan say that values came from.
fn commented(text: &str) -> BTreeMap<String, &str> {
    let mut origins = BTreeMap::new();
    let mut section = "";
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
        } else if let Some((name, rest)) = line.split_once(" = ")
            && let Some((_, origin)) = rest.rsplit_once(COMMENT)
        {
            origins.insert(dotted(section, name), origin.trim_end());
        }
    }
    origins
}

fn profile(values: &BTreeMap<String, Value>) -> Option<Profile> {
    values["profile"].clone().try_into().ok()
}

/// The values by which a profile differs from the default.
fn of_profile(profile: Profile) -> BTreeMap<String, Value> {
    let mut values = flat(&profile.plan());
    let defaults = flat(&Plan::default());
    values.retain(|key, value| key != "profile" && defaults.get(key) != Some(value));
    values
}

fn origin_of(profile: Profile) -> String {
    format!("profile {}", profile.name())
}

/// Every knob by its dotted key.
fn flat(plan: &Plan) -> BTreeMap<String, Value> {
    let table = Table::try_from(plan).expect("a plan is a table");
    let mut values = BTreeMap::new();
    flatten("", &Value::Table(table), &mut values);
    values
}

fn dotted(section: &str, name: &str) -> String {
    if section.is_empty() { name.into() } else { format!("{section}.{name}") }
}

fn read(origin: &str, text: &str) -> Result<Table, KnobError> {
    text.parse()
        .map_err(|error| KnobError::Malformed { origin: origin.into(), error: Box::new(error) })
}

/// A value as TOML would read it, or else as plain text, so that `--set dataset.vertical=["x"]` and
/// `--set seed=7` both work without quotes.
fn scalar(origin: &str, text: &str) -> Value {
    read(origin, &format!("value = {text}"))
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(text.into()))
}

fn flatten(prefix: &str, value: &Value, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Table(table) => {
            for (name, part) in table {
                flatten(&dotted(prefix, name), part, into);
            }
        }
        other => drop(into.insert(prefix.into(), other.clone())),
    }
}

fn nested(values: &BTreeMap<String, Value>) -> Table {
    let mut table = Table::new();
    for (key, value) in values {
        match key.split_once('.') {
            None => drop(table.insert(key.clone(), value.clone())),
            Some((section, name)) => {
                let section =
                    table.entry(section.to_string()).or_insert_with(|| Value::Table(Table::new()));
                if let Value::Table(section) = section {
                    section.insert(name.into(), value.clone());
                }
            }
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use schemas::{Encoder, LinkRule, Method};

    use super::{resolve, write};

    fn none() -> impl Iterator<Item = (String, String)> {
        std::iter::empty()
    }

    #[test]
    fn flag_beats_environment_beats_file_beats_default() {
        let file = Some("seed = 1\n[task]\nper_operation = 3\ncalls_max = 5\n");
        let variables = [
            ("AGENTSCALER_SEED".to_string(), "2".to_string()),
            ("AGENTSCALER_TASK_CALLS_MAX".to_string(), "6".to_string()),
        ];
        let resolved = resolve(&["seed=3".into()], variables.into_iter(), file).unwrap();
        assert_eq!(resolved.plan.seed, 3);
        assert_eq!(resolved.plan.task.calls_max, 6);
        assert_eq!(resolved.plan.task.per_operation, 3);
        assert_eq!(resolved.origins["seed"], "--set seed=3");
        assert_eq!(resolved.origins["task.calls_max"], "AGENTSCALER_TASK_CALLS_MAX");
        assert_eq!(resolved.origins["task.offered_max"], "default");
    }

    #[test]
    fn written_plan_reads_back_as_itself() {
        let resolved =
            resolve(&["dataset.vertical=[\"hotel\"]".into(), "seed=9".into()], none(), None)
                .unwrap();
        let again = resolve(&[], none(), Some(&write(&resolved))).unwrap();
        assert_eq!(again.plan, resolved.plan);
    }

    #[test]
    fn numbers_that_cannot_be_built_by_are_errors() {
        for (setting, said) in [
            ("graph.neighbours=0", "\"graph.neighbours\" the value 0: 1 to 1000 are possible"),
            ("graph.tools_min=61", "\"graph.tools_min\" the value 61: 1 to 60 are possible"),
            ("dataset.test_permille=1001", "1001: 0 to 1000 are possible"),
        ] {
            let error = resolve(&[setting.into()], none(), None).unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
        }
    }

    #[test]
    fn unknown_knob_is_an_error_that_lists_the_knobs() {
        let error = resolve(&["task.per_operations=3".into()], none(), None).unwrap_err();
        let said = error.to_string();
        assert!(said.contains("\"task.per_operations\"") && said.contains("task.per_operation"));
        assert!(resolve(&[], none(), Some("sed = 3")).is_err());
        assert!(resolve(&["seed=many".into()], none(), None).is_err());
    }
    /// Values that nobody chose give way to a profile and come back without it; chosen ones stay.
    #[test]
    fn profile_is_beaten_by_what_is_chosen_and_beats_defaults() {
        let plain = write(&resolve(&["graph.tools_min=3".into()], none(), None).unwrap());
        assert!(plain.contains("cosine_permille_min = 100  # default\n"), "{plain}");
        let edited = plain.replace("literal = false  # default", "literal = false");
        let set = ["profile=paper".to_string(), "graph.resolution_permille=7".into()];
        let variables = [("AGENTSCALER_GRAPH_COSINE_PERMILLE_MIN".to_string(), "9".to_string())];
        let paper = resolve(&set, variables.into_iter(), Some(&edited)).unwrap();
        let graph = &paper.plan.graph;
        assert_eq!((graph.encoder, graph.rule), (Encoder::Parameters, LinkRule::Threshold));
        assert_eq!(graph.method, Method::Louvain);
        assert_eq!((graph.resolution_permille, graph.cosine_permille_min), (7, 9));
        assert_eq!((graph.tools_min, paper.plan.filter.literal), (3, false));
        assert_eq!(paper.origins["graph.encoder"], "profile paper");
        assert_eq!(paper.origins["graph.tools_min"], "plan.toml");
        assert_eq!(paper.origins["graph.neighbours"], "default");

        let written = write(&paper);
        assert!(written.contains("encoder = \"parameters\"  # profile paper\n"), "{written}");
        let again = resolve(&[], none(), Some(&written)).unwrap();
        assert_eq!(
            (&again.plan, &again.origins["graph.rule"]),
            (&paper.plan, &"profile paper".into())
        );
        let back = resolve(&["profile=default".into()], none(), Some(&written)).unwrap();
        assert_eq!(back.plan.graph.encoder, Encoder::Terms);
        assert_eq!((back.plan.graph.tools_min, back.plan.graph.cosine_permille_min), (3, 9));
    }

    #[test]
    fn embeddings_without_a_model_are_an_error() {
        let encoder = "graph.encoder=embeddings".to_string();
        let error = resolve(std::slice::from_ref(&encoder), none(), None).unwrap_err().to_string();
        assert!(error.contains("--set graph.encoder=embeddings") && error.contains("no model"));
        assert!(resolve(&[encoder, "graph.embedding_model=m".into()], none(), None).is_ok());
    }

    #[test]
    fn models_may_not_be_called_built_in() {
        let error = resolve(&["rollout.user_model=built-in".into()], none(), None).unwrap_err();
        assert!(error.to_string().contains("--set rollout.user_model"), "{error}");
        let named = ["rollout.user_model=m".to_string(), "rollout.tool_format=prompt".into()];
        assert!(resolve(&named, none(), None).unwrap().plan.rollout.has_model());
    }

    #[test]
    fn unknown_profile_is_an_error_that_lists_the_profiles() {
        let error = resolve(&["profile=papr".into()], none(), None).unwrap_err().to_string();
        assert!(error.contains("papr") && error.contains("`default` or `paper`"), "{error}");
    }
}
