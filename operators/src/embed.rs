//! Embed tools: ask a model for each as a point.
//!
//! Nothing here calls a model. A tool's text is a request; the point comes back as an answer.

use std::sync::Arc;

use differential_dataflow::VecCollection;
use differential_dataflow::lattice::Lattice;
use timely::progress::Timestamp;

use schemas::{Answer, Finish, GraphPlan, Rejection, Request, Rule, Stage, Tool, Vector, Weights};

pub use self::numbers::{numbers, text};
pub use self::question::request;
pub use self::unit::unit;

mod numbers;
mod question;
mod unit;

/// Changes whenever the same input would give another result, so that nothing stale is recalled.
pub const REVISION: &str = "embed 1";

/// The tool as the point that a model gave for its text: the same direction, of length 1.
///
/// # Errors
///
/// Says why there is none: the model declined, the text is longer than it reads, or what it gave
/// are not numbers or have no direction. Such a tool is near to nothing and finds no domain.
pub fn embedded(tool: &Tool, answer: &Answer) -> Result<Vector, Rejection> {
    let refused = |rule, reason: String| Rejection {
        stage: Stage::Domain,
        subject: tool.identity.clone(),
        rule: Some(rule),
        reason: format!("found no domain: {reason}"),
        file: String::new(),
        pointer: String::new(),
    };
    match answer.finish {
        Finish::Stop => {}
        Finish::Declined => {
            let reason = format!("the model declined to embed it: {}", answer.text);
            return Err(refused(Rule::AnswerDeclined, reason));
        }
        Finish::Length => {
            let reason = format!("its text is too long for the model: {}", answer.text);
            return Err(refused(Rule::AnswerCutOff, reason));
        }
    }
    let point = numbers(&answer.text).and_then(|numbers| unit(&numbers));
    match point {
        Ok(components) => Ok(Vector::dense(tool.id, components)),
        Err(reason) => Err(refused(Rule::VectorUnusable, format!("its vector {reason}"))),
    }
}

/// Extension trait for the `embed` operator.
pub trait Embed<'scope, T: Timestamp> {
    /// Turns each tool into the vector that the plan's model gives for its text, and says what is
    /// still to be asked.
    ///
    /// Returns the vectors, the requests without an answer, and the tools without a vector, each
    /// as a rejection. Requests are distinct: tools of one text ask once. A tool waits for its
    /// answer, and for the weights of its epoch although it needs none: whatever comes after the
    /// vectors happens once everything is asked. Of several answers to one request the least
    /// counts.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use differential_dataflow::input::Input;
    /// use operators::embed::{Embed, request, text};
    /// use schemas::{Answer, Finish, GraphPlan, Weights};
    /// # use schemas::{Basis, Digest, Output, Shape, Tool, ToolId};
    /// # fn tool(name: &str) -> Tool {
    /// #     Tool {
    /// #         id: ToolId::of([name]), revision: Digest::of(name.as_bytes()),
    /// #         identity: name.into(), name: name.into(), description: String::new(),
    /// #         source: String::new(), provider: String::new(), service: String::new(),
    /// #         category: String::new(), license: String::new(), method: None, path: None,
    /// #         input: Vec::new(), output: Output { shape: Shape::Any, basis: Basis::Inferred },
    /// #     }
    /// # }
    /// let plan = GraphPlan { embedding_model: "small".into(), ..GraphPlan::default() };
    /// let (lend, renew) = (tool("lend"), tool("renew"));
    /// let answer = Answer {
    ///     request: request(&lend, &plan).id(),
    ///     text: text(&[3.0, -4.0]),
    ///     finish: Finish::Stop,
    ///     tokens_in: 0,
    ///     tokens_out: 0,
    /// };
    ///
    /// timely::example(move |scope| {
    ///     let tools = scope.new_collection_from([lend, renew].map(Arc::new)).1;
    ///     let answers = scope.new_collection_from([answer]).1;
    ///     let weights = scope.new_collection_from([Arc::new(Weights::default())]).1;
    ///     let (vectors, requests, refused) = tools.embed(answers, weights, &plan);
    ///     vectors.map(|vector| vector.dense)
    ///            .assert_eq(scope.new_collection_from([vec![19_661, -26_214]]).1);
    ///     requests.map(|request| request.messages[0].content.clone())
    ///             .assert_eq(scope.new_collection_from(["renew".to_string()]).1);
    ///     refused.map(|refused| refused.subject).assert_empty();
    /// });
    /// ```
    fn embed(
        self,
        answers: VecCollection<'scope, T, Answer>,
        weights: VecCollection<'scope, T, Arc<Weights>>,
        plan: &GraphPlan,
    ) -> (
        VecCollection<'scope, T, Vector>,
        VecCollection<'scope, T, Request>,
        VecCollection<'scope, T, Rejection>,
    );
}

impl<'scope, T: Timestamp + Lattice> Embed<'scope, T> for VecCollection<'scope, T, Arc<Tool>> {
    fn embed(
        self,
        answers: VecCollection<'scope, T, Answer>,
        weights: VecCollection<'scope, T, Arc<Weights>>,
        plan: &GraphPlan,
    ) -> (
        VecCollection<'scope, T, Vector>,
        VecCollection<'scope, T, Request>,
        VecCollection<'scope, T, Rejection>,
    ) {
        let peers = self.inner.scope().peers() as u64;
        let (asks, plan) = (plan.clone(), plan.clone());
        let asked = self
            .map(move |tool| (request(&tool, &plan).id(), tool))
            .arrange_by_key_named("Arrange: Embed asked");
        let answered = answers
            .map(|answer| (answer.request, answer))
            .reduce_named("Reduce: Embed answer", |_request, answers, least| {
                least.extend(answers.first().map(|(answer, _)| (Answer::clone(answer), 1)));
            })
            .arrange_by_key_named("Arrange: Embed answered");
        let requests = asked
            .clone()
            .as_collection(|request, tool| (*request, Arc::clone(tool)))
            .antijoin(answered.clone().as_collection(|request, _answer| *request))
            .map(move |(_, tool)| request(&tool, &asks))
            .distinct();
        // Weights that replace others do not make a tool come out anew: only that there are some
        // counts.
        let ready = weights.flat_map(move |_weights| (0..peers).map(|worker| (worker, ())));
        let settled = asked
            .join_core(answered, |_request, tool, answer| {
                Some(embedded(tool, answer).map_err(|refused| (tool.id, refused)))
            })
            .map(move |settled| {
                let tool = match &settled {
                    Ok(vector) => vector.tool,
                    Err((tool, _)) => *tool,
                };
                (tool.0 % peers, settled)
            })
            .join_map(ready, |_worker, settled, ()| settled.clone());
        let vectors = settled.clone().flat_map(Result::ok);
        (vectors, requests, settled.flat_map(|settled| settled.err().map(|(_, refused)| refused)))
    }
}
