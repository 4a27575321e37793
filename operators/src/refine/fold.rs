//! One tool where several records are the same one.
//!
//! Three groups, each a function of its members whatever their order: records that say the same,
//! tools that are versions of one operation, and tools that share an identity.

use std::sync::Arc;

use differential_dataflow::consolidation::consolidate;
use serde::{Deserialize, Serialize};

use schemas::{Digest, Origin, Rejection, Rule, Stage, Tool, ToolId};

use super::version::{Rank, rank};

/// Tells tools apart before they have their final identity.
pub(super) type Key = (String, Digest);

/// The key of a tool.
pub(super) fn key(tool: &Tool) -> Key {
    (tool.identity.clone(), tool.revision)
}

/// A tool that may turn out to be a repetition.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub(super) struct Draft {
    pub(super) tool: Arc<Tool>,
    pub(super) origin: Origin,
    /// What refining did to the record.
    pub(super) rules: Vec<Rule>,
}

/// What is recorded of a record beside its tool.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub(super) enum Beside {
    /// The tool of this key was made from a record there.
    Made(Key, Origin, Vec<Rule>),
    /// The tool of the first key stands for that of the second.
    Stands(Key, Key),
    /// A record that is no tool of its own.
    Away(Rejection),
}

/// What becomes of a member of a group.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub(super) enum Folded {
    Kept(Box<Draft>),
    Beside(Box<Beside>),
}

/// Keeps, of drafts that say the same, that of the least identity.
pub(super) fn fold(drafts: &[(&Draft, isize)], folded: &mut Vec<(Folded, isize)>) {
    let precedence =
        |draft: &Draft| (draft.tool.identity.clone(), draft.tool.revision, draft.origin.clone());
    let Some(first) = drafts.iter().map(|(draft, _)| *draft).min_by_key(|one| precedence(one))
    else {
        return;
    };
    let key = key(&first.tool);
    folded.push((Folded::Kept(Box::new(first.clone())), 1));
    for (draft, count) in drafts {
        let origin = draft.origin.clone();
        let repeated = if *draft == first { count - 1 } else { *count };
        if *draft == first {
            let made = Beside::Made(key.clone(), origin, draft.rules.clone());
            folded.push((Folded::Beside(Box::new(made)), 1));
        }
        if repeated != 0 {
            let made = Beside::Made(key.clone(), draft.origin.clone(), vec![Rule::Repeated]);
            folded.push((Folded::Beside(Box::new(made)), repeated));
            let reason = format!("repeats tool \"{}\"", key.0);
            let away = Beside::Away(away(draft, Rule::Repeated, reason));
            folded.push((Folded::Beside(Box::new(away)), repeated));
        }
    }
    consolidate(folded);
}

/// Keeps, of drafts that are one operation, that of the highest rank.
pub(super) fn supersede(drafts: &[(&Draft, isize)], folded: &mut Vec<(Folded, isize)>) {
    let ranked = |draft: &Draft| -> Rank { rank(&draft.tool, &draft.origin) };
    let Some(best) = drafts.iter().map(|(draft, _)| *draft).max_by_key(|one| ranked(one)) else {
        return;
    };
    let best_key = key(&best.tool);
    folded.push((Folded::Kept(Box::new(best.clone())), 1));
    for (draft, count) in drafts {
        let stands = Beside::Stands(best_key.clone(), key(&draft.tool));
        folded.push((Folded::Beside(Box::new(stands)), *count));
        if *draft != best {
            let version = |one: &Draft| match one.origin.version.as_str() {
                "" => String::new(),
                version => format!(" (version {version})"),
            };
            let reason = format!(
                "is the same operation{} as tool \"{}\"{}, which is kept",
                version(draft),
                best_key.0,
                version(best)
            );
            let away = Beside::Away(away(draft, Rule::Superseded, reason));
            folded.push((Folded::Beside(Box::new(away)), *count));
        }
    }
    consolidate(folded);
}

fn away(draft: &Draft, rule: Rule, reason: String) -> Rejection {
    Rejection {
        stage: Stage::Refine,
        subject: draft.tool.identity.clone(),
        rule: Some(rule),
        reason,
        file: draft.origin.file.clone(),
        pointer: draft.origin.pointer.clone(),
    }
}

/// Gives tools of one identity distinct ones: that of the least revision keeps it.
pub(super) fn name_apart(
    identity: &str,
    tools: &[(&Arc<Tool>, isize)],
    named: &mut Vec<(Arc<Tool>, isize)>,
) {
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
