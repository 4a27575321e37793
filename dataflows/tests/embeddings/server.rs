//! A server of embeddings whose model is a bag of hashed words.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use operators::embed::text;
use serde_json::{Value as Json, json};

/// How a server behaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Conduct {
    /// It answers with so many numbers for each text.
    Good(usize),
    /// It answers in base64, the last text first.
    Packed,
    /// Whatever it is asked, it fails at first, each time in another way.
    Faulty,
    /// It gives `get_depot` no number, `list_depot` no direction, and cannot read `update_depot`.
    Odd,
}

/// The numbers of a vector.
pub(crate) const WIDTH: usize = 64;

/// The ways to fail.
pub(crate) const FAULTS: usize = 7;

#[derive(Debug, Default)]
struct Heard {
    /// How often each text was asked.
    asked: BTreeMap<String, usize>,
    /// How often each batch was asked, by its first text.
    batches: BTreeMap<String, usize>,
    faults: usize,
    longest: usize,
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
                std::thread::spawn(move || drop(serve(stream, conduct, &hearing)));
            }
        });
        Server { port, heard }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v1/embeddings", self.port)
    }

    pub(crate) fn asked(&self) -> BTreeMap<String, usize> {
        self.heard.lock().unwrap().asked.clone()
    }

    pub(crate) fn faults(&self) -> usize {
        self.heard.lock().unwrap().faults
    }

    /// The most texts of one call.
    pub(crate) fn longest(&self) -> usize {
        self.heard.lock().unwrap().longest
    }
}

fn serve(stream: TcpStream, conduct: Conduct, heard: &Mutex<Heard>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first)?;
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
        return respond(&stream, "404 Not Found", "", "");
    }
    assert!(first.starts_with("POST /v1/embeddings "), "{first}");
    let body: Json = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["model"], "small");
    let texts: Vec<&str> =
        body["input"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    let fault = {
        let mut heard = heard.lock().unwrap();
        heard.longest = heard.longest.max(texts.len());
        for text in &texts {
            *heard.asked.entry((*text).into()).or_default() += 1;
        }
        let times = heard.batches.entry(texts[0].into()).or_default();
        *times += 1;
        let is_first = *times == 1;
        (conduct == Conduct::Faulty && is_first).then(|| {
            heard.faults += 1;
            (heard.faults - 1) % FAULTS
        })
    };
    if conduct == Conduct::Odd && texts.iter().any(|text| text.starts_with("update depot")) {
        let said = json!({"error": {"message": "too long", "code": "context_length_exceeded"}});
        return respond(&stream, "400 Bad Request", "", &said.to_string());
    }
    let answer = answer(&texts, conduct);
    match fault {
        Some(fault) => fail(&stream, fault, answer),
        None => respond(&stream, "200 OK", "", &answer.to_string()),
    }
}

fn fail(mut stream: &TcpStream, fault: usize, mut answer: Json) -> std::io::Result<()> {
    let data = answer["data"].as_array_mut().unwrap();
    match fault {
        0 => return respond(stream, "429 Too Many Requests", "Retry-After: 0\r\n", ""),
        1 => return respond(stream, "500 Internal Server Error", "", "<html>oops</html>"),
        2 => {
            let whole = answer.to_string();
            let half = &whole[..whole.len() / 2];
            return write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{half}",
                whole.len()
            );
        }
        3 => drop(data.pop()),
        4 => data[0]["embedding"] = json!([]),
        5 => data[0]["embedding"] = json!("not base64"),
        _ => data[0]["index"] = json!(data.len()),
    }
    respond(stream, "200 OK", "", &answer.to_string())
}

fn respond(mut stream: &TcpStream, status: &str, headers: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

fn answer(texts: &[&str], conduct: Conduct) -> Json {
    let width = if let Conduct::Good(width) = conduct { width } else { WIDTH };
    let embedding = |said: &str| {
        let numbers = vector(said, width);
        match conduct {
            Conduct::Packed => json!(text(&numbers)),
            Conduct::Odd if said.starts_with("get depot") => json!([null, 1.0]),
            Conduct::Odd if said.starts_with("list depot") => json!([0.0, -0.0]),
            Conduct::Odd => json!(&numbers[..2]),
            _ => json!(numbers),
        }
    };
    let mut data: Vec<Json> = texts
        .iter()
        .enumerate()
        .map(|(index, said)| json!({"index": index, "embedding": embedding(said)}))
        .collect();
    if conduct == Conduct::Packed {
        data.reverse();
    }
    json!({"data": data, "usage": {"prompt_tokens": 7 * texts.len()}})
}

/// Each word adds to one component or takes from it.
fn vector(text: &str, width: usize) -> Vec<f32> {
    let mut vector = vec![0.01; width];
    for word in text.split(|character: char| !character.is_alphanumeric()) {
        let hash = word.to_lowercase().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let place = usize::try_from(hash >> 33).unwrap() % width;
        vector[place] += if hash & 1 == 0 { 1.0 } else { -1.0 };
    }
    vector
}
