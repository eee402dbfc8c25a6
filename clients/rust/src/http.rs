//! Requests: to the api, which gets the token, and to S3, which never does.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::TimeDelta;
use reqwest::{
    Method, RequestBuilder,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH},
};
use tokio::time::{sleep, timeout};

use crate::{
    answer::Answer,
    backoff,
    cancellations::Cancellations,
    client::{OnRetry, Retry, Target},
    clock::{self, Clock},
    error::{Error, Problem},
    events::Events,
    look::{Look, s3_error},
    receipt::Receipt,
    status::StatusView,
};

/// The longest that the api may take for an answer.
const API_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest that S3 may take for a status object.
const LOOK_TIMEOUT: Duration = Duration::from_secs(10);

const EVENT_STREAM: &str = "text/event-stream";

/// One api, and S3 by presigned URLs.
pub(crate) struct Http {
    http: reqwest::Client,
    base: String,
    on_retry: Option<OnRetry>,
    /// Whether changes are listened for where the service tells of them.
    pub(crate) push: bool,
    /// One service, one clock: what is learned with one order serves the others.
    clock: Mutex<Clock>,
    pub(crate) cancellations: Cancellations,
}

/// An answer of S3, when it was asked for, and the validator for the next look.
pub(crate) struct Looked {
    pub(crate) look: Look,
    pub(crate) at: chrono::DateTime<chrono::Utc>,
    pub(crate) etag: Option<HeaderValue>,
}

impl Http {
    pub(crate) fn new(http: reqwest::Client, base: String, on_retry: Option<OnRetry>, push: bool) -> Self {
        Self { http, base, on_retry, push, clock: Mutex::default(), cancellations: Cancellations::default() }
    }

    /// What is known of the service's clock.
    pub(crate) fn clock(&self) -> Clock {
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, heard: impl FnOnce(Clock) -> Clock) {
        let mut clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        *clock = heard(*clock);
    }

    /// `POST /order`, always with the same key.
    pub(crate) async fn submit(&self, body: &str, key: &HeaderValue) -> Result<(Receipt, String), Error> {
        let url = format!("{}/order", self.base);
        let request = || {
            let request = self.http.post(&url).header(CONTENT_TYPE, "application/json");
            request.header("idempotency-key", key).body(body.to_owned())
        };
        let answer = self.api(Target::Submit, request).await?;
        let receipt: Receipt = answer.json()?;
        // The estimate tells the time more exactly than the header; cut at zero, it only says that the time is over.
        if let Some(eta) = receipt.eta.as_ref().filter(|eta| eta.seconds > 0.0 && eta.seconds < 1e9) {
            #[expect(clippy::cast_possible_truncation, reason = "thirty years of milliseconds at most")]
            let placed = eta.at - TimeDelta::milliseconds((eta.seconds * 1e3) as i64);
            let half = TimeDelta::milliseconds(51);
            self.hear(|clock| clock.heard(answer.exchange, placed - half, placed + half));
        }
        Ok((receipt, answer.text))
    }

    /// `GET /order/{id}`.
    pub(crate) async fn status(&self, receipt: &Receipt) -> Result<(StatusView, String), Error> {
        let answer = self.api(Target::Status, || self.with_token(Method::GET, receipt)).await?;
        Ok((answer.json()?, answer.text))
    }

    /// `DELETE /order/{id}`. Whether it was asked for now, and was not before.
    pub(crate) async fn cancel(&self, receipt: &Receipt) -> Result<(StatusView, bool, String), Error> {
        let answer = self.api(Target::Cancel, || self.with_token(Method::DELETE, receipt)).await?;
        let view: StatusView = answer.json()?;
        self.cancellations.add(view.clone());
        Ok((view, answer.status.as_u16() == 202, answer.text))
    }

    /// Looks at a status URL. No token goes there: S3 refuses a request with two kinds of authorization.
    pub(crate) async fn look(&self, url: &str, etag: Option<&HeaderValue>) -> Looked {
        let mut request = self.http.get(url).timeout(LOOK_TIMEOUT);
        if let Some(etag) = etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let at = clock::now();
        let answer = match Answer::to(request).await {
            Ok(answer) => answer,
            Err(why) => return Looked { look: Look::Unavailable(why), at, etag: etag.cloned() },
        };
        self.hear_date(&answer);
        let look = Look::of(answer.status.as_u16(), answer.text);
        let etag = match &look {
            Look::Object(..) => answer.headers.get(ETAG).cloned(),
            _ => etag.cloned(),
        };
        Looked { look, at, etag }
    }

