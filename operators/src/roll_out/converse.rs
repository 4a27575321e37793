//! Conversations in which models speak: a machine that asks for one message at a time.
//!
//! Nothing here calls a model. The machine plays everyone who is built in, runs the calls, and
//! says what is to be asked next; what it is answered it takes as a fact. So a conversation is a
//! function of the task, the plan and the recorded answers, and whoever holds it may stop at any
//! moment and begin again with what was answered so far.

use schemas::{
    Answer, Digest, Draw, InjectedFault, Message, Request, RolloutPlan, Speaker, Task, TaskId,
    Trajectory, TrajectoryId,
};

use crate::engine::{Session, World};
use crate::roll_out::converse::asking::Asking;
use crate::roll_out::converse::reply::{Malfunction, Reply, Said};
use crate::roll_out::converse::stand_in::{Agent, Move, User};
use crate::roll_out::play::policy;

pub use crate::roll_out::converse::reply::TURN_CHARS_MAX;

mod asking;
mod reply;
mod stand_in;
#[cfg(test)]
mod tests;

/// Raised when a change here asks something else or makes other trajectories of the same answers.
pub const REVISION: &str = "converse 1";

/// Most askings of one message: an answer that was cut off, declined or empty is asked for again.
pub const ASKINGS_MAX: u32 = 3;

/// What the trial of a request rises by with each asking: more than a task has attempts.
const ASKING_STRIDE: u32 = 1_000;

/// The id of an attempt's trajectory.
pub fn id(task: TaskId, trial: u32) -> TrajectoryId {
    TrajectoryId::of([task.to_string(), trial.to_string()])
}

/// What is next in a conversation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// A model is to be asked for the next message.
    Ask(Box<Request>),
    /// It is over.
    Over(Box<Trajectory>),
    /// No model brought it to an end, with the reason: infrastructure, and no verdict on anyone.
    Failed(String),
}

/// Who is to speak.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Turn {
    User,
    Agent,
    /// Nobody: it is over.
    Nobody,
}

/// One conversation under way.
#[derive(Debug)]
pub struct Conversation<'w> {
    task: &'w Task,
    plan: &'w RolloutPlan,
    trial: u32,
    session: Session<'w>,
    initial_state: Digest,
    messages: Vec<Message>,
    asking: Asking<'w>,
    /// The built-in agent; none if a model plays it.
    agent: Option<Agent<'w>>,
    /// The built-in user; none if a model plays it.
    user: Option<User<'w>>,
    turn: Turn,
    /// How often the message that is next was asked for.
    asked: u32,
    ended: bool,
    failed: Option<String>,
}

