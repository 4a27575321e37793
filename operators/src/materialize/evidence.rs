//! What is known of a column, gathered over the tools that take or answer it.

use schemas::{Column, Field, Kind, Role, Shape, Value};

use crate::materialize::hints::{Named, named};
use crate::materialize::naming::{LABELS, is_quantity};
use crate::materialize::settle::Nouns;

/// Most examples kept of one column.
const EXAMPLES_MAX: usize = 8;
/// Deepest nesting of objects whose descriptions are read.
const DEPTH_MAX: usize = 8;
/// Most choices of a column; one with more is plain text.
const CHOICES_MAX: usize = 64;

/// What is known of a column's values beyond their kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Hints {
    /// Values that are meant, where they are few and not texts.
    pub(super) choices: Vec<Value>,
    /// Least value, or null.
    pub(super) minimum: Value,
    /// Greatest value, or null.
    pub(super) maximum: Value,
    /// JSON Schema `format`.
    pub(super) format: String,
    /// JSON Schema `pattern`.
    pub(super) pattern: String,
    /// Values of the sources' own.
    pub(super) examples: Vec<Value>,
    /// The shape, where the column keeps lists or objects whole.
    pub(super) shape: Option<Shape>,
    /// Values that a source's description names.
    pub(super) named: Named,
}

/// What was seen of a column.
#[derive(Clone, Debug)]
pub(super) struct Evidence {
    pub(super) kind: Kind,
    pub(super) role: Role,
    /// How often it is used, required uses counting more.
    pub(super) weight: u32,
    reference: Option<String>,
    hints: Hints,
    description: String,
    /// Whether the kind is a guess that anything better known replaces.
    guessed: bool,
}

impl Hints {
    /// What a field says of its values.
    pub(super) fn of(field: &Field) -> Hints {
        let mut hints = Hints { named: named(&field.description), ..Hints::default() };
        let shape = match &field.shape {
            Shape::List(_) | Shape::Object(_) => {
                hints.shape = Some(exemplified(&field.shape, 0));
                &field.shape
            }
            shape => shape,
        };
        match shape {
            Shape::Text { format, pattern } => {
                (hints.format, hints.pattern) = (format.clone(), pattern.clone());
            }
            Shape::Integer { minimum, maximum } => {
                hints.minimum = minimum.map_or(Value::Null, Value::Integer);
                hints.maximum = maximum.map_or(Value::Null, Value::Integer);
            }
            Shape::Number { minimum, maximum } => {
                (hints.minimum, hints.maximum) = (minimum.clone(), maximum.clone());
            }
            Shape::Choice(choices) => hints.choices.clone_from(choices),
            _ => {}
        }
        for value in [&field.example, &field.default] {
            match value {
                Value::Null => {}
                Value::Text(text) if text.is_empty() => {}
                Value::List(items) => {
                    hints.examples.extend(items.iter().take(EXAMPLES_MAX).cloned());
                }
                value => hints.examples.push(value.clone()),
            }
        }
        hints
    }

    fn merge(&mut self, other: Hints) {
        let least = |value: &Value| value.as_number();
        if least(&self.minimum).is_none_or(|ours| least(&other.minimum).is_some_and(|it| ours < it))
        {
            self.minimum = other.minimum;
        }
        if least(&self.maximum).is_none_or(|ours| least(&other.maximum).is_some_and(|it| it < ours))
        {
            self.maximum = other.maximum;
        }
        if self.format.is_empty() {
            self.format = other.format;
        }
        if self.pattern.is_empty() {
            self.pattern = other.pattern;
        }
        for example in other.examples {
            if self.examples.len() < EXAMPLES_MAX && !self.examples.contains(&example) {
                self.examples.push(example);
            }
        }
        for choice in other.choices {
            if self.choices.len() < CHOICES_MAX && !self.choices.contains(&choice) {
                self.choices.push(choice);
            }
        }
        self.shape = self.shape.take().or(other.shape);
        if self.named.values.is_empty() {
            self.named = other.named;
        }
    }
}

