//! What a program does with its arguments, and where the keys in its answer come from.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{
    Comparison, Condition, Environment, Expression, Filter, Operation, Reply, Role, Shape, Step,
};

/// What a program does with an argument, or with a part of one.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub(crate) enum Use {
    /// Names a row that must exist in this table.
    Key(String),
    /// Narrows the rows of a table by a column.
    Filter(String, String, Comparison),
    /// Must not be held by any row of the table in this column.
    Fresh(String, String),
    /// Goes into this column of the table.
    Stored(String, String),
    /// Bounds how many rows are listed.
    Limit,
}

/// Keys in an answer: where they are, and which table's they are.
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub(crate) struct Yield {
    /// RFC 6901 pointer; the first item stands for every list.
    pub(crate) pointer: String,
    /// The table whose keys these are.
    pub(crate) table: String,
    /// Whether they are the keys of the rows answered with, and not references in them.
    pub(crate) own: bool,
}

/// The statically known behaviour of one operation.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Uses {
    /// Uses of each argument, or of the part of one, by the part's pointer; strongest first.
    arguments: BTreeMap<String, BTreeMap<String, Vec<Use>>>,
    /// The tables of the rows that keys and filters are about, those that refer to others of them
    /// first.
    pub(crate) about: Vec<String>,
    /// The tables whose keys any argument names, as a whole; sorted.
    pub(crate) needs: Vec<String>,
    /// The tables whose keys the answer holds; sorted.
    pub(crate) gives: Vec<String>,
    /// Keys in the answer, those of the rows themselves before references to others.
    pub(crate) yields: Vec<Yield>,
    /// Whether the answer lists rows.
    pub(crate) lists: bool,
    /// Tables that gain a row.
    pub(crate) creates: Vec<String>,
    /// Tables that lose a row.
    pub(crate) deletes: Vec<String>,
    /// Tables of which a row that an argument names changes.
    pub(crate) changes: Vec<String>,
    /// Tables whose rows are answered with.
    pub(crate) shows: Vec<String>,
}

impl Uses {
    /// Reads a program.
    pub(crate) fn of(operation: &Operation, environment: &Environment) -> Uses {
        let mut reader = Reader {
            environment,
            rows: BTreeMap::new(),
            lists: BTreeMap::new(),
            found: Uses::default(),
        };
        for step in &operation.program.steps {
            reader.step(step);
        }
        reader.reply(&operation.program.reply, String::new());
        let mut found = reader.found;
        for field in operation.input.iter().filter(|it| matches!(it.shape, Shape::List(_))) {
            let parts = found.arguments.get_mut(&field.name);
            let Some(uses) = parts.and_then(|it| it.get_mut("")) else { continue };
            // A list names rows as a filter does: by any of its keys.
            for it in uses.iter_mut() {
                if let Use::Key(table) = it
                    && let Some(known) = environment.table(table)
                {
                    *it = Use::Filter(table.clone(), known.key().name.clone(), Comparison::OneOf);
                }
            }
        }
        for uses in found.arguments.values_mut().flat_map(BTreeMap::values_mut) {
            uses.sort();
            uses.dedup();
        }
        found.shows.sort();
        found.shows.dedup();
        found.needs = found.needed();
        found.about = found.subjects(environment);
        found.gives = found.yields.iter().map(|it| it.table.clone()).collect();
        found.gives.sort();
        found.gives.dedup();
        found
    }

    /// The uses of an argument as a whole.
    pub(crate) fn argument(&self, name: &str) -> &[Use] {
        self.part(name, "")
    }

    /// The uses of the part of an argument at a pointer.
    pub(crate) fn part(&self, name: &str, pointer: &str) -> &[Use] {
        self.arguments.get(name).and_then(|it| it.get(pointer)).map_or(&[], Vec::as_slice)
    }

    /// Whether anything is done with an argument or a part of it.
    pub(crate) fn is_used(&self, name: &str) -> bool {
        self.arguments.contains_key(name)
    }

    /// The table whose row an argument names, if it names one.
    pub(crate) fn key_of(&self, name: &str) -> Option<&str> {
        self.argument(name).iter().find_map(|it| match it {
            Use::Key(table) => Some(table.as_str()),
            _ => None,
        })
    }

    fn needed(&self) -> Vec<String> {
        let whole = self.arguments.values().filter_map(|parts| parts.get(""));
        let mut needed: Vec<String> = whole
            .flatten()
            .filter_map(|it| match it {
                Use::Key(table) => Some(table.clone()),
                _ => None,
            })
            .collect();
        needed.sort();
        needed.dedup();
        needed
    }

    /// Rows that refer to others come first, so that `order` and `customer` are an order and *its*
    /// customer.
    fn subjects(&self, environment: &Environment) -> Vec<String> {
        let uses = self.arguments.values().flat_map(BTreeMap::values).flatten();
        let named: BTreeSet<&String> = uses
            .filter_map(|it| match it {
                Use::Key(table) | Use::Filter(table, ..) => Some(table),
                _ => None,
            })
            .collect();
        let refers = |name: &&String| {
            environment.table(name).is_some_and(|table| {
                table.columns.iter().any(
                    |column| matches!(&column.role, Role::Reference(other) if named.contains(other)),
                )
            })
        };
        let (first, then): (Vec<&String>, Vec<&String>) = named.iter().copied().partition(refers);
        first.into_iter().chain(then).cloned().collect()
    }

