//! Programs: what each tool does, in the language of the engine.

use schemas::{
    Comparison, Condition, EnvironmentPlan, Expression, Filter, Kind, Program, Shape, Step, Value,
};

use crate::materialize::bind::{Binding, Target, bind};
use crate::materialize::compile::answer::{changed, deleted, listed, one};
use crate::materialize::infer::{Draft, Schema};
use crate::materialize::lexicon::Act;
use crate::materialize::naming::LABELS;
use crate::materialize::reading::Reading;

pub(super) mod cases;
pub(super) mod expect;
mod told;
mod formulas;
mod answer;
mod select;
mod write;
mod derive;
mod several;

/// The binding of the row a program is about.
pub(super) const ROW: &str = "row";
/// The binding of a row that is taken from or given back to.
pub(super) const STOCK: &str = "stock";
/// The binding of the rows a program lists.
pub(super) const ROWS: &str = "found";
/// The binding of one row inside a list.
pub(super) const ITEM: &str = "item";

/// What a program is compiled from.
pub(super) struct Sources<'a, 't> {
    /// The tool, read.
    pub(super) reading: &'a Reading<'t>,
    /// All tables.
    pub(super) schema: &'a Schema,
    /// The table worked on.
    pub(super) draft: &'a Draft,
    /// What each argument is for.
    pub(super) bindings: Vec<Binding<'t>>,
    /// Limits.
    pub(super) plan: &'a EnvironmentPlan,
}

/// Compiles a tool to a program over the tables; none if it cannot tell which rows are meant, and
/// then the tool answers from cases.
pub(super) fn compile(
    reading: &Reading<'_>,
    schema: &Schema,
    plan: &EnvironmentPlan,
) -> Option<Program> {
    let draft = schema.drafts.get(&reading.entity)?;
    let bindings = bind(reading, &schema.nouns);
    let sources = Sources { reading, schema, draft, bindings, plan };
    if matches!(reading.act, Act::Update | Act::Delete | Act::Become(_))
        && let Some(program) = several::several(&sources)
    {
        return Some(program);
    }
    match reading.act {
        Act::Answer => None,
        Act::Get => {
            let step = sources.find(&sources.identifying(false))?;
            Some(Program { steps: vec![step], reply: one(&sources) })
        }
        Act::List | Act::Count => {
            let mut steps = within(&sources);
            steps.push(select::select(&sources));
            Some(Program { steps, reply: listed(&sources) })
        }
        Act::Create => Some(Program { steps: write::create(&sources), reply: changed(&sources) }),
        Act::Update => Some(Program { steps: write::update(&sources)?, reply: changed(&sources) }),
        Act::Delete => Some(Program { steps: write::delete(&sources)?, reply: deleted(&sources) }),
        Act::Become(status) => {
            Some(Program { steps: write::transition(&sources, status)?, reply: changed(&sources) })
        }
    }
}

/// The steps that refuse to list what belongs to a row that is not there: a row of a path, as of
/// `/droplets/{droplet_id}/backups`, or one that has to be named.
fn within(sources: &Sources<'_, '_>) -> Vec<Step> {
    let named = sources.bindings.iter().filter(|binding| {
        let refers = matches!(&binding.target, Target::Column { reference: Some(_), .. });
        refers && binding.part.is_none() && binding.required()
    });
    let steps = named.filter_map(|binding| {
        let (column, comparison) = sources.column(binding)?;
        (comparison == Comparison::Equal).then(|| write::refers(sources, binding, column))?
    });
    steps.collect()
}

/// The value an argument, or its part, gives.
pub(super) fn given(binding: &Binding<'_>) -> Expression {
    let argument = binding.argument.name.clone();
    match binding.part {
        Some(part) => {
            let step = part.name.replace('~', "~0").replace('/', "~1");
            Expression::Part(argument, format!("/{step}"))
        }
        None => Expression::Argument(argument),
    }
}

/// Whether a column of this kind could hold some value of this shape.
fn holds(kind: &Kind, shape: &Shape) -> bool {
    match shape {
        Shape::List(_) | Shape::Object(_) => *kind == Kind::Json,
        Shape::Boolean => matches!(kind, Kind::Boolean | Kind::Text | Kind::Json),
        Shape::Integer { .. } | Shape::Number { .. } => {
            !matches!(kind, Kind::Boolean | Kind::Choice(_) | Kind::Date | Kind::Time)
        }
        _ => true,
    }
}

