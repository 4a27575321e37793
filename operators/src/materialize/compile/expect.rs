//! What a tool that declares no answer is likely to answer, by what its name says it gives.

use schemas::{Shape, Value};

use crate::materialize::compile::expect::families::{
    Answer, DEED, FINDINGS, Holds, family, is_look, topic,
};
use crate::materialize::compile::told::told;
use crate::materialize::reading::Reading;
use crate::materialize::words::{column_name, plural, singular, words};

mod families;

/// Words of a description that are read.
const TOLD_WORDS: usize = 6;

/// Nouns of what is told as a number.
pub(super) const NUMBERS: [&str; 52] = [
    "price",
    "rate",
    "balance",
    "cost",
    "total",
    "score",
    "amount",
    "distance",
    "temperature",
    "area",
    "volume",
    "number",
    "probability",
    "value",
    "speed",
    "weight",
    "percentage",
    "average",
    "mean",
    "sum",
    "interest",
    "tax",
    "duration",
    "bmi",
    "odds",
    "fee",
    "fare",
    "salary",
    "growth",
    "yield",
    "density",
    "mass",
    "force",
    "energy",
    "power",
    "velocity",
    "perimeter",
    "height",
    "length",
    "width",
    "depth",
    "ratio",
    "median",
    "variance",
    "deviation",
    "calorie",
    "footprint",
    "payment",
    "budget",
    "profit",
    "revenue",
    "index",
];
/// Units of what is measured.
const UNITS: [(&[&str], &str, &[&str]); 6] = [
    (&["distance"], "unit", &["km", "miles"]),
    (&["temperature"], "unit", &["celsius", "fahrenheit"]),
    (&["weight", "mass"], "unit", &["kg", "lb"]),
    (&["speed", "velocity"], "unit", &["km/h", "mph", "m/s"]),
    (&["duration"], "unit", &["minutes", "hours"]),
    (&["price", "cost", "fare", "salary", "fee"], "currency", &["USD", "EUR", "GBP"]),
];

/// A part of an answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::materialize) struct Part {
    /// Its name.
    pub(in crate::materialize) name: String,
    /// Its shape.
    pub(in crate::materialize) shape: Shape,
    /// What it, or what it lists, says; empty if its name tells.
    pub(in crate::materialize) values: &'static [&'static str],
}

impl Part {
    pub(in crate::materialize) fn new(name: impl Into<String>, shape: Shape) -> Part {
        Part { name: name.into(), shape, values: &[] }
    }
}

/// The parts of the answer; never empty.
pub(in crate::materialize) fn expected(reading: &Reading<'_>) -> Vec<Part> {
    promised(reading).unwrap_or_else(|| likely(reading))
}

/// Whether the name promises no answer, or only that the tool says how it went.
pub(in crate::materialize) fn only_notice(reading: &Reading<'_>) -> bool {
    promised(reading).is_none_or(|parts| parts.iter().any(|part| part.name == "status"))
}

/// What the name promises.
fn promised(reading: &Reading<'_>) -> Option<Vec<Part>> {
    let split = words(&reading.tool.name);
    let says = |known: &[&str]| split.iter().any(|word| known.contains(&word.as_str()));
    let object: Vec<&str> = noun_of(reading);
    let last = object.last().copied().unwrap_or_default();
    let one = |name: &str, shape: Shape| Some(vec![Part::new(name, shape)]);
    if let Some(name) = judged(&split) {
        return one(&name, Shape::Boolean);
    }
    if let Some(number) = measured(&object, &split) {
        return Some(number);
    }
    if says(&["count"]) {
        return one("count", Shape::integer());
    }
    if says(&["convert", "converter", "conversion"]) {
        return Some(vec![Part::new("value", Shape::number()), Part::new("unit", Shape::text())]);
    }
    if says(&["calculate", "compute", "calc", "estimate", "calculator", "solve"]) {
        return one(&named(&object, "result"), Shape::number());
    }
    if says(&["translate", "translation"]) {
        return one("translation", Shape::text());
    }
    if says(&["summarize", "summarise", "summary"]) {
        return one("summary", Shape::text());
    }
    if ["url", "link", "image", "photo", "video", "audio", "screenshot", "qr", "thumbnail"]
        .contains(&last)
        || says(&["qr", "render", "download", "screenshot"])
    {
        return one("url", Shape::text());
    }
    if says(&["export", "file", "pdf"]) {
        return one("file_path", Shape::text());
    }
    if last == "status" || last == "state" {
        return one("status", choice(&["active", "pending", "completed", "failed"]));
    }
    if says(&["detect", "analyze", "analyse", "classify", "detection", "analysis", "predict"])
        || says(&["recognize", "recognition", "classification", "prediction", "evaluate"])
    {
        let label = Part::new("label", label(&split));
        return Some(vec![label, Part::new("confidence", share()), found("summary")]);
    }
    spoken(reading, &object, &split)
}

