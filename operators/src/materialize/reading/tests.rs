//! Tools, and how they are read.

use schemas::{Shape, Tool};

use super::read;
use crate::materialize::lexicon::Act;
use crate::materialize::tests::{field, tool};

fn of_path(name: &str, method: &str, path: &str, arguments: &[&str]) -> Tool {
    let text = |called: &&str| field(called, Shape::text(), true);
    Tool {
        method: (!method.is_empty()).then(|| method.into()),
        path: (!path.is_empty()).then(|| path.into()),
        ..tool(name, arguments.iter().map(text).collect())
    }
}

/// Name, method, path, arguments; then act, entity, and the argument that is the key.
type Case = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
    Act,
    &'static str,
    Option<usize>,
);

#[test]
fn tools_are_read() {
    let cases: [Case; 26] = [
        ("create_invoice", "", "", &["amount"], Act::Create, "invoice", None),
        ("DescribeDBInstances", "POST", "/", &["Filter"], Act::List, "db_instance", None),
        ("Devices_Get", "GET", "", &["deviceId"], Act::Get, "device", Some(0)),
        ("GetLoan", "GET", "/get-loan/{id}", &["id"], Act::Get, "loan", Some(0)),
        ("x", "GET", "/books/{bookId}/loans", &["bookId"], Act::List, "loan", None),
        ("x", "DELETE", "/v2/books/{id}", &["id"], Act::Delete, "book", Some(0)),
        ("x", "POST", "/books/{id}/cancel", &["id"], Act::Become("cancelled"), "book", Some(0)),
        ("x", "POST", "/plans/{id}/revise", &["id", "note"], Act::Update, "plan", Some(0)),
        ("x", "POST", "/orders/{id}/notes", &["id"], Act::Create, "note", None),
        ("x", "POST", "/notes/{logId}", &["logId"], Act::Create, "note", None),
        ("x", "DELETE", "/notes/{logId}/{id}", &["logId", "id"], Act::Delete, "note", Some(1)),
        ("DescribeScans", "POST", "/sites/{id}/scans", &["id"], Act::List, "scan", None),
        ("getAccessToken", "POST", "/tokens", &[], Act::Create, "token", None),
        ("BasketList_AddPear", "", "", &["colour"], Act::Create, "pear", None),
        ("post_api_v1_ShedReport", "POST", "", &[], Act::Create, "shed_report", None),
        ("order_list", "", "", &[], Act::List, "order", None),
        ("admin_inviteCodes_list", "", "", &[], Act::List, "admin_invite_code", None),
        ("find_user_id_by_email", "", "", &["email"], Act::List, "user", None),
        ("convert_units", "", "", &["value"], Act::Answer, "unit", None),
        ("x", "POST", "/stays/cancel", &["stay_id"], Act::Become("cancelled"), "stay", Some(0)),
        (
            "Check_In_Guest",
            "POST",
            "/stays/checkin",
            &["stay_id"],
            Act::Become("checked_in"),
            "stay",
            Some(0),
        ),
        ("send_order_to_kitchen", "", "", &["order_id"], Act::Become("sent"), "order", Some(0)),
        ("mark_order_served", "", "", &["order_id"], Act::Become("served"), "order", Some(0)),
        ("mark_task_as_done", "", "", &["id"], Act::Become("completed"), "task", Some(0)),
        ("check_in", "", "", &["guest_id"], Act::Become("checked_in"), "guest", Some(0)),
        (
            "x_Cancel",
            "DELETE",
            "/rentals/{id}",
            &["id"],
            Act::Become("cancelled"),
            "rental",
            Some(0),
        ),
    ];
    check(&cases);
}

/// What is done to an item, and what is made below it.
#[test]
fn paths_below_an_item_are_read() {
    let cases: [Case; 5] = [
        (
            "Groups_Failover",
            "POST",
            "/groups/{groupName}/failover",
            &["groupName"],
            Act::Become("failed_over"),
            "group",
            Some(0),
        ),
        (
            "Groups_ForceFailoverAllowLoss",
            "POST",
            "/groups/{groupName}/forceFailoverAllowLoss",
            &["groupName"],
            Act::Become("failed_over"),
            "group",
            Some(0),
        ),
        (
            "removeTagForTask",
            "POST",
            "/tasks/{id}/removeTag",
            &["id"],
            Act::Update,
            "task",
            Some(0),
        ),
        (
            "PostWorkerPhotoByWorkerId",
            "POST",
            "/workers/{id}/photo",
            &["id"],
            Act::Create,
            "photo",
            None,
        ),
        ("list_folders", "", "", &["parent_folder_id"], Act::List, "folder", None),
    ];
    check(&cases);
}

/// A group before the verb, with a verb among its words.
#[test]
fn names_with_groups_are_read() {
    let cases: [Case; 4] = [
        (
            "SiteFailoverGroups_Delete",
            "DELETE",
            "/sites/{siteName}/siteFailoverGroups/{failoverGroupName}",
            &["siteName", "failoverGroupName"],
            Act::Delete,
            "site_failover_group",
            Some(1),
        ),
        (
            "SiteFailoverGroups_ListBySite",
            "GET",
            "/sites/{siteName}/siteFailoverGroups",
            &["siteName"],
            Act::List,
            "site_failover_group",
            None,
        ),
        (
            "SiteFailoverGroups_CreateOrUpdate",
            "PUT",
            "/sites/{siteName}/siteFailoverGroups/{failoverGroupName}",
            &["siteName", "failoverGroupName"],
            Act::Create,
            "site_failover_group",
            Some(1),
        ),
        (
            "SiteFailoverGroups_ListBySite",
            "",
            "",
            &["site_name"],
            Act::List,
            "site_failover_group",
            None,
        ),
    ];
    check(&cases);
}

fn check(cases: &[Case]) {
    for (name, method, path, arguments, act, entity, key) in cases {
        let tool = of_path(name, method, path, arguments);
        let reading = read(&tool);
        let found = (reading.act, reading.entity.as_str(), reading.key.map(|it| it.place));
        assert_eq!(found, (*act, *entity, *key), "{name} {method} {path}");
    }
}

/// What is put is made, unless it is said to be there.
#[test]
fn what_is_put_is_made_or_changed() {
    for (description, act) in [
        ("Updates a shelf by its id.", Act::Update),
        ("Edit a shelf", Act::Update),
        ("Creates a shelf.", Act::Create),
        ("", Act::Create),
    ] {
        let tool = of_path("put_shelves_id", "PUT", "/shelves/{id}", &["id", "width"]);
        let tool = Tool { description: description.into(), ..tool };
        assert_eq!(read(&tool).act, act, "{description}");
    }
}
