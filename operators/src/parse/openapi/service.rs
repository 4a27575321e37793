//! What an OpenAPI document says about the service as a whole.

use serde_json::Value as Json;

use crate::parse::expand::cut;

/// The service that a document describes.
pub(super) struct Service {
    /// `openapi` or `swagger`.
    pub(super) source: &'static str,
    /// Who offers it: what a directory calls them, or the server's host, or the title.
    pub(super) provider: String,
    /// The service among the provider's.
    pub(super) name: String,
    /// The path before every resource path, without a slash at its end.
    pub(super) base: String,
    /// The topic a directory files it under, or empty.
    pub(super) category: String,
    /// The version of the API, or empty.
    pub(super) version: String,
    /// The licence of the description, or empty.
    pub(super) license: String,
    /// Names and places of the parameters that carry credentials.
    pub(super) credentials: Vec<(String, String)>,
}

impl Service {
    /// Reads the head of a document.
    pub(super) fn of(document: &Json) -> Service {
        let info = |key: &str| {
            let value = document.get("info").and_then(|info| info.get(key));
            value.and_then(Json::as_str).unwrap_or_default().trim()
        };
        let (host, base) = server(document);
        let title = info("title");
        let provider = [info("x-providerName"), host, title, "unknown"]
            .into_iter()
            .find(|name| !name.is_empty())
            .unwrap_or_default();
        let name = [info("x-serviceName"), title]
            .into_iter()
            .find(|name| !name.is_empty() && *name != provider)
            .unwrap_or("main");
        let categories = document.pointer("/info/x-apisguru-categories/0");
        Service {
            source: if document.get("swagger").is_some() { "swagger" } else { "openapi" },
            provider: cut(provider).into(),
            name: cut(name).into(),
            base: cut(base.trim_end_matches('/')).into(),
            category: cut(categories.and_then(Json::as_str).unwrap_or_default()).into(),
            version: cut(info("version")).into(),
            license: license(document),
            credentials: credentials(document),
        }
    }

    /// Whether a parameter carries a credential, by the security schemes of the document.
    pub(super) fn is_credential(&self, name: &str, place: &str) -> bool {
        self.credentials.iter().any(|(ours, where_)| {
            ours.eq_ignore_ascii_case(name) && (where_ == place || place == "body")
        })
    }
}

/// The host and the base path of the first server; empty where it says none of its own.
fn server(document: &Json) -> (&str, &str) {
    let text = |key: &str| document.get(key).and_then(Json::as_str).unwrap_or_default();
    let (host, base) = if document.get("swagger").is_some() {
        (text("host"), text("basePath"))
    } else {
        let url = document.pointer("/servers/0/url").and_then(Json::as_str).unwrap_or_default();
        match url.split_once("://") {
            Some((_, rest)) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None => ("", url),
        }
    };
    let host = host.split(':').next().unwrap_or_default();
    let says_nothing = host.contains(['{', ' ', '<']) || !host.contains('.') || is_address(host);
    (if says_nothing { "" } else { host }, if base.starts_with('/') { base } else { "" })
}

fn is_address(host: &str) -> bool {
    host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// An SPDX identifier, a name or a URL, whichever the document states first in this order.
fn license(document: &Json) -> String {
    let stated = ["identifier", "name", "url"]
        .iter()
        .find_map(|key| document.pointer(&format!("/info/license/{key}")).and_then(Json::as_str));
    cut(stated.unwrap_or_default().trim()).into()
}

fn credentials(document: &Json) -> Vec<(String, String)> {
    let schemes = document
        .pointer("/components/securitySchemes")
        .or_else(|| document.get("securityDefinitions"))
        .and_then(Json::as_object);
    let mut found = Vec::new();
    for scheme in schemes.into_iter().flat_map(|schemes| schemes.values()) {
        let text = |key: &str| scheme.get(key).and_then(Json::as_str);
        if text("type") == Some("apiKey")
            && let (Some(name), Some(place)) = (text("name"), text("in"))
        {
            found.push((name.to_string(), place.to_string()));
        }
    }
    found
}
