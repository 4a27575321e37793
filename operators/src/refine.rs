//! Refine records into tools.
//!
//! Names, descriptions and schemas become what providers of models accept and agents can act on;
//! records too poor to act on are turned away; repeated ones are folded.

use std::collections::BTreeSet;
use std::sync::Arc;

use differential_dataflow::lattice::Lattice;
use differential_dataflow::{AsCollection, VecCollection};
use timely::dataflow::operators::OkErr;
use timely::progress::Timestamp;

use schemas::{
    CorpusPlan, Digest, Origin, Provenance, Record, Rejection, Rule, Shape, Stage, Tool, ToolId,
    Value,
};

use self::fold::{Beside, Draft, Folded, Key, fold, name_apart, supersede};
use self::version::operation;

pub use crate::refine::select::is_matched;
pub use crate::refine::text::clean;

mod select;
mod name;
mod text;
mod control;
mod entity;
mod shape;
mod types;
mod argument;
mod output;
mod fitness;
mod quarantine;
mod version;
mod fold;

/// Changes whenever the same input would give another result, so that nothing stale is recalled.
pub const REVISION: &str = "refine 2";

/// Longest resource path kept, in characters.
const PATH_CHARS_MAX: usize = 400;

/// Extension trait for the `refine` operator.
pub trait Refine<'scope, T: Timestamp> {
    /// Refines each record into a tool, or into the reason it is none.
    ///
    /// Records that say the same (name, description, input, output) whatever their identity are
    /// one tool, that of the least identity; the others are rejected as repetitions. Of tools that
    /// are one operation in several versions of its API, or in several wordings, the latest is
    /// kept and the others are rejected as superseded, unless the plan keeps all. The provenance names the records of all.
    /// Of different tools with one identity, the one with the least revision keeps it and the
    /// others get a suffix made of their revision. So each record ends as exactly one tool or one
    /// rejection, and the tools' ids are distinct.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use differential_dataflow::input::Input;
    /// use operators::Refine;
    /// use schemas::{CorpusPlan, Record};
    ///
    /// ::timely::example(|scope| {
    ///     let record = |identity: &str, name: &str, description: &str| Arc::new(Record {
    ///         identity: identity.into(),
    ///         name: name.into(),
    ///         description: description.into(),
    ///         ..Record::default()
    ///     });
    ///     let records = [
    ///         record("a/1", "find seat", "Finds a <b>free</b> seat."),
    ///         record("b/1", "find seat", "Finds a free seat."),
    ///         record("c/1", "?", ""),
    ///     ];
    ///     let records = scope.new_collection_from(records).1;
    ///
    ///     let (tools, provenances, rejections) = records.refine(&CorpusPlan::default());
    ///     tools.map(|tool| (tool.identity.clone(), tool.name.clone()))
    ///          .assert_eq(scope.new_collection_from([("a/1".to_string(), "find_seat".to_string())]).1);
    ///     provenances.map(|_| ())
    ///          .assert_eq(scope.new_collection_from([(), ()]).1);
    ///     rejections.map(|rejection| rejection.subject)
    ///          .assert_eq(scope.new_collection_from(["b/1".to_string(), "c/1".to_string()]).1);
    /// });
    /// ```
    fn refine(
        self,
        plan: &CorpusPlan,
    ) -> (
        VecCollection<'scope, T, Arc<Tool>>,
        VecCollection<'scope, T, Provenance>,
        VecCollection<'scope, T, Rejection>,
    );
}

