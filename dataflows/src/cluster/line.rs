//! The lines between the leader and its followers, and how the loss of a process is noticed.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::messages::{Ended, Job, Message, Report, Written};
use super::{ClusterError, Seat};
use crate::shards::Shard;

/// How often a process says that it is there.
const BEAT: Duration = Duration::from_secs(3);

/// How long a process may be silent before it counts as lost.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// The lines of a process: a follower has one, the leader one to each follower.
pub(crate) struct Lines {
    lines: Vec<Line>,
    /// Whether silence no longer means anything.
    over: Arc<AtomicBool>,
    /// Dropped to end the beat.
    _beat: Sender<()>,
}

struct Line {
    peer: usize,
    writer: Arc<Mutex<TcpStream>>,
    heard: Mutex<Receiver<Message>>,
}

impl Lines {
    pub(super) fn open(seat: &Seat, control: Vec<(usize, TcpStream)>) -> Lines {
        let over = Arc::new(AtomicBool::new(false));
        let lines: Vec<Line> = control
            .into_iter()
            .map(|(peer, stream)| Line::open(seat, peer, stream, &over))
            .collect();
        let writers: Vec<_> = lines.iter().map(|line| Arc::clone(&line.writer)).collect();
        let (beat, ended) = mpsc::channel::<()>();
        thread::spawn(move || {
            while ended.recv_timeout(BEAT) == Err(mpsc::RecvTimeoutError::Timeout) {
                for writer in &writers {
                    // Who cannot be told is noticed by its own silence.
                    drop(say(writer, &Message::Alive));
                }
            }
        });
        Lines { lines, over, _beat: beat }
    }

    /// From the leader: tells the followers what to do.
    pub(crate) fn begin(&self, job: &Job) {
        let text = serde_json::to_value(Message::Job(Box::new(job.clone())));
        let text = text.expect("records have string keys");
        for line in &self.lines {
            drop(send(&line.writer, &text));
        }
    }

    /// For the leader: waits for the followers' reports, in order of their processes.
    ///
    /// # Errors
    ///
    /// Fails if one of them could not do its part.
    pub(crate) fn reports(&self) -> Result<Vec<Report>, ClusterError> {
        let report = |line: &Line| match line.hear() {
            Some(Message::Report(report)) => {
                report.map_err(|reason| ClusterError::Failed { process: line.peer, reason })
            }
            _ => Err(ClusterError::Failed { process: line.peer, reason: OUT_OF_TURN.into() }),
        };
        // All are heard before one fails: none is lost, they only wait for the end.
        let reports: Vec<_> = self.lines.iter().map(report).collect();
        reports.into_iter().collect()
    }

    /// From the leader: tells the followers how it ended, and lets them go.
    pub(crate) fn end(&self, ended: &Ended) {
        self.over.store(true, Ordering::SeqCst);
        for line in &self.lines {
            drop(say(&line.writer, &Message::Ended(ended.clone())));
        }
    }

    /// For a follower: waits for what to do, or hears that there is nothing.
    pub(crate) fn job(&self) -> Result<Job, Ended> {
        match self.leader().hear() {
            Some(Message::Job(job)) => Ok(*job),
            other => Err(self.ended(other)),
        }
    }

    /// From a follower: what it did, or why it could not.
    pub(crate) fn report(&self, report: Result<Report, String>) {
        drop(say(&self.leader().writer, &Message::Report(Box::new(report))));
    }

    /// Waits for what is to be written yet, or for the end.
    pub(crate) fn shards(&self) -> Result<Vec<Shard>, Ended> {
        match self.leader().hear() {
            Some(Message::Shards(shards)) => Ok(shards),
            other => Err(self.ended(other)),
        }
    }

    /// From a follower: what it wrote, or why it could not.
    pub(crate) fn written(&self, written: Result<Written, String>) {
        drop(say(&self.leader().writer, &Message::Written(Box::new(written))));
    }

