//! Formulas that follow from a tool's name and the names of its arguments.

use schemas::{
    Arithmetic, Comparison, Condition, Expression, Field, Program, Reply, Shape, Step, Value,
};

use crate::materialize::outputs::declared;
use crate::materialize::reading::Reading;
use crate::materialize::words::words;

/// A program that computes its answer, where the formula is beyond doubt: sums and their like of
/// two numbers, areas, shares, simple interest, and conversions between two named units.
pub(super) fn computed(reading: &Reading<'_>) -> Option<Program> {
    let split = words(&reading.tool.name);
    let required: Vec<&Field> = reading.tool.input.iter().filter(|it| it.required).collect();
    let numeric =
        |field: &&Field| matches!(field.shape, Shape::Integer { .. } | Shape::Number { .. });
    if declared(reading).is_some() || required.is_empty() || !required.iter().all(numeric) {
        return None;
    }
    let all = required.len() == reading.tool.input.len();
    arithmetic(&split, &required, all)
        .or_else(|| measure(&split, &required))
        .or_else(|| conversion(&split, &required, all))
}

/// Sums, differences, products and quotients of two numbers.
fn arithmetic(split: &[String], required: &[&Field], all: bool) -> Option<Program> {
    let [first, second] = required else { return None };
    if !all || 3 < split.len() {
        return None;
    }
    let operation = split.iter().find_map(|word| {
        Some(match word.as_str() {
            "add" | "sum" | "addition" => Arithmetic::Add,
            "subtract" | "difference" | "minus" | "subtraction" => Arithmetic::Subtract,
            "multiply" | "product" | "times" | "multiplication" => Arithmetic::Multiply,
            "divide" | "quotient" | "division" => Arithmetic::Divide,
            _ => return None,
        })
    })?;
    let divisor = (operation == Arithmetic::Divide).then_some(*second);
    let value =
        combine(Expression::argument(&first.name), operation, Expression::argument(&second.name));
    Some(answer("result", value, divisor))
}

/// Areas, volumes, shares, interest and the like, by the names of the arguments.
fn measure(split: &[String], required: &[&Field]) -> Option<Program> {
    use Arithmetic::{Add, Divide, Multiply};
    let says = |word: &str| split.iter().any(|it| it == word);
    let given = |names: &[&str]| of_names(required, names).map(|it| Expression::argument(&it.name));
    let (width, height) = (given(&["width", "breadth"]), given(&["height"]));
    let length = given(&["length"]);
    let (base, radius) = (given(&["base"]), given(&["radius"]));
    let many = required.len();
    let square = |it: &Expression| combine(it.clone(), Multiply, it.clone());
    if says("area") && many == 2 {
        if says("triangle") {
            let product = combine(base?, Multiply, height?);
            return Some(answer("area", combine(product, Divide, number(2.0)), None));
        }
        let sides = [length, width, height].into_iter().flatten().collect::<Vec<_>>();
        if let ([one, other], true) = (sides.as_slice(), says("rectangle") || !says("of")) {
            return Some(answer("area", combine(one.clone(), Multiply, other.clone()), None));
        }
        return None;
    }
    if many == 1 && says("circle") {
        let radius = radius?;
        let pi = number(std::f64::consts::PI);
        return match () {
            () if says("area") => {
                Some(answer("area", combine(pi, Multiply, square(&radius)), None))
            }
            () if says("circumference") || says("perimeter") => {
                let twice = combine(number(2.0), Multiply, radius);
                Some(answer("circumference", combine(pi, Multiply, twice), None))
            }
            () => None,
        };
    }
    if many == 2 && says("perimeter") && says("rectangle") {
        let half = combine(length.or(height)?, Add, width?);
        return Some(answer("perimeter", combine(number(2.0), Multiply, half), None));
    }
    if many == 3 && says("volume") {
        let floor = combine(length?, Multiply, width?);
        return Some(answer("volume", combine(floor, Multiply, height?), None));
    }
    share(split, required)
}

/// Body mass, simple interest and percentages.
fn share(split: &[String], required: &[&Field]) -> Option<Program> {
    use Arithmetic::{Divide, Multiply};
    let says = |word: &str| split.iter().any(|it| it == word);
    let field = |names: &[&str]| of_names(required, names);
    let given = |names: &[&str]| field(names).map(|it| Expression::argument(&it.name));
    let square = |it: &Expression| combine(it.clone(), Multiply, it.clone());
    let many = required.len();
    if many == 2 && says("bmi") {
        let tall = field(&["height", "height_m", "height_cm"])?;
        let height = Expression::argument(&tall.name);
        let said = format!("{} {}", words(&tall.name).join(" "), tall.description.to_lowercase());
        let metres = match () {
            () if said.contains("cm") || said.contains("centimet") => {
                combine(height, Divide, number(100.0))
            }
            () if said.contains("meter") || said.contains("metre") || said.contains(" m") => height,
            () => return None,
        };
        let bmi = combine(given(&["weight", "weight_kg"])?, Divide, square(&metres));
        return Some(answer("bmi", bmi, Some(tall)));
    }
    if many == 3 && says("interest") && says("simple") {
        let rate =
            combine(given(&["rate", "interest_rate", "annual_rate"])?, Divide, number(100.0));
        let yearly = combine(given(&["principal", "amount"])?, Multiply, rate);
        let interest = combine(yearly, Multiply, given(&["time", "years", "term"])?);
        return Some(answer("interest", interest, None));
    }
    if many == 2 && says("percentage") {
        let whole = field(&["total", "whole"])?;
        let part = field(&["value", "part", "amount", "obtained"])?;
        let share =
            combine(Expression::argument(&part.name), Divide, Expression::argument(&whole.name));
        return Some(answer("percentage", combine(share, Multiply, number(100.0)), Some(whole)));
    }
    None
}

