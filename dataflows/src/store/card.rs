//! The dataset's card: what a reader of `dataset/README.md` is told, people and programs alike.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use schemas::{Encoder, JsonEncoding, RolloutPlan, Stage};

use super::Manifest;
use super::manifest::CONFIGS;

/// Most licences and sources that are listed by name; the rest are counted.
const LISTED_MAX: usize = 40;

/// Writes the card of a version. Texts from the corpus reach it only quoted.
pub(crate) fn card(manifest: &Manifest) -> String {
    let mut card = String::new();
    write_front_matter(manifest, &mut card);
    write_introduction(manifest, &mut card);
    write_configurations(manifest, &mut card);
    write_funnel(manifest, &mut card);
    write_origins(manifest, &mut card);
    write_model(manifest, &mut card);
    write_benchmarks(manifest, &mut card);
    card
}

/// Rows and bytes of each split of each configuration, in the order of [`CONFIGS`].
fn splits(manifest: &Manifest) -> Vec<(&'static str, BTreeMap<&str, (u64, u64)>)> {
    let shards = manifest.contents.shards();
    let of_config = |config: &'static str| -> BTreeMap<&str, (u64, u64)> {
        shards
            .iter()
            .filter(|((its, _), _)| *its == config)
            .map(|((_, split), objects)| {
                let rows = objects.values().map(|object| object.rows).sum();
                (*split, (rows, objects.values().map(|object| object.bytes).sum()))
            })
            .collect()
    };
    CONFIGS
        .iter()
        .map(|config| (*config, of_config(config)))
        .filter(|(_, splits)| !splits.is_empty())
        .collect()
}

fn write_front_matter(manifest: &Manifest, card: &mut String) {
    let rows: u64 = splits(manifest)
        .iter()
        .filter(|(config, _)| *config == "general")
        .flat_map(|(_, splits)| splits.values().map(|(rows, _)| rows))
        .sum();
    card.push_str("---\npretty_name: Verified tool-use trajectories\nlanguage: [en]\n");
    let licenses: Vec<&String> =
        manifest.contents.licenses.keys().filter(|license| !license.is_empty()).collect();
    card.push_str("license: other\nlicense_name: \"licences of the sources\"\n");
    if !licenses.is_empty() {
        card.push_str("source_licenses:\n");
        for license in licenses.iter().take(LISTED_MAX) {
            line(card, format_args!("- {}", quoted(license)));
        }
    }
    card.push_str("task_categories: [text-generation]\n");
    card.push_str("tags: [tool-calling, function-calling, agent, synthetic, sft]\n");
    line(card, format_args!("size_categories: [\"{}\"]", size_category(rows)));
    let configs = splits(manifest);
    if configs.is_empty() {
        card.push_str("---\n");
        return;
    }
    card.push_str("configs:\n");
    for (place, (config, splits)) in configs.iter().enumerate() {
        line(card, format_args!("- config_name: {config}"));
        if place == 0 {
            card.push_str("  default: true\n");
        }
        card.push_str("  data_files:\n");
        for split in splits.keys() {
            line(
                card,
                format_args!("  - {{split: {split}, path: \"{config}/{split}-*.parquet\"}}"),
            );
        }
    }
    card.push_str("---\n");
}

fn write_introduction(manifest: &Manifest, card: &mut String) {
    card.push_str(
        "\n# Verified tool-use trajectories\n\n\
         Conversations in which an agent calls tools, made from API descriptions. Every tool is a \
         typed program over\na simulated database. Every trajectory in `general` and `vertical` \
         was replayed on a fresh environment: its\nobservations and its final state are those \
         recorded. Those that failed a stage are in `rejected`, with the\nreason.\n\n",
    );
    line(
        card,
        format_args!(
            "This is version {} of its world, manifest `{}`.",
            manifest.version, manifest.digest
        ),
    );
}

fn write_configurations(manifest: &Manifest, card: &mut String) {
    let configs = splits(manifest);
    let Some((first, _)) = configs.first() else { return };
    line(
        card,
        format_args!(
            "\n## Loading\n\n```python\nfrom datasets import load_dataset\n\n\
             rows = load_dataset(\"path/to/dataset\", \"{first}\", split=\"train\")\n\
             row = rows[0]\nrow[\"messages\"], row[\"tools\"]\n```\n\n\
             {} `supervised` says for each message\nwhether a model should learn it.",
            match manifest.contents.plan.dataset.json_encoding {
                JsonEncoding::Json =>
                    "Needs `datasets` 4.7 or later: `tools` and `tool_calls` are JSON and arrive as \
                     objects. Older versions refuse\nthe files with an error. TRL's `SFTTrainer` \
                     takes the rows as they are.",
                JsonEncoding::String =>
                    "Any version of `datasets` reads it: each of `tools` and `tool_calls` is a text \
                     for `json.loads`.",
            }
        ),
    );
    card.push_str("\n## Configurations\n\n| configuration | split | rows | bytes |\n");
    card.push_str("|---|---|---:|---:|\n");
    for (config, splits) in configs {
        for (split, (rows, bytes)) in splits {
            line(card, format_args!("| `{config}` | {split} | {rows} | {bytes} |"));
        }
    }
    card.push_str("\nSplits are by domain: no domain of a test split occurs in training.\n");
}

