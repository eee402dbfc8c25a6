//! Work done behind a URL: the order is POSTed there, and the answer is the result.
//!
//! The body is the document that a program gets on its standard input (`id`, `created_at`, `order`), and the header
//! `Idempotency-Key` has the order's id: the same order may be POSTed more than once. An endpoint that wants to tell
//! progress answers with `application/x-ndjson` and the lines of the `command` protocol; any other answer is the result as
//! one JSON value, or no body for none. 408, 425, 429, 5xx and a broken connection are tried again, and every other
//! status code fails the order, a redirect too: a POST that is followed elsewhere may lose its body on the way.
//!
//! Nothing limits the time of an answer but the worker's own job timeout; the request ends with the attempt.

use std::{error::Error as _, fmt, time::Duration};

use async_trait::async_trait;
use offload_domain::{order::Order, trace::is_traceparent};
use reqwest::{
    Client, Response, StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
    redirect,
};
use serde_json::Value;
use url::Url;

use super::{
    Outcome, ProcessError, Processor, Progress,
    dialogue::{Bounds, Breach, Dialogue},
    document::document,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// An endpoint may be silent for the whole job: only probes show that it is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);
const ANSWER: &str = "the endpoint's answer";
const BOUNDS: Bounds = Bounds { line_bytes: 1024 * 1024, total_bytes: 16 * 1024 * 1024 };
/// The most that is read of the body of an error.
const PROBLEM_MAX_BYTES: usize = 64 * 1024;

/// Has orders worked on by an HTTP endpoint.
#[derive(Clone)]
pub struct HttpProcessor {
    client: Client,
    url: Url,
}

/// The URL cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidEndpoint {
    /// Neither http nor https, or without a host.
    #[error("it must be an http or https URL")]
    Url,
    /// The client for it cannot be made, for instance because the system has no root certificates.
    #[error("the HTTP client cannot be made: {0}{cause}", cause = .0.source().map(|e| format!(": {e}")).unwrap_or_default())]
    Client(reqwest::Error),
}

impl HttpProcessor {
    /// POSTs to this URL. `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` are honoured.
    ///
    /// # Errors
    /// If the URL cannot be used.
    pub fn new(url: Url) -> Result<Self, InvalidEndpoint> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidEndpoint::Url);
        }
        // An error means that the process has a provider already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("status-offload/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_keepalive(KEEPALIVE)
            .build()
            .map_err(InvalidEndpoint::Client)?;
        Ok(Self { client, url })
    }

    async fn ask(&self, order: &Order, progress: &Progress) -> Result<Outcome, ProcessError> {
        let mut request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json, application/x-ndjson, application/problem+json")
            .header("idempotency-key", order.id.to_string())
            .body(document(order));
        if let Some(traceparent) = order.traceparent.as_deref().filter(|t| is_traceparent(t)) {
            request = request.header("traceparent", traceparent);
        }
        let response = request.send().await.map_err(|e| broken(order, e))?;
        match (response.status(), media_type(&response).as_str()) {
            (status, media) if !status.is_success() => Err(refusal(status, media, response).await),
            (_, "application/x-ndjson") => converse(order, response, progress).await,
            _ => single(order, response).await,
        }
    }
}

#[async_trait]
impl Processor for HttpProcessor {
    async fn process(&self, order: &Order, progress: &Progress) -> Result<Outcome, ProcessError> {
        tokio::select! {
            biased;
            outcome = self.ask(order, progress) => outcome,
            () = progress.stopped() => Err(ProcessError::stopped()),
        }
    }
}

/// Without the URL's user information and query, which often hold secrets.
impl fmt::Debug for HttpProcessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpProcessor").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

fn media_type(response: &Response) -> String {
    let value = response.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Reads the lines of an answer as they come.
async fn converse(order: &Order, mut response: Response, progress: &Progress) -> Result<Outcome, ProcessError> {
    let mut dialogue = Dialogue::new(ANSWER, BOUNDS);
    let mut report = |percent, message: Option<&str>| progress.report(percent, message);
    while let Some(chunk) = response.chunk().await.map_err(|e| broken(order, e))? {
        dialogue.take(&chunk, &mut report)?;
    }
    dialogue.finish(&mut report)?;
    match dialogue.complaint() {
        Some(complaint) => Err(complaint.into_error(false)),
        None => Ok(dialogue.outcome()),
    }
}

/// Reads an answer of one JSON value, or of nothing.
async fn single(order: &Order, mut response: Response) -> Result<Outcome, ProcessError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| broken(order, e))? {
        if body.len() + chunk.len() > BOUNDS.total_bytes {
            return Err(Breach::TooMuch { of: ANSWER, max: BOUNDS.total_bytes }.into());
        }
        body.extend_from_slice(&chunk);
    }
    if body.trim_ascii().is_empty() {
        return Ok(Outcome::Value(None));
    }
    let value = serde_json::from_slice(&body).map_err(|_| ProcessError::protocol(format!("{ANSWER} is not JSON")))?;
    Ok(Outcome::Value(Some(value)))
}

/// What an answer outside of 2xx means.
async fn refusal(status: StatusCode, media: &str, response: Response) -> ProcessError {
    let told = if media == "application/problem+json" { problem_detail(response).await } else { None };
    let detail = told.unwrap_or_else(|| match status.as_u16() {
        300..400 => format!("the endpoint answered {}, and redirects are not followed", status.as_u16()),
        code => format!("the endpoint answered {code}"),
    });
    if is_retryable(status) { ProcessError::retryable(detail) } else { ProcessError::failed(detail) }
}

/// 408, 425 and 429 ask for another attempt, 5xx are the endpoint's own trouble.
fn is_retryable(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429)
}

async fn problem_detail(mut response: Response) -> Option<String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        body.extend_from_slice(&chunk);
        if body.len() > PROBLEM_MAX_BYTES {
            return None;
        }
    }
    let problem: Value = serde_json::from_slice(&body).ok()?;
    Some(problem.get("detail")?.as_str()?.to_owned())
}

/// The connection's own error is for the log: it names hosts and addresses.
fn broken(order: &Order, error: reqwest::Error) -> ProcessError {
    let detail = if error.is_connect() {
        "the endpoint cannot be reached"
    } else {
        "the connection to the endpoint broke before its answer was complete"
    };
    let error = error.without_url();
    let cause = std::iter::successors(error.source(), |&e| e.source()).last();
    tracing::warn!(order.id = %order.id, %error, cause = cause.map(tracing::field::display), "{detail}");
    ProcessError::retryable(detail)
}

#[cfg(test)]
mod tests;
