//! Responses, read whole.

use std::fmt;

use chrono::{DateTime, Utc};
use reqwest::{
    RequestBuilder, Response, StatusCode,
    header::{DATE, HeaderMap},
};
use serde::de::DeserializeOwned;

use crate::{
    clock::{self, Exchange},
    error::Error,
};

/// The largest body that is read, in bytes: status objects have at most 10 KiB, problems less.
const BODY_MAX_BYTES: usize = 1024 * 1024;

/// A response of the api: what it holds, and the text that it was parsed from.
#[derive(Clone)]
#[non_exhaustive]
pub struct ApiResponse<T> {
    /// The body.
    pub body: T,
    /// The body as text, to the last digit.
    pub text: String,
    /// The HTTP status code.
    pub http_status: u16,
}

impl<T: fmt::Debug> fmt::Debug for ApiResponse<T> {
    /// Without the text, which holds secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiResponse")
            .field("body", &self.body)
            .field("http_status", &self.http_status)
            .finish_non_exhaustive()
    }
}

/// Any response, before it is parsed.
#[derive(Debug)]
pub(crate) struct TextResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) exchange: Exchange,
}

impl TextResponse {
    /// Sends a request and reads the whole response; or says why there is none.
    pub(crate) async fn to(request: RequestBuilder) -> Result<Self, String> {
        let sent_at = clock::now();
        let mut response = request.send().await.map_err(cause)?;
        let exchange = Exchange { sent_at, received_at: clock::now() };
        let (status, headers) = (response.status(), response.headers().clone());
        let text = text(&mut response).await?;
        Ok(Self { status, headers, text, exchange })
    }

    /// The body as JSON of this type.
    pub(crate) fn parse<T: DeserializeOwned>(self) -> Result<ApiResponse<T>, Error> {
        let http_status = self.status.as_u16();
        match serde_json::from_str(&self.text) {
            Ok(body) => Ok(ApiResponse { body, text: self.text, http_status }),
            Err(_) => Err(Error::InvalidResponse(format!(
                "the response ({http_status}) cannot be parsed: is it status-offload that answers there?"
            ))),
        }
    }

    /// The server's clock, to the second.
    pub(crate) fn date(&self) -> Option<DateTime<Utc>> {
        let text = self.headers.get(DATE)?.to_str().ok()?;
        DateTime::parse_from_rfc2822(text).ok().map(|d| d.to_utc())
    }
}

async fn text(response: &mut Response) -> Result<String, String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(cause)? {
        if bytes.len() + chunk.len() > BODY_MAX_BYTES {
            return Err("the response is too large".to_owned());
        }
        bytes.extend_from_slice(&chunk);
    }
    // Before JSON it may be ignored (RFC 8259 §8.1).
    if bytes.starts_with("\u{feff}".as_bytes()) {
        bytes.drain(..'\u{feff}'.len_utf8());
    }
    String::from_utf8(bytes).map_err(|_| "the response is not text".to_owned())
}

/// The innermost reason of an error, without the URL: a presigned one is a secret.
pub(crate) fn cause(e: reqwest::Error) -> String {
    if e.is_timeout() {
        return "no response in time".to_owned();
    }
    let e = e.without_url();
    let mut inner: &dyn std::error::Error = &e;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}
