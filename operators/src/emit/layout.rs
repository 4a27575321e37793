//! Laying out code: in one line where it fits, else an item a line.

/// Columns of a generated source.
pub(super) const WIDTH: usize = 100;

/// Spaces of one level.
const LEVEL: usize = 4;

/// Code that can be broken at its commas.
pub(super) enum Code {
    /// Never broken.
    Atom(String),
    /// Something before something else: `key: value`, `name=value`.
    Headed(String, Box<Code>),
    /// A call, a list or an object: what opens it, what is in it, what closes it.
    Group(String, Vec<Code>, &'static str),
    /// A list of one item for each of some rows: item, binding, rows.
    Each(Box<Code>, String, String),
}

impl Code {
    /// A call of a function.
    pub(super) fn call(function: &str, arguments: Vec<Code>) -> Code {
        Code::Group(format!("{function}("), arguments, ")")
    }

    /// A list.
    pub(super) fn list(items: Vec<Code>) -> Code {
        Code::Group("[".into(), items, "]")
    }

    /// A dictionary of entries that are [`Code::Headed`].
    pub(super) fn object(entries: Vec<Code>) -> Code {
        Code::Group("{".into(), entries, "}")
    }

    /// The code from this column on, at this indentation.
    pub(super) fn write(&self, indent: usize, column: usize, out: &mut String) {
        if let Code::Atom(text) = self {
            out.push_str(text);
            return;
        }
        if self.width(WIDTH).is_some_and(|width| column + width <= WIDTH) {
            return self.write_flat(out);
        }
        let inner = indent + LEVEL;
        match self {
            Code::Atom(_) => {}
            Code::Headed(head, code) => {
                out.push_str(head);
                code.write(indent, column + head.chars().count(), out);
            }
            Code::Group(open, items, close) if hugs(items, column + open.chars().count()) => {
                out.push_str(open);
                for (place, item) in items.iter().enumerate() {
                    out.push_str(if place == 0 { "" } else { ", " });
                    // What is hugged is too wide for a line and breaks whatever its column is.
                    item.write(indent, if place + 1 == items.len() { WIDTH } else { 0 }, out);
                }
                out.push_str(close);
            }
            Code::Group(open, items, close) => {
                out.push_str(open);
                for item in items {
                    break_line(inner, out);
                    item.write(inner, inner + 1, out);
                    out.push(',');
                }
                if !items.is_empty() {
                    break_line(indent, out);
                }
                out.push_str(close);
            }
            Code::Each(item, binding, rows) => {
                out.push('[');
                break_line(inner, out);
                item.write(inner, inner, out);
                break_line(inner, out);
                out.push_str(&format!("for {binding} in {rows}"));
                break_line(indent, out);
                out.push(']');
            }
        }
    }

    /// The width in one line; none if it is beyond `most`.
    fn width(&self, most: usize) -> Option<usize> {
        let width = match self {
            Code::Atom(text) => text.chars().count(),
            Code::Headed(head, code) => head.chars().count() + code.width(most)?,
            Code::Group(open, items, _) => {
                let mut width = open.chars().count() + 1;
                for (place, item) in items.iter().enumerate() {
                    width += item.width(most)? + if place == 0 { 0 } else { 2 };
                    if most < width {
                        return None;
                    }
                }
                width
            }
            Code::Each(item, binding, rows) => {
                "[ for  in ]".len() + item.width(most)? + binding.len() + rows.len()
            }
        };
        (width <= most).then_some(width)
    }

    fn write_flat(&self, out: &mut String) {
        match self {
            Code::Atom(text) => out.push_str(text),
            Code::Headed(head, code) => {
                out.push_str(head);
                code.write_flat(out);
            }
            Code::Group(open, items, close) => {
                out.push_str(open);
                for (place, item) in items.iter().enumerate() {
                    out.push_str(if place == 0 { "" } else { ", " });
                    item.write_flat(out);
                }
                out.push_str(close);
            }
            Code::Each(item, binding, rows) => {
                out.push('[');
                item.write_flat(out);
                out.push_str(&format!(" for {binding} in {rows}]"));
            }
        }
    }
}

/// Whether only the last of some items is broken: an object or a list, after a few short ones.
fn hugs(items: &[Code], column: usize) -> bool {
    let Some((last, before)) = items.split_last() else { return false };
    let opens = match last {
        Code::Group(open, inner, _) => (!inner.is_empty()).then(|| open.chars().count()),
        Code::Each(..) => Some(1),
        Code::Atom(_) | Code::Headed(..) => None,
    };
    let mut width = column + opens.unwrap_or(0);
    for item in before {
        let Code::Atom(text) = item else { return false };
        width += text.chars().count() + 2;
    }
    opens.is_some() && width <= WIDTH
}

fn break_line(indent: usize, out: &mut String) {
    out.push('\n');
    out.push_str(&" ".repeat(indent));
}
