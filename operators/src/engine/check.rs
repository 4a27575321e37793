//! The type check: every name a program uses exists, every value can fit where it goes.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{
    Condition, Environment, Expression, Filter, Kind, Operation, Reply, Shape, Step, Table, Value,
};

/// What is wrong with an environment, and where.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("\"{subject}\" {reason}")]
pub struct Fault {
    /// The operation or table at fault.
    pub subject: String,
    /// What is wrong, as the rest of a sentence about the subject.
    pub reason: String,
}

impl Fault {
    pub(crate) fn new(subject: &str, reason: impl Into<String>) -> Fault {
        Fault { subject: subject.into(), reason: reason.into() }
    }
}

/// The columns a program may look at and those it may change, as `(table, column)`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Footprint {
    /// Looked at.
    pub reads: BTreeSet<(String, String)>,
    /// Changed.
    pub writes: BTreeSet<(String, String)>,
}

/// Type-checks an operation's program and computes its footprint.
///
/// # Errors
///
/// Returns the first name that does not exist, binding used before it is made, or value that can
/// never fit its column.
pub fn footprint(operation: &Operation, environment: &Environment) -> Result<Footprint, Fault> {
    let mut checker = Checker {
        operation,
        environment,
        rows: BTreeMap::new(),
        lists: BTreeMap::new(),
        found: Footprint::default(),
    };
    for step in &operation.program.steps {
        checker.step(step)?;
    }
    checker.reply(&operation.program.reply)?;
    Ok(checker.found)
}

struct Checker<'e> {
    operation: &'e Operation,
    environment: &'e Environment,
    /// Bindings to one row, and its table.
    rows: BTreeMap<String, &'e Table>,
    /// Bindings to several rows, and their table.
    lists: BTreeMap<String, &'e Table>,
    found: Footprint,
}

/// What is known of an expression's value before it runs.
#[derive(Clone, Debug, PartialEq)]
enum Type {
    Kind(Kind),
    Unknown,
}

impl<'e> Checker<'e> {
    fn step(&mut self, step: &Step) -> Result<(), Fault> {
        match step {
            Step::Lookup { row, table, key } => {
                let table = self.table(table)?;
                let known = self.expression(key)?;
                self.fits(&known, table, &table.key().name)?;
                self.read(table, &table.key().name)?;
                self.rows.insert(row.clone(), table);
            }
            Step::Match { row, table, filters, otherwise } => {
                let table = self.table(table)?;
                self.filters(table, filters)?;
                self.message(otherwise)?;
                self.rows.insert(row.clone(), table);
            }
            Step::Select { rows, table, filters, order, limit } => {
                let table = self.table(table)?;
                self.filters(table, filters)?;
                if let Some((column, _)) = order {
                    self.read(table, column)?;
                }
                self.expression(limit)?;
                self.lists.insert(rows.clone(), table);
            }
            Step::Require { condition, otherwise } => {
                self.condition(condition)?;
                self.message(otherwise)?;
            }
            Step::Insert { row, table, values } => {
                let table = self.table(table)?;
                for (column, value) in values {
                    let known = self.expression(value)?;
                    self.fits(&known, table, column)?;
                }
                for column in &table.columns {
                    self.write(table, &column.name)?;
                }
                self.rows.insert(row.clone(), table);
            }
            Step::Update { row, changes } => {
                let table = self.row(row)?;
                self.changes(table, changes)?;
            }
            Step::Delete { row } => {
                let table = self.row(row)?;
                for column in &table.columns {
                    self.write(table, &column.name)?;
                }
            }
            Step::Change { table, filters, changes } => {
                let table = self.table(table)?;
                self.filters(table, filters)?;
                self.changes(table, changes)?;
            }
            Step::Remove { table, filters } => {
                let table = self.table(table)?;
                self.filters(table, filters)?;
                for column in &table.columns {
                    self.write(table, &column.name)?;
                }
            }
        }
        Ok(())
    }

    fn changes(&mut self, table: &'e Table, changes: &[(String, Expression)]) -> Result<(), Fault> {
        for (column, value) in changes {
            if *column == table.key().name {
                return Err(self.fault(format!("changes the key of \"{}\"", table.name)));
            }
            let known = self.expression(value)?;
            self.fits(&known, table, column)?;
            self.write(table, column)?;
        }
        Ok(())
    }

    fn filters(&mut self, table: &'e Table, filters: &[Filter]) -> Result<(), Fault> {
        self.read(table, &table.key().name)?;
        for filter in filters {
            self.read(table, &filter.column)?;
            self.expression(&filter.value)?;
        }
        Ok(())
    }

    /// A message reads the columns of bound rows that it tells.
    fn message(&mut self, message: &str) -> Result<(), Fault> {
        for slot in message.split('{').skip(1).filter_map(|part| part.split_once('}')) {
            let told = slot.0.split_once('.').filter(|(row, _)| self.rows.contains_key(*row));
            if let Some((row, column)) = told {
                let table = self.row(row)?;
                self.read(table, column)?;
            }
        }
        Ok(())
    }

    fn condition(&mut self, condition: &Condition) -> Result<(), Fault> {
        match condition {
            Condition::Compare(left, _, right) => {
                self.expression(left)?;
                self.expression(right)?;
            }
            Condition::References(value, table) => {
                let table = self.table(table)?;
                self.expression(value)?;
                self.read(table, &table.key().name)?;
            }
            Condition::None(table, filters) => {
                let table = self.table(table)?;
                self.filters(table, filters)?;
            }
        }
        Ok(())
    }

