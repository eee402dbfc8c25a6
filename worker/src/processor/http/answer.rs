//! What an endpoint's answer means.

use std::error::Error as _;

use offload_domain::{json::without_mark, order::Order};
use reqwest::{
    Response, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};
use serde_json::Value;

use super::super::{
    contract::{Outcome, ProcessError},
    output::{OutputLimits, OutputReader, ProtocolError},
    progress::Progress,
    result_text::ResultText,
};
use crate::retry_after::retry_after;

const ANSWER: &str = "the endpoint's answer";
const LIMITS: OutputLimits = OutputLimits { line_bytes: 1024 * 1024, total_bytes: 16 * 1024 * 1024 };
/// The media types of JSON lines, none of which is registered.
const LINES: [&str; 6] = [
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
    "application/x-jsonl",
    "application/jsonlines",
    "application/x-jsonlines",
];
/// The most that is read of the body of an error.
const PROBLEM_MAX_BYTES: usize = 64 * 1024;

/// Reads an answer to its end.
pub(super) async fn read(order: &Order, response: Response, progress: &Progress) -> Result<Outcome, ProcessError> {
    match (response.status(), media_type(&response).as_str()) {
        (status, _) if status.is_success() && is_encoded(&response) => {
            Err(ProcessError::protocol("the endpoint's answer has a content coding that was not asked for"))
        }
        (status, media) if !status.is_success() => Err(refusal(status, media, response).await),
        (_, media) if LINES.contains(&media) => read_lines(order, response, progress).await,
        _ => read_value(order, response).await,
    }
}

fn is_encoded(response: &Response) -> bool {
    let codings = response.headers().get_all(CONTENT_ENCODING).iter();
    codings.into_iter().any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn media_type(response: &Response) -> String {
    let value = response.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Reads the lines of an answer as they come.
async fn read_lines(order: &Order, mut response: Response, progress: &Progress) -> Result<Outcome, ProcessError> {
    let mut reader = OutputReader::new(ANSWER, LIMITS).with_log(progress.work_log());
    let mut report = |percent, message: Option<&str>| progress.report(percent, message);
    while let Some(chunk) = response.chunk().await.map_err(|e| broken(order, e))? {
        reader.take(&chunk, &mut report)?;
    }
    reader.finish(&mut report)?;
    match reader.take_error() {
        Some(error) => Err(error.into_process_error(false)),
        None => reader.into_outcome().await,
    }
}

/// Reads an answer of one JSON value, or of nothing.
async fn read_value(order: &Order, mut response: Response) -> Result<Outcome, ProcessError> {
    let (mut result, mut bytes) = (ResultText::new(), 0);
    while let Some(chunk) = response.chunk().await.map_err(|e| broken(order, e))? {
        bytes += chunk.len();
        if bytes > LIMITS.total_bytes {
            return Err(ProtocolError::TooMuch { of: ANSWER, max: LIMITS.total_bytes }.into());
        }
        result.add(&chunk).await?;
    }
    result.finish(ANSWER).await
}

/// What an answer outside of 2xx means.
async fn refusal(status: StatusCode, media: &str, response: Response) -> ProcessError {
    let wait = retry_after(response.headers());
    let detail = if media == "application/problem+json" { problem_detail(response).await } else { None };
    let detail = detail.unwrap_or_else(|| match status.as_u16() {
        300..400 => format!("the endpoint answered {}, and redirects are not followed", status.as_u16()),
        code => format!("the endpoint answered {code}"),
    });
    if is_retryable(status) { ProcessError::retryable(detail).after(wait) } else { ProcessError::failed(detail) }
}

/// 408, 425 and 429 ask for another attempt, 5xx are faults of the endpoint.
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
    let problem: Value = serde_json::from_slice(without_mark(&body)).ok()?;
    Some(problem.get("detail")?.as_str()?.to_owned())
}

/// The connection's own error is for the log: it names hosts and addresses.
pub(super) fn broken(order: &Order, error: reqwest::Error) -> ProcessError {
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
