//! Character references of HTML (HTML Living Standard section 13.5), those in common use.

/// Longest reference looked for, in bytes.
const REFERENCE_BYTES_MAX: usize = 12;

const NAMED: [(&str, &str); 26] = [
    ("amp", "&"),
    ("lt", "<"),
    ("gt", ">"),
    ("quot", "\""),
    ("apos", "'"),
    ("nbsp", " "),
    ("ndash", "–"),
    ("mdash", "—"),
    ("hellip", "…"),
    ("lsquo", "‘"),
    ("rsquo", "’"),
    ("ldquo", "“"),
    ("rdquo", "”"),
    ("bull", "•"),
    ("middot", "·"),
    ("copy", "©"),
    ("reg", "®"),
    ("trade", "™"),
    ("deg", "°"),
    ("times", "×"),
    ("rarr", "→"),
    ("larr", "←"),
    ("le", "≤"),
    ("ge", "≥"),
    ("euro", "€"),
    ("pound", "£"),
];

/// The text with its character references decoded, once: `&amp;lt;` is `&lt;`.
pub(super) fn decoded(text: &str) -> String {
    if !text.contains('&') {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        out.push_str(&rest[..start]);
        rest = &rest[start + 1..];
        let window = &rest.as_bytes()[..rest.len().min(REFERENCE_BYTES_MAX)];
        let end = window.iter().position(|byte| *byte == b';');
        let meant = end.and_then(|end| Some((end, character(rest.get(..end)?)?)));
        match meant {
            Some((length, shown)) => {
                out.push_str(&shown);
                rest = &rest[length + 1..];
            }
            None => out.push('&'),
        }
    }
    out.push_str(rest);
    out
}

fn character(reference: &str) -> Option<String> {
    if let Some(number) = reference.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code).map(String::from);
    }
    NAMED.iter().find(|(name, _)| *name == reference).map(|(_, text)| (*text).to_string())
}
