//! Work done behind a URL: the order is POSTed there, and the answer is the result.
//!
//! The body is the document that a program gets on its standard input (`id`, `created_at`,
//! `order`), and the header `Idempotency-Key` has the order's id: the same order may be POSTed more
//! than once. An endpoint that reports progress answers with `application/x-ndjson` and the lines
//! of the `command` protocol; any other answer is the result as one JSON value, or no body for
//! none. 408, 425, 429, 5xx and a broken connection are tried again, and every other status code
//! fails the order, a redirect too: a POST that is followed elsewhere may lose its body on the way.
//!
//! Nothing limits the time of an answer but the worker's own job timeout; the request ends with the
//! attempt.

mod answer;
#[cfg(test)]
mod tests;

use std::{error::Error as _, fmt, time::Duration};

use async_trait::async_trait;
use offload_domain::{order::Order, trace::TraceContext};
use offload_service::{
    certificates,
    settings::{Errors, ProcessorSettings, catalogue::HTTP_URL},
    trace, trace_call,
};
use reqwest::{
    Client,
    header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE},
    redirect,
};
use tracing::{Instrument as _, field::Empty};
use url::Url;

use super::{
    contract::{Outcome, ProcessError, Processor},
    document::document,
    entry::{Chosen, Entry, required, usable},
    progress::Progress,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// An endpoint may be silent for the whole job: only probes prove that it is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// The processor `http`.
pub const ENTRY: Entry =
    Entry { name: "http", about: "an HTTP endpoint, which gets a POST per order", settings: &[HTTP_URL], build };

fn build(settings: &ProcessorSettings, errors: &mut Errors<'_>) -> Option<Chosen> {
    let text = required(HTTP_URL, settings.http_url.as_ref(), errors)?;
    let url = usable(HTTP_URL, Url::parse(text), "is not an http or https URL", errors)?;
    // Without what often holds secrets.
    let work = format!("http: {}{}", url.origin().ascii_serialization(), url.path());
    let processor = usable(HTTP_URL, HttpProcessor::new(url), "cannot be used", errors)?;
    Some(Chosen::new(&ENTRY, processor, work))
}

/// Has an HTTP endpoint work on orders.
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
    /// It is https, and there is nothing to check the endpoint by.
    #[error("{}", certificates::MISSING)]
    NoCertificates,
    /// The client for it cannot be built, for instance because the system has no root certificates.
    #[error("the HTTP client cannot be built: {0}{cause}", cause = .0.source().map(|e| format!(": {e}")).unwrap_or_default())]
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
        // An error means that the process already has a provider, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        if url.scheme() == "https" && !certificates::are_there() {
            return Err(InvalidEndpoint::NoCertificates);
        }
        let builder = Client::builder();
        let builder = if certificates::are_there() { builder } else { builder.tls_certs_only([]) };
        let client = builder
            .user_agent(concat!("status-offload/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_keepalive(KEEPALIVE)
            .build()
            .map_err(InvalidEndpoint::Client)?;
        Ok(Self { client, url })
    }

    async fn post(&self, order: &Order, progress: &Progress) -> Result<Outcome, ProcessError> {
        let mut request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json, application/x-ndjson, application/problem+json")
            // Nothing here decodes. Without the header anything would be acceptable (RFC 9110
            // §12.5.3).
            .header(ACCEPT_ENCODING, "identity")
            .header("idempotency-key", order.id.to_string())
            .header("offload-attempt", order.attempt.to_string())
            .body(document(order));
        let span = trace_call!(
            "call",
            otel.name = "POST",
            otel.kind = "client",
            otel.status_code = Empty,
            error.type = Empty,
            http.request.method = "POST",
            http.response.status_code = Empty,
            server.address = self.url.host_str(),
            server.port = self.url.port_or_known_default().map(i64::from),
        );
        let own = trace::of(&span);
        for (name, value) in own.as_ref().or(order.trace.as_ref()).into_iter().flat_map(TraceContext::headers) {
            request = request.header(name, value);
        }
        let own = span.clone();
        let answered = async move {
            let response = request.send().await.map_err(|e| {
                trace::failed(&own, if e.is_timeout() { "timeout" } else { "no answer" });
                answer::broken(order, e)
            })?;
            own.record("http.response.status_code", i64::from(response.status().as_u16()));
            if !response.status().is_success() {
                trace::failed(&own, response.status().as_str());
            }
            answer::read(order, response, progress).await
        };
        answered.instrument(span).await
    }
}

#[async_trait]
impl Processor for HttpProcessor {
    async fn process(&self, order: &Order, progress: &Progress) -> Result<Outcome, ProcessError> {
        tokio::select! {
            biased;
            outcome = self.post(order, progress) => outcome,
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
