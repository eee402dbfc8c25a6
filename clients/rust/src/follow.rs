//! Follows one order to its end, by looking at its status object as seldom as its schedule allows.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use futures_util::{Stream, stream};
use reqwest::header::HeaderValue;
use tokio::time::{Instant, sleep, timeout_at};

use crate::{
    backoff,
    client::Target,
    clock::{self, Clock},
    error::Error,
    events::Events,
    http::{Http, Looked},
    look::Look,
    plan::{Plan, jittered},
    receipt::Receipt,
    status::{EtaWindow, StatusObject, StatusView},
};

/// The clock is asked at least so often, because the timers of a machine that slept count only the time it was awake.
const SLICE: Duration = Duration::from_secs(10);

/// An order to be followed.
#[derive(Debug)]
pub struct Follow {
    http: Arc<Http>,
    receipt: Receipt,
    limit: Option<Duration>,
}

/// Something newer than before.
#[derive(Debug, Clone)]
pub struct Update {
    /// The status object.
    pub status: StatusObject,
    /// The text that it was read from, of S3 or of the api.
    pub text: String,
}

/// Requests that following an order has taken so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Looks {
    /// At S3.
    pub s3: u32,
    /// At the api: renewals of the URL.
    pub api: u32,
    /// Changes that the service told of by itself.
    pub told: u32,
}

/// How the service tells of changes by itself.
#[derive(Debug)]
enum Push {
    /// It offers to, at this URL; so often it is worth a try.
    Offered { url: String, tries: u32, last_id: Option<String> },
    /// It does.
    Open { url: String, tries: u32, events: Events },
    /// It does not: the schedule holds.
    Off,
}

/// What is known of an order's end.
#[derive(Debug, Clone, Copy)]
pub struct Estimate {
    /// When the order was placed, on the service's clock.
    pub placed_at: DateTime<Utc>,
    /// When it should be done, where that is known.
    pub window: Option<EtaWindow>,
    clock: Clock,
}

impl Estimate {
    /// The service's clock, when this machine's shows `local`.
    #[must_use]
    pub fn service_time(&self, local: DateTime<Utc>) -> DateTime<Utc> {
        self.clock.service_time(local)
    }
}

impl Follow {
    pub(crate) fn new(http: Arc<Http>, receipt: Receipt) -> Self {
        Self { http, receipt, limit: None }
    }

    /// Gives up after so long in all, with [`Error::TimedOut`]; the order goes on. No limit by default.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// The order's end.
    ///
    /// # Errors
    /// As [`Client::wait`](crate::Client::wait), and [`Error::TimedOut`].
    pub async fn end(self) -> Result<StatusObject, Error> {
        let mut following = self.start();
        let mut last = None;
        while let Some(Update { status, .. }) = following.next().await? {
            last = Some(status);
        }
        // It gives `None` only after the final one.
        last.ok_or_else(|| Error::Unreadable("the order has no status".to_owned()))
    }

    /// Each status object that is newer than the one before; the last one is final. Looks only while it is polled.
    pub fn updates(self) -> impl Stream<Item = Result<StatusObject, Error>> + Send {
        stream::try_unfold(self.start(), |mut following| async move {
            let update = following.next().await?;
            Ok(update.map(|update| (update.status, following)))
        })
    }

    /// Begins, to be asked for one update after the other.
    #[must_use]
    pub fn start(self) -> Following {
        let Self { http, receipt, limit } = self;
        let plan = Plan::begin(&receipt, http.clock(), clock::now());
        Following {
            plan,
            url: receipt.status_url.clone(),
            expires_at: receipt.status_url_expires_at,
            trusted: true,
            renewed: false,
            etag: None,
            unanswered: 0,
            revision: None,
            cancelled: false,
            ended: false,
            looks: Looks::default(),
            push: match receipt.links.as_ref().and_then(|links| links.events.clone()).filter(|_| http.push) {
                Some(url) => Push::Offered { url, tries: 2, last_id: None },
                None => Push::Off,
            },
            until: limit.map(|limit| Instant::now() + limit),
            http,
            receipt,
        }
    }
}

