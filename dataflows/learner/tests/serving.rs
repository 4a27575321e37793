//! The chat server, asked over a socket.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up should panic where it stands")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use burn::tensor::Device;
use learner::assistant::Assistant;
use learner::beginning::Beginning;
use learner::chat_server::serve;
use serde_json::{Value, json};

#[path = "sample/rows.rs"]
mod rows;

/// A server of a fresh model, for as long as the tests run.
fn server() -> SocketAddr {
    let folder = tempfile::tempdir().unwrap();
    let beginning =
        Beginning { vocabulary: 600, layers: 1, hidden: 16, heads: 2, positions: 700, seed: 1 };
    beginning.write(folder.path(), &rows::rows(20)).unwrap();
    let assistant = Assistant::read(folder.path(), Device::flex()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || serve(&listener, assistant, "fresh", &|_, _| {}));
    address
}

/// Sends bytes and returns all that comes back.
fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(bytes).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

fn post(address: SocketAddr, body: &Value) -> (u16, String) {
    let sent = body.to_string();
    let length = sent.len();
    let path = "/v1/chat/completions";
    let request =
        format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{sent}");
    let answer = exchange(address, request.as_bytes());
    let (head, content) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), content.to_string())
}

#[test]
fn answers_as_openais_clients_expect() {
    let address = server();
    let models = exchange(address, b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n");
    assert!(models.starts_with("HTTP/1.1 200 OK\r\n") && models.contains("\"id\":\"fresh\""));
    let arguments = json!({"a": 1}).to_string();
    let asked = json!({
        "model": "fresh", "max_tokens": 9,
        "messages": [
            {"role": "developer", "content": "Rules."},
            {"role": "user", "content": [{"type": "text", "text": "Do it."}]},
            {"role": "assistant", "content": null, "tool_calls": [{"id": "1", "type": "function",
             "function": {"name": "f", "arguments": arguments}}]},
            {"role": "tool", "tool_call_id": "1", "content": "done"},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
    });
    let (status, body) = post(address, &asked);
    assert_eq!(status, 200, "{body}");
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["choices"][0]["message"]["role"], "assistant");
    assert!(answer["usage"]["completion_tokens"].as_u64().unwrap() <= 9);
    assert_eq!(post(address, &asked).1, body, "greedy answers are the same each time");
    let mut drawn = asked.clone();
    drawn["temperature"] = json!(1.5);
    drawn["seed"] = json!(7);
    let (drawn_status, one) = post(address, &drawn);
    assert_eq!(drawn_status, 200);
    assert_eq!(one, post(address, &drawn).1, "the same seed draws the same");
    drawn["seed"] = json!(8);
    assert_ne!(one, post(address, &drawn).1);
    drawn["stream"] = json!(true);
    let (stream_status, stream) = post(address, &drawn);
    assert_eq!(stream_status, 200);
    assert!(stream.contains("\"object\":\"chat.completion.chunk\""), "{stream}");
    assert!(stream.ends_with("data: [DONE]\n\n"));
}

#[test]
fn what_is_not_done_is_refused_by_name() {
    let address = server();
    let ask = |more: Value| {
        let mut body = json!({"messages": [{"role": "user", "content": "Hi."}]});
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        post(address, &body)
    };
    for (body, said) in [
        (json!({"messages": []}), "messages"),
        (json!({"messages": [{"role": "king", "content": ""}]}), "message 0"),
        (json!({"messages": [{"role": "user", "content": 3}]}), "content"),
        (json!({"n": 2}), "\\\"n\\\""),
        (json!({"stop": ["x"]}), "stop"),
        (json!({"temperature": -1}), "temperature"),
        (json!({"max_tokens": 0}), "max_tokens"),
        (json!({"tools": "f"}), "tools"),
        (json!({"messages": [{"role": "user", "content": "long ".repeat(3000)}]}), "no room"),
    ] {
        let (status, answer) = ask(body.clone());
        assert_eq!(status, 400, "{body}");
        assert!(answer.contains(said) && answer.contains("invalid_request_error"), "{answer}");
    }
    for (request, status) in [
        ("GET /nothing HTTP/1.1\r\n\r\n", 404),
        ("DELETE /v1/models HTTP/1.1\r\n\r\n", 405),
        ("nonsense\r\n\r\n", 400),
        ("POST /v1/chat/completions HTTP/1.1\r\ncontent-length: x\r\n\r\n", 400),
        ("POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n", 413),
        ("POST /v1/chat/completions HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n", 411),
        ("POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 2\r\n\r\n{]", 400),
    ] {
        let answer = exchange(address, request.as_bytes());
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
    }
    let long = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(70_000));
    let mut stream = TcpStream::connect(address).unwrap();
    // The server may hang up before all is written.
    drop(stream.write_all(long.as_bytes()));
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 431");
}