    /// Listens for an order's changes, after `last_id` if that is given; `None` where that does not work.
    pub(crate) async fn listen(&self, url: &str, receipt: &Receipt, last_id: Option<String>) -> Option<Events> {
        let mut request = self.http.get(url).header(AUTHORIZATION, bearer(receipt)?).header(ACCEPT, EVENT_STREAM);
        if let Some(id) = &last_id {
            request = request.header("last-event-id", id);
        }
        let response = timeout(LOOK_TIMEOUT, request.send()).await.ok()?.ok()?;
        let media = response.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let listening = response.status().as_u16() == 200 && media.starts_with(EVENT_STREAM);
        listening.then(|| Events::new(response, last_id))
    }

    /// Starts to download a result; `Ok(Err(..))` if the URL is refused, with S3's word for it.
    pub(crate) async fn download(&self, url: &str) -> Result<Result<reqwest::Response, String>, Error> {
        let mut failures = 0;
        loop {
            let why = match self.http.get(url).send().await {
                Ok(response) if response.status().is_success() => return Ok(Ok(response)),
                Ok(response) => {
                    let status = response.status();
                    let why = s3_error(status.as_u16(), &response.text().await.unwrap_or_default());
                    if status.is_client_error() && status.as_u16() != 429 {
                        return Ok(Err(why));
                    }
                    why
                }
                Err(e) => crate::answer::cause(e),
            };
            failures += 1;
            if failures == backoff::TRIES {
                return Err(Error::Unreachable(format!("the result cannot be downloaded: {why}")));
            }
            self.back_off(Target::Result, failures, backoff::API.delay(failures, clock::unit_random()), why).await;
        }
    }

    fn with_token(&self, method: Method, receipt: &Receipt) -> RequestBuilder {
        let request = self.http.request(method, format!("{}/order/{}", self.base, receipt.id));
        match bearer(receipt) {
            Some(value) => request.header(AUTHORIZATION, value),
            // Not a header: then it is no token either, and the api says so.
            None => request,
        }
    }

    /// Sends a request until there is an answer other than "later".
    async fn api(&self, target: Target, request: impl Fn() -> RequestBuilder) -> Result<Answer, Error> {
        let mut failures = 0;
        loop {
            let (why, named) = match Answer::to(request().timeout(API_TIMEOUT)).await {
                Ok(answer) => {
                    self.hear_date(&answer);
                    if answer.status.is_success() {
                        return Ok(answer);
                    }
                    let problem = Problem::of(answer.status.as_u16(), &answer.text);
                    if !backoff::is_passing(answer.status, &answer.headers) {
                        return Err(Error::Refused(Box::new(problem)));
                    }
                    (
                        problem.to_string(),
                        backoff::retry_after(&answer.headers, answer.date().unwrap_or_else(clock::now)),
                    )
                }
                Err(why) => (format!("the api at {} does not answer: {why}", self.base), None),
            };
            failures += 1;
            if failures == backoff::TRIES {
                return Err(Error::Unreachable(why));
            }
            let wait = named.unwrap_or_else(|| backoff::API.delay(failures, clock::unit_random()));
            self.back_off(target, failures, wait, why).await;
        }
    }

    /// Waits before another try, and tells so.
    pub(crate) async fn back_off(&self, target: Target, failures: u32, wait: Duration, reason: String) {
        if let Some(told) = &self.on_retry {
            told(&Retry { target, failures, wait, reason });
        }
        sleep(wait).await;
    }

    fn hear_date(&self, answer: &Answer) {
        if let Some(date) = answer.date() {
            self.hear(|clock| clock.heard_date(answer.exchange, date));
        }
    }
}

fn bearer(receipt: &Receipt) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(format!("Bearer {}", receipt.order_token)).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("base", &self.base).finish_non_exhaustive()
    }
}
