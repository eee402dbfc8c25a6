//! Credentials, region, endpoints, timeouts and retries, once for all clients.

use std::{sync::Arc, time::Duration};

use aws_config::{
    BehaviorVersion, Region, SdkConfig, retry::RetryConfig, sts::AssumeRoleProvider, timeout::TimeoutConfig,
};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{SharedHttpClient, SharedHttpConnector};

use crate::{
    aws_time::{AwsTime, LearningClient, LearningConnector, RetrySignedAtAWrongTime},
    bucket::Bucket,
    call_policy::CallPolicy,
    credentials::CachedCredentials,
    direct::{self, Direct, Service, Sockets, Switch, Wire},
    grant::Granter,
    notifications::Notifications,
    order_queues::OrderQueues,
    orders::OrderTable,
    presign::Presigner,
    queue::Queue,
    secrets::SecretReader,
    signed::RequestSigner,
    sockets,
    status_store::StatusStore,
    transport::{self, Transport},
};
use offload_service::{
    certificates,
    metrics::AwsCalls,
    settings::{Calls, SecretArn, StoreSettings},
};

/// Packages for Lambda leave out the other way of some calls, which is much of a small program.
const NO_SDK_CALLS: &str = "OFFLOAD_AWS_CALLS: this build sends these calls directly alone: leave it out, \
    or build with the feature sdk-calls";

/// Endpoints and keys that are not taken from the environment: for the embedded stack and for
/// tests.
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
    policy: CallPolicy,
    endpoints: Option<Endpoints>,
    session: Option<Duration>,
    /// Where requests do not go over sockets.
    transport: Option<Arc<dyn Transport>>,
    sockets: Result<Sockets, String>,
    calls: AwsCalls,
}

/// The clients of the three services, and the presigner.
#[derive(Clone, Debug)]
pub struct Stores {
    /// The order table.
    pub orders: OrderTable,
    /// Status objects and results.
    pub objects: StatusStore,
    /// The queue of normal orders.
    pub queue: Queue,
    /// All queues of orders.
    pub order_queues: OrderQueues,
    /// Its dead-letter queue, if it is to be worked on.
    pub dead_letters: Option<Queue>,
    /// The queues of notifications, where there are any.
    pub notifications: Option<Notifications>,
    /// Signs requests to AWS that no SDK makes.
    pub signer: RequestSigner,
    /// Signs URLs of status objects and results.
    pub presigner: Presigner,
    /// Grants credentials for single objects, where there is a role for it.
    pub granter: Option<Granter>,
    /// Counts the calls.
    pub calls: AwsCalls,
}

impl Connection {
    /// As every AWS SDK: `AWS_REGION`, `AWS_PROFILE`, container and instance credentials,
    /// `AWS_ENDPOINT_URL_*`.
    pub async fn from_environment(policy: CallPolicy) -> Self {
        let calls = AwsCalls::default();
        let sockets = direct::sockets();
        let sdk = Box::pin(loader(policy, sockets::http_client(sockets.clone()), &calls).load()).await;
        Self { sdk, policy, endpoints: None, session: None, transport: None, sockets, calls }
    }

    /// To given endpoints, whatever the environment says.
    pub async fn to(endpoints: Endpoints, policy: CallPolicy) -> Self {
        let sockets = direct::sockets();
        let http = sockets::http_client(sockets.clone());
        Self { sockets, ..Self::given(endpoints, policy, http).await }
    }

    /// The same without sockets: every request is sent by `transport`.
    pub async fn through(transport: Arc<dyn Transport>, endpoints: Endpoints, policy: CallPolicy) -> Self {
        let http = transport::http_client(Arc::clone(&transport));
        Self { transport: Some(transport), ..Self::given(endpoints, policy, http).await }
    }

    async fn given(endpoints: Endpoints, policy: CallPolicy, http: SharedHttpClient) -> Self {
        let keys = Credentials::new(&endpoints.access_key_id, &endpoints.secret_access_key, None, None, "given");
        let calls = AwsCalls::default();
        let loader = loader(policy, http, &calls)
            .empty_test_environment()
            .region(Region::new(endpoints.region.clone()))
            .credentials_provider(keys);
        let sdk = Box::pin(loader.load()).await;
        let sockets = Err("requests go by a transport".to_owned());
        Self { sdk, policy, endpoints: Some(endpoints), session: None, transport: None, sockets, calls }
    }

