//! Rows as they are before they are laid out in columns.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemas::{
    Digest, DomainId, Effect, Environment, Message, Operation, Overlap, Provenance, Speaker, Task,
    TaskId, TaskKind, Tool, ToolId, Trajectory, TrajectoryId, Value, Verdict, object_schema,
};

use super::fractions::json_text;

/// A row of `general`, `vertical` or `rejected`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrajectoryRow {
    /// The trajectory.
    pub trajectory_id: TrajectoryId,
    /// The task attempted.
    pub task_id: TaskId,
    /// The task's domain.
    pub domain_id: DomainId,
    /// The domain's name.
    pub domain: String,
    /// What the task exercises.
    pub kind: TaskKind,
    /// The turns.
    pub messages: Vec<Message>,
    /// The tools offered, each as the JSON text that chat templates take.
    pub tools: Vec<Arc<str>>,
    /// Calls the agent made.
    pub n_calls: u64,
    /// Messages of the agent.
    pub n_turns: u64,
    /// Calls of operations that can write.
    pub n_writes: u64,
    /// Calls that the environment answered with an error.
    pub n_tool_errors: u64,
    /// Fingerprint of the state before the first call.
    pub initial_state: Digest,
    /// Fingerprint of the state that the task asks for.
    pub golden_state: Digest,
    /// Fingerprint of the state after the last call.
    pub final_state: Digest,
    /// `kept`, or the name of the stage that turned it away.
    pub verdict: String,
    /// Why it was turned away; empty if it was kept.
    pub reason: String,
    /// The collections of records that the offered tools came from, sorted.
    pub sources: Vec<String>,
    /// Their licences, sorted; `unknown` where a source states none.
    pub licenses: Vec<String>,
    /// The revisions of the offered tools, in the order of `tools`.
    pub tool_revisions: Vec<Digest>,
    /// Who played the agent.
    pub agent: String,
    /// Who played the user.
    pub user: String,
    /// Which attempt, from 0.
    pub trial: u32,
}

/// An operation as rows show it, made once for all the trajectories of a domain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BoundTool {
    /// `{"type": "function", "function": {"name": …, "description": …, "parameters": …}}`.
    pub json: Arc<str>,
    /// Whether it can change the state.
    pub effect: Effect,
    /// The revision of the tool it came from.
    pub revision: Digest,
    /// The collection of records that tool came from.
    pub source: String,
    /// That tool's licence; `unknown` if the source states none.
    pub license: String,
}

/// The tools of a domain by their names in it.
pub type DomainTools = BTreeMap<String, BoundTool>;

/// Prepares the operations of an environment for rows; `origin` gives each tool's source and
/// licence.
pub fn bound_tools<'a>(
    environment: &Environment,
    origin: impl Fn(ToolId) -> (&'a str, &'a str),
) -> DomainTools {
    let bind = |operation: &Operation| {
        let (source, license) = origin(operation.tool);
        let function = Value::Object(vec![
            ("name".into(), Value::text(&operation.name)),
            ("description".into(), Value::text(&operation.description)),
            ("parameters".into(), object_schema(&operation.input)),
        ]);
        BoundTool {
            json: function_json(function).into(),
            effect: operation.effect,
            revision: operation.revision,
            source: source.into(),
            license: if license.is_empty() { "unknown".into() } else { license.into() },
        }
    };
    environment
        .operations
        .iter()
        .map(|operation| (operation.name.clone(), bind(operation)))
        .collect()
}

/// `{"type": "function", "function": …}`, as calls and tools are both wrapped.
pub(super) fn function_json(function: Value) -> String {
    json_text(&Value::Object(vec![
        ("type".into(), Value::text("function")),
        ("function".into(), function),
    ]))
}