/// What is promised in words: a list, a text, or how it went.
fn spoken(reading: &Reading<'_>, object: &[&str], split: &[String]) -> Option<Vec<Part>> {
    let says = |known: &[&str]| split.iter().any(|word| known.contains(&word.as_str()));
    let last = object.last().copied().unwrap_or_default();
    if reading.many || says(&["list", "search", "find", "recommend", "suggest", "recommendations"])
    {
        let name = if last.is_empty() { "results".into() } else { plural(last) };
        let listed = Shape::List(Box::new(Shape::text()));
        return Some(vec![Part::new(column_name(&words(&name)), listed)]);
    }
    if says(&["generate", "write", "explain", "ask", "chat", "answer", "compose", "describe"]) {
        return Some(vec![Part::new("text", Shape::text())]);
    }
    let tried = split.first().is_some_and(|word| ["check", "test"].contains(&word.as_str()));
    let went = || vec![Part::new("status", choice(&["ok", "warning", "failed"])), found("message")];
    tried.then(went)
}

/// What a tool is likely to answer whose name promises nothing: by its topic, or else by what its
/// description promises, or else by the family of tools it is of, or else what is known of what it
/// looks up, or else what it thinks of what it was given.
fn likely(reading: &Reading<'_>) -> Vec<Part> {
    let split = words(&reading.tool.name);
    let first = words(&reading.tool.description).into_iter().take(TOLD_WORDS);
    let first: Vec<String> = first.collect();
    let looks = split.iter().take(3).chain(first.first()).any(|word| is_look(word));
    let method = reading.tool.method.as_deref();
    let deed = matches!(method, Some("POST" | "PUT" | "PATCH" | "DELETE")) && !looks;
    let of = |family: Answer| family.iter().map(|(name, holds)| part(name, holds)).collect();
    let by_words = topic(&split, &first).map(of).or_else(|| told(reading));
    let by_kind = || family(&split, &first, looks).or(deed.then_some(DEED)).map(of);
    by_words.or_else(by_kind).unwrap_or_else(|| {
        if looks || method == Some("GET") {
            let name = named(&noun_of(reading), "name");
            vec![Part::new(name, Shape::text()), Part::new("updated_at", Shape::text())]
        } else {
            vec![part("rating", &Holds::One(&["low", "moderate", "high"])), found("summary")]
        }
    })
}

fn noun_of<'r>(reading: &'r Reading<'_>) -> Vec<&'r str> {
    reading.object.split('_').filter(|it| !it.is_empty()).collect()
}

/// What somebody found who looked into it.
fn found(name: &str) -> Part {
    part(name, &Holds::Said(&FINDINGS))
}

fn part(name: &str, holds: &Holds) -> Part {
    let (shape, values): (Shape, &'static [&'static str]) = match holds {
        Holds::Text => (Shape::text(), &[]),
        Holds::Said(values) => (Shape::text(), values),
        Holds::Several(values) => (Shape::List(Box::new(Shape::text())), values),
        Holds::One(values) => (choice(values), &[]),
        Holds::Whole(least, most) => {
            (Shape::Integer { minimum: Some(*least), maximum: Some(*most) }, &[])
        }
        Holds::Share => (share(), &[]),
    };
    Part { name: name.into(), shape, values }
}

