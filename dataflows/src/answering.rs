//! Answering: what the dataflow asks of models, from what was recorded before or from an endpoint.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use operators::Work;
use schemas::{Answer, Plan, Request, RequestId};

use crate::endpoint::{Config, Endpoint, EndpointError};
use crate::journal::{Journal, Recorded};
use crate::store::{Locked, StoreError, World};

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
                 one, in AGENTSCALER_API_KEY; or ask nothing with --set describe.model=",
            ),
            AnsweringError::Endpoint { source, .. } => source.remedy(),
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
        if plan.describe.model.is_empty() {
            return Ok(None);
        }
        let others = elsewhere.map(Recorded::read).transpose()?;
        let journal = Journal::open(Arc::clone(store))?;
        let desk = Mutex::new(Desk { journal, config: config.cloned(), endpoint: None });
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
    /// Fails if a request has no answer and none can be had; what was answered is recorded.
    ///
    /// # Panics
    ///
    /// Panics if a thread that asks panicked.
    pub fn answer(&self, requests: &BTreeSet<Request>) -> Result<Vec<Answer>, AnsweringError> {
        let mut desk = self.desk.lock().expect("no holder panics");
        let mut answers = Vec::new();
        let mut open = Vec::new();
        for request in requests {
            match self.recorded(request.id(), &desk.journal)? {
                Some(answer) => answers.push(answer),
                None => open.push(request.clone()),
            }
        }
        if !open.is_empty() {
            answers.extend(desk.ask(&open, &self.work)?);
        }
        answers.sort();
        Ok(answers)
    }

    fn recorded(&self, id: RequestId, journal: &Journal) -> Result<Option<Answer>, StoreError> {
        if let Some(answer) = self.known.get(&id) {
            return Ok(Some(answer.clone()));
        }
        for recorded in std::iter::once(journal.recorded()).chain(&self.others) {
            if let Some(answer) = recorded.answer(id)? {
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }

    /// What the endpoint was asked and what it took, in a phrase; nothing if it was not asked.
    ///
    /// # Panics
    ///
    /// Panics if a thread that asks panicked.
    pub fn spent(&self) -> Option<String> {
        let desk = self.desk.lock().expect("no holder panics");
        let spent = desk.endpoint.as_ref()?.spent();
        Some(format!("{} calls to the endpoint, {spent}", self.work.requests.get()))
    }
}

impl Desk {
    fn ask(&mut self, open: &[Request], work: &Work) -> Result<Vec<Answer>, AnsweringError> {
        let (kept, wanted) = (0, open.len());
        let fails = |source| AnsweringError::Endpoint { kept, wanted, source };
        let endpoint = match (&mut self.endpoint, &self.config) {
            (Some(endpoint), _) => endpoint,
            (empty @ None, Some(config)) => {
                empty.insert(Endpoint::open(config.clone()).map_err(fails)?)
            }
            (None, None) => {
                let model = open[0].model.clone();
                return Err(AnsweringError::NoEndpoint { count: wanted, model });
            }
        };
        let mut answers = Vec::new();
        let journal = &mut self.journal;
        let asked = endpoint.ask(open, work, &mut |exchanges| {
            journal.append(exchanges)?;
            answers.extend(exchanges.iter().map(|exchange| exchange.answer.clone()));
            Ok(())
        });
        match asked {
            Ok(()) => {
                assert_eq!(answers.len(), wanted, "an endpoint answers everything or fails");
                Ok(answers)
            }
            Err(source) => Err(AnsweringError::Endpoint { kept: answers.len(), wanted, source }),
        }
    }
}
