//! The conversation: a built-in user, a built-in agent, and the environment between them.

use schemas::{
    ArgumentSource, Call, Draw, Effect, Fact, GoldenCall, Intent, Message, Operation, RolloutPlan,
    Speaker, Task, TaskKind, Trajectory, TrajectoryId, Value,
};

use crate::engine::{Observation, Session, World};
use crate::roll_out::mistake::{self, Mistake};
use crate::roll_out::report::Reporter;
use crate::roll_out::speech;

/// One conversation under way.
pub(super) struct Play<'t, 'w> {
    pub(super) task: &'t Task,
    pub(super) world: &'w World,
    pub(super) session: Session<'w>,
    messages: Vec<Message>,
    messages_max: usize,
    pub(super) mistake: Option<Mistake>,
    /// Whether the mistake has happened.
    pub(super) erred: bool,
    ended: bool,
    draw: Draw,
}

/// Plays the task, with the mistake asked for.
pub(super) fn play(
    task: &Task,
    world: &World,
    plan: &RolloutPlan,
    mistake: Option<Mistake>,
    trial: u32,
    draw: Draw,
) -> Trajectory {
    let session = world.session_of(task);
    let initial_state = session.fingerprint();
    let mut play = Play {
        task,
        world,
        session,
        messages: Vec::new(),
        messages_max: plan.messages_max,
        mistake,
        erred: false,
        ended: false,
        draw,
    };
    play.converse();
    Trajectory {
        id: TrajectoryId::of([task.id.to_string(), trial.to_string()]),
        task: task.id,
        domain: task.domain,
        kind: task.kind,
        trial,
        agent: "built-in".into(),
        user: "built-in".into(),
        ended: play.ended,
        initial_state,
        final_state: play.session.fingerprint(),
        messages: play.messages,
    }
}

