//! S3, and STS on the same listener. `s3s` parses, verifies and routes requests; this is the store
//! behind it, and what `s3s` leaves out.

mod access;
mod bucket;
mod buckets;
mod completion;
mod condition;
mod configuration;
mod copy;
mod cors;
mod error;
mod gate;
mod lifecycle;
mod listing;
mod multipart;
mod object;
mod operation;
mod read;
mod read_headers;
mod registry;
mod service;
mod tagging;
mod timestamp;
mod upload;
pub(crate) mod xml;

use std::sync::Arc;

use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Collected};
use hyper::body::Incoming;
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::{S3Service, S3ServiceBuilder};

use self::access::{Access, Keys};
use self::buckets::Buckets;
pub use self::lifecycle::LifecycleRun;
use self::registry::Registry;
use self::xml::ErrorResponse;
use crate::calls::Description;
use crate::clock::Clock;
use crate::faults::FaultStatus;
use crate::identity::Identities;
use crate::store::{self, Store};
use crate::sts::{self, Sts};
use crate::wire::{self, Body, Handler, set, text};

/// XML bodies: the largest lists are a batch of a thousand keys and ten thousand parts.
const MAX_XML_BYTES: usize = 4 * 1024 * 1024;
/// On top of an object's bytes, what signing adds to each chunk.
const CHUNK_OVERHEAD_BYTES: u64 = 1024 * 1024;

/// The S3 listener's service.
pub(crate) struct S3 {
    inner: S3Service,
    buckets: Buckets,
    identities: Arc<Identities>,
    sts: Sts,
}

impl S3 {
    /// Loads the buckets from the store.
    pub(crate) async fn open(
        store: Arc<Store>,
        identities: Arc<Identities>,
        clock: Clock,
        region: Arc<str>,
        sts: Sts,
    ) -> Result<Self, String> {
        let rows = store.run(store::buckets::load).await.map_err(|error| error.to_string())?;
        let registry = Arc::new(Registry::load(rows)?);
        let access = Access { registry: Arc::clone(&registry), identities: Arc::clone(&identities) };
        let buckets = Buckets { store, registry, access: access.clone(), clock, region };
        let mut builder = S3ServiceBuilder::new(buckets.clone());
        builder.set_auth(Keys(Arc::clone(&identities)));
        builder.set_access(access);
        let mut config = S3Config::default();
        config.xml_max_body_size = MAX_XML_BYTES;
        // The gate checks skew by the service's own clock, which a fault may have shifted.
        config.presigned_url_max_skew_time_secs = u32::MAX;
        builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
        Ok(Self { inner: builder.build(), buckets, identities, sts })
    }

    /// The lifecycle rules' own handle, for the timer.
    pub(crate) fn lifecycle(&self) -> Lifecycles {
        Lifecycles(self.buckets.clone())
    }

    async fn serve(&self, mut head: Parts, body: s3s::Body) -> Response<Body> {
        let denied = |error: ErrorResponse| error.into_response();
        match gate::admit(&head, &self.identities, wire::service_time(&head)) {
            Err(error) => return denied(error),
            Ok(None) => {}
            Ok(Some(caller)) => drop(head.extensions.insert(caller)),
        }
        read_headers::prepare(&mut head);
        if is_form_upload(&head) {
            return denied(ErrorResponse::new(
                StatusCode::NOT_IMPLEMENTED,
                "NotImplemented",
                "Uploads by HTML form are not implemented.",
            ));
        }
        let stated = text(&head.headers, "content-length").and_then(|length| length.parse::<u64>().ok());
        if stated.is_some_and(|length| length > upload::MAX_BODY_BYTES as u64 + CHUNK_OVERHEAD_BYTES) {
            return denied(ErrorResponse::bad_request(
                "EntityTooLarge",
                "Your proposed upload exceeds the maximum allowed size",
            ));
        }
        match self.inner.call(Request::from_parts(head, body)).await {
            Ok(response) => response.map(|body| body.map_err(Into::into).boxed_unsync()),
            Err(error) => {
                tracing::error!(error = ?error, "s3 request failed");
                denied(ErrorResponse::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "InternalError",
                    "We encountered an internal error. Please try again.",
                ))
            }
        }
    }
}

