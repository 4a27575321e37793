//! `policy.md`: the rules of a domain in plain words, read off its programs and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{Column, Effect, Environment, Expression, Kind, Operation, Role, Step, Table, Value};

use crate::emit::names::{code, markdown};
use crate::emit::phrases::{Bound, article, filters, message, term, unless};

/// The rules, as Markdown.
pub(super) fn policy(environment: &Environment) -> String {
    let mut out = format!("# Rules of {}\n\n", markdown(&environment.name));
    out.push_str(
        "You help a user with the records below, by calling tools. What no tool does cannot be \
         done: say so. Ask for what you do not know instead of guessing. A call that is refused has \
         changed nothing. What is not given is left as it is, and nothing compares with what is \
         not known.\n",
    );
    out.push_str("\n## Records\n");
    for table in &environment.tables {
        records(table, &mut out);
    }
    statuses(environment, &mut out);
    let of = |effect| environment.operations.iter().filter(move |it| it.effect == effect);
    if of(Effect::Write).next().is_some() {
        out.push_str("\n## Tools that change records\n");
    }
    for operation in of(Effect::Write) {
        tool(operation, environment, &mut out);
    }
    if of(Effect::Read).next().is_some() {
        out.push_str("\n## Tools that only look\n");
    }
    for operation in of(Effect::Read) {
        tool(operation, environment, &mut out);
    }
    removals(environment, &mut out);
    out
}

/// What a table holds.
fn records(table: &Table, out: &mut String) {
    let (name, noun) = (code(&table.name), markdown(&table.noun));
    out.push_str(&format!("\n{name}: each {noun} is known by its {}.\n", code(&table.key().name)));
    for column in &table.columns[1..] {
        let kind = match &column.kind {
            Kind::Text => "text".into(),
            Kind::Integer => "a whole number".into(),
            Kind::Number => "a number".into(),
            Kind::Boolean => "true or false".into(),
            Kind::Choice(choices) => {
                let listed: Vec<String> = choices.iter().map(|choice| code(choice)).collect();
                format!("one of {}", listed.join(", "))
            }
            Kind::Date => "a day, as `YYYY-MM-DD`".into(),
            Kind::Time => "a moment, as `YYYY-MM-DDTHH:MM:SSZ`".into(),
            Kind::Json => "a list or an object".into(),
        };
        let role = match &column.role {
            Role::Key | Role::Plain => String::new(),
            Role::Reference(to) => format!(", the key of one of {}", code(to)),
            Role::Status => format!(", the state of the {noun}"),
            Role::Quantity => ", a stock".into(),
            Role::Created => ", when it was made".into(),
            Role::Updated => ", when it was last changed".into(),
        };
        out.push_str(&format!("- {}: {kind}{role}\n", code(&column.name)));
    }
}

/// What states there are, and which tool leads from which to which.
fn statuses(environment: &Environment, out: &mut String) {
    let mut lines = String::new();
    for table in &environment.tables {
        for column in &table.columns {
            let (Role::Status, Kind::Choice(choices)) = (&column.role, &column.kind) else {
                continue;
            };
            let noun = markdown(&table.noun);
            let of = format!("{} of {} {noun}", code(&column.name), article(&noun));
            let listed: Vec<String> = choices.iter().map(|choice| code(choice)).collect();
            lines.push_str(&format!("\nThe {of} is {}.\n", any_of(&listed)));
            let moves: Vec<String> = environment
                .operations
                .iter()
                .flat_map(|it| moves(it, environment, table, column))
                .collect();
            for line in &moves {
                lines.push_str(&format!("- {line}\n"));
            }
            if moves.is_empty() {
                lines.push_str("- No tool changes it.\n");
            }
        }
    }
    if !lines.is_empty() {
        out.push_str("\n## States\n");
        out.push_str(&lines);
    }
}

/// What one tool does to a status column.
fn moves(
    operation: &Operation,
    environment: &Environment,
    table: &Table,
    column: &Column,
) -> Vec<String> {
    let name = code(&operation.name);
    let mut bound = Bound::new(environment);
    let mut found = Vec::new();
    for (place, step) in operation.program.steps.iter().enumerate() {
        let values = match step {
            Step::Insert { table: into, values, .. } if *into == table.name => values,
            Step::Update { row, changes } if bound.table(row) == Some(&table.name) => changes,
            Step::Change { table: of, changes, .. } if *of == table.name => changes,
            _ => {
                bound.learn(step);
                continue;
            }
        };
        let made = matches!(step, Step::Insert { .. });
        for (_, value) in values.iter().filter(|(it, _)| *it == column.name) {
            let to = term(value, &bound);
            found.push(if made {
                format!("{name} makes one that is {to}.")
            } else {
                let Step::Update { row, .. } = step else { continue };
                let from = allowed(&operation.program.steps[..place], row, column);
                format!("{name} makes it {to}{from}.")
            });
        }
        bound.learn(step);
    }
    found
}

