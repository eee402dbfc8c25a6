//! The small HTTP client: the api, which gets the token, and S3, which never does.

use std::{error::Error, time::Duration};

use chrono::{DateTime, Utc};
use offload_shared::{backoff::Backoff, clock, id::OrderId, problem::Problem, status::StatusObject};
use reqwest::{
    Method, RequestBuilder, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, DATE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, RETRY_AFTER},
};
use url::Url;

use crate::{failure::Failure, output, render};

/// Tries of one request to the api. All of them are safe to repeat: a submission carries its idempotency key.
const TRIES: u32 = 4;
/// Waits between them, unless the api names one.
const BACKOFF: Backoff = Backoff { base: Duration::from_millis(500), max: Duration::from_secs(8) };
/// The longest `Retry-After` that is waited for: beyond it somebody at a terminal would rather know.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);
/// The longest that the api may take for an answer.
const API_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest that S3 may take for a status object.
const LOOK_TIMEOUT: Duration = Duration::from_secs(10);

/// Speaks to one api, and to S3 by presigned URLs.
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
}

/// A readable answer of the api.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

/// What a look at the status URL found.
#[derive(Debug)]
pub(crate) enum Look {
    /// As before.
    Unchanged,
    /// The object, and the text that it was read from.
    Object { object: Box<StatusObject>, text: String, etag: Option<HeaderValue>, date: Option<DateTime<Utc>> },
    /// The URL works no longer, or there is no object: the api can say more. With S3's word for it.
    Refused(String),
    /// No answer for now.
    Unavailable(String),
}

impl Client {
    /// A client of the api at `api`.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub(crate) fn new(api: &Url) -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("offload/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(5))
            .read_timeout(Duration::from_secs(30))
            .build()
            .map_err(|e| Failure::Refused(format!("cannot set up HTTP: {}", cause(e))))?;
        Ok(Self { http, base: api.as_str().trim_end_matches('/').to_owned() })
    }

    /// Places an order.
    pub(crate) async fn submit(&self, body: &str, key: &str) -> Result<Answer, Failure> {
        let url = format!("{}/order", self.base);
        let request = || {
            let request = self.http.post(&url).header(CONTENT_TYPE, "application/json");
            request.header("idempotency-key", key).body(body.to_owned())
        };
        self.send(request).await
    }

    /// Asks the api for an order's status and a fresh status URL.
    pub(crate) async fn order(&self, id: OrderId, token: &str) -> Result<Answer, Failure> {
        self.send(|| self.with_token(Method::GET, id, token)).await
    }

    /// Asks the api to cancel an order.
    pub(crate) async fn cancel(&self, id: OrderId, token: &str) -> Result<Answer, Failure> {
        self.send(|| self.with_token(Method::DELETE, id, token)).await
    }

    /// Looks at a status URL. No token goes there: S3 refuses a request with two kinds of authorization.
    pub(crate) async fn look(&self, url: &str, etag: Option<&HeaderValue>) -> Look {
        let mut request = self.http.get(url).timeout(LOOK_TIMEOUT);
        if let Some(etag) = etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let answer = match read(request).await {
            Ok(answer) => answer,
            Err(e) => return Look::Unavailable(e),
        };
        match answer.status {
            StatusCode::NOT_MODIFIED => Look::Unchanged,
            StatusCode::OK => match serde_json::from_str::<StatusObject>(&answer.text) {
                Ok(object) => {
                    let (etag, date) = (answer.headers.get(ETAG).cloned(), date(&answer.headers));
                    Look::Object { object: Box::new(object), text: answer.text, etag, date }
                }
                Err(_) => Look::Refused("what stands there is no status object".to_owned()),
            },
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Look::Unavailable(s3_error(status, &answer.text))
            }
            status => Look::Refused(s3_error(status, &answer.text)),
        }
    }

    /// Starts to download a result. `Ok(Err(..))` if the URL is refused, with S3's word for it.
    pub(crate) async fn download(&self, url: &str) -> Result<Result<reqwest::Response, String>, Failure> {
        let response = self.http.get(url).send().await;
        let response =
            response.map_err(|e| Failure::Unreachable(format!("cannot download the result: {}", cause(e))))?;
        if response.status().is_success() {
            return Ok(Ok(response));
        }
        let status = response.status();
        let text = response.text().await.unwrap_or_default();
        Ok(Err(s3_error(status, &text)))
    }

    fn with_token(&self, method: Method, id: OrderId, token: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}/order/{id}", self.base));
        match HeaderValue::try_from(format!("Bearer {token}")) {
            Ok(mut value) => {
                value.set_sensitive(true);
                request.header(AUTHORIZATION, value)
            }
            // Not a header: then it is no token either, and the api says so.
            Err(_) => request,
        }
    }

    /// Sends a request until there is an answer other than "later". Returns those with 2xx.
    async fn send(&self, request: impl Fn() -> RequestBuilder) -> Result<Answer, Failure> {
        for tried in 1.. {
            let (why, wait) = match read(request().timeout(API_TIMEOUT)).await {
                Ok(answer) if answer.status.is_success() => return Ok(answer),
                Ok(answer) if !answer.is_passing() => return Err(Failure::Refused(answer.told())),
                Ok(answer) if tried == TRIES => return Err(Failure::Unreachable(answer.told())),
                Ok(answer) => (format!("the api answers {}", answer.status.as_u16()), retry_after(&answer.headers)),
                Err(e) if tried == TRIES => {
                    return Err(Failure::Unreachable(format!("the api at {} cannot be reached: {e}", self.base)));
                }
                Err(e) => (format!("the api at {} does not answer ({e})", self.base), None),
            };
            let wait = wait.unwrap_or_else(|| BACKOFF.delay(tried, clock::unit_random()));
            output::say(&format!("{why}; trying again in {}", render::words(wait.as_secs_f64())));
            tokio::time::sleep(wait).await;
        }
        Err(Failure::Unreachable("the api was asked too often".to_owned()))
    }
}

