//! A corpus that changes: a few files of a few records, written in the formats they come in.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use proptest::prelude::{Just, Strategy, any, prop, prop_oneof};
use serde_json::{Value, json};

/// How many files there can be at once.
pub(super) const SLOTS: usize = 4;

const NOUNS: [&str; 6] = ["parcel", "courier", "depot", "invoice", "tenant", "room"];
const VERBS: [&str; 5] = ["create", "get", "list", "update", "delete"];
pub(super) const SOURCES: [&str; 3] = ["post", "town", "harbour"];
pub(super) const LICENSES: [&str; 3] = ["MIT", "CC0-1.0", ""];

/// What a record says: which operation on what, and in which wording.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Record {
    pub(super) noun: usize,
    pub(super) verb: usize,
    pub(super) wording: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Format {
    Mcp,
    /// Our own JSON Lines, with a source and a licence.
    Lines(usize, usize),
    /// OpenAPI, whose answers have the shape that another file gives.
    OpenApi,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct File {
    pub(super) format: Format,
    pub(super) records: Vec<Record>,
    /// How it is spoilt, if it is.
    pub(super) spoilt: Option<Spoilt>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Spoilt {
    /// It ends in the middle.
    Cut,
    /// It is a link to nothing.
    Dangling,
}

/// The corpus: files by place, and the wording of the shapes that OpenAPI files share.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Corpus {
    pub(super) files: BTreeMap<usize, File>,
    pub(super) shapes: Option<usize>,
}

/// A change of it. Places and ordinals are taken modulo what is there.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    Write(usize, File),
    Remove(usize),
    /// The file takes another's place; that one's content takes its own.
    Rename(usize, usize),
    Put(usize, Record),
    Take(usize, usize),
    Reword(usize, usize, usize),
    Spoil(usize, Option<Spoilt>),
    Shapes(Option<usize>),
    /// Everything is as it was so many commands ago.
    Back(usize),
}

impl Corpus {
    /// Makes a change; `past` is what the corpus was after each command, the last one last.
    pub(super) fn change(&mut self, edit: &Edit, past: &[Corpus]) {
        match edit {
            Edit::Write(place, file) => drop(self.files.insert(place % SLOTS, file.clone())),
            Edit::Remove(place) => drop(self.files.remove(&(place % SLOTS))),
            Edit::Rename(one, other) => {
                let (one, other) = (one % SLOTS, other % SLOTS);
                let (first, second) = (self.files.remove(&one), self.files.remove(&other));
                self.files.extend(first.map(|file| (other, file)));
                self.files.extend(second.filter(|_| one != other).map(|file| (one, file)));
            }
            Edit::Put(place, record) => {
                if let Some(file) = self.file(*place) {
                    file.records.push(*record);
                }
            }
            Edit::Take(place, ordinal) => {
                if let Some(file) = self.file(*place).filter(|file| !file.records.is_empty()) {
                    file.records.remove(ordinal % file.records.len());
                }
            }
            Edit::Reword(place, ordinal, wording) => {
                if let Some(file) = self.file(*place).filter(|file| !file.records.is_empty()) {
                    let ordinal = ordinal % file.records.len();
                    file.records[ordinal].wording = *wording;
                }
            }
            Edit::Spoil(place, spoilt) => {
                if let Some(file) = self.file(*place) {
                    file.spoilt = *spoilt;
                }
            }
            Edit::Shapes(wording) => self.shapes = *wording,
            Edit::Back(commands) => {
                if let Some(then) = past.len().checked_sub(commands + 1) {
                    *self = past[then].clone();
                }
            }
        }
        if self.files.is_empty() {
            // An empty corpus is an error and makes no version.
            let records = vec![Record { noun: 0, verb: 0, wording: 0 }];
            self.files.insert(0, File { format: Format::Mcp, records, spoilt: None });
        }
    }

    fn file(&mut self, place: usize) -> Option<&mut File> {
        let place = *self.files.keys().nth(place % self.files.len().max(1))?;
        self.files.get_mut(&place)
    }

