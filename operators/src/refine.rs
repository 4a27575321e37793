//! Refine records into tools.
//!
//! Names, descriptions and schemas become what providers of models accept and agents can act on;
//! records too poor to act on are turned away; repeated ones are folded.

use std::sync::Arc;

use differential_dataflow::lattice::Lattice;
use differential_dataflow::{AsCollection, VecCollection};
use serde::{Deserialize, Serialize};
use timely::dataflow::operators::OkErr;
use timely::progress::Timestamp;

use schemas::{CorpusPlan, Digest, Origin, Provenance, Record, Rejection, Stage, Tool, ToolId};

pub use crate::refine::text::clean;

mod name;
mod text;
mod entity;
mod shape;
mod types;
mod argument;
mod output;
mod fitness;

/// Changes whenever the same input would give another result, so that nothing stale is recalled.
pub const REVISION: &str = "refine 2";

/// Extension trait for the `refine` operator.
pub trait Refine<'scope, T: Timestamp> {
    /// Refines each record into a tool, or into the reason it is none.
    ///
    /// Records that say the same (name, description, input, output) whatever their identity are
    /// one tool, that of the least identity; the others are rejected as repetitions, and the
    /// provenance names the records of all. Of different records with one identity, the one with
    /// the least revision keeps it and the others get a suffix made of their revision. So each
    /// record ends as exactly one tool or one rejection, and the tools' ids are distinct.
    ///
    /// # Examples
    ///
    /// ```
    /// use differential_dataflow::input::Input;
    /// use operators::Refine;
    /// use schemas::{CorpusPlan, Record};
    ///
    /// ::timely::example(|scope| {
    ///     let record = |identity: &str, name: &str, description: &str| Record {
    ///         identity: identity.into(),
    ///         name: name.into(),
    ///         description: description.into(),
    ///         ..Record::default()
    ///     };
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

impl<'scope, T: Timestamp + Lattice> Refine<'scope, T> for VecCollection<'scope, T, Record> {
    fn refine(
        self,
        plan: &CorpusPlan,
    ) -> (
        VecCollection<'scope, T, Arc<Tool>>,
        VecCollection<'scope, T, Provenance>,
        VecCollection<'scope, T, Rejection>,
    ) {
        let plan = plan.clone();
        let (drafts, unusable) = self.inner.ok_err(move |(record, time, diff)| {
            match refine_with_content(&record, &plan) {
                Ok((tool, content)) => {
                    let draft = Draft { origin: record.origin, tool: Arc::new(tool) };
                    Ok(((content, draft), time, diff))
                }
                Err(rejection) => Err((rejection, time, diff)),
            }
        });

        let folded = drafts
            .as_collection()
            .reduce_named("Reduce: Refine fold", |_content, drafts, folded| fold(drafts, folded))
            .map(|(_content, folded)| folded);
        let (kept, beside) = folded.inner.ok_err(|(folded, time, diff)| match folded {
            Folded::Kept(tool) => Ok((tool, time, diff)),
            Folded::Beside(beside) => Err((beside, time, diff)),
        });
        let beside: VecCollection<'scope, T, Box<Beside>> = beside.as_collection();
        let (origins, repeated) = beside.inner.ok_err(|(beside, time, diff)| match *beside {
            Beside::Made(identity, revision, origin) => {
                Ok((((identity, revision), origin), time, diff))
            }
            Beside::Repeats(rejection) => Err((rejection, time, diff)),
        });

        let tools = kept.as_collection().map(|tool| (tool.identity.clone(), tool)).reduce_named(
            "Reduce: Refine name",
            |identity, tools, named| {
                name_apart(identity, tools, named);
            },
        );
        let provenances = tools
            .clone()
            .map(|(identity, tool)| ((identity, tool.revision), tool.id))
            .join_map(origins.as_collection(), |_key, tool, origin| Provenance {
                tool: *tool,
                origin: origin.clone(),
                rules: Vec::new(),
            });
        let rejections = unusable.as_collection().concat(repeated.as_collection());
        (tools.map(|(_identity, tool)| tool), provenances, rejections)
    }
}

/// Refines one record.
///
/// A function of this record alone: the tool's identity is the record's, whoever else has it.
///
/// # Errors
///
/// Returns a rejection if the record is no usable tool: it has no name, takes more arguments than
/// the plan allows, says nothing an agent could act on, or belongs to a framework and not an API.
pub fn refine(record: &Record, plan: &CorpusPlan) -> Result<Tool, Rejection> {
    refine_with_content(record, plan).map(|(tool, _content)| tool)
}