impl TrajectoryRow {
    /// Makes the row of a trajectory. `tools` are those of its domain; the task says which of
    /// them were offered.
    pub fn new(
        trajectory: Trajectory,
        task: &Task,
        domain: &str,
        tools: &DomainTools,
        verdict: &Verdict,
    ) -> TrajectoryRow {
        let offered: Vec<&BoundTool> =
            task.offered.iter().filter_map(|name| tools.get(name)).collect();
        let calls = || trajectory.messages.iter().flat_map(|message| &message.calls);
        let writes = |name: &String| tools.get(name).is_some_and(|it| it.effect == Effect::Write);
        let spoken_by = |speaker| trajectory.messages.iter().filter(move |it| it.role == speaker);
        let errors = spoken_by(Speaker::Tool).filter(|it| it.content.starts_with("{\"error\": \""));
        let distinct = |field: fn(&BoundTool) -> &String| -> Vec<String> {
            let distinct: BTreeSet<&String> = offered.iter().map(|tool| field(tool)).collect();
            distinct.into_iter().cloned().collect()
        };
        TrajectoryRow {
            trajectory_id: trajectory.id,
            task_id: trajectory.task,
            domain_id: trajectory.domain,
            domain: domain.into(),
            kind: trajectory.kind,
            n_calls: calls().count() as u64,
            n_turns: spoken_by(Speaker::Assistant).count() as u64,
            n_writes: calls().filter(|call| writes(&call.name)).count() as u64,
            n_tool_errors: errors.count() as u64,
            initial_state: trajectory.initial_state,
            golden_state: task.golden_state,
            final_state: trajectory.final_state,
            verdict: verdict.stage.map_or("kept", |stage| stage.name()).into(),
            reason: verdict.reason.clone(),
            sources: distinct(|tool| &tool.source),
            licenses: distinct(|tool| &tool.license),
            tool_revisions: offered.iter().map(|tool| tool.revision).collect(),
            tools: offered.iter().map(|tool| Arc::clone(&tool.json)).collect(),
            agent: trajectory.agent,
            user: trajectory.user,
            trial: trajectory.trial,
            messages: trajectory.messages,
        }
    }
}

impl TrajectoryRow {
    /// Whether a model played the agent or the user.
    pub fn is_of_model(&self) -> bool {
        [&self.agent, &self.user].into_iter().any(|name| name != Trajectory::BUILT_IN)
    }

    /// A sample for each turn that a model should learn: what was said before it, as the agent saw
    /// it then, and the turn. What the agent thought before the user last spoke is not in it, since
    /// at inference chat templates leave it out.
    pub fn turns(&self) -> impl Iterator<Item = TurnRow> {
        let learned = self.messages.iter().enumerate();
        let learned = learned.filter(|(_, it)| it.role == Speaker::Assistant && it.supervised);
        learned.map(|(place, said)| {
            let mut prompt = self.messages[..place].to_vec();
            let asked = prompt.iter().rposition(|it| it.role == Speaker::User).unwrap_or(0);
            for earlier in &mut prompt[..asked] {
                earlier.reasoning.clear();
            }
            TurnRow {
                trajectory_id: self.trajectory_id,
                task_id: self.task_id,
                domain_id: self.domain_id,
                domain: self.domain.clone(),
                kind: self.kind,
                turn: place as u64,
                prompt,
                completion: said.clone(),
                tools: self.tools.clone(),
                can_think: self.is_of_model(),
            }
        })
    }

    /// The trajectory that the row shows. Rows do not say who ended the conversation.
    pub fn trajectory(&self, ended: bool) -> Trajectory {
        Trajectory {
            id: self.trajectory_id,
            task: self.task_id,
            domain: self.domain_id,
            kind: self.kind,
            trial: self.trial,
            agent: self.agent.clone(),
            user: self.user.clone(),
            messages: self.messages.clone(),
            ended,
            initial_state: self.initial_state,
            final_state: self.final_state,
        }
    }

    /// The first field that two rows do not agree on.
    pub fn difference(&self, other: &TrajectoryRow) -> Option<&'static str> {
        let agreements = [
            ("trajectory_id", self.trajectory_id == other.trajectory_id),
            ("task_id", self.task_id == other.task_id),
            ("domain_id", self.domain_id == other.domain_id),
            ("domain", self.domain == other.domain),
            ("kind", self.kind == other.kind),
            ("messages", self.messages == other.messages),
            ("tools", self.tools == other.tools),
            ("n_calls", self.n_calls == other.n_calls),
            ("n_turns", self.n_turns == other.n_turns),
            ("n_writes", self.n_writes == other.n_writes),
            ("n_tool_errors", self.n_tool_errors == other.n_tool_errors),
            ("initial_state", self.initial_state == other.initial_state),
            ("golden_state", self.golden_state == other.golden_state),
            ("final_state", self.final_state == other.final_state),
            ("verdict", self.verdict == other.verdict),
            ("reason", self.reason == other.reason),
            ("sources", self.sources == other.sources),
            ("licenses", self.licenses == other.licenses),
            ("tool_revisions", self.tool_revisions == other.tool_revisions),
            ("agent", self.agent == other.agent),
            ("user", self.user == other.user),
            ("trial", self.trial == other.trial),
        ];
        agreements.into_iter().find(|(_, agree)| !agree).map(|(field, _)| field)
    }
}