/// The shape with the values that the descriptions of its parts name as their examples, so that
/// each description is read once and not for every row.
fn exemplified(shape: &Shape, depth: usize) -> Shape {
    match shape {
        Shape::List(item) if depth < DEPTH_MAX => {
            Shape::List(Box::new(exemplified(item, depth + 1)))
        }
        Shape::Object(parts) if depth < DEPTH_MAX => Shape::Object(
            parts
                .iter()
                .map(|part| {
                    let mut part =
                        Field { shape: exemplified(&part.shape, depth + 1), ..part.clone() };
                    let values = named(&part.description).values;
                    if !values.is_empty() && part.example.is_null() {
                        part.example = Value::List(values.into_iter().map(Value::Text).collect());
                    }
                    part.description.clear();
                    part
                })
                .collect(),
        ),
        shape => shape.clone(),
    }
}

impl Evidence {
    /// What one field says of a column.
    pub(super) fn new(
        name: &str,
        reference: Option<&String>,
        field: &Field,
        weight: u32,
    ) -> Evidence {
        let hints = Hints::of(field);
        let kind = match kind(name, &field.shape) {
            Kind::Text if reference.is_none() => closed(&hints).unwrap_or(Kind::Text),
            kind => kind,
        };
        Evidence {
            kind,
            role: Role::Plain,
            weight,
            reference: reference.cloned(),
            hints,
            description: field.description.clone(),
            guessed: field.shape == Shape::Any,
        }
    }

    /// A column that no tool states.
    pub(super) fn invented(name: &str, shape: &Shape) -> Evidence {
        Evidence {
            kind: kind(name, shape),
            role: Role::Plain,
            weight: 1 << 20,
            reference: None,
            hints: Hints::default(),
            description: String::new(),
            guessed: false,
        }
    }

    /// A look at a column whose kind is known from elsewhere.
    pub(super) fn seen(&mut self, field: &Field, weight: u32) {
        self.weight = self.weight.saturating_add(weight);
        let hints = Hints::of(field);
        let same = kind("", &field.shape) == self.kind;
        if same && self.hints.choices.is_empty() == hints.choices.is_empty() {
            self.hints.merge(hints);
        }
        if self.description.is_empty() {
            self.description.clone_from(&field.description);
        }
    }

    /// How dear the column is when there are too many.
    pub(super) fn rank(&self, name: &str) -> u32 {
        let label = LABELS.iter().take(12).any(|label| *label == name);
        let bonus = u32::from(label) * 6
            + u32::from(self.reference.is_some()) * 6
            + u32::from(is_quantity(name)) * 12;
        self.weight.saturating_add(bonus)
    }

    /// Where the column stands among the others.
    pub(super) fn class(&self, name: &str) -> usize {
        match () {
            () if self.reference.is_some() => 1,
            () if self.role == Role::Status => 40,
            () if ["created", "updated", "modified"].iter().any(|it| name.starts_with(it)) => 41,
            () => LABELS.iter().position(|label| *label == name).map_or(30, |place| 2 + place),
        }
    }

    /// The column, and what is known of its values.
    pub(super) fn column(mut self, name: String, nouns: &Nouns) -> (Column, Hints) {
        let target = self.reference.filter(|noun| nouns.get(noun).is_some());
        if let Some(noun) = target {
            self.role = Role::Reference(noun);
        }
        if let Kind::Choice(choices) = &self.kind {
            self.hints.choices = choices.iter().map(Value::text).collect();
        }
        let Evidence { kind, role, description, hints, .. } = self;
        (Column { name, kind, role, description }, hints)
    }
}

/// Makes one of two pieces of evidence on a column, whatever their order.
pub(super) fn unify(known: &mut Evidence, other: Evidence) {
    known.weight = known.weight.saturating_add(other.weight);
    known.reference = known.reference.take().or(other.reference);
    if known.description.is_empty() {
        known.description = other.description;
    }
    match (known.guessed, other.guessed) {
        (true, false) => {
            known.kind = other.kind;
            known.guessed = false;
        }
        (false, true) => {}
        _ => known.kind = unified(&known.kind, &other.kind),
    }
    known.hints.merge(other.hints);
}

fn unified(one: &Kind, other: &Kind) -> Kind {
    match (one, other) {
        (one, other) if one == other => one.clone(),
        (Kind::Json, _) | (_, Kind::Json) => Kind::Json,
        (Kind::Integer | Kind::Number, Kind::Integer | Kind::Number) => Kind::Number,
        (Kind::Choice(ours), Kind::Choice(theirs)) => {
            let mut choices = ours.clone();
            choices.extend(theirs.iter().filter(|it| !ours.contains(it)).cloned());
            choices.sort();
            if choices.len() <= CHOICES_MAX { Kind::Choice(choices) } else { Kind::Text }
        }
        (Kind::Text, Kind::Date) | (Kind::Date, Kind::Text) => Kind::Date,
        (Kind::Text, Kind::Time) | (Kind::Time, Kind::Text) => Kind::Time,
        _ => Kind::Text,
    }
}

