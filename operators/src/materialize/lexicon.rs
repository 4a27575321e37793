//! Verbs of tool names and what they do to rows.

pub(super) use crate::materialize::lexicon::statuses::{FIRST, is_last};
use crate::materialize::lexicon::statuses::{KEYED, MARKS, STATUS};

mod statuses;

/// What a tool does to the rows of its entity.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub(super) enum Act {
    /// Answers with one row.
    Get,
    /// Answers with the rows that pass its filters.
    List,
    /// Answers with how many rows pass.
    Count,
    /// Makes a row.
    Create,
    /// Changes columns of a row.
    Update,
    /// Removes a row.
    Delete,
    /// Brings a row into this status.
    Become(&'static str),
    /// Answers from a table of cases.
    Answer,
}

impl Act {
    /// Whether the act is about one row that already exists.
    pub(super) fn needs_row(self) -> bool {
        matches!(self, Act::Get | Act::Update | Act::Delete | Act::Become(_))
    }

    /// Whether the act changes the state.
    pub(super) fn writes(self) -> bool {
        matches!(self, Act::Create | Act::Update | Act::Delete | Act::Become(_))
    }
}

const PLAIN: [(Act, &[&str]); 7] = [
    (
        Act::Get,
        &[
            "get", "describe", "retrieve", "fetch", "read", "show", "view", "lookup", "load",
            "head", "inspect", "download", "display", "track", "monitor",
        ],
    ),
    (
        Act::List,
        &["list", "search", "find", "query", "browse", "filter", "enumerate", "scan", "discover"],
    ),
    (Act::Count, &["count"]),
    (
        Act::Create,
        &[
            "create",
            "add",
            "post",
            "insert",
            "register",
            "make",
            "submit",
            "schedule",
            "upload",
            "save",
            "send",
            "import",
            "issue",
            "provision",
            "launch",
            "allocate",
            "invite",
            "put",
            "record",
            "log",
            "clone",
            "copy",
            "fork",
            "append",
            "compose",
            "place",
            "request",
            "deposit",
            "grant",
            "write",
            "reply",
            "new",
            "build",
            "draft",
            "share",
        ],
    ),
    (
        Act::Update,
        &[
            "update",
            "modify",
            "edit",
            "patch",
            "change",
            "set",
            "rename",
            "replace",
            "configure",
            "adjust",
            "extend",
            "renew",
            "move",
            "assign",
            "unassign",
            "upgrade",
            "resize",
            "reschedule",
            "tag",
            "untag",
            "label",
            "associate",
            "disassociate",
            "merge",
            "reset",
            "rotate",
            "sync",
            "refresh",
            "increment",
            "decrement",
            "increase",
            "decrease",
            "bind",
            "unbind",
            "mark",
            "scale",
            "convertlead",
            "touch",
            "exchange",
            "revise",
            "amend",
            "redeem",
            "toggle",
            "link",
            "unlink",
            "connect",
            "disconnect",
            "reassign",
            "swap",
            "reindex",
            "reorder",
        ],
    ),
    (
        Act::Delete,
        &[
            "delete",
            "remove",
            "destroy",
            "drop",
            "purge",
            "erase",
            "deregister",
            "unregister",
            "uninstall",
            "clear",
            "discard",
        ],
    ),
    (
        Act::Answer,
        &[
            "calculate",
            "compute",
            "convert",
            "translate",
            "generate",
            "analyze",
            "analyse",
            "estimate",
            "predict",
            "validate",
            "check",
            "verify",
            "detect",
            "classify",
            "summarize",
            "compare",
            "evaluate",
            "parse",
            "extract",
            "test",
            "preview",
            "simulate",
            "ping",
            "ask",
            "recommend",
            "suggest",
            "solve",
            "geocode",
            "encode",
            "decode",
            "is",
            "has",
            "calc",
            "explain",
            "measure",
            "optimize",
            "format",
            "random",
            "play",
            "export",
            "render",
            "lint",
            "diff",
            "quote",
            "forecast",
            "exists",
        ],
    ),
];

/// The status and the verb that a word such as `paid` stands for.
pub(super) fn marked(word: &str) -> Option<(&'static str, &'static str)> {
    MARKS.iter().find(|(known, ..)| *known == word).map(|(_, status, _, verb)| (*status, *verb))
}

/// Verbs that make a row of another noun about their object: borrowing a book makes a loan.
const EVENTS: [(&str, &str); 17] = [
    ("borrow", "loan"),
    ("lend", "loan"),
    ("rent", "rental"),
    ("reserve", "reservation"),
    ("book", "booking"),
    ("buy", "purchase"),
    ("purchase", "purchase"),
    ("order", "order"),
    ("subscribe", "subscription"),
    ("enroll", "enrollment"),
    ("pay", "payment"),
    ("donate", "donation"),
    ("vote", "vote"),
    ("transfer", "transfer"),
    ("withdraw", "withdrawal"),
    ("hire", "hire"),
    ("apply", "application"),
];

