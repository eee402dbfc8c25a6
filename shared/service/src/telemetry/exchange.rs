//! Sends to the collector, over the HTTP client that the programs have anyway.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use reqwest::{Client, redirect};
use tokio::runtime::Handle;

use crate::certificates;

/// The largest answer that is read. A collector says next to nothing.
const ANSWER_MAX_BYTES: usize = 64 * 1024;

/// Sends requests of the exporters, which wait for them on threads of their own. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Exchange {
    client: Client,
    runtime: Handle,
    /// Whether the last request failed: an outage is one log line, and its end another.
    failing: Arc<AtomicBool>,
}

impl Exchange {
    /// # Errors
    /// A message for the operator.
    pub(super) fn new(timeout: Duration) -> Result<Self, String> {
        // An error means that the process already has a provider, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = Client::builder();
        // Without any, what goes by http still works.
        let builder = if certificates::are_there() { builder } else { builder.tls_certs_only([]) };
        let client = builder
            .user_agent(concat!("status-offload/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .timeout(timeout)
            .build()
            .map_err(|e| format!("the HTTP client for telemetry cannot be built: {e}"))?;
        Ok(Self { client, runtime: Handle::current(), failing: Arc::default() })
    }

    /// Sends a request, and logs when that begins to fail or to work again.
    ///
    /// # Errors
    /// Why there is no answer. An answer that refuses is none.
    pub(super) async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
        let (client, path) = (self.client.clone(), request.uri().path().to_owned());
        // The exporters' threads have no runtime.
        let sent = self.runtime.spawn(async move { exchange(&client, request).await }).await;
        let sent = sent.map_err(|e| e.to_string()).flatten();
        let refused = match &sent {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("answered {}", response.status().as_u16())),
            Err(e) => Some(e.clone()),
        };
        match refused {
            Some(error) if !self.failing.swap(true, Ordering::Relaxed) => {
                tracing::warn!(url.path = path, error, "cannot send telemetry; what does not fit into memory is lost");
            }
            None if self.failing.swap(false, Ordering::Relaxed) => {
                tracing::info!(url.path = path, "telemetry is sent again");
            }
            _ => {}
        }
        sent
    }
}

async fn exchange(client: &Client, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
    // Without the URL, which may hold a secret.
    let reason = |e: reqwest::Error| e.without_url().to_string();
    let request = reqwest::Request::try_from(request).map_err(reason)?;
    let mut answer = client.execute(request).await.map_err(reason)?;
    let mut response = Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        response = response.header(name, value);
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(reason)? {
        if body.len() + chunk.len() > ANSWER_MAX_BYTES {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    response.body(body.into()).map_err(|e| e.to_string())
}

#[async_trait]
impl HttpClient for Exchange {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        self.send(request).await.map_err(Into::into)
    }
}
