//! Losses as a picture that needs nothing but a browser.

use std::collections::BTreeMap;
use std::fmt::Write as _;

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 400.0;
/// What is left free around the axes for their numbers.
const MARGIN: f64 = 50.0;
const COLOURS: [&str; 4] = ["#d6604d", "#4393c3", "#5aae61", "#9970ab"];

/// A picture of the losses of steps and, by name, of what was held out.
pub(super) fn losses(steps: &[(u64, f64)], evaluations: &[(String, u64, f64)]) -> String {
    let mut lines: BTreeMap<&str, Vec<(u64, f64)>> = BTreeMap::new();
    for (name, step, loss) in evaluations {
        lines.entry(name).or_default().push((*step, *loss));
    }
    let all = || steps.iter().chain(lines.values().flatten());
    let last = all().map(|(step, _)| *step).max().unwrap_or(1).max(1);
    let highest = all().map(|(_, loss)| *loss).fold(1e-3, f64::max);
    let place = |step: u64, loss: f64| {
        #[expect(clippy::cast_precision_loss, reason = "steps are far below 2⁵³")]
        let along = step as f64 / last as f64;
        let x = MARGIN + along * (WIDTH - 2.0 * MARGIN);
        (x, HEIGHT - MARGIN - loss / highest * (HEIGHT - 2.0 * MARGIN))
    };
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for quarter in 0..=4 {
        let loss = highest * f64::from(quarter) / 4.0;
        let ((left, y), (right, _)) = (place(0, loss), place(last, loss));
        write_line(
            &mut out,
            &format!(
                "<path d=\"M{left:.1} {y:.1}H{right:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{loss:.2}</text>",
                left - 6.0,
                y + 4.0
            ),
        );
    }
    let (right, bottom) = place(last, 0.0);
    write_line(
        &mut out,
        &format!(
            "<text x=\"{right:.1}\" y=\"{:.1}\" text-anchor=\"end\">step {last}</text>",
            bottom + 18.0
        ),
    );
    let named = std::iter::once(("training", steps.to_vec()));
    let named = named.chain(lines.iter().map(|(name, points)| (*name, points.clone())));
    for (ordinal, (name, points)) in named.enumerate() {
        let colour = COLOURS[ordinal % COLOURS.len()];
        let path: Vec<String> = points
            .iter()
            .map(|(step, loss)| place(*step, *loss))
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        write_line(
            &mut out,
            &format!(
                "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" points=\"{}\"/>\
             <text x=\"{:.1}\" y=\"{}\" text-anchor=\"end\" fill=\"{colour}\">{}</text>",
                path.join(" "),
                WIDTH - MARGIN,
                30 + 16 * ordinal,
                escaped(name)
            ),
        );
    }
    out.push_str("</svg>\n");
    out
}

fn write_line(out: &mut String, line: &str) {
    writeln!(out, "{line}").expect("a string takes any text");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
