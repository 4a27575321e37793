//! A server of chat completions that plays agents and users, well or badly.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use schemas::Digest;
use serde_json::{Value as Json, json};

use super::script::Script;

/// How a server behaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Conduct {
    /// It answers at once.
    Good,
    /// It answers so many milliseconds later.
    Slow(u64),
    /// Of what it is asked, it fails a part at first, in a way that depends on the question.
    Faulty,
    /// Every message of some conversations is cut off, and of others the first.
    Cut,
    /// It breaks down after so many answers.
    Dying(usize),
}

/// The ways to fail.
pub(crate) const FAULTS: [&str; 7] = ["busy", "error", "hang", "cut", "nonsense", "empty", "reset"];

#[derive(Debug, Default)]
struct Heard {
    /// How often each question was asked, by the digest of its body.
    asked: BTreeMap<Digest, usize>,
    /// How often each question was answered in full.
    answered: BTreeMap<Digest, usize>,
    faults: BTreeSet<&'static str>,
    calls: usize,
    /// When the first question came, and when the last was answered.
    span: Option<(Instant, Instant)>,
}

/// A server, until the test ends.
pub(crate) struct Server {
    port: u16,
    heard: Arc<Mutex<Heard>>,
}

impl Server {
    pub(crate) fn start(conduct: Conduct, script: Arc<Script>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard: Arc<Mutex<Heard>> = Arc::default();
        let hearing = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, hearing) = (stream.unwrap(), Arc::clone(&hearing));
                let script = Arc::clone(&script);
                // A client that was killed breaks its connection: that is what a test is about.
                std::thread::spawn(move || drop(serve(&stream, conduct, &hearing, &script)));
            }
        });
        Server { port, heard }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How many calls there were.
    pub(crate) fn calls(&self) -> usize {
        self.heard.lock().unwrap().calls
    }

    /// How many questions there were.
    pub(crate) fn questions(&self) -> usize {
        self.heard.lock().unwrap().asked.len()
    }

    /// How many answers there were beyond the first to each question.
    pub(crate) fn answered_again(&self) -> usize {
        let heard = self.heard.lock().unwrap();
        heard.answered.values().map(|count| count - 1).sum()
    }

    /// How long it was from the first question to the last answer.
    pub(crate) fn span(&self) -> Duration {
        self.heard.lock().unwrap().span.map_or(Duration::ZERO, |(from, to)| to - from)
    }

    pub(crate) fn committed_faults(&self) -> BTreeSet<&'static str> {
        self.heard.lock().unwrap().faults.clone()
    }
}

/// Serves a connection until the client ends it.
fn serve(
    stream: &TcpStream,
    conduct: Conduct,
    heard: &Mutex<Heard>,
    script: &Script,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let (mut first, mut length) = (String::new(), 0);
        if reader.read_line(&mut first)? == 0 {
            return Ok(());
        }
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        if first.starts_with("GET /v1/models ") {
            respond(stream, "200 OK", "", &json!({"data": [{"id": "actor"}]}).to_string())?;
            continue;
        }
        if first.starts_with("POST /v1/embeddings ") {
            respond(stream, "200 OK", "", &embedded(&body))?;
            continue;
        }
        assert!(first.starts_with("POST /v1/chat/completions "), "{first}");
        if !complete(stream, &body, conduct, heard, script)? {
            return Ok(());
        }
    }
}

