//! HTTP for the channels: no redirects, short limits, and errors that name no URL.

use std::{error::Error as _, time::Duration};

use offload_stores::RequestSigner;
use reqwest::{Client, ClientBuilder, Response, StatusCode, header::RETRY_AFTER, redirect};

use super::{Failure, Outcome};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest that an answer may take, in all: what Standard Webhooks recommends at least.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// What all clients have in common.
pub(super) fn builder() -> ClientBuilder {
    // An error means that the process has a provider already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .user_agent(concat!("status-offload/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(ANSWER_TIMEOUT)
}

/// A client for addresses that the operator has set.
pub(super) fn plain() -> Result<Client, String> {
    builder().build().map_err(|e| format!("no HTTP client can be made: {e}"))
}

/// POSTs a body to AWS, signed for a service of it. `headers` are signed too.
pub(super) async fn post_signed(
    http: &Client,
    signer: &RequestSigner,
    service: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: String,
) -> Outcome {
    let signed = match signer.sign(service, "POST", url, headers, body.as_bytes()).await {
        Ok(signed) => signed,
        Err(e) => return Outcome::Failed(Failure { status: None, error: e.to_string(), retry_after: None }),
    };
    let mut request = http.post(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    for (name, value) in signed {
        request = request.header(name, value);
    }
    outcome(request.body(body).send().await)
}

/// What a request came to. The body of the answer is not read: nothing in it matters, and it may be endless.
pub(super) fn outcome(answer: Result<Response, reqwest::Error>) -> Outcome {
    let response = match answer {
        Ok(response) => response,
        Err(e) => return Outcome::Failed(Failure { status: None, error: words(&e), retry_after: None }),
    };
    let status = response.status();
    let code = status.as_u16();
    if status.is_success() {
        return Outcome::Delivered { status: code };
    }
    if status == StatusCode::GONE {
        return Outcome::Gone { status: code };
    }
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()?.trim().parse().ok());
    let error = if status.is_redirection() {
        format!("answered {code}; redirects are not followed")
    } else {
        format!("answered {code}")
    };
    Outcome::Failed(Failure { status: Some(code), error, retry_after: retry_after.map(Duration::from_secs) })
}

/// What went wrong, without the URL.
fn words(e: &reqwest::Error) -> String {
    if e.is_timeout() {
        return if e.is_connect() { "no connection in time" } else { "no answer in time" }.to_owned();
    }
    // The innermost cause says it best: "connection refused", or that the address is not allowed.
    let mut cause = e.source();
    let mut innermost = None;
    while let Some(inner) = cause {
        innermost = Some(inner);
        cause = inner.source();
    }
    let what = if e.is_connect() { "cannot connect" } else { "the exchange broke off" };
    innermost.map_or_else(|| what.to_owned(), |inner| format!("{what}: {inner}"))
}
