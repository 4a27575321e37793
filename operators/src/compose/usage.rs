//! What every operation of an environment does with its arguments, and so who can feed whom.

use std::collections::BTreeMap;
use std::ops::Index;

use schemas::{Environment, Operation};

use crate::compose::uses::Uses;

/// The uses of every operation, with the tables that lead from one to another.
pub(crate) struct Usage {
    /// By the operation's place in the environment.
    uses: Vec<Uses>,
    places: BTreeMap<String, usize>,
    /// The places of the operations whose answers hold keys of a table, and of those that need one.
    givers: BTreeMap<String, Vec<usize>>,
    needers: BTreeMap<String, Vec<usize>>,
}

impl Usage {
    /// Reads every program of an environment.
    pub(crate) fn of(environment: &Environment) -> Usage {
        let read = |operation: &Operation| Uses::of(operation, environment);
        let uses: Vec<Uses> = environment.operations.iter().map(read).collect();
        let mut givers: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut needers: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (place, one) in uses.iter().enumerate() {
            for table in &one.gives {
                givers.entry(table.clone()).or_default().push(place);
            }
            for table in &one.needs {
                needers.entry(table.clone()).or_default().push(place);
            }
        }
        let operations = environment.operations.iter().enumerate();
        let places = operations.map(|(place, it)| (it.name.clone(), place)).collect();
        Usage { uses, places, givers, needers }
    }

    /// The uses of the operation of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&Uses> {
        self.places.get(name).map(|place| &self.uses[*place])
    }

    /// The place of the operation in the environment.
    pub(crate) fn place(&self, operation: &Operation) -> usize {
        self.places[&operation.name]
    }

    /// The uses of the operation at a place.
    pub(crate) fn at(&self, place: usize) -> &Uses {
        &self.uses[place]
    }

    /// The places of the operations whose answers hold keys of the table.
    pub(crate) fn givers(&self, table: &str) -> &[usize] {
        self.givers.get(table).map_or(&[], Vec::as_slice)
    }

    /// The places of the operations that need a key of the table.
    pub(crate) fn needers(&self, table: &str) -> &[usize] {
        self.needers.get(table).map_or(&[], Vec::as_slice)
    }
}

impl Index<&String> for Usage {
    type Output = Uses;

    fn index(&self, name: &String) -> &Uses {
        self.get(name).expect("every operation has its uses")
    }
}
