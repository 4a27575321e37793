//! Why a version could not be published, and what a user can do about it.

use std::io;

use schemas::Digest;

use crate::store::StoreError;

/// Why a version could not be published. What was published before is unharmed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The address is none.
    #[error("\"{to}\" is no place to publish to: {reason}")]
    Address {
        /// The address, without what may be a secret in it.
        to: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No credentials are set.
    #[error("{to} wants credentials, and none are set")]
    NoCredentials {
        /// The place.
        to: String,
    },
    /// Credentials would travel in the clear.
    #[error("AWS_ENDPOINT_URL is not encrypted: what goes to {endpoint} could be read on its way")]
    Unencrypted {
        /// The address of the service.
        endpoint: String,
    },
    /// There is no such bucket.
    #[error("{to} cannot be published to: there is no such bucket")]
    NoBucket {
        /// The place.
        to: String,
    },
    /// The service does not let us.
    #[error("{to} does not let us {action} \"{name}\": {reason}")]
    Forbidden {
        /// The place.
        to: String,
        /// What was tried.
        action: &'static str,
        /// On what.
        name: String,
        /// What the service says.
        reason: String,
    },
    /// Something failed, and did so again.
    #[error("{to} failed to {action} \"{name}\": {reason}")]
    Failed {
        /// The place.
        to: String,
        /// What was tried.
        action: &'static str,
        /// On what.
        name: String,
        /// What failed at last.
        reason: String,
    },
    /// The number is taken by other contents.
    #[error(
        "{to} has another version {version}: ours is manifest {ours}, the one there is {theirs}"
    )]
    Taken {
        /// The place.
        to: String,
        /// The version.
        version: u64,
        /// The digest of our manifest.
        ours: Digest,
        /// The digest of the one that is there.
        theirs: Digest,
    },
    /// A newer version is there, and this one never was.
    #[error("{to} is at version {newest}, and version {version} was never published there")]
    Behind {
        /// The place.
        to: String,
        /// The version to be published.
        version: u64,
        /// The newest there.
        newest: u64,
    },
    /// The pointer to the newest version was moved by others each time.
    #[error("the version is in {to}, but others move latest.json all the time")]
    Contended {
        /// The place.
        to: String,
    },
    /// What is there is not what was published.
    #[error("\"{name}\" in {to} cannot be read: {reason}")]
    Unreadable {
        /// The place.
        to: String,
        /// The name below it.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The world cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system gives no threads.
    #[error("cannot start to publish")]
    Runtime(#[source] io::Error),
}

impl PublishError {
    /// What a user can do about it.
    pub fn remedy(&self) -> Option<&'static str> {
        Some(match self {
            PublishError::Address { .. } => {
                "give it as --to s3://BUCKET/PREFIX or --to file:///FOLDER; keys are for the environment"
            }
            PublishError::NoCredentials { .. } => {
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN where there is \
                 one); AWS_EC2_METADATA_DISABLED=false asks the machine for those of its role"
            }
            PublishError::Unencrypted { .. } => {
                "use its https:// address, or set AWS_ALLOW_HTTP=true where the network is trusted"
            }
            PublishError::NoBucket { .. } => {
                "make the bucket, or see that its name, AWS_REGION and AWS_ENDPOINT_URL are right"
            }
            PublishError::Forbidden { .. } => {
                "see that the credentials are right, and may list the bucket and get and put below the \
                 prefix (s3:ListBucket, s3:GetObject, s3:PutObject, s3:AbortMultipartUpload)"
            }
            PublishError::Failed { .. } => {
                "see that AWS_ENDPOINT_URL and AWS_REGION are right, and run the same command again: \
                 files that were sent are not sent again"
            }
            PublishError::Taken { .. } | PublishError::Behind { .. } => {
                "publish this world to another prefix, or go on from the world that published there"
            }
            PublishError::Contended { .. } => "run the same command again",
            PublishError::Unreadable { .. } => {
                "look at that file: it is not as it was published; another prefix will do meanwhile"
            }
            PublishError::Store(error) => return error.remedy(),
            PublishError::Runtime(_) => return None,
        })
    }
}