/// What a column of this name and shape holds.
pub(super) fn kind(name: &str, shape: &Shape) -> Kind {
    match shape {
        Shape::Text { format, .. } => match format.as_str() {
            "date" => Kind::Date,
            "date-time" | "datetime" => Kind::Time,
            _ if name == "date" || name.ends_with("_date") => Kind::Date,
            _ if name.ends_with("_at") && name != "look_at" => Kind::Time,
            _ if is_end(name) => Kind::Date,
            _ => Kind::Text,
        },
        Shape::Integer { .. } => Kind::Integer,
        Shape::Number { .. } if is_counted(name) => Kind::Integer,
        Shape::Number { .. } => Kind::Number,
        Shape::Boolean => Kind::Boolean,
        Shape::Choice(choices) => chosen(choices),
        Shape::List(_) | Shape::Object(_) => Kind::Json,
        Shape::Any => guessed(name),
    }
}

/// Whether a text of this name says from when or until when something holds.
fn is_end(name: &str) -> bool {
    let side = |word: &str| ["from", "to", "till", "until", "since", "on"].contains(&word);
    let holds = |word: &str| ["effective", "valid", "expires", "available"].contains(&word);
    name.split_once('_').is_some_and(|(first, last)| holds(first) && side(last))
}

/// Whether a number of this name counts things, though its source may call it any number.
fn is_counted(name: &str) -> bool {
    const COUNTED: [&str; 36] = [
        "guests",
        "adults",
        "children",
        "passengers",
        "people",
        "nights",
        "days",
        "stars",
        "seats",
        "tickets",
        "rooms",
        "beds",
        "bedrooms",
        "bathrooms",
        "count",
        "quantity",
        "qty",
        "year",
        "page",
        "age",
        "port",
        "servings",
        "weeks",
        "months",
        "years",
        "minutes",
        "seconds",
        "copies",
        "items",
        "persons",
        "travelers",
        "travellers",
        "floors",
        "points",
        "attempts",
        "capacity",
    ];
    COUNTED.contains(&name.rsplit('_').next().unwrap_or(name))
        || ["num_", "number_of_", "n_"].iter().any(|start| name.starts_with(start))
}

fn chosen(choices: &[Value]) -> Kind {
    let texts: Vec<String> =
        choices.iter().filter_map(|it| it.as_text().map(String::from)).collect();
    match () {
        () if texts.len() == choices.len() && texts.len() <= CHOICES_MAX => Kind::Choice(texts),
        () if choices.iter().all(|it| matches!(it, Value::Integer(_))) => Kind::Integer,
        () if choices.iter().all(|it| it.as_number().is_some()) => Kind::Number,
        () if choices.iter().all(|it| matches!(it, Value::Bool(_))) => Kind::Boolean,
        () if choices.iter().all(|it| !matches!(it, Value::List(_) | Value::Object(_))) => {
            Kind::Text
        }
        () => Kind::Json,
    }
}

/// The kind of a text of which its source says that it is one of a few.
fn closed(hints: &Hints) -> Option<Kind> {
    let values = &hints.named.values;
    let brief = values.iter().all(|value| value.chars().count() <= 24);
    let free = hints.format.is_empty() && hints.pattern.is_empty();
    (hints.named.closed && brief && free && (2..=12).contains(&values.len()))
        .then(|| Kind::Choice(values.clone()))
}

/// The kind of a value of which only the name is known.
fn guessed(name: &str) -> Kind {
    let last = name.rsplit('_').next().unwrap_or(name);
    match last {
        "balance" | "price" | "amount" | "total" | "cost" | "rate" | "score" | "rating"
        | "value" | "fee" | "tax" | "distance" | "temperature" | "latitude" | "longitude" => {
            Kind::Number
        }
        "count" | "quantity" | "number" | "age" | "year" | "size" | "length" => Kind::Integer,
        "date" => Kind::Date,
        "at" => Kind::Time,
        _ => Kind::Text,
    }
}
