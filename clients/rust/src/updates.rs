//! The status updates of one order: pushed where the service does so, and polled from S3 elsewhere.

use std::{fmt, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use futures_util::{Stream, stream};
use reqwest::header::HeaderValue;
use tokio::time::{Instant, timeout_at};

use crate::{
    clock::{self, Clock},
    error::Error,
    http::{Http, Poll},
    plan::{Plan, jittered},
    push::Subscription,
    receipt::Receipt,
    response::ApiResponse,
    retry::{self, RequestKind},
    s3::PollResponse,
    status::{EtaWindow, StatusObject},
    status_url::StatusUrl,
    view::StatusView,
};

/// The status updates of one order, each newer than the one before; the last one is final.
///
/// Requests are sent only while [`next`](Self::next), or a future or stream made of this, is
/// polled.
#[must_use = "nothing is requested until this is polled"]
pub struct Updates {
    http: Arc<Http>,
    receipt: Receipt,
    deadline: Option<Instant>,
    /// The newest revision returned.
    revision: Option<u64>,
    ended: bool,
    /// Whether a cancellation by this client has been taken into account.
    cancelled: bool,
    counts: Counts,
    /// `None` where the service does not push, and the schedule applies.
    subscription: Option<Subscription>,
    plan: Plan,
    url: StatusUrl,
    etag: Option<HeaderValue>,
    /// Failed polls in a row.
    failures: u32,
}

/// A status object that is newer than the one before.
#[derive(Clone)]
pub struct Update {
    /// The status object.
    pub status: StatusObject,
    /// The text that it was parsed from: the object in S3, an event, or a response of the api.
    pub text: String,
}

/// How the status updates of an order were received.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Polls of the status object in S3.
    pub polls: u32,
    /// Renewals of its URL by the api.
    pub renewals: u32,
    /// Events that the service pushed.
    pub events: u32,
}

/// When an order is expected to be done, as far as is known.
#[derive(Debug, Clone)]
pub struct Estimate {
    /// When the order was accepted, on the service's clock.
    pub accepted_at: DateTime<Utc>,
    /// When it should be done, where that is known.
    pub eta: Option<EtaWindow>,
    clock: Clock,
}

impl Estimate {
    /// The time on the service's clock when it is `local` on this machine's.
    #[must_use]
    pub fn service_time(&self, local: DateTime<Utc>) -> DateTime<Utc> {
        self.clock.service_time(local)
    }
}

impl Updates {
    pub(crate) fn new(http: Arc<Http>, receipt: Receipt) -> Self {
        Self {
            deadline: None,
            revision: None,
            ended: false,
            cancelled: false,
            counts: Counts::default(),
            subscription: Subscription::offered(&receipt).filter(|_| http.push),
            plan: Plan::new(&receipt, http.clock(), clock::now()),
            url: StatusUrl::new(&receipt),
            etag: None,
            failures: 0,
            http,
            receipt,
        }
    }

