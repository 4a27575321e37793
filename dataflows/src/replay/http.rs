//! HTTP, as far as a client of this machine needs it: one request after another on a connection,
//! bodies with a length, everything bounded.

use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value as Json, json};

/// Most connections at once; each has a thread.
const CONNECTIONS_MAX: usize = 600;

/// Longest head of a request, in bytes.
const HEAD_BYTES_MAX: u64 = 16 << 10;

/// Longest body of a request, in bytes.
const BODY_BYTES_MAX: u64 = 16 << 20;

/// Longest rest of a connection, and longest wait for a part of a request.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// Most bytes taken of a request that is refused, and the longest wait for them.
const LINGER_BYTES_MAX: u64 = 1 << 20;
const LINGER_TIMEOUT: Duration = Duration::from_secs(2);

/// Longest wait for a client that does not take its answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);

/// What is answered to a call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The body, JSON.
    pub body: Vec<u8>,
}

impl Reply {
    /// A reply with a JSON body.
    pub fn json(status: u16, body: &Json) -> Reply {
        Reply { status, body: body.to_string().into_bytes() }
    }
}

/// Answers calls by method, path and body.
pub trait Handle: Fn(&str, &str, &[u8]) -> Reply + Sync {}

impl<F: Fn(&str, &str, &[u8]) -> Reply + Sync> Handle for F {}

/// Serves every connection of a listener until the process ends.
///
/// # Errors
///
/// Fails if the listener does.
pub fn serve(listener: &TcpListener, handle: &impl Handle) -> io::Result<()> {
    let open = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        loop {
            let stream = match listener.accept() {
                Ok((stream, _)) => stream,
                // A client that is gone already, or too many files for a moment.
                Err(error) if is_passing(&error) => {
                    std::thread::sleep(Duration::from_millis(10));
                    continue;
                }
                Err(error) => return Err(error),
            };
            if CONNECTIONS_MAX <= open.fetch_add(1, Ordering::Relaxed) {
                open.fetch_sub(1, Ordering::Relaxed);
                // NB: whoever is turned away may not listen any more.
                drop(write(&stream, &told(503, "too many connections"), false));
                continue;
            }
            let open = &open;
            scope.spawn(move || {
                // A connection that breaks is its client's affair.
                drop(converse(&stream, handle));
                open.fetch_sub(1, Ordering::Relaxed);
            });
        }
    })
}

fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, WouldBlock};
    // 23 and 24 say that the system or the process has no file left.
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted | WouldBlock)
        || matches!(error.raw_os_error(), Some(23 | 24))
}

/// One connection, until its client ends it or does something wrong.
fn converse(stream: &TcpStream, handle: &impl Handle) -> io::Result<()> {
    stream.set_read_timeout(Some(READ_TIMEOUT))?;
    stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(head) = head(&mut reader)? {
        let head = match head {
            Ok(head) => head,
            Err(reply) => {
                write(stream, &reply, false)?;
                return linger(stream, &mut reader);
            }
        };
        if head.continues {
            let mut out = stream;
            out.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let mut body = Vec::new();
        reader.by_ref().take(head.length).read_to_end(&mut body)?;
        if (body.len() as u64) < head.length {
            return Ok(());
        }
        write(stream, &handle(&head.method, &head.path, &body), head.keeps)?;
        if !head.keeps {
            break;
        }
    }
    Ok(())
}

/// Takes what a client still sends, for a while: a connection closed upon it would be reset, and
/// the client would never read why.
fn linger(stream: &TcpStream, reader: &mut impl BufRead) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(LINGER_TIMEOUT))?;
    io::copy(&mut reader.take(LINGER_BYTES_MAX), &mut io::sink())?;
    Ok(())
}

/// What a request says before its body.
struct Head {
    method: String,
    path: String,
    length: u64,
    /// Whether the connection stays open.
    keeps: bool,
    /// Whether the client waits for a word before it sends the body.
    continues: bool,
}

