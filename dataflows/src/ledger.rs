//! The ledger: what came of every domain, kept by shard, so that the next build asks only for what
//! is new.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::benchmarks::parted;
use operators::{Recall, compose, decontaminate, materialize, roll_out, verify};
use schemas::{
    Digest, Domain, DomainId, EnvironmentRef, Overlap, Plan, Rejection, Stage, TaskRef, ToolId,
    TrajectoryRef, Verdict, Verified,
};

/// What came of the domains of one shard.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// By domain.
    pub entries: BTreeMap<DomainId, Entry>,
    /// Tools without a domain whose rows are in this shard, with the digest of their rows.
    pub homeless: BTreeMap<ToolId, Digest>,
    /// The tools of the shard that overlap with a benchmark.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub flagged: BTreeMap<ToolId, Overlap>,
}

impl Ledger {
    /// What was put for each domain for which anything was: the parts of a pack, in its order.
    pub fn parts(&self) -> impl Iterator<Item = (DomainId, Vec<Digest>)> {
        let payloads = self.entries.iter().map(|(id, entry)| (*id, entry.payloads().collect()));
        payloads.filter(|(_, payloads): &(_, Vec<_>)| !payloads.is_empty())
    }
}

/// What came of one domain.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name and members.
    pub domain: Domain,
    /// Digest of every member's description and origins: rows show both.
    pub tools: BTreeMap<ToolId, Digest>,
    /// Its environment; none if no member passed the gate.
    pub environment: Option<EnvironmentRef>,
    /// Members that did not pass the gate, and what a model proposed that was refused.
    pub ungated: Vec<Rejection>,
    /// Digest of the answer of a model that its environment was made with, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposed: Option<Digest>,
    /// Its tasks, by id.
    pub tasks: Vec<TaskRef>,
    /// Tasks that could not be proved, and what models made of tasks that was turned away.
    pub unprovable: Vec<Rejection>,
    /// What became of its tasks, by trajectory.
    pub verified: Vec<Verified>,
    /// Tasks that overlap with a benchmark, and how; they are not among its tasks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<(TaskRef, Rejection)>,
    /// How the domain overlaps with a benchmark, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap: Option<Overlap>,
}

impl Entry {
    /// Digests of everything that was put for the domain.
    fn payloads(&self) -> impl Iterator<Item = Digest> {
        let environment = self.environment.iter().map(|it| it.payload);
        let tasks = self.tasks.iter().map(|it| it.payload);
        let withheld = self.withheld.iter().map(|(it, _)| it.payload);
        let trajectories = self.verified.iter().map(|it| it.trajectory.payload);
        environment.chain(tasks).chain(withheld).chain(trajectories)
    }
}

/// The shard a domain's rows are in.
///
/// Monotone in the id, so that going through the domains in order goes through the shards in
/// order; and a function of the id alone, so that newcomers move nobody.
pub fn shard(domain: DomainId, shards: u32) -> u32 {
    place(domain.0, shards)
}

/// Cells of a shard: the rows of each are encoded by themselves. More are made anew less often, fewer
/// are folded better; with eight, a world of 1,800 domains has one for every third or fourth.
const CELLS: u32 = 8;

/// The cell of its shard, counted over all shards, that a domain's rows are in; as monotone.
pub fn cell(domain: DomainId, shards: u32) -> u32 {
    place(domain.0, shards.max(1) * CELLS)
}

/// The shard that the row of a tool without a domain is in.
pub fn homeless_shard(tool: ToolId, shards: u32) -> u32 {
    place(tool.0, shards)
}

fn place(id: u64, shards: u32) -> u32 {
    u32::try_from((u128::from(id) * u128::from(shards.max(1))) >> 64).expect("below the shards")
}

/// Earlier results of one verb, by the digest of what they are functions of.
#[derive(Debug)]
pub struct Remembered<V>(BTreeMap<Digest, V>);

impl<V> Default for Remembered<V> {
    fn default() -> Remembered<V> {
        Remembered(BTreeMap::new())
    }
}

impl<V: Clone + Send + Sync> Recall<V> for Remembered<V> {
    fn recall(&self, key: &Digest) -> Option<V> {
        self.0.get(key).cloned()
    }
}

/// Earlier results of every verb that is worth remembering.
#[derive(Debug, Default)]
pub struct Memory {
    /// Of `materialize`.
    pub environments: Remembered<materialize::Recalled>,
    /// Of `compose`.
    pub tasks: Remembered<compose::Outcome>,
    /// Of `decontaminate`.
    pub overlaps: Remembered<Option<Overlap>>,
    /// Of `roll_out`.
    pub trajectories: Remembered<Vec<TrajectoryRef>>,
    /// Of `verify`.
    pub verdicts: Remembered<Verdict>,
}

impl Memory {
    /// Remembers what a ledger made under `plan` says.
    pub fn learn(&mut self, ledger: &Ledger, plan: &Plan) {
        let entries = plan.decontaminate.benchmarks.iter();
        let benchmarks: Vec<Digest> =
            entries.filter_map(|entry| parted(entry)).map(|(_, digest)| digest).collect();
        for entry in ledger.entries.values() {
            let proposed = entry.proposed;
            let key = materialize::key(&entry.domain, proposed, &plan.environment, plan.seed);
            // That a domain was too large to be asked about is found anew.
            let of_materialize =
                entry.ungated.iter().filter(|it| it.stage == Stage::Gate || proposed.is_some());
            let ungated = of_materialize.cloned().collect();
            self.environments.0.insert(key, (entry.environment.clone(), ungated));
            if let Some(environment) = &entry.environment {
                let of_tasks = compose::key(&environment.payload, &plan.task, plan.seed);
                let of_compose = entry.unprovable.iter().filter(|it| !it.stage.needs_model());
                let withheld = entry.withheld.iter().map(|(task, _)| task);
                let tasks = entry.tasks.iter().chain(withheld).cloned().collect();
                let rejections = of_compose.cloned().collect();
                // Tasks that a model reworded are not as they were composed.
                if plan.task.intent_model.is_empty() {
                    self.tasks.0.insert(of_tasks, compose::Outcome { tasks, rejections });
                }
            }
            for task in &entry.tasks {
                // What was withheld is compared again: the reason names but its greatest overlap.
                for benchmark in &benchmarks {
                    let of_task = decontaminate::key(&task.payload, benchmark, &plan.decontaminate);
                    self.overlaps.0.insert(of_task, None);
                }
                let of_task = roll_out::key(&task.payload, &plan.rollout, plan.seed);
                let attempts = entry.verified.iter().map(|it| &it.trajectory);
                let rolled = attempts.filter(|it| it.task == task.id).cloned().collect();
                self.trajectories.0.insert(of_task, rolled);
            }
            for Verified { trajectory, verdict } in &entry.verified {
                let (from, payload) = (&trajectory.rolled_from, &trajectory.payload);
                let of_verdict = verify::key(from, payload, &plan.filter);
                self.verdicts.0.insert(of_verdict, verdict.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use schemas::DomainId;

    use super::{CELLS, cell, shard};

    #[test]
    fn shards_are_monotone_and_cover() {
        let ids = [0, u64::MAX / 3, u64::MAX / 2, u64::MAX];
        let shards: Vec<u32> = ids.iter().map(|id| shard(DomainId(*id), 64)).collect();
        assert_eq!(shards, [0, 21, 31, 63]);
        assert_eq!(shard(DomainId(u64::MAX), 1), 0);
        assert!(ids.into_iter().map(DomainId).all(|id| cell(id, 64) / CELLS == shard(id, 64)));
    }
}
