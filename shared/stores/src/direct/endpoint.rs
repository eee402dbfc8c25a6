//! Where a service is, as the SDK knows it: partitions, dual stack, FIPS, path style, the
//! environment and the profile.

use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::{
    http::{
        HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
        http_client_fn,
    },
    orchestrator::{HttpRequest, HttpResponse},
    result::{ConnectorError, SdkError},
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::{error::display::DisplayErrorContext, retry::RetryConfig};
use http::{HeaderValue, Uri};
use parking_lot::Mutex;

/// The key of the object by whose URL that of the bucket is learned.
const KEY: &str = "x";

/// The URL that calls of a service begin with.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    /// `https://bucket.s3.eu-west-1.amazonaws.com`, without a path.
    origin: String,
    /// The path: `/`, or `/bucket/`.
    path: String,
    /// As the header `host` has it.
    pub(crate) host: HeaderValue,
    /// The region to sign for.
    pub(crate) region: String,
}

impl Endpoint {
    pub(crate) fn of(url: &str, region: String) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|e| format!("{url} is no URL: {e}"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(format!("{url} is no URL with a host"));
        };
        // As a client sends it: without the port that the scheme has anyway.
        let host = match (scheme, authority.port_u16()) {
            ("http", Some(80)) | ("https", Some(443)) => authority.host(),
            _ => authority.as_str(),
        };
        let host = HeaderValue::from_str(host).map_err(|_| format!("{url} has no host that can be a header"))?;
        Ok(Self { origin: format!("{scheme}://{authority}"), path: uri.path().to_owned(), host, region })
    }

    /// `https://host`.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// The path that the paths of calls begin with.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The URL of what is at `path` beneath it, and its whole path.
    pub(super) fn at(&self, path: &str) -> Result<(Uri, String), http::Error> {
        let path = format!("{}{path}", self.path);
        Ok((format!("{}{path}", self.origin).parse()?, path))
    }
}

/// Where a bucket is.
///
/// # Errors
/// A message for the operator.
pub(crate) async fn of_bucket(config: aws_sdk_s3::config::Builder, bucket: &str) -> Result<Endpoint, String> {
    let probe = Probe::default();
    let config = config.credentials_provider(nobody()).http_client(probe.client());
    let client = aws_sdk_s3::Client::from_conf(config.retry_config(RetryConfig::disabled()).build());
    let asked = client.head_object().bucket(bucket).key(KEY).send().await;
    let url = probe.url(asked).map_err(|e| format!("no URL can be made for bucket {bucket}: {e}"))?;
    let url = url.split('?').next().and_then(|url| url.strip_suffix(KEY));
    let url = url.ok_or_else(|| format!("no URL can be made for bucket {bucket}"))?;
    Endpoint::of(url, region(client.config().region())?)
}

/// Where DynamoDB is.
///
/// # Errors
/// A message for the operator.
pub(crate) async fn of_dynamodb(config: aws_sdk_dynamodb::config::Builder) -> Result<Endpoint, String> {
    let probe = Probe::default();
    let config = config.credentials_provider(nobody()).http_client(probe.client());
    let client = aws_sdk_dynamodb::Client::from_conf(config.retry_config(RetryConfig::disabled()).build());
    let url = probe.url(client.list_tables().send().await)?;
    Endpoint::of(&url, region(client.config().region())?)
}

/// Where SQS is.
///
/// # Errors
/// A message for the operator.
pub(crate) async fn of_sqs(config: aws_sdk_sqs::config::Builder) -> Result<Endpoint, String> {
    let probe = Probe::default();
    let config = config.credentials_provider(nobody()).http_client(probe.client());
    let client = aws_sdk_sqs::Client::from_conf(config.retry_config(RetryConfig::disabled()).build());
    let url = probe.url(client.list_queues().send().await)?;
    Endpoint::of(&url, region(client.config().region())?)
}

fn region(region: Option<&aws_config::Region>) -> Result<String, String> {
    region.map(ToString::to_string).ok_or_else(|| "no AWS region is configured: set AWS_REGION".to_owned())
}

/// Keys that sign nothing real.
fn nobody() -> Credentials {
    Credentials::new("AKID", "none", None, None, "to learn a URL")
}

/// Takes the URL of a request, and sends nothing.
#[derive(Debug, Clone, Default)]
struct Probe(Arc<Mutex<Option<String>>>);

impl Probe {
    fn client(&self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(self.clone());
        http_client_fn(move |_: &HttpConnectorSettings, _: &RuntimeComponents| connector.clone())
    }

    /// The URL, after the call.
    fn url<T, E>(&self, asked: Result<T, SdkError<E, HttpResponse>>) -> Result<String, String>
    where
        E: std::error::Error + 'static,
    {
        let why = || asked.err().map_or_else(String::new, |e| DisplayErrorContext(e).to_string());
        self.0.lock().take().ok_or_else(why)
    }
}

impl HttpConnector for Probe {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        *self.0.lock() = Some(request.uri().to_owned());
        HttpConnectorFuture::ready(Err(ConnectorError::user("nothing is sent".into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_named_with_its_port_unless_the_scheme_has_it() {
        let of = |url: &str| {
            let endpoint = Endpoint::of(url, "eu-west-1".to_owned()).unwrap();
            (endpoint.host.to_str().unwrap().to_owned(), endpoint.at("status/a.json").unwrap())
        };
        let at = |url: &str, path: &str| (url.parse::<Uri>().unwrap(), path.to_owned());
        assert_eq!(
            of("http://127.0.0.1:9000/bucket/"),
            ("127.0.0.1:9000".to_owned(), at("http://127.0.0.1:9000/bucket/status/a.json", "/bucket/status/a.json"))
        );
        assert_eq!(
            of("https://b.s3.eu-west-1.amazonaws.com:443/"),
            (
                "b.s3.eu-west-1.amazonaws.com".to_owned(),
                at("https://b.s3.eu-west-1.amazonaws.com:443/status/a.json", "/status/a.json")
            )
        );
        assert!(Endpoint::of("/bucket", String::new()).is_err());
    }
}
