//! The HTTP client of the SDK, over the connections of the direct calls.

use std::time::Duration;

use aws_smithy_runtime_api::client::{
    http::{
        HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
        http_client_fn,
    },
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;
use tokio::time::timeout;

use crate::direct::Sockets;

/// The client. Connections are opened within a second, whatever the SDK's settings say.
pub(crate) fn http_client(sockets: Result<Sockets, String>) -> SharedHttpClient {
    http_client_fn(move |settings: &HttpConnectorSettings, _: &RuntimeComponents| {
        connector(sockets.clone(), settings.read_timeout())
    })
}

/// Sends single requests, whose answers begin within `read_timeout`.
pub(crate) fn connector(sockets: Result<Sockets, String>, read_timeout: Option<Duration>) -> SharedHttpConnector {
    SharedHttpConnector::new(Connector { sockets, read_timeout })
}

#[derive(Debug)]
struct Connector {
    sockets: Result<Sockets, String>,
    read_timeout: Option<Duration>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (sockets, read_timeout) = (self.sockets.clone(), self.read_timeout);
        HttpConnectorFuture::new(async move {
            let sockets = sockets.map_err(|e| ConnectorError::user(e.into()))?;
            let request = request.try_into_http1x().map_err(|e| ConnectorError::user(e.into()))?;
            let asked = sockets.request(request);
            let answer = match read_timeout {
                Some(longest) => timeout(longest, asked).await.map_err(|e| ConnectorError::timeout(e.into()))?,
                None => asked.await,
            };
            // Whatever breaks a connection may be tried again.
            let answer = answer.map_err(|e| ConnectorError::io(e.into()))?;
            HttpResponse::try_from(answer.map(SdkBody::from_body_1_x))
                .map_err(|e| ConnectorError::other(e.into(), None))
        })
    }
}
