//! The columns of each configuration.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use schemas::{
    ArgumentSource, Call, DomainId, Effect, GoldenCall, Message, Overlap, Provenance, Value,
};

use super::columns::{Columns, json_list_or_none};
use super::fractions::json_text;
use super::rows::{DomainRow, TaskRow, ToolRow, TrajectoryRow, TurnRow, function_json, spelled};
use super::write::Table;

/// The columns of a configuration as they are meant, JSON typed as JSON.
pub fn shape(config: &str) -> SchemaRef {
    match config {
        "tasks" => TaskRow::lay_out(&[]),
        "tools" => ToolRow::lay_out(&[]),
        "domains" => DomainRow::lay_out(&[]),
        _ => TrajectoryRow::lay_out(&[]),
    }
    .schema()
}

impl Table for TrajectoryRow {
    fn id(&self) -> String {
        self.trajectory_id.to_string()
    }

    fn home(&self) -> Option<DomainId> {
        Some(self.domain_id)
    }

    fn lay_out(rows: &[TrajectoryRow]) -> RecordBatch {
        let mut columns = Columns::default();
        columns.texts("trajectory_id", rows.iter().map(|row| row.trajectory_id.to_string()));
        columns.texts("task_id", rows.iter().map(|row| row.task_id.to_string()));
        columns.texts("domain_id", rows.iter().map(|row| row.domain_id.to_string()));
        columns.texts("domain", rows.iter().map(|row| &row.domain));
        columns.texts("kind", rows.iter().map(|row| row.kind.name()));
        let lengths = rows.iter().map(|row| row.messages.len()).collect();
        let messages = rows.iter().flat_map(|row| &row.messages);
        let can_think = rows.iter().any(TrajectoryRow::is_of_model);
        columns.struct_lists("messages", lengths, message_parts(messages, can_think));
        columns.json_lists("tools", rows.iter().map(|row| &row.tools));
        columns.boolean_lists(
            "supervised",
            rows.iter().map(|row| row.messages.iter().map(|message| message.supervised)),
        );
        columns.counts("n_calls", rows.iter().map(|row| row.n_calls));
        columns.counts("n_turns", rows.iter().map(|row| row.n_turns));
        columns.counts("n_writes", rows.iter().map(|row| row.n_writes));
        columns.counts("n_tool_errors", rows.iter().map(|row| row.n_tool_errors));
        columns.texts("initial_state", rows.iter().map(|row| row.initial_state.to_string()));
        columns.texts("golden_state", rows.iter().map(|row| row.golden_state.to_string()));
        columns.texts("final_state", rows.iter().map(|row| row.final_state.to_string()));
        columns.texts("verdict", rows.iter().map(|row| &row.verdict));
        columns.texts("reason", rows.iter().map(|row| &row.reason));
        columns.text_lists("sources", rows.iter().map(|row| &row.sources));
        columns.text_lists("licenses", rows.iter().map(|row| &row.licenses));
        columns.text_lists(
            "tool_revisions",
            rows.iter().map(|row| row.tool_revisions.iter().map(|it| it.to_string())),
        );
        columns.texts("agent", rows.iter().map(|row| &row.agent));
        columns.texts("user", rows.iter().map(|row| &row.user));
        columns.counts("trial", rows.iter().map(|row| u64::from(row.trial)));
        columns.finish()
    }
}

/// Messages as chat templates take them. Only where somebody can think is there a part for thoughts,
/// and there in every file: readers put the files of a configuration together, and want them alike.
fn message_parts<'m>(
    messages: impl Iterator<Item = &'m Message> + Clone,
    can_think: bool,
) -> Columns {
    // A message without calls has no list, and not a list with an empty call: templates ask
    // whether there is one.
    let calls = messages
        .clone()
        .map(|message| (!message.calls.is_empty()).then(|| message.calls.iter().map(call_json)));
    let mut parts = Columns::default();
    parts.texts("role", messages.clone().map(|message| message.role.name()));
    parts.texts("content", messages.clone().map(|message| &message.content));
    parts.add(json_list_or_none("tool_calls", calls));
    parts.perhaps_texts(
        "name",
        messages.clone().map(|Message { name, .. }| (!name.is_empty()).then_some(name)),
    );
    if can_think {
        let thoughts = messages.map(|message| &message.reasoning);
        let thoughts = thoughts.map(|thought| (!thought.is_empty()).then_some(thought));
        parts.perhaps_texts("reasoning_content", thoughts);
    }
    parts
}

/// A call as chat templates take it. Arguments that are no object stay as the agent sent them.
fn call_json(call: &Call) -> String {
    function_json(Value::Object(vec![
        ("name".into(), Value::text(&call.name)),
        ("arguments".into(), call.arguments.clone()),
    ]))
}

