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

/// An S3 client that makes one attempt per call, so that a test sees what the wire answered.
pub(crate) fn s3(stack: &Stack, credentials: Credentials) -> aws_sdk_s3::Client {
    use aws_sdk_s3::config::{BehaviorVersion, Builder, Region, retry::RetryConfig};
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(&stack.endpoints().s3)
        .force_path_style(true)
        .credentials_provider(credentials)
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

pub(crate) fn sqs(stack: &Stack, credentials: Credentials) -> aws_sdk_sqs::Client {
    use aws_sdk_sqs::config::{BehaviorVersion, Builder, Region, retry::RetryConfig};
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(&stack.endpoints().sqs)
        .credentials_provider(credentials)
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    aws_sdk_sqs::Client::from_conf(config)
}

pub(crate) fn dynamodb(stack: &Stack, credentials: Credentials) -> aws_sdk_dynamodb::Client {
    use aws_sdk_dynamodb::config::{BehaviorVersion, Builder, Region, retry::RetryConfig};
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(&stack.endpoints().dynamodb)
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
