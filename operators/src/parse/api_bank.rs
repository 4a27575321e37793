//! API-Bank: a table of APIs, whose definitions are Python in a cell.
//!
//! One record a row. The cell `api_info` assigns a description and dicts of input and output
//! parameters; other cells name the class and the scenario.

use csv::{ReaderBuilder, StringRecord};
use serde_json::{Map, Value as Json};

use schemas::{CorpusPlan, Origin, Record, Rule, Value};

use super::definition::{expanded, schema_of};
use super::expand::cut;
use super::{Sink, python, rejection};

/// The column of the definitions, by which the table is recognised.
const DEFINITION: &str = "api_info";

/// Columns that name the API: a class, or the head of a call.
const NAMES: [&str; 3] = ["类名", "class_name", "expressions"];

/// Columns that say what the API belongs to.
const CATEGORIES: [&str; 2] = ["应用场景", "category"];

/// Longest first line looked at, in bytes.
const HEADER_BYTES_MAX: usize = 4_096;

/// Whether a text begins with the header of such a table.
pub(super) fn is_table(head: &[u8]) -> bool {
    let header = &head[..head.len().min(HEADER_BYTES_MAX)];
    let header = header.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii();
    header.split(|byte| *byte == b',').any(|name| name == DEFINITION.as_bytes())
}

/// Hands over the API of every row.
pub(super) fn read(path: &str, text: &str, plan: &CorpusPlan, sink: Sink<'_>) {
    let mut table = ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let names = match table.headers() {
        Ok(names) => names.clone(),
        Err(error) => {
            let reason = format!("is no table: {error}");
            return sink(Err(rejection(Rule::Malformed, path, "", reason)));
        }
    };
    for (row, cells) in (1_u64..).zip(table.records()) {
        let pointer = format!("/{row}");
        let read = match &cells {
            Ok(cells) => record(path, &pointer, &Row { names: &names, cells }, plan),
            Err(error) => Err(format!("is no row of a table: {error}")),
        };
        sink(read.map_err(|reason| {
            rejection(Rule::Malformed, path, &pointer, format!("row {row} {reason}"))
        }));
    }
}

/// One row under its header.
struct Row<'a> {
    names: &'a StringRecord,
    cells: &'a StringRecord,
}

impl Row<'_> {
    /// The first cell in these columns that is not empty.
    fn cell(&self, columns: &[&str]) -> &str {
        let places =
            columns.iter().filter_map(|column| self.names.iter().position(|name| name == *column));
        let mut cells = places.filter_map(|place| self.cells.get(place)).map(str::trim);
        cells.find(|cell| !cell.is_empty()).unwrap_or_default()
    }
}

fn record(path: &str, pointer: &str, row: &Row<'_>, plan: &CorpusPlan) -> Result<Record, String> {
    let definition = row.cell(&[DEFINITION]);
    let assigned = python::assignments(definition)
        .map_err(|reason| format!("holds no definition in \"{DEFINITION}\": {reason}"))?;
    let value = |name: &str| assigned.iter().find(|(one, _)| one == name).map(|(_, value)| value);
    if value("description").is_none() && value("input_parameters").is_none() {
        return Err(format!("holds no definition in \"{DEFINITION}\": it assigns no description"));
    }
    let name = row.cell(&NAMES).split('(').next().unwrap_or_default().trim();
    let input = parameters(value("input_parameters"))
        .ok_or("assigns \"input_parameters\" what is no dict of parameters")?;
    let output = parameters(value("output_parameters")).unwrap_or_default();
    let returns = if output.is_empty() {
        Value::Null
    } else {
        expanded(&schema_of(&Json::Object(output), &Map::new()), plan)
    };
    Ok(Record {
        identity: format!("api_bank/{name}"),
        name: cut(name).into(),
        description: cut(value("description").and_then(Json::as_str).unwrap_or_default()).into(),
        parameters: expanded(&schema_of(&Json::Object(input), &Map::new()), plan),
        returns,
        origin: Origin {
            source: "api_bank".into(),
            provider: "api-bank".into(),
            category: cut(row.cell(&CATEGORIES)).into(),
            file: path.into(),
            pointer: pointer.into(),
            ..Origin::default()
        },
        ..Record::default()
    })
}

/// The parameters by name. `None` and `{None}`, which is a set, are none.
fn parameters(value: Option<&Json>) -> Option<Map<String, Json>> {
    match value {
        Some(Json::Object(entries)) => Some(entries.clone()),
        None | Some(Json::Null) => Some(Map::new()),
        Some(Json::Array(items)) if items.iter().all(Json::is_null) => Some(Map::new()),
        Some(_) => None,
    }
}