/// An order that is being followed.
#[derive(Debug)]
pub struct Following {
    http: Arc<Http>,
    receipt: Receipt,
    plan: Plan,
    url: Option<String>,
    expires_at: Option<DateTime<Utc>>,
    /// Whether the URL worked when it came, as far as its expiry tells. One that came dead is tried all the same: then
    /// the clocks are wrong.
    trusted: bool,
    /// Whether the URL was renewed since S3 last took one.
    renewed: bool,
    etag: Option<HeaderValue>,
    /// Looks in a row that S3 did not answer.
    unanswered: u32,
    /// The newest that was told.
    revision: Option<u64>,
    /// Whether a cancellation by this client has been heard of.
    cancelled: bool,
    ended: bool,
    looks: Looks,
    push: Push,
    until: Option<Instant>,
}

impl Following {
    /// Waits for something newer, and tells it; `None` once the end has been told. Dropping the future loses nothing.
    ///
    /// # Errors
    /// As [`Client::wait`](crate::Client::wait), and [`Error::TimedOut`].
    pub async fn next(&mut self) -> Result<Option<Update>, Error> {
        if self.ended {
            return Ok(None);
        }
        let update = match self.until {
            None => self.newer().await,
            Some(until) => timeout_at(until, self.newer()).await.map_err(|_| Error::TimedOut)?,
        }?;
        self.revision = Some(update.status.revision);
        self.ended = update.status.done;
        Ok(Some(update))
    }

    /// What is known of the order's end.
    #[must_use]
    pub fn estimate(&self) -> Estimate {
        Estimate { placed_at: self.plan.origin, window: self.plan.window(), clock: self.http.clock() }
    }

    /// Requests that it has taken so far.
    #[must_use]
    pub fn looks(&self) -> Looks {
        self.looks
    }

    async fn newer(&mut self) -> Result<Update, Error> {
        loop {
            if let Some(update) = self.step().await? {
                return Ok(update);
            }
        }
    }

    /// Waits until it is time, and looks once.
    async fn step(&mut self) -> Result<Option<Update>, Error> {
        if !matches!(self.push, Push::Off) {
            return Ok(self.hear().await);
        }
        let Some(url) = self.url.clone() else { return self.renew().await };
        if let Some(view) = self.pass().await {
            return Ok(self.hear_of_cancellation(view));
        }
        if self.has_expired() {
            return self.renew().await;
        }
        let Looked { look, at, etag } = self.http.look(&url, self.etag.as_ref()).await;
        self.looks.s3 += 1;
        self.etag = etag;
        match look {
            Look::Unchanged => {
                (self.renewed, self.unanswered) = (false, 0);
                Ok(self.learn(None, at))
            }
            Look::Object(object, text) => {
                (self.renewed, self.unanswered) = (false, 0);
                Ok(self.learn(Some(Update { status: *object, text }), at))
            }
            Look::Refused(why) if self.renewed && !self.has_expired() => {
                Err(Error::UrlRefused(format!("the status object cannot be read by a fresh URL either: {why}")))
            }
            Look::Refused(_) => self.renew().await,
            Look::Unavailable(why) => {
                self.unanswered += 1;
                if self.unanswered == backoff::UNANSWERED_MAX {
                    return Err(Error::Unreachable(format!("the status object cannot be read: {why}")));
                }
                let wait = backoff::LOOK.delay(self.unanswered, clock::unit_random());
                self.http.back_off(Target::Look, self.unanswered, wait, why).await;
                Ok(None)
            }
        }
    }

