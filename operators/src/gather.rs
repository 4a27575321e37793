//! Gather the members of each domain and name it.

use std::collections::BTreeMap;
use std::sync::Arc;

use differential_dataflow::VecCollection;
use differential_dataflow::lattice::Lattice;
use timely::progress::Timestamp;

use schemas::{Domain, DomainId, Membership, Tool, Weights};

use crate::communities::{domain_name, still_fits};

/// Changes whenever the same input would give another result, so that nothing stale is recalled.
pub const REVISION: &str = "gather 3";

/// Extension trait for the `gather` operator.
pub trait Gather<'scope, T: Timestamp> {
    /// Gathers memberships into domains, each with its members' revisions and a name made of its
    /// own distinctive terms, or the name it had before while that still fits: a name is in
    /// everything that is made of a domain, and a newcomer should not change all of it.
    ///
    /// A member without a tool of its id is left out, and a domain without members is none. Names
    /// need not be unique; ids are.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use std::sync::Arc;
    ///
    /// use differential_dataflow::input::Input;
    /// use operators::Gather;
    /// use schemas::{DomainId, Membership, Weights};
    /// # use schemas::{Basis, Digest, Output, Shape, Tool, ToolId};
    /// # fn tool(name: &str) -> Arc<Tool> {
    /// #     Arc::new(Tool {
    /// #         id: ToolId::of([name]), revision: Digest::of(name.as_bytes()),
    /// #         identity: name.into(), name: name.into(), description: String::new(),
    /// #         source: String::new(), provider: String::new(), service: String::new(),
    /// #         category: String::new(), license: String::new(), method: None, path: None,
    /// #         input: Vec::new(), output: Output { shape: Shape::Any, basis: Basis::Inferred },
    /// #     })
    /// # }
    ///
    /// ::timely::example(|scope| {
    ///     let tools = [tool("book_flight"), tool("cancel_flight")];
    ///     let members = tools.clone().map(|it| Membership { tool: it.id, domain: DomainId(7) });
    ///
    ///     let tools = scope.new_collection_from(tools).1;
    ///     let weights = scope.new_collection_from([Arc::new(Weights::default())]).1;
    ///     scope.new_collection_from(members).1
    ///          .gather(tools, weights, &BTreeMap::new())
    ///          .map(|domain| (domain.id, domain.tools.len()))
    ///          .assert_eq(scope.new_collection_from([(DomainId(7), 2)]).1);
    /// });
    /// ```
    fn gather(
        self,
        tools: VecCollection<'scope, T, Arc<Tool>>,
        weights: VecCollection<'scope, T, Arc<Weights>>,
        names: &BTreeMap<DomainId, String>,
    ) -> VecCollection<'scope, T, Domain>;
}

impl<'scope, T> Gather<'scope, T> for VecCollection<'scope, T, Membership>
where
    T: Timestamp + Lattice + Ord,
{
    fn gather(
        self,
        tools: VecCollection<'scope, T, Arc<Tool>>,
        weights: VecCollection<'scope, T, Arc<Weights>>,
        names: &BTreeMap<DomainId, String>,
    ) -> VecCollection<'scope, T, Domain> {
        let tools = tools.map(|tool| (tool.id, tool));
        let names = names.clone();
        self.map(|membership| (membership.tool, membership.domain))
            .join_map(tools, |_tool, domain, tool| (*domain, Arc::clone(tool)))
            .reduce_named("Gather", |_domain, members, output| {
                let members: Vec<_> = members.iter().map(|(tool, _)| Arc::clone(tool)).collect();
                output.push((members, 1));
            })
            .map(|named| ((), named))
            .join_map(weights.map(|weights| ((), weights)), move |(), (id, members), weights| {
                domain(*id, members, weights, names.get(id).map(String::as_str))
            })
    }
}

/// The domain of these members, which may have had a name before.
pub fn domain(
    id: DomainId,
    members: &[Arc<Tool>],
    weights: &Weights,
    before: Option<&str>,
) -> Domain {
    let named: Vec<&Tool> = members.iter().map(Arc::as_ref).collect();
    let kept = before.filter(|name| still_fits(name, &named));
    let name = kept.map_or_else(|| domain_name(&named, weights), Into::into);
    let mut tools: Vec<_> = members.iter().map(|tool| (tool.id, tool.revision)).collect();
    tools.sort();
    Domain { id, name, tools }
}
