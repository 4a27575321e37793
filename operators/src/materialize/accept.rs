//! What of a model's proposal for a domain holds.

use std::collections::BTreeMap;

use schemas::{
    Answer, Basis, Effect, Expression, Operation, Program, Rejection, Reply, Rule, Shape, Stage,
    Step,
};

use crate::materialize::extend::extended;
use crate::materialize::site::{Raised, Site, rejection};
use crate::propose::{Fault, read, shown};

/// What came of the programs proposed, by place of the tool.
type Judged = BTreeMap<usize, Result<Operation, String>>;

/// What stands on a site with what of an answer holds, and what does not, as rejections.
///
/// `plain` is what stands there without it, and stands wherever nothing better holds.
pub(super) fn accept(site: &Site<'_>, plain: Raised, answer: &Answer) -> (Raised, Vec<Rejection>) {
    let considered = match read(answer) {
        Ok(considered) => considered,
        Err((rule, reason)) => return (plain, vec![refusal(site, "", Some(rule), reason)]),
    };
    let mut refused: Vec<Rejection> =
        considered.faults.into_iter().map(|it| of(site, it)).collect();
    let (proposal, mut programs) = (considered.proposal, BTreeMap::new());
    for proposed in &proposal.programs {
        let tool = proposed.tool.as_str();
        match site.names.iter().position(|name| name == tool) {
            None => {
                let reason = format!("it proposes a program for \"{}\", no tool here", shown(tool));
                refused.push(refusal(site, "", None, reason));
            }
            Some(place) if programs.contains_key(&place) => {
                let reason = "a second program is proposed for it".to_string();
                refused.push(refusal(site, tool, None, reason));
            }
            Some(place) => drop(programs.insert(place, proposed.program.clone())),
        }
    }
    let (mut raised, outcomes) = best(site, plain, &proposal, &programs, &mut refused);
    for (place, outcome) in outcomes {
        let name = &site.names[place];
        match outcome {
            Ok(operation) => {
                raised.turned.remove(&place);
                raised.environment.operations.retain(|it| it.name != *name);
                raised.environment.operations.push(operation);
            }
            Err(reason) => {
                let reason = format!("the proposed program is refused: {}", shown(&reason));
                refused.push(refusal(site, name, None, reason));
            }
        }
    }
    raised.environment.operations.sort_by(|one, other| one.name.cmp(&other.name));
    // Two things may be wrong in the same way.
    refused.sort();
    refused.dedup();
    (raised, refused)
}

/// What stands on the tables as proposed if no tool loses by them, else what stands without them;
/// and what comes of the programs there.
fn best(
    site: &Site<'_>,
    mut plain: Raised,
    proposal: &schemas::Proposal,
    programs: &BTreeMap<usize, Program>,
    refused: &mut Vec<Rejection>,
) -> (Raised, Judged) {
    let (schema, faults) = extended(&site.schema, proposal, site.plan);
    let sentences = faults.into_iter().map(|reason| format!("the proposed {reason}"));
    refused.extend(sentences.map(|reason| refusal(site, "", None, reason)));
    if schema != site.schema {
        let mut raised = site.raise(&schema);
        raised.calls += plain.calls;
        let judged = judged(site, &mut raised, programs);
        let fails = |place: &usize| {
            raised.turned.contains_key(place) && !matches!(judged.get(place), Some(Ok(_)))
        };
        let mut places = 0..site.names.len();
        let lost = places.find(|place| !plain.turned.contains_key(place) && fails(place));
        let Some(lost) = lost else { return (raised, judged) };
        let (name, reason) = (&site.names[lost], shown(&raised.turned[&lost]));
        let reason =
            format!("the proposed tables are refused: with them \"{name}\" would fail: {reason}");
        refused.push(refusal(site, "", None, reason));
        plain.calls = raised.calls;
    }
    let judged = judged(site, &mut plain, programs);
    (plain, judged)
}

