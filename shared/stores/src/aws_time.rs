//! The time of AWS: learned from the `Date` of every answer to a signed request, and the time that
//! requests are signed with.
//!
//! It is read beneath the SDK's clients, by the HTTP client that they share: there the clients of
//! STS, which assume roles within the SDK, pass by as well, and every try is measured alone.

use std::time::{Duration, SystemTime};

use aws_smithy_async::time::TimeSource;
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        connector_metadata::ConnectorMetadata,
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        interceptors::context::InterceptorContext,
        orchestrator::{HttpRequest, HttpResponse},
        retries::classifiers::{ClassifyRetry, RetryAction},
        runtime_components::{RuntimeComponents, RuntimeComponentsBuilder},
    },
};
use aws_smithy_types::{config_bag::ConfigBag, retry::ErrorKind};
use chrono::{DateTime, Utc};
use offload_service::{
    clock::{self, Exchange},
    metrics::AwsCalls,
};
use tracing::Instrument as _;

use crate::call_trace::{self, CallTrace};

/// A request that was signed with a time so wrong may have been refused for that. AWS accepts five
/// minutes, S3 fifteen.
pub(crate) const REFUSED_FROM: Duration = Duration::from_secs(4 * 60);

/// The time that the SDK signs with, and by which it knows when credentials end.
#[derive(Debug)]
pub(crate) struct AwsTime;

impl TimeSource for AwsTime {
    fn now(&self) -> SystemTime {
        clock::now().into()
    }
}

/// An HTTP client that learns the time from the answers, and counts the calls.
#[derive(Debug)]
pub(crate) struct LearningClient(pub(crate) SharedHttpClient, pub(crate) AwsCalls);

impl HttpClient for LearningClient {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(LearningConnector(self.0.http_connector(settings, components), self.1.clone()))
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.validate_base_client_config(components, config)
    }

    fn validate_final_config(&self, components: &RuntimeComponents, config: &ConfigBag) -> Result<(), BoxError> {
        self.0.validate_final_config(components, config)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.0.connector_metadata()
    }
}

/// The same for requests that no SDK makes.
#[derive(Debug)]
pub(crate) struct LearningConnector(pub(crate) SharedHttpConnector, pub(crate) AwsCalls);

impl HttpConnector for LearningConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let service = request.headers().get("authorization").and_then(signing_service).map(str::to_owned);
        let operation = operation(service.as_deref().unwrap_or_default(), &request);
        let host = request.uri().split('/').nth(2).unwrap_or_default().to_owned();
        let exchange = Exchange::begin();
        let call = self.0.call(request);
        // Credentials of the machine come from the machine: their answers have its own time.
        let Some(service) = service else { return call };
        let span = call_trace::span(&operation, &host);
        let (calls, own) = (self.1.clone(), span.clone());
        let answered = async move {
            let counted = CallTrace::begin(&calls, &operation);
            let answered = call.await;
            counted.end(&own, answered.as_ref().ok().map(|response| response.status().as_u16()));
            let mut response = answered?;
            if let Some(date) = date(&response)
                && exchange.learn(&service, date).abs().to_std().is_ok_and(|wrong| wrong >= REFUSED_FROM)
            {
                response.add_extension(SignedAtAWrongTime);
            }
            Ok(response)
        };
        HttpConnectorFuture::new(answered.instrument(span))
    }
}

/// What is marked as the answer to a request whose signature had a wrong time.
#[derive(Debug, Clone, Copy)]
struct SignedAtAWrongTime;

/// Whether a request may have been refused for the time of its signature.
pub(crate) fn was_refused_for_its_time(response: &HttpResponse) -> bool {
    response.status().is_client_error() && response.extension::<SignedAtAWrongTime>().is_some()
}

/// Has a request tried once more that was refused while its signature had a wrong time. The right
/// one is known by then.
#[derive(Debug)]
pub(crate) struct RetrySignedAtAWrongTime;

impl ClassifyRetry for RetrySignedAtAWrongTime {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let refused = context.response().is_some_and(was_refused_for_its_time);
        // By the answer alone: a HEAD has no error code, and each service has another one.
        if refused { RetryAction::retryable_error(ErrorKind::ServerError) } else { RetryAction::NoActionIndicated }
    }

    fn name(&self) -> &'static str {
        "RetrySignedAtAWrongTime"
    }
}

/// The service that a signature is for: `s3` of
/// `AWS4-HMAC-SHA256 Credential=AKID/20150830/us-east-1/s3/aws4_request, …`.
fn signing_service(authorization: &str) -> Option<&str> {
    let scope = authorization.split_once("Credential=")?.1.split(',').next()?;
    scope.strip_suffix("/aws4_request")?.rsplit('/').next()
}

/// The operation of a request, such as `s3.PutObject`. S3 has no names on the wire: its objects
/// have a folder in their key, and whatever else is asked for is of the bucket.
fn operation(service: &str, request: &HttpRequest) -> String {
    if let Some(target) = request.headers().get("x-amz-target") {
        return format!("{service}.{}", target.rsplit('.').next().unwrap_or_default());
    }
    let path = request.uri().split('?').next().unwrap_or_default().splitn(4, '/').nth(3).unwrap_or_default();
    let of = if path.trim_end_matches('/').contains('/') { "Object" } else { "Bucket" };
    match (service, request.method()) {
        ("sts", _) => "sts.AssumeRole".to_owned(),
        ("s3", "GET") => format!("s3.Get{of}"),
        ("s3", "PUT") => format!("s3.Put{of}"),
        ("s3", "HEAD") => format!("s3.Head{of}"),
        ("s3", "DELETE") => format!("s3.Delete{of}"),
        (service, method) => format!("{service}.{method}"),
    }
}

/// When an answer was made, unless it comes out of a cache.
fn date(response: &HttpResponse) -> Option<DateTime<Utc>> {
    let date = response.headers().get("date").filter(|_| response.headers().get("age").is_none())?;
    DateTime::parse_from_rfc2822(date).ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;

    use super::*;

    #[test]
    fn the_service_is_read_from_the_signature() {
        let header = "AWS4-HMAC-SHA256 Credential=AKID/20150830/us-east-1/dynamodb/aws4_request, SignedHeaders=host;\
                      x-amz-date, Signature=00";
        assert_eq!(signing_service(header), Some("dynamodb"));
        for other in ["Bearer x", "", "AWS4-HMAC-SHA256 Credential=AKID/20150830/us-east-1/s3/aws3, Signature=00"] {
            assert_eq!(signing_service(other), None, "{other}");
        }
    }

    #[test]
    fn only_an_answer_that_is_fresh_has_a_date() {
        let of = |headers: &[(&'static str, &'static str)]| {
            let mut response = HttpResponse::new(200.try_into().unwrap(), SdkBody::empty());
            for (name, value) in headers {
                response.headers_mut().insert(*name, *value);
            }
            date(&response).map(|d| d.timestamp())
        };
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(of(&[date]), Some(784_111_777));
        assert_eq!(of(&[date, ("age", "3")]), None);
        assert_eq!(of(&[("date", "yesterday")]), None);
        assert_eq!(of(&[]), None);
    }
}
