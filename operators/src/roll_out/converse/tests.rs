//! Conversations with a model that is played by hand.

use std::collections::BTreeSet;

use schemas::{
    Answer, Effect, Finish, PromptRole, Purpose, Request, RolloutPlan, Speaker, Task, TaskKind,
    TaskPlan, ToolFormat, Trajectory, Value,
};

use super::{ASKINGS_MAX, Conversation, Step, converse};
use crate::compose::compose;
use crate::engine::{World, example};
use crate::verify::verify;

fn library() -> (World, Vec<Task>) {
    let library = example::library();
    let world = World::new(library.clone()).unwrap();
    let plan = TaskPlan { per_operation: 4, ..TaskPlan::default() };
    let tasks = compose(&library, &world, &plan, 7).tasks;
    (world, tasks)
}

fn plan(agent: &str, user: &str) -> RolloutPlan {
    RolloutPlan { agent_model: agent.into(), user_model: user.into(), ..RolloutPlan::default() }
}

fn answer(request: &Request, text: impl Into<String>) -> Answer {
    let (request, finish) = (request.id(), Finish::Stop);
    Answer { request, text: text.into(), finish, tokens_in: 0, tokens_out: 0 }
}

/// What the agent that knows the golden calls says: calls while there are some, then words.
fn golden(task: &Task, request: &Request) -> String {
    let last = request.messages.last().unwrap();
    let said = |role| request.messages.iter().filter(move |it| it.role == role);
    let made = said(PromptRole::Tool).count();
    let mut end = 0;
    for intent in &task.scenario.intents {
        end += intent.calls.len();
        let heard = said(PromptRole::User).any(|it| it.content == intent.request);
        if end <= made || !heard {
            continue;
        }
        let told = |answer: &str| said(PromptRole::User).any(|it| it.content.contains(answer));
        if let Some(fact) = intent.on_request.iter().find(|fact| !told(&fact.answer)) {
            return format!("What is the {}?", fact.label);
        }
        let call = &task.golden[made];
        let sent = Value::text(call.arguments.to_string());
        let function = Value::Object(vec![
            ("name".into(), Value::text(&call.name)),
            ("arguments".into(), sent),
        ]);
        let calling = Value::Object(vec![("function".into(), function)]);
        let thought = "I know <b>perfectly</b> what to do.";
        return Value::Object(vec![
            ("content".into(), Value::Null),
            ("reasoning_content".into(), Value::text(thought)),
            ("tool_calls".into(), Value::List(vec![calling])),
        ])
        .to_string();
    }
    match last.role {
        _ if task.golden.is_empty() => "I'm sorry, I can't do that.".into(),
        _ => "That is done.".into(),
    }
}

/// The whole conversation of an agent, and what was asked on the way.
fn held(task: &Task, world: &World, plan: &RolloutPlan) -> (Trajectory, Vec<Request>) {
    let mut conversation = Conversation::begin(task, world, plan, 7, 0);
    let (mut asked, mut answers) = (Vec::new(), Vec::new());
    while let Step::Ask(request) = conversation.step() {
        assert_eq!(conversation.step(), Step::Ask(request.clone()), "it waits for the answer");
        let said = answer(&request, golden(task, &request));
        conversation.hear(&said);
        answers.push(said);
        asked.push(*request);
        assert!(asked.len() < 100, "it comes to an end");
    }
    let Step::Over(trajectory) = conversation.step() else { panic!() };
    let again = converse(task, world, plan, (7, 0), &answers);
    assert_eq!(again, Step::Over(trajectory.clone()), "a function of the answers");
    (*trajectory, asked)
}

#[test]
fn agent_that_follows_the_golden_calls_is_kept() {
    let (world, tasks) = library();
    let plan = plan("m", "");
    for task in &tasks {
        let (trajectory, asked) = held(task, &world, &plan);
        let verdict = verify(&trajectory, task, &world, &schemas::FilterPlan::default());
        assert!(verdict.is_kept(), "{:?}: {}: {:#?}", task.kind, verdict.reason, trajectory);
        assert!(trajectory.ended && trajectory.agent == "m" && trajectory.user == "built-in");
        let ids: BTreeSet<_> = asked.iter().map(Request::id).collect();
        assert_eq!(ids.len(), asked.len(), "nothing is asked twice");
        for request in &asked {
            assert_eq!(request.purpose, Purpose::Agent);
            assert_eq!(request.tools.len(), task.offered.len());
            let shown = format!("{:?}", request.messages);
            assert!(!shown.contains("perfectly"), "thoughts are not sent back");
        }
        let thoughts = trajectory.messages.iter().filter(|it| !it.reasoning.is_empty()).count();
        assert_eq!(thoughts, task.golden.len());
    }
    let kinds: BTreeSet<TaskKind> = tasks.iter().map(|task| task.kind).collect();
    assert!(3 < kinds.len(), "{kinds:?}");
}