/// From which states a row may come: what the program demands of it before.
fn allowed(before: &[Step], row: &str, column: &Column) -> String {
    use schemas::{Comparison, Condition};
    let Kind::Choice(choices) = &column.kind else { return String::new() };
    let mut left: BTreeSet<&String> = choices.iter().collect();
    for step in before {
        let Step::Require { condition: Condition::Compare(one, comparison, other), .. } = step
        else {
            continue;
        };
        if *one != Expression::column(row, &column.name) {
            continue;
        }
        let named: BTreeSet<&str> = match other {
            Expression::Literal(Value::Text(text)) => [text.as_str()].into(),
            Expression::Literal(Value::List(items)) => {
                items.iter().filter_map(Value::as_text).collect()
            }
            _ => continue,
        };
        match comparison {
            Comparison::Equal | Comparison::OneOf => left.retain(|it| named.contains(it.as_str())),
            Comparison::Different => left.retain(|it| !named.contains(it.as_str())),
            _ => {}
        }
    }
    if left.len() == choices.len() {
        return ", whatever it was".into();
    }
    let listed: Vec<String> =
        choices.iter().filter(|it| left.contains(it)).map(|choice| code(choice)).collect();
    match listed.is_empty() {
        true => ", which its conditions never allow".into(),
        false => format!(", but only if it is {}", any_of(&listed)),
    }
}

/// What a tool demands, does and refuses.
fn tool(operation: &Operation, environment: &Environment, out: &mut String) {
    out.push_str(&format!("\n### {}\n\n", code(&operation.name)));
    let mut bound = Bound::new(environment);
    for step in &operation.program.steps {
        if let Some(line) = rule(step, operation, &bound) {
            out.push_str(&format!("- {line}\n"));
        }
        bound.learn(step);
    }
}

/// A step in words; none if it is no news to a reader.
fn rule(step: &Step, operation: &Operation, bound: &Bound<'_>) -> Option<String> {
    let noun = |table: &str| bound.noun(table);
    Some(match step {
        Step::Lookup { table, key, .. } => {
            let (noun, key) = (noun(table), term(key, bound));
            format!("Needs the {noun} whose key is {key}; refused if there is none.")
        }
        Step::Match { table, filters: all, otherwise, .. } => format!(
            "Takes the first of {} {}; refused with \"{}\" if there is none.",
            code(table),
            filters(all, bound),
            message(otherwise, operation, bound)
        ),
        Step::Select { table, filters: all, order, .. } => {
            let sorted = match order {
                Some((column, _)) => format!(", sorted by {}", code(column)),
                None => String::new(),
            };
            format!("Lists {} {}{sorted}.", code(table), filters(all, bound))
        }
        Step::Require { condition: holds, otherwise } => format!(
            "Refused with \"{}\" if {}.",
            message(otherwise, operation, bound),
            unless(holds, bound)
        ),
        Step::Insert { table, values, .. } => {
            let given: Vec<String> = values
                .iter()
                .map(|(column, value)| format!("{} = {}", code(column), term(value, bound)))
                .collect();
            let given =
                if given.is_empty() { "nothing filled in".into() } else { given.join(", ") };
            let noun = noun(table);
            format!("Makes {} {noun} in {}: {given}.", article(&noun), code(table))
        }
        Step::Change { table, filters: all, changes } => {
            let which = filters(all, bound);
            format!("Changes every {} {which}: {}.", noun(table), becoming(changes, bound))
        }
        Step::Remove { table, filters: all } => {
            format!("Deletes every {} {}.", noun(table), filters(all, bound))
        }
        Step::Update { row, changes } => {
            let table = bound.table(row)?;
            if changes.is_empty() {
                return None;
            }
            format!("Changes the {}: {}.", noun(table), becoming(changes, bound))
        }
        Step::Delete { row } => format!("Deletes the {}.", noun(bound.table(row)?)),
    })
}

/// Columns and what they become.
fn becoming(changes: &[(String, Expression)], bound: &Bound<'_>) -> String {
    let changes: Vec<String> = changes
        .iter()
        .map(|(column, value)| format!("{} becomes {}", code(column), term(value, bound)))
        .collect();
    changes.join(", ")
}

/// What can be deleted, and what cannot.
fn removals(environment: &Environment, out: &mut String) {
    let mut by_table: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for operation in &environment.operations {
        let mut bound = Bound::new(environment);
        for step in &operation.program.steps {
            let table = match step {
                Step::Delete { row } => bound.table(row),
                Step::Remove { table, .. } => Some(table),
                _ => None,
            };
            let tools = table.map(|table| by_table.entry(table).or_default());
            let name = code(&operation.name);
            if let Some(tools) = tools.filter(|tools| !tools.contains(&name)) {
                tools.push(name);
            }
            bound.learn(step);
        }
    }
    out.push_str("\n## Deletion\n\n");
    for (table, tools) in &by_table {
        out.push_str(&format!(
            "- {}: deleted by {}, under the conditions above.\n",
            code(table),
            any_of(tools)
        ));
    }
    let kept: Vec<String> = environment
        .tables
        .iter()
        .filter(|table| !by_table.contains_key(&*table.name))
        .map(|table| code(&table.name))
        .collect();
    if !kept.is_empty() {
        out.push_str(&format!("- No tool deletes from {}.\n", kept.join(", ")));
    }
}

/// `a`, `a or b`, `a, b or c`.
fn any_of(all: &[String]) -> String {
    match all {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