    /// Whether the answer holds keys of the table.
    pub(crate) fn gives(&self, table: &str) -> bool {
        self.gives.iter().any(|it| it == table)
    }
}

struct Reader<'e> {
    environment: &'e Environment,
    rows: BTreeMap<String, String>,
    lists: BTreeMap<String, String>,
    found: Uses,
}

impl Reader<'_> {
    fn step(&mut self, step: &Step) {
        match step {
            Step::Lookup { row, table, key } => {
                self.used(key, &Use::Key(table.clone()));
                self.rows.insert(row.clone(), table.clone());
            }
            Step::Match { row, table, filters, .. } => {
                self.filters(table, filters);
                self.rows.insert(row.clone(), table.clone());
            }
            Step::Select { rows, table, filters, limit, .. } => {
                self.filters(table, filters);
                self.used(limit, &Use::Limit);
                self.lists.insert(rows.clone(), table.clone());
            }
            Step::Require { condition, .. } => match condition {
                Condition::References(value, table) => self.used(value, &Use::Key(table.clone())),
                Condition::None(table, filters) => {
                    for filter in filters {
                        let fresh = Use::Fresh(table.clone(), filter.column.clone());
                        self.used(&filter.value, &fresh);
                    }
                }
                Condition::Compare(..) => {}
            },
            Step::Insert { row, table, values } => {
                for (column, value) in values {
                    self.stored(table, column, value);
                }
                self.rows.insert(row.clone(), table.clone());
                self.found.creates.push(table.clone());
            }
            Step::Update { row, changes } => {
                let table = self.rows.get(row).cloned().unwrap_or_default();
                for (column, value) in changes {
                    self.stored(&table, column, value);
                }
                self.found.changes.push(table);
            }
            Step::Delete { row } => self.found.deletes.extend(self.rows.get(row).cloned()),
            Step::Change { table, filters, changes } => {
                self.filters(table, filters);
                for (column, value) in changes {
                    self.stored(table, column, value);
                }
            }
            Step::Remove { table, filters } => {
                self.filters(table, filters);
                self.found.deletes.push(table.clone());
            }
        }
    }

    fn filters(&mut self, table: &str, filters: &[Filter]) {
        for filter in filters {
            let found = match (self.names(table, &filter.column), filter.comparison) {
                (Some(named), Comparison::Equal) => Use::Key(named),
                _ => Use::Filter(table.into(), filter.column.clone(), filter.comparison),
            };
            self.used(&filter.value, &found);
        }
    }

    fn stored(&mut self, table: &str, column: &str, value: &Expression) {
        let is_key = self.environment.table(table).is_some_and(|it| it.key().name == column);
        let found = match self.names(table, column) {
            Some(named) if !is_key => Use::Key(named),
            Some(_) => Use::Fresh(table.into(), column.into()),
            None => Use::Stored(table.into(), column.into()),
        };
        self.used(value, &found);
    }

    /// The table whose keys a column holds, if it holds keys.
    fn names(&self, table: &str, column: &str) -> Option<String> {
        let table = self.environment.table(table)?;
        match &table.columns[table.place(column)?].role {
            Role::Key => Some(table.name.clone()),
            Role::Reference(other) => Some(other.clone()),
            _ => None,
        }
    }

    fn used(&mut self, expression: &Expression, found: &Use) {
        let place = match expression {
            Expression::Argument(name) => (name.clone(), String::new()),
            Expression::Part(name, pointer) => (name.clone(), pointer.clone()),
            Expression::Otherwise(first, second) => {
                self.used(first, found);
                return self.used(second, found);
            }
            Expression::Arithmetic(left, _, right) | Expression::Later(left, right, _)
                if !matches!(found, Use::Key(_)) =>
            {
                self.used(left, found);
                return self.used(right, found);
            }
            _ => return,
        };
        let (name, pointer) = place;
        let parts = self.found.arguments.entry(name).or_default();
        parts.entry(pointer).or_default().push(found.clone());
    }

    fn reply(&mut self, reply: &Reply, pointer: String) {
        match reply {
            Reply::Value(Expression::Column(row, column)) => {
                let Some(table) = self.rows.get(row).cloned() else { return };
                if let Some(named) = self.names(&table, column) {
                    let own = named == table;
                    let found = Yield { pointer, table: named, own };
                    let place = if own { 0 } else { self.found.yields.len() };
                    self.found.yields.insert(place, found);
                }
                self.found.shows.push(table);
            }
            Reply::Value(_) => {}
            Reply::Object(parts) => {
                for (name, part) in parts {
                    let name = name.replace('~', "~0").replace('/', "~1");
                    self.reply(part, format!("{pointer}/{name}"));
                }
            }
            Reply::List(parts) => {
                for (place, part) in parts.iter().enumerate() {
                    self.reply(part, format!("{pointer}/{place}"));
                }
            }
            Reply::Each { rows, row, item } => {
                let Some(table) = self.lists.get(rows).cloned() else { return };
                let outer = self.rows.insert(row.clone(), table);
                self.found.lists = true;
                self.reply(item, format!("{pointer}/0"));
                match outer {
                    Some(outer) => drop(self.rows.insert(row.clone(), outer)),
                    None => drop(self.rows.remove(row)),
                }
            }
        }
    }
}