#[test]
fn calls_go_by_ids_of_their_places() {
    let (world, tasks) = library();
    let task = tasks.iter().find(|task| 1 < task.golden.len()).unwrap();
    let (_, asked) = held(task, &world, &plan("m", ""));
    let messages = &asked.last().unwrap().messages;
    let made: Vec<&str> =
        messages.iter().flat_map(|it| &it.calls).map(|call| call.id.as_str()).collect();
    let answered: Vec<&str> = messages
        .iter()
        .filter(|it| it.role == PromptRole::Tool)
        .map(|it| it.answers.as_str())
        .collect();
    assert_eq!(made, answered);
    assert_eq!(made[..2], ["call00001", "call00002"]);
}

#[test]
fn user_that_is_a_model_sees_neither_tools_nor_observations_nor_thoughts() {
    let (world, tasks) = library();
    let plan = plan("m", "u");
    let task = tasks.iter().find(|task| task.kind == TaskKind::Single).unwrap();
    let mut conversation = Conversation::begin(task, &world, &plan, 7, 0);
    let mut of_user = Vec::new();
    while let Step::Ask(request) = conversation.step() {
        let said = match request.purpose {
            Purpose::User if of_user.is_empty() => task.scenario.intents[0].request.clone(),
            Purpose::User => "Thanks! ###STOP###".into(),
            _ => golden(task, &request),
        };
        conversation.hear(&answer(&request, said));
        if request.purpose == Purpose::User {
            of_user.push(*request);
        }
    }
    let Step::Over(trajectory) = conversation.step() else { panic!() };
    assert!(trajectory.ended && trajectory.messages.last().unwrap().content == "Thanks!");
    assert!(verify(&trajectory, task, &world, &schemas::FilterPlan::default()).is_kept());
    for request in &of_user {
        let shown = format!("{:?}", request.messages);
        assert!(request.tools.is_empty() && shown.contains(&task.scenario.instruction));
        let names = task.golden.iter().map(|call| &call.name);
        assert!(names.into_iter().all(|name| !shown.contains(name.as_str())), "{shown}");
        assert!(!shown.contains(&task.golden[0].observation) && !shown.contains("perfectly"));
    }
    // To itself the user is the assistant, and somebody else has begun.
    let roles: Vec<PromptRole> = of_user[1].messages.iter().map(|it| it.role).collect();
    let (system, user, own) = (PromptRole::System, PromptRole::User, PromptRole::Assistant);
    assert_eq!(roles, [system, user, own, user]);
}

#[test]
fn prompt_format_has_everything_in_the_text() {
    let (world, tasks) = library();
    let plan = RolloutPlan { tool_format: ToolFormat::Prompt, ..plan("m", "") };
    let task = tasks.iter().find(|task| task.kind == TaskKind::Single).unwrap();
    let mut conversation = Conversation::begin(task, &world, &plan, 7, 0);
    let Step::Ask(first) = conversation.step() else { panic!() };
    let system = &first.messages[0].content;
    assert!(first.tools.is_empty() && task.offered.iter().all(|name| system.contains(name)));
    let call = &task.golden[0];
    let written = format!("{{\"name\": \"{}\", \"arguments\": {}}}", call.name, call.arguments);
    let two = format!("<tool_call>{written}</tool_call>\n<tool_call>{written}</tool_call>");
    conversation.hear(&answer(&first, two));
    let Step::Ask(second) = conversation.step() else { panic!() };
    let [.., said, seen] = &second.messages[..] else { panic!() };
    assert_eq!(
        said.content,
        format!("<tool_call>\n{written}\n</tool_call>\n<tool_call>\n{written}\n</tool_call>")
    );
    assert_eq!((seen.role, seen.content.matches("<tool_response>").count()), (PromptRole::User, 2));
    assert!(seen.content.contains(&call.observation));
}

