//! Line formats, a line at a time: memory does not grow with the file.

use std::io::{self, BufRead, Read};

use schemas::{CorpusPlan, Rule};

use super::part::{Documents, NO_SIBLINGS};
use super::{Sink, definition, listing, mend, openapi, rejection, unfold};

/// Most malformed lines reported one by one; the rest are counted.
const REPORTED_MAX: u64 = 1_000;

/// Parses a JSON value on each line and hands over what they describe.
///
/// A malformed line is one rejection and does not hurt its neighbours. Lines that are well-formed
/// and describe no tool are counted into one rejection, since whole files of answers lie beside
/// files of tools.
pub fn parse_lines(path: &str, mut reader: impl BufRead, plan: &CorpusPlan, sink: Sink<'_>) {
    let mut tally = Tally::default();
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let limit = plan.line_bytes_max.saturating_add(1);
        match reader.by_ref().take(limit).read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => {
                let mut rejected = unfold::unreadable(path, &error, plan);
                rejected.pointer = format!("/{number}");
                rejected.subject.push_str(&rejected.pointer);
                sink(Err(rejected));
                break;
            }
        }
        let pointer = format!("/{number}");
        if plan.line_bytes_max < line.len() as u64 && !line.ends_with(b"\n") {
            let reason = format!("line {number} is longer than {} bytes", plan.line_bytes_max);
            tally.unread(Rule::TooLarge, path, &pointer, reason, sink);
            if skip_line(&mut reader).is_err() {
                break;
            }
            continue;
        }
        parse_line(path, &pointer, number, &line, plan, &mut tally, sink);
    }
    tally.close(path, sink);
}

fn parse_line(
    path: &str,
    pointer: &str,
    number: u64,
    line: &[u8],
    plan: &CorpusPlan,
    tally: &mut Tally,
    sink: Sink<'_>,
) {
    let text = match std::str::from_utf8(line) {
        Ok(text) => text.trim_start_matches('\u{feff}').trim_ascii(),
        Err(error) => {
            let byte = error.valid_up_to();
            let reason = format!("line {number} is not UTF-8 text: byte {byte} is malformed");
            return tally.unread(Rule::Malformed, path, pointer, reason, sink);
        }
    };
    if text.is_empty() {
        return;
    }
    if let Some(record) = definition::tidy_row(path, pointer, text) {
        return sink(Ok(record));
    }
    let row = match mend::read(text) {
        Ok((row, 0)) => row,
        Ok((row, halves)) => {
            let reason = format!("line {number} {}", mend::told(halves));
            tally.unread(Rule::Malformed, path, pointer, reason, sink);
            row
        }
        Err(error) => {
            let reason = format!("line {number} {}", unfold::invalid_json(text, &error));
            return tally.unread(Rule::Malformed, path, pointer, reason, sink);
        }
    };
    let mut found = false;
    let mut noting = |outcome| {
        found = true;
        sink(outcome);
    };
    if openapi::is_openapi(&row) {
        let documents = Documents::new(path, &row, &NO_SIBLINGS);
        openapi::read(path, pointer, &documents, plan, &mut noting);
    } else {
        listing::walk(path, pointer, &row, &definition::Place::default(), plan, &mut noting);
    }
    if !found {
        tally.idle(number);
    }
}

/// What went wrong so far in one file of lines.
#[derive(Default)]
struct Tally {
    malformed: u64,
    idle: u64,
    first_idle: u64,
}

impl Tally {
    fn unread(&mut self, rule: Rule, path: &str, pointer: &str, reason: String, sink: Sink<'_>) {
        self.malformed += 1;
        if self.malformed <= REPORTED_MAX {
            sink(Err(rejection(rule, path, pointer, reason)));
        }
    }

    fn idle(&mut self, number: u64) {
        self.idle += 1;
        if self.idle == 1 {
            self.first_idle = number;
        }
    }

    fn close(self, path: &str, sink: Sink<'_>) {
        if REPORTED_MAX < self.malformed {
            let more = self.malformed - REPORTED_MAX;
            sink(Err(rejection(
                Rule::Malformed,
                path,
                "",
                format!("{more} further lines are malformed"),
            )));
        }
        if 0 < self.idle {
            let reason = match self.idle {
                1 => format!("line {} describes no tool", self.first_idle),
                idle => format!(
                    "{idle} lines describe no tool, the first of them line {}",
                    self.first_idle
                ),
            };
            sink(Err(rejection(
                Rule::NotADescription,
                path,
                &format!("/{}", self.first_idle),
                reason,
            )));
        }
    }
}

/// Reads on to the end of the line without keeping it.
fn skip_line(reader: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(buffer.len(), |end| end + 1);
        reader.consume(used);
        if end.is_some() {
            return Ok(());
        }
    }
}
