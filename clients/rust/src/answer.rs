//! One answer of the api, read whole.

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

/// The largest answer that is read: status objects have at most 10 KiB, problems less.
const LARGEST: usize = 1024 * 1024;

/// An answer, and when it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) exchange: Exchange,
}

impl Answer {
    /// Sends a request and reads the whole answer; or says why there is none.
    pub(crate) async fn to(request: RequestBuilder) -> Result<Self, String> {
        let sent_at = clock::now();
        let mut response = request.send().await.map_err(cause)?;
        let exchange = Exchange { sent_at, received_at: clock::now() };
        let (status, headers) = (response.status(), response.headers().clone());
        let text = body(&mut response).await?;
        Ok(Self { status, headers, text, exchange })
    }

    /// The body as JSON of some shape.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(&self.text).map_err(|_| {
            let status = self.status.as_u16();
            Error::Unreadable(format!("the answer ({status}) cannot be read: is it status-offload that listens there?"))
        })
    }

    /// The server's clock, to the second.
    pub(crate) fn date(&self) -> Option<DateTime<Utc>> {
        let text = self.headers.get(DATE)?.to_str().ok()?;
        DateTime::parse_from_rfc2822(text).ok().map(|d| d.to_utc())
    }
}

async fn body(response: &mut Response) -> Result<String, String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(cause)? {
        if bytes.len() + chunk.len() > LARGEST {
            return Err("the answer is too large".to_owned());
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).map_err(|_| "the answer is no text".to_owned())
}

/// The innermost reason of an error, without the URL: a presigned one is a secret.
pub(crate) fn cause(e: reqwest::Error) -> String {
    if e.is_timeout() {
        return "no answer in time".to_owned();
    }
    let e = e.without_url();
    let mut inner: &dyn std::error::Error = &e;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}
