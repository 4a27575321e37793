//! A bucket of a real S3 server (moto), behind a door that counts what passes and can refuse it.
//!
//! Requests pass one at a time, so that the server's conditions hold whatever its threads do.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What the door does with a request.
pub(crate) enum Say {
    /// Lets it pass.
    Pass,
    /// Answers itself, with a status and a code of S3.
    Refuse(u16, &'static str),
}

/// Looks at each request before it passes: its method and its path.
type Guard = Box<dyn FnMut(&str, &str) -> Say + Send>;

pub(crate) struct Bucket {
    server: Child,
    /// Where the server is, without the door.
    pub(crate) direct: String,
    /// Where the door is.
    pub(crate) door: String,
    seen: Arc<Mutex<Vec<(String, String)>>>,
    guard: Arc<Mutex<Option<Guard>>>,
}

impl Bucket {
    /// Starts a server with a bucket called "bucket"; none where it cannot be installed.
    pub(crate) fn open() -> Option<Bucket> {
        let python = python()?;
        let port =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let server = Command::new(python)
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let direct = format!("127.0.0.1:{port}");
        for _ in 0..600 {
            if TcpStream::connect(&direct).is_ok() {
                break;
            }
            thread::sleep(Duration::from_millis(100));
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let door = listener.local_addr().unwrap().to_string();
        let bucket = Bucket { server, direct, door, seen: Arc::default(), guard: Arc::default() };
        let (seen, guard, server) =
            (Arc::clone(&bucket.seen), Arc::clone(&bucket.guard), bucket.direct.clone());
        let turn: Arc<Mutex<()>> = Arc::default();
        thread::spawn(move || {
            for client in listener.incoming() {
                let (seen, guard, server) = (Arc::clone(&seen), Arc::clone(&guard), server.clone());
                let turn = Arc::clone(&turn);
                thread::spawn(move || serve(client.unwrap(), &server, &seen, &guard, &turn));
            }
        });
        let made = exchange(&bucket.direct, "PUT /bucket HTTP/1.1\r\n", b"");
        assert!(made.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&made));
        Some(bucket)
    }

    /// The requests of a method since the last call, by their paths below the bucket. Queries are
    /// left out, but of those that send a part.
    pub(crate) fn seen(&self, method: &str) -> Vec<String> {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap());
        seen.into_iter().filter(|(its, _)| its == method).map(|(_, path)| path).collect()
    }

    /// Sets who looks at requests from now on.
    pub(crate) fn guard(&self, guard: impl FnMut(&str, &str) -> Say + Send + 'static) {
        *self.guard.lock().unwrap() = Some(Box::new(guard));
    }

    pub(crate) fn unguard(&self) {
        *self.guard.lock().unwrap() = None;
    }

    /// The bytes under a name; none if there are none.
    pub(crate) fn get(&self, name: &str) -> Option<Vec<u8>> {
        // The server asks who it is, and believes everybody.
        let head = format!(
            "GET /bucket/{name} HTTP/1.1\r\nauthorization: AWS4-HMAC-SHA256 \
             Credential=key/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0\r\n"
        );
        let answer = exchange(&self.direct, &head, b"");
        let head_end = answer.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
        answer.starts_with(b"HTTP/1.1 200").then(|| answer[head_end + 4..].to_vec())
    }

    /// Variables by which a publisher finds it.
    pub(crate) fn variables(&self, address: &str) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", format!("http://{address}")),
            ("AWS_ACCESS_KEY_ID", "key".into()),
            ("AWS_SECRET_ACCESS_KEY", "not-a-secret".into()),
            ("AWS_REGION", "us-east-1".into()),
        ]
        .map(|(name, value)| (name.to_string(), value))
        .to_vec()
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

/// Lets the requests of one connection pass, each on a connection of its own.
fn serve(
    client: TcpStream,
    server: &str,
    seen: &Mutex<Vec<(String, String)>>,
    guard: &Mutex<Option<Guard>>,
    turn: &Mutex<()>,
) {
    let mut reader = BufReader::new(client.try_clone().unwrap());
    let mut client = client;
    while let Some((head, body)) = read_request(&mut reader) {
        let _one_at_a_time = turn.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut words = head.split(' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let path = path.strip_prefix("/bucket").unwrap_or(path).trim_start_matches('/');
        let name = match path.split_once('?') {
            Some((name, query)) if !query.contains("partNumber") => name,
            _ => path,
        };
        seen.lock().unwrap().push((method.into(), name.into()));
        let say = guard.lock().unwrap().as_mut().map_or(Say::Pass, |look| look(method, path));
        let answer = match say {
            Say::Pass => exchange(server, &head, &body),
            Say::Refuse(status, code) => {
                let text = format!("<Error><Code>{code}</Code><Message>No.</Message></Error>");
                let length = text.len();
                format!("HTTP/1.1 {status} No\r\ncontent-length: {length}\r\n\r\n{text}").into()
            }
        };
        if client.write_all(&answer).is_err() || answer.starts_with(b"HTTP/1.1 200") {
            // The server closed its connection after the answer, and so do we ours.
            break;
        }
    }
    drop(client.shutdown(Shutdown::Both));
}

/// A request's head, without the line that ends it, and its body.
fn read_request(reader: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap();
        }
        if !["connection", "content-length"].contains(&name.to_ascii_lowercase().as_str()) {
            head.push_str(&line);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

/// Sends a request on a connection of its own and returns the whole answer.
fn exchange(server: &str, head: &str, body: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(server).unwrap();
    let host = if head.to_ascii_lowercase().contains("\r\nhost:") { "" } else { "host: s3\r\n" };
    let length = body.len();
    write!(stream, "{head}{host}connection: close\r\ncontent-length: {length}\r\n\r\n").unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

/// A Python that has the server, kept between runs outside the repository.
fn python() -> Option<PathBuf> {
    let folder = std::env::temp_dir().join("agentscaler-python-moto");
    let (python, ready) = (folder.join("bin/python"), folder.join("ready"));
    if ready.is_file() {
        return Some(python);
    }
    let install = || -> Result<(), String> {
        run(Path::new("python3"), &["-m", "venv", "--clear", folder.to_str().unwrap()])?;
        run(&python, &["-m", "pip", "install", "--quiet", "moto[s3,server]>=5.1"])?;
        fs::write(&ready, "").map_err(|error| error.to_string())
    };
    match install() {
        Ok(()) => Some(python),
        Err(reason) => {
            eprintln!("SKIPPED what needs an S3 server: moto cannot be installed: {reason}");
            None
        }
    }
}

fn run(program: &Path, arguments: &[&str]) -> Result<(), String> {
    match Command::new(program).args(arguments).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_string()),
        Err(error) => Err(format!("{}: {error}", program.display())),
    }
}
