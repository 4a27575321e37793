//! Which sources and licences a world is made of.

use schemas::{CorpusPlan, Record, Rule};

/// Judges where a record came from.
///
/// # Errors
///
/// Says which of the plan's selections it does not meet.
pub(super) fn select(record: &Record, plan: &CorpusPlan) -> Result<(), (Rule, String)> {
    let origin = &record.origin;
    for (what, patterns, value) in
        [("source", &plan.sources, &origin.source), ("licence", &plan.licenses, &origin.license)]
    {
        if !is_selected(patterns, value) {
            let shown = if value.is_empty() { "none" } else { value };
            return Err((Rule::NotSelected, format!("is not selected: its {what} is \"{shown}\"")));
        }
    }
    for (what, patterns, value) in [
        ("source", &plan.dropped_sources, &origin.source),
        ("licence", &plan.dropped_licenses, &origin.license),
    ] {
        if patterns.iter().any(|pattern| is_matched(pattern, value)) {
            let shown = if value.is_empty() { "none" } else { value };
            return Err((Rule::NotSelected, format!("was taken down: its {what} is \"{shown}\"")));
        }
    }
    Ok(())
}

/// Whether a value is selected: by one of the patterns, where there are any, and by none of those
/// that begin with `!`. A `*` stands for any text; capitals and small letters are the same.
fn is_selected(patterns: &[String], value: &str) -> bool {
    let mut included = true;
    let mut wanted = false;
    let mut excluded = false;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(pattern) => excluded |= is_matched(pattern, value),
            None => {
                included = false;
                wanted |= is_matched(pattern, value);
            }
        }
    }
    (included || wanted) && !excluded
}

/// Whether a pattern stands for a value: a `*` for any text, capitals and small letters alike.
pub fn is_matched(pattern: &str, value: &str) -> bool {
    let (pattern, value) = (pattern.to_lowercase(), value.to_lowercase());
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = value.strip_prefix(first) else { return false };
    let mut last = None;
    for part in parts {
        if let Some(part) = last.replace(part) {
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
        }
    }
    match last {
        Some(last) => rest.ends_with(last),
        None => rest.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_include_and_exclude() {
        let selected = |patterns: &[&str], value: &str| {
            let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
            is_selected(&patterns, value)
        };
        assert!(selected(&[], "MIT"));
        assert!(selected(&["mit", "Apache*"], "Apache-2.0"));
        assert!(!selected(&["mit", "Apache*"], ""));
        assert!(!selected(&["!*GPL*"], "LGPL-3.0"));
        assert!(selected(&["!*GPL*"], ""));
        assert!(!selected(&["*", "!GPL-3.0"], "gpl-3.0"));
        assert!(selected(&["a*b*c"], "axxbyyc"));
        assert!(!selected(&["a*b*c"], "axxcyyb"));
        assert!(!selected(&["ab*ba"], "aba"));
    }
}