impl Table for TurnRow {
    fn id(&self) -> String {
        format!("{}/{:05}", self.trajectory_id, self.turn)
    }

    fn home(&self) -> Option<DomainId> {
        Some(self.domain_id)
    }

    fn lay_out(rows: &[TurnRow]) -> RecordBatch {
        let mut columns = Columns::default();
        columns.texts("sample_id", rows.iter().map(Table::id));
        columns.texts("trajectory_id", rows.iter().map(|row| row.trajectory_id.to_string()));
        columns.texts("task_id", rows.iter().map(|row| row.task_id.to_string()));
        columns.texts("domain_id", rows.iter().map(|row| row.domain_id.to_string()));
        columns.texts("domain", rows.iter().map(|row| &row.domain));
        columns.texts("kind", rows.iter().map(|row| row.kind.name()));
        columns.counts("turn", rows.iter().map(|row| row.turn));
        let can_think = rows.iter().any(|row| row.can_think);
        let lengths = rows.iter().map(|row| row.prompt.len()).collect();
        let before = rows.iter().flat_map(|row| &row.prompt);
        columns.struct_lists("prompt", lengths, message_parts(before, can_think));
        let said = rows.iter().map(|row| &row.completion);
        columns.struct_lists("completion", vec![1; rows.len()], message_parts(said, can_think));
        columns.json_lists("tools", rows.iter().map(|row| &row.tools));
        columns.finish()
    }
}

impl Table for TaskRow {
    fn id(&self) -> String {
        self.task.id.to_string()
    }

    fn home(&self) -> Option<DomainId> {
        Some(self.task.domain)
    }

    fn lay_out(rows: &[TaskRow]) -> RecordBatch {
        let tasks = || rows.iter().map(|row| &row.task);
        let mut columns = Columns::default();
        columns.texts("task_id", tasks().map(|task| task.id.to_string()));
        columns.texts("domain_id", tasks().map(|task| task.domain.to_string()));
        columns.texts("domain", rows.iter().map(|row| &row.domain));
        columns.texts("kind", tasks().map(|task| task.kind.name()));
        columns.texts("instruction", tasks().map(|task| &task.scenario.instruction));
        columns.texts("persona", tasks().map(|task| plain(&task.scenario.persona)));
        columns.json("user", tasks().map(|task| json_text(&spelled(&task.scenario))));
        columns.text_lists("offered", tasks().map(|task| &task.offered));
        columns.json_lists("golden_calls", tasks().map(|task| task.golden.iter().map(golden_json)));
        columns.json_lists(
            "faults",
            tasks().map(|task| task.faults.iter().map(|it| json_text(&spelled(it)))),
        );
        columns.texts("part", tasks().map(|task| task.part.to_string()));
        columns.texts("initial_state", tasks().map(|task| task.initial_state.to_string()));
        columns.texts("golden_state", tasks().map(|task| task.golden_state.to_string()));
        columns.counts("n_calls", tasks().map(|task| task.golden.len() as u64));
        let writes = |call: &&GoldenCall| call.effect == Effect::Write;
        columns
            .counts("n_writes", tasks().map(|it| it.golden.iter().filter(writes).count() as u64));
        columns.texts("split", rows.iter().map(|row| &row.split));
        let audits = || tasks().map(|task| task.audit);
        columns.counts("audit_right_runs", audits().map(|it| it.right_runs.into()));
        columns.counts("audit_false_rejects", audits().map(|it| it.false_rejects.into()));
        columns.counts("audit_wrong_runs", audits().map(|it| it.wrong_runs.into()));
        columns.counts("audit_false_accepts", audits().map(|it| it.false_accepts.into()));
        columns.counts("trials", rows.iter().map(|row| row.tries.trials));
        columns.counts("passes", rows.iter().map(|row| row.tries.passes));
        columns.finish()
    }
}

fn golden_json(call: &GoldenCall) -> String {
    let source = |source: &ArgumentSource| match source {
        ArgumentSource::Output(earlier, pointer) => Value::Object(vec![
            ("call".into(), Value::Integer(i64::try_from(*earlier).unwrap_or(i64::MAX))),
            ("pointer".into(), Value::text(pointer)),
        ]),
        said => spelled(said),
    };
    let sources = call.sources.iter().map(|(name, from)| (name.clone(), source(from)));
    json_text(&Value::Object(vec![
        ("name".into(), Value::text(&call.name)),
        ("arguments".into(), call.arguments.clone()),
        ("observation".into(), Value::text(&call.observation)),
        ("effect".into(), Value::text(call.effect.name())),
        ("failed".into(), Value::Bool(call.failed)),
        ("sources".into(), Value::Object(sources.collect())),
    ]))
}

