//! Verbs of tool names and what they do to rows.

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
            "head", "inspect", "download", "display",
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

/// Verbs that bring a row into a status: the verb, the status, what it was likely before.
const STATUS: &[(&str, &str, &str)] = &[
    ("cancel", "cancelled", "active"),
    ("authorize", "authorized", "pending"),
    ("approve", "approved", "pending"),
    ("reject", "rejected", "pending"),
    ("archive", "archived", "active"),
    ("unarchive", "active", "archived"),
    ("start", "running", "stopped"),
    ("stop", "stopped", "running"),
    ("restart", "restarting", "running"),
    ("reboot", "rebooting", "running"),
    ("pause", "paused", "active"),
    ("resume", "active", "paused"),
    ("enable", "enabled", "disabled"),
    ("disable", "disabled", "enabled"),
    ("activate", "active", "inactive"),
    ("deactivate", "inactive", "active"),
    ("publish", "published", "draft"),
    ("unpublish", "draft", "published"),
    ("close", "closed", "open"),
    ("reopen", "open", "closed"),
    ("open", "open", "closed"),
    ("complete", "completed", "pending"),
    ("finish", "finished", "in_progress"),
    ("confirm", "confirmed", "pending"),
    ("accept", "accepted", "pending"),
    ("decline", "declined", "pending"),
    ("suspend", "suspended", "active"),
    ("unsuspend", "active", "suspended"),
    ("lock", "locked", "unlocked"),
    ("unlock", "unlocked", "locked"),
    ("block", "blocked", "active"),
    ("unblock", "active", "blocked"),
    ("ban", "banned", "active"),
    ("unban", "active", "banned"),
    ("restore", "active", "archived"),
    ("return", "returned", "active"),
    ("refund", "refunded", "paid"),
    ("void", "voided", "open"),
    ("capture", "captured", "authorized"),
    ("ship", "shipped", "pending"),
    ("deliver", "delivered", "shipped"),
    ("mute", "muted", "active"),
    ("unmute", "active", "muted"),
    ("hide", "hidden", "visible"),
    ("unhide", "visible", "hidden"),
    ("dismiss", "dismissed", "open"),
    ("revoke", "revoked", "active"),
    ("terminate", "terminated", "running"),
    ("deploy", "deployed", "pending"),
    ("promote", "promoted", "active"),
    ("finalize", "finalized", "draft"),
    ("release", "released", "held"),
    ("retry", "pending", "failed"),
    ("expire", "expired", "active"),
    ("attach", "attached", "detached"),
    ("detach", "detached", "attached"),
    ("star", "starred", "unstarred"),
    ("unstar", "unstarred", "starred"),
    ("pin", "pinned", "unpinned"),
    ("unpin", "unpinned", "pinned"),
    ("execute", "completed", "ready"),
    ("run", "running", "ready"),
    ("abort", "aborted", "running"),
    ("serve", "served", "pending"),
    ("settle", "settled", "open"),
    ("resolve", "resolved", "open"),
    ("check in", "checked_in", "booked"),
    ("check out", "checked_out", "checked_in"),
    ("sign off", "signed_off", "pending"),
    ("clock in", "clocked_in", "clocked_out"),
    ("clock out", "clocked_out", "clocked_in"),
    ("opt out", "opted_out", "opted_in"),
    ("opt in", "opted_in", "opted_out"),
    ("shut down", "stopped", "running"),
    ("turn on", "on", "off"),
    ("turn off", "off", "on"),
    ("switch on", "on", "off"),
    ("switch off", "off", "on"),
    ("power on", "on", "off"),
    ("power off", "off", "on"),
];

/// Conditions that rows are marked with: the word, the status, what it likely was, and the verb
/// people use for it.
const MARKS: &[(&str, &str, &str, &str)] = &[
    ("served", "served", "pending", "serve"),
    ("paid", "paid", "unpaid", "pay"),
    ("unpaid", "unpaid", "paid", "mark"),
    ("complete", "completed", "pending", "complete"),
    ("completed", "completed", "pending", "complete"),
    ("done", "completed", "pending", "complete"),
    ("finished", "finished", "in_progress", "finish"),
    ("delivered", "delivered", "shipped", "deliver"),
    ("shipped", "shipped", "pending", "ship"),
    ("resolved", "resolved", "open", "resolve"),
    ("closed", "closed", "open", "close"),
    ("open", "open", "closed", "open"),
    ("approved", "approved", "pending", "approve"),
    ("rejected", "rejected", "pending", "reject"),
    ("cancelled", "cancelled", "active", "cancel"),
    ("read", "read", "unread", "mark"),
    ("unread", "unread", "read", "mark"),
    ("seen", "seen", "unseen", "mark"),
    ("sold", "sold", "available", "sell"),
    ("ready", "ready", "pending", "mark"),
    ("attended", "attended", "registered", "attend"),
    ("verified", "verified", "pending", "verify"),
    ("spam", "spam", "inbox", "mark"),
    ("sent", "sent", "draft", "send"),
    ("submitted", "submitted", "draft", "submit"),
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
    PLAIN.iter().find(|(_, verbs)| verbs.contains(&verb)).map(|(act, _)| *act)
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
    let by_verb = STATUS.iter().find(|(known, after, _)| *known == verb && *after == status);
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