/// The tool, and the digest of what an agent sees of it: tools that agree in it are one.
fn refine_with_content(record: &Record, plan: &CorpusPlan) -> Result<(Tool, Digest), Rejection> {
    let rejected = |reason: String| Rejection {
        stage: Stage::Refine,
        subject: record.identity.clone(),
        rule: None,
        reason,
        file: record.origin.file.clone(),
        pointer: record.origin.pointer.clone(),
    };
    let (name, original) = name::of_tool(&record.name).map_err(&rejected)?;
    let mut description = clean(&record.description, plan.description_chars_max);
    fitness::unfurnish(&mut description);
    if let Some(original) = original {
        description = name::introduced(&original, &description, plan.description_chars_max);
    }
    let input = argument::arguments(record, plan).map_err(&rejected)?;
    fitness::judge(&record.name, &name, &description, &input).map_err(&rejected)?;
    let output = output::output(record, &name, plan);
    let line = |text: &str| clean(text, plan.argument_chars_max);
    let mut tool = Tool {
        id: ToolId::of([&record.identity]),
        revision: Digest::default(),
        identity: record.identity.clone(),
        name,
        description,
        source: line(&record.origin.source),
        provider: line(&record.origin.provider),
        service: line(&record.origin.service),
        category: line(&record.origin.category),
        license: line(&record.origin.license),
        method: record.method.clone(),
        path: record.path.clone(),
        input,
        output,
    };
    let content = Digest::of_record(&(&tool.name, &tool.description, &tool.input, &tool.output));
    tool.revision = revision(&tool, content);
    Ok((tool, content))
}

/// Everything that is refined but the identity.
fn revision(tool: &Tool, content: Digest) -> Digest {
    let Tool { method, path, source, provider, service, category, license, .. } = tool;
    Digest::of_record(&(content, method, path, source, provider, service, category, license))
}

/// A tool that may turn out to be a repetition.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
struct Draft {
    tool: Arc<Tool>,
    origin: Origin,
}

/// What becomes of a group of drafts with the same content.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
enum Folded {
    Kept(Arc<Tool>),
    Beside(Box<Beside>),
}

/// What is recorded beside a kept tool.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
enum Beside {
    /// The tool of this identity and revision was made from a record there.
    Made(String, Digest, Origin),
    /// A record that repeats the tool.
    Repeats(Rejection),
}

/// Keeps the draft of the least identity. A function of the group, whatever its order.
fn fold(drafts: &[(&Draft, isize)], folded: &mut Vec<(Folded, isize)>) {
    let precedence =
        |draft: &Draft| (draft.tool.identity.clone(), draft.tool.revision, draft.origin.clone());
    let Some(first) = drafts.iter().map(|(draft, _)| *draft).min_by_key(|one| precedence(one))
    else {
        return;
    };
    let Tool { identity, revision, .. } = first.tool.as_ref();
    folded.push((Folded::Kept(Arc::clone(&first.tool)), 1));
    for (draft, count) in drafts {
        let made = Beside::Made(identity.clone(), *revision, draft.origin.clone());
        folded.push((Folded::Beside(Box::new(made)), *count));
        let repeated = if *draft == first { count - 1 } else { *count };
        if repeated != 0 {
            let rejection = Rejection {
                stage: Stage::Refine,
                subject: draft.tool.identity.clone(),
                rule: None,
                reason: format!("repeats tool \"{identity}\""),
                file: draft.origin.file.clone(),
                pointer: draft.origin.pointer.clone(),
            };
            folded.push((Folded::Beside(Box::new(Beside::Repeats(rejection))), repeated));
        }
    }
    differential_dataflow::consolidation::consolidate(folded);
}

/// Gives tools of one identity distinct ones. A function of the group, whatever its order.
fn name_apart(identity: &str, tools: &[(&Arc<Tool>, isize)], named: &mut Vec<(Arc<Tool>, isize)>) {
    let least = tools.iter().map(|(tool, _)| tool.revision).min();
    for (tool, _) in tools {
        if Some(tool.revision) == least {
            named.push((Arc::clone(tool), 1));
        } else {
            let mut apart = Tool::clone(tool);
            apart.identity = format!("{identity}~{}", tool.revision.short());
            apart.id = ToolId::of([&apart.identity]);
            named.push((Arc::new(apart), 1));
        }
    }
}

#[cfg(test)]
mod tests;
