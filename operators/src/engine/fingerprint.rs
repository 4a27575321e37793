//! Order-independent fingerprints of states.

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
    /// Adds a row.
    pub fn add(&mut self, table: &Table, row: &Row) {
        self.merge(Fingerprint::of(table, row));
    }

    /// Takes a row away.
    pub fn remove(&mut self, table: &Table, row: &Row) {
        let mut borrow = false;
        for (ours, theirs) in self.0.iter_mut().zip(Fingerprint::of(table, row).0) {
            let (difference, first) = ours.overflowing_sub(theirs);
            let (difference, second) = difference.overflowing_sub(u64::from(borrow));
            (*ours, borrow) = (difference, first || second);
        }
    }

    /// Adds all rows of another state.
    pub fn merge(&mut self, other: Fingerprint) {
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

    fn of(table: &Table, row: &Row) -> Fingerprint {
        let mut entries: Vec<(String, Value)> = table
            .columns
            .iter()
            .zip(row)
            .filter(|(_, value)| !value.is_null())
            .map(|(column, value)| (column.name.clone(), value.clone().canonical()))
            .collect();
        entries.sort();
        let mut text = format!("{}\n", table.name);
        Value::Object(entries).write_json(&mut text);
        let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        let mut limbs = [0; 4];
        for (place, limb) in limbs.iter_mut().rev().enumerate() {
            let bytes = hash[8 * place..8 * place + 8].try_into().expect("eight bytes");
            *limb = u64::from_be_bytes(bytes);
        }
        Fingerprint(limbs)
    }
}

#[cfg(test)]
mod tests {
    use schemas::{Column, KeyStyle, Kind, Role, Table, Value};

    use super::Fingerprint;

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
        let (mut forth, mut back) = (Fingerprint::default(), Fingerprint::default());
        rows.iter().for_each(|row| forth.add(&table(), row));
        rows.iter().rev().for_each(|row| back.add(&table(), row));
        assert_eq!(forth, back);
        rows.iter().for_each(|row| forth.remove(&table(), row));
        assert_eq!(forth, Fingerprint::default());
    }

    /// The figure is what `int.from_bytes(hashlib.sha256(b'books\n{"copies": 2, "title":
    /// "Dune"}').digest())` is in Python.
    #[test]
    fn one_row_is_the_hash_of_its_text() {
        let mut fingerprint = Fingerprint::default();
        fingerprint.add(&table(), &vec![Value::text("Dune"), Value::Integer(2)]);
        let text = b"books\n{\"copies\": 2, \"title\": \"Dune\"}";
        assert_eq!(fingerprint.digest(), schemas::Digest::of(text));
    }
}
