//! Credentials, region, endpoints, timeouts and retries, once for all clients.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use tokio::sync::OnceCell;

use super::{orders::OrderTable, presign::Presigner, queue::OrderQueue, status_store::StatusStore};
use crate::settings::StoreSettings;

/// How long a call may take and how often it is tried. This is the one retry layer: callers do not retry on top,
/// except where they own the whole wait, as a consumer does between two receives.
#[derive(Debug, Clone, Copy)]
pub struct CallPolicy {
    /// The longest that one try may take.
    pub attempt_timeout: Duration,
    /// Tries, with exponential backoff and jitter between them; a retry quota stops them while a service is down.
    pub attempts: u32,
}

impl CallPolicy {
    /// While a client waits: it would rather have its 503 than wait long.
    pub const INTERACTIVE: Self = Self { attempt_timeout: Duration::from_secs(2), attempts: 2 };
    /// For a worker, which has its lease to get through.
    pub const BACKGROUND: Self = Self { attempt_timeout: Duration::from_secs(5), attempts: 3 };
}

/// Endpoints and keys that are not taken from the environment: for the embedded stack and for tests.
#[derive(Clone)]
pub struct Endpoints {
    /// S3, and STS beside it.
    pub s3: String,
    /// SQS.
    pub sqs: String,
    /// DynamoDB.
    pub dynamodb: String,
    /// The region to sign for.
    pub region: String,
    /// The key.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
}

/// A configuration of the SDK from which the clients are made.
#[derive(Clone)]
pub struct Connection {
    sdk: SdkConfig,
    endpoints: Option<Endpoints>,
}

/// The clients of the three services, and the presigner.
#[derive(Clone, Debug)]
pub struct Stores {
    /// The order table.
    pub orders: OrderTable,
    /// Status objects and results.
    pub objects: StatusStore,
    /// The queue of orders.
    pub queue: OrderQueue,
    /// Signs URLs of status objects and results.
    pub presigner: Presigner,
}

impl Connection {
    /// As every AWS SDK: `AWS_REGION`, `AWS_PROFILE`, container and instance credentials, `AWS_ENDPOINT_URL_*`.
    pub async fn from_environment(policy: CallPolicy) -> Self {
        Self { sdk: loader(policy).load().await, endpoints: None }
    }

    /// To given endpoints, whatever the environment says.
    pub async fn to(endpoints: Endpoints, policy: CallPolicy) -> Self {
        let keys = Credentials::new(&endpoints.access_key_id, &endpoints.secret_access_key, None, None, "given");
        let loader = loader(policy)
            .empty_test_environment()
            .region(Region::new(endpoints.region.clone()))
            .credentials_provider(keys);
        Self { sdk: loader.load().await, endpoints: Some(endpoints) }
    }

    /// The region, for log lines; `None` if none is set.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.sdk.region().map(AsRef::as_ref)
    }

    /// The clients.
    ///
    /// # Errors
    /// A message for the operator, if no URL can be made for the bucket: mostly a missing region.
    pub async fn stores(&self, settings: &StoreSettings) -> Result<Stores, String> {
        let s3 = self.s3(settings);
        let credentials = self.sdk.credentials_provider().ok_or("no AWS credentials are configured")?;
        let presigner = Presigner::new(self.public_s3_config(settings), &settings.bucket, credentials).await?;
        Ok(Stores {
            orders: OrderTable::new(self.dynamodb(), &settings.table, settings.retention),
            objects: StatusStore::new(s3, &settings.bucket),
            queue: OrderQueue::new(self.sqs(), &settings.queue_url),
            presigner,
        })
    }

    pub(super) fn sqs(&self) -> aws_sdk_sqs::Client {
        let mut config = aws_sdk_sqs::config::Builder::from(&self.sdk);
        if let Some(e) = &self.endpoints {
            config = config.endpoint_url(&e.sqs);
        }
        aws_sdk_sqs::Client::from_conf(config.build())
    }

    pub(super) fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let mut config = aws_sdk_dynamodb::config::Builder::from(&self.sdk);
        if let Some(e) = &self.endpoints {
            config = config.endpoint_url(&e.dynamodb);
        }
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    pub(super) fn s3(&self, settings: &StoreSettings) -> aws_sdk_s3::Client {
        aws_sdk_s3::Client::from_conf(self.s3_config(settings).build())
    }

    fn s3_config(&self, settings: &StoreSettings) -> aws_sdk_s3::config::Builder {
        let mut config = aws_sdk_s3::config::Builder::from(&self.sdk);
        let mut other_than_aws =
            ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"].iter().any(|v| std::env::var_os(v).is_some());
        if let Some(e) = &self.endpoints {
            config = config.endpoint_url(&e.s3);
            other_than_aws = true;
        }
        // TLS and If-Match protect a small JSON object; a checksum on top is one that other servers may not know.
        config = config.request_checksum_calculation(aws_sdk_s3::config::RequestChecksumCalculation::WhenRequired);
        // A bucket of another server than AWS's is rarely a host name of its own.
        config.force_path_style(settings.s3_path_style.unwrap_or(other_than_aws))
    }

    fn public_s3_config(&self, settings: &StoreSettings) -> aws_sdk_s3::config::Builder {
        let config = self.s3_config(settings);
        match &settings.public_s3_endpoint {
            Some(url) => config.endpoint_url(url.as_str()).force_path_style(settings.s3_path_style.unwrap_or(true)),
            None => config,
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("region", &self.region()).finish_non_exhaustive()
    }
}

fn loader(policy: CallPolicy) -> aws_config::ConfigLoader {
    let http =
        aws_smithy_http_client::Builder::new().tls_provider(tls::Provider::Rustls(CryptoMode::Ring)).build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(policy.attempt_timeout)
        // Every try may use its whole time, and the waits between them some more.
        .operation_timeout(policy.attempt_timeout * policy.attempts + Duration::from_secs(2))
        .build();
    aws_config::defaults(BehaviorVersion::latest()).http_client(http).timeout_config(timeouts).retry_config(
        RetryConfig::standard().with_max_attempts(policy.attempts).with_initial_backoff(Duration::from_millis(200)),
    )
}

/// Credentials that are resolved once and again shortly before they expire, single-flight.
#[derive(Debug)]
pub(super) struct CachedCredentials {
    provider: SharedCredentialsProvider,
    // A cell per generation: waiting callers share one resolution, and a failed one is tried again by the next caller.
    current: tokio::sync::RwLock<OnceCell<Credentials>>,
}

impl CachedCredentials {
    pub(super) fn new(provider: SharedCredentialsProvider) -> Self {
        Self { provider, current: tokio::sync::RwLock::new(OnceCell::new()) }
    }

    /// Credentials that live for at least `margin` longer, if the provider has such.
    pub(super) async fn get(&self, now: std::time::SystemTime, margin: Duration) -> Result<Credentials, String> {
        use aws_credential_types::provider::ProvideCredentials;
        let fresh = |c: &Credentials| c.expiry().is_none_or(|end| end > now + margin);
        {
            let cell = self.current.read().await;
            let resolve = || self.provider.provide_credentials();
            let credentials = cell.get_or_try_init(resolve).await.map_err(|e| e.to_string())?;
            if fresh(credentials) {
                return Ok(credentials.clone());
            }
        }
        let mut cell = self.current.write().await;
        if !cell.get().is_some_and(fresh) {
            *cell = OnceCell::new_with(Some(self.provider.provide_credentials().await.map_err(|e| e.to_string())?));
        }
        cell.get().cloned().ok_or_else(|| "no credentials".to_owned())
    }
}