/// Type-checks programs against what stands and sends them through the gate, each in the place of
/// the one that is there. A program that is the one that is there is passed over.
fn judged(site: &Site<'_>, raised: &mut Raised, programs: &BTreeMap<usize, Program>) -> Judged {
    let mut judged = Judged::new();
    let mut candidates = site.with_tables(raised.environment.tables.iter().cloned());
    for (place, program) in programs {
        let built_in = raised.environment.operation(&site.names[*place]);
        let built_in = built_in.filter(|_| !raised.turned.contains_key(place));
        if built_in.is_some_and(|it| it.program == *program) {
            continue;
        }
        let operation = site.operation(*place, program.clone(), &candidates);
        let operation = operation.and_then(|it| answers_for(it, built_in, site, *place));
        match operation {
            Ok(operation) => candidates.operations.push(operation),
            Err(reason) => drop(judged.insert(*place, Err(reason))),
        }
    }
    let (candidates, failed, calls) = site.judged(candidates);
    raised.calls += calls;
    for operation in candidates.operations {
        let place = site.names.iter().position(|name| *name == operation.name);
        let place = place.expect("an operation has the name of its tool");
        let outcome = failed.get(&place).map_or(Ok(operation), |reason| Err(reason.clone()));
        judged.insert(place, outcome);
    }
    // Where the tables themselves are at fault, no operation comes back.
    for (place, reason) in failed {
        judged.entry(place).or_insert(Err(reason));
    }
    judged
}

/// The operation, if it does no less than the built-in one in ways that the gate cannot see.
fn answers_for(
    operation: Operation,
    built_in: Option<&Operation>,
    site: &Site<'_>,
    place: usize,
) -> Result<Operation, String> {
    let is_constant = operation.reads.is_empty()
        && operation.writes.is_empty()
        && !hears(&operation.program.reply)
        && !operation.program.steps.iter().any(|step| matches!(step, Step::Require { .. }));
    if is_constant {
        return Err("it answers the same whatever it is asked".into());
    }
    let Some(built_in) = built_in else { return Ok(operation) };
    if built_in.effect == Effect::Write && operation.effect == Effect::Read {
        return Err("it changes nothing, and the built-in program does".into());
    }
    let declared = site.tools().nth(place).map(|tool| &tool.output);
    let declared = declared.filter(|output| output.basis == Basis::Declared);
    if let Some(Shape::Object(fields)) = declared.map(|output| &output.shape) {
        let lost = fields.iter().find(|field| {
            answered(&built_in.program.reply, &field.name)
                && !answered(&operation.program.reply, &field.name)
        });
        if let Some(field) = lost {
            return Err(format!("it leaves out \"{}\", which is declared", field.name));
        }
    }
    Ok(operation)
}

/// Whether an answer has a part of that name.
fn answered(reply: &Reply, name: &str) -> bool {
    matches!(reply, Reply::Object(parts) if parts.iter().any(|(part, _)| part == name))
}

/// Whether an answer depends on an argument.
fn hears(reply: &Reply) -> bool {
    fn depends(expression: &Expression) -> bool {
        match expression {
            Expression::Argument(_) | Expression::Part(..) => true,
            Expression::Otherwise(one, other)
            | Expression::Arithmetic(one, _, other)
            | Expression::Later(one, other, _) => depends(one) || depends(other),
            Expression::Literal(_)
            | Expression::Column(..)
            | Expression::Count(_)
            | Expression::Now => false,
        }
    }
    match reply {
        Reply::Value(expression) => depends(expression),
        Reply::Object(parts) => parts.iter().any(|(_, part)| hears(part)),
        Reply::List(parts) => parts.iter().any(hears),
        Reply::Each { item, .. } => hears(item),
    }
}

fn of(site: &Site<'_>, fault: Fault) -> Rejection {
    refusal(site, &fault.tool, fault.rule, fault.reason)
}

/// A refusal of what is proposed for a tool, by its name, or for the domain.
fn refusal(site: &Site<'_>, tool: &str, rule: Option<Rule>, reason: String) -> Rejection {
    let place = site.names.iter().position(|name| name == tool);
    let identity = place.and_then(|place| site.tools().nth(place)).map(|it| it.identity.clone());
    let subject = identity.unwrap_or_else(|| site.subject());
    Rejection { rule, ..rejection(Stage::Propose, &subject, reason) }
}
