//! Domains for τ²-bench: a package that registers them with it, around the same generated tools.

use std::collections::BTreeSet;

use schemas::{Digest, Effect, Environment, GoldenCall, Intent, Persona, Task, TaskKind, Value};

use crate::emit::data;
use crate::emit::{RUNTIME, SESSION, folder, policy, schema, tools};
use crate::roll_out::facts::{Sort, facts};

/// What the exported package is called.
pub const PACKAGE: &str = "agentscaler_tau2";

/// Names of arguments that τ²-bench's own functions have: a call with one of them cannot be made
/// when it replays what is known to be right.
const TAKEN: [&str; 3] = ["requestor", "self", "tool_name"];

/// Fewest tools that tasks share which must be declined.
const DECLINING_TOOLS_MIN: usize = 4;

/// Longest text that an agent must tell, in characters.
const TOLD_CHARS_MAX: usize = 40;

/// A domain of τ²-bench: every task in it is offered the same tools.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tau2Domain {
    /// The name it is registered under.
    pub name: String,
    /// The tools it offers.
    pub offered: BTreeSet<String>,
    /// How many tasks it has.
    pub tasks: usize,
}

/// The files of the package that every domain shares, by their paths below the export.
pub fn tau2_shared() -> Vec<(String, String)> {
    let own = |text: &str| text.replace("\nfrom runtime import", "\nfrom .runtime import");
    let files = [
        ("__init__.py", include_str!("tau2/__init__.py").to_string()),
        ("__main__.py", include_str!("tau2/__main__.py").into()),
        ("adapter.py", include_str!("tau2/adapter.py").into()),
        ("index.py", include_str!("tau2/index.py").into()),
        ("runtime.py", RUNTIME.into()),
        ("session.py", own(SESSION)),
    ];
    let mut shared: Vec<(String, String)> =
        files.into_iter().map(|(name, text)| (format!("{PACKAGE}/{name}"), text)).collect();
    shared.push(("pyproject.toml".into(), include_str!("tau2/pyproject.toml").into()));
    shared
}

/// The files of one domain by their paths below the export, what it is registered as, and how many
/// tasks τ²-bench cannot run, since they use a name that its own functions have or a tool of theirs
/// fails for a while.
///
/// τ²-bench offers all tools of a domain to every task of it. What can be done with some tools can
/// be done with more, so tasks share the whole domain; but those whose want nothing offered can
/// fulfil have domains of their own, over the same folder and without the tools that could.
pub fn tau2(
    environment: &Environment,
    tasks: &[(Task, &str)],
) -> (Vec<(String, String)>, Vec<Tau2Domain>, usize) {
    let name = folder(environment);
    let runnable: Vec<&(Task, &str)> = tasks.iter().filter(|(task, _)| is_runnable(task)).collect();
    let all = environment.operations.iter().map(|it| it.name.clone()).collect();
    let mut domains = vec![Tau2Domain { name: name.clone(), offered: all, tasks: 0 }];
    let declined = |task: &Task| task.kind == TaskKind::Infeasible;
    let withheld = runnable.iter().map(|(task, _)| task).filter(|task| declined(task));
    domains.extend(declining(&name, withheld.map(|task| &task.offered)));
    let mut listed = Vec::new();
    for (task, split) in &runnable {
        let fits = |it: &Tau2Domain| it.offered.is_subset(&task.offered);
        let place = if declined(task) { domains[1..].iter().position(fits) } else { None };
        let domain = &mut domains[place.map_or(0, |place| place + 1)];
        domain.tasks += 1;
        listed.push(Value::Object(vec![
            ("domain".into(), Value::text(&domain.name)),
            ("split".into(), Value::text(*split)),
            ("task".into(), spell(task, &domain.name)),
        ]));
    }
    let files = [
        ("db.json", data::rows(environment)),
        ("policy.md", policy::policy(environment)),
        ("schema.sql", schema::schema(environment)),
        ("tasks.json", data::tasks(tasks)),
        ("tau2_tasks.json", data::lines(listed.iter().map(Value::to_string))),
        ("tools.json", data::tools(environment)),
        ("tools.py", tools::tools(environment, "...runtime")),
    ];
    let place = |(file, text): (&str, String)| (format!("{PACKAGE}/domains/{name}/{file}"), text);
    let left = tasks.len() - runnable.len();
    domains.retain(|domain| 0 < domain.tasks);
    (files.into_iter().map(place).collect(), domains, left)
}

/// Domains that offer no more than each of some tasks is offered: as few as keep enough tools for a
/// refusal to be a choice.
fn declining<'t>(
    name: &str,
    offered: impl Iterator<Item = &'t BTreeSet<String>>,
) -> Vec<Tau2Domain> {
    let mut groups: Vec<BTreeSet<String>> = Vec::new();
    for tools in offered {
        let shared = groups.iter_mut().find_map(|group| {
            let both: BTreeSet<String> = group.intersection(tools).cloned().collect();
            (DECLINING_TOOLS_MIN <= both.len()).then(|| *group = both)
        });
        if shared.is_none() {
            groups.push(tools.clone());
        }
    }
    groups.sort();
    groups.dedup();
    let named = |group: BTreeSet<String>| {
        let digest = Digest::of_parts(&group).to_string();
        Tau2Domain { name: format!("{name}-{}", &digest[..6]), offered: group, tasks: 0 }
    };
    groups.into_iter().map(named).collect()
}

