//! Where to publish: a bucket or a folder, read from an address and from the environment.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{
    BackoffConfig, Error as Refusal, ObjectStoreExt as _, PutMode, RetryConfig, UpdateVersion,
};

use super::wire::Connector;
use super::{PublishError, Store};

/// How often a request is made again that failed for a while, and for how long.
const RETRIES: usize = 6;
const RETRYING: Duration = Duration::from_secs(90);
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Most links of a chain of causes that are told.
const CAUSES_MAX: usize = 8;

/// Longest reason that is told, in characters.
const REASON_CHARS_MAX: usize = 400;

/// Where a dataset is published.
#[derive(Clone, Debug)]
pub struct Place {
    /// As it is told.
    name: String,
    pub(super) store: Store,
}

impl Place {
    /// Opens `s3://BUCKET/PREFIX` or `file:///FOLDER`. Credentials and the service's address are read
    /// from `variables`, by the names that others use: `AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, …
    ///
    /// # Errors
    ///
    /// Fails if the address is none, or if no credentials are set.
    pub fn open(to: &str, variables: &[(String, String)]) -> Result<Place, PublishError> {
        let wrong = |its: &str, reason: &str| PublishError::Address {
            to: its.into(),
            reason: reason.into(),
        };
        match to.split_once("://") {
            Some(("s3", rest)) => {
                if let Some((_, place)) = rest.rsplit_once('@') {
                    return Err(wrong(&format!("s3://…@{place}"), "a key has no place in it"));
                }
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                if bucket.is_empty() || rest.contains(['?', '#']) {
                    return Err(wrong(to, "it names no bucket"));
                }
                bucket_place(bucket, prefix.trim_matches('/'), variables)
            }
            Some(("file", folder)) if folder.starts_with('/') => folder_place(folder),
            Some(("file", _)) => Err(wrong(to, "a folder's path begins at the root")),
            Some(_) => Err(wrong(to, "only s3:// and file:// are known")),
            None => Err(wrong(to, "it does not say what it is an address of")),
        }
    }

    /// Its address.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names below a folder, each without it, and sizes.
    pub(super) async fn list(&self, folder: &str) -> Result<BTreeMap<String, u64>, PublishError> {
        let below = Path::from(folder);
        let mut found = BTreeMap::new();
        let mut names = self.store.list(Some(&below));
        while let Some(entry) = std::future::poll_fn(|it| names.as_mut().poll_next(it)).await {
            let entry = entry.map_err(|error| self.refused("list", folder, error))?;
            if let Some(parts) = entry.location.prefix_match(&below) {
                let parts: Vec<String> = parts.map(|it| it.as_ref().to_string()).collect();
                found.insert(parts.join("/"), entry.size);
            }
        }
        Ok(found)
    }

    /// The bytes under a name, and what tells this state of it from others.
    pub(super) async fn read(
        &self,
        name: &str,
    ) -> Result<Option<(Vec<u8>, UpdateVersion)>, PublishError> {
        let found = match self.store.get(&Path::from(name)).await {
            Err(error @ Refusal::NotFound { .. }) if !is_of_bucket(&error) => return Ok(None),
            found => found.map_err(|error| self.refused("read", name, error))?,
        };
        let (e_tag, version) = (found.meta.e_tag.clone(), found.meta.version.clone());
        let bytes = found.bytes().await.map_err(|error| self.refused("read", name, error))?;
        Ok(Some((bytes.to_vec(), UpdateVersion { e_tag, version })))
    }

    /// Puts bytes under a name, if the condition holds. Folders know no condition on what is
    /// replaced; there, only what is created is safe from others.
    pub(super) async fn put(
        &self,
        name: &str,
        bytes: Vec<u8>,
        mode: PutMode,
    ) -> Result<(), Refusal> {
        let path = Path::from(name);
        let is_update = matches!(mode, PutMode::Update(_));
        match self.store.put_opts(&path, bytes.clone().into(), mode.into()).await {
            Err(Refusal::NotImplemented { .. }) if is_update => {
                self.store.put(&path, bytes.into()).await.map(drop)
            }
            put => put.map(drop),
        }
    }