    /// The same, with another length of the signer role's sessions than an hour: for tests that
    /// outlive one.
    #[must_use]
    pub fn with_session_length(self, length: Duration) -> Self {
        Self { session: Some(length), ..self }
    }

    /// The region, for log lines; `None` if none is set.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.sdk.region().map(AsRef::as_ref)
    }

    /// The secrets of ARNs, in their order. For one that cannot be read, the end of a sentence that
    /// begins with the ARN, "which".
    pub async fn secrets(&self, arns: &[SecretArn]) -> Vec<Result<String, String>> {
        let all = |reason: &str| arns.iter().map(|_| Err(reason.to_owned())).collect();
        let by_http = || ["SSM", "SECRETS_MANAGER"].into_iter().all(is_by_http);
        if !certificates::are_there() && !by_http() {
            return all(&format!("cannot be read: {}", certificates::MISSING));
        }
        let Some(credentials) = self.sdk.credentials_provider() else {
            return all("cannot be read: no AWS credentials are configured");
        };
        let connector = sockets::connector(self.sockets.clone(), None);
        let http = SharedHttpConnector::new(LearningConnector(connector, self.calls.clone()));
        let credentials = Arc::new(CachedCredentials::new(credentials));
        SecretReader { sdk: &self.sdk, credentials, http }.read(arns).await
    }

    /// The clients.
    ///
    /// # Errors
    /// A message for the operator, if no URL can be made for the bucket, mostly because the region
    /// is missing, or if AWS cannot be reached because there are no root certificates.
    pub async fn stores(&self, settings: &StoreSettings) -> Result<Stores, String> {
        let by_http = || self.endpoints.is_some() || ["S3", "SQS", "DYNAMODB"].into_iter().all(is_by_http);
        if !certificates::are_there() && !by_http() {
            return Err(certificates::MISSING.to_owned());
        }
        let own = self.sdk.credentials_provider().ok_or("no AWS credentials are configured")?;
        let own = Arc::new(CachedCredentials::new(own));
        if settings.calls == Calls::Sdk && cfg!(not(feature = "sdk-calls")) {
            return Err(NO_SDK_CALLS.to_owned());
        }
        let direct = self.direct(settings, &own).await?;
        let signing = match &settings.signer_role_arn {
            Some(role) => Arc::new(CachedCredentials::new(self.assumed(role).await)),
            None => Arc::clone(&own),
        };
        let granter = match &settings.signer_role_arn {
            Some(role) => {
                let endpoint = self.client_endpoint(settings);
                Some(Granter::new(self.sts(), role, &settings.bucket, endpoint)?)
            }
            None => None,
        };
        let public = direct::of_bucket(self.public_s3_config(settings), &settings.bucket).await?;
        let queue = |url: &str| Queue::new(self.sqs(), direct.sqs.clone(), url);
        let bucket = Bucket {
            switch: direct.bucket.clone(),
            #[cfg(feature = "sdk-calls")]
            client: self.s3(settings),
            #[cfg(feature = "sdk-calls")]
            name: settings.bucket.as_str().into(),
        };
        Ok(Stores {
            queue: queue(&settings.queue_url),
            order_queues: OrderQueues::new(settings, queue),
            dead_letters: settings.dead_letter_queue_url.as_deref().map(queue),
            notifications: settings.notifications.as_ref().map(|n| Notifications::new(n, queue)),
            orders: OrderTable::new(self.dynamodb(), direct.dynamodb.clone(), settings),
            objects: StatusStore::new(bucket),
            signer: RequestSigner::new(&self.sdk, own),
            presigner: Presigner::new(public, signing),
            granter,
            calls: self.calls.clone(),
        })
    }

    /// What sends the calls of every order.
    async fn direct(&self, settings: &StoreSettings, own: &Arc<CachedCredentials>) -> Result<Direct, String> {
        let wire = match &self.transport {
            Some(transport) => Wire::Given(Arc::clone(transport)),
            None => Wire::Sockets(Box::new(self.sockets.clone()?)),
        };
        let service = |name, endpoint| {
            let calls = self.calls.clone();
            let service = Service::new(name, endpoint, Arc::clone(own), wire.clone(), self.policy, calls);
            Switch::new(service, settings.calls == Calls::Sdk)
        };
        Ok(Direct {
            bucket: service("s3", direct::of_bucket(self.s3_config(settings), &settings.bucket).await?),
            sqs: service("sqs", direct::of_sqs(self.sqs_config()).await?),
            dynamodb: service("dynamodb", direct::of_dynamodb(self.dynamodb_config()).await?),
        })
    }

    /// Credentials of a role, whose end is known. An hour is the longest that AWS grants to a role
    /// that assumes another.
    async fn assumed(&self, role: &str) -> SharedCredentialsProvider {
        let provider = AssumeRoleProvider::builder(role).session_name("status-offload").configure(&self.sts());
        let provider = provider.session_length(self.session.unwrap_or(Duration::from_secs(3_600)));
        let provider = Box::pin(provider.build()).await;
        SharedCredentialsProvider::new(provider)
    }

    /// The configuration for STS: the embedded one is served beside S3.
    fn sts(&self) -> SdkConfig {
        match &self.endpoints {
            Some(e) => self.sdk.to_builder().endpoint_url(&e.s3).build(),
            None => self.sdk.clone(),
        }
    }

    /// The S3 endpoint that clients reach, if it is not AWS's own.
    fn client_endpoint(&self, settings: &StoreSettings) -> Option<String> {
        let public = settings.public_s3_endpoint.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned());
        let given = || self.endpoints.as_ref().map(|e| e.s3.clone());
        public.or_else(given).or_else(|| std::env::var("AWS_ENDPOINT_URL_S3").ok())
    }

    pub(crate) fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::from_conf(self.sqs_config().build())
    }

    fn sqs_config(&self) -> aws_sdk_sqs::config::Builder {
        let mut config = aws_sdk_sqs::config::Builder::from(&self.sdk).retry_classifier(RetrySignedAtAWrongTime);
        if let Some(e) = &self.endpoints {
            config = config.endpoint_url(&e.sqs);
        }
        config
    }

    pub(crate) fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::from_conf(self.dynamodb_config().build())
    }

    fn dynamodb_config(&self) -> aws_sdk_dynamodb::config::Builder {
        let mut config = aws_sdk_dynamodb::config::Builder::from(&self.sdk).retry_classifier(RetrySignedAtAWrongTime);
        if let Some(e) = &self.endpoints {
            config = config.endpoint_url(&e.dynamodb);
        }
        config
    }

    pub(crate) fn s3(&self, settings: &StoreSettings) -> aws_sdk_s3::Client {
        aws_sdk_s3::Client::from_conf(self.s3_config(settings).build())
    }

    fn s3_config(&self, settings: &StoreSettings) -> aws_sdk_s3::config::Builder {
        let mut config = aws_sdk_s3::config::Builder::from(&self.sdk).retry_classifier(RetrySignedAtAWrongTime);
        let mut other_than_aws =
            ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"].iter().any(|v| std::env::var_os(v).is_some());
        if let Some(e) = &self.endpoints {
            config = config.endpoint_url(&e.s3);
            other_than_aws = true;
        }
        // TLS and If-Match protect a small JSON object; a checksum on top is one that other servers
        // may not know.
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

/// Whether the environment sends a service of AWS elsewhere, by http.
fn is_by_http(service: &str) -> bool {
    let variables = [format!("AWS_ENDPOINT_URL_{service}"), "AWS_ENDPOINT_URL".to_owned()];
    let endpoint = variables.iter().find_map(|variable| std::env::var(variable).ok());
    endpoint.is_some_and(|url| url.starts_with("http://"))
}

fn loader(policy: CallPolicy, http: SharedHttpClient, calls: &AwsCalls) -> aws_config::ConfigLoader {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(policy.attempt_timeout)
        // Every try may use its whole time, and the waits between them some more.
        .operation_timeout(policy.attempt_timeout * policy.attempts + Duration::from_secs(2))
        .build();
    let retries =
        RetryConfig::standard().with_max_attempts(policy.attempts).with_initial_backoff(Duration::from_millis(200));
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(LearningClient(http, calls.clone()))
        .time_source(AwsTime)
        // The SDK's own correction is of one client, and would come on top.
        .disable_clock_skew_correction(true)
        .timeout_config(timeouts)
        .retry_config(retries)
}
