//! Describe poor tools: ask a model what they take and answer, and take of its word what holds.
//!
//! Nothing here calls a model. A poor tool is a request; its answer comes back as a record.

use std::sync::Arc;

use differential_dataflow::lattice::Lattice;
use differential_dataflow::{AsCollection, VecCollection};
use timely::dataflow::operators::OkErr;
use timely::dataflow::operators::generic::operator::empty;
use timely::progress::Timestamp;

use schemas::{Answer, CorpusPlan, DescribePlan, Poverty, Rejection, Request, Rule, Stage, Tool};

use crate::describe::prompt::request;
use crate::describe::reply::Reply;
use crate::refine::{caught, revised};

pub use crate::describe::poverty::poverty;
pub(crate) use crate::describe::prompt::told;
pub(crate) use crate::describe::reply::{finished, unwrapped};

mod poverty;
mod prompt;
mod reply;
mod facts;

/// Changes whenever the same input would give another result, so that nothing stale is recalled.
pub const REVISION: &str = "describe 1";

/// What is to be done about one tool.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Need {
    /// It says enough.
    Nothing,
    /// A model is to be asked.
    Ask(Box<Request>),
    /// It is poor, but no model can be asked about it.
    Unaskable(Rejection),
}

/// What is to be done about a tool: a function of the tool and the plan.
pub fn need(tool: &Tool, plan: &DescribePlan) -> Need {
    if plan.model.is_empty() || poverty(tool, plan).is_empty() {
        return Need::Nothing;
    }
    match request(tool, plan) {
        Ok(request) => Need::Ask(Box::new(request)),
        Err(reason) => Need::Unaskable(refusal(tool, Rule::QuestionTooLong, reason)),
    }
}

/// The tool with its poor parts described as an answer says.
///
/// Only what is poor is replaced: a description that is missing or brief, arguments without one,
/// an output that was inferred. Name, arguments, types, defaults and what the source declares are
/// its own. Nothing of an answer that fails a check is taken.
///
/// # Errors
///
/// Names the check that refused the answer: it was declined or cut off, is not the JSON asked for,
/// is about another interface, is too long, holds markup or control tokens, loses a fact that the
/// source states, says no more than the source, or gives orders to whoever reads it.
pub fn described(
    tool: &Tool,
    answer: &Answer,
    plan: &DescribePlan,
    corpus: &CorpusPlan,
) -> Result<Tool, Rejection> {
    let reply = Reply::read(answer, tool, corpus);
    let reply = reply.map_err(|(rule, reason)| refusal(tool, rule, reason))?;
    let wanting = poverty(tool, plan);
    let mut better = tool.clone();
    if [Poverty::NoDescription, Poverty::BriefDescription].iter().any(|it| wanting.contains(it)) {
        if poverty::words(&reply.description) < plan.words_min {
            let reason = format!("the description has fewer than {} words", plan.words_min);
            return Err(refusal(tool, Rule::AnswerPoor, reason));
        }
        better.description.clone_from(&reply.description);
    }
    if wanting.contains(&Poverty::UndescribedArguments) {
        for (field, said) in better.input.iter_mut().zip(&reply.arguments) {
            if field.description.is_empty() {
                field.description.clone_from(said);
            }
        }
    }
    if wanting.contains(&Poverty::InferredOutput)
        && let Some(output) = reply.output
    {
        better.output = output;
    }
    if better == *tool {
        let reason = "nothing that was wanting is said".to_string();
        return Err(refusal(tool, Rule::AnswerPoor, reason));
    }
    let lost = facts::lost(tool, &better);
    if let Some(fact) = lost.first() {
        let reason = format!("it leaves out \"{fact}\", which the source states");
        return Err(refusal(tool, Rule::AnswerLosesFacts, reason));
    }
    // A model may be talked into passing orders on, and what it says is shown like any description.
    if corpus.quarantine
        && let Some((rule, reason)) = caught(&better)
    {
        return Err(refusal(tool, rule, reason));
    }
    Ok(revised(better))
}

fn refusal(tool: &Tool, rule: Rule, reason: String) -> Rejection {
    Rejection {
        stage: Stage::Describe,
        subject: tool.identity.clone(),
        rule: Some(rule),
        reason,
        file: String::new(),
        pointer: String::new(),
    }
}

