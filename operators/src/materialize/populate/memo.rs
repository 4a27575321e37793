//! What is known of the parts of objects, read off their fields once and not for every row.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use schemas::{Field, Kind};

use crate::materialize::evidence::{Hints, kind};
use crate::materialize::words::words;

/// Knowledge of fields, for as long as they stay where they are.
#[derive(Debug, Default)]
pub(in crate::materialize) struct Memo(RefCell<BTreeMap<usize, Rc<Known>>>);

/// What is known of one field.
#[derive(Debug)]
pub(super) struct Known {
    /// Its name, in `snake_case`.
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) hints: Hints,
}

impl Memo {
    /// What is known of a field, which is told from others by where it is.
    pub(super) fn of(&self, field: &Field) -> Rc<Known> {
        let place = std::ptr::from_ref(field).addr();
        let known = || {
            let name = words(&field.name).join("_");
            Rc::new(Known { kind: kind(&name, &field.shape), hints: Hints::of(field), name })
        };
        Rc::clone(self.0.borrow_mut().entry(place).or_insert_with(known))
    }
}
