//! The client.

use std::{fmt, sync::Arc, time::Duration};

use serde::Serialize;
use url::Url;

use crate::{
    batch::{self, BatchReceipt},
    credentials::Credentials,
    error::Error,
    http::Http,
    receipt::Receipt,
    response::{ApiResponse, cause},
    retry::{OnRetry, Retry},
    status::{Status, StatusObject},
    submit::{Submit, key_header},
    updates::Updates,
    view::StatusView,
};

/// Submits orders to one service and waits for them. Cheap to clone; clones share what they know of
/// the service's clock.
///
/// It holds no state that matters: a [`Receipt`] is all that is needed after a restart, with any
/// client.
#[derive(Clone, Debug)]
pub struct Client {
    http: Arc<Http>,
}

/// Builds a [`Client`].
#[derive(Default)]
pub struct Builder {
    http: Option<reqwest::Client>,
    on_retry: Option<OnRetry>,
    no_push: bool,
    credentials: Option<Credentials>,
}

impl Builder {
    /// Sends requests with this client. It must not add credentials: S3 refuses a presigned URL
    /// that comes with any.
    #[must_use]
    pub fn http(mut self, http: reqwest::Client) -> Self {
        self.http = Some(http);
        self
    }

    /// Sends this API key, or any token that does not change, to the api; never to S3.
    #[must_use]
    pub fn key(self, key: impl Into<String>) -> Self {
        let key = key.into();
        self.credentials(move || std::future::ready(Ok::<_, std::convert::Infallible>(key.clone())))
    }

    /// Sends what `source` gives, such as an access token, to the api as `Authorization: Bearer`;
    /// never to S3. It is asked before the first request, and again when the api answers 401.
    #[must_use]
    pub fn credentials<F, E>(mut self, source: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<String, E>> + Send + 'static,
        E: fmt::Display,
    {
        self.credentials = Some(Credentials::new(source));
        self
    }

    /// Whether to subscribe to status updates where the service pushes them; `true` by default.
    /// Otherwise the status object is polled by the schedule.
    #[must_use]
    pub fn push(mut self, push: bool) -> Self {
        self.no_push = !push;
        self
    }

    /// Calls `callback` with each failure that is retried, before the wait.
    #[must_use]
    pub fn on_retry(mut self, callback: impl Fn(&Retry) + Send + Sync + 'static) -> Self {
        self.on_retry = Some(Arc::new(callback));
        self
    }

    /// The client of the api at `api`, such as `https://api.example.com`; a path is kept. Sends
    /// nothing yet.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] if that is no http or https URL, or TLS cannot be set up.
    pub fn build(self, api: &str) -> Result<Client, Error> {
        let url = Url::parse(api).ok().filter(|u| matches!(u.scheme(), "http" | "https") && u.host().is_some());
        let url = url.filter(|u| u.query().is_none() && u.fragment().is_none());
        let url =
            url.ok_or_else(|| Error::InvalidInput("the api's URL is http://HOST:PORT or https://HOST".to_owned()));
        let api = url?.as_str().trim_end_matches('/').to_owned();
        let http = match self.http {
            Some(http) => http,
            None => reqwest_client()?,
        };
        Ok(Client { http: Arc::new(Http::new(http, api, self.on_retry, !self.no_push, self.credentials)) })
    }
}

fn reqwest_client() -> Result<reqwest::Client, Error> {
    // An error means that the program has installed its own provider, which serves as well.
    drop(rustls::crypto::ring::default_provider().install_default());
    let builder = || {
        reqwest::Client::builder()
            .user_agent(concat!("offload-client/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(5))
            .read_timeout(Duration::from_secs(60))
    };
    // On a machine without root certificates a service can still be reached by http.
    builder()
        .build()
        .or_else(|_| builder().tls_certs_only([]).build())
        .map_err(|e| Error::InvalidInput(format!("cannot set up HTTP: {}", cause(e))))
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").finish_non_exhaustive()
    }
}

impl Client {
    /// A client of the api at `api`, with default settings.
    ///
    /// # Errors
    /// As [`Builder::build`].
    pub fn new(api: &str) -> Result<Self, Error> {
        Self::builder().build(api)
    }

    /// A client with settings of your own.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Submits an order. Retries while the service does not respond or asks to try again later,
    /// always with the same idempotency key, so that it is one order.
    pub fn submit(&self, order: &impl Serialize) -> Submit<'_> {
        Submit::new(&self.http, order)
    }

    /// Submits an order that is JSON text, options included. It is sent as it is, to the last
    /// digit.
    pub fn submit_json(&self, order: &str) -> Submit<'_> {
        Submit::json(&self.http, order)
    }