/// The name of a yes or no, if that is what the tool answers.
fn judged(split: &[String]) -> Option<String> {
    let says = |known: &[&str]| split.iter().any(|word| known.contains(&word.as_str()));
    let first = split.first()?.as_str();
    Some(match () {
        () if says(&["availability", "available"]) => "available".into(),
        () if says(&["exists", "exist"]) => "exists".into(),
        () if says(&["eligibility", "eligible"]) => "eligible".into(),
        () if ["is", "has", "can"].contains(&first) => match split[1..].join("_").as_str() {
            "" => "result".into(),
            rest => column_name(&words(rest)),
        },
        () if says(&["validate", "verify", "validator"]) => "valid".into(),
        () => return None,
    })
}

/// Nouns that say what a tool is and not what it answers.
const VAGUE: [&str; 14] = [
    "tool",
    "api",
    "checker",
    "ai",
    "mcp",
    "server",
    "service",
    "agent",
    "bot",
    "helper",
    "client",
    "generator",
    "query",
    "command",
];

/// A number, and its unit where there is one, if the name says what is measured.
fn measured(object: &[&str], split: &[String]) -> Option<Vec<Part>> {
    let last = object.last().copied().unwrap_or_default();
    let word = split.iter().rev().map(|word| singular(word));
    let found = if NUMBERS.contains(&last) {
        last.to_string()
    } else {
        word.into_iter().find(|word| NUMBERS[..38].contains(&word.as_str()))?
    };
    let name = if found == last { named(object, "result") } else { found.clone() };
    let mut parts = vec![Part::new(name, Shape::number())];
    if let Some((_, unit, values)) = UNITS.iter().find(|(of, ..)| of.contains(&found.as_str())) {
        parts.push(Part::new(*unit, choice(values)));
    }
    Some(parts)
}

/// A column's name out of the noun's last words.
fn named(object: &[&str], otherwise: &str) -> String {
    let last = object.last().copied().unwrap_or_default();
    if object.is_empty() || VAGUE.contains(&last) {
        return otherwise.into();
    }
    let kept = &object[object.len().saturating_sub(2)..];
    column_name(&words(&kept.join("_")))
}

fn choice(values: &[&str]) -> Shape {
    Shape::Choice(values.iter().map(|value| Value::text(*value)).collect())
}

/// From none to all.
fn share() -> Shape {
    Shape::Number { minimum: Value::Integer(0), maximum: Value::Integer(1) }
}

/// What is found: a feeling, an object, or whether something is the case.
fn label(split: &[String]) -> Shape {
    let says = |known: &[&str]| split.iter().any(|word| known.contains(&word.as_str()));
    match () {
        () if says(&["sentiment", "emotion", "tone"]) => {
            choice(&["positive", "neutral", "negative"])
        }
        () if says(&["language"]) => choice(&["en", "de", "fr", "es", "ja"]),
        () if says(&["spam"]) => choice(&["spam", "not spam"]),
        () if says(&["fraud", "risk"]) => choice(&["low risk", "medium risk", "high risk"]),
        () if says(&["object", "image", "face", "photo"]) => {
            choice(&["person", "car", "dog", "bicycle", "building"])
        }
        () if says(&["market", "stock", "trend", "price"]) => {
            choice(&["rising", "stable", "falling"])
        }
        () => choice(&["normal", "elevated", "low", "improving", "mixed"]),
    }
}

#[cfg(test)]
mod tests {
    use super::expected;
    use crate::materialize::reading::read;
    use crate::materialize::tests::tool;

    #[test]
    fn answers_are_what_names_promise() {
        for (name, first) in [
            ("get_crypto_price", "crypto_price"),
            ("fng_tool", "rating"),
            ("webflow_ai", "rating"),
            ("browser_click", "status"),
            ("wardrobe_optimizer_v2", "recommendations"),
            ("CaffeineEffectAnalyzer", "rating"),
            ("get_weather", "condition"),
            ("get_climate_news", "headlines"),
            ("random_joke", "joke"),
            ("health", "status"),
            ("zpa_get_isolation_rule", "isolation_rule"),
            ("is_prime", "prime"),
            ("validate_email", "valid"),
            ("translate_text", "translation"),
            ("convert_units", "value"),
            ("analyze_sentiment", "label"),
            ("check_availability", "available"),
        ] {
            let tool = tool(name, Vec::new());
            assert_eq!(expected(&read(&tool))[0].name, first, "{name}");
        }
    }
}
