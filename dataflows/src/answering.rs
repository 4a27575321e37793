//! Answering: what the dataflow asks of models, from what was recorded before or from an endpoint.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use operators::Work;
use schemas::{Answer, Encoder, Plan, Request, RequestId};

use crate::endpoint::{Config, Endpoint, EndpointError, about, width};
use crate::journal::{Journal, Recorded};
use crate::store::{Locked, StoreError, World};

mod turns;

/// Answers requests: those of earlier versions first, then those of the journal, then those of
/// other worlds' journals, and only then whatever an endpoint says, which is recorded first.
#[derive(Debug)]
pub struct Answering {
    known: BTreeMap<RequestId, Answer>,
    others: Option<Recorded>,
    desk: Mutex<Desk>,
    work: Arc<Work>,
}

/// What one asking at a time may use.
#[derive(Debug)]
struct Desk {
    journal: Journal,
    config: Option<Config>,
    endpoint: Option<Endpoint>,
    /// How many numbers the vectors have that were used; none before the first.
    width: Option<usize>,
    /// What the endpoint was found to lack, if anything.
    remark: Option<String>,
}

/// Why requests have no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnsweringError {
    /// Nobody can be asked.
    #[error(
        "{count} questions to model \"{model}\" were never answered, and no endpoint is given to \
         ask"
    )]
    NoEndpoint {
        /// How many.
        count: usize,
        /// The model of the first.
        model: String,
    },
    /// The endpoint did not answer everything.
    #[error("{kept} of {wanted} questions were answered and kept: {source}")]
    Endpoint {
        /// How many it answered now.
        kept: usize,
        /// How many it was to answer.
        wanted: usize,
        /// Why it stopped.
        source: EndpointError,
    },
    /// Conversations could not be brought to their end.
    #[error(
        "{over} of {wanted} conversations are over, {kept} answers were added and kept: {source}"
    )]
    Conversations {
        /// How many are over.
        over: usize,
        /// How many there are.
        wanted: usize,
        /// How many answers were had now.
        kept: usize,
        /// Why it stopped.
        source: EndpointError,
    },
    /// The vectors that were recorded are not alike.
    #[error(
        "the vector of model \"{model}\" that was recorded for \"{about}\" has {found} numbers, \
         others have {expected}"
    )]
    Width {
        /// The model.
        model: String,
        /// How the text begins, with the name of the tool.
        about: String,
        /// How many numbers it has.
        found: usize,
        /// How many others have.
        expected: usize,
    },
    /// What was recorded cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AnsweringError {
    /// What a user can do about it.
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            AnsweringError::NoEndpoint { .. } => Some(
                "name one with --endpoint URL or AGENTSCALER_ENDPOINT, and its key, if it wants \
                 one, in AGENTSCALER_API_KEY; or ask nothing with --set describe.model= , \
                 graph.encoder=terms, propose.model= , task.intent_model= , \
                 rollout.agent_model= and rollout.user_model=",
            ),
            AnsweringError::Width { .. } => Some(
                "have everything embedded anew with --set graph.embedding_trial=1, 2, … and \
                 --endpoint URL",
            ),
            AnsweringError::Endpoint { source, .. }
            | AnsweringError::Conversations { source, .. } => source.remedy(),
            AnsweringError::Store(error) => error.remedy(),
        }
    }
}

impl Answering {
    /// Whom a build is to ask; nobody if its plan asks nothing of models.
    ///
    /// `known` are the answers that earlier versions were made with: they stand whatever a journal
    /// says. `elsewhere` is another world whose journal counts too.
    ///
    /// # Errors
    ///
    /// Fails if a journal cannot be read.
    pub fn open(
        plan: &Plan,
        known: &BTreeMap<RequestId, Answer>,
        elsewhere: Option<&World>,
        store: &Arc<Locked>,
        config: Option<&Config>,
        work: &Arc<Work>,
    ) -> Result<Option<Arc<Answering>>, StoreError> {
        let asks = !plan.describe.model.is_empty()
            || plan.graph.encoder == Encoder::Embeddings
            || !plan.propose.model.is_empty()
            || !plan.task.intent_model.is_empty()
            || plan.rollout.has_model();
        if !asks {
            return Ok(None);
        }
        let others = elsewhere.map(Recorded::read).transpose()?;
        let journal = Journal::open(Arc::clone(store))?;
        let desk =
            Desk { journal, config: config.cloned(), endpoint: None, width: None, remark: None };
        let desk = Mutex::new(desk);
        let (known, work) = (known.clone(), Arc::clone(work));
        Ok(Some(Arc::new(Answering { known, others, desk, work })))
    }

    /// What an interrupted command had left of the journal and was cut off, in a sentence.
    ///
    /// # Panics
    ///
    /// Panics if a thread that asks panicked.
    pub fn repair(&self) -> Option<String> {
        self.desk.lock().expect("no holder panics").journal.repair().map(String::from)
    }

