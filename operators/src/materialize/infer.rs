//! Tables and columns, from what all tools of a domain take and answer.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{Column, EnvironmentPlan, Field, KeyStyle, Kind, Role, Shape, Table};

use crate::materialize::bind::{Binding, Target, bind, own_column};
use crate::materialize::evidence::{Evidence, Hints, kind, unify};
use crate::materialize::lexicon::{Act, FIRST, akin, is_event, is_last, status_before};
use crate::materialize::naming::{LABELS, is_quantity};
use crate::materialize::outputs::{Answered, answered};
use crate::materialize::reading::Reading;
use crate::materialize::settle::Nouns;
use crate::materialize::words::{prefix, table_name, words};

/// A table in the making: its columns and what is known of their values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Draft {
    /// The table, without rows.
    pub(super) table: Table,
    /// What is known of the values, a hint for each column.
    pub(super) hints: Vec<Hints>,
    /// The status a new row has.
    pub(super) begins: Option<String>,
}

/// The tables of a domain, by the noun of one row in `snake_case`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Schema {
    /// The tables in the making.
    pub(super) drafts: BTreeMap<String, Draft>,
    /// The nouns, and whether their keys are names.
    pub(super) nouns: Nouns,
}

impl Schema {
    /// The table of that name, in the making.
    pub(super) fn table(&self, name: &str) -> Option<&Draft> {
        self.drafts.values().find(|draft| draft.table.name == name)
    }
}

impl Draft {
    /// The column of that name.
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.table.columns.iter().find(|column| column.name == name)
    }

    /// The column by which a person would call a row.
    pub(super) fn label(&self) -> &str {
        let known = |label: &&&str| {
            self.column(label).is_some_and(|it| it.kind == Kind::Text && it.role == Role::Plain)
        };
        let plain = |it: &&Column| it.kind == Kind::Text && it.role == Role::Plain;
        LABELS.iter().find(known).map_or_else(
            || {
                let found = self.table.columns.iter().skip(1).find(plain);
                found.map_or(self.table.key().name.as_str(), |column| column.name.as_str())
            },
            |label| *label,
        )
    }

    /// The column with that role.
    pub(super) fn with_role(&self, role: &Role) -> Option<&Column> {
        self.table.columns.iter().find(|column| column.role == *role)
    }
}