fn write_funnel(manifest: &Manifest, card: &mut String) {
    card.push_str("\n## Funnel\n\n| | count |\n|---|---:|\n");
    for (name, count) in &manifest.contents.counts {
        line(card, format_args!("| {} | {count} |", cell(name)));
    }
    let rejected = &manifest.contents.rejected;
    let known = Stage::ALL.iter().map(|stage| stage.name());
    let staged = known.filter_map(|stage| rejected.get(stage).map(|count| (stage, count)));
    card.push_str("\n| turned away at | count |\n|---|---:|\n");
    for (stage, count) in staged {
        line(card, format_args!("| {stage} | {count} |"));
    }
}

fn write_origins(manifest: &Manifest, card: &mut String) {
    let tables =
        [("Sources", &manifest.contents.sources), ("Licences", &manifest.contents.licenses)];
    for (title, origins) in tables {
        if origins.is_empty() {
            continue;
        }
        line(card, format_args!("\n## {title}\n\n| name | tools |\n|---|---:|"));
        for (name, count) in origins.iter().take(LISTED_MAX) {
            let name = if name.is_empty() { "not stated".to_string() } else { cell(name) };
            line(card, format_args!("| {name} | {count} |"));
        }
        if LISTED_MAX < origins.len() {
            let rest: u64 = origins.values().skip(LISTED_MAX).sum();
            line(card, format_args!("| {} more | {rest} |", origins.len() - LISTED_MAX));
        }
    }
}

/// Whose word the descriptions of some tools are, where it is not their source's.
fn write_model(manifest: &Manifest, card: &mut String) {
    let embedded = manifest.contents.plan.graph.encoder == Encoder::Embeddings;
    if embedded {
        line(
            card,
            format_args!(
                "\n## Embeddings\n\nTools were grouped into domains by vectors of the model {}.",
                cell(&manifest.contents.plan.graph.embedding_model)
            ),
        );
    }
    let plan = &manifest.contents.plan;
    if let Some(answers) = manifest.contents.pins.get("answers")
        && !plan.describe.model.is_empty()
    {
        let is_alone = plan.task.intent_model.is_empty() && plan.propose.model.is_empty();
        let count = match is_alone {
            true => format!(", which gave {} answers", answers.rows),
            false => String::new(),
        };
        line(
            card,
            format_args!(
                "\n## Model\n\nTools whose source says too little were described by the model {}\
                 {count}. What it says\nof a tool is plausible and not vouched for by the tool's \
                 source.",
                cell(&plan.describe.model),
            ),
        );
    }
    if !plan.propose.model.is_empty() {
        let model = cell(&plan.propose.model);
        line(
            card,
            format_args!(
                "\n## Environments\n\nTables and programs of tools are as the model {model} \
                 proposed, where these type-check and\npass the gate, and built in elsewhere."
            ),
        );
    }
    if !plan.task.intent_model.is_empty() {
        let model = cell(&plan.task.intent_model);
        line(
            card,
            format_args!(
                "\n## Wording\n\nWhat users ask for is in the words of the model {model}, where these \
                 tell what the built-in words tell."
            ),
        );
    }
    write_players(&plan.rollout, card);
}

/// Who played whom, where a model did.
fn write_players(plan: &RolloutPlan, card: &mut String) {
    if !plan.has_model() {
        return;
    }
    let by = |model: &str| match model.is_empty() {
        true => "is built in".to_string(),
        false => format!("is the model {}", cell(model)),
    };
    line(
        card,
        format_args!(
            "\n## Players\n\nThe agent {}, the user {}. `reasoning_content` of a message is what a \
             model thought before it spoke; the\nother side never saw it.",
            by(&plan.agent_model),
            by(&plan.user_model)
        ),
    );
}

/// What was withheld for the sake of which benchmarks.
fn write_benchmarks(manifest: &Manifest, card: &mut String) {
    let contents = &manifest.contents;
    let names = contents.pins.keys().filter_map(|role| role.strip_prefix("benchmarks/"));
    let names: Vec<String> = names.map(cell).collect();
    if names.is_empty() {
        return;
    }
    line(
        card,
        format_args!(
            "\n## Decontamination\n\nTools and tasks were compared with {}. {} tasks that overlap with \
             them were withheld, and are in no\nsplit. `tools` and `domains` say which of theirs \
             overlap, and how much.",
            names.join(", "),
            contents.rejected.get("contaminated").copied().unwrap_or_default()
        ),
    );
}

fn line(card: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(card, "{text}").expect("writing to a string does not fail");
}

/// A text as a YAML scalar between double quotes; what is not plain ASCII is escaped.
fn quoted(text: &str) -> String {
    let mut scalar = String::from("\"");
    for character in text.chars() {
        match character {
            ' '..='!' | '#'..='[' | ']'..='~' => scalar.push(character),
            _ => write!(scalar, "\\U{:08x}", u32::from(character))
                .expect("writing to a string does not fail"),
        }
    }
    scalar.push('"');
    scalar
}

/// A text inside a table's cell: as code, without what would end the code or the cell.
fn cell(text: &str) -> String {
    let inner: String = text
        .chars()
        .take(80)
        .map(|character| match character {
            '`' => '\'',
            '|' => '/',
            control if control.is_control() => ' ',
            other => other,
        })
        .collect();
    format!("`{inner}`")
}

fn size_category(rows: u64) -> &'static str {
    match rows {
        0..1_000 => "n<1K",
        1_000..10_000 => "1K<n<10K",
        10_000..100_000 => "10K<n<100K",
        100_000..1_000_000 => "100K<n<1M",
        1_000_000..10_000_000 => "1M<n<10M",
        _ => "n>10M",
    }
}