    /// Hears one change that the service tells of; or notes that it does not, whereupon the schedule holds.
    async fn hear(&mut self) -> Option<Update> {
        match &mut self.push {
            Push::Offered { url, tries, last_id } => {
                let opened = self.http.listen(url, &self.receipt, last_id.clone()).await;
                let (url, tries) = (std::mem::take(url), *tries - 1);
                self.push = match opened {
                    Some(events) => Push::Open { url, tries, events },
                    None => Push::Off,
                };
                None
            }
            Push::Open { url, tries, events } => {
                let heard = tokio::select! {
                    biased;
                    view = self.http.cancellations.of(&self.receipt.id), if !self.cancelled => Err(view),
                    data = events.next() => Ok(data),
                };
                match heard {
                    Err(view) => self.hear_of_cancellation(view),
                    Ok(Some(text)) => {
                        let status: StatusObject = serde_json::from_str(&text).ok()?;
                        self.looks.told += 1;
                        // The schedule would go on from here.
                        self.learn(Some(Update { status, text }), clock::now())
                    }
                    // It broke off: once more, from where it was.
                    Ok(None) if *tries > 0 => {
                        let last_id = events.last_id.take();
                        self.push = Push::Offered { url: std::mem::take(url), tries: *tries, last_id };
                        None
                    }
                    Ok(None) => {
                        self.push = Push::Off;
                        None
                    }
                }
            }
            Push::Off => None,
        }
    }

    /// Lets the time until the next look pass; or gives the answer to a cancellation that came meanwhile.
    async fn pass(&self) -> Option<StatusView> {
        // A look that S3 did not answer has been waited for already.
        if self.unanswered > 0 {
            return None;
        }
        let wait = jittered(self.plan.until_look(self.http.clock(), clock::now()), clock::unit_random());
        let waited = pause(wait);
        if self.cancelled {
            waited.await;
            return None;
        }
        tokio::select! {
            biased;
            view = self.http.cancellations.of(&self.receipt.id) => Some(view),
            () = waited => None,
        }
    }

    fn hear_of_cancellation(&mut self, view: StatusView) -> Option<Update> {
        self.cancelled = true;
        let StatusView { object, status_url, status_url_expires_at } = view;
        self.adopt(status_url, status_url_expires_at);
        self.plan = self.plan.hurry(self.http.clock(), clock::now());
        let text = serde_json::to_string(&object).unwrap_or_default();
        Some(Update { status: object, text }).filter(|update| self.is_newer(update))
    }

    /// Plans on, after a look that was begun at `at`.
    fn learn(&mut self, found: Option<Update>, at: DateTime<Utc>) -> Option<Update> {
        let news = found.filter(|update| self.is_newer(update));
        self.plan = self.plan.looked(news.as_ref().map(|update| &update.status), self.http.clock(), at);
        news
    }

    fn is_newer(&self, update: &Update) -> bool {
        self.revision.is_none_or(|revision| update.status.revision > revision)
    }

    async fn renew(&mut self) -> Result<Option<Update>, Error> {
        let at = clock::now();
        let (StatusView { object, status_url, status_url_expires_at }, text) = self.http.status(&self.receipt).await?;
        self.looks.api += 1;
        self.renewed = true;
        self.adopt(status_url, status_url_expires_at);
        Ok(self.learn(Some(Update { status: object, text }), at))
    }

    fn adopt(&mut self, url: String, expires_at: Option<DateTime<Utc>>) {
        (self.url, self.expires_at, self.trusted) = (Some(url), expires_at, true);
        self.trusted = !self.has_expired();
    }

    /// Looks may be further apart than a URL lives.
    fn has_expired(&self) -> bool {
        let now = self.http.clock().service_time(clock::now());
        self.trusted && self.expires_at.is_some_and(|at| now >= at)
    }
}

/// Waits until `wait` has passed, by timers or by the clock, whichever is first.
async fn pause(wait: Duration) {
    let (start, end) = (clock::now(), Instant::now() + wait);
    loop {
        let slept = (clock::now() - start).to_std().unwrap_or_default();
        let left = end.saturating_duration_since(Instant::now()).min(wait.saturating_sub(slept));
        if left.is_zero() {
            return;
        }
        sleep(left.min(SLICE)).await;
    }
}
