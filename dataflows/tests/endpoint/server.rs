//! A server of chat completions that answers as a function of the question.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value as Json, json};

use self::designs::design;

#[path = "designs.rs"]
mod designs;

/// Tokens that every exchange takes.
pub(crate) const TOKENS: u64 = 100;

/// How a server behaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Conduct {
    /// It answers.
    Good,
    /// It answers, some time later.
    Slow,
    /// Whatever it is asked, it fails at first, in a way that depends on the question.
    Faulty,
    /// It lets nobody in, and repeats the key that was shown.
    Locked,
    /// It serves other models.
    Strange,
    /// It is always too busy.
    Busy,
}

/// The ways to fail.
pub(crate) const FAULTS: [&str; 6] = ["busy", "error", "hang", "cut", "nonsense", "empty"];

#[derive(Debug, Default)]
struct Heard {
    /// How often each question was asked, by what it is about.
    asked: BTreeMap<String, usize>,
    faults: BTreeSet<&'static str>,
    keys: Vec<String>,
}

/// A server, until the test ends.
pub(crate) struct Server {
    port: u16,
    heard: Arc<Mutex<Heard>>,
}

impl Server {
    pub(crate) fn start(conduct: Conduct) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard: Arc<Mutex<Heard>> = Arc::default();
        let hearing = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, hearing) = (stream.unwrap(), Arc::clone(&hearing));
                // A client that was killed breaks its connection: that is what the test is about.
                std::thread::spawn(move || drop(serve(stream, conduct, &hearing)));
            }
        });
        Server { port, heard }
    }

    /// An address where nobody listens.
    pub(crate) fn vacant() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn asked(&self) -> BTreeMap<String, usize> {
        self.heard.lock().unwrap().asked.clone()
    }

    pub(crate) fn calls(&self) -> usize {
        self.heard.lock().unwrap().asked.values().sum()
    }

    pub(crate) fn committed_faults(&self) -> BTreeSet<&'static str> {
        self.heard.lock().unwrap().faults.clone()
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.heard.lock().unwrap().keys.clone()
    }
}

fn serve(stream: TcpStream, conduct: Conduct, heard: &Mutex<Heard>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut first, mut length, mut key) = (String::new(), 0, String::new());
    reader.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "authorization" => key = value.into(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    heard.lock().unwrap().keys.push(key.clone());
    if conduct == Conduct::Locked {
        let said = json!({"error": {"message": format!("no such key: {key}")}});
        return respond(&stream, "401 Unauthorized", "", &said.to_string());
    }
    if first.starts_with("GET /v1/models ") {
        let names = if conduct == Conduct::Strange { ["huge", "tiny"] } else { ["large", "small"] };
        let models = names.map(|name| json!({"id": name}));
        return respond(&stream, "200 OK", "", &json!({"data": models}).to_string());
    }
    assert!(first.starts_with("POST /v1/chat/completions "), "{first}");
    let body: Json = serde_json::from_slice(&body).unwrap();
    let about = body["messages"][1]["content"].as_str().unwrap().to_string();
    let times = {
        let mut heard = heard.lock().unwrap();
        let times = heard.asked.entry(about.clone()).or_default();
        *times += 1;
        *times
    };
    let answer = answer(&about);
    match conduct {
        Conduct::Strange => {
            let said = json!({"error": {"message": "no such model", "code": "model_not_found"}});
            respond(&stream, "404 Not Found", "", &said.to_string())
        }
        Conduct::Busy => respond(&stream, "503 Service Unavailable", "", "later"),
        Conduct::Slow => {
            std::thread::sleep(Duration::from_millis(25));
            respond(&stream, "200 OK", "", &answer)
        }
        Conduct::Faulty if times == 1 => {
            let sum: usize = about.bytes().map(usize::from).sum();
            let fault = FAULTS[sum % FAULTS.len()];
            heard.lock().unwrap().faults.insert(fault);
            fail(&stream, fault, &answer)
        }
        _ => respond(&stream, "200 OK", "", &answer),
    }
}

fn fail(mut stream: &TcpStream, fault: &str, answer: &str) -> std::io::Result<()> {
    match fault {
        "busy" => respond(stream, "429 Too Many Requests", "Retry-After: 0\r\n", ""),
        "error" => respond(stream, "500 Internal Server Error", "", "<html>oops</html>"),
        "hang" => {
            std::thread::sleep(Duration::from_millis(1_500));
            Ok(())
        }
        "cut" => {
            let half = &answer[..answer.len() / 2];
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{half}", answer.len())
        }
        "nonsense" => respond(stream, "200 OK", "", "{\"choices\": [{\"mess"),
        _ => respond(stream, "200 OK", "", "{\"choices\": []}"),
    }
}

fn respond(mut stream: &TcpStream, status: &str, headers: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// What is answered about a domain or a tool. Of a tool something sensible, but for three tools, one of which it declines
/// to describe, one it describes as another, and one it cannot describe in the tokens it has.
fn answer(about: &str) -> String {
    let tool: Json = serde_json::from_str(about).unwrap();
    if tool["tables"].is_array() {
        let (text, finish) = design(&tool);
        return completed(&text, finish);
    }
    let name = tool["name"].as_str().unwrap();
    let (verb, noun) = name.split_once('_').unwrap();
    let stated = tool["description"].as_str().unwrap_or_default();
    let arguments: Vec<Json> = tool["arguments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|argument| {
            let said = format!("The {} of the {noun}.", argument["name"].as_str().unwrap());
            json!({"name": argument["name"], "type": argument["type"], "description": said})
        })
        .collect();
    let told = if name == "get_depot" { "get_station" } else { name };
    let reply = json!({
        "name": told,
        "description": format!("{stated} Can {verb} one {noun} and answers with what it then is."),
        "arguments": arguments,
        "output": {"type": "object", "properties": {
            format!("{noun}_id"): {"type": "string"}, "status": {"type": "string"}}},
    });
    let finish = match name {
        "delete_courier" => "content_filter",
        "update_invoice" => "length",
        _ => "stop",
    };
    completed(&reply.to_string(), finish)
}

fn completed(text: &str, finish: &str) -> String {
    json!({
        "choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": finish}],
        "usage": {"prompt_tokens": TOKENS - 40, "completion_tokens": 40},
    })
    .to_string()
}
