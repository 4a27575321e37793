//! How processes meet: each listens, connects to those before it, and waits for those after it.
//!
//! Both ends say who they are before anything else, so that another program, another version or
//! another count of processes is told of in words, and not found out by a hanging dataflow.

use std::io::{self, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::messages::{Hello, Purpose, Welcome};
use super::{ClusterError, Seat};
use crate::dataset;

/// How long a connection may take to say who it is.
const GREETING_MAX: Duration = Duration::from_secs(5);

/// Longest greeting, in bytes.
const GREETING_BYTES_MAX: usize = 16 << 10;

/// How long to rest between two tries.
const REST: Duration = Duration::from_millis(50);

/// How often to tell who is still awaited.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// The connections of a process that has met the others.
pub(super) struct Met {
    /// To every process, none to itself.
    pub mesh: Vec<Option<TcpStream>>,
    /// To the leader, or to every follower; the process at the other end first.
    pub control: Vec<(usize, TcpStream)>,
}

/// Meets the other processes.
pub(super) fn meet(seat: &Seat, told: &(dyn Fn(&str) + Sync)) -> Result<Met, ClusterError> {
    let deadline = Instant::now() + seat.patience;
    let listener = listen(seat)?;
    let (earlier, later) = thread::scope(|scope| {
        let calling = scope.spawn(|| call(seat, deadline, told));
        let later = answer(seat, &listener, deadline, told);
        (calling.join().expect("who calls does not panic"), later)
    });
    let ((mut mesh, mut control), (later_mesh, later_control)) = (earlier?, later?);
    mesh.push(None);
    mesh.extend(later_mesh.into_iter().map(Some));
    control.extend(later_control);
    Ok(Met { mesh, control })
}

fn hello(seat: &Seat, purpose: Purpose) -> Hello {
    let revisions = operators::REVISIONS.join(", ");
    Hello {
        program: format!(
            "agentscaler {} ({revisions}, {})",
            env!("CARGO_PKG_VERSION"),
            dataset::REVISION
        ),
        processes: seat.addresses.len(),
        workers: seat.workers,
        process: seat.process,
        purpose,
    }
}

fn listen(seat: &Seat) -> Result<TcpListener, ClusterError> {
    let address = &seat.addresses[seat.process];
    let bound = TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    bound.map_err(|error| ClusterError::Listen {
        process: seat.process,
        address: address.clone(),
        error,
    })
}

type Called = (Vec<Option<TcpStream>>, Vec<(usize, TcpStream)>);

/// Connects to the processes before this one.
fn call(
    seat: &Seat,
    deadline: Instant,
    told: &(dyn Fn(&str) + Sync),
) -> Result<Called, ClusterError> {
    let (mut mesh, mut control) = (Vec::new(), Vec::new());
    for process in 0..seat.process {
        mesh.push(Some(connect(seat, process, Purpose::Mesh, deadline, told)?));
        if process == 0 {
            control.push((0, connect(seat, 0, Purpose::Control, deadline, told)?));
        }
    }
    Ok((mesh, control))
}

fn connect(
    seat: &Seat,
    process: usize,
    purpose: Purpose,
    deadline: Instant,
    told: &(dyn Fn(&str) + Sync),
) -> Result<TcpStream, ClusterError> {
    let address = &seat.addresses[process];
    let mut next_told = Instant::now() + Duration::from_secs(2);
    loop {
        // Who is busy, or has gone in the middle of a greeting, may come again.
        if let Ok(mut stream) = TcpStream::connect(address)
            && let Ok(welcome) = greet(&mut stream, &hello(seat, purpose))
        {
            return match welcome.refused {
                None => Ok(stream),
                Some(reason) => {
                    Err(ClusterError::Refused { process, address: address.clone(), reason })
                }
            };
        }
        if deadline < Instant::now() {
            return Err(missing(seat, &[process]));
        }
        if next_told < Instant::now() {
            told(&format!("waiting for {}", named(seat, &[process])));
            next_told += TOLD_EVERY;
        }
        thread::sleep(REST);
    }
}

fn greet(stream: &mut TcpStream, hello: &Hello) -> io::Result<Welcome> {
    prepare(stream)?;
    send(stream, hello)?;
    let welcome = receive(stream)?;
    stream.set_read_timeout(None)?;
    Ok(welcome)
}

type Answered = (Vec<TcpStream>, Vec<(usize, TcpStream)>);

/// Waits for the processes after this one.
fn answer(
    seat: &Seat,
    listener: &TcpListener,
    deadline: Instant,
    told: &(dyn Fn(&str) + Sync),
) -> Result<Answered, ClusterError> {
    let after = seat.addresses.len() - seat.process - 1;
    let mut mesh: Vec<Option<TcpStream>> = (0..after).map(|_| None).collect();
    let mut control: Vec<Option<TcpStream>> = (0..after).map(|_| None).collect();
    let mut next_told = Instant::now() + Duration::from_secs(2);
    loop {
        let absent: Vec<usize> = (0..after)
            .filter(|it| mesh[*it].is_none() || (seat.process == 0 && control[*it].is_none()))
            .map(|it| it + seat.process + 1)
            .collect();
        if absent.is_empty() {
            let control = control.into_iter().enumerate();
            let control = control.filter_map(|(at, it)| Some((at + seat.process + 1, it?)));
            return Ok((mesh.into_iter().flatten().collect(), control.collect()));
        }
        match listener.accept() {
            Ok((mut stream, from)) => match admit(seat, &mut stream) {
                Ok(hello) => {
                    let place = hello.process - seat.process - 1;
                    let of = if hello.purpose == Purpose::Mesh { &mut mesh } else { &mut control };
                    of[place] = Some(stream);
                }
                Err(reason) => told(&format!("turned away {from}: {reason}")),
            },
            Err(_) if deadline < Instant::now() => return Err(missing(seat, &absent)),
            Err(_) => {
                if next_told < Instant::now() {
                    told(&format!("waiting for {}", named(seat, &absent)));
                    next_told += TOLD_EVERY;
                }
                thread::sleep(REST);
            }
        }
    }
}

/// Hears who connects, and says whether it is welcome.
fn admit(seat: &Seat, stream: &mut TcpStream) -> Result<Hello, String> {
    stream.set_nonblocking(false).map_err(|error| error.to_string())?;
    prepare(stream).map_err(|error| error.to_string())?;
    let heard: Hello =
        receive(stream).map_err(|error| format!("it says nothing known: {error}"))?;
    let ours = hello(seat, heard.purpose);
    let (they, we) = (heard.process, ours.process);
    let refused = if heard.program != ours.program {
        Some(format!("process {they} is {}, process {we} is {}", heard.program, ours.program))
    } else if heard.processes != ours.processes {
        let (theirs, ours) = (heard.processes, ours.processes);
        Some(format!("process {they} counts {theirs} processes, process {we} counts {ours}"))
    } else if heard.workers != ours.workers {
        let (theirs, ours) = (heard.workers, ours.workers);
        Some(format!("process {they} has {theirs} workers, process {we} has {ours}"))
    } else if they <= we || ours.processes <= they {
        Some(format!("process {they} has no business with process {we}"))
    } else {
        None
    };
    send(stream, &Welcome { refused: refused.clone() }).map_err(|error| error.to_string())?;
    stream.set_read_timeout(None).map_err(|error| error.to_string())?;
    match refused {
        None => Ok(heard),
        Some(reason) => Err(reason),
    }
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(GREETING_MAX))
}

fn send<M: Serialize>(stream: &mut TcpStream, message: &M) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    stream.write_all(&line)
}

/// Reads a line and not a byte more: what comes after it is for others to read.
fn receive<M: DeserializeOwned>(stream: &mut TcpStream) -> io::Result<M> {
    let mut line = Vec::new();
    let mut byte = [0];
    while line.len() < GREETING_BYTES_MAX {
        stream.read_exact(&mut byte)?;
        if byte[0] == b'\n' {
            return Ok(serde_json::from_slice(&line)?);
        }
        line.push(byte[0]);
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "too long a greeting"))
}

fn named(seat: &Seat, processes: &[usize]) -> String {
    let named = processes.iter().map(|it| format!("process {it} at {}", seat.addresses[*it]));
    named.collect::<Vec<_>>().join(", ")
}

fn missing(seat: &Seat, processes: &[usize]) -> ClusterError {
    ClusterError::Missing { missing: named(seat, processes), patience: seat.patience }
}