impl<'scope, T: Timestamp + Lattice> Refine<'scope, T> for VecCollection<'scope, T, Arc<Record>> {
    fn refine(
        self,
        plan: &CorpusPlan,
    ) -> (
        VecCollection<'scope, T, Arc<Tool>>,
        VecCollection<'scope, T, Provenance>,
        VecCollection<'scope, T, Rejection>,
    ) {
        let (plan, latest_only) = (plan.clone(), plan.latest_only);
        let (drafts, unusable) = self.inner.ok_err(move |(record, time, diff)| {
            match refine_with_content(&record, &plan) {
                Ok((tool, content, met)) => {
                    let origin = record.origin.clone();
                    let rules = met.into_iter().collect();
                    let draft = Draft { tool: Arc::new(tool), origin, rules };
                    Ok(((content, draft), time, diff))
                }
                Err(rejection) => Err((rejection, time, diff)),
            }
        });

        let once = drafts
            .as_collection()
            .reduce_named("Reduce: Refine fold", |_content, group, folded| fold(group, folded))
            .map(|(_content, folded)| folded);
        let (distinct, made) = parted(once);
        let latest = distinct
            .map(move |draft| {
                let tool = &draft.tool;
                let apart = || Digest::of_record(&(&tool.identity, tool.revision));
                (if latest_only { operation(tool) } else { apart() }, *draft)
            })
            .reduce_named("Reduce: Refine supersede", |_operation, group, folded| {
                supersede(group, folded);
            })
            .map(|(_operation, folded)| folded);
        let (kept, superseded) = parted(latest);

        let (origins, stands, away) = sorted(made.concat(superseded));
        let origins = origins
            .join_map(stands, |key, origin, best| (best.clone(), (origin.clone(), *key == *best)));

        let tools = kept.map(|draft| (draft.tool.identity.clone(), draft.tool)).reduce_named(
            "Reduce: Refine name",
            |identity, group, named| {
                name_apart(identity, group, named);
            },
        );
        let provenances = tools
            .clone()
            .map(|(identity, tool)| ((identity, tool.revision), (tool.id, tool.identity.clone())))
            .join_map(origins, |key, (tool, named), ((origin, rules), is_own)| {
                let mut rules = rules.clone();
                if !is_own {
                    rules = vec![Rule::Superseded];
                } else if key.0 != *named {
                    rules.push(Rule::NamedApart);
                }
                Provenance { tool: *tool, origin: origin.clone(), rules }
            });
        let rejections = unusable.as_collection().concat(away);
        (tools.map(|(_identity, tool)| tool), provenances, rejections)
    }
}

/// What was kept, and what is recorded beside it.
fn parted<'scope, T: Timestamp>(
    folded: VecCollection<'scope, T, Folded>,
) -> (VecCollection<'scope, T, Box<Draft>>, VecCollection<'scope, T, Box<Beside>>) {
    let (kept, beside) = folded.inner.ok_err(|(folded, time, diff)| match folded {
        Folded::Kept(draft) => Ok((draft, time, diff)),
        Folded::Beside(beside) => Err((beside, time, diff)),
    });
    (kept.as_collection(), beside.as_collection())
}

/// Where the tools came from, which tool stands for which, and what is no tool of its own.
fn sorted<'scope, T: Timestamp>(
    beside: VecCollection<'scope, T, Box<Beside>>,
) -> (
    VecCollection<'scope, T, (Key, (Origin, Vec<Rule>))>,
    VecCollection<'scope, T, (Key, Key)>,
    VecCollection<'scope, T, Rejection>,
) {
    let origins = beside.clone().flat_map(|one| match *one {
        Beside::Made(key, origin, rules) => Some((key, (origin, rules))),
        _ => None,
    });
    let stands = beside.clone().flat_map(|one| match *one {
        Beside::Stands(best, key) => Some((key, best)),
        _ => None,
    });
    let away = beside.flat_map(|one| match *one {
        Beside::Away(rejection) => Some(rejection),
        _ => None,
    });
    (origins, stands, away)
}

/// Refines one record.
///
/// A function of this record alone: the tool's identity is the record's, whoever else has it.
///
/// # Errors
///
/// Returns a rejection if the record is no usable tool: the plan does not select where it is
/// from, it has no name, takes more arguments than the plan allows, says nothing an agent could
/// act on, belongs to a framework and not an API, or holds instructions to the model that a
/// careful person would hold back.
pub fn refine(record: &Record, plan: &CorpusPlan) -> Result<Tool, Rejection> {
    refine_with_content(record, plan).map(|(tool, ..)| tool)
}

