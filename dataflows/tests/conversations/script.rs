//! What a sensible agent and a sensible user say: functions of the conversation so far.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use dataflows::dataset::read_tasks;
use dataflows::store::World;
use schemas::{Fact, GoldenCall, Intent, Task, TaskKind};
use serde_json::{Value as Json, json};

/// The tasks of a world, by what a model sees of them.
#[derive(Debug, Default)]
pub(crate) struct Script {
    /// By what the user says first and the names of the tools offered.
    by_request: BTreeMap<(String, Vec<String>), Arc<Task>>,
    /// By the last line of the user's instructions.
    by_instruction: BTreeMap<String, Arc<Task>>,
}

impl Script {
    /// Reads the tasks of a world.
    pub(crate) fn read(folder: &Path) -> Script {
        let world = World::open(folder).unwrap();
        let contents = world.latest().unwrap().manifest.unwrap().contents;
        let mut script = Script::default();
        for (_, object) in contents.objects.iter().filter(|(role, _)| role.starts_with("tasks/")) {
            for row in read_tasks(File::open(world.object_path(object)).unwrap()).unwrap() {
                let task = Arc::new(row.unwrap().task);
                let request = task.scenario.intents[0].request.clone();
                let offered = task.offered.iter().cloned().collect();
                script.by_request.insert((request, offered), Arc::clone(&task));
                script.by_instruction.insert(task.scenario.instruction.clone(), task);
            }
        }
        script
    }

    /// How many tasks begin with a message that was reworded.
    pub(crate) fn reworded(&self) -> usize {
        let begins = self.by_request.keys().filter(|(said, _)| said.starts_with(REWORDED));
        begins.count()
    }

    /// The message that the model says next.
    pub(crate) fn answer(&self, body: &Json) -> Json {
        let messages = body["messages"].as_array().unwrap();
        let system = messages[0]["content"].as_str().unwrap();
        if let Some((_, wanted)) = system.split_once("What you want, and all you know:\n") {
            return json!({"role": "assistant", "content": self.user(wanted, &messages[2..])});
        }
        if system.contains("Reply with one JSON object and nothing else") {
            let matter = serde_json::from_str(messages[1]["content"].as_str().unwrap()).unwrap();
            let said = if system.starts_with("You write") {
                described(&matter)
            } else {
                reworded(&matter)
            };
            return json!({"role": "assistant", "content": said.to_string()});
        }
        let said: Vec<&str> = of(messages, "user");
        let mut names: Vec<String> = tools(body, system)
            .iter()
            .map(|tool| tool["function"]["name"].as_str().unwrap().to_string())
            .collect();
        names.sort();
        let Some(task) = self.by_request.get(&(plain(said[0]).to_string(), names)) else {
            return json!({"role": "assistant", "content": "I'm sorry, I can't do that."});
        };
        agent(task, messages)
    }

    fn user(&self, wanted: &str, messages: &[Json]) -> String {
        let Some(task) = self.by_instruction.get(wanted) else { return "###STOP###".into() };
        let intents = &task.scenario.intents;
        let own = of(messages, "assistant");
        let Some(heard) = of(messages, "user").last().map(|it| it.to_lowercase()) else {
            return intents[0].request.clone();
        };
        let brought_up = intents.iter().filter(|it| own.contains(&it.request.as_str())).count();
        let current: &Intent = &intents[brought_up.max(1) - 1];
        let told: Vec<&str> = current
            .on_request
            .iter()
            .filter(|fact| heard.contains(&fact.label.to_lowercase()))
            .map(|fact| fact.answer.as_str())
            .filter(|answer| !own.iter().any(|said| said.contains(answer)))
            .collect();
        if !told.is_empty() {
            return told.join(" ");
        }
        match intents.get(brought_up) {
            Some(next) => next.request.clone(),
            None => "Thank you, that is all.\n###STOP###".into(),
        }
    }
}

/// What a message said before it was reworded.
fn plain(said: &str) -> &str {
    said.strip_prefix(REWORDED).unwrap_or(said)
}

/// How a rewording begins.
const REWORDED: &str = "Well, now: ";

/// Each message with some more words; one of three brings up something of its own.
fn reworded(matter: &Json) -> Json {
    let said = matter["messages"].as_array().unwrap().iter().map(|said| {
        let said = said.as_str().unwrap();
        let more = if said.len() % 3 == 0 { " And 7 more." } else { "" };
        format!("{REWORDED}{said}{more}")
    });
    json!({"messages": said.collect::<Vec<_>>()})
}

/// A description that says enough.
fn described(tool: &Json) -> Json {
    let name = tool["name"].as_str().unwrap();
    let stated = tool["description"].as_str().unwrap_or_default();
    let arguments = tool["arguments"].as_array().unwrap().iter().map(|argument| {
        let said = format!("What \"{}\" is to be.", argument["name"].as_str().unwrap());
        json!({"name": argument["name"], "type": argument["type"], "description": said})
    });
    json!({"name": name, "output": null, "arguments": arguments.collect::<Vec<_>>(),
           "description": format!("{stated} Does what its name says and answers with what came of it.")})
}

