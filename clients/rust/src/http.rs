//! Requests: to the api, which gets the token, and to S3, which never does.

use std::{fmt, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use reqwest::{
    Method, RequestBuilder, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH},
};
use serde::de::DeserializeOwned;
use tokio::time::{sleep, timeout};

use crate::{
    batch::BatchReceipt,
    cancellations::Cancellations,
    clock::{self, Clock},
    credentials::{Credentials, bearer},
    error::Error,
    events::EventStream,
    problem::Problem,
    receipt::Receipt,
    response::{ApiResponse, TextResponse, cause},
    retry::{self, OnRetry, RequestKind, Retry},
    s3::{PollResponse, error_code},
    view::StatusView,
};

/// The longest that the api may take to respond.
const API_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest that S3 may take to respond with a status object, and the api to open a stream.
const POLL_TIMEOUT: Duration = Duration::from_secs(10);

const OFFLOAD_TOKEN: &str = "offload-token";
const EVENT_STREAM: &str = "text/event-stream";

/// One api, and S3 by presigned URLs.
pub(crate) struct Http {
    client: reqwest::Client,
    api: String,
    on_retry: Option<OnRetry>,
    /// Whether to subscribe to status updates where the service pushes them.
    pub(crate) push: bool,
    /// One service, one clock: what one order's responses say serves all orders.
    clock: Mutex<Clock>,
    pub(crate) cancellations: Cancellations,
    credentials: Option<Credentials>,
}

/// One poll.
pub(crate) struct Poll {
    pub(crate) response: PollResponse,
    pub(crate) sent_at: DateTime<Utc>,
    /// The validator for the next poll.
    pub(crate) etag: Option<HeaderValue>,
    /// How long the server, or a cache before it, asks to wait.
    pub(crate) retry_after: Option<Duration>,
}

impl Http {
    pub(crate) fn new(
        client: reqwest::Client,
        api: String,
        on_retry: Option<OnRetry>,
        push: bool,
        credentials: Option<Credentials>,
    ) -> Self {
        let (clock, cancellations) = (Mutex::default(), Cancellations::default());
        Self { client, api, on_retry, push, clock, cancellations, credentials }
    }

    /// The service's clock, as far as it is known.
    pub(crate) fn clock(&self) -> Clock {
        *self.clock.lock()
    }

    /// `POST /order`, always with the same key.
    pub(crate) async fn submit(&self, body: &str, key: &HeaderValue) -> Result<ApiResponse<Receipt>, Error> {
        let url = format!("{}/order", self.api);
        let request = || {
            let request = self.client.post(&url).header(CONTENT_TYPE, "application/json");
            request.header("idempotency-key", key).body(body.to_owned())
        };
        let response = self.send(RequestKind::Submit, None, request).await?;
        let exchange = response.exchange;
        let receipt: ApiResponse<Receipt> = response.parse()?;
        // The estimate is more exact than `Date`, but 0 may mean any time in the past.
        if let Some(eta) = receipt.body.eta.as_ref().filter(|eta| eta.seconds > 0.0 && eta.seconds < 1e9) {
            #[expect(clippy::cast_possible_truncation, reason = "thirty years of milliseconds at most")]
            let written = eta.at - TimeDelta::milliseconds((eta.seconds * 1e3) as i64);
            let half = TimeDelta::milliseconds(51);
            self.update_clock(|clock| clock.observe(exchange, written - half, written + half));
        }
        Ok(receipt)
    }

    /// `POST /orders`, always with the same key.
    pub(crate) async fn submit_all(
        &self,
        body: &str,
        media_type: &'static str,
        key: &HeaderValue,
    ) -> Result<ApiResponse<BatchReceipt>, Error> {
        let url = format!("{}/orders", self.api);
        let request = || {
            let request = self.client.post(&url).header(CONTENT_TYPE, media_type);
            request.header("idempotency-key", key).body(body.to_owned())
        };
        self.send(RequestKind::Submit, None, request).await?.parse()
    }

    /// `GET /order/{id}`, or `GET /group/{id}`.
    pub(crate) async fn status(&self, receipt: &Receipt) -> Result<ApiResponse<StatusView>, Error> {
        self.order(RequestKind::Status, Method::GET, receipt).await
    }

    /// `DELETE /order/{id}`.
    pub(crate) async fn cancel(&self, receipt: &Receipt) -> Result<ApiResponse<StatusView>, Error> {
        let response = self.order(RequestKind::Cancel, Method::DELETE, receipt).await?;
        self.cancellations.add(response.clone());
        Ok(response)
    }

    /// Polls a status URL once. Without the token: S3 refuses two kinds of authorization.
    pub(crate) async fn poll(&self, url: &str, etag: Option<&HeaderValue>) -> Poll {
        let mut request = self.client.get(url).timeout(POLL_TIMEOUT);
        if let Some(etag) = etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let sent_at = clock::now();
        let response = match TextResponse::to(request).await {
            Ok(response) => response,
            Err(why) => {
                let (response, etag) = (PollResponse::Unavailable(why), etag.cloned());
                return Poll { response, sent_at, etag, retry_after: None };
            }
        };
        self.observe_date(&response);
        let TextResponse { status, headers, text, .. } = response;
        let response = PollResponse::new(status.as_u16(), text);
        let etag = match &response {
            PollResponse::Object(..) => headers.get(ETAG).cloned(),
            _ => etag.cloned(),
        };
        Poll { response, sent_at, etag, retry_after: retry::retry_after(&headers, clock::now()) }
    }

