//! Names of arguments and columns, and what they are usually for.

/// Arguments that steer a call, by their whole name.
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
        "k",
    ]
    .contains(&name)
}

/// Arguments that steer a call and are not about the data.
pub(super) fn is_control(name: &str) -> bool {
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
    use super::is_control;

    #[test]
    fn steering_is_told_from_data() {
        assert!(is_control("page_size") && is_control("x_amz_date") && !is_control("title"));
    }
}