fn is_runnable(task: &Task) -> bool {
    task.faults.is_empty()
        && task.golden.iter().all(|call| TAKEN.iter().all(|it| call.arguments.get(it).is_none()))
}

/// A task in τ²-bench's words.
fn spell(task: &Task, domain: &str) -> Value {
    let told = told(task);
    let reads_only = task.golden.iter().all(|call| call.effect == Effect::Read);
    let mut basis = vec![Value::text("DB")];
    if !told.is_empty() {
        basis.push(Value::text("COMMUNICATE"));
    } else if reads_only && !task.golden.is_empty() {
        // Without anything to tell, the calls themselves are all that can be looked at.
        basis.push(Value::text("ACTION"));
    }
    let actions = task.golden.iter().enumerate();
    let actions = actions.map(|(place, call)| action(task, place, call)).collect();
    object(vec![
        ("id", Value::text(task.id.to_string())),
        ("description", object(vec![("purpose", Value::text(task.kind.name()))])),
        (
            "user_scenario",
            object(vec![
                ("persona", Value::text(persona(task.scenario.persona))),
                ("instructions", instructions(task, domain)),
            ]),
        ),
        (
            "evaluation_criteria",
            object(vec![
                ("actions", Value::List(actions)),
                ("communicate_info", Value::List(told)),
                ("reward_basis", Value::List(basis)),
            ]),
        ),
    ])
}

fn object(entries: Vec<(&str, Value)>) -> Value {
    Value::Object(entries.into_iter().map(|(name, value)| (name.to_string(), value)).collect())
}

fn action(task: &Task, place: usize, call: &GoldenCall) -> Value {
    let names = match &call.arguments {
        Value::Object(entries) => entries.iter().map(|(name, _)| Value::text(name)).collect(),
        _ => Vec::new(),
    };
    object(vec![
        ("action_id", Value::text(format!("{}_{place}", task.id))),
        ("requestor", Value::text("assistant")),
        ("name", Value::text(&call.name)),
        ("arguments", call.arguments.clone()),
        // What is not named here would match whatever an agent gives.
        ("compare_args", Value::List(names)),
    ])
}

fn persona(persona: Persona) -> &'static str {
    match persona {
        Persona::Terse => "You use as few words as will do.",
        Persona::Friendly => "You speak in whole, friendly sentences.",
        Persona::Formal => "You are correct and reserved.",
        Persona::Hurried => "You do this in passing, between other things.",
    }
}

fn instructions(task: &Task, domain: &str) -> Value {
    let known: Vec<String> = task
        .scenario
        .intents
        .iter()
        .flat_map(|intent| &intent.on_request)
        .map(|fact| format!("- {}: {}", fact.label, fact.answer))
        .collect();
    let known = match known.is_empty() {
        true => Value::Null,
        false => Value::text(format!("Only if asked, you tell:\n{}", known.join("\n"))),
    };
    let mut how = String::from(
        "Bring up your requests one after the other, the next when the last is dealt with. Say \
         only what you know.",
    );
    for Intent { request, .. } in &task.scenario.intents {
        how.push_str(&format!("\n- In your words: {request}"));
    }
    if task.kind == TaskKind::Infeasible {
        how.push_str("\nIf you are told that it cannot be done, accept it and end.");
    }
    object(vec![
        ("domain", Value::text(domain)),
        ("reason_for_call", Value::text(&task.scenario.instruction)),
        ("known_info", known),
        ("unknown_info", Value::Null),
        ("task_instructions", Value::text(how)),
    ])
}

/// What the user is to hear: a fact for each want that is a question with one answer.
fn told(task: &Task) -> Vec<Value> {
    let mut told = Vec::new();
    for intent in &task.scenario.intents {
        let last = intent.calls.last().and_then(|place| task.golden.get(*place));
        let Some(call) = last.filter(|call| call.effect == Effect::Read) else { continue };
        told.extend(answer(call).map(Value::Text));
    }
    told.dedup();
    told
}

/// What is most worth telling of an answer about one thing, if it can be told in one way only.
fn answer(call: &GoldenCall) -> Option<String> {
    let observed = Value::parse(&call.observation).ok()?;
    let Value::Object(mut entries) = observed else { return None };
    // A list beside facts is a part of one thing, as the lines of an invoice, and only counted.
    let beside = |part: &Value| matches!(part, Value::Text(_) | Value::Object(_) | Value::Bool(_));
    let is_list = !entries.iter().any(|(_, part)| beside(part));
    let rows = entries.iter().find_map(|(_, part)| match part {
        Value::List(items) if items.iter().all(|it| matches!(it, Value::Object(_))) => Some(items),
        _ => None,
    });
    if let Some(rows) = rows.filter(|_| is_list) {
        let [Value::Object(only)] = rows.as_slice() else { return None };
        entries = only.clone();
    }
    let asked = call.arguments.to_string().to_lowercase();
    facts(&entries)
        .into_iter()
        .filter(|it| matches!(it.sort, Sort::Name | Sort::Status | Sort::Amount | Sort::Other))
        .map(|it| match it.sort {
            Sort::Amount => it.value.split(' ').next().unwrap_or_default().to_string(),
            _ => it.value,
        })
        .find(|value| {
            // τ²-bench takes commas out of what is said before it looks.
            let length = value.chars().count();
            (2..=TOLD_CHARS_MAX).contains(&length)
                && !value.contains(',')
                && !["yes", "no"].contains(&value.as_str())
                && !asked.contains(&value.to_lowercase())
        })
}