impl<'w> Conversation<'w> {
    /// Begins an attempt at a task in its world, which must be the one it was composed for.
    pub fn begin(
        task: &'w Task,
        world: &'w World,
        plan: &'w RolloutPlan,
        seed: u64,
        trial: u32,
    ) -> Conversation<'w> {
        let draw = Draw::new(seed)
            .with("converse")
            .with(task.id.0.to_le_bytes())
            .with(trial.to_le_bytes());
        let session = world.session_of(task);
        let initial_state = session.fingerprint();
        let domain = crate::compose::words::label(&world.environment().name);
        let rules = policy(&domain, draw);
        let mut conversation = Conversation {
            task,
            plan,
            trial,
            session,
            initial_state,
            messages: Vec::new(),
            asking: Asking::new(task, world, plan, &rules),
            agent: plan.agent_model.is_empty().then(|| Agent::new(task, world, draw)),
            user: plan.user_model.is_empty().then(|| User::new(task, draw)),
            turn: Turn::User,
            asked: 0,
            ended: false,
            failed: None,
        };
        conversation.say(Speaker::System, Said::of(rules));
        conversation
    }

    /// What is next. Asked again before an answer was heard, it says the same.
    pub fn step(&mut self) -> Step {
        loop {
            if let Some(reason) = &self.failed {
                return Step::Failed(reason.clone());
            }
            let full = self.plan.messages_max <= self.messages.len();
            match self.turn {
                Turn::Nobody => return Step::Over(Box::new(self.trajectory())),
                _ if full => self.turn = Turn::Nobody,
                Turn::User => match &mut self.user {
                    Some(user) => {
                        let (text, ends) = user.speak(&self.messages);
                        self.user_said(Said::of(text), ends);
                    }
                    None => return Step::Ask(Box::new(self.asking.user(self.trial()))),
                },
                Turn::Agent => match &mut self.agent {
                    Some(agent) => {
                        let said = match agent.act(&self.messages) {
                            Move::Say(text) => Said::of(text),
                            Move::Call(calls) => Said { calls, ..Said::default() },
                        };
                        self.agent_said(said);
                    }
                    None => return Step::Ask(Box::new(self.asking.agent(self.trial()))),
                },
            }
        }
    }

    /// The trial of the request that is next: each attempt and each asking has its own.
    fn trial(&self) -> u32 {
        self.trial + ASKING_STRIDE * self.asked
    }

    /// Takes the answer to what is asked. Nothing changes if nothing is.
    pub fn hear(&mut self, answer: &Answer) {
        let said = match self.turn {
            Turn::Nobody => return,
            Turn::User => Reply::read(answer).and_then(Reply::of_user),
            Turn::Agent => Reply::read(answer).and_then(Reply::of_agent),
        };
        match (self.turn, said) {
            (_, Err(Malfunction(reason))) => self.malfunctioned(&reason),
            (Turn::User, Ok((said, ends))) => {
                let opening = self.messages.iter().all(|it| it.role == Speaker::System);
                if opening && said.text.is_empty() {
                    return self.malfunctioned("ended before it said what it wants");
                }
                self.asked = 0;
                self.user_said(said, ends);
            }
            (_, Ok((said, _))) => {
                self.asked = 0;
                self.agent_said(said);
            }
        }
    }

    fn malfunctioned(&mut self, reason: &str) {
        self.asked += 1;
        if ASKINGS_MAX <= self.asked {
            let (who, model) = match self.turn {
                Turn::Agent => ("agent", &self.plan.agent_model),
                _ => ("user", &self.plan.user_model),
            };
            let place = self.messages.len();
            self.failed = Some(format!(
                "model \"{model}\" as the {who} {reason}, {ASKINGS_MAX} times at message {place}"
            ));
        }
    }

    fn user_said(&mut self, said: Said, ends: bool) {
        if !said.text.is_empty() {
            self.say(Speaker::User, said);
        }
        self.ended |= ends;
        self.turn = if ends { Turn::Nobody } else { Turn::Agent };
    }

    fn agent_said(&mut self, said: Said) {
        // A message that calls comes with its answers, or not at all.
        if self.plan.messages_max < self.messages.len() + 1 + said.calls.len() {
            self.turn = Turn::Nobody;
            return;
        }
        self.turn = if said.calls.is_empty() { Turn::User } else { Turn::Agent };
        let calls = said.calls.clone();
        let place = self.messages.len();
        self.say(Speaker::Assistant, said);
        for call in calls {
            let seen = self.session.call(&call.name, &call.arguments);
            // What fails stays in the context and is nothing to learn, unless a right call met a
            // fault of the task.
            let met = |fault: &InjectedFault| seen.text.contains(fault.kind.message());
            let is_wrong = seen.failed && !self.task.faults.iter().any(met);
            self.messages[place].supervised &= !is_wrong;
            let of = Message { name: call.name, ..message(Speaker::Tool, Said::of(seen.text)) };
            self.push(of);
        }
    }

    fn say(&mut self, role: Speaker, said: Said) {
        self.push(message(role, said));
    }

    fn push(&mut self, message: Message) {
        self.asking.heard(&message);
        self.messages.push(message);
    }

    fn trajectory(&self) -> Trajectory {
        let named =
            |model: &str| if model.is_empty() { Trajectory::BUILT_IN.into() } else { model.into() };
        Trajectory {
            id: id(self.task.id, self.trial),
            task: self.task.id,
            domain: self.task.domain,
            kind: self.task.kind,
            trial: self.trial,
            agent: named(&self.plan.agent_model),
            user: named(&self.plan.user_model),
            messages: self.messages.clone(),
            ended: self.ended,
            initial_state: self.initial_state,
            final_state: self.session.fingerprint(),
        }
    }
}

fn message(role: Speaker, said: Said) -> Message {
    Message {
        role,
        content: said.text,
        reasoning: said.thought,
        calls: said.calls,
        name: String::new(),
        supervised: role == Speaker::Assistant,
    }
}

/// Where a conversation stands after these answers, in the order of its questions.
///
/// # Panics
///
/// Panics if an answer is not to the question that was next: going on would mix conversations.
pub fn converse(
    task: &Task,
    world: &World,
    plan: &RolloutPlan,
    (seed, trial): (u64, u32),
    answers: &[Answer],
) -> Step {
    let mut conversation = Conversation::begin(task, world, plan, seed, trial);
    for answer in answers {
        match conversation.step() {
            Step::Ask(request) if request.id() == answer.request => conversation.hear(answer),
            _ => panic!("an answer of {} is to another question", id(task.id, trial)),
        }
    }
    conversation.step()
}
