//! The rows of a shard, made of what came of its domains.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use operators::Depot;
use schemas::{
    Digest, DomainId, Effect, Environment, EnvironmentRef, Plan, Task, TaskRef, Tool, ToolId,
    Verified,
};

use crate::dataset::{DomainRow, DomainTools, TaskRow, ToolRow, TrajectoryRow, Tries, bound_tools};
use crate::ledger::Entry;

use super::{Shard, ShardError, is_judged, is_vertical, split};

/// Rows of one split.
#[derive(Default)]
pub(super) struct Rows {
    pub kept: Vec<TrajectoryRow>,
    pub vertical: Vec<TrajectoryRow>,
    pub rejected: Vec<TrajectoryRow>,
    pub tasks: Vec<TaskRow>,
    pub tools: Vec<ToolRow>,
    pub domains: Vec<DomainRow>,
}

impl Rows {
    /// Every configuration's rows by their ids.
    pub(super) fn sort(&mut self) {
        for trajectories in [&mut self.kept, &mut self.vertical, &mut self.rejected] {
            trajectories.sort_by_key(|row| row.trajectory_id);
        }
        self.tasks.sort_by_key(|row| row.task.id);
        self.tools.sort_by_key(|row| row.tool.id);
        self.domains.sort_by_key(|row| row.id);
    }
}

/// Makes the rows of a shard.
#[derive(Clone, Copy)]
pub(super) struct Maker<'a> {
    pub plan: &'a Plan,
    pub depot: &'a dyn Depot,
    pub shard: &'a Shard,
}

impl Maker<'_> {
    /// A payload as it was put.
    pub(super) fn payload(&self, digest: &Digest) -> Result<Arc<[u8]>, ShardError> {
        self.depot.get(digest).ok_or(ShardError::Lost(*digest))
    }

    fn record<R: DeserializeOwned>(&self, digest: &Digest) -> Result<R, ShardError> {
        Ok(serde_json::from_slice(&self.payload(digest)?).expect("what was put reads back"))
    }

    /// Adds the rows of a domain.
    pub(super) fn gather(&self, entry: &Entry, rows: &mut Rows) -> Result<(), ShardError> {
        let payload = |it: &EnvironmentRef| self.record(&it.payload);
        let environment: Option<Environment> =
            entry.environment.as_ref().map(payload).transpose()?;
        let effects: BTreeMap<ToolId, _> = environment
            .iter()
            .flat_map(|it| &it.operations)
            .map(|operation| (operation.tool, operation.effect))
            .collect();
        for (tool, _) in &entry.domain.tools {
            let domain = Some((entry.domain.id, entry.domain.name.clone()));
            rows.tools.push(self.tool_row(*tool, effects.get(tool).copied(), domain));
        }
        let Some(environment) = environment else { return Ok(()) };
        rows.domains.push(super::domain_row(&environment, entry, self.plan));
        let bound = bound_tools(&environment, |tool| {
            let (tool, _) = &self.shard.tools[&tool];
            (&tool.source, &tool.license)
        });
        let mut of_task: BTreeMap<_, Vec<&Verified>> = BTreeMap::new();
        for verified in &entry.verified {
            of_task.entry(verified.trajectory.task).or_default().push(verified);
        }
        for task in &entry.tasks {
            let attempts = of_task.remove(&task.id).unwrap_or_default();
            self.gather_task(entry, task, &attempts, &bound, rows)?;
        }
        Ok(())
    }

    fn gather_task(
        &self,
        entry: &Entry,
        task: &TaskRef,
        attempts: &[&Verified],
        tools: &DomainTools,
        rows: &mut Rows,
    ) -> Result<(), ShardError> {
        let domain = &entry.domain.name;
        let payload: Task = self.record(&task.payload)?;
        let mut tries = Tries::default();
        for verified in attempts {
            tries.add(verified.verdict.is_kept());
            let trajectory = self.record(&verified.trajectory.payload)?;
            let row = TrajectoryRow::new(trajectory, &payload, domain, tools, &verified.verdict);
            if !verified.verdict.is_kept() {
                rows.rejected.push(row);
            } else if is_vertical(domain, self.plan) {
                rows.vertical.push(row);
            } else {
                rows.kept.push(row);
            }
        }
        let split = split(entry.domain.id, self.plan).into();
        rows.tasks.push(TaskRow { task: payload, domain: domain.clone(), split, tries });
        Ok(())
    }

    /// The row of a tool.
    pub(super) fn tool_row(
        &self,
        tool: ToolId,
        operation: Option<Effect>,
        domain: Option<(DomainId, String)>,
    ) -> ToolRow {
        let (known, origins) = &self.shard.tools[&tool];
        ToolRow {
            tool: Tool::clone(known),
            operation,
            domain,
            provenance: origins.clone(),
            overlap: is_judged(self.plan).then(|| self.shard.ledger.flagged.get(&tool).cloned()),
        }
    }
}
