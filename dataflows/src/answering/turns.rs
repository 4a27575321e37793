//! Turns: conversations held with models, side by side, each as fast as it is answered.
//!
//! A conversation waits for nobody but its own next answer. Every answer is on the disk before the
//! conversation that asked for it hears it, so that whatever stops this, the same command goes on
//! where it was. Memory: the conversations that are under way, and a line for each that is over.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Condvar, Mutex, OnceLock, RwLock};

use operators::engine::World;
use operators::roll_out::converse::{Conversation, Step};
use operators::{Depot, Work, get_record, put_record};
use schemas::{
    Answer, Attempt, Digest, Environment, Plan, Request, RequestId, Task, ToolFormat, Transcript,
};

use super::{Answering, AnsweringError, Desk};
use crate::endpoint::{Abilities, Ability, EndpointError, Turns, sent};
use crate::journal::{Asked, Exchange, Journal, Recorded};
use crate::store::{StoreError, disk};

/// Answers written together, after which no more are waited for.
const GROUP_MAX: usize = 64;

/// Worlds kept ready beside those in use: attempts of one domain come in a row.
const WORLDS_MAX: usize = 8;

impl Answering {
    /// One transcript for each attempt, by what was recorded and, for what was not, by the
    /// endpoint.
    ///
    /// What comes out does not depend on the order in which answers came in.
    ///
    /// # Errors
    ///
    /// Fails if a question has no answer and none can be had; what was answered is recorded.
    ///
    /// # Panics
    ///
    /// Panics if a thread that asks panicked.
    pub fn converse(
        &self,
        attempts: &BTreeSet<Attempt>,
        plan: &Plan,
        depot: &dyn Depot,
    ) -> Result<Vec<Transcript>, AnsweringError> {
        let mut desk = self.desk.lock().expect("no holder panics");
        let hall = Hall { plan, depot, worlds: Mutex::default(), desk: self.records(&desk) };
        let attempts: Vec<&Attempt> = attempts.iter().collect();
        let mut transcripts = Vec::with_capacity(attempts.len());
        let (mut open, mut model) = (Vec::new(), None);
        for (place, attempt) in attempts.iter().enumerate() {
            match hall.hold(attempt, &mut |_, _| Ok(None))? {
                Held::Over(transcript) => transcripts.push(transcript),
                Held::Open(request) => {
                    model.get_or_insert(request.model);
                    open.push(*attempt);
                    // Whoever can ask need not know beforehand how much there is to ask.
                    if desk.config.is_some() {
                        open.extend(&attempts[place + 1..]);
                        break;
                    }
                }
            }
        }
        let Some(model) = model else { return Ok(transcripts) };
        if desk.config.is_none() {
            return Err(AnsweringError::NoEndpoint { count: open.len(), model });
        }
        desk.look(plan, (transcripts.len(), attempts.len()))?;
        transcripts.extend(hall.ask(&mut desk, &open, transcripts.len(), &self.work)?);
        transcripts.sort();
        Ok(transcripts)
    }

    fn records(&self, desk: &Desk) -> Records<'_> {
        Records { answering: self, journal: desk.journal.reader() }
    }
}

/// Where the journal's folder says what the endpoint was found to be able to do. It is a note for
/// people: nothing is read from it, and no version depends on it.
const PROBE_FILE: &str = "probe.json";

impl Desk {
    /// Finds out what the endpoint can do of what conversations want of it, and notes it.
    fn look(&mut self, plan: &Plan, (over, wanted): (usize, usize)) -> Result<(), AnsweringError> {
        let fails = |source| AnsweringError::Conversations { over, wanted, kept: 0, source };
        let (journal, endpoint) = self.parts().map_err(fails)?;
        let model = &plan.rollout.agent_model;
        let is_native = plan.rollout.tool_format == ToolFormat::Native;
        let tools = match model.is_empty() || !is_native {
            true => Ability::unknown("no model is to call tools natively"),
            false => endpoint.calls_tools(model),
        };
        let found = Abilities {
            url: endpoint.url().into(),
            models: endpoint.listed().map(<[String]>::to_vec),
            tools,
            embeddings: Ability::unknown("no model is to embed in conversations"),
        };
        let text = serde_json::to_vec_pretty(&found).expect("abilities have string keys");
        disk::replace(&journal.world().journal().join(PROBE_FILE), &text)?;
        if found.tools.can == "no" {
            self.remark = Some(format!(
                "model \"{model}\" did not call the tool of a first try ({}); where it cannot, use \
                 --set rollout.tool_format=prompt",
                found.tools.detail
            ));
        }
        Ok(())
    }
}

