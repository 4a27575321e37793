//! Takedown: a version in which nothing of a source or a licence is, and a scan that proves it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use operators::refine::is_matched;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::Serialize;
use serde_json::Value;

use crate::build::{BuildError, Listener, Order, Request, build_on};
use crate::endpoint::Config;
use crate::knobs;
use crate::listing::cell;
use crate::store::{Manifest, ObjectRef, StoreError, World, files};
use crate::summary::Summary;

/// What is taken down: sources and licences, each a pattern with `*` for any text.
#[derive(Clone, Debug, Default)]
pub struct Takedown {
    /// Sources.
    pub sources: Vec<String>,
    /// Licences; empty for what states none.
    pub licenses: Vec<String>,
}

/// What came of a takedown.
#[derive(Clone, Debug, Serialize)]
pub struct TakenDown {
    /// Of the build that made the version.
    pub build: Summary,
    /// What the scan found.
    pub scan: Scan,
}

/// A look at every row of a version.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Scan {
    /// The version.
    pub version: u64,
    /// Rows looked at, of every configuration that says where rows come from.
    pub rows: u64,
    /// Rows that are of what was taken down: file and id. None, if all is well.
    pub found: Vec<String>,
}

/// Makes a version of a world without anything of some sources or licences, out of what the world
/// remembers of its corpus, and looks at every row of it.
///
/// What is asked of models about what is left and was not asked before is asked of `endpoint`.
///
/// Later builds leave them out too, until `corpus.dropped_sources` and `corpus.dropped_licenses`
/// are set otherwise.
///
/// # Errors
///
/// Fails if there is no version, if what was read of its corpus was read by another program, or if
/// the build fails.
pub fn take_down(
    world: &PathBuf,
    what: &Takedown,
    workers: usize,
    variables: Vec<(String, String)>,
    endpoint: Option<Config>,
    listener: &dyn Listener,
) -> Result<TakenDown, BuildError> {
    let opened = World::open(world)?;
    let file = opened.read_plan()?;
    let plan = knobs::resolve(&[], variables.iter().cloned(), file.as_deref())?.plan;
    let setting = |key: &str, known: &[String], more: &[String]| {
        let mut all: Vec<&String> = known.iter().chain(more).collect();
        all.sort();
        all.dedup();
        let all: Vec<String> =
            all.into_iter().map(|one| toml::Value::from(one.as_str()).to_string()).collect();
        format!("{key}=[{}]", all.join(", "))
    };
    let request = Request {
        corpus: Vec::new(),
        world: world.clone(),
        workers,
        settings: vec![
            setting("corpus.dropped_sources", &plan.corpus.dropped_sources, &what.sources),
            setting("corpus.dropped_licenses", &plan.corpus.dropped_licenses, &what.licenses),
        ],
        variables,
        refit: false,
        pinned: None,
        endpoint,
    };
    if let Some(before) = opened.latest()?.manifest {
        let contents = &before.contents;
        unknown("source", &what.sources, &contents.sources, listener);
        unknown("licence", &what.licenses, &contents.licenses, listener);
    }
    let build = build_on(&Order { request: &request, crew: None, listener }, None, Instant::now())?;
    let manifest = opened.manifest(build.version)?;
    let scan = scan(&opened, &manifest, what)?;
    Ok(TakenDown { build, scan })
}

/// Tells of patterns that stand for nothing that is there: a typing error, perhaps.
fn unknown(
    what: &str,
    patterns: &[String],
    there: &BTreeMap<String, u64>,
    listener: &dyn Listener,
) {
    let known = |pattern: &str| there.keys().any(|name| is_matched(pattern, name));
    for pattern in patterns.iter().filter(|pattern| !known(pattern)) {
        listener.warn(&format!(
            "no tool of the latest version is of the {what} \"{pattern}\"; later builds leave it \
             out all the same"
        ));
    }
}

/// The columns that say where a row comes from.
const COLUMNS: [&str; 5] = ["source", "sources", "license", "licenses", "provenance"];

/// Looks at every row of a version for something of what was taken down.
///
/// # Errors
///
/// Fails if an object is missing or damaged.
pub fn scan(world: &World, manifest: &Manifest, what: &Takedown) -> Result<Scan, StoreError> {
    let mut scan = Scan { version: manifest.version, ..Scan::default() };
    for shown in files(manifest) {
        scan_file(world, shown.object, &shown.path, what, &mut scan)?;
    }
    Ok(scan)
}

fn scan_file(
    world: &World,
    object: &ObjectRef,
    name: &str,
    what: &Takedown,
    scan: &mut Scan,
) -> Result<(), StoreError> {
    let path = world.object_path(object);
    let damaged = |reason: String| StoreError::Damaged { path: path.clone(), reason };
    let file = world.open_object(object)?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file)
        .map_err(|error| damaged(error.to_string()))?;
    let schema = builder.schema();
    let says = COLUMNS.iter().any(|column| schema.field_with_name(column).is_ok());
    if !says {
        return Ok(());
    }
    let id = schema.field(0).name().clone();
    let columns = COLUMNS.iter().copied().chain([id.as_str()]);
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns);
    let batches =
        builder.with_projection(mask).build().map_err(|error| damaged(error.to_string()))?;
    for batch in batches {
        let batch = batch.map_err(|error| damaged(error.to_string()))?;
        for place in 0..batch.num_rows() {
            let of = |column: &str| {
                batch.column_by_name(column).map_or(Value::Null, |it| cell(it, place))
            };
            scan.rows += 1;
            if COLUMNS.iter().any(|column| is_of(column, &of(column), what)) {
                let id = of(&id);
                scan.found.push(format!("{name} {}", id.as_str().unwrap_or_default()));
            }
        }
    }
    Ok(())
}

/// Whether a value of a column is of what was taken down.
fn is_of(column: &str, value: &Value, what: &Takedown) -> bool {
    match (column, value) {
        (_, Value::Array(items)) => items.iter().any(|item| is_of(column, item, what)),
        ("provenance", Value::String(text)) => {
            let origin: Value = serde_json::from_str(text).unwrap_or_default();
            ["source", "license"].iter().any(|part| is_of(part, &origin[*part], what))
        }
        ("source" | "sources", Value::String(text)) => {
            what.sources.iter().any(|pattern| is_matched(pattern, text))
        }
        // Rows of trajectories say `unknown` where a source states no licence.
        ("license" | "licenses", Value::String(text)) => {
            let text = if column == "licenses" && text == "unknown" { "" } else { text };
            what.licenses.iter().any(|pattern| is_matched(pattern, text))
        }
        _ => false,
    }
}
