//! Verbs of tool names and what they do to rows, and names of arguments that steer a call.

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
            "resolve",
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
const STATUS: [(&str, &str, &str); 62] = [
    ("cancel", "cancelled", "active"),
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
];

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

/// What a row's status likely was before a verb brought it into another.
pub(super) fn status_before(verb: &str) -> Option<&'static str> {
    STATUS.iter().find(|(known, _, _)| *known == verb).map(|(_, _, before)| *before)
}

/// Verbs after which what a row took from another is given back.
pub(super) fn gives_back(verb: &str) -> bool {
    ["cancel", "return", "refund", "void", "release", "delete", "remove"].contains(&verb)
}

/// Words that say nothing about which noun is meant.
pub(super) const DETERMINERS: [&str; 36] = [
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

/// Arguments that limit how much is listed.
pub(super) fn is_limit(name: &str) -> bool {
    [
        "limit",
        "per_page",
        "page_size",
        "pagesize",
        "max_results",
        "maxresults",
        "top",
        "count",
        "num_results",
        "max_items",
        "size",
        "n",
        "max_records",
        "results_per_page",
        "limit_to",
        "number_of_results",
        "num",
        "perpage",
        "maxitems",
        "max_count",
    ]
    .contains(&name)
}

/// Arguments that steer a call and are not about the data.
pub(super) fn is_control(name: &str) -> bool {
    const CONTROLS: [&str; 97] = [
        "page",
        "page_number",
        "page_no",
        "page_num",
        "page_index",
        "offset",
        "cursor",
        "skip",
        "start_index",
        "startindex",
        "sort",
        "sort_by",
        "sortby",
        "sort_order",
        "sort_direction",
        "sort_dir",
        "order",
        "order_by",
        "orderby",
        "direction",
        "dir",
        "asc",
        "desc",
        "fields",
        "field",
        "include",
        "includes",
        "expand",
        "embed",
        "exclude",
        "select",
        "format",
        "output_format",
        "response_format",
        "api_version",
        "apiversion",
        "api_key",
        "apikey",
        "access_token",
        "oauth_token",
        "auth_token",
        "token",
        "next_token",
        "page_token",
        "next_page_token",
        "starting_token",
        "marker",
        "continuation_token",
        "authorization",
        "accept",
        "accept_language",
        "accept_encoding",
        "content_type",
        "user_agent",
        "client_token",
        "client_request_token",
        "idempotency_key",
        "request_id",
        "x_request_id",
        "dry_run",
        "dryrun",
        "pretty",
        "pretty_print",
        "prettyprint",
        "alt",
        "quota_user",
        "callback",
        "jsonp",
        "async",
        "debug",
        "verbose",
        "force",
        "validate_only",
        "update_mask",
        "read_mask",
        "if_match",
        "if_none_match",
        "if_modified_since",
        "if_unmodified_since",
        "envelope",
        "timeout",
        "cache",
        "no_wait",
        "wait",
        "lang",
        "locale",
        "headers",
        "cookies",
        "signature",
        "exact",
        "case_sensitive",
        "strict",
        "inline",
        "raw",
        "rapidapi_key",
        "x_rapidapi_key",
        "nonce",
    ];
    CONTROLS.contains(&name)
        || ["x_", "include_", "exclude_", "return_", "fetch_", "expand_", "page_", "show_"]
            .iter()
            .any(|start| name.starts_with(start))
}

/// Arguments that search the text of a row.
pub(super) fn is_search(name: &str) -> bool {
    [
        "query",
        "q",
        "search",
        "keyword",
        "keywords",
        "term",
        "search_term",
        "search_query",
        "search_text",
        "text",
        "filter",
        "search_string",
        "phrase",
        "search_keyword",
        "querystring",
        "query_string",
        "search_terms",
        "s",
        "name_contains",
    ]
    .contains(&name)
}

/// Columns by which a person would call a row, best first.
pub(super) const LABELS: [&str; 20] = [
    "title",
    "name",
    "display_name",
    "full_name",
    "subject",
    "label",
    "headline",
    "summary",
    "username",
    "first_name",
    "email",
    "description",
    "message",
    "text",
    "content",
    "body",
    "city",
    "caption",
    "comment",
    "note",
];

/// Columns that hold a stock which other rows take from.
pub(super) fn is_quantity(name: &str) -> bool {
    [
        "stock",
        "copies_available",
        "available_copies",
        "seats",
        "seats_available",
        "available_seats",
        "inventory",
        "balance",
        "available_quantity",
        "quantity_available",
        "stock_quantity",
        "quantity_in_stock",
        "stock_level",
        "available_units",
        "rooms_available",
        "available_rooms",
        "tickets_available",
        "available_tickets",
        "remaining_seats",
        "units_in_stock",
        "spots_available",
        "inventory_quantity",
        "current_stock",
        "credits",
    ]
    .contains(&name)
}

/// Arguments that say how much of a stock is taken.
pub(super) fn is_amount(name: &str) -> bool {
    [
        "quantity",
        "amount",
        "count",
        "seats",
        "number_of_seats",
        "num_seats",
        "tickets",
        "num_tickets",
        "number_of_tickets",
        "units",
        "rooms",
        "num_rooms",
        "qty",
        "copies",
        "passengers",
        "num_passengers",
        "ticket_count",
    ]
    .contains(&name)
}

#[cfg(test)]
mod tests {
    use super::{Act, act, event, is_control};

    #[test]
    fn verbs_say_what_they_do() {
        assert_eq!(act("describe"), Some(Act::Get));
        assert_eq!(act("cancel"), Some(Act::Become("cancelled")));
        assert_eq!(act("borrow"), Some(Act::Create));
        assert_eq!(event("borrow"), Some("loan"));
        assert_eq!(act("invoice"), None);
        assert!(is_control("page_size") && is_control("x_amz_date") && !is_control("title"));
    }
}