    fn reply(&mut self, reply: &Reply) -> Result<(), Fault> {
        match reply {
            Reply::Value(expression) => drop(self.expression(expression)?),
            Reply::Object(parts) => {
                let mut names = BTreeSet::new();
                for (name, part) in parts {
                    if !names.insert(name) {
                        return Err(self.fault(format!("answers \"{name}\" twice")));
                    }
                    self.reply(part)?;
                }
            }
            Reply::List(parts) => {
                for part in parts {
                    self.reply(part)?;
                }
            }
            Reply::Each { rows, row, item } => {
                let table = *self
                    .lists
                    .get(rows)
                    .ok_or_else(|| self.fault(format!("lists \"{rows}\", which is not bound")))?;
                let outer = self.rows.insert(row.clone(), table);
                self.reply(item)?;
                match outer {
                    Some(outer) => drop(self.rows.insert(row.clone(), outer)),
                    None => drop(self.rows.remove(row)),
                }
            }
        }
        Ok(())
    }

    fn expression(&mut self, expression: &Expression) -> Result<Type, Fault> {
        Ok(match expression {
            Expression::Literal(value) => literal(value),
            Expression::Argument(name) => self.argument(name)?,
            Expression::Part(name, _) => {
                self.argument(name)?;
                Type::Unknown
            }
            Expression::Column(row, column) => {
                let table = self.row(row)?;
                self.read(table, column)?;
                let place = table.place(column).expect("a column read exists");
                Type::Kind(table.columns[place].kind.clone())
            }
            Expression::Count(rows) => {
                if !self.lists.contains_key(rows) {
                    return Err(self.fault(format!("counts \"{rows}\", which is not bound")));
                }
                Type::Kind(Kind::Integer)
            }
            Expression::Now => Type::Kind(Kind::Time),
            Expression::Otherwise(first, second) => {
                let (first, second) = (self.expression(first)?, self.expression(second)?);
                if first == second { first } else { Type::Unknown }
            }
            Expression::Arithmetic(left, _, right) => {
                for side in [left, right] {
                    if matches!(self.expression(side)?, Type::Kind(Kind::Boolean | Kind::Json)) {
                        return Err(self.fault("calculates with what is not a number"));
                    }
                }
                Type::Unknown
            }
            Expression::Later(from, amount, _) => {
                self.expression(from)?;
                if matches!(self.expression(amount)?, Type::Kind(Kind::Boolean | Kind::Json)) {
                    return Err(self.fault("moves a time by what is not a number"));
                }
                Type::Unknown
            }
        })
    }

    fn argument(&self, name: &str) -> Result<Type, Fault> {
        let field = self
            .operation
            .input
            .iter()
            .find(|field| field.name == name)
            .ok_or_else(|| self.fault(format!("uses \"{name}\", which is not an argument")))?;
        Ok(match &field.shape {
            Shape::Text { .. } => Type::Kind(Kind::Text),
            Shape::Integer { .. } => Type::Kind(Kind::Integer),
            Shape::Number { .. } => Type::Kind(Kind::Number),
            Shape::Boolean => Type::Kind(Kind::Boolean),
            Shape::List(_) | Shape::Object(_) => Type::Kind(Kind::Json),
            Shape::Choice(_) | Shape::Any => Type::Unknown,
        })
    }

    /// Whether a value of this type could fit the column; what cannot be ruled out, may.
    fn fits(&self, known: &Type, table: &Table, column: &str) -> Result<(), Fault> {
        let place = table.place(column).ok_or_else(|| {
            self.fault(format!("names \"{column}\", no column of \"{}\"", table.name))
        })?;
        let kind = &table.columns[place].kind;
        let never = match known {
            Type::Unknown => false,
            Type::Kind(Kind::Json) => *kind != Kind::Json,
            Type::Kind(Kind::Boolean) => !matches!(kind, Kind::Boolean | Kind::Text | Kind::Json),
            Type::Kind(Kind::Integer | Kind::Number) => {
                matches!(kind, Kind::Boolean | Kind::Choice(_) | Kind::Date | Kind::Time)
            }
            Type::Kind(_) => false,
        };
        if never {
            return Err(self
                .fault(format!("puts a value that never fits into \"{}.{column}\"", table.name)));
        }
        Ok(())
    }

    fn table(&self, name: &str) -> Result<&'e Table, Fault> {
        self.environment
            .table(name)
            .ok_or_else(|| self.fault(format!("names \"{name}\", which is not a table")))
    }

    fn row(&self, name: &str) -> Result<&'e Table, Fault> {
        self.rows
            .get(name)
            .copied()
            .ok_or_else(|| self.fault(format!("uses \"{name}\", which is not bound to a row")))
    }

    fn read(&mut self, table: &Table, column: &str) -> Result<(), Fault> {
        self.named(table, column)?;
        self.found.reads.insert((table.name.clone(), column.into()));
        Ok(())
    }

    fn write(&mut self, table: &Table, column: &str) -> Result<(), Fault> {
        self.named(table, column)?;
        self.found.writes.insert((table.name.clone(), column.into()));
        Ok(())
    }

    fn named(&self, table: &Table, column: &str) -> Result<(), Fault> {
        if table.place(column).is_none() {
            return Err(self.fault(format!("names \"{column}\", no column of \"{}\"", table.name)));
        }
        Ok(())
    }

    fn fault(&self, reason: impl Into<String>) -> Fault {
        Fault::new(&self.operation.name, reason)
    }
}

fn literal(value: &Value) -> Type {
    match value {
        Value::Null => Type::Unknown,
        Value::Bool(_) => Type::Kind(Kind::Boolean),
        Value::Integer(_) => Type::Kind(Kind::Integer),
        Value::Number(_) => Type::Kind(Kind::Number),
        Value::Text(_) => Type::Kind(Kind::Text),
        Value::List(_) | Value::Object(_) => Type::Kind(Kind::Json),
    }
}