/// Reads the head of a request; nothing at the end of the connection, a reply if it is none.
fn head(reader: &mut impl BufRead) -> io::Result<Option<Result<Head, Reply>>> {
    let mut reader = reader.take(HEAD_BYTES_MAX);
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut words = first.split_whitespace().map(String::from);
    let (Some(method), Some(path), Some(version)) = (words.next(), words.next(), words.next())
    else {
        return Ok(Some(Err(told(400, "that is no request"))));
    };
    let keeps = version == "HTTP/1.1";
    let mut head = Head { method, path, length: 0, keeps, continues: false };
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || !line.ends_with('\n') {
            return Ok(Some(Err(told(431, "the head of the request is too long"))));
        }
        let line = line.trim_end();
        if line.is_empty() {
            return Ok(Some(Ok(head)));
        }
        let Some((name, value)) = line.split_once(':') else {
            return Ok(Some(Err(told(400, "that is no header"))));
        };
        if let Err(reply) = head.take(&name.to_ascii_lowercase(), value.trim()) {
            return Ok(Some(Err(reply)));
        }
    }
}

impl Head {
    fn take(&mut self, name: &str, value: &str) -> Result<(), Reply> {
        match name {
            "content-length" => {
                self.length = value.parse().map_err(|_error| told(400, "that is no length"))?;
                if BODY_BYTES_MAX < self.length {
                    return Err(told(413, "the body is too long"));
                }
            }
            "transfer-encoding" => return Err(told(411, "a body needs a length")),
            "connection" => self.keeps &= !value.eq_ignore_ascii_case("close"),
            "expect" => self.continues = value.eq_ignore_ascii_case("100-continue"),
            // A page of the web must not reach this through a name that leads here.
            "host" if !is_local(value) => return Err(told(403, "that is not this host's name")),
            _ => {}
        }
        Ok(())
    }
}

fn is_local(host: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|own| {
        host.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    })
}

fn told(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({"error": {"message": message, "code": "http"}}))
}

fn write(mut stream: &TcpStream, reply: &Reply, keeps: bool) -> io::Result<()> {
    let phrase = if reply.status == 200 { "OK" } else { "Error" };
    let connection = if keeps { "keep-alive" } else { "close" };
    let mut bytes = format!(
        "HTTP/1.1 {} {phrase}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: {connection}\r\n\r\n",
        reply.status,
        reply.body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(&reply.body);
    stream.write_all(&bytes)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{Shutdown, TcpListener, TcpStream};

    use super::{Reply, serve};

    /// What a server that repeats what it is told answers to these bytes.
    fn answered(sent: &[u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let echo = |method: &str, path: &str, body: &[u8]| Reply {
                status: 200,
                body: [format!("{method} {path} ").as_bytes(), body].concat(),
            };
            drop(serve(&listener, &echo));
        });
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(sent).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        said
    }

    #[test]
    fn requests_of_one_connection_are_answered_one_after_another() {
        let said = answered(
            b"POST /a HTTP/1.1\r\nHost: localhost:1\r\nContent-Length: 2\r\n\r\nhi\
              GET /b HTTP/1.1\r\nConnection: close\r\n\r\n",
        );
        assert!(said.contains("POST /a hi") && said.ends_with("GET /b "), "{said}");
    }

    #[test]
    fn what_is_no_request_is_refused_and_nothing_is_waited_for() {
        let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(20_000));
        let cases: [(&[u8], &str); 7] = [
            (b"hello\r\n\r\n", " 400 "),
            (b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n", " 400 "),
            (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", " 413 "),
            (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", " 411 "),
            (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", " 403 "),
            (long.as_bytes(), " 431 "),
            (b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\ncut", ""),
        ];
        for (sent, status) in cases {
            let said = answered(sent);
            assert!(said.contains(status), "{said}");
            assert!(!status.is_empty() || said.is_empty(), "{said}");
        }
    }
}