impl Table for ToolRow {
    fn id(&self) -> String {
        self.tool.id.to_string()
    }

    fn home(&self) -> Option<DomainId> {
        self.domain.as_ref().map(|(domain, _)| *domain)
    }

    fn lay_out(rows: &[ToolRow]) -> RecordBatch {
        let tools = || rows.iter().map(|row| &row.tool);
        let mut columns = Columns::default();
        columns.texts("id", tools().map(|tool| tool.id.to_string()));
        columns.texts("name", tools().map(|tool| &tool.name));
        columns.texts("identity", tools().map(|tool| &tool.identity));
        columns.texts("source", tools().map(|tool| &tool.source));
        columns.texts("provider", tools().map(|tool| &tool.provider));
        columns.texts("service", tools().map(|tool| &tool.service));
        columns.texts("category", tools().map(|tool| &tool.category));
        columns.texts("license", tools().map(|tool| &tool.license));
        columns.texts("description", tools().map(|tool| &tool.description));
        columns.json(
            "parameters",
            tools().map(|tool| json_text(&schemas::object_schema(&tool.input))),
        );
        columns.json("output", tools().map(|tool| json_text(&tool.output.shape.json_schema())));
        columns.texts("output_basis", tools().map(|tool| plain(&tool.output.basis)));
        columns.texts("revision", tools().map(|tool| tool.revision.to_string()));
        columns.perhaps_texts("operation", rows.iter().map(|row| row.operation.map(Effect::name)));
        let domains = || rows.iter().map(|row| row.domain.as_ref());
        columns.perhaps_texts("domain_id", domains().map(|it| it.map(|(id, _)| id.to_string())));
        columns.perhaps_texts("domain", domains().map(|it| it.map(|(_, name)| name)));
        let own = || rows.iter().map(|row| row.provenance.first().map(|one| &one.origin));
        columns.texts("file", own().map(|it| it.map_or("", |origin| &origin.file)));
        columns.texts("pointer", own().map(|it| it.map_or("", |origin| &origin.pointer)));
        columns.texts("version", own().map(|it| it.map_or("", |origin| &origin.version)));
        columns.json_lists(
            "provenance",
            rows.iter().map(|row| row.provenance.iter().map(origin_json)),
        );
        add_overlaps(&mut columns, rows.iter().map(|row| row.overlap.as_ref()));
        columns.finish()
    }
}

impl Table for DomainRow {
    fn id(&self) -> String {
        self.id.to_string()
    }

    fn home(&self) -> Option<DomainId> {
        Some(self.id)
    }

    fn lay_out(rows: &[DomainRow]) -> RecordBatch {
        let mut columns = Columns::default();
        columns.texts("id", rows.iter().map(|row| row.id.to_string()));
        columns.texts("name", rows.iter().map(|row| &row.name));
        columns.counts("n_tools", rows.iter().map(|row| row.n_tools));
        columns.json_lists("tables", rows.iter().map(|row| &row.tables));
        columns.counts("reads", rows.iter().map(|row| row.reads));
        columns.counts("writes", rows.iter().map(|row| row.writes));
        columns.counts("n_tasks", rows.iter().map(|row| row.n_tasks));
        add_overlaps(&mut columns, rows.iter().map(|row| row.overlap.as_ref()));
        columns.finish()
    }
}

/// Columns that say with which benchmark a row overlaps, how much and in what. Rows that were not
/// compared with any have none.
fn add_overlaps<'a>(
    columns: &mut Columns,
    overlaps: impl Iterator<Item = Option<&'a Option<Overlap>>>,
) {
    let compared: Option<Vec<Option<&Overlap>>> = overlaps.map(|it| Some(it?.as_ref())).collect();
    let Some(told) = compared.filter(|it| !it.is_empty()) else { return };
    let of = |overlap: &Option<&Overlap>| overlap.map_or(0, |it| u64::from(it.permille));
    columns.perhaps_texts("benchmark", told.iter().map(|it| it.map(|it| &it.benchmark)));
    columns.counts("overlap_permille", told.iter().map(of));
    columns.perhaps_texts("overlap", told.iter().map(|it| it.map(|it| &it.what)));
}

/// Where a tool came from, and what refining did there.
fn origin_json(provenance: &Provenance) -> String {
    let Value::Object(mut entries) = spelled(&provenance.origin) else {
        unreachable!("an origin is an object")
    };
    entries.push(("rules".into(), spelled(&provenance.rules)));
    json_text(&Value::Object(entries))
}

/// The name of an enumeration's unit variant, as its JSON has it.
fn plain<R: serde::Serialize>(variant: &R) -> String {
    spelled(variant).as_text().unwrap_or_default().to_string()
}