    /// What a refusal of the store means.
    pub(super) fn refused(&self, action: &'static str, name: &str, error: Refusal) -> PublishError {
        let (to, name) = (self.name.clone(), name.to_string());
        if is_of_bucket(&error) {
            return PublishError::NoBucket { to };
        }
        let reason = reason(&error);
        match error {
            Refusal::PermissionDenied { .. } | Refusal::Unauthenticated { .. } => {
                PublishError::Forbidden { to, action, name, reason }
            }
            _ => PublishError::Failed { to, action, name, reason },
        }
    }
}

fn bucket_place(
    bucket: &str,
    prefix: &str,
    variables: &[(String, String)],
) -> Result<Place, PublishError> {
    let name = format!("s3://{bucket}/{prefix}").trim_end_matches('/').to_string();
    let value = |key: &str| {
        let found = variables.iter().find(|(its, set)| its == key && !set.is_empty());
        found.map(|(_, set)| set.as_str())
    };
    let has_credentials = [
        "AWS_ACCESS_KEY_ID",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ]
    .iter()
    .any(|key| value(key).is_some());
    // Nobody waits for a machine to say that it has no role, unless told that it has one.
    let asks_machine = value("AWS_EC2_METADATA_DISABLED") == Some("false");
    if !has_credentials && !asks_machine && value("AWS_SKIP_SIGNATURE") != Some("true") {
        return Err(PublishError::NoCredentials { to: name });
    }
    let endpoint = value("AWS_ENDPOINT_URL_S3").or(value("AWS_ENDPOINT_URL"));
    if let Some(endpoint) = endpoint
        && !is_trusted(endpoint)
        && value("AWS_ALLOW_HTTP") != Some("true")
    {
        return Err(PublishError::Unencrypted { endpoint: endpoint.into() });
    }
    let mut builder = AmazonS3Builder::new();
    for (key, set) in variables.iter().filter(|(key, _)| key.starts_with("AWS_")) {
        // What the client does not know is meant for others.
        if let Ok(known) = key.to_ascii_lowercase().parse() {
            builder = builder.with_config(known, set);
        }
    }
    let retry = RetryConfig {
        backoff: BackoffConfig { init_backoff: FIRST_WAIT, max_backoff: LONGEST_WAIT, base: 2.0 },
        max_retries: RETRIES,
        retry_timeout: RETRYING,
    };
    let store = builder
        .with_bucket_name(bucket)
        .with_allow_http(true)
        .with_retry(retry)
        .with_http_connector(Connector)
        .build()
        .map_err(|error| PublishError::Address { to: name.clone(), reason: reason(&error) })?;
    let store: Store = match prefix.is_empty() {
        true => Arc::new(store),
        false => Arc::new(PrefixStore::new(store, prefix)),
    };
    Ok(Place { name, store })
}

/// Whether what goes to an address is encrypted, or does not leave this machine.
fn is_trusted(endpoint: &str) -> bool {
    let Some(rest) = endpoint.strip_prefix("http://") else { return true };
    let host = rest.split('/').next().unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    ["localhost", "[::1]"].contains(&host) || host.starts_with("127.")
}

fn folder_place(folder: &str) -> Result<Place, PublishError> {
    let name = format!("file://{}", folder.trim_end_matches('/'));
    let failed = |reason: String| PublishError::Failed {
        to: name.clone(),
        action: "open",
        name: folder.into(),
        reason,
    };
    fs::create_dir_all(PathBuf::from(folder)).map_err(|error| failed(error.to_string()))?;
    let store = LocalFileSystem::new_with_prefix(folder).map_err(|error| failed(reason(&error)))?;
    Ok(Place { name: name.clone(), store: Arc::new(store) })
}

/// Whether it is the bucket that is not there, and not what was asked for in it.
fn is_of_bucket(error: &Refusal) -> bool {
    reason(error).contains("NoSuchBucket")
}

/// An error with its causes, each said once.
fn reason(error: &Refusal) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    for _ in 0..CAUSES_MAX {
        let Some(deeper) = cause else { break };
        let text = deeper.to_string();
        if !said.contains(&text) {
            said.push_str(": ");
            said.push_str(&text);
        }
        cause = deeper.source();
    }
    let said: String = said.split_whitespace().collect::<Vec<_>>().join(" ");
    said.chars().take(REASON_CHARS_MAX).collect()
}