impl<'t> Sources<'_, 't> {
    /// The column a binding is about, and how it is compared there; none if it is about none.
    pub(super) fn column(&self, binding: &Binding<'t>) -> Option<(&str, Comparison)> {
        if let Target::Was(name) = &binding.target {
            let column = self.draft.column(name).filter(|column| column.kind != Kind::Json)?;
            return Some((column.name.as_str(), Comparison::Equal));
        }
        let Target::Column { name, bound, .. } = &binding.target else { return None };
        let (name, comparison) = match bound {
            Some((base, comparison)) if self.draft.column(name).is_none() => (base, *comparison),
            Some((_, comparison)) => (name, *comparison),
            None => (name, Comparison::Equal),
        };
        let column = self.draft.column(name)?;
        let stored = self.reading.act.writes();
        (!stored || holds(&column.kind, &binding.field().shape))
            .then_some((column.name.as_str(), comparison))
    }

    /// The kind of a column of the table worked on.
    pub(super) fn kind(&self, column: &str) -> Option<&Kind> {
        self.draft.column(column).map(|column| &column.kind)
    }

    /// The bindings that say which row is meant: the key and, unless the rest is data, all others.
    pub(super) fn identifying(&self, data: bool) -> Vec<&Binding<'t>> {
        let scalar = |binding: &&Binding<'t>| {
            binding.part.is_none()
                && self.column(binding).is_some_and(|(column, _)| {
                    self.kind(column).is_some_and(|kind| *kind != Kind::Json)
                })
        };
        let keys =
            self.bindings.iter().filter(|it| matches!(it.target, Target::Key | Target::Keys));
        let keys: Vec<&Binding<'t>> = keys.collect();
        let path = |binding: &&Binding<'t>| {
            let place =
                self.reading.tool.input.iter().position(|it| it.name == binding.argument.name);
            self.reading.parents.iter().any(|(parent, _)| Some(*parent) == place)
        };
        let others = self.bindings.iter().filter(scalar);
        if !data {
            return keys.into_iter().chain(others).collect();
        }
        if !keys.is_empty() {
            let was = |binding: &&Binding<'t>| matches!(binding.target, Target::Was(_));
            let within = |binding: &&Binding<'t>| {
                let id =
                    matches!(&binding.target, Target::Column { name, .. } if name.ends_with("_id"));
                self.reading.act == Act::Delete && binding.required() && id
            };
            let telling = others.filter(|it| path(it) || was(it) || within(it));
            return keys.into_iter().chain(telling).collect();
        }
        let required: Vec<&Binding<'t>> = others.filter(|it| it.required()).collect();
        let parents: Vec<&Binding<'t>> = required.iter().copied().filter(path).collect();
        if self.reading.act == Act::Delete && 1 < parents.len() {
            return parents;
        }
        if self.reading.act != Act::Update {
            return required;
        }
        let telling: Vec<&Binding<'t>> = required
            .iter()
            .copied()
            .filter(|it| match &it.target {
                Target::Was(_) => true,
                Target::Column { name, reference, .. } => {
                    reference.is_some() || LABELS[..11].contains(&name.as_str()) || path(it)
                }
                _ => false,
            })
            .collect();
        if telling.is_empty() || telling.len() == self.bindings.len() {
            return required.into_iter().take(1).collect();
        }
        telling
    }

    /// The step that binds the row these arguments mean.
    pub(super) fn find(&self, identifying: &[&Binding<'t>]) -> Option<Step> {
        let table = self.draft.table.name.clone();
        let noun = &self.draft.table.noun;
        let key = identifying.iter().find(|it| matches!(it.target, Target::Key | Target::Keys));
        let key_value = key.map(|key| match key.target {
            Target::Keys => Expression::Part(key.argument.name.clone(), "/0".into()),
            _ => given(key),
        });
        if let ([_], Some(value)) = (identifying, &key_value) {
            return Some(Step::Lookup { row: ROW.into(), table, key: value.clone() });
        }
        let mut filters = Vec::new();
        if let Some(value) = key_value {
            let column = self.draft.table.key().name.clone();
            filters.push(Filter { column, comparison: Comparison::Equal, value });
        }
        for binding in identifying {
            if let Some((column, _)) = self.column(binding) {
                filters.push(Filter {
                    column: column.into(),
                    comparison: Comparison::Equal,
                    value: given(binding),
                });
            }
        }
        if filters.is_empty() {
            return None;
        }
        let otherwise = match key {
            Some(key) => format!("{noun} \"{{{}}}\" not found", key.argument.name),
            None => match identifying {
                [only] => format!("{noun} \"{{{}}}\" not found", only.argument.name),
                _ => format!("no {noun} matches these arguments"),
            },
        };
        Some(Step::Match { row: ROW.into(), table, filters, otherwise })
    }

    /// The step that refuses a list of several keys where only one row can be changed.
    pub(super) fn only_one(&self) -> Option<Step> {
        let keys = self.bindings.iter().find(|it| it.target == Target::Keys)?;
        let second = Expression::Part(keys.argument.name.clone(), "/1".into());
        let none = Expression::Literal(Value::text(""));
        Some(Step::Require {
            condition: Condition::Compare(
                Expression::Otherwise(Box::new(second), Box::new(none.clone())),
                Comparison::Equal,
                none,
            ),
            otherwise: format!(
                "\"{}\" may hold one {} at a time",
                keys.argument.name, self.draft.table.noun
            ),
        })
    }
}