/// Infers the tables of a domain.
pub(super) fn infer(readings: &[Reading<'_>], nouns: &Nouns, plan: &EnvironmentPlan) -> Schema {
    let mut found: BTreeMap<String, Gathered> =
        nouns.all().map(|noun| (noun.clone(), Gathered::default())).collect();
    for reading in readings {
        let bindings = bind(reading, nouns);
        gather_keys(reading, &bindings, nouns, &mut found);
        if let Some(gathered) =
            found.get_mut(&reading.entity).filter(|_| reading.act != Act::Answer)
        {
            gathered.strong(reading, &bindings, nouns);
        }
    }
    for reading in readings.iter().filter(|reading| reading.act != Act::Answer) {
        if let Some(gathered) = found.get_mut(&reading.entity) {
            gathered.weak(reading, &bind(reading, nouns));
        }
    }
    let mut drafts: BTreeMap<String, Draft> = BTreeMap::new();
    let mut taken = BTreeSet::new();
    for (noun, gathered) in found {
        let mut draft = gathered.draft(&noun, nouns, plan);
        if !taken.insert(draft.table.name.clone()) {
            draft.table.name = format!("{noun}_rows");
            taken.insert(draft.table.name.clone());
        }
        drafts.insert(noun, draft);
    }
    refer(&mut drafts);
    Schema { drafts, nouns: nouns.clone() }
}

/// Lets references name tables instead of nouns, and hold what those tables' keys are.
fn refer(drafts: &mut BTreeMap<String, Draft>) {
    let keys: BTreeMap<String, (String, Kind)> = drafts
        .iter()
        .map(|(noun, it)| (noun.clone(), (it.table.name.clone(), it.table.key().kind.clone())))
        .collect();
    for draft in drafts.values_mut() {
        for column in &mut draft.table.columns {
            if let Role::Reference(noun) = &column.role
                && let Some((table, kind)) = keys.get(noun)
            {
                column.kind = kind.clone();
                column.role = Role::Reference(table.clone());
            }
        }
    }
}

/// What was seen of one noun.
#[derive(Clone, Debug, Default)]
struct Gathered {
    columns: BTreeMap<String, Evidence>,
    /// Shapes that keys were seen in: whole numbers, UUIDs, other texts.
    keys: [usize; 3],
    /// Statuses that verbs bring rows into, and were likely in before.
    statuses: BTreeSet<(String, String)>,
}

/// Notes the shapes of keys wherever they are taken: in their own tools and as references.
fn gather_keys(
    reading: &Reading<'_>,
    bindings: &[Binding<'_>],
    nouns: &Nouns,
    found: &mut BTreeMap<String, Gathered>,
) {
    let mut note = |noun: &str, shape: &Shape| {
        if let Some(gathered) = found.get_mut(noun) {
            match shape {
                Shape::Integer { .. } => gathered.keys[0] += 1,
                Shape::Text { format, .. } if format == "uuid" => gathered.keys[1] += 1,
                Shape::Text { .. } => gathered.keys[2] += 1,
                _ => {}
            }
        }
    };
    for binding in bindings {
        let shape = match &binding.field().shape {
            Shape::List(item) => item,
            shape => shape,
        };
        match &binding.target {
            Target::Key | Target::Keys => note(&reading.entity, shape),
            Target::Column { reference: Some(noun), .. } => note(noun, shape),
            _ => {}
        }
    }
    if reading.act != Act::Answer {
        for (field, answered) in answered(reading, nouns) {
            match answered {
                Answered::Key => note(&reading.entity, &field.shape),
                Answered::Column(_, Some(noun)) => note(&noun, &field.shape),
                Answered::Column(..) => {}
            }
        }
    }
}

impl Gathered {
    /// Columns that are stored or answered.
    fn strong(&mut self, reading: &Reading<'_>, bindings: &[Binding<'_>], nouns: &Nouns) {
        if let Act::Become(status) = reading.act {
            let before = status_before(&reading.verb, status).unwrap_or("active");
            self.statuses.insert((status.into(), before.into()));
        }
        if reading.act.writes() {
            for binding in bindings {
                if let Target::Column { name, reference, .. } = &binding.target {
                    let weight = if binding.required() { 6 } else { 2 };
                    self.add(name, reference.as_ref(), binding.field(), weight);
                }
            }
        }
        let stores = |binding: &Binding<'_>| matches!(binding.target, Target::Column { .. });
        if reading.act == Act::Update && !bindings.iter().any(stores) {
            // What is done leaves no other trace.
            let shape = Shape::Text { format: "date-time".into(), pattern: String::new() };
            let evidence = Evidence::invented("updated_at", &shape);
            self.columns.entry("updated_at".into()).or_insert(evidence);
        }
        for (field, answered) in answered(reading, nouns) {
            if let Answered::Column(name, reference) = answered {
                self.add(&name, reference.as_ref(), field, 1);
            }
        }
        if reading.act == Act::Get
            && let Some(asked) = asked_for(reading)
        {
            let field = Field {
                name: asked.clone(),
                shape: Shape::Any,
                required: false,
                place: String::new(),
                description: String::new(),
                default: schemas::Value::Null,
                example: schemas::Value::Null,
            };
            if !self.columns.contains_key(&asked) {
                self.add(&asked, None, &field, 4);
            }
        }
    }

    /// Columns that are only looked at, where nothing better is known of them.
    fn weak(&mut self, reading: &Reading<'_>, bindings: &[Binding<'_>]) {
        if reading.act.writes() {
            return;
        }
        for binding in bindings {
            let Target::Column { name, reference, bound } = &binding.target else { continue };
            let name = match bound {
                Some((base, _)) if !self.columns.contains_key(name) => base,
                _ => name,
            };
            let weight = if binding.required() { 3 } else { 1 };
            match self.columns.get_mut(name) {
                Some(known) => known.seen(binding.field(), weight),
                None => self.add(name, reference.as_ref(), binding.field(), weight),
            }
        }
    }

    fn add(&mut self, name: &str, reference: Option<&String>, field: &Field, weight: u32) {
        let evidence = Evidence::new(name, reference, field, weight);
        match self.columns.get_mut(name) {
            Some(known) => unify(known, evidence),
            None => drop(self.columns.insert(name.into(), evidence)),
        }
    }

    fn draft(mut self, noun: &str, nouns: &Nouns, plan: &EnvironmentPlan) -> Draft {
        let named = nouns.get(noun) == Some(true);
        let key_name = format!("{noun}_{}", if named { "name" } else { "id" });
        let key_name = words(&key_name).join("_");
        self.columns.remove(&key_name);
        let key_style = match self.keys {
            [whole, _, _] if 0 < whole && !named => KeyStyle::Integer,
            [_, uuids, others] if others < uuids && !named => KeyStyle::Uuid,
            _ if named => KeyStyle::Prefixed(noun.rsplit('_').next().unwrap_or(noun).into()),
            _ => KeyStyle::Prefixed(prefix(noun)),
        };
        let begins = self.status();
        let event = is_event(noun);
        if !named && !self.columns.iter().any(|(name, it)| called(name, it, event)) {
            let name = if event { "description" } else { "name" };
            self.columns.insert(name.into(), Evidence::invented(name, &Shape::text()));
        }
        let mut columns: Vec<(String, Evidence)> = self.columns.into_iter().collect();
        columns.sort_by_key(|(name, it)| (std::cmp::Reverse(it.rank(name)), name.clone()));
        columns.truncate(plan.columns_max.saturating_sub(1).max(2));
        columns.sort_by_key(|(name, it)| (it.class(name), name.clone()));
        let key_kind = if key_style == KeyStyle::Integer { Kind::Integer } else { Kind::Text };
        let key =
            Column { name: key_name, kind: key_kind, role: Role::Key, description: String::new() };
        let mut draft = Draft {
            table: Table {
                name: table_name(noun),
                noun: noun.replace('_', " "),
                key_style,
                columns: vec![key],
                rows: Vec::new(),
            },
            hints: vec![Hints::default()],
            begins,
        };
        for (name, evidence) in columns {
            let (column, hints) = evidence.column(name, nouns);
            draft.table.columns.push(column);
            draft.hints.push(hints);
        }
        link(&mut draft);
        draft
    }

    /// Makes the status column that verbs imply; answers the status a new row has.
    fn status(&mut self) -> Option<String> {
        let known = ["status", "state"].into_iter().find(|name| self.columns.contains_key(*name));
        if self.statuses.is_empty() {
            let evidence = self.columns.get_mut(known?)?;
            let Kind::Choice(choices) = &evidence.kind else { return None };
            evidence.role = Role::Status;
            return Some(beginning(choices, &[]));
        }
        let name = known.unwrap_or("status");
        let shape = Shape::text();
        let evidence =
            self.columns.entry(name.into()).or_insert_with(|| Evidence::invented(name, &shape));
        let mut choices = match &evidence.kind {
            Kind::Choice(choices) => choices.clone(),
            _ => Vec::new(),
        };
        let declared = !choices.is_empty();
        for (after, before) in &self.statuses {
            for status in [after, before] {
                let needless = declared && status == before && !choices.is_empty();
                if matching(&choices, status).is_none() && !needless {
                    let loud = declared
                        && choices.iter().all(|it| !it.chars().any(|it| it.is_ascii_lowercase()));
                    choices.push(if loud { status.to_uppercase() } else { status.clone() });
                }
            }
        }
        if choices.len() < 2 {
            choices.push("active".into());
        }
        let before: Vec<String> = self.statuses.iter().map(|(_, before)| before.clone()).collect();
        let begins = beginning(&choices, &before);
        evidence.kind = Kind::Choice(choices);
        evidence.role = Role::Status;
        evidence.weight = u32::MAX / 2;
        Some(begins)
    }
}

