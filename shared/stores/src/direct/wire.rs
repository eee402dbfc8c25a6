//! How the requests get to AWS.

use std::{sync::Arc, time::Duration};

use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use offload_service::certificates;
use rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::transport::Transport;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// The largest answer is ten messages of 1 MiB, which others may have sent, with each of their
/// characters escaped.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>
const ANSWER_MAX_BYTES: usize = 64 * 1024 * 1024;

/// Pooled connections. The direct calls and the SDK share them.
pub(crate) type Sockets = Client<HttpsConnector<HttpConnector>, SdkBody>;

/// Sends requests: over pooled connections, or by a transport of a simulation. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) enum Wire {
    Sockets(Box<Sockets>),
    Given(Arc<dyn Transport>),
}

impl Wire {
    /// Sends a request, and waits for its whole answer.
    ///
    /// # Errors
    /// The cause, for logs.
    pub(super) async fn send(&self, request: Request<SdkBody>) -> Result<(StatusCode, HeaderMap, Bytes), String> {
        match self {
            Self::Sockets(client) => {
                let answer = client.request(request).await.map_err(|e| chain(&e))?;
                let (head, body) = answer.into_parts();
                let body = Limited::new(body, ANSWER_MAX_BYTES).collect().await.map_err(|e| e.to_string())?;
                Ok((head.status, head.headers, body.to_bytes()))
            }
            Self::Given(transport) => {
                let (head, body) = request.into_parts();
                let body = ByteStream::new(body).collect().await.map_err(|e| e.to_string())?;
                let request = Request::from_parts(head, body.to_vec());
                let answer = transport.send(request).await.map_err(|e| e.to_string())?;
                let (head, body) = answer.into_parts();
                Ok((head.status, head.headers, body.into()))
            }
        }
    }
}

/// Connections by https, and by http to endpoints that have no other.
///
/// # Errors
/// A message for the operator, if there is no TLS.
pub(crate) fn sockets() -> Result<Sockets, String> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let tls = HttpsConnectorBuilder::new().with_tls_config(tls()?);
    let connector = tls.https_or_http().enable_http1().wrap_connector(tcp);
    let mut builder = Client::builder(TokioExecutor::new());
    builder.timer(TokioTimer::new()).pool_timer(TokioTimer::new());
    Ok(builder.build(connector))
}

fn tls() -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates::roots().iter().cloned());
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(config.map_err(|e| e.to_string())?.with_root_certificates(roots).with_no_client_auth())
}

/// An error with what it comes from: hyper's own words are "client error (Connect)".
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