/// The argument that has one of these names, or one of them and more words.
fn of_names<'f>(required: &[&'f Field], names: &[&str]) -> Option<&'f Field> {
    required.iter().copied().find(|it| {
        let name = words(&it.name).join("_");
        names.iter().any(|known| name == *known || name.starts_with(&format!("{known}_")))
    })
}

/// Conversions whose two units are in the name: `celsius_to_fahrenheit`.
fn conversion(split: &[String], required: &[&Field], all: bool) -> Option<Program> {
    use Arithmetic::{Add, Divide, Multiply, Subtract};
    let [only] = required else { return None };
    let place = split.iter().position(|word| word == "to" || word == "2")?;
    let (from, to) = (split.get(place.checked_sub(1)?)?, split.get(place + 1)?);
    if !all {
        return None;
    }
    let value = Expression::argument(&only.name);
    let factor = |factor: f64| combine(value.clone(), Multiply, number(factor));
    let result = match (unit(from), unit(to)) {
        ("celsius", "fahrenheit") => combine(factor(1.8), Add, number(32.0)),
        ("fahrenheit", "celsius") => {
            combine(combine(value.clone(), Subtract, number(32.0)), Divide, number(1.8))
        }
        ("celsius", "kelvin") => combine(value.clone(), Add, number(273.15)),
        ("kelvin", "celsius") => combine(value.clone(), Subtract, number(273.15)),
        ("km", "mile") => factor(0.621_371),
        ("mile", "km") => factor(1.609_344),
        ("kg", "pound") => factor(2.204_623),
        ("pound", "kg") => factor(0.453_592_37),
        ("inch", "cm") => factor(2.54),
        ("cm", "inch") => combine(value.clone(), Divide, number(2.54)),
        ("meter", "foot") => factor(3.280_84),
        ("foot", "meter") => factor(0.3048),
        _ => return None,
    };
    Some(answer(to, result, None))
}

/// A unit by one of its names.
fn unit(name: &str) -> &str {
    match name {
        "c" | "centigrade" => "celsius",
        "f" => "fahrenheit",
        "k" => "kelvin",
        "kms" | "kilometer" | "kilometers" | "kilometre" | "kilometres" => "km",
        "mi" | "miles" => "mile",
        "kgs" | "kilogram" | "kilograms" => "kg",
        "lb" | "lbs" | "pounds" => "pound",
        "inches" | "in" => "inch",
        "centimeters" | "centimeter" => "cm",
        "m" | "meters" | "metre" | "metres" => "meter",
        "ft" | "feet" => "foot",
        other => other,
    }
}

fn number(number: f64) -> Expression {
    Expression::Literal(Value::number(number))
}

fn combine(one: Expression, operation: Arithmetic, other: Expression) -> Expression {
    Expression::Arithmetic(Box::new(one), operation, Box::new(other))
}

/// A program that answers this value, and refuses a divisor of zero.
fn answer(name: &str, value: Expression, divisor: Option<&Field>) -> Program {
    let steps = divisor.map(|divisor| Step::Require {
        condition: Condition::Compare(
            Expression::argument(&divisor.name),
            Comparison::Different,
            Expression::Literal(Value::Integer(0)),
        ),
        otherwise: "division by zero".into(),
    });
    Program {
        steps: steps.into_iter().collect(),
        reply: Reply::Object(vec![(name.into(), Reply::Value(value))]),
    }
}

#[cfg(test)]
mod tests {
    use schemas::Shape;

    use super::computed;
    use crate::materialize::reading::read;
    use crate::materialize::tests::{field, tool};

    #[test]
    fn only_what_is_beyond_doubt_is_computed() {
        for (name, arguments, known) in [
            ("add_numbers", ["a", "b"].as_slice(), true),
            ("calculate_rectangle_area", &["length", "width"], true),
            ("triangle_area", &["base", "height"], true),
            ("circle_area", &["radius"], true),
            ("celsius_to_fahrenheit", &["celsius"], true),
            ("calculate_simple_interest", &["principal", "rate", "years"], true),
            ("calculate_bmi", &["weight_kg", "height_cm"], true),
            ("calculate_bmi", &["weight", "height"], false),
            ("calculate_risk", &["a", "b"], false),
            ("rate_to_price", &["rate"], false),
        ] {
            let number = |argument: &&str| field(argument, Shape::number(), true);
            let tool = tool(name, arguments.iter().map(number).collect());
            assert_eq!(computed(&read(&tool)).is_some(), known, "{name}");
        }
    }
}
