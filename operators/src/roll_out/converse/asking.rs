//! What a model is asked: the conversation so far, as each side sees it.
//!
//! The agent sees its rules, its tools and everything that was said and answered. The user sees
//! who it is and what was said to it, and neither tools nor what they answer. Nobody sees what
//! another thought.

use schemas::{
    Call, Message, Persona, Prompt, PromptCall, PromptRole, Purpose, Request, ResponseFormat,
    RolloutPlan, Sampling, Speaker, Task, ToolFormat, Value, object_schema,
};

use crate::engine::World;
use crate::roll_out::converse::reply::STOP;

/// What a model that plays the user hears first, since most chat formats want somebody to begin.
const GREETING: &str = "Hello! How can I help you today?";

/// How a user is to be played. What it wants follows.
const USER_RULES: &str = "\
You play a person who writes to a support agent. The other side of this conversation is the agent; \
you are never the agent and never offer help.

Rules:
- Write one message at a time, as this person would type it, in plain words without any markup.
- Bring up what you want in the order given, one thing at a time; go on to the next when the one \
before is settled.
- Say only what stands below. Never make anything up. If you are asked for something that does not \
stand below, say that you do not know.
- What you are told to say only if asked, you say only when the agent asks for it.
- Give names, numbers, dates, codes and identifiers exactly as they stand below.
- If the agent asks whether to go ahead with something you want, say yes.
- You cannot see any tools and do not speak of them.
- When everything you want is settled, or the agent says that it cannot be done, end the \
conversation: write a short last word and then STOP_WORD, and nothing after it.
- Until then never write STOP_WORD.";

/// What begins the tools in the system message under the format `prompt`, as Hermes and Qwen do.
const TOOLS_BEGIN: &str = "\
# Tools

You may call one or more functions to assist with the user query.

You are provided with function signatures within <tools></tools> XML tags:
<tools>";

/// What ends them.
const TOOLS_END: &str = "
</tools>

For each function call, return a json object with function name and arguments within \
<tool_call></tool_call> XML tags:
<tool_call>
{\"name\": <function-name>, \"arguments\": <args-json-object>}
</tool_call>";

/// Longest name of a function that endpoints take, in characters.
const FUNCTION_CHARS_MAX: usize = 64;

/// The conversation as those see it who are models.
#[derive(Debug)]
pub(super) struct Asking<'w> {
    plan: &'w RolloutPlan,
    /// The tools that the agent is told of by the endpoint.
    tools: Vec<String>,
    /// What the agent sees; nothing if none is asked.
    to_agent: Vec<Prompt>,
    /// What the user sees; nothing if none is asked.
    to_user: Vec<Prompt>,
    /// Ids of calls that were made and not yet answered, the first first.
    open: Vec<String>,
    calls: usize,
}