/// The status among these that means what a verb brings about, in whatever spelling.
pub(super) fn matching(choices: &[String], status: &str) -> Option<String> {
    let plain = |text: &str| {
        let letters = text.chars().filter(char::is_ascii_alphanumeric);
        letters.collect::<String>().to_lowercase().replace("ll", "l")
    };
    let spelled = |known: &str| choices.iter().find(|choice| plain(choice) == plain(known));
    spelled(status).or_else(|| akin(status).iter().find_map(|other| spelled(other))).cloned()
}

/// The status of a new row among its choices: never one that rows end in, if another is left.
fn beginning(choices: &[String], before: &[String]) -> String {
    let first = FIRST.iter().find_map(|status| matching(choices, status));
    let likely = || before.iter().find_map(|it| matching(choices, it).filter(|it| !is_last(it)));
    let any = || choices.iter().find(|it| !is_last(it)).cloned();
    first.or_else(likely).or_else(any).unwrap_or_else(|| choices[0].clone())
}

/// What `get_account_balance(account_id)` asks for: the balance.
pub(super) fn asked_for(reading: &Reading<'_>) -> Option<String> {
    let rest = reading.object.strip_prefix(&reading.entity)?.strip_prefix('_')?;
    (!rest.is_empty()).then(|| own_column("", &words(rest)))
}

/// Whether people can tell a row by this column; bookings are told by any of their own words.
fn called(name: &str, evidence: &Evidence, event: bool) -> bool {
    let worded = matches!(evidence.kind, Kind::Text | Kind::Date | Kind::Time);
    worded && (event || (LABELS.contains(&name) && evidence.kind == Kind::Text))
}

/// Gives columns the roles their names ask for.
fn link(draft: &mut Draft) {
    let mut dated = [false; 2];
    for column in draft.table.columns.iter_mut().skip(1) {
        let numeric = matches!(column.kind, Kind::Integer | Kind::Number);
        if is_quantity(&column.name) && numeric && column.role == Role::Plain {
            column.role = Role::Quantity;
        }
        let role = match column.name.as_str() {
            "created_at" | "created" | "creation_time" | "created_time" | "date_created"
            | "create_time" | "created_date" | "created_on" | "creation_date" => 0,
            "updated_at" | "updated" | "update_time" | "updated_time" | "date_updated"
            | "modified" | "modified_at" | "last_modified" | "updated_on" | "last_updated" => 1,
            _ => continue,
        };
        if matches!(column.kind, Kind::Time | Kind::Date | Kind::Text) && !dated[role] {
            column.kind = Kind::Time;
            column.role = if role == 0 { Role::Created } else { Role::Updated };
            dated[role] = true;
        }
    }
}

/// What is known of a value of this name and shape, on its own.
pub(super) fn lone(name: &str, field: &Field) -> (Kind, Hints) {
    (kind(name, &field.shape), Hints::of(field))
}
