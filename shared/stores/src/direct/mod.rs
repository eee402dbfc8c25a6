//! The calls that every order makes, and those of its objects, without the SDK's pipeline.
//!
//! An order is three calls of the api and a few of its worker. Each takes the SDK ten times the
//! processor time that its bytes need, which was two thirds of what `POST /order` cost. So these
//! few calls are written and signed here. Credentials, region and endpoints are the SDK's;
//! timeouts, retries, errors and the time learned from answers are as there. All other calls go
//! through the SDK, and `OFFLOAD_AWS_CALLS=sdk` sends these through it as well.

mod dynamodb;
mod endpoint;
mod quota;
mod signature;
mod wire;

pub(crate) use dynamodb::{ItemJson, ItemRead};
pub(crate) use endpoint::{Endpoint, of_bucket, of_dynamodb, of_sqs};
pub(crate) use signature::{DailyMac, Scope, amz_date, signature};
pub(crate) use wire::{Sockets, Wire, sockets};

use std::{path::Path, sync::Arc, time::Duration};

use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use bytes::Bytes;
use chrono::DateTime;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use offload_service::{
    clock::{self, Exchange},
    metrics::AwsCalls,
};
use serde::{Deserialize, Serialize};
use tokio::time::{sleep, timeout};
use tracing::{Instrument as _, Span};

use crate::{
    aws_time::REFUSED_FROM,
    call_policy::CallPolicy,
    call_trace::{self, CallTrace},
    credentials::CachedCredentials,
    error::{Error, Kind},
};
use quota::{Cost, RetryQuota};
use signature::{SignedHeaders, Signer};

/// The first wait before another try, at most; the next is twice as long.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// What all tries may take beyond their own time: the waits between them.
const WAITS: Duration = Duration::from_secs(2);

const X_AMZ_TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// The services that have calls of every order.
#[derive(Clone, Debug)]
pub(crate) struct Direct {
    pub(crate) bucket: Switch,
    pub(crate) sqs: Switch,
    pub(crate) dynamodb: Switch,
}

/// Which way the calls of every order go.
#[derive(Clone, Debug)]
pub(crate) struct Switch {
    service: Service,
    by_sdk: bool,
}

impl Switch {
    pub(crate) fn new(service: Service, by_sdk: bool) -> Self {
        Self { service, by_sdk }
    }

    /// What they are made with, unless they go through the SDK: never in a build without that way.
    pub(crate) fn direct(&self) -> Option<&Service> {
        let by_sdk = cfg!(feature = "sdk-calls") && self.by_sdk;
        (!by_sdk).then_some(&self.service)
    }
}

/// Answers with what a call through the SDK answers, in a build that has this way. The call is
/// boxed: the SDK's futures are large, and would be part of those of every order.
macro_rules! by_sdk {
    ($call:expr) => {{
        #[cfg(feature = "sdk-calls")]
        return Box::pin($call).await;
        #[cfg(not(feature = "sdk-calls"))]
        unreachable!("without the feature sdk-calls every call is made directly")
    }};
}
pub(crate) use by_sdk;

/// One service of AWS. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Service(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Its signing name, such as `dynamodb`.
    name: &'static str,
    endpoint: Endpoint,
    signer: Signer,
    wire: Wire,
    policy: CallPolicy,
    quota: RetryQuota,
    calls: AwsCalls,
}

/// A call.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    /// Such as `s3.PutObject`, for errors.
    pub(crate) operation: &'static str,
    pub(crate) method: Method,
    /// What comes after the endpoint's own path; must need no percent-encoding.
    pub(crate) path: &'a str,
    /// Beside those that are signed.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body<'a>,
    /// Where it is not the policy's.
    pub(crate) patience: Option<Patience>,
}

/// The body of a call.
#[derive(Debug)]
pub(crate) enum Body<'a> {
    /// Signed with the rest.
    Bytes(Bytes),
    /// A file, sent as it is read, and so not signed.
    File(&'a Path),
}

/// How long a call may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// One try.
    pub(crate) attempt: Duration,
    /// All of them, with the waits between them.
    pub(crate) whole: Duration,
}