/// The tools of a call, told natively or in the system message.
fn tools(body: &Json, system: &str) -> Vec<Json> {
    if let Some(tools) = body["tools"].as_array() {
        return tools.clone();
    }
    let Some((_, rest)) = system.split_once("<tools>\n") else { return Vec::new() };
    let (tools, _) = rest.split_once("\n</tools>").unwrap();
    tools.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn of<'m>(messages: &'m [Json], role: &str) -> Vec<&'m str> {
    let of_role = messages.iter().filter(|message| message["role"] == role);
    of_role.filter_map(|message| message["content"].as_str()).collect()
}

/// The agent follows the golden calls. Some tasks, by their ids, are played by agents with habits:
/// they think aloud, call several tools at once, forget ids, write calls into the text, call what
/// is not there, or send what is no JSON.
fn agent(task: &Task, messages: &[Json]) -> Json {
    let prompted = !messages.iter().any(|message| message["role"] == "tool");
    let mut seen: Vec<&str> = of(messages, "tool");
    if prompted {
        let turns = of(messages, "user").into_iter().filter(|it| it.starts_with("<tool_response>"));
        seen = turns.flat_map(|it| it.split("<tool_response>\n").skip(1)).collect();
    }
    // Some golden calls meet a fault of their task; what else fails was nobody's plan.
    let mut done = 0;
    for observation in &seen {
        let expected =
            task.golden.get(done).is_some_and(|call| observation.starts_with(&call.observation));
        done += usize::from(expected);
    }
    let failed = seen.len() - done;
    let say = |text: &str| json!({"role": "assistant", "content": text});
    if task.kind == TaskKind::Infeasible {
        return say("I'm sorry, I have no tool for that.");
    }
    let mut before = 0;
    for intent in &task.scenario.intents {
        let place = done.saturating_sub(before);
        before += intent.calls.len();
        let request = intent.request.as_str();
        let heard = of(messages, "user").into_iter().any(|said| plain(said) == request);
        let last = messages.last().unwrap();
        let observed = last["role"] == "tool"
            || last["content"].as_str().unwrap().starts_with("<tool_response>");
        if before <= done {
            if before == done && observed {
                return say("That is done, and went well.");
            }
            continue;
        }
        if !heard {
            return say("Let me know what else you need.");
        }
        let missing: Vec<&Fact> = intent
            .on_request
            .iter()
            .filter(|fact| !of(messages, "user").iter().any(|it| it.contains(&fact.answer)))
            .collect();
        if !missing.is_empty() {
            let labels: Vec<&str> = missing.iter().map(|fact| fact.label.as_str()).collect();
            return say(&format!("Could you tell me the {}, please?", labels.join(" and the ")));
        }
        let golden: Vec<&GoldenCall> =
            intent.calls[place..].iter().map(|call| &task.golden[*call]).collect();
        return calling(task, &golden, failed, messages.len());
    }
    say("You're welcome.")
}

/// How an agent calls, by the habit it has.
fn calling(task: &Task, golden: &[&GoldenCall], failed: usize, ordinal: usize) -> Json {
    let text = |call: &GoldenCall| call.arguments.to_string();
    let native = |name: &str, arguments: &str| {
        json!({"id": format!("x{ordinal}"), "type": "function",
               "function": {"name": name, "arguments": arguments}})
    };
    let first = golden[0];
    let one = json!({"role": "assistant", "content": null,
                     "tool_calls": [native(&first.name, &text(first))]});
    match task.id.0 % 8 {
        // Several at once, of which none has an id. They may be of use to one another.
        0 | 5.. if golden.len() > 1 && failed == 0 => {
            let calls = golden
                .iter()
                .map(|call| json!({"function": {"name": call.name, "arguments": text(call)}}));
            json!({"role": "assistant", "content": null, "tool_calls": calls.collect::<Vec<_>>()})
        }
        1 => {
            json!({"role": "assistant", "content": "", "reasoning_content": "I should call a tool.",
                    "tool_calls": [native(&first.name, &text(first))]})
        }
        2 => json!({"role": "assistant", "content": format!(
                "<think>\nLet me see.\n</think>\n<tool_call>\n{{\"name\": \"{}\", \"arguments\": {}}}\n\
                 </tool_call>", first.name, text(first))}),
        3 if failed == 0 => json!({"role": "assistant", "content": null,
                    "tool_calls": [native("no_such_tool", "{}")]}),
        4 if failed == 0 => json!({"role": "assistant", "content": null,
                    "tool_calls": [native(&first.name, "{\"cut")]}),
        _ => one,
    }
}