    /// One answer for each request. What comes out does not depend on the order in which answers
    /// came in.
    ///
    /// # Errors
    ///
    /// Fails if a request has no answer and none can be had, or if vectors are not of one width;
    /// what was answered is recorded.
    ///
    /// # Panics
    ///
    /// Panics if a thread that asks panicked.
    pub fn answer(&self, requests: &BTreeSet<Request>) -> Result<Vec<Answer>, AnsweringError> {
        let mut desk = self.desk.lock().expect("no holder panics");
        let named: Vec<(RequestId, &Request)> = requests.iter().map(|it| (it.id(), it)).collect();
        let recorded = {
            let journal = desk.journal.recorded();
            self.recorded(named.iter().map(|(id, _)| *id), &journal)?
        };
        for (id, request) in &named {
            if let Some(answer) = recorded.get(id) {
                desk.check_width(request, answer)?;
            }
        }
        let open = named.iter().filter(|(id, _)| !recorded.contains_key(id));
        let open: Vec<Request> = open.map(|(_, request)| Request::clone(request)).collect();
        let mut answers: Vec<Answer> = recorded.into_values().collect();
        if !open.is_empty() {
            answers.extend(desk.ask(&open, &self.work)?);
        }
        answers.sort();
        Ok(answers)
    }

    /// What is recorded of these, the first word counting.
    fn recorded(
        &self,
        requests: impl Iterator<Item = RequestId>,
        journal: &Recorded,
    ) -> Result<BTreeMap<RequestId, Answer>, StoreError> {
        let mut found: BTreeMap<RequestId, Answer> = BTreeMap::new();
        let mut open = Vec::new();
        for id in requests {
            match self.known.get(&id) {
                Some(answer) => drop(found.insert(id, answer.clone())),
                None => open.push(id),
            }
        }
        for recorded in std::iter::once(journal).chain(&self.others) {
            let answers = recorded.answers(open.iter().copied())?;
            found.extend(answers.into_iter().map(|answer| (answer.request, answer)));
            open.retain(|id| !found.contains_key(id));
        }
        Ok(found)
    }

    /// What the endpoint was asked and what it took, in a phrase; nothing if it was not asked.
    ///
    /// # Panics
    ///
    /// Panics if a thread that asks panicked.
    pub fn spent(&self) -> Option<String> {
        let desk = self.desk.lock().expect("no holder panics");
        let spent = desk.endpoint.as_ref()?.spent();
        Some(format!("{} questions to the endpoint, {spent}", self.work.requests.get()))
    }
}

impl Answering {
    /// What the endpoint was found to lack that the plan wants of it, in a sentence.
    ///
    /// # Panics
    ///
    /// Panics if a thread that asks panicked.
    pub fn remark(&self) -> Option<String> {
        self.desk.lock().expect("no holder panics").remark.clone()
    }
}

impl Desk {
    /// Refuses a recorded vector that is not as wide as those before.
    fn check_width(&mut self, request: &Request, answer: &Answer) -> Result<(), AnsweringError> {
        let Some(found) = width(request, answer) else { return Ok(()) };
        let expected = *self.width.get_or_insert(found);
        if found == expected {
            return Ok(());
        }
        let (model, about) = (request.model.clone(), about(request));
        Err(AnsweringError::Width { model, about, found, expected })
    }

    /// The journal, and the endpoint, which is looked for when it is first needed.
    fn parts(&mut self) -> Result<(&mut Journal, &Endpoint), EndpointError> {
        let endpoint = match (&mut self.endpoint, &self.config) {
            (Some(endpoint), _) => endpoint,
            (empty, config) => {
                let config = config.clone().expect("whoever asks has whom to ask");
                empty.insert(Endpoint::open(config)?)
            }
        };
        Ok((&mut self.journal, endpoint))
    }

    fn ask(&mut self, open: &[Request], work: &Work) -> Result<Vec<Answer>, AnsweringError> {
        let (kept, wanted) = (0, open.len());
        let fails = |source| AnsweringError::Endpoint { kept, wanted, source };
        if self.config.is_none() {
            let model = open[0].model.clone();
            return Err(AnsweringError::NoEndpoint { count: wanted, model });
        }
        let width = self.width;
        let (journal, endpoint) = self.parts().map_err(fails)?;
        endpoint.expect_width(width);
        let mut answers = Vec::new();
        let asked = endpoint.ask(open, work, &mut |exchanges| {
            journal.append(exchanges)?;
            answers.extend(exchanges.iter().map(|exchange| exchange.answer.clone()));
            Ok(())
        });
        match asked {
            Ok(()) => {
                assert_eq!(answers.len(), wanted, "an endpoint answers everything or fails");
                self.width = endpoint.width();
                Ok(answers)
            }
            Err(source) => Err(AnsweringError::Endpoint { kept: answers.len(), wanted, source }),
        }
    }
}