/// A whole answer that is no error.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A call that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: Error,
    /// What the service answered, if it did.
    pub(crate) body: Bytes,
}

impl Failure {
    /// A failure without an answer.
    fn of(error: Error) -> Self {
        Self { error, body: Bytes::new() }
    }

    /// The code of the service's error.
    pub(crate) fn code(&self) -> String {
        Refusal::of(&self.body).code
    }
}

/// What one try came to.
enum Try {
    Done(Answer),
    /// Another may succeed.
    Again(Failure, Cost),
    Failed(Failure),
}

impl Service {
    pub(crate) fn new(
        name: &'static str,
        endpoint: Endpoint,
        credentials: Arc<CachedCredentials>,
        wire: Wire,
        policy: CallPolicy,
        calls: AwsCalls,
    ) -> Self {
        let (signer, quota) = (Signer::new(name, endpoint.region.clone(), credentials), RetryQuota::default());
        Self(Arc::new(Inner { name, endpoint, signer, wire, policy, quota, calls }))
    }

    /// Calls an operation of a service that takes JSON: `x-amz-target` names it.
    pub(crate) async fn json(
        &self,
        operation: &'static str,
        target: &'static str,
        body: &impl Serialize,
    ) -> Result<Answer, Failure> {
        self.json_within(None, operation, target, body).await
    }

