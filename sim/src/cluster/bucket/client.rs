//! The store's client: opened from the `AWS_*` variables, its errors turned into what to do.

use super::Address;
use crate::Error;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::client::ClientConfigKey;
use object_store::path::Path as Key;
use object_store::{ObjectStoreExt, RetryConfig};
use std::time::Duration;
use tokio::runtime::Runtime;

/// The number of retries. With the backoff of `object_store` (100 ms, doubled each time) an unreachable or busy server
/// is given up after some seconds.
const RETRIES: usize = 6;
const RETRY_TIMEOUT: Duration = Duration::from_secs(60);
/// The manifest's name; a folder with this file is a run.
pub(super) const MANIFEST: &str = "manifest.json";
/// The greatest length of a store's answer in an error. Units: characters.
const ANSWER_CHARS: usize = 300;

/// A connection to the place of a run folder in an object store.
pub struct Bucket {
    pub(super) store: AmazonS3,
    pub(super) address: Address,
    pub(super) runtime: Runtime,
    endpoint: String,
    credentials: Credentials,
}

/// The source of the credentials, and the texts that must never be shown.
struct Credentials {
    are_configured: bool,
    secrets: Vec<String>,
}

impl Bucket {
    /// Prepares to reach a place, by the endpoint, region and credentials of the `AWS_*` variables. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] for missing or malformed variables.
    pub fn open(address: &Address) -> Result<Self, Error> {
        let retry = RetryConfig { max_retries: RETRIES, retry_timeout: RETRY_TIMEOUT, ..RetryConfig::default() };
        let builder = AmazonS3Builder::from_env().with_bucket_name(address.bucket()).with_retry(retry);
        let value = |key| builder.get_config_value(&key).filter(|value| !value.is_empty());
        let endpoint = value(AmazonS3ConfigKey::S3Endpoint).or_else(|| value(AmazonS3ConfigKey::Endpoint));
        let allows_http = value(AmazonS3ConfigKey::Client(ClientConfigKey::AllowHttp)).as_deref() == Some("true");
        if endpoint.as_ref().is_some_and(|url| url.starts_with("http://")) && !allows_http {
            let why = "AWS_ENDPOINT_URL has no TLS: use https://, or set AWS_ALLOW_HTTP=true if you intend that";
            return Err(Error::Usage(format!("{address}: {why}")));
        }
        let credentials = Credentials::of(&value);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| Error::Usage(format!("{address}: the client's runtime did not start: {e}")))?;
        let store = builder.build().map_err(|error| {
            let text = credentials.redacted(&chain(&error));
            let what = "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the other AWS_* variables";
            Error::Usage(format!("{address}: {text}: {what}"))
        })?;
        let endpoint = endpoint.unwrap_or_else(|| "Amazon's endpoint (no AWS_ENDPOINT_URL is set)".into());
        Ok(Self { store, address: address.clone(), runtime, endpoint, credentials })
    }

    /// Returns whether the store holds a complete run. Contacts the store, so that its errors show before a long run.
    pub fn holds_a_run(&self) -> Result<bool, Error> {
        Ok(self.runtime.block_on(self.manifest())?.is_some())
    }

    /// Reads the manifest; `None` if there is none.
    pub(super) async fn manifest(&self) -> Result<Option<Vec<u8>>, Error> {
        let read = async { self.store.get(&self.key(MANIFEST)).await?.bytes().await };
        match read.await {
            Ok(bytes) => Ok(Some(bytes.to_vec())),
            Err(error @ object_store::Error::NotFound { .. }) if !names_no_bucket(&chain(&error)) => Ok(None),
            Err(error) => Err(self.explain(&error)),
        }
    }

    pub(super) fn key(&self, name: &str) -> Key {
        Key::from(self.address.key(name))
    }

    pub(super) fn refuse(&self, why: impl Into<String>) -> Error {
        Error::Store { place: self.address.to_string(), why: why.into() }
    }

    /// Converts a store's error to one that says what to do.
    pub(super) fn explain(&self, error: &object_store::Error) -> Error {
        let (text, address) = (chain(error), &self.address);
        let usage = |why: String| Error::Usage(format!("{address}: {why}"));
        if names_no_bucket(&text) {
            let (bucket, endpoint) = (address.bucket(), &self.endpoint);
            return usage(format!(
                "there is no bucket {bucket} at {endpoint}: create it, or check AWS_ENDPOINT_URL and AWS_REGION"
            ));
        }
        use object_store::Error::{PermissionDenied, Unauthenticated};
        if matches!(error, PermissionDenied { .. } | Unauthenticated { .. }) {
            let what = "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_REGION, and that the key may \
                        list the bucket and get, put and delete objects";
            return usage(format!("the store refuses the credentials: check {what}"));
        }
        if !self.credentials.are_configured {
            return usage("there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY".into());
        }
        self.refuse(format!("{}: {}", self.endpoint, self.credentials.redacted(&text)))
    }
}

impl Credentials {
    fn of(value: &dyn Fn(AmazonS3ConfigKey) -> Option<String>) -> Self {
        use AmazonS3ConfigKey as Variable;
        let sources = [
            Variable::AccessKeyId,
            Variable::WebIdentityTokenFile,
            Variable::ContainerCredentialsRelativeUri,
            Variable::ContainerCredentialsFullUri,
        ];
        let is_unsigned = value(Variable::SkipSignature).as_deref() == Some("true");
        let are_configured = is_unsigned || sources.into_iter().any(|variable| value(variable).is_some());
        let secrets = [Variable::SecretAccessKey, Variable::Token].into_iter().filter_map(value).collect();
        Self { are_configured, secrets }
    }

    /// Shortens a text to one line and removes the secrets.
    fn redacted(&self, text: &str) -> String {
        let hide = |text: String, secret: &String| text.replace(secret.as_str(), "***");
        let text = self.secrets.iter().fold(text.to_owned(), hide);
        text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(ANSWER_CHARS).collect()
    }
}

fn names_no_bucket(text: &str) -> bool {
    text.contains("NoSuchBucket")
}

/// Writes an error and its sources, each once: some errors already contain the text of their source.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = cause.source();
    }
    text
}
