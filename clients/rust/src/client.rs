//! The client.

use std::{fmt, sync::Arc, time::Duration};

use serde::Serialize;
use url::Url;

use crate::{
    error::{Error, Problem},
    follow::Follow,
    http::Http,
    receipt::Receipt,
    status::{Status, StatusObject, StatusView},
    submit::Submit,
};

/// Places orders with one service and follows them. Cheap to clone; clones share what they know of the service's clock.
///
/// It has no state that matters: a [`Receipt`] is all that is needed to go on after a restart, with any client.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) http: Arc<Http>,
}

/// Who is told of failures that are tried again.
pub(crate) type OnRetry = Arc<dyn Fn(&Retry) + Send + Sync>;

/// How a client is made.
#[derive(Default)]
pub struct Builder {
    http: Option<reqwest::Client>,
    on_retry: Option<OnRetry>,
    no_push: bool,
}

/// A failure that is tried again: what [`Builder::on_retry`] is told before each wait.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Retry {
    /// What is tried again.
    pub target: Target,
    /// How often it has failed in a row.
    pub failures: u32,
    /// How long until the next try.
    pub wait: Duration,
    /// What was wrong.
    pub reason: String,
}

/// Which request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// The order, to the api.
    Submit,
    /// The order's status, by the api.
    Status,
    /// The cancellation, to the api.
    Cancel,
    /// The status object, at S3.
    Look,
    /// The result, at S3.
    Result,
}

impl Builder {
    /// Sends requests through this client. It must not add credentials of its own: S3 refuses a presigned URL that comes
    /// with any.
    #[must_use]
    pub fn http(mut self, http: reqwest::Client) -> Self {
        self.http = Some(http);
        self
    }

    /// Whether to listen for changes where the service tells of them; it does by default. Without, orders are followed by
    /// looks at S3 alone, by the schedule.
    #[must_use]
    pub fn push(mut self, push: bool) -> Self {
        self.no_push = !push;
        self
    }

    /// Calls `told` with each failure that is tried again, before the wait.
    #[must_use]
    pub fn on_retry(mut self, told: impl Fn(&Retry) + Send + Sync + 'static) -> Self {
        self.on_retry = Some(Arc::new(told));
        self
    }

    /// The client of the api at `api`, such as `https://api.example.com`; a path is kept. Sends nothing yet.
    ///
    /// # Errors
    /// [`Error::Invalid`] if that is no http or https URL, or TLS cannot be set up.
    pub fn build(self, api: &str) -> Result<Client, Error> {
        let url = Url::parse(api).ok().filter(|u| matches!(u.scheme(), "http" | "https") && u.host().is_some());
        let url = url.filter(|u| u.query().is_none() && u.fragment().is_none());
        let url = url.ok_or_else(|| Error::Invalid("the api's URL is http://HOST:PORT or https://HOST".to_owned()))?;
        let http = match self.http {
            Some(http) => http,
            None => reqwest_client()?,
        };
        let base = url.as_str().trim_end_matches('/').to_owned();
        Ok(Client { http: Arc::new(Http::new(http, base, self.on_retry, !self.no_push)) })
    }
}

fn reqwest_client() -> Result<reqwest::Client, Error> {
    // An error means that the program has chosen its cryptography, which serves as well.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder()
        .user_agent(concat!("offload-client/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(5))
        .read_timeout(Duration::from_secs(60))
        .build()
        .map_err(|e| Error::Invalid(format!("cannot set up HTTP: {}", crate::answer::cause(e))))
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").finish_non_exhaustive()
    }
}

impl Client {
    /// A client of the api at `api` with nothing special about it.
    ///
    /// # Errors
    /// As [`Builder::build`].
    pub fn new(api: &str) -> Result<Self, Error> {
        Self::builder().build(api)
    }

    /// To make a client that is special.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Places an order. Tries again while the service does not answer or asks for patience, always with the same key, so
    /// that it is one order.
    pub fn submit(&self, order: &impl Serialize) -> Submit<'_> {
        Submit::new(self, order)
    }

    /// The same with an order that is JSON text already, which is sent as it is, to the last digit. Its options
    /// stand in it already.
    pub fn submit_text(&self, order: &str) -> Submit<'_> {
        Submit::text(self, order)
    }

    /// Waits for the end of an order: `completed`, `failed` or `cancelled`.
    ///
    /// # Errors
    /// [`Error::Refused`] if the api does not know the order or its token, [`Error::Unreachable`] if S3 does not answer
    /// for about a minute, [`Error::UrlRefused`] if even a fresh status URL is refused.
    pub async fn wait(&self, receipt: &Receipt) -> Result<StatusObject, Error> {
        self.follow(receipt).end().await
    }

    /// Follows an order by hand: with a limit, or with each update.
    #[must_use]
    pub fn follow(&self, receipt: &Receipt) -> Follow {
        Follow::new(Arc::clone(&self.http), receipt.clone())
    }

    /// What the api itself says of an order, with fresh URLs. For one look; [`wait`](Self::wait) costs the service less.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Unreachable`].
    pub async fn status(&self, receipt: &Receipt) -> Result<StatusView, Error> {
        self.http.status(receipt).await.map(|(view, _)| view)
    }

    /// The same with the api's own text.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub async fn status_text(&self, receipt: &Receipt) -> Result<(StatusView, String), Error> {
        self.http.status(receipt).await
    }

    /// Asks for an order to be cancelled. One that is being worked on ends within seconds: whoever waits for it with this
    /// client looks soon.
    ///
    /// # Errors
    /// [`Error::Refused`] with the slug `order-already-ended` if it is completed or failed; [`Error::Unreachable`].
    pub async fn cancel(&self, receipt: &Receipt) -> Result<StatusView, Error> {
        self.http.cancel(receipt).await.map(|(view, _, _)| view)
    }

    /// The same with whether this call asked first, and the api's own text.
    ///
    /// # Errors
    /// As [`cancel`](Self::cancel).
    pub async fn cancel_text(&self, receipt: &Receipt) -> Result<(StatusView, bool, String), Error> {
        self.http.cancel(receipt).await
    }

    /// The bytes of a completed order's result, small or large, as a stream.
    ///
    /// # Errors
    /// [`Error::Refused`] if the order failed, [`Error::Invalid`] if it has no result, [`Error::UrlRefused`] if even a
    /// fresh URL of it is refused, [`Error::Unreachable`].
    pub async fn result(&self, receipt: &Receipt, ended: &StatusObject) -> Result<reqwest::Response, Error> {
        if ended.status != Status::Completed {
            return Err(match &ended.error {
                Some(problem) => Error::Refused(Box::new(Problem::clone(problem))),
                None => Error::Invalid(format!("a {} order has no result", ended.status.as_str())),
            });
        }
        let Some(url) = &ended.result_url else {
            let json = ended.result.as_ref().map_or_else(|| "null".to_owned(), ToString::to_string);
            return Ok(http_response(json));
        };
        let refused = match self.http.download(url).await? {
            Ok(response) => return Ok(response),
            Err(why) => why,
        };
        let gone = || Error::UrlRefused(format!("the result cannot be read: {refused}"));
        let fresh = self.status(receipt).await?.object.result_url.ok_or_else(gone)?;
        self.http.download(&fresh).await?.map_err(|_| gone())
    }
}

/// A small result, as if it had been downloaded.
fn http_response(json: String) -> reqwest::Response {
    reqwest::Response::from(http::Response::new(json))
}
