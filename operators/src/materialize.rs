//! Materialise domains: a database schema, its first rows, and tools that are programs over them.

use std::sync::Arc;

use differential_dataflow::VecCollection;
use differential_dataflow::lattice::Lattice;
use serde::{Deserialize, Serialize};
use timely::progress::Timestamp;

use schemas::{
    Answer, Digest, Domain, DomainId, Effect, Environment, EnvironmentPlan, EnvironmentRef,
    Rejection, Tool,
};

use crate::depot::{Depot, put_record};
use crate::materialize::site::Site;
use crate::propose;
use crate::recall::Recall;
use crate::work::Work;

pub use crate::materialize::gate::arguments;
pub(crate) use crate::materialize::outline::{Outlined, outline};
pub(crate) use crate::materialize::populate::cell::sample;
pub(crate) use crate::materialize::words::singular;

mod words;
pub(crate) mod hints;
mod lexicon;
mod naming;
mod reading;
mod settle;
mod bind;
mod outputs;
mod evidence;
mod infer;
mod compile;
mod populate;
mod gate;
mod site;
mod outline;
mod extend;
mod accept;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod tests;

/// Changes whenever the same tools would give another environment, so that nothing stale is
/// recalled.
pub const REVISION: &str = "materialize 11";

/// What became of a domain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Materialized {
    /// The environment; none if no tool passed the gate.
    pub environment: Option<Environment>,
    /// The tools that did not pass the gate, and why.
    pub rejections: Vec<Rejection>,
    /// How many calls the gate made.
    pub calls: usize,
}

/// Digest of everything a domain's environment is a function of: `proposed` is that of the answer
/// of a model which it was made with.
pub fn key(domain: &Domain, proposed: Option<Digest>, plan: &EnvironmentPlan, seed: u64) -> Digest {
    match proposed {
        None => Digest::of_record(&(REVISION, domain, plan, seed)),
        Some(answer) => {
            Digest::of_record(&(REVISION, propose::REVISION, domain, answer, plan, seed))
        }
    }
}

/// Makes a domain's environment out of its tools, and turns away the tools that do not work in it.
///
/// Deterministic, whatever the order of the tools; time grows with the tools and their arguments.
/// Descriptions are hints for values and nothing else: no text of a tool is ever run.
pub fn materialize(
    domain: &Domain,
    tools: &[Arc<Tool>],
    plan: &EnvironmentPlan,
    seed: u64,
) -> Materialized {
    let site = Site::of(domain, tools, plan, seed);
    let raised = site.raise(&site.schema);
    site.finished(&raised, Vec::new())
}

/// As [`materialize`], with what of a model's answer to [`propose::request`] holds.
///
/// Tables and columns are taken, all or none, if every tool that passes the gate without them
/// passes it with them. A program is taken if it type-checks and passes the gate; what is built in
/// stands for the other tools. Every refusal is a rejection of stage `propose`.
pub fn materialize_proposed(
    domain: &Domain,
    tools: &[Arc<Tool>],
    answer: &Answer,
    plan: &EnvironmentPlan,
    seed: u64,
) -> Materialized {
    let site = Site::of(domain, tools, plan, seed);
    let plain = site.raise(&site.schema);
    let (raised, refused) = accept::accept(&site, plain, answer);
    site.finished(&raised, refused)
}

/// Earlier results of materialising domains.
pub type Recalled = (Option<EnvironmentRef>, Vec<Rejection>);

/// What surrounds the materialising of a dataflow's domains.
#[derive(Clone)]
pub struct Workshop {
    /// Limits.
    pub plan: EnvironmentPlan,
    /// The key of every choice.
    pub seed: u64,
    /// Where environments are put.
    pub depot: Arc<dyn Depot>,
    /// Results of earlier builds.
    pub recall: Arc<dyn Recall<Recalled>>,
    /// Where work is counted.
    pub work: Arc<Work>,
}

/// Extension trait for the `materialize` operator.
pub trait Materialize<'scope, T: Timestamp> {
    /// Makes the environment of each domain out of its member tools.
    ///
    /// The payload goes to the depot; what flows is its digest. A member without a tool is left
    /// out; a tool that does not pass the gate is rejected; a domain none of whose tools passes
    /// has no environment. What a model proposed for a domain, if anything, counts as far as it
    /// holds. Retracting a domain, a tool or a proposal retracts what it caused.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use differential_dataflow::input::Input;
    /// use operators::materialize::{Materialize, Workshop};
    /// use operators::{Forgetful, MemoryDepot, Work};
    /// use schemas::{
    ///     Basis, Digest, Domain, DomainId, EnvironmentPlan, Field, Output, Shape, Tool, ToolId, Value,
    /// };
    ///
    /// let field = |name: &str| Field {
    ///     name: name.into(),
    ///     shape: Shape::text(),
    ///     required: true,
    ///     place: String::new(),
    ///     description: String::new(),
    ///     default: Value::Null,
    ///     example: Value::Null,
    /// };
    /// let tool = |name: &str, argument: &str| Tool {
    ///     id: ToolId::of([name]),
    ///     revision: Digest::of(name.as_bytes()),
    ///     identity: name.into(),
    ///     name: name.into(),
    ///     description: String::new(),
    ///     source: String::new(),
    ///     provider: String::new(),
    ///     service: String::new(),
    ///     category: String::new(),
    ///     license: String::new(),
    ///     method: None,
    ///     path: None,
    ///     input: vec![field(argument)],
    ///     output: Output { shape: Shape::Any, basis: Basis::Inferred },
    /// };
    /// let tools = [tool("add_note", "text"), tool("get_note", "note_id")].map(Arc::new);
    /// let mut members = tools.each_ref().map(|tool| (tool.id, tool.revision)).to_vec();
    /// members.sort();
    /// let domain = Domain { id: DomainId::of(["notes"]), name: "notes".into(), tools: members };
    ///
    /// ::timely::example(|scope| {
    ///     let workshop = Workshop {
    ///         plan: EnvironmentPlan::default(),
    ///         seed: 7,
    ///         depot: Arc::new(MemoryDepot::default()),
    ///         recall: Arc::new(Forgetful),
    ///         work: Arc::new(Work::default()),
    ///     };
    ///     let domains = scope.new_collection_from([domain]).1;
    ///     let tools = scope.new_collection_from(tools).1;
    ///     let proposals = scope.new_collection_from([]).1;
    ///     let (environments, unsound) = domains.materialize(tools, proposals, workshop);
    ///     environments
    ///         .map(|it| (it.name, it.tables, it.reads, it.writes))
    ///         .assert_eq(scope.new_collection_from([("notes".to_string(), 1, 1, 1)]).1);
    ///     unsound.map(|(_, it)| it.reason).assert_empty();
    /// });
    /// ```
    fn materialize(
        self,
        tools: VecCollection<'scope, T, Arc<Tool>>,
        proposals: VecCollection<'scope, T, (DomainId, Answer)>,
        workshop: Workshop,
    ) -> (VecCollection<'scope, T, EnvironmentRef>, VecCollection<'scope, T, (DomainId, Rejection)>);
}