    /// The same with a patience of its own, for a call that is meant to wait.
    pub(crate) async fn json_within(
        &self,
        patience: Option<Duration>,
        operation: &'static str,
        target: &'static str,
        body: &impl Serialize,
    ) -> Result<Answer, Failure> {
        let body = match serde_json::to_vec(body) {
            Ok(body) => body,
            Err(e) => return Err(Failure::of(Error::new(Kind::Invalid, operation, e.to_string()))),
        };
        let headers = HeaderMap::from_iter([
            (header::CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0")),
            (X_AMZ_TARGET, HeaderValue::from_static(target)),
        ]);
        let (body, patience) = (Body::Bytes(body.into()), patience.map(|all| Patience { attempt: all, whole: all }));
        self.send(Call { operation, method: Method::POST, path: "", headers, body, patience }).await
    }

    /// Makes a call, more than once if that may help.
    pub(crate) async fn send(&self, call: Call<'_>) -> Result<Answer, Failure> {
        let span = call_trace::span(call.operation, self.0.endpoint.host.to_str().unwrap_or_default());
        self.send_in_span(call).instrument(span).await
    }

    async fn send_in_span(&self, call: Call<'_>) -> Result<Answer, Failure> {
        let CallPolicy { attempt_timeout, attempts } = self.0.policy;
        let usual = Patience { attempt: attempt_timeout, whole: attempt_timeout * attempts + WAITS };
        let patience = call.patience.unwrap_or(usual);
        let tries = async {
            let mut spent = None;
            for attempt in 1.. {
                let (failure, cost) = match self.one_try(&call, patience.attempt).await {
                    Try::Done(answer) => {
                        self.0.quota.give_back(spent);
                        return Ok(answer);
                    }
                    Try::Again(failure, cost) => (failure, cost),
                    Try::Failed(failure) => return Err(failure),
                };
                if attempt >= attempts {
                    return Err(failure);
                }
                spent = self.0.quota.take(cost);
                if spent.is_none() {
                    return Err(failure);
                }
                let longest = FIRST_WAIT * 2_u32.saturating_pow(attempt - 1);
                sleep(longest.mul_f64(clock::unit_random())).await;
            }
            unreachable!("the loop ends by returning")
        };
        timeout(patience.whole, tries)
            .await
            .unwrap_or_else(|_| Err(unavailable(call.operation, "the call took too long")))
    }

    async fn one_try(&self, call: &Call<'_>, patience: Duration) -> Try {
        let operation = call.operation;
        let request = match self.request(call).await {
            Ok(request) => request,
            Err(error) => return Try::Failed(Failure::of(error)),
        };
        let (exchange, counted) = (Exchange::begin(), CallTrace::begin(&self.0.calls, operation));
        let answered = timeout(patience, self.0.wire.send(request)).await;
        counted.end(&Span::current(), answered.as_ref().ok().and_then(|a| a.as_ref().ok()).map(|a| a.0.as_u16()));
        let (status, headers, body) = match answered {
            Ok(Ok(answer)) => answer,
            Ok(Err(cause)) => return Try::Again(unavailable(operation, cause), Cost::Retry),
            Err(_) => return Try::Again(unavailable(operation, "no answer in time"), Cost::AfterTimeout),
        };
        let at_a_wrong_time = date(&headers).is_some_and(|date| {
            let wrong = exchange.learn(self.0.name, date).abs().to_std();
            wrong.is_ok_and(|wrong| wrong >= REFUSED_FROM)
        });
        if status.is_success() {
            return Try::Done(Answer { headers, body });
        }
        let Refusal { code, message, reasons } = Refusal::of(&body);
        let kind = match &*reasons {
            [] => Kind::of(status.as_u16(), &code),
            reasons => Kind::of_cancelled(reasons.iter().map(|reason| &*reason.code)),
        };
        let failure = Failure { error: Error::new(kind, operation, format!("{code}: {message}")), body };
        // By the answer alone: each service has another code for a signature that is too old.
        if failure.error.is_transient() || (status.is_client_error() && at_a_wrong_time) {
            Try::Again(failure, Cost::Retry)
        } else {
            Try::Failed(failure)
        }
    }

    async fn request(&self, call: &Call<'_>) -> Result<Request<SdkBody>, Error> {
        let Endpoint { host, .. } = &self.0.endpoint;
        let invalid = |e: http::Error| Error::new(Kind::Invalid, call.operation, e.to_string());
        let (uri, path) = self.0.endpoint.at(call.path).map_err(invalid)?;
        let mut headers = call.headers.clone();
        headers.insert(header::HOST, host.clone());
        let target = headers.get(X_AMZ_TARGET).cloned();
        let (body, signed_body) = match &call.body {
            Body::Bytes(bytes) => (SdkBody::from(bytes.clone()), Some(&**bytes)),
            Body::File(path) => {
                let unread = |e: String| Error::new(Kind::Invalid, call.operation, e);
                (ByteStream::from_path(path).await.map_err(|e| unread(e.to_string()))?.into_inner(), None)
            }
        };
        let signed =
            SignedHeaders { method: &call.method, path: &path, host, target: target.as_ref(), body: signed_body };
        self.0.signer.sign(&signed, &mut headers).await?;
        let mut request = Request::builder().method(call.method.clone()).uri(uri).body(body).map_err(invalid)?;
        *request.headers_mut() = headers;
        Ok(request)
    }
}

fn unavailable(operation: &'static str, cause: impl Into<String>) -> Failure {
    Failure::of(Error::new(Kind::Unavailable, operation, cause))
}

/// When an answer was made, unless it comes out of a cache.
fn date(headers: &HeaderMap) -> Option<DateTime<chrono::Utc>> {
    let date = headers.get(header::DATE).filter(|_| !headers.contains_key(header::AGE))?;
    DateTime::parse_from_rfc2822(date.to_str().ok()?).ok().map(Into::into)
}

/// An error as a service answers it: JSON from SQS and DynamoDB, XML from S3, and something else
/// from some proxies.
#[derive(Deserialize, Default)]
struct Refusal {
    #[serde(rename = "__type", default)]
    code: String,
    #[serde(alias = "Message", default)]
    message: String,
    /// Of a transaction: why each of its rows was not written.
    #[serde(rename = "CancellationReasons", default)]
    reasons: Vec<Reason>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Reason {
    code: String,
}

impl Refusal {
    fn of(body: &[u8]) -> Self {
        if let Ok(refusal) = serde_json::from_slice(body) {
            return refusal;
        }
        let text = String::from_utf8_lossy(body);
        let element = |name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>"))?;
            Some(rest.split_once("</")?.0.to_owned())
        };
        let code = element("Code").unwrap_or_else(|| "unknown".to_owned());
        Self { code, message: element("Message").unwrap_or_default(), reasons: Vec::new() }
    }
}