    /// Subscribes to an order's events, after `last_id` if that is given; `None` where that fails.
    pub(crate) async fn subscribe(&self, url: &str, receipt: &Receipt, last_id: Option<String>) -> Option<EventStream> {
        let request = self.client.get(url).header(ACCEPT, EVENT_STREAM);
        let caller = self.caller(None).await.ok()?;
        let mut request = authorize(request, caller.as_ref(), Some(receipt));
        if let Some(id) = &last_id {
            request = request.header("last-event-id", id);
        }
        let response = timeout(POLL_TIMEOUT, request.send()).await.ok()?.ok()?;
        let media_type = response.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let is_stream = response.status().as_u16() == 200 && media_type.starts_with(EVENT_STREAM);
        is_stream.then(|| EventStream::new(response, last_id))
    }

    /// Begins to download a result; `Ok(Err(..))` with S3's error code if the URL is refused.
    pub(crate) async fn download(&self, url: &str) -> Result<Result<reqwest::Response, String>, Error> {
        let mut failures = 0;
        loop {
            let why = match self.client.get(url).send().await {
                Ok(response) if response.status().is_success() => return Ok(Ok(response)),
                Ok(response) => {
                    let status = response.status();
                    let why = error_code(status.as_u16(), &response.text().await.unwrap_or_default());
                    if status.is_client_error() && status.as_u16() != 429 {
                        return Ok(Err(why));
                    }
                    why
                }
                Err(e) => cause(e),
            };
            failures += 1;
            if failures == retry::ATTEMPTS {
                return Err(Error::Unreachable(format!("the result cannot be downloaded: {why}")));
            }
            let wait = retry::REQUEST_BACKOFF.delay(failures, clock::unit_random());
            self.back_off(RequestKind::Result, failures, wait, why).await;
        }
    }

    /// Reports a failure that will be retried, and waits.
    pub(crate) async fn back_off(&self, request: RequestKind, failures: u32, wait: Duration, reason: String) {
        if let Some(on_retry) = &self.on_retry {
            on_retry(&Retry { request, failures, wait, reason });
        }
        sleep(wait).await;
    }

    async fn order<T: DeserializeOwned>(
        &self,
        kind: RequestKind,
        method: Method,
        receipt: &Receipt,
    ) -> Result<ApiResponse<T>, Error> {
        let what = if receipt.is_of_group() { "group" } else { "order" };
        let url = format!("{}/{what}/{}", self.api, receipt.id);
        let request = || self.client.request(method.clone(), &url);
        self.send(kind, Some(receipt), request).await?.parse()
    }

    /// The caller's own credentials, if it has any; new ones if these were refused.
    async fn caller(&self, refused: Option<&HeaderValue>) -> Result<Option<HeaderValue>, Error> {
        match &self.credentials {
            Some(credentials) => credentials.header(refused).await.map(Some),
            None => Ok(None),
        }
    }

    /// Sends a request until the response is other than "later". Every request is safe to repeat.
    async fn send(
        &self,
        kind: RequestKind,
        receipt: Option<&Receipt>,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<TextResponse, Error> {
        let (mut failures, mut caller, mut renewed) = (0, self.caller(None).await?, false);
        loop {
            let request = authorize(request().timeout(API_TIMEOUT), caller.as_ref(), receipt);
            let (why, retry_after) = match TextResponse::to(request).await {
                Ok(response) => {
                    self.observe_date(&response);
                    if response.status.is_success() {
                        return Ok(response);
                    }
                    // A token may have expired on its way.
                    if response.status == StatusCode::UNAUTHORIZED && caller.is_some() && !renewed {
                        let before = caller;
                        caller = self.caller(before.as_ref()).await?;
                        renewed = true;
                        if caller != before {
                            continue;
                        }
                    }
                    let problem = Problem::from_response(response.status.as_u16(), &response.text);
                    if !retry::is_retryable(response.status, &response.headers) {
                        return Err(Error::Problem(Box::new(problem)));
                    }
                    let now = response.date().unwrap_or_else(clock::now);
                    (problem.to_string(), retry::retry_after(&response.headers, now))
                }
                Err(why) => (format!("the api at {} does not respond: {why}", self.api), None),
            };
            failures += 1;
            if failures == retry::ATTEMPTS {
                return Err(Error::Unreachable(why));
            }
            let wait = retry_after.unwrap_or_else(|| retry::REQUEST_BACKOFF.delay(failures, clock::unit_random()));
            self.back_off(kind, failures, wait, why).await;
        }
    }

    fn observe_date(&self, response: &TextResponse) {
        if let Some(date) = response.date() {
            self.update_clock(|clock| clock.observe_date(response.exchange, date));
        }
    }

    fn update_clock(&self, observe: impl FnOnce(Clock) -> Clock) {
        let mut clock = self.clock.lock();
        *clock = observe(*clock);
    }
}

/// Adds what the api is to know: who calls, and the order's token, which has a header of its own
/// where `Authorization` is the caller's. What cannot be a header is no token either, and the api
/// says so.
fn authorize(request: RequestBuilder, caller: Option<&HeaderValue>, receipt: Option<&Receipt>) -> RequestBuilder {
    let token = receipt.map(|receipt| receipt.order_token.as_str());
    match (caller, token) {
        (Some(caller), token) => {
            let request = request.header(AUTHORIZATION, caller);
            let token = token.and_then(|token| HeaderValue::try_from(token).ok());
            match token {
                Some(mut token) => {
                    token.set_sensitive(true);
                    request.header(OFFLOAD_TOKEN, token)
                }
                None => request,
            }
        }
        (None, token) => match token.and_then(bearer) {
            Some(value) => request.header(AUTHORIZATION, value),
            None => request,
        },
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("api", &self.api).finish_non_exhaustive()
    }
}