/// Answers one question; false if the connection is to be closed.
fn complete(
    stream: &TcpStream,
    body: &[u8],
    conduct: Conduct,
    heard: &Mutex<Heard>,
    script: &Script,
) -> std::io::Result<bool> {
    let json: Json = serde_json::from_slice(body).unwrap();
    if json["tools"][0]["function"]["name"] == "get_weather" {
        return probed(stream);
    }
    let id = Digest::of(body);
    let (times, calls) = {
        let mut heard = heard.lock().unwrap();
        heard.calls += 1;
        let now = Instant::now();
        heard.span.get_or_insert((now, now));
        let times = heard.asked.entry(id).or_default();
        *times += 1;
        (*times, heard.calls)
    };
    let mut finish = "stop";
    match conduct {
        Conduct::Slow(milliseconds) => std::thread::sleep(Duration::from_millis(milliseconds)),
        // Two questions of five fail at first.
        Conduct::Faulty if times == 1 && id.0[0] % 5 < 2 => {
            let fault = FAULTS[usize::from(id.0[1]) % FAULTS.len()];
            heard.lock().unwrap().faults.insert(fault);
            return fail(stream, fault);
        }
        Conduct::Dying(most) if most < calls => {
            respond(stream, "401 Unauthorized", "", "{\"error\": {\"message\": \"expired\"}}")?;
            return Ok(false);
        }
        Conduct::Cut => {
            let first = json["messages"][1]["content"].as_str().unwrap_or_default();
            let always = Digest::of(first.as_bytes()).0[0].is_multiple_of(4);
            if always || json.get("seed").is_none() && id.0[0].is_multiple_of(3) {
                finish = if id.0[1].is_multiple_of(2) { "length" } else { "content_filter" };
            }
        }
        _ => {}
    }
    {
        let mut heard = heard.lock().unwrap();
        *heard.answered.entry(id).or_default() += 1;
        heard.span = heard.span.map(|(from, _)| (from, Instant::now()));
    }
    let said = script.answer(&json);
    if finish == "stop" && said.get("tool_calls").is_some() {
        finish = "tool_calls";
    }
    let answer = json!({
        "choices": [{"index": 0, "message": said, "finish_reason": finish}],
        "usage": {"prompt_tokens": 60, "completion_tokens": 40},
    });
    respond(stream, "200 OK", "", &answer.to_string())?;
    Ok(true)
}

/// Four numbers for each text, which depend on its words.
fn embedded(body: &[u8]) -> String {
    let body: Json = serde_json::from_slice(body).unwrap();
    let texts = body["input"].as_array().unwrap().iter().enumerate();
    let data = texts.map(|(index, text)| {
        let mut sums = [1_u32; 4];
        for word in text.as_str().unwrap().split(|it: char| !it.is_alphanumeric()) {
            let digest = Digest::of(word.to_lowercase().as_bytes());
            sums[usize::from(digest.0[0] % 4)] += u32::from(digest.0[1]);
        }
        let numbers: Vec<f64> = sums.iter().map(|sum| f64::from(*sum) / 7.0).collect();
        json!({"index": index, "embedding": numbers})
    });
    json!({"data": data.collect::<Vec<_>>()}).to_string()
}

/// Answers the question whether it calls tools; no conversation asks it.
fn probed(stream: &TcpStream) -> std::io::Result<bool> {
    let call = json!({"id": "a", "function": {"name": "get_weather", "arguments": "{}"}});
    let said = json!({"choices": [{"message": {"content": null, "tool_calls": [call]},
                                   "finish_reason": "tool_calls"}],
                      "usage": {"prompt_tokens": 60, "completion_tokens": 40}});
    respond(stream, "200 OK", "", &said.to_string())?;
    Ok(true)
}

fn fail(mut stream: &TcpStream, fault: &str) -> std::io::Result<bool> {
    let answer = "{\"choices\": [{\"message\": {\"content\": \"a word that is cut in the middle";
    match fault {
        "busy" => respond(stream, "429 Too Many Requests", "Retry-After: 0.02\r\n", "")?,
        "error" => respond(stream, "500 Internal Server Error", "", "<html>oops</html>")?,
        "hang" => {
            std::thread::sleep(Duration::from_millis(900));
            return Ok(false);
        }
        "cut" => {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{answer}")?;
            return Ok(false);
        }
        "nonsense" => respond(stream, "200 OK", "", answer)?,
        "reset" => return Ok(false),
        _ => respond(stream, "200 OK", "", "{\"choices\": []}")?,
    }
    Ok(true)
}

fn respond(mut stream: &TcpStream, status: &str, headers: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n");
    stream.write_all(&[head.as_bytes(), body.as_bytes()].concat())
}