/// The tool, the digest of what an agent sees of it (tools that agree in it are one), and the
/// rules it met.
fn refine_with_content(
    record: &Record,
    plan: &CorpusPlan,
) -> Result<(Tool, Digest, BTreeSet<Rule>), Rejection> {
    let identity = name::identity(&record.identity);
    let rejected = |(rule, reason): (Rule, String)| Rejection {
        stage: Stage::Refine,
        subject: identity.clone(),
        rule: Some(rule),
        reason,
        file: record.origin.file.clone(),
        pointer: record.origin.pointer.clone(),
    };
    let mut met = BTreeSet::new();
    select::select(record, plan).map_err(&rejected)?;
    let (name, original) = name::of_tool(&record.name).map_err(&rejected)?;
    if name != record.name {
        met.insert(Rule::NameSpelled);
    }
    let mut description = described(record, plan, &mut met);
    if let Some(original) = original {
        description = name::introduced(&original, &description, plan.description_chars_max);
    }
    let input = argument::arguments(record, plan, &mut met).map_err(&rejected)?;
    fitness::judge(&record.name, &name, &description, &input).map_err(&rejected)?;
    let output = output::output(record, &name, plan, &mut met);
    let line = |text: &str| clean(text, plan.argument_chars_max);
    let mut tool = Tool {
        id: ToolId::of([&identity]),
        revision: Digest::default(),
        identity: identity.clone(),
        name,
        description,
        source: line(&record.origin.source),
        provider: line(&record.origin.provider),
        service: line(&record.origin.service),
        category: line(&record.origin.category),
        license: line(&record.origin.license),
        method: record.method.clone(),
        path: record.path.as_deref().map(|path| text::neutral(path, PATH_CHARS_MAX)),
        input,
        output,
    };
    if plan.quarantine
        && let Some(caught) = quarantine::caught(record, &tool)
    {
        return Err(rejected(caught));
    }
    let content = Digest::of_record(&(&tool.name, &tool.description, &tool.input, &tool.output));
    tool.revision = revision(&tool, content);
    Ok((tool, content, met))
}

/// The description as an agent reads it, and what was done to it.
fn described(record: &Record, plan: &CorpusPlan, met: &mut BTreeSet<Rule>) -> String {
    let published = record.description.trim();
    let mut description = clean(published, plan.description_chars_max);
    let whole = description.strip_suffix('…').filter(|_| !published.ends_with('…'));
    if whole.is_some() {
        met.insert(Rule::DescriptionCut);
    }
    if !published.starts_with(whole.unwrap_or(&description)) {
        met.insert(Rule::DescriptionCleaned);
    }
    fitness::unfurnish(&mut description, met);
    description
}

/// The shape that a JSON Schema of whatever origin is refined to.
pub(crate) fn shape_of(schema: &Value, plan: &CorpusPlan) -> Shape {
    shape::Shaper::new(plan).shape(schema)
}

/// A text whose lines show what they hold and in which nothing can be taken for a control token.
pub(crate) fn neutralised(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let spaced = line.replace('\t', " ");
        control::visible(&spaced).into_owned()
    });
    control::tamed(&lines.collect::<Vec<_>>().join("\n"))
}

/// The rule that catches a tool which speaks to the model instead of about itself.
pub(crate) fn caught(tool: &Tool) -> Option<(Rule, String)> {
    quarantine::caught(&Record::default(), tool)
}

/// The rule that catches a text as it would catch a tool's description.
pub(crate) fn caught_in(text: &str) -> Option<(Rule, String)> {
    quarantine::caught_in(text)
}

/// The tool with the revision of what it now says.
pub(crate) fn revised(mut tool: Tool) -> Tool {
    let content = Digest::of_record(&(&tool.name, &tool.description, &tool.input, &tool.output));
    tool.revision = revision(&tool, content);
    tool
}

/// Everything that is refined but the identity.
fn revision(tool: &Tool, content: Digest) -> Digest {
    let Tool { method, path, source, provider, service, category, license, .. } = tool;
    Digest::of_record(&(content, method, path, source, provider, service, category, license))
}

#[cfg(test)]
mod tests;