/// What is recorded, for many threads.
struct Records<'a> {
    answering: &'a Answering,
    journal: Arc<RwLock<Recorded>>,
}

impl Records<'_> {
    fn answer(&self, id: RequestId) -> Result<Option<Answer>, StoreError> {
        let journal = self.journal.read().expect("no holder panics");
        let mut found = self.answering.recorded(std::iter::once(id), &journal)?;
        Ok(found.remove(&id))
    }
}

/// What became of an attempt.
enum Held {
    Over(Transcript),
    /// This question has no answer.
    Open(Request),
}

/// Gives the answer to a question that was never answered; none if there is none to be had now.
type Ask<'a> = dyn FnMut(RequestId, &Request) -> Result<Option<Answer>, AnsweringError> + 'a;

/// A world that some thread makes while the others wait for it.
type Ready = Arc<OnceLock<Arc<World>>>;

/// Where conversations are held.
struct Hall<'a> {
    plan: &'a Plan,
    depot: &'a dyn Depot,
    /// The worlds last used, the last last.
    worlds: Mutex<Vec<(Digest, Ready)>>,
    desk: Records<'a>,
}

impl Hall<'_> {
    /// Holds one attempt as far as its questions are answered.
    fn hold(&self, attempt: &Attempt, ask: &mut Ask<'_>) -> Result<Held, AnsweringError> {
        let world = self.world(&attempt.environment);
        let task: Task = get_record(self.depot, &attempt.rolled_from);
        let (plan, seed) = (&self.plan.rollout, self.plan.seed);
        let mut conversation = Conversation::begin(&task, &world, plan, seed, attempt.trial);
        let mut answers: Vec<Answer> = Vec::new();
        while let Step::Ask(request) = conversation.step() {
            let id = request.id();
            let found = match self.desk.answer(id)? {
                Some(answer) => Some(answer),
                None => ask(id, &request)?,
            };
            let Some(answer) = found else { return Ok(Held::Open(*request)) };
            conversation.hear(&answer);
            answers.push(answer);
        }
        Ok(Held::Over(Transcript {
            domain: attempt.domain,
            attempt: attempt.id,
            rolled_from: attempt.rolled_from,
            answers: put_record(self.depot, &answers),
        }))
    }

    fn world(&self, payload: &Digest) -> Arc<World> {
        let ready = {
            let mut worlds = self.worlds.lock().expect("no holder panics");
            let known = worlds.iter().position(|(digest, _)| digest == payload);
            let entry = known.map_or_else(|| (*payload, Ready::default()), |at| worlds.remove(at));
            let ready = Arc::clone(&entry.1);
            worlds.push(entry);
            let surplus = worlds.len().saturating_sub(WORLDS_MAX);
            worlds.drain(..surplus);
            ready
        };
        let made = ready.get_or_init(|| {
            let environment: Environment = get_record(self.depot, payload);
            Arc::new(World::new(environment).expect("only environments that passed the gate flow"))
        });
        Arc::clone(made)
    }

    /// Holds attempts with the endpoint. `over` have been held before.
    fn ask(
        &self,
        desk: &mut Desk,
        open: &[&Attempt],
        over: usize,
        work: &Work,
    ) -> Result<Vec<Transcript>, AnsweringError> {
        let wanted = over + open.len();
        let fails = |held, kept, source| AnsweringError::Conversations {
            over: over + held,
            wanted,
            kept,
            source,
        };
        let (journal, endpoint) = desk.parts().map_err(|source| fails(0, 0, source))?;
        let turns = endpoint.turns(work);
        let next = AtomicUsize::new(0);
        let pending = Pending::default();
        let outcomes: Mutex<(Vec<Transcript>, Option<AnsweringError>)> = Mutex::default();
        let threads = endpoint.in_flight_max().min(open.len());
        let (kept, failure) = std::thread::scope(|scope| {
            let (send, receive) = channel();
            for _ in 0..threads {
                let guest =
                    Guest { hall: self, turns: &turns, pending: &pending, send: send.clone() };
                let (next, outcomes) = (&next, &outcomes);
                scope.spawn(move || {
                    while let Some(attempt) = open.get(next.fetch_add(1, Ordering::Relaxed))
                        && !guest.turns.is_stopped()
                    {
                        let held = self.hold(attempt, &mut |id, request| guest.ask(id, request));
                        let mut outcomes = outcomes.lock().expect("no holder panics");
                        match held {
                            Ok(Held::Over(transcript)) => outcomes.0.push(transcript),
                            Ok(Held::Open(_)) => return,
                            Err(error) => {
                                guest.turns.stop();
                                outcomes.1 = outcomes.1.take().or(Some(error));
                            }
                        }
                    }
                });
            }
            drop(send);
            keep(&receive, journal, &turns)
        });
        let (transcripts, failed) = outcomes.into_inner().expect("no holder panics");
        // NB: what cannot be kept outweighs what could not be asked.
        match (failure.map(EndpointError::Keep), failed) {
            (Some(source), _) | (None, Some(AnsweringError::Endpoint { source, .. })) => {
                Err(fails(transcripts.len(), kept, source))
            }
            (None, Some(error)) => Err(error),
            (None, None) => {
                assert_eq!(transcripts.len(), open.len(), "every conversation is held or fails");
                Ok(transcripts)
            }
        }
    }
}

