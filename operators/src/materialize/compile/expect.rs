//! What a tool that declares no answer is likely to answer, by what its name says it gives.

use schemas::{Shape, Value};

use crate::materialize::compile::told::told;
use crate::materialize::reading::Reading;
use crate::materialize::words::{column_name, plural, singular, words};

/// Nouns of what is told as a number.
const NUMBERS: [&str; 52] = [
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

/// The parts of the answer, each with its shape; never empty.
pub(in crate::materialize) fn expected(reading: &Reading<'_>) -> Vec<(String, Shape)> {
    let split = words(&reading.tool.name);
    let says = |known: &[&str]| split.iter().any(|word| known.contains(&word.as_str()));
    let starts = |known: &[&str]| split.first().is_some_and(|word| known.contains(&word.as_str()));
    let object: Vec<&str> = reading.object.split('_').filter(|it| !it.is_empty()).collect();
    let last = object.last().copied().unwrap_or_default();
    let text = |name: &str| vec![(name.to_string(), Shape::text())];
    if let Some(name) = judged(&split) {
        return vec![(name, Shape::Boolean)];
    }
    if let Some(number) = measured(&object, &split) {
        return number;
    }
    if says(&["count"]) || starts(&["count"]) {
        return vec![("count".into(), Shape::integer())];
    }
    if says(&["convert", "converter", "conversion"]) {
        return vec![("value".into(), Shape::number()), ("unit".into(), Shape::text())];
    }
    if says(&["calculate", "compute", "calc", "estimate", "calculator", "solve"]) {
        return vec![(named(&object, "result"), Shape::number())];
    }
    if says(&["translate", "translation"]) {
        return text("translation");
    }
    if says(&["summarize", "summarise", "summary"]) {
        return text("summary");
    }
    if ["url", "link", "image", "photo", "video", "audio", "screenshot", "qr", "thumbnail"]
        .contains(&last)
        || says(&["qr", "render", "download", "screenshot"])
    {
        return text("url");
    }
    if says(&["export", "file", "pdf"]) {
        return text("file_path");
    }
    if last == "status" || last == "state" {
        return vec![("status".into(), choice(&["active", "pending", "completed", "failed"]))];
    }
    if says(&["detect", "analyze", "analyse", "classify", "detection", "analysis", "predict"])
        || says(&["recognize", "recognition", "classification", "prediction", "evaluate"])
    {
        return vec![
            ("label".into(), label(&split)),
            ("confidence".into(), share()),
            ("summary".into(), Shape::text()),
        ];
    }
    spoken(reading, &object, &split)
}

/// What is told in words: a list, a text, or how it went.
fn spoken(reading: &Reading<'_>, object: &[&str], split: &[String]) -> Vec<(String, Shape)> {
    let says = |known: &[&str]| split.iter().any(|word| known.contains(&word.as_str()));
    let starts = |known: &[&str]| split.first().is_some_and(|word| known.contains(&word.as_str()));
    let last = object.last().copied().unwrap_or_default();
    let text = |name: &str| vec![(name.to_string(), Shape::text())];
    if reading.many || says(&["list", "search", "find", "recommend", "suggest", "recommendations"])
    {
        let name = if last.is_empty() { "results".into() } else { plural(last) };
        return vec![(column_name(&words(&name)), Shape::List(Box::new(Shape::text())))];
    }
    if says(&["generate", "write", "explain", "ask", "chat", "answer", "compose", "describe"]) {
        return text("text");
    }
    if starts(&["check", "test"]) {
        return vec![
            ("status".into(), choice(&["ok", "warning", "failed"])),
            ("message".into(), Shape::text()),
        ];
    }
    if starts(&["get", "fetch", "retrieve", "read", "show", "lookup", "describe"])
        && !object.is_empty()
        && !VAGUE.contains(&last)
    {
        return vec![
            (named(object, "result"), Shape::text()),
            ("updated_at".into(), Shape::text()),
        ];
    }
    told(reading).unwrap_or_else(|| {
        let status = choice(&["completed", "queued"]);
        vec![("status".into(), status), ("message".into(), Shape::text())]
    })
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
fn measured(object: &[&str], split: &[String]) -> Option<Vec<(String, Shape)>> {
    let last = object.last().copied().unwrap_or_default();
    let word = split.iter().rev().map(|word| singular(word));
    let found = if NUMBERS.contains(&last) {
        last.to_string()
    } else {
        word.into_iter().find(|word| NUMBERS[..38].contains(&word.as_str()))?
    };
    let name = if found == last { named(object, "result") } else { found.clone() };
    let mut parts = vec![(name, Shape::number())];
    if let Some((_, unit, values)) = UNITS.iter().find(|(of, ..)| of.contains(&found.as_str())) {
        parts.push(((*unit).into(), choice(values)));
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
            ("fng_tool", "status"),
            ("webflow_ai", "status"),
            ("is_prime", "prime"),
            ("validate_email", "valid"),
            ("translate_text", "translation"),
            ("convert_units", "value"),
            ("analyze_sentiment", "label"),
            ("check_availability", "available"),
        ] {
            let tool = tool(name, Vec::new());
            assert_eq!(expected(&read(&tool))[0].0, first, "{name}");
        }
    }
}