#[async_trait::async_trait]
impl Handler for S3 {
    fn operation(&self, head: &Parts) -> &'static str {
        operation::name(head)
    }

    fn describe(&self, head: &Parts, body: &[u8]) -> Description {
        if operation::is_sts(head) { sts::describe(body) } else { operation::describe(head) }
    }

    async fn injected_error(&self, head: &Parts, status: FaultStatus) -> Response<Body> {
        let error = match status {
            FaultStatus::Internal => ErrorResponse::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "InternalError",
                "We encountered an internal error. Please try again.",
            ),
            FaultStatus::Unavailable => {
                ErrorResponse::new(StatusCode::SERVICE_UNAVAILABLE, "SlowDown", "Please reduce your request rate.")
            }
        };
        ResponseContext::of(head).finish(&self.buckets.registry, error.into_response()).await
    }

    async fn respond(&self, request: Request<Incoming>) -> Response<Body> {
        let (head, body) = request.into_parts();
        if operation::is_sts(&head) {
            return self.sts.respond(head, body).await;
        }
        let context = ResponseContext::of(&head);
        let response = if head.method == Method::OPTIONS {
            cors::preflight(&self.buckets.registry, &head)
        } else {
            self.serve(head, s3s::Body::from(body)).await
        };
        context.finish(&self.buckets.registry, response).await
    }
}

/// What every response needs of its request.
struct ResponseContext {
    method: Method,
    path: String,
    origin: Option<HeaderValue>,
}

impl ResponseContext {
    fn of(head: &Parts) -> Self {
        Self {
            method: head.method.clone(),
            path: head.uri.path().to_owned(),
            origin: head.headers.get(header::ORIGIN).cloned(),
        }
    }

    /// Completes a response: ids, CORS headers, the rest of an error, and no body where there must
    /// be none.
    async fn finish(self, registry: &Registry, response: Response<Body>) -> Response<Body> {
        let id = wire::request_id();
        let (mut head, mut body) = response.into_parts();
        if head.status == StatusCode::NOT_MODIFIED {
            body = wire::empty();
            head.headers.remove(header::CONTENT_TYPE);
            head.headers.remove(header::CONTENT_LENGTH);
        } else if head.status.is_client_error() || head.status.is_server_error() {
            // Errors are small and in memory: reading them does not wait.
            let written = body.collect().await.map(Collected::to_bytes).unwrap_or_default();
            let completed = std::str::from_utf8(&written).ok().and_then(|xml| xml::completed(xml, &id));
            head.headers.remove(header::CONTENT_LENGTH);
            body = wire::full(completed.map_or(written, Into::into));
        }
        set(&mut head.headers, "x-amz-request-id", &id);
        set(&mut head.headers, "x-amz-id-2", xml::HOST_ID);
        head.headers.insert(header::SERVER, HeaderValue::from_static("AmazonS3"));
        if self.method != Method::OPTIONS {
            let origin = self.origin.as_ref().and_then(|origin| origin.to_str().ok());
            cors::decorate(registry, &self.path, &self.method, origin, &mut head.headers);
        }
        Response::from_parts(head, body)
    }
}

/// A browser's form upload carries its signature in the form, which the gate does not read.
fn is_form_upload(head: &Parts) -> bool {
    head.method == Method::POST
        && text(&head.headers, "content-type").is_some_and(|kind| kind.starts_with("multipart/form-data"))
}

/// Runs every bucket's lifecycle rules.
#[derive(Clone)]
pub(crate) struct Lifecycles(Buckets);

impl Lifecycles {
    pub(crate) async fn run(&self) -> Result<LifecycleRun, String> {
        lifecycle::run(&self.0).await.map_err(|error| error.to_string())
    }
}
