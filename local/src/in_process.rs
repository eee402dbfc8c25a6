//! The stack without sockets, for a simulation that decides itself when a request arrives.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use crate::error::StartError;
use crate::options::{Endpoints, Options, Service};
use crate::stack::Stack;

/// What a connection holds of a body that the other end has not read yet.
const BUFFER_BYTES: usize = 64 * 1024;

/// Where every request comes from.
const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A request had no response: an injected fault has closed its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection was closed before a response")]
pub struct NoResponse;

impl Stack {
    /// A stack that can be reached by [`call`](Self::call) alone. It opens no socket, starts no
    /// thread and has no timers: what has expired is not found, and is never removed. The addresses
    /// of the options are not used.
    ///
    /// # Errors
    /// When the data directory cannot be used.
    pub async fn in_process(options: Options) -> Result<Self, StartError> {
        let endpoints = Endpoints {
            s3: "http://s3.in-process".to_owned(),
            sts: "http://s3.in-process".to_owned(),
            sqs: "http://sqs.in-process".to_owned(),
            dynamodb: "http://dynamodb.in-process".to_owned(),
        };
        Self::assemble(options, endpoints).await
    }

    /// The service that a host name of [`endpoints`](Self::endpoints) is of.
    #[must_use]
    pub fn service_at(&self, host: &str) -> Option<Service> {
        let is = |endpoint: &str| endpoint.strip_prefix("http://") == Some(host);
        let endpoints = self.endpoints();
        let services =
            [(&endpoints.s3, Service::S3), (&endpoints.sqs, Service::Sqs), (&endpoints.dynamodb, Service::DynamoDb)];
        services.into_iter().find(|(endpoint, _)| is(endpoint)).map(|(_, service)| service)
    }

    /// Sends one request over a connection of its own, and reads the whole response.
    ///
    /// # Errors
    /// [`NoResponse`].
    pub async fn call(&self, service: Service, request: Request<Bytes>) -> Result<Response<Bytes>, NoResponse> {
        let (near, far) = tokio::io::duplex(BUFFER_BYTES);
        let listeners = &self.listeners;
        let serving = match service {
            Service::S3 => tokio::spawn(Arc::clone(&listeners.s3).serve_connection(far, PEER)),
            Service::Sqs => tokio::spawn(Arc::clone(&listeners.sqs).serve_connection(far, PEER)),
            Service::DynamoDb => tokio::spawn(Arc::clone(&listeners.dynamodb).serve_connection(far, PEER)),
        };
        let response = exchange(near, request).await;
        serving.abort();
        response
    }
}

async fn exchange(stream: tokio::io::DuplexStream, request: Request<Bytes>) -> Result<Response<Bytes>, NoResponse> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|_| NoResponse)?;
    let connection = tokio::spawn(connection);
    let response = async {
        let response = sender.send_request(origin_form(request).map(Full::new)).await?;
        let (head, body) = response.into_parts();
        Ok::<_, hyper::Error>(Response::from_parts(head, body.collect().await?.to_bytes()))
    };
    let response = response.await.map_err(|_| NoResponse);
    connection.abort();
    response
}

/// As a client sends it to the service that its URL names: the host in a header, the rest as the
/// target.
fn origin_form(mut request: Request<Bytes>) -> Request<Bytes> {
    let uri = std::mem::take(request.uri_mut());
    if let Some(host) = uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok()) {
        request.headers_mut().entry(header::HOST).or_insert(host);
    }
    let target = uri.into_parts().path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
    *request.uri_mut() = target.into();
    request
}
