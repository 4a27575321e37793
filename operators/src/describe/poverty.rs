//! What makes a tool poor, criterion by criterion.

use std::collections::BTreeSet;

use schemas::{Basis, DescribePlan, Poverty, Tool};

/// In which of the ways that the plan names a tool says too little.
pub fn poverty(tool: &Tool, plan: &DescribePlan) -> BTreeSet<Poverty> {
    plan.criteria.iter().copied().filter(|criterion| holds(*criterion, tool, plan)).collect()
}

fn holds(criterion: Poverty, tool: &Tool, plan: &DescribePlan) -> bool {
    match criterion {
        Poverty::NoDescription => tool.description.is_empty(),
        Poverty::BriefDescription => {
            !tool.description.is_empty() && words(&tool.description) < plan.words_min
        }
        Poverty::UndescribedArguments => tool.input.iter().any(|it| it.description.is_empty()),
        Poverty::InferredOutput => tool.output.basis == Basis::Inferred,
    }
}

/// How many words a text has. In scripts without spaces between words a character counts as one,
/// since in them a character says about as much.
pub(super) fn words(text: &str) -> usize {
    text.split_whitespace()
        .map(|run| {
            let dense = run.chars().filter(|character| is_dense(*character)).count();
            let others = run.chars().any(|c| c.is_alphanumeric() && !is_dense(c));
            dense + usize::from(others)
        })
        .sum()
}

/// Han, kana, hangul, Thai, Lao, Khmer and Burmese letters.
fn is_dense(character: char) -> bool {
    matches!(
        character,
        '\u{e00}'..='\u{eff}'
            | '\u{1000}'..='\u{109f}'
            | '\u{1100}'..='\u{11ff}'
            | '\u{1780}'..='\u{17ff}'
            | '\u{3040}'..='\u{30ff}'
            | '\u{3400}'..='\u{9fff}'
            | '\u{ac00}'..='\u{d7af}'
            | '\u{f900}'..='\u{faff}'
            | '\u{20000}'..='\u{3ffff}'
    )
}
