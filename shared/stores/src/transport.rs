//! How requests get to AWS where they do not go over sockets: in a simulation, which decides
//! whether and when they arrive.

use std::{fmt::Debug, future::Future, pin::Pin, sync::Arc};

use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};

/// An answer that is on its way.
pub type Answer = Pin<Box<dyn Future<Output = Result<http::Response<Vec<u8>>, Unreachable>> + Send>>;

/// Carries requests to AWS, each with its whole body and a URL with its host.
pub trait Transport: Debug + Send + Sync + 'static {
    /// Sends a request.
    fn send(&self, request: http::Request<Vec<u8>>) -> Answer;
}

/// The connection was closed before an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection was closed before an answer")]
pub struct Unreachable;

/// The HTTP client of the SDK that sends by this transport.
pub(crate) fn http_client(transport: Arc<dyn Transport>) -> aws_smithy_runtime_api::client::http::SharedHttpClient {
    let connector = SharedHttpConnector::new(Connector(transport));
    http_client_fn(move |_: &HttpConnectorSettings, _: &RuntimeComponents| connector.clone())
}

#[derive(Debug)]
struct Connector(Arc<dyn Transport>);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let transport = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move {
            let (head, body) = request.try_into_http1x().map_err(|e| ConnectorError::user(e.into()))?.into_parts();
            let body = ByteStream::new(body).collect().await.map_err(|e| ConnectorError::user(e.into()))?;
            let request = http::Request::from_parts(head, body.to_vec());
            let answer = transport.send(request).await.map_err(|e| ConnectorError::io(e.into()))?;
            HttpResponse::try_from(answer.map(SdkBody::from)).map_err(|e| ConnectorError::other(e.into(), None))
        })
    }
}