/// An answer that came in, and whom to tell when it is on the disk.
type Incoming = (Exchange, SyncSender<()>);

/// Writes what comes in, some of it together; how many answers were written, and why no more were.
fn keep(
    receive: &Receiver<Incoming>,
    journal: &mut Journal,
    turns: &Turns<'_>,
) -> (usize, Option<StoreError>) {
    let (mut kept, mut failure) = (0, None);
    while let Ok(first) = receive.recv() {
        let group = std::iter::once(first).chain(receive.try_iter()).take(GROUP_MAX);
        let (exchanges, told): (Vec<Exchange>, Vec<SyncSender<()>>) = group.unzip();
        if failure.is_some() {
            continue;
        }
        match journal.append(&exchanges) {
            Ok(()) => {
                kept += exchanges.len();
                for waiting in told {
                    waiting.send(()).expect("whoever asked waits for it");
                }
            }
            Err(error) => {
                turns.stop();
                failure = Some(error);
            }
        }
    }
    (kept, failure)
}

/// Questions that are being asked: two conversations may come to the same question, which is then
/// asked once.
#[derive(Default)]
struct Pending {
    asked: Mutex<BTreeSet<RequestId>>,
    answered: Condvar,
}

impl Pending {
    /// Takes a question, or waits until whoever took it is done and returns false.
    fn take(&self, id: RequestId) -> bool {
        let mut asked = self.asked.lock().expect("no holder panics");
        if asked.insert(id) {
            return true;
        }
        while asked.contains(&id) {
            asked = self.answered.wait(asked).expect("no holder panics");
        }
        false
    }

    fn leave(&self, id: RequestId) {
        self.asked.lock().expect("no holder panics").remove(&id);
        self.answered.notify_all();
    }
}

/// One thread that holds conversations.
struct Guest<'a> {
    hall: &'a Hall<'a>,
    turns: &'a Turns<'a>,
    pending: &'a Pending,
    send: Sender<Incoming>,
}

impl Guest<'_> {
    /// Asks a question, unless another conversation has asked it meanwhile.
    fn ask(&self, id: RequestId, request: &Request) -> Result<Option<Answer>, AnsweringError> {
        loop {
            if self.pending.take(id) {
                let answer = self.take_turn(id, request);
                self.pending.leave(id);
                return answer;
            }
            if let Some(answer) = self.hall.desk.answer(id)? {
                return Ok(Some(answer));
            }
            if self.turns.is_stopped() {
                return Ok(None);
            }
        }
    }

    fn take_turn(
        &self,
        id: RequestId,
        request: &Request,
    ) -> Result<Option<Answer>, AnsweringError> {
        // Another conversation may have been answered between two looks.
        if let Some(answer) = self.hall.desk.answer(id)? {
            return Ok(Some(answer));
        }
        let answered = self.turns.ask(request);
        let failed = |source| AnsweringError::Endpoint { kept: 0, wanted: 1, source };
        let Some(answer) = answered.map_err(failed)? else { return Ok(None) };
        let asked = Asked::Turn {
            purpose: request.purpose,
            model: request.model.clone(),
            trial: request.trial,
            sent: sent(request),
        };
        let (tell, told) = sync_channel(1);
        let exchange = Exchange { request: asked, answer: answer.clone() };
        let kept = self.send.send((exchange, tell)).is_ok() && told.recv().is_ok();
        Ok(kept.then_some(answer))
    }
}