    /// Submits up to 1,000 orders at once, each of which gets its own result. Retries as
    /// [`submit`](Self::submit) does, with the same idempotency key.
    ///
    /// # Errors
    /// [`Error::Problem`] if the batch is refused as a whole, [`Error::Unreachable`],
    /// [`Error::InvalidInput`] if an order cannot be written as JSON.
    pub async fn submit_all(&self, orders: &[impl Serialize]) -> Result<BatchReceipt, Error> {
        let text = serde_json::to_string(orders);
        let text = text.map_err(|e| Error::InvalidInput(format!("the orders cannot be written as JSON: {e}")))?;
        self.submit_all_json(&text, None).await.map(|response| response.body)
    }

    /// The same for orders that are JSON text: an array, or JSON lines. They are sent as they are.
    /// The same key gives the same orders; by default each call has a new one.
    ///
    /// # Errors
    /// As [`submit_all`](Self::submit_all).
    pub async fn submit_all_json(&self, orders: &str, key: Option<&str>) -> Result<ApiResponse<BatchReceipt>, Error> {
        let key = key.map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned);
        self.http.submit_all(orders, batch::media_type(orders), &key_header(&key)?).await
    }

    /// Waits for the final status of an order, or of a group: `completed`, `failed` or `cancelled`.
    /// For a time limit see [`Updates::timeout`].
    ///
    /// # Errors
    /// [`Error::Problem`] if the api does not know the order or its token, [`Error::Unreachable`]
    /// if S3 does not respond for about a minute, [`Error::UrlRefused`] if S3 refuses even a fresh
    /// URL.
    pub async fn wait(&self, receipt: &Receipt) -> Result<StatusObject, Error> {
        self.updates(receipt).wait().await
    }

    /// The status updates of an order, up to the final status.
    pub fn updates(&self, receipt: &Receipt) -> Updates {
        Updates::new(Arc::clone(&self.http), receipt.clone())
    }

    /// The status of an order as the api reports it, with fresh URLs. To be called once;
    /// [`wait`](Self::wait) costs the service less.
    ///
    /// # Errors
    /// [`Error::Problem`], [`Error::Unreachable`].
    pub async fn status(&self, receipt: &Receipt) -> Result<StatusView, Error> {
        self.status_response(receipt).await.map(|response| response.body)
    }

    /// As [`status`](Self::status), with the api's whole response.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub async fn status_response(&self, receipt: &Receipt) -> Result<ApiResponse<StatusView>, Error> {
        self.http.status(receipt).await
    }

    /// Requests the cancellation of an order. One that is in work ends within seconds.
    /// Callers that wait for it with this client are notified.
    ///
    /// # Errors
    /// [`Error::Problem`] with the slug `order-already-ended` if the order is completed or failed;
    /// [`Error::Unreachable`].
    pub async fn cancel(&self, receipt: &Receipt) -> Result<StatusView, Error> {
        self.cancel_response(receipt).await.map(|response| response.body)
    }

    /// As [`cancel`](Self::cancel), with the api's whole response: 202 for the first request, 200
    /// if the order was cancelled before.
    ///
    /// # Errors
    /// As [`cancel`](Self::cancel).
    pub async fn cancel_response(&self, receipt: &Receipt) -> Result<ApiResponse<StatusView>, Error> {
        self.http.cancel(receipt).await
    }

    /// The result of a completed order, small or large, as a response to read whole or as a stream.
    ///
    /// # Errors
    /// [`Error::Problem`] if the order failed, [`Error::InvalidInput`] if it has no result,
    /// [`Error::UrlRefused`] if S3 refuses even a fresh URL, [`Error::Unreachable`].
    pub async fn result(&self, receipt: &Receipt, status: &StatusObject) -> Result<reqwest::Response, Error> {
        if status.status != Status::Completed {
            return Err(match &status.error {
                Some(problem) => Error::Problem(Box::new(problem.clone())),
                None => Error::InvalidInput(format!("a {} order has no result", status.status.as_str())),
            });
        }
        let Some(url) = &status.result_url else {
            let json = status.result.as_ref().map_or_else(|| "null".to_owned(), ToString::to_string);
            return Ok(http::Response::new(json).into());
        };
        let why = match self.http.download(url).await? {
            Ok(response) => return Ok(response),
            Err(why) => why,
        };
        let refused = || Error::UrlRefused(format!("the result cannot be read: {why}"));
        let fresh = self.status(receipt).await?.object.result_url.ok_or_else(refused)?;
        self.http.download(&fresh).await?.map_err(|_| refused())
    }
}
