//! The arguments of a tool: those an agent decides on.

use std::borrow::Cow;
use std::collections::BTreeSet;

use schemas::{CorpusPlan, Field, Record, Rule, Value};

use super::name;
use super::shape::{Shaper, required_of};

/// Arguments of transport wherever they go: who calls, in which version, how the answer is set.
const TRANSPORT: [&str; 18] = [
    "authorization",
    "proxy-authorization",
    "api-version",
    "oauth_token",
    "prettyprint",
    "quotauser",
    "userip",
    "$.xgafv",
    "upload_protocol",
    "uploadtype",
    "x-api-key",
    "x-api-version",
    "x-auth-token",
    "x-rapidapi-key",
    "x-rapidapi-host",
    "x-access-token",
    "ocp-apim-subscription-key",
    "x-ms-version",
];

/// Arguments of transport if they go into a header.
const HEADERS: [&str; 18] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "origin",
    "referer",
    "user-agent",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "x-request-id",
    "x-correlation-id",
    "x-ms-client-request-id",
];

/// Credentials if they go into a header, a cookie or the query. Elsewhere an argument of such a
/// name may be what the tool is about.
const CREDENTIALS: [&str; 16] = [
    "access_token",
    "accesstoken",
    "access-token",
    "api_key",
    "apikey",
    "api-key",
    "app_key",
    "auth",
    "auth_token",
    "auth-token",
    "appid",
    "client_secret",
    "token",
    "session_token",
    "subscription-key",
    "x-token",
];

/// How the names of headers end that carry a credential, whatever service they are of.
const CREDENTIAL_ENDINGS: [&str; 5] = ["-key", "_key", "apikey", "-token", "-secret"];

/// Arguments of transport in the APIs of Google, which all take the same ones.
const GOOGLE: [&str; 4] = ["alt", "key", "callback", "fields"];

/// Arguments only Google's APIs have.
const GOOGLE_MARKS: [&str; 4] = ["prettyPrint", "quotaUser", "$.xgafv", "upload_protocol"];

/// The arguments of a record.
///
/// # Errors
///
/// Says that there are more than the plan allows.
pub(super) fn arguments(
    record: &Record,
    plan: &CorpusPlan,
    met: &mut BTreeSet<Rule>,
) -> Result<Vec<Field>, (Rule, String)> {
    let whole = composed(&record.parameters);
    let Some(Value::Object(properties)) = whole.get("properties") else { return Ok(Vec::new()) };
    let required = required_of(&whole);
    let google = GOOGLE_MARKS.iter().any(|mark| properties.iter().any(|(name, _)| name == mark));
    let mut shaper = Shaper::new(plan);
    let mut taken = BTreeSet::new();
    let mut fields: Vec<Field> = Vec::new();
    for (published, property) in properties {
        let place = property.get("x-in").and_then(Value::as_text).unwrap_or_default();
        if is_transport(published, place, google) {
            met.insert(Rule::TransportDropped);
            continue;
        }
        let is_required = required.contains(published.as_str());
        if !is_required && echoes(published, property, record) {
            met.insert(Rule::EchoDropped);
            continue;
        }
        if fields.len() == plan.arguments_max {
            let count = properties.len();
            let reason = format!("takes {count} arguments, more than {}", plan.arguments_max);
            return Err((Rule::TooManyArguments, reason));
        }
        let Some((name, original)) = name::of_argument(published, &mut taken) else { continue };
        let mut field = shaper.field(property, is_required, 0, 0);
        if let Some(original) = original {
            field.description =
                name::introduced(&original, &field.description, plan.argument_chars_max);
        }
        if name != *published {
            met.insert(Rule::ArgumentSpelled);
        }
        field.name = name;
        fields.push(field);
    }
    met.extend(shaper.met());
    Ok(fields)
}

/// An object schema with what it is composed of laid into it.
fn composed(schema: &Value) -> Cow<'_, Value> {
    let Some(Value::List(parts)) = schema.get("allOf") else { return Cow::Borrowed(schema) };
    let mut properties: Vec<(String, Value)> = Vec::new();
    let mut names: BTreeSet<&str> = BTreeSet::new();
    let mut required: Vec<Value> = Vec::new();
    for part in std::iter::once(schema).chain(parts) {
        if let Some(Value::Object(more)) = part.get("properties") {
            for (name, property) in more {
                if names.insert(name) {
                    properties.push((name.clone(), property.clone()));
                }
            }
        }
        if let Some(Value::List(more)) = part.get("required") {
            required.extend(more.iter().cloned());
        }
    }
    Cow::Owned(Value::Object(vec![
        ("properties".into(), Value::Object(properties)),
        ("required".into(), Value::List(required)),
    ]))
}

/// Whether an argument belongs to the transport and not to what the tool does.
fn is_transport(published: &str, place: &str, google: bool) -> bool {
    let name = published.trim().to_ascii_lowercase();
    let name = name.as_str();
    TRANSPORT.contains(&name)
        || name.starts_with("x-amz-")
        || (place == "header" && HEADERS.contains(&name))
        || (place == "header" && CREDENTIAL_ENDINGS.iter().any(|ending| name.ends_with(ending)))
        || (matches!(place, "header" | "query" | "cookie") && CREDENTIALS.contains(&name))
        || (google && GOOGLE.contains(&name))
}

/// Whether an optional argument is the tool's own name, which a scraper took for one.
fn echoes(published: &str, property: &Value, record: &Record) -> bool {
    published == record.name
        && property.get("description").and_then(Value::as_text).unwrap_or_default().is_empty()
}