/// Extension trait for the `describe` operator.
pub trait Describe<'scope, T: Timestamp> {
    /// Describes poor tools as a model answers, and says what is still to be asked.
    ///
    /// Returns the tools that need no word or have had one, the requests without an answer, and
    /// what was refused. A poor tool waits for its answer: it is among the tools as soon as there
    /// is one, as answered or, if the answer was refused, as it was. So once there are no requests
    /// each tool came out exactly once. Requests are distinct. Of several answers to one request
    /// the least counts. With no model in the plan this is the identity.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use differential_dataflow::input::Input;
    /// use operators::describe::{Describe, Need, need};
    /// use schemas::{Answer, CorpusPlan, DescribePlan, Finish};
    /// # use schemas::{Basis, Digest, Output, Shape, Tool, ToolId};
    /// # fn tool(name: &str) -> Tool {
    /// #     Tool {
    /// #         id: ToolId::of([name]), revision: Digest::of(name.as_bytes()),
    /// #         identity: name.into(), name: name.into(), description: String::new(),
    /// #         source: String::new(), provider: String::new(), service: String::new(),
    /// #         category: String::new(), license: String::new(), method: None, path: None,
    /// #         input: Vec::new(), output: Output { shape: Shape::text(), basis: Basis::Declared },
    /// #     }
    /// # }
    /// let plan = DescribePlan { model: "small".into(), ..DescribePlan::default() };
    /// let (lend, renew) = (tool("lend"), tool("renew"));
    /// let Need::Ask(request) = need(&lend, &plan) else { panic!("it has no description") };
    /// let said = "Lends a book to a member, and answers with the due date.";
    /// let text = format!(r#"{{"name": "lend", "description": "{said}", "arguments": []}}"#);
    /// let answer = Answer {
    ///     request: request.id(),
    ///     text,
    ///     finish: Finish::Stop,
    ///     tokens_in: 300,
    ///     tokens_out: 40,
    /// };
    ///
    /// timely::example(move |scope| {
    ///     let tools = scope.new_collection_from([lend, renew].map(Arc::new)).1;
    ///     let answers = scope.new_collection_from([answer]).1;
    ///     let (tools, requests, refused) = tools.describe(answers, &plan, &CorpusPlan::default());
    ///     tools.map(|tool| tool.description.clone())
    ///          .assert_eq(scope.new_collection_from([said.to_string()]).1);
    ///     requests.map(|request| request.model)
    ///             .assert_eq(scope.new_collection_from(["small".to_string()]).1);
    ///     refused.map(|refused| refused.subject).assert_empty();
    /// });
    /// ```
    fn describe(
        self,
        answers: VecCollection<'scope, T, Answer>,
        plan: &DescribePlan,
        corpus: &CorpusPlan,
    ) -> (
        VecCollection<'scope, T, Arc<Tool>>,
        VecCollection<'scope, T, Request>,
        VecCollection<'scope, T, Rejection>,
    );
}

impl<'scope, T: Timestamp + Lattice> Describe<'scope, T> for VecCollection<'scope, T, Arc<Tool>> {
    fn describe(
        self,
        answers: VecCollection<'scope, T, Answer>,
        plan: &DescribePlan,
        corpus: &CorpusPlan,
    ) -> (
        VecCollection<'scope, T, Arc<Tool>>,
        VecCollection<'scope, T, Request>,
        VecCollection<'scope, T, Rejection>,
    ) {
        let scope = self.inner.scope();
        if plan.model.is_empty() {
            return (self, empty(scope).as_collection(), empty(scope).as_collection());
        }
        let (plan, corpus) = (plan.clone(), corpus.clone());
        let judge = plan.clone();
        let (poor, fine) = self.inner.ok_err(move |(tool, time, diff)| match need(&tool, &judge) {
            Need::Ask(request) => Ok(((request.id(), tool), time, diff)),
            Need::Nothing => Err(((tool, None), time, diff)),
            Need::Unaskable(refused) => Err(((tool, Some(refused)), time, diff)),
        });
        let asked = poor.as_collection().arrange_by_key_named("Arrange: Describe asked");
        let answered = answers
            .map(|answer| (answer.request, answer))
            .reduce_named("Reduce: Describe answer", |_request, answers, least| {
                least.extend(answers.first().map(|(answer, _)| (Answer::clone(answer), 1)));
            })
            .arrange_by_key_named("Arrange: Describe answered");

        let asks = plan.clone();
        let requests = asked
            .clone()
            .as_collection(|request, tool| (*request, Arc::clone(tool)))
            .antijoin(answered.clone().as_collection(|request, _answer| *request))
            .flat_map(move |(_, tool)| match need(&tool, &asks) {
                Need::Ask(request) => Some(*request),
                _ => None,
            })
            .distinct();
        let settled = asked
            .join_core(answered, move |_request, tool, answer| {
                Some(match described(tool, answer, &plan, &corpus) {
                    Ok(better) => (Arc::new(better), None),
                    Err(refused) => (Arc::clone(tool), Some(refused)),
                })
            })
            .concat(fine.as_collection());
        let refused = settled.clone().flat_map(|(_tool, refused)| refused);
        (settled.map(|(tool, _refused)| tool), requests, refused)
    }
}

#[cfg(test)]
mod tests;
