//! As much of HTTP/1.1 as clients of a model need, with a limit on everything.

use std::io::{self, BufRead, Read as _, Write};

use serde_json::{Value, json};

/// Most bytes of a request's first line and headers.
const HEAD_BYTES_MAX: u64 = 64 * 1024;
/// Most bytes of a body.
const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// A whole request.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    /// Without what follows a question mark.
    pub(super) path: String,
    pub(super) body: Vec<u8>,
    /// Whether the client will ask again on this connection.
    pub(super) stays: bool,
}

/// Why a request gets no answer but this.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) status: u16,
    message: String,
}

impl Fault {
    pub(super) fn new(status: u16, message: impl Into<String>) -> Fault {
        Fault { status, message: message.into() }
    }

    /// As OpenAI spells errors.
    pub(super) fn body(&self) -> Value {
        let kind = if self.status < 500 { "invalid_request_error" } else { "server_error" };
        json!({"error": {
            "message": self.message, "type": kind, "param": null, "code": self.status,
        }})
    }
}

/// Why a request could not be read.
#[derive(Debug)]
pub(super) enum Broken {
    /// The connection failed.
    Connection(io::Error),
    /// It is no request that is answered here.
    Request(Fault),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Broken {
        Broken::Connection(error)
    }
}

/// Reads a request; none if the client closed the connection before one began.
pub(super) fn read_request(reader: &mut impl BufRead) -> Result<Option<Request>, Broken> {
    let refused = |status, message: &str| Broken::Request(Fault::new(status, message));
    let mut lines = Vec::new();
    let mut head = reader.by_ref().take(HEAD_BYTES_MAX);
    loop {
        let mut line = Vec::new();
        if head.read_until(b'\n', &mut line)? == 0 {
            return match (lines.is_empty(), head.limit()) {
                (true, 1..) => Ok(None),
                (_, 0) => Err(refused(431, "the headers are too long")),
                _ => Err(refused(400, "the request ends within its headers")),
            };
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_string();
        match (line.is_empty(), lines.is_empty()) {
            (true, true) => {}
            (true, false) => break,
            (false, _) => lines.push(line),
        }
    }
    let first: Vec<&str> = lines[0].split(' ').collect();
    let [method, path, version @ ("HTTP/1.1" | "HTTP/1.0")] = first[..] else {
        return Err(refused(400, "the first line is no request of HTTP/1.1"));
    };
    let header = |name: &str| {
        lines[1..].iter().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
        })
    };
    if header("transfer-encoding").is_some() {
        return Err(refused(411, "send a body with its content-length, not in chunks"));
    }
    let length = match header("content-length").map(str::parse::<usize>) {
        None => 0,
        Some(Ok(length)) if length <= BODY_BYTES_MAX => length,
        Some(Ok(_)) => return Err(refused(413, "the body is too long")),
        Some(Err(_)) => return Err(refused(400, "content-length is no number")),
    };
    let closes = header("connection").is_some_and(|it| it.eq_ignore_ascii_case("close"));
    let request = Request {
        method: method.into(),
        path: path.split('?').next().unwrap_or_default().into(),
        body: vec![0; length],
        stays: version == "HTTP/1.1" && !closes,
    };
    let mut request = request;
    reader.read_exact(&mut request.body)?;
    Ok(Some(request))
}

/// Writes an answer.
pub(super) fn write_json(
    out: &mut impl Write,
    status: u16,
    body: &Value,
    stays: bool,
) -> io::Result<()> {
    let body = body.to_string();
    let connection = if stays { "keep-alive" } else { "close" };
    let length = body.len();
    write!(
        out,
        "HTTP/1.1 {status} {}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         connection: {connection}\r\n\r\n{body}",
        reason(status)
    )?;
    out.flush()
}

/// Writes an answer as server-sent events, and ends the connection.
pub(super) fn write_stream(out: &mut impl Write, chunks: &[Value]) -> io::Result<()> {
    write!(
        out,
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n\
         connection: close\r\n\r\n"
    )?;
    for chunk in chunks {
        write!(out, "data: {chunk}\n\n")?;
    }
    write!(out, "data: [DONE]\n\n")?;
    out.flush()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        411 => "Length Required",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}
