//! HTTP for the channels: no redirects, short timeouts, and errors that name no URL.

use std::{error::Error as _, time::Duration};

use offload_service::{certificates, trace};
use offload_stores::RequestSigner;
use reqwest::{Client, ClientBuilder, Response, StatusCode, redirect};
use tracing::Span;

use super::attempt::{AttemptResult, Failure};
use crate::retry_after::retry_after;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest that an answer may take, in all: what Standard Webhooks recommends at least.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// What all clients have in common.
pub(super) fn builder() -> ClientBuilder {
    // An error means that the process already has a provider, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder();
    // Without any, what goes by http still works.
    let builder = if certificates::are_there() { builder } else { builder.tls_certs_only([]) };
    builder
        .user_agent(concat!("status-offload/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(ANSWER_TIMEOUT)
}

/// Builds a client.
///
/// # Errors
/// If it cannot be built, for instance because the system has no root certificates.
pub(super) fn build(builder: ClientBuilder) -> Result<Client, String> {
    builder.build().map_err(|e| format!("the HTTP client cannot be built: {}", innermost(&e).unwrap_or(e.to_string())))
}

/// POSTs a body to a service of AWS. `headers` are signed too.
pub(super) async fn post_signed(
    http: &Client,
    signer: &RequestSigner,
    service: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: String,
) -> AttemptResult {
    let signed = match signer.sign(service, "POST", url, headers, body.as_bytes()).await {
        Ok(signed) => signed,
        Err(e) => return AttemptResult::failed(e.to_string()),
    };
    let mut request = http.post(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    for (name, value) in signed {
        request = request.header(name, value);
    }
    attempt_result(request.body(body).send().await)
}

/// Records in its span what a request came to.
pub(super) fn record_answer(span: &Span, answer: &Result<Response, reqwest::Error>) {
    match answer {
        Ok(response) => {
            span.record("http.response.status_code", i64::from(response.status().as_u16()));
            if !response.status().is_success() {
                trace::failed(span, response.status().as_str());
            }
        }
        Err(e) => trace::failed(span, if e.is_timeout() { "timeout" } else { "no answer" }),
    }
}

/// The result of a request. The body of the answer is not read: nothing in it matters, and it may
/// be endless.
pub(super) fn attempt_result(answer: Result<Response, reqwest::Error>) -> AttemptResult {
    let response = match answer {
        Ok(response) => response,
        Err(e) => return AttemptResult::failed(reason(&e)),
    };
    let status = response.status();
    let code = status.as_u16();
    if status.is_success() {
        return AttemptResult::Delivered { status: code };
    }
    if status == StatusCode::GONE {
        return AttemptResult::Gone { status: code };
    }
    let retry_after = retry_after(response.headers());
    let error = if status.is_redirection() {
        format!("answered {code}; redirects are not followed")
    } else {
        format!("answered {code}")
    };
    AttemptResult::Failed(Failure { status: Some(code), error, retry_after })
}

/// Why a request failed, without its URL.
fn reason(e: &reqwest::Error) -> String {
    if e.is_timeout() {
        return if e.is_connect() { "no connection in time" } else { "no answer in time" }.to_owned();
    }
    let what = if e.is_connect() { "cannot connect" } else { "the connection broke" };
    innermost(e).map_or_else(|| what.to_owned(), |cause| format!("{what}: {cause}"))
}

/// The innermost cause, which is the clearest: "connection refused", or an address that is not
/// allowed.
fn innermost(e: &reqwest::Error) -> Option<String> {
    std::iter::successors(e.source(), |&cause| cause.source()).last().map(ToString::to_string)
}
