//! Knobs: from what was typed to a plan, with where every value came from.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use toml::{Table, Value};

use schemas::Plan;

/// A plan and where each of its values came from.
#[derive(Debug)]
pub struct Resolved {
    /// Every knob's value.
    pub plan: Plan,
    /// By dotted key, `--set`, an environment variable, `plan.toml` or `default`.
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
    /// So many shards cannot be numbered.
    #[error("{origin} gives \"dataset.shards\" the value {shards}: 1 to {SHARDS_MAX} are possible")]
    Shards {
        /// Where it was written.
        origin: String,
        /// The value.
        shards: u32,
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

/// Resolves the plan: `--set` before the environment before `plan.toml` before the default.
///
/// `variables` are the process's environment variables; those named `AGENTSCALER_` and a knob's
/// key in upper case with `_` for `.` count, all others are ignored.
///
/// # Errors
///
/// Fails on a key that is not a knob, and on a value of another type than the knob's.
///
/// # Panics
///
/// Never: the default plan is a table.
pub fn resolve(
    settings: &[String],
    variables: impl Iterator<Item = (String, String)>,
    file: Option<&str>,
) -> Result<Resolved, KnobError> {
    let defaults = Table::try_from(Plan::default()).expect("a plan is a table");
    let mut values = BTreeMap::new();
    flatten("", &Value::Table(defaults), &mut values);
    let mut origins: BTreeMap<String, String> =
        values.keys().map(|key| (key.clone(), "default".into())).collect();

    let mut given = Vec::new();
    if let Some(text) = file {
        let mut written = BTreeMap::new();
        flatten("", &Value::Table(read("plan.toml", text)?), &mut written);
        given.extend(written.into_iter().map(|(key, value)| (key, value, "plan.toml".into())));
    }
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
    if !(1..=SHARDS_MAX).contains(&plan.dataset.shards) {
        let origin = origins["dataset.shards"].clone();
        return Err(KnobError::Shards { origin, shards: plan.dataset.shards });
    }
    Ok(Resolved { plan, origins })
}

/// The plan as `plan.toml` keeps it: every knob, its value, and where that came from.
///
/// # Panics
///
/// Never: a plan is always a table.
pub fn write(resolved: &Resolved) -> String {
    let table = Table::try_from(&resolved.plan).expect("a plan is a table");
    let mut values = BTreeMap::new();
    flatten("", &Value::Table(table), &mut values);
    let mut text = String::from(
        "# The plan this world is built by. Edit a value and build again; what depends on it is\n\
         # made anew. The comment behind a value says where it came from.\n",
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
        writeln!(text, "{name} = {value}  # {}", origin.replace(['\n', '\r'], " "))
            .expect("a string grows");
    }
    text
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
                let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                flatten(&key, part, into);
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
    fn unknown_knob_is_an_error_that_lists_the_knobs() {
        let error = resolve(&["task.per_operations=3".into()], none(), None).unwrap_err();
        let said = error.to_string();
        assert!(said.contains("\"task.per_operations\"") && said.contains("task.per_operation"));
        assert!(resolve(&[], none(), Some("sed = 3")).is_err());
        assert!(resolve(&["seed=many".into()], none(), None).is_err());
    }
}