/// What a domain is made of, as it meets its tools.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub(crate) enum Part {
    /// The domain.
    Domain(Domain),
    /// One of its tools.
    Member(Arc<Tool>),
    /// What a model proposed for it.
    Proposed(Answer),
}

/// Domains with those of their tools that are there, by domain.
pub(crate) fn parts<'scope, T: Timestamp + Lattice>(
    domains: VecCollection<'scope, T, Domain>,
    tools: VecCollection<'scope, T, Arc<Tool>>,
) -> VecCollection<'scope, T, (DomainId, Part)> {
    let members = domains.clone().flat_map(|domain| {
        let id = domain.id;
        domain.tools.into_iter().map(move |member| (member, id))
    });
    members
        .join_map(tools.map(|tool| ((tool.id, tool.revision), tool)), |_, id, tool| {
            (*id, Part::Member(Arc::clone(tool)))
        })
        .concat(domains.map(|domain| (domain.id, Part::Domain(domain))))
}

impl<'scope, T: Timestamp + Lattice> Materialize<'scope, T> for VecCollection<'scope, T, Domain> {
    fn materialize(
        self,
        tools: VecCollection<'scope, T, Arc<Tool>>,
        proposals: VecCollection<'scope, T, (DomainId, Answer)>,
        workshop: Workshop,
    ) -> (VecCollection<'scope, T, EnvironmentRef>, VecCollection<'scope, T, (DomainId, Rejection)>)
    {
        let outer = self.scope();
        outer.region_named("Materialize", |region| {
            let answered = proposals.enter_region(region);
            let answered = answered.map(|(domain, answer)| (domain, Part::Proposed(answer)));
            let made = parts(self.enter_region(region), tools.enter_region(region))
                .concat(answered)
                .reduce(move |_id: &DomainId, parts, made: &mut Vec<(_, isize)>| {
                    let (mut domain, mut proposed) = (None, None);
                    let mut present = Vec::new();
                    for (part, _) in parts {
                        match part {
                            Part::Domain(it) => domain = Some(it),
                            Part::Member(tool) => present.push(Arc::clone(tool)),
                            Part::Proposed(answer) => proposed = proposed.or(Some(answer)),
                        }
                    }
                    if let Some(domain) = domain {
                        let (environment, rejections) = workshop.make(domain, &present, proposed);
                        made.extend(environment.map(|it| (Ok(it), 1)));
                        made.extend(rejections.into_iter().map(|it| (Err(it), 1)));
                    }
                });
            let environments = made.clone().flat_map(|(_, made)| made.ok());
            let rejections = made.flat_map(|(id, made)| made.err().map(|it| (id, it)));
            (environments.leave_region(outer), rejections.leave_region(outer))
        })
    }
}

impl Workshop {
    /// The result for a domain: remembered, or made and put into the depot.
    fn make(&self, domain: &Domain, tools: &[Arc<Tool>], proposed: Option<&Answer>) -> Recalled {
        let remembered = (tools.len() == domain.tools.len())
            .then(|| key(domain, proposed.map(Digest::of_record), &self.plan, self.seed));
        if let Some(known) = remembered.and_then(|key| self.recall.recall(&key)) {
            return known;
        }
        let made = match proposed {
            None => materialize(domain, tools, &self.plan, self.seed),
            Some(answer) => materialize_proposed(domain, tools, answer, &self.plan, self.seed),
        };
        self.work.domains_materialized.add(1);
        self.work.calls_executed.add(made.calls);
        let environment = made.environment.map(|environment| {
            let count = |effect: Effect| {
                let with = environment.operations.iter().filter(|it| it.effect == effect);
                u32::try_from(with.count()).unwrap_or(u32::MAX)
            };
            EnvironmentRef {
                domain: domain.id,
                name: domain.name.clone(),
                payload: put_record(self.depot.as_ref(), &environment),
                tables: u32::try_from(environment.tables.len()).unwrap_or(u32::MAX),
                reads: count(Effect::Read),
                writes: count(Effect::Write),
            }
        });
        (environment, made.rejections)
    }
}