impl<'t> Play<'t, '_> {
    fn converse(&mut self) {
        let domain = crate::compose::words::label(&self.world.environment().name);
        self.say(Speaker::System, policy(&domain, self.draw));
        for (place, intent) in self.task.scenario.intents.iter().enumerate() {
            self.say(Speaker::User, intent.request.clone());
            let draw = self.draw.with("intent").at(place);
            if self.err(Mistake::Rambling) {
                return self.ramble(draw);
            }
            if self.task.kind == TaskKind::Infeasible {
                return self.refuse(draw);
            }
            self.serve(intent, place, draw);
            if self.messages.len() >= self.messages_max
                || self.mistake == Some(Mistake::Unfinished) && self.erred
            {
                return;
            }
        }
        let thanks = speech::thanks(self.task.scenario.persona, self.draw);
        self.end(thanks.into());
    }

    /// The user's end, and the agent's goodbye.
    fn end(&mut self, last: String) {
        self.say(Speaker::User, last);
        self.close(speech::goodbye(self.draw));
    }

    /// The agent's last word; a conversation longer than it may be has not ended.
    fn close(&mut self, last: &str) {
        self.say(Speaker::Assistant, last.into());
        self.ended = self.messages.len() <= self.messages_max;
        self.messages.truncate(self.messages_max);
    }

    fn refuse(&mut self, draw: Draw) {
        if self.err(Mistake::ActsThoughInfeasible) {
            let name = draw.pick(&self.task.offered, |it| it.as_bytes()).cloned();
            if let Some(operation) = name.and_then(|name| self.world.operation(&name)) {
                let arguments = self.guess(operation, draw);
                let call = Call { name: operation.name.clone(), arguments: arguments.clone() };
                let seen = self.call_all(&[call], false);
                let report =
                    Reporter::default().report(Some(operation), &arguments, &seen[0].value(), draw);
                self.say(Speaker::Assistant, report);
                let thanks = speech::thanks(self.task.scenario.persona, self.draw);
                return self.end(thanks.into());
            }
        }
        let offered: Vec<&Operation> =
            self.task.offered.iter().filter_map(|name| self.world.operation(name)).collect();
        self.say(Speaker::Assistant, speech::decline(&offered, draw));
        let resigned = speech::resigned(self.task.scenario.persona, draw);
        self.say(Speaker::User, resigned.into());
        self.close(speech::parting(self.draw));
    }

    fn ramble(&mut self, draw: Draw) {
        let sentence = "Let me think about what has to be done first before I go on with this. ";
        self.unsupervised(sentence.repeat(8).trim_end().to_string());
        self.say(Speaker::User, (*draw.with("gives up").from_list(&speech::GIVES_UP)).into());
        self.close(speech::parting(self.draw));
    }

    /// Serves one want: asks, calls, reports.
    fn serve(&mut self, intent: &'t Intent, want: usize, draw: Draw) {
        let mut asked = intent.on_request.is_empty();
        if !asked && self.err(Mistake::ActsWithoutAsking) {
            self.act_without_asking(intent, draw);
        }
        let mut reports = Vec::new();
        let golden: &'t [GoldenCall] = &self.task.golden;
        let batches = self.batches(intent, draw);
        let last = batches.len().saturating_sub(1);
        for (step, batch) in batches.into_iter().enumerate() {
            let needs = batch.iter().any(|place| {
                golden[*place]
                    .sources
                    .iter()
                    .any(|(_, source)| *source == ArgumentSource::OnRequest)
            });
            if needs && !asked {
                self.ask(intent, draw);
                asked = true;
            }
            if self.messages.len() + 2 + batch.len() > self.messages_max {
                return;
            }
            if step == last && self.err(Mistake::Unfinished) {
                return self.unsupervised("I'll get back to you on that.".into());
            }
            if again(&golden[batch[0]], &reports) {
                continue;
            }
            let seen = self.make(&batch, draw);
            for (place, observation) in batch.iter().zip(seen) {
                let operation = self.world.operation(&golden[*place].name);
                reports.push((operation, observation, &golden[*place]));
            }
        }
        let draw = draw.with("report");
        let latest = reports.len().saturating_sub(1);
        let mut reporter = Reporter::default();
        let mut said: Vec<String> = Vec::new();
        for (place, (operation, observation, call)) in reports.iter().enumerate() {
            let telling = place == latest
                || call.effect == Effect::Write
                || reports.len() < 3 && said.is_empty() && !self.feeds(intent, place);
            if telling && !observation.failed {
                let (arguments, value) = (&call.arguments, observation.value());
                said.push(reporter.report(*operation, arguments, &value, draw.at(place)));
            }
        }
        if said.is_empty() {
            said.push(reporter.report(None, &Value::Null, &Value::Null, draw));
        }
        let mut said = said.join("\n\n");
        let more = speech::anything(self.draw, want);
        let apart = said.contains('\n') && !more.is_empty();
        said.push_str(if apart { "\n\n" } else { "" });
        said.push_str(if apart { more.trim_start() } else { more });
        self.say(Speaker::Assistant, said);
    }

    /// Whether a later call of the want takes something from this one.
    fn feeds(&self, intent: &Intent, place: usize) -> bool {
        let from = intent.calls[place];
        let mut later = intent.calls[place + 1..].iter();
        later.any(|later| self.task.golden[*later].fed_by().any(|it| it == from))
    }

    /// The want's calls, those that are made in one message together.
    fn batches(&self, intent: &Intent, draw: Draw) -> Vec<Vec<usize>> {
        let mut order = intent.calls.clone();
        if self.mistake == Some(Mistake::Reordered)
            && let Some(place) = mistake::reorderable(self.task)
            && let Some(at) = order.iter().position(|it| *it == place)
        {
            order.swap(at - 1, at);
        }
        let parallel =
            draw.with("parallel").happens(600) && self.mistake != Some(Mistake::Reordered);
        let mut batches: Vec<Vec<usize>> = Vec::new();
        for place in order {
            let call = &self.task.golden[place];
            let reads = |it: &GoldenCall| it.effect == Effect::Read && !it.failed;
            let known = call.sources.iter().all(|(_, from)| *from != ArgumentSource::OnRequest);
            let joins = parallel
                && reads(call)
                && known
                && batches.last().is_some_and(|batch| {
                    batch.iter().all(|it| reads(&self.task.golden[*it]))
                        && call.fed_by().all(|from| !batch.contains(&from))
                });
            match batches.last_mut() {
                Some(batch) if joins => batch.push(place),
                _ => batches.push(vec![place]),
            }
        }
        batches
    }

    fn ask(&mut self, intent: &'t Intent, draw: Draw) {
        let facts: Vec<&Fact> = intent.on_request.iter().collect();
        let one_by_one = 1 < facts.len() && draw.with("one by one").happens(400);
        if one_by_one {
            for (place, fact) in facts.iter().enumerate() {
                self.say(Speaker::Assistant, speech::ask(&[fact], draw.at(place)));
                self.say(Speaker::User, fact.answer.clone());
            }
        } else {
            self.say(Speaker::Assistant, speech::ask(&facts, draw));
            let answers: Vec<&str> = facts.iter().map(|fact| fact.answer.as_str()).collect();
            self.say(Speaker::User, answers.join(" "));
        }
    }

    /// Makes golden calls in one message, with the mistake if its moment has come.
    fn make(&mut self, batch: &[usize], draw: Draw) -> Vec<Observation> {
        let golden: &'t [GoldenCall] = &self.task.golden;
        let calls: Vec<Call> = batch
            .iter()
            .map(|place| Call {
                name: golden[*place].name.clone(),
                arguments: golden[*place].arguments.clone(),
            })
            .collect();
        let first = &golden[batch[0]];
        if let Some(seen) = self.stumble(batch[0], draw.at(batch[0])) {
            return vec![seen];
        }
        let seen = self.call_all(&calls, true);
        let next = batch[batch.len() - 1] + 1;
        if self.mistake == Some(Mistake::DoubledWrite)
            && first.effect == Effect::Write
            && self.strays(&calls[0], next)
            && self.err(Mistake::DoubledWrite)
        {
            self.call_all(&calls[..1], false);
        }
        if self.mistake == Some(Mistake::ExtraWrite) && !self.erred {
            self.extra(Effect::Write, next, draw);
        }
        seen
    }

    /// Whether a call, made now, goes through and leads away from the golden state though the rest
    /// of the golden calls, from this place on, is made as it should be.
    pub(super) fn strays(&self, call: &Call, next: usize) -> bool {
        let mut session = self.session.clone();
        if session.call(&call.name, &call.arguments).failed {
            return false;
        }
        for golden in &self.task.golden[next..] {
            session.call(&golden.name, &golden.arguments);
        }
        session.fingerprint() != self.task.golden_state
    }

    /// Whether this mistake is the one to make, now.
    pub(super) fn err(&mut self, mistake: Mistake) -> bool {
        let now = self.mistake == Some(mistake) && !self.erred;
        self.erred |= now;
        now
    }

    pub(super) fn call_all(&mut self, calls: &[Call], supervised: bool) -> Vec<Observation> {
        self.messages.push(Message {
            role: Speaker::Assistant,
            content: String::new(),
            reasoning: String::new(),
            calls: calls.to_vec(),
            name: String::new(),
            supervised,
        });
        let mut seen = Vec::new();
        for call in calls {
            let observation = self.session.call(&call.name, &call.arguments);
            self.messages.push(Message {
                role: Speaker::Tool,
                content: observation.text.clone(),
                reasoning: String::new(),
                calls: Vec::new(),
                name: call.name.clone(),
                supervised: false,
            });
            seen.push(observation);
        }
        seen
    }

    fn say(&mut self, role: Speaker, content: String) {
        let supervised = role == Speaker::Assistant;
        let (calls, name, reasoning) = (Vec::new(), String::new(), String::new());
        self.messages.push(Message { role, content, reasoning, calls, name, supervised });
    }

    fn unsupervised(&mut self, content: String) {
        self.say(Speaker::Assistant, content);
        if let Some(last) = self.messages.last_mut() {
            last.supervised = false;
        }
    }
}

/// Whether a call was made and answered already, where the golden way would have met a fault.
fn again(call: &GoldenCall, made: &[(Option<&Operation>, Observation, &GoldenCall)]) -> bool {
    made.iter().any(|(_, seen, before)| {
        before.failed
            && !seen.failed
            && before.name == call.name
            && before.arguments == call.arguments
    })
}

pub(super) fn policy(domain: &str, draw: Draw) -> String {
    let role = draw.with("policy").from_list(&[
        "You are a support agent. Your field:",
        "You are an assistant with tools for one field:",
        "You assist users in this field:",
        "You are a service assistant. What you work with:",
    ]);
    format!(
        "{role} {domain}. Use the tools you are given to do what the user asks, and nothing they \
         did not ask for. If something you need is missing, ask for it; never make it up. If the \
         tools cannot do what is asked, say so. A message is either text for the user or tool \
         calls, never both."
    )
}
