//! The api as a Lambda function behind an HTTP API and a WebSocket API of API Gateway: the same
//! router, one request at a time.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use lambda_http::{Request, RequestExt as _, request::RequestContext, service_fn};
use offload_service::{
    metrics::EmfWriter,
    settings::{ApiSettings, EtaSettings},
};
use offload_stores::Stores;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::{push::gateway, router::router, service::Service};

/// Serves invocations until `stop`. The settings must name the public URL: a function has no
/// address of its own.
///
/// # Errors
/// If the settings cannot be used, or the runtime ends.
pub(crate) async fn serve(
    settings: ApiSettings,
    eta: EtaSettings,
    stores: Stores,
    stop: CancellationToken,
) -> io::Result<()> {
    let no_address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let service =
        Service { allows_long_polls: false, ..Service::new(settings, eta, stores, no_address, stop.clone())? };
    let service = Arc::new(service);
    let router = router(&service)?;
    let emf = service.settings.function_metrics.namespace.as_deref();
    let emf = emf.map(|namespace| Arc::new(EmfWriter::new(namespace, "offload-api")));
    let handler = service_fn(move |request: Request| {
        let (router, service, emf) = (router.clone(), Arc::clone(&service), emf.clone());
        async move {
            let response = match request.request_context_ref() {
                Some(RequestContext::WebSocket(context)) => {
                    let context = context.clone();
                    Ok(gateway::answer(&service, &context, request).await)
                }
                _ => router.oneshot(request).await,
            };
            // Once the answer is sent the function is frozen, whatever it is doing.
            service.background.wait().await;
            if let Some(emf) = emf {
                emf.write(&service.metrics_text());
            }
            response
        }
    });
    tokio::select! {
        ended = lambda_http::run(handler) => ended.map_err(io::Error::other),
        () = stop.cancelled() => Ok(()),
    }
}