/// A turn of the agent as a sample of its own.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TurnRow {
    /// The trajectory it is of.
    pub trajectory_id: TrajectoryId,
    /// The task attempted.
    pub task_id: TaskId,
    /// The task's domain.
    pub domain_id: DomainId,
    /// The domain's name.
    pub domain: String,
    /// What the task exercises.
    pub kind: TaskKind,
    /// Its place among the messages, from 0.
    pub turn: u64,
    /// What was said before.
    pub prompt: Vec<Message>,
    /// What is to be learnt.
    pub completion: Message,
    /// The tools offered, each as the JSON text that chat templates take.
    pub tools: Vec<Arc<str>>,
    /// Whether a model played either side, and may have told what it thought.
    pub can_think: bool,
}

/// A row of `tasks`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TaskRow {
    /// The task.
    pub task: Task,
    /// Its domain's name.
    pub domain: String,
    /// The split its domain is in.
    pub split: String,
    /// Attempts at it, and how many of them were kept.
    pub tries: Tries,
}

/// Attempts at a task. How likely k attempts drawn from them all pass, which is called pass^k, is
/// C(passes, k) / C(trials, k) (τ-bench, section 3).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tries {
    /// How many there were.
    pub trials: u64,
    /// How many were kept.
    pub passes: u64,
}

impl Tries {
    /// Counts one more attempt.
    pub fn add(&mut self, kept: bool) {
        self.trials += 1;
        self.passes += u64::from(kept);
    }
}

/// A row of `tools`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ToolRow {
    /// The tool.
    pub tool: Tool,
    /// Whether its operation writes; none if it has no operation.
    pub operation: Option<Effect>,
    /// The domain it belongs to, with its name; none if it found none.
    pub domain: Option<(DomainId, String)>,
    /// Every record it was made from, its own first.
    pub provenance: Vec<Provenance>,
    /// How it overlaps with a benchmark; none if it was not compared with any.
    pub overlap: Option<Option<Overlap>>,
}

/// A row of `domains`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DomainRow {
    /// The domain.
    pub id: DomainId,
    /// Its name.
    pub name: String,
    /// How many tools it has.
    pub n_tools: u64,
    /// Its tables without their rows, each as JSON text.
    pub tables: Vec<String>,
    /// How many operations only read.
    pub reads: u64,
    /// How many can write.
    pub writes: u64,
    /// How many tasks it has.
    pub n_tasks: u64,
    /// How it overlaps with a benchmark; none if it was not compared with any.
    pub overlap: Option<Option<Overlap>>,
}

impl DomainRow {
    /// Makes the row of a domain from its environment.
    pub fn new(environment: &Environment, n_tools: u64, n_tasks: u64) -> DomainRow {
        let tables = environment.tables.iter().map(|table| {
            let columns = table.columns.iter().map(|column| {
                Value::Object(vec![
                    ("name".into(), Value::text(&column.name)),
                    ("kind".into(), spelled(&column.kind)),
                    ("role".into(), spelled(&column.role)),
                    ("description".into(), Value::text(&column.description)),
                ])
            });
            json_text(&Value::Object(vec![
                ("name".into(), Value::text(&table.name)),
                ("noun".into(), Value::text(&table.noun)),
                ("columns".into(), Value::List(columns.collect())),
            ]))
        });
        let of_effect =
            |effect| environment.operations.iter().filter(|it| it.effect == effect).count() as u64;
        DomainRow {
            id: environment.domain,
            name: environment.name.clone(),
            n_tools,
            tables: tables.collect(),
            reads: of_effect(Effect::Read),
            writes: of_effect(Effect::Write),
            n_tasks,
            overlap: None,
        }
    }
}

/// A record of `schemas` as a value, spelled as its JSON is.
pub(super) fn spelled<R: serde::Serialize>(record: &R) -> Value {
    serde_json::to_value(record).expect("records have string keys").into()
}