#[test]
fn what_is_cut_off_is_asked_for_again_and_then_given_up() {
    let (world, tasks) = library();
    let plan = plan("m", "");
    let cut = |request: &Request| Answer { finish: Finish::Length, ..answer(request, "I th") };
    let mut conversation = Conversation::begin(&tasks[0], &world, &plan, 7, 2);
    let mut trials = Vec::new();
    while let Step::Ask(request) = conversation.step() {
        trials.push(request.trial);
        conversation.hear(&cut(&request));
    }
    assert_eq!(trials, [2, 1_002, 2_002]);
    assert_eq!(u32::try_from(trials.len()), Ok(ASKINGS_MAX));
    let Step::Failed(reason) = conversation.step() else { panic!() };
    assert_eq!(reason, "model \"m\" as the agent was cut off, 3 times at message 2");

    // Once is no harm: the next message begins to count anew.
    let mut patient = Conversation::begin(&tasks[0], &world, &plan, 7, 0);
    for _ in 0..2 {
        let Step::Ask(request) = patient.step() else { panic!() };
        patient.hear(&cut(&request));
        let Step::Ask(again) = patient.step() else { panic!() };
        patient.hear(&answer(&again, golden(&tasks[0], &again)));
    }
    assert!(!matches!(patient.step(), Step::Failed(_)));
}

#[test]
fn conversation_that_is_too_long_has_not_ended() {
    let (world, tasks) = library();
    let task = tasks.iter().find(|task| 1 < task.golden.len()).unwrap();
    for messages_max in 2..12 {
        let plan = RolloutPlan { messages_max, ..plan("m", "") };
        let mut conversation = Conversation::begin(task, &world, &plan, 7, 0);
        while let Step::Ask(request) = conversation.step() {
            // An agent that never comes to an end.
            let call = "<tool_call>{\"name\": \"no\"}</tool_call>".repeat(2);
            conversation.hear(&answer(&request, call));
        }
        let Step::Over(trajectory) = conversation.step() else { panic!() };
        assert!(!trajectory.ended && trajectory.messages.len() <= messages_max);
        let made: usize = trajectory.messages.iter().map(|it| it.calls.len()).sum();
        let tools = trajectory.messages.iter().filter(|it| it.role == Speaker::Tool).count();
        assert_eq!(made, tools, "every call is answered");
    }
}

#[test]
fn built_in_agent_asks_for_what_a_user_left_out_and_does_what_was_said() {
    let (world, tasks) = library();
    let plan = plan("", "u");
    let mut kept = 0;
    for task in tasks.iter().filter(|task| task.kind != TaskKind::Infeasible) {
        let mut conversation = Conversation::begin(task, &world, &plan, 7, 0);
        let mut said = 0;
        while let Step::Ask(request) = conversation.step() {
            // A user that says everything, at once and only that, and then goes.
            let intents = &task.scenario.intents;
            let told: Vec<&str> = intents
                .iter()
                .flat_map(|it| it.on_request.iter().map(|fact| fact.answer.as_str()))
                .collect();
            let text = match (intents.get(said), told.is_empty()) {
                (Some(intent), _) => intent.request.clone(),
                (None, false) if said == intents.len() => told.join(" "),
                _ => "Bye. ###STOP###".into(),
            };
            said += 1;
            conversation.hear(&answer(&request, text));
        }
        let Step::Over(trajectory) = conversation.step() else { panic!() };
        assert!(trajectory.agent == "built-in" && trajectory.user == "u" && trajectory.ended);
        let early = trajectory.messages.iter().position(|it| !it.calls.is_empty());
        if task.kind == TaskKind::MissingInformation {
            let asked = trajectory
                .messages
                .iter()
                .position(|it| it.role == Speaker::Assistant && it.content.contains('?'));
            assert!(asked < early, "it asks before it calls");
        }
        let verdict = verify(&trajectory, task, &world, &schemas::FilterPlan::default());
        kept += usize::from(verdict.is_kept());
    }
    let wanted = tasks.iter().filter(|task| task.kind != TaskKind::Infeasible).count();
    assert!(wanted * 3 / 4 < kept, "{kept} of {wanted}");
}

#[test]
fn built_in_user_tells_what_is_asked_and_goes_on_when_it_is_done() {
    let (world, tasks) = library();
    let plan = plan("m", "");
    let task = tasks
        .iter()
        .find(|task| task.golden.iter().any(|call| call.effect == Effect::Write))
        .unwrap();
    let mut conversation = Conversation::begin(task, &world, &plan, 7, 0);
    let mut heard = Vec::new();
    for _ in 0..4 {
        let Step::Ask(request) = conversation.step() else { break };
        heard.push(request.messages.last().unwrap().content.clone());
        conversation.hear(&answer(&request, "Shall I go ahead?"));
    }
    assert_eq!(heard[0], task.scenario.intents[0].request);
    assert!(2 < heard.len(), "it says yes while nothing was done: {heard:?}");
    assert_ne!(heard[1], heard[0]);
    while let Step::Ask(request) = conversation.step() {
        conversation.hear(&answer(&request, "Shall I go ahead?"));
    }
    assert!(
        matches!(conversation.step(), Step::Over(it) if it.ended),
        "it does not say yes for ever"
    );
}