impl Answer {
    /// The body as JSON of some shape.
    ///
    /// # Errors
    /// If it is not, which is so if something else than the api listens there.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_str(&self.text).map_err(|_| {
            Failure::Refused(format!(
                "the answer ({}) cannot be read: is it the api of status-offload that listens there?",
                self.status
            ))
        })
    }

    /// The server's clock, to the second.
    pub(crate) fn date(&self) -> Option<DateTime<Utc>> {
        date(&self.headers)
    }

    /// Whether the same request may succeed a little later.
    fn is_passing(&self) -> bool {
        let later = [
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::BAD_GATEWAY,
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::GATEWAY_TIMEOUT,
        ];
        // An earlier try of ours, whose answer was lost, may still be at work: then 409 names a time to come back.
        later.contains(&self.status) || self.status == StatusCode::CONFLICT && self.headers.contains_key(RETRY_AFTER)
    }

    fn told(&self) -> String {
        match serde_json::from_str::<Problem>(&self.text) {
            Ok(problem) => render::problem(&problem, output::say_paint()),
            Err(_) => {
                format!(
                    "the api answers {}, without a problem document: is it status-offload that listens there?",
                    self.status
                )
            }
        }
    }
}

/// Sends a request once and reads the whole answer; or says why there is none.
async fn read(request: RequestBuilder) -> Result<Answer, String> {
    let response = request.send().await.map_err(cause)?;
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.map_err(cause)?;
    Ok(Answer { status, headers, text })
}

/// The innermost reason of an error, without the URL: a presigned one is a secret.
pub(crate) fn cause(e: reqwest::Error) -> String {
    if e.is_timeout() {
        return "no answer in time".to_owned();
    }
    let e = e.without_url();
    let mut inner: &dyn Error = &e;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

fn date(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    let text = headers.get(DATE)?.to_str().ok()?;
    DateTime::parse_from_rfc2822(text).ok().map(|d| d.to_utc())
}

/// The wait that the api names, in seconds or as a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    let seconds = text.parse().map(Duration::from_secs).ok();
    let until = || {
        let at = DateTime::parse_from_rfc2822(text).ok()?;
        (at.to_utc() - date(headers)?).to_std().ok()
    };
    seconds.or_else(until).map(|wait| wait.min(RETRY_AFTER_MAX))
}

/// S3's word for an error: the `Code` of its XML and the status.
fn s3_error(status: StatusCode, body: &str) -> String {
    let code = body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map(|(code, _)| code);
    match code.filter(|c| c.len() <= 60 && c.chars().all(|c| c.is_ascii_alphanumeric())) {
        Some(code) => format!("{} {code}", status.as_u16()),
        None => status.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_an_s3_error_is_found() {
        let xml = "<?xml version=\"1.0\"?><Error><Code>ExpiredToken</Code><Message>..</Message></Error>";
        assert_eq!(s3_error(StatusCode::BAD_REQUEST, xml), "400 ExpiredToken");
        assert_eq!(s3_error(StatusCode::FORBIDDEN, "<html>"), "403 Forbidden");
        assert_eq!(s3_error(StatusCode::FORBIDDEN, "<Code>\u{1b}[31m</Code>"), "403 Forbidden");
    }

    #[test]
    fn a_named_wait_is_honoured_within_reason() {
        let of = |pairs: &[(reqwest::header::HeaderName, &'static str)]| {
            retry_after(&pairs.iter().map(|(k, v)| (k.clone(), HeaderValue::from_static(v))).collect())
        };
        assert_eq!(of(&[(RETRY_AFTER, "7")]), Some(Duration::from_secs(7)));
        assert_eq!(of(&[(RETRY_AFTER, "86400")]), Some(RETRY_AFTER_MAX));
        assert_eq!(of(&[(RETRY_AFTER, "soon")]), None);
        let dated = [(RETRY_AFTER, "Fri, 20 Nov 2026 12:00:05 GMT"), (DATE, "Fri, 20 Nov 2026 12:00:00 GMT")];
        assert_eq!(of(&dated), Some(Duration::from_secs(5)));
    }
}