    /// The names by which its readable files go in a world.
    pub(super) fn names(&self) -> Vec<String> {
        let readable = self.files.iter().filter(|(_, file)| file.spoilt != Some(Spoilt::Dangling));
        readable.map(|(place, file)| format!("corpus/{}", file.name(*place))).collect()
    }

    /// The sources, and the licences, of which there is no record.
    pub(super) fn absent(&self) -> (Vec<String>, Vec<String>) {
        let (mut sources, mut licenses) = (SOURCES.to_vec(), LICENSES[..2].to_vec());
        for file in self.files.values() {
            match file.format {
                Format::Mcp => {}
                Format::OpenApi => licenses.retain(|it| *it != "MIT"),
                Format::Lines(source, license) => {
                    sources.retain(|it| *it != SOURCES[source]);
                    licenses.retain(|it| *it != LICENSES[license]);
                }
            }
        }
        let owned = |all: Vec<&str>| all.into_iter().map(String::from).collect();
        (owned(sources), owned(licenses))
    }

    /// Writes it into a folder in place of what was there.
    pub(super) fn write(&self, folder: &Path) {
        if folder.exists() {
            fs::remove_dir_all(folder).unwrap();
        }
        fs::create_dir(folder).unwrap();
        for (place, file) in &self.files {
            let path = folder.join(file.name(*place));
            let text = file.text();
            match file.spoilt {
                None => fs::write(path, text).unwrap(),
                Some(Spoilt::Cut) => fs::write(path, &text[..2 * text.len() / 3]).unwrap(),
                Some(Spoilt::Dangling) => symlink("nowhere", path).unwrap(),
            }
        }
        if let Some(wording) = self.shapes {
            let mut shape = schema(&["id", "name", "status"]);
            shape["properties"][WORDS[wording]] = json!({"type": "string"});
            fs::write(folder.join(SHAPES), json!({"shapes": {"thing": shape}}).to_string())
                .unwrap();
        }
    }
}

/// The file that OpenAPI files refer to.
const SHAPES: &str = "shapes.json";

/// Words by which one wording differs from another.
pub(super) const WORDS: [&str; 3] = ["weight", "colour", "remark"];

impl File {
    fn name(&self, place: usize) -> String {
        let end = match self.format {
            Format::Mcp => "mcp.json",
            Format::Lines(..) => "jsonl",
            Format::OpenApi => "openapi.json",
        };
        format!("{}.{end}", ["north", "east", "south", "west"][place])
    }

    fn text(&self) -> String {
        let records = self.records.iter();
        match self.format {
            Format::Mcp => {
                let tools: Vec<Value> = records.map(Record::mcp).collect();
                json!({"tools": tools}).to_string()
            }
            Format::Lines(source, license) => {
                let line = |it: &Record| it.line(SOURCES[source], LICENSES[license]) + "\n";
                records.map(line).collect()
            }
            Format::OpenApi => {
                let mut paths = serde_json::Map::new();
                for record in records {
                    let path = paths.entry(record.path()).or_insert_with(|| json!({}));
                    path[record.method().to_lowercase()] = record.openapi();
                }
                let info = json!({"title": "Yard", "version": "1", "license": {"name": "MIT"}});
                json!({"openapi": "3.0.3", "info": info, "paths": paths}).to_string()
            }
        }
    }
}

fn schema(names: &[&str]) -> Value {
    let properties = names.iter().map(|name| (name.to_string(), json!({"type": "string"})));
    json!({"type": "object", "properties": properties.collect::<serde_json::Map<_, _>>()})
}

impl Record {
    fn name(&self) -> String {
        format!("{}_{}", VERBS[self.verb], NOUNS[self.noun])
    }

    fn description(&self) -> String {
        let (verb, noun) = (VERBS[self.verb], NOUNS[self.noun]);
        format!("Can {verb} one {noun} of the {noun} book, with its {}.", WORDS[self.wording])
    }

    fn id(&self) -> String {
        format!("{}_id", NOUNS[self.noun])
    }

