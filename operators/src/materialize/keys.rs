//! Keys of no row: no tool may take one for a row, whatever its verb.

use std::sync::Arc;

use schemas::{Draw, Effect, EnvironmentPlan, Shape, Tool, Value};

use super::tests::{domain, field, library, tool};
use super::{gate, materialize};
use crate::engine::World;

/// Tools by name, each with its arguments, all of them required.
fn tools(named: &[(&str, &[&str])]) -> Vec<Arc<Tool>> {
    let made = named.iter().map(|(name, arguments)| {
        let fields = arguments.iter().map(|it| {
            let number = *it == "amount" || *it == "tip";
            field(it, if number { Shape::number() } else { Shape::text() }, true)
        });
        Arc::new(tool(name, fields.collect()))
    });
    made.collect()
}

fn restaurant() -> Vec<Arc<Tool>> {
    tools(&[
        ("create_order", &["table_id", "waiter_name"]),
        ("get_order", &["order_id"]),
        ("list_tables", &[]),
        ("pay_order", &["order_id", "method", "tip"]),
        ("serve_order", &["order_id"]),
        ("send_order_to_kitchen", &["order_id"]),
        ("move_order", &["order_id", "new_table_id"]),
        ("add_order_line", &["order_id", "dish_name"]),
        ("remove_order_line", &["order_id", "line_id"]),
    ])
}

fn desk() -> Vec<Arc<Tool>> {
    tools(&[
        ("open_ticket", &["subject", "body"]),
        ("get_ticket", &["ticket_id"]),
        ("list_agents", &[]),
        ("merge_tickets", &["ticket_id", "duplicate_ticket_id"]),
        ("solve_ticket", &["ticket_id"]),
        ("escalate_ticket", &["ticket_id"]),
        ("reply_ticket", &["ticket_id", "body"]),
        ("assign_ticket", &["ticket_id", "agent_id"]),
    ])
}

fn museum() -> Vec<Arc<Tool>> {
    tools(&[
        ("list_objects", &[]),
        ("get_object", &["object_id"]),
        ("create_exhibition", &["title"]),
        ("get_exhibition", &["exhibition_id"]),
        ("add_object_to_exhibition", &["exhibition_id", "object_id"]),
        ("remove_object_from_exhibition", &["exhibition_id", "object_id"]),
    ])
}

fn clinic() -> Vec<Arc<Tool>> {
    tools(&[
        ("book_appointment", &["patient_id", "slot_id"]),
        ("list_slots", &[]),
        ("get_patient", &["patient_id"]),
        ("reschedule_appointment", &["appointment_id", "new_slot_id"]),
        ("cancel_appointment", &["appointment_id"]),
        ("discharge_patient", &["patient_id"]),
        ("delete_patient", &["patient_id"]),
    ])
}

fn fleet() -> Vec<Arc<Tool>> {
    tools(&[
        ("list_vehicles", &[]),
        ("rename_vehicle", &["vehicle_id", "new_name"]),
        ("report_stolen_vehicle", &["vehicle_id"]),
        ("dispatch_vehicle", &["vehicle_id", "depot_id"]),
        ("inspect_vehicle", &["vehicle_id"]),
        ("get_depot", &["depot_id"]),
        ("clone_depot", &["depot_id", "name"]),
    ])
}

#[test]
fn keys_of_no_row_are_refused() {
    for (name, tools) in [
        ("library", library()),
        ("restaurant", restaurant()),
        ("desk", desk()),
        ("museum", museum()),
        ("clinic", clinic()),
        ("fleet", fleet()),
    ] {
        let made = materialize(&domain(name, &tools), &tools, &EnvironmentPlan::default(), 7);
        assert_eq!(made.rejections, [], "{name}");
        let world = World::new(made.environment.unwrap()).unwrap();
        for operation in &world.environment().operations {
            let keys = operation.input.iter().filter(|it| it.required && it.name.ends_with("_id"));
            for key in keys {
                let given = (0..32).find_map(|at| {
                    let given = gate::arguments(&world, operation, Draw::new(7).at(at), true)?;
                    (!world.whole().call(&operation.name, &given).failed).then_some(given)
                });
                let Some(Value::Object(mut entries)) = given else {
                    panic!("nothing makes {} succeed", operation.name)
                };
                for (argument, value) in &mut entries {
                    if *argument == key.name {
                        *value = Value::text("no-such-key");
                    }
                }
                let told = world.whole().call(&operation.name, &Value::Object(entries));
                assert!(told.failed, "{name}: {} takes any {}", operation.name, key.name);
            }
        }
    }
}

/// What verbs bring rows into, and that a thing taken out of another is still there.
#[test]
fn verbs_on_a_row_change_it() {
    for (name, tools, operation, status) in [
        ("restaurant", restaurant(), "pay_order", "paid"),
        ("desk", desk(), "solve_ticket", "solved"),
        ("fleet", fleet(), "report_stolen_vehicle", "stolen"),
    ] {
        let made = materialize(&domain(name, &tools), &tools, &EnvironmentPlan::default(), 7);
        let world = World::new(made.environment.unwrap()).unwrap();
        let operation = world.operation(operation).unwrap();
        assert_eq!(operation.effect, Effect::Write);
        let told = (0..32).find_map(|at| {
            let given = gate::arguments(&world, operation, Draw::new(7).at(at), true)?;
            let told = world.whole().call(&operation.name, &given);
            (!told.failed).then_some(told)
        });
        assert_eq!(told.unwrap().value().get("status"), Some(&Value::text(status)), "{name}");
    }
    let tools = museum();
    let made = materialize(&domain("museum", &tools), &tools, &EnvironmentPlan::default(), 7);
    let environment = made.environment.unwrap();
    let found = environment.operations.iter().find(|it| it.name.starts_with("remove")).unwrap();
    assert!(!found.writes.iter().any(|it| it.0 == "objects"), "{:?}", found.writes);
}