/// What a verb does; none if it is no verb that tools are named by.
pub(super) fn act(verb: &str) -> Option<Act> {
    if let Some((_, status, _)) = STATUS.iter().find(|(known, _, _)| *known == verb) {
        return Some(Act::Become(status));
    }
    if event(verb).is_some() {
        return Some(Act::Create);
    }
    let plain = PLAIN.iter().find(|(_, verbs)| verbs.contains(&verb)).map(|(act, _)| *act);
    plain.or_else(|| on_a_row(verb))
}

/// What a verb does to a row that a required argument names, where without such an argument it
/// makes or computes something or is no verb at all: `solve_ticket(ticket_id)`.
pub(super) fn on_a_row(verb: &str) -> Option<Act> {
    KEYED.iter().find(|(known, ..)| *known == verb).map(|(_, status, _)| match *status {
        "" => Act::Update,
        status => Act::Become(status),
    })
}

/// Verbs that make a row even where the caller says its key.
pub(super) fn makes(verb: &str) -> bool {
    [
        "create",
        "add",
        "register",
        "put",
        "import",
        "new",
        "insert",
        "provision",
        "make",
        "upload",
        "save",
        "issue",
        "post",
        "launch",
        "allocate",
    ]
    .contains(&verb)
}

/// Verbs that compute something, but of a row that an argument names only look at it:
/// `check_order_status(order_id)`.
pub(super) fn looks(verb: &str) -> bool {
    ["check", "preview", "export", "verify"].contains(&verb)
}

/// Verbs that make a row like the one that the argument names.
pub(super) fn copies(verb: &str) -> bool {
    ["clone", "copy", "fork"].contains(&verb)
}

/// The noun of what a verb brings about, for verbs whose object already exists.
pub(super) fn event(verb: &str) -> Option<&'static str> {
    EVENTS.iter().find(|(known, _)| *known == verb).map(|(_, noun)| *noun)
}

/// Whether a noun is what some verb brings about, such as a loan.
pub(super) fn is_event(noun: &str) -> bool {
    EVENTS.iter().any(|(_, made)| *made == noun)
}

/// Statuses that mean much the same as another, best first.
pub(super) fn akin(status: &str) -> &'static [&'static str] {
    match status {
        "released" => &["available", "free"],
        "running" => &["active", "in_progress", "started"],
        "completed" => &["done", "finished"],
        "finished" => &["completed", "done"],
        _ => &[],
    }
}

/// What a row's status likely was before a verb brought it into this one.
pub(super) fn status_before(verb: &str, status: &str) -> Option<&'static str> {
    let mut verbs = STATUS.iter().chain(KEYED);
    let by_verb = verbs.find(|(known, after, _)| *known == verb && *after == status);
    let by_mark = || MARKS.iter().find(|(_, after, ..)| *after == status);
    by_verb.map(|(_, _, before)| *before).or_else(|| by_mark().map(|(_, _, before, _)| *before))
}

/// Verbs after which what a row took from another is given back.
pub(super) fn gives_back(verb: &str) -> bool {
    ["cancel", "return", "refund", "void", "release", "delete", "remove"].contains(&verb)
}

/// Words that say nothing about which noun is meant.
pub(super) const DETERMINERS: [&str; 43] = [
    "pending",
    "delivered",
    "active",
    "inactive",
    "completed",
    "past",
    "expired",
    "all",
    "my",
    "the",
    "a",
    "an",
    "new",
    "current",
    "latest",
    "recent",
    "available",
    "specific",
    "single",
    "multiple",
    "many",
    "batch",
    "bulk",
    "existing",
    "upcoming",
    "own",
    "full",
    "given",
    "your",
    "our",
    "list",
    "or",
    "update",
    "create",
    "multi",
    "every",
    "global",
    "async",
    "sync",
    "own",
    "me",
    "and",
    "v2",
];

/// Words after the noun that say how much of it is meant.
pub(super) const TAILS: [&str; 16] = [
    "detail",
    "details",
    "info",
    "information",
    "list",
    "data",
    "summary",
    "result",
    "results",
    "record",
    "records",
    "entry",
    "entries",
    "object",
    "objects",
    "item",
];

/// Words that end a noun phrase.
pub(super) const PREPOSITIONS: [&str; 20] = [
    "by", "for", "from", "in", "of", "to", "with", "on", "at", "via", "using", "as", "into", "per",
    "within", "between", "under", "through", "near", "without",
];

/// Words that end the name of a key.
pub(super) const KEY_WORDS: [&str; 12] =
    ["id", "uuid", "guid", "arn", "identifier", "key", "pk", "oid", "number", "slug", "uid", "no"];

#[cfg(test)]
mod tests {
    use super::{Act, act, event};

    #[test]
    fn verbs_say_what_they_do() {
        assert_eq!(act("describe"), Some(Act::Get));
        assert_eq!(act("cancel"), Some(Act::Become("cancelled")));
        assert_eq!(act("borrow"), Some(Act::Create));
        assert_eq!(event("borrow"), Some("loan"));
        assert_eq!(act("invoice"), None);
    }
}