    /// Ends with [`Error::Timeout`] after `limit`, counted from this call; the order goes on. No
    /// limit by default.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.deadline = Some(Instant::now() + limit);
        self
    }

    /// Waits for the next update; `None` after the final one. Dropping the future loses nothing.
    ///
    /// # Errors
    /// As [`Client::wait`](crate::Client::wait), and [`Error::Timeout`].
    pub async fn next(&mut self) -> Result<Option<Update>, Error> {
        if self.ended {
            return Ok(None);
        }
        let update = match self.deadline {
            None => self.newer().await,
            Some(deadline) => timeout_at(deadline, self.newer()).await.map_err(|_| Error::Timeout)?,
        }?;
        self.revision = Some(update.status.revision);
        self.ended = update.status.done;
        Ok(Some(update))
    }

    /// Waits for the final status.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn wait(mut self) -> Result<StatusObject, Error> {
        let mut last = None;
        while let Some(update) = self.next().await? {
            last = Some(update.status);
        }
        // `None` comes only after the final status.
        last.ok_or_else(|| Error::InvalidResponse("the order has no status".to_owned()))
    }

    /// The updates as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<StatusObject, Error>> + Send {
        stream::try_unfold(self, |mut updates| async move {
            let update = updates.next().await?;
            Ok(update.map(|update| (update.status, updates)))
        })
    }

    /// When the order is expected to be done.
    #[must_use]
    pub fn estimate(&self) -> Estimate {
        Estimate { accepted_at: self.plan.origin, eta: self.plan.eta(), clock: self.http.clock() }
    }

    /// How the updates so far were received.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    async fn newer(&mut self) -> Result<Update, Error> {
        loop {
            let (http, id) = (Arc::clone(&self.http), self.receipt.id.clone());
            let update = tokio::select! {
                biased;
                response = http.cancellations.of(&id), if !self.cancelled => self.take_cancellation(response),
                update = self.step() => update?,
            };
            if let Some(update) = update {
                return Ok(update);
            }
        }
    }

    /// Waits for one event or makes one poll. `None` if that brought nothing newer.
    async fn step(&mut self) -> Result<Option<Update>, Error> {
        let Some(subscription) = &mut self.subscription else { return self.poll().await };
        let Some(text) = subscription.next(&self.http, &self.receipt).await else {
            self.subscription = None;
            return Ok(None);
        };
        let Ok(status) = serde_json::from_str(&text) else { return Ok(None) };
        self.counts.events += 1;
        // The schedule would continue from here.
        Ok(self.take(Some(Update { status, text }), clock::now()))
    }

    /// Waits until the next poll is due, and polls once.
    async fn poll(&mut self) -> Result<Option<Update>, Error> {
        // After a failed poll the wait is over already.
        if self.failures == 0 {
            let wait = self.plan.until_poll(self.http.clock(), clock::now());
            clock::sleep(jittered(wait, clock::unit_random())).await;
        }
        let Some(url) = self.url.get(self.service_time()) else { return self.renew().await };
        let Poll { response, sent_at, etag, retry_after } = self.http.poll(url, self.etag.as_ref()).await;
        self.counts.polls += 1;
        self.etag = etag;
        let update = match response {
            PollResponse::Unchanged => None,
            PollResponse::Object(status, text) => Some(Update { status: *status, text }),
            PollResponse::Refused(why) if self.url.is_hopeless(self.service_time()) => {
                return Err(Error::UrlRefused(format!("S3 refuses even a fresh status URL: {why}")));
            }
            PollResponse::Refused(_) => return self.renew().await,
            PollResponse::Unavailable(why) => {
                self.failures += 1;
                if self.failures == retry::POLL_ATTEMPTS {
                    return Err(Error::Unreachable(format!("the status object cannot be read: {why}")));
                }
                let wait = retry::POLL_BACKOFF.delay(self.failures, clock::unit_random());
                let wait = wait.max(retry_after.unwrap_or_default());
                self.http.back_off(RequestKind::Poll, self.failures, wait, why).await;
                return Ok(None);
            }
        };
        self.url.accepted();
        self.failures = 0;
        Ok(self.take(update, sent_at))
    }

    /// Gets the status and a fresh URL from the api.
    async fn renew(&mut self) -> Result<Option<Update>, Error> {
        let sent_at = clock::now();
        let response = self.http.status(&self.receipt).await?;
        self.counts.renewals += 1;
        self.url.renew(&response.body, self.service_time());
        Ok(self.take(Some(response.into()), sent_at))
    }

    fn take_cancellation(&mut self, response: ApiResponse<StatusView>) -> Option<Update> {
        self.cancelled = true;
        self.url.renew(&response.body, self.service_time());
        self.plan = self.plan.cancelled(self.http.clock(), clock::now());
        Some(Update::from(response)).filter(|update| self.is_newer(update))
    }

    /// Updates the schedule after a request that was sent at `sent_at`. `None` if it brought
    /// nothing newer.
    fn take(&mut self, update: Option<Update>, sent_at: DateTime<Utc>) -> Option<Update> {
        let newer = update.filter(|update| self.is_newer(update));
        self.plan = self.plan.polled(newer.as_ref().map(|update| &update.status), self.http.clock(), sent_at);
        newer
    }

    fn is_newer(&self, update: &Update) -> bool {
        self.revision.is_none_or(|revision| update.status.revision > revision)
    }

    fn service_time(&self) -> DateTime<Utc> {
        self.http.clock().service_time(clock::now())
    }
}

impl From<ApiResponse<StatusView>> for Update {
    fn from(response: ApiResponse<StatusView>) -> Self {
        Self { status: response.body.object, text: response.text }
    }
}

impl fmt::Debug for Updates {
    /// Without the status URL, which is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Updates")
            .field("receipt", &self.receipt)
            .field("revision", &self.revision)
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Update {
    /// Without the text, which holds secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.status.fmt(f)
    }
}
