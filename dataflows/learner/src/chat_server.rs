//! A model behind HTTP, as OpenAI's clients speak to one: `POST /v1/chat/completions` and
//! `GET /v1/models`.
//!
//! Answers are made one at a time, in the order in which requests are complete. A stream is
//! accepted and gets its answer in one piece. Times are not told: `created` is 0, so that the same
//! request gets the same bytes.

use std::io::{self, BufReader};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use self::http::{Fault, Request, read_request, write_json, write_stream};
use crate::assistant::Assistant;

mod completion;
mod http;

/// Connections served at once; more are told to come back.
const CONNECTIONS_MAX: usize = 64;
/// How long a client may be silent within a request.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// Serves a model to whoever connects, until the listener fails.
///
/// `name` is what the model is called; `tell` hears of every answered request: its path and
/// status.
///
/// # Errors
///
/// If the listener stops accepting.
pub fn serve(
    listener: &TcpListener,
    assistant: Assistant,
    name: &str,
    tell: &(dyn Fn(&str, u16) + Sync),
) -> io::Result<()> {
    let assistant = Mutex::new(assistant);
    let open = AtomicUsize::new(0);
    thread::scope(|scope| {
        loop {
            let (stream, _) = listener.accept()?;
            let (assistant, open) = (&assistant, &open);
            scope.spawn(move || {
                let busy = CONNECTIONS_MAX <= open.fetch_add(1, Ordering::SeqCst);
                // A client that goes away in the middle is nobody's fault and nobody is left to
                // tell.
                drop(answer_all(stream, assistant, name, busy, tell));
                open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    })
}

/// Answers the requests of a connection, one after the other, until the client closes it.
fn answer_all(
    stream: TcpStream,
    assistant: &Mutex<Assistant>,
    name: &str,
    busy: bool,
    tell: &(dyn Fn(&str, u16) + Sync),
) -> io::Result<()> {
    stream.set_read_timeout(Some(SILENCE_MAX))?;
    stream.set_write_timeout(Some(SILENCE_MAX))?;
    let mut out = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    loop {
        let request = match read_request(&mut reader) {
            Ok(None) => return Ok(()),
            Ok(Some(request)) => request,
            Err(http::Broken::Connection(error)) => return Err(error),
            Err(http::Broken::Request(fault)) => {
                tell("-", fault.status);
                return write_json(&mut out, fault.status, &fault.body(), false);
            }
        };
        let stays = request.stays && !busy;
        let answered = match busy {
            true => Err(Fault::new(503, "too many connections are open; try again later")),
            false => answer(&request, assistant, name),
        };
        let status = answered.as_ref().map_or_else(|fault| fault.status, |_| 200);
        tell(&request.path, status);
        match answered {
            Ok(body) if body["object"] == "chat.completion" && wants_stream(&request) => {
                write_stream(&mut out, &completion::chunks(&body))?;
                return Ok(());
            }
            Ok(body) => write_json(&mut out, 200, &body, stays)?,
            Err(fault) => write_json(&mut out, fault.status, &fault.body(), stays)?,
        }
        if !stays {
            return Ok(());
        }
    }
}

fn wants_stream(request: &Request) -> bool {
    let body: Option<Value> = serde_json::from_slice(&request.body).ok();
    body.is_some_and(|body| body["stream"] == true)
}

fn answer(request: &Request, assistant: &Mutex<Assistant>, name: &str) -> Result<Value, Fault> {
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/v1/models") => Ok(json!({
            "object": "list",
            "data": [{"id": name, "object": "model", "created": 0, "owned_by": "agentscaler"}],
        })),
        ("GET", "/health") => Ok(json!({"status": "ok"})),
        ("POST", "/v1/chat/completions") => {
            let asked = completion::parse(&request.body)?;
            // A thread that broke off while it held the model left it as it was.
            let assistant = assistant.lock().unwrap_or_else(PoisonError::into_inner);
            completion::complete(&assistant, &asked, name)
        }
        (_, "/v1/models" | "/health" | "/v1/chat/completions") => {
            Err(Fault::new(405, format!("{} is not for {}", request.method, request.path)))
        }
        (_, path) => Err(Fault::new(404, format!("there is no {path}"))),
    }
}
