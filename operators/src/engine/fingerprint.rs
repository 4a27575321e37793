//! Order-independent fingerprints of states, and rows that know theirs.

use std::ops::Deref;

use sha2::{Digest as _, Sha256};

use schemas::{Digest, Row, Table, Value};

/// The sum, modulo 2²⁵⁶, of the SHA-256 of every row.
///
/// A row is hashed as its table's name, a line feed, and the JSON object of its columns that are
/// not null, keys sorted, spelled as [`Value::write_json`] does: a few lines in any language with
/// big integers. The sum does not depend on the order of rows, and a write changes it by the
/// difference of two hashes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Fingerprint([u64; 4]);

impl Fingerprint {
    /// Takes the rows of another state away.
    pub fn remove(&mut self, other: Fingerprint) {
        let mut borrow = false;
        for (ours, theirs) in self.0.iter_mut().zip(other.0) {
            let (difference, first) = ours.overflowing_sub(theirs);
            let (difference, second) = difference.overflowing_sub(u64::from(borrow));
            (*ours, borrow) = (difference, first || second);
        }
    }

    /// Adds the rows of another state.
    pub fn add(&mut self, other: Fingerprint) {
        let mut carry = false;
        for (ours, theirs) in self.0.iter_mut().zip(other.0) {
            let (sum, first) = ours.overflowing_add(theirs);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            (*ours, carry) = (sum, first || second);
        }
    }

    /// The sum as 64 hexadecimal digits, most significant first.
    pub fn digest(self) -> Digest {
        let mut bytes = [0; 32];
        for (place, limb) in self.0.iter().rev().enumerate() {
            bytes[8 * place..8 * place + 8].copy_from_slice(&limb.to_be_bytes());
        }
        Digest(bytes)
    }
}

/// A row that knows its fingerprint.
#[derive(Debug)]
pub struct Held {
    row: Row,
    fingerprint: Fingerprint,
}

impl Held {
    /// The row itself.
    pub fn row(&self) -> &Row {
        &self.row
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }
}

impl Deref for Held {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        &self.row
    }
}

/// How the rows of a table are spelled to be hashed.
#[derive(Debug)]
pub struct Spelling {
    /// The table's name and a line feed.
    head: String,
    /// The columns by name: their places, and their names as JSON with the colon.
    columns: Vec<(usize, String)>,
}

impl Spelling {
    /// How the rows of this table are spelled.
    pub fn of(table: &Table) -> Spelling {
        let mut columns: Vec<(usize, &str)> =
            table.columns.iter().map(|column| column.name.as_str()).enumerate().collect();
        columns.sort_by_key(|(_, name)| *name);
        let spelled = columns.into_iter();
        let spelled = spelled.map(|(place, name)| (place, format!("{}: ", Value::text(name))));
        Spelling { head: format!("{}\n", table.name), columns: spelled.collect() }
    }

    /// The fingerprint of a state of one row.
    ///
    /// # Panics
    ///
    /// Panics if the row has fewer values than the table has columns.
    pub fn fingerprint(&self, row: &[Value]) -> Fingerprint {
        let mut text = String::with_capacity(self.head.len() + 32 * self.columns.len());
        text.push_str(&self.head);
        text.push('{');
        let mut first = true;
        for (place, name) in &self.columns {
            let value = &row[*place];
            if value.is_null() {
                continue;
            }
            text.push_str(if first { "" } else { ", " });
            first = false;
            text.push_str(name);
            match value {
                Value::List(_) | Value::Object(_) => {
                    value.clone().canonical().write_json(&mut text);
                }
                plain => plain.write_json(&mut text),
            }
        }
        text.push('}');
        let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        let mut limbs = [0; 4];
        for (place, limb) in limbs.iter_mut().rev().enumerate() {
            let bytes = hash[8 * place..8 * place + 8].try_into().expect("eight bytes");
            *limb = u64::from_be_bytes(bytes);
        }
        Fingerprint(limbs)
    }

    /// The row with its fingerprint.
    pub(super) fn hold(&self, row: Row) -> Held {
        let fingerprint = self.fingerprint(&row);
        Held { row, fingerprint }
    }
}

#[cfg(test)]
mod tests {
    use schemas::{Column, KeyStyle, Kind, Role, Table, Value};

    use super::{Fingerprint, Spelling};

    fn table() -> Table {
        let column = |name: &str| Column {
            name: name.into(),
            kind: Kind::Json,
            role: Role::Plain,
            description: String::new(),
        };
        Table {
            name: "books".into(),
            noun: "book".into(),
            key_style: KeyStyle::Integer,
            columns: vec![column("title"), column("copies")],
            rows: Vec::new(),
        }
    }

    #[test]
    fn order_does_not_matter_and_removal_undoes() {
        let rows: Vec<Vec<Value>> =
            (0..20).map(|copies| vec![Value::text("Dune"), Value::Integer(copies)]).collect();
        let spelling = Spelling::of(&table());
        let (mut forth, mut back) = (Fingerprint::default(), Fingerprint::default());
        rows.iter().for_each(|row| forth.add(spelling.fingerprint(row)));
        rows.iter().rev().for_each(|row| back.add(spelling.fingerprint(row)));
        assert_eq!(forth, back);
        rows.iter().for_each(|row| forth.remove(spelling.fingerprint(row)));
        assert_eq!(forth, Fingerprint::default());
    }

    /// The figure is what `int.from_bytes(hashlib.sha256(b'books\n{"copies": 2, "title":
    /// "Dune"}').digest())` is in Python.
    #[test]
    fn one_row_is_the_hash_of_its_text() {
        let row = [Value::text("Dune"), Value::Integer(2)];
        let fingerprint = Spelling::of(&table()).fingerprint(&row);
        let text = b"books\n{\"copies\": 2, \"title\": \"Dune\"}";
        assert_eq!(fingerprint.digest(), schemas::Digest::of(text));
    }
}