    fn method(&self) -> &'static str {
        ["POST", "GET", "GET", "PATCH", "DELETE"][self.verb]
    }

    fn path(&self) -> String {
        let noun = NOUNS[self.noun];
        if ["create", "list"].contains(&VERBS[self.verb]) {
            format!("/{noun}s")
        } else {
            format!("/{noun}s/{{{noun}_id}}")
        }
    }

    fn parameters(&self) -> Value {
        let (id, word) = (self.id(), WORDS[self.wording]);
        let mut schema = match VERBS[self.verb] {
            "create" => schema(&["name", word]),
            "list" => schema(&["name"]),
            "update" => schema(&[&id, word]),
            _ => schema(&[&id]),
        };
        let first = schema["properties"].as_object().unwrap().keys().next().cloned();
        schema["required"] = json!([first]);
        schema
    }

    fn mcp(&self) -> Value {
        json!({
            "name": self.name(), "description": self.description(),
            "inputSchema": self.parameters(),
        })
    }

    fn line(&self, source: &str, license: &str) -> String {
        let returns = schema(&[&self.id(), "name", WORDS[self.wording]]);
        json!({
            "id": format!("{source}#{}", self.name()), "source": source, "provider": source,
            "service": format!("{source} office"), "name": self.name(),
            "description": self.description(), "parameters": self.parameters(),
            "returns": returns, "http_method": self.method(), "path": self.path(),
            "license": license,
        })
        .to_string()
    }

    fn openapi(&self) -> Value {
        let mut parameters = Vec::new();
        let properties = self.parameters()["properties"].clone();
        for name in properties.as_object().unwrap().keys() {
            let place = if *name == self.id() { "path" } else { "query" };
            parameters.push(json!({
                "name": name, "in": place, "required": place == "path",
                "schema": {"type": "string"},
            }));
        }
        let shape = json!({"$ref": format!("{SHAPES}#/shapes/thing")});
        let answer =
            json!({"description": "Done", "content": {"application/json": {"schema": shape}}});
        json!({
            "operationId": self.name(), "summary": self.description(),
            "parameters": parameters, "responses": {"200": answer},
        })
    }
}

fn a_record() -> impl Strategy<Value = Record> {
    (0..NOUNS.len(), 0..VERBS.len(), 0..WORDS.len()).prop_map(|(noun, verb, wording)| Record {
        noun,
        verb,
        wording,
    })
}

fn a_file() -> impl Strategy<Value = File> {
    let format = prop_oneof![
        Just(Format::Mcp),
        (0..SOURCES.len(), 0..LICENSES.len()).prop_map(|(one, other)| Format::Lines(one, other)),
        Just(Format::OpenApi),
    ];
    (format, prop::collection::vec(a_record(), 1..6)).prop_map(|(format, records)| File {
        format,
        records,
        spoilt: None,
    })
}

pub(super) fn an_edit() -> impl Strategy<Value = Edit> {
    let place = || 0..SLOTS;
    let wording = || 0..WORDS.len();
    let spoilt = prop::option::of(prop_oneof![Just(Spoilt::Cut), Just(Spoilt::Dangling)]);
    prop_oneof![
        4 => (place(), a_file()).prop_map(|(place, file)| Edit::Write(place, file)),
        2 => place().prop_map(Edit::Remove),
        1 => (place(), place()).prop_map(|(one, other)| Edit::Rename(one, other)),
        4 => (place(), a_record()).prop_map(|(place, record)| Edit::Put(place, record)),
        2 => (place(), 0..6_usize).prop_map(|(place, ordinal)| Edit::Take(place, ordinal)),
        3 => (place(), 0..6_usize, wording()).prop_map(|(file, at, it)| Edit::Reword(file, at, it)),
        1 => (place(), spoilt).prop_map(|(place, spoilt)| Edit::Spoil(place, spoilt)),
        1 => (any::<bool>(), wording()).prop_map(|(is, it)| Edit::Shapes(is.then_some(it))),
        2 => (0..4_usize).prop_map(Edit::Back),
    ]
}