    /// Has a follower write some shards.
    ///
    /// # Errors
    ///
    /// Fails if it cannot.
    pub(crate) fn have_written(
        &self,
        follower: usize,
        shards: Vec<Shard>,
    ) -> Result<Written, ClusterError> {
        let line = &self.lines[follower];
        drop(say(&line.writer, &Message::Shards(shards)));
        let failed = |reason| ClusterError::Failed { process: line.peer, reason };
        match line.hear() {
            Some(Message::Written(written)) => written.map_err(failed),
            _ => Err(failed(OUT_OF_TURN.into())),
        }
    }

    /// How many lines there are.
    pub(super) fn count(&self) -> usize {
        self.lines.len()
    }

    fn leader(&self) -> &Line {
        self.lines.first().expect("a follower has a leader")
    }

    fn ended(&self, heard: Option<Message>) -> Ended {
        self.over.store(true, Ordering::SeqCst);
        match heard {
            Some(Message::Ended(ended)) => ended,
            _ => Ended::Failed { reason: OUT_OF_TURN.into() },
        }
    }
}

const OUT_OF_TURN: &str = "it said something out of turn";

impl Line {
    fn open(seat: &Seat, peer: usize, stream: TcpStream, over: &Arc<AtomicBool>) -> Line {
        let (tell, heard) = mpsc::channel();
        let (reader, over) = (stream.try_clone(), Arc::clone(over));
        let place = format!("process {peer} at {}", seat.addresses[peer]);
        thread::spawn(move || {
            let why = reader.and_then(|reader| listen(reader, &tell, &over));
            if !over.load(Ordering::SeqCst) {
                lose(&place, &why.err().map_or("it ended".into(), |error| silence(&error)));
            }
        });
        Line { peer, writer: Arc::new(Mutex::new(stream)), heard: Mutex::new(heard) }
    }

    fn hear(&self) -> Option<Message> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
    }
}

/// Why nothing more is heard.
fn silence(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            format!("nothing was heard of it for {} s", SILENCE_MAX.as_secs())
        }
        _ => error.to_string(),
    }
}

/// Hears what the other end says until it ends.
fn listen(reader: TcpStream, tell: &Sender<Message>, over: &AtomicBool) -> io::Result<()> {
    reader.set_read_timeout(Some(SILENCE_MAX))?;
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let message: Message = serde_json::from_slice(&line)?;
        if matches!(message, Message::Ended(_)) {
            over.store(true, Ordering::SeqCst);
        }
        if !matches!(message, Message::Alive) && tell.send(message).is_err() {
            return Ok(());
        }
    }
}

fn say(writer: &Mutex<TcpStream>, message: &Message) -> io::Result<()> {
    send(writer, &serde_json::to_value(message)?)
}

fn send(writer: &Mutex<TcpStream>, message: &serde_json::Value) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    writer.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line)
}

/// Makes the loss of a peer, or of a worker, the end of this process, since the workers that are
/// left would wait for it for ever.
pub(super) fn end_with_the_dataflow(seat: &Seat) {
    let addresses = seat.addresses.clone();
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let thread = thread::current();
        let name = thread.name().unwrap_or_default();
        // Names that timely gives the threads that send and receive.
        let peer = name.strip_prefix("timely:recv-").or(name.strip_prefix("timely:send-"));
        if let Some(peer) = peer.and_then(|it| it.parse::<usize>().ok()) {
            lose(&format!("process {peer} at {}", addresses[peer]), "its connection broke");
        }
        before(info);
        if name.starts_with("timely:") {
            leave();
        }
    }));
}

/// Says once that a process was lost, and ends this one.
fn lose(place: &str, why: &str) -> ! {
    static LOST: AtomicBool = AtomicBool::new(false);
    if LOST.swap(true, Ordering::SeqCst) {
        // Another thread has noticed, and is about to end the process.
        loop {
            thread::park();
        }
    }
    drop(writeln!(
        io::stderr(),
        "agentscaler: {place} was lost ({why}); the world is as it was. Start all processes again \
         with the same commands: they go on."
    ));
    leave()
}

/// The exit code of a command that could not do what it should.
const COULD_NOT: i32 = 2;

#[expect(clippy::exit, reason = "workers that wait for a lost peer cannot be called back")]
fn leave() -> ! {
    std::process::exit(COULD_NOT)
}
