//! The AWS SDK and a plain HTTP client, pointed at a stack.

use aws_credential_types::Credentials;
use offload_local::{Options, Stack};

/// A stack with clients for each of its services.
pub(crate) struct Clients {
    pub(crate) stack: Stack,
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) sqs: aws_sdk_sqs::Client,
    pub(crate) dynamodb: aws_sdk_dynamodb::Client,
    pub(crate) http: reqwest::Client,
}

impl Clients {
    pub(crate) async fn start() -> Self {
        Self::with(Options::ephemeral()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let credentials = Credentials::new(&options.access_key_id, &options.secret_access_key, None, None, "test");
        let stack = Stack::start(options).await.expect("the stack starts");
        Self {
            s3: s3(&stack, credentials.clone()),
            sqs: sqs(&stack, credentials.clone()),
            dynamodb: dynamodb(&stack, credentials),
            http: http(),
            stack,
        }
    }
}

/// An S3 client that makes one attempt per call, so that a test sees every response.
pub(crate) fn s3(stack: &Stack, credentials: Credentials) -> aws_sdk_s3::Client {
    s3_at(&stack.endpoints().s3, credentials)
}

pub(crate) fn s3_at(url: &str, credentials: Credentials) -> aws_sdk_s3::Client {
    use aws_sdk_s3::config::{BehaviorVersion, Builder, Region, retry::RetryConfig};
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(url)
        .force_path_style(true)
        .credentials_provider(credentials)
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

pub(crate) fn sqs(stack: &Stack, credentials: Credentials) -> aws_sdk_sqs::Client {
    sqs_at(&stack.endpoints().sqs, credentials)
}

pub(crate) fn sqs_at(url: &str, credentials: Credentials) -> aws_sdk_sqs::Client {
    use aws_sdk_sqs::config::{BehaviorVersion, Builder, Region, retry::RetryConfig};
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(url)
        .credentials_provider(credentials)
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    aws_sdk_sqs::Client::from_conf(config)
}

pub(crate) fn dynamodb(stack: &Stack, credentials: Credentials) -> aws_sdk_dynamodb::Client {
    dynamodb_at(&stack.endpoints().dynamodb, credentials)
}

pub(crate) fn dynamodb_at(url: &str, credentials: Credentials) -> aws_sdk_dynamodb::Client {
    use aws_sdk_dynamodb::config::{BehaviorVersion, Builder, Region, retry::RetryConfig};
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(url)
        .credentials_provider(credentials)
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    aws_sdk_dynamodb::Client::from_conf(config)
}

pub(crate) fn http() -> reqwest::Client {
    // Every test of a process may be the first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

/// The wall clock, against which signatures are checked.
#[expect(clippy::disallowed_methods, reason = "a test that presigns in the past needs to know the present")]
pub(crate) fn now() -> std::time::SystemTime {
    std::time::SystemTime::now()
}

/// Waits for a state, with a deadline.
pub(crate) async fn until(reached: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !reached() {
        assert!(std::time::Instant::now() < deadline, "not reached in time");
        tokio::task::yield_now().await;
    }
}