impl<'w> Asking<'w> {
    pub(super) fn new(
        task: &Task,
        world: &World,
        plan: &'w RolloutPlan,
        rules: &str,
    ) -> Asking<'w> {
        let mut asking = Asking {
            plan,
            tools: Vec::new(),
            to_agent: Vec::new(),
            to_user: Vec::new(),
            open: Vec::new(),
            calls: 0,
        };
        if !plan.agent_model.is_empty() {
            let tools = offered(task, world);
            let system = match plan.tool_format {
                ToolFormat::Native => {
                    asking.tools = tools;
                    rules.to_string()
                }
                ToolFormat::Prompt => {
                    format!("{rules}\n\n{TOOLS_BEGIN}\n{}{TOOLS_END}", tools.join("\n"))
                }
            };
            asking.to_agent.push(Prompt::said(PromptRole::System, system));
        }
        if !plan.user_model.is_empty() {
            asking.to_user.push(Prompt::said(PromptRole::System, role_of(task)));
            asking.to_user.push(Prompt::said(PromptRole::User, GREETING));
        }
        asking
    }

    /// The question for the agent's next message.
    pub(super) fn agent(&self, trial: u32) -> Request {
        let (model, messages) = (&self.plan.agent_model, &self.to_agent);
        Request {
            tools: self.tools.clone(),
            ..self.request(Purpose::Agent, model, messages, trial)
        }
    }

    /// The question for the user's next message.
    pub(super) fn user(&self, trial: u32) -> Request {
        self.request(Purpose::User, &self.plan.user_model, &self.to_user, trial)
    }

    fn request(&self, purpose: Purpose, model: &str, messages: &[Prompt], trial: u32) -> Request {
        Request {
            purpose,
            model: model.into(),
            messages: messages.to_vec(),
            sampling: Sampling {
                temperature_permille: self.plan.temperature_permille,
                tokens_max: self.plan.tokens_max,
            },
            format: ResponseFormat::Text,
            trial,
            tools: Vec::new(),
        }
    }

    /// Lets those see a message who may.
    pub(super) fn heard(&mut self, message: &Message) {
        let says = !message.content.is_empty();
        if !self.to_user.is_empty() && says {
            let role = match message.role {
                Speaker::User => Some(PromptRole::Assistant),
                Speaker::Assistant => Some(PromptRole::User),
                Speaker::System | Speaker::Tool => None,
            };
            self.to_user.extend(role.map(|role| Prompt::said(role, &message.content)));
        }
        if self.to_agent.is_empty() {
            return;
        }
        match (message.role, self.plan.tool_format) {
            // The rules stand at the beginning already.
            (Speaker::System, _) => {}
            (Speaker::User, _) => {
                self.to_agent.push(Prompt::said(PromptRole::User, &message.content));
            }
            (Speaker::Assistant, ToolFormat::Native) => self.native(message),
            (Speaker::Assistant, ToolFormat::Prompt) => {
                let said = written(message);
                self.to_agent.push(Prompt::said(PromptRole::Assistant, said));
            }
            (Speaker::Tool, ToolFormat::Native) => {
                let answers = match self.open.is_empty() {
                    true => String::new(),
                    false => self.open.remove(0),
                };
                let said = Prompt::said(PromptRole::Tool, &message.content);
                self.to_agent.push(Prompt { answers, ..said });
            }
            (Speaker::Tool, ToolFormat::Prompt) => self.responded(&message.content),
        }
    }

    /// A message of the agent as endpoints take it. Ids are by place, whatever the model called
    /// them: nine letters and digits, which every endpoint takes.
    fn native(&mut self, message: &Message) {
        let mut calls = Vec::new();
        for call in &message.calls {
            self.calls += 1;
            let id = format!("call{:05}", self.calls);
            self.open.push(id.clone());
            let arguments = object(call).to_string();
            calls.push(PromptCall { id, name: function(&call.name), arguments });
        }
        let said = Prompt::said(PromptRole::Assistant, &message.content);
        self.to_agent.push(Prompt { calls, ..said });
    }

    /// An observation under the format `prompt`: those to one message share one turn.
    fn responded(&mut self, observation: &str) {
        let said = format!("<tool_response>\n{observation}\n</tool_response>");
        match self.to_agent.last_mut() {
            Some(last)
                if last.role == PromptRole::User && last.content.ends_with("</tool_response>") =>
            {
                last.content.push('\n');
                last.content.push_str(&said);
            }
            _ => self.to_agent.push(Prompt::said(PromptRole::User, said)),
        }
    }
}

/// The tools that the task offers, as chat templates take them.
fn offered(task: &Task, world: &World) -> Vec<String> {
    let operations = task.offered.iter().filter_map(|name| world.operation(name));
    let tools = operations.map(|operation| {
        let function = Value::Object(vec![
            ("name".into(), Value::text(&operation.name)),
            ("description".into(), Value::text(&operation.description)),
            ("parameters".into(), object_schema(&operation.input)),
        ]);
        let tool = vec![("type".into(), Value::text("function")), ("function".into(), function)];
        Value::Object(tool).to_string()
    });
    tools.collect()
}

/// Who the user is and what it wants.
fn role_of(task: &Task) -> String {
    let manner = match task.scenario.persona {
        Persona::Terse => "in as few words as will do",
        Persona::Friendly => "in whole, friendly sentences",
        Persona::Formal => "correctly and with reserve",
        Persona::Hurried => "in passing, between other things",
    };
    let rules = USER_RULES.replace("STOP_WORD", STOP);
    let wanted = &task.scenario.instruction;
    format!("{rules}\n\nHow you write: {manner}.\n\nWhat you want, and all you know:\n{wanted}")
}

/// A message of the agent as text, with its calls as Hermes and Qwen write them.
fn written(message: &Message) -> String {
    let calls = message.calls.iter().map(|call| {
        let call = Value::Object(vec![
            ("name".into(), Value::text(function(&call.name))),
            ("arguments".into(), object(call)),
        ]);
        format!("<tool_call>\n{call}\n</tool_call>")
    });
    let said = (!message.content.is_empty()).then(|| message.content.clone());
    said.into_iter().chain(calls).collect::<Vec<_>>().join("\n")
}

/// The arguments as an object: endpoints refuse a conversation in which a call has none, so text
/// that is none stands in one.
fn object(call: &Call) -> Value {
    match &call.arguments {
        object @ Value::Object(_) => object.clone(),
        other => Value::Object(vec![("arguments".into(), other.clone())]),
    }
}

/// A name as endpoints take it.
fn function(name: &str) -> String {
    let fits = |character: &char| character.is_ascii_alphanumeric() || "_-".contains(*character);
    let name: String = name.chars().filter(fits).take(FUNCTION_CHARS_MAX).collect();
    if name.is_empty() { "unknown".into() } else { name }
}
