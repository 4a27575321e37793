//! Propose for domains: ask a model for tables and programs, as data in the language of tools.
//!
//! Nothing here calls a model. A domain is a request; its answer comes back as a record, and goes
//! on to [`crate::materialize`], which takes of it what type-checks and passes the gate.

use std::sync::Arc;

use differential_dataflow::lattice::Lattice;
use differential_dataflow::{AsCollection, VecCollection};
use timely::dataflow::operators::generic::operator::empty;
use timely::progress::Timestamp;

use schemas::{
    Answer, Domain, DomainId, EnvironmentPlan, Operation, ProposePlan, ProposedProgram, Rejection,
    Request, Rule, Stage, Tool,
};

use crate::materialize::{Part, parts};

pub(crate) use crate::propose::reply::{Fault, is_name, not_a_name, read, shown};

mod prompt;
mod reply;

/// Changes whenever a change here asks something else or takes other answers.
pub const REVISION: &str = "propose 1";

/// The request about a domain and its tools.
///
/// # Errors
///
/// Says that the domain is too large to be asked about.
pub fn request(
    domain: &Domain,
    tools: &[Arc<Tool>],
    environment: &EnvironmentPlan,
    plan: &ProposePlan,
) -> Result<Request, Rejection> {
    prompt::request(domain, tools, environment, plan).map_err(|reason| Rejection {
        stage: Stage::Propose,
        subject: domain.id.to_string(),
        rule: Some(Rule::QuestionTooLong),
        reason,
        file: String::new(),
        pointer: String::new(),
    })
}

/// Whether an answer proposes the program that an operation has.
pub fn wrote(answer: &Answer, operation: &Operation) -> bool {
    let is_same =
        |it: &ProposedProgram| it.tool == operation.name && it.program == operation.program;
    read(answer).is_ok_and(|read| read.proposal.programs.iter().any(is_same))
}

/// The collections that come out: domains that can be materialised, what was proposed for them,
/// requests without an answer, and domains that no model can be asked about, as rejections.
pub type Proposed<'scope, T> = (
    VecCollection<'scope, T, Domain>,
    VecCollection<'scope, T, (DomainId, Answer)>,
    VecCollection<'scope, T, Request>,
    VecCollection<'scope, T, (DomainId, Rejection)>,
);

/// Extension trait for the `propose` operator.
pub trait Propose<'scope, T: Timestamp> {
    /// Asks a model about each domain, and hands on the domains that have been answered for, each
    /// with its answer.
    ///
    /// A domain waits for its answer. One that is too large to be asked about waits for nothing
    /// and is a rejection of stage `propose`. So once there are no requests each domain came out
    /// exactly once. Of several answers to one request the least counts. With no model in the plan
    /// this is the identity.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use differential_dataflow::input::Input;
    /// use operators::Propose;
    /// use schemas::{Answer, Domain, DomainId, EnvironmentPlan, ProposePlan};
    /// # use schemas::{Basis, Digest, Output, Shape, Tool, ToolId};
    /// # let tool = Arc::new(Tool {
    /// #     id: ToolId::of(["lend"]), revision: Digest::default(), identity: "lend".into(),
    /// #     name: "lend".into(), description: String::new(), source: String::new(),
    /// #     provider: String::new(), service: String::new(), category: String::new(),
    /// #     license: String::new(), method: None, path: None, input: Vec::new(),
    /// #     output: Output { shape: Shape::Any, basis: Basis::Inferred },
    /// # });
    /// let domain = Domain {
    ///     id: DomainId::of(["lending"]),
    ///     name: "lending".into(),
    ///     tools: vec![(tool.id, tool.revision)],
    /// };
    /// let plan = ProposePlan { model: "small".into(), ..ProposePlan::default() };
    /// timely::example(move |scope| {
    ///     let domains = scope.new_collection_from([domain]).1;
    ///     let tools = scope.new_collection_from([tool]).1;
    ///     let answers = scope.new_collection_from(Vec::<Answer>::new()).1;
    ///     let environment = EnvironmentPlan::default();
    ///     let (ready, proposals, requests, refused) =
    ///         domains.propose(tools, answers, &plan, &environment);
    ///     // Nobody has answered yet, so the domain waits.
    ///     ready.map(|_| ()).concat(proposals.map(|_| ())).concat(refused.map(|_| ())).assert_empty();
    ///     requests.map(|it| it.model)
    ///             .assert_eq(scope.new_collection_from(["small".to_string()]).1);
    /// });
    /// ```
    fn propose(
        self,
        tools: VecCollection<'scope, T, Arc<Tool>>,
        answers: VecCollection<'scope, T, Answer>,
        plan: &ProposePlan,
        environment: &EnvironmentPlan,
    ) -> Proposed<'scope, T>;
}

impl<'scope, T: Timestamp + Lattice> Propose<'scope, T> for VecCollection<'scope, T, Domain> {
    fn propose(
        self,
        tools: VecCollection<'scope, T, Arc<Tool>>,
        answers: VecCollection<'scope, T, Answer>,
        plan: &ProposePlan,
        environment: &EnvironmentPlan,
    ) -> Proposed<'scope, T> {
        let scope = self.inner.scope();
        if plan.model.is_empty() {
            let nothing = empty(scope).as_collection();
            return (self, nothing, empty(scope).as_collection(), empty(scope).as_collection());
        }
        let (plan, environment) = (plan.clone(), environment.clone());
        let asking = parts(self, tools).reduce_named(
            "Reduce: Propose question",
            move |_id: &DomainId, parts, asking: &mut Vec<(_, isize)>| {
                let mut domain = None;
                let mut present = Vec::new();
                for (part, _) in parts {
                    match part {
                        Part::Domain(it) => domain = Some(it),
                        Part::Member(tool) => present.push(Arc::clone(tool)),
                        Part::Proposed(_) => {}
                    }
                }
                asking.extend(domain.map(|domain| {
                    let asked = request(domain, &present, &environment, &plan);
                    ((domain.clone(), asked), 1)
                }));
            },
        );
        let unaskable =
            asking.clone().flat_map(|(_, (domain, asked))| Some((domain, asked.err()?)));
        let asked = asking.flat_map(|(_, (domain, asked))| {
            let request = asked.ok()?;
            Some((request.id(), (domain, request)))
        });
        let asked = asked.arrange_by_key_named("Arrange: Propose asked");
        let answered = answers
            .map(|answer| (answer.request, answer))
            .reduce_named("Reduce: Propose answer", |_request, answers, least| {
                least.extend(answers.first().map(|(answer, _)| (Answer::clone(answer), 1)));
            })
            .arrange_by_key_named("Arrange: Propose answered");
        let requests = asked
            .clone()
            .as_collection(|request, asked| (*request, asked.clone()))
            .antijoin(answered.clone().as_collection(|request, _answer| *request))
            .map(|(_, (_domain, request))| request)
            .distinct();
        let settled = asked.join_core(answered, |_request, (domain, _asked), answer| {
            Some((domain.clone(), answer.clone()))
        });
        let ready = settled.clone().map(|(domain, _answer)| domain);
        let ready = ready.concat(unaskable.clone().map(|(domain, _refused)| domain));
        let proposals = settled.map(|(domain, answer)| (domain.id, answer));
        (ready, proposals, requests, unaskable.map(|(domain, refused)| (domain.id, refused)))
    }
}
