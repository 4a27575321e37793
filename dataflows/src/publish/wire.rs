//! HTTP for the object store's client, over the one that the program has anyway: a second would
//! bring a second TLS.

use std::error::Error;
use std::io::ErrorKind;
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::BodyExt as _;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use ureq::Agent;
use ureq::http::{Method, Request, Response};

/// How long a connection may take to come about.
const CONNECTING: Duration = Duration::from_secs(10);

/// How long one request may take, a part of a file sent included.
const ANSWERING: Duration = Duration::from_secs(120);

/// Longest answer that is read: pages of versions, and lists of a thousand names.
const ANSWER_BYTES_MAX: u64 = 256 << 20;

/// Makes the client.
#[derive(Debug)]
pub(super) struct Connector;

#[derive(Debug)]
struct Wire {
    agent: Agent,
}

impl HttpConnector for Connector {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECTING))
            .timeout_global(Some(ANSWERING))
            .build();
        Ok(HttpClient::new(Wire { agent: config.into() }))
    }
}

#[async_trait]
impl HttpService for Wire {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let agent = self.agent.clone();
        let exchange = move || -> Result<HttpResponse, HttpError> {
            // A request that may have a body has one, be it empty: servers want its length.
            let answer = match head.method {
                Method::PUT | Method::POST | Method::PATCH => {
                    agent.run(Request::from_parts(head, &body[..]))
                }
                _ => agent.run(Request::from_parts(head, ())),
            };
            let (status, mut said) = answer.map_err(failed)?.into_parts();
            let bytes = said.with_config().limit(ANSWER_BYTES_MAX).read_to_vec().map_err(failed)?;
            Ok(Response::from_parts(status, bytes.into()))
        };
        match tokio::task::spawn_blocking(exchange).await {
            Ok(answer) => answer,
            Err(error) => Err(HttpError::new(HttpErrorKind::Unknown, error)),
        }
    }
}

/// What failed, in the words by which the client decides whether to try again.
fn failed(error: ureq::Error) -> HttpError {
    let kind = match &error {
        ureq::Error::Timeout(_) => HttpErrorKind::Timeout,
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => HttpErrorKind::Connect,
        ureq::Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => {
            HttpErrorKind::Connect
        }
        ureq::Error::Io(_) | ureq::Error::Protocol(_) => HttpErrorKind::Interrupted,
        _ => HttpErrorKind::Unknown,
    };
    let source: Box<dyn Error + Send + Sync> = Box::new(error);
    HttpError::new_boxed(kind, source)
}
