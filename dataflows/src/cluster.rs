//! Several processes as one dataflow: who takes part, how they meet, what they tell one another.
//!
//! Process 0 leads: it alone holds the world's lock, resolves the plan, talks to models and makes
//! the version. The others follow: they are told what to start from, run their share of the
//! dataflow's workers, and report. All of them see the corpus and the world under the same paths.
//!
//! ```text
//! every two processes   a connection that timely's communication uses
//! process 0 and i       a connection for messages, one a line of JSON: a job, a report, the end
//! ```
//!
//! A process that is lost ends the others: the workers of a dataflow wait for all their peers and
//! cannot be called back. Nothing is visible before the commit, so the world is as it was, and the
//! same commands go on.
//!
//! Connections are neither encrypted nor authenticated: they belong in a network whose members
//! trust one another.

use std::net::TcpStream;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use timely::WorkerConfig;
use timely::communication::WorkerGuards;
use timely::communication::allocator::zero_copy::initialize::initialize_networking_from_sockets;
use timely::communication::allocator::{AllocatorBuilder, ProcessBuilder};
use timely::communication::initialize::Hooks;
use timely::worker::Worker;

pub(crate) use self::line::Lines;
pub use self::messages::Ended;
pub(crate) use self::messages::{Job, Report};

mod messages;
mod meet;
mod line;

/// A process's place among those that run one dataflow.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seat {
    /// Which of them this is, from 0; process 0 leads.
    pub process: usize,
    /// Where each of them listens, `host:port`, in order.
    pub addresses: Vec<String>,
    /// Worker threads of each.
    pub workers: usize,
    /// How long to wait for the others to come.
    pub patience: Duration,
}

/// Why processes could not work together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// The hosts do not say where every process is.
    #[error("{0}")]
    Hosts(String),
    /// This process cannot listen where it should.
    #[error("process {process} cannot listen at {address}: {error}")]
    Listen {
        /// This process.
        process: usize,
        /// Its address.
        address: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// Some process did not come.
    #[error("after {} s, {missing} had not come", patience.as_secs())]
    Missing {
        /// Which, and where they should be.
        missing: String,
        /// How long was waited.
        patience: Duration,
    },
    /// Another process does not work with this one.
    #[error("process {process} at {address} refuses: {reason}")]
    Refused {
        /// The other process.
        process: usize,
        /// Its address.
        address: String,
        /// Why.
        reason: String,
    },
    /// A process could not do its part.
    #[error("process {process} failed: {reason}")]
    Failed {
        /// Which.
        process: usize,
        /// Why.
        reason: String,
    },
    /// The corpus cannot be seen by all processes.
    #[error("\"{document}\" comes from standard input, which other processes cannot read")]
    Unshared {
        /// The document.
        document: String,
    },
}

impl ClusterError {
    /// What a user can do about it.
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            ClusterError::Hosts(_) => Some("give a line `host:port` for each process, in order"),
            ClusterError::Listen { .. } => Some(
                "its line in the hosts file must be an address and a free port of this machine",
            ),
            ClusterError::Missing { .. } => Some(
                "start every process with the same command but for --process, and see that their \
                 ports can be reached",
            ),
            ClusterError::Refused { .. } => {
                Some("start every process with the same program and the same command")
            }
            ClusterError::Failed { .. } => Some("the same commands go on where this one stopped"),
            ClusterError::Unshared { .. } => Some("name files that every process can read"),
        }
    }
}

/// Processes that have met.
///
/// Memory: a connection and a thread or two for each other process.
pub struct Crew {
    seat: Seat,
    mesh: Mutex<Option<Vec<Option<TcpStream>>>>,
    lines: Lines,
}

impl Crew {
    /// Waits for the other processes, and tells through `told` for whom.
    ///
    /// From here on, the loss of one ends this process with exit code 2 and a message.
    ///
    /// # Errors
    ///
    /// Fails if this process cannot listen, if one of the others does not come in time, or if they
    /// are of another program or count.
    pub fn meet(seat: &Seat, told: &(dyn Fn(&str) + Sync)) -> Result<Crew, ClusterError> {
        let met = meet::meet(seat, told)?;
        line::end_with_the_dataflow(seat);
        let lines = Lines::open(seat, met.control);
        Ok(Crew { seat: seat.clone(), mesh: Mutex::new(Some(met.mesh)), lines })
    }

    /// This process's place.
    pub fn seat(&self) -> &Seat {
        &self.seat
    }

    /// Whether this process leads.
    pub fn leads(&self) -> bool {
        self.seat.process == 0
    }

    /// Runs a dataflow with the workers of all processes. Can be done once.
    ///
    /// # Errors
    ///
    /// Fails if threads cannot be started.
    ///
    /// # Panics
    ///
    /// Panics if it was done before.
    pub(crate) fn execute<T, F>(&self, logic: F) -> Result<WorkerGuards<T>, String>
    where
        T: Send + 'static,
        F: Fn(&mut Worker) -> T + Send + Sync + 'static,
    {
        let mesh = self.mesh.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mesh = mesh.expect("a crew runs one dataflow");
        let (workers, hooks) = (self.seat.workers, Hooks::default());
        let here = ProcessBuilder::new_typed_vector(workers, hooks.refill.clone(), None);
        let process = self.seat.process;
        let (builders, guard) =
            initialize_networking_from_sockets(here, mesh, process, workers, hooks)
                .map_err(|error| format!("the network could not be set up: {error}"))?;
        let builders = builders.into_iter().map(AllocatorBuilder::Tcp).collect();
        timely::execute::execute_from(builders, Box::new(guard), WorkerConfig::default(), logic)
    }

    /// What is said between the leader and its followers.
    pub(crate) fn lines(&self) -> &Lines {
        &self.lines
    }

    /// The leader's followers, each with how many shards it can write at once.
    pub(crate) fn followers(&self) -> impl Iterator<Item = (usize, usize)> {
        (0..self.lines.count()).map(|follower| (follower, self.seat.workers))
    }
}
